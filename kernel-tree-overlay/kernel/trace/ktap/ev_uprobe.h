/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ktap: probes of programs.
 */
#ifndef _KTAP_EV_UPROBE_H
#define _KTAP_EV_UPROBE_H

#include <linux/fs.h>
#include <linux/uprobes.h>

#include "attach.h"

/**
 * struct ktap_uarg - an argument of a place, see struct ktap_target_arg
 * @kind: as there
 * @size: as there
 * @scale: as there
 * @base: where the register is in struct pt_regs, or -1
 * @index: the same
 * @disp: as there
 */
struct ktap_uarg {
	u8 kind;
	s8 size;
	u8 scale;
	s16 base;
	s16 index;
	s64 disp;
};

/**
 * struct ktap_uplace - a place where a probe is
 * @consumer: what the kernel calls
 * @uprobe: the kernel's probe
 * @owner: whose it is
 * @target: where it is
 * @args: its arguments (SDT)
 */
struct ktap_uplace {
	struct uprobe_consumer consumer;
	struct uprobe *uprobe;
	struct ktap_uprobe *owner;
	const struct ktap_target *target;
	const struct ktap_uarg *args;
};

/**
 * struct ktap_uprobe - what a site has of probes of a program
 * @site: the site
 * @key: what it is found by: the text of the event without its prefix
 * @name: the event's name, if all places have the same; part of @key
 * @ret: it is where the functions return
 * @sdt: they are SDT probes
 * @file: the file that they are in; it is kept
 * @set: what the tool has found out, or NULL
 * @own: the place, if there is no @set
 * @nr: how many places there are
 * @places: them
 * @args: the arguments of all of them
 */
struct ktap_uprobe {
	struct ktap_site *site;
	char *key;
	const char *name;
	bool ret;
	bool sdt;
	struct file *file;
	const struct ktap_target_set *set;
	struct ktap_target own;
	unsigned int nr;
	struct ktap_uplace *places;
	struct ktap_uarg *args;
};

/* As entry.arg1 to entry.arg6 */
#define KTAP_UCALL_ARGS		6

/**
 * struct ktap_ucall - a call of a function that has not returned yet
 * @pid: the thread
 * @place: the probe of the return
 * @sp: its stack pointer when it has returned
 * @then: when it was entered, ktime_get_mono_fast_ns()
 * @has_args: @args are there
 * @args: its arguments; only if the script asks for them
 */
struct ktap_ucall {
	struct pid *pid;
	const struct ktap_uplace *place;
	unsigned long sp;
	u64 then;
	bool has_args;
	unsigned long args[KTAP_UCALL_ARGS];
};

/* targets.c */
const struct ktap_target_set *ktap_targets_find(const struct ktap_session *s,
						const char *text, size_t len,
						struct file **file);

/**
 * ktap_target_string() - a string of a set
 * @set: the set
 * @offset: where it is, or 0
 *
 * Return: the string, or NULL if there is none.
 */
static inline const char *ktap_target_string(const struct ktap_target_set *set, u32 offset)
{
	return set && offset ? (const char *)set + offset : NULL;
}

/* ucall.c */
struct ktap_ucalls *ktap_ucalls_new(bool keep_args);
void ktap_ucall_enter(struct ktap_ucalls *calls, const struct ktap_uplace *place,
		      struct pt_regs *regs);
int ktap_ucall_leave(struct ktap_ucalls *calls, const struct ktap_uplace *place,
		     struct pt_regs *regs, struct ktap_ucall *call);

/* ev_uprobe.c */
int ktap_uprobe_register(struct ktap_uplace *place);
int ktap_uprobe_set_fields(struct ktap_uprobe *p, unsigned int nargs);

#endif /* _KTAP_EV_UPROBE_H */
