// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: unit tests of the VM where it really runs.
 *
 * tools/testing/ktap has the tests of what the VM does; here is what a process
 * cannot show: the recursion guard, the locks and the worker with real CPUs,
 * soft and hard interrupts, and RCU.  Images are put together by hand.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "agg.h"
#include "event.h"

#define MAX_CODE	64
#define MAX_FUNCS	4
#define MAX_CONSTS	4
#define MAX_GLOBALS	4

/* An image under construction; its strings stand one after the other */
struct img {
	char strings[64];
	u32 nstrings;
	struct ktap_img_const consts[MAX_CONSTS];
	u32 nconsts;
	struct ktap_img_global globals[MAX_GLOBALS];
	u32 nglobals;
	struct ktap_img_func funcs[MAX_FUNCS];
	u32 nfuncs;
	struct ktap_img_upval upvals[4];
	u32 nupvals;
	__le32 code[MAX_CODE];
	u32 ncode;
	u8 *bytes;
	u32 size;
};

#define I(op, a, b, c)	KTAP_INSN(KTAP_OP_##op, a, b, c)
#define IW(op, a, bx)	KTAP_INSN_WIDE(KTAP_OP_##op, a, bx)
#define IJ(op, j)	KTAP_INSN_JUMP(KTAP_OP_##op, j)

static struct ktap_img_str img_str(struct img *m, const char *s)
{
	struct ktap_img_str ref = {
		.off = cpu_to_le32(m->nstrings),
		.len = cpu_to_le32(strlen(s)),
	};

	memcpy(m->strings + m->nstrings, s, strlen(s));
	m->nstrings += strlen(s);
	return ref;
}

static void img_const(struct img *m, const char *s)
{
	m->consts[m->nconsts++] = (struct ktap_img_const){
		.type = cpu_to_le32(KTAP_CONST_STR),
		.s = img_str(m, s),
	};
}

static void img_global(struct img *m, u32 kind)
{
	m->globals[m->nglobals++] = (struct ktap_img_global){
		.kind = cpu_to_le32(kind),
	};
}

static void img_func(struct img *m, u8 nparams, const u32 *code, u32 n)
{
	u32 i;

	m->funcs[m->nfuncs++] = (struct ktap_img_func){
		.line = cpu_to_le32(1),
		.code = cpu_to_le32(m->ncode),
		.ncode = cpu_to_le32(n),
		.upval = cpu_to_le32(m->nupvals),
		.nparams = nparams,
		.nregs = 16,
	};
	for (i = 0; i < n; i++)
		m->code[m->ncode++] = cpu_to_le32(code[i]);
}

#define IMG_FUNC(m, nparams, ...)					\
	do {								\
		static const u32 code_[] = { __VA_ARGS__ };		\
									\
		img_func(m, nparams, code_, ARRAY_SIZE(code_));		\
	} while (0)

static void img_upval(struct img *m, u8 index)
{
	m->upvals[m->nupvals++] = (struct ktap_img_upval){ .from_reg = 1, .index = index };
	m->funcs[m->nfuncs - 1].nupvals++;
}

static void img_finish(struct kunit *test, struct img *m)
{
	const struct {
		const void *data;
		u32 size;
	} sec[KTAP_SEC_NR] = {
		[KTAP_SEC_STRINGS] = { m->strings, m->nstrings },
		[KTAP_SEC_CONSTS] = { m->consts, m->nconsts * sizeof(m->consts[0]) },
		[KTAP_SEC_GLOBALS] = { m->globals, m->nglobals * sizeof(m->globals[0]) },
		[KTAP_SEC_FUNCS] = { m->funcs, m->nfuncs * sizeof(m->funcs[0]) },
		[KTAP_SEC_UPVALS] = { m->upvals, m->nupvals * sizeof(m->upvals[0]) },
		[KTAP_SEC_CODE] = { m->code, m->ncode * sizeof(m->code[0]) },
		/* any numbers do as lines */
		[KTAP_SEC_LINES] = { m->code, m->ncode * sizeof(m->code[0]) },
	};
	struct ktap_img_header *h;
	u32 off = sizeof(*h);
	int i;

	m->bytes = kunit_kzalloc(test, sizeof(*h) + 2048, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m->bytes);
	h = (struct ktap_img_header *)m->bytes;
	for (i = 0; i < KTAP_SEC_NR; i++) {
		off = ALIGN(off, 8);
		KUNIT_ASSERT_LE(test, off + sec[i].size, sizeof(*h) + 2048);
		h->sections[i].off = cpu_to_le32(off);
		h->sections[i].size = cpu_to_le32(sec[i].size);
		if (sec[i].size)
			memcpy(m->bytes + off, sec[i].data, sec[i].size);
		off += sec[i].size;
	}
	m->size = off;
	h->magic = cpu_to_le32(KTAP_IMAGE_MAGIC);
	h->version = cpu_to_le16(KTAP_IMAGE_VERSION);
	h->header_size = cpu_to_le16(sizeof(*h));
	h->image_size = cpu_to_le32(off);
}

static struct img *img_new(struct kunit *test)
{
	struct img *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, m);
	return m;
}

/*
 * A session that no file belongs to; the VM's environment reaches little of it
 */
static void no_stop_work(struct irq_work *work)
{
}

static struct ktap_session *new_session(struct kunit *test)
{
	struct ktap_session *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	init_waitqueue_head(&s->wait);
	init_irq_work(&s->stop_work, no_stop_work);
	return s;
}

static struct ktap_vm *load(struct kunit *test, const void *bytes, size_t size, u64 mem_limit,
			    struct ktap_log *log)
{
	struct ktap_vm_params params = { .mem_limit = mem_limit, .handler_budget = 100000 };

	return ktap_vm_create(bytes, size, &params, new_session(test), log);
}

static struct ktap_vm *create(struct kunit *test, struct img *m, u64 mem_limit)
{
	struct ktap_log log = { .size = 0 };
	struct ktap_vm *vm;

	img_finish(test, m);
	vm = load(test, m->bytes, m->size, mem_limit, &log);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vm);
	KUNIT_EXPECT_EQ(test, ktap_vm_run_main(vm), 0);
	KUNIT_EXPECT_EQ(test, ktap_vm_run_begin(vm), 0);
	return vm;
}

static struct ktap_vm *create_empty(struct kunit *test, u64 mem_limit)
{
	struct img *m = img_new(test);

	IMG_FUNC(m, 0, I(RET, 0, 1, 0));
	return create(test, m, mem_limit);
}

static struct ktap_val val_int(s64 i)
{
	return (struct ktap_val){ .i = i, .type = KTAP_INT };
}

/* A table that lasts as long as the VM */
static struct ktap_table *new_table(struct kunit *test, struct ktap_vm *vm,
				    unsigned int nstripes)
{
	struct ktap_table *t = ktap_table_new(vm->setup, nstripes);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, t);
	ktap_obj_share(vm, &t->obj);
	return t;
}

/*
 * The verifier
 */
static void verifier_test(struct kunit *test)
{
	static const struct {
		const char *tag;
		u32 insn;
	} bad[] = {
		{ "OPCODE:", KTAP_OP_NR },
		{ "UNUSED_C:", I(MOVE, 0, 0, 1) },
		{ "REG_A:", I(MOVE, 16, 0, 0) },
		{ "REG_B:", I(MOVE, 0, 16, 0) },
		{ "REG_C:", I(ADD, 0, 0, 16) },
		{ "CONST_INDEX:", IW(LOADK, 0, 1) },
		{ "GLOBAL_INDEX:", IW(GETG, 0, 0) },
		{ "FUNC_INDEX:", IW(CLOSURE, 0, 1) },
		{ "UPVAL_INDEX:", I(GETU, 0, 0, 0) },
		{ "BUILTIN_INDEX:", I(BCALL, 0, 0, 1) },
		{ "NIL_RANGE:", I(NIL, 15, 2, 0) },
		{ "CALL_ARGS:", I(CALL, 15, 2, 1) },
		{ "VARARG_FIXED:", I(VARARG, 0, 0, 1) },
		{ "JUMP_RANGE:", IJ(JMP, 100) },
		{ "JUMP_RANGE:", IJ(JMP, -2) },
		{ "MULTI_NONE:", I(RET, 0, 0, 0) },
	};
	char *text = kunit_kzalloc(test, 512, GFP_KERNEL);
	struct ktap_vm *vm;
	struct img *m;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, text);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ktap_log log = { .buf = text, .size = 512 };

		m = img_new(test);
		img_const(m, "k");
		img_func(m, 0, &bad[i].insn, 1);
		m->funcs[0].ncode = cpu_to_le32(2);
		m->code[m->ncode++] = cpu_to_le32(I(RET, 0, 1, 0));
		img_finish(test, m);
		vm = load(test, m->bytes, m->size, 0, &log);
		KUNIT_EXPECT_TRUE(test, IS_ERR(vm));
		if (!IS_ERR(vm))
			ktap_vm_destroy(vm);
		KUNIT_EXPECT_EQ_MSG(test, strncmp(text, bad[i].tag, strlen(bad[i].tag)), 0,
				    "%s got %s", bad[i].tag, text);
	}
	vm = create_empty(test, 0);
	ktap_vm_destroy(vm);
}

/* Every bit of an image changed in turn: accepted or refused, never worse */
static void bits_test(struct kunit *test)
{
	struct ktap_log log = { .size = 0 };
	struct img *m = img_new(test);
	unsigned int bit, refused = 0;
	struct ktap_vm *vm;

	img_const(m, "key");
	img_global(m, KTAP_GLOBAL_TABLE);
	IMG_FUNC(m, 0, IW(GETG, 0, 0), IW(LOADK, 1, 0), I(ADDT, 0, 1, 2), I(CELL, 3, 0, 0),
		 IW(CLOSURE, 4, 1), I(CALL, 4, 1, 1), I(RET, 0, 1, 0));
	IMG_FUNC(m, 0, I(GETU, 0, 0, 0), I(RET, 0, 2, 0));
	img_upval(m, 3);
	img_finish(test, m);
	for (bit = 0; bit < m->size * 8; bit++) {
		m->bytes[bit / 8] ^= 1 << bit % 8;
		vm = load(test, m->bytes, m->size, 0, &log);
		m->bytes[bit / 8] ^= 1 << bit % 8;
		if (IS_ERR(vm)) {
			KUNIT_EXPECT_EQ(test, PTR_ERR(vm), -EINVAL);
			refused++;
			continue;
		}
		/* what is accepted runs, whatever it does */
		ktap_vm_run_main(vm);
		ktap_vm_run_end(vm);
		ktap_vm_destroy(vm);
	}
	KUNIT_EXPECT_GT(test, refused, 0);
}

/*
 * Tables
 */
static void table_test(struct kunit *test)
{
	struct ktap_vm *vm = create_empty(test, 0);
	struct ktap_table *t = new_table(test, vm, 4);
	struct ktap_exec *x = vm->setup;
	struct ktap_val key, v;
	const int n = 10000;
	u64 cursor = 0;
	int i, seen = 0, bad = 0;

	for (i = 0; i < n; i++) {
		key = val_int(i);
		v = val_int(2 * i);
		bad += !!ktap_table_set(x, t, &key, &v);
		bad += !!ktap_table_add(x, t, &key, 1);
	}
	KUNIT_EXPECT_EQ(test, ktap_table_len(t), n);
	for (i = 0; i < n; i++) {
		key = val_int(i);
		bad += !!ktap_table_get(x, t, &key, &v);
		bad += v.type != KTAP_INT || v.i != 2 * i + 1;
	}
	KUNIT_EXPECT_EQ(test, bad, 0);
	while (ktap_table_next(x, t, &cursor, &key, &v) == 1) {
		seen++;
		if (key.i & 1)
			ktap_table_delete(x, t, &key);
	}
	KUNIT_EXPECT_EQ(test, seen, n);
	KUNIT_EXPECT_EQ(test, ktap_table_len(t), n / 2);
	ktap_table_clear(x, t);
	KUNIT_EXPECT_EQ(test, ktap_table_len(t), 0);
	ktap_exec_collect(x);
	ktap_vm_destroy(vm);
}

/* The limit of memory in setup context is an error, and holds */
static void limit_test(struct kunit *test)
{
	struct ktap_vm *vm = create_empty(test, 512 << 10);
	struct ktap_table *t = new_table(test, vm, 1);
	struct ktap_val key;
	int i;

	for (i = 0; i < 100000; i++) {
		key = val_int(i);
		if (ktap_table_add(vm->setup, t, &key, 1))
			break;
	}
	KUNIT_EXPECT_LT(test, i, 100000);
	KUNIT_EXPECT_GT(test, i, 1000);
	KUNIT_EXPECT_LE(test, vm->pool.bytes, 512 << 10);
	KUNIT_EXPECT_TRUE(test, ktap_vm_failed(vm));
	ktap_vm_destroy(vm);
}

/*
 * Contexts: a handler runs in threads, soft and hard interrupts of all CPUs
 */
#define ROUNDS		20000
#define IRQ_ROUNDS	5000

struct load_cpu {
	struct kunit *test;
	struct ktap_vm *vm;
	struct task_struct *task;
	struct irq_work irq_work;
	struct completion done;
	unsigned long fired;	/* in interrupts */
};

static void fire(struct ktap_vm *vm)
{
	ktap_vm_handle(vm, vm->img.protos[1].closure, NULL);
}

static void load_irq(struct irq_work *work)
{
	struct load_cpu *c = container_of(work, struct load_cpu, irq_work);

	fire(c->vm);
	c->fired++;
}

static int load_thread(void *data)
{
	struct load_cpu *c = data;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		fire(c->vm);
		if (i % (ROUNDS / IRQ_ROUNDS) == 0) {
			/* runs before this CPU does anything else, or soon */
			irq_work_queue(&c->irq_work);
			local_bh_disable();
			fire(c->vm);
			local_bh_enable();
		}
		cond_resched();
	}
	irq_work_sync(&c->irq_work);
	complete(&c->done);
	return 0;
}

/* Runs handlers everywhere; returns how often */
static unsigned long load_all_cpus(struct kunit *test, struct ktap_vm *vm)
{
	struct load_cpu *c = kunit_kcalloc(test, nr_cpu_ids, sizeof(*c), GFP_KERNEL);
	unsigned long n = 0;
	unsigned int cpu;

	KUNIT_ASSERT_NOT_NULL(test, c);
	for_each_online_cpu(cpu) {
		c[cpu].test = test;
		c[cpu].vm = vm;
		init_irq_work(&c[cpu].irq_work, load_irq);
		init_completion(&c[cpu].done);
		c[cpu].task = kthread_create_on_cpu(load_thread, &c[cpu], cpu, "ktap_kunit/%u");
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, c[cpu].task);
	}
	for_each_online_cpu(cpu)
		wake_up_process(c[cpu].task);
	for_each_online_cpu(cpu) {
		wait_for_completion(&c[cpu].done);
		n += ROUNDS + IRQ_ROUNDS + c[cpu].fired;
		KUNIT_EXPECT_GT(test, c[cpu].fired, 0);
	}
	return n;
}

/* t.key += 1 and g += 1: each run counts, or was counted as nested */
static void contexts_test(struct kunit *test)
{
	struct img *m = img_new(test);
	struct ktap_val key, v;
	struct ktap_vm *vm;
	unsigned long n;

	img_const(m, "key");
	img_global(m, KTAP_GLOBAL_TABLE);
	img_global(m, KTAP_GLOBAL_NIL);
	IMG_FUNC(m, 0, I(RET, 0, 1, 0));
	IMG_FUNC(m, 1, IW(GETG, 1, 0), IW(LOADK, 2, 0), IW(LOADI, 3, 1), I(ADDT, 1, 2, 3),
		 IW(ADDG, 3, 1), I(RET, 0, 1, 0));
	vm = create(test, m, 0);
	n = load_all_cpus(test, vm);
	KUNIT_EXPECT_EQ(test, vm->globals[1].v.i + ktap_vm_losses(vm, KTAP_LOSS_NESTED), n);
	key = vm->img.consts[0];
	ktap_table_get(vm->setup, vm->globals[0].v.t, &key, &v);
	KUNIT_EXPECT_EQ(test, v.type, KTAP_INT);
	KUNIT_EXPECT_EQ(test, v.i, vm->globals[1].v.i);
	KUNIT_EXPECT_FALSE(test, ktap_vm_failed(vm));
	ktap_vm_destroy(vm);
}

/*
 * Aggregations: the handler adds 1 to a global one, alone and for the key 7
 */
static struct ktap_vm *create_agg(struct kunit *test, u64 mem_limit)
{
	struct img *m = img_new(test);

	img_global(m, KTAP_GLOBAL_STATS);
	img_global(m, KTAP_GLOBAL_NIL);
	IMG_FUNC(m, 0, I(RET, 0, 1, 0));
	IMG_FUNC(m, 1, IW(LOADI, 1, 1), IW(LOADI, 2, 7), IW(GETG, 3, 0), I(AGG, 3, 1, 0),
		 I(AGGT, 3, 2, 1), IW(ADDG, 1, 1), I(RET, 0, 1, 0));
	return create(test, m, mem_limit);
}

/* Puts another aggregation in the place of the first, before events come */
static void set_agg(struct kunit *test, struct ktap_vm *vm, const struct ktap_agg_def *def)
{
	struct ktap_agg *g = ktap_agg_make(vm->setup, def);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, g);
	ktap_obj_share(vm, &g->obj);
	vm->globals[0].v.g = g;
}

/* Exact counts from threads, soft and hard interrupts of all CPUs */
static void agg_kind_test(struct kunit *test, const struct ktap_agg_def *def)
{
	struct ktap_vm *vm = create_agg(test, 0);
	struct ktap_val key = val_int(7), v;
	struct ktap_stat s;
	unsigned long n;
	s64 ran;

	set_agg(test, vm, def);
	n = load_all_cpus(test, vm);
	ran = vm->globals[1].v.i;
	KUNIT_EXPECT_EQ(test, ran + ktap_vm_losses(vm, KTAP_LOSS_NESTED), n);
	KUNIT_EXPECT_TRUE(test, ktap_agg_stat(vm->setup, vm->globals[0].v.g, &s));
	KUNIT_EXPECT_EQ(test, s.count, ran);
	if (def->kind != KTAP_AGG_COUNT)
		KUNIT_EXPECT_EQ(test, s.sum, ran);
	ktap_table_get(vm->setup, vm->globals[0].v.g->keys, &key, &v);
	if (def->kind == KTAP_AGG_COUNT || def->kind == KTAP_AGG_SUM) {
		KUNIT_EXPECT_EQ(test, v.type, KTAP_INT);
		KUNIT_EXPECT_EQ(test, v.i, ran);
	} else if (def->kind == KTAP_AGG_MIN || def->kind == KTAP_AGG_MAX) {
		KUNIT_EXPECT_EQ(test, v.type, KTAP_INT);
		KUNIT_EXPECT_EQ(test, v.i, 1);
	} else {
		KUNIT_ASSERT_EQ(test, v.type, KTAP_AGG);
		KUNIT_EXPECT_TRUE(test, ktap_agg_stat(vm->setup, v.g, &s));
		KUNIT_EXPECT_EQ(test, s.count, ran);
		KUNIT_EXPECT_EQ(test, s.sum, ran);
	}
	KUNIT_EXPECT_EQ(test, ktap_vm_losses(vm, KTAP_LOSS_TABLE), 0);
	KUNIT_EXPECT_EQ(test, ktap_vm_losses(vm, KTAP_LOSS_BUSY), 0);
	KUNIT_EXPECT_FALSE(test, ktap_vm_failed(vm));
	ktap_vm_destroy(vm);
}

static void agg_test(struct kunit *test)
{
	struct ktap_agg_def def = {};
	unsigned int kind;

	for (kind = KTAP_AGG_COUNT; kind <= KTAP_AGG_STATS; kind++) {
		def.kind = kind;
		agg_kind_test(test, &def);
	}
	KUNIT_EXPECT_NULL(test, ktap_def_hist(&def, 2));
	agg_kind_test(test, &def);
	KUNIT_EXPECT_NULL(test, ktap_def_lhist(&def, 0, 100, 1));
	agg_kind_test(test, &def);
	KUNIT_EXPECT_NULL(test, ktap_def_llhist(&def, 10, 0, 6, 20));
	agg_kind_test(test, &def);
}

/* Takes what there is, from a thread of its own, while all CPUs add */
struct take_load {
	struct ktap_vm *vm;
	struct completion done;
	unsigned long rounds;
	u64 count;
	u64 by_key;
	int bad;
};

static void take_once(struct take_load *t)
{
	struct ktap_exec *x = ktap_guard_enter();
	struct ktap_val v = t->vm->globals[0].v, key = val_int(7), e;
	struct ktap_stat s;

	if (!x)
		return;
	x->vm = t->vm;
	x->arena_pos = 0;
	x->fuel = 1000000;
	if (!ktap_agg_take(x, &v) && ktap_agg_stat(x, v.g, &s)) {
		t->count += s.count;
		t->bad += s.sum != s.count;
		if (!ktap_table_get(x, v.g->keys, &key, &e) && e.type == KTAP_AGG &&
		    ktap_agg_stat(x, e.g, &s))
			t->by_key += s.count;
	} else {
		t->bad++;
	}
	ktap_exec_end_temps(x);
	ktap_guard_leave(x);
}

static int take_thread(void *data)
{
	struct take_load *t = data;

	for (; t->rounds; t->rounds--) {
		take_once(t);
		usleep_range(100, 300);
	}
	complete(&t->done);
	return 0;
}

static void agg_take_test(struct kunit *test)
{
	struct ktap_vm *vm = create_agg(test, 0);
	struct take_load t = { .vm = vm, .rounds = 200 };
	struct task_struct *task;
	struct ktap_stat s;
	u64 ran;

	init_completion(&t.done);
	task = kthread_run(take_thread, &t, "ktap_kunit/take");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	load_all_cpus(test, vm);
	wait_for_completion(&t.done);
	take_once(&t);
	ran = vm->globals[1].v.i;
	KUNIT_EXPECT_EQ(test, t.bad, 0);
	KUNIT_EXPECT_TRUE(test, ktap_agg_stat(vm->setup, vm->globals[0].v.g, &s));
	KUNIT_EXPECT_EQ(test, t.count + s.count, ran);
	/* a handler that finds no memory for an entry says so */
	KUNIT_EXPECT_EQ(test, t.by_key + ktap_vm_losses(vm, KTAP_LOSS_TABLE), ran);
	KUNIT_EXPECT_FALSE(test, ktap_vm_failed(vm));
	ktap_vm_destroy(vm);
}

/* New keys faster than memory comes: each is there or counted */
static void pool_test(struct kunit *test)
{
	struct img *m = img_new(test);
	struct ktap_vm *vm;
	u64 len, lost;

	img_global(m, KTAP_GLOBAL_TABLE);
	img_global(m, KTAP_GLOBAL_NIL);
	IMG_FUNC(m, 0, I(RET, 0, 1, 0));
	/* t[{}] = 1; g += 1: a new key each time */
	IMG_FUNC(m, 1, IW(LOADI, 3, 1), IW(GETG, 1, 0), IW(TABLE, 2, 0), I(SETT, 1, 2, 3),
		 IW(ADDG, 3, 1), I(RET, 0, 1, 0));
	vm = create(test, m, 4 << 20);
	load_all_cpus(test, vm);
	len = ktap_table_len(vm->globals[0].v.t);
	lost = ktap_vm_losses(vm, KTAP_LOSS_TABLE);
	/* tables there was no memory for are one key, the same each time */
	KUNIT_EXPECT_GE(test, len + lost + 1, (u64)vm->globals[1].v.i);
	KUNIT_EXPECT_GT(test, len, 1000);
	KUNIT_EXPECT_LE(test, vm->pool.bytes, (4 << 20) + KTAP_CHUNK_SIZE * num_possible_cpus());
	KUNIT_EXPECT_FALSE(test, ktap_vm_failed(vm));
	ktap_vm_destroy(vm);
}

/* Objects that others replace at any time live until nobody can know them */
static void lifetime_test(struct kunit *test)
{
	struct img *m = img_new(test);
	struct ktap_vm *vm;

	img_const(m, "key");
	img_global(m, KTAP_GLOBAL_TABLE);
	img_global(m, KTAP_GLOBAL_NIL);
	IMG_FUNC(m, 0, I(RET, 0, 1, 0));
	IMG_FUNC(m, 1,
		 /* old = t.key; t.key = {[1] = {}}; g = t.key */
		 IW(GETG, 1, 0), IW(LOADK, 2, 0), I(GETT, 4, 1, 2),
		 IW(TABLE, 3, 0), IW(TABLE, 5, 0), IW(LOADI, 6, 1), I(SETT, 3, 6, 5),
		 I(SETT, 1, 2, 3), IW(SETG, 3, 1),
		 /* iterate over the old one */
		 IW(JF, 4, 3), I(PAIRS, 4, 0, 0), IW(NEXT, 4, 1), IJ(JMP, -2),
		 /* a closure with a variable, called and dropped */
		 I(CELL, 3, 0, 0), IW(CLOSURE, 7, 2), I(CALL, 7, 1, 1), I(RET, 0, 1, 0));
	IMG_FUNC(m, 0, I(GETU, 0, 0, 0), I(RET, 0, 2, 0));
	img_upval(m, 3);
	vm = create(test, m, 0);
	load_all_cpus(test, vm);
	KUNIT_EXPECT_FALSE(test, ktap_vm_failed(vm));
	KUNIT_EXPECT_EQ(test, ktap_table_len(vm->globals[0].v.t), 1);
	ktap_vm_destroy(vm);
}

/* A handler without an end is stopped, and with it the session */
static void budget_test(struct kunit *test)
{
	struct img *m = img_new(test);
	struct ktap_vm *vm;

	IMG_FUNC(m, 0, I(RET, 0, 1, 0));
	IMG_FUNC(m, 1, IJ(JMP, -1), I(RET, 0, 1, 0));
	vm = create(test, m, 0);
	fire(vm);
	KUNIT_EXPECT_TRUE(test, ktap_vm_failed(vm));
	KUNIT_EXPECT_NOT_NULL(test, strstr(ktap_vm_error_text(vm) ?: "", "instruction limit"));
	irq_work_sync(&((struct ktap_session *)vm->env)->stop_work);
	ktap_vm_destroy(vm);
}

/* Strings of a long loop do not add up, in setup context and in a handler */
static void arena_test(struct kunit *test)
{
	struct img *m = img_new(test);
	struct ktap_vm *vm;
	int i;

	img_const(m, "a string ");
	img_global(m, KTAP_GLOBAL_NIL);
	for (i = 0; i < 2; i++)
		IMG_FUNC(m, i, IW(LOADI, 1, 1), IW(LOADI, 2, 8000), IW(LOADI, 3, 1),
			 IW(FORPREP, 1, 4), IW(LOADK, 5, 0), I(MOVE, 6, 4, 0),
			 I(CONCAT, 7, 5, 2), IW(FORLOOP, 1, -4),
			 IW(SETG, 7, 0), I(RET, 0, 1, 0));
	vm = create(test, m, 0);
	KUNIT_EXPECT_FALSE(test, ktap_vm_failed(vm));
	KUNIT_EXPECT_EQ(test, vm->globals[0].v.type, KTAP_STR);
	for (i = 0; i < 3; i++)
		fire(vm);
	KUNIT_EXPECT_FALSE(test, ktap_vm_failed(vm));
	KUNIT_EXPECT_STREQ(test, vm->globals[0].v.s->data, "a string 8000");
	ktap_vm_destroy(vm);
}

static struct kunit_case ktap_cases[] = {
	KUNIT_CASE(verifier_test),
	KUNIT_CASE_SLOW(bits_test),
	KUNIT_CASE(table_test),
	KUNIT_CASE(limit_test),
	KUNIT_CASE_SLOW(contexts_test),
	KUNIT_CASE_SLOW(agg_test),
	KUNIT_CASE_SLOW(agg_take_test),
	KUNIT_CASE_SLOW(pool_test),
	KUNIT_CASE_SLOW(lifetime_test),
	KUNIT_CASE(budget_test),
	KUNIT_CASE(arena_test),
	{}
};

static struct kunit_suite ktap_suite = {
	.name = "ktap",
	.test_cases = ktap_cases,
};

kunit_test_suite(ktap_suite);

MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
MODULE_DESCRIPTION("KUnit tests of ktap");
MODULE_LICENSE("GPL");
