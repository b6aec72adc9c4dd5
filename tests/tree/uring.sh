#!/bin/sh
# SPDX-License-Identifier: MIT
# The example examples/uring/save, if configure has found liburing: each message is in the file once and in order,
# although the writer is killed again and again, or a write fails.
save=${top_builddir:-.}/examples/uring/save
shmemq=${SHMEMQ:-./shmemq}
name=/shmemq-uring-$$
temp=$(mktemp -d) || exit 1
producer=
trap 'kill $producer 2>/dev/null; rm -rf "$temp" "/dev/shm$name"' EXIT
trap 'exit 1' HUP INT TERM

fail() # WHAT
{
	echo "FAIL: $1"
	cat "$temp/err"
	exit 1
}

# The messages, of 0 to 5000 bytes, fill the ring many times. A message is a line without its end.
start_producer()
{
	"$shmemq" push "$name" --create --stay <"$temp/lines" &
	producer=$!
}

# The last of the writers ends with the producer, and the file is complete.
finishes()
{
	timeout 60 "$save" "$name" "$temp/file" 2>"$temp/err" || fail 'save'
	wait "$producer" || fail 'push'
	producer=
	tr -d '\n' <"$temp/lines" | cmp - "$temp/file" || fail 'save has lost, repeated or changed a message'
	rm "/dev/shm$name" "$temp/file"
}

[ -x "$save" ] || {
	echo 'uring.sh: skipped: configure has not found liburing'
	exit 77
}
awk 'BEGIN { for (i = 0; i < 20000; i++) printf "%*s\n", i % 100 == 0 ? 5000 : i % 500, i % 50 == 7 ? "" : i }' \
	>"$temp/lines"

start_producer
if ! timeout 60 "$save" "$name" "$temp/file" 2>"$temp/err"; then
	if grep '^io_uring: ' "$temp/err"; then
		echo 'uring.sh: skipped: no io_uring here'
		exit 77
	fi
	fail 'save'
fi
finishes

start_producer
for _ in 1 2 3 4 5 6 7 8 9 10; do
	"$save" "$name" "$temp/file" 2>"$temp/err" &
	writer=$!
	sleep 0.01
	kill -KILL "$writer" 2>/dev/null
	wait "$writer" 2>/dev/null
done
finishes

# A file must not become longer than 2 MB, or 4, by the shell: less than all messages, and more than the queue.
start_producer
(
	trap '' XFSZ
	ulimit -f 4000
	timeout 60 "$save" "$name" "$temp/file" 2>"$temp/err"
)
[ $? -eq 1 ] || fail 'a write fails, but not save'
[ -s "$temp/file" ] || fail 'the first write has failed'
finishes
