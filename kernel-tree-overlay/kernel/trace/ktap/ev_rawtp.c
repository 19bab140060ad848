// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: raw tracepoints: the arguments of a tracepoint, without a record.
 *
 *	item	= ( "rawtp:" | "raw_tracepoint:" | "rawtracepoint:" ) pattern
 *	pattern	= NAME or a glob of names
 *
 * A tracepoint that is no event of the kernel's tracing can be traced so, and
 * costs less than one that writes a record first. The arguments are numbers,
 * arg1 and up, as the tracepoint's prototype has them.
 *
 * One that does not exist is an error that names what comes nearest. Those of a
 * glob whose arguments the kernel does not describe are left out, and a note
 * says so.
 *
 * Contexts: attaching, process context; the handlers run in any context, NMI
 * included, with preemption disabled.
 * Locks: those of the tracepoints, while they are looked at or attached.
 */
#include <linux/glob.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/trace_event_tap.h>

#include "attach.h"

/* The kernel's macros of tracepoints have no more */
#define MAX_ARGS		12

/*
 * Handlers
 */

static void rawtp_hit(void *data, const u64 *args)
{
	const struct ktap_site *site = data;
	const struct ktap_session *s = site->session;
	struct ktap_event ev __uninitialized;

	if (!ktap_session_wants(s) || ktap_session_is_self(s))
		return;
	ev.site = site;
	ev.rec = args;
	ev.len = (site->nr_own - 1) * sizeof(*args);
	ktap_event_deliver(site, &ev);
}

static void rawtp_get_field(const struct ktap_site *site, unsigned int n,
			    struct trace_event_tap_field *field)
{
	static const char names[][8] = {
		"nr_args", "arg1", "arg2", "arg3", "arg4", "arg5", "arg6", "arg7",
		"arg8", "arg9", "arg10", "arg11", "arg12",
	};

	field->name = names[n];
	field->type = "u64";
	field->offset = n * sizeof(u64);
	field->size = sizeof(u64);
}

static int rawtp_field(struct ktap_exec *x, const struct ktap_event *ev, unsigned int n,
		       struct ktap_val *out)
{
	const u64 *args = ev->rec;

	/* the table of fields has all that any tracepoint may have */
	if (n >= ev->site->nr_own)
		ktap_set_nil(out);
	else
		ktap_set_int(out, n ? args[n - 1] : ev->site->nr_own - 1);
	return 0;
}

static size_t rawtp_size(const struct ktap_event *ev)
{
	return ev->len;
}

static void rawtp_put(const struct ktap_event *ev, void *p)
{
	memcpy(p, ev->rec, ev->len);
}

static const char *rawtp_render(struct trace_event_tap_text *text,
				const struct ktap_site *site, const void *data,
				size_t len, size_t *text_len)
{
	char buf[MAX_ARGS * sizeof("arg12=0x, ") + MAX_ARGS * 16];
	size_t pos = 0, i;
	u64 arg;

	for (i = 0; i < len / sizeof(arg); i++) {
		memcpy(&arg, data + i * sizeof(arg), sizeof(arg));
		pos += scnprintf(buf + pos, sizeof(buf) - pos, "%sarg%zu=0x%llx",
				 i ? ", " : "", i + 1, arg);
	}
	return trace_event_tap_text_printf(text, text_len, "%s: (%.*s)\n", site->name,
					   (int)pos, buf);
}

static unsigned int rawtp_stack(const struct ktap_event *ev, u64 *ip, unsigned int max)
{
	return ktap_stack_save(&ev->site->own, ip, max);
}

static int rawtp_attach(struct ktap_site *site)
{
	struct trace_event_tap_raw_info info;
	struct ktap_session *s = site->session;
	int ret;

	if (!s->rawtps) {
		s->rawtps = trace_event_tap_raw_alloc(rawtp_hit);
		if (!s->rawtps)
			return -ENOMEM;
	}
	ret = ktap_site_set_fields(site, 1 + MAX_ARGS, 0, rawtp_get_field);
	if (ret)
		return ret;
	/* until the session is live, it does nothing */
	ret = trace_event_tap_raw_attach(s->rawtps, site->name, site, &info);
	if (ret)
		return ret;
	site->name = info.name;
	site->nr_own = 1 + min(info.nr_args, MAX_ARGS);
	site->nr_fields = site->nr_own;
	site->own.inner = info.run;
	site->own.more = 1;
	site->own.outer[0] = info.probe;
	site->own.outer[1] = info.iterator;
	return 0;
}

static const struct ktap_event_ops ktap_rawtp_ops = {
	.attach	= rawtp_attach,
	.field	= rawtp_field,
	.size	= rawtp_size,
	.put	= rawtp_put,
	.render	= rawtp_render,
	.stack	= rawtp_stack,
};

/*
 * Attaching
 */

/* The site of a tracepoint, or an error pointer */
static struct ktap_site *site_get(struct ktap_session *s, const char *name)
{
	struct hlist_head *bucket = ktap_site_bucket(s, name);
	struct ktap_site *site;
	int ret;

	hlist_for_each_entry(site, bucket, hash)
		if (site->ops == &ktap_rawtp_ops && !strcmp(site->name, name))
			return site;
	site = ktap_site_new(s, &ktap_rawtp_ops);
	if (!site)
		return ERR_PTR(-ENOMEM);
	site->name = name;
	ret = site->ops->attach(site);
	if (ret) {
		ktap_site_free(site);
		return ERR_PTR(ret);
	}
	hlist_add_head(&site->hash, bucket);
	s->nr_events++;
	return site;
}

/**
 * struct names - tracepoints that are looked for
 * @pattern: a name or a glob
 * @nr: how many there are
 * @max: room in @name
 * @name: them
 */
struct names {
	const char *pattern;
	unsigned int nr;
	unsigned int max;
	char **name;
};

static int collect(void *data, const char *name)
{
	struct names *n = data;

	if (!glob_match(n->pattern, name))
		return 0;
	if (ktap_attach_room(&n->name, n->nr, &n->max, sizeof(*n->name)))
		return -ENOMEM;
	n->name[n->nr] = kstrdup(name, GFP_KERNEL);
	return n->name[n->nr++] ? 0 : -ENOMEM;
}

static int nearest(void *data, const char *name)
{
	ktap_nearest_add(data, name);
	return 0;
}

static int no_such_tracepoint(struct ktap_attach *a, const char *name)
{
	struct ktap_nearest *near = kzalloc(sizeof(*near), GFP_KERNEL);
	char buf[KTAP_NEAREST_TEXT] = "";
	struct ktap_log log = { .buf = buf, .size = sizeof(buf) };

	if (near) {
		near->want = name;
		trace_event_tap_raw_for_each(nearest, near);
		ktap_nearest_text(near, &log);
		kfree(near);
	}
	return ktap_error(a->x, "no tracepoint %s \"%s\"%s",
			  strpbrk(name, "*?[") ? "matches" : "is called", name, buf);
}

static int attach_names(struct ktap_attach *a, struct names *n)
{
	bool exact = !strpbrk(n->pattern, "*?[");
	struct ktap_refused refused = { };
	struct ktap_site *site;
	unsigned int i;
	int ret = 0;

	ktap_attach_many(a, n->nr);
	for (i = 0; i < n->nr && !ret && !ktap_env_interrupted(a->session); i++) {
		site = site_get(a->session, n->name[i]);
		if (!IS_ERR(site))
			ret = ktap_attach_site(a, site, exact);
		else if (PTR_ERR(site) == -ENOENT)
			ktap_refused_add(&refused, n->name[i], NULL);
		else
			ret = ktap_attach_failed(a, n->name[i], PTR_ERR(site));
	}
	if (!ret && refused.nr == n->nr)
		ret = ktap_error(a->x, "cannot trace \"%s\": %s", a->item,
				 "the kernel does not describe its arguments");
	ktap_refused_end(a, &refused, ret ? 0 : n->nr - refused.nr, "tracepoints");
	return ret;
}

/**
 * ktap_attach_rawtp() - attach a handler to raw tracepoints
 * @a: the item
 *
 * Return: 0, or what ktap_error() returned.
 */
int ktap_attach_rawtp(struct ktap_attach *a)
{
	struct names n = { .pattern = skip_spaces(strchr(a->item, ':') + 1) };
	int ret;

	if (trace_event_tap_raw_for_each(collect, &n))
		ret = ktap_attach_failed(a, a->item, -ENOMEM);
	else
		ret = n.nr ? attach_names(a, &n) : no_such_tracepoint(a, n.pattern);
	while (n.nr)
		kfree(n.name[--n.nr]);
	kvfree(n.name);
	return ret;
}

/**
 * ktap_rawtps_detach() - take all probes off
 * @s: the session
 *
 * The caller waits for them (tracepoint_synchronize_unregister()).
 */
void ktap_rawtps_detach(struct ktap_session *s)
{
	if (s->rawtps)
		trace_event_tap_raw_detach(s->rawtps);
}

/**
 * ktap_rawtps_end() - count what was dropped
 * @s: the session; none of its probes runs any more
 */
void ktap_rawtps_end(struct ktap_session *s)
{
	if (s->rawtps)
		ktap_vm_lost(s->vm, KTAP_LOSS_NESTED, trace_event_tap_raw_missed(s->rawtps));
}

/**
 * ktap_rawtps_free() - free them, and let the modules go whose names sites have
 * @s: the session; its probes are taken off
 */
void ktap_rawtps_free(struct ktap_session *s)
{
	if (s->rawtps)
		trace_event_tap_raw_free(s->rawtps);
	s->rawtps = NULL;
}
