#!/bin/sh
# SPDX-License-Identifier: MIT
# A nats-server 2.9 that was killed while it made the importer's consumer has left the state of an earlier one, and
# would give it to the next one, which would never deliver what that state has as delivered. The importer notices: each
# message arrives once.
# shellcheck source=tests/relay/lib.sh
. "${srcdir:-.}/tests/relay/lib.sh"

capacity=64K
set_up s
# A frame each. B's queue has space for some 60; the importer has got more.
export_from "$a" s --pack 0
push "$a" 1 500 1000 &
import_to "$b" s
await 'exported' field_has "$a" popped_messages 500
fills()
{
	[ "$(field "$b" producer_mark)" -gt 50 ] && [ "$(stream_field s unacknowledged)" -gt 300 ]
}
await "B's queue is full, and the importer has more" fills
kill -KILL "$importer"
wait "$importer" 2>/dev/null
stop_server TERM
rm "$temp"/store/jetstream/*/streams/SHMEMQ_s/obs/to/meta.sum || fail 'the server stores its consumers elsewhere'
start_server
import_to "$b" s
push "$a" 501 100 1000 &
pop "$b" 1 600 1000
kill -TERM "$exporter" "$importer"
ends "$exporter" 0 export
ends "$importer" 0 import
verdict
