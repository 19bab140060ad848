#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Programs of 32 bits, which the kernel of 64 runs: where their arguments and pointers
# are, what their stack is, and which system calls they make.

. "$(dirname "$0")/lib.sh"
. "$here/sources.sh"
plan 12

if ! [ -x places32 ]; then
	absent "programs of 32 bits: the compiler made none"
fi
if ! ./places32 1 2>/dev/null; then
	absent "programs of 32 bits: this kernel runs none (CONFIG_IA32_EMULATION)"
fi

cp places32 "$tmp"
narrow=$tmp/places32
enter=raw_syscalls:sys_enter
frames='place32_inner.*place32_outer.*start32+'
mkfifo "$tmp/input"

# stack_of EVENT: what ustack() has there, on one line in $tmp/stack. What it is made of
# is looked up in the process, which has to be there until then.
stack_of()
{
	start stack -e "trace $1 { s[ustack()] += 1 print(\"seen\") } trace_end { print(s) }"
	"$narrow" 1 wait <"$tmp/input" &
	running=$!
	exec 9>"$tmp/input"
	wait_for 20 said seen
	stop stack
	exec 9>&-
	wait $running
	tr -d '\n' <"$out" >"$tmp/stack"
}

# 1-5: probes
if ! grep -q -w uprobe_register /proc/kallsyms; then
	for i in 1 2 3 4 5 6; do skip "probes of programs: this kernel has none"; done
elif ktap -l u:/proc/self/exe:main 2>&1 | grep -q 'without libelf'; then
	for i in 1 2 3 4 5 6; do skip "probes of programs: this ktap has no libelf"; done
else
	run -e "trace u:$narrow:place32_sum"' { n += 1 a += arg1
			if (arg2 == 2 && arg3 == 3 && arg4 == 4 && arg5 == 5 &&
			    arg6 == 0xfffffffa && func == "place32_sum") { good += 1 } }
		trace_end { print(n, a, good) }' -- "$narrow" 1000
	check "arguments are on the stack, and of 32 bits" \
		all said "1000	499500	1000" --and no_loss
	run -e "trace u:$narrow:place32_sum"'! {
			n += 1
			if (retval == entry.arg1 + 18 && entry.arg6 == 0xfffffffa &&
			    e.elapsed > 0) { good += 1 } }
		trace_end { print(n, good) }' -- "$narrow" 1000
	check "a return, and what its entry had" \
		all said "1000	1000" --and no_loss
	# where the result goes comes before the argument, and goes with the return
	run -e "trace u:$narrow:place32_triple { a += arg2 }
		trace u:$narrow:place32_triple"'! { n += 1 b += entry.arg2
			if (retval == entry.arg1 && e.elapsed > 0) { good += 1 } }
		trace_end { print(n, a, b, good) }' -- "$narrow" 1000
	check "a function that returns a structure" \
		all said "1000	499500	499500	1000" --and no_loss
	run -e "trace sdt:$narrow:ktap_test:narrow"' { print(arg1, arg2, arg3, arg4) }' -- \
		"$narrow" 3
	check "an SDT probe" all is "$(wc -l <"$out")" -eq 3 --and said "0	0	-2	-5" --and \
		said "-1	4294967295	-1	-5" --and said "-2	4294967294	0	-5" --and no_loss
	run -e "trace u:$narrow:place32_s* { n[func] += 1 } trace_end { print(n) }" -- "$narrow" 10
	check "a pattern" all said "place32_sum:	10" --and said "place32_sdt:	10"
	stack_of "u:$narrow:place32_inner"
	check "the stack where a function is entered" \
		all grep -q "$frames" "$tmp/stack" --and no_loss
fi

# 7-12: system calls
if ! ktap -l $enter 2>/dev/null | grep -q sys_enter; then
	for i in 7 8 9 10 11; do skip "system calls: this kernel has no events of them"; done
else
	# 19 is lseek here, and something else in programs of 64 bits
	run -e "trace $enter"' /id == 19 && args.args[2] == 7/ { n += 1 s += args.args[1]
			if (args.args[0] == 0xffffffff) { good += 1 } }
		trace_end { print(n, s, good) }' -- "$narrow" 1000
	check "system calls, by their numbers" all said "1000	499500	1000" --and no_loss
	run -e "trace syscalls:sys_enter_lseek, syscalls:sys_exit_lseek, syscalls:sys_enter_readv {
			n += 1 }
		trace_end { print(n) }" -- "$narrow" 1000
	check "they are not taken for those of programs of 64 bits" said nil
	stack_of "$enter /id == 19 && args.args[2] == 7/"
	check "the stack at a system call" \
		all grep -q "$frames" "$tmp/stack" --and no_loss
	run -e "trace $enter"' /id == 11/ { print(user_string(args.args[0]), argv(args.args[1])) }' -- \
		"$narrow" 3 exec
	check "an array of strings, whose pointers have 32 bits" \
		all said "/proc/self/exe	$narrow 3" --and no_loss
	start mixed -e "trace $enter"' /id == 19 && args.args[2] == 7/ { n += 1 }
		trace_end { print(n) }'
	running=''
	for i in 1 2 3 4 5 6 7 8; do
		"$narrow" 250 &
		running="$running $!"
	done
	# shellcheck disable=SC2086 # several
	wait $running
	stop mixed
	check "several at once" all said 2000 --and no_loss
fi

check "the kernel did not complain" clean
ktap_finished
