/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ktap: attaching handlers to events: what the sources of events share.
 */
#ifndef _KTAP_ATTACH_H
#define _KTAP_ATTACH_H

#include <linux/string.h>

#include "event.h"

/* No event is called more than that, with its system */
#define KTAP_MAX_NAME		128

/**
 * struct ktap_attach - an item of event text that is being attached
 * @x: the main chunk
 * @session: whose it is
 * @fn: the handler
 * @item: the text, without blanks around it
 * @list: it is one of several
 */
struct ktap_attach {
	struct ktap_exec *x;
	struct ktap_session *session;
	struct ktap_closure *fn;
	const char *item;
	bool list;
};

#define KTAP_NR_NEAREST		3

/**
 * struct ktap_nearest - the names that are most like another one
 * @want: the name
 * @nr: how many were found
 * @name: them, nearest first
 * @dist: how far they are
 */
struct ktap_nearest {
	const char *want;
	unsigned int nr;
	char name[KTAP_NR_NEAREST][KTAP_MAX_NAME];
	unsigned int dist[KTAP_NR_NEAREST];
};

/* Bytes of the text of ktap_nearest_text() */
#define KTAP_NEAREST_TEXT	(KTAP_NR_NEAREST * KTAP_MAX_NAME + 32)

/**
 * struct ktap_refused - members of a pattern that cannot be traced
 * @nr: how many
 * @log: their names, in memory that grows
 */
struct ktap_refused {
	unsigned int nr;
	struct ktap_log log;
};

/* attach.c */
int ktap_attach_failed(struct ktap_attach *a, const char *what, int error);
int ktap_attach_room(void *array, unsigned int nr, unsigned int *max, size_t size);
void ktap_attach_many(struct ktap_attach *a, unsigned int nr);
void ktap_refused_add(struct ktap_refused *refused, const char *name, const char *why);
void ktap_refused_end(struct ktap_attach *a, struct ktap_refused *refused,
		      unsigned int taken, const char *what);
void ktap_nearest_add(struct ktap_nearest *near, const char *name);
void ktap_nearest_text(const struct ktap_nearest *near, struct ktap_log *log);
int ktap_attach_site(struct ktap_attach *a, struct ktap_site *site, bool exact);

/* attach_trace.c */
int ktap_attach_trace(struct ktap_attach *a);

/* ev_timer.c */
bool ktap_is_timer(const char *item);
int ktap_attach_timer(struct ktap_attach *a);

/* ev_rawtp.c */
static inline bool ktap_is_rawtp(const char *item)
{
	return str_has_prefix(item, "rawtp:") || str_has_prefix(item, "raw_tracepoint:") ||
	       str_has_prefix(item, "rawtracepoint:");
}

#ifdef CONFIG_BPF_EVENTS
int ktap_attach_rawtp(struct ktap_attach *a);
#else
static inline int ktap_attach_rawtp(struct ktap_attach *a)
{
	return ktap_error(a->x, "\"%s\": raw tracepoints need a kernel with CONFIG_BPF_EVENTS",
			  a->item);
}
#endif

/* ev_ftrace.c */
static inline bool ktap_is_ftrace(const char *item)
{
	return str_has_prefix(item, "ftrace:");
}

#ifdef CONFIG_FUNCTION_TRACER
int ktap_attach_ftrace(struct ktap_attach *a);
#else
static inline int ktap_attach_ftrace(struct ktap_attach *a)
{
	return ktap_error(a->x, "\"%s\": this needs a kernel with CONFIG_FUNCTION_TRACER",
			  a->item);
}
#endif

/* attach_perf.c */
#ifdef CONFIG_PERF_EVENTS
size_t ktap_perf_terms(const char *item);
void ktap_perf_nearest(struct ktap_nearest *near);
int ktap_attach_perf(struct ktap_attach *a);
#else
static inline size_t ktap_perf_terms(const char *item)
{
	return 0;
}

static inline void ktap_perf_nearest(struct ktap_nearest *near)
{
}

static inline int ktap_attach_perf(struct ktap_attach *a)
{
	return 1;
}
#endif

/* attach_kprobe.c */
#ifdef CONFIG_KPROBES
bool ktap_is_kprobe(const char *item);
int ktap_attach_kprobe(struct ktap_attach *a);
#else
static inline bool ktap_is_kprobe(const char *item)
{
	return false;
}

static inline int ktap_attach_kprobe(struct ktap_attach *a)
{
	return -EOPNOTSUPP;
}
#endif

/* attach_uprobe.c */
#ifdef CONFIG_UPROBES
bool ktap_is_uprobe(const char *item);
int ktap_attach_uprobe(struct ktap_attach *a);
#else
static inline bool ktap_is_uprobe(const char *item)
{
	return false;
}

static inline int ktap_attach_uprobe(struct ktap_attach *a)
{
	return -EOPNOTSUPP;
}
#endif

/* site.c */
int ktap_names_make(struct ktap_session *s);
bool ktap_names_has(const struct ktap_session *s, const char *word);
struct hlist_head *ktap_site_bucket(struct ktap_session *s, const char *key);
struct ktap_site *ktap_site_new(struct ktap_session *s, const struct ktap_event_ops *ops);
int ktap_site_set_fields(struct ktap_site *site, unsigned int own, unsigned int common,
			 void (*get)(const struct ktap_site *site, unsigned int n,
				     struct trace_event_tap_field *field));
int ktap_site_add_handler(struct ktap_site *site, struct ktap_closure *fn);

/* All of them run for an event, each with a budget of its own. */
#define KTAP_MAX_HANDLERS	64

#endif /* _KTAP_ATTACH_H */
