// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: tracing one process and what it creates.
 *
 * Owns the set of threads of a session that has one: a bitmap by thread number
 * in the initial namespace, so that the check before each event is one bit
 * test, in any context. (trace_pid_list takes a lock for that, which an NMI
 * must not.) It is kept by one probe on task_newtask, which every new thread
 * passes before it runs, those of io_uring and vhost too, and which gives it
 * what its creator has. So the numbers of threads that are gone need not be
 * cleared.
 *
 * Contexts: process context, but for the probe.
 * Locks: none; bits are changed atomically.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/threads.h>
#include <linux/tracepoint.h>

#include "event.h"

struct find {
	const char *name;
	struct tracepoint *tp;
};

static void find_one(struct tracepoint *tp, void *data)
{
	struct find *find = data;

	if (!strcmp(tp->name, find->name))
		find->tp = tp;
}

/**
 * ktap_find_tracepoint() - find a tracepoint of the kernel, not of a module
 * @name: its name
 *
 * Return: the tracepoint or NULL.
 */
struct tracepoint *ktap_find_tracepoint(const char *name)
{
	struct find find = { .name = name };

	for_each_kernel_tracepoint(find_one, &find);
	return find.tp;
}

static void pids_newtask(void *data, struct task_struct *child, unsigned long clone_flags)
{
	const struct task_struct *parent = current;
	struct ktap_session *s = data;

	if ((unsigned int)child->pid >= s->nr_pids)
		return;
	/*
	 * Cleared before the parent is looked at: if ktap_pids_start() has not
	 * come to the parent yet, it comes to the child after that.
	 */
	clear_bit(child->pid, s->pids);
	smp_mb__after_atomic(); /* pairs with ktap_pids_start() */
	if ((unsigned int)parent->pid < s->nr_pids && test_bit(parent->pid, s->pids))
		set_bit(child->pid, s->pids);
}

static int pids_exited(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct ktap_session *s = container_of(wait, struct ktap_session, tgid_wait);

	wake_up(&s->wait);
	return 0;
}

/**
 * ktap_pids_set() - trace only one process and what it creates
 * @s: the session, which is not running yet
 * @nr: a thread of the process, in the caller's namespace
 *
 * Return: 0, -ESRCH, or -ENOMEM.
 */
int ktap_pids_set(struct ktap_session *s, pid_t nr)
{
	struct task_struct *task;

	rcu_read_lock();
	task = pid_task(find_vpid(nr), PIDTYPE_PID);
	if (task)
		s->tgid = get_pid(task_tgid(task));
	rcu_read_unlock();
	if (!s->tgid)
		return -ESRCH;

	s->nr_pids = PID_MAX_LIMIT;
	s->pids = kvcalloc(BITS_TO_LONGS(s->nr_pids), sizeof(long), GFP_KERNEL);
	return s->pids ? 0 : -ENOMEM;
}

/**
 * ktap_pids_start() - begin to keep the set of threads, if that has not begun
 * @s: the session
 *
 * Return: 0, or a negative error.
 */
int ktap_pids_start(struct ktap_session *s)
{
	struct task_struct *leader, *thread;
	struct tracepoint *tp;
	int ret;

	if (!s->pids || s->newtask_tp)
		return 0;

	tp = ktap_find_tracepoint("task_newtask");
	if (!tp)
		return -ENOENT;
	/* First of all its probes, so that this event of the child itself counts. */
	ret = tracepoint_probe_register_prio(tp, pids_newtask, s, INT_MAX);
	if (ret)
		return ret;
	s->newtask_tp = tp;

	/*
	 * From here on no thread is missed. Those that are there now, each after
	 * the one that created it:
	 */
	rcu_read_lock();
	leader = pid_task(s->tgid, PIDTYPE_TGID);
	if (leader) {
		for_each_thread(leader, thread) {
			set_bit(thread->pid, s->pids);
			smp_mb__after_atomic(); /* pairs with pids_newtask() */
		}
	}
	rcu_read_unlock();

	init_waitqueue_func_entry(&s->tgid_wait, pids_exited);
	add_wait_queue(&s->tgid->wait_pidfd, &s->tgid_wait);
	return leader ? 0 : -ESRCH;
}

/**
 * ktap_pids_stop() - end keeping the set of threads
 * @s: the session
 *
 * The caller waits for the probe (tracepoint_synchronize_unregister()).
 */
void ktap_pids_stop(struct ktap_session *s)
{
	if (!s->newtask_tp)
		return;
	remove_wait_queue(&s->tgid->wait_pidfd, &s->tgid_wait);
	tracepoint_probe_unregister(s->newtask_tp, pids_newtask, s);
	s->newtask_tp = NULL;
}

/**
 * ktap_pids_free() - free the set of threads
 * @s: the session
 */
void ktap_pids_free(struct ktap_session *s)
{
	kvfree(s->pids);
	put_pid(s->tgid);
}

/**
 * ktap_pids_gone() - whether the traced process has exited
 * @s: the session
 *
 * Return: false if all processes are traced.
 */
bool ktap_pids_gone(struct ktap_session *s)
{
	struct task_struct *leader;
	bool gone;

	if (!s->tgid)
		return false;
	rcu_read_lock();
	leader = pid_task(s->tgid, PIDTYPE_TGID);
	gone = !leader || (READ_ONCE(leader->exit_state) && thread_group_empty(leader));
	rcu_read_unlock();
	return gone;
}
