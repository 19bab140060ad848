// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: values that slots own, and the life of objects.
 *
 * Slots count as references to tables, closures, cells and aggregations;
 * registers do not, so that the interpreter copies values freely.  When, then, is an object
 * freed?
 *
 *  - Private objects, which were never in a slot: only the exec that made them
 *    can know them.  It keeps a list (ktap_exec.temps) and frees them when it
 *    returns, or earlier, when no register of its own refers to them
 *    (ktap_exec_collect()).  A cell that only private closures captured is
 *    private too.
 *  - Shared objects: when the last reference goes, they become zombies.  A
 *    handler may still have a zombie in a register, and may even put it into
 *    a slot again.  The worker takes the zombies, waits until all handlers
 *    that ran then have returned (RCU), and frees those that no slot has held
 *    since: the bit KTAP_OBJ_TOUCHED, cleared before the wait and set
 *    whenever the count falls to 0, tells.
 *  - In setup context there are no handlers, but the exec's registers; the
 *    worker frees nothing (ktap_vm.reap_lock), and ktap_exec_collect() frees
 *    zombies that no register refers to.
 *
 * Cycles of shared objects are freed with the VM, like everything else; the
 * session's memory limit covers them.
 *
 * Contexts: any, unless a function says otherwise.
 * Locks: ktap_pool.lock, through the pool; callers may hold a table, cell or
 * global lock.
 */
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "vm.h"

/**
 * ktap_vm_kick() - get the worker going
 * @vm: the VM
 *
 * Once until the worker has run: the interrupt that this raises has events of
 * its own, whose handlers may get here, and would never let the CPU go.
 *
 * Context: any.
 */
void ktap_vm_kick(struct ktap_vm *vm)
{
	if (!atomic_read(&vm->kicked) && !atomic_xchg(&vm->kicked, 1))
		irq_work_queue(&vm->irq_work);
}

/**
 * ktap_new() - memory for an object
 * @x: the running exec
 * @size: bytes, at most KTAP_POOL_MAX
 *
 * Where that is allowed it waits for memory; in any case it collects what the
 * exec itself no longer needs before it gives up.  So all live values have to
 * be in registers.
 *
 * Return: the memory, zeroed, or an error pointer as ktap_pool_alloc().
 */
void *ktap_new(struct ktap_exec *x, size_t size)
{
	struct ktap_vm *vm = x->vm;
	bool collected = false;
	void *p;

	for (;;) {
		p = ktap_pool_alloc(&vm->pool, size, x->nmi);
		if (!IS_ERR(p))
			break;
		if (x->setup && !ktap_pool_grow(&vm->pool))
			continue;
		if (collected || !x->frame)
			return p;
		ktap_exec_collect(x);
		collected = true;
	}
	if (!x->setup && ktap_pool_low(&vm->pool))
		ktap_vm_kick(vm);
	return memset(p, 0, size);
}

/**
 * ktap_lost_update() - count an update that a handler could not make
 * @vm: the VM
 * @err: -ENOMEM, or -EBUSY if an NMI found a lock taken
 */
void ktap_lost_update(struct ktap_vm *vm, int err)
{
	if (err == -EBUSY) {
		ktap_vm_lost(vm, KTAP_LOSS_BUSY, 1);
		return;
	}
	ktap_vm_lost(vm, KTAP_LOSS_TABLE, 1);
	ktap_vm_kick(vm);
}

/**
 * ktap_no_memory() - give up because there is no memory
 * @x: the running exec
 * @err: -ENOMEM, or -EBUSY if an NMI found the pool locked
 *
 * In setup context this is a run-time error; a handler that cannot have a
 * variable or function ends early, and is counted.
 *
 * Return: -EIO or -ECANCELED, for the caller to return.
 */
int ktap_no_memory(struct ktap_exec *x, int err)
{
	struct ktap_pool *p = &x->vm->pool;

	if (!x->setup) {
		ktap_lost_update(x->vm, err);
		return -ECANCELED;
	}
	if (READ_ONCE(p->bytes) + KTAP_CHUNK_SIZE > p->limit)
		return ktap_error(x, "out of memory: the session's limit is %llu bytes",
				  p->limit);
	return ktap_error(x, "out of memory");
}

/**
 * ktap_obj_init() - begin the life of an object
 * @x: the exec that made it
 * @o: the object
 * @type: KTAP_TABLE, KTAP_FUNC, KTAP_CELL or KTAP_AGG
 */
void ktap_obj_init(struct ktap_exec *x, struct ktap_obj *o, enum ktap_type type)
{
	atomic_long_set(&o->state, 0);
	o->type = type;
	o->mark = 0;
	o->next = x->temps;
	x->temps = o;
	if (++x->ntemps >= KTAP_MAX_TEMPS)
		ktap_exec_hurry(x);
}

/* The cells of a closure are known to whoever knows the closure. */
static void ktap_closure_share(struct ktap_closure *f)
{
	unsigned int i;

	for (i = 0; i < f->proto->nupvals; i++)
		atomic_long_or(KTAP_OBJ_SHARED, &f->up[i]->obj.state);
}

/**
 * ktap_obj_share() - count a reference from a slot
 * @vm: the VM
 * @o: the object
 */
void ktap_obj_share(struct ktap_vm *vm, struct ktap_obj *o)
{
	long old = atomic_long_read(&o->state);

	if (!(old & KTAP_OBJ_SHARED) && o->type == KTAP_FUNC)
		ktap_closure_share((struct ktap_closure *)o);
	while (!atomic_long_try_cmpxchg(&o->state, &old,
					(old + KTAP_OBJ_REF) | KTAP_OBJ_SHARED))
		;
}
EXPORT_SYMBOL_IF_KUNIT(ktap_obj_share);

/**
 * ktap_obj_hold() - count a reference from a closure that nobody else knows
 * @o: the object
 */
void ktap_obj_hold(struct ktap_obj *o)
{
	atomic_long_add(KTAP_OBJ_REF, &o->state);
}

/**
 * ktap_obj_put() - a reference is gone
 * @vm: the VM
 * @o: the object; the caller is a handler, runs in setup context, or is the
 *	worker, so that it is not freed yet
 * @nmi: the caller is in NMI
 */
void ktap_obj_put(struct ktap_vm *vm, struct ktap_obj *o, bool nmi)
{
	long old = atomic_long_read(&o->state), new;

	do {
		new = old - KTAP_OBJ_REF;
		if (new < KTAP_OBJ_REF && (new & KTAP_OBJ_SHARED))
			new |= KTAP_OBJ_ZOMBIE | KTAP_OBJ_TOUCHED;
	} while (!atomic_long_try_cmpxchg(&o->state, &old, new));

	if ((new & KTAP_OBJ_ZOMBIE) && !(old & KTAP_OBJ_ZOMBIE)) {
		llist_add(&o->zombie, &vm->zombies);
		if (atomic_inc_return(&vm->nzombies) == KTAP_MAX_TEMPS &&
		    vm->phase != KTAP_PHASE_EVENTS)
			ktap_exec_hurry(vm->setup);
		if (vm->phase == KTAP_PHASE_EVENTS)
			ktap_vm_kick(vm);
	}
}

/* Does something with each table and function in a compound key. */
static void ktap_tuple_objs(struct ktap_vm *vm, const struct ktap_str *s,
			    void (*fn)(struct ktap_vm *vm, struct ktap_obj *o, bool nmi),
			    bool nmi)
{
	struct ktap_val part;
	const char *bytes;
	size_t pos = 0;
	u32 len;

	while ((pos = ktap_tuple_next(s, pos, &part, &bytes, &len))) {
		if (ktap_is_obj(&part))
			fn(vm, ktap_val_obj(&part), nmi);
	}
}

static void ktap_share_part(struct ktap_vm *vm, struct ktap_obj *o, bool nmi)
{
	ktap_obj_share(vm, o);
}

/**
 * ktap_val_put() - a slot's value goes
 * @vm: the VM
 * @v: the value, which the slot owned
 * @nmi: the caller is in NMI
 */
void ktap_val_put(struct ktap_vm *vm, struct ktap_val *v, bool nmi)
{
	switch (v->type) {
	case KTAP_TUPLE:
		if (v->aux)
			ktap_tuple_objs(vm, v->s, ktap_obj_put, nmi);
		fallthrough;
	case KTAP_STR:
	case KTAP_STACK:
	case KTAP_USTACK:
	case KTAP_USYM:
		if (!v->s->kidx)
			ktap_pool_free(&vm->pool, v->s, ktap_str_size(v->s->len), nmi);
		break;
	case KTAP_TABLE:
	case KTAP_FUNC:
	case KTAP_CELL:
	case KTAP_AGG:
		ktap_obj_put(vm, ktap_val_obj(v), nmi);
		break;
	}
	v->type = KTAP_NIL;
}

/**
 * ktap_val_own() - make the value of a register the value of a slot
 * @vm: the VM
 * @dst: the slot's value; what is there is overwritten
 * @src: the register's
 * @nmi: the caller is in NMI
 *
 * Return: 0, or -ENOMEM or -EBUSY as ktap_pool_alloc(), with @dst as it was.
 */
int ktap_val_own(struct ktap_vm *vm, struct ktap_val *dst, const struct ktap_val *src,
		 bool nmi)
{
	struct ktap_str *s;

	switch (src->type) {
	case KTAP_STR:
	case KTAP_TUPLE:
	case KTAP_STACK:
	case KTAP_USTACK:
	case KTAP_USYM:
		if (src->s->kidx)
			break;
		s = ktap_pool_alloc(&vm->pool, ktap_str_size(src->s->len), nmi);
		if (IS_ERR(s))
			return PTR_ERR(s);
		memcpy(s, src->s, ktap_str_size(src->s->len));
		if (src->aux)
			ktap_tuple_objs(vm, s, ktap_share_part, nmi);
		*dst = *src;
		dst->s = s;
		return 0;
	case KTAP_TABLE:
	case KTAP_FUNC:
	case KTAP_CELL:
	case KTAP_AGG:
		ktap_obj_share(vm, ktap_val_obj(src));
		break;
	}
	*dst = *src;
	return 0;
}

/**
 * ktap_val_lend() - copy the value of a slot to a register
 * @x: the running exec
 * @dst: the register
 * @src: the slot's value; its lock is held if it is a string
 *
 * Return: 0, or -EAGAIN if there is no room in the arena.
 */
int ktap_val_lend(struct ktap_exec *x, struct ktap_val *dst, const struct ktap_val *src)
{
	if (ktap_is_str(src) && !src->s->kidx) {
		size_t size = ktap_str_size(src->s->len);
		size_t room = sizeof(struct ktap_arena_hdr) + ALIGN(size, 8);
		struct ktap_arena_hdr *h;

		if (x->arena_size - x->arena_pos < room)
			return -EAGAIN;
		h = (struct ktap_arena_hdr *)(x->arena + x->arena_pos);
		h->size = room;
		h->fwd = 0;
		x->arena_pos += room;
		memcpy(h + 1, src->s, size);
		*dst = *src;
		dst->s = (struct ktap_str *)(h + 1);
		return 0;
	}
	*dst = *src;
	return 0;
}

/**
 * ktap_slot_init() - make an empty slot
 * @s: the slot
 */
void ktap_slot_init(struct ktap_slot *s)
{
	ktap_spin_init(&s->lock);
	seqcount_init(&s->seq);
	ktap_set_nil(&s->v);
}

/* Frees an object that nobody knows any more, and drops what it refers to. */
static void ktap_obj_free(struct ktap_vm *vm, struct ktap_obj *o, bool nmi)
{
	struct ktap_closure *f;
	struct ktap_cell *c;
	unsigned int i;

	switch (o->type) {
	case KTAP_TABLE:
		ktap_table_free(vm, (struct ktap_table *)o, nmi);
		break;
	case KTAP_FUNC:
		f = (struct ktap_closure *)o;
		for (i = 0; i < f->proto->nupvals; i++)
			ktap_obj_put(vm, &f->up[i]->obj, nmi);
		ktap_pool_free(&vm->pool, f, struct_size(f, up, f->proto->nupvals), nmi);
		break;
	case KTAP_CELL:
		c = (struct ktap_cell *)o;
		ktap_val_put(vm, &c->slot.v, nmi);
		ktap_pool_free(&vm->pool, c, sizeof(*c), nmi);
		break;
	case KTAP_AGG:
		ktap_agg_free(vm, (struct ktap_agg *)o, nmi);
		break;
	}
}

/* Frees a part of a large object; false if the rest is little. */
static bool ktap_obj_trim(struct ktap_vm *vm, struct ktap_obj *o)
{
	if (o->type == KTAP_TABLE)
		return ktap_table_trim(vm, (struct ktap_table *)o);
	return o->type == KTAP_AGG && ktap_agg_trim(vm, (struct ktap_agg *)o);
}

/*
 * Frees the private objects in the list of @x that have no mark, and drops
 * the shared ones from it.  Cells go last: until then closures refer to them.
 */
static void ktap_free_temps(struct ktap_exec *x)
{
	struct ktap_obj *o, *next, *cells = NULL, *keep = NULL;
	struct ktap_vm *vm = x->vm;

	for (o = x->temps; o; o = next) {
		next = o->next;
		o->next = NULL;
		if (atomic_long_read(&o->state) & KTAP_OBJ_SHARED) {
			continue;
		} else if (o->type == KTAP_CELL) {
			o->next = cells;
			cells = o;
		} else if (o->mark) {
			o->next = keep;
			keep = o;
		} else {
			ktap_obj_free(vm, o, x->nmi);
		}
	}
	for (o = cells; o; o = next) {
		long state = atomic_long_read(&o->state);

		next = o->next;
		o->next = NULL;
		if (state & KTAP_OBJ_SHARED) {
			continue;
		} else if (o->mark || state >= KTAP_OBJ_REF) {
			o->next = keep;
			keep = o;
		} else {
			ktap_obj_free(vm, o, x->nmi);
		}
	}
	x->temps = keep;
	x->ntemps = 0;
}

/**
 * ktap_exec_end_temps() - free the private objects of a handler that returned
 * @x: its exec
 */
void ktap_exec_end_temps(struct ktap_exec *x)
{
	ktap_free_temps(x);
	/* a cell that a shared closure refers to is shared, so none is kept */
	x->temps = NULL;
}
EXPORT_SYMBOL_IF_KUNIT(ktap_exec_end_temps);

/* Does something with each object that registers refer to. */
static void ktap_each_reg(struct ktap_exec *x,
			  void (*fn)(struct ktap_exec *x, struct ktap_obj *o))
{
	struct ktap_val *v, *end = ktap_exec_stack_top(x);

	for (v = x->stack; v < end; v++) {
		struct ktap_val part = *v;
		const char *bytes;
		size_t pos = 0;
		u32 len;

		if (v->type == KTAP_TUPLE && !v->aux)
			continue;
		if (v->type == KTAP_TUPLE)
			ktap_exec_charge(x, v->s->len / 8);
		do {
			if (ktap_is_obj(&part))
				fn(x, ktap_val_obj(&part));
			if (v->type != KTAP_TUPLE)
				break;
			pos = ktap_tuple_next(v->s, pos, &part, &bytes, &len);
		} while (pos);
	}
}

/* A handler leaves those alone that others know, and that it does not free. */
static bool ktap_may_mark(const struct ktap_exec *x, const struct ktap_obj *o)
{
	return x->setup || !(atomic_long_read(&o->state) & KTAP_OBJ_SHARED);
}

static void ktap_mark_obj(struct ktap_exec *x, struct ktap_obj *o)
{
	if (ktap_may_mark(x, o))
		o->mark = 1;
}

static void ktap_unmark_obj(struct ktap_exec *x, struct ktap_obj *o)
{
	if (ktap_may_mark(x, o))
		o->mark = 0;
}

static void ktap_pin_obj(struct ktap_exec *x, struct ktap_obj *o)
{
	ktap_obj_share(x->vm, o);
}

static void ktap_unpin_obj(struct ktap_exec *x, struct ktap_obj *o)
{
	ktap_obj_put(x->vm, o, false);
}

/* In setup context: frees the zombies that no register refers to. */
static void ktap_reap_setup(struct ktap_exec *x)
{
	struct llist_node *list, *keep = NULL, *keep_last = NULL;
	struct ktap_vm *vm = x->vm;
	struct ktap_obj *o, *next;
	unsigned int n = 0;

	/* freeing one makes zombies of what it alone referred to */
	while ((list = llist_del_all(&vm->zombies))) {
		llist_for_each_entry_safe(o, next, list, zombie) {
			if (atomic_long_read(&o->state) >= KTAP_OBJ_REF) {
				atomic_long_andnot(KTAP_OBJ_ZOMBIE | KTAP_OBJ_TOUCHED,
						   &o->state);
			} else if (o->mark) {
				if (!keep)
					keep_last = &o->zombie;
				o->zombie.next = keep;
				keep = &o->zombie;
				n++;
			} else {
				while (ktap_obj_trim(vm, o))
					cond_resched();
				ktap_obj_free(vm, o, false);
			}
		}
	}
	if (keep)
		llist_add_batch(keep, keep_last, &vm->zombies);
	atomic_set(&vm->nzombies, n);
}

/**
 * ktap_exec_collect() - free what the exec made and does not need any more
 * @x: the exec; all its live values are in registers, or it is not running
 *
 * Context: that of the exec; no lock is held.
 */
void ktap_exec_collect(struct ktap_exec *x)
{
	if (!x->temps && (!x->setup || llist_empty(&x->vm->zombies)))
		return;
	ktap_each_reg(x, ktap_mark_obj);
	/* takes shared objects from the list, before they may be freed */
	ktap_free_temps(x);
	if (x->setup)
		ktap_reap_setup(x);
	ktap_each_reg(x, ktap_unmark_obj);
	ktap_exec_charge(x, 64 + (ktap_exec_stack_top(x) - x->stack) / 8);
}
EXPORT_SYMBOL_IF_KUNIT(ktap_exec_collect);

/**
 * ktap_exec_pin() - count references from registers
 * @x: the exec of setup context, in a call of a builtin
 */
void ktap_exec_pin(struct ktap_exec *x)
{
	/* what is left then is in registers, or known to what is */
	ktap_exec_collect(x);
	ktap_each_reg(x, ktap_pin_obj);
	/* shared now, so that others may free it: it leaves the list */
	ktap_free_temps(x);
}

/**
 * ktap_exec_unpin() - do not count them any more
 * @x: the exec, whose registers are as they were when they were pinned
 */
void ktap_exec_unpin(struct ktap_exec *x)
{
	ktap_each_reg(x, ktap_unpin_obj);
}

/**
 * ktap_vm_reap() - free zombies that no handler can know any more
 * @vm: the VM
 *
 * Context: the worker.  Sleeps for an RCU grace period.
 */
void ktap_vm_reap(struct ktap_vm *vm)
{
	struct llist_node *list, *again = NULL, *again_last = NULL;
	struct ktap_obj *o, *next;
	unsigned int n = 0, left = 0;

	list = llist_del_all(&vm->zombies);
	if (!list)
		return;
	llist_for_each_entry(o, list, zombie)
		atomic_long_andnot(KTAP_OBJ_TOUCHED, &o->state);
	/*
	 * An object whose count is 0 now, and does not fall to 0 again, is in
	 * no slot from here on, so only handlers that run now can know it.
	 */
	synchronize_rcu();
	llist_for_each_entry_safe(o, next, list, zombie) {
		long state = atomic_long_read(&o->state);
		struct ktap_exec *guard;

		n++;
		/* in a slot again: from now on its count makes it a zombie */
		while (state >= KTAP_OBJ_REF &&
		       !atomic_long_try_cmpxchg(&o->state, &state,
						state & ~(KTAP_OBJ_ZOMBIE | KTAP_OBJ_TOUCHED)))
			;
		if (state >= KTAP_OBJ_REF)
			continue;
		if (state & KTAP_OBJ_TOUCHED) {
			if (!again)
				again_last = &o->zombie;
			o->zombie.next = again;
			again = &o->zombie;
			left++;
			continue;
		}
		guard = ktap_guard_enter();
		while (ktap_obj_trim(vm, o)) {
			ktap_guard_leave(guard);
			cond_resched();
			guard = ktap_guard_enter();
		}
		ktap_obj_free(vm, o, false);
		ktap_guard_leave(guard);
		cond_resched();
	}
	atomic_sub(n - left, &vm->nzombies);
	if (again)
		llist_add_batch(again, again_last, &vm->zombies);
}
