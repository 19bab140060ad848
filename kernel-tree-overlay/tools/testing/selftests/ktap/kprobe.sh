#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Probes of the kernel's functions and of their returns: that they fire as often
# as a function is called, what handlers see, what cannot be probed, and that
# nothing of them is left.

. "$(dirname "$0")/lib.sh"
. "$here/sources.sh"
plan 37

list=/sys/kernel/debug/kprobes/list
if [ ! -r $list ] || [ ! -r $functions ]; then
	absent "probes: this kernel has none, or not the function tracer"
fi
find_lseek

no_probes()
{
	[ -z "$(cat $list)" ] && [ -z "$(cat $tracefs/enabled_functions)" ]
}

# 1-4: as often as it is called
run -e "trace probe:$lseek"' { n += 1 }
	trace probe:'"$lseek"'%return { r[retval] += 1 }
	trace_end { print("entries", n) print(r) }' -- "$act" marks 1 3000
check "a call is an entry and a return, whose value is right" \
	all said "entries	3000" --and said "-9:	3000" --and no_loss
run -e "trace k:$lseek { a += 1 } trace kprobe:$lseek { b += 1 }
	trace kprobes:$lseek { c += 1 } trace probe:$lseek { d += 1 }
	trace k:$lseek%return { e1 += 1 } trace probe:$lseek! { f += 1 }
	trace kretprobe:$lseek { g += 1 }
	trace_end { print(a, b, c, d, e1, f, g) }" -- "$act" marks 1 100
check "each spelling is the same probe" \
	said "100	100	100	100	100	100	100"
run -e "trace probe:$lseek, probe:$lseek!, syscalls:sys_enter_lseek { s[probename] += 1 }
	trace_end { print(s[\"$lseek\"], s[\"ret_$lseek\"], s.sys_enter_lseek) }" -- \
	"$act" marks 1 100
check "a list of probes and other events" said "100	100	100"
run -e 'trace probe:vfs_read { a += 1 } trace probe:ksys_read { b += 1 }
	trace probe:vfs_read! { c += 1 } trace probe:ksys_read! { d += 1 }
	trace_end { print(a >= 200, a == b, a == c, a == d) }' -- \
	dd if=/dev/zero of=/dev/null bs=777 count=200
check "functions that call each other, and their returns" \
	all said "true	true	true	true" --and no_loss

# 5-11: arguments and results
run -e 'trace probe:vfs_read { s[arg3] += 1 if (arg1 && arg2 && arg4) { n += 1 } }
	trace probe:vfs_read! { r[retval] += 1 }
	trace_end { print(s[777], r[777], n >= 200) }' -- \
	dd if=/dev/zero of=/dev/null bs=777 count=200
check "arguments and results of vfs_read" said "200	200	true"
echo text >"$tmp/a file"
run -e 'trace probe:do_sys_openat2 { print(user_string(arg2), arg1 == -100 || arg1 == 4294967196) }
	trace probe:do_sys_openat2! { print("result", retval) }' -- \
	sh -c 'cat "$1" >/dev/null; cat "$1.not"; :' sh "$tmp/a file"
check "a number and a string of an argument" \
	all said "$tmp/a file	true" --and said "$tmp/a file.not	true" --and \
	grep -q "^result	[3-9]\$" "$out" --and said "result	-2"
if [ "$lseek" = __x64_sys_lseek ]; then
	# its argument is struct pt_regs, whose si is the second of the call
	run -e "trace probe:$lseek"' { sum += kernel_int(arg1 + 104, 8) }
		trace_end { print(sum) }' -- "$act" marks 1000 100
	check "an argument that points to memory" said "$((100 * 1000 + 99 * 100 / 2))"
else
	skip "an argument that points to memory: not on this machine"
fi
run -e "trace probe:$lseek"' { print(probename, func, e.name, args.ip == arg0, retval,
				    e.retval, e.elapsed, arg9) print(argstr) exit() }' -- \
	"$act" marks 1 10
check "what an entry has" \
	all said "$lseek	$lseek	$lseek	true	nil	nil	nil	nil" --and \
	grep -q "^$lseek: ($lseek+0x0/0x[0-9a-f]*)\$" "$out"
run -e "trace probe:$lseek"'! { print(probename, func, e.name, args.ip == arg0, retval,
				     e.retval, args.retval, e.elapsed > 0, arg9) print(argstr)
				exit() }' -- "$act" marks 1 10
want="ret_$lseek	$lseek	ret_$lseek	true	-9	-9	-9	true	nil"
check "what a return has" \
	all said "$want" --and \
	grep -q "^ret_$lseek: (.*+0x[0-9a-f]*/0x[0-9a-f]* <- $lseek) ret=-9\$" "$out"
run -e 'trace probe:hrtimer_nanosleep! { print("slept", e.elapsed >= 200000000 &&
						      e.elapsed < 20000000000, retval) }
	trace syscalls:sys_enter_* { if (func != nil || retval != nil) { wrong += 1 } }
	trace_end { print("wrong", wrong) }' -- sleep 0.2
check "the time since the entry; other events have no function" \
	all said "slept	true	0" --and said "wrong	nil"
# the clock is read at the entry only if the script says "elapsed" somewhere
run -e "var last = \"ed\" trace probe:$lseek"'! {
		print("made", e["retval" .. ""], e["elaps" .. last], e["nam" .. "e"]) exit() }' -- \
	"$act" marks 1 10
check "a time that nobody could know was wanted is nil, not 0" \
	said "made	-9	nil	ret_$lseek"

# 12-13: stacks
run -e 'trace probe:vfs_read { print(stack()) print("end") }' -- \
	dd if=/dev/zero of=/dev/null bs=777 count=2
check "the stack at an entry begins with the function and its caller" \
	all grep -q '^ => ksys_read+' "$out" --and \
	is "$(grep -A 1 '^<stack' "$out" | grep -c '^ => vfs_read+')" -eq \
	   "$(grep -c '^end' "$out")"
run -e 'trace probe:vfs_read! { print(stack(1)) }' -- dd if=/dev/zero of=/dev/null bs=777 count=2
check "the stack at a return begins with the caller" grep -q 'ksys_read+' "$out"

# 14-15: offsets
good='' bad=''
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
	run -e "trace probe:$lseek+$i { }
		trace_begin { exit() }"
	if [ "$status" -eq 0 ]; then
		good=$i
	elif complained 'in the middle of an instruction'; then
		bad=$i
	fi
done
if [ "$good" ]; then
	run -e "trace probe:$lseek+$good"' { n += 1 s = probename f = func a = argstr .. "" }
		trace_end { print(n, s, f) print(a) }' -- "$act" marks 1 100
	check "an instruction in a function" \
		all said "100	$lseek+$good	$lseek" --and \
		grep -q "($lseek+0x$(printf %x "$good")/" "$out"
else
	fail "an instruction in a function"
fi
if [ "$(uname -m)" = x86_64 ]; then
	check "the middle of an instruction is refused" test -n "$bad"
else
	skip "the middle of an instruction: instructions have one size"
fi

# 16-20: globs
if ! has_patterns; then
	for i in 1 2 3 4 5; do
		skip "globs: this kernel has none"
	done
else
	want=$(grep -c '^vfs_[^.]' $functions)
	run -v -e 'trace probe:vfs_[!.]* { s[func] += 1 if (func != probename) { wrong += 1 } }
		trace_end { print("read", s.vfs_read >= 200, s.vfs_write >= 200, s.ksys_read,
				  wrong) }' -- dd if=/dev/zero of=/dev/null bs=777 count=200
	check "a glob is all functions that match" \
		all said "read	true	true	nil	nil" --and no_loss
	have=$(attached)
	check "as many as the function tracer has ($have of $want)" \
		all is "$have" -ge $((want - want / 20)) --and is "$have" -le "$want"
	run -e 'trace k:vfs_*! { s[probename] += 1 r[func, retval] += 1 e1[func] = e.elapsed
				 if (args.ret_ip == 0) { wrong += 1 } }
		trace_end {
			print(s.ret_vfs_read >= 200, r["vfs_read", 777], e1.vfs_read > 0,
			      wrong)
		}' -- \
		dd if=/dev/zero of=/dev/null bs=777 count=200
	check "a glob of returns" all said "true	200	true	nil" --and no_loss
	run -e 'trace probe:vfs_rea? { g += 1 } trace probe:vfs_read { p += 1 }
		trace probe:vfs_rea?! { h += 1 } trace probe:vfs_read! { r += 1 }
		trace probe:vfs_rea? { k[arg3] += 1 }
		trace_end { print(g == p, p == h, h == r, p >= 100, k[777]) }' -- \
		dd if=/dev/zero of=/dev/null bs=777 count=100
	check "a glob and a probe of the same function" \
		all said "true	true	true	true	100" --and no_loss
	SECONDS_BEFORE=$(date +%s)
	run -v -e 'trace probe:[a-d]*, probe:s* { n += 1 } trace_end { print(n > 0) }' -- \
		"$act" marks 1 10
	many=$(attached)
	check "thousands of functions ($many, $(($(date +%s) - SECONDS_BEFORE)) s)" \
		all said true --and is "$many" -gt 2000 --and \
		is $(($(date +%s) - SECONDS_BEFORE)) -le "$(scaled 20 120)"
fi

# 21: what cannot be probed is told why
wrong=0
refuse probe:vfs_reed 'no function "vfs_reed".*did you mean.*vfs_read'
refuse probe:ktap_nothing:vfs_read 'module "ktap_nothing" has no function "vfs_read", or is not'
refuse probe:vfs_read+0x100000 "beyond the function's end"
refuse probe:vfs_read+x 'an offset is a number'
refuse probe:vfs_read+4! 'only a whole function returns'
refuse 'probe:vfs_read%entry' 'a return is %return'
refuse probe:linux_banner 'not code'
refuse probe:start_kernel 'only while the kernel starts'
refuse probe:ktap_event_deliver 'ktap itself|not traceable'
refuse probe:0x10 'not code|does not let'
refuse probe:12x 'an address is a number'
refuse probe: 'does not name a function'
refuse probe:! 'does not name a function'
refuse probe:a:b:c 'does not name a function'
if has_patterns; then
	refuse 'probe:zzz_none_*' 'no function matches'
	refuse 'probe:vfs_*+4' 'an offset is of one function'
	refuse 'probe:*' 'more than [0-9]* functions|cannot'
	has_fprobes || refuse 'probe:[a-z]*!' 'more than [0-9]* functions, .* without CONFIG_FPROBE'
else
	refuse 'probe:vfs_*' 'patterns of functions need CONFIG_FPROBE or'
fi
blacklisted=$(awk '$2 ~ /^[a-z_0-9]*$/ { print $2; exit }' \
	/sys/kernel/debug/kprobes/blacklist)
[ -z "$blacklisted" ] || refuse "probe:$blacklisted" 'cannot probe'
check "what cannot be probed is an error that says why" is $wrong -eq 0
check "and leaves nothing" no_probes

# 23: an address
if addr=$(awk -v f="$lseek" '$3 == f { print $1 }' /proc/kallsyms) &&
   [ "${addr#*[1-9a-f]}" != "$addr" ]; then
	run -e "trace probe:0x$addr"' { n += 1 f = func } trace_end { print(n, f) }' -- \
		"$act" marks 1 100
	check "the address of a function" said "100	$lseek"
else
	skip "the address of a function: they are hidden"
fi

# 24-25: contexts
run -e 'trace probe:hrtimer_interrupt { if (in_interrupt()) { n += 1 } else { wrong += 1 } }
	trace probe:hrtimer_interrupt! { r += 1 }
	trace_end { print(n > 10, r > 10, wrong) }' -- "$act" busy 1
check "in a hard interrupt" said "true	true	nil"
if can_nmi && has_function show_regs; then
	start nmi -e 'trace probe:show_regs, probe:show_regs!, probe:show_reg? {
			if (in_interrupt()) { n += 1 }
			s[probename, tostring(stack(2))] += 1
			print(argstr)
		}
		trace_end { print("nmi", n) }'
	nmis_while_busy
	stop nmi
	check "in NMIs" all is "$status" -eq 0 --and grep -q '^nmi	[1-9]' "$out"
else
	skip "in NMIs"
fi

# 26-27: which tasks
start task -e "trace probe:$lseek"' { n += 1 } trace probe:'"$lseek"'! { r += 1 }
	trace_end { print(n, r) }' -- "$act" marks 1 500
for i in 1 2 3 4 5; do "$act" marks 1 100; done
finish task
check "-- CMD: of no other process" said "500	500"
start self -e 'trace probe:vfs_read, probe:vfs_read! { print(execname) }'
dd if=/dev/zero of=/dev/null bs=777 count=20 2>/dev/null
sleep 1
stop self
check "ktap's own reading is not seen" all said dd --and not said ktap

# 28: in a probe's handler there is no other probe
if has_function copy_from_user_nofault; then
	run -e 'trace probe:copy_from_user_nofault { n += 1 }
		trace probe:'"$lseek"' { user_int(4096, 8) }' -- "$act" marks 1 100
		check "probes that are hit in a handler are counted as missed" \
		is "$(missed)" -eq 100
else
	skip "probes that are hit in a handler"
fi

# 29: several sessions
side_by_side "1000	1000" -e "trace probe:$lseek /pid != 0/"' { n[execname] += 1 }
	trace probe:'"$lseek"'! { r[execname] += 1 }
	trace_end { print(n.act, r.act) }'
"$act" marks 1 1000
side_by_side_end
check "four sessions on one function" is $wrong -eq 0

# 30: attach and detach while it is called all the time
patterns=''
! has_patterns || patterns=', probe:vfs_*, probe:vfs_*!'
load "$act" marks 1 2000
come_and_go "$(scaled 50 10)" "10	10" \
	-e "trace probe:$lseek, probe:$lseek!, probe:vfs_read$patterns {
		s[probename] += 1 }
	trace_end { print(s[\"$lseek\"], s[\"ret_$lseek\"]) }" -- "$act" marks 1 10
load_end
check "attached and detached under load" is $wrong -eq 0

# 31: killed in the middle
meanwhile()
{
	"$act" marks 1 1000
}
killed 10 \
	-e "trace probe:$lseek, probe:vfs_read!$patterns {
		s[probename, nsecs] += 1 }"
check "a session that is killed leaves no probe" \
	all wait_for 20 nothing_left --and wait_for 20 no_probes

# 32-33: a module that goes while it is probed
if has_lkdtm; then
	start module -e 'trace probe:lkdtm:direct_entry, probe:lkdtm:direct_entry!,
			       probe:lkdtm:* { s[probename] += 1 }
		trace_end { print(s["lkdtm:direct_entry"], s["ret_lkdtm:direct_entry"],
				  s.direct_entry >= 1) }'
	reload_lkdtm
	stop module
	rmmod lkdtm
	check "functions of a module" \
		all said "1	1	true" --and is "$status" -eq 0
	check "the module can be unloaded meanwhile" is "$gone" -eq 0
else
	skip "functions of a module: no lkdtm"
	skip "the module can be unloaded meanwhile: no lkdtm"
fi

# 34-35: patterns of modules
if has_lkdtm; then
	start modules -v -e 'trace k:lkd??:*, k:*:direct_entr*, k:lk*:direct_entry! {
			s[probename] += 1 }
		trace k:*:direct_entry { n += 1 }
		trace_end { print(n >= 1, s.direct_entry == 2 * n,
				  s.ret_direct_entry >= 1 && s.ret_direct_entry <= n) }'
	reload_lkdtm
	stop modules
	check "a pattern of modules, one of which goes" \
		all said "true	true	true" --and is "$gone" -eq 0
	rmmod lkdtm
	run -e 'trace k:lkd*:* { }'
	check "no module matches" \
		all is "$status" -eq 1 --and complained 'no function matches'
else
	skip "a pattern of modules: no lkdtm"
	skip "no module matches: no lkdtm"
fi

# 36: all that a pattern leaves out is said with -v
if has_patterns; then
	run -v -e 'trace probe:[a-d]*, probe:s* { n += 1 }' -- "$act" marks 1 1
	left=$(sed -n 's/.* \([0-9]*\) of [0-9]* functions of .*/\1/p' "$err" |
		awk '{ n += $1 } END { print n + 0 }')
	listed=$(grep '^\[verbose\]' "$err" | grep -v attached |
		sed 's/.*traced: //;s/^.verbose. //' | tr ',' '\n' | grep -c '[^ ]')
	check "all that is left out is listed ($left)" \
		all is "$left" -gt 100 --and is "$listed" -eq "$left"
else
	skip "all that is left out is listed: no patterns"
fi

check "the kernel did not complain" all clean --and no_probes
ktap_finished
