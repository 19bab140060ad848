#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What scripts read of memory, of a process and of the kernel, and what becomes of
# it where there is none; and strings that are not in memory yet when the system
# call begins that they are an argument of.

. "$(dirname "$0")/lib.sh"
plan 14

calls=$here/mem_calls

# lines NUMBER: what was printed of the call of that number
lines()
{
	awk -F '\t' -v n="$1" '$1 == n { print $2 }' "$out"
}

# each NUMBER TEXT: is that the one line?
each()
{
	[ "$(lines "$1")" = "$2" ] && return 0
	echo "# call $1: '$(lines "$1")', expected '$2'"
	return 1
}

# reads N: are so many reads reported as failed?
reads()
{
	grep -q "^ktap: $1 reads* of memory failed" "$err"
}

# 1: strings, printed
run -e 'trace syscalls:sys_enter_openat /mode > 0 && mode < 100/ {
		print(args.mode, user_string(args.filename)) }' -- "$calls" "$tmp"
check "a string that is there, in one page or in two" \
	all each 1 /none/plain --and each 2 /none/crosses --and each 3 /none/ends
check "one that has no end, or no address, is nil and counted" \
	all each 4 nil --and each 5 nil --and each 6 nil --and reads 3
check "one whose page the call brings in is printed all the same" \
	all each 9 /none/late --and each 10 /none/late --and each 11 /none/late/again
check "and in its place" \
	[ "$(cut -f 1 "$out" | tr '\n' ' ')" = "1 2 3 4 5 6 7 8 9 10 11 " ]

# 2: as keys: what is not there is dropped and counted, and no error
run -e 'trace syscalls:sys_enter_openat /mode > 0 && mode < 100/ {
		s[user_string(args.filename)] += 1 }
	trace_end { for (k, n in pairs(s)) { print(k, n) } }' -- "$calls" "$tmp"
check "as a key: counted where it is there, dropped and reported where it is not" \
	all said "/none/plain	1" --and said "/none/crosses	1" --and reads 5 \
	--and is "$status" -eq 0

# 3: at the exit of the call everything is there that the call has read
run -e 'trace syscalls:sys_enter_openat /mode > 0 && mode < 100/ { p[tid] = args.filename }
	trace syscalls:sys_exit_openat { if (p[tid]) {
		var n = user_string(p[tid])
		if (n) { s[n] += 1 }
		p[tid] = nil } }
	trace_end { for (k, n in pairs(s)) { print(k, n) } }' -- "$calls" "$tmp"
check "at the exit of the call the page is there" \
	all said "/none/late	2" --and said "/none/late/again	1" --and reads 3

# 4: integers and pointers
run -e 'trace syscalls:sys_enter_openat /mode == 7/ {
		print(user_int(args.filename, 1), user_int(args.filename, 8),
		      user_uint(args.filename, 2), user_uint(args.filename, 4)) }
	trace syscalls:sys_enter_openat /mode == 8/ {
		print(user_string(user_ptr(args.filename)), argv(args.filename)) }
	trace syscalls:sys_enter_openat /mode == 5/ {
		print(user_int(args.filename, 4), user_ptr(args.filename)) }' -- "$calls" "$tmp"
check "integers and pointers of a process" \
	all said "-2	-2	65534	4294967294" \
	--and said "/none/by-pointer	/none/by-pointer" \
	--and said "nil	nil" --and reads 2

# 5: the arguments of a program
run -e 'trace syscalls:sys_enter_execve { print(argv(args.argv)) }' -- \
	sh -c 'exec "$0" sigdfl true one "two three"' "$act"
check "argv() of execve" said "$act sigdfl true one two three"

# 6: the length
run -e 'trace syscalls:sys_enter_openat /mode == 1 || mode == 9/ {
		print(args.mode, user_string(args.filename, 6)) }' -- "$calls" "$tmp"
check "a string cut on demand, also one that comes late" \
	all each 1 /none/ --and each 9 /none/ --and no_loss

# 7: exec: the string is not read from the memory that came in its place
run -e 'trace syscalls:sys_enter_execve { print("exec", user_string(args.filename)) }
	trace syscalls:sys_enter_exit_group { print("exit", user_string(8)) }' -- "$act" sigdfl true
check "calls that do not come back do not hold up the output" \
	all grep -q '^exit	nil' "$out" --and grep -q '^exec	' "$out" \
	--and is "$status" -eq 0

# 8: the kernel
text=$(awk '$3 == "vfs_read" { print $1; exit }' /proc/kallsyms)
banner=$(awk '$3 == "linux_banner" { print $1; exit }' /proc/kallsyms)
if [ "$text" ] && [ "$text" != 0000000000000000 ]; then
	run -e "print(ksym(0x$text) ~ 'vfs_read+0x0/0x*', ksym(0x$text, false),
			ksym(0x$text + 1) ~ 'vfs_read+0x1/*')
		print(kernel_int(0x$text, 8) != nil, ksym(0))"
	check "symbols and bytes of the kernel" \
		all said "true	vfs_read	true" --and said "true	0x0" --and no_loss
else
	skip "symbols: /proc/kallsyms has no address of vfs_read"
fi
if [ "$banner" ] && [ "$banner" != 0000000000000000 ]; then
	run -e "print(kernel_string(0x$banner))"
	check "a string of the kernel" grep -q "^Linux version $(uname -r)" "$out"
else
	skip "a string of the kernel: /proc/kallsyms has no linux_banner"
fi
run -e 'print(kernel_string(0), kernel_string(-1), kernel_int(8, 8), kernel_ptr(0x123456789abcdef))
	print(kernel_string(0x7fffffff0000))
	print(user_string(-1), user_string(0xffffffff80000000))'
check "addresses that are none" \
	all said "nil	nil	nil	nil" --and said "nil	nil" --and reads 7

check "the kernel did not complain" clean
ktap_finished
