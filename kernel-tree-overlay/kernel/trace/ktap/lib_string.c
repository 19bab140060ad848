// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: builtins about strings.
 *
 * Strings are bytes and may contain NUL.  Positions count from 0.  A function
 * of a string that gets nil in its place gives nil, as arithmetic does: what
 * read the string may have met a page that is not there.  A result over
 * KTAP_MAX_STR is an error, as that of `..` is.
 *
 * The result is made in the arena, where ktap_builtin() has seen to it that
 * there is room for KTAP_ARENA_RESERVE bytes: two strings of the longest
 * length.  Nothing here lets strings of registers move after that.
 *
 * Contexts: any.
 * Locks: those of tables, through table.c.
 */
#include <linux/errno.h>
#include <linux/kernel.h>

#include "vm.h"

/*
 * Looks at the arguments of a builtin: @nstr strings, the first of which may be
 * nil.  Returns 0, or 1 if the result is nil and set, or an error.
 */
static int ktap_str_args(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs,
			 unsigned int nstr)
{
	unsigned int i;
	int ret;

	ret = ktap_args_text(x, args, nstr);
	if (ret)
		return ret;
	for (i = 1; i < nstr; i++) {
		if (args[i].type != KTAP_STR)
			return ktap_wrong_type(x, i + 1, "string", &args[i]);
	}
	if (args[0].type == KTAP_NIL)
		return 1;
	if (args[0].type != KTAP_STR)
		return ktap_wrong_type(x, 1, "string", &args[0]);
	ktap_exec_charge(x, args[0].s->len / 16);
	return 0;
}

static int ktap_too_long(struct ktap_exec *x)
{
	return ktap_error(x, "string too long: limit is %u bytes", KTAP_MAX_STR);
}

/* The result: bytes @start .. @start + @len - 1 of the first argument */
static int ktap_part(struct ktap_exec *x, struct ktap_val *args, size_t start, size_t len)
{
	/* the string does not move: allocating only appends */
	return ktap_set_str(x, &args[0], args[0].s->data + start, len);
}

/*
 * Where @t is in @s, from @start on, or -1.  It looks for the first byte of @t
 * with memchr(), and charges what comparing takes.
 */
static s64 ktap_find_str(struct ktap_exec *x, const struct ktap_str *s, size_t start,
			 const struct ktap_str *t)
{
	const char *p, *end;
	s64 steps = 0, ret = -1;

	if (t->len > s->len || start > s->len - t->len)
		return -1;
	if (!t->len)
		return start;
	/* the last place where it could begin is before @end */
	end = s->data + s->len - t->len + 1;
	for (p = s->data + start; p < end; p++) {
		p = memchr(p, t->data[0], end - p);
		if (!p)
			break;
		steps += 8 + t->len / 8;
		if (!memcmp(p, t->data, t->len)) {
			ret = p - s->data;
			break;
		}
	}
	ktap_exec_charge(x, (steps + s->len) / 16);
	return ret;
}

int ktap_bi_STRLEN(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	int ret = ktap_str_args(x, args, nargs, 1);

	if (ret)
		return min(ret, 0);
	ktap_set_int(&args[0], args[0].s->len);
	return 0;
}

int ktap_bi_SUBSTR(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	int ret = ktap_str_args(x, args, nargs, 1);
	s64 start, end, len;

	if (ret < 0)
		return ret;
	if (args[1].type != KTAP_INT)
		return ktap_wrong_type(x, 2, "number", &args[1]);
	if (nargs > 2 && args[2].type != KTAP_INT && args[2].type != KTAP_NIL)
		return ktap_wrong_type(x, 3, "number", &args[2]);
	if (ret)
		return 0;

	/* what of start .. start + length - 1 lies in the string */
	len = args[0].s->len;
	start = args[1].i;
	end = len;
	if (nargs > 2 && args[2].type == KTAP_INT) {
		if (args[2].i <= 0)
			end = 0;
		else if (start < 0 || args[2].i < S64_MAX - start)
			end = min(len, start + args[2].i);
	}
	start = max_t(s64, start, 0);
	if (start >= end)
		return ktap_part(x, args, 0, 0);
	return ktap_part(x, args, start, end - start);
}

int ktap_bi_STRSTR(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	int ret = ktap_str_args(x, args, nargs, 2);
	s64 at;

	if (ret)
		return min(ret, 0);
	at = ktap_find_str(x, args[0].s, 0, args[1].s);
	if (at < 0) {
		ktap_set_nil(&args[0]);
		return 0;
	}
	return ktap_part(x, args, at, args[0].s->len - at);
}

int ktap_bi_INDEX(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	int ret = ktap_str_args(x, args, nargs, 2);
	s64 start = 0;

	if (ret < 0)
		return ret;
	if (nargs > 2 && args[2].type != KTAP_NIL) {
		if (args[2].type != KTAP_INT)
			return ktap_wrong_type(x, 3, "number", &args[2]);
		start = max_t(s64, args[2].i, 0);
	}
	if (ret)
		return 0;
	if (start > args[0].s->len)
		start = -1;
	else
		start = ktap_find_str(x, args[0].s, start, args[1].s);
	ktap_set_int(&args[0], start);
	return 0;
}

/* The string with each byte changed, if it is a letter of ASCII */
static int ktap_change_case(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs,
			    char first, char last)
{
	int ret = ktap_str_args(x, args, nargs, 1);
	struct ktap_str *s;
	u32 i;

	if (ret)
		return min(ret, 0);
	s = ktap_str_alloc(x, args[0].s->len);
	if (!s)
		return -EIO;
	for (i = 0; i < s->len; i++) {
		char c = args[0].s->data[i];

		s->data[i] = c >= first && c <= last ? c ^ 0x20 : c;
	}
	args[0] = (struct ktap_val){ .s = s, .type = KTAP_STR };
	return 0;
}

int ktap_bi_UPPER(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_change_case(x, args, nargs, 'a', 'z');
}

int ktap_bi_LOWER(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_change_case(x, args, nargs, 'A', 'Z');
}

/* Those of the C locale; isspace() takes 0xa0 for one as well */
static bool ktap_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

int ktap_bi_TRIM(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	int ret = ktap_str_args(x, args, nargs, 1);
	const struct ktap_str *s;
	size_t start = 0, end;

	if (ret)
		return min(ret, 0);
	s = args[0].s;
	end = s->len;
	while (start < end && ktap_blank(s->data[start]))
		start++;
	while (end > start && ktap_blank(s->data[end - 1]))
		end--;
	if (end - start == s->len)
		return 0;
	return ktap_part(x, args, start, end - start);
}

/* Sets @t[@nr] to a string. */
static int ktap_put_piece(struct ktap_exec *x, struct ktap_table *t, s64 nr, const char *p,
			  size_t len)
{
	u32 pos = x->arena_pos;
	struct ktap_val key, v;
	int ret;

	ktap_set_int(&key, nr);
	ret = ktap_set_str(x, &v, p, len);
	if (!ret)
		ret = ktap_table_set(x, t, &key, &v);
	/* the table has a copy: the next piece takes the same room */
	x->arena_pos = pos;
	ktap_exec_charge(x, 8 + len / 32);
	return ret;
}

static int ktap_split(struct ktap_exec *x, struct ktap_table *t, const struct ktap_str *s,
		      const struct ktap_str *sep)
{
	size_t pos = 0, end;
	s64 nr = 0, at;
	int ret;

	/* without a separator: the words between blanks */
	while (!sep) {
		while (pos < s->len && ktap_blank(s->data[pos]))
			pos++;
		if (pos == s->len)
			return 0;
		for (end = pos; end < s->len && !ktap_blank(s->data[end]); end++)
			;
		ret = ktap_put_piece(x, t, ++nr, s->data + pos, end - pos);
		if (ret)
			return ret;
		pos = end;
	}
	/* with an empty one: the bytes */
	for (; !sep->len && pos < s->len; pos++) {
		ret = ktap_put_piece(x, t, ++nr, s->data + pos, 1);
		if (ret)
			return ret;
	}
	while (sep->len) {
		at = ktap_find_str(x, s, pos, sep);
		end = at < 0 ? s->len : at;
		ret = ktap_put_piece(x, t, ++nr, s->data + pos, end - pos);
		if (ret || at < 0)
			return ret;
		pos = end + sep->len;
	}
	return 0;
}

int ktap_bi_SPLIT(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	bool words = nargs < 2 || args[1].type == KTAP_NIL;
	int ret = ktap_str_args(x, args, nargs, words ? 1 : 2);
	const struct ktap_str *s;

	if (ret)
		return min(ret, 0);
	s = args[0].s;
	/*
	 * The register is the table's from here on: what runs short of memory
	 * frees objects that no register has. Strings stay where they are.
	 */
	ret = ktap_new_table(x, &args[0]);
	return ret ?: ktap_split(x, args[0].t, s, words ? NULL : args[1].s);
}

int ktap_bi_JOIN(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	bool has_sep = nargs > 1 && args[1].type != KTAP_NIL;
	size_t len = 0, sep_len;
	struct ktap_str *s;
	u32 pos;
	s64 nr;
	int ret;

	ret = has_sep ? ktap_args_text(x, args + 1, 1) : 0;
	if (ret)
		return ret;
	if (has_sep && args[1].type != KTAP_STR)
		return ktap_wrong_type(x, 2, "string", &args[1]);
	if (args[0].type == KTAP_NIL)
		return 0;
	if (args[0].type != KTAP_TABLE)
		return ktap_wrong_type(x, 1, "table", &args[0]);
	s = ktap_str_alloc(x, KTAP_MAX_STR);
	if (!s)
		return -EIO;
	pos = x->arena_pos;
	for (nr = 1;; nr++) {
		char num[KTAP_INT_DIGITS];
		struct ktap_val key, v;
		const char *p;
		size_t n;

		ktap_set_int(&key, nr);
		/* does not have strings move: there is room for the longest one */
		ret = ktap_table_get(x, args[0].t, &key, &v);
		if (ret)
			return ret;
		if (v.type == KTAP_NIL)
			break;
		if (v.type == KTAP_STR) {
			p = v.s->data;
			n = v.s->len;
		} else if (v.type == KTAP_INT) {
			p = num;
			n = ktap_fmt_int(num, v.i);
		} else {
			return ktap_error(x, "cannot join a %s value", ktap_type_name(&v));
		}
		sep_len = has_sep && nr > 1 ? args[1].s->len : 0;
		if (len + sep_len + n > KTAP_MAX_STR)
			return ktap_too_long(x);
		memcpy(s->data + len, has_sep ? args[1].s->data : "", sep_len);
		memcpy(s->data + len + sep_len, p, n);
		len += sep_len + n;
		x->arena_pos = pos;
		ktap_exec_charge(x, 8 + (sep_len + n) / 32);
		if (x->fuel <= 0 && x->left + x->fuel <= 0)
			break;	/* over the budget: the interpreter will say so */
	}
	ktap_str_shrink(x, s, len);
	args[0] = (struct ktap_val){ .s = s, .type = KTAP_STR };
	return 0;
}

int ktap_bi_MATCH(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	int ret = ktap_str_args(x, args, nargs, 2);

	if (ret < 0)
		return ret;
	/* args[0] ~ args[1] */
	return ktap_op_match(x, args, KTAP_INSN(KTAP_OP_MATCH, 0, 0, 1));
}

int ktap_bi_REPLACE(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	int ret = ktap_str_args(x, args, nargs, 3);
	const struct ktap_str *s, *from, *to;
	size_t pos = 0, len = 0, keep;
	struct ktap_str *out;
	s64 at;

	if (ret)
		return min(ret, 0);
	s = args[0].s;
	from = args[1].s;
	to = args[2].s;
	at = from->len ? ktap_find_str(x, s, 0, from) : -1;
	if (at < 0)
		return 0;
	out = ktap_str_alloc(x, KTAP_MAX_STR);
	if (!out)
		return -EIO;
	for (;;) {
		keep = (at < 0 ? s->len : at) - pos;
		if (len + keep + (at < 0 ? 0 : to->len) > KTAP_MAX_STR)
			return ktap_too_long(x);
		memcpy(out->data + len, s->data + pos, keep);
		len += keep;
		if (at < 0)
			break;
		memcpy(out->data + len, to->data, to->len);
		len += to->len;
		pos = at + from->len;
		at = ktap_find_str(x, s, pos, from);
		ktap_exec_charge(x, 2 + (keep + to->len) / 32);
	}
	ktap_str_shrink(x, out, len);
	args[0] = (struct ktap_val){ .s = out, .type = KTAP_STR };
	return 0;
}

int ktap_bi_REP(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	int ret = ktap_str_args(x, args, nargs, 1);
	const struct ktap_str *s;
	struct ktap_str *out;
	size_t pos;
	s64 n;

	if (ret < 0)
		return ret;
	if (args[1].type != KTAP_INT)
		return ktap_wrong_type(x, 2, "number", &args[1]);
	if (ret)
		return 0;
	s = args[0].s;
	n = max_t(s64, args[1].i, 0);
	if (s->len && n > KTAP_MAX_STR / s->len)
		return ktap_too_long(x);
	out = ktap_str_alloc(x, s->len ? s->len * n : 0);
	if (!out)
		return -EIO;
	for (pos = 0; pos < out->len; pos += s->len)
		memcpy(out->data + pos, s->data, s->len);
	ktap_exec_charge(x, out->len / 16);
	args[0] = (struct ktap_val){ .s = out, .type = KTAP_STR };
	return 0;
}
