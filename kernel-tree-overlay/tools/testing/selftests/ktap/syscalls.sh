#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What is printed of a program's system calls is what it did: every call, in
# order, with its arguments and its result; none is missing and none invented.
# known_calls writes down what it did.

. "$(dirname "$0")/lib.sh"
plan 7

calls=$here/known_calls
if [ "$(getconf LONG_BIT 2>/dev/null || echo 64)" -ne 64 ] ||
   ! has_events syscalls:sys_enter_mmap; then
	absent "the calls whose fields are known are those of 64 bits"
fi

# between_marks FILE: the lines from the program's first call to its last
between_marks()
{
	awk -v first="$1" -v last="$2" '
		index($0, first) { on = 1 }
		on { print }
		index($0, last) { ending = 1; next }
		ending { exit }' "$3"
}

# same WHAT GOT: compare with what the program wrote down
same()
{
	diff "$tmp/$1" "$2" >"$tmp/diff" && [ -s "$2" ] && return 0
	echo "# $(wc -l <"$tmp/$1") lines expected, $(wc -l <"$2") seen"
	head -n 20 "$tmp/diff" | sed 's/^/#   /'
	return 1
}

text_between_marks()
{
	between_marks 'offset: 6b7461700001,' 'offset: 6b7461700002,' "$1"
}

# 1: the first script that ktap ever had
run "$samples/syscalls.kp" -- "$calls" "$tmp"
pid=$(cat "$tmp/pid")
awk -F '\t' -v pid="$pid" '{ split($1, a, " ") }
	a[2] == pid && $2 == "known_calls" { print $3 }' "$out" >"$tmp/lines"
text_between_marks "$tmp/lines" >"$tmp/got"
check "syscalls.kp prints what a program did" \
	all same text "$tmp/got" --and is "$status" -eq 0 --and no_loss
check "and of no other program" \
	is "$(awk -F '\t' -v pid="$pid" '{ split($1, a, " ") }
		$0 != "probe end" && a[2] != pid' "$out" | wc -l)" -eq 0
check "and ends with its last line" \
	[ "$(tail -n 1 "$out")" = "probe end" ]

# 2: without -- CMD it sees all of them, among those of others
start all "$samples/syscalls.kp"
"$calls" "$tmp"
stop all
pid=$(cat "$tmp/pid")
awk -F '\t' -v pid="$pid" '{ split($1, a, " ") } a[2] == pid { print $3 }' "$out" >"$tmp/lines"
text_between_marks "$tmp/lines" >"$tmp/got"
check "all processes traced: the program's lines are there and complete" \
	all same text "$tmp/got" --and is "$status" -eq 0 --and no_loss

# 3: by fields
cat >"$tmp/fields.kp" <<'END'
trace syscalls:sys_enter_getppid { printf("getppid %d\n", e.sc_nr) }
trace syscalls:sys_enter_openat {
	printf("openat %d %d %d %d %d\n",
		arg0, args.dfd, args.filename, args.flags, args.mode)
}
trace syscalls:sys_enter_read, syscalls:sys_enter_write {
	var name = "read"
	if (e.sc_name == "write") { name = "write" }
	printf("%s %d %d %d %d\n", name, e.sc_nr, args.fd, args.buf, args.count)
}
trace syscalls:sys_enter_close { printf("close %d %d\n", arg0, arg1) }
trace syscalls:sys_enter_dup { printf("dup %d %d\n", arg0, args.fildes) }
trace syscalls:sys_enter_lseek {
	printf("lseek %d %d %d %d\n", arg0, args.fd, args.offset, args.whence)
}
trace syscalls:sys_enter_mmap {
	printf("mmap %d %d %d %d %d %d %d\n", arg0, arg1, arg2, arg3, arg4, arg5, arg6)
}
trace syscalls:sys_enter_munmap { printf("munmap %d %d %d\n", e.sc_nr, e.sc_arg1, e.sc_arg2) }
trace syscalls:sys_enter_ftruncate { printf("ftruncate %d %d %d\n", arg0, args.fd, args.length) }
trace syscalls:sys_enter_unlinkat {
	printf("unlinkat %d %d %d %d\n", arg0, args.dfd, args.pathname, args.flag)
}
trace syscalls:sys_enter_mkdirat {
	printf("mkdirat %d %d %d %d\n", arg0, args.dfd, args.pathname, args.mode)
}
trace syscalls:sys_enter_fchmodat {
	printf("fchmodat %d %d %d %d\n", arg0, args.dfd, args.filename, args.mode)
}
trace syscalls:sys_enter_kill { printf("kill %d %d %d\n", arg0, args.pid, args.sig) }
trace syscalls:sys_enter_getpgid { printf("getpgid %d %d\n", arg0, args.pid) }
trace syscalls:sys_exit_getppid { printf("getppid = %d\n", retval) }
trace syscalls:sys_exit_openat { printf("openat = %d\n", args.ret) }
trace syscalls:sys_exit_read { printf("read = %d\n", retval) }
trace syscalls:sys_exit_write { printf("write = %d\n", e.retval) }
trace syscalls:sys_exit_close { printf("close = %d\n", arg1) }
trace syscalls:sys_exit_dup { printf("dup = %d\n", retval) }
trace syscalls:sys_exit_lseek { printf("lseek = %d\n", retval) }
trace syscalls:sys_exit_mmap { printf("mmap = %d\n", retval) }
trace syscalls:sys_exit_munmap { printf("munmap = %d\n", retval) }
trace syscalls:sys_exit_ftruncate { printf("ftruncate = %d\n", retval) }
trace syscalls:sys_exit_unlinkat { printf("unlinkat = %d\n", retval) }
trace syscalls:sys_exit_mkdirat { printf("mkdirat = %d\n", retval) }
trace syscalls:sys_exit_fchmodat { printf("fchmodat = %d\n", retval) }
trace syscalls:sys_exit_kill { printf("kill = %d\n", retval) }
trace syscalls:sys_exit_getpgid { printf("getpgid = %d\n", retval) }
END
run "$tmp/fields.kp" -- "$calls" "$tmp"
# the number of lseek(-1, 0x6b7461700001) and lseek(-1, 0x6b7461700002)
between_marks 4294967295\ 118147595108353 4294967295\ 118147595108354 "$out" >"$tmp/got"
check "fields and results have the values that were passed" \
	all same fields "$tmp/got" --and is "$status" -eq 0 --and no_loss

# 4: a predicate lets through what it says
run -e 'trace syscalls:sys_enter_lseek /offset == -1 && whence > 2/ { n += 1 }
	trace syscalls:sys_exit_lseek /ret > 0/ { print("at", retval) }
	trace_end { print("n", n) }' -- "$calls" "$tmp"
check "predicates on fields" \
	all said "n	40" --and said "at	1000" \
	--and is "$(wc -l <"$out")" -eq 41

check "the kernel did not complain" clean
ktap_finished
