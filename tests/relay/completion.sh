#!/bin/sh
# SPDX-License-Identifier: MIT
# The completions of shmemq-nats for each shell that there is: commands, the options that the help shows, and no others,
# values, files, and the names of queues.
# shellcheck source=tests/command/completion_lib.sh
. "${srcdir:-.}/tests/command/completion_lib.sh"

# Prints COMMAND OPTION for each option in the help: those of a command, those of export and import, those of all.
"${SHMEMQ_NATS:-${top_builddir:-.}/shmemq-nats}" --help | awk '
	/^  [a-z]/ { commands = $1 == "of" ? ($2 == "both:" ? "export import" : "create export import status rm") : $1 }
	/^    --/ {
		sub(/^ */, "")
		sub(/   *.*/, "")
		count = split(commands, each, " ")
		while (match($0, /--[a-z-]*/)) {
			for (i = 1; i <= count; i++)
				print each[i], substr($0, RSTART, RLENGTH)
			$0 = substr($0, RSTART + RLENGTH)
		}
	}' >"$temp/help"
[ "$(wc -l <"$temp/help")" -gt 60 ] || fail "the help shows few options: $(cat "$temp/help")"
new_queue
touch "$temp/shop.creds"

for tested in bash fish zsh; do
	use_shell "$tested" "$srcdir/relay/shmemq-nats.$tested" shmemq-nats || {
		echo "completion.sh: no $tested"
		continue
	}
	completes 'shmemq-nats ' create export import rm status
	completes 'shmemq-nats --' --help --version
	for command in create export import rm status; do
		# shellcheck disable=SC2046 # a list of words
		completes "shmemq-nats $command --" --help --version $(sed -n "s/^$command //p" "$temp/help")
	done
	completes 'shmemq-nats import --ack ' popped pushed
	completes 'shmemq-nats export --on-loss ' continue stop
	completes 'shmemq-nats create --replicas ' 1 3 5
	completes 'shmemq-nats status --server '
	completes "shmemq-nats export $prefix-" "$q"
	export COLUMNS=40 # to which ls cuts its table
	completes "shmemq-nats export $prefix-" "$q"
	unset COLUMNS
	completes "shmemq-nats import --drain $prefix-" "$q"
	completes "shmemq-nats rm --creds $temp/sh" "$temp/shop.creds"
done

verdict
