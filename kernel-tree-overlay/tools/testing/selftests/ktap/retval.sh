#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# e.set_retval(): what it changes, what it may not, and who may use it.

. "$(dirname "$0")/lib.sh"
. "$here/sources.sh"
plan 25

injectable=/sys/kernel/debug/error_injection/list
functions=$tracefs/available_filter_functions
openat=
for f in __x64_sys_openat __arm64_sys_openat; do
	grep -q "^$f	" $injectable 2>/dev/null && openat=$f
done
echo text >"$tmp/file"
# what can be seen of it: the error of a system call, in words
# shellcheck disable=SC2089,SC2090
cat="cat $tmp/file"
mine="execname == \"cat\""

logged()
{
	dmesg | grep -c 'ktap: .*runs a script that may change results'
}

# 1-4: who may
before=$(logged)
run -e 'trace syscalls:sys_exit_openat { e.set_retval(-5) }' -- $cat
check "without -w the script is refused, with a hint" \
	all is "$status" -eq 1 --and complained 'e.set_retval.*run ktap with -w' --and not said text
run -e 'm = "set_" .. "retval" trace syscalls:sys_exit_openat { f = e[m] f(-5) }' -- $cat
check "also if it hides what it does" \
	all is "$status" -eq 1 --and complained 'run ktap with -w|no field' --and said text
run -w -e 'trace syscalls:sys_exit_openat { n += 1 } trace_end { print(n > 0) }' -- $cat
check "-w is logged, whatever the script does" \
	all said true --and is "$(logged)" -eq $((before + 1))
before=$(logged)
# CAP_SYS_ADMIN
"$act" without 21 ktap -w -e 'trace syscalls:sys_exit_openat { e.set_retval(-5) }' -- $cat \
	>"$out" 2>"$err"
status=$?
check "it needs CAP_SYS_ADMIN" \
	all is "$status" -eq 1 --and complained 'CAP_SYS_ADMIN' --and not said text

# 5-8: system calls
run -w -e "trace syscalls:sys_exit_openat /$mine/"' { e.set_retval(-5) n += 1 r[retval, args.ret] += 1 }
	trace syscalls:sys_exit_openat { s[retval] += 1 }
	trace_end { print(n, r[-5, -5], s[-5]) }' -- $cat
check "the result of a system call, which later handlers see" \
	all said "1	1	1" --and complained 'Input/output error' --and not said text
check "is logged, once for the session" is "$(logged)" -eq $((before + 1))
run -w -e 'trace syscalls:sys_exit_lseek /retval == -9/ { e:set_retval(-29) }
	trace syscalls:sys_exit_lseek { r[retval] += 1 }
	trace_end { print(r[-29], r[-9]) }' -- "$act" marks 1 100
check "of each of many" said "100	nil"
cat "$tmp/file" >"$tmp/now" 2>&1
check "it is over when the session is" cmp -s "$tmp/file" "$tmp/now"

# 9-13: functions
if [ "$openat" ]; then
	run -w -e "trace probe:$openat /$mine/ { e.set_retval(-7) n += 1 }
		trace probe:do_sys_openat2 /$mine/ { m += 1 }
		trace syscalls:sys_exit_openat /$mine/ { r[retval] += 1 }
		trace_end { print(n, m, r[-7]) }" -- $cat
	check "a function that returns at once is not run" \
		all said "1	nil	1" --and complained 'Argument list too long'
	run -w -e "trace probe:$openat! /$mine/ { e.set_retval(-30) n += 1 r[retval] += 1 }
		trace probe:do_sys_openat2 /$mine/ { m += 1 }
		trace probe:$openat! /$mine/ { r[retval] += 1 }
		trace syscalls:sys_exit_openat /$mine/ { s[retval] += 1 }
		trace_end { print(n, m, r[-30], s[-30]) }" -- $cat
	check "one whose result is changed is" \
		all said "1	1	2	1" --and complained 'Read-only file system'
	run -w -e "trace probe:$openat { n += 1 if (execname == \"no such\") { e.set_retval(-7) } }
		trace_end { print(n) }" -- $cat
	check "a handler that does not ask changes nothing" all said 1 --and said text
	run -w -e "trace probe:$openat /$mine/ { e.set_retval(7) }" -- $cat
	check "a result that is none of the function's is refused" \
		all is "$status" -eq 1 --and complained 'may only be made to return an error' --and \
		said text
	run -w -e "trace probe:$openat+4! { e.set_retval(-7) }" -- $cat
	check "an offset has no return" is "$status" -eq 1
else
	for i in 1 2 3 4 5; do
		skip "functions: no error injection, CONFIG_FUNCTION_ERROR_INJECTION"
	done
fi

# 14-21: where it is not possible
refuse_change()
{
	run -w -e "$1" -- $cat
	all is "$status" -eq 1 --and complained "$2" --and said text
}
check "not at the entry of a system call" \
	refuse_change 'trace syscalls:sys_enter_openat { e.set_retval(-5) }' \
	'of a system call is for its end'
check "not of what is not on the kernel's list" \
	refuse_change "trace probe:vfs_open /$mine/ { e.set_retval(-5) }" 'not in .*error_injection/list|CONFIG_FUNCTION_ERROR'
if has_patterns; then
	check "not of a pattern" \
		refuse_change "trace probe:vfs_ope? /$mine/ { e.set_retval(-5) }" 'not for a pattern'
else
	skip "not of a pattern: there are none"
fi
check "not with definitions" \
	refuse_change "trace probe:vfs_open a=\$stack { e.set_retval(-5) }" 'sys_exit_. and plain probes|definitions need'
check "not of a tracepoint" refuse_change 'trace sched:sched_process_exec { e.set_retval(-5) }' \
	'is for sys_exit'
run -w -e 'trace_begin { e.set_retval(-5) }'
check "not where there is no event" \
	all is "$status" -eq 1 --and complained 'event.set_retval. is for event handlers'
check "not to anything but a number" \
	refuse_change 'trace syscalls:sys_exit_openat { e.set_retval("x") }' 'takes a number'
check "nor to one that no system call returns for an error" \
	refuse_change 'trace syscalls:sys_exit_openat { e.set_retval(-5000) }' 'an error: -1 to -4095'

# 22-24: others do not notice; kills
start change -w -e 'trace syscalls:sys_exit_lseek { e.set_retval(-29) n += 1 } trace_end { print(n) }' -- \
	"$act" marks 1 500
run -e 'trace syscalls:sys_exit_lseek { r[retval] += 1 } trace_end { print(r[-9], r[-29]) }' -- \
	"$act" marks 1 500
cp "$out" "$tmp/other"
finish change
check "-- CMD: of no other process" \
	all said 500 --and grep -q '^500	nil$' "$tmp/other"
meanwhile()
{
	"$act" marks 1 200
}
killed 5 \
	-w -e 'trace syscalls:sys_exit_lseek /execname == "act"/ { e.set_retval(-29) }'"
	${openat:+trace probe:$openat /execname == \"act\"/ { e.set_retval(-2) }}"
check "a session that is killed changes nothing any more" \
	all wait_for 20 nothing_left --and cmp -s "$tmp/file" "$tmp/now" --and \
	test -z "$(cat /sys/kernel/debug/kprobes/list 2>/dev/null)"
if [ "$openat" ]; then
	load sh -c 'cat "$1" >/dev/null 2>&1' sh "$tmp/file"
	wrong=0
	for i in $(seq "$(scaled 20 5)"); do
		run -w -e "trace probe:$openat, probe:$openat! /execname == \"cat\"/ { e.set_retval(-7) n += 1 }
			tick-200ms { exit() }"
		[ "$status" -eq 0 ] || wrong=$((wrong + 1))
	done
	load_end
	check "under load" is $wrong -eq 0
else
	skip "under load"
fi

check "the kernel did not complain" clean
ktap_finished
