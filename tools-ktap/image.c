// SPDX-License-Identifier: GPL-2.0
/*
 * image: writes and reads images.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"

/* What is already in the image, to use it again */
struct entry {
	struct entry *next;
	__u32 hash;
	int type;
	int index;
	__s64 i;
	__u32 off;
	__u32 len;
};

/* Constants, and string bytes by themselves, which globals and names refer to */
enum {
	ENTRY_INT = KTAP_CONST_INT,
	ENTRY_STR = KTAP_CONST_STR,
	ENTRY_BYTES,
};

struct image_builder {
	struct arena arena;
	struct entry **buckets;
	unsigned int nbuckets;
	unsigned int nentries;
	struct buf sec[KTAP_SEC_NR];
	struct image_func *funcs;
	unsigned int nfuncs;
	unsigned int funcs_cap;
	struct ktap_img_str source;
};

static const size_t elem_size[KTAP_SEC_NR] = {
	[KTAP_SEC_STRINGS]	= 1,
	[KTAP_SEC_CONSTS]	= sizeof(struct ktap_img_const),
	[KTAP_SEC_GLOBALS]	= sizeof(struct ktap_img_global),
	[KTAP_SEC_BUILTINS]	= sizeof(struct ktap_img_str),
	[KTAP_SEC_FUNCS]	= sizeof(struct ktap_img_func),
	[KTAP_SEC_UPVALS]	= sizeof(struct ktap_img_upval),
	[KTAP_SEC_CODE]		= sizeof(__le32),
	[KTAP_SEC_LINES]	= sizeof(__le32),
};

static __u32 hash_bytes(__u32 h, const void *p, size_t len)
{
	const unsigned char *s = p;

	while (len--)
		h = (h ^ *s++) * 16777619u;
	return h;
}

static struct entry *find(struct image_builder *ib, int type, __u32 hash, __s64 i,
			  const char *s, size_t len)
{
	struct entry *e;

	for (e = ib->nbuckets ? ib->buckets[hash % ib->nbuckets] : NULL; e; e = e->next) {
		if (e->type != type || e->hash != hash)
			continue;
		if (type == ENTRY_INT ? e->i == i :
		    e->len == len && !memcmp(ib->sec[KTAP_SEC_STRINGS].data + e->off, s, len))
			return e;
	}
	return NULL;
}

static void rehash(struct image_builder *ib)
{
	unsigned int n = ib->nbuckets ? ib->nbuckets * 4 : 64, i;
	struct entry **b = arena_alloc(&ib->arena, n * sizeof(*b)), *e, *next;

	for (i = 0; i < ib->nbuckets; i++) {
		for (e = ib->buckets[i]; e; e = next) {
			next = e->next;
			e->next = b[e->hash % n];
			b[e->hash % n] = e;
		}
	}
	ib->buckets = b;
	ib->nbuckets = n;
}

static struct entry *add(struct image_builder *ib, int type, __u32 hash)
{
	struct entry *e = arena_alloc(&ib->arena, sizeof(*e));

	if (ib->nentries++ >= ib->nbuckets)
		rehash(ib);
	e->type = type;
	e->hash = hash;
	e->next = ib->buckets[hash % ib->nbuckets];
	ib->buckets[hash % ib->nbuckets] = e;
	return e;
}

static struct ktap_img_str put_bytes(struct image_builder *ib, const char *s, size_t len)
{
	struct buf *b = &ib->sec[KTAP_SEC_STRINGS];
	__u32 hash;
	struct entry *e;

	/* a buffer that was never written has no address to compare with */
	if (!len)
		return (struct ktap_img_str){};
	hash = hash_bytes(ENTRY_BYTES, s, len);
	e = find(ib, ENTRY_BYTES, hash, 0, s, len);
	if (!e) {
		e = add(ib, ENTRY_BYTES, hash);
		e->off = b->len;
		e->len = len;
		buf_add(b, s, len);
	}
	return (struct ktap_img_str){ .off = htole32(e->off), .len = htole32(e->len) };
}

struct image_builder *image_new(const char *source)
{
	struct image_builder *ib = xmalloc(sizeof(*ib));
	size_t len = strlen(source);

	memset(ib, 0, sizeof(*ib));
	ib->source = put_bytes(ib, source, len > KTAP_MAX_STR ? KTAP_MAX_STR : len);
	return ib;
}

void image_free(struct image_builder *ib)
{
	int i;

	for (i = 0; i < KTAP_SEC_NR; i++)
		buf_free(&ib->sec[i]);
	free(ib->funcs);
	arena_free(&ib->arena);
	free(ib);
}

static int put_const(struct image_builder *ib, const struct ktap_img_const *c)
{
	struct buf *b = &ib->sec[KTAP_SEC_CONSTS];
	size_t n = b->len / sizeof(*c);

	if (n == KTAP_MAX_CONSTS)
		return -1;
	buf_add(b, c, sizeof(*c));
	return n;
}

int image_int(struct image_builder *ib, __s64 v)
{
	__u32 hash = hash_bytes(ENTRY_INT, &v, sizeof(v));
	struct entry *e = find(ib, ENTRY_INT, hash, v, NULL, 0);
	struct ktap_img_const c = {
		.type = htole32(KTAP_CONST_INT),
		.i = htole64(v),
	};
	int index;

	if (e)
		return e->index;
	index = put_const(ib, &c);
	if (index < 0)
		return -1;
	e = add(ib, ENTRY_INT, hash);
	e->i = v;
	e->index = index;
	return index;
}

int image_str(struct image_builder *ib, const char *s, size_t len)
{
	struct ktap_img_const c = { .type = htole32(KTAP_CONST_STR) };
	__u32 hash = hash_bytes(ENTRY_STR, s, len);
	struct entry *e;
	int index;

	e = find(ib, ENTRY_STR, hash, 0, s, len);
	if (e)
		return e->index;
	c.s = put_bytes(ib, s, len);
	index = put_const(ib, &c);
	if (index < 0)
		return -1;
	e = add(ib, ENTRY_STR, hash);
	e->off = le32toh(c.s.off);
	e->len = len;
	e->index = index;
	return index;
}

int image_global(struct image_builder *ib, const char *s, size_t len, unsigned int kind)
{
	struct buf *b = &ib->sec[KTAP_SEC_GLOBALS];
	struct ktap_img_global g = { .kind = htole32(kind) };
	size_t n = b->len / sizeof(g);

	if (n == KTAP_MAX_GLOBALS)
		return -1;
	g.name = put_bytes(ib, s, len);
	buf_add(b, &g, sizeof(g));
	return n;
}

int image_builtin(struct image_builder *ib, const char *name)
{
	struct buf *b = &ib->sec[KTAP_SEC_BUILTINS];
	struct ktap_img_str s = put_bytes(ib, name, strlen(name));
	size_t n = b->len / sizeof(s), i;

	for (i = 0; i < n; i++)
		if (!memcmp(b->data + i * sizeof(s), &s, sizeof(s)))
			return i;
	if (n == KTAP_MAX_BUILTINS)
		return -1;
	buf_add(b, &s, sizeof(s));
	return n;
}

int image_reserve_func(struct image_builder *ib)
{
	if (ib->nfuncs == KTAP_MAX_FUNCS)
		return -1;
	if (ib->nfuncs == ib->funcs_cap) {
		ib->funcs_cap = ib->funcs_cap * 2 + 16;
		ib->funcs = xrealloc(ib->funcs, ib->funcs_cap * sizeof(*ib->funcs));
	}
	memset(&ib->funcs[ib->nfuncs], 0, sizeof(*ib->funcs));
	return ib->nfuncs++;
}

void image_set_func(struct image_builder *ib, int index, const struct image_func *f)
{
	ib->funcs[index] = *f;
}

static void put_func(struct image_builder *ib, const struct image_func *f)
{
	struct ktap_img_func out = {
		.line = htole32(f->line),
		.code = htole32(ib->sec[KTAP_SEC_CODE].len / sizeof(__le32)),
		.ncode = htole32(f->ncode),
		.upval = htole32(ib->sec[KTAP_SEC_UPVALS].len / sizeof(*f->upvals)),
		.nupvals = f->nupvals,
		.nparams = f->nparams,
		.nregs = f->nregs,
		.flags = f->flags,
	};
	unsigned int i;
	__le32 v;

	out.name = put_bytes(ib, f->name ? f->name : "", f->name ? f->name_len : 0);
	buf_add(&ib->sec[KTAP_SEC_FUNCS], &out, sizeof(out));
	buf_add(&ib->sec[KTAP_SEC_UPVALS], f->upvals, f->nupvals * sizeof(*f->upvals));
	for (i = 0; i < f->ncode; i++) {
		v = htole32(f->code[i]);
		buf_add(&ib->sec[KTAP_SEC_CODE], &v, sizeof(v));
		v = htole32(f->lines[i]);
		buf_add(&ib->sec[KTAP_SEC_LINES], &v, sizeof(v));
	}
}

struct ktap_image *image_finish(struct image_builder *ib)
{
	struct ktap_img_header h = {
		.magic = htole32(KTAP_IMAGE_MAGIC),
		.version = htole16(KTAP_IMAGE_VERSION),
		.header_size = htole16(sizeof(h)),
		.source = ib->source,
	};
	struct ktap_image *img;
	struct buf out = {};
	unsigned int i;

	for (i = 0; i < ib->nfuncs; i++)
		put_func(ib, &ib->funcs[i]);
	buf_add(&out, &h, sizeof(h));
	for (i = 0; i < KTAP_SEC_NR; i++) {
		buf_pad(&out, 8);
		h.sections[i].off = htole32(out.len);
		h.sections[i].size = htole32(ib->sec[i].len);
		buf_add(&out, ib->sec[i].data, ib->sec[i].len);
	}
	buf_pad(&out, 8);
	if (out.len > KTAP_MAX_IMAGE) {
		buf_free(&out);
		return NULL;
	}
	h.image_size = htole32(out.len);
	memcpy(out.data, &h, sizeof(h));
	img = xmalloc(sizeof(*img));
	img->data = out.data;
	img->size = out.len;
	return img;
}

void ktap_image_free(struct ktap_image *img)
{
	if (!img)
		return;
	free(img->data);
	free(img);
}

/*
 * Reading
 */

static __u32 get32(const void *p)
{
	__u32 v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

int image_open(struct image_reader *r, const void *data, size_t size, const char **err)
{
	const struct ktap_img_header *h = data;
	__u32 off, len, end = sizeof(*h);
	unsigned int i;

	memset(r, 0, sizeof(*r));
	if (size < 8 || get32(data) != KTAP_IMAGE_MAGIC) {
		*err = "this is not a ktap image";
		return -1;
	}
	if (le16toh(h->version) != KTAP_IMAGE_VERSION) {
		*err = "the image is of another version, compile the script again";
		return -1;
	}
	if (size < sizeof(*h) || size < get32(&h->image_size)) {
		*err = "the image is cut short";
		return -1;
	}
	if (size > get32(&h->image_size) || le16toh(h->header_size) != sizeof(*h) ||
	    size > KTAP_MAX_IMAGE) {
		*err = "the image is damaged";
		return -1;
	}
	*err = "the image is damaged";
	r->data = data;
	r->size = size;
	for (i = 0; i < KTAP_SEC_NR; i++) {
		off = get32(&h->sections[i].off);
		len = get32(&h->sections[i].size);
		if (off < end || off % 8 || off > size || len > size - off ||
		    len % elem_size[i])
			return -1;
		r->sec[i] = r->data + off;
		r->n[i] = len / elem_size[i];
		end = off + len;
	}
	if (r->n[KTAP_SEC_LINES] != r->n[KTAP_SEC_CODE])
		return -1;
	*err = NULL;
	return 0;
}

static struct image_text text_at(const struct image_reader *r, const struct ktap_img_str *s)
{
	__u32 off = get32(&s->off), len = get32(&s->len);

	if (off > r->n[KTAP_SEC_STRINGS] || len > r->n[KTAP_SEC_STRINGS] - off)
		return (struct image_text){ "", 0 };
	return (struct image_text){ (const char *)r->sec[KTAP_SEC_STRINGS] + off, len };
}

struct image_text image_source(const struct image_reader *r)
{
	return text_at(r, &((const struct ktap_img_header *)r->data)->source);
}

int image_const(const struct image_reader *r, unsigned int i, __s64 *v, struct image_text *s)
{
	struct ktap_img_const c;

	if (i >= r->n[KTAP_SEC_CONSTS])
		return 0;
	memcpy(&c, r->sec[KTAP_SEC_CONSTS] + i * sizeof(c), sizeof(c));
	if (le32toh(c.type) == KTAP_CONST_INT)
		*v = le64toh(c.i);
	else if (le32toh(c.type) == KTAP_CONST_STR)
		*s = text_at(r, &c.s);
	else
		return 0;
	return le32toh(c.type);
}

struct image_text image_global_at(const struct image_reader *r, unsigned int i,
				  unsigned int *kind)
{
	struct ktap_img_global g;

	if (i >= r->n[KTAP_SEC_GLOBALS])
		return (struct image_text){ "?", 1 };
	memcpy(&g, r->sec[KTAP_SEC_GLOBALS] + i * sizeof(g), sizeof(g));
	if (kind)
		*kind = le32toh(g.kind);
	return text_at(r, &g.name);
}

struct image_text image_builtin_at(const struct image_reader *r, unsigned int i)
{
	struct ktap_img_str s;

	if (i >= r->n[KTAP_SEC_BUILTINS])
		return (struct image_text){ "?", 1 };
	memcpy(&s, r->sec[KTAP_SEC_BUILTINS] + i * sizeof(s), sizeof(s));
	return text_at(r, &s);
}

int image_func_at(const struct image_reader *r, unsigned int i, struct image_func_info *f)
{
	struct ktap_img_func in;

	if (i >= r->n[KTAP_SEC_FUNCS])
		return -1;
	memcpy(&in, r->sec[KTAP_SEC_FUNCS] + i * sizeof(in), sizeof(in));
	*f = (struct image_func_info){
		.name = text_at(r, &in.name),
		.line = le32toh(in.line),
		.code = le32toh(in.code),
		.ncode = le32toh(in.ncode),
		.upval = le32toh(in.upval),
		.nupvals = in.nupvals,
		.nparams = in.nparams,
		.nregs = in.nregs,
		.flags = in.flags,
	};
	if (f->code > r->n[KTAP_SEC_CODE] || f->ncode > r->n[KTAP_SEC_CODE] - f->code ||
	    f->upval > r->n[KTAP_SEC_UPVALS] || f->nupvals > r->n[KTAP_SEC_UPVALS] - f->upval)
		return -1;
	return 0;
}

unsigned int image_code_at(const struct image_reader *r, unsigned int i)
{
	return get32(r->sec[KTAP_SEC_CODE] + i * sizeof(__le32));
}

unsigned int image_line_at(const struct image_reader *r, unsigned int i)
{
	return get32(r->sec[KTAP_SEC_LINES] + i * sizeof(__le32));
}

void image_upval_at(const struct image_reader *r, unsigned int i, bool *from_reg,
		    unsigned int *index)
{
	const unsigned char *p = r->sec[KTAP_SEC_UPVALS] + i * sizeof(struct ktap_img_upval);

	*from_reg = p[0];
	*index = p[1];
}
