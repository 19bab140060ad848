// SPDX-License-Identifier: GPL-2.0
/*
 * check: warnings for what is surely wrong, though it compiles and runs.
 *
 * Nothing is said that may be right. What a value can be is known of literals,
 * of operators, and of the words of the library; of variables and of an event's
 * fields nothing is.
 */
#include <string.h>

#include "../../include/uapi/linux/ktap.h"
#include "check.h"
#include "names.h"
#include "walk.h"

/* What a value may be */
enum {
	MAY_NIL = 1,
	MAY_BOOL = 2,
	MAY_INT = 4,
	MAY_STR = 8,
	MAY_TABLE = 16,
	MAY_FUNC = 32,
	MAY_ALL = 63,
};

static const struct {
	const char *name;
	unsigned int may;
} library[] = {
	{ "cpu",		MAY_INT },
	{ "pid",		MAY_INT },
	{ "tid",		MAY_INT },
	{ "ppid",		MAY_INT },
	{ "uid",		MAY_INT },
	{ "gid",		MAY_INT },
	{ "euid",		MAY_INT },
	{ "num_cpus",		MAY_INT },
	{ "nsecs",		MAY_INT },
	{ "elapsed",		MAY_INT },
	{ "gettimeofday_ns",	MAY_INT },
	{ "gettimeofday_us",	MAY_INT },
	{ "gettimeofday_ms",	MAY_INT },
	{ "gettimeofday_s",	MAY_INT },
	{ "execname",		MAY_STR },
	{ "arch",		MAY_STR },
	{ "kernel_v",		MAY_STR },
	{ "probename",		MAY_STR },
	{ "in_interrupt",	MAY_BOOL },
};

/* A word of the library, or a call of one without arguments, which is the same */
static unsigned int library_may(const struct expr *e)
{
	const struct builtin *bi;
	size_t i;

	if (e->kind == E_CALL && e->n)
		return MAY_ALL;
	if (e->kind == E_CALL)
		e = e->a;
	if (e->kind != E_NAME || e->in_pred)
		return MAY_ALL;
	if (!e->builtin && (e->name.local || !e->name.sym || e->name.sym->class != SYM_BUILTIN))
		return MAY_ALL;
	bi = names_builtin(e->str->s);
	for (i = 0; bi && i < ARRAY_SIZE(library); i++)
		if (!strcmp(library[i].name, bi->name))
			return library[i].may;
	return MAY_ALL;
}

static unsigned int may_be(const struct expr *e)
{
	switch (e->kind) {
	case E_NIL:
		return MAY_NIL;
	case E_BOOL:
		return MAY_BOOL;
	case E_INT:
		return MAY_INT;
	case E_STR:
	case E_CONCAT:
		return MAY_STR;
	case E_TABLE:
		return MAY_TABLE;
	case E_FUNC:
		return MAY_FUNC;
	case E_NAME:
	case E_CALL:
		return library_may(e);
	case E_PAREN:
		return may_be(e->a);
	case E_UN:
		return e->op == OP_NOT ? MAY_BOOL : MAY_INT | MAY_NIL;
	case E_BIN:
		return e->op < OP_CONCAT ? MAY_INT | MAY_NIL : MAY_BOOL;
	case E_AND:
		return (may_be(e->a) & (MAY_NIL | MAY_BOOL)) | may_be(e->b);
	case E_OR:
		return may_be(e->a) | may_be(e->b);
	case E_COND:
		return may_be(e->b) | may_be(e->c);
	default:
		return MAY_ALL;
	}
}

static bool is_literal(const struct expr *e)
{
	while (e->kind == E_PAREN || e->kind == E_UN)
		e = e->a;
	return e->kind == E_NIL || e->kind == E_BOOL || e->kind == E_INT || e->kind == E_STR;
}

static const char *may_text(unsigned int may)
{
	switch (may & ~MAY_NIL) {
	case 0:
		return "nil";
	case MAY_BOOL:
		return "a boolean";
	case MAY_INT:
		return "a number";
	case MAY_STR:
		return "a string";
	case MAY_TABLE:
		return "a table";
	case MAY_FUNC:
		return "a function";
	default:
		return "another type";
	}
}

static void check_compare(struct program *p, const struct expr *e)
{
	unsigned int a = may_be(e->a), b = may_be(e->b);

	/* who writes two literals, or nil, knows what he does */
	if (a & b || a == MAY_NIL || b == MAY_NIL || (is_literal(e->a) && is_literal(e->b)))
		return;
	if (e->op == OP_EQ)
		diag_warn(p->diag, e->pos, ALWAYS_FALSE, may_text(a), may_text(b));
	else if (e->op == OP_NE)
		diag_warn(p->diag, e->pos, ALWAYS_TRUE, may_text(a), may_text(b));
	/* an order with nil is no error */
	else if (!((a | b) & MAY_NIL))
		diag_warn(p->diag, e->pos, ORDER_FAILS, may_text(a), may_text(b));
}

/* A condition that was written as in C, where 0 is false */
static void check_cond(struct program *p, const struct expr *e)
{
	while (e->kind == E_PAREN)
		e = e->a;
	if (e->kind == E_AND || e->kind == E_OR) {
		check_cond(p, e->a);
		check_cond(p, e->b);
		return;
	}
	if (e->kind == E_UN && e->op == OP_NOT) {
		check_cond(p, e->a);
		return;
	}
	if (is_literal(e))
		return;
	if (may_be(e) == MAY_INT || (e->kind == E_BIN && e->op == OP_BAND))
		diag_warn(p->diag, e->start, ALWAYS_NUMBER);
}

static void check_expr(void *data, struct func *f, struct expr *e)
{
	struct program *p = data;

	(void)f;
	if (e->kind == E_BIN && e->op >= OP_EQ && e->op <= OP_GE)
		check_compare(p, e);
	else if (e->kind == E_COND)
		check_cond(p, e->a);
	else if (e->kind == E_FUNC && e->func->pred)
		check_cond(p, e->func->pred);
}

static void check_stmt(void *data, struct func *f, struct stmt *s)
{
	struct program *p = data;
	struct clause *c;

	if (s->cond)
		check_cond(p, s->cond);
	for (c = s->clauses; c; c = c->next)
		if (c->cond)
			check_cond(p, c->cond);
	/* return f() is a way to say f() and be done */
	if (s->kind == S_RETURN && f->handler && s->list &&
	    (s->list->next || (s->list->kind != E_CALL && s->list->kind != E_METHOD)))
		diag_warn(p->diag, s->list->start, HANDLER_RESULT);
}

void check_program(struct program *p)
{
	const struct walk w = { .expr = check_expr, .stmt = check_stmt, .data = p };

	walk_program(&w, p);
}
