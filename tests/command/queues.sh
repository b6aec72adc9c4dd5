#!/bin/sh
# SPDX-License-Identifier: MIT
# create, ls, stat and rm; names of any bytes.
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"
needs_proc 'which has the state of processes'

page=$(getconf PAGESIZE)

#
# create
#
capacity_is() # SIZE CAPACITY
{
	new_queue --capacity "$1"
	field_is "$q" capacity "$2"
	field_is "$q" message_max $(($2 - 16))
	"$SHMEMQ" rm "$q"
}

new_queue
field_is "$q" capacity 1048576
field_is "$q" temporary no
[ "$(stat -c %a "/dev/shm$q")" = 600 ] || fail 'the default mode'
capacity_is 1 "$page"
capacity_is 64K 65536
capacity_is 64k 65536
capacity_is 65537 131072
capacity_is 1M 1048576
capacity_is 3M 4194304
capacity_is 16m 16777216
new_queue --capacity 64K --max-capacity 3M
field_is "$q" capacity 65536
field_is "$q" capacity_max 4194304
field_is "$q" reserved_bytes 65536
seq 100000 | "$SHMEMQ" push "$q" --timeout 10 || fail 'a push into a queue that may grow'
[ "$("$SHMEMQ" stat "$q" | sed -n 's/^reserved_bytes  *//p')" -gt 1600000 ] || fail 'it has not grown'
"$SHMEMQ" ls | grep -Eq "^$q +64K +4M +[0-9]{7} +100000 " || fail 'ls of a queue that has grown'
seq 100000 >"$temp/pushed"
"$SHMEMQ" pop "$q" | cmp - "$temp/pushed" || fail 'what a queue that has grown held'
"$SHMEMQ" rm "$q"
expect 2 'create: --max-capacity must be at least the capacity, which is 1048576' create /none --max-capacity 1K
new_queue --align 64
field_is "$q" alignment 64
field_is "$q" message_max $((1048576 - 64 - 8))
"$SHMEMQ" rm "$q"
(
	umask 027
	"$SHMEMQ" create "$prefix-mode" --mode 666
)
[ "$(stat -c %a "/dev/shm$prefix-mode")" = 640 ] || fail '--mode and umask'
"$SHMEMQ" rm "$prefix-mode"
new_queue --temporary
field_is "$q" temporary yes
echo lost | "$SHMEMQ" push "$q"
[ ! -e "/dev/shm$q" ] || fail 'a temporary queue is left'

#
# stat: a queue from its beginning to its end, as text and as JSON.
#
new_queue --capacity 64K
id=$("$SHMEMQ" stat "$q" | sed -n 's/^id  *//p')
echo "$id" | grep -Eqx '[0-9a-f]{16}' || fail "the id $id"
reserved='"reserved_bytes": 65536, "reserved_most": 65536'
json_is() # WHAT FIELDS ACTIVITY
{
	expect 0 '' stat "$q" --json
	sed -i 's/\("p[a-z]*_at": \)[1-9][0-9]\{9\}/\1TIME/g; s/\(_\(blocked\|slept\)": \)[0-9]*/\1N/g' "$temp/out"
	echo "{\"name\": \"$q\", \"capacity\": 65536, \"capacity_max\": 65536, \"message_max\": 65520,\
 \"alignment\": 8, \"id\": \"$id\",\
 \"temporary\": false, \"broadcast\": false, \"messages_max\": 0, \"user\": null, $2,\
 \"producers\": 0, \"consumers\": 0, \"slowest_pid\": null, \"slowest_messages\": 0, \"slowest_bytes\": 0,\
 \"producer_mark\": 0, \"consumer_mark\": 0, $3}" | is "$1"
}

json_is 'a new queue' '"queued_messages": 0, "queued_bytes": 0, "pushed_messages": 0, "pushed_bytes": 0, '\
'"popped_messages": 0, "popped_bytes": 0, '"$reserved"', '\
'"producer": "never", "producer_pid": null, "producer_waiting": false, '\
'"consumer": "never", "consumer_pid": null, "consumer_waiting": false' \
'"queued_most": 0, "pushed_at": null, "popped_at": null, '\
'"producer_holder": null, "producer_blocked": N, "producer_slept": N, '\
'"consumer_holder": null, "consumer_blocked": N, "consumer_slept": N'
expect 0 '' stat "$q"
cat <<EOT | is 'a new queue as text'
name              $q
capacity          65536
capacity_max      65536
message_max       65520
alignment         8
id                $id
temporary         no
broadcast         no
messages_max      0
user              -
queued_messages   0
queued_bytes      0
pushed_messages   0
pushed_bytes      0
popped_messages   0
popped_bytes      0
reserved_bytes    65536
reserved_most     65536
producer          never
producer_pid      -
producer_waiting  no
consumer          never
consumer_pid      -
consumer_waiting  no
producers         0
consumers         0
slowest_pid       -
slowest_messages  0
slowest_bytes     0
producer_mark     0
consumer_mark     0
queued_most       0
pushed_at         -
popped_at         -
producer_holder   -
producer_blocked  0
producer_slept    0
consumer_holder   -
consumer_blocked  0
consumer_slept    0
EOT
cp "$temp/out" "$temp/one"

# Several queues: an empty line between two, or a JSON object a line; each once, and those that can be read.
"$SHMEMQ" create "$q-other"
"$SHMEMQ" stat "$q-other" >"$temp/other"
expect 0 '' stat "$q" "$q-other" "$q"
{ cat "$temp/one" && echo && cat "$temp/other"; } | is 'two queues'
expect 4 "$q-none: no such queue" stat "$q-other" "$q-none" "$q"
{ cat "$temp/other" && echo && cat "$temp/one"; } | is 'two queues, and one that is not there'
{ "$SHMEMQ" stat "$q" --json && "$SHMEMQ" stat "$q-other" --json; } >"$temp/one"
expect 0 '' stat "$q" "$q-other" --json
is 'two queues as JSON' <"$temp/one"
expect 2 'stat: missing queue name, as in "shmemq stat /foo"' stat --json

printf 'one\ntwenty-two\n\n' >"$temp/in"
"$SHMEMQ" push "$q" <"$temp/in" &
push=$!
ends "$push" 0 'push of three'
"$SHMEMQ" pop "$q" --count 1 --stay >/dev/null &
pop=$!
ends "$pop" 0 'pop of one'
moved='"queued_most": 48, "pushed_at": TIME, "popped_at": TIME, '\
'"producer_holder": null, "producer_blocked": N, "producer_slept": N, '\
'"consumer_holder": null, "consumer_blocked": N, "consumer_slept": N'
json_is 'a used queue' '"queued_messages": 2, "queued_bytes": 32, "pushed_messages": 3, "pushed_bytes": 13, '\
'"popped_messages": 1, "popped_bytes": 3, '"$reserved"', '\
'"producer": "closed", "producer_pid": '"$push"', "producer_waiting": false, '\
'"consumer": "closed", "consumer_pid": '"$pop"', "consumer_waiting": false' "$moved"
field "$q" pushed_at | grep -Eqx '20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z' || fail 'pushed_at as text'
"$SHMEMQ" pop "$q" --stay >/dev/null &
pop=$!
await_field "$q" consumer_waiting yes
field_is "$q" consumer open
field_is "$q" consumer_pid "$pop"
"$SHMEMQ" stat "$q" | grep -qx "consumer_holder   $pop shmemq" || fail 'consumer_holder'
await_field "$q" consumer_slept 1
kill -STOP "$pop"
until "$SHMEMQ" stat "$q" | grep -qx "consumer_holder   $pop shmemq (stopped)"; do
	sleep 0.02
done
kill -9 "$pop"
ends "$pop" 137 'killed pop'
json_is 'a queue with a dead consumer' '"queued_messages": 0, "queued_bytes": 0, "pushed_messages": 3, '\
'"pushed_bytes": 13, "popped_messages": 3, "popped_bytes": 13, '"$reserved"', '\
'"producer": "closed", "producer_pid": '"$push"', '\
'"producer_waiting": false, "consumer": "dead", "consumer_pid": '"$pop"', "consumer_waiting": false' "$moved"

#
# ls: this test's queues, among other files.
#
rm -f "/dev/shm$prefix-"*
a="$prefix-a"
expect 0 '' ls
head -n 1 "$temp/out" | sed 's/  */ /g' >"$temp/title"
echo 'NAME CAPACITY MAX RESERVED MESSAGES BYTES PUSHED POPPED PRODUCER PID CONSUMER PID' \
	'CONSUMERS SLOWEST LIMIT WAITING' |
	is 'the titles of ls' "$temp/title"
"$SHMEMQ" create "$prefix-b" --capacity 64K
"$SHMEMQ" create "$a" --capacity 2M
echo junk >"/dev/shm$prefix-junk"
mkfifo "/dev/shm$prefix-fifo"
mkdir "/dev/shm$prefix-dir"
ln -s "/dev/shm$a" "/dev/shm$prefix-link"
seq 3 | "$SHMEMQ" push "$a"
producer=$(field "$a" producer_pid)
"$SHMEMQ" pop "$prefix-b" --stay >/dev/null &
pop=$!
await_field "$prefix-b" consumer_waiting yes
expect 0 '' ls
grep "^$prefix-" "$temp/out" | sed 's/  */ /g' >"$temp/rows"
cat <<EOT | is 'the rows of ls' "$temp/rows"
$a 2M 2M 2097152 3 48 3 0 closed $producer never - 0 - - -
$prefix-b 64K 64K 65536 0 0 0 0 never - open $pop 1 - - consumer
EOT
# The columns are aligned.
grep -e "^$prefix-" -e '^NAME' "$temp/out" | awk '{ print index($0, $9) }' | sort -u >"$temp/columns"
[ "$(wc -l <"$temp/columns")" -eq 1 ] || fail 'the columns of ls'
kill "$pop"
ends "$pop" 143 pop

# Names with any bytes. (The dash ends the PID in the prefix: another test may have a PID that begins with this one.)
rm -rf "/dev/shm$prefix-"*
odd=$(printf '%s- "\\\001\177\tb' "$prefix")
alien=$(printf '%s-\377\303\251\302\233' "$prefix")
expect 0 '' create "$odd"
expect 0 '' create "$alien"
expect 0 '' ls
grep "^$prefix-" "$temp/out" | sed 's/ .*//' >"$temp/rows"
printf '%s-\\x20"\\x5c\\x01\\x7f\\x09b\n%s-\\xff\303\251\\xc2\\x9b\n' "$prefix" "$prefix" |
	is 'odd names in ls' "$temp/rows"
expect 0 '' ls --json
[ "$(head -n 1 "$temp/out")$(tail -n 1 "$temp/out")" = '[]' ] || fail 'ls --json is no array'
sed '1d; $d' "$temp/out" | sed '$!s/^ {.*},$/ok/; $s/^ {.*}$/ok/' | sort -u >"$temp/rows"
echo ok | is 'objects of ls --json' "$temp/rows"
grep "\"$prefix-" "$temp/out" | sed 's/, "capacity".*//' >"$temp/rows"
hex=$(printf %s "$alien" | od -An -v -tx1 | tr -d ' \n')
printf ' {"name": "%s- \\"\\\\\\u0001\\u007f\\u0009b"\n {"name": "%s-\\ufffd\303\251\\u009b", "name_hex": "%s"\n' \
	"$prefix" "$prefix" "$hex" | is 'odd names in JSON' "$temp/rows"
expect 0 '' stat "$odd"
expect 0 '' rm "$odd" "$alien"

# A name that would look like another one: each first and last character that is not shown as it is, with its bytes and
# as JSON has it. Then the characters next to these, which are shown.
raw='' text='' json=''
while read -r octal hexadecimal unicode; do
	raw=$raw$octal
	text=$text$hexadecimal
	json=$json$unicode
done <<'EOT'
\302\200 \xc2\x80 \u0080
\302\240 \xc2\xa0 \u00a0
\302\255 \xc2\xad \u00ad
\330\234 \xd8\x9c \u061c
\341\232\200 \xe1\x9a\x80 \u1680
\341\240\216 \xe1\xa0\x8e \u180e
\342\200\200 \xe2\x80\x80 \u2000
\342\200\217 \xe2\x80\x8f \u200f
\342\200\250 \xe2\x80\xa8 \u2028
\342\200\256 \xe2\x80\xae \u202e
\342\200\257 \xe2\x80\xaf \u202f
\342\201\237 \xe2\x81\x9f \u205f
\342\201\257 \xe2\x81\xaf \u206f
\343\200\200 \xe3\x80\x80 \u3000
\357\273\277 \xef\xbb\xbf \ufeff
\357\277\271 \xef\xbf\xb9 \ufff9
\357\277\273 \xef\xbf\xbb \ufffb
EOT
plain=$(printf '\302\241\302\254\302\256\337\277\342\200\220\342\200\247\342\200\260\342\201\236')
plain=$plain$(printf '\342\201\260\343\200\201\357\273\276\357\277\274')
# shellcheck disable=SC2059 # octal numbers
masked=$prefix-$(printf "$raw")$plain
expect 4 "$prefix-$text$plain: no such queue" stat "$masked"
expect 0 '' create "$masked"
expect 0 '' ls
grep "^$prefix-" "$temp/out" | sed 's/ .*//' >"$temp/rows"
printf '%s\n' "$prefix-$text$plain" | is 'a masked name in ls' "$temp/rows"
expect 0 '' stat "$masked"
head -n 1 "$temp/out" >"$temp/rows"
printf 'name              %s\n' "$prefix-$text$plain" | is 'a masked name in stat' "$temp/rows"
expect 0 '' stat "$masked" --json
sed 's/, "capacity".*//' "$temp/out" >"$temp/rows"
printf '%s\n' "{\"name\": \"$prefix-$json$plain\"" | is 'a masked name in JSON' "$temp/rows"
expect 0 '' rm "$masked"
# The command line, as a message quotes it.
expect 2 "stat: unknown option --$(printf '%17s' '' | tr ' ' '?')$plain?" stat "--${masked#"$prefix"-}$(printf '\377')"

#
# rm removes what it can, and reports the rest.
#
new_queue
one=$q
new_queue
two=$q
echo junk >"/dev/shm$prefix-junk"
"$SHMEMQ" rm "$one" "$prefix-none" "$prefix-junk" "$two" 2>"$temp/err" && fail 'rm of what is not there: success'
printf 'shmemq: %s: %s\n' "$prefix-none" 'no such queue' "$prefix-junk" \
	'not a queue, or in a format that this libshmemq cannot use' |
	is 'rm of four' "$temp/err"
for name in "$one" "$two"; do
	[ ! -e "/dev/shm$name" ] || fail "$name is left"
done
[ -e "/dev/shm$prefix-junk" ] || fail 'rm of junk'
# Processes that have a removed queue open can go on using it.
new_queue
"$SHMEMQ" pop "$q" >"$temp/popped" &
pop=$!
mkfifo "$temp/given"
"$SHMEMQ" push "$q" <"$temp/given" &
push=$!
exec 3>"$temp/given"
await_field "$q" producer open
await_field "$q" consumer_waiting yes
expect 0 '' rm "$q"
echo still >&3
exec 3>&-
ends "$push" 0 'push to a removed queue'
ends "$pop" 0 'pop from a removed queue'
echo still | is 'through a removed queue' "$temp/popped"

verdict
