#!/bin/sh
# SPDX-License-Identifier: MIT
# Whose stream it is: two exporters of two queues; A's queue made anew, B's queue made anew.
# shellcheck source=tests/relay/lib.sh
. "${srcdir:-.}/tests/relay/lib.sh"

set_up s
export_from "$a" s
import_to "$b" s
push "$a" 1 500 0-50
pop "$b" 1 500 0-50

# Another queue, which has been exported to another stream, is refused.
new_queue
other=$q
relay create t || fail create
push "$other" 1 5 10
start_relay export "$other" t
await 'exported' field_has "$other" queued_messages 0
kill -TERM "$pid"
ends "$pid" 0 'the other exporter'
relay_ends 78 'another queue' export --server "nats://127.0.0.1:$port" "$other" s

# A's queue is made anew: what it gets from now on goes on.
kill -TERM "$exporter"
ends "$exporter" 0 export
"$SHMEMQ" rm "$a"
"$SHMEMQ" create "$a"
push "$a" 501 300 0-50
export_from "$a" s
pop "$b" 501 300 0-50
push "$a" 801 10 5
pop "$b" 801 10 5

# B's queue is made anew: what was not acknowledged comes again, and nothing is missing after it.
kill -TERM "$importer"
ends "$importer" 0 import
"$SHMEMQ" rm "$b"
"$SHMEMQ" create "$b"
push "$a" 811 1000 0-50
import_to "$b" s
"$MESSAGES" pop "$b" 811 1000 0-50 >"$temp/popped"
grep -q ' 0 lost, 0 doubled' "$temp/popped" || fail "$(cat "$temp/popped")"
kill -TERM "$exporter" "$importer"
ends "$exporter" 0 export
ends "$importer" 0 import
verdict
