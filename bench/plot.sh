#!/bin/sh
# SPDX-License-Identifier: MIT
# Plots the results that bench --tsv has written, as SVG files. All scales are logarithmic: a place, not a length,
# shows a figure. Each contender has the same colour and mark in every plot.
# usage: plot.sh FILE.tsv DIRECTORY
# shellcheck disable=SC2016 # columns of gnuplot and awk
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

# The library is blue, the machine's limits are black and grey, what the kernel does is red to brown; contenders of
# adaptors get the colours without a name, in the order of their first rows.
cat >"$temp/styles" <<-END
	copy #0b2f9f 7
	inplace #2f7ff0 5
	batch #00b4e0 9
	semaphores #8a9be8 11
	prefault #2f7ff0 5
	memcpy #000000 4
	packed #707070 6
	mailbox #000000 6
	futex #707070 4
	mq #8c4a2f 13
	pipe #ff8c1a 7
	seqpacket #d62728 5
	libqb #2ca02c 9
	ck_ring #7d3fc0 11
	zeromq #e34fb0 13
	- #a8a000 3
	- #00796b 2
	- #c2185b 1
	- #556b2f 8
END
awk -F '\t' '
	NR == FNR {
		split($0, word, " ")
		taken[word[1]] = 1
		if (word[1] == "-")
			free[++last] = word[2] " " word[3]
		next
	}
	/^#/ || $1 == "case" || $5 in taken { next }
	{ taken[$5] = 1; print $5, (used < last ? free[++used] : "#a0a0a0 1") }' "$temp/styles" "$tsv" >"$temp/adaptors"
cat "$temp/adaptors" >>"$temp/styles"

style() # NAME
{
	awk -v name="$1" '$1 == name { printf "lc rgb \"%s\" pt %s ps 0.9 lw 1.3", $2, $3 }' "$temp/styles"
}

# Sets data to a file with the rows of a case, only of one SIZE if it is given, names to the contenders in it, and count
# to their number. The rows of each contender are in $data.NAME. Fails if there are no rows.
rows() # CASE [SIZE]
{
	data=$temp/$1${2:+-$2}
	awk -F '\t' -v group="$1" -v size="${2-}" -v data="$data" '
		$1 == group && (size == "" || $2 == size) { print; print >(data "." $5) }' "$tsv" >"$data"
	names=$(awk -F '\t' '!seen[$5]++ { print $5 }' "$data")
	count=$(echo "$names" | wc -l)
	[ -n "$names" ]
}

head_of() # NAME TITLE HEIGHT
{
	cat <<-END
		set terminal svg size 900,$3 dynamic background "white" font "sans-serif,13"
		set output "$directory/bench-$1.svg"
		set datafile separator tab
		set title "$2" noenhanced
		set label "$(sed -n '1s/^# *//p' "$tsv")" at screen 0.01,screen 0.02 font ",10" noenhanced
		set bmargin 5
		set grid
	END
}

# Plots a line for each contender over the sizes, with the range of its repetitions. Each is moved aside a little, or
# ranges would hide each other.
lines() # NAME TITLE FACTOR
{
	{
		head_of "$1" "$2: median, least and greatest of the repetitions" 560
		cat <<-END
			set xlabel "bytes a message"
			set logscale x 2
			set logscale y 10
			set xtics (8, 64, 256, "1 Ki" 1024, "4 Ki" 4096, "64 Ki" 65536)
			set xrange [5:100000]
			set format y "%.0s %c"
			set key outside right noenhanced
		END
		printf 'plot '
		row=0
		for name in $names; do
			row=$((row + 1))
			printf '"%s" using ($2*2**(0.05*(%d-%d/2.0)))' "$data.$name" $row "$count"
			printf ':(%s*$6):(%s*$7):(%s*$8) with yerrorlines ' "$3" "$3" "$3"
			printf '%s title "%s", ' "$(style "$name")" "$name"
		done
		echo
	} | gnuplot
}

# Prints tics for gnuplot, round times, for a scale from the least to the greatest of $data.
tics()
{
	awk -F '\t' '
		NR == 1 || $7 < least { least = $7 }
		NR == 1 || $8 > greatest { greatest = $8 }
		END {
			many = greatest / least < 200 ? 3 : 1
			split("1 2 5", digit, " ")
			split("ns us ms s", unit, " ")
			for (i = 0; i < 11; i++)
				for (j = 1; j <= many; j++)
					printf("%s\"%d %s\" %.0f", (i + j > 1 ? ", " : ""), digit[j] * 10 ^ (i % 3),
						unit[int(i / 3) + 1], digit[j] * 10 ^ i)
		}' "$data"
}

# Plots a point for each contender, the least above, with the range of its repetitions and its figure.
points() # NAME TITLE
{
	names=$(sort -t "$(printf '\t')" -k 6,6g "$data" | cut -f 5)
	{
		head_of "$1" "$2: median, least and greatest of the repetitions' medians" $((150 + 30 * count))
		cat <<-END
			set logscale x 10
			set xtics ($(tics))
			set yrange [$count.6:0.4]
			set offsets graph 0.03, graph 0.1, 0, 0
			unset key
		END
		echo "$names" | awk '{ printf("%s\"%s\" %d", (NR > 1 ? ", " : "set ytics noenhanced ("), $0, NR) }'
		echo ')'
		printf 'plot '
		row=0
		for name in $names; do
			row=$((row + 1))
			printf '"%s" using 6:(%d):7:8 with xerrorbars %s, ' "$data.$name" $row "$(style "$name")"
			printf '"" using 8:(%d):(sprintf("%%.0f ns", $6)) with labels left offset 1,0, ' $row
		done
		echo
	} | gnuplot
}

if rows throughput; then
	lines throughput 'Messages/s' 1
	lines bytes 'Bytes/s' '$2'
fi
if rows round-trip 64; then points round-trip 'Round trip, 64 bytes, both sides awake'; fi
if rows wake; then points wake 'One way, 64 bytes, to a sleeping side'; fi
