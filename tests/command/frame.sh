#!/bin/sh
# SPDX-License-Identifier: MIT
# Every framing, byte for byte, in and out.
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"

# Sends a file through a queue of 64 KiB, first as standard input and then by a pipe. It must take MESSAGES messages and
# arrive unchanged, or as the file WANTED.
through() # FRAME MESSAGES FILE [WANTED]
{
	for source in file pipe; do
		new_queue --capacity 64K
		"$SHMEMQ" pop "$q" --frame "$1" >"$temp/out" &
		pid=$!
		case $source in
		file) "$SHMEMQ" push "$q" --frame "$1" <"$3" ;;
		pipe) tail -c +1 "$3" | "$SHMEMQ" push "$q" --frame "$1" ;;
		esac || fail "push $1 from a $source"
		ends "$pid" 0 "pop $1"
		is "$1, $2 messages from a $source" <"${4-$3}"
		field_is "$q" popped_messages "$2"
		"$SHMEMQ" rm "$q"
	done
}

# The same for texts as formats of printf.
text() # FRAME MESSAGES TEXT [WANTED]
{
	# shellcheck disable=SC2059 # formats, for their escapes
	printf "$3" >"$temp/in"
	# shellcheck disable=SC2059
	printf "${4-$3}" >"$temp/text"
	through "$1" "$2" "$temp/in" "$temp/text"
}

max=65520 # the longest message of a 64 KiB queue

#
# line and nul
#
text line 2 'one\ntwo\n'
text line 2 'one\ntwo' 'one\ntwo\n'
text line 0 ''
text line 1 '\n'
text line 3 '\n\n\n'
text line 3 '\n\nx' '\n\nx\n'
text line 2 'a\000b\n\000\n'
text line 2 '\377\376\n\r\n'
text nul 2 'one\000two\000'
text nul 2 'one\000two' 'one\000two\000'
text nul 0 ''
text nul 3 '\000\000\000'
text nul 2 'a\nb\000\n\000'

{ xs $max && echo; } >"$temp/in"
through line 1 "$temp/in"
xs $max >"$temp/unended"
through line 1 "$temp/unended" "$temp/in"
{ echo a && xs $max && echo && echo b; } >"$temp/in"
through line 3 "$temp/in"
# Lines of every length up to 2000, and some that are longer than one read(2).
awk 'BEGIN { for (n = 0; n < 2000; n++) { print line; line = line "x" } }' >"$temp/in"
through line 2000 "$temp/in"
new_queue --capacity 2M
{ xs 300000 && echo && xs 1500000 && echo && xs 2097136 && echo; } >"$temp/in"
"$SHMEMQ" pop "$q" >"$temp/out" &
pid=$!
"$SHMEMQ" push "$q" <"$temp/in" || fail 'push of long lines'
ends "$pid" 0 'pop of long lines'
is 'long lines' <"$temp/in"

# A line that is too long, by one byte or without an end. The lines before it are in the queue.
for input in 'xs 65521' 'xs 65521; echo' 'cat /dev/zero'; do
	new_queue --capacity 64K
	{ printf 'one\n\n' && eval "$input"; } |
		expect 1 "$q: message 3 is too long: at most $max bytes fit in this queue" push "$q"
	expect 0 '' pop "$q"
	printf 'one\n\n' | is "before a line too long, $input"
done

#
# len32
#
text len32 0 ''
text len32 3 '\000\000\000\003a\nb\000\000\000\000\000\000\000\001\000'
{ printf '\000\000\377\360' && xs $max; } >"$temp/in"
through len32 1 "$temp/in"
{
	printf '\000\000\177\377' && head -c 32767 /dev/urandom
	printf '\000\000\200\000' && head -c 32768 /dev/urandom
} >"$temp/two"
cat "$temp/two" "$temp/two" "$temp/two" "$temp/two" "$temp/two" >"$temp/in"
through len32 10 "$temp/in"

truncated() # TEXT ERROR [XS]: the input after a whole message
{
	new_queue --capacity 128K
	# shellcheck disable=SC2059 # an escaped text
	{ printf '\000\000\000\001m' && printf "$1" && xs "${3:-0}"; } | expect 1 "$q: $2" push "$q" --frame=len32
	expect 0 '' pop "$q"
	echo m | is "before $2"
}

truncated '\000' 'the input ends inside the 4-byte length of message 2'
truncated '\000\000\000' 'the input ends inside the 4-byte length of message 2'
truncated '\000\000\000\005' 'the input ends inside message 2, after 0 of 5 bytes'
truncated '\000\000\000\005abcd' 'the input ends inside message 2, after 4 of 5 bytes'
truncated '\000\000\377\360' 'the input ends inside message 2, after 65519 of 65520 bytes' 65519
truncated '\000\001\377\361' 'message 2 is too long: at most 131056 bytes fit in this queue' 131057
truncated '\377\377\377\377' 'message 2 is too long: at most 131056 bytes fit in this queue' 200000

#
# chunk
#
text chunk 0 ''
text chunk:1 5 'a\n\000bc'
text chunk:2 3 'a\n\000bc'
text chunk:5 1 'a\n\000bc'
text chunk:6 1 'a\n\000bc'
head -c 5000000 /dev/urandom >"$temp/in"
# Small chunks are copied from a buffer, large ones read in place; the default is 64 KiB or the longest message.
through chunk:7 714286 "$temp/in"
through chunk:1000 5000 "$temp/in"
through chunk:32767 153 "$temp/in"
through chunk:32K 153 "$temp/in"
through chunk:65520 77 "$temp/in"
through chunk 77 "$temp/in"
through chunk:50000 100 "$temp/in"
cat "$temp/in" "$temp/in" "$temp/in" "$temp/in" "$temp/in" "$temp/in" >"$temp/large"
new_queue
"$SHMEMQ" pop "$q" --frame=chunk:64K >"$temp/out" &
pid=$!
"$SHMEMQ" push "$q" --frame=chunk:64K <"$temp/large" || fail 'push of 30 MB'
ends "$pid" 0 'pop of 30 MB'
is '30 MB by chunk:64K' <"$temp/large"
field_is "$q" popped_messages 458

# The sizes of the chunks do not depend on the sizes of the reads.
for size in 40000 10; do
	new_queue
	{ xs $((size - 1)) && sleep 0.1 && xs 2 && sleep 0.1 && xs $size; } | "$SHMEMQ" push "$q" --frame=chunk:$size
	expect 0 '' pop "$q"
	{ xs $size && echo && xs $size && echo && echo x; } | is "chunks of $size that come in parts"
done

new_queue --capacity 64K
expect 1 "$q: chunks of 65521 bytes are too long: at most $max bytes fit in this queue" push "$q" --frame=chunk:65521
# When the input ends as the queue is exactly full, push does not wait.
xs 65000 | "$SHMEMQ" push "$q" --frame=chunk:65000 || fail 'push of a chunk that fills the queue'
expect 0 '' pop "$q" --frame=chunk
xs 65000 | is 'a chunk that fills the queue'

#
# A message that contains the delimiter stays in the queue for a pop with another frame.
#
new_queue
printf '\000\000\000\003one\000\000\000\003t\no\000\000\000\005three' | "$SHMEMQ" push "$q" --frame=len32
expect 1 "$q: the next message contains a newline; use --frame=len32 or --frame=chunk to pop it" pop "$q"
echo one | is 'before a message with a newline'
expect 0 '' pop "$q" --frame=nul --count=1
printf 't\no\000' | is 'a message with a newline as nul'
expect 0 '' pop "$q"
echo three | is 'after a message with a newline'
printf 't\000o\n' | "$SHMEMQ" push "$q"
expect 1 "$q: the next message contains a null byte; use --frame=len32 or --frame=chunk to pop it" \
	pop "$q" --frame=nul
expect 0 '' pop "$q" --frame=len32
printf '\000\000\000\003t\000o' | is 'a message with a null byte as len32'

#
# Tags
#
new_queue
echo one | "$SHMEMQ" push "$q"
printf 'two\n\n' | "$SHMEMQ" push "$q" --type 4294967295
echo three | "$SHMEMQ" push "$q" --type=10
printf four | "$SHMEMQ" push "$q" --frame=chunk:40K --type=7
xs 40000 | "$SHMEMQ" push "$q" --frame=chunk:40000 --type=8
expect 0 '' pop "$q" --type
{ printf '0\tone\n4294967295\ttwo\n4294967295\t\n10\tthree\n7\tfour\n8\t' && xs 40000 && echo; } | is 'tags in lines'
echo one | "$SHMEMQ" push "$q" --type=3
expect 0 '' pop "$q" --type --frame nul
printf '3\tone\000' | is 'tags with null bytes'

verdict
