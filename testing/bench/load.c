// SPDX-License-Identifier: GPL-2.0
/*
 * The traced load of testing/bench/run.  In a guest whose clock counts
 * instructions (testing/guest --icount) a nanosecond is an instruction.
 *
 *	load calls N		N getppid system calls, five times; prints the
 *				median CPU time of one in nanoseconds, with two
 *				decimals
 *	load start CMD ...	runs CMD, prints the nanoseconds from the fork to
 *				`load stamp', from that to its end, its peak RSS
 *				and its CPU time
 *	load stamp		writes down the time; the command that CMD starts
 *				when its events are armed
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define STAMP	"/tmp/load.stamp"
#define ROUNDS	5

static long long now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/*
 * Functions of their own, for probes of programs: the kernel emulates the first
 * instruction of getppid_once(), as it can with what most functions begin with, and
 * makes the program execute that of getppid_step() elsewhere.
 */
#ifdef __x86_64__
void getppid_once(void);

__asm__(".pushsection .text\n"
	".type getppid_once, @function\n"
	"getppid_once:\n"
	"	push %rbp\n"
	"	mov %rsp, %rbp\n"
	"	call getppid_step\n"
	"	pop %rbp\n"
	"	ret\n"
	".size getppid_once, . - getppid_once\n"
	".type getppid_step, @function\n"
	"getppid_step:\n"
	"	mov $110, %eax\n"
	"	syscall\n"
	"	ret\n"
	".size getppid_step, . - getppid_step\n"
	".popsection\n");
#else
static __attribute__((noinline, noclone, used)) void getppid_once(void)
{
	syscall(SYS_getppid);
}
#endif

static void calls(long n)
{
	while (n--)
		getppid_once();
}

static int compare(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;

	return (x > y) - (x < y);
}

static int load_calls(long n)
{
	long long t[ROUNDS];
	int i;

	if (n < 10)
		return 2;
	calls(n / 10);
	for (i = 0; i < ROUNDS; i++) {
		t[i] = now(CLOCK_THREAD_CPUTIME_ID);
		calls(n);
		t[i] = now(CLOCK_THREAD_CPUTIME_ID) - t[i];
	}
	qsort(t, ROUNDS, sizeof(*t), compare);
	printf("%lld.%02lld\n", t[ROUNDS / 2] / n, t[ROUNDS / 2] * 100 / n % 100);
	return 0;
}

static int load_stamp(void)
{
	long long t = now(CLOCK_MONOTONIC);
	FILE *f = fopen(STAMP, "w");

	if (!f)
		return 1;
	fprintf(f, "%lld\n", t);
	return fclose(f) ? 1 : 0;
}

static int load_start(char **argv)
{
	long long t0, t1, armed = 0;
	struct rusage ru;
	int status;
	pid_t pid;
	FILE *f;

	unlink(STAMP);
	t0 = now(CLOCK_MONOTONIC);
	pid = fork();
	if (pid < 0)
		return 1;
	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (wait4(pid, &status, 0, &ru) < 0)
		return 1;
	t1 = now(CLOCK_MONOTONIC);
	f = fopen(STAMP, "r");
	if (!f || fscanf(f, "%lld", &armed) != 1) {
		fprintf(stderr, "load: %s started nothing\n", argv[0]);
		return 1;
	}
	fclose(f);
	printf("armed after %lld ns, ended %lld ns later, peak RSS %ld KiB, CPU %lld ns, status %d\n",
	       armed - t0, t1 - armed, ru.ru_maxrss,
	       (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000000LL +
	       (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * 1000LL,
	       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "calls"))
		return load_calls(atol(argv[2]));
	if (argc == 2 && !strcmp(argv[1], "stamp"))
		return load_stamp();
	if (argc > 2 && !strcmp(argv[1], "start"))
		return load_start(argv + 2);
	fprintf(stderr, "usage: load calls N | start CMD ... | stamp\n");
	return 2;
}
