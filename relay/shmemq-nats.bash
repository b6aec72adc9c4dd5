# SPDX-License-Identifier: MIT
# bash completion for shmemq-nats(1). It works without the bash-completion package, which finds it by its name.

# Lists the queues, but for those whose names need quoting.
_shmemq_nats_queues()
{
	local name rest

	while read -r name rest; do
		[[ $name =~ ^/[[:alnum:]._:=,@%+-]+$ ]] && printf '%s\n' "$name"
	done < <(COLUMNS='' shmemq ls 2>/dev/null)
}

_shmemq_nats_options()
{
	local relay='--capacity --close --create --drain --metrics --mode --on-loss'

	case $1 in
	create) echo '--keep --max-age --max-bytes --replicas' ;;
	export) echo "$relay --pack --window" ;;
	import) echo "$relay --ack --durable --keep" ;;
	status) echo '--json' ;;
	esac
	[[ -z $1 ]] || echo '--config --creds --inbox --nkey --nkey-seed --password-file --server --tls-ca --tls-cert' \
		'--tls-key --user --verbose'
	echo '--help --version'
}

_shmemq_nats()
{
	local line=${COMP_LINE:0:COMP_POINT} word previous command='' choices='' kept='' cut i

	# COMP_WORDS is of no use here: readline splits words at '=' and ':' too.
	word=${line##*[[:blank:]]}
	previous=${line%"$word"}
	previous=${previous%"${previous##*[![:blank:]]}"}
	previous=${previous##*[[:blank:]]}
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -* ]] && continue
		command=${COMP_WORDS[i]}
		break
	done

	if [[ $word == --*=* ]]; then
		previous=${word%%=*}
		kept=$previous=
		word=${word#*=}
	fi
	COMPREPLY=()
	case $previous in
	--ack) choices='popped pushed' ;;
	--close) choices='propagate ignore' ;;
	--on-loss) choices='stop continue' ;;
	--replicas) choices='1 3 5' ;;
	--capacity | --max-bytes) choices='1M 16M 256M 1G' ;;
	--pack) choices='0 32K' ;;
	--mode) choices='600 660 666' ;;
	--config | --creds | --metrics | --nkey-seed | --password-file | --tls-ca | --tls-cert | --tls-key)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		compopt -o filenames 2>/dev/null
		;;
	--durable | --inbox | --max-age | --nkey | --server | --user | --window) ;;
	*)
		if [[ $word == -* ]]; then
			choices=$(_shmemq_nats_options "$command")
		elif [[ -z $command ]]; then
			choices='create export import status rm'
		elif [[ $command == @(export|import) && $word == /* ]]; then
			choices=$(_shmemq_nats_queues)
		fi
		;;
	esac

	[[ -z $choices ]] || mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
	# To readline, the word begins after the last of its break characters.
	cut=$kept$word
	while [[ -n $cut && $COMP_WORDBREAKS != *"${cut: -1}"* ]]; do
		cut=${cut%?}
	done
	COMPREPLY=("${COMPREPLY[@]/#/$kept}")
	COMPREPLY=("${COMPREPLY[@]#"$cut"}")
} && complete -F _shmemq_nats shmemq-nats
