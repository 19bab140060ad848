// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: the life of a VM, from the image to the last trace_end function.
 *
 * Owns struct ktap_vm: creation, the three runs in setup context, how a session
 * is told to stop, the text of the first error, the counts of
 * what was lost, and the worker.
 *
 * Contexts: ktap_error(), ktap_vm_lost() and
 * ktap_vm_request_stop(): any.  The others: process context.
 * Locks: ktap_vm.reap_lock, a mutex, held while setup code runs, tried by the
 * worker.
 */
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/numa.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "agg.h"

/**
 * ktap_log() - append to a text
 * @log: the text; what does not fit is cut off
 * @fmt: format, as for printk()
 */
void ktap_log(struct ktap_log *log, const char *fmt, ...)
{
	va_list args;

	if (!log->size)
		return;
	va_start(args, fmt);
	log->len += vscnprintf(log->buf + log->len, log->size - log->len, fmt, args);
	va_end(args);
}

static void ktap_irq_work(struct irq_work *work)
{
	struct ktap_vm *vm = container_of(work, struct ktap_vm, irq_work);

	/* what the worker frees may raise this again */
	if (!READ_ONCE(vm->dying))
		queue_work(system_unbound_wq, &vm->refill_work);
}

/* The worker, first half, for which handlers may be waiting */
static void ktap_refill_work(struct work_struct *work)
{
	struct ktap_vm *vm = container_of(work, struct ktap_vm, refill_work);

	/* fully ordered: a zombie whose kick did nothing is seen here */
	atomic_xchg(&vm->kicked, 0);
	if (!llist_empty(&vm->zombies))
		queue_work(system_unbound_wq, &vm->reap_work);
	ktap_pool_refill(&vm->pool);
}

/* The worker, second half, which takes RCU grace periods */
static void ktap_reap_work(struct work_struct *work)
{
	struct ktap_vm *vm = container_of(work, struct ktap_vm, reap_work);

	/* setup code frees its zombies itself */
	if (!mutex_trylock(&vm->reap_lock))
		return;
	ktap_vm_reap(vm);
	mutex_unlock(&vm->reap_lock);
}

/* Gives @slot a table before anything runs. */
static int ktap_init_table(struct ktap_vm *vm, struct ktap_slot *slot)
{
	struct ktap_table *t = ktap_table_new(vm->setup, ktap_table_stripes(vm->setup));

	if (IS_ERR(t))
		return -ENOMEM;
	slot->v = (struct ktap_val){ .t = t, .type = KTAP_TABLE };
	ktap_obj_share(vm, &t->obj);
	return 0;
}

/* Gives @slot an aggregation before anything runs. */
static int ktap_init_agg(struct ktap_vm *vm, struct ktap_slot *slot)
{
	static const struct ktap_agg_def stats = { .kind = KTAP_AGG_STATS };
	struct ktap_agg *g = ktap_agg_make(vm->setup, &stats);

	if (IS_ERR(g))
		return -ENOMEM;
	slot->v = (struct ktap_val){ .g = g, .type = KTAP_AGG };
	ktap_obj_share(vm, &g->obj);
	return 0;
}

static int ktap_init_global(struct ktap_vm *vm, struct ktap_slot *slot, unsigned int kind)
{
	switch (kind) {
	case KTAP_GLOBAL_TABLE:
	case KTAP_GLOBAL_ARGS:
		return ktap_init_table(vm, slot);
	case KTAP_GLOBAL_STATS:
		return ktap_init_agg(vm, slot);
	default:
		return 0;
	}
}

static int ktap_init_objects(struct ktap_vm *vm)
{
	struct ktap_exec *x = vm->setup;
	struct ktap_slot full;
	u32 i;

	vm->globals = kvcalloc(max(vm->img.nglobals, 1U), sizeof(*vm->globals),
			       GFP_KERNEL_ACCOUNT);
	if (!vm->globals)
		return -ENOMEM;
	for (i = 0; i < vm->img.nglobals; i++) {
		ktap_slot_init(&vm->globals[i]);
		if (ktap_init_global(vm, &vm->globals[i], vm->img.globals[i]))
			return -ENOMEM;
	}

	vm->full_table = ktap_table_new(x, 1);
	if (IS_ERR(vm->full_table))
		return -ENOMEM;
	vm->full_table->full = true;
	ktap_obj_share(vm, &vm->full_table->obj);
	if (ktap_init_agg(vm, &full))
		return -ENOMEM;
	vm->full_agg = full.v.g;
	vm->full_agg->full = true;

	/* functions that capture nothing need no new closure each time */
	for (i = 0; i < vm->img.nprotos; i++) {
		struct ktap_proto *p = &vm->img.protos[i];

		if (p->nupvals)
			continue;
		p->closure = ktap_new(x, sizeof(*p->closure));
		if (IS_ERR(p->closure))
			return -ENOMEM;
		p->closure->proto = p;
		ktap_obj_init(x, &p->closure->obj, KTAP_FUNC);
		ktap_obj_share(vm, &p->closure->obj);
	}
	ktap_exec_collect(x);
	return 0;
}

/**
 * ktap_vm_create() - load an image
 * @image: its bytes, which need not stay
 * @size: how many
 * @params: limits, or NULL
 * @env: for the environment's own use
 * @log: gets the reason when the image is refused
 *
 * Context: process context, may sleep.
 * Return: the VM, or ERR_PTR() of -EINVAL if the image is refused, or -ENOMEM.
 */
struct ktap_vm *ktap_vm_create(const void *image, size_t size,
			       const struct ktap_vm_params *params, void *env,
			       struct ktap_log *log)
{
	struct ktap_vm *vm;
	unsigned int i;
	int ret;

	vm = kvzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return ERR_PTR(-ENOMEM);
	vm->env = env;
	vm->seed = get_random_u32();
	for (i = 0; i < ARRAY_SIZE(vm->factors); i++)
		vm->factors[i] = get_random_u64() | 1;
	vm->main_budget = KTAP_MAIN_BUDGET;
	vm->handler_budget = KTAP_HANDLER_BUDGET;
	ktap_pool_init(&vm->pool, KTAP_DEFAULT_MEM);
	if (params) {
		/* they are counted down in an s64 */
		if (params->main_budget)
			vm->main_budget = min_t(u64, params->main_budget, S64_MAX / 2);
		if (params->handler_budget)
			vm->handler_budget = min_t(u64, params->handler_budget, S64_MAX / 2);
		if (params->mem_limit)
			vm->pool.limit = min_t(u64, params->mem_limit, S64_MAX / 2);
	}
	/* fewer objects than a counter of references can count */
	if (BITS_PER_LONG == 32)
		vm->pool.limit = min_t(u64, vm->pool.limit, 1ULL << 30);
	atomic_set(&vm->err_state, 0);
	atomic_set(&vm->exit_state, 0);
	atomic_set(&vm->snapshots, 0);
	atomic_set(&vm->nstriped, 0);
	atomic_set(&vm->nzombies, 0);
	atomic_set(&vm->kicked, 0);
	for (i = 0; i < KTAP_LOSS_NR; i++)
		atomic_long_set(&vm->lost[i], 0);
	init_llist_head(&vm->zombies);
	mutex_init(&vm->reap_lock);
	init_irq_work(&vm->irq_work, ktap_irq_work);
	INIT_WORK(&vm->refill_work, ktap_refill_work);
	INIT_WORK(&vm->reap_work, ktap_reap_work);

	ret = ktap_prog_load(&vm->img, image, size, vm->seed, log);
	if (ret)
		goto free_vm;
	ret = ktap_verify(&vm->img, log);
	if (ret)
		goto free_image;
	ret = ktap_execs_get();
	if (ret)
		goto free_image;
	ret = -ENOMEM;
	vm->setup = ktap_exec_alloc(KTAP_SETUP_STACK, KTAP_SETUP_FRAMES, KTAP_SETUP_ARENA,
				    NUMA_NO_NODE);
	if (!vm->setup)
		goto put_execs;
	vm->setup->vm = vm;
	vm->setup->setup = true;
	ret = ktap_init_objects(vm);
	if (ret)
		goto free_objects;
	return vm;

free_objects:
	kvfree(vm->globals);
	ktap_pool_destroy(&vm->pool);
	ktap_exec_free(vm->setup);
put_execs:
	ktap_execs_put();
free_image:
	ktap_prog_free(&vm->img);
free_vm:
	kvfree(vm);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_IF_KUNIT(ktap_vm_create);

/**
 * ktap_vm_destroy() - free a VM and all that its script kept
 * @vm: the VM; no handler runs or will run
 *
 * Context: process context, may sleep.
 */
void ktap_vm_destroy(struct ktap_vm *vm)
{
	WRITE_ONCE(vm->dying, true);
	irq_work_sync(&vm->irq_work);		/* from here on it queues nothing */
	cancel_work_sync(&vm->refill_work);	/* may have queued the reaper */
	cancel_work_sync(&vm->reap_work);	/* may have raised the irq_work */
	irq_work_sync(&vm->irq_work);
	kvfree(vm->options);
	kvfree(vm->globals);
	ktap_pool_destroy(&vm->pool);
	ktap_exec_free(vm->setup);
	ktap_execs_put();
	ktap_prog_free(&vm->img);
	kvfree(vm);
}
EXPORT_SYMBOL_IF_KUNIT(ktap_vm_destroy);

/**
 * ktap_vm_env() - what ktap_vm_create() was given as @env
 * @vm: the VM
 *
 * Return: that.
 */
void *ktap_vm_env(const struct ktap_vm *vm)
{
	return vm->env;
}

/* Only decimal numbers; people do not write others on command lines */
static bool ktap_arg_number(const char *s, size_t len, s64 *i)
{
	size_t n = *s == '-' || *s == '+';

	if (n == len)
		return false;
	for (; n < len; n++) {
		if (s[n] < '0' || s[n] > '9')
			return false;
	}
	return ktap_parse_int(s, len, i);
}

static int ktap_set_arg(struct ktap_vm *vm, struct ktap_table *t, s64 nr, const char *s,
			size_t len)
{
	struct ktap_exec *x = vm->setup;
	struct ktap_val key, v;
	s64 i;

	ktap_set_int(&key, nr);
	x->arena_pos = 0;
	if (nr && ktap_arg_number(s, len, &i))
		ktap_set_int(&v, i);
	else if (ktap_set_str(x, &v, s, len))
		return -ENOMEM;
	return ktap_table_set(x, t, &key, &v) ? -ENOMEM : 0;
}

/**
 * ktap_vm_set_args() - fill the table of the script's arguments
 * @vm: the VM; nothing ran yet
 * @args: NUL-terminated strings in a row; the first is the script's name,
 *	which stays a string, the others become numbers if they are
 * @size: bytes of all of them
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int ktap_vm_set_args(struct ktap_vm *vm, const char *args, size_t size)
{
	size_t pos, len;
	s64 nr;
	u32 i;
	int ret;

	if (size && args[size - 1])
		return -EINVAL;
	for (i = 0; i < vm->img.nglobals; i++) {
		if (vm->img.globals[i] != KTAP_GLOBAL_ARGS)
			continue;
		for (pos = 0, nr = 0; pos < size; pos += len + 1, nr++) {
			len = strlen(args + pos);
			if (len > KTAP_MAX_STR)
				return -EINVAL;
			ret = ktap_set_arg(vm, vm->globals[i].v.t, nr, args + pos, len);
			if (ret)
				return ret;
		}
	}
	return 0;
}

/*
 * Running
 */

/* Begins a run of the setup exec. */
static struct ktap_exec *ktap_setup_begin(struct ktap_vm *vm, enum ktap_phase phase)
{
	mutex_lock(&vm->reap_lock);
	WRITE_ONCE(vm->phase, phase);
	return vm->setup;
}

static int ktap_setup_call(struct ktap_exec *x, struct ktap_closure *fn)
{
	int ret;

	x->arena_pos = 0;
	x->left = x->vm->main_budget;
	x->fuel = 0;
	ret = ktap_call(x, fn);
	x->frame = NULL;
	ktap_exec_collect(x);
	return ret;
}

/* Ends it: memory is ready for handlers, and the worker may free. */
static int ktap_setup_end(struct ktap_vm *vm, int ret)
{
	ktap_pool_refill(&vm->pool);
	WRITE_ONCE(vm->phase, KTAP_PHASE_EVENTS);
	mutex_unlock(&vm->reap_lock);
	if (ktap_vm_failed(vm))
		return -EIO;
	return ret == -EINTR ? -EINTR : 0;
}

/**
 * ktap_vm_run_main() - run the main chunk
 * @vm: the VM
 *
 * Context: process context, may sleep; once.
 * Return: 0, also after exit(), see ktap_vm_stopping(); -EIO after a run-time
 *	error; -EINTR if ktap_env_interrupted() said so.
 */
int ktap_vm_run_main(struct ktap_vm *vm)
{
	struct ktap_exec *x = ktap_setup_begin(vm, KTAP_PHASE_MAIN);
	int ret = 0;

	if (!vm->stop)
		ret = ktap_setup_call(x, vm->img.protos[0].closure);
	return ktap_setup_end(vm, ret);
}
EXPORT_SYMBOL_IF_KUNIT(ktap_vm_run_main);

/**
 * ktap_vm_pause() - the main chunk sleeps, and handlers may run
 * @x: the main chunk's exec
 *
 * What its registers refer to gets references meanwhile, so that the worker can
 * free what handlers drop.
 */
void ktap_vm_pause(struct ktap_exec *x)
{
	ktap_exec_pin(x);
	ktap_pool_refill(&x->vm->pool);
	WRITE_ONCE(x->vm->phase, KTAP_PHASE_EVENTS);
	mutex_unlock(&x->vm->reap_lock);
}

/**
 * ktap_vm_resume() - the main chunk goes on
 * @x: its exec; no handler runs any more
 */
void ktap_vm_resume(struct ktap_exec *x)
{
	mutex_lock(&x->vm->reap_lock);
	WRITE_ONCE(x->vm->phase, KTAP_PHASE_MAIN);
	ktap_exec_unpin(x);
}

/**
 * ktap_vm_run_begin() - run the trace_begin functions
 * @vm: the VM
 *
 * Context: as for ktap_vm_run_main().
 * Return: as for ktap_vm_run_main().
 */
int ktap_vm_run_begin(struct ktap_vm *vm)
{
	struct ktap_exec *x = ktap_setup_begin(vm, KTAP_PHASE_BEGIN);
	int ret = 0;
	u32 i;

	for (i = 0; i < vm->nbegins && !ret && !READ_ONCE(vm->stop); i++)
		ret = ktap_setup_call(x, vm->begins[i]);
	return ktap_setup_end(vm, ret);
}
EXPORT_SYMBOL_IF_KUNIT(ktap_vm_run_begin);

/**
 * ktap_vm_run_end() - run the trace_end functions
 * @vm: the VM; no more events are delivered
 *
 * All of them run, whether the session ended by exit(), by an error or
 * otherwise; but none after exit() was called in one of them.
 *
 * Context: as for ktap_vm_run_main().
 * Return: as for ktap_vm_run_main().
 */
int ktap_vm_run_end(struct ktap_vm *vm)
{
	struct ktap_exec *x = ktap_setup_begin(vm, KTAP_PHASE_END);
	int ret = 0;
	u32 i;

	WRITE_ONCE(vm->stop, 1);
	for (i = 0; i < vm->nends && ret != -EINTR && !READ_ONCE(vm->end_stop); i++)
		ret = ktap_setup_call(x, vm->ends[i]);
	for (i = 0; i < vm->nlasts && ret != -EINTR && !READ_ONCE(vm->end_stop); i++)
		ret = ktap_setup_call(x, vm->lasts[i]);
	return ktap_setup_end(vm, ret);
}
EXPORT_SYMBOL_IF_KUNIT(ktap_vm_run_end);

/**
 * ktap_vm_request_stop() - have the session end
 * @vm: the VM
 *
 * Context: any.
 */
void ktap_vm_request_stop(struct ktap_vm *vm)
{
	WRITE_ONCE(vm->stop, 1);
}

/**
 * ktap_vm_stopping() - whether the session has to end
 * @vm: the VM
 *
 * Return: whether it has.
 */
bool ktap_vm_stopping(const struct ktap_vm *vm)
{
	return READ_ONCE(vm->stop);
}

/**
 * ktap_vm_exit() - exit(): the session ends, and this is no error
 * @x: the running exec
 * @code: the status; that of the first call counts
 *
 * Return: -ECANCELED, for the builtin to return.
 */
int ktap_vm_exit(struct ktap_exec *x, int code)
{
	struct ktap_vm *vm = x->vm;

	if (!atomic_xchg(&vm->exit_state, 1))
		WRITE_ONCE(vm->exit_code, code);
	if (vm->phase == KTAP_PHASE_END)
		WRITE_ONCE(vm->end_stop, 1);
	ktap_vm_request_stop(vm);
	ktap_env_stopped(vm->env);
	return -ECANCELED;
}

/**
 * ktap_vm_exit_code() - the status that the script gave to exit(), or 0
 * @vm: the VM
 *
 * Return: the status.
 */
int ktap_vm_exit_code(const struct ktap_vm *vm)
{
	return READ_ONCE(vm->exit_code);
}

/**
 * ktap_vm_failed() - whether there was a run-time error
 * @vm: the VM
 *
 * Return: whether there was one.
 */
bool ktap_vm_failed(const struct ktap_vm *vm)
{
	return atomic_read(&vm->err_state);
}
EXPORT_SYMBOL_IF_KUNIT(ktap_vm_failed);

/**
 * ktap_vm_error_text() - the first run-time error
 * @vm: the VM
 *
 * Return: FILE:LINE: error: TEXT and the call stack, or NULL.
 */
const char *ktap_vm_error_text(const struct ktap_vm *vm)
{
	return atomic_read_acquire(&vm->err_state) == 2 ? vm->err_text : NULL;
}
EXPORT_SYMBOL_IF_KUNIT(ktap_vm_error_text);

static u32 ktap_frame_line(const struct ktap_frame *fr)
{
	const struct ktap_proto *p = fr->fn->proto;

	/* the pc is that of the next instruction */
	return p->lines[fr->pc > p->code ? fr->pc - p->code - 1 : 0];
}

static void ktap_log_function(struct ktap_log *log, const struct ktap_proto *p)
{
	char name[64];

	if (!p->index)
		ktap_log(log, "the main chunk");
	else if (ktap_printable(name, sizeof(name), p->name))
		ktap_log(log, "function %s", name);
	else
		ktap_log(log, "the function of line %u", p->line);
}

/**
 * ktap_error() - end the session with a run-time error
 * @x: the running exec
 * @fmt: what is wrong, without a newline
 *
 * The first error counts; later ones, on other CPUs, are not kept.
 *
 * Return: -EIO.
 */
int ktap_error(struct ktap_exec *x, const char *fmt, ...)
{
	struct ktap_vm *vm = x->vm;
	struct ktap_frame *fr;
	struct ktap_log log = { .buf = vm->err_text, .size = sizeof(vm->err_text) };
	unsigned int n = 0;
	char source[256];
	va_list args;

	if (atomic_cmpxchg(&vm->err_state, 0, 1))
		goto stop;
	ktap_printable(source, sizeof(source), vm->img.source);
	ktap_log(&log, "%s:%u: error: ", source, x->frame ? ktap_frame_line(x->frame) : 0);
	va_start(args, fmt);
	log.len += vscnprintf(log.buf + log.len, log.size - log.len, fmt, args);
	va_end(args);
	ktap_log(&log, "\n");
	/* of the main chunk alone the line says it all */
	fr = x->frame;
	if (fr == x->frames && !fr->fn->proto->index)
		fr = NULL;
	for (; fr && fr >= x->frames; fr--) {
		if (n++ == KTAP_ERROR_FRAMES) {
			ktap_log(&log, "\t... and %d more\n", (int)(fr - x->frames) + 1);
			break;
		}
		ktap_log(&log, "\tin ");
		ktap_log_function(&log, fr->fn->proto);
		ktap_log(&log, " at %s:%u\n", source, ktap_frame_line(fr));
	}
	atomic_set_release(&vm->err_state, 2);
stop:
	ktap_vm_request_stop(vm);
	ktap_env_stopped(vm->env);
	return -EIO;
}

/**
 * ktap_vm_lost() - count what could not be recorded
 * @vm: the VM
 * @why: the reason
 * @n: how much
 *
 * Context: any.
 */
void ktap_vm_lost(struct ktap_vm *vm, enum ktap_loss why, unsigned long n)
{
	atomic_long_add(n, &vm->lost[why]);
}

/**
 * ktap_vm_losses() - how much could not be recorded
 * @vm: the VM
 * @why: the reason
 *
 * Return: the count.
 */
u64 ktap_vm_losses(const struct ktap_vm *vm, enum ktap_loss why)
{
	return (unsigned long)atomic_long_read(&vm->lost[why]);
}
EXPORT_SYMBOL_IF_KUNIT(ktap_vm_losses);

/**
 * ktap_vm_uses() - whether the image has calls of a builtin
 * @vm: the VM
 * @id: the builtin
 *
 * Return: whether it has.
 */
bool ktap_vm_uses(const struct ktap_vm *vm, enum ktap_builtin_id id)
{
	u32 i;

	for (i = 0; i < vm->img.nbi; i++) {
		if (vm->img.bi[i].id == id)
			return true;
	}
	return false;
}

/**
 * ktap_vm_nconsts() - number of constants of the image
 * @vm: the VM
 *
 * Return: the number.
 */
u32 ktap_vm_nconsts(const struct ktap_vm *vm)
{
	return vm->img.nconsts;
}

/**
 * ktap_vm_const_str() - a string constant
 * @vm: the VM
 * @kidx: index of the constant
 *
 * Return: the string, or NULL if the constant is none or does not exist.
 */
const struct ktap_str *ktap_vm_const_str(const struct ktap_vm *vm, u32 kidx)
{
	if (kidx >= vm->img.nconsts || vm->img.consts[kidx].type != KTAP_STR)
		return NULL;
	return vm->img.consts[kidx].s;
}

/**
 * ktap_closure_fields() - which event fields a function reads
 * @fn: the function
 * @fn_field: called for each FIELD and HASF in it, not in those inside it, with
 *	@data, the constant that names the field, whether it is HASF, and the line;
 *	ends the walk by a value other than 0
 * @data: see @fn_field
 *
 * Return: 0, or what @fn_field returned.
 */
int ktap_closure_fields(struct ktap_closure *fn,
			int (*fn_field)(void *data, u32 kidx, bool asked, u32 line),
			void *data)
{
	const struct ktap_proto *p = fn->proto;
	u32 i;
	int ret;

	for (i = 0; i < p->ncode; i++) {
		u32 op = KTAP_INSN_OP(p->code[i]);

		if (op != KTAP_OP_FIELD && op != KTAP_OP_HASF)
			continue;
		ret = fn_field(data, KTAP_INSN_BX(p->code[i]), op == KTAP_OP_HASF,
			       p->lines[i]);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * ktap_closure_wants_entry() - whether a handler may ask for entry.NAME
 * @vm: the VM
 * @fn: the handler
 *
 * Which functions a handler calls is not known before it does: one that calls any
 * (as sort_pairs() may) may ask if the script does somewhere.
 *
 * Return: whether it may.
 */
bool ktap_closure_wants_entry(const struct ktap_vm *vm, const struct ktap_closure *fn)
{
	const struct ktap_proto *p = fn->proto;
	u32 i, id;

	for (i = 0; i < p->ncode && ktap_vm_uses(vm, KTAP_BI_EV_ENTRY); i++) {
		switch (KTAP_INSN_OP(p->code[i])) {
		case KTAP_OP_CALL:
		case KTAP_OP_TAIL:
			return true;
		case KTAP_OP_BCALL:
			id = vm->img.bi[KTAP_INSN_B(p->code[i])].id;
			if (id == KTAP_BI_EV_ENTRY || id == KTAP_BI_SORT_PAIRS)
				return true;
		}
	}
	return false;
}

/**
 * ktap_exec_vm() - the VM that runs
 * @x: the running exec
 *
 * Return: the VM.
 */
struct ktap_vm *ktap_exec_vm(const struct ktap_exec *x)
{
	return x->vm;
}

/**
 * ktap_exec_event() - the event that is being handled, or NULL
 * @x: the running exec
 *
 * Return: the event, or NULL.
 */
struct ktap_event *ktap_exec_event(const struct ktap_exec *x)
{
	return x->event;
}

/**
 * ktap_exec_may_sleep() - whether this is setup context
 * @x: the running exec
 *
 * Return: whether it is.
 */
bool ktap_exec_may_sleep(const struct ktap_exec *x)
{
	return x->setup;
}

/**
 * ktap_exec_in_main() - whether the main chunk runs
 * @x: the running exec
 *
 * Return: whether it does.
 */
bool ktap_exec_in_main(const struct ktap_exec *x)
{
	return x->setup && x->vm->phase == KTAP_PHASE_MAIN;
}
