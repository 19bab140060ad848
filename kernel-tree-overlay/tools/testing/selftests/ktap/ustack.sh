#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# ustack() and usym(): the stacks of programs, with names, in every context, whatever
# becomes of the program.

. "$(dirname "$0")/lib.sh"
. "$here/sources.sh"
plan 28

ucalls=$here/ucalls
# where run has the output: a program that waits for a line in it has been looked at
seen=$tmp/out

# frames NAME: the functions and files in lines "NAME FRAME (FILE)" and those that
# follow it up to an empty one
frames()
{
	sed -n "/^$1 /,/^\$/{s/^$1 //;s/+0x[0-9a-f]* / /;p;}" "$out"
}

# chain NAME FILE FUNCTION...: are these the first frames of the stack, all in FILE?
chain()
{
	frames "$1" >"$tmp/frames"
	file=$2
	shift 2
	nr=0
	for func; do
		nr=$((nr + 1))
		if [ "$(sed -n "${nr}p" "$tmp/frames")" != "$func ($file)" ]; then
			echo "# frame $nr is $(sed -n "${nr}p" "$tmp/frames")"
			return 1
		fi
	done
}

# Only where a system call can be made without the C library its stack is known; those
# are also the machines where it is known who called a function that has just begun
case $(uname -m) in
x86_64|aarch64)
	known='uc_inner uc_middle uc_outer main' callers=y ;;
*)	known='uc_middle uc_outer main' callers='' ;;
esac

# 1, 2: a system call, the process still being there
run -e 'trace syscalls:sys_enter_lseek { printf("at %s\n\n", ustack()) n += 1 }
	trace syscalls:sys_exit_lseek { printf("exit %s\n\n", ustack()) }
	trace_end { print("n", n) }' -- "$ucalls" calls 1 - "1@$seen"
# shellcheck disable=SC2086 # a list
check "the stack of a system call" all chain at "$ucalls" $known --and said "n	1" --and no_loss
# shellcheck disable=SC2086
check "and at its exit" chain exit "$ucalls" $known

# 3: the same, printed when the process has gone
run -e 'trace syscalls:sys_enter_lseek { s[ustack()] += 1 print("seen") }
	trace_end { for (k, v in pairs(s)) printf("at %s\n\n", k) print(s) }' -- \
	"$ucalls" calls 10 - "1@$seen"
# shellcheck disable=SC2086
check "of a process that has ended since" all chain at "$ucalls" $known \
	--and is "$(grep -c ':	10$' "$out")" -eq 1 --and not complained 'was gone'

# 4: one that ends at once: what cannot be known is a number, and said to be one
run -e 'trace syscalls:sys_enter_lseek { s[ustack(2)] += 1 } trace_end { print(s) }' -- \
	"$ucalls" calls 3
numbers=$(grep -c '^\[0x[0-9a-f]*\]' "$out")
check "of one that ends at once: names, or numbers and a note" \
	all is "$(grep -c ':	3$' "$out")" -eq 1 --and is "$(wc -l <"$out")" -eq 2 \
	--and test "$numbers" -eq "$(sed -n 's/^ktap: \([0-9]*\) address.*gone$/\1/p' "$err" | grep . || echo 0)"

# 5: at fixed addresses
run -e 'trace syscalls:sys_enter_lseek { printf("at %s\n\n", ustack()) }' -- \
	"$here/ucalls_static" calls 1 - "1@$seen"
# shellcheck disable=SC2086
check "a program at fixed addresses" chain at "$here/ucalls_static" $known

# 6: without frame pointers: the innermost frame is right, nothing breaks
run -e 'trace syscalls:sys_enter_lseek { printf("at %s\n\n", ustack()) }' -- \
	"$here/ucalls_nofp" calls 1 - "1@$seen"
check "a program without frame pointers" \
	all chain at "$here/ucalls_nofp" "${known%% *}" --and is "$status" -eq 0

# 7, 8: a library that is loaded after the first stack was taken
run -e 'trace syscalls:sys_enter_lseek { s[ustack()] += 1 print("seen") }
	trace_end { for (k, v in sort_pairs(s, "-value")) { printf("at%d %s\n\n", v, k) } }' -- \
	"$ucalls" lib "$here/ucalls_lib.so" 5 "$seen"
lib=$(frames at5 | grep -n "^uc_library ($here/ucalls_lib.so)\$" | cut -d : -f 1)
# shellcheck disable=SC2086
check "a library that is loaded later" all chain at1 "$ucalls" $known \
	--and chain at5 "$ucalls" ${known% main}
check "its function is between those of the program" \
	all is "${lib:-0}" -eq "$(echo "$known" | wc -w)" \
	--and grep -q -x "main ($ucalls)" "$tmp/frames"

# 9: the depth
run -e 'trace syscalls:sys_enter_lseek {
		printf("at %s\n\n", ustack(2))
		print("same", ustack(2) == ustack(2), ustack(2) == ustack(1), ustack == ustack())
		print("lines", len(split(tostring(ustack(2)), "\n")))
	}' -- "$ucalls" calls 1 - "1@$seen"
check "as deep as is asked for" all is "$(frames at | grep -c .)" -eq 2 \
	--and said "same	true	false	true" --and said "lines	2"

# 10: two processes, at different addresses
run -e 'trace syscalls:sys_enter_lseek { s[ustack(3)] += 1 c[execname, ustack(1)] <<< 2 print("seen") }
	trace_end { print("stacks", len(s)) print(s) print(c) }' -- \
	sh -c "'$ucalls' calls 5 - '12@$seen' & '$ucalls' calls 7 - '12@$seen' & wait"
if [ "$(cat /proc/sys/kernel/randomize_va_space)" -eq 0 ]; then
	skip "the same program at two addresses is one row"
else
	check "the same program at two addresses is one row" all said "stacks	2" \
		--and is "$(grep -c ':	12$' "$out")" -eq 1 \
		--and is "$(grep -c 'count: *12 sum: *24 max: *2 min: *2 ' "$out")" -eq 1 \
		--and is "$(grep -v -c '^seen$' "$out")" -eq 5
fi

# 11: an address
run -e 'trace syscalls:sys_enter_lseek {
		print(usym(args.offset))
		print(usym(args.offset) == usym(args.offset), usym(nil), usym(1))
		printf("%s|\n", usym(args.offset + 1))
		s[usym(args.offset)] += 1
	}
	trace_end { print(s) }' -- sh -c "'$ucalls' calls 1 - '6@$seen' & '$ucalls' calls 1 - '6@$seen' & wait"
check "usym()" all said "uc_inner+0x0 ($ucalls)" --and said "uc_inner+0x1 ($ucalls)|" \
	--and said "true	nil	[0x1]" --and said "uc_inner+0x0 ($ucalls):	2"

# 12: as JSON
run --json -e 'trace syscalls:sys_enter_lseek { print(ustack(2), usym(args.offset)) s[ustack(1)] += 1 }
	trace_end { print(s) }' -- "$ucalls" calls 1 - "2@$seen"
frame="\"${known%% *}+0x[0-9a-f]* ($ucalls)\""
check "as JSON" all grep -q "\"values\":\\[\\[$frame,\"uc_[a-z]*+0x[0-9a-f]* ($ucalls)\"\\],\"uc_inner+0x0 ($ucalls)\"\\]}" "$out" \
	--and grep -q "{\"table\":\\[\\[\\[$frame\\],1\\]\\]}" "$out"

# 13, 14: hard interrupts
run -e 'profile-97hz /pid/ { s[ustack()] += 1 }
	trace_end { for (k, v in sort_pairs(s, "-value", 1)) { printf("at %s\n\n", k) } }' -- \
	"$ucalls" spin "$(scaled 2 5)"
check "in a timer's interrupt" chain at "$ucalls" uc_inner uc_middle uc_outer main
run -e 'profile-97hz { s[execname, ustack(1)] <<< 1 n += 1 }
	trace_end { for (k, v in pairs(s)) { m += count(v) } print("same", n == m) print(s) }' -- \
	"$ucalls" spin "$(scaled 1 5)"
check "a profile of everything there is" all said "same	true" --and is "$status" -eq 0 \
	--and grep -q "^ucalls, uc_inner+" "$out"

# 15: soft interrupts, and whatever is there
run -e 'trace irq:softirq_entry { s[ustack()] += 1 n += 1 }
	trace_end { for (k, v in pairs(s)) m += v print("soft", n > 0, n == m) }' -- "$ucalls" spin 1
check "in soft interrupts" said "soft	true	true"

# 16: NMI
if ! has_events nmi:nmi_handler || ! can_nmi; then
	skip "in NMIs"
else
	start nmi -e 'trace nmi:nmi_handler {
			if (execname == "ucalls") { printf("at %s\n\n", ustack()) u += 1 }
			s[ustack()] += 1
			n += 1
		}
		trace_end { for (k, v in pairs(s)) m += v print("nmi", n > 0, n == m, u > 0) }'
	"$ucalls" spin 100 &
	spins=$!
	"$ucalls" spin 100 &
	spins="$spins $!"
	make_nmis
	stop nmi
	# shellcheck disable=SC2086 # a list
	kill $spins
	# shellcheck disable=SC2086
	wait $spins 2>/dev/null
	# it may be in the kernel, or have been found where it has no frame yet
	frames at >"$tmp/frames"
	check "in NMIs" all said "nmi	true	true	true" \
		--and grep -q -x "uc_inner ($ucalls)" "$tmp/frames" \
		--and grep -q -x "uc_outer ($ucalls)" "$tmp/frames"
fi

# 17: threads of the kernel have none, and that is no error
run -e 'trace sched:sched_switch {
		if (pid == 0) { idle[ustack()] += 1 idle_text = tostring(ustack()) }
		n += 1
	}
	tick-300ms { exit() }
	trace_end { print("idle", len(idle), idle_text == "") }'
check "a thread of the kernel has an empty stack" said "idle	1	true"

# 18: without an event it is our own
run -e 'print("own", len(split(tostring(ustack()), "\n")) > 0) printf("at %s\n\n", ustack(1))'
check "the main chunk's is that of ktap" all said "own	true" \
	--and grep -q -E "^at .*\\(/.*\\)" "$out" --and is "$status" -eq 0

# 19: a program whose file is gone
cp "$ucalls" "$tmp/gone"
run -e 'trace syscalls:sys_enter_lseek { printf("at %s\n\n", ustack()) }' -- \
	sh -c "'$tmp/gone' calls 1 '1@$tmp/rm' '1@$seen' &
		until [ \"\$(readlink /proc/\$!/exe)\" = '$tmp/gone' ]; do sleep 0.1; done
		rm '$tmp/gone'
		echo >'$tmp/rm'; wait"
# shellcheck disable=SC2086
check "a file that was deleted" chain at "$tmp/gone (deleted)" $known

# 20: another program by exec, under the same number
run -e 'trace syscalls:sys_enter_lseek { s[ustack(1)] += 1 print("seen") }
	trace_end { print(s) }' -- \
	sh -c "'$ucalls' calls 1 - '1@$seen'; exec '$here/ucalls_static' calls 2 - '3@$seen'"
check "programs that follow each other in a process" \
	all grep -q "^${known%% *}+0x[0-9a-f]* ($ucalls):	1\$" "$out" \
	--and grep -q "^${known%% *}+0x[0-9a-f]* ($here/ucalls_static):	2\$" "$out"

# 21: in a namespace of its own
if ! unshare -m -p -f sh -c 'mount -t proc proc /proc' 2>/dev/null; then
	skip "in a PID namespace"
else
	out=$tmp/out
	err=$tmp/err
	# shellcheck disable=SC2016 # for that shell
	unshare -m -p -f sh -c 'mount -t proc proc /proc && exec "$@"' sh \
		ktap -e 'trace syscalls:sys_enter_lseek { printf("at %s\n\n", ustack()) }' -- \
		"$ucalls" calls 1 - "1@$seen" >"$out" 2>"$err"
	# shellcheck disable=SC2086
	check "in a PID namespace" chain at "$ucalls" $known
fi

# 22-25: probes of programs
if ! grep -q -w uprobe_register /proc/kallsyms || [ -z "$callers" ]; then
	for i in 22 23 24 25; do
		skip "probes of programs, $i"
	done
else
	run -e "trace u:$ucalls:uc_inner { printf(\"at %s\n\n\", ustack()) }
		trace u:$ucalls:uc_middle! { printf(\"return %s\n\n\", ustack()) }
		trace u:$ucalls:uc_inner! { printf(\"inner %s\n\n\", ustack()) }
		trace_end { print(\"end\") }" -- "$ucalls" calls 1 - "1@$seen"
	# shellcheck disable=SC2086
	check "at a function's first instruction" chain at "$ucalls" $known
	check "at its return, in the caller" chain inner "$ucalls" uc_middle uc_outer main
	check "at that of the caller" chain return "$ucalls" uc_outer main

	# a function without a frame: it is not at its first instruction that one looks for it
	run -e "trace u:$here/ucalls_nofp:uc_inner { printf(\"at %s\n\n\", ustack()) }" -- \
		"$here/ucalls_nofp" calls 1 - "1@$seen"
	check "the caller of a function without a frame" \
		chain at "$here/ucalls_nofp" uc_inner uc_middle
fi

# 26: many processes at once, each with a few stacks
run -e 'trace syscalls:sys_enter_* { n += 1 s[ustack()] += 1 }
	trace_end { for (k, v in pairs(s)) { m += v } print("all", n > 0, n - m) }' -- \
	sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do ls / >/dev/null & done; wait'
check "a storm of processes: as many as events" all said "all	true	$(dropped)" --and is "$status" -eq 0

# 27: killed
start killed -e 'profile-997hz { s[ustack()] += 1 } trace syscalls:* { t[ustack(), usym(1)] += 1 }'
"$ucalls" spin 1 &
sleep 0.3
kill -KILL "$pid"
wait "$pid" 2>/dev/null
check "killed: nothing is left" wait_for 20 nothing_left
wait

# 28
check "the kernel has not complained" clean
ktap_finished
