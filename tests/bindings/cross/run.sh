#!/bin/sh
# SPDX-License-Identifier: MIT
# Messages through one queue, for cross.sh, from a chain of producers to one or more chains of consumers:
#
#	run.sh BIN KIND NAME SEED COUNT LOG PRODUCERS CONSUMERS...
#
# A chain is a list of programs in BIN, each of which goes on where the one before it stopped. One with a ! after it is
# killed when its share is done, one with a ~ at any time. KIND memfd: the queue is standard input. LOG.1, LOG.2 ... are
# what the consumers print.
# shellcheck disable=SC2086 # chains are lists of words
set -eu
bin=$1 kind=$2 name=$3 seed=$4 count=$5 log=$6 producers=$7
shift 7
if [ "$kind" = memfd ]; then
	exec 9<&0
	name=9
fi

# stop PLACE CHAIN: sets $at to the message at which the program at this place of the chain is killed
stop()
{
	at=$1
	shift
	at=$((count * at / ($# + 1)))
}

# chain ROLE PROGRAMS: runs them, one after the other
chain()
{
	role=$1 programs=$2 place=0
	for program in $programs; do
		place=$((place + 1)) want=0 status=0 at=
		case $program in
		*!) want=137 && stop $place $programs ;;
		esac
		set -- "$bin/${program%[~!]}" "$role" "$kind" "$name" "$seed" "$count" $at
		case $program in
		*~)
			"$@" </dev/null &
			sleep 0.$((place % 3 + 1))
			kill -KILL $! 2>/dev/null || true
			wait $! || status=$?
			[ $status != 137 ] || status=0
			;;
		*) timeout -s KILL 100 "$@" </dev/null || status=$? ;;
		esac
		if [ $status != $want ]; then
			echo "$program, $role $place of $programs ($kind): status $status instead of $want"
			return 1
		fi
	done
}

# check CHAIN < LOG: each message is there once; that at which a consumer was killed once more, and then marked. One
# that is killed at any time may have held a message without printing it, as may those after it.
check()
{
	kills=$(echo "$1" | tr -dc ! | wc -c) last=$count any=0
	case $1 in
	*~*) any=1 ;;
	*!) stop 1 $1 && kills=0 last=$((at + 1)) ;;
	esac
	awk -v last="$last" -v kills="$kills" -v any=$any '
		/^open$/ { next }
		seen[$1]++ && $2 != "R" { print $1 ": repeated without a mark"; bad = 1 }
		seen[$1] == 1 && $2 == "R" && !any { print $1 ": marked, but not repeated"; bad = 1 }
		seen[$1] == 2 { repeated++ }
		seen[$1] > 2 && !any { print $1 ": repeated twice"; bad = 1 }
		END {
			for (n = 0; n < last; n++)
				if (!(n in seen)) { print n ": missing"; bad = 1 }
			if (repeated + 0 != kills && !any) { print repeated + 0 " repeated instead of " kills; bad = 1 }
			exit bad
		}'
}

number=0 pids=
for consumers; do
	number=$((number + 1))
	: >"$log.$number"
	# It appends, because several programs of a chain write there.
	chain consumer "$consumers" >>"$log.$number" 2>"$log.$number.err" &
	pids="$pids $!"
done
if [ "$kind" = broadcast ]; then
	# A consumer gets what is pushed after its open.
	tries=0
	while [ "$(cat "$log".[0-9] | grep -c open)" != $number ] && [ $tries -lt 600 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
fi
good=true
chain producer "$producers" >"$log.err" 2>&1 || good=false
for pid in $pids; do wait "$pid" || good=false; done
number=0
for consumers; do
	number=$((number + 1))
	check "$consumers" <"$log.$number" >"$log.$number.check" || good=false
done
$good || {
	cat "$log.err"
	for file in "$log".*.err "$log".*.check; do sed "s|^|${file##*/}: |" "$file" | head -n 20; done
	grep -v '^[0-9]*\( R\)*$\|^open$' "$log".[0-9] || true
	exit 1
}
