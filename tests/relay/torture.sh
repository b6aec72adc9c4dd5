#!/bin/sh
# SPDX-License-Identifier: MIT
# `make torture-nats SECONDS=n SEED=n NODES=1`: relays and servers are killed at random while numbered messages of 64
# bytes, and then of 64 KiB, are carried; first the relays, then the server, then both. NODES=3: a cluster, streams with
# three replicas, one node killed at a time. Each message must arrive once, in order, with its type and bytes.
: "${SECONDS_ALL:=60}" "${SEED:=$(date +%s)}" "${NODES:=1}"
CK_TIMEOUT_MULTIPLIER=$((SECONDS_ALL / 60 + 2))
export CK_TIMEOUT_MULTIPLIER SECONDS_ALL SEED NODES
# shellcheck source=tests/relay/lib.sh
. "${srcdir:-.}/tests/relay/lib.sh"

# Sets random to a number from 0 to LIMIT - 1. A linear congruential generator: the seed tells all.
state=$SEED
draw() # LIMIT
{
	state=$(((state * 1103515245 + 12345) % 2147483648))
	random=$((state / 65536 % $1))
}

# Of all cases; kills_relay: of this one.
kills_exporter=0
kills_importer=0
kills_server=0
messages=0

kill_relay()
{
	draw 2
	if [ "$random" -eq 0 ]; then
		kill -KILL "$exporter"
		wait "$exporter" 2>/dev/null
		start_export
		kills_exporter=$((kills_exporter + 1))
	else
		kill -KILL "$importer"
		wait "$importer" 2>/dev/null
		start_import
		kills_importer=$((kills_importer + 1))
	fi
	kills_relay=$((kills_relay + 1))
}

# One node is killed at a time: another one only when this one has caught up.
all_current()
{
	"$SHMEMQ_NATS" status --json --server "$servers" "$stream" | grep -q '"current": 3,'
}

kill_server()
{
	if [ "$NODES" -eq 1 ]; then
		stop_server KILL
		start_server
	else
		draw 3
		n=$((random + 1))
		eval "kill -KILL \$node$n; wait \$node$n 2>/dev/null"
		sleep 0.5
		start_node $n
		await 'the node has what the others have' all_current
	fi
	kills_server=$((kills_server + 1))
}

start_export()
{
	"$SHMEMQ_NATS" export --server "$servers" "$a" "$stream" 2>>"$temp/export.log" &
	exporter=$!
}

start_import()
{
	"$SHMEMQ_NATS" import --server "$servers" "$b" "$stream" 2>>"$temp/import.log" &
	importer=$!
}

# One case: WHAT is killed, while messages of SIZE bytes are carried, for SECONDS.
torture() # WHAT SIZE SECONDS
{
	stream=$1-$2
	kills_relay=0
	kills_server_before=$kills_server
	new_queue --capacity 8M
	a=$q
	new_queue --capacity 8M
	b=$q
	await 'the stream' "$SHMEMQ_NATS" create --server "$servers" --replicas "$NODES" "$stream"
	start_export
	start_import
	"$MESSAGES" push "$a" 1 0 "$2" "$PAUSE" &
	producer=$!
	"$MESSAGES" pop "$b" 1 60000000 "$2" >"$temp/popped" &
	consumer=$!
	end=$(($(date +%s) + $3))
	while [ "$(date +%s)" -lt "$end" ]; do
		draw 400
		sleep "0.$(printf %03d "$random")"
		case $1 in
		relays) kill_relay ;;
		server) kill_server ;;
		both)
			kill_relay
			draw 3
			[ "$random" -ne 0 ] || kill_server
			;;
		esac
	done
	kill -KILL "$producer"
	wait "$producer" 2>/dev/null
	awaited="$1, $2 bytes: all arrive"
	until carried || any_ended "$exporter" "$importer"; do
		sleep 0.1
	done
	carried || fail "$1, $2 bytes: not all arrived: A has $(field "$a" queued_messages)"
	sleep 1 # for what may come twice
	kill -TERM "$consumer"
	wait "$consumer" || fail "$1, $2 bytes"
	kill -TERM "$exporter" "$importer"
	ends "$exporter" 0 "export, $1"
	ends "$importer" 0 "import, $1"
	echo "$1, $2 bytes: $kills_relay relay kills, $((kills_server - kills_server_before)) server kills:" \
		"$(cat "$temp/popped")"
	messages=$((messages + $(sed -n 's/^messages: \([0-9]*\) popped.*/\1/p' "$temp/popped")))
	"$SHMEMQ_NATS" rm --server "$servers" "$stream" || fail rm
	"$SHMEMQ" rm "$a"
	"$SHMEMQ" rm "$b"
}

echo "torture-nats: SEED=$SEED, $SECONDS_ALL s, $NODES node(s)"
# Microseconds after eight messages: so that a long run has no more than MANY (messages.c).
: "${PAUSE:=10}"
if [ "$NODES" -eq 1 ]; then
	start_server
	for size in 64 65536; do
		for what in relays server both; do
			torture $what $size $((SECONDS_ALL / 6 + 1))
		done
	done
else
	start_cluster
	torture server 64 $((SECONDS_ALL / 2))
	torture both 65536 $((SECONDS_ALL / 2))
fi
echo "all: $messages messages; killed: $kills_exporter exporters, $kills_importer importers, $kills_server servers"
verdict
