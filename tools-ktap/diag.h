/* SPDX-License-Identifier: GPL-2.0 */
/*
 * diag: the errors and warnings of one compilation.
 *
 * A message has a place in the source and keeps a copy of the line it is in, so
 * that it can be printed when the source is gone. The number of messages is
 * bounded. Columns are bytes from 1, a tab is one.
 */
#ifndef _KTAP_DIAG_H
#define _KTAP_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The kernel's own headers for tools may be there before */
#ifndef __printf
#define __printf(a, b)	__attribute__((format(printf, a, b)))
#endif
#ifndef __noreturn
#define __noreturn	__attribute__((noreturn))
#endif

#include "diag_tags.h"

#define DIAG_MAX	20

struct src_pos {
	unsigned int line;
	unsigned int col;
};

struct diag_msg {
	enum diag_tag tag;
	struct src_pos pos;
	char *text;
	char *line;		/* the part of the source line that is shown */
	char *caret;		/* blanks and tabs up to the place in it */
};

struct ktap_diag {
	const char *name;	/* of the source; valid during the compilation only */
	const char *src;
	size_t len;
	char *file;		/* a copy of the name */
	struct diag_msg msgs[DIAG_MAX];
	unsigned int nmsgs;
	unsigned int nerrors;
	bool full;		/* there were more errors than are kept */
};

void ktap_diag_init(struct ktap_diag *d);
void ktap_diag_free(struct ktap_diag *d);
/* One more message would not be kept */
static inline bool diag_is_full(const struct ktap_diag *d)
{
	return d->nmsgs == DIAG_MAX;
}

/* FILE:LINE:COL: error: TEXT, the line and a caret, for each message */
void ktap_diag_print(const struct ktap_diag *d, FILE *f);

/* Lines in which nothing moves a terminal's cursor or worse */
void diag_print_lines(FILE *f, const char *s);

/* For the compiler */
/* Bytes of the UTF-8 sequence at @s, which has @len; 0 if it is none */
unsigned int diag_utf8_len(const char *s, size_t len);
void diag_source(struct ktap_diag *d, const char *name, const char *src, size_t len);
__printf(4, 5)
void diag_report(struct ktap_diag *d, enum diag_tag tag, struct src_pos pos, const char *fmt,
		 ...);

/* One of diag_tags.h, with what its format takes; the second is for warnings */
#define diag_error(d, pos, tag, ...)	\
	diag_report(d, DIAG_##tag, pos, diag_format_##tag, ##__VA_ARGS__)
#define diag_warn(d, pos, tag, ...)	\
	diag_error(d, pos, tag, ##__VA_ARGS__)

static inline bool diag_is_error(enum diag_tag tag)
{
	return tag < DIAG_WARNINGS_FROM;
}

/* The tag as text: "number-big" */
const char *diag_tag_name(enum diag_tag tag, char buf[32]);

#endif /* _KTAP_DIAG_H */
