/* SPDX-License-Identifier: GPL-2.0 */
/*
 * gen: what gen.c (functions and statements), gen_expr.c and gen_call.c share.
 *
 * Registers: locals from 0 on, in the order of their declaration (nact of
 * them are in sight), temporaries above them like a stack (free is the next
 * one). A local that an inner function captures lives in a cell, and the
 * register holds the cell.
 *
 * Errors are noted and generation goes on, so that one run finds several; what
 * was generated is thrown away then.
 */
#ifndef _KTAP_GEN_H
#define _KTAP_GEN_H

#include "../../include/uapi/linux/ktap.h"
#include "ast.h"
#include "image.h"
#include "names.h"

/* Jumps that wait for their target */
struct jlist {
	unsigned int *at;
	size_t n;
	size_t cap;
};

struct upval {
	struct local *local;
	unsigned char from_reg;
	unsigned char index;
};

/* Labels that are visible at once in a function; they are searched in a row. */
#define GEN_MAX_LABELS	1000

struct gen_label {
	struct kstr *name;
	unsigned int pc;
	int nact;
};

struct gen_goto {
	struct kstr *name;
	struct src_pos pos;
	unsigned int at;
	int nact;
};

struct gen_block {
	struct gen_block *outer;
	int nact;
	size_t first_label;
	size_t first_goto;
	struct jlist *breaks;		/* NULL: not a loop */
	struct jlist *continues;
	bool until;			/* its locals are seen by what follows it */
};

struct fs {
	struct program *p;
	struct image_builder *ib;
	struct fs *outer;
	struct func *f;
	unsigned int *code;
	unsigned int *lines;
	size_t n;
	size_t cap;
	size_t lines_cap;
	unsigned int line;
	struct src_pos pos;		/* of the statement, for errors */
	int nact;
	int free;
	int nregs;
	bool full;			/* out of registers, reported */
	struct upval *upvals;
	size_t nupvals;
	size_t upvals_cap;
	struct gen_block *blk;
	struct gen_label *labels;
	size_t nlabels;
	size_t labels_cap;
	struct gen_goto *gotos;
	size_t ngotos;
	size_t gotos_cap;
};

/* Where a variable is */
enum var_kind {
	VAR_REG,			/* in a register */
	VAR_CELL,			/* in a cell that a register holds */
	VAR_UPVAL,
	VAR_GLOBAL,
	VAR_OTHER,			/* it is not a variable */
};

struct var {
	enum var_kind kind;
	int index;
};

/* gen_expr.c */
unsigned int gen_emit(struct fs *fs, unsigned int insn);
unsigned int gen_abc(struct fs *fs, int op, int a, int b, int c);
unsigned int gen_wide(struct fs *fs, int op, int a, int bx);
unsigned int gen_jump(struct fs *fs, int op, int a);
void gen_jump_back(struct fs *fs, int op, int a, unsigned int target);
void gen_patch(struct fs *fs, unsigned int at, unsigned int target);
void gen_patch_list(struct fs *fs, struct jlist *l, unsigned int target);
void gen_add_jump(struct fs *fs, struct jlist *l, unsigned int at);
int gen_alloc(struct fs *fs, int n);
struct var gen_var(struct fs *fs, const struct expr *name);
int gen_sym(struct fs *fs, struct sym *s);
void gen_load_int(struct fs *fs, int r, __s64 v);
int gen_const_str(struct fs *fs, const struct kstr *s, struct src_pos pos);

void gen_to(struct fs *fs, struct expr *e, int r);
int gen_next(struct fs *fs, struct expr *e);
int gen_any(struct fs *fs, struct expr *e);
int gen_key(struct fs *fs, struct expr *keys, unsigned int n);
int gen_key_of(struct fs *fs, struct expr *target);
void gen_cond(struct fs *fs, struct expr *e, bool sense, struct jlist *l);
/* Is it a constant that fits into an instruction? Its negative does as well */
bool gen_is_imm(const struct expr *e);
void gen_bin(struct fs *fs, int op, int r, int a, int b);
void gen_getk(struct fs *fs, int r, int obj, const struct kstr *name, struct src_pos pos);
bool gen_is_multi(struct fs *fs, const struct expr *e);
/* Values of a list into n registers from fs->free on */
int gen_list_to(struct fs *fs, struct expr *list, int n);
/* All values of a list from fs->free on; returns their number, or -1: multi */
int gen_list(struct fs *fs, struct expr *list);

/* gen_call.c */
enum { RES_MULTI = -1 };
/* nres results; where they begin is returned, r if that is not negative */
int gen_call(struct fs *fs, struct expr *e, int r, int nres);
void gen_tail_call(struct fs *fs, struct expr *e);
const struct builtin *gen_callee(const struct expr *fn);
bool gen_is_library(const struct expr *fn);
int gen_builtin(struct fs *fs, const char *name);

/* gen.c */
int gen_func(struct fs *outer, struct func *f);

#endif /* _KTAP_GEN_H */
