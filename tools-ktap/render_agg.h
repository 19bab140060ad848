/* SPDX-License-Identifier: GPL-2.0 */
/*
 * render_agg: aggregations of output records as text and numbers.
 *
 * Nothing here knows where records come from or how rows are kept; render.c
 * goes through them.
 */
#ifndef _KTAP_RENDER_AGG_H
#define _KTAP_RENDER_AGG_H

#include <stdbool.h>
#include <stdio.h>
#include <linux/types.h>

#include "../../include/uapi/linux/ktap.h"
#include "util.h"

/* A row of a histogram: the least value that belongs to it, and how many came */
struct agg_row {
	__s64 low;
	__u64 n;
};

/* What a row of a histogram spans: from @low on, less than @high */
struct agg_range {
	__s64 low;
	__u64 high;		/* of numbers that are not negative: up to 2^63 */
	bool below;		/* there is no lower bound: all that is less than @high */
	bool above;		/* there is no upper bound */
};

/* "count", "hist" ... */
const char *agg_kind_name(__u32 kind);
bool agg_is_hist(const struct ktap_rec_agg *a);
/* The number it stands for where one is wanted; false if there is none */
bool agg_number(const struct ktap_rec_agg *a, __s64 *v);
/* What it keeps without a key, if that is no histogram: on one line */
void agg_text(struct buf *b, const struct ktap_rec_agg *a);
/* false if the row is not one of such a histogram */
bool agg_range(const struct ktap_rec_agg *a, __s64 low, struct agg_range *r);
/* [8K, 16K) */
void agg_label(struct buf *b, const struct ktap_rec_agg *a, __s64 low);
/*
 * Puts the rows in their order, which is that of their values, and makes one of those
 * that are the same; returns how many are left
 */
size_t agg_sort_rows(struct agg_row *rows, size_t n);
/*
 * Adds what one keeps, but for the rows of its histogram and what it has by key, to
 * another; false if that is of another kind
 */
bool agg_merge(struct ktap_rec_agg *a, const struct ktap_rec_agg *b);
/* The rows, sorted, with the empty ones between them, a line for each */
void agg_print_rows(FILE *out, const struct ktap_rec_agg *a, const struct agg_row *rows,
		    size_t n);

#endif /* _KTAP_RENDER_AGG_H */
