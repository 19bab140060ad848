// SPDX-License-Identifier: GPL-2.0
/*
 * gen_call: calls, of functions, of the library, and of what the compiler turns
 * into instructions itself.
 */
#include <string.h>

#include "gen.h"

int gen_builtin(struct fs *fs, const char *name)
{
	_Static_assert(KTAP_BI_NR <= KTAP_MAX_BUILTINS, "an image has room for all of them");

	return image_builtin(fs->ib, name);
}

/* The name of a library function, or NULL: print, kdebug.trace */
static const char *library_name(const struct expr *fn, char buf[64])
{
	const struct sym *s;

	if (fn->kind == E_NAME) {
		if (fn->builtin)
			return fn->str->s;
		s = fn->name.sym;
		if (fn->name.local || !s)
			return NULL;
		return s->class == SYM_BUILTIN || s->class == SYM_SPECIAL ? s->name->s : NULL;
	}
	if (fn->kind != E_FIELD || fn->a->kind != E_NAME || fn->a->name.local || !fn->a->name.sym)
		return NULL;
	s = fn->a->name.sym;
	if (s->class == SYM_SPACE) {
		snprintf(buf, 64, "%.20s.%.40s", s->name->s, fn->str->s);
		return buf;
	}
	/* e.tostring() of the current event needs no look-up at run time */
	if (s->class == SYM_EVENT && !strcmp(fn->str->s, "tostring"))
		return "event.tostring";
	if (s->class == SYM_EVENT && !strcmp(fn->str->s, "field"))
		return "event.field";
	if (s->class == SYM_EVENT && !strcmp(fn->str->s, "set_retval"))
		return "event.set_retval";
	return NULL;
}

/* Is it of the library, whose functions give one value? */
bool gen_is_library(const struct expr *fn)
{
	char buf[64];

	return library_name(fn, buf);
}

const struct builtin *gen_callee(const struct expr *fn)
{
	char buf[64];
	const char *name = library_name(fn, buf);

	return name ? names_builtin(name) : NULL;
}

static void check_args(struct fs *fs, const struct expr *e, const struct builtin *bi,
		       bool multi)
{
	const char *name = bi->name;
	char want[64];

	if ((e->n > bi->max && bi->max != KTAP_BI_ANY) || (e->n < bi->min && !multi)) {
		if (bi->max == KTAP_BI_ANY)
			snprintf(want, sizeof(want), "at least %u", bi->min);
		else if (bi->max == bi->min)
			snprintf(want, sizeof(want), "%u", bi->min);
		else
			snprintf(want, sizeof(want), "%u to %u", bi->min, bi->max);
		diag_error(fs->p->diag, e->start, ARGS_NUMBER, name, want,
			   !strcmp(want, "1") || !strcmp(want, "at least 1") ? "" : "s", e->n);
	}
}

static int fix_base(struct fs *fs, int r)
{
	/* the result may be made in place if it is the topmost temporary */
	if (r >= fs->nact && r == fs->free - 1)
		return r;
	return gen_alloc(fs, 1);
}

/* builtin(list), the result in r; r < 0: nowhere. Returns its register */
static int call_builtin(struct fs *fs, const struct expr *e, const char *name, int r)
{
	int mark = fs->free, index = gen_builtin(fs, name), base, n = 0;
	struct expr *x = e->list;

	if (!x) {
		base = r >= 0 ? r : gen_alloc(fs, 1);
		fs->line = e->pos.line;
		gen_abc(fs, KTAP_OP_BCALL, base, index, 1);
		fs->free = r >= 0 ? mark : base + 1;
		return base;
	}
	base = fix_base(fs, r);
	if (!x->next && gen_is_multi(fs, x)) {
		fs->free = base;
		n = gen_list(fs, x);
	} else {
		gen_to(fs, x, base);
		n = x->next ? gen_list(fs, x->next) : 0;
		if (n >= 0)
			n++;
	}
	fs->line = e->pos.line;
	gen_abc(fs, KTAP_OP_BCALL, base, index, n + 1);
	if (r >= 0 && base != r)
		gen_abc(fs, KTAP_OP_MOVE, r, base, 0);
	fs->free = r >= 0 ? mark : base + 1;
	return r >= 0 ? r : base;
}

static int nothing(struct fs *fs, int r, int nres)
{
	if (r < 0 && nres)
		r = gen_alloc(fs, 1);
	if (r >= 0)
		gen_abc(fs, KTAP_OP_NIL, r, 1, 0);
	return r;
}

/* delete(t[k]) */
static int call_delete(struct fs *fs, struct expr *e, int r, int nres)
{
	int mark = fs->free, obj, key;
	struct expr *t = e->list;

	obj = gen_any(fs, t->a);
	key = gen_key_of(fs, t);
	fs->line = e->pos.line;
	gen_abc(fs, KTAP_OP_DELT, obj, key, 0);
	fs->free = mark;
	return nothing(fs, r, nres);
}

/* inplace_inc(t, k), table_count(t, k [, n]): t[k] += n */
static int call_inc(struct fs *fs, struct expr *e, const char *name, int r, int nres)
{
	unsigned int max = !strcmp(name, "table_count") ? 3 : 2;
	int mark = fs->free, obj, key, n;

	if (e->n < 2 || e->n > max) {
		diag_error(fs->p->diag, e->start, ARGS_INC, name);
		return nothing(fs, r, nres);
	}
	obj = gen_any(fs, e->list);
	key = gen_any(fs, e->list->next);
	n = e->n == 3 ? gen_any(fs, e->list->next->next) : 1;
	fs->line = e->pos.line;
	gen_abc(fs, e->n == 3 ? KTAP_OP_ADDT : KTAP_OP_ADDTI, obj, key, n);
	fs->free = mark;
	return nothing(fs, r, nres);
}

/* kdebug.trace(before .. text .. after, f), for the older ways to say that */
static int call_trace(struct fs *fs, struct expr *e, const char *name, const char *before,
		      const char *after, int r, int nres)
{
	int mark = fs->free, base = gen_alloc(fs, 2), t, n = 2;

	if (e->n != 2) {
		diag_error(fs->p->diag, e->start, ARGS_TWO, name, e->n);
		return nothing(fs, r, nres);
	}
	t = gen_alloc(fs, 1);
	gen_wide(fs, KTAP_OP_LOADK, t, image_str(fs->ib, before, strlen(before)));
	gen_next(fs, e->list);
	if (*after) {
		gen_wide(fs, KTAP_OP_LOADK, gen_alloc(fs, 1),
			 image_str(fs->ib, after, strlen(after)));
		n = 3;
	}
	gen_abc(fs, KTAP_OP_CONCAT, base, t, n);
	fs->free = t;
	gen_to(fs, e->list->next, base + 1);
	fs->line = e->pos.line;
	gen_abc(fs, KTAP_OP_BCALL, base, gen_builtin(fs, "kdebug.trace"), 3);
	fs->free = mark;
	return nothing(fs, r, nres);
}

/* kdebug.probe_end(f [, nowait]): the second argument says nothing any more */
static int call_probe_end(struct fs *fs, struct expr *e, int r, int nres)
{
	int mark = fs->free, base = gen_next(fs, e->list);

	gen_next(fs, e->list->next);
	fs->line = e->pos.line;
	gen_abc(fs, KTAP_OP_BCALL, base, gen_builtin(fs, "kdebug.trace_end"), 2);
	fs->free = mark;
	return nothing(fs, r, nres);
}

static const struct {
	const char *name;
	unsigned int max;		/* arguments: skip, depth */
	bool print;
} stack_calls[] = {
	{ "backtrace",		2,	false },
	{ "print_backtrace",	2,	true },
	{ "kdebug.dumpstack",	0,	true },
};

/*
 * The older ways to say stack([depth]) and print(stack([depth])). What they would
 * skip were frames of the tracer, which are in no stack any more.
 */
static int call_stack(struct fs *fs, struct expr *e, unsigned int i, int r, int nres)
{
	int mark = fs->free, base;

	if (e->n > stack_calls[i].max) {
		diag_error(fs->p->diag, e->start, ARGS_NUMBER, stack_calls[i].name,
			   stack_calls[i].max ? "0 to 2" : "0", "s", e->n);
		return nothing(fs, r, nres);
	}
	if (e->n) {
		/* it is evaluated, as any argument */
		gen_next(fs, e->list);
		fs->free = mark;
	}
	base = gen_alloc(fs, 1);
	if (e->n == 2)
		gen_to(fs, e->list->next, base);
	fs->line = e->pos.line;
	gen_abc(fs, KTAP_OP_BCALL, base, gen_builtin(fs, "stack"), e->n == 2 ? 2 : 1);
	if (stack_calls[i].print) {
		gen_abc(fs, KTAP_OP_BCALL, base, gen_builtin(fs, "print"), 2);
		fs->free = mark;
		return nothing(fs, r, nres);
	}
	if (r < 0)
		return base;
	gen_abc(fs, KTAP_OP_MOVE, r, base, 0);
	fs->free = mark;
	return r;
}

static void report_missing(struct fs *fs, const struct expr *e, const char *name)
{
	const char *best = NULL;
	unsigned int dist = names_max_dist(name) + 1;

	names_near_library(name, &best, &dist);
	if (best)
		diag_error(fs->p->diag, e->start, FUNC_NEAR, name, best);
	else
		diag_error(fs->p->diag, e->start, FUNC_UNKNOWN, name);
}

static bool is_option_name(const struct kstr *s)
{
	__u32 i;

	for (i = 0; i < s->len; i++)
		if (!lex_is_name(s->s[i]) && s->s[i] != '-')
			return false;
	return s->len && s->len <= 40 && lex_is_name_start(s->s[0]);
}

static void add_option(struct fs *fs, const struct kstr *name, unsigned int line)
{
	struct option_def *o = arena_alloc(&fs->p->arena, sizeof(*o));

	o->name = name;
	o->line = line;
	o->next = fs->p->options;
	fs->p->options = o;
}

/*
 * option(name, default, help): three constants right before the call, which is
 * how script_opts.c finds them in an image.
 */
static void check_option(struct fs *fs, struct expr *e)
{
	struct expr *name = e->list, *def, *help;
	const struct option_def *o;

	if (fs->outer)
		diag_error(fs->p->diag, e->start, OPTION_MAIN);
	if (e->n != 3)		/* check_args() says so */
		return;
	def = name->next;
	help = def->next;
	if (name->kind != E_STR || help->kind != E_STR ||
	    (def->kind != E_NIL && def->kind != E_BOOL && def->kind != E_INT &&
	     def->kind != E_STR)) {
		diag_error(fs->p->diag, e->start, OPTION_LITERAL);
		return;
	}
	if (!is_option_name(name->str))
		diag_error(fs->p->diag, name->start, OPTION_NAME, name->str->s);
	for (o = fs->p->options; o; o = o->next)
		if (o->name == name->str)
			diag_error(fs->p->diag, name->start, OPTION_TWICE, name->str->s, o->line);
	add_option(fs, name->str, name->start.line);
}

static const struct {
	const char *name;
	const char *before;
	const char *after;
} trace_calls[] = {
	{ "timer.tick",		"tick-",	"" },
	{ "timer.profile",	"profile-",	"" },
	{ "timer.s",		"tick-",	"s" },
	{ "timer.sec",		"tick-",	"s" },
	{ "timer.ms",		"tick-",	"ms" },
	{ "timer.msec",		"tick-",	"ms" },
	{ "timer.us",		"tick-",	"us" },
	{ "timer.usec",		"tick-",	"us" },
	{ "timer.ns",		"tick-",	"ns" },
	{ "timer.nsec",		"tick-",	"ns" },
	{ "kdebug.kprobe",	"probe:",	"" },
	{ "kdebug.tracepoint",	"tp:",		"" },
	{ "kdebug.trace_by_id",	"tp:#",		"" },
	{ "kdebug.probe_by_id",	"tp:#",		"" },
};

/* Of the library: its result is one value. Returns -2 if it is not */
static int call_library(struct fs *fs, struct expr *e, int r, int nres)
{
	const struct builtin *bi;
	const char *name;
	char buf[64];
	size_t i;

	name = library_name(e->a, buf);
	if (!name)
		return -2;
	if (!strcmp(name, "delete") && e->n == 1 &&
	    (e->list->kind == E_INDEX || e->list->kind == E_FIELD))
		return call_delete(fs, e, r, nres);
	if (!strcmp(name, "inplace_inc") || !strcmp(name, "table_count"))
		return call_inc(fs, e, name, r, nres);
	if (!strcmp(name, "kdebug.probe_end") && e->n == 2)
		return call_probe_end(fs, e, r, nres);
	for (i = 0; i < ARRAY_SIZE(trace_calls); i++)
		if (!strcmp(name, trace_calls[i].name))
			return call_trace(fs, e, name, trace_calls[i].before,
					  trace_calls[i].after, r, nres);
	for (i = 0; i < ARRAY_SIZE(stack_calls); i++)
		if (!strcmp(name, stack_calls[i].name))
			return call_stack(fs, e, i, r, nres);
	bi = names_builtin(name);
	if (!bi) {
		if (!strcmp(name, "pairs"))
			diag_error(fs->p->diag, e->start, PAIRS_ALONE);
		else
			report_missing(fs, e, name);
		return nothing(fs, r, nres);
	}
	if (!strcmp(bi->name, "option"))
		check_option(fs, e);
	check_args(fs, e, bi, e->list && gen_is_multi(fs, e->list));
	return call_builtin(fs, e, bi->name, nres ? r : -1);
}

/* Function and arguments from fs->free on; B of CALL and TAIL */
static int push_call(struct fs *fs, struct expr *e, int base)
{
	int n;

	if (e->kind == E_METHOD) {
		int self = gen_alloc(fs, 1);

		gen_to(fs, e->a, self);
		fs->line = e->pos.line;
		gen_getk(fs, base, self, e->str, e->pos);
		n = gen_list(fs, e->list);
		return n < 0 ? 0 : n + 2;
	}
	gen_to(fs, e->a, base);
	n = gen_list(fs, e->list);
	return n < 0 ? 0 : n + 1;
}

int gen_call(struct fs *fs, struct expr *e, int r, int nres)
{
	int mark = fs->free, base, nargs;

	if (e->kind == E_CALL) {
		base = call_library(fs, e, r, nres);
		if (base != -2) {
			/* it gives one value, the rest is nil */
			if (nres > 1)
				gen_abc(fs, KTAP_OP_NIL, base + 1, nres - 1, 0);
			if (nres == 0)
				fs->free = mark;
			return base;
		}
	}
	base = nres == 1 && r >= 0 ? fix_base(fs, r) : gen_alloc(fs, 1);
	nargs = push_call(fs, e, base);
	fs->line = e->pos.line;
	gen_abc(fs, KTAP_OP_CALL, base, nargs, nres + 1);
	fs->free = base;
	if (nres > 0)
		gen_alloc(fs, nres);
	if (nres == 1 && r >= 0) {
		if (base != r)
			gen_abc(fs, KTAP_OP_MOVE, r, base, 0);
		base = r;
		fs->free = mark;
	} else if (nres <= 0) {
		fs->free = mark;
	}
	return base;
}

void gen_tail_call(struct fs *fs, struct expr *e)
{
	int mark = fs->free, base = gen_alloc(fs, 1), nargs;

	nargs = push_call(fs, e, base);
	fs->line = e->pos.line;
	gen_abc(fs, KTAP_OP_TAIL, base, nargs, 0);
	fs->free = mark;
}
