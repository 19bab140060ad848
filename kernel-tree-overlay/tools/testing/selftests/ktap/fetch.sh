#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Probes with fetch definitions: that they fire as often as a function is called,
# that each type has its value, what is wrong with one is said, and that nothing of
# them is left.  And entry.NAME, what a function was called with, in its return.

. "$(dirname "$0")/lib.sh"
. "$here/sources.sh"
plan 36

events=$tracefs/dynamic_events
list=/sys/kernel/debug/kprobes/list
if [ ! -r $events ] || [ ! -r $functions ] || [ "$(uname -m)" != x86_64 ] ||
   [ ! -e $tracefs/kprobe_events ]; then
	absent "no CONFIG_KPROBE_EVENTS, or registers of other names than here"
fi

# its argument is struct pt_regs, whose si and di are those of the call
lseek=__x64_sys_lseek
read777='dd if=/dev/zero of=/dev/null bs=777 count=100'

no_events()
{
	! grep -q '^[pr][0-9]*:ktap_' $events && [ -z "$(cat $list)" ] && ! ls -d $tracefs/events/ktap_* 2>/dev/null
}

# 1-3: as often as it is called, with values
run -e "trace probe:$lseek off=+104(%di) fd=+112(%di):s32 {"'
		n += 1 sum += args.off fds[args.fd] += 1
		if (arg1 != e.off || arg2 != args.fd || arg0 != args.ip || arg3 != nil) { wrong += 1 }
	}
	trace_end { print(n, sum, fds[-1], wrong) }' -- "$act" marks 1 3000
check "fields by name and by number, of each call" \
	all said "3000	$((3000 * 3001 / 2))	3000	nil" --and no_loss
run -e "trace probe:$lseek off=+104(%di) /off >= 10 && off < 20 || off == 90/ { n += 1 }"'
	trace_end { print(n) }' -- "$act" marks 1 100
check "definitions in a predicate" said 11
run -e "trace probe:$lseek off=+104(%di) { print(probename, func, e.name, retval, e.elapsed, entry.arg1)
			print(argstr) exit() }" -- "$act" marks 7 10
check "names, and the text as the kernel has it" \
	all said "$lseek	$lseek	$lseek	nil	nil	nil" --and \
	grep -q "^$lseek: ($lseek+0x[0-9a-f]*/0x[0-9a-f]*) off=0x7\$" "$out"

# 4-8: types
run -e 'trace probe:vfs_read a=\-1:s8 b=\-1:u8 c=\-2:s16 d=\-2:u16 g=\-3:s32 h=\-3:u32 i=\-4:s64
		j=\-1:x8 k=\-1:x16 l=\-1:x32 m=\5 n=\65:char {
		print(args.a, args.b, args.c, args.d, args.g, args.h, args.i)
		print(args.j, args.k, args.l, args.m, args.n) exit() }' -- $read777
check "numbers of each width" \
	all said "-1	255	-2	65534	-3	4294967293	-4" --and \
	said "255	65535	4294967295	5	65"
run -e 'trace probe:vfs_read n=%dx low=%dx:b8@0/16 mid=%dx:b4@8/32 s=$stack0:symbol t=$stack0:symstr
		sp=$stack at=+0($stack) /n == 777/ {
		print(args.low, args.mid, ksym(args.s) == args.t, args.sp != 0, args.at == args.s)
		exit() }' -- $read777
check "bit fields, symbols, the stack" said "9	3	true	true	true"
echo text >"$tmp/file"
run -e 'trace probe:do_sys_openat2 name=+0(%si):ustring c=$comm t=\"text" how=+0(%dx):u64[3]
		b=+0(%dx):u8[8] v=%di:s32 {
		print(args.name, args.c, args.t, args.how[0] & 3, args.how[2], args.how[3],
		      len(args.how), strlen(args.b), args.v == -100) }' -- \
	cat "$tmp/file"
check "strings and arrays" said "$tmp/file	cat	text	0	0	nil	3	8	true"
run -e 'trace probe:__x64_sys_execve a=+u0(+104(%di)):ustring[2] { print(argstr) t = args.a
		print(len(t)) }' -- sh -c 'exec true arg'
check "an array of strings has as many" all grep -q '^2$' "$out" --and \
	grep -q 'a={' "$out"
run -e "trace probe:$lseek "'bad=+0(\8):string ubad=+0(\8):ustring num=+8(\8):u64 deep=+0(+0(\8)):u32 {
		n += 1 if (args.bad != nil || args.ubad != nil) { wrong += 1 }
		if (args.num != 0 || args.deep != 0) { wrong += 1 } text = argstr .. "" }
	trace_end { print(n, wrong) print(text) }' -- "$act" marks 1 50
check "what cannot be read is nil, and counted; a number is 0" \
	all said "50	nil" --and grep -q 'bad=(fault) ubad=(fault) num=0 deep=0$' "$out" --and \
	complained '100 reads of memory failed'

# 9-13: returns, and what the entry had
run -e "trace probe:$lseek%return r=\$retval:s64"' { n += 1 r[args.r, retval, e.retval] += 1
		if (arg0 != args.ip || arg1 != args.r || args.ret_ip == 0 || e.elapsed != nil) {
			wrong += 1 } }
	trace_end { print(n, r[-9, -9, -9], wrong) }' -- "$act" marks 1 1000
check "a return with definitions" all said "1000	1000	nil" --and no_loss
run -e 'trace probe:vfs_read! n=$arg3 r=$retval { s[entry.n, entry.arg3, args.n, args.r, retval] += 1
		if (args.n == 777) { t = argstr .. "" f = probename .. " " .. func } }
	trace_end { print(s[777, 777, 777, 777, 777]) print(t) print(f) }' -- $read777
check "arguments that the kernel keeps for a return" \
	all said 100 --and said "ret_vfs_read vfs_read" --and \
	grep -q '^ret_vfs_read: (.*+0x[0-9a-f]*/0x[0-9a-f]* <- vfs_read) n=0x309 r=0x309$' "$out"
run -e 'trace probe:vfs_read! r=$retval { x = entry.r }' -- $read777
check "what is no argument, the entry had not" \
	all is "$status" -eq 1 --and complained 'ret_vfs_read has no entry.r'
run -e 'trace probe:vfs_read! { s[entry.arg3, retval] += 1 if (entry.arg1 == 0) { wrong += 1 } }
	trace k:vfs_rea?! /entry.arg3 == 777/ { g += 1 }
	trace probe:vfs_read! { p += 1 }
	trace probe:vfs_read, tick-1s { if (entry.arg3 != nil) { wrong += 1 } }
	function f() { return entry.arg3 }
	trace kretprobe:vfs_read { if (f() == 777) { h += 1 } }
	trace_end { print(s[777, 777], g, p >= 100, h, wrong) }' -- $read777
check "entry.argN of plain returns, of patterns, in functions" \
	all said "100	100	true	100	nil" --and no_loss
run -e 'trace probe:vfs_read! { x = entry.nothing }' -- $read777
check "an entry has arguments, nothing else" \
	all is "$status" -eq 1 --and complained 'has no entry.nothing'

# 14-16: places
run -e "trace probe:$lseek a=%di { a += 1 } trace probe:$lseek b=%di { b += 1 }
	trace k:$lseek a=%di { c += 1 } trace probe:$lseek { d += 1 }
	trace probe:$lseek+4 a=%di { o += 1 if (func == \"$lseek\") { f += 1 } }
	trace_end { print(a, b, c, d, o, f) }" -- "$act" marks 1 100
check "several probes of a function, and of an instruction" \
	all said "100	100	100	100	100	100" --and no_loss
if addr=$(awk -v f="$lseek" '$3 == f { print $1 }' /proc/kallsyms) &&
   [ "${addr#*[1-9a-f]}" != "$addr" ]; then
	run -e "trace probe:0x$addr a=%di"' { n += 1 f = func } trace_end { print(n, f) }' -- \
		"$act" marks 1 100
	check "an address" said "100	$lseek"
else
	skip "an address: they are hidden"
fi
run -e "trace probe:$lseek a=%di, probe:$lseek! r=\$retval, syscalls:sys_enter_lseek {
		s[probename] += 1 }
	trace_end { print(s[\"$lseek\"], s[\"ret_$lseek\"], s.sys_enter_lseek) }" -- \
	"$act" marks 1 100
check "a list of them and other events" said "100	100	100"

# 17-19: patterns
run -v -e 'trace probe:vfs_[!.]* n=%dx { s[func, args.n] += 1 if (func != probename) { wrong += 1 }
		if (arg0 != args.ip) { wrong += 1 } }
	trace probe:vfs_read { p += 1 }
	trace_end { print(s["vfs_read", 777], s["vfs_write", 777], p >= 100, wrong) }' -- $read777
have=$(attached)
check "a pattern with definitions, $have functions" \
	all said "100	100	true	nil" --and no_loss --and is "$have" -gt 20
run -v -e 'trace probe:vfs_r*! r=$retval { s[func, args.r, retval, entry.arg3] += 1 q[probename] += 1 }
	trace_end { print(s["vfs_read", 777, 777, 777], q.ret_vfs_read >= 100) }' -- $read777
check "a pattern of returns" all said "100	true" --and no_loss
run -v -e 'trace probe:t* a=%di { }'
check "more functions than are possible with definitions" \
	all is "$status" -eq 1 --and complained 'with definitions, 256 is the limit'

# 20: what is wrong
wrong=0
refuse 'probe:vfs_read a=%zz' 'Invalid register name'
refuse 'probe:vfs_read a=%di b=+4(%si' 'Dereference brace is not closed'
refuse 'probe:vfs_read a=%di a=%si' 'name is already used'
refuse 'probe:vfs_read a=$retval' 'not available on probe'
refuse 'probe:vfs_read a=%di:u7' 'Unknown type'
refuse 'probe:vfs_read a=%di:string' 'only memory argument'
refuse 'probe:vfs_read =%di' 'name is not specified'
refuse 'probe:vfs_read a=' 'No argument expression'
refuse 'probe:vfs_read a=@no_such_symbol_at_all' 'cannot probe'
refuse 'probe:vfs_read a=+0(%di):u8[999]' 'Array number is too big'
refuse 'probe:vfs_read+4! a=%di' 'only a whole function returns'
refuse 'probe:vfs_reed a=%di' 'no function "vfs_reed".*did you mean.*vfs_read'
refuse 'probe:start_kernel a=%di' 'only while the kernel starts'
refuse 'probe:vfs_* a=%zz' 'Invalid register name'
refuse 'probe:zzz_none_* a=%di' 'no function matches'
check "what is wrong with a definition is said" is $wrong -eq 0
run -e 'trace probe:vfs_read good=%di bad=%qq more=%si { }'
check "and where" \
	all grep -q '^	bad=%qq$' "$err" --and grep -q '^	    ^$' "$err" --and \
	not complained good=%di$
check "nothing is left of it" no_events

# 23-25: stacks
run -e 'trace probe:vfs_read n=%dx /n == 777/ { s[stack(2)] += 1 } trace_end { print(s) }' -- $read777
check "the stack begins with the function and its caller" \
	all grep -q '^vfs_read+' "$out" --and grep -q '^ksys_read+.*	100$' "$out"
run -e 'trace probe:vfs_read! r=$retval /r == 777/ { s[stack(1)] += 1 } trace_end { print(s) }' -- \
	$read777
check "at a return with the caller" grep -q '^ksys_read+.*	100$' "$out"
echo "p:ktaptest/rd vfs_read n=%dx" >>$events
echo "r:ktaptest/rdr vfs_read r=\$retval" >>$events
[ ! -e $tracefs/events/ktaptest/rdr ] ||
	run -e 'trace ktaptest:rd /n == 777/ { s[stack(2)] += 1 } trace ktaptest:rdr /r == 777/ { r[stack(1)] += 1 }
		trace_end { print(s) print("r") print(r) }' -- $read777
echo "-:ktaptest/rd" >>$events
echo "-:ktaptest/rdr" >>$events
check "so it is with probes that others made" \
	all grep -q '^vfs_read+' "$out" --and \
	is "$(grep -c '^ksys_read+.*	100$' "$out")" -eq 2

# 26-27: contexts
run -e 'trace probe:hrtimer_interrupt a=%di { if (in_interrupt()) { n += 1 } else { wrong += 1 } }
	trace probe:hrtimer_interrupt! a=$arg1 { r += 1 if (args.a != entry.arg1) { wrong += 1 } }
	trace_end { print(n > 10, r > 10, wrong) }' -- "$act" busy 1
check "in a hard interrupt" said "true	true	nil"
if can_nmi && has_function show_regs; then
	start nmi -e 'trace probe:show_regs a=%di s=+0(%di):string t=$comm, probe:show_regs! a=$arg1 t=$comm {
			if (in_interrupt()) { n += 1 }
			s[probename, tostring(stack(2)), args.t] += 1
			print(argstr)
		}
		trace_end { print("nmi", n) }'
	nmis_while_busy
	stop nmi
	check "in NMIs" all is "$status" -eq 0 --and grep -q '^nmi	[1-9]' "$out"
else
	skip "in NMIs"
fi

# 28-29: which tasks; in a probe's handler there is no other probe
start task -e "trace probe:$lseek o=+104(%di) { n += 1 } trace_end { print(n) }" -- "$act" marks 1 500
for i in 1 2 3 4 5; do "$act" marks 1 100; done
finish task
start self -e 'trace probe:vfs_read a=%di, probe:vfs_read! r=$retval { print(execname) }'
dd if=/dev/zero of=/dev/null bs=777 count=20 2>/dev/null
sleep 1
stop self
cp "$out" "$tmp/self"
use task
check "-- CMD: of no other process; and ktap's own reading is not seen" \
	all said 500 --and grep -q '^dd$' "$tmp/self" --and not grep -q '^ktap' "$tmp/self"
run -e 'trace probe:copy_from_user_nofault a=%di { n += 1 }
	trace probe:'"$lseek"' o=+104(%di) { user_int(4096, 8) }' -- "$act" marks 1 100
check "probes that are hit in a handler are counted as missed" is "$(missed)" -eq 100

# 30-33: what is there, and what is left
start there -e "trace probe:$lseek a=%di, probe:$lseek! r=\$retval { n += 1 } trace_end { print(n) }"
"$act" marks 1 10
there=$(grep -c '^[pr][0-9]*:ktap_' $events)
stop there
check "the kernel lists them, until the session ends" \
	all is "$there" -eq 2 --and said 20 --and no_events
start busy -e "trace probe:$lseek a=%di { n += 1 } trace_end { print(n) }"
dir=$(dirname $tracefs/events/ktap_*/$lseek/enable)
echo 1 >"$dir/enable"
"$act" marks 1 10
stop busy
busy=$(grep -c '^[pr][0-9]*:ktap_' $events)
echo 0 >"$dir/enable"
check "one that others use goes when they do not any more" \
	all is "$busy" -eq 1 --and said 10 --and wait_for 20 no_events
meanwhile()
{
	"$act" marks 1 500
}
killed 5 \
	-e "trace probe:$lseek a=%di, probe:vfs_read! r=\$retval, probe:vfs_r* a=%di {
		s[probename, nsecs] += 1 }"
check "a session that is killed leaves no event" \
	all wait_for 20 nothing_left --and wait_for 20 no_events
load "$act" marks 1 2000
come_and_go "$(scaled 20 5)" "10	10	10" \
	-e "trace probe:$lseek o=+104(%di), probe:$lseek! r=\$retval, probe:vfs_r* a=%di {
		s[probename] += 1 }
	trace probe:$lseek! { e1[entry.arg1 != 0] += 1 }
	trace_end { print(s[\"$lseek\"], s[\"ret_$lseek\"], e1[true]) }" -- "$act" marks 1 10
load_end
check "attached and detached under load" is $wrong -eq 0

# 34: several sessions
side_by_side 500 -e "trace probe:$lseek o=+104(%di) /o > 500/ { n[execname] += 1 }
	trace_end { print(n.act) }"
"$act" marks 1 1000
side_by_side_end
check "four sessions on one function" is $wrong -eq 0

# 35: a module that goes while it is probed
if has_lkdtm; then
	start module -e 'trace probe:lkdtm:direct_entry a=%di { n += 1 f = func }
		trace_end { print(n, f) }'
	reload_lkdtm
	stop module
	rmmod lkdtm
	# the kernel puts its own events there again
	check "a function of a module" all said "2	direct_entry" --and is "$status" -eq 0
else
	skip "a function of a module: no lkdtm"
fi

check "the kernel did not complain" all clean --and no_events
ktap_finished
