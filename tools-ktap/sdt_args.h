/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sdt_args: where the arguments of an SDT probe are.
 *
 * They are in the note as the assembler's operands, each with its size:
 *	8@%rdi -4@-20(%rbp) 1@$7	x86
 *	8@x0 -4@[sp, 12] 1@7		arm64
 */
#ifndef _KTAP_SDT_ARGS_H
#define _KTAP_SDT_ARGS_H

#include <stdbool.h>
#include <linux/types.h>

#include "../../include/uapi/linux/ktap.h"

/* The address of a variable, relative to the probe; false if it is not known */
typedef bool (*sdt_symbol_fn)(void *data, const char *name, __s64 *disp);

/*
 * The arguments in @text, for machine @machine (EM_), up to @max of them; returns
 * how many. What cannot be fetched is KTAP_TARGET_NONE, and so nil.
 */
unsigned int sdt_args_parse(const char *text, unsigned int machine, sdt_symbol_fn symbol,
			    void *data, struct ktap_target_arg *args, unsigned int max);

/* "s32 +8(%bp)", for people */
void sdt_arg_text(const struct ktap_target_arg *arg, char *buf, size_t size);

#endif /* _KTAP_SDT_ARGS_H */
