# SPDX-License-Identifier: MIT
# fish completion for shmemq-nats(1), which finds it by the command's name.

# The words before the cursor that are neither options nor arguments of options: the command, and names.
function __shmemq_nats_words
	set -l tokens (commandline -opc)
	set -l taken no
	set -l words
	for token in $tokens[2..-1]
		if test $taken = yes
			set taken no
			continue
		end
		switch $token
			case --create --drain --help --json --keep --verbose --version '--*=*'
				# These take no argument, or have it.
			case '--*'
				set taken yes
			case '*'
				set words $words $token
		end
	end
	test (count $words) -eq 0; or printf '%s\n' $words
end

# Is the command one of these?
function __shmemq_nats_is
	set -l words (__shmemq_nats_words)
	contains -- "$words[1]" $argv
end

# Is this word to be a queue?
function __shmemq_nats_wants_queue
	set -l words (__shmemq_nats_words)
	test (count $words) -eq 1; and contains -- $words[1] export import
end

# The queues, but for those whose names need quoting.
function __shmemq_nats_queues
	env COLUMNS= shmemq ls 2>/dev/null | string replace --regex --filter '^(/[[:alnum:]._:=,@%+-]+)\s.*' '$1'
end

function __shmemq_nats_option --argument-names commands option text
	complete -c shmemq-nats -n "__shmemq_nats_is $commands" -l $option -d $text $argv[4..-1]
end

complete -c shmemq-nats -f
for line in 'create=make the stream' 'export=from the queue into the stream' 'import=from the stream into the queue' \
		'status=show the stream' 'rm=remove the stream'
	set -l pair (string split = $line)
	complete -c shmemq-nats -n 'test (count (__shmemq_nats_words)) -eq 0' -a $pair[1] -d $pair[2]
end
complete -c shmemq-nats -n __shmemq_nats_wants_queue -a '(__shmemq_nats_queues)'

complete -c shmemq-nats -l help -d 'show the help'
complete -c shmemq-nats -l version -d 'show the version'

__shmemq_nats_option create max-bytes 'that the stream may have' -x -a '1M 16M 256M 1G'
__shmemq_nats_option create max-age 'lose what is older' -x
__shmemq_nats_option create replicas 'of the stream' -x -a '1 3 5'
__shmemq_nats_option create keep 'for several importers'
__shmemq_nats_option export pack 'most bytes of a frame' -x -a '0 32K'
__shmemq_nats_option export window 'messages that are out at most' -x
__shmemq_nats_option import ack 'when the stream may forget a message' -x -a 'popped pushed'
__shmemq_nats_option import keep 'of a stream that was made with --keep'
__shmemq_nats_option import durable 'name of this importer there' -x
set -l both 'export import'
__shmemq_nats_option $both create 'make the queue if it is missing'
__shmemq_nats_option $both capacity 'bytes of its ring then' -x -a '1M 16M 256M 1G'
__shmemq_nats_option $both mode 'octal permissions then' -x -a '600 660 666'
__shmemq_nats_option $both close 'that the producer has closed' -x -a 'propagate ignore'
__shmemq_nats_option $both drain 'end when all is carried'
__shmemq_nats_option $both on-loss 'when the server has lost messages' -x -a 'stop continue'
__shmemq_nats_option $both metrics 'counters for Prometheus' -r -F
__shmemq_nats_option status json 'as JSON'
set -l all 'create export import status rm'
__shmemq_nats_option $all config 'file with options' -r -F
__shmemq_nats_option $all server 'URL of the server' -x
__shmemq_nats_option $all creds 'file with credentials' -r -F
__shmemq_nats_option $all user 'name at the server' -x
__shmemq_nats_option $all password-file 'file with the password' -r -F
__shmemq_nats_option $all nkey 'public key' -x
__shmemq_nats_option $all nkey-seed 'file with the seed of the key' -r -F
__shmemq_nats_option $all tls-ca 'file with certificates of authorities' -r -F
__shmemq_nats_option $all tls-cert 'file with the certificate of this side' -r -F
__shmemq_nats_option $all tls-key 'file with its key' -r -F
__shmemq_nats_option $all inbox 'where answers are sent' -x
__shmemq_nats_option $all verbose 'say what happens'
functions --erase __shmemq_nats_option
