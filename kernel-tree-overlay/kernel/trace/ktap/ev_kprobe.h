/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ktap: probes of the kernel's functions.
 */
#ifndef _KTAP_EV_KPROBE_H
#define _KTAP_EV_KPROBE_H

#include <linux/cpumask.h>
#include <linux/fprobe.h>
#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/minmax.h>
#include <linux/ptrace.h>
#include <linux/rcupdate.h>
#include <linux/stddef.h>
#include <linux/timekeeping.h>

#include "attach.h"

/* More functions would have one probe fire inside another most of the time. */
#define KTAP_MAX_KFUNCS		20000

/*
 * How many calls may be under way for a return to be seen: of a function that
 * sleeps, there may be as many as there are tasks.
 */
#define KTAP_MIN_ACTIVE		512
#define KTAP_MAX_ACTIVE		4096

/* What a probe has of arguments: those that are in registers */
#ifdef CONFIG_HAVE_FUNCTION_ARG_ACCESS_API
#ifdef CONFIG_X86_32
#define KTAP_KPROBE_ARGS	3
#else
#define KTAP_KPROBE_ARGS	6
#endif
#else
#define KTAP_KPROBE_ARGS	0
#endif

/**
 * struct ktap_kfunc - a function that is probed
 * @hook: what fprobe knows it by
 * @addr: where the probe is
 * @name: the event's name
 * @func: the function's name
 */
struct ktap_kfunc {
	unsigned long hook;
	unsigned long addr;
	char *name;
	char *func;
};

/**
 * struct ktap_kprobe - what a site has of probes
 * @site: the site
 * @key: what it is found by: the text of the event without its prefix
 * @ret: it is where the functions return
 * @entry: it is where a function begins
 * @glob: it is of all functions that a pattern matches
 * @keep_args: a handler of the return asks for the arguments of the entry
 * @inject: of a single function: which results it may be made to have, EI_ETYPE_*,
 *	or negative
 * @keep_time: the script asks for the time since the entry
 * @registered: events come
 * @before: hits that were missed before the session began
 * @kp: a probe of one function
 * @rp: of where it returns
 * @fp: of many
 * @ops: of where many begin, if there are no fprobes
 * @krets: of where many return, if there are no fprobes
 * @refused: those of many that could not be probed, while it is registered
 * @nr: how many functions there are
 * @funcs: them; of a glob, sorted by @hook
 */
struct ktap_kprobe {
	struct ktap_site *site;
	char *key;
	bool ret;
	bool entry;
	bool glob;
	bool keep_args;
	bool keep_time;
	bool registered;
	int inject;
	unsigned long before;
	union {
		struct kprobe kp;
		struct kretprobe rp;
#ifdef CONFIG_FPROBE
		struct fprobe fp;
#elif defined(CONFIG_KTAP_FTRACE_PATTERNS)
		struct ftrace_ops ops;
		struct ktap_krets *krets;
#endif
	};
	struct ktap_refused *refused;
	unsigned int nr;
	struct ktap_kfunc *funcs;
};

/**
 * struct ktap_kcall - what is kept of a call until it returns
 * @then: when it began, if &ktap_kprobe.keep_time
 * @args: its arguments, if &ktap_kprobe.keep_args
 */
struct ktap_kcall {
	u64 then;
	unsigned long args[KTAP_KPROBE_ARGS];
};

/*
 * What all handlers of probes do. They run from the probe, with preemption
 * disabled.
 */

/**
 * ktap_kprobe_wants() - whether a hit of a probe is an event
 * @p: the probe
 *
 * Return: whether the session is live and wants it of this task, on this CPU.
 */
static __always_inline bool ktap_kprobe_wants(const struct ktap_kprobe *p)
{
	const struct ktap_session *s = p->site->session;

	return ktap_session_wants(s) && !ktap_session_is_self(s) && rcu_is_watching();
}

/**
 * ktap_kprobe_wants_return() - whether the return of a call will be an event
 * @p: the probe of the return, at the entry
 *
 * Return: whether it may be; on which CPU it returns, is seen then.
 */
static __always_inline bool ktap_kprobe_wants_return(const struct ktap_kprobe *p)
{
	const struct ktap_session *s = p->site->session;

	return ktap_session_live(s) && ktap_session_wants_task(s) && !ktap_session_is_self(s);
}

static __always_inline unsigned long ktap_kprobe_arg(struct pt_regs *regs, unsigned int n)
{
#ifdef CONFIG_HAVE_FUNCTION_ARG_ACCESS_API
	return regs_get_kernel_argument(regs, n);
#else
	return 0;
#endif
}

/**
 * ktap_kprobe_call_size() - what has to be kept of a call
 * @p: the probe of the return
 *
 * Return: bytes.
 */
static inline size_t ktap_kprobe_call_size(const struct ktap_kprobe *p)
{
	if (p->keep_args)
		return sizeof(struct ktap_kcall);
	return p->keep_time ? offsetof(struct ktap_kcall, args) : 0;
}

/**
 * ktap_kprobe_save_call() - keep that, at the entry
 * @p: the probe of the return
 * @data: where, ktap_kprobe_call_size() bytes
 * @regs: the registers
 */
static __always_inline void ktap_kprobe_save_call(const struct ktap_kprobe *p, void *data,
						  struct pt_regs *regs)
{
	struct ktap_kcall *call = data;
	unsigned int i;

	if (p->keep_time)
		call->then = ktime_get_mono_fast_ns();
	for (i = 0; p->keep_args && i < KTAP_KPROBE_ARGS; i++)
		call->args[i] = ktap_kprobe_arg(regs, i);
}

/**
 * ktap_kprobe_deliver() - run the handlers
 * @p: the probe, which wants it
 * @n: the number of the function
 * @regs: the registers; at an entry NULL if there are only arguments
 * @ret_ip: where the function returns to, of a return
 * @call: what was kept of the call, of a return; at an entry NULL, or the arguments
 *
 * Return: whether the function is to return at once, with the registers as they are
 * now.
 */
static __always_inline bool ktap_kprobe_deliver(struct ktap_kprobe *p, unsigned int n,
						struct pt_regs *regs, unsigned long ret_ip,
						const struct ktap_kcall *call)
{
	struct ktap_event ev __uninitialized;

	ev.site = p->site;
	ev.rec = NULL;
	ev.len = 0;
	ev.args[0] = p->funcs[n].addr;
	ev.args[1] = ret_ip;
	ev.args[2] = p->ret ? regs_return_value(regs) : 0;
	ev.args[3] = n;
	ev.regs = regs;
	ev.elapsed = call && p->ret && p->keep_time ?
		     ktime_get_mono_fast_ns() - call->then : 0;
	ev.entry = call && (p->keep_args || !p->ret) ? call->args : NULL;
	ev.overridden = false;
	ktap_event_deliver(p->site, &ev);
	return ev.overridden;
}

/**
 * ktap_kprobe_find() - find a function of a pattern
 * @p: the probe
 * @hook: the address that the function tracer knows it by
 *
 * Return: its number, or -ENOENT.
 */
static __always_inline int ktap_kprobe_find(const struct ktap_kprobe *p, unsigned long hook)
{
	unsigned int low = 0, high = p->nr;

	while (low < high) {
		unsigned int mid = low + (high - low) / 2;

		if (p->funcs[mid].hook == hook)
			return mid;
		if (p->funcs[mid].hook < hook)
			low = mid + 1;
		else
			high = mid;
	}
	return -ENOENT;
}

/* ev_kprobe.c */
int ktap_kprobe_register(struct ktap_kprobe *p);
unsigned long *ktap_kprobe_hooks(const struct ktap_kprobe *p);
int ktap_kprobe_enable(struct ktap_kprobe *p);
void ktap_kprobe_drop(struct ktap_kprobe *p);
unsigned long ktap_kprobe_addr(const struct ktap_kprobe *p);
int ktap_kprobe_set_fields(struct ktap_kprobe *p);

/*
 * Patterns: ev_kprobe_fprobe.c, or where there are no fprobes ev_kprobe_ftrace.c.
 * KTAP_MAX_KRETURNS is how many returns one may be of, KTAP_HOOK_SIZE how many bytes
 * of code call the hook.
 */
#ifdef CONFIG_KTAP_FTRACE_PATTERNS
#define KTAP_HOOK_SIZE		MCOUNT_INSN_SIZE
#else
#define KTAP_HOOK_SIZE		0
#endif

#if defined(CONFIG_FPROBE) || defined(CONFIG_KTAP_FTRACE_PATTERNS)
#define KTAP_HAS_KPATTERNS	1
int ktap_kpattern_register(struct ktap_kprobe *p);
void ktap_kpattern_unregister(struct ktap_kprobe *p);
unsigned long ktap_kpattern_missed(const struct ktap_kprobe *p);
#else
#define KTAP_HAS_KPATTERNS	0
static inline int ktap_kpattern_register(struct ktap_kprobe *p)
{
	return -EOPNOTSUPP;
}

static inline void ktap_kpattern_unregister(struct ktap_kprobe *p)
{
}

static inline unsigned long ktap_kpattern_missed(const struct ktap_kprobe *p)
{
	return 0;
}
#endif

#ifdef CONFIG_FPROBE
#define KTAP_MAX_KRETURNS	KTAP_MAX_KFUNCS
#else
/*
 * Each is a probe of its own, which takes a while, and for its calls a page of memory
 * on each CPU: 32 MiB, where they are many.
 */
#define KTAP_MAX_KRETURNS	clamp(8192U / num_possible_cpus(), 256U, 4000U)
#endif

#endif /* _KTAP_EV_KPROBE_H */
