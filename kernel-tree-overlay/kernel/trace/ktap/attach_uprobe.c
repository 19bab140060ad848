// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: the names of probes of programs.
 *
 *	item	 = kind ":" PATH ":" place [ return ]
 *		 | ( "sdt" | "usdt" ) ":" PATH ":" [ PROVIDER ":" ] NAME
 *	kind	 = "u" | "uprobe" | "uprobes" | "uretprobe" | "uretprobes"
 *		 | "probe", if there is a / or ".so" in PATH
 *	place	 = FUNCTION [ "+" OFFSET ] | GLOB | OFFSET
 *	return	 = "%return" | "!"
 *
 * and fetch definitions after a blank, see attach_dynamic.c.
 *
 * An OFFSET is that of an instruction in the file, and all that is needed. The
 * rest has been found out by the tool for the texts that stand in the script, see
 * targets.c.
 *
 * Before the kernel gets to see a place it is looked at in the file: the kernel
 * itself looks only when a process has it mapped, and says nothing then.
 *
 * One event that cannot be probed is an error that says why. Of a glob, the places
 * that cannot are left out, and a note says so.
 *
 * Contexts: process context, in the main chunk.
 * Locks: none of its own.
 */
#include <linux/array_size.h>
#include <linux/cred.h>
#include <linux/elf.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kstrtox.h>
#include <linux/limits.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/trace_event_tap.h>

#include "ev_dynamic.h"
#include "ev_uprobe.h"

/* A program has few segments: of one with more it is not asked where its code is */
#define MAX_SEGMENTS		64

/**
 * struct kind - the first word of an item
 * @prefix: it
 * @ret: the events are returns
 * @sdt: they are SDT probes
 */
struct kind {
	const char *prefix;
	bool ret;
	bool sdt;
};

static const struct kind kinds[] = {
	{ "u:" }, { "uprobe:" }, { "uprobes:" }, { "uretprobe:", .ret = true },
	{ "uretprobes:", .ret = true }, { "sdt:", .sdt = true }, { "usdt:", .sdt = true },
	/* only those of programs */
	{ "probe:" },
};

static const struct kind *find_kind(const char *item)
{
	const struct kind *k;
	size_t len;

	for (k = kinds; k < kinds + ARRAY_SIZE(kinds); k++)
		if (str_has_prefix(item, k->prefix))
			break;
	if (k < kinds + ARRAY_SIZE(kinds) - 1)
		return k;
	if (k == kinds + ARRAY_SIZE(kinds))
		return NULL;
	item += strlen(k->prefix);
	len = strcspn(item, " \t");
	return memchr(item, '/', len) || strnstr(item, ".so", len) ? k : NULL;
}

/**
 * ktap_is_uprobe() - whether an item is a probe of a program
 * @item: the item
 *
 * Return: whether it is, or looks like one.
 */
bool ktap_is_uprobe(const char *item)
{
	return find_kind(item);
}

/**
 * struct program - the file that is traced
 * @file: it
 * @compat: it is of 32 bits, and the kernel of 64
 * @nr: how many of its segments are known
 * @segments: them
 */
struct program {
	struct file *file;
	bool compat;
	unsigned int nr;
	struct elf_phdr *segments;
};

/* Returns why it is none, or NULL */
static const char *read_program(struct program *prog)
{
	struct elfhdr head;
	loff_t pos = 0;
	ssize_t size;

	if (kernel_read(prog->file, &head, sizeof(head), &pos) != sizeof(head) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG))
		return "the file is not a program (ELF)";
	prog->compat = IS_ENABLED(CONFIG_64BIT) && head.e_ident[EI_CLASS] == ELFCLASS32;
	if (head.e_ident[EI_CLASS] != ELF_CLASS || head.e_phentsize != sizeof(*prog->segments) ||
	    !head.e_phnum || head.e_phnum > MAX_SEGMENTS)
		return NULL;
	size = head.e_phnum * sizeof(*prog->segments);
	prog->segments = kmalloc(size, GFP_KERNEL);
	if (!prog->segments)
		return "no memory";
	pos = head.e_phoff;
	if (pos < 0 || kernel_read(prog->file, prog->segments, size, &pos) != size)
		return "the file is cut short";
	prog->nr = head.e_phnum;
	return NULL;
}

/* 0, or why there cannot be a probe, as refusal() takes it */
static int check_place(const struct program *prog, const struct ktap_target *t)
{
	const struct elf_phdr *s = prog->segments;
	loff_t size = i_size_read(file_inode(prog->file));
	unsigned int i;

	if (t->offset >= size)
		return -ERANGE;
	for (i = 0; i < prog->nr; i++)
		if (s[i].p_type == PT_LOAD && s[i].p_flags & PF_X && t->offset >= s[i].p_offset &&
		    t->offset - s[i].p_offset < s[i].p_filesz)
			break;
	if (prog->nr && i == prog->nr)
		return -EFAULT;
	return trace_event_tap_user_code(prog->file, t->start ?: t->offset, t->offset,
					 prog->compat);
}

/* Why a place is refused, or NULL if that is not the place's fault */
static const char *refusal(int error)
{
	switch (error) {
	case -ERANGE:
		return "that is beyond the end of the file";
	case -EFAULT:
		return "that is not code of the program";
	case -EILSEQ:
		return "that is in the middle of an instruction; see a disassembly";
	case -ENOTSUPP:
	case -EOPNOTSUPP:
	case -ENOEXEC:
		return "the kernel cannot probe the instruction there";
	case -EINVAL:
		return "no instruction can be there, or somebody probes it without its semaphore";
	case -EIO:
		return "the file system of the file does not support it, or cannot read it";
	}
	return NULL;
}

/*
 * Sites
 */

/* One that the script has named so before */
static struct ktap_site *site_find(struct ktap_session *s, const char *key,
				   const struct kind *kind)
{
	struct ktap_site *site;

	hlist_for_each_entry(site, ktap_site_bucket(s, key), hash)
		if (site->ops == &ktap_uprobe_ops && site->uprobe->ret == kind->ret &&
		    site->uprobe->sdt == kind->sdt && !strcmp(site->uprobe->key, key))
			return site;
	return NULL;
}

static s16 reg_offset(const char *name)
{
	return *name ? trace_event_tap_register(name) : -1;
}

static const struct ktap_target_arg *args_of(const struct ktap_uprobe *p,
					     const struct ktap_target *t)
{
	return (const void *)p->set + t->args;
}

/* Room for all places and their arguments. Returns -ENOMEM, or the most arguments of one */
static int make_places(struct ktap_uprobe *p)
{
	const struct ktap_target *targets = p->set ? p->set->target : &p->own;
	unsigned int i, j, max = 0, sum = 0, nr = p->set ? p->set->nr : 1;
	struct ktap_uarg *arg;

	for (i = 0; i < nr && p->sdt; i++) {
		max = max(max, targets[i].nargs);
		sum += targets[i].nargs;
	}
	p->places = kvcalloc(nr, sizeof(*p->places), GFP_KERNEL_ACCOUNT);
	p->args = kvcalloc(sum, sizeof(*p->args), GFP_KERNEL_ACCOUNT);
	if (!p->places || !p->args)
		return -ENOMEM;
	arg = p->args;
	for (i = 0; i < nr; i++) {
		p->places[i].owner = p;
		p->places[i].target = &targets[i];
		p->places[i].args = arg;
		for (j = 0; j < targets[i].nargs && p->sdt; j++) {
			const struct ktap_target_arg *from = &args_of(p, &targets[i])[j];

			*arg++ = (struct ktap_uarg){
				.kind = from->kind,
				.size = from->size,
				.scale = from->scale,
				.base = reg_offset(from->base),
				.index = reg_offset(from->index),
				.disp = from->disp,
			};
		}
	}
	p->nr = nr;
	return max;
}

static struct ktap_uprobe *site_create(struct ktap_session *s, const char *key,
				       const struct kind *kind)
{
	struct ktap_site *site = ktap_site_new(s, &ktap_uprobe_ops);
	struct ktap_uprobe *p;

	if (!site)
		return NULL;
	p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	if (p)
		p->key = kstrdup(key, GFP_KERNEL_ACCOUNT);
	site->uprobe = p;
	if (!p || !p->key) {
		ktap_site_free(site);
		return NULL;
	}
	p->site = site;
	p->ret = kind->ret;
	p->sdt = kind->sdt;
	site->name = p->key;
	hlist_add_head(&site->hash, ktap_site_bucket(s, key));
	return p;
}

/*
 * Places
 */

static void put_note(struct ktap_attach *a, const char *note)
{
	char *text = kasprintf(GFP_KERNEL, "\"%s\": %s", a->item, note);

	if (text)
		ktap_outbuf_put(a->session->out, KTAP_REC_NOTE, KTAP_VAL_STR, text,
				min_t(size_t, strlen(text), KTAP_MAX_STR), NULL);
	kfree(text);
}

/**
 * struct item - what is attached
 * @a: the item
 * @defs: fetch definitions, or ""
 * @exact: it is no pattern
 * @path: of the file, as the kernel finds it
 * @refused: the places that are left out
 */
struct item {
	struct ktap_attach *a;
	const char *defs;
	bool exact;
	const char *path;
	struct ktap_refused refused;
};

/* A place with definitions is an event of the kernel's. What is wrong is said. */
#ifdef CONFIG_UPROBE_EVENTS
static int attach_defined(struct item *it, const struct ktap_uprobe *p,
			  const struct ktap_target *t)
{
	const char *name = ktap_target_string(p->set, t->name);
	struct ktap_dyn_place place = { .name = p->name ?: name, .func = name ?: p->name };
	struct ktap_dynamic d = {
		.defs = it->defs,
		.ret = p->ret,
		.user = true,
		.exact = it->exact && p->nr == 1,
		.nr = 1,
		.places = &place,
		.refused = &it->refused,
	};
	char *where;
	int ret;

	if (it->path[strcspn(it->path, " \t\n")])
		return ktap_error(it->a->x, "\"%s\": definitions want a path without blanks",
				  it->a->item);
	if (p->nr > KTAP_MAX_DYN_PLACES)
		return ktap_error(it->a->x, "\"%s\" is %u places; %s, %u is the limit",
				  it->a->item, p->nr, "with definitions", KTAP_MAX_DYN_PLACES);
	where = t->ref_ctr ?
		kasprintf(GFP_KERNEL, "%s:0x%llx(0x%llx)", it->path, t->offset, t->ref_ctr) :
		kasprintf(GFP_KERNEL, "%s:0x%llx", it->path, t->offset);
	if (!where)
		return ktap_attach_failed(it->a, it->a->item, -ENOMEM);
	place.where = where;
	d.key = d.exact ? p->key : where;
	ret = ktap_attach_dynamic(it->a, &d);
	kfree(where);
	return ret;
}
#else
static int attach_defined(struct item *it, const struct ktap_uprobe *p,
			  const struct ktap_target *t)
{
	return ktap_error(it->a->x, "\"%s\": definitions need CONFIG_UPROBE_EVENTS",
			  it->a->item);
}
#endif

/* Room for what returns are to know of the entries, if the script asks for it */
static int make_calls(struct ktap_session *s)
{
	bool args = ktap_vm_uses(s->vm, KTAP_BI_EV_ENTRY);

	if (s->ucalls || (!args && !ktap_names_has(s, "elapsed")))
		return 0;
	s->ucalls = ktap_ucalls_new(args);
	return s->ucalls ? 0 : -ENOMEM;
}

static int attach_places(struct item *it, struct ktap_uprobe *p)
{
	struct program prog = { .file = p->file };
	const char *why = read_program(&prog);
	struct ktap_attach *a = it->a;
	int error = 0, ret = 0;
	unsigned int i;

	if (!why)
		ktap_attach_many(a, p->nr);
	if (!why && p->ret && !*it->defs && make_calls(a->session))
		ret = ktap_attach_failed(a, a->item, -ENOMEM);
	for (i = 0; !why && !ret && i < p->nr; i++) {
		struct ktap_uplace *place = &p->places[i];

		/* what ends the session ends this */
		if (ktap_env_interrupted(a->session))
			break;
		error = check_place(&prog, place->target);
		if (!error && *it->defs) {
			ret = attach_defined(it, p, place->target);
			continue;
		}
		error = error ?: ktap_uprobe_register(place);
		if (error && refusal(error))
			ktap_refused_add(&it->refused, p->name ?:
					 ktap_target_string(p->set, place->target->name),
					 it->exact ? NULL : refusal(error));
		else if (error)
			/* the fault of none of them: the others would fail as well */
			ret = ktap_attach_failed(a, a->item, error);
	}
	kfree(prog.segments);
	if (!ret && !why && it->refused.nr == p->nr)
		why = refusal(error) ?: "the kernel takes none of its places";
	if (why)
		ret = ktap_error(a->x, "cannot probe \"%s\": %s", a->item, why);
	if (!ret && p->set && p->set->note)
		put_note(a, ktap_target_string(p->set, p->set->note));
	i = p->nr - it->refused.nr;
	ktap_refused_end(a, &it->refused, ret ? 0 : i, "places");
	if (ret || *it->defs)
		return ret;
	a->session->nr_events += i;
	return ktap_attach_site(a, p->site, it->exact);
}

/*
 * Items
 */

static struct file *open_program(const char *name)
{
	struct file *file;
	struct path path;
	int ret;

	ret = kern_path(name, LOOKUP_FOLLOW, &path);
	if (ret)
		return ERR_PTR(ret);
	if (d_is_reg(path.dentry))
		file = dentry_open(&path, O_RDONLY | O_LARGEFILE, current_cred());
	else
		file = ERR_PTR(-ENOEXEC);
	path_put(&path);
	return file;
}

/* An item that no set is about; @place is a copy of it, without kind and return */
static int resolve(struct ktap_attach *a, struct ktap_uprobe *p, char *place)
{
	char *colon = strrchr(place, ':');
	struct file *file;
	u64 offset;

	if (!colon || p->sdt || !memchr(place, '/', colon - place) ||
	    kstrtou64(colon + 1, 0, &offset) || offset > S64_MAX)
		return ktap_error(a->x, "\"%s\": %s; %s", a->item,
				  "only texts that stand in the script are looked up in a program",
				  "otherwise use an offset, as in u:/PATH:0x1234");
	*colon = '\0';
	p->own.offset = offset;
	file = open_program(place);
	if (!IS_ERR(file)) {
		p->file = file;
		return 0;
	}
	switch (PTR_ERR(file)) {
	case -ENOENT:
		return ktap_error(a->x, "cannot probe \"%s\": there is no file \"%s\"",
				  a->item, place);
	case -ENOEXEC:
		return ktap_error(a->x, "cannot probe \"%s\": \"%s\" is not a file", a->item,
				  place);
	}
	return ktap_error(a->x, "cannot probe \"%s\": \"%s\" cannot be opened, error %ld",
			  a->item, place, -PTR_ERR(file));
}

/* A new one; @place is a copy, see resolve() */
static int attach_new(struct item *it, const struct kind *kind, char *place,
		      const struct ktap_target_set *set, struct file *file)
{
	struct ktap_uprobe *p = site_create(it->a->session, place, kind);
	const char *colon;
	int ret = 0;

	if (!p)
		return ktap_attach_failed(it->a, it->a->item, -ENOMEM);
	colon = strrchr(p->key, ':');
	/* what has a provider is named by the target */
	if (it->exact && !kind->sdt && colon)
		p->name = colon + 1;
	if (set) {
		p->set = set;
		p->file = get_file(file);
		it->path = ktap_target_string(set, set->path);
	} else {
		ret = resolve(it->a, p, place);
		it->path = place;
	}
	if (!ret) {
		ret = make_places(p);
		if (ret >= 0)
			ret = ktap_uprobe_set_fields(p, ret);
		ret = ret ? ktap_attach_failed(it->a, it->a->item, ret) : attach_places(it, p);
	}
	/* what has definitions has a site of its own */
	if (ret || *it->defs)
		ktap_site_free(p->site);
	return ret;
}

/* Takes the return off its end */
static int parse(struct ktap_attach *a, struct kind *kind, char *place)
{
	size_t len = strlen(place);

	if (len && place[len - 1] == '!')
		len--;
	else if (len >= 7 && !strcmp(place + len - 7, "%return"))
		len -= 7;
	if (place[len]) {
		place[len] = '\0';
		kind->ret = true;
	}
	if (kind->ret && kind->sdt)
		return ktap_error(a->x, "\"%s\": an SDT probe has no return", a->item);
	if (!len || place[len - 1] == ':' || !strchr(place, ':'))
		return ktap_error(a->x, "\"%s\" does not name a place in a program; %s", a->item,
				  "one is u:/PATH:FUNCTION or u:/PATH:0x1234");
	return 0;
}

/**
 * ktap_attach_uprobe() - attach a handler to places of a program
 * @a: the item
 *
 * Return: 0, or what ktap_error() returned.
 */
int ktap_attach_uprobe(struct ktap_attach *a)
{
	struct kind kind = *find_kind(a->item);
	size_t len = strcspn(a->item, " \t"), skip = strlen(kind.prefix);
	struct item it = { .a = a, .defs = skip_spaces(a->item + len) };
	const struct ktap_target_set *set;
	struct ktap_site *site = NULL;
	struct file *file = NULL;
	char *place;
	int ret;

	if (*it.defs == '/')
		return ktap_error(a->x, "\"%s\": a predicate stands behind: trace (EVENT) /P/ { }",
				  a->item);
	place = kstrndup(a->item + skip, len - skip, GFP_KERNEL);
	if (!place)
		return ktap_attach_failed(a, a->item, -ENOMEM);
	ret = parse(a, &kind, place);
	if (ret)
		goto out;
	it.exact = !strpbrk(kind.sdt ? place : strrchr(place, ':'), "*?[");
	if (!*it.defs)
		site = site_find(a->session, place, &kind);
	set = ktap_targets_find(a->session, a->item, len, &file);
	if (site)
		ret = ktap_attach_site(a, site, it.exact);
	else if (set && set->error)
		ret = ktap_error(a->x, "cannot probe \"%s\": %s", a->item,
				 ktap_target_string(set, set->error));
	else
		ret = attach_new(&it, &kind, place, set, file);
out:
	kfree(place);
	return ret;
}
