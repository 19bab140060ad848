// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: execs, in which bytecode runs: stack, call frames, arena, budget.
 *
 * Owns the execs of handlers: one for each CPU and context level (task,
 * softirq, hardirq, NMI), shared by all sessions, there while there is a VM.
 * A handler owns its exec because it has preemption disabled and the flag
 * ktap_exec.busy of its level: whatever interrupts it runs at a higher level,
 * and an event inside a handler finds the flag and is counted instead.
 * Besides these each VM has an exec for setup context.
 *
 * The arena holds the strings of a run.  When it fills up, the strings that
 * registers refer to move to its beginning; the interpreter asks for that
 * (ktap_arena_ensure()) before operations that make strings, when all live
 * values are in registers.
 *
 * Contexts: ktap_execs_get(), ktap_execs_put(), ktap_exec_alloc(),
 * ktap_exec_free(): process context, may sleep.  The others: any.
 * Locks: ktap_execs_lock, a mutex, protects the number of users.
 */
#include <kunit/visibility.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "vm.h"

DEFINE_PER_CPU(struct ktap_cpu, ktap_cpus);
static DEFINE_MUTEX(ktap_execs_lock);
static unsigned int ktap_execs_users;

/* The next part of an exec's memory, at *@p */
static void *ktap_exec_part(char **p, size_t size)
{
	char *part = *p;

	ktap_poison(part + size, KTAP_REDZONE);
	*p += size + KTAP_REDZONE;
	return part;
}

/**
 * ktap_exec_alloc() - make an exec
 * @nvals: values of its stack
 * @nframes: functions that may be active
 * @arena: bytes for strings
 * @node: memory node
 *
 * Return: the exec, or NULL.
 */
struct ktap_exec *ktap_exec_alloc(u32 nvals, u32 nframes, u32 arena, int node)
{
	size_t stack = array_size(nvals + KTAP_STACK_SLACK, sizeof(struct ktap_val));
	size_t frames = array_size(nframes, sizeof(struct ktap_frame));
	struct ktap_exec *x;
	char *p;

	x = kvmalloc_node(sizeof(*x) + 8 + stack + frames + KTAP_OUT_MAX + arena +
			  4 * KTAP_REDZONE, GFP_KERNEL_ACCOUNT, node);
	if (!x)
		return NULL;
	memset(x, 0, sizeof(*x));
	p = PTR_ALIGN((char *)(x + 1), 8);
	x->stack = ktap_exec_part(&p, stack);
	x->stack_end = x->stack + nvals;
	x->frames = ktap_exec_part(&p, frames);
	x->frames_end = x->frames + nframes;
	x->stage = ktap_exec_part(&p, KTAP_OUT_MAX);
	x->arena = ktap_exec_part(&p, arena);
	x->arena_size = arena;
	return x;
}

/**
 * ktap_exec_free() - free an exec
 * @x: the exec, or NULL
 */
void ktap_exec_free(struct ktap_exec *x)
{
	kvfree(x);
}

static void ktap_execs_free(void)
{
	unsigned int cpu, i;

	for_each_possible_cpu(cpu) {
		struct ktap_cpu *c = per_cpu_ptr(&ktap_cpus, cpu);

		for (i = 0; i < KTAP_LEVELS; i++) {
			ktap_exec_free(c->x[i]);
			c->x[i] = NULL;
		}
	}
}

static int ktap_execs_alloc(void)
{
	unsigned int cpu, i;

	for_each_possible_cpu(cpu) {
		struct ktap_cpu *c = per_cpu_ptr(&ktap_cpus, cpu);

		for (i = 0; i < KTAP_LEVELS; i++) {
			c->x[i] = ktap_exec_alloc(KTAP_HANDLER_STACK, KTAP_HANDLER_FRAMES,
						  KTAP_HANDLER_ARENA, cpu_to_node(cpu));
			if (!c->x[i]) {
				ktap_execs_free();
				return -ENOMEM;
			}
			c->x[i]->nmi = i == KTAP_LEVEL_NMI;
		}
	}
	return 0;
}

/**
 * ktap_execs_get() - have the execs of handlers
 *
 * Return: 0 or -ENOMEM.
 */
int ktap_execs_get(void)
{
	int ret = 0;

	mutex_lock(&ktap_execs_lock);
	if (!ktap_execs_users)
		ret = ktap_execs_alloc();
	if (!ret)
		ktap_execs_users++;
	mutex_unlock(&ktap_execs_lock);
	return ret;
}

/**
 * ktap_execs_put() - need the execs of handlers no longer
 */
void ktap_execs_put(void)
{
	mutex_lock(&ktap_execs_lock);
	if (!--ktap_execs_users)
		ktap_execs_free();
	mutex_unlock(&ktap_execs_lock);
}

/**
 * ktap_guard_enter() - let no handler run at this level
 *
 * For those who are no handlers, while they hold a lock that handlers take: an
 * event in the section would deadlock.  It is counted as nested instead.
 *
 * Context: any but handlers; returns with preemption disabled.
 * Return: for ktap_guard_leave().
 */
struct ktap_exec *ktap_guard_enter(void)
{
	return ktap_exec_enter();
}
EXPORT_SYMBOL_IF_KUNIT(ktap_guard_enter);

/**
 * ktap_guard_leave() - let handlers run again
 * @guard: what ktap_guard_enter() returned
 */
void ktap_guard_leave(struct ktap_exec *guard)
{
	if (guard)
		ktap_exec_leave(guard);
}
EXPORT_SYMBOL_IF_KUNIT(ktap_guard_leave);

/**
 * ktap_exec_charge() - count work as instructions
 * @x: the running exec
 * @n: how many
 *
 * For operations whose cost depends on their operands.
 */
void ktap_exec_charge(struct ktap_exec *x, s64 n)
{
	x->fuel -= n;
}

/**
 * ktap_exec_hurry() - have ktap_exec_attend() called soon
 * @x: the running exec
 */
void ktap_exec_hurry(struct ktap_exec *x)
{
	if (x->fuel > 0) {
		x->left += x->fuel;
		x->fuel = 0;
	}
}

/**
 * ktap_exec_attend() - look after an exec whose fuel is used up
 * @x: the running exec; all its live values are in registers
 *
 * Return: 0 to go on, or an error.
 */
int ktap_exec_attend(struct ktap_exec *x)
{
	struct ktap_vm *vm = x->vm;
	s64 slice;

	x->left += x->fuel;
	x->fuel = 0;
	if (x->left <= 0) {
		return ktap_error(x, "instruction limit of %llu exceeded in %s",
				  x->setup ? vm->main_budget : vm->handler_budget,
				  !x->setup ? "a handler" :
				  vm->phase == KTAP_PHASE_MAIN ? "the main chunk" :
				  vm->phase == KTAP_PHASE_BEGIN ? "trace_begin" : "trace_end");
	}
	if (vm->phase == KTAP_PHASE_END ? READ_ONCE(vm->end_stop) : READ_ONCE(vm->stop))
		return -ECANCELED;
	if (!x->setup) {
		/* long runs are measured themselves, from here on */
		if (x->watch != 1)
			ktap_exec_watch(x, 1);
		else if (ktap_env_watch(x, x->since, 1, false))
			return -EIO;
	} else {
		cond_resched();
		if (ktap_env_interrupted(vm->env)) {
			ktap_vm_request_stop(vm);
			if (vm->phase == KTAP_PHASE_END)
				WRITE_ONCE(vm->end_stop, 1);
			return -EINTR;
		}
	}
	if (x->ntemps >= KTAP_MAX_TEMPS / 2 ||
	    (x->setup && atomic_read(&vm->nzombies) >= KTAP_MAX_TEMPS / 2))
		ktap_exec_collect(x);

	slice = min_t(s64, x->left, KTAP_SLICE);
	x->left -= slice;
	x->fuel += slice;
	return 0;
}

/**
 * ktap_exec_stack_top() - end of the values that are valid
 * @x: the exec
 *
 * A frame below another one may reach further up, and values that a multi
 * instruction left may be above all of them.
 *
 * Return: the first value that is not.
 */
struct ktap_val *ktap_exec_stack_top(struct ktap_exec *x)
{
	struct ktap_val *end = x->stack;
	struct ktap_frame *fr;

	if (!x->frame)
		return end;
	for (fr = x->frames; fr <= x->frame; fr++)
		end = max(end, fr->base + fr->fn->proto->nregs);
	return max(end, x->top);
}

static struct ktap_arena_hdr *ktap_arena_hdr(const struct ktap_exec *x,
					     const struct ktap_val *v)
{
	const char *s = (const char *)v->s;

	if (!ktap_is_str(v) || s < x->arena || s >= x->arena + x->arena_pos)
		return NULL;
	return (struct ktap_arena_hdr *)(v->s) - 1;
}

/**
 * ktap_arena_compact() - forget the strings that no register refers to
 * @x: the exec; all its live strings are in registers
 */
void ktap_arena_compact(struct ktap_exec *x)
{
	struct ktap_val *v, *end = ktap_exec_stack_top(x);
	struct ktap_arena_hdr *h;
	u32 pos, next, to = 0;

	for (v = x->stack; v < end; v++) {
		h = ktap_arena_hdr(x, v);
		if (h)
			h->fwd = 1;
	}
	for (pos = 0; pos < x->arena_pos; pos += h->size) {
		h = (struct ktap_arena_hdr *)(x->arena + pos);
		if (h->fwd) {
			h->fwd = to + 1;
			to += h->size;
		}
	}
	for (v = x->stack; v < end; v++) {
		h = ktap_arena_hdr(x, v);
		if (h)
			v->s = (struct ktap_str *)(x->arena + h->fwd - 1 + sizeof(*h));
	}
	for (pos = 0; pos < x->arena_pos; pos = next) {
		h = (struct ktap_arena_hdr *)(x->arena + pos);
		next = pos + h->size;
		if (h->fwd) {
			struct ktap_arena_hdr *dst = (void *)(x->arena + h->fwd - 1);

			memmove(dst, h, h->size);
			dst->fwd = 0;
		}
	}
	ktap_exec_charge(x, 64 + (end - x->stack) / 4 + x->arena_pos / 64);
	x->arena_pos = to;
}

/**
 * ktap_arena_ensure() - have room for strings
 * @x: the exec; all its live strings are in registers
 * @bytes: how much
 *
 * Return: 0, or an error.
 */
int ktap_arena_ensure(struct ktap_exec *x, size_t bytes)
{
	if (likely(x->arena_size - x->arena_pos >= bytes))
		return 0;
	ktap_arena_compact(x);
	if (x->arena_size - x->arena_pos >= bytes)
		return 0;
	return ktap_error(x, "strings of %s take more than %u bytes at once",
			  x->setup ? "the script" : "a handler", x->arena_size);
}

/**
 * ktap_str_alloc() - room for a string
 * @x: the running exec
 * @len: bytes, at most KTAP_MAX_STR
 *
 * Builtins may take KTAP_ARENA_RESERVE bytes in all.  The length may be
 * reduced afterwards.
 *
 * Return: the string, its bytes to be filled in; or NULL after ktap_error().
 */
struct ktap_str *ktap_str_alloc(struct ktap_exec *x, size_t len)
{
	struct ktap_arena_hdr *h;
	struct ktap_str *s;
	size_t room;

	if (unlikely(len > KTAP_MAX_STR)) {
		ktap_error(x, "string too long: limit is %u bytes", KTAP_MAX_STR);
		return NULL;
	}
	room = sizeof(*h) + ALIGN(ktap_str_size(len), 8);
	if (unlikely(x->arena_size - x->arena_pos < room)) {
		ktap_error(x, "strings of %s take more than %u bytes at once",
			   x->setup ? "the script" : "a handler", x->arena_size);
		return NULL;
	}
	h = (struct ktap_arena_hdr *)(x->arena + x->arena_pos);
	h->size = room;
	h->fwd = 0;
	x->arena_pos += room;
	s = (struct ktap_str *)(h + 1);
	s->len = len;
	s->hash = 0;
	s->kidx = 0;
	s->data[len] = '\0';
	return s;
}

/**
 * ktap_str_shrink() - make a string shorter
 * @x: the running exec
 * @s: what ktap_str_alloc() returned last
 * @len: bytes it needs, at most those it has
 */
void ktap_str_shrink(struct ktap_exec *x, struct ktap_str *s, size_t len)
{
	struct ktap_arena_hdr *h = (struct ktap_arena_hdr *)s - 1;
	u32 room = sizeof(*h) + ALIGN(ktap_str_size(len), 8);

	s->len = len;
	s->data[len] = '\0';
	x->arena_pos -= h->size - room;
	h->size = room;
}

/**
 * ktap_set_str() - make a string value
 * @x: the running exec
 * @out: gets the value
 * @s: bytes; what is beyond KTAP_MAX_STR is cut off and counted
 * @len: how many
 *
 * Return: 0, or what ktap_error() returned.
 */
int ktap_set_str(struct ktap_exec *x, struct ktap_val *out, const char *s, size_t len)
{
	struct ktap_str *str;

	if (unlikely(len > KTAP_MAX_STR)) {
		len = KTAP_MAX_STR;
		ktap_vm_lost(x->vm, KTAP_LOSS_STRING, 1);
	}
	str = ktap_str_alloc(x, len);
	if (!str)
		return -EIO;
	memcpy(str->data, s, len);
	*out = (struct ktap_val){ .s = str, .type = KTAP_STR };
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(ktap_set_str);
