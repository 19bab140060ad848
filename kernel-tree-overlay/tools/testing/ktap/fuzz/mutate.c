// SPDX-License-Identifier: GPL-2.0
/*
 * mutate: changes images so that they are still images.
 *
 * An image is taken apart, changed where that means something (an opcode, an
 * operand by its kind, instructions that come, go or change places, constants,
 * functions, ...), and put together again.  Most of the time its code is then
 * mended: operands are put into the bounds that they have, so that the
 * verifier accepts most of what is made, and the interpreter gets to run it.
 * Some of that is spoiled again: one thing is just out of its bounds, which the
 * verifier has to see.
 *
 * Opcodes, operand kinds and builtins come from the tables of the uapi header.
 * An operand of a kind that is not known here is changed like any number.
 */
#include "fuzz.h"
#include "mutate.h"

#define MAX_STRINGS	8192
#define MAX_CONSTS	256
#define MAX_GLOBALS	64
#define MAX_BI		64
#define MAX_FUNCS	48
#define MAX_UPVALS	256
#define MAX_CODE	2048

struct model {
	u8 strings[MAX_STRINGS];
	u32 nstrings;
	struct ktap_img_str source;
	struct ktap_img_const consts[MAX_CONSTS];
	u32 nconsts;
	struct ktap_img_global globals[MAX_GLOBALS];
	u32 nglobals;
	struct ktap_img_str bi[MAX_BI];
	u32 nbi;
	struct ktap_img_func funcs[MAX_FUNCS];
	u32 nfuncs;
	struct ktap_img_upval upvals[MAX_UPVALS];
	u32 nupvals;
	u32 code[MAX_CODE];
	u32 lines[MAX_CODE];
	u32 ncode;
};

static struct model model, other;

/* Kinds of operands, by the names that they have in KTAP_OPCODES */
enum kind {
	KIND_NONE, KIND_R, KIND_W, KIND_RW, KIND_B1, KIND_N1, KIND_NM, KIND_UP, KIND_BI, KIND_KC,
	KIND_KX, KIND_KS, KIND_GX, KIND_FX, KIND_BX, KIND_I16, KIND_J16, KIND_J24, KIND_OTHER,
};

static const char * const kind_names[KIND_OTHER] = {
	"_", "R", "W", "RW", "B1", "N1", "NM", "UP", "BI", "KC",
	"KX", "KS", "GX", "FX", "BX", "I16", "J16", "J24",
};

static const char * const op_kinds[KTAP_OP_NR][3] = {
#define OP_KINDS(name, a, b, c) { #a, #b, #c },
	KTAP_OPCODES(OP_KINDS)
#undef OP_KINDS
};

static const char * const bi_names[KTAP_BI_NR] = {
#define BI_NAME(id, name, min, max, flags) name,
	KTAP_BUILTINS(BI_NAME)
#undef BI_NAME
};

static const u8 bi_lens[KTAP_BI_NR] = {
#define BI_LEN(id, name, min, max, flags) sizeof(name) - 1,
	KTAP_BUILTINS(BI_LEN)
#undef BI_LEN
};

static const u8 bi_args[KTAP_BI_NR][2] = {
#define BI_ARGS(id, name, min, max, flags) { min, max },
	KTAP_BUILTINS(BI_ARGS)
#undef BI_ARGS
};

static u8 kinds[KTAP_OP_NR][3];

static void init_kinds(void)
{
	unsigned int op, i, k;

	for (op = 0; op < KTAP_OP_NR; op++) {
		for (i = 0; i < 3; i++) {
			for (k = 0; k < KIND_OTHER; k++) {
				if (!strcmp(op_kinds[op][i], kind_names[k]))
					break;
			}
			kinds[op][i] = k;
		}
	}
}

static u64 rnd_state;

static u32 rnd(u32 n)
{
	rnd_state = rnd_state * 6364136223846793005ull + 1442695040888963407ull;
	return n ? (rnd_state >> 33) % n : 0;
}

static bool is_wide(u32 op)
{
	return kinds[op][1] >= KIND_KX && kinds[op][1] <= KIND_J16;
}

/*
 * Taking apart and putting together; on little-endian machines, as the
 * assembler of the other tests
 */
#define GET(field, max, sec)						\
	do {								\
		m->n##field = h->sections[sec].size / sizeof(m->field[0]); \
		if (m->n##field > (max))				\
			return false;					\
		memcpy(m->field, data + h->sections[sec].off, h->sections[sec].size); \
	} while (0)

static bool take_apart(struct model *m, const u8 *data, size_t size)
{
	const struct ktap_img_header *h = (const void *)data;
	u32 i, k, end = sizeof(*h);

	if (size < sizeof(*h) || h->magic != KTAP_IMAGE_MAGIC)
		return false;
	for (i = 0; i < KTAP_SEC_NR; i++) {
		u32 off = h->sections[i].off, len = h->sections[i].size;

		if (off < end || off > size || len > size - off)
			return false;
		end = off + len;
	}
	m->source = h->source;
	GET(strings, MAX_STRINGS, KTAP_SEC_STRINGS);
	GET(consts, MAX_CONSTS, KTAP_SEC_CONSTS);
	GET(globals, MAX_GLOBALS, KTAP_SEC_GLOBALS);
	GET(bi, MAX_BI, KTAP_SEC_BUILTINS);
	GET(funcs, MAX_FUNCS, KTAP_SEC_FUNCS);
	GET(upvals, MAX_UPVALS, KTAP_SEC_UPVALS);
	GET(code, MAX_CODE, KTAP_SEC_CODE);
	if (h->sections[KTAP_SEC_LINES].size != h->sections[KTAP_SEC_CODE].size)
		return false;
	memcpy(m->lines, data + h->sections[KTAP_SEC_LINES].off, m->ncode * sizeof(u32));
	if (!m->nfuncs || !m->ncode)
		return false;
	for (i = 0; i < m->nfuncs; i++) {
		const struct ktap_img_func *f = &m->funcs[i];

		if (!f->ncode || f->code > m->ncode || f->ncode > m->ncode - f->code)
			return false;
		/* code that is of two functions could not be moved */
		for (k = 0; k < i; k++) {
			if (f->code < m->funcs[k].code + m->funcs[k].ncode &&
			    m->funcs[k].code < f->code + f->ncode)
				return false;
		}
	}
	return true;
}

static size_t put_section(u8 *out, size_t at, size_t max, enum ktap_section sec,
			  const void *data, size_t size)
{
	struct ktap_img_header *h = (void *)out;
	size_t off = ALIGN(at, 8);

	if (!at || off + size > max)
		return 0;
	memset(out + at, 0, off - at);
	memcpy(out + off, data, size);
	h->sections[sec].off = off;
	h->sections[sec].size = size;
	return off + size;
}

static size_t put_together(const struct model *m, u8 *out, size_t max)
{
	struct ktap_img_header *h = (void *)out;
	size_t n = sizeof(*h);

	if (max < n)
		return 0;
	memset(h, 0, sizeof(*h));
	n = put_section(out, n, max, KTAP_SEC_STRINGS, m->strings, m->nstrings);
	n = put_section(out, n, max, KTAP_SEC_CONSTS, m->consts,
			m->nconsts * sizeof(m->consts[0]));
	n = put_section(out, n, max, KTAP_SEC_GLOBALS, m->globals,
			m->nglobals * sizeof(m->globals[0]));
	n = put_section(out, n, max, KTAP_SEC_BUILTINS, m->bi, m->nbi * sizeof(m->bi[0]));
	n = put_section(out, n, max, KTAP_SEC_FUNCS, m->funcs, m->nfuncs * sizeof(m->funcs[0]));
	n = put_section(out, n, max, KTAP_SEC_UPVALS, m->upvals,
			m->nupvals * sizeof(m->upvals[0]));
	n = put_section(out, n, max, KTAP_SEC_CODE, m->code, m->ncode * sizeof(u32));
	n = put_section(out, n, max, KTAP_SEC_LINES, m->lines, m->ncode * sizeof(u32));
	if (!n)
		return 0;
	h->magic = KTAP_IMAGE_MAGIC;
	h->version = KTAP_IMAGE_VERSION;
	h->header_size = sizeof(*h);
	h->image_size = n;
	h->source = m->source;
	return n;
}

/*
 * Changes
 */
static u8 random_operand(const struct model *m, const struct ktap_img_func *f, enum kind kind)
{
	switch (kind) {
	case KIND_R:
	case KIND_W:
	case KIND_RW:
		return rnd(f->nregs);
	case KIND_UP:
		return rnd(f->nupvals);
	case KIND_BI:
		return rnd(m->nbi);
	case KIND_KC:
		return rnd(m->nconsts);
	case KIND_B1:
		return rnd(2);
	case KIND_N1:
		return 1 + rnd(min_t(u32, f->nregs, 6));
	case KIND_NM:
		return rnd(5);
	case KIND_NONE:
		return 0;
	default:
		return rnd(256);
	}
}

static u16 random_wide(const struct model *m, const struct ktap_img_func *f, enum kind kind)
{
	switch (kind) {
	case KIND_KX:
	case KIND_KS:
		return rnd(m->nconsts);
	case KIND_GX:
		return rnd(m->nglobals);
	case KIND_FX:
		return rnd(m->nfuncs);
	case KIND_BX:
		return rnd(m->nbi);
	case KIND_J16:
		return rnd(2 * f->ncode) - f->ncode;
	default:
		return rnd(4) ? rnd(16) : rnd(65536);
	}
}

static u32 random_insn(const struct model *m, const struct ktap_img_func *f, u32 op)
{
	if (kinds[op][0] == KIND_J24)
		return KTAP_INSN_JUMP(op, (s32)rnd(2 * f->ncode) - (s32)f->ncode);
	if (is_wide(op))
		return KTAP_INSN_WIDE(op, random_operand(m, f, kinds[op][0]),
				      random_wide(m, f, kinds[op][1]));
	return KTAP_INSN(op, random_operand(m, f, kinds[op][0]),
			 random_operand(m, f, kinds[op][1]), random_operand(m, f, kinds[op][2]));
}

static void change_operand(struct model *m, const struct ktap_img_func *f, u32 *insn)
{
	u32 op = KTAP_INSN_OP(*insn), with, mask;

	if (op >= KTAP_OP_NR)
		return;
	with = random_insn(m, f, op);
	mask = rnd(3) ? 0xffu << 8 * (1 + rnd(3)) : 0xffff0000;
	*insn = (*insn & ~mask) | (with & mask);
}

static s32 get_jump(u32 insn)
{
	return KTAP_INSN_OP(insn) == KTAP_OP_JMP ? KTAP_INSN_SJ(insn) : KTAP_INSN_SBX(insn);
}

static bool has_jump(u32 insn)
{
	u32 op = KTAP_INSN_OP(insn);

	return op < KTAP_OP_NR && (kinds[op][0] == KIND_J24 || kinds[op][1] == KIND_J16);
}

static u32 with_jump(u32 insn, s32 to)
{
	u32 op = KTAP_INSN_OP(insn);

	return kinds[op][0] == KIND_J24 ? KTAP_INSN_JUMP(op, to) :
	       KTAP_INSN_WIDE(op, KTAP_INSN_A(insn), to);
}

/* Makes room for @n instructions, or takes them away; jumps go where they went. */
static bool shift_code(struct model *m, u32 fn, u32 at, s32 n)
{
	struct ktap_img_func *f = &m->funcs[fn];
	u32 abs = f->code + at, i;

	if ((n > 0 && m->ncode + n > MAX_CODE) || (n < 0 && (s32)(f->ncode - at) <= -n))
		return false;
	for (i = 0; i < f->ncode; i++) {
		u32 *insn = &m->code[f->code + i];
		s64 to, from = i;

		if (!has_jump(*insn))
			continue;
		to = (s64)i + 1 + get_jump(*insn);
		if (to >= (s64)at)
			to += n;
		if (from >= at)
			from += n;
		*insn = with_jump(*insn, to - from - 1);
	}
	if (n > 0) {
		memmove(m->code + abs + n, m->code + abs, (m->ncode - abs) * sizeof(u32));
		memmove(m->lines + abs + n, m->lines + abs, (m->ncode - abs) * sizeof(u32));
	} else {
		memmove(m->code + abs, m->code + abs - n, (m->ncode - abs + n) * sizeof(u32));
		memmove(m->lines + abs, m->lines + abs - n, (m->ncode - abs + n) * sizeof(u32));
	}
	m->ncode += n;
	f->ncode += n;
	for (i = 0; i < m->nfuncs; i++) {
		if (i != fn && m->funcs[i].code >= abs)
			m->funcs[i].code += n;
	}
	return true;
}

/* Instructions of @from at a place of @m; they may be the same. */
static void insert_stretch(struct model *m, const struct model *from, u32 fn, u32 at)
{
	u32 code[16], n = 1 + rnd(16), start = rnd(from->ncode), i;

	n = min(n, from->ncode - start);
	memcpy(code, from->code + start, n * sizeof(u32));
	if (rnd(2) && shift_code(m, fn, at, n)) {
		for (i = 0; i < n; i++)
			m->lines[m->funcs[fn].code + at + i] = rnd(64);
	} else {
		n = min(n, m->funcs[fn].ncode - at);
	}
	memcpy(m->code + m->funcs[fn].code + at, code, n * sizeof(u32));
}

static void change_const(struct model *m)
{
	static const s64 some[] = {
		0, 1, -1, 2, 63, 64, 255, 4096, 65536, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN,
	};
	struct ktap_img_const *c;

	if (m->nconsts < MAX_CONSTS && (!m->nconsts || !rnd(4)))
		c = &m->consts[m->nconsts++];
	else
		c = &m->consts[rnd(m->nconsts)];
	memset(c, 0, sizeof(*c));
	if (rnd(2)) {
		c->type = KTAP_CONST_INT;
		c->i = rnd(2) ? some[rnd(ARRAY_SIZE(some))] : (s64)((u64)rnd(-1) << 32 | rnd(-1));
		return;
	}
	c->type = KTAP_CONST_STR;
	c->s.off = rnd(m->nstrings + 1);
	c->s.len = rnd(8) ? rnd(min_t(u32, m->nstrings - c->s.off, 40) + 1) :
		   m->nstrings - c->s.off;
}

static void change_strings(struct model *m)
{
	static const char some[] = "%s%d%-5x%*.3%%test:*\0[a-z]*?\\\n\xff{}, :=";
	u32 at, n;

	if (m->nstrings < MAX_STRINGS / 2 && !rnd(8)) {
		/* long ones, for what has to be cut */
		n = 1 + rnd(3000);
		memset(m->strings + m->nstrings, 'a' + rnd(26), n);
		m->nstrings += n;
		return;
	}
	if (!m->nstrings)
		return;
	at = rnd(m->nstrings);
	if (rnd(2))
		m->strings[at] = rnd(256);
	else
		m->strings[at] = some[rnd(sizeof(some))];
}

static void change_builtin(struct model *m)
{
	const char *name = bi_names[rnd(KTAP_BI_NR)];
	u32 len = strlen(name), i;

	if (m->nstrings + len > MAX_STRINGS)
		return;
	i = m->nbi < MAX_BI && (!m->nbi || rnd(2)) ? m->nbi++ : rnd(m->nbi);
	m->bi[i] = (struct ktap_img_str){ .off = m->nstrings, .len = len };
	memcpy(m->strings + m->nstrings, name, len);
	m->nstrings += len;
}

static void change_global(struct model *m)
{
	struct ktap_img_global *g;

	if (m->nglobals < MAX_GLOBALS && (!m->nglobals || !rnd(4))) {
		g = &m->globals[m->nglobals++];
		memset(g, 0, sizeof(*g));
		g->name.len = min_t(u32, m->nstrings, 3);
	} else {
		g = &m->globals[rnd(m->nglobals)];
	}
	g->kind = rnd(KTAP_GLOBAL_ARGS + 1);
}

static void change_func(struct model *m, u32 fn)
{
	struct ktap_img_func *f = &m->funcs[fn], tmp;

	switch (rnd(6)) {
	case 0:
		f->nregs = rnd(4) ? min_t(u32, f->nregs + rnd(8), KTAP_MAX_REGS) :
			   1 + rnd(KTAP_MAX_REGS);
		break;
	case 1:
		f->nparams = fn ? rnd(min_t(u32, f->nregs, 6) + 1) : 0;
		break;
	case 2:
		f->flags ^= KTAP_FUNC_VARARG;
		break;
	case 3:
		if (f->nupvals && f->upval < m->nupvals) {
			u32 n = min_t(u32, f->nupvals, m->nupvals - f->upval);
			struct ktap_img_upval *u = &m->upvals[f->upval + rnd(n)];

			u->from_reg = rnd(2);
			u->index = rnd(rnd(2) ? 4 : 250);
		}
		break;
	case 4:
		/* one more upvalue: the section has them in the order of the functions */
		if (fn && m->nupvals < MAX_UPVALS && f->nupvals < KTAP_MAX_UPVALS &&
		    (u64)f->upval + f->nupvals <= m->nupvals) {
			u32 at = f->upval + f->nupvals, i;

			memmove(m->upvals + at + 1, m->upvals + at,
				(m->nupvals - at) * sizeof(m->upvals[0]));
			m->upvals[at] = (struct ktap_img_upval){ rnd(2), rnd(4), { 0, 0 } };
			m->nupvals++;
			f->nupvals++;
			for (i = 0; i < m->nfuncs; i++) {
				if (i != fn && m->funcs[i].upval >= at &&
				    (m->funcs[i].upval > at || i > fn))
					m->funcs[i].upval++;
			}
		}
		break;
	default:
		if (fn) {
			u32 with = 1 + rnd(m->nfuncs - 1);

			tmp = *f;
			*f = m->funcs[with];
			m->funcs[with] = tmp;
		}
		break;
	}
}

static void change(struct model *m, const struct model *from)
{
	u32 fn = rnd(m->nfuncs), at = rnd(m->funcs[fn].ncode), to;
	struct ktap_img_func *f = &m->funcs[fn];
	u32 *code = m->code + f->code, tmp;

	switch (rnd(24)) {
	case 0 ... 5:
		change_operand(m, f, &code[at]);
		break;
	case 6 ... 9:
		code[at] = random_insn(m, f, rnd(KTAP_OP_NR));
		break;
	case 10 ... 13:
		if (shift_code(m, fn, at, 1)) {
			code[at] = random_insn(m, f, rnd(KTAP_OP_NR));
			m->lines[f->code + at] = rnd(64);
		}
		break;
	case 14:
		to = rnd(f->ncode);
		tmp = code[at];
		code[at] = code[to];
		code[to] = tmp;
		break;
	case 15:
		shift_code(m, fn, at, -1 - (s32)rnd(4));
		break;
	case 16:
	case 17:
		insert_stretch(m, from, fn, at);
		break;
	case 18:
		change_const(m);
		break;
	case 19:
		change_strings(m);
		break;
	case 20:
		change_builtin(m);
		break;
	case 21:
		change_global(m);
		break;
	case 22:
		change_func(m, fn);
		break;
	default:
		/* opcodes with the operands that another had */
		code[at] = (code[at] & ~0xff) | rnd(KTAP_OP_NR);
		break;
	}
}

/*
 * Mending
 */
static const u8 *builtin_args(const struct model *m, u32 i)
{
	static const u8 any[2] = { 1, 1 };
	u32 id;

	if (i >= m->nbi || m->bi[i].off > m->nstrings ||
	    m->bi[i].len > m->nstrings - m->bi[i].off)
		return any;
	for (id = 0; id < KTAP_BI_NR; id++) {
		if (bi_lens[id] == m->bi[i].len &&
		    !memcmp(bi_names[id], m->strings + m->bi[i].off, m->bi[i].len))
			return bi_args[id];
	}
	return any;
}

/* A string constant at or after @i, or nconsts if there is none */
static u32 string_const(const struct model *m, u32 i, u32 limit)
{
	u32 n, end = min(m->nconsts, limit);

	for (n = 0; n < end; n++) {
		u32 k = (i + n) % end;

		if (m->consts[k].type == KTAP_CONST_STR)
			return k;
	}
	return m->nconsts;
}

static bool can_capture(const struct model *m, const struct ktap_img_func *f, u32 fn)
{
	const struct ktap_img_func *g = &m->funcs[fn];
	u32 i;

	for (i = 0; i < g->nupvals; i++) {
		u64 at = (u64)g->upval + i;

		if (at >= m->nupvals || m->upvals[at].index >=
		    (m->upvals[at].from_reg ? f->nregs : f->nupvals))
			return false;
	}
	return true;
}

/* Puts an operand into its bounds; false if there is no such thing to refer to. */
static bool mend_operand(const struct model *m, const struct ktap_img_func *f, enum kind kind,
			 u32 *v)
{
	switch (kind) {
	case KIND_NONE:
		*v = 0;
		return true;
	case KIND_R:
	case KIND_W:
	case KIND_RW:
		*v %= f->nregs;
		return true;
	case KIND_B1:
		*v &= 1;
		return true;
	case KIND_N1:
		*v = min_t(u32, max(*v, 1U), f->nregs);
		return true;
	case KIND_UP:
		if (f->nupvals)
			*v %= f->nupvals;
		return f->nupvals;
	case KIND_BI:
	case KIND_BX:
		if (m->nbi)
			*v %= m->nbi;
		return m->nbi;
	case KIND_KC:
		*v = string_const(m, *v, 256);
		return *v < m->nconsts;
	case KIND_KS:
		*v = string_const(m, *v, MAX_CONSTS);
		return *v < m->nconsts;
	case KIND_KX:
		if (m->nconsts)
			*v %= m->nconsts;
		return m->nconsts;
	case KIND_GX:
		if (m->nglobals)
			*v %= m->nglobals;
		return m->nglobals;
	case KIND_FX:
		if (m->nfuncs > 1)
			*v = *v % m->nfuncs ?: 1;
		return m->nfuncs > 1 && can_capture(m, f, *v);
	default:
		return true;
	}
}

/* What takes the place of an instruction that cannot be */
static u32 harmless(const struct ktap_img_func *f)
{
	return KTAP_INSN_WIDE(KTAP_OP_LOADI, rnd(f->nregs), rnd(8));
}

/* Ranges of registers, from the lowest possible register on if they are too long */
static void mend_range(const struct ktap_img_func *f, u32 *from, u32 *n)
{
	*n = min_t(u32, *n, f->nregs);
	if (*from + *n > f->nregs)
		*from = f->nregs - *n;
}

static u32 mend_jump(const struct ktap_img_func *f, u32 pc, u32 insn)
{
	u32 op = KTAP_INSN_OP(insn);
	s32 min_to = -(s32)pc - 1, max_to = (s32)f->ncode - 2 - (s32)pc, to = get_jump(insn);

	if (op == KTAP_OP_FORPREP || op == KTAP_OP_NEXT)
		min_to = 0;
	if (op == KTAP_OP_FORLOOP)
		max_to = -1;
	if (max_to < min_to)
		return harmless(f);
	if (to < min_to || to > max_to)
		to = min_to + (s32)rnd(max_to - min_to + 1);
	return with_jump(insn, to);
}

static u32 mend_insn(const struct model *m, const struct ktap_img_func *f, u32 pc, u32 insn)
{
	u32 op = KTAP_INSN_OP(insn), a = KTAP_INSN_A(insn), b = KTAP_INSN_B(insn);
	u32 c = KTAP_INSN_C(insn), four = 4, two = 2, wide = KTAP_INSN_BX(insn);
	const u8 *args;

	if (op >= KTAP_OP_NR)
		return harmless(f);
	if (kinds[op][0] == KIND_J24)
		return mend_jump(f, pc, insn);
	if (!mend_operand(m, f, kinds[op][0], &a))
		return harmless(f);
	if (is_wide(op)) {
		if (!mend_operand(m, f, kinds[op][1], &wide))
			return harmless(f);
		if (op == KTAP_OP_TABLE)
			wide &= 0x7fff;
		if (op == KTAP_OP_FORPREP || op == KTAP_OP_FORLOOP || op == KTAP_OP_NEXT) {
			mend_range(f, &a, &four);
			if (four < 4)
				return harmless(f);
		}
		insn = KTAP_INSN_WIDE(op, a, wide);
		return kinds[op][1] == KIND_J16 ? mend_jump(f, pc, insn) : insn;
	}
	if (!mend_operand(m, f, kinds[op][1], &b) || !mend_operand(m, f, kinds[op][2], &c))
		return harmless(f);
	switch (op) {
	case KTAP_OP_NIL:
		mend_range(f, &a, &b);
		break;
	case KTAP_OP_TUPLE:
	case KTAP_OP_CONCAT:
		mend_range(f, &b, &c);
		break;
	case KTAP_OP_PAIRS:
		mend_range(f, &a, &two);
		if (two < 2)
			return harmless(f);
		break;
	case KTAP_OP_CALL:
		b = min_t(u32, b, f->nregs - a);
		c = min_t(u32, c, f->nregs - a + 1);
		break;
	case KTAP_OP_TAIL:
		b = min_t(u32, b, f->nregs - a);
		break;
	case KTAP_OP_RET:
		b = min_t(u32, b, f->nregs - a + 1);
		break;
	case KTAP_OP_VARARG:
		if (!(f->flags & KTAP_FUNC_VARARG))
			return harmless(f);
		c = min_t(u32, c, f->nregs - a + 1);
		break;
	case KTAP_OP_BCALL:
		if (!c)
			break;
		args = builtin_args(m, b);
		c = max_t(u32, c, args[0] + 1);
		if (args[1] != KTAP_BI_ANY)
			c = min_t(u32, c, args[1] + 1);
		if (c - 1 > f->nregs)
			return harmless(f);
		if (a + c - 1 > f->nregs)
			a = f->nregs - (c - 1);
		a = min_t(u32, a, f->nregs - 1);
		break;
	}
	return KTAP_INSN(op, a, b, c);
}

/* Takes as many values as there are; where they begin */
static bool takes_multi(u32 insn, u32 *first)
{
	*first = KTAP_INSN_A(insn);
	switch (KTAP_INSN_OP(insn)) {
	case KTAP_OP_CALL:
	case KTAP_OP_TAIL:
		++*first;
		return !KTAP_INSN_B(insn);
	case KTAP_OP_RET:
		return !KTAP_INSN_B(insn);
	case KTAP_OP_BCALL:
		return !KTAP_INSN_C(insn);
	}
	return false;
}

static bool leaves_multi(u32 insn)
{
	return (KTAP_INSN_OP(insn) == KTAP_OP_CALL || KTAP_INSN_OP(insn) == KTAP_OP_VARARG) &&
	       !KTAP_INSN_C(insn);
}

/* Does control never go on to the next instruction? */
static bool may_end(u32 insn)
{
	u32 op = KTAP_INSN_OP(insn);

	return op == KTAP_OP_RET || op == KTAP_OP_TAIL || op == KTAP_OP_JMP;
}

static void mend_func(const struct model *m, const struct ktap_img_func *f, u32 *code)
{
	u32 i, first;

	for (i = 0; i < f->ncode; i++)
		code[i] = mend_insn(m, f, i, code[i]);
	if (!may_end(code[f->ncode - 1]))
		code[f->ncode - 1] = KTAP_INSN(KTAP_OP_RET, 0, 1, 0);
	/* several results go from an instruction to the next */
	for (i = 0; i < f->ncode; i++) {
		if (!takes_multi(code[i], &first))
			continue;
		if (!i || !leaves_multi(code[i - 1]) || first > KTAP_INSN_A(code[i - 1]))
			code[i] = i + 1 < f->ncode ? harmless(f) :
				  KTAP_INSN(KTAP_OP_RET, 0, 1, 0);
	}
	for (i = 0; i < f->ncode; i++) {
		if (leaves_multi(code[i]) &&
		    (i + 1 == f->ncode || !takes_multi(code[i + 1], &first)))
			code[i] |= 1u << 24;
	}
	for (i = 0; i < f->ncode; i++) {
		s32 to;

		if (!has_jump(code[i]))
			continue;
		to = i + 1 + get_jump(code[i]);
		if (to < 0 || to >= (s32)f->ncode || takes_multi(code[to], &first))
			code[i] = i + 1 < f->ncode ? harmless(f) :
				  KTAP_INSN(KTAP_OP_RET, 0, 1, 0);
	}
}

static void mend(struct model *m)
{
	u32 i;

	for (i = 0; i < m->nfuncs; i++) {
		struct ktap_img_func *f = &m->funcs[i];

		f->nregs = clamp_t(u32, f->nregs, 1, KTAP_MAX_REGS);
		f->nparams = min(f->nparams, f->nregs);
		f->flags &= KTAP_FUNC_VARARG;
	}
	for (i = 0; i < m->nfuncs; i++)
		mend_func(m, &m->funcs[i], m->code + m->funcs[i].code);
}

/*
 * Spoiling: what was mended gets one thing wrong, by as little as possible
 */
static void set_byte(u32 *insn, unsigned int n, u32 v)
{
	*insn = (*insn & ~(0xffu << 8 * n)) | (v & 0xff) << 8 * n;
}

/* The least value that an operand may not have */
static u32 bound(const struct model *m, const struct ktap_img_func *f, enum kind kind)
{
	switch (kind) {
	case KIND_R:
	case KIND_W:
	case KIND_RW:
		return f->nregs;
	case KIND_UP:
		return f->nupvals;
	case KIND_BI:
	case KIND_BX:
		return m->nbi;
	case KIND_KC:
	case KIND_KX:
	case KIND_KS:
		return m->nconsts;
	case KIND_GX:
		return m->nglobals;
	case KIND_FX:
		return m->nfuncs;
	case KIND_B1:
		return 2;
	case KIND_NONE:
		return 1;
	default:
		return 0;
	}
}

/* Ranges that end one register too far, and numbers of arguments */
static void spoil_range(const struct model *m, const struct ktap_img_func *f, u32 *insn)
{
	u32 a = KTAP_INSN_A(*insn), b = KTAP_INSN_B(*insn), c = KTAP_INSN_C(*insn);
	const u8 *args;

	switch (KTAP_INSN_OP(*insn)) {
	case KTAP_OP_NIL:
		set_byte(insn, 2, f->nregs - a + 1);
		break;
	case KTAP_OP_TUPLE:
	case KTAP_OP_CONCAT:
		set_byte(insn, 3, f->nregs - b + 1);
		break;
	case KTAP_OP_FORPREP:
	case KTAP_OP_FORLOOP:
	case KTAP_OP_NEXT:
		set_byte(insn, 1, f->nregs - 3);
		break;
	case KTAP_OP_PAIRS:
		set_byte(insn, 1, f->nregs - 1);
		break;
	case KTAP_OP_CALL:
		if (rnd(2))
			set_byte(insn, 2, f->nregs - a + 1);
		else
			set_byte(insn, 3, f->nregs - a + 2);
		break;
	case KTAP_OP_TAIL:
		set_byte(insn, 2, f->nregs - a + 1);
		break;
	case KTAP_OP_RET:
		set_byte(insn, 2, f->nregs - a + 2);
		break;
	case KTAP_OP_VARARG:
		set_byte(insn, 3, f->nregs - a + 2);
		break;
	case KTAP_OP_BCALL:
		args = builtin_args(m, b);
		switch (rnd(3)) {
		case 0:
			set_byte(insn, 1, f->nregs - (c - 1) + 1);
			break;
		case 1:
			set_byte(insn, 3, args[0]);
			break;
		default:
			set_byte(insn, 3, args[1] + 2);
			break;
		}
		break;
	}
}

static void spoil_insn(const struct model *m, const struct ktap_img_func *f, u32 pc, u32 *insn)
{
	u32 op = KTAP_INSN_OP(*insn), i;

	if (op >= KTAP_OP_NR) {
		return;
	} else if (has_jump(*insn)) {
		static const s32 off[] = { -1, 0, 1 };
		s32 to = rnd(2) ? (s32)f->ncode : off[rnd(3)];

		*insn = with_jump(*insn, rnd(2) ? to - (s32)pc - 1 : off[rnd(3)]);
	} else if (rnd(2)) {
		spoil_range(m, f, insn);
	} else if (is_wide(op) && rnd(2)) {
		*insn = KTAP_INSN_WIDE(op, KTAP_INSN_A(*insn), bound(m, f, kinds[op][1]));
	} else {
		i = is_wide(op) ? 0 : rnd(3);
		set_byte(insn, i + 1, bound(m, f, kinds[op][i]));
	}
}

/* Several results that are taken from one register higher, or jumped into */
static void spoil_multi(const struct ktap_img_func *f, u32 *code)
{
	u32 i, from = rnd(f->ncode), first;

	for (i = 0; i < f->ncode; i++) {
		if (takes_multi(code[i], &first))
			break;
	}
	if (i == f->ncode)
		return;
	if (rnd(2))
		set_byte(&code[i], 1, KTAP_INSN_A(code[i]) + 1);
	else if (from != i && from + 1 != i)
		code[from] = KTAP_INSN_JUMP(KTAP_OP_JMP, (s32)i - (s32)from - 1);
}

static void spoil_func(struct model *m, u32 fn)
{
	struct ktap_img_func *f = &m->funcs[fn];
	u32 i;

	switch (rnd(4)) {
	case 0:
		f->nparams = f->nregs + 1;
		break;
	case 1:
		if (f->nregs > 1)
			f->nregs--;
		break;
	default:
		/* a capture of the register after the last of some function */
		for (i = f->upval; i < f->upval + f->nupvals && i < m->nupvals; i++) {
			u32 by = rnd(m->nfuncs);

			m->upvals[i].index = m->upvals[i].from_reg ? m->funcs[by].nregs :
					     m->funcs[by].nupvals;
		}
		break;
	}
}

/* Makes a reference to a string end a byte behind all of them. */
static void spoil_string(struct model *m)
{
	struct ktap_img_str *s = NULL;

	if (m->nconsts && rnd(2)) {
		m->consts[0].type = KTAP_CONST_STR;
		s = &m->consts[0].s;
	} else if (m->nglobals && rnd(2)) {
		s = &m->globals[0].name;
	} else {
		s = &m->funcs[0].name;
	}
	s->off = m->nstrings - rnd(min(m->nstrings, 8u) + 1);
	s->len = m->nstrings - s->off + 1;
}

static void spoil(struct model *m)
{
	u32 fn = rnd(m->nfuncs), pc = rnd(m->funcs[fn].ncode);
	struct ktap_img_func *f = &m->funcs[fn];
	u32 *code = m->code + f->code;

	switch (rnd(8)) {
	case 0:
		spoil_func(m, fn);
		break;
	case 1:
		spoil_multi(f, code);
		break;
	case 2:
		spoil_string(m);
		break;
	default:
		spoil_insn(m, f, pc, &code[pc]);
		break;
	}
}

static size_t finish(struct model *m, u8 *out, size_t max)
{
	switch (rnd(8)) {
	case 0:
		break;
	case 1:
		mend(m);
		spoil(m);
		break;
	default:
		mend(m);
		break;
	}
	return put_together(m, out, max);
}

/* What the loader looks at */
static bool str_fits(const struct model *m, const struct ktap_img_str *s, u32 max)
{
	return (u64)s->off + s->len <= m->nstrings && s->len <= max;
}

static bool parts_fit(const struct model *m)
{
	u32 i, k, nup = 0, ncode = 0;

	if (!str_fits(m, &m->source, KTAP_MAX_STR))
		return false;
	for (i = 0; i < m->nconsts; i++) {
		const struct ktap_img_const *c = &m->consts[i];

		if (c->pad || (c->type != KTAP_CONST_INT && c->type != KTAP_CONST_STR) ||
		    (c->type == KTAP_CONST_STR && !str_fits(m, &c->s, KTAP_MAX_STR)))
			return false;
	}
	for (i = 0; i < m->nglobals; i++) {
		if (!str_fits(m, &m->globals[i].name, KTAP_MAX_STR) || m->globals[i].pad ||
		    m->globals[i].kind > KTAP_GLOBAL_STATS)
			return false;
	}
	for (i = 0; i < m->nbi; i++) {
		for (k = 0; k < KTAP_BI_NR; k++) {
			if (str_fits(m, &m->bi[i], ~0u) && bi_lens[k] == m->bi[i].len &&
			    !memcmp(bi_names[k], m->strings + m->bi[i].off, m->bi[i].len))
				break;
		}
		if (k == KTAP_BI_NR)
			return false;
	}
	for (i = 0; i < m->nupvals; i++) {
		if (m->upvals[i].from_reg > 1 || m->upvals[i].pad[0] || m->upvals[i].pad[1])
			return false;
	}
	for (i = 0; i < m->nfuncs; i++) {
		const struct ktap_img_func *f = &m->funcs[i];

		if (!str_fits(m, &f->name, KTAP_MAX_STR) || !f->nregs ||
		    f->nregs > KTAP_MAX_REGS || f->nparams > f->nregs ||
		    f->nupvals > KTAP_MAX_UPVALS || f->flags & ~KTAP_FUNC_VARARG ||
		    (u64)f->upval + f->nupvals > m->nupvals ||
		    (!i && (f->nupvals || f->nparams)))
			return false;
		nup += f->nupvals;
		ncode += f->ncode;
	}
	return nup == m->nupvals && ncode == m->ncode;
}

bool mutate_fits(const uint8_t *data, size_t size)
{
	if (kinds[KTAP_OP_JMP][0] != KIND_J24)
		init_kinds();
	if (!take_apart(&model, data, size))
		return true;
	if (!parts_fit(&model))
		return false;
	memcpy(other.code, model.code, sizeof(model.code));
	mend(&model);
	return !memcmp(other.code, model.code, model.ncode * sizeof(model.code[0]));
}

size_t mutate_image(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	u32 n;

	if (kinds[KTAP_OP_JMP][0] != KIND_J24)
		init_kinds();
	rnd_state = seed * 0x9e3779b97f4a7c15ull;
	rnd(1);
	if (!take_apart(&model, data, size))
		return 0;
	for (n = 1 + rnd(rnd(4) ? 4 : 24); n; n--)
		change(&model, &model);
	return finish(&model, data, max);
}

size_t mutate_cross(const uint8_t *a, size_t asize, const uint8_t *b, size_t bsize,
		    uint8_t *out, size_t max, unsigned int seed)
{
	u32 n, fn;

	if (kinds[KTAP_OP_JMP][0] != KIND_J24)
		init_kinds();
	rnd_state = seed * 0x9e3779b97f4a7c15ull;
	rnd(1);
	if (!take_apart(&model, a, asize) || !take_apart(&other, b, bsize))
		return 0;
	for (n = 1 + rnd(4); n; n--) {
		fn = rnd(model.nfuncs);
		insert_stretch(&model, &other, fn, rnd(model.funcs[fn].ncode));
	}
	return finish(&model, out, max);
}
