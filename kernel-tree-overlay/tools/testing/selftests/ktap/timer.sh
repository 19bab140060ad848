#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Timers: how often they fire, on which CPUs, what handlers see; and that they
# follow CPUs, end at once, and are nothing that a session leaves behind.

. "$(dirname "$0")/lib.sh"
plan 19

cpus=$(getconf _NPROCESSORS_ONLN 2>/dev/null || nproc)

# 1-3: as often as the clock says; what comes too late is counted, and a machine with
# other work ends the session too late as well: so each is held to the time of its last
late()
{
	sed -n 's/^ktap: \([0-9]*\) timer events* missed.*/\1/p' "$err" | grep . || echo 0
}

run -e 'trace_begin { from = nsecs }
	tick-100ms { n += 1 last = nsecs }
	tick-1050ms { print("ticks", n, (last - from) / 100ms) exit() }'
ticks=$(($(sed -n 's/^ticks	\(.*\)	.*/\1/p' "$out") + $(late)))
due=$(sed -n 's/^ticks	.*	//p' "$out")
check "a tick fires once an interval, or is counted" \
	all is "$ticks" -le "$due" --and is "$ticks" -ge $((due - 1)) --and is "$due" -ge 9
run -e 'trace_begin { from = nsecs }
	profile-50hz { n[cpu] += 1 last[cpu] = nsecs }
	tick-1010ms {
		for (c, t in pairs(last)) { due += (t - from) / 20ms fired += n[c] }
		print("cpus", len(n), fired, due)
		exit()
	}'
fired=$(($(cut -f 3 "$out") + $(late)))
due=$(cut -f 4 "$out")
check "a profile fires on each CPU" \
	all is "$(cut -f 2 "$out")" -eq "$cpus" --and is "$fired" -le "$due" --and \
	is "$fired" -ge $((due - 2 * cpus)) --and is "$due" -ge $((cpus * 40))
run -e 'profile-10us { n += 1 } tick-1s { exit() }'
check "the shortest interval leaves time for the rest" \
	all is "$status" -eq 0 --and is "$(wc -l <"$out")" -le 3

# 4-6: what a handler sees
run -e 'tick-100ms { print(probename, e.name, argstr, in_interrupt(), args.user == nil)
		     exit() }'
check "the names of a timer" said "tick-100ms	tick-100ms	tick-100ms	true	false"
# there need not be any sample in the kernel
run -e 'in_kernel = 0
	profile-499hz { if (args.user) { in_user += 1 } else { in_kernel += 1 } }
	trace_end { print(in_user > in_kernel) }' -- \
	sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done'
check "a busy program is sampled in user mode" said "true"
run -e 'profile-97hz { s[execname] += 1 } trace_end { for (k, n in pairs(s)) { print(k) } }' -- \
	sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done'
# before it has executed CMD the process is called ktap
check "-- CMD: profiles of nothing else" \
	all said "sh" --and not grep -q -v -x -e sh -e ktap "$out"

# 7-8: -C
if [ "$cpus" -gt 1 ]; then
	run -C 1 -e 'profile-97hz { print(cpu) } tick-500ms { exit() }'
	check "-C: profiles on one CPU" \
		all said 1 --and not said 0
else
	skip "-C: one CPU"
fi
run -C 0 -e 'tick-100ms { print("tick") exit() }'
check "-C: a tick is of no CPU" said "tick"

# 9-10: the first generation: while the main chunk sleeps
cat >"$tmp/timer.kp" <<'EOF'
one = 0
two = 0
timer.s(1, function () { one = one + 1 })
timer.s(2, function () { two = two + 1 })
os.sleep(4500)
print(one, two)
exit()
EOF
run "$tmp/timer.kp"
check "timers fire while the main chunk sleeps" said "4	2"
run -e 'n = 0
	trace syscalls:sys_enter_lseek { n += 1 }
	os.sleep(1000)
	print(n > 0)
	var was = n
	for (i = 1, 1000000) { }
	print(n == was)
	os.sleep(1000)
	print(n > was)
	exit()' -- sh -c 'while :; do "$0" marks 1 1; done' "$act"
check "events are delivered in its sleeps, and not between" \
	all is "$(grep -c true "$out")" -eq 3

# 11: texts that are none
bad=0
for text in tick-5 tick-5x tick-1x profile-0hz tick-9us tick-99999999999999999999s; do
	run -e "$text { }"
	[ "$status" -eq 1 ] && complained 'cannot parse timer interval' && bad=$((bad + 1))
done
check "an interval that is none is refused" is $bad -eq 6

# 12: CPUs that come and go
online=/sys/devices/system/cpu/cpu1/online
if [ -w $online ]; then
	start hotplug -e 'profile-49hz { s[cpu] += 1 } tick-1s { print(len(s), s[1]) clear(s) }'
	for i in 1 2 3; do
		echo 0 >$online
		sleep 0.3
		echo 1 >$online
		sleep 0.3
	done
	echo 0 >$online
	sleep 2.5
	echo 1 >$online
	sleep 2.5
	stop hotplug
	check "profiles follow CPUs" \
		all is "$status" -eq 0 --and grep -q "^1	nil\$" "$out" --and \
		grep -q "^2	[0-9]" "$out"
else
	skip "profiles follow CPUs: none can be taken off"
fi

# 13: many at once
run -e 'for (i = 1, 200) { timer.profile((i + 20) .. "ms", function () { n += 1 }) }
	for (i = 1, 200) { timer.tick((i + 20) .. "ms", function () { n += 1 }) }
	n = 0
	tick-2s { print(n > 1000) exit() }'
check "400 timers" said "true"

run -e 'for (i = 1, 2000) { timer.tick((i + 1000) .. "ms", function () { }) }'
check "more than the limit" \
	all is "$status" -eq 1 --and complained 'there are 1024 timers already'

# 14: killed in the middle
for i in 1 2 3 4 5 6 7 8 9 10; do
	start kill$i -e 'profile-999hz { s[cpu, nsecs] += 1 } tick-1ms { n += 1 }'
	stop kill$i KILL
done
check "a session that is killed leaves no timer" wait_for 20 nothing_left

# 15: a handler of the hard interrupt that takes longer than the interval
run -e 'tick-10us { for (i = 1, 2000) { } n += 1 } tick-500ms { print("alive") exit() }'
check "a slow handler does not keep the CPU" \
	all said "alive" --and complained 'timer event'

# 16-17: the stack is that of what was interrupted; a program has none in the kernel
run -e 'n = 0
	ok = 0
	profile-499hz {
		if (!args.user) {
			n += 1
			if (tostring(stack(1)) == ksym(args.ip)) { ok += 1 }
		}
	}
	tick-1s { print(n > 0, ok * 10 >= n * 9) exit() }'
check "the stack begins where the CPU was interrupted" said "true	true"
run -e 'profile-499hz { if (args.user) { s[tostring(stack())] += 1 } }
	trace_end { print(len(s), s[""] > 0) }' -- \
	sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done'
check "a program that is interrupted has no stack of the kernel" said "1	true"

check "the kernel did not complain" clean
ktap_finished
