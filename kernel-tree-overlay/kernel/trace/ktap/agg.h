/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ktap: aggregations, what agg.c, agg_math.c and those who use them share.
 *
 * An aggregation keeps numbers about the values that are added to it: their
 * count, sum, a histogram.  Without a key they are in *lanes*, one for each
 * CPU, each with a lock of its own, that are merged when somebody reads.  With
 * a key they are in an entry of a table.
 */
#ifndef _KTAP_AGG_H
#define _KTAP_AGG_H

#include "vm.h"

/* Buckets of a histogram come in chunks of this many */
#define KTAP_CHUNK_BUCKETS	16
/* Most buckets, and most chunks: an array of pointers that is one block */
#define KTAP_MAX_BUCKETS	8192
#define KTAP_MAX_LANES		512
#define KTAP_HIST_MAX_BITS	6

/**
 * struct ktap_agg_def - what an aggregation keeps
 * @kind: enum ktap_agg_kind
 * @bits: of a hist(): each power of two has 2^bits buckets
 * @nbuckets: of a histogram, otherwise 0
 * @pad: 0, so that two of them can be compared
 * @par: parameters, as in struct ktap_rec_agg
 */
struct ktap_agg_def {
	u8 kind;
	u8 bits;
	u16 nbuckets;
	u32 pad;
	s64 par[4];
};

/**
 * struct ktap_stat - what is kept about values, apart from a histogram
 * @count: how many
 * @sum: their sum, its lower half
 * @sum_hi: its upper half
 * @min: the least of them, if there are any
 * @max: the greatest
 * @sq: the sum of their squares, 192 bits
 */
struct ktap_stat {
	u64 count;
	u64 sum;
	s64 sum_hi;
	s64 min;
	s64 max;
	u64 sq[3];
};

/**
 * struct ktap_lane - what one CPU has added, or whoever has no other place
 * @lock: everything below
 * @size: of the block that the lane is in
 * @block: the block; NULL if the lane is part of its aggregation
 * @chunks: of a histogram: pointers to chunks of buckets, or NULL
 * @s: the rest
 */
struct ktap_lane {
	struct ktap_spinlock lock;
	u32 size;
	void *block;
	u64 **chunks;
	struct ktap_stat s;
};

/**
 * struct ktap_agg - an aggregation
 * @obj: what every object has
 * @def: what it keeps
 * @keys: its entries by key; NULL in such an entry and in a picture
 * @lanes: one for each CPU, made when it first adds; NULL if there are none
 * @nlanes: how many there may be
 * @full: keeps nothing: stands for an aggregation there was no memory for
 * @home: the lane of those who have no other
 */
struct ktap_agg {
	struct ktap_obj obj;
	struct ktap_agg_def def;
	struct ktap_table *keys;
	struct ktap_lane **lanes;
	u32 nlanes;
	bool full;
	struct ktap_lane home;
};

static inline bool ktap_is_hist(const struct ktap_agg_def *def)
{
	return def->kind >= KTAP_AGG_HIST;
}

/* All it keeps for a key is one number: the entry itself holds it. */
static inline bool ktap_is_inline(const struct ktap_agg_def *def)
{
	return def->kind == KTAP_AGG_COUNT || def->kind == KTAP_AGG_SUM ||
	       def->kind == KTAP_AGG_MIN || def->kind == KTAP_AGG_MAX;
}

/* agg_math.c */
void ktap_stat_add(struct ktap_stat *s, enum ktap_agg_kind kind, s64 v);
void ktap_stat_merge(struct ktap_stat *s, const struct ktap_stat *o);
s64 ktap_stat_avg(const struct ktap_stat *s);
s64 ktap_stat_stddev(const struct ktap_stat *s);
u32 ktap_agg_bucket(const struct ktap_agg_def *def, s64 v);
s64 ktap_agg_low(const struct ktap_agg_def *def, u32 bucket);
const char *ktap_def_hist(struct ktap_agg_def *def, s64 bits);
const char *ktap_def_lhist(struct ktap_agg_def *def, s64 lo, s64 hi, s64 step);
const char *ktap_def_llhist(struct ktap_agg_def *def, s64 factor, s64 low, s64 high,
			    s64 steps);

/* agg.c */
struct ktap_agg *ktap_agg_make(struct ktap_exec *x, const struct ktap_agg_def *def);
int ktap_agg_add(struct ktap_exec *x, struct ktap_agg *g, s64 n);
int ktap_agg_add_key(struct ktap_exec *x, struct ktap_agg *g, const struct ktap_val *key,
		     s64 n);
bool ktap_agg_stat(struct ktap_exec *x, struct ktap_agg *g, struct ktap_stat *s);
int ktap_agg_chunk(struct ktap_exec *x, struct ktap_agg *g, u32 chunk, u64 *out);
struct ktap_agg *ktap_agg_picture(struct ktap_exec *x, struct ktap_agg *g, bool take);
int ktap_agg_rows(struct ktap_exec *x, struct ktap_agg *g, struct ktap_val *r);
int ktap_agg_source(struct ktap_exec *x, struct ktap_agg *g, struct ktap_val *r);
u64 ktap_agg_len(struct ktap_exec *x, struct ktap_agg *g);
int ktap_agg_clear(struct ktap_exec *x, struct ktap_agg *g);
int ktap_agg_take(struct ktap_exec *x, struct ktap_val *v);
void ktap_agg_record(struct ktap_exec *x, struct ktap_agg *g, struct ktap_rec_agg *rec);

#endif /* _KTAP_AGG_H */
