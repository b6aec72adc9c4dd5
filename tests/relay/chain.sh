#!/bin/sh
# SPDX-License-Identifier: MIT
# What an exporter has sent before it was killed is under way, and reaches the server late: after the next exporter has
# asked what the stream has got. A proxy holds the bytes. Each message arrives once, whatever comes first. And it must
# not be so when the frames are not chained (relay/shmemq-nats-unchained).
#
# Chained frames of several messages, more than one of which is out at a time, would not do: exporter 1 has sent {1..21}
# {22..30}; exporter 2 sends {1..21} {22..42} {43..63}; the last one expects the number that {22..30} has got.
# shellcheck source=tests/relay/lib.sh
. "${srcdir:-.}/tests/relay/lib.sh"
[ -x "$PROXY" ] || exit 77

holds() # COUNT
{
	order count
	[ "$answer" -ge "$1" ]
}

answered()
{
	order answers
	[ "$answer" -gt 0 ]
}

in_place_or_ended()
{
	any_ended "$exporter" || [ "$(grep -c 'in place' "$temp/export.log")" -gt "$placed" ]
}

# Sets good to whether all messages up to COUNT arrive, once, and the exporter is satisfied when it is started again.
arrive() # COUNT
{
	good=yes
	"$MESSAGES" pop "$b" 1 "$1" 40 >"$temp/popped" 2>&1 &
	consumer=$!
	await 'all arrive, or the importer ends' any_ended "$consumer" "$importer"
	kill -TERM "$consumer" 2>/dev/null
	wait "$consumer" || good=no
	grep -q "^messages: $1 popped" "$temp/popped" || good=no
	relay_port=$port
	kill -KILL "$exporter" 2>/dev/null
	wait "$exporter" 2>/dev/null
	placed=$(grep -c 'in place' "$temp/export.log")
	export_from "$a" "$stream"
	await 'the last exporter is in place' in_place_or_ended
	kill -TERM "$exporter" 2>/dev/null
	wait "$exporter" || good=no
	kill -KILL "$importer" 2>/dev/null
	wait "$importer" 2>/dev/null
}

# Exporter 1, whose frames have at most PACK1 bytes, is killed with messages under way; exporter 2 goes on, with PACK2.
# LATE of exporter 1's frames reach the server before those of exporter 2, which has asked before; or after all: "last".
late_frames() # STREAM PACK1 PACK2 LATE
{
	stream=$1
	set_up "$stream"
	start_proxy
	import_to "$b" "$stream"
	importer=$pid
	order hold
	push "$a" 1 30 40
	export_from "$a" "$stream" --pack "$2"
	await 'exporter 1 sends' holds 1
	order count
	first=$answer
	kill -KILL "$exporter"
	wait "$exporter" 2>/dev/null
	push "$a" 31 200 40
	[ "$4" != last ] || order through
	export_from "$a" "$stream" --pack "$3"
	if [ "$4" = last ]; then
		await 'exporter 2 is done' field_has "$a" queued_messages 0
		order open
		await 'exporter 1 has been answered' answered
	else
		await 'exporter 2 sends' holds $((first + 1))
		order pass "$4"
		await 'the late frame is stored' stream_has "$stream" last 1
		order open
	fi
	arrive 230
	exec 8>&- 9<&-
	rm "$temp/orders" "$temp/answers"
	relay_port=$port
}

start_server
relay_port=$port
for case in one:1K:1K:1 smaller:100:2K:1 larger:2K:100:1 all:1K:1K:9 each:0:0:9 last:1K:1K:last; do
	IFS=: read -r stream pack1 pack2 late <<-END
		$case
	END
	late_frames "$stream" "$pack1" "$pack2" "$late"
	[ $good = yes ] || fail "$case: $(cat "$temp/popped"); $(tail -n 2 "$temp/export.log")"
done

if [ -x "$UNCHAINED" ]; then
	SHMEMQ_NATS=$UNCHAINED
	SHMEMQ_NATS_TEST_NO_CHAIN=1
	export SHMEMQ_NATS_TEST_NO_CHAIN
	late_frames unchained 1K 1K last
	[ $good = no ] || fail 'nothing is wrong without the chain'
fi
verdict
