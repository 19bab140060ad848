/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ktap: registers as text.
 */
#ifndef _KTAP_REGS_H
#define _KTAP_REGS_H

struct ktap_exec;
struct ktap_val;
struct pt_regs;

int ktap_regs_text(struct ktap_exec *x, const struct pt_regs *regs, struct ktap_val *out);

#endif /* _KTAP_REGS_H */
