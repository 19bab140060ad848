#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What would never end, or grow without end, ends its session with an error of
# its own; the kernel and the other sessions go on.

. "$(dirname "$0")/lib.sh"
plan 15

# marks all the time, so that handlers run
"$act" marks-until "$tmp/stop" 7 &
marks=$!
start other -e 'trace syscalls:sys_enter_lseek /offset == 7/ { n += 1 }
	trace_end { print("other", n > 0) }'

# ends NAME PATTERN SCRIPT: it ends by itself, with an error that matches. The
# limits of handlers are the default ones; that of the main chunk takes long.
ends()
{
	run --main-budget 3000000 --mem-limit 8M -e "$3"
	check "$1" all is "$status" -ne 0 --and is "$status" -lt 128 --and complained "$2"
}

ends "an infinite loop in a handler" 'error: instruction limit' \
	'trace syscalls:sys_enter_lseek { while (true) { } }'
ends "an infinite loop in the main chunk" 'error: instruction limit' \
	'while (true) { }'
ends "an infinite loop in trace_end" 'error: instruction limit' \
	'trace_end { while (true) { } }'
ends "endless recursion" 'error: .*(overflow|deep|depth|calls)' \
	'function f(n) { return 1 + f(n + 1) } trace syscalls:sys_enter_lseek { f(1) }'
ends "endless recursion in the main chunk" 'error: .*(overflow|deep|depth|calls)' \
	'function f(n) { return 1 + f(n + 1) } f(1)'
ends "endless tail calls" 'error: instruction limit' \
	'function f(n) { return f(n + 1) } trace syscalls:sys_enter_lseek { f(1) }'
ends "an endless string in a handler" 'error: ' \
	'trace syscalls:sys_enter_lseek { var s = "x" while (true) { s = s .. "x" } }'
ends "an endless string in the main chunk" 'error: ' \
	'var s = "x" while (true) { s = s .. s }'
ends "tables without end in a handler" 'error: ' \
	'trace syscalls:sys_enter_lseek { while (true) { var t = {} t[1] = {} } }'
ends "a table without end in the main chunk" 'error: ' \
	'var t = {} i = 0 while (true) { i += 1 t[i] = "a string, so that it takes some room" }'

# Each of these handlers keeps to its budget, but takes longer than the time to the
# next event, on all CPUs: nothing else would ever run.
run -e 'trace timer:*, irq:*, sched:* { for (i = 1, 90000) { x = i } }'
check "handlers that leave no time for anything else" \
	all is "$status" -ne 0 --and is "$status" -lt 128 \
	--and complained 'error: handlers left no time'
run -e 'for (i = 1, 65) { kdebug.trace("sched:sched_switch", function (e) { n += 1 }) }'
check "more handlers for an event than can be" \
	all is "$status" -ne 0 --and complained 'sched:sched_switch has 64 handlers'

# a table that a handler fills: the updates that find no room are counted
run --mem-limit 1M -e 'var long = "0123456789abcdef"
	for (i = 1, 6) { long = long .. long }
	trace syscalls:sys_enter_lseek /offset >= 100/ { n += 1 t[args.offset, long] = n }
	trace_end { print("kept", len(t)) print("made", n) }' -- "$act" marks 100 5000
kept=$(sed -n 's/^kept	//p' "$out")
made=$(sed -n 's/^made	//p' "$out")
dropped=$(dropped)
if [ "$status" -ne 0 ]; then
	check "a table without end in a handler" complained 'error: .*memory'
else
	check "a table without end in a handler: kept (${kept:-0}) + dropped ($dropped)" \
		all is "$dropped" -gt 0 \
		--and is $((${kept:-0} + dropped)) -eq "${made:-1}"
fi

touch "$tmp/stop"
wait $marks
stop other
check "another session has gone on all the time" \
	all said "other	true" --and is "$status" -eq 0

check "the kernel did not complain" all clean --and wait_for 10 nothing_left
ktap_finished
