#!/bin/sh
# SPDX-License-Identifier: MIT
# The library's layers are as CONTRIBUTING lists them: a file includes, and an object calls, only what stands in a line
# below its own. $srcdir and $top_builddir say where the sources and the objects are.
set -eu
srcdir=${srcdir:-.}
archive=${top_builddir:-.}/.libs/libshmemq-internal.a
LC_ALL=C
export LC_ALL
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
trap 'exit 1' HUP INT TERM

# "NAME LINE": push and push.h are one name.
sed -n '/^Layers/,/^[^ L]/s/^    //p' "$srcdir/CONTRIBUTING" | awk '{ for (i = 1; i <= NF; i++) print $i, NR }' \
	>"$temp/order"
[ "$(wc -l <"$temp/order")" -gt 10 ]

# Of lines "FROM TO WHAT": those that go up, or sideways to another file of the same line, or from or to no layer.
wrong_ways()
{
	awk 'FNR == NR { line[$1] = $2; next }
		$1 == $2 { next }
		!($1 in line) { print $1 ": stands in no layer"; next }
		!($2 in line) { print $1 ": " $3 " of " $2 ", which stands in no layer"; next }
		line[$2] <= line[$1] { print $1 ": " $3 " of " $2 ", which does not stand below it" }' "$temp/order" -
}

includes() # DIRECTORY
{
	for file in "$1"/*.[ch]; do
		name=$(basename "$file")
		name=${name%.*}
		sed -n "s/^#include \"\([a-z_]*\)\.h\".*/$name \1 include/p" "$file"
	done | grep -v -e ' config include$' -e ' shmemq include$'
}

# A call from one public function to another counts as a way up: the other may be replaced (LD_PRELOAD).
calls() # ARCHIVE
{
	# archive[library_la-FILE.o]: NAME TYPE ...
	nm -A -P "$1" | sed 's/^[^[]*\[[a-z_]*-\([a-z_]*\)\.o\]: /\1 /' |
		awk '$2 ~ /^(smq|shmemq)_/ { print $1, $2, $3 }' >"$temp/symbols"
	awk '$3 != "U" { from[$2] = $1 } $3 == "U" { needed[$0] }
		END { for (n in needed) { split(n, w); print w[1], from[w[2]], w[2] "()" } }' "$temp/symbols"
}

{
	for file in "$srcdir"/lib/*.[ch]; do
		name=$(basename "$file")
		grep -q "^${name%.*} " "$temp/order" || echo "${name%.*}: stands in no layer"
	done
	while read -r name _; do
		[ -e "$srcdir/lib/$name.c" ] || [ -e "$srcdir/lib/$name.h" ] || echo "$name: a layer, but no file"
	done <"$temp/order"
	includes "$srcdir/lib" | wrong_ways
	calls "$archive" | wrong_ways
} >"$temp/faults"
[ -s "$temp/symbols" ]

# What it is to find, it finds.
mkdir "$temp/lib"
cp "$srcdir/lib/ring.h" "$temp/lib"
echo '#include "wait.h"' >>"$temp/lib/ring.h"
includes "$temp/lib" | wrong_ways | grep -q '^ring: include of wait' || echo 'an include upwards is not found'
echo 'ring wait smq_await()' | wrong_ways | grep -q '^ring: ' || echo 'a call upwards is not found'

cat "$temp/faults"
[ ! -s "$temp/faults" ]
