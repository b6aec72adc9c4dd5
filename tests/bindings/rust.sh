#!/bin/sh
# SPDX-License-Identifier: MIT
# The crates of bindings/rust build against the installed library, without network, and pass their tests; the
# declarations are those that bindgen makes of the header. With Debian's compiler if it is there, the oldest that has to
# do.
# SHMEMQ_TEST_BINDINGS=no: not in this configuration.
set -eu

skip() # WHY
{
	echo "rust.sh: skipped: $1"
	exit 77
}

[ "${SHMEMQ_TEST_BINDINGS-yes}" != no ] || skip 'SHMEMQ_TEST_BINDINGS=no'
[ ! -x /usr/bin/cargo ] || PATH=/usr/bin:$PATH
command -v cargo >/dev/null || skip 'cargo is missing'
[ -z "${SHMEMQ_TEST_EMULATED-}" ] || skip 'cargo is not emulated'
case ${SHMEMQ_LDFLAGS-} in
*-fsanitize*) skip 'the sanitizer would have to be linked into programs of Rust' ;;
esac
[ -e /proc/self/fd ] || skip 'no /proc, which queues without a name need'
# shellcheck source=tests/tree/install_lib.sh
. "${srcdir:-.}/tests/tree/install_lib.sh"
trap 'rm -rf "$root" "/dev/shm/$queue" "/dev/shm/$queue-2"' EXIT

export LD_LIBRARY_PATH="$libdir" CARGO_HOME="$root/cargo" CARGO_TARGET_DIR="$root/target"
export CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_TEST_DEBUG=0
# Not the make's job slots, which cargo would take.
unset MAKEFLAGS MFLAGS MAKELEVEL RUSTFLAGS
cp -R "$srcdir/bindings/rust" "$root/rust"
chmod -R u+w "$root/rust"
rm -rf "$root/rust/target"
cd "$root/rust"

echo 'fn main() {}' >"$root/main.rs"
if ! rustc -o "$root/main" -C link-arg=-Wl,--no-as-needed -L "$libdir" -l shmemq "$root/main.rs" >"$root/log" 2>&1 ||
	! "$root/main"; then
	skip 'the library is for another architecture or libc than rustc'
fi

# quietly COMMAND...: shows what it prints if it fails
quietly()
{
	timeout 600 "$@" >"$root/log" 2>&1 || {
		cat "$root/log"
		fail "$* failed"
	}
}

case $(bindgen --version 2>/dev/null) in
'bindgen 0.60.'*)
	shmemq-sys/bindgen.sh "$srcdir/include" | diff -u shmemq-sys/src/bindings.rs - ||
		fail 'bindings.rs is not what bindgen makes of shmemq.h (+): bindings/rust/README.md'
	;;
*) echo 'rust.sh: left out: bindgen 0.60' ;;
esac

quietly cargo test --offline --workspace
grep -E '^(test result|running [1-9])' "$root/log"
# Other versions warn of other things, and format some lines differently.
case $(rustc --version) in
'rustc 1.63.'*)
	quietly env RUSTDOCFLAGS='-D warnings' cargo doc --offline --no-deps
	if cargo fmt --version >/dev/null 2>&1; then quietly cargo fmt --check; fi
	if cargo clippy --version >/dev/null 2>&1; then
		quietly cargo clippy --offline --all-targets -- -D warnings
	fi
	;;
*) echo 'rust.sh: left out: lints, which are for rustc 1.63' ;;
esac

# The examples, with C programs at the other end.
examples=$CARGO_TARGET_DIR/debug/examples
timeout 60 "$examples/poll" "/$queue" "/$queue-2" >"$root/out" 2>"$root/err" &
poll=$!
producer=${top_builddir:-.}/examples/producer
"$producer" "/$queue" one || fail 'producer'
"$producer" "/$queue-2" two || fail 'second producer'
printf '%s\n' "/$queue-2: two" "/$queue: one" >"$root/expected"
if wait "$poll"; then
	LC_ALL=C sort "$root/out" | diff -u "$root/expected" - || fail 'unexpected output of poll (+)'
	[ ! -e "/dev/shm/$queue-2" ] || fail 'poll has left a queue'
else
	grep 'Too many open files' "$root/err" || fail "poll: $(cat "$root/err")"
	echo 'rust.sh: poll is left out: no inotify instance is left'
fi
quietly "$examples/bench" 1 1000
grep -q 'us there and back' "$root/log" || fail 'bench prints no round trip'

# Without pkg-config: in a directory, the static library, and not at all.
quietly env PKG_CONFIG=false SHMEMQ_LIB_DIR="$libdir" cargo run --offline --example bench 1 100
if [ -e "$libdir/libshmemq.a" ]; then
	quietly env -u LD_LIBRARY_PATH SHMEMQ_STATIC=1 cargo run --offline --example bench 1 100
fi
! PKG_CONFIG=false cargo build --offline >"$root/log" 2>&1 || fail 'it builds without the library'
grep -q 'libshmemq was not found' "$root/log" || fail 'the build does not say that the library is missing'
echo 'rust.sh: passed'
