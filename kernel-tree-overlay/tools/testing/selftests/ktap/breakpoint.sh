#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Breakpoints: that each access is one event, in the kernel and in a program, what
# handlers see, how many there are, what is refused, and that nothing is left.

. "$(dirname "$0")/lib.sh"
. "$here/sources.sh"
plan 18

# written by one line of C, when somebody writes to the file
variable=panic_timeout
file=/proc/sys/kernel/panic
was=$(cat $file)
run -e "trace mem:$variable:w { exit() }"
run -e "trace mem:$variable:w { exit() } tick-100ms { exit() }"
if [ "$status" -ne 0 ]; then
	absent "breakpoints: this machine has none, or no symbols of variables"
fi

# write N: as often, by a shell
write()
{
	i=0
	while [ $i -lt "$1" ]; do
		echo "$was" >$file
		i=$((i + 1))
	done
}

addr=$(awk -v v=$variable '$3 == v { print "0x" $1 }' /proc/kallsyms)

# 1-5: each access
start write -e "trace mem:$variable:w"' { n += 1
		if (args.addr != '"$addr"' || args.user || args.period != 1) { wrong += 1 }
		if (!in_interrupt() || execname != "breakpoint.sh") { wrong += 1 }
		s[ksym(args.ip, false)] += 1
	}
	trace_end { print(n, wrong) print(s) }'
write 200
stop write
check "each write is one event, whose fields are right" \
	all said "200	nil" --and grep -q '_conv:	200$' "$out" --and no_loss
wrong=0
for place in mem:$variable:rw mem:$variable mem:$variable/4 mem:$addr/1:rw mem:$variable+3/1; do
	start read -e "trace $place { n += 1 } trace_end { print(n) }"
	write 10
	for i in 1 2 3 4 5; do cat $file >/dev/null; done
	stop read
	said 15 || wrong=$((wrong + 1))
done
check "rw: reads as well, and so it is if nothing is said; sizes, offsets, addresses" \
	is $wrong -eq 0
start stack -e "trace mem:$variable:w { print(probename, e.name, e.fieldnum) print(argstr) print(stack()) }"
write 1
stop stack
check "the names of a breakpoint, and the stack at the access" \
	all said "mem:$variable:w	mem:$variable:w	5" --and \
	grep -q "^mem:$variable:w: ip=.*_conv+.* addr=$addr period=1\$" "$out" --and \
	all grep -A 1 '^<stack' "$out" --and \
	is "$(grep -A 1 '^<stack' "$out" | grep -c '^ => .*_conv+')" -eq 1 --and \
	grep -q '^ => vfs_write+' "$out"
find_lseek
run -e "trace mem:$lseek:x { n += 1 if (args.ip != args.addr) { wrong += 1 } }
	trace_end { print(n, wrong) }" -- "$act" marks 1 300
check "x: an instruction" said "300	nil"
start period -e "trace mem:$variable:w:period=10 { n += 1 } trace_end { print(n) }"
write 100
stop period
check "a period of 10: each tenth, on one CPU or several" \
	is "$(head -n 1 "$out")" -ge 8

# 6-9: of a program
run -e 'trace mem:0x60000000/8:w { n += 1
		if (!args.user || args.addr != 0x60000000 || execname != "act") { wrong += 1 } }
	trace_end { print(n, wrong) }' -- "$act" store 1000
check "writes of a program" all said "1000	nil" --and no_loss
run -e 'trace mem:0x60000000/8:rw { n += 1 } trace_end { print(n) }' -- "$act" store 1000
check "writes and reads of a program" all said 2000 --and no_loss
start prog -e 'trace mem:0x60000000/8:w { n += 1 } trace_end { print(n) }' -- \
	sh -c '"$0" store 400 & "$0" store 300; wait' "$act"
for i in 1 2 3; do "$act" store 100; done
finish prog
check "of its children, and of no other process" said "700"
run -e 'trace mem:0x60000000/8:w { }'
check "an address of a program needs to be told which" complained 'use -p or -- COMMAND'

# 10: how many there are
others=''
for v in jiffies panic_on_oops panic_on_warn console_printk; do
	grep -q " $v\$" /proc/kallsyms && others="$others mem:$v:w"
done
# shellcheck disable=SC2086
set -- $others
if [ "$(uname -m)" = x86_64 ] && [ $# -eq 4 ]; then
	run -e "trace $1, $2, $3, $4 { n += 1 } tick-300ms { print(n > 0) exit() }"
	all said true
	first=$?
	run -e "trace $1, $2, $3, $4, mem:$variable:w { n += 1 } tick-300ms { exit() }"
	check "four of them, and not a fifth" \
		all is $first -eq 0 --and is "$status" -eq 1 --and \
		complained 'a CPU has only so many breakpoints'
else
	skip "four of them, and not a fifth: another machine"
fi

# 11: bad input
wrong=0
refuse mem: 'no such symbol'
refuse mem:0 'no address'
refuse mem:0x 'no address'
refuse mem:12z 'no address'
refuse mem:0x10000000000000000 'no address'
refuse mem:nosuchsymbol 'no such symbol'
refuse "mem:$variable+x" 'an offset is a number'
refuse mem:jiffies/3 '1, 2, 4 or 8'
refuse mem:jiffies/0 '1, 2, 4 or 8'
refuse mem:jiffies/ '1, 2, 4 or 8'
refuse "mem:$variable/4096:w" 'multiple of its bytes|do not watch'
refuse "mem:$variable+1/4" 'multiple of its bytes'
refuse "mem:$variable:rwx" 'what follows'
refuse "mem:$variable:" 'what follows'
refuse "mem:$variable:w:period=0" 'what follows'
refuse "mem:$variable:w:u" 'do not watch'
[ "$(uname -m)" != x86_64 ] || refuse "mem:$variable:r" 'r alone'
blacklisted=$(awk '$2 ~ /^[a-z_0-9]*$/ { print $2; exit }' /sys/kernel/debug/kprobes/blacklist)
[ -z "$blacklisted" ] || refuse "mem:$blacklisted:x" 'do not watch|several such'
grep -q ' A __per_cpu_start$\| A fixed_percpu_data$' /proc/kallsyms &&
	refuse mem:runqueues 'each CPU has its own|no such symbol'
check "what cannot be watched is an error that says why" is $wrong -eq 0

# 12: what the tracer and the exception itself use
wrong=0
for v in jiffies:rw perfs_lock:rw texts_users:rw tk_core+8/8:rw; do
	run -e "trace mem:$v"' { n += 1 s[stack(), execname] += 1 t[n] = argstr .. "" t[n - 10] = nil }
		tick-300ms { print("alive", n) exit() }' -- "$act" busy 1
	[ "$status" -eq 0 ] || complained 'no such symbol|several such' || wrong=$((wrong + 1))
done
check "places that the tracer uses itself" is $wrong -eq 0

# 13: several sessions
# not on one place: emulators let only one of two breakpoints there be hit
start s1 -e "trace mem:$variable:w { n += 1 } trace_end { print(n) }"
start s2 -e 'trace mem:panic_on_oops:w { n += 1 } trace_end { print(n) }'
write 50
cat /proc/sys/kernel/panic_on_oops >"$tmp/oops"
for n in 1 2 3; do cat "$tmp/oops" >/proc/sys/kernel/panic_on_oops; done
stop s1
said 50
first=$?
stop s2
check "two sessions" all is $first -eq 0 --and said 3

# 14: CPUs that go and come
online=/sys/devices/system/cpu/cpu1/online
if [ -w $online ]; then
	start cpus -e "trace mem:$variable:w { n += 1 } trace_end { print(n) }"
	write 10
	echo 0 >$online
	write 10
	echo 1 >$online
	sleep 0.3
	for n in 0 1; do
		taskset -c $n sh -c "echo $was >$file" 2>/dev/null || write 1
	done
	stop cpus
	check "breakpoints go and come with their CPU" said 22
else
	skip "breakpoints go and come with their CPU: it cannot be switched off"
fi

# 15-16: attach and detach while it is written to; killed in the middle
load write 20
come_and_go "$(scaled 40 10)" 50 \
	-e "trace mem:$variable:w { n += 1 } trace mem:0x60000000/8:w { m += 1 }
	trace_end { print(m) }" -- "$act" store 50
load_end
check "attached and detached under load" is $wrong -eq 0
meanwhile()
{
	write 20
}
killed "$(scaled 10 5)" -e "trace mem:$variable:w, mem:jiffies:w { s[nsecs] += 1 }"
wait_for 20 nothing_left
run -e "trace mem:$variable:w, mem:$variable+1/1:w, mem:$variable+2/1:w, mem:$variable+3/1:w { }
	tick-100ms { exit() }"
check "a session that is killed leaves no breakpoint" is "$status" -eq 0

# 17: without the privilege
out=$tmp/out
err=$tmp/err
"$act" perfmon ktap -e "trace mem:$variable:w { }" >"$out" 2>"$err"
status=$?
if "$act" perfmon ktap -e 'tick-10ms { exit() }' 2>/dev/null; then
	check "CAP_PERFMON is not enough in the kernel" \
		all is $status -eq 1 --and complained 'needs CAP_SYS_ADMIN'
else
	skip "CAP_PERFMON is not enough in the kernel: nor is it for ktap here"
fi

check "the kernel did not complain" clean
[ "$(cat $file)" = "$was" ] || echo "$was" >$file
ktap_finished
