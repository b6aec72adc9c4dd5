#!/bin/sh
# SPDX-License-Identifier: MIT
# Other users' files in /dev/shm, which may be anything and change at any time: no harm comes from them or to them.
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"

#
# A FIFO, for which a process waits that there is a reader. If the command opened it, that process would go on, and its
# line be lost, or SIGPIPE would kill it. Again and again, since nothing says when the process has begun to wait.
#
fifo=$prefix-fifo
mkfifo "/dev/shm$fifo"
sh -c 'echo kept >"$1"' writer "/dev/shm$fifo" &
writer=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
	expect 0 '' ls
	expect 0 '' clean
	for command in stat push pop rm; do
		expect 1 "$fifo: not a queue, or in a format that this libshmemq cannot use" $command "$fifo" </dev/null
	done
done
cat "/dev/shm$fifo" >"$temp/line" &
reader=$!
if wait "$writer" 2>"$temp/wait"; then
	ends "$reader" 0 'the reader of a FIFO'
	echo kept | is 'a FIFO' "$temp/line"
else
	fail "the writer to a FIFO: status $?"
	kill "$reader" 2>"$temp/wait" # it waits for another writer
fi

verdict
