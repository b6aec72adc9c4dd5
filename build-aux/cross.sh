#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the library for other machines and tests it: cross.sh [NAME...], by default all names listed below. The suite
# runs, in an emulator where needed; then the command built for that machine and this machine's own share queues.
# Runs on Debian, x86-64; ./autogen.sh --deps=release installs what it needs. KEEP=DIRECTORY keeps the builds.
set -eu
cd "$(dirname "$0")/.."
top=$PWD
if [ -n "${KEEP-}" ]; then
	mkdir -p "$KEEP"
	work=$(cd "$KEEP" && pwd)
else
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
fi
trap 'exit 1' HUP INT TERM

names='i386 i386-semaphores arm64 armhf armel riscv64 s390x musl musl-semaphores musl-static'
usage()
{
	echo "usage: $0 [NAME...], of $names" >&2
	exit 2
}

# Sets the variables for a name: triplet, cc (the compiler), options (of configure), emulator (empty if programs run
# directly), architecture (Debian's, from which Check is taken), shares (whether it shares queues with this machine).
describe()
{
	emulator=
	options=
	shares=yes
	case $1 in
	*-semaphores)
		options=--disable-futex
		shares=no
		;;
	*-static) options=--disable-shared ;;
	esac
	case $1 in
	i386*) triplet=i686-linux-gnu architecture=i386 ;;
	arm64) triplet=aarch64-linux-gnu architecture=arm64 emulator=aarch64 ;;
	armhf) triplet=arm-linux-gnueabihf architecture=armhf emulator=arm ;;
	# It has no 64-bit atomic instructions.
	armel) triplet=arm-linux-gnueabi architecture=armel emulator=arm ;;
	# Debian 12 has a compiler and libc for it, but no Check.
	riscv64) triplet=riscv64-linux-gnu emulator=riscv64 architecture= ;;
	s390x) triplet=s390x-linux-gnu architecture=s390x emulator=s390x shares=no ;;
	musl*) triplet=x86_64-linux-musl architecture= ;;
	*) usage ;;
	esac
	cc=$triplet-gcc
	case $1 in
	i386*)
		# The kernel runs its programs directly once they name that libc.
		libc=/usr/$triplet/lib
		cc="$cc -Wl,--dynamic-linker=$libc/ld-linux.so.2 -Wl,--disable-new-dtags -Wl,-rpath,$libc"
		;;
	# musl does not bring the kernel's headers.
	musl*) cc="musl-gcc -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu" ;;
	esac
	case $1 in
	# libtool would take -static as an option of its own.
	*-static) cc="$cc --static" ;;
	esac
}

# Extracts Check for another architecture from Debian's package.
check_of() # ARCHITECTURE
{
	directory=$work/check-$1
	[ ! -d "$directory" ] || return 0
	build-aux/debian.sh "$work/system-$1" --variant=extract --architectures="$1" --include=check,libsubunit-dev
	mkdir "$directory"
	find "$work/system-$1/usr" \( -name libcheck.a -o -name libsubunit.a -o -name 'check*.h' \) \
		-exec cp {} "$directory" \;
	rm -rf "$work/system-$1"
}

# Runs a command in a user namespace, which maps all users and where the kernel starts the emulator by itself.
emulated() # COMMAND...
{
	if [ -z "$emulator" ]; then
		"$@"
		return
	fi
	rm -f "$work/mapped"
	mkfifo "$work/mapped"
	# shellcheck disable=SC2016 # for the inner shell
	SHMEMQ_TEST_EMULATED=1 CK_TIMEOUT_MULTIPLIER=5 QEMU_LD_PREFIX=/usr/$triplet unshare --user --mount sh -euc '
		read -r _ <"$1"
		mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
		cat "$2" >/proc/sys/fs/binfmt_misc/register
		shift 2
		exec "$@"
	' sh "$work/mapped" "/usr/lib/binfmt.d/qemu-$emulator.conf" "$@" &
	inside=$!
	until [ "$(readlink /proc/self/ns/user)" != "$(readlink "/proc/$inside/ns/user")" ]; do
		sleep 0.1
	done
	echo '0 0 65536' >"/proc/$inside/uid_map"
	echo '0 0 65536' >"/proc/$inside/gid_map"
	echo >"$work/mapped"
	wait "$inside"
}

quietly() # LOG COMMAND...
{
	log=$1
	shift
	"$@" >"$log" 2>&1 || {
		tail -n 100 "$log"
		exit 1
	}
}

build() # NAME CONFIGURE-ARGUMENT...
{
	[ ! -e "$work/$1/config.status" ] || return 0
	mkdir -p "$work/$1" "$work/no-packages"
	cd "$work/$1"
	shift
	# pkg-config must not find this machine's libraries.
	quietly configure.log env PKG_CONFIG_LIBDIR="$work/no-packages" "$work/tree/configure" --enable-werror "$@"
	quietly make.log nice make -j"$(nproc)"
	cd "$top"
}

# Prints the directory of a build's command and of the library that it loads.
directory_of() # NAME
{
	directory=$work/$1
	[ ! -x "$directory/.libs/shmemq" ] || directory=$directory/.libs
	echo "$directory"
}

# Runs that command for at most two minutes. It replaces the shell: in the background, $! is its process.
command_of() # NAME ARGUMENT...
{
	directory=$(directory_of "$1")
	shift
	exec env LD_LIBRARY_PATH="$directory" timeout -k 5 120 "$directory/shmemq" "$@"
}

# Ends the processes that are still running and removes the queue.
leave()
{
	# shellcheck disable=SC2086 # a list of words
	[ -z "$started" ] || kill $started 2>/dev/null || :
	rm -f "/dev/shm$queue"
}

# Waits in the background, since a shell handles a signal only after its foreground command ends.
finish()
{
	for process in $started; do
		wait "$process"
	done
	started=
}

# Sends messages from one build's command to another's.
stream() # FROM TO
{
	command_of "$1" push "$queue" --create --stay <"$work/stream" &
	started=$!
	command_of "$2" pop "$queue" --create --stay --count 100000 >"$work/streamed" &
	started="$started $!"
	finish
	cmp "$work/stream" "$work/streamed"
	(command_of "$2" rm "$queue")
	echo "cross.sh: 100000 messages from $1 to $2"
}

# Both commands share both ends of one queue. Each message must arrive once, and the messages of each side in order.
share() # NAME NAME
{
	(command_of "$1" create "$queue" --capacity 4K)
	started=
	for side in "$1" "$2"; do
		sed "s/^/$side /" "$work/stream" >"$work/from-$side"
		command_of "$side" push "$queue" --shared --stay <"$work/from-$side" &
		started="$started $!"
		command_of "$side" pop "$queue" --shared --stay --count 100000 >"$work/to-$side" &
		started="$started $!"
	done
	finish
	for side in "$1" "$2"; do
		awk '$2 <= last[$1] { print $0 " is after " last[$1]; exit 1 } { last[$1] = $2 }' "$work/to-$side"
	done
	sort "$work/from-$1" "$work/from-$2" >"$work/sent"
	sort "$work/to-$1" "$work/to-$2" | cmp "$work/sent" -
	(command_of "$2" rm "$queue")
	echo "cross.sh: 200000 messages from $1 and $2 to $1 and $2"
}

case ${1-} in
--stream | --share)
	queue=/shmemq-test-cross-$$
	started=
	trap leave EXIT
	"${1#--}" "$2" "$3"
	exit
	;;
esac
# shellcheck disable=SC2086 # a list of words
[ $# -gt 0 ] || set -- $names
for name in "$@"; do
	describe "$name"
done
build-aux/copy.sh "$work/tree"
[ -e "$work/tree/configure" ] || "$work/tree/autogen.sh" >"$work/autogen.log" 2>&1
seq 100000 >"$work/stream"
failed=
for name in "$@"; do
	describe "$name"
	echo "cross.sh: $name"
	set --
	if [ -n "$architecture" ]; then
		check_of "$architecture"
		directory=$work/check-$architecture
		libraries="$directory/libcheck.a $directory/libsubunit.a -pthread -lrt -lm"
		set -- CHECK_CFLAGS="-I$directory" CHECK_LIBS="$libraries"
	fi
	# Without C++: configure would take this machine's compiler.
	# shellcheck disable=SC2086 # none, or one
	build "$name" --host="$triplet" $options CC="$cc" CXX=no "$@"
	cd "$work/$name"
	emulated nice make -j"$(nproc)" -k check VERBOSE=1 >check.log 2>&1 || {
		tail -n 300 check.log
		failed="$failed $name"
	}
	grep -E '^# (TOTAL|PASS|SKIP|FAIL|ERROR):' check.log
	cd "$top"
	if [ "$shares" = yes ]; then
		build native
		emulated env KEEP="$work" "$top/build-aux/cross.sh" --stream "$name" native
		emulated env KEEP="$work" "$top/build-aux/cross.sh" --stream native "$name"
		emulated env KEEP="$work" "$top/build-aux/cross.sh" --share "$name" native
	fi
done
[ -z "$failed" ] || {
	echo "cross.sh: the suite has failed:$failed"
	exit 1
}
