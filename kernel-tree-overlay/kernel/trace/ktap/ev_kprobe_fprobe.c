// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: probes of all functions that a pattern matches: one fprobe, so that
 * thousands are one registration.
 *
 * Contexts: the handlers run where the function does, in any context, NMI
 * included, with preemption disabled. The rest, process context.
 * Locks: none of its own.
 */
#include <linux/minmax.h>
#include <linux/slab.h>

#include "ev_kprobe.h"

static int fprobe_entry(struct fprobe *fp, unsigned long ip, unsigned long ret_ip,
			struct pt_regs *regs, void *data)
{
	struct ktap_kprobe *p = container_of(fp, struct ktap_kprobe, fp);
	int n;

	if (p->ret) {
		if (!ktap_kprobe_wants_return(p))
			return 1;
		ktap_kprobe_save_call(p, data, regs);
		return 0;
	}
	if (!ktap_kprobe_wants(p))
		return 0;
	n = ktap_kprobe_find(p, ip);
	if (n >= 0)
		ktap_kprobe_deliver(p, n, regs, 0, NULL);
	return 0;
}

NOKPROBE_SYMBOL(fprobe_entry);

static void fprobe_return(struct fprobe *fp, unsigned long ip, unsigned long ret_ip,
			  struct pt_regs *regs, void *data)
{
	struct ktap_kprobe *p = container_of(fp, struct ktap_kprobe, fp);
	int n;

	if (!ktap_kprobe_wants(p))
		return;
	n = ktap_kprobe_find(p, ip);
	if (n >= 0)
		ktap_kprobe_deliver(p, n, regs, ret_ip, data);
}

NOKPROBE_SYMBOL(fprobe_return);

/**
 * ktap_kpattern_register() - register the probe of a pattern
 * @p: the probe, with its functions sorted by &ktap_kfunc.hook
 *
 * Return: 0, or a negative error.
 */
int ktap_kpattern_register(struct ktap_kprobe *p)
{
	unsigned long *hooks = ktap_kprobe_hooks(p);
	int ret;

	if (!hooks)
		return -ENOMEM;
	p->fp.entry_handler = fprobe_entry;
	if (p->ret) {
		p->fp.exit_handler = fprobe_return;
		p->fp.entry_data_size = ktap_kprobe_call_size(p);
		p->fp.nr_maxactive = clamp(2 * p->nr * num_possible_cpus(), KTAP_MIN_ACTIVE,
					   16 * KTAP_MAX_ACTIVE);
	}
	ret = register_fprobe_ips(&p->fp, hooks, p->nr);
	kvfree(hooks);
	return ret;
}

/**
 * ktap_kpattern_unregister() - take it off
 * @p: the probe, which is registered
 *
 * When this returns no handler of it runs.
 */
void ktap_kpattern_unregister(struct ktap_kprobe *p)
{
	unregister_fprobe(&p->fp);
}

/**
 * ktap_kpattern_missed() - how many calls were not seen
 * @p: the probe
 *
 * Return: how many, since it was registered.
 */
unsigned long ktap_kpattern_missed(const struct ktap_kprobe *p)
{
	return p->fp.nmissed;
}
