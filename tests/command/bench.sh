#!/bin/sh
# SPDX-License-Identifier: MIT
# bench: its output, its usage errors, and that it leaves no queue. The speed is not tested.
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"

needs_proc 'where its other process is seen'

# Lists the queues of the bench with that PID. Other benches may be running.
mine() # PID
{
	find /dev/shm -name "shmemq-bench-$1-*"
}

# Starts bench in the background, and sets pid.
start_bench() # ARGUMENT...
{
	"$SHMEMQ" bench "$@" >"$temp/out" 2>"$temp/err" &
	pid=$!
}

#
# Usage
#
seconds='more than 0 seconds, as in 0.5'
capacity='1 to 8G bytes, as in 64K'
expect 2 'bench: unexpected argument "/a": bench takes no queue name' bench /a
expect 2 'bench: unknown option --count' bench --count 1
expect 2 "bench: --seconds needs an argument: $seconds" bench --seconds
expect 2 'bench: --json takes no argument' bench --json=1
for value in '' 0 0.0 . x -1 1s; do
	expect 2 "bench: invalid --seconds \"$value\": it must be $seconds" bench "--seconds=$value"
done
expect 2 "bench: invalid --capacity \"16G\": it must be $capacity" bench --capacity 16G

#
# The table
#
start_bench --seconds 0.3
ends "$pid" 0 bench
: | is 'bench says nothing on standard error' "$temp/err"
[ -z "$(mine "$pid")" ] || fail "bench has left $(mine "$pid")"
for size in 8 64 256 1024 4096 65536; do
	grep -Eq "^ +$size( +[0-9.]+[KMG]?){4}\$" "$temp/out" || fail "no row of rates for $size"
done
for size in 8 64; do
	grep -Eq "^ +$size( +[0-9]+ ns){3}\$" "$temp/out" || fail "no round trip of $size"
done
grep -A 1 WAKE-UP "$temp/out" | grep -Eq '^ +8 +[0-9]+ ns$' || fail 'no wake-up'
grep -q '; ring of 1048576 bytes; medians of 5 rounds$' "$temp/out" || fail 'no first line'

# On one CPU the first line says so. A message that does not fit into the ring has no rates.
cpu=$(awk '/^Cpus_allowed_list/ { split($2, cpus, /[,-]/); print cpus[1] }' /proc/self/status)
if taskset -c "$cpu" true 2>/dev/null; then
	taskset -c "$cpu" "$SHMEMQ" bench --seconds 0.2 --capacity 4K >"$temp/out" || fail 'bench on one CPU'
	grep -q "^Two processes that share one CPU, $cpu" "$temp/out" || fail 'one CPU is not said to be one'
	grep -Eq '^ +4096( +-){4}$' "$temp/out" || fail 'a message that does not fit has rates'
	grep -Eq '^ +1024( +[0-9.]+[KMG]?){4}$' "$temp/out" || fail 'a message that fits has no rates'
fi

#
# Before the end: the header, and on a terminal what is being measured.
#
start_bench --seconds 20
until grep -q '; medians of 5 rounds$' "$temp/out" || ! kill -0 "$pid" 2>"$temp/wait"; do
	sleep 0.02
done
kill "$pid" || fail 'the first line comes with the table'
wait "$pid" 2>"$temp/wait"

if script -q -e -c true "$temp/typescript" >/dev/null 2>&1; then # script(1) fails without a terminal to open
	for json in '' --json; do
		script -q -e -c "'$SHMEMQ' bench --seconds 0.3 $json >'$temp/out'" "$temp/typescript" >/dev/null 2>&1 ||
			fail "bench $json on a terminal"
		sed '1d; $d' "$temp/typescript" | tr '\r' '\n' | sed 's/ *$//' >"$temp/lines"
		for stage in 'round 1 of 5: by copy, 8 bytes' 'round 3 of 5: in place, 65536 bytes' \
			'round 5 of 5: wake-up, 8 bytes'; do
			grep -q -x "$stage" "$temp/lines" || fail "bench $json does not show \"$stage\""
		done
		# The line is erased at the end, and never ended.
		[ -z "$(tail -n 2 "$temp/lines")" ] || fail "bench $json leaves $(tail -n 2 "$temp/lines")"
	done
else
	echo 'bench.sh: no script(1): progress on a terminal is not looked at'
fi

#
# JSON
#
expect 0 '' bench --seconds 0.2 --capacity 64K --json
if command -v python3 >/dev/null; then
	python3 - "$temp/out" <<-'PYTHON' || fail "JSON: $(cat "$temp/out")"
		import json, sys
		bench = json.load(open(sys.argv[1]))
		assert bench["capacity"] == 65536 and len(bench["cpus"]) == 2
		assert [s["size"] for s in bench["stream"]] == [8, 64, 256, 1024, 4096, 65536]
		assert bench["stream"][5]["copy"] is None
		for stream in bench["stream"][:5]:
		    for way in "copy", "in_place":
		        assert stream[way]["messages_per_second"] > 0
		for trip in bench["round_trip"]:
		    assert 0 < trip["p50_ns"] <= trip["p99_ns"] <= trip["p99_9_ns"]
		assert bench["wake_up"]["p50_ns"] > 0
	PYTHON
else
	echo 'bench.sh: no python3: JSON is not read'
fi

#
# Early ends: a signal, at once and later; the other process is killed, or stopped.
#
# A shell starts background processes with SIGINT ignored.
interruptible=
env --default-signal=INT true 2>/dev/null && interruptible=INT
for signal in $interruptible TERM HUP; do
	for pause in 0 0.01 0.3; do
		if [ "$signal" = INT ]; then
			env --default-signal=INT "$SHMEMQ" bench --seconds 20 >"$temp/out" 2>"$temp/err" &
			pid=$!
		else
			start_bench --seconds 20
		fi
		# Until then the process is the shell or env, which may ignore the signal.
		until grep -qs shmemq "/proc/$pid/comm" || ! kill -0 "$pid"; do
			sleep 0.01
		done
		sleep $pause
		kill -s "$signal" "$pid"
		wait "$pid" 2>"$temp/wait"
		[ $? -gt 128 ] || fail "bench outlives SIG$signal"
		[ -z "$(mine "$pid")" ] || fail "bench has left $(mine "$pid") after SIG$signal"
	done
done

# Starts bench, and sends SIGNAL to its other process once both have opened the queues.
signal_child() # SIGNAL
{
	start_bench --seconds 20
	until child=$(tr -d ' ' <"/proc/$pid/task/$pid/children") && [ -n "$child" ]; do
		sleep 0.02
	done
	# The names are removed when the child has opened both queues.
	while [ -n "$(mine "$pid")" ] && [ -e "/proc/$child" ]; do
		sleep 0.02
	done
	kill -s "$1" "$child"
}

if cat /proc/$$/task/$$/children >/dev/null 2>&1; then
	signal_child KILL
	ends "$pid" 1 'bench whose other process is killed'
	echo 'shmemq: bench: the other process has ended' | is 'killed' "$temp/err"
	! grep -q SIZE "$temp/out" || fail 'there is a table'
	[ -z "$(mine "$pid")" ] || fail "bench has left $(mine "$pid")"

	signal_child STOP
	ends "$pid" 1 'bench whose other process is stopped'
	echo 'shmemq: bench: the other process has not answered for 5 seconds' | is 'stopped' "$temp/err"
	[ ! -e "/proc/$child" ] || fail 'the other process is left'
else
	echo 'bench.sh: no list of children: none is killed'
fi

verdict
