#!/bin/sh
# SPDX-License-Identifier: MIT
# stat --openmetrics: a strict reader of the format takes it, whatever names queues have.
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"

command -v python3 >/dev/null || {
	echo 'openmetrics.sh: skipped: no python3'
	exit 77
}

# Writes to $temp/samples what the reader has found in $temp/out.
reads() # WHAT
{
	python3 "$srcdir/tests/command/openmetrics.py" <"$temp/out" >"$temp/samples" 2>"$temp/err" ||
		fail "$1: $(cat "$temp/err")"
}

has() # SAMPLE
{
	grep -Fqx "$1" "$temp/samples" || fail "no sample: $1; but: $(grep "^${1%% *} " "$temp/samples")"
}

new_queue --capacity 64K
one=$q
seq 3 | "$SHMEMQ" push "$one"
"$SHMEMQ" pop "$one" --count 1 >/dev/null
expect 0 '' stat --openmetrics "$one" "$one"
reads 'one queue, named twice'
has "shmemq_capacity_bytes 65536 queue='$one'"
has "shmemq_pushed_messages_total 3 queue='$one'"
has "shmemq_popped_messages_total 1 queue='$one'"
has "shmemq_pushed_bytes_total 3 queue='$one'"
has "shmemq_queued_messages 2 queue='$one'"
has "shmemq_handles 0 end='consumer' queue='$one'"
has "shmemq_end_state 1 end='producer' queue='$one' state='closed'"
has "shmemq_end_state 0 end='producer' queue='$one' state='dead'"
at=$("$SHMEMQ" stat "$one" --json | sed 's/.*"pushed_at": \([0-9]*\).*/\1/')
has "shmemq_moved_timestamp_seconds $at end='producer' queue='$one'"
# So many samples: of the queue's metrics 9, of its ends' 4 for each, and of the state 4 for each.
[ "$(wc -l <"$temp/samples")" -eq 25 ] || fail "$(wc -l <"$temp/samples") samples"

# Names that would break a line, a label or the terminal; and bytes that are not UTF-8, by which two names differ.
newline='
'
"$SHMEMQ" create "$prefix-a\"b\\c${newline}d,e=\"f"
"$SHMEMQ" create "$prefix-$(printf '\200')"
"$SHMEMQ" create "$prefix-$(printf '\201')"
"$SHMEMQ" stat --openmetrics >"$temp/out" 2>"$temp/err" || fail "all queues: $(cat "$temp/err")"
said=$(without_strangers <"$temp/err")
[ -z "$said" ] || fail "all queues: $said"
reads 'all queues'
has "shmemq_queued_messages 2 queue='$one'"
has "shmemq_queued_messages 0 queue='$prefix-a\"b\\\\x5cc\\\\x0ad,e=\"f'"
has "shmemq_queued_messages 0 queue='$prefix-\\\\x80'"
has "shmemq_queued_messages 0 queue='$prefix-\\\\x81'"
[ "$(tail -n 1 "$temp/out")" = '# EOF' ] || fail 'the last line'

# What cannot be read is reported, and the others are written.
expect 4 "$prefix-none: no such queue" stat "$prefix-none" "$one" --openmetrics
reads 'one of two'
has "shmemq_queued_messages 2 queue='$one'"
expect 4 "$prefix-none: no such queue" stat "$prefix-none" --openmetrics
reads 'no queue'
[ ! -s "$temp/samples" ] || fail 'samples of no queue'
expect 2 'stat: give --json or --openmetrics, not both' stat "$one" --openmetrics --json
if [ -w /dev/full ]; then
	"$SHMEMQ" stat --openmetrics >/dev/full 2>"$temp/err"
	[ $? -eq 1 ] || fail 'a full disk'
fi

# The reader is strict.
refuses() # WHAT TEXT
{
	printf '%b' "$2" >"$temp/out"
	! python3 "$srcdir/tests/command/openmetrics.py" <"$temp/out" >"$temp/samples" 2>&1 ||
		fail "the reader takes $1"
}
meta='# HELP a_total_x b\n# TYPE a_total_x gauge\n'
refuses 'no end' "${meta}a_total_x{q=\"1\"} 1\n"
refuses 'an unescaped mark' "${meta}a_total_x{q=\"\"1\"} 1\n# EOF\n"
refuses 'a sample twice' "${meta}a_total_x{q=\"1\"} 1\na_total_x{q=\"1\"} 1\n# EOF\n"
refuses 'a counter without _total' '# HELP a b\n# TYPE a counter\na{q="1"} 1\n# EOF\n'
refuses 'a foreign unit' '# HELP a b\n# TYPE a gauge\n# UNIT a bytes\na{q="1"} 1\n# EOF\n'

verdict
