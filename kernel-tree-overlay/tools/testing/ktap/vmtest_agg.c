// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of aggregations: their arithmetic against that of the compiler, threads
 * on several CPUs and context levels, NMIs that find things locked, no memory.
 */
#include <unistd.h>

#include "vmtest.h"
#include "agg.h"

#define CHECK(cond)	report(cond, "%s: %s", __func__, #cond)

#define CPUS		4
#define ROUNDS		50000

static struct host_env env;

/*
 * A VM with an aggregation in each of the first globals, and a handler that adds
 * 1 to all of them, alone and for one of 16 keys.
 */
enum {
	AGGS = 5,		/* stats, hist, count, max, avg */
};

static struct ktap_vm *create(u64 mem_limit)
{
	static const char * const ctor[AGGS] = { "stats", "hist", "count", "max", "avg" };
	struct ktap_vm_params params = { .mem_limit = mem_limit };
	struct ktap_log log = { .size = 0 };
	struct ktap_vm *vm;
	struct asm_img a;
	u32 i, bi;

	asm_init(&a);
	for (i = 0; i < AGGS; i++)
		asm_global(&a, ctor[i], i ? KTAP_GLOBAL_NIL : KTAP_GLOBAL_STATS);
	asm_global(&a, "n", KTAP_GLOBAL_NIL);
	asm_func(&a, "main", 0, 8, 0);
	for (i = 1; i < AGGS; i++) {
		bi = asm_builtin(&a, ctor[i]);
		asm_emit(&a, I(BCALL, 0, bi, 1));
		asm_emit(&a, IW(SETG, 0, i));
	}
	asm_emit(&a, I(RET, 0, 1, 0));
	asm_func(&a, "handler", 1, 8, 0);
	/* the runs are counted, and the key is made of that */
	asm_emit(&a, IW(LOADI, 1, 1));
	asm_emit(&a, IW(ADDG, 1, AGGS));
	asm_emit(&a, IW(GETG, 2, AGGS));
	asm_emit(&a, IW(LOADI, 3, 15));
	asm_emit(&a, I(BAND, 3, 2, 3));
	for (i = 0; i < AGGS; i++) {
		asm_emit(&a, IW(GETG, 4, i));
		asm_emit(&a, I(AGG, 4, 1, 0));
		asm_emit(&a, I(AGGT, 4, 3, 1));
	}
	asm_emit(&a, I(RET, 0, 1, 0));
	host_env_free(&env);
	asm_finish(&a);
	vm = ktap_vm_create(a.bytes, a.size, &params, &env, &log);
	asm_free(&a);
	if (IS_ERR(vm) || ktap_vm_run_main(vm) || ktap_vm_run_begin(vm)) {
		report(false, "no VM for the tests of aggregations");
		exit(1);
	}
	return vm;
}

static struct ktap_agg *global(struct ktap_vm *vm, unsigned int i)
{
	if (vm->globals[i].v.type != KTAP_AGG)
		abort();
	return vm->globals[i].v.g;
}

static struct ktap_val val_int(s64 i)
{
	return (struct ktap_val){ .i = i, .type = KTAP_INT };
}

/*
 * Arithmetic
 */
static u64 seed = 88172645463325252ULL;

static u64 random64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Of any size, with either sign */
static s64 random_value(void)
{
	u64 v = random64() >> (random64() % 64);

	return random64() & 1 ? v : -v;
}

static void test_average(void)
{
	struct ktap_stat s, half[2];
	int round, i, bad_sum = 0, bad_avg = 0, bad_merge = 0;

	for (round = 0; round < 2000; round++) {
		int n = 1 + random64() % 20;
		__int128 sum = 0;

		memset(&s, 0, sizeof(s));
		memset(half, 0, sizeof(half));
		for (i = 0; i < n; i++) {
			s64 v = random_value();

			sum += v;
			ktap_stat_add(&s, KTAP_AGG_STATS, v);
			ktap_stat_add(&half[i & 1], KTAP_AGG_STATS, v);
		}
		bad_sum += s.sum != (u64)sum || s.sum_hi != (s64)(sum >> 64);
		bad_avg += ktap_stat_avg(&s) != (s64)(sum / n);
		ktap_stat_merge(&half[0], &half[1]);
		bad_merge += memcmp(&half[0], &s, sizeof(s)) != 0;
	}
	CHECK(!bad_sum);
	CHECK(!bad_avg);
	CHECK(!bad_merge);
	/* the extremes, whose sums do not fit 64 bits */
	memset(&s, 0, sizeof(s));
	for (i = 0; i < 1000; i++)
		ktap_stat_add(&s, KTAP_AGG_AVG, S64_MIN);
	CHECK(ktap_stat_avg(&s) == S64_MIN);
	memset(&s, 0, sizeof(s));
	for (i = 0; i < 1000; i++)
		ktap_stat_add(&s, KTAP_AGG_AVG, S64_MAX);
	CHECK(ktap_stat_avg(&s) == S64_MAX);
}

static void test_deviation(void)
{
	struct ktap_stat s;
	int round, i, bad = 0;

	for (round = 0; round < 1000; round++) {
		int n = 1 + random64() % 30;
		__int128 sum = 0, sq = 0, wanted;
		s64 d;

		memset(&s, 0, sizeof(s));
		for (i = 0; i < n; i++) {
			/* small enough that n * sq has less than 127 bits */
			s64 v = random_value() >> 8;

			sum += v;
			sq += (__int128)v * v;
			ktap_stat_add(&s, KTAP_AGG_STATS, v);
		}
		wanted = n * sq - sum * sum;
		d = ktap_stat_stddev(&s);
		bad += (__int128)d * n * d * n > wanted ||
		       (__int128)(d + 1) * n * (d + 1) * n <= wanted;
	}
	CHECK(!bad);
	/* half of them at either end: half the distance, which is odd, truncated */
	memset(&s, 0, sizeof(s));
	for (i = 0; i < 1000; i++) {
		ktap_stat_add(&s, KTAP_AGG_STATS, S64_MIN);
		ktap_stat_add(&s, KTAP_AGG_STATS, S64_MAX);
	}
	CHECK(ktap_stat_stddev(&s) == S64_MAX);
	memset(&s, 0, sizeof(s));
	ktap_stat_add(&s, KTAP_AGG_STATS, S64_MIN);
	CHECK(ktap_stat_stddev(&s) == 0);
}

/* Each value is in its bucket and no other, and buckets are in order */
static bool check_buckets(const struct ktap_agg_def *def)
{
	u32 i, bucket;
	s64 v;

	for (i = 1; i < def->nbuckets; i++) {
		if (ktap_agg_low(def, i) <= ktap_agg_low(def, i - 1) &&
		    !(i == 1 && ktap_agg_low(def, 1) == S64_MIN))
			return false;
		if (ktap_agg_bucket(def, ktap_agg_low(def, i)) != i)
			return false;
	}
	for (i = 0; i < 5000; i++) {
		v = i ? random_value() : S64_MAX;
		bucket = ktap_agg_bucket(def, v);
		if (bucket >= def->nbuckets || v < ktap_agg_low(def, bucket) ||
		    (bucket + 1 < def->nbuckets && v >= ktap_agg_low(def, bucket + 1)))
			return false;
	}
	return true;
}

static void test_buckets(void)
{
	struct ktap_agg_def def;
	int bits, bad = 0;

	for (bits = 0; bits <= KTAP_HIST_MAX_BITS; bits++)
		bad += ktap_def_hist(&def, bits) || !check_buckets(&def);
	CHECK(!bad);
	CHECK(!ktap_def_lhist(&def, -50, 1000, 7) && check_buckets(&def));
	CHECK(!ktap_def_lhist(&def, S64_MIN, S64_MAX, S64_MAX) && check_buckets(&def));
	CHECK(!ktap_def_lhist(&def, 0, 8190, 1) && check_buckets(&def));
	CHECK(ktap_def_lhist(&def, 0, 8191, 1));
	CHECK(!ktap_def_llhist(&def, 10, 0, 17, 10) && check_buckets(&def));
	CHECK(!ktap_def_llhist(&def, 10, 2, 5, 100) && check_buckets(&def));
	CHECK(!ktap_def_llhist(&def, 2, 0, 61, 4) && check_buckets(&def));
	CHECK(!ktap_def_llhist(&def, 10, 0, 6, 20) && check_buckets(&def));
	CHECK(ktap_def_llhist(&def, 2, 0, 62, 4));
	CHECK(ktap_def_llhist(&def, 10, 0, 3, 30));
}

/*
 * Threads
 */
static struct ktap_vm *shared_vm;
static int running;

struct cpu_load {
	unsigned int cpu;
	unsigned long n;
};

/* Handlers of all levels; those of NMIs must not wait */
static void *load(void *arg)
{
	struct cpu_load *c = arg;
	struct ktap_closure *fn = shared_vm->img.protos[1].closure;
	unsigned long i;

	shim_cpu = c->cpu;
	for (i = 0; i < c->n; i++) {
		shim_level = i % 16 == 0 ? i / 16 % SHIM_LEVELS : 0;
		ktap_vm_handle(shared_vm, fn, NULL);
	}
	shim_level = 0;
	__atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void run_load(unsigned int ncpus, unsigned long n, void (*meanwhile)(void))
{
	struct cpu_load c[CPUS];
	pthread_t t[CPUS];
	unsigned int i;

	running = ncpus;
	for (i = 0; i < ncpus; i++) {
		c[i] = (struct cpu_load){ .cpu = i, .n = n };
		pthread_create(&t[i], NULL, load, &c[i]);
	}
	while (__atomic_load_n(&running, __ATOMIC_SEQ_CST)) {
		shim_run_work();
		if (meanwhile)
			meanwhile();
		else
			usleep(100);
	}
	for (i = 0; i < ncpus; i++)
		pthread_join(t[i], NULL);
}

/* The numbers of a histogram's rows, added up */
static u64 bucket_sum(struct ktap_exec *x, struct ktap_agg *g)
{
	u64 out[KTAP_CHUNK_BUCKETS], sum = 0;
	u32 i, k;

	for (i = 0; i * KTAP_CHUNK_BUCKETS < g->def.nbuckets; i++) {
		ktap_agg_chunk(x, g, i, out);
		for (k = 0; k < KTAP_CHUNK_BUCKETS; k++)
			sum += out[k];
	}
	return sum;
}

/* What an aggregation has by key, counted; of a max() the entries */
static u64 key_count(struct ktap_exec *x, struct ktap_agg *g)
{
	struct ktap_val key, v;
	struct ktap_stat s;
	u64 cursor = 0, n = 0;

	while (ktap_table_next(x, g->keys, &cursor, &key, &v) == 1) {
		if (v.type == KTAP_INT) {
			n += v.i;
		} else if (ktap_agg_stat(x, v.g, &s)) {
			n += s.count;
			if (ktap_is_hist(&g->def) && bucket_sum(x, v.g) != s.count)
				return 0;
		}
	}
	return n;
}

/* All kinds, from all CPUs and levels: each update is there or was counted */
static void test_exact(void)
{
	const u64 n = CPUS * ROUNDS;
	struct ktap_exec *x;
	struct ktap_stat s;
	u64 found = 0, lost;
	unsigned int i;

	shared_vm = create(0);
	x = shared_vm->setup;
	run_load(CPUS, ROUNDS, NULL);
	CHECK(!ktap_vm_failed(shared_vm));
	for (i = 0; i < AGGS; i++) {
		struct ktap_agg *g = global(shared_vm, i);

		CHECK(ktap_agg_stat(x, g, &s));
		/* nothing keeps a lane locked for as long as an NMI tries */
		CHECK(s.count == n);
		if (g->def.kind == KTAP_AGG_HIST)
			CHECK(bucket_sum(x, g) == n);
		if (g->def.kind == KTAP_AGG_MAX)
			CHECK(s.max == 1 && key_count(x, g) == 16);
		else
			found += key_count(x, g);
	}
	/* by key an NMI that finds the table locked is counted, as for tables */
	lost = ktap_vm_losses(shared_vm, KTAP_LOSS_BUSY);
	report(found <= 4 * n && found + lost >= 4 * n && lost < n,
	       "%s: by key %llu there, %llu counted as busy", __func__, (unsigned long long)found,
	       (unsigned long long)lost);
	CHECK(!ktap_vm_losses(shared_vm, KTAP_LOSS_TABLE));
	ktap_vm_destroy(shared_vm);
}

static u64 taken[AGGS];
static u64 taken_keys[AGGS];
static int bad_pictures;

/* Takes what there is, in a handler, while others add */
static void take_all(void)
{
	struct ktap_exec *x = ktap_guard_enter();
	unsigned int i;

	if (!x)
		return;
	x->vm = shared_vm;
	x->fuel = S64_MAX / 2;
	x->arena_pos = 0;
	for (i = 0; i < AGGS; i++) {
		struct ktap_val v = shared_vm->globals[i].v;
		struct ktap_stat s;

		if (ktap_agg_take(x, &v) || !ktap_agg_stat(x, v.g, &s)) {
			bad_pictures++;
			continue;
		}
		taken[i] += s.count;
		if (v.g->keys)
			taken_keys[i] += key_count(x, v.g);
		/* each update is in a picture wholly or not at all */
		if (v.g->def.kind == KTAP_AGG_HIST && bucket_sum(x, v.g) != s.count)
			bad_pictures++;
		if (v.g->def.kind == KTAP_AGG_STATS && s.sum != s.count)
			bad_pictures++;
	}
	ktap_exec_end_temps(x);
	ktap_guard_leave(x);
	shim_run_work();
}

static void test_take(void)
{
	const u64 n = (CPUS - 1) * ROUNDS;
	unsigned int i;
	u64 left, lost;

	shared_vm = create(0);
	memset(taken, 0, sizeof(taken));
	memset(taken_keys, 0, sizeof(taken_keys));
	bad_pictures = 0;
	shim_cpu = CPUS - 1;
	run_load(CPUS - 1, ROUNDS, take_all);
	take_all();
	CHECK(!bad_pictures);
	lost = ktap_vm_losses(shared_vm, KTAP_LOSS_BUSY) +
	       ktap_vm_losses(shared_vm, KTAP_LOSS_TABLE);
	for (i = 0; i < AGGS; i++) {
		struct ktap_stat s;

		ktap_agg_stat(shared_vm->setup, global(shared_vm, i), &s);
		left = s.count;
		/* a lane has room for the number of a count, whatever memory there is */
		if (i != 1)
			CHECK(taken[i] + left == n);
		else
			CHECK(taken[i] + left <= n && taken[i] + left + lost >= n);
		if (i == 3)
			continue;
		left = key_count(shared_vm->setup, global(shared_vm, i));
		CHECK(taken_keys[i] + left <= n && taken_keys[i] + left + lost >= n);
	}
	CHECK(!ktap_vm_failed(shared_vm));
	shim_cpu = 0;
	ktap_vm_destroy(shared_vm);
}

/*
 * NMIs
 */
static void test_nmi(void)
{
	struct ktap_vm *vm = create(0);
	struct ktap_exec *x = vm->setup;
	struct ktap_agg *g = global(vm, 0);
	struct ktap_stat s;
	struct ktap_val key = val_int(1), v;
	struct ktap_spinlock *lock;
	unsigned long flags;

	shim_cpu = 0;
	/* the lane of this CPU is there from now on */
	ktap_agg_add(x, g, 1);
	x->setup = false;
	x->nmi = true;
	lock = &g->lanes[0]->lock;
	/* what it interrupts holds the CPU's lane: it has another one */
	if (!ktap_spin_trylock(lock, &flags))
		abort();
	CHECK(!ktap_agg_add(x, g, 2));
	CHECK(ktap_vm_losses(vm, KTAP_LOSS_BUSY) == 0);
	CHECK(!ktap_agg_stat(x, g, &s) && s.count == 1 && s.sum == 2);
	/* and that other one as well */
	if (!ktap_spin_trylock(&g->home.lock, &flags))
		abort();
	CHECK(!ktap_agg_add(x, g, 4));
	CHECK(ktap_vm_losses(vm, KTAP_LOSS_BUSY) == 1);
	ktap_spin_unlock(&g->home.lock, flags);
	ktap_spin_unlock(lock, flags);
	CHECK(!ktap_agg_add(x, g, 8));
	CHECK(ktap_agg_stat(x, g, &s) && s.count == 3 && s.sum == 11);
	/* an entry that is locked, being read */
	CHECK(!ktap_agg_add_key(x, g, &key, 5));
	CHECK(!ktap_table_get(x, g->keys, &key, &v) && v.type == KTAP_AGG);
	lock = &v.g->home.lock;
	if (!ktap_spin_trylock(lock, &flags))
		abort();
	CHECK(!ktap_agg_add_key(x, g, &key, 5));
	CHECK(ktap_vm_losses(vm, KTAP_LOSS_BUSY) == 2);
	ktap_spin_unlock(lock, flags);
	CHECK(ktap_agg_stat(x, v.g, &s) && s.count == 1);
	/* a picture is whole or is none; what is taken is in one place */
	if (!ktap_spin_trylock(&g->home.lock, &flags))
		abort();
	CHECK(IS_ERR(ktap_agg_picture(x, g, false)));
	ktap_spin_unlock(&g->home.lock, flags);
	x->nmi = false;
	x->setup = true;
	CHECK(ktap_agg_stat(x, g, &s) && s.count == 3);
	ktap_vm_destroy(vm);
}

/*
 * Memory
 */
static void test_size(void)
{
	struct ktap_vm *vm = create(0);
	struct ktap_exec *x = vm->setup;
	struct ktap_val key;
	u64 before = vm->pool.bytes;
	int i, n = 10000;

	for (i = 0; i < n; i++) {
		key = val_int(i);
		ktap_agg_add_key(x, global(vm, 2), &key, 1);
	}
	/* 10000 counts by key: an entry each, whatever the number of CPUs */
	CHECK(ktap_table_len(global(vm, 2)->keys) == n);
	CHECK(vm->pool.bytes - before < 64ULL * n);
	before = vm->pool.bytes;
	for (i = 0; i < n; i++) {
		key = val_int(i);
		ktap_agg_add_key(x, global(vm, 0), &key, 1);
	}
	CHECK(vm->pool.bytes - before < 300ULL * n);
	ktap_vm_destroy(vm);
}

/* Handlers find no memory: what is not there was counted, and nothing is half there */
static void test_no_memory(void)
{
	struct ktap_vm *vm = create(1 << 20);
	struct ktap_exec *x = vm->setup;
	struct ktap_agg *g = global(vm, 1);
	const int n = 20000;
	struct ktap_val key;
	struct ktap_stat s;
	u64 lost, alone;
	int i;

	x->setup = false;
	for (i = 0; i < n; i++) {
		key = val_int(i);
		ktap_agg_add_key(x, g, &key, i);
		if (i % 100 == 0)
			shim_run_work();
	}
	lost = ktap_vm_losses(vm, KTAP_LOSS_TABLE);
	CHECK(lost > 0 && lost < n);
	CHECK(ktap_table_len(g->keys) + lost == n);
	CHECK(key_count(x, g) + lost == n);
	/* alone: buckets that there is no memory for */
	for (i = 0; i < 62; i++)
		ktap_agg_add(x, g, 1LL << i);
	alone = ktap_vm_losses(vm, KTAP_LOSS_TABLE) - lost;
	CHECK(ktap_agg_stat(x, g, &s) && s.count + alone == 62 && bucket_sum(x, g) == s.count);
	/* what needs none goes on */
	CHECK(!ktap_agg_add(x, global(vm, 0), 7));
	CHECK(ktap_agg_stat(x, global(vm, 0), &s) && s.count == 1);
	CHECK(vm->pool.bytes <= 1 << 20 && !ktap_vm_failed(vm));
	x->setup = true;
	ktap_vm_destroy(vm);
}

/* Setup context at the limit: an error with a reason */
static void test_limit(void)
{
	struct ktap_vm *vm = create(1 << 20);
	struct ktap_exec *x = vm->setup;
	struct ktap_val key;
	int i;

	for (i = 0; i < 1000000; i++) {
		key = val_int(i);
		if (ktap_agg_add_key(x, global(vm, 0), &key, i))
			break;
	}
	CHECK(i > 1000 && i < 1000000);
	CHECK(ktap_vm_failed(vm) && strstr(ktap_vm_error_text(vm), "out of memory"));
	ktap_vm_destroy(vm);
}

/*
 * Code that the verifier accepts and no compiler makes: the table of an
 * aggregation, which PAIRS leaves in a register, gets values it never has
 */
static void test_forged(void)
{
	static const struct {
		const char *ctor;
		u32 value;
	} tries[] = {
		{ "count", IW(LOADI, 4, 7) },
		{ "stats", IW(LOADI, 4, 7) },
		{ "count", I(MOVE, 4, 5, 0) },
		{ "stats", I(MOVE, 4, 5, 0) },
		{ "hist", IW(TABLE, 4, 0) },
	};
	struct ktap_log log = { .size = 0 };
	unsigned int i, failed = 0;
	struct ktap_vm *vm;
	struct asm_img a;
	u32 bi;

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		asm_init(&a);
		bi = asm_builtin(&a, tries[i].ctor);
		asm_func(&a, "main", 0, 8, 0);
		asm_emit(&a, I(BCALL, 0, bi, 1));
		asm_emit(&a, I(MOVE, 5, 0, 0));
		asm_emit(&a, IW(LOADI, 3, 1));
		asm_emit(&a, I(AGGT, 0, 3, 3));
		asm_emit(&a, I(MOVE, 1, 0, 0));
		asm_emit(&a, I(PAIRS, 1, 0, 0));
		asm_emit(&a, tries[i].value);
		asm_emit(&a, I(SETT, 1, 3, 4));
		asm_emit(&a, I(AGGT, 0, 3, 3));
		asm_emit(&a, I(RET, 0, 1, 0));
		asm_finish(&a);
		vm = ktap_vm_create(a.bytes, a.size, NULL, &env, &log);
		asm_free(&a);
		if (IS_ERR(vm)) {
			report(false, "%s: image %u refused", __func__, i);
			continue;
		}
		ktap_vm_run_main(vm);
		failed += ktap_vm_failed(vm) &&
			  strstr(ktap_vm_error_text(vm), "entry of another aggregation");
		ktap_vm_destroy(vm);
	}
	CHECK(failed == ARRAY_SIZE(tries));
}

void test_aggregations(void)
{
	test_average();
	test_deviation();
	test_buckets();
	test_exact();
	test_take();
	test_nmi();
	test_size();
	test_no_memory();
	test_limit();
	test_forged();
	host_env_free(&env);
}
