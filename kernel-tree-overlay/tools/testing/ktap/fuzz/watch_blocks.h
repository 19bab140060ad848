/* SPDX-License-Identifier: GPL-2.0 */
/*
 * watch: the blocks that a VM has, for watch.c and watch_heap.c.
 */
#ifndef _KTAP_FUZZ_WATCH_BLOCKS_H
#define _KTAP_FUZZ_WATCH_BLOCKS_H

#include "fuzz.h"

#define WATCH_MAX_BLOCKS	65536

/**
 * struct watch_block - a block of the pool, or one that was
 * @p: where it is
 * @size: bytes that it was allocated with; 0: it is free
 * @generation: of which VM
 * @object: it is a struct ktap_obj
 * @claimed: it was met in the heap
 * @refs: references to it that were met, if it is an object
 */
struct watch_block {
	const void *p;
	u32 size;
	u32 generation;
	bool object;
	bool claimed;
	long refs;
};

/* Between watch_begin() and watch_end() */
extern bool watch_on;
/* What is behind the arguments of builtins is changed. */
extern bool watch_markers;

/* All blocks that there are and were */
extern struct watch_block *watch_blocks[WATCH_MAX_BLOCKS];
extern unsigned int watch_nblocks;

/* A block that is not free, or NULL */
struct watch_block *watch_block(const void *p);

#endif /* _KTAP_FUZZ_WATCH_BLOCKS_H */
