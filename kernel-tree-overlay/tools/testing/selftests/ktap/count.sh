#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Counting is exact, whatever the number of CPUs that count into one place.

. "$(dirname "$0")/lib.sh"
plan 6

each=$(scaled 500000 50000)
total=$((2 * each))

run -e 'trace syscalls:sys_enter_getppid { t[0] += 1 }
	trace_end { print(t[0]) }' -- "$act" getppid "$each"
check "$total events of two CPUs in one table entry" \
	all said "$total" --and no_loss --and is "$status" -eq 0

each=$(scaled 200000 30000)
total=$((2 * each))
run -e 'n = 0
	trace syscalls:sys_enter_getppid { s[execname] += 1 n += 1 c[cpu, "x"] += 2 }
	trace syscalls:sys_exit_getppid { t[execname, tid] += -1 n += 1 }
	trace_end {
		print("act", s["act"])
		print("n", n)
		for (k, v in pairs(c)) { both += v }
		print("cpus", len(c), both)
		for (k, v in pairs(t)) { print("thread", v) }
	}' -- "$act" getppid "$each"
check "$total events by the program's name, entry and exit in one global" \
	all said "act	$total" --and said "n	$((2 * total))" --and no_loss
check "by a compound key, for each CPU and each thread" \
	all said "cpus	2	$((2 * total))" \
	--and is "$(grep -c -x "thread	-$each" "$out")" -eq 2

# a table that grows while two CPUs put new keys in, as fast as they can: what
# there was no memory ready for is dropped and counted
keys=$(scaled 30000 5000)
run -e 'total = 0
	trace syscalls:sys_enter_lseek { t[args.offset] += 1 }
	trace_end {
		for (k, v in pairs(t)) {
			total += v
			if (v > 2) { wrong += 1 }
		}
		print(total, wrong)
	}' -- "$act" keys "$keys"
accounted()
{
	is "$(($(cut -f 1 "$out") + $(dropped)))" -eq "$((2 * keys))" &&
		is "$(cut -f 2 "$out")" = nil
}
check "$keys new keys put in by two CPUs at once: kept and lost are all there were" accounted

# keys that come and go. A thread that runs ahead puts in faster than the other
# deletes, so the table may grow as above; nothing but a new key may be dropped,
# and what is counted by n and m has its memory already.
run -e 'n = 0
	trace syscalls:sys_enter_lseek { t[args.offset] += 1 }
	trace syscalls:sys_exit_lseek { t[n] = nil n += 1 m += 1 }
	trace_end { print("m", m) for (k, v in pairs(t)) { delete(t[k]) } print("left", len(t)) }' \
	-- "$act" keys "$keys"
only_new_keys_dropped()
{
	! grep -E 'lost|dropped|given up|strings? cut|reads? of memory' "$err" |
		grep -v -q -x 'ktap: [0-9]* table updates* dropped, no memory left for new keys'
}
check "keys deleted while others are put in" \
	all said "m	$((2 * keys))" --and said "left	0" --and only_new_keys_dropped

check "the kernel did not complain" clean
ktap_finished
