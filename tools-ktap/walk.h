/* SPDX-License-Identifier: GPL-2.0 */
/*
 * walk: visits a whole program.
 *
 * Each function is called for every expression, or statement, after those that
 * are inside of it, with the function that it is in; either may be NULL.
 */
#ifndef _KTAP_WALK_H
#define _KTAP_WALK_H

#include "ast.h"

struct walk {
	void (*expr)(void *data, struct func *f, struct expr *e);
	void (*stmt)(void *data, struct func *f, struct stmt *s);
	void *data;
};

void walk_program(const struct walk *w, struct program *p);
void walk_expr(const struct walk *w, struct func *f, struct expr *e);

#endif /* _KTAP_WALK_H */
