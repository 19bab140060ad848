// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the VM that scripts cannot express.
 *
 * Tables and the pool by themselves and from several threads, code that is
 * verified but does senseless things, contexts, failing allocations.  Prints
 * TAP.
 */
#include <unistd.h>

#include "vmtest.h"

unsigned int tests, failures;

void report(bool ok, const char *fmt, ...)
{
	va_list args;

	printf("%sok %u vm: ", ok ? "" : "not ", ++tests);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	failures += !ok;
}

#define CHECK(cond)	report(cond, "%s: %s", __func__, #cond)

static struct host_env env;

static struct ktap_vm *create(struct asm_img *a, u64 mem_limit)
{
	static char text[512];
	struct ktap_log log = { .buf = text, .size = sizeof(text) };
	struct ktap_vm_params params = { .mem_limit = mem_limit };
	struct ktap_vm *vm;

	host_env_free(&env);
	asm_finish(a);
	vm = ktap_vm_create(a->bytes, a->size, &params, &env, &log);
	asm_free(a);
	if (IS_ERR(vm)) {
		report(false, "image refused: %s", text);
		exit(1);
	}
	return vm;
}

/* A VM whose main chunk does nothing */
static struct ktap_vm *create_empty(u64 mem_limit)
{
	struct asm_img a;

	asm_init(&a);
	asm_func(&a, "main", 0, 200, 0);
	asm_emit(&a, I(RET, 0, 1, 0));
	return create(&a, mem_limit);
}

static struct ktap_val val_int(s64 i)
{
	return (struct ktap_val){ .i = i, .type = KTAP_INT };
}

static struct ktap_val val_str(struct ktap_exec *x, const char *s)
{
	struct ktap_val v;

	if (x->arena_size - x->arena_pos < 2 * KTAP_ARENA_RESERVE)
		x->arena_pos = 0;
	if (ktap_set_str(x, &v, s, strlen(s)))
		abort();
	return v;
}

static s64 get_int(struct ktap_exec *x, struct ktap_table *t, struct ktap_val key)
{
	struct ktap_val v;

	if (ktap_table_get(x, t, &key, &v))
		return -1;
	return v.type == KTAP_INT ? v.i : -2;
}

/* A table that lasts as long as the VM, as a global's does */
static struct ktap_table *new_table(struct ktap_exec *x, unsigned int nstripes)
{
	struct ktap_table *t = ktap_table_new(x, nstripes);

	if (IS_ERR(t))
		abort();
	ktap_obj_share(x->vm, &t->obj);
	return t;
}

static void test_table(unsigned int nstripes)
{
	struct ktap_vm *vm = create_empty(0);
	struct ktap_exec *x = vm->setup;
	struct ktap_table *t = new_table(x, nstripes);
	struct ktap_val key, v, nil = { .type = KTAP_NIL };
	const int n = 20000;
	char buf[32];
	u64 cursor = 0, before;
	int i, bad = 0, seen = 0;

	for (i = 0; i < n; i++) {
		key = val_int(i);
		v = val_int(i * 2);
		bad += !!ktap_table_set(x, t, &key, &v);
		snprintf(buf, sizeof(buf), "key %d", i);
		key = val_str(x, buf);
		bad += !!ktap_table_add(x, t, &key, i);
		bad += !!ktap_table_add(x, t, &key, i);
	}
	CHECK(!bad);
	CHECK(ktap_table_len(t) == 2 * n);
	for (i = 0; i < n; i++) {
		snprintf(buf, sizeof(buf), "key %d", i);
		bad += get_int(x, t, val_int(i)) != 2 * i;
		bad += get_int(x, t, val_str(x, buf)) != 2 * i;
	}
	CHECK(!bad);
	while (ktap_table_next(x, t, &cursor, &key, &v) == 1)
		seen++;
	CHECK(seen == 2 * n);

	/* an iteration that deletes what it meets, and adds other keys */
	cursor = 0;
	seen = 0;
	while (ktap_table_next(x, t, &cursor, &key, &v) == 1) {
		seen += key.type == KTAP_STR || key.i < n;
		ktap_table_delete(x, t, &key);
		if (seen % 4 == 0) {
			key = val_int(n + seen);
			ktap_table_set(x, t, &key, &v);
		}
	}
	CHECK(seen == 2 * n);

	ktap_table_clear(x, t);
	CHECK(ktap_table_len(t) == 0);
	ktap_exec_collect(x);

	/* the same memory serves the same keys again */
	before = vm->pool.bytes;
	t = new_table(x, nstripes);
	for (i = 0; i < n; i++) {
		snprintf(buf, sizeof(buf), "key %d", i);
		key = val_str(x, buf);
		ktap_table_add(x, t, &key, 1);
	}
	CHECK(vm->pool.bytes == before);
	for (i = 0; i < n; i++) {
		snprintf(buf, sizeof(buf), "key %d", i);
		key = val_str(x, buf);
		ktap_table_set(x, t, &key, &nil);
	}
	CHECK(ktap_table_len(t) == 0);
	ktap_vm_destroy(vm);
}

/* A cursor is a number that code can set to anything. */
static void test_cursor(void)
{
	static const u64 cursors[] = {
		1, 100, 0xffffffff, 0x100000000, 0xf00000000, 0xffffffffffffffff,
		0x8000000000000000, 0x7fffffffffffffff, 0x10000000f,
	};
	struct ktap_vm *vm = create_empty(0);
	struct ktap_exec *x = vm->setup;
	struct ktap_table *t = new_table(x, 4);
	struct ktap_val key, v;
	unsigned int i, ends = 0;

	for (i = 0; i < 100; i++) {
		key = val_int(i);
		ktap_table_add(x, t, &key, 1);
	}
	for (i = 0; i < ARRAY_SIZE(cursors); i++) {
		u64 cursor = cursors[i];

		while (ktap_table_next(x, t, &cursor, &key, &v) == 1)
			;
		ends++;
	}
	CHECK(ends == ARRAY_SIZE(cursors));
	ktap_vm_destroy(vm);
}

/* A million keys: bounded memory for each, and the limit is an error */
static void test_large(void)
{
	struct ktap_vm *vm = create_empty(128 << 20);
	struct ktap_exec *x = vm->setup;
	struct ktap_table *t = new_table(x, 4);
	struct ktap_val key;
	int i, n = 1000000, bad = 0;

	for (i = 0; i < n; i++) {
		key = val_int(i * 7919LL);
		bad += !!ktap_table_add(x, t, &key, i);
	}
	CHECK(!bad && ktap_table_len(t) == n);
	CHECK(vm->pool.bytes < 60ULL * n);
	bad = 0;
	for (i = 0; i < n; i += 17)
		bad += get_int(x, t, val_int(i * 7919LL)) != i;
	CHECK(!bad);
	ktap_vm_destroy(vm);

	vm = create_empty(1 << 20);
	x = vm->setup;
	t = new_table(x, 1);
	for (i = 0; i < n; i++) {
		key = val_int(i);
		if (ktap_table_add(x, t, &key, i))
			break;
	}
	CHECK(i > 10000 && i < n);
	CHECK(vm->pool.bytes <= 1 << 20);
	CHECK(ktap_vm_failed(vm) && strstr(ktap_vm_error_text(vm), "out of memory"));
	ktap_vm_destroy(vm);
}

/* A table in NMI: what is locked is left, and counted */
static void test_nmi(void)
{
	struct ktap_vm *vm = create_empty(0);
	struct ktap_exec *x = vm->setup;
	struct ktap_table *t = new_table(x, 1);
	struct ktap_val key = val_int(1), v = val_int(2);
	/* the lock is the first member of the only stripe */
	struct ktap_spinlock *lock = (struct ktap_spinlock *)t->stripes;
	u64 cursor = 0;
	void *p;
	unsigned long flags;

	ktap_table_set(x, t, &key, &v);
	x->setup = false;
	x->nmi = true;
	if (!ktap_spin_trylock(lock, &flags))
		abort();
	CHECK(!ktap_table_add(x, t, &key, 1));
	CHECK(!ktap_table_set(x, t, &key, &v));
	CHECK(!ktap_table_get(x, t, &key, &v) && v.type == KTAP_NIL);
	CHECK(!ktap_table_has(x, t, &key));
	CHECK(!ktap_table_next(x, t, &cursor, &key, &v));
	CHECK(!ktap_table_clear(x, t));
	CHECK(ktap_vm_losses(vm, KTAP_LOSS_BUSY) == 6);
	ktap_spin_unlock(lock, flags);
	key = val_int(1);
	CHECK(get_int(x, t, key) == 2);

	/* the pool is locked: a block is given back later */
	p = ktap_pool_alloc(&vm->pool, 100, false);
	if (!ktap_spin_trylock(&vm->pool.lock, &flags))
		abort();
	CHECK(PTR_ERR(ktap_pool_alloc(&vm->pool, 100, true)) == -EBUSY);
	ktap_pool_free(&vm->pool, p, 100, true);
	key = val_str(x, "a key that needs memory");
	CHECK(!ktap_table_add(x, t, &key, 1));
	CHECK(ktap_vm_losses(vm, KTAP_LOSS_BUSY) == 7);
	ktap_spin_unlock(&vm->pool.lock, flags);
	ktap_pool_refill(&vm->pool);
	CHECK(ktap_pool_alloc(&vm->pool, 100, false) == p);
	x->setup = true;
	x->nmi = false;
	ktap_vm_destroy(vm);
}

/* Handlers find the pool empty: drops are counted, and more comes */
static void test_pool(void)
{
	struct ktap_vm *vm = create_empty(4 << 20);
	struct ktap_exec *x = vm->setup;
	struct ktap_table *t;
	struct ktap_val key;
	int i, n = 0, round;

	t = new_table(x, 1);
	x->setup = false;
	vm->phase = KTAP_PHASE_EVENTS;
	for (round = 0; round < 50; round++) {
		for (i = 0; i < 10000; i++) {
			key = val_int(n++);
			ktap_table_add(x, t, &key, 1);
		}
		if (round == 0)
			CHECK(ktap_vm_losses(vm, KTAP_LOSS_TABLE) > 0);
		shim_run_work();
	}
	CHECK(ktap_table_len(t) + ktap_vm_losses(vm, KTAP_LOSS_TABLE) == n);
	CHECK(vm->pool.bytes <= 4 << 20);
	CHECK(ktap_table_len(t) > 50000);
	CHECK(!ktap_vm_failed(vm));
	/* what there is still counts */
	key = val_int(0);
	CHECK(!ktap_table_add(x, t, &key, 1) && get_int(x, t, key) == 2);
	x->setup = true;
	ktap_vm_destroy(vm);
}

static void test_pool_sizes(void)
{
	struct ktap_pool p;
	char *ptr[KTAP_POOL_MAX + 1];
	unsigned int i, round, bad = 0;

	ktap_pool_init(&p, 64 << 20);
	for (round = 0; round < 2; round++) {
		for (i = 1; i <= KTAP_POOL_MAX; i++) {
			ptr[i] = ktap_pool_alloc(&p, i, false);
			while (IS_ERR(ptr[i])) {
				bad += !!ktap_pool_grow(&p);
				ptr[i] = ktap_pool_alloc(&p, i, false);
			}
			bad += (unsigned long)ptr[i] % 16;
			memset(ptr[i], i, i);
		}
		for (i = 1; i <= KTAP_POOL_MAX; i++) {
			bad += ptr[i][0] != (char)i || ptr[i][i - 1] != (char)i;
			ktap_pool_free(&p, ptr[i], i, false);
		}
	}
	CHECK(!bad);
	CHECK(p.bytes < 2 * KTAP_POOL_MAX * KTAP_POOL_MAX / 2);
	ktap_pool_destroy(&p);
}

/*
 * Threads
 */
#define THREADS	4

static struct ktap_vm *shared_vm;
static struct ktap_closure *shared_fn[2];
static unsigned long rounds;
static bool workers_stop;

/* Runs the first handler, on a CPU of its own */
static void *handle(void *arg)
{
	unsigned long i;

	shim_cpu = (unsigned long)arg;
	for (i = 0; i < rounds; i++)
		ktap_vm_handle(shared_vm, shared_fn[(unsigned long)arg & 1], NULL);
	return NULL;
}

static void *worker(void *arg)
{
	while (!__atomic_load_n(&workers_stop, __ATOMIC_RELAXED)) {
		shim_run_work();
		usleep(100);
	}
	return NULL;
}

static void run_threads(unsigned long n)
{
	pthread_t t[THREADS], w;
	unsigned long i;

	rounds = n;
	workers_stop = false;
	pthread_create(&w, NULL, worker, NULL);
	for (i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, handle, (void *)i);
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	__atomic_store_n(&workers_stop, true, __ATOMIC_RELAXED);
	pthread_join(w, NULL);
}

/* t[k] += 1, g += 1, and a captured variable, from all CPUs */
static void test_exact(void)
{
	const unsigned long n = 100000;
	struct ktap_val key, v;
	struct asm_img a;
	u32 f, k;

	asm_init(&a);
	asm_global(&a, "t", KTAP_GLOBAL_TABLE);
	asm_global(&a, "g", KTAP_GLOBAL_NIL);
	asm_global(&a, "fn", KTAP_GLOBAL_NIL);
	k = asm_const_str(&a, "key");
	asm_func(&a, "main", 0, 4, 0);
	asm_emit(&a, IW(LOADI, 0, 0));
	asm_emit(&a, I(CELL, 0, 0, 0));
	asm_emit(&a, IW(CLOSURE, 1, 1));
	asm_emit(&a, IW(SETG, 1, 2));
	asm_emit(&a, I(RET, 0, 1, 0));
	f = asm_func(&a, "handler", 1, 6, 0);
	asm_upval(&a, 1, 0);
	asm_emit(&a, IW(GETG, 1, 0));
	asm_emit(&a, IW(LOADK, 2, k));
	asm_emit(&a, IW(LOADI, 3, 1));
	asm_emit(&a, I(ADDT, 1, 2, 3));
	asm_emit(&a, IW(ADDG, 3, 1));
	asm_emit(&a, I(ADDU, 3, 0, 0));
	asm_emit(&a, I(RET, 0, 1, 0));
	shared_vm = create(&a, 0);
	CHECK(f == 1 && !ktap_vm_run_main(shared_vm));
	shared_fn[0] = shared_vm->globals[2].v.f;
	shared_fn[1] = shared_fn[0];
	run_threads(n);
	key = (struct ktap_val){ .s = shared_vm->img.consts[k].s, .type = KTAP_STR };
	CHECK(get_int(shared_vm->setup, shared_vm->globals[0].v.t, key) == THREADS * n);
	CHECK(shared_vm->globals[1].v.i == THREADS * n);
	v = shared_fn[0]->up[0]->slot.v;
	CHECK(v.type == KTAP_INT && v.i == THREADS * n);
	CHECK(!ktap_vm_failed(shared_vm));
	ktap_vm_destroy(shared_vm);
}

/*
 * Handlers that replace tables others hold, capture variables, iterate: all
 * of it is freed, and nothing before its time.
 */
static void test_lifetime(void)
{
	const unsigned long n = 20000;
	struct asm_img a;
	u32 k, s;

	asm_init(&a);
	asm_global(&a, "t", KTAP_GLOBAL_TABLE);
	asm_global(&a, "g", KTAP_GLOBAL_NIL);
	asm_global(&a, "f", KTAP_GLOBAL_NIL);
	k = asm_const_str(&a, "key");
	s = asm_const_str(&a, "and more");
	asm_func(&a, "main", 0, 4, 0);
	asm_emit(&a, IW(CLOSURE, 1, 1));
	asm_emit(&a, IW(SETG, 1, 2));
	asm_emit(&a, I(RET, 0, 1, 0));

	asm_func(&a, "handler", 1, 12, 0);
	/* new = {[1] = "key" .. "and more", [2] = {}}; t.key = new; g = new */
	asm_emit(&a, IW(TABLE, 1, 2));
	asm_emit(&a, IW(LOADI, 2, 1));
	asm_emit(&a, IW(LOADK, 3, k));
	asm_emit(&a, IW(LOADK, 4, s));
	asm_emit(&a, I(CONCAT, 3, 3, 2));
	asm_emit(&a, I(SETT, 1, 2, 3));
	asm_emit(&a, IW(TABLE, 5, 0));
	asm_emit(&a, I(SETT, 1, 5, 5));
	asm_emit(&a, IW(GETG, 6, 0));
	asm_emit(&a, IW(LOADK, 7, k));
	asm_emit(&a, I(GETT, 8, 6, 7));		/* old, maybe of another CPU */
	asm_emit(&a, I(SETT, 6, 7, 1));
	asm_emit(&a, IW(SETG, 1, 1));
	/* a closure with a variable, stored */
	asm_emit(&a, I(CELL, 3, 0, 0));
	asm_emit(&a, IW(CLOSURE, 9, 2));
	asm_emit(&a, I(SETT, 6, 2, 9));
	asm_emit(&a, I(GETT, 9, 6, 2));
	asm_emit(&a, I(CALL, 9, 1, 2));
	/* the old table is still good: iterate over it, put it back */
	asm_emit(&a, IW(JF, 8, 6));
	asm_emit(&a, I(MOVE, 0, 8, 0));
	asm_emit(&a, I(PAIRS, 8, 0, 0));
	asm_emit(&a, IW(NEXT, 8, 1));
	asm_emit(&a, IJ(JMP, -2));
	asm_emit(&a, IW(LOADI, 7, 5));
	asm_emit(&a, I(SETT, 6, 7, 0));
	asm_emit(&a, I(RET, 0, 1, 0));

	asm_func(&a, "inner", 0, 2, 0);
	asm_upval(&a, 1, 3);
	asm_emit(&a, I(GETU, 0, 0, 0));
	asm_emit(&a, I(SETU, 0, 0, 0));
	asm_emit(&a, I(RET, 0, 2, 0));
	shared_vm = create(&a, 8 << 20);
	CHECK(!ktap_vm_run_main(shared_vm));
	shared_fn[0] = shared_vm->globals[2].v.f;
	shared_fn[1] = shared_fn[0];
	run_threads(n);
	if (ktap_vm_error_text(shared_vm))
		printf("# %s", ktap_vm_error_text(shared_vm));
	CHECK(!ktap_vm_failed(shared_vm));
	printf("# pool %llu KiB, lost %llu\n", shared_vm->pool.bytes >> 10,
	       ktap_vm_losses(shared_vm, KTAP_LOSS_TABLE));
	/* each of the events made six objects */
	CHECK(shared_vm->pool.bytes <= 8 << 20);
	ktap_vm_destroy(shared_vm);
}

/* Two threads: one iterates over a table while the other changes it */
static struct ktap_table *iter_table;

static void *changer(void *arg)
{
	struct ktap_exec *x = ktap_exec_alloc(64, 4, KTAP_HANDLER_ARENA, 0);
	struct ktap_val key, v = val_int(1), nil = { .type = KTAP_NIL };
	u32 r = 12345, i;

	x->vm = arg;
	x->setup = true;
	for (i = 0; !__atomic_load_n(&workers_stop, __ATOMIC_RELAXED); i++) {
		r = r * 1103515245 + 12345;
		key = val_int(1000 + (r >> 8) % 5000);
		ktap_table_set(x, iter_table, &key, r & 0x40 ? &v : &nil);
	}
	ktap_exec_free(x);
	return NULL;
}

static void test_iteration(void)
{
	struct ktap_vm *vm = create_empty(0);
	struct ktap_exec *x = vm->setup;
	struct ktap_val key, v;
	unsigned int round, bad = 0;
	u8 seen[1000];
	pthread_t t;
	int i;

	iter_table = new_table(x, 4);
	for (i = 0; i < 1000; i++) {
		key = val_int(i);
		ktap_table_add(x, iter_table, &key, 1);
	}
	workers_stop = false;
	pthread_create(&t, NULL, changer, vm);
	for (round = 0; round < 100; round++) {
		u64 cursor = 0;

		memset(seen, 0, sizeof(seen));
		while (ktap_table_next(x, iter_table, &cursor, &key, &v) == 1) {
			if (key.i < 1000)
				seen[key.i]++;
		}
		for (i = 0; i < 1000; i++)
			bad += seen[i] != 1;
	}
	__atomic_store_n(&workers_stop, true, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	CHECK(!bad);
	ktap_vm_destroy(vm);
}

/* A handler whose level is taken is counted; other levels are not affected */
static void test_nested(void)
{
	struct ktap_exec *x;
	struct ktap_vm *vm;
	struct asm_img a;

	asm_init(&a);
	asm_global(&a, "g", KTAP_GLOBAL_NIL);
	asm_func(&a, "main", 0, 4, 0);
	asm_emit(&a, I(RET, 0, 1, 0));
	asm_func(&a, "handler", 0, 1, 0);
	asm_emit(&a, IW(LOADI, 0, 1));
	asm_emit(&a, IW(ADDG, 0, 0));
	asm_emit(&a, I(RET, 0, 1, 0));
	vm = create(&a, 0);
	CHECK(!ktap_vm_run_main(vm));
	x = ktap_exec_enter();
	CHECK(x);
	ktap_vm_handle(vm, vm->img.protos[1].closure, NULL);
	CHECK(ktap_vm_losses(vm, KTAP_LOSS_NESTED) == 1);
	for (shim_level = 1; shim_level < SHIM_LEVELS; shim_level++)
		ktap_vm_handle(vm, vm->img.protos[1].closure, NULL);
	shim_level = 0;
	ktap_exec_leave(x);
	CHECK(ktap_vm_losses(vm, KTAP_LOSS_NESTED) == 1);
	CHECK(vm->globals[0].v.i == 3);
	ktap_vm_request_stop(vm);
	ktap_vm_handle(vm, vm->img.protos[1].closure, NULL);
	CHECK(vm->globals[0].v.i == 3);
	ktap_vm_destroy(vm);
}

/*
 * Verified code that no compiler would make
 */
static void run_code(const char *what, const char *error, const u32 *code, unsigned int n)
{
	struct asm_img a;
	struct ktap_vm *vm;
	const char *text;
	unsigned int i;
	bool ok;
	int ret;

	asm_init(&a);
	asm_const_int(&a, 7);
	asm_const_str(&a, "str");
	asm_global(&a, "g", KTAP_GLOBAL_NIL);
	asm_builtin(&a, "print");
	asm_builtin(&a, "kdebug.trace_end");
	asm_func(&a, "main", 0, 20, KTAP_FUNC_VARARG);
	for (i = 0; i < n; i++)
		asm_emit(&a, code[i]);
	asm_emit(&a, I(RET, 0, 1, 0));
	asm_func(&a, "inner", 0, 2, 0);
	asm_upval(&a, 1, 3);
	asm_emit(&a, I(GETU, 0, 0, 0));
	asm_emit(&a, I(RET, 0, 2, 0));
	vm = create(&a, 1 << 20);
	ret = ktap_vm_run_main(vm);
	text = ktap_vm_error_text(vm);
	ok = error ? ret == -EIO && text && strstr(text, error) : !ret && !text;
	report(ok, "%s%s%s", what, ok ? "" : ": ", ok ? "" : text ?: "no error");
	if (ok && text)
		host_note("run %.*s\n", (int)strcspn(text, "\n"), text);
	ktap_vm_run_end(vm);
	ktap_vm_destroy(vm);
}

#define RUN(error, ...)							\
	do {								\
		static const u32 code_[] = { __VA_ARGS__ };		\
									\
		run_code(#__VA_ARGS__, error, code_, ARRAY_SIZE(code_)); \
	} while (0)

static void test_senseless(void)
{
	/* registers that were never written are nil */
	RUN("get key from non-table", I(GETT, 0, 1, 2));
	RUN("attempt to call nil", I(CALL, 0, 1, 1));
	RUN(NULL, I(MOVE, 0, 19, 0), I(ADD, 1, 0, 2), I(NOT, 1, 2, 0), I(EQ, 3, 4, 5));
	RUN("captured variable", I(GETC, 0, 1, 0));
	RUN("captured variable", I(SETC, 0, 1, 0));
	RUN("captured variable", I(ADDC, 0, 1, 0));
	RUN("captured variable", IW(CLOSURE, 0, 1));
	RUN(NULL, I(CELL, 3, 0, 0), IW(CLOSURE, 0, 1), I(CALL, 0, 1, 2));
	/* cells are values of registers like others, but no script's */
	RUN("arith", I(CELL, 0, 0, 0), I(ADD, 1, 0, 0));
	RUN("compare", I(CELL, 0, 0, 0), IW(LOADI, 1, 1), I(LT, 1, 0, 1));
	RUN("concat", I(CELL, 0, 0, 0), I(CONCAT, 1, 0, 1));
	RUN("compound", I(CELL, 0, 0, 0), I(TUPLE, 1, 0, 1));
	RUN("compare", I(CELL, 0, 0, 0), I(LTI, 1, 0, 1));
	RUN("compare", I(CELL, 0, 0, 0), I(GEI, 0, 0, 255));
	RUN(NULL, I(CELL, 0, 0, 0), I(EQI, 0, 0, 1), I(NEI, 0, 0, 128));
	RUN("non-table", I(CELL, 0, 0, 0), I(ADDTI, 0, 0, 1));
	RUN("non-table", I(ADDTI, 0, 1, 255));
	RUN("nil index", IW(TABLE, 0, 0), I(ADDTI, 0, 1, 255));
	RUN("call", I(CELL, 0, 0, 0), I(CALL, 0, 1, 1));
	RUN("non-table", I(CELL, 0, 0, 0), I(GETT, 0, 0, 1));
	RUN(NULL, I(CELL, 0, 0, 0), I(BCALL, 0, 0, 2));
	RUN(NULL, I(CELL, 0, 0, 0), IW(SETG, 0, 0), IW(GETG, 1, 0), I(GETC, 2, 1, 0));
	RUN(NULL, I(CELL, 0, 0, 0), I(CELL, 0, 0, 0), I(GETC, 1, 0, 0), I(GETC, 1, 1, 0));
	RUN(NULL, I(CELL, 0, 0, 0), IW(TABLE, 1, 0), I(SETT, 1, 0, 0), I(GETT, 2, 1, 0),
	    I(BCALL, 1, 0, 2));
	/* loops with other things in their registers */
	RUN("must be a number", IW(FORPREP, 0, 0));
	RUN("step is 0", IW(LOADI, 0, 1), IW(LOADI, 1, 5), IW(LOADI, 2, 0), IW(FORPREP, 0, 0));
	RUN("not a number", IW(FORLOOP, 0, 0xffff));
	RUN("not a number", IW(LOADI, 0, 1), IW(LOADI, 1, 9), IW(LOADK, 2, 1),
	    IW(FORLOOP, 0, 0xffff));
	RUN("instruction limit", IW(LOADI, 0, 1), IW(LOADI, 1, 9), IW(LOADI, 2, 0),
	    IW(FORLOOP, 0, 0xffff));
	RUN("pairs", IW(NEXT, 0, 0));
	RUN("pairs", IW(TABLE, 0, 0), IW(LOADK, 1, 1), IW(NEXT, 0, 0));
	RUN(NULL, IW(TABLE, 0, 0), IW(LOADI, 1, 0xffff), IW(NEXT, 0, 0));
	/* loops that are nothing but a jump */
	RUN("instruction limit", IJ(JMP, -1));
	RUN("instruction limit", I(BOOL, 0, 1, 0), IW(JT, 0, 0xffff));
	RUN("instruction limit", IW(JF, 0, 0xffff));
	/* calls */
	RUN(NULL, IW(BUILTIN, 0, 0), I(CALL, 0, 20, 21));
	RUN(NULL, IW(BUILTIN, 19, 0), I(MOVE, 18, 19, 0), I(CALL, 19, 1, 2), I(TAIL, 18, 1, 0));
	RUN(NULL, IW(BUILTIN, 0, 0), I(CALL, 0, 1, 0), I(BCALL, 0, 0, 0));
	RUN("wrong number of arguments", IW(BUILTIN, 0, 1), I(CALL, 0, 1, 1));
	RUN("wrong number of arguments", I(VARARG, 0, 0, 0), I(BCALL, 0, 1, 0));
	RUN("wrong type", I(BCALL, 0, 1, 2));
	RUN(NULL, I(VARARG, 0, 0, 0), I(RET, 0, 0, 0));
	/* without an event */
	RUN("no event", IW(FIELD, 0, 1));
	RUN("no event", I(ARG, 0, 255, 0));
	RUN(NULL, IW(HASF, 0, 1), I(EVENT, 0, 0, 0), I(BCALL, 0, 0, 2));
	RUN("non-table", I(EVENT, 0, 0, 0), I(GETK, 0, 0, 1));
}

/* option(): values that the tool would have refused */
static void run_option(const char *options, size_t size, s64 def, bool flag, const char *want)
{
	struct asm_img a;
	struct ktap_vm *vm;
	const char *text;
	bool ok;
	int ret;

	asm_init(&a);
	asm_const_str(&a, "name");
	asm_builtin(&a, "option");
	asm_func(&a, "main", 0, 3, 0);
	asm_emit(&a, def < 0 ? IW(LOADI, 0, 1) : IW(LOADK, 0, 0));
	asm_emit(&a, flag ? I(BOOL, 1, def, 0) : IW(LOADI, 1, def));
	asm_emit(&a, IW(LOADK, 2, 0));
	asm_emit(&a, I(BCALL, 0, 0, 4));
	asm_emit(&a, I(RET, 0, 1, 0));
	vm = create(&a, 1 << 20);
	ret = ktap_vm_set_options(vm, options, size);
	if (!ret)
		ret = ktap_vm_run_main(vm);
	text = ktap_vm_error_text(vm);
	ok = want ? text && strstr(text, want) : ret == -EINVAL;
	report(ok, "option() with '%s': %s", options, want ?: "refused");
	if (ok && text)
		host_note("run %.*s\n", (int)strcspn(text, "\n"), text);
	ktap_vm_run_end(vm);
	ktap_vm_destroy(vm);
}

#define OPTION(text, def, flag, want)	run_option(text, sizeof(text), def, flag, want)

static void test_options(void)
{
	static char big[KTAP_MAX_STR + 8];

	OPTION("name=x", 1, false, "the option --name takes a number");
	OPTION("name=", 1, false, "the option --name takes a number");
	OPTION("other=5\0name=1x", 1, false, "takes a number");
	OPTION("name=maybe", 1, true, "the option --name is true or false");
	OPTION("name=x", -1, false, "wrong type of argument 1");
	/* no '=', no terminator, too long */
	OPTION("name", 1, false, NULL);
	run_option("name=1", 6, 1, false, NULL);
	memset(big, '=', sizeof(big) - 1);
	run_option(big, sizeof(big), 1, false, NULL);
}

/* The arena: what registers refer to survives, wherever it stood */
static void test_arena(void)
{
	struct ktap_vm *vm = create_empty(0);
	struct ktap_exec *x = vm->setup;
	struct ktap_proto *p = &vm->img.protos[0];
	char buf[200];
	int i, n, bad = 0;

	x->frame = x->frames;
	*x->frame = (struct ktap_frame){ .fn = p->closure, .base = x->stack, .ret = x->stack,
		.pc = p->code };
	for (i = 0; i < 200; i++)
		ktap_set_nil(&x->stack[i]);
	for (n = 0; n < 20000; n++) {
		unsigned int r = (n * 7919u) % 200;

		memset(buf, 'a' + r % 26, r);
		if (ktap_arena_ensure(x, KTAP_ARENA_RESERVE) ||
		    ktap_set_str(x, &x->stack[r], buf, r))
			break;
		if (n % 3 == 0)
			x->stack[(r + 1) % 200] = x->stack[r];
		if (n % 5 == 0)
			ktap_set_nil(&x->stack[(r + 7) % 200]);
	}
	CHECK(n == 20000);
	ktap_arena_compact(x);
	for (i = 0; i < 200; i++) {
		struct ktap_val *v = &x->stack[i];
		unsigned int k;

		if (v->type != KTAP_STR)
			continue;
		for (k = 0; k < v->s->len; k++)
			bad += v->s->data[k] != 'a' + v->s->len % 26;
		bad += v->s->data[v->s->len] != 0;
	}
	CHECK(!bad);
	CHECK(x->arena_pos < 200 * 232);
	x->frame = NULL;
	ktap_vm_destroy(vm);
}

/* exit() and errors: the first counts */
static void test_stop(void)
{
	struct ktap_vm *vm = create_empty(0);

	CHECK(ktap_vm_exit(vm->setup, 3) == -ECANCELED);
	ktap_vm_exit(vm->setup, 4);
	CHECK(ktap_vm_exit_code(vm) == 3 && ktap_vm_stopping(vm) && !ktap_vm_failed(vm));
	CHECK(env.stopped);
	CHECK(ktap_error(vm->setup, "first") == -EIO);
	CHECK(ktap_error(vm->setup, "second") == -EIO);
	CHECK(!strcmp(ktap_vm_error_text(vm), "test.kp:0: error: first\n"));
	ktap_vm_destroy(vm);

	vm = create_empty(0);
	env.interrupt = 1;
	CHECK(ktap_vm_run_main(vm) == -EINTR);
	CHECK(ktap_vm_stopping(vm) && !ktap_vm_failed(vm));
	CHECK(!ktap_vm_run_end(vm));
	ktap_vm_destroy(vm);
}

static void test_strings(void)
{
	static const struct {
		const char *pat, *str;
		bool match;
	} globs[] = {
		{ "", "", true }, { "", "a", false }, { "a", "", false }, { "*", "", true },
		{ "*", "abc", true }, { "a*c", "abc", true }, { "a*c", "ac", true },
		{ "a*c", "abcd", false }, { "?", "a", true }, { "?", "", false },
		{ "a?c", "abc", true }, { "[a-c]x", "bx", true }, { "[a-c]x", "dx", false },
		{ "[!a-c]x", "dx", true }, { "[!a-c]x", "ax", false }, { "[]]", "]", true },
		{ "[", "[", true }, { "[a", "[a", true }, { "[a", "a", false },
		{ "\\*", "*", true }, { "\\*", "a", false }, { "\\", "\\", true },
		{ "*.c", "foo.c", true }, { "*.c", "foo.c.h", false }, { "**a**", "bab", true },
		{ "*aab*", "aaaaaab", true }, { "ba*", "bash", true }, { "[a-]", "-", true },
		{ "*ab?d*", "xxabxxabcdxx", true }, { "[^a]", "b", true },
	};
	static const struct {
		const char *s;
		bool ok;
		s64 i;
	} ints[] = {
		{ "0", true, 0 }, { "42", true, 42 }, { "-42", true, -42 }, { "+7", true, 7 },
		{ " 5\n", true, 5 }, { "", false, 0 }, { "-", false, 0 }, { "x", false, 0 },
		{ "5x", false, 0 }, { "0x10", true, 16 }, { "0xg", false, 0 },
		{ "9223372036854775807", true, INT64_MAX },
		{ "9223372036854775808", false, 0 },
		{ "-9223372036854775808", true, INT64_MIN },
		{ "-9223372036854775809", false, 0 },
		{ "18446744073709551616", false, 0 }, { "99999999999999999999", false, 0 },
		{ "0xffffffffffffffff", true, -1 }, { "0x10000000000000000", false, 0 },
		{ "0x", false, 0 }, { "1 2", false, 0 },
	};
	struct ktap_vm *vm = create_empty(0);
	struct ktap_exec *x = vm->setup;
	unsigned int i;
	char buf[KTAP_INT_DIGITS];
	s64 v, steps;

	for (i = 0; i < ARRAY_SIZE(globs); i++) {
		struct ktap_val p = val_str(x, globs[i].pat), s = val_str(x, globs[i].str);

		steps = 1000;
		report(ktap_glob(p.s, s.s, &steps) == globs[i].match, "glob '%s' '%s'",
		       globs[i].pat, globs[i].str);
	}
	for (i = 0; i < ARRAY_SIZE(ints); i++)
		report(ktap_parse_int(ints[i].s, strlen(ints[i].s), &v) == ints[i].ok &&
		       (!ints[i].ok || v == ints[i].i), "number '%s'", ints[i].s);
	CHECK(ktap_fmt_int(buf, INT64_MIN) == 20 && !strcmp(buf, "-9223372036854775808"));
	CHECK(ktap_fmt_int(buf, INT64_MAX) == 19 && !strcmp(buf, "9223372036854775807"));
	CHECK(ktap_fmt_int(buf, 0) == 1 && !strcmp(buf, "0"));
	ktap_vm_destroy(vm);
}

/*
 * What costs more than it looks like
 */
static void test_keys(u64 factor, const char *what)
{
	struct ktap_vm *vm = create_empty(0);
	struct ktap_exec *x = vm->setup;
	struct ktap_table *t = new_table(x, 4);
	const int n = 20000;
	struct ktap_val key;
	int i, bad = 0;

	/* a chain that gets too long takes no more */
	for (i = 1; i <= n; i++) {
		key = val_int(i * factor);
		bad += !!ktap_table_add(x, t, &key, 1);
	}
	report(!bad && ktap_table_len(t) == n,
	       "keys that are multiples of %s do not collide", what);
	ktap_vm_destroy(vm);
}

/* Two thousand instructions in a row, each of which takes a million steps */
static void test_straight(void)
{
	struct ktap_vm_params params = { .main_budget = 1000000 };
	char pat[1003] = "*[", str[1001] = "";
	struct ktap_vm *vm;
	struct asm_img a;
	s64 steps = 2000000;
	int i;

	memset(pat + 2, 'b', sizeof(pat) - 4);
	pat[sizeof(pat) - 2] = ']';
	memset(str, 'a', sizeof(str) - 1);
	asm_init(&a);
	asm_const_str(&a, str);
	asm_const_str(&a, pat);
	asm_func(&a, "main", 0, 3, 0);
	asm_emit(&a, IW(LOADK, 0, 0));
	asm_emit(&a, IW(LOADK, 1, 1));
	for (i = 0; i < 2000; i++)
		asm_emit(&a, I(MATCH, 2, 0, 1));
	asm_emit(&a, I(RET, 0, 1, 0));
	asm_finish(&a);
	host_env_free(&env);
	vm = ktap_vm_create(a.bytes, a.size, &params, &env, NULL);
	asm_free(&a);
	if (IS_ERR(vm))
		exit(1);
	CHECK(!ktap_glob(vm->img.consts[1].s, vm->img.consts[0].s, &steps));
	/* a class that does not match costs what looking at it takes */
	CHECK(steps <= 2000000 - 1000 * 990);
	CHECK(ktap_vm_run_main(vm) == -EIO);
	CHECK(strstr(ktap_vm_error_text(vm) ?: "", "instruction limit"));
	ktap_vm_destroy(vm);
}

/*
 * Failing allocations: each in turn fails, from creation to destruction
 */
static int run_all(void)
{
	char text[256];
	struct ktap_log log = { .buf = text, .size = sizeof(text) };
	struct host_env e = { .ts = 0 };
	struct ktap_vm *vm;
	struct asm_img a;
	u32 t, i, agg, hist, sort, print;
	int ret;

	asm_init(&a);
	t = asm_const_str(&a, "test:one");
	asm_global(&a, "t", KTAP_GLOBAL_TABLE);
	asm_global(&a, "arg", KTAP_GLOBAL_ARGS);
	asm_builtin(&a, "kdebug.trace");
	print = asm_builtin(&a, "print");
	asm_builtin(&a, "kdebug.trace_end");
	hist = asm_builtin(&a, "hist");
	sort = asm_builtin(&a, "sort_pairs");
	agg = asm_global(&a, "agg", KTAP_GLOBAL_STATS);
	asm_func(&a, "main", 0, 10, 0);
	asm_emit(&a, IW(LOADK, 0, t));
	asm_emit(&a, IW(CLOSURE, 1, 1));
	asm_emit(&a, I(BCALL, 0, 0, 3));
	asm_emit(&a, IW(CLOSURE, 0, 1));
	asm_emit(&a, I(BCALL, 0, 2, 2));
	/* fill a table, so that the pool has to grow a few times */
	asm_emit(&a, IW(GETG, 4, 0));
	asm_emit(&a, IW(LOADI, 0, 1));
	asm_emit(&a, IW(LOADI, 1, 3000));
	asm_emit(&a, IW(LOADI, 2, 1));
	asm_emit(&a, IW(FORPREP, 0, 5));
	asm_emit(&a, IW(LOADK, 5, t));
	asm_emit(&a, I(MOVE, 6, 3, 0));
	asm_emit(&a, I(CONCAT, 5, 5, 2));
	asm_emit(&a, I(SETT, 4, 3, 5));
	asm_emit(&a, IW(FORLOOP, 0, -5));
	/* and a histogram by key, which is sorted and put out */
	asm_emit(&a, I(BCALL, 7, hist, 1));
	asm_emit(&a, IW(SETG, 7, agg));
	asm_emit(&a, IW(LOADI, 0, 1));
	asm_emit(&a, IW(FORPREP, 0, 3));
	asm_emit(&a, I(AGGT, 7, 3, 3));
	asm_emit(&a, I(AGG, 7, 3, 0));
	asm_emit(&a, IW(FORLOOP, 0, -3));
	asm_emit(&a, I(MOVE, 5, 7, 0));
	asm_emit(&a, I(BCALL, 5, sort, 2));
	asm_emit(&a, I(BCALL, 5, print, 2));
	asm_emit(&a, I(BCALL, 7, print, 2));
	asm_emit(&a, I(RET, 0, 1, 0));
	asm_func(&a, "handler", 1, 6, 0);
	asm_emit(&a, IW(GETG, 1, agg));
	asm_emit(&a, IW(LOADI, 2, 3));
	asm_emit(&a, I(AGG, 1, 2, 0));
	asm_emit(&a, I(AGGT, 1, 1, 2));
	asm_emit(&a, IW(GETG, 1, 0));
	asm_emit(&a, IW(TABLE, 2, 0));
	asm_emit(&a, I(SETT, 1, 2, 2));
	asm_emit(&a, I(CELL, 2, 0, 0));
	asm_emit(&a, I(RET, 0, 1, 0));
	asm_finish(&a);
	vm = ktap_vm_create(a.bytes, a.size, NULL, &e, &log);
	asm_free(&a);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	ret = ktap_vm_set_args(vm, "a\0b\0xy", 7);
	if (!ret)
		ret = host_run(&e, vm, 2);
	for (i = 0; i < 100; i++)
		shim_run_work();
	ktap_vm_destroy(vm);
	host_env_free(&e);
	return ret;
}

static void test_failing(void)
{
	long n, total, before = shim_live, bad = 0, worst = 0;
	int ret;

	shim_allocs = 0;
	ret = run_all();
	total = shim_allocs;
	CHECK(!ret && total > 10);
	for (n = 1; n <= total; n++) {
		shim_allocs = 0;
		shim_fail_alloc = n;
		ret = run_all();
		shim_fail_alloc = 0;
		if ((ret && ret != -ENOMEM && ret != -EIO) || shim_live != before) {
			bad++;
			worst = n;
		}
	}
	report(!bad, "each of %ld allocations failed in turn (%ld bad, the last %ld)", total, bad,
	       worst);
}

int main(void)
{
	printf("TAP version 13\n");
	test_verifier();
	test_strings();
	test_pool_sizes();
	test_table(1);
	test_table(16);
	test_cursor();
	test_large();
	test_nmi();
	test_pool();
	test_nested();
	test_stop();
	test_arena();
	test_senseless();
	test_options();
	test_keys(1, "1");
	test_keys(1ULL << 48, "2^48");
	/* the inverse of the factor that a hash of the kernel has */
	test_keys(0xe217c1e66c88cc3ULL, "the inverse of a golden ratio");
	test_straight();
	test_iteration();
	test_exact();
	test_lifetime();
	test_aggregations();
	test_stacks();
	test_failing();
	host_env_free(&env);
	if (shim_live)
		report(false, "%ld allocations not freed", shim_live);
	printf("1..%u\n# vm: %u passed, %u failed\n", tests, tests - failures, failures);
	return !!failures;
}
