# SPDX-License-Identifier: MIT
# bash completion for shmemq(1). It works without the bash-completion package, which finds it by the command's name.

# Lists the queues, but for those whose names need quoting.
_shmemq_names()
{
	local name rest

	while read -r name rest; do
		[[ $name =~ ^/[[:alnum:]._:=,@%+-]+$ ]] && printf '%s\n' "$name"
	done < <(COLUMNS='' "$1" ls 2>/dev/null)
}

_shmemq_options()
{
	local making='--align --broadcast --capacity --max-capacity --max-messages --mode --temporary --user'
	local moving="$making --count --create --frame --progress --shared --stay --timeout --type"

	case $1 in
	create) echo "$making" ;;
	push | pop) echo "$moving" ;;
	tail) echo '--count --frame --oldest --progress --queued --stay --timeout --type' ;;
	peek) echo '--count --frame --offset --type' ;;
	drain) echo --count ;;
	record) echo '--count --oldest --progress --queued --stay --timeout' ;;
	replay) echo "$making --count --create --progress --shared --speed --stay --timeout" ;;
	ls) echo --json ;;
	stat) echo '--json --openmetrics' ;;
	top) echo '--interval --json --once --sort' ;;
	clean) echo '--all --all-users --force' ;;
	bench) echo '--capacity --json --seconds' ;;
	esac
	echo '--help --version'
}

_shmemq()
{
	local line=${COMP_LINE:0:COMP_POINT} word previous command='' choices='' kept='' cut i
	local taken='' before position=1

	# COMP_WORDS is of no use here: readline splits words at '=' and ':' too.
	word=${line##*[[:blank:]]}
	previous=${line%"$word"}
	previous=${previous%"${previous##*[![:blank:]]}"}
	previous=${previous##*[[:blank:]]}
	read -ra before <<<"${line%"$word"}"
	for i in "${before[@]:1}"; do
		case $taken$i in
		# The next word is its argument.
		--align | --*capacity | --count | --frame | --interval | --max-messages | --mode | --offset | \
			--seconds | --sort | --speed | --timeout | --user) taken=: ;;
		--type) [[ $command == push ]] && taken=: ;;
		-* | :*) taken='' ;;
		*)
			[[ -n $command ]] && ((position++))
			command=${command:-$i}
			;;
		esac
	done

	if [[ $word == --*=* ]]; then
		previous=${word%%=*}
		kept=$previous=
		word=${word#*=}
	fi
	case $previous in
	--frame)
		[[ $word == chunk:* ]] || choices='line nul len32 chunk:'
		[[ $word == chunk:* || $command == push ]] || choices+=' hex'
		;;
	--capacity | --max-capacity) choices='64K 1M 16M 256M 1G' ;;
	--align) choices='8 64 4K' ;;
	--sort) choices='rate fill name' ;;
	--speed) choices='0.5 1 2 max' ;;
	--mode) choices='600 660 666' ;;
	--count | --interval | --max-messages | --offset | --seconds | --timeout | --user) ;;
	--type) [[ $command == push ]] || choices=$(_shmemq_names "$1") ;;
	*)
		if [[ $word == -* ]]; then
			choices=$(_shmemq_options "$command")
		elif [[ -z $command ]]; then
			choices='create push pop tail peek drain record replay ls stat top'
			choices+=' rm clean bench'
		elif [[ $command == record && $position -eq 2 || $command == replay && $position -eq 1 ]]; then
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
			compopt -o filenames 2>/dev/null
			return
		elif [[ $command == @(rm|stat) || $command == replay && $position -eq 2 ||
			$command == @(record|clean|push|pop|tail|peek|drain|top) && $position -eq 1 ]]; then
			choices=$(_shmemq_names "$1")
		fi
		;;
	esac

	mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
	[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *: ]] && compopt -o nospace 2>/dev/null
	# To readline, the word begins after the last of its break characters.
	cut=$kept$word
	while [[ -n $cut && $COMP_WORDBREAKS != *"${cut: -1}"* ]]; do
		cut=${cut%?}
	done
	COMPREPLY=("${COMPREPLY[@]/#/$kept}")
	COMPREPLY=("${COMPREPLY[@]#"$cut"}")
} && complete -F _shmemq shmemq
