#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# -G: only what the tasks of a control group do, whatever the source of the event.

. "$(dirname "$0")/lib.sh"
plan 11

if ! grep -q -w cgroup2 /proc/filesystems; then
	run -G / -e 'trace_begin { exit() }'
	check "without control groups it is refused" is "$status" -eq 1
	absent "no control groups"
fi
root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
if [ ! "$root" ]; then
	mkdir "$tmp/cgroup"
	root=$tmp/cgroup
	mount -t cgroup2 none "$root"
	trap 'umount "$root"; rm -rf "$tmp"' EXIT
fi
top=ktap-test.$$
mkdir -p "$root/$top/a/b" "$root/$top/c"

# in_group GROUP COMMAND...
in_group()
{
	group=$root/$top/$1
	shift
	sh -c 'echo $$ >"$1/cgroup.procs" || exit; shift; exec "$@"' sh "$group" "$@"
}

lseek=$(awk '$3 ~ /^(__x64_sys_lseek|__arm64_sys_lseek|ksys_lseek)$/ { print $3; exit }' \
	/proc/kallsyms)

marks()
{
	in_group a "$act" marks 1 100
	in_group a/b "$act" marks 1 10
	in_group c "$act" marks 1 1000
	"$act" marks 1 5000
}

# 1-3: tasks of the group and of those below it
start group -G "$top/a" -e "trace syscalls:sys_enter_lseek { n += 1 }
	trace syscalls:sys_exit_lseek { r += 1 }
	trace k:$lseek { k += 1 } trace k:$lseek! { kr += 1 }
	trace rawtp:sys_exit { if (arg2 == -9) { raw += 1 } }
	trace raw_syscalls:sys_exit { if (e.ret == -9) { tp += 1 } }
	trace ftrace:function:$lseek { f += 1 }
	trace_end { print(n, r, k, kr, raw, tp, f) }"
marks
stop group
check "a group and those below it, from each source" \
	all said "110	110	110	110	110	110	110" --and no_loss
start group -G "$root/$top/a/b" -e 'trace syscalls:sys_enter_lseek { n += 1 }
	trace_end { print(n) }'
marks
stop group
check "by its path" said 10
start group -G "/$top/c" -e 'trace syscalls:sys_enter_lseek { n += 1 } trace_end { print(n) }'
marks
stop group
check "as in /proc/PID/cgroup" said 1000

# 4-5: with other filters
start group -G "$top/a" -C 0 -e 'trace syscalls:sys_enter_lseek { n[cpu] += 1 }
	trace_end { print(n[1]) }'
marks
stop group
check "with -C" said nil
start inside -G "$top/a" -e 'trace syscalls:sys_enter_lseek { n += 1 } trace_end { print(n) }' -- \
	sh -c '"$1" marks 1 50; echo $$ >"$2/cgroup.procs"; "$1" marks 1 7; :' sh "$act" \
	"$root/$top/a"
in_group a "$act" marks 1 100
finish inside
check "with a command, of which counts what it does in the group" said 7

# 6: in interrupts it is the task that is interrupted
vectors=''
[ ! -d $tracefs/events/irq_vectors ] || vectors='irq_vectors:*, '
start group -G "$top/a" -e "trace ${vectors}irq:*, timer:*"' { s[execname] += 1 }
	profile-97hz { p += 1 }
	trace_end { for (k, v in pairs(s)) { print("of", k) } print("end", p > 0) }'
in_group a "$act" busy 2
"$act" marks 1 10
stop group
check "events in interrupts are the interrupted task's" \
	all said "of	act" --and not grep -q -E '^of	(ktap|swapper)' "$out"

# 7: a group that is removed
start group -G "$top/c" -e 'trace syscalls:sys_enter_lseek, k:vfs_read, rawtp:* {
		if (probename == "sys_enter_lseek") { n += 1 } }
	trace_end { print(n) }'
in_group c "$act" marks 1 100
wait_for 10 rmdir "$root/$top/c"
"$act" marks 1 100
stop group
check "a group that is removed meanwhile" all said 100 --and not test -d "$root/$top/c"

# 8-10: what is no group
run -G "$top/none" -e 'trace_begin { exit() }'
check "a group that does not exist" \
	all is "$status" -eq 1 --and complained "no control group '$top/none'"
run -G "$tmp" -e 'trace_begin { exit() }'
check "a directory that is no group" all is "$status" -eq 1 --and complained 'no control group'
run -G /proc/version -e 'trace_begin { exit() }'
check "a file" all is "$status" -eq 1 --and complained 'no control group'

rmdir "$root/$top/a/b" "$root/$top/a" "$root/$top"
check "the kernel did not complain" clean
ktap_finished
