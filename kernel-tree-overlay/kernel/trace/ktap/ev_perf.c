// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: perf events: counters of hardware and software, and breakpoints.
 *
 * An event has a counter on each CPU, or on the one of -C; there is no cheaper
 * way. They are created, disabled, when the event is attached, so that what the
 * machine does not have is an error there, and begin to count when the session
 * does. They are pinned: the kernel does not let counters take turns without
 * saying so, and if there are too few, the session does not start.
 *
 * -p and -- CMD are for the session, as for all events, and not for perf: a
 * counter counts for all tasks, and whose it was when it overflowed is looked at
 * then. So threads and children are followed as they are everywhere else, and a
 * period of 1 is exact for each of them.
 *
 * A CPU that goes takes its counters along. One that comes gets them from a
 * work: what makes software counters takes the lock of CPU hotplug, so it cannot
 * be done where CPUs come.
 *
 * Perf stops a counter with too many interrupts until the next tick. How much it
 * would have counted is not known; that it was stopped is.
 *
 * Contexts: perf_overflow(): in the context of the event, NMI included, with
 * interrupts disabled; the rest, process context.
 * Locks: perfs_lock, a mutex, protects the list of all of them and the counters;
 * it is taken inside ktap_session.run_lock.
 */
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/hw_breakpoint.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "ev_perf.h"

/* MAX_INTERRUPTS of kernel/events/core.c: perf has just stopped the counter */
#define STOPPED			(~0ULL)

static DEFINE_MUTEX(perfs_lock);
static LIST_HEAD(perfs);
static enum cpuhp_state perf_state;

/**
 * struct perf_rec - an event as handlers see it
 * @ip: where the CPU was
 * @addr: of the fault or the breakpoint, or 0
 * @period: how much was counted since the event before
 * @count: and since the session began, on this CPU
 * @user: a program was interrupted, not the kernel
 */
struct perf_rec {
	u64 ip;
	u64 addr;
	u64 period;
	u64 count;
	u64 user;
};

/*
 * What is of no use to the reader of the output, see KTAP_LOAD_NOT_SELF. Samples
 * of what a CPU does are taken whoever runs. A breakpoint is an NMI to those who
 * ask: what counts is what it interrupted.
 */
static bool is_self(const struct ktap_session *s, const struct perf_event_attr *attr)
{
	unsigned long irqs = hardirq_count() - (in_nmi() ? HARDIRQ_OFFSET : 0);

	switch (attr->type) {
	case PERF_TYPE_SOFTWARE:
		if (attr->config <= PERF_COUNT_SW_TASK_CLOCK)
			return false;
		break;
	case PERF_TYPE_BREAKPOINT:
		break;
	default:
		return false;
	}
	return s->self && !irqs && !in_serving_softirq() && task_tgid_nr(current) == s->self;
}

static void perf_overflow(struct perf_event *event, struct perf_sample_data *data,
			  struct pt_regs *regs)
{
	struct ktap_perf *p = event->overflow_handler_context;
	struct ktap_session *s = p->site->session;
	struct ktap_event ev __uninitialized;
	struct perf_rec rec;

	if (!ktap_session_live(s))
		return;
	if (event->hw.interrupts == STOPPED)
		ktap_vm_lost(s->vm, KTAP_LOSS_COUNTER, 1);
	if (!ktap_session_wants(s) || is_self(s, &p->attr))
		return;
	rec.ip = instruction_pointer(regs);
	rec.addr = data->sample_flags & PERF_SAMPLE_ADDR ? data->addr : 0;
	rec.period = data->period;
	rec.count = local64_read(&event->count);
	rec.user = user_mode(regs);
	ev.site = p->site;
	ev.rec = &rec;
	ev.len = sizeof(rec);
	ev.regs = regs;
	ktap_event_deliver(p->site, &ev);
}

/*
 * The counters
 */

static struct perf_event *counter_new(struct ktap_perf *p, int cpu)
{
	struct perf_event *event;

	event = perf_event_create_kernel_counter(&p->attr, cpu, NULL, perf_overflow, p);
	if (!IS_ERR(event) && event->pmu->capabilities & PERF_PMU_CAP_NO_INTERRUPT) {
		perf_event_release_kernel(event);
		return ERR_PTR(-EOPNOTSUPP);
	}
	return event;
}

/* It is not any more if its CPU has gone, even if that has come back. */
static bool counter_is_there(const struct perf_event *event)
{
	return event && READ_ONCE(event->attach_state) & PERF_ATTACH_CONTEXT;
}

/* More than once does no harm */
static int counter_enable(struct perf_event *event)
{
	perf_event_enable(event);
	/* pinned, and there was no room for it */
	return READ_ONCE(event->state) == PERF_EVENT_STATE_ERROR ? -EBUSY : 0;
}

static void perf_release(struct ktap_perf *p)
{
	struct perf_event *event;
	int cpu;

	for_each_possible_cpu(cpu) {
		event = *per_cpu_ptr(p->events, cpu);
		*per_cpu_ptr(p->events, cpu) = NULL;
		if (event)
			perf_event_release_kernel(event);
	}
}

/* The counter of a CPU, which is made if there is none, and counts if it shall */
static int perf_fill_cpu(struct ktap_perf *p, int cpu)
{
	struct perf_event **slot = per_cpu_ptr(p->events, cpu), *event = *slot;

	if (!counter_is_there(event)) {
		if (event)
			perf_event_release_kernel(event);
		*slot = NULL;
		event = counter_new(p, cpu);
		if (IS_ERR(event))
			return PTR_ERR(event);
		*slot = event;
	}
	return p->live ? counter_enable(event) : 0;
}

/* The same of all CPUs; -ENOENT if none of them has what is to be counted */
static int perf_fill(struct ktap_perf *p)
{
	int cpu, want = p->site->session->cpu, err, absent = 0, ret = 0;
	bool some = false;

	lockdep_assert_held(&perfs_lock);
	for_each_online_cpu(cpu) {
		if (want >= 0 && want != cpu)
			continue;
		err = perf_fill_cpu(p, cpu);
		if (!err)
			some = true;
		else if (err == -ENOENT)
			absent = err;
		else if (err != -ENODEV) /* it has just gone */
			ret = err;
	}
	return ret ?: some ? 0 : absent;
}

static void perf_cpu_work(struct work_struct *work)
{
	struct ktap_perf *p;
	int ret;

	guard(mutex)(&perfs_lock);
	list_for_each_entry(p, &perfs, node) {
		ret = perf_fill(p);
		if (ret && ret != -ENOENT)
			ktap_vm_lost(p->site->session->vm, KTAP_LOSS_COUNTER, 1);
	}
}

static DECLARE_WORK(perf_work, perf_cpu_work);

static int perf_cpu_online(unsigned int cpu)
{
	schedule_work(&perf_work);
	return 0;
}

/**
 * ktap_perfs_init() - before the first session
 *
 * Return: 0, or a negative error.
 */
int ktap_perfs_init(void)
{
	int ret = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "trace/ktap:perf",
					    perf_cpu_online, NULL);

	if (ret < 0)
		return ret;
	perf_state = ret;
	return 0;
}

/**
 * ktap_perfs_exit() - after the last session
 */
void ktap_perfs_exit(void)
{
	cpuhp_remove_state_nocalls(perf_state);
	cancel_work_sync(&perf_work);
}

static int perf_attach(struct ktap_site *site)
{
	struct ktap_perf *p = site->perf;
	int ret;

	guard(mutex)(&perfs_lock);
	ret = perf_fill(p);
	if (ret)
		perf_release(p);
	else
		list_add_tail(&p->node, &perfs);
	return ret;
}

/**
 * ktap_perfs_start() - let the counters count that do not yet
 * @s: the session
 *
 * Return: 0, or a negative error: -EBUSY if there are too few in the machine.
 */
int ktap_perfs_start(struct ktap_session *s)
{
	struct ktap_site *site;
	int ret = 0;

	if (!s->nr_perfs)
		return 0;
	guard(mutex)(&perfs_lock);
	list_for_each_entry(site, &s->sites, list)
		if (site->ops == &ktap_perf_ops && !ret) {
			site->perf->live = true;
			ret = perf_fill(site->perf);
		}
	return ret == -ENOENT ? 0 : ret;
}

/**
 * ktap_perfs_detach() - give all counters back
 * @s: the session, which is not live any more
 *
 * Handlers may run until the next grace period of RCU.
 */
void ktap_perfs_detach(struct ktap_session *s)
{
	struct ktap_site *site;

	if (!s->nr_perfs)
		return;
	guard(mutex)(&perfs_lock);
	list_for_each_entry(site, &s->sites, list) {
		if (site->ops != &ktap_perf_ops)
			continue;
		list_del_init(&site->perf->node);
		perf_release(site->perf);
	}
}

static void perf_free(struct ktap_site *site)
{
	struct ktap_perf *p = site->perf;

	if (!p)
		return;
	free_percpu(p->events);
	kfree(p->name);
	kfree(p);
}

/*
 * What handlers see
 */

#define FIELD(member, text)	{ .name = #member, .type = text, \
				  .offset = offsetof(struct perf_rec, member), .size = 8 }

static const struct trace_event_tap_field perf_fields[] = {
	FIELD(ip, "unsigned long"), FIELD(addr, "unsigned long"), FIELD(period, "u64"),
	FIELD(count, "u64"), FIELD(user, "bool"),
};

static void perf_get_field(const struct ktap_site *site, unsigned int n,
			   struct trace_event_tap_field *field)
{
	*field = perf_fields[n];
}

/**
 * ktap_perf_set_fields() - give a new site its fields
 * @p: its perf event
 *
 * Return: 0 or a negative error.
 */
int ktap_perf_set_fields(struct ktap_perf *p)
{
	return ktap_site_set_fields(p->site, ARRAY_SIZE(perf_fields), 0, perf_get_field);
}

static int perf_field(struct ktap_exec *x, const struct ktap_event *ev, unsigned int n,
		      struct ktap_val *out)
{
	unsigned int offset = perf_fields[n].offset;
	u64 v = *(const u64 *)(ev->rec + offset);

	if (offset == offsetof(struct perf_rec, user))
		ktap_set_bool(out, v);
	else if (offset == offsetof(struct perf_rec, addr) && !v)
		ktap_set_nil(out);
	else
		ktap_set_int(out, v);
	return 0;
}

static size_t perf_size(const struct ktap_event *ev)
{
	return sizeof(struct perf_rec);
}

static void perf_put(const struct ktap_event *ev, void *p)
{
	memcpy(p, ev->rec, sizeof(struct perf_rec));
}

static const char *perf_render(struct trace_event_tap_text *text,
			       const struct ktap_site *site, const void *data,
			       size_t len, size_t *text_len)
{
	struct perf_rec rec;

	memcpy(&rec, data, sizeof(rec));
	/* where no symbol is, %pS is a number */
	return trace_event_tap_text_printf(text, text_len,
					   "%s: ip=%pS addr=0x%llx period=%llu\n", site->name,
					   (void *)(unsigned long)rec.ip, rec.addr, rec.period);
}

/* Where the CPU was interrupted; a program has no stack of the kernel */
static unsigned int perf_stack(const struct ktap_event *ev, u64 *ip, unsigned int max)
{
	const struct perf_event_attr *attr = &ev->site->perf->attr;
	const struct perf_rec *rec = ev->rec;
	struct ktap_own_frames own = { .next = rec->ip };
	unsigned int nr = rec->user ? 0 : ktap_stack_save(&own, ip, max);

	/* as a return address does, it follows what the frame is at */
	if (nr && ip[0] == rec->ip &&
	    (attr->type != PERF_TYPE_BREAKPOINT || attr->bp_type == HW_BREAKPOINT_X))
		ip[0]++;
	return nr;
}

const struct ktap_event_ops ktap_perf_ops = {
	.attach	= perf_attach,
	.free	= perf_free,
	.field	= perf_field,
	.size	= perf_size,
	.put	= perf_put,
	.render	= perf_render,
	.stack	= perf_stack,
};
