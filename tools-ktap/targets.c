// SPDX-License-Identifier: GPL-2.0
/*
 * targets: where the events of programs are.
 *
 * An item becomes a struct ktap_target_set, with targets or with the reason why
 * it has none: the kernel shows that if the script traces the item. A string that
 * only looks like an event does no harm so.
 */
#include <fnmatch.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "elf_file.h"
#include "library.h"
#include "names.h"
#include "sdt_args.h"
#include "targets.h"

#define ERROR_SIZE	1024
#define NOTE_SIZE	2048

/* A file that an item names, or why it cannot be used */
struct targets_file {
	struct targets_file *next;
	char *name;			/* as the item has it */
	char *path;
	struct elf_file *elf;
	char error[ERROR_SIZE];
};

/* What will be a struct ktap_target; strings are in the arena */
struct found {
	__u64 offset;
	__u64 ref_ctr;
	__u64 start;
	const char *name;
	const char *provider;
	struct ktap_target_arg *args;
	unsigned int nargs;
};

/**
 * struct item - an item, taken apart
 * @text: the item
 * @what: that it is of: its kind
 * @ret: it is of the return
 * @copy: what the next three are parts of
 * @file: the file's name
 * @provider: of an SDT probe, or NULL
 * @symbol: the function, the SDT probe, or a pattern
 * @glob: @symbol or @provider is one
 * @number: @offset is in the file, there is no @symbol
 * @offset: from @symbol
 * @elf: the file
 * @path: its path
 * @arena: for strings
 * @found: the targets
 * @nr: how many
 * @cap: room in @found
 * @seen: how many functions, or SDT probes, the file has
 * @beyond: the offset is beyond a function's end
 * @start: one is the start of a program
 * @cover: of the function that @offset is in: where it begins
 * @near: a name like the one that there is not
 * @dist: how far it is
 * @error: why there are no targets, if it is not empty
 * @known: the kernel can tell that as well
 * @note: what is left out
 * @left: why the last one in @note is left out
 * @sdt: the SDT probe whose arguments are looked at
 */
struct item {
	const char *text;
	unsigned int what;
	bool ret;
	char *copy;
	char *file;
	char *provider;
	char *symbol;
	bool glob;
	bool number;
	__u64 offset;
	struct elf_file *elf;
	const char *path;
	struct arena arena;
	struct found *found;
	size_t nr;
	size_t cap;
	size_t seen;
	bool beyond;
	bool start;
	__u64 cover;
	char near[64];
	unsigned int dist;
	char error[ERROR_SIZE];
	bool known;
	struct buf note;
	const char *left;
	struct elf_sdt sdt;
};

enum {
	OF_MAYBE = 1,			/* the kernel has such events, too */
	OF_RET = 2,
	OF_SDT = 4,
};

static const struct {
	const char *name;
	unsigned int what;
} kinds[] = {
	{ "probe:",		OF_MAYBE },
	{ "u:",			0 },
	{ "uprobe:",		0 },
	{ "uprobes:",		0 },
	{ "uretprobe:",		OF_RET },
	{ "uretprobes:",	OF_RET },
	{ "sdt:",		OF_SDT },
	{ "usdt:",		OF_SDT },
};

__printf(2, 3)
static void fail(struct item *it, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(it->error, sizeof(it->error), fmt, ap);
	va_end(ap);
}

/* What follows the kind, or NULL if that is not one of programs */
static const char *kind_of(const char *item, unsigned int *what)
{
	const char *place, *colon;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strncmp(item, kinds[i].name, strlen(kinds[i].name)))
			break;
	if (i == ARRAY_SIZE(kinds))
		return NULL;
	*what = kinds[i].what;
	place = item + strlen(kinds[i].name);
	colon = strrchr(place, ':');
	/* modules of the kernel have no such names */
	if (*what & OF_MAYBE && !strchr(place, '/') &&
	    (!colon || !memmem(place, colon - place, ".so", 3)))
		return NULL;
	return place;
}

bool targets_is_one(const char *item)
{
	unsigned int what;

	return kind_of(item, &what);
}

static bool has_wildcard(const char *s)
{
	return s[strcspn(s, "*?[")];
}

static bool matches(const char *pattern, const char *s)
{
	return !pattern || !fnmatch(pattern, s, FNM_NOESCAPE);
}

/* All of @s is a number */
static bool number(const char *s, __u64 *v)
{
	char *end;

	*v = strtoull(s, &end, 0);
	return *s >= '0' && *s <= '9' && !*end;
}

/* FILE:PLACE, which is taken apart in the copy */
static bool parse(struct item *it, const char *place)
{
	char *s, *colon, *plus;
	size_t len;

	it->copy = xstrdup(place);
	s = it->copy;
	len = strlen(s);
	it->ret = it->what & OF_RET;
	if (len && s[len - 1] == '!') {
		s[len - 1] = 0;
		it->ret = true;
	} else if (len >= 7 && !strcmp(s + len - 7, "%return")) {
		s[len - 7] = 0;
		it->ret = true;
	}
	/* names have no colon, but for the one between provider and probe */
	colon = strrchr(s, '/');
	colon = it->what & OF_SDT ? strchr(colon ? colon : s, ':') : strrchr(s, ':');
	it->known = true;
	if (!colon || colon == s || !colon[1] || strchr(colon, '/')) {
		fail(it, "that does not name a place in a program; one is u:/bin/bash:readline, u:/bin/bash:0x1234 or sdt:/lib/libc.so.6:NAME");
		return false;
	}
	*colon = 0;
	it->file = s;
	it->symbol = colon + 1;
	if (it->what & OF_SDT) {
		if (it->ret) {
			fail(it, "an SDT probe has no return");
			return false;
		}
		it->known = false;
		colon = strchr(it->symbol, ':');
		if (colon) {
			*colon = 0;
			it->provider = it->symbol;
			it->symbol = colon + 1;
		}
		if (!*it->symbol || strchr(it->symbol, ':') || (colon && !*it->provider)) {
			fail(it, "an SDT probe is NAME or PROVIDER:NAME");
			return false;
		}
		it->glob = has_wildcard(it->symbol) || (colon && has_wildcard(it->provider));
		return true;
	}
	it->number = number(it->symbol, &it->offset);
	/* a path and an offset are all that it needs */
	it->known = it->number && strchr(it->file, '/');
	if (it->number)
		return true;
	it->glob = has_wildcard(it->symbol);
	plus = strchr(it->symbol, '+');
	if (plus) {
		*plus = 0;
		if (!*it->symbol || !number(plus + 1, &it->offset)) {
			fail(it, "an offset is a number, as in readline+0x10");
			return false;
		}
		if (it->glob || (it->ret && it->offset)) {
			fail(it, it->glob ? "an offset is of one function, not of many" :
					    "only a whole function returns; leave the offset out");
			return false;
		}
	}
	return true;
}

/*
 * Files
 */

static struct targets_file *open_file(struct targets *t, const char *name)
{
	struct targets_file *f;

	for (f = t->files; f; f = f->next)
		if (!strcmp(f->name, name))
			return f;
	f = xmalloc(sizeof(*f));
	memset(f, 0, sizeof(*f));
	f->name = xstrdup(name);
	f->next = t->files;
	t->files = f;
	f->path = library_path(name, f->error, sizeof(f->error));
	if (f->path)
		f->elf = elf_open(f->path, f->error, sizeof(f->error));
	return f;
}

/*
 * Finding
 */

static struct found *add(struct item *it, const char *name, __u64 offset)
{
	struct found *f;

	it->found = arena_grow(&it->arena, it->found, it->nr, &it->cap, sizeof(*f));
	f = &it->found[it->nr++];
	memset(f, 0, sizeof(*f));
	f->offset = offset;
	f->name = name;
	return f;
}

static const char *keep(struct item *it, const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(arena_alloc(&it->arena, n), s, n);
}

/* A function comes twice if it is in both tables of symbols */
static bool is_left_out(const struct item *it, const char *name)
{
	const char *p = it->note.data, *end;
	size_t n = strlen(name);

	if (!p)
		return false;
	end = p + it->note.len;
	while ((p = memmem(p, end - p, name, n))) {
		if (p > it->note.data && p[-1] == ' ' &&
		    (p + n == end || p[n] == ',' || p[n] == ';'))
			return true;
		p++;
	}
	return false;
}

static void leave_out(struct item *it, const char *name, const char *why)
{
	if (it->note.len > NOTE_SIZE || is_left_out(it, name))
		return;
	if (it->left != why) {
		if (it->note.len)
			buf_add(&it->note, "; ", 2);
		buf_add(&it->note, why, strlen(why));
		buf_add(&it->note, ": ", 2);
		it->left = why;
	} else {
		buf_add(&it->note, ", ", 2);
	}
	if (it->note.len > NOTE_SIZE)
		name = "...";
	buf_add(&it->note, name, strlen(name));
}

static const char start_why[] =
	"a program begins there and does not return: a probe of that would break it";
static const char ifunc_why[] =
	"what is called in their place is chosen when a program starts (IFUNC)";
static const char code_why[] = "there is no code where they are said to be";

static int match(void *data, const char *name, __u64 offset, __u64 size)
{
	struct item *it = data;
	struct found *f;

	it->seen++;
	if (it->glob ? !matches(it->symbol, name) : strcmp(it->symbol, name))
		return 0;
	if (it->ret && !strcmp(name, "_start")) {
		it->start = true;
		return 0;
	}
	if ((size && it->offset >= size && it->offset) || offset + it->offset < offset ||
	    !elf_is_code(it->elf, offset + it->offset)) {
		it->beyond = true;
		return 0;
	}
	f = add(it, it->glob ? keep(it, name) : it->symbol, offset + it->offset);
	if (it->offset)
		f->start = offset;
	return 0;
}

static int match_ifunc(void *data, const char *name, __u64 offset, __u64 size)
{
	struct item *it = data;

	(void)offset;
	(void)size;
	it->seen++;
	if (!matches(it->symbol, name))
		return 0;
	if (it->glob)
		leave_out(it, name, ifunc_why);
	return !it->glob;
}

static int nearest(void *data, const char *name, __u64 offset, __u64 size)
{
	const char *best = NULL;
	struct item *it = data;

	(void)offset;
	(void)size;
	names_near(it->symbol, name, &best, &it->dist);
	if (best)
		snprintf(it->near, sizeof(it->near), "%s", best);
	return 0;
}

/* The name of the function that an offset is in */
static int cover(void *data, const char *name, __u64 offset, __u64 size)
{
	struct item *it = data;

	if (it->offset < offset || it->offset - offset >= (size ? size : 1) ||
	    (it->found[0].name && offset <= it->cover))
		return 0;
	it->found[0].name = keep(it, name);
	it->cover = offset;
	return 0;
}

static void find_number(struct item *it)
{
	struct found *f;

	if (!elf_is_code(it->elf, it->offset)) {
		fail(it, "there is no code at 0x%llx in %s",
		     (unsigned long long)it->offset, it->path);
		return;
	}
	f = add(it, NULL, it->offset);
	elf_functions(it->elf, cover, it);
	if (!f->name)
		f->name = it->symbol;
	it->known = false;
	if (it->ret && !strcmp(f->name, "_start"))
		fail(it, "%s", start_why);
}

static void find_functions(struct item *it)
{
	elf_functions(it->elf, match, it);
	if (it->start && it->glob)
		leave_out(it, "_start", start_why);
	if (elf_ifuncs(it->elf, match_ifunc, it)) {
		fail(it, "\"%s\" is not what is called: that is chosen when a program starts (IFUNC); see ktap -lf '%s:*%s*'",
		     it->symbol, it->path, it->symbol);
		return;
	}
	if (it->nr)
		return;
	if (it->start) {
		fail(it, "%s", start_why);
	} else if (it->beyond) {
		fail(it, "%s+0x%llx is beyond the function's end", it->symbol,
		     (unsigned long long)it->offset);
	} else if (!elf_has_symbols()) {
		fail(it, "this ktap was built without libelf and knows no functions; give an offset in the file, as in u:%s:0x1234",
		     it->path);
	} else if (!it->seen) {
		fail(it, "%s is stripped: its functions have no names, unless its debug info is installed; give an offset in the file, as in u:%s:0x1234",
		     it->path, it->path);
	} else if (it->glob) {
		fail(it, "no function of %s matches \"%s\"%s%.*s", it->path, it->symbol,
		     it->note.len ? ", but for: " : "", (int)it->note.len,
		     it->note.len ? it->note.data : "");
	} else {
		elf_functions(it->elf, nearest, it);
		fail(it, "%s has no function \"%s\" (or it is inlined everywhere)%s%s%s",
		     it->path, it->symbol, *it->near ? "; did you mean " : "", it->near,
		     *it->near ? "?" : "");
	}
}

/* Where a variable is, from the probe that names it */
static bool variable(void *data, const char *name, __s64 *disp)
{
	struct item *it = data;
	__u64 addr;

	if (!elf_variable(it->elf, name, &addr))
		return false;
	*disp = addr - it->sdt.addr;
	return true;
}

static int match_sdt(void *data, const struct elf_sdt *sdt)
{
	struct ktap_target_arg args[KTAP_MAX_TARGET_ARGS];
	struct item *it = data;
	struct found *f;

	it->seen++;
	nearest(it, sdt->name, 0, 0);
	if (!matches(it->symbol, sdt->name) || !matches(it->provider, sdt->provider))
		return 0;
	if (!elf_is_code(it->elf, sdt->offset)) {
		leave_out(it, sdt->name, code_why);
		return 0;
	}
	it->sdt = *sdt;
	f = add(it, keep(it, sdt->name), sdt->offset);
	f->ref_ctr = sdt->ref_ctr;
	f->provider = keep(it, sdt->provider);
	f->nargs = sdt_args_parse(sdt->args, elf_machine(it->elf), variable, it, args,
				  ARRAY_SIZE(args));
	f->args = arena_alloc(&it->arena, f->nargs * sizeof(*args));
	memcpy(f->args, args, f->nargs * sizeof(*args));
	return 0;
}

static void find_sdt(struct item *it)
{
	elf_sdt_probes(it->elf, match_sdt, it);
	if (it->nr)
		return;
	if (!elf_has_symbols())
		fail(it, "this ktap was built without libelf and knows no SDT probes");
	else if (!it->seen)
		fail(it, "%s has no SDT probes", it->path);
	else if (it->note.len)
		fail(it, "%s is damaged: %.*s", it->path, (int)it->note.len, it->note.data);
	else
		fail(it, "%s has no SDT probe \"%s%s%s\"%s%s%s", it->path,
		     it->provider ? it->provider : "", it->provider ? ":" : "", it->symbol,
		     *it->near ? "; did you mean " : "", it->near, *it->near ? "?" : "");
}

/* One place, one target: of several names of a function, the plainest one */
static int compare(const void *a, const void *b)
{
	const struct found *l = a, *r = b;
	size_t nl, nr;

	if (l->offset != r->offset)
		return l->offset < r->offset ? -1 : 1;
	if (l->provider && strcmp(l->provider, r->provider))
		return strcmp(l->provider, r->provider);
	nl = strspn(l->name, "_");
	nr = strspn(r->name, "_");
	if (nl != nr)
		return nl < nr ? -1 : 1;
	nl = strlen(l->name);
	nr = strlen(r->name);
	return nl != nr ? (nl < nr ? -1 : 1) : strcmp(l->name, r->name);
}

static bool same(const struct found *a, const struct found *b)
{
	/* SDT probes of several names may be in one place, and are several */
	return a->offset == b->offset &&
	       (!a->provider || (!strcmp(a->name, b->name) && !strcmp(a->provider, b->provider)));
}

static void unique(struct item *it)
{
	size_t i, nr = 0;

	if (it->nr)
		qsort(it->found, it->nr, sizeof(*it->found), compare);
	for (i = 0; i < it->nr; i++)
		if (!nr || !same(&it->found[nr - 1], &it->found[i]))
			it->found[nr++] = it->found[i];
	it->nr = nr;
	if (nr > KTAP_MAX_TARGETS)
		fail(it, "\"%s\" matches %zu places in %s, and the limit is %d", it->symbol, nr,
		     it->path, KTAP_MAX_TARGETS);
}

static void resolve(struct targets *t, struct item *it, const char *place)
{
	struct targets_file *f;

	if (!parse(it, place))
		return;
	f = open_file(t, it->file);
	if (!f->elf) {
		fail(it, "%s", f->error);
		return;
	}
	it->elf = f->elf;
	it->path = f->path;
	it->dist = names_max_dist(it->symbol) + 1;
	if (it->ret && elf_is_go(it->elf)) {
		it->known = false;
		fail(it, "%s is a Go program: Go moves stacks, and a probe of a return would crash it",
		     it->path);
		return;
	}
	if (it->what & OF_SDT)
		find_sdt(it);
	else if (it->number)
		find_number(it);
	else
		find_functions(it);
	unique(it);
}

/*
 * Sets
 */

static __u32 add_string(struct buf *b, size_t set, const char *s, size_t len)
{
	size_t at = b->len - set;

	buf_add(b, s, len);
	buf_addc(b, 0);
	return at;
}

static __u32 add_text(struct buf *b, size_t set, const char *s)
{
	return add_string(b, set, s, strlen(s));
}

static void add_set(struct targets *t, const struct item *it)
{
	bool ok = !*it->error;
	struct ktap_target_set s = {
		.nr = ok ? it->nr : 0,
		.fd = ok ? elf_fd(it->elf) : -1,
	};
	struct ktap_target to = {};
	struct buf *b = &t->sets;
	size_t set = b->len, i, at;
	__u32 provider = 0;

	buf_add(b, &s, sizeof(s));
	for (i = 0; i < s.nr; i++)
		buf_add(b, &to, sizeof(to));
	for (i = 0; i < s.nr; i++) {
		const struct found *f = &it->found[i];

		to = (struct ktap_target){
			.offset = f->offset,
			.ref_ctr = f->ref_ctr,
			.start = f->start,
			.nargs = f->nargs,
		};
		buf_pad(b, 8);
		if (f->nargs) {
			to.args = b->len - set;
			buf_add(b, f->args, f->nargs * sizeof(*f->args));
		}
		to.name = add_text(b, set, f->name);
		/* most are of one provider */
		if (f->provider && (!i || strcmp(f->provider, it->found[i - 1].provider)))
			provider = add_text(b, set, f->provider);
		to.provider = provider;
		at = set + offsetof(struct ktap_target_set, target[i]);
		memcpy(b->data + at, &to, sizeof(to));
	}
	s.text = add_text(b, set, it->text);
	if (ok) {
		s.path = add_text(b, set, it->path);
		if (it->note.len)
			s.note = add_string(b, set, it->note.data, it->note.len);
	} else {
		s.error = add_text(b, set, it->error);
	}
	buf_pad(b, 8);
	s.bytes = b->len - set;
	memcpy(b->data + set, &s, sizeof(s));
	t->nr++;
}

static bool is_there(const struct targets *t, const char *text)
{
	const struct ktap_target_set *set;
	size_t at;

	for (at = 0; at < t->sets.len; at += set->bytes) {
		set = (const struct ktap_target_set *)(t->sets.data + at);
		if (!strcmp(targets_string(set, set->text), text))
			return true;
	}
	return false;
}

void targets_add(struct targets *t, const char *list, size_t len)
{
	char *copy, *next, *text;
	const char *place;

	/* most strings are none */
	if (!memchr(list, ':', len) || memchr(list, 0, len))
		return;
	copy = xmalloc(len + 1);
	memcpy(copy, list, len);
	copy[len] = 0;
	next = copy;
	while ((text = strsep(&next, ","))) {
		struct item it = {};

		text += strspn(text, " \t\n\r\f\v");
		text[strcspn(text, " \t\n\r\f\v")] = 0;
		place = kind_of(text, &it.what);
		if (!place || is_there(t, text))
			continue;
		it.text = text;
		resolve(t, &it, place);
		if (t->all || !it.known)
			add_set(t, &it);
		free(it.copy);
		buf_free(&it.note);
		arena_free(&it.arena);
	}
	free(copy);
}

void targets_free(struct targets *t)
{
	struct targets_file *f;

	while (t->files) {
		f = t->files;
		t->files = f->next;
		elf_close(f->elf);
		free(f->path);
		free(f->name);
		free(f);
	}
	buf_free(&t->sets);
	t->nr = 0;
}
