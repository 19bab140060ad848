// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: the lock of what handlers share, see lock.h.
 */
#include <linux/irqflags.h>

#include "lock.h"

#ifdef CONFIG_SMP
static bool is_held(const struct ktap_spinlock *lock)
{
	return false;
}

static void set_held(struct ktap_spinlock *lock, bool held)
{
}
#else
static bool is_held(const struct ktap_spinlock *lock)
{
	return READ_ONCE(lock->held);
}

static void set_held(struct ktap_spinlock *lock, bool held)
{
	/* what is protected is not touched before, nor after */
	barrier();
	WRITE_ONCE(lock->held, held);
	barrier();
}
#endif

/**
 * ktap_spin_init() - make a lock that nobody has
 * @lock: the lock
 */
void ktap_spin_init(struct ktap_spinlock *lock)
{
	*lock = (struct ktap_spinlock){ .arch = __ARCH_SPIN_LOCK_UNLOCKED };
}

/**
 * ktap_spin_lock() - take a lock
 * @lock: the lock
 *
 * Context: any but NMI; interrupts are off until ktap_spin_unlock().
 * Return: the interrupt state, for that.
 */
unsigned long ktap_spin_lock(struct ktap_spinlock *lock)
{
	unsigned long flags;

	raw_local_irq_save(flags);
	arch_spin_lock(&lock->arch);
	set_held(lock, true);
	return flags;
}

/**
 * ktap_spin_trylock() - take a lock that nobody has
 * @lock: the lock
 * @flags: set to the interrupt state, for ktap_spin_unlock()
 *
 * Context: any; if it has been taken, interrupts are off until then.
 * Return: whether it has been taken.
 */
bool ktap_spin_trylock(struct ktap_spinlock *lock, unsigned long *flags)
{
	raw_local_irq_save(*flags);
	if (!is_held(lock) && arch_spin_trylock(&lock->arch)) {
		set_held(lock, true);
		return true;
	}
	raw_local_irq_restore(*flags);
	return false;
}

/**
 * ktap_spin_unlock() - give a lock back
 * @lock: the lock
 * @flags: the interrupt state before it was taken
 */
void ktap_spin_unlock(struct ktap_spinlock *lock, unsigned long flags)
{
	set_held(lock, false);
	arch_spin_unlock(&lock->arch);
	raw_local_irq_restore(flags);
}
