// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: the current event, for the VM.
 *
 * Owns what is common to all sources of events: the sites (an event that has
 * handlers), delivery, fields by name and by number, and the members of e.
 * Resolving event names is in attach.c.
 *
 * Contexts: ktap_events_*(), process context; the rest, handlers.
 * Locks: none; sites do not change while events are delivered.
 */
#include <linux/err.h>
#include <linux/error-injection.h>
#include <linux/kernel.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/trace_event_tap.h>
#include <linux/tracepoint.h>

#include "event.h"

/* A record of a larger event carries its name alone. */
#define MAX_EVENT_FORM		KTAP_MAX_STR

/**
 * ktap_event_deliver() - run the handlers of an event
 * @site: what happened
 * @ev: the event
 *
 * Context: any, with preemption disabled.
 */
void ktap_event_deliver(const struct ktap_site *site, struct ktap_event *ev)
{
	struct ktap_session *s = site->session;
	unsigned int i;

	for (i = 0; i < site->nr_handlers; i++) {
		/* exit() or an error in one of them ends it all at once */
		if (i && !READ_ONCE(s->live))
			break;
		ktap_vm_handle(s->vm, site->handlers[i], ev);
	}
}

/**
 * ktap_event_find_field() - find a field by name
 * @site: the event
 * @name: the name
 * @len: its length
 *
 * Return: index in @site->fields, or -ENOENT.
 */
int ktap_event_find_field(const struct ktap_site *site, const char *name, size_t len)
{
	unsigned int i;

	for (i = 0; i < site->nr_fields; i++) {
		const char *have = site->fields[i].name;

		if (!strncmp(have, name, len) && !have[len])
			return i;
	}
	/* The number of a system call is __syscall_nr in its format file. */
	if (site->sc_nr >= 0 && len == 2 && !memcmp(name, "nr", 2))
		return 0;
	return -ENOENT;
}

static int event_field_index(struct ktap_exec *x, const struct ktap_site *site, u32 kidx)
{
	const struct ktap_str *name;

	if (likely(kidx < site->nr_map))
		return site->map[kidx] ? site->map[kidx] - 1 : -ENOENT;
	name = ktap_vm_const_str(ktap_exec_vm(x), kidx);
	return name ? ktap_event_find_field(site, name->data, name->len) : -ENOENT;
}

/* Events of a glob do not all have the same fields. */
static int event_no_field(const struct ktap_site *site, struct ktap_val *out)
{
	if (!site->glob)
		return -ENOENT;
	ktap_set_nil(out);
	return 0;
}

int ktap_env_field(struct ktap_exec *x, u32 kidx, struct ktap_val *out)
{
	const struct ktap_event *ev = ktap_exec_event(x);
	int n = event_field_index(x, ev->site, kidx);

	if (n < 0)
		return event_no_field(ev->site, out);
	return ev->site->ops->field(x, ev, n, out);
}

bool ktap_env_has_field(struct ktap_exec *x, u32 kidx)
{
	return event_field_index(x, ktap_exec_event(x)->site, kidx) >= 0;
}

int ktap_env_arg(struct ktap_exec *x, unsigned int n, struct ktap_val *out)
{
	const struct ktap_event *ev = ktap_exec_event(x);

	if (n >= ev->site->nr_own) {
		ktap_set_nil(out);
		return 0;
	}
	return ev->site->ops->field(x, ev, n, out);
}

/**
 * ktap_event_get() - get what only some sources of events have
 * @x: a handler
 * @what: it
 * @out: set to it, or to nil
 *
 * Return: 0, or what ktap_error() returned.
 */
int ktap_event_get(struct ktap_exec *x, enum ktap_event_has what, struct ktap_val *out)
{
	const struct ktap_event *ev = ktap_exec_event(x);
	const struct ktap_site *site = ev->site;

	if (site->ops->get) {
		int ret = site->ops->get(x, ev, what, out);

		if (ret <= 0)
			return ret;
	}
	if (what == KTAP_HAS_NAME)
		return ktap_set_str(x, out, site->name, strlen(site->name));
	ktap_set_nil(out);
	return 0;
}

/**
 * ktap_event_entry() - entry.NAME: what the entry had that a return belongs to
 * @x: a handler
 * @name: the name
 * @out: set to it; of other events, to nil
 *
 * Return: 0, or what ktap_error() returned.
 */
int ktap_event_entry(struct ktap_exec *x, const struct ktap_str *name, struct ktap_val *out)
{
	const struct ktap_event *ev = ktap_exec_event(x);
	const struct ktap_site *site = ev->site;
	int ret = site->ops->entry ? site->ops->entry(x, ev, name, out) : 1;

	if (ret == -ENOENT && !site->glob)
		return ktap_error(x, "%s has no entry.%s", site->name, name->data);
	if (ret != 1 && ret != -ENOENT)
		return ret;
	ktap_set_nil(out);
	return 0;
}

/**
 * ktap_entry_arg() - which argument of a function a name is
 * @name: the name
 * @max: how many there are
 *
 * Return: 0 for arg1, and so on, or -ENOENT.
 */
int ktap_entry_arg(const struct ktap_str *name, unsigned int max)
{
	if (name->len != 4 || memcmp(name->data, "arg", 3) || name->data[3] < '1' ||
	    name->data[3] >= '1' + max)
		return -ENOENT;
	return name->data[3] - '1';
}

/*
 * e.set_retval()
 */

/**
 * ktap_event_set_retval() - change the result of what is traced
 * @x: a handler
 * @retval: the new one
 *
 * Return: 0, or what ktap_error() returned.
 */
int ktap_event_set_retval(struct ktap_exec *x, s64 retval)
{
	struct ktap_event *ev = ktap_exec_event(x);
	const struct ktap_site *site = ev->site;

	/* the compiler knows the call, but a script may hide it */
	if (!site->session->write)
		return ktap_error(x, "e.set_retval() changes results: run ktap with -w");
	if (!site->ops->set_retval)
		return ktap_error(x, "e.set_retval() is for sys_exit_* and plain probes, not %s",
				  site->name);
	return site->ops->set_retval(x, ev, retval);
}

/**
 * ktap_event_fits() - whether a result may be one, by the kernel's rules
 * @x: a handler
 * @func: what would have it
 * @type: EI_ETYPE_*, as the kernel's list for error injection says, or negative
 * @retval: the result
 *
 * Return: 0, or what ktap_error() returned.
 */
int ktap_event_fits(struct ktap_exec *x, const char *func, int type, s64 retval)
{
	bool is_errno = retval < 0 && retval >= -MAX_ERRNO;
	const char *want = NULL;

	switch (type) {
	case EI_ETYPE_NULL:
		want = retval ? "0 (NULL)" : NULL;
		break;
	case EI_ETYPE_ERRNO:
		want = is_errno ? NULL : "an error: -1 to -4095";
		break;
	case EI_ETYPE_ERRNO_NULL:
		want = !retval || is_errno ? NULL : "0 or an error: -1 to -4095";
		break;
	case EI_ETYPE_TRUE:
		want = retval == 1 ? NULL : "1 (true)";
		break;
	default:
		return ktap_error(x, "the result of %s may not be changed: it is not in %s", func,
				  IS_ENABLED(CONFIG_FUNCTION_ERROR_INJECTION) ?
				  "/sys/kernel/debug/error_injection/list" :
				  "any list, for want of CONFIG_FUNCTION_ERROR_INJECTION");
	}
	if (want)
		return ktap_error(x, "%s may only be made to return %s, not %lld", func, want,
				  retval);
	return 0;
}

/*
 * The members of e
 */

static int field_text(char *buf, size_t size, const struct trace_event_tap_field *f)
{
	return snprintf(buf, size, "[%s-%s-%u-%u-%u] ", f->name, f->type, f->offset,
			f->size, f->is_signed);
}

/* [name-type-offset-size-signed] for each field */
static int event_allfield(struct ktap_exec *x, const struct ktap_site *site,
			  struct ktap_val *out)
{
	unsigned int i, n = site->nr_own;
	size_t len = 0, pos = 0;
	struct ktap_str *s;

	for (i = 0; i < n; i++)
		len += field_text(NULL, 0, &site->fields[i]);
	if (len > KTAP_MAX_STR) {
		len = KTAP_MAX_STR;
		ktap_vm_lost(ktap_exec_vm(x), KTAP_LOSS_STRING, 1);
	}
	s = ktap_str_alloc(x, len);
	if (!s)
		return -EIO;
	/* there is room for a NUL after the string */
	for (i = 0; i < n && pos < len; i++)
		pos += field_text(s->data + pos, len + 1 - pos, &site->fields[i]);
	*out = (struct ktap_val){ .s = s, .type = KTAP_STR };
	return 0;
}

enum member {
	M_NAME,
	M_TOSTRING,
	M_PRINT_FMT,
	M_SC_NR,
	M_SC_NAME,
	M_SC_IS_ENTER,
	M_SC_ARG,
	M_REGSTR,
	M_RETVAL,
	M_ELAPSED,
	M_ALLFIELD,
	M_FIELDNUM,
	M_FIELD,
	M_SET_RETVAL,
};

static int event_member(const struct ktap_str *name)
{
	static const struct {
		const char *name;
		u8 len;
		u8 member;
	} members[] = {
#define MEMBER(name, member) { name, sizeof(name) - 1, member }
		MEMBER("tostring", M_TOSTRING),
		MEMBER("name", M_NAME),
		MEMBER("retval", M_RETVAL),
		MEMBER("elapsed", M_ELAPSED),
		MEMBER("sc_nr", M_SC_NR),
		MEMBER("sc_name", M_SC_NAME),
		MEMBER("sc_is_enter", M_SC_IS_ENTER),
		MEMBER("print_fmt", M_PRINT_FMT),
		MEMBER("regstr", M_REGSTR),
		MEMBER("allfield", M_ALLFIELD),
		MEMBER("fieldnum", M_FIELDNUM),
		MEMBER("field", M_FIELD),
		MEMBER("set_retval", M_SET_RETVAL),
#undef MEMBER
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(members); i++)
		if (name->len == members[i].len &&
		    !memcmp(name->data, members[i].name, name->len))
			return members[i].member;
	if (name->len == 7 && !memcmp(name->data, "sc_arg", 6) &&
	    name->data[6] >= '1' && name->data[6] <= '6')
		return M_SC_ARG;
	return -ENOENT;
}

int ktap_env_member(struct ktap_exec *x, const struct ktap_str *name,
		    struct ktap_val *out)
{
	const struct ktap_event *ev = ktap_exec_event(x);
	const struct ktap_site *site = ev->site;
	int member = event_member(name);
	const char *s;
	int n;

	ktap_set_nil(out);
	switch (member) {
	case M_NAME:
		return ktap_event_get(x, KTAP_HAS_NAME, out);
	case M_TOSTRING:
	case M_FIELD:
	case M_SET_RETVAL:
		*out = (struct ktap_val){
			.i = member == M_FIELD ? KTAP_BI_EV_FIELD :
			     member == M_TOSTRING ? KTAP_BI_EV_TOSTRING : KTAP_BI_EV_SET_RETVAL,
			.type = KTAP_BUILTIN,
		};
		return 0;
	case M_PRINT_FMT:
		if (!site->call)
			return 0;
		s = trace_event_tap_print_fmt(site->call);
		return ktap_set_str(x, out, s, strlen(s));
	case M_SC_NR:
		if (site->sc_nr >= 0)
			ktap_set_int(out, site->sc_nr);
		return 0;
	case M_SC_NAME:
		s = site->sc_nr >= 0 ? ktap_syscall_name(site->sc_nr) : NULL;
		return s ? ktap_set_str(x, out, s, strlen(s)) : 0;
	case M_SC_IS_ENTER:
		ktap_set_bool(out, site->sc_nr >= 0 && site->sc_enter);
		return 0;
	case M_SC_ARG:
		if (site->sc_nr >= 0 && site->sc_enter)
			ktap_set_int(out, (long)ev->args[name->data[6] - '1']);
		return 0;
	case M_REGSTR:
		return ktap_event_get(x, KTAP_HAS_REGSTR, out);
	case M_RETVAL:
		return ktap_event_get(x, KTAP_HAS_RETVAL, out);
	case M_ELAPSED:
		return ktap_event_get(x, KTAP_HAS_ELAPSED, out);
	case M_ALLFIELD:
		return event_allfield(x, site, out);
	case M_FIELDNUM:
		ktap_set_int(out, site->nr_own);
		return 0;
	}

	if (name->kidx)
		n = event_field_index(x, site, name->kidx - 1);
	else
		n = ktap_event_find_field(site, name->data, name->len);
	if (n < 0)
		return event_no_field(site, out);
	return site->ops->field(x, ev, n, out);
}

/*
 * The event as text
 */

static size_t event_data_size(const struct ktap_event *ev)
{
	size_t size = ev->site->ops->size(ev);
	size_t head = sizeof(struct ktap_rec_val) + sizeof(struct ktap_event_form);

	return head + size > MAX_EVENT_FORM ? 0 : size;
}

size_t ktap_env_event_size(struct ktap_exec *x, u32 aux)
{
	return ALIGN(sizeof(struct ktap_rec_val) + sizeof(struct ktap_event_form) +
		     event_data_size(ktap_exec_event(x)), 8);
}

void ktap_env_event_put(struct ktap_exec *x, u32 aux, void *p)
{
	const struct ktap_event *ev = ktap_exec_event(x);
	size_t size = event_data_size(ev);
	struct ktap_event_form form = {
		.site = ev->site,
		.flags = aux ? KTAP_EVENT_NEWLINE : 0,
		.len = size,
	};
	struct ktap_rec_val val = {
		.type = KTAP_VAL_EVENT,
		.len = sizeof(form) + size,
	};
	size_t pad = -(sizeof(val) + val.len) & 7;

	/* the ring buffer aligns to 4 bytes only */
	memcpy(p, &val, sizeof(val));
	p += sizeof(val);
	memcpy(p, &form, sizeof(form));
	p += sizeof(form);
	if (size)
		ev->site->ops->put(ev, p);
	memset(p + size, 0, pad);
}

/**
 * ktap_event_render() - an event's binary form as text
 * @text: buffer
 * @site: what happened
 * @data: struct ktap_event_form.data
 * @len: its size
 * @text_len: set to the length of the text
 *
 * Return: the text, with a newline.
 */
const char *ktap_event_render(struct trace_event_tap_text *text,
			      const struct ktap_site *site, const void *data,
			      size_t len, size_t *text_len)
{
	static const char large[] = "[the record is too large]\n";

	if (!len) {
		*text_len = sizeof(large) - 1;
		return large;
	}
	return site->ops->render(text, site, data, len, text_len);
}

int ktap_env_event_render(struct ktap_exec *x, u32 aux, struct ktap_val *out)
{
	const struct ktap_event *ev = ktap_exec_event(x);
	const struct ktap_site *site = ev->site;
	struct trace_event_tap_text *text = ktap_text();
	const char *s;
	size_t len;

	if (WARN_ON_ONCE(!text)) {
		ktap_set_nil(out);
		return 0;
	}
	if (ev->rec)
		s = site->ops->render(text, site, ev->rec, ev->len, &len);
	else
		s = site->ops->render(text, site, ev->args, site->ops->size(ev), &len);
	if (!aux && len && s[len - 1] == '\n')
		len--;
	return ktap_set_str(x, out, s, len);
}

/**
 * ktap_events_hold() - stop delivering events, until ktap_session_start()
 * @s: the session
 *
 * When this returns, no handler of the session runs any more.
 */
void ktap_events_hold(struct ktap_session *s)
{
	WRITE_ONCE(s->live, false);
	/* they run with preemption disabled, from looking at @live on */
	synchronize_rcu();
}

/**
 * ktap_events_detach() - end the delivery of events
 * @s: the session
 *
 * When this returns, no handler of the session runs any more. It waits for
 * that once for all of them.
 */
void ktap_events_detach(struct ktap_session *s)
{
	bool wait = s->newtask_tp || s->syscalls || s->rawtps || s->nr_perfs;

	WRITE_ONCE(s->live, false);
	ktap_pids_stop(s);
	ktap_syscalls_detach(s);
	ktap_rawtps_detach(s);
	ktap_timers_detach(s);
	ktap_kprobes_detach(s);
	ktap_ftraces_detach(s);
	ktap_uprobes_detach(s);
	ktap_perfs_detach(s);
	ktap_dynamic_detach(s);
	if (!list_empty(&s->taps))
		trace_event_tap_detach(&s->taps);
	else if (wait)
		tracepoint_synchronize_unregister();
	ktap_rawtps_end(s);
}

/**
 * ktap_events_free() - free all sites
 * @s: the session, which has ended; its output is gone
 */
void ktap_events_free(struct ktap_session *s)
{
	struct ktap_site *site, *next;

	list_for_each_entry_safe(site, next, &s->sites, list)
		ktap_site_free(site);
	ktap_syscalls_free(s);
	ktap_kprobes_free(s);
	ktap_rawtps_free(s);
	ktap_ucalls_free(s->ucalls);
	s->ucalls = NULL;
	ktap_targets_free(s);
	kvfree(s->names);
	s->names = NULL;
}
