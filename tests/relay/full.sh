#!/bin/sh
# SPDX-License-Identifier: MIT
# A full stream makes A's producer wait, and loses nothing: when an importer comes, all arrive. Likewise B's full queue.
# shellcheck source=tests/relay/lib.sh
. "${srcdir:-.}/tests/relay/lib.sh"

set_up s --max-bytes 2M
export_from "$a" s
push "$a" 1 600 16384 &
producer=$!

# The stream has less than 2 MiB of 9.6, so A's queue fills, and its producer waits.
refused()
{
	grep -q refused "$temp/export.log"
}
fills() # QUEUE
{
	[ "$(field "$1" queued_messages)" -ge 60 ]
}
await 'the exporter says that the stream is full' refused
await "A's queue is full" fills "$a"
[ "$(field "$a" pushed_messages)" -lt 600 ] || fail 'a full stream has taken all'
kill -0 "$exporter" || fail 'the exporter has ended'
import_to "$b" s
# B's queue fills, too: 1 MiB of 9.6.
await "B's queue is full" fills "$b"
pop "$b" 1 600 16384
ends "$producer" 0 push
kill -TERM "$exporter" "$importer"
ends "$exporter" 0 export
ends "$importer" 0 import
verdict
