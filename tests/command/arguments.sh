#!/bin/sh
# SPDX-License-Identifier: MIT
# The command line: wrong ones, help, and files that are not queues.
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"

#
# Usage errors: status 2, one line and a hint, and nothing is done.
#
expect 2 'missing command'
expect 2 'unknown command "bogus"' bogus
expect 2 'unknown command ""' ''
expect 2 'unknown command "puhs": did you mean "push"?' puhs
expect 2 'unknown command "ll": did you mean "ls"?' ll
expect 2 'unknown command "op"' op # pop and top are as near
expect 2 'unknown command "list": did you mean "ls"?' list
expect 2 'unknown command "help": did you mean "--help"?' help
expect 2 'unknown command "version": did you mean "--version"?' version /x
expect 2 'unknown option --bogus' --bogus push /x
expect 2 'unknown option -x' -x
expect 2 'push: unknown option --bogus' push "$prefix" --bogus
expect 2 'push: unknown option -x' push -x "$prefix"
expect 2 'push: unknown option --json' push "$prefix" --json
expect 2 'push: unknown option --a?b' push "$prefix" "$(printf -- '--a\nb')"
accent=$(printf 'e\314\201')
expect 2 "push: unknown option --$accent" push "$prefix" "--$accent"
expect 2 'stat: unknown option --create' stat "$prefix" --create
expect 2 'rm: unknown option --force' rm "$prefix" --force
for command in create push pop stat rm; do
	expect 2 "$command: missing queue name, as in \"shmemq $command /foo\"" "$command"
done
for command in create push pop; do
	expect 2 "$command: unexpected argument \"/b\": $command takes one queue name" "$command" /a /b /c
done
expect 2 'clean: unexpected argument "/b": clean takes one prefix' clean /a /b
for command in ls bench; do
	expect 2 "$command: unexpected argument \"/a\": $command takes no queue name" "$command" /a
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
	expect 2 "push: --$option needs an argument: $wanted" push "$prefix" "--$option"
	for value; do
		expect 2 "push: invalid --$option \"$value\": it must be $wanted" \
			push "$prefix" --create "--$option=$value"
	done
	expect 2 "push: invalid --$option \"-1\": it must be $wanted" push "$prefix" "--$option" -1
	awk 'length > 80 { bad = 1 } END { exit bad }' "$temp/err" || fail "more than 80 columns: $(cat "$temp/err")"
}

refuses capacity '1 to 8G bytes, as in 64K' \
	'' 0 x -1 +1 ' 1' '1 ' 0x10 1.5M 1KB 1T K 16G \
	8388609K 8589934593 18014398509481985K 18446744073709551617 99999999999999999999
refuses max-capacity '1 to 8G bytes, as in 64K' '' 0 16G
refuses max-messages '1 to 4294967295 messages' '' 0 x 4294967296
refuses align 'a power of two from 8 to 4K' '' 0 4 12 8K x -8
refuses mode 'octal permissions from 0 to 777' '' 8 1000 0888 -1 u+rw 0x1 99999999999999999999
refuses count 'a number of messages' '' x -1 +1 1K 18446744073709551615 18446744073709551616
refuses type 'a number from 0 to 4294967295' '' x -1 1K 4294967296
refuses timeout 'a number of seconds, as in 0.5' \
	'' . x -1 +1 1e3 inf nan 1s 1.x 0x1 9223372036 99999999999999999999
refuses frame 'line, nul, len32 or chunk:SIZE' '' lines chunk: chunk:0 chunk:x chunk:2G chunk:-1 chunk:64K:2 len64
expect 2 'pop: invalid --frame "x": it must be line, nul, len32, hex or chunk:SIZE' pop "$prefix" --frame=x
[ ! -e "/dev/shm$prefix" ] || fail 'a refused command line has made a queue'

for option in --align=64 --broadcast --capacity=1M --max-capacity=2M --max-messages=5 --mode=600 --temporary \
	--user=x; do
	expect 2 "pop: ${option%=*} needs --create" pop "$prefix" "$option"
done
expect 2 'clean: --all needs --force' clean --all
for frame in len32 chunk chunk:1; do
	expect 2 'pop: --type needs --frame=line, --frame=nul or --frame=hex' pop "$prefix" --type --frame="$frame"
done

# Names and prefixes that can never be right.
never() # NAME WHAT
{
	for command in create push pop tail peek drain stat 'stat --openmetrics' rm "rm $q" "replay $temp/file"; do
		# shellcheck disable=SC2086 # a list of words
		expect 2 "${command%% *}: invalid queue name \"$1\": $2" $command "$1"
	done
	expect 2 "record: invalid queue name \"$1\": $2" record "$1" "$temp/file"
}
begin='it must begin with a slash, as in "/foo"'
once='it must have no other slash than the first, as in "/foo"'
limit='it must have at most 255 bytes after the slash'
long=$(xs 256)
new_queue
never noslash "$begin"
never '' "$begin"
never / 'something must follow the slash, as in "/foo"'
never /a/b "$once"
never /.. 'a queue cannot be called "." or ".."'
never "/$long" "$limit"
[ -e "/dev/shm$q" ] || fail 'rm of a name that is right and one that is not has removed the first'
"$SHMEMQ" rm "$q"
for command in clean top; do
	expect 2 "$command: invalid prefix \"log\": did you mean \"/log\"?" "$command" log
	expect 2 "$command: invalid prefix \"/dev/shm/log\": did you mean \"/log\"?" "$command" /dev/shm/log
	expect 2 "$command: invalid prefix \"\": $begin" "$command" ''
	expect 2 "$command: invalid prefix \"a/b\": $begin" "$command" a/b
	expect 2 "$command: invalid prefix \"/a/b\": $once" "$command" /a/b
	expect 2 "$command: invalid prefix \"/$long\": $limit" "$command" "/$long"
done

#
# Failures: status 1 and one line.
#
for command in push pop stat rm; do
	expect 4 "$prefix: no such queue" "$command" "$prefix"
	expect 4 "$prefix\\x0a\\x1b[31m: no such queue" "$command" "$(printf '%s\n\033[31m' "$prefix")"
done
new_queue
expect 1 "$q: already exists" create "$q"

# A name that is almost that of a queue: without the slash, or the path of its file; with one byte more, less or
# different, or two exchanged. Not if two queues are alike, nor if it is a file that is no queue.
"$SHMEMQ" create "$prefix-almost"
mean="did you mean \"$prefix-almost\"?"
expect 2 "pop: invalid queue name \"${prefix#/}-almost\": $mean" pop "${prefix#/}-almost"
expect 2 "pop: invalid queue name \"/dev/shm$prefix-almost\": $mean" pop "/dev/shm$prefix-almost"
expect 2 "pop: invalid queue name \"$prefix-almost/\": $mean" pop "$prefix-almost/"
expect 2 "pop: invalid queue name \"/dev/shm$prefix-none\": $once" pop "/dev/shm$prefix-none"
for tail in almos almoxt aalmost almostx lamost; do
	expect 4 "$prefix-$tail: no such queue; $mean" stat "$prefix-$tail"
done
for command in push pop tail peek drain rm; do
	expect 4 "$prefix-almos: no such queue; $mean" "$command" "$prefix-almos"
done
for tail in almo alxxst almost-xy; do
	expect 4 "$prefix-$tail: no such queue" stat "$prefix-$tail"
done
echo junk >"/dev/shm$prefix-almosu"
expect 4 "$prefix-almosv: no such queue; $mean" stat "$prefix-almosv"
"$SHMEMQ" create "$prefix-almosw"
expect 4 "$prefix-almosv: no such queue" stat "$prefix-almosv"

mkfifo "/dev/shm$prefix-fifo"
mkdir "/dev/shm$prefix-dir"
ln -s "/dev/shm$q" "/dev/shm$prefix-link"
echo junk >"/dev/shm$prefix-junk"
: >"/dev/shm$prefix-empty"
for kind in fifo dir link junk empty; do
	for command in push pop stat rm; do
		expect 1 "$prefix-$kind: not a queue, or in a format that this libshmemq cannot use" \
			"$command" "$prefix-$kind"
	done
	[ -e "/dev/shm$prefix-$kind" ] || fail "rm has removed a $kind"
done
rm -r "/dev/shm$prefix-fifo" "/dev/shm$prefix-dir" "/dev/shm$prefix-link" "/dev/shm$prefix-junk" "/dev/shm$prefix-empty"

# An end that is in use, and the process that uses it.
share='to share it, start every process with --shared'
mkfifo "$temp/fifo"
"$SHMEMQ" push "$q" <"$temp/fifo" &
pid=$!
exec 3>"$temp/fifo"
await_field "$q" producer open
expect 7 "$q: the producer end is in use by process $pid$(named shmemq); $share" push "$q"
exec 3>&-
ends "$pid" 0 push
"$SHMEMQ" pop "$q" --stay >"$temp/stay" &
pid=$!
await_field "$q" consumer open
expect 7 "$q: the consumer end is in use by process $pid$(named shmemq); $share" pop "$q"
kill "$pid"
ends "$pid" 143 pop

#
# Standard descriptors that are closed, or that cannot be read or written.
#
error=$(printf 'shmemq: %s: standard input: Bad file descriptor' "$q")
if [ -n "${SHMEMQ_TEST_EMULATED-}" ]; then
	echo 'arguments.sh: the emulator has files of its own where descriptors are closed: not tested'
else
	[ "$("$SHMEMQ" push "$q" 2>&1 <&-)" = "$error" ] || fail 'push without standard input'
fi
expect 1 "$q: standard input: Is a directory" push "$q" </tmp
echo kept | "$SHMEMQ" push "$q"
# Some libcs (musl) lose the errno of a failed write of stdio.
no_reason='shmemq: standard output: write error'
for command in "pop $q" "ls" "ls --json" "stat $q" "clean $prefix-" "top --once --interval .1" --help --version \
	"push --help"; do
	about=
	[ "$command" != "pop $q" ] || about="$q: "
	# shellcheck disable=SC2086 # a list of words
	"$SHMEMQ" $command 2>"$temp/err" >/dev/full && fail "$command to a full device: success"
	said=$(without_strangers <"$temp/err")
	[ "$said" = "shmemq: ${about}standard output: No space left on device" ] || [ "$said" = "$no_reason" ] ||
		fail "$command to a full device: $said"
	[ -z "${SHMEMQ_TEST_EMULATED-}" ] || continue
	# shellcheck disable=SC2086
	"$SHMEMQ" $command 2>"$temp/err" >&- && fail "$command without standard output: success"
	said=$(without_strangers <"$temp/err")
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
sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' "$temp/help" >"$temp/commands"
for command in create push pop tail ls stat top rm clean bench; do
	grep -qx "$command" "$temp/commands" || fail "help does not name $command"
done
# The help of a command shows that command, its options, and no other.
while read -r command; do
	expect 0 '' "$command" --help
	head -n 1 "$temp/out" | grep -q "^Usage: shmemq $command " || fail "$command --help: no usage"
	sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' "$temp/out" >"$temp/shown"
	echo "$command" | is "the commands that $command --help shows" "$temp/shown"
	sed -n 's/^  \(--[a-z-]*\).*/\1/p' "$temp/out" >"$temp/options"
	while read -r option; do
		"$SHMEMQ" "$command" "$option" --help >/dev/null 2>"$temp/err"
		! grep -q 'unknown option' "$temp/err" || fail "$command --help shows $option"
	done <"$temp/options"
	cat "$temp/out" >>"$temp/help"
done <"$temp/commands"
awk 'length > 80 { bad = 1 } END { exit bad }' "$temp/help" || fail 'help is too wide'
expect 0 '' --version
grep -q '^shmemq [0-9.]* (libshmemq [0-9.]*)$' "$temp/out" || fail "version: $(cat "$temp/out")"

# Options and names in any order, abbreviated, and -- before names.
expect 0 '' pop --time 1 "$q" --frame=nul
expect 0 '' pop --timeout 1 -- "$q"

verdict
