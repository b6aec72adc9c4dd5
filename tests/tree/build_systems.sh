#!/bin/sh
# SPDX-License-Identifier: MIT
# CMake and Meson build the examples against the installed library, with the files in examples/, and the programs run.
set -eu
command -v cmake >/dev/null || command -v meson >/dev/null || {
	echo 'build_systems.sh: skipped: neither cmake nor meson'
	exit 77
}
# shellcheck source=tests/tree/install_lib.sh
. "${srcdir:-.}/tests/tree/install_lib.sh"

# CXX is "no" if configure has found no C++ compiler.
export CC CXX CFLAGS="${SHMEMQ_CFLAGS-}" CXXFLAGS="${SHMEMQ_CFLAGS-}" LDFLAGS="${SHMEMQ_LDFLAGS-}"
export LD_LIBRARY_PATH="$libdir"
mkdir "$root/examples" "$root/examples/rpc"
cp "$srcdir"/examples/rpc/*.c "$root/examples/rpc/"
cp "$srcdir"/examples/*.c "$srcdir"/examples/*.cc "$srcdir/examples/CMakeLists.txt" "$srcdir/examples/meson.build" \
	"$root/examples/"
cd "$root/examples"

# run DIRECTORY: runs the examples that were built there
run()
{
	"$1/producer" "/$queue" hello || fail "$1: the producer failed"
	[ "$("$1/consumer" "/$queue")" = hello ] || fail "$1: the consumer read something else"
	cxx='without C++'
	# It needs a C++17 compiler, and /proc for a queue without a name.
	if [ -x "$1/cxx" ] && [ -e /proc/self/fd ]; then
		"$1/cxx" "/$queue" >/dev/null || fail "$1: the C++ example failed"
		cxx='and in C++'
	fi
	echo "build_systems.sh: $1: runs, $cxx"
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
else
	echo 'build_systems.sh: left out: cmake is missing'
fi
if command -v meson >/dev/null; then
	quietly meson setup meson
	quietly meson compile -C meson
	run meson
else
	echo 'build_systems.sh: left out: meson is missing'
fi
