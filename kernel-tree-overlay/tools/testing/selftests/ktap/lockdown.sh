#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What a kernel that is locked down allows.
#
#	lockdown.sh [LEVEL]	first make the lockdown so (integrity,
#				confidentiality): until the next boot, nothing
#				takes that back

. "$(dirname "$0")/lib.sh"
plan 5

file=/sys/kernel/security/lockdown
[ -z "${1:-}" ] || echo "$1" >$file
level=$(sed -n 's/.*\[\(.*\)\].*/\1/p' $file 2>/dev/null)
case $level in
integrity)
	run -e 'trace syscalls:sys_enter_lseek { n += 1 } trace_end { print(n) }' -- "$act" marks 1 100
	check "integrity: what only looks goes on" all said 100 --and no_loss
	run -w -e 'trace syscalls:sys_exit_lseek { e.set_retval(-29) }' -- "$act" marks 1 100
	check "integrity: nobody changes results" \
		all is "$status" -ne 0 --and complained 'the kernel is locked down.*-w'
	run -w -e 'trace syscalls:sys_exit_lseek { n += 1 }' -- "$act" marks 1 100
	check "integrity: nor says that he may" \
		all is "$status" -ne 0 --and complained 'the kernel is locked down.*-w'
	run -e 'trace syscalls:sys_exit_lseek { e.set_retval(-29) }' -- "$act" marks 1 100
	check "integrity: without -w it is as ever" \
		all is "$status" -ne 0 --and complained 'run ktap with -w'
	;;
confidentiality)
	run -e 'trace syscalls:sys_enter_lseek { n += 1 }' -- "$act" marks 1 10
	check "confidentiality: nothing is traced, and it is said why" \
		all is "$status" -ne 0 --and complained 'the kernel is locked down'
	run -w -e 'trace syscalls:sys_exit_lseek { e.set_retval(-29) }' -- "$act" marks 1 10
	check "confidentiality: nor changed" \
		all is "$status" -ne 0 --and complained 'the kernel is locked down'
	run -e 'tick-10ms { exit() }'
	check "confidentiality: nor is anything run" \
		all is "$status" -ne 0 --and complained 'the kernel is locked down'
	check "confidentiality: the device does not open" not dd if=/dev/ktap count=0 2>/dev/null
	;;
*)
	absent "the kernel is not locked down"
	;;
esac

check "the kernel did not complain" clean
ktap_finished
