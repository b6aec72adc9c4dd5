#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the Debian packages twice, in other directories, at other times, with another umask, locale and time zone, and
# compares them byte by byte.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

build() # DIRECTORY COMMAND...
{
	directory=$1
	shift
	"$@" DEB_BUILD_OPTIONS=nocheck build-aux/debs.sh "$directory" -b -Pnocheck >"$work/log" 2>&1 || {
		tail -n 100 "$work/log"
		exit 1
	}
}

command -v faketime >/dev/null || {
	echo 'reproduce.sh: no faketime'
	exit 77
}
moved='env NO_FAKE_STAT=1 faketime -f +400d' # make compares the times of files with each other only
build "$work/one" env TZ=UTC LC_ALL=C
(
	umask 077
	# shellcheck disable=SC2086 # a command
	build "$work/another/one" $moved env TZ=Pacific/Kiritimati LC_ALL=C.UTF-8 HOME=/nonexistent
)
same=0
for deb in "$work"/one/*.deb; do
	other=$work/another/one/${deb##*/}
	cmp "$deb" "$other" || {
		diffoscope "$deb" "$other" || :
		exit 1
	}
	same=$((same + 1))
done
[ "$same" -gt 0 ]
echo "reproduce.sh: $same packages are the same, byte by byte"
