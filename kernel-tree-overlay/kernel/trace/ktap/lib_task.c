// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: builtins about tasks, the CPU, the kernel and time.
 *
 * Numbers of processes, threads and users are those of the initial namespaces,
 * as in the kernel's own traces: an event has no reader whose namespace could
 * be meant.
 *
 * Contexts: any.
 * Locks: none.
 */
#include <linux/cgroup.h>
#include <linux/cpumask.h>
#include <linux/cred.h>
#include <linux/kallsyms.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/topology.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>
#include <linux/utsname.h>

#include "event.h"

#define INT_BUILTIN(ID, value)						\
int ktap_bi_##ID(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs) \
{									\
	ktap_set_int(&args[0], value);					\
	return 0;							\
}

static pid_t parent_tgid(void)
{
	guard(rcu)();
	return task_tgid_nr(rcu_dereference(current->real_parent));
}

static u64 elapsed(struct ktap_exec *x)
{
	const struct ktap_session *s = ktap_vm_env(ktap_exec_vm(x));

	return ktime_get_mono_fast_ns() - s->start_ns;
}

#ifdef CONFIG_CGROUPS
static u64 current_cgroup(void)
{
	guard(rcu)();
	/* where an inode's number has 32 bits, the group's own has more in front of it */
	return kernfs_ino(task_dfl_cgroup(current)->kn);
}
#else
static u64 current_cgroup(void)
{
	return 0;
}
#endif

INT_BUILTIN(CPU, raw_smp_processor_id())
INT_BUILTIN(PID, task_tgid_nr(current))
INT_BUILTIN(TID, task_pid_nr(current))
INT_BUILTIN(PPID, parent_tgid())
INT_BUILTIN(UID, from_kuid_munged(&init_user_ns, current_uid()))
INT_BUILTIN(GID, from_kgid_munged(&init_user_ns, current_gid()))
INT_BUILTIN(EUID, from_kuid_munged(&init_user_ns, current_euid()))
INT_BUILTIN(NODE, numa_node_id())
INT_BUILTIN(CGROUP, current_cgroup())
INT_BUILTIN(NUM_CPUS, num_online_cpus())
INT_BUILTIN(NSECS, ktime_get_mono_fast_ns())
INT_BUILTIN(ELAPSED, elapsed(x))
INT_BUILTIN(OS_CLOCK, elapsed(x))
INT_BUILTIN(GTOD_NS, ktime_get_real_fast_ns())
INT_BUILTIN(GTOD_US, div_u64(ktime_get_real_fast_ns(), NSEC_PER_USEC))
INT_BUILTIN(GTOD_MS, div_u64(ktime_get_real_fast_ns(), NSEC_PER_MSEC))
INT_BUILTIN(GTOD_S, div_u64(ktime_get_real_fast_ns(), NSEC_PER_SEC))

int ktap_bi_IN_INTERRUPT(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	ktap_set_bool(&args[0], in_interrupt());
	return 0;
}

int ktap_bi_IN_IOWAIT(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	ktap_set_bool(&args[0], current->in_iowait);
	return 0;
}

static int set_comm(struct ktap_exec *x, const struct task_struct *task,
		    struct ktap_val *out)
{
	struct ktap_str *s = ktap_str_alloc(x, TASK_COMM_LEN - 1);
	ssize_t len;

	if (!s)
		return -EIO;
	/*
	 * Without the lock that writers take: a name that is just changing
	 * may come out as a mixture, but ends where the array does.
	 */
	len = strscpy(s->data, task->comm, TASK_COMM_LEN);
	s->len = len < 0 ? TASK_COMM_LEN - 1 : len;
	*out = (struct ktap_val){ .s = s, .type = KTAP_STR };
	return 0;
}

/* execname, or execname(pid): nil if there is no such task */
int ktap_bi_EXECNAME(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	const struct task_struct *task;
	s64 nr;

	if (!nargs)
		return set_comm(x, current, &args[0]);
	if (args[0].type == KTAP_NIL)
		return 0;
	if (args[0].type != KTAP_INT)
		return ktap_error(x, "execname() takes the number of a process or thread");
	nr = args[0].i;
	ktap_set_nil(&args[0]);
	guard(rcu)();
	task = nr > 0 && nr <= INT_MAX ? pid_task(find_pid_ns(nr, &init_pid_ns), PIDTYPE_PID) :
	       NULL;
	return task ? set_comm(x, task, &args[0]) : 0;
}

/* curr_taskinfo(offset [, 4|8]): of struct task_struct */
int ktap_bi_CURR_TASKINFO(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	s64 size = 4;
	u64 off;
	s32 v4;
	s64 v8;

	if (nargs > 1 && args[1].type == KTAP_INT)
		size = args[1].i;
	if (args[0].type != KTAP_INT ||
	    (nargs > 1 && args[1].type != KTAP_INT && args[1].type != KTAP_NIL))
		return ktap_error(x, "curr_taskinfo() takes an offset, and 4 or 8");
	if (size != 4 && size != 8)
		return ktap_error(x, "unsupported fetch bytes in curr_task_info: %lld", size);
	off = args[0].i;
	if (off > sizeof(struct task_struct) - size)
		return ktap_error(x, "access out of bound value of task_struct: %lld of %zu bytes",
				  args[0].i, sizeof(struct task_struct));
	/* it is there, but parts of it may be those of a guarded page */
	if (copy_from_kernel_nofault(size == 4 ? (void *)&v4 : &v8, (char *)current + off,
				     size)) {
		ktap_vm_lost(ktap_exec_vm(x), KTAP_LOSS_FAULT, 1);
		ktap_set_nil(&args[0]);
		return 0;
	}
	ktap_set_int(&args[0], size == 4 ? v4 : v8);
	return 0;
}

/* ksym(address [, false]): with the offset in it, or without */
int ktap_bi_KSYM(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	const struct ktap_session *session = ktap_vm_env(ktap_exec_vm(x));
	bool offset = true;
	struct ktap_str *s;
	u64 addr;
	int len;

	if (nargs > 1 && args[1].type != KTAP_NIL)
		offset = args[1].type != KTAP_BOOL || args[1].i;
	if (args[0].type == KTAP_NIL)
		return 0;
	if (args[0].type != KTAP_INT)
		return ktap_error(x, "ksym() takes an address");
	/* with an address and its symbol one knows where the kernel is */
	if (!session->show_symbols)
		return ktap_error(x, "ksym() is not for you: see /proc/sys/kernel/kptr_restrict");
	s = ktap_str_alloc(x, KSYM_SYMBOL_LEN);
	if (!s)
		return -EIO;
	addr = args[0].i;
	if (!ktap_is_addr(addr))
		len = 0;
	else if (offset)
		len = sprint_symbol(s->data, addr);
	else
		len = sprint_symbol_no_offset(s->data, addr);
	if (len <= 0)
		len = scnprintf(s->data, KSYM_SYMBOL_LEN, "0x%llx", addr);
	ktap_str_shrink(x, s, len);
	args[0] = (struct ktap_val){ .s = s, .type = KTAP_STR };
	return 0;
}

int ktap_bi_OS_INFO(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	struct ktap_str *s = ktap_str_alloc(x, 3 * (__NEW_UTS_LEN + 1));
	const struct new_utsname *u = &init_uts_ns.name;

	if (!s)
		return -EIO;
	ktap_str_shrink(x, s, scnprintf(s->data, s->len, "%.64s %.64s %.64s", u->sysname,
					u->release, u->machine));
	args[0] = (struct ktap_val){ .s = s, .type = KTAP_STR };
	return 0;
}

int ktap_bi_ARCH(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	const char *s = init_uts_ns.name.machine;

	return ktap_set_str(x, &args[0], s, strnlen(s, __NEW_UTS_LEN));
}

int ktap_bi_KERNEL_V(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	const char *s = init_uts_ns.name.release;

	return ktap_set_str(x, &args[0], s, strnlen(s, __NEW_UTS_LEN));
}
