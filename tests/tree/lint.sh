#!/bin/sh
# SPDX-License-Identifier: MIT
# The sources as text: one licence line a file, config.h first, no blanks at a line's end, at most 120 columns, C and
# C++ as .clang-format says; and shell scripts in which shellcheck finds nothing.
# shellcheck disable=SC2086 # lists of words, all through
set -eu

cd "${srcdir:-.}"

# This project's files by name: what autogen.sh, configure and make leave beside them is none of it.
programs=$(find bench lib tools tests -name '*.c')
code="$programs $(find bench examples include lib tests tools -name '*.h') $(find examples -name '*.c')
	$(find examples include tests -name '*.cc' -o -name '*.hpp')"
python=$(find examples -name '*.py')
scripts="autogen.sh $(find bench doc man tests tools -name '*.sh')"
scripts="$scripts $(find build-aux -name '*.sh' ! -name ltmain.sh)"
# Not in a tarball.
[ ! -e .ci/run ] || scripts="$scripts .ci/run debian/tests/abi debian/tests/command debian/tests/examples"
completions=$(find tests tools -name '*.bash')
build="configure.ac Makefile.am m4/shmemq.m4 examples/CMakeLists.txt examples/meson.build"
prose="README NEWS $(find doc man -name '*.md' -o -name '*.[1-9]' -o -name '*.pml' -o -name '*.css')"
sources="$code $python $scripts $completions $build"

licences()
{
	for file in $sources; do
		[ "$(grep -c '^[^ ]* SPDX-License-Identifier: MIT' $file)" = 1 ] || echo "$file: not one licence line"
	done
}

# It decides what the system's headers declare. The public header stands without it, and so does its test.
config_first()
{
	for file in $programs; do
		[ "$file" = tests/api/header.c ] || [ "$(grep -m 1 '^#include' $file)" = '#include "config.h"' ] ||
			echo "$file: config.h is not the first thing it includes"
	done
}

lines()
{
	awk '/[ \t]$/ { print FILENAME ":" FNR ": blanks at the end" }' $sources $prose
	for file in $sources; do
		expand $file | awk -v file=$file 'length > 120 { print file ":" NR ": " length " columns" }'
	done
}

# Other versions of it break some lines elsewhere.
format_version=14
can_format()
{
	[ -e .clang-format ] && clang-format --version 2>/dev/null | grep -q " version $format_version\\."
}

format()
{
	clang-format --dry-run --Werror $code 2>&1 | sed -n 's/ error: .*/ not as clang-format writes it/p'
}

shell()
{
	shellcheck $scripts $completions || echo "shellcheck has something to say"
}

# A list that came out empty would be in order, too.
[ -n "$programs" ]
faults=$(
	licences
	config_first
	lines
	if can_format; then format; fi
	if command -v shellcheck >/dev/null; then shell; fi
)
if [ -n "$faults" ]; then
	echo "$faults"
	exit 1
fi
command -v shellcheck >/dev/null || {
	echo "lint.sh: nothing found, but there is no shellcheck"
	exit 77
}
can_format || {
	echo "lint.sh: nothing found, but there is no clang-format $format_version, or no .clang-format"
	exit 77
}
