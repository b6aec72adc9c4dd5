#!/bin/sh
# SPDX-License-Identifier: MIT
# The bash completion: commands, options, values and the names of queues. SHMEMQ_COMPLETION: the installed file, if one
# is to be tested.
# shellcheck source=tests/command/completion_lib.sh
. "${srcdir:-.}/tests/command/completion_lib.sh"

use_shell bash "${SHMEMQ_COMPLETION:-$srcdir/tools/shmemq.bash}" shmemq || {
	echo 'completion.sh: no bash, or no /dev/fd, which bash needs for this'
	exit 77
}

completes_as_all_shells_do
completes 'shmemq bench '

# To readline, a word begins after the last ':' or '='.
completes 'shmemq tail --frame=' chunk: hex len32 line nul
completes 'shmemq push --frame=' chunk: len32 line nul
completes 'shmemq push --frame=n' nul
completes 'shmemq push --frame=chunk:'
completes 'shmemq create --capacity=1' 16M 1G 1M
completes "shmemq rm $prefix-a:" 'b=c'
completes "shmemq rm $prefix-a:b=" c

# The bash-completion package finds it by the command's name.
package=/usr/share/bash-completion/bash_completion
if [ -r "$package" ]; then
	if [ -z "${SHMEMQ_COMPLETION-}" ]; then
		mkdir -p "$temp/completions"
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
