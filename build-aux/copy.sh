#!/bin/sh
# SPDX-License-Identifier: MIT
# Copies the sources, as they are now, to a directory: copy.sh DIRECTORY. Out-of-tree builds need a source tree that is
# not configured; the copy never is. Of a checkout only the tracked files are copied.
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
