#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/systemd/service: a queue without a name outlives the services at its ends, since the service manager, here
# tests/lib/manager.py, keeps its descriptor. No number is lost, whatever is killed. TEST_SEED repeats a run.
service=${top_builddir:-.}/examples/systemd/service
seed=${TEST_SEED:-$$}

skip() # WHY
{
	echo "fd_store.sh: skipped: $1"
	exit 77
}

[ -x "$service" ] || skip 'configure has not found libsystemd'
[ -e /proc/self/fd ] || skip 'no /proc'
python3 -c 'import socket; socket.SCM_CREDENTIALS' 2>/dev/null || skip 'no python3'
temp=$(mktemp -d) || exit 1
trap 'rm -rf "$temp"' EXIT
trap 'exit 1' HUP INT TERM
timeout 600 python3 "${srcdir:-.}/tests/lib/manager.py" "$service" "$temp" "$seed" || {
	echo "FAIL: fd_store.sh, TEST_SEED=$seed"
	exit 1
}
