// SPDX-License-Identifier: GPL-2.0
/*
 * diag: the errors and warnings of one compilation.
 */
#include <ctype.h>
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

static void free_msg(struct diag_msg *m)
{
	free(m->text);
	free(m->line);
	free(m->caret);
	memset(m, 0, sizeof(*m));
}

void ktap_diag_free(struct ktap_diag *d)
{
	unsigned int i;

	for (i = 0; i < d->nmsgs; i++)
		free_msg(&d->msgs[i]);
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

/* The bytes of the character at @s; 0 if it would move the terminal's cursor or worse */
static unsigned int shown_len(const char *s, size_t len)
{
	unsigned int n = diag_utf8_len(s, len);
	unsigned char c = *s;

	if ((c < ' ' && c != '\t') || c == 0x7f ||
	    (n == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0))
		return 0;
	return n;
}

static void print_shown(FILE *f, const char *s, size_t len)
{
	unsigned int n;

	for (; len; s += n, len -= n) {
		n = shown_len(s, len);
		if (n)
			fwrite(s, 1, n, f);
		else
			fputc('?', f);
		n = diag_utf8_len(s, len) ?: 1;
	}
}

void diag_print_lines(FILE *f, const char *s)
{
	size_t len;

	for (; *s; s += len) {
		len = strcspn(s, "\n");
		print_shown(f, s, len);
		if (s[len])
			fputc(s[len++], f);
	}
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
		n = shown_len(from, to - from);
		if (from < p + before)
			buf_addc(&caret, *from == '\t' ? '\t' : ' ');
		if (n)
			buf_add(&line, from, n);
		else
			buf_addc(&line, '?');
		from += diag_utf8_len(from, to - from) ?: 1;
	}
	if (to < eol)
		buf_add(&line, "...", 3);
	buf_addc(&line, 0);
	buf_addc(&caret, 0);
	m->line = line.data;
	m->caret = caret.data;
}

void diag_report(struct ktap_diag *d, enum diag_tag tag, struct src_pos pos, const char *fmt,
		 ...)
{
	char text[512];
	struct diag_msg *m;
	unsigned int i;
	va_list ap;

	for (i = 0; i < d->nmsgs; i++) {
		m = &d->msgs[i];
		/* the first message about a place is the one that helps */
		if (m->pos.line == pos.line && m->pos.col == pos.col &&
		    diag_is_error(m->tag) == diag_is_error(tag))
			return;
	}
	if (diag_is_error(tag))
		d->nerrors++;
	if (d->nmsgs == DIAG_MAX) {
		d->full = true;
		/* an error is worth more than a warning */
		for (i = 0; i < d->nmsgs && diag_is_error(d->msgs[i].tag); i++)
			;
		if (i == d->nmsgs || !diag_is_error(tag))
			return;
		free_msg(&d->msgs[i]);
		d->msgs[i] = d->msgs[--d->nmsgs];
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	m = &d->msgs[d->nmsgs++];
	m->tag = tag;
	m->pos = pos;
	m->text = xstrdup(text);
	copy_line(d, m);
}

const char *diag_tag_name(enum diag_tag tag, char buf[32])
{
	static const char *const names[DIAG_NR] = {
#define DIAG_NAME(tag, text)	[DIAG_##tag] = #tag,
		KTAP_DIAG_ERRORS(DIAG_NAME)
		KTAP_DIAG_WARNINGS(DIAG_NAME)
#undef DIAG_NAME
	};
	const char *s = tag < DIAG_NR ? names[tag] : "";
	unsigned int i;

	for (i = 0; s[i] && i < 31; i++)
		buf[i] = s[i] == '_' ? '-' : tolower((unsigned char)s[i]);
	buf[i] = 0;
	return buf;
}

void ktap_diag_print(const struct ktap_diag *d, FILE *f)
{
	const struct diag_msg *m;
	unsigned int i;

	for (i = 0; i < d->nmsgs; i++) {
		m = &d->msgs[i];
		print_shown(f, d->file, strlen(d->file));
		fprintf(f, ":%u:%u: %s: ", m->pos.line, m->pos.col,
			diag_is_error(m->tag) ? "error" : "warning");
		print_shown(f, m->text, strlen(m->text));
		fputc('\n', f);
		if (m->line && *m->line)
			fprintf(f, "%s\n%s^\n", m->line, m->caret);
	}
	if (d->full)
		fprintf(f, "%s: %s: more of them are not shown\n", d->file,
			d->nerrors ? "error" : "warning");
}
