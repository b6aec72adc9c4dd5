#!/bin/sh
# SPDX-License-Identifier: MIT
# The public header compiles alone, without a warning, in every C since C99 and every C++ that the compiler knows; and
# that for C++ in every one since C++17, under more warnings, with and without exceptions and run-time types.
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
			echo "header.sh: not clean: $compiler -std=$std $* $source" >&2
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

# accepted FLAG...: those that the C++ compiler knows
accepted()
{
	for flag; do
		# shellcheck disable=SC2086 # a list of words
		! echo | $CXX -x c++ -std=c++17 -Werror "$flag" -fsyntax-only - 2>/dev/null || echo "$flag"
	done
}

strict=$(accepted -Weffc++ -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast -Wuseless-cast)
# Other versions of clang have other warnings. Those left out tell of C++ older than 17, and of padding.
if $CXX --version 2>/dev/null | grep -q 'clang version 14\.'; then
	strict="$strict -Weverything -Wno-c++98-compat -Wno-c++98-compat-pedantic -Wno-pre-c++14-compat"
	strict="$strict -Wno-pre-c++17-compat -Wno-pre-c++20-compat -Wno-padded"
fi
# By way of a source that includes nothing else: of a header that is compiled itself, the include guard is a warning.
# The source uses the templates; other functions need no use to be checked.
alone=$(mktemp)
trap 'rm -f "$alone"' EXIT
cat >"$alone" <<'END'
#include <shmemq.hpp>
bool pushes(shmemqpp::queue &q, std::error_code &ec);
bool pushes(shmemqpp::queue &q, std::error_code &ec)
{
	return q.push("literal", 0, std::chrono::seconds(1), ec) && q.push(std::string_view("text"), 0, {}, ec);
}
END
for std in c++17 gnu++17 c++20 c++2b c++2c; do
	for without in '' -fno-rtti -fno-exceptions; do
		# shellcheck disable=SC2086 # a list of words
		compile "$CXX" c++ "$std" "$alone" $strict $without
	done
done
[ "$tried" -gt "$c" ] || echo "header.sh: no C++ compiler: tried C alone"
echo "header.sh: $tried compilations"
exit "$failed"
