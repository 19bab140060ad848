/* SPDX-License-Identifier: GPL-2.0 */
/*
 * image: writes images, and reads them for the dump and the renderer.
 *
 * The format is that of include/uapi/linux/ktap.h, little-endian on every
 * machine. image_open() checks all that image_*() functions rely on, but not
 * the code: that is the kernel's verifier's work.
 */
#ifndef _KTAP_IMAGE_H
#define _KTAP_IMAGE_H

#include <stdbool.h>

#include "../../include/uapi/linux/ktap.h"
#include "ktap_compile.h"
#include "util.h"

struct image_builder;

struct image_func {
	const char *name;
	size_t name_len;
	unsigned int line;
	const unsigned int *code;
	const unsigned int *lines;
	unsigned int ncode;
	struct ktap_img_upval *upvals;
	unsigned int nupvals;
	unsigned int nparams;
	unsigned int nregs;
	unsigned int flags;
};

struct image_builder *image_new(const char *source);
void image_free(struct image_builder *ib);
/* Each returns the index, or -1 when there is no room for one more */
int image_int(struct image_builder *ib, __s64 v);
int image_str(struct image_builder *ib, const char *s, size_t len);
int image_global(struct image_builder *ib, const char *s, size_t len, unsigned int kind);
int image_builtin(struct image_builder *ib, const char *name);
/* A function gets its number before its code is known */
int image_reserve_func(struct image_builder *ib);
void image_set_func(struct image_builder *ib, int index, const struct image_func *f);
/* NULL if it would be over KTAP_MAX_IMAGE */
struct ktap_image *image_finish(struct image_builder *ib);

struct image_reader {
	const unsigned char *data;
	size_t size;
	const unsigned char *sec[KTAP_SEC_NR];
	unsigned int n[KTAP_SEC_NR];	/* elements; bytes for the strings */
};

struct image_text {
	const char *s;
	unsigned int len;
};

/* 0, or -1 with the reason in *err */
int image_open(struct image_reader *r, const void *data, size_t size, const char **err);
struct image_text image_source(const struct image_reader *r);
/* The constant's type, 0 if there is none */
int image_const(const struct image_reader *r, unsigned int i, __s64 *v, struct image_text *s);
struct image_text image_global_at(const struct image_reader *r, unsigned int i,
				  unsigned int *kind);
struct image_text image_builtin_at(const struct image_reader *r, unsigned int i);
/* @f: numbers only; code, lines and upvals are indexes for the next two */
struct image_func_info {
	struct image_text name;
	unsigned int line, code, ncode, upval, nupvals, nparams, nregs, flags;
};

int image_func_at(const struct image_reader *r, unsigned int i, struct image_func_info *f);
unsigned int image_code_at(const struct image_reader *r, unsigned int i);
unsigned int image_line_at(const struct image_reader *r, unsigned int i);
void image_upval_at(const struct image_reader *r, unsigned int i, bool *from_reg,
		    unsigned int *index);

#endif /* _KTAP_IMAGE_H */
