#!/bin/sh
# SPDX-License-Identifier: MIT
# tail: follows a queue and takes nothing from it.
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"

#
# Where it begins, and its frames.
#
new_queue
seq 5 | "$SHMEMQ" push "$q" --type 7
"$SHMEMQ" pop "$q" --count 2 >"$temp/popped"
expect 0 '' tail "$q" --oldest
seq 5 | is 'all from the oldest'
expect 0 '' tail "$q" --queued
seq 3 5 | is 'all that are queued'
expect 0 '' tail "$q"
: | is 'none from the newest'
field_is "$q" queued_messages 3
expect 0 '' tail "$q" --oldest --type --count 1
printf '7\t1\n' | is '--type'
expect 0 '' tail "$q" --oldest --frame nul --count 2
printf '1\0002\000' | is '--frame nul'
expect 0 '' tail "$q" --oldest --frame len32 --count 1
printf '\000\000\000\0011' | is '--frame len32'
expect 0 '' tail "$q" --oldest --frame hex --count 1
printf '31\n' | is '--frame hex'
expect 0 '' tail "$q" --oldest --frame hex --type --count 1
printf '7\t31\n' | is '--frame hex --type'
expect 2 'push: --frame=hex shows messages: it is for pop, peek and tail' push "$q" --frame hex
echo | "$SHMEMQ" push "$q.empty" --create
expect 0 '' pop "$q.empty" --frame hex --count 1
echo | is '--frame hex of an empty message'
expect 0 '' rm "$q.empty"
expect 0 '' tail "$q" --oldest --frame chunk
printf 12345 | is '--frame chunk'
expect 3 "$q: timed out: no further message, and the producer has closed it; messages written: 0" \
	tail "$q" --timeout 0 --stay
expect 2 'tail: give --oldest or --queued, not both' tail "$q" --oldest --queued
expect 2 'tail: unknown option --shared' tail "$q" --shared
expect 4 "$prefix-none: no such queue" tail "$prefix-none"

#
# It waits, writes what it has before it does, and ends when the producer closes.
#
new_queue
"$SHMEMQ" tail "$q" --oldest --stay >"$temp/tailed" &
tail=$!
seq 3 | "$SHMEMQ" push "$q"
seq 4 6 | "$SHMEMQ" push "$q"
seq 6 >"$temp/in"
until cmp -s "$temp/in" "$temp/tailed"; do
	sleep 0.02
done
kill -TERM "$tail"
ends "$tail" 143 'tail after a signal'
seq 6 | is 'all of both producers' "$temp/tailed"

#
# What was overwritten is counted: nobody reads the output until all has been pushed.
#
new_queue --capacity 4K
mkfifo "$temp/slow"
"$SHMEMQ" tail "$q" --oldest --stay --frame chunk >"$temp/slow" 2>"$temp/err" &
tail=$!
exec 4<"$temp/slow"
{
	printf first | "$SHMEMQ" push "$q" --frame chunk
	until [ "$(dd bs=5 count=1 2>"$temp/dd")" = first ]; do
		sleep 0.02
	done
} <&4
kill -STOP "$tail"
seq 10000 | "$SHMEMQ" push "$q" --stay &
push=$!
"$SHMEMQ" pop "$q" --stay --count 10001 >"$temp/popped"
ends "$push" 0 push
kill -CONT "$tail"
until grep -q 'messages overwritten before they were read: 9[0-9][0-9][0-9]$' "$temp/err"; do
	sleep 0.02
done
kill -TERM "$tail"
cat <&4 >"$temp/rest"
exec 4<&-
ends "$tail" 143 'tail that was overtaken'

# A message that its frame cannot show.
new_queue
printf 'a\nb' | "$SHMEMQ" push "$q" --frame chunk
expect 1 "$q: a message contains a newline; use --frame=len32 or --frame=chunk to show it" tail "$q" --oldest
expect 0 '' tail "$q" --oldest --frame nul

verdict
