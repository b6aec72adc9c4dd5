#!/bin/sh
# SPDX-License-Identifier: MIT
# pop loses no message when it is ended or a write fails; a stream costs no system call for each message, and a wait no
# CPU time; and --progress.
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"

needs_proc 'which has the clock'

# Waits until the pipe is full, and pop blocks in a write with more in its buffer.
until_stuck()
{
	until [ -s "$temp/first" ] && [ "$(field "$q" producer_waiting)" = yes ]; do
		sleep 0.02
	done
}

seq 300000 >"$temp/in" # more than a queue of 1 MiB and a pipe can hold

#
# A pop that is ended by a signal writes what it has taken from the queue; the next pop gets the rest.
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
# It has one second after the signal. The pipe is emptied first, so that the reader need not be scheduled in time.
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

# It does not wait for its reader for ever.
new_queue
rm "$temp/first" # or until_stuck() would find the first pop's output there, before this pop runs
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

# An ignored signal stays ignored.
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
# A write that fails: the message at hand stays in the queue, and pop reports how many buffered ones are lost.
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

# With a limit of one block for the file, writing the second message fails. As the last one of --count it is still in
# the queue, in a stream it is not.
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

# If its reader exits, pop is not killed by SIGPIPE.
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
# Messages that head has read, or that were left in the pipe, are not among those that pop counts as lost.
[ "${lost:-0}" -lt "$first" ] || fail "pop to head: $(cat "$temp/err"), and the next begins at $first"
seq "$first" 60000 | is 'after pop to head'

#
# Costs.
#
new_queue
"$SHMEMQ" pop "$q" >"$temp/popped" &
pop=$!
await_field "$q" consumer_waiting yes
# A waiting pop sleeps for 250 ms at a time. Sleeps are counted, because CPU time would not tell: before each sleep is a
# membarrier, which spins until the other CPUs have answered, however long that takes.
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
	ASAN_OPTIONS=detect_leaks=0 # leaks cannot be detected under strace
	export ASAN_OPTIONS
	# One after the other: if they ran at once, they would wait for each other an unknown number of times. About a
	# hundred calls are expected, and more with a sanitizer.
	new_queue --capacity 16M
	strace -f -o "$temp/push" "$SHMEMQ" push "$q" <"$temp/in" || fail 'push under strace'
	strace -f -o "$temp/pop" "$SHMEMQ" pop "$q" >"$temp/popped" || fail 'pop under strace'
	is 'a stream under strace' "$temp/popped" <"$temp/in"
	for side in push pop; do
		calls=$(wc -l <"$temp/$side")
		echo "$side: $calls system calls for 300000 messages"
		[ "$calls" -lt 3000 ] || fail "$side: $(sed 's/^[0-9]* //; s/(.*//' "$temp/$side" | sort | uniq -c)"
	done
	# Messages to a file that other processes write to as well are not broken up.
	strace -f -o "$temp/trace" -e trace=write,writev "$SHMEMQ" stat "$prefix-none" 2>"$temp/err"
	grep -c 'write.*(2, ' "$temp/trace" >"$temp/writes"
	echo 1 | is 'calls that write a message' "$temp/writes"
else
	echo "output.sh: strace cannot trace here: system calls are not counted"
fi

#
# --progress
#
new_queue
seq 10 | "$SHMEMQ" push "$q" --progress 2>"$temp/err" || fail 'push --progress'
: | is 'progress on what is no terminal' "$temp/err"
if script -q -e -c true "$temp/typescript" >/dev/null 2>&1; then # script(1) fails without a terminal to open
	script -q -e -f -c "'$SHMEMQ' pop '$q' --progress --stay --count 11 >'$temp/popped'" "$temp/typescript" \
		>/dev/null 2>&1 &
	pop=$!
	rate='[0-9]* messages/s, [0-9.]* MiB/s'
	progress() # MESSAGES
	{
		tr '\r' '\n' <"$temp/typescript" | sed 's/  *$//' >"$temp/lines"
		grep -c "^$1 messages, 0.0 MiB, $rate\$" "$temp/lines"
	}
	# It is shown more than once during a wait, and at the end.
	until [ "$(progress 10)" -ge 2 ]; do
		sleep 0.1
	done
	echo 11 | "$SHMEMQ" push "$q"
	ends "$pop" 0 'pop --progress'
	seq 11 | is 'pop --progress' "$temp/popped"
	[ "$(progress 11)" -ge 1 ] || fail "last progress: $(cat "$temp/lines")"
	# Showing progress does not restart the timeout, and the error has a line of its own.
	new_queue
	start=$(cut -d ' ' -f 1 /proc/uptime)
	script -q -e -c "'$SHMEMQ' pop '$q' --progress --timeout 1.2" "$temp/typescript" >/dev/null 2>&1
	[ $? -eq 3 ] || fail 'pop --progress --timeout'
	awk -v start="$start" '{ exit !($1 - start >= 1.19) }' /proc/uptime || fail 'pop --progress --timeout: early'
	tr -d '\r' <"$temp/typescript" >"$temp/lines"
	grep -q "^shmemq: $q: timed out: the queue is empty" "$temp/lines" ||
		fail "error beside progress: $(cat "$temp/lines")"
else
	echo "output.sh: no script(1): progress on a terminal is not looked at"
fi
if python3 -c 'import pty; pty.openpty()' 2>/dev/null; then
	new_queue
	seq 10 | "$SHMEMQ" push "$q"
	python3 "$srcdir/tests/command/terminal.py" 30x5 'wait=^10 messages, 0.0 MiB, [0-9]+' end=0 -- \
		sh -c "exec '$SHMEMQ' pop '$q' --progress >'$temp/popped'" >"$temp/screen" 2>&1 ||
		fail "progress on a narrow terminal: $(cat "$temp/screen")"
else
	echo 'output.sh: no python3, or no /dev/pts: no progress on a narrow terminal'
fi

verdict
