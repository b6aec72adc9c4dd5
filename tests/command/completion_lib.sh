# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# What the tests of the completions have in common, for all shells. Each sources this file first, instead of lib.sh.
# shellcheck source=tests/command/lib.sh
. "${srcdir:-.}/tests/command/lib.sh"

# From now on `candidates` asks SHELL, which finds FILE as the completion for COMMAND. Fails if there is no such shell.
use_shell() # SHELL FILE COMMAND
{
	shell=$1
	file=$2
	command -v "$shell" >/dev/null || return
	mkdir -p "$temp/completions" "$temp/bin"
	case $shell in
	fish) cp "$file" "$temp/completions/$3.fish" ;;
	zsh) cp "$file" "$temp/completions/_$3" ;;
	*) [ -e /dev/fd/0 ] ;; # bash needs it
	esac || return
	# fish completes what it finds. And this command lists the queues.
	: >"$temp/bin/$3" && chmod +x "$temp/bin/$3"
	ln -sf "$(readlink -f "$(command -v "$SHMEMQ")")" "$temp/bin/shmemq"
	PATH=$temp/bin:$PATH
	HOME=$temp # fish and zsh leave files there
	export HOME PATH
}

# Prints the words that complete a line, up to the cursor.
candidates() # LINE
{
	case $shell in
	bash) bash --norc "$srcdir/tests/command/complete.bash" "$file" "$SHMEMQ" "$1" ;;
	fish) fish --no-config "$srcdir/tests/command/complete.fish" "$temp/completions" "$1" ;;
	zsh) zsh -f "$srcdir/tests/command/complete.zsh" "$temp/completions" "$1" ;;
	esac
}

# Do these words complete a line, and no others?
completes() # LINE [WORD...]
{
	line=$1
	shift
	candidates "$line" >"$temp/out" 2>"$temp/err"
	sort -u -o "$temp/out" "$temp/out"
	{ [ $# -eq 0 ] || printf '%s\n' "$@"; } | sort | is "'$line'"
	: | is "'$line' says nothing" "$temp/err"
}

completes_commands()
{
	completes 'shmemq ' bench clean create drain ls peek pop push record replay rm stat tail top
	completes 'shmemq p' peek pop push
	completes 'shmemq x'
	completes 'shmemq --' --help --version
}

completes_options()
{
	completes 'shmemq peek --' --count --frame --help --offset --type --version
	completes 'shmemq drain --' --count --help --version
	completes 'shmemq push --c' --capacity --count --create
	completes 'shmemq pop /x --t' --temporary --timeout --type
	completes 'shmemq stat --j' --json
	completes 'shmemq stat --o' --openmetrics
	completes 'shmemq create /'
}

completes_arguments()
{
	completes 'shmemq top --sort ' fill name rate
	completes 'shmemq bench --seconds '
	completes 'shmemq push --frame ' chunk: len32 line nul
	completes 'shmemq pop --frame ' chunk: hex len32 line nul
	completes 'shmemq push --frame l' len32 line
	completes 'shmemq push /x --count '
	completes 'shmemq push /x --type '
	completes 'shmemq replay --speed ' 0.5 1 2 max
}

# Queues where the command takes one, but for names that need quoting; and files where record and replay take one.
completes_names()
{
	new_queue
	plain=$q
	"$SHMEMQ" create "$prefix-a:b=c"
	"$SHMEMQ" create "$prefix-odd "
	"$SHMEMQ" create "$prefix-odd\$"
	echo junk >"/dev/shm$prefix-junk"
	for command in push pop tail peek drain stat top rm clean record; do
		completes "shmemq $command $prefix-" "$plain" "$prefix-a:b=c"
	done
	# ls cuts names to a width that the environment tells; the completions must not.
	long=$prefix--$(xs 100)
	"$SHMEMQ" create "$long"
	export COLUMNS=80
	completes "shmemq pop $prefix--" "$long"
	unset COLUMNS
	"$SHMEMQ" rm "$long"
	completes "shmemq pop --stay $prefix-" "$plain" "$prefix-a:b=c"
	completes "shmemq pop --type $prefix-" "$plain" "$prefix-a:b=c"
	completes "shmemq pop --frame nul $plain" "$plain"
	completes "shmemq push --type 5 $plain" "$plain"
	completes "shmemq create $prefix-"
	completes "shmemq rm $plain $prefix-a" "$prefix-a:b=c"
	completes "shmemq stat $plain $prefix-a" "$prefix-a:b=c"
	for command in push pop tail peek drain top clean; do
		completes "shmemq $command $plain $prefix-"
	done
	completes "shmemq record --count 3 $prefix-" "$plain" "$prefix-a:b=c"

	touch "$temp/zone.pcapng" "$temp/two.pcapng"
	completes "shmemq record $plain $temp/z" "$temp/zone.pcapng"
	completes "shmemq record --stay $plain --count 3 $temp/z" "$temp/zone.pcapng"
	completes "shmemq replay $temp/t" "$temp/two.pcapng"
	completes "shmemq replay --speed max $temp/t" "$temp/two.pcapng"
	completes "shmemq replay $temp/two.pcapng $prefix-" "$plain" "$prefix-a:b=c"
}

# The commands and options that the help shows, and no others.
completes_as_help_says()
{
	"$SHMEMQ" --help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' | sort >"$temp/wanted-commands"
	[ -s "$temp/wanted-commands" ] || fail 'the help shows no command'
	# shellcheck disable=SC2046 # a list of words
	completes 'shmemq ' $(cat "$temp/wanted-commands")
	while read -r command; do
		# shellcheck disable=SC2046
		completes "shmemq $command --" $("$SHMEMQ" "$command" --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p')
	done <"$temp/wanted-commands"
}

completes_as_all_shells_do()
{
	completes_commands
	completes_options
	completes_arguments
	completes_names
	completes_as_help_says
}
