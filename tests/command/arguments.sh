#!/bin/sh
# SPDX-License-Identifier: MIT
# The command line: what is refused and how, help, and files that are not queues.
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"

#
# Usage: status 2, a line, a hint, and nothing done.
#
expect 2 'a command is missing'
expect 2 "unknown command 'bogus'" bogus
expect 2 "unknown command ''" ''
expect 2 'unknown option --bogus' --bogus push /x
expect 2 'unknown option -x' -x
expect 2 'push: unknown option --bogus' push "$prefix" --bogus
expect 2 'push: unknown option -x' push -x "$prefix"
expect 2 'push: unknown option --json' push "$prefix" --json
expect 2 'push: unknown option --a?b' push "$prefix" "$(printf -- '--a\nb')"
expect 2 'stat: unknown option --create' stat "$prefix" --create
expect 2 'rm: unknown option --force' rm "$prefix" --force
for command in create push pop stat rm; do
	expect 2 "$command: the NAME of a queue is missing" "$command"
done
for command in create push pop stat; do
	expect 2 "$command: '/b' is one NAME too many" "$command" /a /b /c
done
for command in ls clean; do
	expect 2 "$command: '/a' is one NAME too many" "$command" /a
done
for option in capacity count frame mode timeout type; do
	expect 2 "push: --$option wants an argument" push "$prefix" "--$option"
done
for option in create progress shared stay temporary help; do
	expect 2 "push: --$option takes no argument" push "$prefix" "--$option=1"
done
expect 2 'pop: --type takes no argument' pop "$prefix" --type=1

refuses() # OPTION WANTED VALUE...
{
	option=$1
	wanted=$2
	shift 2
	for value; do
		expect 2 "push: --$option $value: it should be $wanted" push "$prefix" --create "--$option=$value"
	done
}

refuses capacity '1 to 1G bytes, with K, M or G for powers of 1024' '' 0 x -1 +1 ' 1' '1 ' 0x10 1.5M 1KB 1T K 2G \
	1048577K 1073741825 18014398509481985K 18446744073709551617 99999999999999999999
refuses mode 'octal permission bits, 0 to 777' '' 8 1000 0888 -1 u+rw 0x1 99999999999999999999
refuses count 'a number of messages' '' x -1 +1 1K 18446744073709551615 18446744073709551616
refuses type 'a number from 0 to 4294967295' '' x -1 1K 4294967296
refuses timeout 'seconds, as 2 or 0.5' '' . x -1 +1 1e3 inf nan 1s 1.x 0x1 9223372036 99999999999999999999
refuses frame 'line, nul, len32 or chunk:SIZE' '' lines chunk: chunk:0 chunk:x chunk:2G chunk:-1 chunk:64K:2 len64
[ ! -e "/dev/shm$prefix" ] || fail 'a refused command line has made a queue'

for option in --capacity=1M --mode=600 --temporary; do
	expect 2 "pop: ${option%=*} needs --create" pop "$prefix" "$option"
done
expect 2 'clean: --all needs --force' clean --all
for frame in len32 chunk chunk:1; do
	expect 2 'pop: --type shows tags in the line and nul frames only' pop "$prefix" --type --frame="$frame"
done

#
# Failures: status 1 and a line.
#
bad='not a name: that is a slash and 1 to 255 bytes without one'
long=$(xs 256)
for command in create push pop stat rm; do
	expect 1 "noslash: $bad" "$command" noslash
	expect 1 "'': $bad" "$command" ''
	expect 1 "/: $bad" "$command" /
	expect 1 "/a/b: $bad" "$command" /a/b
	expect 1 "/..: $bad" "$command" /..
	expect 1 "/$long: the name is longer than a slash and 255 bytes" "$command" "/$long"
done
for command in push pop stat rm; do
	expect 1 "$prefix: no such queue" "$command" "$prefix"
	expect 1 "$prefix\\x0a\\x1b[31m: no such queue" "$command" "$(printf '%s\n\033[31m' "$prefix")"
done
new_queue
expect 1 "$q: exists already" create "$q"

mkfifo "/dev/shm$prefix-fifo"
mkdir "/dev/shm$prefix-dir"
ln -s "/dev/shm$q" "/dev/shm$prefix-link"
echo junk >"/dev/shm$prefix-junk"
: >"/dev/shm$prefix-empty"
for kind in fifo dir link junk empty; do
	for command in push pop stat rm; do
		expect 1 "$prefix-$kind: not a queue of this format" "$command" "$prefix-$kind"
	done
	[ -e "/dev/shm$prefix-$kind" ] || fail "rm has removed a $kind"
done
rm -r "/dev/shm$prefix-fifo" "/dev/shm$prefix-dir" "/dev/shm$prefix-link" "/dev/shm$prefix-junk" "/dev/shm$prefix-empty"

if [ "$(id -u)" -ne 0 ]; then
	chmod 0 "/dev/shm$q"
	for command in push pop stat rm; do
		expect 1 "$q: permission denied" "$command" "$q"
	done
	chmod 600 "/dev/shm$q"
fi

# An end that is taken, and by whom.
mkfifo "$temp/fifo"
"$SHMEMQ" push "$q" <"$temp/fifo" &
pid=$!
exec 3>"$temp/fifo"
await_field "$q" producer open
expect 1 "$q: another producer holds it: process $pid" push "$q"
exec 3>&-
ends "$pid" 0 push
"$SHMEMQ" pop "$q" --stay >"$temp/stay" &
pid=$!
await_field "$q" consumer open
expect 1 "$q: another consumer holds it: process $pid" pop "$q"
kill "$pid"
ends "$pid" 143 pop

#
# Standard descriptors that are closed, or cannot take or give anything.
#
error=$(printf 'shmemq: %s: standard input: Bad file descriptor' "$q")
if [ -n "${SHMEMQ_TEST_EMULATED-}" ]; then
	echo 'command.sh: the emulator has files of its own where descriptors are closed: not tested'
else
	[ "$("$SHMEMQ" push "$q" 2>&1 <&-)" = "$error" ] || fail 'push without standard input'
fi
expect 1 "$q: standard input: Is a directory" push "$q" </tmp
echo kept | "$SHMEMQ" push "$q"
# Some libcs (musl) forget why, of what went by stdio.
no_reason='shmemq: standard output: write error'
for command in "pop $q" "ls" "ls --json" "stat $q" "clean" --help --version "push --help"; do
	about=
	[ "$command" != "pop $q" ] || about="$q: "
	# shellcheck disable=SC2086 # a list of words
	said=$("$SHMEMQ" $command 2>&1 >/dev/full) && fail "$command to a full device: success"
	[ "$said" = "shmemq: ${about}standard output: No space left on device" ] || [ "$said" = "$no_reason" ] ||
		fail "$command to a full device: $said"
	[ -z "${SHMEMQ_TEST_EMULATED-}" ] || continue
	# shellcheck disable=SC2086
	said=$("$SHMEMQ" $command 2>&1 >&-) && fail "$command without standard output: success"
	[ "$said" = "shmemq: ${about}standard output: Bad file descriptor" ] || [ "$said" = "$no_reason" ] ||
		fail "$command without output: $said"
done
"$SHMEMQ" pop "$q" --bogus 2>&- && fail 'a usage error without standard error: success'
expect 0 '' pop "$q"
echo kept | is 'the message whose writing failed'

#
# Help.
#
expect 0 '' --help
cp "$temp/out" "$temp/help"
for command in create push pop ls stat rm clean; do
	grep -q "^  $command " "$temp/help" || fail "help does not name $command"
	expect 0 '' "$command" --help
	is "$command --help" <"$temp/help"
done
awk 'length > 80 { bad = 1 } END { exit bad }' "$temp/help" || fail 'help is too wide'
expect 0 '' --version
grep -q '^shmemq [0-9.]* (libshmemq [0-9.]*)$' "$temp/out" || fail "version: $(cat "$temp/out")"

# Options and names in any order, abbreviated, and -- before names.
expect 0 '' pop --time 1 "$q" --frame=nul
expect 0 '' pop --timeout 1 -- "$q"

verdict
