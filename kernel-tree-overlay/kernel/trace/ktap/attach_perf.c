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
 *	name	= one of KTAP_PERF_EVENTS, or made of KTAP_PERF_CACHES
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
#include <linux/ctype.h>
#include <linux/hw_breakpoint.h>
#include <linux/kstrtox.h>
#include <linux/log2.h>
#include <linux/percpu.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/trace_event_tap.h>
#include <linux/uaccess.h>

#include "ev_perf.h"

/* How often samples are taken, as perf does, and at most */
#define DEFAULT_FREQ		4000
#define MAX_FREQ		100000

/* Bytes of the tool's translations of PMU/TERMS/ */
#define MAX_PMUS		(64 << 10)

/* How long a breakpoint on an instruction is: perf knows no better way to say it */
#if defined(CONFIG_ARM64) || defined(CONFIG_ARM)
#define CODE_LEN		HW_BREAKPOINT_LEN_4
#else
#define CODE_LEN		sizeof(long)
#endif

/**
 * struct perf_name - an event that has a name
 * @name: its name
 * @other: another one, or ""
 * @type: perf_event_attr.type
 * @config: perf_event_attr.config
 */
struct perf_name {
	const char *name;
	const char *other;
	u8 type;
	u8 config;
};

static const struct perf_name names[] = {
#define NAME(type, config, name, other, text)	\
	{ name, other, PERF_TYPE_##type, PERF_COUNT_##config },
	KTAP_PERF_EVENTS(NAME)
#undef NAME
};

/* By number, all names of a part in a row, with an empty one at the end */
#define PART(id, name, others)	[PERF_COUNT_HW_CACHE_##id] = name "\0" others "\0",
static const char * const caches[] = { KTAP_PERF_CACHES(PART) };
static const char * const ops[] = { KTAP_PERF_CACHE_OPS(PART) };
static const char * const results[] = { KTAP_PERF_CACHE_RESULTS(PART) };
#undef PART

static bool is_word(const char *s, size_t len, const char *word)
{
	return strlen(word) == len && !memcmp(s, word, len);
}

/* The part that @s begins with, the longest; what follows is after a "-" */
static int find_part(const char **s, const char *end, const char * const *parts, int nr)
{
	const char *name, *next = NULL;
	int i, found = -ENOENT;

	for (i = 0; i < nr; i++) {
		for (name = parts[i]; *name; name += strlen(name) + 1) {
			size_t len = strlen(name);

			if (end - *s < len || memcmp(*s, name, len) ||
			    (*s + len < end && (*s)[len] != '-') || *s + len <= next)
				continue;
			next = *s + len;
			found = i;
		}
	}
	if (found >= 0)
		*s = next < end ? next + 1 : end;
	return found;
}

static bool find_cache(const char *s, size_t len, struct perf_event_attr *attr)
{
	const char *end = s + len;
	int cache, op = -ENOENT, result = -ENOENT, n;

	cache = find_part(&s, end, caches, ARRAY_SIZE(caches));
	/* the name of a cache alone could be that of anything */
	if (cache < 0 || s == end)
		return false;
	while (s < end) {
		n = op < 0 ? find_part(&s, end, ops, ARRAY_SIZE(ops)) : -ENOENT;
		if (n >= 0) {
			op = n;
			continue;
		}
		n = result < 0 ? find_part(&s, end, results, ARRAY_SIZE(results)) : -ENOENT;
		if (n < 0)
			return false;
		result = n;
	}
	attr->type = PERF_TYPE_HW_CACHE;
	attr->config = cache | max(op, 0) << 8 | max(result, 0) << 16;
	return end[-1] != '-';
}

static bool find_raw(const char *s, size_t len, struct perf_event_attr *attr)
{
	bool digit = false;
	char hex[17];
	size_t i;

	if (len < 2 || len > sizeof(hex) || *s != 'r')
		return false;
	for (i = 1; i < len; i++) {
		if (!isxdigit(s[i]))
			return false;
		hex[i - 1] = s[i];
		digit |= isdigit(s[i]);
	}
	hex[i - 1] = '\0';
	attr->type = PERF_TYPE_RAW;
	/* words that are made of these letters are no numbers */
	return digit && !kstrtoull(hex, 16, &attr->config);
}

static bool find_name(const char *s, size_t len, struct perf_event_attr *attr)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (is_word(s, len, names[i].name) ||
		    (len && is_word(s, len, names[i].other))) {
			attr->type = names[i].type;
			attr->config = names[i].config;
			return true;
		}
	}
	return find_cache(s, len, attr) || find_raw(s, len, attr);
}

/* Of software and hardware, what comes before a name; 0: nothing does */
static size_t class_prefix(const char *item, bool *software)
{
	size_t n = str_has_prefix(item, "software:") ?: str_has_prefix(item, "sw:");

	*software = n;
	return n ?: str_has_prefix(item, "hardware:") ?: str_has_prefix(item, "hw:");
}

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

/**
 * ktap_is_perf() - whether an item is a perf event or a breakpoint
 * @item: the item
 *
 * Return: whether it is, or looks like one.
 */
bool ktap_is_perf(const char *item)
{
	struct perf_event_attr attr;
	bool software;

	return class_prefix(item, &software) || str_has_prefix(item, "mem:") ||
	       str_has_prefix(item, "pmu:") || ktap_perf_terms(item) ||
	       find_name(item, strcspn(item, ":"), &attr);
}

static const char *last_name(const char *part)
{
	const char *name = part;

	for (; *part; part += strlen(part) + 1)
		name = part;
	return name;
}

/**
 * ktap_perf_nearest() - look whether names of perf events are among the nearest
 * @near: them
 */
void ktap_perf_nearest(struct ktap_nearest *near)
{
	char name[KTAP_MAX_NAME];
	int i, op;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		ktap_nearest_add(near, names[i].name);
		if (*names[i].other)
			ktap_nearest_add(near, names[i].other);
	}
	for (i = 0; i < ARRAY_SIZE(caches); i++) {
		for (op = 0; op < ARRAY_SIZE(ops); op++) {
			snprintf(name, sizeof(name), "%s-%s", caches[i], last_name(ops[op]));
			ktap_nearest_add(near, name);
			snprintf(name, sizeof(name), "%s-%s-misses", caches[i], ops[op]);
			ktap_nearest_add(near, name);
		}
	}
}

/*
 * PMU/TERMS/
 */

/**
 * ktap_perf_set_pmus() - take what the tool says about PMU/TERMS/
 * @s: the session
 * @from: address of pairs of strings, see struct ktap_load
 * @size: bytes there
 *
 * Return: 0 or a negative error.
 */
int ktap_perf_set_pmus(struct ktap_session *s, u64 from, u32 size)
{
	unsigned int i, nr = 0;
	char *p;

	if (!size)
		return 0;
	if (size > MAX_PMUS)
		return -EINVAL;
	p = memdup_user(u64_to_user_ptr(from), size);
	if (IS_ERR(p))
		return PTR_ERR(p);
	for (i = 0; i < size; i++)
		nr += !p[i];
	if (p[size - 1] || nr & 1) {
		kfree(p);
		return -EINVAL;
	}
	s->pmus = p;
	s->pmus_size = size;
	return 0;
}

static const char *find_pmu(const struct ktap_session *s, const char *item, size_t len)
{
	const char *p = s->pmus, *value;

	for (; p < s->pmus + s->pmus_size; p = value + strlen(value) + 1) {
		value = p + strlen(p) + 1;
		if (is_word(item, len, p))
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
static int parse_pmu(struct ktap_attach *a, char **s, struct perf_event_attr *attr)
{
	u64 type, *configs[] = { &attr->config, &attr->config1, &attr->config2 };
	int i;

	if (!next_number(s, &type) || type > U32_MAX || !next_number(s, &attr->config))
		return ktap_error(a->x, "\"%s\": %s", a->item,
				  "numbers follow, as in pmu:TYPE:CONFIG:CONFIG1:CONFIG2");
	for (i = 1; i < ARRAY_SIZE(configs) && *s && isdigit(**s); i++)
		if (!next_number(s, configs[i]))
			return ktap_error(a->x, "\"%s\" has a bad number", a->item);
	attr->type = type;
	return 0;
}

/**
 * struct symbol - a symbol that is looked for
 * @name: its name
 * @addr: the address
 * @nr: how many have been found, at different addresses
 */
struct symbol {
	const char *name;
	unsigned long addr;
	unsigned int nr;
};

static int match_symbol(void *data, const char *name, unsigned long addr)
{
	struct symbol *sym = data;

	if (!strcmp(name, sym->name) && (!sym->nr || addr != sym->addr)) {
		sym->addr = addr;
		sym->nr++;
	}
	return 0;
}

static int nearest_symbol(void *data, const char *name, unsigned long addr)
{
	struct ktap_nearest *near = data;
	size_t want = strlen(near->want), have = strlen(name);

	/* most are of another length */
	if (max(want, have) - min(want, have) <= want / 3 + 1)
		ktap_nearest_add(near, name);
	return 0;
}

static int no_such_symbol(struct ktap_attach *a, const char *name)
{
	char buf[KTAP_NEAREST_TEXT] = "";
	struct ktap_log log = { .buf = buf, .size = sizeof(buf) };
	struct ktap_nearest *near = kzalloc(sizeof(*near), GFP_KERNEL);

	if (near) {
		near->want = name;
		trace_event_tap_symbols(NULL, nearest_symbol, near);
		ktap_nearest_text(near, &log);
		kfree(near);
	}
	return ktap_error(a->x, "\"%s\": the kernel has no symbol \"%s\"%s%s", a->item, name,
			  IS_ENABLED(CONFIG_KALLSYMS_ALL) ? "" :
			  " (without CONFIG_KALLSYMS_ALL, it has none of variables)", buf);
}

static int parse_place(struct ktap_attach *a, char *place, struct perf_event_attr *attr)
{
	struct symbol sym = { .name = place };
	unsigned long offset = 0;
	char *plus;

	if (isdigit(*place)) {
		if (kstrtoull(place, 0, &attr->bp_addr) || !attr->bp_addr ||
		    attr->bp_addr != (unsigned long)attr->bp_addr)
			return ktap_error(a->x, "\"%s\": \"%s\" is no address", a->item, place);
		return 0;
	}
	plus = strchr(place, '+');
	if (plus) {
		*plus++ = '\0';
		if (kstrtoul(plus, 0, &offset))
			return ktap_error(a->x, "\"%s\": an offset is a number", a->item);
	}
	if (!*place)
		return ktap_error(a->x, "\"%s\" has no address, as in mem:0x1234/8:rw or mem:SYMBOL",
				  a->item);
	trace_event_tap_symbols(NULL, match_symbol, &sym);
	if (!sym.nr)
		return no_such_symbol(a, place);
	if (sym.nr > 1)
		return ktap_error(a->x, "\"%s\": %u symbols are called \"%s\"; give the address",
				  a->item, sym.nr, place);
	if (sym.addr < TASK_SIZE_MAX)
		return ktap_error(a->x, "\"%s\": each CPU has its own \"%s\"; give an address",
				  a->item, place);
	if (trace_event_tap_place(sym.addr) == TRACE_EVENT_TAP_INIT)
		return ktap_error(a->x, "\"%s\": that is there only while the kernel starts",
				  a->item);
	attr->bp_addr = sym.addr + offset;
	return 0;
}

static u32 parse_access(const char *s, size_t len)
{
	if (is_word(s, len, "r"))
		return HW_BREAKPOINT_R;
	if (is_word(s, len, "w"))
		return HW_BREAKPOINT_W;
	if (is_word(s, len, "rw") || is_word(s, len, "wr"))
		return HW_BREAKPOINT_RW;
	return is_word(s, len, "x") ? HW_BREAKPOINT_X : 0;
}

/* mem:PLACE[/BYTES][:ACCESS] */
static int parse_mem(struct ktap_attach *a, char **s, struct perf_event_attr *attr)
{
	char *place = strsep(s, ":"), *bytes = strchr(place, '/');
	u64 len = 0;
	int ret;

	attr->type = PERF_TYPE_BREAKPOINT;
	attr->bp_type = *s ? parse_access(*s, strcspn(*s, ":")) : 0;
	if (attr->bp_type)
		strsep(s, ":");
	else if (*s && (**s == 'r' || **s == 'w' || **s == 'x'))
		return ktap_error(a->x, "\"%s\": an access is r, w, rw or x", a->item);
	else
		attr->bp_type = HW_BREAKPOINT_RW;
	if (bytes) {
		*bytes++ = '\0';
		if (kstrtoull(bytes, 0, &len) || !is_power_of_2(len) || len > INT_MAX)
			return ktap_error(a->x, "\"%s\": a breakpoint is of 1, 2, 4 or 8 bytes",
					  a->item);
	}
	ret = parse_place(a, place, attr);
	if (ret)
		return ret;
	if (attr->bp_addr < TASK_SIZE_MAX && !a->session->tgid)
		return ktap_error(a->x, "\"%s\": this address means something else in each process; use -p or -- COMMAND",
				  a->item);
	if (attr->bp_addr >= TASK_SIZE_MAX && !capable(CAP_SYS_ADMIN))
		return ktap_error(a->x, "\"%s\": a breakpoint in the kernel needs CAP_SYS_ADMIN",
				  a->item);
	if (attr->bp_type == HW_BREAKPOINT_X)
		attr->bp_len = CODE_LEN;
	else if (!len)
		/* as perf does, or what can be there */
		attr->bp_len = 1 << min_t(unsigned int, 2, __ffs(attr->bp_addr));
	if (!len)
		return 0;
	if (attr->bp_type == HW_BREAKPOINT_X)
		return ktap_error(a->x, "\"%s\": an instruction has no length here", a->item);
	if (attr->bp_addr & (len - 1))
		return ktap_error(a->x, "\"%s\": %llu bytes begin at a multiple of %llu",
				  a->item, len, len);
	attr->bp_len = len;
	return 0;
}

static int parse_option(struct ktap_attach *a, const char *s, struct perf_event_attr *attr)
{
	size_t n = str_has_prefix(s, "period=");
	u64 v;

	if (n || isdigit(*s)) {
		if (kstrtoull(s + n, 0, &v) || !v || v > S64_MAX)
			return ktap_error(a->x, "\"%s\": a period is a number from 1 on", a->item);
		attr->sample_period = v;
		attr->freq = 0;
		return 0;
	}
	n = str_has_prefix(s, "freq=");
	if (n) {
		if (kstrtoull(s + n, 0, &v) || !v || v > MAX_FREQ)
			return ktap_error(a->x, "\"%s\": a frequency is from 1 to %u a second",
					  a->item, MAX_FREQ);
		attr->sample_freq = v;
		attr->freq = 1;
		return 0;
	}
	if (!strcmp(s, "u"))
		attr->exclude_kernel = 1;
	else if (!strcmp(s, "k"))
		attr->exclude_user = 1;
	else
		return ktap_error(a->x, "\"%s\": what follows is period=N, freq=N, u or k, not \"%s\"",
				  a->item, s);
	return 0;
}

static int no_such_name(struct ktap_attach *a, const char *name, const char *class)
{
	char buf[KTAP_NEAREST_TEXT] = "";
	struct ktap_log log = { .buf = buf, .size = sizeof(buf) };
	struct ktap_nearest *near = kzalloc(sizeof(*near), GFP_KERNEL);

	if (near) {
		near->want = name;
		ktap_perf_nearest(near);
		ktap_nearest_text(near, &log);
		kfree(near);
	}
	return ktap_error(a->x, "no %s event is called \"%s\"%s", class, name, buf);
}

static int parse_name(struct ktap_attach *a, char **s, struct perf_event_attr *attr)
{
	bool software;
	size_t n = class_prefix(*s, &software);
	char *name;

	*s += n;
	name = strsep(s, ":");
	if (!find_name(name, strlen(name), attr))
		return no_such_name(a, name, software ? "software" : "hardware");
	if (n && software != (attr->type == PERF_TYPE_SOFTWARE))
		return ktap_error(a->x, "\"%s\": that is an event of %s", a->item,
				  software ? "hardware" : "software");
	return 0;
}

/* Of what there is one at a time, each; of the rest samples */
static bool each_one(const struct perf_event_attr *attr)
{
	return attr->type == PERF_TYPE_BREAKPOINT ||
	       (attr->type == PERF_TYPE_SOFTWARE && attr->config > PERF_COUNT_SW_TASK_CLOCK);
}

/* Takes @text apart, which it writes to; @text is of @a->item, or stands for it */
static int parse(struct ktap_attach *a, char *text, struct perf_event_attr *attr)
{
	char *s = text, *option;
	size_t n;
	int ret;

	n = str_has_prefix(s, "mem:") ?: str_has_prefix(s, "pmu:");
	s += n;
	if (!n)
		ret = parse_name(a, &s, attr);
	else if (*text == 'm')
		ret = parse_mem(a, &s, attr);
	else
		ret = parse_pmu(a, &s, attr);
	while (!ret && (option = strsep(&s, ":")))
		ret = parse_option(a, option, attr);
	if (ret || attr->sample_period)
		return ret;
	attr->freq = !each_one(attr);
	attr->sample_period = attr->freq ? DEFAULT_FREQ : 1;
	return 0;
}

/*
 * Sites
 */

/* One that the script has named so before */
static struct ktap_site *site_find(struct ktap_session *s, const char *name)
{
	struct ktap_site *site;

	list_for_each_entry(site, &s->sites, list)
		if (site->ops == &ktap_perf_ops && !strcmp(site->name, name))
			return site;
	return NULL;
}

static int refused(struct ktap_attach *a, const struct perf_event_attr *attr, int error)
{
	bool mem = attr->type == PERF_TYPE_BREAKPOINT;
	const char *why = "the kernel does not take it";

	switch (error) {
	case -ENOMEM:
		return ktap_error(a->x, "no memory to trace \"%s\"", a->item);
	case -ENOSPC:
		why = "a CPU has only so many breakpoints, and others are in use";
		break;
	case -EPERM:
	case -EACCES:
		why = "that needs CAP_SYS_ADMIN";
		break;
	case -EBUSY:
		why = "somebody else has the counters for himself";
		break;
	case -EINVAL:
		if (mem && attr->bp_type == HW_BREAKPOINT_R)
			why = "this machine does not watch reads alone; use rw";
		else if (mem && attr->bp_len > sizeof(long))
			why = "so many bytes are too many for this machine";
		else if (mem)
			why = "the kernel lets nobody watch that place";
		else if (ktap_perf_only_counts(attr))
			why = "it counts, but cannot interrupt: there are no events of it";
		else if (attr->type <= PERF_TYPE_HW_CACHE)
			why = "this machine (or its virtual machine) has no counter for it";
		break;
	case -ENOENT:
	case -ENODEV:
	case -EOPNOTSUPP:
		why = mem ? "this machine has no such breakpoints" :
			    "this machine (or its virtual machine) has no counter for it";
		break;
	}
	return ktap_error(a->x, "cannot trace \"%s\": %s", a->item, why);
}

static struct ktap_site *site_create(struct ktap_session *s, const char *name,
				     const struct perf_event_attr *attr)
{
	struct ktap_site *site = ktap_site_new(s, &ktap_perf_ops);
	struct ktap_perf *p;
	int ret = -ENOMEM;

	if (!site)
		return ERR_PTR(-ENOMEM);
	p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	if (!p)
		goto fail;
	site->perf = p;
	p->site = site;
	INIT_LIST_HEAD(&p->node);
	p->attr = *attr;
	p->name = kstrdup(name, GFP_KERNEL_ACCOUNT);
	p->events = alloc_percpu_gfp(struct perf_event *, GFP_KERNEL_ACCOUNT);
	if (!p->name || !p->events || ktap_perf_set_fields(p))
		goto fail;
	site->name = p->name;
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

static int attach(struct ktap_attach *a, const char *text)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.disabled = 1,
		.pinned = 1,
	};
	struct ktap_site *site;
	char *copy;
	int ret;

	copy = kstrdup(text, GFP_KERNEL);
	if (!copy)
		return ktap_error(a->x, "no memory");
	ret = parse(a, copy, &attr);
	kfree(copy);
	if (ret)
		return ret;
	site = site_create(a->session, a->item, &attr);
	if (IS_ERR(site))
		return refused(a, &attr, PTR_ERR(site));
	return ktap_attach_site(a, site, true);
}

/**
 * ktap_attach_perf() - attach a handler to a perf event or a breakpoint
 * @a: the item
 *
 * Return: 0, or what ktap_error() returned.
 */
int ktap_attach_perf(struct ktap_attach *a)
{
	struct ktap_session *s = a->session;
	struct ktap_site *site;
	const char *known;
	char *text;
	size_t n;
	int ret;

	if (strstr(a->item, " /"))
		return ktap_error(a->x, "\"%s\": a predicate stands behind: trace (EVENT) /P/ { }",
				  a->item);
	if (security_locked_down(LOCKDOWN_PERF))
		return ktap_error(a->x, "\"%s\": the kernel is locked down, and has no perf events",
				  a->item);
	ktap_exec_charge(a->x, 100LL * num_possible_cpus());
	site = site_find(s, a->item);
	if (site)
		return ktap_attach_site(a, site, true);
	if (s->nr_perfs == KTAP_MAX_PERFS)
		return ktap_error(a->x, "there are %u perf events already, which is the limit",
				  KTAP_MAX_PERFS);
	n = ktap_perf_terms(a->item);
	if (!n)
		return attach(a, a->item);
	known = find_pmu(s, a->item, n);
	if (!known)
		return ktap_error(a->x, "\"%s\": the script must have this text as it is: what the terms mean is looked up before it runs",
				  a->item);
	if (*known == '!')
		return ktap_error(a->x, "\"%s\": %s", a->item, known + 1);
	text = kasprintf(GFP_KERNEL, "%s%s", known, a->item + n);
	if (!text)
		return ktap_error(a->x, "no memory");
	ret = attach(a, text);
	kfree(text);
	return ret;
}
