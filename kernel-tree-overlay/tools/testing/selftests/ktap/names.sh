#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What the library says of this kernel, this machine and the task is what others
# say of them.

. "$(dirname "$0")/lib.sh"
plan 14

# 1: the task
mark='trace syscalls:sys_enter_lseek /offset == 4242/'
run -e "$mark { print(pid, tid, ppid, uid, euid, gid, execname, in_interrupt) }" -- \
	sh -c 'echo $$ >"$0/pid"; exec "$1" marks 4242 1' "$tmp" "$act"
pid=$(cat "$tmp/pid")
check "pid, tid, uid, euid, gid, execname" \
	grep -q "^$pid	$pid	[0-9]*	0	0	0	act	false\$" "$out"

# 2: the cgroup is the inode of its directory
cgroup=$(sed -n 's/^0:://p' /proc/self/cgroup 2>/dev/null)
root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
if [ "$cgroup" ] && [ "$root" ]; then
	run -e 'print(cgroup)'
	check "cgroup is the number of the directory" \
		said "$(stat -c %i "$root$cgroup")"
else
	skip "cgroup: no cgroup2 is mounted"
fi

# 3: other tasks
run -e 'print(execname(1), execname(99999999), execname(0))'
check "execname(pid)" said "$(cat /proc/1/comm)	nil	nil"

# 4: the machine
cpus=$(getconf _NPROCESSORS_ONLN 2>/dev/null || nproc)
run -e 'print(arch, kernel_v, num_cpus, node)'
check "arch, kernel_v, num_cpus, node" \
	said "$(uname -m)	$(uname -r)	$cpus	0"

# 5: names of system calls are those of user space, numbers those of the event
run -e 'trace syscalls:sys_enter_lseek {
		print(sc_name, syscall_name(sc_nr), e.sc_name, sc_nr == arg0)
		exit()
	}' -- \
	"$act" marks 1 1
check "sc_name, syscall_name" said "lseek	lseek	lseek	true"
run -e 'var n = 0
	for (i = 0, 1000) { if (syscall_name(i)) { n += 1 } }
	print(n > 200, syscall_name(-1), syscall_name(1000000))'
check "there are names for the others" said "true	nil	nil"

# 6: errors that only the kernel knows
run -e 'print(errno_name(-2), errno_name(-512), strerror(-512), strerror(2))
	print(signal_name(9), cap_name(21))'
check "errno_name, strerror, signal_name, cap_name" \
	all said "ENOENT	ERESTARTSYS	ERESTARTSYS	No such file or directory" \
	--and said "SIGKILL	CAP_SYS_ADMIN"

# 7: time; the rule of POSIX needs no list of zones
export TZ
TZ=KTP-5:30
before=$(date '+%Y-%m-%d %H')
run -e 'print(strftime("%z %F %H"), strftime("%F %T", 0))'
check "strftime in local time" \
	grep -q -x -e "+0530 $before	1970-01-01 05:30:00" \
	-e "+0530 $(date '+%Y-%m-%d %H')	1970-01-01 05:30:00" "$out"
TZ=KTP+3
run -e 'var s = tonumber(strftime("%s")) print(strftime("%z"), gettimeofday_s - s <= 1)'
check "west of Greenwich, and the seconds since 1970" said "-0300	true"
unset TZ

# 8: os
run -e 'var a = nsecs os.sleep(200) var b = nsecs
	print((b - a) >= 200ms, (b - a) < 60s, os.clock() >= 0, os.info())'
check "os.sleep and os.info" \
	said "true	true	true	Linux $(uname -r) $(uname -m)"

launch wait -e 'trace_end { print("end") } print("waits") os.wait() print("behind")'
wait_for 20 grep -q waits "$out"
stop wait
check "os.wait until Ctrl-C" all said waits --and said end --and not said behind

# 9: open files
touch "$tmp/a file"
run -e 'trace syscalls:sys_exit_openat { s[path(retval)] += 1 }
	trace_end { for (k, n in pairs(s)) { print(k, n) } }' -- sh -c 'read x <"$0"' "$tmp/a file"
check "path() of what has been opened" said "$tmp/a file	1"
run -e 'trace sched:sched_switch { print(path(0)) }'
check "path() where locks may be held" \
	all is "$status" -eq 1 --and complained 'path.. is for system calls'

# 10: events by number
id=$(cat $tracefs/events/syscalls/sys_enter_lseek/id)
run -e "kdebug.trace_by_id($id, function (e) { print(e.name) exit() })" -- "$act" marks 1 1
name=$(cat "$out")
run -e 'kdebug.trace_by_id(999999, function (e) { })'
check "events by number" \
	all is "$name" = sys_enter_lseek --and complained 'no event has this number'
ktap_finished
