#!/bin/sh
# SPDX-License-Identifier: MIT
# Each part ends, politely or by SIGKILL, and is started again, while messages are carried: each arrives once. The
# relays may be started before the server and before the stream's other end.
# shellcheck source=tests/relay/lib.sh
. "${srcdir:-.}/tests/relay/lib.sh"

set_up s
stop_server TERM
export_from "$a" s
import_to "$b" s
"$MESSAGES" push "$a" 1 0 0-200 30 &
producer=$!
"$MESSAGES" pop "$b" 1 50000000 0-200 >"$temp/popped" &
consumer=$!
start_server

popped_more()
{
	[ "$(field "$b" popped_messages)" -gt "$seen" ]
}

# B's consumer gets more messages than it has now.
flows()
{
	seen=$(($(field "$b" popped_messages) + 300))
	await "$1: messages flow" popped_more
}

flows 'the server started last'
for signal in TERM KILL KILL; do
	status=0
	[ $signal = TERM ] || status=137
	kill -$signal "$exporter"
	ends "$exporter" $status export
	export_from "$a" s
	flows "exporter, SIG$signal"
	kill -$signal "$importer"
	ends "$importer" $status import
	import_to "$b" s
	flows "importer, SIG$signal"
	stop_server $signal
	start_server
	flows "server, SIG$signal"
	kill -KILL "$exporter" "$importer"
	stop_server $signal
	wait "$exporter" "$importer" 2>/dev/null
	start_server
	import_to "$b" s
	export_from "$a" s
	flows "all, SIG$signal"
done

# The producer ends between two messages, and the next one goes on.
kill -KILL "$producer"
wait "$producer" 2>/dev/null
await 'all are popped' carried
all=$(field "$b" producer_mark)
kill -TERM "$exporter" "$importer"
ends "$exporter" 0 export
ends "$importer" 0 import
kill -TERM "$consumer"
ends "$consumer" 0 'the consumer'
grep -q " 0 lost, 0 doubled, 0 out of order, 0 wrong" "$temp/popped" || fail "$(cat "$temp/popped")"
grep -q "^messages: $all popped" "$temp/popped" || fail "$(cat "$temp/popped"), and not $all"
[ "$all" -gt 3000 ] || fail "only $all messages"
verdict
