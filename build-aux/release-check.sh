#!/bin/sh
# SPDX-License-Identifier: MIT
# Everything that a release has to pass beyond .ci/run: make release-check, or with the names of some steps. As root, on
# Debian, in a checkout, after ./autogen.sh --deps=release. About half an hour.
set -eu
cd "$(dirname "$0")/.."
top=$PWD
[ -e debian/control ] || {
	echo "$0: no debian/ here: it is in the repository, not in the tarball" >&2
	exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$work" # for the ordinary user who builds

distcheck()
{
	mkdir "$work/dist"
	(
		cd "$work/dist"
		"$top/configure" --quiet
		quietly make distcheck
	)
}

abi()
{
	mkdir "$work/abi"
	(
		cd "$work/abi"
		"$top/configure" --quiet --disable-static CFLAGS='-g -O2'
		make -s -j"$(nproc)" abi-check
	)
}

# Built and tested as an ordinary user, in a tree of its own.
debs()
{
	mkdir "$work/debs" "$work/tree"
	git ls-files -z | tar -c --null -T - | tar -x -C "$work/tree"
	(
		cd "$work/tree"
		git init -q
		git add -f .
	)
	chown -R nobody "$work/debs" "$work/tree"
	quietly setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME=/nonexistent \
		"$work/tree/build-aux/debs.sh" "$work/debs"
	setpriv --reuid=nobody --regid=nogroup --clear-groups \
		lintian --fail-on error,warning "$work"/debs/*.changes
	build-aux/stranger.sh "$work/debs"
	# And in parts, without tests.
	quietly env DEB_BUILD_OPTIONS=nocheck build-aux/debs.sh "$work/parts" -B -Pnocheck
}

quietly()
{
	"$@" >"$work/log" 2>&1 || {
		tail -n 300 "$work/log"
		exit 1
	}
}

step()
{
	echo
	echo "== $1"
	case $1 in
	abi | debs | distcheck) "$1" ;;
	cross) build-aux/cross.sh i386 i386-semaphores arm64 armhf riscv64 s390x musl musl-semaphores ;;
	odd | reproduce) "build-aux/$1.sh" ;;
	*)
		echo "release-check: no step $1" >&2
		exit 2
		;;
	esac
}

[ $# -gt 0 ] || set -- distcheck abi debs reproduce odd cross
for name in "$@"; do
	step "$name"
done
echo
echo 'release-check: passed'
