#!/bin/sh
# SPDX-License-Identifier: MIT
# A node of a cluster that leads but has not applied all that is stored says that the stream ends earlier. The exporter
# asks again before it calls that a loss. A proxy gives old answers.
# shellcheck source=tests/relay/lib.sh
. "${srcdir:-.}/tests/relay/lib.sh"
[ -x "$PROXY" ] || exit 77

start_server
start_proxy

exported_or_ended()
{
	any_ended "$exporter" || field_has "$a" consumer_mark "$1"
}

# Pushes COUNT messages from FIRST on, and waits until they are in the stream.
exports() # FIRST COUNT
{
	push "$a" "$1" "$2" 10
	await "messages from $1 on are exported" exported_or_ended $(($1 + $2 - 1))
	any_ended "$exporter" && fail "the exporter has ended: $(cat "$temp/export.log")" && exit 1
}

asked_again()
{
	grep -q 'asking again' "$temp/export.log" || fail "$1: the old answer has not been noticed"
	: >"$temp/export.log"
}

in_place_or_ended()
{
	any_ended "$exporter" || grep -q 'in place' "$temp/export.log"
}

# The exporter asks twice when it starts, once more after a cut.
start_again() # ANSWERS
{
	kill -KILL "$exporter"
	wait "$exporter" 2>/dev/null
	: >"$temp/export.log"
	order old $(($1 + 1))
	export_from "$a" s
}

set_up s
order keep
export_from "$a" s
exports 1 5

# It was empty, says an old answer: at the start, and after a cut.
start_again 1
await 'the exporter has asked again' in_place_or_ended
asked_again empty
order old 1
order cut
await 'the exporter has asked again after the cut' in_place_or_ended
asked_again 'a cut'
exports 6 5

# It ended earlier. What the exporter publishes to get a newer answer is not stored.
order keep
start_again 0
await 'in place' in_place_or_ended
exports 11 5
last=$(stream_field s last)
start_again 3
await 'the exporter has asked again' in_place_or_ended
asked_again earlier
stream_has s last "$last" || fail "the stream has $(stream_field s last) frames, not $last"
exports 16 5

# And if it stays so, it is a loss.
start_again 100000
awaited='the exporter has found a loss'
ends "$exporter" 70 'export, with old answers only'
grep -q 'lost messages that it had acknowledged' "$temp/export.log" || fail 'a loss has not been reported'

relay_port=$port
order old 0
export_from "$a" s
import_to "$b" s
pop "$b" 1 20 10
kill -TERM "$exporter" "$importer"
ends "$exporter" 0 export
ends "$importer" 0 import
verdict
