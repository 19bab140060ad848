// SPDX-License-Identifier: GPL-2.0
/*
 * json: JSON lines, for programs.
 *
 * Each object is a line. Integers have 64 bits. A string is a JSON string if it
 * is UTF-8, and { "bytes": "hexadecimal" } if it is not, so that nothing is lost
 * and every parser takes it.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "render_int.h"

#define MAX_DEPTH	8

static void put_value(struct ktap_render *r, const struct ktap_rec_val *v, unsigned int depth);

static bool is_utf8(const char *s, size_t len)
{
	unsigned int n;

	for (; len; s += n, len -= n) {
		const unsigned char *p = (const unsigned char *)s;

		n = diag_utf8_len(s, len);
		if (!n)
			return false;
		/* too long a form, a surrogate, over 0x10ffff */
		if ((n == 3 && ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0))) ||
		    (n == 4 && ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))))
			return false;
	}
	return true;
}

static void put_hex(FILE *f, const char *s, size_t len)
{
	fputs("{\"bytes\":\"", f);
	for (; len; len--)
		fprintf(f, "%02x", (unsigned char)*s++);
	fputs("\"}", f);
}

static void put_string(FILE *f, const char *s, size_t len)
{
	unsigned char c;

	if (!is_utf8(s, len)) {
		put_hex(f, s, len);
		return;
	}
	fputc('"', f);
	for (; len; len--) {
		c = *s++;
		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c == '\n')
			fputs("\\n", f);
		else if (c == '\t')
			fputs("\\t", f);
		else if (c < ' ' || c == 0x7f)
			fprintf(f, "\\u%04x", c);
		else
			fputc(c, f);
	}
	fputc('"', f);
}

static void put_text(FILE *f, const char *s)
{
	put_string(f, s, strlen(s));
}

static void put_table(struct ktap_render *r, __u32 id, unsigned int depth)
{
	struct row *rows;
	size_t n, i;

	/* 0: nested too deeply for the record */
	if (!id || depth > MAX_DEPTH) {
		fputs("{\"table\":[],\"cut\":true}", r->out);
		return;
	}
	rows = render_rows(r, id, false, &n);
	fputs("{\"table\":[", r->out);
	for (i = 0; i < n; i++) {
		fputs(i ? ",[" : "[", r->out);
		put_value(r, rows[i].key, depth + 1);
		fputc(',', r->out);
		put_value(r, rows[i].val, depth + 1);
		fputc(']', r->out);
	}
	fputs("]}", r->out);
	free(rows);
}

/* Bounds that there are none of are null */
static void put_buckets(struct ktap_render *r, const struct ktap_rec_agg *a)
{
	struct agg_range range;
	struct agg_row *rows;
	size_t n, i;

	rows = render_buckets(r, a, &n);
	fputs(",\"rows\":[", r->out);
	for (i = 0; i < n; i++) {
		if (!agg_range(a, rows[i].low, &range))
			range = (struct agg_range){ .low = rows[i].low, .above = true };
		fputs(i ? ",[" : "[", r->out);
		if (range.below)
			fputs("null,", r->out);
		else
			fprintf(r->out, "%lld,", (long long)range.low);
		/* of negative numbers the upper bound is one, too */
		if (range.above)
			fputs("null,", r->out);
		else if (range.below || range.low < 0)
			fprintf(r->out, "%lld,", (long long)range.high);
		else
			fprintf(r->out, "%llu,", (unsigned long long)range.high);
		fprintf(r->out, "%llu]", (unsigned long long)rows[i].n);
	}
	fputs("]", r->out);
	free(rows);
}

static void put_agg(struct ktap_render *r, const struct ktap_rec_agg *a, unsigned int depth)
{
	struct table *keys = render_keys(r, a);

	fprintf(r->out, "{\"agg\":\"%s\"", agg_kind_name(a->kind));
	if (a->flags & KTAP_AGGF_BUSY) {
		fputs(",\"busy\":true}", r->out);
		return;
	}
	if (a->kind == KTAP_AGG_COUNT || a->kind == KTAP_AGG_AVG || a->kind == KTAP_AGG_STATS ||
	    agg_is_hist(a))
		fprintf(r->out, ",\"count\":%llu", (unsigned long long)a->count);
	if (a->kind == KTAP_AGG_SUM || a->kind == KTAP_AGG_AVG || a->kind == KTAP_AGG_STATS)
		fprintf(r->out, ",\"sum\":%lld", (long long)a->sum);
	if (a->count && (a->kind == KTAP_AGG_MIN || a->kind == KTAP_AGG_STATS))
		fprintf(r->out, ",\"min\":%lld", (long long)a->min);
	if (a->count && (a->kind == KTAP_AGG_MAX || a->kind == KTAP_AGG_STATS))
		fprintf(r->out, ",\"max\":%lld", (long long)a->max);
	if (a->count && (a->kind == KTAP_AGG_AVG || a->kind == KTAP_AGG_STATS))
		fprintf(r->out, ",\"avg\":%lld", (long long)a->avg);
	if (agg_is_hist(a))
		put_buckets(r, a);
	if (keys) {
		fputs(",\"keys\":", r->out);
		put_table(r, keys->id, depth + 1);
	}
	fputc('}', r->out);
}

/* [frame, frame, ...] */
static void put_stack(struct ktap_render *r, const struct ktap_rec_val *v)
{
	struct vals text = { (const char *)v->data, v->len }, frame;
	bool first = true;

	if (v->flags & KTAP_VALF_TRUNCATED)
		fputs("{\"truncated\":", r->out);
	fputc('[', r->out);
	while (render_frame(&text, &frame)) {
		if (!first)
			fputc(',', r->out);
		first = false;
		put_string(r->out, frame.p, frame.left);
	}
	fputc(']', r->out);
	if (v->flags & KTAP_VALF_TRUNCATED)
		fputc('}', r->out);
}

static void put_list(struct ktap_render *r, struct vals v, unsigned int depth)
{
	const struct ktap_rec_val *x;
	bool first = true;

	fputc('[', r->out);
	while ((x = next_val(&v))) {
		if (!first)
			fputc(',', r->out);
		first = false;
		put_value(r, x, depth);
	}
	fputc(']', r->out);
}

static void put_value(struct ktap_render *r, const struct ktap_rec_val *v, unsigned int depth)
{
	struct ktap_rec_agg a;
	struct image_text t;
	struct buf b = {};

	if (get_agg(v, &a)) {
		put_agg(r, &a, depth);
		return;
	}
	switch (v->type) {
	case KTAP_VAL_NIL:
		fputs("null", r->out);
		break;
	case KTAP_VAL_FALSE:
		fputs("false", r->out);
		break;
	case KTAP_VAL_TRUE:
		fputs("true", r->out);
		break;
	case KTAP_VAL_INT:
		fprintf(r->out, "%lld", get_int(v));
		break;
	case KTAP_VAL_STR:
	case KTAP_VAL_KSTR:
		t = get_str(r, v);
		if (v->flags & KTAP_VALF_TRUNCATED)
			fputs("{\"truncated\":", r->out);
		put_string(r->out, t.s, t.len);
		if (v->flags & KTAP_VALF_TRUNCATED)
			fputc('}', r->out);
		break;
	case KTAP_VAL_TUPLE:
		fputs("{\"key\":", r->out);
		/* parts are no compound keys, whatever a damaged record says */
		put_list(r, (struct vals){ (const char *)v->data, depth > MAX_DEPTH ? 0 : v->len },
			 depth + 1);
		fputc('}', r->out);
		break;
	case KTAP_VAL_STACK:
		put_stack(r, v);
		break;
	case KTAP_VAL_TABLE:
		put_table(r, get_u32(v), depth);
		break;
	case KTAP_VAL_FUNC:
		t = get_str(r, v);
		fputs("{\"function\":", r->out);
		put_string(r->out, t.s, t.len);
		fputc('}', r->out);
		break;
	default:
		/* what has no form of its own here: as print() shows it */
		render_value(r, &b, v);
		fputs("{\"text\":", r->out);
		put_string(r->out, b.data ? b.data : "", b.len);
		fputc('}', r->out);
		buf_free(&b);
	}
}

static void begin(struct ktap_render *r, const struct ktap_rec *rec, const char *type)
{
	fprintf(r->out, "{\"type\":\"%s\",\"ts\":%llu,\"cpu\":%u,", type,
		(unsigned long long)rec->ts, rec->cpu);
}

static int put_hist(struct ktap_render *r, const struct ktap_rec *rec, struct vals v)
{
	const struct ktap_rec_val *table = next_val(&v), *wanted = next_val(&v);
	struct table *keys = NULL;
	struct ktap_rec_agg a;
	struct row *rows;
	size_t n, i, max;
	__u32 id;

	if (!table || !wanted)
		return -1;
	if (get_agg(table, &a)) {
		keys = render_keys(r, &a);
		if (!keys || agg_is_hist(&a)) {
			begin(r, rec, "hist");
			fputs("\"value\":", r->out);
			put_agg(r, &a, 0);
			fputs("}\n", r->out);
			return 0;
		}
		id = keys->id;
	} else if (table->type == KTAP_VAL_TABLE) {
		id = get_u32(table);
	} else {
		return -1;
	}
	max = get_int(wanted) > 0 ? get_int(wanted) : 0;
	rows = render_rows(r, id, true, &n);
	begin(r, rec, "hist");
	fputs("\"rows\":[", r->out);
	for (i = 0; i < n && i < max; i++) {
		fputs(i ? ",[" : "[", r->out);
		put_value(r, rows[i].key, 1);
		fputc(',', r->out);
		put_value(r, rows[i].val, 1);
		fputc(']', r->out);
	}
	fprintf(r->out, "],\"left_out\":%zu}\n", n - i);
	free(rows);
	return 0;
}

static int put_top(struct ktap_render *r, const struct ktap_rec *rec, struct vals v)
{
	const struct ktap_rec_val *table = next_val(&v);
	struct row *rows;
	size_t n, i;

	if (!table || table->type != KTAP_VAL_TABLE)
		return -1;
	rows = render_rows(r, get_u32(table), true, &n);
	begin(r, rec, "top");
	fputs("\"rows\":[", r->out);
	for (i = 0; i < n; i++) {
		fputs(i ? ",[" : "[", r->out);
		put_value(r, rows[i].key, 1);
		fputc(',', r->out);
		put_value(r, rows[i].val, 1);
		fputc(']', r->out);
	}
	fputs("]}\n", r->out);
	free(rows);
	return 0;
}

int json_record(struct ktap_render *r, const struct ktap_rec *rec, struct vals v)
{
	struct buf b = {};

	switch (rec->type) {
	case KTAP_REC_PRINT:
		begin(r, rec, "print");
		fputs("\"values\":", r->out);
		put_list(r, v, 0);
		fputs("}\n", r->out);
		return 0;
	case KTAP_REC_PRINTF:
		render_format(r, &b, v);
		begin(r, rec, "printf");
		fputs("\"text\":", r->out);
		put_string(r->out, b.data ? b.data : "", b.len);
		fputs(",\"values\":", r->out);
		next_val(&v);
		put_list(r, v, 0);
		fputs("}\n", r->out);
		buf_free(&b);
		return 0;
	case KTAP_REC_HIST:
		return put_hist(r, rec, v);
	case KTAP_REC_TOP:
		return put_top(r, rec, v);
	default:
		return 1;
	}
}

void json_diag(FILE *f, const struct ktap_diag *d)
{
	unsigned int i;
	char tag[32];

	for (i = 0; i < d->nmsgs; i++) {
		const struct diag_msg *m = &d->msgs[i];

		fprintf(f, "{\"type\":\"%s\",\"tag\":\"%s\",\"file\":",
			diag_is_error(m->tag) ? "error" : "warning", diag_tag_name(m->tag, tag));
		put_text(f, d->file);
		fprintf(f, ",\"line\":%u,\"column\":%u,\"text\":", m->pos.line, m->pos.col);
		put_text(f, m->text);
		fputs("}\n", f);
	}
}

void json_error(FILE *f, const char *text)
{
	const char *end = strchrnul(text, '\n'), *s;
	bool first = true;

	fputs("{\"type\":\"error\",\"text\":", f);
	put_string(f, text, end - text);
	fputs(",\"stack\":[", f);
	for (s = end; *s; s = end) {
		s++;
		end = strchrnul(s, '\n');
		while (s < end && isblank((unsigned char)*s))
			s++;
		if (s == end)
			continue;
		if (!first)
			fputc(',', f);
		first = false;
		put_string(f, s, end - s);
	}
	fputs("]}\n", f);
}

void json_note(FILE *f, const char *text)
{
	fputs("{\"type\":\"note\",\"text\":", f);
	put_text(f, text);
	fputs("}\n", f);
}

void json_started(FILE *f, __u64 nr)
{
	fprintf(f, "{\"type\":\"started\",\"events\":%llu}\n", (unsigned long long)nr);
}

void json_loss(FILE *f, const char *reason, const char *what, const char *fate, __u64 n)
{
	fputs("{\"type\":\"loss\",\"reason\":\"", f);
	for (; *reason; reason++)
		fputc(tolower((unsigned char)*reason), f);
	fprintf(f, "\",\"count\":%llu,\"text\":\"%s %s\"}\n", (unsigned long long)n, what, fate);
}

void json_end(FILE *f, int status)
{
	fprintf(f, "{\"type\":\"end\",\"status\":%d}\n", status);
}
