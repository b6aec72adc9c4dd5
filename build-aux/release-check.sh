#!/bin/sh
# SPDX-License-Identifier: MIT
# Everything that a release must pass beyond .ci/run: release-check.sh [STEP...], by default all steps. Runs as root on
# Debian, in a checkout, after ./autogen.sh --deps=release; takes two or three hours on two processors. JOBS=N: so many
# steps at a time; by default one. After a failed step it goes on; the summary has a line for each step.
set -eu
cd "$(dirname "$0")/.."
[ -e debian/control ] || {
	echo "$0: debian/ is missing: run this in a checkout, the tarball has no debian/" >&2
	exit 1
}

quietly()
{
	"$@" >"$work/log" 2>&1 || {
		tail -n 300 "$work/log"
		exit 1
	}
}

# A copy, since the checkout may be configured.
copied()
{
	build-aux/copy.sh "$work/tree"
	quietly "$work/tree/autogen.sh"
	mkdir "$work/build"
	cd "$work/build"
}

# The tarball of a commit is the same bytes each time it is made: from two clones, with other times and another umask.
tarball()
{
	for umask in 022 077; do
		(
			umask "$umask"
			git clone -q "$top" "$work/clone-$umask"
			cd "$work/clone-$umask"
			quietly ./autogen.sh
			quietly ./configure
			quietly make dist
		)
		sleep 1
	done
	cmp "$work"/clone-*/libshmemq-*.tar.xz
	sha256sum "$work"/clone-022/libshmemq-*.tar.xz | sed 's|/.*/||'
}

# Shows the HTML manual to a browser.
html()
{
	copied
	quietly ../tree/configure
	make check-html
}

# Builds in a clean Debian with nothing but the build dependencies, without network, as an ordinary user.
build() # DIRECTORY SBUILD-OPTION...
{
	mkdir -p "$work/$1"
	cd "$work/$1"
	shift
	quietly sbuild --chroot-mode=unshare --chroot="$work/system.tar.gz" --dist=UNRELEASED --verbose --nolog \
		--no-run-lintian "$@" "$work"/source/*.dsc
	cd "$top"
}

# Builds the packages of $RELEASE with the suite, in the two parts that the archive's builders make.
packages()
{
	build-aux/debian.sh "$work/system.tar.gz" --variant=buildd
	quietly build-aux/debs.sh "$work/source" -S
	build debs --no-arch-all
	grep -E '^# (TOTAL|PASS|SKIP|FAIL|ERROR):' "$work/log"
	build debs --arch-all --no-arch-any
}

# Lints the packages; installs and purges them, after which nothing may be left; runs debian/tests with them.
packages_test()
{
	(cd "$work" && ls ./*/*.deb)
	# These two tags hold until the first upload.
	lintian --allow-root --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs,unreleased-changes \
		"$work"/source/*.changes "$work"/debs/*.changes
	tags=hardening-no-bindnow,hardening-no-pie,hardening-no-relro,file-references-package-build-path
	lintian --allow-root --fail-on info --tags "$tags" "$work"/debs/*.changes
	# Something else than systemd makes users, since it leaves directories when it is purged.
	quietly piuparts --keep-sources-list --fake-essential-packages=systemd-standalone-sysusers \
		--basetgz="$work/system.tar.gz" "$work"/debs/*.deb
	grep ': PASS: ' "$work/log"
	quietly autopkgtest --apt-upgrade "$work"/debs/*.deb "$work"/source/*.dsc -- \
		unshare --tarball="$work/system.tar.gz"
	sed -n '/@ summary$/,$p' "$work/log"
}

# For this machine's release, and for another architecture.
debs()
{
	packages
	# Without the package for Python, which would need an arm64 Python that runs.
	build arm64 --host=arm64 --profiles=cross,nocheck,nopython
	packages_test
}

# The same on the release after it.
trixie()
{
	export RELEASE=trixie
	packages
	packages_test
}

# The packages of RPM's systems, from the tarball: made, linted, unpacked into a directory, where the command runs, and
# removed, after which no file is left. What they need is this machine's, of which rpm knows nothing: --nodeps.
rpms()
{
	copied
	quietly ../tree/configure
	quietly make dist
	quietly rpmbuild -ta --nodeps --without check --define "_topdir $work/rpm" libshmemq-*.tar.xz
	rpmlint "$work/tree/packaging/rpm/libshmemq.spec"
	(cd "$work" && ls rpm/RPMS/*/*.rpm)
	root=$work/rpm/root
	quietly rpm --root "$root" --install --nodeps "$work"/rpm/RPMS/*/*.rpm
	LD_LIBRARY_PATH="$root/usr/lib64" "$root/usr/bin/shmemq" --version
	# shellcheck disable=SC2046 # a list of words
	quietly rpm --root "$root" --erase --nodeps $(rpm --root "$root" --query --all)
	left=$(find "$root" -name .rpmdb -prune -o ! -type d -print)
	[ -z "$left" ] || {
		echo "left: $left"
		return 1
	}
}

# Two builds of the packages are the same bytes: with another time, directory, locale, umask, order of files and so on.
reproduce()
{
	build-aux/copy.sh "$work/tree"
	quietly reprotest --variations=+all,-user_group \
		--build-command='DEB_BUILD_OPTIONS=nocheck build-aux/debs.sh out -b -Pnocheck' "$work/tree" 'out/*.deb'
	sed -n '/^No differences/p' "$work/log"
}

# Runs README's line that makes and installs the packages, in a clean Debian.
readme()
{
	build-aux/copy.sh "$work/tree"
	git -C "$work/tree" init -q
	git -C "$work/tree" add -f .
	sed -n 's/^    \(.*debs\.sh.*\)/set -eu; cd tree; \1/p' README | tee "$work/line"
	# Nobody is there to answer apt, and the suite has run elsewhere.
	sed -i "s/DEB_BUILD_OPTIONS=\(noautodbgsym\)/DEB_BUILD_OPTIONS='nocheck \1'/; s/apt install/& -y/" "$work/line"
	# shellcheck disable=SC2016 # for mmdebstrap
	quietly build-aux/debian.sh - --variant=apt --format=null --include=sudo \
		--customize-hook="copy-in $work/tree $work/line /" --customize-hook='chroot "$1" sh /line'
	grep '^Setting up .*shmemq.* (' "$work/log"
	if grep '^Setting up .*-dbgsym' "$work/log"; then
		return 1
	fi
}

# The machines that .ci/run does not have.
cross()
{
	build-aux/cross.sh i386-semaphores arm64 armhf armel riscv64 s390x
}

# One step, with what it prints and its result in files of DIRECTORY. The former is shown when it ends: steps that run
# at the same time would mix their lines.
step() # DIRECTORY STEP
{
	begun=$(date +%s)
	status=0
	echo "== $2 begins"
	unshare --mount build-aux/release-check.sh --inside "$2" >"$1/$2.log" 2>&1 || status=$?
	case $status in
	0) result=passed ;;
	# A release needs every step to have run.
	77) result='failed (skipped)' ;;
	*) result=failed ;;
	esac
	printf '%-10s %s, %d s\n' "$2" "$result" $(($(date +%s) - begun)) >"$1/$2.result"
	flock "$1" cat "$1/$2.log" "$1/$2.result"
}

top=$PWD
case ${1-} in
--step)
	step "$2" "$3"
	exit
	;;
--inside)
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
	chmod 755 "$work" # sbuild and autopkgtest read it as an ordinary user
	# sbuild and autopkgtest need subordinate users, which root has not by default.
	echo root:100000:65536 >"$work/subordinate"
	mount --bind "$work/subordinate" /etc/subuid
	mount --bind "$work/subordinate" /etc/subgid
	# Its own, since steps that run at the same time would meet each other's queues.
	mount -t tmpfs -o mode=1777 shm /dev/shm
	case $2 in
	guest | odd) "build-aux/$2.sh" ;;
	*) "$2" ;;
	esac
	exit
	;;
esac

# The longest first.
steps='guest cross odd debs trixie reproduce readme rpms html tarball'
# shellcheck disable=SC2086 # a list of words
[ $# -gt 0 ] || set -- $steps
for name in "$@"; do
	case " $steps " in
	*" $name "*) ;;
	*)
		echo "release-check: unknown step $name: the steps are $steps" >&2
		exit 2
		;;
	esac
done
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
trap 'exit 1' HUP INT TERM
printf '%s\n' "$@" | xargs -P "${JOBS:-1}" -I STEP build-aux/release-check.sh --step "$results" STEP
echo
for name in "$@"; do
	cat "$results/$name.result"
done
passed=$(cat "$results"/*.result | grep -c ' passed, ' || :)
echo "release-check: $passed passed, $(($# - passed)) failed"
[ "$passed" -eq $# ]
