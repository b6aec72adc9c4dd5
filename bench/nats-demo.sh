#!/bin/sh
# SPDX-License-Identifier: MIT
# `make demo-nats`: a text through two queues and the stream between them: a server, an exporter, an importer.
# shellcheck source=tests/relay/lib.sh
. "${srcdir:-.}/tests/relay/lib.sh"

text=${FILE:-$srcdir/COPYING}
set_up demo
export_from "$a" demo
import_to "$b" demo
await 'the importer is in place' field_has "$b" producer open
"$SHMEMQ" pop --stay "$b" >"$temp/received" &
"$SHMEMQ" push "$a" <"$text"
lines=$(wc -l <"$text")
await 'all lines have come' field_has "$b" popped_messages "$lines"
await 'all lines have been written' cmp "$text" "$temp/received"
echo "$text: $lines lines from $a by the stream SHMEMQ_demo to $b"
relay status demo
sha256sum <"$text" | sed 's/ .*/  sent/'
sha256sum <"$temp/received" | sed 's/ .*/  received/'
verdict
