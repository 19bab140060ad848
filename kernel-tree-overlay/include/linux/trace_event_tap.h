/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Taps on trace events: run a function on the binary record of a trace event,
 * without the event being enabled in any tracing instance.
 */
#ifndef _LINUX_TRACE_EVENT_TAP_H
#define _LINUX_TRACE_EVENT_TAP_H

#include <linux/list.h>
#include <linux/types.h>

struct perf_callchain_entry;
struct file;
struct pt_regs;
struct syscall_metadata;
struct trace_event_call;
struct trace_event_tap;

/**
 * typedef trace_event_tap_func_t - what a tap runs
 * @tap: the tap
 * @rec: the record, which begins with a struct trace_entry
 * @len: bytes of the record
 *
 * Context: wherever the event happens, NMI included, with preemption disabled.
 * The record is gone when the function has returned.
 */
typedef void (*trace_event_tap_func_t)(struct trace_event_tap *tap,
				       const void *rec, size_t len);

/**
 * struct trace_event_tap - a tap
 * @call: the event; the owner holds a reference, see trace_event_tap_get()
 * @func: what to run
 * @list: entry of the owner's list of attached taps
 * @priv: of the implementation; NULL while the tap is not attached
 */
struct trace_event_tap {
	struct trace_event_call		*call;
	trace_event_tap_func_t		func;
	struct list_head		list;
	struct trace_event_tap_priv	*priv;
};

/**
 * enum trace_event_tap_kind - how a field is stored
 * @TRACE_EVENT_TAP_INT: an integer of 1, 2, 4 or 8 bytes
 * @TRACE_EVENT_TAP_CHARS: a string in the record, that ends at a NUL or at the
 *	end of the field
 * @TRACE_EVENT_TAP_BYTES: an array or a structure
 * @TRACE_EVENT_TAP_PTR: a pointer to a string of the kernel
 * @TRACE_EVENT_TAP_DYN_CHARS: __data_loc, a string
 * @TRACE_EVENT_TAP_DYN_BYTES: __data_loc, anything else
 * @TRACE_EVENT_TAP_REL_CHARS: __rel_loc, a string
 * @TRACE_EVENT_TAP_REL_BYTES: __rel_loc, anything else
 */
enum trace_event_tap_kind {
	TRACE_EVENT_TAP_INT,
	TRACE_EVENT_TAP_CHARS,
	TRACE_EVENT_TAP_BYTES,
	TRACE_EVENT_TAP_PTR,
	TRACE_EVENT_TAP_DYN_CHARS,
	TRACE_EVENT_TAP_DYN_BYTES,
	TRACE_EVENT_TAP_REL_CHARS,
	TRACE_EVENT_TAP_REL_BYTES,
};

/**
 * struct trace_event_tap_field - a field of an event's record
 * @name: its name
 * @type: its type as in the event's format file
 * @offset: where it is
 * @size: its size in bytes
 * @is_signed: whether it is, if it is an integer
 * @kind: how it is stored
 */
struct trace_event_tap_field {
	const char			*name;
	const char			*type;
	unsigned int			offset;
	unsigned int			size;
	bool				is_signed;
	enum trace_event_tap_kind	kind;
};

/**
 * struct trace_event_tap_code - where the code of a function is
 * @start: its first byte
 * @end: what follows its last byte; as @start if that is not known
 */
struct trace_event_tap_code {
	unsigned long			start;
	unsigned long			end;
};

/**
 * struct trace_event_tap_frames - which frames are between a tap and its event
 * @commit: calls taps; it is itself called by code that builds the record
 * @probe: the function of the event's class that is called by the tracepoint, and
 *	that is this code, or has called it
 * @iterator: may be between the tracepoint and @probe
 * @ip: of probes of functions: where in the record the address is that was hit; or 0
 * @ret_ip: of their returns: where the address is that is returned to; or 0
 * @user: it happened in a program, and no frame of the kernel's stack belongs to it
 */
struct trace_event_tap_frames {
	struct trace_event_tap_code	commit;
	struct trace_event_tap_code	probe;
	struct trace_event_tap_code	iterator;
	unsigned int			ip;
	unsigned int			ret_ip;
	bool				user;
};

struct trace_event_tap_text;

int trace_event_tap_for_each(int (*fn)(struct trace_event_call *call, void *data),
			     void *data);
bool trace_event_tap_get(struct trace_event_call *call);
void trace_event_tap_put(struct trace_event_call *call);

const char *trace_event_tap_name(struct trace_event_call *call);
int trace_event_tap_id(struct trace_event_call *call);
const char *trace_event_tap_system(struct trace_event_call *call);
const char *trace_event_tap_print_fmt(struct trace_event_call *call);
int trace_event_tap_nr_fields(struct trace_event_call *call);
void trace_event_tap_field(struct trace_event_call *call, int n,
			   struct trace_event_tap_field *field);
const struct syscall_metadata *trace_event_tap_syscall(struct trace_event_call *call,
						       bool *enter);

void trace_event_tap_code(const void *func, struct trace_event_tap_code *code);
void trace_event_tap_frames(struct trace_event_call *call,
			    struct trace_event_tap_frames *frames);

int trace_event_tap_attach(struct trace_event_tap *tap);
void trace_event_tap_detach(struct list_head *taps);

struct trace_event_tap_text *trace_event_tap_text_alloc(int node, bool atomic);
void trace_event_tap_text_free(struct trace_event_tap_text *text);
const char *trace_event_tap_render(struct trace_event_tap_text *text,
				   struct trace_event_call *call,
				   const void *rec, size_t len, size_t *text_len);
const char *trace_event_tap_render_syscall(struct trace_event_tap_text *text,
					   struct trace_event_call *call,
					   const unsigned long *args,
					   size_t *text_len);
const char *trace_event_tap_text_cut(struct trace_event_tap_text *text, size_t len,
				     size_t *text_len);
__printf(3, 4)
const char *trace_event_tap_text_printf(struct trace_event_tap_text *text,
					size_t *text_len, const char *fmt, ...);

/*
 * Dynamic events, that is, probes with fetch arguments
 */

struct trace_event_tap_dyn;

/**
 * struct trace_event_tap_error - what is wrong with a dynamic event
 * @text: it, in English, or NULL
 * @word: with which word: 0 is the place, then come the fetch arguments; -1: the
 *	event's name
 * @offset: from which byte of that word on
 */
struct trace_event_tap_error {
	const char	*text;
	int		word;
	int		offset;
};

unsigned int trace_event_tap_dyn_group(void);
struct trace_event_tap_dyn *trace_event_tap_dyn_new(const char *group, const char *name);
int trace_event_tap_dyn_add(struct trace_event_tap_dyn *dyn, const char *kind,
			    const char *probe, struct trace_event_tap_error *error);
struct trace_event_call *trace_event_tap_dyn_call(const struct trace_event_tap_dyn *dyn);
unsigned long trace_event_tap_dyn_missed(const struct trace_event_tap_dyn *dyn);
void trace_event_tap_dyn_delete(struct trace_event_tap_dyn *dyn);

/*
 * Code of the kernel, for probes of functions
 */

/**
 * enum trace_event_tap_place - what kind of code an address is in
 * @TRACE_EVENT_TAP_CODE: of a function that can be probed
 * @TRACE_EVENT_TAP_NOTRACE: of one that the function tracer leaves alone, or of
 *	no function of C
 * @TRACE_EVENT_TAP_BLACKLIST: what handles probes itself
 * @TRACE_EVENT_TAP_INIT: is there only while the kernel starts
 * @TRACE_EVENT_TAP_NO_CODE: it is not code
 */
enum trace_event_tap_place {
	TRACE_EVENT_TAP_CODE,
	TRACE_EVENT_TAP_NOTRACE,
	TRACE_EVENT_TAP_BLACKLIST,
	TRACE_EVENT_TAP_INIT,
	TRACE_EVENT_TAP_NO_CODE,
};

int trace_event_tap_symbols(const char *module,
			    int (*fn)(void *data, const char *name, unsigned long addr),
			    void *data);
int trace_event_tap_symbol(const char *name, int (*fn)(void *data, unsigned long addr),
			   void *data);
unsigned long trace_event_tap_hook(unsigned long addr);
enum trace_event_tap_place trace_event_tap_place(unsigned long addr);
int trace_event_tap_error_type(unsigned long addr);
void trace_event_tap_override(struct pt_regs *regs, unsigned long retval);
unsigned int trace_event_tap_stack(struct pt_regs *regs, bool entry, unsigned long *ip,
				   unsigned int size);
unsigned int trace_event_tap_stack_at(unsigned long addr,
				      const struct trace_event_tap_code *code,
				      unsigned long *ip, unsigned int size);
void trace_event_tap_user_stack(bool entry, struct perf_callchain_entry *stack,
				unsigned int size);

/*
 * Taps on tracepoints themselves, if CONFIG_BPF_EVENTS is on
 */

/**
 * typedef trace_event_tap_raw_func_t - what a raw tap runs
 * @data: of the tap
 * @args: the arguments of the tracepoint, those narrower than a u64 with zeros
 *	before them; gone when the function has returned
 *
 * Context: wherever the tracepoint is, NMI included, with preemption disabled.
 */
typedef void (*trace_event_tap_raw_func_t)(void *data, const u64 *args);

/**
 * struct trace_event_tap_raw_info - a tracepoint that has a raw tap
 * @name: its name, which is there as long as the tap
 * @nr_args: how many arguments it has
 * @run: the code that runs the tap; BPF's code that calls it follows on the stack
 * @probe: may then follow
 * @iterator: may follow then
 */
struct trace_event_tap_raw_info {
	const char			*name;
	unsigned int			nr_args;
	struct trace_event_tap_code	run;
	struct trace_event_tap_code	probe;
	struct trace_event_tap_code	iterator;
};

struct trace_event_tap_raw_set;

struct trace_event_tap_raw_set *trace_event_tap_raw_alloc(trace_event_tap_raw_func_t func);
int trace_event_tap_raw_attach(struct trace_event_tap_raw_set *set, const char *name,
			       void *data, struct trace_event_tap_raw_info *info);
void trace_event_tap_raw_detach(struct trace_event_tap_raw_set *set);
u64 trace_event_tap_raw_missed(const struct trace_event_tap_raw_set *set);
void trace_event_tap_raw_free(struct trace_event_tap_raw_set *set);
int trace_event_tap_raw_for_each(int (*fn)(void *data, const char *name), void *data);

/*
 * Code of programs
 */

int trace_event_tap_register(const char *name);
int trace_event_tap_user_code(struct file *file, loff_t start, loff_t offset, bool compat);

#endif /* _LINUX_TRACE_EVENT_TAP_H */
