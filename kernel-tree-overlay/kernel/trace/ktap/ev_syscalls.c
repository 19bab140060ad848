// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: system calls, syscalls:sys_enter_* and syscalls:sys_exit_*.
 *
 * A session has one probe on the raw sys_enter tracepoint and one on sys_exit,
 * however many system calls it traces, and a table that says by number which
 * of them have handlers. Handlers get the arguments out of the registers; no
 * record is built, unless the event is printed.
 *
 * Contexts: the probes run in the context of the system call; preemption may
 * be enabled. The rest, process context.
 * Locks: none; the tables do not change while events are delivered.
 */
#include <linux/error-injection.h>
#include <linux/ftrace.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/tracepoint.h>

#include <asm/syscall.h>
#include <trace/syscall.h>

#include "event.h"

#ifndef NR_syscalls
#define NR_syscalls		(__NR_syscalls)
#endif

/**
 * struct ktap_syscalls - what a session traces of system calls
 * @tp: the tracepoints, of exit and entry
 * @registered: whether the probe is on it
 * @wanted: whether there are sites
 * @own: the frames between the tracepoint and a handler
 * @sites: by number, struct ktap_site or NULL
 */
struct ktap_syscalls {
	struct tracepoint *tp[2];
	bool registered[2];
	bool wanted[2];
	struct ktap_own_frames own[2];
	struct ktap_site *sites[2][NR_syscalls];
};

/* As kernel/trace/trace_syscalls.c: numbers of compat calls mean others. */
static int sc_number(struct pt_regs *regs)
{
#ifdef ARCH_TRACE_IGNORE_COMPAT_SYSCALLS
	if (unlikely(arch_trace_is_compat_syscall(regs)))
		return -1;
#endif
	return syscall_get_nr(current, regs);
}

static struct ktap_site *sc_site(struct ktap_session *s, bool enter, struct pt_regs *regs)
{
	int nr = sc_number(regs);

	if (nr < 0 || nr >= NR_syscalls || task_tgid_nr(current) == s->self)
		return NULL;
	return s->syscalls->sites[enter][nr];
}

static void sc_enter(void *data, struct pt_regs *regs, long id)
{
	struct ktap_session *s = data;
	struct ktap_site *site;
	struct ktap_event ev __uninitialized;

	guard(preempt_notrace)();
	if (!ktap_session_wants(s))
		return;
	site = sc_site(s, true, regs);
	if (!site)
		return;
	ev.site = site;
	ev.rec = NULL;
	ev.len = 0;
	syscall_get_arguments(current, regs, ev.args);
	ktap_event_deliver(site, &ev);
}

static void sc_exit(void *data, struct pt_regs *regs, long ret)
{
	struct ktap_session *s = data;
	struct ktap_site *site;
	struct ktap_event ev __uninitialized;

	guard(preempt_notrace)();
	if (s->late)
		ktap_late_exit(s);
	if (!ktap_session_wants(s))
		return;
	site = sc_site(s, false, regs);
	if (!site)
		return;
	ev.site = site;
	ev.rec = NULL;
	ev.len = 0;
	ev.args[0] = syscall_get_return_value(current, regs);
	ev.regs = regs;
	ktap_event_deliver(site, &ev);
}

static int sc_attach(struct ktap_site *site)
{
	struct ktap_session *s = site->session;

	if (site->sc_nr < 0 || site->sc_nr >= NR_syscalls)
		return -ENXIO;
	if (!s->syscalls) {
		s->syscalls = kvzalloc(sizeof(*s->syscalls), GFP_KERNEL);
		if (!s->syscalls)
			return -ENOMEM;
	}
	s->syscalls->wanted[site->sc_enter] = true;
	s->syscalls->sites[site->sc_enter][site->sc_nr] = site;
	return 0;
}

/**
 * ktap_syscalls_start() - put the probes on that are not on yet
 * @s: the session
 *
 * Return: 0, or a negative error.
 */
int ktap_syscalls_start(struct ktap_session *s)
{
	static const char * const names[2] = { "sys_exit", "sys_enter" };
	void * const probes[2] = { sc_exit, sc_enter };
	struct ktap_syscalls *sc = s->syscalls;
	int i, ret;

	if (!sc)
		return 0;
	if (sc->wanted[true]) {
		ret = ktap_late_start(s);
		if (ret)
			return ret;
	}
	for (i = 0; i < 2; i++) {
		/* strings that come late do so at the exit */
		if (sc->registered[i] || (!sc->wanted[i] && (i || !s->late)))
			continue;
		sc->tp[i] = ktap_find_tracepoint(names[i]);
		if (!sc->tp[i])
			return -ENOENT;
		if (ktap_vm_uses(s->vm, KTAP_BI_STACK)) {
			trace_event_tap_code(probes[i], &sc->own[i].inner);
			trace_event_tap_code(sc->tp[i]->iterator, &sc->own[i].outer[0]);
		}
		ret = tracepoint_probe_register(sc->tp[i], probes[i], s);
		if (ret)
			return ret;
		sc->registered[i] = true;
	}
	return 0;
}

/**
 * ktap_syscalls_detach() - take the probes off
 * @s: the session
 *
 * The caller waits for them (tracepoint_synchronize_unregister()).
 */
void ktap_syscalls_detach(struct ktap_session *s)
{
	void * const probes[2] = { sc_exit, sc_enter };
	struct ktap_syscalls *sc = s->syscalls;
	int i;

	for (i = 0; sc && i < 2; i++) {
		if (!sc->registered[i])
			continue;
		tracepoint_probe_unregister(sc->tp[i], probes[i], s);
		sc->registered[i] = false;
	}
}

/**
 * ktap_syscalls_free() - free the tables
 * @s: the session
 */
void ktap_syscalls_free(struct ktap_session *s)
{
	kvfree(s->syscalls);
	s->syscalls = NULL;
}

/* Field 0 is the number; then the arguments, or the result */
static int sc_field(struct ktap_exec *x, const struct ktap_event *ev, unsigned int n,
		    struct ktap_val *out)
{
	const struct ktap_site *site = ev->site;
	unsigned long arg;
	const char *type;

	if (!n) {
		ktap_set_int(out, site->sc_nr);
		return 0;
	}
	if (n > (site->sc_enter ? site->sc_nargs : 1)) {
		ktap_set_nil(out);
		return 0;
	}
	arg = ev->args[n - 1];
	type = site->fields[n].type;
	/* What the call does not look at does not matter, and may be anything. */
	if (site->sc_enter && !strcmp(type, "int"))
		ktap_set_int(out, (int)arg);
	else if (site->sc_enter && !strcmp(type, "unsigned int"))
		ktap_set_int(out, (unsigned int)arg);
	else
		ktap_set_int(out, (long)arg);
	return 0;
}

static size_t sc_size(const struct ktap_event *ev)
{
	return (ev->site->sc_enter ? 6 : 1) * sizeof(unsigned long);
}

static void sc_put(const struct ktap_event *ev, void *p)
{
	memcpy(p, ev->args, sc_size(ev));
}

static const char *sc_render(struct trace_event_tap_text *text,
			     const struct ktap_site *site, const void *data,
			     size_t len, size_t *text_len)
{
	unsigned long args[6] = { };

	memcpy(args, data, min(len, sizeof(args)));
	return trace_event_tap_render_syscall(text, site->call, args, text_len);
}

static unsigned int sc_stack(const struct ktap_event *ev, u64 *ip, unsigned int max)
{
	const struct ktap_syscalls *sc = ev->site->session->syscalls;

	return ktap_stack_save(&sc->own[ev->site->sc_enter], ip, max);
}

static int sc_get(struct ktap_exec *x, const struct ktap_event *ev,
		  enum ktap_event_has what, struct ktap_val *out)
{
	if (what != KTAP_HAS_RETVAL || ev->site->sc_enter)
		return 1;
	ktap_set_int(out, (long)ev->args[0]);
	return 0;
}

/* Of all system calls the kernel's rule is that they may fail. */
static int sc_set_retval(struct ktap_exec *x, struct ktap_event *ev, s64 retval)
{
	const char *name = ev->site->name;
	int ret;

	if (ev->site->sc_enter)
		return ktap_error(x, "e.set_retval() of a system call is for its end, not %s",
				  name);
	ret = ktap_event_fits(x, name + strlen("sys_exit_"), EI_ETYPE_ERRNO, retval);
	if (ret)
		return ret;
	syscall_set_return_value(current, ev->regs, retval, 0);
	ev->args[0] = retval;
	return 0;
}

const struct ktap_event_ops ktap_syscall_ops = {
	.attach	= sc_attach,
	.field	= sc_field,
	.size	= sc_size,
	.put	= sc_put,
	.render	= sc_render,
	.stack	= sc_stack,
	.get	= sc_get,
	.set_retval = sc_set_retval,
};
