// SPDX-License-Identifier: GPL-2.0
/*
 * opt: improves the instructions of a function, after all are there.
 *
 * Jumps to jumps go to where those go, code that nothing reaches is left out,
 * and so are jumps to the next instruction. Registers stay what they are. The
 * operands of jumps are known from the table in the uapi header.
 */
#include <string.h>

#include "../../include/uapi/linux/ktap.h"
#include "opt.h"

#define ROUNDS		4	/* each makes little ones of what the one before left */
#define HOPS		16

/* Operand kinds that matter here: where an instruction jumps */
enum { J_NONE, J_16, J_24 };

#define KIND(k)		((sizeof(#k) - 1 == 3 && (#k)[0] == 'J') ?	\
			 ((#k)[1] == '1' ? J_16 : J_24) : J_NONE)

static const unsigned char jump_kind[] = {
#define OPT_OP(name, a, b, c)	\
	[KTAP_OP_##name] = KIND(a) ? KIND(a) : KIND(b) ? KIND(b) : KIND(c),
	KTAP_OPCODES(OPT_OP)
#undef OPT_OP
};

struct opt {
	unsigned int *code;
	unsigned int *lines;
	size_t n;
	unsigned char *reached;		/* whether it runs; for a while, is jumped to */
	unsigned int *moved;		/* its new place */
	unsigned int *todo;
};

static int op_at(const struct opt *o, size_t i)
{
	return KTAP_INSN_OP(o->code[i]);
}

static size_t target(const struct opt *o, size_t i)
{
	if (jump_kind[op_at(o, i)] == J_24)
		return i + 1 + KTAP_INSN_SJ(o->code[i]);
	return i + 1 + KTAP_INSN_SBX(o->code[i]);
}

/* Whether it fits */
static bool set_target(struct opt *o, size_t i, size_t t)
{
	long n = (long)t - (long)i - 1;
	unsigned int insn = o->code[i];

	if (jump_kind[op_at(o, i)] == J_24) {
		if (n < -(1L << 23) || n >= (1L << 23))
			return false;
		o->code[i] = KTAP_INSN_JUMP(KTAP_INSN_OP(insn), n);
		return true;
	}
	if (n < INT16_MIN || n > INT16_MAX)
		return false;
	o->code[i] = KTAP_INSN_WIDE(KTAP_INSN_OP(insn), KTAP_INSN_A(insn), n);
	return true;
}

static bool is_test(int op)
{
	return op == KTAP_OP_JT || op == KTAP_OP_JF;
}

/* Does control never go on to the next instruction? */
static bool ends(int op)
{
	return op == KTAP_OP_JMP || op == KTAP_OP_RET || op == KTAP_OP_TAIL;
}

/* Where a jump from @i to @t comes to in the end */
static size_t follow(const struct opt *o, size_t i, size_t t)
{
	int op = op_at(o, i), k;

	for (k = 0; k < HOPS && t < o->n; k++) {
		if (op_at(o, t) == KTAP_OP_JMP)
			t = target(o, t);
		else if (is_test(op) && is_test(op_at(o, t)) &&
			 KTAP_INSN_A(o->code[t]) == KTAP_INSN_A(o->code[i]))
			/* the same test again: it comes out as it did */
			t = op_at(o, t) == op ? target(o, t) : t + 1;
		else
			break;
	}
	return t;
}

static void thread_jumps(struct opt *o)
{
	unsigned int insn;
	size_t i, t;

	for (i = 0; i < o->n; i++) {
		/* loops keep the jumps that belong to them */
		if (op_at(o, i) != KTAP_OP_JMP && !is_test(op_at(o, i)))
			continue;
		t = follow(o, i, target(o, i));
		set_target(o, i, t);
		insn = o->code[t];
		/* a return with a fixed number of values is as short as a jump to it */
		if (op_at(o, i) == KTAP_OP_JMP && KTAP_INSN_OP(insn) == KTAP_OP_RET &&
		    KTAP_INSN_B(insn)) {
			o->code[i] = insn;
			o->lines[i] = o->lines[t];
		}
	}
}

/* if (x) goto 1; goto 2; 1: is: if (!x) goto 2; 1: */
static void invert_tests(struct opt *o)
{
	unsigned int old;
	size_t i;

	memset(o->reached, 0, o->n);
	for (i = 0; i < o->n; i++)
		if (jump_kind[op_at(o, i)])
			o->reached[target(o, i)] = 1;
	for (i = 0; i + 2 < o->n; i++) {
		old = o->code[i];
		if (!is_test(op_at(o, i)) || target(o, i) != i + 2 ||
		    op_at(o, i + 1) != KTAP_OP_JMP || o->reached[i + 1])
			continue;
		o->code[i] = old ^ KTAP_OP_JT ^ KTAP_OP_JF;
		if (set_target(o, i, target(o, i + 1)))
			set_target(o, i + 1, i + 2);
		else
			o->code[i] = old;
	}
}

static void find_reached(struct opt *o)
{
	size_t ntodo = 0, i, t;

	memset(o->reached, 0, o->n);
	o->todo[ntodo++] = 0;
	while (ntodo) {
		for (i = o->todo[--ntodo]; i < o->n && !o->reached[i]; i++) {
			o->reached[i] = 1;
			if (jump_kind[op_at(o, i)]) {
				t = target(o, i);
				if (!o->reached[t])
					o->todo[ntodo++] = t;
			}
			if (ends(op_at(o, i)))
				break;
		}
	}
}

/* Leaves out what does not run; returns whether anything was */
static bool compact(struct opt *o)
{
	size_t i, n = 0, t;
	int op;

	for (i = 0; i < o->n; i++) {
		op = op_at(o, i);
		/* to the next instruction that runs: no need to jump there */
		if (o->reached[i] && (op == KTAP_OP_JMP || is_test(op))) {
			for (t = i + 1; t < target(o, i) && !o->reached[t]; t++)
				;
			if (t == target(o, i))
				o->reached[i] = 0;
		}
		o->moved[i] = n;
		n += o->reached[i];
	}
	if (n == o->n)
		return false;
	for (i = 0; i < o->n; i++) {
		if (!o->reached[i])
			continue;
		if (jump_kind[op_at(o, i)]) {
			t = o->moved[target(o, i)];
			/* it gets no longer; the new place of i is o->moved[i] */
			if (jump_kind[op_at(o, i)] == J_24)
				o->code[i] = KTAP_INSN_JUMP(op_at(o, i), t - o->moved[i] - 1);
			else
				o->code[i] = KTAP_INSN_WIDE(op_at(o, i), KTAP_INSN_A(o->code[i]),
							    t - o->moved[i] - 1);
		}
	}
	for (i = 0; i < o->n; i++) {
		if (!o->reached[i])
			continue;
		o->code[o->moved[i]] = o->code[i];
		o->lines[o->moved[i]] = o->lines[i];
	}
	o->n = n;
	return true;
}

size_t opt_code(struct arena *a, unsigned int *code, unsigned int *lines, size_t n)
{
	struct opt o = { .code = code, .lines = lines, .n = n };
	int i;

	o.reached = arena_alloc(a, n);
	o.moved = arena_alloc(a, n * sizeof(*o.moved));
	/* a jump puts its target there at most once, and the start is there */
	o.todo = arena_alloc(a, (n + 1) * sizeof(*o.todo));
	for (i = 0; i < ROUNDS; i++) {
		thread_jumps(&o);
		invert_tests(&o);
		find_reached(&o);
		if (!compact(&o))
			break;
	}
	return o.n;
}
