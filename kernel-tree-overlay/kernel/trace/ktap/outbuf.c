// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: the output buffer of a session.
 *
 * Owns a tracing ring buffer, without overwriting. Handlers write records into
 * it in any context; read() takes them out in the order of their time stamps,
 * gives them the header of the interface, and renders the events and stacks in them
 * into text. A record that finds no room is lost and counted, unless its writer may
 * sleep, who then waits for the reader.
 *
 * Order: each CPU's part is in order by itself. A record gets its time stamp
 * when it is reserved and is visible when it is committed, so for some time a
 * CPU may have an invisible record that is older than what the others show.
 * That time is short, unless the writer is interrupted, or the virtual CPU it
 * runs on is. So each CPU says while it writes, and read() delivers nothing
 * that is younger than the beginning of a write that still goes on. It also
 * leaves records alone until they are HOLD_NS old: by then what a CPU says has
 * arrived at the others, without barriers on the writing side. And so one
 * wake-up serves many records.
 *
 * Contexts: reserving and committing, any; the rest, process context.
 * Locks: ktap_outbuf.lock, a mutex, serialises readers. The writing side has
 * none.
 */
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/ring_buffer.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

#include "event.h"

#define HOLD_NS			NSEC_PER_MSEC

/* For each CPU, in KiB */
#define DEFAULT_KB		1024
#define MIN_KB			64
#define MAX_KB			(SZ_1G / SZ_1K)

/* What stands before the values in the ring buffer */
struct out_head {
	u32 type;
	u32 len;
};

/**
 * struct out_writer - what a CPU is writing
 * @depth: records that are reserved and not committed, by contexts that
 *	interrupt each other
 * @seq: how often @depth has become 0
 */
struct out_writer {
	unsigned int depth;
	unsigned int seq;
};

/**
 * struct out_look - what the reader saw of a struct out_writer
 * @at: when it looked last
 * @began: if @busy: a time before the write began
 * @seq: the writer's, then
 * @busy: it was writing
 */
struct out_look {
	u64 at;
	u64 began;
	unsigned int seq;
	bool busy;
};

/**
 * struct ktap_outbuf - the output buffer of a session
 * @session: whose it is
 * @buffer: the ring buffer
 * @readers: where read() and poll() wait
 * @space: where writers wait that may sleep
 * @writers: by CPU
 * @wake: wakes @readers from any context
 * @waiting: a reader waits, or is about to
 * @ended: nothing more will be written
 * @consumed: grows with each record taken out
 * @lock: serialises readers; protects what follows
 * @text: for rendering
 * @rec: a record as read() delivers it, KTAP_REC_MAX bytes
 * @head: time stamp of the first record, by CPU
 * @has_head: whether @head is known
 * @looks: at @writers, by CPU
 */
struct ktap_outbuf {
	struct ktap_session *session;
	struct trace_buffer *buffer;
	wait_queue_head_t readers;
	wait_queue_head_t space;
	struct out_writer __percpu *writers;
	struct irq_work wake;
	unsigned int waiting;	/* not all architectures exchange bytes */
	bool ended;
	unsigned long consumed;

	struct mutex lock; /* of readers */
	struct trace_event_tap_text *text;
	void *rec;
	u64 *head;
	unsigned long *has_head;
	struct out_look *looks;
};

static void outbuf_wake(struct irq_work *work)
{
	struct ktap_outbuf *out = container_of(work, struct ktap_outbuf, wake);

	wake_up_all(&out->readers);
}

static u64 outbuf_clock(void)
{
	return ktime_get_mono_fast_ns();
}

/* 1 MiB for each CPU, but not more than a 64th of the memory for all */
static unsigned int outbuf_default_kb(void)
{
	unsigned long kb = totalram_pages() >> 6 << (PAGE_SHIFT - 10);

	return clamp_t(unsigned long, kb / num_online_cpus(), MIN_KB, DEFAULT_KB);
}

/**
 * ktap_outbuf_create() - make the output buffer of a session
 * @s: the session
 * @kb: size for each CPU in KiB; 0: the default
 *
 * Context: process context, may sleep.
 * Return: the buffer, or an error pointer.
 */
struct ktap_outbuf *ktap_outbuf_create(struct ktap_session *s, unsigned int kb)
{
	struct ktap_outbuf *out;
	int cpu, order, ret = -ENOMEM;

	out = kzalloc(sizeof(*out), GFP_KERNEL);
	if (!out)
		return ERR_PTR(-ENOMEM);
	out->session = s;
	mutex_init(&out->lock);
	init_waitqueue_head(&out->readers);
	init_waitqueue_head(&out->space);
	init_irq_work(&out->wake, outbuf_wake);

	out->text = trace_event_tap_text_alloc(NUMA_NO_NODE, false);
	out->rec = kvmalloc(KTAP_REC_MAX, GFP_KERNEL);
	out->head = kvcalloc(nr_cpu_ids, sizeof(*out->head), GFP_KERNEL);
	out->has_head = bitmap_zalloc(nr_cpu_ids, GFP_KERNEL);
	out->looks = kvcalloc(nr_cpu_ids, sizeof(*out->looks), GFP_KERNEL);
	out->writers = alloc_percpu(struct out_writer);
	if (!out->text || !out->rec || !out->head || !out->has_head || !out->looks ||
	    !out->writers)
		goto fail;
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		out->looks[cpu].at = outbuf_clock();

	kb = kb ? clamp(kb, MIN_KB, MAX_KB) : outbuf_default_kb();
	/* not by trying: that would take the memory of all others first */
	if ((u64)kb * num_online_cpus() > totalram_pages() << (PAGE_SHIFT - 10) >> 2)
		goto fail;
	/* A record must fit into a sub-buffer, whose header is some words. */
	order = get_order(KTAP_OUT_MAX + sizeof(struct out_head) + 64);
	/* no range: memory of its own */
	out->buffer = ring_buffer_alloc_range((unsigned long)kb << 10, 0, order, 0, 0);
	if (!out->buffer)
		goto fail;
	ring_buffer_set_clock(out->buffer, outbuf_clock);
	/* otherwise a writer that waits for room would wait for ever */
	ret = -EMSGSIZE;
	if (WARN_ON_ONCE(ring_buffer_max_event_size(out->buffer) <
			 KTAP_OUT_MAX + sizeof(struct out_head)))
		goto fail;
	return out;
fail:
	ktap_outbuf_destroy(out);
	return ERR_PTR(ret);
}

/**
 * ktap_outbuf_destroy() - free the output buffer of a session
 * @out: the buffer; nobody uses it any more
 */
void ktap_outbuf_destroy(struct ktap_outbuf *out)
{
	irq_work_sync(&out->wake);
	if (out->buffer)
		ring_buffer_free(out->buffer);
	free_percpu(out->writers);
	kvfree(out->looks);
	bitmap_free(out->has_head);
	kvfree(out->head);
	kvfree(out->rec);
	trace_event_tap_text_free(out->text);
	mutex_destroy(&out->lock);
	kfree(out);
}

/*
 * The writing side
 */

static void outbuf_write_end(struct ktap_outbuf *out)
{
	smp_wmb(); /* the record is there first; pairs with outbuf_horizon() */
	if (!this_cpu_dec_return(out->writers->depth))
		this_cpu_inc(out->writers->seq);
	preempt_enable_notrace();
}

/* Preemption stays disabled until outbuf_commit(). */
static void *outbuf_reserve(struct ktap_outbuf *out, unsigned int type, size_t len)
{
	struct ring_buffer_event *event;
	struct out_head *head;

	if (WARN_ON_ONCE(len > KTAP_OUT_MAX))
		return NULL;
	preempt_disable_notrace();
	this_cpu_inc(out->writers->depth);
	event = ring_buffer_lock_reserve(out->buffer, sizeof(*head) + len);
	if (!event) {
		outbuf_write_end(out);
		return NULL;
	}
	head = ring_buffer_event_data(event);
	head->type = type;
	head->len = len;
	return head + 1;
}

static void outbuf_commit(struct ktap_outbuf *out)
{
	ring_buffer_unlock_commit(out->buffer);
	outbuf_write_end(out);
	/* pairs with outbuf_ready(): either it sees the record, or we see it */
	smp_mb();
	if (READ_ONCE(out->waiting) && xchg(&out->waiting, 0))
		irq_work_queue(&out->wake);
}

/* Whether a writer that may sleep has to give up */
static bool outbuf_hopeless(const struct ktap_outbuf *out)
{
	const struct ktap_session *s = out->session;

	return fatal_signal_pending(current) ||
	       (READ_ONCE(s->stop) && !READ_ONCE(s->ending));
}

static void *outbuf_reserve_wait(struct ktap_outbuf *out, unsigned int type, size_t len)
{
	unsigned long consumed;
	void *p;

	might_sleep();
	for (;;) {
		consumed = READ_ONCE(out->consumed);
		smp_rmb(); /* room made after this look ends the wait */
		p = outbuf_reserve(out, type, len);
		if (p || outbuf_hopeless(out))
			return p;
		if (wait_event_killable(out->space,
					READ_ONCE(out->consumed) != consumed ||
					outbuf_hopeless(out)))
			return NULL;
	}
}

void *ktap_env_out_reserve(struct ktap_exec *x, unsigned int type, size_t len)
{
	struct ktap_vm *vm = ktap_exec_vm(x);
	struct ktap_session *s = ktap_vm_env(vm);
	void *p;

	if (ktap_exec_may_sleep(x))
		p = outbuf_reserve_wait(s->out, type, len);
	else
		p = outbuf_reserve(s->out, type, len);
	if (!p)
		ktap_vm_lost(vm, KTAP_LOSS_OUTPUT, 1);
	return p;
}

void ktap_env_out_commit(struct ktap_exec *x, void *p)
{
	struct ktap_session *s = ktap_vm_env(ktap_exec_vm(x));

	outbuf_commit(s->out);
}

static void outbuf_value(struct ktap_rec_val *val, size_t size, enum ktap_val_type vtype,
			 const void *data, size_t len)
{
	memset(val, 0, size);
	val->type = vtype;
	val->len = len;
	memcpy(val->data, data, len);
}

/**
 * ktap_outbuf_try() - write a record with one value, if there is room
 * @out: the buffer
 * @type: of the record
 * @vtype: of the value
 * @data: the value's bytes
 * @len: how many
 *
 * For records that are no output of the script: none is counted as lost.
 *
 * Context: any.
 * Return: whether it is written.
 */
bool ktap_outbuf_try(struct ktap_outbuf *out, enum ktap_rec_type type,
		     enum ktap_val_type vtype, const void *data, size_t len)
{
	size_t size = ALIGN(sizeof(struct ktap_rec_val) + len, 8);
	struct ktap_rec_val *val = outbuf_reserve(out, type, size);

	if (!val)
		return false;
	outbuf_value(val, size, vtype, data, len);
	outbuf_commit(out);
	return true;
}

/**
 * ktap_outbuf_put() - write a record with one value
 * @out: the buffer
 * @type: of the record
 * @vtype: of the value
 * @data: the value's bytes
 * @len: how many
 * @live: set when the record has its time stamp, before a reader can see it;
 *	or NULL
 *
 * Context: process context, may sleep: waits for the reader.
 * Return: 0, or -EINTR.
 */
int ktap_outbuf_put(struct ktap_outbuf *out, enum ktap_rec_type type,
		    enum ktap_val_type vtype, const void *data, size_t len, bool *live)
{
	size_t size = ALIGN(sizeof(struct ktap_rec_val) + len, 8);
	struct ktap_rec_val *val;

	val = outbuf_reserve_wait(out, type, size);
	if (!val) {
		ktap_vm_lost(out->session->vm, KTAP_LOSS_OUTPUT, 1);
		return -EINTR;
	}
	outbuf_value(val, size, vtype, data, len);
	if (live) {
		/* a handler sees all that was done before; pairs with ktap_session_wants() */
		smp_store_release(live, true);
	}
	outbuf_commit(out);
	return 0;
}

/**
 * ktap_outbuf_wake_writers() - let writers see that the session stops
 * @out: the buffer
 *
 * Context: process or hard interrupt context.
 */
void ktap_outbuf_wake_writers(struct ktap_outbuf *out)
{
	wake_up_all(&out->space);
}

/**
 * ktap_outbuf_end() - nothing more will be written
 * @out: the buffer
 *
 * Readers get what is there, and then the end of the file.
 */
void ktap_outbuf_end(struct ktap_outbuf *out)
{
	/* pairs with readers: who sees it has all records before it */
	smp_store_release(&out->ended, true);
	wake_up_all(&out->readers);
}

/*
 * The reading side
 */

/* For wait_event: whether there is something to read, or never will be */
static bool outbuf_ready(struct ktap_outbuf *out)
{
	WRITE_ONCE(out->waiting, 1);
	smp_mb(); /* pairs with outbuf_commit() */
	return READ_ONCE(out->ended) || !ring_buffer_empty(out->buffer);
}

/**
 * ktap_outbuf_readable() - whether read() would return at once
 * @out: the buffer
 *
 * If not, a waiter on ktap_outbuf_waitqueue() is woken when it would.
 *
 * Return: whether it would, give or take the time that records are held back.
 */
bool ktap_outbuf_readable(struct ktap_outbuf *out)
{
	return outbuf_ready(out);
}

/**
 * ktap_outbuf_waitqueue() - where to wait for output
 * @out: the buffer
 *
 * Return: the wait queue, for poll().
 */
wait_queue_head_t *ktap_outbuf_waitqueue(struct ktap_outbuf *out)
{
	return &out->readers;
}

static void outbuf_look(struct ktap_outbuf *out, int cpu)
{
	if (ring_buffer_peek(out->buffer, cpu, &out->head[cpu], NULL))
		__set_bit(cpu, out->has_head);
	else
		__clear_bit(cpu, out->has_head);
}

/* The CPU with the earliest record that is not later than @horizon, or -1 */
static int outbuf_earliest(const struct ktap_outbuf *out, u64 horizon)
{
	int cpu, best = -1;

	for_each_set_bit(cpu, out->has_head, nr_cpu_ids) {
		if (out->head[cpu] > horizon)
			continue;
		if (best < 0 || out->head[cpu] < out->head[best])
			best = cpu;
	}
	return best;
}

/*
 * Turn an event's binary form into a string at @to, which has room for @room
 * bytes. Returns the bytes used.
 */
static size_t outbuf_render(struct ktap_outbuf *out, const struct ktap_rec_val *from,
			    struct ktap_rec_val *to, size_t room)
{
	const struct ktap_event_form *form = (const void *)from->data;
	const struct ktap_site *site;
	struct ktap_event_form head;
	const char *text;
	size_t len, size;

	/* the ring buffer aligns to 4 bytes only */
	memcpy(&head, form, sizeof(head));
	site = head.site;
	text = ktap_event_render(out->text, site, form->data, head.len, &len);
	if (!(head.flags & KTAP_EVENT_NEWLINE) && len && text[len - 1] == '\n')
		len--;

	memset(to, 0, sizeof(*to));
	to->type = KTAP_VAL_STR;
	if (len > room - sizeof(*to)) {
		len = room - sizeof(*to);
		to->flags = KTAP_VALF_TRUNCATED;
	}
	to->len = len;
	memcpy(to->data, text, len);
	size = ALIGN(sizeof(*to) + len, 8);
	memset(to->data + len, 0, size - sizeof(*to) - len);
	return size;
}

/*
 * Strings that come late, in a record. Whether it waits for one: all of them are
 * looked at before any is taken. With @release, they have been delivered.
 */
static bool outbuf_late(struct ktap_outbuf *out, const struct out_head *head, bool release)
{
	const void *p = head + 1, *end = p + head->len;

	while (end - p >= (ptrdiff_t)sizeof(struct ktap_rec_val)) {
		const struct ktap_rec_val *val = p;

		if (val->type == KTAP_VAL_LATE) {
			if (release)
				ktap_late_release(out->session, val);
			else if (!ktap_late_ready(out->session, val))
				return true;
		}
		p += ALIGN(sizeof(*val) + val->len, 8);
	}
	return false;
}

/* Fills out->rec from a record of the ring buffer */
static void outbuf_convert(struct ktap_outbuf *out, const struct out_head *head,
			   int cpu, u64 ts)
{
	const void *p = head + 1, *end = p + head->len;
	struct ktap_rec *rec = out->rec;
	void *to = rec + 1;

	while (end - p >= (ptrdiff_t)sizeof(struct ktap_rec_val)) {
		const struct ktap_rec_val *val = p;
		size_t size = ALIGN(sizeof(*val) + val->len, 8);

		if (WARN_ON_ONCE(size > end - p))
			break;
		p += size;
		if (val->type == KTAP_VAL_EVENT) {
			/* what follows needs as much room as it has here */
			size_t room = out->rec + KTAP_REC_MAX - to - (end - p);

			to += outbuf_render(out, val, to, room & ~7UL);
		} else if (val->type == KTAP_VAL_LATE) {
			size_t room = out->rec + KTAP_REC_MAX - to - (end - p);

			to += ktap_late_copy(out->session, val, to, room & ~7UL);
		} else if (val->type == KTAP_VAL_STACK || val->type == KTAP_VAL_TUPLE) {
			size_t room = out->rec + KTAP_REC_MAX - to - (end - p);

			to += ktap_stack_deliver(out->session, val, to, room & ~7UL);
		} else {
			memcpy(to, val, size);
			to += size;
		}
	}

	rec->len = to - out->rec;
	rec->type = head->type;
	rec->cpu = cpu;
	rec->ts = ts;
}

/* Copies the first record of a CPU to the user; bytes, 0 if it waits, or an error */
static ssize_t outbuf_deliver(struct ktap_outbuf *out, int cpu, char __user *buf,
			      size_t size)
{
	struct ring_buffer_event *event;
	const struct out_head *head;
	struct ktap_rec *rec = out->rec;
	u64 ts;

	event = ring_buffer_peek(out->buffer, cpu, &ts, NULL);
	if (WARN_ON_ONCE(!event)) {
		__clear_bit(cpu, out->has_head);
		return 0;
	}
	head = ring_buffer_event_data(event);
	if (out->session->late && outbuf_late(out, head, false))
		return 0;
	outbuf_convert(out, head, cpu, ts);
	if (rec->len > size)
		return -EMSGSIZE;
	if (copy_to_user(buf, rec, rec->len))
		return -EFAULT;
	if (out->session->late)
		outbuf_late(out, head, true);
	ring_buffer_consume(out->buffer, cpu, NULL, NULL);
	WRITE_ONCE(out->consumed, out->consumed + 1);
	outbuf_look(out, cpu);
	return rec->len;
}

/*
 * Up to which time stamp all records are visible. A write that was not going on
 * at the last look has begun since then.
 */
static u64 outbuf_horizon(struct ktap_outbuf *out)
{
	u64 now = outbuf_clock(), oldest = now;
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct out_writer *w = per_cpu_ptr(out->writers, cpu);
		struct out_look *look = &out->looks[cpu];
		unsigned int seq = READ_ONCE(w->seq);
		bool busy = READ_ONCE(w->depth);

		if (busy) {
			if (!look->busy || seq != look->seq)
				look->began = look->at;
			oldest = min(oldest, look->began);
		}
		look->busy = busy;
		look->seq = seq;
		look->at = now;
	}
	smp_rmb(); /* pairs with outbuf_write_end() */
	return oldest - HOLD_NS;
}

/* One look at all CPUs: what is old enough and fits */
static ssize_t outbuf_read_once(struct ktap_outbuf *out, char __user *buf, size_t size,
				bool ended)
{
	u64 horizon = ended ? U64_MAX : outbuf_horizon(out);
	ssize_t ret = 0;
	size_t done = 0;
	int cpu;

	/*
	 * What becomes visible from here on is not older than the horizon, so
	 * CPUs that have nothing now need no second look.
	 */
	for_each_clear_bit(cpu, out->has_head, nr_cpu_ids)
		outbuf_look(out, cpu);

	while ((cpu = outbuf_earliest(out, horizon)) >= 0) {
		ret = outbuf_deliver(out, cpu, buf + done, size - done);
		if (ret <= 0)
			break;
		done += ret;
		cond_resched();
	}
	return done ?: ret;
}

/**
 * ktap_outbuf_read() - deliver records to user space
 * @out: the buffer
 * @buf: where to
 * @size: its size
 * @nonblock: do not wait for records; it may still take HOLD_NS, or what a string
 *	takes that comes late
 *
 * Context: process context, may sleep.
 * Return: bytes, 0 at the end, or a negative error.
 */
ssize_t ktap_outbuf_read(struct ktap_outbuf *out, char __user *buf, size_t size,
			 bool nonblock)
{
	ssize_t ret;
	bool ended;

	if (nonblock) {
		if (!mutex_trylock(&out->lock))
			return -EAGAIN;
	} else if (mutex_lock_interruptible(&out->lock)) {
		return -ERESTARTSYS;
	}

	for (;;) {
		ended = smp_load_acquire(&out->ended); /* pairs with ktap_outbuf_end() */
		ret = outbuf_read_once(out, buf, size, ended);
		if (ret)
			break;
		if (!bitmap_empty(out->has_head, nr_cpu_ids)) {
			/* there is something, but it is too young, or waits */
			usleep_range(HOLD_NS / NSEC_PER_USEC / 2,
				     HOLD_NS / NSEC_PER_USEC);
			continue;
		}
		if (ended)
			break;
		ret = -EAGAIN;
		if (nonblock)
			break;
		ret = wait_event_interruptible(out->readers, outbuf_ready(out));
		if (ret)
			break;
	}
	mutex_unlock(&out->lock);

	if (ret > 0 && wq_has_sleeper(&out->space))
		wake_up_all(&out->space);
	return ret;
}
