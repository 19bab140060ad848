/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fold: works out at compile time what constants give.
 */
#ifndef _KTAP_FOLD_H
#define _KTAP_FOLD_H

#include "ast.h"

/* After scope_program(), before gen_program() */
void fold_program(struct program *p);

#endif /* _KTAP_FOLD_H */
