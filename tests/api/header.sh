#!/bin/sh
# SPDX-License-Identifier: MIT
# The public header compiles alone, without a warning, in every C since C99 and every C++ that the compiler knows; and
# that for C++ in every one since C++17.
set -eu

: "${srcdir:=.}" "${CC:=cc}" "${CXX:=c++}"
flags="-pedantic-errors -Wall -Wextra -Wundef -Werror -I$srcdir/include"
tried=0
failed=0

# compile COMPILER LANGUAGE STANDARD SOURCE [FLAG...]
compile()
{
	compiler=$1 language=$2 std=$3 source=$4
	shift 4
	# shellcheck disable=SC2086 # lists of words
	if echo 'int x;' | $compiler -x "$language" -std="$std" -fsyntax-only - 2>/dev/null; then
		tried=$((tried + 1))
		$compiler -x "$language" -std="$std" $flags "$@" -fsyntax-only "$source" || {
			echo "header.sh: not clean: $compiler -std=$std $source" >&2
			failed=1
		}
	fi
}

for std in c99 gnu99 c11 gnu11 c17 c2x; do
	compile "$CC" c "$std" "$srcdir/tests/api/header.c"
done
[ "$tried" -gt 0 ] || {
	echo "header.sh: $CC knows no standard" >&2
	exit 1
}
c=$tried
for std in c++98 c++11 c++17 gnu++17 c++20; do
	compile "$CXX" c++ "$std" "$srcdir/tests/api/header.c"
done
# By way of a source that includes nothing else: of a header that is compiled itself, the include guard is a warning.
alone=$(mktemp)
trap 'rm -f "$alone"' EXIT
echo '#include <shmemq.hpp>' >"$alone"
for std in c++17 gnu++17 c++20 c++2b; do
	compile "$CXX" c++ "$std" "$alone" -Wshadow -Wold-style-cast -Wconversion -Wsign-conversion
done
[ "$tried" -gt "$c" ] || echo "header.sh: no C++ compiler: tried C alone"
echo "header.sh: $tried standards"
exit "$failed"
