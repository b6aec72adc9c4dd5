#!/bin/sh
# SPDX-License-Identifier: MIT
# The examples are built against the installed library by CMake and by Meson, as their files there say, and run.
set -eu
command -v cmake >/dev/null || command -v meson >/dev/null || {
	echo 'build_systems.sh: neither cmake nor meson'
	exit 77
}
# shellcheck source=tests/install_lib.sh
. "${srcdir:-.}/tests/install_lib.sh"

export CC CFLAGS="${SHMEMQ_CFLAGS-}" LDFLAGS="${SHMEMQ_LDFLAGS-}" LD_LIBRARY_PATH="$libdir"
mkdir "$root/examples"
cp "$srcdir"/examples/*.c "$srcdir/examples/CMakeLists.txt" "$srcdir/examples/meson.build" "$root/examples/"
cd "$root/examples"

# run HOW: in which directory it was built
run()
{
	"$1/producer" "/$queue" hello || fail "$1: the producer failed"
	[ "$("$1/consumer" "/$queue")" = hello ] || fail "$1: the consumer read something else"
	echo "build_systems.sh: $1: runs"
}

# quietly COMMAND...
quietly()
{
	"$@" >log 2>&1 || {
		cat log
		fail "$1 failed"
	}
}

if command -v cmake >/dev/null; then
	quietly cmake -S . -B cmake
	quietly cmake --build cmake
	run cmake
fi
if command -v meson >/dev/null; then
	quietly meson setup meson
	quietly meson compile -C meson
	run meson
fi
