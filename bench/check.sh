#!/bin/sh
# SPDX-License-Identifier: MIT
# What a message costs, where the machine does not matter: no system call, and no more instructions than bench/cost.txt
# says. `make bench-check` runs it; with UPDATE=yes it writes the figures of this compiler into that file.
# Ends with 77 where something could not be counted, and says why.
set -u
: "${srcdir:=.}" "${top_builddir:=.}" "${CC:=cc}" "${CFLAGS=-O2}" "${CPPFLAGS=}" "${SHMEMQ_CFLAGS=}" "${UPDATE=}"
kept=$srcdir/bench/cost.txt
library=$top_builddir/.libs/libshmemq.so
cost=$top_builddir/bench/cost
count=2000
status=0
LC_ALL=C
export LC_ALL

temp=$(mktemp -d) || exit 1
trap 'rm -rf "$temp"' EXIT
trap 'exit 1' HUP INT TERM

fail() # WHAT...
{
	echo "bench-check: FAIL: $*"
	status=1
}

skip() # WHY...
{
	echo "bench-check: skipped: $*"
	[ "$status" -ne 0 ] || status=77
}

# Without libtool's wrapper, a script.
if [ -x "$top_builddir/bench/.libs/cost" ]; then
	cost=$top_builddir/bench/.libs/cost
	LD_LIBRARY_PATH=$top_builddir/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
	export LD_LIBRARY_PATH
fi

# As words: the way, and the bytes of a message.
cases()
{
	printf '%s\n' 'copy 8' 'copy 64' 'copy 256' 'in-place 8' 'in-place 256' 'batch 8' 'batch 64'
}

#
# System calls: as many for many messages as for few.
#
count_calls() # WAY SIZE COUNT
{
	strace -f -o "$temp/trace" "$cost" "$@" || fail "cost $* under strace"
	calls=$(wc -l <"$temp/trace")
}

compare_calls()
{
	while read -r way size; do
		count_calls "$way" "$size" "$count"
		few=$calls
		count_calls "$way" "$size" $((101 * count))
		echo "$way $size: $((calls - few)) system calls for $((100 * count)) messages"
		[ "$calls" -eq "$few" ] || fail "$way $size: not one system call may be made"
	done
}

#
# Instructions.
#

# Those of libshmemq.so itself, for one message, within the functions of that name: what memcpy() takes depends on
# the processor. No such function may call another: that would end the count. Behind a calls= line stands what the
# called function took, which is counted where it was spent.
instructions() # FUNCTION-PATTERN WAY SIZE
{
	pattern=$1
	shift
	valgrind --tool=callgrind --callgrind-out-file="$temp/callgrind" --toggle-collect="$pattern" \
		"$cost" "$@" "$count" >"$temp/valgrind" 2>&1 || : >"$temp/callgrind"
	awk -v count="$count" '
		/^ob=/ {
			split($1, id, /[()]/)
			if (NF > 1)
				ours[id[2]] = / [^ ]*libshmemq\.so[^\/]*$/
			counted = ours[id[2]]
		}
		/^cob=/ && NF > 1 { split($1, id, /[()]/); ours[id[2]] = / [^ ]*libshmemq\.so[^\/]*$/ }
		/^calls=/ { getline; next }
		/^[0-9+*-]/ && counted { sum += $2 }
		END { printf "%.1f", sum / count }
	' "$temp/callgrind"
}

# "gcc-12" or so; nothing on another architecture.
compiler()
{
	printf '%s\n' '#if defined __x86_64__ && defined __LP64__' '#if defined __clang__' 'clang __clang_major__' \
		'#elif defined __GNUC__' 'gcc __GNUC__' '#endif' '#endif' | $CC -E -P - | tr -d '\n' | tr ' ' -
}

update()
{
	{
		grep -v -e "^$compiler " -e "^# $compiler:" "$kept"
		echo "# $compiler: $($CC --version | sed 1q), CFLAGS=$CFLAGS"
		sed "s/^/$compiler /" "$temp/now"
	} >"$temp/updated" && cp "$temp/updated" "$kept" && echo "bench-check: $kept has the figures of $compiler"
}

compare()
{
	awk -v compiler="$compiler" '
		FNR == NR { if ($1 == compiler) { push[$2 " " $3] = $4; pop[$2 " " $3] = $5 } next }
		function look(side, was, is) {
			if (is > was * 1.1) {
				print "FAIL: " key ": " side " takes " is " instructions, and took " was
				bad = 1
			} else if (is < was * 0.9) {
				print key ": " side " takes only " is " instructions, and took " was
				less = 1
			}
		}
		{
			key = $1 " " $2
			print key ": push " $3 " (" push[key] "), pop " $4 " (" pop[key] ") instructions"
			look("push", push[key], $3)
			look("pop", pop[key], $4)
		}
		END {
			if (less)
				print "make bench-check UPDATE=yes keeps that"
			exit bad
		}
	' "$kept" "$temp/now" || {
		fail "if that has to be: make bench-check UPDATE=yes writes the new figures, and the commit says why"
		grep "^# $compiler:" "$kept"
		echo "# now: $($CC --version | sed 1q), CFLAGS=$CFLAGS"
	}
}

count_instructions()
{
	cases | while read -r way size; do
		push=$(instructions 'shmemq_push*' "$way" "$size")
		pop=$(instructions 'shmemq_pop*' "$way" "$size")
		echo "$way $size $push $pop"
	done >"$temp/now"
	if grep -q ' 0\.0' "$temp/now" || [ "$(wc -l <"$temp/now")" -ne "$(cases | wc -l)" ]; then
		fail "not counted: $(cat "$temp/now" "$temp/valgrind")"
	elif [ -n "$UPDATE" ]; then
		update
	elif grep -q "^$compiler " "$kept"; then
		compare
	else
		cat "$temp/now"
		skip "bench/cost.txt has no figures of $compiler: make bench-check UPDATE=yes"
	fi
}

case " $CFLAGS $SHMEMQ_CFLAGS" in
*' -fsanitize'* | *' --coverage'*)
	skip 'an instrumented build makes calls of its own'
	exit $status
	;;
esac

if strace -o "$temp/trace" true 2>/dev/null; then
	cases >"$temp/cases"
	compare_calls <"$temp/cases"
else
	skip 'strace is missing, or may not trace here: system calls are not counted'
fi

compiler=$(compiler)
# shellcheck disable=SC2086 # a list of words
optimized=$(printf '%s\n' $CFLAGS | grep -v '^-g' | tr '\n' ' ')
if [ -z "$compiler" ]; then
	skip 'instructions are counted for gcc and clang on x86_64'
elif ! command -v valgrind >/dev/null; then
	skip 'valgrind is missing: instructions are not counted'
elif [ ! -e "$library" ]; then
	skip 'no shared library: instructions are not counted'
elif [ "$optimized" != '-O2 ' ] || [ -n "$CPPFLAGS" ]; then
	skip "instructions are counted in a build with CFLAGS='-g -O2', not '$CPPFLAGS $CFLAGS'"
else
	count_instructions
fi
exit $status
