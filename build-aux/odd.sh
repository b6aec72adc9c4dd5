#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs `make check` where something is missing: with a /dev/shm of 64 MiB, as in a container; without /proc; with no
# inotify instance left; and as an ordinary user. Needs root, and changes nothing outside its namespaces.
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" -eq 0 ] || {
	echo 'odd.sh: must run as root'
	exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

failed=no
# check WHERE COMMAND... A failed suite does not keep the others from running.
check()
{
	echo "odd.sh: $1"
	shift
	"$@" nice make -j"$(nproc)" -k check VERBOSE=1 >check.log 2>&1 || {
		tail -n 300 check.log
		failed=yes
	}
	grep -E '^# (TOTAL|PASS|SKIP|FAIL|ERROR):' check.log
	grep -A 3 '^SKIP: ' test-suite.log | grep -v '^SKIP\|^=\|^-*$' || :
}

# mounted MOUNT-ARGUMENTS COMMAND...
mounted()
{
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount sh -euc 'mount $1; shift; exec "$@"' sh "$@"
}

# The ordinary user must reach it, too.
chmod 755 "$work"
build-aux/copy.sh "$work/tree"
cd "$work/tree"
[ -e configure ] || ./autogen.sh >"$work/autogen.log" 2>&1
mkdir "$work/build"
cd "$work/build"
../tree/configure --quiet --enable-werror
make -s -j"$(nproc)" >make.log 2>&1 || {
	tail -n 100 make.log
	exit 1
}
check 'a /dev/shm of 64 MiB' mounted '-t tmpfs -o size=64m,mode=1777 shm /dev/shm'
check 'no /proc' mounted '-t tmpfs -o size=4k none /proc'
# shellcheck disable=SC2016 # for the inner shell
check 'no inotify instance' unshare --user --map-root-user \
	sh -euc 'echo 0 >/proc/sys/user/max_inotify_instances
		exec unshare --user --map-user=1000 --map-group=1000 "$@"' sh
chown -R nobody .
check 'an ordinary user' setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME="$work/build"
[ "$failed" = no ]
