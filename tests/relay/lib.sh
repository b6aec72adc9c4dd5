# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# Shared by the tests of shmemq-nats: each sources this file first, and calls `verdict` last. A server of its own is
# started on a free port of the loopback, with a store in the test's temporary directory, and ends with the test.
# SHMEMQ_NATS: the relay; NATS_SERVER: the server; MESSAGES, PROXY: the programs beside this file. Nothing has a time
# limit but the test as a whole, which says what it was waiting for then.

# Two fields of variables are set here for the tests.
# shellcheck disable=SC2034
if [ -z "${SHMEMQ_TEST_WATCHED-}" ]; then
	PATH=$PATH:/usr/sbin:/usr/local/sbin
	export PATH
	: "${top_builddir:=.}" "${SHMEMQ_NATS:=$top_builddir/shmemq-nats}"
	: "${MESSAGES:=$top_builddir/tests/relay/messages}" "${PROXY:=$top_builddir/tests/relay/proxy}"
	: "${UNCHAINED:=$top_builddir/relay/shmemq-nats-unchained}"
	NATS_SERVER=$(command -v "${NATS_SERVER:-nats-server}") || {
		echo "$(basename "$0"): skipped: nats-server is not installed"
		exit 77
	}
	if ! command -v "$SHMEMQ_NATS" >/dev/null || ! command -v "$MESSAGES" >/dev/null; then
		echo "$(basename "$0"): skipped: shmemq-nats has not been built"
		exit 77
	fi
	# Not libtool's wrapper, but the program: so that a signal hits the relay.
	for program in "$SHMEMQ_NATS" "$UNCHAINED"; do
		real=$(dirname "$program")/.libs/$(basename "$program")
		[ -x "$real" ] || continue
		case $program in
		*unchained) UNCHAINED=$real ;;
		*) SHMEMQ_NATS=$real ;;
		esac
		LD_LIBRARY_PATH=$top_builddir/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
	done
	export LD_LIBRARY_PATH SHMEMQ_NATS UNCHAINED NATS_SERVER MESSAGES PROXY
fi
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"

awaited=
trap 'fail "ended from outside, or out of time; waited for: $awaited; $(tail -n 3 "$temp"/*.log)"; exit 1' HUP INT TERM

# Below the ports that the kernel gives to clients: one of these, which connects to where no server listens at that
# moment, could get that very port, and be connected with itself.
port=
first_port=$((10000 + $$ % 2000 * 10))
server=
# The URL of the server, or those of the nodes of a cluster; empty before the first start.
servers=
node1=''
node2=''
node3=''
# Where it listens, and what starts it there.
server_host=127.0.0.1
server_runs=
# What a test wants in the server's configuration, before start_server.
server_settings=

# Starts the server on PORT, and waits until it takes clients.
try_server() # PORT
{
	cat >"$temp/server.conf" <<-END
		host: $server_host
		port: $1
		jetstream { store_dir: "$temp/store", max_file_store: 8G }
		ports_file_dir: "$temp"
		$server_settings
	END
	rm -f "$temp"/nats-server_*.ports
	# shellcheck disable=SC2086 # a list of words
	$server_runs "$NATS_SERVER" -c "$temp/server.conf" -l "$temp/server.log" &
	server=$!
	until [ -s "$temp/nats-server_$server.ports" ]; do
		kill -0 "$server" 2>/dev/null || return 1
		sleep 0.02
	done
}

# Starts the server. It keeps its port when it is started again. Sets server, port.
start_server()
{
	if [ -n "$port" ]; then
		servers=nats://$server_host:$port
		try_server "$port" && return
	else
		for port in $(seq "$first_port" $((first_port + 9))); do
			servers=nats://$server_host:$port
			try_server "$port" && return
			grep -q 'address already in use' "$temp/server.log" || break
		done
	fi
	fail "nats-server has ended: $(tail -n 3 "$temp/server.log")"
	exit 1
}

stop_server() # SIGNAL
{
	kill "-$1" "$server"
	wait "$server" 2>/dev/null
	server=
}

# A node of a cluster. Each keeps its ports.
start_node() # NUMBER
{
	"$NATS_SERVER" -c "$temp/node$1.conf" -l "$temp/node$1.log" &
	eval "node$1=$!"
}

# Starts a cluster of three in place of the server. It takes streams some seconds later. Sets servers, node1 to node3.
start_cluster()
{
	for n in 1 2 3; do
		cat >"$temp/node$n.conf" <<-END
			server_name: n$n
			listen: 127.0.0.1:$((first_port + n))
			jetstream { store_dir: "$temp/store$n", max_file_store: 4G }
			cluster {
				name: shmemq
				listen: 127.0.0.1:$((first_port + 3 + n))
				routes: [
					nats://127.0.0.1:$((first_port + 4))
					nats://127.0.0.1:$((first_port + 5))
					nats://127.0.0.1:$((first_port + 6))
				]
			}
		END
		start_node $n
	done
	servers=nats://127.0.0.1:$((first_port + 1)),nats://127.0.0.1:$((first_port + 2))
	servers=$servers,nats://127.0.0.1:$((first_port + 3))
}

# Runs the relay against the server.
relay() # COMMAND ARGUMENT...
{
	command=$1
	shift
	"$SHMEMQ_NATS" "$command" --server "$servers" "$@"
}

# Starts a relay, which says what it does in $temp/COMMAND.log. Sets pid.
start_relay() # COMMAND ARGUMENT...
{
	command=$1
	shift
	through=$servers
	[ -z "${relay_port-}" ] || through=nats://$server_host:$relay_port
	"$SHMEMQ_NATS" "$command" --verbose --server "$through" "$@" 2>>"$temp/$command.log" &
	pid=$!
}

export_from() # ARGUMENT...
{
	start_relay export "$@"
	exporter=$pid
}

import_to() # ARGUMENT...
{
	start_relay import "$@"
	importer=$pid
}

# Runs the relay, which must end with STATUS and say ERROR (a pattern of grep) on standard error.
relay_ends() # STATUS ERROR COMMAND ARGUMENT...
{
	wanted=$1
	error=$2
	shift 2
	awaited="shmemq-nats $*"
	"$SHMEMQ_NATS" "$@" >"$temp/out" 2>"$temp/err"
	got=$?
	[ "$got" -eq "$wanted" ] || fail "shmemq-nats $*: status $got, not $wanted: $(cat "$temp/err")"
	[ -z "$error" ] || grep -q "$error" "$temp/err" ||
		fail "shmemq-nats $*: does not say \"$error\": $(cat "$temp/err")"
}

# Waits until a command succeeds.
await() # WHAT COMMAND...
{
	awaited=$1
	shift
	until "$@" >"$temp/await" 2>&1; do
		sleep 0.05
	done
}

# Has one of these processes ended?
any_ended() # PID...
{
	for process in "$@"; do
		kill -0 "$process" 2>/dev/null || return 0
	done
	return 1
}

# Prints a number of `status --json`.
stream_field() # STREAM KEY
{
	relay status --json "$1" | tr '{,' ',\n' | tr ',' '\n' | sed -n "s/^ *\"$2\": *\([0-9]*\).*/\1/p" | head -n 1
}

stream_has() # STREAM KEY VALUE
{
	[ "$(stream_field "$1" "$2")" = "$3" ]
}

field_has() # QUEUE KEY VALUE
{
	[ "$(field "$1" "$2")" = "$3" ]
}

# Has all that was pushed into queue $a been popped from queue $b? By bytes and marks, since a process that was killed
# may have left a count one short.
carried()
{
	[ "$(field "$a" queued_bytes)" = 0 ] && [ "$(field "$b" queued_bytes)" = 0 ] &&
		[ "$(field "$a" consumer_mark)" = "$(field "$b" producer_mark)" ]
}

push() # QUEUE FIRST COUNT SIZE
{
	awaited="messages push $*"
	"$MESSAGES" push "$@" || fail "messages push $*"
}

# Pops and checks.
pop() # QUEUE FIRST COUNT SIZE [PAUSE]
{
	awaited="messages pop $*"
	"$MESSAGES" pop "$@" || fail "messages pop $*"
}

# Makes the queues $a and $b, the server and a stream.
set_up() # STREAM [OPTION...]
{
	new_queue --capacity "${capacity:-1M}"
	a=$q
	new_queue --capacity "${capacity:-1M}"
	b=$q
	[ -n "$servers" ] || start_server
	relay create "$@" || fail "create $*"
}

# Starts a proxy before the server (proxy.c). Relays that are started from now on go through it.
start_proxy()
{
	mkfifo "$temp/orders" "$temp/answers"
	"$PROXY" "$port" <"$temp/orders" >"$temp/answers" &
	exec 8>"$temp/orders" 9<"$temp/answers"
	read -r relay_port <&9
}

# Gives the proxy an order, and sets answer: how many frames it holds then.
order() # ORDER...
{
	echo "$*" >&8
	read -r answer <&9
}
