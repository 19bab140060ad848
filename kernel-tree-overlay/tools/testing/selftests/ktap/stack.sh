#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# stack(): it begins where the event is, in every context, and nothing of the
# tracer is in it.

. "$(dirname "$0")/lib.sh"
. "$here/sources.sh"
plan 18

# functions between an event and a handler; ktap's own have these names too
ours='^(ktap_|tp_|sc_|tap_|event_trigger|trace_event_|do_trace_event_|__traceiter_)'
ours="$ours|\\[ktapvm\\]|^__trace_event"
tracer="$ours|^stack_trace_save|^arch_stack_walk"

# first NAME: the frames in lines "NAME FRAME+..." of the output
first()
{
	sed -n "s/^$1 \\([^+]*\\)+0x[0-9a-f]*\\/0x[0-9a-f]*.*/\\1/p" "$out"
}

# only NAME PATTERN: there are such frames, and all of them match
only()
{
	first "$1" | sort -u >"$tmp/first"
	[ -s "$tmp/first" ] || return 1
	if grep -v -E -q -e "$2" "$tmp/first"; then
		grep -v -E -e "$2" "$tmp/first" | head -n 5 | sed 's/^/# it is /'
		return 1
	fi
}

none_of_ours()
{
	first "$1" >"$tmp/first"
	[ -s "$tmp/first" ] || return 1
	if grep -E -q -e "$tracer" "$tmp/first"; then
		grep -E -e "$tracer" "$tmp/first" | head -n 5 | sed 's/^/# there is /'
		return 1
	fi
}

# 1: tracepoints in processes
run -e 'trace sched:sched_switch { n += 1 s[stack(1)] += 1 }
	trace_end {
		for (k, v in pairs(s)) { m += v printf("at %s\n", k) }
		print("exact", n > 0, n == m)
	}' -- "$act" busy 1
check "sched_switch is in __schedule" all only at '^__schedule$' \
	--and said "exact	true	true" --and is "$status" -eq 0

# 2, 3: a second listener has the tracepoint call all of them through a function
start other -e 'trace sched:sched_switch, raw_syscalls:sys_enter { n += 1 }'
run -e 'trace sched:sched_switch { s[stack(1)] += 1 }
	trace syscalls:sys_enter_lseek { c[stack(1)] += 1 }
	trace_end {
		for (k, v in pairs(s)) { printf("at %s\n", k) }
		for (k, v in pairs(c)) { printf("call %s\n", k) }
	}' -- sh -c "'$act' busy 1; '$act' marks 1 10"
check "also with others at the same tracepoint" only at '^__schedule$'
check "system calls too" only call syscall
stop other

# 4, 5: system calls
run -e 'trace syscalls:sys_enter_lseek { s[stack(1)] += 1 }
	trace syscalls:sys_exit_lseek { x[stack(1)] += 1 }
	trace_end {
		for (k, v in pairs(s)) { printf("enter %s\n", k) print("entries", v) }
		for (k, v in pairs(x)) { printf("exit %s\n", k) print("exits", v) }
	}' -- "$act" marks 1 10
check "system calls: the entry is in the entry code" all only enter syscall --and said "entries	10"
check "and the exit in that of the exit" all only exit syscall --and said "exits	10"

# 6, 7: interrupts
start irq -e 'trace irq:softirq_entry { s[stack(1)] += 1 }
	trace timer:hrtimer_expire_entry { h[stack(1)] += 1 }
	trace_end {
		for (k, v in pairs(s)) { printf("soft %s\n", k) }
		for (k, v in pairs(h)) { printf("hard %s\n", k) }
	}'
"$act" busy 1
stop irq
check "in soft interrupts" only soft '^(handle_softirqs|__do_softirq)'
check "in hard interrupts" only hard 'hrtimer'

# 8: NMI
if ! has_events nmi:nmi_handler || ! can_nmi; then
	skip "in NMIs"
else
	start nmi -e 'trace nmi:nmi_handler {
			printf("nmi %s\n", stack(1))
			s[stack()] += 1
			t[tostring(stack())] += 1
		}
		trace_end { print("kinds", len(s) > 0, len(t) > 0) }'
	nmis_while_busy
	stop nmi
	check "in NMIs" all only nmi '^(nmi_handle|default_do_nmi|exc_nmi)' \
		--and said "kinds	true	true"
fi

# 9: all there is
many='sched:*, irq:*, timer:*, kmem:*, rcu:*, signal:*, task:*, syscalls:*'
run -e "trace $many"' { s[probename, stack(1)] += 1 }
	trace_end {
		for (k, v in pairs(s)) { printf("at %s\n", k[2]) n += 1 }
		print("n", n > 20)
	}' -- sh -c "'$act' busy 1; ls / >/dev/null"
check "no event's stack begins in the tracer" all none_of_ours at --and said "n	true"

# 10, 11: whole stacks.  Others walk stacks as well, and are interrupted in it.
tracer=$ours
run -e 'trace sched:sched_switch { s[stack()] += 1 d[stack(3)] += 1 }
	trace_end {
		for (k, v in pairs(s)) {
			t = split(tostring(k), "\n")
			for (i = 1, len(t)) { printf("in %s\n", t[i]) }
		}
		for (k, v in pairs(d)) {
			if (len(split(tostring(k), "\n")) > 3) { deep += 1 }
		}
		print("deep", deep, len(s) > len(d) || len(s) == len(d))
	}' -- sh -c 'sleep 0.1; exit 0'
check "nothing of the tracer in any frame" all none_of_ours in --and said "deep	nil	true"
first in >"$tmp/in"
check "two ways to wait are two stacks" \
	all grep -q nanosleep "$tmp/in" --and grep -q do_wait "$tmp/in"

# 12: text made in the handler, and by the reader
run -e 'trace syscalls:sys_enter_lseek {
		printf("late %s\n", stack(1))
		printf("soon %s\n", tostring(stack(1)))
		var s = stack()
		print("same", s == stack(), tostring(s) == tostring(stack()),
			(s .. "") == sprintf("%s", s))
		exit()
	}' -- "$act" marks 1 1
check "the text is the same whoever makes it" \
	all said "same	true	true	true" --and test "$(first late)" = "$(first soon)" \
	--and only late syscall

# 13: without an event
run -e 'print(stack()) trace_end { print("end") print(stack()) }'
check "the main chunk's stack begins in the system call" \
	all grep -q -E '^ => .*ioctl' "$out" \
	--and not grep -q -E '^ => (ktap_|session_)' "$out" \
	--and is "$(grep -c '^<stack trace>$' "$out")" -eq 2

# 14: as JSON
run --json -e 'trace sched:sched_switch { print(stack(2)) exit() }' -- "$act" busy 1
check "as JSON it is a list" \
	grep -q -E '"values":\[\["__schedule\+0x[0-9a-f]+/0x[0-9a-f]+","' "$out"

# 15: what is printed is what there was
run -e 'trace sched:sched_switch { print(stack()) n += 1 } trace_end { print("n", n) }' -- \
	"$act" busy 1
lost=$(sed -n 's/^ktap: \([0-9]*\) output records* lost.*/\1/p' "$err")
stacks=$(grep -c '^<stack trace>$' "$out")
check "as many stacks as events" said "n	$((stacks + ${lost:-0}))"

# 16, 17: names are for whoever may trace; addresses are not.  What calls a kprobe is,
# on some machines, code that has no name.
restrict=$(cat /proc/sys/kernel/kptr_restrict 2>/dev/null)
probe=ktap_test_stack
probes=$tracefs/kprobe_events

stack_of_probe()
{
	run -e "trace kprobes:$probe"' { printf("%s\n", stack()) exit() }' -- \
		sh -c 'echo >/dev/null'
}

if [ -z "$restrict" ] || ! echo 2 >/proc/sys/kernel/kptr_restrict 2>/dev/null; then
	skip "kptr_restrict: names"
	skip "kptr_restrict: what has no name"
else
	run -e 'trace sched:sched_switch {
			printf("at %s\n", stack(1))
			printf("all %s\n", stack())
			exit()
		}' -- "$act" busy 1
	check "kptr_restrict: names, no addresses" all only at '^__schedule$' \
		--and not grep -q -E '(^|[^+/])0x[0-9a-f]{8}' "$out"
	if echo "p:$probe vfs_write" 2>/dev/null >>"$probes"; then
		stack_of_probe
		cp "$out" "$tmp/restricted"
		echo "$restrict" >/proc/sys/kernel/kptr_restrict
		stack_of_probe
		echo "-:$probe" >>"$probes"
	else
		echo >"$out"
	fi
	echo "$restrict" >/proc/sys/kernel/kptr_restrict
	if ! grep -q '^0x[0-9a-f]*$' "$out"; then
		skip "kptr_restrict: what has no name"
	else
		check "kptr_restrict: what has no name is unknown to them" \
			all grep -q -x '(unknown)' "$tmp/restricted" \
			--and not grep -q '^0x' "$tmp/restricted" --and grep -q '^vfs_write+' "$out"
	fi
fi

check "the kernel did not complain" all clean --and wait_for 10 nothing_left
ktap_finished
