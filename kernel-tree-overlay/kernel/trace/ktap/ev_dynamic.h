/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ktap: probes with fetch definitions, which are dynamic events of the kernel.
 */
#ifndef _KTAP_EV_DYNAMIC_H
#define _KTAP_EV_DYNAMIC_H

#include "attach.h"

/* To make and to delete one takes the kernel a grace period or two. */
#define KTAP_MAX_DYN_PLACES	256

/**
 * struct ktap_dyn_place - a place that is probed
 * @where: in the words of dynamic_events, without %return: "vfs_read+0x10",
 *	"ext4:ext4_sync_fs", "0xffffffff81234567", "/bin/sh:0x1234(0x5678)"
 * @name: the event's name, without ret_
 * @func: the function's name
 * @addr: where the function begins, if it is one of the kernel and the place is
 *	its entry or its return; else 0
 */
struct ktap_dyn_place {
	const char *where;
	const char *name;
	const char *func;
	unsigned long addr;
};

/**
 * struct ktap_dynamic - what ktap_attach_dynamic() attaches
 * @key: by which a site is found again: where the probes are as the script has it,
 *	without its kind, definitions and return
 * @defs: the fetch definitions, separated by blanks
 * @ret: of returns
 * @user: in programs; then there is one place
 * @exact: the item is this event and no other, so what is wrong is an error
 * @nr: how many places there are
 * @places: them; of the kernel's, sorted by @addr if there are several
 * @refused: gets those that the kernel refuses, if not @exact
 */
struct ktap_dynamic {
	const char *key;
	const char *defs;
	bool ret;
	bool user;
	bool exact;
	unsigned int nr;
	const struct ktap_dyn_place *places;
	struct ktap_refused *refused;
};

/**
 * struct ktap_dyn - what a site has of dynamic events
 * @event: the event
 * @key: &ktap_dynamic.key and &ktap_dynamic.defs
 * @ret: of returns
 * @user: in programs
 * @before: hits that were missed before the session began
 * @nr_defs: how many fields are definitions of the script
 * @entry_defs: which of them are of what the entry had: by &ktap_site.fields
 * @retval: index in &ktap_site.fields of the result; or 0
 * @args: index in &ktap_site.fields of the arguments that the entry had; or 0
 * @hidden: " NAME=" of the first definition that is not the script's; or ""
 * @nr: how many places there are
 * @places: them, with names that are its own
 */
struct ktap_dyn {
	struct trace_event_tap_dyn *event;
	char *key;
	bool ret;
	bool user;
	unsigned long before;
	unsigned int nr_defs;
	DECLARE_BITMAP(entry_defs, 128);
	u16 retval;
	u16 args[6];
	char hidden[16];
	unsigned int nr;
	struct ktap_dyn_place *places;
};

/* attach_dynamic.c */
int ktap_attach_dynamic(struct ktap_attach *a, const struct ktap_dynamic *d);

#endif /* _KTAP_EV_DYNAMIC_H */
