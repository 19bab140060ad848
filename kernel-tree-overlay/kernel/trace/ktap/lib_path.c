// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: path(), the name of an open file.
 *
 * To walk from a file to the root takes locks of the file system when somebody
 * renames or mounts meanwhile. Where a system call begins or ends no lock is held
 * by the task, so there it can be done, with preemption disabled as in any
 * handler; in other events the task may hold the very lock.
 *
 * Contexts: handlers of system calls; setup.
 * Locks: those of d_path().
 */
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/preempt.h>
#include <linux/string.h>

#include "event.h"

/* Where spinning locks sleep, a handler may not take them at all. */
static bool path_allowed(const struct ktap_exec *x)
{
	const struct ktap_event *ev = ktap_exec_event(x);

	if (ktap_exec_may_sleep(x))
		return true;
	return ev && ev->site->sc_nr >= 0 && in_task() && !IS_ENABLED(CONFIG_PREEMPT_RT);
}

/* path(fd): of a file descriptor of the current process; nil if it has no such */
int ktap_bi_PATH(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	struct file *file;
	struct ktap_str *s;
	char *path;
	s64 fd;

	if (args[0].type == KTAP_NIL)
		return 0;
	if (args[0].type != KTAP_INT)
		return ktap_error(x, "path() takes the number of a file descriptor");
	if (!path_allowed(x))
		return ktap_error(x, "path() is for system calls: others may hold its locks");
	fd = args[0].i;
	ktap_set_nil(&args[0]);
	file = fd >= 0 && fd <= INT_MAX ? fget_raw(fd) : NULL;
	if (!file)
		return 0;
	s = ktap_str_alloc(x, KTAP_MAX_STR);
	if (!s) {
		fput(file);
		return -EIO;
	}
	/* at the end of the room, with a NUL */
	path = d_path(&file->f_path, s->data, KTAP_MAX_STR);
	fput(file);
	if (IS_ERR(path)) {
		ktap_vm_lost(ktap_exec_vm(x), KTAP_LOSS_STRING, 1);
		ktap_str_shrink(x, s, 0);
		return 0;
	}
	memmove(s->data, path, strlen(path) + 1);
	ktap_str_shrink(x, s, strlen(s->data));
	ktap_exec_charge(x, 128 + s->len / 4);
	args[0] = (struct ktap_val){ .s = s, .type = KTAP_STR };
	return 0;
}
