#!/bin/sh
# SPDX-License-Identifier: MIT
# The tutorial: its code is what the examples have, and its commands print what it says. The commands use the
# examples of the build instead of compiling them, and queues of this test's own.
srcdir=$(cd "${srcdir:-.}" && pwd)
# shellcheck source=tests/tree/printed_commands.sh
. "$srcdir/tests/tree/printed_commands.sh"

# The blocks of a page in that language, one after the other.
blocks() # LANGUAGE PAGE
{
	sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/{ /^\`\`\`/d; p; }" "$2"
}

# Prints the first line of each block of C that is not, as it is, a part of one of the examples that the page names.
strange_blocks() # PAGE
{
	# shellcheck disable=SC2046 # a list of files
	awk -v page="$1" '
		FILENAME != page { text = text "\n" $0; next }
		/^```/ {
			if (block != "" && !index(text "\n", block "\n"))
				print substr(block, 2, 100)
			code = $0 == "```c"
			block = ""
			next
		}
		code { block = block "\n" $0 }' $(grep -o 'examples/[a-z/]*\.c' "$1" | sed "s|^|$srcdir/|") "$1"
}

for example in tutorial/log keep request tutorial/frames; do
	program "${example#*/}" "$builddir/examples/$example"
done
[ -e /proc/self/fd ] || {
	echo 'tutorial.sh: skipped: no /proc, which queues without names need'
	exit 77
}

for page in "$srcdir"/doc/tutorial-*.md; do
	[ -n "$(blocks c "$page")" ] || fail "$page shows no code"
	strange=$(strange_blocks "$page")
	[ -z "$strange" ] || fail "$page shows code that is in no example that it names: $strange"
	blocks sh "$page" | sed "/^cc /d; s| /log| /$name-log|g" >"$temp/commands"
	blocks text "$page" >"$temp/wanted"
	[ -s "$temp/wanted" ] || fail "$page does not say what is printed"
	run_commands commands || fail "$page: $(cat "$temp/err")"
	diff -u "$temp/wanted" "$temp/out" || fail "$page says (-), the commands print (+): $(cat "$temp/err")"
done
