#!/bin/sh
# SPDX-License-Identifier: MIT
# A's producer closes: B's consumer gets all messages, and then EPIPE; the next producer is carried on. --drain ends
# both relays then; --close ignore tells nobody.
# shellcheck source=tests/relay/lib.sh
. "${srcdir:-.}/tests/relay/lib.sh"

set_up s
export_from "$a" s
import_to "$b" s
for first in 1 1001; do
	push "$a" $first 1000 0-100
	await 'imported' field_has "$b" pushed_messages $((first + 999))
	# It ends because the producer has closed.
	pop "$b" $first 0 0-100
done
field_is "$b" popped_messages 2000
kill -TERM "$exporter" "$importer"
ends "$exporter" 0 export
ends "$importer" 0 import

set_up d
push "$a" 2001 5000 0-100
export_from "$a" d --drain
import_to "$b" d --drain
pop "$b" 2001 5000 0-100
ends "$exporter" 0 'export --drain'
ends "$importer" 0 'import --drain'

export_from "$a" d --close ignore
import_to "$b" d
push "$a" 7001 10 5
pop "$b" 7001 10 5
# As long as one cares to look, it is so.
sleep 0.3
field_is "$b" producer open
kill -TERM "$exporter" "$importer"
ends "$exporter" 0 export
ends "$importer" 0 import
verdict
