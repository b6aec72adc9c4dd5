#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the benchmark for a moment: every contender of this build moves messages, one of an adaptor too, and the files
# are well-formed. The times mean nothing.
set -eu

bench=${top_builddir:-.}/bench/bench

[ -e /proc/self/task ] || {
	echo "bench.sh: skipped: no /proc"
	exit 77
}

case ${SHMEMQ_CFLAGS-} in
*-fsanitize=* | *--coverage*)
	echo 'bench.sh: skipped: instrumented code would be measured'
	exit 77
	;;
esac

temp=$(mktemp -d)
adaptor=bench/adaptors/test-$$
trap 'rm -rf "$temp" "$adaptor.so"' EXIT
trap 'exit 1' HUP INT TERM

fail()
{
	echo "FAIL: $*"
	exit 1
}

cases=throughput,round-trip,wake,one-cpu,queues,producers,tries,idle,prefault,stranger,readers,growth,followers
timeout -k 5 60 "$bench" --seconds 0.005 --repetitions 1 --cases $cases \
	--json "$temp/json" --tsv "$temp/tsv" >"$temp/table" 2>"$temp/err" || {
	status=$?
	cat "$temp/err"
	if grep -q 'shmemq_set_open: Too many open files' "$temp/err"; then
		echo 'bench.sh: skipped: no inotify instance left'
		exit 77
	fi
	fail "bench: status $status"
}

if command -v python3 >/dev/null; then
	python3 - "$temp/json" <<-END || fail "the JSON"
		import json, sys
		results = json.load(open(sys.argv[1]))["results"]
		# On a busy machine, some contenders may move no message within a few milliseconds.
		assert sum(row["median"] > 0 for row in results) > len(results) / 2, results
		found = {(row["case"], row["contender"]) for row in results}
		for case in "throughput", "round-trip", "wake", "one-cpu", "queues":
		    assert (case, "inplace") in found, case
		for case, contender in (("producers", "copy"), ("throughput", "batch"), ("throughput", "pipe"),
		                        ("wake", "futex"), ("tries", "push-pop"), ("tries", "try-pop"),
		                        ("tries", "try-push"), ("prefault", "copy"), ("prefault", "prefault"),
		                        ("readers", "copy"), ("readers", "queue each"),
		                        ("growth", "push"), ("growth", "fallocate"), ("tries", "growing"),
		                        ("idle", "set"), ("followers", "8 followers"), ("followers", "8 slow")):
		    assert (case, contender) in found, contender
		assert [row["queues"] for row in results if row["case"] == "idle"] == [64, 64, 1024, 1024]
	END
else
	grep -q '"case": "throughput".*"contender": "pipe"' "$temp/json" || fail "no pipe in the JSON"
	grep -q '"case": "wake".*"contender": "inplace"' "$temp/json" || fail "no wake in the JSON"
fi

# The table, the JSON and the columns have equally many rows; the columns have a line on the machine and one of titles.
rows=$(($(wc -l <"$temp/tsv") - 2))
[ "$rows" -eq "$(grep -c '"contender"' "$temp/json")" ] || fail "JSON and columns differ"
[ "$rows" -eq "$(grep -c ' B ring ' "$temp/table")" ] || fail "table and columns differ"

"$bench" --cases nonsense >/dev/null 2>"$temp/err" && fail "an unknown case is accepted"
grep -q 'invalid --cases "nonsense"' "$temp/err" || fail "the message for an unknown case: $(cat "$temp/err")"

# A ring of slots, as an adaptor: it must be C++17, and include nothing but what a program outside has.
cat >"$temp/test-$$.cc" <<-'END'
	#include <atomic>
	#include <new>
	#include "adaptor.h"
	struct slot {
		std::atomic<bool> full;
		unsigned char payload[64];
	};
	static_assert(__cplusplus >= 201703, "C++17");
	static bool create(struct channel *channel)
	{
		if (!channel_map(channel, 64 * sizeof(slot)))
			return false;
		new (channel->shared) slot[64]();
		return true;
	}
	static slot *next(struct channel *channel, bool full)
	{
		slot *at = static_cast<slot *>(channel->shared) + channel->position % 64;
		while (at->full.load(std::memory_order_acquire) != full)
			relax(channel);
		return at;
	}
	static inline void send_message(struct channel *channel, const void *message, size_t size)
	{
		slot *at = next(channel, false);
		copy_message(at->payload, message, size);
		at->full.store(true, std::memory_order_release);
		channel->position++;
	}
	static inline const void *receive_message(struct channel *channel, size_t *size)
	{
		*size = channel->size;
		return next(channel, true)->payload;
	}
	static inline void release_message(struct channel *channel)
	{
		next(channel, true)->full.store(false, std::memory_order_release);
		channel->position++;
	}
	#include "loops.h"
	ADAPTOR("slots", CAN(THROUGHPUT) | CAN(ROUND_TRIP), 8, 64, create)
END
if grep -q 'HAVE_CXX17 1' config.h; then
	env -u MAKEFLAGS -u MAKEOVERRIDES "$MAKE" -s bench-adaptors BENCH_ADAPTORS="$temp/test-$$.cc" \
		CXXFLAGS='-O2 -Wall -Wextra -Werror' || fail 'an adaptor does not compile'
	timeout -k 5 60 "$bench" --adaptor "$adaptor.so" --seconds 0.005 --repetitions 1 --contenders slots \
		--tsv "$temp/slots" >"$temp/table" || fail "bench of an adaptor: status $?"
	# On a busy machine it may move no more than a message in that time.
	awk -F '\t' '$5 == "slots" { printf "%s%s ", $1, $2 }' "$temp/slots" >"$temp/cases"
	grep -q '^throughput8 throughput64 round-trip8 round-trip64 $' "$temp/cases" ||
		fail "an adaptor: $(cat "$temp/table")"
	"$bench" --adaptor "$temp/missing.so" 2>"$temp/err" && fail 'a missing adaptor is ignored'
	grep -q 'missing.so' "$temp/err" || fail "the message for a missing adaptor: $(cat "$temp/err")"
else
	echo 'bench.sh: no C++17: no adaptor is compiled'
fi
echo "bench.sh: $rows rows"
