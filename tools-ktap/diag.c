// SPDX-License-Identifier: GPL-2.0
/*
 * diag: the errors and warnings of one compilation.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "util.h"

/* How much of a long line is shown, and how much of that before the place */
#define SHOWN		120
#define SHOWN_BEFORE	60

void ktap_diag_init(struct ktap_diag *d)
{
	memset(d, 0, sizeof(*d));
}

void ktap_diag_free(struct ktap_diag *d)
{
	unsigned int i;

	for (i = 0; i < d->nmsgs; i++) {
		free(d->msgs[i].text);
		free(d->msgs[i].line);
		free(d->msgs[i].caret);
	}
	free(d->file);
	ktap_diag_init(d);
}

void diag_source(struct ktap_diag *d, const char *name, const char *src, size_t len)
{
	d->name = name;
	d->src = src;
	d->len = len;
	free(d->file);
	d->file = xstrdup(name);
}

static bool is_continuation(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

unsigned int diag_utf8_len(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned int n, i;

	if (!len)
		return 0;
	if (*p < 0x80)
		n = 1;
	else if (*p >= 0xc2 && *p < 0xe0)
		n = 2;
	else if (*p >= 0xe0 && *p < 0xf0)
		n = 3;
	else if (*p >= 0xf0 && *p < 0xf5)
		n = 4;
	else
		return 0;
	if (n > len)
		return 0;
	for (i = 1; i < n; i++)
		if (!is_continuation(p[i]))
			return 0;
	return n;
}

static void copy_line(struct ktap_diag *d, struct diag_msg *m)
{
	const char *p = d->src, *end = d->src + d->len, *eol, *from, *to;
	struct buf line = {}, caret = {};
	unsigned int n;
	size_t before;

	for (n = 1; n < m->pos.line && p; n++) {
		p = memchr(p, '\n', end - p);
		if (p)
			p++;
	}
	if (!p)
		return;
	eol = memchr(p, '\n', end - p);
	if (!eol)
		eol = end;
	if (eol > p && eol[-1] == '\r')
		eol--;
	before = m->pos.col - 1;
	if (before > (size_t)(eol - p))
		before = eol - p;
	from = p;
	if (before > SHOWN - 20) {
		from = p + before - SHOWN_BEFORE;
		while (from > p && is_continuation(*from))
			from--;
		buf_add(&line, "...", 3);
		buf_add(&caret, "   ", 3);
	}
	to = eol;
	if (to - from > SHOWN) {
		to = from + SHOWN;
		while (to > from && is_continuation(*to))
			to--;
	}
	while (from < to) {
		unsigned int n = diag_utf8_len(from, to - from);
		unsigned char c = *from;

		if (from < p + before)
			buf_addc(&caret, c == '\t' ? '\t' : ' ');
		/* what would move the terminal's cursor is not shown as it is */
		if (!n || (c < ' ' && c != '\t') || c == 0x7f)
			buf_addc(&line, '?');
		else
			buf_add(&line, from, n);
		from += n ? n : 1;
	}
	if (to < eol)
		buf_add(&line, "...", 3);
	buf_addc(&line, 0);
	buf_addc(&caret, 0);
	m->line = line.data;
	m->caret = caret.data;
}

static void add(struct ktap_diag *d, enum diag_level level, struct src_pos pos,
		const char *fmt, va_list ap)
{
	char text[512];
	struct diag_msg *m;
	unsigned int i;

	for (i = 0; i < d->nmsgs; i++) {
		m = &d->msgs[i];
		/* the first message about a place is the one that helps */
		if (m->pos.line == pos.line && m->pos.col == pos.col && m->level == level)
			return;
	}
	if (level == DIAG_ERROR)
		d->nerrors++;
	if (d->nmsgs == DIAG_MAX) {
		d->full = true;
		return;
	}
	vsnprintf(text, sizeof(text), fmt, ap);
	m = &d->msgs[d->nmsgs++];
	m->level = level;
	m->pos = pos;
	m->text = xstrdup(text);
	copy_line(d, m);
}

void diag_error(struct ktap_diag *d, struct src_pos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, DIAG_ERROR, pos, fmt, ap);
	va_end(ap);
}

void diag_warn(struct ktap_diag *d, struct src_pos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, DIAG_WARNING, pos, fmt, ap);
	va_end(ap);
}

void ktap_diag_print(const struct ktap_diag *d, FILE *f)
{
	const struct diag_msg *m;
	unsigned int i;

	for (i = 0; i < d->nmsgs; i++) {
		m = &d->msgs[i];
		fprintf(f, "%s:%u:%u: %s: %s\n", d->file, m->pos.line, m->pos.col,
			m->level == DIAG_ERROR ? "error" : "warning", m->text);
		if (m->line && *m->line)
			fprintf(f, "%s\n%s^\n", m->line, m->caret);
	}
	if (d->full)
		fprintf(f, "%s: error: more errors are not shown\n", d->file);
}
