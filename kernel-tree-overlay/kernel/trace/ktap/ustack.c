// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: the stack of a program, and whose it is.
 *
 * A frame is an address in a process, and only the process's mappings tell what is
 * there.  The tool reads them, but when it prints a table they may be gone.  So
 * when a session first takes addresses in a process, a record of its own
 * (KTAP_REC_USER) tells the tool to read them at once, and again when the
 * process has got more code since: by exec, or a library it has loaded.  Which
 * processes the tool knows is remembered in a table of fixed size; what falls out
 * of it is told again.
 *
 * Contexts: any, but for ktap_users_create() and ktap_users_free(): process context.
 * Locks: none.  CPUs that race for an entry tell the tool twice.
 */
#include <linux/hash.h>
#include <linux/mm_types.h>
#include <linux/perf_event.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "event.h"

#define SET_BITS		9
#define WAYS			8
#define NR_KNOWN		(WAYS << SET_BITS)

/**
 * struct ktap_users - the processes that the tool knows
 * @ns: where it has numbers for them
 * @known: what was told of them, in sets of WAYS; in each the latest first
 */
struct ktap_users {
	struct pid_namespace *ns;
	u64 known[NR_KNOWN];
};

/**
 * ktap_users_create() - get ready for addresses in processes
 * @s: the session, when it has its image; its reader is who calls
 *
 * Return: 0, or -ENOMEM.
 */
int ktap_users_create(struct ktap_session *s)
{
	struct ktap_users *users;

	if (!ktap_vm_uses(s->vm, KTAP_BI_USTACK) && !ktap_vm_uses(s->vm, KTAP_BI_USYM))
		return 0;
	users = kvzalloc(sizeof(*users), GFP_KERNEL_ACCOUNT);
	if (!users)
		return -ENOMEM;
	users->ns = get_pid_ns(task_active_pid_ns(current));
	s->users = users;
	return 0;
}

/**
 * ktap_users_free() - forget them
 * @s: the session; no handler runs any more
 */
void ktap_users_free(struct ktap_session *s)
{
	if (!s->users)
		return;
	put_pid_ns(s->users->ns);
	kvfree(s->users);
}

/* Tells the tool, unless it knows. */
static void users_tell(struct ktap_session *s, const struct ktap_rec_user *u)
{
	u64 what = u->program ^ (((u64)u->pid << 32) + READ_ONCE(current->mm->exec_vm)) *
		   GOLDEN_RATIO_64;
	u64 *known = s->users->known + hash_32(u->pid, SET_BITS) * WAYS;
	unsigned int i;

	for (i = 0; i < WAYS; i++) {
		if (READ_ONCE(known[i]) == what)
			return;
	}
	/* there may be room the next time */
	if (!ktap_outbuf_try(s->out, KTAP_REC_USER, KTAP_VAL_USTACK, u, sizeof(*u)))
		return;
	for (i = WAYS - 1; i; i--)
		WRITE_ONCE(known[i], READ_ONCE(known[i - 1]));
	WRITE_ONCE(known[0], what);
}

static void user_fill(struct ktap_session *s, struct ktap_rec_user *u)
{
	const struct mm_struct *mm = current->mm;

	u->pid = 0;
	u->pad = 0;
	u->program = 0;
	if (!mm || current->flags & (PF_KTHREAD | PF_USER_WORKER))
		return;
	u->pid = task_tgid_nr_ns(current, s->users->ns);
	u->program = (u64)mm->start_code + mm->end_code + mm->start_stack;
	if (u->pid)
		users_tell(s, u);
}

void ktap_env_user(struct ktap_exec *x, struct ktap_rec_user *u)
{
	user_fill(ktap_vm_env(ktap_exec_vm(x)), u);
}

unsigned int ktap_env_user_stack(struct ktap_exec *x, struct ktap_rec_user *u,
				 unsigned int max)
{
	const struct ktap_event *ev = ktap_exec_event(x);
	struct perf_callchain_entry *stack;
	unsigned int nr;
	bool entry;

	/* the number of frames is where the program will be */
	stack = container_of(&u->program, struct perf_callchain_entry, nr);
	BUILD_BUG_ON(offsetof(struct ktap_rec_user, ip) !=
		     offsetof(struct ktap_rec_user, program) +
		     offsetof(struct perf_callchain_entry, ip));
	entry = ev && ev->site->ops->user_entry && ev->site->ops->user_entry(ev);
	trace_event_tap_user_stack(entry, stack, max);
	nr = stack->nr;
	user_fill(ktap_vm_env(ktap_exec_vm(x)), u);
	return nr;
}
