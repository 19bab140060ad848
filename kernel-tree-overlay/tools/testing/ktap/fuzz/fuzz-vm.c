// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: what the verifier accepts can be executed.
 *
 * The input is an image, mostly one that mutate.c made of another.  A whole
 * session runs with small limits; which, and what else goes wrong (an
 * allocation, a block of the pool, a record that is lost, a signal, a level
 * that is taken, an interrupt or NMI whose handlers run between any two steps),
 * follows from a hash of the bytes, so that each input does the same every time.
 * Afterwards nothing is left, the books are in order, and the output is
 * well-formed and can be rendered.  A session in which nothing goes wrong runs
 * again with so little room for strings that they move all the time, and has
 * to put out the same.
 */
#include "fuzz.h"
#include "host_env.h"
#include "mutate.h"
#include "render.h"
#include "watch.h"

static struct host_env env;

/*
 * What happens in a session
 */
static u64 chance;

/* @bits of what follows from the input */
static unsigned int draw(unsigned int bits)
{
	chance = chance * 6364136223846793005ull + 1442695040888963407ull;
	return chance >> (64 - bits);
}

/* One of 2^@bits */
static bool seldom(unsigned int bits)
{
	return !draw(bits);
}

struct how {
	struct ktap_vm_params params;
	unsigned long lost_from;	/* records from this on are lost */
	long signal;
	long fail_alloc;
	long fail_block;
	unsigned int interrupts;	/* so many handlers run inside of others */
	unsigned int level;
	bool level_varies;
	bool taken;			/* the level of a handler */
	bool quiet;			/* nothing of the above */
	bool tight;			/* little room for strings */
	u64 chance;
};

static struct how choose(u32 h)
{
	static const u32 mem[] = { 96 << 10, 128 << 10, 256 << 10, 1 << 20 };
	struct how how = {};

	chance = h * 0x9e3779b97f4a7c15ull;
	how.params.mem_limit = mem[draw(2)];
	how.params.main_budget = draw(1) ? 500 : 4000;
	how.params.handler_budget = draw(1) ? 100 : 1000;
	how.quiet = !draw(2);
	if (how.quiet) {
		/* what is done again should rarely end because it takes long */
		how.params.mem_limit = 1 << 20;
		how.params.main_budget = 8000;
		how.params.handler_budget = 4000;
	} else {
		how.lost_from = seldom(3) ? 1 + draw(3) : 0;
		how.signal = seldom(4) ? 1 + draw(1) : 0;
		if (seldom(2))
			how.fail_block = 1 + draw(7);
		else if (seldom(4))
			how.fail_alloc = 1 + draw(4);
		how.taken = seldom(3);
		how.level = draw(1) ? draw(2) : 0;
		how.level_varies = draw(1);
		how.interrupts = draw(1) ? 1 + draw(3) : 0;
	}
	how.chance = chance;
	return how;
}

/*
 * Interrupts
 */
static struct ktap_vm *running;
static unsigned int interrupts_left;
static unsigned long nested;

static void deliver(unsigned int nr, unsigned int round)
{
	bool busy = shim_ktap_cpus[shim_cpu].x[shim_level]->busy;
	unsigned int n = host_handle(&env, running, nr, round);

	if (busy)
		nested += n;
}

/* Between two steps of whatever runs: handlers of a higher level */
static void interrupt(void)
{
	unsigned int level = shim_level;

	if (interrupts_left && --interrupts_left)
		shim_ticks = 1 + draw(5);
	/* the record that has been begun has the lock of the output, here */
	if (!running || level == SHIM_LEVELS - 1 || env.reserved)
		return;
	/* with interrupts off, only that which cannot be turned off */
	shim_level = shim_held ? SHIM_LEVELS - 1 : level + 1 + draw(2) % (SHIM_LEVELS - 1 - level);
	watch_run(shim_ktap_cpus[shim_cpu].x[shim_level]);
	deliver(draw(1), draw(2));
	shim_level = level;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_keep_execs();
	shim_interrupt = interrupt;
	return 0;
}

static void fire(struct ktap_vm *vm, const struct how *how)
{
	unsigned int nr, round;

	running = vm;
	for (round = 0; round < 3; round++) {
		for (nr = 0; nr < host_nr_events(); nr++) {
			struct ktap_exec *guard = NULL;

			if (ktap_vm_stopping(vm))
				break;
			shim_cpu = draw(2) % SHIM_CPUS;
			/* an event in the middle of another, at its level or a higher one */
			if (how->taken)
				guard = ktap_exec_enter();
			shim_level = how->level_varies ? draw(2) : how->level;
			watch_run(shim_ktap_cpus[shim_cpu].x[shim_level]);
			deliver(nr, round);
			FUZZ_CHECK(!shim_held);
			shim_level = 0;
			/* the worker of a session that ends may be late */
			if (!env.stopped)
				shim_run_work();
			if (guard)
				ktap_exec_leave(guard);
		}
	}
	shim_cpu = 0;
	running = NULL;
	shim_ticks = 0;
	interrupts_left = 0;
}

static void run(struct ktap_vm *vm, const struct how *how)
{
	int ret, end;

	watch_run(vm->setup);
	ret = ktap_vm_run_main(vm);
	FUZZ_CHECK(!ret || ret == -EIO || ret == -EINTR);
	FUZZ_CHECK((ret == -EIO) == ktap_vm_failed(vm));
	FUZZ_CHECK(!shim_held);
	if (!ret && !ktap_vm_stopping(vm))
		ktap_vm_run_begin(vm);
	interrupts_left = how->interrupts;
	shim_ticks = interrupts_left ? 1 + draw(6) : 0;
	fire(vm, how);
	end = ktap_vm_run_end(vm);
	FUZZ_CHECK(!end || end == -EIO || end == -EINTR);
	FUZZ_CHECK(!shim_held);
}

/*
 * Afterwards
 */
static void check_losses(struct ktap_vm *vm)
{
	unsigned long cut = fuzz_count_cut(env.records, env.len);

	FUZZ_CHECK(ktap_vm_losses(vm, KTAP_LOSS_NESTED) == nested);
	FUZZ_CHECK(ktap_vm_losses(vm, KTAP_LOSS_OUTPUT) >= env.nlost);
	FUZZ_CHECK(ktap_vm_losses(vm, KTAP_LOSS_TABLE) + ktap_vm_losses(vm, KTAP_LOSS_BUSY) >=
		   watch_counts.dropped);
	/* strings of memory are cut as they are read, text of stacks as it is made */
	if (ktap_vm_uses(vm, KTAP_BI_STACK) || ktap_vm_uses(vm, KTAP_BI_USTACK) ||
	    ktap_vm_uses(vm, KTAP_BI_USYM) || ktap_vm_uses(vm, KTAP_BI_USER_STRING) ||
	    ktap_vm_uses(vm, KTAP_BI_KERNEL_STRING) || ktap_vm_uses(vm, KTAP_BI_ARGV))
		return;
	FUZZ_CHECK(ktap_vm_losses(vm, KTAP_LOSS_STRING) == watch_counts.cut + cut);
}

static void check_output(const struct ktap_vm *vm, const uint8_t *data, size_t size, bool render)
{
	struct ktap_render *r;

	FUZZ_CHECK(fuzz_check_records(vm, env.records, env.len));
	if (!render)
		return;
	r = ktap_render_new(data, size, fuzz_null(), NULL);
	FUZZ_CHECK(r);
	FUZZ_CHECK(!ktap_render(r, env.records, env.len));
	ktap_render_free(r);
}

/* What a session put out */
struct result {
	char *records;
	size_t len, size;
	char error[KTAP_ERROR_SIZE];
	u64 lost[KTAP_LOSS_NR];
	bool over;		/* it reached a limit */
};

static struct result first, second;

static void keep(struct ktap_vm *vm, struct result *r)
{
	const char *err = ktap_vm_error_text(vm);
	unsigned int i;

	if (env.len > r->size) {
		r->size = env.len;
		r->records = realloc(r->records, r->size);
		FUZZ_CHECK(r->records);
	}
	r->len = env.len;
	if (r->len)
		memcpy(r->records, env.records, r->len);
	snprintf(r->error, sizeof(r->error), "%s", err ?: "");
	for (i = 0; i < KTAP_LOSS_NR; i++)
		r->lost[i] = ktap_vm_losses(vm, i);
	/* to move strings is work, which may end a run; and only the first error is kept */
	r->over = watch_counts.limits || r->lost[KTAP_LOSS_TABLE];
}

static void show(const char *what, const uint8_t *data, size_t size, const struct result *r)
{
	struct ktap_render *rd = ktap_render_new(data, size, stderr, NULL);

	fprintf(stderr, "--- %s: %zu bytes, %s\n", what, r->len, *r->error ? r->error : "no error");
	ktap_render(rd, r->records, r->len);
	ktap_render_free(rd);
}

static void compare(const uint8_t *data, size_t size, const struct result *a,
		    const struct result *b)
{
	bool same;

	if (a->over || b->over)
		return;
	same = !strcmp(a->error, b->error) && !memcmp(a->lost, b->lost, sizeof(a->lost)) &&
	       a->len == b->len && (!a->len || !memcmp(a->records, b->records, a->len));
	if (!same) {
		show("with room", data, size, a);
		show("without", data, size, b);
	}
	FUZZ_CHECK(same);
}

/* Room for what an operation may take at once, and little more */
static void make_tight(struct ktap_vm *vm, bool tight)
{
	u32 room = 2 * KTAP_ARENA_RESERVE + 512;
	unsigned int cpu, i;

	vm->setup->arena_size = tight ? room : KTAP_SETUP_ARENA;
	for (cpu = 0; cpu < SHIM_CPUS; cpu++) {
		for (i = 0; i < SHIM_LEVELS; i++)
			shim_ktap_cpus[cpu].x[i]->arena_size = tight ? room : KTAP_HANDLER_ARENA;
	}
}

/* Returns whether the image was accepted. */
static bool session(const uint8_t *data, size_t size, const struct how *how, struct result *r)
{
	static const char args[] = "script\0007\0-12\0abc";
	char text[512] = "";
	struct ktap_log log = { .buf = text, .size = sizeof(text) };
	struct ktap_vm *vm;
	bool deep;

	host_env_reset(&env);
	env.nattached = 0;
	env.nfired = 0;
	env.off = false;
	env.stopped = false;
	env.nrecords = 0;
	env.nlost = 0;
	env.ts = 0;
	env.limit = how->lost_from;
	env.interrupt = how->signal;
	nested = 0;
	chance = how->chance;
	shim_seed = 0;
	shim_allocs = 0;
	shim_blocks = 0;
	shim_fail_alloc = how->fail_alloc;
	shim_fail_block = how->fail_block;

	deep = !draw(2);
	watch_begin(deep || how->tight, how->tight);
	vm = ktap_vm_create(data, size, &how->params, &env, &log);
	if (IS_ERR(vm)) {
		watch_end();
		FUZZ_CHECK(PTR_ERR(vm) == -ENOMEM || (PTR_ERR(vm) == -EINVAL && text[0]));
		FUZZ_CHECK(!shim_live);
		return false;
	}
	FUZZ_CHECK(mutate_fits(data, size));
	make_tight(vm, how->tight);
	if (!ktap_vm_set_args(vm, args, sizeof(args)))
		run(vm, how);
	make_tight(vm, false);
	shim_fail_alloc = 0;
	shim_fail_block = 0;
	FUZZ_CHECK(ktap_vm_failed(vm) == !!ktap_vm_error_text(vm));
	fuzz_check_guards();
	FUZZ_CHECK(!vm->setup->temps && !vm->setup->frame);
	fuzz_check_pool(&vm->pool);
	watch_check_heap(vm);
	check_losses(vm);
	check_output(vm, data, size, !draw(1));
	keep(vm, r);
	watch_end();
	ktap_vm_destroy(vm);
	FUZZ_CHECK(!shim_live);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct how how = choose(fuzz_hash(data, size));

	if (!session(data, size, &how, &first) || !how.quiet || first.over)
		return 0;
	how.tight = true;
	session(data, size, &how, &second);
	compare(data, size, &first, &second);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	size_t n = seed % 64 ? mutate_image(data, size, max, seed) : 0;

	return n ?: LLVMFuzzerMutate(data, size, max);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t asize, const uint8_t *b, size_t bsize,
				 uint8_t *out, size_t max, unsigned int seed)
{
	return mutate_cross(a, asize, b, bsize, out, max, seed);
}
