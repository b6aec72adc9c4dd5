#!/bin/sh
# SPDX-License-Identifier: MIT
# The zsh completion, which the shell finds by the command's name. SHMEMQ_ZSH_COMPLETION: the installed file, if one is
# to be tested.
# shellcheck source=tests/command/completion_lib.sh
. "${srcdir:-.}/tests/command/completion_lib.sh"

use_shell zsh "${SHMEMQ_ZSH_COMPLETION:-$srcdir/tools/shmemq.zsh}" shmemq || {
	echo 'completion_zsh.sh: no zsh'
	exit 77
}

completes_as_all_shells_do
completes 'shmemq tail --frame=' --frame=chunk: --frame=hex --frame=len32 --frame=line --frame=nul
completes 'shmemq push --frame=n' --frame=nul
completes 'shmemq create --capacity=1' --capacity=16M --capacity=1G --capacity=1M

verdict
