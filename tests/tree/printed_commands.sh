# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# Sourced first by the tests that run commands as they are printed. The commands run in $temp, which is first in PATH
# there, with the programs of the build; the names of their queues begin with "$name-", and these are removed.
# shellcheck disable=SC2034 # used by the scripts that source this file
builddir=$(cd "${top_builddir:-.}" && pwd)
shmemq=${SHMEMQ:-$builddir/shmemq}
name=shmemq-$(basename "$0" .sh)-$$
temp=$(mktemp -d) || exit 1
trap 'rm -rf "$temp" "/dev/shm/$name"-*' EXIT
trap 'exit 1' HUP INT TERM

fail() # WHAT
{
	echo "FAIL: $1"
	exit 1
}

# Makes a program of the build known by this name.
program() # NAME PATH
{
	printf '#!/bin/sh\nexec "%s" "$@"\n' "$2" >"$temp/$1"
	chmod +x "$temp/$1"
}

# Runs the commands in a file of $temp. What they print is in out and err there.
run_commands() # FILE [OPTION-OF-SH]
{
	(cd "$temp" && PATH=$temp:$PATH timeout 60 sh ${2:+"$2"} "./$1" >out 2>err)
}

program shmemq "$shmemq"
