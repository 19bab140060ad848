// SPDX-License-Identifier: GPL-2.0
/*
 * list: -l, what there is to trace on this machine.
 *
 * Each list is one file of tracefs, read once; only the fields of events are in
 * a file for each event, and only those that are shown are opened.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "list.h"
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

/* A pattern with a colon is one of both parts, without one it may be either */
static bool matches(const char *glob, const char *name)
{
	const char *colon = strchr(name, ':');
	char system[128];

	if (!glob)
		return true;
	if (!strncmp(glob, "tp:", 3))
		glob += 3;
	if (!fnmatch(glob, name, 0))
		return true;
	if (strchr(glob, ':') || !colon)
		return false;
	if (!fnmatch(glob, colon + 1, 0))
		return true;
	snprintf(system, sizeof(system), "%.*s", (int)(colon - name), name);
	return !fnmatch(glob, system, 0);
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

static int nothing(const char *kind, const char *glob, const char *near)
{
	fprintf(stderr, "ktap: error: no %s matches '%s'", kind, glob ? glob : "*");
	if (near && *near)
		fprintf(stderr, ", did you mean '%s'?", near);
	fputc('\n', stderr);
	return STATUS_ERROR;
}

static int list_file(const char *path, const char *kind, const char *glob, bool fields,
		     const char *tracefs)
{
	unsigned int n = 0, dist = glob ? names_max_dist(glob) + 1 : 0;
	char *line = NULL, *rest, best[128] = "";
	const char *near, *prefix;
	size_t cap = 0;
	ssize_t len;
	FILE *f = fopen(path, "re");

	if (!f) {
		fprintf(stderr, "ktap: error: cannot read %s: %s%s\n", path, strerror(errno),
			errno == ENOENT ? ", this kernel does not have it" : "");
		return STATUS_ERROR;
	}
	prefix = *kind == 'f' ? "probe:" : "";
	while ((len = getline(&line, &cap, f)) > 0) {
		if (line[len - 1] == '\n')
			line[--len] = 0;
		/* "name [module]", "module size users ..." */
		rest = line + strcspn(line, " \t");
		if (*rest)
			*rest++ = 0;
		if (!matches(glob, line)) {
			near = NULL;
			names_near(glob, line, &near, &dist);
			if (near)
				snprintf(best, sizeof(best), "%s", line);
			continue;
		}
		n++;
		if (*kind == 'f' && *rest)
			printf("%s%s\t%s\n", prefix, line, rest);
		else
			printf("%s%s\n", prefix, line);
		if (fields)
			show_fields(tracefs, line);
	}
	free(line);
	fclose(f);
	return n ? STATUS_OK : nothing(kind, glob, best);
}

int list_run(const char *what, const char *glob, const char *tracefs)
{
	char path[512];

	if (strchr(what, 'm'))
		return list_file("/proc/modules", "module", glob, false, NULL);
	if (glob && strchr(glob, '/')) {
		fprintf(stderr, "ktap: error: the functions and markers of programs ('%s') are not part of this version\n",
			glob);
		return STATUS_ERROR;
	}
	tracefs = find_tracefs(tracefs);
	if (!tracefs)
		return STATUS_ERROR;
	if (strchr(what, 'f')) {
		if (glob && !strncmp(glob, "probe:", 6))
			glob += 6;
		snprintf(path, sizeof(path), "%s/available_filter_functions", tracefs);
		return list_file(path, "function", glob, false, NULL);
	}
	snprintf(path, sizeof(path), "%s/available_events", tracefs);
	return list_file(path, "event", glob, strchr(what, 'v'), tracefs);
}
