// SPDX-License-Identifier: GPL-2.0
/*
 * The environment of the VM in a process.
 */
#include "shim.h"
#include "host_env.h"

#define HOST_FIELDS	4

/* An event; the values of its fields are made of the round it is fired in */
struct host_event {
	const char *name;
	const char *fields[HOST_FIELDS];
};

static const struct host_event host_events[] = {
	{ "test:one", { "num", "text", "neg" } },
	{ "test:two", { "num", "addr" } },
};

struct ktap_event {
	const struct host_event *what;
	const char *name;
	unsigned int round;
	bool glob;		/* attached by a glob, whose events have various fields */
};

/* Timers have no fields; attached[].event is that of none of the above */
static const struct host_event host_timer;
#define HOST_TIMER	ARRAY_SIZE(host_events)

static const char * const host_texts[] = { "alpha", "beta", "gamma", "delta" };

unsigned int host_nr_events(void)
{
	return ARRAY_SIZE(host_events);
}

void host_env_free(struct host_env *env)
{
	free(env->records);
	memset(env, 0, sizeof(*env));
}

void host_env_reset(struct host_env *env)
{
	env->len = 0;
}

unsigned int host_handle(struct host_env *env, struct ktap_vm *vm, unsigned int nr,
			 unsigned int round)
{
	struct ktap_event ev = {
		.what = &host_events[nr],
		.name = host_events[nr].name + strlen("test:"),
		.round = round,
	};
	unsigned int i, n = 0;

	for (i = 0; i < env->nattached; i++) {
		if (env->attached[i].event != nr || env->off)
			continue;
		ev.glob = env->attached[i].glob;
		ktap_vm_handle(vm, env->attached[i].fn, &ev);
		n++;
	}
	return n;
}

void host_fire(struct host_env *env, struct ktap_vm *vm, unsigned int nr,
	       unsigned int round)
{
	host_handle(env, vm, nr, round);
	/* the worker of a session that ends may be late */
	if (!env->stopped)
		shim_run_work();
}

void host_pass_time(struct host_env *env, struct ktap_vm *vm, u64 ns)
{
	u64 until = env->ts + ns;
	unsigned int i, next;

	while (!ktap_vm_stopping(vm) && env->nfired < HOST_MAX_FIRED) {
		struct ktap_event ev = { .what = &host_timer };

		next = env->nattached;
		for (i = 0; i < env->nattached; i++) {
			if (env->attached[i].event == HOST_TIMER &&
			    env->attached[i].due <= until &&
			    (next == env->nattached ||
			     env->attached[i].due < env->attached[next].due))
				next = i;
		}
		if (next == env->nattached)
			break;
		env->ts = max(env->ts, env->attached[next].due);
		env->attached[next].due += env->attached[next].ns;
		ev.name = env->attached[next].name;
		env->nfired++;
		if (!env->off)
			ktap_vm_handle(vm, env->attached[next].fn, &ev);
	}
	env->ts = max(env->ts, until);
}

int host_run(struct host_env *env, struct ktap_vm *vm, unsigned int rounds)
{
	unsigned int nr, round;
	int ret, end;

	ret = ktap_vm_run_main(vm);
	if (!ret && !ktap_vm_stopping(vm))
		ret = ktap_vm_run_begin(vm);
	for (round = 0; round < rounds; round++) {
		for (nr = 0; nr < host_nr_events(); nr++) {
			if (!ktap_vm_stopping(vm))
				host_fire(env, vm, nr, round);
		}
		host_pass_time(env, vm, NSEC_PER_SEC);
	}
	end = ktap_vm_run_end(vm);
	return ret ?: end;
}

/*
 * Output
 */
static pthread_mutex_t out_lock = PTHREAD_MUTEX_INITIALIZER;

void *ktap_env_out_reserve(struct ktap_exec *x, unsigned int type, size_t len)
{
	struct host_env *env = ktap_vm_env(ktap_exec_vm(x));
	struct ktap_rec head = { .len = sizeof(head) + len, .type = type };

	if (len > KTAP_OUT_MAX || len % 8)
		abort();
	pthread_mutex_lock(&out_lock);
	env->nrecords++;
	if (env->limit && env->nrecords > env->limit) {
		env->nlost++;
		pthread_mutex_unlock(&out_lock);
		ktap_vm_lost(ktap_exec_vm(x), KTAP_LOSS_OUTPUT, 1);
		return NULL;
	}
	if (env->len + head.len > env->size) {
		env->size = (env->size + head.len) * 2;
		env->records = realloc(env->records, env->size);
		if (!env->records)
			abort();
	}
	head.ts = ++env->ts;
	memcpy(env->records + env->len, &head, sizeof(head));
	/* what is not written is seen */
	memset(env->records + env->len + sizeof(head), 0xa5, len);
	env->len += head.len;
	env->reserved = true;
	return env->records + env->len - len;
}

/* As read() does: frames become text, in the last record. */
static void host_deliver(struct host_env *env, char *p)
{
	static __aligned(8) char text[KTAP_REC_MAX];
	struct ktap_rec head;
	char *end = env->records + env->len, *to = text + sizeof(head);
	const struct ktap_rec_val *val;
	size_t len;

	memcpy(&head, p - sizeof(head), sizeof(head));
	env->len -= head.len;
	for (; p < end; p += len) {
		val = (const void *)p;
		len = ALIGN(sizeof(*val) + val->len, 8);
		to += ktap_stack_deliver(env, val, to,
					 text + sizeof(text) - to - (end - p - len));
	}
	if (to > text + sizeof(text))
		abort();
	head.len = to - text;
	memcpy(text, &head, sizeof(head));
	if (env->len + head.len > env->size) {
		env->size = (env->size + head.len) * 2;
		env->records = realloc(env->records, env->size);
		if (!env->records)
			abort();
	}
	memcpy(env->records + env->len, text, head.len);
	env->len += head.len;
}

void ktap_env_out_commit(struct ktap_exec *x, void *p)
{
	struct host_env *env = ktap_vm_env(ktap_exec_vm(x));

	host_deliver(env, p);
	env->reserved = false;
	pthread_mutex_unlock(&out_lock);
}

/*
 * Events
 */
static bool host_match(const char *pat, const char *name)
{
	size_t len = strlen(pat);

	if (len && pat[len - 1] == '*')
		return !strncmp(pat, name, len - 1);
	return !strcmp(pat, name);
}

static int host_attach_timer(struct ktap_exec *x, const char *name, const char *interval,
			     struct ktap_closure *fn)
{
	struct host_env *env = ktap_vm_env(ktap_exec_vm(x));
	const char *wrong;
	u64 ns;

	wrong = ktap_parse_interval(interval, &ns);
	if (wrong)
		return ktap_error(x, "cannot parse timer interval: \"%s\": %s", interval,
				  wrong);
	if (env->nattached == HOST_MAX_ATTACHED)
		return ktap_error(x, "too many events");
	/* so many in a second take too long to simulate */
	ns = max_t(u64, ns, NSEC_PER_MSEC);
	env->attached[env->nattached].event = HOST_TIMER;
	env->attached[env->nattached].fn = fn;
	env->attached[env->nattached].ns = ns;
	env->attached[env->nattached].due = env->ts + ns;
	snprintf(env->attached[env->nattached].name, sizeof(env->attached->name), "%s", name);
	env->nattached++;
	return 0;
}

int ktap_env_attach(struct ktap_exec *x, const struct ktap_str *text,
		    struct ktap_closure *fn)
{
	struct host_env *env = ktap_vm_env(ktap_exec_vm(x));
	bool found = false, per_cpu;
	unsigned int i;
	size_t prefix;

	prefix = ktap_timer_prefix(text->data, &per_cpu);
	if (prefix)
		return host_attach_timer(x, text->data, text->data + prefix, fn);
	for (i = 0; i < ARRAY_SIZE(host_events); i++) {
		if (!host_match(text->data, host_events[i].name))
			continue;
		if (env->nattached == HOST_MAX_ATTACHED)
			return ktap_error(x, "too many events");
		env->attached[env->nattached].event = i;
		env->attached[env->nattached].glob = strchr(text->data, '*');
		env->attached[env->nattached++].fn = fn;
		found = true;
	}
	if (!found)
		return ktap_error(x, "no event '%s'", text->data);
	return 0;
}

void ktap_env_stopped(void *env)
{
	((struct host_env *)env)->stopped = true;
}

/* Handlers take no time here, so there is nothing to watch. */
u64 ktap_env_clock(void)
{
	return 0;
}

int ktap_env_watch(struct ktap_exec *x, u64 since, unsigned int weight, bool ended)
{
	return 0;
}

bool ktap_env_interrupted(void *env)
{
	struct host_env *e = env;

	return e->interrupt && !--e->interrupt;
}

static int host_value(struct ktap_exec *x, const struct ktap_event *ev, unsigned int n,
		      struct ktap_val *out)
{
	const char *name = n < HOST_FIELDS ? ev->what->fields[n] : NULL;
	const char *text = host_texts[ev->round % ARRAY_SIZE(host_texts)];

	if (!name)
		return -ENOENT;
	if (!strcmp(name, "num"))
		ktap_set_int(out, ev->round + 1);
	else if (!strcmp(name, "neg"))
		ktap_set_int(out, -(s64)ev->round - 1);
	else if (!strcmp(name, "addr"))
		ktap_set_int(out, 0x1000 + ev->round);
	else
		return ktap_set_str(x, out, text, strlen(text));
	return 0;
}

static unsigned int host_field_nr(const struct ktap_event *ev, const struct ktap_str *name)
{
	unsigned int i;

	for (i = 0; i < HOST_FIELDS && ev->what->fields[i]; i++) {
		if (!strcmp(ev->what->fields[i], name->data))
			return i;
	}
	return HOST_FIELDS;
}

int ktap_env_field(struct ktap_exec *x, u32 kidx, struct ktap_val *out)
{
	const struct ktap_event *ev = ktap_exec_event(x);
	const struct ktap_str *name = ktap_vm_const_str(ktap_exec_vm(x), kidx);

	if (host_field_nr(ev, name) == HOST_FIELDS && ev->glob) {
		ktap_set_nil(out);
		return 0;
	}
	return host_value(x, ev, host_field_nr(ev, name), out);
}

bool ktap_env_has_field(struct ktap_exec *x, u32 kidx)
{
	const struct ktap_str *name = ktap_vm_const_str(ktap_exec_vm(x), kidx);

	return host_field_nr(ktap_exec_event(x), name) < HOST_FIELDS;
}

int ktap_env_arg(struct ktap_exec *x, unsigned int n, struct ktap_val *out)
{
	if (host_value(x, ktap_exec_event(x), n, out))
		ktap_set_nil(out);
	return 0;
}

int ktap_env_member(struct ktap_exec *x, const struct ktap_str *name, struct ktap_val *out)
{
	const struct ktap_event *ev = ktap_exec_event(x);

	if (!strcmp(name->data, "name"))
		return ktap_set_str(x, out, ev->name, strlen(ev->name));
	if (!strcmp(name->data, "tostring") || !strcmp(name->data, "field") ||
	    !strcmp(name->data, "set_retval")) {
		*out = (struct ktap_val){
			.i = *name->data == 't' ? KTAP_BI_EV_TOSTRING :
			     *name->data == 'f' ? KTAP_BI_EV_FIELD : KTAP_BI_EV_SET_RETVAL,
			.type = KTAP_BUILTIN,
		};
		return 0;
	}
	if (!strcmp(name->data, "sc_nr") || !strcmp(name->data, "sc_name") ||
	    !strcmp(name->data, "retval")) {
		ktap_set_nil(out);
		return 0;
	}
	return host_value(x, ev, host_field_nr(ev, name), out);
}

static size_t host_event_text(const struct ktap_event *ev, u32 aux, char *buf, size_t size)
{
	if (ev->what == &host_timer)
		return snprintf(buf, size, "%s%s", ev->name, aux ? "\n" : "");
	return snprintf(buf, size, "%s: num=%u%s", ev->name, ev->round + 1,
			aux ? "\n" : "");
}

/* The text is made at once: there is no reader who could */
size_t ktap_env_event_size(struct ktap_exec *x, u32 aux)
{
	char buf[64];

	return ALIGN(sizeof(struct ktap_rec_val) +
		     host_event_text(ktap_exec_event(x), aux, buf, sizeof(buf)), 8);
}

void ktap_env_event_put(struct ktap_exec *x, u32 aux, void *p)
{
	struct ktap_rec_val val = { .type = KTAP_VAL_STR };
	char buf[64];

	val.len = host_event_text(ktap_exec_event(x), aux, buf, sizeof(buf));
	memset(p, 0, ktap_env_event_size(x, aux));
	memcpy(p, &val, sizeof(val));
	memcpy(p + sizeof(val), buf, val.len);
}

int ktap_env_event_render(struct ktap_exec *x, u32 aux, struct ktap_val *out)
{
	char buf[64];
	size_t len = host_event_text(ktap_exec_event(x), aux, buf, sizeof(buf));

	return ktap_set_str(x, out, buf, len);
}

/*
 * Stacks
 *
 *	test:one	do_one, even_caller or odd_caller, entry_point
 *	test:two	two_site, 200 times recurse, entry_point
 *	no event	main_site, what has no symbol, entry_point
 */
enum host_symbol {
	SYM_NONE, SYM_DO_ONE, SYM_EVEN, SYM_ODD, SYM_TWO, SYM_RECURSE, SYM_MAIN, SYM_ENTRY,
	SYM_LONG,
};

static const struct {
	const char *name;
	unsigned int offset;
	unsigned int size;
} host_symbols[] = {
	[SYM_DO_ONE] = { "do_one", 0x14, 0x40 },
	[SYM_EVEN] = { "even_caller", 0x30, 0x80 },
	[SYM_ODD] = { "odd_caller", 0x28, 0x80 },
	[SYM_TWO] = { "two_site", 0x8, 0x20 },
	[SYM_RECURSE] = { "recurse", 0x1c, 0x60 },
	[SYM_MAIN] = { "main_site", 0x4, 0x30 },
	[SYM_ENTRY] = { "entry_point", 0x5, 0x10 },
	/* the longest names have 511 bytes */
	[SYM_LONG] = { "a_very_long_name", 0x1234, 0x56789 },
};

static u64 host_frame(enum host_symbol sym)
{
	return 0xffffffff81000000 + sym * 0x1000;
}

static enum host_symbol host_stack_frame(const struct ktap_event *ev, unsigned int n)
{
	if (!ev)
		return n == 0 ? SYM_MAIN : n == 1 ? SYM_NONE : SYM_ENTRY;
	if (ev->what == &host_events[0])
		return n == 0 ? SYM_DO_ONE : n == 2 ? SYM_ENTRY :
		       ev->round % 2 ? SYM_ODD : SYM_EVEN;
	return n == 0 ? SYM_TWO : n == 201 ? SYM_ENTRY : SYM_RECURSE;
}

unsigned int ktap_env_stack(struct ktap_exec *x, u64 *ip, unsigned int max)
{
	const struct ktap_event *ev = ktap_exec_event(x);
	unsigned int i, nr = ev && ev->what == &host_events[1] ? 202 : 3;

	/* all of the room is used, as the kernel does */
	for (i = 0; i < max + KTAP_STACK_OWN; i++)
		ip[i] = i < nr ? host_frame(host_stack_frame(ev, i)) : ~0ull;
	return min(nr, max);
}

/*
 * Programs
 *
 *	test:one	0x401000, 0x401100 or in odd rounds 0x401101, 0x401020; of the
 *			processes 1000 and 1001, in turns of two rounds
 *	test:two	200 frames from 0x401000 on, 16 bytes apart
 *	no event	none, as of a thread of the kernel
 */
static void host_user(struct ktap_exec *x, struct ktap_rec_user *u)
{
	const struct ktap_event *ev = ktap_exec_event(x);

	memset(u, 0, sizeof(*u));
	if (!ev)
		return;
	u->pid = 1000 + ev->round / 2 % 2;
	u->program = 0x400000;
}

void ktap_env_user(struct ktap_exec *x, struct ktap_rec_user *u)
{
	host_user(x, u);
}

unsigned int ktap_env_user_stack(struct ktap_exec *x, struct ktap_rec_user *u,
				 unsigned int max)
{
	const struct ktap_event *ev = ktap_exec_event(x);
	unsigned int i, nr = !ev ? 0 : ev->what == &host_events[1] ? 200 : 3;

	/* all of the room is used */
	for (i = 0; i < max; i++)
		u->ip[i] = i >= nr ? ~0ull : nr == 3 && i == 1 ? 0x401100 + ev->round % 2 :
			   0x401000 + 16 * i;
	host_user(x, u);
	return min(nr, max);
}

/* "_0_0 ...", to make a name long */
#define ZEROS16			"_0_0_0_0_0_0_0_0"
#define ZEROS128		ZEROS16 ZEROS16 ZEROS16 ZEROS16 ZEROS16 ZEROS16 ZEROS16 ZEROS16

static const char host_zeros[] = ZEROS128 ZEROS128 ZEROS128 ZEROS128;

u64 host_long_frame(void)
{
	return host_frame(SYM_LONG);
}

size_t ktap_env_frame(void *env, u64 ip, char *buf, size_t size)
{
	u64 sym = (ip - host_frame(SYM_NONE)) / 0x1000;

	if (sym >= ARRAY_SIZE(host_symbols) || !host_symbols[sym].name)
		return snprintf(buf, size, "(unknown)");
	return snprintf(buf, size, "%s%.*s+0x%x/0x%x", host_symbols[sym].name,
			sym == SYM_LONG ? 495 : 0, host_zeros, host_symbols[sym].offset,
			host_symbols[sym].size);
}

/*
 * Builtins of the environment
 */
#define HOST_INT(ID, value)						\
int ktap_bi_##ID(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs) \
{									\
	ktap_set_int(&args[0], value);					\
	return 0;							\
}

#define HOST_STR(ID, value)						\
int ktap_bi_##ID(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs) \
{									\
	const char *s_ = value;						\
									\
	return ktap_set_str(x, &args[0], s_, strlen(s_));		\
}

HOST_INT(CPU, shim_cpu)
HOST_INT(PID, 1000)
HOST_INT(TID, 1001)
HOST_INT(PPID, 1)
HOST_INT(UID, 500)
HOST_INT(GID, 501)
HOST_INT(EUID, 502)
HOST_INT(NUM_CPUS, SHIM_CPUS)
HOST_STR(ARCH, "x86_64")
HOST_STR(KERNEL_V, "6.12.0")

int ktap_bi_IN_INTERRUPT(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	ktap_set_bool(&args[0], shim_level > 1);
	return 0;
}

int ktap_bi_ARGSTR(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	args[0] = (struct ktap_val){ .type = KTAP_EVENT };
	return 0;
}

int ktap_bi_EV_TOSTRING(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	args[0] = (struct ktap_val){ .type = KTAP_EVENT, .aux = 1 };
	return 0;
}

int ktap_bi_PROBENAME(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	const char *name = ktap_exec_event(x)->name;

	return ktap_set_str(x, &args[0], name, strlen(name));
}

/* What the host has of events are tracepoints. */
int ktap_bi_FUNC(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	ktap_set_nil(&args[0]);
	return 0;
}

int ktap_bi_EV_ENTRY(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	ktap_set_nil(&args[0]);
	return 0;
}

/* Says what it was asked to do */
int ktap_bi_EV_SET_RETVAL(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	const struct ktap_val *n = &args[nargs - 1];

	if (!ktap_exec_event(x))
		return ktap_error(x, "invalid event context");
	if (n->type != KTAP_INT)
		return ktap_error(x, "e.set_retval() takes a number");
	return ktap_error(x, "e.set_retval(%lld): there is no result here", n->i);
}

int ktap_bi_RETVAL(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	ktap_set_nil(&args[0]);
	return 0;
}

int ktap_bi_TRACEOFF(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	struct host_env *env = ktap_vm_env(ktap_exec_vm(x));

	env->off = true;
	ktap_set_nil(&args[0]);
	return 0;
}

int ktap_bi_EV_FIELD(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	const struct ktap_val *n = &args[nargs - 1];

	if (n->type != KTAP_INT || n->i < 1 || n->i > HOST_FIELDS)
		return ktap_error(x, "event has no such field");
	if (host_value(x, ktap_exec_event(x), n->i - 1, &args[0]))
		ktap_set_nil(&args[0]);
	return 0;
}

void host_note(const char *fmt, ...)
{
	const char *name = getenv("KTAP_MESSAGES");
	FILE *f = name ? fopen(name, "a") : NULL;
	va_list ap;

	if (!f)
		return;
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fclose(f);
}
