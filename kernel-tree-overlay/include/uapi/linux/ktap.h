/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * ktap: the interface between the compiler (tools/ktap) and the kernel
 * (kernel/trace/ktap).
 *
 * A session is an open /dev/ktap.  KTAP_IOC_LOAD hands over an image, which
 * the kernel verifies; KTAP_IOC_RUN executes it and returns when the session
 * has ended; meanwhile read() and poll(), from another thread, deliver what
 * the script puts out; KTAP_IOC_STOP asks a running session to end.  Closing
 * the file ends everything and frees everything.
 *
 * Each ioctl structure begins with its own size, so that it can grow: a
 * kernel takes a shorter one, and a longer one if the part it does not know
 * is zero.
 */
#ifndef _UAPI_LINUX_KTAP_H
#define _UAPI_LINUX_KTAP_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * The image
 * =========
 *
 * Little-endian on every machine.  A header, then sections that the header
 * places; every section starts at a multiple of 8, they do not overlap, and
 * they stand in the order of enum ktap_section.  Nothing refers to a kernel
 * or an architecture: events, fields and builtins are names.
 */
#define KTAP_IMAGE_MAGIC	0x5041544b	/* "KTAP" */
#define KTAP_IMAGE_VERSION	1

/**
 * enum ktap_section - the sections of an image
 * @KTAP_SEC_STRINGS: bytes; referred to by struct ktap_img_str
 * @KTAP_SEC_CONSTS: array of struct ktap_img_const
 * @KTAP_SEC_GLOBALS: array of struct ktap_img_global
 * @KTAP_SEC_BUILTINS: array of struct ktap_img_str, names of the builtins used
 * @KTAP_SEC_FUNCS: array of struct ktap_img_func; function 0 is the main chunk
 * @KTAP_SEC_UPVALS: array of struct ktap_img_upval, shared by all functions
 * @KTAP_SEC_CODE: array of __le32 instructions, shared by all functions
 * @KTAP_SEC_LINES: array of __le32, the source line of each instruction
 * @KTAP_SEC_NR: number of sections
 */
enum ktap_section {
	KTAP_SEC_STRINGS,
	KTAP_SEC_CONSTS,
	KTAP_SEC_GLOBALS,
	KTAP_SEC_BUILTINS,
	KTAP_SEC_FUNCS,
	KTAP_SEC_UPVALS,
	KTAP_SEC_CODE,
	KTAP_SEC_LINES,
	KTAP_SEC_NR
};

/**
 * struct ktap_img_str - a reference into the string section
 * @off: offset of the first byte in the section
 * @len: number of bytes; strings may contain NUL and have no terminator
 */
struct ktap_img_str {
	__le32 off;
	__le32 len;
};

struct ktap_img_section {
	__le32 off;		/* from the start of the image */
	__le32 size;		/* in bytes */
};

/**
 * struct ktap_img_header - first bytes of an image
 * @magic: KTAP_IMAGE_MAGIC
 * @version: KTAP_IMAGE_VERSION
 * @header_size: sizeof(struct ktap_img_header)
 * @image_size: bytes of the whole image
 * @flags: 0
 * @source: name of the source file, for messages
 * @sections: where the sections are
 */
struct ktap_img_header {
	__le32 magic;
	__le16 version;
	__le16 header_size;
	__le32 image_size;
	__le32 flags;
	struct ktap_img_str source;
	struct ktap_img_section sections[KTAP_SEC_NR];
};

enum ktap_const_type {
	KTAP_CONST_INT = 1,
	KTAP_CONST_STR = 2,
};

/**
 * struct ktap_img_const - a constant
 * @type: enum ktap_const_type
 * @pad: 0
 * @i: the value of an integer
 * @s: where the bytes of a string are
 */
struct ktap_img_const {
	__le32 type;
	__le32 pad;
	union {
		__le64 i;
		struct ktap_img_str s;
	};
};

/**
 * enum ktap_global_kind - what a script global holds before the main chunk
 * @KTAP_GLOBAL_NIL: nil
 * @KTAP_GLOBAL_TABLE: an empty table
 * @KTAP_GLOBAL_ARGS: the table of the script's arguments (arg[0] is the script)
 * @KTAP_GLOBAL_STATS: an empty aggregation, as stats() makes it
 */
enum ktap_global_kind {
	KTAP_GLOBAL_NIL = 0,
	KTAP_GLOBAL_TABLE = 1,
	KTAP_GLOBAL_ARGS = 2,
	KTAP_GLOBAL_STATS = 3,
};

struct ktap_img_global {
	struct ktap_img_str name;
	__le32 kind;		/* enum ktap_global_kind */
	__le32 pad;
};

#define KTAP_FUNC_VARARG	(1 << 0)

/**
 * struct ktap_img_func - a function
 * @name: its name, for messages; may be empty
 * @line: line of its definition
 * @code: index of its first instruction in KTAP_SEC_CODE
 * @ncode: number of instructions
 * @upval: index of its first upvalue in KTAP_SEC_UPVALS
 * @nupvals: number of upvalues
 * @nparams: fixed parameters, in registers 0 ..
 * @nregs: registers it uses, 1 .. KTAP_MAX_REGS
 * @flags: KTAP_FUNC_VARARG
 */
struct ktap_img_func {
	struct ktap_img_str name;
	__le32 line;
	__le32 code;
	__le32 ncode;
	__le32 upval;
	__u8 nupvals;
	__u8 nparams;
	__u8 nregs;
	__u8 flags;
};

/**
 * struct ktap_img_upval - how a closure captures a cell when it is made
 * @from_reg: 1: the cell in register @index of the enclosing function;
 *	      0: upvalue @index of the enclosing function
 * @index: see there
 * @pad: 0
 */
struct ktap_img_upval {
	__u8 from_reg;
	__u8 index;
	__u8 pad[2];
};

/* Limits of an image; an image over one of them is refused. */
#define KTAP_MAX_IMAGE		(16 << 20)	/* bytes */
#define KTAP_MAX_REGS		250
#define KTAP_MAX_UPVALS		250
#define KTAP_MAX_CONSTS		65536
#define KTAP_MAX_GLOBALS	65536
#define KTAP_MAX_BUILTINS	256
#define KTAP_MAX_FUNCS		65536
#define KTAP_MAX_STR		4096		/* bytes of one string */
#define KTAP_MAX_STACK		127		/* frames of one stack() */

/*
 * Instructions
 * ============
 *
 * 32 bits: the opcode in bits 0-7, operand A in 8-15, B in 16-23, C in 24-31.
 * Wide forms: Bx is bits 16-31 (unsigned, or signed for I16 and J16), Jx is
 * bits 8-31, signed.  A jump of n goes to the instruction n after the next.
 *
 * The table says for each opcode its operand kinds:
 *	_	not used, must be 0
 *	R	register that is read
 *	W	register that is written
 *	RW	register that is read and written
 *	U8 I8	immediate, unsigned or signed
 *	B1	0 or 1
 *	N1	number of registers, at least 1; see the instruction
 *	NM	number of values plus 1, or 0: as many as there are ("multi")
 *	UP	upvalue index
 *	BI	builtin index in KTAP_SEC_BUILTINS
 *	KC	constant index in 8 bits, a string constant
 * and, wide, in the place of B and C:
 *	KX	constant index		KS	the same, a string constant
 *	GX	global index		FX	function index
 *	BX	builtin index		I16	signed immediate
 *	J16	signed jump		J24	signed jump in the place of A, B, C
 *
 * Semantics, R[] the registers, K[] constants, G[] globals, U[] upvalue cells:
 *	MOVE	R[A] = R[B]
 *	LOADK	R[A] = K[Bx]
 *	LOADI	R[A] = Bx
 *	NIL	R[A] .. R[A+B-1] = nil
 *	BOOL	R[A] = (B != 0)
 *	GETG	R[A] = G[Bx]
 *	SETG	G[Bx] = R[A]
 *	ADDG	G[Bx] += R[A], atomic; nil counts as 0 on both sides
 *	GETU SETU ADDU	the same for the cell U[B]
 *	CELL	R[A] = new cell that holds R[A]
 *	GETC	R[A] = value in the cell R[B]
 *	SETC	cell R[A] = R[B]
 *	ADDC	cell R[A] += R[B], atomic
 *	CLOSURE	R[A] = closure of function Bx
 *	TABLE	R[A] = new table, room for about Bx entries
 *	GETT	R[A] = R[B][R[C]]
 *	SETT	R[A][R[B]] = R[C]
 *	ADDT	R[A][R[B]] += R[C], atomic
 *	ADDTI	R[A][R[B]] += C, the same
 *	DELT	delete R[A][R[B]]
 *	AGG	R[A] <<< R[B], atomic
 *	AGGT	R[A][R[B]] <<< R[C], atomic
 *	GETK	R[A] = R[B][K[C]]; member access of events as well
 *	IN	R[A] = whether R[C] has the key R[B]
 *	TUPLE	R[A] = compound key of R[B] .. R[B+C-1]
 *	ADD .. USHR	R[A] = R[B] op R[C]
 *	ADDI	R[A] = R[B] + C
 *	NEG BNOT NOT	R[A] = op R[B]
 *	CONCAT	R[A] = R[B] .. ... .. R[B+C-1]
 *	EQ NE LT LE	R[A] = R[B] op R[C], a boolean
 *	EQI .. GEI	R[A] = R[B] op C, a boolean
 *	MATCH	R[A] = whether string R[B] matches the glob R[C]
 *	JMP	jump Jx
 *	JT JF	jump Bx if R[A] is true, false
 *	FORPREP	R[A] start, R[A+1] limit, R[A+2] step are checked to be integers
 *		(step not 0); jumps Bx if the loop does not run at all, else
 *		R[A+3] = R[A]
 *	FORLOOP	R[A] += R[A+2]; if that did not pass the limit nor wrapped,
 *		R[A+3] = R[A] and jump Bx
 *	PAIRS	starts an iteration of the table R[A]; R[A+1] is its cursor.  Of an
 *		aggregation R[A] becomes the table of its keys or its rows
 *	NEXT	R[A+2], R[A+3] = next key and value; jumps Bx at the end
 *	CALL	R[A](R[A+1] ..): B arguments, C results in R[A] ..
 *	TAIL	return R[A](R[A+1] ..): B arguments
 *	RET	return R[A] ..: B values
 *	VARARG	R[A] .. = the function's extra arguments: C of them
 *	BCALL	R[A] = builtin B(R[A] ..): C arguments
 *	BUILTIN	R[A] = the builtin Bx as a value that CALL takes
 *	EVENT	R[A] = the current event
 *	FIELD	R[A] = field K[Bx] of the current event
 *	HASF	R[A] = whether the current event has the field K[Bx]
 *	ARG	R[A] = argument B of the current event
 *
 * The operand B of CALL, TAIL and RET, and C of BCALL, may be 0 ("multi")
 * only in an instruction that directly follows a CALL or VARARG with C = 0, and
 * then counts from the instruction's first argument to what that one left.
 * Such an instruction is not the target of a jump.  NM for BCALL is as above:
 * arguments plus 1.
 */
#define KTAP_OPCODES(X)							\
	X(MOVE,		W,	R,	_)				\
	X(LOADK,	W,	KX,	_)				\
	X(LOADI,	W,	I16,	_)				\
	X(NIL,		W,	N1,	_)				\
	X(BOOL,		W,	B1,	_)				\
	X(GETG,		W,	GX,	_)				\
	X(SETG,		R,	GX,	_)				\
	X(ADDG,		R,	GX,	_)				\
	X(GETU,		W,	UP,	_)				\
	X(SETU,		R,	UP,	_)				\
	X(ADDU,		R,	UP,	_)				\
	X(CELL,		RW,	_,	_)				\
	X(GETC,		W,	R,	_)				\
	X(SETC,		R,	R,	_)				\
	X(ADDC,		R,	R,	_)				\
	X(CLOSURE,	W,	FX,	_)				\
	X(TABLE,	W,	I16,	_)				\
	X(GETT,		W,	R,	R)				\
	X(SETT,		R,	R,	R)				\
	X(ADDT,		R,	R,	R)				\
	X(ADDTI,	R,	R,	I8)				\
	X(DELT,		R,	R,	_)				\
	X(AGG,		R,	R,	_)				\
	X(AGGT,		R,	R,	R)				\
	X(GETK,		W,	R,	KC)				\
	X(IN,		W,	R,	R)				\
	X(TUPLE,	W,	R,	N1)				\
	X(ADD,		W,	R,	R)				\
	X(SUB,		W,	R,	R)				\
	X(MUL,		W,	R,	R)				\
	X(DIV,		W,	R,	R)				\
	X(MOD,		W,	R,	R)				\
	X(BAND,		W,	R,	R)				\
	X(BOR,		W,	R,	R)				\
	X(BXOR,		W,	R,	R)				\
	X(SHL,		W,	R,	R)				\
	X(SHR,		W,	R,	R)				\
	X(USHR,		W,	R,	R)				\
	X(ADDI,		W,	R,	I8)				\
	X(NEG,		W,	R,	_)				\
	X(BNOT,		W,	R,	_)				\
	X(NOT,		W,	R,	_)				\
	X(CONCAT,	W,	R,	N1)				\
	X(EQ,		W,	R,	R)				\
	X(NE,		W,	R,	R)				\
	X(LT,		W,	R,	R)				\
	X(LE,		W,	R,	R)				\
	X(EQI,		W,	R,	I8)				\
	X(NEI,		W,	R,	I8)				\
	X(LTI,		W,	R,	I8)				\
	X(LEI,		W,	R,	I8)				\
	X(GTI,		W,	R,	I8)				\
	X(GEI,		W,	R,	I8)				\
	X(MATCH,	W,	R,	R)				\
	X(JMP,		J24,	_,	_)				\
	X(JT,		R,	J16,	_)				\
	X(JF,		R,	J16,	_)				\
	X(FORPREP,	RW,	J16,	_)				\
	X(FORLOOP,	RW,	J16,	_)				\
	X(PAIRS,	RW,	_,	_)				\
	X(NEXT,		RW,	J16,	_)				\
	X(CALL,		RW,	NM,	NM)				\
	X(TAIL,		R,	NM,	_)				\
	X(RET,		R,	NM,	_)				\
	X(VARARG,	W,	_,	NM)				\
	X(BCALL,	RW,	BI,	NM)				\
	X(BUILTIN,	W,	BX,	_)				\
	X(EVENT,	W,	_,	_)				\
	X(FIELD,	W,	KS,	_)				\
	X(HASF,		W,	KS,	_)				\
	X(ARG,		W,	U8,	_)

enum ktap_op {
#define KTAP_OP_ENUM(name, a, b, c) KTAP_OP_##name,
	KTAP_OPCODES(KTAP_OP_ENUM)
#undef KTAP_OP_ENUM
	KTAP_OP_NR
};

#define KTAP_INSN_OP(i)		((i) & 0xff)
#define KTAP_INSN_A(i)		(((i) >> 8) & 0xff)
#define KTAP_INSN_B(i)		(((i) >> 16) & 0xff)
#define KTAP_INSN_C(i)		(((i) >> 24) & 0xff)
#define KTAP_INSN_BX(i)		(((i) >> 16) & 0xffff)
#define KTAP_INSN_SBX(i)	((__s32)(__s16)((i) >> 16))
#define KTAP_INSN_SC(i)		((__s32)(__s8)((i) >> 24))
#define KTAP_INSN_SJ(i)		((__s32)(i) >> 8)

#define KTAP_INSN(op, a, b, c)						\
	((__u32)(op) | ((__u32)(a) & 0xff) << 8 |			\
	 ((__u32)(b) & 0xff) << 16 | ((__u32)(c) & 0xff) << 24)
#define KTAP_INSN_WIDE(op, a, bx)					\
	((__u32)(op) | ((__u32)(a) & 0xff) << 8 | ((__u32)(bx) & 0xffff) << 16)
#define KTAP_INSN_JUMP(op, j)						\
	((__u32)(op) | ((__u32)(j) & 0xffffff) << 8)

/*
 * Builtins
 * ========
 *
 * Images refer to them by name, so a kernel can have more of them than the
 * tool knows, and refuses an image that needs one it lacks.  X(ID, name,
 * fewest arguments, most arguments, flags); KTAP_BI_ANY: no upper bound.
 *
 * KTAP_BI_VALUE: the bare name means its value, as a call without arguments.
 * KTAP_BI_SETUP: only the main chunk may call it; it registers events, say.
 * KTAP_BI_EVENT: needs a current event.
 */
#define KTAP_BI_ANY		255
#define KTAP_BI_VALUE		(1 << 0)
#define KTAP_BI_SETUP		(1 << 1)
#define KTAP_BI_EVENT		(1 << 2)

#define KTAP_BUILTINS(X)						\
	/* output */							\
	X(PRINT,	"print",	0, KTAP_BI_ANY, 0)		\
	X(PRINTF,	"printf",	1, KTAP_BI_ANY, 0)		\
	X(PRINT_HIST,	"print_hist",	1, 2, 0)			\
	/* tables and values */						\
	X(LEN,		"len",		1, 1, 0)			\
	X(DELETE,	"delete",	1, 1, 0)			\
	X(TOSTRING,	"tostring",	1, 1, 0)			\
	X(TONUMBER,	"tonumber",	1, 1, 0)			\
	X(EXIT,		"exit",		0, 1, 0)			\
	/* for the compiler: {...}; a table, the first index, the values */ \
	X(LIST,		"table.list",	2, KTAP_BI_ANY, 0)		\
	/* the current task and CPU */					\
	X(CPU,		"cpu",		0, 0, KTAP_BI_VALUE)		\
	X(PID,		"pid",		0, 0, KTAP_BI_VALUE)		\
	X(TID,		"tid",		0, 0, KTAP_BI_VALUE)		\
	X(PPID,		"ppid",		0, 0, KTAP_BI_VALUE)		\
	X(UID,		"uid",		0, 0, KTAP_BI_VALUE)		\
	X(GID,		"gid",		0, 0, KTAP_BI_VALUE)		\
	X(EUID,		"euid",		0, 0, KTAP_BI_VALUE)		\
	X(EXECNAME,	"execname",	0, 1, KTAP_BI_VALUE)		\
	X(NUM_CPUS,	"num_cpus",	0, 0, KTAP_BI_VALUE)		\
	X(ARCH,		"arch",		0, 0, KTAP_BI_VALUE)		\
	X(KERNEL_V,	"kernel_v",	0, 0, KTAP_BI_VALUE)		\
	X(IN_INTERRUPT,	"in_interrupt",	0, 0, KTAP_BI_VALUE)		\
	/* time */							\
	X(NSECS,	"nsecs",	0, 0, KTAP_BI_VALUE)		\
	X(ELAPSED,	"elapsed",	0, 0, KTAP_BI_VALUE)		\
	X(GTOD_NS,	"gettimeofday_ns", 0, 0, KTAP_BI_VALUE)		\
	X(GTOD_US,	"gettimeofday_us", 0, 0, KTAP_BI_VALUE)		\
	X(GTOD_MS,	"gettimeofday_ms", 0, 0, KTAP_BI_VALUE)		\
	X(GTOD_S,	"gettimeofday_s", 0, 0, KTAP_BI_VALUE)		\
	/* the current event */						\
	X(ARGSTR,	"argstr",	0, 0, KTAP_BI_VALUE | KTAP_BI_EVENT) \
	X(PROBENAME,	"probename",	0, 0, KTAP_BI_VALUE | KTAP_BI_EVENT) \
	X(EV_TOSTRING,	"event.tostring", 0, 1, KTAP_BI_EVENT)		\
	X(EV_FIELD,	"event.field",	1, 2, KTAP_BI_EVENT)		\
	/* registering events; the function gets the event as its argument */ \
	X(TRACE,	"kdebug.trace",	2, 2, KTAP_BI_SETUP)		\
	X(TRACE_BEGIN,	"kdebug.trace_begin", 1, 1, KTAP_BI_SETUP)	\
	X(TRACE_END,	"kdebug.trace_end", 1, 1, KTAP_BI_SETUP)	\
	/* for the compiler: after all trace_end functions */		\
	X(TRACE_LAST,	"kdebug.trace_last", 1, 1, KTAP_BI_SETUP)	\
	/* the command line: name, default, help, all of them constants */ \
	X(OPTION,	"option",	3, 3, KTAP_BI_SETUP)		\
	/* aggregations: without an argument a new one, with one a value of it */ \
	X(COUNT,	"count",	0, 1, 0)			\
	X(SUM,		"sum",		0, 1, 0)			\
	X(AVG,		"avg",		0, 1, 0)			\
	X(MIN,		"min",		0, 1, 0)			\
	X(MAX,		"max",		0, 1, 0)			\
	X(STATS,	"stats",	0, 0, 0)			\
	X(HIST,		"hist",		0, 1, 0)			\
	X(LHIST,	"lhist",	3, 3, 0)			\
	X(LLHIST,	"llhist",	4, 4, 0)			\
	X(STDDEV,	"stddev",	1, 1, 0)			\
	X(QUANTILE,	"quantile",	2, 2, 0)			\
	/* aggregations and tables as a whole */			\
	X(CLEAR,	"clear",	1, 1, 0)			\
	X(TAKE,		"take",		1, 1, 0)			\
	X(TOP,		"top",		1, 2, 0)			\
	X(SORT_PAIRS,	"sort_pairs",	1, 3, 0)			\
	X(TABLE_NEW,	"table.new",	0, 2, 0)			\
	/* strings */							\
	X(STRLEN,	"strlen",	1, 1, 0)			\
	X(SUBSTR,	"substr",	2, 3, 0)			\
	X(STRSTR,	"strstr",	2, 2, 0)			\
	X(INDEX,	"index",	2, 3, 0)			\
	X(UPPER,	"upper",	1, 1, 0)			\
	X(LOWER,	"lower",	1, 1, 0)			\
	X(TRIM,		"trim",		1, 1, 0)			\
	X(SPLIT,	"split",	1, 2, 0)			\
	X(JOIN,		"join",		1, 2, 0)			\
	X(MATCH,	"match",	2, 2, 0)			\
	X(REPLACE,	"replace",	3, 3, 0)			\
	X(REP,		"rep",		2, 2, 0)			\
	/* text of numbers, and formats */				\
	X(SPRINTF,	"sprintf",	1, KTAP_BI_ANY, 0)		\
	X(FIXED,	"fixed",	2, 3, 0)			\
	/* names of numbers */						\
	X(ERRNO_NAME,	"errno_name",	1, 1, 0)			\
	X(STRERROR,	"strerror",	1, 1, 0)			\
	X(SIGNAL_NAME,	"signal_name",	1, 1, 0)			\
	X(SYSCALL_NAME,	"syscall_name",	1, 1, 0)			\
	X(CAP_NAME,	"cap_name",	1, 1, 0)			\
	X(KSYM,		"ksym",		1, 2, 0)			\
	/* networks */							\
	X(NTOP,		"ntop",		1, 1, 0)			\
	X(NTOHS,	"ntohs",	1, 1, 0)			\
	X(NTOHL,	"ntohl",	1, 1, 0)			\
	X(HTONS,	"htons",	1, 1, 0)			\
	X(HTONL,	"htonl",	1, 1, 0)			\
	X(MACADDR,	"macaddr",	1, 1, 0)			\
	X(IP_SOCK_SADDR, "net.ip_sock_saddr", 1, 1, 0)			\
	X(IP_SOCK_DADDR, "net.ip_sock_daddr", 1, 1, 0)			\
	/* memory */							\
	X(USER_STRING,	"user_string",	1, 2, 0)			\
	X(USER_INT,	"user_int",	2, 2, 0)			\
	X(USER_UINT,	"user_uint",	2, 2, 0)			\
	X(USER_PTR,	"user_ptr",	1, 1, 0)			\
	X(KERNEL_STRING, "kernel_string", 1, 2, 0)			\
	X(KERNEL_INT,	"kernel_int",	2, 2, 0)			\
	X(KERNEL_UINT,	"kernel_uint",	2, 2, 0)			\
	X(KERNEL_PTR,	"kernel_ptr",	1, 1, 0)			\
	X(ARGV,		"argv",		1, 1, 0)			\
	X(CURR_TASKINFO, "curr_taskinfo", 1, 2, 0)			\
	/* more of the current task */					\
	X(NODE,		"node",		0, 0, KTAP_BI_VALUE)		\
	X(CGROUP,	"cgroup",	0, 0, KTAP_BI_VALUE)		\
	X(IN_IOWAIT,	"in_iowait",	0, 0, KTAP_BI_VALUE)		\
	/* more of time */						\
	X(STRFTIME,	"strftime",	1, 2, 0)			\
	X(PRINT_TRACE_CLOCK, "print_trace_clock", 0, 0, 0)		\
	/* no more events */						\
	X(TRACEOFF,	"kdebug.traceoff", 0, 0, KTAP_BI_EVENT)		\
	/* os */							\
	X(OS_CLOCK,	"os.clock",	0, 0, 0)			\
	X(OS_INFO,	"os.info",	0, 0, 0)			\
	X(OS_SLEEP,	"os.sleep",	1, 1, 0)			\
	X(OS_WAIT,	"os.wait",	0, 0, 0)			\
	/* a terminal */						\
	X(ANSI_CLEAR,	"ansi.clear_screen", 0, 0, 0)			\
	X(ANSI_COLOR,	"ansi.set_color", 1, 1, 0)			\
	X(ANSI_COLOR2,	"ansi.set_color2", 2, 2, 0)			\
	X(ANSI_COLOR3,	"ansi.set_color3", 3, 3, 0)			\
	X(ANSI_RESET,	"ansi.reset_color", 0, 0, 0)			\
	X(ANSI_NEW_LINE, "ansi.new_line", 0, 0, 0)			\
	/* files */							\
	X(PATH,		"path",		1, 1, 0)			\
	/* stacks */							\
	X(STACK,	"stack",	0, 2, KTAP_BI_VALUE)		\
	/* probes of functions */					\
	X(FUNC,		"func",		0, 0, KTAP_BI_VALUE | KTAP_BI_EVENT) \
	X(RETVAL,	"retval",	0, 0, KTAP_BI_VALUE | KTAP_BI_EVENT) \
	/* programs */							\
	X(USTACK,	"ustack",	0, 1, KTAP_BI_VALUE)		\
	X(USYM,		"usym",		1, 1, 0)			\
	/* entry.NAME, and what changes the system */			\
	X(EV_ENTRY,	"event.entry",	1, 1, KTAP_BI_EVENT)		\
	X(EV_SET_RETVAL, "event.set_retval", 1, 2, KTAP_BI_EVENT)

/* The builtins of this kernel; not part of any image: images name builtins. */
enum ktap_builtin_id {
#define KTAP_BI_ENUM(id, name, min, max, flags) KTAP_BI_##id,
	KTAP_BUILTINS(KTAP_BI_ENUM)
#undef KTAP_BI_ENUM
	KTAP_BI_NR
};

/*
 * Output
 * ======
 *
 * read() delivers whole records in the order of their time stamps, in the
 * machine's byte order.  It returns 0 when the session has ended and all is
 * read, and -EMSGSIZE when the buffer is too small for the next record
 * (KTAP_REC_MAX is always enough).
 */
#define KTAP_REC_MAX		65536

/**
 * struct ktap_rec - header of a record
 * @len: bytes of the record with this header, a multiple of 8
 * @type: enum ktap_rec_type
 * @cpu: where it was written
 * @ts: when, in nanoseconds of CLOCK_MONOTONIC
 */
struct ktap_rec {
	__u32 len;
	__u16 type;
	__u16 cpu;
	__u64 ts;
};

/**
 * enum ktap_rec_type - records; after the header come values
 * @KTAP_REC_PRINT: print(...): its arguments
 * @KTAP_REC_PRINTF: printf(...): the format, then the arguments, which the
 *	kernel has found to fit it
 * @KTAP_REC_HIST: print_hist(): a table (KTAP_VAL_TABLE) or an aggregation
 *	(KTAP_VAL_AGG), the number of rows wanted
 * @KTAP_REC_ROWS: rows of a table that a later record refers to: its number
 *	(an integer), then key, value, key, value ...
 * @KTAP_REC_STARTED: all events are attached and delivered from now on: the
 *	number of events (an integer)
 * @KTAP_REC_NOTE: a message to the user of the tool that -v shows: a string
 * @KTAP_REC_TOP: top(): a table (KTAP_VAL_TABLE), to be shown by falling value
 * @KTAP_REC_ATTACHING: many events will be attached now, which may take a while:
 *	how many (an integer)
 * @KTAP_REC_USER: addresses in a process were taken, which come later; it may be
 *	gone then, so its mappings are to be read now: a KTAP_VAL_USTACK without frames.
 *	Comes again when there is more code in the process.
 */
enum ktap_rec_type {
	KTAP_REC_PRINT = 1,
	KTAP_REC_PRINTF = 2,
	KTAP_REC_HIST = 3,
	KTAP_REC_ROWS = 4,
	KTAP_REC_STARTED = 5,
	KTAP_REC_NOTE = 6,
	KTAP_REC_TOP = 7,
	KTAP_REC_ATTACHING = 8,
	KTAP_REC_USER = 9,
};

/**
 * struct ktap_rec_val - a value in a record
 * @type: enum ktap_val_type
 * @flags: KTAP_VALF_TRUNCATED: the end of the string, key or stack is missing.
 *	KTAP_VALF_LEAST, KTAP_VALF_GREATEST: the number is the least or greatest of
 *	several
 * @pad: 0
 * @len: bytes of @data; the next value follows at the next multiple of 8
 * @data: see enum ktap_val_type
 */
struct ktap_rec_val {
	__u8 type;
	__u8 flags;
	__u16 pad;
	__u32 len;
	__u8 data[];
};

#define KTAP_VALF_TRUNCATED	(1 << 0)
#define KTAP_VALF_LEAST		(1 << 1)
#define KTAP_VALF_GREATEST	(1 << 2)

/**
 * enum ktap_val_type - types of values in records
 * @KTAP_VAL_NIL: no data
 * @KTAP_VAL_FALSE: no data
 * @KTAP_VAL_TRUE: no data
 * @KTAP_VAL_INT: an __s64
 * @KTAP_VAL_STR: bytes
 * @KTAP_VAL_KSTR: an __u32, index of a string constant of the image
 * @KTAP_VAL_TUPLE: a compound key: its parts as values
 * @KTAP_VAL_TABLE: an __u32, the number of a table whose rows came before; 0:
 *	a table in so many others that its rows are left out
 * @KTAP_VAL_FUNC: a function: its name
 * @KTAP_VAL_AGG: an aggregation, a struct ktap_rec_agg
 * @KTAP_VAL_EVENT: never seen by readers: an event's binary record, which
 *	read() turns into KTAP_VAL_STR
 * @KTAP_VAL_LATE: never seen by readers: a string of a process that was not in
 *	memory, which read() turns into KTAP_VAL_STR, or KTAP_VAL_NIL
 * @KTAP_VAL_STACK: a stack: the text of its frames, innermost first, with a
 *	newline between two.  KTAP_VALF_TRUNCATED: outer frames are missing.
 *	(Inside of the kernel: an __u64 for each frame.)
 * @KTAP_VAL_USTACK: a stack of a process, a struct ktap_rec_user.
 *	KTAP_VALF_TRUNCATED: outer frames are missing, or all
 * @KTAP_VAL_USYM: an address in a process, the same with one frame
 */
enum ktap_val_type {
	KTAP_VAL_NIL = 0,
	KTAP_VAL_FALSE = 1,
	KTAP_VAL_TRUE = 2,
	KTAP_VAL_INT = 3,
	KTAP_VAL_STR = 4,
	KTAP_VAL_KSTR = 5,
	KTAP_VAL_TUPLE = 6,
	KTAP_VAL_TABLE = 7,
	KTAP_VAL_FUNC = 8,
	KTAP_VAL_EVENT = 9,
	KTAP_VAL_AGG = 10,
	KTAP_VAL_LATE = 11,
	KTAP_VAL_STACK = 12,
	KTAP_VAL_USTACK = 13,
	KTAP_VAL_USYM = 14,
};

/**
 * struct ktap_rec_user - data of KTAP_VAL_USTACK and KTAP_VAL_USYM
 * @pid: the process, as its number is where KTAP_IOC_LOAD was called; 0: it has none
 *	there, or is a thread of the kernel
 * @pad: 0
 * @program: changes when the process executes another program, and differs from
 *	that of another process that gets the number later: the sum of startcode,
 *	endcode and startstack in /proc/PID/stat
 * @ip: its frames, the innermost first; as many as there are bytes for
 */
struct ktap_rec_user {
	__u32 pid;
	__u32 pad;
	__u64 program;
	__u64 ip[];
};

/**
 * enum ktap_agg_kind - kinds of aggregations
 * @KTAP_AGG_COUNT: count()
 * @KTAP_AGG_SUM: sum()
 * @KTAP_AGG_AVG: avg()
 * @KTAP_AGG_MIN: min()
 * @KTAP_AGG_MAX: max()
 * @KTAP_AGG_STATS: stats(), ptable()
 * @KTAP_AGG_HIST: hist()
 * @KTAP_AGG_LHIST: lhist()
 * @KTAP_AGG_LLHIST: llhist()
 */
enum ktap_agg_kind {
	KTAP_AGG_COUNT = 1,
	KTAP_AGG_SUM = 2,
	KTAP_AGG_AVG = 3,
	KTAP_AGG_MIN = 4,
	KTAP_AGG_MAX = 5,
	KTAP_AGG_STATS = 6,
	KTAP_AGG_HIST = 7,
	KTAP_AGG_LHIST = 8,
	KTAP_AGG_LLHIST = 9,
};

/**
 * struct ktap_rec_agg - data of KTAP_VAL_AGG
 * @kind: enum ktap_agg_kind
 * @flags: KTAP_AGGF_*
 * @rows: the number of a table of the rows of a histogram, if
 *	KTAP_AGGF_BUCKETS: the least value of a row and how many there were; the next
 *	number is that of the table of its entries by key, if KTAP_AGGF_KEYS
 * @pad: 0
 * @par: of KTAP_AGG_HIST: bits; of KTAP_AGG_LHIST: low, high, step; of
 *	KTAP_AGG_LLHIST: factor, low, high, steps
 * @count: values that were added without a key
 * @sum: theirs, and so on, as far as the kind keeps it
 * @min: the least
 * @max: the greatest
 * @avg: the average, truncated
 *
 * The row of what is below all others begins at the least __s64.
 */
struct ktap_rec_agg {
	__u32 kind;
	__u32 flags;
	__u32 rows;
	__u32 pad;
	__s64 par[4];
	__u64 count;
	__s64 sum;
	__s64 min;
	__s64 max;
	__s64 avg;
};

#define KTAP_AGGF_BUCKETS	(1 << 0)
#define KTAP_AGGF_KEYS		(1 << 1)
#define KTAP_AGGF_BUSY		(1 << 2)	/* locked (NMI): no numbers */

/*
 * What could not be recorded, by reason: X(ID, one, many, what became of it).
 * Each count is exact.
 */
#define KTAP_LOSSES(X)							\
	X(OUTPUT, "output record", "output records", "lost, the buffer was full") \
	X(NESTED, "handler run", "handler runs", "dropped, the event came inside a handler") \
	X(TABLE, "table update", "table updates", "dropped, no memory left for new keys") \
	X(BUSY, "use of a table or variable", "uses of tables and variables",	\
	  "given up, locked by what was interrupted (NMI)")		\
	X(STRING, "string", "strings", "cut at the length limit")	\
	X(FAULT, "read of memory", "reads of memory", "failed: bad address or absent page") \
	X(TIMER, "timer event", "timer events", "missed, the CPU had no time for it") \
	X(PROBE, "probe hit", "probe hits",				\
	  "missed: inside another probe, or too many calls at once")	\
	X(COUNTER, "gap in a counter", "gaps in counters",		\
	  "without events: too many interrupts, or none on a CPU that came") \
	X(ENTRY, "return", "returns",					\
	  "without e.elapsed and entry.NAME: too many calls were under way")

enum ktap_loss {
#define KTAP_LOSS_ENUM(id, one, many, text) KTAP_LOSS_##id,
	KTAP_LOSSES(KTAP_LOSS_ENUM)
#undef KTAP_LOSS_ENUM
	KTAP_LOSS_NR
};

/*
 * The perf events that every kernel knows by name, whether or not the machine has
 * a counter for them: X(ID, name, other names, what it is), where ID is what
 * follows PERF_COUNT_HW_ or PERF_COUNT_SW_ in linux/perf_event.h, and there is a
 * "\0" between two names.
 */
#define KTAP_PERF_HARDWARE(X)						\
	X(CPU_CYCLES, "cpu-cycles", "cycles", "cycles of a CPU that is not idle") \
	X(INSTRUCTIONS, "instructions", "", "instructions executed")	\
	X(CACHE_REFERENCES, "cache-references", "", "accesses to the last cache") \
	X(CACHE_MISSES, "cache-misses", "", "those that went to memory") \
	X(BRANCH_INSTRUCTIONS, "branch-instructions", "branches", "jumps and calls") \
	X(BRANCH_MISSES, "branch-misses", "", "those that were not predicted") \
	X(BUS_CYCLES, "bus-cycles", "", "cycles of the bus")		\
	X(STALLED_CYCLES_FRONTEND, "stalled-cycles-frontend", "idle-cycles-frontend", \
	  "cycles without an instruction to execute")			\
	X(STALLED_CYCLES_BACKEND, "stalled-cycles-backend", "idle-cycles-backend", \
	  "cycles that waited for something else")			\
	X(REF_CPU_CYCLES, "ref-cycles", "", "cycles at a speed that does not change")

#define KTAP_PERF_SOFTWARE(X)						\
	X(CPU_CLOCK, "cpu-clock", "", "nanoseconds of each CPU")	\
	X(TASK_CLOCK, "task-clock", "", "the same, by the clock of tasks") \
	X(PAGE_FAULTS, "page-faults", "faults", "page faults")		\
	X(CONTEXT_SWITCHES, "context-switches", "cs", "a task gives its CPU to another one") \
	X(CPU_MIGRATIONS, "cpu-migrations", "migrations", "a task comes from another CPU") \
	X(PAGE_FAULTS_MIN, "minor-faults", "", "page faults that needed no input") \
	X(PAGE_FAULTS_MAJ, "major-faults", "", "page faults that did")	\
	X(ALIGNMENT_FAULTS, "alignment-faults", "",			\
	  "accesses whose alignment the kernel corrected")		\
	X(EMULATION_FAULTS, "emulation-faults", "", "instructions that the kernel emulated") \
	X(DUMMY, "dummy", "", "nothing: it never happens")		\
	X(BPF_OUTPUT, "bpf-output", "", "what BPF programs put out")	\
	X(CGROUP_SWITCHES, "cgroup-switches", "", "a task of another cgroup gets the CPU")

/*
 * Those of caches are made of three parts, CACHE-OP[-RESULT], where RESULT may
 * come before OP, and without one they are accesses: L1-dcache-load-misses, LLC-loads.
 * Each is X(ID, name, other names), where ID is what follows
 * PERF_COUNT_HW_CACHE_; the last name of an operation is its plural.
 */
#define KTAP_PERF_CACHES(X)						\
	X(L1D, "L1-dcache", "l1-d\0" "l1d\0" "L1-data")		\
	X(L1I, "L1-icache", "l1-i\0" "l1i\0" "L1-instruction")		\
	X(LL, "LLC", "L2")						\
	X(DTLB, "dTLB", "d-tlb\0" "Data-TLB")				\
	X(ITLB, "iTLB", "i-tlb\0" "Instruction-TLB")			\
	X(BPU, "branch", "branches\0" "bpu\0" "btb\0" "bpc")		\
	X(NODE, "node", "")

#define KTAP_PERF_CACHE_OPS(X)						\
	X(OP_READ, "load", "read\0" "loads")				\
	X(OP_WRITE, "store", "write\0" "stores")			\
	X(OP_PREFETCH, "prefetch", "speculative-read\0" "speculative-load\0" "prefetches")

#define KTAP_PERF_CACHE_RESULTS(X)					\
	X(RESULT_ACCESS, "refs", "ops\0" "access\0" "Reference")	\
	X(RESULT_MISS, "misses", "miss")

/*
 * Do not deliver the system calls of the process that loads, nor the probes of
 * functions, breakpoints, faults and switches that it causes, but for those in
 * interrupts.  For a tool that
 * reads the output: otherwise a script that puts out a line for each system
 * call would never be done with those that the line itself takes.
 */
#define KTAP_LOAD_NOT_SELF	(1 << 0)

/* Deliver only what happens on one CPU, see struct ktap_load. */
#define KTAP_LOAD_ONE_CPU	(1 << 1)

/* Deliver only what tasks of a control group do, see struct ktap_load. */
#define KTAP_LOAD_CGROUP	(1 << 2)

/*
 * The script may change results (event.set_retval); one that does is refused
 * without it.  Needs CAP_SYS_ADMIN, and a kernel that is not locked down.
 */
#define KTAP_LOAD_WRITE		(1 << 3)

/**
 * struct ktap_load - argument of KTAP_IOC_LOAD
 * @size: sizeof(struct ktap_load)
 * @flags: KTAP_LOAD_NOT_SELF, KTAP_LOAD_ONE_CPU, KTAP_LOAD_CGROUP, KTAP_LOAD_WRITE
 * @image: address of the image
 * @image_size: bytes of the image
 * @log: address of a buffer that gets the reason of a refusal
 * @log_size: its size in bytes; the text is cut to fit and NUL-terminated
 * @pid: trace only this process and the ones it creates; 0: all
 * @args: address of the script's arguments, NUL-terminated strings in a row,
 *	the first is the script's name
 * @args_size: bytes at @args
 * @buffer_kb: output buffer for each CPU in KiB; 0: the default
 * @mem_limit: bytes that tables and other lasting data may take; 0: the
 *	default
 * @main_budget: instructions that the main chunk may execute; 0: the default
 * @handler_budget: the same for one run of a handler; 0: the default
 * @options: address of the script's options, NUL-terminated strings NAME=VALUE
 *	in a row
 * @options_size: bytes at @options
 * @cpu: the CPU of KTAP_LOAD_ONE_CPU, which is online; else 0
 * @utc_offset: seconds that local time is ahead of UTC
 * @utc_offset_next: the same from @utc_change on
 * @utc_change: when the offset changes next, in seconds since 1970; 0: never
 * @cgroup: descriptor of the directory of KTAP_LOAD_CGROUP's group (of version 2);
 *	tasks in groups below it are traced as well
 * @pmus_size: bytes at @pmus
 * @pmus: address of the perf events that PMU/TERMS/ in the script mean, pairs of
 *	NUL-terminated strings in a row: that text, and pmu:TYPE:CONFIG... which the
 *	kernel knows as well, or "!" and what is wrong with it.  The names of the
 *	terms are in sysfs, which the kernel does not read
 */
struct ktap_load {
	__u32 size;
	__u32 flags;
	__u64 image;
	__u64 image_size;
	__u64 log;
	__u32 log_size;
	__u32 pid;
	__u64 args;
	__u32 args_size;
	__u32 buffer_kb;
	__u64 mem_limit;
	__u64 main_budget;
	__u64 handler_budget;
	__u64 options;
	__u32 options_size;
	__u32 cpu;
	__s32 utc_offset;
	__s32 utc_offset_next;
	__s64 utc_change;
	__s32 cgroup;
	__u32 pmus_size;
	__u64 pmus;
};

/**
 * struct ktap_run - argument of KTAP_IOC_RUN
 * @size: sizeof(struct ktap_run)
 * @flags: 0
 * @error: address of a buffer that gets the text of a run-time error
 * @error_size: its size in bytes; the text is cut to fit and NUL-terminated
 * @exit_code: out: status that the script gave to exit(), or 0
 * @loss: address of an array of __u64, by enum ktap_loss
 * @loss_nr: in: its elements, out: the elements that the kernel has
 * @pad: 0
 */
struct ktap_run {
	__u32 size;
	__u32 flags;
	__u64 error;
	__u32 error_size;
	__s32 exit_code;
	__u64 loss;
	__u32 loss_nr;
	__u32 pad;
};

/**
 * struct ktap_target_arg - an argument of a place in a program
 * @kind: enum ktap_target_arg_kind
 * @size: its bytes: 1, 2, 4 or 8; negative if it is signed
 * @scale: what @index is multiplied by: 1, 2, 4 or 8
 * @pad: 0
 * @base: KTAP_TARGET_REG: the register; KTAP_TARGET_MEM: that of the address,
 *	or nothing.  As the kernel names it ("di", "x0"), NUL-padded
 * @index: KTAP_TARGET_MEM: another register of the address, or nothing
 * @disp: KTAP_TARGET_CONST: the value; KTAP_TARGET_MEM: is added to the address
 *
 * What @kind does not need is 0; @scale may be 1 where there is no @index.
 */
struct ktap_target_arg {
	__u8 kind;
	__s8 size;
	__u8 scale;
	__u8 pad[5];
	char base[8];
	char index[8];
	__s64 disp;
};

/**
 * enum ktap_target_arg_kind - where an argument is
 * @KTAP_TARGET_CONST: it is always the same
 * @KTAP_TARGET_REG: in a register
 * @KTAP_TARGET_MEM: in memory
 * @KTAP_TARGET_NONE: where it cannot be got from: it is nil
 */
enum ktap_target_arg_kind {
	KTAP_TARGET_CONST = 1,
	KTAP_TARGET_REG = 2,
	KTAP_TARGET_MEM = 3,
	KTAP_TARGET_NONE = 4,
};

/**
 * struct ktap_target - a place in a program
 * @offset: of the instruction in the file
 * @ref_ctr: of a 16 bit counter in the file that says how many trace it; or 0
 * @start: of the function's first instruction in the file, if @offset is that of
 *	another one; else 0
 * @name: the function, or the name of the SDT probe: a string
 * @provider: of an SDT probe: a string, or 0
 * @args: where its struct ktap_target_arg are, or 0
 * @nargs: how many
 *
 * Strings and arguments are given by their offset from the begin of the struct
 * ktap_target_set.
 */
struct ktap_target {
	__u64 offset;
	__u64 ref_ctr;
	__u64 start;
	__u32 name;
	__u32 provider;
	__u32 args;
	__u32 nargs;
};

/**
 * struct ktap_target_set - what an event of a program is
 * @bytes: of it with all that belongs to it; a multiple of 8
 * @nr: how many targets there are
 * @fd: the file, open for reading, or -1 if there is an @error
 * @text: the event as the script names it, up to the first blank: a string
 * @path: of the file, for messages: a string, or 0 if there is an @error
 * @error: why there are no targets: a string, or 0
 * @note: which targets of a pattern are left out, and why: a string, or 0
 * @pad: 0
 * @target: them
 *
 * Strings are NUL-terminated.  To find places in a program takes more than a
 * kernel wants to do, so the tool does it for all texts in an image that look
 * like such an event; what is wrong with one is said if the script traces it.
 */
struct ktap_target_set {
	__u32 bytes;
	__u32 nr;
	__s32 fd;
	__u32 text;
	__u32 path;
	__u32 error;
	__u32 note;
	__u32 pad;
	struct ktap_target target[];
};

/* How much there may be: bytes of all sets, sets, targets of one, arguments of one. */
#define KTAP_MAX_TARGET_BYTES	(16 << 20)
#define KTAP_MAX_TARGET_SETS	1024
#define KTAP_MAX_TARGETS	20000
#define KTAP_MAX_TARGET_ARGS	12

/**
 * struct ktap_targets - argument of KTAP_IOC_TARGETS
 * @size: sizeof(struct ktap_targets)
 * @flags: 0
 * @sets: address of struct ktap_target_set, one after the other
 * @bytes: of all of them
 */
struct ktap_targets {
	__u32 size;
	__u32 flags;
	__u64 sets;
	__u64 bytes;
};

/*
 * KTAP_IOC_LOAD: 0, or -1 with errno EPERM, EINVAL (the image is refused,
 * @log says why), ENOMEM, EBUSY (this session has an image already).
 * KTAP_IOC_RUN: 0, or -1 with errno EIO after a run-time error (@error has the
 * text), EINTR when a signal ended it, EINVAL, EBUSY (ran already).
 * KTAP_IOC_STOP: always 0.
 * KTAP_IOC_TARGETS: 0, or -1 with errno EINVAL (what is there is not as said
 * above, there is no image yet, or it is too late: RUN was called), EBADF (not
 * a regular file that is open for reading), E2BIG (too many of them), ENOMEM,
 * EOPNOTSUPP (this kernel has no probes of programs).  A second call that
 * succeeds replaces the first.
 */
#define KTAP_IOC_LOAD		_IOWR('k', 0xa0, struct ktap_load)
#define KTAP_IOC_RUN		_IOWR('k', 0xa1, struct ktap_run)
#define KTAP_IOC_STOP		_IO('k', 0xa2)
#define KTAP_IOC_TARGETS	_IOW('k', 0xa3, struct ktap_targets)

#endif /* _UAPI_LINUX_KTAP_H */
