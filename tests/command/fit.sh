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
COLUMNS=1 "$SHMEMQ" ls >"$temp/out" || fail 'ls in one column'

verdict
