#compdef shmemq
# SPDX-License-Identifier: MIT
# zsh completion for shmemq(1). It is installed as _shmemq, by which zsh finds it.

# The queues, but for those whose names need quoting.
_shmemq_queues()
{
	local -a names=(${${(f)"$(_call_program queues env COLUMNS= shmemq ls 2>/dev/null)"}%%[[:blank:]]*})
	local expl

	names=(${(M)names:#/[[:alnum:]._:=,@%+-]##})
	_wanted queues expl queue compadd -a names
}

_shmemq_commands()
{
	local -a commands=(
		'create:make a queue'
		'push:make messages of standard input'
		'pop:write messages to standard output'
		'tail:write messages as they are pushed'
		'peek:write the messages that are queued'
		'drain:throw away the messages that are queued'
		'record:write messages and their times to a file'
		'replay:push the messages of such a file'
		'ls:show all queues'
		'stat:show queues, a line for each property'
		'top:show what the queues do, again and again'
		'rm:remove queues'
		'clean:show queues that no process has open'
		'bench:measure this machine'
	)

	_describe command commands
}

_shmemq()
{
	local curcontext=$curcontext state line ret=1
	local sizes='(64K 1M 16M 256M 1G)'
	local -a help=('(- *)--help[show the help]' '(- *)--version[show the version]')
	local -a making=(
		"--capacity=[bytes of the ring]:size:$sizes"
		"--max-capacity=[bytes to which the ring may grow]:size:$sizes"
		'--align=[the address of each message is a multiple of this]:size:(8 64 4K)'
		'--mode=[octal permissions]:mode:(600 660 666)'
		'--temporary[the last push or pop to end removes the queue]'
		'--broadcast[each consumer gets all messages]'
		'--max-messages=[at most so many are queued]:number: '
		'--user=[bytes that stat shows, or @ and a file]:text: '
	)
	local create='--create[make the queue if it is missing]'
	local -a frame=('--frame=[how messages are told apart]:frame:(line nul len32 chunk\: hex)')
	local count='--count=[end after so many messages]:number: '
	local types='--type[write the tag before each message]'
	local shared='--shared[be one of many producers or consumers]'
	local -a waiting=(
		'--timeout=[how long to wait at most]:seconds: '
		'--stay[wait on when the other side has closed or died]'
		'--progress[show counts and rates]'
	)
	local -a start=(
		'(--oldest)--queued[begin with what has not been popped]'
		'(--queued)--oldest[begin with what has not been overwritten]'
	)
	local json='--json[as JSON]'
	local queue=':queue:_shmemq_queues'

	_arguments -C $help ':command:_shmemq_commands' '*:: :->arguments' && ret=0
	[[ $state = arguments ]] || return ret
	curcontext=${curcontext%:*:*}:shmemq-$words[1]:
	case $words[1] in
	create) _arguments $help $making ':name: ' ;;
	push)
		_arguments $help $making $create ${frame/ hex/} $count $shared $waiting \
			'--type=[the tag of the messages]:number: ' $queue
		;;
	pop) _arguments $help $making $create $frame $count $shared $waiting $types $queue ;;
	tail) _arguments $help $frame $count $waiting $types $start $queue ;;
	peek) _arguments $help $frame $count $types '--offset=[begin after so many messages]:number: ' $queue ;;
	drain) _arguments $help $count $queue ;;
	record) _arguments $help $count $waiting $start $queue ':file:_files' ;;
	replay)
		_arguments $help $making $create $count $shared $waiting \
			'--speed=[of the recorded pace]:factor:(0.5 1 2 max)' ':file:_files' $queue
		;;
	ls) _arguments $help $json ;;
	stat) _arguments $help $json '--openmetrics[metrics for a monitor]' "*$queue" ;;
	top)
		_arguments $help $json '--interval=[from one table to the next]:seconds: ' \
			'--sort=[order of the queues]:order:(rate fill name)' '--once[write one table]' $queue
		;;
	rm) _arguments $help "*$queue" ;;
	clean)
		_arguments $help '--force[remove those that are empty or temporary]' '--all[remove all of them]' \
			'--all-users[those of other users, too]' $queue
		;;
	bench) _arguments $help $json "--capacity=[bytes of the ring]:size:$sizes" '--seconds=[how long]:seconds: ' ;;
	esac
}

_shmemq "$@"
