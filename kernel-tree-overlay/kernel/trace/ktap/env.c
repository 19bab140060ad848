// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: what the library of the VM asks of the kernel: time, memory, sleep, and
 * the structures of the network.
 *
 * Memory is read with page faults disabled, in any context, at any address:
 * what is not there is an error.
 *
 * Contexts: any, but for ktap_env_sleep(): setup.
 * Locks: none.
 */
#include <linux/compat.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <net/inet_sock.h>

#include "event.h"

s64 ktap_env_real_ns(struct ktap_exec *x)
{
	return ktime_get_real_fast_ns();
}

u64 ktap_env_mono_ns(struct ktap_exec *x)
{
	return ktime_get_mono_fast_ns();
}

s32 ktap_env_utc_offset(struct ktap_exec *x, s64 secs)
{
	const struct ktap_session *s = ktap_vm_env(ktap_exec_vm(x));

	return s->utc_change && secs >= s->utc_change ? s->utc_offset_next : s->utc_offset;
}

/* As ktap_env_interrupted(), which may schedule, for a condition of a wait */
static bool told_to_end(const struct ktap_session *s)
{
	return READ_ONCE(s->stop) && !READ_ONCE(s->ending);
}

int ktap_env_sleep(struct ktap_exec *x, s64 ms)
{
	struct ktap_session *s = ktap_vm_env(ktap_exec_vm(x));
	bool events = s->nr_events && ktap_exec_in_main(x);
	int ret;
	u64 left = ms < 0 ? MAX_SCHEDULE_TIMEOUT :
		   min_t(u64, nsecs_to_jiffies64(min_t(u64, ms, S64_MAX / NSEC_PER_MSEC) *
						 NSEC_PER_MSEC) + 1, MAX_SCHEDULE_TIMEOUT);

	if (events) {
		ret = ktap_session_start(s);
		if (ret)
			return ktap_error(x, "%s", ktap_session_why_not(ret));
		ktap_vm_pause(x);
	}
	/* a signal that kills, or the end of the session, is looked at by the caller */
	wait_event_killable_timeout(s->wait, told_to_end(s), left);
	if (events) {
		ktap_events_hold(s);
		ktap_vm_resume(x);
	}
	return 0;
}

int ktap_env_read(struct ktap_exec *x, bool user, void *to, u64 addr, size_t len)
{
	/* on 32 bits: what does not fit is not there */
	if (!ktap_is_addr(addr))
		return -EFAULT;
	if (!user)
		return copy_from_kernel_nofault(to, (const void *)(unsigned long)addr, len);
	/* a kernel thread may have borrowed somebody's memory */
	if (!current->mm)
		return -EFAULT;
	return copy_from_user_nofault(to, (const void __user *)(unsigned long)addr, len);
}

unsigned int ktap_env_user_ptr_size(void)
{
	return in_compat_syscall() ? sizeof(u32) : sizeof(void *);
}

size_t ktap_env_ip_text(char buf[KTAP_IP_TEXT], const void *addr, size_t len)
{
	return scnprintf(buf, KTAP_IP_TEXT, len == 4 ? "%pI4" : "%pI6c", addr);
}

int ktap_env_sock_addr(u64 addr, bool daddr, char to[16])
{
	const struct sock_common *sk = (const void *)(unsigned long)addr;
	u16 family;
	u32 ip4;

	if (!ktap_is_addr(addr) || get_kernel_nofault(family, &sk->skc_family))
		return -EFAULT;
	switch (family) {
	case AF_INET:
		if (get_kernel_nofault(ip4, (const u32 *)(daddr ? &sk->skc_daddr :
							  &sk->skc_rcv_saddr)))
			return -EFAULT;
		memcpy(to, &ip4, sizeof(ip4));
		return sizeof(ip4);
#if IS_ENABLED(CONFIG_IPV6)
	case AF_INET6:
		if (copy_from_kernel_nofault(to, daddr ? &sk->skc_v6_daddr :
					     &sk->skc_v6_rcv_saddr, 16))
			return -EFAULT;
		return 16;
#endif
	}
	return 0;
}
