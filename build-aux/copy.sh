#!/bin/sh
# SPDX-License-Identifier: MIT
# The sources, as they are now, in a directory of their own: copy.sh DIRECTORY. What is configured here stands in the
# way of a build elsewhere; there nothing is. Of a checkout it takes what is tracked.
set -eu
[ $# -eq 1 ] || {
	echo "usage: $0 DIRECTORY" >&2
	exit 2
}
mkdir -p "$1"
copy=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
if [ -e .git ]; then
	git ls-files -z | tar -c --null -T - | tar -x -C "$copy"
else
	tar -c . | tar -x -C "$copy"
	[ ! -e "$copy/Makefile" ] || make -s -C "$copy" distclean >/dev/null
fi
