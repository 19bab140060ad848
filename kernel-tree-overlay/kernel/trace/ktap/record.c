// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: values in output records.
 *
 * print(), printf() and print_hist() put their arguments into a record as
 * they are; text is made of them where they are read.  A table goes ahead as
 * rows, in records of their own, with a number that the record then refers
 * to; so do the rows of a histogram, and what an aggregation has by key, with two
 * numbers in a row.  Strings and stacks that do not fit a record are cut, marked and
 * counted.
 *
 * Contexts: any.
 * Locks: those of tables, while a row is copied.
 */
#include <linux/err.h>
#include <linux/kernel.h>

#include "agg.h"

/**
 * struct ktap_out - a record under construction
 * @p: where to write, or NULL to learn the size
 * @len: bytes so far
 * @cut: strings that did not fit
 */
struct ktap_out {
	char *p;
	size_t len;
	unsigned int cut;
};

#define KTAP_VAL_HEAD	sizeof(struct ktap_rec_val)

static int ktap_put_rows(struct ktap_exec *x, struct ktap_table *t, unsigned int depth,
			 bool hist, u32 number);

/* Writes the head of a value, and its bytes if @data is not NULL. */
static void ktap_out_val(struct ktap_out *o, u8 type, u8 flags, const void *data, u32 len)
{
	struct ktap_rec_val head = { .type = type, .flags = flags, .len = len };
	size_t size = ALIGN(KTAP_VAL_HEAD + len, 8);

	if (o->p) {
		char *p = o->p + o->len;

		memcpy(p, &head, sizeof(head));
		memcpy(p + sizeof(head), data, len);
		memset(p + sizeof(head) + len, 0, size - sizeof(head) - len);
	}
	o->len += size;
}

static void ktap_out_bytes(struct ktap_out *o, const char *s, size_t len, size_t room)
{
	u8 flags = 0;

	if (len > room - KTAP_VAL_HEAD) {
		len = room - KTAP_VAL_HEAD;
		flags = KTAP_VALF_TRUNCATED;
		o->cut++;
	}
	ktap_out_val(o, KTAP_VAL_STR, flags, s, len);
}

/* The frames of a stack, as many as fit @room; who reads them makes text of them. */
static void ktap_out_stack(struct ktap_out *o, enum ktap_type type, const char *frames,
			   size_t len, size_t room)
{
	u8 flags = 0;

	if (len > room - KTAP_VAL_HEAD) {
		len = round_down(room - KTAP_VAL_HEAD, sizeof(u64));
		/* a frame of nobody knows what is none */
		if (type != KTAP_STACK && len <= sizeof(struct ktap_rec_user))
			len = 0;
		flags = KTAP_VALF_TRUNCATED;
		o->cut++;
	}
	ktap_out_val(o, type == KTAP_STACK ? KTAP_VAL_STACK :
		     type == KTAP_USTACK ? KTAP_VAL_USTACK : KTAP_VAL_USYM, flags, frames, len);
}

static void ktap_out_agg(struct ktap_out *o, const struct ktap_rec_agg *rec)
{
	ktap_out_val(o, KTAP_VAL_AGG, 0, rec, sizeof(*rec));
}

static void ktap_out_int(struct ktap_out *o, s64 i)
{
	ktap_out_val(o, KTAP_VAL_INT, 0, &i, sizeof(i));
}

/* A number, which may be all that an aggregation keeps for a key */
static void ktap_out_number(struct ktap_out *o, const struct ktap_val *v)
{
	u8 flags = v->aux == KTAP_AGG_MIN ? KTAP_VALF_LEAST :
		   v->aux == KTAP_AGG_MAX ? KTAP_VALF_GREATEST : 0;

	ktap_out_val(o, KTAP_VAL_INT, flags, &v->i, sizeof(v->i));
}

/* The parts of a compound key, as many as fit @room. */
static void ktap_out_tuple(struct ktap_out *o, const struct ktap_str *s, size_t room)
{
	size_t start = o->len, pos = 0, next;
	struct ktap_val part;
	const char *bytes;
	u8 flags = 0;
	u32 len;

	o->len += KTAP_VAL_HEAD;
	while ((next = ktap_tuple_next(s, pos, &part, &bytes, &len))) {
		size_t left = room - (o->len - start);

		if (left < 2 * KTAP_VAL_HEAD) {
			flags = KTAP_VALF_TRUNCATED;
			o->cut++;
			break;
		}
		switch (part.type) {
		case KTAP_NIL:
			ktap_out_val(o, KTAP_VAL_NIL, 0, "", 0);
			break;
		case KTAP_BOOL:
			ktap_out_val(o, part.i ? KTAP_VAL_TRUE : KTAP_VAL_FALSE, 0, "", 0);
			break;
		case KTAP_INT:
			ktap_out_int(o, part.i);
			break;
		case KTAP_STR:
			ktap_out_bytes(o, bytes, len, left);
			break;
		case KTAP_STACK:
		case KTAP_USTACK:
		case KTAP_USYM:
			ktap_out_stack(o, part.type, bytes, len, left);
			break;
		default:
			bytes = ktap_type_name(&part);
			ktap_out_bytes(o, bytes, strlen(bytes), left);
			break;
		}
		pos = next;
	}
	if (o->p) {
		struct ktap_rec_val head = {
			.type = KTAP_VAL_TUPLE,
			.flags = flags,
			.len = o->len - start - KTAP_VAL_HEAD,
		};

		memcpy(o->p + start, &head, sizeof(head));
	}
}

/* Notes in a record that rows went ahead under @number and the next one. */
static void ktap_agg_ahead(struct ktap_rec_agg *rec, u32 number)
{
	if (!number)
		return;
	rec->rows = number;
	rec->flags |= KTAP_AGGF_KEYS;
	if (rec->kind >= KTAP_AGG_HIST)
		rec->flags |= KTAP_AGGF_BUCKETS;
}

/*
 * Writes a value in at most @room bytes, a multiple of 8, at least that of an
 * integer.  The rows of a table went ahead under the number @snapshot.
 */
static void ktap_out_value(struct ktap_out *o, struct ktap_exec *x, const struct ktap_val *v,
			   u32 snapshot, size_t room)
{
	const struct ktap_str *name;
	struct ktap_rec_agg rec;
	size_t size;
	u32 kidx;

	switch (v->type) {
	case KTAP_BOOL:
		ktap_out_val(o, v->i ? KTAP_VAL_TRUE : KTAP_VAL_FALSE, 0, "", 0);
		break;
	case KTAP_INT:
		ktap_out_number(o, v);
		break;
	case KTAP_STR:
		if (v->s->kidx) {
			kidx = v->s->kidx - 1;
			ktap_out_val(o, KTAP_VAL_KSTR, 0, &kidx, sizeof(kidx));
		} else {
			/* here, aux is 1 + the number of bytes that are wanted */
			size = v->aux ? min(v->s->len, v->aux - 1) : v->s->len;
			ktap_out_bytes(o, v->s->data, size, room);
		}
		break;
	case KTAP_TUPLE:
		ktap_out_tuple(o, v->s, room);
		break;
	case KTAP_STACK:
	case KTAP_USTACK:
	case KTAP_USYM:
		ktap_out_stack(o, v->type, v->s->data, v->s->len, room);
		break;
	case KTAP_TABLE:
		ktap_out_val(o, KTAP_VAL_TABLE, 0, &snapshot, sizeof(snapshot));
		break;
	case KTAP_AGG:
		ktap_agg_record(x, v->g, &rec);
		if (o->p && (rec.flags & KTAP_AGGF_BUSY))
			ktap_vm_lost(x->vm, KTAP_LOSS_BUSY, 1);
		ktap_agg_ahead(&rec, snapshot);
		ktap_out_agg(o, &rec);
		break;
	case KTAP_FUNC:
		name = v->f->proto->name;
		ktap_out_val(o, KTAP_VAL_FUNC, 0, name->data,
			     min_t(size_t, name->len, room - KTAP_VAL_HEAD));
		break;
	case KTAP_BUILTIN: {
		const char *s = ktap_builtin_name(v->i);

		ktap_out_val(o, KTAP_VAL_FUNC, 0, s, min(strlen(s), room - KTAP_VAL_HEAD));
		break;
	}
	case KTAP_EVENT:
		size = x->event ? ktap_env_event_size(x, v->aux) : room + 1;
		if (size > room) {
			/* the event is over, or too large to go along */
			ktap_out_val(o, KTAP_VAL_NIL, 0, "", 0);
			break;
		}
		if (o->p)
			ktap_env_event_put(x, v->aux, o->p + o->len);
		o->len += size;
		break;
	case KTAP_LATE:
		if (o->p)
			ktap_env_late_put(x, v->i, v->aux, o->p + o->len);
		o->len += ktap_env_late_size();
		break;
	default:
		ktap_out_val(o, KTAP_VAL_NIL, 0, "", 0);
		break;
	}
}

/*
 * The least that a value takes, which is all but for strings, compound keys
 * and stacks; what remains of a record is for these, first come first served.
 */
static size_t ktap_least(struct ktap_exec *x, const struct ktap_val *v)
{
	if (v->type == KTAP_EVENT && x->event)
		return ktap_env_event_size(x, v->aux);
	if (v->type == KTAP_LATE)
		return ktap_env_late_size();
	if (v->type == KTAP_NIL || v->type == KTAP_BOOL)
		return KTAP_VAL_HEAD;
	if (v->type == KTAP_AGG)
		return KTAP_VAL_HEAD + sizeof(struct ktap_rec_agg);
	return 2 * KTAP_VAL_HEAD;
}

/* Writes @n values; their least sizes, @least, are known to fit. */
static void ktap_out_values(struct ktap_out *o, struct ktap_exec *x,
			    const struct ktap_val *v, unsigned int n, size_t least)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		least -= ktap_least(x, &v[i]);
		/* aux of a table or aggregation is now the number of its rows */
		ktap_out_value(o, x, &v[i], v[i].aux, KTAP_OUT_MAX - o->len - least);
	}
}

/**
 * struct ktap_rows - rows of a table on their way out
 * @x: the running exec
 * @o: into its stage
 * @hist: for a histogram: all values have to be numbers
 * @deep: tables in the table are not put out
 * @nested: a table or aggregation that was met, or whose rows went ahead
 * @snapshot: the number of its rows
 * @rec: of an aggregation, what goes with them
 */
struct ktap_rows {
	struct ktap_exec *x;
	struct ktap_out o;
	bool hist;
	bool deep;
	struct ktap_val nested;
	u32 snapshot;
	struct ktap_rec_agg rec;
};

/* The table or aggregation of a row has to go ahead. */
#define KTAP_ROW_NESTED	-EXDEV
/* There is no room for a row. */
#define KTAP_ROW_FULL	-ENOSPC
/* The value is no number. */
#define KTAP_ROW_NAN	-EDOM

/* Whether there are rows to go ahead of an aggregation */
static bool ktap_agg_has_rows(const struct ktap_agg *g)
{
	return ktap_is_hist(&g->def) || (g->keys && ktap_table_len(g->keys));
}

static void ktap_row_value(struct ktap_rows *r, struct ktap_out *o, const struct ktap_val *v,
			   u32 snapshot, const struct ktap_rec_agg *rec)
{
	if (v->type == KTAP_AGG)
		ktap_out_agg(o, rec);
	else
		ktap_out_value(o, r->x, v, snapshot, KTAP_OUT_MAX - r->o.len);
}

/* Adds a row to the stage; the lock of its table is held. */
static int ktap_row(void *data, const struct ktap_val *key, const struct ktap_val *v)
{
	struct ktap_rows *r = data;
	struct ktap_val event = *v;
	struct ktap_out o = { .len = 0 };
	struct ktap_rec_agg rec;
	u32 snapshot = 0;
	bool nested;
	size_t room;

	if (r->hist && v->type != KTAP_INT)
		return KTAP_ROW_NAN;
	nested = !r->deep && (v->type == KTAP_TABLE ||
			      (v->type == KTAP_AGG && ktap_agg_has_rows(v->g)));
	if (nested) {
		if (r->nested.type != v->type || r->nested.t != v->t) {
			r->nested = *v;
			return KTAP_ROW_NESTED;
		}
		snapshot = r->snapshot;
	}
	if (v->type == KTAP_AGG) {
		if (nested)
			rec = r->rec;
		else
			ktap_agg_record(r->x, v->g, &rec);
	}
	/* it stood for whatever event was current, which is not this one */
	if (v->type == KTAP_EVENT)
		ktap_set_nil(&event);

	/* in an empty record the value has what the key leaves, at least an int */
	room = KTAP_OUT_MAX - r->o.len - ktap_least(r->x, &event);
	ktap_out_value(&o, r->x, key, 0, KTAP_OUT_MAX);
	ktap_row_value(r, &o, &event, snapshot, &rec);
	if (r->o.len + o.len > KTAP_OUT_MAX && r->o.len > 2 * KTAP_VAL_HEAD)
		return KTAP_ROW_FULL;
	ktap_out_value(&r->o, r->x, key, 0, room);
	ktap_row_value(r, &r->o, &event, snapshot, &rec);
	return 0;
}

static void ktap_rows_begin(struct ktap_rows *r, u32 number)
{
	r->o.p = r->x->stage;
	r->o.len = 0;
	ktap_out_int(&r->o, number);
}

static void ktap_rows_flush(struct ktap_rows *r, u32 number)
{
	void *p;

	if (r->o.len > 2 * KTAP_VAL_HEAD) {
		p = ktap_env_out_reserve(r->x, KTAP_REC_ROWS, r->o.len);
		if (p) {
			memcpy(p, r->o.p, r->o.len);
			ktap_env_out_commit(r->x, p);
			/* what is lost as a whole is not cut */
			if (r->o.cut)
				ktap_vm_lost(r->x->vm, KTAP_LOSS_STRING, r->o.cut);
		}
		r->o.cut = 0;
		ktap_exec_charge(r->x, 64 + r->o.len / 32);
	}
	ktap_rows_begin(r, number);
}

/* Puts out the rows of a histogram that are not empty. */
static void ktap_put_buckets(struct ktap_exec *x, struct ktap_agg *g, u32 number)
{
	u32 i, k, n = DIV_ROUND_UP(g->def.nbuckets, KTAP_CHUNK_BUCKETS);
	struct ktap_rows r = { .x = x };
	u64 buckets[KTAP_CHUNK_BUCKETS];

	ktap_rows_begin(&r, number);
	for (i = 0; i < n; i++) {
		if (!ktap_agg_chunk(x, g, i, buckets))
			continue;
		for (k = 0; k < KTAP_CHUNK_BUCKETS; k++) {
			if (!buckets[k])
				continue;
			if (r.o.len + 4 * KTAP_VAL_HEAD > KTAP_OUT_MAX)
				ktap_rows_flush(&r, number);
			ktap_out_int(&r.o, ktap_agg_low(&g->def, i * KTAP_CHUNK_BUCKETS + k));
			ktap_out_int(&r.o, buckets[k]);
		}
	}
	ktap_rows_flush(&r, number);
}

/*
 * Puts out the rows of an aggregation: those by key first, which may take long,
 * then those of its histogram, of the picture that @g is replaced by.
 */
static int ktap_put_agg(struct ktap_exec *x, struct ktap_agg **g, unsigned int depth,
			u32 *number)
{
	struct ktap_agg *p;
	int ret;

	*number = atomic_add_return(2, &x->vm->snapshots) - 1;
	if ((*g)->keys && ktap_table_len((*g)->keys)) {
		ret = ktap_put_rows(x, (*g)->keys, depth + 1, false, *number + 1);
		if (ret)
			return ret;
	}
	if (!ktap_is_hist(&(*g)->def))
		return 0;
	p = ktap_agg_picture(x, *g, false);
	if (!IS_ERR(p)) {
		*g = p;
	} else if (!x->setup) {
		/* in setup context nobody changes it meanwhile, and it will do */
		ktap_vm_lost(x->vm, KTAP_LOSS_OUTPUT, 1);
		ktap_vm_kick(x->vm);
		return 0;
	}
	ktap_put_buckets(x, *g, *number);
	return 0;
}

/* Puts out what a row refers to. */
static int ktap_put_nested(struct ktap_rows *r, unsigned int depth)
{
	struct ktap_agg *g = r->nested.g;
	struct ktap_exec *x = r->x;
	int ret;

	if (r->nested.type == KTAP_TABLE) {
		r->snapshot = atomic_inc_return(&x->vm->snapshots);
		return ktap_put_rows(x, r->nested.t, depth + 1, false, r->snapshot);
	}
	ret = ktap_put_agg(x, &g, depth, &r->snapshot);
	if (ret)
		return ret;
	ktap_agg_record(x, g, &r->rec);
	ktap_agg_ahead(&r->rec, r->snapshot);
	return 0;
}

/*
 * Puts out the rows of @t and, before a row that has one, those of a table or
 * aggregation in it.  Recursion ends at KTAP_PRINT_DEPTH.
 */
static int ktap_put_rows(struct ktap_exec *x, struct ktap_table *t, unsigned int depth,
			 bool hist, u32 number)
{
	struct ktap_rows r = { .x = x, .hist = hist, .deep = depth >= KTAP_PRINT_DEPTH };
	u64 cursor = 0;
	int ret;

	ktap_rows_begin(&r, number);
	for (;;) {
		ret = ktap_table_peek(x, t, &cursor, ktap_row, &r);
		if (!ret)
			break;
		if (ret == KTAP_ROW_NAN)
			return ktap_error(x, "print_hist only can print number");
		if (ret == KTAP_ROW_FULL || ret == KTAP_ROW_NESTED)
			ktap_rows_flush(&r, number);
		if (ret == KTAP_ROW_NESTED) {
			ret = ktap_put_nested(&r, depth);
			if (ret)
				return ret;
			ktap_rows_begin(&r, number);
		} else {
			/* a table may be there again, but with other rows */
			if (ret == 1)
				ktap_set_nil(&r.nested);
			ktap_exec_charge(x, 8);
		}
		if (x->fuel <= 0) {
			ret = ktap_exec_attend(x);
			if (ret)
				return ret;
		}
	}
	ktap_rows_flush(&r, number);
	return 0;
}

/**
 * ktap_print() - put values out
 * @x: the running exec
 * @type: KTAP_REC_PRINT, KTAP_REC_PRINTF, KTAP_REC_HIST or KTAP_REC_TOP
 * @args: the values, in registers, which may be changed; aux of a string is
 *	1 + the number of bytes wanted, or 0 for all
 * @n: how many
 *
 * Return: 0, also if the record is lost; or an error.
 */
int ktap_print(struct ktap_exec *x, unsigned int type, struct ktap_val *args,
	       unsigned int n)
{
	struct ktap_out o = { .len = 0 };
	size_t least = 0;
	unsigned int i;
	int ret;

	for (i = 0; i < n; i++) {
		if (args[i].type == KTAP_TABLE) {
			args[i].aux = atomic_inc_return(&x->vm->snapshots);
			ret = ktap_put_rows(x, args[i].t, 0, type == KTAP_REC_HIST,
					    args[i].aux);
			if (ret)
				return ret;
		} else if (args[i].type == KTAP_AGG && ktap_agg_has_rows(args[i].g)) {
			ret = ktap_put_agg(x, &args[i].g, 0, &args[i].aux);
			if (ret)
				return ret;
		} else if (args[i].type == KTAP_EVENT && x->event &&
			   ktap_env_event_size(x, args[i].aux) > KTAP_OUT_MAX / 2) {
			ret = ktap_render_event(x, &args[i]);
			if (ret)
				return ret;
		}
		least += ktap_least(x, &args[i]);
	}
	if (least > KTAP_OUT_MAX)
		return ktap_error(x, "too many values to print at once");

	ktap_out_values(&o, x, args, n, least);
	o.p = ktap_env_out_reserve(x, type, o.len);
	if (o.p) {
		o.len = 0;
		o.cut = 0;
		ktap_out_values(&o, x, args, n, least);
		ktap_env_out_commit(x, o.p);
		if (o.cut)
			ktap_vm_lost(x->vm, KTAP_LOSS_STRING, o.cut);
	}
	/* what aux meant here it means nowhere else */
	for (i = 0; i < n; i++) {
		if (args[i].type == KTAP_TABLE || args[i].type == KTAP_AGG ||
		    args[i].type == KTAP_STR)
			args[i].aux = 0;
	}
	ktap_exec_charge(x, 16 + n + o.len / 32);
	return 0;
}
