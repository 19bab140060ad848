// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: the names of probes of the kernel's functions.
 *
 *	item	 = kind ":" place [ return ] { definition }
 *	kind	 = "probe" | "kprobe" | "kprobes" | "k" | "kretprobe" | "kretprobes"
 *	place	 = [ MODULE ":" ] FUNCTION [ "+" OFFSET ]
 *		 | [ MODULE ":" ] GLOB		MODULE may be a glob as well
 *		 | ADDRESS
 *	return	 = "%return" | "!"
 *
 * A definition is what kprobe_events calls a fetch argument, see attach_dynamic.c.
 *
 * One function that cannot be probed is an error that says why. Of a glob, those
 * that cannot are left out, and a note says so.
 *
 * Contexts: process context, in the main chunk.
 * Locks: those of the kernel's symbols, while they are looked at.
 */
#include <linux/ctype.h>
#include <linux/glob.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/trace_event_tap.h>

#include "ev_dynamic.h"
#include "ev_kprobe.h"

/* Of a function that is probed at its start, an architecture may skip that much. */
#define MAX_ENTRY		16

/**
 * struct place - what an item says
 * @a: the item
 * @text: the place without kind and return
 * @symbol: the function, or the glob, without its module and the offset
 * @module: the module, or NULL
 * @offset: from the function's start
 * @addr: the address, or 0 if it is a function
 * @ret: its return
 * @keep_args: the handler asks for what the entry had
 * @defs: fetch definitions, or NULL
 */
struct place {
	struct ktap_attach *a;
	char *text;
	char *symbol;
	char *module;
	unsigned long offset;
	unsigned long addr;
	bool ret;
	bool keep_args;
	const char *defs;
};

static size_t kind(const char *item, bool *ret)
{
	size_t n;

	n = str_has_prefix(item, "kretprobe:") ?: str_has_prefix(item, "kretprobes:");
	*ret = n;
	return n ?: str_has_prefix(item, "probe:") ?: str_has_prefix(item, "kprobe:") ?:
	       str_has_prefix(item, "kprobes:") ?: str_has_prefix(item, "k:");
}

/**
 * ktap_is_kprobe() - whether an item is a probe of a function of the kernel
 * @item: the item
 *
 * Return: whether it is, or looks like one.
 */
bool ktap_is_kprobe(const char *item)
{
	bool ret;

	return kind(item, &ret);
}

static bool has_wildcard(const char *s)
{
	return s[strcspn(s, "*?[")];
}

/* Takes the item apart; @p->text is a copy that it may write to */
static int parse(struct place *p)
{
	struct ktap_attach *a = p->a;
	const char *item = a->item;
	char *s = p->text;
	size_t len;

	if (strstr(s, " /"))
		return ktap_error(a->x, "\"%s\": a predicate stands behind: trace (EVENT) /P/ { }",
				  item);
	len = strcspn(s, " \t");
	if (s[len]) {
		s[len] = '\0';
		p->defs = skip_spaces(s + len + 1);
	}
	if (strchr(s, '/'))
		return ktap_error(a->x, "\"%s\": %s", item, IS_ENABLED(CONFIG_UPROBES) ?
				  "a function of a program is u:/PATH:FUNCTION" :
				  "this kernel has no probes of programs (CONFIG_UPROBES)");
	len = strlen(s);
	if (len && s[len - 1] == '!') {
		s[len - 1] = '\0';
		p->ret = true;
	} else if (len >= 7 && !strcmp(s + len - 7, "%return")) {
		s[len - 7] = '\0';
		p->ret = true;
	}
	if (strchr(s, '%') || (strchr(s, '!') && !strchr(s, '[')))
		return ktap_error(a->x, "\"%s\": a return is %%return or !", item);
	if (!*s)
		return ktap_error(a->x, "\"%s\" does not name a function", item);
	return 0;
}

/* The rest of it, where @p->text is kept for the name */
static int parse_symbol(struct place *p, char *s)
{
	struct ktap_attach *a = p->a;
	char *plus;

	p->symbol = strchr(s, ':');
	if (p->symbol) {
		*p->symbol++ = '\0';
		p->module = s;
	} else {
		p->symbol = s;
	}
	plus = strchr(p->symbol, '+');
	if (plus) {
		*plus++ = '\0';
		if (kstrtoul(plus, 0, &p->offset) || p->offset > INT_MAX)
			return ktap_error(a->x, "\"%s\": %s", a->item,
					  "an offset is a number, as in vfs_read+0x10");
	}
	if (isdigit(*p->symbol) &&
	    (p->module || plus || kstrtoul(p->symbol, 0, &p->addr) || !p->addr))
		return ktap_error(a->x, "\"%s\": %s", a->item,
				  "an address is a number, as in 0xffffffff81234567");
	if (p->ret && (p->offset || p->addr))
		return ktap_error(a->x, "\"%s\": %s", a->item,
				  "only a whole function returns; leave the offset out");
	if (!*p->symbol || (p->module && !*p->module) ||
	    strchr(p->symbol, ':'))
		return ktap_error(a->x, "\"%s\" does not name a function; %s", a->item,
				  "one of a module is MODULE:FUNCTION");
	return 0;
}

/*
 * Sites
 */

/* One that the script has named so before */
static struct ktap_site *site_find(struct ktap_session *s, const struct place *p)
{
	struct ktap_site *site;

	hlist_for_each_entry(site, ktap_site_bucket(s, p->text), hash)
		if (site->ops == &ktap_kprobe_ops && site->kprobe->ret == p->ret &&
		    site->kprobe->keep_args == p->keep_args &&
		    !strcmp(site->kprobe->key, p->text))
			return site;
	return NULL;
}

static struct ktap_site *site_create(struct ktap_session *s, const struct place *place)
{
	struct ktap_site *site = ktap_site_new(s, &ktap_kprobe_ops);
	struct ktap_kprobe *p;

	if (!site)
		return NULL;
	p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	if (!p)
		goto fail;
	site->kprobe = p;
	p->site = site;
	p->ret = place->ret;
	p->keep_args = place->keep_args;
	p->keep_time = ktap_names_has(place->a->session, "elapsed");
	p->inject = -ENOENT;
	p->key = kstrdup(place->text, GFP_KERNEL_ACCOUNT);
	if (!p->key || ktap_kprobe_set_fields(p))
		goto fail;
	site->name = p->key;
	hlist_add_head(&site->hash, ktap_site_bucket(s, p->key));
	return site;
fail:
	ktap_site_free(site);
	return NULL;
}

static int set_func(struct ktap_kfunc *f, unsigned long hook, unsigned long addr,
		    const char *name, const char *func, bool ret)
{
	f->hook = hook;
	f->addr = addr;
	f->name = kasprintf(GFP_KERNEL_ACCOUNT, "%s%s", ret ? "ret_" : "", name);
	f->func = kstrdup(func, GFP_KERNEL_ACCOUNT);
	if (f->name && f->func)
		return 0;
	kfree(f->name);
	kfree(f->func);
	return -ENOMEM;
}

/*
 * One function
 */

static int nearest_symbol(void *data, const char *name, unsigned long addr)
{
	struct ktap_nearest *near = data;
	size_t want = strlen(near->want), have = strlen(name);

	/* there are a hundred thousand of them: most are of another length */
	if (max(want, have) - min(want, have) <= want / 3 + 1 && trace_event_tap_hook(addr))
		ktap_nearest_add(near, name);
	return 0;
}

static int no_such_function(const struct place *p)
{
	struct ktap_attach *a = p->a;
	struct ktap_nearest *near;
	char buf[KTAP_NEAREST_TEXT] = "";
	struct ktap_log log = { .buf = buf, .size = sizeof(buf) };

	near = kzalloc(sizeof(*near), GFP_KERNEL);
	if (near) {
		near->want = p->symbol;
		trace_event_tap_symbols(p->module, nearest_symbol, near);
		ktap_nearest_text(near, &log);
		kfree(near);
	}
	if (p->module)
		return ktap_error(a->x, "module \"%s\" has no function \"%s\", or is not loaded%s",
				  p->module, p->symbol, buf);
	return ktap_error(a->x, "the kernel has no function \"%s\" (or it is inlined everywhere)%s",
			  p->symbol, buf);
}

/* Why there is no probe at an address, or NULL */
static const char *why_not(unsigned long addr)
{
	if (IS_MODULE(CONFIG_KTAP) && within_module(addr, THIS_MODULE))
		return "it is a function of ktap itself";
	switch (trace_event_tap_place(addr)) {
	case TRACE_EVENT_TAP_NOTRACE:
		return "it is not traceable: tracing itself may use it";
	case TRACE_EVENT_TAP_BLACKLIST:
		return "probes themselves need it, see /sys/kernel/debug/kprobes/blacklist";
	case TRACE_EVENT_TAP_INIT:
		return "it is there only while the kernel starts";
	case TRACE_EVENT_TAP_NO_CODE:
		return "that is not code of the kernel";
	case TRACE_EVENT_TAP_CODE:
		break;
	}
	return NULL;
}

static int refused(const struct place *p, unsigned long addr, int error)
{
	struct ktap_attach *a = p->a;
	const char *why = NULL;

	switch (error) {
	case -ENOENT:
		if (!addr)
			return no_such_function(p);
		why = why_not(addr) ?: "it was there only while the module was loaded";
		break;
	case -EILSEQ:
		why = "that is in the middle of an instruction; see a disassembly";
		break;
	case -ENOMEM:
		return ktap_error(a->x, "no memory to trace \"%s\"", a->item);
	case -EOPNOTSUPP:
		why = p->ret ? "this kernel has no probes of returns (CONFIG_KRETPROBES)" :
			       "this kernel does not support it there";
		break;
	case -EINVAL:
		why = addr ? why_not(addr) : NULL;
		if (!why)
			why = "the kernel does not let anybody probe this instruction";
		break;
	}
	if (why)
		return ktap_error(a->x, "cannot probe \"%s\": %s", a->item, why);
	return ktap_error(a->x, "cannot probe \"%s\": error %d", a->item, -error);
}

/* An offset beyond the end would be in some other function */
static bool beyond(const struct place *p, unsigned long addr)
{
	struct trace_event_tap_code code;

	if (p->addr)
		return false;
	trace_event_tap_code((void *)addr, &code);
	return code.start != code.end &&
	       (addr - code.start < p->offset || addr - code.start > p->offset + MAX_ENTRY);
}

/* The name of the function at an address, without its module and offset */
static void func_at(unsigned long addr, char buf[KSYM_SYMBOL_LEN])
{
	sprint_symbol_no_offset(buf, addr);
	buf[strcspn(buf, " ")] = '\0';
}

/* A probe with definitions, which the kernel itself takes apart */
#ifdef CONFIG_KPROBE_EVENTS
static int attach_defined(struct place *p, const struct ktap_kprobe *probe)
{
	struct ktap_dyn_place place = {
		.where = p->text,
		.name = p->text,
		.func = probe->funcs->func,
		.addr = probe->entry || p->ret ? probe->funcs->addr : 0,
	};
	struct ktap_dynamic d = {
		.key = p->text,
		.defs = p->defs,
		.ret = p->ret,
		.exact = true,
		.nr = 1,
		.places = &place,
	};

	return ktap_attach_dynamic(p->a, &d);
}
#else
static int attach_defined(struct place *p, const struct ktap_kprobe *probe)
{
	return ktap_error(p->a->x, "\"%s\": definitions need CONFIG_KPROBE_EVENTS", p->a->item);
}
#endif

static const char beyond_end[] = "that is beyond the function's end";

static int attach_one(struct place *p, const char *symbol)
{
	struct ktap_attach *a = p->a;
	struct ktap_session *s = a->session;
	struct ktap_site *site = p->defs ? NULL : site_find(s, p);
	char func[KSYM_SYMBOL_LEN];
	struct ktap_kprobe *probe;
	struct trace_event_tap_code code;
	const char *why = NULL;
	struct kprobe *kp;
	unsigned long addr;
	int ret;

	if (site)
		return ktap_attach_site(a, site, true);
	site = site_create(s, p);
	if (!site)
		return ktap_error(a->x, "no memory to trace \"%s\"", a->item);
	probe = site->kprobe;
	kp = p->ret ? &probe->rp.kp : &probe->kp;
	if (p->addr) {
		kp->addr = (void *)p->addr;
	} else {
		kp->symbol_name = symbol;
		kp->offset = p->offset;
	}
	ret = site->ops->attach(site);
	addr = ktap_kprobe_addr(probe);
	/* that was for the registration, and is of the caller */
	kp->symbol_name = NULL;
	if (ret) {
		if ((ret == -EINVAL || ret == -EILSEQ) && addr && beyond(p, addr))
			ret = ktap_error(a->x, "cannot probe \"%s\": %s", a->item, beyond_end);
		else
			ret = refused(p, addr, ret);
		ktap_site_free(site);
		return ret;
	}

	if (beyond(p, addr))
		why = beyond_end;
	else
		why = why_not(addr);
	if (why) {
		ret = ktap_error(a->x, "cannot probe \"%s\": %s", a->item, why);
		goto drop;
	}
	func_at(addr, func);
	/* where the architecture has put the probe is not what the script means */
	probe->entry = !p->addr && !p->offset;
	if (probe->entry) {
		trace_event_tap_code((void *)addr, &code);
		if (code.start != code.end)
			addr = code.start;
	}
	probe->funcs = kvzalloc(sizeof(*probe->funcs), GFP_KERNEL_ACCOUNT);
	if (!probe->funcs || set_func(probe->funcs, 0, addr, p->text,
				      p->addr ? func : p->symbol, p->ret)) {
		ret = ktap_error(a->x, "no memory to trace \"%s\"", a->item);
		goto drop;
	}
	probe->nr = 1;
	if (p->defs) {
		/* all that may be wrong with the place has been found out by now */
		ret = attach_defined(p, probe);
		goto drop;
	}
	if (s->write && (probe->entry || p->ret))
		probe->inject = trace_event_tap_error_type(addr);
	site->name = probe->funcs->name;
	ret = ktap_kprobe_enable(probe);
	if (ret) {
		ret = refused(p, addr, ret);
		goto drop;
	}
	s->nr_events++;
	return ktap_attach_site(a, site, true);

drop:
	ktap_kprobe_drop(probe);
	ktap_site_free(site);
	return ret;
}

/*
 * Globs
 */

/**
 * struct glob - the functions that a glob matches
 * @pattern: the glob
 * @ret: of their returns
 * @limit: how many there may be
 * @nr: how many
 * @max: room in @funcs
 * @funcs: them
 * @refused: those that cannot be probed
 */
struct glob {
	const char *pattern;
	bool ret;
	unsigned int limit;
	unsigned int nr;
	unsigned int max;
	struct ktap_kfunc *funcs;
	struct ktap_refused refused;
};

static int collect(void *data, const char *name, unsigned long addr)
{
	struct glob *g = data;
	unsigned long hook;

	if (!glob_match(g->pattern, name))
		return 0;
	hook = trace_event_tap_hook(addr);
	if (!hook) {
		switch (trace_event_tap_place(addr)) {
		case TRACE_EVENT_TAP_NO_CODE:
		case TRACE_EVENT_TAP_INIT:
			break;
		default:
			ktap_refused_add(&g->refused, name, NULL);
		}
		return 0;
	}
	/* without fprobes a return is a kretprobe, which not all functions can have */
	if (g->ret && !IS_ENABLED(CONFIG_FPROBE) &&
	    trace_event_tap_place(addr) != TRACE_EVENT_TAP_CODE) {
		ktap_refused_add(&g->refused, name, NULL);
		return 0;
	}
	if (g->nr == g->limit)
		return -E2BIG;
	if (ktap_attach_room(&g->funcs, g->nr, &g->max, sizeof(*g->funcs)) ||
	    set_func(&g->funcs[g->nr], hook, addr, name, name, g->ret))
		return -ENOMEM;
	g->nr++;
	return 0;
}

static void free_func(struct ktap_kfunc *f)
{
	kfree(f->name);
	kfree(f->func);
}

static int cmp_hook(const void *a, const void *b)
{
	const struct ktap_kfunc *l = a, *r = b;

	return l->hook < r->hook ? -1 : l->hook > r->hook;
}

/* A function may have several names: one of them is enough. */
static void unique(struct glob *g)
{
	unsigned int i, nr = 0;

	sort(g->funcs, g->nr, sizeof(*g->funcs), cmp_hook, NULL);
	for (i = 0; i < g->nr; i++) {
		if (nr && g->funcs[nr - 1].hook == g->funcs[i].hook)
			free_func(&g->funcs[i]);
		else
			g->funcs[nr++] = g->funcs[i];
	}
	g->nr = nr;
}

/* All of them with definitions; their names are still @g's */
#ifdef CONFIG_KPROBE_EVENTS
static int attach_defined_glob(struct place *p, struct glob *g)
{
	const char *module = p->module && !has_wildcard(p->module) ? p->module : NULL;
	struct ktap_attach *a = p->a;
	struct ktap_dynamic d = {
		.key = p->text,
		.defs = p->defs,
		.ret = p->ret,
		.nr = g->nr,
		.refused = &g->refused,
	};
	unsigned int total = g->refused.nr + g->nr, i;
	struct ktap_dyn_place *places;
	int ret = 0;

	if (g->nr > KTAP_MAX_DYN_PLACES)
		return ktap_error(a->x, "\"%s\": %u functions; with definitions, %u is the limit",
				  a->item, g->nr, KTAP_MAX_DYN_PLACES);
	places = kvcalloc(g->nr, sizeof(*places), GFP_KERNEL);
	for (i = 0; places && i < g->nr; i++) {
		places[i].name = g->funcs[i].func;
		places[i].func = g->funcs[i].func;
		places[i].addr = g->funcs[i].addr;
		places[i].where = kasprintf(GFP_KERNEL, "%s%s%s", module ?: "",
					    module ? ":" : "", g->funcs[i].func);
		if (!places[i].where)
			ret = -ENOMEM;
	}
	d.places = places;
	if (!places || ret)
		ret = ktap_error(a->x, "no memory to trace \"%s\"", a->item);
	else
		ret = ktap_attach_dynamic(a, &d);
	for (i = 0; places && i < g->nr; i++)
		kfree(places[i].where);
	kvfree(places);
	if (!ret && g->refused.nr == total)
		return ktap_error(a->x, "cannot probe \"%s\": %.1000s", a->item,
				  g->refused.log.buf ?: "");
	ktap_refused_end(a, &g->refused, ret ? 0 : total - g->refused.nr, "functions");
	g->refused = (struct ktap_refused) { };
	return ret;
}
#else
static int attach_defined_glob(struct place *p, struct glob *g)
{
	return attach_defined(p, NULL);
}
#endif

static int attach_functions(struct place *p, struct glob *g)
{
	struct ktap_attach *a = p->a;
	struct ktap_session *s = a->session;
	unsigned int before, taken;
	struct ktap_kprobe *probe;
	struct ktap_site *site;
	int ret;

	unique(g);
	if (p->defs)
		return attach_defined_glob(p, g);
	ktap_attach_many(a, g->nr);
	site = site_create(s, p);
	if (!site)
		return ktap_error(a->x, "no memory to trace \"%s\"", a->item);
	probe = site->kprobe;
	probe->entry = true;
	probe->glob = true;
	probe->nr = g->nr;
	probe->funcs = g->funcs;
	g->funcs = NULL;
	g->nr = 0;
	probe->refused = &g->refused;
	before = g->refused.nr;
	ret = site->ops->attach(site);
	probe->refused = NULL;
	taken = probe->nr - (g->refused.nr - before);
	if (ret) {
		ktap_site_free(site);
		if (ret == -EINTR)
			return ret;
		if (ret == -EPERM)
			return ktap_error(a->x, "cannot probe \"%s\": %.1000s", a->item,
					  g->refused.log.buf ?: "");
		/* the hooks are not all there any more */
		if (ret == -EINVAL || ret == -ENOENT)
			return ktap_error(a->x, "cannot trace \"%s\": %s", a->item,
					  "a module has just gone, or is about to come; try again");
		return ktap_attach_failed(a, a->item, ret);
	}
	s->nr_events += taken;
	ktap_refused_end(a, &g->refused, taken, "functions");
	g->refused = (struct ktap_refused) { };
	return ktap_attach_site(a, site, false);
}

static int attach_glob(struct place *p)
{
	struct glob g = {
		.pattern = p->symbol,
		.ret = p->ret,
		.limit = p->ret && !p->defs ? KTAP_MAX_KRETURNS : KTAP_MAX_KFUNCS,
	};
	struct ktap_attach *a = p->a;
	struct ktap_site *site = p->defs ? NULL : site_find(a->session, p);
	int ret;

	if (!KTAP_HAS_KPATTERNS)
		return ktap_error(a->x, "\"%s\": %s", a->item,
				  "patterns of functions need CONFIG_FPROBE or CONFIG_DYNAMIC_FTRACE");
	if (p->offset)
		return ktap_error(a->x, "\"%s\": an offset is of one function, not of many",
				  a->item);
	if (site)
		return ktap_attach_site(a, site, false);
	ret = trace_event_tap_symbols(p->module, collect, &g);
	if (ret == -E2BIG)
		ret = ktap_error(a->x, "\"%s\" matches more than %u functions, %s", a->item,
				 g.limit, g.limit == KTAP_MAX_KFUNCS ? "which is the limit" :
				 "which is the limit for returns without CONFIG_FPROBE");
	else if (ret)
		ret = ktap_error(a->x, "no memory to trace \"%s\"", a->item);
	else if (g.nr)
		ret = attach_functions(p, &g);
	else if (g.refused.nr)
		ret = ktap_error(a->x, "cannot probe \"%s\", which tracing itself may use: %.1000s",
				 a->item, g.refused.log.buf ?: "");
	else
		ret = ktap_error(a->x, "no function matches \"%s\"%s", a->item,
				 p->module ? ", or the module is not loaded" : "");
	while (g.nr)
		free_func(&g.funcs[--g.nr]);
	kvfree(g.funcs);
	ktap_refused_end(a, &g.refused, 0, "functions");
	return ret;
}

/**
 * ktap_attach_kprobe() - attach a handler to functions of the kernel
 * @a: the item
 *
 * Return: 0, or what ktap_error() returned.
 */
int ktap_attach_kprobe(struct ktap_attach *a)
{
	struct place p = { .a = a };
	const char *text;
	char *parts;
	int ret;

	if (security_locked_down(LOCKDOWN_KPROBES))
		return ktap_error(a->x, "\"%s\": the kernel is locked down, and has no probes",
				  a->item);
	p.keep_args = ktap_closure_wants_entry(a->session->vm, a->fn);
	text = skip_spaces(a->item + kind(a->item, &p.ret));
	p.text = kstrdup(text, GFP_KERNEL);
	if (!p.text)
		return ktap_error(a->x, "no memory");
	ret = parse(&p);
	parts = ret ? NULL : kstrdup(p.text, GFP_KERNEL);
	if (parts) {
		ret = parse_symbol(&p, parts);
		if (!ret && (has_wildcard(p.symbol) || (p.module && has_wildcard(p.module)))) {
			ret = attach_glob(&p);
		} else if (!ret) {
			/* the kernel's own lookup wants the module, not the offset */
			char *symbol = kstrdup(p.text, GFP_KERNEL);

			if (symbol) {
				symbol[strcspn(symbol, "+")] = '\0';
				ret = attach_one(&p, symbol);
				kfree(symbol);
			} else {
				ret = ktap_error(a->x, "no memory");
			}
		}
		kfree(parts);
	} else if (!ret) {
		ret = ktap_error(a->x, "no memory");
	}
	kfree(p.text);
	return ret;
}
