// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: stack(), ustack(), usym(), and the text of stacks.
 *
 * A stack is a value that holds the frames as the machine has them, so that to
 * count by stack costs a walk and a look into a table.  Which symbols they are in
 * is asked when they are printed, by read(), or when the script uses the stack as a
 * string.
 *
 * Those of a process go with its number to the tool, which can look into the files
 * that its code is from.  As a string of the script they are addresses.
 *
 * Contexts: any.
 * Locks: none.
 */
#include <linux/kernel.h>

#include "vm.h"

/* What it costs, in instructions: to get past our own frames, a frame, its symbol */
#define KTAP_WALK_COST		128
#define KTAP_FRAME_COST		16
#define KTAP_SYMBOL_COST	256

#define FRAME			sizeof(u64)

/* How many frames @name() is to have at most */
static int ktap_stack_depth(struct ktap_exec *x, const char *name, const struct ktap_val *args,
			    unsigned int nargs, unsigned int *max)
{
	*max = KTAP_MAX_STACK;
	/* which frames to leave out had to be said when those of the tracer were there */
	if (nargs > 1 && args[1].type != KTAP_NIL && args[1].type != KTAP_INT)
		return ktap_wrong_type(x, 2, "number", &args[1]);
	if (!nargs || args[0].type == KTAP_NIL)
		return 0;
	if (args[0].type != KTAP_INT)
		return ktap_wrong_type(x, 1, "number", &args[0]);
	if (args[0].i < -1 || !args[0].i)
		return ktap_error(x, "%s() takes at least 1 frame, or -1 for all, not %lld",
				  name, args[0].i);
	if (args[0].i != -1)
		*max = min_t(s64, args[0].i, KTAP_MAX_STACK);
	return 0;
}

/* stack([depth [, skip]]) */
int ktap_bi_STACK(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	struct ktap_str *s;
	unsigned int max, n;
	int ret;
	u64 *ip;

	ret = ktap_stack_depth(x, "stack", args, nargs, &max);
	if (ret)
		return ret;
	s = ktap_str_alloc(x, (max + KTAP_STACK_OWN + 1) * FRAME);
	if (!s)
		return -EIO;
	ip = PTR_ALIGN((u64 *)s->data, FRAME);
	n = ktap_env_stack(x, ip, max);
	memmove(s->data, ip, n * FRAME);
	ktap_str_shrink(x, s, n * FRAME);
	ktap_exec_charge(x, KTAP_WALK_COST + KTAP_FRAME_COST * n);
	args[0] = (struct ktap_val){ .s = s, .type = KTAP_STACK };
	return 0;
}

/* ustack([depth]) */
int ktap_bi_USTACK(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	struct ktap_rec_user *u;
	unsigned int max, n;
	struct ktap_str *s;
	size_t size;
	int ret;

	ret = ktap_stack_depth(x, "ustack", args, nargs, &max);
	if (ret)
		return ret;
	s = ktap_str_alloc(x, struct_size(u, ip, max + 1));
	if (!s)
		return -EIO;
	u = PTR_ALIGN((struct ktap_rec_user *)s->data, FRAME);
	n = ktap_env_user_stack(x, u, max);
	size = struct_size(u, ip, n);
	memmove(s->data, u, size);
	ktap_str_shrink(x, s, size);
	ktap_exec_charge(x, KTAP_WALK_COST + KTAP_FRAME_COST * n);
	args[0] = (struct ktap_val){ .s = s, .type = KTAP_USTACK };
	return 0;
}

/* usym(address) */
int ktap_bi_USYM(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	u64 buf[sizeof(struct ktap_rec_user) / FRAME + 1];
	struct ktap_rec_user *u = (void *)buf;
	int ret;

	if (args[0].type == KTAP_NIL)
		return 0;
	if (args[0].type != KTAP_INT)
		return ktap_error(x, "usym() takes an address");
	ktap_env_user(x, u);
	u->ip[0] = args[0].i;
	ktap_exec_charge(x, KTAP_FRAME_COST);
	ret = ktap_set_str(x, &args[0], (const char *)buf, sizeof(buf));
	if (!ret)
		args[0].type = KTAP_USYM;
	return ret;
}

/**
 * ktap_stack_text() - a stack as text, a line for each frame
 * @env: the environment's
 * @type: KTAP_STACK, KTAP_USTACK or KTAP_USYM
 * @frames: its bytes, as a value has them
 * @len: their bytes
 * @buf: gets the text, without a newline at its end
 * @size: bytes there, one of them for a NUL
 * @cut: set if not all frames fit, else left alone
 *
 * Context: any.
 * Return: bytes of the text.
 */
size_t ktap_stack_text(void *env, enum ktap_type type, const char *frames, size_t len,
		       char *buf, size_t size, bool *cut)
{
	size_t pos = 0, n, at;
	u64 ip;

	if (type != KTAP_STACK) {
		frames += sizeof(struct ktap_rec_user);
		len -= sizeof(struct ktap_rec_user);
	}
	for (; len >= FRAME; frames += FRAME, len -= FRAME) {
		/* the newline takes the place of the NUL */
		at = pos ? pos + 1 : 0;
		memcpy(&ip, frames, FRAME);
		if (at >= size)
			n = 0;
		else if (type != KTAP_STACK)
			n = snprintf(buf + at, size - at, "0x%llx", ip);
		else
			n = ktap_env_frame(env, ip, buf + at, size - at);
		if (at >= size || n >= size - at) {
			*cut = true;
			break;
		}
		if (pos)
			buf[pos] = '\n';
		pos = at + n;
	}
	return pos;
}

/**
 * ktap_stack_render() - a stack as text, in a script
 * @x: the running exec
 * @type: KTAP_STACK, KTAP_USTACK or KTAP_USYM
 * @frames: its bytes
 * @len: their bytes
 * @buf: gets the text
 * @room: bytes there, without one more for a NUL
 *
 * Frames that do not fit are left out, which is counted.
 *
 * Context: any.
 * Return: bytes of the text.
 */
size_t ktap_stack_render(struct ktap_exec *x, enum ktap_type type, const char *frames,
			 u32 len, char *buf, size_t room)
{
	bool cut = false;
	size_t n;

	n = ktap_stack_text(x->vm->env, type, frames, len, buf, room + 1, &cut);
	if (cut)
		ktap_vm_lost(x->vm, KTAP_LOSS_STRING, 1);
	ktap_exec_charge(x, len / FRAME * KTAP_SYMBOL_COST);
	return n;
}

/* A stack in a record, from frames to text; @room as for ktap_stack_deliver() */
static size_t ktap_deliver_frames(void *env, const struct ktap_rec_val *val, char *to,
				  size_t room)
{
	struct ktap_rec_val head = { .type = KTAP_VAL_STACK, .flags = val->flags };
	bool cut = false;
	size_t size;

	if (room > sizeof(head))
		head.len = ktap_stack_text(env, KTAP_STACK, (const char *)val->data, val->len,
					   to + sizeof(head), room - sizeof(head), &cut);
	if (cut)
		head.flags |= KTAP_VALF_TRUNCATED;
	memcpy(to, &head, sizeof(head));
	size = ALIGN(sizeof(head) + head.len, 8);
	memset(to + sizeof(head) + head.len, 0, size - sizeof(head) - head.len);
	return size;
}

/**
 * ktap_stack_deliver() - the form of a value that readers see, if it has stacks
 * @env: the environment's
 * @val: the value in a record
 * @to: where to put it, aligned to 8 bytes
 * @room: bytes there, a multiple of 8, at least what the value takes now
 *
 * Of stacks as many frames become text as fit; others are left out, which is
 * marked.  All other values are copied.
 *
 * Context: any.
 * Return: bytes at @to, a multiple of 8, at most @room.
 */
size_t ktap_stack_deliver(void *env, const struct ktap_rec_val *val, void *to, size_t room)
{
	const char *p = (const char *)val->data, *end = p + val->len;
	size_t size = ALIGN(sizeof(*val) + val->len, 8);
	struct ktap_rec_val *head = to;
	char *o = to + sizeof(*head);

	if (val->type == KTAP_VAL_STACK)
		return ktap_deliver_frames(env, val, to, room);
	if (val->type != KTAP_VAL_TUPLE) {
		memcpy(to, val, size);
		return size;
	}
	*head = *val;
	while (end - p >= (ptrdiff_t)sizeof(*val)) {
		const struct ktap_rec_val *part = (const void *)p;

		size = ALIGN(sizeof(*part) + part->len, 8);
		p += size;
		if (part->type == KTAP_VAL_STACK) {
			/* what follows needs as much room as it has there */
			o += ktap_deliver_frames(env, part, o,
						 (char *)to + room - o - (end - p));
		} else {
			memcpy(o, part, size);
			o += size;
		}
	}
	head->len = o - (char *)to - sizeof(*head);
	return o - (char *)to;
}
