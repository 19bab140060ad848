// SPDX-License-Identifier: GPL-2.0
/*
 * pmu: what the terms of perf events mean on this machine.
 *
 *	DEVICES/PMU/type		a number
 *	DEVICES/PMU/format/TERM		config1:0-7,32-35: where its bits go
 *	DEVICES/PMU/events/TERM		event=0x3c,umask=0x1: what it is short for
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pmu.h"

/* As many bytes as the kernel takes, see KTAP_IOC_LOAD */
#define MAX_BYTES	65536

#define NR_CONFIGS	3

struct pmu {
	const char *dir;		/* of the PMU */
	__u64 config[NR_CONFIGS];
	char options[64];		/* :period=N and the like */
	char err[512];
};

__printf(2, 3)
static int fail(struct pmu *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->err, sizeof(p->err), fmt, ap);
	va_end(ap);
	return -1;
}

/* The first line of a file of the PMU; 0, or -1 with errno */
static int read_line(const struct pmu *p, const char *kind, const char *name, char *line,
		     size_t size)
{
	char path[PATH_MAX];
	FILE *f;
	char *ok;

	snprintf(path, sizeof(path), "%s/%s%s", p->dir, kind, name);
	f = fopen(path, "re");
	if (!f)
		return -1;
	errno = EINVAL;
	ok = fgets(line, size, f);
	fclose(f);
	if (!ok)
		return -1;
	line[strcspn(line, "\n")] = 0;
	return 0;
}

static bool get_number(const char *s, __u64 *v)
{
	char *end;

	errno = 0;
	*v = strtoull(s, &end, 0);
	return isdigit((unsigned char)*s) && !*end && !errno;
}

static int number_of(const char *word)
{
	static const char *const names[NR_CONFIGS] = { "config", "config1", "config2" };
	int i;

	for (i = 0; i < NR_CONFIGS; i++)
		if (!strcmp(word, names[i]))
			return i;
	return -1;
}

/* Puts @v where @format says; the lowest bits come first */
static int set_bits(struct pmu *p, const char *name, char *format, __u64 v)
{
	char *ranges = strchr(format, ':'), *range, *end;
	unsigned long lo, hi;
	__u64 left = v;
	int n;

	if (ranges)
		*ranges++ = 0;
	n = number_of(format);
	if (!ranges || n < 0)
		return fail(p, "the term %s is in '%s', which this version cannot set", name,
			    format);
	while ((range = strsep(&ranges, ","))) {
		lo = strtoul(range, &end, 10);
		hi = *end == '-' ? strtoul(end + 1, &end, 10) : lo;
		if (*end || end == range || hi > 63 || lo > hi)
			return fail(p, "the format of the term %s is unknown: '%s'", name, range);
		for (; lo <= hi; lo++, left >>= 1) {
			p->config[n] &= ~(1ULL << lo);
			p->config[n] |= (left & 1) << lo;
		}
	}
	if (left)
		return fail(p, "the value 0x%llx of the term %s has too many bits",
			    (unsigned long long)v, name);
	return 0;
}

static int set_terms(struct pmu *p, char *terms, bool nested);

static int set_term(struct pmu *p, const char *name, const char *value, bool nested)
{
	char line[1024];
	int n = number_of(name);
	__u64 v = 1;

	if (strchr(name, '/') || !*name || *name == '.')
		return fail(p, "'%s' is no term", name);
	if (!value && !nested && !read_line(p, "events/", name, line, sizeof(line)))
		return set_terms(p, line, true);
	if (!strcmp(name, "name"))
		return 0;
	if (value && !get_number(value, &v))
		return fail(p, "the term %s has no number: '%s'", name, value);
	if (n >= 0) {
		p->config[n] = v;
		return 0;
	}
	if (!strcmp(name, "period") || !strcmp(name, "freq")) {
		snprintf(p->options, sizeof(p->options), ":%s=%llu", name,
			 (unsigned long long)v);
		return 0;
	}
	if (read_line(p, "format/", name, line, sizeof(line)))
		return fail(p, "this PMU has no term or event '%s'; see %s", name, p->dir);
	return set_bits(p, name, line, v);
}

static int set_terms(struct pmu *p, char *terms, bool nested)
{
	char *term, *value;

	while ((term = strsep(&terms, ","))) {
		value = strchr(term, '=');
		if (value)
			*value++ = 0;
		if (set_term(p, term, value, nested))
			return -1;
	}
	return 0;
}

/* @text is PMU/TERMS/, without the last / */
static void translate(const char *devices, char *text, struct buf *to)
{
	struct pmu p = { .dir = text };
	char dir[PATH_MAX], line[64], out[256];
	char *terms = strchr(text, '/');
	__u64 type;

	*terms++ = 0;
	snprintf(dir, sizeof(dir), "%s/%s", devices, text);
	p.dir = dir;
	if (read_line(&p, "", "type", line, sizeof(line)) || !get_number(line, &type))
		fail(&p, errno == ENOENT ? "there is no %s" : "cannot read %s/type", dir);
	else if (*terms)
		set_terms(&p, terms, false);
	if (*p.err) {
		buf_addc(to, '!');
		buf_add(to, p.err, strlen(p.err) + 1);
		return;
	}
	snprintf(out, sizeof(out), "pmu:%llu:0x%llx:0x%llx:0x%llx%s", (unsigned long long)type,
		 (unsigned long long)p.config[0], (unsigned long long)p.config[1],
		 (unsigned long long)p.config[2], p.options);
	buf_add(to, out, strlen(out) + 1);
}

static bool is_known(const struct buf *b, const char *s, size_t len)
{
	const char *p, *end = b->data + b->len;

	for (p = b->data; p < end; p += strlen(p) + 1) {
		if (strlen(p) == len && !memcmp(p, s, len))
			return true;
		p += strlen(p) + 1;
	}
	return false;
}

static void add(const char *devices, const char *s, size_t len, struct buf *to)
{
	size_t before = to->len;
	char *copy;

	if (is_known(to, s, len))
		return;
	copy = xmalloc(len + 1);
	memcpy(copy, s, len);
	copy[len] = 0;
	buf_add(to, copy, len + 1);
	copy[len - 1] = 0;
	translate(devices, copy, to);
	free(copy);
	/* what is left out is an error if the script traces it */
	if (to->len > MAX_BYTES)
		to->len = before;
}

/* Looks at each item of an event's text, as ktap_perf_terms() in the kernel does */
static void find_in(const char *devices, const char *s, size_t len, struct buf *to)
{
	size_t i = 0, from;
	const char *end;

	while (i < len) {
		while (i < len && isspace((unsigned char)s[i]))
			i++;
		from = i;
		while (i < len && (isalnum((unsigned char)s[i]) || s[i] == '_' || s[i] == '-'))
			i++;
		if (i > from && i < len && s[i] == '/') {
			end = memchr(s + i + 1, '/', len - i - 1);
			if (!end)
				return;
			i = end + 1 - s;
			if (i - from < 256)
				add(devices, s + from, i - from, to);
		}
		while (i < len && s[i] != ',' && s[i] != ';')
			i++;
		i++;
	}
}

void pmu_find(const struct image_reader *r, const char *devices, struct buf *to)
{
	struct image_text s;
	unsigned int i;
	__s64 v;

	for (i = 0; i < r->n[KTAP_SEC_CONSTS]; i++)
		if (image_const(r, i, &v, &s) == KTAP_CONST_STR && memchr(s.s, '/', s.len) &&
		    !memchr(s.s, 0, s.len))
			find_in(devices, s.s, s.len, to);
}
