#!/bin/sh
# SPDX-License-Identifier: MIT
# ls on a terminal.
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"

# The table fits 80 columns: those that matter less are left out, and long names cut in the middle, by characters. A
# wide terminal shows all.
long=$prefix-$(xs 100)$(printf '\303\251\303\251\303\251')
"$SHMEMQ" create "$long" --capacity 2M
COLUMNS=80 "$SHMEMQ" ls | LC_ALL=C.UTF-8 awk 'length > 80 { print length ": " $0 }' >"$temp/rows"
: | is 'ls in 80 columns' "$temp/rows"
COLUMNS=80 "$SHMEMQ" ls >"$temp/out"
sed '1s/  */ /g; 1q' "$temp/out" | grep -q '^NAME CAPACITY MESSAGES .*PRODUCER PID CONSUMER PID' ||
	fail "what ls shows in 80 columns: $(head -n 1 "$temp/out")"
grep -c "^/shmem.*\.\.x*$(printf '\303\251\303\251\303\251') " "$temp/out" >"$temp/rows"
echo 1 | is 'a long name in ls' "$temp/rows"
COLUMNS=400 "$SHMEMQ" ls | grep "^$long " | sed 's/  */ /g' >"$temp/rows"
echo "$long 2M 2M 2097152 0 0 0 0 never - never - 0 - - -" | is 'a long name on a wide terminal' "$temp/rows"

# Characters that take two columns: the table fits, and is aligned. ("jp" stands for one of them.) Those that take none
# are not shown as they are.
wide=$prefix-$(xs 60 | sed "s/x/$(printf '\346\227\245')/g")
accent=$prefix-e$(printf '\314\201\363\240\204\200')
"$SHMEMQ" rm "$long"
"$SHMEMQ" create "$wide"
"$SHMEMQ" create "$accent"
# An emulated machine of the other byte order cannot read this one's locales.
if [ "$(LC_ALL=C.UTF-8 locale charmap 2>/dev/null)" != UTF-8 ] || [ -n "${SHMEMQ_TEST_EMULATED-}" ]; then
	echo 'fit.sh: no locale C.UTF-8: each character is taken for one column'
else
	for columns in 60 79 80; do
		COLUMNS=$columns "$SHMEMQ" ls | sed "s/$(printf '\346\227\245')/jp/g" >"$temp/out"
		awk -v columns=$columns 'length > columns' "$temp/out" >"$temp/rows"
		: | is "ls of wide characters in $columns columns" "$temp/rows"
		awk '/^NAME/ { print index($0, "PRODUCER") } /\.\.jp/ { print index($0, "never") }' "$temp/out" |
			uniq -c | sed 's/^ *\([0-9]*\) .*/\1/' >"$temp/rows"
		echo 2 | is "the columns of ls in $columns columns" "$temp/rows"
	done
	COLUMNS=80 "$SHMEMQ" top --once --interval 0.1 | sed "s/$(printf '\346\227\245')/jp/g" |
		awk 'length > 80' >"$temp/rows"
	: | is 'top of wide characters in 80 columns' "$temp/rows"
	COLUMNS='' "$SHMEMQ" ls | grep -c "^$prefix-e\\\\xcc\\\\x81\\\\xf3\\\\xa0\\\\x84\\\\x80 " >"$temp/rows"
	echo 1 | is 'characters without a width' "$temp/rows"
	"$SHMEMQ" stat --json "$accent" | grep -cF "\"$prefix-e\\u0301\\udb40\\udd00\"" >"$temp/rows"
	echo 1 | is 'characters without a width in JSON' "$temp/rows"
fi
"$SHMEMQ" rm "$wide" "$accent"
COLUMNS=1 "$SHMEMQ" ls >"$temp/out" || fail 'ls in one column'

verdict
