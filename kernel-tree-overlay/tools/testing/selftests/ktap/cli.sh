#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What of the command line needs a kernel: --self-test, --dry-run, --json, -T, -C,
# -s, -l, options of scripts, and images with them.

. "$(dirname "$0")/lib.sh"
plan 39

run --self-test
check "--self-test finds nothing wrong" \
	all is "$status" -eq 0 --and [ "$(grep -c '^not ok' "$out")" -eq 0 ] \
	--and is "$(grep -c '^ok' "$out")" -ge 8
check "and leaves nothing" wait_for 10 nothing_left
"$act" nobody ktap --self-test >"$out" 2>"$err"
status=$?
check "--self-test without privilege says that" \
	all is "$status" -ne 0 --and complained 'privilege'

run --dry-run -e 'trace sched:sched_switch { print(args.prev_comm) }'
check "--dry-run: the kernel accepts it, nothing runs" \
	all is "$status" -eq 0 --and grep -q 'the kernel accepts it' "$out"
run --dry-run -e 'print(1)'
check "--dry-run does not run the main chunk" not said 1
run --compile "$tmp/x.kpc" -e 'print(1)'
# the opcode of the first instruction, somewhere in the code
{ head -c 200 "$tmp/x.kpc"; head -c 300 /dev/zero | tr '\0' '\377'; } >"$tmp/bad.kpc"
run --dry-run "$tmp/bad.kpc"
check "--dry-run of a damaged image" is "$status" -ne 0

# JSON: the same as the text
script='trace syscalls:sys_enter_lseek /fd == 4294967295/ { print(args.offset, execname) t[args.offset] += 1 }
	trace_end { print(t) print_hist(t) printf("%d\n", len(t)) }'
run --json -e "$script" -- "$act" marks 5 1
check "--json: an event's values" grep -q '"type":"print".*"values":\[5,"act"\]}$' "$out"
check "--json: a table" grep -q '"values":\[{"table":\[\[5,1\]\]}\]}$' "$out"
check "--json: a histogram" grep -q '"type":"hist".*"rows":\[\[5,1\]\],"left_out":0}$' "$out"
check "--json: printf" grep -q '"type":"printf".*"text":"1\\n","values":\[1\]}$' "$out"
check "--json: it says when it began" grep -q -x '{"type":"started","events":1}' "$out"
check "--json: and how it ended, in the last line" \
	[ "$(tail -n 1 "$out")" = '{"type":"end","status":0}' ]
check "--json: every line is an object" [ "$(grep -c -v '^{.*}$' "$out")" -eq 0 ]
check "--json: times go up" eval \
	'sed -n "s/.*\"ts\":\([0-9]*\).*/\1/p" "$out" | sort -n -c'
run --json -e 'trace syscalls:sys_enter_lseek { x = 1 / 0 }' -- "$act" marks 5 1
check "--json: a run-time error" \
	all grep -q '^{"type":"error","text":".*divide 0 arith operation' "$out" \
	--and [ "$(tail -n 1 "$out")" = '{"type":"end","status":1}' ] --and is "$status" -eq 1
run --json --buffer-kb 64 -e 'for (i = 0; i < 100000; i += 1) { print(i) }'
check "--json: losses, if there were any, are those of the text" \
	[ "$(sed -n 's/.*"reason":"output","count":\([0-9]*\).*/\1/p' "$out")" = \
	"$(sed -n 's/^ktap: \([0-9]*\) output records* lost.*/\1/p' "$err")" ]

# times
run -T -e 'trace syscalls:sys_enter_lseek /fd == 4294967295/ { print("mark", args.offset) }' -- \
	"$act" marks 7 2
check "-T: a time before each line" \
	is "$(grep -c -E '^ *[0-9]+\.[0-9]{6}: mark' "$out")" -eq 2

# one CPU
cpus=$(grep -c ^processor /proc/cpuinfo)
run -C 0 -e 'trace sched:sched_switch { n[cpu] += 1 if (n[0] > 20) { exit() } }
	trace_end { for (k, v in pairs(n)) { print("cpu", k) } }' -- "$act" busy 2
check "-C 0: events of CPU 0" said "cpu	0"
check "and of no other" [ "$(grep -c '^cpu' "$out")" -eq 1 ]
if [ "$cpus" -gt 1 ]; then
	run -C 1 -e 'trace sched:sched_switch { n[cpu] += 1 if (n[1] > 20) { exit() } }
		trace_end { for (k, v in pairs(n)) { print("cpu", k) } }' -- "$act" busy 2
	check "-C 1: events of CPU 1" all said "cpu	1" --and is "$(grep -c '^cpu' "$out")" -eq 1
	run -C 1 -e 'trace syscalls:sys_enter_getppid { n[cpu] += 1 }
		trace_end { print(n[0], n[1] > 0) }' -- "$act" getppid 20000
	check "also of system calls, together with --" said "nil	true"
else
	skip "-C 1: events of CPU 1"
	skip "also of system calls, together with --"
fi
run -C 4095 -e 'trace sched:sched_switch { }'
check "-C of no CPU" all complained 'cpu 4095 is not online' --and is "$status" -eq 1

# the original's one-liner
run -s 'syscalls:sys_enter_lseek /fd == 4294967295/' -- "$act" marks 9 1
check "-s: cpu, thread, program, text" grep -q -E '^[0-9]+	[0-9]+	act	.*lseek.*' "$out"

# options of scripts
cat >"$tmp/opt.kp" <<'EOK'
var min = option("min", 10, "only marks from here on")
var word = option("word", "mark", "what to print")
trace syscalls:sys_enter_lseek /fd == 4294967295 && args.offset >= min/ { print(word, args.offset) }
EOK
run "$tmp/opt.kp" --min=3 -- "$act" marks 1 4
check "an option of a script" all said "mark	3" --and said "mark	4" --and not said "mark	2"
run "$tmp/opt.kp" --min=4 --word=seen -- "$act" marks 1 4
check "two of them" all said "seen	4" --and is "$(wc -l <"$out")" -eq 1
run "$tmp/opt.kp" -- "$act" marks 1 4
check "none: the defaults" [ ! -s "$out" ]
run --compile "$tmp/opt.kpc" "$tmp/opt.kp"
run "$tmp/opt.kpc" --min=4 --word=image -- "$act" marks 1 4
check "and of an image" said "image	4"
run "$tmp/opt.kpc" --mni=4 -- "$act" marks 1 4
check "an option that the image does not have" all complained 'did you mean --min' --and is "$status" -eq 2

# an image is what its script is
printf 'print(arg[0], arg[1] + 1, arg[2])\n\nx = nil\nx.y = 1\n' >"$tmp/args.kp"
run "$tmp/args.kp" 41 two
from_script=$(cat "$out"; cut -d : -f 2- "$err"; echo "$status")
run --compile "$tmp/args.kpc" "$tmp/args.kp"
run "$tmp/args.kpc" 41 two
check "an image gets the script's arguments" said "$tmp/args.kpc	42	two"
check "its errors have the source's name and line" complained "args.kp:4: error: set key to non-table"
check "and are those of the script" \
	[ "$(sed 's/kpc/kp/' "$out"; cut -d : -f 2- "$err"; echo "$status")" = "$from_script" ]

# lists
if [ -e "$tracefs/available_events" ]; then
	run -l 'sched:sched_sw*'
	check "-l" said sched:sched_switch
	run -lv sched:sched_switch
	check "-lv: with fields" grep -q 'arg1  pid_t prev_pid' "$out"
	check "-le is all events there are" \
		is "$(ktap -le | wc -l)" -eq "$(wc -l <"$tracefs/available_events")"
else
	skip "-l"
	skip "-lv: with fields"
	skip "-le is all events there are"
fi
if [ -e "$tracefs/available_filter_functions" ]; then
	run -lf 'vfs_rea*'
	check "-lf" said probe:vfs_read
else
	run -lf
	check "-lf where there is no list: said so" complained 'available_filter_functions'
fi
if grep -q ' __tracepoint_sched_switch$' /proc/kallsyms; then
	run -l 'rawtp:sched_sw*'
	check "-l of raw tracepoints" said rawtp:sched_switch
else
	skip "-l of raw tracepoints"
fi
run -lm nonesuch_module
check "-lm" complained 'no module matches|/proc/modules'

check "what follows an option that ends the program is not run" \
	is "$(ktap -V -e 'print(5)' | wc -l)" -eq 1
check "the kernel did not complain" all clean --and wait_for 10 nothing_left
ktap_finished
