// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: the verifier.
 *
 * Proves of a loaded image what the interpreter relies on:
 *
 *  - opcodes exist, and operands are of the kinds that KTAP_OPCODES says:
 *    registers inside the frame, indexes of things that there are, unused
 *    operands 0;
 *  - ranges of registers are inside the frame;
 *  - jumps go to instructions of the same function, loops' own jumps in the
 *    direction in which the interpreter counts them, and control does not run
 *    off the end;
 *  - "several results" are taken by the instruction after the one that leaves
 *    them, which nothing jumps to;
 *  - a new closure finds what it captures;
 *  - calls of builtins have a number of arguments that the builtin takes.
 *
 * What depends on values is left to the interpreter: types, arguments that
 * are counted at run time, who may call what, time, memory and depth.  A
 * register that is read before it is written is nil: frames are cleared.
 *
 * The time it takes is linear in the size of the image.
 *
 * Contexts: process context, may sleep.
 * Locks: none.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/sched.h>

#include "vm.h"

/* Kinds of operands in KTAP_OPCODES */
enum ktap_kind {
	KTAP_KIND__,
	KTAP_KIND_R,
	KTAP_KIND_W,
	KTAP_KIND_RW,
	KTAP_KIND_U8,
	KTAP_KIND_I8,
	KTAP_KIND_B1,
	KTAP_KIND_N1,
	KTAP_KIND_NM,
	KTAP_KIND_UP,
	KTAP_KIND_BI,
	KTAP_KIND_KC,
	KTAP_KIND_KX,
	KTAP_KIND_KS,
	KTAP_KIND_GX,
	KTAP_KIND_FX,
	KTAP_KIND_BX,
	KTAP_KIND_I16,
	KTAP_KIND_J16,
	KTAP_KIND_J24,
};

struct ktap_op_info {
	const char *name;
	u8 a, b, c;
};

static const struct ktap_op_info ktap_ops[KTAP_OP_NR] = {
#define KTAP_OP_INFO(name, a, b, c)					\
	{ #name, KTAP_KIND_##a, KTAP_KIND_##b, KTAP_KIND_##c },
	KTAP_OPCODES(KTAP_OP_INFO)
#undef KTAP_OP_INFO
};

/**
 * struct ktap_verifier - the function that is being verified
 * @img: the image
 * @log: gets the reason of a refusal
 * @p: the function
 * @pc: the instruction
 */
struct ktap_verifier {
	const struct ktap_prog *img;
	struct ktap_log *log;
	const struct ktap_proto *p;
	u32 pc;
};

#define REFUSE(v, tag, fmt, ...)					\
	ktap_refuse_at(v, KTAP_TAG_##tag, fmt, ##__VA_ARGS__)

__printf(3, 4)
static int ktap_refuse_at(const struct ktap_verifier *v, enum ktap_verify_tag tag,
			  const char *fmt, ...)
{
	u32 op = KTAP_INSN_OP(v->p->code[v->pc]);
	char name[40], detail[80];
	va_list args;

	va_start(args, fmt);
	vscnprintf(detail, sizeof(detail), fmt, args);
	va_end(args);
	if (!v->p->index)
		strscpy(name, "(main)", sizeof(name));
	else if (!ktap_printable(name, sizeof(name), v->p->name))
		strscpy(name, "(anonymous)", sizeof(name));
	return ktap_refuse(v->log, tag, "function %s, instruction %u (line %u): %s %s",
			   name, v->pc, v->p->lines[v->pc],
			   op < KTAP_OP_NR ? ktap_ops[op].name : "opcode", detail);
}

static bool ktap_is_reg(enum ktap_kind kind)
{
	return kind == KTAP_KIND_R || kind == KTAP_KIND_W || kind == KTAP_KIND_RW;
}

static int ktap_check_const(const struct ktap_verifier *v, u32 index, bool string)
{
	if (index >= v->img->nconsts)
		return REFUSE(v, CONST_INDEX, "%u of %u", index, v->img->nconsts);
	if (string && v->img->consts[index].type != KTAP_STR)
		return REFUSE(v, CONST_STRING, "%u", index);
	return 0;
}

/* The jump of the instruction, for those that have one */
static s32 ktap_jump(u32 insn)
{
	return KTAP_INSN_OP(insn) == KTAP_OP_JMP ? KTAP_INSN_SJ(insn) : KTAP_INSN_SBX(insn);
}

static bool ktap_has_jump(u32 insn)
{
	const struct ktap_op_info *op = &ktap_ops[KTAP_INSN_OP(insn)];

	return op->a == KTAP_KIND_J24 || op->b == KTAP_KIND_J16;
}

static int ktap_check_jump(const struct ktap_verifier *v, u32 insn)
{
	s64 to = (s64)v->pc + 1 + ktap_jump(insn);

	if (to < 0 || to >= v->p->ncode)
		return REFUSE(v, JUMP_RANGE, "to %lld of %u", to, v->p->ncode);
	return 0;
}

/* Operands in B and C together */
static int ktap_check_wide(const struct ktap_verifier *v, u32 insn, enum ktap_kind kind)
{
	const struct ktap_prog *img = v->img;
	u32 bx = KTAP_INSN_BX(insn);

	switch (kind) {
	case KTAP_KIND_KX:
		return ktap_check_const(v, bx, false);
	case KTAP_KIND_KS:
		return ktap_check_const(v, bx, true);
	case KTAP_KIND_GX:
		if (bx >= img->nglobals)
			return REFUSE(v, GLOBAL_INDEX, "%u of %u", bx, img->nglobals);
		return 0;
	case KTAP_KIND_FX:
		if (bx >= img->nprotos)
			return REFUSE(v, FUNC_INDEX, "%u of %u", bx, img->nprotos);
		return 0;
	case KTAP_KIND_BX:
		if (bx >= img->nbi)
			return REFUSE(v, BUILTIN_INDEX, "%u of %u", bx, img->nbi);
		return 0;
	case KTAP_KIND_J16:
		return ktap_check_jump(v, insn);
	default:
		return 0;
	}
}

/* Operands in B or C alone; the kinds have the same tags in both but for these */
static int ktap_check_narrow(const struct ktap_verifier *v, u32 n, enum ktap_kind kind,
			     bool is_c)
{
	if (ktap_is_reg(kind) && n >= v->p->nregs)
		return is_c ? REFUSE(v, REG_C, "%u of %u", n, v->p->nregs) :
			      REFUSE(v, REG_B, "%u of %u", n, v->p->nregs);

	switch (kind) {
	case KTAP_KIND__:
		if (n)
			return is_c ? REFUSE(v, UNUSED_C, "%u", n) : REFUSE(v, UNUSED_B, "%u", n);
		return 0;
	case KTAP_KIND_B1:
		if (n > 1)
			return REFUSE(v, BOOL_VALUE, "%u", n);
		return 0;
	case KTAP_KIND_N1:
		if (!n)
			return REFUSE(v, COUNT_ZERO, "%u", n);
		return 0;
	case KTAP_KIND_UP:
		if (n >= v->p->nupvals)
			return REFUSE(v, UPVAL_INDEX, "%u of %u", n, v->p->nupvals);
		return 0;
	case KTAP_KIND_BI:
		if (n >= v->img->nbi)
			return REFUSE(v, BUILTIN_INDEX, "%u of %u", n, v->img->nbi);
		return 0;
	case KTAP_KIND_KC:
		return ktap_check_const(v, n, true);
	default:
		return 0;
	}
}

static int ktap_check_operands(const struct ktap_verifier *v, u32 insn)
{
	u32 a = KTAP_INSN_A(insn);
	const struct ktap_op_info *op;
	int ret;

	if (KTAP_INSN_OP(insn) >= KTAP_OP_NR)
		return REFUSE(v, OPCODE, "%u", KTAP_INSN_OP(insn));
	op = &ktap_ops[KTAP_INSN_OP(insn)];

	/* A is a register of every other instruction */
	if (op->a == KTAP_KIND_J24)
		return ktap_check_jump(v, insn);
	if (a >= v->p->nregs)
		return REFUSE(v, REG_A, "%u of %u", a, v->p->nregs);
	if (op->b >= KTAP_KIND_KX)
		return ktap_check_wide(v, insn, op->b);
	ret = ktap_check_narrow(v, KTAP_INSN_B(insn), op->b, false);
	return ret ?: ktap_check_narrow(v, KTAP_INSN_C(insn), op->c, true);
}

/* Leaves as many values as there are, from its register A on */
static bool ktap_is_producer(u32 insn)
{
	u32 op = KTAP_INSN_OP(insn);

	return (op == KTAP_OP_CALL || op == KTAP_OP_VARARG) && !KTAP_INSN_C(insn);
}

/* Takes as many values as there are; @first gets the register they begin at */
static bool ktap_is_consumer(u32 insn, u32 *first)
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
	default:
		return false;
	}
}

/*
 * A consumer follows a producer and counts from its own first argument to what
 * that one left, so that may not be above the producer's first value.
 */
static int ktap_check_multi(const struct ktap_verifier *v, u32 insn)
{
	u32 prev = v->pc ? v->p->code[v->pc - 1] : KTAP_INSN(KTAP_OP_NIL, 0, 0, 0);
	u32 first;

	if (ktap_is_consumer(insn, &first)) {
		if (!ktap_is_producer(prev))
			return REFUSE(v, MULTI_NONE, "from %u", first);
		if (first > KTAP_INSN_A(prev))
			return REFUSE(v, MULTI_BASE, "%u, values from %u", first,
				      KTAP_INSN_A(prev));
	}
	if (ktap_is_producer(insn) &&
	    (v->pc + 1 == v->p->ncode || !ktap_is_consumer(v->p->code[v->pc + 1], &first)))
		return REFUSE(v, MULTI_UNUSED, "from %u", KTAP_INSN_A(insn));
	return 0;
}

static int ktap_check_closure(const struct ktap_verifier *v, u32 insn)
{
	const struct ktap_proto *f = &v->img->protos[KTAP_INSN_BX(insn)];
	u32 i;

	if (!f->index)
		return REFUSE(v, CLOSURE_MAIN, "of %u", f->index);
	/* the highest ones stand for all, or each could be looked at a million times */
	if (f->max_reg <= v->p->nregs && f->max_upval <= v->p->nupvals)
		return 0;
	for (i = 0; i < f->nupvals; i++) {
		u32 n = f->upvals[i].index;

		if (f->upvals[i].from_reg && n >= v->p->nregs)
			return REFUSE(v, CLOSURE_REG, "%u of %u", n, v->p->nregs);
		if (!f->upvals[i].from_reg && n >= v->p->nupvals)
			return REFUSE(v, CLOSURE_UPVAL, "%u of %u", n, v->p->nupvals);
	}
	return 0;
}

static int ktap_check_bcall(const struct ktap_verifier *v, u32 insn)
{
	const struct ktap_bi *bi = &v->img->bi[KTAP_INSN_B(insn)];
	u32 nargs = KTAP_INSN_C(insn) - 1;

	if (!KTAP_INSN_C(insn))
		return 0;	/* counted at run time */
	if (KTAP_INSN_A(insn) + nargs > v->p->nregs)
		return REFUSE(v, BCALL_ARGS, "%u + %u of %u", KTAP_INSN_A(insn), nargs,
			      v->p->nregs);
	if (nargs < bi->min)
		return REFUSE(v, BCALL_FEW, "%u, at least %u", nargs, bi->min);
	if (bi->max != KTAP_BI_ANY && nargs > bi->max)
		return REFUSE(v, BCALL_MANY, "%u, at most %u", nargs, bi->max);
	return 0;
}

/* What the table of operands does not say */
static int ktap_check_rules(const struct ktap_verifier *v, u32 insn)
{
	u32 a = KTAP_INSN_A(insn), b = KTAP_INSN_B(insn), c = KTAP_INSN_C(insn);
	u32 nregs = v->p->nregs;

#define RANGE(tag, from, n)							\
	((from) + (n) > nregs ?							\
	 REFUSE(v, tag, "%u + %u of %u", (u32)(from), (u32)(n), nregs) : 0)

	switch (KTAP_INSN_OP(insn)) {
	case KTAP_OP_NIL:
		return RANGE(NIL_RANGE, a, b);
	case KTAP_OP_TABLE:
		if (KTAP_INSN_SBX(insn) < 0)
			return REFUSE(v, TABLE_HINT, "%d", KTAP_INSN_SBX(insn));
		return 0;
	case KTAP_OP_TUPLE:
		return RANGE(TUPLE_RANGE, b, c);
	case KTAP_OP_CONCAT:
		return RANGE(CONCAT_RANGE, b, c);
	case KTAP_OP_CLOSURE:
		return ktap_check_closure(v, insn);
	case KTAP_OP_FORPREP:
		if (KTAP_INSN_SBX(insn) < 0)
			return REFUSE(v, JUMP_BACK, "%d", KTAP_INSN_SBX(insn));
		return RANGE(FORPREP_RANGE, a, 4);
	case KTAP_OP_FORLOOP:
		if (KTAP_INSN_SBX(insn) >= 0)
			return REFUSE(v, JUMP_FORWARD, "%d", KTAP_INSN_SBX(insn));
		return RANGE(FORLOOP_RANGE, a, 4);
	case KTAP_OP_PAIRS:
		return RANGE(PAIRS_RANGE, a, 2);
	case KTAP_OP_NEXT:
		if (KTAP_INSN_SBX(insn) < 0)
			return REFUSE(v, JUMP_BACK, "%d", KTAP_INSN_SBX(insn));
		return RANGE(NEXT_RANGE, a, 4);
	case KTAP_OP_CALL:
		/* without arguments the function itself is all there is */
		if (b && a + b > nregs)
			return REFUSE(v, CALL_ARGS, "%u + %u of %u", a + 1, b - 1, nregs);
		if (c && a + c - 1 > nregs)
			return REFUSE(v, CALL_RESULTS, "%u + %u of %u", a, c - 1, nregs);
		return 0;
	case KTAP_OP_TAIL:
		if (b && a + b > nregs)
			return REFUSE(v, TAIL_ARGS, "%u + %u of %u", a + 1, b - 1, nregs);
		return 0;
	case KTAP_OP_RET:
		return b ? RANGE(RET_RANGE, a, b - 1) : 0;
	case KTAP_OP_VARARG:
		if (!v->p->vararg)
			return REFUSE(v, VARARG_FIXED, "to %u", a);
		return c ? RANGE(VARARG_RANGE, a, c - 1) : 0;
	case KTAP_OP_BCALL:
		return ktap_check_bcall(v, insn);
	default:
		return 0;
	}
#undef RANGE
}

static int ktap_check_end(const struct ktap_verifier *v, u32 insn)
{
	switch (KTAP_INSN_OP(insn)) {
	case KTAP_OP_RET:
	case KTAP_OP_TAIL:
	case KTAP_OP_JMP:
		return 0;
	default:
		return REFUSE(v, NO_END, "is the last of %u", v->p->ncode);
	}
}

static int ktap_verify_func(struct ktap_verifier *v)
{
	const u32 *code = v->p->code;
	u32 first;
	int ret;

	for (v->pc = 0; v->pc < v->p->ncode; v->pc++) {
		/* a function may be millions of instructions */
		if (!(v->pc % 1024))
			cond_resched();
		ret = ktap_check_operands(v, code[v->pc]);
		if (!ret)
			ret = ktap_check_rules(v, code[v->pc]);
		if (ret)
			return ret;
	}
	for (v->pc = 0; v->pc < v->p->ncode; v->pc++) {
		ret = ktap_check_multi(v, code[v->pc]);
		if (ret)
			return ret;
		if (ktap_has_jump(code[v->pc])) {
			u32 to = v->pc + 1 + ktap_jump(code[v->pc]);

			if (ktap_is_consumer(code[to], &first))
				return REFUSE(v, JUMP_MULTI, "to %u", to);
		}
	}
	v->pc = v->p->ncode - 1;
	return ktap_check_end(v, code[v->pc]);
}

/**
 * ktap_verify() - decide whether an image may be executed
 * @img: the image
 * @log: gets the reason of a refusal
 *
 * Return: 0, -EINVAL if it is refused, or -ENOMEM.
 */
int ktap_verify(const struct ktap_prog *img, struct ktap_log *log)
{
	struct ktap_verifier v = { .img = img, .log = log };
	u32 i;
	int ret = 0;

	for (i = 0; i < img->nprotos && !ret; i++) {
		v.p = &img->protos[i];
		ret = ktap_verify_func(&v);
		cond_resched();
	}
	return ret;
}
