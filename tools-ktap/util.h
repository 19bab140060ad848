/* SPDX-License-Identifier: GPL-2.0 */
/*
 * util: memory for the compiler and the tool.
 *
 * All functions end the program with a message when there is no memory left;
 * a compiler of scripts has nothing better to do then.
 */
#ifndef _KTAP_UTIL_H
#define _KTAP_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

void *xmalloc(size_t n);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);

/* A growing array of bytes */
struct buf {
	char *data;
	size_t len;
	size_t cap;
};

void buf_add(struct buf *b, const void *p, size_t n);
void buf_pad(struct buf *b, size_t align);
void buf_free(struct buf *b);

static inline void buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

/*
 * An arena: what is allocated from it lives until arena_free(), so that the
 * parser can leave a statement anywhere without losing memory.
 */
struct arena {
	struct arena_block *head;
};

void *arena_alloc(struct arena *a, size_t n);	/* zeroed */
void arena_free(struct arena *a);

/* Room for one more in an array in the arena; the old copy stays until the end */
void *arena_grow(struct arena *a, void *old, size_t n, size_t *cap, size_t size);

#endif /* _KTAP_UTIL_H */
