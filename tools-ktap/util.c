// SPDX-License-Identifier: GPL-2.0
/*
 * util: memory for the compiler and the tool.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* Smaller ones, for those who look for errors, show what is out of bounds */
#ifndef ARENA_BLOCK
#define ARENA_BLOCK	65536
#endif

struct arena_block {
	struct arena_block *next;
	size_t used;
	size_t size;
	/* max_align_t would do, but 8 is enough for all that is put here */
	__u64 data[];
};

static void *check(void *p)
{
	if (!p) {
		fputs("ktap: error: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

void *xmalloc(size_t n)
{
	return check(malloc(n ? n : 1));
}

void *xrealloc(void *p, size_t n)
{
	return check(realloc(p, n ? n : 1));
}

char *xstrdup(const char *s)
{
	return check(strdup(s));
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	if (b->cap - b->len < n) {
		b->cap = (b->len + n) * 2 + 64;
		b->data = xrealloc(b->data, b->cap);
	}
	if (n)
		memcpy(b->data + b->len, p, n);
	b->len += n;
}

void buf_pad(struct buf *b, size_t align)
{
	while (b->len % align)
		buf_addc(b, 0);
}

void buf_free(struct buf *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

void *arena_alloc(struct arena *a, size_t n)
{
	struct arena_block *blk = a->head;
	size_t size;
	void *p;

	n = (n + 7) & ~(size_t)7;
	if (!blk || blk->size - blk->used < n) {
		size = n > ARENA_BLOCK ? n : ARENA_BLOCK;
		blk = xmalloc(sizeof(*blk) + size);
		blk->next = a->head;
		blk->used = 0;
		blk->size = size;
		a->head = blk;
	}
	p = (char *)blk->data + blk->used;
	blk->used += n;
	memset(p, 0, n);
	return p;
}

void arena_free(struct arena *a)
{
	struct arena_block *next;

	while (a->head) {
		next = a->head->next;
		free(a->head);
		a->head = next;
	}
}

void *arena_grow(struct arena *a, void *old, size_t n, size_t *cap, size_t size)
{
	void *p;

	if (n < *cap)
		return old;
	*cap = *cap ? *cap * 2 : 8;
	p = arena_alloc(a, *cap * size);
	if (n)
		memcpy(p, old, n * size);
	return p;
}
