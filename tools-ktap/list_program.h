/* SPDX-License-Identifier: GPL-2.0 */
/*
 * list_program: -l of what there is to trace in a program or a library.
 */
#ifndef _KTAP_LIST_PROGRAM_H
#define _KTAP_LIST_PROGRAM_H

/*
 * @what: as for list_run(). @glob: an event of a program; or for -lf and -lm a file,
 * or FILE:GLOB. Returns an exit status, or -1 if it is none of this.
 */
int list_program(const char *what, const char *glob);

#endif /* _KTAP_LIST_PROGRAM_H */
