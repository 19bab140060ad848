/* SPDX-License-Identifier: GPL-2.0 */
/*
 * usym: addresses in processes as text.
 *
 * What is at an address is known from the process's mappings, which are read as
 * soon as a record names the process: it may end at any time. The symbols of the
 * files in them are read when the first address in one is shown.
 */
#ifndef _KTAP_USYM_H
#define _KTAP_USYM_H

#include <stdbool.h>
#include <linux/types.h>

#include "../../include/uapi/linux/ktap.h"
#include "util.h"

struct usym;

struct usym *usym_new(void);
void usym_free(struct usym *s);
/* Reads the mappings of a process, also if it was known: it may have more of them now */
void usym_see(struct usym *s, __u32 pid, __u64 program);
/*
 * NAME+0xOFFSET (FILE), 0xOFFSET (FILE) where there is no symbol, the offset being
 * that in the file; [0xADDRESS] if nothing is known. @after: the address is the one
 * after a call, which is what is looked for.
 */
void usym_text(struct usym *s, struct buf *b, __u32 pid, __u64 program, __u64 ip, bool after);
/* Of how many addresses the process was gone before its mappings were read */
unsigned long usym_gone(const struct usym *s);

#endif /* _KTAP_USYM_H */
