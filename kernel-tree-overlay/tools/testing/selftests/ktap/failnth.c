// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is not there: the first allocation of a session fails, then the
 * second, and so on, through open(), LOAD, TARGETS, RUN (main chunk, attaching,
 * start, trace_end) and close(). Each session ends in an error that says so, or works
 * as if nothing had happened; the next one works; nothing is left.
 *
 * It is a sample, since each of them is a session; "failnth all" takes minutes.
 *
 * With /proc/self/fail-nth only the allocations of one thread fail, and each in
 * its turn, whatever else the machine does.
 */
#include <stdatomic.h>

#include "session.h"
#include "places.h"
#include "../kselftest.h"

#define DEBUGFS		"/sys/kernel/debug/"
#define MARKS		10

/* What a session does; the steps in which allocations may fail */
enum step {
	STEP_OPEN,
	STEP_LOAD,
	STEP_TARGETS,
	STEP_RUN,
	STEP_CLOSE,
	STEP_NR,
	STEP_NONE,
};

static const char * const step_names[STEP_NR] = { "open", "load", "targets", "run", "close" };

/* Something of everything that takes memory when it is set up */
static const char script[] =
	"var t = {}\n"
	"function counter() { var n = 0 return function () { n += 1 return n } }\n"
	"var c = counter()\n"
	"for (i = 1, 2000) { t[i, \"key\"] = \"value \" .. c() }\n"
	"trace syscalls:sys_enter_lseek /offset == 7/ { n += 1 t[execname] = c() }\n"
	"trace sched:sched_switch /prev_pid == 0/ { w[args.next_comm] += 1 print(argstr) }\n"
	"trace probe:vfs_fsync a=%di s=+0(%si):string { k += args.a }\n"
	"trace probe:vfs_fsync! { k += entry.arg1 }\n"
	"tick-10ms { k += 1 }\n"
	"profile-97hz { p[stack(), execname] += 1 }\n"
	"trace page-faults, cpu-clock:freq=97, mem:panic_timeout:w { f[probename] += 1 }\n"
	"trace_begin { t.begin = len(t) }\n"
	"trace_end { delete(t) print(\"marks\", n) }\n";

/* What is traced of this program */
static __attribute__((noinline, noclone)) int called(void)
{
	__asm__ volatile("");
	return 1;
}

static struct {
	struct {
		struct ktap_target_set set;
		struct ktap_target target;
		char text[16];
		char name[8];
	} s[2];
} targets;

/* The same of probes, if the kernel has them all */
static const char probes[] =
	"trace syscalls:sys_enter_lseek /offset == 7/ { n += 1 }\n"
	"trace rawtp:sched_waki*, rawtp:sched_switch { r[probename] += 1 }\n"
	"trace ftrace:function /ip == vfs_rea*/ { f[func] += 1 }\n"
	"trace k:vfs_wri*, k:vfs_wri*! { k[func] += 1 }\n"
	"trace_end { print(\"marks\", n) }\n";

/* And of this program */
static const char programs[] =
	"calls = 0\n"
	"trace syscalls:sys_enter_lseek /offset == 7/ { n += 1 }\n"
	"trace \"u:self:called\" { calls += 1 }\n"
	"trace \"u:self:called!\" { calls += retval k += entry.arg1 k += e.elapsed }\n"
	"trace_end { print(\"marks\", n, calls) }\n";

/* Settings of the two kinds of faults, and what they have to be here */
static struct setting {
	const char *name;
	const char *value;
	char old[16];
} settings[] = {
	/* memory that one may wait for fails as well */
	{ DEBUGFS "failslab/ignore-gfp-wait", "N" },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N" },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N" },
	{ DEBUGFS "fail_page_alloc/min-order", "0" },
	/* hundreds of them are too many for a log */
	{ DEBUGFS "failslab/verbose", "0" },
	{ DEBUGFS "fail_page_alloc/verbose", "0" },
};

static struct image image;

static int read_text(const char *name, char *buf, size_t size)
{
	int fd = open(name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return -1;
	buf[n] = 0;
	return 0;
}

static int write_text(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY), ret;

	if (fd < 0)
		return -1;
	ret = write(fd, text, strlen(text)) < 0 ? -1 : 0;
	close(fd);
	return ret;
}

static void restore(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		if (settings[i].old[0])
			write_text(settings[i].name, settings[i].old);
	}
}

static bool set_up(void)
{
	bool slab = !access(DEBUGFS "failslab", F_OK);
	unsigned int i;

	if (!slab || access("/proc/self/fail-nth", W_OK))
		return false;
	atexit(restore);
	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		/* pages are of another configuration option */
		if (read_text(settings[i].name, settings[i].old, sizeof(settings[i].old)))
			continue;
		write_text(settings[i].name, settings[i].value);
	}
	return true;
}

/*
 * The faults of this thread
 */
static int nth_open(void)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/task/%ld/fail-nth", (long)syscall(SYS_gettid));
	return open(name, O_RDWR | O_CLOEXEC);
}

static void nth_arm(int fd, unsigned int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	if (n && pwrite(fd, text, strlen(text), 0) < 0)
		ksft_print_msg("fail-nth: %m\n");
}

/* Whether the allocation failed; none does from here on */
static bool nth_disarm(int fd, unsigned int n)
{
	char text[16] = "";

	if (!n)
		return false;
	if (pread(fd, text, sizeof(text) - 1, 0) < 0)
		ksft_print_msg("fail-nth: %m\n");
	if (pwrite(fd, "0", 1, 0) < 0)
		ksft_print_msg("fail-nth: %m\n");
	return !atoi(text);
}

/*
 * Sessions
 */
struct trial {
	struct session s;
	unsigned int n;		/* of the allocation of RUN that fails, or 0 */
	bool failed;
	atomic_bool ended;
	long long marks;	/* what the script printed at its end, or -1 */
	long long calls;	/* the same of programs[]; -1 of the others */
};

static void *run_thread(void *arg)
{
	struct trial *t = arg;
	int fd = nth_open();

	nth_arm(fd, t->n);
	session_run(&t->s);
	t->failed = nth_disarm(fd, t->n);
	if (fd >= 0)
		close(fd);
	atomic_store(&t->ended, true);
	return NULL;
}

static void read_record(const struct ktap_rec *rec, void *data)
{
	struct trial *t = data;

	if (rec->type != KTAP_REC_PRINT || record_int(rec, 1, -1) < 0)
		return;
	t->marks = record_int(rec, 1, -1);
	t->calls = record_int(rec, 2, -1);
}

static int run(struct trial *t)
{
	int i;

	t->marks = -1;
	if (pthread_create(&t->s.thread, NULL, run_thread, t))
		return -EAGAIN;
	/* the record that says that it has started, or its end */
	for (i = 0; i < 600 && !atomic_load(&t->ended); i++) {
		if (session_readable(&t->s, 50))
			break;
	}
	for (i = 0; i < MARKS; i++) {
		mark(7);
		called();
	}
	ioctl(t->s.fd, KTAP_IOC_STOP);
	session_read(&t->s, read_record, t);
	pthread_join(t->s.thread, NULL);
	return t->s.ret;
}

static int give_targets(struct session *s)
{
	struct ktap_targets arg = {
		.size = sizeof(arg),
		.sets = (unsigned long)&targets,
		.bytes = sizeof(targets),
	};

	/* a kernel without probes of programs knows none */
	return ioctl(s->fd, KTAP_IOC_TARGETS, &arg) && errno != EOPNOTSUPP ? -errno : 0;
}

static void make_targets(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), i;

	for (i = 0; i < 2; i++) {
		targets.s[i].set = (struct ktap_target_set){
			.bytes = sizeof(targets.s[i]),
			.nr = 1,
			.fd = fd,
			.text = offsetof(typeof(targets.s[0]), text),
			.path = offsetof(typeof(targets.s[0]), name),
		};
		targets.s[i].target = (struct ktap_target){
			.offset = place_offset((const void *)called),
			.name = offsetof(typeof(targets.s[0]), name),
		};
		strcpy(targets.s[i].text, i ? "u:self:called!" : "u:self:called");
		strcpy(targets.s[i].name, "called");
	}
}

/*
 * A session in which the @n-th allocation of a step fails. Returns what ended
 * it, 0 if nothing did; @failed gets whether there was an @n-th allocation.
 */
static int session(enum step step, unsigned int n, bool *failed, const char **why)
{
	struct trial t = { .n = step == STEP_RUN ? n : 0 };
	struct ktap_load more = { .buffer_kb = 64, .mem_limit = 4 << 20, .pid = getpid() };
	int fd = nth_open(), ret;

	*failed = false;
	*why = NULL;
	nth_arm(fd, step == STEP_OPEN ? n : 0);
	ret = session_open(&t.s);
	*failed |= nth_disarm(fd, step == STEP_OPEN ? n : 0);
	if (ret) {
		if (ret != -ENOMEM && ret != -ENFILE)
			*why = "it is another error";
		goto out;
	}
	nth_arm(fd, step == STEP_LOAD ? n : 0);
	ret = session_load(&t.s, &image, &more);
	*failed |= nth_disarm(fd, step == STEP_LOAD ? n : 0);
	if (!ret) {
		nth_arm(fd, step == STEP_TARGETS ? n : 0);
		ret = give_targets(&t.s);
		*failed |= nth_disarm(fd, step == STEP_TARGETS ? n : 0);
	}
	if (!ret)
		ret = run(&t);
	*failed |= t.failed;
	if (ret == -EIO && !strstr(t.s.error, "memory"))
		*why = "its error does not say that memory was missing";
	else if (!ret && (t.marks != MARKS || (t.calls >= 0 && t.calls != 2 * MARKS)))
		*why = "it did not count what happened";
	else if (ret && ret != -ENOMEM && ret != -EIO && ret != -EFAULT)
		*why = "it is another error";
	if (*why)
		ksft_print_msg("%d, %lld marks, %s%s\n", ret, t.marks, t.s.log, t.s.error);
out:
	/* closing cannot fail, whatever memory there is */
	nth_arm(fd, step == STEP_CLOSE ? n : 0);
	session_close(&t.s);
	*failed |= nth_disarm(fd, step == STEP_CLOSE ? n : 0);
	close(fd);
	return ret;
}

static bool works(void)
{
	const char *why;
	bool failed;
	int ret = session(STEP_NONE, 0, &failed, &why);

	if (ret || why)
		ksft_print_msg("a session without a failure: %d, %s\n", ret, why ?: "");
	return !ret && !why;
}

/* Whatever time it takes, as "failnth all" asks */
static bool all;

/* Each allocation of a step; after a while, every few of them */
static void test_step(enum step step, long long ms)
{
	unsigned int n, tried = 0, errors = 0, bad = 0, broken = 0;
	long long end = now_ms() + ms;
	const char *why;
	bool failed;
	int ret;

	for (n = 1; ; n += all || now_ms() < end ? 1 : 1 + n / 4) {
		ret = session(step, n, &failed, &why);
		if (!failed)
			break;
		tried++;
		errors += !!ret;
		if (why) {
			ksft_print_msg("%s, allocation %u: %s\n", step_names[step], n, why);
			bad++;
		}
		if (tried % 16 == 0)
			broken += !works();
		/* it is a test of a few seconds, not of everything there is */
		if (!all && now_ms() > end + ms / 2)
			break;
	}
	if (!failed && (ret || why)) {
		ksft_print_msg("%s without a failure: %d\n", step_names[step], ret);
		bad++;
	}
	ksft_print_msg("%s: %u of %u allocations failed, and %u sessions\n", step_names[step],
		       tried, n - 1, errors);
	/* an open file takes memory, closing one may take none */
	ksft_test_result(!bad && !broken && works() && (tried || step == STEP_CLOSE),
			 "each allocation of %s fails in turn\n", step_names[step]);
}

static bool unused(void)
{
	int i;

	for (i = 0; i < 100; i++) {
		if (!system(". ./lib.sh && nothing_left"))
			return true;
		usleep(100000);
	}
	return false;
}

int main(int argc, char **argv)
{
	all = argc > 1 && !strcmp(argv[1], "all");
	ksft_print_header();
	if (missing())
		ksft_exit_skip("%s\n", missing());
	if (!set_up())
		ksft_exit_skip("the kernel has no fault injection (CONFIG_FAILSLAB)\n");
	ksft_set_plan(10);
	alarm(all ? 0 : 230);
	kernel_note("failnth");
	make_targets();
	if (compile(script, &image))
		ksft_exit_fail_msg("cannot compile the script\n");
	ksft_test_result(works(), "a session works\n");
	test_step(STEP_OPEN, 2000);
	test_step(STEP_LOAD, 6000);
	test_step(STEP_RUN, 8000);
	test_step(STEP_CLOSE, 1000);
	if (compile(probes, &image))
		ksft_exit_fail_msg("cannot compile the script of probes\n");
	if (access("/sys/kernel/debug/kprobes/list", F_OK) ||
	    access("/sys/kernel/tracing/available_filter_functions", F_OK))
		ksft_test_result_skip("this kernel has not all kinds of probes\n");
	else
		test_step(STEP_RUN, 8000);
	if (compile(programs, &image))
		ksft_exit_fail_msg("cannot compile the script of programs\n");
	if (system("grep -q -w uprobe_register /proc/kallsyms")) {
		ksft_test_result_skip("this kernel has no probes of programs\n");
		ksft_test_result_skip("this kernel has no probes of programs\n");
	} else {
		test_step(STEP_TARGETS, 1000);
		test_step(STEP_RUN, 8000);
	}
	ksft_test_result(unused(), "nothing is left\n");
	/* it needs memory to take a probe off, and says so once if there is none */
	ksft_test_result(kernel_is_clean("failnth", "__disarm_kprobe_ftrace"),
			 "the kernel did not complain\n");
	ksft_finished();
}
