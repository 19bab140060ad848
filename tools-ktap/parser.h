/* SPDX-License-Identifier: GPL-2.0 */
/*
 * parser: what parser.c (statements), parse_expr.c and parse_trace.c share.
 *
 * An error is reported and leaves by longjmp() to the innermost block, which
 * goes on with the next statement; memory is the arena's, so nothing is lost.
 */
#ifndef _KTAP_PARSER_H
#define _KTAP_PARSER_H

#include <setjmp.h>

#include "ast.h"

struct parser {
	struct program *prog;
	struct lexer *l;
	struct func *fn;
	unsigned int depth;		/* of what is open */
	unsigned int max_depth;		/* of the expressions of this function */
	int braces;			/* { less } so far */
	unsigned int no_colon;		/* inside ?: a colon belongs to it */
	bool in_pred;
	bool of_ftrace;			/* in_pred: what is compared with ip is a function */
	bool lost;			/* nested too deeply: the rest is not parsed */
	size_t stmt_start;		/* offset of the statement last begun */
	struct lex_mark outside;	/* in_pred: where the predicate was met ... */
	const char *outside_src;	/* ... and in which text */
	size_t outside_len;
	size_t pred_end;		/* where the text around it goes on, or 0 */
	jmp_buf *jb;
};

#define T(c)	(TK_CHAR + (c))

__printf(4, 5)
__noreturn void parse_fail(struct parser *ps, enum diag_tag tag, struct src_pos pos,
			   const char *fmt, ...);
#define parse_error(ps, pos, tag, ...)	\
	parse_fail(ps, DIAG_##tag, pos, diag_format_##tag, ##__VA_ARGS__)
__noreturn void parse_unexpected(struct parser *ps, const char *wanted);
void parse_advance(struct parser *ps);
bool parse_accept(struct parser *ps, int kind);
void parse_expect(struct parser *ps, int kind);
void parse_expect_close(struct parser *ps, int kind, int open, struct src_pos where);
struct kstr *parse_name(struct parser *ps);
void parse_enter(struct parser *ps);
void parse_leave(struct parser *ps);

static inline int parse_tok(const struct parser *ps)
{
	return ps->l->cur.kind;
}

static inline struct src_pos parse_pos(const struct parser *ps)
{
	return ps->l->cur.pos;
}

static inline void *parse_alloc(struct parser *ps, size_t n)
{
	return arena_alloc(&ps->prog->arena, n);
}

/* parse_expr.c */
struct expr *parse_new_expr(struct parser *ps, int kind, struct src_pos pos);
struct expr *parse_expr(struct parser *ps);
struct expr *parse_expr_list(struct parser *ps);
struct expr *parse_suffixed(struct parser *ps);
struct expr *parse_func_expr(struct parser *ps, struct func *f);
void parse_set_depth(struct parser *ps, struct expr *e);

/* parser.c */
struct stmt *parse_new_stmt(struct parser *ps, int kind, struct src_pos pos);
struct func *parse_new_func(struct parser *ps, struct kstr *name, struct src_pos pos);
/* From the { on to the } */
void parse_func_block(struct parser *ps, struct func *f);
/* From the ( of the parameters on */
void parse_func_body(struct parser *ps, struct func *f, bool self);

/* parse_trace.c */
struct stmt *parse_trace(struct parser *ps);
struct stmt *parse_timer(struct parser *ps);
struct stmt *parse_hook(struct parser *ps);
bool parse_is_timer(struct parser *ps);
/* After a predicate: back to the text around it */
void parse_leave_pred(struct parser *ps);
/* After an error, which may have been in a predicate: to what follows it */
void parse_skip_pred(struct parser *ps);
/* kdebug.probe("EVENTS /PREDICATE/", f) is a trace statement; or NULL */
struct stmt *parse_probe_call(struct parser *ps, struct expr *call);

#endif /* _KTAP_PARSER_H */
