#!/bin/sh
# SPDX-License-Identifier: MIT
# C, C++, Python, Rust and Go exchange messages: each of them with each other one, over queues with a name and without
# one and over broadcast queues, also when they are killed and a program in another language goes on. And the programs
# of bindings/README.md run, in pairs. COUNT: messages of each pair.
# SHMEMQ_TEST_BINDINGS=no: not in this configuration.
set -eu

skip()
{
	echo "cross.sh: skipped: $*"
	exit 77
}

[ "${SHMEMQ_TEST_BINDINGS-yes}" != no ] || skip 'SHMEMQ_TEST_BINDINGS=no'
case " ${SHMEMQ_CFLAGS-} " in
*' -fsanitize'* | *' --coverage '*) skip 'the library is instrumented' ;;
esac
[ -z "${SHMEMQ_TEST_EMULATED-}" ] || skip 'the other compilers are not emulated'
[ -e /proc/self/fd ] || skip 'no /proc, which queues without a name need'
: "${srcdir:=.}" "${COUNT:=2000}" "${SEED:=$$}" "${GO:=go}" "${CXX:=c++}"
top=$(cd "${top_builddir:-.}" && pwd)
# shellcheck source=tests/bindings/python_wheel.sh
. "$srcdir/tests/bindings/python_wheel.sh"
find_python sys
# shellcheck source=tests/tree/install_lib.sh
. "$srcdir/tests/tree/install_lib.sh"
trap 'rm -rf "$root" "/dev/shm/$queue-x"*' EXIT
cross=$(cd "$srcdir/tests/bindings/cross" && pwd)
srcdir=$(cd "$srcdir" && pwd)
bin=$root/bin
mkdir "$bin" "$root/hello"
export LD_LIBRARY_PATH="$libdir" PYTHONDONTWRITEBYTECODE=1

# The programs of bindings/README.md.
for language in c c++ python rust go; do
	awk -v fence="\`\`\`$language" '/^```/ { inside = $0 == fence; next } inside' "$srcdir/bindings/README.md" \
		>"$root/hello/hello.$language"
	[ -s "$root/hello/hello.$language" ] || fail "bindings/README.md has no program in $language"
done
mv "$root/hello/hello.c++" "$root/hello/hello.cc"

# compile NAME COMMAND...: shows what it prints if it fails
compile()
{
	name=$1
	shift
	"$@" >"$root/log" 2>&1 || {
		cat "$root/log"
		fail "$name cannot be built"
	}
}

left_out()
{
	echo "cross.sh: left out: $*"
}

flags=$(pkg-config --cflags --libs libshmemq)
# shellcheck disable=SC2086 # variables that are lists of words
compile_c()
{
	for program in cross hello; do
		source=$cross/cross.$2
		[ $program = cross ] || source=$root/hello/hello.$2
		compile "$source" $3 -Wall -Wextra -O1 ${SHMEMQ_CFLAGS-} -I "$top" "$source" \
			-o "$bin/$1.$program" $flags
	done
	mv "$bin/$1.cross" "$bin/$1"
}
compile_c c c "$CC -std=gnu11"
languages=c

echo 'int main() {}' >"$root/empty.cc"
# shellcheck disable=SC2086 # $CXX may have flags
if $CXX -std=c++17 -o "$root/empty" "$root/empty.cc" 2>/dev/null; then
	compile_c cxx cc "$CXX -std=c++17"
	languages="$languages cxx"
else
	left_out "C++: no $CXX"
fi

# wrapper FILE COMMAND...: makes a script that runs the command
wrapper()
{
	printf '#!/bin/sh\nexec %s "$@"\n' "$2" >"$1"
	chmod +x "$1"
}
if [ -z "$python" ]; then
	left_out 'Python: no meson, or no Python from 3.11 on with its headers and meson-python'
elif ! loads_library; then
	left_out "Python: $(tail -n 1 "$root/log")"
else
	build_wheel
	export PYTHONPATH="$root/site"
	wrapper "$bin/python" "$python $cross/cross.py"
	wrapper "$bin/python.hello" "$python $root/hello/hello.python"
	languages="$languages python"
fi

# Debian's compiler if it is there, the oldest that has to do.
cargo=$(PATH=/usr/bin:$PATH command -v cargo || true)
if [ -z "$cargo" ]; then
	left_out 'Rust: no cargo'
elif ! echo 'fn main() {}' >"$root/main.rs" || ! PATH=${cargo%/*}:$PATH rustc -o "$root/main" \
	-C link-arg=-Wl,--no-as-needed -L "$libdir" -l shmemq "$root/main.rs" >"$root/log" 2>&1 || ! "$root/main"; then
	left_out 'Rust: the library is for another architecture or libc than rustc'
else
	mkdir "$root/rust-cross"
	cp -R "$srcdir/bindings/rust" "$root/rust"
	chmod -R u+w "$root/rust"
	rm -rf "$root/rust/target"
	cp "$cross/cross.rs" "$root/rust-cross/"
	cp "$root/hello/hello.rust" "$root/rust-cross/hello.rs"
	sed "s|@rust@|$root/rust|" "$cross/Cargo.toml" >"$root/rust-cross/Cargo.toml"
	compile cross.rs env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u RUSTFLAGS PATH="${cargo%/*}:$PATH" \
		CARGO_HOME="$root/cargo" CARGO_TARGET_DIR="$root/target" CARGO_PROFILE_DEV_DEBUG=0 \
		cargo build --offline --manifest-path "$root/rust-cross/Cargo.toml"
	mv "$root/target/debug/cross" "$bin/rust"
	mv "$root/target/debug/hello" "$bin/rust.hello"
	languages="$languages rust"
fi

build_go()
{
	export GOCACHE="$root/cache" GOPATH="$root/path" GOTMPDIR="$root" GOFLAGS=-mod=mod GOPROXY=off GOENV=off
	export GOTOOLCHAIN=local CGO_ENABLED=1
	mkdir -p "$root/go/cross" "$root/go/hello" "$root/go/shmemq"
	cp "$srcdir"/bindings/go/go.mod "$srcdir"/bindings/go/*.go "$srcdir"/bindings/go/call.h "$root/go/shmemq/"
	rm "$root"/go/shmemq/*_test.go
	cp "$cross/cross.go" "$root/go/cross/"
	cp "$root/hello/hello.go" "$root/go/hello/"
	printf 'module cross\n\ngo 1.19\n\nrequire shmemq v0.1.0\n\nreplace shmemq => ./shmemq\n' >"$root/go/go.mod"
	cd "$root/go"
	# $CC as go.sh: it may have flags.
	export CC
	"$GO" build -o "$bin/go" ./cross && "$GO" build -o "$bin/go.hello" ./hello
}
case " $CC " in
*' -m32 '* | *' -mx32 '*) machine=32-bit ;;
*) machine=$($CC -dumpmachine) ;;
esac
case $machine:$("$GO" env GOARCH 2>/dev/null || true) in
x86_64-*:amd64 | i?86-*:386 | aarch64*:arm64 | arm*:arm | riscv64*:riscv64 | s390x*:s390x | powerpc64le*:ppc64le)
	(build_go) >"$root/log" 2>&1 || {
		cat "$root/log"
		fail 'cross.go cannot be built'
	}
	languages="$languages go"
	;;
*) left_out "Go: no $GO, or it is not for $machine" ;;
esac
[ "$languages" != c ] || skip 'there is only C'

runs=0 times=1
# run KIND STARTER PRODUCERS CONSUMERS...: STARTER makes the memfd
run()
{
	kind=$1 starter=$2
	shift 2
	what="SEED=$SEED, run $runs, $kind: $*"
	runs=$((runs + 1))
	set -- sh "$cross/run.sh" "$bin" "$kind" "/$queue-x$runs" $((SEED + runs)) $((COUNT * times)) "$root/log" "$@"
	[ "$kind" != memfd ] || set -- "$bin/$starter" start "$@"
	rm -f "$root"/log.*
	"$@" || fail "$what"
	rm -f "/dev/shm/$queue-x$runs"
}

# rotated LANGUAGE MARK: sets $chain to all languages, this one first, each with the mark, and $after to the second
rotated()
{
	before='' chain='' after='' found=
	for each in $languages; do
		[ "$each" != "$1" ] || found=yes
		if [ -n "$found" ]; then chain="$chain $each$2"; else before="$before $each$2"; fi
	done
	chain="$chain$before" chain=${chain# }
	after=$(echo "$chain" | awk -v mark="$2" '{ gsub(mark, "", $2); print $2 }')
}

for producer in $languages; do
	for consumer in $languages; do
		run named '' "$producer" "$consumer"
		run memfd "$producer" "$producer" "$consumer"
	done
done
echo "cross.sh: $runs pairs of $languages: $COUNT messages each"

for producer in $languages; do
	rotated "$producer" !
	# Each language is killed as a consumer and as a producer, and one ends it.
	run named '' "$chain $producer" "${chain#* } $after"
	run memfd "$producer" "$chain $producer" "${chain#* } $after"
	# shellcheck disable=SC2086 # a chain for each consumer, and one more consumer that is killed
	run broadcast '' "$producer! $after" $languages "$after!"
done
times=5
rotated "${languages##* }" '~'
for kind in named memfd; do
	run $kind c "$chain $after" "${chain#* } $after"
done
echo "cross.sh: $runs runs with those in which programs were killed"

for producer in $languages; do
	rotated "$producer" ''
	timeout 60 "$bin/$after.hello" "/$queue-x" >"$root/out" &
	pid=$!
	timeout 60 "$bin/$producer.hello" "/$queue-x" one two three || fail "README.md: the producer in $producer"
	wait $pid || fail "README.md: the consumer in $after"
	printf '%s\n' '1: one' '2: two' '3: three' | diff -u - "$root/out" || fail "README.md: $producer to $after"
	[ ! -e "/dev/shm/$queue-x" ] || fail "README.md: the consumer in $after leaves the queue"
done
