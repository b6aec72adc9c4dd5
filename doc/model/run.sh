#!/bin/sh
# SPDX-License-Identifier: MIT
# Checks the models with spin: each must hold as built, and fail when a step that it says is needed is left out.
set -u
models=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
cd "$work" || exit 1
good=0
bad=0

# check EXPECTED MODEL [-D...]: EXPECTED is holds or fails.
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
	if [ "$result" = "$expected" ]; then
		good=$((good + 1))
		echo "ok: $model $* $result, as it must ($states states)"
	else
		bad=$((bad + 1))
		echo "NOT OK: $model $* $result (expected: it $expected)"
	fi
}

if ! command -v spin >/dev/null; then
	echo 'skipped: spin is not installed'
	exit 77
fi
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
check holds claim
check holds claim -DSTRANGERS
check fails claim -DSTRANGERS -DUNKNOWN_IS_DEAD
for mutant in NO_INIT_LOCK EARLY_UNLOCK PINNED_INIT NO_COMPARE OPEN_ASKS_NOBODY PEER_ASKS_NOBODY STORE_FIRST \
	NO_LAST_PEEK NO_REREAD PROBE_FIRST UNLOCK_FIRST; do
	check fails claim -D$mutant
done
check holds recovery
check fails recovery -DRECOVERERS=1 -DNEWCOMERS=2 -DNO_INIT_LOCK
for mutant in ASK_NOBODY NO_RECOVERY_BYTE NO_SECOND_LOOK LOOK_TWICE_FIRST NO_COMPARE EARLY_UNLOCK NO_WORD_CHECK \
	NO_BYTE_CHECK WORD_CHECK_FIRST BYTE_CHECK_FIRST ALWAYS_RESET; do
	check fails recovery -D$mutant
done
check holds shared
for mutant in NO_COUNT PLAIN_STORE CLEAR_OWN CLEAR_LATE; do
	check fails shared -D$mutant
done
echo "model: $good passed, $bad failed"
[ $bad -eq 0 ]
