#!/bin/sh
# SPDX-License-Identifier: MIT
# What each command shows on a terminal of 80 columns. A file of tests/command/sessions/ is such a terminal's text: the
# commands, after "$ ", are given there again, and the terminal must show the same text; UPDATE=yes writes it anew.
# What differs from run to run is capital letters instead: PID, TIME, HEX, N, CPUS. Nothing may be wider than the
# terminal, but for the commands and for error messages, each of which is one line. The sessions see no other queues and
# processes: they run in namespaces of their own.
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"

command -v tmux >/dev/null || {
	echo 'sessions.sh: no tmux'
	exit 77
}

# Runs a command with a /dev/shm and process numbers of its own.
apart() # COMMAND...
{
	# shellcheck disable=SC2016,SC2086 # for that shell; a list of words
	unshare $apart_user --mount --pid --fork --mount-proc \
		sh -c 'mount -t tmpfs -o mode=1777 tmpfs /dev/shm && "$@"' sh "$@"
}
apart_user=
[ "$(id -u)" -eq 0 ] || apart_user='--user --map-root-user'
apart "$SHMEMQ" --version >/dev/null 2>"$temp/err" || {
	echo "sessions.sh: no namespaces: $(cat "$temp/err")"
	exit 77
}

TMUX_TMPDIR=$temp
PATH=$(dirname "$(readlink -f "$(command -v "$SHMEMQ")")"):$PATH
TERM=linux
export PATH TERM TMUX_TMPDIR
unset TMUX

# Runs in a terminal: gives the commands of a file.
cat >"$temp/give" <<'END'
while IFS= read -r line <&3; do
	printf '$ %s\n' "$line"
	eval "$line"
done 3<"$1"
tmux wait-for -S done
exec sleep 600
END

# Makes a terminal, and prints its text when the commands have ended.
cat >"$temp/show" <<'END'
tmux -f /dev/null new-session -d -x 80 -y 500 sh "$1/give" "$1/commands" &&
	tmux wait-for done && tmux capture-pane -p -J
tmux kill-server
END

# Puts capital letters where the text differs from run to run, over as many columns.
normalised()
{
	sed -E 's/ +$//
		s/^(id +)[0-9a-f]{16}$/\1HEX/
		s/^([a-z]+_at +).*[0-9].*/\1TIME/
		s/^([a-z]+_(pid|holder) +)[0-9].*/\1PID/
		s/^([a-z]+_(blocked|slept) +)[0-9]+$/\1N/
		s/(open|closed|dead)( *)  [0-9]( |$)/\1\2PID\3/g
		s/(open|closed|dead)( *) [0-9][0-9]( |$)/\1\2PID\3/g
		s/(open|closed|dead)( *)[0-9][0-9][0-9]( |$)/\1\2PID\3/g
		s/^(Two processes) [^;]*;/\1 CPUS;/' | awk '
		/^ +[0-9]+  +[0-9]/ { # a row of bench: what was measured
			match($0, /^ +[0-9]+/)
			row = substr($0, 1, RLENGTH)
			rest = substr($0, RLENGTH + 1)
			while (match(rest, / +[0-9.]+[KMGT]?/)) {
				row = row sprintf("%" RLENGTH "s", "N")
				rest = substr(rest, RLENGTH + 1)
				if (match(rest, /^ ns/)) {
					row = row " ns"
					rest = substr(rest, 4)
				}
			}
			$0 = row rest
		}
		NF == 0 { empty = empty "\n"; next } # those below the last command are left out
		{ printf "%s%s\n", empty, $0; empty = "" }'
}

commands=$("$SHMEMQ" --help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p')
for command in $commands help; do
	# Where times are those of an emulator, they need more columns.
	[ "$command" != bench ] || [ -z "${SHMEMQ_TEST_EMULATED-}" ] || continue
	recorded=$srcdir/tests/command/sessions/$command.txt
	[ -e "$recorded" ] || {
		fail "no session of $command"
		continue
	}
	rm -rf "$temp/work"
	mkdir "$temp/work"
	sed -n 's/^\$ //p' "$recorded" >"$temp/commands"
	(cd "$temp/work" && apart timeout 60 sh "$temp/show" "$temp") >"$temp/shown" 2>"$temp/err" ||
		fail "$command: $(cat "$temp/err")"
	awk 'length > 80 && !/^(\$|shmemq:) /' "$temp/shown" >"$temp/long"
	[ ! -s "$temp/long" ] || fail "$command shows more than 80 columns: $(cat "$temp/long")"
	normalised <"$temp/shown" >"$temp/text"
	[ -z "${UPDATE-}" ] || cp "$temp/text" "$recorded"
	diff -u "$recorded" "$temp/text" >"$temp/diff" || fail "$command shows (+): $(cat "$temp/diff")"
done

verdict
