/* SPDX-License-Identifier: GPL-2.0 */
/*
 * render_user: addresses in processes, in records.
 *
 * Before a record is looked at, stacks and addresses of processes become what they
 * show: a KTAP_VAL_USTACK is a KTAP_VAL_STACK then, as the kernel's own stacks
 * are, and a KTAP_VAL_USYM a string.
 */
#ifndef _KTAP_RENDER_USER_H
#define _KTAP_RENDER_USER_H

#include "render_int.h"

/* Appends a value */
void add_record_val(struct buf *b, const struct ktap_rec_val *v);
/* @v: the values of a record; true if some were replaced: then they are in r->plain */
bool render_plain(struct ktap_render *r, struct vals *v);

#endif /* _KTAP_RENDER_USER_H */
