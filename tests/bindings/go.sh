#!/bin/sh
# SPDX-License-Identifier: MIT
# Go's package builds against the installed library, without the net, and passes its tests.
# SHMEMQ_TEST_BINDINGS=no: not in this configuration.
set -eu

skip()
{
	echo "go.sh: skipped: $*"
	exit 77
}

[ "${SHMEMQ_TEST_BINDINGS-yes}" != no ] || skip 'SHMEMQ_TEST_BINDINGS=no'
[ -e /proc/self/fd ] || skip 'no /proc, which queues without a name need'
: "${GO:=go}"
command -v "$GO" >/dev/null || skip 'no go'
# Go's runtime and tests are not instrumented.
case " ${SHMEMQ_CFLAGS-} " in
*' -fsanitize'* | *' --coverage '*) skip 'the library is instrumented' ;;
esac
# shellcheck source=tests/tree/install_lib.sh
. "${srcdir:-.}/tests/tree/install_lib.sh"
inotify_left || skip 'no inotify instance left'

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
*) skip "$machine is not what $("$GO" version) builds for" ;;
esac

unformatted=$(gofmt -l . 2>/dev/null || true)
[ -z "$unformatted" ] || fail "not as gofmt writes it: $unformatted"
"$GO" vet . || fail 'go vet reports the lines above'
"$GO" test -count=1 . || fail 'go test failed'
