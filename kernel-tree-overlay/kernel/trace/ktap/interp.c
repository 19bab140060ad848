// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: the interpreter.
 *
 * Executes verified code: operands are in bounds, so what is checked here are
 * types, the depth of calls, and the budget.  Operations that are more than a
 * few machine instructions are functions of (exec, registers, instruction), in
 * ops.c and below.
 *
 * The budget is charged at calls, returns and jumps back, with the number of
 * instructions from where the straight run began to here: at least as many
 * as were executed.  Operations whose cost depends on their operands charge that
 * themselves.  Where the budget is looked at, after these, at calls and at
 * jumps back, all live values are in registers (ktap_exec_attend()).
 *
 * Every register in the range of an active frame holds a valid value at any
 * time: a frame is cleared when it begins.
 *
 * Contexts: any.
 * Locks: none; see table.c and ops.c.
 */
#include <kunit/visibility.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/sched.h>

#include "vm.h"

/* Sets up a frame, for which there is room; see ktap_push(). */
static __always_inline void ktap_frame(struct ktap_exec *x, struct ktap_frame *fr,
				       struct ktap_closure *fn, struct ktap_val *ret,
				       struct ktap_val *args, u32 nargs, s32 want)
{
	const struct ktap_proto *p = fn->proto;
	struct ktap_val *base = args;
	u32 i;

	fr->nextra = 0;
	if (unlikely(p->vararg && nargs > p->nparams)) {
		/* the extra arguments stay below the frame */
		fr->nextra = nargs - p->nparams;
		base = args + nargs;
		for (i = 0; i < p->nparams; i++)
			base[i] = args[i];
		nargs = p->nparams;
	}
	for (i = min_t(u32, nargs, p->nparams); i < p->nregs; i++)
		base[i].type = KTAP_NIL;

	fr->fn = fn;
	fr->base = base;
	fr->ret = ret;
	fr->pc = p->code;
	fr->want = want;
	x->frame = fr;
}

/*
 * Begins a call of @fn: @ret is where it was, and its results go; @args are
 * @nargs arguments, at or above @ret + 1.  @fr is the frame to use.
 */
static __always_inline int ktap_push(struct ktap_exec *x, struct ktap_frame *fr,
				     struct ktap_closure *fn, struct ktap_val *ret,
				     struct ktap_val *args, u32 nargs, s32 want)
{
	if (unlikely(fr >= x->frames_end ||
		     args + nargs + fn->proto->nregs > x->stack_end))
		return ktap_error(x, "stack overflow");
	ktap_frame(x, fr, fn, ret, args, nargs, want);
	return 0;
}

/* Calls a builtin as an instruction or a value; the result goes to @args[0]. */
static __always_inline int ktap_builtin(struct ktap_exec *x, const struct ktap_bi *bi,
					struct ktap_val *args, u32 nargs)
{
	int ret;
	u32 i;

	if (unlikely(bi->flags & (KTAP_BI_SETUP | KTAP_BI_EVENT))) {
		if ((bi->flags & KTAP_BI_SETUP) && x->vm->phase != KTAP_PHASE_MAIN)
			return ktap_error(x, "'%s' may be called by the main chunk only",
					  ktap_builtin_name(bi->id));
		if ((bi->flags & KTAP_BI_EVENT) && !x->event)
			return ktap_error(x, "invalid event context: '%s' is for event handlers",
					  ktap_builtin_name(bi->id));
	}
	if (unlikely(x->arena_size - x->arena_pos < KTAP_ARENA_RESERVE)) {
		ret = ktap_arena_ensure(x, KTAP_ARENA_RESERVE);
		if (ret)
			return ret;
	}
	/* what prints does not look at them */
	if (bi->id != KTAP_BI_PRINT && bi->id != KTAP_BI_PRINTF) {
		for (i = 0; i < nargs; i++)
			ktap_settle(x, &args[i]);
	}
	ret = bi->fn(x, args, nargs);
	/* text of the event, unlike the event itself, is a value that can be kept */
	if (unlikely(bi->flags & KTAP_BI_EVENT) && args[0].type == KTAP_EVENT)
		args[0].i = 1;
	return ret;
}

/* The number of arguments, where the verifier could not see it */
static int ktap_check_arity(struct ktap_exec *x, const struct ktap_bi *bi, u32 nargs)
{
	if (nargs < bi->min || (bi->max != KTAP_BI_ANY && nargs > bi->max))
		return ktap_error(x, "wrong number of arguments to '%s': %u",
				  ktap_builtin_name(bi->id), nargs);
	return 0;
}

/* Leaves @n values from @src at @dst, as many as wanted. */
static __always_inline void ktap_results(struct ktap_exec *x, struct ktap_val *dst,
					 const struct ktap_val *src, u32 n, s32 want)
{
	s32 i;

	if (want < 0) {
		memmove(dst, src, n * sizeof(*dst));
		x->top = dst + n;
		return;
	}
	for (i = 0; i < want; i++) {
		if (i < (s32)n)
			dst[i] = src[i];
		else
			ktap_set_nil(&dst[i]);
	}
	x->top = NULL;
}

/* Calls a builtin that is a value, with the function in @a. */
static int ktap_call_value(struct ktap_exec *x, struct ktap_val *a, u32 nargs, s32 want)
{
	const struct ktap_bi *bi;
	int ret;

	if (a->type != KTAP_BUILTIN)
		return ktap_error(x, a->type == KTAP_NIL ? "attempt to call nil function" :
				  "attempt to call a %s value", ktap_type_name(a));
	bi = ktap_builtin_def(a->i);
	ret = ktap_check_arity(x, bi, nargs);
	if (!ret)
		ret = ktap_builtin(x, bi, a + 1, nargs);
	if (!ret)
		ktap_results(x, a, a + 1, 1, want);
	return ret;
}

static int ktap_extra_args(struct ktap_exec *x, struct ktap_val *a, s32 want)
{
	const struct ktap_frame *fr = x->frame;

	if (want < 0 && a + fr->nextra > x->stack_end)
		return ktap_error(x, "stack overflow");
	ktap_results(x, a, fr->base - fr->nextra, fr->nextra, want);
	return 0;
}

/* Runs the topmost frame until it returns. */
static noinline int ktap_interp(struct ktap_exec *x)
{
	static const void * const jumptable[KTAP_OP_NR] __annotate_jump_table = {
#define KTAP_OP_LABEL(name, a, b, c) [KTAP_OP_##name] = &&op_##name,
		KTAP_OPCODES(KTAP_OP_LABEL)
#undef KTAP_OP_LABEL
	};
	struct ktap_frame *const entry = x->frame;
	const struct ktap_val *const k = x->vm->img.consts;
	struct ktap_slot *const globals = x->vm->globals;
	struct ktap_frame *fr;
	struct ktap_val *base, *a;
	const u32 *pc, *run;	/* @run: where the straight run began */
	u32 insn, n;
	bool taken;
	int ret;

/* Registers are 16 bytes: their offset takes one shift and a mask */
#define REG(shift)	((struct ktap_val *)((char *)base + ((insn >> (shift)) & 0xff0)))
#define A	REG(4)
#define B	REG(12)
#define C	REG(20)
#define NEXT()								\
	do {								\
		insn = *pc++;						\
		goto *jumptable[KTAP_INSN_OP(insn)];			\
	} while (0)
/* After what may have charged more than the one instruction */
#define NEXT_CHARGED()							\
	do {								\
		if (unlikely(x->fuel < 0))				\
			goto attend;					\
		NEXT();							\
	} while (0)
/* Before what may fail, so that the error has a line */
#define SAVE()	(fr->pc = pc)
#define TRY(expr)							\
	do {								\
		SAVE();							\
		ret = expr;						\
		if (unlikely(ret))					\
			goto fail;					\
		NEXT_CHARGED();						\
	} while (0)
#define ENTER()								\
	do {								\
		fr = x->frame;						\
		base = fr->base;					\
		pc = fr->pc;						\
		run = pc;						\
	} while (0)
#define JUMP(n)								\
	do {								\
		s32 n_ = (n);						\
									\
		if (n_ < 0)						\
			JUMP_BACK(n_);					\
		pc += n_;						\
	} while (0)
#define JUMP_BACK(n)							\
	do {								\
		x->fuel -= pc - run;					\
		SAVE();							\
		pc += (n);						\
		run = pc;						\
		if (unlikely(x->fuel <= 0))				\
			goto attend;					\
		NEXT();							\
	} while (0)
#define ARITH(NAME, expr)						\
op_##NAME:								\
	if (likely(B->type == KTAP_INT && C->type == KTAP_INT)) {	\
		u64 b = B->i, c = C->i;					\
									\
		ktap_set_int(A, expr);					\
		NEXT();							\
	}								\
	TRY(ktap_op_arith(x, base, insn))
#define COMPARE_IMM(NAME, op)						\
op_##NAME:								\
	if (likely(B->type == KTAP_INT)) {				\
		ktap_set_bool(A, B->i op (s64)KTAP_INSN_SC(insn));	\
		NEXT();							\
	}								\
	TRY(ktap_op_compare_imm(x, base, insn))
#define COMPARE(NAME, cond, slow)					\
op_##NAME:								\
	if (likely(B->type == KTAP_INT && C->type == KTAP_INT)) {	\
		ktap_set_bool(A, cond);					\
		NEXT();							\
	}								\
	TRY(slow(x, base, insn))

	ENTER();
	NEXT();

op_MOVE:
	*A = *B;
	NEXT();
op_LOADK:
	*A = k[KTAP_INSN_BX(insn)];
	NEXT();
op_LOADI:
	ktap_set_int(A, KTAP_INSN_SBX(insn));
	NEXT();
op_NIL:
	for (n = 0; n < KTAP_INSN_B(insn); n++)
		ktap_set_nil(A + n);
	NEXT();
op_BOOL:
	ktap_set_bool(A, KTAP_INSN_B(insn));
	NEXT();
op_GETG:
	if (likely(ktap_get_slot_quick(&globals[KTAP_INSN_BX(insn)], A)))
		NEXT();
	TRY(ktap_get_slot(x, &globals[KTAP_INSN_BX(insn)], A));
op_SETG:
	TRY(ktap_set_slot(x, &globals[KTAP_INSN_BX(insn)], A));
op_ADDG:
	TRY(ktap_add_slot(x, &globals[KTAP_INSN_BX(insn)], A));
op_GETU:
	if (likely(ktap_get_slot_quick(&fr->fn->up[KTAP_INSN_B(insn)]->slot, A)))
		NEXT();
	TRY(ktap_get_slot(x, &fr->fn->up[KTAP_INSN_B(insn)]->slot, A));
op_SETU:
	TRY(ktap_set_slot(x, &fr->fn->up[KTAP_INSN_B(insn)]->slot, A));
op_ADDU:
	TRY(ktap_add_slot(x, &fr->fn->up[KTAP_INSN_B(insn)]->slot, A));
op_CELL:
	TRY(ktap_op_cell(x, base, insn));
op_GETC:
	if (unlikely(B->type != KTAP_CELL))
		goto no_cell;
	TRY(ktap_get_slot(x, &B->c->slot, A));
op_SETC:
	if (unlikely(A->type != KTAP_CELL))
		goto no_cell;
	TRY(ktap_set_slot(x, &A->c->slot, B));
op_ADDC:
	if (unlikely(A->type != KTAP_CELL))
		goto no_cell;
	TRY(ktap_add_slot(x, &A->c->slot, B));
op_CLOSURE:
	TRY(ktap_op_closure(x, base, insn));
op_TABLE:
	TRY(ktap_op_table(x, base, insn));
op_GETT:
	if (likely(B->type == KTAP_TABLE && (C->type == KTAP_STR || C->type == KTAP_INT)))
		TRY(ktap_table_get(x, B->t, C, A));
	TRY(ktap_op_gett(x, base, insn));
op_SETT:
	TRY(ktap_op_sett(x, base, insn));
op_ADDT:
	if (likely(A->type == KTAP_TABLE && C->type == KTAP_INT &&
		   (B->type == KTAP_STR || B->type == KTAP_INT)))
		TRY(ktap_table_add(x, A->t, B, C->i));
	TRY(ktap_op_addt(x, base, insn));
op_ADDTI:
	if (likely(A->type == KTAP_TABLE && (B->type == KTAP_STR || B->type == KTAP_INT)))
		TRY(ktap_table_add(x, A->t, B, KTAP_INSN_SC(insn)));
	TRY(ktap_op_addt(x, base, insn));
op_DELT:
	TRY(ktap_op_delt(x, base, insn));
op_AGG:
	TRY(ktap_op_agg(x, base, insn));
op_AGGT:
	TRY(ktap_op_aggt(x, base, insn));
op_GETK:
	TRY(ktap_op_getk(x, base, insn));
op_IN:
	TRY(ktap_op_in(x, base, insn));
op_TUPLE:
	TRY(ktap_op_tuple(x, base, insn));

	ARITH(ADD, b + c);
	ARITH(SUB, b - c);
	ARITH(MUL, b * c);
	ARITH(BAND, b & c);
	ARITH(BOR, b | c);
	ARITH(BXOR, b ^ c);
op_DIV:
op_MOD:
op_SHL:
op_SHR:
op_USHR:
	TRY(ktap_op_arith(x, base, insn));
op_ADDI:
	if (likely(B->type == KTAP_INT)) {
		ktap_set_int(A, (u64)B->i + KTAP_INSN_SC(insn));
		NEXT();
	}
	TRY(ktap_op_arith(x, base, insn));
op_NEG:
op_BNOT:
	TRY(ktap_op_unary(x, base, insn));
op_NOT:
	ktap_set_bool(A, !ktap_true(B));
	NEXT();
op_CONCAT:
	TRY(ktap_op_concat(x, base, insn));

	COMPARE(EQ, B->i == C->i, ktap_op_eq);
	COMPARE(NE, B->i != C->i, ktap_op_eq);
	COMPARE(LT, B->i < C->i, ktap_op_order);
	COMPARE(LE, B->i <= C->i, ktap_op_order);
	COMPARE_IMM(EQI, ==);
	COMPARE_IMM(NEI, !=);
	COMPARE_IMM(LTI, <);
	COMPARE_IMM(LEI, <=);
	COMPARE_IMM(GTI, >);
	COMPARE_IMM(GEI, >=);
op_MATCH:
	TRY(ktap_op_match(x, base, insn));

op_JMP:
	JUMP(KTAP_INSN_SJ(insn));
	NEXT();
op_JT:
	if (ktap_true(A))
		JUMP(KTAP_INSN_SBX(insn));
	NEXT();
op_JF:
	if (!ktap_true(A))
		JUMP(KTAP_INSN_SBX(insn));
	NEXT();
op_FORPREP:
	SAVE();
	ret = ktap_op_forprep(x, A, &taken);
	if (unlikely(ret))
		goto fail;
	if (taken)
		pc += KTAP_INSN_SBX(insn);
	NEXT();
op_FORLOOP:
	a = A;
	/* verified code may still have put anything there */
	if (unlikely(a[0].type != KTAP_INT || a[1].type != KTAP_INT ||
		     a[2].type != KTAP_INT)) {
		SAVE();
		ret = ktap_error(x, "loop variable is not a number");
		goto fail;
	}
	if (a[2].i >= 0) {
		if (a[1].i < a[0].i || (u64)a[1].i - a[0].i < (u64)a[2].i)
			NEXT();
	} else {
		if (a[0].i < a[1].i || (u64)a[0].i - a[1].i < -(u64)a[2].i)
			NEXT();
	}
	a[0].i = (u64)a[0].i + a[2].i;
	a[3] = a[0];
	JUMP_BACK(KTAP_INSN_SBX(insn));
op_PAIRS:
	TRY(ktap_op_pairs(x, base, insn));
op_NEXT:
	SAVE();
	ret = ktap_op_next(x, A, &taken);
	if (unlikely(ret))
		goto fail;
	if (taken)
		pc += KTAP_INSN_SBX(insn);
	NEXT_CHARGED();

op_CALL:
	a = A;
	n = KTAP_INSN_B(insn) ? KTAP_INSN_B(insn) - 1 : x->top - (a + 1);
	SAVE();
	x->fuel -= pc - run;
	if (unlikely(a->type != KTAP_FUNC)) {
		ret = ktap_call_value(x, a, n, (s32)KTAP_INSN_C(insn) - 1);
		if (ret)
			goto fail;
		if (KTAP_INSN_C(insn))
			x->top = NULL;
		run = pc;
		NEXT_CHARGED();
	}
	ret = ktap_push(x, fr + 1, a->f, a, a + 1, n, (s32)KTAP_INSN_C(insn) - 1);
	if (unlikely(ret))
		goto fail;
	x->top = NULL;
	ENTER();
	if (likely(x->fuel > 0))
		NEXT();
	goto attend;
op_TAIL:
	a = A;
	n = KTAP_INSN_B(insn) ? KTAP_INSN_B(insn) - 1 : x->top - (a + 1);
	SAVE();
	x->fuel -= pc - run;
	if (unlikely(a->type != KTAP_FUNC)) {
		ret = ktap_call_value(x, a, n, 1);
		if (ret)
			goto fail;
		n = 1;
		goto ret;
	}
	/* what the function was called with is where it began */
	memmove(fr->ret, a, (n + 1) * sizeof(*a));
	a = fr->ret;
	ret = ktap_push(x, fr, a->f, a, a + 1, n, fr->want);
	if (unlikely(ret))
		goto fail;
	x->top = NULL;
	ENTER();
	if (likely(x->fuel > 0))
		NEXT();
	goto attend;
op_RET:
	a = A;
	n = KTAP_INSN_B(insn) ? KTAP_INSN_B(insn) - 1 : x->top - a;
	x->fuel -= pc - run;
ret:
	if (fr == entry) {
		/* what ktap_call_inner() called has a caller who wants a result */
		ktap_results(x, fr->ret, a, n, fr->want);
		return 0;
	}
	x->frame = fr - 1;
	ktap_results(x, fr->ret, a, n, fr->want);
	ENTER();
	NEXT();
op_VARARG:
	TRY(ktap_extra_args(x, A, (s32)KTAP_INSN_C(insn) - 1));
op_BCALL:
	{
		const struct ktap_bi *bi = &x->vm->img.bi[KTAP_INSN_B(insn)];

		a = A;
		SAVE();
		n = KTAP_INSN_C(insn) - 1;
		if (unlikely(!KTAP_INSN_C(insn))) {
			n = x->top - a;
			ret = ktap_check_arity(x, bi, n);
			if (ret)
				goto fail;
		}
		ret = ktap_builtin(x, bi, a, n);
		if (unlikely(ret))
			goto fail;
		x->top = NULL;
		NEXT_CHARGED();
	}
op_BUILTIN:
	*A = (struct ktap_val){
		.i = x->vm->img.bi[KTAP_INSN_BX(insn)].id,
		.type = KTAP_BUILTIN,
	};
	NEXT();
op_EVENT:
	A->i = 0;
	A->type = x->event ? KTAP_EVENT : KTAP_NIL;
	A->aux = 0;
	NEXT();
op_FIELD:
op_HASF:
op_ARG:
	TRY(ktap_op_event(x, base, insn));

attend:
	/* the line of an error is that of the jump or the function, see SAVE() */
	ret = ktap_exec_attend(x);
	if (unlikely(ret))
		goto fail;
	NEXT();

no_cell:
	SAVE();
	ret = ktap_error(x, "captured variable has no cell");
fail:
	return ret;
}

/* Makes @fn, with @nargs arguments in place, the only active function. */
static __always_inline void ktap_begin(struct ktap_exec *x, struct ktap_closure *fn,
				       u32 nargs)
{
	/* any frame fits an empty stack */
	BUILD_BUG_ON(KTAP_HANDLER_STACK < 2 * KTAP_MAX_REGS);
	x->top = NULL;
	x->stack[0].f = fn;
	x->stack[0].type = KTAP_FUNC;
	ktap_frame(x, x->frames, fn, x->stack, x->stack + 1, nargs, 0);
}

/**
 * ktap_call() - call a function from setup context
 * @x: an exec that runs nothing
 * @fn: the function
 *
 * Return: 0, or an error; -ECANCELED if the session ended for another reason.
 */
int ktap_call(struct ktap_exec *x, struct ktap_closure *fn)
{
	ktap_begin(x, fn, 0);
	return ktap_exec_attend(x) ?: ktap_interp(x);
}

/**
 * ktap_call_inner() - call a function from a builtin
 * @x: the running exec
 * @s: above all registers of the running function: the function, then its
 *	arguments; the first gets the result
 * @nargs: how many arguments
 *
 * Such a call takes a part of the kernel's stack, so there is one at a time.
 *
 * Return: 0, or an error.
 */
int ktap_call_inner(struct ktap_exec *x, struct ktap_val *s, u32 nargs)
{
	struct ktap_frame *fr = x->frame;
	int ret;

	if (x->inner)
		return ktap_error(x, "sort_pairs() with a function, in a function that it calls");
	ret = ktap_push(x, fr + 1, s->f, s, s + 1, nargs, 1);
	if (ret)
		return ret;
	x->top = NULL;
	x->inner = true;
	ret = x->fuel > 0 ? 0 : ktap_exec_attend(x);
	if (!ret)
		ret = ktap_interp(x);
	x->inner = false;
	x->frame = fr;
	return ret;
}

/**
 * ktap_vm_handle() - run a handler
 * @vm: the VM
 * @fn: the handler, as ktap_env_attach() got it
 * @ev: the event
 *
 * Context: any.
 */
void ktap_vm_handle(struct ktap_vm *vm, struct ktap_closure *fn,
		    struct ktap_event *ev)
{
	struct ktap_exec *x;

	x = ktap_exec_enter();
	if (unlikely(!x)) {
		ktap_vm_lost(vm, KTAP_LOSS_NESTED, 1);
		return;
	}
	if (likely(!READ_ONCE(vm->stop))) {
		x->vm = vm;
		x->event = ev;
		x->arena_pos = 0;
		x->fuel = min_t(u64, vm->handler_budget, KTAP_SLICE);
		x->left = vm->handler_budget - x->fuel;
		if (unlikely(!(++x->runs % KTAP_WATCH_RUNS)))
			ktap_exec_watch(x, KTAP_WATCH_RUNS);
		ktap_set_nil(&x->stack[1]);
		x->stack[1].type = KTAP_EVENT;
		ktap_begin(x, fn, 1);
		ktap_interp(x);
		if (unlikely(x->watch)) {
			ktap_env_watch(x, x->since, x->watch, true);
			x->watch = 0;
		}
		x->frame = NULL;
		if (unlikely(x->temps))
			ktap_exec_end_temps(x);
		if (unlikely(ktap_pool_low(&vm->pool)))
			ktap_vm_kick(vm);
	}
	ktap_exec_leave(x);
}
EXPORT_SYMBOL_IF_KUNIT(ktap_vm_handle);
