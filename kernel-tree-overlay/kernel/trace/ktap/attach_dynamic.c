// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: probes with fetch definitions, such as probe:vfs_read a=%di s=+0(%si):string
 *
 * The definitions are those of kprobe_events, and it is the kernel's own parser
 * that reads them: a dynamic event is made of them, in a group of the session's,
 * and deleted with the session. All functions of a pattern are probes of one event.
 *
 * Contexts: process context, in the main chunk.
 * Locks: those of trace_event_tap_dyn.c.
 */
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/trace_event_tap.h>

#include "ev_dynamic.h"

/* As for probes without definitions, see ev_kprobe.c; the kernel's limit is the same */
#define MIN_ACTIVE		512
#define MAX_ACTIVE		4096

/* The kernel's are of at most 63 bytes. */
#define MAX_NAME		64

static struct ktap_site *site_find(struct ktap_session *s, const char *key, bool ret)
{
	struct ktap_site *site;

	list_for_each_entry(site, &s->sites, list)
		if (site->ops == &ktap_dynamic_ops && site->dyn->ret == ret &&
		    !strcmp(site->dyn->key, key))
			return site;
	return NULL;
}

static bool has_event(const struct ktap_session *s, const char *name)
{
	const struct ktap_site *site;

	list_for_each_entry(site, &s->sites, list)
		if (site->ops == &ktap_dynamic_ops && site->call &&
		    !strcmp(trace_event_tap_name(site->call), name))
			return true;
	return false;
}

/* The event's name: as the function's, where that is fit for it */
static void event_name(const struct ktap_session *s, const struct ktap_dynamic *d,
		       char name[MAX_NAME])
{
	unsigned int nr;
	size_t len;
	char *p;

	len = scnprintf(name, MAX_NAME - 12, "%s%s", d->ret ? "ret_" : "",
			d->nr > 1 ? d->key : d->places[0].name);
	for (p = name; *p; p++)
		if (!isalnum(*p))
			*p = '_';
	if (isdigit(name[0]))
		name[0] = '_';
	for (nr = 2; has_event(s, name); nr++)
		snprintf(name + len, MAX_NAME - len, "_%u", nr);
}

/*
 * Definitions of our own
 */

/* Appends those that the script asks for; @p learns which */
static void add_hidden(const struct ktap_session *s, struct ktap_dyn *p, char *defs,
		       size_t size)
{
	struct ktap_log log = { .buf = defs, .size = size, .len = strlen(defs) };
	char arg[] = "arg1";
	u16 nr = 0;
	int i;

	if (!p->ret)
		return;
	if (ktap_names_has(s, "retval") || ktap_vm_uses(s->vm, KTAP_BI_RETVAL)) {
		ktap_log(&log, " ktap_ret=$retval:s%u", BITS_PER_LONG);
		strscpy(p->hidden, " ktap_ret=");
		p->retval = ++nr;
	}
	if (p->user || !IS_ENABLED(CONFIG_HAVE_FUNCTION_ARG_ACCESS_API) ||
	    !ktap_vm_uses(s->vm, KTAP_BI_EV_ENTRY))
		return;
	for (i = 0; i < ARRAY_SIZE(p->args); i++) {
		arg[3] = '1' + i;
		if (!ktap_names_has(s, arg))
			continue;
		ktap_log(&log, " ktap_%s=$%s:s%u", arg, arg, BITS_PER_LONG);
		if (!*p->hidden)
			snprintf(p->hidden, sizeof(p->hidden), " ktap_%s=", arg);
		p->args[i] = ++nr;
	}
}

/* " ktap_ret=$retval:s64", and six like " ktap_arg1=$arg1:s64" */
#define HIDDEN_SIZE		160

/*
 * Fields: where it is; the definitions; and what has a name, but no number
 */

static void get_field(const struct ktap_site *site, unsigned int n,
		      struct trace_event_tap_field *field)
{
	const struct ktap_dyn *p = site->dyn;
	unsigned int head = p->ret ? 2 : 1;

	if (!n || n == 1 + p->nr_defs) {
		trace_event_tap_field(site->call, 0, field);
		if (n)
			field->name = "ip";
	} else if (n <= p->nr_defs) {
		trace_event_tap_field(site->call, head + n - 1, field);
	} else if (p->ret && n == 2 + p->nr_defs) {
		trace_event_tap_field(site->call, 1, field);
		field->name = "ret_ip";
	} else {
		trace_event_tap_field(site->call, n - 1, field);
		if (n == p->retval)
			field->name = "retval";
	}
}

static int set_fields(struct ktap_site *site, const char *defs)
{
	struct ktap_dyn *p = site->dyn;
	unsigned int head = p->ret ? 2 : 1, n, hidden = !!p->retval, i;
	const char *end;

	for (i = 0; i < ARRAY_SIZE(p->args); i++)
		hidden += !!p->args[i];
	n = trace_event_tap_nr_fields(site->call);
	if (n < head + hidden)
		return -EINVAL;
	p->nr_defs = n - head - hidden;
	/* the numbers of hidden ones are those behind all others */
	if (p->retval)
		p->retval += p->nr_defs + head;
	for (i = 0; i < ARRAY_SIZE(p->args); i++)
		if (p->args[i])
			p->args[i] += p->nr_defs + head;
	/* $arg* stands for several, so counting words would do no good */
	for (n = 1; n <= p->nr_defs && !strstr(defs, "$arg*"); n++, defs = end) {
		defs = skip_spaces(defs);
		end = defs + strcspn(defs, " \t");
		if (p->ret && strnstr(defs, "$arg", end - defs))
			__set_bit(n, p->entry_defs);
	}
	return ktap_site_set_fields(site, 1 + p->nr_defs, head + hidden, get_field);
}

/*
 * The event
 */

/* What the parser complained about, with a sign below */
static int complain(struct ktap_attach *a, const struct ktap_dynamic *d, const char *probe,
		    const struct trace_event_tap_error *error)
{
	const char *word = probe, *end;
	int i, offset = error->offset;

	for (i = 0; i < error->word; i++) {
		word += strcspn(word, " \t");
		word = skip_spaces(word);
	}
	end = word + strcspn(word, " \t");
	if (error->word <= 0 || !*word)
		return ktap_error(a->x, "cannot probe \"%s\": %s", a->item, error->text);
	offset = clamp_t(int, offset, 0, end - word);
	return ktap_error(a->x, "\"%s\": %s:\n\t%.*s\n\t%*s^", a->item, error->text,
			  (int)(end - word), word, offset, "");
}

static int refused(struct ktap_attach *a, const struct ktap_dynamic *d, const char *probe,
		   const struct trace_event_tap_error *error, int ret)
{
	if (ret == -ENOMEM)
		return ktap_error(a->x, "no memory to trace \"%s\"", a->item);
	if (error->text)
		return complain(a, d, probe, error);
	if (ret == -E2BIG)
		return ktap_error(a->x, "\"%s\" has more definitions than the kernel allows",
				  a->item);
	if (ret == -EEXIST)
		return ktap_error(a->x, "cannot probe \"%s\": there is an event of that name",
				  a->item);
	return ktap_error(a->x, "cannot probe \"%s\": error %d", a->item, -ret);
}

static int add_place(struct ktap_dyn *p, const struct ktap_dyn_place *from)
{
	struct ktap_dyn_place *to = &p->places[p->nr];

	to->addr = from->addr;
	to->name = kasprintf(GFP_KERNEL_ACCOUNT, "%s%s", p->ret ? "ret_" : "", from->name);
	to->func = kstrdup(from->func, GFP_KERNEL_ACCOUNT);
	if (to->name && to->func) {
		p->nr++;
		return 0;
	}
	kfree(to->name);
	kfree(to->func);
	return -ENOMEM;
}

/* Makes probes of one event of all places; what is said is an error of the script */
static int create(struct ktap_attach *a, const struct ktap_dynamic *d, struct ktap_dyn *p,
		  const char *defs)
{
	struct trace_event_tap_error error;
	char kind[8] = "p", *probe;
	unsigned int i;
	int ret;

	if (d->ret && d->user)
		strscpy(kind, "r");
	else if (d->ret)
		snprintf(kind, sizeof(kind), "r%u",
			 clamp(64 * num_possible_cpus(), MIN_ACTIVE, MAX_ACTIVE));
	for (i = 0; i < d->nr; i++) {
		if (ktap_env_interrupted(a->session))
			return -EINTR;
		probe = kasprintf(GFP_KERNEL, "%s %s", d->places[i].where, defs);
		ret = probe ? trace_event_tap_dyn_add(p->event, kind, probe, &error) : -ENOMEM;
		if (!ret)
			ret = add_place(p, &d->places[i]);
		else if (d->exact || ret == -ENOMEM || error.word > 0)
			/* a definition that is wrong is so for all */
			ret = refused(a, d, probe, &error, ret);
		else
			ret = 1;
		kfree(probe);
		if (ret == 1)
			ktap_refused_add(d->refused, d->places[i].func, error.text);
		else if (ret)
			return ret == -ENOMEM ? refused(a, d, NULL, NULL, ret) : ret;
	}
	return p->nr ? 0 : 1;
}

static struct ktap_dyn *dyn_new(struct ktap_session *s, const struct ktap_dynamic *d,
				const char *key)
{
	struct ktap_dyn *p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	char name[MAX_NAME], group[32];

	if (!p)
		return NULL;
	p->ret = d->ret;
	p->user = d->user;
	p->key = kstrdup(key, GFP_KERNEL_ACCOUNT);
	p->places = kcalloc(d->nr, sizeof(*p->places), GFP_KERNEL_ACCOUNT);
	if (!s->dyn_group)
		s->dyn_group = trace_event_tap_dyn_group();
	snprintf(group, sizeof(group), "ktap_%u", s->dyn_group);
	event_name(s, d, name);
	if (p->key && p->places)
		p->event = trace_event_tap_dyn_new(group, name);
	if (p->event)
		return p;
	kfree(p->places);
	kfree(p->key);
	kfree(p);
	return NULL;
}

static int attach(struct ktap_attach *a, const struct ktap_dynamic *d, const char *key)
{
	size_t size = strlen(d->defs) + HIDDEN_SIZE;
	struct ktap_session *s = a->session;
	struct ktap_site *site;
	char *defs;
	int ret;

	ktap_attach_many(a, d->nr);
	site = ktap_site_new(s, &ktap_dynamic_ops);
	if (site)
		site->dyn = dyn_new(s, d, key);
	defs = site && site->dyn ? kmalloc(size, GFP_KERNEL) : NULL;
	if (!defs) {
		if (site)
			ktap_site_free(site);
		return refused(a, d, NULL, NULL, -ENOMEM);
	}
	strscpy(defs, d->defs, size);
	add_hidden(s, site->dyn, defs, size);
	ret = create(a, d, site->dyn, defs);
	kfree(defs);
	if (ret)
		goto drop;

	site->call = trace_event_tap_dyn_call(site->dyn->event);
	if (!trace_event_tap_get(site->call)) {
		site->call = NULL;
		ret = ktap_error(a->x, "cannot trace \"%s\": somebody deletes its event", a->item);
		goto drop;
	}
	site->name = site->dyn->places[0].name;
	ret = set_fields(site, d->defs) ?: site->ops->attach(site);
	if (ret) {
		ret = refused(a, d, NULL, &(struct trace_event_tap_error){ }, ret);
		goto drop;
	}
	s->nr_events += site->dyn->nr;
	return ktap_attach_site(a, site, d->exact);

drop:
	ktap_site_free(site);
	return ret == 1 ? 0 : ret;
}

/**
 * ktap_attach_dynamic() - attach a handler to a probe with fetch definitions
 * @a: the item
 * @d: where it is, and the definitions
 *
 * Return: 0, also if all places of a pattern refuse, or what ktap_error() returned.
 */
int ktap_attach_dynamic(struct ktap_attach *a, const struct ktap_dynamic *d)
{
	struct ktap_site *site;
	char *key;
	int ret;

	key = kasprintf(GFP_KERNEL, "%s %s", d->key, d->defs);
	if (!key)
		return refused(a, d, NULL, NULL, -ENOMEM);
	site = site_find(a->session, key, d->ret);
	if (site)
		ret = ktap_attach_site(a, site, d->exact);
	else
		ret = attach(a, d, key);
	kfree(key);
	return ret;
}
