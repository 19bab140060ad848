// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: calls of functions of programs that have not returned yet.
 *
 * What a handler of a return asks about the entry is kept here from one to the
 * other: the kernel's uprobes have no room for it. A call is known by its thread, by
 * the place, and by where the stack will be when it has returned. Of one place there
 * is one call at most that a thread makes from one place of its stack: an entry
 * replaces what a call has left that never returned, through longjmp() or
 * an exception.
 *
 * There is room for a number of calls. A bucket that is full gives up a call whose
 * thread is gone, or, if there is none, the oldest: that of what will never return is,
 * in the end. A return that finds nothing is delivered without what it asks for. If
 * the session has given up a call of a living thread, that is counted; otherwise the
 * function was entered before the session began, or before fork() by the parent.
 *
 * Contexts: the thread that calls and returns, in process context; interrupts are
 * off where a bucket is looked at. ktap_ucalls_new() and ktap_ucalls_free(), process
 * context, the latter when no handler runs any more.
 * Locks: one for each bucket, innermost.
 */
#include <linux/bits.h>
#include <linux/hash.h>
#include <linux/overflow.h>
#include <linux/pid.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include "ev_uprobe.h"
#include "lock.h"

#define BUCKET_BITS		9
#define NR_BUCKETS		BIT(BUCKET_BITS)
#define NR_WAYS			8

/**
 * struct ktap_ucalls - the calls of a session that have not returned yet
 * @size: bytes of one of @calls: &struct ktap_ucall, with or without its arguments
 * @forgot: a call was given up whose thread is alive
 * @locks: of the buckets
 * @calls: NR_WAYS for each bucket; one without a thread is free
 */
struct ktap_ucalls {
	size_t size;
	bool forgot;
	struct ktap_spinlock locks[NR_BUCKETS];
	char calls[] __aligned(8);
};

static bool keeps_args(const struct ktap_ucalls *calls)
{
	return calls->size == sizeof(struct ktap_ucall);
}

static struct ktap_ucall *call_at(struct ktap_ucalls *calls, unsigned int n)
{
	return (void *)&calls->calls[n * calls->size];
}

/**
 * ktap_ucalls_new() - make room for calls
 * @keep_args: with their arguments
 *
 * Return: the room, or NULL.
 */
struct ktap_ucalls *ktap_ucalls_new(bool keep_args)
{
	size_t size = keep_args ? sizeof(struct ktap_ucall) : offsetof(struct ktap_ucall, args);
	struct ktap_ucalls *calls;
	unsigned int i;

	calls = kvzalloc(struct_size(calls, calls, NR_BUCKETS * NR_WAYS * size),
			 GFP_KERNEL_ACCOUNT);
	if (!calls)
		return NULL;
	calls->size = size;
	for (i = 0; i < NR_BUCKETS; i++)
		ktap_spin_init(&calls->locks[i]);
	return calls;
}

/**
 * ktap_ucalls_free() - free the room, and forget the calls in it
 * @calls: the room, or NULL
 */
void ktap_ucalls_free(struct ktap_ucalls *calls)
{
	unsigned int i;

	for (i = 0; calls && i < NR_BUCKETS * NR_WAYS; i++)
		put_pid(call_at(calls, i)->pid);
	kvfree(calls);
}

static unsigned int bucket_of(const struct ktap_ucall *call)
{
	return hash_long((unsigned long)call->pid + (unsigned long)call->place + call->sp,
			 BUCKET_BITS);
}

static bool same_call(const struct ktap_ucall *a, const struct ktap_ucall *b)
{
	return a->pid == b->pid && a->place == b->place && a->sp == b->sp;
}

static bool is_32bit_x86(struct pt_regs *regs)
{
#ifdef CONFIG_X86
	return !user_64bit_mode(regs);
#else
	return false;
#endif
}

/* Where the stack is when a function has returned that is entered with @regs */
static unsigned long sp_after(struct pt_regs *regs)
{
	unsigned long sp = user_stack_pointer(regs);

#ifdef CONFIG_X86
	/* the return address is on the stack */
	sp += is_32bit_x86(regs) ? 4 : 8;
#endif
	return sp;
}

/* Whether @args has them all */
static bool read_args(struct pt_regs *regs, unsigned long *args)
{
	unsigned int i;

	if (is_32bit_x86(regs)) {
		u32 __user *p = (u32 __user *)user_stack_pointer(regs);
		u32 v[KTAP_UCALL_ARGS];

		if (copy_from_user(v, p + 1, sizeof(v)))
			return false;
		for (i = 0; i < KTAP_UCALL_ARGS; i++)
			args[i] = v[i];
		return true;
	}
#if defined(CONFIG_HAVE_FUNCTION_ARG_ACCESS_API) && !defined(CONFIG_X86_32)
	for (i = 0; i < KTAP_UCALL_ARGS; i++)
		args[i] = regs_get_kernel_argument(regs, i);
	return true;
#else
	return false;
#endif
}

/* The one to be replaced by @call */
static struct ktap_ucall *find_room(struct ktap_ucalls *calls, unsigned int bucket,
				    const struct ktap_ucall *call)
{
	struct ktap_ucall *best = NULL, *c;
	bool gone, best_gone = false;
	unsigned int i;

	for (i = 0; i < NR_WAYS; i++) {
		c = call_at(calls, bucket * NR_WAYS + i);
		if (c->pid && same_call(c, call))
			return c;
		gone = !c->pid || !pid_has_task(c->pid, PIDTYPE_PID);
		if (!best || (gone && !best_gone) ||
		    (gone == best_gone && c->then < best->then)) {
			best = c;
			best_gone = gone;
		}
	}
	if (!best_gone)
		WRITE_ONCE(calls->forgot, true);
	return best;
}

/**
 * ktap_ucall_enter() - a function is entered whose return is to know about it
 * @calls: where that is kept
 * @place: the probe of the return
 * @regs: the registers at its first instruction
 *
 * Context: process context, may sleep.
 */
void ktap_ucall_enter(struct ktap_ucalls *calls, const struct ktap_uplace *place,
		      struct pt_regs *regs)
{
	struct ktap_ucall call = {
		.place = place,
		.sp = sp_after(regs),
	};
	struct ktap_ucall *room;
	struct pid *old;
	unsigned long flags;
	unsigned int n;

	call.has_args = keeps_args(calls) && read_args(regs, call.args);
	call.pid = get_pid(task_pid(current));
	n = bucket_of(&call);
	call.then = ktime_get_mono_fast_ns();
	flags = ktap_spin_lock(&calls->locks[n]);
	room = find_room(calls, n, &call);
	old = room->pid;
	memcpy(room, &call, calls->size);
	ktap_spin_unlock(&calls->locks[n], flags);
	put_pid(old);
}

static bool take(struct ktap_ucalls *calls, const struct ktap_ucall *key, struct ktap_ucall *call)
{
	unsigned int n = bucket_of(key), i;
	struct ktap_ucall *c = NULL;
	unsigned long flags;

	flags = ktap_spin_lock(&calls->locks[n]);
	for (i = 0; i < NR_WAYS; i++) {
		c = call_at(calls, n * NR_WAYS + i);
		if (same_call(c, key))
			break;
	}
	if (i < NR_WAYS) {
		memcpy(call, c, calls->size);
		c->pid = NULL;
	}
	ktap_spin_unlock(&calls->locks[n], flags);
	if (i == NR_WAYS)
		return false;
	put_pid(call->pid);
	return true;
}

/**
 * ktap_ucall_leave() - a function has returned
 * @calls: where its entry may be kept
 * @place: the probe of the return
 * @regs: the registers where it has returned to
 * @call: set to what was kept, of which @pid is of no use any more
 *
 * Context: process context.
 * Return: 0; -ENOENT: nothing was kept; -ENOBUFS: perhaps since there was no room.
 */
int ktap_ucall_leave(struct ktap_ucalls *calls, const struct ktap_uplace *place,
		     struct pt_regs *regs, struct ktap_ucall *call)
{
	struct ktap_ucall key = {
		.pid = task_pid(current),
		.place = place,
		.sp = user_stack_pointer(regs),
	};

	if (take(calls, &key, call))
		return 0;
	/* one that returns a structure takes its address off the stack */
	key.sp -= 4;
	if (is_32bit_x86(regs) && take(calls, &key, call))
		return 0;
	return READ_ONCE(calls->forgot) ? -ENOBUFS : -ENOENT;
}
