// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: tracing the tasks of one control group and of those below it.
 *
 * Owns the session's reference to the group. Whether a task belongs to it is
 * looked at when an event happens: tasks come and go, and are moved. A group that
 * is removed has none any more, and the session goes on without events.
 *
 * Contexts: ktap_cgroup_has_current(), any, with preemption disabled; the rest,
 * process context.
 * Locks: none.
 */
#include <linux/cgroup.h>
#include <linux/err.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "event.h"

/**
 * ktap_cgroup_set() - trace only the tasks of a group
 * @s: the session, which is not running yet
 * @fd: descriptor of the group's directory
 *
 * Return: 0, or a negative error: -EBADF if it is none of a group (version 2).
 */
int ktap_cgroup_set(struct ktap_session *s, int fd)
{
	struct cgroup *cgrp = cgroup_get_from_fd(fd);

	if (IS_ERR(cgrp))
		return PTR_ERR(cgrp);
	s->cgroup = cgrp;
	return 0;
}

/**
 * ktap_cgroup_free() - forget the group
 * @s: the session
 */
void ktap_cgroup_free(struct ktap_session *s)
{
	if (s->cgroup)
		cgroup_put(s->cgroup);
}

/**
 * ktap_cgroup_has_current() - whether the current task is in the session's group
 * @s: the session, which has one
 *
 * Context: any, with preemption disabled.
 * Return: whether it is.
 */
bool ktap_cgroup_has_current(const struct ktap_session *s)
{
	const struct css_set *cset;

	if (!rcu_is_watching())
		return false;
	/*
	 * As task_under_cgroup_hierarchy(), without rcu_read_lock(), which can be
	 * probed. That preemption is disabled is as good.
	 */
	cset = rcu_dereference_raw(current->cgroups);
	return cgroup_is_descendant(cset->dfl_cgrp, s->cgroup);
}
