#!/bin/sh
# SPDX-License-Identifier: MIT
# The link between the relays and the server is cut for 1.5 s and for 6 s, silently: each message arrives once. Relays
# and server are in network namespaces of their own, which only root can make.
if [ -z "${SHMEMQ_TEST_NAMESPACE-}" ]; then
	if ! unshare --net true 2>/dev/null || ! command -v ip >/dev/null || ! command -v nsenter >/dev/null; then
		echo 'cut.sh: skipped: cannot make a network namespace here'
		exit 77
	fi
	SHMEMQ_TEST_NAMESPACE=1 exec unshare --net "$0"
fi
# shellcheck source=tests/relay/lib.sh
. "${srcdir:-.}/tests/relay/lib.sh"
needs_proc 'which has the namespaces of processes'

unshare --net sleep 100000 &
there=$!
until [ "$(readlink /proc/$there/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do
	sleep 0.02
done
server_host=10.9.0.2
server_runs="nsenter --target $there --net"
{
	ip link set lo up
	ip link add v0 type veth peer name v1
	ip link set v1 netns "$there"
	ip address add 10.9.0.1/24 dev v0
	ip link set v0 up
	$server_runs ip address add 10.9.0.2/24 dev v1
	$server_runs ip link set v1 up
} >"$temp/link" 2>&1 || {
	echo "cut.sh: skipped: $(cat "$temp/link")"
	exit 77
}

set_up s
export_from "$a" s
import_to "$b" s
"$MESSAGES" push "$a" 1 0 64 30 &
producer=$!
"$MESSAGES" pop "$b" 1 60000000 64 >"$temp/popped" &
consumer=$!
for seconds in 1.5 6 1.5; do
	sleep 0.5
	ip link set v0 down
	sleep $seconds
	ip link set v0 up
	before=$(field "$b" popped_messages)
	flows()
	{
		[ "$(field "$b" popped_messages)" -gt $((before + 500)) ]
	}
	await "cut for $seconds s: messages flow" flows
done
kill -KILL "$producer"
wait "$producer" 2>/dev/null
await 'all are popped' carried
kill -TERM "$consumer"
ends "$consumer" 0 'the consumer'
cat "$temp/popped"
kill -TERM "$exporter" "$importer"
ends "$exporter" 0 export
ends "$importer" 0 import
verdict
