// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: probes of programs: of instructions, of returns of functions, SDT.
 *
 * A place in a file has one consumer of the kernel's uprobes, and all places of
 * an event have one site. The handlers run straight from the probe, without a
 * record. Which places there are is found out in attach_uprobe.c.
 *
 * The kernel puts the breakpoints into every process that has the file mapped,
 * also if the session traces only some: whether an address space has a thread
 * that is traced changes with each fork, and the kernel asks that when it maps
 * and unmaps, so that no answer would be right for long. The handlers look at the
 * session first, and do nothing for others.
 *
 * A file that is replaced by another of its name is still traced where it is
 * mapped, for it is kept; the new one is not.
 *
 * A return that the kernel cannot wait for, because too many calls are under
 * way in the thread, is counted. A program that leaves functions without a
 * return (longjmp, exceptions, exec, exit) has none there. A return is delivered
 * whenever its function was entered; what it knows of that is kept in ucall.c.
 *
 * There is no stack of the kernel at a place in a program, only that of the
 * program: stack() has no frames, ustack() has.
 *
 * Contexts: the handlers run in the process that hits a probe, in process
 * context, which they look at with preemption disabled. The rest, process
 * context.
 * Locks: none of its own.
 */
#include <linux/bitops.h>
#include <linux/compat.h>
#include <linux/ctype.h>
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/preempt.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/trace_event_tap.h>

#include "ev_uprobe.h"
#include "regs.h"

/* What a probe of an instruction has of arguments */
#if defined(CONFIG_X86) || defined(CONFIG_HAVE_FUNCTION_ARG_ACCESS_API)
#define NR_ARGS			6
#else
#define NR_ARGS			0
#endif

/* struct ktap_event.elapsed: the entry was not seen */
#define NO_ELAPSED		U64_MAX

/*
 * The handlers
 */

static __always_inline bool uprobe_wants(const struct ktap_session *s)
{
	return ktap_session_wants(s) && task_tgid_nr(current) != s->self;
}

static __always_inline void uprobe_deliver(struct ktap_uplace *place, struct pt_regs *regs,
					   unsigned long ip, unsigned long ret_ip,
					   const struct ktap_ucall *call)
{
	struct ktap_uprobe *p = place->owner;
	struct ktap_event ev __uninitialized;

	preempt_disable_notrace();
	if (uprobe_wants(p->site->session)) {
		ev.site = p->site;
		ev.rec = NULL;
		ev.len = 0;
		ev.args[0] = ip;
		ev.args[1] = ret_ip;
		ev.args[2] = regs_return_value(regs);
		ev.args[3] = place - p->places;
		ev.regs = regs;
		ev.elapsed = call ? ktime_get_mono_fast_ns() - call->then : NO_ELAPSED;
		ev.entry = call && call->has_args ? call->args : NULL;
		ktap_event_deliver(p->site, &ev);
	}
	preempt_enable_notrace();
}

static int uprobe_hit(struct uprobe_consumer *consumer, struct pt_regs *regs)
{
	struct ktap_uplace *place = container_of(consumer, struct ktap_uplace, consumer);

	uprobe_deliver(place, regs, instruction_pointer(regs), 0, NULL);
	return 0;
}

/* Of a return, the CPU is that where it returns. */
static bool uprobe_wants_return(const struct ktap_session *s)
{
	bool wants;

	preempt_disable_notrace();
	wants = ktap_session_live(s) && ktap_session_wants_task(s) &&
		task_tgid_nr(current) != s->self;
	preempt_enable_notrace();
	return wants;
}

/* The kernel says nothing when a return will not come: it is about to decide so */
static int uretprobe_entry(struct uprobe_consumer *consumer, struct pt_regs *regs)
{
	struct ktap_uplace *place = container_of(consumer, struct ktap_uplace, consumer);
	struct ktap_session *s = place->owner->site->session;
	bool waits = current->utask->depth < MAX_URETPROBE_DEPTH;

	if (likely(waits && !s->ucalls))
		return 0;
	if (!uprobe_wants_return(s))
		return 0;
	if (waits)
		ktap_ucall_enter(s->ucalls, place, regs);
	else
		ktap_vm_lost(s->vm, KTAP_LOSS_PROBE, 1);
	return 0;
}

static int uretprobe_return(struct uprobe_consumer *consumer, unsigned long func,
			    struct pt_regs *regs)
{
	struct ktap_uplace *place = container_of(consumer, struct ktap_uplace, consumer);
	struct ktap_session *s = place->owner->site->session;
	struct ktap_ucall call __uninitialized;
	int error = -ENOENT;

	if (s->ucalls && uprobe_wants_return(s)) {
		error = ktap_ucall_leave(s->ucalls, place, regs, &call);
		if (error == -ENOBUFS)
			ktap_vm_lost(s->vm, KTAP_LOSS_ENTRY, 1);
	}
	uprobe_deliver(place, regs, func, instruction_pointer(regs), error ? NULL : &call);
	return 0;
}

/*
 * Registration
 */

/**
 * ktap_uprobe_register() - register a place
 * @place: the place, whose owner has its file
 *
 * Return: 0, or a negative error.
 */
int ktap_uprobe_register(struct ktap_uplace *place)
{
	struct ktap_uprobe *p = place->owner;
	struct uprobe *uprobe;

	if (p->ret) {
		place->consumer.handler = uretprobe_entry;
		place->consumer.ret_handler = uretprobe_return;
	} else {
		place->consumer.handler = uprobe_hit;
	}
	uprobe = uprobe_register(d_real_inode(p->file->f_path.dentry), place->target->offset,
				 place->target->ref_ctr, &place->consumer);
	if (IS_ERR(uprobe))
		return PTR_ERR(uprobe);
	place->uprobe = uprobe;
	return 0;
}

/* Without waiting for handlers that still run. Returns whether there were any. */
static bool uprobe_unregister(struct ktap_uprobe *p)
{
	bool any = false;
	unsigned int i;

	for (i = 0; i < p->nr; i++) {
		struct ktap_uplace *place = &p->places[i];

		if (!place->uprobe)
			continue;
		uprobe_unregister_nosync(place->uprobe, &place->consumer);
		place->uprobe = NULL;
		any = true;
		cond_resched();
	}
	return any;
}

/**
 * ktap_uprobes_detach() - take all probes of programs off
 * @s: the session
 *
 * When this returns none of their handlers runs. It waits for that once.
 */
void ktap_uprobes_detach(struct ktap_session *s)
{
	struct ktap_site *site;
	bool any = false;

	list_for_each_entry(site, &s->sites, list)
		if (site->ops == &ktap_uprobe_ops)
			any |= uprobe_unregister(site->uprobe);
	if (any)
		uprobe_unregister_sync();
}

static void uprobe_free(struct ktap_site *site)
{
	struct ktap_uprobe *p = site->uprobe;

	if (!p)
		return;
	/* those of one that could not be attached as a whole */
	if (uprobe_unregister(p))
		uprobe_unregister_sync();
	if (p->file)
		fput(p->file);
	kvfree(p->places);
	kvfree(p->args);
	kfree(p->key);
	kfree(p);
}

/*
 * What handlers see
 */

static void uprobe_get_field(const struct ktap_site *site, unsigned int n,
			     struct trace_event_tap_field *field)
{
	static const char entry[1 + KTAP_MAX_TARGET_ARGS][6] = {
		"ip", "arg1", "arg2", "arg3", "arg4", "arg5", "arg6", "arg7", "arg8",
		"arg9", "arg10", "arg11", "arg12",
	};
	static const char ret[3][8] = { "ip", "ret_ip", "retval" };

	*field = (struct trace_event_tap_field){
		.name = site->uprobe->ret ? ret[n] : entry[n],
		.type = "unsigned long",
		.offset = n * sizeof(long),
		.size = sizeof(long),
	};
}

/**
 * ktap_uprobe_set_fields() - give a new site its fields
 * @p: its probe
 * @nargs: how many arguments it has (SDT)
 *
 * Return: 0 or a negative error.
 */
int ktap_uprobe_set_fields(struct ktap_uprobe *p, unsigned int nargs)
{
	return ktap_site_set_fields(p->site, p->ret ? 3 : 1 + (p->sdt ? nargs : NR_ARGS), 0,
				    uprobe_get_field);
}

/* Programs of 32 bits that the kernel of 64 runs */
static bool is_32bit(const struct pt_regs *regs)
{
#ifdef CONFIG_X86_64
	return !user_64bit_mode((struct pt_regs *)regs);
#else
	return IS_ENABLED(CONFIG_64BIT) && is_compat_task();
#endif
}

static int read_user(struct ktap_exec *x, u64 addr, unsigned int size, struct ktap_val *out)
{
	union {
		u8 b;
		u16 w;
		u32 l;
		u64 q;
	} v;

	if (ktap_env_read(x, true, &v, addr, size)) {
		ktap_vm_lost(ktap_exec_vm(x), KTAP_LOSS_FAULT, 1);
		ktap_set_nil(out);
		return 0;
	}
	ktap_set_int(out, size == 1 ? v.b : size == 2 ? v.w : size == 4 ? v.l : v.q);
	return 0;
}

/* By the ABI of functions, as if the place were the begin of one */
static int function_arg(struct ktap_exec *x, struct pt_regs *regs, unsigned int n,
			struct ktap_val *out)
{
#ifdef CONFIG_X86
	/* on the stack, after the return address */
	if (!user_64bit_mode(regs))
		return read_user(x, (u32)regs->sp + 4 * (n + 1), 4, out);
#endif
#if NR_ARGS && !defined(CONFIG_X86_32)
	ktap_set_int(out, (long)regs_get_kernel_argument(regs, n));
#endif
	return 0;
}

static u64 reg(struct pt_regs *regs, int offset)
{
#ifdef CONFIG_HAVE_REGS_AND_STACK_ACCESS_API
	if (offset >= 0)
		return regs_get_register(regs, offset);
#endif
	return 0;
}

static int sdt_arg(struct ktap_exec *x, const struct ktap_event *ev, unsigned int n,
		   struct ktap_val *out)
{
	const struct ktap_uplace *place = &ev->site->uprobe->places[ev->args[3]];
	const struct ktap_uarg *arg = &place->args[n];
	u64 v;

	ktap_set_nil(out);
	/* others of the event have more */
	if (n >= place->target->nargs || arg->kind == KTAP_TARGET_NONE)
		return 0;
	v = arg->disp + reg(ev->regs, arg->base) + reg(ev->regs, arg->index) * arg->scale;
	if (arg->kind == KTAP_TARGET_MEM) {
		read_user(x, is_32bit(ev->regs) ? (u32)v : v, abs(arg->size), out);
		if (out->type == KTAP_NIL)
			return 0;
		v = out->i;
	}
	n = BITS_PER_BYTE * abs(arg->size) - 1;
	ktap_set_int(out, arg->size < 0 ? sign_extend64(v, n) : v & GENMASK_ULL(n, 0));
	return 0;
}

static int uprobe_field(struct ktap_exec *x, const struct ktap_event *ev, unsigned int n,
			struct ktap_val *out)
{
	const struct ktap_uprobe *p = ev->site->uprobe;

	if (p->ret || !n) {
		ktap_set_int(out, (long)ev->args[n]);
		return 0;
	}
	return p->sdt ? sdt_arg(x, ev, n - 1, out) : function_arg(x, ev->regs, n - 1, out);
}

/* Where it is, where it returns to, the result, and the number of the place */
static size_t uprobe_size(const struct ktap_event *ev)
{
	return 4 * sizeof(long);
}

static void uprobe_put(const struct ktap_event *ev, void *p)
{
	memcpy(p, ev->args, uprobe_size(ev));
}

/* The event's name: ret_NAME, PROVIDER:NAME, NAME */
static void name_parts(const struct ktap_uprobe *p, unsigned int n, const char *part[3])
{
	const struct ktap_target *t = p->places[n].target;

	part[0] = p->ret ? "ret_" : ktap_target_string(p->set, t->provider) ?: "";
	part[1] = !p->ret && *part[0] ? ":" : "";
	part[2] = p->name ?: ktap_target_string(p->set, t->name);
}

/* As the kernel's own events of probes */
static const char *uprobe_render(struct trace_event_tap_text *text,
				 const struct ktap_site *site, const void *data,
				 size_t len, size_t *text_len)
{
	unsigned long args[4];
	const char *part[3];

	memcpy(args, data, sizeof(args));
	name_parts(site->uprobe, args[3], part);
	if (!site->uprobe->ret)
		return trace_event_tap_text_printf(text, text_len, "%s%s%s: (0x%lx)\n", part[0],
						   part[1], part[2], args[0]);
	return trace_event_tap_text_printf(text, text_len, "%s%s: (0x%lx <- 0x%lx) ret=%ld\n",
					   part[0], part[2], args[1], args[0], args[2]);
}

static int uprobe_name(struct ktap_exec *x, const struct ktap_event *ev, struct ktap_val *out)
{
	struct ktap_str *s;
	const char *part[3];
	size_t len;

	name_parts(ev->site->uprobe, ev->args[3], part);
	len = strlen(part[0]) + strlen(part[1]) + strlen(part[2]);
	if (len > KTAP_MAX_STR) {
		len = KTAP_MAX_STR;
		ktap_vm_lost(ktap_exec_vm(x), KTAP_LOSS_STRING, 1);
	}
	s = ktap_str_alloc(x, len);
	if (!s)
		return -EIO;
	/* there is room for a NUL after the string */
	snprintf(s->data, len + 1, "%s%s%s", part[0], part[1], part[2]);
	*out = (struct ktap_val){ .s = s, .type = KTAP_STR };
	return 0;
}

static int uprobe_get(struct ktap_exec *x, const struct ktap_event *ev,
		      enum ktap_event_has what, struct ktap_val *out)
{
	const struct ktap_uprobe *p = ev->site->uprobe;
	const char *func;

	switch (what) {
	case KTAP_HAS_NAME:
		return uprobe_name(x, ev, out);
	case KTAP_HAS_FUNC:
		func = ktap_target_string(p->set, p->places[ev->args[3]].target->name);
		if (!func)
			return 1;
		return ktap_set_str(x, out, func, strlen(func));
	case KTAP_HAS_REGSTR:
		return ktap_regs_text(x, ev->regs, out);
	case KTAP_HAS_RETVAL:
		if (!p->ret)
			return 1;
		ktap_set_int(out, (long)ev->args[2]);
		return 0;
	case KTAP_HAS_ELAPSED:
		if (!p->ret || ev->elapsed == NO_ELAPSED)
			return 1;
		ktap_set_int(out, ev->elapsed);
		return 0;
	}
	return 1;
}

static int uprobe_entry(struct ktap_exec *x, const struct ktap_event *ev,
			const struct ktap_str *name, struct ktap_val *out)
{
	int n;

	if (!ev->site->uprobe->ret)
		return 1;
	n = ktap_entry_arg(name, KTAP_UCALL_ARGS);
	if (n < 0)
		return n;
	if (!ev->entry)
		return 1;
	ktap_set_int(out, (long)ev->entry[n]);
	return 0;
}

/* Of an offset in the file it is not known what is there. */
static bool uprobe_user_entry(const struct ktap_event *ev)
{
	const struct ktap_uprobe *p = ev->site->uprobe;
	const char *place = strrchr(p->key, ':');

	return !p->ret && !p->sdt && !p->places[ev->args[3]].target->start && place &&
	       !isdigit(place[1]);
}

const struct ktap_event_ops ktap_uprobe_ops = {
	.free		= uprobe_free,
	.field		= uprobe_field,
	.size		= uprobe_size,
	.put		= uprobe_put,
	.render		= uprobe_render,
	.get		= uprobe_get,
	.user_entry	= uprobe_user_entry,
	.entry		= uprobe_entry,
};
