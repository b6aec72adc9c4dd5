#!/bin/sh
# SPDX-License-Identifier: MIT
# What pop owes whoever reads its output, and what a stream costs: nothing lost, no system call a message, no CPU while
# it waits; and --progress.
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"

[ -e /proc/uptime ] || {
	echo "command_output.sh: no /proc, which has the clock"
	exit 77
}

# Until the pipe is full, and pop sits in a write with more in its buffer.
until_stuck()
{
	until [ -s "$temp/first" ] && [ "$(field "$q" producer_waiting)" = yes ]; do
		sleep 0.02
	done
}

seq 300000 >"$temp/in" # more than a queue of 1 MiB and a pipe can hold

#
# A pop that is ended by a signal writes what it has taken; the next one gets the rest.
#
new_queue
"$SHMEMQ" push "$q" --stay <"$temp/in" &
push=$!
mkfifo "$temp/fifo" "$temp/go"
{
	dd bs=1 count=1 2>/dev/null
	read -r _ <"$temp/go"
	cat
} <"$temp/fifo" >"$temp/first" &
reader=$!
"$SHMEMQ" pop "$q" >"$temp/fifo" &
pop=$!
until_stuck
# From the signal on it has a second. By then the pipe is empty: no need for a reader, who may be off its processor.
kill -STOP "$pop"
kill "$pop"
echo >"$temp/go"
until [ "$(wc -c <"$temp/first")" -gt 1 ]; do
	sleep 0.02
done
kill -CONT "$pop"
ends "$pop" 143 'pop with SIGTERM'
wait "$reader"
field_is "$q" consumer closed
"$SHMEMQ" pop "$q" >"$temp/second"
ends "$push" 0 'push to two pops'
[ -s "$temp/second" ] || fail 'the first pop got it all'
cat "$temp/first" "$temp/second" >"$temp/both"
is 'what two pops wrote' "$temp/both" <"$temp/in"

# It does not wait for a reader for ever.
new_queue
"$SHMEMQ" push "$q" --stay <"$temp/in" &
push=$!
{
	dd bs=1 count=1 2>/dev/null
	read -r _ <"$temp/go"
} <"$temp/fifo" >"$temp/first" &
reader=$!
"$SHMEMQ" pop "$q" >"$temp/fifo" &
pop=$!
until_stuck
kill "$pop"
ends "$pop" 143 'pop with SIGTERM and a reader that does not read'
echo >"$temp/go"
wait "$reader"
kill "$push"
ends "$push" 143 'push with SIGTERM'

# Ignored stays ignored.
new_queue
(
	trap '' HUP
	exec "$SHMEMQ" pop "$q" >"$temp/popped"
) &
pop=$!
await_field "$q" consumer_waiting yes
kill -HUP "$pop"
echo through | "$SHMEMQ" push "$q"
ends "$pop" 0 'pop under nohup'
echo through | is 'pop under nohup' "$temp/popped"

#
# A write that fails: the message stays where it was, and those that had been gathered are accounted for.
#
new_queue
"$SHMEMQ" pop "$q" 2>"$temp/err" >/dev/full &
pop=$!
await_field "$q" consumer_waiting yes
seq 10 | "$SHMEMQ" push "$q"
ends "$pop" 1 'pop to a full device'
echo "shmemq: $q: standard output: No space left on device" | is 'pop to a full device' "$temp/err"
field_is "$q" consumer closed
expect 0 '' pop "$q"
seq 10 | is 'after pop to a full device'

# A file may be no longer than a block or two: the second message fails. As the last of --count it is still in the
# queue, in a stream it is not.
limited() # ARGUMENT...
{
	(
		trap '' XFSZ
		ulimit -f 1
		exec "$SHMEMQ" pop "$q" "$@" >"$temp/limited"
	)
}
new_queue
{ echo short && xs 4000; } >"$temp/two"
"$SHMEMQ" push "$q" <"$temp/two"
limited --count 2 2>"$temp/err" && fail 'pop to a file that is full: success'
echo "shmemq: $q: standard output: File too large" | is 'the last message' "$temp/err"
field_is "$q" popped_messages 1
"$SHMEMQ" push "$q" <"$temp/two"
expect 0 '' pop "$q" --count 1
{ xs 4000 && echo; } | is 'the last message, again'
limited 2>"$temp/err" && fail 'pop of a stream to a file that is full: success'
echo "shmemq: $q: standard output: File too large; messages taken from the queue and lost: up to 1" |
	is 'a message of a stream' "$temp/err"
field_is "$q" popped_messages 4

# Its reader goes after a line: SIGPIPE does not kill it.
seq 60000 | "$SHMEMQ" push "$q"
{
	"$SHMEMQ" pop "$q" 2>"$temp/err"
	echo $? >"$temp/status"
} | head -n 1 >"$temp/popped"
echo 1 | is 'pop to head' "$temp/popped"
echo 1 | is 'status of pop to head' "$temp/status"
said="shmemq: $q: standard output: Broken pipe; messages taken from the queue and lost: up to "
lost=$(sed -n "s|^$said||p" "$temp/err")
expect 0 '' pop "$q"
read -r first <"$temp/out"
# What head was given is in none of the two counts, or in the pipe that it left.
[ "${lost:-0}" -lt "$first" ] || fail "pop to head: $(cat "$temp/err"), and the next begins at $first"
seq "$first" 60000 | is 'after pop to head'

#
# What it costs.
#
new_queue
"$SHMEMQ" pop "$q" >"$temp/popped" &
pop=$!
await_field "$q" consumer_waiting yes
# It sleeps, for 250 ms at a time, with a membarrier before, which may wait for another process's. CPU time does not
# tell: the membarrier is busy until other processors have answered, and that takes as long as the machine likes.
sleeps()
{
	awk '$1 == "voluntary_ctxt_switches:" { print $2 }' "/proc/$pop/status"
}
start=$(cut -d ' ' -f 1 /proc/uptime)
before=$(sleeps)
sleep 2
slept=$(($(sleeps) - before))
awk -v start="$start" -v slept="$slept" '{ exit !(slept >= 1 && slept <= 10 * ($1 - start) + 10) }' /proc/uptime ||
	fail "a waiting pop slept $slept times in two seconds"
: | "$SHMEMQ" push "$q"
ends "$pop" 0 'pop of nothing'

if strace -o "$temp/trace" true 2>"$temp/err"; then
	ASAN_OPTIONS=detect_leaks=0 # it cannot do that under strace
	export ASAN_OPTIONS
	# One after the other, so that none has to wait: how often one would is the machine's affair. A hundred or so,
	# and what a sanitizer adds.
	new_queue --capacity 16M
	strace -f -o "$temp/push" "$SHMEMQ" push "$q" <"$temp/in" || fail 'push under strace'
	strace -f -o "$temp/pop" "$SHMEMQ" pop "$q" >"$temp/popped" || fail 'pop under strace'
	is 'a stream under strace' "$temp/popped" <"$temp/in"
	for side in push pop; do
		calls=$(wc -l <"$temp/$side")
		echo "$side: $calls system calls for 300000 messages"
		[ "$calls" -lt 3000 ] || fail "$side: $(sed 's/^[0-9]* //; s/(.*//' "$temp/$side" | sort | uniq -c)"
	done
else
	echo "command_output.sh: strace cannot trace here: system calls are not counted"
fi

#
# --progress
#
new_queue
seq 10 | "$SHMEMQ" push "$q" --progress 2>"$temp/err" || fail 'push --progress'
: | is 'progress on what is no terminal' "$temp/err"
if script -q -e -c true "$temp/typescript" >/dev/null 2>&1; then # it needs a terminal to give
	script -q -e -f -c "'$SHMEMQ' pop '$q' --progress --stay --count 11 >'$temp/popped'" "$temp/typescript" \
		>/dev/null 2>&1 &
	pop=$!
	rate='[0-9]* messages/s, [0-9.]* MiB/s'
	progress() # MESSAGES
	{
		tr '\r' '\n' <"$temp/typescript" | sed 's/  *$//' >"$temp/lines"
		grep -c "^$1 messages, 0.0 MiB, $rate\$" "$temp/lines"
	}
	# While it waits, more than once, and when it is done.
	until [ "$(progress 10)" -ge 2 ]; do
		sleep 0.1
	done
	echo 11 | "$SHMEMQ" push "$q"
	ends "$pop" 0 'pop --progress'
	seq 11 | is 'pop --progress' "$temp/popped"
	[ "$(progress 11)" -ge 1 ] || fail "last progress: $(cat "$temp/lines")"
	# The timeout counts on through what is shown meanwhile, and the error has a line of its own.
	new_queue
	start=$(cut -d ' ' -f 1 /proc/uptime)
	script -q -e -c "'$SHMEMQ' pop '$q' --progress --timeout 1.2" "$temp/typescript" >/dev/null 2>&1
	[ $? -eq 1 ] || fail 'pop --progress --timeout'
	awk -v start="$start" '{ exit !($1 - start >= 1.19) }' /proc/uptime || fail 'pop --progress --timeout: early'
	tr -d '\r' <"$temp/typescript" >"$temp/lines"
	grep -q "^shmemq: $q: timed out: the queue is empty" "$temp/lines" ||
		fail "error beside progress: $(cat "$temp/lines")"
else
	echo "command_output.sh: no script(1): progress on a terminal is not looked at"
fi

verdict
