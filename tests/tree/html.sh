#!/bin/sh
# SPDX-License-Identifier: MIT
# The HTML manual: all pages are made, and every link among them leads somewhere. What its first page shows to try is
# what README shows.
srcdir=${srcdir:-.}
temp=$(mktemp -d) || exit 1
trap 'rm -rf "$temp"' EXIT
trap 'exit 1' HUP INT TERM

fail() # WHAT
{
	echo "FAIL: $1"
	exit 1
}

commands() # FILE
{
	sed -n '/^    shmemq create \/log/,/^$/p' "$1" | grep . || fail "no commands in $1"
}

commands "$srcdir/README" >"$temp/readme"
commands "$srcdir/man/index.md" >"$temp/index"
diff -u "$temp/readme" "$temp/index" || fail 'commands in README (-) and in index.md (+)'

for program in "${MANDOC:-mandoc}" "${LOWDOWN:-lowdown}" python3; do
	command -v "$program" >/dev/null || {
		echo "html.sh: no $program"
		exit 77
	}
done
"$srcdir/man/html.sh" "$srcdir/man" "$temp/html" || fail html.sh
(cd "$srcdir" && ls man/*.[1-9] doc/*.md) | sed 's|.*/||; s|\.md$||; s|$|.html|' | sort >"$temp/wanted"
(cd "$temp/html" && ls ./*.html) | sed 's|^\./||; /^index\.html$/d; /^readme\.html$/d' | sort >"$temp/made"
diff -u "$temp/wanted" "$temp/made" || fail 'pages that were to be made (-) and that were (+)'
python3 "$srcdir/tests/tree/html_links.py" "$temp/html" || fail 'dead links'
