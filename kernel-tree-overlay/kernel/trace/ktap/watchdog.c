// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: handlers must leave time for everything else.
 *
 * The budget bounds one run of a handler, not how often it runs: handlers on
 * timers and interrupts that each take longer than the time to the next one
 * would keep a CPU for ever, and nobody could end the session. So, while
 * sessions have events, a work item is queued on each CPU once a second. Where
 * it has not run for WATCH_LIMIT, and handlers took at least half of that time,
 * the session whose handler finds this out ends with an error.
 *
 * A tracer under load may well take most of a CPU: a program that does nothing
 * but system calls spends more time in their handlers than in itself. That is
 * no reason, as long as the scheduler gets to run others.
 *
 * Time in handlers is measured for one run of KTAP_WATCH_RUNS and counted as
 * often, and for all runs that are long. Nested handlers count twice, which
 * does not matter here.
 *
 * Contexts: ktap_watch_get(), ktap_watch_put(): process context, may sleep.
 * ktap_env_watch(): handlers.
 * Locks: watch_lock, a mutex, protects the number of users.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>

#include "event.h"

/* Times are kept in microseconds, more or less, in one word. */
#define WATCH_SHIFT		10
#define WATCH_LIMIT		((unsigned long)(4ULL * NSEC_PER_SEC >> WATCH_SHIFT))

/**
 * struct watch - what is known of a CPU
 * @pong: the work item
 * @alive: when it ran last, 0 if it never did
 * @busy: how long handlers ran since
 */
struct watch {
	struct work_struct pong;
	unsigned long alive;
	unsigned long busy;
};

static DEFINE_PER_CPU(struct watch, watches);
static DEFINE_MUTEX(watch_lock);
static unsigned int watch_users;

static unsigned long watch_now(void)
{
	return (unsigned long)(ktap_env_clock() >> WATCH_SHIFT) ?: 1;
}

static void watch_pong(struct work_struct *work)
{
	struct watch *w = container_of(work, struct watch, pong);

	WRITE_ONCE(w->busy, 0);
	WRITE_ONCE(w->alive, watch_now());
}

static void watch_ping(struct work_struct *work)
{
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		queue_work_on(cpu, system_wq, &per_cpu(watches, cpu).pong);
	cpus_read_unlock();
	queue_delayed_work(system_unbound_wq, to_delayed_work(work), HZ);
}

static DECLARE_DELAYED_WORK(watch_work, watch_ping);

/**
 * ktap_watch_get() - begin to watch, before events are delivered
 */
void ktap_watch_get(void)
{
	struct watch *w;
	int cpu;

	guard(mutex)(&watch_lock);
	if (watch_users++)
		return;
	for_each_possible_cpu(cpu) {
		w = per_cpu_ptr(&watches, cpu);
		INIT_WORK(&w->pong, watch_pong);
		WRITE_ONCE(w->busy, 0);
		/* others are asked when they are online */
		WRITE_ONCE(w->alive, cpu_online(cpu) ? watch_now() : 0);
	}
	queue_delayed_work(system_unbound_wq, &watch_work, HZ);
}

/**
 * ktap_watch_put() - no events are delivered any more
 */
void ktap_watch_put(void)
{
	int cpu;

	guard(mutex)(&watch_lock);
	if (--watch_users)
		return;
	cancel_delayed_work_sync(&watch_work);
	for_each_possible_cpu(cpu)
		cancel_work_sync(&per_cpu(watches, cpu).pong);
}

u64 ktap_env_clock(void)
{
	return ktime_get_mono_fast_ns();
}

int ktap_env_watch(struct ktap_exec *x, u64 since, unsigned int weight, bool ended)
{
	struct watch *w = this_cpu_ptr(&watches);
	unsigned long now = watch_now(), alive = READ_ONCE(w->alive), used;

	/* before it is cut to microseconds, of which a short run takes none */
	used = (ktap_env_clock() - since) * weight >> WATCH_SHIFT;
	if (ended)
		this_cpu_add(watches.busy, used);
	if (likely(!alive || now - alive < WATCH_LIMIT))
		return 0;
	used = ended ? READ_ONCE(w->busy) : READ_ONCE(w->busy) + used;
	if (used < (now - alive) / 2)
		return 0;
	/* the next one has time to show that it was not the reason */
	WRITE_ONCE(w->busy, 0);
	WRITE_ONCE(w->alive, now);
	return ktap_error(x, "handlers left no time for anything else on CPU %d, for %lu ms",
			  raw_smp_processor_id(), (now - alive) / 977);
}
