#!/bin/sh
# SPDX-License-Identifier: MIT
# Tests that need a /dev/shm of their own, of 1 MiB, in a mount namespace: clean, a full file system, and ls of an empty
# one.
if [ -z "${SHMEMQ_TEST_NAMESPACE-}" ]; then
	own=--mount
	[ "$(id -u)" -eq 0 ] || own='--mount --map-root-user'
	# shellcheck disable=SC2086 # a list of words
	unshare $own mount -t tmpfs -o size=1m,mode=1777 shmemq-test /dev/shm 2>/dev/null || {
		echo 'clean.sh: cannot mount a /dev/shm of its own here'
		exit 77
	}
	# shellcheck disable=SC2086
	SHMEMQ_TEST_NAMESPACE=1 exec unshare $own "$0"
fi
if [ -z "${SHMEMQ_TEST_MOUNTED-}" ]; then
	mount -t tmpfs -o size=1m,mode=1777 shmemq-test /dev/shm || exit 1
	SHMEMQ_TEST_MOUNTED=1
	export SHMEMQ_TEST_MOUNTED
fi
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"

# Writes the names that ls or clean shows to $temp/names.
names() # ARGUMENT...
{
	expect 0 '' "$@"
	sed '1d; s/ .*//' "$temp/out" >"$temp/names"
}

#
# An empty /dev/shm
#
names ls
: | is 'ls of nothing' "$temp/names"
[ "$(wc -l <"$temp/out")" -eq 1 ] || fail 'ls of nothing has no titles'
expect 0 '' ls --json
echo '[]' | is 'ls --json of nothing'
expect 0 '' clean --force --all
: | is 'clean of nothing'

#
# A full /dev/shm
#
expect 1 '/large: /dev/shm has not enough free space for the capacity of the queue' create /large --capacity 4M
expect 1 '/large: /dev/shm has not enough free space for the capacity of the queue' push /large --create --capacity 4M
[ -z "$(ls -A /dev/shm)" ] || fail 'a failed create has left something'
expect 0 '' create /small --capacity 64K
xs 65000 | expect 0 '' push /small
expect 0 '' pop /small
"$SHMEMQ" rm /small

#
# clean: queues that no process has open
#
echo junk >/dev/shm/junk
for name in /consumer /dead /empty /full /producer; do
	"$SHMEMQ" create $name --capacity 64K
done
echo kept | "$SHMEMQ" push /full
"$SHMEMQ" pop /consumer >"$temp/popped" &
consumer=$!
"$SHMEMQ" pop /dead >"$temp/popped" &
dead=$!
mkfifo "$temp/given" "$temp/doomed"
"$SHMEMQ" push /producer <"$temp/given" &
producer=$!
exec 3>"$temp/given"
# A temporary queue with a message. Its producer is killed, so no close removes it.
"$SHMEMQ" push /temporary --create --temporary --capacity 64K <"$temp/doomed" &
temporary=$!
exec 4>"$temp/doomed"
echo lost >&4
until [ -e /dev/shm/temporary ]; do
	sleep 0.02
done
await_field /temporary queued_messages 1
await_field /producer producer open
await_field /consumer consumer open
await_field /dead consumer open
kill -9 "$dead" "$temporary"
ends "$dead" 137 'killed pop'
ends "$temporary" 137 'killed push'
exec 4>&-

names clean
printf '/dead\n/empty\n/full\n/temporary\n' | is 'clean' "$temp/names"
names ls
printf '/consumer\n/dead\n/empty\n/full\n/producer\n/temporary\n' | is 'clean alone removes nothing' "$temp/names"
expect 0 '' clean --force
printf 'removed /dead\nremoved /empty\nkept /full: not empty\nremoved /temporary\n' | is 'clean --force'
names ls
printf '/consumer\n/full\n/producer\n' | is 'after clean --force' "$temp/names"
expect 0 '' clean --force --all
printf 'removed /full\n' | is 'clean --force --all'
names ls
printf '/consumer\n/producer\n' | is 'after clean --force --all' "$temp/names"
[ -e /dev/shm/junk ] || fail 'clean has removed what is no queue'

#
# clean PREFIX, and the queues of other users: only with --all-users.
#
for name in /a-1 /a-2 /b; do
	"$SHMEMQ" create $name --capacity 4K
done
names clean /a
printf '/a-1\n/a-2\n' | is 'clean of a prefix' "$temp/names"
expect 0 '' clean --force /a-
printf 'removed /a-1\nremoved /a-2\n' | is 'clean --force of a prefix'
[ -e /dev/shm/b ] || fail 'clean of a prefix has removed another one'
other='setpriv --reuid 65534 --regid 65534 --clear-groups'
if [ "$(id -u)" -eq 0 ] && $other test -x "$SHMEMQ" 2>/dev/null; then
	$other "$SHMEMQ" create /others --capacity 4K
	for arguments in clean 'clean --force' 'clean --force --all'; do
		# shellcheck disable=SC2086 # a list of words
		"$SHMEMQ" $arguments >"$temp/out" 2>"$temp/err"
		! grep -q others "$temp/out" || fail "$arguments takes another user's queue"
		echo 'shmemq: queues of other users that are left alone: 1; --all-users includes them' |
			is "what $arguments leaves alone" "$temp/err"
	done
	expect 0 '' clean --all-users
	grep -q '^/others ' "$temp/out" || fail 'clean --all-users'
	[ -e /dev/shm/others ] || fail 'clean without --force has removed a queue'
	expect 0 '' clean --force --all-users
	echo 'removed /others' | is 'clean --force --all-users'
	# What a user may not read is counted.
	$other "$SHMEMQ" ls >"$temp/out" 2>"$temp/err"
	echo 'shmemq: files in /dev/shm that this user may not read, and that may be queues: 2' |
		is 'what ls may not read' "$temp/err"
else
	echo 'clean.sh: no other user: their queues are not tried'
	"$SHMEMQ" clean --force /b >"$temp/out"
fi

exec 3>&-
ends "$producer" 0 push
kill "$consumer"
ends "$consumer" 143 pop

verdict
