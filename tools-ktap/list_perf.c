// SPDX-License-Identifier: GPL-2.0
/*
 * list_perf: perf events for -l: those that have names everywhere, and those that
 * the PMUs of this machine have in sysfs.
 */
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "../../include/uapi/linux/ktap.h"
#include "list.h"
#include "pmu.h"

struct name {
	const char *name;
	const char *others;	/* with a NUL between two, and one more at the end */
	const char *text;
};

#define NAME(id, name, others, text)	{ name, others "\0", text },
#define PART(id, name, others)		{ name, others "\0", NULL },

static const struct name software[] = { KTAP_PERF_SOFTWARE(NAME) };
static const struct name hardware[] = { KTAP_PERF_HARDWARE(NAME) };
static const struct name caches[] = { KTAP_PERF_CACHES(PART) };
static const struct name ops[] = { KTAP_PERF_CACHE_OPS(PART) };

static unsigned int show(const char *glob, bool verbose, const char *name, const char *text)
{
	if (glob && fnmatch(glob, name, 0))
		return 0;
	puts(name);
	if (verbose)
		printf("    %s\n", text);
	return 1;
}

static unsigned int show_names(const char *glob, bool verbose, const struct name *names,
			       size_t nr)
{
	unsigned int n = 0;
	const char *other;
	size_t i;

	for (i = 0; i < nr; i++) {
		n += show(glob, verbose, names[i].name, names[i].text);
		for (other = names[i].others; *other; other += strlen(other) + 1)
			n += show(glob, verbose, other, names[i].text);
	}
	return n;
}

/* The plural is the last name of an operation */
static const char *plural(const struct name *op)
{
	const char *p = op->others, *last = p;

	for (; *p; p += strlen(p) + 1)
		last = p;
	return last;
}

static unsigned int show_caches(const char *glob, bool verbose)
{
	unsigned int n = 0;
	size_t i, j;
	char name[64];

	for (i = 0; i < ARRAY_SIZE(caches); i++) {
		for (j = 0; j < ARRAY_SIZE(ops); j++) {
			snprintf(name, sizeof(name), "%s-%s", caches[i].name, plural(&ops[j]));
			n += show(glob, verbose, name, "accesses");
			snprintf(name, sizeof(name), "%s-%s-misses", caches[i].name, ops[j].name);
			n += show(glob, verbose, name, "those that went to the next level");
		}
	}
	return n;
}

/* PMU/EVENT/, with what the event is short for */
static unsigned int show_pmus(const char *pattern, bool verbose)
{
	char name[256], text[256];
	const char *event, *pmu;
	unsigned int n = 0;
	glob_t found;
	size_t i;
	FILE *f;

	if (glob(PMU_DEVICES "/*/events/*", 0, NULL, &found))
		return 0;
	for (i = 0; i < found.gl_pathc; i++) {
		pmu = found.gl_pathv[i] + sizeof(PMU_DEVICES);
		event = strrchr(pmu, '/') + 1;
		/* the unit and scale of an event are files beside it */
		if (strchr(event, '.'))
			continue;
		snprintf(name, sizeof(name), "%.*s/%s/", (int)strcspn(pmu, "/"), pmu, event);
		f = verbose ? fopen(found.gl_pathv[i], "re") : NULL;
		if (!f || !fgets(text, sizeof(text), f))
			*text = 0;
		if (f)
			fclose(f);
		text[strcspn(text, "\n")] = 0;
		n += show(pattern, verbose, name, text);
	}
	globfree(&found);
	return n;
}

unsigned int list_perf(const char *glob, bool verbose)
{
	return show_names(glob, verbose, software, ARRAY_SIZE(software)) +
	       show_names(glob, verbose, hardware, ARRAY_SIZE(hardware)) +
	       show_caches(glob, verbose) + show_pmus(glob, verbose);
}
