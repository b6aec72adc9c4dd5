#!/bin/sh
# SPDX-License-Identifier: MIT
# What `make install` leaves is complete: the two programs at the head of the public header are compiled against it by
# way of pkg-config, with the shared library and with the static one, and run.
set -eu

: "${srcdir:=.}" "${CC:=cc}"
command -v pkg-config >/dev/null || {
	echo "install.sh: no pkg-config"
	exit 77
}
root=$(mktemp -d)
queue=shmemq-test-install-$$
trap 'rm -rf "$root" "/dev/shm/$queue"' EXIT
trap 'exit 1' HUP INT TERM

fail()
{
	echo "install.sh: $*" >&2
	exit 1
}

# example NUMBER: the program of that number, under a queue name of this test's own.
example()
{
	awk -v wanted="$1" '
		/^ \*\t#include <shmemq.h>/ { number++; inside = 1 }
		inside && number == wanted { line = $0; sub(/^ \*\t?/, "", line); print line }
		/^ \*\t}/ { inside = 0 }
	' "$srcdir/include/shmemq.h" | sed "s|\"/hello\"|\"/$queue\"|; s|	(errno was .*)||"
}

# build HOW, which is nothing or --static
build()
{
	for program in producer consumer; do
		# shellcheck disable=SC2046,SC2086 # lists of words
		$CC ${SHMEMQ_CFLAGS-} -o "$root/$program" "$root/$program.c" \
			$(pkg-config ${1-} --cflags --libs libshmemq) ${SHMEMQ_LDFLAGS-}
	done
}

run()
{
	LD_LIBRARY_PATH=$libdir "$root/producer" || fail "$1: the producer failed"
	text=$(LD_LIBRARY_PATH=$libdir "$root/consumer") || fail "$1: the consumer failed"
	[ "$text" = hello ] || fail "$1: the consumer read '$text'"
	[ ! -e "/dev/shm/$queue" ] || fail "$1: the queue is left"
	echo "install.sh: $1: runs"
}

# Without what the make that runs this test has for itself: flags and job slots.
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL "${MAKE:-make}" -s install DESTDIR="$root" >"$root/log" 2>&1 || {
	cat "$root/log"
	fail "make install failed"
}
pc=$(find "$root" -name libshmemq.pc)
# The paths in it are those of a system whose root is $root; all of them, also under a prefix of /usr.
export PKG_CONFIG_PATH="${pc%/*}" PKG_CONFIG_SYSROOT_DIR="$root"
export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
version=$(pkg-config --modversion libshmemq)
grep -q "^#define PACKAGE_VERSION \"$version\"" config.h || fail "libshmemq.pc is of version $version"
libdir=$(dirname "$(find "$root" -name libshmemq.la)")

[ -n "$(find "$root" -name shmemq.hpp)" ] || fail "shmemq.hpp is not there"

example 1 >"$root/producer.c"
example 2 >"$root/consumer.c"
if [ -e "$libdir/libshmemq.so" ]; then
	build
	run shared
fi
if [ -e "$libdir/libshmemq.a" ]; then
	rm -f "$libdir"/libshmemq.so*
	build --static
	run static
fi
