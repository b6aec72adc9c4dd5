#!/bin/sh
# SPDX-License-Identifier: MIT
# fuzz.sh PROGRAM SECONDS: lets a libFuzzer program run, and prints how many inputs it tried and how many crashed. What
# it finds stays in the build directory, under tests/found/: new inputs, and those that crashed.
set -u
program=$1
seconds=$2
target=${program##*/}
seeds=$(dirname "$0")/../corpus/$target
found=tests/found/$target

mkdir -p "$found/corpus" "$found/crashes" || exit 1
"$program" -max_total_time="$seconds" -max_len=1024 -timeout=10 -print_final_stats=1 \
	-artifact_prefix="$found/crashes/" "$found/corpus" "$seeds" >"$found/log" 2>&1
status=$?
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$found/log")
covered=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$found/log" | tail -n 1)
crashes=$(find "$found/crashes" -type f | wc -l)
echo "fuzz/$target: ${runs:-no} executions in $seconds s, ${covered:-0} edges covered, $crashes crashes"
if [ "$status" -ne 0 ] || [ "$crashes" -ne 0 ]; then
	tail -n 40 "$found/log"
	exit 1
fi
