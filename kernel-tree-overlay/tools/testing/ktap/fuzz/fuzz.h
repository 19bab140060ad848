/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the fuzz targets share.
 *
 * A target is a program of libFuzzer with one entry, LLVMFuzzerTestOneInput(),
 * and maybe a mutator of its own.  What must not happen ends the process:
 * FUZZ_CHECK(), or a sanitizer.
 */
#ifndef _KTAP_FUZZ_H
#define _KTAP_FUZZ_H

#include "shim.h"
#include "vm.h"

#define FUZZ_CHECK(cond)						\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
			abort();					\
		}							\
	} while (0)

/* libFuzzer's */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t asize, const uint8_t *b, size_t bsize,
				 uint8_t *out, size_t max, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

/* fuzz-common.c */

/* A FILE that takes everything and keeps nothing */
FILE *fuzz_null(void);
/* Keeps the execs of handlers, which otherwise come and go with each VM */
void fuzz_keep_execs(void);
/* Nobody holds an exec of a handler */
void fuzz_check_guards(void);
/* The pool's books are in order */
void fuzz_check_pool(const struct ktap_pool *p);
/* Whether the bytes are whole records, of which each is as uapi/linux/ktap.h says */
bool fuzz_check_records(const struct ktap_vm *vm, const char *p, size_t len);
/* How many strings and compound keys in them say that they were cut */
unsigned long fuzz_count_cut(const char *p, size_t len);
u32 fuzz_hash(const void *p, size_t len);

#endif /* _KTAP_FUZZ_H */
