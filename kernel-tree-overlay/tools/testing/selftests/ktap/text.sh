#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# An event's text is what the kernel's own trace has for it, and its fields
# agree with the text.

. "$(dirname "$0")/lib.sh"
plan 7

instance=$tracefs/instances/ktap-test.$$
cleanup()
{
	echo 0 >"$instance/events/enable"
	rmdir "$instance"
	rm -rf "$tmp"
}

# strings, __data_loc, flags, symbols, hex and pointers, in all contexts
events=''
for event in \
	task:task_rename task:task_newtask \
	sched:sched_switch sched:sched_waking sched:sched_wakeup_new \
	sched:sched_process_fork sched:sched_process_exec sched:sched_process_wait \
	sched:sched_stat_runtime \
	signal:signal_generate signal:signal_deliver \
	kmem:kmalloc kmem:kfree kmem:kmem_cache_alloc kmem:kmem_cache_free \
	kmem:mm_page_alloc kmem:mm_page_free kmem:rss_stat \
	timer:hrtimer_init timer:hrtimer_start timer:hrtimer_expire_entry \
	timer:timer_start irq:softirq_entry irq:softirq_raise irq:irq_handler_entry \
	exceptions:page_fault_user mmap:vm_unmapped_area \
	syscalls:sys_enter_openat syscalls:sys_exit_openat syscalls:sys_enter_mmap \
	syscalls:sys_exit_mmap syscalls:sys_enter_kill syscalls:sys_exit_chdir; do
	has_events "$event" && events="$events${events:+, }$event"
done

if ! mkdir "$instance" 2>/dev/null; then
	echo "# no instance of tracefs"
	skip "text"; skip "text"; skip "text"; skip "text"; skip "text"; skip "text"; skip "text"
	ktap_finished
fi
trap cleanup EXIT
echo 16384 >"$instance/buffer_size_kb"
for event in $(echo "$events" | tr -d ,); do
	echo 1 >"$instance/events/$(echo "$event" | tr : /)/enable"
done

# between_names NAME: from one task_rename of a process's to the next
between_names()
{
	awk -v name="$1" '
		index($0, "task_rename:") == 1 && index($0, "newcomm=" name "-end ") { exit }
		on { print }
		index($0, "task_rename:") == 1 && index($0, "newcomm=" name " ") { on = 1 }'
}

# pid_of NAME FILE: which process took that name
pid_of()
{
	sed -n "s/^.*task_rename: pid=\([0-9]*\) oldcomm=[^ ]* newcomm=$1 .*/\1/p" "$2" | head -n 1
}

# the trace, as "pid text"
trace_lines()
{
	awk 'match($0, / \[[0-9][0-9][0-9]\] /) {
		head = substr($0, 1, RSTART - 1)
		sub(/ *$/, "", head)
		sub(/^.*-/, "", head)
		text = substr($0, RSTART + RLENGTH)
		sub(/^[^:]*: /, "", text)
		print head "\t" text
	}' "$instance/trace"
}

# compare NAME WHAT: that process's events in $tmp/WHAT and in $tmp/trace
compare()
{
	for f in trace "$2"; do
		awk -F '\t' -v pid="$(pid_of "$1" "$tmp/trace")" \
			'$1 == pid { sub(/^[^\t]*\t/, ""); print }' "$tmp/$f" |
			between_names "$1" | sort >"$tmp/$f.cmp"
	done
	diff "$tmp/trace.cmp" "$tmp/$2.cmp" >"$tmp/diff" &&
		[ "$(wc -l <"$tmp/trace.cmp")" -gt 100 ] && return 0
	echo "# $(wc -l <"$tmp/trace.cmp") lines in the trace, $(wc -l <"$tmp/$2.cmp") of ktap"
	head -n 20 "$tmp/diff" | sed 's/^/#   /'
	return 1
}

# traced NAME: a command for ktap that the instance traces as well
traced()
{
	echo "echo \$\$ >$instance/set_event_pid; exec '$act' events $1"
}

run -e "trace $events { print(\"later\", tid, argstr) print(\"atonce\", tid, \"\" .. argstr) }" -- \
	sh -c "$(traced ktaptext)"
trace_lines >"$tmp/trace"
sed -n 's/^later	//p' "$out" >"$tmp/later"
sed -n 's/^atonce	//p' "$out" >"$tmp/atonce"
echo "# events: $events"
kinds=$(cut -f 2 "$tmp/trace" | sed 's/[:(].*//;s/ ->.*//' | sort -u | wc -l)
echo "# $kinds kinds of events, $(wc -l <"$tmp/later") events"
check "text that is printed" \
	all compare ktaptext later --and no_loss --and is "$status" -eq 0 --and is "$kinds" -gt 10
# Not compared with the trace: an interrupt's events may come between the two
# lines of one event.  Both are of the same events, in some order.
same_text()
{
	sort "$tmp/later" >"$tmp/later.cmp"
	sort "$tmp/atonce" >"$tmp/atonce.cmp"
	diff "$tmp/later.cmp" "$tmp/atonce.cmp" >"$tmp/diff" && return 0
	head -n 20 "$tmp/diff" | sed 's/^/#   /'
	return 1
}
check "text that the script uses as a string" same_text

# e.tostring() is a line
echo >"$instance/trace"
run -e "trace $events { printf(\"%d\\t%s\", tid, e.tostring()) }" -- \
	sh -c "$(traced ktapline)"
trace_lines >"$tmp/trace"
cp "$out" "$tmp/line"
check "e.tostring()" compare ktapline line

# what the fields say is what the text says
cat >"$tmp/fields.kp" <<'END'
trace sched:sched_switch {
	print(argstr, "sched_switch: prev_comm=" .. args.prev_comm ..
		" prev_pid=" .. args.prev_pid .. " prev_prio=" .. args.prev_prio ..
		" prev_state=")
	print(argstr, " next_comm=" .. arg4 .. " next_pid=" .. arg5 .. " next_prio=" .. arg6)
}
trace sched:sched_process_exec {
	print(argstr, "sched_process_exec: filename=" .. args.filename .. " pid=" .. args.pid ..
		" old_pid=" .. args.old_pid)
}
trace task:task_rename {
	print(argstr, "task_rename: pid=" .. args.pid .. " oldcomm=" .. args.oldcomm ..
		" newcomm=" .. args.newcomm .. " oom_score_adj=" .. args.oom_score_adj)
}
trace signal:signal_generate {
	print(argstr, "signal_generate: sig=" .. args.sig .. " errno=" .. args.errno ..
		" code=" .. args.code .. " comm=" .. args.comm .. " pid=" .. args.pid ..
		" grp=" .. args.group .. " res=" .. args.result)
}
trace irq:softirq_entry { print(argstr, "softirq_entry: vec=" .. args.vec .. " ") }
trace kmem:kmem_cache_alloc {
	print(argstr, " bytes_req=" .. args.bytes_req .. " bytes_alloc=" .. args.bytes_alloc .. " ")
}
trace sched:sched_stat_runtime { print(argstr, " runtime=" .. args.runtime .. " [ns]") }
END
run "$tmp/fields.kp" -- "$act" events ktapfields
awk -F '\t' 'index($1, $2) == 0 || $2 == ""' "$out" >"$tmp/wrong"
check "fields agree with the text" \
	all is "$(wc -l <"$tmp/wrong")" -eq 0 \
	--and is "$(cut -f 1 "$out" | sed 's/:.*//' | sort -u | wc -l)" -ge 6
head -n 5 "$tmp/wrong" | sed 's/^/# /'

# what describes an event
run -e 'trace sched:sched_switch {
		print(e.name) print(probename) print(e.fieldnum) print(e.field(1))
		print(e.print_fmt) exit()
	}' -- "$act" busy 1
name=$(sed -n 1p "$out")$(sed -n 2p "$out")
format=$tracefs/events/sched/sched_switch/format
fields=$(grep '^	field:' "$format" | grep -v -c ' common_')
check "e.name, e.fieldnum and e.print_fmt are those of the format file" \
	all [ "$name" = sched_switchsched_switch ] --and is "$(sed -n 3p "$out")" -eq "$fields" \
	--and [ "print fmt: $(sed -n 5p "$out")" = "$(grep '^print fmt' "$format")" ]

# a record that is larger than a page: the path of a program
dir=$tmp
name=$(printf '%0200d' 0)
while [ ${#dir} -lt 3840 ]; do
	dir=$dir/$name
done
mkdir -p "$dir"
path=$dir/$(printf "%0$((4089 - ${#dir}))d" 0)
cp "$act" "$path"
run -e 'trace sched:sched_process_exec { print(len(args.filename), len(argstr .. "") > 4090) }' -- \
	"$path" nothing
check "a record that is larger than a page" said "4090	true"

check "the kernel did not complain" clean
ktap_finished
