#!/bin/sh
# SPDX-License-Identifier: MIT
# --keep: two importers each get every message, also those that come late. --ack: what the stream may forget.
# shellcheck source=tests/relay/lib.sh
. "${srcdir:-.}/tests/relay/lib.sh"

set_up s --keep
new_queue
c=$q
export_from "$a" s
import_to "$b" s --keep --durable one
push "$a" 1 3000 0-100 &
pop "$b" 1 3000 0-100
wait $!
import_to "$c" s --keep --durable two
late=$importer
pop "$c" 1 3000 0-100
kill -KILL "$late"
wait "$late" 2>/dev/null
push "$a" 3001 3000 0-100 &
import_to "$c" s --keep --durable two
pop "$c" 3001 3000 0-100 &
pop "$b" 3001 3000 0-100
wait $!
kill -TERM "$exporter"
ends "$exporter" 0 export

# Without --keep: --ack popped keeps a frame until B's consumer has had it, pushed does not.
for ack in pushed popped; do
	set_up "$ack"
	export_from "$a" "$ack" --close ignore
	import_to "$b" "$ack" --ack "$ack"
	# Each a frame of its own.
	for n in 1 2 3 4 5 6; do
		push "$a" $n 1 10
		await 'imported' field_has "$b" pushed_messages $n
	done
	if [ "$ack" = pushed ]; then
		await 'the stream has the newest alone' stream_has "$ack" frames 1
	else
		sleep 0.5
		stream_has "$ack" frames 6 || fail "popped: the stream has $(stream_field "$ack" frames) frames"
	fi
	pop "$b" 1 6 10
	[ "$ack" = pushed ] || await 'the stream has the newest alone' stream_has "$ack" frames 1
done
verdict
