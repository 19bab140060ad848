/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ktap: probes of the kernel's functions.
 */
#ifndef _KTAP_EV_KPROBE_H
#define _KTAP_EV_KPROBE_H

#include <linux/fprobe.h>
#include <linux/kprobes.h>

#include "attach.h"

/* More functions would have one probe fire inside another most of the time. */
#define KTAP_MAX_KFUNCS		20000

/**
 * struct ktap_kfunc - a function that is probed
 * @hook: what fprobe knows it by
 * @addr: where the probe is
 * @name: the event's name
 * @func: the function's name
 */
struct ktap_kfunc {
	unsigned long hook;
	unsigned long addr;
	char *name;
	char *func;
};

/**
 * struct ktap_kprobe - what a site has of probes
 * @site: the site
 * @key: what it is found by: the text of the event without its prefix
 * @ret: it is where the functions return
 * @entry: it is where a function begins
 * @glob: it is an fprobe, of all functions that a pattern matches
 * @keep_args: a handler of the return asks for the arguments of the entry
 * @inject: of a single function: which results it may be made to have, EI_ETYPE_*,
 *	or negative
 * @keep_time: the script asks for the time since the entry
 * @registered: events come
 * @before: hits that were missed before the session began
 * @kp: a probe of one function
 * @rp: of where it returns
 * @fp: of many
 * @nr: how many functions there are
 * @funcs: them; of a glob, sorted by @hook
 */
struct ktap_kprobe {
	struct ktap_site *site;
	char *key;
	bool ret;
	bool entry;
	bool glob;
	bool keep_args;
	bool keep_time;
	bool registered;
	int inject;
	unsigned long before;
	union {
		struct kprobe kp;
		struct kretprobe rp;
		struct fprobe fp;
	};
	unsigned int nr;
	struct ktap_kfunc *funcs;
};

/* ev_kprobe.c */
int ktap_kprobe_register(struct ktap_kprobe *p);
int ktap_kprobe_enable(struct ktap_kprobe *p);
void ktap_kprobe_drop(struct ktap_kprobe *p);
unsigned long ktap_kprobe_addr(const struct ktap_kprobe *p);
int ktap_kprobe_set_fields(struct ktap_kprobe *p);

#endif /* _KTAP_EV_KPROBE_H */
