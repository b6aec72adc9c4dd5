#!/bin/sh
# SPDX-License-Identifier: MIT
# The library's binary interface against lib/libshmemq.abi, which libabigail's abidw wrote: abi.sh check | update.
# What is new is said and is no fault; anything that is gone or is another than it was fails. The dump is x86-64's.
set -eu
: "${srcdir:=.}"
library=.libs/libshmemq.so
dump=$srcdir/lib/libshmemq.abi

skip()
{
	echo "abi.sh: $*"
	exit 77
}

command -v abidiff >/dev/null || skip 'no abidiff (abigail-tools)'
[ -e "$library" ] || skip 'no shared library'
readelf -h "$library" | grep -q 'Advanced Micro Devices X86-64' || skip 'another architecture than the dump'
readelf -S "$library" | grep -q '\.debug_info' || skip 'no debugging information: CFLAGS=-g'

case ${1-} in
update)
	# Where things stand tells abidiff what is public. The lines are not for the dump, nor whose directory it was.
	abidw --headers-dir "$srcdir/include" --drop-private-types --exported-interfaces-only --no-corpus-path \
		--no-comp-dir-path --short-locs --type-id-style hash "$library" |
		sed "s/ line='[0-9]*'/ line='1'/; s/ column='[0-9]*'/ column='1'/
			s|path='[^']*/lib/|path='lib/|" >"$dump"
	;;
check)
	abidiff --headers-dir2 "$srcdir/include" --no-added-syms "$dump" "$library" || {
		echo "abi.sh: the interface has changed: doc/release.md says what that takes" >&2
		exit 1
	}
	# Bit 2 of its status is any difference, here an addition.
	abidiff --headers-dir2 "$srcdir/include" "$dump" "$library" || [ $? -eq 4 ]
	;;
*)
	echo "usage: $0 check | update" >&2
	exit 2
	;;
esac
