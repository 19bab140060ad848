// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: tables, aggregations, strings and records hold what was put in.
 *
 * The input is a sequence of operations, each of which a model does as well, with
 * arrays and loops.  Operations are those of handlers, on several CPUs and levels;
 * blocks of the pool are missing, locks are taken when an NMI comes, and NMIs add
 * to the same table between any two steps.  An operation either happens wholly,
 * or not at all and is counted.  At the end the heap is looked at as a whole.
 */
#include "agg.h"
#include "fuzz.h"
#include "host_env.h"
#include "table.h"
#include "vmtest.h"
#include "watch.h"

static struct host_env env;
static struct ktap_vm *vm;
static struct asm_img image;

/*
 * The input
 */
static const uint8_t *in, *in_end;

static unsigned int byte(void)
{
	return in < in_end ? *in++ : 0;
}

static s64 number(void)
{
	static const s64 some[] = {
		0, 1, 2, 3, 7, 8, 9, 16, 63, 64, 65, 100, 255, 256, 1000, 1024,
		-1, -2, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, INT64_MAX - 1, 1LL << 62,
	};
	unsigned int b = byte();
	u64 v;

	if (b < 128)
		return some[b % ARRAY_SIZE(some)];
	if (b < 192)
		return b - 160;
	v = byte();
	v |= (u64)byte() << 8;
	/* any power of two, and what is beside it */
	return (s64)((v & 7) ? (1ULL << (v >> 8 & 63)) + (v & 7) - 4 : v << (v >> 10 & 63));
}

/*
 * The exec of a handler, as it is between instructions
 */
static struct ktap_exec *begin(unsigned int cpu, unsigned int level)
{
	struct ktap_exec *x;

	shim_cpu = cpu % SHIM_CPUS;
	shim_level = level % SHIM_LEVELS;
	x = ktap_exec_enter();
	FUZZ_CHECK(x);
	x->vm = vm;
	x->event = NULL;
	x->arena_pos = 0;
	x->fuel = 1 << 30;
	x->left = 1 << 30;
	x->frame = NULL;
	x->top = NULL;
	watch_run(x);
	return x;
}

static void end(struct ktap_exec *x)
{
	ktap_exec_end_temps(x);
	ktap_exec_leave(x);
	shim_cpu = 0;
	shim_level = 0;
	FUZZ_CHECK(!shim_held && !ktap_vm_failed(vm));
}

static u64 losses(void)
{
	return ktap_vm_losses(vm, KTAP_LOSS_TABLE) + ktap_vm_losses(vm, KTAP_LOSS_BUSY);
}

/*
 * The table
 */
#define NKEYS	200

static struct ktap_table *table;

static struct {
	bool there;
	bool str;
	s64 n;
} want[NKEYS];

/* Added by NMIs, to a key of their own */
static s64 want_nmi;

static void make_key(struct ktap_exec *x, unsigned int k, struct ktap_val *v)
{
	char text[32];
	struct ktap_val *r;

	switch (k % 3) {
	case 0:
		ktap_set_int(v, k);
		break;
	case 1:
		FUZZ_CHECK(!ktap_set_str(x, v, text, snprintf(text, sizeof(text), "key %u", k)));
		break;
	default:
		r = x->stack + 8;
		FUZZ_CHECK(!ktap_set_str(x, &r[1], text, snprintf(text, sizeof(text), "%u", k)));
		ktap_set_int(&r[2], k);
		FUZZ_CHECK(!ktap_op_tuple(x, r, I(TUPLE, 0, 1, 2)));
		*v = r[0];
		break;
	}
}

static unsigned int key_nr(const struct ktap_val *v)
{
	struct ktap_val part;
	const char *bytes;
	size_t pos = 0;
	u32 len;

	switch (v->type) {
	case KTAP_INT:
		return v->i;
	case KTAP_STR:
		FUZZ_CHECK(!strncmp(v->s->data, "key ", 4));
		return atoi(v->s->data + 4);
	case KTAP_TUPLE:
		pos = ktap_tuple_next(v->s, 0, &part, &bytes, &len);
		pos = ktap_tuple_next(v->s, pos, &part, &bytes, &len);
		FUZZ_CHECK(part.type == KTAP_INT && pos == v->s->len);
		return part.i;
	default:
		FUZZ_CHECK(!"a key");
		return 0;
	}
}

static void make_value(struct ktap_exec *x, bool str, s64 n, struct ktap_val *v)
{
	char text[32];

	ktap_set_int(v, n);
	if (str)
		FUZZ_CHECK(!ktap_set_str(x, v, text, snprintf(text, sizeof(text), "%lld",
							      (long long)n)));
}

/* The table has for key @k what it should have. */
static void check_entry(unsigned int k, const struct ktap_val *v)
{
	if (!want[k].there)
		FUZZ_CHECK(v->type == KTAP_NIL);
	else if (want[k].str)
		FUZZ_CHECK(v->type == KTAP_STR && atoll(v->s->data) == want[k].n);
	else
		FUZZ_CHECK(v->type == KTAP_INT && v->i == want[k].n);
}

static void lock_stripes(bool lock)
{
	u32 i;

	for (i = 0; i < table->nstripes; i++) {
		if (lock)
			ktap_spin_lock(&ktap_stripe(table, i)->lock);
		else
			ktap_spin_unlock(&ktap_stripe(table, i)->lock, 0);
	}
}

/* An NMI between two steps */
static void interrupt(void)
{
	unsigned int level = shim_level;
	struct ktap_val key;
	struct ktap_exec *x;
	u64 lost = losses();
	unsigned int cpu = shim_cpu;

	if (level == SHIM_LEVELS - 1)
		return;
	x = begin(cpu, SHIM_LEVELS - 1);
	ktap_set_int(&key, NKEYS);
	FUZZ_CHECK(!ktap_table_add(x, table, &key, 1));
	FUZZ_CHECK(losses() <= lost + 1);
	want_nmi += losses() == lost;
	/* what it counted is not of what it interrupted */
	atomic_long_set(&vm->lost[KTAP_LOSS_TABLE], 0);
	atomic_long_set(&vm->lost[KTAP_LOSS_BUSY], lost);
	ktap_exec_end_temps(x);
	ktap_exec_leave(x);
	shim_cpu = cpu;
	shim_level = level;
}

static void change_entry(struct ktap_exec *x, unsigned int op, bool locked)
{
	unsigned int k = byte() % NKEYS;
	bool str = op % 4 == 1;
	struct ktap_val key, v;
	u64 lost = losses();
	s64 n = number();

	make_key(x, k, &key);
	switch (op % 4) {
	case 0:
	case 1:
		make_value(x, str, n, &v);
		if (locked)
			lock_stripes(true);
		FUZZ_CHECK(!ktap_table_set(x, table, &key, &v));
		break;
	case 2:
		if (want[k].there && want[k].str)
			return;
		if (locked)
			lock_stripes(true);
		FUZZ_CHECK(!ktap_table_add(x, table, &key, n));
		n += want[k].there ? (u64)want[k].n : 0;
		break;
	default:
		if (locked)
			lock_stripes(true);
		FUZZ_CHECK(!ktap_table_delete(x, table, &key));
		break;
	}
	if (locked)
		lock_stripes(false);
	FUZZ_CHECK(losses() <= lost + 1);
	FUZZ_CHECK(!locked || losses() == lost + 1);
	if (losses() == lost) {
		want[k].there = op % 4 != 3;
		want[k].str = str;
		want[k].n = n;
	}
	ktap_vm_lost(vm, KTAP_LOSS_TABLE, lost - losses());
	FUZZ_CHECK(!ktap_table_get(x, table, &key, &v));
	check_entry(k, &v);
	FUZZ_CHECK(ktap_table_has(x, table, &key) == want[k].there);
}

static void read_entry(struct ktap_exec *x, bool locked)
{
	unsigned int k = byte() % NKEYS;
	struct ktap_val key, v;
	u64 lost = losses();

	make_key(x, k, &key);
	if (locked)
		lock_stripes(true);
	FUZZ_CHECK(!ktap_table_get(x, table, &key, &v));
	if (locked)
		lock_stripes(false);
	FUZZ_CHECK(losses() == lost + locked);
	if (locked)
		FUZZ_CHECK(v.type == KTAP_NIL);
	else
		check_entry(k, &v);
}

/* Each entry once; some are deleted on the way, and some are made */
static void iterate(struct ktap_exec *x, struct ktap_table *t, bool change)
{
	unsigned int k, n = 0, most = 4 * NKEYS, kill = byte();
	bool seen[NKEYS + 1] = {}, had[NKEYS];
	struct ktap_val key, v;
	u64 cursor = 0, lost;

	for (k = 0; k < NKEYS; k++)
		had[k] = want[k].there;
	for (;;) {
		x->arena_pos = 0;
		lost = losses();
		if (!ktap_table_next(x, t, &cursor, &key, &v))
			break;
		FUZZ_CHECK(losses() == lost && --most);
		k = key_nr(&key);
		FUZZ_CHECK(k <= NKEYS && (!seen[k] || change));
		seen[k] = true;
		if (k == NKEYS)
			continue;
		check_entry(k, &v);
		n++;
		if (!change)
			continue;
		k = (k + kill) % NKEYS;
		make_key(x, k, &key);
		if (kill & 64 && want[k].there) {
			FUZZ_CHECK(!ktap_table_delete(x, t, &key));
			want[k].there = false;
			had[k] = false;
		} else if (kill & 128 && n < 20 && !want[k].there) {
			ktap_set_int(&v, n);
			FUZZ_CHECK(!ktap_table_set(x, t, &key, &v));
			want[k].there = losses() == lost;
			want[k].str = false;
			want[k].n = n;
			ktap_vm_lost(vm, KTAP_LOSS_TABLE, lost - losses());
		}
	}
	/* what was there all the time */
	for (k = 0; k < NKEYS; k++)
		FUZZ_CHECK(!had[k] || seen[k]);
}

static void forget(void)
{
	memset(want, 0, sizeof(want));
	want_nmi = 0;
}

static void whole_table(struct ktap_exec *x, unsigned int op)
{
	struct ktap_val v = { .t = table, .type = KTAP_TABLE };
	unsigned int k, n = 0;

	for (k = 0; k < NKEYS; k++)
		n += want[k].there;
	FUZZ_CHECK(ktap_table_len(table) == n + !!want_nmi);
	switch (op % 8) {
	case 0:
		FUZZ_CHECK(!ktap_table_clear(x, table));
		forget();
		FUZZ_CHECK(!ktap_table_len(table));
		break;
	case 1:
		FUZZ_CHECK(!ktap_table_take(x, &v));
		if (v.t == vm->full_table)
			break;
		FUZZ_CHECK(!ktap_table_len(table) && v.t != table);
		iterate(x, v.t, false);
		forget();
		break;
	case 2:
		/* the worker */
		end(x);
		shim_run_work();
		ktap_pool_refill(&vm->pool);
		begin(0, 0);
		break;
	default:
		iterate(x, table, op % 8 > 4);
		break;
	}
}

/*
 * Aggregations: what was added, and the row that each belongs to
 */
#define NVALUES	128
#define NAGGKEYS 5

static struct ktap_agg *agg;
static s64 values[NAGGKEYS][NVALUES];	/* without a key, and by key */
static unsigned int nvalues[NAGGKEYS];

/* The least value of the row of @v, by what the rows are said to be */
static s64 row_low(const struct ktap_agg_def *def, s64 v)
{
	u64 low, next, width;
	unsigned int i;

	switch (def->kind) {
	case KTAP_AGG_HIST:
		if (v < 0)
			return S64_MIN;
		for (i = 63; i > def->bits; i--) {
			if (v >> i)
				return v >> (i - def->bits) << (i - def->bits);
		}
		return v;
	case KTAP_AGG_LHIST:
		if (v < def->par[0])
			return S64_MIN;
		if (v >= def->par[1])
			return def->par[1];
		return def->par[0] + ((u64)v - def->par[0]) / def->par[2] * def->par[2];
	default:
		for (low = 1, i = 0; i < def->par[1]; i++)
			low *= def->par[0];
		if (v < (s64)low)
			return S64_MIN;
		for (; i <= def->par[2]; i++, low = next) {
			next = low * def->par[0];
			width = max(next / (u64)def->par[3], 1ull);
			if ((u64)v < next)
				return low + (v - low) / width * width;
		}
		return low;
	}
}

static void make_def(struct ktap_agg_def *def)
{
	unsigned int kind = byte() % (KTAP_AGG_LLHIST + 1);
	s64 lo, steps;

	*def = (struct ktap_agg_def){ .kind = kind ?: KTAP_AGG_COUNT };
	switch (kind) {
	case KTAP_AGG_HIST:
		FUZZ_CHECK(!ktap_def_hist(def, byte() % 7));
		break;
	case KTAP_AGG_LHIST:
		lo = number();
		steps = 1 + byte();
		if (ktap_def_lhist(def, lo, number(), steps))
			FUZZ_CHECK(!ktap_def_lhist(def, -10, 100, steps));
		break;
	case KTAP_AGG_LLHIST:
		lo = 2 + byte() % 12;
		steps = lo * (1 + byte() % 10);
		if (ktap_def_llhist(def, lo, byte() % 4, byte() % 8, steps))
			FUZZ_CHECK(!ktap_def_llhist(def, 10, 0, 6, 20));
		break;
	}
}

static void check_stat(const struct ktap_stat *s, unsigned int k, bool count_only)
{
	s64 least = S64_MAX, most = S64_MIN;
	__int128 sum = 0;
	unsigned int i;

	for (i = 0; i < nvalues[k]; i++) {
		sum += values[k][i];
		least = min(least, values[k][i]);
		most = max(most, values[k][i]);
	}
	FUZZ_CHECK(s->count == nvalues[k]);
	if (count_only || !nvalues[k])
		return;
	FUZZ_CHECK(s->min == least && s->max == most);
	FUZZ_CHECK(s->sum == (u64)sum && s->sum_hi == (s64)(sum >> 64));
	FUZZ_CHECK(ktap_stat_avg(s) == (s64)(sum / nvalues[k]));
}

static void check_agg_of(struct ktap_exec *x, struct ktap_agg *g, unsigned int k)
{
	u64 buckets[KTAP_CHUNK_BUCKETS];
	struct ktap_stat s;
	u32 i, n, b;

	FUZZ_CHECK(ktap_agg_stat(x, g, &s));
	check_stat(&s, k, g->def.kind == KTAP_AGG_COUNT);
	if (!ktap_is_hist(&g->def))
		return;
	for (i = 0; i < nvalues[k]; i++) {
		s64 low = row_low(&g->def, values[k][i]);
		u64 same = 0;

		for (n = 0; n < nvalues[k]; n++)
			same += row_low(&g->def, values[k][n]) == low;
		b = ktap_agg_bucket(&g->def, values[k][i]);
		FUZZ_CHECK(b < g->def.nbuckets && ktap_agg_low(&g->def, b) == low);
		ktap_agg_chunk(x, g, b / KTAP_CHUNK_BUCKETS, buckets);
		FUZZ_CHECK(buckets[b % KTAP_CHUNK_BUCKETS] == same);
	}
}

/* What is kept for key @k */
static void check_agg_key(struct ktap_exec *x, struct ktap_agg *g, unsigned int k)
{
	s64 want = 0;
	struct ktap_val key, v;
	unsigned int i;

	ktap_set_int(&key, k);
	FUZZ_CHECK(!ktap_table_get(x, g->keys, &key, &v));
	if (!nvalues[k]) {
		FUZZ_CHECK(v.type == KTAP_NIL);
		return;
	}
	if (!ktap_is_inline(&g->def)) {
		FUZZ_CHECK(v.type == KTAP_AGG);
		check_agg_of(x, v.g, k);
		return;
	}
	for (i = 0; i < nvalues[k]; i++) {
		if (g->def.kind == KTAP_AGG_COUNT)
			want++;
		else if (g->def.kind == KTAP_AGG_SUM)
			want = (u64)want + values[k][i];
		else if (!i)
			want = values[k][i];
		else
			want = g->def.kind == KTAP_AGG_MIN ? min(want, values[k][i]) :
			       max(want, values[k][i]);
	}
	FUZZ_CHECK(v.type == KTAP_INT && v.i == want);
}

static void add_value(struct ktap_exec *x)
{
	unsigned int k = byte() % NAGGKEYS;
	struct ktap_val key;
	u64 lost = losses();
	s64 n = number();

	if (nvalues[k] == NVALUES)
		return;
	ktap_set_int(&key, k);
	FUZZ_CHECK(!(k ? ktap_agg_add_key(x, agg, &key, n) : ktap_agg_add(x, agg, n)));
	FUZZ_CHECK(losses() <= lost + 1);
	if (losses() == lost)
		values[k][nvalues[k]++] = n;
	ktap_vm_lost(vm, KTAP_LOSS_TABLE, lost - losses());
}

static void look_at_agg(struct ktap_exec *x, unsigned int op)
{
	struct ktap_val v = { .g = agg, .type = KTAP_AGG };
	struct ktap_agg *g = agg;
	long blocks = shim_blocks;
	struct ktap_stat s, rest;
	unsigned int k;

	if (op % 8 == 0) {
		FUZZ_CHECK(!ktap_agg_take(x, &v));
		g = v.g;
		/* there was no memory to take it to */
		if (g == vm->full_agg)
			g = agg;
		if (g != agg && blocks < shim_fail_block && shim_blocks >= shim_fail_block) {
			/* nor for all of it: the rest stays where it was */
			FUZZ_CHECK(ktap_agg_stat(x, g, &s) && ktap_agg_stat(x, agg, &rest));
			ktap_stat_merge(&s, &rest);
			check_stat(&s, 0, agg->def.kind == KTAP_AGG_COUNT);
			FUZZ_CHECK(!ktap_agg_clear(x, agg));
			memset(nvalues, 0, sizeof(nvalues));
			return;
		}
	}
	check_agg_of(x, g, 0);
	for (k = 1; k < NAGGKEYS; k++)
		check_agg_key(x, g, k);
	if (op % 8 == 1)
		FUZZ_CHECK(!ktap_agg_clear(x, agg));
	if (g != agg || op % 8 == 1) {
		memset(nvalues, 0, sizeof(nvalues));
		check_agg_of(x, agg, 0);
	}
}

/*
 * Records
 */
#define NPRINT	6

static char long_text[KTAP_MAX_STR];

static size_t some_length(void)
{
	unsigned int b = byte();

	return b < 128 ? b % 20 : b < 192 ? byte() : byte() * 16 + byte() % 17;
}

/* A part of a key or a value to print, in a register */
static void make_print(struct ktap_exec *x, struct ktap_val *r, bool whole)
{
	size_t len;

	switch (byte() % 6) {
	case 0:
		ktap_set_nil(r);
		break;
	case 1:
		ktap_set_bool(r, byte() & 1);
		break;
	case 2:
		ktap_set_int(r, number());
		break;
	case 3:
		if (whole) {
			make_print(x, &r[1], false);
			make_print(x, &r[2], false);
			if (r[1].type == KTAP_STR && r[2].type == KTAP_STR &&
			    r[1].s->len + r[2].s->len > KTAP_MAX_STR - 10)
				ktap_set_int(&r[1], 5);
			if (!ktap_op_tuple(x, r, I(TUPLE, 0, 1, 2)))
				break;
		}
		fallthrough;
	default:
		len = min_t(size_t, some_length(), 4000);
		/* no register holds what has been made: it must not have to move */
		if (x->arena_size - x->arena_pos < 2 * KTAP_ARENA_RESERVE + 2 * len + 1024)
			len %= 20;
		FUZZ_CHECK(!ktap_set_str(x, r, long_text, len));
		break;
	}
}

static size_t check_printed(const char *p, const struct ktap_val *v, bool part,
			    unsigned long *cut)
{
	const struct ktap_rec_val *rec = (const void *)p;
	size_t size = ALIGN(sizeof(*rec) + rec->len, 8), pos = 0, at = 0, next;
	struct ktap_val sub;
	struct ktap_str *s;
	const char *bytes;
	u32 len = 0;

	*cut += !!(rec->flags & KTAP_VALF_TRUNCATED);
	switch (v->type) {
	case KTAP_NIL:
		FUZZ_CHECK(rec->type == KTAP_VAL_NIL);
		break;
	case KTAP_BOOL:
		FUZZ_CHECK(rec->type == (v->i ? KTAP_VAL_TRUE : KTAP_VAL_FALSE));
		break;
	case KTAP_INT:
		FUZZ_CHECK(rec->type == KTAP_VAL_INT && rec->len == 8 &&
			   !memcmp(rec->data, &v->i, 8));
		break;
	case KTAP_STR:
		s = v->s;
		FUZZ_CHECK(rec->type == KTAP_VAL_STR && !memcmp(rec->data, s->data, rec->len));
		FUZZ_CHECK(rec->flags ? rec->len < s->len : rec->len == s->len);
		break;
	case KTAP_TUPLE:
		FUZZ_CHECK(rec->type == KTAP_VAL_TUPLE && !part);
		while ((next = ktap_tuple_next(v->s, pos, &sub, &bytes, &len)) && at < rec->len) {
			if (sub.type == KTAP_STR) {
				const struct ktap_rec_val *r = (const void *)(rec->data + at);

				FUZZ_CHECK(r->type == KTAP_VAL_STR &&
					   !memcmp(r->data, bytes, r->len));
				FUZZ_CHECK(r->flags ? r->len < len : r->len == len);
				*cut += !!r->flags;
				at += ALIGN(sizeof(*r) + r->len, 8);
			} else {
				at += check_printed((const char *)rec->data + at, &sub, true, cut);
			}
			pos = next;
		}
		FUZZ_CHECK(at == rec->len);
		/* all parts, or it says so */
		FUZZ_CHECK(rec->flags || pos == v->s->len);
		break;
	}
	return size;
}

static size_t full_size(const struct ktap_val *v)
{
	size_t size = sizeof(struct ktap_rec_val), pos = 0;
	struct ktap_val sub;
	const char *bytes;
	u32 len;

	if (v->type == KTAP_INT)
		return size + 8;
	if (v->type == KTAP_STR)
		return ALIGN(size + v->s->len, 8);
	while (v->type == KTAP_TUPLE &&
	       (pos = ktap_tuple_next(v->s, pos, &sub, &bytes, &len)))
		size += sub.type == KTAP_STR ? ALIGN(sizeof(struct ktap_rec_val) + len, 8) :
			full_size(&sub);
	return size;
}

static void print_values(struct ktap_exec *x)
{
	u64 lost = ktap_vm_losses(vm, KTAP_LOSS_STRING);
	unsigned int i, n = 1 + byte() % NPRINT;
	struct ktap_val v[NPRINT];
	unsigned long cut = 0;
	size_t at, size = 0;

	for (i = 0; i < n; i++) {
		/* three registers each: the parts of a compound key */
		make_print(x, x->stack + 16, true);
		v[i] = x->stack[16];
		size += full_size(&v[i]);
	}
	memcpy(x->stack, v, n * sizeof(*v));
	host_env_reset(&env);
	FUZZ_CHECK(!ktap_print(x, KTAP_REC_PRINT, x->stack, n));
	FUZZ_CHECK(fuzz_check_records(vm, env.records, env.len));
	at = sizeof(struct ktap_rec);
	for (i = 0; i < n; i++)
		at += check_printed(env.records + at, &v[i], false, &cut);
	FUZZ_CHECK(at == env.len);
	/*
	 * Nothing is cut that would have had room, but for the head of a value, which
	 * may be kept free for the others; and each cut is counted once.
	 */
	FUZZ_CHECK(size > KTAP_OUT_MAX - n * 2 * sizeof(struct ktap_rec_val) || !cut);
	FUZZ_CHECK(ktap_vm_losses(vm, KTAP_LOSS_STRING) == lost + cut);
}

/*
 * Strings
 */
static size_t model_text(char *buf, const struct ktap_val *v)
{
	struct ktap_val sub;
	const char *bytes;
	size_t pos = 0, n = 0;
	bool some = false;
	u32 len;

	switch (v->type) {
	case KTAP_NIL:
	case KTAP_LATE:
		return sprintf(buf, "nil");
	case KTAP_BOOL:
		return sprintf(buf, v->i ? "true" : "false");
	case KTAP_INT:
		return sprintf(buf, "%lld", (long long)v->i);
	case KTAP_STR:
		memcpy(buf, v->s->data, v->s->len);
		return v->s->len;
	}
	while ((pos = ktap_tuple_next(v->s, pos, &sub, &bytes, &len))) {
		if (some)
			n += sprintf(buf + n, ", ");
		some = true;
		if (sub.type == KTAP_STR) {
			memcpy(buf + n, bytes, len);
			n += len;
		} else {
			n += model_text(buf + n, &sub);
		}
	}
	return n;
}

static void join_values(struct ktap_exec *x)
{
	static char text[NPRINT * (KTAP_MAX_STR + 64)];
	u64 lost = ktap_vm_losses(vm, KTAP_LOSS_FAULT);
	unsigned int i, n = 1 + byte() % 3, late = 0;
	struct ktap_val v[3], out;
	size_t len = 0;

	for (i = 0; i < n; i++) {
		make_print(x, x->stack + 16, true);
		v[i] = x->stack[16];
		/* a string that is not there yet is nil, and counted */
		if (v[i].type == KTAP_BOOL && byte() & 1) {
			v[i] = (struct ktap_val){ .type = KTAP_LATE, .i = 0x120000 };
			late++;
		}
		len += model_text(text + len, &v[i]);
	}
	if (len > KTAP_MAX_STR)
		return;
	memcpy(x->stack, v, n * sizeof(*v));
	FUZZ_CHECK(!ktap_concat(x, x->stack, n, &out));
	FUZZ_CHECK(out.type == KTAP_STR && out.s->len == len && !memcmp(out.s->data, text, len));
	FUZZ_CHECK(ktap_vm_losses(vm, KTAP_LOSS_FAULT) == lost + late);
}

/* What is longer than a string may be is cut, and counted. */
static void cut_string(struct ktap_exec *x)
{
	static char text[KTAP_MAX_STR + 256];
	u64 lost = ktap_vm_losses(vm, KTAP_LOSS_STRING);
	size_t len = KTAP_MAX_STR - 128 + byte();
	struct ktap_val v;

	FUZZ_CHECK(!ktap_set_str(x, &v, text, len));
	FUZZ_CHECK(v.s->len == min_t(size_t, len, KTAP_MAX_STR));
	FUZZ_CHECK(ktap_vm_losses(vm, KTAP_LOSS_STRING) == lost + (len > KTAP_MAX_STR));
}

/* A string of few different letters, so that there is something to find */
static void make_word(struct ktap_exec *x, struct ktap_val *v, unsigned int most)
{
	unsigned int i, n = byte() % most, bits = byte();
	char text[256];

	for (i = 0; i < n; i++)
		text[i] = 'a' + (bits >> i % 8 & 1);
	FUZZ_CHECK(!ktap_set_str(x, v, text, n));
}

/* @from in @s becomes @to, as far as there is room for the result */
static ssize_t model_replace(char *out, const struct ktap_str *s, const struct ktap_str *from,
			     const struct ktap_str *to)
{
	size_t pos = 0, n = 0;

	while (pos < s->len) {
		if (from->len && from->len <= s->len - pos &&
		    !memcmp(s->data + pos, from->data, from->len)) {
			memcpy(out + n, to->data, to->len);
			n += to->len;
			pos += from->len;
		} else {
			out[n++] = s->data[pos++];
		}
		if (n > KTAP_MAX_STR)
			return -1;
	}
	return n;
}

static void replace_word(struct ktap_exec *x)
{
	static char text[2 * KTAP_MAX_STR + 256];
	struct ktap_val *args = x->stack;
	ssize_t n;

	make_word(x, &args[0], 200);
	if (byte() < 16) {
		/* near the limit of a string */
		ktap_set_int(&args[1], args[0].s->len ? KTAP_MAX_STR / args[0].s->len : 0);
		FUZZ_CHECK(!ktap_bi_REP(x, args, 2));
	}
	make_word(x, &args[1], 4);
	make_word(x, &args[2], 6);
	n = model_replace(text, args[0].s, args[1].s, args[2].s);
	if (n < 0) {
		FUZZ_CHECK(ktap_bi_REPLACE(x, args, 3) == -EIO && ktap_vm_failed(vm));
		/* as if nothing had happened */
		atomic_set(&vm->err_state, 0);
		vm->stop = 0;
		return;
	}
	FUZZ_CHECK(!ktap_bi_REPLACE(x, args, 3));
	FUZZ_CHECK(args[0].type == KTAP_STR && args[0].s->len == n &&
		   !memcmp(args[0].s->data, text, n));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	unsigned int i;

	fuzz_keep_execs();
	shim_interrupt = interrupt;
	for (i = 0; i < sizeof(long_text); i++)
		long_text[i] = 'a' + i % 26;
	asm_init(&image);
	asm_global(&image, "t", KTAP_GLOBAL_TABLE);
	asm_global(&image, "s", KTAP_GLOBAL_NIL);
	asm_func(&image, "main", 0, 4, 0);
	asm_emit(&image, I(RET, 0, 1, 0));
	asm_finish(&image);
	return 0;
}

/* What the two globals hold */
static void make_objects(void)
{
	struct ktap_val v = { .type = KTAP_TABLE };
	unsigned int how = byte();
	struct ktap_agg_def def;
	struct ktap_exec *x;

	x = vm->setup;
	x->vm = vm;
	v.t = how & 1 ? ktap_table_new(x, 1) : vm->globals[0].v.t;
	FUZZ_CHECK(!IS_ERR(v.t));
	table = v.t;
	FUZZ_CHECK(!ktap_set_slot(x, &vm->globals[0], &v));
	make_def(&def);
	agg = ktap_agg_make(x, &def);
	FUZZ_CHECK(!IS_ERR(agg));
	v = (struct ktap_val){ .g = agg, .type = KTAP_AGG };
	FUZZ_CHECK(!ktap_set_slot(x, &vm->globals[1], &v));
	ktap_exec_collect(x);
}

static void operation(void)
{
	unsigned int op = byte(), where = byte();
	/* one of eight is in an NMI that finds the table locked */
	bool locked = where >> 5 == 0;
	struct ktap_exec *x = begin(where, locked ? SHIM_LEVELS - 1 : where >> 2);

	if (!locked)
		shim_ticks = where >> 5 == 1 ? 1 + op % 16 : 0;
	switch (op % 16) {
	case 0 ... 6:
		change_entry(x, op % 16, locked);
		break;
	case 7:
		read_entry(x, locked);
		break;
	case 8:
		shim_ticks = 0;
		whole_table(x, byte());
		break;
	case 9 ... 11:
		add_value(x);
		break;
	case 12:
		look_at_agg(x, byte());
		break;
	case 13:
		print_values(x);
		break;
	case 14:
		join_values(x);
		break;
	default:
		if (byte() < 32)
			cut_string(x);
		else
			replace_word(x);
		break;
	}
	shim_ticks = 0;
	x = shim_ktap_cpus[shim_cpu].x[shim_level];
	end(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ktap_vm_params params = { .mem_limit = 4 << 20 };
	unsigned int fail;

	in = data;
	in_end = data + size;
	forget();
	memset(nvalues, 0, sizeof(nvalues));
	shim_seed = byte();
	env.nrecords = 0;
	env.nlost = 0;
	shim_fail_block = 0;
	watch_begin(false, false);
	vm = ktap_vm_create(image.bytes, image.size, &params, &env, NULL);
	FUZZ_CHECK(!IS_ERR(vm));
	FUZZ_CHECK(!ktap_vm_run_main(vm));
	make_objects();
	fail = byte();
	shim_blocks = 0;
	shim_fail_block = fail < 128 ? fail : 0;
	while (in < in_end)
		operation();
	shim_fail_block = 0;
	shim_run_work();
	watch_check_heap(vm);
	fuzz_check_pool(&vm->pool);
	fuzz_check_guards();
	watch_end();
	ktap_vm_destroy(vm);
	FUZZ_CHECK(!shim_live);
	return 0;
}
