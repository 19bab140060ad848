// SPDX-License-Identifier: GPL-2.0
/*
 * list: -l, what there is to trace on this machine.
 *
 * A source of events has a table entry: what its events begin with, and the
 * function that looks at all of them. Most lists are one file, read once; only
 * the fields of events are in a file for each event, and only those that are
 * shown are opened. What perf has is in list_perf.c.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "list.h"
#include "list_program.h"
#include "names.h"
#include "run.h"
#include "util.h"

static const char *const places[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };

static const char *find_tracefs(const char *wanted)
{
	char path[512];
	size_t i;

	if (wanted) {
		snprintf(path, sizeof(path), "%s/available_events", wanted);
		if (!access(path, R_OK))
			return wanted;
		fprintf(stderr, "ktap: error: %s is no tracefs: %s: %s\n", wanted, path,
			strerror(errno));
		return NULL;
	}
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "%s/available_events", places[i]);
		if (!access(path, R_OK))
			return places[i];
		if (errno == EACCES) {
			fprintf(stderr, "ktap: error: no privilege to read %s: run ktap as root\n",
				path);
			return NULL;
		}
	}
	fprintf(stderr, "ktap: error: tracefs is not mounted at %s, nor at %s: try 'mount -t tracefs nodev %s'\n",
		places[0], places[1], places[0]);
	return NULL;
}

/**
 * struct query - what is asked for
 * @glob: the pattern, without the prefix of a source; NULL: all
 * @fields: show fields as well
 * @one: only one source is asked for: what it lacks is an error
 * @tracefs: where it is mounted, or NULL
 * @found: how many there were
 * @failed: something could not be read, and that is said
 * @dist: how far @best is from the pattern
 * @best: what the pattern may have meant
 */
struct query {
	const char *glob;
	bool fields;
	bool one;
	const char *tracefs;
	unsigned int found;
	bool failed;
	unsigned int dist;
	char best[128];
};

static bool matches(struct query *q, const char *name)
{
	const char *near = NULL;

	if (!q->glob || !fnmatch(q->glob, name, 0))
		return true;
	names_near(q->glob, name, &near, &q->dist);
	if (near)
		snprintf(q->best, sizeof(q->best), "%s", name);
	return false;
}

/* A pattern with a colon is one of both parts, without one it may be either */
static bool matches_event(struct query *q, const char *name)
{
	const char *colon = strchr(name, ':');
	char system[128];

	if (matches(q, name))
		return true;
	if (strchr(q->glob, ':') || !colon)
		return false;
	if (!fnmatch(q->glob, colon + 1, 0))
		return true;
	snprintf(system, sizeof(system), "%.*s", (int)(colon - name), name);
	return !fnmatch(q->glob, system, 0);
}

/* The fields that scripts see, with the argN that each of them is */
static void show_fields(const char *tracefs, const char *event)
{
	char path[512], line[1024], *decl, *end;
	const char *colon = strchr(event, ':');
	unsigned int n = 0;
	FILE *f;

	if (!colon)
		return;
	snprintf(path, sizeof(path), "%s/events/%.*s/%s/format", tracefs,
		 (int)(colon - event), event, colon + 1);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		decl = strstr(line, "field:");
		end = decl ? strchr(decl, ';') : NULL;
		if (!end)
			continue;
		*end = 0;
		decl += 6;
		/* what each record has, for the tracer itself */
		if (strstr(decl, " common_"))
			continue;
		if (n < 10)
			printf("    arg%u  %s\n", n, decl);
		else
			printf("          %s\n", decl);
		n++;
	}
	fclose(f);
}

/* Ends a line behind its first word; returns what follows */
static char *cut(char *line)
{
	char *rest = line + strcspn(line, " \t");

	if (*rest)
		*rest++ = 0;
	return rest;
}

/* Calls @fn for each line of a file, without its end */
static void each_line(struct query *q, const char *path, void (*fn)(struct query *q, char *line))
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	FILE *f = fopen(path, "re");

	if (!f) {
		if (!q->one)
			return;
		fprintf(stderr, "ktap: error: cannot read %s: %s%s\n", path, strerror(errno),
			errno == ENOENT ? ", this kernel does not have it" : "");
		q->failed = true;
		return;
	}
	while ((len = getline(&line, &cap, f)) > 0) {
		if (line[len - 1] == '\n')
			line[--len] = 0;
		fn(q, line);
	}
	free(line);
	fclose(f);
}

static void show_event(struct query *q, char *name)
{
	cut(name);
	if (!matches_event(q, name))
		return;
	q->found++;
	puts(name);
	if (q->fields)
		show_fields(q->tracefs, name);
}

static void list_events(struct query *q)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/available_events", q->tracefs);
	each_line(q, path, show_event);
}

/* "ADDRESS TYPE __tracepoint_NAME", and "[MODULE]" */
static void show_raw(struct query *q, char *line)
{
	static const char mark[] = "__tracepoint_";
	char *name = cut(cut(line)), *end;

	if (strncmp(name, mark, sizeof(mark) - 1))
		return;
	name += sizeof(mark) - 1;
	end = cut(name);
	if (!matches(q, name))
		return;
	q->found++;
	printf("rawtp:%s%s%s\n", name, *end ? "\t" : "", end);
	if (q->fields)
		puts("    arg1..  what the kernel's code gives to it");
}

static void list_raw(struct query *q)
{
	each_line(q, "/proc/kallsyms", show_raw);
	if (q->one && !q->found && !q->glob) {
		fputs("ktap: error: this kernel has no tracepoints, or no names of data (CONFIG_KALLSYMS_ALL); most are called as the events of -le\n",
		      stderr);
		q->failed = true;
	}
}

/* "NAME", and "[MODULE]" */
static void show_function(struct query *q, char *name)
{
	const char *rest = cut(name);

	if (!matches(q, name))
		return;
	q->found++;
	printf("probe:%s%s%s\n", name, *rest ? "\t" : "", rest);
	if (q->fields)
		puts("    arg0  where it is\n"
		     "    arg1..  its arguments; those of a return: retval, elapsed");
}

static void list_functions(struct query *q)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/available_filter_functions", q->tracefs);
	each_line(q, path, show_function);
}

static void list_timers(struct query *q)
{
	static const char *const forms[][2] = {
		{ "tick-1s", "one CPU, every s, ms, us, ns, or so many hz" },
		{ "profile-97hz", "each CPU, the same" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		/* any interval will do */
		if (q->glob && strncmp(q->glob, forms[i][0], strcspn(forms[i][0], "-") + 1) &&
		    !matches(q, forms[i][0]))
			continue;
		q->found++;
		printf("%s\t%s\n", forms[i][0], forms[i][1]);
	}
}

static void list_perf_events(struct query *q)
{
	q->found += list_perf(q->glob, q->fields);
}

/* "NAME SIZE USERS ..." */
static void show_module(struct query *q, char *name)
{
	cut(name);
	if (!matches(q, name))
		return;
	q->found++;
	puts(name);
}

static void list_modules(struct query *q)
{
	each_line(q, "/proc/modules", show_module);
}

/**
 * struct source - a source of events
 * @letter: of -l, that means it alone; 0: none
 * @kind: for messages
 * @list: lists what matches
 * @tracefs: it needs that
 * @prefixes: the pattern means it alone if it begins with one of them
 */
static const struct source {
	char letter;
	const char *kind;
	void (*list)(struct query *q);
	bool tracefs;
	const char *prefixes[8];
} sources[] = {
	{ 'e', "event", list_events, true, { "tp:", "tracepoint:" } },
	{ 0, "raw tracepoint", list_raw, false, { "rawtp:", "raw_tracepoint:" } },
	{ 0, "timer", list_timers, false, { "tick-", "profile-" } },
	{ 0, "perf event", list_perf_events, false, { "hw:", "hardware:", "sw:", "software:" } },
	{ 'f', "function", list_functions, true,
	  { "probe:", "k:", "kprobe:", "kprobes:", "kretprobe:", "kretprobes:" } },
	{ 'm', "module", list_modules, false, { NULL } },
};

/* The source that a pattern names; @glob is set to what follows */
static const struct source *find_source(const char **glob)
{
	size_t i, j, n;

	for (i = 0; *glob && i < ARRAY_SIZE(sources); i++) {
		for (j = 0; j < ARRAY_SIZE(sources[i].prefixes) && sources[i].prefixes[j]; j++) {
			n = strlen(sources[i].prefixes[j]);
			if (strncmp(*glob, sources[i].prefixes[j], n))
				continue;
			/* the names of timers have it in front */
			if (sources[i].prefixes[j][n - 1] == ':')
				*glob += n;
			return &sources[i];
		}
	}
	return NULL;
}

int list_run(const char *what, const char *glob, const char *tracefs)
{
	struct query q = { .fields = strchr(what, 'v') };
	const struct source *only, *src;
	const char *whole = glob;
	size_t i;

	if (glob) {
		int status = list_program(what, glob);

		if (status >= 0)
			return status;
	}
	only = find_source(&glob);
	for (i = 0; i < ARRAY_SIZE(sources); i++)
		if (sources[i].letter && strchr(what, sources[i].letter))
			only = &sources[i];
	q.glob = glob;
	q.one = only;
	q.dist = glob ? names_max_dist(glob) + 1 : 0;
	if (!only || only->tracefs) {
		q.tracefs = find_tracefs(tracefs);
		if (!q.tracefs)
			return STATUS_ERROR;
	}
	for (i = 0; i < ARRAY_SIZE(sources); i++) {
		src = &sources[i];
		/* a module is no event */
		if (src == only || (!only && src->letter != 'm'))
			src->list(&q);
	}
	if (q.failed)
		return STATUS_ERROR;
	if (q.found)
		return STATUS_OK;
	fprintf(stderr, "ktap: error: no %s matches '%s'", only ? only->kind : "event",
		whole ?: "*");
	if (*q.best)
		fprintf(stderr, ", did you mean '%s'?", q.best);
	fputc('\n', stderr);
	return STATUS_ERROR;
}
