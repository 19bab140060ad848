/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ast: the program as the parser leaves it.
 *
 * All of it is in one arena. scope.c binds names (expr.name) to a struct local
 * or a struct sym; gen*.c only reads it.
 *
 * The depth of every tree is bounded by the parser (KTAP_MAX_NEST,
 * AST_MAX_CHAIN), so that walks may recurse.
 */
#ifndef _KTAP_AST_H
#define _KTAP_AST_H

#include "diag.h"
#include "lexer.h"

#define AST_MAX_NEST	200	/* parentheses, blocks, functions inside each other */
#define AST_MAX_CHAIN	1000	/* a + b + c ..., a.b.c ... */

enum expr_kind {
	E_NIL,
	E_BOOL,			/* i */
	E_INT,			/* i */
	E_STR,			/* str */
	E_VARARG,
	E_NAME,			/* name */
	E_INDEX,		/* a [ keys ] */
	E_FIELD,		/* a . str */
	E_CALL,			/* a ( list ) */
	E_METHOD,		/* a : str ( list ) */
	E_FUNC,			/* func */
	E_TABLE,		/* list of values, each with its key in ->key or NULL */
	E_TUPLE,		/* [ list ], only on the left of "in" */
	E_PAREN,		/* ( a ) */
	E_UN,			/* op a */
	E_BIN,			/* a op b; op is an enum bin_op */
	E_AND,
	E_OR,
	E_COND,			/* a ? b : c */
	E_CONCAT,		/* list */
	E_EVENT,		/* the current event, in handlers made by the parser */
};

/* In the order of the opcodes, see gen_expr.c */
enum bin_op {
	OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_MOD,
	OP_BAND, OP_BOR, OP_BXOR, OP_SHL, OP_SHR, OP_USHR,
	OP_CONCAT,		/* only in compound assignments */
	OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE,
	OP_MATCH, OP_IN,
};

enum un_op {
	OP_NEG, OP_BNOT, OP_NOT,
};

/* What handlers do with a variable that is declared outside of them */
struct shared {
	const struct func *read;	/* the last handler that reads it, */
	const struct func *assigned;	/* that assigns it, */
	const struct func *changed;	/* and that does, x += n included */
	bool several;			/* more than one handler changes it */
	const struct func *both;	/* this one reads and assigns it: */
	struct src_pos pos;		/* the second of them is here */
};

struct local {
	struct kstr *name;
	struct func *func;
	struct src_pos pos;
	struct sym *alias;	/* loop variable of for (i = 0; ...): maybe this global */
	unsigned int seq;	/* order of declaration in the program */
	struct shared shared;
	struct local *next_shared;
	int reg;		/* set by gen */
	bool captured;		/* by an inner function: lives in a cell */
	bool is_int;		/* only ever an integer: +=, -= need no look for nil */
};

/* What a name that no scope declares means; decided when all is read */
enum sym_class {
	SYM_UNKNOWN,
	SYM_GLOBAL,
	SYM_BUILTIN,
	SYM_SPACE,		/* kdebug, timer: only with a dot */
	SYM_EVENT,		/* e */
	SYM_ARGS,		/* args */
	SYM_ENTRY,		/* entry, of a return: only with a dot */
	SYM_ARGN,		/* arg0 ... */
	SYM_MEMBER,		/* retval: the event's member of that name */
	SYM_SPECIAL,		/* known to the compiler: inplace_inc */
};

struct sym {
	struct sym *next;	/* in order of appearance */
	struct kstr *name;
	enum sym_class class;
	const struct builtin *bi;
	unsigned int argn;
	int index;		/* of the global in the image, or -1 */
	int kind;		/* enum ktap_global_kind */
	bool assigned;
	bool elem;		/* assigned as in s[k] = v */
	bool elem_other;	/* ... with values that are not numbers */
	bool agg;		/* a <<< v */
	bool agg_elem;		/* s[k] <<< v */
	bool made_agg;		/* assigned what makes an aggregation ... */
	bool made_stats;	/* ... of which one number is not all */
	bool made_other;	/* assigned other values */
	bool read;
	bool pred_read;		/* in a predicate, where it may be a field */
	bool deleted;		/* delete(s[k]), which is no use of s */
	bool called;
	bool excused;		/* maybe declared by a statement with an error in it */
	struct src_pos read_pos;
	const char *near;	/* best guess among the locals in sight */
	unsigned int near_dist;
	struct shared shared;
};

struct expr {
	struct expr *next;	/* in a list */
	struct expr *key;	/* in a table constructor */
	unsigned char kind;
	unsigned char op;
	bool in_pred;		/* E_NAME: an event's field if it has one */
	bool builtin;		/* E_NAME: always the builtin, pid() in a predicate */
	bool filter;		/* E_BIN: ksym(ip, false) ~ "b", which the kernel can see to */
	unsigned short depth;
	struct src_pos pos;	/* of its operator, or first character */
	struct src_pos start;	/* of its first character */
	union {
		__s64 i;
		struct {
			struct kstr *str;
			union {
				struct expr *a;
				struct {
					struct local *local;
					struct sym *sym;
				} name;
			};
			union {
				struct expr *b;
				struct expr *list;
			};
			union {
				struct expr *c;
				unsigned int n;		/* length of the list */
			};
		};
		struct func *func;
	};
};

struct param {
	struct param *next;
	struct local *local;
};

struct block {
	struct stmt *first;
	struct src_pos end;
};

struct func {
	struct func *parent;
	struct kstr *name;	/* for messages, may be NULL */
	struct src_pos pos;
	struct param *params;
	unsigned int nparams;
	bool vararg;
	bool handler;		/* of an event: a trace block */
	bool one_cpu;		/* ... of a tick: never runs twice at once */
	struct expr *pred;	/* predicate of the handler */
	struct block body;
};

enum stmt_kind {
	S_LOCAL,		/* locals = list */
	S_ASSIGN,		/* targets = list */
	S_COMPOUND,		/* targets op= list */
	S_AGG,			/* targets <<< list */
	S_CALL,			/* list: the call */
	S_DO,			/* body */
	S_IF,			/* clauses */
	S_WHILE,		/* cond, body */
	S_DOWHILE,		/* body, cond */
	S_REPEAT,		/* body, cond */
	S_FORNUM,		/* locals: i; list: first, last [, step]; body */
	S_FORC,			/* init, cond, step, body */
	S_FORIN,		/* locals, list: the table; body */
	S_FUNC,			/* targets: a name, field or method; func */
	S_LOCALFUNC,		/* locals, func */
	S_RETURN,		/* list */
	S_BREAK,
	S_CONTINUE,
	S_GOTO,			/* label */
	S_LABEL,		/* label */
	S_TRACE,		/* list: events; targets: the handler */
	S_HOOK,			/* targets: the handler; op: 0 begin, 1 end */
	S_PRINT,		/* targets: what to print at the end, a name */
};

struct clause {
	struct clause *next;
	struct expr *cond;	/* NULL: else */
	struct block body;
};

struct stmt {
	struct stmt *next;
	unsigned char kind;
	unsigned char op;
	bool maybe_global;	/* S_LOCAL made of for (i = 0; ...) */
	unsigned int line;
	struct src_pos pos;
	struct param *locals;
	struct expr *targets;
	struct expr *list;
	struct expr *cond;
	struct block body;
	struct stmt *init;
	struct stmt *step;
	struct clause *clauses;
	struct func *func;
	struct kstr *label;
	unsigned int seq;	/* scope.c: of the first continue in a repeat */
};

/* An option of the script: option(name, ...) */
struct option_def {
	struct option_def *next;
	const struct kstr *name;
	unsigned int line;
};

struct program {
	struct arena arena;
	struct lexer lex;
	struct ktap_diag *diag;
	struct func *main;
	struct sym *syms;
	struct sym **syms_tail;
	struct option_def *options;
	bool auto_print;	/* some global has to be printed at the end */
};

/* parser.c */
int parse_program(struct program *p);
/* scope.c: binds all names. Errors are in the diag */
void scope_program(struct program *p);
/* Is it printed at the end, since the script never reads it? */
bool scope_auto_print(const struct sym *s);
/* gen.c: returns the image, or NULL after errors */
struct ktap_image *gen_program(struct program *p);

#endif /* _KTAP_AST_H */
