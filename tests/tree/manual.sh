#!/bin/sh
# SPDX-License-Identifier: MIT
# Checks the manual (and README): mandoc has no warnings, and the pages are complete and agree with the header, the
# symbol map and the examples. $srcdir and $top_builddir are the directories, $MANDOC is the mandoc to use.
srcdir=${srcdir:-.}
library=${top_builddir:-.}/.libs/libshmemq.so
header=$srcdir/include/shmemq.h
man=$srcdir/man
mandoc=${MANDOC:-mandoc}
failures=0
LC_ALL=C
export LC_ALL
temp=$(mktemp -d) || exit 1
trap 'rm -rf "$temp"' EXIT
trap 'exit 1' HUP INT TERM

# Compares two lists; reports a difference as a diff.
same() # WHAT EXPECTED-FILE FILE
{
	diff -u "$2" "$3" >"$temp/diff" && return
	echo "FAIL: $1"
	tail -n +3 "$temp/diff"
	failures=$((failures + 1))
}

# Prints the page that `man 3 NAME` shows: its own, or the one that its .so line names.
page_of() # NAME
{
	if [ -e "$man/$1.3" ]; then
		sed -n '1s|^\.so man3/||p; 1q' "$man/$1.3" | grep . || echo "$1.3"
	fi
}

# The names of functions: in the header, in the map, in NAME and SYNOPSIS of a page, and in the shared library.
sed -n 's/^[a-z].*[ *]\(shmemq_[a-z_]*\)(.*/\1/p' "$header" | sort >"$temp/declared"
sed -n 's/^[[:space:]]*\(shmemq_[a-z_]*\);$/\1/p' "$srcdir/lib/libshmemq.map" | sort >"$temp/mapped"
for stub in "$man"/shmemq_*.3; do
	name=$(basename "$stub" .3)
	page=$man/$(page_of "$name")
	if grep -q "^\.Nm $name\( ,\)\{0,1\}$" "$page" && grep -q "^\.F[on] $name\$" "$page"; then
		echo "$name"
	fi
done | sort >"$temp/paged"
[ -s "$temp/declared" ] || { echo "FAIL: no function found in $header"; failures=1; }
same 'functions in shmemq.h (-) and libshmemq.map (+)' "$temp/declared" "$temp/mapped"
same 'functions in shmemq.h (-) and in NAME and SYNOPSIS of a page of their own or an alias (+)' \
	"$temp/declared" "$temp/paged"
if [ -e "$library" ]; then
	nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort >"$temp/exported"
	same 'functions in shmemq.h (-) and symbols of libshmemq.so (+)' "$temp/declared" "$temp/exported"
fi

# Prints "FUNCTION ERRNO" for each errno in the comment before a prototype. "as push" and "as pop, less X" refer to the
# lists of earlier prototypes.
awk '
	/^\/\*/ { comment = "" }
	/^( \*|\/\*)/ { comment = comment " " $0 }
	/^[a-z].*shmemq_[a-z_]*\(/ {
		match($0, /shmemq_[a-z_]*\(/)
		name = substr($0, RSTART, RLENGTH - 1)
		text = substr(comment, match(comment, /-1|NULL: E|Errors/) + 1)
		less = match(text, /, less E[A-Z]+( and E[A-Z]+)*/) ? substr(text, RSTART + 7, RLENGTH - 7) : ""
		gsub(/ and /, "|", less)
		sub(/, less E[A-Z]+( and E[A-Z]+)*/, "", text)
		if (match(text, /: as (push|pop)/)) {
			other = text_of["shmemq_" substr(text, RSTART + 5, RLENGTH - 5)]
			if (less != "")
				gsub(less, "", other)
			text = text " " other
		}
		text_of[name] = text
		while (match(text, /(^|[^A-Z_])E[A-Z][A-Z][A-Z]+/)) {
			error = substr(text, RSTART, RLENGTH)
			sub(/^[^E]/, "", error)
			print name, error
			text = substr(text, RSTART + RLENGTH)
		}
	}' "$header" >"$temp/pairs"
while read -r name error; do
	echo "$(page_of "$name") $error"
done <"$temp/pairs" | sort -u >"$temp/promised"
for page in "$man"/shmemq_*.3; do
	sed -n "s/^\.It Bq Er \(E[A-Z]*\)\$/$(basename "$page") \1/p" "$page"
done | sort -u >"$temp/documented"
same 'errors in shmemq.h (-) and under ERRORS (+)' "$temp/promised" "$temp/documented"

# The value of each constant: in the header, and in parentheses where the pages say what it means.
sed -n 's/^#define \(SHMEMQ_[A-Z_]*\) *\([0-9][0-9a-fx]*\).*/\1 \2/p' "$header" | sort >"$temp/values"
sed -n 's/^\.\(It \)\{0,1\}Dv \(SHMEMQ_[A-Z_]*\) Pq \([0-9][0-9a-fx]*\)$/\2 \3/p' "$man"/*.3 | sort >"$temp/told"
[ -s "$temp/values" ] || { echo "FAIL: no constant found in $header"; failures=$((failures + 1)); }
same 'values of constants in shmemq.h (-) and in the pages (+)' "$temp/values" "$temp/told"

# The text of each example in a page, as mdoc(7) escapes it.
grep -n '^\.\\" examples/' "$man"/*.[1-9] | sed 's/:.*examples/ examples/' >"$temp/shown"
[ -s "$temp/shown" ] || { echo 'FAIL: no page shows an example'; failures=$((failures + 1)); }
while read -r page example; do
	sed '1d; s/\\/\\e/g; s/-/\\-/g; s/'\''/\\(aq/g; s/`/\\(ga/g; s/\^/\\(ha/g; s/~/\\(ti/g; s/^\./\\\&./' \
		"$srcdir/$example" >"$temp/expected"
	sed -n "\|^\.\\\\\" $example\$|,/^\.Ed\$/p" "$page" | sed '1d; $d' >"$temp/text"
	same "$example (-) as $page shows it (+)" "$temp/expected" "$temp/text"
done <"$temp/shown"
# In README, the examples are indented, after a line that ends in the name.
grep -n 'examples/[a-z]*\.c:$' "$srcdir/README" | sed 's/:.*\(examples.*\):$/ \1/' >"$temp/quoted"
[ "$(wc -l <"$temp/quoted")" -ge 2 ] || { echo 'FAIL: README shows too few examples'; failures=$((failures + 1)); }
while read -r line example; do
	sed '1d; s/^./    &/' "$srcdir/$example" >"$temp/expected"
	tail -n +$((line + 2)) "$srcdir/README" | head -n "$(wc -l <"$temp/expected")" >"$temp/text"
	same "$example (-) as README shows it (+)" "$temp/expected" "$temp/text"
done <"$temp/quoted"
(cd "$srcdir" && ls examples/*.c examples/*.cc examples/*.py) >"$temp/examples"
sed 's/.* //' "$temp/shown" | sort -u >"$temp/used"
same 'examples (-) and those that a page shows (+)' "$temp/examples" "$temp/used"

if ! command -v "$mandoc" >/dev/null; then
	[ "$failures" -eq 0 ] || exit 1
	echo 'mandoc is missing: the pages agree with header and examples, but were not linted'
	exit 77
fi

# man-pages(7) puts EXAMPLES after ERRORS and NOTES, mdoc(7) before them: this project follows the former.
for page in "$man"/*.[1-9]; do
	grep -q '^\.so ' "$page" || "$mandoc" -Tlint -W warning "$page"
done | grep -v 'sections out of conventional order: Sh EXAMPLES' >"$temp/lint"
: >"$temp/empty"
same "mandoc's warnings (+)" "$temp/empty" "$temp/lint"
[ "$failures" -eq 0 ]
