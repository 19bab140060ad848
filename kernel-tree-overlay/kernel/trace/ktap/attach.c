// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: from the text of an event to attached handlers.
 *
 *	text	= item { "," item }
 *	item	= what one of the sources understands
 *
 * This is the only place where event text is taken apart; each source attaches
 * its items. Owns also what sources have in common: a handler gets to its
 * event, and names that do not exist have near ones.
 *
 * A field that the handler reads and an event lacks is an error if the text is
 * that one event; in the members of a glob or a list it is nil.
 *
 * Contexts: process context, in the main chunk.
 * Locks: none of its own.
 */
#include <linux/bitmap.h>
#include <linux/capability.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "attach.h"

/* To attach fewer takes no time to speak of */
#define MANY_EVENTS		200

/* Levenshtein distance; of what is longer, the first bytes count */
static unsigned int distance(const char *a, const char *b)
{
	size_t n = min_t(size_t, strlen(b), KTAP_MAX_NAME - 1);
	u8 row[KTAP_MAX_NAME];
	unsigned int i, j;

	for (j = 0; j <= n; j++)
		row[j] = j;
	for (i = 0; a[i] && i < KTAP_MAX_NAME - 1; i++) {
		unsigned int diagonal = row[0];

		row[0] = i + 1;
		for (j = 0; j < n; j++) {
			unsigned int cost = diagonal + (a[i] != b[j]);

			diagonal = row[j + 1];
			row[j + 1] = min3(cost, row[j + 1] + 1U, row[j] + 1U);
		}
	}
	return row[n];
}

/**
 * ktap_nearest_add() - look whether a name is one of the nearest
 * @near: them; @near->want is set
 * @name: the name
 */
void ktap_nearest_add(struct ktap_nearest *near, const char *name)
{
	unsigned int dist = distance(near->want, name);
	unsigned int i;

	if (dist > strlen(near->want) / 3 + 1)
		return;
	for (i = near->nr; i && near->dist[i - 1] > dist; i--) {
		if (i >= KTAP_NR_NEAREST)
			continue;
		near->dist[i] = near->dist[i - 1];
		strscpy(near->name[i], near->name[i - 1]);
	}
	if (i >= KTAP_NR_NEAREST)
		return;
	near->dist[i] = dist;
	strscpy(near->name[i], name);
	if (near->nr < KTAP_NR_NEAREST)
		near->nr++;
}

/**
 * ktap_nearest_text() - "; did you mean A, B or C?", or nothing
 * @near: the names
 * @log: gets the text
 */
void ktap_nearest_text(const struct ktap_nearest *near, struct ktap_log *log)
{
	unsigned int i;

	for (i = 0; i < near->nr; i++)
		ktap_log(log, "%s%s", !i ? "; did you mean " :
			 i + 1 == near->nr ? " or " : ", ", near->name[i]);
	if (near->nr)
		ktap_log(log, "?");
}

/**
 * ktap_attach_failed() - say that something could not be attached
 * @a: the item
 * @what: the item, or what it is of it
 * @error: why
 *
 * Return: what ktap_error() returned.
 */
int ktap_attach_failed(struct ktap_attach *a, const char *what, int error)
{
	if (error == -ENOMEM)
		return ktap_error(a->x, "no memory to trace \"%s\"", what);
	return ktap_error(a->x, "cannot trace \"%s\": error %d", what, -error);
}

/**
 * ktap_attach_room() - let an array have room for one more element
 * @array: address of the pointer to it, which is for kvfree()
 * @nr: elements in it
 * @max: elements that it has room for
 * @size: bytes of one
 *
 * Return: 0 or -ENOMEM.
 */
int ktap_attach_room(void *array, unsigned int nr, unsigned int *max, size_t size)
{
	unsigned int n = nr ? 2 * nr : 16;
	void **p = array, *more;

	if (nr < *max)
		return 0;
	more = kvrealloc(*p, array_size(n, size), GFP_KERNEL_ACCOUNT);
	if (!more)
		return -ENOMEM;
	*p = more;
	*max = n;
	return 0;
}

/**
 * ktap_attach_many() - before many events of one item are attached
 * @a: the item
 * @nr: how many they are
 *
 * Charges for it, and lets the user know if it may take long.
 */
void ktap_attach_many(struct ktap_attach *a, unsigned int nr)
{
	s64 n = nr;

	ktap_exec_charge(a->x, 100 * n);
	if (nr >= MANY_EVENTS)
		ktap_outbuf_put(a->session->out, KTAP_REC_ATTACHING, KTAP_VAL_INT, &n,
				sizeof(n), NULL);
}

/**
 * ktap_refused_add() - one more member of a pattern that cannot be traced
 * @refused: them
 * @name: its name
 * @why: the reason, or NULL
 */
void ktap_refused_add(struct ktap_refused *refused, const char *name, const char *why)
{
	size_t need = strlen(name) + (why ? strlen(why) : 0) + sizeof(",  ()");
	struct ktap_log *log = &refused->log;

	if (log->size - log->len < need) {
		size_t size = max(2 * log->size, 1024 + need);
		char *buf = kvrealloc(log->buf, size, GFP_KERNEL);

		/* at the next one there may be some */
		if (buf) {
			log->buf = buf;
			log->size = size;
		}
	}
	ktap_log(log, "%s%s%s%s%s", refused->nr ? ", " : "", name, why ? " (" : "",
		 why ?: "", why ? ")" : "");
	refused->nr++;
}

/**
 * ktap_refused_end() - say which members of a pattern cannot be traced
 * @a: the item
 * @refused: them; freed
 * @taken: how many can
 * @what: what they are
 *
 * The notes are for -v, and as many as it takes.
 */
void ktap_refused_end(struct ktap_attach *a, struct ktap_refused *refused,
		      unsigned int taken, const char *what)
{
	const char *rest = refused->log.buf ?: "";
	char *text = refused->nr && taken ? kmalloc(KTAP_MAX_STR, GFP_KERNEL) : NULL;
	size_t n = 0, part;

	if (text)
		n = scnprintf(text, KTAP_MAX_STR / 2, "%u of %u %s of \"%s\" cannot be traced: ",
			      refused->nr, refused->nr + taken, what, a->item);
	while (text && *rest) {
		part = strlen(rest);
		if (part > KTAP_MAX_STR - n) {
			/* no name is as long */
			part = KTAP_MAX_STR - n;
			while (part > 1 && rest[part - 1] != ' ')
				part--;
		}
		memcpy(text + n, rest, part);
		if (ktap_outbuf_put(a->session->out, KTAP_REC_NOTE, KTAP_VAL_STR, text,
				    n + part, NULL))
			break;
		rest += part;
		n = 0;
	}
	kfree(text);
	kvfree(refused->log.buf);
}

/**
 * struct check - whether an exact event has the fields that a handler reads
 * @x: the main chunk
 * @site: the event
 * @asked: the constants whose field the handler asks for before it reads it
 */
struct check {
	struct ktap_exec *x;
	const struct ktap_site *site;
	unsigned long *asked;
};

static int note_asked(void *data, u32 kidx, bool asked, u32 line)
{
	const struct check *check = data;

	if (asked)
		__set_bit(kidx, check->asked);
	return 0;
}

static int check_field(void *data, u32 kidx, bool asked, u32 line)
{
	const struct check *check = data;
	const struct ktap_site *site = check->site;
	const struct ktap_str *name = ktap_vm_const_str(site->session->vm, kidx);
	struct ktap_nearest *near;
	char buf[KTAP_NEAREST_TEXT] = "";
	struct ktap_log log = { .buf = buf, .size = sizeof(buf) };
	unsigned int i;

	if (asked || !name || test_bit(kidx, check->asked) ||
	    ktap_event_find_field(site, name->data, name->len) >= 0)
		return 0;

	near = kzalloc(sizeof(*near), GFP_KERNEL);
	if (near) {
		near->want = name->data;
		for (i = 0; i < site->nr_fields; i++)
			ktap_nearest_add(near, site->fields[i].name);
		ktap_nearest_text(near, &log);
		kfree(near);
	}
	return ktap_error(check->x, "%s%s%s has no field \"%s\", which line %u reads%s",
			  site->system ?: "", site->system ? ":" : "", site->name,
			  name->data, line, buf);
}

static int check_fields(struct ktap_exec *x, struct ktap_closure *fn,
			const struct ktap_site *site)
{
	struct check check = { .x = x, .site = site };
	int ret;

	check.asked = bitmap_zalloc(ktap_vm_nconsts(site->session->vm), GFP_KERNEL);
	if (!check.asked)
		return ktap_error(x, "out of memory");
	ktap_closure_fields(fn, note_asked, &check);
	ret = ktap_closure_fields(fn, check_field, &check);
	bitmap_free(check.asked);
	return ret;
}

/**
 * ktap_attach_site() - give an event its handler
 * @a: the item
 * @site: the event
 * @exact: the item is this event and no other
 *
 * Return: 0, or what ktap_error() returned.
 */
int ktap_attach_site(struct ktap_attach *a, struct ktap_site *site, bool exact)
{
	int ret = ktap_site_add_handler(site, a->fn);

	if (ret == -E2BIG)
		return ktap_error(a->x, "%s%s%s has %u handlers already, which is the limit",
				  site->system ?: "", site->system ? ":" : "", site->name,
				  KTAP_MAX_HANDLERS);
	if (ret)
		return ktap_error(a->x, "no memory to trace \"%s\"", a->item);
	if (exact && !a->list)
		return check_fields(a->x, a->fn, site);
	site->glob = true;
	return 0;
}

static int attach_item(struct ktap_attach *a)
{
	int ret;

	if (ktap_is_timer(a->item))
		return ktap_attach_timer(a);
	if (ktap_is_rawtp(a->item))
		return ktap_attach_rawtp(a);
	if (ktap_is_ftrace(a->item))
		return ktap_attach_ftrace(a);
	if (ktap_is_uprobe(a->item))
		return ktap_attach_uprobe(a);
	if (ktap_is_kprobe(a->item))
		return ktap_attach_kprobe(a);
	ret = ktap_attach_perf(a);
	return ret <= 0 ? ret : ktap_attach_trace(a);
}

/* As strsep() at commas, but for those in PMU/TERM,TERM/ */
static char *next_item(char **next)
{
	char *item = *next, *end;

	if (!item)
		return NULL;
	item = skip_spaces(item);
	end = item + ktap_perf_terms(item);
	end += strcspn(end, ",");
	*next = *end ? end + 1 : NULL;
	*end = '\0';
	return strim(item);
}

int ktap_env_attach(struct ktap_exec *x, const struct ktap_str *text,
		    struct ktap_closure *fn)
{
	struct ktap_session *s = ktap_vm_env(ktap_exec_vm(x));
	struct ktap_attach a = { .x = x, .session = s, .fn = fn };
	char *copy, *next, *item;
	int ret = 0;

	if (!perfmon_capable())
		return ktap_error(x, "tracing needs CAP_PERFMON");
	if (memchr(text->data, 0, text->len))
		return ktap_error(x, "an event's name has no NUL");
	if (ktap_names_make(s))
		return ktap_error(x, "no memory");
	copy = kstrndup(text->data, text->len, GFP_KERNEL);
	if (!copy)
		return ktap_error(x, "no memory");

	next = copy;
	while (!ret && (item = next_item(&next))) {
		a.item = item;
		a.list |= !!next;
		ret = attach_item(&a);
	}
	kfree(copy);
	return ret;
}
