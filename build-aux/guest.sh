#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the library for arm64, boots Debian's kernel for it in an emulated machine of four processors, and runs there
# the library's suites of make check, then the stress tests for longer: guest.sh [CPU...], by default each of those
# below. Runs on Debian; ./autogen.sh --deps=release installs what it needs. TEST_SECONDS and TEST_SEED are for the
# stress tests; KERNEL=FILE boots another kernel; KEEP=DIRECTORY keeps the builds and the logs.
set -eu
cd "$(dirname "$0")/.."
if [ -n "${KEEP-}" ]; then
	mkdir -p "$KEEP"
	work=$(cd "$KEEP" && pwd)
else
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
fi
trap 'exit 1' HUP INT TERM
# Compiled code asks the processor: the first has only exclusive loads and stores, the second also atomic instructions.
[ $# -gt 0 ] || set -- cortex-a72 max,pauth-impdef=on
root=$work/root

quietly() # LOG COMMAND...
{
	log=$work/$1.log
	shift
	"$@" >"$log" 2>&1 || {
		tail -n 100 "$log"
		exit 1
	}
}

# The packages are unpacked, not installed: that would run programs of theirs.
unpack()
{
	packages=bash,bash-completion,coreutils,dash,diffutils,findutils,grep,libc-bin,make,mawk,mount,procps,sed,strace
	quietly root build-aux/debian.sh "$root" --variant=extract --architectures=arm64 \
		--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
		--include="$packages,util-linux,check,libsubunit-dev,linux-image-arm64"
	mv "$root"/boot/vmlinuz-* "$work/kernel"
	rm -r "${root:?}/boot" "$root/lib/modules"
	ln -s mawk "$root/usr/bin/awk"
	echo root:x:0:0::/root:/bin/sh >"$root/etc/passwd"
}

build()
(
	build-aux/copy.sh "$work/tree"
	[ -e "$work/tree/configure" ] || quietly autogen "$work/tree/autogen.sh"
	mkdir -p "$work/build" "$work/check"
	find "$root/usr" \( -name libcheck.a -o -name libsubunit.a -o -name 'check*.h' \) -exec cp {} "$work/check" \;
	cd "$work/build"
	libraries="$work/check/libcheck.a $work/check/libsubunit.a -pthread -lrt -lm"
	# Without C++: configure would take this machine's compiler, and pkg-config must not find its libraries. Without
	# dependencies: in the machine, make would miss the headers of the compiler's libc, and compile again.
	quietly configure env PKG_CONFIG_LIBDIR="$work/check" ../tree/configure --host=aarch64-linux-gnu CXX=no \
		--enable-werror --disable-dependency-tracking CHECK_CFLAGS="-I$work/check" CHECK_LIBS="$libraries"
	quietly make nice make -j"$(nproc)"
	quietly make-check nice make -j"$(nproc)" check TESTS=
)

# What the kernel starts. The build has the same path as here, so that make finds everything made.
write_init()
{
	cat >"$root/init" <<-EOF
		#!/bin/sh
		export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
		mount -t devtmpfs dev /dev
		mount -t proc proc /proc
		mount -t sysfs sys /sys
		mkdir /dev/shm
		ln -s /proc/self/fd /dev/fd
		mount -t tmpfs -o mode=1777 shm /dev/shm
		exec </dev/null
		stty -F /dev/console -onlcr
		cd $work/build
		echo "guest.sh: Linux \$(uname -r), \$(nproc) processors, pages of \$(getconf PAGESIZE)"
		status=0
		export CK_TIMEOUT_MULTIPLIER=20 # beside other work its processors are slow
		suites='$races'
		[ "\$SUITES" != all ] || suites="\$suites "'$others'
		make -kj4 check VERBOSE=1 TESTS="\$suites" >log 2>&1 || status=1
		[ \$status -eq 0 ] || tail -n 300 log
		grep -E '^# (TOTAL|PASS|SKIP|FAIL|ERROR):' log
		grep -A 3 '^SKIP: ' test-suite.log | grep -v '^SKIP\|^=\|^-*$'
		# Those of tests/step did all that they do.
		make -s stress SECONDS=${TEST_SECONDS:-20} SEED=${TEST_SEED-} \
			STRESS_TESTS="\$(find tests/stress -maxdepth 1 -type f -perm -u+x | tr '\n' ' ')" \
			>stress.log 2>&1 || status=2
		[ \$status -ne 2 ] || tail -n 100 stress.log
		grep -E ' violations\$|^skipped: ' stress.log
		echo "guest.sh: \$(cut -d. -f1 /proc/uptime) s, status \$status"
		echo o >/proc/sysrq-trigger
		sleep 60
	EOF
	chmod 755 "$root/init"
}

# A disk would need modules of the kernel, so all is in the file system that it begins with.
pack()
{
	mkdir -p "$root$work"
	cp -a "$work/tree" "$work/build" "$root$work/"
	(cd "$root" && find . | cpio --quiet -o -H newc) >"$work/initrd"
	rm -r "${root:?}$work"
}

boot() # CPU
{
	echo "guest.sh: $1"
	case $1 in
	max*) what=races ;;
	*) what=all ;;
	esac
	timeout 2h nice qemu-system-aarch64 -machine virt -cpu "$1" -accel tcg,thread=multi -smp 4 -m 4G -nodefaults \
		-nographic -serial stdio -no-reboot -kernel "${KERNEL:-$work/kernel}" -initrd "$work/initrd" \
		-append "console=ttyAMA0 quiet panic=-1 SUITES=$what" </dev/null | tee "$work/console"
	grep -q '^guest.sh: .* status 0$' "$work/console"
}

# The suites that depend on the machine and its kernel; cross.sh runs the others on arm64. With atomic instructions only
# those that depend on them most, and the single steps, which exclusive loads and stores do not allow.
# shellcheck disable=SC2016 # make's variables
races='$(INTERNAL_SUITES) $(STRESS_TESTS)'
# shellcheck disable=SC2016
others='tests/api/abi_first tests/step/syscall $(API_SUITES)'
[ -e "$work/kernel" ] || unpack
[ -e "$work/build/shmemq" ] || build
write_init
pack
status=0
for cpu in "$@"; do
	boot "$cpu" || status=1
done
exit "$status"
