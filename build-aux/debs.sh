#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes the Debian packages from a checkout, in DIRECTORY. The upstream tarball is the .orig.tar.xz that DIRECTORY
# contains, else what `make dist` makes of the checkout. It has no debian/: that is copied into the unpacked tarball.
set -eu

[ $# -ge 1 ] || {
	echo "usage: $0 DIRECTORY [DPKG-BUILDPACKAGE-ARGUMENT...]" >&2
	exit 2
}
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift

cd "$(dirname "$0")/.."
[ -e debian/control ] || {
	echo "$0: debian/ is missing: run this in a checkout, the tarball has no debian/" >&2
	exit 1
}
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
trap 'exit 1' HUP INT TERM

# File times do not depend on when the checkout was made.
build-aux/copy.sh "$tree"
find "$tree" -exec touch -d "@$(dpkg-parsechangelog -S Timestamp)" {} +
version=$(dpkg-parsechangelog -S Version | sed 's/-[^-]*$//')
tarball=$out/libshmemq_$version.orig.tar.xz
if [ -e "$tarball" ]; then
	# It may be a published one, and no other tarball may have its name.
	echo "$0: using the existing $tarball: remove it to have a new one made" >&2
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
	cp "$tree/libshmemq-$version.tar.xz" "$tarball" || {
		echo "$0: debian/changelog has version $version, configure.ac must have the same" >&2
		exit 1
	}
fi

rm -rf "${out:?}/libshmemq-$version"
tar -xf "$tarball" -C "$out"
cp -R "$tree/debian" "$out/libshmemq-$version/"
cd "$out/libshmemq-$version"
dpkg-buildpackage -us -uc "$@"
