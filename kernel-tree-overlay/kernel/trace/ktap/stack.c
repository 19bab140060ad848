// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: the kernel's stack, and the symbols of its frames.
 *
 * A handler that walks the stack finds itself there first: ktap's functions, those
 * that made the event, and only then the place where it happened.  How many they
 * are depends on the compiler and on who else listens to the event, so they are
 * known by what they are: struct ktap_own_frames, which is found out once when the
 * event is attached.
 *
 * Contexts: any.
 * Locks: none.
 */
#include <linux/kallsyms.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/stacktrace.h>
#include <linux/string.h>

#include "event.h"

/* Nearly always there are fewer frames of ours: walking the stack takes time. */
#define FEW_OWN			24

static bool in_code(const struct trace_event_tap_code *code, unsigned long ip)
{
	/* a call may be the last instruction of its function */
	return ip - 1 >= code->start && ip - 1 < code->end;
}

/* ... where it may be the first, which is where a probe is */
static bool at_code(const struct trace_event_tap_code *code, unsigned long ip)
{
	return code->start != code->end && ip >= code->start && ip <= code->end;
}

static bool in_outer(const struct ktap_own_frames *own, unsigned long ip)
{
	return in_code(&own->outer[0], ip) || in_code(&own->outer[1], ip);
}

/* Without symbols: what is certainly ours */
static bool in_module(unsigned long ip)
{
#ifdef MODULE
	return within_module(ip, THIS_MODULE);
#else
	return false;
#endif
}

/* How many of the first frames are the tracer's; 0: that is not known */
static unsigned int own_frames(const struct ktap_own_frames *own, const unsigned long *ip,
			       unsigned int nr)
{
	unsigned int n;

	for (n = 0; n < nr; n++) {
		if (own->next ? ip[n] == own->next : own->first.start ?
		    at_code(&own->first, ip[n]) : in_code(&own->inner, ip[n]))
			break;
	}
	if (n == nr)
		return 0;
	if (own->next || own->first.start)
		return n;
	n = min(n + 1 + own->more, nr);
	while (n < nr && in_outer(own, ip[n]))
		n++;
	return n;
}

/* There are architectures that do not know how to walk one. */
#ifdef CONFIG_STACKTRACE
static unsigned int walk(unsigned long *ip, unsigned int size)
{
	return stack_trace_save(ip, size, 0);
}
#else
static unsigned int walk(unsigned long *ip, unsigned int size)
{
	return 0;
}
#endif

/* Backwards: they get wider, in place */
static void widen(u64 *ip, unsigned int nr)
{
	const unsigned long *save = (const unsigned long *)ip;

	if (sizeof(*save) == sizeof(*ip))
		return;
	while (nr--)
		ip[nr] = save[nr];
}

/**
 * ktap_stack_save_regs() - the stack where registers were saved
 * @regs: them
 * @entry: that is the start of a function
 * @ip: gets the frames, the innermost first
 * @max: how many are wanted at most
 *
 * Context: any.
 * Return: how many frames there are.
 */
unsigned int ktap_stack_save_regs(struct pt_regs *regs, bool entry, u64 *ip, unsigned int max)
{
	unsigned int nr = trace_event_tap_stack(regs, entry, (unsigned long *)ip, max);

	widen(ip, nr);
	return nr;
}

/**
 * ktap_stack_save() - the stack of the caller, without the frames of the tracer
 * @own: which these are
 * @ip: gets the frames, the innermost first; has room for @max + KTAP_STACK_OWN
 * @max: how many frames are wanted at most
 *
 * Context: any.
 * Return: how many frames there are.
 */
unsigned int ktap_stack_save(const struct ktap_own_frames *own, u64 *ip, unsigned int max)
{
	unsigned long *save = (unsigned long *)ip;
	unsigned int nr, skip, size = max + FEW_OWN;

	for (;;) {
		nr = walk(save, size);
		skip = own_frames(own, save, nr);
		/* all of it, or enough */
		if (nr < size || size == max + KTAP_STACK_OWN || (skip && nr - skip >= max))
			break;
		size = max + KTAP_STACK_OWN;
	}
	if (!skip) {
		while (skip < nr && in_module(save[skip]))
			skip++;
	}
	nr = min(nr - skip, max);
	memmove(save, save + skip, nr * sizeof(*save));
	widen(ip, nr);
	return nr;
}

/**
 * ktap_stack_in_tap() - the stack where a trace event happened
 * @ev: the event, which has a record
 * @ip: as for ktap_stack_save()
 * @max: as for ktap_stack_save()
 *
 * Probes of functions are events as well, made by this session or by others. The
 * code that serves them depends on how the probe was put there, but their record
 * says where it is, or where the function returns to.
 *
 * Context: any.
 * Return: how many frames there are.
 */
unsigned int ktap_stack_in_tap(const struct ktap_event *ev, u64 *ip, unsigned int max)
{
	const struct trace_event_tap_frames *frames = &ev->site->frames;
	struct ktap_own_frames own = { };
	unsigned long addr;
	unsigned int nr;

	if (frames->user)
		return 0;
	if (frames->ret_ip) {
		memcpy(&own.next, ev->rec + frames->ret_ip, sizeof(own.next));
		return ktap_stack_save(&own, ip, max);
	}
	if (!frames->ip) {
		/* what the record's builder is, no name tells; it calls what calls the tap */
		own.inner = frames->commit;
		own.more = 1;
		own.outer[0] = frames->probe;
		own.outer[1] = frames->iterator;
		return ktap_stack_save(&own, ip, max);
	}
	memcpy(&addr, ev->rec + frames->ip, sizeof(addr));
	trace_event_tap_code((void *)addr, &own.first);
	nr = trace_event_tap_stack_at(addr, &own.first, (unsigned long *)ip, max);
	if (nr)
		widen(ip, nr);
	else
		nr = ktap_stack_save(&own, ip, max);
	/* the unwinder may not get through code that was made for the probe */
	if (!nr || !at_code(&own.first, ip[0]))
		nr = 1;
	/* as a return address does, it follows what the frame is at */
	ip[0] = addr + 1;
	return nr;
}

unsigned int ktap_env_stack(struct ktap_exec *x, u64 *ip, unsigned int max)
{
	const struct ktap_session *s = ktap_vm_env(ktap_exec_vm(x));
	const struct ktap_event *ev = ktap_exec_event(x);
	struct ktap_own_frames own = { .next = s->run_ip };

	if (!ev)
		return ktap_stack_save(&own, ip, max);
	return ev->site->ops->stack ? ev->site->ops->stack(ev, ip, max) : 0;
}

size_t ktap_env_frame(void *env, u64 ip, char *buf, size_t size)
{
	const struct ktap_session *s = env;
	size_t n = snprintf(buf, size, "%pB", (void *)(unsigned long)ip);

	/* no symbol begins like a number; those who may not see addresses get none */
	if (size > 2 && buf[0] == '0' && buf[1] == 'x' && !s->show_symbols)
		n = snprintf(buf, size, "(unknown)");
	return n;
}
