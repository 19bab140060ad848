// SPDX-License-Identifier: GPL-2.0
/*
 * The verifier: bad images, each of which is refused with its own tag.
 *
 * A good image that has all kinds of things in it is spoiled in one place, and
 * the log has to begin with the tag that the case names.  Every tag has a case.
 */
#include "vmtest.h"

static bool tag_seen[KTAP_TAG_NR];

static const char * const tag_name[] = {
#define TAG_NAME(tag, text) #tag,
	KTAP_VERIFY_TAGS(TAG_NAME)
#undef TAG_NAME
};

/* Indexes in the good image */
enum { K_INT, K_STR, NR_K };
enum { G_NIL, G_TABLE, G_ARGS, NR_G };
enum { B_PRINT, B_LEN, B_PRINTF, B_TRACE, NR_B };
enum { F_MAIN, F_PLAIN, F_UPVALS, F_VARARG, NR_F };

#define REGS	20

/*
 * Where the test's own instruction goes: main chunk, function with upvalues,
 * variadic function; each has some NIL instructions there.
 */
static u32 at_main, at_upvals, at_vararg;

static void good_image(struct asm_img *a)
{
	u32 i;

	asm_init(a);
	asm_const_int(a, 42);
	asm_const_str(a, "string");
	asm_global(a, "g", KTAP_GLOBAL_NIL);
	asm_global(a, "t", KTAP_GLOBAL_TABLE);
	asm_global(a, "arg", KTAP_GLOBAL_ARGS);
	asm_builtin(a, "print");
	asm_builtin(a, "len");
	asm_builtin(a, "printf");
	asm_builtin(a, "kdebug.trace");

	asm_func(a, "main", 0, REGS, 0);
	at_main = a->ncode;
	for (i = 0; i < 6; i++)
		asm_emit(a, I(NIL, 0, 1, 0));
	asm_emit(a, I(CELL, 1, 0, 0));
	asm_emit(a, IW(CLOSURE, 2, F_UPVALS));
	asm_emit(a, IW(CLOSURE, 3, F_PLAIN));
	asm_emit(a, I(RET, 0, 1, 0));

	asm_func(a, "plain", 2, 4, 0);
	asm_emit(a, I(RET, 0, 2, 0));

	asm_func(a, "upvals", 1, REGS, 0);
	asm_upval(a, 1, 1);
	asm_upval(a, 1, 1);
	at_upvals = a->ncode;
	for (i = 0; i < 3; i++)
		asm_emit(a, I(NIL, 0, 1, 0));
	asm_emit(a, I(RET, 0, 1, 0));

	asm_func(a, "vararg", 1, REGS, KTAP_FUNC_VARARG);
	at_vararg = a->ncode;
	for (i = 0; i < 3; i++)
		asm_emit(a, I(NIL, 0, 1, 0));
	asm_emit(a, I(RET, 0, 1, 0));
	asm_finish(a);
}

static struct ktap_vm *load(const void *bytes, size_t size, struct ktap_log *log)
{
	static struct host_env env;

	return ktap_vm_create(bytes, size, NULL, &env, log);
}

/* One case: @bytes are refused with @tag */
static void refused(const void *bytes, size_t size, enum ktap_verify_tag tag,
		    const char *what)
{
	char text[512] = "", *copy;
	struct ktap_log log = { .buf = text, .size = sizeof(text) };
	size_t len = strlen(tag_name[tag]);
	struct ktap_vm *vm;
	bool ok;

	/* in memory of its own, so that ASan sees reads beyond it */
	copy = malloc(size ?: 1);
	if (!copy)
		abort();
	memcpy(copy, bytes, size);
	vm = load(copy, size, &log);
	free(copy);
	ok = IS_ERR(vm) && PTR_ERR(vm) == -EINVAL && !strncmp(text, tag_name[tag], len) &&
	     text[len] == ':' && strchr(text, '\n');
	if (!IS_ERR(vm))
		ktap_vm_destroy(vm);
	tag_seen[tag] = true;
	report(ok, "refusal %s: %s%s%s", tag_name[tag], what, ok ? "" : ", but: ",
	       ok ? "" : text);
}

/* Spoils the header or a section of the good image */
struct spoil {
	enum ktap_verify_tag tag;
	const char *what;
	int sec;		/* section, or -1: header, -2: entry of a section */
	u32 off;		/* in it; with -2: the section */
	u32 width;		/* bytes of the value; with -2: 0 offset, 1 size */
	u64 value;
	bool add;		/* the value is added to what is there */
};

#define HDR(tag, field, value)						\
	{ KTAP_TAG_##tag, #field " = " #value, -1,			\
	  offsetof(struct ktap_img_header, field),			\
	  sizeof(((struct ktap_img_header *)0)->field), value, false }
#define SEC(tag, sec, is_size, n)					\
	{ KTAP_TAG_##tag, #sec " " #is_size " += " #n, -2, KTAP_SEC_##sec, is_size, n, true }
#define SEC_SET(tag, sec, is_size, n)					\
	{ KTAP_TAG_##tag, #sec " " #is_size " = " #n, -2, KTAP_SEC_##sec, is_size, n, false }
#define ELEM(tag, sec, type, i, field, value)				\
	{ KTAP_TAG_##tag, #sec "[" #i "]." #field " = " #value, KTAP_SEC_##sec, \
	  (i) * sizeof(struct type) + offsetof(struct type, field),	\
	  sizeof(((struct type *)0)->field), value, false }

static const struct spoil spoils[] = {
	HDR(BAD_MAGIC, magic, 0),
	HDR(BAD_MAGIC, magic, 0x4b544150),
	HDR(BAD_VERSION, version, 0),
	HDR(BAD_VERSION, version, 2),
	HDR(BAD_VERSION, version, 0xffff),
	HDR(HEADER_SIZE, header_size, 0),
	HDR(HEADER_SIZE, header_size, 92),
	HDR(HEADER_SIZE, header_size, 0xffff),
	HDR(IMAGE_SIZE, image_size, 0),
	HDR(IMAGE_SIZE, image_size, 1 << 20),
	HDR(IMAGE_SIZE, image_size, 0xffffffff),
	HDR(HEADER_FLAGS, flags, 1),
	HDR(HEADER_FLAGS, flags, 0x80000000),
	HDR(SOURCE_RANGE, source.off, 0xffffffff),
	HDR(SOURCE_RANGE, source.off, 1 << 16),
	HDR(SOURCE_RANGE, source.len, 0xffffffff),
	HDR(SOURCE_RANGE, source.len, 1 << 16),
	SEC(SEC_ALIGN, STRINGS, 0, 1),
	SEC(SEC_ALIGN, CONSTS, 0, 4),
	SEC(SEC_ALIGN, LINES, 0, 2),
	SEC(SEC_ALIGN, CODE, 0, 0xffffffff),
	SEC(SEC_ORDER, CONSTS, 0, 0xfffffff8),
	SEC(SEC_ORDER, CODE, 0, 0xffffffe0),
	SEC_SET(SEC_ORDER, STRINGS, 0, 0),
	SEC_SET(SEC_ORDER, LINES, 0, 96),
	SEC_SET(SEC_ORDER, FUNCS, 0, 8),
	SEC_SET(SEC_RANGE, STRINGS, 1, 0xffffffff),
	SEC_SET(SEC_RANGE, STRINGS, 1, 0x10000000),
	SEC_SET(SEC_RANGE, CODE, 1, 0xfffffffc),
	SEC_SET(SEC_RANGE, LINES, 1, 0x7ffffffc),
	SEC_SET(SEC_RANGE, LINES, 0, 0xfffffff8),
	SEC_SET(SEC_RANGE, STRINGS, 0, 0x40000000),
	SEC(SEC_GAP, STRINGS, 0, 8),
	SEC(SEC_GAP, LINES, 1, 0xffffffe0),
	SEC_SET(SEC_GAP, CONSTS, 1, 0),
	SEC(SEC_ELEM, CONSTS, 1, 0xfffffff8),
	SEC(SEC_ELEM, GLOBALS, 1, 0xfffffffc),
	SEC(SEC_ELEM, BUILTINS, 1, 0xfffffffc),
	SEC(SEC_ELEM, FUNCS, 1, 0xfffffffc),
	SEC(SEC_ELEM, UPVALS, 1, 0xffffffff),
	SEC(SEC_ELEM, CODE, 1, 0xfffffffe),
	SEC(SEC_ELEM, LINES, 1, 0xfffffffd),
	ELEM(CONST_TYPE, CONSTS, ktap_img_const, K_INT, type, 0),
	ELEM(CONST_TYPE, CONSTS, ktap_img_const, K_INT, type, 3),
	ELEM(CONST_TYPE, CONSTS, ktap_img_const, K_STR, type, 0xffffffff),
	ELEM(CONST_PAD, CONSTS, ktap_img_const, K_INT, pad, 1),
	ELEM(CONST_PAD, CONSTS, ktap_img_const, K_STR, pad, 0x80000000),
	ELEM(CONST_RANGE, CONSTS, ktap_img_const, K_STR, s.off, 0xffffffff),
	ELEM(CONST_RANGE, CONSTS, ktap_img_const, K_STR, s.off, 100000),
	ELEM(CONST_RANGE, CONSTS, ktap_img_const, K_STR, s.len, 0xffffffff),
	ELEM(CONST_RANGE, CONSTS, ktap_img_const, K_STR, s.len, 100000),
	ELEM(GLOBAL_RANGE, GLOBALS, ktap_img_global, 0, name.off, 0xfffffff0),
	ELEM(GLOBAL_RANGE, GLOBALS, ktap_img_global, 2, name.len, 0xfffffff0),
	ELEM(GLOBAL_KIND, GLOBALS, ktap_img_global, 0, kind, 4),
	ELEM(GLOBAL_KIND, GLOBALS, ktap_img_global, 1, kind, 0xffffffff),
	ELEM(GLOBAL_PAD, GLOBALS, ktap_img_global, 0, pad, 1),
	ELEM(GLOBAL_PAD, GLOBALS, ktap_img_global, 2, pad, 0x100),
	ELEM(BUILTIN_RANGE, BUILTINS, ktap_img_str, 0, off, 0xffffffff),
	ELEM(BUILTIN_RANGE, BUILTINS, ktap_img_str, 3, len, 0xffffffff),
	ELEM(BUILTIN_UNKNOWN, BUILTINS, ktap_img_str, 0, len, 4),
	ELEM(BUILTIN_UNKNOWN, BUILTINS, ktap_img_str, 0, len, 0),
	ELEM(BUILTIN_UNKNOWN, BUILTINS, ktap_img_str, 1, off, 0),
	ELEM(FUNC_NAME_RANGE, FUNCS, ktap_img_func, 0, name.off, 0xffffffff),
	ELEM(FUNC_NAME_RANGE, FUNCS, ktap_img_func, 3, name.len, 0x7fffffff),
	ELEM(FUNC_CODE_NONE, FUNCS, ktap_img_func, 0, ncode, 0),
	ELEM(FUNC_CODE_NONE, FUNCS, ktap_img_func, 3, ncode, 0),
	ELEM(FUNC_CODE_RANGE, FUNCS, ktap_img_func, 0, ncode, 0xffffffff),
	ELEM(FUNC_CODE_RANGE, FUNCS, ktap_img_func, 0, code, 0xffffffff),
	ELEM(FUNC_CODE_RANGE, FUNCS, ktap_img_func, 3, code, 1000),
	ELEM(FUNC_CODE_RANGE, FUNCS, ktap_img_func, 3, ncode, 100),
	ELEM(FUNC_CODE_SUM, FUNCS, ktap_img_func, 0, ncode, 9),
	ELEM(FUNC_CODE_SUM, FUNCS, ktap_img_func, 0, ncode, 11),
	ELEM(FUNC_CODE_SUM, FUNCS, ktap_img_func, 1, ncode, 9),
	ELEM(FUNC_UPVAL_RANGE, FUNCS, ktap_img_func, 2, upval, 0xffffffff),
	ELEM(FUNC_UPVAL_RANGE, FUNCS, ktap_img_func, 2, upval, 1),
	ELEM(FUNC_UPVAL_RANGE, FUNCS, ktap_img_func, 2, nupvals, 3),
	ELEM(FUNC_UPVAL_RANGE, FUNCS, ktap_img_func, 0, upval, 3),
	ELEM(FUNC_UPVAL_MANY, FUNCS, ktap_img_func, 2, nupvals, 251),
	ELEM(FUNC_UPVAL_MANY, FUNCS, ktap_img_func, 1, nupvals, 255),
	ELEM(FUNC_UPVAL_SUM, FUNCS, ktap_img_func, 2, nupvals, 1),
	ELEM(FUNC_UPVAL_SUM, FUNCS, ktap_img_func, 2, nupvals, 0),
	ELEM(FUNC_REGS, FUNCS, ktap_img_func, 0, nregs, 0),
	ELEM(FUNC_REGS, FUNCS, ktap_img_func, 0, nregs, 251),
	ELEM(FUNC_REGS, FUNCS, ktap_img_func, 3, nregs, 255),
	ELEM(FUNC_PARAMS, FUNCS, ktap_img_func, 1, nparams, 5),
	ELEM(FUNC_PARAMS, FUNCS, ktap_img_func, 2, nparams, 255),
	ELEM(FUNC_FLAGS, FUNCS, ktap_img_func, 0, flags, 2),
	ELEM(FUNC_FLAGS, FUNCS, ktap_img_func, 3, flags, 0x81),
	ELEM(MAIN_UPVALS, FUNCS, ktap_img_func, 0, nupvals, 1),
	ELEM(MAIN_UPVALS, FUNCS, ktap_img_func, 0, nupvals, 2),
	ELEM(MAIN_PARAMS, FUNCS, ktap_img_func, 0, nparams, 1),
	ELEM(UPVAL_KIND, UPVALS, ktap_img_upval, 0, from_reg, 2),
	ELEM(UPVAL_KIND, UPVALS, ktap_img_upval, 1, from_reg, 255),
	ELEM(UPVAL_PAD, UPVALS, ktap_img_upval, 0, pad[0], 1),
	ELEM(UPVAL_PAD, UPVALS, ktap_img_upval, 1, pad[1], 1),
	ELEM(CLOSURE_REG, UPVALS, ktap_img_upval, 0, index, REGS),
	ELEM(CLOSURE_REG, UPVALS, ktap_img_upval, 1, index, 255),
	ELEM(CLOSURE_UPVAL, UPVALS, ktap_img_upval, 0, from_reg, 0),
};

static void test_spoils(void)
{
	struct asm_img a;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(spoils); i++) {
		const struct spoil *s = &spoils[i];
		u64 old = 0, value;
		u32 width = s->width;
		u8 *p;

		good_image(&a);
		if (s->sec == -2) {
			struct ktap_img_section *sec = &asm_header(&a)->sections[s->off];

			p = s->width ? (u8 *)&sec->size : (u8 *)&sec->off;
			width = 4;
		} else {
			p = (s->sec < 0 ? a.bytes : asm_section(&a, s->sec)) + s->off;
		}
		memcpy(&old, p, width);
		value = s->add ? old + s->value : s->value;
		memcpy(p, &value, width);
		refused(a.bytes, a.size, s->tag, s->what);
		asm_free(&a);
	}
}

/* Instructions that are refused wherever they stand */
struct bad_insn {
	enum ktap_verify_tag tag;
	const char *what;
	int func;		/* F_MAIN, F_UPVALS or F_VARARG */
	u32 insn[3];
	u32 n;
};

#define BAD(tag, func, ...)						\
	{ KTAP_TAG_##tag, #__VA_ARGS__, F_##func, { __VA_ARGS__ },	\
	  sizeof((u32[]){ __VA_ARGS__ }) / sizeof(u32) }

static const struct bad_insn bad_insns[] = {
	BAD(OPCODE, MAIN, KTAP_OP_NR),
	BAD(OPCODE, MAIN, 0xff),
	BAD(OPCODE, MAIN, 0xffffffff),
	BAD(OPCODE, VARARG, 0x80),
	/* unused operands */
	BAD(UNUSED_B, MAIN, I(CELL, 0, 1, 0)),
	BAD(UNUSED_B, VARARG, I(VARARG, 0, 1, 1)),
	BAD(UNUSED_B, MAIN, I(EVENT, 0, 1, 0)),
	BAD(UNUSED_B, MAIN, I(PAIRS, 0, 7, 0)),
	BAD(UNUSED_C, MAIN, I(MOVE, 0, 0, 1)),
	BAD(UNUSED_C, MAIN, I(NIL, 0, 1, 1)),
	BAD(UNUSED_C, MAIN, I(BOOL, 0, 1, 9)),
	BAD(UNUSED_C, UPVALS, I(GETU, 0, 0, 1)),
	BAD(UNUSED_C, UPVALS, I(SETU, 0, 0, 1)),
	BAD(UNUSED_C, UPVALS, I(ADDU, 0, 0, 255)),
	BAD(UNUSED_C, MAIN, I(CELL, 0, 0, 1)),
	BAD(UNUSED_C, MAIN, I(GETC, 0, 0, 1)),
	BAD(UNUSED_C, MAIN, I(SETC, 0, 0, 1)),
	BAD(UNUSED_C, MAIN, I(ADDC, 0, 0, 1)),
	BAD(UNUSED_C, MAIN, I(DELT, 0, 0, 1)),
	BAD(UNUSED_C, MAIN, I(NEG, 0, 0, 1)),
	BAD(UNUSED_C, MAIN, I(BNOT, 0, 0, 1)),
	BAD(UNUSED_C, MAIN, I(NOT, 0, 0, 1)),
	BAD(UNUSED_C, MAIN, I(PAIRS, 0, 0, 1)),
	BAD(UNUSED_C, MAIN, I(TAIL, 0, 1, 1)),
	BAD(UNUSED_C, MAIN, I(RET, 0, 1, 1)),
	BAD(UNUSED_C, MAIN, I(EVENT, 0, 0, 1)),
	BAD(UNUSED_C, MAIN, I(ARG, 0, 1, 1)),
	/* registers */
	BAD(REG_A, MAIN, I(MOVE, REGS, 0, 0)),
	BAD(REG_A, MAIN, I(MOVE, 255, 0, 0)),
	BAD(REG_A, MAIN, IW(LOADK, REGS, 0)),
	BAD(REG_A, MAIN, IW(LOADI, REGS, 0)),
	BAD(REG_A, MAIN, I(NIL, REGS, 1, 0)),
	BAD(REG_A, MAIN, I(BOOL, REGS, 1, 0)),
	BAD(REG_A, MAIN, IW(GETG, REGS, 0)),
	BAD(REG_A, MAIN, IW(SETG, REGS, 0)),
	BAD(REG_A, MAIN, IW(ADDG, REGS, 0)),
	BAD(REG_A, UPVALS, I(GETU, REGS, 0, 0)),
	BAD(REG_A, UPVALS, I(SETU, REGS, 0, 0)),
	BAD(REG_A, UPVALS, I(ADDU, REGS, 0, 0)),
	BAD(REG_A, MAIN, I(CELL, REGS, 0, 0)),
	BAD(REG_A, MAIN, I(GETC, REGS, 0, 0)),
	BAD(REG_A, MAIN, I(SETC, REGS, 0, 0)),
	BAD(REG_A, MAIN, I(ADDC, REGS, 0, 0)),
	BAD(REG_A, MAIN, IW(CLOSURE, REGS, 1)),
	BAD(REG_A, MAIN, IW(TABLE, REGS, 0)),
	BAD(REG_A, MAIN, I(GETT, REGS, 0, 0)),
	BAD(REG_A, MAIN, I(SETT, REGS, 0, 0)),
	BAD(REG_A, MAIN, I(ADDT, REGS, 0, 0)),
	BAD(REG_A, MAIN, I(DELT, REGS, 0, 0)),
	BAD(REG_A, MAIN, I(GETK, REGS, 0, K_STR)),
	BAD(REG_A, MAIN, I(IN, REGS, 0, 0)),
	BAD(REG_A, MAIN, I(TUPLE, REGS, 0, 1)),
	BAD(REG_A, MAIN, I(ADD, REGS, 0, 0)),
	BAD(REG_A, MAIN, I(ADDI, REGS, 0, 0)),
	BAD(REG_A, MAIN, I(ADDTI, REGS, 0, 0)),
	BAD(REG_A, MAIN, I(EQI, REGS, 0, 0)),
	BAD(REG_A, MAIN, I(GEI, REGS, 0, 0)),
	BAD(REG_A, MAIN, I(NEG, REGS, 0, 0)),
	BAD(REG_A, MAIN, I(CONCAT, REGS, 0, 1)),
	BAD(REG_A, MAIN, I(EQ, REGS, 0, 0)),
	BAD(REG_A, MAIN, I(MATCH, REGS, 0, 0)),
	BAD(REG_A, MAIN, IW(JT, REGS, 0)),
	BAD(REG_A, MAIN, IW(JF, REGS, 0)),
	BAD(REG_A, MAIN, IW(FORPREP, REGS, 0)),
	BAD(REG_A, MAIN, IW(FORLOOP, REGS, 0xffff)),
	BAD(REG_A, MAIN, I(PAIRS, REGS, 0, 0)),
	BAD(REG_A, MAIN, IW(NEXT, REGS, 0)),
	BAD(REG_A, MAIN, I(CALL, REGS, 1, 1)),
	BAD(REG_A, MAIN, I(TAIL, REGS, 1, 0)),
	BAD(REG_A, MAIN, I(RET, REGS, 1, 0)),
	BAD(REG_A, VARARG, I(VARARG, REGS, 0, 1)),
	BAD(REG_A, MAIN, I(BCALL, REGS, B_PRINT, 1)),
	BAD(REG_A, MAIN, IW(BUILTIN, REGS, 0)),
	BAD(REG_A, MAIN, I(EVENT, REGS, 0, 0)),
	BAD(REG_A, MAIN, IW(FIELD, REGS, K_STR)),
	BAD(REG_A, MAIN, IW(HASF, REGS, K_STR)),
	BAD(REG_A, MAIN, I(ARG, REGS, 0, 0)),
	BAD(REG_B, MAIN, I(MOVE, 0, REGS, 0)),
	BAD(REG_B, MAIN, I(GETC, 0, REGS, 0)),
	BAD(REG_B, MAIN, I(SETC, 0, REGS, 0)),
	BAD(REG_B, MAIN, I(ADDC, 0, 255, 0)),
	BAD(REG_B, MAIN, I(GETT, 0, REGS, 0)),
	BAD(REG_B, MAIN, I(SETT, 0, REGS, 0)),
	BAD(REG_B, MAIN, I(ADDT, 0, REGS, 0)),
	BAD(REG_B, MAIN, I(DELT, 0, REGS, 0)),
	BAD(REG_B, MAIN, I(GETK, 0, REGS, K_STR)),
	BAD(REG_B, MAIN, I(IN, 0, REGS, 0)),
	BAD(REG_B, MAIN, I(TUPLE, 0, REGS, 1)),
	BAD(REG_B, MAIN, I(SUB, 0, REGS, 0)),
	BAD(REG_B, MAIN, I(ADDI, 0, REGS, 0)),
	BAD(REG_B, MAIN, I(ADDTI, 0, REGS, 0)),
	BAD(REG_B, MAIN, I(NEI, 0, REGS, 0)),
	BAD(REG_B, MAIN, I(LTI, 0, REGS, 0)),
	BAD(REG_B, MAIN, I(LEI, 0, REGS, 0)),
	BAD(REG_B, MAIN, I(GTI, 0, REGS, 0)),
	BAD(REG_B, MAIN, I(BNOT, 0, REGS, 0)),
	BAD(REG_B, MAIN, I(NOT, 0, REGS, 0)),
	BAD(REG_B, MAIN, I(CONCAT, 0, REGS, 1)),
	BAD(REG_B, MAIN, I(LT, 0, REGS, 0)),
	BAD(REG_B, MAIN, I(MATCH, 0, REGS, 0)),
	BAD(REG_C, MAIN, I(GETT, 0, 0, REGS)),
	BAD(REG_C, MAIN, I(SETT, 0, 0, REGS)),
	BAD(REG_C, MAIN, I(ADDT, 0, 0, REGS)),
	BAD(REG_C, MAIN, I(IN, 0, 0, REGS)),
	BAD(REG_C, MAIN, I(MUL, 0, 0, REGS)),
	BAD(REG_C, MAIN, I(DIV, 0, 0, 255)),
	BAD(REG_C, MAIN, I(MOD, 0, 0, REGS)),
	BAD(REG_C, MAIN, I(USHR, 0, 0, REGS)),
	BAD(REG_C, MAIN, I(NE, 0, 0, REGS)),
	BAD(REG_C, MAIN, I(LE, 0, 0, REGS)),
	BAD(REG_C, MAIN, I(MATCH, 0, 0, REGS)),
	/* indexes */
	BAD(CONST_INDEX, MAIN, IW(LOADK, 0, NR_K)),
	BAD(CONST_INDEX, MAIN, IW(LOADK, 0, 0xffff)),
	BAD(CONST_INDEX, MAIN, I(GETK, 0, 0, NR_K)),
	BAD(CONST_INDEX, MAIN, IW(FIELD, 0, NR_K)),
	BAD(CONST_INDEX, MAIN, IW(HASF, 0, 0xffff)),
	BAD(CONST_STRING, MAIN, I(GETK, 0, 0, K_INT)),
	BAD(CONST_STRING, MAIN, IW(FIELD, 0, K_INT)),
	BAD(CONST_STRING, MAIN, IW(HASF, 0, K_INT)),
	BAD(GLOBAL_INDEX, MAIN, IW(GETG, 0, NR_G)),
	BAD(GLOBAL_INDEX, MAIN, IW(SETG, 0, NR_G)),
	BAD(GLOBAL_INDEX, MAIN, IW(ADDG, 0, 0xffff)),
	BAD(FUNC_INDEX, MAIN, IW(CLOSURE, 0, NR_F)),
	BAD(FUNC_INDEX, MAIN, IW(CLOSURE, 0, 0xffff)),
	BAD(UPVAL_INDEX, MAIN, I(GETU, 0, 0, 0)),
	BAD(UPVAL_INDEX, MAIN, I(SETU, 0, 0, 0)),
	BAD(UPVAL_INDEX, UPVALS, I(GETU, 0, 2, 0)),
	BAD(UPVAL_INDEX, UPVALS, I(ADDU, 0, 255, 0)),
	BAD(BUILTIN_INDEX, MAIN, I(BCALL, 0, NR_B, 1)),
	BAD(BUILTIN_INDEX, MAIN, I(BCALL, 0, 255, 1)),
	BAD(BUILTIN_INDEX, MAIN, IW(BUILTIN, 0, NR_B)),
	BAD(BUILTIN_INDEX, MAIN, IW(BUILTIN, 0, 0xffff)),
	/* immediates and ranges */
	BAD(BOOL_VALUE, MAIN, I(BOOL, 0, 2, 0)),
	BAD(BOOL_VALUE, MAIN, I(BOOL, 0, 255, 0)),
	BAD(COUNT_ZERO, MAIN, I(NIL, 0, 0, 0)),
	BAD(COUNT_ZERO, MAIN, I(TUPLE, 0, 0, 0)),
	BAD(COUNT_ZERO, MAIN, I(CONCAT, 0, 0, 0)),
	BAD(TABLE_HINT, MAIN, IW(TABLE, 0, 0x8000)),
	BAD(TABLE_HINT, MAIN, IW(TABLE, 0, 0xffff)),
	BAD(NIL_RANGE, MAIN, I(NIL, 0, REGS + 1, 0)),
	BAD(NIL_RANGE, MAIN, I(NIL, REGS - 1, 2, 0)),
	BAD(NIL_RANGE, MAIN, I(NIL, 1, 255, 0)),
	BAD(TUPLE_RANGE, MAIN, I(TUPLE, 0, 0, REGS + 1)),
	BAD(TUPLE_RANGE, MAIN, I(TUPLE, 0, REGS - 1, 2)),
	BAD(CONCAT_RANGE, MAIN, I(CONCAT, 0, 0, REGS + 1)),
	BAD(CONCAT_RANGE, MAIN, I(CONCAT, 0, REGS - 1, 255)),
	BAD(CALL_ARGS, MAIN, I(CALL, 0, REGS + 1, 1)),
	BAD(CALL_ARGS, MAIN, I(CALL, REGS - 1, 2, 1)),
	BAD(CALL_ARGS, MAIN, I(CALL, 5, 255, 1)),
	BAD(CALL_RESULTS, MAIN, I(CALL, 0, 1, REGS + 2)),
	BAD(CALL_RESULTS, MAIN, I(CALL, REGS - 1, 1, 3)),
	BAD(CALL_RESULTS, MAIN, I(CALL, 1, 1, 255)),
	BAD(TAIL_ARGS, MAIN, I(TAIL, 0, REGS + 1, 0)),
	BAD(TAIL_ARGS, MAIN, I(TAIL, REGS - 1, 2, 0)),
	BAD(RET_RANGE, MAIN, I(RET, 0, REGS + 2, 0)),
	BAD(RET_RANGE, MAIN, I(RET, REGS - 1, 3, 0)),
	BAD(VARARG_RANGE, VARARG, I(VARARG, 0, 0, REGS + 2)),
	BAD(VARARG_RANGE, VARARG, I(VARARG, REGS - 1, 0, 3)),
	BAD(VARARG_FIXED, MAIN, I(VARARG, 0, 0, 1)),
	BAD(VARARG_FIXED, UPVALS, I(VARARG, 0, 0, 0), I(RET, 0, 0, 0)),
	BAD(BCALL_ARGS, MAIN, I(BCALL, 0, B_PRINT, REGS + 2)),
	BAD(BCALL_ARGS, MAIN, I(BCALL, REGS - 1, B_PRINT, 3)),
	BAD(BCALL_FEW, MAIN, I(BCALL, 0, B_LEN, 1)),
	BAD(BCALL_FEW, MAIN, I(BCALL, 0, B_PRINTF, 1)),
	BAD(BCALL_FEW, MAIN, I(BCALL, 0, B_TRACE, 2)),
	BAD(BCALL_MANY, MAIN, I(BCALL, 0, B_LEN, 3)),
	BAD(BCALL_MANY, MAIN, I(BCALL, 0, B_TRACE, 4)),
	BAD(FORPREP_RANGE, MAIN, IW(FORPREP, REGS - 3, 0)),
	BAD(FORPREP_RANGE, MAIN, IW(FORPREP, REGS - 1, 0)),
	BAD(FORLOOP_RANGE, MAIN, IW(FORLOOP, REGS - 3, 0xffff)),
	BAD(PAIRS_RANGE, MAIN, I(PAIRS, REGS - 1, 0, 0)),
	BAD(NEXT_RANGE, MAIN, IW(NEXT, REGS - 3, 0)),
	BAD(NEXT_RANGE, MAIN, IW(NEXT, REGS - 1, 0)),
	/* jumps */
	BAD(JUMP_RANGE, MAIN, IJ(JMP, 9)),
	BAD(JUMP_RANGE, MAIN, IJ(JMP, -2)),
	BAD(JUMP_RANGE, MAIN, IJ(JMP, 0x7fffff)),
	BAD(JUMP_RANGE, MAIN, IJ(JMP, -0x800000)),
	BAD(JUMP_RANGE, MAIN, IW(JT, 0, 9)),
	BAD(JUMP_RANGE, MAIN, IW(JF, 0, 0x8000)),
	BAD(JUMP_RANGE, MAIN, IW(FORPREP, 0, 0x7fff)),
	BAD(JUMP_RANGE, MAIN, IW(FORLOOP, 0, 0x8000)),
	BAD(JUMP_RANGE, MAIN, IW(NEXT, 0, 9)),
	BAD(JUMP_RANGE, UPVALS, IJ(JMP, -2)),
	BAD(JUMP_RANGE, VARARG, IJ(JMP, 3)),
	BAD(JUMP_BACK, MAIN, IW(FORPREP, 0, 0xffff)),
	BAD(JUMP_BACK, MAIN, IW(NEXT, 0, 0xffff)),
	BAD(JUMP_FORWARD, MAIN, IW(FORLOOP, 0, 0)),
	BAD(JUMP_FORWARD, MAIN, IW(FORLOOP, 0, 3)),
	BAD(JUMP_MULTI, MAIN, IJ(JMP, 1), I(CALL, 0, 1, 0), I(CALL, 0, 0, 1)),
	BAD(JUMP_MULTI, MAIN, I(CALL, 0, 1, 0), I(BCALL, 0, B_PRINT, 0), IW(JT, 0, 0xfffe)),
	BAD(JUMP_MULTI, VARARG, I(VARARG, 0, 0, 0), I(RET, 0, 0, 0), IJ(JMP, -2)),
	/* several results */
	BAD(MULTI_NONE, MAIN, I(CALL, 0, 0, 1)),
	BAD(MULTI_NONE, MAIN, I(TAIL, 0, 0, 0)),
	BAD(MULTI_NONE, MAIN, I(RET, 0, 0, 0)),
	BAD(MULTI_NONE, MAIN, I(BCALL, 0, B_PRINT, 0)),
	BAD(MULTI_NONE, MAIN, I(CALL, 0, 1, 1), I(RET, 0, 0, 0)),
	BAD(MULTI_BASE, MAIN, I(CALL, 0, 1, 0), I(CALL, 0, 0, 1)),
	BAD(MULTI_BASE, MAIN, I(CALL, 0, 1, 0), I(TAIL, 3, 0, 0)),
	BAD(MULTI_BASE, MAIN, I(CALL, 0, 1, 0), I(RET, 1, 0, 0)),
	BAD(MULTI_BASE, MAIN, I(CALL, 0, 1, 0), I(BCALL, 1, B_PRINT, 0)),
	BAD(MULTI_BASE, VARARG, I(VARARG, 0, 0, 0), I(RET, 2, 0, 0)),
	BAD(MULTI_UNUSED, MAIN, I(CALL, 0, 1, 0)),
	BAD(MULTI_UNUSED, MAIN, I(CALL, 0, 1, 0), I(RET, 0, 1, 0)),
	BAD(MULTI_UNUSED, VARARG, I(VARARG, 0, 0, 0)),
	BAD(CLOSURE_MAIN, MAIN, IW(CLOSURE, 0, 0)),
	BAD(CLOSURE_MAIN, UPVALS, IW(CLOSURE, 0, 0)),
};

static void test_insns(void)
{
	struct asm_img a;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad_insns); i++) {
		const struct bad_insn *b = &bad_insns[i];
		u32 at;

		good_image(&a);
		at = b->func == F_MAIN ? at_main : b->func == F_UPVALS ? at_upvals : at_vararg;
		memcpy(a.code + at, b->insn, b->n * sizeof(u32));
		asm_finish(&a);
		refused(a.bytes, a.size, b->tag, b->what);
		asm_free(&a);
	}
}

/* Bad images that take more than a changed field */
static void test_others(void)
{
	struct asm_img a;
	char *big;
	u32 i, size;

	for (i = 0; i < sizeof(struct ktap_img_header); i += 19) {
		good_image(&a);
		refused(a.bytes, i, KTAP_TAG_SHORT_HEADER, "cut short in the header");
		asm_free(&a);
	}
	good_image(&a);
	refused(a.bytes, a.size - 4, KTAP_TAG_IMAGE_SIZE, "cut short at the end");
	asm_free(&a);

	good_image(&a);
	a.bytes[asm_header(&a)->sections[KTAP_SEC_STRINGS].off + a.nstrings] = 1;
	refused(a.bytes, a.size, a.nstrings % 8 ? KTAP_TAG_SEC_GAP : KTAP_TAG_CONST_TYPE,
		"padding between sections");
	asm_free(&a);

	/* the same, at the end */
	good_image(&a);
	a.bytes = realloc(a.bytes, a.size + 8);
	memset(a.bytes + a.size, 0, 8);
	asm_header(&a)->image_size = a.size + 8;
	refused(a.bytes, a.size + 8, KTAP_TAG_SEC_GAP, "bytes after the last section");
	a.bytes[a.size + 1] = 7;
	asm_header(&a)->image_size = a.size + 4;
	refused(a.bytes, a.size + 4, KTAP_TAG_SEC_GAP, "padding at the end is not 0");
	asm_free(&a);

	/* one line too few */
	good_image(&a);
	a.size -= 4;
	asm_header(&a)->sections[KTAP_SEC_LINES].size -= 4;
	asm_header(&a)->image_size = a.size;
	refused(a.bytes, a.size, KTAP_TAG_LINES_SIZE, "a line is missing");
	asm_free(&a);

	good_image(&a);
	size = KTAP_MAX_IMAGE + 8;
	big = calloc(1, size);
	memcpy(big, a.bytes, a.size);
	((struct ktap_img_header *)big)->image_size = size;
	refused(big, size, KTAP_TAG_IMAGE_LARGE, "16 MiB and 8 bytes");
	free(big);
	asm_free(&a);

	good_image(&a);
	a.ncode -= a.funcs[3].ncode;
	a.nfuncs = 0;
	asm_finish(&a);
	refused(a.bytes, a.size, KTAP_TAG_FUNC_NONE, "no functions");
	asm_free(&a);

	/* control that runs off the end */
	for (i = 0; i < 6; i++) {
		static const u32 last[] = {
			I(NIL, 0, 1, 0), I(MOVE, 0, 0, 0), I(BCALL, 0, B_PRINT, 1),
			I(CALL, 0, 1, 1), IW(JT, 0, 0xfffe), IW(FORLOOP, 0, 0xfffe),
		};

		good_image(&a);
		a.code[at_main + 9] = last[i];
		asm_finish(&a);
		refused(a.bytes, a.size, KTAP_TAG_NO_END, "last instruction of main");
		asm_free(&a);
	}
	/* several results at the very end */
	good_image(&a);
	a.code[at_main + 9] = I(CALL, 0, 1, 0);
	asm_finish(&a);
	refused(a.bytes, a.size, KTAP_TAG_MULTI_UNUSED, "last instruction of main");
	asm_free(&a);
}

/* Strings over a limit, and too many of something */
static void test_limits(void)
{
	static const struct {
		enum ktap_verify_tag tag;
		enum ktap_section sec;
		u32 elem, count;
	} many[] = {
		{ KTAP_TAG_CONST_MANY, KTAP_SEC_CONSTS, 16, KTAP_MAX_CONSTS + 1 },
		{ KTAP_TAG_GLOBAL_MANY, KTAP_SEC_GLOBALS, 16, KTAP_MAX_GLOBALS + 1 },
		{ KTAP_TAG_BUILTIN_MANY, KTAP_SEC_BUILTINS, 8, KTAP_MAX_BUILTINS + 1 },
		{ KTAP_TAG_FUNC_MANY, KTAP_SEC_FUNCS, 28, KTAP_MAX_FUNCS + 1 },
	};
	static const enum ktap_verify_tag longs[] = {
		KTAP_TAG_SOURCE_LONG, KTAP_TAG_CONST_LONG, KTAP_TAG_GLOBAL_LONG,
		KTAP_TAG_FUNC_NAME_LONG,
	};
	struct ktap_img_header *h;
	struct asm_img a;
	u32 i, j, off;
	u8 *p;

	for (i = 0; i < ARRAY_SIZE(many); i++) {
		u32 size = many[i].elem * many[i].count;

		p = calloc(1, sizeof(*h) + size + 8);
		h = (struct ktap_img_header *)p;
		h->magic = KTAP_IMAGE_MAGIC;
		h->version = KTAP_IMAGE_VERSION;
		h->header_size = sizeof(*h);
		for (j = 0, off = sizeof(*h); j < KTAP_SEC_NR; j++) {
			h->sections[j].off = off;
			if (j == many[i].sec) {
				h->sections[j].size = size;
				off = ALIGN(off + size, 8);
			}
		}
		h->image_size = off;
		refused(p, off, many[i].tag, "one over the limit");
		free(p);
	}
	for (i = 0; i < ARRAY_SIZE(longs); i++) {
		struct ktap_img_str s;

		good_image(&a);
		memset(a.strings + a.nstrings, 'x', KTAP_MAX_STR + 1);
		s = (struct ktap_img_str){ .off = a.nstrings, .len = KTAP_MAX_STR + 1 };
		a.nstrings += s.len;
		if (longs[i] == KTAP_TAG_CONST_LONG)
			a.consts[K_STR].s = s;
		else if (longs[i] == KTAP_TAG_GLOBAL_LONG)
			a.globals[0].name = s;
		else if (longs[i] == KTAP_TAG_FUNC_NAME_LONG)
			a.funcs[1].name = s;
		asm_finish(&a);
		if (longs[i] == KTAP_TAG_SOURCE_LONG)
			asm_header(&a)->source = s;
		refused(a.bytes, a.size, longs[i], "4097 bytes");
		asm_free(&a);
	}

	/* 65536 constants that all are the same 4096 bytes */
	off = ALIGN(sizeof(*h) + KTAP_MAX_STR, 8);
	p = calloc(1, off + KTAP_MAX_CONSTS * 16 + 64);
	h = (struct ktap_img_header *)p;
	h->magic = KTAP_IMAGE_MAGIC;
	h->version = KTAP_IMAGE_VERSION;
	h->header_size = sizeof(*h);
	h->sections[0].off = sizeof(*h);
	h->sections[0].size = KTAP_MAX_STR;
	for (i = 0; i < KTAP_MAX_CONSTS; i++) {
		struct ktap_img_const *c = (void *)(p + off + i * 16);

		c->type = KTAP_CONST_STR;
		c->s.len = KTAP_MAX_STR;
	}
	h->sections[1].off = off;
	h->sections[1].size = KTAP_MAX_CONSTS * 16;
	off += KTAP_MAX_CONSTS * 16;
	for (i = 2; i < KTAP_SEC_NR; i++) {
		h->sections[i].off = off;
		if (i == KTAP_SEC_FUNCS) {
			h->sections[i].size = sizeof(struct ktap_img_func);
			off += ALIGN(sizeof(struct ktap_img_func), 8);
		}
	}
	h->image_size = off;
	refused(p, off, KTAP_TAG_STRINGS_LARGE, "256 MiB of constants");
	free(p);
}

/* Any single bit of a good image changed: accepted or refused, never worse */
static void test_bits(void)
{
	struct asm_img a;
	unsigned int bit, refusals = 0, bad = 0;

	good_image(&a);
	for (bit = 0; bit < a.size * 8; bit++) {
		char text[512] = "";
		struct ktap_log log = { .buf = text, .size = sizeof(text) };
		struct ktap_vm *vm;

		a.bytes[bit / 8] ^= 1 << bit % 8;
		vm = load(a.bytes, a.size, &log);
		a.bytes[bit / 8] ^= 1 << bit % 8;
		if (!IS_ERR(vm)) {
			ktap_vm_destroy(vm);
			continue;
		}
		refusals++;
		if (PTR_ERR(vm) != -EINVAL || !strchr(text, '\n'))
			bad++;
	}
	report(!bad && refusals, "each of %u bits of an image changed: %u refused", bit, refusals);
	asm_free(&a);
}

void test_verifier(void)
{
	struct ktap_log log = { .size = 0 };
	struct ktap_vm *vm;
	struct asm_img a;
	unsigned int i;

	good_image(&a);
	vm = load(a.bytes, a.size, &log);
	report(!IS_ERR(vm), "the good image is accepted");
	if (!IS_ERR(vm)) {
		report(!ktap_vm_run_main(vm), "and runs");
		ktap_vm_destroy(vm);
	}
	asm_free(&a);

	test_spoils();
	test_insns();
	test_others();
	test_limits();
	test_bits();
	for (i = 0; i < KTAP_TAG_NR; i++) {
		if (!tag_seen[i])
			report(false, "no test for %s", tag_name[i]);
	}
}
