#!/bin/sh
# SPDX-License-Identifier: MIT
# `make bench-nats`: the relay beside core NATS, which stores nothing, and JetStream alone, in one run. Hold ratios
# against each other, not numbers: all run on this machine, with the server.
# shellcheck source=tests/relay/lib.sh
. "${srcdir:-.}/tests/relay/lib.sh"
: "${BENCH_NATS:=$top_builddir/bench/nats}"

# Processor time that a process has had, in ticks.
ticks() # PID
{
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}

# Carries COUNT messages of SIZE bytes; sets rate, and cpu: microseconds of both relays for a message.
carry() # STREAM COUNT SIZE [OPTION...]
{
	stream=$1
	n=$2
	bytes=$3
	shift 3
	capacity=8M
	set_up "$stream" --max-bytes 2G
	export_from "$a" "$stream" "$@"
	import_to "$b" "$stream"
	await 'the relays are in place' field_has "$b" producer open
	start=$(date +%s%N)
	push "$a" 1 "$n" "$bytes" &
	pop "$b" 1 "$n" "$bytes" >"$temp/popped"
	end=$(date +%s%N)
	wait $!
	# pop waits for 300 ms after the last message.
	rate=$(awk -v n="$n" -v t=$((end - start)) 'BEGIN { printf "%.0f", n * 1e9 / (t - 3e8) }')
	cpu=$(awk -v n="$n" -v t=$(($(ticks "$exporter") + $(ticks "$importer"))) -v hz="$(getconf CLK_TCK)" \
		'BEGIN { printf "%.2f", t / hz * 1e6 / n }')
	kill -TERM "$exporter" "$importer"
	wait "$exporter" "$importer"
	relay rm "$stream"
	"$SHMEMQ" rm "$a"
	"$SHMEMQ" rm "$b"
}

start_server
url=nats://127.0.0.1:$port
printf '%8s %12s %12s %12s %16s %14s %14s\n' bytes 'core NATS' JetStream relay 'relay, each one' 'us CPU' 'relay/core'
for case in 64:1000000:50000 1024:200000:30000 65536:10000:5000; do
	IFS=: read -r size count single <<-END
		$case
	END
	core=$("$BENCH_NATS" core "$url" "$count" "$size")
	relay create alone --max-bytes 2G
	alone=$("$BENCH_NATS" jetstream "$url" shmemq.alone "$single" "$size")
	relay rm alone
	carry each "$((single / 5))" "$size" --pack 0
	each=$rate
	carry frames "$count" "$size"
	printf '%8s %12s %12s %12s %16s %14s %14s\n' "$size" "$core" "$alone" "$rate" "$each" "$cpu" \
		"$(awk -v r="$rate" -v c="$core" 'BEGIN { printf "%.2f", r / c }')"
done

set_up latency
export_from "$a" latency
import_to "$b" latency
echo "median latency at 1,000/s, 64 bytes: $("$BENCH_NATS" latency "$a" "$b" 3000) us"

# Each of 1, 2 and 4 importers gets all.
for importers in 1 2 4; do
	set_up "fan$importers" --keep --max-bytes 1G
	export_from "$a" "fan$importers"
	pids=
	queues_b=$b
	for n in $(seq "$importers"); do
		[ "$n" -eq 1 ] || {
			new_queue --capacity 8M
			queues_b="$queues_b $q"
		}
		import_to "${queues_b##* }" "fan$importers" --keep --durable "n$n"
	done
	start=$(date +%s%N)
	push "$a" 1 500000 64 &
	for queue in $queues_b; do
		pop "$queue" 1 500000 64 >"$temp/popped" &
		pids="$pids $!"
	done
	# shellcheck disable=SC2086 # a list
	wait $pids
	end=$(date +%s%N)
	awk -v i="$importers" -v t=$((end - start)) 'BEGIN {
		printf "%d importer(s), --keep, 64 bytes: %.0f messages/s each\n", i, 500000 * 1e9 / (t - 3e8) }'
done
verdict
