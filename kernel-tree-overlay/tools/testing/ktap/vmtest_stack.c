// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of records with stacks: whatever the frames' names and however little
 * room there is, the text stays inside, and what is left out is marked.
 */
#include "vmtest.h"

#define CANARY		0x5a

static struct host_env env;

static char record[KTAP_OUT_MAX] __aligned(8);
static char text[KTAP_REC_MAX + 64] __aligned(8);

/* Appends a value; returns where the next one goes */
static size_t put(size_t at, u8 type, u8 flags, const void *data, u32 len)
{
	struct ktap_rec_val head = { .type = type, .flags = flags, .len = len };

	memset(record + at, 0, ALIGN(sizeof(head) + len, 8));
	memcpy(record + at, &head, sizeof(head));
	if (data)
		memcpy(record + at + sizeof(head), data, len);
	return at + ALIGN(sizeof(head) + len, 8);
}

static size_t put_stack(size_t at, unsigned int nr, bool long_names)
{
	u64 ip[KTAP_MAX_STACK];
	unsigned int i;

	for (i = 0; i < nr; i++)
		ip[i] = long_names ? host_long_frame() : ~0ull;
	return put(at, KTAP_VAL_STACK, 0, ip, nr * sizeof(u64));
}

/* Whole frames, so many; they are all the same */
static bool is_text(const struct ktap_rec_val *v, unsigned int nr, bool cut)
{
	const char *p = (const char *)v->data;
	size_t one, i;

	if (v->type != KTAP_VAL_STACK || v->pad || v->flags != (cut ? KTAP_VALF_TRUNCATED : 0))
		return false;
	one = nr ? (v->len + 1) / nr : 0;
	if (nr && (v->len + 1) % nr)
		return false;
	for (i = 0; i < v->len; i++) {
		if ((p[i] == '\n') != (i % one == one - 1) || !p[i])
			return false;
	}
	for (; i % 8; i++) {
		if (p[i])
			return false;
	}
	return nr || !v->len;
}

static size_t deliver(size_t room)
{
	size_t n, i, wild = 0;

	memset(text, CANARY, sizeof(text));
	n = ktap_stack_deliver(&env, (const void *)record, text, room);
	for (i = room; i < sizeof(text); i++)
		wild += text[i] != CANARY;
	/* the size of nothing that is looked for */
	return !wild && n <= room && n % 8 == 0 ? n : 1;
}

/* All kinds of room there may be, from what the frames themselves take */
static void test_rooms(unsigned int nr, bool long_names)
{
	const struct ktap_rec_val *v = (const void *)text;
	size_t least = put_stack(0, nr, long_names), one, room, bad = 0, n;
	char buf[1024];

	one = ktap_env_frame(&env, long_names ? host_long_frame() : ~0ull, buf, sizeof(buf)) + 1;
	for (room = least; room <= min(least + nr * one, (size_t)KTAP_REC_MAX);
	     room += room < 8192 ? 8 : 1000) {
		/* the last frame has no newline, but a NUL while it is written */
		unsigned int fit = min((room - sizeof(*v)) / one, (size_t)nr);

		n = deliver(room);
		bad += !is_text(v, fit, fit < nr);
		bad += n != ALIGN(sizeof(*v) + (fit ? fit * one - 1 : 0), 8);
	}
	report(!bad, "stack of %u %s frames in any room (%zu bad)", nr,
	       long_names ? "long" : "short", bad);
}

/* In a compound key: parts around stacks stay as they are */
static void test_tuple(void)
{
	const struct ktap_rec_val *key = (const void *)text, *v;
	size_t at = sizeof(*key), room, full, bad = 0, n;
	s64 seven = 7;

	at = put(at, KTAP_VAL_INT, 0, &seven, sizeof(seven));
	at = put_stack(at, 3, true);
	at = put(at, KTAP_VAL_STR, KTAP_VALF_TRUNCATED, "abc", 3);
	at = put_stack(at, 127, true);
	at = put(at, KTAP_VAL_NIL, 0, NULL, 0);
	put(0, KTAP_VAL_TUPLE, 0, NULL, 0);
	((struct ktap_rec_val *)record)->len = at - sizeof(*key);
	full = at + 130 * 600;
	if (full > KTAP_REC_MAX)
		full = KTAP_REC_MAX;
	for (room = at; room <= full; room += room < 4096 ? 8 : 1000) {
		const char *p, *end;

		n = deliver(room);
		bad += key->type != KTAP_VAL_TUPLE || key->flags ||
		       ALIGN(sizeof(*key) + key->len, 8) != n;
		if (bad)
			break;
		p = (const char *)key->data;
		end = text + n;
#define NEXT()	(v = (const void *)p, p += ALIGN(sizeof(*v) + v->len, 8), v)
		bad += NEXT()->type != KTAP_VAL_INT || memcmp(v->data, &seven, 8);
		bad += NEXT()->type != KTAP_VAL_STACK;
		bad += NEXT()->type != KTAP_VAL_STR || v->flags != KTAP_VALF_TRUNCATED ||
		       v->len != 3 || memcmp(v->data, "abc", 3);
		bad += NEXT()->type != KTAP_VAL_STACK;
		bad += NEXT()->type != KTAP_VAL_NIL || p != end;
#undef NEXT
	}
	report(!bad, "stacks in compound keys in any room (%zu bad)", bad);
}

/* As outbuf.c: rows in a full record, each with a stack of one frame with a long name */
static void test_rows(unsigned int frames)
{
	size_t at = 0, p, to = 0, cut = 0, whole = 0, bad = 0, keys = 0;
	const struct ktap_rec_val *v;
	s64 one = 1;

	while (at + 24 + ALIGN(8 + frames * 8, 8) <= KTAP_OUT_MAX) {
		at = put_stack(at, frames, true);
		at = put(at, KTAP_VAL_INT, 0, &one, sizeof(one));
	}
	memset(text, CANARY, sizeof(text));
	for (p = 0; p < at; ) {
		const struct ktap_rec_val *from = (const void *)(record + p);
		size_t room;

		p += ALIGN(sizeof(*from) + from->len, 8);
		room = (KTAP_REC_MAX - to - (at - p)) & ~7UL;
		v = (const void *)(text + to);
		to += ktap_stack_deliver(&env, from, text + to, room);
		if (from->type == KTAP_VAL_INT) {
			bad += v->type != KTAP_VAL_INT || memcmp(v->data, &one, 8);
			continue;
		}
		keys++;
		if (v->flags & KTAP_VALF_TRUNCATED)
			cut++;
		else if (is_text(v, frames, false))
			whole++;
	}
	bad += to > KTAP_REC_MAX || text[KTAP_REC_MAX] != CANARY;
	report(!bad && cut && whole && cut + whole == keys,
	       "rows of %u long frames: %zu of %zu whole, the others marked", frames, whole, keys);
}

void test_stacks(void)
{
	test_rooms(0, false);
	test_rooms(1, false);
	test_rooms(5, false);
	test_rooms(127, false);
	test_rooms(1, true);
	test_rooms(3, true);
	test_rooms(127, true);
	test_tuple();
	test_rows(1);
	test_rows(40);
}
