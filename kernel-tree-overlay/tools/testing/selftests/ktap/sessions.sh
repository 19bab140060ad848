#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Sessions at the same time do not disturb each other.

. "$(dirname "$0")/lib.sh"
plan 6

n=$(scaled 20000 5000)

counter='trace syscalls:sys_enter_lseek /fd == 4294967295 && offset < 1000000/ {
		n += 1
		t[args.offset] += 1
	}
	trace_end { print("n", n, len(t)) }'

start one -e "$counter"
start two -e "$counter"
start bad -e 'trace syscalls:sys_enter_lseek { print(nil .. 1 + {}) }'
"$act" marks 0 "$n"
use bad
wait_for 20 dead
check "a session that fails ends alone" all dead --and complained error
"$act" marks "$n" "$n"
stop one
check "the others count every event" said "n	$((2 * n))	$((2 * n))"
"$act" marks 0 "$n"
stop two
check "and go on when one of them has ended" said "n	$((3 * n))	$((2 * n))"

# many, some of which come and go
many=50
i=0
while [ $i -lt "$many" ]; do
	launch "many$i" -e "$counter"
	i=$((i + 1))
done
i=0
running=0
while [ $i -lt "$many" ]; do
	use "many$i"
	wait_for 60 started && alive && running=$((running + 1))
	i=$((i + 1))
done
"$act" marks 0 1000
i=0
exact=0
while [ $i -lt "$many" ]; do
	# half of them are killed
	if [ $((i % 2)) -eq 0 ]; then
		stop "many$i"
		said "n	1000	1000" && exact=$((exact + 1))
	else
		stop "many$i" KILL
	fi
	i=$((i + 1))
done
check "$many sessions at once" is "$running" -eq "$many"
check "each of them exact" is "$exact" -eq $((many / 2))

check "the kernel did not complain" all clean --and wait_for 10 nothing_left
ktap_finished
