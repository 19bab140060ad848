// SPDX-License-Identifier: GPL-2.0
/*
 * watch: looks over the shoulder of a VM, while it runs.
 *
 * Owns the list of blocks that the VM has from its pool.  What is wrong here
 * ends the process where it happens: a block that is freed twice or with another
 * size, a string that is read without the lock of its slot, a register that
 * holds no value.
 */
#include "watch.h"
#include "watch_blocks.h"

struct watch_counts watch_counts;

bool watch_on, watch_markers;
static bool looking;

/*
 * Blocks by address.  One that was there once stays in the table: the pool
 * gives the same addresses out again and again.
 */
#define TABLE_SIZE	131072

struct watch_block *watch_blocks[WATCH_MAX_BLOCKS];
unsigned int watch_nblocks;
static struct watch_block blocks[TABLE_SIZE];
static u32 generation = 1;

static struct watch_block *place(const void *p)
{
	u64 h = (u64)(unsigned long)p / 16 * 0x9e3779b97f4a7c15ull >> 40;
	struct watch_block *b;

	for (;; h++) {
		b = &blocks[h % TABLE_SIZE];
		if (b->generation != generation || b->p == p)
			return b;
	}
}

struct watch_block *watch_block(const void *p)
{
	struct watch_block *b = place(p);

	return b->generation == generation && b->size ? b : NULL;
}

void watch_begin(bool deep, bool markers)
{
	generation++;
	watch_nblocks = 0;
	watch_on = true;
	looking = deep;
	watch_markers = markers;
	memset(&watch_counts, 0, sizeof(watch_counts));
}

void watch_end(void)
{
	watch_on = false;
	looking = false;
}

/* The function that goes first, of the linker's two names for each */
#define WRAP(ret, name, ...)						\
	ret __real_##name(__VA_ARGS__);					\
	ret __wrap_##name(__VA_ARGS__);					\
	ret __wrap_##name(__VA_ARGS__)

/*
 * The pool
 */
WRAP(void *, ktap_pool_alloc, struct ktap_pool *p, size_t size, bool nmi)
{
	struct watch_block *b;
	void *ptr;

	shim_tick();
	ptr = __real_ktap_pool_alloc(p, size, nmi);
	if (!watch_on || IS_ERR(ptr))
		return ptr;
	b = place(ptr);
	if (b->generation != generation) {
		FUZZ_CHECK(watch_nblocks < WATCH_MAX_BLOCKS);
		watch_blocks[watch_nblocks++] = b;
		b->generation = generation;
		b->p = ptr;
		b->size = 0;
	}
	FUZZ_CHECK(!b->size && size);
	b->size = size;
	b->object = false;
	return ptr;
}

WRAP(int, ktap_pool_grow, struct ktap_pool *p)
{
	int ret = __real_ktap_pool_grow(p);

	watch_counts.limits += ret != 0;
	return ret;
}

WRAP(void, ktap_pool_free, struct ktap_pool *p, void *ptr, size_t size, bool nmi)
{
	if (watch_on) {
		struct watch_block *b = watch_block(ptr);

		FUZZ_CHECK(b && b->size == size);
		b->size = 0;
	}
	__real_ktap_pool_free(p, ptr, size, nmi);
	shim_tick();
}

WRAP(void, ktap_obj_init, struct ktap_exec *x, struct ktap_obj *o, enum ktap_type type)
{
	if (watch_on) {
		FUZZ_CHECK(watch_block(o) && !watch_block(o)->object);
		watch_block(o)->object = true;
	}
	__real_ktap_obj_init(x, o, type);
}

/*
 * Values
 */
WRAP(int, ktap_val_own, struct ktap_vm *vm, struct ktap_val *to, const struct ktap_val *v, bool nmi)
{
	int ret = __real_ktap_val_own(vm, to, v, nmi);

	if (ret && vm->phase == KTAP_PHASE_EVENTS)
		watch_counts.dropped++;
	return ret;
}

/*
 * The arena.  Behind a string's NUL nothing may be written until the next one is
 * made there.  Some room beyond is closed as well, unless the string is as long
 * as one may be: that is cut afterwards, and what is behind it is used meanwhile.
 */
#define BEYOND		64

static void arena_open(struct ktap_exec *x, u32 from, size_t size)
{
	if (watch_on && from < x->arena_size)
		ktap_unpoison(x->arena + from, min_t(size_t, size, x->arena_size - from));
}

static void arena_close(struct ktap_exec *x, const struct ktap_str *s)
{
	const char *end = s->data + s->len + 1, *arena_end = x->arena + x->arena_size;

	if (!watch_on)
		return;
	if (s->len == KTAP_MAX_STR)
		arena_open(x, x->arena_pos, x->arena_size);
	else
		ktap_poison(end, min_t(size_t, x->arena + x->arena_pos - end + BEYOND,
				       arena_end - end));
}

static size_t arena_room(size_t len)
{
	return sizeof(struct ktap_arena_hdr) + ALIGN(ktap_str_size(len), 8);
}

void watch_run(struct ktap_exec *x)
{
	arena_open(x, 0, x->arena_size);
}

WRAP(struct ktap_str *, ktap_str_alloc, struct ktap_exec *x, size_t len)
{
	struct ktap_str *s;

	arena_open(x, x->arena_pos, arena_room(len));
	s = __real_ktap_str_alloc(x, len);
	if (s)
		arena_close(x, s);
	else
		watch_counts.limits++;
	return s;
}

WRAP(void, ktap_str_shrink, struct ktap_exec *x, struct ktap_str *s, size_t len)
{
	u32 at = (char *)s - x->arena;

	FUZZ_CHECK(len <= s->len);
	arena_open(x, at, x->arena_pos - at);
	__real_ktap_str_shrink(x, s, len);
	arena_close(x, s);
}

WRAP(int, ktap_set_str, struct ktap_exec *x, struct ktap_val *out, const char *s, size_t len)
{
	int ret;

	if (len > KTAP_MAX_STR)
		watch_counts.cut++;
	arena_open(x, x->arena_pos, arena_room(min_t(size_t, len, KTAP_MAX_STR)));
	ret = __real_ktap_set_str(x, out, s, len);
	if (!ret)
		arena_close(x, out->s);
	return ret;
}

/* What is being sorted is a copy that nobody else knows. */
static unsigned int sorting;

WRAP(int, ktap_table_sort, struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	int ret;

	sorting++;
	ret = __real_ktap_table_sort(x, args, nargs);
	sorting--;
	return ret;
}

WRAP(int, ktap_table_top, struct ktap_exec *x, struct ktap_val *args, s64 n)
{
	int ret;

	sorting++;
	ret = __real_ktap_table_top(x, args, n);
	sorting--;
	return ret;
}

WRAP(int, ktap_val_lend, struct ktap_exec *x, struct ktap_val *dst, const struct ktap_val *src)
{
	bool copied = ktap_is_str(src) && !src->s->kidx;
	int ret;

	/* others could free it meanwhile, unless they do not know the table */
	FUZZ_CHECK(!copied || shim_held || sorting);
	if (copied)
		arena_open(x, x->arena_pos, arena_room(src->s->len));
	ret = __real_ktap_val_lend(x, dst, src);
	if (copied && !ret)
		arena_close(x, dst->s);
	return ret;
}

/*
 * Registers
 */
static bool is_const(const struct ktap_vm *vm, const struct ktap_str *s)
{
	return s->kidx && s->kidx <= vm->img.nconsts &&
	       vm->img.consts[s->kidx - 1].type == KTAP_STR &&
	       vm->img.consts[s->kidx - 1].s == s;
}

/* Where strings of the arena begin, in units of 8 bytes */
static u8 begins[KTAP_SETUP_ARENA / 8];

static void look_at_arena(struct ktap_exec *x, bool on)
{
	u32 pos, size;

	for (pos = 0; pos < x->arena_pos; pos += size) {
		const struct ktap_arena_hdr *h = (void *)(x->arena + pos);
		const struct ktap_str *s = (const void *)(h + 1);

		size = h->size;
		FUZZ_CHECK(size % 8 == 0 && size <= x->arena_pos - pos && !h->fwd);
		FUZZ_CHECK(size >= arena_room(0) && size >= arena_room(s->len) && !s->kidx);
		FUZZ_CHECK(!s->data[s->len]);
		begins[(pos + sizeof(*h)) / 8] = on;
	}
	FUZZ_CHECK(pos == x->arena_pos);
}

static void look_at_str(const struct ktap_exec *x, const struct ktap_val *v)
{
	const char *s = (const char *)v->s;
	const struct ktap_val *part;
	struct ktap_val buf;
	const char *bytes;
	size_t pos = 0, end = 0;
	bool objs = false;
	u32 len;

	if (s >= x->arena && s < x->arena + x->arena_pos)
		FUZZ_CHECK((s - x->arena) % 8 == 0 && begins[(s - x->arena) / 8]);
	else
		FUZZ_CHECK(v->type == KTAP_STR && is_const(x->vm, v->s));
	part = &buf;
	while (v->type == KTAP_TUPLE &&
	       (pos = ktap_tuple_next(v->s, pos, &buf, &bytes, &len))) {
		objs |= ktap_is_obj(part);
		FUZZ_CHECK(part->type <= KTAP_BUILTIN || part->type == KTAP_AGG);
		FUZZ_CHECK(part->type != KTAP_TUPLE);
		FUZZ_CHECK(!ktap_is_obj(part) || watch_block(part->t));
		end = pos;
	}
	FUZZ_CHECK(v->type != KTAP_TUPLE || (end == v->s->len && objs == !!v->aux));
}

/* All live values are in registers, and each is valid. */
static void look(struct ktap_exec *x)
{
	const struct ktap_val *v, *end;

	if (!looking || !x->frame)
		return;
	end = ktap_exec_stack_top(x);
	FUZZ_CHECK(end <= x->stack_end + KTAP_STACK_SLACK);
	look_at_arena(x, true);
	for (v = x->stack; v < end; v++) {
		if (ktap_is_str(v)) {
			look_at_str(x, v);
			continue;
		}
		switch (v->type) {
		case KTAP_NIL:
		case KTAP_INT:
		case KTAP_LATE:
			break;
		case KTAP_BOOL:
		case KTAP_EVENT:
			FUZZ_CHECK(v->i == 0 || v->i == 1);
			break;
		case KTAP_BUILTIN:
			FUZZ_CHECK(v->i >= 0 && v->i < KTAP_BI_NR);
			break;
		case KTAP_TABLE:
		case KTAP_FUNC:
		case KTAP_CELL:
		case KTAP_AGG:
			FUZZ_CHECK(watch_block(v->t) && ktap_val_obj(v)->type == v->type);
			break;
		default:
			FUZZ_CHECK(!"a type");
		}
	}
	look_at_arena(x, false);
}

WRAP(int, ktap_arena_ensure, struct ktap_exec *x, size_t bytes)
{
	int ret;

	look(x);
	if (x->arena_size - x->arena_pos < bytes)
		arena_open(x, 0, x->arena_size);
	ret = __real_ktap_arena_ensure(x, bytes);
	watch_counts.limits += ret != 0;
	return ret;
}

WRAP(int, ktap_exec_attend, struct ktap_exec *x)
{
	int ret;

	look(x);
	ret = __real_ktap_exec_attend(x);
	watch_counts.limits += ret && x->left <= 0;
	return ret;
}
