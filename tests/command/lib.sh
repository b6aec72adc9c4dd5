# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# What the tests of the command share: read by each of them first, and last to be asked for the verdict.
# SHMEMQ is the command, srcdir where the sources are.

: "${SHMEMQ:=./shmemq}" "${srcdir:=.}"

# None of them takes as long as this. The limit holds for all that they start, too.
if [ -z "${SHMEMQ_TEST_WATCHED-}" ]; then
	SHMEMQ_TEST_WATCHED=1 exec timeout -k 10 240 "$0"
fi

# Without libtool's wrapper, which takes ten times as long as the command, and would be in the way of strace.
built=$(dirname "$SHMEMQ")/.libs
if sed 3q "$SHMEMQ" | grep -q 'wrapper script'; then
	SHMEMQ=$built/shmemq
	LD_LIBRARY_PATH=$built${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
	export LD_LIBRARY_PATH
fi

LC_ALL=C
export LC_ALL
temp=$(mktemp -d) || exit 1
prefix=/shmemq-test-$(basename "$0" .sh)-$$
queues=0
: >"$temp/failures" # a file, since much of this runs at the end of pipes
clean_up()
{
	# A failed test may have left some waiting. Through a file: a substitution has no jobs in some shells.
	jobs -p >"$temp/jobs"
	xargs kill -9 <"$temp/jobs" 2>/dev/null
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

# Sets q to the name of a queue that no other test uses, and makes it.
# shellcheck disable=SC2120 # most want no option
new_queue() # [OPTION...]
{
	queues=$((queues + 1))
	q=$prefix-$queues
	"$SHMEMQ" create "$q" "$@" || fail "create $q $*"
}

# Runs the command with standard output to $temp/out. It is to end with STATUS and, but for success, to say "shmemq: "
# and ERROR, in one line; with 2, a hint follows.
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
	1) echo "shmemq: $error" ;;
	2) printf 'shmemq: %s\n%s\n' "$error" "Try 'shmemq --help'." ;;
	esac >"$temp/wanted"
	diff "$temp/wanted" "$temp/err" >"$temp/diff" || fail "shmemq $*: says
$(cat "$temp/diff")"
}

# Is FILE, $temp/out where none is named, what standard input is?
is() # WHAT [FILE]
{
	cat >"$temp/wanted"
	cmp "$temp/wanted" "${2:-$temp/out}" >"$temp/diff" 2>&1 || fail "$1: $(cat "$temp/diff")"
}

# A line of `shmemq stat`.
field() # QUEUE KEY
{
	"$SHMEMQ" stat "$1" | awk -v key="$2" '$1 == key { print $2 }'
}

field_is() # QUEUE KEY VALUE
{
	[ "$(field "$1" "$2")" = "$3" ] || fail "$1: $2 is $(field "$1" "$2"), not $3"
}

# Waits until a line of `shmemq stat` has that value. The watchdog ends it when it never has.
await_field() # QUEUE KEY VALUE
{
	until [ "$(field "$1" "$2")" = "$3" ]; do
		sleep 0.02
	done
}

# Does process PID end with STATUS?
ends() # PID STATUS WHAT
{
	wait "$1" 2>"$temp/wait" # where some shells say how it ended
	got=$?
	[ "$got" -eq "$2" ] || fail "$3: status $got, not $2"
}

# COUNT times the byte x.
xs() # COUNT
{
	head -c "$1" /dev/zero | tr '\0' x
}
