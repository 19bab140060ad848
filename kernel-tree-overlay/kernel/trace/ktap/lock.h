/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ktap: the lock of what handlers share.
 *
 * A handler may run for any function of the kernel, and for its return, those of
 * raw_spin_lock_irqsave() and lockdep too. What the kernel does when a probed
 * function returns, between the return and the handler, is its own: it may call
 * call_rcu(), which takes locks. If that happens to a function that we call with
 * our lock held, ours comes before those; and a handler that runs where they are
 * held takes ours after them. So nothing that can be probed is called to take or
 * to give back this lock, nor while it is held: the functions are built without
 * hooks, as all of ktap is, and use the architecture's lock, as the function
 * tracer's own code does. Lockdep knows nothing of it.
 *
 * On a single CPU the architecture's lock is nothing at all, and would let an NMI
 * in whose owner it has interrupted.
 *
 * Contexts: any; interrupts are off while it is held. In NMI only the trylock.
 */
#ifndef _KTAP_LOCK_H
#define _KTAP_LOCK_H

#include <linux/spinlock.h>
#include <linux/types.h>

/**
 * struct ktap_spinlock - a lock that can be taken wherever handlers run
 * @arch: the architecture's
 * @held: on a single CPU: whether somebody has it
 */
struct ktap_spinlock {
	arch_spinlock_t arch;
#ifndef CONFIG_SMP
	bool held;
#endif
};

void ktap_spin_init(struct ktap_spinlock *lock);
unsigned long ktap_spin_lock(struct ktap_spinlock *lock);
bool ktap_spin_trylock(struct ktap_spinlock *lock, unsigned long *flags);
void ktap_spin_unlock(struct ktap_spinlock *lock, unsigned long flags);

#endif /* _KTAP_LOCK_H */
