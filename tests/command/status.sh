#!/bin/sh
# SPDX-License-Identifier: MIT
# The exit statuses by which scripts tell failures apart.
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"

# 3: no message, or no space, in time.
new_queue --max-messages 1
expect 3 "$q: timed out: the queue is empty, and no producer has opened it yet; messages written: 0" \
	pop "$q" --timeout 0
expect 3 "$q: timed out: no further message, and no producer has opened it yet; messages written: 0" \
	tail "$q" --timeout 0
"$SHMEMQ" rm "$q"
new_queue --max-messages 1
seq 2 | expect 3 "$q: timed out: the queue is full, and no consumer has opened it yet; messages pushed: 1" \
	push "$q" --timeout 0.01

# Or another process keeps the queue locked: byte 0 of its file, as an open file description.
if command -v python3 >/dev/null; then
	new_queue
	mkfifo "$temp/fed" "$temp/held"
	"$SHMEMQ" push "$q" <"$temp/fed" 2>"$temp/said" &
	pid=$!
	exec 3>"$temp/fed"
	await_field "$q" producer open
	python3 -c 'import fcntl, struct, sys
file = open(sys.argv[1], "r+b")
fcntl.fcntl(file, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 1, 0)) # F_OFD_SETLK
print("held", flush=True)
sys.stdin.read()' "/dev/shm$q" <"$temp/held" >"$temp/out" 3>&- &
	holder=$!
	exec 4>"$temp/held"
	until [ -s "$temp/out" ]; do
		sleep 0.02
	done
	locked='timed out: for a second, another process has been opening or closing it'
	expect 3 "$q: $locked" pop "$q"
	exec 3>&-
	ends "$pid" 3 'push to a queue that is locked when it ends'
	echo "shmemq: $q: another process kept it locked; if it is temporary, remove it with \"shmemq rm\"" |
		is 'push to a queue that is locked when it ends' "$temp/said"
	exec 4>&-
	ends "$holder" 0 'what locked the queue'
else
	echo 'status.sh: no python3: no queue is kept locked'
fi

# 4: no such queue. Of several failures of one kind, the status is theirs; of several kinds, 1.
for command in push pop tail stat rm; do
	expect 4 "$prefix-none: no such queue" $command "$prefix-none"
done
"$SHMEMQ" rm "$prefix-none" "$q" "$prefix-neither" 2>"$temp/err"
[ $? -eq 4 ] || fail 'rm of two that are not there, and one that is'
echo junk >"/dev/shm$prefix-junk"
"$SHMEMQ" rm "$prefix-none" "$prefix-junk" 2>"$temp/err"
[ $? -eq 1 ] || fail 'rm of one that is not there, and one that is no queue'

# 5: permission.
new_queue
mode=600
if [ "$(id -u)" -ne 0 ]; then
	chmod 0 "/dev/shm$q"
	mode=000
	other=
elif command -v setpriv >/dev/null; then
	other='setpriv --reuid 65534 --regid 65534 --clear-groups'
else
	other=none
fi
if [ "$other" != none ] && $other test -x "$SHMEMQ"; then
	denied="permission denied: it belongs to user $(id -un), with mode $mode"
	for command in push pop tail stat rm; do
		$other "$SHMEMQ" $command "$q" 2>"$temp/err" </dev/null
		got=$?
		[ $got -eq 5 ] || fail "$command without permission: status $got"
		echo "shmemq: $q: $denied" | is "$command without permission" "$temp/err"
	done
	if [ -n "$other" ] && [ -n "$(find /dev/shm -maxdepth 0 -perm -1000)" ]; then
		chmod 666 "/dev/shm$q"
		$other "$SHMEMQ" rm "$q" 2>"$temp/err"
		[ $? -eq 5 ] || fail "rm of another user's queue"
		echo "shmemq: $q: permission denied: only its owner, user $(id -un), may remove it" |
			is "rm of another user's queue" "$temp/err"
	fi
else
	echo 'status.sh: no user without permission: not tried'
fi
chmod 600 "/dev/shm$q"

# 6: the other side has died, or has closed the queue while it was full.
mkfifo "$temp/fifo"
"$SHMEMQ" push "$q" <"$temp/fifo" &
pid=$!
exec 3>"$temp/fifo"
await_field "$q" producer open
# 7: the end is in use.
used="in use by process $pid$(named shmemq); to share it, start every process with --shared"
expect 7 "$q: the producer end is $used" push "$q"
kill -9 "$pid"
exec 3>&-
ends "$pid" 137 'killed push'
for command in pop tail; do
	expect 6 "$q: the producer has died: process $pid; messages written: 0" $command "$q"
done
new_queue --max-messages 1
expect 3 "$q: timed out: the queue is empty, and no producer has opened it yet; messages written: 0" \
	pop "$q" --timeout 0
seq 2 | expect 6 "$q: the queue is full and the consumer has closed it; messages pushed: 1" push "$q"

# The manual lists those that the source has.
{ echo 0; sed -n 's/^	STATUS_.* = \([0-9]*\),.*/\1/p' "$srcdir/tools/report.h"; } >"$temp/source"
sed -n '/^\.Sh EXIT STATUS/,/^\.Sh EXAMPLES/s/^\.It \([0-9]*\)$/\1/p' "$srcdir/man/shmemq.1" >"$temp/manual"
is 'the statuses of the source in the manual' "$temp/manual" <"$temp/source"

verdict
