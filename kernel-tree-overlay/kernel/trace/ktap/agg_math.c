// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: the arithmetic of aggregations: sums, averages, deviations, and which
 * bucket of a histogram a value belongs to.
 *
 * All results are exact: sums have 128 bits, sums of squares 192, so that no
 * number of 64-bit values makes them wrap.  Only sum(), whose result is a number
 * of the language, wraps as all of them do.  Nothing here needs more than 64-bit
 * additions and 32-bit multiplications, so it is the same on every machine.
 *
 * Nothing here has state or takes locks; all of it may be called in any context.
 */
#include <kunit/visibility.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/string.h>

#include "agg.h"

static u64 ktap_abs(s64 v)
{
	return v < 0 ? -(u64)v : v;
}

/* a * b, 128 bits */
static void ktap_mul(u64 a, u64 b, u64 *lo, u64 *hi)
{
	u64 p0 = (u64)(u32)a * (u32)b;
	u64 p1 = (u64)(u32)a * (u32)(b >> 32);
	u64 p2 = (u64)(u32)(a >> 32) * (u32)b;
	u64 mid = (p0 >> 32) + (u32)p1 + (u32)p2;

	*lo = mid << 32 | (u32)p0;
	*hi = (u64)(u32)(a >> 32) * (u32)(b >> 32) + (p1 >> 32) + (p2 >> 32) + (mid >> 32);
}

/**
 * ktap_stat_add() - add a value
 * @s: what is kept
 * @kind: of the aggregation: what of it is kept
 * @v: the value
 */
void ktap_stat_add(struct ktap_stat *s, enum ktap_agg_kind kind, s64 v)
{
	u64 lo, hi;

	if (!s->count++) {
		s->min = v;
		s->max = v;
	}
	if (kind == KTAP_AGG_COUNT)
		return;
	s->min = min(s->min, v);
	s->max = max(s->max, v);
	s->sum += v;
	s->sum_hi += (v < 0 ? -1 : 0) + (s->sum < (u64)v);
	if (kind < KTAP_AGG_STATS)
		return;
	ktap_mul(ktap_abs(v), ktap_abs(v), &lo, &hi);
	s->sq[0] += lo;
	/* a square has at most 2^126, so this carry fits */
	hi += s->sq[0] < lo;
	s->sq[1] += hi;
	s->sq[2] += s->sq[1] < hi;
}

/**
 * ktap_stat_merge() - add what was kept elsewhere
 * @s: what is kept
 * @o: what was kept elsewhere, with the same kind
 */
void ktap_stat_merge(struct ktap_stat *s, const struct ktap_stat *o)
{
	u64 carry;

	if (!o->count)
		return;
	if (!s->count) {
		*s = *o;
		return;
	}
	s->count += o->count;
	s->min = min(s->min, o->min);
	s->max = max(s->max, o->max);
	s->sum += o->sum;
	s->sum_hi += o->sum_hi + (s->sum < o->sum);
	s->sq[0] += o->sq[0];
	carry = s->sq[0] < o->sq[0];
	s->sq[1] += carry;
	carry = s->sq[1] < carry;
	s->sq[1] += o->sq[1];
	carry += s->sq[1] < o->sq[1];
	s->sq[2] += o->sq[2] + carry;
}

/**
 * ktap_stat_avg() - the average, truncated toward 0
 * @s: what is kept; there is a value
 *
 * Return: the average, which is between the least and the greatest value
 */
s64 ktap_stat_avg(const struct ktap_stat *s)
{
	bool neg = s->sum_hi < 0;
	u64 lo = s->sum, hi = s->sum_hi, q = 0;
	unsigned int i;

	if (neg) {
		lo = -lo;
		hi = ~hi + !lo;
	}
	if (!hi) {
		q = div64_u64(lo, s->count);
	} else {
		/* hi is less than the count, so the quotient has 64 bits */
		for (i = 0; i < 64; i++) {
			bool carry = hi >> 63;

			hi = hi << 1 | lo >> 63;
			lo <<= 1;
			q <<= 1;
			if (carry || hi >= s->count) {
				hi -= s->count;
				q |= 1;
			}
		}
	}
	return neg ? -q : q;
}

/* Long numbers: 32-bit digits, the lowest first */
#define KTAP_BIG	9

/* out = a * b; @out has room for @na + @nb digits */
static void ktap_big_mul(u32 *out, const u32 *a, u32 na, const u32 *b, u32 nb)
{
	u32 i, j;

	memset(out, 0, (na + nb) * sizeof(*out));
	for (i = 0; i < na; i++) {
		u64 carry = 0;

		for (j = 0; j < nb; j++) {
			carry += (u64)a[i] * b[j] + out[i + j];
			out[i + j] = carry;
			carry >>= 32;
		}
		out[i + nb] = carry;
	}
}

static int ktap_big_cmp(const u32 *a, const u32 *b, u32 n)
{
	while (n--) {
		if (a[n] != b[n])
			return a[n] < b[n] ? -1 : 1;
	}
	return 0;
}

static void ktap_big_set(u32 *out, u64 v)
{
	out[0] = v;
	out[1] = v >> 32;
}

/**
 * ktap_stat_stddev() - the standard deviation of the population, truncated
 * @s: what is kept; there is a value
 *
 * The deviation d of n values with the sum S and the sum of squares Q is the
 * greatest integer with (d * n)^2 <= n * Q - S^2; it is found bit by bit.
 *
 * Return: the deviation
 */
s64 ktap_stat_stddev(const struct ktap_stat *s)
{
	u32 n[2], d[2], sum[4], sq[6], wanted[KTAP_BIG], square[KTAP_BIG], dn[4];
	u64 lo = s->sum, hi = s->sum_hi, dev = 0;
	s64 borrow = 0;
	int i, bit;

	ktap_big_set(n, s->count);
	if (s->sum_hi < 0) {
		lo = -lo;
		hi = ~hi + !lo;
	}
	ktap_big_set(sum, lo);
	ktap_big_set(sum + 2, hi);
	for (i = 0; i < 3; i++)
		ktap_big_set(sq + 2 * i, s->sq[i]);
	/* n * Q < 2^64 * 2^190, S^2 < 2^254: eight digits, and never negative */
	ktap_big_mul(square, sq, 6, n, 2);
	memcpy(wanted, square, 8 * sizeof(u32));
	ktap_big_mul(square, sum, 4, sum, 4);
	for (i = 0; i < 8; i++) {
		borrow += (s64)wanted[i] - square[i];
		wanted[i] = borrow;
		borrow >>= 32;
	}
	for (bit = 63; bit >= 0; bit--) {
		ktap_big_set(d, dev | 1ULL << bit);
		ktap_big_mul(dn, d, 2, n, 2);
		ktap_big_mul(square, dn, 4, dn, 4);
		if (ktap_big_cmp(square, wanted, 8) <= 0)
			dev |= 1ULL << bit;
	}
	return dev;
}

/* f^n, or 0 if that does not fit */
static u64 ktap_pow(u64 f, u32 n)
{
	u64 p = 1;

	while (n--) {
		if (p > div64_u64(S64_MAX, f))
			return 0;
		p *= f;
	}
	return p;
}

/* The width of the buckets from factor^m on */
static u64 ktap_llhist_width(const struct ktap_agg_def *def, u64 next)
{
	return next <= def->par[3] ? 1 : div64_u64(next, def->par[3]);
}

/**
 * ktap_agg_bucket() - which bucket of a histogram a value belongs to
 * @def: the histogram
 * @v: the value
 *
 * Bucket 0 is for what is below all others.
 *
 * Return: the bucket, less than @def->nbuckets
 */
u32 ktap_agg_bucket(const struct ktap_agg_def *def, s64 v)
{
	u64 low, next;
	u32 b = 1;

	switch (def->kind) {
	case KTAP_AGG_HIST:
		if (v < 0)
			return 0;
		if (v < 1LL << def->bits)
			return 1 + v;
		/* the leading bit, and @bits more */
		b = fls64(v) - 1 - def->bits;
		return 1 + (b << def->bits) + (v >> b);
	case KTAP_AGG_LHIST:
		if (v < def->par[0])
			return 0;
		if (v >= def->par[1])
			return def->nbuckets - 1;
		return 1 + div64_u64((u64)v - def->par[0], def->par[2]);
	default:
		low = ktap_pow(def->par[0], def->par[1]);
		if (v < (s64)low)
			return 0;
		/* as many steps as there are powers, 62 at most */
		while (b < def->nbuckets - 1) {
			u64 width;

			next = low * def->par[0];
			width = ktap_llhist_width(def, next);
			if (v < next)
				return b + div64_u64(v - low, width);
			b += div64_u64(next - low, width);
			low = next;
		}
		return def->nbuckets - 1;
	}
}

/**
 * ktap_agg_low() - the least value that belongs to a bucket
 * @def: the histogram
 * @bucket: the bucket
 *
 * Return: the value, S64_MIN for bucket 0
 */
s64 ktap_agg_low(const struct ktap_agg_def *def, u32 bucket)
{
	u64 low, next;
	u32 i, b = 1;

	if (!bucket)
		return S64_MIN;
	switch (def->kind) {
	case KTAP_AGG_HIST:
		i = bucket - 1;
		if (i < 1U << def->bits)
			return i;
		b = (i >> def->bits) - 1;
		return (u64)(i - (b << def->bits)) << b;
	case KTAP_AGG_LHIST:
		if (bucket == def->nbuckets - 1)
			return def->par[1];
		return def->par[0] + (u64)(bucket - 1) * def->par[2];
	default:
		low = ktap_pow(def->par[0], def->par[1]);
		while (b < def->nbuckets - 1) {
			u64 width;
			u32 n;

			next = low * def->par[0];
			width = ktap_llhist_width(def, next);
			n = div64_u64(next - low, width);
			if (bucket < b + n)
				return low + (bucket - b) * width;
			b += n;
			low = next;
		}
		return low;
	}
}

/**
 * ktap_def_hist() - parameters of hist()
 * @def: gets them
 * @bits: each power of two is divided into 2^bits rows
 *
 * Return: NULL, or what is wrong with them
 */
const char *ktap_def_hist(struct ktap_agg_def *def, s64 bits)
{
	if (bits < 0 || bits > KTAP_HIST_MAX_BITS)
		return "hist() takes 0 to 6 bits";
	*def = (struct ktap_agg_def){ .kind = KTAP_AGG_HIST, .bits = bits, .par = { bits } };
	def->nbuckets = 1 + ((64 - bits) << bits);
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(ktap_def_hist);

/**
 * ktap_def_lhist() - parameters of lhist()
 * @def: gets them
 * @lo: where the first row begins
 * @hi: where the last one ends
 * @step: values of a row
 *
 * Return: NULL, or what is wrong with them
 */
const char *ktap_def_lhist(struct ktap_agg_def *def, s64 lo, s64 hi, s64 step)
{
	u64 n;

	if (lo >= hi)
		return "lhist(): the lower bound has to be less than the upper one";
	if (step <= 0)
		return "lhist(): the step has to be greater than 0";
	n = div64_u64((u64)hi - lo - 1, step) + 1;
	if (n > KTAP_MAX_BUCKETS - 2)
		return "lhist(): more than 8190 rows, take a larger step";
	*def = (struct ktap_agg_def){
		.kind = KTAP_AGG_LHIST, .nbuckets = n + 2, .par = { lo, hi, step },
	};
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(ktap_def_lhist);

/**
 * ktap_def_llhist() - parameters of llhist()
 * @def: gets them
 * @factor: from one power to the next
 * @low: the first row begins at factor^low
 * @high: the last one ends at factor^(high + 1)
 * @steps: rows of the length of factor^(n + 1), for each n from @low to @high
 *
 * Return: NULL, or what is wrong with them
 */
const char *ktap_def_llhist(struct ktap_agg_def *def, s64 factor, s64 low, s64 high,
			    s64 steps)
{
	u64 n = 2, from, next, width;

	if (factor < 2 || factor > 1000)
		return "llhist(): the factor has to be from 2 to 1000";
	if (low < 0 || low > high || high > 62)
		return "llhist(): the powers have to be from 0 to 62, the lower one first";
	if (steps < factor || steps > KTAP_MAX_BUCKETS || (u32)steps % (u32)factor)
		return "llhist(): the steps have to be a multiple of the factor, up to 8192";
	*def = (struct ktap_agg_def){
		.kind = KTAP_AGG_LLHIST, .par = { factor, low, high, steps },
	};
	if (!ktap_pow(factor, high + 1))
		return "llhist(): the highest power does not fit in a number";
	for (from = ktap_pow(factor, low); low <= high; low++, from = next) {
		next = from * factor;
		width = ktap_llhist_width(def, next);
		if (div64_u64(next, width) * width != next ||
		    div64_u64(from, width) * width != from)
			return "llhist(): the steps have to divide each power, or be more";
		n += div64_u64(next - from, width);
		if (n > KTAP_MAX_BUCKETS)
			return "llhist(): more than 8190 rows, take fewer steps";
	}
	def->nbuckets = n;
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(ktap_def_llhist);
