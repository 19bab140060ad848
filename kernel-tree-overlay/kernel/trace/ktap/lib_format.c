// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: formats, and text of numbers.
 *
 * printf() is checked here and rendered where its record is read; sprintf() is
 * rendered here.  Both have the conversions of C's printf() for integers of 64
 * bits and strings, with C23's %b; what C leaves undefined is an error.
 *
 * Contexts: any.
 * Locks: none.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/string_choices.h>

#include "vm.h"

/**
 * struct ktap_spec - a conversion
 * @conv: its letter
 * @left: '-': the padding comes behind
 * @plus: '+': a sign in any case
 * @space: ' ': a blank in the place of '+'
 * @alt: '#': with 0x, 0b or 0
 * @zero: '0': padded with zeros
 * @star_width: the width is an argument
 * @star_prec: the precision is an argument
 * @width: bytes at least
 * @prec: digits at least, of strings bytes at most; -1: none given
 */
struct ktap_spec {
	char conv;
	bool left;
	bool plus;
	bool space;
	bool alt;
	bool zero;
	bool star_width;
	bool star_prec;
	u32 width;
	s32 prec;
};

/* A width or precision: digits, or * */
static int ktap_spec_num(struct ktap_exec *x, const struct ktap_str *fmt, u32 *pos, u32 *num,
			 bool *star)
{
	u32 i = *pos;

	*num = 0;
	*star = i < fmt->len && fmt->data[i] == '*';
	if (*star)
		i++;
	for (; !*star && i < fmt->len && fmt->data[i] >= '0' && fmt->data[i] <= '9'; i++) {
		*num = *num * 10 + fmt->data[i] - '0';
		if (*num > KTAP_MAX_FMT_NUM)
			return ktap_error(x, "invalid format (width or precision too long)");
	}
	*pos = i;
	return 0;
}

/*
 * Reads a conversion; @pos is behind its %, and is moved behind it.  Lengths (l,
 * ll, h, z ...) mean nothing: all integers have 64 bits.
 */
static int ktap_read_spec(struct ktap_exec *x, const struct ktap_str *fmt, u32 *pos,
			  struct ktap_spec *sp)
{
	u32 i = *pos, flags = 0, num;
	char c, text[2] = "";

	memset(sp, 0, sizeof(*sp));
	for (; i < fmt->len; i++) {
		c = fmt->data[i];
		if (c == '-')
			sp->left = true;
		else if (c == '+')
			sp->plus = true;
		else if (c == ' ')
			sp->space = true;
		else if (c == '#')
			sp->alt = true;
		else if (c == '0')
			sp->zero = true;
		else
			break;
		if (++flags > 5)
			return ktap_error(x, "invalid format (repeated flags)");
	}
	if (ktap_spec_num(x, fmt, &i, &sp->width, &sp->star_width))
		return -EIO;
	sp->prec = -1;
	if (i < fmt->len && fmt->data[i] == '.') {
		i++;
		if (ktap_spec_num(x, fmt, &i, &num, &sp->star_prec))
			return -EIO;
		sp->prec = num;
	}
	while (i < fmt->len && fmt->data[i] && strchr("lhzjtq", fmt->data[i]))
		i++;
	c = i < fmt->len ? fmt->data[i] : '\0';
	if (!c || !strchr("cdiouxXbsp", c)) {
		text[0] = c;
		return ktap_error(x, "invalid option '%%%s' to 'format'",
				  c >= ' ' && c < 0x7f ? text : "");
	}
	sp->conv = c;
	*pos = i + 1;
	return 0;
}

/* Takes an argument that is a width or precision. */
static int ktap_star(struct ktap_exec *x, const struct ktap_val *args, unsigned int nargs,
		     unsigned int *n, s64 *num)
{
	if (++*n >= nargs)
		return ktap_error(x, "bad argument #%u: (no value)", *n + 1);
	if (args[*n].type != KTAP_INT)
		return ktap_wrong_type(x, *n + 1, "number", &args[*n]);
	*num = args[*n].i;
	if (*num > KTAP_MAX_FMT_NUM || *num < -KTAP_MAX_FMT_NUM)
		return ktap_error(x, "invalid format (width or precision too long)");
	return 0;
}

/* Puts the arguments that are width and precision into the conversion. */
static int ktap_stars(struct ktap_exec *x, const struct ktap_val *args, unsigned int nargs,
		      unsigned int *n, struct ktap_spec *sp)
{
	s64 num;

	if (sp->star_width) {
		if (ktap_star(x, args, nargs, n, &num))
			return -EIO;
		sp->left |= num < 0;
		sp->width = abs(num);
	}
	if (sp->star_prec) {
		if (ktap_star(x, args, nargs, n, &num))
			return -EIO;
		/* as in C: a negative one is as if it were not there */
		sp->prec = max_t(s64, num, -1);
	}
	return 0;
}

/* Whether @v, argument @n from 1, can be converted */
static int ktap_check_arg(struct ktap_exec *x, const struct ktap_spec *sp, unsigned int n,
			  const struct ktap_val *v)
{
	bool str = sp->conv == 's';

	switch (v->type) {
	case KTAP_INT:
	case KTAP_NIL:
	case KTAP_BOOL:
		return 0;
	case KTAP_TABLE:
	case KTAP_CELL:
		return ktap_wrong_type(x, n, str ? "string" : "number", v);
	default:
		if (str)
			return 0;
		break;
	}
	return ktap_wrong_type(x, n, "number", v);
}

/* Goes to the next conversion of a format; 0 at its end, or an error. */
static int ktap_next_spec(struct ktap_exec *x, const struct ktap_str *fmt, u32 *pos,
			  struct ktap_spec *sp)
{
	while (*pos < fmt->len) {
		const char *p = memchr(fmt->data + *pos, '%', fmt->len - *pos);

		if (!p)
			break;
		*pos = p - fmt->data + 1;
		if (*pos == fmt->len || fmt->data[*pos] != '%')
			return ktap_read_spec(x, fmt, pos, sp) ?: 1;
		++*pos;
	}
	return 0;
}

/**
 * ktap_check_format() - whether the arguments of printf() fit its format
 * @x: the running exec
 * @args: the format, a string, and the arguments, in registers; aux of strings
 *	becomes what ktap_print() takes
 * @nargs: how many
 * @used: gets how many the format uses, with itself
 *
 * Return: 0, or an error.
 */
int ktap_check_format(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs,
		      unsigned int *used)
{
	const struct ktap_str *fmt = args[0].s;
	struct ktap_spec sp;
	unsigned int n = 0;
	u32 pos = 0;
	int ret;

	while ((ret = ktap_next_spec(x, fmt, &pos, &sp)) > 0) {
		if (ktap_stars(x, args, nargs, &n, &sp))
			return -EIO;
		if (++n >= nargs)
			return ktap_error(x, "bad argument #%u: (no value)", n + 1);
		if (ktap_check_arg(x, &sp, n + 1, &args[n]))
			return -EIO;
		/* no more of a string is needed; see ktap_print() */
		if (args[n].type == KTAP_STR)
			args[n].aux = sp.prec + 1;
	}
	*used = n + 1;
	ktap_exec_charge(x, fmt->len / 8);
	return ret;
}

/**
 * struct ktap_text - text under construction
 * @p: where
 * @len: bytes so far
 * @size: bytes there are
 * @full: something did not fit
 */
struct ktap_text {
	char *p;
	size_t len;
	size_t size;
	bool full;
};

static void ktap_add(struct ktap_text *t, const char *s, size_t len)
{
	if (len > t->size - t->len) {
		t->full = true;
		return;
	}
	memcpy(t->p + t->len, s, len);
	t->len += len;
}

static void ktap_add_fill(struct ktap_text *t, char c, size_t n)
{
	if (n > t->size - t->len) {
		t->full = true;
		return;
	}
	memset(t->p + t->len, c, n);
	t->len += n;
}

static void ktap_add_padded(struct ktap_text *t, const struct ktap_spec *sp, const char *s,
			    size_t len)
{
	size_t pad = sp->width > len ? sp->width - len : 0;

	if (!sp->left)
		ktap_add_fill(t, ' ', pad);
	ktap_add(t, s, len);
	if (sp->left)
		ktap_add_fill(t, ' ', pad);
}

/* The digits of @u, at the end of @buf of 64 bytes; returns how many */
static u32 ktap_digits(char *buf, u64 u, char conv)
{
	const char *set = conv == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	u32 shift, n = 0;

	if (conv == 'd' || conv == 'i' || conv == 'u') {
		for (; u; n++) {
			u32 digit;

			u = div_u64_rem(u, 10, &digit);
			buf[63 - n] = '0' + digit;
		}
		return n;
	}
	shift = conv == 'b' ? 1 : conv == 'o' ? 3 : 4;
	for (; u; n++) {
		buf[63 - n] = set[u & ((1 << shift) - 1)];
		u >>= shift;
	}
	return n;
}

static void ktap_add_int(struct ktap_text *t, const struct ktap_spec *sp, s64 v)
{
	bool is_signed = sp->conv == 'd' || sp->conv == 'i';
	u64 u = is_signed && v < 0 ? -(u64)v : v;
	u32 n, zeros = 0, pad, total;
	const char *prefix = "";
	char buf[64];

	if (sp->conv == 'c') {
		buf[0] = v;
		ktap_add_padded(t, sp, buf, 1);
		return;
	}
	n = ktap_digits(buf, u, sp->conv);
	/* without a precision it is 1: there is at least one digit */
	if ((sp->prec < 0 ? 1 : sp->prec) > n)
		zeros = (sp->prec < 0 ? 1 : sp->prec) - n;
	if (is_signed)
		prefix = v < 0 ? "-" : sp->plus ? "+" : sp->space ? " " : "";
	else if (sp->conv == 'p')
		prefix = "0x";
	else if (sp->alt && sp->conv == 'o' && !zeros)
		zeros = 1;
	else if (sp->alt && u && sp->conv == 'x')
		prefix = "0x";
	else if (sp->alt && u && sp->conv == 'X')
		prefix = "0X";
	else if (sp->alt && u && sp->conv == 'b')
		prefix = "0b";
	total = strlen(prefix) + zeros + n;
	pad = sp->width > total ? sp->width - total : 0;
	if (sp->zero && !sp->left && sp->prec < 0 && sp->conv != 'p') {
		zeros += pad;
		pad = 0;
	}
	if (!sp->left)
		ktap_add_fill(t, ' ', pad);
	ktap_add(t, prefix, strlen(prefix));
	ktap_add_fill(t, '0', zeros);
	ktap_add(t, buf + 64 - n, n);
	if (sp->left)
		ktap_add_fill(t, ' ', pad);
}

static void ktap_add_str(struct ktap_text *t, const struct ktap_spec *sp, const char *s,
			 size_t len)
{
	if (sp->conv == 's' && sp->prec >= 0)
		len = min_t(size_t, len, sp->prec);
	ktap_add_padded(t, sp, s, len);
}

/* Appends a value that ktap_check_arg() let through; not the event. */
static int ktap_add_val(struct ktap_exec *x, struct ktap_text *t, const struct ktap_spec *sp,
			const struct ktap_val *v)
{
	char buf[KTAP_INT_DIGITS];
	const struct ktap_str *name;
	size_t len, room;
	u32 pos;
	char *p;

	switch (v->type) {
	case KTAP_INT:
		if (sp->conv == 's')
			ktap_add_str(t, sp, buf, ktap_fmt_int(buf, v->i));
		else
			ktap_add_int(t, sp, v->i);
		break;
	case KTAP_BOOL:
		ktap_add_str(t, sp, str_true_false(v->i), strlen(str_true_false(v->i)));
		break;
	case KTAP_STR:
		ktap_add_str(t, sp, v->s->data, v->s->len);
		break;
	case KTAP_TUPLE:
	case KTAP_STACK:
	case KTAP_USTACK:
	case KTAP_USYM:
	case KTAP_FUNC:
	case KTAP_BUILTIN:
		/* text that does not exist yet, made behind the result */
		pos = x->arena_pos;
		p = x->arena + pos;
		if (ktap_is_stack(v)) {
			len = ktap_stack_render(x, v->type, v->s->data, v->s->len, p,
						KTAP_MAX_STR);
			ktap_add_str(t, sp, p, len);
		} else if (v->type == KTAP_TUPLE) {
			len = ktap_tuple_text(x, v->s, NULL, NULL);
			if (len > KTAP_MAX_STR) {
				t->full = true;
				break;
			}
			room = KTAP_MAX_STR - len;
			len = ktap_tuple_text(x, v->s, p, &room);
			ktap_add_str(t, sp, p, len);
		} else {
			struct ktap_text f = { .p = x->arena + pos, .size = KTAP_MAX_STR };

			ktap_add(&f, "function ", strlen("function "));
			if (v->type == KTAP_FUNC) {
				name = v->f->proto->name;
				ktap_add(&f, name->data, name->len);
				if (!name->len)
					f.len--;
			} else {
				ktap_add(&f, ktap_builtin_name(v->i),
					 strlen(ktap_builtin_name(v->i)));
			}
			ktap_add_str(t, sp, f.p, f.len);
		}
		break;
	default:
		ktap_add_str(t, sp, "nil", strlen("nil"));
		break;
	}
	return 0;
}

int ktap_bi_SPRINTF(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	int ret = ktap_args_text(x, args, nargs);
	struct ktap_text t = { .size = KTAP_MAX_STR };
	const struct ktap_str *fmt;
	struct ktap_spec sp;
	unsigned int n = 0;
	struct ktap_str *s;
	u32 pos = 0, from;
	const char *pct;

	if (ret)
		return ret;
	if (args[0].type != KTAP_STR)
		return ktap_wrong_type(x, 1, "string", &args[0]);
	fmt = args[0].s;
	s = ktap_str_alloc(x, KTAP_MAX_STR);
	if (!s)
		return -EIO;
	t.p = s->data;
	while (pos < fmt->len && !t.full) {
		from = pos;
		pct = memchr(fmt->data + pos, '%', fmt->len - pos);
		pos = pct ? pct - fmt->data : fmt->len;
		ktap_add(&t, fmt->data + from, pos - from);
		if (!pct)
			break;
		if (++pos < fmt->len && fmt->data[pos] == '%') {
			ktap_add(&t, "%", 1);
			pos++;
			continue;
		}
		if (ktap_read_spec(x, fmt, &pos, &sp) || ktap_stars(x, args, nargs, &n, &sp))
			return -EIO;
		if (++n >= nargs)
			return ktap_error(x, "bad argument #%u: (no value)", n + 1);
		ret = ktap_check_arg(x, &sp, n + 1, &args[n]);
		if (!ret)
			ret = ktap_add_val(x, &t, &sp, &args[n]);
		if (ret)
			return ret;
	}
	if (t.full)
		return ktap_error(x, "string too long: limit is %u bytes", KTAP_MAX_STR);
	ktap_exec_charge(x, 4 + 4 * n + (fmt->len + t.len) / 16);
	ktap_str_shrink(x, s, t.len);
	args[0] = (struct ktap_val){ .s = s, .type = KTAP_STR };
	return 0;
}

/* Most digits behind the point of fixed() */
#define KTAP_MAX_DIGITS		18

/*
 * One more digit of @rem / @den, where @rem < @den <= 2^63: by additions, since
 * ten times the remainder may not fit.
 */
static u32 ktap_next_digit(u64 *rem, u64 den)
{
	u64 acc = 0;
	u32 digit = 0, i;

	for (i = 0; i < 10; i++) {
		acc += *rem;
		if (acc >= den) {
			acc -= den;
			digit++;
		}
	}
	*rem = acc;
	return digit;
}

int ktap_bi_FIXED(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	char buf[KTAP_INT_DIGITS + KTAP_MAX_DIGITS + 2], *p = buf + 1, *q;
	bool neg, zero;
	u64 den, rem;
	s64 whole, digits = 2;
	u32 i;

	if (nargs > 2 && args[2].type != KTAP_NIL) {
		if (args[2].type != KTAP_INT)
			return ktap_wrong_type(x, 3, "number", &args[2]);
		digits = args[2].i;
	}
	if (digits < 0 || digits > KTAP_MAX_DIGITS)
		return ktap_error(x, "fixed() takes 0 to %u digits, not %lld", KTAP_MAX_DIGITS,
				  digits);
	if (args[0].type == KTAP_NIL || args[1].type == KTAP_NIL) {
		ktap_set_nil(&args[0]);
		return 0;
	}
	for (i = 0; i < 2; i++) {
		if (args[i].type != KTAP_INT)
			return ktap_wrong_type(x, i + 1, "number", &args[i]);
	}
	if (!args[1].i)
		return ktap_error(x, "divide 0 arith operation");
	neg = (args[0].i < 0) != (args[1].i < 0);
	den = args[1].i < 0 ? -(u64)args[1].i : args[1].i;
	rem = args[0].i < 0 ? -(u64)args[0].i : args[0].i;
	/* 2^63 / 1 is printed as a negative number, whose sign goes */
	whole = div64_u64_rem(rem, den, &rem);
	p += ktap_fmt_int(p, whole);
	if (whole < 0)
		memmove(buf + 1, buf + 2, --p - (buf + 1));
	if (digits)
		*p++ = '.';
	for (i = 0; i < digits; i++)
		*p++ = '0' + ktap_next_digit(&rem, den);
	/* half and more goes up */
	buf[0] = '0';
	if (rem >= den - rem) {
		for (q = p - 1; *q == '9' || *q == '.'; q--) {
			if (*q == '9')
				*q = '0';
		}
		++*q;
	}
	q = buf[0] == '0' ? buf + 1 : buf;
	for (i = 0, zero = true; q + i < p; i++)
		zero &= q[i] == '0' || q[i] == '.';
	if (neg && !zero) {
		if (q == buf) {
			memmove(buf + 1, buf, p - buf);
			p++;
		}
		q = buf;
		*q = '-';
	}
	ktap_exec_charge(x, 2 * digits);
	return ktap_set_str(x, &args[0], q, p - q);
}
