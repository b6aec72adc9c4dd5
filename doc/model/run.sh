#!/bin/sh
# SPDX-License-Identifier: MIT
# Checks the models, those in Promela with spin and those in C++ with Relacy: each must hold as built, and fail when a
# step or an ordering that it says is needed is left out. What is not installed is skipped; with MAY_SKIP=no that fails.
set -u
models=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
cd "$work" || exit 1
good=0
bad=0
skipped=

# judge EXPECTED RESULT DETAILS MODEL [-D...]
judge()
{
	expected=$1
	result=$2
	details=$3
	shift 3
	if [ "$result" = "$expected" ]; then
		good=$((good + 1))
		echo "ok: $* $result, as it must ($details)"
	else
		bad=$((bad + 1))
		echo "NOT OK: $* $result (expected: it $expected; $details)"
	fi
}

# check EXPECTED MODEL [-D...], with spin: EXPECTED is holds or fails.
check()
{
	expected=$1
	model=$2
	shift 2
	rm -f pan*
	if spin -a "$@" "$models/$model.pml" >spin.out 2>&1 && ${CC:-cc} -w -O2 -DSAFETY -o pan pan.c; then
		./pan -m1000000 >pan.out 2>&1
	else
		cat spin.out
		echo 'errors: none counted' >pan.out
	fi
	states=$(sed -n 's/ *\([0-9]*\) states, stored.*/\1/p' pan.out)
	case $(grep -o 'errors: [0-9]*' pan.out) in
	'errors: 0') result=holds ;;
	'errors: '*) result=fails ;;
	*) result='could not be checked' ;;
	esac
	# A search that was cut short proves nothing.
	if [ "$result" = holds ] && grep -q 'max search depth too small\|Search not completed' pan.out; then
		result='was not searched completely'
	fi
	judge "$expected" "$result" "$states states" "$model" "$@"
}

# build MODEL: its program, whose options are chosen when it is run.
build()
{
	${CXX:-c++} -std=c++14 -O2 -Wall -Wextra -o "$1" "$models/$1.cc"
}

# run EXPECTED MODEL [-D...], with Relacy.
run()
{
	expected=$1
	model=$2
	shift 2
	"./$model" "$@" >run.out 2>&1
	case $? in
	0) result=holds ;;
	1) result=fails ;;
	*) result='could not be checked' ;;
	esac
	judge "$expected" "$result" "$(cat run.out)" "$model" "$@"
}

check_wait()
{
	for sleeper in 0 1 2 3; do
		for first in 0 1; do
			for second in 0 1; do
				check holds wait -DSLEEPER_IS=$sleeper -DFIRST=$first -DSECOND=$second
			done
		done
	done
	for sleeper in 0 1 2 3; do
		check holds wait -DSLEEPER_IS=$sleeper -DROOM
		check holds wait -DSLEEPER_IS=$sleeper -DPOLLER
	done
	check fails wait -DSLEEPER_IS=0 -DROOM -DSLEEP_BY_ROOM
	check fails wait -DSLEEPER_IS=0 -DNO_MEMBARRIER
	check fails wait -DSLEEPER_IS=0 -DFIRST=0 -DSECOND=0 -DNO_WAKER_FENCE
	check fails wait -DSLEEPER_IS=1 -DFIRST=0 -DSECOND=0 -DNO_SECOND_SLEEPER
	for mutant in NO_WAKER_FENCE NO_SHORT_SLICE NO_RESET NO_ATTACH_FENCE; do
		check fails wait -DSLEEPER_IS=1 -D$mutant
	done
	check fails wait -DSLEEPER_IS=3 -DNO_SHORT_SLICE
	check fails wait -DSLEEPER_IS=0 -DFIRST=0 -DSECOND=0 -DALL_STOP
	for mutant in STOP_UNTOLD NO_STOP_FENCE STOP_AFTER_FENCE EARLY_ACK NO_SLEEPER_FENCE; do
		check fails wait -DSLEEPER_IS=0 -D$mutant
		check fails wait -DSLEEPER_IS=0 -DPOLLER -D$mutant
	done
}

check_claim()
{
	check holds claim
	check holds claim -DSTRANGERS
	check fails claim -DSTRANGERS -DUNKNOWN_IS_DEAD
	for mutant in NO_INIT_LOCK EARLY_UNLOCK PINNED_INIT NO_COMPARE OPEN_ASKS_NOBODY PEER_ASKS_NOBODY STORE_FIRST \
		NO_LAST_PEEK NO_REREAD PROBE_FIRST UNLOCK_FIRST; do
		check fails claim -D$mutant
	done
}

check_recovery()
{
	check holds recovery
	check fails recovery -DRECOVERERS=1 -DNEWCOMERS=2 -DNO_INIT_LOCK
	for mutant in ASK_NOBODY NO_RECOVERY_BYTE NO_SECOND_LOOK LOOK_TWICE_FIRST NO_COMPARE EARLY_UNLOCK \
		NO_WORD_CHECK NO_BYTE_CHECK WORD_CHECK_FIRST BYTE_CHECK_FIRST ALWAYS_RESET; do
		check fails recovery -D$mutant
	done
}

check_shared()
{
	check holds shared
	for mutant in NO_COUNT PLAIN_STORE CLEAR_OWN CLEAR_LATE; do
		check fails shared -D$mutant
	done
}

check_jump()
{
	check holds jump
	check holds jump -DKILLS=2 -DMESSAGES=5
	for mutant in NO_ZERO ZERO_LATE MOVE_FIRST RING_FIRST NO_FINISH RESERVE_LATE NO_ANEW ARRIVE_LATE NO_POSITION \
		NO_RING NO_RETURNED OLD_RETURNED NO_PUNCH; do
		check fails jump -D$mutant
	done
	check holds jump -DHEAD_FIRST
}

check_relay()
{
	check holds relay
	check holds relay -DOUT=2 -DFRAME=1 -DIMPORTER_CUTS=0
	check fails relay -DOUT=2
	check fails relay -DOUT=2 -DB_ALONE
	check fails relay -DNO_CHAIN -DB_ALONE
	for mutant in NO_CHAIN MARK_LATE_A MARK_EARLY_A MARK_LATE_B MARK_EARLY_B NO_RELEASE ONE_LOOK OLD_ANSWERS \
		ACK_EARLY ACK_NEWEST NO_SKIP NO_GAP_CHECK OLD_DURABLE; do
		check fails relay -D$mutant
	done
}

run_ring()
{
	run holds ring
	for mutant in SIZE_RELAXED PEEK_RELAXED DESCRIBE_RELAXED HEAD_RELAXED LOAD_HEAD_RELAXED ROOM_RELAXED \
		LOAD_ROOM_RELAXED NO_ZERO ZERO_LATE TYPE_LATE BATCH_LATE HEAD_EARLY ROOM_FIRST NO_SPARE; do
		run fails ring -D$mutant
	done
}

run_takeover()
{
	run holds takeover
	for mutant in NO_LOCK_ORDER NO_WALK TAIL_FIRST NO_ZERO ZERO_LATE SIZE_RELAXED ATTACH_HEAD_RELAXED \
		HEAD_RELAXED; do
		run fails takeover -D$mutant
	done
	run holds takeover -DTAIL_RELAXED -DWALK_RELAXED
	run holds takeover -DCONSUMER
	for mutant in NO_LOCK_ORDER LEASE_LATE HEAD_EARLY NO_LEASE_CHECK ATTACH_ROOM_RELAXED HEAD_RELAXED; do
		run fails takeover -DCONSUMER -D$mutant
	done
}

run_totals()
{
	run holds totals
	for mutant in NO_CARRY_FENCE CARRY_LATE COPY_RELAXED ONE_COPY NOT_CORRECTED; do
		run fails totals -D$mutant
	done
	run holds totals -DOBSERVER
	for mutant in NO_CARRY_FENCE COPY_RELAXED ONE_COPY; do
		run fails totals -DOBSERVER -D$mutant
	done
}

run_eventcount()
{
	run holds eventcount
	for mutant in NO_MEMBARRIER NO_WAKER_FENCE NO_SLEEPER_FENCE EARLY_ACK STOP_UNTOLD NO_STOP_FENCE \
		STOP_AFTER_FENCE WAKE_FIRST; do
		run fails eventcount -D$mutant
	done
	run holds eventcount -DUNFENCED
	for mutant in ACK_RELAXED LOAD_ACK_RELAXED NO_SHORT_SLICE NO_WAKER_FENCE NO_SLEEPER_FENCE; do
		run fails eventcount -DUNFENCED -D$mutant
	done
	run holds eventcount -DNEXT
	run holds eventcount -DNEXT -DUNFENCED
	for mutant in NO_RESET NO_ATTACH_FENCE; do
		run fails eventcount -DNEXT -D$mutant
	done
	run holds eventcount -DNEXT -DNO_NOTIFY_FENCE
	run holds eventcount -DSHARED
	for mutant in NO_COUNT NO_WAKER_FENCE NO_SLEEPER_FENCE; do
		run fails eventcount -DSHARED -D$mutant
	done
	run holds eventcount -DCLOSE
	run holds eventcount -DCLOSE -DUNFENCED
	for mutant in CLAIM_RELAXED LOAD_CLAIM_RELAXED NO_LAST_CHECK; do
		run fails eventcount -DCLOSE -D$mutant
	done
	run holds eventcount -DCLOSE -DNO_CLOSE_FENCE
	run holds eventcount -DINTERRUPT
	for mutant in NO_INTERRUPT_FENCE NO_SLEEPER_FENCE; do
		run fails eventcount -DINTERRUPT -D$mutant
	done
}

run_ownerlock()
{
	run holds ownerlock
	for mutant in LOCK_RELAXED UNLOCK_RELAXED PLAIN_UNLOCK NO_SLEEPER_AGAIN UNLOCK_EARLY; do
		run fails ownerlock -D$mutant
	done
	run holds ownerlock -DDEATH
	for mutant in NO_DEATH_ORDER PLAIN_RECOVER NO_ATTACH; do
		run fails ownerlock -DDEATH -D$mutant
	done
	run holds ownerlock -DDEATH -DRECOVER_RELAXED
	run holds ownerlock -DINTERRUPT
	for mutant in NO_INTERRUPT_FENCE PREPARE_RELAXED NO_INTERRUPT_COUNT LOCKS_LATE; do
		run fails ownerlock -DINTERRUPT -D$mutant
	done
	run holds ownerlock -DINTERRUPT -DLOCKS_LATE -DPREPARE_FENCE
}

run_join()
{
	run holds join
	for mutant in NO_JOIN_FENCE NO_LOOK_FENCE NO_JOINING JOINING_IGNORED OPEN_RELAXED CLAIM_RELAXED \
		POSITION_RELAXED HEAD_RELAXED CLOSE_RELAXED; do
		run fails join -D$mutant
	done
	run holds join -DNEXT
	for mutant in NO_JOIN_FENCE NO_LOOK_FENCE NO_COMPARE; do
		run fails join -DNEXT -D$mutant
	done
}

run_follow()
{
	run holds follow
	for mutant in NO_ANNOUNCE_FENCE LIMIT_LATE NO_FOLLOWER_FENCE LIMIT_FIRST TAIL_RELAXED NO_TAIL_FENCE; do
		run fails follow -D$mutant
	done
}

# skip MODELS REASON
skip()
{
	skipped="${skipped:+$skipped; }$1, because $2"
	echo "skipped: $1, because $2"
}

if command -v spin >/dev/null; then
	check_wait
	check_claim
	check_recovery
	check_shared
	check_jump
	check_relay
else
	skip 'wait, claim, recovery, shared, jump, relay' 'spin is not installed'
fi
if echo '#include <relacy/relacy.hpp>' | ${CXX:-c++} -std=c++14 -E -x c++ - >/dev/null 2>&1; then
	for model in ring takeover totals eventcount ownerlock join follow; do
		build $model || exit 1
		run_$model
	done
else
	skip 'ring, takeover, totals, eventcount, ownerlock, join, follow' 'Relacy or a C++ compiler is not installed'
fi
echo "model: $good passed, $bad failed${skipped:+; skipped: $skipped}"
[ $bad -eq 0 ] || exit 1
[ -z "$skipped" ] || [ "${MAY_SKIP:-yes}" = yes ] || exit 1
[ $good -ne 0 ] || exit 77
