// SPDX-License-Identifier: GPL-2.0
/*
 * render_user: addresses in processes, in records.
 */
#include <stdio.h>
#include <string.h>

#include "render_user.h"

static bool is_user(const struct ktap_rec_val *v)
{
	return v->type == KTAP_VAL_USTACK || v->type == KTAP_VAL_USYM;
}

static bool has_user(struct vals v, bool part)
{
	const struct ktap_rec_val *val;

	while ((val = next_val(&v)))
		if (is_user(val) ||
		    (val->type == KTAP_VAL_TUPLE && !part &&
		     has_user((struct vals){ (const char *)val->data, val->len }, true)))
			return true;
	return false;
}

/* Appends the head of a value, of which the length is not known yet; where it is */
static size_t begin_val(struct buf *b, __u8 type, __u8 flags)
{
	struct ktap_rec_val head = { .type = type, .flags = flags };
	size_t at = b->len;

	buf_add(b, &head, sizeof(head));
	return at;
}

static void end_val(struct buf *b, size_t at)
{
	__u32 len = b->len - at - sizeof(struct ktap_rec_val);

	memcpy(b->data + at + offsetof(struct ktap_rec_val, len), &len, sizeof(len));
	buf_pad(b, 8);
}

void add_record_val(struct buf *b, const struct ktap_rec_val *v)
{
	size_t at = begin_val(b, v->type, v->flags);

	buf_add(b, v->data, v->len);
	end_val(b, at);
}

/* The frames, each but the first after a call */
static void add_frames(struct ktap_render *r, struct buf *b, const struct ktap_rec_val *v)
{
	struct ktap_rec_user u;
	size_t pos = sizeof(u);
	char text[32];
	__u64 ip;

	if (v->len < sizeof(u))
		return;
	memcpy(&u, v->data, sizeof(u));
	for (; pos + sizeof(ip) <= v->len; pos += sizeof(ip)) {
		memcpy(&ip, v->data + pos, sizeof(ip));
		if (pos > sizeof(u))
			buf_addc(b, '\n');
		if (r->ops.user)
			r->ops.user(r->ops.data, b, &u, ip, pos > sizeof(u));
		else
			buf_add(b, text, snprintf(text, sizeof(text), "[0x%llx]", ip));
	}
}

static void add_plain(struct ktap_render *r, struct buf *b, struct vals v, bool part)
{
	const struct ktap_rec_val *val;
	size_t at;

	while ((val = next_val(&v))) {
		if (is_user(val)) {
			at = begin_val(b, val->type == KTAP_VAL_USYM ? KTAP_VAL_STR :
				       KTAP_VAL_STACK, val->flags);
			add_frames(r, b, val);
			end_val(b, at);
		} else if (val->type == KTAP_VAL_TUPLE && !part) {
			at = begin_val(b, val->type, val->flags);
			add_plain(r, b, (struct vals){ (const char *)val->data, val->len }, true);
			end_val(b, at);
		} else {
			add_record_val(b, val);
		}
	}
	/* what is damaged stays so */
	buf_add(b, v.p, v.left);
}

bool render_plain(struct ktap_render *r, struct vals *v)
{
	if (!has_user(*v, false))
		return false;
	r->plain.len = 0;
	add_plain(r, &r->plain, *v, false);
	*v = (struct vals){ r->plain.data, r->plain.len };
	return true;
}
