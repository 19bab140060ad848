// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: sessions, that is, open files of /dev/ktap.
 *
 * Owns the device and the life of a session: LOAD, RUN, STOP, read, close. The
 * thread in RUN does everything that may sleep: it executes the main chunk,
 * which attaches events, waits for the end, detaches, and executes the
 * trace_end functions. All that a session has belongs to its file, so that
 * nothing is left when the file is gone, however that comes about.
 *
 * Contexts: process context, but for ktap_session_stop() and
 * ktap_env_stopped(), which may be called in any.
 * Locks: ktap_session.run_lock, a mutex, is held throughout LOAD and RUN.
 */
#define pr_fmt(fmt) "ktap: " fmt

#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/cpumask.h>
#include <linux/fs.h>
#include <linux/instruction_pointer.h>
#include <linux/irq_work.h>
#include <linux/kallsyms.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "event.h"

#define MAX_LOG			4096
#define MAX_ARGS		(64 << 10)
#define MAX_UTC_OFFSET		(48 * 3600)

static int may_trace(void)
{
	if (!perfmon_capable())
		return -EPERM;
	return security_locked_down(LOCKDOWN_TRACEFS);
}

static void session_stop_work(struct irq_work *work)
{
	struct ktap_session *s = container_of(work, struct ktap_session, stop_work);

	wake_up_all(&s->wait);
	if (s->out)
		ktap_outbuf_wake_writers(s->out);
}

/**
 * ktap_session_stop() - end a session
 * @s: the session
 *
 * No event is delivered from here on.
 *
 * Context: any.
 */
void ktap_session_stop(struct ktap_session *s)
{
	struct ktap_vm *vm = READ_ONCE(s->vm);

	WRITE_ONCE(s->stop, true);
	WRITE_ONCE(s->live, false);
	if (vm)
		ktap_vm_request_stop(vm);
	irq_work_queue(&s->stop_work);
}

void ktap_env_stopped(void *env)
{
	ktap_session_stop(env);
}

bool ktap_env_interrupted(void *env)
{
	const struct ktap_session *s = env;

	cond_resched();
	if (fatal_signal_pending(current))
		return true;
	return READ_ONCE(s->stop) && !READ_ONCE(s->ending);
}

/*
 * LOAD
 */

/* A structure whose first member is its size */
static int get_struct(void *to, size_t size, size_t min, const void __user *from)
{
	u32 usize;
	int ret;

	if (get_user(usize, (const u32 __user *)from))
		return -EFAULT;
	if (usize < min || usize > PAGE_SIZE)
		return -EINVAL;
	ret = copy_struct_from_user(to, size, from, usize);
	*(u32 *)to = usize;
	return ret;
}

static int put_text(u64 to, u32 size, const char *text)
{
	size_t len = strlen(text);

	if (!to || !size)
		return 0;
	len = min_t(size_t, len, size - 1);
	if (copy_to_user(u64_to_user_ptr(to), text, len) ||
	    put_user('\0', (char __user *)u64_to_user_ptr(to) + len))
		return -EFAULT;
	return 0;
}

/* Strings in a row, of @size bytes, which are not none */
static char *session_get_strings(u64 from, u32 size)
{
	char *p = memdup_user(u64_to_user_ptr(from), size);

	if (IS_ERR(p) || !p[size - 1])
		return p;
	kfree(p);
	return ERR_PTR(-EINVAL);
}

/* Those of the script's arguments or options, handed to @set */
static int session_load_strings(struct ktap_session *s, u64 from, u32 size,
				int (*set)(struct ktap_vm *vm, const char *p, size_t size))
{
	char *p;
	int ret;

	if (!size)
		return 0;
	p = session_get_strings(from, size);
	if (IS_ERR(p))
		return PTR_ERR(p);
	ret = set(s->vm, p, size);
	kfree(p);
	return ret;
}

static int session_load_pmus(struct ktap_session *s, u64 from, u32 size)
{
	char *p;

	if (!size)
		return 0;
	p = session_get_strings(from, size);
	if (IS_ERR(p))
		return PTR_ERR(p);
	s->pmus = p;
	s->pmus_size = size;
	return 0;
}

/* Which CPU and which threads to trace */
static int session_load_filter(struct ktap_session *s, const struct ktap_load *load,
			       struct ktap_log *log)
{
	int ret;

	s->cpu = -1;
	s->filtered = load->pid || load->flags & (KTAP_LOAD_ONE_CPU | KTAP_LOAD_CGROUP);
	if (load->flags & KTAP_LOAD_ONE_CPU) {
		if (load->cpu >= nr_cpu_ids || !cpu_online(load->cpu)) {
			ktap_log(log, "cpu %u is not online", load->cpu);
			return -EINVAL;
		}
		s->cpu = load->cpu;
	}
	if (load->flags & KTAP_LOAD_CGROUP) {
		ret = ktap_cgroup_set(s, load->cgroup);
		if (ret) {
			ktap_log(log, ret == -EOPNOTSUPP ?
				 "this kernel has no control groups (CONFIG_CGROUPS)" :
				 "that is no control group, or none of version 2");
			return ret;
		}
	}
	if (!load->pid)
		return 0;
	ret = ktap_pids_set(s, load->pid);
	if (ret)
		ktap_log(log, ret == -ESRCH ? "there is no process %u" :
			 "no memory to trace process %u", load->pid);
	return ret;
}

/*
 * Whether the script may change results. They are the kernel's means of injecting
 * errors, which otherwise are in debugfs; so a lockdown that closes that, to keep
 * the kernel what it is, closes this.
 */
static int session_load_write(struct ktap_session *s, const struct ktap_load *load,
			      struct ktap_log *log)
{
	if (!(load->flags & KTAP_LOAD_WRITE)) {
		if (!ktap_vm_uses(s->vm, KTAP_BI_EV_SET_RETVAL))
			return 0;
		ktap_log(log, "the script changes results (e.set_retval): run ktap with -w");
		return -EPERM;
	}
	if (!capable(CAP_SYS_ADMIN)) {
		ktap_log(log, "to change results (-w) needs CAP_SYS_ADMIN");
		return -EPERM;
	}
	if (security_locked_down(LOCKDOWN_DEBUGFS)) {
		ktap_log(log, "the kernel is locked down, and lets nobody change results (-w)");
		return -EPERM;
	}
	s->write = true;
	/* whether it does may depend on what happens: a member's name can be computed */
	pr_warn("%s[%d] runs a script that may change results of functions and system calls\n",
		current->comm, task_tgid_nr(current));
	return 0;
}

static int session_load_parts(struct ktap_session *s, const struct ktap_load *load,
			      const void *image, struct ktap_log *log)
{
	struct ktap_vm_params params = {
		.mem_limit = load->mem_limit,
		.main_budget = load->main_budget,
		.handler_budget = load->handler_budget,
	};
	struct ktap_outbuf *out;
	struct ktap_vm *vm;
	int ret;

	vm = ktap_vm_create(image, load->image_size, &params, s, log);
	if (IS_ERR_OR_NULL(vm))
		return vm ? PTR_ERR(vm) : -EINVAL;
	WRITE_ONCE(s->vm, vm);

	ret = session_load_write(s, load, log);
	if (ret)
		return ret;
	ret = session_load_strings(s, load->args, load->args_size, ktap_vm_set_args);
	if (ret) {
		ktap_log(log, "the script's arguments cannot be used");
		return ret;
	}
	ret = session_load_strings(s, load->options, load->options_size,
				   ktap_vm_set_options);
	if (ret) {
		ktap_log(log, "the script's options cannot be used");
		return ret;
	}
	ret = session_load_filter(s, load, log);
	if (ret)
		return ret;
	ret = ktap_users_create(s);
	if (ret) {
		ktap_log(log, "no memory for the numbers of processes");
		return ret;
	}
	ret = session_load_pmus(s, load->pmus, load->pmus_size);
	if (ret) {
		ktap_log(log, "the terms of perf events cannot be used");
		return ret;
	}
	s->utc_offset = load->utc_offset;
	s->utc_offset_next = load->utc_offset_next;
	s->utc_change = load->utc_change;
	if (load->flags & KTAP_LOAD_NOT_SELF)
		s->self = task_tgid_nr(current);
	out = ktap_outbuf_create(s, load->buffer_kb);
	if (IS_ERR(out)) {
		ktap_log(log, "no memory for the output buffer");
		return PTR_ERR(out);
	}
	/* pairs with read() and poll(), which do not take run_lock */
	smp_store_release(&s->out, out);
	return 0;
}

static void session_unload(struct ktap_session *s)
{
	if (s->out)
		ktap_outbuf_destroy(s->out);
	ktap_late_free(s);
	ktap_events_free(s);
	ktap_pids_free(s);
	ktap_cgroup_free(s);
	kfree(s->pmus);
	if (s->vm)
		ktap_vm_destroy(s->vm);
	ktap_users_free(s);
}

/* Nobody's clock is two days off. */
static bool bad_offset(s32 seconds)
{
	return seconds < -MAX_UTC_OFFSET || seconds > MAX_UTC_OFFSET;
}

static int session_load(struct ktap_session *s, struct ktap_load __user *u)
{
	struct ktap_load load;
	struct ktap_log log = { .size = MAX_LOG };
	void *image;
	int ret;

	ret = may_trace();
	if (ret)
		return ret;
	ret = get_struct(&load, sizeof(load), offsetofend(struct ktap_load, log_size), u);
	if (ret)
		return ret;
	if (load.flags & ~(KTAP_LOAD_NOT_SELF | KTAP_LOAD_ONE_CPU | KTAP_LOAD_CGROUP |
			   KTAP_LOAD_WRITE) ||
	    (load.cgroup && !(load.flags & KTAP_LOAD_CGROUP)) ||
	    load.args_size > MAX_ARGS || load.options_size > MAX_ARGS ||
	    load.pmus_size > MAX_ARGS ||
	    (load.cpu && !(load.flags & KTAP_LOAD_ONE_CPU)) ||
	    bad_offset(load.utc_offset) || bad_offset(load.utc_offset_next))
		return -EINVAL;
	if (s->state != KTAP_S_NEW)
		return -EBUSY;

	log.buf = kzalloc(log.size, GFP_KERNEL);
	if (!log.buf)
		return -ENOMEM;

	if (!load.image_size || load.image_size > KTAP_MAX_IMAGE) {
		ktap_log(&log, "an image has between 1 and %u bytes", KTAP_MAX_IMAGE);
		ret = -EINVAL;
		goto out;
	}
	image = vmemdup_user(u64_to_user_ptr(load.image), load.image_size);
	if (IS_ERR(image)) {
		ret = PTR_ERR(image);
		goto out;
	}
	/* From here on, what fails leaves a session that is of no use. */
	s->state = KTAP_S_ENDED;
	ret = session_load_parts(s, &load, image, &log);
	kvfree(image);
	if (!ret)
		s->state = KTAP_S_LOADED;
out:
	if (put_text(load.log, load.log_size, log.buf) && !ret)
		ret = -EFAULT;
	kfree(log.buf);
	return ret;
}

static int session_targets(struct ktap_session *s, struct ktap_targets __user *u)
{
	struct ktap_targets targets;
	int ret = may_trace();

	if (ret)
		return ret;
	ret = get_struct(&targets, sizeof(targets), sizeof(targets), u);
	if (ret)
		return ret;
	if (targets.flags || s->state != KTAP_S_LOADED)
		return -EINVAL;
	return ktap_targets_set(s, targets.sets, targets.bytes);
}

/*
 * RUN
 */

/**
 * ktap_session_start() - all events begin to be delivered
 * @s: the session; when its main chunk has ended or sleeps
 *
 * Return: 0, or a negative error, see ktap_session_why_not().
 */
int ktap_session_start(struct ktap_session *s)
{
	s64 nr = s->nr_events;
	int ret;

	if (!s->texts) {
		ret = ktap_texts_get();
		if (ret)
			return ret;
		s->texts = true;
		ktap_watch_get();
	}
	ret = ktap_pids_start(s);
	if (ret)
		return ret;
	ret = ktap_syscalls_start(s);
	if (ret)
		return ret;
	if (!s->started)
		s->start_ns = ktime_get_mono_fast_ns();
	ktap_kprobes_start(s);
	ret = ktap_perfs_start(s);
	if (ret)
		return ret;
	ktap_dynamic_start(s);
	ret = ktap_timers_start(s);
	if (ret)
		return ret;
	if (s->started) {
		if (!READ_ONCE(s->off))
			smp_store_release(&s->live, true); /* pairs with ktap_session_live() */
		return 0;
	}
	s->started = true;
	/* who reads this record may rely on it; what happens comes after it */
	return ktap_outbuf_put(s->out, KTAP_REC_STARTED, KTAP_VAL_INT, &nr, sizeof(nr),
			       &s->live);
}

/**
 * ktap_session_why_not() - why events could not be started
 * @error: what ktap_session_start() returned
 *
 * Return: the reason, for people.
 */
const char *ktap_session_why_not(int error)
{
	return error == -ESRCH ? "the process to trace is gone" :
	       error == -ENOMEM ? "no memory to start the events" :
	       error == -EBUSY ? "the CPUs have too few counters for all of the perf events" :
	       "the events could not be started";
}

/* Whether there is no reason left to go on */
static bool session_over(struct ktap_session *s)
{
	return READ_ONCE(s->stop) || ktap_pids_gone(s);
}

/*
 * Whether a signal ends the session. Being stopped (SIGSTOP, a debugger, the
 * freezer) does not: RUN is then left, and entered again by the restart of the
 * system call, while events go on. Without the lock of the signals: what comes
 * or goes meanwhile is seen before or after that restart.
 */
static bool session_signalled(void)
{
	sigset_t pending;

	sigorsets(&pending, &current->pending.signal,
		  &current->signal->shared_pending.signal);
	sigandnsets(&pending, &pending, &current->blocked);
	sigdelsetmask(&pending, SIG_KERNEL_STOP_MASK);
	return !sigisemptyset(&pending);
}

/* The main chunk, trace_begin, and the start of the events */
static int session_begin(struct ktap_session *s)
{
	int ret;

	s->start_ns = ktime_get_mono_fast_ns();
	ret = ktap_vm_run_main(s->vm);
	if (!ret && !READ_ONCE(s->stop))
		ret = ktap_vm_run_begin(s->vm);
	if (!ret && s->nr_events && !session_over(s) && !ktap_vm_failed(s->vm))
		ret = ktap_session_start(s);
	/* it was told to stop, which is not an error */
	if (ret == -EINTR && !session_signalled())
		ret = 0;
	return ret;
}

/* No event is delivered any more, and no handler runs. */
static void session_detach(struct ktap_session *s)
{
	ktap_events_detach(s);
	if (s->texts) {
		ktap_texts_put();
		ktap_watch_put();
	}
	s->texts = false;
}

/* -ERESTARTNOINTR: it has not ended, and is entered again */
static int session_execute(struct ktap_session *s)
{
	int ret = 0;

	if (s->state == KTAP_S_LOADED) {
		WRITE_ONCE(s->owner, current->files);
		WRITE_ONCE(s->state, KTAP_S_RUNNING);
		ret = session_begin(s);
	}
	if (s->texts && !ret) {
		ret = wait_event_interruptible(s->wait, session_over(s));
		if (ret && !session_signalled())
			return -ERESTARTNOINTR;
		if (ret)
			ret = -EINTR;
	}

	session_detach(s);
	ktap_late_end(s);
	WRITE_ONCE(s->ending, true);
	if (!fatal_signal_pending(current))
		ktap_vm_run_end(s->vm);
	else
		ret = -EINTR;
	ktap_outbuf_end(s->out);
	WRITE_ONCE(s->state, KTAP_S_ENDED);
	return ktap_vm_failed(s->vm) ? -EIO : ret;
}

static int session_report(struct ktap_session *s, struct ktap_run *run, int error)
{
	const char *text = ktap_vm_failed(s->vm) ? ktap_vm_error_text(s->vm) : "";
	u64 loss[KTAP_LOSS_NR];
	int i, ret;

	if ((error == -ENOMEM || error == -ESRCH || error == -EBUSY) && !*text)
		text = ktap_session_why_not(error);
	ret = put_text(run->error, run->error_size, text ?: "");
	if (ret)
		return ret;

	for (i = 0; i < KTAP_LOSS_NR; i++)
		loss[i] = ktap_vm_losses(s->vm, i);
	if (run->loss && copy_to_user(u64_to_user_ptr(run->loss), loss,
				      min_t(size_t, run->loss_nr, KTAP_LOSS_NR) * sizeof(u64)))
		return -EFAULT;
	run->loss_nr = KTAP_LOSS_NR;
	run->exit_code = ktap_vm_exit_code(s->vm);
	return 0;
}

static int session_run(struct ktap_session *s, struct ktap_run __user *u)
{
	struct ktap_run run;
	int ret, err;

	ret = may_trace();
	if (ret)
		return ret;
	ret = get_struct(&run, sizeof(run), sizeof(run), u);
	if (ret)
		return ret;
	if (run.flags || run.pad)
		return -EINVAL;
	if (s->state == KTAP_S_NEW)
		return -EINVAL;
	/* We have the lock: one that runs has been left, and goes on. */
	if (s->state != KTAP_S_LOADED &&
	    !(s->state == KTAP_S_RUNNING && s->owner == current->files))
		return -EBUSY;

	ret = session_execute(s);
	if (ret == -ERESTARTNOINTR)
		return ret;

	err = session_report(s, &run, ret);
	if (!err && copy_to_user(u, &run, min_t(size_t, run.size, sizeof(run))))
		err = -EFAULT;
	return ret ?: err;
}

/*
 * The device
 */

static int ktap_open(struct inode *inode, struct file *file)
{
	struct ktap_session *s;
	int ret;

	ret = may_trace();
	if (ret)
		return ret;
	s = kzalloc(sizeof(*s), GFP_KERNEL);
	if (!s)
		return -ENOMEM;
	mutex_init(&s->run_lock);
	init_waitqueue_head(&s->wait);
	init_irq_work(&s->stop_work, session_stop_work);
	INIT_LIST_HEAD(&s->sites);
	INIT_LIST_HEAD(&s->taps);
	s->show_symbols = kallsyms_show_value(file->f_cred);
	file->private_data = s;
	return stream_open(inode, file);
}

/*
 * End a session whose RUN was left to be entered again: the thread may have been
 * killed meanwhile, and others may have the file, so that release() is far.
 */
static void session_end_left(struct ktap_session *s)
{
	/* who has the lock looks at @stop after it */
	if (!mutex_trylock(&s->run_lock))
		return;
	if (s->state == KTAP_S_RUNNING) {
		session_detach(s);
		ktap_outbuf_end(s->out);
		WRITE_ONCE(s->state, KTAP_S_ENDED);
	}
	mutex_unlock(&s->run_lock);
}

/*
 * RUN holds a reference to the file, so that release() cannot end it. A close
 * in the process that runs the session does; one in a child that has the file
 * by inheritance does not.
 */
static int ktap_flush(struct file *file, fl_owner_t id)
{
	struct ktap_session *s = file->private_data;

	if (READ_ONCE(s->state) == KTAP_S_RUNNING && READ_ONCE(s->owner) == id) {
		ktap_session_stop(s);
		smp_mb(); /* pairs with ktap_ioctl() */
		session_end_left(s);
	}
	return 0;
}

static int ktap_release(struct inode *inode, struct file *file)
{
	struct ktap_session *s = file->private_data;

	/* the thread in RUN was stopped, and killed */
	if (s->state == KTAP_S_RUNNING)
		session_detach(s);
	irq_work_sync(&s->stop_work);
	session_unload(s);
	mutex_destroy(&s->run_lock);
	kfree(s);
	return 0;
}

static long ktap_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct ktap_session *s = file->private_data;
	void __user *p = (void __user *)arg;
	long ret;

	/* The size in the number is that of this kernel's structure. */
	switch (cmd & ~IOCSIZE_MASK) {
	case KTAP_IOC_LOAD & ~IOCSIZE_MASK:
	case KTAP_IOC_TARGETS & ~IOCSIZE_MASK:
	case KTAP_IOC_RUN & ~IOCSIZE_MASK:
		if (!mutex_trylock(&s->run_lock))
			return -EBUSY;
		s->run_ip = _RET_IP_;
		if ((cmd & ~IOCSIZE_MASK) == (KTAP_IOC_LOAD & ~IOCSIZE_MASK))
			ret = session_load(s, p);
		else if ((cmd & ~IOCSIZE_MASK) == (KTAP_IOC_TARGETS & ~IOCSIZE_MASK))
			ret = session_targets(s, p);
		else
			ret = session_run(s, p);
		mutex_unlock(&s->run_lock);
		smp_mb(); /* pairs with ktap_flush() */
		if (ret == -ERESTARTNOINTR && READ_ONCE(s->stop))
			session_end_left(s);
		return ret;
	case KTAP_IOC_STOP & ~IOCSIZE_MASK:
		ktap_session_stop(s);
		return 0;
	default:
		return -ENOTTY;
	}
}

static ssize_t ktap_read(struct file *file, char __user *buf, size_t size, loff_t *ppos)
{
	struct ktap_session *s = file->private_data;
	struct ktap_outbuf *out;

	out = smp_load_acquire(&s->out); /* pairs with session_load_parts() */
	if (!out)
		return -EINVAL;
	return ktap_outbuf_read(out, buf, size, file->f_flags & O_NONBLOCK);
}

static __poll_t ktap_poll(struct file *file, poll_table *wait)
{
	struct ktap_session *s = file->private_data;
	struct ktap_outbuf *out;

	out = smp_load_acquire(&s->out); /* pairs with session_load_parts() */
	if (!out)
		return EPOLLERR;
	poll_wait(file, ktap_outbuf_waitqueue(out), wait);
	return ktap_outbuf_readable(out) ? EPOLLIN | EPOLLRDNORM : 0;
}

static const struct file_operations ktap_fops = {
	.owner		= THIS_MODULE,
	.open		= ktap_open,
	.flush		= ktap_flush,
	.release	= ktap_release,
	.unlocked_ioctl	= ktap_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.read		= ktap_read,
	.poll		= ktap_poll,
};

static struct miscdevice ktap_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "ktap",
	.fops	= &ktap_fops,
	.mode	= 0600,
};

static int __init ktap_init(void)
{
	int ret = ktap_timers_init();

	if (ret)
		return ret;
	ret = ktap_perfs_init();
	if (ret)
		goto no_perfs;
	ret = misc_register(&ktap_device);
	if (!ret)
		return 0;
	ktap_perfs_exit();
no_perfs:
	ktap_timers_exit();
	return ret;
}

static void __exit ktap_exit(void)
{
	misc_deregister(&ktap_device);
	ktap_perfs_exit();
	ktap_timers_exit();
}

module_init(ktap_init);
module_exit(ktap_exit);

MODULE_DESCRIPTION("ktap, a scripting dynamic tracer");
MODULE_LICENSE("GPL");
