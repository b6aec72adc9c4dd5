#!/bin/sh
# SPDX-License-Identifier: MIT
# The public header compiles alone, without a warning, in every C since C99 and every C++ that the compiler knows.
set -eu

: "${srcdir:=.}" "${CC:=cc}" "${CXX:=c++}"
flags="-pedantic-errors -Wall -Wextra -Wundef -Werror -I$srcdir/include"
tried=0
failed=0

# compile COMPILER LANGUAGE STANDARD
compile()
{
	# shellcheck disable=SC2086 # lists of words
	if echo 'int x;' | $1 -x "$2" -std="$3" -fsyntax-only - 2>/dev/null; then
		tried=$((tried + 1))
		$1 -x "$2" -std="$3" $flags -fsyntax-only "$srcdir/tests/header.c" || {
			echo "header.sh: not clean: $1 -std=$3" >&2
			failed=1
		}
	fi
}

for std in c99 gnu99 c11 gnu11 c17 c2x; do
	compile "$CC" c "$std"
done
[ "$tried" -gt 0 ] || {
	echo "header.sh: $CC knows no standard" >&2
	exit 1
}
c=$tried
for std in c++98 c++11 c++17 gnu++17 c++20; do
	compile "$CXX" c++ "$std"
done
[ "$tried" -gt "$c" ] || echo "header.sh: no C++ compiler: tried C alone"
echo "header.sh: $tried standards"
exit "$failed"
