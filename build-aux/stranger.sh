#!/bin/sh
# SPDX-License-Identifier: MIT
# What one meets who builds and installs the packages as README says: stranger.sh [DIRECTORY]. A clean Debian is made in
# a temporary directory, and only that is changed: there the packages are built, unless DIRECTORY has some that debs.sh
# made, and installed, README's programs and commands run word for word, then debian/tests; after a purge the system is
# what it was. Needs root and mmdebstrap.
set -eu

if [ "${1-}" != --inside ]; then
	[ $# -le 1 ] || {
		echo "usage: $0 [DIRECTORY]" >&2
		exit 2
	}
	if [ "$(id -u)" -ne 0 ] || ! command -v mmdebstrap >/dev/null; then
		echo "stranger.sh: needs root and mmdebstrap"
		exit 77
	fi
	debs=
	[ $# -eq 0 ] || debs=$(cd "$1" && pwd)
	cd "$(dirname "$0")/.."
	root=$(mktemp -d)
	trap 'rm -rf --one-file-system "$root"' EXIT
	trap 'exit 1' HUP INT TERM
	build-aux/debian.sh "$root/system" --variant=apt --include=man-db
	cp /etc/resolv.conf "$root/system/etc/"
	build-aux/copy.sh "$root/system/src"
	if [ -n "$debs" ]; then
		mkdir "$root/system/src/debs"
		cp "$debs"/*.deb "$root/system/src/debs/"
	else
		git -C "$root/system/src" init -q
		git -C "$root/system/src" add -f .
	fi
	# A /dev/shm and processes of its own; gone with the shell in it.
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount --pid --fork --kill-child sh -euc '
		mount -t proc proc "$1/proc"
		mount -t tmpfs -o mode=1777 shm "$1/dev/shm"
		mkdir -p "$1/dev/pts"
		mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts"
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
			DEBIAN_FRONTEND=noninteractive chroot "$1" /src/build-aux/stranger.sh --inside
	' sh "$root/system"
	exit
fi

cd /src

fail()
{
	echo "stranger.sh: $*" >&2
	exit 1
}

quietly()
{
	"$@" >/tmp/log 2>&1 || {
		tail -n 300 /tmp/log
		fail "$*"
	}
}

# Everything but what dpkg, apt and ldconfig keep for themselves.
everything()
{
	find / -xdev \( -path /proc -o -path /sys -o -path /src -o -path /tmp -o -path /var/lib/dpkg \
		-o -path /var/lib/apt -o -path /var/log -o -path /var/cache -o -path /dev \) -prune \
		-o ! -type d -printf '%p %y %s %l\n' -o -print | grep -v '^/etc/ld\.so\.cache ' | sort
}

# The indented block of README from the line that BEGIN matches to the line that END does, without its indent.
block() # BEGIN END
{
	sed -n "/^    .*$1/,/^$2\$/s/^    //p" README
}

# README's line for the packages: what makes them, and what installs them.
line=$(block 'debs\.sh' '')
install=${line##* && sudo }
[ "$install" != "$line" ] || fail "README's line for the packages: $line"
if [ ! -d debs ]; then
	echo "${line% && sudo *}"
	quietly sh -c "${line% && sudo *}"
	grep -E '^# (TOTAL|PASS|SKIP|FAIL|ERROR):' /tmp/log
fi
# What debian/tests want beside the packages.
quietly apt-get -q update
# shellcheck disable=SC2046 # a list of words
quietly apt-get -q -y install --no-install-recommends \
	$(sed -n 's/^Depends: //p' debian/tests/control | tr -d ',' | tr ' ' '\n' | grep -v shmemq | sort -u)

everything >/tmp/before
echo "$install"
quietly sh -c "$install"
packages=$(for deb in debs/*.deb; do dpkg-deb -f "$deb" Package; done)
# shellcheck disable=SC2086 # a list of words
dpkg -L $packages | sort -u >/tmp/installed

for page in 1 5 7; do
	man -w "$page" shmemq
done
man shmemq_push | grep -m 1 'shmemq_push'
dpkg -L libshmemq-doc | grep 'html/shmemq_push\.3\.html'
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
quietly dpkg -P $packages
everything >/tmp/after
diff /tmp/before /tmp/after || fail 'left after the purge (>), or gone (<)'
echo "stranger.sh: $(grep -c . /tmp/installed) files and directories installed, nothing left of them"
