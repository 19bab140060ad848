/* SPDX-License-Identifier: GPL-2.0 */
/*
 * json: JSON lines, for programs: what the text output has, and what goes to
 * stderr there. Documentation/trace/ktap/usage.rst describes the objects.
 */
#ifndef _KTAP_JSON_H
#define _KTAP_JSON_H

#include <stdio.h>
#include <linux/types.h>

#include "diag.h"

/* Messages of the compiler */
void json_diag(FILE *f, const struct ktap_diag *d);
/* A run-time error, with the call stack below it as the kernel gives it */
void json_error(FILE *f, const char *text);
void json_note(FILE *f, const char *text);
void json_started(FILE *f, __u64 nr);
void json_loss(FILE *f, const char *reason, const char *what, const char *fate, __u64 n);
/* The last line of a session */
void json_end(FILE *f, int status);

#endif /* _KTAP_JSON_H */
