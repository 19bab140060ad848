// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: builtins that read memory, of the current process and of the kernel.
 *
 * An address is a number and may be anything.  A read that fails, because there
 * is no such memory or because its page is not there, gives nil and is counted
 * (KTAP_LOSS_FAULT): a handler cannot wait for a page.  But a string that is an
 * argument of a system call will be there when the call has read it, so that it
 * can be printed: user_string() gives a value that stands for it.
 *
 * Contexts: any; outside of a task's own context (interrupts) the memory of a
 * process is that of the task that was interrupted.
 * Locks: none.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>

#include "vm.h"

/* Bytes of a string that are read at once */
#define KTAP_MEM_CHUNK		64

/* Pointers that argv() takes at most */
#define KTAP_MAX_ARGV		1024

/* The result of a read that failed */
static int ktap_fault(struct ktap_exec *x, struct ktap_val *out)
{
	ktap_vm_lost(x->vm, KTAP_LOSS_FAULT, 1);
	ktap_set_nil(out);
	return 0;
}

/*
 * Reads up to a NUL, at most @max bytes.  Never beyond the page of a byte that
 * is needed.  Returns the length; @max if there is no NUL; or an error.
 */
static int ktap_read_str(struct ktap_exec *x, bool user, u64 addr, char *buf, size_t max)
{
	size_t len = 0, n, end;

	while (len < max) {
		n = min_t(size_t, max - len, KTAP_MEM_CHUNK);
		n = min_t(size_t, n, PAGE_SIZE - ((addr + len) & (PAGE_SIZE - 1)));
		if (ktap_env_read(x, user, buf + len, addr + len, n))
			return -EFAULT;
		end = strnlen(buf + len, n);
		len += end;
		if (end < n)
			break;
	}
	ktap_exec_charge(x, 8 + len / 8);
	return len;
}

static int ktap_string(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs,
		       bool user)
{
	size_t max = KTAP_MAX_STR;
	struct ktap_str *s;
	int len;

	if (nargs > 1 && args[1].type != KTAP_NIL) {
		if (args[1].type != KTAP_INT)
			return ktap_wrong_type(x, 2, "number", &args[1]);
		max = clamp_t(s64, args[1].i, 0, KTAP_MAX_STR);
	}
	/* what is a string already is that one */
	if (args[0].type == KTAP_NIL || args[0].type == KTAP_STR)
		return 0;
	if (args[0].type != KTAP_INT)
		return ktap_wrong_type(x, 1, "number", &args[0]);
	s = ktap_str_alloc(x, max);
	if (!s)
		return -EIO;
	len = ktap_read_str(x, user, args[0].i, s->data, max);
	if (len < 0) {
		ktap_str_shrink(x, s, 0);
		if (!user || !ktap_env_may_be_late(x, args[0].i))
			return ktap_fault(x, &args[0]);
		args[0] = (struct ktap_val){ .i = args[0].i, .type = KTAP_LATE, .aux = max };
		return 0;
	}
	if (len == KTAP_MAX_STR)
		ktap_vm_lost(x->vm, KTAP_LOSS_STRING, 1);
	ktap_str_shrink(x, s, len);
	args[0] = (struct ktap_val){ .s = s, .type = KTAP_STR };
	return 0;
}

int ktap_bi_USER_STRING(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_string(x, args, nargs, true);
}

int ktap_bi_KERNEL_STRING(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_string(x, args, nargs, false);
}

/* An integer of @size bytes in the order of the machine */
static int ktap_read_int(struct ktap_exec *x, bool user, u64 addr, unsigned int size,
			 bool is_signed, s64 *out)
{
	union {
		u8 b;
		u16 w;
		u32 l;
		u64 q;
	} u;

	if (ktap_env_read(x, user, &u, addr, size))
		return -EFAULT;
	switch (size) {
	case 1:
		*out = is_signed ? (s8)u.b : u.b;
		break;
	case 2:
		*out = is_signed ? (s16)u.w : u.w;
		break;
	case 4:
		*out = is_signed ? (s64)(s32)u.l : u.l;
		break;
	default:
		*out = u.q;
		break;
	}
	return 0;
}

static int ktap_int(struct ktap_exec *x, struct ktap_val *args, bool user, s64 size,
		    bool is_signed)
{
	s64 i;

	if (size != 1 && size != 2 && size != 4 && size != 8)
		return ktap_error(x, "an integer has 1, 2, 4 or 8 bytes, not %lld", size);
	if (args[0].type == KTAP_NIL)
		return 0;
	if (args[0].type != KTAP_INT)
		return ktap_wrong_type(x, 1, "number", &args[0]);
	if (ktap_read_int(x, user, args[0].i, size, is_signed, &i))
		return ktap_fault(x, &args[0]);
	ktap_set_int(&args[0], i);
	return 0;
}

static int ktap_int_sized(struct ktap_exec *x, struct ktap_val *args, bool user,
			  bool is_signed)
{
	if (args[1].type != KTAP_INT)
		return ktap_wrong_type(x, 2, "number", &args[1]);
	return ktap_int(x, args, user, args[1].i, is_signed);
}

int ktap_bi_USER_INT(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_int_sized(x, args, true, true);
}

int ktap_bi_USER_UINT(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_int_sized(x, args, true, false);
}

int ktap_bi_USER_PTR(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_int(x, args, true, ktap_env_user_ptr_size(), false);
}

int ktap_bi_KERNEL_INT(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_int_sized(x, args, false, true);
}

int ktap_bi_KERNEL_UINT(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_int_sized(x, args, false, false);
}

int ktap_bi_KERNEL_PTR(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_int(x, args, false, sizeof(void *), false);
}

/*
 * argv(ptr): the strings that a vector of pointers points to, up to its NULL,
 * joined by blanks.  What cannot be read ends it, and is counted.
 */
int ktap_bi_ARGV(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	unsigned int size = ktap_env_user_ptr_size(), n;
	bool cut = false, fault = false;
	struct ktap_str *s;
	size_t len = 0;
	s64 ptr;
	int ret;

	if (args[0].type == KTAP_NIL)
		return 0;
	if (args[0].type != KTAP_INT)
		return ktap_wrong_type(x, 1, "number", &args[0]);
	s = ktap_str_alloc(x, KTAP_MAX_STR);
	if (!s)
		return -EIO;
	for (n = 0; n < KTAP_MAX_ARGV && !cut && !fault; n++) {
		fault = ktap_read_int(x, true, args[0].i + (u64)n * size, size, false, &ptr);
		if (fault || !ptr)
			break;
		if (n && len < KTAP_MAX_STR)
			s->data[len++] = ' ';
		ret = ktap_read_str(x, true, ptr, s->data + len, KTAP_MAX_STR - len);
		fault = ret < 0;
		len += max(ret, 0);
		cut = len == KTAP_MAX_STR;
		ktap_exec_charge(x, 8);
	}
	if (cut || n == KTAP_MAX_ARGV)
		ktap_vm_lost(x->vm, KTAP_LOSS_STRING, 1);
	ktap_str_shrink(x, s, len);
	if (fault && !n)
		return ktap_fault(x, &args[0]);
	if (fault)
		ktap_vm_lost(x->vm, KTAP_LOSS_FAULT, 1);
	args[0] = (struct ktap_val){ .s = s, .type = KTAP_STR };
	return 0;
}
