// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: aggregations.
 *
 * What is added without a key goes to the lane of the CPU: no other CPU writes
 * to it, so its cache line and its lock stay where they are.  A reader takes one
 * lane after the other and merges them.  A lane is made when its CPU adds for the
 * first time; where there is no memory for it, the CPU shares the lane that is
 * part of the aggregation.  An NMI may have interrupted the owner of the lane of
 * its CPU; it then takes that common one, which the interrupted code cannot hold
 * as well.  So it finds a place unless other CPUs hold one of the two for very
 * long, and if they do, the loss is counted (KTAP_LOSS_BUSY).
 *
 * What is added with a key is in an entry of a table, under the lock of its
 * stripe, as t[k] += n is: to find the entry takes that lock anyway, and lanes
 * for each key would multiply the memory by the number of CPUs.  If all that is
 * kept is one number, the entry holds it; else it is a small aggregation with
 * nothing but its home lane.
 *
 * Consistent pictures: an update happens with one lock held, that of a lane or
 * of a stripe, and whoever reads, clears or takes a lane or an entry does it with
 * the same lock held.  So each update is in a picture wholly or not at all; all
 * that had happened before the picture was begun are in it; and of what take()
 * leaves and what it gives, each update is in exactly one.  It is not an instant
 * across CPUs: while one lane is being read, others go on.
 *
 * Contexts: any.  Where memory is lacking, setup context waits for it; in
 * handlers what needed it is dropped and counted (KTAP_LOSS_TABLE).
 * Locks: ktap_lane.lock, one at a time, maybe inside that of a table; below it
 * that of the pool.
 */
#include <kunit/visibility.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/processor.h>
#include <linux/smp.h>

#include "agg.h"

/* How often an NMI tries the lanes that it may use */
#define KTAP_NMI_TRIES	256

#define KTAP_LINE	64

static u32 ktap_nchunks(const struct ktap_agg_def *def)
{
	return (def->nbuckets + KTAP_CHUNK_BUCKETS - 1) / KTAP_CHUNK_BUCKETS;
}

static void ktap_agg_set_up(struct ktap_agg *g, const struct ktap_agg_def *def)
{
	g->def = *def;
	ktap_spin_init(&g->home.lock);
}

/**
 * ktap_agg_make() - make an aggregation
 * @x: the exec that needs it; all its live values are in registers
 * @def: what it is to keep
 *
 * Return: the aggregation, known to @x alone, or an error pointer as ktap_new().
 */
struct ktap_agg *ktap_agg_make(struct ktap_exec *x, const struct ktap_agg_def *def)
{
	struct ktap_vm *vm = x->vm;
	struct ktap_table *keys;
	struct ktap_agg *g;

	g = ktap_new(x, sizeof(*g));
	if (IS_ERR(g))
		return g;
	ktap_agg_set_up(g, def);
	keys = ktap_table_new(x, ktap_table_stripes(x));
	if (IS_ERR(keys)) {
		ktap_pool_free(&vm->pool, g, sizeof(*g), x->nmi);
		return ERR_CAST(keys);
	}
	g->keys = keys;
	/* counted, by the aggregation, for as long as that lives */
	ktap_obj_share(vm, &g->keys->obj);
	/* those made in handlers are used by one CPU, or have many brothers */
	if (x->setup) {
		g->nlanes = min_t(u32, nr_cpu_ids, KTAP_MAX_LANES);
		g->lanes = ktap_new(x, g->nlanes * sizeof(*g->lanes));
		if (IS_ERR(g->lanes))
			g->lanes = NULL;
	}
	ktap_obj_init(x, &g->obj, KTAP_AGG);
	return g;
}
EXPORT_SYMBOL_IF_KUNIT(ktap_agg_make);

static void ktap_lane_free(struct ktap_vm *vm, const struct ktap_agg_def *def,
			   struct ktap_lane *lane, bool nmi)
{
	u32 i, n = ktap_nchunks(def);

	if (lane->chunks) {
		for (i = 0; i < n; i++) {
			if (lane->chunks[i])
				ktap_pool_free(&vm->pool, lane->chunks[i],
					       KTAP_CHUNK_BUCKETS * sizeof(u64), nmi);
		}
		ktap_pool_free(&vm->pool, lane->chunks, n * sizeof(*lane->chunks), nmi);
		lane->chunks = NULL;
	}
	if (lane->block)
		ktap_pool_free(&vm->pool, lane->block, lane->size, nmi);
}

/**
 * ktap_agg_trim() - free a lane of an aggregation that is to be freed
 * @vm: the VM
 * @g: the aggregation; nobody knows it any more
 *
 * Return: whether there may be more.
 */
bool ktap_agg_trim(struct ktap_vm *vm, struct ktap_agg *g)
{
	while (g->lanes && g->nlanes) {
		struct ktap_lane *lane = g->lanes[--g->nlanes];

		g->lanes[g->nlanes] = NULL;
		if (lane) {
			ktap_lane_free(vm, &g->def, lane, false);
			return true;
		}
	}
	return false;
}

/**
 * ktap_agg_free() - free an aggregation
 * @vm: the VM
 * @g: the aggregation; nobody knows it any more
 * @nmi: the caller is in NMI
 */
void ktap_agg_free(struct ktap_vm *vm, struct ktap_agg *g, bool nmi)
{
	u32 i, n = min_t(u32, nr_cpu_ids, KTAP_MAX_LANES);

	if (g->lanes) {
		for (i = 0; i < g->nlanes; i++) {
			if (g->lanes[i])
				ktap_lane_free(vm, &g->def, g->lanes[i], nmi);
		}
		ktap_pool_free(&vm->pool, g->lanes, n * sizeof(*g->lanes), nmi);
	}
	ktap_lane_free(vm, &g->def, &g->home, nmi);
	if (g->keys)
		ktap_obj_put(vm, &g->keys->obj, nmi);
	ktap_pool_free(&vm->pool, g, sizeof(*g), nmi);
}

/* Makes the lane of a CPU, which shares its cache lines with nothing. */
static struct ktap_lane *ktap_lane_new(struct ktap_exec *x, struct ktap_lane **where)
{
	size_t size = ALIGN(sizeof(struct ktap_lane), KTAP_LINE) + KTAP_LINE - 16;
	struct ktap_pool *pool = &x->vm->pool;
	struct ktap_lane *lane, *other;
	void *p;

	p = ktap_pool_alloc(pool, size, x->nmi);
	if (IS_ERR(p))
		return NULL;
	memset(p, 0, size);
	/* blocks are aligned to 16 */
	lane = PTR_ALIGN(p, KTAP_LINE);
	ktap_spin_init(&lane->lock);
	lane->block = p;
	lane->size = size;
	/* an interrupt may have been here since */
	other = cmpxchg(where, NULL, lane);
	if (!other)
		return lane;
	ktap_pool_free(pool, p, size, x->nmi);
	return other;
}

/*
 * A lock that a function returns with, or drops: sparse is told that the two
 * belong together.
 */
static void ktap_lane_unlock(struct ktap_lane *lane, unsigned long flags)
{
	ktap_unlock(&lane->lock, flags);
}

/* A lane to add to, locked; NULL if an NMI found all of them locked. */
static struct ktap_lane *ktap_lane_get(struct ktap_exec *x, struct ktap_agg *g,
				       unsigned long *flags)
{
	struct ktap_lane *lane = &g->home;
	unsigned int i;

	if (g->lanes) {
		u32 cpu = raw_smp_processor_id();
		struct ktap_lane **where;

		where = &g->lanes[likely(cpu < g->nlanes) ? cpu : cpu % g->nlanes];
		lane = READ_ONCE(*where);
		if (unlikely(!lane))
			lane = ktap_lane_new(x, where) ?: &g->home;
	}
	if (likely(!x->nmi)) {
		*flags = ktap_spin_lock(&lane->lock);
		return lane;
	}
	for (i = 0; i < KTAP_NMI_TRIES; i++) {
		struct ktap_lane *try = i & 1 ? &g->home : lane;

		if (ktap_spin_trylock(&try->lock, flags))
			return try;
		cpu_relax();
	}
	return NULL;
}

/* Locks a lane to read it; false if this is an NMI and somebody has it. */
static bool ktap_lane_lock(struct ktap_exec *x, struct ktap_lane *lane, unsigned long *flags)
{
	unsigned int i;

	for (i = 0; i < KTAP_NMI_TRIES; i++) {
		if (likely(ktap_lock(x->nmi, &lane->lock, flags)))
			return true;
		cpu_relax();
	}
	return false;
}

/* Lane @i of an aggregation; the first is that which always exists. */
static struct ktap_lane *ktap_lane_nr(struct ktap_agg *g, u32 i)
{
	return i ? READ_ONCE(g->lanes[i - 1]) : &g->home;
}

static u32 ktap_nlanes(const struct ktap_agg *g)
{
	return g->lanes ? 1 + g->nlanes : 1;
}

/* The chunk of a bucket, made if it is not there; the lane is locked. */
static u64 *ktap_lane_chunk(struct ktap_vm *vm, const struct ktap_agg_def *def,
			    struct ktap_lane *lane, u32 chunk, bool nmi)
{
	size_t size;
	void *p;

	if (unlikely(!lane->chunks)) {
		size = ktap_nchunks(def) * sizeof(*lane->chunks);
		p = ktap_pool_alloc(&vm->pool, size, nmi);
		if (IS_ERR(p))
			return p;
		lane->chunks = memset(p, 0, size);
	}
	if (unlikely(!lane->chunks[chunk])) {
		size = KTAP_CHUNK_BUCKETS * sizeof(u64);
		p = ktap_pool_alloc(&vm->pool, size, nmi);
		if (IS_ERR(p))
			return p;
		lane->chunks[chunk] = memset(p, 0, size);
	}
	return lane->chunks[chunk];
}

/* Adds a value, wholly or, without memory, not at all; the lane is locked. */
static int ktap_lane_add(struct ktap_vm *vm, const struct ktap_agg_def *def,
			 struct ktap_lane *lane, s64 n, bool nmi)
{
	if (ktap_is_hist(def)) {
		u32 bucket = ktap_agg_bucket(def, n);
		u64 *chunk;

		chunk = ktap_lane_chunk(vm, def, lane, bucket / KTAP_CHUNK_BUCKETS, nmi);
		if (IS_ERR(chunk))
			return PTR_ERR(chunk);
		chunk[bucket % KTAP_CHUNK_BUCKETS]++;
	}
	ktap_stat_add(&lane->s, def->kind, n);
	return 0;
}

/**
 * ktap_agg_add() - add a value
 * @x: the running exec
 * @g: the aggregation
 * @n: the value
 *
 * Return: 0, also if the update was dropped and counted; or an error.
 */
int ktap_agg_add(struct ktap_exec *x, struct ktap_agg *g, s64 n)
{
	unsigned int tries = 0;
	struct ktap_lane *lane;
	unsigned long flags;
	int ret;

	if (unlikely(g->full)) {
		ktap_vm_lost(x->vm, KTAP_LOSS_TABLE, 1);
		return 0;
	}
	for (;;) {
		lane = ktap_lane_get(x, g, &flags);
		if (unlikely(!lane)) {
			ktap_vm_lost(x->vm, KTAP_LOSS_BUSY, 1);
			return 0;
		}
		ret = ktap_lane_add(x->vm, &g->def, lane, n, x->nmi);
		ktap_lane_unlock(lane, flags);
		if (likely(!ret))
			return 0;
		ret = ktap_table_failed(x, ret, &tries);
		if (ret)
			return min(ret, 0);
	}
}
EXPORT_SYMBOL_IF_KUNIT(ktap_agg_add);

struct ktap_key_add {
	struct ktap_exec *x;
	const struct ktap_agg_def *def;
	s64 n;
};

/* An entry of a table whose lock is held. */
static int ktap_entry_add(void *data, struct ktap_val *v, bool fresh)
{
	struct ktap_key_add *a = data;
	const struct ktap_agg_def *def = a->def;
	struct ktap_vm *vm = a->x->vm;
	bool nmi = a->x->nmi;
	unsigned long flags;
	struct ktap_agg *g;
	int ret;

	if (ktap_is_inline(def)) {
		s64 n = def->kind == KTAP_AGG_COUNT ? 1 : a->n;

		if (!fresh) {
			/* only a forged image can have put anything else there */
			if (v->type != KTAP_INT || v->aux != def->kind)
				return -EINVAL;
			if (def->kind == KTAP_AGG_MIN)
				n = min(v->i, n);
			else if (def->kind == KTAP_AGG_MAX)
				n = max(v->i, n);
			else
				n = (u64)v->i + n;
		}
		*v = (struct ktap_val){ .i = n, .type = KTAP_INT, .aux = def->kind };
		return 0;
	}

	if (!fresh) {
		if (v->type != KTAP_AGG || v->g->keys ||
		    memcmp(&v->g->def, def, sizeof(*def)))
			return -EINVAL;
		g = v->g;
	} else {
		g = ktap_pool_alloc(&vm->pool, sizeof(*g), nmi);
		if (IS_ERR(g))
			return PTR_ERR(g);
		memset(g, 0, sizeof(*g));
		ktap_agg_set_up(g, def);
		g->obj.type = KTAP_AGG;
		/* of the entry, which others find from now on */
		atomic_long_set(&g->obj.state, KTAP_OBJ_REF | KTAP_OBJ_SHARED);
		*v = (struct ktap_val){ .g = g, .type = KTAP_AGG };
	}
	if (!ktap_lock(nmi, &g->home.lock, &flags))
		return -EBUSY;
	ret = ktap_lane_add(vm, def, &g->home, a->n, nmi);
	ktap_unlock(&g->home.lock, flags);
	return ret;
}

/**
 * ktap_agg_add_key() - add a value for a key
 * @x: the running exec
 * @g: the aggregation
 * @key: the key, not nil
 * @n: the value
 *
 * Return: 0, also if the update was dropped and counted; or an error.
 */
int ktap_agg_add_key(struct ktap_exec *x, struct ktap_agg *g, const struct ktap_val *key,
		     s64 n)
{
	struct ktap_key_add a = { .x = x, .def = &g->def, .n = n };
	int ret;

	if (unlikely(g->full)) {
		ktap_vm_lost(x->vm, KTAP_LOSS_TABLE, 1);
		return 0;
	}
	if (unlikely(!g->keys))
		return ktap_error(x, "'<<<' with a key into the entry of one key");
	ret = ktap_table_update(x, g->keys, key, ktap_entry_add, &a);
	if (unlikely(ret == -EINVAL))
		return ktap_error(x, "'<<<' into an entry of another aggregation");
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(ktap_agg_add_key);

/**
 * ktap_agg_stat() - what is kept of the values without a key, but a histogram
 * @x: the running exec
 * @g: the aggregation
 * @s: gets it
 *
 * Return: false if this is an NMI and a lane was locked, which is not counted
 *	yet; @s then has the others.
 */
bool ktap_agg_stat(struct ktap_exec *x, struct ktap_agg *g, struct ktap_stat *s)
{
	u32 i, n = ktap_nlanes(g);
	unsigned long flags;
	bool all = true;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < n; i++) {
		struct ktap_lane *lane = ktap_lane_nr(g, i);

		if (!lane)
			continue;
		if (!ktap_lane_lock(x, lane, &flags)) {
			all = false;
			continue;
		}
		ktap_stat_merge(s, &lane->s);
		ktap_lane_unlock(lane, flags);
	}
	ktap_exec_charge(x, 4 + n);
	return all;
}
EXPORT_SYMBOL_IF_KUNIT(ktap_agg_stat);

/**
 * ktap_agg_chunk() - a part of a histogram
 * @x: the running exec
 * @g: the aggregation; a histogram
 * @chunk: which part
 * @out: gets its KTAP_CHUNK_BUCKETS buckets
 *
 * Parts of one picture have to be those of an aggregation that
 * ktap_agg_picture() made.
 *
 * Return: whether there is anything in them.
 */
int ktap_agg_chunk(struct ktap_exec *x, struct ktap_agg *g, u32 chunk, u64 *out)
{
	u32 i, k, n = ktap_nlanes(g);
	unsigned long flags;
	u64 any = 0;

	memset(out, 0, KTAP_CHUNK_BUCKETS * sizeof(*out));
	for (i = 0; i < n; i++) {
		struct ktap_lane *lane = ktap_lane_nr(g, i);

		if (!lane || !READ_ONCE(lane->chunks))
			continue;
		if (!ktap_lane_lock(x, lane, &flags)) {
			ktap_vm_lost(x->vm, KTAP_LOSS_BUSY, 1);
			continue;
		}
		for (k = 0; lane->chunks[chunk] && k < KTAP_CHUNK_BUCKETS; k++) {
			out[k] += lane->chunks[chunk][k];
			any |= out[k];
		}
		ktap_lane_unlock(lane, flags);
	}
	ktap_exec_charge(x, 1 + n / 4);
	return any != 0;
}

static bool ktap_chunk_empty(const u64 *chunk)
{
	u32 i;

	for (i = 0; i < KTAP_CHUNK_BUCKETS; i++) {
		if (chunk[i])
			return false;
	}
	return true;
}

/* Empties a lane, which is locked. */
static void ktap_lane_clear(const struct ktap_agg_def *def, struct ktap_lane *lane)
{
	u32 i, n = lane->chunks ? ktap_nchunks(def) : 0;

	for (i = 0; i < n; i++) {
		if (lane->chunks[i])
			memset(lane->chunks[i], 0, KTAP_CHUNK_BUCKETS * sizeof(u64));
	}
	memset(&lane->s, 0, sizeof(lane->s));
}

/*
 * Merges a lane into another one that nobody else knows; @take empties it.  The
 * lane is locked.  Memory comes first, so a lane is merged wholly or not at all.
 */
static int ktap_lane_merge(struct ktap_vm *vm, const struct ktap_agg_def *def,
			   struct ktap_lane *to, struct ktap_lane *lane, bool take, bool nmi)
{
	u32 i, k, n = lane->chunks ? ktap_nchunks(def) : 0;

	for (i = 0; i < n; i++) {
		u64 *chunk;

		if (!lane->chunks[i] || ktap_chunk_empty(lane->chunks[i]))
			continue;
		chunk = ktap_lane_chunk(vm, def, to, i, nmi);
		if (IS_ERR(chunk))
			return PTR_ERR(chunk);
	}
	for (i = 0; i < n; i++) {
		if (!lane->chunks[i] || ktap_chunk_empty(lane->chunks[i]))
			continue;
		for (k = 0; k < KTAP_CHUNK_BUCKETS; k++)
			to->chunks[i][k] += lane->chunks[i][k];
	}
	ktap_stat_merge(&to->s, &lane->s);
	if (take)
		ktap_lane_clear(def, lane);
	return 0;
}

/* Empties all lanes. */
static void ktap_agg_clear_lanes(struct ktap_exec *x, struct ktap_agg *g)
{
	u32 i, n = ktap_nlanes(g);
	unsigned long flags;

	for (i = 0; i < n; i++) {
		struct ktap_lane *lane = ktap_lane_nr(g, i);

		if (!lane)
			continue;
		if (!ktap_lane_lock(x, lane, &flags)) {
			ktap_vm_lost(x->vm, KTAP_LOSS_BUSY, 1);
			continue;
		}
		ktap_lane_clear(&g->def, lane);
		ktap_lane_unlock(lane, flags);
	}
	ktap_exec_charge(x, 4 + (u64)n * ktap_nchunks(&g->def));
}

/**
 * ktap_agg_picture() - a copy of what is kept of the values without a key
 * @x: the running exec; all its live values are in registers
 * @g: the aggregation, in a register
 * @take: empty it at once
 *
 * If there is not enough memory nothing is lost: what could not be taken stays.
 *
 * Return: an aggregation known to @x alone, in no register yet; or an error
 *	pointer as ktap_new().  In handlers it may be there without having all
 *	lanes if it was taken.
 */
struct ktap_agg *ktap_agg_picture(struct ktap_exec *x, struct ktap_agg *g, bool take)
{
	/* in setup context nobody adds between the two */
	bool at_once = take && !x->setup;
	u32 i = 0, n = ktap_nlanes(g);
	struct ktap_vm *vm = x->vm;
	struct ktap_agg *p;
	unsigned long flags;
	int ret;

	p = ktap_new(x, sizeof(*p));
	if (IS_ERR(p))
		return p;
	ktap_agg_set_up(p, &g->def);
	while (i < n) {
		struct ktap_lane *lane = ktap_lane_nr(g, i);

		ret = 0;
		if (lane) {
			ret = -EBUSY;
			if (ktap_lane_lock(x, lane, &flags)) {
				ret = ktap_lane_merge(vm, &g->def, &p->home, lane, at_once,
						      x->nmi);
				ktap_lane_unlock(lane, flags);
			}
		}
		if (!ret) {
			i++;
		} else if (at_once) {
			break;
		} else if (!x->setup || ktap_pool_grow(&vm->pool)) {
			ktap_agg_free(vm, p, x->nmi);
			return ERR_PTR(ret);
		}
	}
	if (take && x->setup)
		ktap_agg_clear_lanes(x, g);
	ktap_exec_charge(x, 16 + (u64)n * ktap_nchunks(&g->def));
	ktap_obj_init(x, &p->obj, KTAP_AGG);
	return p;
}

/**
 * ktap_agg_rows() - the histogram of the values without a key, as a table
 * @x: the running exec; all its live values are in registers
 * @g: the aggregation, in a register
 * @r: two registers; the first gets the table: the rows that are not empty, by
 *	their least value, in order
 *
 * Return: 0, or an error.
 */
int ktap_agg_rows(struct ktap_exec *x, struct ktap_agg *g, struct ktap_val *r)
{
	struct ktap_table *t = ktap_table_new(x, 1);
	u64 buckets[KTAP_CHUNK_BUCKETS];
	struct ktap_val key, v;
	u32 i, k, n;
	int ret;

	ktap_set_nil(&r[1]);
	if (IS_ERR(t)) {
		if (x->setup)
			return ktap_no_memory(x, PTR_ERR(t));
		ktap_lost_update(x->vm, PTR_ERR(t));
		r[0] = (struct ktap_val){ .t = x->vm->full_table, .type = KTAP_TABLE };
		return 0;
	}
	/* @g may be known to nobody but this register: it comes last */
	r[1] = (struct ktap_val){ .t = t, .type = KTAP_TABLE };
	if (ktap_is_hist(&g->def) && !g->full) {
		struct ktap_agg *p = ktap_agg_picture(x, g, false);

		/* in setup context nobody changes it meanwhile, and it will do */
		n = ktap_nchunks(&g->def);
		if (!IS_ERR(p)) {
			r[0] = (struct ktap_val){ .g = p, .type = KTAP_AGG };
			g = p;
		} else if (!x->setup) {
			ktap_lost_update(x->vm, PTR_ERR(p));
			n = 0;
		}
		for (i = 0; i < n; i++) {
			if (!ktap_agg_chunk(x, g, i, buckets))
				continue;
			for (k = 0; k < KTAP_CHUNK_BUCKETS; k++) {
				if (!buckets[k])
					continue;
				ktap_set_int(&key, ktap_agg_low(&g->def,
								i * KTAP_CHUNK_BUCKETS + k));
				ktap_set_int(&v, buckets[k]);
				ret = ktap_table_set(x, t, &key, &v);
				if (ret)
					return ret;
				ktap_exec_charge(x, 8);
			}
		}
	}
	r[0] = r[1];
	ktap_set_nil(&r[1]);
	return 0;
}

/**
 * ktap_agg_source() - what an iteration of an aggregation goes through
 * @x: the running exec; all its live values are in registers
 * @g: the aggregation, in a register
 * @r: two registers; the first gets a table: of its entries by key or, of a
 *	histogram without any, of its rows
 *
 * Return: 0, or an error.
 */
int ktap_agg_source(struct ktap_exec *x, struct ktap_agg *g, struct ktap_val *r)
{
	if (g->keys && (!ktap_is_hist(&g->def) || ktap_table_len(g->keys))) {
		r[0] = (struct ktap_val){ .t = g->keys, .type = KTAP_TABLE };
		ktap_set_nil(&r[1]);
		return 0;
	}
	return ktap_agg_rows(x, g, r);
}

/**
 * ktap_agg_len() - how many steps an iteration of an aggregation has
 * @x: the running exec
 * @g: the aggregation
 *
 * Return: their number, which others may be changing.
 */
u64 ktap_agg_len(struct ktap_exec *x, struct ktap_agg *g)
{
	u64 n = g->keys ? ktap_table_len(g->keys) : 0, buckets[KTAP_CHUNK_BUCKETS];
	u32 i, k;

	if (n || !ktap_is_hist(&g->def))
		return n;
	for (i = 0; i < ktap_nchunks(&g->def); i++) {
		if (!ktap_agg_chunk(x, g, i, buckets))
			continue;
		for (k = 0; k < KTAP_CHUNK_BUCKETS; k++)
			n += !!buckets[k];
	}
	return n;
}

/**
 * ktap_agg_clear() - forget all values
 * @x: the running exec; all its live values are in registers
 * @g: the aggregation
 *
 * Return: 0, or an error.
 */
int ktap_agg_clear(struct ktap_exec *x, struct ktap_agg *g)
{
	ktap_agg_clear_lanes(x, g);
	return g->keys ? ktap_table_clear(x, g->keys) : 0;
}
EXPORT_SYMBOL_IF_KUNIT(ktap_agg_clear);

/**
 * ktap_agg_take() - take what there is out of an aggregation
 * @x: the running exec; all its live values are in registers
 * @v: a register that holds the aggregation; gets another one with its contents
 *
 * Return: 0, or an error.
 */
int ktap_agg_take(struct ktap_exec *x, struct ktap_val *v)
{
	struct ktap_agg *g = v->g, *p;
	struct ktap_table *keys = NULL;
	int err;

	/* the table first: it becomes known to the aggregation only */
	if (g->keys) {
		keys = ktap_table_new(x, g->keys->nstripes);
		err = PTR_ERR_OR_ZERO(keys);
		if (err)
			goto no_memory;
		ktap_obj_share(x->vm, &keys->obj);
	}
	p = ktap_agg_picture(x, g, true);
	err = PTR_ERR_OR_ZERO(p);
	if (err) {
		if (keys)
			ktap_obj_put(x->vm, &keys->obj, x->nmi);
		goto no_memory;
	}
	if (keys)
		ktap_table_move(x, keys, g->keys);
	p->keys = keys;
	v->g = p;
	return 0;

no_memory:
	if (x->setup)
		return ktap_no_memory(x, err);
	/* nothing is taken, and nothing lost */
	ktap_vm_kick(x->vm);
	v->g = x->vm->full_agg;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(ktap_agg_take);

/**
 * ktap_agg_record() - what an output record says of an aggregation
 * @x: the running exec
 * @g: the aggregation
 * @rec: gets it, but what refers to rows
 */
void ktap_agg_record(struct ktap_exec *x, struct ktap_agg *g, struct ktap_rec_agg *rec)
{
	struct ktap_stat s;

	memset(rec, 0, sizeof(*rec));
	if (!ktap_agg_stat(x, g, &s))
		rec->flags |= KTAP_AGGF_BUSY;
	rec->kind = g->def.kind;
	memcpy(rec->par, g->def.par, sizeof(rec->par));
	rec->count = s.count;
	if (!s.count)
		return;
	rec->sum = s.sum;
	rec->min = s.min;
	rec->max = s.max;
	if (g->def.kind != KTAP_AGG_COUNT)
		rec->avg = ktap_stat_avg(&s);
}
