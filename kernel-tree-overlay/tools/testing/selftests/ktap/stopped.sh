#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A tool that is stopped loses output, and says afterwards exactly how much.

. "$(dirname "$0")/lib.sh"
plan 4

n=$(scaled 200000 60000)

start stopped -e 'trace syscalls:sys_enter_lseek /fd == 4294967295/ {
		n += 1
		print(args.offset, "x")
	}
	trace_end { print("produced", n) }'
kill -STOP "$pid"
"$act" marks 1000000 "$n"
kill -CONT "$pid"
stop stopped
delivered=$(grep -c '	x$' "$out")
lost=$(sed -n 's/^ktap: \([0-9]*\) output records* lost.*/\1/p' "$err")
check "all events were handled" said "produced	$n"
check "delivered ($delivered) and lost (${lost:-0}) together are $n" \
	all is $((delivered + ${lost:-0})) -eq "$n" --and is "${lost:-0}" -gt 0 \
	--and is "$delivered" -gt 0 --and is "$status" -eq 0
check "what is delivered is in order, each once" \
	awk -F '\t' '$2 == "x" { if ($1 <= last) bad = 1; last = $1 } END { exit bad }' "$out"

check "the kernel did not complain" clean
ktap_finished
