// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: the image loader.
 *
 * Takes hostile bytes and makes a struct ktap_prog of them: everything is
 * checked against the bounds of its section, copied once, and converted to
 * the machine's byte order.  What remains to be proved, about the code and how
 * it uses the rest, is up to verify.c.  The bytes of the image are not
 * looked at again afterwards.
 *
 * Contexts: process context, may sleep.
 * Locks: none.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

#include "vm.h"

/* Bytes that strings may come to when each is on its own */
#define KTAP_MAX_STRINGS	(2 * KTAP_MAX_IMAGE)

static const char * const ktap_tag_name[KTAP_TAG_NR] = {
#define KTAP_TAG_NAME(tag, text) #tag,
	KTAP_VERIFY_TAGS(KTAP_TAG_NAME)
#undef KTAP_TAG_NAME
};

static const char * const ktap_tag_text[KTAP_TAG_NR] = {
#define KTAP_TAG_TEXT(tag, text) text,
	KTAP_VERIFY_TAGS(KTAP_TAG_TEXT)
#undef KTAP_TAG_TEXT
};

static const struct ktap_bi ktap_builtins[KTAP_BI_NR] = {
#define KTAP_BI_DEF(id, name, min, max, flags) { ktap_bi_##id, KTAP_BI_##id, min, max, flags },
	KTAP_BUILTINS(KTAP_BI_DEF)
#undef KTAP_BI_DEF
};

static const char * const ktap_builtin_names[KTAP_BI_NR] = {
#define KTAP_BI_NAME(id, name, min, max, flags) name,
	KTAP_BUILTINS(KTAP_BI_NAME)
#undef KTAP_BI_NAME
};

static const u32 ktap_elem_size[KTAP_SEC_NR] = {
	[KTAP_SEC_STRINGS] = 1,
	[KTAP_SEC_CONSTS] = sizeof(struct ktap_img_const),
	[KTAP_SEC_GLOBALS] = sizeof(struct ktap_img_global),
	[KTAP_SEC_BUILTINS] = sizeof(struct ktap_img_str),
	[KTAP_SEC_FUNCS] = sizeof(struct ktap_img_func),
	[KTAP_SEC_UPVALS] = sizeof(struct ktap_img_upval),
	[KTAP_SEC_CODE] = sizeof(__le32),
	[KTAP_SEC_LINES] = sizeof(__le32),
};

/**
 * struct ktap_loader - an image while it is loaded
 * @data: its bytes
 * @size: how many
 * @log: gets the reason of a refusal
 * @sec: where the sections are
 * @n: elements in each section
 * @mem: all memory of the result
 * @strs: where the next string goes
 * @room: bytes that strings may take from there
 */
struct ktap_loader {
	const u8 *data;
	size_t size;
	struct ktap_log *log;
	const u8 *sec[KTAP_SEC_NR];
	u32 n[KTAP_SEC_NR];
	char *mem;
	char *strs;
	size_t room;
};

/**
 * ktap_refuse() - say why an image is refused
 * @log: gets a line
 * @tag: the reason
 * @fmt: where, and what the offending values are
 *
 * Return: -EINVAL
 */
int ktap_refuse(struct ktap_log *log, enum ktap_verify_tag tag, const char *fmt, ...)
{
	char where[160];
	va_list args;

	va_start(args, fmt);
	vscnprintf(where, sizeof(where), fmt, args);
	va_end(args);
	ktap_log(log, "%s: %s: %s\n", ktap_tag_name[tag], where, ktap_tag_text[tag]);
	return -EINVAL;
}

static size_t ktap_offset(const struct ktap_loader *l, const void *p)
{
	return (const u8 *)p - l->data;
}

static int ktap_load_header(struct ktap_loader *l)
{
	const struct ktap_img_header *h = (const void *)l->data;
	u32 end = sizeof(*h), i;

	if (l->size < sizeof(*h))
		return ktap_refuse(l->log, KTAP_TAG_SHORT_HEADER, "offset 0: %zu bytes", l->size);
	if (get_unaligned_le32(&h->magic) != KTAP_IMAGE_MAGIC)
		return ktap_refuse(l->log, KTAP_TAG_BAD_MAGIC, "offset 0");
	if (get_unaligned_le16(&h->version) != KTAP_IMAGE_VERSION)
		return ktap_refuse(l->log, KTAP_TAG_BAD_VERSION, "offset 4: version %u, not %u",
				   get_unaligned_le16(&h->version), KTAP_IMAGE_VERSION);
	if (get_unaligned_le16(&h->header_size) != sizeof(*h))
		return ktap_refuse(l->log, KTAP_TAG_HEADER_SIZE, "offset 6: %u bytes, not %zu",
				   get_unaligned_le16(&h->header_size), sizeof(*h));
	if (l->size > KTAP_MAX_IMAGE)
		return ktap_refuse(l->log, KTAP_TAG_IMAGE_LARGE, "offset 8: %zu bytes", l->size);
	if (get_unaligned_le32(&h->image_size) != l->size)
		return ktap_refuse(l->log, KTAP_TAG_IMAGE_SIZE, "offset 8: %u bytes, not %zu",
				   get_unaligned_le32(&h->image_size), l->size);
	if (h->flags)
		return ktap_refuse(l->log, KTAP_TAG_HEADER_FLAGS, "offset 12: %#x",
				   get_unaligned_le32(&h->flags));

	for (i = 0; i < KTAP_SEC_NR; i++) {
		size_t at = ktap_offset(l, &h->sections[i]);
		u32 off = get_unaligned_le32(&h->sections[i].off);
		u32 size = get_unaligned_le32(&h->sections[i].size);

		if (off % 8)
			return ktap_refuse(l->log, KTAP_TAG_SEC_ALIGN, "offset %zu: %u", at, off);
		if (off < end)
			return ktap_refuse(l->log, KTAP_TAG_SEC_ORDER, "offset %zu: %u before %u",
					   at, off, end);
		if (off > l->size || size > l->size - off)
			return ktap_refuse(l->log, KTAP_TAG_SEC_RANGE, "offset %zu: %u + %u",
					   at, off, size);
		if (off - end >= 8)
			return ktap_refuse(l->log, KTAP_TAG_SEC_GAP, "offset %u: %u bytes", end,
					   off - end);
		for (; end < off; end++) {
			if (l->data[end])
				return ktap_refuse(l->log, KTAP_TAG_SEC_GAP, "offset %u", end);
		}
		if (size % ktap_elem_size[i])
			return ktap_refuse(l->log, KTAP_TAG_SEC_ELEM, "offset %zu: %u of %u", at,
					   size, ktap_elem_size[i]);
		l->sec[i] = l->data + off;
		l->n[i] = size / ktap_elem_size[i];
		end = off + size;
	}
	if (l->size - end >= 8)
		return ktap_refuse(l->log, KTAP_TAG_SEC_GAP, "offset %u: %zu bytes", end,
				   l->size - end);
	for (; end < l->size; end++) {
		if (l->data[end])
			return ktap_refuse(l->log, KTAP_TAG_SEC_GAP, "offset %u", end);
	}
	return 0;
}

static int ktap_load_counts(struct ktap_loader *l)
{
	static const struct {
		u32 max;
		enum ktap_verify_tag tag;
	} limit[KTAP_SEC_NR] = {
		[KTAP_SEC_CONSTS] = { KTAP_MAX_CONSTS, KTAP_TAG_CONST_MANY },
		[KTAP_SEC_GLOBALS] = { KTAP_MAX_GLOBALS, KTAP_TAG_GLOBAL_MANY },
		[KTAP_SEC_BUILTINS] = { KTAP_MAX_BUILTINS, KTAP_TAG_BUILTIN_MANY },
		[KTAP_SEC_FUNCS] = { KTAP_MAX_FUNCS, KTAP_TAG_FUNC_MANY },
	};
	u32 i;

	for (i = 0; i < KTAP_SEC_NR; i++) {
		if (limit[i].max && l->n[i] > limit[i].max)
			return ktap_refuse(l->log, limit[i].tag, "offset %zu: %u, limit %u",
					   ktap_offset(l, l->sec[i]), l->n[i], limit[i].max);
	}
	if (!l->n[KTAP_SEC_FUNCS])
		return ktap_refuse(l->log, KTAP_TAG_FUNC_NONE, "offset %zu",
				   ktap_offset(l, l->sec[KTAP_SEC_FUNCS]));
	if (l->n[KTAP_SEC_LINES] != l->n[KTAP_SEC_CODE])
		return ktap_refuse(l->log, KTAP_TAG_LINES_SIZE, "offset %zu: %u lines for %u",
				   ktap_offset(l, l->sec[KTAP_SEC_LINES]),
				   l->n[KTAP_SEC_LINES], l->n[KTAP_SEC_CODE]);
	return 0;
}

/*
 * Checks a reference to a string and makes the string; in the first round,
 * when there is no memory yet, only adds up its size.
 */
static int ktap_load_str(struct ktap_loader *l, const struct ktap_img_str *ref,
			 struct ktap_str **out, enum ktap_verify_tag range,
			 enum ktap_verify_tag too_long)
{
	u32 off = get_unaligned_le32(&ref->off);
	u32 len = get_unaligned_le32(&ref->len);
	size_t size = ALIGN(ktap_str_size(len), 8);
	struct ktap_str *s;

	if (off > l->n[KTAP_SEC_STRINGS] || len > l->n[KTAP_SEC_STRINGS] - off)
		return ktap_refuse(l->log, range, "offset %zu: %u + %u of %u",
				   ktap_offset(l, ref), off, len, l->n[KTAP_SEC_STRINGS]);
	if (len > KTAP_MAX_STR)
		return ktap_refuse(l->log, too_long, "offset %zu: %u bytes, limit %u",
				   ktap_offset(l, ref), len, KTAP_MAX_STR);
	if (!l->mem) {
		l->room += size;
		if (l->room > KTAP_MAX_STRINGS)
			return ktap_refuse(l->log, KTAP_TAG_STRINGS_LARGE, "offset %zu",
					   ktap_offset(l, ref));
		return 0;
	}
	s = (struct ktap_str *)l->strs;
	/* the caller of ktap_vm_create() does not change the bytes; be sure */
	if (WARN_ON_ONCE(size > l->room))
		return -EINVAL;
	l->strs += size;
	l->room -= size;
	s->len = len;
	s->hash = 0;
	s->kidx = 0;
	memcpy(s->data, l->sec[KTAP_SEC_STRINGS] + off, len);
	s->data[len] = '\0';
	*out = s;
	return 0;
}

static int ktap_load_consts(struct ktap_loader *l, struct ktap_prog *img, u32 seed)
{
	const struct ktap_img_const *c = (const void *)l->sec[KTAP_SEC_CONSTS];
	u32 i;
	int ret;

	for (i = 0; i < l->n[KTAP_SEC_CONSTS]; i++, c++) {
		u32 type = get_unaligned_le32(&c->type);
		struct ktap_str *s;

		if (type != KTAP_CONST_INT && type != KTAP_CONST_STR)
			return ktap_refuse(l->log, KTAP_TAG_CONST_TYPE, "offset %zu: %u",
					   ktap_offset(l, c), type);
		if (c->pad)
			return ktap_refuse(l->log, KTAP_TAG_CONST_PAD, "offset %zu",
					   ktap_offset(l, c));
		if (type == KTAP_CONST_INT) {
			if (l->mem)
				ktap_set_int(&img->consts[i], get_unaligned_le64(&c->i));
			continue;
		}
		ret = ktap_load_str(l, &c->s, &s, KTAP_TAG_CONST_RANGE, KTAP_TAG_CONST_LONG);
		if (ret)
			return ret;
		if (!l->mem)
			continue;
		s->kidx = i + 1;
		ktap_str_hash(seed, s);
		img->consts[i] = (struct ktap_val){ .s = s, .type = KTAP_STR };
	}
	return 0;
}

static int ktap_load_globals(struct ktap_loader *l, struct ktap_prog *img)
{
	const struct ktap_img_global *g = (const void *)l->sec[KTAP_SEC_GLOBALS];
	struct ktap_str *s = NULL;
	u32 i;
	int ret;

	for (i = 0; i < l->n[KTAP_SEC_GLOBALS]; i++, g++) {
		u32 kind = get_unaligned_le32(&g->kind);

		ret = ktap_load_str(l, &g->name, &s, KTAP_TAG_GLOBAL_RANGE,
				    KTAP_TAG_GLOBAL_LONG);
		if (ret)
			return ret;
		if (kind > KTAP_GLOBAL_STATS)
			return ktap_refuse(l->log, KTAP_TAG_GLOBAL_KIND, "offset %zu: %u",
					   ktap_offset(l, g), kind);
		if (g->pad)
			return ktap_refuse(l->log, KTAP_TAG_GLOBAL_PAD, "offset %zu",
					   ktap_offset(l, g));
		if (l->mem) {
			img->globals[i] = kind;
			img->global_names[i] = s;
		}
	}
	return 0;
}

static const struct ktap_bi *ktap_find_builtin(const char *name, u32 len)
{
	u32 i;

	for (i = 0; i < KTAP_BI_NR; i++) {
		const char *s = ktap_builtin_names[i];

		if (strlen(s) == len && !memcmp(s, name, len))
			return &ktap_builtins[i];
	}
	return NULL;
}

static int ktap_load_builtins(struct ktap_loader *l, struct ktap_prog *img)
{
	const struct ktap_img_str *ref = (const void *)l->sec[KTAP_SEC_BUILTINS];
	u32 i;

	for (i = 0; i < l->n[KTAP_SEC_BUILTINS]; i++, ref++) {
		u32 off = get_unaligned_le32(&ref->off);
		u32 len = get_unaligned_le32(&ref->len);
		const struct ktap_bi *d;
		const char *name;

		if (off > l->n[KTAP_SEC_STRINGS] || len > l->n[KTAP_SEC_STRINGS] - off)
			return ktap_refuse(l->log, KTAP_TAG_BUILTIN_RANGE,
					   "offset %zu: %u + %u of %u", ktap_offset(l, ref),
					   off, len, l->n[KTAP_SEC_STRINGS]);
		name = (const char *)l->sec[KTAP_SEC_STRINGS] + off;
		d = ktap_find_builtin(name, len);
		if (!d)
			return ktap_refuse(l->log, KTAP_TAG_BUILTIN_UNKNOWN, "offset %zu: %.*s",
					   ktap_offset(l, ref), (int)min(len, 64U), name);
		if (l->mem)
			img->bi[i] = *d;
	}
	return 0;
}

static int ktap_load_func(struct ktap_loader *l, struct ktap_prog *img,
			  const struct ktap_img_func *f, u32 index)
{
	u32 code = get_unaligned_le32(&f->code), ncode = get_unaligned_le32(&f->ncode);
	u32 upval = get_unaligned_le32(&f->upval);
	struct ktap_str *name = NULL;
	u32 i;
	int ret;

	ret = ktap_load_str(l, &f->name, &name, KTAP_TAG_FUNC_NAME_RANGE,
			    KTAP_TAG_FUNC_NAME_LONG);
	if (ret)
		return ret;
	if (!ncode)
		return ktap_refuse(l->log, KTAP_TAG_FUNC_CODE_NONE, "offset %zu",
				   ktap_offset(l, f));
	if (code > l->n[KTAP_SEC_CODE] || ncode > l->n[KTAP_SEC_CODE] - code)
		return ktap_refuse(l->log, KTAP_TAG_FUNC_CODE_RANGE, "offset %zu: %u + %u of %u",
				   ktap_offset(l, f), code, ncode, l->n[KTAP_SEC_CODE]);
	if (f->nupvals > KTAP_MAX_UPVALS)
		return ktap_refuse(l->log, KTAP_TAG_FUNC_UPVAL_MANY, "offset %zu: %u, limit %u",
				   ktap_offset(l, f), f->nupvals, KTAP_MAX_UPVALS);
	if (upval > l->n[KTAP_SEC_UPVALS] || f->nupvals > l->n[KTAP_SEC_UPVALS] - upval)
		return ktap_refuse(l->log, KTAP_TAG_FUNC_UPVAL_RANGE, "offset %zu: %u + %u of %u",
				   ktap_offset(l, f), upval, f->nupvals,
				   l->n[KTAP_SEC_UPVALS]);
	if (!f->nregs || f->nregs > KTAP_MAX_REGS)
		return ktap_refuse(l->log, KTAP_TAG_FUNC_REGS, "offset %zu: %u, limit %u",
				   ktap_offset(l, f), f->nregs, KTAP_MAX_REGS);
	if (f->nparams > f->nregs)
		return ktap_refuse(l->log, KTAP_TAG_FUNC_PARAMS, "offset %zu: %u and %u",
				   ktap_offset(l, f), f->nparams, f->nregs);
	if (f->flags & ~KTAP_FUNC_VARARG)
		return ktap_refuse(l->log, KTAP_TAG_FUNC_FLAGS, "offset %zu: %#x",
				   ktap_offset(l, f), f->flags);
	if (!index && f->nupvals)
		return ktap_refuse(l->log, KTAP_TAG_MAIN_UPVALS, "offset %zu: %u",
				   ktap_offset(l, f), f->nupvals);
	if (!index && f->nparams)
		return ktap_refuse(l->log, KTAP_TAG_MAIN_PARAMS, "offset %zu: %u",
				   ktap_offset(l, f), f->nparams);
	if (l->mem)
		img->protos[index] = (struct ktap_proto){
			.code = img->code + code,
			.lines = img->lines + code,
			.ncode = ncode,
			.nregs = f->nregs,
			.nparams = f->nparams,
			.vararg = f->flags & KTAP_FUNC_VARARG,
			.nupvals = f->nupvals,
			.upvals = img->upvals + upval,
			.name = name,
			.line = get_unaligned_le32(&f->line),
			.index = index,
		};
	for (i = 0; l->mem && i < f->nupvals; i++) {
		const struct ktap_img_upval *u = &img->upvals[upval + i];
		struct ktap_proto *p = &img->protos[index];

		if (u->from_reg)
			p->max_reg = max_t(u16, p->max_reg, u->index + 1);
		else
			p->max_upval = max_t(u16, p->max_upval, u->index + 1);
	}
	return 0;
}

/*
 * Functions use each instruction and upvalue of the image, and none twice in
 * sum, so that the work of verifying is bounded by the size of the image.
 */
static int ktap_load_funcs(struct ktap_loader *l, struct ktap_prog *img)
{
	const struct ktap_img_func *f = (const void *)l->sec[KTAP_SEC_FUNCS];
	u64 code = 0, upvals = 0;
	u32 i;
	int ret;

	for (i = 0; i < l->n[KTAP_SEC_FUNCS]; i++, f++) {
		ret = ktap_load_func(l, img, f, i);
		if (ret)
			return ret;
		code += get_unaligned_le32(&f->ncode);
		upvals += f->nupvals;
	}
	if (code != l->n[KTAP_SEC_CODE])
		return ktap_refuse(l->log, KTAP_TAG_FUNC_CODE_SUM, "offset %zu: %llu and %u",
				   ktap_offset(l, l->sec[KTAP_SEC_CODE]), code,
				   l->n[KTAP_SEC_CODE]);
	if (upvals != l->n[KTAP_SEC_UPVALS])
		return ktap_refuse(l->log, KTAP_TAG_FUNC_UPVAL_SUM, "offset %zu: %llu and %u",
				   ktap_offset(l, l->sec[KTAP_SEC_UPVALS]), upvals,
				   l->n[KTAP_SEC_UPVALS]);
	return 0;
}

static int ktap_load_upvals(struct ktap_loader *l, struct ktap_prog *img)
{
	const struct ktap_img_upval *u = (const void *)l->sec[KTAP_SEC_UPVALS];
	u32 i;

	for (i = 0; i < l->n[KTAP_SEC_UPVALS]; i++, u++) {
		if (u->from_reg > 1)
			return ktap_refuse(l->log, KTAP_TAG_UPVAL_KIND, "offset %zu: %u",
					   ktap_offset(l, u), u->from_reg);
		if (u->pad[0] || u->pad[1])
			return ktap_refuse(l->log, KTAP_TAG_UPVAL_PAD, "offset %zu",
					   ktap_offset(l, u));
		if (l->mem)
			img->upvals[i] = *u;
	}
	return 0;
}

/* One round: the first checks and measures, the second makes the result. */
static int ktap_load_all(struct ktap_loader *l, struct ktap_prog *img, u32 seed)
{
	const struct ktap_img_header *h = (const void *)l->data;
	int ret;

	ret = ktap_load_str(l, &h->source, &img->source, KTAP_TAG_SOURCE_RANGE,
			    KTAP_TAG_SOURCE_LONG);
	if (!ret)
		ret = ktap_load_consts(l, img, seed);
	if (!ret)
		ret = ktap_load_globals(l, img);
	if (!ret)
		ret = ktap_load_builtins(l, img);
	if (!ret)
		ret = ktap_load_upvals(l, img);
	if (!ret)
		ret = ktap_load_funcs(l, img);
	return ret;
}

/* The next part of the result, for all of a section; NULL without @mem */
static void *ktap_place(const struct ktap_loader *l, char *mem, size_t *pos,
			enum ktap_section sec, size_t size)
{
	size_t at = *pos;

	*pos += ALIGN(l->n[sec] * size, 8) + KTAP_REDZONE;
	if (mem)
		ktap_poison(mem + *pos - KTAP_REDZONE, KTAP_REDZONE);
	return mem ? mem + at : NULL;
}

/*
 * Places the parts of the result at @mem, or only measures them if that is
 * NULL.  Returns how many bytes they take.
 */
static size_t ktap_layout(const struct ktap_loader *l, struct ktap_prog *img, char *mem)
{
	size_t pos = 0;

	img->consts = ktap_place(l, mem, &pos, KTAP_SEC_CONSTS, sizeof(*img->consts));
	img->protos = ktap_place(l, mem, &pos, KTAP_SEC_FUNCS, sizeof(*img->protos));
	img->bi = ktap_place(l, mem, &pos, KTAP_SEC_BUILTINS, sizeof(*img->bi));
	img->global_names = ktap_place(l, mem, &pos, KTAP_SEC_GLOBALS, sizeof(*img->global_names));
	img->globals = ktap_place(l, mem, &pos, KTAP_SEC_GLOBALS, sizeof(*img->globals));
	img->upvals = ktap_place(l, mem, &pos, KTAP_SEC_UPVALS, sizeof(*img->upvals));
	img->code = ktap_place(l, mem, &pos, KTAP_SEC_CODE, sizeof(*img->code));
	img->lines = ktap_place(l, mem, &pos, KTAP_SEC_LINES, sizeof(*img->lines));
	return pos;
}

/**
 * ktap_builtin_name() - the name of a builtin
 * @id: which
 *
 * Return: the name.
 */
const char *ktap_builtin_name(enum ktap_builtin_id id)
{
	return ktap_builtin_names[id];
}

/**
 * ktap_builtin_def() - a builtin by its number, whether the image names it or not
 * @id: which; the number of a KTAP_BUILTIN value
 *
 * Return: what calls need to know of it.
 */
const struct ktap_bi *ktap_builtin_def(enum ktap_builtin_id id)
{
	return &ktap_builtins[id];
}

/**
 * ktap_prog_load() - load an image
 * @img: gets it
 * @data: its bytes, which nobody changes meanwhile
 * @size: how many
 * @seed: of the hashes of its strings
 * @log: gets the reason of a refusal
 *
 * Return: 0, -EINVAL if the image is refused, or -ENOMEM.
 */
int ktap_prog_load(struct ktap_prog *img, const void *data, size_t size, u32 seed,
		   struct ktap_log *log)
{
	struct ktap_loader l = { .data = data, .size = size, .log = log };
	const u8 *p;
	u32 i;
	int ret;

	memset(img, 0, sizeof(*img));
	ret = ktap_load_header(&l);
	if (!ret)
		ret = ktap_load_counts(&l);
	if (!ret)
		ret = ktap_load_all(&l, img, seed);
	if (ret)
		return ret;

	img->mem = kvzalloc(ktap_layout(&l, img, NULL) + l.room, GFP_KERNEL_ACCOUNT);
	if (!img->mem)
		return -ENOMEM;
	l.mem = img->mem;
	l.strs = l.mem + ktap_layout(&l, img, l.mem);
	img->nconsts = l.n[KTAP_SEC_CONSTS];
	img->nprotos = l.n[KTAP_SEC_FUNCS];
	img->nbi = l.n[KTAP_SEC_BUILTINS];
	img->nglobals = l.n[KTAP_SEC_GLOBALS];
	img->nupvals = l.n[KTAP_SEC_UPVALS];
	img->ncode = l.n[KTAP_SEC_CODE];
	ret = ktap_load_all(&l, img, seed);
	if (ret) {
		ktap_prog_free(img);
		return ret;
	}
	for (p = l.sec[KTAP_SEC_CODE], i = 0; i < img->ncode; i++, p += 4)
		img->code[i] = get_unaligned_le32(p);
	for (p = l.sec[KTAP_SEC_LINES], i = 0; i < img->ncode; i++, p += 4)
		img->lines[i] = get_unaligned_le32(p);
	return 0;
}

/**
 * ktap_prog_free() - free what ktap_prog_load() made
 * @img: the image
 */
void ktap_prog_free(struct ktap_prog *img)
{
	kvfree(img->mem);
	img->mem = NULL;
}
