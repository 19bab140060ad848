#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Events of programs by name: functions, patterns and SDT probes, which the tool looks
# up; in programs at fixed and at any addresses, in libraries, in images, by $PATH.
# places.c says how often each place is passed, and where it is. What does not take
# names is in uprobe.sh.

. "$(dirname "$0")/lib.sh"
. "$here/sources.sh"
plan 32

if ! grep -q -w uprobe_register /proc/kallsyms; then
	absent "events of programs: this kernel has none"
fi
if ktap -l u:/proc/self/exe:main 2>&1 | grep -q 'without libelf'; then
	absent "events of programs by name: this ktap has no libelf"
fi

cp places places_pie libplaces.so "$tmp"
fixed=$tmp/places
pie=$tmp/places_pie
lib=$tmp/libplaces.so

# at PROGRAM PLACE: the offset that the program itself says
at()
{
	"$1" offsets | sed -n "s/^$2 //p"
}

# 1-6: functions
for f in "$fixed" "$pie"; do
	run -e "trace u:$f:place_sum"' { n += 1 s += arg1 names[probename, func] = 1 }
		trace u:'"$f"':place_sum! { r += 1 rs += retval names[probename, func] = 1 }
		trace_end { print(n, s, r, rs) print(names) }' -- "$f" calls 2 1000
	check "$(basename "$f"): a function and its return" \
		all said "2000	999000	2000	1035000" --and said "place_sum, place_sum:	1" --and \
		said "ret_place_sum, place_sum:	1" --and no_loss
done
run -e "trace u:$fixed:place_sum { a = arg0 } trace u:$fixed:$(at "$fixed" place_sum)"' {
		b = arg0 print(func) }
	trace_end { print(a == b) }' -- "$fixed" calls 1 1
check "by name and by offset it is one place" all said true --and said place_sum
run -e "trace probe:$lib:place_lib { n += 1 } trace probe:$lib:place_lib%return { r += retval }
	trace_end { print(n, r) }" -- "$pie" lib 100
check "a function of a library" all said "100	14850" --and no_loss
run -e "trace u:$fixed:place_sum, uretprobe:$fixed:place_sum, syscalls:sys_enter_exit_group {
		s[probename] += 1 }
	trace_end { print(s.place_sum, s.ret_place_sum, s.sys_enter_exit_group) }" -- \
	"$fixed" calls 1 100
check "a list of them and other events" said "100	100	1"
run -e "trace u:$fixed:place_string /len(user_string(arg1)) == 4/ { print(user_string(arg1)) }" -- \
	"$fixed" string four
check "a string, and a predicate" said four

# 7-10: patterns
run -v -e "trace u:$fixed:place_s* { n[func, probename] += 1 }
	trace_end { print(n) }" -- "$fixed" calls 1 50
check "a pattern: all that match, each by its name" \
	all said "place_sum, place_sum:	50" --and not grep -q place_recurse "$out"
run -e "trace u:$fixed:place_recurse!, u:$fixed:place_[rj]* { n[probename] += 1 }
	trace_end { print(n) }" -- "$fixed" recurse 30
check "a pattern and a return of one that is in it" \
	all said "place_recurse:	30" --and said "ret_place_recurse:	30"
run -v -e "trace u:$pie:*! { n += 1 } trace_end { print(n > 100) }" -- "$pie" calls 1 100
check "returns of all functions: _start is left out, and -v says it" \
	all said true --and complained 'left out|cannot be traced' --and complained '_start' --and is "$status" -eq 0
run -e "trace u:$pie:* { n[func] += 1 } trace_end { print(n.place_sum, n.main) }" -- "$pie" calls 1 100
check "all functions of a program" all said "100	1" --and is "$status" -eq 0

# 11-13: instructions
if [ "$(at "$fixed" place_steps)" ]; then
	# shellcheck disable=SC2046 # several
	set -- $(at "$fixed" place_steps_in)
	hex=$(printf '0x%x' "$4")
	run -e "trace u:$fixed:place_steps+$2, u:$fixed:place_steps+$3, u:$fixed:place_steps+$hex {
			n[probename] += 1 f[func] = 1 }
		trace_end { print(n) print(f) }" -- "$fixed" steps 100
	check "instructions in a function" \
		all said "place_steps+$2:	100" --and said "place_steps+$3:	100" --and \
		said "place_steps+$hex:	100" --and said "place_steps:	1"
	run -e "trace u:$fixed:place_steps+2 { }"
	check "one that is none" all is "$status" -eq 1 --and \
		complained 'in the middle of an instruction'
	run -e "trace u:$fixed:place_steps+0x100 { }"
	check "one that is beyond the function" all is "$status" -eq 1 --and \
		complained "place_steps\+0x100 is beyond the function's end"
else
	for i in 1 2 3; do skip "instructions: not on this machine"; done
fi

# 14-17: names without paths
run -e 'trace u:libc.so.6:exit { n += 1 } trace u:libc:exit { m += 1 } trace u:c:exit { k += 1 }
	trace probe:libc.so.6:exit { l += 1 } trace_end { print(n, m, k, l) }' -- "$pie" calls 1 1
check "a library of the loader's" all said "1	1	1	1"
PATH=$tmp:$PATH run -e 'trace u:places:place_sum { n += 1 } trace_end { print(n) }' -- "$fixed" calls 1 7
check "a program of PATH" said 7
(cd "$tmp" && ktap -q -e 'trace u:./places:place_sum { n += 1 } trace_end { print(n) }' -- \
	./places calls 1 8) >"$tmp/relative"
check "a path from here" grep -q -x 8 "$tmp/relative"
ln -s places "$tmp/link"
run -e "trace u:$tmp/link:place_sum { n += 1 } trace_end { print(n) }" -- "$fixed" calls 1 9
check "a link to it" said 9

# 18-21: from where the text comes
run --compile "$tmp/image.kpc" -e "trace u:$fixed:place_sum { n += 1 } trace_end { print(n) }"
run "$tmp/image.kpc" -- "$fixed" calls 1 10
check "an image" said 10
cp "$fixed" "$fixed.new"
mv "$fixed.new" "$fixed"
run "$tmp/image.kpc" -- "$fixed" calls 1 11
check "an image, and the program is another file by now" said 11
echo 'trace (arg[1]) { n += 1 } trace (option("event", "u:x:y", "what")) { m += 1 }
	trace_end { print(n, m) }' >"$tmp/arg.kp"
run "$tmp/arg.kp" --event="u:$fixed:place_sum!" "u:$fixed:place_sum" -- "$fixed" calls 1 12
check "an argument and an option" said "12	12"
run -e "trace (\"u:$fixed:\" .. (arg[1] ?: \"place\") .. \"_sum\") { }"
check "not what the script composes" all is "$status" -ne 0

# 22-28: SDT probes
if [ "$(at "$fixed" place_sdt_all)" ]; then
	run -e "trace sdt:$fixed:all"' { if (arg1 == -1) {
			print(arg1, arg2, arg3, arg4, arg5, arg6, arg7, arg8)
			print(probename, func) } }' -- "$fixed" sdt 5
	check "arguments, in registers, memory and none" \
		all said "-1	255	-1	-44	2147483647	-7	-5	nil" --and \
		said "ktap_test:all	all"
	run -e "trace sdt:$fixed:ktap_test:twice"' { n[arg1] += 1 if (arg2) { m[arg2] += 1 } }
		trace_end { print(n[3], n[-3], m[4], len(n)) }' -- "$fixed" sdt 10
	check "a probe in two places" said "1	1	1	19"
	run -e "trace usdt:$fixed:*"' { n[probename, func] += 1 }
		trace_end { print(n) }' -- "$fixed" sdt 10
	check "all of them" all said "ktap_test:all, all:	10" --and \
		said "ktap_test:counted, counted:	10" --and said "ktap_test:twice, twice:	20" --and \
		no_loss
	run -e "trace sdt:$fixed:ktap_*:c* { n += 1 } trace_end { print(n) }" -- "$fixed" sdt 10
	check "patterns of provider and name" said 10
	run -q -e "trace sdt:$fixed:ktap_test:counted { }" -- "$fixed" semaphore
	check "a program that asks whether it is traced" said 1
	run -q -e "trace sdt:$fixed:ktap_test:all { }" -- "$fixed" semaphore
	check "and one probe of it is not another" said 0
	run -e "trace sdt:$fixed:al { }"
	check "an SDT probe that is not there" all is "$status" -eq 1 --and \
		complained 'has no SDT probe "al"; did you mean all\?'
else
	for i in 1 2 3 4 5 6 7; do skip "SDT probes: not on this machine"; done
fi

# 29-31: errors, of what is traced only
wrong=0
refuse "u:$fixed:place_sun" 'has no function "place_sun" .*inlined.*; did you mean place_sum\?'
refuse "u:$fixed:zzz*" 'no function of .* matches "zzz\*"'
refuse "u:$fixed.not:place_sum" 'cannot open .*places.not: No such file'
refuse "u:$0:x" 'is a script'
refuse "u:/etc/passwd:x" 'is not an ELF file'
refuse "u:$tmp:x" 'is a directory'
refuse "u:$fixed:_start!" 'a program begins there and does not return'
refuse "u:$fixed:$(ktap -lv "u:$fixed:_start" | sed -n 's/^    at //p')!" 'a program begins there'
refuse "u:$fixed:place_sum+1!" 'only a whole function returns'
refuse "u:$fixed:place_s*+1" 'an offset is of one function'
refuse "u:$fixed:place_sum+x" 'an offset is a number'
refuse "sdt:$fixed:all!" 'an SDT probe has no return'
refuse "sdt:$lib:x" 'has no SDT probes'
refuse "u:nonesuch:main" 'no program "nonesuch" in PATH'
refuse "u:libnonesuch.so:main" 'would not find a library'
refuse "u:$tmp/*:main" 'matches [0-9]* files'
head -c 3000 "$fixed" >"$tmp/short"
refuse "u:$tmp/short:main" 'is cut short'
check "what is wrong is an error that says what" is $wrong -eq 0
run -e 'print("u:/no/such:thing", "sdt:%d") x = "u:nonesuch:x, probe:/etc/passwd:y"'
check "a text that is not traced may look like one" \
	all is "$status" -eq 0 --and said "u:/no/such:thing	sdt:%d"
run -e "if (false) { trace u:/no/such:x { } } trace u:$fixed:place_sum { n += 1 }
	trace_end { print(n) }" -- "$fixed" calls 1 5
check "nor does an event that the script passes by" all is "$status" -eq 0 --and said 5

check "the kernel did not complain" clean
ktap_finished
