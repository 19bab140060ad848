#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What is wrong with the input is said in one sentence, with a status that is
# not 0, and nothing is left.

. "$(dirname "$0")/lib.sh"
plan 32

# by_itself: not 0, and not by a signal
by_itself()
{
	[ "$status" -ne 0 ] && { [ "$status" -lt 126 ] || [ "$status" -eq 255 ]; }
}

# refused NAME PATTERN ARGUMENTS...: with a status, stderr matches, stdout is
# empty, no endless stderr
refused()
{
	name=$1
	pattern=$2
	shift 2
	run "$@"
	check "$name" all by_itself --and complained "$pattern" --and [ ! -s "$out" ] \
		--and is "$(wc -l <"$err")" -le 70
}

refused "an event that does not exist" 'sched:sched_swich' \
	-e 'trace sched:sched_swich { }'
check "and its nearest neighbour is named" complained 'sched_switch'
refused "a system that does not exist" 'shed:sched_switch' -e 'trace shed:sched_switch { }'
refused "a system call that does not exist" 'sys_enter_opnat' \
	-e 'trace syscalls:sys_enter_opnat { }'
check "and its nearest neighbour is named" complained 'openat'
refused "a pattern that matches nothing" 'sched:xyz\*' -e 'trace sched:xyz* { }'
refused "an empty event" 'event' -e 'trace "" function (e) { }'
refused "an event of blanks" 'event' -e 'trace "   " function (e) { }'
refused "an event with a colon alone" ':' -e 'trace ":" function (e) { }'
refused "a predicate in a computed event" 'a predicate stands behind' \
	-e 'trace ("sched:sched_switch /prev_pid == 1/") { }'
refused "bytes that move the cursor in a computed event" 'no event matches' \
	-e 'trace ("a\27[2J\rb:c") { }'
check "and they are not shown as they are" \
	not grep -q "$(printf '[\033\r]')" "$err"
refused "a computed event that does not exist" 'sched:no' \
	-e 'var x = "no" trace ("sched:" .. x) { }'
refused "an event that is not a string" 'error' -e 'kdebug.trace(5, function (e) { })'
refused "an event of a megabyte" '.' -e "trace (\"$(head -c 5000 /dev/zero | tr '\0' x)\") { }"

# events of programs come and go with them
if echo 'u:ktap_test_event u32 x' 2>/dev/null >>$tracefs/dynamic_events; then
	refused "an event of a program" 'no event is called "user_events:ktap_test_event"' \
		-e 'trace user_events:ktap_test_event { }'
	echo '-:ktap_test_event u32 x' >>$tracefs/dynamic_events
else
	skip "an event of a program: there are no user_events"
fi

refused "a field that the event does not have" 'prev_com' \
	-e 'trace sched:sched_switch { print(args.prev_com) }'
refused "such a field in a predicate" 'prev_com' \
	-e 'trace sched:sched_switch /prev_com == "x"/ { }'
run -e 'trace sched:sched_* {
		if (args.prev_comm == nil) { without = 1 } else { with = 1 }
		if (with && without) { exit() }
	}
	trace_end { print(with, without) }' -- "$act" busy 2
check "a field that some of a pattern's events do not have is nil in those" \
	all said "1	1" --and is "$status" -eq 0

refused "an option that does not exist" 'no-such-option' --no-such-option
refused "a missing script" 'no-such-file.kp' "$tmp/no-such-file.kp"
refused "a directory" "$tmp" "$tmp"
refused "no script at all" '.'
: >"$tmp/empty.kp"
run "$tmp/empty.kp"
check "an empty script is a script" all is "$status" -eq 0 --and [ ! -s "$out" ]

# one line of a megabyte, correct, and not
additions()
{
	awk -v end="$1" 'BEGIN {
		printf "x = 0"
		for (i = 0; i < 100000; i++)
			printf " x = x + 1"
		print " " end
	}'
}
additions "print(x)" >"$tmp/long.kp"
run "$tmp/long.kp"
check "a line of a megabyte" all said 100000 --and is "$status" -eq 0
additions ") print(x)" >"$tmp/long.kp"
refused "a line of a megabyte with an error at its end" 'error' "$tmp/long.kp"
check "which is not shown in full" is "$(wc -c <"$err")" -lt 2000

head -c 100000 /dev/urandom >"$tmp/random.kp"
refused "random bytes" '.' "$tmp/random.kp"

# images through the tool
printf 'print("an image")\n' >"$tmp/image.kp"
run --compile "$tmp/image.kpc" "$tmp/image.kp"
run "$tmp/image.kpc"
good=$status$(cat "$out")
head -c 60 "$tmp/image.kpc" >"$tmp/short.kpc"
refused "an image cut short" 'short.kpc' "$tmp/short.kpc"
# byte 4 is the version's
{ head -c 4 "$tmp/image.kpc"; printf '\077'; tail -c +6 "$tmp/image.kpc"; } >"$tmp/version.kpc"
refused "an image of another version" 'version' "$tmp/version.kpc"

out=$tmp/out
err=$tmp/err
"$act" nobody ktap -e 'print(1)' >"$out" 2>"$err"
status=$?
check "without privilege: one sentence" all is "$status" -ne 0 \
	--and complained 'permission|privilege|root|CAP_PERFMON' --and is "$(wc -l <"$err")" -le 2 \
	--and [ "$good" = "0an image" ]

check "the kernel did not complain" all clean --and wait_for 10 nothing_left
ktap_finished
