// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: tables.
 *
 * A table is one stripe, or several, each a hash table of its own with its
 * own lock; the upper bits of a key's hash choose the stripe.  Tables that
 * many CPUs are likely to use at once (those made before events) have several.
 *
 * In a stripe, entries stand in an array in the order in which they came and
 * never move, so that an iteration by index meets each entry that is there
 * throughout exactly once, whatever else happens.  A deleted entry leaves a
 * hole that a new key may fill.  The index is linear hashing: each insertion
 * beyond a load of 1 splits one bucket, so there is never a moment at which
 * everything is hashed again with interrupts off.  Both arrays are radix
 * trees of small blocks from the pool; an insertion takes a few of them at
 * most.
 *
 * Contexts: any; in NMI a lock that is taken makes the operation fail, which
 * is counted (KTAP_LOSS_BUSY).  Where memory is lacking, setup context waits
 * for it, or ends with a run-time error at the session's limit; in handlers
 * the update is dropped and counted (KTAP_LOSS_TABLE).
 * Locks: ktap_stripe.lock, one at a time; below it that of the pool.
 */
#include <kunit/visibility.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/sched.h>

#include "table.h"

#define KTAP_MAX_ENTRIES	0x40000000U	/* of a stripe */

#define KTAP_MAX_CHAIN		128		/* entries of a bucket */

/* Entries that are looked at with a lock held before others get their turn */
#define KTAP_SCAN		256

static void *ktap_zalloc(struct ktap_vm *vm, size_t size, bool nmi)
{
	void *p = ktap_pool_alloc(&vm->pool, size, nmi);

	return IS_ERR(p) ? p : memset(p, 0, size);
}

/*
 * Makes room for at least one more element.  A failure may leave nodes without
 * segments, which the next try uses.
 */
static int ktap_radix_grow(struct ktap_vm *vm, struct ktap_radix *r,
			   const struct ktap_radix_kind *k, bool nmi)
{
	u32 seg = 1U << k->shift;
	void **slot = &r->root;
	void *p;
	u32 h;

	if (r->cap < seg) {
		u32 n = r->cap ? r->cap * 2 : k->first;

		p = ktap_zalloc(vm, n * k->size, nmi);
		if (IS_ERR(p))
			return PTR_ERR(p);
		if (r->cap) {
			memcpy(p, r->root, r->cap * k->size);
			ktap_pool_free(&vm->pool, r->root, r->cap * k->size, nmi);
		}
		r->root = p;
		r->cap = n;
		return 0;
	}

	if (r->cap == (u64)seg << (r->height * KTAP_NODE_SHIFT)) {
		p = ktap_zalloc(vm, KTAP_NODE_SIZE, nmi);
		if (IS_ERR(p))
			return PTR_ERR(p);
		*(void **)p = r->root;
		r->root = p;
		r->height++;
	}
	for (h = r->height; h; h--) {
		slot = (void **)*slot + ((r->cap >> (k->shift + (h - 1) * KTAP_NODE_SHIFT)) &
					 ((1U << KTAP_NODE_SHIFT) - 1));
		if (*slot)
			continue;
		p = ktap_zalloc(vm, h > 1 ? KTAP_NODE_SIZE : seg * k->size, nmi);
		if (IS_ERR(p))
			return PTR_ERR(p);
		*slot = p;
	}
	r->cap += seg;
	return 0;
}

/* Frees a part of a radix tree; there are at most four levels. */
static void ktap_radix_free_node(struct ktap_vm *vm, void *p, u32 height,
				 const struct ktap_radix_kind *k, bool nmi)
{
	u32 i;

	if (!p)
		return;
	if (!height) {
		ktap_pool_free(&vm->pool, p, (size_t)k->size << k->shift, nmi);
		return;
	}
	for (i = 0; i < 1U << KTAP_NODE_SHIFT; i++)
		ktap_radix_free_node(vm, ((void **)p)[i], height - 1, k, nmi);
	ktap_pool_free(&vm->pool, p, KTAP_NODE_SIZE, nmi);
}

static void ktap_radix_free(struct ktap_vm *vm, struct ktap_radix *r,
			    const struct ktap_radix_kind *k, bool nmi)
{
	if (r->cap && r->cap < 1U << k->shift)
		ktap_pool_free(&vm->pool, r->root, r->cap * k->size, nmi);
	else
		ktap_radix_free_node(vm, r->root, r->height, k, nmi);
	memset(r, 0, sizeof(*r));
}

static struct ktap_stripe *ktap_stripe_of(const struct ktap_table *t, u32 hash)
{
	/* two shifts: by 32 in all if there is one stripe */
	return ktap_stripe(t, hash >> t->shift >> 1);
}

/**
 * ktap_table_stripes() - how many stripes a new table should have
 * @x: the exec that makes it
 *
 * What is made before events is likely to be used by all CPUs, unless there
 * is a lot of it.
 *
 * Return: a power of 2.
 */
unsigned int ktap_table_stripes(struct ktap_exec *x)
{
	if (!x->setup || num_possible_cpus() == 1 ||
	    atomic_read(&x->vm->nstriped) >= KTAP_STRIPED_TABLES)
		return 1;
	return min_t(unsigned int, roundup_pow_of_two(num_possible_cpus() * 2),
		     KTAP_MAX_STRIPES);
}

/**
 * ktap_table_new() - make a table
 * @x: the exec that needs it; all its live values are in registers
 * @nstripes: how many stripes it should have, a power of 2
 *
 * Return: the table, known to @x alone, or an error pointer as ktap_new().
 */
struct ktap_table *ktap_table_new(struct ktap_exec *x, unsigned int nstripes)
{
	struct ktap_table *t;
	size_t size;
	u32 i;

	while (nstripes > 1 && nstripes * KTAP_STRIPE_SIZE > KTAP_POOL_MAX / 2)
		nstripes /= 2;
	size = sizeof(*t) + nstripes * KTAP_STRIPE_SIZE;
	if (nstripes > 1)
		size += 64;
	t = ktap_new(x, size);
	if (IS_ERR(t))
		return t;
	t->size = size;
	t->nstripes = nstripes;
	t->shift = 31 - ilog2(nstripes);
	t->stripes = (char *)(t + 1);
	if (nstripes > 1) {
		t->stripes = PTR_ALIGN(t->stripes, 64);
		atomic_inc(&x->vm->nstriped);
	}
	for (i = 0; i < nstripes; i++)
		ktap_spin_init(&ktap_stripe(t, i)->lock);
	ktap_obj_init(x, &t->obj, KTAP_TABLE);
	return t;
}
EXPORT_SYMBOL_IF_KUNIT(ktap_table_new);

/* Drops all that a stripe has; nobody else uses it. */
static void ktap_stripe_free(struct ktap_vm *vm, struct ktap_stripe *s, bool nmi)
{
	u32 i;

	for (i = 0; i < s->used; i++) {
		struct ktap_entry *e = ktap_entry(s, i);

		if (e->key.type == KTAP_NIL)
			continue;
		ktap_val_put(vm, &e->key, nmi);
		ktap_val_put(vm, &e->v, nmi);
	}
	ktap_radix_free(vm, &s->entries, &ktap_entries, nmi);
	ktap_radix_free(vm, &s->buckets, &ktap_buckets, nmi);
}

/**
 * ktap_table_trim() - free some of the entries of a table that is to be freed
 * @vm: the VM
 * @t: the table; nobody knows it any more
 *
 * Return: whether there may be more.
 */
bool ktap_table_trim(struct ktap_vm *vm, struct ktap_table *t)
{
	unsigned int n = 0;
	u32 i;

	for (i = 0; i < t->nstripes; i++) {
		struct ktap_stripe *s = ktap_stripe(t, i);

		while (s->used) {
			struct ktap_entry *e = ktap_entry(s, s->used - 1);

			if (n++ == KTAP_SCAN)
				return true;
			s->used--;
			if (e->key.type == KTAP_NIL)
				continue;
			ktap_val_put(vm, &e->key, false);
			ktap_val_put(vm, &e->v, false);
		}
	}
	return false;
}

/**
 * ktap_table_free() - free a table
 * @vm: the VM
 * @t: the table; nobody knows it any more
 * @nmi: the caller is in NMI
 */
void ktap_table_free(struct ktap_vm *vm, struct ktap_table *t, bool nmi)
{
	u32 i;

	for (i = 0; i < t->nstripes; i++)
		ktap_stripe_free(vm, ktap_stripe(t, i), nmi);
	if (t->nstripes > 1)
		atomic_dec(&vm->nstriped);
	ktap_pool_free(&vm->pool, t, t->size, nmi);
}

/**
 * ktap_key_hash() - hash of a key
 * @vm: the VM
 * @key: the key
 *
 * Return: the hash.
 */
u32 ktap_key_hash(struct ktap_vm *vm, const struct ktap_val *key)
{
	u64 v;

	if (ktap_is_str(key))
		return ktap_str_hash(vm->seed, key->s) ^ (key->type == KTAP_TUPLE);
	v = ktap_is_obj(key) ? (unsigned long)key->t : key->i;
	/*
	 * With factors that nobody knows: those who are traced choose keys, and
	 * for a known one, as hash_64() has, some that all collide.
	 */
	v = (v + key->type) * vm->factors[0];
	v ^= v >> 32;
	return v * vm->factors[1] >> 32;
}

static __always_inline bool ktap_key_eq(const struct ktap_val *a, const struct ktap_val *b)
{
	if (a->type != b->type)
		return false;
	if (ktap_is_str(a))
		return ktap_str_eq(a->s, b->s);
	if (ktap_is_obj(a))
		return a->t == b->t;
	return a->i == b->i;
}

static __always_inline u32 ktap_bucket_nr(const struct ktap_stripe *s, u32 hash)
{
	u32 i = hash & s->mask;

	return i < s->nbuckets ? i : i & (s->mask >> 1);
}

static __always_inline struct ktap_entry *ktap_find(const struct ktap_stripe *s,
						    const struct ktap_val *key, u32 hash)
{
	u32 i;

	if (!s->nbuckets)
		return NULL;
	for (i = *ktap_bucket(s, ktap_bucket_nr(s, hash)); i; ) {
		struct ktap_entry *e = ktap_entry(s, i - 1);

		if (e->hash == hash && ktap_key_eq(&e->key, key))
			return e;
		i = e->next;
	}
	return NULL;
}

/* Adds a bucket, and moves to it what belongs there from the one it splits. */
static int ktap_split(struct ktap_vm *vm, struct ktap_stripe *s, bool nmi)
{
	u32 nr = s->nbuckets, mask = s->mask, i;
	u32 *from, *to;
	int ret;

	if (nr == s->buckets.cap) {
		ret = ktap_radix_grow(vm, &s->buckets, &ktap_buckets, nmi);
		if (ret)
			return nr ? 0 : ret;	/* chains get longer, that is all */
	}
	if (nr > mask)
		mask = mask * 2 + 1;
	s->mask = mask;
	s->nbuckets = nr + 1;
	to = ktap_bucket(s, nr);
	*to = 0;
	if (!nr)
		return 0;

	from = ktap_bucket(s, nr & (mask >> 1));
	i = *from;
	*from = 0;
	while (i) {
		struct ktap_entry *e = ktap_entry(s, i - 1);
		u32 next = e->next;
		u32 *head = (e->hash & mask) == nr ? to : from;

		e->next = *head;
		*head = i;
		i = next;
	}
	return 0;
}

/*
 * Chains are walked with interrupts off. By chance none gets that long; without
 * memory for more buckets, or with keys that somebody made collide, one may.
 */
static bool ktap_chain_full(const struct ktap_stripe *s, u32 i)
{
	u32 n;

	for (n = 0; i; n++) {
		if (n == KTAP_MAX_CHAIN)
			return true;
		i = ktap_entry(s, i - 1)->next;
	}
	return false;
}

/* A new entry for @key, which the stripe does not have; its value is nil. */
static struct ktap_entry *ktap_insert(struct ktap_vm *vm, struct ktap_stripe *s,
				      const struct ktap_val *key, u32 hash, bool nmi)
{
	struct ktap_entry *e;
	u32 i, *bucket;
	int ret;

	if (!s->free && s->used == s->entries.cap) {
		ret = s->used < KTAP_MAX_ENTRIES ?
		      ktap_radix_grow(vm, &s->entries, &ktap_entries, nmi) : -ENOMEM;
		if (ret)
			return ERR_PTR(ret);
	}
	if (s->live >= s->nbuckets) {
		ret = ktap_split(vm, s, nmi);
		if (ret)
			return ERR_PTR(ret);
	}
	bucket = ktap_bucket(s, ktap_bucket_nr(s, hash));
	if (ktap_chain_full(s, *bucket))
		return ERR_PTR(-ENOMEM);

	i = s->free ? s->free - 1 : s->used;
	e = ktap_entry(s, i);
	ret = ktap_val_own(vm, &e->key, key, nmi);
	if (ret)
		return ERR_PTR(ret);
	if (s->free)
		s->free = e->next;
	else
		s->used++;
	ktap_set_nil(&e->v);
	e->hash = hash;
	e->next = *bucket;
	*bucket = i + 1;
	WRITE_ONCE(s->live, s->live + 1);
	return e;
}

/**
 * ktap_stripe_append() - a new entry at the end that the index does not know
 * @vm: the VM
 * @s: the stripe, which nobody else knows
 * @nmi: the caller is in NMI
 *
 * Return: the entry, its key and value nil; or an error.
 */
struct ktap_entry *ktap_stripe_append(struct ktap_vm *vm, struct ktap_stripe *s, bool nmi)
{
	struct ktap_entry *e;
	int ret;

	if (s->used == s->entries.cap) {
		ret = s->used < KTAP_MAX_ENTRIES ?
		      ktap_radix_grow(vm, &s->entries, &ktap_entries, nmi) : -ENOMEM;
		if (ret)
			return ERR_PTR(ret);
	}
	e = ktap_entry(s, s->used++);
	memset(e, 0, sizeof(*e));
	s->live++;
	return e;
}

/**
 * ktap_stripe_index() - make the index of a stripe that has none
 * @vm: the VM
 * @s: the stripe, which nobody else knows; no entry is free
 * @nmi: the caller is in NMI
 *
 * Return: 0, or an error.
 */
int ktap_stripe_index(struct ktap_vm *vm, struct ktap_stripe *s, bool nmi)
{
	u32 i, *bucket, live = s->live;
	int ret;

	for (i = 0; i < live; i++) {
		struct ktap_entry *e = ktap_entry(s, i);

		if (i >= s->nbuckets) {
			ret = ktap_split(vm, s, nmi);
			if (ret)
				return ret;
		}
		e->hash = ktap_key_hash(vm, &e->key);
		bucket = ktap_bucket(s, ktap_bucket_nr(s, e->hash));
		e->next = *bucket;
		*bucket = i + 1;
	}
	return 0;
}

static void ktap_remove(struct ktap_vm *vm, struct ktap_stripe *s, const struct ktap_val *key,
			u32 hash, bool nmi)
{
	u32 *link, i;

	if (!s->nbuckets)
		return;
	link = ktap_bucket(s, ktap_bucket_nr(s, hash));
	while ((i = *link)) {
		struct ktap_entry *e = ktap_entry(s, i - 1);

		if (e->hash == hash && ktap_key_eq(&e->key, key)) {
			*link = e->next;
			ktap_val_put(vm, &e->key, nmi);
			ktap_val_put(vm, &e->v, nmi);
			e->next = s->free;
			s->free = i;
			WRITE_ONCE(s->live, s->live - 1);
			return;
		}
		link = &e->next;
	}
}

/**
 * ktap_table_failed() - what to do about an update that failed
 * @x: the running exec; all its live values are in registers
 * @err: how it failed: -EBUSY or -ENOMEM
 * @tries: how often memory was looked for in vain; 0 at first
 *
 * Return: 0 to try again, 1 if it is dropped and counted, or an error.
 */
int ktap_table_failed(struct ktap_exec *x, int err, unsigned int *tries)
{
	struct ktap_vm *vm = x->vm;

	if (!x->setup) {
		ktap_lost_update(vm, err);
		return 1;
	}
	err = ktap_pool_grow(&vm->pool);
	if (!err)
		return 0;
	if (!(*tries)++) {
		ktap_exec_collect(x);
		return 0;
	}
	return ktap_no_memory(x, -ENOMEM);
}

/**
 * ktap_table_get() - read an entry
 * @x: the running exec; its live strings are in registers
 * @t: the table
 * @key: the key: a register, whose string may move, or a constant
 * @out: gets the value, or nil
 *
 * Return: 0, or an error.
 */
int ktap_table_get(struct ktap_exec *x, struct ktap_table *t, const struct ktap_val *key,
		   struct ktap_val *out)
{
	u32 hash = ktap_key_hash(x->vm, key);
	struct ktap_stripe *s = ktap_stripe_of(t, hash);
	struct ktap_entry *e;
	struct ktap_val v;
	unsigned long flags;
	int ret;

	for (;;) {
		ret = 0;
		ktap_set_nil(&v);
		if (unlikely(!ktap_lock(x->nmi, &s->lock, &flags))) {
			ktap_vm_lost(x->vm, KTAP_LOSS_BUSY, 1);
			break;
		}
		e = ktap_find(s, key, hash);
		if (e)
			ret = ktap_val_lend(x, &v, &e->v);
		ktap_unlock(&s->lock, flags);
		if (likely(!ret))
			break;
		ret = ktap_arena_ensure(x, KTAP_ARENA_RESERVE);
		if (ret)
			return ret;
	}
	*out = v;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(ktap_table_get);

/**
 * ktap_table_has() - whether a table has a key
 * @x: the running exec
 * @t: the table
 * @key: the key
 *
 * Return: 1 or 0.
 */
int ktap_table_has(struct ktap_exec *x, struct ktap_table *t, const struct ktap_val *key)
{
	u32 hash = ktap_key_hash(x->vm, key);
	struct ktap_stripe *s = ktap_stripe_of(t, hash);
	unsigned long flags;
	bool has;

	if (unlikely(!ktap_lock(x->nmi, &s->lock, &flags))) {
		ktap_vm_lost(x->vm, KTAP_LOSS_BUSY, 1);
		return 0;
	}
	has = ktap_find(s, key, hash);
	ktap_unlock(&s->lock, flags);
	return has;
}

/**
 * ktap_table_set() - set an entry
 * @x: the running exec
 * @t: the table
 * @key: the key, not nil
 * @v: the value; nil deletes the entry
 *
 * Return: 0, also if the update was dropped and counted; or an error.
 */
int ktap_table_set(struct ktap_exec *x, struct ktap_table *t, const struct ktap_val *key,
		   const struct ktap_val *v)
{
	u32 hash = ktap_key_hash(x->vm, key);
	struct ktap_stripe *s = ktap_stripe_of(t, hash);
	struct ktap_val old = { .type = KTAP_NIL };
	struct ktap_vm *vm = x->vm;
	unsigned int tries = 0;
	struct ktap_entry *e;
	unsigned long flags;
	int ret;

	if (unlikely(t->full)) {
		ktap_vm_lost(vm, KTAP_LOSS_TABLE, 1);
		return 0;
	}
	for (;;) {
		bool fresh = false;

		if (unlikely(!ktap_lock(x->nmi, &s->lock, &flags))) {
			ktap_vm_lost(vm, KTAP_LOSS_BUSY, 1);
			return 0;
		}
		ret = 0;
		e = v->type == KTAP_NIL ? NULL : ktap_find(s, key, hash);
		if (v->type == KTAP_NIL) {
			ktap_remove(vm, s, key, hash, x->nmi);
		} else {
			if (!e) {
				e = ktap_insert(vm, s, key, hash, x->nmi);
				fresh = true;
			}
			if (IS_ERR(e)) {
				ret = PTR_ERR(e);
			} else {
				old = e->v;
				ret = ktap_val_own(vm, &e->v, v, x->nmi);
				if (ret && fresh)
					ktap_remove(vm, s, key, hash, x->nmi);
				else if (!ret)
					ktap_val_put(vm, &old, x->nmi);
			}
		}
		ktap_unlock(&s->lock, flags);
		if (likely(!ret))
			return 0;
		ret = ktap_table_failed(x, ret, &tries);
		if (ret)
			return min(ret, 0);
	}
}
EXPORT_SYMBOL_IF_KUNIT(ktap_table_set);

/**
 * ktap_table_add() - add to an entry
 * @x: the running exec
 * @t: the table
 * @key: the key, not nil
 * @n: what to add; an entry that is not there counts as 0
 *
 * Return: 0, also if the update was dropped and counted; or an error.
 */
int ktap_table_add(struct ktap_exec *x, struct ktap_table *t, const struct ktap_val *key,
		   s64 n)
{
	u32 hash = ktap_key_hash(x->vm, key);
	struct ktap_stripe *s = ktap_stripe_of(t, hash);
	unsigned int tries = 0;
	struct ktap_entry *e;
	unsigned long flags;
	int ret;

	if (unlikely(t->full)) {
		ktap_vm_lost(x->vm, KTAP_LOSS_TABLE, 1);
		return 0;
	}
	for (;;) {
		if (unlikely(!ktap_lock(x->nmi, &s->lock, &flags))) {
			ktap_vm_lost(x->vm, KTAP_LOSS_BUSY, 1);
			return 0;
		}
		ret = 0;
		e = ktap_find(s, key, hash);
		if (unlikely(!e)) {
			e = ktap_insert(x->vm, s, key, hash, x->nmi);
			if (IS_ERR(e))
				ret = PTR_ERR(e);
			else
				ktap_set_int(&e->v, n);
		} else if (likely(e->v.type == KTAP_INT)) {
			e->v.i = (u64)e->v.i + n;
		} else {
			ret = -EINVAL;
		}
		ktap_unlock(&s->lock, flags);
		if (likely(!ret))
			return 0;
		if (ret == -EINVAL)
			return ktap_error(x, "use '+=' operator on non-number value");
		ret = ktap_table_failed(x, ret, &tries);
		if (ret)
			return min(ret, 0);
	}
}
EXPORT_SYMBOL_IF_KUNIT(ktap_table_add);

/**
 * ktap_table_update() - change an entry in place
 * @x: the running exec
 * @t: the table
 * @key: the key, not nil
 * @fn: called for the value of the entry with its lock held, interrupts off; it
 *	is nil if @fresh.  If it fails then, there will be no such entry
 * @data: for @fn
 *
 * Return: 0, also if the update was dropped and counted; -EINVAL if @fn returned
 *	that; or an error.
 */
int ktap_table_update(struct ktap_exec *x, struct ktap_table *t, const struct ktap_val *key,
		      int (*fn)(void *data, struct ktap_val *v, bool fresh), void *data)
{
	u32 hash = ktap_key_hash(x->vm, key);
	struct ktap_stripe *s = ktap_stripe_of(t, hash);
	unsigned int tries = 0;
	struct ktap_entry *e;
	unsigned long flags;
	int ret;

	for (;;) {
		bool fresh = false;

		if (unlikely(!ktap_lock(x->nmi, &s->lock, &flags))) {
			ktap_vm_lost(x->vm, KTAP_LOSS_BUSY, 1);
			return 0;
		}
		e = ktap_find(s, key, hash);
		if (unlikely(!e)) {
			e = ktap_insert(x->vm, s, key, hash, x->nmi);
			fresh = true;
		}
		if (IS_ERR(e)) {
			ret = PTR_ERR(e);
		} else {
			ret = fn(data, &e->v, fresh);
			if (unlikely(ret && fresh))
				ktap_remove(x->vm, s, key, hash, x->nmi);
		}
		ktap_unlock(&s->lock, flags);
		if (likely(!ret) || ret == -EINVAL)
			return ret;
		ret = ktap_table_failed(x, ret, &tries);
		if (ret)
			return min(ret, 0);
	}
}

/**
 * ktap_table_delete() - delete an entry, if it is there
 * @x: the running exec
 * @t: the table
 * @key: the key
 *
 * Return: 0.
 */
int ktap_table_delete(struct ktap_exec *x, struct ktap_table *t,
		      const struct ktap_val *key)
{
	static const struct ktap_val nil = { .type = KTAP_NIL };

	if (t->full)
		return 0;
	return ktap_table_set(x, t, key, &nil);
}
EXPORT_SYMBOL_IF_KUNIT(ktap_table_delete);

/**
 * ktap_table_peek() - look at the next entry of an iteration
 * @x: the running exec
 * @t: the table
 * @cursor: 0 to begin; where the iteration stands
 * @fn: called for the entry with its lock held, interrupts off; a return value
 *	other than 0 leaves the cursor before the entry
 * @data: for @fn
 *
 * Return: 1 and the cursor after the entry; 0 at the end; or what @fn returned.
 */
int ktap_table_peek(struct ktap_exec *x, struct ktap_table *t, u64 *cursor,
		    int (*fn)(void *data, const struct ktap_val *key,
			      const struct ktap_val *v), void *data)
{
	u64 nr = *cursor >> 32;
	u32 i = *cursor;

	while (nr < t->nstripes) {
		struct ktap_stripe *s = ktap_stripe(t, nr);
		unsigned int scanned = 0;
		unsigned long flags;
		int ret = 0;

		if (unlikely(!ktap_lock(x->nmi, &s->lock, &flags))) {
			ktap_vm_lost(x->vm, KTAP_LOSS_BUSY, 1);
			return 0;
		}
		for (; i < s->used && scanned < KTAP_SCAN; i++, scanned++) {
			struct ktap_entry *e = ktap_entry(s, i);

			if (e->key.type == KTAP_NIL)
				continue;
			ret = fn(data, &e->key, &e->v);
			*cursor = nr << 32 | (ret ? i : i + 1);
			ktap_unlock(&s->lock, flags);
			ktap_exec_charge(x, 1 + scanned / 8);
			return ret ?: 1;
		}
		if (i >= s->used) {
			nr++;
			i = 0;
		}
		ktap_unlock(&s->lock, flags);
		ktap_exec_charge(x, 1 + scanned / 8);
	}
	*cursor = nr << 32;
	return 0;
}

struct ktap_lend {
	struct ktap_exec *x;
	struct ktap_val *key, *v;
};

static int ktap_lend_entry(void *data, const struct ktap_val *key, const struct ktap_val *v)
{
	struct ktap_lend *l = data;

	return ktap_val_lend(l->x, l->key, key) ?: ktap_val_lend(l->x, l->v, v);
}

/**
 * ktap_table_next() - the next entry of an iteration
 * @x: the running exec; its live strings are in registers
 * @t: the table
 * @cursor: 0 to begin; where the iteration stands; any value is safe
 * @key: gets the key
 * @v: gets the value
 *
 * Return: 1; 0 at the end; or an error.
 */
int ktap_table_next(struct ktap_exec *x, struct ktap_table *t, u64 *cursor,
		    struct ktap_val *key, struct ktap_val *v)
{
	struct ktap_lend l = { .x = x, .key = key, .v = v };
	int ret;

	ret = ktap_arena_ensure(x, KTAP_ARENA_RESERVE);
	if (ret)
		return ret;
	return ktap_table_peek(x, t, cursor, ktap_lend_entry, &l);
}
EXPORT_SYMBOL_IF_KUNIT(ktap_table_next);

/* Deletes a few entries at a time; for tables there is no husk for. */
static void ktap_stripe_clear(struct ktap_exec *x, struct ktap_stripe *s)
{
	struct ktap_vm *vm = x->vm;
	unsigned long flags;
	u32 i = 0;

	for (;;) {
		unsigned int n;

		if (!ktap_lock(x->nmi, &s->lock, &flags)) {
			ktap_vm_lost(vm, KTAP_LOSS_BUSY, 1);
			return;
		}
		for (n = 0; n < KTAP_SCAN && i < s->used; n++, i++) {
			struct ktap_entry *e = ktap_entry(s, i);
			struct ktap_val key = e->key;

			/* by address: the key is found although it is being freed */
			if (key.type != KTAP_NIL)
				ktap_remove(vm, s, &key, e->hash, x->nmi);
		}
		n = i < s->used;
		ktap_unlock(&s->lock, flags);
		ktap_exec_charge(x, KTAP_SCAN / 8);
		if (!n)
			return;
	}
}

/* Moves all that a stripe has to an empty one that nobody else knows. */
static void ktap_stripe_move(struct ktap_stripe *h, struct ktap_stripe *s)
{
	h->live = s->live;
	h->used = s->used;
	h->free = s->free;
	h->nbuckets = s->nbuckets;
	h->mask = s->mask;
	h->entries = s->entries;
	h->buckets = s->buckets;
	WRITE_ONCE(s->live, 0);
	s->used = 0;
	s->free = 0;
	s->nbuckets = 0;
	s->mask = 0;
	memset(&s->entries, 0, sizeof(s->entries));
	memset(&s->buckets, 0, sizeof(s->buckets));
}

/**
 * ktap_table_clear() - delete all entries
 * @x: the running exec; all its live values are in registers
 * @t: the table
 *
 * What a large table has goes to a husk, an object that is freed later, so
 * that no lock is held for long.
 *
 * Return: 0.
 */
int ktap_table_clear(struct ktap_exec *x, struct ktap_table *t)
{
	struct ktap_vm *vm = x->vm;
	struct ktap_stripe *s, *h;
	struct ktap_table *husk;
	unsigned long flags;
	u32 i;

	for (i = 0; i < t->nstripes; i++) {
		s = ktap_stripe(t, i);
		husk = NULL;
		if (READ_ONCE(s->used) > KTAP_SCAN)
			husk = ktap_table_new(x, 1);
		if (IS_ERR_OR_NULL(husk)) {
			ktap_stripe_clear(x, s);
			continue;
		}
		h = ktap_stripe(husk, 0);
		if (!ktap_lock(x->nmi, &s->lock, &flags)) {
			ktap_vm_lost(vm, KTAP_LOSS_BUSY, 1);
			continue;
		}
		ktap_stripe_move(h, s);
		ktap_unlock(&s->lock, flags);
		/* a zombie at once: the worker has more time than a handler */
		ktap_obj_share(vm, &husk->obj);
		ktap_obj_put(vm, &husk->obj, x->nmi);
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(ktap_table_clear);

/**
 * ktap_table_move() - move all entries to another table
 * @x: the running exec
 * @to: an empty table with as many stripes, which nobody else knows
 * @t: the table
 *
 * An update of @t that happens meanwhile is in one of the two afterwards.
 */
void ktap_table_move(struct ktap_exec *x, struct ktap_table *to, struct ktap_table *t)
{
	unsigned long flags;
	u32 i;

	for (i = 0; i < t->nstripes; i++) {
		struct ktap_stripe *s = ktap_stripe(t, i);

		/* what stays there is not lost, but whoever asked may want to know */
		if (!ktap_lock(x->nmi, &s->lock, &flags)) {
			ktap_vm_lost(x->vm, KTAP_LOSS_BUSY, 1);
			continue;
		}
		ktap_stripe_move(ktap_stripe(to, i), s);
		ktap_unlock(&s->lock, flags);
	}
	ktap_exec_charge(x, 4 * t->nstripes);
}

/**
 * ktap_table_take() - take what there is out of a table
 * @x: the running exec; all its live values are in registers
 * @v: a register that holds the table; gets another one with its entries
 *
 * Return: 0, or an error.
 */
int ktap_table_take(struct ktap_exec *x, struct ktap_val *v)
{
	struct ktap_table *to = ktap_table_new(x, v->t->nstripes);

	if (!IS_ERR(to)) {
		ktap_table_move(x, to, v->t);
		v->t = to;
		return 0;
	}
	if (x->setup)
		return ktap_no_memory(x, PTR_ERR(to));
	/* nothing is taken, and nothing lost */
	ktap_vm_kick(x->vm);
	v->t = x->vm->full_table;
	return 0;
}

/**
 * ktap_table_len() - number of entries
 * @t: the table
 *
 * Return: their number, which others may be changing.
 */
u64 ktap_table_len(const struct ktap_table *t)
{
	u64 n = 0;
	u32 i;

	for (i = 0; i < t->nstripes; i++)
		n += READ_ONCE(ktap_stripe(t, i)->live);
	return n;
}
EXPORT_SYMBOL_IF_KUNIT(ktap_table_len);
