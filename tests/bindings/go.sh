#!/bin/sh
# SPDX-License-Identifier: MIT
# Go's package builds against the installed library, without the net, and passes its tests.
# SHMEMQ_TEST_BINDINGS=no: not in this configuration.
set -eu
[ "${SHMEMQ_TEST_BINDINGS-yes}" != no ] || {
	echo 'go.sh: skipped: SHMEMQ_TEST_BINDINGS=no'
	exit 77
}
[ -e /proc/self/fd ] || {
	echo 'go.sh: skipped: no /proc, which queues without a name need'
	exit 77
}
: "${GO:=go}"
command -v "$GO" >/dev/null || {
	echo 'go.sh: skipped: no go'
	exit 77
}
# Go's runtime and tests are not instrumented.
case " ${SHMEMQ_CFLAGS-} " in
*' -fsanitize'* | *' --coverage '*)
	echo 'go.sh: skipped: the library is instrumented'
	exit 77
	;;
esac
# shellcheck source=tests/tree/install_lib.sh
. "${srcdir:-.}/tests/tree/install_lib.sh"
inotify_left || {
	echo 'go.sh: skipped: no inotify instance left'
	exit 77
}

GOCACHE=$root/cache GOPATH=$root/path GOTMPDIR=$root
export CC GOCACHE GOPATH GOTMPDIR GOFLAGS=-mod=mod GOPROXY=off GOTOOLCHAIN=local GOENV=off CGO_ENABLED=1
export LD_LIBRARY_PATH="$libdir"
mkdir "$root/go"
cp "$srcdir"/bindings/go/go.mod "$srcdir"/bindings/go/*.go "$srcdir"/bindings/go/call.h "$root/go/"
cd "$root/go"

# Another machine's library, which an emulator runs, is not for this machine's Go.
case " $CC " in
*' -m32 '* | *' -mx32 '*) machine=32-bit ;;
*) machine=$($CC -dumpmachine) ;;
esac
case $machine:$("$GO" env GOARCH) in
x86_64-*:amd64 | i?86-*:386 | aarch64*:arm64 | arm*:arm | riscv64*:riscv64 | s390x*:s390x | powerpc64le*:ppc64le) ;;
*)
	echo "go.sh: skipped: $machine is not what $("$GO" version) builds for"
	exit 77
	;;
esac

unformatted=$(gofmt -l . 2>/dev/null || true)
[ -z "$unformatted" ] || fail "not as gofmt writes it: $unformatted"
"$GO" vet . || fail 'go vet reports the lines above'
"$GO" test -count=1 . || fail 'go test failed'
