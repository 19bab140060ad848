// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: the function tracer, ftrace:function.
 *
 *	item	= "ftrace:function" [ ":" pattern ]
 *	pattern	= a function of the kernel or of a module, or a glob of them
 *
 * All functions of the kernel that can be traced are one event, whose fields say
 * which function was called from where. With a pattern, only the functions that
 * match are hooked; the compiler makes one of a predicate that demands it.
 *
 * A function that a handler calls itself is dropped and counted, as it is for
 * all other events.
 *
 * Contexts: attaching, process context; the handlers run in any context, NMI
 * included, with preemption disabled.
 * Locks: those of the kernel's symbols, while they are looked at.
 */
#include <linux/ftrace.h>
#include <linux/glob.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/trace_event_tap.h>
#include <linux/trace_recursion.h>

#include "attach.h"

/**
 * struct ktap_ftrace - what a site has of the function tracer
 * @ops: the hook
 * @site: the site
 * @registered: it is on
 * @pattern: which functions, "" for all
 */
struct ktap_ftrace {
	struct ftrace_ops ops;
	struct ktap_site *site;
	bool registered;
	char pattern[];
};

static void ftrace_hit(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
		       struct ftrace_regs *fregs)
{
	const struct ktap_ftrace *f = container_of(ops, struct ktap_ftrace, ops);
	struct ktap_session *s = f->site->session;
	struct ktap_event ev __uninitialized;
	int bit;

	/* what is called here is not traced, or does not get beyond this */
	bit = ftrace_test_recursion_trylock(ip, parent_ip);
	if (bit < 0) {
		if (ktap_session_live(s))
			ktap_vm_lost(s->vm, KTAP_LOSS_PROBE, 1);
		return;
	}
	if (rcu_is_watching() && ktap_session_wants(s) && !ktap_session_is_self(s)) {
		ev.site = f->site;
		ev.rec = NULL;
		ev.len = 0;
		ev.args[0] = ip;
		ev.args[1] = parent_ip;
		ev.regs = ftrace_get_regs(fregs);
		ktap_event_deliver(f->site, &ev);
	}
	ftrace_test_recursion_unlock(bit);
}

static void ftrace_get_field(const struct ktap_site *site, unsigned int n,
			     struct trace_event_tap_field *field)
{
	static const char names[][10] = { "ip", "parent_ip" };

	field->name = names[n];
	field->type = "unsigned long";
	field->offset = n * sizeof(long);
	field->size = sizeof(long);
}

static int ftrace_field(struct ktap_exec *x, const struct ktap_event *ev, unsigned int n,
			struct ktap_val *out)
{
	ktap_set_int(out, (long)ev->args[n]);
	return 0;
}

static size_t ftrace_size(const struct ktap_event *ev)
{
	return 2 * sizeof(long);
}

static void ftrace_put(const struct ktap_event *ev, void *p)
{
	memcpy(p, ev->args, ftrace_size(ev));
}

static const char *ftrace_render(struct trace_event_tap_text *text,
				 const struct ktap_site *site, const void *data,
				 size_t len, size_t *text_len)
{
	unsigned long args[2];
	char caller[128];

	memcpy(args, data, sizeof(args));
	ktap_env_frame(site->session, args[1], caller, sizeof(caller));
	return trace_event_tap_text_printf(text, text_len, "%ps <- %s\n", (void *)args[0],
					   caller);
}

static unsigned int ftrace_stack(const struct ktap_event *ev, u64 *ip, unsigned int max)
{
	/* the function's frame: it has called the hook */
	struct ktap_own_frames own = { .next = ev->args[0] + MCOUNT_INSN_SIZE };

	return ev->regs ? ktap_stack_save_regs(ev->regs, true, ip, max) :
			  ktap_stack_save(&own, ip, max);
}

static int ftrace_get(struct ktap_exec *x, const struct ktap_event *ev,
		      enum ktap_event_has what, struct ktap_val *out)
{
	char name[KSYM_SYMBOL_LEN];
	int len;

	if (what != KTAP_HAS_FUNC)
		return 1;
	len = snprintf(name, sizeof(name), "%ps", (void *)ev->args[0]);
	return ktap_set_str(x, out, name, min_t(size_t, len, strcspn(name, " ")));
}

/*
 * Attaching
 */

/**
 * struct hooks - the functions to trace
 * @pattern: a name or a glob
 * @nr: how many match
 * @max: room in @ips
 * @ips: their addresses, as the function tracer knows them
 */
struct hooks {
	const char *pattern;
	unsigned int nr;
	unsigned int max;
	unsigned long *ips;
};

static int collect(void *data, const char *name, unsigned long addr)
{
	struct hooks *h = data;
	unsigned long ip;

	if (!glob_match(h->pattern, name))
		return 0;
	ip = trace_event_tap_hook(addr);
	if (!ip)
		return 0;
	if (ktap_attach_room(&h->ips, h->nr, &h->max, sizeof(*h->ips)))
		return -ENOMEM;
	h->ips[h->nr++] = ip;
	return 0;
}

static int cmp_ip(const void *a, const void *b)
{
	const unsigned long *l = a, *r = b;

	return *l < *r ? -1 : *l > *r;
}

/* Only the functions that match are hooked; @nr is set to how many they are */
static int set_filter(struct ktap_attach *a, struct ktap_ftrace *f, unsigned int *nr)
{
	struct hooks h = { .pattern = f->pattern };
	unsigned int i, n = 0;
	int ret;

	ret = trace_event_tap_symbols(NULL, collect, &h);
	if (!ret && !h.nr)
		ret = -ENOENT;
	if (!ret) {
		/* a function may have several names */
		sort(h.ips, h.nr, sizeof(*h.ips), cmp_ip, NULL);
		for (i = 0; i < h.nr; i++)
			if (!n || h.ips[n - 1] != h.ips[i])
				h.ips[n++] = h.ips[i];
		ktap_attach_many(a, n);
		ret = ftrace_set_filter_ips(&f->ops, h.ips, n, 0, 1);
		*nr = n;
	}
	kvfree(h.ips);
	return ret;
}

static int ftrace_attach(struct ktap_site *site)
{
	struct ktap_ftrace *f = site->ftrace;
	int ret;

	f->ops.func = ftrace_hit;
	/* where a function begins, frame pointers do not lead to its caller */
	if (ktap_vm_uses(site->session->vm, KTAP_BI_STACK))
		f->ops.flags = FTRACE_OPS_FL_SAVE_REGS_IF_SUPPORTED;
	ret = register_ftrace_function(&f->ops);
	f->registered = !ret;
	return ret;
}

static void ftrace_free(struct ktap_site *site)
{
	struct ktap_ftrace *f = site->ftrace;

	if (f)
		ftrace_free_filter(&f->ops);
	kfree(f);
}

static const struct ktap_event_ops ktap_ftrace_ops = {
	.attach	= ftrace_attach,
	.free	= ftrace_free,
	.field	= ftrace_field,
	.size	= ftrace_size,
	.put	= ftrace_put,
	.render	= ftrace_render,
	.stack	= ftrace_stack,
	.get	= ftrace_get,
};

/* The site of a pattern, or an error pointer */
static struct ktap_site *site_get(struct ktap_attach *a, const char *pattern)
{
	struct ktap_session *s = a->session;
	struct hlist_head *bucket = ktap_site_bucket(s, pattern);
	size_t len = strlen(pattern) + 1;
	struct ktap_site *site;
	unsigned int nr = 1;
	struct ktap_ftrace *f;
	int ret = -ENOMEM;

	hlist_for_each_entry(site, bucket, hash)
		if (site->ops == &ktap_ftrace_ops && !strcmp(site->ftrace->pattern, pattern))
			return site;
	site = ktap_site_new(s, &ktap_ftrace_ops);
	if (!site)
		return ERR_PTR(-ENOMEM);
	site->name = "function";
	site->system = "ftrace";
	f = kzalloc(struct_size(f, pattern, len), GFP_KERNEL_ACCOUNT);
	if (!f)
		goto fail;
	site->ftrace = f;
	f->site = site;
	memcpy(f->pattern, pattern, len);
	ret = ktap_site_set_fields(site, 2, 0, ftrace_get_field);
	if (!ret && *pattern)
		ret = set_filter(a, f, &nr);
	if (!ret)
		ret = site->ops->attach(site);
	if (ret)
		goto fail;
	s->nr_events += nr;
	hlist_add_head(&site->hash, bucket);
	return site;
fail:
	ktap_site_free(site);
	return ERR_PTR(ret);
}

/**
 * ktap_attach_ftrace() - attach a handler to the function tracer
 * @a: the item
 *
 * Return: 0, or what ktap_error() returned.
 */
int ktap_attach_ftrace(struct ktap_attach *a)
{
	const char *pattern = a->item + strlen("ftrace:");
	size_t n = str_has_prefix(pattern, "function");
	struct ktap_site *site;

	pattern += n;
	if (!n || (*pattern && (*pattern != ':' || !pattern[1])))
		return ktap_error(a->x, "\"%s\": %s", a->item,
				  "this is ftrace:function, or ftrace:function:PATTERN");
	site = site_get(a, *pattern ? pattern + 1 : "");
	if (!IS_ERR(site))
		return ktap_attach_site(a, site, true);
	if (PTR_ERR(site) == -ENOENT)
		return ktap_error(a->x, "no function that can be traced matches \"%s\"",
				  pattern + 1);
	return ktap_attach_failed(a, a->item, PTR_ERR(site));
}

/**
 * ktap_ftraces_detach() - take all hooks off
 * @s: the session
 *
 * When this returns none of their handlers runs.
 */
void ktap_ftraces_detach(struct ktap_session *s)
{
	struct ktap_site *site;

	list_for_each_entry(site, &s->sites, list) {
		if (site->ops != &ktap_ftrace_ops || !site->ftrace->registered)
			continue;
		unregister_ftrace_function(&site->ftrace->ops);
		site->ftrace->registered = false;
	}
}
