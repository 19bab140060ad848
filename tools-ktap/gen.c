// SPDX-License-Identifier: GPL-2.0
/*
 * gen: instructions for functions and statements.
 */
#include <string.h>

#include "gen.h"
#include "opt.h"

static void gen_block(struct fs *fs, struct block *b);

/*
 * Blocks, labels
 */

static void enter_block(struct fs *fs, struct gen_block *b)
{
	*b = (struct gen_block){
		.outer = fs->blk,
		.nact = fs->nact,
		.first_label = fs->nlabels,
		.first_goto = fs->ngotos,
	};
	fs->blk = b;
}

static void leave_block(struct fs *fs, struct gen_block *b)
{
	size_t i;

	fs->blk = b->outer;
	fs->nact = b->nact;
	fs->free = b->nact;
	fs->nlabels = b->first_label;
	/* what waits for a label waits in the block around from now on */
	for (i = b->first_goto; i < fs->ngotos; i++)
		if (fs->gotos[i].nact > b->nact)
			fs->gotos[i].nact = b->nact;
}

static void gen_goto(struct fs *fs, struct stmt *s)
{
	struct gen_goto *g;
	size_t i;

	for (i = fs->nlabels; i-- > 0;) {
		if (fs->labels[i].name == s->label) {
			gen_jump_back(fs, KTAP_OP_JMP, 0, fs->labels[i].pc);
			return;
		}
	}
	fs->gotos = arena_grow(&fs->p->arena, fs->gotos, fs->ngotos, &fs->gotos_cap,
			       sizeof(*fs->gotos));
	g = &fs->gotos[fs->ngotos++];
	g->name = s->label;
	g->pos = s->pos;
	g->at = gen_jump(fs, KTAP_OP_JMP, 0);
	g->nact = fs->nact;
}

static void gen_label(struct fs *fs, struct stmt *s)
{
	const struct stmt *n;
	struct gen_label *l;
	size_t i, k;
	int nact = fs->nact;

	if (fs->nlabels == GEN_MAX_LABELS) {
		diag_error(fs->p->diag, s->pos, LABELS_MANY, GEN_MAX_LABELS);
		return;
	}
	for (i = 0; i < fs->nlabels; i++) {
		if (fs->labels[i].name == s->label) {
			diag_error(fs->p->diag, s->pos, LABEL_TWICE, s->label->s);
			return;
		}
	}
	/*
	 * At the end of a block nothing sees its locals any more; where more
	 * labels follow than there may be, it does not matter what does.
	 */
	for (n = s->next, i = 0; n && n->kind == S_LABEL && i < GEN_MAX_LABELS; n = n->next)
		i++;
	if (!n && !fs->blk->until)
		nact = fs->blk->nact;
	fs->labels = arena_grow(&fs->p->arena, fs->labels, fs->nlabels, &fs->labels_cap,
				sizeof(*fs->labels));
	l = &fs->labels[fs->nlabels++];
	l->name = s->label;
	l->pc = fs->n;
	l->nact = nact;
	for (i = k = fs->blk->first_goto; i < fs->ngotos; i++) {
		struct gen_goto *g = &fs->gotos[i];

		if (g->name != s->label) {
			fs->gotos[k++] = *g;
			continue;
		}
		if (g->nact < nact)
			diag_error(fs->p->diag, g->pos, GOTO_LOCAL, s->label->s);
		gen_patch(fs, g->at, fs->n);
	}
	fs->ngotos = k;
}

/*
 * Variables
 */

/* The topmost value becomes a local variable */
static void activate(struct fs *fs, struct local *l, int reg)
{
	l->reg = reg;
	if (reg >= fs->nact)
		fs->nact = reg + 1;
	if (l->captured && !(l->alias && l->alias->assigned))
		gen_abc(fs, KTAP_OP_CELL, reg, 0, 0);
}

static bool is_global_alias(const struct local *l)
{
	return l->alias && l->alias->class == SYM_GLOBAL && l->alias->assigned;
}

static void bad_target(struct fs *fs, const struct expr *e)
{
	diag_error(fs->p->diag, e->start, ASSIGN_NAME, e->str->s);
}

static void store_var(struct fs *fs, const struct expr *e, int r)
{
	struct var v = gen_var(fs, e);

	fs->line = e->pos.line;
	switch (v.kind) {
	case VAR_REG:
		if (v.index != r)
			gen_abc(fs, KTAP_OP_MOVE, v.index, r, 0);
		break;
	case VAR_CELL:
		gen_abc(fs, KTAP_OP_SETC, v.index, r, 0);
		break;
	case VAR_UPVAL:
		gen_abc(fs, KTAP_OP_SETU, r, v.index, 0);
		break;
	case VAR_GLOBAL:
		gen_wide(fs, KTAP_OP_SETG, r, v.index);
		break;
	case VAR_OTHER:
		bad_target(fs, e);
		break;
	}
}

static void check_table_name(struct fs *fs, const struct expr *t)
{
	const struct expr *a = t->a;

	/* an event's fields are what they are */
	if (a->kind == E_NAME && !a->name.local && a->name.sym &&
	    (a->name.sym->class == SYM_EVENT || a->name.sym->class == SYM_ARGS ||
	     a->name.sym->class == SYM_SPACE))
		bad_target(fs, a);
	else if (a->kind == E_NAME && !a->name.local && a->name.sym &&
		 a->name.sym->class == SYM_BUILTIN)
		bad_target(fs, a);
}

static void gen_assign_one(struct fs *fs, struct expr *t, struct expr *v)
{
	struct var var;
	int obj, key, r;

	if (t->kind != E_NAME) {
		check_table_name(fs, t);
		obj = gen_any(fs, t->a);
		key = gen_key_of(fs, t);
		r = gen_any(fs, v);
		fs->line = t->pos.line;
		gen_abc(fs, KTAP_OP_SETT, obj, key, r);
		return;
	}
	var = gen_var(fs, t);
	if (var.kind == VAR_REG)
		gen_to(fs, v, var.index);
	else
		store_var(fs, t, gen_any(fs, v));
}

/* The value in a register that nothing else writes meanwhile */
static int gen_copy(struct fs *fs, struct expr *e)
{
	return gen_next(fs, e);
}

static void gen_assign(struct fs *fs, struct stmt *s)
{
	int objs[KTAP_MAX_REGS], n = 0, i, base;
	struct expr *t, *targets[KTAP_MAX_REGS];

	if (!s->targets->next && !s->list->next) {
		gen_assign_one(fs, s->targets, s->list);
		return;
	}
	/* tables and keys first, then all values, then the assignments, last first */
	for (t = s->targets; t; t = t->next) {
		if (n == KTAP_MAX_REGS) {
			diag_error(fs->p->diag, t->start, TARGETS_MANY);
			return;
		}
		targets[n] = t;
		objs[n] = 0;
		if (t->kind != E_NAME) {
			int key;

			check_table_name(fs, t);
			objs[n] = gen_copy(fs, t->a);
			key = gen_alloc(fs, 1);
			i = gen_key_of(fs, t);
			gen_abc(fs, KTAP_OP_MOVE, key, i, 0);
			fs->free = key + 1;
		}
		n++;
	}
	base = gen_list_to(fs, s->list, n);
	for (i = n; i-- > 0;) {
		t = targets[i];
		fs->line = t->pos.line;
		if (t->kind == E_NAME)
			store_var(fs, t, base + i);
		else
			gen_abc(fs, KTAP_OP_SETT, objs[i], objs[i] + 1, base + i);
	}
}

/* Is it certainly a number, so that it needs no look for nil? */
static bool never_nil(struct fs *fs, const struct expr *e)
{
	while (e->kind == E_PAREN)
		e = e->a;
	if (e->kind == E_INT)
		return true;
	return e->kind == E_NAME && e->name.local && e->name.local->is_int &&
	       gen_var(fs, e).kind != VAR_GLOBAL;
}

/* if (R[r] == nil) R[r] = 0; other values that are no numbers fail later */
static void nil_to_zero(struct fs *fs, int r)
{
	int t = gen_alloc(fs, 1);
	unsigned int is_true, differs;

	is_true = gen_jump(fs, KTAP_OP_JT, r);
	gen_abc(fs, KTAP_OP_NIL, t, 1, 0);
	gen_abc(fs, KTAP_OP_EQ, t, r, t);
	differs = gen_jump(fs, KTAP_OP_JF, t);
	gen_wide(fs, KTAP_OP_LOADI, r, 0);
	gen_patch(fs, differs, fs->n);
	gen_patch(fs, is_true, fs->n);
	fs->free = t;
}

/* x += e and x -= e of a register; nil counts as 0 on both sides */
static void gen_add_local(struct fs *fs, struct stmt *s, int x)
{
	struct expr *e = s->list;
	bool x_int = s->targets->name.local->is_int;
	int r;

	if (gen_is_imm(e)) {
		if (!x_int)
			nil_to_zero(fs, x);
		gen_abc(fs, KTAP_OP_ADDI, x, x, s->op == OP_ADD ? e->i : -e->i);
		return;
	}
	if (never_nil(fs, e)) {
		r = gen_any(fs, e);
	} else {
		r = gen_next(fs, e);
		nil_to_zero(fs, r);
	}
	if (!x_int)
		nil_to_zero(fs, x);
	fs->line = s->pos.line;
	gen_bin(fs, s->op, x, x, r);
}

static int gen_negated(struct fs *fs, struct stmt *s)
{
	struct expr *e = s->list;
	int r, t;

	if (s->op == OP_ADD)
		return gen_any(fs, e);
	if (e->kind == E_INT) {
		r = gen_alloc(fs, 1);
		gen_load_int(fs, r, 0 - (__u64)e->i);
		return r;
	}
	r = gen_any(fs, e);
	t = r >= fs->nact ? r : gen_alloc(fs, 1);
	fs->line = s->pos.line;
	gen_abc(fs, KTAP_OP_NEG, t, r, 0);
	return t;
}

/* x = x op e, with x read once */
static void gen_op_to(struct fs *fs, struct stmt *s, int r, int x)
{
	int e, base;

	if (s->op == OP_CONCAT) {
		base = gen_alloc(fs, 2);
		gen_abc(fs, KTAP_OP_MOVE, base, x, 0);
		gen_to(fs, s->list, base + 1);
		fs->line = s->pos.line;
		gen_abc(fs, KTAP_OP_CONCAT, r, base, 2);
		return;
	}
	e = gen_any(fs, s->list);
	fs->line = s->pos.line;
	gen_bin(fs, s->op, r, x, e);
}

static void gen_compound(struct fs *fs, struct stmt *s)
{
	bool add = s->op == OP_ADD || s->op == OP_SUB;
	struct expr *t = s->targets;
	int obj, key, r;
	struct var v;

	if (t->kind != E_NAME) {
		check_table_name(fs, t);
		obj = gen_any(fs, t->a);
		key = gen_key_of(fs, t);
		if (add && gen_is_imm(s->list)) {
			fs->line = s->pos.line;
			gen_abc(fs, KTAP_OP_ADDTI, obj, key,
				s->op == OP_ADD ? s->list->i : -s->list->i);
			return;
		}
		if (add) {
			r = gen_negated(fs, s);
			fs->line = s->pos.line;
			gen_abc(fs, KTAP_OP_ADDT, obj, key, r);
			return;
		}
		r = gen_alloc(fs, 1);
		fs->line = s->pos.line;
		gen_abc(fs, KTAP_OP_GETT, r, obj, key);
		gen_op_to(fs, s, r, r);
		gen_abc(fs, KTAP_OP_SETT, obj, key, r);
		return;
	}
	v = gen_var(fs, t);
	if (v.kind == VAR_OTHER) {
		bad_target(fs, t);
		return;
	}
	if (v.kind == VAR_REG) {
		if (add)
			gen_add_local(fs, s, v.index);
		else
			gen_op_to(fs, s, v.index, v.index);
		return;
	}
	if (add) {
		r = gen_negated(fs, s);
		fs->line = s->pos.line;
		if (v.kind == VAR_CELL)
			gen_abc(fs, KTAP_OP_ADDC, v.index, r, 0);
		else if (v.kind == VAR_UPVAL)
			gen_abc(fs, KTAP_OP_ADDU, r, v.index, 0);
		else
			gen_wide(fs, KTAP_OP_ADDG, r, v.index);
		return;
	}
	r = gen_next(fs, t);
	gen_op_to(fs, s, r, r);
	store_var(fs, t, r);
}

/* a <<< v and a[k] <<< v */
static void gen_agg(struct fs *fs, struct stmt *s)
{
	struct expr *t = s->targets;
	int obj, key, r;

	if (t->kind == E_NAME) {
		if (gen_var(fs, t).kind == VAR_OTHER) {
			bad_target(fs, t);
			return;
		}
		obj = gen_any(fs, t);
		r = gen_any(fs, s->list);
		fs->line = s->pos.line;
		gen_abc(fs, KTAP_OP_AGG, obj, r, 0);
		return;
	}
	check_table_name(fs, t);
	obj = gen_any(fs, t->a);
	key = gen_key_of(fs, t);
	r = gen_any(fs, s->list);
	fs->line = s->pos.line;
	gen_abc(fs, KTAP_OP_AGGT, obj, key, r);
}

static void gen_local(struct fs *fs, struct stmt *s)
{
	struct param *p;
	int base, n = 0;

	if (is_global_alias(s->locals->local)) {
		/* for (i = 0; ...) of a global */
		struct local *l = s->locals->local;
		struct expr t = { .kind = E_NAME, .pos = l->pos, .start = l->pos,
				  .str = l->name };

		t.name.sym = l->alias;
		gen_assign_one(fs, &t, s->list);
		return;
	}
	for (p = s->locals; p; p = p->next)
		n++;
	base = gen_list_to(fs, s->list, n);
	for (p = s->locals; p; p = p->next)
		activate(fs, p->local, base++);
	fs->free = fs->nact;
}

/*
 * Control
 */

static void gen_scoped(struct fs *fs, struct block *b)
{
	struct src_pos pos = fs->pos;
	struct gen_block blk;

	enter_block(fs, &blk);
	gen_block(fs, b);
	leave_block(fs, &blk);
	fs->pos = pos;
}

/* The body of a loop; continue goes to what follows it */
static void gen_loop_body(struct fs *fs, struct block *b, struct jlist *breaks)
{
	struct jlist continues = {};
	struct src_pos pos = fs->pos;
	struct gen_block blk;

	enter_block(fs, &blk);
	blk.breaks = breaks;
	blk.continues = &continues;
	gen_block(fs, b);
	leave_block(fs, &blk);
	fs->pos = pos;
	gen_patch_list(fs, &continues, fs->n);
}

static void gen_break(struct fs *fs, struct stmt *s)
{
	struct gen_block *b;
	bool brk = s->kind == S_BREAK;

	for (b = fs->blk; b && !b->breaks; b = b->outer)
		;
	if (!b) {
		diag_error(fs->p->diag, s->pos, BREAK_OUTSIDE, brk ? "break" : "continue");
		return;
	}
	gen_add_jump(fs, brk ? b->breaks : b->continues, gen_jump(fs, KTAP_OP_JMP, 0));
}

static void gen_if(struct fs *fs, struct stmt *s)
{
	struct jlist end = {}, no = {};
	struct clause *c;

	for (c = s->clauses; c; c = c->next) {
		if (c->cond)
			gen_cond(fs, c->cond, false, &no);
		gen_scoped(fs, &c->body);
		if (c->next)
			gen_add_jump(fs, &end, gen_jump(fs, KTAP_OP_JMP, 0));
		gen_patch_list(fs, &no, fs->n);
	}
	gen_patch_list(fs, &end, fs->n);
}

/* cond at the bottom: one jump for each round. cond NULL: for ever */
static void gen_while(struct fs *fs, struct expr *cond, struct stmt *step, struct block *body)
{
	struct jlist breaks = {}, again = {};
	unsigned int to_cond = gen_jump(fs, KTAP_OP_JMP, 0), top = fs->n;

	gen_loop_body(fs, body, &breaks);
	if (step) {
		struct block b = { .first = step };

		gen_scoped(fs, &b);
	}
	gen_patch(fs, to_cond, fs->n);
	if (cond) {
		fs->line = cond->start.line;
		gen_cond(fs, cond, true, &again);
	} else {
		gen_jump_back(fs, KTAP_OP_JMP, 0, top);
	}
	gen_patch_list(fs, &again, top);
	gen_patch_list(fs, &breaks, fs->n);
}

static void gen_do_while(struct fs *fs, struct stmt *s)
{
	struct jlist breaks = {}, again = {};
	unsigned int top = fs->n;

	gen_loop_body(fs, &s->body, &breaks);
	gen_cond(fs, s->cond, true, &again);
	gen_patch_list(fs, &again, top);
	gen_patch_list(fs, &breaks, fs->n);
}

static void gen_repeat(struct fs *fs, struct stmt *s)
{
	struct jlist breaks = {}, continues = {}, again = {};
	unsigned int top = fs->n;
	struct gen_block blk;

	enter_block(fs, &blk);
	blk.breaks = &breaks;
	blk.continues = &continues;
	blk.until = true;
	gen_block(fs, &s->body);
	gen_patch_list(fs, &continues, fs->n);
	gen_cond(fs, s->cond, false, &again);
	leave_block(fs, &blk);
	gen_patch_list(fs, &again, top);
	gen_patch_list(fs, &breaks, fs->n);
}

static void gen_for_num(struct fs *fs, struct stmt *s)
{
	struct jlist breaks = {};
	struct gen_block blk;
	unsigned int prep, top;
	struct expr *e;
	int base;

	enter_block(fs, &blk);
	base = fs->free;
	for (e = s->list; e; e = e->next)
		gen_next(fs, e);
	if (!s->list->next->next)
		gen_load_int(fs, gen_alloc(fs, 1), 1);
	gen_alloc(fs, 1);
	fs->nact = base + 4;
	fs->line = s->pos.line;
	prep = gen_jump(fs, KTAP_OP_FORPREP, base);
	top = fs->n;
	activate(fs, s->locals->local, base + 3);
	gen_loop_body(fs, &s->body, &breaks);
	fs->line = s->pos.line;
	gen_jump_back(fs, KTAP_OP_FORLOOP, base, top);
	gen_patch(fs, prep, fs->n);
	leave_block(fs, &blk);
	gen_patch_list(fs, &breaks, fs->n);
}

static void gen_for_c(struct fs *fs, struct stmt *s)
{
	struct gen_block blk;
	struct stmt *i;
	struct block init = { .first = s->init };

	enter_block(fs, &blk);
	for (i = s->init; i; i = i->next)
		;
	gen_block(fs, &init);
	gen_while(fs, s->cond, s->step, &s->body);
	leave_block(fs, &blk);
}

static void gen_for_in(struct fs *fs, struct stmt *s)
{
	struct jlist breaks = {};
	struct gen_block blk;
	unsigned int next, i, n = 0;
	struct param *p;
	int base, r;

	for (p = s->locals; p; p = p->next)
		n++;
	enter_block(fs, &blk);
	base = gen_alloc(fs, 4);
	gen_to(fs, s->list, base);
	fs->nact = base + 4;
	fs->line = s->list->start.line;
	gen_abc(fs, KTAP_OP_PAIRS, base, 0, 0);
	next = gen_jump(fs, KTAP_OP_NEXT, base);
	/* a key that is not compound is its own first part */
	if (n > 2)
		gen_abc(fs, KTAP_OP_TUPLE, base + 2, base + 2, 1);
	i = 0;
	for (p = s->locals; p; p = p->next, i++) {
		if (n <= 2) {
			activate(fs, p->local, base + 2 + i);
		} else if (i == n - 1) {
			activate(fs, p->local, base + 3);
		} else {
			/* part i + 1 of a compound key */
			r = gen_alloc(fs, 1);
			gen_load_int(fs, r, i + 1);
			gen_abc(fs, KTAP_OP_GETT, r, base + 2, r);
			activate(fs, p->local, r);
		}
	}
	gen_loop_body(fs, &s->body, &breaks);
	fs->line = s->pos.line;
	gen_jump_back(fs, KTAP_OP_JMP, 0, next);
	gen_patch(fs, next, fs->n);
	leave_block(fs, &blk);
	gen_patch_list(fs, &breaks, fs->n);
}

static void gen_return(struct fs *fs, struct stmt *s)
{
	struct expr *e = s->list;
	int base, n;

	if (e && !e->next && (e->kind == E_METHOD ||
			      (e->kind == E_CALL && gen_is_multi(fs, e)))) {
		gen_tail_call(fs, e);
		return;
	}
	if (e && !e->next && e->kind != E_VARARG) {
		base = gen_any(fs, e);
		n = 1;
	} else {
		base = fs->free;
		n = gen_list(fs, e);
	}
	fs->line = s->pos.line;
	gen_abc(fs, KTAP_OP_RET, n ? base : 0, n + 1, 0);
}

static void gen_function_stmt(struct fs *fs, struct stmt *s)
{
	struct expr fn = { .kind = E_FUNC, .pos = s->pos, .start = s->pos };

	fn.func = s->func;
	gen_assign_one(fs, s->targets, &fn);
}

static void gen_local_func(struct fs *fs, struct stmt *s)
{
	struct local *l = s->locals->local;
	int r = gen_alloc(fs, 1), t;

	if (!l->captured) {
		gen_wide(fs, KTAP_OP_CLOSURE, r, gen_func(fs, s->func));
		activate(fs, l, r);
		return;
	}
	/* the function sees itself: its variable is there before it is made */
	gen_abc(fs, KTAP_OP_NIL, r, 1, 0);
	activate(fs, l, r);
	t = gen_alloc(fs, 1);
	gen_wide(fs, KTAP_OP_CLOSURE, t, gen_func(fs, s->func));
	gen_abc(fs, KTAP_OP_SETC, r, t, 0);
}

static void gen_trace(struct fs *fs, struct stmt *s)
{
	int h = -1, base, k = gen_builtin(fs, "kdebug.trace");
	struct expr *e;

	/* several events have one handler */
	if (s->list->next)
		h = gen_any(fs, s->targets);
	for (e = s->list; e; e = e->next) {
		base = gen_alloc(fs, 2);
		gen_to(fs, e, base);
		if (h < 0)
			gen_to(fs, s->targets, base + 1);
		else
			gen_abc(fs, KTAP_OP_MOVE, base + 1, h, 0);
		fs->line = s->pos.line;
		gen_abc(fs, KTAP_OP_BCALL, base, k, 3);
		fs->free = base;
	}
}

static void gen_hook(struct fs *fs, struct expr *handler, const char *name, struct src_pos pos)
{
	int base = gen_next(fs, handler);

	fs->line = pos.line;
	gen_abc(fs, KTAP_OP_BCALL, base, gen_builtin(fs, name), 2);
}

/*
 * An aggregation: as print_hist() if it keeps one number or a histogram. If all
 * the script adds has a key, and nothing came, there is nothing to show.
 */
static void gen_print_agg(struct fs *fs, struct stmt *s, const struct sym *sym)
{
	bool stats = sym->kind == KTAP_GLOBAL_STATS || sym->made_stats;
	const char *name = stats ? "print" : "print_hist";
	int base = gen_alloc(fs, 3);
	unsigned int end = 0;

	gen_to(fs, s->targets, base);
	/* a name that no statement has set yet is nil */
	gen_abc(fs, KTAP_OP_NIL, base + 1, 1, 0);
	gen_abc(fs, KTAP_OP_NE, base + 1, base, base + 1);
	end = gen_jump(fs, KTAP_OP_JF, base + 1);
	if (sym->agg_elem && !sym->agg) {
		gen_abc(fs, KTAP_OP_MOVE, base + 1, base, 0);
		gen_abc(fs, KTAP_OP_BCALL, base + 1, gen_builtin(fs, "len"), 2);
		gen_load_int(fs, base + 2, 0);
		gen_abc(fs, KTAP_OP_EQ, base + 1, base + 1, base + 2);
		gen_abc(fs, KTAP_OP_NOT, base + 1, base + 1, 0);
		gen_patch(fs, end, fs->n);
		end = gen_jump(fs, KTAP_OP_JF, base + 1);
	}
	gen_abc(fs, KTAP_OP_BCALL, base, gen_builtin(fs, name), 2);
	gen_patch(fs, end, fs->n);
}

/* The table as print_hist() if all its values are numbers, else as print() */
static void gen_print(struct fs *fs, struct stmt *s)
{
	int base = gen_alloc(fs, 6), val = base + 3, is_num = base + 4, t = base + 5;
	int hist = gen_builtin(fs, "print_hist");
	unsigned int next, print, end;

	gen_to(fs, s->targets, base);
	if (!s->targets->name.sym->elem_other) {
		gen_abc(fs, KTAP_OP_BCALL, base, hist, 2);
		return;
	}
	/* for (k, v in pairs(s)) if ((is_num = tonumber(v) == v)) continue, else break */
	gen_abc(fs, KTAP_OP_BOOL, is_num, 0, 0);
	gen_abc(fs, KTAP_OP_PAIRS, base, 0, 0);
	next = gen_jump(fs, KTAP_OP_NEXT, base);
	gen_abc(fs, KTAP_OP_MOVE, t, val, 0);
	gen_abc(fs, KTAP_OP_BCALL, t, gen_builtin(fs, "tonumber"), 2);
	gen_abc(fs, KTAP_OP_EQ, is_num, t, val);
	gen_jump_back(fs, KTAP_OP_JT, is_num, next);
	gen_patch(fs, next, fs->n);
	gen_to(fs, s->targets, t);
	print = gen_jump(fs, KTAP_OP_JF, is_num);
	gen_abc(fs, KTAP_OP_BCALL, t, hist, 2);
	end = gen_jump(fs, KTAP_OP_JMP, 0);
	gen_patch(fs, print, fs->n);
	gen_abc(fs, KTAP_OP_BCALL, t, gen_builtin(fs, "print"), 2);
	gen_patch(fs, end, fs->n);
}

static void gen_stmt(struct fs *fs, struct stmt *s)
{
	fs->line = s->line;
	fs->pos = s->pos;
	switch (s->kind) {
	case S_LOCAL:
		gen_local(fs, s);
		break;
	case S_ASSIGN:
		gen_assign(fs, s);
		break;
	case S_COMPOUND:
		gen_compound(fs, s);
		break;
	case S_AGG:
		gen_agg(fs, s);
		break;
	case S_CALL:
		gen_call(fs, s->list, -1, 0);
		break;
	case S_DO:
		gen_scoped(fs, &s->body);
		break;
	case S_IF:
		gen_if(fs, s);
		break;
	case S_WHILE:
		gen_while(fs, s->cond, NULL, &s->body);
		break;
	case S_DOWHILE:
		gen_do_while(fs, s);
		break;
	case S_REPEAT:
		gen_repeat(fs, s);
		break;
	case S_FORNUM:
		gen_for_num(fs, s);
		break;
	case S_FORC:
		gen_for_c(fs, s);
		break;
	case S_FORIN:
		gen_for_in(fs, s);
		break;
	case S_FUNC:
		gen_function_stmt(fs, s);
		break;
	case S_LOCALFUNC:
		gen_local_func(fs, s);
		break;
	case S_RETURN:
		gen_return(fs, s);
		break;
	case S_BREAK:
	case S_CONTINUE:
		gen_break(fs, s);
		break;
	case S_GOTO:
		gen_goto(fs, s);
		break;
	case S_LABEL:
		gen_label(fs, s);
		break;
	case S_TRACE:
		gen_trace(fs, s);
		break;
	case S_HOOK:
		gen_hook(fs, s->targets, s->op ? "kdebug.trace_end" : "kdebug.trace_begin",
			 s->pos);
		break;
	case S_PRINT:
		if (s->targets->name.sym->kind == KTAP_GLOBAL_TABLE)
			gen_print(fs, s);
		else
			gen_print_agg(fs, s, s->targets->name.sym);
		break;
	}
	fs->free = fs->nact;
}

static void gen_block(struct fs *fs, struct block *b)
{
	struct stmt *s;

	for (s = b->first; s; s = s->next) {
		if (s->kind == S_RETURN && s->next && s->next->kind != S_LABEL)
			diag_error(fs->p->diag, s->next->pos, AFTER_RETURN);
		gen_stmt(fs, s);
	}
}

/*
 * Functions
 */

/* function () { print(s) ... } for the tables that the script never prints */
static struct func *auto_print(struct fs *fs)
{
	struct func *f = arena_alloc(&fs->p->arena, sizeof(*f));
	struct stmt *s, **tail = &f->body.first;
	struct sym *sym;

	f->parent = fs->f;
	f->pos = fs->f->body.end;
	f->body.end = f->pos;
	for (sym = fs->p->syms; sym; sym = sym->next) {
		if (!scope_auto_print(sym))
			continue;
		s = arena_alloc(&fs->p->arena, sizeof(*s));
		s->kind = S_PRINT;
		s->line = f->pos.line;
		s->pos = f->pos;
		s->targets = arena_alloc(&fs->p->arena, sizeof(*s->targets));
		s->targets->kind = E_NAME;
		s->targets->pos = f->pos;
		s->targets->start = f->pos;
		s->targets->str = sym->name;
		s->targets->name.sym = sym;
		*tail = s;
		tail = &s->next;
	}
	return f;
}

/* First of all: the main chunk may end early, by exit() or an error */
static void gen_auto_print(struct fs *fs)
{
	struct expr fn = { .kind = E_FUNC, .pos = fs->f->body.end, .start = fs->f->body.end };

	if (!fs->p->auto_print)
		return;
	fn.func = auto_print(fs);
	gen_hook(fs, &fn, "kdebug.trace_last", fn.pos);
	fs->free = fs->nact;
}

/* A library function that the script assigns somewhere is there until it does */
static void gen_library_globals(struct fs *fs)
{
	struct sym *s;
	int r;

	for (s = fs->p->syms; s; s = s->next) {
		/* one that it never calls is a variable: sum = (sum or 0) + n */
		if (s->class != SYM_GLOBAL || !s->assigned || !s->called || !s->bi ||
		    (s->bi->flags & KTAP_BI_VALUE))
			continue;
		r = gen_alloc(fs, 1);
		gen_wide(fs, KTAP_OP_BUILTIN, r, gen_builtin(fs, s->bi->name));
		gen_wide(fs, KTAP_OP_SETG, r, gen_sym(fs, s));
		fs->free = fs->nact;
	}
}

/* if (!predicate) return */
static void gen_pred(struct fs *fs, struct expr *pred)
{
	struct jlist ok = {};

	gen_cond(fs, pred, true, &ok);
	gen_abc(fs, KTAP_OP_RET, 0, 1, 0);
	gen_patch_list(fs, &ok, fs->n);
	fs->free = fs->nact;
}

int gen_func(struct fs *outer, struct func *f)
{
	struct fs fs = {
		.p = outer->p,
		.ib = outer->ib,
		.outer = outer->f ? outer : NULL,
		.f = f,
		.line = f->pos.line,
		.pos = f->pos,
	};
	struct image_func out = {};
	struct gen_block blk;
	struct param *p;
	size_t i;
	int index;

	index = image_reserve_func(fs.ib);
	if (index < 0) {
		diag_error(fs.p->diag, f->pos, FUNCS_MANY, KTAP_MAX_FUNCS);
		return 0;
	}
	enter_block(&fs, &blk);
	gen_alloc(&fs, f->nparams);
	fs.nact = f->nparams;
	if (f->pred)
		gen_pred(&fs, f->pred);
	i = 0;
	for (p = f->params; p; p = p->next)
		activate(&fs, p->local, i++);
	if (!outer->f) {
		gen_auto_print(&fs);
		gen_library_globals(&fs);
	}
	gen_block(&fs, &f->body);
	for (i = 0; i < fs.ngotos; i++)
		diag_error(fs.p->diag, fs.gotos[i].pos, LABEL_NONE, fs.gotos[i].name->s);
	fs.line = f->body.end.line;
	fs.free = fs.nact;
	gen_abc(&fs, KTAP_OP_RET, 0, 1, 0);
	/* after errors there may be jumps that nobody gave a target */
	if (!fs.p->diag->nerrors)
		fs.n = opt_code(&fs.p->arena, fs.code, fs.lines, fs.n);

	out.upvals = arena_alloc(&fs.p->arena, (fs.nupvals + 1) * sizeof(*out.upvals));
	for (i = 0; i < fs.nupvals; i++) {
		out.upvals[i].from_reg = fs.upvals[i].from_reg;
		out.upvals[i].index = fs.upvals[i].index;
	}
	if (f->name) {
		out.name = f->name->s;
		out.name_len = f->name->len > KTAP_MAX_STR ? KTAP_MAX_STR : f->name->len;
	}
	out.line = f->pos.line;
	out.code = fs.code;
	out.lines = fs.lines;
	out.ncode = fs.n;
	out.nupvals = fs.nupvals;
	out.nparams = f->nparams;
	out.nregs = fs.nregs ? fs.nregs : 1;
	out.flags = f->vararg ? KTAP_FUNC_VARARG : 0;
	image_set_func(fs.ib, index, &out);
	return index;
}

struct ktap_image *gen_program(struct program *p)
{
	struct image_builder *ib = image_new(p->diag->name);
	struct fs none = { .p = p, .ib = ib };
	const struct src_pos first = { 1, 1 };
	struct ktap_image *img = NULL;

	gen_func(&none, p->main);
	if (!p->diag->nerrors) {
		img = image_finish(ib);
		if (!img)
			diag_error(p->diag, first, IMAGE_LARGE, KTAP_MAX_IMAGE >> 20);
	}
	image_free(ib);
	return img;
}
