// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: strings that come late.
 *
 * The string argument of a system call may be in a page that is not in memory
 * when the call begins, and a handler cannot wait for it.  If the script only
 * prints the string, its record gets the number of a slot instead.  The call
 * itself reads the string, so the page is there when it ends: the probe of its
 * exit copies the string into the slot, and read() from there.
 *
 * What is printed is thus what was in memory when the system call ended; a
 * program whose threads change it meanwhile shows that.  If the call looked at
 * another address only, took longer than LATE_NS, or never came back (exec, exit),
 * there is no string: nil, and counted.  It is not read from the memory of the
 * program that exec left there: the slot knows whose memory it is.
 *
 * A slot belongs to the one record that has its number, from when the handler
 * writes it until read() has delivered it.  Nothing is queued at the task, and
 * no reference to it held: the slots are memory of the session, the probe is
 * gone before they are.  If no slot is free the string is nil, and counted.
 *
 * The life of a slot:
 *
 *	FREE -> CLAIMED		a handler, cmpxchg(); fills it in
 *	CLAIMED -> PENDING	the handler, release
 *	PENDING -> READING	the exit of the task's system call, cmpxchg()
 *	READING -> DONE, FAILED	the same, release
 *	PENDING -> FAILED	read(), after LATE_NS, or the end of the session, cmpxchg()
 *	DONE, FAILED -> FREE	read(), release
 *
 * Contexts: ktap_env_late_put() and ktap_late_exit(), in the probes of system
 * calls, preemption disabled; the rest, process context.
 * Locks: none.
 */
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include "event.h"

/* Bytes of a string that may come late; the rest is cut off and counted */
#define LATE_STR		512

/* Slots are looked for in a group that a task's number selects. */
#define LATE_GROUP		8
#define LATE_GROUP_BITS		5

/* How long read() waits, with all that came after, for one string */
#define LATE_NS			(200 * NSEC_PER_MSEC)

enum late_state {
	LATE_FREE,
	LATE_CLAIMED,
	LATE_PENDING,
	LATE_READING,
	LATE_DONE,
	LATE_FAILED,
};

/**
 * struct late_slot - a string that comes late
 * @state: enum late_state
 * @pid: the task, whose number may be used again, so:
 * @start: when it began
 * @mm: its memory; not referenced, for comparison only
 * @addr: where the string is
 * @max: bytes wanted
 * @when: when the slot was claimed
 * @len: bytes of @text
 * @cut: the end is missing
 * @text: the string
 */
struct late_slot {
	atomic_t state;
	pid_t pid;
	u64 start;
	const struct mm_struct *mm;
	unsigned long addr;
	size_t max;
	u64 when;
	u32 len;
	bool cut;
	char text[LATE_STR];
};

/**
 * struct ktap_late - the slots of a session
 * @pending: how many there are whose system call has not ended, about
 * @slots: them
 */
struct ktap_late {
	atomic_t pending;
	struct late_slot slots[LATE_GROUP << LATE_GROUP_BITS];
};

/* In a record; the number of no slot if there was none */
struct late_form {
	u32 slot;
	u32 pad;
};

#define LATE_NO_SLOT		U32_MAX

static u32 late_group(pid_t pid)
{
	return hash_32(pid, LATE_GROUP_BITS) * LATE_GROUP;
}

/**
 * ktap_late_start() - have slots, if the script may need some
 * @s: the session, about to trace entries of system calls
 *
 * Context: process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int ktap_late_start(struct ktap_session *s)
{
	if (s->late || !ktap_vm_uses(s->vm, KTAP_BI_USER_STRING))
		return 0;
	s->late = kvzalloc(sizeof(*s->late), GFP_KERNEL_ACCOUNT);
	return s->late ? 0 : -ENOMEM;
}

/**
 * ktap_late_free() - free the slots
 * @s: the session; it has ended, and its output is gone
 */
void ktap_late_free(struct ktap_session *s)
{
	kvfree(s->late);
	s->late = NULL;
}

bool ktap_env_may_be_late(struct ktap_exec *x, u64 addr)
{
	const struct ktap_session *s = ktap_vm_env(ktap_exec_vm(x));
	const struct ktap_event *ev = ktap_exec_event(x);

	/* also of an address that is none: the call has to say so first */
	return s->late && ev && ev->site->sc_nr >= 0 && ev->site->sc_enter && in_task();
}

size_t ktap_env_late_size(void)
{
	return ALIGN(sizeof(struct ktap_rec_val) + sizeof(struct late_form), 8);
}

/* A slot for the current task, or LATE_NO_SLOT */
static u32 late_claim(struct ktap_session *s, unsigned long addr, size_t max)
{
	u32 first = late_group(current->pid), i;

	for (i = first; i < first + LATE_GROUP; i++) {
		struct late_slot *slot = &s->late->slots[i];

		if (atomic_cmpxchg(&slot->state, LATE_FREE, LATE_CLAIMED) != LATE_FREE)
			continue;
		slot->pid = current->pid;
		slot->start = current->start_time;
		slot->mm = current->mm;
		slot->addr = addr;
		slot->max = max;
		slot->when = ktime_get_mono_fast_ns();
		slot->len = 0;
		slot->cut = false;
		atomic_inc(&s->late->pending);
		atomic_set_release(&slot->state, LATE_PENDING);
		return i;
	}
	ktap_vm_lost(s->vm, KTAP_LOSS_FAULT, 1);
	return LATE_NO_SLOT;
}

void ktap_env_late_put(struct ktap_exec *x, u64 addr, size_t max, void *p)
{
	struct ktap_session *s = ktap_vm_env(ktap_exec_vm(x));
	struct ktap_rec_val head = {
		.type = KTAP_VAL_LATE,
		.len = sizeof(struct late_form),
	};
	struct late_form form = { .slot = late_claim(s, addr, max) };

	memcpy(p, &head, sizeof(head));
	memcpy(p + sizeof(head), &form, sizeof(form));
}

/* Reads the string; whether all of it that is wanted was there */
static bool late_read(struct ktap_session *s, struct late_slot *slot)
{
	size_t max = min_t(size_t, slot->max, LATE_STR), n, end;
	unsigned long addr = slot->addr;

	while (slot->len < max) {
		n = min_t(size_t, max - slot->len, 64);
		n = min_t(size_t, n, PAGE_SIZE - offset_in_page(addr + slot->len));
		if (copy_from_user_nofault(slot->text + slot->len,
					   (const void __user *)(addr + slot->len), n))
			return false;
		end = strnlen(slot->text + slot->len, n);
		slot->len += end;
		if (end < n)
			return true;
	}
	slot->cut = max < slot->max;
	if (slot->cut)
		ktap_vm_lost(s->vm, KTAP_LOSS_STRING, 1);
	return true;
}

/* It will not come. */
static void late_fail(struct ktap_session *s, struct late_slot *slot)
{
	if (atomic_cmpxchg(&slot->state, LATE_PENDING, LATE_FAILED) != LATE_PENDING)
		return;
	atomic_dec(&s->late->pending);
	ktap_vm_lost(s->vm, KTAP_LOSS_FAULT, 1);
}

/**
 * ktap_late_exit() - a system call of the current task ends
 * @s: the session, which has slots
 *
 * Context: the probe of the exit, preemption disabled.
 */
void ktap_late_exit(struct ktap_session *s)
{
	u32 first = late_group(current->pid), i;

	if (likely(!atomic_read(&s->late->pending)))
		return;
	for (i = first; i < first + LATE_GROUP; i++) {
		struct late_slot *slot = &s->late->slots[i];

		/* one that is pending has its fields; acquire pairs with late_claim() */
		if (atomic_read_acquire(&slot->state) != LATE_PENDING ||
		    slot->pid != current->pid || slot->start != current->start_time)
			continue;
		if (slot->mm != current->mm) {
			late_fail(s, slot);
			continue;
		}
		if (atomic_cmpxchg(&slot->state, LATE_PENDING, LATE_READING) != LATE_PENDING)
			continue;
		atomic_dec(&s->late->pending);
		if (late_read(s, slot)) {
			atomic_set_release(&slot->state, LATE_DONE);
		} else {
			ktap_vm_lost(s->vm, KTAP_LOSS_FAULT, 1);
			atomic_set_release(&slot->state, LATE_FAILED);
		}
	}
}

/**
 * ktap_late_end() - what has not come does not come any more
 * @s: the session; no event is delivered any more, and no probe runs
 */
void ktap_late_end(struct ktap_session *s)
{
	u32 i;

	for (i = 0; s->late && i < ARRAY_SIZE(s->late->slots); i++)
		late_fail(s, &s->late->slots[i]);
}

static struct late_slot *late_slot(struct ktap_session *s, const struct ktap_rec_val *val)
{
	struct late_form form;

	memcpy(&form, val->data, sizeof(form));
	if (!s->late || form.slot >= ARRAY_SIZE(s->late->slots))
		return NULL;
	return &s->late->slots[form.slot];
}

/**
 * ktap_late_ready() - whether a string has come, or will not come
 * @s: the session
 * @val: a KTAP_VAL_LATE
 *
 * Context: read().
 * Return: whether it has.
 */
bool ktap_late_ready(struct ktap_session *s, const struct ktap_rec_val *val)
{
	struct late_slot *slot = late_slot(s, val);
	int state;

	if (!slot)
		return true;
	state = atomic_read_acquire(&slot->state);
	if (state == LATE_PENDING && ktime_get_mono_fast_ns() - slot->when > LATE_NS) {
		late_fail(s, slot);
		state = atomic_read_acquire(&slot->state);
	}
	return state == LATE_DONE || state == LATE_FAILED;
}

/**
 * ktap_late_copy() - make a string, or nil, of one that was late
 * @s: the session
 * @val: a KTAP_VAL_LATE that is ready
 * @to: gets the value
 * @room: bytes there, enough for a short string
 *
 * Context: read().
 * Return: bytes at @to.
 */
size_t ktap_late_copy(struct ktap_session *s, const struct ktap_rec_val *val,
		      struct ktap_rec_val *to, size_t room)
{
	struct late_slot *slot = late_slot(s, val);
	size_t size;

	memset(to, 0, sizeof(*to));
	if (!slot || atomic_read_acquire(&slot->state) != LATE_DONE) {
		to->type = KTAP_VAL_NIL;
		return sizeof(*to);
	}
	to->type = KTAP_VAL_STR;
	to->len = min_t(size_t, slot->len, room - sizeof(*to));
	if (slot->cut || to->len < slot->len)
		to->flags = KTAP_VALF_TRUNCATED;
	memcpy(to->data, slot->text, to->len);
	size = ALIGN(sizeof(*to) + to->len, 8);
	memset(to->data + to->len, 0, size - sizeof(*to) - to->len);
	return size;
}

/**
 * ktap_late_release() - the string has been delivered
 * @s: the session
 * @val: a KTAP_VAL_LATE that was ready
 *
 * Context: read().
 */
void ktap_late_release(struct ktap_session *s, const struct ktap_rec_val *val)
{
	struct late_slot *slot = late_slot(s, val);

	if (slot)
		atomic_set_release(&slot->state, LATE_FREE);
}
