#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the benchmark for a moment: every contender of this build moves messages, and the files are well-formed. The
# times mean nothing.
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
trap 'rm -rf "$temp"' EXIT
trap 'exit 1' HUP INT TERM

fail()
{
	echo "FAIL: $*"
	exit 1
}

timeout -k 5 60 "$bench" --seconds 0.005 --repetitions 1 --cases throughput,round-trip,wake,one-cpu,queues,producers \
	--json "$temp/json" --tsv "$temp/tsv" >"$temp/table" || fail "bench: status $?"

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
		                        ("wake", "futex")):
		    assert (case, contender) in found, contender
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
echo "bench.sh: $rows rows"
