# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# Sourced first by the tests of an installed library. It installs the library into $root, where the tests also keep
# their files, and makes pkg-config find it there. $libdir is the directory of the libraries, $queue the name of the
# test's queue, without the slash.

: "${srcdir:=.}" "${CC:=cc}"
test=$(basename "$0")
command -v pkg-config >/dev/null || {
	echo "$test: skipped: no pkg-config"
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

# Is an inotify instance left to this user? Without python3, that is not known, and assumed.
inotify_left()
{
	! command -v python3 >/dev/null ||
		python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).inotify_init1(0) < 0)'
}

# Without the flags and job slots of the make that runs this test.
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL "${MAKE:-make}" -s install DESTDIR="$root" >"$root/log" 2>&1 || {
	cat "$root/log"
	fail "make install failed"
}
pc=$(find "$root" -name libshmemq.pc)
# The paths in it are relative to $root. pkg-config must print all of them, even those under /usr.
export PKG_CONFIG_PATH="${pc%/*}" PKG_CONFIG_SYSROOT_DIR="$root"
export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
# shellcheck disable=SC2034 # used by the scripts that source this file
libdir=$(dirname "$(find "$root" -name libshmemq.la)")
