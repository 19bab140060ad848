/* SPDX-License-Identifier: GPL-2.0 */
/*
 * targets: where the events of programs are.
 *
 *	kind ":" FILE ":" FUNCTION [ "+" OFFSET ] [ return ]
 *	kind ":" FILE ":" OFFSET [ return ]
 *	"sdt:" FILE ":" [ PROVIDER ":" ] NAME
 *
 * kind is probe, u, uprobe, uprobes, uretprobe or uretprobes, for sdt there is
 * usdt as well; FUNCTION, PROVIDER and NAME may be patterns, and a return is
 * "%return" or "!".  What has "probe" as its kind is of the kernel, unless FILE is
 * a path or has ".so" in it.
 *
 * A FILE without a / is a program of $PATH, or a library where the loader looks:
 * libc.so.6, libc and c are one.
 */
#ifndef _KTAP_TARGETS_H
#define _KTAP_TARGETS_H

#include <stdbool.h>

#include "../../include/uapi/linux/ktap.h"
#include "util.h"

struct targets_file;

struct targets {
	struct buf sets;		/* struct ktap_target_set, one after the other */
	unsigned int nr;
	bool all;			/* with those whose errors the kernel knows */
	struct targets_file *files;	/* open as long as @sets are needed */
};

/* Is it an event of a program? */
bool targets_is_one(const char *item);
/* Adds a set for each event of a program in a list of events */
void targets_add(struct targets *t, const char *list, size_t len);
void targets_free(struct targets *t);

static inline const char *targets_string(const struct ktap_target_set *set, unsigned int off)
{
	return (const char *)set + off;
}

#endif /* _KTAP_TARGETS_H */
