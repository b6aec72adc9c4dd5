# SPDX-License-Identifier: MIT
# fish completion for shmemq(1), which finds it by the command's name.

# The words before the cursor that are neither options nor arguments of options: the command, and names.
function __shmemq_words
	set -l tokens (commandline -opc)
	set -l taken no
	set -l words
	for token in $tokens[2..-1]
		if test $taken = yes
			set taken no
			continue
		end
		switch $token
			case --align --capacity --count --frame --interval --max-capacity --max-messages --mode \
				--offset --seconds --sort --speed --timeout --user
				set taken yes
			case --type
				test "$words[1]" = push; and set taken yes
			case '-*'
			case '*'
				set words $words $token
		end
	end
	test (count $words) -eq 0; or printf '%s\n' $words
end

# Is the command one of these?
function __shmemq_is
	set -l words (__shmemq_words)
	contains -- "$words[1]" $argv
end

# Likewise, and do so many words, with the command, come before this one?
function __shmemq_after
	set -l words (__shmemq_words)
	test (count $words) -eq $argv[1]; and contains -- "$words[1]" $argv[2..-1]
end

# The queues, but for those whose names need quoting.
function __shmemq_queues
	env COLUMNS= shmemq ls 2>/dev/null | string replace --regex --filter '^(/[[:alnum:]._:=,@%+-]+)\s.*' '$1'
end

function __shmemq_option --argument-names commands option text
	complete -c shmemq -n "__shmemq_is $commands" -l $option -d $text $argv[4..-1]
end

complete -c shmemq -f
for line in 'create=make a queue' 'push=make messages of standard input' 'pop=write messages to standard output' \
		'tail=write messages as they are pushed' 'peek=write the messages that are queued' \
		'drain=throw away the messages that are queued' 'record=write messages and their times to a file' \
		'replay=push the messages of such a file' 'ls=show all queues' \
		'stat=show queues, a line for each property' \
		'top=show what the queues do, again and again' 'rm=remove queues' \
		'clean=show queues that no process has open' 'bench=measure this machine'
	set -l pair (string split = $line)
	complete -c shmemq -n 'test (count (__shmemq_words)) -eq 0' -a $pair[1] -d $pair[2]
end
complete -c shmemq -n '__shmemq_is rm stat' -a '(__shmemq_queues)'
complete -c shmemq -n '__shmemq_after 1 push pop tail peek drain record top clean' -a '(__shmemq_queues)'
complete -c shmemq -n '__shmemq_after 2 replay' -a '(__shmemq_queues)'
complete -c shmemq -n '__shmemq_after 1 replay' -F
complete -c shmemq -n '__shmemq_after 2 record' -F

complete -c shmemq -l help -d 'show the help'
complete -c shmemq -l version -d 'show the version'

set -l making 'create push pop replay'
set -l reading 'push pop tail peek'
set -l sizes '64K 1M 16M 256M 1G'
__shmemq_option $making capacity 'bytes of the ring' -x -a $sizes
__shmemq_option $making max-capacity 'bytes to which the ring may grow' -x -a $sizes
__shmemq_option $making align 'the address of each message is a multiple of this' -x -a '8 64 4K'
__shmemq_option $making mode 'octal permissions' -x -a '600 660 666'
__shmemq_option $making temporary 'the last push or pop to end removes the queue'
__shmemq_option $making broadcast 'each consumer gets all messages'
__shmemq_option $making max-messages 'at most so many are queued' -x
__shmemq_option $making user 'bytes that stat shows, or @ and a file' -x
__shmemq_option 'push pop replay' create 'make the queue if it is missing'
__shmemq_option $reading frame 'how messages are told apart' -x -a 'line nul len32 chunk:'
__shmemq_option 'pop tail peek' frame 'how messages are told apart' -x -a hex
__shmemq_option "$reading drain record replay" count 'end after so many messages' -x
__shmemq_option peek offset 'begin after so many messages' -x
__shmemq_option 'push pop tail record replay' timeout 'seconds to wait at most' -x
__shmemq_option 'push pop replay' shared 'be one of many producers or consumers'
__shmemq_option 'push pop tail record replay' stay 'wait on when the other side has closed or died'
__shmemq_option push type 'the tag of the messages' -x
__shmemq_option 'pop tail peek' type 'write the tag before each message'
__shmemq_option 'tail record' queued 'begin with what has not been popped'
__shmemq_option 'tail record' oldest 'begin with what has not been overwritten'
__shmemq_option replay speed 'of the recorded pace' -x -a '0.5 1 2 max'
__shmemq_option 'push pop tail record replay' progress 'show counts and rates'
__shmemq_option top interval 'seconds from one table to the next' -x
__shmemq_option top sort 'order of the queues' -x -a 'rate fill name'
__shmemq_option top once 'write one table'
__shmemq_option 'ls stat top bench' json 'as JSON'
__shmemq_option stat openmetrics 'metrics for a monitor'
__shmemq_option clean force 'remove those that are empty or temporary'
__shmemq_option clean all 'remove all of them'
__shmemq_option clean all-users 'those of other users, too'
__shmemq_option bench capacity 'bytes of the ring' -x -a $sizes
__shmemq_option bench seconds 'how long' -x
functions --erase __shmemq_option
