#!/bin/sh
# SPDX-License-Identifier: MIT
# Broadcast queues, limits on messages and the creator's bytes: create, push, pop, stat and ls.
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"

#
# Each pop gets what is pushed from its start on.
#
new_queue --broadcast --capacity 64K
field_is "$q" broadcast yes
field_is "$q" consumers 0
seq 5 | "$SHMEMQ" push "$q" --stay || fail 'a push without consumers'
"$SHMEMQ" pop "$q" --stay --count 20 >"$temp/one" &
one=$!
await_field "$q" consumers 1
field_is "$q" slowest_pid "$one"
seq 10 | "$SHMEMQ" push "$q" || fail 'a push'
"$SHMEMQ" pop "$q" --stay --count 10 >"$temp/two" &
two=$!
await_field "$q" consumers 2
seq 11 20 | "$SHMEMQ" push "$q" || fail 'a push'
ends "$one" 0 'the first pop'
ends "$two" 0 'the second pop'
seq 20 | is 'what the first has popped' "$temp/one"
seq 11 20 | is 'what the second has popped' "$temp/two"

#
# The slowest, as text and in the table.
#
"$SHMEMQ" pop "$q" --stay >/dev/null &
slow=$!
await_field "$q" consumer_waiting yes
kill -STOP "$slow"
seq 3 | "$SHMEMQ" push "$q" || fail 'a push'
field_is "$q" slowest_pid "$slow"
field_is "$q" slowest_messages 3
field_is "$q" slowest_bytes 48
field_is "$q" queued_messages 3
"$SHMEMQ" ls | awk -v q="$q" '$1 == q { print $13, $14, $15 }' >"$temp/row"
echo "1 $slow -" | is 'a row of ls' "$temp/row"
kill -9 "$slow"
ends "$slow" 137 'killed pop'
"$SHMEMQ" ls | awk -v q="$q" '$1 == q { print $13, $14, $15 }' >"$temp/row"
echo '0 none -' | is 'a row of ls without consumers' "$temp/row"

#
# messages_max and the creator's bytes.
#
new_queue --max-messages 3
field_is "$q" messages_max 3
seq 4 | "$SHMEMQ" push "$q" --timeout 0.01 2>/dev/null && fail 'a fourth message'
field_is "$q" queued_messages 3
"$SHMEMQ" ls | awk -v q="$q" '$1 == q { print $15 }' >"$temp/row"
echo 3 | is 'the limit in ls' "$temp/row"
[ "$("$SHMEMQ" pop "$q" --count 3 --stay | wc -l)" -eq 3 ] || fail 'three messages'

user_is() # TEXT JSON ARGUMENT
{
	new_queue --user "$3"
	"$SHMEMQ" stat "$q" | sed -n 's/^user  *//p' >"$temp/user"
	printf '%s\n' "$1" | is "--user $3" "$temp/user"
	"$SHMEMQ" stat "$q" --json | grep -o '"user": .*, "queued_messages"' >"$temp/user"
	printf '%s, "queued_messages"\n' "$2" | is "--user $3 as JSON" "$temp/user"
}

user_is 'schema' '"user": "schema"' schema
user_is '-' '"user": null' ''
user_is 'a\x20b' '"user": "a b"' 'a b'
user_is "$(xs 64)" "\"user\": \"$(xs 64)\"" "$(xs 64)"
printf 'a\0b\377' >"$temp/bytes"
user_is 'a\x00b\xff' '"user": "a", "user_hex": "610062ff"' "@$temp/bytes"
xs 65 >"$temp/bytes"
for text in "$(xs 65)" "@$temp/bytes"; do
	expect 2 "create: invalid --user \"$text\": it must be at most 64 bytes, as text or in @FILE" \
		create "$prefix-no" --user "$text"
done
expect 1 "create: --user: cannot read the file \"$temp/missing\": No such file or directory" \
	create "$prefix-no" --user "@$temp/missing"
expect 1 "push: --user: cannot read the file \"$temp\": Is a directory" push "$prefix-no" --create --user "@$temp"
[ ! -e "/dev/shm$prefix-no" ] || fail 'a queue without its bytes'

verdict
