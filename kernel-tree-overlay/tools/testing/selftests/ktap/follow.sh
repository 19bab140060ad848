#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# -p PID and -- COMMAND: a process, what it creates, and nothing else.

. "$(dirname "$0")/lib.sh"
plan 13

# another process makes marks of its own all the time
"$act" marks-until "$tmp/stop" 7 &
marks=$!

script='trace syscalls:sys_enter_lseek /fd == 4294967295/ { print("mark", args.offset, execname) }
	trace sched:sched_process_exec { print("exec", execname) }'

run -e "$script" -- "$act" tree 100
check "-- COMMAND: process, thread, child, its thread, grandchild, what that executes" \
	[ "$(grep '^mark' "$out" | cut -f 2 | sort | tr '\n' ' ')" = "100 101 102 103 104 105 " ]
check "it ends with the command, and the status is 0" is "$status" -eq 0
check "the command's own exec is seen, and before all else" \
	all [ "$(head -n 1 "$out")" = "exec	act" ] --and is "$(grep -c '^exec' "$out")" -eq 2

run -e 'trace syscalls:* { n += 1 } trace_end { print("end") }' -- "$tmp/no-such-program"
check "a command that does not exist: said so, status not 0" \
	all complained 'no-such-program' --and is "$status" -ne 0
run -e 'trace syscalls:* { n += 1 }' -- "$tmp"
check "a command that is a directory" all complained "$tmp" --and is "$status" -ne 0

run -e 'trace syscalls:sys_enter_lseek { n += 1 } trace_end { print("end", n) }' -- \
	"$act" marks 1000 20000
check "every call of the command, from the first to the last" said "end	20000"

run -e 'print("nothing to trace")' -- "$act" nothing
check "a script that traces nothing, with a command" \
	all said "nothing to trace" --and is "$status" -eq 0

"$act" tree-after "$tmp/go" 200 &
tree=$!
start pid -p $tree -e "$script"
touch "$tmp/go"
finish pid
wait $tree
check "-p PID: the process, its threads, and what it creates" \
	[ "$(grep '^mark' "$out" | cut -f 2 | sort | tr '\n' ' ')" = "200 201 202 203 204 205 " ]
check "-p PID ends with the process" is "$status" -eq 0

# a PID that is in use by nobody
run -p 4194303 -e 'trace syscalls:* { n += 1 }'
check "-p of no process: said so" all complained '4194303|process' --and is "$status" -ne 0
run -p x1 -e 'trace syscalls:* { n += 1 }'
check "-p that is no number: said so" all complained 'x1' --and is "$status" -ne 0

# the command is interrupted together with ktap, as by Ctrl-C
start both -e 'trace syscalls:sys_enter_lseek { n += 1 } trace_end { print("end", n > 10) }' -- \
	"$act" marks-until "$tmp/stop" 9
sleep 0.5
stop both
check "SIGINT while a command runs" said "end	true"

touch "$tmp/stop"
wait $marks
check "the kernel did not complain" all clean --and wait_for 10 nothing_left
ktap_finished
