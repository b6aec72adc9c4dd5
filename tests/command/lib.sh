# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# Shared by the tests of the command: each sources this file first, and calls `verdict` last.
# SHMEMQ: the command. srcdir: the directory of the sources.

: "${SHMEMQ:=./shmemq}" "${srcdir:=.}"

# A watchdog, much longer than any test takes; on a slow machine as many times that as Check allows its tests. It also
# kills what the test has started.
if [ -z "${SHMEMQ_TEST_WATCHED-}" ]; then
	SHMEMQ_TEST_WATCHED=1 exec timeout -k 10 "$((240 * ${CK_TIMEOUT_MULTIPLIER:-1}))" "$0"
fi

# Bypasses libtool's wrapper, which takes ten times as long as the command, and which strace would trace too.
built=$(dirname "$SHMEMQ")/.libs
if sed 3q "$SHMEMQ" | grep -q 'wrapper script'; then
	SHMEMQ=$built/shmemq
	LD_LIBRARY_PATH=$built${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
	export LD_LIBRARY_PATH
fi

LC_ALL=C
export LC_ALL
unset COLUMNS # to which ls would cut its table
temp=$(mktemp -d) || exit 1
prefix=/shmemq-test-$(basename "$0" .sh)-$$
queues=0
: >"$temp/failures" # a file, because pipelines run in subshells
clean_up()
{
	# A failed test may leave processes waiting. A file, because in some shells a substitution has no jobs.
	jobs -p >"$temp/jobs"
	# shellcheck disable=SC2046 # a list of words
	kill -9 $(cat "$temp/jobs") 2>/dev/null
	rm -rf "$temp" "/dev/shm$prefix-"*
}
trap clean_up EXIT
trap 'exit 1' PIPE
trap 'echo "FAIL: ended from outside, or out of time"; exit 1' HUP INT TERM

fail() # WHAT...
{
	echo "FAIL: $*" | tee -a "$temp/failures"
}

verdict()
{
	echo "$(basename "$0"): $(grep -c '^FAIL: ' "$temp/failures") failed"
	[ ! -s "$temp/failures" ]
	exit
}

# Creates a queue of a name that no other test uses, and sets q to the name.
# shellcheck disable=SC2120 # most want no option
new_queue() # [OPTION...]
{
	queues=$((queues + 1))
	q=$prefix-$queues
	"$SHMEMQ" create "$q" "$@" || fail "create $q $*"
}

# Filters what ls, clean and others say of the files of other users, which may be there at any time.
without_strangers()
{
	grep -v '^shmemq: files in /dev/shm that this user may not read, and that may be queues: [0-9]*$'
}

# Runs the command with standard output to $temp/out. It must end with STATUS and, unless that is 0, print one line on
# standard error, "shmemq: " and ERROR, followed by a hint if the status is 2: at the help of the command that ERROR
# begins with, if it does.
expect() # STATUS ERROR ARGUMENT...
{
	status=$1
	error=$2
	shift 2
	"$SHMEMQ" "$@" >"$temp/out" 2>"$temp/err"
	got=$?
	[ "$got" -eq "$status" ] || fail "shmemq $*: status $got, not $status; $(cat "$temp/err")"
	case $status in
	0) : ;;
	2)
		command=$(expr "$error" : '\([a-z]*\): ')
		printf 'shmemq: %s\n%s\n' "$error" "Try 'shmemq ${command:+$command }--help'."
		;;
	*) echo "shmemq: $error" ;;
	esac >"$temp/wanted"
	without_strangers <"$temp/err" | diff "$temp/wanted" - >"$temp/diff" || fail "shmemq $*: says
$(cat "$temp/diff")"
}

# Compares FILE, by default $temp/out, with standard input.
is() # WHAT [FILE]
{
	cat >"$temp/wanted"
	cmp "$temp/wanted" "${2:-$temp/out}" >"$temp/diff" 2>&1 ||
		fail "$1: $(cat "$temp/diff"); it begins: $(head -c 300 "${2:-$temp/out}" | tr -d '\000')"
}

# Prints a field of `shmemq stat`.
field() # QUEUE KEY
{
	"$SHMEMQ" stat "$1" | awk -v key="$2" '$1 == key { print $2 }'
}

field_is() # QUEUE KEY VALUE
{
	[ "$(field "$1" "$2")" = "$3" ] || fail "$1: $2 is $(field "$1" "$2"), not $3"
}

# Waits until a field of `shmemq stat` has that value, or the watchdog ends the test.
await_field() # QUEUE KEY VALUE
{
	until [ "$(field "$1" "$2")" = "$3" ]; do
		sleep 0.02
	done
}

# The rest of the test, or all of it, inspects processes: the test is skipped where there is no /proc.
needs_proc() # WHAT-FOR
{
	[ -e /proc/self ] || {
		echo "$(basename "$0"): skipped: no /proc, $1"
		exit 77
	}
}

# " NAME" of a process as messages call it; without /proc they know no names.
named() # NAME
{
	[ ! -e /proc/self ] || echo " $1"
}

# Stops process PID, and waits until it is.
stop() # PID
{
	kill -STOP "$1"
	until grep -q '^State:.T' "/proc/$1/status"; do
		sleep 0.02
	done
}

# Waits for process PID, which must end with STATUS.
ends() # PID STATUS WHAT
{
	wait "$1" 2>"$temp/wait" # some shells print there how it ended
	got=$?
	[ "$got" -eq "$2" ] || fail "$3: status $got, not $2"
}

# Prints the letter x COUNT times.
xs() # COUNT
{
	head -c "$1" /dev/zero | tr '\0' x
}
