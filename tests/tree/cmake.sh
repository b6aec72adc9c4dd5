#!/bin/sh
# SPDX-License-Identifier: MIT
# CMake finds the installed library by find_package(shmemq): the shared one, and the static one where it is installed,
# also after the tree was moved; not in a version that is too new. libshmemq.cps says the same, and a CMake that reads
# such files builds with it.
set -eu
command -v cmake >/dev/null || {
	echo 'cmake.sh: skipped: no cmake'
	exit 77
}
# shellcheck source=tests/tree/install_lib.sh
. "${srcdir:-.}/tests/tree/install_lib.sh"

export CC CFLAGS="${SHMEMQ_CFLAGS-}" LDFLAGS="${SHMEMQ_LDFLAGS-}"
prefix=$(find "$root" -name shmemq.h)
prefix=${prefix%/include/shmemq.h}
log=$root/cmake.log

# configured NAME CMAKE-ARGUMENT...
configured()
{
	name=$1
	shift
	cmake -S "$srcdir/tests/tree/cmake" -B "$root/$name" -DSOURCES="$srcdir/examples" "$@" >"$log" 2>&1
}

# built NAME WHERE CMAKE-ARGUMENT...: the programs run with the library in WHERE. Those called -static need none there.
built()
{
	name=$1
	where=$2
	shift 2
	{ configured "$name" "$@" && cmake --build "$root/$name" >>"$log" 2>&1; } || {
		cat "$log"
		fail "$name: it was not built"
	}
	LD_LIBRARY_PATH=$where "$root/$name/producer" "/$queue" hello || fail "$name: the producer failed"
	[ "$(LD_LIBRARY_PATH=$where "$root/$name/consumer" "/$queue")" = hello ] || fail "$name: consumer"
	if [ -e "$where/libshmemq.a" ]; then
		"$root/$name/producer-static" "/$queue" hello || fail "$name: the static producer failed"
		[ "$("$root/$name/consumer-static" "/$queue")" = hello ] || fail "$name: static consumer"
	else
		[ ! -e "$root/$name/producer-static" ] || fail "$name: a static library that is not installed"
	fi
	echo "cmake.sh: $name: runs"
}

# refused NAME WORDS CMAKE-ARGUMENT...: cmake says WORDS and fails.
refused()
{
	name=$1
	words=$2
	shift 2
	! configured "$name" "$@" || fail "$name: cmake found it"
	grep -q "$words" "$log" || {
		cat "$log"
		fail "$name: cmake said something else"
	}
	echo "cmake.sh: $name: refused"
}

version=$(pkg-config --modversion libshmemq)
built as-it-is "$libdir" "-DCMAKE_PREFIX_PATH=$prefix" -DVERSION="$version"
built older "$libdir" "-DCMAKE_PREFIX_PATH=$prefix" -DVERSION=0.0.9
refused newer 'with requested version "9.0"' "-DCMAKE_PREFIX_PATH=$prefix" -DVERSION=9.0
refused component 'shmemq::other is not installed' "-DCMAKE_PREFIX_PATH=$prefix" -DCOMPONENTS=other
if [ -e "$libdir/libshmemq.a" ]; then
	built component-static "$libdir" "-DCMAKE_PREFIX_PATH=$prefix" -DCOMPONENTS=static
else
	refused component-static 'shmemq::static is not installed' "-DCMAKE_PREFIX_PATH=$prefix" -DCOMPONENTS=static
fi

# Moved, and nothing of the old place left that could be found.
mv "$prefix" "$root/moved"
libdir=$root/moved${libdir#"$prefix"}
prefix=$root/moved
built moved "$libdir" "-DCMAKE_PREFIX_PATH=$prefix"

# The other description: each file that it names is there.
cps=$libdir/cps/libshmemq.cps
[ -e "$cps" ] || fail 'libshmemq.cps is not installed'
[ "$(sed -n 's/^\t"version": "\(.*\)",/\1/p' "$cps")" = "$version" ] || fail 'libshmemq.cps has another version'
if command -v python3 >/dev/null; then
	python3 -m json.tool "$cps" >/dev/null || fail 'libshmemq.cps is not JSON'
fi
sed -n 's/.*"\(location\|includes\)": \[*"\([^"]*\)".*/\2/p' "$cps" >"$root/files"
grep -q libshmemq "$root/files" || fail 'libshmemq.cps names no library'
while read -r file; do
	case $file in
	@prefix@/*) ;;
	*) fail "libshmemq.cps: $file is not relative to the prefix" ;;
	esac
	[ -e "$prefix${file#@prefix@}" ] || fail "libshmemq.cps: $file does not exist"
done <"$root/files"
echo 'cmake.sh: libshmemq.cps: names what is installed'
case $(cmake --version) in
'cmake version '[0-3].* | 'cmake version 4.'[0-2].*) echo 'cmake.sh: libshmemq.cps: this cmake does not read it' ;;
*) built cps "$libdir" "-DCMAKE_PREFIX_PATH=$prefix" -DPACKAGE=libshmemq ;;
esac
