/* SPDX-License-Identifier: GPL-2.0 */
/*
 * list: -l, what there is to trace on this machine.
 */
#ifndef _KTAP_LIST_H
#define _KTAP_LIST_H

#include <stdbool.h>

/*
 * @what: "e" events of the kernel, "f" functions, "m" modules, or nothing of it:
 * all sources of events, or the one whose prefix is in @glob; "v": the fields of
 * events as well. @glob: only those, or NULL. @tracefs: where it is mounted,
 * or NULL: at the usual places. Returns an exit status.
 */
int list_run(const char *what, const char *glob, const char *tracefs);

/* list_perf.c: perf events; @verbose: and what they are. Returns how many */
unsigned int list_perf(const char *glob, bool verbose);

#endif /* _KTAP_LIST_H */
