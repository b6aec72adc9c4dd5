#!/bin/sh
# SPDX-License-Identifier: MIT
# `make demo`: every line of a text through a queue, from one process to another.
# FILE: the text; the licences of /usr/share/common-licenses, many times over, where it is not given.
# SHMEMQ: the command; ./shmemq where it is not given.
set -eu

shmemq=${SHMEMQ:-./shmemq}
queue=/shmemq-demo-$$
directory=$(mktemp -d)
popping=

clean_up()
{
	[ -z "$popping" ] || kill "$popping" 2>/dev/null || :
	"$shmemq" rm "$queue" 2>/dev/null || :
	rm -r "$directory"
}

fail()
{
	echo "demo: $1" >&2
	exit 1
}

# 32 MiB or more: the licences, or COPYING on a machine without them.
default_text()
{
	cat /usr/share/common-licenses/* >"$directory/once" 2>/dev/null || cat "${srcdir:-.}/COPYING" >"$directory/once"
	while [ "$(wc -c <"$directory/once")" -lt $((32 << 20)) ]; do
		cat "$directory/once" "$directory/once" >"$directory/twice"
		mv "$directory/twice" "$directory/once"
	done
	mv "$directory/once" "$1"
}

checksum()
{
	sha256sum <"$1" | cut -d ' ' -f 1
}

trap clean_up EXIT
trap 'exit 1' HUP INT TERM

if [ -n "${FILE:-}" ]; then
	[ -r "$FILE" ] || fail "cannot read $FILE"
	what=$FILE
	sent=$FILE
	# pop gives a newline to a last line that has none. (A null byte would vanish in the substitution.)
	if [ -n "$(tail -c 1 -- "$FILE" | tr '\0' x)" ]; then
		sent=$directory/sent
		{ cat -- "$FILE" && echo; } >"$sent"
	fi
else
	what='the common licences, many times over'
	sent=$directory/sent
	default_text "$sent"
fi
bytes=$(wc -c <"$sent")
lines=$(wc -l <"$sent")

"$shmemq" create "$queue"
start=$(date +%s%N)
"$shmemq" pop "$queue" >"$directory/received" &
popping=$!
"$shmemq" push "$queue" <"$sent" || fail 'push failed'
wait "$popping" || fail 'pop failed'
end=$(date +%s%N)
popping=

echo "$what: $lines lines, $bytes bytes through $queue"
awk -v lines="$lines" -v bytes="$bytes" -v ns=$((end - start)) 'BEGIN {
	seconds = ns / 1e9
	printf "%.3f s: %.0f messages/s, %.1f MB/s, starting both processes included\n", seconds, lines / seconds,
		bytes / seconds / 1e6
}'
[ "$(checksum "$sent")" = "$(checksum "$directory/received")" ] ||
	fail "sha256 $(checksum "$sent") was sent, $(checksum "$directory/received") was received"
echo "sha256 of what was sent and of what was received: $(checksum "$sent")"
