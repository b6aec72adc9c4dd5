#!/bin/sh
# SPDX-License-Identifier: MIT
# Checks the sources as text: one licence line a file, config.h first, no blanks at the end of a line, at most 120
# columns, C and C++ formatted by .clang-format; and shell scripts by shellcheck.
# shellcheck disable=SC2086 # variables that are lists of words
set -eu

cd "${srcdir:-.}"

# This project's files, by name, because autogen.sh, configure and make leave other files beside them.
programs=$(find bench lib relay tools tests -name '*.c')
code="$programs $(find bench bindings doc examples include lib relay tests tools -name '*.h')
	$(find bindings examples -name '*.c') $(find doc examples include tests -name '*.cc' -o -name '*.hpp')"
python=$(find bindings examples tests -name '*.py' -o -name '*.pyi')
go=$(find bindings tests -name '*.go' -o -name go.mod)
rust=$(find bindings tests -path '*/target' -prune -o -name '*.rs' -print -o -name '*.toml' -print)
scripts="autogen.sh $(find bench bindings doc man packaging tests tools -name '*.sh') packaging/alpine/APKBUILD"
scripts="$scripts $(find build-aux -name '*.sh' ! -name ltmain.sh)"
# These are not in a tarball.
[ ! -e .ci/run ] || scripts="$scripts .ci/run $(find debian/tests ! -name control -type f)"
completions=$(find relay tests tools -name '*.bash')
# Of shells that shellcheck does not know.
others=$(find relay tests tools -name '*.fish' -o -name '*.zsh')
build="configure.ac Makefile.am examples/CMakeLists.txt examples/meson.build
	$(find packaging tests -name '*.cmake.in' -o -name CMakeLists.txt)
	packaging/rpm/libshmemq.spec $(find bindings -name meson.build)"
prose="README NEWS $(find bindings doc man -name '*.md' -o -name '*.[1-9]' -o -name '*.pml' -o -name '*.css')"
sources="$code $python $go $rust $scripts $completions $others $build"

licences()
{
	for file in $sources; do
		[ "$(grep -c '^[^ ]* SPDX-License-Identifier: MIT' $file)" = 1 ] || echo "$file: not one licence line"
	done
}

# config.h decides what the system's headers declare. The public header must not need it, nor does its test include it.
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

# An address that nobody reads: a field without a true one is left out (doc/release.md).
placeholders()
{
	addressed="$sources $prose SECURITY"
	[ ! -e debian/control ] || addressed="$addressed $(find debian -type f)"
	grep -n 'example\.org' $addressed | sed 's/$/: an invented address/'
}

# Other versions of clang-format break some lines differently.
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
	# Functions that are passed by name look as if nobody called them: SC2317, in later versions SC2329.
	shellcheck --exclude=SC2317,SC2329 $scripts $completions || echo "shellcheck reports the lines above"
}

# Without files, the checks would pass.
[ -n "$programs" ]
faults=$(
	licences
	config_first
	lines
	placeholders
	if can_format; then format; fi
	if command -v shellcheck >/dev/null; then shell; fi
)
if [ -n "$faults" ]; then
	echo "$faults"
	exit 1
fi
command -v shellcheck >/dev/null || {
	echo "lint.sh: nothing found, but shellcheck is missing"
	exit 77
}
can_format || {
	echo "lint.sh: nothing found, but clang-format $format_version or .clang-format is missing"
	exit 77
}
