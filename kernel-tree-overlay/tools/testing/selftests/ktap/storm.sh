#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Processes, CPUs and modules come and go while they are traced, and counts stay
# exact.

. "$(dirname "$0")/lib.sh"
. "$here/sources.sh"
plan 10

procs=$(scaled 20 5)
forks=$(scaled 30 6)
marks=$((procs * forks * 4 / 3))
lseek=$(awk '$3 ~ /^(__x64_|__arm64_|)sys_lseek$/ && !seen++ { print $3 }' /proc/kallsyms)

# what all of the sources count, of the same call
counts='trace syscalls:sys_enter_lseek { e += 1 } trace syscalls:sys_exit_lseek { x += 1 }'
want="$marks	$marks"
names='e, x'
if [ "$lseek" ] && grep -q -w register_kprobe /proc/kallsyms; then
	counts="$counts"' trace probe:'"$lseek"' { k += 1 } trace probe:'"$lseek"'! { r += 1 }'
	want="$want	$marks	$marks"
	names="$names, k, r"
	if has_patterns; then
		counts="$counts trace probe:${lseek%?}? { f += 1 } trace probe:${lseek%?}?! { g += 1 }"
		want="$want	$marks	$marks"
		names="$names, f, g"
	fi
fi
counts="$counts"' trace sched:sched_process_fork { forks += 1 }
	trace_end {
		print('"$names"')
		print("forks", forks)
	}'

run -e "$counts" -- "$act" storm "$procs" "$forks"
check "$procs processes fork $forks each: $marks calls" all said "$want" --and no_loss
# each process, its children, and a thread of each child
check "their forks" said "forks	$((procs + 2 * procs * forks))"

# others attach and detach the same meanwhile
rm -f "$tmp/stop"
others()
{
	while [ ! -e "$tmp/stop" ]; do
		timeout -s KILL 60 ktap -q -e "$counts trace sched:* { n += 1 }" -- /bin/true
	done >/dev/null 2>&1
}
others &
one=$!
others &
two=$!
run -e "$counts" -- "$act" storm "$procs" "$forks"
touch "$tmp/stop"
wait $one
wait $two
check "while others attach and detach" all said "$want" --and no_loss

online=/sys/devices/system/cpu/cpu1/online
if [ -w $online ]; then
	rm -f "$tmp/stop"
	(
		while [ ! -e "$tmp/stop" ]; do
			echo 0 >$online
			echo 1 >$online
		done
	) &
	one=$!
	run -e "$counts profile-97hz { p += 1 }" -- "$act" storm "$procs" "$forks"
	touch "$tmp/stop"
	wait $one
	check "while a CPU goes and comes" said "$want"
else
	skip "while a CPU goes and comes: it cannot"
fi

# all are killed at once, in the middle
start killed -e "$counts" -- "$act" storm "$(scaled 50 5)" 3000
sleep 1
for p in /proc/[0-9]*; do
	# ktap's own child is the first of them
	[ "$(readlink "$p/exe" 2>/dev/null)" = "$act" ] && kill -KILL "${p#/proc/}" 2>/dev/null
done
wait_for 60 dead
finish killed
check "a traced command that is killed ends the session" \
	all is $status -ne 130 --and grep -q '^forks' "$out"

# a module is loaded and removed while its functions, and all of the same names, are traced
if modprobe lkdtm 2>/dev/null && rmmod lkdtm && has_patterns; then
	rm -f "$tmp/stop"
	(
		while [ ! -e "$tmp/stop" ]; do
			modprobe lkdtm
			rmmod lkdtm
		done
	) 2>/dev/null &
	one=$!
	failed=0
	for i in $(seq "$(scaled 20 3)"); do
		run -e 'trace k:lkdtm_*, k:do_init_module { n += 1 } tick-50ms { exit(0) }'
		# there may be none at that moment, or none that is ready
		[ $status -eq 0 ] || complained 'no function matches|cannot probe|try again' || {
			show
			failed=$((failed + 1))
		}
	done
	check "functions of a module that comes and goes" is $failed -eq 0
	run -e "$counts trace module:* { m += 1 } trace_end { print(\"modules\", m > 0) }" -- \
		"$act" storm "$procs" "$forks"
	# with -- only what the command does is seen
	check "others, meanwhile" all said "$want" --and said "modules	false"
	touch "$tmp/stop"
	wait $one
	modprobe lkdtm
	start module -e 'trace k:lkdtm_* { n += 1 } trace k:lkdtm:lkdtm_register_cpoint { m += 1 }
		trace_end { print("end", n) }'
	rmmod lkdtm
	modprobe lkdtm
	stop module
	check "a module that is removed while it is traced" \
		all is $status -eq 0 --and grep -q '^end' "$out"
	rmmod lkdtm
else
	for i in 1 2 3; do
		skip "no module lkdtm, or no patterns"
	done
fi

check "no probe is left" eval \
	'[ ! -r /sys/kernel/debug/kprobes/list ] || [ ! -s /sys/kernel/debug/kprobes/list ]'
check "the kernel did not complain" all clean --and wait_for 10 nothing_left
ktap_finished
