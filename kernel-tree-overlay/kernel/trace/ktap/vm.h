/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ktap: what the files of the virtual machine share.
 *
 * Owns the structures of a VM.  Nothing outside the VM's own files and their
 * tests includes this header; the environment uses ktap.h alone.
 *
 * Who owns memory
 * ---------------
 *
 * The image, once converted, is one allocation that lives as long as the VM.
 * Everything a script keeps (tables, strings in slots, closures, cells) is in
 * the VM's pool (mem.c), which gives its chunks back only when the VM goes.
 * So a pointer into the pool never faults, and a VM that ends leaves nothing
 * behind whatever its objects refer to.
 *
 * A *slot* is a place that outlives a handler: key or value of a table, a
 * global, a cell.  A slot owns its string and counts as a reference to its
 * object.  Registers own nothing: their strings are in the exec's arena or
 * among the constants, and objects that only registers refer to are kept by
 * the exec's list of new objects, or by the fact that nothing is freed while
 * a handler that may know it still runs (obj.c).
 *
 * Locks: see ktap.h.  Those of a VM are all leaves but for table -> pool.
 */
#ifndef _KTAP_VM_H
#define _KTAP_VM_H

#include <linux/atomic.h>
#include <linux/irq_work.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "ktap.h"
#include "lock.h"

/* Limits and defaults; each has a test. */
#define KTAP_DEFAULT_MEM	(64ULL << 20)	/* bytes a session may keep */
#define KTAP_MAIN_BUDGET	100000000ULL	/* instructions */
#define KTAP_HANDLER_BUDGET	1000000ULL
#define KTAP_HANDLER_STACK	2048		/* values */
#define KTAP_HANDLER_FRAMES	256
#define KTAP_HANDLER_ARENA	(32 << 10)
#define KTAP_SETUP_STACK	8192
#define KTAP_SETUP_FRAMES	512
#define KTAP_SETUP_ARENA	(128 << 10)
#define KTAP_MAX_TEMPS		256		/* new objects between collections */
#define KTAP_ERROR_SIZE		2048		/* bytes of an error's text */
#define KTAP_ERROR_FRAMES	12		/* of the call stack in it */
#define KTAP_PRINT_DEPTH	3		/* tables in tables that are printed */
#define KTAP_MAX_FMT_NUM	1024		/* width and precision of printf */
#define KTAP_MAX_ENDS		64		/* trace_begin, trace_end functions each */

/* Values beyond a frame that a builtin or several results may need */
#define KTAP_STACK_SLACK	(KTAP_MAX_REGS + 6)

/* Instructions after which somebody looks around */
#define KTAP_SLICE		8192

/* One of so many runs of handlers is measured. */
#define KTAP_WATCH_RUNS		64

/* What an operation may take from the arena before it is looked after again */
#define KTAP_ARENA_RESERVE	(2 * (KTAP_MAX_STR + 32))

/*
 * Where the build can tell: memory that is out of bounds, and how much of it
 * there is between parts of one allocation
 */
#ifndef ktap_poison
#define ktap_poison(p, size)	do { } while (0)
#define ktap_unpoison(p, size)	do { } while (0)
#define KTAP_REDZONE		0
#endif

/*
 * mem.c: the pool
 */
#define KTAP_CHUNK_SIZE		(32 << 10)
#define KTAP_POOL_MAX		4352		/* the largest block */
#define KTAP_POOL_CLASSES	18

struct ktap_chunk;

/**
 * struct ktap_pool - memory that is there before it is needed
 * @lock: everything below but @limit and @deferred
 * @bump: the part of the current chunk that was never handed out
 * @bump_end: its end
 * @ready: chunks not begun
 * @ready_bytes: in @bump and @ready
 * @watermark: how many there should be; grows with demand
 * @free: free blocks by size class
 * @chunks: all chunks
 * @bytes: their size
 * @limit: most that they may take
 * @deferred: blocks that an NMI could not give back, by size class
 * @starved: an allocation failed since the last refill
 */
struct ktap_pool {
	struct ktap_spinlock lock;
	char *bump;
	char *bump_end;
	struct ktap_chunk *ready;
	size_t ready_bytes;
	size_t watermark;
	void *free[KTAP_POOL_CLASSES];
	struct ktap_chunk *chunks;
	u64 bytes;
	u64 limit;
	struct llist_head deferred[KTAP_POOL_CLASSES];
	bool starved;
};

void ktap_pool_init(struct ktap_pool *p, u64 limit);
void ktap_pool_destroy(struct ktap_pool *p);
void *ktap_pool_alloc(struct ktap_pool *p, size_t size, bool nmi);
void ktap_pool_free(struct ktap_pool *p, void *ptr, size_t size, bool nmi);
int ktap_pool_grow(struct ktap_pool *p);
void ktap_pool_refill(struct ktap_pool *p);

/**
 * ktap_pool_low() - whether the pool should be refilled
 * @p: the pool
 *
 * Context: any.
 *
 * Return: whether it should.
 */
static inline bool ktap_pool_low(const struct ktap_pool *p)
{
	return READ_ONCE(p->ready_bytes) < READ_ONCE(p->watermark) / 2;
}

/*
 * Objects: tables, closures, cells, aggregations
 */

/**
 * struct ktap_obj - what tables, closures, cells and aggregations begin with
 * @state: KTAP_OBJ_* and, in units of KTAP_OBJ_REF, how many slots and
 *	closures refer to it
 * @zombie: in ktap_vm.zombies, if KTAP_OBJ_ZOMBIE
 * @next: in ktap_exec.temps, until the exec that made it looks after it again
 * @type: enum ktap_type
 * @mark: a register refers to it; only while its exec collects
 */
struct ktap_obj {
	atomic_long_t state;
	struct llist_node zombie;
	struct ktap_obj *next;
	u8 type;
	u8 mark;
};

#define KTAP_OBJ_SHARED		1L	/* was in a slot: others may know it */
#define KTAP_OBJ_ZOMBIE		2L	/* is in ktap_vm.zombies */
#define KTAP_OBJ_TOUCHED	4L	/* the count fell to 0 again */
#define KTAP_OBJ_REF		8L

/**
 * struct ktap_slot - a value that several CPUs use: a global, or in a cell
 * @lock: taken by writers, and by readers of strings
 * @seq: for readers of anything else, who write nothing
 * @v: the value
 */
struct ktap_slot {
	struct ktap_spinlock lock;
	seqcount_t seq;
	struct ktap_val v;
};

struct ktap_cell {
	struct ktap_obj obj;
	struct ktap_slot slot;
};

struct ktap_closure {
	struct ktap_obj obj;
	const struct ktap_proto *proto;
	struct ktap_cell *up[];
};

/*
 * table.c
 */

/**
 * struct ktap_radix - an array that grows by small blocks and never moves
 * @root: a segment of elements, or a node of pointers
 * @cap: elements that there is room for
 * @height: levels of nodes above the segments
 */
struct ktap_radix {
	void *root;
	u32 cap;
	u32 height;
};

/**
 * struct ktap_stripe - a part of a table, with a lock of its own
 * @lock: everything here
 * @live: entries that are in use
 * @used: entries that were ever in use
 * @free: 1 + index of a free one among them, which links to the next
 * @nbuckets: buckets of the index
 * @mask: the smallest 2^n - 1 that is at least @nbuckets - 1
 * @entries: struct ktap_entry
 * @buckets: u32, 1 + index of the first entry of a chain
 */
struct ktap_stripe {
	struct ktap_spinlock lock;
	u32 live;
	u32 used;
	u32 free;
	u32 nbuckets;
	u32 mask;
	struct ktap_radix entries;
	struct ktap_radix buckets;
};

#define KTAP_MAX_STRIPES	16
#define KTAP_STRIPED_TABLES	64	/* that a VM has at once at most */

/**
 * struct ktap_table - a table
 * @obj: what every object has
 * @shift: a hash is shifted right by this to get its stripe
 * @nstripes: a power of 2
 * @size: bytes of this structure and its stripes
 * @full: takes no entries at all: stands for a table there was no memory for
 * @stripes: they follow this structure
 */
struct ktap_table {
	struct ktap_obj obj;
	u32 shift;
	u32 nstripes;
	u32 size;
	bool full;
	char *stripes;
};

/*
 * A loaded image
 */

/**
 * struct ktap_proto - a function
 * @code: its instructions
 * @lines: the source line of each
 * @ncode: how many there are
 * @nregs: registers
 * @nparams: fixed parameters
 * @vararg: takes more
 * @nupvals: captured variables
 * @max_reg: 1 + the highest register that a new closure captures, or 0
 * @max_upval: the same for upvalues
 * @upvals: where a new closure finds them
 * @name: for messages; may be empty
 * @line: where it begins
 * @index: its number in the image
 * @closure: the one closure of a function that captures nothing, or NULL
 */
struct ktap_proto {
	const u32 *code;
	const u32 *lines;
	u32 ncode;
	u8 nregs;
	u8 nparams;
	u8 vararg;
	u8 nupvals;
	u16 max_reg;
	u16 max_upval;
	const struct ktap_img_upval *upvals;
	const struct ktap_str *name;
	u32 line;
	u32 index;
	struct ktap_closure *closure;
};

/**
 * struct ktap_bi - a builtin as an image uses it
 * @fn: the function
 * @id: enum ktap_builtin_id
 * @min: fewest arguments
 * @max: most arguments, or KTAP_BI_ANY
 * @flags: KTAP_BI_*
 */
struct ktap_bi {
	ktap_builtin_fn fn;
	u8 id;
	u8 min;
	u8 max;
	u8 flags;
};

/**
 * struct ktap_prog - an image in the form in which it is executed
 * @consts: constants; strings have their hash
 * @nconsts: how many
 * @code: the instructions of all functions
 * @ncode: how many
 * @lines: their lines
 * @protos: functions
 * @nprotos: how many
 * @bi: builtins
 * @nbi: how many
 * @globals: what the globals hold at first, enum ktap_global_kind
 * @global_names: their names
 * @nglobals: how many
 * @upvals: capture lists
 * @nupvals: how many
 * @source: name of the source file
 * @mem: all of the above is in here
 */
struct ktap_prog {
	struct ktap_val *consts;
	u32 nconsts;
	u32 *code;
	u32 ncode;
	u32 *lines;
	struct ktap_proto *protos;
	u32 nprotos;
	struct ktap_bi *bi;
	u32 nbi;
	u8 *globals;
	struct ktap_str **global_names;
	u32 nglobals;
	struct ktap_img_upval *upvals;
	u32 nupvals;
	struct ktap_str *source;
	void *mem;
};

int ktap_prog_load(struct ktap_prog *img, const void *data, size_t size, u32 seed,
		   struct ktap_log *log);
void ktap_prog_free(struct ktap_prog *img);
const struct ktap_bi *ktap_builtin_def(enum ktap_builtin_id id);
const char *ktap_builtin_name(enum ktap_builtin_id id);
int ktap_verify(const struct ktap_prog *img, struct ktap_log *log);

/*
 * Why an image is refused: X(TAG, text).  The line in the log begins with the
 * tag, and each tag has a test (tools/testing/ktap).
 */
#define KTAP_VERIFY_TAGS(X)						\
	/* header */							\
	X(SHORT_HEADER,	"shorter than an image header")			\
	X(BAD_MAGIC,	"not a ktap image")				\
	X(BAD_VERSION,	"image version not known to this kernel")	\
	X(HEADER_SIZE,	"header size is wrong")				\
	X(IMAGE_LARGE,	"image is too large")				\
	X(IMAGE_SIZE,	"image size does not match its header")		\
	X(HEADER_FLAGS,	"unknown flags")				\
	/* sections */							\
	X(SEC_ALIGN,	"section is not aligned")			\
	X(SEC_ORDER,	"section begins before the end of the one before") \
	X(SEC_RANGE,	"section ends beyond the image")		\
	X(SEC_GAP,	"bytes that belong to no section")		\
	X(SEC_ELEM,	"section size is not a multiple of its elements") \
	X(STRINGS_LARGE, "strings take too much memory")			\
	X(SOURCE_RANGE,	"source name is outside the string section")	\
	X(SOURCE_LONG,	"source name is too long")			\
	/* constants, globals, builtins */				\
	X(CONST_MANY,	"too many constants")				\
	X(CONST_TYPE,	"unknown type of constant")			\
	X(CONST_PAD,	"padding of a constant is not 0")		\
	X(CONST_RANGE,	"string constant is outside the string section") \
	X(CONST_LONG,	"string constant is too long")			\
	X(GLOBAL_MANY,	"too many globals")				\
	X(GLOBAL_RANGE,	"name of a global is outside the string section") \
	X(GLOBAL_LONG,	"name of a global is too long")			\
	X(GLOBAL_KIND,	"unknown kind of global")			\
	X(GLOBAL_PAD,	"padding of a global is not 0")			\
	X(BUILTIN_MANY,	"too many builtins")				\
	X(BUILTIN_RANGE, "name of a builtin is outside the string section") \
	X(BUILTIN_UNKNOWN, "this kernel has no such builtin")		\
	/* functions */							\
	X(FUNC_NONE,	"no main chunk")				\
	X(FUNC_MANY,	"too many functions")				\
	X(FUNC_NAME_RANGE, "name of a function is outside the string section") \
	X(FUNC_NAME_LONG, "name of a function is too long")		\
	X(FUNC_CODE_NONE, "function without instructions")		\
	X(FUNC_CODE_RANGE, "code of a function is outside its section")	\
	X(FUNC_CODE_SUM, "functions do not add up to the code section")	\
	X(FUNC_UPVAL_RANGE, "upvalues of a function are outside their section") \
	X(FUNC_UPVAL_SUM, "functions do not add up to the upvalue section") \
	X(FUNC_UPVAL_MANY, "too many upvalues")				\
	X(FUNC_REGS,	"number of registers is out of bounds")		\
	X(FUNC_PARAMS,	"more parameters than registers")		\
	X(FUNC_FLAGS,	"unknown function flags")			\
	X(MAIN_UPVALS,	"main chunk has upvalues")			\
	X(MAIN_PARAMS,	"main chunk has parameters")			\
	X(UPVAL_KIND,	"upvalue is neither of a register nor of an upvalue") \
	X(UPVAL_PAD,	"padding of an upvalue is not 0")		\
	X(LINES_SIZE,	"line table is not as long as the code")	\
	/* instructions */						\
	X(OPCODE,	"unknown opcode")				\
	X(UNUSED_B,	"unused operand B is not 0")			\
	X(UNUSED_C,	"unused operand C is not 0")			\
	X(REG_A,	"register A is outside the frame")		\
	X(REG_B,	"register B is outside the frame")		\
	X(REG_C,	"register C is outside the frame")		\
	X(CONST_INDEX,	"no such constant")				\
	X(CONST_STRING,	"constant is not a string")			\
	X(GLOBAL_INDEX,	"no such global")				\
	X(FUNC_INDEX,	"no such function")				\
	X(UPVAL_INDEX,	"no such upvalue")				\
	X(BUILTIN_INDEX, "no such builtin")				\
	X(BOOL_VALUE,	"boolean is neither 0 nor 1")			\
	X(COUNT_ZERO,	"number of registers is 0")			\
	X(TABLE_HINT,	"table size is negative")			\
	X(NIL_RANGE,	"NIL beyond the frame")				\
	X(TUPLE_RANGE,	"TUPLE beyond the frame")			\
	X(CONCAT_RANGE,	"CONCAT beyond the frame")			\
	X(CALL_ARGS,	"arguments of a call are beyond the frame")	\
	X(CALL_RESULTS,	"results of a call are beyond the frame")	\
	X(TAIL_ARGS,	"arguments of a tail call are beyond the frame") \
	X(RET_RANGE,	"returned values are beyond the frame")		\
	X(VARARG_RANGE,	"extra arguments are beyond the frame")		\
	X(VARARG_FIXED,	"VARARG in a function that takes no extra arguments") \
	X(BCALL_ARGS,	"arguments of a builtin are beyond the frame")	\
	X(BCALL_FEW,	"too few arguments for a builtin")		\
	X(BCALL_MANY,	"too many arguments for a builtin")		\
	X(FORPREP_RANGE, "loop registers are beyond the frame")		\
	X(FORLOOP_RANGE, "loop registers are beyond the frame")		\
	X(PAIRS_RANGE,	"iteration registers are beyond the frame")	\
	X(NEXT_RANGE,	"iteration registers are beyond the frame")	\
	X(JUMP_RANGE,	"jump out of the function")			\
	X(JUMP_MULTI,	"jump into the use of several results")		\
	X(JUMP_BACK,	"jump must go forward")				\
	X(JUMP_FORWARD,	"jump must go back")				\
	X(MULTI_NONE,	"takes several results where none were left")	\
	X(MULTI_BASE,	"takes several results from below its first argument") \
	X(MULTI_UNUSED,	"several results that the next instruction does not take") \
	X(NO_END,	"control runs off the end of the function")	\
	X(CLOSURE_MAIN,	"closure of the main chunk")			\
	X(CLOSURE_REG,	"closure captures a register outside the frame") \
	X(CLOSURE_UPVAL, "closure captures an upvalue that there is not")

enum ktap_verify_tag {
#define KTAP_TAG_ENUM(tag, text) KTAP_TAG_##tag,
	KTAP_VERIFY_TAGS(KTAP_TAG_ENUM)
#undef KTAP_TAG_ENUM
	KTAP_TAG_NR
};

__printf(3, 4) int ktap_refuse(struct ktap_log *log, enum ktap_verify_tag tag,
			       const char *fmt, ...);

/*
 * The VM and its execs
 */

/**
 * enum ktap_phase - what a VM is doing
 * @KTAP_PHASE_LOADED: nothing ran yet
 * @KTAP_PHASE_MAIN: the main chunk
 * @KTAP_PHASE_BEGIN: trace_begin functions
 * @KTAP_PHASE_EVENTS: handlers, if events are delivered
 * @KTAP_PHASE_END: trace_end functions
 */
enum ktap_phase {
	KTAP_PHASE_LOADED,
	KTAP_PHASE_MAIN,
	KTAP_PHASE_BEGIN,
	KTAP_PHASE_EVENTS,
	KTAP_PHASE_END,
};

/**
 * struct ktap_frame - an active function
 * @fn: it
 * @base: its register 0
 * @ret: where its results go: the register of the caller that held it
 * @pc: the next instruction; kept up to date only around what may fail or call
 * @nextra: extra arguments, which are right below @base
 * @want: results wanted, -1: all ("multi")
 */
struct ktap_frame {
	struct ktap_closure *fn;
	struct ktap_val *base;
	struct ktap_val *ret;
	const u32 *pc;
	u32 nextra;
	s32 want;
};

/**
 * struct ktap_exec - one run of a chunk or handler
 * @vm: whose
 * @event: the current event, or NULL
 * @fuel: instructions until somebody has to look: for the budget, for signals,
 *	or because memory wants to be collected
 * @left: the rest of the budget, not in @fuel
 * @top: end of the values that a multi instruction left
 * @frame: the running function
 * @arena: strings of this run, each with a struct ktap_arena_hdr
 * @arena_pos: bytes used
 * @arena_size: bytes there are
 * @temps: objects made in this run, by ktap_obj.next
 * @ntemps: how many were made since they were last looked through
 * @runs: of the execs of handlers: how many there were
 * @watch: this run is measured, and stands for so many; 0: it is not
 * @since: when the measuring began
 * @busy: of the execs of handlers: a handler has it, or somebody who must not be
 *	interrupted by one
 * @inner: in a function that a builtin calls; there is one at a time
 * @setup: runs in setup context: may sleep
 * @nmi: runs in NMI: must not wait for locks
 * @stack: values; every one in the range of an active frame is valid
 * @stack_end: end of it, less KTAP_STACK_SLACK
 * @frames: call stack
 * @frames_end: its end
 * @stage: KTAP_OUT_MAX bytes, where rows of tables are put together
 */
struct ktap_exec {
	struct ktap_vm *vm;
	struct ktap_event *event;
	s64 fuel;
	s64 left;
	struct ktap_val *top;
	struct ktap_frame *frame;
	char *arena;
	u32 arena_pos;
	u32 arena_size;
	struct ktap_obj *temps;
	u32 ntemps;
	u32 runs;
	u32 watch;
	u64 since;
	bool busy;
	bool inner;
	bool setup;
	bool nmi;
	struct ktap_val *stack;
	struct ktap_val *stack_end;
	struct ktap_frame *frames;
	struct ktap_frame *frames_end;
	void *stage;
};

/**
 * struct ktap_arena_hdr - precedes each string in an arena
 * @size: bytes of header and string as allocated
 * @fwd: while collecting: 1 + where it moves to; otherwise 0
 */
struct ktap_arena_hdr {
	u32 size;
	u32 fwd;
};

/**
 * struct ktap_vm - a loaded image and its state
 * @env: the environment's
 * @img: the image
 * @seed: of hashes of strings
 * @factors: of hashes of other values, odd
 * @pool: memory of what scripts keep
 * @globals: the script's globals
 * @full_table: stands for tables that there was no memory for
 * @full_agg: stands for aggregations that there was no memory for
 * @phase: enum ktap_phase
 * @stop: no more bytecode runs, but trace_end functions
 * @end_stop: nor these: exit() in one of them
 * @err_state: 0: no error, 1: it is being written, 2: @err_text is complete
 * @exit_state: 1: exit() was called
 * @exit_code: its argument
 * @main_budget: instructions
 * @handler_budget: instructions
 * @snapshots: number of the last table put out
 * @nstriped: tables that have several stripes
 * @lost: what could not be recorded; no atomic64_t, which takes a lock on some
 *	machines, and an NMI would wait for it for ever
 * @zombies: objects that no slot holds any more
 * @nzombies: about how many
 * @reap_lock: held while setup code runs: registers of the setup exec hold
 *	objects, and the worker frees none
 * @kicked: the worker was got going, and has not run yet
 * @dying: the worker is not to be got going any more
 * @irq_work: gets the worker going from any context
 * @refill_work: the worker: refills the pool
 * @reap_work: the worker: frees zombies
 * @begins: trace_begin functions
 * @nbegins: how many
 * @ends: trace_end functions
 * @nends: how many
 * @lasts: functions that run after them
 * @nlasts: how many
 * @setup: the exec of setup context
 * @options: see ktap_vm_set_options()
 * @options_size: bytes at @options
 * @err_text: the first error and where it happened
 */
struct ktap_vm {
	void *env;
	struct ktap_prog img;
	u32 seed;
	u64 factors[2];
	struct ktap_pool pool;
	struct ktap_slot *globals;
	struct ktap_table *full_table;
	struct ktap_agg *full_agg;
	enum ktap_phase phase;
	int stop;
	int end_stop;
	atomic_t err_state;
	atomic_t exit_state;
	int exit_code;
	u64 main_budget;
	u64 handler_budget;
	atomic_t snapshots;
	atomic_t nstriped;
	atomic_long_t lost[KTAP_LOSS_NR];
	struct llist_head zombies;
	atomic_t nzombies;
	struct mutex reap_lock;		/* see @reap_lock above */
	atomic_t kicked;
	bool dying;
	struct irq_work irq_work;
	struct work_struct refill_work;
	struct work_struct reap_work;
	struct ktap_closure *begins[KTAP_MAX_ENDS];
	u32 nbegins;
	struct ktap_closure *ends[KTAP_MAX_ENDS];
	u32 nends;
	struct ktap_closure *lasts[KTAP_MAX_ENDS];
	u32 nlasts;
	struct ktap_exec *setup;
	char *options;
	size_t options_size;
	char err_text[KTAP_ERROR_SIZE];
};

/* vm.c */
int ktap_vm_exit(struct ktap_exec *x, int code);

/* task, softirq, hardirq, NMI: interrupt_context_level() */
#define KTAP_LEVELS	4
#define KTAP_LEVEL_NMI	3

/**
 * struct ktap_cpu - the execs of a CPU
 * @x: by level
 */
struct ktap_cpu {
	struct ktap_exec *x[KTAP_LEVELS];
};

DECLARE_PER_CPU(struct ktap_cpu, ktap_cpus);

/**
 * ktap_exec_enter() - take the exec of this CPU and level
 *
 * Return: the exec, with preemption disabled, or NULL if it is taken.
 */
static __always_inline struct ktap_exec *ktap_exec_enter(void)
{
	struct ktap_exec *x;

	preempt_disable_notrace();
	x = __this_cpu_read(ktap_cpus.x[interrupt_context_level()]);
	if (unlikely(!x || x->busy)) {
		preempt_enable_notrace();
		return NULL;
	}
	WRITE_ONCE(x->busy, true);
	barrier();
	return x;
}

/**
 * ktap_exec_leave() - give the exec back
 * @x: what ktap_exec_enter() returned
 */
static __always_inline void ktap_exec_leave(struct ktap_exec *x)
{
	barrier();
	WRITE_ONCE(x->busy, false);
	preempt_enable_notrace();
}

/* Measures the running handler for the environment's watchdog. */
static inline void ktap_exec_watch(struct ktap_exec *x, u32 weight)
{
	x->watch = weight;
	x->since = ktap_env_clock();
}

/* exec.c */
struct ktap_exec *ktap_exec_alloc(u32 nvals, u32 nframes, u32 arena, int node);
void ktap_exec_free(struct ktap_exec *x);
int ktap_execs_get(void);
void ktap_execs_put(void);
struct ktap_exec *ktap_guard_enter(void);
void ktap_guard_leave(struct ktap_exec *guard);
int ktap_exec_attend(struct ktap_exec *x);
void ktap_exec_hurry(struct ktap_exec *x);
int ktap_arena_ensure(struct ktap_exec *x, size_t bytes);
void ktap_arena_compact(struct ktap_exec *x);
struct ktap_val *ktap_exec_stack_top(struct ktap_exec *x);

/* interp.c */
int ktap_call(struct ktap_exec *x, struct ktap_closure *fn);
int ktap_call_inner(struct ktap_exec *x, struct ktap_val *s, u32 nargs);

/* ops.c: the operators that are no single instruction of the machine */
int ktap_op_arith(struct ktap_exec *x, struct ktap_val *base, u32 insn);
int ktap_op_unary(struct ktap_exec *x, struct ktap_val *base, u32 insn);
int ktap_op_eq(struct ktap_exec *x, struct ktap_val *base, u32 insn);
int ktap_op_order(struct ktap_exec *x, struct ktap_val *base, u32 insn);
int ktap_op_compare_imm(struct ktap_exec *x, struct ktap_val *base, u32 insn);
int ktap_op_match(struct ktap_exec *x, struct ktap_val *base, u32 insn);
int ktap_op_concat(struct ktap_exec *x, struct ktap_val *base, u32 insn);
int ktap_op_tuple(struct ktap_exec *x, struct ktap_val *base, u32 insn);
int ktap_op_gett(struct ktap_exec *x, struct ktap_val *base, u32 insn);
int ktap_op_getk(struct ktap_exec *x, struct ktap_val *base, u32 insn);
int ktap_op_sett(struct ktap_exec *x, struct ktap_val *base, u32 insn);
int ktap_op_addt(struct ktap_exec *x, struct ktap_val *base, u32 insn);
int ktap_op_delt(struct ktap_exec *x, struct ktap_val *base, u32 insn);
int ktap_op_agg(struct ktap_exec *x, struct ktap_val *base, u32 insn);
int ktap_op_aggt(struct ktap_exec *x, struct ktap_val *base, u32 insn);
int ktap_op_in(struct ktap_exec *x, struct ktap_val *base, u32 insn);
int ktap_op_pairs(struct ktap_exec *x, struct ktap_val *base, u32 insn);
int ktap_op_next(struct ktap_exec *x, struct ktap_val *base, bool *end);
int ktap_op_forprep(struct ktap_exec *x, struct ktap_val *a, bool *skip);
int ktap_op_closure(struct ktap_exec *x, struct ktap_val *base, u32 insn);
int ktap_op_cell(struct ktap_exec *x, struct ktap_val *base, u32 insn);
int ktap_op_table(struct ktap_exec *x, struct ktap_val *base, u32 insn);
int ktap_op_event(struct ktap_exec *x, struct ktap_val *base, u32 insn);
int ktap_get_slot(struct ktap_exec *x, struct ktap_slot *s, struct ktap_val *out);
int ktap_set_slot(struct ktap_exec *x, struct ktap_slot *s, struct ktap_val *reg);
int ktap_add_slot(struct ktap_exec *x, struct ktap_slot *s, struct ktap_val *v);
int ktap_concat(struct ktap_exec *x, struct ktap_val *v, unsigned int n,
		struct ktap_val *out);
const char *ktap_type_name(const struct ktap_val *v);
int ktap_new_table(struct ktap_exec *x, struct ktap_val *out);
int ktap_render_event(struct ktap_exec *x, struct ktap_val *v);

/* obj.c */
void ktap_obj_init(struct ktap_exec *x, struct ktap_obj *o, enum ktap_type type);
void ktap_obj_share(struct ktap_vm *vm, struct ktap_obj *o);
void ktap_obj_hold(struct ktap_obj *o);
void ktap_obj_put(struct ktap_vm *vm, struct ktap_obj *o, bool nmi);
void ktap_val_put(struct ktap_vm *vm, struct ktap_val *v, bool nmi);
int ktap_val_own(struct ktap_vm *vm, struct ktap_val *dst, const struct ktap_val *src,
		 bool nmi);
int ktap_val_lend(struct ktap_exec *x, struct ktap_val *dst, const struct ktap_val *src);
void ktap_slot_init(struct ktap_slot *s);
void ktap_exec_end_temps(struct ktap_exec *x);
void ktap_exec_collect(struct ktap_exec *x);
void ktap_exec_pin(struct ktap_exec *x);
void ktap_exec_unpin(struct ktap_exec *x);
void ktap_vm_reap(struct ktap_vm *vm);
void ktap_vm_kick(struct ktap_vm *vm);
void *ktap_new(struct ktap_exec *x, size_t size);
void ktap_lost_update(struct ktap_vm *vm, int err);
int ktap_no_memory(struct ktap_exec *x, int err);

/* table.c */
unsigned int ktap_table_stripes(struct ktap_exec *x);
struct ktap_table *ktap_table_new(struct ktap_exec *x, unsigned int nstripes);
bool ktap_table_trim(struct ktap_vm *vm, struct ktap_table *t);
void ktap_table_free(struct ktap_vm *vm, struct ktap_table *t, bool nmi);
int ktap_table_get(struct ktap_exec *x, struct ktap_table *t, const struct ktap_val *key,
		   struct ktap_val *out);
int ktap_table_set(struct ktap_exec *x, struct ktap_table *t, const struct ktap_val *key,
		   const struct ktap_val *v);
int ktap_table_add(struct ktap_exec *x, struct ktap_table *t, const struct ktap_val *key,
		   s64 n);
int ktap_table_has(struct ktap_exec *x, struct ktap_table *t, const struct ktap_val *key);
int ktap_table_delete(struct ktap_exec *x, struct ktap_table *t,
		      const struct ktap_val *key);
int ktap_table_next(struct ktap_exec *x, struct ktap_table *t, u64 *cursor,
		    struct ktap_val *key, struct ktap_val *v);
int ktap_table_peek(struct ktap_exec *x, struct ktap_table *t, u64 *cursor,
		    int (*fn)(void *data, const struct ktap_val *key,
			      const struct ktap_val *v), void *data);
int ktap_table_clear(struct ktap_exec *x, struct ktap_table *t);
u64 ktap_table_len(const struct ktap_table *t);
int ktap_table_update(struct ktap_exec *x, struct ktap_table *t, const struct ktap_val *key,
		      int (*fn)(void *data, struct ktap_val *v, bool fresh), void *data);
void ktap_table_move(struct ktap_exec *x, struct ktap_table *to, struct ktap_table *t);
int ktap_table_take(struct ktap_exec *x, struct ktap_val *v);
int ktap_table_failed(struct ktap_exec *x, int err, unsigned int *tries);

/* table_sort.c */
int ktap_table_sort(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs);
int ktap_table_top(struct ktap_exec *x, struct ktap_val *args, s64 n);

/* agg.c, for those who free objects; the rest is in agg.h */
bool ktap_agg_trim(struct ktap_vm *vm, struct ktap_agg *g);
void ktap_agg_free(struct ktap_vm *vm, struct ktap_agg *g, bool nmi);

/* string.c */
u32 ktap_hash_bytes(u32 seed, const char *s, size_t len);
u32 ktap_str_hash(u32 seed, struct ktap_str *s);
bool ktap_str_eq(const struct ktap_str *a, const struct ktap_str *b);
int ktap_str_cmp(const struct ktap_str *a, const struct ktap_str *b);
bool ktap_glob(const struct ktap_str *pat, const struct ktap_str *str, s64 *steps);
size_t ktap_fmt_int(char *buf, s64 i);
bool ktap_parse_int(const char *s, size_t len, s64 *out);
size_t ktap_tuple_next(const struct ktap_str *s, size_t pos, struct ktap_val *part,
		       const char **bytes, u32 *len);
size_t ktap_tuple_put(char *p, const struct ktap_val *part);
bool ktap_tuple_has_stack(const struct ktap_str *s);
size_t ktap_tuple_text(struct ktap_exec *x, const struct ktap_str *s, char *buf,
		       size_t *room);
size_t ktap_printable(char *buf, size_t size, const struct ktap_str *s);

#define KTAP_INT_DIGITS		21	/* of an s64, with sign and NUL */

/* lib_base.c */
int ktap_wrong_type(struct ktap_exec *x, unsigned int n, const char *want,
		    const struct ktap_val *v);
int ktap_args_text(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs);

/* lib_stack.c */
size_t ktap_stack_render(struct ktap_exec *x, enum ktap_type type, const char *frames,
			 u32 len, char *buf, size_t room);

/* lib_format.c */
int ktap_check_format(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs,
		      unsigned int *used);

/* record.c */
int ktap_print(struct ktap_exec *x, unsigned int type, struct ktap_val *args,
	       unsigned int n);

/**
 * ktap_lock() - take a lock of the VM, if that is possible
 * @nmi: the caller is in NMI
 * @lock: the lock
 * @flags: interrupt state for ktap_unlock()
 *
 * An NMI may have interrupted the lock's owner, so it does not wait.
 *
 * Context: any; interrupts are off until ktap_unlock().
 * Return: whether the lock is held.
 */
static __always_inline bool ktap_lock(bool nmi, struct ktap_spinlock *lock,
				      unsigned long *flags)
{
	if (unlikely(nmi))
		return ktap_spin_trylock(lock, flags);
	*flags = ktap_spin_lock(lock);
	return true;
}

static __always_inline void ktap_unlock(struct ktap_spinlock *lock, unsigned long flags)
{
	ktap_spin_unlock(lock, flags);
}

/* Whether it is of addresses, that are made text of when they are printed */
static inline bool ktap_is_stack(const struct ktap_val *v)
{
	return v->type == KTAP_STACK || v->type == KTAP_USTACK || v->type == KTAP_USYM;
}

/* Whether its bytes are in a struct ktap_str */
static inline bool ktap_is_str(const struct ktap_val *v)
{
	return v->type == KTAP_STR || v->type == KTAP_TUPLE || ktap_is_stack(v);
}

/**
 * ktap_get_slot_quick() - read a global or captured variable that is no string
 * @s: the variable
 * @out: gets its value
 *
 * Return: false if it is being changed or a string, for ktap_get_slot().
 */
static __always_inline bool ktap_get_slot_quick(struct ktap_slot *s, struct ktap_val *out)
{
	unsigned int seq = raw_read_seqcount(&s->seq);
	struct ktap_val v = s->v;

	if (unlikely((seq & 1) || ktap_is_str(&v) || read_seqcount_retry(&s->seq, seq)))
		return false;
	*out = v;
	return true;
}

static inline bool ktap_is_obj(const struct ktap_val *v)
{
	return v->type == KTAP_TABLE || v->type == KTAP_FUNC || v->type == KTAP_CELL ||
	       v->type == KTAP_AGG;
}

static inline struct ktap_obj *ktap_val_obj(const struct ktap_val *v)
{
	/* all of them begin with their struct ktap_obj */
	return (struct ktap_obj *)v->t;
}

/**
 * ktap_settle() - a string that may come late is used as a value now
 * @x: the running exec
 * @v: a register
 *
 * It is nil then, and counted.  Each operation that looks at a value of any type
 * does this first; what only moves values, or prints them, does not.
 */
static inline void ktap_settle(struct ktap_exec *x, struct ktap_val *v)
{
	if (likely(v->type != KTAP_LATE))
		return;
	ktap_vm_lost(x->vm, KTAP_LOSS_FAULT, 1);
	ktap_set_nil(v);
}

static inline bool ktap_true(const struct ktap_val *v)
{
	return v->type != KTAP_NIL && (v->type != KTAP_BOOL || v->i);
}

static inline size_t ktap_str_size(u32 len)
{
	return offsetof(struct ktap_str, data) + len + 1;
}

#endif /* _KTAP_VM_H */
