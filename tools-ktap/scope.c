// SPDX-License-Identifier: GPL-2.0
/*
 * scope: what each name means.
 *
 * One walk binds names to the locals in sight and notes which locals inner
 * functions capture; what no scope declares becomes a struct sym, and only at
 * the end, when it is known whether the script assigns it anywhere, a global,
 * a word of the library, or an error.
 */
#include <stdlib.h>
#include <string.h>

#include "../../include/uapi/linux/ktap.h"
#include "ast.h"
#include "names.h"

#define SCOPE_MAX_NEAR	1000

struct scope {
	struct program *p;
	struct func *fn;
	struct func *handler;		/* the event's handler around, or NULL */
	unsigned int handler_seq;	/* locals up to this are declared outside of it */
	struct local *shared_locals;	/* that handlers use */
	struct local **stack;		/* the locals in sight, of all functions */
	size_t n;
	size_t cap;
	unsigned int seq;
	unsigned int level;		/* of blocks in the function; 0: its outermost */
	unsigned int *cont_seq;		/* of the innermost loop: its first continue */
	size_t until_base;		/* in the condition of repeat: its locals begin here */
	unsigned int until_seq;		/* and those after this were skipped by continue */
	unsigned int nnear;		/* names that were compared with the locals */
};

static void walk_expr(struct scope *sc, struct expr *e);
static void walk_block(struct scope *sc, struct block *b);
static void walk_func(struct scope *sc, struct func *f);

static void declare(struct scope *sc, struct local *l)
{
	sc->stack = arena_grow(&sc->p->arena, sc->stack, sc->n, &sc->cap, sizeof(*sc->stack));
	sc->stack[sc->n++] = l;
	l->func = sc->fn;
	l->seq = ++sc->seq;
}

static struct local *find_local(struct scope *sc, const struct kstr *name, size_t *where)
{
	size_t i;

	for (i = sc->n; i-- > 0;) {
		if (sc->stack[i]->name == name) {
			*where = i;
			return sc->stack[i];
		}
	}
	return NULL;
}

static struct sym *find_sym(struct scope *sc, struct kstr *name)
{
	struct sym *s = name->sym;

	if (s)
		return s;
	s = arena_alloc(&sc->p->arena, sizeof(*s));
	s->name = name;
	s->index = -1;
	name->sym = s;
	*sc->p->syms_tail = s;
	sc->p->syms_tail = &s->next;
	return s;
}

static void bind(struct scope *sc, struct expr *e)
{
	struct local *l;
	size_t where;

	l = find_local(sc, e->str, &where);
	if (!l) {
		e->name.sym = find_sym(sc, e->str);
		return;
	}
	e->name.local = l;
	if (l->func != sc->fn)
		l->captured = true;
	if (sc->until_seq && where >= sc->until_base && l->seq > sc->until_seq)
		diag_error(sc->p->diag, e->pos, LOCAL_SKIPPED, e->str->s);
}

/* The variable that @e names, if it is used in a handler and declared outside of it */
static struct shared *shared_of(struct scope *sc, const struct expr *e)
{
	struct local *l = e->name.local;

	if (!sc->handler || (l && l->seq > sc->handler_seq))
		return NULL;
	if (!l)
		return e->name.sym ? &e->name.sym->shared : NULL;
	if (!l->shared.read && !l->shared.changed) {
		l->next_shared = sc->shared_locals;
		sc->shared_locals = l;
	}
	return &l->shared;
}

static void note_shared_read(struct scope *sc, const struct expr *e)
{
	struct shared *sh = shared_of(sc, e);

	if (!sh)
		return;
	if (sh->assigned == sc->handler && sh->both != sc->handler) {
		sh->both = sc->handler;
		sh->pos = e->pos;
	}
	sh->read = sc->handler;
}

static void note_change(struct scope *sc, struct shared *sh)
{
	if (!sh)
		return;
	if (sh->changed && sh->changed != sc->handler)
		sh->several = true;
	sh->changed = sc->handler;
}

static void note_shared_assign(struct scope *sc, const struct expr *e)
{
	struct shared *sh = shared_of(sc, e);

	if (!sh)
		return;
	if (sh->read == sc->handler && sh->both != sc->handler) {
		sh->both = sc->handler;
		sh->pos = e->pos;
	}
	sh->assigned = sc->handler;
	note_change(sc, sh);
}

static void warn_shared(struct program *p, const struct shared *sh, const struct kstr *name)
{
	if (sh->both && (sh->several || !sh->both->one_cpu))
		diag_warn(p->diag, sh->pos, SHARED_GLOBAL, name->s);
}

static void note_assign(struct scope *sc, struct expr *e)
{
	struct sym *s = e->name.sym;

	note_shared_assign(sc, e);
	if (e->name.local) {
		e->name.local->is_int = false;
		if (e->name.local->alias)
			s = e->name.local->alias;
	}
	if (!s)
		return;
	if (!e->name.local)
		s->assigned = true;
	s->made_other = true;
}

static void note_read(struct scope *sc, struct expr *e)
{
	struct sym *s = e->name.sym;
	size_t i;

	if (!e->in_pred)
		note_shared_read(sc, e);
	if (!s)
		return;
	if (e->in_pred) {
		s->pred_read = true;
		return;
	}
	if (!s->read)
		s->read_pos = e->pos;
	/* few errors are shown, so not all names of a large script are compared */
	if (!s->read && sc->nnear++ < SCOPE_MAX_NEAR) {
		s->near_dist = names_max_dist(s->name->s) + 1;
		for (i = sc->n; i-- > 0 && sc->n - i < 300;)
			names_near(s->name->s, sc->stack[i]->name->s, &s->near, &s->near_dist);
	}
	s->read = true;
}

static void walk_list(struct scope *sc, struct expr *e)
{
	for (; e; e = e->next)
		walk_expr(sc, e);
}

/* The table in s[k] = v: the name s is not read by that */
static void walk_elem_base(struct scope *sc, struct expr *base, bool numeric, bool deleted)
{
	struct sym *s;

	if (base->kind != E_NAME) {
		walk_expr(sc, base);
		return;
	}
	base->in_pred = false;
	bind(sc, base);
	s = base->name.sym;
	if (!s)
		return;
	if (deleted) {
		if (!s->deleted && !s->read)
			s->read_pos = base->pos;
		s->deleted = true;
		return;
	}
	s->elem = true;
	if (!numeric)
		s->elem_other = true;
}

/* The aggregation in a <<< v and s[k] <<< v: that does not read its name */
static void walk_agg(struct scope *sc, struct expr *e)
{
	struct expr *name = e->kind == E_NAME ? e : e->a;
	struct sym *s;

	if (e->kind == E_INDEX)
		walk_list(sc, e->list);
	if (name->kind != E_NAME) {
		walk_expr(sc, name);
		return;
	}
	name->in_pred = false;
	bind(sc, name);
	s = name->name.sym;
	if (!s)
		return;
	if (!s->read && !s->agg && !s->agg_elem)
		s->read_pos = name->pos;
	if (e == name)
		s->agg = true;
	else
		s->agg_elem = true;
}

/* Is it certainly a number, so that a table of them prints as a histogram? */
static bool is_numeric(const struct expr *e)
{
	const struct builtin *bi;

	switch (e->kind) {
	case E_INT:
		return true;
	case E_PAREN:
		return is_numeric(e->a);
	case E_UN:
		return e->op != OP_NOT;
	case E_BIN:
		return e->op < OP_CONCAT;
	case E_CALL:
	case E_NAME:
		if (e->kind == E_CALL)
			e = e->a;
		if (e->kind != E_NAME || e->name.local)
			return false;
		if (!strcmp(e->str->s, "len"))
			return true;
		bi = names_builtin(e->str->s);
		return bi && (bi->flags & KTAP_BI_VALUE) && !(bi->flags & KTAP_BI_EVENT) &&
		       strcmp(bi->name, "execname") && strcmp(bi->name, "arch") &&
		       strcmp(bi->name, "kernel_v") && strcmp(bi->name, "in_interrupt") &&
		       strcmp(bi->name, "in_iowait") && strcmp(bi->name, "stack") &&
		       strcmp(bi->name, "ustack");
	default:
		return false;
	}
}

static void walk_target(struct scope *sc, struct expr *e, bool numeric, bool compound, bool add)
{
	switch (e->kind) {
	case E_NAME:
		bind(sc, e);
		if (compound && add) {
			note_change(sc, shared_of(sc, e));
			if (e->name.sym) {
				e->name.sym->assigned = true;
				e->name.sym->made_other = true;
			}
		} else {
			if (compound)
				note_read(sc, e);
			note_assign(sc, e);
		}
		break;
	case E_INDEX:
		walk_elem_base(sc, e->a, numeric, false);
		walk_list(sc, e->list);
		break;
	case E_FIELD:
		walk_elem_base(sc, e->a, numeric, false);
		break;
	}
}

/* Does this make an aggregation? */
static bool makes_agg(const struct expr *e, bool *stats)
{
	return e && e->kind == E_CALL && e->a->kind == E_NAME && !e->a->name.local &&
	       names_makes_agg(e->a->str->s, e->n, stats);
}

static void walk_assign(struct scope *sc, struct expr *e, const struct expr *v)
{
	struct sym *s;
	bool stats, other;

	if (e->kind != E_NAME || !makes_agg(v, &stats)) {
		walk_target(sc, e, v && (is_numeric(v) || v->kind == E_NIL), false, false);
		return;
	}
	bind(sc, e);
	s = e->name.sym;
	other = s && s->made_other;
	note_assign(sc, e);
	if (s) {
		s->made_agg = true;
		s->made_stats |= stats;
		s->made_other = other;
	}
}

static void walk_call(struct scope *sc, struct expr *e)
{
	struct expr *fn = e->a, *arg = e->list;

	if (e->kind == E_CALL && fn->kind == E_NAME) {
		if (fn->in_pred && names_builtin(fn->str->s))
			fn->builtin = true;
		fn->in_pred = false;
		if (!fn->builtin)
			walk_expr(sc, fn);
		if (fn->name.sym)
			fn->name.sym->called = true;
		if (fn->name.sym && !strcmp(fn->str->s, "delete") && e->n == 1 &&
		    (arg->kind == E_INDEX || arg->kind == E_FIELD)) {
			walk_elem_base(sc, arg->a, true, true);
			if (arg->kind == E_INDEX)
				walk_list(sc, arg->list);
			return;
		}
		/* t[k] += n, which makes a table of t and reads it not */
		if (fn->name.sym && (!strcmp(fn->str->s, "inplace_inc") ||
				     !strcmp(fn->str->s, "table_count")) && e->n >= 2) {
			walk_elem_base(sc, arg, true, false);
			arg = arg->next;
		}
	} else {
		walk_expr(sc, fn);
	}
	walk_list(sc, arg);
}

static void walk_expr(struct scope *sc, struct expr *e)
{
	struct expr *v;

	switch (e->kind) {
	case E_NAME:
		bind(sc, e);
		note_read(sc, e);
		break;
	case E_FIELD:
		/* e.x and args.x are the event's, also in a predicate */
		if (e->a->kind == E_NAME && (!strcmp(e->a->str->s, "e") ||
					     !strcmp(e->a->str->s, "args") ||
					     !strcmp(e->a->str->s, "entry") ||
					     names_is_space(e->a->str->s)))
			e->a->in_pred = false;
		walk_expr(sc, e->a);
		break;
	case E_INDEX:
		walk_expr(sc, e->a);
		walk_list(sc, e->list);
		break;
	case E_CALL:
	case E_METHOD:
		walk_call(sc, e);
		break;
	case E_FUNC:
		walk_func(sc, e->func);
		break;
	case E_TABLE:
		for (v = e->list; v; v = v->next) {
			if (v->key)
				walk_expr(sc, v->key);
			walk_expr(sc, v);
		}
		break;
	case E_TUPLE:
	case E_CONCAT:
		walk_list(sc, e->list);
		break;
	case E_PAREN:
	case E_UN:
		walk_expr(sc, e->a);
		break;
	case E_BIN:
	case E_AND:
	case E_OR:
		walk_expr(sc, e->a);
		walk_expr(sc, e->b);
		break;
	case E_COND:
		walk_expr(sc, e->a);
		walk_expr(sc, e->b);
		walk_expr(sc, e->c);
		break;
	}
}

static void walk_func(struct scope *sc, struct func *f)
{
	struct scope saved = *sc;
	struct param *p;

	f->parent = sc->fn;
	if (f->handler) {
		sc->handler = f;
		sc->handler_seq = sc->seq;
	}
	sc->fn = f;
	sc->level = 1;
	sc->cont_seq = NULL;
	sc->until_seq = 0;
	/* a parameter does not hide a field from the predicate */
	if (f->pred)
		walk_expr(sc, f->pred);
	for (p = f->params; p; p = p->next)
		declare(sc, p->local);
	walk_block(sc, &f->body);
	sc->n = saved.n;
	sc->fn = saved.fn;
	sc->handler = saved.handler;
	sc->handler_seq = saved.handler_seq;
	sc->level = saved.level;
	sc->cont_seq = saved.cont_seq;
	sc->until_seq = saved.until_seq;
}

/* A block in a scope of its own */
static void walk_inner(struct scope *sc, struct block *b)
{
	size_t n = sc->n;

	sc->level++;
	walk_block(sc, b);
	sc->level--;
	sc->n = n;
}

static void walk_loop(struct scope *sc, struct block *b)
{
	unsigned int seq = 0, *saved = sc->cont_seq;

	sc->cont_seq = &seq;
	walk_inner(sc, b);
	sc->cont_seq = saved;
}

static void walk_repeat(struct scope *sc, struct stmt *s)
{
	unsigned int seq = 0, *saved = sc->cont_seq, until_seq = sc->until_seq;
	size_t base = sc->n, until_base = sc->until_base;

	sc->cont_seq = &seq;
	sc->level++;
	walk_block(sc, &s->body);
	sc->cont_seq = saved;
	/* the condition sees the locals of the body */
	sc->until_base = base;
	sc->until_seq = seq;
	walk_expr(sc, s->cond);
	sc->until_base = until_base;
	sc->until_seq = until_seq;
	sc->level--;
	sc->n = base;
}

static void walk_local(struct scope *sc, struct stmt *s)
{
	struct expr *e = s->list;
	struct param *p;
	size_t where;

	walk_list(sc, s->list);
	if (s->maybe_global && find_local(sc, s->locals->local->name, &where)) {
		/* for (i = 0; ...) with an i in sight assigns it */
		s->kind = S_ASSIGN;
		s->targets = arena_alloc(&sc->p->arena, sizeof(*s->targets));
		s->targets->kind = E_NAME;
		s->targets->pos = s->pos;
		s->targets->start = s->pos;
		s->targets->str = s->locals->local->name;
		walk_target(sc, s->targets, false, false, false);
		return;
	}
	for (p = s->locals; p; p = p->next) {
		p->local->is_int = e && e->kind == E_INT;
		if (s->maybe_global)
			p->local->alias = find_sym(sc, p->local->name);
		if (e)
			e = e->next;
		declare(sc, p->local);
	}
}

static void walk_function_stmt(struct scope *sc, struct stmt *s)
{
	struct local *l;

	if (s->targets->kind == E_NAME && sc->level) {
		/* inside a block a function is local */
		s->kind = S_LOCALFUNC;
		s->locals = arena_alloc(&sc->p->arena, sizeof(*s->locals));
		l = arena_alloc(&sc->p->arena, sizeof(*l));
		l->name = s->targets->str;
		l->pos = s->targets->pos;
		l->reg = -1;
		s->locals->local = l;
		declare(sc, l);
		walk_func(sc, s->func);
		return;
	}
	if (s->targets->kind == E_NAME) {
		bind(sc, s->targets);
		note_assign(sc, s->targets);
	} else {
		walk_target(sc, s->targets, false, false, false);
	}
	walk_func(sc, s->func);
}

static void walk_stmt(struct scope *sc, struct stmt *s)
{
	struct clause *c;
	struct expr *e, *v;
	struct stmt *i;
	size_t n = sc->n;

	switch (s->kind) {
	case S_LOCAL:
		walk_local(sc, s);
		break;
	case S_ASSIGN:
		walk_list(sc, s->list);
		v = s->list;
		for (e = s->targets; e; e = e->next) {
			walk_assign(sc, e, v);
			v = v ? v->next : NULL;
		}
		break;
	case S_AGG:
		walk_expr(sc, s->list);
		walk_agg(sc, s->targets);
		break;
	case S_COMPOUND:
		walk_expr(sc, s->list);
		walk_target(sc, s->targets, s->op < OP_CONCAT, true,
			    s->op == OP_ADD || s->op == OP_SUB);
		break;
	case S_CALL:
	case S_RETURN:
		walk_list(sc, s->list);
		break;
	case S_DO:
		walk_inner(sc, &s->body);
		break;
	case S_IF:
		for (c = s->clauses; c; c = c->next) {
			if (c->cond)
				walk_expr(sc, c->cond);
			walk_inner(sc, &c->body);
		}
		break;
	case S_WHILE:
		walk_expr(sc, s->cond);
		walk_loop(sc, &s->body);
		break;
	case S_DOWHILE:
		walk_loop(sc, &s->body);
		walk_expr(sc, s->cond);
		break;
	case S_REPEAT:
		walk_repeat(sc, s);
		break;
	case S_FORNUM:
		walk_list(sc, s->list);
		declare(sc, s->locals->local);
		s->locals->local->is_int = true;
		walk_loop(sc, &s->body);
		sc->n = n;
		break;
	case S_FORC:
		sc->level++;
		for (i = s->init; i; i = i->next)
			walk_stmt(sc, i);
		if (s->cond)
			walk_expr(sc, s->cond);
		walk_loop(sc, &s->body);
		for (i = s->step; i; i = i->next)
			walk_stmt(sc, i);
		sc->level--;
		sc->n = n;
		break;
	case S_FORIN: {
		struct param *p;

		walk_list(sc, s->list);
		for (p = s->locals; p; p = p->next)
			declare(sc, p->local);
		walk_loop(sc, &s->body);
		sc->n = n;
		break;
	}
	case S_FUNC:
		walk_function_stmt(sc, s);
		break;
	case S_LOCALFUNC:
		declare(sc, s->locals->local);
		walk_func(sc, s->func);
		break;
	case S_CONTINUE:
		if (sc->cont_seq && !*sc->cont_seq)
			*sc->cont_seq = sc->seq;
		break;
	case S_TRACE:
		if (sc->handler)
			diag_error(sc->p->diag, s->pos, TRACE_IN_HANDLER);
		walk_list(sc, s->list);
		walk_expr(sc, s->targets);
		break;
	case S_HOOK:
		walk_expr(sc, s->targets);
		break;
	}
}

static void walk_block(struct scope *sc, struct block *b)
{
	struct stmt *s;

	for (s = b->first; s; s = s->next)
		walk_stmt(sc, s);
}

static bool is_argn(const char *s, unsigned int *n)
{
	unsigned int v = 0;

	if (strncmp(s, "arg", 3) || !s[3] || (s[3] == '0' && s[4]))
		return false;
	for (s += 3; *s; s++) {
		if (!lex_is_digit(*s))
			return false;
		v = v * 10 + (*s - '0');
		if (v > 255)
			return false;
	}
	*n = v;
	return true;
}

static void classify(struct sym *s)
{
	const char *name = s->name->s;

	s->bi = names_builtin(name);
	if (strlen(name) != s->name->len || !strncmp(name, "event.", 6))
		s->bi = NULL;
	if (!strcmp(name, "arg") && !s->elem && !s->assigned) {
		if (s->read || s->pred_read) {
			s->class = SYM_GLOBAL;
			s->kind = KTAP_GLOBAL_ARGS;
		}
	} else if (s->assigned) {
		s->class = SYM_GLOBAL;
		s->kind = strcmp(name, "arg") ? KTAP_GLOBAL_NIL : KTAP_GLOBAL_ARGS;
	} else if (!strcmp(name, "arg")) {
		s->class = SYM_GLOBAL;
		s->kind = KTAP_GLOBAL_ARGS;
	} else if (!strcmp(name, "e")) {
		s->class = SYM_EVENT;
	} else if (!strcmp(name, "args")) {
		s->class = SYM_ARGS;
	} else if (names_is_space(name)) {
		s->class = SYM_SPACE;
	} else if (s->agg || s->agg_elem) {
		s->class = SYM_GLOBAL;
		s->kind = KTAP_GLOBAL_STATS;
	} else if (s->elem) {
		s->class = SYM_GLOBAL;
		s->kind = KTAP_GLOBAL_TABLE;
	} else if (!strcmp(name, "entry")) {
		s->class = SYM_ENTRY;
	} else if (s->bi) {
		s->class = SYM_BUILTIN;
	} else if (is_argn(name, &s->argn)) {
		s->class = SYM_ARGN;
	} else if (names_is_member(name)) {
		s->class = SYM_MEMBER;
	} else if (names_is_special(name)) {
		s->class = SYM_SPECIAL;
	} else {
		s->class = SYM_UNKNOWN;
	}
}

static void report_unknown(struct program *p, struct sym *s)
{
	const char *name = s->name->s, *best = s->near;
	unsigned int dist = best ? s->near_dist : names_max_dist(name) + 1;
	bool shown = !diag_is_full(p->diag);
	struct sym *o;

	for (o = p->syms; o && shown; o = o->next)
		if (o->class == SYM_GLOBAL)
			names_near(name, o->name->s, &best, &dist);
	if (shown)
		names_near_library(name, &best, &dist);
	if (s->called && best)
		diag_error(p->diag, s->read_pos, FUNC_NEAR, name, best);
	else if (s->called)
		diag_error(p->diag, s->read_pos, FUNC_UNKNOWN, name);
	else if (best)
		diag_error(p->diag, s->read_pos, NAME_NEAR, name, best);
	else
		diag_error(p->diag, s->read_pos, NAME_UNKNOWN, name);
}

bool scope_auto_print(const struct sym *s)
{
	if (s->class != SYM_GLOBAL || s->read || s->pred_read)
		return false;
	return s->kind == KTAP_GLOBAL_TABLE || s->kind == KTAP_GLOBAL_STATS ||
	       (s->made_agg && !s->made_other);
}

void scope_program(struct program *p)
{
	struct scope sc = { .p = p, .fn = p->main, .seq = 1 };	/* 0: none */
	const struct local *l;
	struct sym *s;

	walk_block(&sc, &p->main->body);
	for (s = p->syms; s; s = s->next)
		classify(s);
	for (s = p->syms; s; s = s->next) {
		if (s->class == SYM_UNKNOWN && (s->read || s->deleted) && !s->excused)
			report_unknown(p, s);
		if (s->class == SYM_GLOBAL && s->kind == KTAP_GLOBAL_STATS && s->elem)
			diag_error(p->diag, s->read_pos, AGG_AND_TABLE, s->name->s);
		if (scope_auto_print(s))
			p->auto_print = true;
		if (s->class == SYM_GLOBAL && s->assigned)
			warn_shared(p, &s->shared, s->name);
	}
	for (l = sc.shared_locals; l; l = l->next_shared)
		warn_shared(p, &l->shared, l->name);
}
