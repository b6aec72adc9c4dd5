#!/bin/sh
# SPDX-License-Identifier: MIT
# Plots the results that bench --tsv has written, as SVG files.
# usage: plot.sh FILE.tsv DIRECTORY
set -eu

[ $# -eq 2 ] || {
	echo "usage: $0 FILE.tsv DIRECTORY" >&2
	exit 2
}
tsv=$1
directory=$2
command -v gnuplot >/dev/null || {
	echo 'plot.sh: gnuplot is missing: no plots' >&2
	exit 0
}

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
trap 'exit 1' HUP INT TERM

# Sets data to a file with the rows of a case, only of one SIZE if it is given, and names to the contenders in it. The
# rows of each contender are in $data.NAME. Fails if there are no rows.
rows() # CASE [SIZE]
{
	data=$temp/$1${2:+-$2}
	awk -F '\t' -v group="$1" -v size="${2-}" -v data="$data" '
		$1 == group && (size == "" || $2 == size) { print; print >(data "." $5) }' "$tsv" >"$data"
	names=$(awk -F '\t' '!seen[$5]++ { print $5 }' "$data")
	[ -n "$names" ]
}

terminal() # NAME
{
	printf 'set terminal svg size 900,540 dynamic background "white" font "sans-serif,13"\n'
	printf 'set output "%s/bench-%s.svg"\nset datafile separator tab\n' "$directory" "$1"
}

# Plots a line for each contender over the sizes, with the range of its repetitions.
lines() # NAME TITLE COLUMNS
{
	{
		terminal "$1"
		cat <<-END
			set title "$2"
			set xlabel "bytes a message"
			set logscale x 2
			set logscale y 10
			set xtics (8, 64, 256, "1 Ki" 1024, "4 Ki" 4096, "64 Ki" 65536)
			set xrange [6:90000]
			set grid
			set key outside right
		END
		printf 'plot '
		for name in $names; do
			printf '"%s" using %s with yerrorlines title "%s" noenhanced, ' "$data.$name" "$3" "$name"
		done
		echo
	} | gnuplot
}

# Plots a bar for each contender.
bars() # NAME TITLE
{
	{
		terminal "$1"
		cat <<-END
			set title "$2"
			set ylabel "ns, median of the repetitions' medians; their range"
			set logscale y 10
			set style fill solid 0.6
			set boxwidth 0.7
			set grid ytics
			set xtics noenhanced rotate by -30
			plot "$data" using 0:6:7:8:(0.7):xtic(5) with boxerrorbars notitle
		END
	} | gnuplot
}

# shellcheck disable=SC2016 # gnuplot's columns
if rows throughput; then
	lines throughput 'messages/s' '2:6:7:8'
	lines bytes 'bytes/s' '2:($2*$6):($2*$7):($2*$8)'
fi
if rows round-trip 64; then bars round-trip 'round trip, 64 bytes, both sides awake'; fi
if rows wake; then bars wake 'one way, 64 bytes, to a sleeping side'; fi
