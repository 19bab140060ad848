// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: operators of the VM give what a model in C says.
 *
 * Eight instructions of a handler and their operands are the input.  The model
 * calculates with 128 bits and shifts by multiplying, so that it shares
 * nothing with what it checks.  Then a function that returns its arguments is
 * called, maybe as another one's tail: as many results as are wanted are these,
 * and nil is what was not given.
 */
#include "fuzz.h"
#include "host_env.h"
#include "vmtest.h"

#define NINSNS	8

/* An instruction in the input */
struct input {
	u8 op;
	u8 types;
	u8 how;
	u8 c;
	s64 b;
	s64 d;
} __packed;

static const u8 ops[] = {
	KTAP_OP_ADD, KTAP_OP_SUB, KTAP_OP_MUL, KTAP_OP_DIV, KTAP_OP_MOD, KTAP_OP_BAND,
	KTAP_OP_BOR, KTAP_OP_BXOR, KTAP_OP_SHL, KTAP_OP_SHR, KTAP_OP_USHR, KTAP_OP_ADDI,
	KTAP_OP_NEG, KTAP_OP_BNOT, KTAP_OP_NOT, KTAP_OP_EQ, KTAP_OP_NE, KTAP_OP_LT, KTAP_OP_LE,
	KTAP_OP_EQI, KTAP_OP_NEI, KTAP_OP_LTI, KTAP_OP_LEI, KTAP_OP_GTI, KTAP_OP_GEI,
};

#define MAX_ARGS	6

static struct host_env env;
static struct ktap_vm *vm;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct asm_img a;
	unsigned int i;

	asm_init(&a);
	for (i = 0; i < 2 * NINSNS; i++)
		asm_const_int(&a, i);
	for (i = 0; i < NINSNS; i++)
		asm_global(&a, "g", KTAP_GLOBAL_NIL);
	asm_func(&a, "main", 0, 4, 0);
	asm_emit(&a, I(RET, 0, 1, 0));
	asm_func(&a, "handler", 0, 4, 0);
	for (i = 0; i < NINSNS; i++) {
		asm_emit(&a, IW(LOADK, 0, 2 * i));
		asm_emit(&a, IW(LOADK, 1, 2 * i + 1));
		asm_emit(&a, I(ADD, 2, 0, 1));
		asm_emit(&a, IW(SETG, 2, i));
	}
	asm_emit(&a, I(RET, 0, 1, 0));
	/* returns its arguments */
	asm_func(&a, "same", 0, 4, KTAP_FUNC_VARARG);
	asm_emit(&a, I(VARARG, 0, 0, 0));
	asm_emit(&a, I(RET, 0, 0, 0));
	/* the same of three */
	asm_func(&a, "three", 3, 4, 0);
	asm_emit(&a, I(RET, 0, 4, 0));
	/* calls one of them as its tail */
	asm_func(&a, "tail", 0, 4 + MAX_ARGS, 0);
	asm_emit(&a, IW(CLOSURE, 0, 2));
	for (i = 0; i < MAX_ARGS; i++)
		asm_emit(&a, IW(LOADI, 1 + i, 100 + i));
	asm_emit(&a, I(TAIL, 0, 1, 0));
	asm_func(&a, "caller", 0, 4 + MAX_ARGS, 0);
	asm_emit(&a, IW(CLOSURE, 1, 2));
	for (i = 0; i < MAX_ARGS; i++)
		asm_emit(&a, IW(LOADI, 2 + i, 100 + i));
	asm_emit(&a, I(CALL, 1, 1, 1));
	for (i = 0; i < MAX_ARGS; i++)
		asm_emit(&a, IW(SETG, 1 + i, i));
	asm_emit(&a, I(RET, 0, 1, 0));
	asm_finish(&a);
	vm = ktap_vm_create(a.bytes, a.size, NULL, &env, NULL);
	FUZZ_CHECK(!IS_ERR(vm) && !ktap_vm_run_main(vm));
	asm_free(&a);
	return 0;
}

static s64 cut(__int128 v)
{
	return (s64)(u64)v;
}

/* 2^n, for n in 0 .. 64 */
static __int128 power(u64 n)
{
	__int128 p = 1;

	while (n--)
		p *= 2;
	return p;
}

/* The quotient that is not greater, of a positive divisor */
static __int128 floor_div(__int128 a, __int128 b)
{
	__int128 q = a / b;

	return q * b > a ? q - 1 : q;
}

/* Returns false if the operation is an error. */
static bool expected(u8 op, const struct ktap_val *vb, const struct ktap_val *vc,
		     struct ktap_val *out)
{
	bool unary = op == KTAP_OP_NEG || op == KTAP_OP_BNOT;
	__int128 b = vb->i, c = vc->i, ub = (u64)vb->i;
	__int128 r = 0;

	*out = (struct ktap_val){ .type = KTAP_BOOL };
	switch (op) {
	case KTAP_OP_NOT:
		out->i = vb->type == KTAP_NIL || (vb->type == KTAP_BOOL && !vb->i);
		return true;
	case KTAP_OP_EQ:
	case KTAP_OP_NE:
	case KTAP_OP_EQI:
	case KTAP_OP_NEI:
		out->i = vb->type == vc->type && (vb->type == KTAP_NIL || b == c);
		out->i ^= op == KTAP_OP_NE || op == KTAP_OP_NEI;
		return true;
	case KTAP_OP_LT:
	case KTAP_OP_LE:
		if (vb->type == KTAP_NIL || vc->type == KTAP_NIL)
			return true;
		if (vb->type != KTAP_INT || vc->type != KTAP_INT)
			return false;
		out->i = op == KTAP_OP_LT ? b < c : b <= c;
		return true;
	case KTAP_OP_LTI:
	case KTAP_OP_LEI:
	case KTAP_OP_GTI:
	case KTAP_OP_GEI:
		if (vb->type == KTAP_NIL)
			return true;
		if (vb->type != KTAP_INT)
			return false;
		out->i = op == KTAP_OP_LTI ? b < c : op == KTAP_OP_LEI ? b <= c :
			 op == KTAP_OP_GTI ? b > c : b >= c;
		return true;
	}
	*out = (struct ktap_val){ .type = KTAP_NIL };
	if (vb->type == KTAP_NIL || (!unary && vc->type == KTAP_NIL))
		return true;
	if (vb->type != KTAP_INT || (!unary && vc->type != KTAP_INT))
		return false;
	switch (op) {
	case KTAP_OP_ADD:
	case KTAP_OP_ADDI:
		r = b + c;
		break;
	case KTAP_OP_SUB:
		r = b - c;
		break;
	case KTAP_OP_MUL:
		/* the lower half is the same with and without signs, and does not overflow */
		r = (u64)b * (u64)c;
		break;
	case KTAP_OP_DIV:
		if (!c)
			return false;
		r = b / c;
		break;
	case KTAP_OP_MOD:
		if (!c)
			return false;
		r = b - b / c * c;
		break;
	case KTAP_OP_BAND:
	case KTAP_OP_BOR:
	case KTAP_OP_BXOR: {
		u64 v = 0;
		int i;

		for (i = 0; i < 64; i++) {
			unsigned int x = ((u64)b >> i & 1) + ((u64)c >> i & 1);

			v += (u64)(op == KTAP_OP_BAND ? x == 2 : op == KTAP_OP_BOR ? x > 0 :
				   x == 1) << i;
		}
		r = v;
		break;
	}
	case KTAP_OP_SHL:
		if (c < 0)
			return false;
		r = c > 63 ? 0 : cut(ub * power(c));
		break;
	case KTAP_OP_USHR:
		if (c < 0)
			return false;
		r = c > 63 ? 0 : ub / power(c);
		break;
	case KTAP_OP_SHR:
		if (c < 0)
			return false;
		r = floor_div(b, power(c > 64 ? 64 : c));
		break;
	case KTAP_OP_NEG:
		r = 0 - b;
		break;
	case KTAP_OP_BNOT:
		r = -1 - b;
		break;
	}
	*out = (struct ktap_val){ .i = cut(r), .type = KTAP_INT };
	return true;
}

static struct ktap_val operand(s64 i, unsigned int how, unsigned int type)
{
	static const s64 some[] = {
		0, 1, -1, 2, 62, 63, 64, 65, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN,
		INT64_MAX - 1, INT64_MIN + 1, 0xffffffff, -64,
	};

	switch (how % 4) {
	case 0:
		i = some[i & 15];
		break;
	case 1:
		i = i % 128;
		break;
	}
	switch (type & 15) {
	case 0:
		return (struct ktap_val){ .type = KTAP_NIL };
	case 1:
		return (struct ktap_val){ .i = i & 1, .type = KTAP_BOOL };
	}
	return (struct ktap_val){ .i = i, .type = KTAP_INT };
}

static u32 *code_of(unsigned int fn)
{
	return vm->img.code + (vm->img.protos[fn].code - vm->img.code);
}

static void check_call(unsigned int how)
{
	unsigned int n = how % (MAX_ARGS + 1), results = 1 + (how >> 4) % MAX_ARGS, i;
	bool tail = how >> 8 & 1, three = how >> 9 & 1;
	u32 *caller = code_of(5), *call = tail ? code_of(4) : caller;

	caller[0] = IW(CLOSURE, 1, 2 + three);
	caller[1 + MAX_ARGS] = I(CALL, 1, n + 1, results + 1);
	if (tail) {
		caller[0] = IW(CLOSURE, 1, 4);
		call[0] = IW(CLOSURE, 0, 2 + three);
		call[1 + MAX_ARGS] = I(TAIL, 0, n + 1, 0);
	}
	ktap_vm_handle(vm, vm->img.protos[5].closure, NULL);
	FUZZ_CHECK(!ktap_vm_failed(vm));
	for (i = 0; i < results; i++) {
		const struct ktap_val *v = &vm->globals[i].v;

		if (i < n && (!three || i < 3))
			FUZZ_CHECK(v->type == KTAP_INT && v->i == 100 + i);
		else
			FUZZ_CHECK(v->type == KTAP_NIL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ktap_proto *p = &vm->img.protos[1];
	u32 *code = code_of(1);
	unsigned int i, n, calls = fuzz_hash(data, size);
	struct ktap_val want[NINSNS], *k;
	bool ok = true;

	for (n = 0; n < NINSNS && size >= sizeof(struct input) && ok; n++) {
		struct input in;
		u8 op;

		memcpy(&in, data, sizeof(in));
		data += sizeof(in);
		size -= sizeof(in);
		op = ops[in.op % ARRAY_SIZE(ops)];
		k = &vm->img.consts[2 * n];
		code[4 * n] = KTAP_INSN_WIDE(KTAP_OP_LOADK, 0, 2 * n);
		k[0] = operand(in.b, in.how, in.types);
		k[1] = operand(in.d, in.how >> 2, in.types >> 4);
		if (op == KTAP_OP_ADDI || (op >= KTAP_OP_EQI && op <= KTAP_OP_GEI)) {
			k[1] = (struct ktap_val){ .i = (s8)in.c, .type = KTAP_INT };
			code[4 * n + 2] = KTAP_INSN(op, 2, 0, in.c);
		} else if (op == KTAP_OP_NEG || op == KTAP_OP_BNOT || op == KTAP_OP_NOT) {
			code[4 * n + 2] = KTAP_INSN(op, 2, 0, 0);
		} else {
			code[4 * n + 2] = KTAP_INSN(op, 2, 0, 1);
		}
		ok = expected(op, &k[0], &k[1], &want[n]);
	}
	/* the code ends where the input does */
	code[4 * n] = KTAP_INSN(KTAP_OP_RET, 0, 1, 0);
	ktap_vm_handle(vm, p->closure, NULL);
	FUZZ_CHECK(ktap_vm_failed(vm) == !ok);
	for (i = 0; i < n - !ok; i++) {
		FUZZ_CHECK(vm->globals[i].v.type == want[i].type);
		FUZZ_CHECK(want[i].type == KTAP_NIL || vm->globals[i].v.i == want[i].i);
	}
	/* as if nothing had happened */
	atomic_set(&vm->err_state, 0);
	vm->stop = 0;
	check_call(calls);
	return 0;
}
