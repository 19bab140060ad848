// SPDX-License-Identifier: GPL-2.0
/*
 * parse_trace: trace statements of all generations.
 *
 *	trace EVENT [, EVENT ...] [/predicate/] { }
 *	trace EVENT, handler
 *	trace EVENT, function (e) { }
 *	trace "EVENT; EVENT /predicate/" handler
 *	trace (EXPRESSION) [/predicate/] { }
 *	tick-1s { }	profile-97hz { }
 *	trace_begin { }	trace_end { }	trace_end function () { }
 *
 * An event is text for the kernel. It is not made of tokens: between trace and
 * the { there are no comments, as in probe:/lib/x?.so:malloc. Commas outside of
 * parentheses separate events, but for those in cpu/event=0x3c,umask=1/.
 */
#include <string.h>

#include "parser.h"

/* The text of a trace statement, cut into parts */
struct text {
	const char *s;
	size_t len;
	struct expr *events;
	struct expr **tail;
	unsigned int nevents;
	size_t last_from;	/* the last part */
	size_t last_to;
	size_t known_off;	/* the last offset whose place was asked for */
	struct src_pos known;	/* and its place; line 0: none was */
	size_t pred_from;	/* inside of the two / */
	size_t pred_to;
	bool has_pred;
	bool after_pred;	/* the last part comes after the predicate */
	bool comma;		/* ... or after a comma */
	size_t end;		/* where it ended, and what stands there */
	int end_char;		/* '{', or 0 */
};

static void trim(const char *s, size_t *from, size_t *to)
{
	while (*from < *to && lex_is_blank(s[*from]))
		(*from)++;
	while (*to > *from && lex_is_blank(s[*to - 1]))
		(*to)--;
}

static size_t skip_blanks(const char *s, size_t i, size_t len)
{
	while (i < len && lex_is_blank(s[i]))
		i++;
	return i;
}

static bool is_word(const char *s, size_t from, size_t to, const char *word)
{
	size_t n = strlen(word);

	return to - from >= n && !memcmp(s + from, word, n) &&
	       (to - from == n || !lex_is_name(s[from + n]));
}

/* Could this part be a handler's name? */
static bool is_handler_name(const char *s, size_t from, size_t to)
{
	size_t i;

	if (from == to || !lex_is_name_start(s[from]))
		return false;
	for (i = from; i < to; i++)
		if (!lex_is_name(s[i]) && s[i] != '.')
			return false;
	return true;
}

/*
 * The / that ends the predicate that begins at @i: what follows it cannot
 * follow a division. Returns @len if there is none.
 */
static size_t pred_end(const char *s, size_t i, size_t len)
{
	size_t next;
	char quote;

	for (; i < len; i++) {
		if (s[i] == '"' || s[i] == '\'') {
			quote = s[i++];
			while (i < len && s[i] != quote && s[i] != '\n')
				i += s[i] == '\\' && i + 1 < len ? 2 : 1;
			continue;
		}
		/* no expression of a predicate has these: the / is missing */
		if (s[i] == '{' || s[i] == '}')
			break;
		if (s[i] != '/')
			continue;
		next = skip_blanks(s, i + 1, len);
		if (next >= len || s[next] == '{' || s[next] == ',' || s[next] == ';' ||
		    is_word(s, next, len, "function"))
			return i;
	}
	return len;
}

static struct src_pos text_pos(struct parser *ps, struct text *t, size_t off,
			       struct src_pos base)
{
	if (t->s == ps->l->src) {
		/* not from the start again for each of many events */
		t->known = t->known.line && off >= t->known_off ?
			   lex_pos_on(ps->l, t->known, t->known_off, off) :
			   lex_pos_at(ps->l, off);
		t->known_off = off;
		return t->known;
	}
	/* inside of a string; right if it has no escapes */
	return (struct src_pos){ base.line, base.col + 1 + off };
}

static void add_part(struct parser *ps, struct text *t, struct src_pos base)
{
	struct expr *e;

	if (t->last_from == t->last_to)
		parse_error(ps, text_pos(ps, t, t->last_from, base), EVENT_NAME);
	if (t->after_pred)
		parse_error(ps, text_pos(ps, t, t->last_from, base), PRED_LAST);
	e = parse_new_expr(ps, E_STR, text_pos(ps, t, t->last_from, base));
	e->str = lex_intern(ps->l, t->s + t->last_from, t->last_to - t->last_from);
	*t->tail = e;
	t->tail = &e->next;
	t->nevents++;
}

/* Is the end of this line the end of the text? For trace EVENT, handler */
static bool line_ends_text(struct text *t, size_t from, size_t i)
{
	size_t to = i, next = skip_blanks(t->s, i, t->len);

	trim(t->s, &from, &to);
	if (!t->nevents && !t->has_pred)
		return false;
	if (next < t->len && strchr("{/,", t->s[next]))
		return false;
	return is_handler_name(t->s, from, to);
}

/*
 * Behind the terms of an event of a PMU, if they begin with the / at @i; else @i.
 * Commas are between them: cpu/event=0x3c,umask=1/
 */
static size_t skip_terms(const struct text *t, size_t from, size_t i)
{
	size_t to = i;

	trim(t->s, &from, &to);
	if (from == to || to != i)
		return i;
	for (; from < i; from++)
		if (!lex_is_name(t->s[from]) && !strchr("-.", t->s[from]))
			return i;
	for (to = i + 1; to < t->len && (unsigned char)t->s[to] > ' '; to++) {
		if (t->s[to] == '/')
			return to;
		if (t->s[to] == '{' || t->s[to] == '}')
			break;
	}
	return i;
}

/*
 * Cuts the text from @i on. A string (@quoted) ends with its length, a
 * statement's text with a {, or where its handler's name ends.
 */
static void scan(struct parser *ps, struct text *t, size_t i, bool quoted, struct src_pos base)
{
	size_t from = i, to;
	int parens = 0;
	char c;

	t->tail = &t->events;
	for (; i < t->len; i++) {
		c = t->s[i];
		if (c == '{' || (c == '}' && !parens) || (c == ';' && !parens))
			break;
		if (c == '\n' && !quoted && line_ends_text(t, from, i))
			break;
		if ((unsigned char)c < ' ' && !lex_is_blank(c))
			parse_error(ps, text_pos(ps, t, i, base), EVENT_BYTE, c);
		if (c == '(' || c == '[') {
			parens++;
		} else if (c == ')' || c == ']') {
			parens--;
		} else if (c == '/' && i > 0 && lex_is_blank(t->s[i - 1]) && !t->has_pred) {
			to = i;
			trim(t->s, &from, &to);
			t->last_from = from;
			t->last_to = to;
			t->pred_from = i + 1;
			t->pred_to = pred_end(t->s, i + 1, t->len);
			if (t->pred_to >= t->len)
				parse_error(ps, text_pos(ps, t, i, base), PRED_BRACE);
			if (from < to || !t->events)
				add_part(ps, t, base);
			t->has_pred = true;
			t->comma = false;
			i = t->pred_to;
			from = i + 1;
		} else if (c == '/') {
			i = skip_terms(t, from, i);
		} else if (c == ',' && parens <= 0) {
			to = i;
			trim(t->s, &from, &to);
			t->last_from = from;
			t->last_to = to;
			if (!t->has_pred || from < to)
				add_part(ps, t, base);
			t->after_pred = t->has_pred;
			t->comma = true;
			from = i + 1;
		}
	}
	t->end = i;
	t->end_char = i < t->len ? t->s[i] : 0;
	to = i;
	trim(t->s, &from, &to);
	t->last_from = from;
	t->last_to = to;
}

void parse_leave_pred(struct parser *ps)
{
	ps->in_pred = false;
	ps->of_ftrace = false;
	ps->l->src = ps->outside_src;
	ps->l->len = ps->outside_len;
	lex_return(ps->l, &ps->outside);
}

/* The events are no tokens, so nothing can be found in them by its tokens */
void parse_skip_pred(struct parser *ps)
{
	if (!ps->in_pred)
		return;
	parse_leave_pred(ps);
	if (ps->pred_end) {
		lex_seek(ps->l, ps->pred_end);
		lex_next(ps->l);
	}
}

#define FTRACE	"ftrace:function"

/* No comma, no blank, and nothing that patterns of the kernel take otherwise */
static bool is_plain_pattern(const struct kstr *s)
{
	size_t i;

	for (i = 0; i < s->len; i++)
		if (!lex_is_name(s->s[i]) && !memchr(".*?[]!-", s->s[i], 7))
			return false;
	return s->len;
}

/*
 * A pattern of functions that the event must match for @pred to hold, which is
 * left without it; or NULL.
 */
static struct kstr *take_filter(struct expr **pred)
{
	struct expr *e = *pred;
	struct kstr *s;

	if (e->kind == E_PAREN) {
		s = take_filter(&e->a);
		if (!e->a)
			*pred = NULL;
		return s;
	}
	if (e->kind == E_AND) {
		s = take_filter(&e->a);
		if (!s)
			s = take_filter(&e->b);
		if (!e->a || !e->b)
			*pred = e->a ? e->a : e->b;
		return s;
	}
	if (e->kind != E_BIN || !e->filter || !is_plain_pattern(e->b->str))
		return NULL;
	*pred = NULL;
	return e->b->str;
}

/*
 * The function tracer gets the pattern with its event, so that only functions
 * that match are hooked.
 */
static struct expr *push_filter(struct parser *ps, struct expr *event, struct expr *pred)
{
	struct kstr *s = NULL;
	char *buf;

	if (event && event->kind == E_STR && !event->next && !strcmp(event->str->s, FTRACE))
		s = take_filter(&pred);
	if (s) {
		buf = parse_alloc(ps, sizeof(FTRACE ":") + s->len);
		event->str = lex_intern(ps->l, buf, sprintf(buf, FTRACE ":%s", s->s));
	}
	return pred;
}

static struct expr *parse_pred(struct parser *ps, struct text *t, struct expr *events,
			       struct src_pos base)
{
	struct lexer *l = ps->l;
	struct expr *e;
	size_t i;

	for (i = t->pred_from; i < t->pred_to && lex_is_blank(t->s[i]); i++)
		;
	if (i == t->pred_to)
		parse_error(ps, text_pos(ps, t, t->pred_from - 1, base), PRED_EMPTY);
	ps->outside = lex_mark(l);
	ps->outside_src = l->src;
	ps->outside_len = l->len;
	ps->in_pred = true;
	for (e = events; e; e = e->next)
		if (e->kind == E_STR && !strncmp(e->str->s, FTRACE, strlen(FTRACE)))
			ps->of_ftrace = true;
	ps->pred_end = 0;
	if (t->s == l->src) {
		ps->pred_end = t->pred_to + 1;
		lex_seek(l, t->pred_from);
	} else {
		l->src = t->s;
		l->pos = t->pred_from;
		l->line = base.line;
		l->line_start = (size_t)0 - base.col;
		l->has_ahead = false;
	}
	l->len = t->pred_to;
	lex_next(l);
	e = parse_expr(ps);
	if (parse_tok(ps) != TK_EOF)
		parse_unexpected(ps, NULL);
	parse_leave_pred(ps);
	return push_filter(ps, events, e);
}

/* The handler @h, or one that looks at the predicate and then calls it */
static struct expr *with_pred(struct parser *ps, struct expr *h, struct expr *pred,
			      struct kstr *name)
{
	struct expr *call;
	struct stmt *ret;
	struct func *f;

	if (h->kind == E_FUNC) {
		h->func->handler = true;
		h->func->pred = pred;
		return h;
	}
	if (!pred)
		return h;
	f = parse_new_func(ps, name, h->start);
	f->handler = true;
	f->pred = pred;
	call = parse_new_expr(ps, E_CALL, h->start);
	call->a = h;
	call->list = parse_new_expr(ps, E_EVENT, h->start);
	call->n = 1;
	call->depth = h->depth + 1;
	parse_set_depth(ps, call);
	ret = parse_new_stmt(ps, S_RETURN, h->start);
	ret->list = call;
	f->body.first = ret;
	f->body.end = h->start;
	return parse_func_expr(ps, f);
}

/* { }, function (e) { }, or an expression that gives a function */
static struct expr *parse_handler(struct parser *ps, const struct expr *event,
				  struct expr *pred, bool is_event)
{
	struct src_pos pos = parse_pos(ps);
	struct kstr *name = NULL;
	struct func *f;
	char buf[80];

	if (event && event->kind == E_STR) {
		snprintf(buf, sizeof(buf), "trace %.60s", event->str->s);
		name = lex_intern(ps->l, buf, strlen(buf));
	}
	if (parse_tok(ps) == T('{') || parse_tok(ps) == TK_FUNCTION) {
		f = parse_new_func(ps, name, pos);
		f->handler = is_event;
		f->one_cpu = event && event->kind == E_STR && !event->next &&
			     !strncmp(event->str->s, "tick-", 5);
		f->pred = pred;
		if (parse_accept(ps, TK_FUNCTION))
			parse_func_body(ps, f, false);
		else
			parse_func_block(ps, f);
		return parse_func_expr(ps, f);
	}
	if (parse_tok(ps) != TK_NAME && parse_tok(ps) != T('('))
		parse_unexpected(ps, "'{' or a function");
	return with_pred(ps, parse_suffixed(ps), pred, name);
}

static struct stmt *new_trace(struct parser *ps, struct src_pos pos, struct expr *events,
			      struct expr *handler)
{
	struct stmt *s = parse_new_stmt(ps, S_TRACE, pos);

	s->list = events;
	s->targets = handler;
	return s;
}

static void seek(struct parser *ps, size_t off)
{
	lex_seek(ps->l, off);
	lex_next(ps->l);
}

/* What follows the events of a statement: the handler, in the text or behind it */
static struct stmt *finish_text(struct parser *ps, struct text *t, struct src_pos pos)
{
	struct src_pos none = {};
	struct expr *pred = NULL;
	bool in_text = false;
	char buf[64];

	if (t->has_pred)
		pred = parse_pred(ps, t, t->events, none);
	if (t->nevents && t->last_from < t->last_to) {
		if (is_word(t->s, t->last_from, t->last_to, "function"))
			in_text = true;
		else if (t->end_char != '{' &&
			 is_handler_name(t->s, t->last_from, t->last_to))
			in_text = true;
	}
	if (in_text) {
		seek(ps, t->last_from);
	} else {
		if (t->last_from < t->last_to || !t->nevents || t->comma)
			add_part(ps, t, none);
		seek(ps, t->end);
		if (parse_tok(ps) != T('{'))
			parse_error(ps, pos, EVENT_BRACE, lex_describe(ps->l, &ps->l->cur, buf));
	}
	return new_trace(ps, pos, t->events, parse_handler(ps, t->events, pred, true));
}

/* trace "EVENT; EVENT /predicate/" ...: one statement for each with a predicate */
static struct stmt *parse_quoted(struct parser *ps, struct expr *str, struct src_pos pos,
				 struct expr *pred, struct expr *handler)
{
	struct stmt *first = NULL, **tail = &first;
	const struct kstr *s = str->str;
	struct expr *p, *h;
	struct text t;
	size_t i = 0;

	for (;;) {
		memset(&t, 0, sizeof(t));
		t.s = s->s;
		t.len = s->len;
		scan(ps, &t, i, true, str->start);
		if (t.end_char == '{' || t.end_char == '}')
			parse_error(ps, str->start, EVENT_CHAR, t.end_char);
		if (t.last_from < t.last_to || !t.nevents)
			add_part(ps, &t, str->start);
		p = t.has_pred ? parse_pred(ps, &t, t.events, str->start) : pred;
		if (!handler)
			h = parse_handler(ps, t.events, p, true);
		else
			h = with_pred(ps, handler, p, NULL);
		*tail = new_trace(ps, pos, t.events, h);
		tail = &(*tail)->next;
		if (!t.end_char)
			return first;
		i = skip_blanks(t.s, t.end + 1, t.len);
		if (i == t.len)
			return first;
		if (h->kind == E_FUNC && (!handler || handler->kind == E_FUNC))
			parse_error(ps, str->start, EVENTS_HANDLER);
	}
}

struct stmt *parse_trace(struct parser *ps)
{
	struct src_pos pos = parse_pos(ps), where;
	size_t i = skip_blanks(ps->l->src, ps->l->pos, ps->l->len);
	struct text t = { .s = ps->l->src, .len = ps->l->len };
	struct expr *e, *pred = NULL, **tail;
	struct expr *handler;

	if (i < t.len && (t.s[i] == '"' || t.s[i] == '\'')) {
		bool parts;

		parse_advance(ps);
		if (parse_tok(ps) != TK_STR)
			parse_unexpected(ps, "an event");
		e = parse_new_expr(ps, E_STR, parse_pos(ps));
		e->str = ps->l->cur.str;
		i = skip_blanks(t.s, ps->l->cur.end, t.len);
		if (i < t.len && t.s[i] == '/' && i + 1 < t.len && t.s[i + 1] != '/' &&
		    t.s[i + 1] != '*') {
			t.pred_from = i + 1;
			t.pred_to = pred_end(t.s, i + 1, t.len);
			if (t.pred_to >= t.len)
				parse_error(ps, lex_pos_at(ps->l, i), PRED_OPEN);
			pred = parse_pred(ps, &t, e, pos);
			seek(ps, t.pred_to + 1);
		} else {
			parse_advance(ps);
		}
		parse_accept(ps, T(','));
		/* several parts: the handler is parsed once, before them */
		parts = memchr(e->str->s, ';', e->str->len);
		if (parts && parse_tok(ps) == TK_NAME) {
			handler = parse_suffixed(ps);
			return parse_quoted(ps, e, pos, pred, handler);
		}
		return parse_quoted(ps, e, pos, pred, NULL);
	}
	if (i < t.len && t.s[i] == '(') {
		parse_advance(ps);
		where = parse_pos(ps);
		parse_advance(ps);
		e = parse_expr(ps);
		if (parse_tok(ps) != T(')'))
			parse_expect_close(ps, T(')'), '(', where);
		i = skip_blanks(t.s, ps->l->cur.end, t.len);
		if (i < t.len && t.s[i] == '/') {
			t.pred_from = i + 1;
			t.pred_to = pred_end(t.s, i + 1, t.len);
			if (t.pred_to >= t.len)
				parse_error(ps, lex_pos_at(ps->l, i), PRED_OPEN);
			pred = parse_pred(ps, &t, e, pos);
			i = t.pred_to + 1;
		}
		seek(ps, i);
		parse_accept(ps, T(','));
		for (tail = &e->next; *tail; tail = &(*tail)->next)
			;
		return new_trace(ps, pos, e, parse_handler(ps, e, pred, true));
	}
	scan(ps, &t, i, false, pos);
	return finish_text(ps, &t, pos);
}

bool parse_is_timer(struct parser *ps)
{
	const struct lexer *l = ps->l;
	const struct token *c = &l->cur;

	return (is_word(l->src, c->start, c->end, "tick") ||
		is_word(l->src, c->start, c->end, "profile")) &&
	       c->end + 1 < l->len && l->src[c->end] == '-' &&
	       lex_is_digit(l->src[c->end + 1]);
}

struct stmt *parse_timer(struct parser *ps)
{
	struct src_pos pos = parse_pos(ps);
	struct text t = { .s = ps->l->src, .len = ps->l->len };

	scan(ps, &t, ps->l->cur.start, false, pos);
	return finish_text(ps, &t, pos);
}

struct stmt *parse_hook(struct parser *ps)
{
	struct stmt *s = parse_new_stmt(ps, S_HOOK, parse_pos(ps));
	struct expr *name = parse_new_expr(ps, E_STR, parse_pos(ps));

	s->op = parse_tok(ps) == TK_TRACE_END;
	name->str = ps->l->cur.str;
	parse_advance(ps);
	s->targets = parse_handler(ps, NULL, NULL, false);
	if (s->targets->kind == E_FUNC)
		s->targets->func->name = name->str;
	return s;
}

struct stmt *parse_probe_call(struct parser *ps, struct expr *call)
{
	const struct expr *f = call->a;
	struct expr *text = call->list;
	const struct kstr *s;
	bool split = false;
	unsigned int i;

	if (call->kind != E_CALL || call->n != 2 || text->kind != E_STR ||
	    f->kind != E_FIELD || f->a->kind != E_NAME || strcmp(f->a->str->s, "kdebug") ||
	    (strcmp(f->str->s, "probe") && strcmp(f->str->s, "trace")))
		return NULL;
	s = text->str;
	for (i = 0; i < s->len; i++)
		if (s->s[i] == ';' || s->s[i] == ',' ||
		    (i && s->s[i] == '/' && lex_is_blank(s->s[i - 1])))
			split = true;
	if (!split)
		return NULL;
	return parse_quoted(ps, text, call->start, NULL, text->next);
}
