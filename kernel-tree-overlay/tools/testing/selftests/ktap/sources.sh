# SPDX-License-Identifier: GPL-2.0
#
# Sourced, after lib.sh, by the tests of single sources of events: what is done
# with each of them. Where several sessions are to have one result, $wrong has how
# many of them have not.  A shell has one set of variables: no loop here counts in
# $i, which tests do.

functions=$tracefs/available_filter_functions

# has_function NAME: does the function tracer know it?
has_function()
{
	grep -q -E "^$1( \[.*)?\$" "$functions"
}

# the function of the kernel that each mark of act calls once
find_lseek()
{
	for lseek in __x64_sys_lseek __arm64_sys_lseek sys_lseek ksys_lseek; do
		! grep -q " $lseek\$" /proc/kallsyms || break
	done
}

# With -v: how many events there are
attached()
{
	sed -n 's/.* \([0-9]*\) events attached$/\1/p' "$err" | grep . || echo 0
}

# How many hits of probes are reported as missed
missed()
{
	sed -n 's/^ktap: \([0-9]*\) probe hits* missed.*/\1/p' "$err" | grep . || echo 0
}

# refuse EVENT PATTERN: it cannot be traced, and the message has PATTERN
refuse()
{
	run -e "trace \"$1\" { }"
	[ "$status" -eq 1 ] && complained "$2" && return
	echo "# $1: status $status, not: $2"
	show
	wrong=$((wrong + 1))
}

# has_patterns: can patterns of functions be probed? That takes CONFIG_FPROBE, or the
# function tracer where that knows arguments.
has_patterns()
{
	[ "${patterns_are:-}" ] || patterns_are=$(ktap -q -e 'trace probe:vfs_rea? { }
		trace_begin { exit() }' 2>&1 | grep 'patterns of functions need' || echo there)
	[ "$patterns_are" = there ]
}

# has_fprobes: are the returns of thousands of functions one probe?
has_fprobes()
{
	grep -q -w register_fprobe_ips /proc/kallsyms
}

# can_nmi: is there a way to make NMIs? A backtrace of the other CPUs is asked for
# by one.
can_nmi()
{
	case $(uname -m) in
	x86_64|i?86) ;;
	*)	return 1 ;;
	esac
	[ -w /proc/sysrq-trigger ] &&
		[ "$(getconf _NPROCESSORS_ONLN 2>/dev/null || nproc)" -gt 1 ]
}

# make_nmis: from here on the kernel's unwinder may warn (clean)
make_nmis()
{
	echo "ktap selftest: NMIs" >/dev/kmsg
	for nmi in 1 2 3 4 5 6 7 8 9 10; do
		echo l >/proc/sysrq-trigger
		sleep 0.1
	done
}

# nmis_while_busy: the same, of CPUs that work
nmis_while_busy()
{
	"$act" busy 3 &
	make_nmis
	wait $!
}

# side_by_side LINE ARGUMENTS...: four sessions, until side_by_side_end; each of them
# says LINE
side_by_side()
{
	side_line=$1
	shift
	for side in 1 2 3 4; do
		start "side$side" "$@"
	done
}

side_by_side_end()
{
	wrong=0
	for side in 1 2 3 4; do
		stop "side$side"
		said "$side_line" || wrong=$((wrong + 1))
	done
}

# load COMMAND...: again and again, beside what follows, until load_end
load()
{
	touch "$tmp/load"
	( while [ -e "$tmp/load" ]; do "$@"; done ) &
	load=$!
}

load_end()
{
	rm "$tmp/load"
	wait "$load"
}

# come_and_go TIMES LINE ARGUMENTS...: sessions, one after the other, each of which
# says LINE
come_and_go()
{
	times=$1
	line=$2
	shift 2
	wrong=0
	for come in $(seq "$times"); do
		run "$@"
		[ "$status" -eq 0 ] && said "$line" || wrong=$((wrong + 1))
	done
}

# killed TIMES ARGUMENTS...: sessions that are killed when meanwhile has been done, a
# function of who calls this
killed()
{
	times=$1
	shift
	for kill in $(seq "$times"); do
		start "kill$kill" "$@"
		meanwhile
		stop "kill$kill" KILL
	done
}

# has_lkdtm: is there a module that comes and goes, with a function that is called
# when one wants it? It is loaded then.
has_lkdtm()
{
	modprobe lkdtm 2>/dev/null && grep -q '^lkdtm ' /proc/modules &&
		has_function direct_entry
}

call_lkdtm()
{
	echo NOTHING >/sys/kernel/debug/provoke-crash/DIRECT 2>/dev/null
}

# reload_lkdtm: it is called, goes, comes, is called; $gone: could it go?
reload_lkdtm()
{
	call_lkdtm
	rmmod lkdtm
	gone=$?
	modprobe lkdtm
	call_lkdtm
}
