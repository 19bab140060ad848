// SPDX-License-Identifier: GPL-2.0
/*
 * compile: the compiler from end to end.
 */
#include <stdlib.h>
#include <string.h>

#include "ast.h"
#include "check.h"
#include "fold.h"
#include "ktap_compile.h"

static int by_place(const void *a, const void *b)
{
	const struct diag_msg *x = a, *y = b;

	if (x->pos.line != y->pos.line)
		return x->pos.line < y->pos.line ? -1 : 1;
	if (x->pos.col != y->pos.col)
		return x->pos.col < y->pos.col ? -1 : 1;
	return 0;
}

struct ktap_image *ktap_compile(const char *name, const char *src, size_t len,
				struct ktap_diag *diag)
{
	struct program *p = xmalloc(sizeof(*p));
	const struct src_pos first = { 1, 1 };
	struct ktap_image *img = NULL;
	int syntax_err;

	memset(p, 0, sizeof(*p));
	p->diag = diag;
	p->syms_tail = &p->syms;
	diag_source(diag, name, src, len);
	if (len > KTAP_MAX_SOURCE) {
		diag_error(diag, first, SOURCE_LONG, KTAP_MAX_SOURCE >> 20);
		goto out;
	}
	lex_init(&p->lex, &p->arena, diag, src, len);
	syntax_err = parse_program(p);
	/* after errors too: it finds more of them */
	scope_program(p);
	if (!syntax_err) {
		check_program(p);
		fold_program(p);
		img = gen_program(p);
	}
	if (diag->nerrors) {
		ktap_image_free(img);
		img = NULL;
	}
out:
	qsort(diag->msgs, diag->nmsgs, sizeof(diag->msgs[0]), by_place);
	diag->src = NULL;
	diag->name = NULL;
	arena_free(&p->arena);
	free(p);
	return img;
}
