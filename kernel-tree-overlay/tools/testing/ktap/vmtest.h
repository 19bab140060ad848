/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests of the VM that scripts cannot express: an assembler of images, and
 * how results are counted.
 */
#ifndef _KTAP_VMTEST_H
#define _KTAP_VMTEST_H

#include "shim.h"
#include "vm.h"
#include "host_env.h"

/**
 * struct asm_img - an image under construction
 *
 * Everything is added in order; asm_finish() makes the bytes, which tests then
 * may spoil.
 */
struct asm_img {
	char strings[65536];
	u32 nstrings;
	struct ktap_img_const consts[512];
	u32 nconsts;
	struct ktap_img_global globals[64];
	u32 nglobals;
	struct ktap_img_str builtins[64];
	u32 nbuiltins;
	struct ktap_img_func funcs[16];
	u32 nfuncs;
	struct ktap_img_upval upvals[256];
	u32 nupvals;
	u32 code[4096];
	u32 ncode;
	u8 *bytes;
	u32 size;
};

void asm_init(struct asm_img *a);
void asm_free(struct asm_img *a);
struct ktap_img_str asm_str(struct asm_img *a, const char *s);
u32 asm_const_int(struct asm_img *a, s64 i);
u32 asm_const_str(struct asm_img *a, const char *s);
u32 asm_global(struct asm_img *a, const char *name, u32 kind);
u32 asm_builtin(struct asm_img *a, const char *name);
/* Begins a function; what is emitted from here on is its code */
u32 asm_func(struct asm_img *a, const char *name, u8 nparams, u8 nregs, u8 flags);
/* An upvalue of the last function */
void asm_upval(struct asm_img *a, u8 from_reg, u8 index);
u32 asm_emit(struct asm_img *a, u32 insn);
void asm_finish(struct asm_img *a);
/* The section's place in the bytes, and its entry in the header */
u8 *asm_section(struct asm_img *a, enum ktap_section sec);
struct ktap_img_header *asm_header(struct asm_img *a);

#define I(op, a, b, c)		KTAP_INSN(KTAP_OP_##op, a, b, c)
#define IW(op, a, bx)		KTAP_INSN_WIDE(KTAP_OP_##op, a, bx)
#define IJ(op, j)		KTAP_INSN_JUMP(KTAP_OP_##op, j)

/* Results */
extern unsigned int tests, failures;
__printf(2, 3) void report(bool ok, const char *fmt, ...);

/* vmtest_verify.c */
void test_verifier(void);

/* vmtest_agg.c */
void test_aggregations(void);

/* vmtest_stack.c */
void test_stacks(void);

#endif /* _KTAP_VMTEST_H */
