// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: rendering events into text inside a handler.
 *
 * Nearly always text is rendered by read(), after the fact. Only where a
 * script uses the text as a value (a key, "..") it has to be there at once.
 * That needs a trace_iterator, too large for any stack, so there is one for
 * each CPU and context level, shared by all sessions: the recursion guard lets
 * only one handler run on a level. They exist while a session has events.
 *
 * Contexts: getting and putting, process context; the rest, handlers.
 * Locks: texts_lock, a mutex, protects the count and allocation.
 */
#include <linux/cpumask.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/topology.h>

#include "event.h"

#define NR_LEVELS		4

static DEFINE_MUTEX(texts_lock);
static unsigned int texts_users;

struct texts {
	struct trace_event_tap_text *level[NR_LEVELS];
};

static DEFINE_PER_CPU(struct texts, texts);

static void texts_free(void)
{
	int cpu, level;

	for_each_possible_cpu(cpu) {
		for (level = 0; level < NR_LEVELS; level++) {
			trace_event_tap_text_free(per_cpu(texts, cpu).level[level]);
			per_cpu(texts, cpu).level[level] = NULL;
		}
	}
}

/**
 * ktap_texts_get() - have buffers for rendering in handlers
 *
 * Return: 0, or -ENOMEM.
 */
int ktap_texts_get(void)
{
	struct trace_event_tap_text *text;
	int cpu, level;

	guard(mutex)(&texts_lock);
	if (texts_users++)
		return 0;

	for_each_possible_cpu(cpu) {
		for (level = 0; level < NR_LEVELS; level++) {
			text = trace_event_tap_text_alloc(cpu_to_node(cpu), true);
			if (!text) {
				texts_free();
				texts_users--;
				return -ENOMEM;
			}
			per_cpu(texts, cpu).level[level] = text;
		}
	}
	return 0;
}

/**
 * ktap_texts_put() - need no buffers for rendering in handlers any more
 */
void ktap_texts_put(void)
{
	guard(mutex)(&texts_lock);
	if (!--texts_users)
		texts_free();
}

/**
 * ktap_text() - the buffer for rendering in this handler
 *
 * Context: in a handler; the buffer is its own until it returns.
 * Return: the buffer.
 */
struct trace_event_tap_text *ktap_text(void)
{
	return this_cpu_read(texts.level[interrupt_context_level()]);
}
