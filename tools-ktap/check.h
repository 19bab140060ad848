/* SPDX-License-Identifier: GPL-2.0 */
/*
 * check: warnings for what is surely wrong, though it compiles and runs.
 */
#ifndef _KTAP_CHECK_H
#define _KTAP_CHECK_H

#include "ast.h"

/* After scope_program(), and before fold_program(), which takes away what is seen */
void check_program(struct program *p);

#endif /* _KTAP_CHECK_H */
