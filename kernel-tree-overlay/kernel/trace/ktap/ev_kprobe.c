// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: probes of the kernel's functions.
 *
 * One function, or an instruction in it, has a kprobe or a kretprobe; all that a
 * pattern matches are one registration, see ev_kprobe_fprobe.c and, for kernels
 * without fprobes, ev_kprobe_ftrace.c. The handlers run straight from the probe:
 * there is no record. Which function is which, and what is refused, is in
 * attach_kprobe.c.
 *
 * Probes are registered when they are attached, and then look at the session
 * first: until it is live, and when it has ended, nothing else happens. They are
 * taken off in batches.
 *
 * What the kernel does not call us for is counted: a probe that is hit in the
 * handler of another one, and a return that there was no room left to wait for.
 * A function of a module that is unloaded is not called any more: the kernel
 * then marks the probe as gone, and the module is not kept. But if another one
 * is put in the same place while a pattern is traced, and has a function right
 * there, that one is taken for the function that was.
 *
 * Contexts: the handlers run where the function does, in any context, NMI
 * included, with preemption disabled. The rest, process context.
 * Locks: none of its own.
 */
#include <linux/minmax.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/trace_event_tap.h>

#include "ev_kprobe.h"
#include "regs.h"

/**
 * struct ktap_kprobes - the probes of a session that are registered
 * @kps: of single functions
 * @nr_kps: how many
 * @rps: of returns
 * @nr_rps: how many
 * @started: the session has been live
 */
struct ktap_kprobes {
	struct kprobe **kps;
	int nr_kps;
	struct kretprobe **rps;
	int nr_rps;
	bool started;
};

/*
 * The handlers
 */

static int kprobe_hit(struct kprobe *kp, struct pt_regs *regs)
{
	struct ktap_kprobe *p = container_of(kp, struct ktap_kprobe, kp);

	return ktap_kprobe_wants(p) && ktap_kprobe_deliver(p, 0, regs, 0, NULL);
}

NOKPROBE_SYMBOL(kprobe_hit);

/* A probe with such a handler is not optimized, so that ours may change where it goes. */
static void kprobe_after(struct kprobe *kp, struct pt_regs *regs, unsigned long flags)
{
}

NOKPROBE_SYMBOL(kprobe_after);

/* NULL while it is taken off, where the kernel has no rethooks */
static __always_inline struct ktap_kprobe *kretprobe_of(struct kretprobe_instance *ri)
{
	struct kretprobe *rp = get_kretprobe(ri);

	return rp ? container_of(rp, struct ktap_kprobe, rp) : NULL;
}

static int kretprobe_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct ktap_kprobe *p = kretprobe_of(ri);

	if (!p || !ktap_kprobe_wants_return(p))
		return 1;
	ktap_kprobe_save_call(p, ri->data, regs);
	return 0;
}

NOKPROBE_SYMBOL(kretprobe_entry);

static int kretprobe_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct ktap_kprobe *p = kretprobe_of(ri);

	if (p && ktap_kprobe_wants(p))
		ktap_kprobe_deliver(p, 0, regs, get_kretprobe_retaddr(ri), (void *)ri->data);
	return 0;
}

NOKPROBE_SYMBOL(kretprobe_return);

/*
 * Registration
 */

static unsigned long kprobe_missed(const struct ktap_kprobe *p)
{
	if (p->glob)
		return ktap_kpattern_missed(p);
	if (p->ret)
		return p->rp.nmissed + p->rp.kp.nmissed;
	return p->kp.nmissed;
}

/**
 * ktap_kprobe_addr() - where a probe of a single function is
 * @p: the probe
 *
 * Return: the address; after a registration that failed 0 if there is none.
 */
unsigned long ktap_kprobe_addr(const struct ktap_kprobe *p)
{
	return (unsigned long)(p->ret ? p->rp.kp.addr : p->kp.addr);
}

/* Room for one more, at powers of two */
static int reserve(void *array, int nr)
{
	void **p = array, *new;

	if (nr & (nr - 1))
		return 0;
	new = krealloc_array(*p, nr ? 2 * nr : 1, sizeof(void *), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	*p = new;
	return 0;
}

/**
 * ktap_kprobe_register() - register a probe
 * @p: the probe; of a single function it is registered disabled
 *
 * Return: 0, or a negative error.
 */
int ktap_kprobe_register(struct ktap_kprobe *p)
{
	struct ktap_session *s = p->site->session;
	struct ktap_kprobes *all = s->kprobes;
	int ret;

	if (!all) {
		all = kzalloc(sizeof(*all), GFP_KERNEL_ACCOUNT);
		if (!all)
			return -ENOMEM;
		s->kprobes = all;
	}
	if (p->glob) {
		ret = ktap_kpattern_register(p);
		p->registered = !ret;
		return ret;
	}
	if (p->ret) {
		p->rp.handler = kretprobe_return;
		p->rp.entry_handler = kretprobe_entry;
		p->rp.data_size = ktap_kprobe_call_size(p);
		p->rp.maxactive = clamp(64 * num_possible_cpus(), KTAP_MIN_ACTIVE, KTAP_MAX_ACTIVE);
		p->rp.kp.flags = KPROBE_FLAG_DISABLED;
		ret = reserve(&all->rps, all->nr_rps) ?: register_kretprobe(&p->rp);
		if (!ret)
			all->rps[all->nr_rps++] = &p->rp;
	} else {
		p->kp.pre_handler = kprobe_hit;
		if (s->write)
			p->kp.post_handler = kprobe_after;
		p->kp.flags = KPROBE_FLAG_DISABLED;
		ret = reserve(&all->kps, all->nr_kps) ?: register_kprobe(&p->kp);
		if (!ret)
			all->kps[all->nr_kps++] = &p->kp;
	}
	p->registered = !ret;
	return ret;
}

/**
 * ktap_kprobe_hooks() - what the function tracer knows the functions of a pattern by
 * @p: the probe
 *
 * Return: &ktap_kprobe.nr addresses, for kvfree(), or NULL.
 */
unsigned long *ktap_kprobe_hooks(const struct ktap_kprobe *p)
{
	unsigned long *hooks = kvmalloc_array(p->nr, sizeof(*hooks), GFP_KERNEL);
	unsigned int i;

	for (i = 0; hooks && i < p->nr; i++)
		hooks[i] = p->funcs[i].hook;
	return hooks;
}

/**
 * ktap_kprobe_enable() - let a probe of a single function be hit
 * @p: the probe, which is registered
 *
 * Return: 0, or a negative error.
 */
int ktap_kprobe_enable(struct ktap_kprobe *p)
{
	return p->ret ? enable_kretprobe(&p->rp) : enable_kprobe(&p->kp);
}

/**
 * ktap_kprobe_drop() - take a probe off again that was registered last
 * @p: the probe, of a single function
 */
void ktap_kprobe_drop(struct ktap_kprobe *p)
{
	struct ktap_kprobes *all = p->site->session->kprobes;

	if (p->ret) {
		all->nr_rps--;
		unregister_kretprobe(&p->rp);
	} else {
		all->nr_kps--;
		unregister_kprobe(&p->kp);
	}
	p->registered = false;
}

/**
 * ktap_kprobes_start() - the session begins
 * @s: the session
 */
void ktap_kprobes_start(struct ktap_session *s)
{
	struct ktap_site *site;

	if (!s->kprobes || s->kprobes->started)
		return;
	s->kprobes->started = true;
	list_for_each_entry(site, &s->sites, list)
		if (site->ops == &ktap_kprobe_ops)
			site->kprobe->before = kprobe_missed(site->kprobe);
}

/**
 * ktap_kprobes_detach() - take all probes off
 * @s: the session
 *
 * When this returns none of their handlers runs.
 */
void ktap_kprobes_detach(struct ktap_session *s)
{
	struct ktap_kprobes *all = s->kprobes;
	struct ktap_site *site;
	struct ktap_kprobe *p;
	unsigned long missed;

	if (!all)
		return;
	/* before: a hit while they are taken off counts as missed as well */
	list_for_each_entry(site, &s->sites, list) {
		p = site->kprobe;
		if (site->ops != &ktap_kprobe_ops || !p->registered || !all->started)
			continue;
		missed = kprobe_missed(p) - p->before;
		if (missed)
			ktap_vm_lost(s->vm, KTAP_LOSS_PROBE, missed);
	}
	if (all->nr_kps)
		unregister_kprobes(all->kps, all->nr_kps);
	if (all->nr_rps)
		unregister_kretprobes(all->rps, all->nr_rps);
	all->nr_kps = 0;
	all->nr_rps = 0;
	list_for_each_entry(site, &s->sites, list) {
		p = site->kprobe;
		if (site->ops != &ktap_kprobe_ops || !p->registered)
			continue;
		if (p->glob)
			ktap_kpattern_unregister(p);
		p->registered = false;
	}
}

/**
 * ktap_kprobes_free() - free the tables
 * @s: the session
 */
void ktap_kprobes_free(struct ktap_session *s)
{
	if (!s->kprobes)
		return;
	kfree(s->kprobes->kps);
	kfree(s->kprobes->rps);
	kfree(s->kprobes);
	s->kprobes = NULL;
}

static void kprobe_free(struct ktap_site *site)
{
	struct ktap_kprobe *p = site->kprobe;
	unsigned int i;

	if (!p)
		return;
	for (i = 0; i < p->nr; i++) {
		kfree(p->funcs[i].name);
		kfree(p->funcs[i].func);
	}
	kvfree(p->funcs);
	kfree(p->key);
	kfree(p);
}

/*
 * What handlers see
 */

#define FIELD(n, text)	{ .name = text, .type = "unsigned long", \
			  .offset = (n) * sizeof(long), .size = sizeof(long) }

static const struct trace_event_tap_field entry_fields[] = {
	FIELD(0, "ip"), FIELD(1, "arg1"), FIELD(2, "arg2"), FIELD(3, "arg3"),
	FIELD(4, "arg4"), FIELD(5, "arg5"), FIELD(6, "arg6"),
};

static const struct trace_event_tap_field return_fields[] = {
	FIELD(0, "ip"), FIELD(1, "ret_ip"), FIELD(2, "retval"),
};

static void kprobe_get_field(const struct ktap_site *site, unsigned int n,
			     struct trace_event_tap_field *field)
{
	*field = site->kprobe->ret ? return_fields[n] : entry_fields[n];
}

/**
 * ktap_kprobe_set_fields() - give a new site its fields
 * @p: its probe
 *
 * Return: 0 or a negative error.
 */
int ktap_kprobe_set_fields(struct ktap_kprobe *p)
{
	unsigned int nr = p->ret ? ARRAY_SIZE(return_fields) : 1 + KTAP_KPROBE_ARGS;

	return ktap_site_set_fields(p->site, nr, 0, kprobe_get_field);
}

static int kprobe_field(struct ktap_exec *x, const struct ktap_event *ev, unsigned int n,
			struct ktap_val *out)
{
	if (ev->site->kprobe->ret || !n)
		ktap_set_int(out, (long)ev->args[n]);
	else
		ktap_set_int(out, (long)(ev->entry ? ev->entry[n - 1] :
					 ktap_kprobe_arg(ev->regs, n - 1)));
	return 0;
}

/* Where it is, where it returns to, the result, and the number of the function */
static size_t kprobe_size(const struct ktap_event *ev)
{
	return 4 * sizeof(long);
}

static void kprobe_put(const struct ktap_event *ev, void *p)
{
	memcpy(p, ev->args, kprobe_size(ev));
}

/* As the kernel's own events of probes */
static const char *kprobe_render(struct trace_event_tap_text *text,
				 const struct ktap_site *site, const void *data,
				 size_t len, size_t *text_len)
{
	const struct ktap_kprobe *p = site->kprobe;
	const struct ktap_kfunc *f;
	unsigned long args[4];
	char caller[128];

	memcpy(args, data, sizeof(args));
	f = &p->funcs[args[3]];
	if (!p->ret)
		return trace_event_tap_text_printf(text, text_len, "%s: (%pS)\n", f->name,
						   (void *)args[0]);
	ktap_env_frame(site->session, args[1], caller, sizeof(caller));
	return trace_event_tap_text_printf(text, text_len, "%s: (%s <- %s) ret=%ld\n", f->name,
					   caller, f->func, args[2]);
}

/*
 * At a probe, the stack begins with the registers: no frame of ours is in it. At
 * a return it begins with the caller, to whom we have yet to return.
 */
static unsigned int kprobe_stack(const struct ktap_event *ev, u64 *ip, unsigned int max)
{
	struct ktap_own_frames own = { .next = ev->args[1] };
	const struct ktap_kprobe *p = ev->site->kprobe;
	unsigned int nr;

	if (p->ret)
		return ktap_stack_save(&own, ip, max);
	if (ev->regs) {
		nr = ktap_stack_save_regs(ev->regs, p->entry, ip, max);
	} else {
		/* the function has called the hook */
		own.next = p->funcs[ev->args[3]].hook + KTAP_HOOK_SIZE;
		nr = ktap_stack_save(&own, ip, max);
	}
	/* as a return address does, it follows what the frame is at */
	if (nr)
		ip[0] = ev->args[0] + 1;
	return nr;
}

static int kprobe_get(struct ktap_exec *x, const struct ktap_event *ev,
		      enum ktap_event_has what, struct ktap_val *out)
{
	const struct ktap_kprobe *p = ev->site->kprobe;
	const struct ktap_kfunc *f = &p->funcs[ev->args[3]];

	switch (what) {
	case KTAP_HAS_NAME:
		return ktap_set_str(x, out, f->name, strlen(f->name));
	case KTAP_HAS_FUNC:
		return ktap_set_str(x, out, f->func, strlen(f->func));
	case KTAP_HAS_REGSTR:
		if (!ev->regs)
			return 1;
		return ktap_regs_text(x, ev->regs, out);
	case KTAP_HAS_RETVAL:
		if (!p->ret)
			return 1;
		ktap_set_int(out, (long)ev->args[2]);
		return 0;
	case KTAP_HAS_ELAPSED:
		/* a name that is made up while the script runs comes too late */
		if (!p->ret || !p->keep_time)
			return 1;
		ktap_set_int(out, ev->elapsed);
		return 0;
	}
	return 1;
}

static int kprobe_entry(struct ktap_exec *x, const struct ktap_event *ev,
			const struct ktap_str *name, struct ktap_val *out)
{
	int n;

	if (!ev->site->kprobe->ret)
		return 1;
	n = ktap_entry_arg(name, KTAP_KPROBE_ARGS);
	if (n < 0 || !ev->entry)
		return -ENOENT;
	ktap_set_int(out, (long)ev->entry[n]);
	return 0;
}

static int kprobe_set_retval(struct ktap_exec *x, struct ktap_event *ev, s64 retval)
{
	const struct ktap_kprobe *p = ev->site->kprobe;
	const char *func = p->funcs[ev->args[3]].func;
	int ret;

	if (p->glob)
		return ktap_error(x, "e.set_retval() is for one function, not for a pattern");
	if (!p->ret && !p->entry)
		return ktap_error(x, "e.set_retval() is for a function's entry or return, not %s",
				  p->key);
	ret = ktap_event_fits(x, func, p->inject, retval);
	if (ret)
		return ret;
	if (p->ret) {
		regs_set_return_value(ev->regs, retval);
		ev->args[2] = retval;
	} else {
		trace_event_tap_override(ev->regs, retval);
		ev->overridden = true;
	}
	return 0;
}

static int kprobe_attach(struct ktap_site *site)
{
	return ktap_kprobe_register(site->kprobe);
}

const struct ktap_event_ops ktap_kprobe_ops = {
	.attach	= kprobe_attach,
	.free	= kprobe_free,
	.field	= kprobe_field,
	.size	= kprobe_size,
	.put	= kprobe_put,
	.render	= kprobe_render,
	.stack	= kprobe_stack,
	.get	= kprobe_get,
	.entry	= kprobe_entry,
	.set_retval = kprobe_set_retval,
};
