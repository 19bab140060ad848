// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: the renderer takes any records.
 *
 * The input is records; a mutator puts their lengths right most of the time,
 * so that what is inside is reached.
 */
#include "fuzz.h"
#include "ktap_compile.h"
#include "render.h"

static struct ktap_image *image;

static void started(void *data, __u64 nr)
{
}

static void note(void *data, const char *text)
{
	FUZZ_CHECK(strlen(text) < 1 << 20);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	/* what constants of the records refer to */
	static const char src[] =
		"printf(\"%d %5.3x|%-9s|%+i %p %c %% %#o\\n\", \"key\", \"\", \"a\\0b\", 7)\n"
		"trace_end { print(\"long key, with a comma and more than the width\") }\n";
	struct ktap_diag diag;

	ktap_diag_init(&diag);
	image = ktap_compile("fuzz.kp", src, sizeof(src) - 1, &diag);
	FUZZ_CHECK(image);
	ktap_diag_free(&diag);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ktap_render_ops ops = { .started = started, .note = note };
	struct ktap_render *r = ktap_render_new(image->data, image->size, fuzz_null(), &ops);
	/* records are aligned, as read() puts them into the tool's buffer */
	__u64 *copy = malloc(size + 8);

	FUZZ_CHECK(r && copy);
	memcpy(copy, data, size);
	ktap_render(r, copy, size);
	/* a stream that went wrong is followed by another */
	ktap_render(r, copy, size / 16 * 8);
	ktap_render_free(r);
	free(copy);
	return 0;
}

/* Puts the lengths of values from @p on right. */
static void mend_values(uint8_t *p, size_t left, unsigned int depth)
{
	struct ktap_rec_val v;
	size_t size;

	while (left >= sizeof(v)) {
		memcpy(&v, p, sizeof(v));
		v.type %= KTAP_VAL_USYM + 2;
		switch (v.type) {
		case KTAP_VAL_INT:
			v.len = sizeof(s64);
			break;
		case KTAP_VAL_KSTR:
		case KTAP_VAL_TABLE:
			v.len = sizeof(u32);
			break;
		case KTAP_VAL_NIL:
		case KTAP_VAL_FALSE:
		case KTAP_VAL_TRUE:
			v.len = 0;
			break;
		}
		if (v.len > left - sizeof(v))
			v.len %= left - sizeof(v) + 1;
		memcpy(p, &v, sizeof(v));
		if (v.type == KTAP_VAL_TUPLE && depth < 3)
			mend_values(p + sizeof(v), v.len, depth + 1);
		size = min_t(size_t, ALIGN(sizeof(v) + v.len, 8), left);
		p += size;
		left -= size;
	}
}

static size_t mend_records(uint8_t *p, size_t size)
{
	size_t left = size / 8 * 8;
	struct ktap_rec rec;

	while (left >= sizeof(rec)) {
		memcpy(&rec, p, sizeof(rec));
		rec.type %= KTAP_REC_USER + 2;
		rec.len = ALIGN(rec.len, 8);
		if (rec.len < sizeof(rec) || rec.len > left)
			rec.len = sizeof(rec) + rec.len / 8 % ((left - sizeof(rec)) / 8 + 1) * 8;
		memcpy(p, &rec, sizeof(rec));
		mend_values(p + sizeof(rec), rec.len - sizeof(rec), 0);
		p += rec.len;
		left -= rec.len;
	}
	return size / 8 * 8 - left;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	size = LLVMFuzzerMutate(data, size, max);
	return seed % 8 ? mend_records(data, size) : size;
}
