#!/bin/sh
# SPDX-License-Identifier: MIT
# peek and drain: what is queued is shown, and thrown away.
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"
needs_proc 'which has the state of processes'

#
# peek: what is queued, not what was popped, in every frame; it takes nothing.
#
new_queue
expect 0 '' peek "$q"
: | is 'peek of an empty queue'
seq 5 | "$SHMEMQ" push "$q" --type 7
"$SHMEMQ" pop "$q" --count 2 >"$temp/popped"
expect 0 '' peek "$q"
seq 3 5 | is 'all that are queued'
expect 0 '' peek "$q" --offset 1
seq 4 5 | is '--offset'
expect 0 '' peek "$q" --offset 1 --count 1
echo 4 | is '--offset --count'
expect 0 '' peek "$q" --offset 4
: | is '--offset past the end'
expect 0 '' peek "$q" --type --count 1
printf '7\t3\n' | is '--type'
expect 0 '' peek "$q" --frame nul --count 1
printf '3\000' | is '--frame nul'
expect 0 '' peek "$q" --frame len32 --count 1
printf '\000\000\000\0013' | is '--frame len32'
expect 0 '' peek "$q" --frame hex
printf '33\n34\n35\n' | is '--frame hex'
field_is "$q" queued_messages 3
field_is "$q" consumer closed
"$SHMEMQ" pop "$q" >"$temp/popped"
seq 3 5 | is 'what peek has left' "$temp/popped"

# Beside a consumer that is stopped, and holds a message; and beside a producer that has more to push.
new_queue
mkfifo "$temp/given" "$temp/taken"
"$SHMEMQ" pop "$q" --count 1 >"$temp/taken" &
pop=$!
exec 4<>"$temp/taken"
await_field "$q" consumer_waiting yes
stop "$pop"
"$SHMEMQ" push "$q" <"$temp/given" &
push=$!
exec 3>"$temp/given"
seq 3 >&3
await_field "$q" queued_messages 3
expect 0 '' peek "$q"
seq 3 | is 'beside a consumer that is stopped'

#
# drain refuses while that consumer has the end, and takes what is queued after that.
#
expect 7 "$q: the consumer end is in use by process $pop shmemq (stopped); nothing has been thrown away" drain "$q"
field_is "$q" queued_messages 3
kill -CONT "$pop"
ends "$pop" 0 'pop that was stopped'
exec 4>&-
expect 0 '' drain "$q" --count 1
echo "$q: messages thrown away: 1, bytes: 1" | is 'drain --count'
expect 0 '' drain "$q"
echo "$q: messages thrown away: 1, bytes: 1" | is 'drain'
field_is "$q" queued_messages 0
expect 0 '' drain "$q"
echo "$q: messages thrown away: 0, bytes: 0" | is 'drain of an empty queue'
exec 3>&-
ends "$push" 0 push
seq 1000 | "$SHMEMQ" push "$q"
expect 0 '' drain "$q"
echo "$q: messages thrown away: 1000, bytes: 2893" | is 'drain of many'

new_queue --broadcast
expect 1 "$q: a broadcast queue cannot be drained: each consumer has to pop its messages itself" drain "$q"
field_is "$q" consumer never
new_queue --broadcast --temporary
expect 1 "$q: a broadcast queue cannot be drained: each consumer has to pop its messages itself" drain "$q"
[ -e "/dev/shm$q" ] || fail 'a drain that was refused has removed a temporary queue'
expect 4 "$prefix-none: no such queue" drain "$prefix-none"
expect 4 "$prefix-none: no such queue" peek "$prefix-none"

verdict
