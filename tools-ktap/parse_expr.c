// SPDX-License-Identifier: GPL-2.0
/*
 * parse_expr: expressions.
 */
#include <string.h>

#include "parser.h"

struct expr *parse_new_expr(struct parser *ps, int kind, struct src_pos pos)
{
	struct expr *e = parse_alloc(ps, sizeof(*e));

	e->kind = kind;
	e->pos = pos;
	e->start = pos;
	e->depth = 1;
	return e;
}

void parse_set_depth(struct parser *ps, struct expr *e)
{
	if (e->depth > ps->max_depth)
		ps->max_depth = e->depth;
	if (e->depth > AST_MAX_CHAIN)
		parse_error(ps, e->pos, EXPR_LONG, AST_MAX_CHAIN);
}

static void over(struct parser *ps, struct expr *e, const struct expr *child)
{
	if (child && child->depth >= e->depth)
		e->depth = child->depth + 1;
	parse_set_depth(ps, e);
}

static struct expr *new_bin(struct parser *ps, int kind, int op, struct src_pos pos,
			    struct expr *a, struct expr *b)
{
	struct expr *e = parse_new_expr(ps, kind, pos);

	e->op = op;
	e->a = a;
	e->b = b;
	e->start = a->start;
	over(ps, e, a);
	over(ps, e, b);
	return e;
}

static struct expr *new_un(struct parser *ps, int kind, int op, struct src_pos pos,
			   struct expr *a)
{
	struct expr *e = parse_new_expr(ps, kind, pos);

	e->op = op;
	e->a = a;
	over(ps, e, a);
	return e;
}

static void list_to(struct parser *ps, struct expr *e, struct expr *list)
{
	e->list = list;
	for (; list; list = list->next) {
		e->n++;
		over(ps, e, list);
	}
}

struct expr *parse_expr_list(struct parser *ps)
{
	struct expr *first, **tail = &first;

	do {
		*tail = parse_expr(ps);
		tail = &(*tail)->next;
	} while (parse_accept(ps, T(',')));
	return first;
}

struct expr *parse_func_expr(struct parser *ps, struct func *f)
{
	struct expr *e = parse_new_expr(ps, E_FUNC, f->pos);

	e->func = f;
	return e;
}

static struct expr *parse_table(struct parser *ps)
{
	struct expr *e = parse_new_expr(ps, E_TABLE, parse_pos(ps));
	struct expr *first = NULL, **tail = &first, *v, *key;
	struct src_pos where = parse_pos(ps), pos;
	unsigned int no_colon = ps->no_colon;

	ps->no_colon = 0;
	parse_expect(ps, T('{'));
	while (parse_tok(ps) != T('}')) {
		key = NULL;
		pos = parse_pos(ps);
		if (parse_tok(ps) == T('[')) {
			parse_advance(ps);
			key = parse_expr_list(ps);
			parse_expect_close(ps, T(']'), '[', pos);
			if (key->next) {
				struct expr *t = parse_new_expr(ps, E_TUPLE, pos);

				list_to(ps, t, key);
				key = t;
			}
			parse_expect(ps, T('='));
			v = parse_expr(ps);
		} else if (parse_tok(ps) == TK_NAME && lex_peek(ps->l)->kind == T('=')) {
			key = parse_new_expr(ps, E_STR, pos);
			key->str = parse_name(ps);
			parse_advance(ps);
			v = parse_expr(ps);
		} else {
			v = parse_expr(ps);
		}
		v->key = key;
		over(ps, e, key);
		*tail = v;
		tail = &v->next;
		if (!parse_accept(ps, T(',')) && !parse_accept(ps, T(';')))
			break;
	}
	parse_expect_close(ps, T('}'), '{', where);
	ps->no_colon = no_colon;
	list_to(ps, e, first);
	return e;
}

static struct expr *parse_call(struct parser *ps, struct expr *fn, struct kstr *method,
			       struct src_pos pos)
{
	struct expr *e = parse_new_expr(ps, method ? E_METHOD : E_CALL, pos);
	struct src_pos where = parse_pos(ps);
	unsigned int no_colon = ps->no_colon;
	struct expr *args = NULL;

	e->start = fn->start;
	e->a = fn;
	e->str = method;
	if (parse_tok(ps) == TK_STR) {
		args = parse_new_expr(ps, E_STR, where);
		args->str = ps->l->cur.str;
		parse_advance(ps);
	} else if (parse_tok(ps) == T('{')) {
		args = parse_table(ps);
	} else {
		parse_expect(ps, T('('));
		ps->no_colon = 0;
		if (parse_tok(ps) != T(')'))
			args = parse_expr_list(ps);
		ps->no_colon = no_colon;
		parse_expect_close(ps, T(')'), '(', where);
	}
	over(ps, e, fn);
	list_to(ps, e, args);
	return e;
}

static struct expr *parse_primary(struct parser *ps)
{
	struct src_pos pos = parse_pos(ps);
	unsigned int no_colon = ps->no_colon;
	struct expr *e;

	if (parse_tok(ps) == TK_NAME) {
		e = parse_new_expr(ps, E_NAME, pos);
		e->in_pred = ps->in_pred;
		e->str = parse_name(ps);
		return e;
	}
	if (parse_tok(ps) == T('(')) {
		parse_advance(ps);
		ps->no_colon = 0;
		e = parse_expr(ps);
		ps->no_colon = no_colon;
		parse_expect_close(ps, T(')'), '(', pos);
		return new_un(ps, E_PAREN, 0, pos, e);
	}
	parse_unexpected(ps, NULL);
}

/* What may follow a name: .name [keys] (args) :name(args) "s" {..} */
struct expr *parse_suffixed(struct parser *ps)
{
	struct expr *e = parse_primary(ps), *n;
	unsigned int no_colon = ps->no_colon;
	struct src_pos pos;
	struct kstr *name;

	for (;;) {
		pos = parse_pos(ps);
		switch (parse_tok(ps)) {
		case T('.'):
			parse_advance(ps);
			n = parse_new_expr(ps, E_FIELD, parse_pos(ps));
			/* a keyword is a name here: fields are called end, in ... */
			if (parse_tok(ps) < TK_AND || parse_tok(ps) > TK_WHILE) {
				n->str = parse_name(ps);
			} else {
				n->str = ps->l->cur.str;
				parse_advance(ps);
			}
			n->start = e->start;
			n->a = e;
			over(ps, n, e);
			e = n;
			break;
		case T('['):
			parse_advance(ps);
			n = parse_new_expr(ps, E_INDEX, pos);
			n->start = e->start;
			n->a = e;
			over(ps, n, e);
			ps->no_colon = 0;
			list_to(ps, n, parse_expr_list(ps));
			ps->no_colon = no_colon;
			parse_expect_close(ps, T(']'), '[', pos);
			e = n;
			break;
		case T(':'):
			if (ps->no_colon)
				return e;
			parse_advance(ps);
			name = parse_name(ps);
			if (parse_tok(ps) != T('(') && parse_tok(ps) != TK_STR &&
			    parse_tok(ps) != T('{'))
				parse_unexpected(ps, "arguments of the method");
			e = parse_call(ps, e, name, pos);
			break;
		case T('('):
		case T('{'):
			/* at the beginning of a line they start a statement */
			if (ps->l->cur.first)
				return e;
			e = parse_call(ps, e, NULL, pos);
			break;
		case TK_STR:
			e = parse_call(ps, e, NULL, pos);
			break;
		default:
			return e;
		}
	}
}

static struct expr *parse_simple(struct parser *ps)
{
	struct src_pos pos = parse_pos(ps);
	struct func *f;
	struct expr *e;

	switch (parse_tok(ps)) {
	case TK_INT:
		if (ps->l->cur.big)
			parse_error(ps, pos, NUMBER_BIG);
		e = parse_new_expr(ps, E_INT, pos);
		e->i = ps->l->cur.i;
		break;
	case TK_STR:
		e = parse_new_expr(ps, E_STR, pos);
		e->str = ps->l->cur.str;
		break;
	case TK_NIL:
		e = parse_new_expr(ps, E_NIL, pos);
		break;
	case TK_TRUE:
	case TK_FALSE:
		e = parse_new_expr(ps, E_BOOL, pos);
		e->i = parse_tok(ps) == TK_TRUE;
		break;
	case TK_DOTS:
		if (!ps->fn->vararg)
			parse_error(ps, pos, VARARG_OUTSIDE);
		e = parse_new_expr(ps, E_VARARG, pos);
		break;
	case T('{'):
		return parse_table(ps);
	case T('['):
		parse_advance(ps);
		e = parse_new_expr(ps, E_TUPLE, pos);
		list_to(ps, e, parse_expr_list(ps));
		parse_expect_close(ps, T(']'), '[', pos);
		if (parse_tok(ps) != TK_IN)
			parse_unexpected(ps, "'in' after a compound key");
		return e;
	case TK_FUNCTION: {
		unsigned int max = ps->max_depth;

		parse_advance(ps);
		f = parse_new_func(ps, NULL, pos);
		ps->max_depth = 0;
		parse_func_body(ps, f, false);
		e = parse_func_expr(ps, f);
		e->depth = ps->max_depth + 1;
		ps->max_depth = max;
		parse_set_depth(ps, e);
		return e;
	}
	default:
		return parse_suffixed(ps);
	}
	parse_advance(ps);
	return e;
}

static struct expr *parse_unary(struct parser *ps)
{
	struct src_pos pos = parse_pos(ps);
	struct expr *e;
	int op;

	switch (parse_tok(ps)) {
	case T('-'):
	case TK_DEC:
		op = OP_NEG;
		break;
	case T('~'):
		op = OP_BNOT;
		break;
	case T('!'):
	case TK_NOT:
		op = OP_NOT;
		break;
	default:
		return parse_simple(ps);
	}
	parse_enter(ps);
	if (parse_tok(ps) == TK_DEC) {
		/* two minuses: go on at the second one */
		lex_seek(ps->l, ps->l->cur.start + 1);
	}
	parse_advance(ps);
	if (op == OP_NEG && parse_tok(ps) == TK_INT && ps->l->cur.big) {
		e = parse_new_expr(ps, E_INT, pos);
		e->i = INT64_MIN;
		parse_advance(ps);
	} else {
		e = new_un(ps, E_UN, op, pos, parse_unary(ps));
	}
	parse_leave(ps);
	return e;
}

struct bin_info {
	unsigned char prec;		/* 0: not a binary operator */
	unsigned char op;
	unsigned char kind;
};

enum {
	P_NONE, P_OR, P_AND, P_EQ, P_CMP, P_CONCAT, P_BOR, P_BXOR, P_BAND, P_SHIFT,
	P_ADD, P_MUL,
};

static struct bin_info bin_info(int tok)
{
	static const struct {
		int tok;
		struct bin_info info;
	} table[] = {
		{ TK_OROR,	{ P_OR, 0, E_OR } },
		{ TK_OR,	{ P_OR, 0, E_OR } },
		{ TK_ANDAND,	{ P_AND, 0, E_AND } },
		{ TK_AND,	{ P_AND, 0, E_AND } },
		{ TK_EQ,	{ P_EQ, OP_EQ, E_BIN } },
		{ TK_NE,	{ P_EQ, OP_NE, E_BIN } },
		{ T('<'),	{ P_CMP, OP_LT, E_BIN } },
		{ TK_LE,	{ P_CMP, OP_LE, E_BIN } },
		{ T('>'),	{ P_CMP, OP_GT, E_BIN } },
		{ TK_GE,	{ P_CMP, OP_GE, E_BIN } },
		{ TK_IN,	{ P_CMP, OP_IN, E_BIN } },
		{ T('~'),	{ P_CMP, OP_MATCH, E_BIN } },
		{ TK_CONCAT,	{ P_CONCAT, 0, E_CONCAT } },
		{ T('|'),	{ P_BOR, OP_BOR, E_BIN } },
		{ T('^'),	{ P_BXOR, OP_BXOR, E_BIN } },
		{ T('&'),	{ P_BAND, OP_BAND, E_BIN } },
		{ TK_SHL,	{ P_SHIFT, OP_SHL, E_BIN } },
		{ TK_SHR,	{ P_SHIFT, OP_SHR, E_BIN } },
		{ TK_USHR,	{ P_SHIFT, OP_USHR, E_BIN } },
		{ T('+'),	{ P_ADD, OP_ADD, E_BIN } },
		{ T('-'),	{ P_ADD, OP_SUB, E_BIN } },
		{ TK_DEC,	{ P_ADD, OP_SUB, E_BIN } },
		{ T('*'),	{ P_MUL, OP_MUL, E_BIN } },
		{ T('/'),	{ P_MUL, OP_DIV, E_BIN } },
		{ T('%'),	{ P_MUL, OP_MOD, E_BIN } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].tok == tok)
			return table[i].info;
	return (struct bin_info){};
}

/*
 * x-- at the end of a line or expression is the statement, misplaced: as two
 * minuses it would take its operand from the next line, or have none.
 */
static bool is_misplaced_dec(struct parser *ps)
{
	const struct lexer *l = ps->l;
	size_t i = l->cur.end;

	if (!l->cur.start || lex_is_blank(l->src[l->cur.start - 1]))
		return false;
	while (i < l->len && (l->src[i] == ' ' || l->src[i] == '\t' || l->src[i] == '\r'))
		i++;
	return i == l->len || memchr("\n),;]}", l->src[i], 6);
}

/*
 * Filters of ftrace:function are written ip == mutex*, without quotes: the end of
 * that word, or 0 if what comes behind the operator is none. Without a * it might
 * be anything, so that is for events that have no other names to compare with.
 */
static size_t filter_word_end(struct parser *ps, const struct expr *a, size_t *from)
{
	const struct lexer *l = ps->l;
	size_t i = l->cur.end;
	bool word = ps->of_ftrace;

	if (!ps->in_pred || a->kind != E_NAME || strcmp(a->str->s, "ip"))
		return 0;
	while (i < l->len && lex_is_blank(l->src[i]))
		i++;
	*from = i;
	for (; i < l->len && (lex_is_name(l->src[i]) || memchr(".*?", l->src[i], 3)); i++)
		if (l->src[i] == '*' || l->src[i] == '?')
			word = true;
	/* 0 .. 9: an address */
	return word && i > *from && !lex_is_digit(l->src[*from]) ? i : 0;
}

/* ip == mutex*: ksym(ip, false) ~ "mutex*" */
static struct expr *new_filter(struct parser *ps, struct expr *ip, int op, struct src_pos pos,
			       struct expr *word)
{
	struct expr *call, *e;

	call = parse_new_expr(ps, E_CALL, pos);
	call->a = parse_new_expr(ps, E_NAME, pos);
	call->a->in_pred = true;
	call->a->str = lex_intern(ps->l, "ksym", 4);
	ip->next = parse_new_expr(ps, E_BOOL, pos);
	call->start = ip->start;
	list_to(ps, call, ip);
	e = new_bin(ps, E_BIN, OP_MATCH, pos, call, word);
	e->filter = true;
	if (op == OP_NE)
		e = new_un(ps, E_UN, OP_NOT, pos, e);
	return e;
}

static struct expr *parse_filter_word(struct parser *ps, struct expr *ip, int op, size_t from,
				      size_t end)
{
	struct expr *word = parse_new_expr(ps, E_STR, parse_pos(ps));
	struct expr *e;

	word->str = lex_intern(ps->l, ps->l->src + from, end - from);
	e = new_filter(ps, ip, op, parse_pos(ps), word);
	lex_seek(ps->l, end);
	parse_advance(ps);
	return e;
}

/* ip ~ "mutex*" of ftrace:function: what is compared is the name of the function */
static bool is_filter(const struct parser *ps, const struct expr *a, int op,
		      const struct expr *b)
{
	return ps->of_ftrace && a->kind == E_NAME && !strcmp(a->str->s, "ip") &&
	       b->kind == E_STR && (op == OP_EQ || op == OP_NE || op == OP_MATCH);
}

static struct expr *parse_binary(struct parser *ps, unsigned int min)
{
	struct expr *a = parse_unary(ps), *b;
	struct bin_info info;
	struct src_pos pos;
	size_t from, end;

	for (;;) {
		info = bin_info(parse_tok(ps));
		if (info.prec <= min)
			return a;
		pos = parse_pos(ps);
		if (info.kind == E_BIN && (info.op == OP_EQ || info.op == OP_NE)) {
			end = filter_word_end(ps, a, &from);
			if (end) {
				a = parse_filter_word(ps, a, info.op, from, end);
				continue;
			}
		}
		if (parse_tok(ps) == TK_DEC) {
			if (ps->l->cur.first)
				parse_error(ps, pos, DEC_BEGINS);
			if (is_misplaced_dec(ps))
				parse_error(ps, pos, DEC_STATEMENT);
			lex_seek(ps->l, ps->l->cur.start + 1);
		}
		parse_advance(ps);
		if (info.kind == E_CONCAT) {
			struct expr *e = parse_new_expr(ps, E_CONCAT, pos), **tail = &a->next;
			unsigned int n = 1;

			/* right associative, which for joining does not matter */
			e->start = a->start;
			for (;;) {
				*tail = parse_binary(ps, P_CONCAT);
				tail = &(*tail)->next;
				n++;
				if (!parse_accept(ps, TK_CONCAT))
					break;
			}
			list_to(ps, e, a);
			a = e;
			continue;
		}
		b = parse_binary(ps, info.prec);
		if (info.kind == E_BIN && is_filter(ps, a, info.op, b))
			a = new_filter(ps, a, info.op, pos, b);
		else
			a = new_bin(ps, info.kind, info.op, pos, a, b);
	}
}

struct expr *parse_expr(struct parser *ps)
{
	struct expr *e, *c;

	parse_enter(ps);
	e = parse_binary(ps, P_NONE);
	if (parse_tok(ps) == T('?')) {
		c = parse_new_expr(ps, E_COND, parse_pos(ps));
		c->start = e->start;
		parse_advance(ps);
		c->a = e;
		ps->no_colon++;
		c->b = parse_expr(ps);
		ps->no_colon--;
		parse_expect(ps, T(':'));
		c->c = parse_expr(ps);
		over(ps, c, c->a);
		over(ps, c, c->b);
		over(ps, c, c->c);
		e = c;
	}
	parse_leave(ps);
	return e;
}
