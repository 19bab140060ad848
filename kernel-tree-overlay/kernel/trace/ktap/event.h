/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ktap: the environment of the VM: sessions, events and output.
 */
#ifndef _KTAP_EVENT_H
#define _KTAP_EVENT_H

#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/tracepoint.h>
#include <linux/trace_event_tap.h>
#include <linux/wait.h>

#include "ktap.h"

struct cgroup;
struct ktap_dyn;
struct ktap_late;
struct ktap_ftrace;
struct ktap_kfunc;
struct ktap_kprobe;
struct ktap_kprobes;
struct ktap_outbuf;
struct ktap_perf;
struct ktap_site;
struct ktap_syscalls;
struct ktap_targets_of;
struct ktap_timer;
struct ktap_users;
struct ktap_ucalls;
struct ktap_uprobe;

/**
 * struct ktap_own_frames - which frames of a stack are the tracer's
 * @next: the first one that is not, if that is known; or 0
 * @first: otherwise: code that the first one is in that is not, if that is known
 * @inner: otherwise: code that one of them is in, and all before it are ours
 * @more: how many that follow are ours as well, whatever they are in
 * @outer: code that those may be in which follow, and are ours if they are
 */
struct ktap_own_frames {
	unsigned long next;
	struct trace_event_tap_code first;
	struct trace_event_tap_code inner;
	unsigned int more;
	struct trace_event_tap_code outer[2];
};

/**
 * enum ktap_state - the life of a session
 * @KTAP_S_NEW: nothing is loaded
 * @KTAP_S_LOADED: ready to run
 * @KTAP_S_RUNNING: in KTAP_IOC_RUN
 * @KTAP_S_ENDED: has run; what is left is to read the output
 */
enum ktap_state {
	KTAP_S_NEW,
	KTAP_S_LOADED,
	KTAP_S_RUNNING,
	KTAP_S_ENDED,
};

struct ktap_name {
	const char *s;
	u32 kidx;
};

/**
 * struct ktap_names - the string constants that may name a field, sorted
 * @nr: how many there are
 * @nr_map: 1 + the largest index of one of them
 * @e: them
 */
struct ktap_names {
	unsigned int nr;
	unsigned int nr_map;
	struct ktap_name e[];
};

#define KTAP_SITE_HASH		256

/**
 * struct ktap_session - an open /dev/ktap
 * @run_lock: serialises LOAD and RUN
 * @state: enum ktap_state; written with @run_lock
 * @vm: the VM, from LOAD on
 * @out: the output buffer, from LOAD on
 * @live: events are delivered
 * @started: they have been
 * @off: kdebug.traceoff(): they are not any more
 * @stop: the session has to end
 * @ending: the trace_end functions run
 * @start_ns: when the events began to be delivered, CLOCK_MONOTONIC
 * @show_symbols: who opened it may know where the kernel's symbols are
 * @write: the script may change results, see KTAP_LOAD_WRITE
 * @run_ip: where RUN was called from
 * @utc_offset: seconds that local time is ahead of UTC
 * @utc_offset_next: the same from @utc_change on
 * @utc_change: when it changes, in seconds since 1970, or 0
 * @wait: where RUN waits for @stop
 * @stop_work: wakes @wait
 * @owner: the files_struct that called RUN: closing the device there ends the
 *	session
 * @self: the process whose system calls are not delivered, or 0
 * @filtered: not all threads (@pids, @cgroup), or not all CPUs (@cpu) are traced
 * @cpu: the CPU to trace, or -1: all
 * @cgroup: the control group to trace, or NULL: all
 * @tgid: the process of KTAP_IOC_LOAD's pid, or NULL
 * @tgid_wait: on the process's wait queue
 * @pids: bitmap of the threads to trace, by number in the initial namespace, or
 *	NULL: all
 * @nr_pids: bits in @pids
 * @newtask_tp: the tracepoint that keeps @pids
 * @sites: struct ktap_site, the attached events
 * @nr_events: how many there are
 * @nr_timers: how many of them are timers
 * @nr_perfs: and how many are perf events
 * @pmus: what PMU/TERMS/ are, see struct ktap_load, or NULL
 * @pmus_size: bytes there
 * @syscalls: what ev_syscalls.c attached
 * @kprobes: what is registered of ev_kprobe.c, or NULL
 * @rawtps: what is attached of ev_rawtp.c, or NULL
 * @ucalls: what returns are to know of the entries, of ucall.c, or NULL
 * @targets: what the tool has found out about programs, of targets.c, or NULL
 * @late: strings that come late, of late.c, or NULL
 * @users: processes whose addresses are taken, of ustack.c, or NULL
 * @taps: attached struct trace_event_tap
 * @dyn_group: the number of its group of dynamic events, or 0
 * @names: see there; made when the first event is attached
 * @map_bytes: memory in all maps of sites, see KTAP_MAX_MAPS
 * @texts: the session holds a reference to the buffers of event_text.c, and to
 *	the watchdog
 * @site_hash: @sites by event
 */
struct ktap_session {
	struct mutex run_lock; /* of LOAD and RUN */
	enum ktap_state state;
	struct ktap_vm *vm;
	struct ktap_outbuf *out;

	bool live;
	bool started;
	bool off;
	bool stop;
	bool ending;
	bool show_symbols;
	bool write;
	unsigned long run_ip;
	u64 start_ns;
	s32 utc_offset;
	s32 utc_offset_next;
	s64 utc_change;
	wait_queue_head_t wait;
	struct irq_work stop_work;
	fl_owner_t owner;

	pid_t self;
	bool filtered;
	int cpu;
	struct cgroup *cgroup;
	struct pid *tgid;
	wait_queue_entry_t tgid_wait;
	unsigned long *pids;
	unsigned int nr_pids;
	struct tracepoint *newtask_tp;

	struct list_head sites;
	unsigned int nr_events;
	unsigned int nr_timers;
	unsigned int nr_perfs;
	const char *pmus;
	size_t pmus_size;
	struct ktap_syscalls *syscalls;
	struct ktap_kprobes *kprobes;
	struct trace_event_tap_raw_set *rawtps;
	struct ktap_ucalls *ucalls;
	struct ktap_targets_of *targets;
	struct ktap_late *late;
	struct ktap_users *users;
	struct list_head taps;
	unsigned int dyn_group;
	struct ktap_names *names;
	size_t map_bytes;
	bool texts;
	struct hlist_head site_hash[KTAP_SITE_HASH];
};

/* session.c */
int ktap_session_start(struct ktap_session *s);
const char *ktap_session_why_not(int error);
void ktap_session_stop(struct ktap_session *s);

/**
 * ktap_is_addr() - whether a script's number is an address of this machine
 * @n: the number
 *
 * What has come from a register or a field of type long is signed: where these have
 * 32 bits, the addresses of the kernel are negative.
 *
 * Return: whether it fits into unsigned long, one way or the other.
 */
static inline bool ktap_is_addr(u64 n)
{
	return n == (unsigned long)n || (s64)n == (long)n;
}

/**
 * ktap_session_live() - whether events are delivered now
 * @s: the session
 *
 * Context: any, with preemption disabled.
 * Return: whether they are.
 */
static inline bool ktap_session_live(const struct ktap_session *s)
{
	return smp_load_acquire(&s->live); /* pairs with ktap_session_start() */
}

/* cgroup.c */
#ifdef CONFIG_CGROUPS
int ktap_cgroup_set(struct ktap_session *s, int fd);
void ktap_cgroup_free(struct ktap_session *s);
bool ktap_cgroup_has_current(const struct ktap_session *s);
#else
static inline int ktap_cgroup_set(struct ktap_session *s, int fd)
{
	return -EOPNOTSUPP;
}

static inline void ktap_cgroup_free(struct ktap_session *s)
{
}

static inline bool ktap_cgroup_has_current(const struct ktap_session *s)
{
	return true;
}
#endif

/**
 * ktap_session_wants_task() - whether events of the current task are delivered
 * @s: the session; it is live
 *
 * Context: any, with preemption disabled.
 * Return: whether they are.
 */
static inline bool ktap_session_wants_task(const struct ktap_session *s)
{
	if (s->cgroup && !ktap_cgroup_has_current(s))
		return false;
	return !s->pids || ((unsigned int)current->pid < s->nr_pids &&
			    test_bit(current->pid, s->pids));
}

/**
 * ktap_session_wants() - whether an event has to be delivered now
 * @s: the session
 *
 * Context: any, with preemption disabled.
 * Return: whether it is wanted.
 */
static inline bool ktap_session_wants(const struct ktap_session *s)
{
	if (!ktap_session_live(s))
		return false;
	if (likely(!s->filtered))
		return true;
	if (s->cpu >= 0 && s->cpu != raw_smp_processor_id())
		return false;
	return ktap_session_wants_task(s);
}

/**
 * ktap_session_is_self() - whether the current task is of no use to the reader
 * @s: the session
 *
 * Context: any.
 * Return: whether it is, see KTAP_LOAD_NOT_SELF.
 */
static __always_inline bool ktap_session_is_self(const struct ktap_session *s)
{
	return s->self && in_task() && task_tgid_nr(current) == s->self;
}

/* watchdog.c */
void ktap_watch_get(void);
void ktap_watch_put(void);

/* pids.c */
int ktap_pids_set(struct ktap_session *s, pid_t nr);
int ktap_pids_start(struct ktap_session *s);
void ktap_pids_stop(struct ktap_session *s);
void ktap_pids_free(struct ktap_session *s);
bool ktap_pids_gone(struct ktap_session *s);
struct tracepoint *ktap_find_tracepoint(const char *name);

/* outbuf.c */
struct ktap_outbuf *ktap_outbuf_create(struct ktap_session *s, unsigned int kb);
void ktap_outbuf_destroy(struct ktap_outbuf *out);
void ktap_outbuf_wake_writers(struct ktap_outbuf *out);
void ktap_outbuf_end(struct ktap_outbuf *out);
bool ktap_outbuf_readable(struct ktap_outbuf *out);
wait_queue_head_t *ktap_outbuf_waitqueue(struct ktap_outbuf *out);
ssize_t ktap_outbuf_read(struct ktap_outbuf *out, char __user *buf, size_t size,
			 bool nonblock);
int ktap_outbuf_put(struct ktap_outbuf *out, enum ktap_rec_type type,
		    enum ktap_val_type vtype, const void *data, size_t len, bool *live);
bool ktap_outbuf_try(struct ktap_outbuf *out, enum ktap_rec_type type,
		     enum ktap_val_type vtype, const void *data, size_t len);

/*
 * Events
 */

/**
 * struct ktap_site - an event that has handlers
 * @list: entry in ktap_session.sites
 * @hash: entry in ktap_session.site_hash
 * @session: whose it is
 * @ops: its source
 * @call: the trace event, with a reference, or NULL if it is none
 * @name: its name without the system
 * @system: its system, or NULL if there are none in its source
 * @glob: it was attached as one of several: a field it lacks is nil
 * @nr_own: how many fields the event has
 * @nr_fields: the same with those after them that all events of its source have
 * @fields: them
 * @map: 1 + index in @fields, by constant of the image, 0 for none; may be NULL
 * @nr_map: entries of @map
 * @nr_handlers: how many there are
 * @handlers: in the order in which they were attached; not changed while events
 *	are delivered
 * @tap: of ev_tracepoint.c
 * @timer: of ev_timer.c
 * @kprobe: of ev_kprobe.c
 * @perf: of ev_perf.c
 * @uprobe: of ev_uprobe.c
 * @ftrace: of ev_ftrace.c
 * @own: of ev_rawtp.c
 * @frames: of ev_tracepoint.c: which frames are not the event's, if the script takes
 *	stacks
 * @dyn: of ev_dynamic.c
 * @sc_nr: system call number, or -1
 * @sc_enter: entry of a system call
 * @sc_nargs: arguments of the system call
 *
 * Sites live as long as the session, so that read() can render their records.
 */
struct ktap_site {
	struct list_head list;
	struct hlist_node hash;
	struct ktap_session *session;
	const struct ktap_event_ops *ops;
	struct trace_event_call *call;
	const char *name;
	const char *system;
	bool glob;
	unsigned int nr_own;
	unsigned int nr_fields;
	struct trace_event_tap_field *fields;
	u16 *map;
	unsigned int nr_map;
	unsigned int nr_handlers;
	struct ktap_closure **handlers;

	union {
		struct {
			struct trace_event_tap tap;
			struct trace_event_tap_frames frames;
			struct ktap_dyn *dyn;
		};
		struct ktap_own_frames own;
		struct ktap_timer *timer;
		struct ktap_kprobe *kprobe;
		struct ktap_ftrace *ftrace;
		struct ktap_uprobe *uprobe;
		struct ktap_perf *perf;
	};

	int sc_nr;
	bool sc_enter;
	unsigned int sc_nargs;
};

/* Fields that every record of a trace event has: type, flags, preempt_count, pid */
#define KTAP_NR_COMMON		4

/**
 * struct ktap_event - an event as a handler sees it
 * @site: what happened
 * @rec: its record (tracepoints, perf events)
 * @len: bytes of the record
 * @args: arguments, or the result in the first (system calls); what the fields
 *	say (timers, probes)
 * @regs: the registers (probes, perf events)
 * @elapsed: nanoseconds since the function was entered (returns)
 * @entry: the arguments that the function was entered with (returns), or NULL
 * @overridden: the function returns at once, see &ktap_event_ops.set_retval
 */
struct ktap_event {
	const struct ktap_site *site;
	const void *rec;
	size_t len;
	unsigned long args[6];
	struct pt_regs *regs;
	u64 elapsed;
	const unsigned long *entry;
	bool overridden;
};

/**
 * enum ktap_event_has - what only some sources of events have
 * @KTAP_HAS_NAME: a name, string; otherwise it is the site's
 * @KTAP_HAS_FUNC: the function's, string
 * @KTAP_HAS_RETVAL: the function's result
 * @KTAP_HAS_ELAPSED: nanoseconds since the function was entered
 * @KTAP_HAS_REGSTR: the registers as text
 */
enum ktap_event_has {
	KTAP_HAS_NAME,
	KTAP_HAS_FUNC,
	KTAP_HAS_RETVAL,
	KTAP_HAS_ELAPSED,
	KTAP_HAS_REGSTR,
};

/**
 * struct ktap_event_ops - a source of events
 * @attach: begins to deliver; called once for each site, before any event is
 *	wanted; NULL if the source does that in parts
 * @free: frees what the source added to the site; may be NULL
 * @field: value of field @n of the site
 * @size: bytes of the event's binary form in an output record
 * @put: writes that form
 * @render: its text
 * @stack: the kernel's stack where it happened, as ktap_env_stack(); may be NULL
 * @get: one of the things that only some sources have; 1: it has not; may be NULL
 * @user_entry: whether a program is at the first instruction of a function, which has
 *	no frame yet, so that who called it is to be got from elsewhere; may be NULL
 * @entry: entry.NAME, which the entry had that belongs to this return; 1: it has
 *	not, -ENOENT: there is no such thing; may be NULL
 * @set_retval: changes the result, which the session may do; may be NULL
 *
 * All but @attach and @free are called in any context.
 */
struct ktap_event_ops {
	int (*attach)(struct ktap_site *site);
	void (*free)(struct ktap_site *site);
	int (*field)(struct ktap_exec *x, const struct ktap_event *ev, unsigned int n,
		     struct ktap_val *out);
	size_t (*size)(const struct ktap_event *ev);
	void (*put)(const struct ktap_event *ev, void *p);
	const char *(*render)(struct trace_event_tap_text *text,
			      const struct ktap_site *site, const void *data,
			      size_t len, size_t *text_len);
	unsigned int (*stack)(const struct ktap_event *ev, u64 *ip, unsigned int max);
	int (*get)(struct ktap_exec *x, const struct ktap_event *ev,
		   enum ktap_event_has what, struct ktap_val *out);
	bool (*user_entry)(const struct ktap_event *ev);
	int (*entry)(struct ktap_exec *x, const struct ktap_event *ev,
		     const struct ktap_str *name, struct ktap_val *out);
	int (*set_retval)(struct ktap_exec *x, struct ktap_event *ev, s64 retval);
};

extern const struct ktap_event_ops ktap_tracepoint_ops;
extern const struct ktap_event_ops ktap_syscall_ops;
extern const struct ktap_event_ops ktap_timer_ops;
extern const struct ktap_event_ops ktap_kprobe_ops;
extern const struct ktap_event_ops ktap_uprobe_ops;
extern const struct ktap_event_ops ktap_perf_ops;
extern const struct ktap_event_ops ktap_dynamic_ops;

/**
 * struct ktap_event_form - the binary form of an event in an output record
 * @site: what happened; read() is in the same session
 * @flags: KTAP_EVENT_NEWLINE
 * @len: bytes of @data
 * @data: struct ktap_event.rec or .args
 */
struct ktap_event_form {
	const struct ktap_site *site;
	u32 flags;
	u32 len;
	u8 data[];
};

#define KTAP_EVENT_NEWLINE	BIT(0)

/* Bytes of maps from constants to fields; sites beyond it look names up. */
#define KTAP_MAX_MAPS		(8 << 20)

/* event.c */
void ktap_event_deliver(const struct ktap_site *site, struct ktap_event *ev);
int ktap_event_find_field(const struct ktap_site *site, const char *name, size_t len);
const char *ktap_event_render(struct trace_event_tap_text *text,
			      const struct ktap_site *site, const void *data,
			      size_t len, size_t *text_len);
int ktap_event_get(struct ktap_exec *x, enum ktap_event_has what, struct ktap_val *out);
int ktap_event_entry(struct ktap_exec *x, const struct ktap_str *name, struct ktap_val *out);
int ktap_entry_arg(const struct ktap_str *name, unsigned int max);
int ktap_event_set_retval(struct ktap_exec *x, s64 retval);
int ktap_event_fits(struct ktap_exec *x, const char *func, int type, s64 retval);
void ktap_events_hold(struct ktap_session *s);
void ktap_events_detach(struct ktap_session *s);
void ktap_events_free(struct ktap_session *s);

/* site.c */
void ktap_site_free(struct ktap_site *site);

/* ev_timer.c */
int ktap_timers_init(void);
void ktap_timers_exit(void);
int ktap_timers_start(struct ktap_session *s);
void ktap_timers_detach(struct ktap_session *s);

/* stack.c */
unsigned int ktap_stack_save_regs(struct pt_regs *regs, bool entry, u64 *ip, unsigned int max);
unsigned int ktap_stack_save(const struct ktap_own_frames *own, u64 *ip, unsigned int max);
unsigned int ktap_stack_in_tap(const struct ktap_event *ev, u64 *ip, unsigned int max);

/* ustack.c */
int ktap_users_create(struct ktap_session *s);
void ktap_users_free(struct ktap_session *s);

/* event_text.c */
int ktap_texts_get(void);
void ktap_texts_put(void);
struct trace_event_tap_text *ktap_text(void);

/* late.c */
int ktap_late_start(struct ktap_session *s);
void ktap_late_free(struct ktap_session *s);
void ktap_late_exit(struct ktap_session *s);
void ktap_late_end(struct ktap_session *s);
bool ktap_late_ready(struct ktap_session *s, const struct ktap_rec_val *val);
size_t ktap_late_copy(struct ktap_session *s, const struct ktap_rec_val *val,
		      struct ktap_rec_val *to, size_t room);
void ktap_late_release(struct ktap_session *s, const struct ktap_rec_val *val);

/* ev_syscalls.c */
#ifdef CONFIG_FTRACE_SYSCALLS
int ktap_syscalls_start(struct ktap_session *s);
void ktap_syscalls_detach(struct ktap_session *s);
void ktap_syscalls_free(struct ktap_session *s);
#else
static inline int ktap_syscalls_start(struct ktap_session *s)
{
	return 0;
}

static inline void ktap_syscalls_detach(struct ktap_session *s)
{
}

static inline void ktap_syscalls_free(struct ktap_session *s)
{
}
#endif

/* ev_kprobe.c */
#ifdef CONFIG_KPROBES
void ktap_kprobes_start(struct ktap_session *s);
void ktap_kprobes_detach(struct ktap_session *s);
void ktap_kprobes_free(struct ktap_session *s);
#else
static inline void ktap_kprobes_start(struct ktap_session *s)
{
}

static inline void ktap_kprobes_detach(struct ktap_session *s)
{
}

static inline void ktap_kprobes_free(struct ktap_session *s)
{
}
#endif

/* ev_rawtp.c */
#ifdef CONFIG_BPF_EVENTS
void ktap_rawtps_detach(struct ktap_session *s);
void ktap_rawtps_end(struct ktap_session *s);
void ktap_rawtps_free(struct ktap_session *s);
#else
static inline void ktap_rawtps_detach(struct ktap_session *s)
{
}

static inline void ktap_rawtps_end(struct ktap_session *s)
{
}

static inline void ktap_rawtps_free(struct ktap_session *s)
{
}
#endif

/* ev_dynamic.c */
#ifdef CONFIG_PROBE_EVENTS
void ktap_dynamic_start(struct ktap_session *s);
void ktap_dynamic_detach(struct ktap_session *s);
#else
static inline void ktap_dynamic_start(struct ktap_session *s)
{
}

static inline void ktap_dynamic_detach(struct ktap_session *s)
{
}
#endif

/* ev_ftrace.c */
#ifdef CONFIG_FUNCTION_TRACER
void ktap_ftraces_detach(struct ktap_session *s);
#else
static inline void ktap_ftraces_detach(struct ktap_session *s)
{
}
#endif

/* ev_uprobe.c, ucall.c, targets.c */
#ifdef CONFIG_UPROBES
void ktap_uprobes_detach(struct ktap_session *s);
void ktap_ucalls_free(struct ktap_ucalls *calls);
int ktap_targets_set(struct ktap_session *s, u64 from, u64 bytes);
void ktap_targets_free(struct ktap_session *s);
#else
static inline void ktap_uprobes_detach(struct ktap_session *s)
{
}

static inline void ktap_ucalls_free(struct ktap_ucalls *calls)
{
}

static inline int ktap_targets_set(struct ktap_session *s, u64 from, u64 bytes)
{
	return -EOPNOTSUPP;
}

static inline void ktap_targets_free(struct ktap_session *s)
{
}
#endif

/* ev_perf.c */
#ifdef CONFIG_PERF_EVENTS
int ktap_perfs_init(void);
void ktap_perfs_exit(void);
int ktap_perfs_start(struct ktap_session *s);
void ktap_perfs_detach(struct ktap_session *s);
#else
static inline int ktap_perfs_init(void)
{
	return 0;
}

static inline void ktap_perfs_exit(void)
{
}

static inline int ktap_perfs_start(struct ktap_session *s)
{
	return 0;
}

static inline void ktap_perfs_detach(struct ktap_session *s)
{
}
#endif

#endif /* _KTAP_EVENT_H */
