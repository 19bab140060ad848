// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: the names of perf events and breakpoints.
 *
 *	item	= [ class ":" ] name options
 *		| "r" HEX options		a raw event; it has a digit
 *		| PMU "/" TERMS "/" options	the tool has said what that is
 *		| "pmu:" TYPE ":" CONFIG [ ":" CONFIG1 [ ":" CONFIG2 ] ] options
 *		| "mem:" place [ "/" BYTES ] [ ":" access ] options
 *	class	= "hw" | "hardware" | "sw" | "software"
 *	name	= one of KTAP_PERF_HARDWARE or _SOFTWARE, or made of KTAP_PERF_CACHES
 *	place	= ADDRESS | SYMBOL [ "+" OFFSET ]
 *	access	= "r" | "w" | "rw" | "x"
 *	options	= { ":" ( "period=" N | N | "freq=" N | "u" | "k" ) }
 *
 * A name that is none of a perf event is left to the trace events.
 *
 * Without a period or frequency each fault, switch, and access is an event, and
 * of what happens all the time there are samples, as perf takes them.
 *
 * Contexts: process context, in the main chunk.
 * Locks: none of its own.
 */
#include <linux/bitops.h>
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/hw_breakpoint.h>
#include <linux/kstrtox.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/trace_event_tap.h>
#include <linux/uaccess.h>

#include "ev_perf.h"

/* How often samples are taken, as perf does, and at most */
#define DEFAULT_FREQ		4000
#define MAX_FREQ		100000

/* How long a breakpoint on an instruction is: perf knows no better way to say it */
#if defined(CONFIG_ARM64) || defined(CONFIG_ARM)
#define CODE_LEN		HW_BREAKPOINT_LEN_4
#else
#define CODE_LEN		sizeof(long)
#endif

/* By number, all names of it in a row, with an empty one at the end */
#define ROW(id, name, others, ...)	\
	[id] = name "\0" others "\0",
#define HW_ROW(id, ...)		ROW(PERF_COUNT_HW_##id, __VA_ARGS__)
#define SW_ROW(id, ...)		ROW(PERF_COUNT_SW_##id, __VA_ARGS__)
#define CACHE_ROW(id, ...)	ROW(PERF_COUNT_HW_CACHE_##id, __VA_ARGS__)
static const char * const hardware[] = { KTAP_PERF_HARDWARE(HW_ROW) };
static const char * const software[] = { KTAP_PERF_SOFTWARE(SW_ROW) };
static const char * const caches[] = { KTAP_PERF_CACHES(CACHE_ROW) };
static const char * const ops[] = { KTAP_PERF_CACHE_OPS(CACHE_ROW) };
static const char * const results[] = { KTAP_PERF_CACHE_RESULTS(CACHE_ROW) };

/* Not an error: the item is for others */
static const char not_ours[] = "";

/* The longest name that @s begins with, up to its end or a "-", which is skipped */
static int find_part(const char **s, const char * const *parts, int nr)
{
	const char *name, *next = NULL;
	int i, found = -ENOENT;

	for (i = 0; i < nr; i++) {
		for (name = parts[i]; *name; name += strlen(name) + 1) {
			const char *end = *s + str_has_prefix(*s, name);

			if (end == *s || end <= next || (*end && *end != '-'))
				continue;
			next = end;
			found = i;
		}
	}
	if (found >= 0)
		*s = *next && next[1] ? next + 1 : next;
	return found;
}

static int find_whole(const char *s, const char * const *parts, int nr)
{
	int n = find_part(&s, parts, nr);

	return *s ? -ENOENT : n;
}

/* The name of a cache alone could be that of anything: that is not one of these. */
static bool find_cache(const char *s, struct perf_event_attr *attr)
{
	int cache = find_part(&s, caches, ARRAY_SIZE(caches));
	int op = -ENOENT, result = -ENOENT, n, *to;

	if (cache < 0 || !*s)
		return false;
	while (*s) {
		to = &op;
		n = find_part(&s, ops, ARRAY_SIZE(ops));
		if (n < 0) {
			to = &result;
			n = find_part(&s, results, ARRAY_SIZE(results));
		}
		if (n < 0 || *to >= 0)
			return false;
		*to = n;
	}
	attr->type = PERF_TYPE_HW_CACHE;
	attr->config = cache | max(op, 0) << 8 | max(result, 0) << 16;
	return true;
}

static bool find_name(const char *s, struct perf_event_attr *attr)
{
	int n = find_whole(s, software, ARRAY_SIZE(software));

	attr->type = PERF_TYPE_SOFTWARE;
	if (n < 0) {
		n = find_whole(s, hardware, ARRAY_SIZE(hardware));
		attr->type = PERF_TYPE_HARDWARE;
	}
	attr->config = n;
	if (n >= 0)
		return true;
	/* words that are made of a to f are no numbers */
	attr->type = PERF_TYPE_RAW;
	return (*s == 'r' && isxdigit(s[1]) && strpbrk(s, "0123456789") &&
		!kstrtoull(s + 1, 16, &attr->config)) || find_cache(s, attr);
}

static void add_names(struct ktap_nearest *near, const char * const *parts, int nr)
{
	const char *name;

	while (nr--)
		for (name = parts[nr]; *name; name += strlen(name) + 1)
			ktap_nearest_add(near, name);
}

/**
 * ktap_perf_nearest() - look whether names of perf events are among the nearest
 * @near: them
 */
void ktap_perf_nearest(struct ktap_nearest *near)
{
	add_names(near, software, ARRAY_SIZE(software));
	add_names(near, hardware, ARRAY_SIZE(hardware));
}

/*
 * PMU/TERMS/
 */

/**
 * ktap_perf_terms() - find PMU/TERMS/ in the text of an event
 * @item: the text
 *
 * Return: its length, or 0 if the text does not begin with one.
 */
size_t ktap_perf_terms(const char *item)
{
	const char *end = item;

	while (isalnum(*end) || *end == '_' || *end == '-')
		end++;
	if (end == item || *end != '/')
		return 0;
	end = strchr(end + 1, '/');
	return end ? end + 1 - item : 0;
}

/* What the tool says of the first @len bytes of @item */
static const char *find_pmu(const struct ktap_session *s, const char *item, size_t len)
{
	const char *p = s->pmus, *end = p + s->pmus_size, *value;

	for (; p < end; p = value + strlen(value) + 1) {
		value = p + strlen(p) + 1;
		if (value >= end)
			break;
		if (!strncmp(p, item, len) && !p[len])
			return value;
	}
	return NULL;
}

/*
 * Parsing
 */

/* A number that ends with the text or at a ":", which is skipped */
static bool next_number(char **s, u64 *n)
{
	char *word = strsep(s, ":");

	return word && !kstrtoull(word, 0, n);
}

/* pmu:TYPE:CONFIG[:CONFIG1[:CONFIG2]] */
static const char *parse_pmu(char **s, struct perf_event_attr *attr)
{
	u64 type;

	if (!next_number(s, &type) || type > U32_MAX || !next_number(s, &attr->config) ||
	    (*s && isdigit(**s) && !next_number(s, &attr->config1)) ||
	    (*s && isdigit(**s) && !next_number(s, &attr->config2)))
		return "numbers follow, as in pmu:TYPE:CONFIG:CONFIG1:CONFIG2";
	attr->type = type;
	return NULL;
}

/**
 * struct symbol - a symbol that is looked for
 * @addr: the address
 * @nr: how many have been found, at different addresses
 */
struct symbol {
	unsigned long addr;
	unsigned int nr;
};

static int match_symbol(void *data, unsigned long addr)
{
	struct symbol *sym = data;

	if (!sym->nr || addr != sym->addr)
		sym->nr++;
	sym->addr = addr;
	return 0;
}

static const char *parse_symbol(char *place, u64 *to)
{
	struct symbol sym = { };
	unsigned long offset = 0;
	char *plus = strchr(place, '+');

	if (plus) {
		*plus++ = '\0';
		if (kstrtoul(plus, 0, &offset))
			return "an offset is a number";
	}
	trace_event_tap_symbol(place, match_symbol, &sym);
	if (!sym.nr)
		return "there is no such symbol in /proc/kallsyms";
	if (sym.nr > 1)
		return "there are several such symbols; give an address";
	if (sym.addr < TASK_SIZE_MAX || trace_event_tap_place(sym.addr) == TRACE_EVENT_TAP_INIT)
		return "each CPU has its own, or it is there at boot only; give an address";
	*to = sym.addr + offset;
	return NULL;
}

static u32 parse_access(const char *s)
{
	static const struct {
		char name[3];
		u8 type;
	} access[] = {
		{ "r", HW_BREAKPOINT_R }, { "w", HW_BREAKPOINT_W },
		{ "rw", HW_BREAKPOINT_RW }, { "x", HW_BREAKPOINT_X },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(access); i++)
		if (!strcmp(s, access[i].name))
			return access[i].type;
	return 0;
}

/* mem:PLACE[/BYTES] */
static const char *parse_mem(const struct ktap_session *session, char **s,
			     struct perf_event_attr *attr)
{
	char *place = strsep(s, ":"), *bytes = strchr(place, '/');
	const char *wrong = NULL;

	attr->type = PERF_TYPE_BREAKPOINT;
	attr->bp_type = HW_BREAKPOINT_RW;
	/*
	 * There the instruction is executed after the event, and the architecture steps
	 * over it only for handlers of perf's own: with ours it would be hit for ever.
	 */
	if (IS_ENABLED(CONFIG_ARM) || IS_ENABLED(CONFIG_ARM64))
		return "on this architecture the kernel does not go on after such a breakpoint";
	if (bytes) {
		*bytes++ = '\0';
		if (kstrtoull(bytes, 0, &attr->bp_len) || !is_power_of_2(attr->bp_len))
			return "a breakpoint is of 1, 2, 4 or 8 bytes";
	}
	if (!isdigit(*place))
		wrong = parse_symbol(place, &attr->bp_addr);
	else if (kstrtoull(place, 0, &attr->bp_addr))
		attr->bp_addr = 0;
	if (wrong)
		return wrong;
	if (!attr->bp_addr || attr->bp_addr != (unsigned long)attr->bp_addr)
		return "that is no address";
	/* as long as perf makes them, or as can be there */
	if (!attr->bp_len)
		attr->bp_len = 1 << min_t(unsigned int, 2, __ffs(attr->bp_addr));
	if (attr->bp_addr & (attr->bp_len - 1))
		return "it begins at a multiple of its bytes";
	if (attr->bp_addr >= TASK_SIZE_MAX && !capable(CAP_SYS_ADMIN))
		return "a breakpoint in the kernel needs CAP_SYS_ADMIN";
	if (attr->bp_addr < TASK_SIZE_MAX && !session->tgid)
		return "in each process that is something else; use -p or -- COMMAND";
	return NULL;
}

static const char bad_option[] =
	"what follows is period=N, freq=N (to 100000), u or k; of mem, also r, w, rw, x";

static const char *parse_option(const char *s, struct perf_event_attr *attr)
{
	size_t n = str_has_prefix(s, "freq=");
	u32 type = attr->type == PERF_TYPE_BREAKPOINT ? parse_access(s) : 0;

	if (type) {
		attr->bp_type = type;
		if (type == HW_BREAKPOINT_X)
			attr->bp_len = CODE_LEN;
	} else if (!strcmp(s, "u")) {
		attr->exclude_kernel = 1;
	} else if (!strcmp(s, "k")) {
		attr->exclude_user = 1;
	} else {
		attr->freq = n != 0;
		n = n ?: str_has_prefix(s, "period=");
		if (kstrtoull(s + n, 0, &attr->sample_period) || !attr->sample_period ||
		    attr->sample_period > (attr->freq ? MAX_FREQ : S64_MAX))
			return bad_option;
	}
	return NULL;
}

/* Takes @s apart, which it writes to; returns NULL, or what is wrong */
static const char *parse(const struct ktap_session *session, char *s,
			 struct perf_event_attr *attr)
{
	size_t mem = str_has_prefix(s, "mem:"), pmu = str_has_prefix(s, "pmu:");
	size_t sw = str_has_prefix(s, "software:") ?: str_has_prefix(s, "sw:");
	size_t hw = str_has_prefix(s, "hardware:") ?: str_has_prefix(s, "hw:");
	const char *wrong = NULL;
	char *option;

	s += mem + pmu + sw + hw;
	if (mem)
		wrong = parse_mem(session, &s, attr);
	else if (pmu)
		wrong = parse_pmu(&s, attr);
	else if (!find_name(strsep(&s, ":"), attr) ||
		 (attr->type == PERF_TYPE_SOFTWARE ? hw : sw))
		return not_ours;
	while (!wrong && (option = strsep(&s, ":")))
		wrong = parse_option(option, attr);
	if (wrong || attr->sample_period)
		return wrong;
	/* of what happens all the time, samples */
	attr->freq = attr->type != PERF_TYPE_BREAKPOINT &&
		     (attr->type != PERF_TYPE_SOFTWARE ||
		      attr->config <= PERF_COUNT_SW_TASK_CLOCK);
	attr->sample_period = attr->freq ? DEFAULT_FREQ : 1;
	return NULL;
}

/*
 * Sites
 */

static const char *refused(const struct perf_event_attr *attr, int error)
{
	if (error == -ENOMEM)
		return "no memory";
	if (error == -ENOSPC)
		return "a CPU has only so many breakpoints, and all are in use";
	if (attr->type == PERF_TYPE_BREAKPOINT)
		return "machine or kernel do not watch this place, or not so (x86: r alone)";
	if (error == -EOPNOTSUPP || (error == -EINVAL && attr->type >= PERF_TYPE_MAX))
		return "that does not exist, or cannot interrupt: there are no events of it";
	return "this machine (or its virtual machine) has no counter for it";
}

/* One that the script has named so before */
static struct ktap_site *site_find(struct ktap_session *s, const char *name)
{
	struct ktap_site *site;

	list_for_each_entry(site, &s->sites, list)
		if (site->ops == &ktap_perf_ops && !strcmp(site->name, name))
			return site;
	return NULL;
}

static struct ktap_site *site_create(struct ktap_session *s, const char *name,
				     const struct perf_event_attr *attr)
{
	struct ktap_site *site = ktap_site_new(s, &ktap_perf_ops);
	struct ktap_perf *p;
	int ret = -ENOMEM;

	if (!site)
		return ERR_PTR(ret);
	p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	if (!p)
		goto fail;
	site->perf = p;
	p->site = site;
	INIT_LIST_HEAD(&p->node);
	p->attr = *attr;
	p->name = kstrdup(name, GFP_KERNEL_ACCOUNT);
	site->name = p->name;
	p->events = alloc_percpu_gfp(struct perf_event *, GFP_KERNEL_ACCOUNT);
	if (!p->name || !p->events || ktap_perf_set_fields(p))
		goto fail;
	ret = site->ops->attach(site);
	if (ret)
		goto fail;
	s->nr_events++;
	s->nr_perfs++;
	return site;
fail:
	ktap_site_free(site);
	return ERR_PTR(ret);
}

/* The site of what @text says; if there is none, why is in @wrong */
static struct ktap_site *get_site(struct ktap_attach *a, char *text, const char **wrong)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.disabled = 1,
		.pinned = 1,
	};
	struct ktap_session *s = a->session;
	struct ktap_site *site;

	*wrong = text ? parse(s, text, &attr) : "no memory";
	if (*wrong)
		return NULL;
	site = site_find(s, a->item);
	if (site)
		return site;
	if (s->nr_perfs == KTAP_MAX_PERFS || security_locked_down(LOCKDOWN_PERF)) {
		*wrong = "the kernel is locked down, or there are too many perf events";
		return NULL;
	}
	ktap_exec_charge(a->x, 100LL * num_possible_cpus());
	site = site_create(s, a->item, &attr);
	if (IS_ERR(site))
		*wrong = refused(&attr, PTR_ERR(site));
	return site;
}

/**
 * ktap_attach_perf() - attach a handler to a perf event or a breakpoint
 * @a: the item
 *
 * Return: 0, what ktap_error() returned, or 1: it is something else.
 */
int ktap_attach_perf(struct ktap_attach *a)
{
	size_t n = ktap_perf_terms(a->item);
	const char *known = n ? find_pmu(a->session, a->item, n) : "", *wrong;
	struct ktap_site *site;
	char *text;

	if (!known)
		known = "!terms are looked up before the script runs: it has to have this text";
	if (*known == '!') {
		wrong = known + 1;
	} else {
		text = kasprintf(GFP_KERNEL, "%s%s", known, a->item + n);
		site = get_site(a, text, &wrong);
		kfree(text);
		if (!wrong)
			return ktap_attach_site(a, site, true);
		if (wrong == not_ours)
			return 1;
	}
	return ktap_error(a->x, "\"%s\": %s", a->item, wrong);
}
