// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: probes of all functions that a pattern matches, in a kernel without
 * fprobes: arm64 has none yet.
 *
 * Where functions begin, one hook of the function tracer is on all of them. Not
 * all architectures save all registers there; the arguments are known. Where they
 * return, each has a kretprobe: these are put there and taken off one by one, so
 * that there may not be as many.
 *
 * Contexts: the handlers run where the function does, in any context, NMI
 * included, with preemption disabled. The rest, process context.
 * Locks: none of its own.
 */
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/trace_recursion.h>

#include "ev_kprobe.h"

/* Of each function that returns; with many there is less room for each. */
#define MIN_ACTIVE		16
#define ALL_ACTIVE		(16 * KTAP_MAX_ACTIVE)

/**
 * struct kret - the return of a function
 * @rp: the probe
 * @p: whose it is
 * @n: the number of the function
 */
struct kret {
	struct kretprobe rp;
	struct ktap_kprobe *p;
	unsigned int n;
};

/**
 * struct ktap_krets - the returns of a pattern
 * @nr: how many are registered
 * @rps: their probes
 * @rets: room for all of them
 */
struct ktap_krets {
	unsigned int nr;
	struct kretprobe **rps;
	struct kret rets[];
};

/*
 * The handlers
 */

static __always_inline unsigned long hook_arg(struct ftrace_regs *fregs, unsigned int n)
{
#ifdef CONFIG_HAVE_FUNCTION_ARG_ACCESS_API
	return ftrace_regs_get_argument(fregs, n);
#else
	return 0;
#endif
}

static void ftrace_entry(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			 struct ftrace_regs *fregs)
{
	struct ktap_kprobe *p = container_of(ops, struct ktap_kprobe, ops);
	struct ktap_session *s = p->site->session;
	struct pt_regs *regs = ftrace_get_regs(fregs);
	struct ktap_kcall call __uninitialized;
	unsigned int i;
	int bit, n;

	/* what is called here is not traced, or does not get beyond this */
	bit = ftrace_test_recursion_trylock(ip, parent_ip);
	if (bit < 0) {
		if (ktap_session_live(s))
			ktap_vm_lost(s->vm, KTAP_LOSS_PROBE, 1);
		return;
	}
	n = ktap_kprobe_wants(p) ? ktap_kprobe_find(p, ip) : -ENOENT;
	if (n >= 0) {
		for (i = 0; !regs && i < KTAP_KPROBE_ARGS; i++)
			call.args[i] = hook_arg(fregs, i);
		ktap_kprobe_deliver(p, n, regs, 0, regs ? NULL : &call);
	}
	ftrace_test_recursion_unlock(bit);
}

/* NULL while it is taken off */
static __always_inline const struct kret *kret_of(struct kretprobe_instance *ri)
{
	const struct kretprobe *rp = get_kretprobe(ri);

	return rp ? container_of(rp, struct kret, rp) : NULL;
}

static int kret_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	const struct kret *ret = kret_of(ri);

	if (!ret || !ktap_kprobe_wants_return(ret->p))
		return 1;
	ktap_kprobe_save_call(ret->p, ri->data, regs);
	return 0;
}

NOKPROBE_SYMBOL(kret_entry);

static int kret_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	const struct kret *ret = kret_of(ri);

	if (ret && ktap_kprobe_wants(ret->p))
		ktap_kprobe_deliver(ret->p, ret->n, regs, get_kretprobe_retaddr(ri),
				    (void *)ri->data);
	return 0;
}

NOKPROBE_SYMBOL(kret_return);

/*
 * Registration
 */

static int register_entries(struct ktap_kprobe *p)
{
	unsigned long *hooks = ktap_kprobe_hooks(p);
	int ret;

	if (!hooks)
		return -ENOMEM;
	p->ops.func = ftrace_entry;
	p->ops.flags = FTRACE_OPS_FL_SAVE_REGS_IF_SUPPORTED;
	ret = ftrace_set_filter_ips(&p->ops, hooks, p->nr, 0, 1);
	kvfree(hooks);
	if (!ret)
		ret = register_ftrace_function(&p->ops);
	if (ret)
		ftrace_free_filter(&p->ops);
	return ret;
}

static void free_returns(struct ktap_kprobe *p)
{
	kvfree(p->krets->rps);
	kvfree(p->krets);
	p->krets = NULL;
}

static int register_return(struct ktap_kprobe *p, struct kret *ret, unsigned int n)
{
	ret->p = p;
	ret->n = n;
	ret->rp.kp.addr = (void *)p->funcs[n].addr;
	ret->rp.handler = kret_return;
	ret->rp.entry_handler = kret_entry;
	ret->rp.data_size = ktap_kprobe_call_size(p);
	ret->rp.maxactive = clamp(ALL_ACTIVE / p->nr, MIN_ACTIVE, KTAP_MIN_ACTIVE);
	return register_kretprobe(&ret->rp);
}

/* Those that the kernel does not let anybody probe are left out */
static int register_returns(struct ktap_kprobe *p)
{
	struct ktap_krets *all = kvzalloc(struct_size(all, rets, p->nr), GFP_KERNEL_ACCOUNT);
	unsigned int i;
	int ret = 0;

	if (!all)
		return -ENOMEM;
	p->krets = all;
	all->rps = kvcalloc(p->nr, sizeof(*all->rps), GFP_KERNEL_ACCOUNT);
	if (!all->rps)
		ret = -ENOMEM;
	for (i = 0; !ret && i < p->nr; i++) {
		if (ktap_env_interrupted(p->site->session)) {
			ret = -EINTR;
			break;
		}
		ret = register_return(p, &all->rets[i], i);
		if (!ret) {
			all->rps[all->nr++] = &all->rets[i].rp;
		} else if (ret != -ENOMEM) {
			ktap_refused_add(p->refused, p->funcs[i].func, NULL);
			ret = 0;
		}
	}
	if (!ret && !all->nr)
		ret = -EPERM;
	if (ret) {
		if (all->nr)
			unregister_kretprobes(all->rps, all->nr);
		free_returns(p);
	}
	return ret;
}

/**
 * ktap_kpattern_register() - register the probe of a pattern
 * @p: the probe, with its functions sorted by &ktap_kfunc.hook
 *
 * Return: 0, or a negative error.
 */
int ktap_kpattern_register(struct ktap_kprobe *p)
{
	return p->ret ? register_returns(p) : register_entries(p);
}

/**
 * ktap_kpattern_unregister() - take it off
 * @p: the probe, which is registered
 *
 * When this returns no handler of it runs.
 */
void ktap_kpattern_unregister(struct ktap_kprobe *p)
{
	if (p->ret) {
		unregister_kretprobes(p->krets->rps, p->krets->nr);
		free_returns(p);
	} else {
		unregister_ftrace_function(&p->ops);
		ftrace_free_filter(&p->ops);
	}
}

/**
 * ktap_kpattern_missed() - how many calls were not seen
 * @p: the probe, which is registered
 *
 * Return: how many, since it was registered; what the hook misses it counts itself.
 */
unsigned long ktap_kpattern_missed(const struct ktap_kprobe *p)
{
	unsigned long missed = 0;
	unsigned int i;

	for (i = 0; p->ret && i < p->krets->nr; i++)
		missed += p->krets->rps[i]->nmissed + p->krets->rps[i]->kp.nmissed;
	return missed;
}
