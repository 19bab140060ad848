// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: what the tool has found out about the programs that a script traces.
 *
 * To find a function in a program takes its symbols, which user space reads. For
 * each text of an image that names places in a program it says which file and
 * which offsets these are, or why there are none: KTAP_IOC_TARGETS. All of it is
 * checked here, before anything of it is used; what it says is then believed as
 * far as it goes, which is what the kernel lets anybody do who may trace.
 *
 * Owns the copy of these sets and a reference to each of their files, from the
 * call on until the session ends.
 *
 * Contexts: process context.
 * Locks: none; the caller has the session's run_lock.
 */
#include <linux/align.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/trace_event_tap.h>
#include <linux/uaccess.h>

#include "ev_uprobe.h"

/**
 * struct ktap_targets_of - the sets of a session
 * @bytes: what user space gave
 * @nr: how many sets there are
 * @e: them, and their files
 */
struct ktap_targets_of {
	void *bytes;
	unsigned int nr;
	struct {
		const struct ktap_target_set *set;
		struct file *file;
	} e[];
};

/* A name of a register, padded with NUL, or none */
static int check_reg(const char name[8])
{
	size_t len = strnlen(name, 8);

	if (len == 8 || memchr_inv(name + len, 0, 8 - len))
		return -EINVAL;
	return len && trace_event_tap_register(name) < 0 ? -EINVAL : 0;
}

static bool is_size(u8 n)
{
	return n == 1 || n == 2 || n == 4 || n == 8;
}

static int check_arg(const struct ktap_target_arg *a)
{
	bool mem = a->kind == KTAP_TARGET_MEM;

	if (memchr_inv(a->pad, 0, sizeof(a->pad)))
		return -EINVAL;
	switch (a->kind) {
	case KTAP_TARGET_NONE:
	case KTAP_TARGET_CONST:
		if (*a->base)
			return -EINVAL;
		break;
	case KTAP_TARGET_REG:
		if (!*a->base)
			return -EINVAL;
		break;
	case KTAP_TARGET_MEM:
		break;
	default:
		return -EINVAL;
	}
	if ((!mem && *a->index) || (a->kind != KTAP_TARGET_CONST && !mem && a->disp) ||
	    (*a->index ? !is_size(a->scale) : a->scale > 1))
		return -EINVAL;
	if (!is_size(abs(a->size)) && !(a->kind == KTAP_TARGET_NONE && !a->size))
		return -EINVAL;
	return check_reg(a->base) ?: check_reg(a->index);
}

/* @end is where the fixed part ends: nothing else is in it */
static int check_string(const struct ktap_target_set *set, u32 end, u32 offset, bool needed)
{
	const char *s = (const char *)set + offset;

	if (!offset)
		return needed ? -EINVAL : 0;
	if (offset < end || offset >= set->bytes || !memchr(s, 0, set->bytes - offset))
		return -EINVAL;
	return needed && !*s ? -EINVAL : 0;
}

static int check_target(const struct ktap_target_set *set, u32 end,
			const struct ktap_target *t)
{
	const struct ktap_target_arg *args = (const void *)set + t->args;
	u32 i;

	if (t->offset > S64_MAX || t->ref_ctr > S64_MAX || t->start > t->offset ||
	    check_string(set, end, t->name, true) ||
	    check_string(set, end, t->provider, false))
		return -EINVAL;
	if (t->nargs > KTAP_MAX_TARGET_ARGS)
		return -E2BIG;
	if (!t->nargs)
		return t->args ? -EINVAL : 0;
	if (t->args < end || !IS_ALIGNED(t->args, 8) || t->args > set->bytes ||
	    set->bytes - t->args < array_size(t->nargs, sizeof(*args)))
		return -EINVAL;
	for (i = 0; i < t->nargs; i++)
		if (check_arg(&args[i]))
			return -EINVAL;
	return 0;
}

/* All but that the file is there; @room: bytes from the set on */
static int check_set(const struct ktap_target_set *set, size_t room)
{
	u32 i, end;
	int ret;

	if (room < sizeof(*set) || set->bytes < sizeof(*set) || set->bytes > room ||
	    !IS_ALIGNED(set->bytes, 8) || set->pad)
		return -EINVAL;
	if (set->nr > KTAP_MAX_TARGETS)
		return -E2BIG;
	end = struct_size(set, target, set->nr);
	if (end > set->bytes || check_string(set, end, set->text, true) ||
	    check_string(set, end, set->path, !set->error) ||
	    check_string(set, end, set->error, false) ||
	    check_string(set, end, set->note, false))
		return -EINVAL;
	if (set->error ? set->nr || set->fd != -1 : !set->nr)
		return -EINVAL;
	for (i = 0; i < set->nr; i++) {
		ret = check_target(set, end, &set->target[i]);
		if (ret)
			return ret;
	}
	return 0;
}

static struct file *get_file_of(int fd)
{
	struct file *file = fget(fd);

	if (!file)
		return ERR_PTR(-EBADF);
	if (S_ISREG(file_inode(file)->i_mode) && file->f_mode & FMODE_READ)
		return file;
	fput(file);
	return ERR_PTR(-EBADF);
}

static int add_set(struct ktap_targets_of *t, const struct ktap_target_set *set,
		   size_t room)
{
	struct file *file = NULL;
	int ret = check_set(set, room);

	if (ret)
		return ret;
	if (t->nr == KTAP_MAX_TARGET_SETS)
		return -E2BIG;
	if (!set->error) {
		file = get_file_of(set->fd);
		if (IS_ERR(file))
			return PTR_ERR(file);
	}
	t->e[t->nr].set = set;
	t->e[t->nr++].file = file;
	return 0;
}

static void targets_free(struct ktap_targets_of *t)
{
	unsigned int i;

	if (!t)
		return;
	for (i = 0; i < t->nr; i++)
		if (t->e[i].file)
			fput(t->e[i].file);
	kvfree(t->bytes);
	kfree(t);
}

/**
 * ktap_targets_set() - take what the tool has found out
 * @s: the session, which has an image and does not run yet
 * @from: address of the sets
 * @bytes: of all of them
 *
 * What there was of it before is replaced, if this is right.
 *
 * Return: 0, or what KTAP_IOC_TARGETS says.
 */
int ktap_targets_set(struct ktap_session *s, u64 from, u64 bytes)
{
	struct ktap_targets_of *t;
	size_t pos;
	int ret = 0;

	if (bytes > KTAP_MAX_TARGET_BYTES)
		return -E2BIG;
	t = kzalloc(struct_size(t, e, KTAP_MAX_TARGET_SETS), GFP_KERNEL_ACCOUNT);
	if (!t)
		return -ENOMEM;
	if (bytes) {
		t->bytes = kvmalloc(bytes, GFP_KERNEL_ACCOUNT);
		if (!t->bytes)
			ret = -ENOMEM;
		else if (copy_from_user(t->bytes, u64_to_user_ptr(from), bytes))
			ret = -EFAULT;
	}
	for (pos = 0; !ret && pos < bytes; pos += t->e[t->nr - 1].set->bytes) {
		ret = add_set(t, t->bytes + pos, bytes - pos);
		if (ret)
			break;
		cond_resched();
	}
	if (ret) {
		targets_free(t);
		return ret;
	}
	targets_free(s->targets);
	s->targets = t;
	return 0;
}

/**
 * ktap_targets_find() - find what the tool has found out about an event
 * @s: the session
 * @text: the event
 * @len: bytes of its text
 * @file: set to the file, of which the session keeps the reference, or NULL
 *
 * Return: the set, or NULL.
 */
const struct ktap_target_set *ktap_targets_find(const struct ktap_session *s,
						const char *text, size_t len,
						struct file **file)
{
	const struct ktap_targets_of *t = s->targets;
	unsigned int i;

	for (i = 0; t && i < t->nr; i++) {
		const struct ktap_target_set *set = t->e[i].set;
		const char *have = ktap_target_string(set, set->text);

		if (!strncmp(have, text, len) && !have[len]) {
			*file = t->e[i].file;
			return set;
		}
	}
	return NULL;
}

/**
 * ktap_targets_free() - forget what the tool has found out
 * @s: the session
 */
void ktap_targets_free(struct ktap_session *s)
{
	targets_free(s->targets);
	s->targets = NULL;
}
