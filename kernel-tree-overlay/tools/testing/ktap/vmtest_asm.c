// SPDX-License-Identifier: GPL-2.0
/*
 * An assembler of images, for tests.
 */
#include "vmtest.h"

void asm_init(struct asm_img *a)
{
	memset(a, 0, sizeof(*a));
	asm_str(a, "test.kp");
}

void asm_free(struct asm_img *a)
{
	free(a->bytes);
	a->bytes = NULL;
}

struct ktap_img_str asm_str(struct asm_img *a, const char *s)
{
	struct ktap_img_str ref = { .off = a->nstrings, .len = strlen(s) };

	if (a->nstrings + ref.len > sizeof(a->strings))
		abort();
	memcpy(a->strings + a->nstrings, s, ref.len);
	a->nstrings += ref.len;
	return ref;
}

u32 asm_const_int(struct asm_img *a, s64 i)
{
	a->consts[a->nconsts] = (struct ktap_img_const){ .type = KTAP_CONST_INT, .i = i };
	return a->nconsts++;
}

u32 asm_const_str(struct asm_img *a, const char *s)
{
	a->consts[a->nconsts] = (struct ktap_img_const){
		.type = KTAP_CONST_STR, .s = asm_str(a, s)
	};
	return a->nconsts++;
}

u32 asm_global(struct asm_img *a, const char *name, u32 kind)
{
	a->globals[a->nglobals] = (struct ktap_img_global){
		.name = asm_str(a, name), .kind = kind
	};
	return a->nglobals++;
}

u32 asm_builtin(struct asm_img *a, const char *name)
{
	a->builtins[a->nbuiltins] = asm_str(a, name);
	return a->nbuiltins++;
}

u32 asm_func(struct asm_img *a, const char *name, u8 nparams, u8 nregs, u8 flags)
{
	a->funcs[a->nfuncs] = (struct ktap_img_func){
		.name = asm_str(a, name),
		.line = a->nfuncs + 1,
		.code = a->ncode,
		.upval = a->nupvals,
		.nparams = nparams,
		.nregs = nregs,
		.flags = flags,
	};
	return a->nfuncs++;
}

void asm_upval(struct asm_img *a, u8 from_reg, u8 index)
{
	a->upvals[a->nupvals++] = (struct ktap_img_upval){
		.from_reg = from_reg, .index = index
	};
	a->funcs[a->nfuncs - 1].nupvals++;
}

u32 asm_emit(struct asm_img *a, u32 insn)
{
	a->code[a->ncode] = insn;
	a->funcs[a->nfuncs - 1].ncode++;
	return a->ncode++;
}

static void put(struct asm_img *a, enum ktap_section sec, const void *data, u32 size)
{
	u32 off = ALIGN(a->size, 8);
	struct ktap_img_header *h;

	a->bytes = realloc(a->bytes, off + size + 8);
	if (!a->bytes)
		abort();
	memset(a->bytes + a->size, 0, off - a->size);
	memcpy(a->bytes + off, data, size);
	a->size = off + size;
	h = asm_header(a);
	h->sections[sec].off = off;
	h->sections[sec].size = size;
}

/* Tests run on little-endian machines, as images are. */
void asm_finish(struct asm_img *a)
{
	u32 lines[ARRAY_SIZE(a->code)], i;
	struct ktap_img_header *h;

	for (i = 0; i < a->ncode; i++)
		lines[i] = i + 1;
	free(a->bytes);
	a->size = sizeof(*h);
	a->bytes = calloc(1, a->size);
	if (!a->bytes)
		abort();
	put(a, KTAP_SEC_STRINGS, a->strings, a->nstrings);
	put(a, KTAP_SEC_CONSTS, a->consts, a->nconsts * sizeof(a->consts[0]));
	put(a, KTAP_SEC_GLOBALS, a->globals, a->nglobals * sizeof(a->globals[0]));
	put(a, KTAP_SEC_BUILTINS, a->builtins, a->nbuiltins * sizeof(a->builtins[0]));
	put(a, KTAP_SEC_FUNCS, a->funcs, a->nfuncs * sizeof(a->funcs[0]));
	put(a, KTAP_SEC_UPVALS, a->upvals, a->nupvals * sizeof(a->upvals[0]));
	put(a, KTAP_SEC_CODE, a->code, a->ncode * sizeof(a->code[0]));
	put(a, KTAP_SEC_LINES, lines, a->ncode * sizeof(lines[0]));
	h = asm_header(a);
	h->magic = KTAP_IMAGE_MAGIC;
	h->version = KTAP_IMAGE_VERSION;
	h->header_size = sizeof(*h);
	h->image_size = a->size;
	h->source = (struct ktap_img_str){ .off = 0, .len = strlen("test.kp") };
}

struct ktap_img_header *asm_header(struct asm_img *a)
{
	return (struct ktap_img_header *)a->bytes;
}

u8 *asm_section(struct asm_img *a, enum ktap_section sec)
{
	return a->bytes + asm_header(a)->sections[sec].off;
}
