// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: the pool, where scripts' tables, kept strings and objects live.
 *
 * Handlers cannot allocate from the kernel: they run inside the allocators,
 * and in NMI.  So the pool holds memory that setup context and the worker
 * took ahead (ktap_pool_refill()), in chunks that go back only when the VM is
 * destroyed.  Blocks of a few sizes are cut from chunks and recycled by size.
 * Nothing is larger than KTAP_POOL_MAX: what grows, grows by small blocks
 * (struct ktap_radix), so that no handler ever copies much or needs
 * contiguous memory.
 *
 * How much is kept ready adapts to demand: whenever handlers ran the pool
 * dry, or close to it, between two refills, the watermark doubles.
 *
 * Contexts: ktap_pool_alloc() and ktap_pool_free(): any.  The others: process
 * context, and may sleep.
 * Locks: ktap_pool.lock, a leaf.  Where it is taken outside of a handler while
 * handlers may run, it is inside ktap_guard_enter().
 */
#include <linux/cache.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "vm.h"

/* Tests have a block be missing where they like. */
#ifndef ktap_fail_block
#define ktap_fail_block()	false
#endif

#define KTAP_WATERMARK_MIN	(2 * KTAP_CHUNK_SIZE)
#define KTAP_WATERMARK_MAX	(4 << 20)

/**
 * struct ktap_chunk - memory from the kernel
 * @next: in ktap_pool.chunks
 * @next_ready: in ktap_pool.ready
 * @data: to cut blocks from
 */
struct ktap_chunk {
	struct ktap_chunk *next;
	struct ktap_chunk *next_ready;
	char data[] __aligned(16);
};

#define KTAP_CHUNK_DATA	(KTAP_CHUNK_SIZE - offsetof(struct ktap_chunk, data))

/*
 * Sizes of blocks, multiples of 16: the small ones for strings and objects,
 * 2560 for 64 entries of a table, 2048 for its buckets and nodes, the largest
 * for strings of KTAP_MAX_STR bytes.
 */
static const u16 ktap_class_size[KTAP_POOL_CLASSES] = {
	32, 48, 64, 80, 96, 128, 160, 192, 256, 320, 512, 640, 1024, 1280, 2048,
	2560, 3584, KTAP_POOL_MAX,
};

/* A free block; it keeps its place in a list in its first bytes. */
struct ktap_block {
	union {
		struct ktap_block *next;
		struct llist_node deferred;
	};
};

static unsigned int ktap_class(size_t size)
{
	unsigned int lo = 0, hi = KTAP_POOL_CLASSES - 1;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (ktap_class_size[mid] < size)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/**
 * ktap_pool_init() - make an empty pool
 * @p: the pool
 * @limit: bytes that it may come to hold
 */
void ktap_pool_init(struct ktap_pool *p, u64 limit)
{
	unsigned int i;

	memset(p, 0, sizeof(*p));
	ktap_spin_init(&p->lock);
	for (i = 0; i < KTAP_POOL_CLASSES; i++)
		init_llist_head(&p->deferred[i]);
	p->limit = limit;
	p->watermark = KTAP_WATERMARK_MIN;
}

/**
 * ktap_pool_destroy() - free a pool and all that is in it
 * @p: the pool; nobody uses it
 *
 * Context: process context, may sleep.
 */
void ktap_pool_destroy(struct ktap_pool *p)
{
	while (p->chunks) {
		struct ktap_chunk *c = p->chunks;

		p->chunks = c->next;
		ktap_unpoison(c->data, KTAP_CHUNK_DATA);
		kvfree(c);
	}
}

/* Puts a block that nobody uses in its list; @p->lock is held. */
static void ktap_pool_put(struct ktap_pool *p, void *ptr, unsigned int class)
{
	struct ktap_block *b = ptr;

	ktap_unpoison(b, sizeof(*b));
	b->next = p->free[class];
	p->free[class] = b;
	ktap_poison(b + 1, ktap_class_size[class] - sizeof(*b));
}

/* Makes small blocks of the rest of a chunk; @p->lock is held. */
static void ktap_pool_shred(struct ktap_pool *p)
{
	while (p->bump_end - p->bump >= ktap_class_size[0]) {
		size_t rest = p->bump_end - p->bump;
		unsigned int class = ktap_class(min_t(size_t, rest, KTAP_POOL_MAX));

		if (ktap_class_size[class] > rest)
			class--;
		ktap_pool_put(p, p->bump, class);
		p->bump += ktap_class_size[class];
		p->ready_bytes -= ktap_class_size[class];
	}
	p->ready_bytes -= p->bump_end - p->bump;
	p->bump = p->bump_end;
}

/* A block that was never used; @p->lock is held. */
static void *ktap_pool_cut(struct ktap_pool *p, unsigned int class)
{
	void *ptr;

	if (p->bump_end - p->bump < ktap_class_size[class]) {
		struct ktap_chunk *c = p->ready;

		if (!c)
			return NULL;
		ktap_pool_shred(p);
		p->ready = c->next_ready;
		p->bump = c->data;
		p->bump_end = c->data + round_down(KTAP_CHUNK_DATA, 16);
	}
	ptr = p->bump;
	ktap_unpoison(ptr, ktap_class_size[class]);
	p->bump += ktap_class_size[class];
	WRITE_ONCE(p->ready_bytes, p->ready_bytes - ktap_class_size[class]);
	return ptr;
}

/**
 * ktap_pool_alloc() - take a block
 * @p: the pool
 * @size: bytes, at most KTAP_POOL_MAX
 * @nmi: the caller is in NMI
 *
 * Context: any.
 * Return: the block, not initialised; or ERR_PTR(-ENOMEM) if none is ready,
 *	ERR_PTR(-EBUSY) if an NMI found the pool locked.
 */
void *ktap_pool_alloc(struct ktap_pool *p, size_t size, bool nmi)
{
	unsigned int class = ktap_class(size);
	struct ktap_block *b;
	unsigned long flags;
	void *ptr;

	if (WARN_ON_ONCE(size > KTAP_POOL_MAX))
		return ERR_PTR(-ENOMEM);
	if (ktap_fail_block())
		return ERR_PTR(-ENOMEM);
	if (!ktap_lock(nmi, &p->lock, &flags))
		return ERR_PTR(-EBUSY);
	b = p->free[class];
	if (b) {
		p->free[class] = b->next;
		ktap_unpoison(b, ktap_class_size[class]);
		ptr = b;
	} else {
		ptr = ktap_pool_cut(p, class);
		if (!ptr)
			p->starved = true;
	}
	ktap_unlock(&p->lock, flags);
	if (!ptr)
		return ERR_PTR(-ENOMEM);
	ktap_poison(ptr + size, ktap_class_size[class] - size);
	return ptr;
}

/**
 * ktap_pool_free() - give a block back
 * @p: the pool
 * @ptr: the block
 * @size: what it was allocated with
 * @nmi: the caller is in NMI
 *
 * Context: any.
 */
void ktap_pool_free(struct ktap_pool *p, void *ptr, size_t size, bool nmi)
{
	unsigned int class = ktap_class(size);
	unsigned long flags;

	if (unlikely(!ktap_lock(nmi, &p->lock, &flags))) {
		struct ktap_block *b = ptr;

		ktap_unpoison(b, sizeof(*b));
		/* the next refill finds it there */
		llist_add(&b->deferred, &p->deferred[class]);
		return;
	}
	ktap_pool_put(p, ptr, class);
	ktap_unlock(&p->lock, flags);
}

/**
 * ktap_pool_grow() - add a chunk
 * @p: the pool
 *
 * Context: process context, may sleep.
 * Return: 0, or -ENOMEM if there is no memory, -EDQUOT if the limit is reached.
 */
int ktap_pool_grow(struct ktap_pool *p)
{
	struct ktap_chunk *c;
	unsigned long flags;
	struct ktap_exec *guard;

	/* who grows the pool at the same time may pass the limit by a chunk */
	if (READ_ONCE(p->bytes) + KTAP_CHUNK_SIZE > p->limit)
		return -EDQUOT;
	c = kvmalloc(KTAP_CHUNK_SIZE, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!c)
		return -ENOMEM;

	ktap_poison(c->data, KTAP_CHUNK_DATA);
	guard = ktap_guard_enter();
	flags = ktap_spin_lock(&p->lock);
	c->next = p->chunks;
	p->chunks = c;
	c->next_ready = p->ready;
	p->ready = c;
	WRITE_ONCE(p->bytes, p->bytes + KTAP_CHUNK_SIZE);
	WRITE_ONCE(p->ready_bytes, p->ready_bytes + round_down(KTAP_CHUNK_DATA, 16));
	ktap_spin_unlock(&p->lock, flags);
	ktap_guard_leave(guard);
	return 0;
}

/* Takes back what NMIs could not free. */
static void ktap_pool_drain(struct ktap_pool *p)
{
	struct ktap_block *b, *next;
	unsigned long flags;
	unsigned int i;
	struct ktap_exec *guard;

	for (i = 0; i < KTAP_POOL_CLASSES; i++) {
		if (llist_empty(&p->deferred[i]))
			continue;
		llist_for_each_entry_safe(b, next, llist_del_all(&p->deferred[i]),
					  deferred) {
			guard = ktap_guard_enter();
			flags = ktap_spin_lock(&p->lock);
			ktap_pool_put(p, b, i);
			ktap_spin_unlock(&p->lock, flags);
			ktap_guard_leave(guard);
		}
	}
}

/**
 * ktap_pool_refill() - fill a pool up to its watermark
 * @p: the pool
 *
 * Failure is no error here: those who find the pool empty report it.
 *
 * Context: process context, may sleep.
 */
void ktap_pool_refill(struct ktap_pool *p)
{
	size_t ready = READ_ONCE(p->ready_bytes);
	size_t mark = p->watermark;

	ktap_pool_drain(p);
	if ((p->starved || ready < mark / 4) && mark < KTAP_WATERMARK_MAX && p->chunks)
		WRITE_ONCE(p->watermark, mark * 2);
	p->starved = false;
	while (READ_ONCE(p->ready_bytes) < p->watermark) {
		if (ktap_pool_grow(p))
			break;
	}
}
