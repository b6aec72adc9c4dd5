#!/bin/sh
# SPDX-License-Identifier: MIT
# The fish completion, which the shell finds by the command's name. SHMEMQ_FISH_COMPLETION: the installed file, if one
# is to be tested.
# shellcheck source=tests/command/completion_lib.sh
. "${srcdir:-.}/tests/command/completion_lib.sh"

use_shell fish "${SHMEMQ_FISH_COMPLETION:-$srcdir/tools/shmemq.fish}" shmemq || {
	echo 'completion_fish.sh: no fish'
	exit 77
}

completes_as_all_shells_do
completes 'shmemq bench '
completes 'shmemq tail --frame=' --frame=chunk: --frame=hex --frame=len32 --frame=line --frame=nul
completes 'shmemq push --frame=n' --frame=nul
completes 'shmemq create --capacity=1' --capacity=16M --capacity=1G --capacity=1M

verdict
