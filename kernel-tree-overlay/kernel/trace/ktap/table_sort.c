// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: tables in order: sort_pairs() and top().
 *
 * The result is a table of its own with one stripe, so that an iteration meets
 * its entries in the order in which they stand there.  While it is made it is a
 * heap whose root is the entry that goes last: with a limit, an entry that goes
 * after the root of a full heap costs one comparison and no memory.  At the end
 * the heap is sorted in place, and gets its index.
 *
 * Of aggregations with a key the result has copies, so that what they are sorted
 * by is what one sees of them.
 *
 * Registers that belong to no function, above the running one, keep what is
 * worked with: see enum ktap_sort_reg.
 *
 * Contexts: any.  A comparison is charged to the budget, and a function that
 * compares runs as if the script had called it.
 * Locks: those of the table that is read, for each entry; none while comparing.
 */
#include <linux/err.h>
#include <linux/kernel.h>

#include "agg.h"
#include "table.h"

enum ktap_sort_by {
	KTAP_BY_KEY,
	KTAP_BY_VALUE,
	KTAP_BY_COUNT,
	KTAP_BY_SUM,
	KTAP_BY_AVG,
	KTAP_BY_MIN,
	KTAP_BY_MAX,
	KTAP_BY_STDDEV,
	KTAP_BY_FUNC,
};

/**
 * enum ktap_sort_reg - registers of a sort
 * @KTAP_SORT_SOURCE: what of an aggregation is sorted
 * @KTAP_SORT_RESULT: the table that is made
 * @KTAP_SORT_KEY: the entry that is looked at
 * @KTAP_SORT_VALUE: its value
 * @KTAP_SORT_CALL: where a function that compares is called
 */
enum ktap_sort_reg {
	KTAP_SORT_SOURCE,
	KTAP_SORT_RESULT,
	KTAP_SORT_KEY,
	KTAP_SORT_VALUE,
	KTAP_SORT_CALL,
};

/**
 * struct ktap_sort - a sort
 * @x: the running exec
 * @r: its registers, by enum ktap_sort_reg
 * @s: the only stripe of the result
 * @fn: the function that compares, in a register
 * @by: what is compared
 * @desc: the greatest first
 * @limit: entries wanted
 */
struct ktap_sort {
	struct ktap_exec *x;
	struct ktap_val *r;
	struct ktap_stripe *s;
	const struct ktap_val *fn;
	enum ktap_sort_by by;
	bool desc;
	u32 limit;
};

static unsigned int ktap_rank(const struct ktap_val *v)
{
	switch (v->type) {
	case KTAP_NIL:
		return 0;
	case KTAP_BOOL:
		return 1;
	case KTAP_INT:
		return 2;
	case KTAP_STR:
		return 3;
	case KTAP_TUPLE:
		return 4;
	case KTAP_STACK:
		return 5;
	case KTAP_USTACK:
		return 6;
	case KTAP_USYM:
		return 7;
	default:
		return 8;
	}
}

static int ktap_bytes_cmp(const char *a, u32 alen, const char *b, u32 blen)
{
	int c = memcmp(a, b, min(alen, blen));

	if (c)
		return c;
	return alen < blen ? -1 : alen > blen;
}

static int ktap_tuple_cmp(const struct ktap_str *a, const struct ktap_str *b)
{
	const char *abytes = NULL, *bbytes = NULL;
	u32 alen = 0, blen = 0, apos = 0, bpos = 0;
	struct ktap_val x, y;
	int c = 0;

	while (!c) {
		apos = ktap_tuple_next(a, apos, &x, &abytes, &alen);
		bpos = ktap_tuple_next(b, bpos, &y, &bbytes, &blen);
		if (!apos || !bpos)
			return apos ? 1 : bpos ? -1 : 0;
		if (ktap_rank(&x) != ktap_rank(&y))
			c = ktap_rank(&x) < ktap_rank(&y) ? -1 : 1;
		else if (ktap_is_str(&x))
			c = ktap_bytes_cmp(abytes, alen, bbytes, blen);
		else if (x.type == KTAP_INT || x.type == KTAP_BOOL)
			c = x.i < y.i ? -1 : x.i > y.i;
	}
	return c;
}

/*
 * nil, booleans, numbers, strings, compound keys, stacks, others: as the tool has it,
 * but that the tool has stacks in the order of their text, and a usym() is a string there
 */
static int ktap_order(struct ktap_exec *x, const struct ktap_val *a, const struct ktap_val *b)
{
	if (ktap_rank(a) != ktap_rank(b))
		return ktap_rank(a) < ktap_rank(b) ? -1 : 1;
	switch (a->type) {
	case KTAP_BOOL:
	case KTAP_INT:
		return a->i < b->i ? -1 : a->i > b->i;
	case KTAP_STR:
		ktap_exec_charge(x, min(a->s->len, b->s->len) / 32);
		return ktap_str_cmp(a->s, b->s);
	case KTAP_TUPLE:
		ktap_exec_charge(x, min(a->s->len, b->s->len) / 16);
		return ktap_tuple_cmp(a->s, b->s);
	case KTAP_STACK:
	case KTAP_USTACK:
	case KTAP_USYM:
		ktap_exec_charge(x, min(a->s->len, b->s->len) / 32);
		return ktap_bytes_cmp(a->s->data, a->s->len, b->s->data, b->s->len);
	default:
		return 0;
	}
}

/* Which kinds of aggregations keep what can be sorted by */
static bool ktap_kind_has(unsigned int kind, enum ktap_sort_by by)
{
	switch (by) {
	case KTAP_BY_COUNT:
		return kind == KTAP_AGG_COUNT || kind == KTAP_AGG_AVG || kind >= KTAP_AGG_STATS;
	case KTAP_BY_SUM:
		return kind == KTAP_AGG_SUM || kind == KTAP_AGG_AVG || kind >= KTAP_AGG_STATS;
	case KTAP_BY_AVG:
		return kind == KTAP_AGG_AVG || kind >= KTAP_AGG_STATS;
	case KTAP_BY_MIN:
		return kind == KTAP_AGG_MIN || kind >= KTAP_AGG_STATS;
	case KTAP_BY_MAX:
		return kind == KTAP_AGG_MAX || kind >= KTAP_AGG_STATS;
	default:
		return kind >= KTAP_AGG_STATS;
	}
}

/* What "value" means for an aggregation */
static enum ktap_sort_by ktap_kind_value(unsigned int kind)
{
	switch (kind) {
	case KTAP_AGG_SUM:
		return KTAP_BY_SUM;
	case KTAP_AGG_AVG:
		return KTAP_BY_AVG;
	case KTAP_AGG_MIN:
		return KTAP_BY_MIN;
	case KTAP_AGG_MAX:
		return KTAP_BY_MAX;
	default:
		return KTAP_BY_COUNT;
	}
}

/* What a value is compared by; there is nothing to compare an empty one by. */
static int ktap_sort_value(struct ktap_sort *so, const struct ktap_val *v,
			   struct ktap_val *out)
{
	static const char * const name[] = {
		[KTAP_BY_COUNT] = "count", [KTAP_BY_SUM] = "sum", [KTAP_BY_AVG] = "avg",
		[KTAP_BY_MIN] = "min", [KTAP_BY_MAX] = "max", [KTAP_BY_STDDEV] = "stddev",
	};
	enum ktap_sort_by by = so->by;
	struct ktap_stat s;
	unsigned int kind;

	if (v->type == KTAP_NIL || (by == KTAP_BY_VALUE && v->type != KTAP_AGG)) {
		*out = *v;
		return 0;
	}
	kind = v->type == KTAP_AGG ? v->g->def.kind : v->type == KTAP_INT ? v->aux : 0;
	if (by == KTAP_BY_VALUE)
		by = ktap_kind_value(kind);
	if (!kind || !ktap_kind_has(kind, by))
		return ktap_error(so->x, "sort_pairs() by '%s', but there is a value without it",
				  name[by]);
	if (v->type == KTAP_INT) {
		*out = *v;
		return 0;
	}
	ktap_set_nil(out);
	if (!ktap_agg_stat(so->x, v->g, &s))
		ktap_vm_lost(so->x->vm, KTAP_LOSS_BUSY, 1);
	if (by == KTAP_BY_COUNT)
		ktap_set_int(out, s.count);
	else if (by == KTAP_BY_SUM)
		ktap_set_int(out, s.sum);
	else if (!s.count)
		return 0;
	else if (by == KTAP_BY_AVG)
		ktap_set_int(out, ktap_stat_avg(&s));
	else if (by == KTAP_BY_MIN)
		ktap_set_int(out, s.min);
	else if (by == KTAP_BY_MAX)
		ktap_set_int(out, s.max);
	else
		ktap_set_int(out, ktap_stat_stddev(&s));
	if (by == KTAP_BY_STDDEV)
		ktap_exec_charge(so->x, 256);
	return 0;
}

/* Copies a value to a register of the call, with room for strings. */
static int ktap_sort_arg(struct ktap_sort *so, unsigned int n, const struct ktap_val *v)
{
	struct ktap_val *r = &so->r[KTAP_SORT_CALL + 1 + n];
	int ret;

	/* a register's own string may move; it is lent as it is */
	if (v == &so->r[KTAP_SORT_KEY] || v == &so->r[KTAP_SORT_VALUE]) {
		*r = *v;
		so->x->top = r + 1;
		return 0;
	}
	ret = ktap_arena_ensure(so->x, KTAP_ARENA_RESERVE);
	if (!ret)
		ret = ktap_val_lend(so->x, r, v);
	so->x->top = r + 1;
	return ret;
}

/* Calls the script's function with two values and their keys. */
static int ktap_sort_call(struct ktap_sort *so, const struct ktap_val *ak,
			  const struct ktap_val *av, const struct ktap_val *bk,
			  const struct ktap_val *bv, bool *before)
{
	struct ktap_val *r = &so->r[KTAP_SORT_CALL];
	int ret;

	r[0] = *so->fn;
	so->x->top = r + 1;
	ret = ktap_sort_arg(so, 0, av);
	if (!ret)
		ret = ktap_sort_arg(so, 1, bv);
	if (!ret)
		ret = ktap_sort_arg(so, 2, ak);
	if (!ret)
		ret = ktap_sort_arg(so, 3, bk);
	if (!ret)
		ret = ktap_call_inner(so->x, r, 4);
	*before = !ret && ktap_true(r);
	so->x->top = r;
	return ret;
}

/* Whether the first of two entries goes before the second. */
static int ktap_before(struct ktap_sort *so, const struct ktap_val *ak,
		       const struct ktap_val *av, const struct ktap_val *bk,
		       const struct ktap_val *bv, bool *before)
{
	struct ktap_val a, b;
	int ret, c;

	ktap_exec_charge(so->x, 4);
	if (so->x->fuel <= 0) {
		ret = ktap_exec_attend(so->x);
		if (ret)
			return ret;
	}
	if (so->by == KTAP_BY_FUNC)
		return ktap_sort_call(so, ak, av, bk, bv, before);
	if (so->by == KTAP_BY_KEY) {
		c = ktap_order(so->x, ak, bk);
	} else {
		ret = ktap_sort_value(so, av, &a) ?: ktap_sort_value(so, bv, &b);
		if (ret)
			return ret;
		c = ktap_order(so->x, &a, &b);
		/* equal ones by key, the least first */
		if (!c) {
			*before = ktap_order(so->x, ak, bk) < 0;
			return 0;
		}
	}
	*before = so->desc ? c > 0 : c < 0;
	return 0;
}

static int ktap_entry_before(struct ktap_sort *so, u32 i, u32 k, bool *before)
{
	const struct ktap_entry *a = ktap_entry(so->s, i), *b = ktap_entry(so->s, k);

	return ktap_before(so, &a->key, &a->v, &b->key, &b->v, before);
}

static void ktap_entry_swap(struct ktap_sort *so, u32 i, u32 k)
{
	struct ktap_entry *a = ktap_entry(so->s, i), *b = ktap_entry(so->s, k);

	swap(a->key, b->key);
	swap(a->v, b->v);
}

/* Moves an entry up until none below it goes after it. */
static int ktap_sift_up(struct ktap_sort *so, u32 i)
{
	bool before;
	int ret;

	while (i) {
		u32 up = (i - 1) / 2;

		ret = ktap_entry_before(so, up, i, &before);
		if (ret)
			return ret;
		if (!before)
			break;
		ktap_entry_swap(so, up, i);
		i = up;
	}
	return 0;
}

/* Moves the root down among the first @n entries. */
static int ktap_sift_down(struct ktap_sort *so, u32 n)
{
	u32 i = 0, last;
	bool before;
	int ret;

	while ((last = 2 * i + 1) < n) {
		if (last + 1 < n) {
			ret = ktap_entry_before(so, last, last + 1, &before);
			if (ret)
				return ret;
			last += before;
		}
		ret = ktap_entry_before(so, i, last, &before);
		if (ret)
			return ret;
		if (!before)
			break;
		ktap_entry_swap(so, i, last);
		i = last;
	}
	return 0;
}

/* Makes the entry that is looked at one of the result: a new one, or the root. */
static int ktap_sort_keep(struct ktap_sort *so)
{
	struct ktap_val *key = &so->r[KTAP_SORT_KEY], *v = &so->r[KTAP_SORT_VALUE];
	bool root = so->s->used == so->limit;
	struct ktap_exec *x = so->x;
	struct ktap_vm *vm = x->vm;
	struct ktap_val k = { .type = KTAP_NIL }, w = { .type = KTAP_NIL };
	struct ktap_entry *e;
	unsigned int tries = 0;
	int ret;

	if (v->type == KTAP_AGG && !v->g->keys) {
		struct ktap_agg *p = ktap_agg_picture(x, v->g, false);

		/* without memory, what it is sorted by may go on changing */
		if (!IS_ERR(p))
			v->g = p;
	}
	for (;;) {
		ret = ktap_val_own(vm, &k, key, x->nmi);
		if (!ret) {
			ret = ktap_val_own(vm, &w, v, x->nmi);
			if (ret)
				ktap_val_put(vm, &k, x->nmi);
		}
		if (!ret) {
			e = root ? ktap_entry(so->s, 0) : ktap_stripe_append(vm, so->s, x->nmi);
			if (!IS_ERR(e))
				break;
			ret = PTR_ERR(e);
			ktap_val_put(vm, &k, x->nmi);
			ktap_val_put(vm, &w, x->nmi);
		}
		ret = ktap_table_failed(x, ret, &tries);
		if (ret)
			return min(ret, 0);
	}
	if (root) {
		ktap_val_put(vm, &e->key, x->nmi);
		ktap_val_put(vm, &e->v, x->nmi);
	}
	e->key = k;
	e->v = w;
	return root ? ktap_sift_down(so, so->s->used) : ktap_sift_up(so, so->s->used - 1);
}

static int ktap_sort_run(struct ktap_sort *so, struct ktap_table *t)
{
	struct ktap_val *r = so->r;
	unsigned int tries = 0;
	u64 cursor = 0;
	bool before;
	u32 n;
	int ret;

	while (so->limit) {
		ret = ktap_table_next(so->x, t, &cursor, &r[KTAP_SORT_KEY], &r[KTAP_SORT_VALUE]);
		if (ret <= 0) {
			if (ret)
				return ret;
			break;
		}
		/* also a single one has to have what it is sorted by */
		if (so->by >= KTAP_BY_COUNT && so->by <= KTAP_BY_STDDEV) {
			struct ktap_val v;

			ret = ktap_sort_value(so, &r[KTAP_SORT_VALUE], &v);
			if (ret)
				return ret;
		}
		if (so->s->used == so->limit) {
			const struct ktap_entry *e = ktap_entry(so->s, 0);

			ret = ktap_before(so, &r[KTAP_SORT_KEY], &r[KTAP_SORT_VALUE], &e->key,
					  &e->v, &before);
			if (ret)
				return ret;
			if (!before)
				continue;
		}
		ret = ktap_sort_keep(so);
		if (ret)
			return ret;
	}
	for (n = so->s->used; n > 1; n--) {
		ktap_entry_swap(so, 0, n - 1);
		ret = ktap_sift_down(so, n - 1);
		if (ret)
			return ret;
	}
	ktap_exec_charge(so->x, so->s->used);
	do {
		/* it fails before it has begun, or not at all */
		ret = ktap_stripe_index(so->x->vm, so->s, so->x->nmi);
		if (ret)
			ret = ktap_table_failed(so->x, ret, &tries);
		else
			break;
	} while (!ret);
	/* in handlers: it can be gone through, which it is for, and the loss is counted */
	return min(ret, 0);
}

/* Sorts what is in @v, a table or an aggregation, and leaves the result there. */
static int ktap_sort(struct ktap_sort *so, struct ktap_val *v)
{
	struct ktap_exec *x = so->x;
	struct ktap_table *result, *t;
	unsigned int i;
	int ret = 0;

	so->r = ktap_exec_stack_top(x);
	for (i = 0; i < KTAP_SORT_CALL; i++)
		ktap_set_nil(&so->r[i]);
	x->top = so->r + KTAP_SORT_CALL;
	if (v->type == KTAP_AGG) {
		so->r[KTAP_SORT_SOURCE] = *v;
		ret = ktap_agg_source(x, v->g, &so->r[KTAP_SORT_SOURCE]);
		if (ret)
			return ret;
		t = so->r[KTAP_SORT_SOURCE].t;
	} else {
		t = v->t;
	}
	result = ktap_table_new(x, 1);
	if (IS_ERR(result)) {
		if (x->setup)
			return ktap_no_memory(x, PTR_ERR(result));
		ktap_lost_update(x->vm, PTR_ERR(result));
		result = x->vm->full_table;
		so->limit = 0;
	}
	so->r[KTAP_SORT_RESULT] = (struct ktap_val){ .t = result, .type = KTAP_TABLE };
	so->s = ktap_stripe(result, 0);
	if (so->limit)
		ret = ktap_sort_run(so, t);
	*v = so->r[KTAP_SORT_RESULT];
	return ret;
}

static int ktap_sort_how(struct ktap_sort *so, const struct ktap_str *s)
{
	static const char * const words[] = {
		[KTAP_BY_KEY] = "key", [KTAP_BY_VALUE] = "value", [KTAP_BY_COUNT] = "count",
		[KTAP_BY_SUM] = "sum", [KTAP_BY_AVG] = "avg", [KTAP_BY_MIN] = "min",
		[KTAP_BY_MAX] = "max", [KTAP_BY_STDDEV] = "stddev",
	};
	const char *p = s->data;
	u32 len = s->len, i;
	char text[32];

	if (len && *p == '-') {
		so->desc = true;
		p++;
		len--;
	}
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (len == strlen(words[i]) && !memcmp(p, words[i], len)) {
			so->by = i;
			return 0;
		}
	}
	ktap_printable(text, sizeof(text), s);
	return ktap_error(so->x, "sort_pairs(): unknown order '%s', take one of %s, or '-' and one",
			  text, "key value count sum avg min max stddev");
}

/**
 * ktap_table_sort() - sort_pairs()
 * @x: the running exec
 * @args: a table or aggregation, which the result replaces; how, or nil; the
 *	number of entries wanted, or nil
 * @nargs: how many of them there are
 *
 * Return: 0, or an error.
 */
int ktap_table_sort(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	struct ktap_sort so = { .x = x, .by = KTAP_BY_VALUE, .limit = U32_MAX };
	int ret;

	if (nargs > 1 && args[1].type == KTAP_STR) {
		ret = ktap_sort_how(&so, args[1].s);
		if (ret)
			return ret;
	} else if (nargs > 1 && args[1].type == KTAP_FUNC) {
		so.by = KTAP_BY_FUNC;
		so.fn = &args[1];
	} else if (nargs > 1 && args[1].type != KTAP_NIL) {
		return ktap_error(x, "wrong type of argument 2: %s expected, not %s",
				  "function or string", ktap_type_name(&args[1]));
	}
	if (nargs > 2 && args[2].type != KTAP_NIL) {
		if (args[2].type != KTAP_INT)
			return ktap_error(x, "wrong type of argument 3: number expected, not %s",
					  ktap_type_name(&args[2]));
		if (args[2].i < 0)
			return ktap_error(x, "sort_pairs(): the limit is negative");
		so.limit = min_t(s64, args[2].i, U32_MAX);
	}
	return ktap_sort(&so, &args[0]);
}

/**
 * ktap_table_top() - the entries with the greatest values
 * @x: the running exec
 * @args: a table or aggregation, which the result replaces
 * @n: how many entries are wanted
 *
 * Return: 0, or an error.
 */
int ktap_table_top(struct ktap_exec *x, struct ktap_val *args, s64 n)
{
	struct ktap_sort so = { .x = x, .by = KTAP_BY_VALUE, .desc = true };

	so.limit = clamp_t(s64, n, 0, U32_MAX);
	return ktap_sort(&so, &args[0]);
}
