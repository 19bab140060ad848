// SPDX-License-Identifier: GPL-2.0
/*
 * walk: visits a whole program.
 */
#include "walk.h"

static void walk_block(const struct walk *w, struct func *f, struct block *b);

static void walk_list(const struct walk *w, struct func *f, struct expr *e)
{
	for (; e; e = e->next)
		walk_expr(w, f, e);
}

static void walk_func(const struct walk *w, struct func *f)
{
	if (f->pred)
		walk_expr(w, f, f->pred);
	walk_block(w, f, &f->body);
}

void walk_expr(const struct walk *w, struct func *f, struct expr *e)
{
	struct expr *v;

	switch (e->kind) {
	case E_FIELD:
	case E_PAREN:
	case E_UN:
		walk_expr(w, f, e->a);
		break;
	case E_INDEX:
	case E_CALL:
	case E_METHOD:
		walk_expr(w, f, e->a);
		walk_list(w, f, e->list);
		break;
	case E_FUNC:
		walk_func(w, e->func);
		break;
	case E_TABLE:
		for (v = e->list; v; v = v->next) {
			if (v->key)
				walk_expr(w, f, v->key);
			walk_expr(w, f, v);
		}
		break;
	case E_TUPLE:
	case E_CONCAT:
		walk_list(w, f, e->list);
		break;
	case E_BIN:
	case E_AND:
	case E_OR:
		walk_expr(w, f, e->a);
		walk_expr(w, f, e->b);
		break;
	case E_COND:
		walk_expr(w, f, e->a);
		walk_expr(w, f, e->b);
		walk_expr(w, f, e->c);
		break;
	}
	if (w->expr)
		w->expr(w->data, f, e);
}

static void walk_stmts(const struct walk *w, struct func *f, struct stmt *s)
{
	struct clause *c;

	for (; s; s = s->next) {
		walk_list(w, f, s->targets);
		walk_list(w, f, s->list);
		for (c = s->clauses; c; c = c->next) {
			if (c->cond)
				walk_expr(w, f, c->cond);
			walk_block(w, f, &c->body);
		}
		walk_stmts(w, f, s->init);
		if (s->cond)
			walk_expr(w, f, s->cond);
		walk_stmts(w, f, s->step);
		walk_block(w, f, &s->body);
		if (s->func)
			walk_func(w, s->func);
		if (w->stmt)
			w->stmt(w->data, f, s);
	}
}

static void walk_block(const struct walk *w, struct func *f, struct block *b)
{
	walk_stmts(w, f, b->first);
}

void walk_program(const struct walk *w, struct program *p)
{
	walk_func(w, p->main);
}
