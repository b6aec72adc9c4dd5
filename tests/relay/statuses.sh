#!/bin/sh
# SPDX-License-Identifier: MIT
# Each exit status of shmemq-nats, and what it says; create, status and rm.
# shellcheck source=tests/relay/lib.sh
. "${srcdir:-.}/tests/relay/lib.sh"

set_up s
here=nats://127.0.0.1:$port

# 64: the command line
relay_ends 64 'missing command'
relay_ends 64 '' carry
relay_ends 64 '' export "$a"
relay_ends 64 '' export --pack x "$a" s
relay_ends 64 '' export --frobnicate "$a" s
relay_ends 64 '' export "$a" 'not.a.stream'
relay_ends 64 'invalid queue name' export --server nats://127.0.0.1:1 foo s
relay_ends 64 'invalid queue name' import --server nats://127.0.0.1:1 /foo/bar s
relay_ends 64 password export --server "nats://me:secret@127.0.0.1:$port" "$a" s
! grep -q secret "$temp/err" || fail 'shows the password'
echo 'frobnicate = yes' >"$temp/bad.conf"
relay_ends 64 frobnicate export --config "$temp/bad.conf" "$a" s
echo 'queue = foo' >"$temp/bad.conf"
relay_ends 64 'invalid value of "queue"' export --config "$temp/bad.conf"

# 69: no server, for what does not wait for one; or one that refuses.
relay_ends 69 '' status --server nats://127.0.0.1:1 s
relay_ends 69 '' create --server nats://127.0.0.1:1 s
# 1 and 78: no stream; another one
relay_ends 1 'no such stream' status --server "$here" none
relay_ends 1 'no such stream' rm --server "$here" none
relay_ends 78 '' export --server "$here" "$a" none
relay_ends 0 '' create --server "$here" s
relay_ends 78 'max-bytes' create --server "$here" --max-bytes 5M s
relay_ends 78 'keep' create --server "$here" --keep s
relay_ends 78 'keep' import --server "$here" --keep "$b" s

# 71: no queue
head -c 65536 /dev/zero >"/dev/shm$prefix-junk"
relay_ends 71 '' export --server "$here" "$prefix-junk" s

# 65: B's queue is too small for the message, which stays in the stream.
new_queue --capacity 64K
small=$q
push "$a" 1 1 100000
export_from "$a" s
await 'exported' field_has "$a" queued_messages 0
relay_ends 65 '' import --server "$here" "$small" s
import_to "$b" s
pop "$b" 1 1 100000

# 75: the end is held. Checked last, since the relay waits for 10 s.
"$SHMEMQ_NATS" export --server "$here" "$a" s 2>"$temp/busy" &
busy=$!

# status
relay_ends 0 '' status --server "$here" s
grep -q '^stream  *SHMEMQ_s$' "$temp/out" || fail "status: $(cat "$temp/out")"
relay_ends 0 '' status --json --server "$here" s
if command -v python3 >/dev/null; then
	python3 -c 'import json, sys
s = json.load(sys.stdin)
assert s["stream"] == "SHMEMQ_s" and s["exporter"]["last_message"] == 1 and len(s["importers"]) == 1, s' \
		<"$temp/out" || fail "status --json: $(cat "$temp/out")"
fi

# 70: the stream is removed; made anew, it is not what the exporter has written.
new_queue
c=$q
relay create gone || fail create
push "$c" 1 100 10
export_from "$c" gone
gone=$exporter
await 'exported' field_has "$c" queued_messages 0
kill -TERM "$gone"
ends "$gone" 0 export
relay_ends 0 '' rm --server "$here" gone
relay_ends 1 'no such stream' status --server "$here" gone
relay create gone || fail create
relay_ends 70 '' export --server "$here" "$c" gone
start_relay export "$c" gone --on-loss continue
push "$c" 101 10 10
await 'exported' field_has "$c" queued_messages 0
kill -TERM "$pid"
ends "$pid" 0 'export --on-loss continue'

ends "$busy" 75 'export of a queue that is exported'
verdict
