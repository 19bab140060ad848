// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: trace events, all of them but system calls.
 *
 * Each event has a tap (linux/trace_event_tap.h), whose function gets the
 * event's binary record. Fields are read out of it by what was resolved when
 * the event was attached.
 *
 * Contexts: attaching, process context; the rest, handlers.
 * Locks: none.
 */
#include <linux/ctype.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/trace_event_tap.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>

#include "event.h"

/* Bytes of a string that is only pointed to; see tp_pointer() */
#define MAX_POINTED		256

static void tp_tap(struct trace_event_tap *tap, const void *rec, size_t len)
{
	const struct ktap_site *site = container_of(tap, struct ktap_site, tap);
	struct ktap_event ev __uninitialized;

	if (!ktap_session_wants(site->session))
		return;
	ev.site = site;
	ev.rec = rec;
	ev.len = len;
	ktap_event_deliver(site, &ev);
}

static int tp_attach(struct ktap_site *site)
{
	int ret;

	if (ktap_vm_uses(site->session->vm, KTAP_BI_STACK))
		trace_event_tap_frames(site->call, &site->frames);
	site->tap.call = site->call;
	site->tap.func = tp_tap;
	ret = trace_event_tap_attach(&site->tap);
	if (!ret)
		list_add_tail(&site->tap.list, &site->session->taps);
	return ret;
}

static s64 tp_int(const void *p, unsigned int size, bool is_signed)
{
	switch (size) {
	case 1:
		return is_signed ? *(s8 *)p : *(u8 *)p;
	case 2:
		return is_signed ? (s16)get_unaligned((u16 *)p) : get_unaligned((u16 *)p);
	case 4:
		/* each by itself: together they would be unsigned */
		if (is_signed)
			return (s32)get_unaligned((u32 *)p);
		return get_unaligned((u32 *)p);
	default:
		return get_unaligned((u64 *)p);
	}
}

/* A string of the kernel; what cannot be read stays a number */
static int tp_pointer(struct ktap_exec *x, const void *p, struct ktap_val *out)
{
	const void *from = (const void *)get_unaligned((unsigned long *)p);
	size_t len = 0, part, n;
	char buf[MAX_POINTED];

	while (len < sizeof(buf)) {
		part = min3(sizeof(buf) - len, 32UL,
			    PAGE_SIZE - offset_in_page(from + len));
		if (copy_from_kernel_nofault(buf + len, from + len, part)) {
			if (len)
				break;
			ktap_set_int(out, (unsigned long)from);
			return 0;
		}
		n = strnlen(buf + len, part);
		len += n;
		if (n < part)
			break;
	}
	return ktap_set_str(x, out, buf, len);
}

/* The place that a __data_loc or __rel_loc field refers to */
static const void *tp_loc(const struct ktap_event *ev,
			  const struct trace_event_tap_field *f, bool rel, size_t *len)
{
	u32 loc = get_unaligned((u32 *)(ev->rec + f->offset));
	size_t off = loc & 0xffff;

	*len = loc >> 16;
	if (rel)
		off += f->offset + f->size;
	if (off > ev->len || *len > ev->len - off)
		return NULL;
	return ev->rec + off;
}

/**
 * struct array - an array in a record
 * @p: its first element
 * @size: bytes of one
 * @is_signed: whether they are
 */
struct array {
	const void *p;
	unsigned int size;
	bool is_signed;
};

static int array_get(struct ktap_exec *x, const void *data, unsigned int i,
		     struct ktap_val *v)
{
	const struct array *a = data;

	ktap_set_int(v, tp_int(a->p + i * a->size, a->size, a->is_signed));
	return 0;
}

/* How many elements a field has; 0 if it is no array of fixed length of numbers */
static unsigned int array_count(const struct trace_event_tap_field *f)
{
	const char *s = strrchr(f->type, '[');
	unsigned int nr = 0;

	if (!s || str_has_prefix(f->type, "struct ") || str_has_prefix(f->type, "union "))
		return 0;
	for (s++; isdigit(*s) && nr <= f->size; s++)
		nr = nr * 10 + *s - '0';
	return nr && *s == ']' && !(f->size % nr) ? nr : 0;
}

/* An array of numbers is a table from 0 on; one of bytes is a string, as a structure */
static int tp_array(struct ktap_exec *x, const struct trace_event_tap_field *f,
		    const void *p, struct ktap_val *out)
{
	struct array a = { .p = p, .is_signed = f->is_signed };
	unsigned int nr = array_count(f);

	a.size = nr ? f->size / nr : 0;
	if (a.size != 2 && a.size != 4 && a.size != 8)
		return ktap_set_str(x, out, p, f->size);
	return ktap_set_list(x, out, nr, array_get, &a);
}

static int tp_field(struct ktap_exec *x, const struct ktap_event *ev, unsigned int n,
		    struct ktap_val *out)
{
	const struct trace_event_tap_field *f = &ev->site->fields[n];
	const void *p = ev->rec + f->offset;
	size_t len = f->size;

	if (f->offset > ev->len || f->size > ev->len - f->offset) {
		ktap_set_nil(out);
		return 0;
	}

	switch (f->kind) {
	case TRACE_EVENT_TAP_INT:
		ktap_set_int(out, tp_int(p, f->size, f->is_signed));
		return 0;
	case TRACE_EVENT_TAP_PTR:
		return tp_pointer(x, p, out);
	case TRACE_EVENT_TAP_CHARS:
		return ktap_set_str(x, out, p, strnlen(p, len));
	case TRACE_EVENT_TAP_BYTES:
		return tp_array(x, f, p, out);
	case TRACE_EVENT_TAP_DYN_CHARS:
	case TRACE_EVENT_TAP_DYN_BYTES:
		p = tp_loc(ev, f, false, &len);
		break;
	case TRACE_EVENT_TAP_REL_CHARS:
	case TRACE_EVENT_TAP_REL_BYTES:
		p = tp_loc(ev, f, true, &len);
		break;
	}
	if (!p) {
		ktap_set_nil(out);
		return 0;
	}
	if (f->kind == TRACE_EVENT_TAP_DYN_CHARS || f->kind == TRACE_EVENT_TAP_REL_CHARS)
		len = strnlen(p, len);
	return ktap_set_str(x, out, p, len);
}

static size_t tp_size(const struct ktap_event *ev)
{
	return ev->len;
}

static void tp_put(const struct ktap_event *ev, void *p)
{
	memcpy(p, ev->rec, ev->len);
}

static const char *tp_render(struct trace_event_tap_text *text,
			     const struct ktap_site *site, const void *data,
			     size_t len, size_t *text_len)
{
	return trace_event_tap_render(text, site->call, data, len, text_len);
}

const struct ktap_event_ops ktap_tracepoint_ops = {
	.attach	= tp_attach,
	.field	= tp_field,
	.size	= tp_size,
	.put	= tp_put,
	.render	= tp_render,
	.stack	= ktap_stack_in_tap,
};
