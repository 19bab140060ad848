// SPDX-License-Identifier: GPL-2.0
/*
 * Sessions come and go, hundreds of them, and leave nothing: what the kernel
 * has in its slabs, per CPU and in vmalloc does not grow with their number.
 *
 *	churn [PERCENT [NAME]]	so much of the usual numbers; of one kind only
 */
#include <sched.h>
#include <stdatomic.h>

#include "places.h"
#include "session.h"
#include "../kselftest.h"

/*
 * A leaked session shows up many times over.  Kernels with KASAN and kmemleak
 * hold freed memory back and keep notes of all memory in slabs; there it takes
 * more to tell, but a leak of few bytes is what kmemleak itself reports.
 */
#define ALLOWED_KB	512
#define ALLOWED_SLOW_KB	4096

static struct image image;
static atomic_bool quit;

/* One session, from open to close, with something for it to do */
static int one_cycle(int i)
{
	const struct ktap_load more = { .buffer_kb = 64 };
	struct session s;
	int ret = -1;

	if (session_open(&s))
		return -1;
	if (session_load(&s, &image, &more)) {
		ksft_print_msg("LOAD: %s\n", s.log);
		goto out;
	}
	if (session_start(&s)) {
		ksft_print_msg("RUN: %d %s\n", s.ret, s.error);
		goto out;
	}
	mark(i);
	/* every other one is closed as it runs */
	if (i % 2) {
		close(s.fd);
		s.fd = -1;
		pthread_join(s.thread, NULL);
		ret = 0;
	} else {
		ret = session_stop(&s);
		if (session_read(&s, NULL, NULL) < 0)
			ret = -1;
	}
	if (ret)
		ksft_print_msg("cycle %d: %d %s\n", i, ret, s.error);
out:
	session_close(&s);
	return ret;
}

static long kb_of(const char *name)
{
	char line[128], format[64];
	long kb = 0;
	FILE *f = fopen("/proc/meminfo", "r");

	snprintf(format, sizeof(format), "%s: %%ld kB", name);
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, format, &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

static const char * const kinds[] = { "SUnreclaim", "Percpu", "VmallocUsed" };

/* What is freed later has mostly been freed then */
static void settle(void)
{
	int i;

	for (i = 0; i < 10; i++)
		usleep(100000);
}

/* kfree_rcu() takes its time, and the more the fuller its batches are. A leak stays. */
#define PATIENCE_S	20

static bool has_grown(const long before[3], long after[3])
{
	long allowed = slow_kernel() ? ALLOWED_SLOW_KB : ALLOWED_KB;
	bool grown = true;
	int i, s;

	for (s = 0; grown && s < PATIENCE_S; s++) {
		settle();
		grown = false;
		for (i = 0; i < 3; i++) {
			after[i] = kb_of(kinds[i]);
			if (after[i] - before[i] > allowed)
				grown = true;
		}
	}
	return grown;
}

static void *load_thread(void *arg)
{
	while (!quit) {
		syscall(SYS_getppid);
		usleep(2000);
	}
	return NULL;
}

static void churn(const char *what, int cycles)
{
	long before[3], after[3];
	pthread_t load;
	int i, failed = 0;
	bool grown;
	long long t;

	/* the first ones make what stays: caches, and memory that others reuse */
	for (i = 0; i < 4 && !failed; i++)
		failed = one_cycle(i);
	settle();
	for (i = 0; i < 3; i++)
		before[i] = kb_of(kinds[i]);

	quit = false;
	pthread_create(&load, NULL, load_thread, NULL);
	t = now_ms();
	for (i = 0; i < cycles && !failed; i++)
		failed = one_cycle(i);
	t = now_ms() - t;
	quit = true;
	pthread_join(load, NULL);

	grown = has_grown(before, after);
	for (i = 0; i < 3; i++)
		ksft_print_msg("%s: %s %ld kB before, %ld after\n", what, kinds[i], before[i],
			       after[i]);
	ksft_test_result(!failed, "%s: %d sessions in %lld ms\n", what, cycles, t);
	ksft_test_result(!failed && !grown, "%s: no memory is left behind\n", what);
	free(image.data);
}

/* A %1$lx in a script is where place_sum() is in this program's file */
static const struct {
	const char *name;
	const char *needs;
	int cycles;
	int slow_cycles;
	const char *script;
} scripts[] = {
	{ "system calls", "", 200, 30,
	  "trace syscalls:sys_enter_lseek, syscalls:sys_exit_lseek {\n"
	  "	n += 1 t[arg1, execname] = n print(argstr)\n"
	  "}\n"
	  "trace_end { print(n) }" },
	{ "tracepoints", "", 100, 20,
	  "var t = {}\n"
	  "trace sched:sched_switch { t[args.prev_comm] += 1 print(argstr) }\n"
	  "trace sched:sched_wakeup { s[args.comm] += 1 }" },
	{ "patterns", "", 10, 4,
	  "trace sched:* { n += 1 }\n"
	  "trace syscalls:* { m += 1 }" },
	{ "timers", "", 40, 10, "profile-997hz { s[stack()] += 1 } tick-1ms { n += 1 }" },
	{ "probes", "register_kprobe", 40, 10,
	  "trace probe:vfs_read, probe:vfs_read! { s[func, execname] += 1 }" },
	{ "patterns of probes", "ftrace_set_filter_ips", 20, 4,
	  "trace probe:vfs_*, probe:vfs_*! { s[func] += 1 }" },
	{ "probes with definitions", "trace_kprobe_create", 10, 2,
	  "trace probe:vfs_read n=$arg3, probe:vfs_read! r=$retval { s[probename] += 1 }" },
	{ "raw tracepoints", "__start__bpf_raw_tp", 40, 10,
	  "trace rawtp:sched_*, rawtp:sys_exit { s[probename] += 1 }" },
	{ "the function tracer", "register_ftrace_function", 10, 2,
	  "trace ftrace:function:vfs_* { s[func] += 1 }" },
	{ "programs", "uprobe_register", 40, 10,
	  "trace u:/proc/self/exe:0x%1$lx, u:/proc/self/exe:0x%1$lx! {\n"
	  "	s[ustack()] += 1 n += entry.arg1 last = e.elapsed }" },
	{ "perf events", "perf_swevent_init", 40, 10,
	  "trace cpu-clock:freq=997, cs, faults { s[stack()] += 1 }" },
	/* of x86: on Arm there are breakpoints, but none for ktap */
	{ "breakpoints", "encode_dr7", 40, 10, "trace mem:jiffies:w { n += 1 }" },
};

/* Without the symbol that @needs, or "" for none, its kernel has no such source */
static bool has_source(const char *needs)
{
	char command[128];

	snprintf(command, sizeof(command), "grep -q -w '%s' /proc/kallsyms", needs);
	return !*needs || !system(command);
}

int main(int argc, char **argv)
{
	long percent = argc > 1 ? atol(argv[1]) : 100;
	unsigned int i;
	char script[512];
	bool slow;

	if (argc > 3 || percent < 1) {
		fprintf(stderr, "usage: churn [PERCENT [NAME]]\n");
		return 2;
	}
	ksft_print_header();
	if (missing())
		ksft_exit_skip("%s\n", missing());
	ksft_set_plan(2 * ARRAY_SIZE(scripts) + 1);
	if (percent <= 100)
		alarm(500);
	kernel_note("churn");
	slow = slow_kernel();

	for (i = 0; i < ARRAY_SIZE(scripts); i++) {
		const char *why = argc > 2 && strcmp(argv[2], scripts[i].name) ? "not asked for" :
				  !has_source(scripts[i].needs) ? "none here" : NULL;

		if (why) {
			ksft_test_result_skip("%s: %s\n", scripts[i].name, why);
			ksft_test_result_skip("%s: %s\n", scripts[i].name, why);
			continue;
		}
		snprintf(script, sizeof(script), scripts[i].script, place_offset(place_sum));
		if (compile(script, &image))
			ksft_exit_fail_msg("no image\n");
		churn(scripts[i].name,
		      (slow ? scripts[i].slow_cycles : scripts[i].cycles) * percent / 100);
	}

	ksft_test_result(kernel_is_clean("churn", NULL), "the kernel did not complain\n");
	ksft_finished();
}
