/* SPDX-License-Identifier: GPL-2.0 */
/*
 * opt: improves the instructions of a function, after all are there.
 */
#ifndef _KTAP_OPT_H
#define _KTAP_OPT_H

#include <stddef.h>

#include "util.h"

/*
 * Changes @n instructions at @code and what belongs to each at @lines in place;
 * returns how many are left, which are at least one.
 */
size_t opt_code(struct arena *a, unsigned int *code, unsigned int *lines, size_t n);

#endif /* _KTAP_OPT_H */
