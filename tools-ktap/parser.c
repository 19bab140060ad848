// SPDX-License-Identifier: GPL-2.0
/*
 * parser: statements.
 */
#include <stdarg.h>
#include <string.h>

#include "parser.h"

void parse_fail(struct parser *ps, enum diag_tag tag, struct src_pos pos, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_report(ps->prog->diag, tag, pos, "%s", text);
	longjmp(*ps->jb, 1);
}

void parse_unexpected(struct parser *ps, const char *wanted)
{
	const char *what;
	char buf[64];

	if (parse_tok(ps) == TK_ERROR)	/* the lexer has said what is wrong */
		longjmp(*ps->jb, 1);
	if (parse_tok(ps) == TK_EOF && ps->in_pred)
		what = "end of the predicate";
	else
		what = lex_describe(ps->l, &ps->l->cur, buf);
	if (wanted)
		parse_error(ps, parse_pos(ps), EXPECTED, wanted, what);
	parse_error(ps, parse_pos(ps), UNEXPECTED, what);
}

void parse_advance(struct parser *ps)
{
	if (parse_tok(ps) == T('{'))
		ps->braces++;
	else if (parse_tok(ps) == T('}'))
		ps->braces--;
	lex_next(ps->l);
}

bool parse_accept(struct parser *ps, int kind)
{
	if (parse_tok(ps) != kind)
		return false;
	parse_advance(ps);
	return true;
}

void parse_expect(struct parser *ps, int kind)
{
	char buf[64];

	if (!parse_accept(ps, kind))
		parse_unexpected(ps, lex_kind_text(kind, buf));
}

void parse_expect_close(struct parser *ps, int kind, int open, struct src_pos where)
{
	char buf[64], text[128];

	if (parse_accept(ps, kind))
		return;
	if (where.line == parse_pos(ps).line)
		parse_expect(ps, kind);
	snprintf(text, sizeof(text), "%s (to close '%c' of line %u)", lex_kind_text(kind, buf),
		 open, where.line);
	parse_unexpected(ps, text);
}

struct kstr *parse_name(struct parser *ps)
{
	struct kstr *s = ps->l->cur.str;

	if (parse_tok(ps) >= TK_AND && parse_tok(ps) <= TK_WHILE)
		parse_error(ps, parse_pos(ps), KEYWORD_NAME, s->s);
	if (parse_tok(ps) != TK_NAME)
		parse_unexpected(ps, "a name");
	parse_advance(ps);
	return s;
}

void parse_enter(struct parser *ps)
{
	if (++ps->depth <= AST_MAX_NEST)
		return;
	ps->lost = true;
	parse_error(ps, parse_pos(ps), NEST_DEEP, AST_MAX_NEST);
}

void parse_leave(struct parser *ps)
{
	ps->depth--;
}

struct stmt *parse_new_stmt(struct parser *ps, int kind, struct src_pos pos)
{
	struct stmt *s = parse_alloc(ps, sizeof(*s));

	s->kind = kind;
	s->pos = pos;
	s->line = pos.line;
	return s;
}

struct func *parse_new_func(struct parser *ps, struct kstr *name, struct src_pos pos)
{
	struct func *f = parse_alloc(ps, sizeof(*f));

	f->name = name;
	f->pos = pos;
	f->parent = ps->fn;
	return f;
}

static struct param *new_local(struct parser *ps, struct kstr *name, struct src_pos pos)
{
	struct param *p = parse_alloc(ps, sizeof(*p));

	p->local = parse_alloc(ps, sizeof(*p->local));
	p->local->name = name;
	p->local->pos = pos;
	p->local->reg = -1;
	return p;
}

/* A local without a name, for what the script cannot see */
static struct param *parse_local_name(struct parser *ps)
{
	struct src_pos pos = parse_pos(ps);

	return new_local(ps, parse_name(ps), pos);
}

static struct stmt *parse_statement(struct parser *ps);

/*
 * Names in a statement that could not be parsed may be declared by it: they are
 * not reported as unknown.
 */
static void excuse_names(struct parser *ps, size_t from, size_t to)
{
	const char *src = ps->l->src;
	struct sym *sym;
	struct kstr *s;
	size_t i, n;

	for (i = from; i < to; i += n) {
		n = 1;
		if (!lex_is_name(src[i]))
			continue;
		while (i + n < to && lex_is_name(src[i + n]))
			n++;
		s = lex_intern(ps->l, src + i, n);
		if (s->sym)
			continue;
		sym = parse_alloc(ps, sizeof(*sym));
		sym->name = s;
		sym->excused = true;
		sym->index = -1;
		s->sym = sym;
		*ps->prog->syms_tail = sym;
		ps->prog->syms_tail = &sym->next;
	}
}

/* After an error in a statement that began at @start: to where the next may be */
static void resync(struct parser *ps, size_t start, int braces)
{
	while (parse_tok(ps) != TK_EOF) {
		if (ps->braces < braces)
			break;
		if (ps->braces == braces && ps->l->cur.start != start &&
		    (ps->l->cur.first || parse_tok(ps) == T('}')))
			break;
		parse_advance(ps);
	}
	excuse_names(ps, start, ps->l->cur.start);
}

static bool block_end(struct parser *ps, bool top)
{
	switch (parse_tok(ps)) {
	case TK_EOF:
		return true;
	case T('}'):
	case TK_END:
	case TK_UNTIL:
		return !top;
	default:
		return false;
	}
}

static void parse_block(struct parser *ps, struct block *b, bool top)
{
	struct stmt *s, **tail = &b->first;
	const struct parser saved = *ps;
	jmp_buf jb;

	parse_enter(ps);
	while (!block_end(ps, top)) {
		if (parse_accept(ps, T(';')))
			continue;
		if (!setjmp(jb)) {
			ps->jb = &jb;
			s = parse_statement(ps);
			ps->jb = saved.jb;
			*tail = s;
			while (*tail)
				tail = &(*tail)->next;
			continue;
		}
		/*
		 * What is read here was set before the loop, or is in *ps;
		 * the statement and where it began are recomputed.
		 */
		ps->jb = saved.jb;
		ps->fn = saved.fn;
		ps->depth = saved.depth + 1;
		ps->no_colon = 0;
		parse_skip_pred(ps);
		for (tail = &b->first; *tail; tail = &(*tail)->next)
			;
		if (ps->prog->diag->full || ps->lost)
			longjmp(*saved.jb, 1);
		resync(ps, ps->stmt_start, saved.braces);
		if (ps->braces < saved.braces) {
			if (!top)
				longjmp(*saved.jb, 1);
			ps->braces = 0;
		}
	}
	b->end = parse_pos(ps);
	parse_leave(ps);
}

/* { statements }, with the { as the current token */
static void parse_braces(struct parser *ps, struct block *b)
{
	struct src_pos where = parse_pos(ps);

	parse_expect(ps, T('{'));
	parse_block(ps, b, false);
	parse_expect_close(ps, T('}'), '{', where);
}

/* { statements } or one statement */
static void parse_body(struct parser *ps, struct block *b)
{
	if (parse_tok(ps) == T('{')) {
		parse_braces(ps, b);
	} else if (!parse_accept(ps, T(';'))) {
		parse_enter(ps);
		b->first = parse_statement(ps);
		b->end = parse_pos(ps);
		parse_leave(ps);
	}
}

void parse_func_block(struct parser *ps, struct func *f)
{
	unsigned int no_colon = ps->no_colon;
	struct func *outer = ps->fn;

	ps->fn = f;
	ps->no_colon = 0;
	parse_braces(ps, &f->body);
	ps->fn = outer;
	ps->no_colon = no_colon;
}

void parse_func_body(struct parser *ps, struct func *f, bool self)
{
	struct src_pos where = parse_pos(ps);
	struct param **tail = &f->params;

	if (self) {
		*tail = new_local(ps, lex_intern(ps->l, "self", 4), where);
		tail = &(*tail)->next;
		f->nparams++;
	}
	parse_expect(ps, T('('));
	if (parse_tok(ps) != T(')')) {
		do {
			if (parse_accept(ps, TK_DOTS)) {
				f->vararg = true;
				break;
			}
			*tail = parse_local_name(ps);
			tail = &(*tail)->next;
			if (++f->nparams > 200)
				parse_error(ps, parse_pos(ps), PARAMS_MANY);
		} while (parse_accept(ps, T(',')));
	}
	parse_expect_close(ps, T(')'), '(', where);
	parse_func_block(ps, f);
}

static bool is_target(const struct expr *e)
{
	return e->kind == E_NAME || e->kind == E_INDEX || e->kind == E_FIELD;
}

static int compound_op(int tok)
{
	static const struct {
		int tok, op;
	} ops[] = {
		{ TK_ADD_SET, OP_ADD }, { TK_SUB_SET, OP_SUB }, { TK_MUL_SET, OP_MUL },
		{ TK_DIV_SET, OP_DIV }, { TK_MOD_SET, OP_MOD }, { TK_BAND_SET, OP_BAND },
		{ TK_BOR_SET, OP_BOR }, { TK_BXOR_SET, OP_BXOR }, { TK_SHL_SET, OP_SHL },
		{ TK_SHR_SET, OP_SHR }, { TK_USHR_SET, OP_USHR },
		{ TK_CONCAT_SET, OP_CONCAT },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		if (ops[i].tok == tok)
			return ops[i].op;
	return -1;
}

static void check_target(struct parser *ps, const struct expr *e)
{
	if (!is_target(e))
		parse_error(ps, e->start, ASSIGN_EXPR);
}

static struct stmt *parse_expr_statement(struct parser *ps)
{
	struct src_pos pos = parse_pos(ps), op_pos;
	struct expr *e = parse_suffixed(ps), **tail;
	struct stmt *s;
	int op;

	op_pos = parse_pos(ps);
	op = compound_op(parse_tok(ps));
	if (op >= 0) {
		check_target(ps, e);
		s = parse_new_stmt(ps, S_COMPOUND, op_pos);
		parse_advance(ps);
		s->op = op;
		s->targets = e;
		s->list = parse_expr(ps);
		return s;
	}
	/* not those of the next line, which begin nothing there */
	if ((parse_tok(ps) == TK_INC || parse_tok(ps) == TK_DEC) && !ps->l->cur.first) {
		check_target(ps, e);
		s = parse_new_stmt(ps, S_COMPOUND, op_pos);
		s->op = parse_tok(ps) == TK_INC ? OP_ADD : OP_SUB;
		s->targets = e;
		s->list = parse_new_expr(ps, E_INT, op_pos);
		s->list->i = 1;
		parse_advance(ps);
		return s;
	}
	if (parse_tok(ps) == T('=') || parse_tok(ps) == T(',')) {
		check_target(ps, e);
		s = parse_new_stmt(ps, S_ASSIGN, op_pos);
		s->targets = e;
		for (tail = &e->next; parse_accept(ps, T(',')); tail = &(*tail)->next) {
			*tail = parse_suffixed(ps);
			check_target(ps, *tail);
		}
		if (parse_tok(ps) != T('=') && compound_op(parse_tok(ps)) >= 0)
			parse_error(ps, parse_pos(ps), COMPOUND_TARGETS);
		parse_expect(ps, T('='));
		s->list = parse_expr_list(ps);
		return s;
	}
	if (parse_tok(ps) == TK_AGG) {
		if (!is_target(e))
			parse_error(ps, e->start, AGG_TARGET);
		s = parse_new_stmt(ps, S_AGG, op_pos);
		parse_advance(ps);
		s->targets = e;
		s->list = parse_expr(ps);
		return s;
	}
	if (e->kind != E_CALL && e->kind != E_METHOD) {
		if (e->kind == E_NAME && parse_tok(ps) == TK_NAME && !ps->l->cur.first)
			parse_error(ps, pos, STATEMENT_WORD, e->str->s);
		parse_unexpected(ps, "an assignment or a call");
	}
	s = parse_probe_call(ps, e);
	if (s)
		return s;
	s = parse_new_stmt(ps, S_CALL, pos);
	s->list = e;
	return s;
}

static struct stmt *parse_local(struct parser *ps)
{
	struct stmt *s = parse_new_stmt(ps, S_LOCAL, parse_pos(ps));
	struct param **tail = &s->locals;
	struct stmt *first = s;

	parse_advance(ps);
	if (parse_tok(ps) == TK_FUNCTION) {
		s->kind = S_LOCALFUNC;
		parse_advance(ps);
		s->locals = parse_local_name(ps);
		s->func = parse_new_func(ps, s->locals->local->name, s->pos);
		parse_func_body(ps, s->func, false);
		return s;
	}
	/*
	 * var a, b = 1, 2 as well as var a = 1, b = 2: after an expression, a
	 * name with a = behind it begins a new declaration.
	 */
	for (;;) {
		do {
			*tail = parse_local_name(ps);
			tail = &(*tail)->next;
		} while (parse_accept(ps, T(',')));
		if (parse_accept(ps, T('='))) {
			struct expr **et = &s->list;

			for (;;) {
				*et = parse_expr(ps);
				et = &(*et)->next;
				if (parse_tok(ps) != T(','))
					return first;
				if (lex_peek(ps->l)->kind == TK_NAME) {
					struct lex_mark save = lex_mark(ps->l);
					bool again;

					parse_advance(ps);
					again = lex_peek(ps->l)->kind == T('=');
					if (again)
						break;
					lex_return(ps->l, &save);
				}
				parse_advance(ps);
			}
			s->next = parse_new_stmt(ps, S_LOCAL, parse_pos(ps));
			s = s->next;
			tail = &s->locals;
			continue;
		}
		return first;
	}
}

static struct expr *parse_condition(struct parser *ps)
{
	struct src_pos where = parse_pos(ps);
	struct expr *e;

	parse_expect(ps, T('('));
	e = parse_expr(ps);
	parse_expect_close(ps, T(')'), '(', where);
	return e;
}

static struct stmt *parse_if(struct parser *ps)
{
	struct stmt *s = parse_new_stmt(ps, S_IF, parse_pos(ps));
	struct clause **tail = &s->clauses, *c;

	parse_advance(ps);
	for (;;) {
		c = parse_alloc(ps, sizeof(*c));
		*tail = c;
		tail = &c->next;
		c->cond = parse_condition(ps);
		parse_body(ps, &c->body);
		parse_accept(ps, T(';'));
		if (parse_accept(ps, TK_ELSEIF))
			continue;
		if (!parse_accept(ps, TK_ELSE))
			return s;
		if (parse_accept(ps, TK_IF))
			continue;
		c = parse_alloc(ps, sizeof(*c));
		*tail = c;
		parse_body(ps, &c->body);
		return s;
	}
}

static struct stmt *parse_do(struct parser *ps)
{
	struct src_pos pos = parse_pos(ps), where;
	struct stmt *s, *inner, **tail;
	struct block b = {};

	parse_advance(ps);
	if (parse_tok(ps) == T('{')) {
		where = parse_pos(ps);
		parse_braces(ps, &b);
		if (parse_accept(ps, TK_WHILE)) {
			s = parse_new_stmt(ps, S_DOWHILE, pos);
			s->body = b;
			s->cond = parse_condition(ps);
			return s;
		}
		/* a do ... end that begins with a bare block */
		inner = parse_new_stmt(ps, S_DO, where);
		inner->body = b;
		s = parse_new_stmt(ps, S_DO, pos);
		parse_block(ps, &s->body, false);
		inner->next = s->body.first;
		s->body.first = inner;
	} else {
		s = parse_new_stmt(ps, S_DO, pos);
		parse_block(ps, &s->body, false);
	}
	tail = &s->body.first;
	while (*tail)
		tail = &(*tail)->next;
	if (parse_tok(ps) != TK_END && pos.line != parse_pos(ps).line) {
		char text[64];

		snprintf(text, sizeof(text), "'end' (to close 'do' of line %u)", pos.line);
		parse_unexpected(ps, text);
	}
	parse_expect(ps, TK_END);
	return s;
}

/* A part of for (;;): assignments, declarations or calls */
static struct stmt *parse_for_part(struct parser *ps, int end)
{
	struct stmt *first = NULL, **tail = &first;

	if (parse_tok(ps) == end)
		return NULL;
	do {
		if (parse_tok(ps) == TK_VAR || parse_tok(ps) == TK_LOCAL)
			*tail = parse_local(ps);
		else
			*tail = parse_expr_statement(ps);
		while (*tail)
			tail = &(*tail)->next;
	} while (parse_accept(ps, T(',')));
	return first;
}

static struct stmt *parse_for_c(struct parser *ps, struct stmt *s, struct stmt *init,
				struct src_pos where)
{
	s->kind = S_FORC;
	s->init = init;
	parse_expect(ps, T(';'));
	if (parse_tok(ps) != T(';'))
		s->cond = parse_expr(ps);
	parse_expect(ps, T(';'));
	s->step = parse_for_part(ps, T(')'));
	parse_expect_close(ps, T(')'), '(', where);
	parse_body(ps, &s->body);
	return s;
}

static struct stmt *parse_for_in(struct parser *ps, struct stmt *s, struct src_pos where)
{
	struct param **tail = &s->locals;
	struct expr *e;

	s->kind = S_FORIN;
	do {
		*tail = parse_local_name(ps);
		tail = &(*tail)->next;
	} while (parse_accept(ps, T(',')));
	parse_expect(ps, TK_IN);
	e = parse_expr(ps);
	if (e->kind == E_CALL && e->a->kind == E_NAME &&
	    e->a->str == lex_intern(ps->l, "sort_pairs", 10))
		s->list = e;	/* it makes a table that is in order */
	else if (e->kind == E_CALL && e->a->kind == E_NAME && e->n == 1 &&
		 e->a->str == lex_intern(ps->l, "pairs", 5))
		s->list = e->list;
	else
		parse_error(ps, e->start, IN_PAIRS);
	parse_expect_close(ps, T(')'), '(', where);
	parse_body(ps, &s->body);
	return s;
}

/* The rest of for (i = 0, j = 5; ...), whose first part is in @s */
static struct stmt *parse_for_inits(struct parser *ps, struct stmt *s)
{
	struct stmt *first, **tail = &first, *i;

	for (;;) {
		i = parse_new_stmt(ps, S_LOCAL, s->locals->local->pos);
		i->maybe_global = true;
		i->locals = s->locals;
		i->list = s->list;
		*tail = i;
		tail = &i->next;
		if (parse_tok(ps) != TK_NAME)
			break;
		s->locals = parse_local_name(ps);
		parse_expect(ps, T('='));
		s->list = parse_expr(ps);
		if (parse_tok(ps) == T(';')) {
			i = parse_new_stmt(ps, S_LOCAL, s->locals->local->pos);
			i->maybe_global = true;
			i->locals = s->locals;
			i->list = s->list;
			*tail = i;
			break;
		}
		parse_expect(ps, T(','));
	}
	s->locals = NULL;
	s->list = NULL;
	return first;
}

static struct stmt *parse_for(struct parser *ps)
{
	struct stmt *s = parse_new_stmt(ps, S_FORNUM, parse_pos(ps)), *init;
	struct src_pos where, pos;
	struct kstr *name;
	struct expr *e;
	int ahead;

	parse_advance(ps);
	where = parse_pos(ps);
	parse_expect(ps, T('('));
	pos = parse_pos(ps);
	if (parse_tok(ps) != TK_NAME)
		return parse_for_c(ps, s, parse_for_part(ps, T(';')), where);

	ahead = lex_peek(ps->l)->kind;
	if (ahead == TK_IN)
		return parse_for_in(ps, s, where);
	if (ahead == T(',')) {
		struct lex_mark save = lex_mark(ps->l);

		/* for (a, b in ...) or for (a, b = 1, 2; ...) */
		while (parse_tok(ps) == TK_NAME) {
			parse_advance(ps);
			if (!parse_accept(ps, T(',')))
				break;
		}
		ahead = parse_tok(ps);
		lex_return(ps->l, &save);
		if (ahead == TK_IN)
			return parse_for_in(ps, s, where);
	}
	if (ahead != T('=') || lex_peek(ps->l)->kind != T('='))
		return parse_for_c(ps, s, parse_for_part(ps, T(';')), where);

	name = parse_name(ps);
	parse_advance(ps);
	e = parse_expr(ps);
	if (parse_tok(ps) == T(';')) {
		init = parse_new_stmt(ps, S_LOCAL, pos);
		init->maybe_global = true;
		init->locals = new_local(ps, name, pos);
		init->list = e;
		return parse_for_c(ps, s, init, where);
	}
	s->locals = new_local(ps, name, pos);
	s->list = e;
	parse_expect(ps, T(','));
	if (parse_tok(ps) == TK_NAME && lex_peek(ps->l)->kind == T('='))
		return parse_for_c(ps, s, parse_for_inits(ps, s), where);
	e->next = parse_expr(ps);
	if (parse_accept(ps, T(',')))
		e->next->next = parse_expr(ps);
	parse_expect_close(ps, T(')'), '(', where);
	parse_body(ps, &s->body);
	return s;
}

static struct stmt *parse_function(struct parser *ps)
{
	struct stmt *s = parse_new_stmt(ps, S_FUNC, parse_pos(ps));
	struct src_pos pos;
	struct expr *e, *n;
	bool self = false;

	parse_advance(ps);
	pos = parse_pos(ps);
	e = parse_new_expr(ps, E_NAME, pos);
	e->str = parse_name(ps);
	while (parse_tok(ps) == T('.') || parse_tok(ps) == T(':')) {
		self = parse_tok(ps) == T(':');
		parse_advance(ps);
		n = parse_new_expr(ps, E_FIELD, parse_pos(ps));
		n->start = pos;
		n->a = e;
		n->str = parse_name(ps);
		n->depth = e->depth + 1;
		parse_set_depth(ps, n);
		e = n;
		if (self)
			break;
	}
	s->func = parse_new_func(ps, e->str, s->pos);
	s->targets = e;
	parse_func_body(ps, s->func, self);
	return s;
}

static struct stmt *parse_return(struct parser *ps)
{
	struct stmt *s = parse_new_stmt(ps, S_RETURN, parse_pos(ps));

	parse_advance(ps);
	switch (parse_tok(ps)) {
	case T(';'):
	case T('}'):
	case TK_EOF:
	case TK_END:
	case TK_UNTIL:
	case TK_ELSE:
	case TK_ELSEIF:
		break;
	default:
		/* if (c) return, and the next statement on the line below */
		if (!ps->l->cur.first)
			s->list = parse_expr_list(ps);
	}
	return s;
}

static struct stmt *parse_statement(struct parser *ps)
{
	struct src_pos pos = parse_pos(ps);
	struct stmt *s;

	ps->stmt_start = ps->l->cur.start;
	switch (parse_tok(ps)) {
	case T('{'):
		s = parse_new_stmt(ps, S_DO, pos);
		parse_braces(ps, &s->body);
		return s;
	case TK_VAR:
	case TK_LOCAL:
		return parse_local(ps);
	case TK_IF:
		return parse_if(ps);
	case TK_WHILE:
		s = parse_new_stmt(ps, S_WHILE, pos);
		parse_advance(ps);
		s->cond = parse_condition(ps);
		parse_body(ps, &s->body);
		return s;
	case TK_DO:
		return parse_do(ps);
	case TK_REPEAT:
		s = parse_new_stmt(ps, S_REPEAT, pos);
		parse_advance(ps);
		parse_block(ps, &s->body, false);
		parse_expect(ps, TK_UNTIL);
		s->cond = parse_expr(ps);
		return s;
	case TK_FOR:
		return parse_for(ps);
	case TK_FUNCTION:
		return parse_function(ps);
	case TK_RETURN:
		return parse_return(ps);
	case TK_BREAK:
	case TK_CONTINUE:
		s = parse_new_stmt(ps, parse_tok(ps) == TK_BREAK ? S_BREAK : S_CONTINUE, pos);
		parse_advance(ps);
		return s;
	case TK_GOTO:
		parse_advance(ps);
		s = parse_new_stmt(ps, S_GOTO, pos);
		s->label = parse_name(ps);
		return s;
	case TK_LABEL:
		parse_advance(ps);
		s = parse_new_stmt(ps, S_LABEL, pos);
		s->label = parse_name(ps);
		parse_expect(ps, TK_LABEL);
		return s;
	case TK_TRACE:
		return parse_trace(ps);
	case TK_TRACE_BEGIN:
	case TK_TRACE_END:
		return parse_hook(ps);
	case TK_NAME:
		if (parse_is_timer(ps))
			return parse_timer(ps);
		return parse_expr_statement(ps);
	case T('('):
		return parse_expr_statement(ps);
	case TK_INC:
		parse_error(ps, pos, INC_STATEMENT);
	case TK_DEC:
		parse_error(ps, pos, DEC_BEGINS);
	default:
		if (parse_tok(ps) == TK_INT || parse_tok(ps) == TK_STR) {
			struct token t = ps->l->cur;

			/* 5 = 1 */
			if (lex_peek(ps->l)->kind == T('='))
				parse_error(ps, t.pos, ASSIGN_EXPR);
		}
		parse_unexpected(ps, NULL);
	}
}

int parse_program(struct program *p)
{
	struct parser ps = { .prog = p, .l = &p->lex };
	jmp_buf jb;

	p->main = arena_alloc(&p->arena, sizeof(*p->main));
	p->main->pos = (struct src_pos){ 1, 1 };
	ps.fn = p->main;
	if (!setjmp(jb)) {
		ps.jb = &jb;
		lex_next(&p->lex);
		parse_block(&ps, &p->main->body, true);
	} else if (ps.lost) {
		excuse_names(&ps, 0, p->lex.len);
	}
	return p->diag->nerrors ? -1 : 0;
}
