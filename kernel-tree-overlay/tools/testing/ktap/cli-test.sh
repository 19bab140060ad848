#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# cli-test.sh BUILD TREE: the command line of the tool, its output forms and the
# compiler's limits, as far as no /dev/ktap is needed.  BUILD has the programs
# ktap and ktap-host.  Prints TAP.

set -u
build=$(cd "$1" && pwd)
tree=$(cd "$2" && pwd)
ktap=$build/ktap
host=$build/ktap-host
tmp=$(mktemp -d -t ktap-cli.XXXXXX) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
n=0
failed=0
status=0
# the tests below expect to find none
none=$tmp/no-ktap

result()
{
	n=$((n + 1))
	echo "$1 $n - $2"
	[ "$1" = ok ] && return
	failed=$((failed + 1))
	echo "# status $status"
	sed 's/^/#   out: /' out | head -n 10 | cut -c 1-200
	sed 's/^/#   err: /' err | head -n 10 | cut -c 1-200
}

# run COMMAND...: its output is in out and err, its status in $status
run()
{
	timeout 120 "$@" >out 2>err </dev/null
	status=$?
}

# check NAME STATUS OUT-REGEX ERR-REGEX: of what was run; '' is no text at all
check()
{
	local name=$1 want=$2 o=$3 e=$4 ok=ok
	[ "$status" = "$want" ] || ok="not ok"
	if [ "$o" ]; then grep -q -E -e "$o" out || ok="not ok"; else [ -s out ] && ok="not ok"; fi
	if [ "$e" ]; then grep -q -E -e "$e" err || ok="not ok"; else [ -s err ] && ok="not ok"; fi
	result "$ok" "$name"
}

# is NAME COMMAND...: it succeeds
is()
{
	local name=$1
	shift
	if "$@"; then result ok "$name"; else result "not ok" "$name"; fi
}

lines()
{
	[ "$(wc -l <"$1")" -eq "$2" ]
}

echo "TAP version 13"

#
# Help, version, wrong options
#
for o in -h --help '-?'; do
	run "$ktap" "$o"
	check "$o: help on stdout" 0 '^usage: ktap' ''
done
for o in -V --version; do
	run "$ktap" "$o"
	check "$o: the version" 0 '^ktap [0-9.]+, image version [0-9]+$' ''
done
run "$ktap"
check "no arguments: usage on stderr" 2 '' 'a script is missing'
run "$ktap" --jsno
check "a wrong long option: did you mean" 2 '' "--jsno is not known, did you mean --json\?"
is "in one line" lines err 1
run "$ktap" --zzzzzzzzz
check "a long option like none" 2 '' '--zzzzzzzzz is not known'
run "$ktap" -Z x.kp
check "a wrong letter" 2 '' 'there is no option -Z'
run "$ktap" --d x.kp
check "the beginning of several long options" 2 '' 'option --d is not known or not clear|option --d is not known, did you mean'
run "$ktap" -e
check "a letter without its value" 2 '' 'option -e needs a value'
run "$ktap" --output
check "a long option without its value" 2 '' 'option --output needs a value'
run "$ktap" --json=5 -e ''
check "a value that an option does not take" 2 '' 'option --json takes no value'
run "$ktap" '-q -T' x.kp
check "blanks in the options of a #! line" 2 '' "one word: a #! line takes options without blanks"
run "$ktap" -w -d -e 'trace syscalls:sys_exit_lseek { e.set_retval(-1) }'
check "-w and what it is for compile" 0 'event.set_retval' ''
run "$ktap" -e 'print(1)' -e 'print(2)'
check "two scripts" 2 '' 'one script, please'
run "$ktap" -e 'print(1)' -s sched:sched_switch
check "-e and -s" 2 '' 'one script, please'
for v in 0 x -5 5x 99999999999; do
	run "$ktap" -p "$v" -e ''
	check "-p $v" 2 '' '-p needs a number from 1|cannot find pid'
done
run "$ktap" -p 2147483000 -e ''
check "-p of no process" 2 '' 'cannot find pid 2147483000'
for v in x -1 4294967296 ''; do
	run "$ktap" -C "$v" -e ''
	check "-C '$v'" 2 '' '-C needs a number from 0'
done
for o in --buffer-kb --mem-limit --main-budget --handler-budget; do
	run "$ktap" "$o" 0 -e ''
	check "$o 0" 2 '' "^ktap: error: $o needs a number from 1"
done
run "$ktap" --mem-limit 2Q -e ''
check "--mem-limit with a unit that is none" 2 '' '--mem-limit needs a number'
run "$ktap" --mem-limit 2M --device "$none" -e ''
check "--mem-limit with a unit" 1 '' "there is no $none"
run "$ktap" -e 'print(1)' --
check "-- without a command" 2 '' "a command is missing after '--'"
run "$ktap" -c true -e 'print(1)' -- true
check "-c and --" 2 '' '-c and -- are given both'
run "$ktap" -p $$ -e 'print(1)' -- true
check "-p and a command" 2 '' '-p and a command are given both'

#
# Scripts and files
#
run "$ktap" no-such.kp
check "a file that is not there" 2 '' 'cannot read no-such.kp: No such file'
run "$ktap" .
check "a directory" 2 '' 'is a directory'
run "$ktap" --device "$none" -e 'print(1)'
check "no device: one sentence, what to do" 1 '' 'is CONFIG_KTAP on, is the module ktapvm loaded'
is "in one line" lines err 1
run "$ktap" -qq --device "$none" -e 'print(1)'
check "-qq does not hide errors" 1 '' 'there is no'
printf 'x = \n' | { timeout 60 "$ktap" - >out 2>err; echo $? >st; }
status=$(cat st)
check "- is the standard input" 255 '' '^-:2:1: error: '
printf '#!/usr/bin/ktap -q\nx = )\n' >hash.kp
run "$ktap" hash.kp
check "a #! line is a comment, lines count on" 255 '' '^hash.kp:2:5: error: '
printf '\357\273\277print(1)\n' >bom.kp
run "$ktap" -d bom.kp
check "a byte order mark" 0 'BCALL' ''
run "$ktap" -e 'print('
check "an error in -e" 255 '' '^\(command line\):1:7: error: unexpected end of file'
run "$ktap" -s 'no brace {'
check "-s is compiled as an event" 255 '' 'error'
run "$ktap" -d -s sched:sched_switch
check "-s EVENT is the original's one-liner" 0 '"sched:sched_switch"' ''
for w in cpu tid execname argstr; do
	is "which shows $w" grep -q -w "$w" out
done

#
# The dump
#
printf 'var n = 1\n\ntrace test:one {\n\tn += 1 # count\n}\n' >d.kp
run "$ktap" -d d.kp
check "-d: the source beside the code" 0 '^    4\|.*n \+= 1 # count$' ''
is "lines without code are not there" eval '! grep -q "^    2|" out'
is "the code follows its line" eval "grep -A 2 '^    4|' out | grep -q ADDU"
run "$ktap" --dump d.kp
check "--dump is -d" 0 'function 0' ''
# what a predicate demands of ftrace:function is in its text, and nowhere else
filter()
{
	"$ktap" -d -e "$1" >out 2>err
	status=$?
	grep -q -F -x "  line 1: \"$2\"" out && ! grep -q -E 'MATCH|ksym' out
}
is "ip == a glob is a pattern of the event" \
	filter 'trace ftrace:function /ip == mutex*/ { }' 'ftrace:function:mutex*'
is "ip == a word" filter 'trace ftrace:function /ip == vfs_read/ { }' ftrace:function:vfs_read
is "ip ~ a string, in a conjunct" \
	filter 'trace "ftrace:function /cpu == 1 && (ip ~ \"v?_[a-z]*\")/" function () { }' \
	'ftrace:function:v?_[a-z]*'
run "$ktap" -d -e 'trace ftrace:function /ip != vfs_* && (ip == a* || ip == b)/ { }'
is "what is not demanded is left to the predicate" \
	eval 'grep -q -F -x "  line 1: \"ftrace:function\"" out && test "$(grep -c MATCH out)" -eq 3'
run "$ktap" -d -e 'var a = 1 trace ftrace:function /ip == (a)/ { }'
is "a variable in parentheses" \
	eval 'grep -q -F -x "  line 1: \"ftrace:function\"" out && ! grep -q MATCH out'
run "$ktap" -d -e 'x = 1 + 2 * 3'
check "constants are folded" 0 'LOADI +r0 7' ''
run "$ktap" -d -e 'x = "a" .. 1 .. "b" == "a1b"'
check "strings and comparisons too" 0 'BOOL +r0 1' ''
run "$ktap" -d -e 'if (false) { print("dead") } print(1)'
is "no code for what never runs" eval '! grep "LOADK.*; .dead" out'
run "$ktap" -d -e 'while (true) { break } print(1)'
is "no jumps to the next instruction" eval '! grep -q "JMP *+0" out'

#
# Images
#
cat >opt.kp <<'EOK'
# an image with all there is
var limit = option("limit", 20, "rows to show")
var who = option("who", "root", "of this user")
print(limit, who, arg[1])
x = nil
x.y = 1
EOK
run "$ktap" --compile opt.kpc opt.kp
check "--compile writes an image and nothing else" 0 '' ''
is "which begins with KTAP" eval '[ "$(head -c 4 opt.kpc)" = KTAP ]'
run "$ktap" -d opt.kpc
check "-d of an image, without source" 0 'image of opt.kp' ''
is "has no lines of a source" eval '! grep -q "^ *[0-9]*| " out'
is "and the code that the source gives" eval '"$ktap" -d opt.kp | grep -v "^ *[0-9]*| " | diff - out'
run "$ktap" --compile two.kpc opt.kpc
is "an image compiles to itself" cmp two.kpc opt.kpc
run "$ktap" opt.kpc --help
check "--help after an image: its options" 0 '--limit=NUMBER +rows to show \(20\)' ''
run "$ktap" opt.kpc --limt=3
check "an unknown option of an image" 2 '' 'opt.kpc has no option --limt, did you mean --limit'
run "$ktap" --device "$none" opt.kpc --limit=3 --who=me arg
check "options of an image are taken" 1 '' "there is no $none"
head -c 100 opt.kpc >short.kpc
run "$ktap" short.kpc
check "a damaged image" 2 '' 'short.kpc: '
run "$ktap" --compile /no/such/dir/x.kpc opt.kp
check "an image that cannot be written" 2 '' 'cannot write /no/such/dir/x.kpc'
run "$ktap" --compile /dev/full opt.kp
check "a full disk" 2 '' 'cannot write /dev/full'
is "and the device is still there" [ -c /dev/full ]
run "$ktap" --compile bad.kpc -e 'x = '
check "no image after an error" 255 '' 'error'
is "no file is left" [ ! -e bad.kpc ]

#
# Options of scripts
#
run "$ktap" opt.kp --help
check "--help after a script" 0 '^Options of opt.kp:$' ''
run "$ktap" opt.kp --limit
check "an option without its value" 2 '' 'option --limit needs a value: --limit=NUMBER'
run "$ktap" opt.kp --limit=x
check "no number" 2 '' "option --limit takes a number, not 'x'"
run "$ktap" -e 'print(1)' --help
check "after -e, ktap's own options are ktap's" 0 '^usage: ktap' ''
run "$ktap" -e 'print(option("deep", 1, "levels"))' --deep=x
check "after -e, others are the script's" 2 '' "option --deep takes a number"
run "$ktap" --device "$none" -e 'print(arg[1])' a --x=1
check "a script that looks at arg and has no options gets them there" 1 '' "there is no $none"
run "$ktap" --device "$none" -e 'print(1)' a --x=1
check "one that does neither refuses them" 2 '' '\(command line\) has no option --x'

#
# --dry-run, --self-test
#
run "$ktap" --dry-run --device "$none" opt.kp
check "--dry-run without the device says so" 1 '' 'opt.kp: compiled .* there is no .* to check it further'
run "$ktap" --dry-run -e 'x = '
check "--dry-run of an error" 255 '' 'error'
run "$ktap" --dry-run --device /dev/null -e 'print(1)'
check "--dry-run with another device" 1 '' "this device is not ktap's"
run "$ktap" --self-test --device "$none"
check "--self-test without the device" 1 '^not ok 1 - .* is there and may be opened' 'there is no'
is "says what machine it is" grep -q "^# ktap, image version .* on Linux" out
is "and how many failed" grep -q "^# 1 checks, 1 failed" out

#
# Perf events, with a sysfs of our own
#
mkdir -p pmus/cpu/format pmus/cpu/events pmus/bare
echo 4 >pmus/cpu/type
echo 1 >pmus/bare/type
echo 'config:0-7,32-35' >pmus/cpu/format/event
echo 'config:8-15' >pmus/cpu/format/umask
echo 'config1:0-63' >pmus/cpu/format/offcore_rsp
echo 'config:23' >pmus/cpu/format/inv
echo 'config3:0-7' >pmus/cpu/format/new
echo 'config:x' >pmus/cpu/format/bad
echo 'event=0x3c,umask=0x1' >pmus/cpu/events/cycles
echo 'event=?' >pmus/cpu/events/open
# pmu TERMS MEANING: what cpu/TERMS/ is
pmu()
{
	run "$build/pmutest" pmus "trace $1 { }"
	check "$1" 0 "^$1	$2\$" ''
}
pmu cpu/event=0x3c/ pmu:4:0x3c:0x0:0x0
pmu cpu/event=0xf3c,umask=0x1/ pmu:4:0xf0000013c:0x0:0x0
pmu cpu/inv,event=1,offcore_rsp=0xffffffffffffffff/ pmu:4:0x800001:0xffffffffffffffff:0x0
pmu cpu/cycles/ pmu:4:0x13c:0x0:0x0
pmu cpu/cycles,umask=2,period=1000/ pmu:4:0x23c:0x0:0x0:period=1000
pmu cpu/config=1,config1=2,config2=3,freq=99/ pmu:4:0x1:0x2:0x3:freq=99
pmu cpu/event=7,name=x/ pmu:4:0x7:0x0:0x0
pmu cpu// pmu:4:0x0:0x0:0x0
pmu bare/config=2/ pmu:1:0x2:0x0:0x0
pmu cpu/event=0x1000/ '!the value 0x1000 of the term event has too many bits'
pmu cpu/inv=2/ '!the value 0x2 of the term inv has too many bits'
pmu cpu/evnt=1/ "!this PMU has no term or event 'evnt'; see pmus/cpu"
pmu cpu/event=x/ "!the term event has no number: 'x'"
pmu cpu/event=/ "!the term event has no number: ''"
pmu cpu/new=1/ "!the term new is in 'config3', which this version cannot set"
pmu cpu/bad=1/ "!the format of the term bad is unknown: 'x'"
pmu cpu/open/ "!the term event has no number: '\\?'"
pmu cpu/,/ "!'' is no term"
pmu cpu/event=99999999999999999999/ "!the term event has no number: '9*'"
pmu none/event=1/ '!there is no pmus/none'
run "$build/pmutest" pmus 'trace cs, cpu/event=1,umask=2/:period=5, cpu/event=3/ /pid == 1/ { }'
check "perf events in a list" 0 '^cpu/event=1,umask=2/	pmu:4:0x201:0x0:0x0$' ''
is "both of them" [ "$(wc -l <out)" -eq 2 ]
run "$build/pmutest" pmus 'trace "bare/config=1/; cpu/event=2,umask=3/", f
function f() { print(1 / 2, "a/b") }
trace probe:/lib/x.so:f, foo { }'
check "perf events in a string" 0 '^cpu/event=2,umask=3/	pmu:4:0x302' ''
is "and nothing else with a slash" [ "$(wc -l <out)" -eq 2 ]

#
# -l, with a tracefs of our own
#
mkdir -p fs/events/sched/sched_switch fs/events/syscalls/sys_enter_openat
printf '%s\n' sched:sched_switch sched:sched_wakeup syscalls:sys_enter_openat >fs/available_events
printf '%s\n' vfs_read vfs_write 'ext4_sync_file [ext4]' >fs/available_filter_functions
printf 'name: sched_switch\nID: 1\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n\tfield:char prev_comm[16];\toffset:8;\tsize:16;\tsigned:0;\n\tfield:pid_t prev_pid;\toffset:24;\tsize:4;\tsigned:1;\n\nprint fmt: "x"\n' >fs/events/sched/sched_switch/format
run "$ktap" --tracefs fs -le
check "-le: all events" 0 '^sched:sched_switch$' ''
is "three of them" lines out 3
run "$ktap" --tracefs fs -l
check "-l: events" 0 '^sched:sched_switch$' ''
check "-l: functions, too" 0 '^probe:vfs_write$' ''
check "-l: timers, too" 0 '^profile-97hz	' ''
is "and what perf has everywhere" eval 'grep -q -x page-faults out && grep -q -x LLC-load-misses out'
run "$ktap" --tracefs fs -l 'dTLB-*'
is "-l of perf events" lines out 6
run "$ktap" --tracefs fs -lv cs
check "-lv of a perf event: what it is" 0 '^    a task gives its CPU to another one$' ''
run "$ktap" --tracefs fs -l '*write'
is "-l GLOB: of all sources" lines out 1
run "$ktap" --tracefs fs -l 'probe:vfs_*'
is "-l PREFIX:GLOB: of that source" lines out 2
run "$ktap" --tracefs "$tmp" -l 'tick-5*'
check "-l of a source that needs no tracefs" 0 '^tick-1s	' ''
run "$ktap" --tracefs fs -lv probe:vfs_read
check "-lv: what probes of functions have" 0 '^    arg1' ''
run "$ktap" --tracefs fs -l rawtp:nonesuch_at_all
check "-l of no raw tracepoint" 1 '' "no raw tracepoint matches 'rawtp:nonesuch_at_all'"
run "$ktap" --tracefs fs -l 'sched:*'
is "-l GLOB" lines out 2
run "$ktap" --tracefs fs -le '*open*'
check "-le GLOB without a colon: of either part" 0 '^syscalls:sys_enter_openat$' ''
run "$ktap" --tracefs fs -l sched
is "-l SUBSYSTEM" lines out 2
run "$ktap" --tracefs fs -l tp:sched:sched_switch
is "-l tp:..." lines out 1
run "$ktap" --tracefs fs '-lsched:*'
is "-lGLOB" lines out 2
run "$ktap" --tracefs fs --list='sched:*'
is "--list=GLOB" lines out 2
run "$ktap" --tracefs fs -lv sched:sched_switch
check "-lv: fields, counted as argN" 0 '^    arg1  pid_t prev_pid$' ''
is "those of all records are left out" eval '! grep -q common_ out'
run "$ktap" --tracefs fs -v -l sched:sched_switch
check "-v -l is -lv" 0 '^    arg0  char prev_comm\[16\]$' ''
run "$ktap" --tracefs fs -lf 'vfs_*'
check "-lf: functions" 0 '^probe:vfs_read$' ''
is "two of them" lines out 2
run "$ktap" --tracefs fs -lf probe:ext4_sync_file
check "-lf: of modules too" 0 '^probe:ext4_sync_file	\[ext4\]$' ''
run "$ktap" --tracefs fs -l sched:sched_swich
check "-l of nothing: the nearest" 1 '' "no event matches 'sched:sched_swich', did you mean 'sched:sched_switch'"
run "$ktap" --tracefs fs -lf nonesuch
check "-lf of nothing" 1 '' "no function matches 'nonesuch'"
run "$ktap" --tracefs "$tmp" -l
check "a tracefs that is none" 1 '' 'is no tracefs'
run "$ktap" -l a b
check "-l with two patterns" 2 '' '-l takes one pattern'
run "$ktap" -lef
check "-l of two kinds" 2 '' '-l lists one thing'
run "$ktap" -lm
is "-lm: modules, or that there are none" eval '[ "$status" -eq 0 ] && ! grep -q " " out || grep -q "/proc/modules" err'

#
# Programs: -l shows what the tool finds in them, and sample.c says where it is
#
run "$ktap" -l u:/no/such/program:x
check "a program that is not there" 1 '' 'cannot open /no/such/program: No such file'
run "$ktap" -l u:no-such-program:x
check "nor in PATH" 1 '' 'no program "no-such-program" in PATH, nor a library'
run "$ktap" -l u:libnosuch.so.1:x
check "a library that is not there" 1 '' 'would not find a library "libnosuch.so.1"'
run "$ktap" -l u:a:b,u:c:d
check "two events" 1 '' '-l takes one event of a program'
run "$ktap" -l /bin/sh
check "a file and no event" 1 '' "'/bin/sh' is a file: -lf lists"
for e in u: u:/bin/sh u:/bin/sh: sdt::x probe:/bin/sh; do
	run "$ktap" -l "$e"
	check "-l $e: what there is to say" 1 '' 'that does not name a place in a program; one is u:/bin/bash:readline'
done
mkdir -p dir
mkfifo fifo
printf '#!/bin/sh\n' >script
printf '\177ELF' >short
run "$ktap" -l u:./dir:x
check "a directory as program" 1 '' './dir is a directory'
run "$ktap" -l u:./fifo:x
check "a fifo" 1 '' './fifo is not a file'
run "$ktap" -l u:./script:x
check "a script as program" 1 '' './script is a script: trace its interpreter'
run "$ktap" -l u:./fs/available_events:x
check "no ELF file" 1 '' 'available_events is not an ELF file'
run "$ktap" -l u:./short:x
check "the begin of an ELF file" 1 '' './short is cut short'

cc=${CC:-gcc}
sample=$tree/tools/testing/ktap/sample.c
printf 'SAMPLE_1 { };\nSAMPLE_2 { } SAMPLE_1;\n' >versions
programs()
{
	$cc -Wall -O1 -g "$@" "$sample"
}

# where FILE PLACE: where sample.c says it is
where()
{
	"./$1" | sed -n "s/^$2 //p"
}

run "$ktap" -l u:/proc/self/exe:main
if grep -q "without libelf" err; then
	run "$ktap" -lv u:/proc/self/exe:0x10
	check "without libelf: an offset" 0 '^    at 0x10$' ''
	result ok "functions of programs # SKIP this ktap has no libelf"
elif ! command -v objcopy >/dev/null || ! programs -fPIE -pie -o pie 2>err ||
	! programs -fno-pie -no-pie -o exe 2>err ||
	! programs -shared -fPIC -DLIBRARY -Wl,--version-script=versions -o libsample.so.1 2>err ||
	! programs -fPIE -pie -DGO -o gone 2>err || ! programs -c -o object.o 2>err; then
	result ok "functions of programs # SKIP no compiler, or no objcopy"
else
	for f in pie exe; do
		for s in sample_one sample_two sample_hidden; do
			run "$ktap" -lv "u:./$f:$s"
			check "$f: $s" 0 "^    at $(where $f $s)\$" ''
			is "and only it" lines out 2
		done
		run "$ktap" -lv "u:./$f:sample_two+1"
		check "$f: an offset in a function" 0 "^    at $(where $f place_again)\$" ''
		run "$ktap" -lv "probe:./$f:$(where $f sample_hidden)"
		check "$f: an offset in the file, and what is there" 0 "^    at $(where $f sample_hidden)\$" ''
		is "its name" grep -q "^probe:./$f:sample_hidden\$" out
		run "$ktap" -lv "sdt:./$f:sample:*"
		check "$f: SDT probes of a provider" 0 "^    at $(where $f place_two), semaphore at $(where $f semaphore)\$" ''
		is "the first of them" grep -q "^    at $(where $f place_one)\$" out
		is "no others" [ "$(grep -c '^sdt:' out)" -eq 2 ]
		case $(uname -m) in
		x86_64)	want="s32 %di;u64 +16(%sp);u8 7;u64 +8(%si,%dx,8);u64 not known;s16 +$(where $f variable)(%ip);" ;;
		aarch64) want="s32 %x0;u64 +16(%sp);u8 7;u64 +0(%x1,%x2,8);u64 not known;" ;;
		*)	want= ;;
		esac
		[ -z "$want" ] || is "$f: arguments of SDT probes" \
			[ "$(sed -n 's/^    arg[0-9]*  //p' out | tr '\n' ';')" = "$want" ]
		run "$ktap" -lv "sdt:./$f:two"
		is "$f: a name of two providers" [ "$(grep -c '^sdt:' out)" -eq 2 ]
		run "$ktap" -lv "sdt:./$f:other:two"
		check "$f: one of a provider" 0 "^    at $(where $f place_again)\$" ''
		is "alone, with its argument" lines out 3
		run "$ktap" -lm "./$f"
		is "$f: -lm" [ "$(cat out)" = "$(printf '%s\n' "sdt:./$f:other:two" "sdt:./$f:sample:one" "sdt:./$f:sample:two")" ]
		run "$ktap" -lf "./$f:sample_*"
		is "$f: -lf with a pattern: one name of each place" \
			[ "$(cat out)" = "$(printf '%s\n' "probe:./$f:sample_hidden" "probe:./$f:sample_one" "probe:./$f:sample_say" "probe:./$f:sample_two")" ]
		run "$ktap" -l "u:./$f:__sample_alias"
		check "$f: the other name" 0 "^u:./$f:__sample_alias\$" ''
	done
	run "$ktap" -lf ./pie
	check "-lf of all" 0 '^probe:./pie:main$' '^ktap: left out: .*IFUNC\): (w, what|what, w)$'
	for e in u:./pie:sample_ona sdt:./pie:ona; do
		run "$ktap" -l $e
		check "$e: did you mean" 1 '' 'pie has no .*; did you mean (sample_)?one\?'
	done
	run "$ktap" -l sdt:./object.o:x
	check "an object file" 1 '' 'object.o is an object file, neither a program nor a library'
	run "$ktap" -l 'u:./pie:zz*'
	check "a pattern that matches nothing" 1 '' 'no function of ./pie matches "zz\*"'
	run "$ktap" -l 'u:./*:sample_one'
	check "a pattern of several files" 1 '' './\* matches [0-9]+ files, and an event is of one'
	run "$ktap" -l 'u:./pi?:sample_one'
	check "a pattern of one file" 0 '^u:./pi\?:sample_one$' ''
	run env PATH="$tmp:$PATH" "$ktap" -l u:pie:sample_one
	check "a program of PATH" 0 '^u:pie:sample_one$' ''
	for e in libc.so.6 libc c; do
		run "$ktap" -l u:$e:malloc
		check "malloc of $e" 0 "^u:$e:malloc\$" ''
	done
	run "$ktap" -l probe:libc.so.6:malloc
	check "probe: of a library" 0 '^probe:libc.so.6:malloc$' ''

	run "$ktap" -lv u:./libsample.so.1:sample_version
	is "a function of two versions: two places" [ "$(grep -c '^    at' out)" -eq 2 ]
	run "$ktap" -l u:./libsample.so.1:sample_chosen
	check "a function that is chosen" 1 '' '"sample_chosen" is not what is called: .*IFUNC.*ktap -lf'
	run "$ktap" -l 'u:./libsample.so.1:sample_*'
	check "is left out of a pattern" 0 'sample_one' '^ktap: left out: .*IFUNC\): sample_chosen$'
	run "$ktap" -l 'u:./libsample.so.1:*chosen'
	check "and is said where a pattern has only it" 1 '' 'but for: .*IFUNC.*: sample_chosen'

	run "$ktap" -l 'u:./pie:_start!'
	check "the return of _start" 1 '' 'a program begins there and does not return'
	run "$ktap" -l uretprobe:./pie:_start
	check "in words" 1 '' 'a program begins there and does not return'
	run "$ktap" -l 'u:./pie:_st*t'
	check "its begin" 0 'u:./pie:_start' ''
	run "$ktap" -l 'u:./pie:*t%return'
	is "it is left out of a pattern" eval 'grep -q "left out: a program begins there" err && ! grep -q _start out'
	run "$ktap" -l 'u:./gone:sample_one!'
	check "a return in a program of Go" 1 '' './gone is a Go program: Go moves stacks'
	run "$ktap" -l u:./gone:sample_one
	check "a function of it" 0 'sample_one' ''
	run "$ktap" -l 'sdt:./pie:one!'
	check "the return of an SDT probe" 1 '' 'an SDT probe has no return'
	run "$ktap" -l 'u:./pie:sample_one+1!'
	check "the return of an offset" 1 '' 'only a whole function returns'
	run "$ktap" -l u:./pie:sample_one+0x1000
	check "an offset beyond the end" 1 '' "sample_one\+0x1000 is beyond the function's end"
	for e in 0x10 0xffffffffffff "$(where pie semaphore)"; do
		run "$ktap" -l u:./pie:$e
		check "no code at $e" 1 '' "there is no code at $e in ./pie"
	done

	head -c 6000 pie >cut
	run "$ktap" -l u:./cut:sample_one
	check "a program that is cut short" 1 '' './cut is cut short'
	cp pie other
	printf '\001\002' | dd of=other bs=1 seek=18 conv=notrunc status=none
	run "$ktap" -l u:./other:sample_one
	check "one of another machine" 1 '' './other is of another machine'

	cp pie bare
	objcopy --only-keep-debug bare bare.debug
	strip bare
	run "$ktap" -l u:./bare:sample_hidden
	check "a program without symbols" 1 '' './bare is stripped.*u:./bare:0x1234'
	run "$ktap" -lv "u:./bare:$(where pie sample_hidden)"
	check "an offset in it" 0 "^    at $(where pie sample_hidden)\$" ''
	run "$ktap" -lv sdt:./bare:sample:one
	check "its SDT probes" 0 "^    at $(where pie place_one)\$" ''
	objcopy --add-gnu-debuglink=bare.debug bare
	run "$ktap" -lv u:./bare:sample_hidden
	check "its separate symbols, beside it" 0 "^    at $(where pie sample_hidden)\$" ''
	mkdir -p .debug
	mv bare.debug .debug
	run "$ktap" -lv u:./bare:sample_hidden
	check "in .debug" 0 "^    at $(where pie sample_hidden)\$" ''
	printf x >>.debug/bare.debug
	run "$ktap" -lv u:./bare:sample_hidden
	check "not if they are of another build" 1 '' './bare is stripped'
	rm .debug/bare.debug
	ln -s ../bare .debug/bare.debug
	run "$ktap" -lv u:./bare:sample_hidden
	check "nor if it is the file itself" 1 '' './bare is stripped'
fi

# Text of events that the kernel, or the tool when it runs, understands
cat >events <<'EOE'
probe:/lib/*.so:malloc
u:/bin/bash:readline+0x10
u:/bin/bash:readline!
uretprobe:/bin/bash:readline
probe:/lib/libc.so.6:mall[oa]c%return
sdt:/lib/libc.so.6:libc:*
cache-misses
cpu/event=0x3c,umask=1/
cpu/event=0x3c,umask=1/:period=1000
cycles:period=1000
mem:jiffies/8:rw
mem:0xffffffff81000000/4:w
r01c2
rawtp:sched_switch
probe:vfs_read a=%di b=+0(%si):string
EOE
while IFS= read -r e; do
	for form in "trace $e { }" "trace '$e' { }" "trace $e /pid == 1/ { }" "trace a:b, $e, c:d { }" \
		"trace $e,f" "trace '$e', f" "kdebug.probe('$e', f)"; do
		printf '%s\n%s\n' "$form" 'function f() { }' >event.kp
		run "$ktap" -d event.kp
		is "$form" eval '[ "$status" -eq 0 ] && grep -q -x -F "  line 1: \"$e\"" out'
	done
done <events

#
# Files of output that nothing comes into stay as they are, or are not made
echo before >kept
run "$ktap" --device /no/device -o kept -e 'print(1)'
is "-o: what is there stays if the script cannot be run" [ "$(cat kept)" = before ]
rm -f made
run "$ktap" --device /no/device -o made -e 'print(1)'
is "-o: nothing is left if the script cannot be run" [ ! -e made ]
"$ktap" -h >/dev/full 2>err
is "-h into a full disk is an error" [ $? -eq 2 ] && grep -q 'No space' err

# Output forms; ktap-host renders with the same code
#
cat >forms.kp <<'EOK'
print("a\tb", 1, nil, true, "\x01\"\\")
t.x = 1 t["longer key"] = 2
print(t)
printf("%s %5d|", "text", 42)
printf("%d\n", 7)
trace test:one { c[args.text] += 1 }
trace_end { print_hist(c) n["in"] = c print(n) u[1, "two"] = 3 print(u) print("\xff\xfe!") print(print_it) }
function print_it() { }
EOK
run "$host" -j forms.kp
check "--json: values" 0 '^\{"type":"print","ts":[0-9]+,"cpu":[0-9]+,"values":\["a\\tb",1,null,true,"\\u0001\\"\\\\"\]\}$' ''
is "a table, sorted by key" grep -q '"values":\[{"table":\[\["longer key",2\],\["x",1\]\]}\]}$' out
is "printf: its text and its values" grep -q '"type":"printf".*"text":"text    42|","values":\["text",42\]}$' out
is "a histogram" grep -q '"type":"hist".*"rows":\[\[".*",[0-9]*\].*\],"left_out":0}$' out
is "a table in a table" grep -q '{"table":\[\["in",{"table":\[\[' out
is "a compound key" grep -q '{"table":\[\[{"key":\[1,"two"\]},3\]\]}' out
is "bytes that are no UTF-8" grep -q '"values":\[{"bytes":"fffe21"}\]}$' out
is "a function" grep -q '{"function":"print_it"}' out
if command -v python3 >/dev/null; then
	is "each line is JSON" python3 -c '
import json, sys
for line in open("out"):
    json.loads(line)'
else
	result ok "each line is JSON # SKIP no python3"
fi
cat >stacks.kp <<'EOK'
trace test:one { print("at", stack(2)) k["x", stack(1)] += 1 printf("<%s>\n", stack(2)) }
trace test:two { print(stack(), stack(), stack(), stack(), stack(), stack(1)) u[stack(1)] += 1 exit() }
trace_end { print(k) print_hist(u) }
EOK
run "$host" -j stacks.kp
check "stacks are lists" 0 '"values":\["at",\["do_one\+0x14/0x40","even_caller\+0x30/0x80"\]\]\}$' '1 string cut'
is "also in compound keys" grep -q '{"table":\[\[{"key":\["x",\["do_one+0x14/0x40"\]\]},1\]\]}' out
is "and as keys of histograms" grep -q '"rows":\[\[\["two_site+0x8/0x20"\],1\]\]' out
is "in printf: its text and its value" \
	grep -q '"text":"<do_one+0x14/0x40\\neven_caller+0x30/0x80>\\n","values":\[\["do_one' out
is "one that is not whole says so" grep -q ',{"truncated":\["two_site+0x8/0x20","recurse+0x1c/0x60",.*\]},\["two_site+0x8/0x20"\]\]}$' out
cat >users.kp <<'EOK'
trace test:one { print("at", ustack(2), usym(7)) k["x", ustack(1)] += 1 k[usym(8), 1] += 1 printf("<%s>\n", ustack(2)) }
trace_end { print(k) top(k, 1) print_hist(k) }
EOK
run "$host" -j users.kp
check "stacks of programs are lists, an address is a string" 0 \
	'"values":\["at",\["\[0x401000\]","\[0x401100\]"\],"\[0x7\]"\]\}$' ''
is "in compound keys, merged" grep -q \
	'{"table":\[\[{"key":\["\[0x8\]",1\]},3\],\[{"key":\["x",\["\[0x401000\]"\]\]},3\]\]}' out
is "in histograms, merged" grep -q '"hist",.*"rows":\[\[{"key":.*,3\],\[{"key":.*,3\]\],"left_out":0}' out
is "in printf: its text and its value" \
	grep -q '"text":"<\[0x401000\]\\n\[0x401100\]>\\n","values":\[\["\[0x401000\]",' out
run "$host" -t stacks.kp
is "on a terminal: short stacks are in the column" grep -q '^x, do_one+0x14/0x40: 1$' out
run "$host" -j -e 2>/dev/null
cat >more.kp <<'EOK'
var t = {x = 1}
t.t = t
print(t)
top({a = 1, ["\xff"] = 2})
h = hist() h <<< -5 h <<< 9223372036854775807 h["\xff"] <<< 1
print(h) print_hist(h) print_hist(hist())
l = lhist(-9223372036854775808, 0, 4611686018427387904) l <<< -1 l <<< 1 print(l)
s <<< 5 s[1, nil] <<< -5 print(s) print_hist(s)
c = count() c <<< 1 print(c, min(), max(), avg(), sum(), stats())
print("\xed\xa0\x80", "\xf0\x9f\x98\x80", "\0", -9223372036854775808)
printf("\xff%c", 200)
trace test:one { print(e, argstr) }
EOK
run "$host" -j more.kp
is "a table in itself is cut" grep -q '"values":\[{"table":\[\["t",.*{"table":\[\],"cut":true}.*\["x",1\]\]}\]}$' out
is "top()" grep -q '"type":"top",.*"rows":\[\[{"bytes":"ff"},2\],\["a",1\]\]}$' out
is "rows of a histogram" grep -q '"agg":"hist","count":2,"rows":\[\[null,0,1\],\[4611686018427387904,9223372036854775808,1\]\]' out
is "a surrogate is no UTF-8" grep -q '{"bytes":"eda080"}' out
if command -v python3 >/dev/null; then
	is "each line of these is JSON" python3 -c '
import json, sys
for line in open("out", "rb"):
    json.loads(line.decode())'
else
	result ok "each line of these is JSON # SKIP no python3"
fi
printf 'function f() {\n\tx = 1 / 0\n}\nf()\n' >fails.kp
run "$host" -j fails.kp
check "a run-time error, with its stack" 1 '^\{"type":"error","text":"fails.kp:2: error: divide 0 arith operation","stack":\[".*"\]\}$' 'error: divide 0'
run "$ktap" --json -e 'x = y'
check "errors of the compiler" 255 '^\{"type":"error","tag":"name-unknown","file":"\(command line\)","line":1,"column":5,"text":".*"\}$' 'nothing assigns'
is "and the end" grep -q -x '{"type":"end","status":255}' out
run "$ktap" --json -d -e 'x = pid == "1"'
check "a warning" 0 '^\{"type":"warning","tag":"always-false"' 'warning: this is always false'
run "$ktap" --json -o json.out -e 'x = y'
is "into the file of -o" grep -q '"tag":"name-unknown"' json.out
is "which only its owner reads" eval '[ "$(stat -c %a json.out)" = 600 ]'
run "$ktap" -o /no/such/dir/f --device "$none" -e 'print(1)'
check "-o of a file that cannot be made" 2 '' 'cannot write /no/such/dir/f'
run "$host" -T forms.kp
check "-T: a time before each record" 0 '^ *[0-9]+\.[0-9]{6}: a' ''
is "but not inside of a line" grep -q -E '^ *[0-9]+\.[0-9]{6}: text    42\|7$' out
printf 's["a"] = "x\\x1b[2Jy" s["bb"] = 2 s["ccc"] = 3 print(s) print("\\x1b[1m")\ntrace test:one { q = args.text .. "\\x1b\\x9b\\xc2\\x9b" print(q) }\n' >term.kp
run "$host" -t term.kp
is "on a terminal: values in a column" grep -q '^bb:  2$' out
is "what was computed cannot move the cursor" grep -q -F '\x1b\x9b\xc2\x9b' out
is "what the script has in it can" grep -q "$(printf '\033\\[1m')" out
printf 's["\xc3\xa9"] = 1 s["ab"] = 2 print(s)\n' >width.kp
run "$host" -t width.kp
is "columns are characters, not bytes" grep -q "$(printf '^\303\251:  1$')" out
run "$ktap" -d -e "$(printf 'pritn("\302\233\033")')"
is "a line that is shown with an error cannot move it either" grep -q -F 'pritn("??")' err
run "$ktap" -d -e "$(printf 'x = \302\233')"
is "nor can what the error names" eval '! grep -q "$(printf "\302\233")" err'
run "$host" term.kp
is "not on a terminal: as it is" grep -q "$(printf '^bb:\t2$')" out
is "with all bytes" eval '! grep -q -F "\x1b" out'

#
# Limits of the compiler; each message has a place
#
# limit NAME TAG: x.kp gives that error, in some seconds, and says it shortly
limit()
{
	run "$host" x.kp
	if [ "$status" -ne 255 ] || ! grep -q -E "^x.kp:[0-9]+:[0-9]+: error: $2" err; then
		result "not ok" "$1"
	elif [ "$(wc -c <err)" -gt 20000 ]; then
		result "not ok" "$1, at length"
	else
		result ok "$1"
	fi
}
# repeat N TEXT: with %d the number
repeat()
{
	awk -v n="$1" -v text="$2" 'BEGIN { for (i = 1; i <= n; i++) { s = text; gsub(/%d/, i, s); print s } }'
}
{ echo 'x = 1'; head -c 4300000 /dev/zero | tr '\0' '#'; } >x.kp
limit "a script of more than 4 MiB" 'the script is longer than 4 MiB'
repeat 65600 'x = function () { }' >x.kp
limit "65,600 functions" 'more than 65536 functions'
repeat 65600 'x = %d00000' >x.kp
limit "65,600 constants" 'more than 65536 constants'
repeat 65600 'g%d = 1' >x.kp
limit "65,600 globals" 'more than 65536 globals'
{ echo 'x = "'; head -c 5000 /dev/zero | tr '\0' y; echo '"'; } | tr -d '\n' >x.kp
limit "a string of 5,000 bytes" 'string is longer than 4096 bytes'
repeat 300 'var v%d = %d' >x.kp
limit "300 local variables" 'too many local variables and intermediate values'
{ echo 'function f() {'; repeat 200 'var v%d = %d'; echo 'function g() {'; repeat 100 'var w%d = %d'
  echo 'return function () { x = 0'; repeat 200 'x += v%d'; repeat 100 'x += w%d'; echo '} } }'; } >x.kp
limit "300 variables of functions around" 'function uses more than 250 outer variables'
repeat 1100 '::l%d::' >x.kp
limit "1,100 labels" 'too many labels in a function'
{ echo 'while (x) {'; repeat 20000 'y = x'; echo '}'; } >x.kp
limit "a loop of 40,000 instructions" 'too much code for one condition or loop'
{ awk 'BEGIN { for (i = 0; i < 300; i++) printf "%sa%d", i ? ", " : "", i }'; echo ' = 1'; } >x.kp
limit "300 variables on the left" 'too many variables on the left'
awk 'BEGIN { for (i = 0; i < 1390000; i++) printf "f()" ; print " function f() { }" }' >x.kp
limit "an image of more than 16 MiB" 'the compiled script is over 16 MiB'
# many warnings, and an error that matters among them
{ repeat 30 'x = pid == "%d"'; echo 'y = )'; } >x.kp
limit "an error is not lost among warnings" 'unexpected'

#
# The manual page and the completion have every option, and nothing else
#
man=$tree/tools/ktap/ktap.1
completion=$tree/tools/ktap/ktap.bash
"$ktap" -h | sed -n 's/^  *\(-[a-zA-Z], \)*--\([a-z-]*\).*/--\2/p' | sort -u >options
"$ktap" -h | sed -n 's/^  *\(-[a-zA-Z]\), .*/\1/p' | sort -u >letters
sed 's/\\-/-/g' "$man" | grep -o -E -e '--[a-z][a-z-]+' | sort -u >man.options
sed 's/\\-/-/g' "$man" >man.text
for o in $(cat options); do
	is "the manual page has $o" grep -q -x -e "$o" man.options
	is "the completion has $o" grep -q -w -e "$o" "$completion"
done
for o in $(cat letters); do
	is "the manual page has $o" grep -q -E -e "(^|[^a-z-])$o([^a-z-]|$)" man.text
	is "the completion has $o" grep -q -w -e "$o" "$completion"
done
for o in $(cat man.options); do
	case $o in
	--limit|--help|--min) continue ;;	# of scripts in its examples
	esac
	is "$o of the manual page is an option" grep -q -x -e "$o" options
done
# its examples compile
awk '/^\.EX/ { on = 1; next } /^\.EE/ { on = 0 } on' "$man" | sed 's/\\-/-/g; s/\\e/\\/g; s/\\(aq/'"'"'/g' |
	sed -n 's/^# ktap //p' >examples
is "the manual page has examples" [ "$(wc -l <examples)" -ge 6 ]
mkdir -p samples
cp "$tree"/samples/ktap/*.kp . 2>/dev/null
while IFS= read -r line; do
	case $line in
	-l*|--self-test*)
		run bash -c "exec '$ktap' --tracefs fs --device '$none' $line" ;;
	*)	run bash -c "exec '$ktap' --dry-run --device '$none' $line" ;;
	esac
	is "ktap $line" eval 'grep -q "compiled (" err || [ "$status" -eq 0 ] || grep -q "^# 1 checks" out ||
		grep -q "^Options of" out || grep -q "no event matches" err'
done <examples
if command -v man >/dev/null && man -w man >/dev/null 2>&1; then
	run env LC_ALL=C.UTF-8 MANROFFSEQ='' man --warnings -E UTF-8 -l -Tutf8 -Z "$man"
	is "man has nothing to say against it" [ ! -s err ]
elif command -v groff >/dev/null; then
	run groff -man -ww -Tutf8 -Z "$man"
	is "groff has nothing to say against it" [ ! -s err ]
else
	result ok "man has nothing to say against it # SKIP no man"
fi

#
# The completion
#
complete()
{
	status=0
	: >err
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	COMPREPLY=()
	_ktap ktap "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
	printf '%s\n' "${COMPREPLY[@]}" >out
}
# shellcheck source=/dev/null
. <(grep -v '^complete ' "$completion")
PATH=$build:$PATH
complete ktap --js
check "completion: an option" 0 '^--json$' ''
complete ktap -
is "completion: all options" eval '[ "$(grep -c . out)" -ge 30 ]'
: >a-script.kp
complete ktap a-scr
check "completion: a script" 0 '^a-script.kp$' ''
complete ktap opt.kp --
check "completion: the options of a script" 0 '^--limit=$' ''
complete ktap -p ''
is "completion: a process" grep -q -x "$$" out
complete ktap -C ''
check "completion: a CPU" 0 '^0$' ''

echo "1..$n"
echo "# cli: $((n - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
