/* SPDX-License-Identifier: GPL-2.0 */
/*
 * render: output records to text.
 *
 * Records arrive in the order of their time stamps, as read() of /dev/ktap
 * delivers them. Damaged records are reported as such and never followed. Used
 * by the tool and by the tests on the host.
 */
#ifndef _KTAP_RENDER_H
#define _KTAP_RENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <linux/types.h>

struct buf;
struct ktap_rec_user;
struct ktap_render;

/* Flags: JSON lines; a time before each line; the output is a terminal */
enum {
	KTAP_RENDER_JSON = 1,
	KTAP_RENDER_STAMPS = 2,
	KTAP_RENDER_TERMINAL = 4,
};

struct ktap_render_ops {
	unsigned int flags;
	/* all events are attached, nr of them */
	void (*attaching)(void *data, __u64 nr);
	void (*started)(void *data, __u64 nr);
	/* a message for people who asked for messages */
	void (*note)(void *data, const char *text);
	/* look at a process now, whose addresses come later */
	void (*see)(void *data, const struct ktap_rec_user *u);
	/*
	 * An address in a process as text, a line without its end; @after: what is
	 * meant is before it. NULL: it is shown as a number
	 */
	void (*user)(void *data, struct buf *b, const struct ktap_rec_user *u, __u64 ip,
		     bool after);
	void *data;
};

/*
 * @image stays the caller's and has to live as long; it gives the string
 * constants. Any function of @ops may be NULL, as may @ops. Returns NULL if
 * the image is none.
 */
struct ktap_render *ktap_render_new(const void *image, size_t size, FILE *out,
				    const struct ktap_render_ops *ops);
void ktap_render_free(struct ktap_render *r);
/* Whole records. Returns 0, or -1 if they are damaged */
int ktap_render(struct ktap_render *r, const void *records, size_t len);

#endif /* _KTAP_RENDER_H */
