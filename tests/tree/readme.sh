#!/bin/sh
# SPDX-License-Identifier: MIT
# README's commands work word for word, twice in a row, when somebody tries them again. The queues' names
# are this test's own, and the programs are the examples, with which manual.sh compares README.
readme=${srcdir:-.}/README
# shellcheck source=tests/tree/printed_commands.sh
. "${srcdir:-.}/tests/tree/printed_commands.sh"

# Runs the indented lines of README from one that begins with BEGIN to an empty one, twice, in $temp. Nothing may be
# said on standard error, and no queue be left.
twice() # BEGIN
{
	sed -n "/^    $1/,/^\$/s/^    //p" "$readme" |
		sed "s| /hello| /$name-hello|g; s| /log| /$name-log|g" >"$temp/commands"
	[ -s "$temp/commands" ] || fail "README has no '$1'"
	cat "$temp/commands" "$temp/commands" >"$temp/twice"
	run_commands twice -eu || fail "$(cat "$temp/twice" "$temp/err")"
	# ls says how many queues of other users it leaves out.
	said=$(grep -v '^shmemq: files in /dev/shm that this user may not read' "$temp/err")
	[ -z "$said" ] || fail "'$1' says $said"
	for left in "/dev/shm/$name"-*; do
		[ ! -e "$left" ] || fail "'$1' left $left"
	done
}

program producer "$builddir/examples/producer"
program consumer "$builddir/examples/consumer"

twice '\.\/consumer '
printf '%s\n' one two three one two three | diff - "$temp/out" || fail 'unexpected output (+)'

if [ -e /etc/services ]; then
	twice 'shmemq create .log'
	diff /etc/services "$temp/copy" || fail 'the copy differs (+)'
else
	echo 'readme.sh: the commands of the shell are left out: no /etc/services'
fi
