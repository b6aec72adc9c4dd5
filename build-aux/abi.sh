#!/bin/sh
# SPDX-License-Identifier: MIT
# Compares the library's binary interface with lib/libshmemq.abi, a dump for x86-64 by libabigail's abidw:
# abi.sh check | update. Additions are reported and pass; anything removed or changed fails.
set -eu
: "${srcdir:=.}"
library=.libs/libshmemq.so
dump=$srcdir/lib/libshmemq.abi

skip()
{
	echo "abi.sh: $*"
	exit 77
}

command -v abidiff >/dev/null || skip 'abidiff is missing: install abigail-tools'
[ -e "$library" ] || skip 'no shared library: configure without --disable-shared'
readelf -h "$library" | grep -q 'Advanced Micro Devices X86-64' || skip 'not x86-64, the architecture of the dump'
readelf -S "$library" | grep -q '\.debug_info' || skip 'no debugging information: configure with CFLAGS=-g'

case ${1-} in
update)
	# abidiff tells public types by the file that declares them. The dump has no line numbers, no build directory.
	abidw --headers-dir "$srcdir/include" --drop-private-types --exported-interfaces-only --no-corpus-path \
		--no-comp-dir-path --short-locs --type-id-style hash "$library" |
		sed "s/ line='[0-9]*'/ line='1'/; s/ column='[0-9]*'/ column='1'/
			s|path='[^']*/lib/|path='lib/|" >"$dump"
	;;
check)
	abidiff --headers-dir2 "$srcdir/include" --no-added-syms "$dump" "$library" || {
		echo "abi.sh: the interface has changed: doc/release.md says what to do" >&2
		exit 1
	}
	# Bit 2 of the status means any difference; after the check above it is an addition.
	abidiff --headers-dir2 "$srcdir/include" "$dump" "$library" || [ $? -eq 4 ]
	;;
*)
	echo "usage: $0 check | update" >&2
	exit 2
	;;
esac
