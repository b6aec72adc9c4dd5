#!/bin/sh
# SPDX-License-Identifier: MIT
# The examples in the manual run, and do what it says. SHMEMQ_LIBRARY: the library for the examples that load it.
examples=${top_builddir:-.}/examples
shmemq=${SHMEMQ:-${top_builddir:-.}/shmemq}
name=/shmemq-examples-$$
library=${SHMEMQ_LIBRARY:-${top_builddir:-.}/.libs/libshmemq.so.0}
temp=$(mktemp -d) || exit 1
trap 'rm -rf "$temp" "/dev/shm$name" "/dev/shm$name-2"' EXIT
trap 'exit 1' HUP INT TERM

fail() # WHAT
{
	echo "FAIL: $1"
	exit 1
}

# Runs an example for at most a minute, so that it cannot hang this test.
run() # EXAMPLE ARGUMENT...
{
	program=$1
	shift
	timeout 60 "$examples/$program" "$@"
}

# Compares a file with the given lines.
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

run producer "$name" one two || fail 'producer to deadline'
run deadline "$name" >"$temp/out" || fail deadline
says "$temp/out" one two '(a second has passed)'
[ ! -e "/dev/shm$name" ] || fail 'deadline left the queue'

run deliver "$name" one two &
producer=$!
run consumer "$name" >"$temp/out" || fail 'consumer of deliver'
wait "$producer" || fail deliver
says "$temp/out" one two

# Runs the sandbox, with membarrier(2) allowed or not.
sandbox() # ARGUMENT...
{
	case ${SHMEMQ_LDFLAGS-} in
	*-fsanitize*)
		echo 'sandbox is left out: sanitizers make system calls of their own'
		return
		;;
	esac
	run sandbox "$@" 68656c6c6f '' 73616e64626f78 >"$temp/out"
	case $? in
	0) says "$temp/out" hello '' sandbox ;;
	77) echo 'sandbox is left out: no seccomp, or an architecture that the example does not know' ;;
	*) fail "sandbox $*" ;;
	esac
}

if [ -e /proc/self/fd ]; then # shmemq_fdopen(3) needs it
	run child >"$temp/out" || fail child
	says "$temp/out" 'child: hello' 'child: goodbye'

	run pass >"$temp/out" || fail pass
	says "$temp/out" 'passed on'

	run request >"$temp/out" || fail request
	says "$temp/out" '1: ADA' '2: GRACE'

	# Killed and started again; a message is a line without its end.
	seq 1 100000 | "$shmemq" push "$name" --create --stay &
	producer=$!
	for _ in 1 2 3 4 5; do
		"$examples/keep" "$name" "$temp/log" &
		sleep 0.02
		kill -KILL $! 2>/dev/null
		wait $! 2>/dev/null
	done
	run keep "$name" "$temp/log" || fail keep
	wait "$producer" || fail 'push to keep'
	seq 1 100000 | tr -d '\n' | cmp - "$temp/log" || fail 'keep has lost or repeated a message'
	"$shmemq" rm "$name"

	run recorder "$name" >"$temp/out" || fail recorder
	says "$temp/out" 'many events, the last: event 100000'

	for readers in 1 2 8; do
		run readers "$name" $readers >"$temp/out" || fail "readers $readers"
		killed=$((readers / 2))
		says "$temp/out" "$readers readers, $killed killed, $((readers - killed)) got every message"
	done

	run burst "$name" >"$temp/out" || fail burst
	says "$temp/out" 'before: 0 MiB queued, at rest' 'burst: 19 MiB queued, grown' 'after: 0 MiB queued, at rest'

	run parameter "$name" >"$temp/out" || fail parameter
	says "$temp/out" 'cycle 1: gain 500.0' 'cycle 2: gain 1000.0' 'cycle 3: gain 1500.0'

	if [ -n "${SHMEMQ_TEST_EMULATED-}" ]; then
		echo 'logger is left out: without MADV_WIPEONFORK, a child closes the handle of its parent'
	else
		# The lines of each worker are in order; other workers' lines may lie between them.
		run logger >"$temp/out" || fail logger
		sort -s -k 2,2 "$temp/out" >"$temp/sorted"
		for worker in 1 2 3 4; do
			printf "worker $worker: line %s\n" 1 2 3
		done | diff -u - "$temp/sorted" || fail 'unexpected lines of logger (+)'
	fi

	sandbox
	sandbox -m

	if [ -e "$examples/cxx" ]; then
		run cxx >"$temp/out" || fail cxx
		says "$temp/out" '0: 19.5' '2: 21.5' 'end of shift'
	fi
fi

run producer no-slash 2>"$temp/err" && fail 'producer accepts a bad name'
says "$temp/err" 'no-slash: Invalid argument'

run inplace "$name" >"$temp/out" || fail inplace
says "$temp/out" '0: 21.50 in room 1' '2: 19.25 in room 3'
[ ! -e "/dev/shm$name" ] || fail 'inplace left the queue'

# They start before the queues exist, and end when both producers have closed.
polls=yes
for example in loop collect; do
	run "$example" "$name" "$name-2" >"$temp/out" 2>"$temp/err" &
	consumer=$!
	run producer "$name" one two || fail "producer to $example"
	run producer "$name-2" three || fail "second producer to $example"
	if wait "$consumer"; then
		sort "$temp/out" >"$temp/sorted"
		says "$temp/sorted" "$name-2: three" "$name: one" "$name: two"
		for queue in "$name" "$name-2"; do
			[ ! -e "/dev/shm$queue" ] || fail "$example left a queue"
		done
	else
		grep 'Too many open files\|No file descriptors\|not supported' "$temp/err" ||
			fail "$example: $(cat "$temp/err")"
		echo "$example and loop.py are left out: no inotify instance left, or no /proc"
		polls=no
		rm -f "/dev/shm$name" "/dev/shm$name-2"
	fi
done

# Runs an example in Python, if there is a python3 that can load the library.
python() # ARGUMENT...
{
	case ${SHMEMQ_LDFLAGS-} in
	*-fsanitize*) echo 'loop.py is left out: the sanitizer would have to be linked into python3' ;;
	*)
		if [ "$polls" = no ]; then
			:
		elif [ ! -e "$library" ]; then
			echo 'loop.py is left out: there is no shared library'
		elif ! command -v python3 >/dev/null; then
			echo 'loop.py is left out: python3 is missing'
		elif ! python3 -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$library" 2>/dev/null; then
			echo 'loop.py is left out: python3 is for another architecture or libc than the library'
		else
			LD_LIBRARY_PATH=${library%/*} timeout 60 \
				python3 "${srcdir:-.}/examples/$1" "$name" >"$temp/out" &
			consumer=$!
			run producer "$name" one two || fail "producer to $1"
			wait "$consumer" || fail "$1"
			says "$temp/out" one two
			[ ! -e "/dev/shm$name" ] || fail "$1 left the queue"
		fi
		;;
	esac
}
python loop.py

# Not with timeout(1): it sends SIGCONT after each signal, on which the leak sanitizer of an exiting process hangs.
start() # EXAMPLE ARGUMENT...
{
	started=$1
	shift
	"$examples/$started" "$@" >"$temp/out" &
	consumer=$!
	trap 'kill "$consumer" 2>/dev/null; rm -rf "$temp" "/dev/shm$name"' EXIT
}

# Sends SIGTERM: the example must exit with 0 within ten seconds.
stop()
{
	kill "$consumer"
	tries=0
	while kill -0 "$consumer" 2>/dev/null; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || fail "$started still runs ten seconds after SIGTERM"
		sleep 0.1
	done
	wait "$consumer" || fail "$started failed on SIGTERM"
	trap 'rm -rf "$temp" "/dev/shm$name"' EXIT
}

if [ "$polls" = yes ]; then
	start loop "$name"
	tries=0
	until [ -e "/dev/shm$name" ]; do # loop blocks SIGTERM before it makes its queue
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || fail 'loop has made no queue in ten seconds'
		sleep 0.1
	done
	stop
	rm "/dev/shm$name" || fail 'loop has removed a queue that had not ended'
fi

start timeout "$name"
await "$temp/out" '^(nothing yet)$'
run producer "$name" first || fail 'producer to timeout'
await "$temp/out" '^first$'
run producer "$name" 'this message is longer than the buffer' last || fail 'second producer to timeout'
await "$temp/out" '^last$'
stop
grep -v '^(nothing yet)$' "$temp/out" >"$temp/rest"
says "$temp/rest" first '(skipped 38 bytes)' last
[ ! -e "/dev/shm$name" ] || fail 'timeout left the queue'
