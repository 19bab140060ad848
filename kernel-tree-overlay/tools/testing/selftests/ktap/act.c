// SPDX-License-Identifier: GPL-2.0
/*
 * act: does something for a test to see in a trace.
 *
 * A mark is lseek(-1, NUMBER, SEEK_SET): a system call that changes nothing,
 * with a number that says who made it.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "act: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void mark(long n)
{
	syscall(SYS_lseek, -1L, n, (long)SEEK_SET);
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static int run_command(char **argv)
{
	execvp(argv[0], argv);
	die(argv[0]);
	return 1;
}

/* sigdfl COMMAND...: run it with SIGINT and SIGQUIT as a terminal gives them */
static int act_sigdfl(char **argv)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	return run_command(argv);
}

/* without CAP COMMAND...: run it without a capability, by number */
static int act_without(long cap, char **argv)
{
	if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
		die("PR_CAPBSET_DROP");
	return run_command(argv);
}

/* nobody COMMAND...: run it without any privilege */
static int act_nobody(char **argv)
{
	if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
		die("setuid");
	return run_command(argv);
}

/* perfmon COMMAND...: run it with CAP_PERFMON and no other capability */
static int act_perfmon(char **argv)
{
	int cap;

	for (cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		if (cap != CAP_PERFMON && prctl(PR_CAPBSET_DROP, cap))
			die("prctl");
	return run_command(argv);
}

struct worker {
	void (*fn)(const struct worker *w);
	int cpu;
	long n;
	pthread_barrier_t *barrier;
};

static void *worker_main(void *arg)
{
	const struct worker *w = arg;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(w->cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
	pthread_barrier_wait(w->barrier);
	w->fn(w);
	return NULL;
}

/* One thread on each of the first two CPUs, at once */
static int on_two_cpus(void (*fn)(const struct worker *w), long n)
{
	pthread_barrier_t barrier;
	struct worker w[2];
	pthread_t t[2];
	int i;

	pthread_barrier_init(&barrier, NULL, 2);
	for (i = 0; i < 2; i++) {
		w[i] = (struct worker){
			.fn = fn,
			.cpu = i % (int)sysconf(_SC_NPROCESSORS_ONLN),
			.n = n,
			.barrier = &barrier,
		};
		if (pthread_create(&t[i], NULL, worker_main, &w[i]))
			die("pthread_create");
	}
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	return 0;
}

/* getppid N: N getppid() in each of two threads */
static void worker_getppid(const struct worker *w)
{
	long n = w->n;

	while (n--)
		syscall(SYS_getppid);
}

/* keys N: marks 0 .. N - 1 in each of two threads, in opposite order */
static void worker_keys(const struct worker *w)
{
	long i;

	for (i = 0; i < w->n; i++)
		mark(w->cpu ? w->n - 1 - i : i);
}

/* marks FIRST N: one after the other */
static int act_marks(long first, long n)
{
	while (n--)
		mark(first++);
	return 0;
}

/* marks-until FILE FIRST: a mark every 10 ms until FILE exists */
static int act_marks_until(const char *file, long first)
{
	struct stat st;

	while (stat(file, &st)) {
		mark(first);
		usleep(10000);
	}
	return 0;
}

static void *thread_mark(void *arg)
{
	mark((long)arg);
	return NULL;
}

static void thread(long n)
{
	pthread_t t;

	if (pthread_create(&t, NULL, thread_mark, (void *)n))
		die("pthread_create");
	pthread_join(t, NULL);
}

/*
 * tree FIRST: six marks: of the process, a thread of it, a child, a thread of
 * the child, a grandchild, and a process that a grandchild executes
 */
static int act_tree(const char *self, long first)
{
	char number[32];
	pid_t pid;

	mark(first);
	thread(first + 1);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		mark(first + 2);
		thread(first + 3);
		pid = fork();
		if (!pid) {
			mark(first + 4);
			snprintf(number, sizeof(number), "%ld", first + 5);
			execl(self, "act", "marks", number, "1", NULL);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return 0;
}

/* tree-after FILE FIRST: the same, when FILE exists */
static int act_tree_after(const char *self, const char *file, long first)
{
	struct stat st;

	while (stat(file, &st))
		usleep(10000);
	return act_tree(self, first);
}

/*
 * A child of a storm makes a mark in a thread of its own, and then ends in one of
 * three ways: it executes a program that makes another mark, it is killed, or it
 * just returns.
 */
static void storm_child(const char *self, long i)
{
	thread(i);
	if (i % 3 == 0) {
		execl(self, "act", "marks", "1", "1", NULL);
		_exit(1);
	}
	if (i % 3 == 1)
		kill(getpid(), SIGKILL);
	_exit(0);
}

/*
 * storm PROCS FORKS: so many processes at once, each of which forks so many
 * children.  With FORKS a multiple of 3, there are PROCS * FORKS * 4 / 3 marks.
 */
static int act_storm(const char *self, long procs, long forks)
{
	int status, ret = 0;
	pid_t pid;
	long i;

	for (i = 0; i < procs; i++) {
		pid = fork();
		if (pid < 0)
			die("fork");
		if (pid)
			continue;
		for (i = 0; i < forks; i++) {
			pid = fork();
			if (!pid)
				storm_child(self, i);
			if (pid < 0 || waitpid(pid, &status, 0) != pid)
				die("fork");
		}
		_exit(0);
	}
	while (wait(&status) > 0)
		ret |= status;
	return !!ret;
}

/* A bit of everything, for SECONDS */
static void worker_busy(const struct worker *w)
{
	long long end = now_ms() + 1000LL * w->n;
	char buf[512];
	struct stat st;
	int p[2], fd;
	pid_t pid;
	void *m;

	while (now_ms() < end) {
		if (pipe(p))
			die("pipe");
		if (write(p[1], buf, sizeof(buf)) != sizeof(buf) ||
		    read(p[0], buf, sizeof(buf)) != sizeof(buf))
			die("pipe");
		close(p[0]);
		close(p[1]);
		fd = open("/proc/self/stat", O_RDONLY);
		if (fd >= 0) {
			if (read(fd, buf, sizeof(buf)) < 0)
				die("read");
			close(fd);
		}
		stat("/no/such/file", &st);
		m = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (m != MAP_FAILED) {
			memset(m, 1, 65536);
			munmap(m, 65536);
		}
		pid = fork();
		if (!pid)
			_exit(0);
		if (pid > 0)
			waitpid(pid, NULL, 0);
		usleep(100);
	}
}

/*
 * events NAME: what the text of many events is compared on.  The first and the
 * last thing it does is to call itself something, which is an event as well.
 */
static int act_events(const char *self, const char *name)
{
	char end[32], *argv[] = { "act-exec", "nothing", NULL };
	pid_t pid;
	int i, fd;
	void *m;

	prctl(PR_SET_NAME, name);
	for (i = 0; i < 5; i++) {
		fd = open("/proc/self/stat", O_RDONLY);
		if (fd >= 0) {
			if (read(fd, end, sizeof(end)) < 0)
				die("read");
			close(fd);
		}
		if (chdir("/a path with spaces and \"quotes\"") == 0)
			return 1;
		m = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (m != MAP_FAILED) {
			memset(m, i, 1 << 16);
			munmap(m, 1 << 16);
		}
		pid = fork();
		if (!pid) {
			execv(self, argv);
			_exit(1);
		}
		kill(pid, 0);
		waitpid(pid, NULL, 0);
		kill(getpid(), SIGCHLD);
		usleep(1000);
	}
	snprintf(end, sizeof(end), "%s-end", name);
	prctl(PR_SET_NAME, end);
	return 0;
}

/* Where tests know memory of this program to be */
#define PLACE		((char *)0x60000000)

static char *map_place(size_t size)
{
	char *m = mmap(PLACE, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (m != PLACE)
		die("mmap");
	/* a page is a fault */
	madvise(m, size, MADV_NOHUGEPAGE);
	return m;
}

/* touch N: write to N new pages */
static int act_touch(long n)
{
	long size = sysconf(_SC_PAGESIZE), i;
	char *m = map_place(n * size);

	for (i = 0; i < n; i++)
		__atomic_store_n(&m[i * size], 1, __ATOMIC_RELAXED);
	return 0;
}

/* store N: write and then read 8 bytes at PLACE, N times */
static int act_store(long n)
{
	unsigned long long *m = (void *)map_place(4096);
	unsigned long long sum = 0;
	long i;

	for (i = 0; i < n; i++) {
		__atomic_store_n(m, i, __ATOMIC_RELAXED);
		sum += __atomic_load_n(m, __ATOMIC_RELAXED);
	}
	return sum != (unsigned long long)n * (n - 1) / 2;
}

static long voluntary_switches(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_SELF, &usage) ? -1 : usage.ru_nvcsw;
}

/*
 * switches N: sleep, until that has been N context switches. There is none if the
 * timer has fired before the CPU is given up.
 */
static int act_switches(long n)
{
	long end = voluntary_switches() + n;

	while (voluntary_switches() < end)
		usleep(1000);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "nothing"))
		return 0;
	if (!strcmp(what, "sigdfl") && argc > 2)
		return act_sigdfl(argv + 2);
	if (!strcmp(what, "without") && argc > 3)
		return act_without(atol(argv[2]), argv + 3);
	if (!strcmp(what, "nobody") && argc > 2)
		return act_nobody(argv + 2);
	if (!strcmp(what, "perfmon") && argc > 2)
		return act_perfmon(argv + 2);
	if (!strcmp(what, "getppid") && argc == 3)
		return on_two_cpus(worker_getppid, atol(argv[2]));
	if (!strcmp(what, "keys") && argc == 3)
		return on_two_cpus(worker_keys, atol(argv[2]));
	if (!strcmp(what, "busy") && argc == 3)
		return on_two_cpus(worker_busy, atol(argv[2]));
	if (!strcmp(what, "touch") && argc == 3)
		return act_touch(atol(argv[2]));
	if (!strcmp(what, "store") && argc == 3)
		return act_store(atol(argv[2]));
	if (!strcmp(what, "switches") && argc == 3)
		return act_switches(atol(argv[2]));
	if (!strcmp(what, "marks") && argc == 4)
		return act_marks(atol(argv[2]), atol(argv[3]));
	if (!strcmp(what, "marks-until") && argc == 4)
		return act_marks_until(argv[2], atol(argv[3]));
	if (!strcmp(what, "tree") && argc == 3)
		return act_tree(argv[0], atol(argv[2]));
	if (!strcmp(what, "tree-after") && argc == 4)
		return act_tree_after(argv[0], argv[2], atol(argv[3]));
	if (!strcmp(what, "storm") && argc == 4)
		return act_storm(argv[0], atol(argv[2]), atol(argv[3]));
	if (!strcmp(what, "events") && argc == 3)
		return act_events(argv[0], argv[2]);
	fprintf(stderr, "act: wrong arguments\n");
	return 2;
}
