// SPDX-License-Identifier: GPL-2.0
/*
 * Taps on tracepoints themselves: run a function with the arguments of a
 * tracepoint, whatever its prototype is, and without a record.
 *
 * A tracepoint calls its probes with the arguments that its prototype has, some
 * of them narrower than a register, or wider, or structures. No function can be
 * a probe of all of them: control flow integrity forbids it, and there are
 * architectures where it would get something else. But each tracepoint has a
 * probe that casts its arguments into an array of u64, for BPF programs
 * (include/trace/bpf_probe.h). So a tap is a link to a BPF program, as raw
 * tracepoints of BPF are; only that the program is not one of BPF instructions,
 * but the function of C which is called for each BPF program when there is no
 * JIT compiler, and which would be the interpreter.
 *
 * BPF runs a program only once at a time on each CPU, so that the event of an
 * interrupt that comes while the program runs is dropped. Our function can run
 * inside itself, and lets it: what is dropped is only what comes in the few
 * instructions before it does, and is counted.
 *
 * Locks: those of the tracepoints and of the modules that have them.
 */
#include <linux/bpf.h>
#include <linux/err.h>
#include <linux/filter.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/trace_event_tap.h>
#include <linux/trace_events.h>
#include <linux/tracepoint.h>

struct trace_event_tap_raw {
	struct bpf_raw_tp_link			link;
	struct list_head			list;
	struct trace_event_tap_raw_set		*set;
	void					*data;
};

/* What the raw taps have in common that are attached and detached together */
struct trace_event_tap_raw_set {
	struct list_head			taps;
	struct bpf_prog				*prog;
	trace_event_tap_raw_func_t		func;
};

/* In place of the interpreter. The program says nothing: there is one for all taps. */
static unsigned int tap_raw_run(const void *args, const struct bpf_insn *insn)
{
	struct bpf_trace_run_ctx *ctx = container_of(current->bpf_ctx,
						     struct bpf_trace_run_ctx, run_ctx);
	struct trace_event_tap_raw *tap = (void *)(unsigned long)ctx->bpf_cookie;
	int __percpu *active = tap->set->prog->active;

	this_cpu_dec(*active);
	tap->set->func(tap->data, args);
	this_cpu_inc(*active);
	return 0;
}

/**
 * trace_event_tap_raw_alloc - make a set of raw taps
 * @func: what they run
 *
 * Context: process context, may sleep.
 * Return: the set, which trace_event_tap_raw_free() frees, or NULL.
 */
struct trace_event_tap_raw_set *trace_event_tap_raw_alloc(trace_event_tap_raw_func_t func)
{
	struct trace_event_tap_raw_set *set = kzalloc(sizeof(*set), GFP_KERNEL);

	if (!set)
		return NULL;
	set->prog = bpf_prog_alloc(bpf_prog_size(1), 0);
	if (!set->prog) {
		kfree(set);
		return NULL;
	}
	set->prog->bpf_func = tap_raw_run;
	set->func = func;
	INIT_LIST_HEAD(&set->taps);
	return set;
}
EXPORT_SYMBOL_GPL(trace_event_tap_raw_alloc);

/**
 * trace_event_tap_raw_attach - begin to run the function on a tracepoint
 * @set: what the tap is to belong to
 * @name: the tracepoint
 * @data: argument of the function
 * @info: set to what there is to know of the tracepoint
 *
 * A tracepoint of a module keeps the module loaded.
 *
 * Context: process context, may sleep.
 * Return: 0, -ENOENT if there is no such tracepoint, or none whose arguments
 * are known, or another negative error.
 */
int trace_event_tap_raw_attach(struct trace_event_tap_raw_set *set, const char *name,
			       void *data, struct trace_event_tap_raw_info *info)
{
	struct bpf_raw_event_map *btp = bpf_get_raw_tracepoint(name);
	struct trace_event_tap_raw *tap;
	int ret = -ENOMEM;

	if (!btp)
		return -ENOENT;
	tap = kzalloc(sizeof(*tap), GFP_KERNEL);
	if (!tap)
		goto fail;
	tap->set = set;
	tap->data = data;
	tap->link.link.prog = set->prog;
	tap->link.btp = btp;
	tap->link.cookie = (unsigned long)tap;
	info->nr_args = btp->num_args;
	info->name = btp->tp->name;
	trace_event_tap_code(tap_raw_run, &info->run);
	trace_event_tap_code(btp->bpf_func, &info->probe);
	trace_event_tap_code(btp->tp->iterator, &info->iterator);
	ret = bpf_probe_register(btp, &tap->link);
	if (ret)
		goto fail;
	list_add_tail(&tap->list, &set->taps);
	return 0;
fail:
	kfree(tap);
	bpf_put_raw_tracepoint(btp);
	return ret;
}
EXPORT_SYMBOL_GPL(trace_event_tap_raw_attach);

/**
 * trace_event_tap_raw_detach - take all taps of a set off
 * @set: the set
 *
 * The function may still run: the caller waits for that
 * (tracepoint_synchronize_unregister()) before it frees anything.
 *
 * Context: process context, may sleep.
 */
void trace_event_tap_raw_detach(struct trace_event_tap_raw_set *set)
{
	struct trace_event_tap_raw *tap;

	list_for_each_entry(tap, &set->taps, list)
		bpf_probe_unregister(tap->link.btp, &tap->link);
}
EXPORT_SYMBOL_GPL(trace_event_tap_raw_detach);

/**
 * trace_event_tap_raw_missed - what was dropped
 * @set: the set
 *
 * Return: how many events came while the function was about to begin.
 */
u64 trace_event_tap_raw_missed(const struct trace_event_tap_raw_set *set)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += u64_stats_read(&per_cpu_ptr(set->prog->stats, cpu)->misses);
	return sum;
}
EXPORT_SYMBOL_GPL(trace_event_tap_raw_missed);

/**
 * trace_event_tap_raw_free - free a set
 * @set: the set; its taps are detached, and their function does not run any more
 *
 * Context: process context, may sleep.
 */
void trace_event_tap_raw_free(struct trace_event_tap_raw_set *set)
{
	struct trace_event_tap_raw *tap, *next;

	list_for_each_entry_safe(tap, next, &set->taps, list) {
		bpf_put_raw_tracepoint(tap->link.btp);
		kfree(tap);
	}
	__bpf_prog_free(set->prog);
	kfree(set);
}
EXPORT_SYMBOL_GPL(trace_event_tap_raw_free);

struct tap_raw_look {
	int	(*fn)(void *data, const char *name);
	void	*data;
	int	ret;
};

static void tap_raw_look(struct tracepoint *tp, void *data)
{
	struct tap_raw_look *look = data;

	if (!look->ret)
		look->ret = look->fn(look->data, tp->name);
}

static void tap_raw_look_module(struct tracepoint *tp, struct module *mod, void *data)
{
	tap_raw_look(tp, data);
}

/**
 * trace_event_tap_raw_for_each - look at the names of all tracepoints
 * @fn: is called for each of them; what is not 0 ends it
 * @data: argument of @fn
 *
 * Context: process context, may sleep; @fn must not attach a tap.
 * Return: what @fn returned last, or 0.
 */
int trace_event_tap_raw_for_each(int (*fn)(void *data, const char *name), void *data)
{
	struct tap_raw_look look = { .fn = fn, .data = data };

	for_each_kernel_tracepoint(tap_raw_look, &look);
	for_each_module_tracepoint(tap_raw_look_module, &look);
	return look.ret;
}
EXPORT_SYMBOL_GPL(trace_event_tap_raw_for_each);
