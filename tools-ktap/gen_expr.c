// SPDX-License-Identifier: GPL-2.0
/*
 * gen_expr: instructions for expressions.
 */
#include <string.h>

#include "gen.h"

static const unsigned char bin_opcode[] = {
	[OP_ADD] = KTAP_OP_ADD, [OP_SUB] = KTAP_OP_SUB, [OP_MUL] = KTAP_OP_MUL,
	[OP_DIV] = KTAP_OP_DIV, [OP_MOD] = KTAP_OP_MOD, [OP_BAND] = KTAP_OP_BAND,
	[OP_BOR] = KTAP_OP_BOR, [OP_BXOR] = KTAP_OP_BXOR, [OP_SHL] = KTAP_OP_SHL,
	[OP_SHR] = KTAP_OP_SHR, [OP_USHR] = KTAP_OP_USHR, [OP_EQ] = KTAP_OP_EQ,
	[OP_NE] = KTAP_OP_NE, [OP_LT] = KTAP_OP_LT, [OP_LE] = KTAP_OP_LE,
	[OP_GT] = KTAP_OP_LT, [OP_GE] = KTAP_OP_LE, [OP_MATCH] = KTAP_OP_MATCH,
	[OP_IN] = KTAP_OP_IN,
};

unsigned int gen_emit(struct fs *fs, unsigned int insn)
{
	struct arena *a = &fs->p->arena;

	fs->code = arena_grow(a, fs->code, fs->n, &fs->cap, sizeof(*fs->code));
	fs->lines = arena_grow(a, fs->lines, fs->n, &fs->lines_cap, sizeof(*fs->lines));
	fs->code[fs->n] = insn;
	fs->lines[fs->n] = fs->line;
	return fs->n++;
}

unsigned int gen_abc(struct fs *fs, int op, int a, int b, int c)
{
	return gen_emit(fs, KTAP_INSN(op, a, b, c));
}

unsigned int gen_wide(struct fs *fs, int op, int a, int bx)
{
	return gen_emit(fs, KTAP_INSN_WIDE(op, a, bx));
}

/* A jump to a place that gen_patch() tells later */
unsigned int gen_jump(struct fs *fs, int op, int a)
{
	return gen_wide(fs, op, a, 0);
}

void gen_patch(struct fs *fs, unsigned int at, unsigned int target)
{
	int op = KTAP_INSN_OP(fs->code[at]), a = KTAP_INSN_A(fs->code[at]);
	long n = (long)target - at - 1;

	if (op == KTAP_OP_JMP) {
		if (n < -(1L << 23) || n >= (1L << 23))
			diag_error(fs->p->diag, fs->pos, FUNC_LONG);
		fs->code[at] = KTAP_INSN_JUMP(op, n);
	} else {
		if (n < INT16_MIN || n > INT16_MAX)
			diag_error(fs->p->diag, fs->pos, JUMP_LONG);
		fs->code[at] = KTAP_INSN_WIDE(op, a, n);
	}
}

void gen_jump_back(struct fs *fs, int op, int a, unsigned int target)
{
	gen_patch(fs, gen_jump(fs, op, a), target);
}

void gen_add_jump(struct fs *fs, struct jlist *l, unsigned int at)
{
	l->at = arena_grow(&fs->p->arena, l->at, l->n, &l->cap, sizeof(*l->at));
	l->at[l->n++] = at;
}

void gen_patch_list(struct fs *fs, struct jlist *l, unsigned int target)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		gen_patch(fs, l->at[i], target);
	l->n = 0;
}

int gen_alloc(struct fs *fs, int n)
{
	int r = fs->free;

	if (r + n > KTAP_MAX_REGS) {
		if (!fs->full)
			diag_error(fs->p->diag, fs->pos, REGS_MANY, KTAP_MAX_REGS);
		fs->full = true;
		return fs->nact < KTAP_MAX_REGS - 8 ? fs->nact : 0;
	}
	fs->free += n;
	if (fs->free > fs->nregs)
		fs->nregs = fs->free;
	return r;
}

static bool is_temp(const struct fs *fs, int r)
{
	return r >= fs->nact;
}

/*
 * Constants
 */

static int const_index(struct fs *fs, int index, struct src_pos pos)
{
	if (index >= 0)
		return index;
	diag_error(fs->p->diag, pos, CONSTS_MANY, KTAP_MAX_CONSTS);
	return 0;
}

int gen_const_str(struct fs *fs, const struct kstr *s, struct src_pos pos)
{
	if (s->len > KTAP_MAX_STR) {
		diag_error(fs->p->diag, pos, STRING_LONG, KTAP_MAX_STR);
		return 0;
	}
	return const_index(fs, image_str(fs->ib, s->s, s->len), pos);
}

void gen_load_int(struct fs *fs, int r, __s64 v)
{
	if (v >= INT16_MIN && v <= INT16_MAX)
		gen_wide(fs, KTAP_OP_LOADI, r, v);
	else
		gen_wide(fs, KTAP_OP_LOADK, r, const_index(fs, image_int(fs->ib, v), fs->pos));
}

/*
 * Variables
 */

static int find_upval(struct fs *fs, struct local *l)
{
	struct upval up = { .local = l };
	size_t i;

	for (i = 0; i < fs->nupvals; i++)
		if (fs->upvals[i].local == l)
			return i;
	if (fs->nupvals == KTAP_MAX_UPVALS) {
		diag_error(fs->p->diag, fs->pos, UPVALS_MANY, KTAP_MAX_UPVALS);
		return 0;
	}
	if (l->func == fs->outer->f) {
		up.from_reg = 1;
		up.index = l->reg;
	} else {
		up.index = find_upval(fs->outer, l);
	}
	fs->upvals = arena_grow(&fs->p->arena, fs->upvals, fs->nupvals, &fs->upvals_cap,
				sizeof(*fs->upvals));
	fs->upvals[fs->nupvals] = up;
	return fs->nupvals++;
}

static struct var global(struct fs *fs, struct sym *s)
{
	if (s->index < 0 && s->name->len > KTAP_MAX_STR) {
		diag_error(fs->p->diag, fs->pos, NAME_LONG, KTAP_MAX_STR);
		s->index = 0;
	}
	if (s->index < 0) {
		s->index = image_global(fs->ib, s->name->s, s->name->len, s->kind);
		if (s->index < 0) {
			diag_error(fs->p->diag, fs->pos, GLOBALS_MANY, KTAP_MAX_GLOBALS);
			s->index = 0;
		}
	}
	return (struct var){ VAR_GLOBAL, s->index };
}

int gen_sym(struct fs *fs, struct sym *s)
{
	return global(fs, s).index;
}

struct var gen_var(struct fs *fs, const struct expr *e)
{
	struct local *l = e->builtin ? NULL : e->name.local;
	struct sym *s = e->builtin ? NULL : e->name.sym;

	if (l && l->alias && l->alias->class == SYM_GLOBAL && l->alias->assigned)
		return global(fs, l->alias);
	if (l && l->func != fs->f)
		return (struct var){ VAR_UPVAL, find_upval(fs, l) };
	if (l)
		return (struct var){ l->captured ? VAR_CELL : VAR_REG, l->reg };
	if (s && s->class == SYM_GLOBAL)
		return global(fs, s);
	return (struct var){ VAR_OTHER, 0 };
}

/* A name that is no variable of the script */
static void gen_library_name(struct fs *fs, const struct expr *e, int r)
{
	const struct sym *s = e->name.sym;
	const struct builtin *bi = e->builtin ? names_builtin(e->str->s) : s->bi;
	int class = e->builtin ? SYM_BUILTIN : s->class, index;

	switch (class) {
	case SYM_BUILTIN:
		index = gen_builtin(fs, bi->name);
		if (bi->flags & KTAP_BI_VALUE)
			gen_abc(fs, KTAP_OP_BCALL, r, index, 1);
		else
			gen_wide(fs, KTAP_OP_BUILTIN, r, index);
		break;
	case SYM_EVENT:
	case SYM_ARGS:
		gen_abc(fs, KTAP_OP_EVENT, r, 0, 0);
		break;
	case SYM_ARGN:
		gen_abc(fs, KTAP_OP_ARG, r, s->argn, 0);
		break;
	case SYM_MEMBER:
		gen_abc(fs, KTAP_OP_EVENT, r, 0, 0);
		gen_getk(fs, r, r, e->str, e->pos);
		break;
	case SYM_SPACE:
	case SYM_SPECIAL:
	case SYM_ENTRY:
		if (class == SYM_ENTRY)
			diag_error(fs->p->diag, e->pos, ENTRY_VALUE);
		else if (class == SYM_SPACE)
			diag_error(fs->p->diag, e->pos, SPACE_VALUE, e->str->s, e->str->s);
		else
			diag_error(fs->p->diag, e->pos, SPECIAL_VALUE, e->str->s);
		gen_abc(fs, KTAP_OP_NIL, r, 1, 0);
		break;
	default:
		if (e->in_pred)
			gen_wide(fs, KTAP_OP_FIELD, r, gen_const_str(fs, e->str, e->pos));
		else	/* reported by scope_program() */
			gen_abc(fs, KTAP_OP_NIL, r, 1, 0);
	}
}

static void gen_var_to(struct fs *fs, const struct expr *e, int r)
{
	struct var v = gen_var(fs, e);

	switch (v.kind) {
	case VAR_REG:
		if (v.index != r)
			gen_abc(fs, KTAP_OP_MOVE, r, v.index, 0);
		break;
	case VAR_CELL:
		gen_abc(fs, KTAP_OP_GETC, r, v.index, 0);
		break;
	case VAR_UPVAL:
		gen_abc(fs, KTAP_OP_GETU, r, v.index, 0);
		break;
	case VAR_GLOBAL:
		gen_wide(fs, KTAP_OP_GETG, r, v.index);
		break;
	case VAR_OTHER:
		gen_library_name(fs, e, r);
		break;
	}
}

static bool is_plain_field(const struct fs *fs, const struct expr *e)
{
	(void)fs;
	return !e->name.local && (e->name.sym->class == SYM_UNKNOWN ||
				  e->name.sym->class == SYM_ENTRY);
}

static void gen_name_to(struct fs *fs, struct expr *e, int r)
{
	unsigned int no, end;
	int k;

	fs->line = e->pos.line;
	if (!e->in_pred || is_plain_field(fs, e)) {
		gen_var_to(fs, e, r);
		return;
	}
	/* in a predicate: the event's field if it has one, else what it is elsewhere */
	k = gen_const_str(fs, e->str, e->pos);
	gen_wide(fs, KTAP_OP_HASF, r, k);
	no = gen_jump(fs, KTAP_OP_JF, r);
	gen_wide(fs, KTAP_OP_FIELD, r, k);
	end = gen_jump(fs, KTAP_OP_JMP, 0);
	gen_patch(fs, no, fs->n);
	gen_var_to(fs, e, r);
	gen_patch(fs, end, fs->n);
}

/*
 * Values
 */

/* The register of a local that can be read in place, or -1 */
static int in_place(struct fs *fs, const struct expr *e)
{
	struct var v;

	while (e->kind == E_PAREN)
		e = e->a;
	if (e->kind != E_NAME || e->in_pred)
		return -1;
	v = gen_var(fs, e);
	return v.kind == VAR_REG ? v.index : -1;
}

int gen_next(struct fs *fs, struct expr *e)
{
	int r = gen_alloc(fs, 1);

	gen_to(fs, e, r);
	return r;
}

/* The value in some register: its own if it is a local */
int gen_any(struct fs *fs, struct expr *e)
{
	int r = in_place(fs, e);

	return r >= 0 ? r : gen_next(fs, e);
}

/* The same, but rather in @hint than in a new register */
static int gen_operand(struct fs *fs, struct expr *e, int hint)
{
	int r = in_place(fs, e);

	if (r >= 0)
		return r;
	if (!is_temp(fs, hint))
		return gen_next(fs, e);
	gen_to(fs, e, hint);
	return hint;
}

void gen_getk(struct fs *fs, int r, int obj, const struct kstr *name, struct src_pos pos)
{
	int k = gen_const_str(fs, name, pos), t;

	if (k < 256) {
		gen_abc(fs, KTAP_OP_GETK, r, obj, k);
		return;
	}
	t = gen_alloc(fs, 1);
	gen_wide(fs, KTAP_OP_LOADK, t, k);
	gen_abc(fs, KTAP_OP_GETT, r, obj, t);
	fs->free = t;
}

/* The key of t[keys] in some register */
int gen_key(struct fs *fs, struct expr *keys, unsigned int n)
{
	int base;

	if (n == 1)
		return gen_any(fs, keys);
	base = fs->free;
	for (; keys; keys = keys->next)
		gen_next(fs, keys);
	gen_abc(fs, KTAP_OP_TUPLE, base, base, n);
	fs->free = base + 1;
	return base;
}

int gen_key_of(struct fs *fs, struct expr *t)
{
	int r;

	if (t->kind == E_INDEX)
		return gen_key(fs, t->list, t->n);
	r = gen_alloc(fs, 1);
	gen_wide(fs, KTAP_OP_LOADK, r, gen_const_str(fs, t->str, t->pos));
	return r;
}

static bool is_args(const struct expr *e)
{
	return e->kind == E_NAME && !e->in_pred && !e->builtin && !e->name.local &&
	       e->name.sym && e->name.sym->class == SYM_ARGS;
}

static void gen_index(struct fs *fs, struct expr *e, int r)
{
	int mark = fs->free, obj, key;

	if (is_args(e->a) && e->n == 1 && e->list->kind == E_STR) {
		fs->line = e->pos.line;
		gen_wide(fs, KTAP_OP_FIELD, r, gen_const_str(fs, e->list->str, e->list->pos));
		return;
	}
	obj = gen_operand(fs, e->a, r);
	if (e->n == 1 && e->list->kind == E_STR) {
		fs->line = e->pos.line;
		gen_getk(fs, r, obj, e->list->str, e->list->pos);
	} else {
		key = gen_key(fs, e->list, e->n);
		fs->line = e->pos.line;
		gen_abc(fs, KTAP_OP_GETT, r, obj, key);
	}
	fs->free = mark;
}

/* entry.NAME is a call: the kernel looks whether anybody makes it */
static void gen_entry(struct fs *fs, struct expr *e, int r)
{
	int mark = fs->free, base = r == fs->free - 1 && r >= fs->nact ? r : gen_alloc(fs, 1);

	fs->line = e->pos.line;
	gen_wide(fs, KTAP_OP_LOADK, base, gen_const_str(fs, e->str, e->pos));
	gen_abc(fs, KTAP_OP_BCALL, base, gen_builtin(fs, "event.entry"), 2);
	if (base != r)
		gen_abc(fs, KTAP_OP_MOVE, r, base, 0);
	fs->free = mark;
}

static bool is_entry(const struct expr *e)
{
	return e->kind == E_NAME && !e->name.local && e->name.sym &&
	       e->name.sym->class == SYM_ENTRY;
}

static void gen_field(struct fs *fs, struct expr *e, int r)
{
	int mark = fs->free, obj;
	const struct builtin *bi;

	if (is_entry(e->a)) {
		gen_entry(fs, e, r);
		return;
	}

	bi = gen_callee(e);
	if (bi) {
		gen_wide(fs, KTAP_OP_BUILTIN, r, gen_builtin(fs, bi->name));
		return;
	}
	if (is_args(e->a)) {
		fs->line = e->pos.line;
		gen_wide(fs, KTAP_OP_FIELD, r, gen_const_str(fs, e->str, e->pos));
		return;
	}
	obj = gen_operand(fs, e->a, r);
	fs->line = e->pos.line;
	gen_getk(fs, r, obj, e->str, e->pos);
	fs->free = mark;
}

/* {f()} and {...}: as many values as there are */
static void gen_table_multi(struct fs *fs, struct expr *x, int r, __s64 index)
{
	int base = gen_alloc(fs, 2);

	gen_abc(fs, KTAP_OP_MOVE, base, r, 0);
	gen_load_int(fs, base + 1, index);
	gen_list(fs, x);
	gen_abc(fs, KTAP_OP_BCALL, base, gen_builtin(fs, "table.list"), 0);
}

static void gen_table(struct fs *fs, struct expr *e, int r)
{
	int mark = fs->free, key, v;
	__s64 index = 1;
	struct expr *x;

	gen_wide(fs, KTAP_OP_TABLE, r, e->n > INT16_MAX ? INT16_MAX : e->n);
	for (x = e->list; x; x = x->next) {
		fs->line = x->start.line;
		if (x->key) {
			key = gen_any(fs, x->key);
			v = gen_any(fs, x);
			gen_abc(fs, KTAP_OP_SETT, r, key, v);
		} else if (!x->next && gen_is_multi(fs, x)) {
			gen_table_multi(fs, x, r, index);
		} else {
			key = gen_alloc(fs, 1);
			gen_load_int(fs, key, index++);
			v = gen_any(fs, x);
			gen_abc(fs, KTAP_OP_SETT, r, key, v);
		}
		fs->free = mark;
	}
}

static void gen_concat(struct fs *fs, struct expr *e, int r)
{
	int mark = fs->free, base = fs->free;
	struct expr *x;

	for (x = e->list; x; x = x->next)
		gen_next(fs, x);
	fs->line = e->pos.line;
	gen_abc(fs, KTAP_OP_CONCAT, r, base, e->n);
	fs->free = mark;
}

void gen_bin(struct fs *fs, int op, int r, int a, int b)
{
	if (op == OP_GT || op == OP_GE || op == OP_IN) {
		/* a > b is b < a; IN has the key first as written */
		if (op == OP_IN)
			gen_abc(fs, KTAP_OP_IN, r, a, b);
		else
			gen_abc(fs, bin_opcode[op], r, b, a);
		return;
	}
	gen_abc(fs, bin_opcode[op], r, a, b);
}

bool gen_is_imm(const struct expr *e)
{
	return e->kind == E_INT && e->i >= -127 && e->i <= 127;
}

/* The comparison of a value with a small constant, or -1; @swap: as it is written */
static int imm_opcode(int op, bool swap)
{
	switch (op) {
	case OP_EQ:
		return KTAP_OP_EQI;
	case OP_NE:
		return KTAP_OP_NEI;
	case OP_LT:
		return swap ? KTAP_OP_GTI : KTAP_OP_LTI;
	case OP_LE:
		return swap ? KTAP_OP_GEI : KTAP_OP_LEI;
	case OP_GT:
		return swap ? KTAP_OP_LTI : KTAP_OP_GTI;
	case OP_GE:
		return swap ? KTAP_OP_LEI : KTAP_OP_GEI;
	default:
		return -1;
	}
}

static bool gen_compare_imm(struct fs *fs, struct expr *e, int r)
{
	bool swap = gen_is_imm(e->a);
	int op = imm_opcode(e->op, swap), a;

	if (op < 0 || (!swap && !gen_is_imm(e->b)))
		return false;
	a = gen_operand(fs, swap ? e->b : e->a, r);
	fs->line = e->pos.line;
	gen_abc(fs, op, r, a, swap ? e->a->i : e->b->i);
	return true;
}

static void gen_binary(struct fs *fs, struct expr *e, int r)
{
	int mark = fs->free, a, b;
	struct expr *x = e->a, *c = e->b;

	if (gen_compare_imm(fs, e, r)) {
		;
	} else if ((e->op == OP_ADD || e->op == OP_SUB) && gen_is_imm(c)) {
		a = gen_operand(fs, x, r);
		fs->line = e->pos.line;
		gen_abc(fs, KTAP_OP_ADDI, r, a, e->op == OP_ADD ? c->i : -c->i);
	} else {
		a = gen_operand(fs, x, r);
		b = gen_any(fs, c);
		fs->line = e->pos.line;
		gen_bin(fs, e->op, r, a, b);
	}
	fs->free = mark;
}

static void gen_logic(struct fs *fs, struct expr *e, int r)
{
	unsigned int end;

	gen_to(fs, e->a, r);
	end = gen_jump(fs, e->kind == E_AND ? KTAP_OP_JF : KTAP_OP_JT, r);
	gen_to(fs, e->b, r);
	gen_patch(fs, end, fs->n);
}

static void gen_ternary(struct fs *fs, struct expr *e, int r)
{
	struct jlist no = {};
	unsigned int end;

	gen_cond(fs, e->a, false, &no);
	gen_to(fs, e->b, r);
	end = gen_jump(fs, KTAP_OP_JMP, 0);
	gen_patch_list(fs, &no, fs->n);
	gen_to(fs, e->c, r);
	gen_patch(fs, end, fs->n);
}

void gen_to(struct fs *fs, struct expr *e, int r)
{
	static const unsigned char un_opcode[] = {
		[OP_NEG] = KTAP_OP_NEG, [OP_BNOT] = KTAP_OP_BNOT, [OP_NOT] = KTAP_OP_NOT,
	};
	int mark = fs->free, a, index;

	/*
	 * These write before they have read everything, and what they read may
	 * be the local that they are to write: x = y && x
	 */
	if (!is_temp(fs, r) && (e->kind == E_AND || e->kind == E_OR || e->kind == E_TABLE ||
				(e->kind == E_NAME && e->in_pred))) {
		a = gen_next(fs, e);
		gen_abc(fs, KTAP_OP_MOVE, r, a, 0);
		fs->free = mark;
		return;
	}
	if (e->kind != E_FUNC)
		fs->line = e->start.line;
	switch (e->kind) {
	case E_NIL:
		gen_abc(fs, KTAP_OP_NIL, r, 1, 0);
		break;
	case E_BOOL:
		gen_abc(fs, KTAP_OP_BOOL, r, e->i, 0);
		break;
	case E_INT:
		gen_load_int(fs, r, e->i);
		break;
	case E_STR:
		gen_wide(fs, KTAP_OP_LOADK, r, gen_const_str(fs, e->str, e->pos));
		break;
	case E_VARARG:
		gen_abc(fs, KTAP_OP_VARARG, r, 0, 2);
		break;
	case E_EVENT:
		gen_abc(fs, KTAP_OP_EVENT, r, 0, 0);
		break;
	case E_NAME:
		gen_name_to(fs, e, r);
		break;
	case E_INDEX:
		gen_index(fs, e, r);
		break;
	case E_FIELD:
		gen_field(fs, e, r);
		break;
	case E_CALL:
	case E_METHOD:
		gen_call(fs, e, r, 1);
		break;
	case E_FUNC:
		index = gen_func(fs, e->func);
		gen_wide(fs, KTAP_OP_CLOSURE, r, index);
		break;
	case E_TABLE:
		gen_table(fs, e, r);
		break;
	case E_TUPLE:
		a = gen_key(fs, e->list, e->n);
		if (a != r)
			gen_abc(fs, KTAP_OP_MOVE, r, a, 0);
		break;
	case E_PAREN:
		gen_to(fs, e->a, r);
		break;
	case E_UN:
		a = gen_operand(fs, e->a, r);
		fs->line = e->pos.line;
		gen_abc(fs, un_opcode[e->op], r, a, 0);
		break;
	case E_BIN:
		gen_binary(fs, e, r);
		break;
	case E_AND:
	case E_OR:
		gen_logic(fs, e, r);
		break;
	case E_COND:
		gen_ternary(fs, e, r);
		break;
	case E_CONCAT:
		gen_concat(fs, e, r);
		break;
	}
	if (fs->free > mark)
		fs->free = mark;
}

/* Jumps if the truth of @e is @sense, and goes on behind itself otherwise */
void gen_cond(struct fs *fs, struct expr *e, bool sense, struct jlist *l)
{
	struct jlist skip = {};
	int mark = fs->free, r;
	bool truth;

	switch (e->kind) {
	case E_NIL:
	case E_BOOL:
	case E_INT:
	case E_STR:
		truth = e->kind == E_BOOL ? e->i : e->kind != E_NIL;
		if (truth == sense)
			gen_add_jump(fs, l, gen_jump(fs, KTAP_OP_JMP, 0));
		return;
	case E_PAREN:
		gen_cond(fs, e->a, sense, l);
		return;
	case E_UN:
		if (e->op != OP_NOT)
			break;
		gen_cond(fs, e->a, !sense, l);
		return;
	case E_AND:
	case E_OR:
		truth = e->kind == E_OR;
		if (truth == sense) {
			/* either operand decides */
			gen_cond(fs, e->a, sense, l);
			gen_cond(fs, e->b, sense, l);
		} else {
			gen_cond(fs, e->a, !sense, &skip);
			gen_cond(fs, e->b, sense, l);
			gen_patch_list(fs, &skip, fs->n);
		}
		return;
	}
	r = gen_any(fs, e);
	gen_add_jump(fs, l, gen_jump(fs, sense ? KTAP_OP_JT : KTAP_OP_JF, r));
	fs->free = mark;
}

/*
 * Lists
 */

bool gen_is_multi(struct fs *fs, const struct expr *e)
{
	(void)fs;
	if (e->kind == E_VARARG || e->kind == E_METHOD)
		return true;
	return e->kind == E_CALL && !gen_is_library(e->a);
}

int gen_list_to(struct fs *fs, struct expr *list, int n)
{
	int base = fs->free, left = n, mark;

	for (; list; list = list->next) {
		if (left <= 0) {
			/* a value more than there are places: only its effects */
			mark = fs->free;
			gen_next(fs, list);
			fs->free = mark;
		} else if (!list->next && left > 1 && gen_is_multi(fs, list)) {
			mark = fs->free;
			if (list->kind == E_VARARG)
				gen_abc(fs, KTAP_OP_VARARG, mark, 0, left + 1);
			else
				gen_call(fs, list, -1, left);
			fs->free = mark;
			gen_alloc(fs, left);
			left = 0;
		} else {
			gen_next(fs, list);
			left--;
		}
	}
	if (left > 0)
		gen_abc(fs, KTAP_OP_NIL, gen_alloc(fs, left), left, 0);
	return base;
}

int gen_list(struct fs *fs, struct expr *list)
{
	int n = 0, r;

	for (; list; list = list->next) {
		if (!list->next && gen_is_multi(fs, list)) {
			if (list->kind == E_VARARG) {
				r = gen_alloc(fs, 1);
				fs->line = list->start.line;
				gen_abc(fs, KTAP_OP_VARARG, r, 0, 0);
			} else {
				gen_call(fs, list, -1, RES_MULTI);
			}
			return -1;
		}
		gen_next(fs, list);
		n++;
	}
	return n;
}
