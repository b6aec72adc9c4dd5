#!/bin/sh
# SPDX-License-Identifier: MIT
# The probes for tracers: shmemq(7) lists those that the library has, with their arguments; and
# examples/probes/shmemq.bt sees them, where this user and kernel can trace.
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"
needs_proc 'which has the state of processes'
top_builddir=${top_builddir:-.}

library=$top_builddir/.libs/libshmemq.so
if [ ! -e "$library" ]; then
	echo 'probes.sh: skipped: no shared library'
	exit 77
fi
command -v readelf >/dev/null || {
	echo 'probes.sh: skipped: no readelf'
	exit 77
}
readelf -n "$library" >"$temp/notes" || fail 'readelf'
if ! grep -q '^#define SMQ_USDT 1' "$top_builddir/config.h"; then
	! grep -q stapsdt "$temp/notes" || fail 'the library has probes, although configure has left them out'
	echo 'probes.sh: this library is built without probes'
	verdict
fi

# "NAME ARGUMENTS" of each probe: in the manual, and in the library, where a probe may stand in several places. There an
# argument is BYTES@PLACE, and blanks may be in a place, as in "4@[sp, 60]" of arm64.
awk '/^\.Sh PROBES/ { inside = 1 } /^\.Sh NOTES/ { inside = 0 }
	inside && /^\.It Cm / { print $3, NF - 4 }' "$srcdir/man/shmemq.7" | sort >"$temp/documented"
awk '$1 == "Provider:" { provider = $2 } $1 == "Name:" && provider == "shmemq" { name = $2 }
	$1 == "Arguments:" && provider == "shmemq" { print name, gsub(/@/, "@") }' "$temp/notes" |
	sort -u >"$temp/built"
[ -s "$temp/documented" ] || fail 'no probe in the manual'
diff "$temp/documented" "$temp/built" >"$temp/diff" || {
	fail 'probes and numbers of their arguments, in the manual (<) and in the library (>):'
	cat "$temp/diff"
}
# And the example uses each.
# shellcheck disable=SC2016 # $1 is the example's
sed -n 's/^usdt:$1:shmemq:\([a-z]*\)$/\1/p' "$srcdir/examples/probes/shmemq.bt" | sort >"$temp/used"
sed 's/ .*//' "$temp/documented" | diff - "$temp/used" >"$temp/diff" || {
	fail 'probes in the manual (<) and in the example (>):'
	cat "$temp/diff"
}

can_not() # WHY
{
	echo "probes.sh: not traced: $1"
	verdict
}

command -v bpftrace >/dev/null || can_not 'no bpftrace'
[ "$(id -u)" -eq 0 ] || can_not 'only root can'
library=$(readlink -f "$library")

# Standard output to a file is written in blocks, but for -B line.
bpftrace -B line "$srcdir/examples/probes/shmemq.bt" "$library" >"$temp/out" 2>"$temp/err" &
tracer=$!
while kill -0 "$tracer" 2>/dev/null && ! grep -q '^tracing' "$temp/out"; do
	sleep 0.1
done
grep -q '^tracing' "$temp/out" || can_not "bpftrace fails: $(tail -n 1 "$temp/err")"

# Waits until the example has written this. What it never writes, `seen` reports.
await() # PATTERN
{
	for _ in $(seq 300); do
		! grep -q "$1" "$temp/out" || return
		sleep 0.1
	done
}

# Waits until a process sleeps.
await_sleep() # PID
{
	until grep -q '^State:.[SZ]' "/proc/$1/status"; do
		sleep 0.02
	done
}

# A consumer sleeps, and is woken, and killed while it holds a message; a producer meets a full ring, which has grown,
# and that death; the next consumer gets the message once more.
new_queue --capacity 4K --max-capacity 64K
id=$(field "$q" id)
mkfifo "$temp/pipe" "$temp/lines"
exec 3<>"$temp/pipe" # full, so that pop holds its first message
dd if=/dev/zero of="$temp/pipe" oflag=nonblock bs=4096 2>/dev/null
"$SHMEMQ" pop "$q" >"$temp/pipe" 2>/dev/null &
pop=$!
await_field "$q" consumer_waiting yes
await_sleep "$pop"
sleep 0.3 # so that it has slept for long
"$SHMEMQ" push "$q" <"$temp/lines" 2>"$temp/push" &
push=$!
exec 4>"$temp/lines"
echo first >&4
await_field "$q" pushed_messages 1
# When it has been woken and sleeps again, that is because it has the message, and the pipe is full.
await "process $pop (shmemq) slept for"
await_sleep "$pop"
(head -c 100000 /dev/zero | tr '\0' '\n' >&4) 2>/dev/null &
await_field "$q" producer_waiting yes
kill -9 "$pop"
wait "$push"
exec 4>&-
"$SHMEMQ" pop "$q" --timeout 0 >/dev/null 2>&1
await 'takes over' # what is not written yet when it is ended is lost
await redelivered
kill -TERM "$tracer"
wait "$tracer"

seen() # PATTERN
{
	grep -q "$1" "$temp/out" || fail "the example has not written: $1"
}

seen "^$id: end 2, process $pop (shmemq) slept for [0-9]* ms, for 0\$"
seen "^$id: grown from 4096 to [0-9]* bytes by process $push (shmemq)\$"
seen "^$id: end 2, process $pop is dead, as process $push (shmemq) sees\$"
seen "^$id: end 2, process [0-9]* (shmemq) takes over from $pop\$"
seen "^$id: redelivered to process [0-9]* (shmemq): 16 bytes\$"
seen "^@full\\[$push, shmemq, "
seen "^@notified\\[$push, shmemq, "
[ ! -s "$temp/failures" ] || cat "$temp/out" "$temp/err"
verdict
