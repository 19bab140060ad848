#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The life of a session: the main chunk, trace_begin, all events together,
# trace_end; and the ways to its end.

. "$(dirname "$0")/lib.sh"
plan 18

# marks are made all the time meanwhile
"$act" marks-until "$tmp/stop" 7 &
marks=$!

cat >"$tmp/order.kp" <<'END'
print("main")
trace syscalls:sys_enter_lseek /offset == 7/ {
	n += 1
	if (begun == nil) { early = 1 }
	if (n == 5) { exit() }
}
trace_end { print("end one", early) }
trace_end { print("end two") }
trace_begin { for (i = 1, 50000) { x = i } print("begin", n) begun = 1 }
for (i = 1, 200000) { x = i }
print("main ends", n)
END
run "$tmp/order.kp"
check "main chunk, trace_begin, events, trace_end, one after the other" \
	all is "$status" -eq 0 \
	--and [ "$(cat "$out")" = "main
main ends	nil
begin	nil
end one	nil
end two" ]

# entry and exit are attached one after the other, and begin together: the
# first event of a process that does nothing else is an entry
run -e 'trace syscalls:sys_exit_lseek /ret == -9/ { x += 1 }
	trace syscalls:sys_enter_lseek /offset > 99/ { n += 1 }
	trace_end { print(n, x) }' -- "$act" marks 100 1000
check "all events begin together" said "1000	1000"

run -e 'trace syscalls:sys_enter_lseek { exit(7) } trace_end { print("end") }'
check "exit(7) in a handler: status 7, and trace_end runs" \
	all is "$status" -eq 7 --and said end
run -e 'exit(300)'
check "exit(300): status 44" is "$status" -eq 44
run -e 'print(1) exit() print(2)'
check "exit() in the main chunk: status 0, and nothing runs after it" \
	all is "$status" -eq 0 --and [ "$(cat "$out")" = 1 ]
run -e 'print(1)'
check "without events it ends at once" all is "$status" -eq 0 --and said 1
run -e 'trace_end { print("end") } trace_begin { print("begin") }'
check "trace_begin and trace_end without any event" \
	[ "$(cat "$out")" = "begin
end" ]

alive_script='trace syscalls:sys_enter_lseek { n += 1 } trace_end { print("end", n > 0) }'
start int -e "$alive_script"
sleep 0.5
stop int INT
check "SIGINT: trace_end runs, status 0" all said "end	true" --and is "$status" -eq 0
check "what it says goes to stderr" all complained '^Tracing' --and not grep -q Tracing "$out"
start term -e "$alive_script"
sleep 0.3
stop term TERM
check "SIGTERM: trace_end runs" said "end	true"

launch main -e 'while (true) { n += 1 }'
sleep 0.5
stop main INT
check "SIGINT in the main chunk" all is "$status" -ne 137 --and dead

start quiet -q -e 'trace syscalls:sys_enter_lseek { exit() }' >/dev/null
finish quiet
check "-q says nothing" [ ! -s "$err" ]

# a run-time error in a handler
run -e 'trace syscalls:sys_enter_lseek { print("before") print(1 + {}) }
	trace_end { print("end") }'
check "a run-time error: what was printed before it, its text, trace_end, status" \
	all said before --and said end --and is "$status" -ne 0 \
	--and complained ':1: error: '
run -e 'trace_begin { print(1 / 0) } trace syscalls:sys_enter_lseek { }'
check "a run-time error in trace_begin" all is "$status" -ne 0 --and complained error
run -e 'trace syscalls:sys_enter_lseek { exit(3) }
	trace_end { print(1 / 0) } trace_end { print("other") }'
check "if one trace_end fails, the others still run" \
	all said other --and is "$status" -ne 0 --and complained error

run -o "$tmp/file" -e 'print("to a file")'
check "-o FILE" all [ "$(cat "$tmp/file")" = "to a file" ] --and [ ! -s "$out" ]

touch "$tmp/stop"
wait $marks

# the reader of the output goes away
ktap -e 'trace syscalls:sys_enter_lseek { print("x") }' -- "$act" marks 1 100000 \
	2>"$tmp/err" | head -n 1 >"$tmp/out"
check "a closed pipe ends the session" [ "$(cat "$tmp/out")" = x ]

check "the kernel did not complain" all clean --and wait_for 10 nothing_left
ktap_finished
