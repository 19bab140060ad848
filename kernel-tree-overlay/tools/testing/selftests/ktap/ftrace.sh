#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The function tracer: that it fires as often as functions are called, that only
# those are hooked that a filter lets through, what handlers see, and that nothing
# is left.

. "$(dirname "$0")/lib.sh"
. "$here/sources.sh"
plan 20

if [ ! -r $functions ]; then
	absent "the function tracer: this kernel has none"
fi
find_lseek

no_hooks()
{
	[ -z "$(cat $tracefs/enabled_functions)" ]
}

# 1-6: as often as a function is called, and only the wanted functions
run -e "trace ftrace:function:$lseek { n += 1 } trace k:$lseek { k += 1 }
	trace_end { print(n, k) }" -- "$act" marks 1 3000
check "each call of a function" all said "3000	3000" --and no_loss
run -e "trace ftrace:function /ip == $lseek/ { a += 1 }
	trace ftrace:function /ip == $lseek*/ { b += 1 }
	trace \"ftrace:function /ip == \\\"$lseek\\\"/\" function (e) { c += 1 }
	trace ftrace:function /ip ~ \"$lseek\"/ { d += 1 }
	trace ftrace:function /(ip ~ \"$lseek\") && 1 == 1/ { f += 1 }
	trace_end { print(a, b, c, d, f) }" -- "$act" marks 1 100
check "each form of the filter" all said "100	100	100	100	100" --and no_loss
start hooks -e "trace ftrace:function /ip == vfs_*/ { s[func] += 1 }
	trace_end { print(s.vfs_read >= 200, s.vfs_write >= 200, s.ksys_read) }"
want=$(grep -c '^vfs_' $functions)
have=$(grep -c '^vfs_' $tracefs/enabled_functions)
all=$(grep -c . $tracefs/enabled_functions)
dd if=/dev/zero of=/dev/null bs=777 count=200 2>/dev/null
stop hooks
check "a pattern is all functions that match" \
	all said "true	true	nil" --and no_loss
check "and hooks no others ($have of $want)" \
	all is "$have" -le "$want" --and is "$have" -ge $((want - want / 20 - 1)) --and \
	is "$all" -eq "$have"
run -e "trace ftrace:function /execname == \"act\" && (ip == $lseek && cpu >= 0)/ { n += 1 }
	trace ftrace:function /ip == $lseek && execname == \"other\"/ { m += 1 }
	trace ftrace:function:$lseek /ip != vfs_*/ { o += 1 }
	trace ftrace:function:$lseek /ip != $lseek/ { p += 1 }
	trace ftrace:function:$lseek /ip == vfs_read || execname == \"act\"/ { q += 1 }
	trace_end { print(n, m, o, p, q) }" -- "$act" marks 1 100
check "with other conditions" said "100	nil	100	nil	100"
if has_patterns; then
	run -e 'trace ftrace:function /ip == vfs_read/ { f += 1 } trace k:vfs_read { k += 1 }
		trace k:vfs_rea? { g += 1 } trace k:vfs_rea?! { r += 1 }
		trace ftrace:function:vfs_rea?, ftrace:function:ksys_read { l += 1 }
		trace_end { print(f >= 200, f == k, k == g, g == r, l == f + f) }' -- \
		dd if=/dev/zero of=/dev/null bs=777 count=200
	check "with probes of the same function" \
		all said "true	true	true	true	true" --and no_loss
else
	skip "with probes of the same function: no patterns"
fi

# 7-9: what a handler sees
run -e "trace ftrace:function:$lseek { print(probename, func, e.name, ksym(args.ip, false),
		args.ip == arg0, args.parent_ip == arg1, arg2, retval, e.fieldnum)
		print(argstr) exit() }" -- "$act" marks 1 10
check "the fields" \
	all said "function	$lseek	function	$lseek	true	true	nil	nil	2" --and \
	grep -q "^$lseek <- .*+0x[0-9a-f]*/0x[0-9a-f]*\$" "$out"
run -e 'trace ftrace:function:vfs_read { s[ksym(args.parent_ip, false)] += 1 }
	trace_end { print(s.ksys_read >= 200) }' -- dd if=/dev/zero of=/dev/null bs=777 count=200
check "who called" said true
run -e 'trace ftrace:function:vfs_read { print(stack()) print("end") }
	trace k:vfs_read { n += 1 }' -- dd if=/dev/zero of=/dev/null bs=777 count=2
check "the stack begins with the function and its caller" \
	all is "$(grep -c '^end' "$out")" -gt 0 --and \
	is "$(grep -A 1 '^<stack' "$out" | grep -c '^ => vfs_read+')" -eq \
	   "$(grep -c '^end' "$out")" --and \
	is "$(grep -A 1 '^ => vfs_read+' "$out" | grep -c '^ => ksys_read+')" -gt 0

# 10-11: all functions
run -e "trace ftrace:function { n += 1 } trace ftrace:function:$lseek { m += 1 }
	trace_end { print(n > 3000, m) }" -- "$act" marks 1 1000
check "all functions" said "true	1000"
start all -e 'trace ftrace:function { n += 1 s[args.ip] += 1 } trace_end { print(n > 10000) }'
"$act" busy "$(scaled 4 8)"
"$act" marks 1 1000
stop all
check "all functions, with a table, for some seconds" \
	all said true --and is "$status" -eq 0

# 12: what there is not
wrong=0
refuse ftrace:functions 'this is ftrace:function'
refuse ftrace:function: 'this is ftrace:function'
refuse 'ftrace:*' 'this is ftrace:function'
refuse ftrace:function:vfs_reed 'no function that can be traced matches "vfs_reed"'
refuse 'ftrace:function /ip == zzz_none*/' 'no function that can be traced matches "zzz_none\*"'
run -e 'trace ftrace:function:vfs_read { print(args.arg1) }'
check "what there is not is an error that says so" \
	all is $wrong -eq 0 --and is "$status" -eq 1 --and complained 'has no field "arg1"' \
	--and no_hooks

# 13-14: contexts
run -e 'trace ftrace:function /ip == hrtimer_interrupt/ {
		if (in_interrupt()) { n += 1 } else { wrong += 1 } }
	trace_end { print(n > 10, wrong) }' -- "$act" busy 1
check "in a hard interrupt" said "true	nil"
if can_nmi && has_function show_regs; then
	start nmi -e 'trace ftrace:function:show_regs { n += 1 s[tostring(stack(2))] += 1
			print(argstr) }
		trace_end { print("nmi", n) }'
	nmis_while_busy
	stop nmi
	check "in NMIs" all is "$status" -eq 0 --and grep -q '^nmi	[1-9]' "$out"
else
	skip "in NMIs"
fi

# 15-16: which tasks
start task -e "trace ftrace:function:$lseek { n += 1 } trace_end { print(n) }" -- \
	"$act" marks 1 500
for i in 1 2 3 4 5; do "$act" marks 1 100; done
finish task
check "-- CMD: of no other process" said 500
start self -e 'trace ftrace:function:vfs_read { print(execname) }'
dd if=/dev/zero of=/dev/null bs=777 count=20 2>/dev/null
sleep 1
stop self
check "ktap's own reading is not seen" all said dd --and not said ktap

# 17: attach and detach while it is called all the time
load "$act" marks 1 2000
come_and_go "$(scaled 30 6)" 10 \
	-e "trace ftrace:function:$lseek, ftrace:function:vfs_* { s[func] += 1 }
	trace_end { print(s.$lseek) }" -- "$act" marks 1 10
load_end
check "attached and detached under load" is $wrong -eq 0

# 18: killed in the middle
meanwhile()
{
	"$act" marks 1 100
}
killed "$(scaled 5 2)" -e 'trace ftrace:function { s[args.ip, nsecs] += 1 }'
check "a session that is killed leaves no hook" \
	all wait_for 20 nothing_left --and wait_for 20 no_hooks

# 19: a module that goes while it is traced
if has_lkdtm; then
	start module -e 'trace ftrace:function /ip == direct_entry/ { n += 1 f = func }
		trace ftrace:function { a += 1 }
		trace_end { print(n >= 1, f, a > n) }'
	reload_lkdtm
	stop module
	rmmod lkdtm
	check "functions of a module, which can be unloaded" \
		all said "true	direct_entry	true" --and is "$gone" -eq 0
else
	skip "functions of a module: no lkdtm"
fi

check "the kernel did not complain" all clean --and no_hooks
ktap_finished
