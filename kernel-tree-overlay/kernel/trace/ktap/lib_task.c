// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: builtins about the current task, the CPU, the kernel and time.
 *
 * Numbers of processes, threads and users are those of the initial namespaces,
 * as in the kernel's own traces: an event has no reader whose namespace could
 * be meant.
 *
 * Contexts: any.
 * Locks: none.
 */
#include <linux/cpumask.h>
#include <linux/cred.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
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

INT_BUILTIN(CPU, raw_smp_processor_id())
INT_BUILTIN(PID, task_tgid_nr(current))
INT_BUILTIN(TID, task_pid_nr(current))
INT_BUILTIN(PPID, parent_tgid())
INT_BUILTIN(UID, from_kuid_munged(&init_user_ns, current_uid()))
INT_BUILTIN(GID, from_kgid_munged(&init_user_ns, current_gid()))
INT_BUILTIN(EUID, from_kuid_munged(&init_user_ns, current_euid()))
INT_BUILTIN(NUM_CPUS, num_online_cpus())
INT_BUILTIN(NSECS, ktime_get_mono_fast_ns())
INT_BUILTIN(ELAPSED, elapsed(x))
INT_BUILTIN(GTOD_NS, ktime_get_real_fast_ns())
INT_BUILTIN(GTOD_US, div_u64(ktime_get_real_fast_ns(), NSEC_PER_USEC))
INT_BUILTIN(GTOD_MS, div_u64(ktime_get_real_fast_ns(), NSEC_PER_MSEC))
INT_BUILTIN(GTOD_S, div_u64(ktime_get_real_fast_ns(), NSEC_PER_SEC))

int ktap_bi_IN_INTERRUPT(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	ktap_set_bool(&args[0], in_interrupt());
	return 0;
}

int ktap_bi_EXECNAME(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	struct ktap_str *s = ktap_str_alloc(x, TASK_COMM_LEN - 1);
	ssize_t len;

	if (!s)
		return -EIO;
	/*
	 * Without the lock that writers take: a name that is just changing
	 * may come out as a mixture, but ends where the array does.
	 */
	len = strscpy(s->data, current->comm, TASK_COMM_LEN);
	s->len = len < 0 ? TASK_COMM_LEN - 1 : len;
	*args = (struct ktap_val){ .s = s, .type = KTAP_STR };
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
