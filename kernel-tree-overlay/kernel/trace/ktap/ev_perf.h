/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ktap: perf events and breakpoints.
 */
#ifndef _KTAP_EV_PERF_H
#define _KTAP_EV_PERF_H

#include <linux/perf_event.h>

#include "attach.h"

/* Of a session: each takes a counter on each CPU. */
#define KTAP_MAX_PERFS		256

/**
 * struct ktap_perf - what a site has of perf events
 * @site: the site
 * @node: among those of all sessions
 * @attr: what is counted, and when it is an event
 * @events: the counters, by CPU, or NULL on CPUs without one
 * @live: they count
 * @name: the event, as the script names it
 */
struct ktap_perf {
	struct ktap_site *site;
	struct list_head node;
	struct perf_event_attr attr;
	struct perf_event * __percpu *events;
	bool live;
	char *name;
};

/* ev_perf.c */
int ktap_perf_set_fields(struct ktap_perf *p);

#endif /* _KTAP_EV_PERF_H */
