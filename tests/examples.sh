#!/bin/sh
# SPDX-License-Identifier: MIT
# The examples that the manual shows run, and do what it says.
examples=${top_builddir:-.}/examples
name=/shmemq-examples-$$
temp=$(mktemp -d) || exit 1
trap 'rm -rf "$temp" "/dev/shm$name"' EXIT
trap 'exit 1' HUP INT TERM

fail() # WHAT
{
	echo "FAIL: $1"
	exit 1
}

# No example can hang this test.
run() # EXAMPLE ARGUMENT...
{
	program=$1
	shift
	timeout 60 "$examples/$program" "$@"
}

# Compares a file with the lines given.
says() # FILE LINE...
{
	file=$1
	shift
	printf '%s\n' "$@" | diff -u - "$file" || fail "unexpected output (+)"
}

# Waits until a line of a file matches, for at most ten seconds.
await() # FILE PATTERN
{
	tries=0
	until grep -q "$2" "$1"; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || fail "no '$2' in ten seconds"
		sleep 0.1
	done
}

run producer "$name" one '' 'two words' || fail 'producer alone'
run consumer "$name" >"$temp/out" || fail 'consumer after the producer'
says "$temp/out" one '' 'two words'
[ ! -e "/dev/shm$name" ] || fail 'the consumer left the queue'

run consumer "$name" >"$temp/out" &
consumer=$!
run producer "$name" three || fail 'producer beside the consumer'
wait "$consumer" || fail 'consumer beside the producer'
says "$temp/out" three

run producer "$name" one '' three || fail 'producer to batch'
run batch "$name" >"$temp/out" || fail batch
says "$temp/out" one '' three
[ ! -e "/dev/shm$name" ] || fail 'batch left the queue'

if [ -e /proc/self/fd ]; then # shmemq_fdopen(3) needs it
	run child >"$temp/out" || fail child
	says "$temp/out" 'child: hello' 'child: goodbye'
fi

run producer no-slash 2>"$temp/err" && fail 'producer accepts a bad name'
says "$temp/err" 'no-slash: Invalid argument'

run inplace "$name" >"$temp/out" || fail inplace
says "$temp/out" '0: 21.50 in room 1' '2: 19.25 in room 3'
[ ! -e "/dev/shm$name" ] || fail 'inplace left the queue'

# Not through timeout(1), which sends SIGCONT after each signal: the leak sanitizer of a process that exits hangs on it.
"$examples/timeout" "$name" >"$temp/out" &
consumer=$!
trap 'kill "$consumer" 2>/dev/null; rm -rf "$temp" "/dev/shm$name"' EXIT
await "$temp/out" '^(nothing yet)$'
run producer "$name" first || fail 'producer to timeout'
await "$temp/out" '^first$'
run producer "$name" 'this message is longer than the buffer' last || fail 'second producer to timeout'
await "$temp/out" '^last$'
kill "$consumer"
tries=0
while kill -0 "$consumer" 2>/dev/null; do
	tries=$((tries + 1))
	[ "$tries" -lt 100 ] || fail 'timeout goes on after SIGTERM'
	sleep 0.1
done
wait "$consumer" || fail 'timeout did not end well on SIGTERM'
trap 'rm -rf "$temp" "/dev/shm$name"' EXIT
grep -v '^(nothing yet)$' "$temp/out" >"$temp/rest"
says "$temp/rest" first '(skipped 38 bytes)' last
[ ! -e "/dev/shm$name" ] || fail 'timeout left the queue'
