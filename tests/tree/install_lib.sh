# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# What the tests of an installed library share: read first. It installs into $root, under which all that they make is,
# and has pkg-config find it there. $libdir is where the libraries are, $queue a name of the test's own.

: "${srcdir:=.}" "${CC:=cc}"
test=$(basename "$0")
command -v pkg-config >/dev/null || {
	echo "$test: no pkg-config"
	exit 77
}
root=$(mktemp -d)
queue=shmemq-test-install-$$
trap 'rm -rf "$root" "/dev/shm/$queue"' EXIT
trap 'exit 1' HUP INT TERM

fail()
{
	echo "$test: $*" >&2
	exit 1
}

# Without what the make that runs this test has for itself: flags and job slots.
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL "${MAKE:-make}" -s install DESTDIR="$root" >"$root/log" 2>&1 || {
	cat "$root/log"
	fail "make install failed"
}
pc=$(find "$root" -name libshmemq.pc)
# The paths in it are those of a system whose root is $root; all of them, also under a prefix of /usr.
export PKG_CONFIG_PATH="${pc%/*}" PKG_CONFIG_SYSROOT_DIR="$root"
export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
# shellcheck disable=SC2034 # for who reads this
libdir=$(dirname "$(find "$root" -name libshmemq.la)")
