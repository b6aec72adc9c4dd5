#!/bin/sh
# SPDX-License-Identifier: MIT
# What `make install` has installed passes `make installcheck`, and `make uninstall` removes all of it.
set -eu
# shellcheck source=tests/tree/install_lib.sh
. "${srcdir:-.}/tests/tree/install_lib.sh"

rm "$root/log"
log=$(mktemp)
trap 'rm -rf "$root" "$log"' EXIT
unset PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR

# made TARGET
made()
{
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL "${MAKE:-make}" -s "$1" DESTDIR="$root" >"$log" 2>&1 || {
		cat "$log"
		fail "make $1 failed"
	}
}

made installcheck
grep '^installcheck: ' "$log"
made uninstall
left=$(find "$root" -type f -o -type l)
[ -z "$left" ] || fail "make uninstall has left: $left"
echo 'uninstall.sh: nothing is left'
