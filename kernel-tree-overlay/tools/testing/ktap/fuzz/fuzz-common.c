// SPDX-License-Identifier: GPL-2.0
/*
 * What the fuzz targets share: invariants of the VM, its pool and its records.
 */
#include "fuzz.h"

/*
 * Memory that is freed is kept out of use for a while, but not for so long that
 * it falls out of the caches; and nobody asks who allocated what, until there
 * is a finding, which ASAN_OPTIONS=malloc_context_size=30 then shows in full.
 */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "malloc_context_size=1:quarantine_size_mb=4";
}

static ssize_t null_write(void *cookie, const char *buf, size_t size)
{
	return size;
}

FILE *fuzz_null(void)
{
	static FILE *f;

	if (!f) {
		f = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = null_write });
		FUZZ_CHECK(f);
	}
	return f;
}

void fuzz_keep_execs(void)
{
	FUZZ_CHECK(!ktap_execs_get());
	shim_live = 0;
}

void fuzz_check_guards(void)
{
	unsigned int cpu, i;

	for (cpu = 0; cpu < SHIM_CPUS; cpu++) {
		for (i = 0; i < SHIM_LEVELS; i++) {
			const struct ktap_exec *x = shim_ktap_cpus[cpu].x[i];

			FUZZ_CHECK(x && !x->busy && !x->temps && !x->frame);
		}
	}
}

/* The chunk's head is private to mem.c; this is what it promises of it. */
struct chunk {
	struct chunk *next;
	struct chunk *next_ready;
	char data[] __aligned(16);
};

void fuzz_check_pool(const struct ktap_pool *p)
{
	const struct chunk *c;
	size_t ready = p->bump_end - p->bump, n = 0, nfree = 0;
	unsigned int i;

	for (c = (const void *)p->chunks; c; c = c->next)
		n++;
	FUZZ_CHECK(p->bytes == n * KTAP_CHUNK_SIZE);
	FUZZ_CHECK(p->bytes <= p->limit);
	for (c = (const void *)p->ready; c; c = c->next_ready)
		ready += (KTAP_CHUNK_SIZE - offsetof(struct chunk, data)) / 16 * 16;
	FUZZ_CHECK(p->ready_bytes == ready);
	FUZZ_CHECK(!p->lock.held);
	for (i = 0; i < KTAP_POOL_CLASSES; i++) {
		const void *const *b;

		/* a block that is twice in a list makes it a circle */
		for (b = p->free[i]; b; b = *b)
			FUZZ_CHECK(++nfree <= p->bytes / 32);
	}
}

/*
 * Records
 */
static size_t check_value(const struct ktap_vm *vm, const char *p, size_t left, bool part)
{
	const struct ktap_rec_val *v = (const void *)p;
	size_t size, pos, n;
	u32 i;

	if (left < sizeof(*v) || v->pad || v->len > left - sizeof(*v))
		return 0;
	size = ALIGN(sizeof(*v) + v->len, 8);
	if (size > left)
		return 0;
	/* nothing that was in the buffer before gets out */
	for (pos = sizeof(*v) + v->len; pos < size; pos++) {
		if (p[pos])
			return 0;
	}
	switch (v->type) {
	case KTAP_VAL_STR:
	case KTAP_VAL_TUPLE:
	case KTAP_VAL_STACK:
	case KTAP_VAL_USTACK:
	case KTAP_VAL_USYM:
		if (v->flags & ~KTAP_VALF_TRUNCATED)
			return 0;
		break;
	case KTAP_VAL_INT:
		if (v->flags && v->flags != KTAP_VALF_LEAST && v->flags != KTAP_VALF_GREATEST)
			return 0;
		break;
	default:
		if (v->flags)
			return 0;
	}
	switch (v->type) {
	case KTAP_VAL_NIL:
	case KTAP_VAL_FALSE:
	case KTAP_VAL_TRUE:
		return v->len ? 0 : size;
	case KTAP_VAL_INT:
		return v->len == sizeof(s64) ? size : 0;
	case KTAP_VAL_STR:
	case KTAP_VAL_FUNC:
		return v->len <= KTAP_MAX_STR ? size : 0;
	case KTAP_VAL_KSTR:
		memcpy(&i, v->data, sizeof(i));
		return v->len == sizeof(i) && ktap_vm_const_str(vm, i) ? size : 0;
	case KTAP_VAL_TABLE:
		return v->len == sizeof(i) && !part ? size : 0;
	case KTAP_VAL_STACK:
		/* text that was made of frames, as many as a stack has at most */
		for (pos = 0, n = v->len > 0; pos < v->len; pos++) {
			if (!v->data[pos])
				return 0;
			n += v->data[pos] == '\n';
		}
		return n <= KTAP_MAX_STACK ? size : 0;
	case KTAP_VAL_USTACK:
		/* as many frames as there are, or none of nobody */
		n = sizeof(struct ktap_rec_user);
		if (v->len % 8 || v->len > n + KTAP_MAX_STACK * 8)
			return 0;
		return v->len >= n || (!v->len && v->flags) ? size : 0;
	case KTAP_VAL_USYM:
		n = sizeof(struct ktap_rec_user) + 8;
		return v->len == n || (!v->len && v->flags) ? size : 0;
	case KTAP_VAL_TUPLE:
		if (part)
			return 0;
		for (pos = sizeof(*v); pos < sizeof(*v) + v->len; pos += n) {
			n = check_value(vm, p + pos, sizeof(*v) + v->len - pos, true);
			if (!n)
				return 0;
		}
		return size;
	default:
		/* of others' making: its frame is right, and that is all there is to say */
		return v->type == KTAP_VAL_EVENT ? 0 : size;
	}
}

bool fuzz_check_records(const struct ktap_vm *vm, const char *p, size_t len)
{
	while (len) {
		const struct ktap_rec *rec = (const void *)p;
		size_t pos, n, values = 0;

		if (len < sizeof(*rec) || rec->len < sizeof(*rec) || rec->len > len ||
		    rec->len % 8 || rec->len > KTAP_REC_MAX || !rec->type)
			return false;
		for (pos = sizeof(*rec); pos < rec->len; pos += n) {
			n = check_value(vm, p + pos, rec->len - pos, false);
			if (!n)
				return false;
			values++;
		}
		if (rec->type == KTAP_REC_ROWS && values % 2 != 1)
			return false;
		p += rec->len;
		len -= rec->len;
	}
	return true;
}

static unsigned long count_cut(const char *p, size_t len)
{
	unsigned long n = 0;

	while (len) {
		const struct ktap_rec_val *v = (const void *)p;
		size_t size = ALIGN(sizeof(*v) + v->len, 8);

		n += !!(v->flags & KTAP_VALF_TRUNCATED);
		if (v->type == KTAP_VAL_TUPLE)
			n += count_cut((const char *)v->data, v->len);
		p += size;
		len -= size;
	}
	return n;
}

unsigned long fuzz_count_cut(const char *p, size_t len)
{
	unsigned long n = 0;

	while (len) {
		const struct ktap_rec *rec = (const void *)p;

		n += count_cut(p + sizeof(*rec), rec->len - sizeof(*rec));
		p += rec->len;
		len -= rec->len;
	}
	return n;
}

u32 fuzz_hash(const void *p, size_t len)
{
	const u8 *s = p;
	u32 h = 2166136261u;

	while (len--)
		h = (h ^ *s++) * 16777619u;
	return h ^ h >> 15;
}
