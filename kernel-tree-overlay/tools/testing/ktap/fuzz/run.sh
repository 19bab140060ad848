#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Runs the fuzz targets.
#	run.sh check BIN SEEDS		a number of executions each, always the same; TAP
#	run.sh long BIN SEEDS DIR TIME	TIME seconds in all, two at a time; what was
#					found and what is worth keeping goes to DIR
set -u
mode=$1 bin=$2 seeds=$3 dir=${4:-} time=${5:-60}

# target, executions in a check, longest input
targets="
	compiler	30000	400
	image		300000	2048
	vm		150000	4096
	data		30000	600
	render		150000	2048
	ops		600000	160
	fold		15000	150
	program		100000	24000
"

# fuzz TARGET LENGTH LOG ARGUMENT...: its status
fuzz()
{
	local t=$1 len=$2 log=$3 dict=
	shift 3
	mkdir -p "$seeds/$t"
	[ "$t" != compiler ] || dict=-dict=$seeds/script.dict
	# the weights that libFuzzer gives to inputs take longer than our inputs do
	"$bin/fuzz-$t" -max_len="$len" -entropic=0 -timeout=20 -rss_limit_mb=2000 \
		-print_final_stats=1 $dict "$@" "$seeds/$t" >"$log" 2>&1
}

executions()
{
	sed -n 's/^stat::number_of_executed_units: //p' "$1"
}

# what there is to say about a finding
show()
{
	grep -E '^SUMMARY|not true|runtime error|Test unit written' "$1" | sed 's/^/# /'
	grep -m 12 -E '^ *#[0-9]+ ' "$1" | sed 's/^/#  /'
}

check()
{
	local n=0 bad=0 log t runs len status
	log=$(mktemp)
	# shellcheck disable=SC2086 # words
	set -- $targets
	echo "1..$(($# / 3))"
	while [ $# -gt 0 ]; do
		t=$1 runs=$2 len=$3 status=ok
		shift 3
		fuzz "$t" "$len" "$log" -seed=1 -runs="$runs" \
			-artifact_prefix="$bin/$t-" || status="not ok"
		[ "$status" = ok ] || { show "$log"; bad=$((bad + 1)); }
		n=$((n + 1))
		echo "$status $n - fuzz-$t: $(executions "$log") executions"
	done
	rm -f "$log"
	echo "# fuzz: $((n - bad)) passed, $bad failed"
	[ "$bad" -eq 0 ]
}

# one TARGET LENGTH SECONDS: begins again after a finding
one()
{
	local t=$1 len=$2 end=$((SECONDS + $3)) n=0 found=0
	mkdir -p "$dir/corpus/$t"
	while [ $SECONDS -lt $end ]; do
		fuzz "$t" "$len" "$dir/$t.log" -max_total_time=$((end - SECONDS)) \
			-artifact_prefix="$dir/$t-" "$dir/corpus/$t" || {
			found=$((found + 1))
			show "$dir/$t.log"
		}
		n=$((n + $(executions "$dir/$t.log")))
	done
	echo "fuzz-$t: $n executions, $found findings" | tee -a "$dir/summary"
}

long()
{
	mkdir -p "$dir"
	: >"$dir/summary"
	# shellcheck disable=SC2086 # words
	set -- $targets
	local slice=$((time * 2 / ($# / 3)))
	while [ $# -gt 0 ]; do
		one "$1" "$3" $slice &
		[ $# -le 3 ] || one "$4" "$6" $slice &
		wait
		shift 6
	done
	awk '{ n += $2; f += $4 } END { printf "%d executions, %d findings\n", n, f
		exit f > 0 }' "$dir/summary"
}

case $mode in
check)	check ;;
long)	long ;;
esac
