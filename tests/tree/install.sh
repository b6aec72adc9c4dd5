#!/bin/sh
# SPDX-License-Identifier: MIT
# `make install` installs all that a program needs: the two programs at the head of the public header are compiled with
# the flags of pkg-config, against the shared library and against the static one, and run.
set -eu

# shellcheck source=tests/tree/install_lib.sh
. "${srcdir:-.}/tests/tree/install_lib.sh"

# example NUMBER: prints the program of that number, with this test's queue name.
example()
{
	awk -v wanted="$1" '
		/^ \*\t#include <shmemq.h>/ { number++; inside = 1 }
		inside && number == wanted { line = $0; sub(/^ \*\t?/, "", line); print line }
		/^ \*\t}/ { inside = 0 }
	' "$srcdir/include/shmemq.h" | sed "s|\"/hello\"|\"/$queue\"|"
}

# build [--static]
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
	[ ! -e "/dev/shm/$queue" ] || fail "$1: the queue was not removed"
	echo "install.sh: $1: runs"
}

version=$(pkg-config --modversion libshmemq)
grep -q "^#define PACKAGE_VERSION \"$version\"" config.h || fail "libshmemq.pc has another version: $version"

for completion in '*/bash-completion/completions/shmemq' '*/fish/vendor_completions.d/shmemq.fish' \
	'*/zsh/*/_shmemq'; do
	[ -n "$(find "$root" -path "$completion")" ] || fail "$completion is not installed"
done
[ -n "$(find "$root" -name shmemq.hpp)" ] || fail "shmemq.hpp is not installed"

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
