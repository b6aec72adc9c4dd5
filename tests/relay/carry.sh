#!/bin/sh
# SPDX-License-Identifier: MIT
# What goes into queue A comes out of queue B: sizes from none to more than the server takes in one message, types and
# bytes, alone and in frames; by options and by a configuration file. And the metrics tell how many.
# shellcheck source=tests/relay/lib.sh
. "${srcdir:-.}/tests/relay/lib.sh"

stop_relays()
{
	kill -TERM "$exporter" "$importer"
	ends "$exporter" 0 "export $1"
	ends "$importer" 0 "import $1"
}

set_up small
export_from "$a" small --metrics "$temp/export.prom"
import_to "$b" small --metrics "$temp/import.prom"
push "$a" 1 20000 0-300 &
pop "$b" 1 20000 0-300
wait $!
# A message alone goes at once.
push "$a" 20001 1 5
pop "$b" 20001 1 5
await 'all are acknowledged' field_has "$a" queued_messages 0
stop_relays small
for direction in export import; do
	grep -q "^shmemq_nats_messages_total{queue=\"[^\"]*\",stream=\"small\",direction=\"$direction\"} 20001$" \
		"$temp/$direction.prom" || fail "$direction: metrics: $(cat "$temp/$direction.prom")"
	grep -q '^shmemq_nats_lost_total{.*} 0$' "$temp/$direction.prom" || fail "$direction: no lost_total"
	awk '!/^# TYPE shmemq_nats_[a-z_]* (counter|gauge)$/ && !/^shmemq_nats_[a-z_]*{[^}]*} [0-9.]+$/ {
		print
		bad = 1
	}
	END { exit bad }' "$temp/$direction.prom" || fail "$direction: these lines are no metrics"
done

# A message each; nearly as large as the server takes; and larger, in parts. With a configuration file.
capacity=16M
set_up large
printf '# how\nqueue = %s\nstream = large\nserver = nats://127.0.0.1:%s\npack = 0\n' "$a" "$port" >"$temp/large.conf"
"$SHMEMQ_NATS" export --config "$temp/large.conf" 2>>"$temp/export.log" &
exporter=$!
import_to "$b" large
push "$a" 1 300 0-2000
pop "$b" 1 300 0-2000
push "$a" 301 6 1044480 &
pop "$b" 301 6 1044480
wait $!
push "$a" 307 5 900000-5000000 &
pop "$b" 307 5 900000-5000000
wait $!
stop_relays large
verdict
