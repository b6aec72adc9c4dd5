#!/bin/sh
# SPDX-License-Identifier: MIT
# Everything that a release has to pass beyond .ci/run: make release-check, or with the names of some steps. As root, on
# Debian, in a checkout, after ./autogen.sh --deps=release. About an hour. A step that fails does not end it; at the end
# there is a line for each.
set -eu
cd "$(dirname "$0")/.."
[ -e debian/control ] || {
	echo "$0: no debian/ here: it is in the repository, not in the tarball" >&2
	exit 1
}

quietly()
{
	"$@" >"$work/log" 2>&1 || {
		tail -n 300 "$work/log"
		exit 1
	}
}

as_nobody()
{
	setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME=/nonexistent "$@"
}

# The checkout may be configured; a copy of it is not.
copied()
{
	build-aux/copy.sh "$work/tree"
	quietly "$work/tree/autogen.sh"
	mkdir "$work/build"
	cd "$work/build"
}

distcheck()
{
	copied
	quietly ../tree/configure
	quietly make distcheck
	grep 'archives ready' "$work/log"
}

abi()
{
	copied
	quietly ../tree/configure --disable-static CFLAGS='-g -O2'
	quietly make -j"$(nproc)"
	make abi-check MAY_SKIP=no
}

# Built and tested as an ordinary user, then in parts, without tests.
debs()
{
	mkdir "$work/debs"
	build-aux/copy.sh "$work/tree"
	git -C "$work/tree" init -q
	git -C "$work/tree" add -f .
	chown -R nobody "$work/debs" "$work/tree"
	quietly as_nobody "$work/tree/build-aux/debs.sh" "$work/debs"
	# What is true until the upload.
	as_nobody lintian --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs,unreleased-changes \
		"$work"/debs/*.changes
	as_nobody lintian --fail-on info --tags hardening-no-bindnow,hardening-no-pie,hardening-no-relro \
		"$work"/debs/*.changes
	for part in -A -B; do
		quietly env DEB_BUILD_OPTIONS=nocheck build-aux/debs.sh "$work/part$part" "$part" -Pnocheck
	done
	(cd "$work" && ls debs/*.deb part-*/*.deb)
}

# The packages of another architecture, in a clean Debian of this one, as the archive's cross builders make them.
crossdebs()
{
	build-aux/debian.sh "$work/system" --variant=apt --architectures="$(dpkg --print-architecture),arm64" \
		--include=crossbuild-essential-arm64
	cp /etc/resolv.conf "$work/system/etc/"
	build-aux/copy.sh "$work/system/src"
	quietly build-aux/debs.sh --orig "$work/system/debs"
	# shellcheck disable=SC2016 # for the inner shell
	quietly unshare --mount sh -euc '
		mount -t proc proc "$1/proc"
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
			DEBIAN_FRONTEND=noninteractive chroot "$1" sh -euc "
				cd /src
				apt-get -q update
				apt-get -q -y build-dep --no-install-recommends -aarm64 -Pcross,nocheck ./
				build-aux/debs.sh /debs -B -aarm64 -Pcross,nocheck"
	' sh "$work/system"
	ls "$work"/system/debs/*_arm64.deb
}

if [ "${1-}" = --inside ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
	chmod 755 "$work" # for the ordinary user who builds
	case $2 in
	abi | crossdebs | debs | distcheck) "$2" ;;
	cross | odd | reproduce | stranger) "build-aux/$2.sh" ;;
	esac
	exit
fi

[ $# -gt 0 ] || set -- distcheck abi debs crossdebs stranger reproduce odd cross
for name in "$@"; do
	case $name in
	abi | cross | crossdebs | debs | distcheck | odd | reproduce | stranger) ;;
	*)
		echo "release-check: no step $name" >&2
		exit 2
		;;
	esac
done
summary=
failed=0
for name in "$@"; do
	echo "== $name"
	begun=$(date +%s)
	status=0
	build-aux/release-check.sh --inside "$name" || status=$?
	case $status in
	0) result=passed ;;
	# A release is not made where something cannot be tried.
	77) result='failed (skipped)' ;;
	*) result=failed ;;
	esac
	[ "$status" -eq 0 ] || failed=$((failed + 1))
	line=$(printf '%-10s %s, %d s' "$name" "$result" $(($(date +%s) - begun)))
	echo "== $line"
	echo
	summary="$summary$line
"
done
printf '%s' "$summary"
echo "release-check: $(($# - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
