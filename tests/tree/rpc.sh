#!/bin/sh
# SPDX-License-Identifier: MIT
# The server and the clients of examples/rpc: 100 clients at once, and kills of clients and of the server. Each sees the
# other's death, a client that takes no replies holds nobody up, and nothing is left of a client that was killed.
server=${top_builddir:-.}/examples/rpc/server
client=${top_builddir:-.}/examples/rpc/client
temp=$(mktemp -d) || exit 1
socket=$temp/socket
server_pid=
victims=
trap 'kill -KILL $server_pid $victims 2>/dev/null; rm -rf "$temp"' EXIT
trap 'exit 1' HUP INT TERM

[ -e /proc/self/fd ] || {
	echo 'rpc.sh: skipped: no /proc, which queues without names need'
	exit 77
}

fail() # WHAT
{
	echo "FAIL: $1"
	cat "$temp"/*.err
	exit 1
}

# Repeats a command until it succeeds, for at most ten seconds.
await() # WHAT COMMAND...
{
	what=$1
	shift
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || fail "not in ten seconds: $what"
		sleep 0.05
	done
}

gone() # PID
{
	! kill -0 "$1" 2>/dev/null
}

has_lines() # FILE
{
	[ -s "$1" ]
}

# The descriptors of the server when it has no client, and now.
descriptors()
{
	find "/proc/$server_pid/fd" -type l 2>/dev/null | wc -l
}

has_no_client()
{
	[ "$(descriptors)" -eq "$idle" ]
}

start_server()
{
	"$server" "$socket" 2>"$temp/server.err" &
	server_pid=$!
	await 'the server has started' has_started
	idle=$(descriptors)
	answers || fail 'the server does not answer'
}

# Its last descriptor is open: that for SIGTERM.
has_started()
{
	if gone "$server_pid"; then
		if grep 'Too many open files\|No file descriptors\|not supported' "$temp/server.err"; then
			echo 'rpc.sh: skipped: no inotify instance left'
			exit 77
		fi
		fail 'the server has ended'
	fi
	find "/proc/$server_pid/fd" -lname '*signalfd*' 2>/dev/null | grep -q .
}

answers()
{
	[ "$(echo hello | timeout 60 "$client" "$socket" 2>"$temp/client.err")" = HELLO ]
}

# A client that sends until it is killed, with its output in NUMBER.out.
start_victim() # NUMBER
{
	: >"$temp/$1.out"
	yes hello | "$client" "$socket" 2>"$temp/$1.err" >"$temp/$1.out" &
	victim=$!
	victims="$victims $victim"
}

# Many clients at once: each gets the replies to its own requests, in order. An emulated server might not take 100 in
# the ten seconds for which each tries.
at_once=100
[ -z "${SHMEMQ_TEST_EMULATED-}" ] || at_once=10
many()
{
	pids=
	for number in $(seq $at_once); do
		seq -f "client $number request %g" 100 | timeout 60 "$client" "$socket" $((number % 10 + 1)) \
			>"$temp/$number.out" 2>"$temp/$number.err" &
		pids="$pids $!"
	done
	for pid in $pids; do
		wait "$pid" || fail "one of $at_once clients"
	done
	for number in $(seq $at_once); do
		seq -f "CLIENT $number REQUEST %g" 100 | cmp -s - "$temp/$number.out" || fail "replies to $number"
	done
	await "the server has forgotten $at_once clients" has_no_client
}

# Clients that are killed early, at the moments of their start, and late: the server frees what it has of them.
killed_clients()
{
	for number in $(seq 40); do
		start_victim "$number"
		sleep "0.00$((number % 10))"
		kill -KILL "$victim"
		wait "$victim" 2>/dev/null
	done
	for number in $(seq 20); do
		start_victim "$number"
	done
	for number in $(seq 20); do
		await 'a victim has replies' has_lines "$temp/$number.out"
	done
	# shellcheck disable=SC2086 # process numbers
	kill -KILL $victims 2>/dev/null
	victims=
	await 'the server has forgotten clients that were killed' has_no_client
	answers || fail 'no answer after clients were killed'
}

# A client that sends for ever and takes no replies is dropped; one that is stopped holds nobody up.
slow_clients()
{
	yes hello | timeout 60 "$client" "$socket" 1000000000 >"$temp/slow.out" 2>"$temp/slow.err"
	[ $? -eq 1 ] || fail 'a client that takes no replies is not dropped'
	grep -q 'Broken pipe' "$temp/slow.err" || fail 'it does not say that it was dropped'
	start_victim stopped
	await 'the victim has replies' has_lines "$temp/stopped.out"
	kill -STOP "$victim"
	answers || fail 'no answer while a client is stopped'
	kill -KILL "$victim"
	victims=
	await 'the server has forgotten slow clients' has_no_client
}

# Clients of a server that is killed fail, and do not hang.
killed_server()
{
	pids=
	for number in $(seq 10); do
		start_victim "$number"
		pids="$pids $victim"
	done
	for number in $(seq 10); do
		await 'a client has replies' has_lines "$temp/$number.out"
	done
	kill -KILL "$server_pid"
	wait "$server_pid" 2>/dev/null
	for pid in $pids; do
		await 'a client sees that the server was killed' gone "$pid"
		wait "$pid"
		[ $? -eq 1 ] || fail 'the status of a client whose server was killed'
	done
	victims=
	grep -qi 'owner died' "$temp/1.err" || fail 'a client does not say that the server was killed'
	echo hello | timeout 60 "$client" "$socket" 2>"$temp/client.err" && fail 'a client without a server'
	grep -q 'Connection refused' "$temp/client.err" || fail 'a client does not say that there is no server'
	[ -e "$socket" ] || fail 'the socket of a killed server: this test expects that it stays'
	start_server
}

# Only one server at a time, and nothing stays of one that ends.
one_server()
{
	timeout 60 "$server" "$socket" 2>"$temp/second.err" && fail 'a second server beside the first'
	answers || fail 'the second server has taken the socket away'
	start_victim ended
	await 'the victim has replies' has_lines "$temp/ended.out"
	kill "$server_pid"
	wait "$server_pid" || fail 'the server on SIGTERM'
	await 'a client sees that the server has ended' gone "$victim"
	grep -q 'Broken pipe' "$temp/ended.err" || fail 'a client does not say that the server has ended'
	victims=
	[ ! -e "$socket" ] || fail 'the server has left its socket'
}

# The queues have no names, so nothing can stay in /dev/shm.
named()
{
	start_victim named
	await 'the victim has replies' has_lines "$temp/named.out"
	grep -q memfd "/proc/$victim/maps" || fail 'the mappings of a client show no queue'
	for pid in "$server_pid" "$victim"; do
		grep /dev/shm "/proc/$pid/maps" && fail 'a queue with a name'
	done
	kill -KILL "$victim"
	victims=
}

start_server
many
named
killed_clients
slow_clients
killed_server
killed_clients
one_server
