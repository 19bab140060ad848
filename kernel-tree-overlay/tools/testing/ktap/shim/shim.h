/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the VM of ktap uses of the kernel, for a process: contexts are threads.
 *
 * A thread has a CPU number and a context level of its own (shim_cpu,
 * shim_level).  preempt_disable() takes the lock of its CPU, so that two
 * threads with the same number exclude each other, and synchronize_rcu() is
 * to have held each of these locks once.  Work items run in shim_run_work().
 * shim_fail_alloc makes one allocation fail, shim_fail_block one of a pool.
 * Built with SHIM_REUSE, blocks are kept when they are freed, for those who
 * run a VM often; the address sanitizer still knows that they are free.  Built
 * with SHIM_ALONE there is one thread, which is looked at more closely.
 */
#ifndef _KTAP_SHIM_H
#define _KTAP_SHIM_H

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/compiler.h>
#include <linux/types.h>
#include <linux/bitops.h>
#include <linux/err.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__		/* gcc says it in one word */
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define ktap_poison(p, size)	ASAN_POISON_MEMORY_REGION(p, size)
#define ktap_unpoison(p, size)	ASAN_UNPOISON_MEMORY_REGION(p, size)
#define KTAP_REDZONE		64
#endif

/* Contexts */
#define SHIM_CPUS	4
#define SHIM_LEVELS	4

extern __thread unsigned int shim_cpu;
extern __thread unsigned int shim_level;
extern long shim_fail_alloc;		/* number of the one that fails, 0: none */
extern long shim_allocs;		/* how many there were */
extern long shim_live;			/* how many were not freed */
extern long shim_fail_block;		/* the same for blocks of pools */
extern long shim_blocks;
extern u32 shim_seed;			/* of get_random_u32() */

#define ktap_fail_block()						\
	(__atomic_add_fetch(&shim_blocks, 1, __ATOMIC_RELAXED) == shim_fail_block)

void shim_preempt_disable(void);
void shim_preempt_enable(void);
void synchronize_rcu(void);

#define preempt_disable_notrace()	shim_preempt_disable()
#define preempt_enable_notrace()	shim_preempt_enable()
#define interrupt_context_level()	shim_level
#define cond_resched()			do { } while (0)
#ifndef SHIM_ALONE
#define cpu_relax()			sched_yield()
#else
#define cpu_relax()			do { } while (0)
#endif
#define num_possible_cpus()		SHIM_CPUS
#define nr_cpu_ids			SHIM_CPUS
#define raw_smp_processor_id()		shim_cpu
#define for_each_possible_cpu(cpu)	for ((cpu) = 0; (cpu) < SHIM_CPUS; (cpu)++)
#define cpu_to_node(cpu)		0
#define NUMA_NO_NODE			(-1)

/* The name of the one such variable that there is means that of this CPU */
#define DEFINE_PER_CPU(type, name)	type shim_##name[SHIM_CPUS]
#define DECLARE_PER_CPU(type, name)	extern type shim_##name[SHIM_CPUS]
#define ktap_cpus			(shim_ktap_cpus[shim_cpu])
#define per_cpu_ptr(p, cpu)		((p) - shim_cpu + (cpu))
#define __this_cpu_read(elem)		(elem)

/* The kernel's, whose numbers the C library keeps some of for itself */
#undef SIGRTMIN
#undef _NSIG
#define SIGRTMIN			32
#define _NSIG				64

/* Compiler */
#undef fallthrough
#define fallthrough			__attribute__((__fallthrough__))
#ifndef __aligned
#define __aligned(n)			__attribute__((aligned(n)))
#endif
#ifndef __printf
#define __printf(a, b)			__attribute__((format(printf, a, b)))
#endif
#ifndef __annotate_jump_table
#define __annotate_jump_table
#endif
#ifndef barrier
#define barrier()			asm volatile("" : : : "memory")
#endif
#define WARN_ON_ONCE(cond)						\
	({								\
		bool warn_ = (cond);					\
									\
		if (warn_) {						\
			fprintf(stderr, "WARNING: %s:%d\n", __FILE__, __LINE__); \
			abort();					\
		}							\
		warn_;							\
	})

/* Arithmetic */
#define ARRAY_SIZE(a)			(sizeof(a) / sizeof((a)[0]))
#define abs(v)								\
	({								\
		__auto_type v_ = (v);					\
									\
		v_ < 0 ? -v_ : v_;					\
	})
#undef min
#undef max
#define min(a, b)							\
	({								\
		__auto_type a_ = (a);					\
		__auto_type b_ = (b);					\
									\
		a_ < b_ ? a_ : b_;					\
	})
#define max(a, b)							\
	({								\
		__auto_type a_ = (a);					\
		__auto_type b_ = (b);					\
									\
		a_ > b_ ? a_ : b_;					\
	})
#define max_t(type, a, b)		max((type)(a), (type)(b))
#define min_t(type, a, b)		min((type)(a), (type)(b))
#define swap(a, b)							\
	do {								\
		typeof(a) swap_ = (a);					\
									\
		(a) = (b);						\
		(b) = swap_;						\
	} while (0)
#define clamp_t(type, v, lo, hi)	min_t(type, max((type)(v), (type)(lo)), hi)
#define ALIGN(x, a)			(((x) + (a) - 1) / (a) * (a))
#define PTR_ALIGN(p, a)			((typeof(p))ALIGN((unsigned long)(p), (a)))
#define round_down(x, a)		((x) / (a) * (a))
#define container_of(p, type, member)	((type *)((char *)(p) - offsetof(type, member)))
#define struct_size(p, member, n)	(sizeof(*(p)) + (n) * sizeof(*(p)->member))
#define array_size(a, b)		((size_t)(a) * (b))
#define ilog2(n)			(31 - __builtin_clz(n))
#define roundup_pow_of_two(n)		((n) == 1 ? 1U : 2U << ilog2((n) - 1))
#define hash_64(v, bits)		((u32)((v) * 0x61C8864680B583EBull >> (64 - (bits))))
#define div64_s64(a, b)			((s64)(a) / (s64)(b))
#define NSEC_PER_USEC		1000L
#define NSEC_PER_MSEC		1000000L
#define NSEC_PER_SEC		1000000000L

#define div64_u64(a, b)			((u64)(a) / (u64)(b))
#define DIV_ROUND_UP(n, d)		(((n) + (d) - 1) / (d))
#define U64_MAX			((u64)~0ULL)
#define S64_MAX				INT64_MAX
#define S64_MIN				INT64_MIN
#define U32_MAX				UINT32_MAX

static inline u64 div_u64_rem(u64 a, u32 b, u32 *rem)
{
	*rem = a % b;
	return a / b;
}

static inline u64 div64_u64_rem(u64 a, u64 b, u64 *rem)
{
	*rem = a % b;
	return a / b;
}

static inline s64 div_s64_rem(s64 a, s32 b, s32 *rem)
{
	*rem = a % b;
	return a / b;
}

static inline u16 get_unaligned_le16(const void *p)
{
	const u8 *b = p;

	return b[0] | b[1] << 8;
}

static inline u32 get_unaligned_le32(const void *p)
{
	return get_unaligned_le16(p) | (u32)get_unaligned_le16((const u8 *)p + 2) << 16;
}

static inline u64 get_unaligned_le64(const void *p)
{
	return get_unaligned_le32(p) | (u64)get_unaligned_le32((const u8 *)p + 4) << 32;
}

/* Strings */
static inline int vscnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	int n = vsnprintf(buf, size, fmt, args);

	return n < 0 ? 0 : min_t(size_t, n, size ? size - 1 : 0);
}

static inline void shim_strscpy(char *to, const char *from, size_t size)
{
	snprintf(to, size, "%s", from);
}

#define strscpy(to, from, size)		shim_strscpy(to, from, size)

static inline const char *str_true_false(bool v)
{
	return v ? "true" : "false";
}

/* Bytes of the network; <endian.h> has the rest */
#define be16_to_cpu(v)			be16toh(v)
#define be32_to_cpu(v)			be32toh(v)

/* Time */
static inline void time64_to_tm(s64 secs, int offset, struct tm *tm)
{
	time_t t = secs + offset;

	gmtime_r(&t, tm);
}

/* Memory */
#define PAGE_SIZE			4096UL
#define GFP_KERNEL_ACCOUNT		0
#define __GFP_NOWARN			0

void *shim_alloc(size_t size);
void kvfree(const void *p);

#define kvmalloc(size, gfp)		shim_alloc(size)
#define kvmalloc_node(size, gfp, node)	shim_alloc(size)
#define kvzalloc(size, gfp)		shim_zalloc(size)
#define kvcalloc(n, size, gfp)		shim_zalloc((size_t)(n) * (size))

static inline void *shim_zalloc(size_t size)
{
	void *p = shim_alloc(size);

	return p ? memset(p, 0, size) : NULL;
}

u32 get_random_u32(void);

static inline u64 get_random_u64(void)
{
	return (u64)get_random_u32() << 32 | get_random_u32();
}

/* Atomic operations */
typedef struct {
	s64 counter;
} atomic64_t;

#define SEQ_CST				__ATOMIC_SEQ_CST
#define atomic_set(v, i)		__atomic_store_n(&(v)->counter, i, __ATOMIC_RELAXED)
#define atomic_read(v)			__atomic_load_n(&(v)->counter, __ATOMIC_RELAXED)
#define atomic_read_acquire(v)		__atomic_load_n(&(v)->counter, __ATOMIC_ACQUIRE)
#define atomic_set_release(v, i)	__atomic_store_n(&(v)->counter, i, __ATOMIC_RELEASE)
#define atomic_inc(v)			((void)__atomic_add_fetch(&(v)->counter, 1, SEQ_CST))
#define atomic_dec(v)			((void)__atomic_sub_fetch(&(v)->counter, 1, SEQ_CST))
#define atomic_sub(i, v)		((void)__atomic_sub_fetch(&(v)->counter, i, SEQ_CST))
#define atomic_add_return(i, v)		__atomic_add_fetch(&(v)->counter, i, __ATOMIC_SEQ_CST)
#define cmpxchg(p, old, new)						\
	({								\
		typeof(*(p)) old_ = (old);				\
									\
		__atomic_compare_exchange_n(p, &old_, new, false,	\
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
		old_;							\
	})
#define atomic_inc_return(v)		__atomic_add_fetch(&(v)->counter, 1, __ATOMIC_SEQ_CST)
#define atomic_xchg(v, i)		__atomic_exchange_n(&(v)->counter, i, __ATOMIC_SEQ_CST)
#define atomic_cmpxchg(v, old, new)					\
	({								\
		typeof((v)->counter) old_ = (old);			\
									\
		__atomic_compare_exchange_n(&(v)->counter, &old_, new, false, \
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
		old_;							\
	})
#define atomic64_set			atomic_set
#define atomic64_read			atomic_read
#define atomic64_add(i, v)		((void)__atomic_add_fetch(&(v)->counter, i, SEQ_CST))
#define atomic_long_set			atomic_set
#define atomic_long_read		atomic_read
#define atomic_long_add(i, v)		atomic64_add(i, v)
#define atomic_long_or(i, v)		((void)__atomic_or_fetch(&(v)->counter, i, SEQ_CST))
#define atomic_long_andnot(i, v)	((void)__atomic_and_fetch(&(v)->counter, ~(i), SEQ_CST))
#define atomic_long_try_cmpxchg(v, old, new)				\
	__atomic_compare_exchange_n(&(v)->counter, old, new, false,	\
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

/* Locks */
typedef struct {
	int locked;
} arch_spinlock_t;

#define __ARCH_SPIN_LOCK_UNLOCKED	{ 0 }
#define raw_local_irq_save(flags)	((void)(flags = 0))
#define raw_local_irq_restore(flags)	((void)(flags))
#ifndef SHIM_ALONE
#define arch_spin_trylock(l)		(!__atomic_exchange_n(&(l)->locked, 1, __ATOMIC_ACQUIRE))
#define arch_spin_unlock(l)		__atomic_store_n(&(l)->locked, 0, __ATOMIC_RELEASE)
#define arch_spin_lock(l)						\
	do {								\
		while (!arch_spin_trylock(l))				\
			sched_yield();					\
	} while (0)
#define shim_tick()			do { } while (0)
#else
/*
 * Of one thread that waits for a lock nobody else will give it.  What an
 * interrupt may do between two steps of it, shim_interrupt() does.
 */
extern unsigned int shim_held;		/* locks */
extern unsigned int shim_ticks;		/* steps until the interrupt, 0: none */
extern void (*shim_interrupt)(void);

void shim_wrong(const char *what);

static inline void shim_tick(void)
{
	if (shim_ticks && !--shim_ticks)
		shim_interrupt();
}

static inline bool arch_spin_trylock(arch_spinlock_t *l)
{
	if (l->locked)
		return false;
	l->locked = 1;
	shim_held++;
	shim_tick();
	return true;
}

static inline void arch_spin_unlock(arch_spinlock_t *l)
{
	if (!l->locked || !shim_held)
		shim_wrong("a lock is given back that was not taken");
	l->locked = 0;
	shim_held--;
	shim_tick();
}

static inline void arch_spin_lock(arch_spinlock_t *l)
{
	if (!arch_spin_trylock(l))
		shim_wrong("a lock is taken already");
}
#endif
typedef struct {
	unsigned int sequence;
} seqcount_t;

#define seqcount_init(s)		((s)->sequence = 0)
#define raw_read_seqcount(s)		__atomic_load_n(&(s)->sequence, __ATOMIC_ACQUIRE)
#define read_seqcount_retry(s, seq)					\
	({								\
		__atomic_thread_fence(__ATOMIC_ACQUIRE);		\
		__atomic_load_n(&(s)->sequence, __ATOMIC_RELAXED) != (seq); \
	})
#define raw_write_seqcount_begin(s)					\
	do {								\
		__atomic_store_n(&(s)->sequence, (s)->sequence + 1, __ATOMIC_RELAXED); \
		__atomic_thread_fence(__ATOMIC_SEQ_CST);		\
		shim_tick();						\
	} while (0)
#define raw_write_seqcount_end(s)					\
	__atomic_store_n(&(s)->sequence, (s)->sequence + 1, __ATOMIC_RELEASE)

struct mutex {
	pthread_mutex_t m;
};

#define DEFINE_MUTEX(name)		struct mutex name = { PTHREAD_MUTEX_INITIALIZER }
#define mutex_init(l)			pthread_mutex_init(&(l)->m, NULL)
#define mutex_lock(l)			pthread_mutex_lock(&(l)->m)
#define mutex_trylock(l)		(!pthread_mutex_trylock(&(l)->m))
#define mutex_unlock(l)			pthread_mutex_unlock(&(l)->m)

/* Lists */
struct llist_node {
	struct llist_node *next;
};

struct llist_head {
	struct llist_node *first;
};

#define init_llist_head(h)		((h)->first = NULL)
#define llist_empty(h)			(!__atomic_load_n(&(h)->first, __ATOMIC_RELAXED))
#define llist_del_all(h)		__atomic_exchange_n(&(h)->first, NULL, __ATOMIC_ACQ_REL)
#define llist_add(node, h)		llist_add_batch(node, node, h)
#define llist_entry(p, type, member)	container_of(p, type, member)
#define llist_for_each_entry(pos, node, member)				\
	for (struct llist_node *n_ = (node);				\
	     n_ && ((pos) = llist_entry(n_, typeof(*(pos)), member), true); \
	     n_ = n_->next)
#define llist_for_each_entry_safe(pos, n, node, member)			\
	for (struct llist_node *n_ = (node), *next_;			\
	     n_ && ((pos) = llist_entry(n_, typeof(*(pos)), member),	\
		    next_ = n_->next, (n) = NULL, (void)(n), true);	\
	     n_ = next_)

static inline bool llist_add_batch(struct llist_node *first, struct llist_node *last,
				   struct llist_head *h)
{
	struct llist_node *old = __atomic_load_n(&h->first, __ATOMIC_RELAXED);

	do {
		last->next = old;
	} while (!__atomic_compare_exchange_n(&h->first, &old, first, false,
					      __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
	return !old;
}

/* Work */
struct work_struct {
	void (*fn)(struct work_struct *work);
	int queued;
	struct work_struct *next;
};

struct irq_work {
	void (*fn)(struct irq_work *work);
};

#define INIT_WORK(w, f)			(*(w) = (struct work_struct){ .fn = f })
#define init_irq_work(w, f)		((w)->fn = f)
#define irq_work_queue(w)		((w)->fn(w))
#define irq_work_sync(w)		do { } while (0)
#define system_unbound_wq		NULL
#define queue_work(wq, w)		shim_queue_work(w)

void shim_queue_work(struct work_struct *work);
void cancel_work_sync(struct work_struct *work);
void shim_run_work(void);
bool shim_has_work(void);

#endif /* _KTAP_SHIM_H */
