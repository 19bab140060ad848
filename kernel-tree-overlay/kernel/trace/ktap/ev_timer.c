// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: timers, tick-INTERVAL and profile-INTERVAL.
 *
 * A tick is one timer, that runs on some CPU, whatever is traced. A profile is
 * a timer on each CPU that is online, for samples of what the CPU does: so -p
 * and -C are for it, as for all other events. Both begin when the session's
 * events do, and first fire when the interval is over.
 *
 * The next time is set when the handlers have returned. What was due before is
 * missed, and counted: a handler that takes longer than the interval does not
 * keep the CPU.
 *
 * Contexts: the timers fire in hard interrupts; the rest, process context.
 * Locks: none; that of CPU hotplug, in cpuhp_state_*_instance().
 */
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/percpu.h>
#include <linux/ptrace.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <asm/irq_regs.h>

#include "attach.h"

/* Of a session: there are only so many events, but intervals without end. */
#define MAX_TIMERS		1024

/**
 * struct tick - a timer of the kernel
 * @hr: it
 * @timer: what it belongs to
 */
struct tick {
	struct hrtimer hr;
	struct ktap_timer *timer;
};

/**
 * struct ktap_timer - what a site has of timers
 * @site: the site
 * @node: of profiles, among those of all sessions
 * @ns: the interval
 * @started: whether it runs
 * @ticks: of profiles: by CPU
 * @tick: of ticks
 * @name: the event, as the script names it
 * @text: the same with a newline
 */
struct ktap_timer {
	struct ktap_site *site;
	struct hlist_node node;
	u64 ns;
	bool started;
	struct tick __percpu *ticks;
	struct tick tick;
	char *name;
	char *text;
};

static enum cpuhp_state timer_state;

static enum hrtimer_restart timer_fire(struct hrtimer *hr)
{
	struct ktap_timer *t = container_of(hr, struct tick, hr)->timer;
	struct pt_regs *regs = get_irq_regs();
	struct ktap_site *site = t->site;
	struct ktap_session *s = site->session;
	struct ktap_event ev __uninitialized;
	u64 missed;
	bool live;

	if (READ_ONCE(s->stop))
		return HRTIMER_NORESTART;
	live = t->ticks ? ktap_session_wants(s) : ktap_session_live(s);
	if (live) {
		ev.site = site;
		ev.rec = NULL;
		ev.len = 0;
		ev.args[0] = regs ? instruction_pointer(regs) : 0;
		ev.args[1] = regs && user_mode(regs);
		ktap_event_deliver(site, &ev);
	}
	missed = hrtimer_forward_now(hr, ns_to_ktime(t->ns)) - 1;
	if (live && missed)
		ktap_vm_lost(s->vm, KTAP_LOSS_TIMER, missed);
	return HRTIMER_RESTART;
}

static void tick_init(struct tick *tick, struct ktap_timer *t)
{
	hrtimer_init(&tick->hr, CLOCK_MONOTONIC,
		     t->ticks ? HRTIMER_MODE_REL_PINNED_HARD : HRTIMER_MODE_REL_HARD);
	tick->hr.function = timer_fire;
	tick->timer = t;
}

/* Of each profile, on the CPU itself, when it comes or the profile does */
static int timer_cpu_online(unsigned int cpu, struct hlist_node *node)
{
	struct ktap_timer *t = hlist_entry(node, struct ktap_timer, node);
	const struct ktap_session *s = t->site->session;

	if (s->cpu < 0 || s->cpu == cpu)
		hrtimer_start(&per_cpu_ptr(t->ticks, cpu)->hr, ns_to_ktime(t->ns),
			      HRTIMER_MODE_REL_PINNED_HARD);
	return 0;
}

static int timer_cpu_offline(unsigned int cpu, struct hlist_node *node)
{
	struct ktap_timer *t = hlist_entry(node, struct ktap_timer, node);

	hrtimer_cancel(&per_cpu_ptr(t->ticks, cpu)->hr);
	return 0;
}

/**
 * ktap_timers_init() - before the first session
 *
 * Return: 0, or a negative error.
 */
int ktap_timers_init(void)
{
	int ret = cpuhp_setup_state_multi(CPUHP_AP_ONLINE_DYN, "trace/ktap:online",
					  timer_cpu_online, timer_cpu_offline);

	if (ret < 0)
		return ret;
	timer_state = ret;
	return 0;
}

/**
 * ktap_timers_exit() - after the last session
 */
void ktap_timers_exit(void)
{
	cpuhp_remove_multi_state(timer_state);
}

static int timer_start(struct ktap_timer *t)
{
	int ret = 0;

	if (t->started)
		return 0;
	if (t->ticks)
		ret = cpuhp_state_add_instance(timer_state, &t->node);
	else
		hrtimer_start(&t->tick.hr, ns_to_ktime(t->ns), HRTIMER_MODE_REL_HARD);
	t->started = !ret;
	return ret;
}

/**
 * ktap_timers_start() - start the timers that do not run yet
 * @s: the session
 *
 * Return: 0, or a negative error.
 */
int ktap_timers_start(struct ktap_session *s)
{
	struct ktap_site *site;
	int ret;

	list_for_each_entry(site, &s->sites, list) {
		if (site->ops != &ktap_timer_ops)
			continue;
		ret = timer_start(site->timer);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * ktap_timers_detach() - stop all timers
 * @s: the session
 *
 * When this returns none of their handlers runs.
 */
void ktap_timers_detach(struct ktap_session *s)
{
	struct ktap_site *site;
	struct ktap_timer *t;

	list_for_each_entry(site, &s->sites, list) {
		t = site->timer;
		if (site->ops != &ktap_timer_ops || !t->started)
			continue;
		if (t->ticks)
			cpuhp_state_remove_instance(timer_state, &t->node);
		else
			hrtimer_cancel(&t->tick.hr);
		t->started = false;
	}
}

static int timer_attach(struct ktap_site *site)
{
	struct ktap_timer *t = site->timer;
	int cpu;

	if (!t->ticks) {
		tick_init(&t->tick, t);
		return 0;
	}
	for_each_possible_cpu(cpu)
		tick_init(per_cpu_ptr(t->ticks, cpu), t);
	return 0;
}

static void timer_free(struct ktap_site *site)
{
	struct ktap_timer *t = site->timer;

	if (!t)
		return;
	free_percpu(t->ticks);
	kfree(t->name);
	kfree(t->text);
	kfree(t);
}

static const struct trace_event_tap_field timer_fields[] = {
	{ .name = "ip", .type = "unsigned long", .size = sizeof(long) },
	{ .name = "user", .type = "bool", .offset = sizeof(long), .size = sizeof(long) },
};

static void timer_get_field(const struct ktap_site *site, unsigned int n,
			    struct trace_event_tap_field *field)
{
	*field = timer_fields[n];
}

static int timer_field(struct ktap_exec *x, const struct ktap_event *ev, unsigned int n,
		       struct ktap_val *out)
{
	if (n)
		ktap_set_bool(out, ev->args[n]);
	else
		ktap_set_int(out, ev->args[n]);
	return 0;
}

static size_t timer_size(const struct ktap_event *ev)
{
	return ARRAY_SIZE(timer_fields) * sizeof(long);
}

static void timer_put(const struct ktap_event *ev, void *p)
{
	memcpy(p, ev->args, timer_size(ev));
}

static const char *timer_render(struct trace_event_tap_text *text,
				const struct ktap_site *site, const void *data,
				size_t len, size_t *text_len)
{
	*text_len = strlen(site->timer->text);
	return site->timer->text;
}

/* Where the CPU was interrupted; a program has no stack of the kernel */
static unsigned int timer_stack(const struct ktap_event *ev, u64 *ip, unsigned int max)
{
	struct ktap_own_frames own = { .next = ev->args[0] };

	return ev->args[1] ? 0 : ktap_stack_save(&own, ip, max);
}

const struct ktap_event_ops ktap_timer_ops = {
	.attach	= timer_attach,
	.free	= timer_free,
	.field	= timer_field,
	.size	= timer_size,
	.put	= timer_put,
	.render	= timer_render,
	.stack	= timer_stack,
};

/* One that the script has named so before */
static struct ktap_site *timer_find(struct ktap_session *s, const char *name)
{
	struct ktap_site *site;

	list_for_each_entry(site, &s->sites, list)
		if (site->ops == &ktap_timer_ops && !strcmp(site->name, name))
			return site;
	return NULL;
}

static struct ktap_timer *timer_new(const char *name, u64 ns, bool per_cpu)
{
	struct ktap_timer *t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);

	if (!t)
		return NULL;
	t->ns = ns;
	t->name = kstrdup(name, GFP_KERNEL_ACCOUNT);
	t->text = kasprintf(GFP_KERNEL_ACCOUNT, "%s\n", name);
	if (per_cpu)
		t->ticks = alloc_percpu_gfp(struct tick, GFP_KERNEL_ACCOUNT);
	if (t->name && t->text && (t->ticks || !per_cpu))
		return t;
	free_percpu(t->ticks);
	kfree(t->name);
	kfree(t->text);
	kfree(t);
	return NULL;
}

static struct ktap_site *timer_create(struct ktap_session *s, const char *name, u64 ns,
				      bool per_cpu)
{
	struct ktap_site *site = ktap_site_new(s, &ktap_timer_ops);

	if (!site)
		return NULL;
	site->timer = timer_new(name, ns, per_cpu);
	if (site->timer) {
		site->timer->site = site;
		site->name = site->timer->name;
		if (!ktap_site_set_fields(site, ARRAY_SIZE(timer_fields), 0, timer_get_field) &&
		    !site->ops->attach(site)) {
			s->nr_events++;
			s->nr_timers++;
			return site;
		}
	}
	ktap_site_free(site);
	return NULL;
}

/**
 * ktap_is_timer() - whether an item is a timer
 * @item: the item
 *
 * Return: whether it is.
 */
bool ktap_is_timer(const char *item)
{
	bool per_cpu;

	return ktap_timer_prefix(item, &per_cpu);
}

/**
 * ktap_attach_timer() - attach a handler to a timer
 * @a: the item
 *
 * Return: 0, or what ktap_error() returned.
 */
int ktap_attach_timer(struct ktap_attach *a)
{
	struct ktap_site *site;
	const char *interval, *wrong;
	bool per_cpu;
	u64 ns;

	interval = a->item + ktap_timer_prefix(a->item, &per_cpu);
	wrong = ktap_parse_interval(interval, &ns);
	if (wrong)
		return ktap_error(a->x, "cannot parse timer interval: \"%s\": %s", interval,
				  wrong);
	ktap_exec_charge(a->x, per_cpu ? 100LL * num_possible_cpus() : 100);
	site = timer_find(a->session, a->item);
	if (!site && a->session->nr_timers == MAX_TIMERS)
		return ktap_error(a->x, "there are %u timers already, which is the limit",
				  MAX_TIMERS);
	if (!site)
		site = timer_create(a->session, a->item, ns, per_cpu);
	if (!site)
		return ktap_error(a->x, "no memory to trace \"%s\"", a->item);
	return ktap_attach_site(a, site, true);
}
