// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: sites, the events that have handlers.
 *
 * Owns their life, their fields and their handlers. Which names the script may
 * ask for is known from its constants, so each site has a table from these to
 * its fields, and to read a field by name is a lookup.
 *
 * Contexts: process context.
 * Locks: none; sites do not change while events are delivered.
 */
#include <linux/bsearch.h>
#include <linux/ctype.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/stringhash.h>
#include <linux/trace_event_tap.h>

#include "attach.h"

/* struct ktap_site.map is made of u16 */
#define MAX_FIELDS		(U16_MAX - 1)

static int cmp_name(const void *a, const void *b)
{
	const struct ktap_name *l = a, *r = b;

	return strcmp(l->s, r->s);
}

static bool is_identifier(const struct ktap_str *s)
{
	u32 i;

	if (!s->len || s->len >= KTAP_MAX_NAME || isdigit(s->data[0]))
		return false;
	for (i = 0; i < s->len; i++)
		if (!isalnum(s->data[i]) && s->data[i] != '_')
			return false;
	return true;
}

/**
 * ktap_names_make() - collect the constants that can be names of fields
 * @s: the session
 *
 * Return: 0 or -ENOMEM.
 */
int ktap_names_make(struct ktap_session *s)
{
	u32 i, n = ktap_vm_nconsts(s->vm);
	const struct ktap_str *str;
	struct ktap_names *names;

	if (s->names)
		return 0;
	names = kvzalloc(struct_size(names, e, n), GFP_KERNEL);
	if (!names)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		str = ktap_vm_const_str(s->vm, i);
		if (!str || !is_identifier(str))
			continue;
		names->e[names->nr].s = str->data;
		names->e[names->nr++].kidx = i;
		names->nr_map = i + 1;
	}
	sort(names->e, names->nr, sizeof(names->e[0]), cmp_name, NULL);
	s->names = names;
	return 0;
}

/**
 * ktap_names_has() - whether a word is among those that can be names of fields
 * @s: the session, whose first event is being attached, or has been
 * @word: the word
 *
 * Return: whether the script has it anywhere.
 */
bool ktap_names_has(const struct ktap_session *s, const char *word)
{
	struct ktap_name key = { .s = word };

	return bsearch(&key, s->names->e, s->names->nr, sizeof(key), cmp_name);
}

static void map_name(struct ktap_site *site, const char *name, unsigned int field)
{
	const struct ktap_names *names = site->session->names;
	struct ktap_name key = { .s = name };
	const struct ktap_name *e, *end = names->e + names->nr;

	e = bsearch(&key, names->e, names->nr, sizeof(*e), cmp_name);
	if (!e)
		return;
	/* an image may have a constant twice */
	while (e > names->e && !strcmp(e[-1].s, name))
		e--;
	for (; e < end && !strcmp(e->s, name); e++)
		if (!site->map[e->kidx])
			site->map[e->kidx] = field + 1;
}

/* Resolves all names that the script may ask for, so that FIELD is a lookup */
static int make_map(struct ktap_site *site)
{
	struct ktap_session *s = site->session;
	size_t bytes = s->names->nr_map * sizeof(*site->map);
	unsigned int i;

	if (!s->names->nr || s->map_bytes + bytes > KTAP_MAX_MAPS)
		return 0;
	site->map = kvzalloc(bytes, GFP_KERNEL_ACCOUNT);
	if (!site->map)
		return -ENOMEM;
	site->nr_map = s->names->nr_map;
	s->map_bytes += bytes;
	for (i = 0; i < site->nr_fields; i++)
		map_name(site, site->fields[i].name, i);
	if (site->sc_nr >= 0)
		map_name(site, "nr", 0);
	return 0;
}

/**
 * ktap_site_set_fields() - give a new site its fields
 * @site: the site
 * @own: how many fields the event has
 * @common: how many come after them that the script can name but not count
 * @get: sets @field to the @n-th of all
 *
 * Return: 0, -ENOMEM, or -EOVERFLOW if there are too many.
 */
int ktap_site_set_fields(struct ktap_site *site, unsigned int own, unsigned int common,
			 void (*get)(const struct ktap_site *site, unsigned int n,
				     struct trace_event_tap_field *field))
{
	unsigned int i;

	if (own > MAX_FIELDS || common > MAX_FIELDS - own)
		return -EOVERFLOW;
	site->fields = kcalloc(own + common, sizeof(*site->fields), GFP_KERNEL_ACCOUNT);
	if (!site->fields)
		return -ENOMEM;
	for (i = 0; i < own + common; i++)
		get(site, i, &site->fields[i]);
	site->nr_own = own;
	site->nr_fields = own + common;
	return make_map(site);
}

/**
 * ktap_site_bucket() - where sites are that are found by a text
 * @s: the session
 * @key: the text
 *
 * Return: the list of sites with this hash; of all sources.
 */
struct hlist_head *ktap_site_bucket(struct ktap_session *s, const char *key)
{
	return &s->site_hash[full_name_hash(s, key, strlen(key)) % KTAP_SITE_HASH];
}

/**
 * ktap_site_new() - make a site
 * @s: the session
 * @ops: the source of its events
 *
 * Return: the site, which ktap_site_free() frees, or NULL.
 */
struct ktap_site *ktap_site_new(struct ktap_session *s, const struct ktap_event_ops *ops)
{
	struct ktap_site *site = kzalloc(sizeof(*site), GFP_KERNEL_ACCOUNT);

	if (!site)
		return NULL;
	site->session = s;
	site->ops = ops;
	site->sc_nr = -1;
	list_add_tail(&site->list, &s->sites);
	return site;
}

/**
 * ktap_site_add_handler() - one more function that runs for an event
 * @site: the event; it is not being delivered
 * @fn: the function
 *
 * Return: 0, -ENOMEM, or -E2BIG if it has KTAP_MAX_HANDLERS.
 */
int ktap_site_add_handler(struct ktap_site *site, struct ktap_closure *fn)
{
	struct ktap_closure **handlers;

	if (site->nr_handlers == KTAP_MAX_HANDLERS)
		return -E2BIG;
	handlers = krealloc_array(site->handlers, site->nr_handlers + 1,
				  sizeof(*handlers), GFP_KERNEL_ACCOUNT);
	if (!handlers)
		return -ENOMEM;
	site->handlers = handlers;
	handlers[site->nr_handlers++] = fn;
	return 0;
}

/**
 * ktap_site_free() - free a site
 * @site: the site; it is attached to nothing
 */
void ktap_site_free(struct ktap_site *site)
{
	hlist_del_init(&site->hash);
	list_del(&site->list);
	if (site->call)
		trace_event_tap_put(site->call);
	if (site->ops->free)
		site->ops->free(site);
	kvfree(site->map);
	kfree(site->fields);
	kfree(site->handlers);
	kfree(site);
}
