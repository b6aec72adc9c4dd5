#!/bin/sh
# SPDX-License-Identifier: MIT
# Checks the costs of a message that do not depend on the machine: no system call, and no more instructions than
# bench/cost.txt says. `make bench-check` runs it; with UPDATE=yes it writes this compiler's figures into that file.
# Exits with 77 and the reason if something could not be counted.
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

# Run the program itself, not libtool's wrapper, which is a script.
if [ -x "$top_builddir/bench/.libs/cost" ]; then
	cost=$top_builddir/bench/.libs/cost
	LD_LIBRARY_PATH=$top_builddir/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
	export LD_LIBRARY_PATH
fi

# Prints a line a case: the calls that move the message, and its size in bytes.
cases()
{
	printf '%s\n' 'copy 8' 'copy 64' 'copy 256' 'growing 8' 'growing 64' 'shared 8' \
		'shared 64' 'in-place 8' 'in-place 256' 'batch 8' 'batch 64'
}

#
# System calls: many messages take as many of them as few messages do.
#
count_calls() # METHOD SIZE COUNT
{
	strace -f -o "$temp/trace" "$cost" "$@" || fail "cost $* under strace"
	calls=$(wc -l <"$temp/trace")
}

compare_calls()
{
	while read -r method size; do
		count_calls "$method" "$size" "$count"
		few=$calls
		count_calls "$method" "$size" $((101 * count))
		echo "$method $size: $((calls - few)) system calls for $((100 * count)) messages"
		[ "$calls" -eq "$few" ] || fail "$method $size: a message must cost no system call"
	done
}

#
# Instructions.
#

# Prints the instructions that libshmemq.so itself spends on a message within the functions that match the pattern.
# Those in memcpy() are not counted, since they depend on the processor. No such function may call another one, because
# its return would end the count. The line after a calls= line has the cost of the called function, which is counted in
# that function's own lines.
instructions() # FUNCTION-PATTERN METHOD SIZE
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

# Prints the compiler as in "gcc-12"; nothing on other architectures or for other compilers.
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
	} >"$temp/updated" && cp "$temp/updated" "$kept" && echo "bench-check: $kept now has the figures of $compiler"
}

compare()
{
	awk -v compiler="$compiler" '
		FNR == NR { if ($1 == compiler) { push[$2 " " $3] = $4; pop[$2 " " $3] = $5 } next }
		function compare_side(side, was, is) {
			if (is > was * 1.1) {
				print "FAIL: " key ": " side " takes " is " instructions, more than 1.1 times " was
				bad = 1
			} else if (is < was * 0.9) {
				print key ": " side " takes only " is " instructions, less than 0.9 times " was
				less = 1
			}
		}
		{
			key = $1 " " $2
			print key ": push " $3 " (" push[key] "), pop " $4 " (" pop[key] ") instructions"
			compare_side("push", push[key], $3)
			compare_side("pop", pop[key], $4)
		}
		END {
			if (less)
				print "make bench-check UPDATE=yes records the lower figures"
			exit bad
		}
	' "$kept" "$temp/now" || {
		fail "if it is necessary: make bench-check UPDATE=yes records the new figures, and the commit says why"
		grep "^# $compiler:" "$kept"
		echo "# now: $($CC --version | sed 1q), CFLAGS=$CFLAGS"
	}
}

count_instructions()
{
	cases | while read -r method size; do
		push=$(instructions 'shmemq_push*' "$method" "$size")
		pop=$(instructions 'shmemq_pop*' "$method" "$size")
		echo "$method $size $push $pop"
	done >"$temp/now"
	if grep -q ' 0\.0' "$temp/now" || [ "$(wc -l <"$temp/now")" -ne "$(cases | wc -l)" ]; then
		fail "not counted: $(cat "$temp/now" "$temp/valgrind")"
	elif [ -n "$UPDATE" ]; then
		update
	elif grep -q "^$compiler " "$kept"; then
		compare
	else
		cat "$temp/now"
		skip "bench/cost.txt has no figures of $compiler: make bench-check UPDATE=yes records them"
	fi
}

case " $CFLAGS $SHMEMQ_CFLAGS" in
*' -fsanitize'* | *' --coverage'*)
	skip 'an instrumented build makes system calls of its own'
	exit $status
	;;
esac

if strace -o "$temp/trace" true 2>/dev/null; then
	cases >"$temp/cases"
	compare_calls <"$temp/cases"
else
	skip 'strace is missing or may not trace here: system calls are not counted'
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
