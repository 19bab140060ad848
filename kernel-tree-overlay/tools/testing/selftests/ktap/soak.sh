#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Functions of the kernel, probed while the machine works: one after the other, in
# chunks, and all of them as patterns.
#
#	soak.sh			of the functions that the function tracer knows, one
#				in a hundred
#	soak.sh all [I/N]	each of them, or the Ith of N parts of them: a debug
#				kernel takes hours for all
#
# What the kernel complains about is found in its log, chunk by chunk.

. "$(dirname "$0")/lib.sh"
. "$here/sources.sh"
plan 6

blacklist=/sys/kernel/debug/kprobes/blacklist
if ! [ -e $functions ] || ! grep -q -w register_kprobe /proc/kallsyms; then
	absent "no CONFIG_FUNCTION_TRACER or no CONFIG_KPROBES"
fi

# a part of one that the compiler cut off is not called by that name
step=$(scaled 101 307)
rest=0
size=50
if [ "${1:-}" = all ]; then
	part=${2:-1/1}
	step=${part#*/}
	rest=$((${part%/*} - 1))
	size=200
fi
awk -v step="$step" -v rest="$rest" 'FILENAME ~ /blacklist/ { no[$2] = 1; next }
	$1 ~ /^[A-Za-z_0-9]*$/ && !($1 in no) && !($1 in seen) {
		seen[$1] = 1
		if (n++ % step == rest)
			print $1
	}' $blacklist $functions >"$tmp/functions"
awk -v dir="$tmp" -v size=$size '{
	print >sprintf("%s/chunk.%04d", dir, NR / size)
}' "$tmp/functions"
echo "# $(wc -l <"$tmp/functions") functions, $(ls "$tmp"/chunk.* | wc -l) chunks"

# what keeps the machine busy meanwhile
work()
{
	while [ ! -e "$tmp/stop" ]; do
		dd if=/dev/zero of="$tmp/file" bs=4k count=50 2>/dev/null
		"$act" marks 1 100
		( : | cat )
		sleep 0.02
	done
}
work &
worker=$!

# chunk FILE SUFFIX: trace its functions for a moment; one that is refused, by its
# name, is left out
chunk()
{
	tries=0
	while [ $tries -lt 30 ]; do
		list=$(sed "s/^/k:/;s/\$/$2/" "$1" | paste -s -d ,)
		[ "$list" ] || return 0
		run -e "trace \"$list\" { n += 1 } tick-150ms { exit(0) }"
		[ $status -ne 0 ] || return 0
		bad=$(sed -n 's/.*"k:\([A-Za-z_0-9]*\)[!]*".*/\1/p' "$err" | head -n 1)
		[ "$bad" ] || break
		echo "$bad: $(head -n 1 "$err" | sed 's/.*": //')" >>"$tmp/refused"
		grep -v -x "$bad" "$1" >"$1.next"
		mv "$1.next" "$1"
		tries=$((tries + 1))
	done
	show
	return 1
}

: >"$tmp/refused"
failed=0
done=0
for f in "$tmp"/chunk.*; do
	done=$((done + 1))
	[ $((done % (1000 / size))) -ne 0 ] || echo "# $done chunks"
	cp "$f" "$tmp/now"
	chunk "$tmp/now" '' && chunk "$tmp/now" '!' && clean && continue
	echo "# from $(head -n 1 "$f") to $(tail -n 1 "$f")"
	failed=$((failed + 1))
	clean || break
done
refused=$(wc -l <"$tmp/refused")
sort "$tmp/refused" | sed 's/[^:]*: //' | uniq -c | sed 's/^/# refused: /'
check "probes and returns of each function" is $failed -eq 0
check "few of them are refused ($refused)" \
	is "$refused" -le $(($(wc -l <"$tmp/functions") / 20 + 1))
check "the kernel did not complain" clean

failed=0
for pattern in '[a-e]*' '[f-m]*' '[n-s]*' '[t-z_A-Z]*'; do
	for suffix in '' '!'; do
		# each is a kretprobe, as above
		[ ! "$suffix" ] || has_fprobes || continue
		run -e "trace k:$pattern$suffix { n += 1 } tick-300ms { exit(0) }"
		[ $status -eq 0 ] || { show; failed=$((failed + 1)); }
	done
done
check "all of them, by patterns" is $failed -eq 0

touch "$tmp/stop"
wait $worker
check "the work was done" cmp -s -n 4096 "$tmp/file" /dev/zero
check "the kernel did not complain" all clean --and wait_for 10 nothing_left
ktap_finished
