#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Perf events: that those of software are exact, that samples come as often as
# asked for, what handlers see, that counters follow CPUs, what a machine does not
# have, and that nothing is left of them.

. "$(dirname "$0")/lib.sh"
. "$here/sources.sh"
plan 30

cpus=$(getconf _NPROCESSORS_ONLN 2>/dev/null || nproc)
devices=/sys/bus/event_source/devices

# where act has its memory, and how much of it is a page
place=0x60000000
page=$(getconf PAGESIZE 2>/dev/null || echo 4096)

# 1-6: as often as it happens
run -e "trace page-faults /addr >= $place && addr < $place + 500 * $page/"' {
		n += 1
		if (args.addr != '"$place + (n - 1) * $page"') { wrong += 1 }
		if (!args.user || args.period != 1 || in_interrupt()) { wrong += 1 }
	}
	trace_end { print(n, wrong) }' -- "$act" touch 500
check "a page fault for each new page, in the order of their addresses" \
	all said "500	nil" --and no_loss
run -e "trace faults, minor-faults, major-faults /addr >= $place && addr < $place + 500 * $page/ {
		s[probename] += 1 }"'
	trace_end { print(s.faults, s["minor-faults"], s["major-faults"]) }' -- "$act" touch 500
check "they are minor ones" said "500	500	nil"
run -e "trace page-faults:period=10 { n += 1 sum += args.period }
	trace page-faults { all += 1 }
	trace_end { print(n > 50, sum == 10 * n, all - sum > -200, all - sum < 200) }" -- \
	"$act" touch 2000
check "a period of 10: a tenth of them" said "true	true	true	true"
run -e 'trace cs /execname == "act"/ { n += 1 }
	trace context-switches /execname == "act"/ { m += 1 }
	trace sched:sched_switch /execname == "act"/ { s += 1 }
	trace_end { print(n >= 100, n == m, n == s) }' -- sh -c "$outlived" sh "$act" switches 100
check "context switches are those of the scheduler's tracepoint" \
	all said "true	true	true" --and no_loss
act_has='/execname == "act"/'
run -e "trace software:cs $act_has { a += 1 } trace sw:context-switches:1 $act_has { b += 1 }
	trace cs:period=1 $act_has { c += 1 } trace software/config=3/:period=1 $act_has { d += 1 }
	trace pmu:1:3:period=1 $act_has { f += 1 }
	trace software/config=3,period=1/ $act_has { g += 1 }
	trace cs $act_has { h += 1 }
	trace_end { print(a >= 100, a == b, b == c, c == d, d == f, f == g, g == h) }" -- \
	sh -c "$outlived" sh "$act" switches 100
if [ -e $devices/software/type ]; then
	check "each spelling is the same event" said "true	true	true	true	true	true	true"
else
	skip "each spelling is the same event: no sysfs"
fi
run -e "trace page-faults:u /addr >= $place && addr < $place + 50 * $page/ { u += 1 }
	trace page-faults:k /addr >= $place && addr < $place + 50 * $page/ { k += 1 }
	trace_end { print(u, k) }" -- "$act" touch 50
check "u: of programs alone; k: of the kernel alone" said "50	nil"

# 7-11: samples
# the CPU has no time for some, where it has other work, which may end the session too late
run -e 'trace_begin { from = nsecs }
	trace cpu-clock:freq=100 { n[cpu] += 1 if (args.period != 10000000) { wrong += 1 } }
	tick-1010ms {
		for (c, k in pairs(n)) { all += k }
		print("wrong", wrong)
		print("samples", len(n), all, (nsecs - from) / 10ms)
		exit()
	}'
samples=$(sed -n 's/^samples	.*	\(.*\)	.*/\1/p' "$out")
due=$(($(sed -n 's/^samples	.*	//p' "$out") * cpus))
check "so many samples a second on each CPU" \
	all said "wrong	nil" --and grep -q "^samples	$cpus	" "$out" --and \
	is "$samples" -le $((due + cpus)) --and is "$samples" -ge $((due / 5))
run -e 'trace task-clock:period=20000000, cpu-clock:period=20ms { n += 1 }'
check "a period is a number, not a time" complained 'what follows is period=N'
run -e 'trace_begin { from = nsecs }
	trace cpu-clock:period=20000000 { n += 1
		if (args.count <= last[cpu]) { wrong += 1 }
		last[cpu] = args.count
	}
	tick-1010ms {
		var due = ((nsecs - from) / 20ms + 1) * '"$cpus"'
		print(n >= due / 5, n <= due, wrong)
		exit()
	}'
check "a sample each 20 ms, and what was counted" said "true	true	nil"
run -e 'trace cpu-clock { n += 1 p[args.period] += 1 } tick-500ms { print(n > 100) print(p) exit() }'
check "4000 a second if nothing is said" all said true --and grep -q '^250000:	' "$out"
run -e 'trace cpu-clock:freq=1000 {
		if (!in_interrupt()) { wrong += 1 }
		if (args.user) {
			u += 1
			if (stack() .. "" != "") { wrong += 1 }
		} else {
			k += 1
			if (tostring(stack(1)) ~ ksym(args.ip, false) .. "+*") { ok += 1 }
		}
	}
	trace_end { print(u > 0, k > 0, ok * 100 >= k * 99, wrong) }' -- "$act" busy 2
check "they are in hard interrupts, of programs and of the kernel, with its stack" \
	said "true	true	true	nil"

# 12-15: what a handler sees
run -e 'trace page-faults { print(probename, e.name, arg0 == args.ip, arg1 == args.addr, arg2,
				  arg3 == args.count, e.fieldnum, retval) print(argstr) exit() }' -- \
	"$act" touch 10
check "the names and fields of an event" \
	all said "page-faults	page-faults	true	true	1	true	5	nil" --and \
	grep -q '^page-faults: ip=.* addr=0x[0-9a-f]* period=1$' "$out"
run -e 'trace cs { if (args.addr != nil || args.user) { wrong += 1 } s[tostring(stack(1))] += 1 }
	trace_end { print(wrong) print(s) }' -- "$act" switches 20
check "a switch has no address, and the stack of the scheduler" \
	all said nil --and grep -q '^ *schedule+' "$out"
run -e 'trace cs { print(args.nothing) }'
check "a field that there is not" complained 'cs has no field "nothing"'
run -e 'trace sched:sched_switch, cs, tick-10ms /execname == "act" || probename == "tick-10ms"/ {
		s[probename] += 1 }
	trace_end { print(s.sched_switch >= 50, s.sched_switch == s.cs, s["tick-10ms"] > 0) }' -- \
	sh -c "$outlived" sh "$act" switches 50
check "a list of several kinds" said "true	true	true"

# 16-18: which tasks and CPUs
start other -e "trace page-faults /addr >= $place && addr < $place + 100 * $page/ { n += 1 }
	trace_end { print(n) }" -- sh -c '"$0" touch 100 & "$0" touch 100; wait; "$0" touch 100' "$act"
for i in 1 2 3; do "$act" touch 100; done
finish other
check "-- CMD: its children, and of no other process" said "300"
if [ "$cpus" -gt 1 ]; then
	run -C 1 -e 'trace cpu-clock:freq=100 { n[cpu] += 1 } tick-500ms { print(n) exit() }'
	check "-C: on one CPU" all grep -q '^1:' "$out" --and is "$(wc -l <"$out")" -eq 1
else
	skip "-C: one CPU"
fi
start self -e 'trace cs, page-faults { print(execname) }'
"$act" switches 20
sleep 1
stop self
check "ktap's own faults and switches are not seen" all said act --and not said ktap

# 19: CPUs that go and come
online=/sys/devices/system/cpu/cpu1/online
if [ -w $online ]; then
	start cpus -e 'phase = 1
		trace syscalls:sys_enter_lseek { phase = args.offset }
		trace cpu-clock:freq=200 { s[cpu, phase] += 1 }
		trace cs { c[cpu, phase] += 1 }
		trace_end { print(s[1, 1] > 0, s[1, 3], s[1, 5] > 0, s[0, 3] > 0, s[1, 8] > 0,
				  c[1, 1] > 0, c[1, 3], c[1, 5] > 0, c[1, 8] > 0) }'
	# a thread that goes there is a switch
	"$act" getppid 10
	sleep 0.5
	"$act" marks 2 1
	echo 0 >$online
	"$act" marks 3 1
	sleep 0.3
	"$act" marks 4 1
	echo 1 >$online
	sleep 0.3
	"$act" marks 5 1
	"$act" getppid 10
	sleep 0.5
	"$act" marks 6 1
	for i in 1 2 3; do
		echo 0 >$online
		echo 1 >$online
	done
	sleep 0.3
	"$act" marks 8 1
	"$act" getppid 10
	sleep 0.5
	echo 0 >$online
	stop cpus
	echo 1 >$online
	check "counters go and come with their CPU" \
		all said "true	nil	true	true	true	true	nil	true	true" --and \
		is "$status" -eq 0
else
	skip "counters go and come with their CPU: it cannot be switched off"
fi

# 20-22: what there is not
wrong=0
refuse page-fauls 'no event is called "page-fauls"; did you mean page-faults'
refuse cycle 'did you mean cycles'
refuse sw:cycles 'no event is called'
refuse hw:page-faults 'no event is called'
refuse sw: 'no event is called'
refuse cs: 'what follows is period=N'
refuse cs:period= 'what follows is period=N'
refuse cs:period=0 'what follows is period=N'
refuse cs:period=9223372036854775808 'what follows is period=N'
refuse cs:period=-1 'what follows is period=N'
refuse cs:freq=0 'what follows is period=N'
refuse cs:freq=100001 'what follows is period=N'
refuse cs:w 'what follows is period=N'
refuse cs:period=1:x 'what follows is period=N'
refuse LLC 'no event is called'
refuse LLC-loads-stores 'no event is called'
refuse LLC-loads- 'no event is called'
refuse LLC-load-misses-misses 'no event is called'
refuse read 'no event is called'
refuse rxyz 'no event is called'
refuse pmu: 'numbers follow'
refuse pmu:1 'numbers follow'
refuse pmu:1:x 'numbers follow'
refuse pmu:4294967296:1 'numbers follow'
refuse pmu:1:99 'has no counter for it'
refuse pmu:999999:1 'has no counter for it'
if [ -d $devices ]; then
	refuse ktapno/a=1/ 'there is no .*ktapno'
	refuse software/foo=1/ "no term or event 'foo'"
	refuse software/config=x/ "has no number"
	[ ! -d $devices/msr ] || refuse msr/tsc/ 'cannot interrupt'
fi
check "what is none is an error that says why" is $wrong -eq 0
run -e 'var c = "config" trace ("software/" .. c .. "=3/") { }'
check "terms in a text that the script makes" complained 'looked up before the script runs'
wrong=0
for event in cycles instructions cache-misses LLC-loads L1-dcache-load-misses \
	     branch-miss-loads dTLB-speculative-load-Reference r1a8 r00c0:u hw:branches:1000; do
	run -e "trace $event { n += 1 } tick-200ms { exit() }"
	[ "$status" -eq 0 ] || complained "\"$event\": this machine .* has no counter for it" ||
		wrong=$((wrong + 1))
done
check "a counter of hardware is there, or an error" is $wrong -eq 0

# 23: samples of hardware, where there are counters
run -e 'trace cycles:freq=1000 { n += 1 sum += args.period if (!args.ip) { wrong += 1 } }
	trace_end { print(n > 10, sum > 1000000, wrong) }' -- "$act" busy 2
if complained 'has no counter'; then
	skip "samples of cycles: no counter"
else
	check "samples of cycles" said "true	true	nil"
fi

# 24: more of them than a session may have
run -e 'for (i = 1, 300) { kdebug.trace("cs:period=" .. i, function () { n += 1 }) }'
check "more than the limit" complained 'too many perf events'

# 25-26: several sessions; attach and detach while they happen
side_by_side 200 -e "trace page-faults /addr >= $place && addr < $place + 200 * $page/ { n += 1 }
	trace_end { print(n) }"
"$act" touch 200
side_by_side_end
check "four sessions on one event" is $wrong -eq 0
"$act" busy "$(scaled 10 30)" &
load=$!
come_and_go "$(scaled 30 6)" 20 \
	-e "trace page-faults /addr >= $place && addr < $place + 20 * $page/ { n += 1 }
	trace cs, cpu-clock:freq=10000, cpu-migrations, faults:freq=1000 { s[probename] += 1 }
	trace_end { print(n) }" -- "$act" touch 20
kill $load 2>/dev/null
wait $load 2>/dev/null
check "attached and detached under load" is $wrong -eq 0

# 27: killed in the middle
meanwhile()
{
	"$act" touch 100
}
killed 10 \
	-e 'trace cs, page-faults, cpu-clock:freq=5000 { s[probename, nsecs] += 1 }'
check "a session that is killed leaves nothing" wait_for 20 nothing_left

# 28: in its sleeps and not between
run -e 'n = 0
	trace cpu-clock:freq=100 { n += 1 }
	os.sleep(500)
	print(n > 0)
	var was = n
	for (i = 1, 1000000) { }
	print(n == was)
	os.sleep(500)
	print(n > was)
	exit()'
check "events are delivered in the main chunk's sleeps" is "$(grep -c true "$out")" -eq 3

# 29: perf stops a counter that fires too often, and that is said
rate=/proc/sys/kernel/perf_event_max_sample_rate
if [ -w $rate ]; then
	was=$(cat $rate)
	echo 1000 >$rate
	run -e 'trace cpu-clock:freq=50000 { n += 1 } tick-500ms { print(n > 0) exit() }'
	echo "$was" >$rate
	check "a counter that perf stops is reported" \
		all said true --and complained 'gaps? in .*counters? .*too many interrupts'
else
	skip "a counter that perf stops: there is no limit"
fi

check "the kernel did not complain" clean
ktap_finished
