// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: probes with fetch definitions, while they are traced.
 *
 * Each is a dynamic event of the kernel, whose own code fetches what the
 * definitions say and makes a record, which comes through a tap as that of any
 * other trace event. attach_dynamic.c makes them.
 *
 * What a definition cannot say is defined along with those of the script if it
 * asks for it: the result, and the arguments that the entry had. These stand last
 * in the record, and are taken off its text.
 *
 * Contexts: ktap_dynamic_start(), ktap_dynamic_detach() and dyn_free(), process
 * context; the rest, handlers.
 * Locks: none.
 */
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/trace_event_tap.h>
#include <linux/unaligned.h>

#include "ev_dynamic.h"

static void dyn_tap(struct trace_event_tap *tap, const void *rec, size_t len)
{
	const struct ktap_site *site = container_of(tap, struct ktap_site, tap);
	const struct ktap_session *s = site->session;
	struct ktap_event ev __uninitialized;

	if (!ktap_session_wants(s) || ktap_session_is_self(s) || !rcu_is_watching())
		return;
	ev.site = site;
	ev.rec = rec;
	ev.len = len;
	ktap_event_deliver(site, &ev);
}

static int dyn_attach(struct ktap_site *site)
{
	int ret;

	if (ktap_vm_uses(site->session->vm, KTAP_BI_STACK))
		trace_event_tap_frames(site->call, &site->frames);
	site->tap.call = site->call;
	site->tap.func = dyn_tap;
	ret = trace_event_tap_attach(&site->tap);
	if (!ret)
		list_add_tail(&site->tap.list, &site->session->taps);
	return ret;
}

static bool is_attached(const struct ktap_site *site)
{
	return site->ops == &ktap_dynamic_ops && site->tap.priv;
}

/**
 * ktap_dynamic_start() - the session begins
 * @s: the session
 */
void ktap_dynamic_start(struct ktap_session *s)
{
	struct ktap_site *site;

	if (s->started || !s->dyn_group)
		return;
	list_for_each_entry(site, &s->sites, list)
		if (is_attached(site))
			site->dyn->before = trace_event_tap_dyn_missed(site->dyn->event);
}

/**
 * ktap_dynamic_detach() - count what was missed; the taps are not yet off
 * @s: the session
 */
void ktap_dynamic_detach(struct ktap_session *s)
{
	struct ktap_site *site;
	unsigned long missed;

	if (!s->started || !s->dyn_group)
		return;
	list_for_each_entry(site, &s->sites, list) {
		if (!is_attached(site))
			continue;
		missed = trace_event_tap_dyn_missed(site->dyn->event) - site->dyn->before;
		if (missed)
			ktap_vm_lost(s->vm, KTAP_LOSS_PROBE, missed);
	}
}

static void dyn_free(struct ktap_site *site)
{
	struct ktap_dyn *p = site->dyn;
	unsigned int i;

	if (!p)
		return;
	if (p->event)
		trace_event_tap_dyn_delete(p->event);
	for (i = 0; i < p->nr; i++) {
		kfree(p->places[i].name);
		kfree(p->places[i].func);
	}
	kfree(p->places);
	kfree(p->key);
	kfree(p);
}

/*
 * What handlers see
 */

/* The place that was hit: the probe may be some bytes after the function's start. */
static const struct ktap_dyn_place *dyn_place(const struct ktap_event *ev,
					      unsigned long *addr)
{
	const struct ktap_dyn *p = ev->site->dyn;
	unsigned int low = 0, high = p->nr;

	*addr = get_unaligned((unsigned long *)(ev->rec + ev->site->fields[0].offset));
	while (high - low > 1) {
		unsigned int mid = low + (high - low) / 2;

		if (p->places[mid].addr <= *addr)
			low = mid;
		else
			high = mid;
	}
	return &p->places[low];
}

/* The string that a location in the record refers to; of an empty one, its length is 1 */
static int dyn_string(struct ktap_exec *x, const struct ktap_event *ev, const void *p,
		      struct ktap_val *out)
{
	u32 loc = get_unaligned((u32 *)p);
	size_t off = loc & 0xffff, len = loc >> 16;

	if (!len || off > ev->len || len > ev->len - off) {
		ktap_vm_lost(ktap_exec_vm(x), KTAP_LOSS_FAULT, 1);
		ktap_set_nil(out);
		return 0;
	}
	return ktap_set_str(x, out, ev->rec + off, strnlen(ev->rec + off, len));
}

/**
 * struct strings - an array of strings in a record
 * @ev: the event
 * @locs: where they are
 */
struct strings {
	const struct ktap_event *ev;
	const void *locs;
};

static int strings_get(struct ktap_exec *x, const void *data, unsigned int i,
		       struct ktap_val *v)
{
	const struct strings *s = data;

	return dyn_string(x, s->ev, s->locs + i * sizeof(u32), v);
}

static int dyn_field(struct ktap_exec *x, const struct ktap_event *ev, unsigned int n,
		     struct ktap_val *out)
{
	const struct trace_event_tap_field *f = &ev->site->fields[n];
	struct strings s = { .ev = ev, .locs = ev->rec + f->offset };
	const struct ktap_dyn_place *place;
	unsigned long addr;

	if (!n || n == 1 + ev->site->dyn->nr_defs) {
		place = dyn_place(ev, &addr);
		ktap_set_int(out, (long)(place->addr ?: addr));
		return 0;
	}
	if (f->kind != TRACE_EVENT_TAP_DYN_CHARS || f->size + f->offset > ev->len)
		return ktap_tracepoint_ops.field(x, ev, n, out);
	if (f->size == sizeof(u32))
		return dyn_string(x, ev, s.locs, out);
	return ktap_set_list(x, out, f->size / sizeof(u32), strings_get, &s);
}

/* What was not asked for stands last, so what looks like it before is a string's */
static const char *dyn_render(struct trace_event_tap_text *text,
			      const struct ktap_site *site, const void *data,
			      size_t len, size_t *text_len)
{
	const char *s = ktap_tracepoint_ops.render(text, site, data, len, text_len);
	const char *hidden = site->dyn->hidden, *p = s, *last = NULL;

	if (!*hidden)
		return s;
	while ((p = strstr(p, hidden))) {
		last = p;
		p += strlen(hidden);
	}
	if (!last)
		return s;
	return trace_event_tap_text_cut(text, last - s, text_len);
}

static int dyn_get(struct ktap_exec *x, const struct ktap_event *ev,
		   enum ktap_event_has what, struct ktap_val *out)
{
	const struct ktap_dyn *p = ev->site->dyn;
	const struct ktap_dyn_place *place;
	unsigned long addr;

	switch (what) {
	case KTAP_HAS_NAME:
		place = dyn_place(ev, &addr);
		return ktap_set_str(x, out, place->name, strlen(place->name));
	case KTAP_HAS_FUNC:
		place = dyn_place(ev, &addr);
		return ktap_set_str(x, out, place->func, strlen(place->func));
	case KTAP_HAS_RETVAL:
		return p->retval ? dyn_field(x, ev, p->retval, out) : 1;
	default:
		return 1;
	}
}

static int dyn_entry(struct ktap_exec *x, const struct ktap_event *ev,
		     const struct ktap_str *name, struct ktap_val *out)
{
	const struct ktap_dyn *p = ev->site->dyn;
	int n;

	if (!p->ret)
		return 1;
	n = ktap_event_find_field(ev->site, name->data, name->len);
	if (n < 0 || !test_bit(n, p->entry_defs)) {
		n = ktap_entry_arg(name, ARRAY_SIZE(p->args));
		n = n < 0 ? n : p->args[n] ?: -ENOENT;
	}
	return n < 0 ? n : dyn_field(x, ev, n, out);
}

static size_t dyn_size(const struct ktap_event *ev)
{
	return ktap_tracepoint_ops.size(ev);
}

static void dyn_put(const struct ktap_event *ev, void *p)
{
	ktap_tracepoint_ops.put(ev, p);
}

const struct ktap_event_ops ktap_dynamic_ops = {
	.attach	= dyn_attach,
	.free	= dyn_free,
	.field	= dyn_field,
	.size	= dyn_size,
	.put	= dyn_put,
	.render	= dyn_render,
	.stack	= ktap_stack_in_tap,
	.get	= dyn_get,
	.entry	= dyn_entry,
};
