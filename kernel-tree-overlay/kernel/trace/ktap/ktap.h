/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ktap: what the parts of the virtual machine and its environment share.
 *
 * There are two sides:
 *
 *  - the VM (mem.c, string.c, obj.c, table*.c, agg*.c, image.c, verify.c, vm.c, exec.c,
 *    interp.c, ops.c, record.c, interval.c, and lib_*.c but for those below): knows
 *    nothing of devices, tracepoints or the ring buffer.  It is also built as a
 *    user-space library for its tests (tools/testing/ktap);
 *  - the environment (session.c, outbuf.c, attach*.c, site.c, event*.c, ev_*.c, pids.c,
 *    watchdog.c, env.c, late.c, stack.c, ustack.c, lib_task.c, lib_path.c, lib_event.c): the
 *    kernel around it.  The host build has another one.
 *
 * Contexts
 * --------
 *
 *  setup	process context, may sleep: load, main chunk, trace_begin,
 *		trace_end, close.  One thread at a time per session
 *		(session->run_lock).  No handler runs while it does, but when
 *		the main chunk sleeps: ktap_vm_pause().
 *  handler	where an event fires: process, softirq, hardirq or NMI context,
 *		preemption disabled by ktap_vm_handle(), on all CPUs at once.
 *		Does not allocate from the kernel, sleep, fault a page in, or
 *		wait for a lock in NMI.
 *  worker	a work item: allocates ahead what handlers take, frees what they
 *		dropped.
 *
 * Recursion: handlers of all sessions share one guard for each CPU and context
 * level (task, softirq, hardirq, NMI).  An event that happens inside a
 * handler of the same level is not delivered, but counted (KTAP_LOSS_NESTED).
 * So two locks of ktap are never taken by handlers that interrupt each other
 * on a level, whatever tracepoints the lock code has.
 *
 * Lock order (all raw, taken with interrupts off, trylock only in NMI):
 *
 *	table lock -> lane lock of an aggregation -> pool lock
 *	cell lock -> pool lock
 *
 * and none is held while another table, lane, cell or global lock is taken.
 */
#ifndef _KTAP_H
#define _KTAP_H

#include <linux/types.h>
#include <linux/ktap.h>

struct ktap_vm;			/* a loaded image and its state; vm.h */
struct ktap_exec;		/* one run of a chunk or handler; vm.h */
struct ktap_event;		/* an event as a handler sees it; event.h */
struct ktap_str;
struct ktap_table;
struct ktap_agg;
struct ktap_closure;
struct ktap_cell;

/**
 * enum ktap_type - types of values
 * @KTAP_NIL: nil
 * @KTAP_BOOL: ktap_val.i is 0 or 1
 * @KTAP_INT: ktap_val.i
 * @KTAP_STR: ktap_val.s
 * @KTAP_TUPLE: a compound key; ktap_val.s holds its parts in canonical form
 * @KTAP_STACK: a stack; ktap_val.s holds its frames, an u64 each, the innermost
 *	first
 * @KTAP_USTACK: a stack of a process; ktap_val.s holds a struct ktap_rec_user
 * @KTAP_USYM: an address in a process, the same with one frame
 * @KTAP_TABLE: ktap_val.t
 * @KTAP_FUNC: a closure, ktap_val.f
 * @KTAP_BUILTIN: ktap_val.i is the builtin's number, enum ktap_builtin_id
 * @KTAP_EVENT: stands for the current event, whatever that is when it is used;
 *	with ktap_val.i 1 for its text, which is rendered when a slot keeps it
 * @KTAP_LATE: a string of the process at address ktap_val.i, of at most
 *	ktap_val.aux bytes, whose page was not there; see ktap_env_may_be_late()
 * @KTAP_CELL: ktap_val.c; only in registers and upvalues, never seen by scripts
 * @KTAP_AGG: an aggregation, ktap_val.g
 */
enum ktap_type {
	KTAP_NIL,
	KTAP_BOOL,
	KTAP_INT,
	KTAP_STR,
	KTAP_TUPLE,
	KTAP_STACK,
	KTAP_USTACK,
	KTAP_USYM,
	KTAP_TABLE,
	KTAP_FUNC,
	KTAP_BUILTIN,
	KTAP_EVENT,
	KTAP_LATE,
	KTAP_CELL,
	KTAP_AGG,
};

/**
 * struct ktap_val - a value: 16 bytes, on every architecture
 * @i: a number, or what enum ktap_type says
 * @s: a string, compound key or stack
 * @t: a table
 * @f: a function
 * @g: an aggregation
 * @c: a captured variable
 * @raw: any of them
 * @type: enum ktap_type
 * @aux: free for the type's use; 0 otherwise.  Of a number that is all an
 *	aggregation keeps for a key: its enum ktap_agg_kind
 */
struct ktap_val {
	union {
		s64 i;
		struct ktap_str *s;
		struct ktap_table *t;
		struct ktap_closure *f;
		struct ktap_agg *g;
		struct ktap_cell *c;
		u64 raw;
	};
	u32 type;
	u32 aux;
};

/**
 * struct ktap_str - a string; immutable
 * @len: bytes
 * @hash: of the bytes, 0 if not computed
 * @kidx: 1 + its index among the image's constants, 0 if it is none
 * @data: @len bytes and a NUL that is not part of it
 *
 * It has one owner: the image's constants, the arena of an exec, or exactly
 * one slot (table key or value, global, cell).  Crossing from one to another
 * copies.
 */
struct ktap_str {
	u32 len;
	u32 hash;
	u32 kidx;
	char data[];
};

/*
 * Messages for people, cut to fit
 */

/**
 * struct ktap_log - a text under construction
 * @buf: the buffer, always NUL-terminated; may be NULL when @size is 0
 * @size: its size in bytes
 * @len: bytes used, without the NUL
 */
struct ktap_log {
	char *buf;
	size_t size;
	size_t len;
};

__printf(2, 3) void ktap_log(struct ktap_log *log, const char *fmt, ...);

/*
 * The VM, for the environment
 */

/**
 * struct ktap_vm_params - limits of a VM; 0 means the default
 * @mem_limit: bytes for tables and other lasting data
 * @main_budget: instructions of the main chunk
 * @handler_budget: instructions of one run of a handler
 */
struct ktap_vm_params {
	u64 mem_limit;
	u64 main_budget;
	u64 handler_budget;
};

struct ktap_vm *ktap_vm_create(const void *image, size_t size,
			       const struct ktap_vm_params *params, void *env,
			       struct ktap_log *log);
void ktap_vm_destroy(struct ktap_vm *vm);
void *ktap_vm_env(const struct ktap_vm *vm);
int ktap_vm_set_args(struct ktap_vm *vm, const char *args, size_t size);
int ktap_vm_set_options(struct ktap_vm *vm, const char *options, size_t size);

int ktap_vm_run_main(struct ktap_vm *vm);
void ktap_vm_pause(struct ktap_exec *x);
void ktap_vm_resume(struct ktap_exec *x);
int ktap_vm_run_begin(struct ktap_vm *vm);
int ktap_vm_run_end(struct ktap_vm *vm);
void ktap_vm_handle(struct ktap_vm *vm, struct ktap_closure *fn,
		    struct ktap_event *ev);

void ktap_vm_request_stop(struct ktap_vm *vm);
bool ktap_vm_stopping(const struct ktap_vm *vm);
bool ktap_vm_failed(const struct ktap_vm *vm);
int ktap_vm_exit_code(const struct ktap_vm *vm);
const char *ktap_vm_error_text(const struct ktap_vm *vm);

void ktap_vm_lost(struct ktap_vm *vm, enum ktap_loss why, unsigned long n);
u64 ktap_vm_losses(const struct ktap_vm *vm, enum ktap_loss why);

/* lib_names.c; NULL if there is none */
const char *ktap_syscall_name(s64 nr);

/* Whether the image has calls of a builtin */
bool ktap_vm_uses(const struct ktap_vm *vm, enum ktap_builtin_id id);

u32 ktap_vm_nconsts(const struct ktap_vm *vm);
/* The constant's string, or NULL if it is an integer */
const struct ktap_str *ktap_vm_const_str(const struct ktap_vm *vm, u32 kidx);

/*
 * Which fields the code of a function (not of those inside it) reads with
 * FIELD, and whether it asks with HASF first; for the check at attach.
 */
int ktap_closure_fields(struct ktap_closure *fn,
			int (*fn_field)(void *data, u32 kidx, bool asked, u32 line),
			void *data);

/* Whether a handler may ask for entry.NAME */
bool ktap_closure_wants_entry(const struct ktap_vm *vm, const struct ktap_closure *fn);

/*
 * An exec, for builtins and for the environment's callbacks
 */
struct ktap_vm *ktap_exec_vm(const struct ktap_exec *x);
struct ktap_event *ktap_exec_event(const struct ktap_exec *x);
/* true in the main chunk, trace_begin and trace_end: it may sleep */
bool ktap_exec_may_sleep(const struct ktap_exec *x);
/* true in the main chunk */
bool ktap_exec_in_main(const struct ktap_exec *x);

/* Counts work whose cost depends on its operands as @n instructions */
void ktap_exec_charge(struct ktap_exec *x, s64 n);

/* Ends the session with a run-time error; returns -EIO for the caller to return */
__printf(2, 3) int ktap_error(struct ktap_exec *x, const char *fmt, ...);

/* Room for a string of @len bytes in the arena, or NULL after ktap_error() */
struct ktap_str *ktap_str_alloc(struct ktap_exec *x, size_t len);
int ktap_set_str(struct ktap_exec *x, struct ktap_val *out, const char *s, size_t len);
/* A table of @n values from 0 on, each as @get gives it */
int ktap_set_list(struct ktap_exec *x, struct ktap_val *out, unsigned int n,
		  int (*get)(struct ktap_exec *x, const void *data, unsigned int i,
			     struct ktap_val *v),
		  const void *data);
/* Gives back what a string just allocated does not need of its room */
void ktap_str_shrink(struct ktap_exec *x, struct ktap_str *s, size_t len);

static inline void ktap_set_nil(struct ktap_val *v)
{
	v->raw = 0;
	v->type = KTAP_NIL;
	v->aux = 0;
}

static inline void ktap_set_bool(struct ktap_val *v, bool b)
{
	v->i = b;
	v->type = KTAP_BOOL;
	v->aux = 0;
}

static inline void ktap_set_int(struct ktap_val *v, s64 i)
{
	v->i = i;
	v->type = KTAP_INT;
	v->aux = 0;
}

/**
 * typedef ktap_builtin_fn - a builtin
 * @x: the running exec
 * @args: @nargs values (the count is within the builtin's bounds); the result
 *	goes to @args[0], which exists even if @nargs is 0
 * @nargs: number of arguments
 *
 * Context: any, unless the builtin has KTAP_BI_SETUP.
 * Return: 0, or what ktap_error() returned.
 */
typedef int (*ktap_builtin_fn)(struct ktap_exec *x, struct ktap_val *args,
			       unsigned int nargs);

#define KTAP_BI_PROTO(id, name, min, max, flags)			\
	int ktap_bi_##id(struct ktap_exec *x, struct ktap_val *args,	\
			 unsigned int nargs);
KTAP_BUILTINS(KTAP_BI_PROTO)
#undef KTAP_BI_PROTO

/*
 * The environment, for the VM
 */

/**
 * ktap_env_out_reserve() - begin an output record
 * @x: the running exec
 * @type: enum ktap_rec_type
 * @len: bytes after the header, a multiple of 8, at most KTAP_OUT_MAX
 *
 * Where the exec may sleep it waits for the reader when the buffer is full;
 * elsewhere the record is lost, and counted.
 *
 * Context: any.  Preemption stays disabled until ktap_env_out_commit().
 * Return: where to write the values, or NULL if the record is lost.
 */
void *ktap_env_out_reserve(struct ktap_exec *x, unsigned int type, size_t len);
void ktap_env_out_commit(struct ktap_exec *x, void *p);

#define KTAP_OUT_MAX		(KTAP_MAX_STR + 1024)

/**
 * ktap_env_attach() - attach a handler, from the main chunk
 * @x: the running exec
 * @text: the event as the script names it
 * @fn: the handler; lives as long as the VM
 *
 * Nothing is delivered before the main chunk has ended.
 *
 * Return: 0, or what ktap_error() returned.
 */
int ktap_env_attach(struct ktap_exec *x, const struct ktap_str *text,
		    struct ktap_closure *fn);

/* interval.c */
size_t ktap_timer_prefix(const char *text, bool *per_cpu);
const char *ktap_parse_interval(const char *text, u64 *ns);

/* Time for ktap_env_watch(), in nanoseconds */
u64 ktap_env_clock(void);

/**
 * ktap_env_watch() - look whether handlers leave time for others
 * @x: the running exec, of a handler
 * @since: when the run began, or the part of it that was measured
 * @weight: how many runs it stands for
 * @ended: the run is over
 *
 * Context: handlers.
 * Return: 0, or what ktap_error() returned.
 */
int ktap_env_watch(struct ktap_exec *x, u64 since, unsigned int weight, bool ended);

/* The VM has been told to stop (exit() or an error); any context */
void ktap_env_stopped(void *env);
/* In a long main chunk: true if the thread is being killed or has to stop */
bool ktap_env_interrupted(void *env);

/* The time of the day, in nanoseconds since 1970; any context */
s64 ktap_env_real_ns(struct ktap_exec *x);
/* The clock of events */
u64 ktap_env_mono_ns(struct ktap_exec *x);
/* How many seconds local time was ahead of UTC @secs seconds after 1970 */
s32 ktap_env_utc_offset(struct ktap_exec *x, s64 secs);
/*
 * Sleeps for @ms milliseconds, or for ever if they are less than 0, but not when
 * the session is told to end; setup context only. In the main chunk, events are
 * delivered meanwhile, between ktap_vm_pause() and ktap_vm_resume(). Returns 0, or
 * what ktap_error() returned.
 */
int ktap_env_sleep(struct ktap_exec *x, s64 ms);

/*
 * Reads memory of the current process or of the kernel at an address that may be
 * any number; any context.  -EFAULT: it is not there.
 */
int ktap_env_read(struct ktap_exec *x, bool user, void *to, u64 addr, size_t len);
/*
 * Whether a string of the process at @addr that is not there may be there soon:
 * the argument of a system call that begins.  A value stands for it (KTAP_LATE),
 * which can be printed: it takes ktap_env_late_size() bytes of a record, and
 * read() fills in what the system call has found.
 */
bool ktap_env_may_be_late(struct ktap_exec *x, u64 addr);
size_t ktap_env_late_size(void);
void ktap_env_late_put(struct ktap_exec *x, u64 addr, size_t max, void *p);
/*
 * The kernel's stack where the current event happened, or of the current thread
 * without one: at most @max frames, the innermost first, without those of the
 * tracer.  There is room for KTAP_STACK_OWN more at @ip.  Any context.  Returns
 * how many.
 */
unsigned int ktap_env_stack(struct ktap_exec *x, u64 *ip, unsigned int max);
/*
 * A frame as text, symbol+0xOFFSET/0xSIZE, as snprintf(): at most @size bytes with
 * a NUL are written, and what the whole takes without it is returned, which is
 * more than 2.  Any context.
 */
size_t ktap_env_frame(void *env, u64 ip, char *buf, size_t size);

/*
 * The current process, into @u, which is aligned to 8 bytes: all is 0 if there is
 * none.  Any context.
 */
void ktap_env_user(struct ktap_exec *x, struct ktap_rec_user *u);
/*
 * The same with its stack: at most @max frames, the innermost first.  Any
 * context.  Returns how many.
 */
unsigned int ktap_env_user_stack(struct ktap_exec *x, struct ktap_rec_user *u,
				 unsigned int max);

/* Frames of the tracer itself that may be in its way to the others */
#define KTAP_STACK_OWN		64

/* lib_stack.c */
size_t ktap_stack_text(void *env, enum ktap_type type, const char *frames, size_t len,
		       char *buf, size_t size, bool *cut);
size_t ktap_stack_deliver(void *env, const struct ktap_rec_val *val, void *to, size_t room);

/* Bytes of a pointer in the current process */
unsigned int ktap_env_user_ptr_size(void);

/* An IP address of 4 or 16 bytes as text, with a NUL; returns its length */
#define KTAP_IP_TEXT		48
size_t ktap_env_ip_text(char buf[KTAP_IP_TEXT], const void *addr, size_t len);
/*
 * An address of the struct sock at @sk; returns its length, 4 or 16, or 0 if
 * it has none, or -EFAULT.
 */
int ktap_env_sock_addr(u64 sk, bool daddr, char addr[16]);

/*
 * The current event.  -ENOENT: it has no such field; otherwise 0 or what
 * ktap_error() returned.  Called only while ktap_exec_event() is not NULL.
 */
int ktap_env_field(struct ktap_exec *x, u32 kidx, struct ktap_val *out);
bool ktap_env_has_field(struct ktap_exec *x, u32 kidx);
int ktap_env_arg(struct ktap_exec *x, unsigned int n, struct ktap_val *out);
/* e.NAME: the members of LANGUAGE "Events", else a field; -ENOENT as above */
int ktap_env_member(struct ktap_exec *x, const struct ktap_str *name,
		    struct ktap_val *out);
/*
 * The event as text, a KTAP_EVENT value with @aux 0 (one line without its
 * newline: argstr, e) or 1 (with the newline: e.tostring()).  In an output
 * record: a KTAP_VAL_EVENT of ktap_env_event_size() bytes in all, rendered by
 * read().  Where the script uses it as a string (.., a key): rendered at once.
 */
size_t ktap_env_event_size(struct ktap_exec *x, u32 aux);
void ktap_env_event_put(struct ktap_exec *x, u32 aux, void *p);
int ktap_env_event_render(struct ktap_exec *x, u32 aux, struct ktap_val *out);

#endif /* _KTAP_H */
