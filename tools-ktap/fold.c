// SPDX-License-Identifier: GPL-2.0
/*
 * fold: works out at compile time what constants give.
 *
 * Only what cannot fail: 1 / 0 and "a" < 1 are errors when they run, where they
 * are. What an expression is in a list does not change either: true && f() has
 * one value, so it becomes (f()).
 */
#include <string.h>

#include "../../include/uapi/linux/ktap.h"
#include "fold.h"
#include "walk.h"

static bool is_const(const struct expr *e)
{
	return e->kind == E_NIL || e->kind == E_BOOL || e->kind == E_INT || e->kind == E_STR;
}

static bool truth(const struct expr *e)
{
	return e->kind != E_NIL && (e->kind != E_BOOL || e->i);
}

static void set_int(struct expr *e, __s64 v)
{
	e->kind = E_INT;
	e->i = v;
}

static void set_bool(struct expr *e, bool v)
{
	e->kind = E_BOOL;
	e->i = v;
}

static void set_str(struct expr *e, struct kstr *s)
{
	e->kind = E_STR;
	e->str = s;
}

/* The value of @v, which is one value whatever @v is */
static void set_value(struct expr *e, struct expr *v)
{
	if (v->kind == E_STR) {
		set_str(e, v->str);
	} else if (is_const(v)) {
		__s64 i = v->i;

		e->kind = v->kind;
		e->i = i;
	} else {
		e->kind = E_PAREN;
		e->a = v;
	}
}

static bool fold_arith(int op, __s64 x, __s64 y, __s64 *v)
{
	__u64 a = x, b = y;

	switch (op) {
	case OP_ADD:
		*v = a + b;
		return true;
	case OP_SUB:
		*v = a - b;
		return true;
	case OP_MUL:
		*v = a * b;
		return true;
	case OP_DIV:
	case OP_MOD:
		if (!y)
			return false;
		if (y == -1)
			*v = op == OP_DIV ? 0 - a : 0;
		else
			*v = op == OP_DIV ? x / y : x % y;
		return true;
	case OP_BAND:
		*v = a & b;
		return true;
	case OP_BOR:
		*v = a | b;
		return true;
	case OP_BXOR:
		*v = a ^ b;
		return true;
	case OP_SHL:
		if (y < 0)
			return false;
		*v = y > 63 ? 0 : a << y;
		return true;
	case OP_SHR:
		if (y < 0)
			return false;
		*v = x >> (y > 63 ? 63 : y);
		return true;
	case OP_USHR:
		if (y < 0)
			return false;
		*v = y > 63 ? 0 : a >> y;
		return true;
	default:
		return false;
	}
}

static bool equal(const struct expr *a, const struct expr *b)
{
	if (a->kind != b->kind)
		return false;
	/* equal strings are one */
	if (a->kind == E_STR)
		return a->str == b->str;
	return a->kind == E_NIL || a->i == b->i;
}

/* As the kernel orders two numbers, or two strings; false: it is an error there */
static bool order(const struct expr *a, const struct expr *b, int *c)
{
	__u32 n;

	if (a->kind == E_INT && b->kind == E_INT) {
		*c = a->i < b->i ? -1 : a->i > b->i;
		return true;
	}
	if (a->kind != E_STR || b->kind != E_STR)
		return false;
	n = a->str->len < b->str->len ? a->str->len : b->str->len;
	*c = memcmp(a->str->s, b->str->s, n);
	if (!*c)
		*c = a->str->len < b->str->len ? -1 : a->str->len > b->str->len;
	return true;
}

static void fold_compare(struct expr *e)
{
	struct expr *a = e->a, *b = e->b;
	int c = 0, op = e->op;

	if (op == OP_EQ || op == OP_NE) {
		set_bool(e, equal(a, b) == (op == OP_EQ));
		return;
	}
	if (a->kind == E_NIL || b->kind == E_NIL) {
		set_bool(e, false);
		return;
	}
	if (!order(a, b, &c))
		return;
	switch (op) {
	case OP_LT:
		set_bool(e, c < 0);
		break;
	case OP_LE:
		set_bool(e, c <= 0);
		break;
	case OP_GT:
		set_bool(e, c > 0);
		break;
	case OP_GE:
		set_bool(e, c >= 0);
		break;
	}
}

static void add_text(struct buf *b, const struct expr *e)
{
	char num[32];

	switch (e->kind) {
	case E_STR:
		buf_add(b, e->str->s, e->str->len);
		break;
	case E_INT:
		buf_add(b, num, snprintf(num, sizeof(num), "%lld", e->i));
		break;
	case E_BOOL:
		buf_add(b, e->i ? "true" : "false", e->i ? 4 : 5);
		break;
	default:
		buf_add(b, "nil", 3);
	}
}

/* Neighbours that are constants become one string */
static void fold_concat(struct lexer *l, struct expr *e)
{
	struct expr *x, *y;

	for (x = e->list; x; x = x->next) {
		struct buf b = {};

		if (!is_const(x) || !x->next || !is_const(x->next))
			continue;
		add_text(&b, x);
		while ((y = x->next) && is_const(y)) {
			size_t before = b.len;

			add_text(&b, y);
			/* an error when it runs */
			if (b.len > KTAP_MAX_STR) {
				b.len = before;
				break;
			}
			x->next = y->next;
			e->n--;
		}
		set_str(x, lex_intern(l, b.data ? b.data : "", b.len));
		buf_free(&b);
	}
	if (e->n == 1)
		set_value(e, e->list);
}

static void fold_one(void *data, struct func *f, struct expr *e)
{
	struct program *p = data;
	__s64 v;

	(void)f;
	switch (e->kind) {
	case E_PAREN:
		if (is_const(e->a))
			set_value(e, e->a);
		break;
	case E_UN:
		if (e->op == OP_NOT && is_const(e->a))
			set_bool(e, !truth(e->a));
		else if (e->op == OP_NEG && e->a->kind == E_INT)
			set_int(e, 0 - (__u64)e->a->i);
		else if (e->op == OP_BNOT && e->a->kind == E_INT)
			set_int(e, ~e->a->i);
		break;
	case E_BIN:
		if (!is_const(e->a) || !is_const(e->b))
			break;
		if (e->op >= OP_EQ && e->op <= OP_GE)
			fold_compare(e);
		else if (e->a->kind == E_INT && e->b->kind == E_INT &&
			 fold_arith(e->op, e->a->i, e->b->i, &v))
			set_int(e, v);
		break;
	case E_AND:
	case E_OR:
		if (is_const(e->a))
			set_value(e, truth(e->a) == (e->kind == E_AND) ? e->b : e->a);
		break;
	case E_COND:
		if (is_const(e->a))
			set_value(e, truth(e->a) ? e->b : e->c);
		break;
	case E_CONCAT:
		fold_concat(&p->lex, e);
		break;
	}
}

void fold_program(struct program *p)
{
	const struct walk w = { .expr = fold_one, .data = p };

	walk_program(&w, p);
}
