// SPDX-License-Identifier: GPL-2.0
/*
 * lexer: source text to tokens.
 */
#include <string.h>

#include "lexer.h"

static const char *const keywords[] = {
	"and", "break", "continue", "do", "else", "elseif", "end", "false",
	"for", "function", "goto", "if", "in", "local", "nil", "not", "or",
	"repeat", "return", "then", "trace", "trace_begin", "trace_end", "true",
	"until", "var", "while",
};

/* Longer ones first: the first that matches is taken */
static const char *const operators[] = {
	">>>=", "<<<", ">>>", "<<=", ">>=", "...", "..=",
	"==", "!=", "<=", ">=", "<<", ">>", "&&", "||", "++", "--",
	"+=", "-=", "*=", "/=", "%=", "&=",
	"|=", "^=", "..", "::",
};

static __u32 hash_bytes(const char *s, size_t len)
{
	__u32 h = 2166136261u;

	while (len--)
		h = (h ^ (unsigned char)*s++) * 16777619u;
	return h;
}

static void rehash(struct lexer *l)
{
	unsigned int n = l->nbuckets ? l->nbuckets * 4 : 256, i;
	struct kstr **b = arena_alloc(l->arena, n * sizeof(*b)), *s, *next;

	for (i = 0; i < l->nbuckets; i++) {
		for (s = l->buckets[i]; s; s = next) {
			next = s->next;
			s->next = b[s->hash % n];
			b[s->hash % n] = s;
		}
	}
	l->buckets = b;
	l->nbuckets = n;
}

struct kstr *lex_intern(struct lexer *l, const char *s, size_t len)
{
	__u32 h = hash_bytes(s, len);
	struct kstr *k;

	if (l->nstrs >= l->nbuckets)
		rehash(l);
	for (k = l->buckets[h % l->nbuckets]; k; k = k->next)
		if (k->hash == h && k->len == len && !memcmp(k->s, s, len))
			return k;
	k = arena_alloc(l->arena, sizeof(*k) + len + 1);
	k->hash = h;
	k->len = len;
	if (len)
		memcpy(k->s, s, len);
	k->next = l->buckets[h % l->nbuckets];
	l->buckets[h % l->nbuckets] = k;
	l->nstrs++;
	return k;
}

void lex_init(struct lexer *l, struct arena *arena, struct ktap_diag *diag,
	      const char *src, size_t len)
{
	memset(l, 0, sizeof(*l));
	l->arena = arena;
	l->diag = diag;
	l->src = src;
	l->len = len;
	l->line = 1;
	if (len >= 3 && !memcmp(src, "\xef\xbb\xbf", 3))
		l->pos = 3;
}

static struct src_pos pos_here(const struct lexer *l, size_t off)
{
	return (struct src_pos){ l->line, off - l->line_start + 1 };
}

static int peekc(const struct lexer *l, size_t n)
{
	return l->pos + n < l->len ? (unsigned char)l->src[l->pos + n] : -1;
}

static void newline(struct lexer *l)
{
	l->line++;
	l->line_start = l->pos;
}

/* Skips blanks and comments. Returns -1 after an error. */
static int skip_blanks(struct lexer *l, struct token *t)
{
	size_t start;
	struct src_pos pos;
	int c;

	for (;;) {
		c = peekc(l, 0);
		if (c == '\n') {
			l->pos++;
			newline(l);
			t->first = true;
		} else if (c >= 0 && lex_is_blank(c)) {
			l->pos++;
		} else if (c == '#' || (c == '/' && peekc(l, 1) == '/')) {
			while (peekc(l, 0) > 0 && peekc(l, 0) != '\n')
				l->pos++;
		} else if (c == '/' && peekc(l, 1) == '*') {
			start = l->pos;
			pos = pos_here(l, start);
			l->pos += 2;
			while (peekc(l, 0) > 0 && !(peekc(l, 0) == '*' && peekc(l, 1) == '/')) {
				l->pos++;
				if (l->src[l->pos - 1] == '\n') {
					newline(l);
					t->first = true;
				}
			}
			if (peekc(l, 0) < 0) {
				diag_error(l->diag, pos, COMMENT_OPEN);
				return -1;
			}
			if (!peekc(l, 0))
				return 0;
			l->pos += 2;
		} else {
			return 0;
		}
	}
}

static int digit_value(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

static const struct {
	const char *name;
	__u64 ns;
} durations[] = {
	{ "ns", 1 },
	{ "us", 1000 },
	{ "ms", 1000000 },
	{ "s", 1000000000 },
};

static int lex_number(struct lexer *l, struct token *t)
{
	unsigned int base = 10, i;
	bool over = false, any = false, bad = false, last_sep = false;
	__u64 v = 0, scale = 1;
	size_t start = l->pos, suffix;
	int c;

	if (peekc(l, 0) == '0') {
		c = peekc(l, 1);
		if (c == 'x' || c == 'X' || c == 'b' || c == 'B') {
			base = c == 'x' || c == 'X' ? 16 : 2;
			l->pos += 2;
		} else if ((c >= '0' && c <= '9') || c == '_') {
			base = 8;
			l->pos++;
			any = true;
		}
	}
	for (; (c = peekc(l, 0)) >= 0; l->pos++) {
		if (c == '_') {
			if (!any || last_sep)
				bad = true;
			last_sep = true;
			continue;
		}
		if ((unsigned int)digit_value(c) >= base)
			break;
		if (__builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, digit_value(c), &v))
			over = true;
		any = true;
		last_sep = false;
	}
	suffix = l->pos;
	while (peekc(l, 0) >= 0 && lex_is_name(peekc(l, 0)))
		l->pos++;
	if (l->pos > suffix && base == 10) {
		for (i = 0; i < ARRAY_SIZE(durations); i++) {
			if (strlen(durations[i].name) == l->pos - suffix &&
			    !memcmp(durations[i].name, l->src + suffix, l->pos - suffix))
				break;
		}
		if (i < ARRAY_SIZE(durations))
			scale = durations[i].ns;
		else
			bad = true;
	} else if (l->pos > suffix) {
		bad = true;
	}
	/* 1.5 and 1..2; a concatenation needs a blank after the number */
	while (peekc(l, 0) == '.' || (bad && peekc(l, 0) >= 0 && lex_is_name(peekc(l, 0)))) {
		bad = true;
		l->pos++;
	}
	if (bad || !any || last_sep) {
		while (peekc(l, 0) >= 0 && (lex_is_name(peekc(l, 0)) || peekc(l, 0) == '.'))
			l->pos++;
		diag_error(l->diag, t->pos, NUMBER_MALFORMED,
			   (int)(l->pos - start > 60 ? 60 : l->pos - start), l->src + start);
		return -1;
	}
	if (__builtin_mul_overflow(v, scale, &v))
		over = true;
	if (!over && base == 10 && v > INT64_MAX) {
		if (v == (__u64)INT64_MAX + 1 && scale == 1)
			t->big = true;
		else
			over = true;
	}
	if (over) {
		diag_error(l->diag, t->pos, NUMBER_BIG);
		return -1;
	}
	t->kind = TK_INT;
	t->i = (__s64)v;
	return 0;
}

/*
 * One escape sequence, with the position after the backslash. Returns -1 after
 * an error.
 */
static int lex_escape(struct lexer *l, struct buf *b, struct src_pos pos)
{
	static const char from[] = "abfnrtv\\\"'", to[] = "\a\b\f\n\r\t\v\\\"'";
	int c = peekc(l, 0), i, n;
	const char *p;

	if (c < 0)
		return 0;	/* the caller reports the unfinished string */
	p = c ? strchr(from, c) : NULL;
	if (p) {
		l->pos++;
		buf_addc(b, to[p - from]);
		return 0;
	}
	if (c == '\r' && peekc(l, 1) == '\n') {
		l->pos++;
		c = '\n';
	}
	if (c == '\n') {
		l->pos++;
		newline(l);
		buf_addc(b, '\n');
		return 0;
	}
	if (c == 'z') {
		l->pos++;
		while (peekc(l, 0) >= 0 && lex_is_blank(peekc(l, 0))) {
			l->pos++;
			if (l->src[l->pos - 1] == '\n')
				newline(l);
		}
		return 0;
	}
	if (c == 'x') {
		if (digit_value(peekc(l, 1)) > 15 || digit_value(peekc(l, 2)) > 15) {
			diag_error(l->diag, pos, ESCAPE_HEX);
			return -1;
		}
		buf_addc(b, digit_value(peekc(l, 1)) * 16 + digit_value(peekc(l, 2)));
		l->pos += 3;
		return 0;
	}
	if (lex_is_digit(c)) {
		for (i = 0, n = 0; i < 3 && digit_value(peekc(l, 0)) < 10; i++, l->pos++)
			n = n * 10 + digit_value(peekc(l, 0));
		if (n > 255) {
			diag_error(l->diag, pos, ESCAPE_BIG, n);
			return -1;
		}
		buf_addc(b, n);
		return 0;
	}
	diag_error(l->diag, pos, ESCAPE_BAD);
	return -1;
}

static int lex_string(struct lexer *l, struct token *t)
{
	int quote = l->src[l->pos++], c, err = 0;
	struct buf b = {};

	for (;;) {
		c = peekc(l, 0);
		if (c < 0 || c == '\n') {
			diag_error(l->diag, t->pos, STRING_OPEN);
			err = -1;
			break;
		}
		l->pos++;
		if (c == quote)
			break;
		if (c != '\\')
			buf_addc(&b, c);
		else if (lex_escape(l, &b, pos_here(l, l->pos - 1)))
			err = -1;
	}
	t->kind = TK_STR;
	t->str = lex_intern(l, b.data ? b.data : "", b.len);
	buf_free(&b);
	return err;
}

/* [[...]] or [=[...]=]; returns 1 if there is none here */
static int lex_long_string(struct lexer *l, struct token *t)
{
	size_t n = 1, level, start, i;

	while (peekc(l, n) == '=')
		n++;
	if (peekc(l, n) != '[')
		return 1;
	level = n - 1;
	l->pos += n + 1;
	if (peekc(l, 0) == '\r' && peekc(l, 1) == '\n')
		l->pos++;
	if (peekc(l, 0) == '\n') {
		l->pos++;
		newline(l);
	}
	start = l->pos;
	while (peekc(l, 0) >= 0) {
		if (peekc(l, 0) == ']') {
			for (i = 0; i < level && peekc(l, 1 + i) == '='; i++)
				;
			if (i == level && peekc(l, 1 + level) == ']') {
				t->kind = TK_STR;
				t->str = lex_intern(l, l->src + start, l->pos - start);
				l->pos += level + 2;
				return 0;
			}
		}
		l->pos++;
		if (l->src[l->pos - 1] == '\n')
			newline(l);
	}
	diag_error(l->diag, t->pos, LONG_STRING_OPEN);
	return -1;
}

static void bad_char(struct lexer *l, struct token *t)
{
	int c = peekc(l, 0);
	unsigned int n;

	t->kind = TK_ERROR;
	if (c == '`') {
		diag_error(l->diag, t->pos, SYMBOL_ADDRESS);
		/* one error for both of its quotes */
		while (peekc(l, 1) >= 0 && lex_is_name(peekc(l, 1)))
			l->pos++;
		if (peekc(l, 1) == '`')
			l->pos++;
	} else if (c < 0x80) {
		if (c > ' ' && c < 0x7f)
			diag_error(l->diag, t->pos, CHAR_BAD, c);
		else
			diag_error(l->diag, t->pos, BYTE_BAD, c);
	} else {
		n = diag_utf8_len(l->src + l->pos, l->len - l->pos);
		if (n) {
			diag_error(l->diag, t->pos, CHAR_UTF8,
				   n, l->src + l->pos);
			l->pos += n - 1;
			/* one error for the word that it is in */
			while (peekc(l, 1) >= 0x80 ||
			       (peekc(l, 1) >= 0 && lex_is_name(peekc(l, 1))))
				l->pos++;
		} else {
			diag_error(l->diag, t->pos, BYTE_UTF8, c);
		}
	}
	l->pos++;
}

static void lex_word(struct lexer *l, struct token *t)
{
	size_t start = l->pos, n;
	unsigned int i;

	while (peekc(l, 0) >= 0 && lex_is_name(peekc(l, 0)))
		l->pos++;
	n = l->pos - start;
	for (i = 0; i < ARRAY_SIZE(keywords); i++) {
		if (strlen(keywords[i]) == n && !memcmp(keywords[i], l->src + start, n)) {
			t->kind = TK_AND + i;
			break;
		}
	}
	if (i == ARRAY_SIZE(keywords))
		t->kind = TK_NAME;
	t->str = lex_intern(l, l->src + start, n);
}

static void lex_token(struct lexer *l, struct token *t)
{
	unsigned int i;
	size_t n;
	int c, r;

	memset(t, 0, sizeof(*t));
	t->first = l->pos == 0;
	r = skip_blanks(l, t);
	t->start = l->pos;
	t->pos = pos_here(l, l->pos);
	c = peekc(l, 0);
	if (r) {
		t->kind = TK_ERROR;
	} else if (c < 0) {
		t->kind = TK_EOF;
	} else if (lex_is_name_start(c)) {
		lex_word(l, t);
	} else if (lex_is_digit(c)) {
		if (lex_number(l, t))
			t->kind = TK_ERROR;
	} else if (c == '"' || c == '\'') {
		if (lex_string(l, t))
			t->kind = TK_ERROR;
	} else {
		if (c == '[') {
			r = lex_long_string(l, t);
			if (r <= 0) {
				if (r)
					t->kind = TK_ERROR;
				goto out;
			}
		}
		for (i = 0; i < ARRAY_SIZE(operators); i++) {
			n = strlen(operators[i]);
			if (l->len - l->pos >= n && !memcmp(l->src + l->pos, operators[i], n)) {
				t->kind = TK_USHR_SET + i;
				l->pos += n;
				goto out;
			}
		}
		if (c && strchr("+-*/%&|^~!<>=(){}[];:,.?", c)) {
			t->kind = TK_CHAR + c;
			l->pos++;
		} else {
			bad_char(l, t);
		}
	}
out:
	t->end = l->pos;
}

void lex_next(struct lexer *l)
{
	if (l->has_ahead) {
		l->cur = l->ahead;
		l->has_ahead = false;
		return;
	}
	lex_token(l, &l->cur);
}

const struct token *lex_peek(struct lexer *l)
{
	if (!l->has_ahead) {
		lex_token(l, &l->ahead);
		l->has_ahead = true;
	}
	return &l->ahead;
}

struct src_pos lex_pos_on(const struct lexer *l, struct src_pos pos, size_t from, size_t off)
{
	for (; from < off; from++) {
		pos.col++;
		if (l->src[from] == '\n') {
			pos.line++;
			pos.col = 1;
		}
	}
	return pos;
}

struct src_pos lex_pos_at(const struct lexer *l, size_t off)
{
	if (off < l->cur.start)
		return lex_pos_on(l, (struct src_pos){ 1, 1 }, 0, off);
	return lex_pos_on(l, l->cur.pos, l->cur.start, off);
}

void lex_seek(struct lexer *l, size_t off)
{
	struct src_pos pos = lex_pos_at(l, off);

	l->line = pos.line;
	l->line_start = off - (pos.col - 1);
	l->pos = off;
	l->has_ahead = false;
}

struct lex_mark lex_mark(const struct lexer *l)
{
	return (struct lex_mark){
		.cur = l->cur,
		.ahead = l->ahead,
		.has_ahead = l->has_ahead,
		.pos = l->pos,
		.line = l->line,
		.line_start = l->line_start,
	};
}

void lex_return(struct lexer *l, const struct lex_mark *m)
{
	l->cur = m->cur;
	l->ahead = m->ahead;
	l->has_ahead = m->has_ahead;
	l->pos = m->pos;
	l->line = m->line;
	l->line_start = m->line_start;
}

const char *lex_kind_text(int kind, char buf[64])
{
	const char *s = NULL;

	if (kind > TK_CHAR)
		snprintf(buf, 64, "'%c'", kind - TK_CHAR);
	else if (kind >= TK_USHR_SET && kind <= TK_LABEL)
		s = operators[kind - TK_USHR_SET];
	else if (kind >= TK_AND && kind <= TK_WHILE)
		s = keywords[kind - TK_AND];
	else
		return kind == TK_NAME ? "a name" : "end of file";
	if (s)
		snprintf(buf, 64, "'%s'", s);
	return buf;
}

const char *lex_describe(const struct lexer *l, const struct token *t, char buf[64])
{
	size_t n = t->end - t->start;

	if (t->kind == TK_EOF)
		return "end of file";
	if (memchr(l->src + t->start, '\n', n))
		n = (const char *)memchr(l->src + t->start, '\n', n) - (l->src + t->start);
	if (n > 40)
		snprintf(buf, 64, "'%.37s...'", l->src + t->start);
	else
		snprintf(buf, 64, "'%.*s'", (int)n, l->src + t->start);
	return buf;
}
