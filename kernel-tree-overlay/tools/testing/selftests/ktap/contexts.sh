#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Handlers in every context that events happen in: processes, soft and hard
# interrupts, NMIs, and inside each other.

. "$(dirname "$0")/lib.sh"
. "$here/sources.sh"
plan 12

run -e 'trace syscalls:sys_enter_lseek { s["process"] += 1 if (in_interrupt) { wrong += 1 } }
	trace irq:softirq_entry { s["softirq"] += 1 if (in_interrupt() == false) { wrong += 1 } }
	trace timer:hrtimer_expire_entry {
		s["timer"] += 1
		if (!in_interrupt) { wrong += 1 }
		u[args.now] = cpu
	}
	trace timer:hrtimer_expire_exit { if (len(argstr) < 10) { wrong += 1 } }
	trace_end { for (k, v in pairs(s)) { print(k, v > 0) } print("wrong", wrong) }' -- \
	sh -c "'$act' busy 1; '$act' marks 1 10"
check "in_interrupt in a process" \
	all said "process	true" --and said "wrong	nil" --and is "$status" -eq 0
# what interrupts a process has its thread number
check "in a hard interrupt" said "timer	true"

start all -e 'trace irq:softirq_entry {
		s["softirq " .. args.vec] += 1
		if (!in_interrupt) { wrong += 1 }
	}
	trace irq:softirq_exit { print(argstr) }
	trace irq:irq_handler_entry {
		s["irq " .. args.name] += 1
		if (!in_interrupt) { wrong += 1 }
		print(argstr)
	}
	trace_end { print("wrong", wrong) for (k, v in pairs(s)) { print("kind", k, v) } }'
"$act" busy 1
ls -R /sys/bus >/dev/null
sync
stop all
check "in soft interrupts" \
	all said "wrong	nil" --and grep -q '^kind	softirq' "$out" --and is "$status" -eq 0
if grep -q '^kind	irq' "$out"; then
	pass "in interrupts of devices"
else
	skip "in interrupts of devices: there were none"
fi

# handlers of all levels count into the same places
start levels -e 'trace timer:*, irq:*, sched:*, syscalls:* {
		n += 1
		t[0] += 1
		if (in_interrupt) { i += 1 u[0] += 1 } else { p += 1 u[1] += 1 }
	}
	trace_end {
		print("same", n == t[0], n == i + p, i == u[0], p == u[1], n > 100, i > 0, p > 0)
	}'
"$act" busy 2
stop levels
check "counts from all contexts into one place are exact" \
	all said "same	true	true	true	true	true	true	true" \
	--and not grep -q 'table' "$err"

# Everything there is. To attach it takes a slow kernel a minute, which therefore
# does that once.
many=$(scaled '*:*' 'sched:*, irq:*, timer:*, kmem:*, rcu:*, signal:*, task:*, syscalls:*')
run -e "trace $many"' { n += 1 s[probename] += 1 }
	trace_end {
		for (k, v in pairs(s)) { m += v }
		print("n", n > 1000) print("dropped", n - m) print("kinds", len(s) > 30)
	}' -- "$act" busy 2
check "all events of a command" \
	all said "n	true" --and said "dropped	$(dropped)" --and said "kinds	true" \
	--and is "$status" -eq 0
start all -e 'trace *:* { n += 1 u[execname] += 1 }
	trace_end { for (k, v in pairs(u)) { m += v } print("end", n > 1000, n - m) }'
"$act" busy 2
stop all
check "all events of all processes" all said "end	true	$(dropped)" --and is "$status" -eq 0

# everything printed: more than anybody can read
start print -e "trace $many"' { n += 1 print("an event") } trace_end { print("produced", n) }'
"$act" busy 2
stop print
lines=$(grep -c '^an event$' "$out")
lost=$(sed -n 's/^ktap: \([0-9]*\) output records* lost.*/\1/p' "$err")
check "all events printed: delivered ($lines) and lost (${lost:-0}) are all that was produced" \
	all said "produced	$((lines + ${lost:-0}))" --and is "$status" -eq 0
start text -e "trace $many"' { print(argstr) }'
"$act" busy 2
stop text
check "the text of all events" all is "$(wc -l <"$out")" -gt 1000 --and is "$status" -eq 0
start text -e "trace $many"' { t[len(argstr .. "")] += 1 }'
"$act" busy 1
stop text
check "the text of all events, at once" all is "$(wc -l <"$out")" -gt 3 --and is "$status" -eq 0

if ! has_events nmi:nmi_handler || ! can_nmi; then
	skip "in NMIs"
else
	start nmi -e 'trace nmi:nmi_handler {
			n += 1
			t[args.handler] += 1
			if (!in_interrupt) { wrong += 1 }
			print(argstr)
		}
		trace syscalls:* { n += 1 t[0] += 1 }
		trace_end {
			for (k, v in pairs(t)) { m += v if (k != 0) { handlers += v } }
			print("nmi", handlers > 0, n - m, wrong)
		}'
	nmis_while_busy
	stop nmi
	# an update of n or t that meets a lock is dropped there, and counted
	busy=$(sed -n 's/^ktap: \([0-9]*\) uses* of .* given up.*/\1/p' "$err")
	busy=${busy:-0}
	apart=$(sed -n 's/^nmi	true	\(-*[0-9]*\)	nil$/\1/p' "$out")
	check "in NMIs" all is "${apart:-none}" -le "$busy" --and is "${apart:-none}" -ge -"$busy" \
		--and is $(((busy - apart) % 2)) -eq 0 --and is "$status" -eq 0
fi

check "the kernel did not complain" all clean --and wait_for 10 nothing_left
ktap_finished
