#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Raw tracepoints: that they fire as often as what they are of happens, that the
# arguments are right, in which contexts they work, and that nothing is left.

. "$(dirname "$0")/lib.sh"
. "$here/sources.sh"
plan 22

if ! grep -q -w __start__bpf_raw_tp /proc/kallsyms; then
	run -e 'trace rawtp:sys_enter { }'
	check "without CONFIG_BPF_EVENTS the option is named" complained CONFIG_BPF_EVENTS
	absent "raw tracepoints: no CONFIG_BPF_EVENTS"
fi

# a kernel with checks of locks has a tracepoint for each of them, and is slow
many=$(scaled 'rawtp:*' 'rawtp:[st]*, rawtp:k*')

# 1-4: as often as it happens
run -e 'trace syscalls:sys_enter_lseek { m += 1 nr = args.nr }
	trace rawtp:sys_enter { n[arg2] += 1 }
	trace rawtp:sys_exit { r[arg2] += 1 }
	trace_end { print(n[nr], m, r[-9]) }' -- "$act" marks 1 3000
check "each system call is an entry and an exit" \
	all said "3000	3000	3000" --and no_loss
run -e 'trace rawtp:sys_enter { a += 1 } trace raw_tracepoint:sys_enter { b += 1 }
	trace rawtracepoint:sys_enter { c += 1 } trace rawtp:sys_ente? { d += 1 }
	trace_end { print(a >= 100, a == b, b == c, c == d) }' -- "$act" marks 1 100
check "each spelling is the same tracepoint" said "true	true	true	true"
run -e 'trace sched:sched_wakeup, sched:sched_switch /execname == "act"/ { t += 1 }
	trace rawtp:sched_wakeup, rawtp:sched_switch /execname == "act"/ { r += 1 }
	trace_end { print(t > 20, t - r) }' -- sh -c "$outlived" sh "$act" switches 30
check "as often as the event of the same tracepoint" \
	all said "true	0" --and no_loss
run -e 'trace rawtp:sched_wakeup, rawtp:sched_switch, syscalls:sys_enter_lseek {
		s[probename] += 1 }
	trace_end { print(s.sched_switch > 0, s.sched_wakeup > 0, s.sys_enter_lseek) }' -- \
	sh -c 'for i in 1 2 3; do { sleep 0.1; echo; } | cat; done; "$1" marks 1 10; :' sh "$act"
check "in a list with other events" said "true	true	10"

# 5-9: what a handler sees
run -e 'trace signal:signal_generate /sig == 10/ { t[e.sig, e.group, e.result] += 1 }
	trace rawtp:signal_generate /arg1 == 10/ { r[arg1, arg4, arg5] += 1 }
	trace_end { print(len(t), t[10, 1, 0], r[10, 1, 0], t[10, 1, 1], r[10, 1, 1])
		    for (k, v in pairs(t)) { if (r[k] != v) { print("wrong", k, v, r[k]) } } }' -- \
	sh -c 'trap : USR1; for i in 1 2 3 4 5; do kill -USR1 $$; done; :'
check "numbers and booleans of arguments are those of the event" \
	all grep -q -E "^[1-9]	5	5	" "$out" --and not grep -q wrong "$out"
run -e 'trace rawtp:sys_exit /arg2 == -9/ {
		print(probename, e.name, arg0, e.fieldnum, arg3, arg12, arg13, func, retval)
		print(args.arg2, args.nr_args, e.sc_nr, e.field(3)) print(argstr)
		exit() }' -- "$act" marks 1 10
check "the fields of one" \
	all said "sys_exit	sys_exit	2	3	nil	nil	nil	nil	nil" --and \
	said "-9	2	nil	-9" --and \
	grep -q -x 'sys_exit: (arg1=0x[0-9a-f]*, arg2=0xfffffffffffffff7)' "$out"
run -e 'trace rawtp:sys_e* /args.arg2 == -9/ { a += 1 b = tostring(args.arg9) }
	trace_end { print(a, b) }' -- "$act" marks 1 10
check "the fields of a pattern" said "10	nil"
run -e 'trace rawtp:sys_exit { s = argstr .. "" if (arg2 == -9) { n += 1 t = s } }
	trace_end { print(n, match(t, "sys_exit: (arg1=0x*, arg2=0xfffffffffffffff7)")) }' -- \
	"$act" marks 1 10
check "the text as a string" said "10	true"
run -e 'trace sched:sched_switch /execname == "act"/ { t[tostring(stack(2))] += 1 }
	trace rawtp:sched_switch /execname == "act"/ { r[tostring(stack(2))] += 1 }
	trace_end { for (k, v in pairs(t)) { n += 1 if (r[k] != v) { print("wrong", k, v, r[k]) } }
		    print("stacks", n > 0) }' -- sh -c "$outlived" sh "$act" switches 30
check "the stack begins where the tracepoint is" \
	all said "stacks	true" --and not grep -q wrong "$out" --and no_loss

# 10-11: patterns, and what there is not
run -v -e 'trace rawtp:sched_* { s[probename] += 1 }
	trace_end { print(s.sched_switch > 0, s.sys_enter) }' -- sleep 0.2
have=$(attached)
want=$(grep -c -E '^sched:' $tracefs/available_events)
check "a pattern: at least the events of that kind ($have of $want)" \
	all said "true	nil" --and is "$have" -ge "$((want - 2))"
wrong=0
refuse rawtp:sched_swich 'no tracepoint is called "sched_swich"; did you mean sched_switch'
refuse 'rawtp:zzz_none_*' 'no tracepoint matches'
refuse rawtp: 'no tracepoint is called ""'
refuse rawtp:sched:sched_switch 'no tracepoint is called'
run -e 'trace rawtp:sched_wakeup { print(args.arg2) }'
check "what there is not is an error that says so" \
	all is $wrong -eq 0 --and is "$status" -eq 1 --and complained 'has no field "arg2"'

# 12-15: contexts
run -e 'trace rawtp:hrtimer_expire_entry { if (in_interrupt()) { n += 1 } else { wrong += 1 } }
	trace rawtp:timer_expire_entry, rawtp:softirq_entry { if (in_interrupt()) { s += 1 } }
	trace_end { print(n > 10, wrong, s > 0) }' -- "$act" busy 1
check "in hard and soft interrupts" said "true	nil	true"
start idle -e 'trace rawtp:cpu_idle, rawtp:cpu_idle_*, rawtp:tick_stop, rawtp:rcu_* { n += 1 }
	trace_end { print("idle", n > 0) }'
sleep 1
stop idle
check "of an idle CPU" said "idle	true"
if can_nmi; then
	start nmi -e 'trace rawtp:nmi_handler { n += 1 s[tostring(stack(2))] += 1 print(argstr) }
		trace '"$many"' { a += 1 }
		trace_end { print("nmi", n, a > n) }'
	nmis_while_busy
	stop nmi
	check "in NMIs, and all tracepoints at once" \
		all is "$status" -eq 0 --and grep -q '^nmi	[1-9][0-9]*	true' "$out"
else
	skip "in NMIs"
fi
run -e "trace $many"' { n += 1 s[probename, cpu] += 1 } trace_end { print("all", n > 1000) }' -- \
	"$act" marks 1 2000
check "all of them with tables" said "all	true"

# 16-17: which tasks
start task -e 'trace rawtp:sys_exit /arg2 == -9/ { n += 1 } trace_end { print(n) }' -- \
	"$act" marks 1 500
for i in 1 2 3 4 5; do "$act" marks 1 100; done
finish task
check "-- CMD: of no other process" said 500
start self -e 'trace rawtp:sys_enter { print(execname) }'
"$act" marks 1 20
sleep 1
stop self
check "ktap's own reading is not seen" all said act --and not said ktap

# 18: several sessions
side_by_side 1000 -e 'trace rawtp:sys_exit { if (arg2 == -9 && execname == "act") { n += 1 } }
	trace_end { print(n) }'
"$act" marks 1 1000
side_by_side_end
check "four sessions on one tracepoint" is $wrong -eq 0

# 19: attach and detach while it happens all the time
load "$act" marks 1 2000
come_and_go "$(scaled 50 10)" 10 -e 'trace rawtp:sys_e*, rawtp:sched_* { if (arg2 == -9) { n += 1 } }
	trace_end { print(n) }' -- "$act" marks 1 10
load_end
check "attached and detached under load" is $wrong -eq 0

# 20: killed in the middle
meanwhile()
{
	"$act" marks 1 1000
}
killed 5 -e "trace $many { s[probename, nsecs] += 1 }"
check "a session that is killed leaves nothing" wait_for 20 nothing_left

# 21: a run-time error in a handler ends the session and says where
run -e 'trace rawtp:sys_enter { n = 1 / 0 }' -- "$act" marks 1 10
check "an error in a handler" all is "$status" -eq 1 --and complained 'divi'

check "the kernel did not complain" clean
ktap_finished
