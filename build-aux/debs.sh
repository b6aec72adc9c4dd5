#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes the Debian packages from a checkout, into DIRECTORY. The upstream tarball is the one that is there under the
# name of an orig tarball, or else what `make dist` makes of the checked-out files; debian/, which it does not hold, is
# laid beside it. --orig makes the tarball only.
set -eu

usage()
{
	echo "usage: $0 [--orig] DIRECTORY [DPKG-BUILDPACKAGE-ARGUMENT...]" >&2
	exit 2
}

orig=
if [ "${1-}" = --orig ]; then
	orig=yes
	shift
fi
[ $# -ge 1 ] || usage
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift

cd "$(dirname "$0")/.."
[ -e debian/control ] || {
	echo "$0: no debian/ here: it is in the repository, not in the tarball" >&2
	exit 1
}
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
trap 'exit 1' HUP INT TERM

# Whenever it was checked out.
build-aux/copy.sh "$tree"
find "$tree" -exec touch -d "@$(dpkg-parsechangelog -S Timestamp)" {} +
version=$(dpkg-parsechangelog -S Version | sed 's/-[^-]*$//')
tarball=$out/libshmemq_$version.orig.tar.xz
if [ -e "$tarball" ]; then
	# Published, perhaps: nothing else may have that name.
	echo "$0: the sources are those of $tarball, which was there: remove it for a new one" >&2
else
	(
		cd "$tree"
		./autogen.sh
		./configure --quiet
		make -s dist
	) >"$tree/log" 2>&1 || {
		cat "$tree/log" >&2
		exit 1
	}
	[ -e "$tree/libshmemq-$version.tar.xz" ] || {
		echo "$0: debian/changelog is of $version, the tarball is not" >&2
		exit 1
	}
	cp "$tree/libshmemq-$version.tar.xz" "$tarball"
fi
[ -z "$orig" ] || exit 0

rm -rf "${out:?}/libshmemq-$version"
tar -xf "$tarball" -C "$out"
cp -R "$tree/debian" "$out/libshmemq-$version/"
cd "$out/libshmemq-$version"
dpkg-buildpackage -us -uc "$@"
