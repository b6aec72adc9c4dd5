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
	expect 0 '' clean "$prefix-"
	for command in stat push pop rm; do
		expect 1 "$fifo: not a queue, or in a format that this libshmemq cannot use" $command "$fifo" </dev/null
	done
done
exec 3<>"/dev/shm$fifo"
ends "$writer" 0 'the writer to a FIFO'
echo 'its line is lost' >&3
read -r line <&3
[ "$line" = kept ] || fail "the writer to a FIFO: $line"
exec 3>&-

#
# A file that is a queue, cut off, gone, and there again, as fast as a process can do it: the command may say so, but no
# signal ends it.
#
peer=$(dirname "$built")/tests/lib/peer
if [ -x "$peer" ]; then
	new_queue --capacity 64K
	"$peer" remake "$q" &
	remaking=$!
	for _ in $(seq 50); do
		for arguments in ls 'ls --json' "stat $q" clean; do
			# shellcheck disable=SC2086 # a list of words
			"$SHMEMQ" $arguments >"$temp/out" 2>"$temp/err"
			got=$?
			[ "$got" -lt 128 ] || fail "$arguments: status $got; $(cat "$temp/err")"
		done
		kill -0 "$remaking" || fail 'the queue is not made again'
	done
	kill "$remaking"
	ends "$remaking" 143 'the process that made it again'
else
	echo 'strangers.sh: no tests/lib/peer: no file is truncated beside ls'
fi

verdict
