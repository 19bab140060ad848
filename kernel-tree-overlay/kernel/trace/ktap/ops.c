// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: the operators of the language, where they are not a single
 * instruction of the machine.
 *
 * Each is a function of the exec, the registers of the frame, and the
 * instruction, so that other code than the interpreter can call it.  What
 * makes strings sees to it first that the arena has room: that may move the
 * strings of registers, so no pointer to a string is held across it.
 *
 * Contexts: any.
 * Locks: ktap_slot.lock; those of tables, through table.c.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/overflow.h>
#include <linux/processor.h>
#include <linux/string_choices.h>

#include "agg.h"

#define A	(base + KTAP_INSN_A(insn))
#define B	(base + KTAP_INSN_B(insn))
#define C	(base + KTAP_INSN_C(insn))

/* How often an NMI looks whether a value settles that others are changing */
#define KTAP_NMI_TRIES	64

/**
 * ktap_type_name() - the type of a value, for messages
 * @v: the value
 *
 * Return: its name.
 */
const char *ktap_type_name(const struct ktap_val *v)
{
	static const char * const name[] = {
		[KTAP_NIL] = "nil",
		[KTAP_BOOL] = "boolean",
		[KTAP_INT] = "number",
		[KTAP_STR] = "string",
		[KTAP_TUPLE] = "compound key",
		[KTAP_TABLE] = "table",
		[KTAP_FUNC] = "function",
		[KTAP_BUILTIN] = "function",
		[KTAP_EVENT] = "event",
		[KTAP_LATE] = "string",
		[KTAP_CELL] = "variable",
		[KTAP_AGG] = "aggregation",
		[KTAP_STACK] = "stack",
		[KTAP_USTACK] = "stack",
		[KTAP_USYM] = "symbol",
	};

	return name[v->type];
}

/**
 * ktap_render_event() - make text of a value that stands for the event
 * @x: the running exec; its live strings are in registers
 * @v: the value; nil if there is no event
 *
 * Return: 0, or an error.
 */
int ktap_render_event(struct ktap_exec *x, struct ktap_val *v)
{
	u32 aux = v->aux;
	int ret;

	if (!x->event) {
		ktap_set_nil(v);
		return 0;
	}
	ret = ktap_arena_ensure(x, KTAP_ARENA_RESERVE);
	return ret ?: ktap_env_event_render(x, aux, v);
}

/*
 * Copies of two registers, with the text of the event in the place of the
 * event if the other is a string.
 */
static int ktap_str_operands(struct ktap_exec *x, struct ktap_val *b, struct ktap_val *c,
			     struct ktap_val *rb, struct ktap_val *rc)
{
	int ret = 0;

	ktap_settle(x, rb);
	ktap_settle(x, rc);
	if (rb->type == KTAP_EVENT || rc->type == KTAP_EVENT)
		ret = ktap_arena_ensure(x, 2 * KTAP_ARENA_RESERVE);
	*b = *rb;
	*c = *rc;
	if (!ret && b->type == KTAP_EVENT)
		ret = ktap_render_event(x, b);
	if (!ret && c->type == KTAP_EVENT)
		ret = ktap_render_event(x, c);
	return ret;
}

/**
 * ktap_op_arith() - ADD .. USHR and ADDI, of any operands
 * @x: the running exec
 * @base: registers
 * @insn: the instruction
 *
 * Return: 0, or an error.
 */
int ktap_op_arith(struct ktap_exec *x, struct ktap_val *base, u32 insn)
{
	struct ktap_val imm = { .i = KTAP_INSN_SC(insn), .type = KTAP_INT };
	const struct ktap_val *vb = B;
	const struct ktap_val *vc = KTAP_INSN_OP(insn) == KTAP_OP_ADDI ? &imm : C;
	u64 b, c, r;

	ktap_settle(x, B);
	if (vc != &imm)
		ktap_settle(x, C);
	if (vb->type == KTAP_NIL || vc->type == KTAP_NIL) {
		ktap_set_nil(A);
		return 0;
	}
	if (vb->type != KTAP_INT || vc->type != KTAP_INT)
		return ktap_error(x, "cannot make arith operation on a %s value",
				  ktap_type_name(vb->type != KTAP_INT ? vb : vc));
	b = vb->i;
	c = vc->i;
	switch (KTAP_INSN_OP(insn)) {
	case KTAP_OP_ADD:
	case KTAP_OP_ADDI:
		r = b + c;
		break;
	case KTAP_OP_SUB:
		r = b - c;
		break;
	case KTAP_OP_MUL:
		r = b * c;
		break;
	case KTAP_OP_DIV:
		if (!c)
			return ktap_error(x, "divide 0 arith operation");
		/* the one quotient that does not fit would trap */
		r = c == (u64)-1 ? -b : div64_s64(b, c);
		break;
	case KTAP_OP_MOD:
		if (!c)
			return ktap_error(x, "mod 0 arith operation");
		r = c == (u64)-1 ? 0 : b - (u64)div64_s64(b, c) * c;
		break;
	case KTAP_OP_BAND:
		r = b & c;
		break;
	case KTAP_OP_BOR:
		r = b | c;
		break;
	case KTAP_OP_BXOR:
		r = b ^ c;
		break;
	default:
		if ((s64)c < 0)
			return ktap_error(x, "negative shift count %lld", (s64)c);
		if (KTAP_INSN_OP(insn) == KTAP_OP_SHL)
			r = c > 63 ? 0 : b << c;
		else if (KTAP_INSN_OP(insn) == KTAP_OP_USHR)
			r = c > 63 ? 0 : b >> c;
		else
			r = (s64)b >> min_t(u64, c, 63);
		break;
	}
	ktap_set_int(A, r);
	return 0;
}

/**
 * ktap_op_unary() - NEG and BNOT
 * @x: the running exec
 * @base: registers
 * @insn: the instruction
 *
 * Return: 0, or an error.
 */
int ktap_op_unary(struct ktap_exec *x, struct ktap_val *base, u32 insn)
{
	bool neg = KTAP_INSN_OP(insn) == KTAP_OP_NEG;

	ktap_settle(x, B);
	if (B->type == KTAP_INT)
		ktap_set_int(A, neg ? -(u64)B->i : ~B->i);
	else if (B->type == KTAP_NIL)
		ktap_set_nil(A);
	else
		return ktap_error(x, "use '%c' operator on non-number", neg ? '-' : '~');
	return 0;
}

static bool ktap_equal(const struct ktap_val *b, const struct ktap_val *c)
{
	if (b->type != c->type)
		return false;
	if (ktap_is_str(b))
		return ktap_str_eq(b->s, c->s);
	if (ktap_is_obj(b))
		return b->t == c->t;
	return b->type == KTAP_NIL || b->type == KTAP_EVENT || b->i == c->i;
}

/**
 * ktap_op_eq() - EQ and NE
 * @x: the running exec
 * @base: registers
 * @insn: the instruction
 *
 * Return: 0, or an error.
 */
int ktap_op_eq(struct ktap_exec *x, struct ktap_val *base, u32 insn)
{
	bool ne = KTAP_INSN_OP(insn) == KTAP_OP_NE;
	struct ktap_val b, c;
	int ret;

	ktap_settle(x, B);
	ktap_settle(x, C);
	b = *B;
	c = *C;
	/* the event equals itself; compared with a string it is its text */
	if ((b.type == KTAP_EVENT && c.type == KTAP_STR) ||
	    (c.type == KTAP_EVENT && b.type == KTAP_STR)) {
		ret = ktap_str_operands(x, &b, &c, B, C);
		if (ret)
			return ret;
	}
	ktap_set_bool(A, ktap_equal(&b, &c) != ne);
	return 0;
}

/* @out = @l < @r, or <= */
static int ktap_order(struct ktap_exec *x, struct ktap_val *l, struct ktap_val *r,
		      bool le, struct ktap_val *out)
{
	struct ktap_val b, c;
	int ret, cmp;

	ret = ktap_str_operands(x, &b, &c, l, r);
	if (ret)
		return ret;
	if (b.type == KTAP_NIL || c.type == KTAP_NIL) {
		ktap_set_bool(out, false);
		return 0;
	}
	if (b.type == KTAP_INT && c.type == KTAP_INT)
		cmp = b.i < c.i ? -1 : b.i > c.i;
	else if (b.type == KTAP_STR && c.type == KTAP_STR)
		cmp = ktap_str_cmp(b.s, c.s);
	else
		return ktap_error(x, "compare with non-number: a %s with a %s",
				  ktap_type_name(&b), ktap_type_name(&c));
	ktap_set_bool(out, le ? cmp <= 0 : cmp < 0);
	return 0;
}

/**
 * ktap_op_order() - LT and LE
 * @x: the running exec
 * @base: registers
 * @insn: the instruction
 *
 * Return: 0, or an error.
 */
int ktap_op_order(struct ktap_exec *x, struct ktap_val *base, u32 insn)
{
	return ktap_order(x, B, C, KTAP_INSN_OP(insn) == KTAP_OP_LE, A);
}

/**
 * ktap_op_compare_imm() - EQI .. GEI, of what is no number
 * @x: the running exec
 * @base: registers
 * @insn: the instruction
 *
 * Return: 0, or an error.
 */
int ktap_op_compare_imm(struct ktap_exec *x, struct ktap_val *base, u32 insn)
{
	struct ktap_val imm;

	ktap_set_int(&imm, KTAP_INSN_SC(insn));
	switch (KTAP_INSN_OP(insn)) {
	case KTAP_OP_LTI:
		return ktap_order(x, B, &imm, false, A);
	case KTAP_OP_LEI:
		return ktap_order(x, B, &imm, true, A);
	case KTAP_OP_GTI:
		return ktap_order(x, &imm, B, false, A);
	case KTAP_OP_GEI:
		return ktap_order(x, &imm, B, true, A);
	default:
		ktap_set_bool(A, KTAP_INSN_OP(insn) == KTAP_OP_NEI);
		return 0;
	}
}

/**
 * ktap_op_match() - MATCH
 * @x: the running exec
 * @base: registers
 * @insn: the instruction
 *
 * Return: 0, or an error.
 */
int ktap_op_match(struct ktap_exec *x, struct ktap_val *base, u32 insn)
{
	struct ktap_val b, c;
	s64 most, steps;
	int ret;

	ret = ktap_str_operands(x, &b, &c, B, C);
	if (ret)
		return ret;
	if (b.type == KTAP_NIL || c.type == KTAP_NIL) {
		ktap_set_bool(A, false);
		return 0;
	}
	if (b.type != KTAP_STR || c.type != KTAP_STR)
		return ktap_error(x, "use '~' operator on non-string: a %s value",
				  ktap_type_name(b.type != KTAP_STR ? &b : &c));
	/* eight steps count as an instruction; no more than the budget has left */
	most = clamp_t(s64, x->fuel + x->left, 0, S64_MAX / 16) * 8;
	steps = most;
	ktap_set_bool(A, ktap_glob(c.s, b.s, &steps));
	ktap_exec_charge(x, (most - steps) / 8);
	return steps < 0 ? ktap_exec_attend(x) : 0;
}

/*
 * The text of a part of a concatenation, or NULL if it is to be made: that of a
 * compound key or stack; @len is without that of stacks.  @buf is for a number.
 */
static const char *ktap_part_text(const struct ktap_val *v, const struct ktap_val *event,
				  char *buf, size_t *len)
{
	const char *s;

	switch (v->type) {
	case KTAP_EVENT:
		v = &event[v->aux != 0];
		if (v->type != KTAP_STR)
			break;
		fallthrough;
	case KTAP_STR:
		*len = v->s->len;
		return v->s->data;
	case KTAP_TUPLE:
		*len = ktap_tuple_text(NULL, v->s, NULL, NULL);
		return NULL;
	case KTAP_STACK:
	case KTAP_USTACK:
	case KTAP_USYM:
		*len = 0;
		return NULL;
	case KTAP_INT:
		*len = ktap_fmt_int(buf, v->i);
		return buf;
	case KTAP_BOOL:
		s = str_true_false(v->i);
		*len = strlen(s);
		return s;
	}
	*len = strlen("nil");
	return "nil";
}

/**
 * ktap_concat() - join values to a string
 * @x: the running exec; its live strings are in registers
 * @v: values, in registers
 * @n: how many
 * @out: gets the string
 *
 * Return: 0, or an error.
 */
int ktap_concat(struct ktap_exec *x, struct ktap_val *v, unsigned int n,
		struct ktap_val *out)
{
	struct ktap_val event[2] = { { .type = KTAP_NIL }, { .type = KTAP_NIL } };
	char buf[KTAP_INT_DIGITS], *p;
	size_t total = 0, len, room;
	bool stacks = false;
	struct ktap_str *s;
	unsigned int i;
	const char *t;
	int ret;

	ret = ktap_arena_ensure(x, 2 * KTAP_ARENA_RESERVE);
	if (ret)
		return ret;
	for (i = 0; i < n; i++) {
		ktap_settle(x, &v[i]);
		switch (v[i].type) {
		case KTAP_EVENT:
			if (event[v[i].aux != 0].type == KTAP_STR || !x->event)
				break;
			ret = ktap_env_event_render(x, v[i].aux, &event[v[i].aux != 0]);
			if (ret)
				return ret;
			break;
		case KTAP_TABLE:
		case KTAP_FUNC:
		case KTAP_BUILTIN:
		case KTAP_CELL:
		case KTAP_AGG:
			return ktap_error(x, "cannot concat non-string: a %s value",
					  ktap_type_name(&v[i]));
		case KTAP_STACK:
		case KTAP_USTACK:
		case KTAP_USYM:
			stacks = true;
			break;
		case KTAP_TUPLE:
			stacks |= ktap_tuple_has_stack(v[i].s);
			break;
		}
		ktap_part_text(&v[i], event, buf, &len);
		total += len;
	}
	if (total > KTAP_MAX_STR)
		return ktap_error(x, "string too long: limit is %u bytes", KTAP_MAX_STR);
	/* what the others leave is for stacks, whose text is not made twice */
	s = ktap_str_alloc(x, stacks ? KTAP_MAX_STR : total);
	if (!s)
		return -EIO;
	room = KTAP_MAX_STR - total;
	p = s->data;
	for (i = 0; i < n; i++) {
		t = ktap_part_text(&v[i], event, buf, &len);
		if (t) {
			memcpy(p, t, len);
		} else if (v[i].type == KTAP_TUPLE) {
			len = ktap_tuple_text(x, v[i].s, p, &room);
		} else {
			len = ktap_stack_render(x, v[i].type, v[i].s->data, v[i].s->len, p,
						room);
			room -= len;
		}
		p += len;
	}
	if (stacks)
		ktap_str_shrink(x, s, p - s->data);
	ktap_exec_charge(x, total / 32);
	*out = (struct ktap_val){ .s = s, .type = KTAP_STR };
	return 0;
}

/**
 * ktap_op_concat() - CONCAT
 * @x: the running exec
 * @base: registers
 * @insn: the instruction
 *
 * Return: 0, or an error.
 */
int ktap_op_concat(struct ktap_exec *x, struct ktap_val *base, u32 insn)
{
	return ktap_concat(x, B, KTAP_INSN_C(insn), A);
}

/**
 * ktap_op_tuple() - TUPLE
 * @x: the running exec
 * @base: registers
 * @insn: the instruction
 *
 * Return: 0, or an error.
 */
int ktap_op_tuple(struct ktap_exec *x, struct ktap_val *base, u32 insn)
{
	struct ktap_val event[2] = { { .type = KTAP_NIL }, { .type = KTAP_NIL } };
	u32 i, n = KTAP_INSN_C(insn), aux = 0;
	struct ktap_val *v;
	struct ktap_str *s;
	size_t size = 0;
	char *p;
	int ret;

	ret = ktap_arena_ensure(x, 2 * KTAP_ARENA_RESERVE);
	if (ret)
		return ret;
	v = B;
	for (i = 0; i < n; i++) {
		const struct ktap_val *part = &v[i];

		ktap_settle(x, &v[i]);
		if (part->type == KTAP_EVENT) {
			if (event[part->aux != 0].type == KTAP_NIL && x->event) {
				ret = ktap_env_event_render(x, part->aux,
							    &event[part->aux != 0]);
				if (ret)
					return ret;
			}
			part = &event[part->aux != 0];
		}
		if (part->type == KTAP_CELL)
			return ktap_error(x, "variable in a compound key");
		aux |= part->type == KTAP_TABLE || part->type == KTAP_FUNC ||
		       part->type == KTAP_AGG ||
		       (part->type == KTAP_TUPLE && part->aux);
		size += ktap_tuple_put(NULL, part);
	}
	if (size > KTAP_MAX_STR)
		return ktap_error(x, "compound key too long: limit is %u bytes", KTAP_MAX_STR);
	s = ktap_str_alloc(x, size);
	if (!s)
		return -EIO;
	for (i = 0, p = s->data; i < n; i++)
		p += ktap_tuple_put(p, v[i].type == KTAP_EVENT ? &event[v[i].aux != 0] : &v[i]);
	ktap_exec_charge(x, size / 32);
	*A = (struct ktap_val){ .s = s, .type = KTAP_TUPLE, .aux = aux };
	return 0;
}

/* Part @i of a compound key, from 1, or nil. */
static int ktap_tuple_part(struct ktap_exec *x, const struct ktap_val *tuple, s64 i,
			   struct ktap_val *out)
{
	struct ktap_val part;
	const char *bytes;
	size_t pos = 0;
	u32 len;

	ktap_exec_charge(x, tuple->s->len / 8);
	if (i < 1) {
		ktap_set_nil(out);
		return 0;
	}
	while ((pos = ktap_tuple_next(tuple->s, pos, &part, &bytes, &len))) {
		if (--i)
			continue;
		if (ktap_is_str(&part)) {
			u32 type = part.type;
			int ret = ktap_set_str(x, out, bytes, len);

			if (!ret)
				out->type = type;
			return ret;
		}
		*out = part;
		return 0;
	}
	ktap_set_nil(out);
	return 0;
}

static int ktap_event_member(struct ktap_exec *x, const struct ktap_str *name,
			     struct ktap_val *out)
{
	char text[64];
	int ret;

	if (!x->event)
		return ktap_error(x, "invalid event context: there is no event here");
	ret = ktap_env_member(x, name, out);
	if (ret != -ENOENT)
		return ret;
	ktap_printable(text, sizeof(text), name);
	return ktap_error(x, "event has no member '%s'", text);
}

/* The key of an operation on a table: the register, or a copy with its text */
static int ktap_key(struct ktap_exec *x, const struct ktap_val **key, struct ktap_val *copy)
{
	if (likely((*key)->type != KTAP_EVENT))
		return 0;
	*copy = **key;
	*key = copy;
	return ktap_render_event(x, copy);
}

/* What an aggregation has for a key: nil, a number, or another aggregation */
static int ktap_agg_get(struct ktap_exec *x, struct ktap_agg *g, const struct ktap_val *key,
			struct ktap_val *out)
{
	struct ktap_val copy;
	int ret;

	ret = ktap_key(x, &key, &copy);
	if (ret)
		return ret;
	if (g->keys && key->type != KTAP_NIL)
		return ktap_table_get(x, g->keys, key, out);
	ktap_set_nil(out);
	return 0;
}

/**
 * ktap_op_gett() - GETT
 * @x: the running exec
 * @base: registers
 * @insn: the instruction
 *
 * Return: 0, or an error.
 */
int ktap_op_gett(struct ktap_exec *x, struct ktap_val *base, u32 insn)
{
	struct ktap_val *t = B, copy;
	const struct ktap_val *key = C;
	int ret;

	ktap_settle(x, C);
	if (likely(t->type == KTAP_TABLE)) {
		if (unlikely(key->type == KTAP_EVENT)) {
			/* room for the value too: the copy must not move */
			ret = ktap_arena_ensure(x, 2 * KTAP_ARENA_RESERVE);
			if (!ret)
				ret = ktap_key(x, &key, &copy);
			if (ret)
				return ret;
		}
		if (key->type == KTAP_NIL) {
			ktap_set_nil(A);
			return 0;
		}
		return ktap_table_get(x, t->t, key, A);
	}
	if (t->type == KTAP_AGG)
		return ktap_agg_get(x, t->g, key, A);
	ret = ktap_arena_ensure(x, KTAP_ARENA_RESERVE);
	if (ret)
		return ret;
	if (t->type == KTAP_TUPLE && key->type == KTAP_INT)
		return ktap_tuple_part(x, t, key->i, A);
	if (t->type == KTAP_EVENT && key->type == KTAP_STR)
		return ktap_event_member(x, key->s, A);
	return ktap_error(x, "get key from non-table: a %s value", ktap_type_name(t));
}

/**
 * ktap_op_getk() - GETK
 * @x: the running exec
 * @base: registers
 * @insn: the instruction
 *
 * Return: 0, or an error.
 */
int ktap_op_getk(struct ktap_exec *x, struct ktap_val *base, u32 insn)
{
	const struct ktap_val *key = &x->vm->img.consts[KTAP_INSN_C(insn)];
	struct ktap_val *t = B;
	int ret;

	if (likely(t->type == KTAP_TABLE))
		return ktap_table_get(x, t->t, key, A);
	if (t->type == KTAP_AGG)
		return ktap_agg_get(x, t->g, key, A);
	if (t->type != KTAP_EVENT)
		return ktap_error(x, "get key from non-table: a %s value", ktap_type_name(t));
	ret = ktap_arena_ensure(x, KTAP_ARENA_RESERVE);
	return ret ?: ktap_event_member(x, key->s, A);
}

/* What an update of a table needs: a table and a key */
static int ktap_check_update(struct ktap_exec *x, const struct ktap_val *t,
			     const struct ktap_val *key)
{
	if (unlikely(t->type != KTAP_TABLE))
		return ktap_error(x, "set key to non-table: a %s value", ktap_type_name(t));
	if (unlikely(key->type == KTAP_NIL))
		return ktap_error(x, "table nil index");
	return 0;
}

static int ktap_agg_delete(struct ktap_exec *x, struct ktap_agg *g,
			   const struct ktap_val *key)
{
	if (!g->keys || key->type == KTAP_NIL)
		return 0;
	return ktap_table_delete(x, g->keys, key);
}

/*
 * Whether the key is a string that was not there: the update is dropped, which
 * is counted, and no error, since the script could not know.
 */
static bool ktap_late_key(struct ktap_exec *x, struct ktap_val *key)
{
	bool late = key->type == KTAP_LATE;

	ktap_settle(x, key);
	return late;
}

/**
 * ktap_op_sett() - SETT
 * @x: the running exec
 * @base: registers
 * @insn: the instruction
 *
 * Return: 0, or an error.
 */
int ktap_op_sett(struct ktap_exec *x, struct ktap_val *base, u32 insn)
{
	const struct ktap_val *key = B, *v = C;
	struct ktap_val kcopy, vcopy;
	int ret = 0;

	if (ktap_late_key(x, B))
		return 0;
	ktap_settle(x, C);
	if (unlikely(key->type == KTAP_EVENT || (v->type == KTAP_EVENT && v->i))) {
		ret = ktap_arena_ensure(x, 2 * KTAP_ARENA_RESERVE);
		if (!ret)
			ret = ktap_key(x, &key, &kcopy);
		if (!ret && v->i)
			ret = ktap_key(x, &v, &vcopy);
	}
	if (!ret && A->type == KTAP_AGG && v->type == KTAP_NIL)
		return ktap_agg_delete(x, A->g, key);
	if (!ret)
		ret = ktap_check_update(x, A, key);
	return ret ?: ktap_table_set(x, A->t, key, v);
}

/**
 * ktap_op_addt() - ADDT and ADDTI
 * @x: the running exec
 * @base: registers
 * @insn: the instruction
 *
 * Return: 0, or an error.
 */
int ktap_op_addt(struct ktap_exec *x, struct ktap_val *base, u32 insn)
{
	struct ktap_val copy, imm = { .i = KTAP_INSN_SC(insn), .type = KTAP_INT };
	const struct ktap_val *key = B;
	const struct ktap_val *n = KTAP_INSN_OP(insn) == KTAP_OP_ADDTI ? &imm : C;
	int ret;

	if (ktap_late_key(x, B))
		return 0;
	if (KTAP_INSN_OP(insn) != KTAP_OP_ADDTI)
		ktap_settle(x, C);
	ret = ktap_key(x, &key, &copy);
	if (!ret)
		ret = ktap_check_update(x, A, key);
	if (ret)
		return ret;
	if (unlikely(n->type != KTAP_INT && n->type != KTAP_NIL))
		return ktap_error(x, "use '+=' operator on non-number value");
	return ktap_table_add(x, A->t, key, n->type == KTAP_INT ? n->i : 0);
}

/**
 * ktap_op_delt() - DELT
 * @x: the running exec
 * @base: registers
 * @insn: the instruction
 *
 * Return: 0, or an error.
 */
int ktap_op_delt(struct ktap_exec *x, struct ktap_val *base, u32 insn)
{
	const struct ktap_val *key = B;
	struct ktap_val copy;
	int ret;

	ktap_settle(x, B);
	ret = ktap_key(x, &key, &copy);
	if (ret)
		return ret;
	if (A->type == KTAP_AGG)
		return ktap_agg_delete(x, A->g, key);
	if (A->type == KTAP_TABLE && key->type == KTAP_NIL)
		return 0;
	ret = ktap_check_update(x, A, key);
	return ret ?: ktap_table_delete(x, A->t, key);
}

/* The value to add to an aggregation; 1 if there is none. */
static int ktap_agg_value(struct ktap_exec *x, const struct ktap_agg *g,
			  const struct ktap_val *v, s64 *n)
{
	*n = 0;
	/* counting takes anything: there was one more */
	if (g->def.kind == KTAP_AGG_COUNT)
		return 0;
	if (v->type == KTAP_NIL)
		return 1;
	if (unlikely(v->type != KTAP_INT))
		return ktap_error(x, "add non number value to aggregation table: a %s value",
				  ktap_type_name(v));
	*n = v->i;
	/* its rows are looked for one power after the other */
	if (g->def.kind == KTAP_AGG_LLHIST)
		ktap_exec_charge(x, 32);
	return 0;
}

static int ktap_not_agg(struct ktap_exec *x, const struct ktap_val *v)
{
	return ktap_error(x, "<<< must be operate on ptable, or what %s make: this is a %s value",
			  "count() .. hist()", ktap_type_name(v));
}

/**
 * ktap_op_agg() - AGG
 * @x: the running exec
 * @base: registers
 * @insn: the instruction
 *
 * Return: 0, or an error.
 */
int ktap_op_agg(struct ktap_exec *x, struct ktap_val *base, u32 insn)
{
	s64 n;
	int ret;

	if (unlikely(A->type != KTAP_AGG))
		return ktap_not_agg(x, A);
	ktap_settle(x, B);
	ret = ktap_agg_value(x, A->g, B, &n);
	if (unlikely(ret))
		return min(ret, 0);
	return ktap_agg_add(x, A->g, n);
}

/**
 * ktap_op_aggt() - AGGT
 * @x: the running exec
 * @base: registers
 * @insn: the instruction
 *
 * Return: 0, or an error.
 */
int ktap_op_aggt(struct ktap_exec *x, struct ktap_val *base, u32 insn)
{
	const struct ktap_val *key = B;
	struct ktap_val copy, v;
	s64 n;
	int ret;

	if (ktap_late_key(x, B))
		return 0;
	ktap_settle(x, C);
	ret = ktap_key(x, &key, &copy);
	if (unlikely(ret))
		return ret;
	if (unlikely(key->type == KTAP_NIL))
		return ktap_error(x, "table nil index");
	if (likely(A->type == KTAP_AGG)) {
		ret = ktap_agg_value(x, A->g, C, &n);
		if (unlikely(ret))
			return min(ret, 0);
		return ktap_agg_add_key(x, A->g, key, n);
	}
	if (A->type != KTAP_TABLE)
		return ktap_not_agg(x, A);
	/* a table may hold aggregations */
	ret = ktap_table_get(x, A->t, key, &v);
	if (ret)
		return ret;
	if (v.type != KTAP_AGG)
		return ktap_not_agg(x, A);
	ret = ktap_agg_value(x, v.g, C, &n);
	if (ret)
		return min(ret, 0);
	return ktap_agg_add(x, v.g, n);
}

/**
 * ktap_op_in() - IN
 * @x: the running exec
 * @base: registers
 * @insn: the instruction
 *
 * Return: 0, or an error.
 */
int ktap_op_in(struct ktap_exec *x, struct ktap_val *base, u32 insn)
{
	const struct ktap_val *key = B;
	struct ktap_val copy;
	int ret;

	ktap_settle(x, B);
	ret = ktap_key(x, &key, &copy);
	if (ret)
		return ret;
	if (C->type == KTAP_AGG) {
		ktap_set_bool(A, C->g->keys && key->type != KTAP_NIL &&
			      ktap_table_has(x, C->g->keys, key));
		return 0;
	}
	if (C->type != KTAP_TABLE)
		return ktap_error(x, "use 'in' operator on non-table: a %s value",
				  ktap_type_name(C));
	ktap_set_bool(A, key->type != KTAP_NIL && ktap_table_has(x, C->t, key));
	return 0;
}

/**
 * ktap_op_pairs() - PAIRS
 * @x: the running exec
 * @base: registers
 * @insn: the instruction
 *
 * Return: 0, or an error.
 */
int ktap_op_pairs(struct ktap_exec *x, struct ktap_val *base, u32 insn)
{
	if (A->type == KTAP_NIL)
		return ktap_error(x, "table is nil in pairs");
	if (A->type == KTAP_AGG) {
		int ret = ktap_agg_source(x, A->g, A);

		if (ret)
			return ret;
	}
	if (A->type != KTAP_TABLE)
		return ktap_error(x, "wrong argument for pairs: a %s value", ktap_type_name(A));
	ktap_set_int(A + 1, 0);
	return 0;
}

/**
 * ktap_op_next() - NEXT
 * @x: the running exec
 * @a: its registers: table, cursor, key, value
 * @end: set to whether there are no more entries
 *
 * Return: 0, or an error.
 */
int ktap_op_next(struct ktap_exec *x, struct ktap_val *a, bool *end)
{
	u64 cursor = a[1].i;
	int ret;

	if (a[0].type != KTAP_TABLE || a[1].type != KTAP_INT)
		return ktap_error(x, "wrong argument for pairs: a %s value",
				  ktap_type_name(&a[0]));
	ret = ktap_table_next(x, a[0].t, &cursor, &a[2], &a[3]);
	if (ret < 0)
		return ret;
	a[1].i = cursor;
	*end = !ret;
	return 0;
}

/**
 * ktap_op_forprep() - FORPREP
 * @x: the running exec
 * @a: its registers: start, limit, step, variable
 * @skip: set to whether the loop does not run at all
 *
 * Return: 0, or an error.
 */
int ktap_op_forprep(struct ktap_exec *x, struct ktap_val *a, bool *skip)
{
	static const char * const what[] = { "start", "limit", "step" };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		if (a[i].type != KTAP_INT)
			return ktap_error(x, "'for' %s must be a number, not %s", what[i],
					  ktap_type_name(&a[i]));
	}
	if (!a[2].i)
		return ktap_error(x, "'for' step is 0");
	*skip = a[2].i > 0 ? a[0].i > a[1].i : a[0].i < a[1].i;
	if (!*skip)
		a[3] = a[0];
	return 0;
}

/**
 * ktap_new_table() - make a table
 * @x: the running exec
 * @out: gets it, or in handlers without memory one that takes no entries
 *
 * Return: 0, or an error.
 */
int ktap_new_table(struct ktap_exec *x, struct ktap_val *out)
{
	struct ktap_table *t = ktap_table_new(x, ktap_table_stripes(x));

	if (IS_ERR(t)) {
		if (x->setup)
			return ktap_no_memory(x, PTR_ERR(t));
		/* counted, as each update of what stands for it will be */
		ktap_lost_update(x->vm, PTR_ERR(t));
		t = x->vm->full_table;
	}
	*out = (struct ktap_val){ .t = t, .type = KTAP_TABLE };
	return 0;
}

/**
 * ktap_set_list() - make a table of an array
 * @x: the running exec
 * @out: gets it
 * @n: how many values there are
 * @get: gives the one of an index
 * @data: for @get
 *
 * Return: 0, or an error.
 */
int ktap_set_list(struct ktap_exec *x, struct ktap_val *out, unsigned int n,
		  int (*get)(struct ktap_exec *x, const void *data, unsigned int i,
			     struct ktap_val *v),
		  const void *data)
{
	struct ktap_val list, key, v;
	unsigned int i;
	u32 mark;
	int ret = ktap_new_table(x, &list);

	for (i = 0; i < n && !ret; i++) {
		/* the table has its own copy of a string */
		mark = x->arena_pos;
		ktap_set_int(&key, i);
		ret = get(x, data, i, &v) ?: ktap_table_set(x, list.t, &key, &v);
		x->arena_pos = mark;
	}
	ktap_exec_charge(x, 16 * n);
	*out = list;
	return ret;
}

/**
 * ktap_op_table() - TABLE
 * @x: the running exec
 * @base: registers
 * @insn: the instruction
 *
 * Tables grow as they are used, so the size that the instruction expects is
 * only of interest to those who read the bytecode.
 *
 * Return: 0, or an error.
 */
int ktap_op_table(struct ktap_exec *x, struct ktap_val *base, u32 insn)
{
	return ktap_new_table(x, A);
}

/**
 * ktap_op_closure() - CLOSURE
 * @x: the running exec
 * @base: registers
 * @insn: the instruction
 *
 * Return: 0, or an error.
 */
int ktap_op_closure(struct ktap_exec *x, struct ktap_val *base, u32 insn)
{
	const struct ktap_proto *p = &x->vm->img.protos[KTAP_INSN_BX(insn)];
	struct ktap_closure *f = p->closure;
	u32 i;

	if (!f) {
		for (i = 0; i < p->nupvals; i++) {
			if (p->upvals[i].from_reg &&
			    base[p->upvals[i].index].type != KTAP_CELL)
				return ktap_error(x, "captured variable has no cell");
		}
		f = ktap_new(x, struct_size(f, up, p->nupvals));
		if (IS_ERR(f))
			return ktap_no_memory(x, PTR_ERR(f));
		f->proto = p;
		for (i = 0; i < p->nupvals; i++) {
			f->up[i] = p->upvals[i].from_reg ? base[p->upvals[i].index].c :
				   x->frame->fn->up[p->upvals[i].index];
			ktap_obj_hold(&f->up[i]->obj);
		}
		ktap_obj_init(x, &f->obj, KTAP_FUNC);
	}
	*A = (struct ktap_val){ .f = f, .type = KTAP_FUNC };
	return 0;
}

/*
 * Makes a value of a slot, waiting for memory where that is allowed.  Returns
 * 0; in handlers -ENOMEM or -EBUSY as ktap_val_own(), which is not counted yet;
 * or what ktap_error() returned.
 */
static int ktap_own(struct ktap_exec *x, struct ktap_val *dst, const struct ktap_val *src)
{
	bool collected = false;
	int ret;

	if (unlikely(src->type == KTAP_TUPLE))
		ktap_exec_charge(x, src->s->len / 8);
	for (;;) {
		ret = ktap_val_own(x->vm, dst, src, x->nmi);
		if (likely(!ret))
			return 0;
		if (!x->setup)
			return ret;
		if (!ktap_pool_grow(&x->vm->pool))
			continue;
		if (collected)
			return ktap_no_memory(x, ret);
		ktap_exec_collect(x);
		collected = true;
	}
}

/**
 * ktap_op_cell() - CELL
 * @x: the running exec
 * @base: registers
 * @insn: the instruction
 *
 * Return: 0, or an error.
 */
int ktap_op_cell(struct ktap_exec *x, struct ktap_val *base, u32 insn)
{
	struct ktap_cell *c;
	int ret;

	ktap_settle(x, A);
	/* the text of this event, not of whatever event is current when it is read */
	if (unlikely(A->type == KTAP_EVENT && A->i)) {
		ret = ktap_render_event(x, A);
		if (ret)
			return ret;
	}
	c = ktap_new(x, sizeof(*c));
	if (IS_ERR(c))
		return ktap_no_memory(x, PTR_ERR(c));
	ktap_slot_init(&c->slot);
	ret = ktap_own(x, &c->slot.v, A);
	if (ret) {
		ktap_pool_free(&x->vm->pool, c, sizeof(*c), x->nmi);
		return x->setup ? ret : ktap_no_memory(x, ret);
	}
	ktap_obj_init(x, &c->obj, KTAP_CELL);
	*A = (struct ktap_val){ .c = c, .type = KTAP_CELL };
	return 0;
}

/**
 * ktap_op_event() - FIELD, HASF, ARG
 * @x: the running exec
 * @base: registers
 * @insn: the instruction
 *
 * Return: 0, or an error.
 */
int ktap_op_event(struct ktap_exec *x, struct ktap_val *base, u32 insn)
{
	u32 bx = KTAP_INSN_BX(insn);
	char name[64];
	int ret;

	if (KTAP_INSN_OP(insn) == KTAP_OP_HASF) {
		ktap_set_bool(A, x->event && ktap_env_has_field(x, bx));
		return 0;
	}
	if (!x->event)
		return ktap_error(x, "invalid event context: there is no event here");
	ret = ktap_arena_ensure(x, KTAP_ARENA_RESERVE);
	if (ret)
		return ret;
	if (KTAP_INSN_OP(insn) == KTAP_OP_ARG) {
		ret = ktap_env_arg(x, KTAP_INSN_B(insn), A);
		if (ret == -ENOENT)
			return ktap_error(x, "event has no argument %u", KTAP_INSN_B(insn));
		return ret;
	}
	ret = ktap_env_field(x, bx, A);
	if (ret != -ENOENT)
		return ret;
	ktap_printable(name, sizeof(name), x->vm->img.consts[bx].s);
	return ktap_error(x, "event has no field '%s'", name);
}

/* Reads a string, which others may be about to replace, with the lock held. */
static int ktap_get_slot_str(struct ktap_exec *x, struct ktap_slot *s, struct ktap_val *out)
{
	unsigned long flags;
	int ret;

	for (;;) {
		if (!ktap_lock(x->nmi, &s->lock, &flags)) {
			ktap_vm_lost(x->vm, KTAP_LOSS_BUSY, 1);
			ktap_set_nil(out);
			return 0;
		}
		ret = ktap_val_lend(x, out, &s->v);
		ktap_unlock(&s->lock, flags);
		if (likely(!ret))
			return 0;
		ret = ktap_arena_ensure(x, KTAP_ARENA_RESERVE);
		if (ret)
			return ret;
	}
}

/**
 * ktap_get_slot() - read a global or captured variable
 * @x: the running exec; its live strings are in registers
 * @s: the variable
 * @out: gets its value
 *
 * Return: 0, or an error.
 */
int ktap_get_slot(struct ktap_exec *x, struct ktap_slot *s, struct ktap_val *out)
{
	unsigned int tries = 0, seq;
	struct ktap_val v;

	for (;;) {
		seq = raw_read_seqcount(&s->seq);
		if (likely(!(seq & 1))) {
			v = s->v;
			if (likely(!read_seqcount_retry(&s->seq, seq)))
				break;
		}
		/* the writer may be what this NMI has interrupted */
		if (x->nmi && tries++ == KTAP_NMI_TRIES) {
			ktap_vm_lost(x->vm, KTAP_LOSS_BUSY, 1);
			ktap_set_nil(out);
			return 0;
		}
		cpu_relax();
	}
	if (unlikely(ktap_is_str(&v)))
		return ktap_get_slot_str(x, s, out);
	*out = v;
	return 0;
}

/**
 * ktap_set_slot() - set a global or captured variable
 * @x: the running exec
 * @s: the variable
 * @reg: its value, in a register
 *
 * Return: 0, also if the update was dropped and counted; or an error.
 */
int ktap_set_slot(struct ktap_exec *x, struct ktap_slot *s, struct ktap_val *reg)
{
	struct ktap_vm *vm = x->vm;
	const struct ktap_val *v = reg;
	struct ktap_val own, old, text;
	unsigned long flags;
	int ret = 0;

	ktap_settle(x, reg);
	if (unlikely(v->type == KTAP_EVENT && v->i))
		ret = ktap_key(x, &v, &text);
	if (!ret)
		ret = ktap_own(x, &own, v);
	if (unlikely(ret)) {
		if (ret != -ENOMEM && ret != -EBUSY)
			return ret;
		ktap_lost_update(vm, ret);
		return 0;
	}
	if (unlikely(!ktap_lock(x->nmi, &s->lock, &flags))) {
		ktap_vm_lost(vm, KTAP_LOSS_BUSY, 1);
		ktap_val_put(vm, &own, x->nmi);
		return 0;
	}
	old = s->v;
	raw_write_seqcount_begin(&s->seq);
	s->v = own;
	raw_write_seqcount_end(&s->seq);
	ktap_unlock(&s->lock, flags);
	ktap_val_put(vm, &old, x->nmi);
	return 0;
}

/**
 * ktap_add_slot() - add to a global or captured variable
 * @x: the running exec
 * @s: the variable; nil counts as 0
 * @v: what to add; nil counts as 0
 *
 * Return: 0, also if the update was dropped and counted; or an error.
 */
int ktap_add_slot(struct ktap_exec *x, struct ktap_slot *s, struct ktap_val *v)
{
	unsigned long flags;
	bool number;

	ktap_settle(x, v);
	if (unlikely(v->type != KTAP_INT && v->type != KTAP_NIL))
		return ktap_error(x, "use '+=' operator on non-number value");
	if (unlikely(!ktap_lock(x->nmi, &s->lock, &flags))) {
		ktap_vm_lost(x->vm, KTAP_LOSS_BUSY, 1);
		return 0;
	}
	number = s->v.type == KTAP_INT || s->v.type == KTAP_NIL;
	if (likely(number)) {
		u64 n = v->type == KTAP_INT ? v->i : 0;

		raw_write_seqcount_begin(&s->seq);
		ktap_set_int(&s->v, (s->v.type == KTAP_INT ? s->v.i : 0) + n);
		raw_write_seqcount_end(&s->seq);
	}
	ktap_unlock(&s->lock, flags);
	if (unlikely(!number))
		return ktap_error(x, "use '+=' operator on non-number value");
	return 0;
}
