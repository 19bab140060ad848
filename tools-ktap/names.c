// SPDX-License-Identifier: GPL-2.0
/*
 * names: what the words of the library mean.
 */
#include <string.h>

#include "../../include/uapi/linux/ktap.h"
#include "names.h"
#include "util.h"

static const struct builtin builtins[] = {
#define BUILTIN(id, name, min, max, flags)	\
	[KTAP_BI_##id] = { name, min, max, flags },
	KTAP_BUILTINS(BUILTIN)
#undef BUILTIN
};

/* No name of any generation is dropped */
static const struct {
	const char *alias;
	const char *name;
} aliases[] = {
	{ "comm",		"execname" },
	{ "argevent",		"argstr" },
	{ "argname",		"probename" },
	{ "histogram",		"print_hist" },
	{ "stringof",		"tostring" },
	{ "ptable",		"stats" },
	{ "ipof",		"ksym" },
	{ "net.format_ip_addr",	"ntop" },
	{ "kdebug.probe",	"kdebug.trace" },
	{ "kdebug.probe_end",	"kdebug.trace_end" },
};

static const char *const spaces[] = { "kdebug", "timer", "table", "os", "net", "ansi" };

static const char *const members[] = { "retval", "sc_nr", "sc_name" };

static const char *const specials[] = {
	"pairs", "inplace_inc", "table_count", "timer.tick", "timer.profile", "timer.s",
	"timer.sec", "timer.ms", "timer.msec", "timer.us", "timer.usec", "timer.ns",
	"timer.nsec", "kdebug.kprobe", "kdebug.tracepoint", "kdebug.trace_by_id",
	"kdebug.probe_by_id", "args", "arg", "backtrace", "print_backtrace",
	"kdebug.dumpstack",
};

/* These make an aggregation; the first ones only without an argument */
static const char *const aggregations[] = {
	"count", "sum", "avg", "min", "max", "hist", "lhist", "llhist", "stats", "ptable",
};

#define AGG_NUMBERS	5	/* the ones that may be an accessor */
#define AGG_STATS	8	/* from here on they keep several numbers */

static bool in_list(const char *const *list, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(list[i], name))
			return true;
	return false;
}

const struct builtin *names_builtin(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(aliases); i++)
		if (!strcmp(aliases[i].alias, name))
			name = aliases[i].name;
	for (i = 0; i < ARRAY_SIZE(builtins); i++)
		if (!strcmp(builtins[i].name, name))
			return &builtins[i];
	return NULL;
}

bool names_is_space(const char *name)
{
	return in_list(spaces, ARRAY_SIZE(spaces), name);
}

bool names_makes_agg(const char *name, unsigned int nargs, bool *stats)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(aggregations); i++) {
		if (strcmp(aggregations[i], name))
			continue;
		*stats = i >= AGG_STATS;
		return i >= AGG_NUMBERS || !nargs;
	}
	return false;
}

bool names_is_member(const char *name)
{
	return in_list(members, ARRAY_SIZE(members), name);
}

bool names_is_special(const char *name)
{
	return in_list(specials, ARRAY_SIZE(specials), name);
}

#define MAX_WORD	32

unsigned int names_max_dist(const char *word)
{
	size_t n = strlen(word);

	/* of short words most are near to each other */
	return n < 5 ? 1 : n < 8 ? 2 : 3;
}

/* Insertions, deletions, replacements and swaps from one word to the other */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int d[3][MAX_WORD + 1], i, j, v;
	size_t na = strlen(a), nb = strlen(b);

	if (na > MAX_WORD || nb > MAX_WORD)
		return MAX_WORD;
	for (j = 0; j <= nb; j++)
		d[0][j] = j;
	for (i = 1; i <= na; i++) {
		d[i % 3][0] = i;
		for (j = 1; j <= nb; j++) {
			v = d[(i - 1) % 3][j - 1] + (a[i - 1] != b[j - 1]);
			if (d[(i - 1) % 3][j] + 1 < v)
				v = d[(i - 1) % 3][j] + 1;
			if (d[i % 3][j - 1] + 1 < v)
				v = d[i % 3][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[(i - 2) % 3][j - 2] + 1 < v)
				v = d[(i - 2) % 3][j - 2] + 1;
			d[i % 3][j] = v;
		}
	}
	return d[na % 3][nb];
}

void names_near(const char *word, const char *candidate, const char **best, unsigned int *dist)
{
	unsigned int d = distance(word, candidate);

	if (d < *dist && d < strlen(word)) {
		*best = candidate;
		*dist = d;
	}
}

void names_near_library(const char *word, const char **best, unsigned int *dist)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(builtins); i++)
		if (strncmp(builtins[i].name, "event.", 6))
			names_near(word, builtins[i].name, best, dist);
	for (i = 0; i < ARRAY_SIZE(aliases); i++)
		names_near(word, aliases[i].alias, best, dist);
	for (i = 0; i < ARRAY_SIZE(specials); i++)
		names_near(word, specials[i], best, dist);
	for (i = 0; i < ARRAY_SIZE(members); i++)
		names_near(word, members[i], best, dist);
}
