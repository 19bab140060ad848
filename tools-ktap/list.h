/* SPDX-License-Identifier: GPL-2.0 */
/*
 * list: -l, what there is to trace on this machine.
 */
#ifndef _KTAP_LIST_H
#define _KTAP_LIST_H

#include <stdbool.h>

/*
 * @what: of "e" events, "f" functions, "m" modules, one of them; "v": the fields
 * of events as well. @glob: only those, or NULL. @tracefs: where it is mounted,
 * or NULL: at the usual places. Returns an exit status.
 */
int list_run(const char *what, const char *glob, const char *tracefs);

#endif /* _KTAP_LIST_H */
