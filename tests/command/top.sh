#!/bin/sh
# SPDX-License-Identifier: MIT
# top: the queues and their rates, once, again and again, as JSON, and on a terminal.
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"
needs_proc 'which has the state of processes'

# Waits until a line of FILE matches.
await_line() # REGEX FILE
{
	for _ in $(seq 600); do
		! grep -Eq "$1" "$2" || return
		sleep 0.05
	done
	fail "no line $1 in $2: $(tail -n 1 "$2")"
}

# Prints the value of a key in the JSON object of a queue.
value() # KEY QUEUE [FILE]
{
	tr '{' '\n' <"${3:-$temp/out}" |
		sed -n "s/^\"name\": \"$(echo "$2" | sed 's|/|\\/|g')\", .*\"$1\": \([^,}]*\).*/\1/p"
}

expect 2 'top: invalid --sort "size": it must be rate, fill or name' top --sort size
expect 2 'top: invalid --interval "0": it must be more than 0 seconds, as in 0.5' top --interval 0
expect 2 'top: unexpected argument "/b": top takes one prefix' top /a /b

#
# Rates where messages are moved, and none elsewhere.
#
"$SHMEMQ" create "$prefix-full" --capacity 64K
"$SHMEMQ" create "$prefix-idle"
"$SHMEMQ" create "$prefix-busy"
"$SHMEMQ" create "$prefix-alone" --broadcast
"$SHMEMQ" create "$prefix-limit" --max-messages 4
seq 3000 | "$SHMEMQ" push "$prefix-full"
seq 2 | "$SHMEMQ" push "$prefix-limit"
"$SHMEMQ" pop "$prefix-idle" >"$temp/popped" &
sleeper=$!
await_field "$prefix-idle" consumer_waiting yes
yes | "$SHMEMQ" push "$prefix-busy" &
"$SHMEMQ" pop "$prefix-busy" >/dev/null &
until [ "$(field "$prefix-busy" popped_messages)" -gt 10000 ]; do
	sleep 0.02
done
expect 0 '' top --once --json --interval 0.3 "$prefix-"
for rate in pushed_messages pushed_bytes popped_messages popped_bytes; do
	value "${rate}_per_second" "$prefix-busy" | grep -Eqx '[1-9][0-9]{2,}\.[0-9]{3}' ||
		fail "$rate of a busy queue: $(value "${rate}_per_second" "$prefix-busy")"
	for idle in idle full alone; do
		[ "$(value "${rate}_per_second" "$prefix-$idle")" = 0.000 ] || fail "$rate of the queue $idle"
	done
done
[ "$(value consumer_process "$prefix-idle")" = '"shmemq"' ] || fail 'the process that holds an end'
[ "$(value producer_process "$prefix-idle")" = null ] || fail 'no process holds an end'
[ "$(value fill "$prefix-limit")" = 0.5000 ] || fail 'the fill of a queue with a limit of messages'
case $(value fill "$prefix-full") in
0.7[0-9]*) ;;
*) fail "the fill of 3000 messages: $(value fill "$prefix-full")" ;;
esac
if command -v python3 >/dev/null; then
	python3 -c 'import json, sys; json.load(sys.stdin)' <"$temp/out" || fail 'it is no JSON'
fi

# The table: what waits and holds, and the three orders; only queues with the prefix.
expect 0 '' top --once --interval 0.1 "$prefix-"
grep -Eq "^$prefix-idle  +0  +0  +0  +0  +0%  +0%  +0  +-  pop +never +$sleeper shmemq\$" "$temp/out" ||
	fail "the idle queue: $(cat "$temp/out")"
grep -Eq "^$prefix-busy  +[0-9.]+[KM]?  +[0-9.]+[KMG]?  +[0-9.]" "$temp/out" ||
	fail "the busy queue: $(cat "$temp/out")"
sorted() # ORDER QUEUE...
{
	expect 0 '' top --once --interval 0.1 --sort "$1" "$prefix-"
	shift
	sed "1d; s|^$prefix-\([a-z]*\) .*|\1|" "$temp/out" >"$temp/names"
	echo "$*" | tr ' ' '\n' | is "the order of $*" "$temp/names"
}
sorted rate busy alone full idle limit
sorted name alone busy full idle limit
expect 0 '' top --once --interval 0.1 --sort fill "$prefix-"
grep -v "^$prefix-busy " "$temp/out" >"$temp/others"
sed "1d; s|^$prefix-\([a-z]*\) .*|\1|" "$temp/others" >"$temp/names"
printf 'full\nlimit\nalone\nidle\n' | is 'the order by fill' "$temp/names"
COLUMNS=80 "$SHMEMQ" top --once --interval 0.1 | awk 'length > 80' >"$temp/wide"
: | is 'the table in 80 columns' "$temp/wide"
"$SHMEMQ" pop "$prefix-alone" >/dev/null &
await_field "$prefix-alone" consumer_waiting yes
seq 5 | "$SHMEMQ" push "$prefix-limit" --timeout 0 2>/dev/null
expect 0 '' top --once --json --interval 0.1 "$prefix-alone"
[ "$(value slowest_pid "$prefix-alone")" = "$!" ] || fail 'the slowest consumer'

#
# Again and again: queues that come, go and come anew. No mapping, and a descriptor only while the queue is there.
#
: >"$temp/turns"
"$SHMEMQ" top --json --interval 0.1 "$prefix-turn" >"$temp/turns" &
top=$!
await_line '"queues": \[\]' "$temp/turns"
"$SHMEMQ" create "$prefix-turn"
await_line "$prefix-turn.*\"pushed_messages_per_second\": null" "$temp/turns"
await_line "$prefix-turn.*\"pushed_messages_per_second\": 0.000" "$temp/turns"
! grep -q "$prefix" "/proc/$top/maps" || fail 'it maps the queue'
find "/proc/$top/fd" -lname "*$prefix-turn" | grep -q . || fail 'it does not keep the queue open'
seq 100 | "$SHMEMQ" push "$prefix-turn"
await_line "$prefix-turn.*\"pushed_messages_per_second\": [1-9]" "$temp/turns"
id=$(value id "$prefix-turn" "$temp/turns" | tail -n 1)
"$SHMEMQ" rm "$prefix-turn"
"$SHMEMQ" create "$prefix-turn" --capacity 4K
await_line "$prefix-turn\", \"capacity\": 4096,.*\"pushed_messages_per_second\": null" "$temp/turns"
[ "$(value id "$prefix-turn" "$temp/turns" | tail -n 1)" != "$id" ] || fail 'a queue that was made anew'
"$SHMEMQ" rm "$prefix-turn"
: >"$temp/turns"
await_line '"queues": \[\]' "$temp/turns"
! find "/proc/$top/fd" -lname "*$prefix-turn*" | grep . || fail 'it keeps a queue open that is gone'
kill "$top"
ends "$top" 143 'top --json'

# Files that are no queues, one that is cut off, and one that may not be read.
mkfifo "/dev/shm$prefix-fifo"
echo junk >"/dev/shm$prefix-junk"
mkdir "/dev/shm$prefix-dir"
"$SHMEMQ" create "$prefix-cut"
"$SHMEMQ" top --json --interval 0.1 "$prefix-cut" >"$temp/turns" &
top=$!
await_line "$prefix-cut.*_per_second\": 0.000" "$temp/turns"
: >"/dev/shm$prefix-cut"
await_line '"queues": \[\]' "$temp/turns"
kill "$top"
ends "$top" 143 'top of a file that is cut off'
sorted name alone busy full idle limit

chmod 0 "/dev/shm$prefix-full"
other=
if [ -r "/dev/shm$prefix-full" ]; then
	other='setpriv --reuid 65534 --regid 65534 --clear-groups'
	$other true 2>/dev/null || other=none
	$other "$SHMEMQ" --version >/dev/null 2>&1 || other=none
fi
if [ "$other" != none ]; then
	$other "$SHMEMQ" top --once --interval 0.1 --json "$prefix-full" >"$temp/out" 2>"$temp/err" ||
		fail "top with a file that may not be read: $(cat "$temp/err")"
	grep -q '"unreadable": 1, "failed": 0, "queues": \[\]' "$temp/out" || fail "unreadable: $(cat "$temp/out")"
	echo 'shmemq: files in /dev/shm that this user may not read, and that may be queues: 1' |
		is 'what top may not read' "$temp/err"
else
	echo 'top.sh: no other user: no file that may not be read'
fi
chmod 600 "/dev/shm$prefix-full"

#
# 200 queues, also where fewer descriptors are allowed at first; if no more are allowed, it says so.
#
for number in $(seq 100 299); do
	"$SHMEMQ" create "$prefix-many-$number" --capacity 4K
done
seq 10 | "$SHMEMQ" push "$prefix-many-250"
(
	# shellcheck disable=SC3045 # all shells that are in use have these two
	ulimit -S -n 50
	exec "$SHMEMQ" top --once --interval 0.1 --sort fill "$prefix-many-"
) >"$temp/out" || fail 'top of 200 queues'
[ "$(wc -l <"$temp/out")" -eq 201 ] || fail "200 queues: $(wc -l <"$temp/out") lines"
sed -n 2p "$temp/out" | grep -q "^$prefix-many-250 " || fail "the fullest: $(sed -n 2p "$temp/out")"
(
	# shellcheck disable=SC3045
	ulimit -n 50
	exec "$SHMEMQ" top --once --interval 0.1 "$prefix-many-"
) >"$temp/out" 2>"$temp/err"
[ $? -eq 1 ] || fail 'top without descriptors'
grep -q '^shmemq: queues that could not be opened: 1[0-9]*; the last: .*file.*$' "$temp/err" ||
	fail "too many queues: $(cat "$temp/err")"

#
# On a terminal.
#
if ! python3 -c 'import pty; pty.openpty()' 2>/dev/null; then
	echo 'top.sh: no python3, or no /dev/pts: nothing on a terminal'
	verdict
fi
terminal() # WHAT SIZE STEP... -- ARGUMENT...
{
	what=$1
	shift
	python3 "$srcdir/tests/command/terminal.py" "$@" >"$temp/screen" 2>&1 || fail "$what: $(cat "$temp/screen")"
}

# Where it cannot move the cursor, it prints.
TEST_TERM=dumb terminal 'a terminal that can do little' 80x24 'wait=-idle +0 ' cooked signal=INT end=-2 -- \
	"$SHMEMQ" top --interval 0.1 "$prefix-idle"
if ! grep -q '^#define HAVE_NCURSES 1' "$(dirname "$built")/config.h" 2>/dev/null; then
	echo 'top.sh: built without ncurses: the rest is not tested'
	verdict
fi
terminal 'the table' 80x24 'wait=^NAME ' raw 'wait=-busy +[1-9]' 'wait=any-116 +0 ' show key=q cooked end=0 -- \
	"$SHMEMQ" top --interval 0.2 --sort name "$prefix-"
sed -n 1p "$temp/screen" | grep -q '^205 queues, by name  ' || fail "the first line: $(cat "$temp/screen")"
sed -n 2p "$temp/screen" | grep -Eq '^NAME +PUSH/S +POP/S +FILL( +MOST)?( +LAG)? +WAITS +PRODUCER +CONSUMER$' ||
	fail "the titles: $(cat "$temp/screen")"
grep -Eq '^/sh.*-idle +0 .* pop +never +[0-9]+ sh' "$temp/screen" || fail "a row: $(cat "$temp/screen")"
[ "$(grep -c '^/sh' "$temp/screen")" -eq 22 ] || fail "the rows: $(cat "$temp/screen")"
# Ctrl-L after each: what is shown then does not depend on how ncurses changes one screen into the next.
terminal 'keys' 80x24 'wait=by rate' key=s 'wait=by fill' key=s 'wait=by name' 'key=\x0c' 'wait=any-116 .*\Z' \
	'key=\x1b[B' 'key=\x0c' 'wait=any-117 .*\Z' 'key=\x1b[A' 'key=\x0c' 'wait=any-116 .*\Z' \
	'key=\x1b[6~' 'key=\x0c' 'wait=^NAME.*\n.*any-117 ' 'key=\x1b[5~' 'key=\x0c' \
	'wait=^NAME.*\n.*-alone ' key=q end=0 -- "$SHMEMQ" top "$prefix-"
terminal 'another size' 80x24 'wait=any-121 ' size=200x30 \
	'wait=B/S +POP/S +B/S' 'wait=-many-127 .*\Z' show key=q end=0 -- \
	"$SHMEMQ" top --sort name "$prefix-many-"
! grep -q -e '-many-128 ' "$temp/screen" || fail "more rows than fit: $(cat "$temp/screen")"
for signal in INT:-2 TERM:-15 HUP:-1; do
	terminal "SIG${signal%:*}" 80x24 'wait=^NAME ' raw "signal=${signal%:*}" cooked "end=${signal#*:}" -- \
		"$SHMEMQ" top "$prefix-"
done

# The longest interval there is: no second turn, so no rates.
terminal 'the longest interval' 80x24 'wait=-idle +- +- ' key=s 'wait=by fill' key=s 'wait=by name' \
	show key=q end=0 -- "$SHMEMQ" top --interval 9223372035 "$prefix-idle"
grep -Eq -e '-idle +- +- ' "$temp/screen" || fail "no end of an interval was waited for: $(cat "$temp/screen")"

# What takes more columns than the terminal has does not go on in the next line: here as many marks as bytes, since the
# locale does not know the characters.
wide=$prefix-wide$(printf '%60s' '' | sed "s/ /$(printf '\346\227\245')/g")
"$SHMEMQ" create "$wide"
terminal 'a name of characters that the locale does not know' 80x24 'wait=^/shmemq' show key=q end=0 -- \
	"$SHMEMQ" top "$prefix-wide"
[ "$(grep -c . "$temp/screen")" -eq 3 ] || fail "one queue in more than one line: $(cat "$temp/screen")"
"$SHMEMQ" rm "$wide"

# A queue that vanishes while it is shown.
(
	until [ -e "$temp/shown" ]; do
		sleep 0.05
	done
	"$SHMEMQ" rm "$prefix-limit"
) &
terminal 'a queue that vanishes' 80x24 'wait=-limit ' "touch=$temp/shown" 'wait=^0 queues' key=q end=0 -- \
	"$SHMEMQ" top --interval 0.1 "$prefix-limit"

verdict
