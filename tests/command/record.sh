#!/bin/sh
# SPDX-License-Identifier: MIT
# record and replay: what was pushed, its tags and its times, to a pcapng file and back.
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"
needs_proc 'which has the state of processes'

# Bytes of FILE from OFFSET on, in hexadecimal.
bytes() # FILE OFFSET COUNT
{
	tail -c +$(($2 + 1)) "$1" | head -c "$3" | od -An -v -tx1 | tr -d ' \n'
}

# A number of BYTES bytes, in the byte order of the command, which an emulator may run.
number() # FILE OFFSET BYTES
{
	od --endian="$order" -An -t "u$3" -j "$2" -N "$3" "$1" | tr -d ' '
}

#
# There and back: any bytes, empty messages, tags; nothing is taken from the queue. By its own name, and another one.
#
new_queue
{ head -c 5000 /dev/urandom && printf '\n\n' && xs 100; } >"$temp/in"
"$SHMEMQ" push "$q" --frame=chunk:17 --type 4294967295 <"$temp/in"
printf '\0\0\0\0\0\0\0\003a\nb' | "$SHMEMQ" push "$q" --frame len32
"$SHMEMQ" peek "$q" --frame=hex --type >"$temp/queued"
expect 0 '' record "$q" "$temp/file" --queued
: | is 'record writes nothing else'
"$SHMEMQ" peek "$q" --frame=hex --type | is 'the queue after record' "$temp/queued"
order=little
[ "$(bytes "$temp/file" 8 4)" = 4d3c2b1a ] || order=big
[ "$(stat -c %a "$temp/file")" = 600 ] || fail "a new file can be read by others"
expect 0 '' replay "$temp/file" "$q.other" --create --speed max
"$SHMEMQ" peek "$q.other" --frame=hex --type | is 'replay to another queue' "$temp/queued"
"$SHMEMQ" drain "$q" >"$temp/out"
expect 0 '' replay "$temp/file" --speed 1000
"$SHMEMQ" peek "$q" --frame=hex --type | is 'replay to the queue that the file names' "$temp/queued"
"$SHMEMQ" record "$q" - --oldest | "$SHMEMQ" replay - "$q.pipe" --create --count 3
"$SHMEMQ" peek "$q.pipe" --frame=hex --type >"$temp/piped"
head -n 3 "$temp/queued" | is 'through a pipe, and --count' "$temp/piped"

#
# The format: the section, the interface with the name and ns, a message with a tag and one without, the statistics. As
# a little-endian machine writes it; the times are masked.
#
if [ $order = little ]; then
	version=$("$SHMEMQ" --version | sed 's/^shmemq \([^ ]*\) .*/\1/')
	"$SHMEMQ" create "$prefix-n"
	printf abcde | "$SHMEMQ" push "$prefix-n" --type 7
	printf abcd | "$SHMEMQ" push "$prefix-n"
	expect 0 '' record "$prefix-n" "$temp/golden" --queued
	section=$(printf 'shmemq %s' "$version" | wc -c)
	padded=$(((section + 3) / 4 * 4))
	at=$((24 + 4 + padded + 4 + 4))
	[ "$(bytes "$temp/golden" 0 12)" = "0a0d0d0a$(printf %02x $at)0000004d3c2b1a" ] || fail 'the section'
	name=${#prefix}
	name=$(((name + 2 + 3) / 4 * 4))
	[ "$(bytes "$temp/golden" $((at + 8)) 10)" = "93000000000000000200" ] || fail 'the link type'
	[ "$(tail -c +$((at + 21)) "$temp/golden" | head -c $((${#prefix} + 2)))" = "$prefix-n" ] || fail 'the name'
	at=$((at + 20 + name))
	[ "$(bytes "$temp/golden" $at 12)" = 090001000900000000000000 ] || fail 'the unit of time'
	at=$((at + 16))
	[ "$(bytes "$temp/golden" $at 12)" = 060000003400000000000000 ] || fail 'the first message'
	[ "$(bytes "$temp/golden" $((at + 20)) 32)" = \
		"050000000500000061626364650000000180040007000000""0000000034000000" ] || fail 'its bytes and tag'
	at=$((at + 52))
	[ "$(bytes "$temp/golden" $at 12)" = 060000002400000000000000 ] || fail 'the second message'
	[ "$(bytes "$temp/golden" $((at + 20)) 16)" = "04000000040000006162636424000000" ] || fail 'its bytes'
	at=$((at + 36))
	[ "$(bytes "$temp/golden" $at 12)" = 050000003400000000000000 ] || fail 'the statistics'
	[ "$(bytes "$temp/golden" $((at + 20)) 40)" = \
		04000800020000000000000005000800000000000000000000000000"34000000" ] || fail 'their counts'
fi

#
# Any pcapng file: here of the other byte order, in units of microseconds, the default, with blocks and options that
# nobody knows, and an interface whose name is no queue's.
#
{
	printf '\012\015\015\012\0\0\0\034\032\053\074\115\0\001\0\0\377\377\377\377\377\377\377\377\0\0\0\034'
	printf '\200\0\0\001\0\0\0\020abcd\0\0\0\020'
	printf '\0\0\0\001\0\0\0\040\0\223\0\0\0\0\0\0\0\002\0\004eth0\0\0\0\0\0\0\0\040'
	printf '\0\0\0\006\0\0\0\054\0\0\0\0\0\0\0\0\0\0\0\001\0\0\0\003\0\0\0\011abc\0\377\376\0\001z\0\0\0\0\0\0\054'
	printf '\0\0\0\006\0\0\0\060\0\0\0\0\0\0\0\0\0\004\223\340\0\0\0\002'
	printf '\0\0\0\002de\0\0\200\001\0\004\0\0\0\005\0\0\0\0'
	printf '\0\0\0\060'
} >"$temp/foreign"
new_queue
start=$(date +%s%N)
expect 0 '' replay "$temp/foreign" "$q"
[ $((($(date +%s%N) - start) / 1000000)) -ge 299 ] || fail 'replay was faster than the file'
"$SHMEMQ" peek "$q" --type >"$temp/out"
printf '0\tabc\n5\tde\n' | is 'a file of the other byte order'
start=$(date +%s%N)
expect 0 '' replay "$temp/foreign" "$q" --speed 0.5
[ $((($(date +%s%N) - start) / 1000000)) -ge 599 ] || fail 'replay at half the speed was faster than that'
expect 1 "$temp/foreign: it names no queue: add the NAME of one" replay "$temp/foreign"

#
# Files that are none, or end too soon: what is whole is pushed, and the rest is reported.
#
size=$(wc -c <"$temp/foreign")
for cut in 1 4 47 50; do
	head -c $((size - cut)) "$temp/foreign" >"$temp/cut"
	at=$((size - 48))
	pushed=1
	[ $cut -le 48 ] || { at=$((at - 44)) && pushed=0; }
	[ $pushed -ne 0 ] || { expect 1 "$temp/cut: it ends inside a block, at byte $at; messages pushed: 0" \
		replay "$temp/cut" "$q" && continue; }
	expect 1 "$temp/cut: it ends inside a block, at byte $at; messages pushed: 1" replay "$temp/cut" "$q"
done
for text in short 'no such file at all'; do
	echo "$text" >"$temp/cut"
	expect 1 "$temp/cut: it is no pcapng file, at byte 0; messages pushed: 0" replay "$temp/cut" "$q"
done
: >"$temp/cut"
expect 1 "$temp/cut: it is empty, at byte 0; messages pushed: 0" replay "$temp/cut" "$q"
# A message that is longer than its block; a block of an impossible length; lengths that differ; no such interface.
# shellcheck disable=SC2059 # octal numbers
damaged() # OFFSET-FROM-THE-END BYTES WHAT
{
	at=$((size - $1))
	after=$((at + 1 + $(printf "$2" | wc -c)))
	{ head -c $at "$temp/foreign" && printf "$2" && tail -c +$after "$temp/foreign"; } >"$temp/damaged"
	"$SHMEMQ" replay "$temp/damaged" "$q" 2>"$temp/err" && fail "$3: success"
	grep -qF "$3" "$temp/err" || fail "$3: $(cat "$temp/err")"
}
damaged 28 '\377\377\377\377' 'a message is longer than its block'
damaged 28 '\0\0\0\035' 'a message is longer than its block'
damaged 44 '\377\377\377\374' 'a block has an impossible length'
damaged 44 '\0\0\0\0' 'a block has an impossible length'
damaged 4 '\0\0\0\0' 'the two lengths of a block differ'
damaged 40 '\0\0\0\001' 'a message belongs to no interface'
expect 1 "$temp/none: No such file or directory" replay "$temp/none" "$q"

#
# It waits, with the file complete meanwhile; a signal ends it after the statistics.
#
new_queue
"$SHMEMQ" record "$q" "$temp/live" --stay &
record=$!
until [ -s "$temp/live" ]; do
	sleep 0.02
done
seq 3 | "$SHMEMQ" push "$q"
until "$SHMEMQ" replay "$temp/live" "$q.live" --create --speed max 2>"$temp/err" &&
	[ "$(field "$q.live" queued_messages)" -ge 3 ]; do
	sleep 0.02
done
kill -TERM "$record"
ends "$record" 143 'record after a signal'
"$SHMEMQ" drain "$q.live" >"$temp/out"
expect 0 '' replay "$temp/live" "$q.live"
expect 0 '' peek "$q.live"
seq 3 | is 'what was recorded until the signal'
at=$(($(wc -c <"$temp/live") - 52))
[ "$(number "$temp/live" $at 4)" = 5 ] || fail 'no statistics after a signal'

#
# Messages lost are counted: in the file, at the next message, in the statistics, and on standard error.
#
new_queue --capacity 4K
mkfifo "$temp/slow"
"$SHMEMQ" record "$q" "$temp/slow" --oldest --stay 2>"$temp/said" &
record=$!
exec 4<>"$temp/slow"
echo first | "$SHMEMQ" push "$q"
dd bs=4K count=1 <&4 >"$temp/recorded" 2>"$temp/dd"
until grep -q first "$temp/recorded"; do
	dd bs=4K count=1 <&4 >>"$temp/recorded" 2>"$temp/dd"
done
kill -STOP "$record"
seq 10000 | "$SHMEMQ" push "$q" --stay &
push=$!
"$SHMEMQ" pop "$q" --stay --count 10001 >"$temp/popped"
ends "$push" 0 push
exec 5<"$temp/slow"
cat <&5 4>&- >>"$temp/recorded" &
reading=$!
exec 4>&- 5<&-
kill -CONT "$record"
# All that is there still is recorded before this: it comes last.
echo last | "$SHMEMQ" push "$q" --stay
until "$SHMEMQ" replay "$temp/recorded" "$q.lost" --create --speed max 2>"$temp/cut" &&
	"$SHMEMQ" peek "$q.lost" | grep -q last; do
	sleep 0.02
done
kill -TERM "$record"
ends "$record" 143 'record that was overtaken'
wait "$reading"
"$SHMEMQ" drain "$q.lost" >"$temp/out"
expect 0 '' replay "$temp/recorded" "$q.lost" --speed max
messages=$(field "$q.lost" queued_messages)
lost=$((10002 - messages))
[ $lost -ge 9000 ] || fail "only $lost were lost"
echo "shmemq: $q: messages overwritten before they were read: $lost of 10002" | is 'messages lost' "$temp/said"
at=$(($(wc -c <"$temp/recorded") - 52))
[ "$(number "$temp/recorded" $((at + 24)) 8)" = 10002 ] || fail 'the statistics: received'
[ "$(number "$temp/recorded" $((at + 36)) 8)" = $lost ] || fail 'the statistics: lost'
# The message after each gap says how many were lost there.
if [ $order = little ]; then
	counted=0
	for option in $(bytes "$temp/recorded" 0 $at | grep -o '04000800....0000000000'); do
		low=$(echo "$option" | cut -c 9-10)
		high=$(echo "$option" | cut -c 11-12)
		counted=$((counted + 0x$high$low))
	done
	[ $counted -eq $lost ] || fail "the messages count $counted of $lost as lost"
fi

#
# Command lines and failures.
#
expect 2 'record: missing argument: record takes NAME FILE' record "$q"
expect 2 'replay: missing argument: replay takes FILE [NAME]' replay
expect 2 "replay: unexpected argument \"c\": replay takes FILE [NAME]" replay a b c
wanted="a factor above 0, or max"
for speed in 0 -1 x '' 1e3; do
	expect 2 "replay: invalid --speed \"$speed\": it must be $wanted" replay "$temp/file" --speed "$speed"
done
expect 4 "$prefix-none: no such queue" record "$prefix-none" "$temp/none"
[ ! -e "$temp/none" ] || fail 'record of no queue has made a file'
expect 4 "$prefix-none: no such queue" replay "$temp/file" "$prefix-none"
expect 1 "$q: /dev/full: No space left on device" record "$q" /dev/full --oldest
# What "-" stands for is called by its name.
echo junk | expect 1 'standard input: it is no pcapng file, at byte 0; messages pushed: 0' replay - "$q"
"$SHMEMQ" record "$q" - --oldest >/dev/full 2>"$temp/said" && fail 'record to a full device: success'
echo "shmemq: $q: standard output: No space left on device" | is 'record to a full device' "$temp/said"
expect 3 "$q: timed out: no further message, and the producer has closed it; messages written: 0" \
	record "$q" "$temp/file" --timeout 0 --stay
# The time for which record looks often, after a message, is a part of --timeout: it does not wait for all of that once
# more. (It may be off the CPU between the message and the first look. So it is tried again.)
if strace -o "$temp/trace" true 2>"$temp/err"; then
	new_queue
	waited=
	for _ in $(seq 100); do
		waited=$(
			echo | "$SHMEMQ" push "$q" --stay
			ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=futex -o "$temp/trace" \
				"$SHMEMQ" record "$q" "$temp/file" --queued --stay --timeout 0.02 2>"$temp/said"
			grep -E 'FUTEX_WAIT.*tv_nsec=(19|20)[0-9]{6}[^0-9]' "$temp/trace"
		)
		[ -n "$waited" ] || break
	done
	[ -z "$waited" ] || fail "record waits twice as long as --timeout: $waited"
else
	echo 'record.sh: strace cannot trace here: waits are not looked at'
fi
# More than record gathers: a write fails in the middle, which is told once.
new_queue
head -c 200000 /dev/zero | "$SHMEMQ" push "$q" --frame=chunk:1000
expect 1 "$q: /dev/full: No space left on device" record "$q" /dev/full --queued
# A signal while no process reads the FIFO.
mkfifo "$temp/fifo"
"$SHMEMQ" record "$q" "$temp/fifo" 2>"$temp/said" &
record=$!
until grep -q 'SigCgt:.*[4-7c-f]...$' "/proc/$record/status" && grep -q '^State:.S' "/proc/$record/status"; do
	sleep 0.02 # until it has a handler for SIGTERM, and sleeps
done
kill -TERM "$record"
ends "$record" 143 'record that waits for the reader of a FIFO'
: | is 'what it says' "$temp/said"

verdict
