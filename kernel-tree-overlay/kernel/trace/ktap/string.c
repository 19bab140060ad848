// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: strings and compound keys.
 *
 * Owns how strings are hashed, compared and matched, the text of integers, and
 * the form of compound keys.  Nothing here has state or takes locks; all of it
 * may be called in any context.
 *
 * A compound key is a string of bytes: for each part a byte, its enum
 * ktap_type, and the part: nothing for nil, a byte for a boolean, 8 bytes for
 * integers and builtins, the address of a table, function or aggregation, a
 * length of 4 bytes and the bytes of a string.  So two keys are equal if their
 * bytes are.  A part that is a compound key itself is replaced by its parts.
 */
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/string_choices.h>
#include <linux/stringhash.h>

#include "vm.h"

/**
 * ktap_hash_bytes() - hash of bytes
 * @seed: differs from VM to VM, so that no traced program can choose keys that
 *	collide
 * @s: the bytes
 * @len: how many
 *
 * Return: a hash, never 0
 */
u32 ktap_hash_bytes(u32 seed, const char *s, size_t len)
{
	return full_name_hash((void *)(unsigned long)seed, s, len) ?: 1;
}

/**
 * ktap_str_hash() - hash of a string
 * @seed: as above
 * @s: the string; it remembers its hash
 *
 * Return: a hash, never 0
 */
u32 ktap_str_hash(u32 seed, struct ktap_str *s)
{
	if (!s->hash)
		s->hash = ktap_hash_bytes(seed, s->data, s->len);
	return s->hash;
}

/**
 * ktap_str_eq() - whether two strings are equal
 * @a: a string
 * @b: a string
 *
 * Return: whether they are.
 */
bool ktap_str_eq(const struct ktap_str *a, const struct ktap_str *b)
{
	return a == b || (a->len == b->len && !memcmp(a->data, b->data, a->len));
}

/**
 * ktap_str_cmp() - order of two strings, by bytes
 * @a: a string
 * @b: a string
 *
 * Return: less than, equal to or greater than 0
 */
int ktap_str_cmp(const struct ktap_str *a, const struct ktap_str *b)
{
	int r = memcmp(a->data, b->data, min(a->len, b->len));

	if (r)
		return r;
	return a->len < b->len ? -1 : a->len > b->len;
}

/*
 * Matches one character with the element of a pattern at @p.  Returns where
 * the next element begins, or 0 if it does not match.  A class may be as long as
 * the pattern.
 */
static u32 ktap_glob_one(const struct ktap_str *pat, u32 p, unsigned char c, s64 *steps)
{
	unsigned char d = pat->data[p];
	bool match = false, inverted;
	u32 q;

	if (d == '?')
		return p + 1;
	if (d == '\\' && p + 1 < pat->len)
		return (unsigned char)pat->data[p + 1] == c ? p + 2 : 0;
	if (d != '[')
		return d == c ? p + 1 : 0;

	q = p + 1;
	inverted = q < pat->len && (pat->data[q] == '!' || pat->data[q] == '^');
	q += inverted;
	/* the first element of a class may be ']' */
	do {
		unsigned char lo, hi;

		--*steps;
		if (q >= pat->len)
			return d == c ? p + 1 : 0;	/* no end: a plain '[' */
		lo = pat->data[q++];
		hi = lo;
		if (q + 1 < pat->len && pat->data[q] == '-' && pat->data[q + 1] != ']') {
			hi = pat->data[q + 1];
			q += 2;
		}
		match |= lo <= c && c <= hi;
	} while (q >= pat->len || pat->data[q] != ']');
	return match != inverted ? q + 1 : 0;
}

/**
 * ktap_glob() - whether a string matches a pattern
 * @pat: the pattern: `*`, `?`, `[a-z]`, `[!a-z]`, `\` before any of them
 * @str: the string
 * @steps: how much work it may take; is reduced by what it took
 *
 * Like glob_match(), for strings that may contain NUL.  After a mismatch the
 * last `*` takes one more character; earlier ones need not be tried again.
 *
 * Return: whether it does; false as well if @steps has fallen below 0.
 */
bool ktap_glob(const struct ktap_str *pat, const struct ktap_str *str, s64 *steps)
{
	u32 back_p = 0, back_s = 0, p = 0, s = 0;
	bool star = false;

	for (;;) {
		if (--*steps < 0)
			return false;
		if (p < pat->len && pat->data[p] == '*') {
			star = true;
			back_p = ++p;
			back_s = s;
			if (p == pat->len)
				return true;
			continue;
		}
		if (s == str->len) {
			if (p == pat->len)
				return true;
			return false;
		}
		if (p < pat->len) {
			u32 next = ktap_glob_one(pat, p, str->data[s], steps);

			if (next) {
				p = next;
				s++;
				continue;
			}
		}
		if (!star)
			return false;
		p = back_p;
		s = ++back_s;
	}
}

/**
 * ktap_fmt_int() - an integer as text
 * @buf: gets the text and a NUL, at most KTAP_INT_DIGITS bytes
 * @i: the integer
 *
 * Return: bytes without the NUL
 */
size_t ktap_fmt_int(char *buf, s64 i)
{
	u64 u = i < 0 ? -(u64)i : i;
	char tmp[KTAP_INT_DIGITS];
	size_t n = 0, len = 0;

	do {
		u32 digit;

		/* no 64-bit division where 32 bits do, for 32-bit machines */
		if (u >> 32) {
			u64 q = div_u64_rem(u, 10, &digit);

			u = q;
		} else {
			digit = (u32)u % 10;
			u = (u32)u / 10;
		}
		tmp[n++] = '0' + digit;
	} while (u);
	if (i < 0)
		buf[len++] = '-';
	while (n)
		buf[len++] = tmp[--n];
	buf[len] = '\0';
	return len;
}

/**
 * ktap_parse_int() - text as an integer
 * @s: the text: decimal or, after 0x, hexadecimal, with a sign or without,
 *	between blanks
 * @len: its length
 * @out: gets the integer
 *
 * Return: whether it is one and fits 64 bits
 */
bool ktap_parse_int(const char *s, size_t len, s64 *out)
{
	bool neg = false, any = false;
	u32 base = 10;
	u64 u = 0;

	for (; len && (*s == ' ' || *s == '\t' || *s == '\n'); len--)
		s++;
	while (len && (s[len - 1] == ' ' || s[len - 1] == '\t' || s[len - 1] == '\n'))
		len--;
	if (len && (*s == '-' || *s == '+')) {
		neg = *s == '-';
		s++;
		len--;
	}
	if (len > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
		len -= 2;
	}
	for (; len; s++, len--) {
		u32 digit;

		if (*s >= '0' && *s <= '9')
			digit = *s - '0';
		else if (base == 16 && *s >= 'a' && *s <= 'f')
			digit = *s - 'a' + 10;
		else if (base == 16 && *s >= 'A' && *s <= 'F')
			digit = *s - 'A' + 10;
		else
			return false;
		if (base == 16) {
			if (u >> 60)
				return false;
		} else if (u > (1ULL << 63) / 10) {
			return false;
		}
		u = u * base + digit;
		any = true;
	}
	/* hexadecimal numbers are bit patterns, as in scripts */
	if (!any || (base == 10 && u > (1ULL << 63) - !neg))
		return false;
	*out = neg ? -u : u;
	return true;
}

/**
 * ktap_tuple_put() - append a part to a compound key
 * @p: where, or NULL to learn the size
 * @part: the part
 *
 * Return: bytes that it takes
 */
size_t ktap_tuple_put(char *p, const struct ktap_val *part)
{
	u32 len;

	if (part->type == KTAP_TUPLE) {
		if (p)
			memcpy(p, part->s->data, part->s->len);
		return part->s->len;
	}
	if (p)
		*p++ = part->type;
	switch (part->type) {
	case KTAP_NIL:
		return 1;
	case KTAP_BOOL:
		if (p)
			*p = part->i;
		return 2;
	case KTAP_STR:
	case KTAP_STACK:
	case KTAP_USTACK:
	case KTAP_USYM:
		len = part->s->len;
		if (p) {
			memcpy(p, &len, sizeof(len));
			memcpy(p + sizeof(len), part->s->data, len);
		}
		return 1 + sizeof(len) + len;
	case KTAP_TABLE:
	case KTAP_FUNC:
	case KTAP_AGG:
		if (p) {
			u64 addr = (unsigned long)part->t;

			memcpy(p, &addr, sizeof(addr));
		}
		return 1 + sizeof(u64);
	default:
		if (p)
			memcpy(p, &part->i, sizeof(part->i));
		return 1 + sizeof(part->i);
	}
}

/**
 * ktap_tuple_next() - take a compound key apart
 * @s: the key
 * @pos: where a part begins; 0 for the first
 * @part: gets the part; a string or stack only its type
 * @bytes: gets the bytes of a string or stack
 * @len: gets their number
 *
 * Return: where the next part begins, or 0 after the last
 */
size_t ktap_tuple_next(const struct ktap_str *s, size_t pos, struct ktap_val *part,
		       const char **bytes, u32 *len)
{
	const char *p = s->data + pos;
	u64 addr;

	if (pos >= s->len)
		return 0;
	ktap_set_nil(part);
	part->type = (u8)*p++;
	switch (part->type) {
	case KTAP_NIL:
		return pos + 1;
	case KTAP_BOOL:
		part->i = *p;
		return pos + 2;
	case KTAP_STR:
	case KTAP_STACK:
	case KTAP_USTACK:
	case KTAP_USYM:
		memcpy(len, p, sizeof(*len));
		*bytes = p + sizeof(*len);
		return pos + 1 + sizeof(*len) + *len;
	case KTAP_TABLE:
	case KTAP_FUNC:
	case KTAP_AGG:
		memcpy(&addr, p, sizeof(addr));
		part->t = (struct ktap_table *)(unsigned long)addr;
		return pos + 1 + sizeof(addr);
	default:
		memcpy(&part->i, p, sizeof(part->i));
		return pos + 1 + sizeof(part->i);
	}
}

/**
 * ktap_tuple_has_stack() - whether a compound key has a part that is a stack
 * @s: the key
 *
 * Return: whether it has.
 */
bool ktap_tuple_has_stack(const struct ktap_str *s)
{
	struct ktap_val part;
	const char *bytes;
	size_t pos = 0;
	u32 len;

	while ((pos = ktap_tuple_next(s, pos, &part, &bytes, &len))) {
		if (ktap_is_stack(&part))
			return true;
	}
	return false;
}

/**
 * ktap_tuple_text() - a compound key as text, its parts joined by ", "
 * @x: the running exec
 * @s: the key
 * @buf: gets the text, and a NUL if there are stacks in the key; NULL to learn the
 *	size without the text of stacks
 * @room: bytes that stacks may take, which are taken from it
 *
 * Return: bytes of the text
 */
size_t ktap_tuple_text(struct ktap_exec *x, const struct ktap_str *s, char *buf,
		       size_t *room)
{
	char num[KTAP_INT_DIGITS];
	const char *bytes = NULL;
	size_t pos = 0, out = 0;
	struct ktap_val part;
	bool first = true;
	u32 len = 0;

	while ((pos = ktap_tuple_next(s, pos, &part, &bytes, &len))) {
		switch (part.type) {
		case KTAP_STR:
			break;
		case KTAP_INT:
			bytes = num;
			len = ktap_fmt_int(num, part.i);
			break;
		case KTAP_BOOL:
			bytes = str_true_false(part.i);
			len = strlen(bytes);
			break;
		case KTAP_STACK:
		case KTAP_USTACK:
		case KTAP_USYM:
			break;
		default:
			bytes = ktap_type_name(&part);
			len = strlen(bytes);
			break;
		}
		if (!first) {
			if (buf)
				memcpy(buf + out, ", ", 2);
			out += 2;
		}
		first = false;
		if (ktap_is_stack(&part)) {
			if (!buf)
				continue;
			len = ktap_stack_render(x, part.type, bytes, len, buf + out, *room);
			*room -= len;
		} else if (buf) {
			memcpy(buf + out, bytes, len);
		}
		out += len;
	}
	return out;
}

/**
 * ktap_printable() - a string for a message to people
 * @buf: gets it, NUL-terminated, without control characters, cut to fit
 * @size: bytes there
 * @s: the string
 *
 * Return: bytes without the NUL
 */
size_t ktap_printable(char *buf, size_t size, const struct ktap_str *s)
{
	size_t i, n = min_t(size_t, s->len, size - 1);

	for (i = 0; i < n; i++) {
		unsigned char c = s->data[i];

		buf[i] = c < ' ' || c == 0x7f ? '?' : c;
	}
	buf[n] = '\0';
	return n;
}
