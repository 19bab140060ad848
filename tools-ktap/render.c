// SPDX-License-Identifier: GPL-2.0
/*
 * render: output records to text.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "render_agg.h"
#include "render_int.h"
#include "render_user.h"

#define HIST_WIDTH	38
#define KEY_WIDTH	31

/*
 * Tables whose rows have come, until the record that refers to them has: it may
 * have been lost, so only the latest ones are kept.
 */
#define TABLES_MAX	256

static bool is_str(const struct ktap_rec_val *v)
{
	return v->type == KTAP_VAL_STR || v->type == KTAP_VAL_KSTR;
}

/* The number that a value is where one is wanted; false if it has none */
static bool get_number(const struct ktap_rec_val *v, __s64 *i)
{
	struct ktap_rec_agg a;

	if (get_agg(v, &a))
		return agg_number(&a, i);
	*i = get_int(v);
	return v->type == KTAP_VAL_INT;
}

/*
 * Tables
 */

static struct table *find_table(struct ktap_render *r, __u32 id)
{
	struct table *t;

	for (t = r->tables; t; t = t->next)
		if (t->id == id)
			return t;
	return NULL;
}

static struct table *new_table(struct ktap_render *r, __u32 id)
{
	struct table *t = xmalloc(sizeof(*t));

	memset(t, 0, sizeof(*t));
	t->id = id;
	t->next = r->tables;
	r->tables = t;
	r->ntables++;
	return t;
}

static void free_table(struct ktap_render *r, struct table *t)
{
	struct table **p;

	for (p = &r->tables; *p != t; p = &(*p)->next)
		;
	*p = t->next;
	r->ntables--;
	buf_free(&t->data);
	free(t);
}

static void merge_rows(struct ktap_render *r, struct table *t);

/* The rows, for sorting; how many there are is known afterwards */
static struct row *get_rows(struct ktap_render *r, struct table *t)
{
	struct row *rows;
	struct vals v;
	size_t i;

	if (t->alike)
		merge_rows(r, t);
	v = (struct vals){ t->data.data, t->data.len };
	rows = xmalloc(t->nrows * sizeof(*rows));

	for (i = 0; i < t->nrows; i++) {
		rows[i].key = next_val(&v);
		rows[i].val = next_val(&v);
		rows[i].r = r;
	}
	return rows;
}

static void drop_tables(struct ktap_render *r, struct vals v, unsigned int depth);

static void drop_table(struct ktap_render *r, __u32 id, unsigned int depth)
{
	struct table *t = find_table(r, id);
	struct buf data;

	if (!t)
		return;
	data = t->data;
	t->data = (struct buf){};
	free_table(r, t);
	if (depth < 8)
		drop_tables(r, (struct vals){ data.data, data.len }, depth + 1);
	buf_free(&data);
}

/* Forgets the tables that these values refer to */
static void drop_tables(struct ktap_render *r, struct vals v, unsigned int depth)
{
	const struct ktap_rec_val *val;
	struct ktap_rec_agg a;

	while ((val = next_val(&v))) {
		if (val->type == KTAP_VAL_TABLE)
			drop_table(r, get_u32(val), depth);
		if (get_agg(val, &a) && (a.flags & KTAP_AGGF_BUCKETS))
			drop_table(r, a.rows, depth);
		if (get_agg(val, &a) && (a.flags & KTAP_AGGF_KEYS))
			drop_table(r, a.rows + 1, depth);
	}
}

static int add_rows(struct ktap_render *r, struct vals v, bool alike)
{
	const struct ktap_rec_val *id = next_val(&v);
	struct table *t, *last;
	struct vals count;
	size_t n = 0;

	if (!id || id->type != KTAP_VAL_INT)
		return -1;
	count = v;
	while (count.left) {
		if (!next_val(&count))
			return -1;
		n++;
	}
	if (n % 2)
		return -1;
	t = find_table(r, get_int(id));
	if (!t) {
		while (r->ntables >= TABLES_MAX) {
			for (last = r->tables; last->next; last = last->next)
				;
			free_table(r, last);
		}
		t = new_table(r, get_int(id));
	}
	buf_add(&t->data, v.p, v.left);
	buf_pad(&t->data, 8);
	t->nrows += n / 2;
	t->alike |= alike;
	return 0;
}

/*
 * Order of keys: nil, booleans, numbers, strings, compound keys, stacks, others
 */
static int rank(const struct ktap_rec_val *v)
{
	switch (v->type) {
	case KTAP_VAL_NIL:
		return 0;
	case KTAP_VAL_FALSE:
		return 1;
	case KTAP_VAL_TRUE:
		return 2;
	case KTAP_VAL_INT:
		return 3;
	case KTAP_VAL_STR:
	case KTAP_VAL_KSTR:
		return 4;
	case KTAP_VAL_TUPLE:
		return 5;
	case KTAP_VAL_STACK:
		return 6;
	default:
		return 7;
	}
}

static int compare(const struct ktap_render *r, const struct ktap_rec_val *a,
		   const struct ktap_rec_val *b)
{
	const struct ktap_rec_val *x, *y;
	struct image_text s, t;
	struct vals va, vb;
	size_t n;
	int c;

	if (rank(a) != rank(b))
		return rank(a) < rank(b) ? -1 : 1;
	if (a->type == KTAP_VAL_INT) {
		c = get_int(a) < get_int(b) ? -1 : get_int(a) > get_int(b);
		return c;
	}
	if (a->type == KTAP_VAL_TUPLE) {
		va = (struct vals){ (const char *)a->data, a->len };
		vb = (struct vals){ (const char *)b->data, b->len };
		for (;;) {
			x = next_val(&va);
			y = next_val(&vb);
			if (!x || !y)
				return x ? 1 : y ? -1 : 0;
			/* parts are no compound keys, this goes one deep */
			if (x->type == KTAP_VAL_TUPLE || y->type == KTAP_VAL_TUPLE)
				return 0;
			c = compare(r, x, y);
			if (c)
				return c;
		}
	}
	if (is_str(a) || a->type == KTAP_VAL_FUNC || a->type == KTAP_VAL_STACK) {
		s = get_str(r, a);
		t = get_str(r, b);
		n = s.len < t.len ? s.len : t.len;
		c = n ? memcmp(s.s, t.s, n) : 0;
		if (c)
			return c;
		return s.len < t.len ? -1 : s.len > t.len;
	}
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int c = compare(x->r, x->key, y->key);

	/* two keys may show the same */
	return c ? c : compare(x->r, x->val, y->val);
}

/*
 * Rows that print alike
 */

/* Whether two keys, in the order of keys, show the same */
static bool same_key(const struct row *x, const struct row *y)
{
	struct vals parts = { (const char *)x->key->data, x->key->len };
	const struct ktap_rec_val *part;

	if (compare(x->r, x->key, y->key) || x->key->flags != y->key->flags)
		return false;
	/* tables have no order, and are not the same */
	if (x->key->type != KTAP_VAL_TUPLE)
		return rank(x->key) < 7;
	while ((part = next_val(&parts)))
		if (rank(part) >= 7)
			return false;
	return true;
}

static void add_buckets(struct table *to, const struct table *t)
{
	buf_add(&to->data, t->data.data, t->data.len);
	to->nrows += t->nrows;
}

static bool merge_aggs(struct ktap_render *r, struct ktap_rec_agg *a,
		       const struct ktap_rec_agg *b)
{
	struct table *x, *y, *sum;

	/* what they have by key would have to be merged as well */
	if (render_keys(r, a) || render_keys(r, b) || !agg_merge(a, b))
		return false;
	x = a->flags & KTAP_AGGF_BUCKETS ? find_table(r, a->rows) : NULL;
	y = b->flags & KTAP_AGGF_BUCKETS ? find_table(r, b->rows) : NULL;
	if (!y || x == y)
		return true;
	sum = x;
	if (!x || !x->merged) {
		/* who knows who else looks at x; the number after is that of the keys */
		sum = new_table(r, r->merged_id -= 2);
		sum->merged = true;
		if (x)
			add_buckets(sum, x);
		a->rows = sum->id;
		a->flags |= KTAP_AGGF_BUCKETS;
	}
	add_buckets(sum, y);
	return true;
}

/* Makes one value of two, in @to, which has the first; false if they do not add up */
static bool merge_values(struct ktap_render *r, struct buf *to, const struct ktap_rec_val *v)
{
	struct ktap_rec_val *into = (void *)to->data;
	struct ktap_rec_agg a, b;
	__s64 i, j;

	if (into->type == KTAP_VAL_INT && v->type == KTAP_VAL_INT && into->len >= sizeof(i)) {
		i = get_int(into);
		j = get_int(v);
		if (v->flags & KTAP_VALF_LEAST)
			i = i < j ? i : j;
		else if (v->flags & KTAP_VALF_GREATEST)
			i = i > j ? i : j;
		else
			i = (__u64)i + j;
		memcpy(into->data, &i, sizeof(i));
		return true;
	}
	if (!get_agg(into, &a) || !get_agg(v, &b) || !merge_aggs(r, &a, &b))
		return false;
	memcpy(into->data, &a, sizeof(a));
	return true;
}

/*
 * Addresses in several processes may be the same place in a program: makes one row
 * of those whose keys have become the same, where that can be done with the values.
 */
static void merge_rows(struct ktap_render *r, struct table *t)
{
	struct buf data = {}, val = {};
	size_t i, k, nrows = 0;
	struct row *rows;

	t->alike = false;
	rows = get_rows(r, t);
	qsort(rows, t->nrows, sizeof(*rows), by_key);
	for (i = 0; i < t->nrows; i = k) {
		val.len = 0;
		add_record_val(&val, rows[i].val);
		for (k = i + 1; k < t->nrows && same_key(&rows[i], &rows[k]) &&
		     merge_values(r, &val, rows[k].val); k++)
			;
		add_record_val(&data, rows[i].key);
		buf_add(&data, val.data, val.len);
		nrows++;
	}
	free(rows);
	buf_free(&val);
	buf_free(&t->data);
	t->data = data;
	t->nrows = nrows;
}

/* As rank(), of what aggregations stand for */
static int value_rank(const struct ktap_rec_val *v)
{
	__s64 i;

	if (get_number(v, &i))
		return 3;
	return v->type == KTAP_VAL_AGG ? 0 : rank(v);
}

static int by_value(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int c = value_rank(y->val) - value_rank(x->val);
	__s64 i, j;

	if (!c && get_number(x->val, &i) && get_number(y->val, &j))
		c = i == j ? 0 : i > j ? -1 : 1;
	else if (!c)
		c = -compare(x->r, x->val, y->val);
	return c ? c : compare(x->r, x->key, y->key);
}

/*
 * Aggregations
 */

/* What it has by key; NULL if there is nothing */
struct table *render_keys(struct ktap_render *r, const struct ktap_rec_agg *a)
{
	struct table *t = NULL;

	if (a->flags & KTAP_AGGF_KEYS)
		t = find_table(r, a->rows + 1);
	return t && t->nrows ? t : NULL;
}

/* The rows of its histogram, in their order */
struct agg_row *render_buckets(struct ktap_render *r, const struct ktap_rec_agg *a,
			       size_t *n)
{
	struct table *t = NULL;
	struct agg_row *out;
	struct vals v;
	size_t i;

	*n = 0;
	if (a->flags & KTAP_AGGF_BUCKETS)
		t = find_table(r, a->rows);
	if (!t)
		return NULL;
	v = (struct vals){ t->data.data, t->data.len };
	out = xmalloc((t->nrows + 1) * sizeof(*out));
	for (i = 0; i < t->nrows; i++) {
		out[i].low = get_int(next_val(&v));
		out[i].n = get_int(next_val(&v));
	}
	*n = agg_sort_rows(out, t->nrows);
	return out;
}

static void print_buckets(struct ktap_render *r, const struct ktap_rec_agg *a)
{
	struct agg_row *rows;
	size_t n;

	rows = render_buckets(r, a, &n);
	agg_print_rows(r->out, a, rows, n);
	free(rows);
}

struct row *render_rows(struct ktap_render *r, __u32 id, bool by_val, size_t *n)
{
	struct table *t = find_table(r, id);
	struct row *rows;

	*n = 0;
	if (!t)
		return NULL;
	rows = get_rows(r, t);
	*n = t->nrows;
	qsort(rows, *n, sizeof(*rows), by_val ? by_value : by_key);
	return rows;
}

/*
 * Values as text
 */

static void add_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

static void add_val(struct ktap_render *r, struct buf *b, const struct ktap_rec_val *v,
		    unsigned int depth);

/*
 * For a terminal: bytes that would do more there than show, as \xHH. Control
 * characters of ASCII and of Latin-1, and what is no UTF-8; not newline and tab.
 */
static void add_escaped(struct buf *b, const char *s, size_t len)
{
	unsigned int n, i;
	char hex[8];

	for (; len; s += n, len -= n) {
		unsigned char c = *s;

		n = diag_utf8_len(s, len);
		if (n && (c >= ' ' || c == '\n' || c == '\t') && c != 0x7f &&
		    !(c == 0xc2 && (unsigned char)s[1] < 0xa0)) {
			buf_add(b, s, n);
			continue;
		}
		if (!n)
			n = 1;
		for (i = 0; i < n; i++)
			buf_add(b, hex, snprintf(hex, sizeof(hex), "\\x%02x",
						 (unsigned char)s[i]));
	}
}

static void add_text(struct ktap_render *r, struct buf *b, const char *s, size_t len)
{
	if (r->ops.flags & KTAP_RENDER_TERMINAL)
		add_escaped(b, s, len);
	else
		buf_add(b, s, len);
}

/*
 * More than this for one value is no line that anybody reads; tables in tables
 * that are all the same ones could come to any length.
 */
#define VALUE_MAX	0x100000

/* A table in a line of its own kind: {key: value, ...} */
static void add_table(struct ktap_render *r, struct buf *b, __u32 id, unsigned int depth)
{
	struct table *t = find_table(r, id);
	struct row *rows;
	size_t i;

	/*
	 * Number 0: so deep in other tables that it was left out. And damaged
	 * records may have a table inside itself.
	 */
	if (!t || t->busy || depth > 8 || b->len > VALUE_MAX) {
		add_str(b, t || !id ? "{...}" : "{}");
		return;
	}
	t->busy = true;
	rows = get_rows(r, t);
	qsort(rows, t->nrows, sizeof(*rows), by_key);
	add_str(b, "{");
	for (i = 0; i < t->nrows; i++) {
		if (i)
			add_str(b, ", ");
		if (b->len > VALUE_MAX) {
			add_str(b, "...");
			break;
		}
		add_val(r, b, rows[i].key, depth + 1);
		add_str(b, ": ");
		add_val(r, b, rows[i].val, depth + 1);
	}
	add_str(b, "}");
	t->busy = false;
	free(rows);
}

/* An aggregation in a line of its own kind */
static void add_agg(struct ktap_render *r, struct buf *b, const struct ktap_rec_agg *a,
		    unsigned int depth)
{
	struct table *keys = render_keys(r, a);
	struct agg_row *rows;
	char text[32];
	size_t i, n;

	if (keys && depth <= 8) {
		add_table(r, b, keys->id, depth);
		return;
	}
	if (!agg_is_hist(a)) {
		agg_text(b, a);
		return;
	}
	if (a->count && !(a->flags & KTAP_AGGF_BUCKETS)) {
		/* so deep in tables that it was left out */
		add_str(b, "{...}");
		return;
	}
	rows = render_buckets(r, a, &n);
	add_str(b, "{");
	for (i = 0; i < n; i++) {
		if (i)
			add_str(b, ", ");
		agg_label(b, a, rows[i].low);
		snprintf(text, sizeof(text), ": %llu", (unsigned long long)rows[i].n);
		add_str(b, text);
	}
	add_str(b, "}");
	free(rows);
}

static void add_val(struct ktap_render *r, struct buf *b, const struct ktap_rec_val *v,
		    unsigned int depth)
{
	const struct ktap_rec_val *x;
	struct ktap_rec_agg a;
	struct image_text t;
	struct vals parts;
	char num[32];
	bool first = true;

	switch (v->type) {
	case KTAP_VAL_NIL:
		add_str(b, "nil");
		break;
	case KTAP_VAL_FALSE:
		add_str(b, "false");
		break;
	case KTAP_VAL_TRUE:
		add_str(b, "true");
		break;
	case KTAP_VAL_INT:
		snprintf(num, sizeof(num), "%lld", get_int(v));
		add_str(b, num);
		break;
	case KTAP_VAL_STR:
	case KTAP_VAL_KSTR:
		t = get_str(r, v);
		/* what the script itself has in it may move the cursor */
		if (v->type == KTAP_VAL_STR)
			add_text(r, b, t.s, t.len);
		else
			buf_add(b, t.s, t.len);
		if (v->flags & KTAP_VALF_TRUNCATED)
			add_str(b, "...");
		break;
	case KTAP_VAL_STACK:
		add_text(r, b, (const char *)v->data, v->len);
		if (v->flags & KTAP_VALF_TRUNCATED)
			add_str(b, v->len ? "\n..." : "...");
		break;
	case KTAP_VAL_TUPLE:
		parts = (struct vals){ (const char *)v->data, v->len };
		while (depth < 8 && (x = next_val(&parts))) {
			if (!first)
				add_str(b, ", ");
			first = false;
			add_val(r, b, x, depth + 1);
		}
		break;
	case KTAP_VAL_TABLE:
		add_table(r, b, get_u32(v), depth);
		break;
	case KTAP_VAL_AGG:
		if (get_agg(v, &a))
			add_agg(r, b, &a, depth);
		break;
	case KTAP_VAL_FUNC:
		t = get_str(r, v);
		add_str(b, t.len ? "function " : "function");
		buf_add(b, t.s, t.len);
		break;
	default:
		add_str(b, "?");
	}
}

void render_value(struct ktap_render *r, struct buf *b, const struct ktap_rec_val *v)
{
	add_val(r, b, v, 0);
}

static void put_tmp(struct ktap_render *r)
{
	if (r->tmp.len) {
		fwrite(r->tmp.data, 1, r->tmp.len, r->out);
		r->inside = r->tmp.data[r->tmp.len - 1] != '\n';
	}
	r->tmp.len = 0;
}

/*
 * print
 */

#define ALIGN_MAX	40

/* Columns, as far as one can tell without a table of all characters: one for each */
static size_t text_width(const struct buf *b)
{
	size_t n = 0, i;

	for (i = 0; i < b->len; i++)
		if ((b->data[i] & 0xc0) != 0x80)
			n++;
	return n;
}

/* Where values begin, so that people see them in a column; 0: after a tab */
static size_t key_width(struct ktap_render *r, const struct row *rows, size_t n)
{
	size_t width = 0, i, w;

	if (!(r->ops.flags & KTAP_RENDER_TERMINAL))
		return 0;
	for (i = 0; i < n; i++) {
		add_val(r, &r->tmp, rows[i].key, 0);
		/* a long key gets out of line rather than all others */
		w = text_width(&r->tmp);
		if (w > width && w <= ALIGN_MAX)
			width = w;
		r->tmp.len = 0;
	}
	return width + 2;
}

static void print_table(struct ktap_render *r, __u32 id,
			int (*order)(const void *a, const void *b))
{
	struct table *t = find_table(r, id);
	struct ktap_rec_agg a;
	struct row *rows;
	size_t i, width, w;

	if (!t)
		return;
	rows = get_rows(r, t);
	qsort(rows, t->nrows, sizeof(*rows), order);
	width = key_width(r, rows, t->nrows);
	for (i = 0; i < t->nrows; i++) {
		add_val(r, &r->tmp, rows[i].key, 0);
		if (get_agg(rows[i].val, &a) && agg_is_hist(&a) && !render_keys(r, &a) &&
		    (a.flags & KTAP_AGGF_BUCKETS)) {
			add_str(&r->tmp, ":\n");
			put_tmp(r);
			print_buckets(r, &a);
			continue;
		}
		add_str(&r->tmp, width ? ":" : ":\t");
		for (w = width ? text_width(&r->tmp) : 0; w < width; w++)
			buf_addc(&r->tmp, ' ');
		add_val(r, &r->tmp, rows[i].val, 0);
		add_str(&r->tmp, "\n");
		put_tmp(r);
	}
	free(rows);
}

/* An aggregation that takes lines of its own; false if it does not */
static bool print_agg(struct ktap_render *r, const struct ktap_rec_agg *a)
{
	struct table *keys = render_keys(r, a);

	if (!keys && !agg_is_hist(a))
		return false;
	if (agg_is_hist(a)) {
		print_buckets(r, a);
	} else if (a->count) {
		agg_text(&r->tmp, a);
		add_str(&r->tmp, "\n");
		put_tmp(r);
	}
	if (keys)
		print_table(r, keys->id, by_key);
	return true;
}

bool render_frame(struct vals *text, struct vals *frame)
{
	const char *nl;

	if (!text->left)
		return false;
	nl = memchr(text->p, '\n', text->left);
	*frame = (struct vals){ text->p, nl ? (size_t)(nl - text->p) : text->left };
	text->p += frame->left + !!nl;
	text->left -= frame->left + !!nl;
	return true;
}

static void print_stack(struct ktap_render *r, const struct ktap_rec_val *v)
{
	struct vals text = { (const char *)v->data, v->len }, frame;

	add_str(&r->tmp, "<stack trace>\n");
	while (render_frame(&text, &frame)) {
		add_str(&r->tmp, " => ");
		add_text(r, &r->tmp, frame.p, frame.left);
		add_str(&r->tmp, "\n");
	}
	if (v->flags & KTAP_VALF_TRUNCATED)
		add_str(&r->tmp, " => ...\n");
	put_tmp(r);
}

static void print(struct ktap_render *r, struct vals v)
{
	const struct ktap_rec_val *val;
	bool first = true, open = true, block;
	struct ktap_rec_agg a;

	/* a table has lines of its own, whatever stands beside it; so has a stack */
	while ((val = next_val(&v))) {
		block = val->type == KTAP_VAL_TABLE || val->type == KTAP_VAL_STACK ||
			(get_agg(val, &a) && (agg_is_hist(&a) || render_keys(r, &a)));
		if (block) {
			if (!first && open)
				add_str(&r->tmp, "\n");
			put_tmp(r);
			if (val->type == KTAP_VAL_TABLE)
				print_table(r, get_u32(val), by_key);
			else if (val->type == KTAP_VAL_STACK)
				print_stack(r, val);
			else
				print_agg(r, &a);
			open = false;
			first = true;
			continue;
		}
		if (!first)
			add_str(&r->tmp, "\t");
		add_val(r, &r->tmp, val, 0);
		first = false;
		open = true;
	}
	if (open)
		add_str(&r->tmp, "\n");
	put_tmp(r);
}

/*
 * printf
 */

struct spec {
	char flags[8];
	size_t width;
	size_t prec;
	bool has_prec;
	bool star_width;		/* the next argument is the width */
	bool star_prec;
	char conv;
};

/* More than this is as wide as this */
#define MAX_NUM		4096

static const char *parse_num(const char *p, const char *end, size_t *n)
{
	for (*n = 0; p < end && *p >= '0' && *p <= '9'; p++) {
		*n = *n * 10 + (*p - '0');
		if (*n > MAX_NUM)
			*n = MAX_NUM;
	}
	return p;
}

/* What follows a %; NULL if that is no conversion */
static const char *parse_spec(const char *p, const char *end, struct spec *s)
{
	size_t n = 0;

	memset(s, 0, sizeof(*s));
	for (; p < end && strchr("-+ #0", *p) && *p; p++)
		if (n < 5 && !strchr(s->flags, *p))
			s->flags[n++] = *p;
	s->star_width = p < end && *p == '*';
	p = s->star_width ? p + 1 : parse_num(p, end, &s->width);
	if (p < end && *p == '.') {
		s->has_prec = true;
		p++;
		s->star_prec = p < end && *p == '*';
		p = s->star_prec ? p + 1 : parse_num(p, end, &s->prec);
	}
	/* lengths mean nothing: all integers have 64 bits */
	while (p < end && *p && strchr("lhzjtq", *p))
		p++;
	if (p >= end || !*p || !strchr("cdiouxXbsp%", *p))
		return NULL;
	s->conv = *p;
	return p + 1;
}

static void add_padded(struct buf *b, const struct spec *s, const char *text, size_t len)
{
	size_t pad = s->width > len ? s->width - len : 0, i;
	bool left = strchr(s->flags, '-');

	for (i = 0; !left && i < pad; i++)
		buf_addc(b, ' ');
	buf_add(b, text, len);
	for (i = 0; left && i < pad; i++)
		buf_addc(b, ' ');
}

/* C libraries that know %b are young */
static void add_binary(struct buf *b, const struct spec *s, __u64 v)
{
	const char *prefix = v && strchr(s->flags, '#') ? "0b" : "";
	char digits[64 + MAX_NUM + 8];
	size_t n = 0, min = s->has_prec ? s->prec : 1, i;
	char text[64 + MAX_NUM + 8];

	for (; v || n < min; v >>= 1)
		digits[n++] = '0' + (v & 1);
	if (!s->has_prec && strchr(s->flags, '0') && !strchr(s->flags, '-'))
		while (n + strlen(prefix) < s->width)
			digits[n++] = '0';
	memcpy(text, prefix, strlen(prefix));
	for (i = 0; i < n; i++)
		text[strlen(prefix) + i] = digits[n - 1 - i];
	add_padded(b, s, text, strlen(prefix) + n);
}

static void add_number(struct buf *b, const struct spec *s, __s64 v)
{
	char fmt[64], text[2 * MAX_NUM + 64];
	int n;

	if (s->conv == 'c') {
		text[0] = v;
		add_padded(b, s, text, 1);
		return;
	}
	if (s->conv == 'p') {
		n = snprintf(text, sizeof(text), "0x%llx", v);
		add_padded(b, s, text, n);
		return;
	}
	if (s->conv == 'b') {
		add_binary(b, s, v);
		return;
	}
	if (s->has_prec)
		snprintf(fmt, sizeof(fmt), "%%%s%zu.%zull%c", s->flags, s->width, s->prec,
			 s->conv);
	else if (s->width)
		snprintf(fmt, sizeof(fmt), "%%%s%zull%c", s->flags, s->width, s->conv);
	else
		snprintf(fmt, sizeof(fmt), "%%%sll%c", s->flags, s->conv);
	n = snprintf(text, sizeof(text), fmt, (long long)v);
	buf_add(b, text, n);
}

static void add_arg(struct ktap_render *r, struct buf *b, const struct spec *s,
		    const struct ktap_rec_val *v)
{
	struct buf text = {};

	if (v->type == KTAP_VAL_INT && s->conv != 's') {
		add_number(b, s, get_int(v));
		return;
	}
	add_val(r, &text, v, 0);
	if (s->conv == 's' && s->has_prec && s->prec < text.len)
		text.len = s->prec;
	add_padded(b, s, text.data ? text.data : "", text.len);
	buf_free(&text);
}

static size_t star(struct vals *v, bool *negative)
{
	const struct ktap_rec_val *arg = next_val(v);
	__s64 i = arg ? get_int(arg) : 0;

	*negative = i < 0;
	if (i < -MAX_NUM || i > MAX_NUM)
		return MAX_NUM;
	return i < 0 ? -i : i;
}

/* Width and precision that are arguments */
static void take_stars(struct spec *s, struct vals *v)
{
	bool negative;

	if (s->star_width) {
		s->width = star(v, &negative);
		if (negative && !strchr(s->flags, '-'))
			s->flags[strlen(s->flags)] = '-';
	}
	if (s->star_prec) {
		s->prec = star(v, &negative);
		s->has_prec = !negative;
	}
}

void render_format(struct ktap_render *r, struct buf *b, struct vals v)
{
	const struct ktap_rec_val *fmt = next_val(&v), *arg;
	const char *p, *end, *next, *pct;
	struct image_text t;
	struct spec s;

	if (!fmt || !is_str(fmt))
		return;
	t = get_str(r, fmt);
	end = t.s + t.len;
	for (p = t.s; p < end; p = next) {
		pct = memchr(p, '%', end - p);
		if (!pct)
			pct = end;
		buf_add(b, p, pct - p);
		if (pct == end)
			break;
		next = parse_spec(pct + 1, end, &s);
		if (!next) {
			/* the kernel refuses such formats; show it as it is */
			buf_addc(b, '%');
			next = pct + 1;
		} else if (s.conv == '%') {
			buf_addc(b, '%');
		} else {
			take_stars(&s, &v);
			arg = next_val(&v);
			if (arg)
				add_arg(r, b, &s, arg);
		}
	}
}

/*
 * print_hist
 */

/* Is it a stack, or a compound key with one? */
static bool has_stack(const struct ktap_rec_val *v)
{
	struct vals parts = { (const char *)v->data, v->len };
	const struct ktap_rec_val *x;

	if (v->type == KTAP_VAL_STACK)
		return true;
	while (v->type == KTAP_VAL_TUPLE && (x = next_val(&parts)))
		if (x->type == KTAP_VAL_STACK)
			return true;
	return false;
}

static void hist_row(struct ktap_render *r, const struct row *row, __u64 sum)
{
	char bar[HIST_WIDTH + 1];
	bool lines = false;
	int n = 0, i;
	__s64 v;

	/* what is no number has no bar, as it has no share of the sum */
	if (!get_number(row->val, &v))
		v = 0;
	add_val(r, &r->tmp, row->key, 0);
	if (has_stack(row->key) && r->tmp.len &&
	    (r->tmp.len > KEY_WIDTH || memchr(r->tmp.data, '\n', r->tmp.len))) {
		/* it is shown in full, above its bar */
		lines = true;
		add_str(&r->tmp, "\n");
		put_tmp(r);
	} else if (r->tmp.len > KEY_WIDTH) {
		r->tmp.len = KEY_WIDTH - 3;
		add_str(&r->tmp, "...");
	}
	for (i = r->tmp.len; i < KEY_WIDTH; i++)
		fputc(' ', r->out);
	put_tmp(r);
	/* 64 bits are enough where there are no more */
	if (v > 0 && sum > UINT64_MAX / HIST_WIDTH)
		n = v / (sum / HIST_WIDTH);
	else if (v > 0)
		n = (__u64)v * HIST_WIDTH / sum;
	for (i = 0; i < HIST_WIDTH; i++)
		bar[i] = i < n ? '@' : ' ';
	bar[i] = 0;
	fprintf(r->out, " |%s%-7lld\n%s", bar, v, lines ? "\n" : "");
}

static int print_hist(struct ktap_render *r, struct vals v)
{
	const struct ktap_rec_val *table = next_val(&v), *rows_wanted = next_val(&v);
	struct row *rows = NULL;
	struct ktap_rec_agg a;
	size_t n = 0, max, i;
	struct table *t;
	__u64 sum = 0;
	__u32 id;
	__s64 num;

	if (!table || !rows_wanted)
		return -1;
	if (get_agg(table, &a)) {
		t = render_keys(r, &a);
		if (!t || agg_is_hist(&a)) {
			/* there is nothing to distribute but what it shows itself */
			if (!print_agg(r, &a)) {
				agg_text(&r->tmp, &a);
				add_str(&r->tmp, "\n");
				put_tmp(r);
			}
			return 0;
		}
		id = t->id;
	} else if (table->type == KTAP_VAL_TABLE) {
		id = get_u32(table);
	} else {
		return -1;
	}
	max = get_int(rows_wanted) > 0 ? get_int(rows_wanted) : 0;
	fprintf(r->out, "%*s%s%s\n", KEY_WIDTH, "value ",
		"------------- Distribution -------------", " count");
	t = find_table(r, id);
	if (!t)
		return 0;
	rows = get_rows(r, t);
	n = t->nrows;
	qsort(rows, n, sizeof(*rows), by_value);
	/* a share of what there is: negative values have none, and take none away */
	for (i = 0; i < n; i++)
		if (get_number(rows[i].val, &num) && num > 0 &&
		    __builtin_add_overflow(sum, (__u64)num, &sum))
			sum = UINT64_MAX;
	for (i = 0; i < n && i < max; i++)
		hist_row(r, &rows[i], sum);
	if (i < n)
		fprintf(r->out, "%*s |\n", KEY_WIDTH, "...");
	free(rows);
	return 0;
}

/*
 * Records
 */

static void note(struct ktap_render *r, struct vals v)
{
	const struct ktap_rec_val *val = next_val(&v);

	if (!val || !r->ops.note)
		return;
	add_val(r, &r->tmp, val, 0);
	buf_addc(&r->tmp, 0);
	r->ops.note(r->ops.data, r->tmp.data);
	r->tmp.len = 0;
}

static int see(struct ktap_render *r, struct vals v)
{
	const struct ktap_rec_val *val = next_val(&v);
	struct ktap_rec_user u;

	if (!val || val->type != KTAP_VAL_USTACK || val->len < sizeof(u))
		return -1;
	memcpy(&u, val->data, sizeof(u));
	if (r->ops.see)
		r->ops.see(r->ops.data, &u);
	return 0;
}

static bool is_output(const struct ktap_rec *rec)
{
	return rec->type == KTAP_REC_PRINT || rec->type == KTAP_REC_PRINTF ||
	       rec->type == KTAP_REC_HIST;
}

static int render_one(struct ktap_render *r, const struct ktap_rec *rec)
{
	struct vals v = { (const char *)(rec + 1), rec->len - sizeof(*rec) };
	const struct ktap_rec_val *val;
	void (*call)(void *data, __u64 nr);
	int err = 0;
	bool alike;
	struct vals c;

	if (rec->type == KTAP_REC_USER)
		return see(r, v);
	alike = render_plain(r, &v);
	if (r->ops.flags & KTAP_RENDER_JSON) {
		err = json_record(r, rec, v);
		if (err <= 0)
			goto out;
		err = 0;
	} else if (r->ops.flags & KTAP_RENDER_STAMPS && is_output(rec) && !r->inside) {
		fprintf(r->out, "%5llu.%06llu: ", (unsigned long long)rec->ts / 1000000000,
			(unsigned long long)rec->ts / 1000 % 1000000);
	}
	switch (rec->type) {
	case KTAP_REC_PRINT:
		print(r, v);
		break;
	case KTAP_REC_PRINTF:
		render_format(r, &r->tmp, v);
		put_tmp(r);
		break;
	case KTAP_REC_HIST:
		err = print_hist(r, v);
		break;
	case KTAP_REC_TOP:
		c = v;
		val = next_val(&c);
		if (!val || val->type != KTAP_VAL_TABLE)
			return -1;
		print_table(r, get_u32(val), by_value);
		break;
	case KTAP_REC_ROWS:
		return add_rows(r, v, alike);
	case KTAP_REC_ATTACHING:
	case KTAP_REC_STARTED:
		call = rec->type == KTAP_REC_STARTED ? r->ops.started : r->ops.attaching;
		c = v;
		val = next_val(&c);
		if (!val || val->type != KTAP_VAL_INT)
			return -1;
		if (call)
			call(r->ops.data, get_int(val));
		break;
	case KTAP_REC_NOTE:
		note(r, v);
		break;
	default:
		/* of a newer kernel */
		break;
	}
out:
	drop_tables(r, v, 0);
	return err;
}

int ktap_render(struct ktap_render *r, const void *records, size_t len)
{
	const char *p = records;
	const struct ktap_rec *rec;
	int err = 0;

	while (len >= sizeof(*rec)) {
		rec = (const void *)p;
		if (rec->len < sizeof(*rec) || rec->len > len || rec->len % 8)
			return -1;
		if (render_one(r, rec))
			err = -1;
		p += rec->len;
		len -= rec->len;
	}
	return len ? -1 : err;
}

struct ktap_render *ktap_render_new(const void *image, size_t size, FILE *out,
				    const struct ktap_render_ops *ops)
{
	struct ktap_render *r = xmalloc(sizeof(*r));
	const char *err;

	memset(r, 0, sizeof(*r));
	if (image_open(&r->img, image, size, &err)) {
		free(r);
		return NULL;
	}
	r->out = out;
	if (ops)
		r->ops = *ops;
	return r;
}

void ktap_render_free(struct ktap_render *r)
{
	if (!r)
		return;
	while (r->tables)
		free_table(r, r->tables);
	buf_free(&r->tmp);
	buf_free(&r->plain);
	free(r);
}
