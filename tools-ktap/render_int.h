/* SPDX-License-Identifier: GPL-2.0 */
/*
 * render_int: what render.c (text) and json.c share: the values of records.
 */
#ifndef _KTAP_RENDER_INT_H
#define _KTAP_RENDER_INT_H

#include <stdbool.h>
#include <string.h>

#include "image.h"
#include "render.h"
#include "render_agg.h"

struct row {
	const struct ktap_rec_val *key;
	const struct ktap_rec_val *val;
	const struct ktap_render *r;	/* for qsort() */
};

struct table {
	struct table *next;
	__u32 id;
	bool busy;			/* being made text of */
	struct buf data;		/* the values, as in the records */
	size_t nrows;
	bool alike;			/* keys may be that were not */
	bool merged;			/* made here, of the rows of several histograms */
};

struct ktap_render {
	struct image_reader img;
	FILE *out;
	struct ktap_render_ops ops;
	struct table *tables;
	unsigned int ntables;
	__u32 merged_id;		/* the last number of a table that was made here */
	struct buf tmp;
	struct buf plain;		/* the values of a record, see render_user.h */
	bool inside;			/* the output ends inside of a line */
};

/* Values in a record */
struct vals {
	const char *p;
	size_t left;
};

static inline size_t align8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static inline const struct ktap_rec_val *next_val(struct vals *v)
{
	const struct ktap_rec_val *val = (const void *)v->p;
	size_t n;

	if (v->left < sizeof(*val) || val->len > v->left - sizeof(*val))
		return NULL;
	n = align8(sizeof(*val) + val->len);
	if (n > v->left)
		n = v->left;
	v->p += n;
	v->left -= n;
	return val;
}

static inline __s64 get_int(const struct ktap_rec_val *v)
{
	__s64 i = 0;

	if (v->type == KTAP_VAL_INT && v->len >= sizeof(i))
		memcpy(&i, v->data, sizeof(i));
	return i;
}

static inline __u32 get_u32(const struct ktap_rec_val *v)
{
	__u32 i = UINT32_MAX;

	if (v->len >= sizeof(i))
		memcpy(&i, v->data, sizeof(i));
	return i;
}

static inline struct image_text get_str(const struct ktap_render *r,
					const struct ktap_rec_val *v)
{
	struct image_text t = { "", 0 };
	__s64 i;

	if (v->type == KTAP_VAL_KSTR)
		image_const(&r->img, get_u32(v), &i, &t);
	else
		t = (struct image_text){ (const char *)v->data, v->len };
	return t;
}

static inline bool get_agg(const struct ktap_rec_val *v, struct ktap_rec_agg *a)
{
	if (v->type != KTAP_VAL_AGG || v->len < sizeof(*a))
		return false;
	memcpy(a, v->data, sizeof(*a));
	return true;
}

/* render.c: what an aggregation has by key; NULL if there is nothing */
struct table *render_keys(struct ktap_render *r, const struct ktap_rec_agg *a);
/* The rows of its histogram, in their order; free() them. NULL: none */
struct agg_row *render_buckets(struct ktap_render *r, const struct ktap_rec_agg *a, size_t *n);
/* The rows of a table, sorted by value or key; free() them. NULL: none */
struct row *render_rows(struct ktap_render *r, __u32 id, bool by_value, size_t *n);
/* The text of a value, and that of a printf */
void render_value(struct ktap_render *r, struct buf *b, const struct ktap_rec_val *v);
void render_format(struct ktap_render *r, struct buf *b, struct vals v);

/* The next frame of a stack's text; false after the last */
bool render_frame(struct vals *text, struct vals *frame);

/* json.c: 1: the record is none that JSON has a form for; -1: it is damaged */
int json_record(struct ktap_render *r, const struct ktap_rec *rec, struct vals v);

#endif /* _KTAP_RENDER_INT_H */
