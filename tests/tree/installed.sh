#!/bin/sh
# SPDX-License-Identifier: MIT
# `make installcheck`, also with the DESTDIR of `make install`: a program is compiled with the flags of pkg-config,
# against what was installed, and runs; the installed command says its version and moves a message; each manual page is
# there, and mandoc, if there is one, sees no error in it. The Makefile says in the environment where things are.
set -eu
: "${DESTDIR=}" "${srcdir:=.}" "${CC:=cc}" "${MANDOC=}" "${version:?}" "${manuals:?}"
: "${bindir:?}" "${libdir:?}" "${mandir:?}" "${pkgconfigdir:?}"
# What was built elsewhere could not run.
[ "${CROSS_COMPILING:-no}" != yes ] || {
	echo 'installcheck: left out: built for another machine'
	exit 0
}
command -v pkg-config >/dev/null || {
	echo 'installcheck: pkg-config is missing' >&2
	exit 1
}
work=$(mktemp -d)
queue=shmemq-test-installed-$$
trap 'rm -rf "$work" "/dev/shm/$queue"' EXIT
trap 'exit 1' HUP INT TERM

fail()
{
	echo "installcheck: $*" >&2
	exit 1
}

export LD_LIBRARY_PATH="$DESTDIR$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export PKG_CONFIG_PATH="$DESTDIR$pkgconfigdir" PKG_CONFIG_SYSROOT_DIR="$DESTDIR"
export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
[ "$(pkg-config --modversion libshmemq)" = "$version" ] || fail 'libshmemq.pc has another version'
for program in producer consumer; do
	# shellcheck disable=SC2046,SC2086 # lists of words
	$CC ${SHMEMQ_CFLAGS-} -o "$work/$program" "$srcdir/examples/$program.c" \
		$(pkg-config --cflags --libs libshmemq) ${SHMEMQ_LDFLAGS-}
done
"$work/producer" "/$queue" hello || fail 'the program that pushes failed'
[ "$("$work/consumer" "/$queue")" = hello ] || fail 'the program that pops failed'

command=$DESTDIR$bindir/shmemq
"$command" --version | grep -q "^shmemq $version " || fail "$command --version says something else"
"$command" create "/$queue"
echo hello | "$command" push "/$queue"
[ "$("$command" pop "/$queue")" = hello ] || fail "$command pop wrote something else"
"$command" rm "/$queue"
relay=$DESTDIR$bindir/shmemq-nats
if [ -e "$relay" ]; then
	"$relay" --version | grep -q "^shmemq-nats $version " || fail "$relay --version says something else"
fi

pages=0
for page in $manuals; do
	name=${page##*/}
	file=$DESTDIR$mandir/man${name##*.}/$name
	[ -e "$file" ] || fail "$file is not installed"
	target=$(sed -n '1s/^\.so //p' "$file")
	if [ -n "$target" ]; then
		[ -e "$DESTDIR$mandir/$target" ] || fail "$file: $target is not installed"
	elif [ -n "$MANDOC" ]; then
		"$MANDOC" -Tlint -Werror "$file" || fail "$file: mandoc says the above"
	fi
	pages=$((pages + 1))
done
[ "$pages" -gt 0 ] || fail 'there is no manual'
echo "installcheck: the library, the command and $pages pages of manual: installed, and they work"
