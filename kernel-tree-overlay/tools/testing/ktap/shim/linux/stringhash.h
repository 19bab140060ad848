/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _KTAP_SHIM_STRINGHASH_H
#define _KTAP_SHIM_STRINGHASH_H

#include <linux/jhash.h>

/* The kernel's reads whole words, with exceptions for the last one. */
static inline unsigned int full_name_hash(const void *salt, const char *name, unsigned int len)
{
	return jhash(name, len, (unsigned long)salt);
}

#endif
