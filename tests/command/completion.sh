#!/bin/sh
# SPDX-License-Identifier: MIT
# The bash completion: commands, options, values and the names of queues. SHMEMQ_COMPLETION: the installed file, if one
# is to be tested.
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"

command -v bash >/dev/null || {
	echo 'completion.sh: no bash'
	exit 77
}
[ -e /dev/fd/0 ] || {
	echo "completion.sh: no /dev/fd, which bash needs for this"
	exit 77
}
file=${SHMEMQ_COMPLETION:-$srcdir/tools/shmemq.bash}

# Does the line, up to the cursor, complete to these words?
completes() # LINE [WORD...]
{
	line=$1
	shift
	bash --norc "$srcdir/tests/command/complete.bash" "$file" "$SHMEMQ" "$line" >"$temp/out" 2>"$temp/err"
	sort -o "$temp/out" "$temp/out"
	{ [ $# -eq 0 ] || printf '%s\n' "$@"; } | is "'$line'"
	: | is "'$line' says nothing" "$temp/err"
}

completes 'shmemq ' bench clean create drain ls peek pop push record replay rm stat tail top
completes 'shmemq p' peek pop push
completes 'shmemq peek --' --count --frame --help --offset --type --version
completes 'shmemq drain --' --count --help --version
completes 'shmemq --' --help --version
completes 'shmemq x'
completes 'shmemq create -' --align --broadcast --capacity --help --max-capacity --max-messages --mode --temporary \
	--user --version
completes 'shmemq create /'
completes 'shmemq push --c' --capacity --count --create
completes 'shmemq pop /x --t' --temporary --timeout --type
completes 'shmemq tail --' --count --frame --help --oldest --progress --queued --stay --timeout --type --version
completes 'shmemq ls --' --help --json --version
completes 'shmemq stat --j' --json
completes 'shmemq top --' --help --interval --json --once --sort --version
completes 'shmemq top --sort ' fill name rate
completes 'shmemq rm --' --help --version
completes 'shmemq clean --' --all --all-users --force --help --version
completes 'shmemq bench --' --capacity --help --json --seconds --version
completes 'shmemq bench '
completes 'shmemq bench --seconds '
completes 'shmemq push --frame ' chunk: len32 line nul
completes 'shmemq pop --frame ' chunk: hex len32 line nul
completes 'shmemq tail --frame=' chunk: hex len32 line nul
completes 'shmemq push --frame l' len32 line
completes 'shmemq push --frame=' chunk: len32 line nul
completes 'shmemq push --frame=n' nul
completes 'shmemq push --frame=chunk:'
completes 'shmemq push /x --count '
completes 'shmemq push /x --type '
completes 'shmemq create --capacity=1' 16M 1G 1M

new_queue
plain=$q
"$SHMEMQ" create "$prefix-a:b=c"
"$SHMEMQ" create "$prefix-odd "
"$SHMEMQ" create "$prefix-odd\$"
echo junk >"/dev/shm$prefix-junk"
for command in push pop tail peek drain stat top rm; do
	completes "shmemq $command $prefix-" "$plain" "$prefix-a:b=c"
done
completes "shmemq pop --stay $prefix-" "$plain" "$prefix-a:b=c"
completes "shmemq pop --type $prefix-" "$plain" "$prefix-a:b=c"
completes "shmemq pop --frame nul $plain" "$plain"
completes "shmemq rm $plain $prefix-a" "$prefix-a:b=c"
# To readline, the word begins after the last ':' or '='.
completes "shmemq rm $prefix-a:" 'b=c'
completes "shmemq rm $prefix-a:b=" c
completes "shmemq create $prefix-"

# Files where record and replay take one, and queues where they take these.
touch "$temp/zone.pcapng" "$temp/two.pcapng"
completes "shmemq record $prefix-" "$plain" "$prefix-a:b=c"
completes "shmemq record --count 3 $prefix-" "$plain" "$prefix-a:b=c"
completes "shmemq record $prefix-a:b=c $temp/z" "$temp/zone.pcapng"
completes "shmemq record --stay $prefix-a:b=c --count 3 $temp/z" "$temp/zone.pcapng"
completes "shmemq replay $temp/t" "$temp/two.pcapng"
completes "shmemq replay --speed max $temp/t" "$temp/two.pcapng"
completes "shmemq replay $temp/two.pcapng $prefix-" "$plain" "$prefix-a:b=c"
completes 'shmemq replay --speed ' 0.5 1 2 max
completes 'shmemq record --' --count --help --oldest --progress --queued --stay --timeout --version

# It offers the commands and options that the help shows, and no others.
"$SHMEMQ" --help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' | sort >"$temp/wanted-commands"
bash --norc "$srcdir/tests/command/complete.bash" "$file" "$SHMEMQ" 'shmemq ' | sort |
	is 'the commands of help' "$temp/wanted-commands"
while read -r command; do
	"$SHMEMQ" "$command" --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p' | sort >"$temp/options"
	bash --norc "$srcdir/tests/command/complete.bash" "$file" "$SHMEMQ" "shmemq $command --" | sort |
		is "the options of $command --help" "$temp/options"
done <"$temp/wanted-commands"

# The bash-completion package finds it by the command's name.
package=/usr/share/bash-completion/bash_completion
if [ -r "$package" ]; then
	if [ -z "${SHMEMQ_COMPLETION-}" ]; then
		mkdir "$temp/completions"
		cp "$file" "$temp/completions/shmemq"
	fi
	# shellcheck disable=SC2016 # for that shell
	found=$(BASH_COMPLETION_USER_DIR=$temp bash --norc -i -c '
		. "$1"
		_completion_loader shmemq 2>/dev/null || _comp_load shmemq
		complete -p shmemq' bash "$package" 2>&1)
	case $found in
	*'complete -F _shmemq shmemq') ;;
	*) fail "bash-completion does not find it: $found" ;;
	esac
else
	echo "completion.sh: no bash-completion: only tried without it"
fi

verdict
