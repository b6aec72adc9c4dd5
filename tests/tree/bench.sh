#!/bin/sh
# SPDX-License-Identifier: MIT
# The benchmark for a moment: every contender that is there moves messages, and what is written can be read. The times
# mean nothing.
set -eu

bench=${top_builddir:-.}/bench/bench

[ -e /proc/self/task ] || {
	echo "bench.sh: no /proc"
	exit 77
}

case ${SHMEMQ_CFLAGS-} in
*-fsanitize=* | *--coverage*)
	echo 'SKIP: the compiler adds to what would be measured'
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
		# On a busy machine nothing may have moved in the few milliseconds of some.
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

# As many rows in each: a line of the table ends in a number, and so does one of the columns, below their titles.
rows=$(($(wc -l <"$temp/tsv") - 1))
[ "$rows" -eq "$(grep -c '"contender"' "$temp/json")" ] || fail "JSON and columns differ"
[ "$rows" -eq "$(grep -c ' B ring ' "$temp/table")" ] || fail "table and columns differ"

"$bench" --cases nonsense >/dev/null 2>"$temp/err" && fail "a case that is none passes"
grep -q -- '--cases wants' "$temp/err" || fail "a case that is none: $(cat "$temp/err")"
echo "bench.sh: $rows rows"
