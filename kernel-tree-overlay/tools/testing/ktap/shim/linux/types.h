/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's types; 64 bits are long long everywhere, as formats expect. */
#ifndef _KTAP_SHIM_TYPES_H
#define _KTAP_SHIM_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <asm/types.h>

typedef __u64 u64;
typedef __s64 s64;
typedef __u32 u32;
typedef __s32 s32;
typedef __u16 u16;
typedef __s16 s16;
typedef __u8 u8;
typedef __s8 s8;

#define __bitwise
#define __force
#define __user
#define __must_check

typedef __u16 __le16;
typedef __u32 __le32;
typedef __u64 __le64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;

typedef unsigned int gfp_t;

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	long counter;
} atomic_long_t;

#endif /* _KTAP_SHIM_TYPES_H */
