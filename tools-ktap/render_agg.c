// SPDX-License-Identifier: GPL-2.0
/*
 * render_agg: aggregations as text and numbers.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "render_agg.h"

#define BAR_WIDTH	40
/* More empty rows than this between others become one line of dots */
#define MAX_GAP		8

const char *agg_kind_name(__u32 kind)
{
	static const char *const names[] = {
		[KTAP_AGG_COUNT] = "count", [KTAP_AGG_SUM] = "sum", [KTAP_AGG_AVG] = "avg",
		[KTAP_AGG_MIN] = "min", [KTAP_AGG_MAX] = "max", [KTAP_AGG_STATS] = "stats",
		[KTAP_AGG_HIST] = "hist", [KTAP_AGG_LHIST] = "lhist",
		[KTAP_AGG_LLHIST] = "llhist",
	};

	return kind < ARRAY_SIZE(names) && names[kind] ? names[kind] : "?";
}

bool agg_is_hist(const struct ktap_rec_agg *a)
{
	return a->kind >= KTAP_AGG_HIST && a->kind <= KTAP_AGG_LLHIST;
}

bool agg_number(const struct ktap_rec_agg *a, __s64 *v)
{
	*v = 0;
	if (a->flags & KTAP_AGGF_BUSY)
		return false;
	switch (a->kind) {
	case KTAP_AGG_SUM:
		*v = a->sum;
		return true;
	case KTAP_AGG_AVG:
		*v = a->avg;
		return a->count;
	case KTAP_AGG_MIN:
		*v = a->min;
		return a->count;
	case KTAP_AGG_MAX:
		*v = a->max;
		return a->count;
	default:
		*v = a->count;
		return true;
	}
}

void agg_text(struct buf *b, const struct ktap_rec_agg *a)
{
	char text[160];
	__s64 v;

	if (a->flags & KTAP_AGGF_BUSY)
		snprintf(text, sizeof(text), "nil");
	else if (a->kind == KTAP_AGG_STATS && a->count)
		snprintf(text, sizeof(text),
			 "[count: %6llu sum: %6lld max: %6lld min: %6lld avg: %6lld]",
			 (unsigned long long)a->count, (long long)a->sum, (long long)a->max,
			 (long long)a->min, (long long)a->avg);
	else if (a->kind == KTAP_AGG_STATS)
		snprintf(text, sizeof(text),
			 "[count: %6d sum: %6d max: %6s min: %6s avg: %6s]", 0, 0, "nil",
			 "nil", "nil");
	else if (agg_number(a, &v))
		snprintf(text, sizeof(text), "%lld", (long long)v);
	else
		snprintf(text, sizeof(text), "nil");
	buf_add(b, text, strlen(text));
}

static unsigned int top_bit(__u64 v)
{
	unsigned int n = 0;

	while (v >>= 1)
		n++;
	return n;
}

/* factor^n; what does not fit is as large as there is */
static __u64 power(__u64 factor, __s64 n)
{
	__u64 p = 1;

	while (n-- > 0) {
		if (p > INT64_MAX / factor)
			return (__u64)1 << 63;
		p *= factor;
	}
	return p;
}

static bool llhist_range(const struct ktap_rec_agg *a, struct agg_range *r)
{
	__u64 factor = a->par[0], steps = a->par[3], from, next, width;
	__s64 n, low = a->par[1], high = a->par[2];

	if (a->par[0] < 2 || low < 0 || high < low || high > 62 || a->par[3] < 1)
		return false;
	if (r->below) {
		r->high = power(factor, low);
		return true;
	}
	for (n = low; n <= high; n++) {
		from = power(factor, n);
		next = power(factor, n + 1);
		width = next <= steps ? 1 : next / steps;
		if (r->low >= (__s64)from && (__u64)r->low < next) {
			r->high = r->low + width;
			return true;
		}
	}
	r->above = true;
	return true;
}

bool agg_range(const struct ktap_rec_agg *a, __s64 low, struct agg_range *r)
{
	unsigned int bits = a->par[0], top;

	memset(r, 0, sizeof(*r));
	r->low = low;
	r->below = low == INT64_MIN;
	switch (a->kind) {
	case KTAP_AGG_HIST:
		if (bits > 16 || (low < 0 && !r->below))
			return false;
		if (r->below)
			return true;
		top = low ? top_bit(low) : 0;
		r->high = low + ((__u64)1 << (top > bits ? top - bits : 0));
		return true;
	case KTAP_AGG_LHIST:
		if (a->par[2] < 1)
			return false;
		/* the least number there is may be the first one's */
		if (r->below && a->par[0] != INT64_MIN) {
			r->high = a->par[0];
			return true;
		}
		r->below = false;
		r->above = low >= a->par[1];
		if ((__u64)a->par[1] - low < (__u64)a->par[2])
			r->high = a->par[1];
		else
			r->high = (__u64)low + a->par[2];
		return true;
	case KTAP_AGG_LLHIST:
		return llhist_range(a, r);
	default:
		return false;
	}
}

/* A bound: powers of two in short, where the rows are made of them */
static void add_bound(struct buf *b, const struct ktap_rec_agg *a, __u64 v)
{
	static const char *const units[] = { "", "K", "M", "G", "T", "P", "E" };
	unsigned int n = 0;
	char text[32];

	while (a->kind == KTAP_AGG_HIST && v && !(v % 1024) && n < ARRAY_SIZE(units) - 1) {
		v /= 1024;
		n++;
	}
	if (a->kind == KTAP_AGG_HIST)
		snprintf(text, sizeof(text), "%llu%s", (unsigned long long)v, units[n]);
	else
		snprintf(text, sizeof(text), "%lld", (long long)v);
	buf_add(b, text, strlen(text));
}

void agg_label(struct buf *b, const struct ktap_rec_agg *a, __s64 low)
{
	struct agg_range r;

	if (!agg_range(a, low, &r)) {
		buf_add(b, "[?]", 3);
		return;
	}
	if (r.below) {
		buf_add(b, "(..., ", 6);
		add_bound(b, a, r.high);
		buf_addc(b, ')');
		return;
	}
	buf_addc(b, '[');
	add_bound(b, a, r.low);
	if (r.above) {
		buf_add(b, ", ...)", 6);
	} else if (r.high - r.low == 1) {
		buf_addc(b, ']');
	} else {
		buf_add(b, ", ", 2);
		add_bound(b, a, r.high);
		buf_addc(b, ')');
	}
}

static int by_low(const void *a, const void *b)
{
	const struct agg_row *x = a, *y = b;

	return x->low < y->low ? -1 : x->low > y->low;
}

size_t agg_sort_rows(struct agg_row *rows, size_t n)
{
	size_t i, k = 0;

	if (!n)
		return 0;
	qsort(rows, n, sizeof(*rows), by_low);
	for (i = 1; i < n; i++) {
		if (rows[i].low == rows[k].low)
			rows[k].n += rows[i].n;
		else
			rows[++k] = rows[i];
	}
	return k + 1;
}

bool agg_merge(struct ktap_rec_agg *a, const struct ktap_rec_agg *b)
{
	if (a->kind != b->kind || memcmp(a->par, b->par, sizeof(a->par)))
		return false;
	a->flags |= b->flags & KTAP_AGGF_BUSY;
	/* where there was nothing, least and greatest are none */
	if (b->count && (!a->count || b->min < a->min))
		a->min = b->min;
	if (b->count && (!a->count || b->max > a->max))
		a->max = b->max;
	a->count += b->count;
	a->sum = (__u64)a->sum + b->sum;
	if (a->count)
		a->avg = a->sum / (__s64)a->count;
	return true;
}

static void print_row(FILE *out, const struct buf *label, size_t width, __u64 n, int digits,
		      __u64 max)
{
	char bar[BAR_WIDTH + 1];
	__u64 len;

	/* 64 bits are enough where there are no more */
	len = max > UINT64_MAX / BAR_WIDTH ? n / (max / BAR_WIDTH) : n * BAR_WIDTH / max;
	if (len > BAR_WIDTH)
		len = BAR_WIDTH;
	memset(bar, '@', len);
	bar[len] = 0;
	fprintf(out, "%-*.*s  %*llu |%-*s|\n", (int)width, (int)label->len, label->data, digits,
		(unsigned long long)n, BAR_WIDTH, bar);
}

/* The row after one; false if that is the last there can be */
static bool next_low(const struct ktap_rec_agg *a, __s64 low, __s64 *next)
{
	struct agg_range r;

	if (!agg_range(a, low, &r) || r.above || r.high == (__u64)1 << 63)
		return false;
	*next = r.high;
	return true;
}

/* How many empty rows follow one row before the other, up to a few */
static unsigned int gap(const struct ktap_rec_agg *a, __s64 low, __s64 to)
{
	unsigned int n = 0;

	while (n <= MAX_GAP && next_low(a, low, &low) && low < to)
		n++;
	return n;
}

/* The rows that are shown: those between two others as well, if there are few */
static struct agg_row *fill_gaps(const struct ktap_rec_agg *a, const struct agg_row *rows,
				 size_t n, size_t *nr)
{
	struct agg_row *all = xmalloc((n + 1) * (MAX_GAP + 1) * sizeof(*all));
	size_t i, k = 0;
	__s64 low;

	for (i = 0; i < n; i++) {
		all[k++] = rows[i];
		if (i + 1 == n || gap(a, rows[i].low, rows[i + 1].low) > MAX_GAP)
			continue;
		for (low = rows[i].low; next_low(a, low, &low) && low < rows[i + 1].low;)
			all[k++] = (struct agg_row){ low, 0 };
	}
	*nr = k;
	return all;
}

void agg_print_rows(FILE *out, const struct ktap_rec_agg *a, const struct agg_row *rows,
		    size_t n)
{
	size_t i, nr, width = 0;
	struct agg_row *all = fill_gaps(a, rows, n, &nr);
	struct buf label = {};
	char text[32];
	__u64 max = 1;
	int digits;

	for (i = 0; i < nr; i++) {
		agg_label(&label, a, all[i].low);
		if (label.len > width)
			width = label.len;
		label.len = 0;
		if (all[i].n > max)
			max = all[i].n;
	}
	digits = snprintf(text, sizeof(text), "%llu", (unsigned long long)max);
	for (i = 0; i < nr; i++) {
		if (i && gap(a, all[i - 1].low, all[i].low))
			fprintf(out, "...\n");
		agg_label(&label, a, all[i].low);
		print_row(out, &label, width, all[i].n, digits, max);
		label.len = 0;
	}
	buf_free(&label);
	free(all);
}
