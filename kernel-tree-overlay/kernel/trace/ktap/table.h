/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ktap: the inside of a table, for table.c and table_sort.c.
 */
#ifndef _KTAP_TABLE_H
#define _KTAP_TABLE_H

#include "vm.h"

/**
 * struct ktap_entry - an entry of a table
 * @key: KTAP_NIL if the entry is free
 * @v: the value
 * @hash: of the key
 * @next: 1 + index of the next in the chain or among the free ones, 0: none
 */
struct ktap_entry {
	struct ktap_val key;
	struct ktap_val v;
	u32 hash;
	u32 next;
};

/* Elements of a segment and pointers of a node; the first segment starts small */
#define KTAP_ENTRY_SHIFT	6
#define KTAP_ENTRY_FIRST	4
#define KTAP_BUCKET_SHIFT	9
#define KTAP_BUCKET_FIRST	8
#define KTAP_NODE_SHIFT		8
#define KTAP_NODE_SIZE		(sizeof(void *) << KTAP_NODE_SHIFT)

struct ktap_radix_kind {
	u32 shift;		/* of elements in a segment */
	u32 first;		/* elements of the first segment, to begin with */
	u32 size;		/* of an element */
};

static const struct ktap_radix_kind ktap_entries = {
	KTAP_ENTRY_SHIFT, KTAP_ENTRY_FIRST, sizeof(struct ktap_entry)
};

static const struct ktap_radix_kind ktap_buckets = {
	KTAP_BUCKET_SHIFT, KTAP_BUCKET_FIRST, sizeof(u32)
};

static __always_inline void *ktap_radix_at(const struct ktap_radix *r,
					   const struct ktap_radix_kind *k, u32 i)
{
	void *p = r->root;
	u32 h;

	for (h = r->height; h; h--)
		p = ((void **)p)[(i >> (k->shift + (h - 1) * KTAP_NODE_SHIFT)) &
				 ((1U << KTAP_NODE_SHIFT) - 1)];
	return p + (size_t)(i & ((1U << k->shift) - 1)) * k->size;
}

static __always_inline struct ktap_entry *ktap_entry(const struct ktap_stripe *s, u32 i)
{
	return ktap_radix_at(&s->entries, &ktap_entries, i);
}

static __always_inline u32 *ktap_bucket(const struct ktap_stripe *s, u32 i)
{
	return ktap_radix_at(&s->buckets, &ktap_buckets, i);
}

/* A stripe has cache lines of its own if there are several. */
#define KTAP_STRIPE_SIZE	ALIGN(sizeof(struct ktap_stripe), 64)

static inline struct ktap_stripe *ktap_stripe(const struct ktap_table *t, u32 i)
{
	return (struct ktap_stripe *)(t->stripes + i * KTAP_STRIPE_SIZE);
}

/* table.c */
struct ktap_entry *ktap_stripe_append(struct ktap_vm *vm, struct ktap_stripe *s, bool nmi);
int ktap_stripe_index(struct ktap_vm *vm, struct ktap_stripe *s, bool nmi);
u32 ktap_key_hash(struct ktap_vm *vm, const struct ktap_val *key);

#endif /* _KTAP_TABLE_H */
