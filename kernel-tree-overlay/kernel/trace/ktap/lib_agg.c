// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: builtins of aggregations, and of tables as a whole.
 *
 * count, sum, avg, min and max make an aggregation if they have no argument, and
 * otherwise tell that number of their argument: of an aggregation, or of what one
 * has for a key, which may be nil.
 *
 * Contexts: any.
 * Locks: none of their own; see agg.c, table.c.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/math64.h>

#include "agg.h"

/* Rows of top(), if it is not told how many */
#define KTAP_TOP_ROWS	10

/* Leaves a new aggregation in @out. */
static int ktap_agg_new(struct ktap_exec *x, struct ktap_val *out,
			const struct ktap_agg_def *def)
{
	struct ktap_agg *g = ktap_agg_make(x, def);

	if (IS_ERR(g)) {
		if (x->setup)
			return ktap_no_memory(x, PTR_ERR(g));
		/* counted, as each update of what stands for it will be */
		ktap_lost_update(x->vm, PTR_ERR(g));
		g = x->vm->full_agg;
	}
	*out = (struct ktap_val){ .g = g, .type = KTAP_AGG };
	return 0;
}

static const char *ktap_kind_name(unsigned int kind)
{
	static const char * const name[] = {
		[KTAP_AGG_COUNT] = "count", [KTAP_AGG_SUM] = "sum", [KTAP_AGG_AVG] = "avg",
		[KTAP_AGG_MIN] = "min", [KTAP_AGG_MAX] = "max", [KTAP_AGG_STATS] = "stats",
		[KTAP_AGG_HIST] = "hist", [KTAP_AGG_LHIST] = "lhist",
		[KTAP_AGG_LLHIST] = "llhist",
	};

	return name[kind];
}

/* A number of an aggregation: stddev() is told by KTAP_AGG_STATS */
static int ktap_agg_number(struct ktap_exec *x, struct ktap_val *v, enum ktap_agg_kind want)
{
	const char *what = want == KTAP_AGG_STATS ? "stddev" : ktap_kind_name(want);
	bool zero = want == KTAP_AGG_COUNT || want == KTAP_AGG_SUM;
	struct ktap_stat s;
	unsigned int kind;

	if (v->type == KTAP_NIL) {
		/* there is nothing with that key */
		if (zero)
			ktap_set_int(v, 0);
		return 0;
	}
	if (v->type == KTAP_AGG)
		kind = v->g->def.kind;
	else if (v->type == KTAP_INT && v->aux)
		kind = v->aux;
	else
		return ktap_error(x, "wrong type of argument 1: aggregation expected, not %s",
				  ktap_type_name(v));
	if (kind != want && kind < KTAP_AGG_STATS &&
	    !(kind == KTAP_AGG_AVG && zero))
		return ktap_error(x, "%s() of what %s() made: that does not keep it, stats() does",
				  what, ktap_kind_name(kind));
	if (v->type == KTAP_INT) {
		v->aux = 0;
		return 0;
	}
	if (!ktap_agg_stat(x, v->g, &s)) {
		ktap_vm_lost(x->vm, KTAP_LOSS_BUSY, 1);
		ktap_set_nil(v);
		return 0;
	}
	if (!s.count && !zero) {
		ktap_set_nil(v);
		return 0;
	}
	switch (want) {
	case KTAP_AGG_COUNT:
		ktap_set_int(v, s.count);
		break;
	case KTAP_AGG_SUM:
		ktap_set_int(v, s.sum);
		break;
	case KTAP_AGG_AVG:
		ktap_set_int(v, ktap_stat_avg(&s));
		break;
	case KTAP_AGG_MIN:
		ktap_set_int(v, s.min);
		break;
	case KTAP_AGG_MAX:
		ktap_set_int(v, s.max);
		break;
	default:
		ktap_set_int(v, ktap_stat_stddev(&s));
		ktap_exec_charge(x, 256);
		break;
	}
	return 0;
}

static int ktap_agg_simple(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs,
			   enum ktap_agg_kind kind)
{
	struct ktap_agg_def def = { .kind = kind };

	return nargs ? ktap_agg_number(x, args, kind) : ktap_agg_new(x, args, &def);
}

int ktap_bi_COUNT(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_agg_simple(x, args, nargs, KTAP_AGG_COUNT);
}

int ktap_bi_SUM(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_agg_simple(x, args, nargs, KTAP_AGG_SUM);
}

int ktap_bi_AVG(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_agg_simple(x, args, nargs, KTAP_AGG_AVG);
}

int ktap_bi_MIN(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_agg_simple(x, args, nargs, KTAP_AGG_MIN);
}

int ktap_bi_MAX(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_agg_simple(x, args, nargs, KTAP_AGG_MAX);
}

int ktap_bi_STATS(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_agg_simple(x, args, 0, KTAP_AGG_STATS);
}

int ktap_bi_STDDEV(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_agg_number(x, args, KTAP_AGG_STATS);
}

/* The parameters of a histogram, which are numbers */
static int ktap_agg_pars(struct ktap_exec *x, const struct ktap_val *args, unsigned int nargs)
{
	unsigned int i;

	for (i = 0; i < nargs; i++) {
		if (args[i].type != KTAP_INT)
			return ktap_error(x, "wrong type of argument %u: number expected, not %s",
					  i + 1, ktap_type_name(&args[i]));
	}
	return 0;
}

int ktap_bi_HIST(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	struct ktap_agg_def def;
	const char *wrong;
	int ret;

	/* hist(nil) is hist() */
	if (nargs && args[0].type == KTAP_NIL)
		nargs = 0;
	ret = ktap_agg_pars(x, args, nargs);
	if (ret)
		return ret;
	wrong = ktap_def_hist(&def, nargs ? args[0].i : 0);
	return wrong ? ktap_error(x, "%s", wrong) : ktap_agg_new(x, args, &def);
}

int ktap_bi_LHIST(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	int ret = ktap_agg_pars(x, args, nargs);
	struct ktap_agg_def def;
	const char *wrong;

	if (ret)
		return ret;
	wrong = ktap_def_lhist(&def, args[0].i, args[1].i, args[2].i);
	return wrong ? ktap_error(x, "%s", wrong) : ktap_agg_new(x, args, &def);
}

int ktap_bi_LLHIST(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	int ret = ktap_agg_pars(x, args, nargs);
	struct ktap_agg_def def;
	const char *wrong;

	if (ret)
		return ret;
	wrong = ktap_def_llhist(&def, args[0].i, args[1].i, args[2].i, args[3].i);
	return wrong ? ktap_error(x, "%s", wrong) : ktap_agg_new(x, args, &def);
}

/*
 * The value of rank @rank among @s->count, as far as the histogram tells: the
 * least one of its row, but the first and the last are known.
 */
static s64 ktap_agg_rank(struct ktap_exec *x, struct ktap_agg *g, const struct ktap_stat *s,
			 u64 rank)
{
	u32 i, k, n = DIV_ROUND_UP(g->def.nbuckets, KTAP_CHUNK_BUCKETS);
	u64 buckets[KTAP_CHUNK_BUCKETS], sum = 0;

	if (rank >= s->count)
		return s->max;
	for (i = 0; i < n; i++) {
		if (!ktap_agg_chunk(x, g, i, buckets))
			continue;
		for (k = 0; k < KTAP_CHUNK_BUCKETS; k++) {
			sum += buckets[k];
			if (sum >= rank)
				return max(s->min, ktap_agg_low(&g->def,
								i * KTAP_CHUNK_BUCKETS + k));
		}
	}
	return s->max;
}

int ktap_bi_QUANTILE(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	struct ktap_agg *g, *p;
	struct ktap_stat s;
	u64 rank, rest;
	u32 rem;

	if (args[1].type != KTAP_INT)
		return ktap_error(x, "wrong type of argument 2: number expected, not %s",
				  ktap_type_name(&args[1]));
	if (args[1].i < 0 || args[1].i > 100)
		return ktap_error(x, "quantile() takes a number of percent, 0 to 100, not %lld",
				  args[1].i);
	if (args[0].type == KTAP_NIL)
		return 0;
	if (args[0].type != KTAP_AGG || !ktap_is_hist(&args[0].g->def)) {
		if (args[0].type == KTAP_AGG && args[0].g->full) {
			ktap_set_nil(&args[0]);
			return 0;
		}
		return ktap_error(x, "quantile() needs a histogram: hist(), lhist() or llhist()");
	}
	g = args[0].g;
	p = ktap_agg_picture(x, g, false);
	if (!IS_ERR(p)) {
		args[0].g = p;
		g = p;
	} else if (!x->setup) {
		ktap_lost_update(x->vm, PTR_ERR(p));
		ktap_set_nil(&args[0]);
		return 0;
	}
	ktap_agg_stat(x, g, &s);
	if (!s.count) {
		ktap_set_nil(&args[0]);
		return 0;
	}
	/* count * percent / 100, rounded up, without going over 64 bits */
	rest = div_u64_rem(s.count, 100, &rem);
	rank = rest * args[1].i + DIV_ROUND_UP(rem * (u32)args[1].i, 100);
	ktap_set_int(&args[0], ktap_agg_rank(x, g, &s, max(rank, 1ULL)));
	return 0;
}

static int ktap_not_whole(struct ktap_exec *x, const struct ktap_val *v)
{
	return ktap_error(x, "wrong type of argument 1: table or aggregation expected, not %s",
			  ktap_type_name(v));
}

int ktap_bi_CLEAR(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	int ret;

	if (args[0].type == KTAP_AGG)
		ret = ktap_agg_clear(x, args[0].g);
	else if (args[0].type == KTAP_TABLE)
		ret = ktap_table_clear(x, args[0].t);
	else
		ret = ktap_not_whole(x, &args[0]);
	ktap_set_nil(&args[0]);
	return ret;
}

int ktap_bi_TAKE(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	if (args[0].type == KTAP_AGG)
		return ktap_agg_take(x, &args[0]);
	if (args[0].type == KTAP_TABLE)
		return ktap_table_take(x, &args[0]);
	return ktap_not_whole(x, &args[0]);
}

int ktap_bi_TOP(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	s64 n = KTAP_TOP_ROWS;
	int ret;

	if (args[0].type != KTAP_AGG && args[0].type != KTAP_TABLE)
		return ktap_not_whole(x, &args[0]);
	if (nargs > 1 && args[1].type != KTAP_NIL) {
		if (args[1].type != KTAP_INT)
			return ktap_error(x, "wrong type of argument 2: number expected, not %s",
					  ktap_type_name(&args[1]));
		n = args[1].i;
	}
	ret = ktap_table_top(x, args, n);
	if (!ret)
		ret = ktap_print(x, KTAP_REC_TOP, args, 1);
	ktap_set_nil(&args[0]);
	return ret;
}

int ktap_bi_SORT_PAIRS(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	if (args[0].type == KTAP_NIL)
		return ktap_error(x, "table is nil in sort_pairs");
	if (args[0].type != KTAP_AGG && args[0].type != KTAP_TABLE)
		return ktap_not_whole(x, &args[0]);
	return ktap_table_sort(x, args, nargs);
}

/* Tables grow as they are used: how large one will be need not be known. */
int ktap_bi_TABLE_NEW(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	unsigned int i;

	for (i = 0; i < nargs; i++) {
		if (args[i].type != KTAP_INT && args[i].type != KTAP_NIL)
			return ktap_error(x, "wrong type of argument %u: number expected, not %s",
					  i + 1, ktap_type_name(&args[i]));
	}
	return ktap_new_table(x, &args[0]);
}
