#compdef shmemq-nats
# SPDX-License-Identifier: MIT
# zsh completion for shmemq-nats(1). It is installed as _shmemq-nats, by which zsh finds it.

# The queues, but for those whose names need quoting.
_shmemq_nats_queues()
{
	local -a names=(${${(f)"$(_call_program queues env COLUMNS= shmemq ls 2>/dev/null)"}%%[[:blank:]]*})
	local expl

	names=(${(M)names:#/[[:alnum:]._:=,@%+-]##})
	_wanted queues expl queue compadd -a names
}

_shmemq_nats_commands()
{
	local -a commands=(
		'create:make the stream'
		'export:from the queue into the stream'
		'import:from the stream into the queue'
		'status:show the stream'
		'rm:remove the stream'
	)

	_describe command commands
}

_shmemq_nats()
{
	local curcontext=$curcontext state line ret=1
	local sizes='(1M 16M 256M 1G)'
	local -a help=('(- *)--help[show the help]' '(- *)--version[show the version]')
	local -a all=(
		'--config=[file with options]:file:_files'
		'--server=[URL of the server]:URL: '
		'--creds=[file with credentials]:file:_files'
		'--user=[name at the server]:name: '
		'--password-file=[file with the password]:file:_files'
		'--nkey=[public key]:key: '
		'--nkey-seed=[file with the seed of the key]:file:_files'
		'--tls-ca=[file with certificates of authorities]:file:_files'
		'--tls-cert=[file with the certificate of this side]:file:_files'
		'--tls-key=[file with its key]:file:_files'
		'--inbox=[where answers are sent]:subject: '
		'--verbose[say what happens]'
	)
	local -a both=(
		'--create[make the queue if it is missing]'
		"--capacity=[bytes of its ring then]:size:$sizes"
		'--mode=[octal permissions then]:mode:(600 660 666)'
		'--close=[that the producer has closed]:what to do:(propagate ignore)'
		'--drain[end when all is carried]'
		'--on-loss=[when the server has lost messages]:what to do:(stop continue)'
		'--metrics=[counters for Prometheus]:file:_files'
	)
	local queue=':queue:_shmemq_nats_queues' stream=':stream: '

	_arguments -C $help ':command:_shmemq_nats_commands' '*:: :->arguments' && ret=0
	[[ $state = arguments ]] || return ret
	curcontext=${curcontext%:*:*}:shmemq-nats-$words[1]:
	case $words[1] in
	create)
		_arguments $help $all "--max-bytes=[that the stream may have]:size:$sizes" \
			'--max-age=[lose what is older]:time: ' '--replicas=[of the stream]:number:(1 3 5)' \
			'--keep[for several importers]' $stream
		;;
	export)
		_arguments $help $all $both '--pack=[most bytes of a frame]:size:(0 32K)' \
			'--window=[messages that are out at most]:number: ' $queue $stream
		;;
	import)
		_arguments $help $all $both '--ack=[when the stream may forget a message]:when:(popped pushed)' \
			'--keep[of a stream that was made with --keep]' \
			'--durable=[name of this importer there]:name: ' $queue $stream
		;;
	status) _arguments $help $all '--json[as JSON]' $stream ;;
	rm) _arguments $help $all $stream ;;
	esac
}

_shmemq_nats "$@"
