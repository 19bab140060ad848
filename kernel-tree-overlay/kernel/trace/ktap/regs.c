// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: registers as text, for the sources of events that have them.
 *
 * Contexts: any.
 * Locks: none.
 */
#include <linux/array_size.h>
#include <linux/kernel.h>
#include <linux/ptrace.h>
#include <linux/stddef.h>

#include "ktap.h"
#include "regs.h"

/**
 * ktap_regs_text() - all registers as text
 * @x: a handler
 * @regs: the registers
 * @out: set to the text
 *
 * Return: 0, what ktap_error() returned, or 1: not on this architecture.
 */
int ktap_regs_text(struct ktap_exec *x, const struct pt_regs *regs, struct ktap_val *out)
{
#ifdef CONFIG_X86_64
#define REG(name) { #name, offsetof(struct pt_regs, name) }
	static const struct {
		const char *name;
		unsigned int offset;
	} names[] = {
		REG(ax), REG(orig_ax), REG(bx), REG(cx), REG(dx), REG(si), REG(di),
		REG(bp), REG(sp), REG(ip), REG(flags), REG(cs), REG(ss), REG(r8),
		REG(r9), REG(r10), REG(r11), REG(r12), REG(r13), REG(r14), REG(r15),
	};
#undef REG
	/* a name, a number and what is around them */
	const size_t size = ARRAY_SIZE(names) * 32;
	struct ktap_str *s = ktap_str_alloc(x, size);
	size_t len = 0;
	int i;

	if (!s)
		return -EIO;
	for (i = 0; i < ARRAY_SIZE(names); i++)
		len += scnprintf(s->data + len, size - len, "%s%s: 0x%lx", i ? ", " : "{",
				 names[i].name,
				 *(const unsigned long *)((const char *)regs + names[i].offset));
	len += scnprintf(s->data + len, size - len, "}\n");
	ktap_str_shrink(x, s, len);
	*out = (struct ktap_val){ .s = s, .type = KTAP_STR };
	return 0;
#else
	return 1;
#endif
}
