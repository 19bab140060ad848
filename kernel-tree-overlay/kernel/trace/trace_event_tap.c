// SPDX-License-Identifier: GPL-2.0
/*
 * Taps on trace events.
 *
 * A tap runs a function on the binary record of a trace event, while the event
 * need not be enabled in any tracing instance, and nothing is left in any
 * instance's buffer.
 *
 * Each class of events has a function that builds the record and hands it to
 * the trace_event_file that was registered with it: class->probe for
 * tracepoints, the dispatchers of kprobe, uprobe, synthetic and user events
 * for theirs. So a tap is a trace_event_file of its own, that is in no
 * directory and on no list. It is soft-disabled with a conditional trigger,
 * which is what the core does for an event that is off but has a filtered
 * trigger (kernel/trace/trace_events_trigger.c): the record is built in the
 * per-CPU page of trace_buffered_event_enable(), is given to
 * event_triggers_call(), whose only trigger is ours, and is discarded.
 *
 * The file belongs to a private trace_array, which is on no list either. It
 * provides what the core reads of a file's instance: a ring buffer, for
 * records of interrupts that come while the page is in use, and for those that
 * the page is too small for. That way neither the settings of an instance
 * (tracing_on, event filters by pid) have an effect on taps, nor taps on what
 * an instance holds. If the private buffer cannot take a record, the core falls
 * back on its own temporary buffer, as for any file with a conditional trigger.
 *
 * Locks: event_mutex protects the private array and attaching. Rendering in
 * process context takes trace_event_sem for reading; where that is not possible
 * preemption is disabled, which is as good for looking an event up.
 */
#include <linux/cleanup.h>
#include <linux/kallsyms.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/ring_buffer.h>
#include <linux/slab.h>
#include <linux/syscalls.h>
#include <linux/trace_event_tap.h>
#include <linux/trace_events.h>
#include <linux/tracepoint.h>
#include <uapi/linux/user_events.h>

#include <trace/syscall.h>

#include "trace.h"
#include "trace_output.h"
#include "trace_probe.h"

/*
 * A record that does not fit the per-CPU page goes to the ring buffer: one with
 * a path in it, and whatever else. Larger ones the core refuses to make.
 */
#define TAP_RECORD_SIZE		(2 * PATH_MAX)

/* For each CPU: room for the largest record on each of the contexts. */
#define TAP_BUFFER_SIZE		(4 * max(TAP_RECORD_SIZE, PAGE_SIZE))

struct trace_event_tap_priv {
	struct trace_event_file		file;
	struct event_trigger_data	trigger;
	struct trace_event_tap		*tap;
};

struct trace_event_tap_text {
	struct trace_iterator		iter;
	bool				atomic;
	/* a system call's record */
	union {
		struct trace_entry	ent;
		u8			rec[sizeof(struct syscall_trace_enter) +
					    6 * sizeof(unsigned long)];
	} __aligned(8);
};

static struct trace_array *tap_array;
static unsigned int tap_count;

static void tap_trigger(struct event_trigger_data *data,
			struct trace_buffer *buffer, void *rec,
			struct ring_buffer_event *event)
{
	struct trace_event_tap_priv *priv;
	struct trace_event_tap *tap;
	size_t len;

	/* Conditional triggers are only called with a record. */
	if (WARN_ON_ONCE(!rec || !event))
		return;

	priv = container_of(data, struct trace_event_tap_priv, trigger);
	tap = priv->tap;
	/* In the per-CPU page, array[0] is the length of the record alone. */
	if (event == this_cpu_read(trace_buffered_event))
		len = event->array[0];
	else
		len = ring_buffer_event_length(event);
	tap->func(tap, rec, len);
}

static struct event_command tap_command = {
	.name		= "tap",
	.trigger_type	= ETT_NONE,
	.flags		= EVENT_CMD_FL_NEEDS_REC,
	.trigger	= tap_trigger,
};

static int tap_array_get(void)
{
	struct trace_array *tr;

	lockdep_assert_held(&event_mutex);

	if (tap_count++)
		return 0;

	tr = kzalloc(sizeof(*tr), GFP_KERNEL);
	if (!tr)
		goto fail;
	INIT_LIST_HEAD(&tr->list);
	INIT_LIST_HEAD(&tr->events);
	INIT_LIST_HEAD(&tr->systems);
	tr->array_buffer.tr = tr;
	tr->array_buffer.buffer = ring_buffer_alloc_range(TAP_BUFFER_SIZE, RB_FL_OVERWRITE,
							  get_order(TAP_RECORD_SIZE), 0, 0);
	if (!tr->array_buffer.buffer)
		goto fail;
	trace_buffered_event_enable();
	tap_array = tr;
	return 0;
fail:
	kfree(tr);
	tap_count--;
	return -ENOMEM;
}

static void tap_array_put(unsigned int n)
{
	lockdep_assert_held(&event_mutex);

	tap_count -= n;
	if (tap_count || !n)
		return;

	trace_buffered_event_disable();
	ring_buffer_free(tap_array->array_buffer.buffer);
	kfree(tap_array);
	tap_array = NULL;
}

/* Whether the event can have a tap */
static bool tap_usable(struct trace_event_call *call)
{
	if (!call->class || !call->class->reg || !call->class->system ||
	    !trace_event_name(call))
		return false;
	/*
	 * The events of programs (user_events, user_events_multi) are counted in
	 * their own way: they can go while we hold what is a reference to all
	 * others. And they are for files that are enabled, not soft-disabled.
	 */
	if (str_has_prefix(call->class->system, USER_EVENTS_SYSTEM))
		return false;
	/* of the function and other tracers; they are no events of their own */
	return !(call->flags & TRACE_EVENT_FL_IGNORE_ENABLE);
}

/**
 * trace_event_tap_for_each - look at all trace events
 * @fn: is called with event_mutex held for each event that can be tapped and
 *	for each system call event; it may call trace_event_tap_get() and what
 *	reads properties of events, and ends the iteration with a return value
 *	other than 0
 * @data: passed to @fn
 *
 * Context: process context, may sleep.
 * Return: what @fn returned last, or 0.
 */
int trace_event_tap_for_each(int (*fn)(struct trace_event_call *call, void *data),
			     void *data)
{
	struct trace_event_call *call;
	int ret = 0;

	guard(mutex)(&event_mutex);
	list_for_each_entry(call, &ftrace_events, list) {
		if (!tap_usable(call))
			continue;
		ret = fn(call, data);
		if (ret)
			break;
	}
	return ret;
}
EXPORT_SYMBOL_GPL(trace_event_tap_for_each);

/**
 * trace_event_tap_get - take a reference to an event
 * @call: the event
 *
 * Keeps the module of the event loaded, or a dynamic event from being removed.
 *
 * Context: in a function that trace_event_tap_for_each() calls, or with a
 * reference.
 * Return: false if the event is about to go.
 */
bool trace_event_tap_get(struct trace_event_call *call)
{
	return trace_event_try_get_ref(call);
}
EXPORT_SYMBOL_GPL(trace_event_tap_get);

/**
 * trace_event_tap_put - give a reference to an event back
 * @call: the event
 *
 * Context: any.
 */
void trace_event_tap_put(struct trace_event_call *call)
{
	trace_event_put_ref(call);
}
EXPORT_SYMBOL_GPL(trace_event_tap_put);

/**
 * trace_event_tap_name - the name of an event
 * @call: the event
 *
 * Return: its name, without the system.
 */
const char *trace_event_tap_name(struct trace_event_call *call)
{
	return trace_event_name(call);
}
EXPORT_SYMBOL_GPL(trace_event_tap_name);

/**
 * trace_event_tap_id - the number of an event, as in its id file
 * @call: the event
 *
 * Return: the number.
 */
int trace_event_tap_id(struct trace_event_call *call)
{
	return call->event.type;
}
EXPORT_SYMBOL_GPL(trace_event_tap_id);

/**
 * trace_event_tap_system - the system (group) of an event
 * @call: the event
 *
 * Return: its name.
 */
const char *trace_event_tap_system(struct trace_event_call *call)
{
	return call->class->system;
}
EXPORT_SYMBOL_GPL(trace_event_tap_system);

/**
 * trace_event_tap_print_fmt - the print format of an event
 * @call: the event
 *
 * Return: the format as in the event's format file, without "print fmt: ".
 */
const char *trace_event_tap_print_fmt(struct trace_event_call *call)
{
	return call->print_fmt ?: "";
}
EXPORT_SYMBOL_GPL(trace_event_tap_print_fmt);

/**
 * trace_event_tap_nr_fields - how many fields an event has
 * @call: the event
 *
 * Return: the number, without the fields that all events have.
 */
int trace_event_tap_nr_fields(struct trace_event_call *call)
{
	return list_count_nodes(trace_get_fields(call));
}
EXPORT_SYMBOL_GPL(trace_event_tap_nr_fields);

/* Arrays of unsigned char (addresses, keys) are strings to event filters. */
static bool tap_is_text(const char *type)
{
	return str_has_prefix(type, "char") || str_has_prefix(type, "const char");
}

static enum trace_event_tap_kind tap_field_kind(const struct ftrace_event_field *f)
{
	size_t n;

	n = str_has_prefix(f->type, "__data_loc ");
	if (n)
		return tap_is_text(f->type + n) ? TRACE_EVENT_TAP_DYN_CHARS :
						  TRACE_EVENT_TAP_DYN_BYTES;
	n = str_has_prefix(f->type, "__rel_loc ");
	if (n)
		return tap_is_text(f->type + n) ? TRACE_EVENT_TAP_REL_CHARS :
						  TRACE_EVENT_TAP_REL_BYTES;
	if (f->filter_type == FILTER_PTR_STRING && f->size == sizeof(void *))
		return TRACE_EVENT_TAP_PTR;
	if (strchr(f->type, '['))
		return tap_is_text(f->type) ? TRACE_EVENT_TAP_CHARS :
					      TRACE_EVENT_TAP_BYTES;
	if (!strchr(f->type, '*') &&
	    (str_has_prefix(f->type, "struct ") || str_has_prefix(f->type, "union ")))
		return TRACE_EVENT_TAP_BYTES;

	switch (f->size) {
	case 1:
	case 2:
	case 4:
	case 8:
		return TRACE_EVENT_TAP_INT;
	default:
		return TRACE_EVENT_TAP_BYTES;
	}
}

/**
 * trace_event_tap_field - describe a field of an event
 * @call: the event
 * @n: 0 and up, in the order of the record: the fields of the event;
 *	-1 to -4: common_type, common_flags, common_preempt_count, common_pid
 * @field: is filled; its strings live as long as the event
 *
 * Context: process context, with a reference to the event.
 */
void trace_event_tap_field(struct trace_event_call *call, int n,
			   struct trace_event_tap_field *field)
{
	static const struct trace_event_tap_field common[] = {
		{ "common_type", "unsigned short",
		  offsetof(struct trace_entry, type), 2 },
		{ "common_flags", "unsigned char",
		  offsetof(struct trace_entry, flags), 1 },
		{ "common_preempt_count", "unsigned char",
		  offsetof(struct trace_entry, preempt_count), 1 },
		{ "common_pid", "int",
		  offsetof(struct trace_entry, pid), 4, true },
	};
	struct ftrace_event_field *f;

	memset(field, 0, sizeof(*field));
	if (n < 0) {
		if (!WARN_ON_ONCE(-n > (int)ARRAY_SIZE(common)))
			*field = common[-n - 1];
		return;
	}
	/* Fields are added at the head. */
	list_for_each_entry_reverse(f, trace_get_fields(call), link) {
		if (n--)
			continue;
		field->name = f->name;
		field->type = f->type;
		field->offset = f->offset;
		field->size = f->size;
		field->is_signed = f->is_signed;
		field->kind = tap_field_kind(f);
		return;
	}
	WARN_ON_ONCE(1);
}
EXPORT_SYMBOL_GPL(trace_event_tap_field);

/**
 * trace_event_tap_syscall - the system call of an event
 * @call: the event
 * @enter: set to whether the event is the entry of the system call
 *
 * Return: the system call, or NULL if the event is something else.
 */
const struct syscall_metadata *trace_event_tap_syscall(struct trace_event_call *call,
						       bool *enter)
{
#ifdef CONFIG_FTRACE_SYSCALLS
	if (call->class == &event_class_syscall_enter ||
	    call->class == &event_class_syscall_exit) {
		*enter = call->class == &event_class_syscall_enter;
		return call->data;
	}
#endif
	return NULL;
}
EXPORT_SYMBOL_GPL(trace_event_tap_syscall);

/**
 * trace_event_tap_code - find the code of a function
 * @func: the function, or an address in it, or NULL
 * @code: set to where its code is, as far as the kernel knows
 *
 * Context: any.
 */
void trace_event_tap_code(const void *func, struct trace_event_tap_code *code)
{
	unsigned long addr, size, offset;

	memset(code, 0, sizeof(*code));
	if (!func)
		return;
	addr = (unsigned long)dereference_symbol_descriptor((void *)func);
	if (!kallsyms_lookup_size_offset(addr, &size, &offset))
		return;
	code->start = addr - offset;
	code->end = code->start + size;
}
EXPORT_SYMBOL_GPL(trace_event_tap_code);

/**
 * trace_event_tap_frames - find out which frames are between a tap and its event
 * @call: the event
 * @frames: is filled; what an event does not have is empty code
 *
 * For those who walk the stack in a tap and want it to begin where the event is.
 *
 * Context: process context, with a reference to the event.
 */
void trace_event_tap_frames(struct trace_event_call *call,
			    struct trace_event_tap_frames *frames)
{
	const struct tracepoint *tp = NULL;
	struct ftrace_event_field *f;

	memset(frames, 0, sizeof(*frames));
	if (call->flags & TRACE_EVENT_FL_TRACEPOINT)
		tp = call->tp;
	frames->user = call->flags & TRACE_EVENT_FL_UPROBE;
	if (call->flags & (TRACE_EVENT_FL_KPROBE | TRACE_EVENT_FL_FPROBE)) {
		list_for_each_entry(f, trace_get_fields(call), link) {
			if (!strcmp(f->name, FIELD_STRING_IP))
				frames->ip = f->offset;
			else if (!strcmp(f->name, FIELD_STRING_RETIP))
				frames->ret_ip = f->offset;
		}
	}
	trace_event_tap_code(trace_event_buffer_commit, &frames->commit);
	trace_event_tap_code(call->class->probe, &frames->probe);
	trace_event_tap_code(tp ? tp->iterator : NULL, &frames->iterator);
}
EXPORT_SYMBOL_GPL(trace_event_tap_frames);

/**
 * trace_event_tap_attach - begin to run a tap's function on its event
 * @tap: the tap; @tap->call and @tap->func are set
 *
 * Not for system call events: those of all system calls come through one
 * tracepoint, which costs less to attach to.
 *
 * Context: process context, may sleep.
 * Return: 0, or a negative error.
 */
int trace_event_tap_attach(struct trace_event_tap *tap)
{
	struct trace_event_call *call = tap->call;
	struct trace_event_tap_priv *priv;
	int ret;

	/* An event probe hangs on another event of its instance: we have none. */
	if (call->flags & TRACE_EVENT_FL_EPROBE || is_syscall_trace_event(call))
		return -EOPNOTSUPP;

	priv = kzalloc(sizeof(*priv), GFP_KERNEL);
	if (!priv)
		return -ENOMEM;

	guard(mutex)(&event_mutex);
	ret = tap_array_get();
	if (ret)
		goto fail;

	priv->tap = tap;
	priv->trigger.cmd_ops = &tap_command;
	priv->trigger.ref = 1;
	priv->file.event_call = call;
	priv->file.tr = tap_array;
	priv->file.flags = EVENT_FILE_FL_SOFT_MODE | EVENT_FILE_FL_SOFT_DISABLED |
			   EVENT_FILE_FL_TRIGGER_MODE | EVENT_FILE_FL_TRIGGER_COND;
	refcount_set(&priv->file.ref, 1);
	INIT_LIST_HEAD(&priv->file.list);
	INIT_LIST_HEAD(&priv->file.triggers);
	INIT_LIST_HEAD(&priv->trigger.named_list);
	list_add(&priv->trigger.list, &priv->file.triggers);

	tap->priv = priv;
	ret = call->class->reg(call, TRACE_REG_REGISTER, &priv->file);
	if (!ret)
		return 0;

	tap->priv = NULL;
	/*
	 * Some classes have several probes for an event. If not all of them
	 * could be registered, one of the others may have run.
	 */
	tracepoint_synchronize_unregister();
	tap_array_put(1);
fail:
	kfree(priv);
	return ret;
}
EXPORT_SYMBOL_GPL(trace_event_tap_attach);

/**
 * trace_event_tap_detach - end the work of taps
 * @taps: list of attached taps; empty on return
 *
 * When this returns, no function of the taps runs any more. It waits for that
 * once for all of them.
 *
 * Context: process context, may sleep.
 */
void trace_event_tap_detach(struct list_head *taps)
{
	struct trace_event_tap *tap, *next;
	unsigned int n = 0;

	if (list_empty(taps))
		return;

	mutex_lock(&event_mutex);
	list_for_each_entry(tap, taps, list) {
		WARN_ON_ONCE(tap->call->class->reg(tap->call, TRACE_REG_UNREGISTER,
						   &tap->priv->file));
		n++;
	}
	mutex_unlock(&event_mutex);

	tracepoint_synchronize_unregister();

	list_for_each_entry_safe(tap, next, taps, list) {
		list_del_init(&tap->list);
		kfree(tap->priv);
		tap->priv = NULL;
	}

	mutex_lock(&event_mutex);
	tap_array_put(n);
	mutex_unlock(&event_mutex);
}
EXPORT_SYMBOL_GPL(trace_event_tap_detach);

/**
 * trace_event_tap_text_alloc - allocate what rendering needs
 * @node: NUMA node of the memory
 * @atomic: whether it will be used where it is not allowed to sleep
 *
 * Context: process context, may sleep.
 * Return: the object, or NULL.
 */
struct trace_event_tap_text *trace_event_tap_text_alloc(int node, bool atomic)
{
	struct trace_event_tap_text *text;

	text = kvzalloc_node(sizeof(*text), GFP_KERNEL, node);
	if (text)
		text->atomic = atomic;
	return text;
}
EXPORT_SYMBOL_GPL(trace_event_tap_text_alloc);

/**
 * trace_event_tap_text_free - free what rendering needed
 * @text: the object or NULL
 */
void trace_event_tap_text_free(struct trace_event_tap_text *text)
{
	kvfree(text);
}
EXPORT_SYMBOL_GPL(trace_event_tap_text_free);

static const char *tap_print(struct trace_event_tap_text *text,
			     struct trace_event_call *call,
			     const void *rec, size_t len, size_t *text_len)
{
	struct trace_iterator *iter = &text->iter;

	*text_len = 0;
	if (len < sizeof(struct trace_entry) || !call->event.funcs ||
	    !call->event.funcs->trace)
		return "";

	/*
	 * Without an instance, its options do not count: the text is what the
	 * trace file shows as the kernel starts, with pointers hashed, and
	 * nothing is allocated for it.
	 */
	iter->tr = NULL;
	iter->ent = (struct trace_entry *)rec;
	iter->ent_size = len;
	iter->cpu = raw_smp_processor_id();
	trace_seq_init(&iter->seq);
	trace_seq_init(&iter->tmp_seq);

	if (!text->atomic)
		trace_event_read_lock();
	call->event.funcs->trace(iter, 0, &call->event);
	if (!text->atomic)
		trace_event_read_unlock();

	/* What does not fit is left out without a sign, so there has to be one. */
	if (trace_seq_has_overflowed(&iter->seq) ||
	    trace_seq_has_overflowed(&iter->tmp_seq)) {
		trace_seq_init(&iter->seq);
		trace_seq_printf(&iter->seq, "%s: [LINE TOO BIG]\n",
				 trace_event_name(call));
	}

	*text_len = min_t(size_t, trace_seq_used(&iter->seq), TRACE_SEQ_BUFFER_SIZE - 1);
	iter->seq.buffer[*text_len] = '\0';
	return iter->seq.buffer;
}

/**
 * trace_event_tap_render - an event as text
 * @text: from trace_event_tap_text_alloc(); only one caller at a time
 * @call: the event; the caller has a reference
 * @rec: its record
 * @len: bytes of the record
 * @text_len: set to the length of the text
 *
 * Context: process context; any if @text is for atomic use. In NMI context as
 * far as the event's own format is fit for it, as with the tp_printk option.
 * Return: the text as in the trace file after the time stamp, with the newline
 * at its end. It is valid until @text is used again.
 */
const char *trace_event_tap_render(struct trace_event_tap_text *text,
				   struct trace_event_call *call,
				   const void *rec, size_t len, size_t *text_len)
{
	return tap_print(text, call, rec, len, text_len);
}
EXPORT_SYMBOL_GPL(trace_event_tap_render);

/**
 * trace_event_tap_render_syscall - a system call event as text
 * @text: from trace_event_tap_text_alloc(); only one caller at a time
 * @call: the system call event
 * @args: of an entry, the six arguments; of an exit, the result
 * @text_len: set to the length of the text
 *
 * Context: as trace_event_tap_render().
 * Return: as trace_event_tap_render().
 */
const char *trace_event_tap_render_syscall(struct trace_event_tap_text *text,
					   struct trace_event_call *call,
					   const unsigned long *args,
					   size_t *text_len)
{
	const struct syscall_metadata *meta;
	size_t len;
	bool enter;

	*text_len = 0;
	meta = trace_event_tap_syscall(call, &enter);
	if (WARN_ON_ONCE(!meta || meta->nb_args > 6))
		return "";

	memset(text->rec, 0, sizeof(text->rec));
	text->ent.type = call->event.type;
	if (enter) {
		struct syscall_trace_enter *rec = (void *)text->rec;

		rec->nr = meta->syscall_nr;
		memcpy(rec->args, args, meta->nb_args * sizeof(*args));
		len = struct_size(rec, args, meta->nb_args);
	} else {
		struct syscall_trace_exit *rec = (void *)text->rec;

		rec->nr = meta->syscall_nr;
		rec->ret = args[0];
		len = sizeof(*rec);
	}
	return tap_print(text, call, text->rec, len, text_len);
}
EXPORT_SYMBOL_GPL(trace_event_tap_render_syscall);

/**
 * trace_event_tap_text_cut - take the end of a text away
 * @text: what it was rendered with last
 * @len: bytes that are kept, at most all
 * @text_len: set to the length with a newline
 *
 * Context: as trace_event_tap_render().
 * Return: the text, with a newline at its end.
 */
const char *trace_event_tap_text_cut(struct trace_event_tap_text *text, size_t len,
				     size_t *text_len)
{
	char *buf = text->iter.seq.buffer;

	len = min_t(size_t, len, TRACE_SEQ_BUFFER_SIZE - 2);
	buf[len] = '\n';
	buf[len + 1] = '\0';
	*text_len = len + 1;
	return buf;
}
EXPORT_SYMBOL_GPL(trace_event_tap_text_cut);

/**
 * trace_event_tap_text_printf - format the text of an event of the caller's own
 * @text: from trace_event_tap_text_alloc(); only one caller at a time
 * @text_len: set to the length of the text
 * @fmt: as of printf(); what does not fit is cut
 *
 * Context: as trace_event_tap_render().
 * Return: the text. It is valid until @text is used again.
 */
const char *trace_event_tap_text_printf(struct trace_event_tap_text *text,
					size_t *text_len, const char *fmt, ...)
{
	char *buf = text->iter.seq.buffer;
	va_list args;

	va_start(args, fmt);
	*text_len = vscnprintf(buf, TRACE_SEQ_BUFFER_SIZE, fmt, args);
	va_end(args);
	return buf;
}
EXPORT_SYMBOL_GPL(trace_event_tap_text_printf);
