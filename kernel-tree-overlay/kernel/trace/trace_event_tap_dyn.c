// SPDX-License-Identifier: GPL-2.0
/*
 * Dynamic events for taps: probes with fetch arguments, that exist for as long as
 * somebody in the kernel wants them.
 *
 * They are made by the parser that serves dynamic_events, and are seen there and
 * in the events directory as all others are. Who made one has a reference to it,
 * so nobody else can delete it.
 *
 * Others may use it, though: enable it in a tracing instance, open it with perf.
 * Then it cannot be deleted at once when its owner does not need it any more. So
 * such events are on a list, and a work item tries again, each second, until the
 * last user is gone. The owner need not wait, and may be a module that is
 * unloaded meanwhile.
 *
 * Contexts: process context, may sleep.
 * Locks: dyn_event_ops_mutex while an event is created, then event_mutex inside it;
 * dying_mutex protects the list, and event_mutex is taken inside it.
 */
#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/trace_event_tap.h>
#include <linux/trace_events.h>
#include <linux/workqueue.h>

#include "trace.h"
#include "trace_dynevent.h"
#include "trace_probe.h"

#define RETRY_DELAY		HZ

/**
 * struct trace_event_tap_dyn - a dynamic event
 * @call: the event, with a reference, or NULL before it has a probe
 * @list: entry of dying
 * @command: "-:GROUP/NAME", which deletes it
 * @group: in @command
 * @name: after it
 */
struct trace_event_tap_dyn {
	struct trace_event_call	*call;
	struct list_head	list;
	char			*group;
	char			*name;
	char			command[];
};

static DEFINE_MUTEX(dying_mutex);
static LIST_HEAD(dying);
static void retry(struct work_struct *work);
static DECLARE_DELAYED_WORK(retry_work, retry);

/**
 * trace_event_tap_dyn_group - a number that no group of events has had
 *
 * Return: the number.
 */
unsigned int trace_event_tap_dyn_group(void)
{
	static atomic_t last = ATOMIC_INIT(0);

	return atomic_inc_return(&last);
}
EXPORT_SYMBOL_GPL(trace_event_tap_dyn_group);

/**
 * trace_event_tap_dyn_new - begin to make a dynamic event
 * @group: its group
 * @name: its name; both are as names in C are, and of at most 63 bytes
 *
 * Return: what trace_event_tap_dyn_delete() deletes, or NULL.
 */
struct trace_event_tap_dyn *trace_event_tap_dyn_new(const char *group, const char *name)
{
	static const char delete[] = "-:";
	size_t n = strlen(delete) + strlen(group) + 1 + strlen(name) + 1;
	struct trace_event_tap_dyn *dyn = kzalloc(struct_size(dyn, command, n), GFP_KERNEL);

	if (!dyn)
		return NULL;
	snprintf(dyn->command, n, "%s%s/%s", delete, group, name);
	dyn->group = dyn->command + strlen(delete);
	dyn->name = dyn->group + strlen(group) + 1;
	return dyn;
}
EXPORT_SYMBOL_GPL(trace_event_tap_dyn_new);

static bool dyn_is(const struct trace_event_tap_dyn *dyn, struct trace_event_call *call)
{
	size_t n = dyn->name - dyn->group - 1;

	return call->flags & TRACE_EVENT_FL_DYNAMIC && !strcmp(trace_event_name(call), dyn->name) &&
	       !strncmp(call->class->system, dyn->group, n) && !call->class->system[n];
}

/* The event of that name, with a reference to it, or NULL */
static struct trace_event_call *dyn_find(const struct trace_event_tap_dyn *dyn)
{
	struct trace_event_call *call;

	guard(mutex)(&event_mutex);
	list_for_each_entry(call, &ftrace_events, list)
		if (dyn_is(dyn, call))
			return trace_event_try_get_ref(call) ? call : NULL;
	return NULL;
}

/* Where there is no memory for all of its fields, an event is added with some of them. */
static bool dyn_has_fields(const struct trace_event_tap_dyn *dyn, bool is_return)
{
	const struct trace_probe *tp = trace_probe_primary_from_call(dyn->call);

	/* before the arguments: where it is, and of a return where that goes to */
	return list_count_nodes(trace_get_fields(dyn->call)) == tp->nr_args + 1 + is_return;
}

/**
 * trace_event_tap_dyn_add - probe one more place for a dynamic event
 * @dyn: the event
 * @kind: "p", "r", or "r" and a number: how many calls may be under way
 * @probe: the place and the fetch arguments, as dynamic_events takes them
 * @error: gets what is wrong, if there is something to say: with which word of
 *	@probe, counted from 0, and from which byte of it on
 *
 * All places of an event have arguments of the same names and types.
 *
 * Return: 0, or a negative error.
 */
int trace_event_tap_dyn_add(struct trace_event_tap_dyn *dyn, const char *kind,
			    const char *probe, struct trace_event_tap_error *error)
{
	struct trace_probe_error first;
	struct trace_event_call *call;
	char *text;
	int ret;

	memset(error, 0, sizeof(*error));
	if (!dyn->call) {
		/* somebody else's: it would get our probe as well */
		call = dyn_find(dyn);
		if (call) {
			trace_event_put_ref(call);
			return -EEXIST;
		}
	}
	text = kasprintf(GFP_KERNEL, "%s:%s %s", kind, dyn->group, probe);
	if (!text)
		return -ENOMEM;
	mutex_lock(&dyn_event_ops_mutex);
	trace_probe_take_error(&first);
	ret = dyn_event_create_locked(text);
	trace_probe_take_error(&first);
	mutex_unlock(&dyn_event_ops_mutex);
	kfree(text);
	if (ret) {
		error->text = first.text;
		error->word = first.index - 1;
		error->offset = first.offset;
		return ret;
	}
	if (!dyn->call) {
		dyn->call = dyn_find(dyn);
		/* who deleted it at once does not want it to be */
		if (!dyn->call)
			return -ENOENT;
		if (!dyn_has_fields(dyn, *kind == 'r'))
			return -ENOMEM;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(trace_event_tap_dyn_add);

/**
 * trace_event_tap_dyn_call - the trace event
 * @dyn: the dynamic event, which has a place
 *
 * Return: the event; it is there until trace_event_tap_dyn_delete() is called.
 */
struct trace_event_call *trace_event_tap_dyn_call(const struct trace_event_tap_dyn *dyn)
{
	return dyn->call;
}
EXPORT_SYMBOL_GPL(trace_event_tap_dyn_call);

/**
 * trace_event_tap_dyn_missed - how many hits the kernel has not called anybody for
 * @dyn: the dynamic event, which has a place
 *
 * Return: how many, since it was created.
 */
unsigned long trace_event_tap_dyn_missed(const struct trace_event_tap_dyn *dyn)
{
	if (!(dyn->call->flags & TRACE_EVENT_FL_KPROBE))
		return 0;
	guard(mutex)(&event_mutex);
	return trace_kprobe_event_missed(dyn->call);
}
EXPORT_SYMBOL_GPL(trace_event_tap_dyn_missed);

/* Whether it has gone */
static bool dyn_delete(struct trace_event_tap_dyn *dyn)
{
	int ret = dyn_event_release(dyn->command, NULL);

	if (ret == -EBUSY || ret == -ENOMEM)
		return false;
	WARN_ON_ONCE(ret && ret != -ENOENT);
	kfree(dyn);
	return true;
}

static void retry(struct work_struct *work)
{
	struct trace_event_tap_dyn *dyn, *next;

	guard(mutex)(&dying_mutex);
	list_for_each_entry_safe(dyn, next, &dying, list) {
		list_del(&dyn->list);
		if (!dyn_delete(dyn))
			list_add_tail(&dyn->list, &next->list);
	}
	if (!list_empty(&dying))
		schedule_delayed_work(&retry_work, RETRY_DELAY);
}

/**
 * trace_event_tap_dyn_delete - delete a dynamic event
 * @dyn: the event; it has no tap any more, and its maker no other reference
 *
 * If others use it, it is deleted when they do not any more.
 */
void trace_event_tap_dyn_delete(struct trace_event_tap_dyn *dyn)
{
	if (!dyn->call) {
		kfree(dyn);
		return;
	}
	trace_event_put_ref(dyn->call);
	if (dyn_delete(dyn))
		return;
	guard(mutex)(&dying_mutex);
	list_add_tail(&dyn->list, &dying);
	schedule_delayed_work(&retry_work, RETRY_DELAY);
}
EXPORT_SYMBOL_GPL(trace_event_tap_dyn_delete);
