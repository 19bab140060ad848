// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: from the text of an event to attached handlers.
 *
 * This is the only place where event text is understood:
 *
 *	text	= item { "," item }
 *	item	= [ "tp:" | "tracepoint:" ] pattern
 *	pattern	= SYSTEM ":" EVENT	either part a glob
 *		| NAME			all events of that system, if there is
 *					one, else the events of that name; a glob
 *		| ""			all events, after "tp:" only
 *
 * An item that matches nothing is an error that names what comes nearest. An
 * item that is one event is exact: that it cannot be attached is an error.
 * Members of a glob that refuse are left out, and a note says so. A field that
 * the handler reads and an event lacks is an error if the text is that one
 * event; in the members of a glob or a list it is nil.
 *
 * Contexts: process context, in the main chunk.
 * Locks: event_mutex while events are collected, by trace_event_tap_for_each().
 */
#include <linux/bitmap.h>
#include <linux/bsearch.h>
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/glob.h>
#include <linux/hash.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/trace_event_tap.h>

#include <trace/syscall.h>

#include "event.h"

/* No event is called more than that, with its system */
#define MAX_NAME		128
#define NR_NEAREST		3
#define NOTE_SIZE		1024
/* All of them run for an event, each with a budget of its own. */
#define MAX_HANDLERS		64
/* struct ktap_site.map is made of u16 */
#define MAX_FIELDS		(U16_MAX - 1)

/**
 * struct pattern - an item of event text
 * @item: all of it, for messages
 * @system: glob of the system, or NULL
 * @name: glob of the event, or NULL
 * @bare: a name alone
 * @list: the item is one of several
 */
struct pattern {
	const char *item;
	const char *system;
	const char *name;
	const char *bare;
	bool list;
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

/*
 * Messages
 */

/* Levenshtein distance; of what is longer, the first bytes count */
static unsigned int distance(const char *a, const char *b)
{
	size_t n = min_t(size_t, strlen(b), MAX_NAME - 1);
	u8 row[MAX_NAME];
	unsigned int i, j;

	for (j = 0; j <= n; j++)
		row[j] = j;
	for (i = 0; a[i] && i < MAX_NAME - 1; i++) {
		unsigned int diagonal = row[0];

		row[0] = i + 1;
		for (j = 0; j < n; j++) {
			unsigned int cost = diagonal + (a[i] != b[j]);

			diagonal = row[j + 1];
			row[j + 1] = min3(cost, row[j + 1] + 1U, row[j] + 1U);
		}
	}
	return row[n];
}

/**
 * struct nearest - the names that are most like another one
 * @want: the name
 * @nr: how many were found
 * @name: them, nearest first
 * @dist: how far they are
 */
struct nearest {
	const char *want;
	unsigned int nr;
	char name[NR_NEAREST][MAX_NAME];
	unsigned int dist[NR_NEAREST];
};

static void nearest_add(struct nearest *near, const char *name)
{
	unsigned int dist = distance(near->want, name);
	unsigned int i;

	if (dist > strlen(near->want) / 3 + 1)
		return;
	for (i = near->nr; i && near->dist[i - 1] > dist; i--) {
		if (i >= NR_NEAREST)
			continue;
		near->dist[i] = near->dist[i - 1];
		strscpy(near->name[i], near->name[i - 1]);
	}
	if (i >= NR_NEAREST)
		return;
	near->dist[i] = dist;
	strscpy(near->name[i], name);
	if (near->nr < NR_NEAREST)
		near->nr++;
}

static int nearest_event(struct trace_event_call *call, void *data)
{
	const char *system = trace_event_tap_system(call);
	struct nearest *near = data;
	char name[MAX_NAME];

	if (strchr(near->want, ':'))
		snprintf(name, sizeof(name), "%s:%s", system, trace_event_tap_name(call));
	else
		strscpy(name, trace_event_tap_name(call));
	nearest_add(near, name);
	return 0;
}

/* "; did you mean A, B or C?" or nothing */
static void nearest_text(const struct nearest *near, struct ktap_log *log)
{
	unsigned int i;

	for (i = 0; i < near->nr; i++)
		ktap_log(log, "%s%s", !i ? "; did you mean " :
			 i + 1 == near->nr ? " or " : ", ", near->name[i]);
	if (near->nr)
		ktap_log(log, "?");
}

/* What other versions trace, and this one does not */
static bool is_other_kind(const char *item)
{
	static const char * const kinds[] = {
		"probe:", "kprobe:", "kprobes:", "k:", "kretprobe:", "uprobe:",
		"uprobes:", "u:", "uretprobe:", "sdt:", "mem:", "tick-",
		"profile-", "ftrace:", "cache-", "cpu-", "page-faults",
		"context-switches", "branch", "instructions", "cycles",
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_has_prefix(item, kinds[i]))
			return true;
	return false;
}

static int no_such_event(struct ktap_exec *x, const struct pattern *p)
{
	struct nearest *near;
	char buf[NR_NEAREST * MAX_NAME + 32] = "";
	struct ktap_log log = { .buf = buf, .size = sizeof(buf) };

	if (!*p->item)
		return ktap_error(x, "the event is empty");
	if (is_other_kind(p->item))
		return ktap_error(x, "\"%s\": this version traces tracepoints and system calls",
				  p->item);
	if (has_wildcard(p->item))
		return ktap_error(x, "no event matches \"%s\"", p->item);

	near = kzalloc(sizeof(*near), GFP_KERNEL);
	if (near) {
		near->want = p->item;
		trace_event_tap_for_each(nearest_event, near);
		nearest_text(near, &log);
		kfree(near);
	}
	return ktap_error(x, "no event is called \"%s\"%s", p->item, buf);
}

/*
 * Matching
 */

static bool matches(const struct matches *m, struct trace_event_call *call)
{
	const char *system = trace_event_tap_system(call);
	const char *name = trace_event_tap_name(call);
	const struct pattern *p = m->pattern;

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
	struct trace_event_call **calls;
	struct matches *m = data;

	if (!matches(m, call))
		return 0;
	if (m->nr == m->max) {
		m->max = m->max ? m->max * 2 : 16;
		calls = kvrealloc(m->calls, array_size(m->max, sizeof(*calls)), GFP_KERNEL);
		if (!calls) {
			m->error = -ENOMEM;
			return -ENOMEM;
		}
		m->calls = calls;
	}
	if (trace_event_tap_get(call))
		m->calls[m->nr++] = call;
	return 0;
}

/*
 * Sites
 */

static int cmp_name(const void *a, const void *b)
{
	const struct ktap_name *l = a, *r = b;

	return strcmp(l->s, r->s);
}

static bool is_identifier(const struct ktap_str *s)
{
	u32 i;

	if (!s->len || s->len >= MAX_NAME || isdigit(s->data[0]))
		return false;
	for (i = 0; i < s->len; i++)
		if (!isalnum(s->data[i]) && s->data[i] != '_')
			return false;
	return true;
}

/* The constants that can be names of fields, sorted */
static int make_names(struct ktap_session *s)
{
	u32 i, n = ktap_vm_nconsts(s->vm);
	const struct ktap_str *str;
	struct ktap_names *names;

	if (s->names)
		return 0;
	names = kvzalloc(struct_size(names, e, n), GFP_KERNEL);
	if (!names)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		str = ktap_vm_const_str(s->vm, i);
		if (!str || !is_identifier(str))
			continue;
		names->e[names->nr].s = str->data;
		names->e[names->nr++].kidx = i;
		names->nr_map = i + 1;
	}
	sort(names->e, names->nr, sizeof(names->e[0]), cmp_name, NULL);
	s->names = names;
	return 0;
}

static void map_name(struct ktap_site *site, const char *name, unsigned int field)
{
	const struct ktap_names *names = site->session->names;
	struct ktap_name key = { .s = name };
	const struct ktap_name *e, *end = names->e + names->nr;

	e = bsearch(&key, names->e, names->nr, sizeof(*e), cmp_name);
	if (!e)
		return;
	/* an image may have a constant twice */
	while (e > names->e && !strcmp(e[-1].s, name))
		e--;
	for (; e < end && !strcmp(e->s, name); e++)
		if (!site->map[e->kidx])
			site->map[e->kidx] = field + 1;
}

/* Resolves all names that the script may ask for, so that FIELD is a lookup */
static int make_map(struct ktap_site *site)
{
	struct ktap_session *s = site->session;
	size_t bytes = s->names->nr_map * sizeof(*site->map);
	unsigned int i;

	if (!s->names->nr || s->map_bytes + bytes > KTAP_MAX_MAPS)
		return 0;
	site->map = kvzalloc(bytes, GFP_KERNEL_ACCOUNT);
	if (!site->map)
		return -ENOMEM;
	site->nr_map = s->names->nr_map;
	s->map_bytes += bytes;
	for (i = 0; i < site->nr_fields; i++)
		map_name(site, site->fields[i].name, i);
	if (site->sc_nr >= 0)
		map_name(site, "nr", 0);
	return 0;
}

static int make_fields(struct ktap_site *site)
{
	int i, n = trace_event_tap_nr_fields(site->call);
	/* system calls have no record whose common fields could be read */
	int common = site->sc_nr >= 0 ? 0 : KTAP_NR_COMMON;

	if (n + common > MAX_FIELDS)
		return -EOVERFLOW;
	site->fields = kcalloc(n + common, sizeof(*site->fields), GFP_KERNEL_ACCOUNT);
	if (!site->fields)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		trace_event_tap_field(site->call, i, &site->fields[i]);
	for (i = 0; i < common; i++)
		trace_event_tap_field(site->call, -1 - i, &site->fields[n + i]);
	site->nr_fields = n + common;
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

/* Takes over the reference to @call */
static struct ktap_site *site_create(struct ktap_session *s, struct trace_event_call *call)
{
	const struct syscall_metadata *meta;
	struct ktap_site *site;
	int ret;

	site = kzalloc(sizeof(*site), GFP_KERNEL_ACCOUNT);
	if (!site) {
		trace_event_tap_put(call);
		return ERR_PTR(-ENOMEM);
	}
	site->session = s;
	site->call = call;
	site->name = trace_event_tap_name(call);
	site->system = trace_event_tap_system(call);
	site->sc_nr = -1;
	site->ops = &ktap_tracepoint_ops;
	list_add_tail(&site->list, &s->sites);
	hlist_add_head(&site->hash, site_bucket(s, call));

	meta = trace_event_tap_syscall(call, &site->sc_enter);
#ifdef CONFIG_FTRACE_SYSCALLS
	if (meta) {
		site->ops = &ktap_syscall_ops;
		site->sc_nr = meta->syscall_nr;
		site->sc_nargs = meta->nb_args;
	}
#endif
	ret = make_fields(site);
	if (!ret)
		ret = make_map(site);
	if (!ret)
		ret = site->ops->attach(site);
	if (ret) {
		ktap_site_free(site);
		return ERR_PTR(ret);
	}
	s->nr_events++;
	return site;
}

static int site_add_handler(struct ktap_site *site, struct ktap_closure *fn)
{
	struct ktap_closure **handlers;

	if (site->nr_handlers == MAX_HANDLERS)
		return -E2BIG;
	handlers = krealloc_array(site->handlers, site->nr_handlers + 1,
				  sizeof(*handlers), GFP_KERNEL_ACCOUNT);
	if (!handlers)
		return -ENOMEM;
	site->handlers = handlers;
	handlers[site->nr_handlers++] = fn;
	return 0;
}

/**
 * struct check - whether an exact event has the fields that a handler reads
 * @x: the main chunk
 * @site: the event
 * @asked: the constants whose field the handler asks for before it reads it
 */
struct check {
	struct ktap_exec *x;
	const struct ktap_site *site;
	unsigned long *asked;
};

static int note_asked(void *data, u32 kidx, bool asked, u32 line)
{
	const struct check *check = data;

	if (asked)
		__set_bit(kidx, check->asked);
	return 0;
}

static int check_field(void *data, u32 kidx, bool asked, u32 line)
{
	const struct check *check = data;
	const struct ktap_site *site = check->site;
	const struct ktap_str *name = ktap_vm_const_str(site->session->vm, kidx);
	struct nearest *near;
	char buf[NR_NEAREST * MAX_NAME + 32] = "";
	struct ktap_log log = { .buf = buf, .size = sizeof(buf) };
	unsigned int i;

	if (asked || !name || test_bit(kidx, check->asked) ||
	    ktap_event_find_field(site, name->data, name->len) >= 0)
		return 0;

	near = kzalloc(sizeof(*near), GFP_KERNEL);
	if (near) {
		near->want = name->data;
		for (i = 0; i < site->nr_fields; i++)
			nearest_add(near, site->fields[i].name);
		nearest_text(near, &log);
		kfree(near);
	}
	return ktap_error(check->x, "%s:%s has no field \"%s\", which line %u reads%s",
			  site->system, site->name, name->data, line, buf);
}

static int check_fields(struct ktap_exec *x, struct ktap_closure *fn,
			const struct ktap_site *site)
{
	struct check check = { .x = x, .site = site };
	int ret;

	check.asked = bitmap_zalloc(ktap_vm_nconsts(site->session->vm), GFP_KERNEL);
	if (!check.asked)
		return ktap_error(x, "out of memory");
	ktap_closure_fields(fn, note_asked, &check);
	ret = ktap_closure_fields(fn, check_field, &check);
	bitmap_free(check.asked);
	return ret;
}

/* A note for -v about events of a glob that refused */
static void note_refused(struct ktap_session *s, const struct pattern *p,
			 unsigned int refused, unsigned int nr, const char *list)
{
	char *text = kasprintf(GFP_KERNEL, "%u of %u events of \"%s\" cannot be traced: %s",
			       refused, nr, p->item, list);

	if (!text)
		return;
	ktap_outbuf_put(s->out, KTAP_REC_NOTE, KTAP_VAL_STR, text,
			min_t(size_t, strlen(text), KTAP_MAX_STR), NULL);
	kfree(text);
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

/* Attach @fn to all of @m, whose references pass on */
static int attach_matches(struct ktap_exec *x, struct matches *m, struct ktap_closure *fn)
{
	struct ktap_session *s = ktap_vm_env(ktap_exec_vm(x));
	bool exact = m->nr == 1 && !has_wildcard(m->pattern->item) && !m->bare_system;
	struct ktap_log log = { .size = NOTE_SIZE };
	unsigned int i, refused = 0;
	struct ktap_site *site;
	char buf[24];
	int ret = 0, err;

	ktap_exec_charge(x, 100LL * m->nr);
	log.buf = kzalloc(NOTE_SIZE, GFP_KERNEL);
	if (!log.buf)
		log.size = 0;

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
		if (!err)
			err = site_add_handler(site, fn);
		if (err == -ENOMEM) {
			ret = ktap_error(x, "no memory to trace %s:%s", system, name);
		} else if (err == -E2BIG) {
			ret = ktap_error(x, "%s:%s has %u handlers already, which is the limit",
					 system, name, MAX_HANDLERS);
		} else if (err) {
			refused++;
			ktap_log(&log, "%s%s:%s (%s)", refused > 1 ? ", " : "", system,
				 name, refusal(err, buf, sizeof(buf)));
		} else if (!exact || m->pattern->list) {
			site->glob = true;
		} else {
			ret = check_fields(x, fn, site);
		}
		cond_resched();
	}

	if (!ret && refused == m->nr)
		ret = ktap_error(x, "cannot trace \"%s\": %s", m->pattern->item,
				 log.buf ?: "no memory");
	else if (!ret && refused)
		note_refused(s, m->pattern, refused, m->nr, log.buf ?: "");
	kfree(log.buf);
	return ret;
}

static int attach_item(struct ktap_exec *x, char *item, bool list, struct ktap_closure *fn)
{
	struct pattern p = { .item = item, .list = list };
	struct matches m = { .pattern = &p };
	bool prefix = false;
	char *name;
	size_t n;
	int ret;

	n = str_has_prefix(item, "tp:") ?: str_has_prefix(item, "tracepoint:");
	if (n) {
		prefix = true;
		item = strim(item + n);
	}
	/* the item itself stays whole for messages */
	name = kstrdup(item, GFP_KERNEL);
	if (!name)
		return ktap_error(x, "no memory");

	p.system = name;
	p.name = strchr(name, ':');
	if (p.name) {
		*(char *)p.name++ = '\0';
		p.name = strim((char *)p.name);
		p.system = strim(name);
	} else if (*name) {
		p.bare = name;
		m.bare_system = trace_event_tap_for_each(find_system, &p);
	} else if (prefix) {
		p.system = "*";
		p.name = "*";
	}

	if (p.name || p.bare)
		trace_event_tap_for_each(collect, &m);
	if (m.error) {
		while (m.nr)
			trace_event_tap_put(m.calls[--m.nr]);
		ret = ktap_error(x, "no memory to trace \"%s\"", p.item);
	} else if (m.nr) {
		ret = attach_matches(x, &m, fn);
	} else {
		ret = no_such_event(x, &p);
	}
	kvfree(m.calls);
	kfree(name);
	return ret;
}

int ktap_env_attach(struct ktap_exec *x, const struct ktap_str *text,
		    struct ktap_closure *fn)
{
	struct ktap_session *s = ktap_vm_env(ktap_exec_vm(x));
	char *copy, *next, *item;
	int ret = 0;
	bool list;

	if (!perfmon_capable())
		return ktap_error(x, "tracing needs CAP_PERFMON");
	if (memchr(text->data, 0, text->len))
		return ktap_error(x, "an event's name has no NUL");
	if (make_names(s))
		return ktap_error(x, "no memory");
	copy = kstrndup(text->data, text->len, GFP_KERNEL);
	if (!copy)
		return ktap_error(x, "no memory");

	list = strchr(copy, ',');
	next = copy;
	while (!ret && (item = strsep(&next, ",")))
		ret = attach_item(x, strim(item), list, fn);
	kfree(copy);
	return ret;
}
