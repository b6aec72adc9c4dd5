#!/bin/sh
# SPDX-License-Identifier: MIT
# push and pop as streams: how they begin, wait, and end.
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"

needs_proc 'which has the clock'

# Prints milliseconds of a monotonic clock.
now()
{
	awk '{ print int($1 * 1000) }' /proc/uptime
}

# Starts the command in the background, and sets pid. Descriptor 3 writes to its standard input.
start_giving() # ARGUMENT...
{
	rm -f "$temp/given"
	mkfifo "$temp/given"
	"$SHMEMQ" "$@" <"$temp/given" &
	pid=$!
	exec 3>"$temp/given"
}

#
# The end of the stream: a producer that closes, then one that dies.
#
new_queue
"$SHMEMQ" pop "$q" >"$temp/popped" &
pop=$!
start_giving push "$q"
await_field "$q" consumer_waiting yes
# pop writes what it has before it waits for more; if it did not, the watchdog would end this loop.
seq 3 >&3
seq 3 >"$temp/in"
until cmp -s "$temp/in" "$temp/popped"; do
	sleep 0.02
done
printf '4\n5' >&3
exec 3>&-
ends "$pid" 0 push
ends "$pop" 0 'pop after a close'
seq 5 | is 'all messages' "$temp/popped"
expect 0 '' pop "$q"

start_giving push "$q"
printf 'four\nfive\nsix' >&3
await_field "$q" queued_messages 2
kill -9 "$pid"
ends "$pid" 137 'killed push'
exec 3>&-
field_is "$q" producer dead
expect 6 "$q: the producer has died: process $pid; messages written: 2" pop "$q"
printf 'four\nfive\n' | is 'what a dead producer had pushed'

# A waiting pop notices the death. How soon is tested in tests/api/death.c.
"$SHMEMQ" pop "$q" --stay >"$temp/popped" &
stay=$!
await_field "$q" consumer_waiting yes
kill "$stay"
ends "$stay" 143 'pop --stay'
start_giving push "$q"
await_field "$q" producer open
"$SHMEMQ" pop "$q" 2>"$temp/err" &
pop=$!
await_field "$q" consumer_waiting yes
kill -9 "$pid"
ends "$pop" 6 'pop beside a push that is killed'
echo "shmemq: $q: the producer has died: process $pid; messages written: 0" |
	is 'pop beside a push that is killed' "$temp/err"
exec 3>&-

#
# A full queue whose consumer has closed or died.
#
new_queue --capacity 4K
expect 3 "$q: timed out: the queue is empty, and no producer has opened it yet; messages written: 0" \
	pop "$q" --timeout 0
seq 1000 | expect 6 "$q: the queue is full and the consumer has closed it; messages pushed: 255" push "$q"
expect 0 '' pop "$q"
seq 255 | is 'what a full queue held'
"$SHMEMQ" pop "$q" --stay >/dev/null &
pop=$!
await_field "$q" consumer_waiting yes
kill -9 "$pop"
ends "$pop" 137 'killed pop'
seq 1000 | expect 6 "$q: the queue is full and the consumer has died: process $pop; messages pushed: 255" push "$q"

#
# --timeout
#
waits() # MILLISECONDS STATUS ERROR ARGUMENT...
{
	least=$1
	shift
	start=$(now)
	expect "$@"
	took=$(($(now) - start))
	[ "$took" -ge "$least" ] || fail "$*: waited $took ms"
}

new_queue --capacity 4K
waits 300 3 "$q: timed out: the queue is empty, and no producer has opened it yet; messages written: 0" \
	pop "$q" --timeout 0.305
waits 1000 3 "$q: timed out: the queue is empty, and no producer has opened it yet; messages written: 0" \
	pop "$q" --timeout 1.01
new_queue --capacity 4K
yes | waits 0 3 "$q: timed out: the queue is full, and no consumer has opened it yet; messages pushed: 255" \
	push "$q" --timeout 0
yes | waits 300 3 "$q: timed out: the queue is full, and no consumer has opened it yet; messages pushed: 0" \
	push "$q" --timeout .305
"$SHMEMQ" pop "$q" --count 1 --timeout 0 >/dev/null || fail 'one of a full queue'

#
# --count
#
new_queue
seq 100000 >"$temp/in"
# The next reader of a file starts where push has stopped.
{
	"$SHMEMQ" push "$q" --count 0
	"$SHMEMQ" push "$q" --count 1
	"$SHMEMQ" push "$q" --count 2 --frame=chunk:2
	cat
} <"$temp/in" >"$temp/rest"
seq 4 100000 | is 'the rest of the input' "$temp/rest"
seq 10 | "$SHMEMQ" push "$q" --count 3
field_is "$q" queued_messages 6
expect 0 '' pop "$q" --count 0
: | is 'none'
expect 0 '' pop "$q" --count 1 --frame=chunk
printf 1 | is 'one'
expect 0 '' pop "$q" --count 2 --frame=chunk
printf '2\n3\n' | is 'two chunks'
expect 0 '' pop "$q" --count=18446744073709551614
seq 3 | is 'no more than there are'

#
# --stay
#
new_queue --capacity 4K
"$SHMEMQ" pop "$q" --stay --count 4 >"$temp/popped" &
pop=$!
for i in 1 2; do
	printf '%s\n\n' $i | "$SHMEMQ" push "$q" || fail "push $i"
	await_field "$q" popped_messages $((2 * i))
done
ends "$pop" 0 'pop --stay --count 4'
printf '1\n\n2\n\n' | is 'of two producers' "$temp/popped"
seq 5000 >"$temp/in"
"$SHMEMQ" push "$q" --stay <"$temp/in" &
pid=$!
await_field "$q" producer_waiting yes
"$SHMEMQ" pop "$q" --count 1000 >"$temp/popped" || fail 'first pop'
await_field "$q" producer_waiting yes
"$SHMEMQ" pop "$q" >>"$temp/popped" || fail 'second pop'
ends "$pid" 0 'push --stay'
is 'to two consumers' "$temp/popped" <"$temp/in"

#
# --shared
#
new_queue --capacity 4K
seq 3000 >"$temp/in"
pids=
for i in 1 2 3; do
	"$SHMEMQ" push "$q" --shared <"$temp/in" &
	pids="$pids $!"
done
await_field "$q" producer_waiting yes
"$SHMEMQ" push "$q" </dev/null 2>"$temp/err" && fail 'push beside push --shared'
"$SHMEMQ" pop "$q" --shared --stay >"$temp/popped-1" &
pop1=$!
"$SHMEMQ" pop "$q" --shared --stay >"$temp/popped-2" &
pop2=$!
for pid in $pids; do
	ends "$pid" 0 'push --shared'
done
await_field "$q" queued_messages 0
# A pop may be late and have got no message: while it is still the shell, SIGTERM would not end it as pop.
for pid in "$pop1" "$pop2"; do
	until grep -qs shmemq "/proc/$pid/comm" || ! kill -0 "$pid"; do
		sleep 0.01
	done
done
kill "$pop1" "$pop2"
ends "$pop1" 143 'pop --shared'
ends "$pop2" 143 'pop --shared'
sort -n "$temp/popped-1" "$temp/popped-2" >"$temp/popped"
sort -n "$temp/in" "$temp/in" "$temp/in" | is 'to one consumer each' "$temp/popped"
new_queue --capacity 1M
head -c 300000 /dev/zero | "$SHMEMQ" push "$q" --shared --frame=chunk:100000 || fail 'large chunks of a shared queue'
field_is "$q" pushed_messages 3
field_is "$q" pushed_bytes 300000

#
# --create and --temporary
#
queues=$((queues + 1))
q=$prefix-$queues
"$SHMEMQ" pop "$q" --create --temporary --capacity 8K --mode=644 >"$temp/popped" &
pop=$!
until [ -e "/dev/shm$q" ]; do
	sleep 0.02
done
await_field "$q" consumer_waiting yes
field_is "$q" capacity 8192
field_is "$q" temporary yes
[ "$(stat -c %a "/dev/shm$q")" = "$(printf '%o' $((0644 & ~$(umask))))" ] || fail 'mode of pop --create'
# The queue exists, so --capacity and --mode have no effect.
echo here | "$SHMEMQ" push "$q" --create --capacity 1M --mode 600 || fail 'push --create'
ends "$pop" 0 'pop --create'
echo here | is 'push --create' "$temp/popped"
[ ! -e "/dev/shm$q" ] || fail 'a temporary queue is left'

verdict
