#!/bin/sh
# SPDX-License-Identifier: MIT
# Errors of an end that is in use, and of waits that time out, say which process has the end, and how it is.
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"
needs_proc 'which has the state of processes'

# A consumer that is stopped, whose process has an ugly name: it is shown as names of queues are.
ugly=$temp/$(printf 'a b)\033[2J \134')
cp "$SHMEMQ" "$ugly"
shown="a\\x20b)\\x1b[2J\\x20\\x5c"
new_queue --max-messages 1
"$ugly" pop "$q" >/dev/null &
pid=$!
await_field "$q" consumer_waiting yes
stop "$pid"
consumer="process $pid $shown (stopped)"
seq 2 | expect 3 "$q: timed out: the queue is full, and the consumer is $consumer; messages pushed: 1" \
	push "$q" --timeout 0.1
share='to share it, start every process with --shared'
expect 7 "$q: the consumer end is in use by $consumer; $share" pop "$q"
kill -KILL "$pid"
ends "$pid" 137 'pop that was stopped'
seq 1 | expect 3 "$q: timed out: the queue is full, and the consumer has died: process $pid; messages pushed: 0" \
	push "$q" --timeout 0.1 --stay
"$SHMEMQ" pop "$q" --count 1 >/dev/null
seq 2 | expect 3 "$q: timed out: the queue is full, and the consumer has closed it; messages pushed: 1" \
	push "$q" --timeout 0.1 --stay

# A producer that sleeps for its input.
new_queue
mkfifo "$temp/fifo"
"$SHMEMQ" push "$q" <"$temp/fifo" &
pid=$!
exec 3>"$temp/fifo"
await_field "$q" producer open
expect 3 "$q: timed out: the queue is empty, and the producer is process $pid shmemq; messages written: 0" \
	pop "$q" --timeout 0.1
expect 3 "$q: timed out: no further message, and the producer is process $pid shmemq; messages written: 0" \
	tail "$q" --timeout 0.1
exec 3>&-
ends "$pid" 0 push

# A shared end: how many have it; and which of them keeps the others from it.
new_queue
"$SHMEMQ" pop "$q" --shared --stay >/dev/null &
one=$!
await_field "$q" consumers 1
"$SHMEMQ" pop "$q" --shared --stay >/dev/null &
two=$!
await_field "$q" consumers 2
last=$(field "$q" consumer_pid)
expect 7 "$q: the consumer end is in use by 2 handles, the last one of process $last; $share" pop "$q"
kill "$one" "$two"
wait "$one" "$two" 2>/dev/null

# A handle of the end that is in the middle of a message, and keeps the others from it; the command never does that for
# long.
library=$(dirname "$SHMEMQ")/libshmemq.so
if [ -e "$library" ] && command -v python3 >/dev/null; then
	new_queue
	python3 - "$library" "$q" <<'PYTHON' &
import ctypes, sys, time

shmemq = ctypes.CDLL(sys.argv[1])
shmemq.shmemq_open.restype = shmemq.shmemq_push_start.restype = ctypes.c_void_p
queue = ctypes.c_void_p(shmemq.shmemq_open(sys.argv[2].encode(), 0x0001 | 0x0100, 0, None))
shmemq.shmemq_push_start(queue, ctypes.c_size_t(8))
time.sleep(1000)
PYTHON
	pid=$!
	until [ "$(field "$q" producer_holder)" = "$pid" ] || ! kill -0 "$pid" 2>/dev/null; do
		sleep 0.02
	done
	if kill -0 "$pid" 2>/dev/null; then
		name=$(cat "/proc/$pid/comm")
		stop "$pid"
		holds="process $pid $name (stopped) holds the producer end"
		echo | expect 3 "$q: timed out: $holds; messages pushed: 0" push "$q" --shared --timeout 0.1
		kill -KILL "$pid"
	else # as with a sanitizer
		echo 'holders.sh: python3 cannot use this library: no holder of a shared end'
	fi
	wait "$pid" 2>/dev/null
else
	echo 'holders.sh: no shared library or no python3: no holder of a shared end'
fi

# The slowest consumer of a broadcast queue.
new_queue --broadcast --max-messages 1
"$SHMEMQ" pop "$q" --stay >/dev/null &
pid=$!
await_field "$q" consumer_waiting yes
stop "$pid"
seq 2 | expect 3 "$q: timed out: the queue is full, and the only consumer is process $pid; messages pushed: 1" \
	push "$q" --timeout 0.1
"$SHMEMQ" pop "$q" --stay >/dev/null &
second=$!
await_field "$q" consumers 2
slowest="the slowest of 2 consumers is process $pid"
echo | expect 3 "$q: timed out: the queue is full, and $slowest; messages pushed: 0" push "$q" --timeout 0.1
kill -CONT "$pid"
kill "$pid" "$second"
wait "$pid" "$second" 2>/dev/null

verdict
