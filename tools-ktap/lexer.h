/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lexer: source text to tokens.
 *
 * The parser sees the current token and may look at the one after it. Event
 * definitions are not made of tokens: lex_pos() tells where the text after the
 * current token begins, and lex_seek() goes on elsewhere.
 */
#ifndef _KTAP_LEXER_H
#define _KTAP_LEXER_H

#include "diag.h"
#include "util.h"

enum token_kind {
	TK_EOF,
	TK_ERROR,		/* reported already */
	TK_NAME,
	TK_INT,
	TK_STR,
	/* keywords, in the order of the table in lexer.c */
	TK_AND, TK_BREAK, TK_CONTINUE, TK_DO, TK_ELSE, TK_ELSEIF, TK_END, TK_FALSE,
	TK_FOR, TK_FUNCTION, TK_GOTO, TK_IF, TK_IN, TK_LOCAL, TK_NIL, TK_NOT, TK_OR,
	TK_REPEAT, TK_RETURN, TK_THEN, TK_TRACE, TK_TRACE_BEGIN, TK_TRACE_END, TK_TRUE,
	TK_UNTIL, TK_VAR, TK_WHILE,
	/* operators, in the order of the table in lexer.c */
	TK_USHR_SET, TK_AGG, TK_USHR, TK_SHL_SET, TK_SHR_SET, TK_DOTS, TK_CONCAT_SET,
	TK_EQ, TK_NE, TK_LE, TK_GE, TK_SHL, TK_SHR, TK_ANDAND, TK_OROR, TK_INC, TK_DEC,
	TK_ADD_SET, TK_SUB_SET, TK_MUL_SET, TK_DIV_SET, TK_MOD_SET, TK_BAND_SET,
	TK_BOR_SET, TK_BXOR_SET, TK_CONCAT, TK_LABEL,
	/* single characters are their own kind */
	TK_CHAR = 256,
};

/* An interned string: equal strings are the same pointer */
struct kstr {
	struct kstr *next;
	struct sym *sym;	/* the name as one that no scope declares */
	__u32 hash;
	__u32 len;
	char s[];		/* @len bytes and a NUL */
};

struct token {
	int kind;
	struct src_pos pos;
	bool first;		/* nothing but blanks before it on its line */
	bool big;		/* TK_INT: 2^63, which needs a minus before it */
	size_t start;		/* offset of its first byte */
	size_t end;		/* offset after its last byte */
	__s64 i;
	struct kstr *str;	/* TK_NAME, TK_STR */
};

struct lexer {
	struct ktap_diag *diag;
	struct arena *arena;
	const char *src;
	size_t len;		/* where the text ends for the lexer */
	size_t pos;
	unsigned int line;
	size_t line_start;
	struct token cur;
	struct token ahead;
	bool has_ahead;
	struct kstr **buckets;
	unsigned int nbuckets;
	unsigned int nstrs;
};

/* A place to return to, to look further ahead */
struct lex_mark {
	struct token cur;
	struct token ahead;
	bool has_ahead;
	size_t pos;
	unsigned int line;
	size_t line_start;
};

struct lex_mark lex_mark(const struct lexer *l);
void lex_return(struct lexer *l, const struct lex_mark *m);

void lex_init(struct lexer *l, struct arena *arena, struct ktap_diag *diag,
	      const char *src, size_t len);
void lex_next(struct lexer *l);
const struct token *lex_peek(struct lexer *l);
void lex_seek(struct lexer *l, size_t off);
/* The place of offset @off; the second form goes on from a place that is known */
struct src_pos lex_pos_at(const struct lexer *l, size_t off);
struct src_pos lex_pos_on(const struct lexer *l, struct src_pos pos, size_t from, size_t off);
struct kstr *lex_intern(struct lexer *l, const char *s, size_t len);
/* The token for messages: 'x' or end of file; in a static buffer */
const char *lex_describe(const struct lexer *l, const struct token *t, char buf[64]);
const char *lex_kind_text(int kind, char buf[64]);

static inline bool lex_is_name_start(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static inline bool lex_is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static inline bool lex_is_name(unsigned char c)
{
	return lex_is_name_start(c) || lex_is_digit(c);
}

static inline bool lex_is_blank(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

#endif /* _KTAP_LEXER_H */
