#!/bin/sh
# SPDX-License-Identifier: MIT
# What one meets who installs the packages: stranger.sh DIRECTORY, in which debs.sh has left them. A clean Debian is
# made in a temporary directory, and only that is changed: the packages are installed there, README's programs
# and commands run word for word, then debian/tests; after a purge the system is what it was. Needs root and mmdebstrap.
set -eu

if [ "${1-}" != --inside ]; then
	[ $# -eq 1 ] || {
		echo "usage: $0 DIRECTORY" >&2
		exit 2
	}
	if [ "$(id -u)" -ne 0 ] || ! command -v mmdebstrap >/dev/null; then
		echo "stranger.sh: needs root and mmdebstrap"
		exit 77
	fi
	debs=$(cd "$1" && pwd)
	cd "$(dirname "$0")/.."
	root=$(mktemp -d)
	trap 'rm -rf --one-file-system "$root"' EXIT
	trap 'exit 1' HUP INT TERM
	build-aux/debian.sh "$root/system" --variant=apt \
		--include=bash-completion,gcc,libc6-dev,man-db,pkgconf,procps,strace
	mkdir "$root/system/src"
	git ls-files -z | tar -c --null -T - | tar -x -C "$root/system/src"
	for deb in "$debs"/*.deb; do
		case $deb in *-dbgsym_*) ;; *) cp "$deb" "$root/system/src/" ;; esac
	done
	# A /dev/shm and processes of its own; gone with the shell in it.
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount --pid --fork --kill-child sh -euc '
		mount -t proc proc "$1/proc"
		mount -t tmpfs -o mode=1777 shm "$1/dev/shm"
		mkdir -p "$1/dev/pts"
		mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts"
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
			chroot "$1" /src/build-aux/stranger.sh --inside
	' sh "$root/system"
	exit
fi

cd /src

fail()
{
	echo "stranger.sh: $*" >&2
	exit 1
}

# Everything but what dpkg, apt and ldconfig keep for themselves.
everything()
{
	find / -xdev \( -path /proc -o -path /sys -o -path /src -o -path /tmp -o -path /var/lib/dpkg -o -path /var/log \
		-o -path /var/cache -o -path /dev \) -prune -o ! -type d -printf '%p %y %s %l\n' -o -print |
		grep -v '^/etc/ld\.so\.cache ' | sort
}

# The indented block of README from the line that BEGIN matches to the line that END does, without its indent.
block() # BEGIN END
{
	sed -n "/^    .*$1/,/^$2\$/s/^    //p" README
}

everything >/tmp/before
dpkg -i ./*.deb
packages=$(for deb in ./*.deb; do dpkg-deb -f "$deb" Package; done)
# shellcheck disable=SC2086 # a list of words
dpkg -L $packages | sort -u >/tmp/installed

for page in 1 5 7; do
	man -w "$page" shmemq
done
man -w shmemq_push
# Every exported function has its page.
library=$(dpkg -L libshmemq0 | grep 'libshmemq\.so\.0$')
for symbol in $(nm -D --defined-only "$library" | sed -n 's/.* T \([^@]*\)@.*/\1/p'); do
	man -w 3 "$symbol" >/dev/null || fail "$symbol has no page"
done
pkg-config --modversion --cflags --libs libshmemq

mkdir /tmp/readme
block 'Sends each of its arguments' '    }' >/tmp/readme/producer.c
block 'Prints messages, until' '    }' >/tmp/readme/consumer.c
block 'cc producer.c' '' >/tmp/readme/run
cat /tmp/readme/run
(cd /tmp/readme && sh -euc '. ./run; wait' >out)
printf '%s\n' one two three | diff - /tmp/readme/out || fail "README's programs"

# The commands of README.
block 'shmemq create .log' '' >/tmp/readme/commands
cat /tmp/readme/commands
printf '%s\n' some text >/tmp/readme/text
(cd /tmp/readme && sh -euc '. ./commands; wait')
cmp /tmp/readme/text /tmp/readme/copy || fail "README's commands"
bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader shmemq || :; complete -p shmemq'

sed -n 's/^Tests: //p' debian/tests/control | while read -r test; do
	echo "debian/tests/$test"
	AUTOPKGTEST_TMP=$(mktemp -d) "debian/tests/$test"
done

# shellcheck disable=SC2086 # a list of words
dpkg -P $packages
everything >/tmp/after
diff /tmp/before /tmp/after || fail 'left after the purge (>), or gone (<)'
echo "stranger.sh: $(grep -c . /tmp/installed) files and directories installed, nothing left of them"
