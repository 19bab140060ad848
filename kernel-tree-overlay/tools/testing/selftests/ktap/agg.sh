#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Aggregations are exact, of every kind, whatever the number of CPUs that add.
#
# "act keys N" has the numbers 0 .. N - 1 from each of two CPUs, so that all
# numbers below can be computed.

. "$(dirname "$0")/lib.sh"
plan 10

n=$(scaled 100000 10000)
total=$((2 * n))
sum=$((n * (n - 1)))
avg=$(((n - 1) / 2))

run -e '
	c = count() s = sum() a = avg() lo = min() hi = max() st = stats()
	trace syscalls:sys_enter_lseek {
		c <<< 1
		s <<< args.offset
		a <<< args.offset
		lo <<< args.offset
		hi <<< args.offset
		st <<< args.offset
	}
	trace_end {
		print("count", c)
		print("sum", s)
		print("avg", a, count(a), sum(a))
		print("min max", lo, hi)
		print("stats", count(st), sum(st), min(st), max(st), avg(st))
	}' -- "$act" keys "$n"
check "count and sum of $total values from two CPUs" \
	all said "count	$total" --and said "sum	$sum" --and no_loss
check "avg, min and max of them" \
	all said "avg	$avg	$total	$sum" --and said "min max	0	$((n - 1))"
check "stats of them" said "stats	$total	$sum	0	$((n - 1))	$avg"

run -e '
	h = hist()
	l = lhist(0, '"$n"', 1000)
	ll = llhist(10, 0, 6, 10)
	trace syscalls:sys_enter_lseek {
		h <<< args.offset
		l <<< args.offset
		ll <<< args.offset
	}
	trace_end {
		rows = 0
		for (low, k in pairs(l)) {
			if (k != 2000) { print("wrong", low, k) }
			rows += 1
		}
		print("lhist", rows, count(l))
		for (low, k in pairs(h)) {
			in_hist += k
			if (low > 0 && low * 2 <= '"$n"' && k != 2 * low) { print("wrong", low, k) }
		}
		print("hist", in_hist, count(h), sum(h))
		for (low, k in pairs(ll)) {
			in_llhist += k
			if (low >= 10 && low < 100 && k != 20) { print("wrong", low, k) }
		}
		print("llhist", in_llhist)
		print("quantiles", quantile(l, 0), quantile(l, 50), quantile(l, 100))
	}' -- "$act" keys "$n"
check "rows of lhist, hist and llhist" \
	all said "lhist	$((n / 1000))	$total" --and said "hist	$total	$total	$sum" \
	--and said "llhist	$total" --and not grep -q wrong "$out" --and no_loss
# the value of rank n is in the row before the one that begins at n / 2
check "quantiles" said "quantiles	0	$((n / 2 - 1000))	$((n - 1))"

run -e '
	c = count() hi = max() h = hist(3)
	trace syscalls:sys_enter_lseek {
		s[args.offset % 10, "key"] <<< args.offset
		c[args.offset % 10] <<< 1
		hi[cpu] <<< args.offset
		h[args.offset % 2] <<< args.offset
	}
	trace_end {
		for (k, name, v in pairs(s)) {
			n += 1
			total += count(v)
			all += sum(v)
			if (count(v) != c[k] || min(v) != k) { print("wrong", k, v) }
		}
		print("keys", n, total, all)
		for (k, v in pairs(hi)) { print("max", v) }
		print("hist", count(h[0]), count(h[1]), min(h[1]))
	}' -- "$act" keys "$n"
check "stats and count by key" \
	all said "keys	10	$total	$sum" --and not grep -q wrong "$out" --and no_loss
check "max for each CPU, hist for each of two keys" \
	all is "$(grep -c -x "max	$((n - 1))" "$out")" -eq 2 \
	--and said "hist	$n	$n	1"

# what is taken while others add, and what is left at the end, is all there was;
# what takes memory may have been lost, if that was counted
n=$(scaled 20000 3000)
total=$((2 * n))
run -e '
	c = count()
	h = hist()
	trace syscalls:sys_enter_lseek {
		c <<< 1
		h <<< args.offset
		s[args.offset % 4] <<< 1
	}
	trace syscalls:sys_enter_lseek /offset % 100 == 7/ {
		taken_c += count(take(c))
		for (low, k in pairs(take(h))) { taken_h += k }
		for (k, v in pairs(take(s))) { taken_s += count(v) }
	}
	trace_end {
		taken_c += count(c)
		for (low, k in pairs(h)) { taken_h += k }
		for (k, v in pairs(s)) { taken_s += count(v) }
		print(taken_c, taken_h + taken_s)
	}' -- "$act" keys "$n"
all_taken()
{
	is "$(cut -f 1 "$out")" -eq "$total" &&
		is "$(($(cut -f 2 "$out") + $(dropped)))" -eq "$((2 * total))"
}
check "take() while others add" all_taken

# new keys as fast as they can come: kept and lost are all there were
keys=$(scaled 30000 5000)
run -e '
	trace syscalls:sys_enter_lseek { s[args.offset] <<< 1 }
	trace_end {
		for (k, v in pairs(s)) {
			total += count(v)
			if (count(v) > 2) { print("wrong", k, v) }
		}
		print(total)
	}' -- "$act" keys "$keys"
accounted()
{
	is "$(($(cat "$out") + $(dropped)))" -eq "$((2 * keys))"
}
check "$keys new keys from two CPUs: kept and lost are all there were" accounted

check "the kernel did not complain" clean
ktap_finished
