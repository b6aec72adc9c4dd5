#!/bin/sh
# SPDX-License-Identifier: MIT
# The ten commands of README.Debian, word by word, each machine a set of namespaces of its own (network, memory for
# queues, processes): what is popped on the second machine is what was pushed on the first. Only apt and systemctl are
# others here: apt knows the packages and installs none, and systemctl starts the server as its unit does, half a second
# after it has returned, because systemd does not say either when the server takes clients.
readme=${srcdir:-.}/debian/shmemq-nats.README.Debian
skip() # WHY
{
	echo "newcomer.sh: skipped: $1"
	exit 77
}
if [ -z "${SHMEMQ_TEST_NAMESPACE-}" ]; then
	[ -e "$readme" ] || skip 'a tarball has no debian/'
	if ! unshare --net --mount --pid --fork --kill-child --mount-proc true 2>/dev/null ||
		! command -v ip >/dev/null || ! command -v nsenter >/dev/null || ! command -v setpriv >/dev/null; then
		skip 'cannot make namespaces here'
	fi
	if ! [ -e /etc/nats-server.conf ] || ! getent passwd nats >/dev/null; then
		skip "Debian's nats-server is not installed"
	fi
	SHMEMQ_TEST_NAMESPACE=1 exec unshare --net "$0"
fi
# shellcheck source=tests/relay/lib.sh
. "${srcdir:-.}/tests/relay/lib.sh"
needs_proc 'which has the namespaces of processes'

# The commands, as they are in the text: the first indented block after the title is of machine a, the second of b.
sed -n '/^A first message, in ten commands$/,/^It prints hello\./p' "$readme" >"$temp/section"
awk -v temp="$temp" '/^    / { inside = 1; sub(/^    /, ""); print >(temp "/" (n ? "b" : "a") ".commands"); next }
	inside { n++; inside = 0 }' "$temp/section"
# A line that is indented more belongs to the command before it.
commands=$(cat "$temp/a.commands" "$temp/b.commands" | grep -c '^[^ ]')
[ "$commands" -eq 10 ] || fail "the text has $commands commands, not ten"

mkdir "$temp/bin"
ln -s "$(command -v "$SHMEMQ")" "$temp/bin/shmemq"
ln -s "$SHMEMQ_NATS" "$temp/bin/shmemq-nats"
cat >"$temp/bin/apt" <<-END
	#!/bin/sh
	[ "\$1" = install ] || exit 1
	shift
	for package; do
		[ "\$package" = nats-server ] || grep -qx "Package: \$package" "$(dirname "$readme")/control" || exit 1
	done
END
cat >"$temp/bin/systemctl" <<-END
	#!/bin/sh
	[ "\$*" = 'restart nats-server' ] || exit 1
	{
		sleep 0.5
		exec setpriv --reuid nats --regid nats --clear-groups "$NATS_SERVER" -c /etc/nats-server.conf
	} 2>"$temp/server.log" &
END
chmod +x "$temp/bin/apt" "$temp/bin/systemctl"
printf '127.0.0.1 localhost\n10.9.0.1 a\n' >"$temp/hosts"

# Runs the commands of machine NAME; what they start ends with the namespace of its processes.
cat >"$temp/machine" <<-'END'
	set -eu
	mount -t tmpfs -o mode=1777 tmpfs /dev/shm
	mount -t tmpfs -o mode=755 tmpfs /var/lib
	: >"$temp/$name.conf"
	chmod 644 "$temp/$name.conf" "$temp/hosts"
	mount --bind "$temp/$name.conf" /etc/nats-server.conf
	mount --bind "$temp/hosts" /etc/hosts
	until [ -e "$temp/$name.go" ]; do sleep 0.05; done
	PATH=$temp/bin:$PATH
	. "$temp/$name.commands"
	: >"$temp/$name.done"
	wait
END
start_machine() # NAME
{
	unshare --net --mount --pid --fork --kill-child --mount-proc env name="$1" temp="$temp" sh "$temp/machine" \
		>"$temp/$1.out" 2>"$temp/$1.err" &
	machine=$!
	until [ "$(readlink "/proc/$machine/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do
		sleep 0.02
	done
}
start_machine a
a=$machine
start_machine b
b=$machine
{
	ip link add v0 type veth peer name v1
	ip link set v0 netns "$a"
	ip link set v1 netns "$b"
	for machine in "$a v0 1" "$b v1 2"; do
		read -r process device address <<-END
			$machine
		END
		nsenter --target "$process" --net ip link set lo up
		nsenter --target "$process" --net ip address add "10.9.0.$address/24" dev "$device"
		nsenter --target "$process" --net ip link set "$device" up
	done
} >"$temp/link" 2>&1 || skip "$(cat "$temp/link")"

for name in a b; do
	: >"$temp/$name.go"
	eval "process=\$$name"
	ended()
	{
		[ -e "$temp/$name.done" ] || ! kill -0 "$process"
	}
	await "the commands on $name" ended
	[ -e "$temp/$name.done" ] && continue
	fail "a command on $name: $(cat "$temp/$name.err" "$temp/server.log")"
	verdict
done
[ "$(cat "$temp/b.out")" = hello ] || fail "the second machine prints: $(cat "$temp/b.out" "$temp/b.err")"
verdict
