/* SPDX-License-Identifier: GPL-2.0 */
/*
 * names: what the words of the library mean, of every generation, and which
 * word a mistyped one may have been.
 */
#ifndef _KTAP_NAMES_H
#define _KTAP_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* A builtin as include/uapi/linux/ktap.h lists it */
struct builtin {
	const char *name;
	unsigned char min;
	unsigned char max;
	unsigned char flags;
};

/* @name may be an alias: comm for execname */
const struct builtin *names_builtin(const char *name);
/* Does it come with a dot behind it: kdebug, timer? */
bool names_is_space(const char *name);
/* Does a call of it make an aggregation? @stats: that keeps more than a number */
bool names_makes_agg(const char *name, unsigned int nargs, bool *stats);
/* Is it a member of the event that may stand alone: retval? */
bool names_is_member(const char *name);
/* Other functions that the compiler itself knows: inplace_inc */
bool names_is_special(const char *name);

/*
 * The best guess so far is in @best at distance @dist; begin with
 * names_max_dist() of the word. names_near() looks at one candidate,
 * names_near_library() at all words of the library.
 */
unsigned int names_max_dist(const char *word);
void names_near(const char *word, const char *candidate, const char **best, unsigned int *dist);
void names_near_library(const char *word, const char **best, unsigned int *dist);

#endif /* _KTAP_NAMES_H */
