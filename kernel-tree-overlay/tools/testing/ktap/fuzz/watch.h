/* SPDX-License-Identifier: GPL-2.0 */
/*
 * watch: looks over the shoulder of a VM.
 *
 * Functions that files of the VM call in each other (blocks of the pool,
 * strings in the arena, objects, values of slots) go through here first: the
 * linker's --wrap.  So it is known at any time which blocks there are and how
 * large they are, what ends where in the arena, and what was to be counted.
 */
#ifndef _KTAP_FUZZ_WATCH_H
#define _KTAP_FUZZ_WATCH_H

#include "fuzz.h"

/* What has to be counted, as far as it can be seen from outside */
struct watch_counts {
	unsigned long cut;		/* strings that ktap_set_str() made shorter */
	unsigned long dropped;		/* values that a handler had no memory for */
	unsigned long limits;		/* of work, of strings and of memory, reached */
};

extern struct watch_counts watch_counts;

/*
 * From here on, for one VM; @deep: registers are looked at again and again;
 * @markers: what is behind the arguments of builtins is changed meanwhile.
 */
void watch_begin(bool deep, bool markers);
void watch_end(void);

/* A handler or a chunk is about to run in @x. */
void watch_run(struct ktap_exec *x);

/*
 * Nothing runs: each block has one owner, each object as many references as it
 * counts, each table finds its entries, and whatever is left is to be freed.
 */
void watch_check_heap(struct ktap_vm *vm);

#endif /* _KTAP_FUZZ_WATCH_H */
