#!/bin/sh
# SPDX-License-Identifier: MIT
# `make bench-nats`: the relay beside core NATS, which stores nothing, and JetStream alone; with 1, 2 and 4 importers,
# and with 1 and 3 replicas; in one run. Hold ratios against each other, not numbers: all run on this machine, with the
# servers. Some two minutes.
# shellcheck disable=SC2086 # variables that are lists of words
# shellcheck source=tests/relay/lib.sh
. "${srcdir:-.}/tests/relay/lib.sh"
: "${BENCH_NATS:=$top_builddir/bench/nats}"
capacity=8M

# What carry() makes: with several importers, a stream that keeps its messages (--keep).
importers=1
replicas=1
keep=

# Processor time that these processes have had, in ticks.
ticks() # PID...
{
	for process in "$@"; do
		cat "/proc/$process/stat"
	done | awk '{ sum += $14 + $15 } END { print sum }'
}

# Microseconds of processor time for each of COUNT messages.
each_us() # TICKS COUNT
{
	awk -v t="$1" -v n="$2" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.2f", t / hz * 1e6 / n }'
}

# Starts the relays, to $importers queues: sets exporter, importer (one or several), sinks.
start_relays() # STREAM [OPTION OF EXPORT...]
{
	stream=$1
	shift
	set_up "$stream" --max-bytes 2G --replicas "$replicas" ${keep:+--keep}
	sinks=$b
	while [ "$(echo "$sinks" | wc -w)" -lt "$importers" ]; do
		new_queue --capacity "$capacity"
		sinks="$sinks $q"
	done
	export_from "$@" "$a" "$stream"
	all=
	for queue in $sinks; do
		import_to ${keep:+--keep --durable "n$pid"} "$queue" "$stream"
		all="$all $importer"
	done
	importer=$all
	for queue in $sinks; do
		await "the importer of $queue is in place" field_has "$queue" producer open
	done
}

# Carries COUNT messages of SIZE bytes; sets rate, which is that of each importer, and for a message that is pushed
# relays_us, server_us: the processor time of the relays and of the servers.
carry() # STREAM COUNT SIZE [OPTION OF EXPORT...]
{
	stream=$1
	count=$2
	bytes=$3
	shift 3
	start_relays "$stream" "$@"
	before=$(ticks $server_pids)
	start=$(date +%s%N)
	push "$a" 1 "$count" "$bytes" &
	all=$!
	for queue in $sinks; do
		pop "$queue" 1 "$count" "$bytes" >"$temp/popped" &
		all="$all $!"
	done
	wait $all
	end=$(date +%s%N)
	# pop waits for 300 ms after the last message.
	rate=$(awk -v n="$count" -v t=$((end - start)) 'BEGIN { printf "%.0f", n * 1e9 / (t - 3e8) }')
	server_us=$(each_us $(($(ticks $server_pids) - before)) "$count")
	relays_us=$(each_us "$(ticks $exporter $importer)" "$count")
	kill -TERM $exporter $importer
	wait $exporter $importer
	relay rm "$stream"
	for queue in $a $sinks; do
		"$SHMEMQ" rm "$queue"
	done
}

# Two sizes of messages in a line, which begins with NUMBER.
line() # NUMBER STREAM COUNT-OF-64 COUNT-OF-64K
{
	carry "$2-small" "$3" 64
	small=$(printf '%10s %10s %10s' "$rate" "$relays_us" "$server_us")
	carry "$2-large" "$4" 65536
	printf '%9s %s %10s %10s %10s\n' "$1" "$small" "$rate" "$relays_us" "$server_us"
}

titles() # TITLE
{
	printf '\n%9s %32s %32s\n' '' '64 bytes' '65536 bytes'
	printf '%9s %10s %10s %10s %10s %10s %10s\n' \
		"$1" messages/s 'relays us' 'server us' messages/s 'relays us' 'server us'
}

start_server
server_pids=$server
url=$servers
echo 'messages/s; us: processor time for a message, of both relays, and of the server while it serves them'
printf '\n%6s %10s %10s %10s %10s %11s %10s %10s\n' \
	bytes 'core NATS' JetStream relay '--pack 0' relay/core 'relays us' 'server us'
for case in 64:3000000:50000 1024:400000:30000 65536:10000:5000; do
	IFS=: read -r size many few <<-END
		$case
	END
	core=$("$BENCH_NATS" core "$url" "$many" "$size")
	relay create alone --max-bytes 2G
	alone=$("$BENCH_NATS" jetstream "$url" shmemq.alone "$few" "$size")
	relay rm alone
	carry each "$((few / 5))" "$size" --pack 0
	each=$rate
	carry frames "$many" "$size"
	printf '%6s %10s %10s %10s %10s %11s %10s %10s\n' "$size" "$core" "$alone" "$rate" "$each" \
		"$(awk -v r="$rate" -v c="$core" 'BEGIN { printf "%.2f", r / c }')" "$relays_us" "$server_us"
done

start_relays latency
printf '\nmedian latency at 1,000/s, 64 bytes: %s us\n' "$("$BENCH_NATS" latency "$a" "$b" 3000)"
kill -TERM "$exporter" $importer
wait "$exporter" $importer

# Each importer gets all.
titles importers
keep=yes
for importers in 1 2 4; do
	line "$importers" "fan$importers" 2000000 5000
done
keep=
importers=1

# In a cluster of three nodes on this machine.
stop_server TERM
start_cluster
server_pids="$node1 $node2 $node3"
await 'the cluster takes streams' relay create first --replicas 3
titles replicas
for replicas in 1 3; do
	line "$replicas" "replicas$replicas" 2000000 3000
done
verdict
