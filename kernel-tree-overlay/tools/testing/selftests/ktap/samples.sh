#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Each script of samples/ktap compiles, traces for a second, and ends well.

. "$(dirname "$0")/lib.sh"
set -- "$samples"/*.kp
plan $(($# + 1))

"$act" busy $(($# * $(scaled 3 10))) &
load=$!
for script; do
	write=''
	! grep -q 'set_retval' "$script" || write=-w
	# shellcheck disable=SC2086
	launch sample $write "$script"
	wait_for 60 started
	sleep 1
	kill -s INT "$pid" 2>/dev/null
	finish sample
	check "$(basename "$script")" all is "$status" -eq 0 --and not complained 'error' \
		--and [ -s "$out" ]
done
kill $load 2>/dev/null

check "the kernel did not complain" all clean --and wait_for 10 nothing_left
ktap_finished
