#!/bin/sh
# SPDX-License-Identifier: MIT
# The examples of event loops, examples/loops/, with the libraries that configure has found: no message stays in a queue
# while its loop sleeps, and no loop runs while its queue is empty.
examples=${top_builddir:-.}/examples/loops
shmemq=${SHMEMQ:-./shmemq}
name=/shmemq-loops-$$
temp=$(mktemp -d) || exit 1
trap 'kill $consumer $producer 2>/dev/null; rm -rf "$temp" "/dev/shm$name"' EXIT
trap 'exit 1' HUP INT TERM
consumer=
producer=

fail() # WHAT
{
	echo "FAIL: $loop: $1"
	cat "$temp/err"
	exit 1
}

# Repeats a command until it succeeds, for at most ten seconds.
await() # WHAT COMMAND...
{
	what=$1
	shift
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ "$tries" -lt 500 ] || fail "not in ten seconds: $what"
		sleep 0.02
	done
}

start_loop()
{
	"$examples/$loop" "$name" >"$temp/out" 2>"$temp/err" &
	consumer=$!
}

# Starts a producer that sends the lines written to descriptor 3.
start_producer()
{
	mkfifo "$temp/lines"
	"$shmemq" push "$name" --create <"$temp/lines" &
	producer=$!
	exec 3>"$temp/lines"
	rm "$temp/lines"
}

# The loop ends by itself: with the given status, for at most ten seconds.
end_loop() # STATUS
{
	await 'the loop ends' has_ended
	wait "$consumer"
	[ $? -eq "$1" ] || fail "its status is not $1"
	consumer=
}

has_ended()
{
	! kill -0 "$consumer" 2>/dev/null
}

# The output is the numbers to LAST.
says() # LAST
{
	[ "$(wc -l <"$temp/out")" -eq "$1" ] && seq "$1" | cmp -s - "$temp/out"
}

# What the loop's process has used: processor time, and how often it was put to sleep.
used()
{
	sed 's/.*) //' "/proc/$consumer/stat" | cut -d ' ' -f 12,13
	grep ctxt_switches "/proc/$consumer/status"
}

# For half a second the loop does not run at all. In the first second a descriptor may be readable without a reason: see
# shmemq_pollfd(3).
rests()
{
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		before=$(used)
		sleep 0.5
		[ "$(used)" != "$before" ] || return 0
	done
	fail "it runs while its queue is empty: $before, then $(used)"
}

# A loop that cannot be started here: 77.
starts()
{
	start_loop
	seq 3 | timeout 20 "$shmemq" push "$name" --create || fail 'push'
	await 'the loop ends' has_ended
	wait "$consumer" && return
	if grep 'Too many open files\|No file descriptors\|not supported' "$temp/err"; then
		echo "loops.sh: skipped: no inotify instance left, or no /proc"
		exit 77
	fi
	fail 'it has failed'
}

streams()
{
	start_loop
	seq 100000 | timeout 20 "$shmemq" push "$name" --create || fail 'push'
	end_loop 0
	says 100000 || fail 'not all of 100,000 messages, in order'
	[ ! -e "/dev/shm$name" ] || fail 'it has left the queue'
}

# Bursts of few and of many messages, of which the loop takes 100 at a time.
bursts()
{
	start_loop
	start_producer
	sent=0
	for burst in 1 1 99 100 101 1000 1 20000 1; do
		seq $((sent + 1)) $((sent + burst)) >&3
		sent=$((sent + burst))
		await "$sent messages arrive" says $sent
	done
	rests
	echo $((sent + 1)) >&3
	exec 3>&-
	end_loop 0
	says $((sent + 1)) || fail 'the last message'
	wait "$producer" || fail 'push'
	producer=
}

# What was pushed before a producer is killed arrives, and the loop ends.
notices_death()
{
	start_loop
	start_producer
	seq 3 >&3
	await '3 messages arrive' says 3
	kill -KILL "$producer"
	exec 3>&-
	end_loop 1
	[ "$(cat "$temp/err")" != '' ] || fail 'it does not say why it has ended'
	wait "$producer" 2>/dev/null
	producer=
	rm "/dev/shm$name"
}

loops=0
for loop in uv glib sd-event asio; do
	if [ ! -x "$examples/$loop" ]; then
		echo "loops.sh: $loop is left out: configure has not found its library"
		continue
	fi
	starts
	streams
	bursts
	notices_death
	echo "loops.sh: $loop: passed"
	loops=$((loops + 1))
done
[ $loops -gt 0 ] || exit 77
