// SPDX-License-Identifier: GPL-2.0
/*
 * watch: looks at all that a VM keeps, while nothing runs.
 *
 * Goes through all objects, also those that nothing refers to any more, and
 * claims the blocks that each has.  Then each block must have been claimed
 * once, and the references that were met are those that are counted.  What has
 * none has to be a zombie.
 */
#include "watch.h"
#include "watch_blocks.h"
#include "table.h"
#include "agg.h"

static struct ktap_vm *vm;

/* Handlers that were attached, each of which counts for good */
static const struct ktap_closure *handlers[512];
static unsigned int nhandlers;

int __real_ktap_env_attach(struct ktap_exec *x, const struct ktap_str *text,
			   struct ktap_closure *fn);
int __wrap_ktap_env_attach(struct ktap_exec *x, const struct ktap_str *text,
			   struct ktap_closure *fn);
int __wrap_ktap_env_attach(struct ktap_exec *x, const struct ktap_str *text,
			   struct ktap_closure *fn)
{
	if (watch_on) {
		FUZZ_CHECK(watch_block(fn) && fn->obj.type == KTAP_FUNC);
		FUZZ_CHECK(nhandlers < ARRAY_SIZE(handlers));
		handlers[nhandlers++] = fn;
	}
	return __real_ktap_env_attach(x, text, fn);
}

static void claim(const void *p, size_t size)
{
	struct watch_block *b = watch_block(p);

	FUZZ_CHECK(b && b->size == size && !b->object && !b->claimed);
	b->claimed = true;
}

static void refer(const struct ktap_obj *o)
{
	struct watch_block *b = watch_block(o);

	FUZZ_CHECK(b);
	/* the entries of aggregations by key are not made as others are */
	if (!b->object && o->type == KTAP_AGG)
		b->object = true;
	FUZZ_CHECK(b->object);
	b->refs++;
}

static void check_tuple(const struct ktap_val *v)
{
	bool objs = false;
	struct ktap_val part;
	const char *bytes;
	size_t pos = 0, end = 0;
	u32 len;

	while ((pos = ktap_tuple_next(v->s, pos, &part, &bytes, &len))) {
		FUZZ_CHECK(part.type <= KTAP_BUILTIN || part.type == KTAP_AGG);
		FUZZ_CHECK(part.type != KTAP_TUPLE);
		if (ktap_is_obj(&part)) {
			objs = true;
			refer(ktap_val_obj(&part));
		}
		end = pos;
	}
	FUZZ_CHECK(end == v->s->len && objs == !!v->aux);
}

static void check_str(const struct ktap_val *v)
{
	if (v->s->kidx)
		FUZZ_CHECK(v->s->kidx <= vm->img.nconsts &&
			   vm->img.consts[v->s->kidx - 1].s == v->s);
	else
		claim(v->s, ktap_str_size(v->s->len));
	FUZZ_CHECK(!v->s->data[v->s->len]);
	FUZZ_CHECK(!v->s->hash ||
		   v->s->hash == ktap_hash_bytes(vm->seed, v->s->data, v->s->len));
	if (v->type == KTAP_TUPLE)
		check_tuple(v);
}

/* The value of a slot */
static void check_val(const struct ktap_val *v)
{
	if (ktap_is_str(v)) {
		check_str(v);
		return;
	}
	switch (v->type) {
	case KTAP_NIL:
	case KTAP_INT:
		break;
	case KTAP_BOOL:
		FUZZ_CHECK(v->i == 0 || v->i == 1);
		break;
	case KTAP_BUILTIN:
		FUZZ_CHECK(v->i >= 0 && v->i < KTAP_BI_NR);
		break;
	case KTAP_EVENT:
		/* whatever event is current then, never the text of this one */
		FUZZ_CHECK(!v->i);
		break;
	case KTAP_TABLE:
	case KTAP_FUNC:
	case KTAP_CELL:
	case KTAP_AGG:
		FUZZ_CHECK(ktap_val_obj(v)->type == v->type);
		refer(ktap_val_obj(v));
		break;
	default:
		FUZZ_CHECK(!"a type that a slot may have");
	}
}

static void claim_node(const void *p, u32 height, const struct ktap_radix_kind *k, u32 *cap)
{
	u32 i;

	if (!p)
		return;
	if (!height) {
		claim(p, (size_t)k->size << k->shift);
		*cap += 1U << k->shift;
		return;
	}
	claim(p, KTAP_NODE_SIZE);
	for (i = 0; i < 1U << KTAP_NODE_SHIFT; i++)
		claim_node(((void * const *)p)[i], height - 1, k, cap);
}

static void claim_radix(const struct ktap_radix *r, const struct ktap_radix_kind *k)
{
	u32 cap = 0;

	if (r->cap && r->cap < 1U << k->shift) {
		FUZZ_CHECK(!r->height);
		claim(r->root, r->cap * k->size);
		return;
	}
	claim_node(r->root, r->height, k, &cap);
	FUZZ_CHECK(cap == r->cap);
}

static void check_stripe(const struct ktap_table *t, const struct ktap_stripe *s, u32 nr)
{
	u32 i, n, live = 0, found = 0;

	FUZZ_CHECK(!s->lock.held);
	claim_radix(&s->entries, &ktap_entries);
	claim_radix(&s->buckets, &ktap_buckets);
	FUZZ_CHECK(s->used <= s->entries.cap && s->nbuckets <= s->buckets.cap);
	if (s->nbuckets)
		FUZZ_CHECK(s->mask == roundup_pow_of_two(s->nbuckets) - 1);
	for (i = 0; i < s->used; i++) {
		const struct ktap_entry *e = ktap_entry(s, i);

		if (e->key.type == KTAP_NIL)
			continue;
		live++;
		check_val(&e->key);
		check_val(&e->v);
		FUZZ_CHECK(e->v.type != KTAP_NIL);
		FUZZ_CHECK(e->hash == ktap_key_hash(vm, &e->key));
		FUZZ_CHECK(e->hash >> t->shift >> 1 == nr || t->nstripes == 1);
	}
	FUZZ_CHECK(s->live == live);
	for (i = s->free, n = 0; i; i = ktap_entry(s, i - 1)->next) {
		FUZZ_CHECK(i <= s->used && ktap_entry(s, i - 1)->key.type == KTAP_NIL);
		FUZZ_CHECK(++n <= s->used);
	}
	FUZZ_CHECK(live + n == s->used);
	for (i = 0; i < s->nbuckets; i++) {
		for (n = *ktap_bucket(s, i); n; n = ktap_entry(s, n - 1)->next) {
			u32 b;

			FUZZ_CHECK(n <= s->used && ktap_entry(s, n - 1)->key.type != KTAP_NIL);
			FUZZ_CHECK(++found <= live);
			b = ktap_entry(s, n - 1)->hash & s->mask;
			if (b >= s->nbuckets)
				b &= s->mask >> 1;
			FUZZ_CHECK(b == i);
		}
	}
	FUZZ_CHECK(found == live);
}

static void check_lane(const struct ktap_agg *g, const struct ktap_lane *lane)
{
	u32 i, k, n = DIV_ROUND_UP(g->def.nbuckets, KTAP_CHUNK_BUCKETS);
	u64 count = 0;

	FUZZ_CHECK(!lane->lock.held);
	if (lane->block)
		claim(lane->block, lane->size);
	if (lane->chunks)
		claim(lane->chunks, n * sizeof(*lane->chunks));
	for (i = 0; lane->chunks && i < n; i++) {
		if (!lane->chunks[i])
			continue;
		claim(lane->chunks[i], KTAP_CHUNK_BUCKETS * sizeof(u64));
		for (k = 0; k < KTAP_CHUNK_BUCKETS; k++)
			count += lane->chunks[i][k];
	}
	FUZZ_CHECK(!ktap_is_hist(&g->def) || count == lane->s.count);
	FUZZ_CHECK(!lane->s.count || lane->s.min <= lane->s.max);
}

static void check_agg(const struct watch_block *b, const struct ktap_agg *g)
{
	u32 i;

	FUZZ_CHECK(b->size == sizeof(*g));
	FUZZ_CHECK(!ktap_is_hist(&g->def) == !g->def.nbuckets);
	if (g->keys)
		refer(&g->keys->obj);
	if (g->lanes) {
		claim(g->lanes, SHIM_CPUS * sizeof(*g->lanes));
		FUZZ_CHECK(g->nlanes <= SHIM_CPUS);
		for (i = 0; i < g->nlanes; i++) {
			if (g->lanes[i])
				check_lane(g, g->lanes[i]);
		}
	}
	check_lane(g, &g->home);
	FUZZ_CHECK(!g->full || !g->home.s.count);
}

static void check_closure(const struct watch_block *b, const struct ktap_closure *f)
{
	u32 i;

	FUZZ_CHECK(f->proto >= vm->img.protos && f->proto < vm->img.protos + vm->img.nprotos);
	FUZZ_CHECK(b->size == struct_size(f, up, f->proto->nupvals));
	for (i = 0; i < f->proto->nupvals; i++) {
		FUZZ_CHECK(watch_block(f->up[i]) && f->up[i]->obj.type == KTAP_CELL);
		refer(&f->up[i]->obj);
	}
}

/* Returns 1 if it is a table with several stripes. */
static int check_object(struct watch_block *b)
{
	const struct ktap_obj *o = b->p;
	const struct ktap_table *t;
	u32 i;

	FUZZ_CHECK(!o->mark);
	switch (o->type) {
	case KTAP_TABLE:
		t = b->p;
		FUZZ_CHECK(b->size == t->size);
		FUZZ_CHECK(!t->full || !ktap_table_len(t));
		for (i = 0; i < t->nstripes; i++)
			check_stripe(t, ktap_stripe(t, i), i);
		return t->nstripes > 1;
	case KTAP_FUNC:
		check_closure(b, b->p);
		return 0;
	case KTAP_CELL:
		FUZZ_CHECK(b->size == sizeof(struct ktap_cell));
		FUZZ_CHECK(!((const struct ktap_cell *)b->p)->slot.lock.held);
		FUZZ_CHECK(!(((const struct ktap_cell *)b->p)->slot.seq.sequence & 1));
		check_val(&((const struct ktap_cell *)b->p)->slot.v);
		return 0;
	case KTAP_AGG:
		check_agg(b, b->p);
		return 0;
	default:
		FUZZ_CHECK(!"an object");
		return 0;
	}
}

/* What counts as a reference and is in no object */
static void check_roots(void)
{
	u32 i;

	for (i = 0; i < vm->img.nglobals; i++) {
		FUZZ_CHECK(!vm->globals[i].lock.held && !(vm->globals[i].seq.sequence & 1));
		check_val(&vm->globals[i].v);
	}
	for (i = 0; i < vm->img.nprotos; i++) {
		if (vm->img.protos[i].closure)
			refer(&vm->img.protos[i].closure->obj);
	}
	for (i = 0; i < vm->nbegins; i++)
		refer(&vm->begins[i]->obj);
	for (i = 0; i < vm->nends; i++)
		refer(&vm->ends[i]->obj);
	for (i = 0; i < vm->nlasts; i++)
		refer(&vm->lasts[i]->obj);
	for (i = 0; i < nhandlers; i++)
		refer(&handlers[i]->obj);
	nhandlers = 0;
	refer(&vm->full_table->obj);
	refer(&vm->full_agg->obj);
}

void watch_check_heap(struct ktap_vm *v)
{
	int zombies = 0, striped = 0;
	const struct ktap_obj *o;
	bool more = true;
	u32 i;

	vm = v;
	for (i = 0; i < watch_nblocks; i++) {
		watch_blocks[i]->claimed = false;
		watch_blocks[i]->refs = 0;
	}
	check_roots();
	llist_for_each_entry(o, vm->zombies.first, zombie) {
		refer(o);
		watch_block(o)->refs--;
		FUZZ_CHECK(atomic_long_read(&o->state) & KTAP_OBJ_ZOMBIE);
		zombies++;
	}
	/* an entry of an aggregation may be found to be an object on the way */
	while (more) {
		more = false;
		for (i = 0; i < watch_nblocks; i++) {
			struct watch_block *b = watch_blocks[i];

			if (!b->size || !b->object || b->claimed)
				continue;
			b->claimed = true;
			striped += check_object(b);
			more = true;
		}
	}
	for (i = 0; i < watch_nblocks; i++) {
		struct watch_block *b = watch_blocks[i];
		long state;

		if (!b->size)
			continue;
		/* nobody's: a leak */
		FUZZ_CHECK(b->claimed);
		if (!b->object)
			continue;
		o = b->p;
		state = atomic_long_read(&o->state);
		FUZZ_CHECK(state & KTAP_OBJ_SHARED);
		FUZZ_CHECK(state / KTAP_OBJ_REF == b->refs);
		FUZZ_CHECK(b->refs || (state & KTAP_OBJ_ZOMBIE));
		zombies -= !!(state & KTAP_OBJ_ZOMBIE);
	}
	FUZZ_CHECK(!zombies);
	FUZZ_CHECK(striped == atomic_read(&vm->nstriped));
}
