// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: the names of trace events, that is, of tracepoints and system calls.
 *
 *	item	= [ "tp:" | "tracepoint:" ] pattern
 *	pattern	= SYSTEM ":" EVENT	either part a glob
 *		| NAME			all events of that system, if there is
 *					one, else the events of that name; a glob
 *		| "#" NUMBER		the event whose id file has that number
 *		| ""			all events, after "tp:" only
 *
 * An item that matches nothing is an error that names what comes nearest. An
 * item that is one event is exact: that it cannot be attached is an error.
 * Members of a glob that refuse are left out, and a note says so.
 *
 * Contexts: process context, in the main chunk.
 * Locks: event_mutex while events are collected, by trace_event_tap_for_each().
 */
#include <linux/glob.h>
#include <linux/hash.h>
#include <linux/kstrtox.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/trace_event_tap.h>

#include <trace/syscall.h>

#include "attach.h"

/**
 * struct pattern - what an item says
 * @system: glob of the system, or NULL
 * @name: glob of the event, or NULL
 * @bare: a name alone
 * @id: a number, or 0
 */
struct pattern {
	const char *system;
	const char *name;
	const char *bare;
	unsigned int id;
};

/**
 * struct matches - the events that a pattern matches
 * @pattern: the pattern
 * @bare_system: there is a system of that name
 * @nr: how many
 * @max: room in @calls
 * @calls: the events, with a reference to each
 * @error: when there is no memory
 */
struct matches {
	const struct pattern *pattern;
	bool bare_system;
	unsigned int nr;
	unsigned int max;
	struct trace_event_call **calls;
	int error;
};

static bool has_wildcard(const char *s)
{
	return s && s[strcspn(s, "*?[\\")];
}

static int nearest_event(struct trace_event_call *call, void *data)
{
	const char *system = trace_event_tap_system(call);
	struct ktap_nearest *near = data;
	char name[KTAP_MAX_NAME];

	if (strchr(near->want, ':'))
		snprintf(name, sizeof(name), "%s:%s", system, trace_event_tap_name(call));
	else
		strscpy(name, trace_event_tap_name(call));
	ktap_nearest_add(near, name);
	return 0;
}

/* Which option of the kernel such an event needs that this one was built without */
static const char *missing_option(const char *item)
{
	static const struct {
		const char *prefix;
		const char *option;
	} kinds[] = {
#ifndef CONFIG_UPROBES
		{ "u:", "CONFIG_UPROBES" }, { "uprobe", "CONFIG_UPROBES" },
		{ "uretprobe", "CONFIG_UPROBES" }, { "sdt:", "CONFIG_UPROBES" },
		{ "usdt:", "CONFIG_UPROBES" }, { "probe:/", "CONFIG_UPROBES" },
#endif
#ifndef CONFIG_KPROBES
		{ "probe:", "CONFIG_KPROBES" }, { "kprobe", "CONFIG_KPROBES" },
		{ "k:", "CONFIG_KPROBES" }, { "kretprobe", "CONFIG_KPROBES" },
#endif
#ifndef CONFIG_PERF_EVENTS
		{ "mem:", "CONFIG_PERF_EVENTS" }, { "pmu:", "CONFIG_PERF_EVENTS" },
		{ "hw:", "CONFIG_PERF_EVENTS" }, { "sw:", "CONFIG_PERF_EVENTS" },
#endif
		{ }
	};
	int i;

	for (i = 0; kinds[i].prefix; i++)
		if (str_has_prefix(item, kinds[i].prefix))
			return kinds[i].option;
	return NULL;
}

static int no_such_event(struct ktap_attach *a)
{
	const char *option;
	struct ktap_nearest *near;
	char buf[KTAP_NEAREST_TEXT] = "";
	struct ktap_log log = { .buf = buf, .size = sizeof(buf) };

	if (!*a->item)
		return ktap_error(a->x, "the event is empty");
	option = missing_option(a->item);
	if (option)
		return ktap_error(a->x, "\"%s\": this needs a kernel with %s", a->item, option);
	if (strstr(a->item, " /"))
		return ktap_error(a->x, "\"%s\": a predicate stands behind: trace (EVENT) /P/ { }",
				  a->item);
	if (strchr(a->item, '#'))
		return ktap_error(a->x, "\"%s\": no event has this number", a->item);
	if (has_wildcard(a->item))
		return ktap_error(a->x, "no event matches \"%s\"", a->item);

	near = kzalloc(sizeof(*near), GFP_KERNEL);
	if (near) {
		near->want = a->item;
		trace_event_tap_for_each(nearest_event, near);
		ktap_perf_nearest(near);
		ktap_nearest_text(near, &log);
		kfree(near);
	}
	return ktap_error(a->x, "no event is called \"%s\"%s", a->item, buf);
}

/*
 * Matching
 */

static bool matches(const struct matches *m, struct trace_event_call *call)
{
	const char *system = trace_event_tap_system(call);
	const char *name = trace_event_tap_name(call);
	const struct pattern *p = m->pattern;

	if (p->id)
		return trace_event_tap_id(call) == p->id;
	if (p->bare)
		return glob_match(p->bare, m->bare_system ? system : name);
	return glob_match(p->system, system) && glob_match(p->name, name);
}

static int find_system(struct trace_event_call *call, void *data)
{
	const struct pattern *p = data;

	return glob_match(p->bare, trace_event_tap_system(call));
}

static int collect(struct trace_event_call *call, void *data)
{
	struct matches *m = data;

	if (!matches(m, call))
		return 0;
	m->error = ktap_attach_room(&m->calls, m->nr, &m->max, sizeof(*m->calls));
	if (m->error)
		return m->error;
	if (trace_event_tap_get(call))
		m->calls[m->nr++] = call;
	return 0;
}

static struct hlist_head *site_bucket(struct ktap_session *s, struct trace_event_call *call)
{
	return &s->site_hash[hash_ptr(call, ilog2(KTAP_SITE_HASH))];
}

static struct ktap_site *site_find(struct ktap_session *s, struct trace_event_call *call)
{
	struct ktap_site *site;

	hlist_for_each_entry(site, site_bucket(s, call), hash)
		if (site->call == call)
			return site;
	return NULL;
}

static void site_field(const struct ktap_site *site, unsigned int n,
		       struct trace_event_tap_field *field)
{
	int own = trace_event_tap_nr_fields(site->call);

	trace_event_tap_field(site->call, (int)n < own ? (int)n : own - 1 - (int)n, field);
}

/* Takes over the reference to @call */
static struct ktap_site *site_create(struct ktap_session *s, struct trace_event_call *call)
{
	struct ktap_site *site = ktap_site_new(s, &ktap_tracepoint_ops);
	const struct syscall_metadata *meta;
	int ret;

	if (!site) {
		trace_event_tap_put(call);
		return ERR_PTR(-ENOMEM);
	}
	site->call = call;
	site->name = trace_event_tap_name(call);
	site->system = trace_event_tap_system(call);
	hlist_add_head(&site->hash, site_bucket(s, call));

	meta = trace_event_tap_syscall(call, &site->sc_enter);
	if (IS_ENABLED(CONFIG_FTRACE_SYSCALLS) && meta) {
		site->ops = &ktap_syscall_ops;
		site->sc_nr = meta->syscall_nr;
		site->sc_nargs = meta->nb_args;
	}
	/* system calls have no record whose common fields could be read */
	ret = ktap_site_set_fields(site, trace_event_tap_nr_fields(call),
				   site->sc_nr >= 0 ? 0 : KTAP_NR_COMMON, site_field);
	if (!ret)
		ret = site->ops->attach(site);
	if (ret) {
		ktap_site_free(site);
		return ERR_PTR(ret);
	}
	s->nr_events++;
	return site;
}

static const char *refusal(int error, char *buf, size_t size)
{
	switch (error) {
	case -EOPNOTSUPP:
		return "not supported";
	case -ENXIO:
		return "no number on this architecture";
	case -ENOMEM:
		return "no memory";
	default:
		snprintf(buf, size, "error %d", -error);
		return buf;
	}
}

/* Attaches the handler to all of @m, whose references pass on */
static int attach_matches(struct ktap_attach *a, struct matches *m)
{
	bool exact = m->nr == 1 && !has_wildcard(a->item) && !m->bare_system;
	char buf[24], full[2 * KTAP_MAX_NAME];
	struct ktap_session *s = a->session;
	struct ktap_refused refused = { };
	struct ktap_site *site;
	unsigned int i;
	int ret = 0, err;

	ktap_attach_many(a, m->nr);

	for (i = 0; i < m->nr; i++) {
		struct trace_event_call *call = m->calls[i];
		const char *system = trace_event_tap_system(call);
		const char *name = trace_event_tap_name(call);

		if (ret || ktap_env_interrupted(s)) {
			trace_event_tap_put(call);
			continue;
		}
		site = site_find(s, call);
		if (site)
			trace_event_tap_put(call);
		else
			site = site_create(s, call);
		err = PTR_ERR_OR_ZERO(site);
		if (!err) {
			ret = ktap_attach_site(a, site, exact);
		} else if (err == -ENOMEM) {
			ret = ktap_error(a->x, "no memory to trace %s:%s", system, name);
		} else {
			snprintf(full, sizeof(full), "%s:%s", system, name);
			ktap_refused_add(&refused, full, refusal(err, buf, sizeof(buf)));
		}
		cond_resched();
	}

	if (!ret && refused.nr == m->nr)
		ret = ktap_error(a->x, "cannot trace \"%s\": %.1000s", a->item,
				 refused.log.buf ?: "no memory");
	ktap_refused_end(a, &refused, ret ? 0 : m->nr - refused.nr, "events");
	return ret;
}

/**
 * ktap_attach_trace() - attach a handler to trace events
 * @a: the item
 *
 * Return: 0, or what ktap_error() returned.
 */
int ktap_attach_trace(struct ktap_attach *a)
{
	struct pattern p = { };
	struct matches m = { .pattern = &p };
	const char *item = a->item;
	bool prefix = false;
	char *name;
	size_t n;
	int ret;

	n = str_has_prefix(item, "tp:") ?: str_has_prefix(item, "tracepoint:");
	if (n) {
		prefix = true;
		item = skip_spaces(item + n);
	}
	/* the item itself stays whole for messages */
	name = kstrdup(item, GFP_KERNEL);
	if (!name)
		return ktap_error(a->x, "no memory");

	if (*name == '#' && (kstrtouint(name + 1, 10, &p.id) || !p.id)) {
		kfree(name);
		return ktap_error(a->x, "\"%s\": the number of an event is that in its id file",
				  a->item);
	}
	p.system = name;
	p.name = strchr(name, ':');
	if (p.name) {
		*(char *)p.name++ = '\0';
		p.name = strim((char *)p.name);
		p.system = strim(name);
	} else if (*name && !p.id) {
		p.bare = name;
		m.bare_system = trace_event_tap_for_each(find_system, &p);
	} else if (prefix && !p.id) {
		p.system = "*";
		p.name = "*";
	}

	if (p.name || p.bare || p.id)
		trace_event_tap_for_each(collect, &m);
	if (m.error) {
		while (m.nr)
			trace_event_tap_put(m.calls[--m.nr]);
		ret = ktap_error(a->x, "no memory to trace \"%s\"", a->item);
	} else if (m.nr) {
		ret = attach_matches(a, &m);
	} else {
		ret = no_such_event(a);
	}
	kvfree(m.calls);
	kfree(name);
	return ret;
}
