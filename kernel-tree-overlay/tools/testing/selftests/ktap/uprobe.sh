#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Probes of programs, by offset, for which the kernel needs nothing from the tool but
# names: that they fire as often as a place is passed, in which processes, what handlers
# see, what cannot be probed, and that nothing of them is left. What takes a symbol
# or an SDT note is in targets.c, as far as the kernel has a part in it, and in
# program.sh.

. "$(dirname "$0")/lib.sh"
. "$here/sources.sh"
plan 37

if ! grep -q -w uprobe_register /proc/kallsyms; then
	absent "probes of programs: this kernel has none"
fi

# at PROGRAM PLACE: the offset that the program itself says
at()
{
	"$1" offsets | sed -n "s/^$2 //p"
}

# copies of their own: nobody else runs them, and they can be replaced
cp places places_pie libplaces.so "$tmp"
fixed=$tmp/places
pie=$tmp/places_pie
lib=$tmp/libplaces.so
sum=$(at "$fixed" place_sum)
pie_sum=$(at "$pie" place_sum)
lib_at=$(at "$pie" place_lib)
# what the tool calls it: without libelf, the offset
func=$(ktap -l "u:$fixed:$sum" | sed 's/.*://')

# 1-4: as often as it is called
run -e "trace u:$fixed:$sum"' { n += 1 } trace u:'"$fixed:$sum"'! { r += 1 }
	trace_end { print(n, r) }' -- "$fixed" calls 1 3000
check "a call is an entry and a return" all said "3000	3000" --and no_loss
run -e "trace u:$fixed:$sum { a += 1 } trace uprobe:$fixed:$sum { b += 1 }
	trace uprobes:$fixed:$sum { c += 1 } trace probe:$fixed:$sum { d += 1 }
	trace u:$fixed:$((sum)) { e += 1 }
	trace u:$fixed:$sum%return { f += 1 } trace u:$fixed:$sum! { g += 1 }
	trace uretprobe:$fixed:$sum { h += 1 } trace uretprobes:$fixed:$sum { i += 1 }
	trace probe:$fixed:$sum%return { j += 1 }
	trace_end { print(a, b, c, d, e, f, g, h, i, j) }" -- "$fixed" calls 1 100
check "each spelling is the same probe" \
	said "100	100	100	100	100	100	100	100	100	100"
run -e "trace u:$fixed:$sum, u:$fixed:$sum!, syscalls:sys_enter_exit_group {
		s[probename] += 1 }
	trace_end { print(s[\"$sum\"], s[\"ret_$sum\"], s.sys_enter_exit_group) }" -- \
	"$fixed" calls 1 100
check "a list of probes and other events" said "100	100	1"
run -e "trace u:$pie:$pie_sum"' { n += 1 } trace u:'"$pie:$pie_sum"'! { r[retval] += 1 }
	trace_end { print(n, len(r), r[2 * 2 + 3 * 3 + 4 * 4 + 5 * 5 - 36]) }' -- \
	"$pie" calls 1 1000
check "a program at any address, with frame pointers" all said "1000	1000	1" --and no_loss

# 5-8: what handlers see
case $(uname -m) in
x86_64)	regs_at_entry='^{.*, si: 0x2, .* ip: 0x[0-9a-f]*, ' reg1=%di reg6=%r9 ;;
aarch64) regs_at_entry='^nil$' reg1=%x0 reg6=%x5 ;;
*)	regs_at_entry='^nil$' reg1='' reg6='' ;;
esac
run -e "trace u:$fixed:$sum"' {
		print(arg1, arg2, arg3, arg4, arg5, arg6, arg7, arg0 == args.ip, retval,
		      e.retval, e.elapsed)
		print(probename, e.name, func, execname == "places", tostring(stack()) == "")
		print(argstr)
		print(e.regstr)
	}' -- "$fixed" calls 1 1
check "what an entry has" \
	all said "0	2	3	4	5	-6	nil	true	nil	nil	nil" --and \
	said "$sum	$sum	$func	true	true" --and \
	grep -q "^$sum: (0x[0-9a-f]*)\$" "$out" --and grep -q "$regs_at_entry" "$out"
run -e "trace u:$fixed:$sum"'! {
		print(retval, e.retval, args.retval, arg2, args.ret_ip == arg1,
		      args.ret_ip != arg0, arg0 == args.ip, e.elapsed > 0, arg3)
		print(probename, e.name, func)
		print(argstr)
		print(e.elapsed > 0, e.elapsed < elapsed, entry.arg1, entry.arg2, entry.arg6)
	}' -- "$fixed" calls 1 1
check "what a return has" \
	all said "18	18	18	18	true	true	true	true	nil" --and \
	said "true	true	0	2	-6" --and \
	said "ret_$sum	ret_$sum	$func" --and \
	grep -q "^ret_$sum: (0x[0-9a-f]* <- 0x[0-9a-f]*) ret=18\$" "$out"
run -e "trace u:$fixed:$(at "$fixed" place_string)"' { print(user_string(arg1)) }
	trace u:'"$fixed:$(at "$fixed" place_string)"'! { print("length", retval) }' -- \
	"$fixed" string "a string of the program"
check "a string of the program" \
	all said "a string of the program" --and said "length	23"
run -e "trace u:$fixed:$sum { n += 1 a = arg0 }
	trace u:$fixed:$sum { b = arg1 } trace_end { print(n, a == $((0x400000 + sum)), b) }" -- \
	"$fixed" calls 1 10
check "two handlers, and the address in a program at fixed ones" said "10	true	9"

# 9-14: who passes it
run -e "trace u:$fixed:$sum"' { n += 1 s[tid] += 1 } trace u:'"$fixed:$sum"'! { r += 1 }
	trace_end { print(n, r, len(s)) }' -- "$fixed" calls 8 2000
check "threads" all said "16000	16000	8" --and no_loss
run -e "trace u:$fixed:$sum"' { n += 1 s[pid] += 1 } trace u:'"$fixed:$sum"'! { r += 1 }
	trace_end { print(n, r, len(s)) }' -- "$fixed" forks 20 100
check "children" all said "2000	2000	20" --and no_loss
run -e "trace u:$fixed:$sum"' { n += 1 s[pid] += 1 } trace u:'"$fixed:$sum"'! { r += 1 }
	trace_end { print(n, r, len(s)) }' -- "$fixed" execs 10 50
check "a program that executes itself" all said "550	550	1" --and no_loss
start all -e "trace u:$fixed:$sum"' { n += 1 } trace u:'"$fixed:$sum"'! { r += 1 }
	trace_end { print(n, r) }'
workers=''
for i in 1 2 3 4 5; do
	"$fixed" calls 2 100 &
	workers="$workers $!"
done
"$fixed" forks 5 100
# shellcheck disable=SC2086 # several
wait $workers
stop all
check "all processes" all said "1500	1500" --and no_loss
start one -e "trace u:$fixed:$sum"' { n += 1 } trace u:'"$fixed:$sum"'! { r += 1 }
	trace_end { print(n, r) }' -- "$fixed" forks 5 100
for i in 1 2 3 4 5; do "$fixed" calls 1 100; done
finish one
check "-- CMD: of no other process" said "500	500"
mkfifo "$tmp/lines"
"$pie" on-line 100 <"$tmp/lines" >"$tmp/line" &
running=$!
exec 9>"$tmp/lines"
echo >&9
wait_for 10 test -s "$tmp/line"
start pid -p $running -e "trace u:$pie:$pie_sum, u:$lib:$lib_at, u:$lib:$lib_at! {
		s[probename] += 1 }
	trace_end { print(s[\"$pie_sum\"], s[\"$lib_at\"], s[\"ret_$lib_at\"]) }"
"$pie" calls 1 33
"$pie" lib 33
echo >&9
echo >&9
wait_for 10 sh -c "[ \$(wc -l <'$tmp/line') -eq 3 ]"
stop pid
echo >&9
wait_for 10 sh -c "[ \$(wc -l <'$tmp/line') -eq 4 ]"
check "-p PID: a program that runs already, and goes on" said "200	200	200"

# 15-16: libraries
run -e "trace u:$lib:$lib_at"' { n += 1 s += arg1 } trace u:'"$lib:$lib_at"'! { r += retval }
	trace_end { print(n, s, r) }' -- "$pie" lib 1000
check "a shared library" all said "1000	499500	1498500" --and no_loss
start lib -e "trace u:$lib:$lib_at"' { n += 1 } trace_end { print(n) }'
echo >&9
wait_for 10 sh -c "[ \$(wc -l <'$tmp/line') -eq 5 ]"
cp "$lib" "$lib.new"
mv "$lib.new" "$lib"
"$pie" lib 50
echo >&9
wait_for 10 sh -c "[ \$(wc -l <'$tmp/line') -eq 6 ]"
rm "$lib"
echo >&9
echo q >&9
wait $running
good=$?
exec 9>&-
stop lib
check "a library that is replaced: who has the old one is traced" \
	all said 300 --and is $good -eq 0
cp libplaces.so "$tmp"

# 17-19: returns that do not come
recurse=$(at "$fixed" place_recurse)
run -e "trace u:$fixed:$recurse"' { n += 1 } trace u:'"$fixed:$recurse"'! { r += 1 s[retval] += 1 }
	trace_end { print(n, r, len(s), s[200], s[137], s[136]) }' -- "$fixed" recurse 200
check "calls of a function by itself: those that are too many are counted" \
	all said "200	64	64	1	1	nil" --and is "$(missed)" -eq 136
run -e "trace u:$fixed:$recurse"'! { r += 1 } trace_end { print(r) }' -- "$fixed" recurse 64
check "as many as there may be" all said 64 --and no_loss
jump=$(at "$fixed" place_jump)
run -e "trace u:$fixed:$jump"' { n += 1 } trace u:'"$fixed:$jump"'! { r += 1 }
	trace_end { print(n, r) }' -- "$fixed" jump 500
check "functions that are left without a return" \
	all said "500	nil" --and is "$status" -eq 0

# 20-26: what a return knows of its entry
run -e "trace u:$fixed:$recurse"'! {
		if (entry.arg1 == retval - 1) { right += 1 }
		if (e.elapsed > last) { longer += 1 }
		last = e.elapsed }
	trace_end { print(right, longer) }' -- "$fixed" recurse 60
check "calls inside calls: each return has its own entry" \
	all said "60	59" --and no_loss
run -e "trace u:$fixed:$sum"'! {
		n += 1
		if (retval == entry.arg1 + 18 && e.elapsed >= 0 && e.elapsed <= elapsed) { right += 1 }
	}
	trace_end { print(n, right) }' -- "$fixed" calls 8 1000
check "of many threads" all said "8000	8000" --and no_loss
run -e "trace u:$fixed:$sum"'! {
		n += 1
		if (retval == entry.arg1 + 18) { right += 1 }
	}
	trace_end { print(n, right) }' -- "$fixed" forks 20 100
check "of children" all said "2000	2000" --and no_loss
start tall -e "trace u:$fixed:$sum"'! { s <<< e.elapsed } trace_end { print(count(s), min(s) > 0) }'
"$fixed" calls 2 500
stop tall
check "the time in a function, into an aggregation" all said "1000	true" --and no_loss
deep=$(at "$fixed" place_deep)
# with all at once there are more calls in some of the buckets than go into one
run -e "trace u:$fixed:$deep"'! {
		n += 1
		if (e.elapsed == nil && entry.arg1 == nil) { unknown += 1 }
		if (entry.arg1 == retval - 1 && e.elapsed > 0) { right += 1 }
	}
	trace_end { print(n, right + unknown) print("unknown", unknown) }' -- \
	"$fixed" wait 64 64
unknown=$(sed -n 's/^unknown	//p' "$out")
check "more calls at once than there is room for: those are counted" \
	all said "4096	4096" --and complained "(^| )$unknown returns without e.elapsed and entry.NAME: too many calls"
# a hundred threads leave as many as there is room for, and more
run -e "trace u:$fixed:$deep"'! {
		n += 1
		if (entry.arg1 == retval - 1) { right += 1 }
	}
	trace_end { print(n, right) }' -- "$fixed" leave 100 60
check "calls of threads that have ended take no room" all said "60	60" --and no_loss
run -e "trace u:$fixed:$sum"'! { print(entry.arg7) }' -- "$fixed" calls 1 1
check "there is no seventh argument" all not is "$status" -eq 0 --and complained 'no entry.arg7'

# 27-30: instructions, what is refused, texts of other kinds
if [ "$(at "$fixed" place_steps)" ]; then
	steps=$(at "$fixed" place_steps)
	# five of them
	list=''
	for i in $(at "$fixed" place_steps_in); do
		last=$((steps + i))
		list="$list${list:+, }u:$fixed:$last"
	done
	run -e "trace $list {
			n += 1 a[arg0] = 1 if (probename == \"$last\") { m += 1 } }
		trace_end { print(n, len(a), m) }" -- "$fixed" steps 1000
	check "each instruction of a function" \
		all said "5000	5	1000" --and is "$status" -eq 0
	locked=$(at "$fixed" place_locked)
else
	skip "each instruction of a function: not on this machine"
	locked=''
fi
wrong=0
head -c 100 "$fixed" >"$tmp/short"
mkdir "$tmp/dir.so"
refuse "u:$fixed:$(at "$fixed" place_semaphore)" 'not code of the program'
refuse "u:$fixed:0xffffffff" 'beyond the end of the file'
refuse "u:$fixed:0x8000000000000000" 'only texts that stand'
refuse "u:$fixed.not:0x1000" 'there is no file'
refuse "u:$tmp:0x1000" 'is not a file'
refuse "probe:$tmp/dir.so:0x1000" 'is not a file'
refuse "u:/dev/null:0x1000" 'is not a file'
refuse "u:/etc/passwd:0x10" 'not a program'
refuse "u:$tmp/short:0x50" 'cut short'
refuse "u:$fixed:" 'does not name a place'
refuse "u:$fixed" 'does not name a place'
refuse "u::0x1000" 'only texts that stand'
refuse "u:" 'does not name a place'
refuse "u:!" 'does not name a place'
refuse "u:$fixed:$sum a=%dix" 'register name|definitions need'
refuse "sdt:$fixed:x!" 'has no return'
refuse "sdt:$fixed:$sum" '(has|knows) no SDT probe'
refuse "probe:libplaces.so:$lib_at" 'the loader would not find a library'
refuse "kprobe:$fixed:$sum" 'a function of a program is u:'
[ -z "$locked" ] || refuse "u:$fixed:$locked" 'cannot probe the instruction'
check "what cannot be probed is an error that says why" is $wrong -eq 0
run -e "trace (\"u:$fixed:\" .. \"$sum\") { n += 1 } trace_end { print(n) }" -- "$fixed" calls 1 10
check "a computed event" said 10
if [ -z "$reg1" ]; then
	skip "fetch definitions: the names of registers are of another machine"
elif [ -e $tracefs/uprobe_events ]; then
	run -e "trace u:$fixed:$sum a=$reg1:s64 b=$reg6:s64"' { n += args.a m += args.b }
		trace u:'"$fixed:$sum"'! r=$retval:s64 { r += args.r }
		trace_end { print(n, m, r) }' -- "$fixed" calls 1 100
	# 18 + i of the i-th
	check "fetch definitions" all said "4950	-600	6750" --and no_loss --and \
		is "$(wc -l <$tracefs/uprobe_events)" -eq 0
else
	skip "fetch definitions: no CONFIG_UPROBE_EVENTS"
fi

# 31: in the memory of a program there is nothing of a probe when it has gone
start gone -e "trace u:$fixed:$sum { }"
"$fixed" loop &
running=$!
sleep 1
stop gone
sleep 1
kill -0 $running
good=$?
kill -KILL $running
wait $running 2>/dev/null
check "a program goes on when its probes have gone" is $good -eq 0

# 32: several sessions
side_by_side "1000	1000" -e "trace u:$fixed:$sum"' { n += 1 } trace u:'"$fixed:$sum"'! { r += 1 }
	trace_end { print(n, r) }'
"$fixed" calls 2 500
side_by_side_end
check "four sessions at one place" is $wrong -eq 0

# 33: attach and detach while it is called all the time
"$fixed" loop &
running=$!
"$fixed" loop &
other=$!
wrong=0 seen=0
for i in $(seq "$(scaled 20 5)"); do
	run -e "trace u:$fixed:$sum, u:$fixed:$sum!, u:$fixed:$((sum)) { s[pid, probename] += 1 }
		trace_end { n = 0 for (k, v in pairs(s)) { n += v } print(n > 0) }
		tick-20ms { exit() }"
	[ "$status" -eq 0 ] || wrong=$((wrong + 1))
	! said true || seen=$((seen + 1))
done
check "attached and detached under load" all is $wrong -eq 0 --and is $seen -gt 0

# 34-35: killed in the middle
meanwhile()
{
	:
}
killed 10 -e "trace u:$fixed:$sum, u:$fixed:$sum!, u:$lib:$lib_at! { s[probename, nsecs] += 1 }"
check "a session that is killed leaves nothing" wait_for 20 nothing_left
sleep 1
kill -0 $running && kill -0 $other
good=$?
kill -KILL $running $other
wait $running $other 2>/dev/null
check "and programs go on" is $good -eq 0

# 36: programs that are killed
start killed -e "trace u:$fixed:$sum, u:$fixed:$sum! { n += 1 }"
for i in 1 2 3 4 5 6 7 8 9 10; do
	"$fixed" loop &
	running=$!
	sleep 0.1
	kill -KILL $running
	wait $running 2>/dev/null
done
stop killed
check "programs that are killed while they are traced" \
	all is "$status" -eq 0 --and no_loss

check "the kernel did not complain" clean
ktap_finished
