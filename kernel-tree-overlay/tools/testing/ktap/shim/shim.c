// SPDX-License-Identifier: GPL-2.0
/*
 * What the VM of ktap uses of the kernel: the parts that are not inline.
 */
#include "shim.h"

__thread unsigned int shim_cpu;
__thread unsigned int shim_level;
long shim_fail_alloc;
long shim_allocs;
long shim_live;
long shim_fail_block;
long shim_blocks;
u32 shim_seed = 0x6b746170;

#ifndef SHIM_ALONE
static __thread unsigned int preempt_count;
#else
unsigned int shim_held;
unsigned int shim_ticks;
void (*shim_interrupt)(void);

void shim_wrong(const char *what)
{
	fprintf(stderr, "not true: %s\n", what);
	abort();
}
#endif
static pthread_mutex_t cpu_lock[SHIM_CPUS] = {
	[0 ... SHIM_CPUS - 1] = PTHREAD_MUTEX_INITIALIZER
};

static pthread_mutex_t work_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t work_running = PTHREAD_MUTEX_INITIALIZER;
static struct work_struct *work_list;

void shim_preempt_disable(void)
{
#ifndef SHIM_ALONE
	if (!preempt_count++)
		pthread_mutex_lock(&cpu_lock[shim_cpu]);
#endif
}

void shim_preempt_enable(void)
{
#ifndef SHIM_ALONE
	if (!--preempt_count)
		pthread_mutex_unlock(&cpu_lock[shim_cpu]);
#endif
}

void synchronize_rcu(void)
{
	unsigned int i;

	for (i = 0; i < SHIM_CPUS; i++) {
		pthread_mutex_lock(&cpu_lock[i]);
		pthread_mutex_unlock(&cpu_lock[i]);
	}
}

#ifdef SHIM_REUSE
/* Large blocks that were freed; of one thread */
#define KEPT_LEAST	4096

struct kept {
	struct kept *next;
	size_t size;
	char data[] __aligned(16);
};

static struct kept *kept_blocks;

static void *shim_malloc(size_t size)
{
	struct kept **p, *k;

	for (p = &kept_blocks; (k = *p); p = &k->next) {
		if (k->size == size) {
			*p = k->next;
			ktap_unpoison(k->data, size);
			return k->data;
		}
	}
	k = malloc(sizeof(*k) + size);
	if (!k)
		return NULL;
	k->size = size;
	return k->data;
}

static void shim_free(void *p)
{
	struct kept *k = container_of(p, struct kept, data);

	if (k->size < KEPT_LEAST) {
		free(k);
		return;
	}
	ktap_poison(k->data, k->size);
	k->next = kept_blocks;
	kept_blocks = k;
}
#else
#define shim_malloc(size)	malloc(size)
#define shim_free(p)		free(p)
#endif

void *shim_alloc(size_t size)
{
	long n = __atomic_add_fetch(&shim_allocs, 1, __ATOMIC_RELAXED);
	void *p;

	if (n == shim_fail_alloc)
		return NULL;
	p = shim_malloc(size);
	if (p)
		__atomic_add_fetch(&shim_live, 1, __ATOMIC_RELAXED);
	return p;
}

void kvfree(const void *p)
{
	if (!p)
		return;
	__atomic_sub_fetch(&shim_live, 1, __ATOMIC_RELAXED);
	shim_free((void *)p);
}

u32 get_random_u32(void)
{
	return __atomic_add_fetch(&shim_seed, 0x9e3779b9, __ATOMIC_RELAXED);
}

/* Puts a work item in the list, unless it is there; from any thread. */
void shim_queue_work(struct work_struct *work)
{
	pthread_mutex_lock(&work_lock);
	if (!work->queued) {
		work->queued = 1;
		work->next = work_list;
		work_list = work;
	}
	pthread_mutex_unlock(&work_lock);
}

/* Runs the work items that there are; not from where locks may be held. */
void shim_run_work(void)
{
	struct work_struct *work;

	if (!__atomic_load_n(&work_list, __ATOMIC_RELAXED))
		return;
	pthread_mutex_lock(&work_running);
	for (;;) {
		pthread_mutex_lock(&work_lock);
		work = work_list;
		if (work) {
			work_list = work->next;
			work->queued = 0;
		}
		pthread_mutex_unlock(&work_lock);
		if (!work)
			break;
		work->fn(work);
	}
	pthread_mutex_unlock(&work_running);
}

/*
 * As if the item had just begun to run, which is the worst that can be: what it
 * queues, itself excepted, is there afterwards.
 */
void cancel_work_sync(struct work_struct *work)
{
	struct work_struct **p;
	bool found = false;

	pthread_mutex_lock(&work_running);
	pthread_mutex_lock(&work_lock);
	for (p = &work_list; *p; p = &(*p)->next) {
		if (*p == work) {
			*p = work->next;
			found = true;
			break;
		}
	}
	pthread_mutex_unlock(&work_lock);
	if (found) {
		/* still queued to those who look, so that it is not queued again */
		work->fn(work);
		pthread_mutex_lock(&work_lock);
		work->queued = 0;
		pthread_mutex_unlock(&work_lock);
	}
	pthread_mutex_unlock(&work_running);
}

/* Is any work item queued? */
bool shim_has_work(void)
{
	return __atomic_load_n(&work_list, __ATOMIC_RELAXED);
}
