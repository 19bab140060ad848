// SPDX-License-Identifier: GPL-2.0
/*
 * places: a program to be traced, which does what it is told a known number of
 * times.
 *
 *	places offsets			NAME 0xOFFSET for each place of the program; and
 *					where instructions in place_steps() are
 *	places calls THREADS N		each thread calls place_sum() N times
 *	places forks CHILDREN N		each child does, and exits
 *	places execs TIMES N		it does, and executes itself TIMES times
 *	places string TEXT
 *	places recurse N		N calls at once
 *	places jump N			N calls that are left without a return
 *	places wait THREADS N		each thread makes N calls of place_deep() at once, and
 *					when all are under way they return
 *	places leave THREADS N		one thread after the other makes N such calls, and ends
 *					in them; then N calls that return
 *	places steps N			place_steps() N times
 *	places sdt N
 *	places lib N			place_lib() of the shared library, N times
 *	places semaphore		prints it
 *	places on-line N		for each line of its input: N calls of place_sum()
 *					and place_lib(), and it prints place_semaphore;
 *					until one that begins with a q
 *	places loop			calls until it is killed
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "places.h"

#ifdef PLACES_LIB
const void *place_lib_address(void);
long place_lib(long n);
#else
#define place_lib_address()	((const void *)place_lib)

PLACE long place_lib(long n)
{
	__asm__ volatile("" ::: "memory");
	return 3 * n;
}
#endif

static jmp_buf back;

PLACE void place_jump(void)
{
	__asm__ volatile("" ::: "memory");
	longjmp(back, 1);
}

static void *calls(void *arg)
{
	long i, n = *(long *)arg;

	for (i = 0; i < n; i++)
		place_sum(i, 2, 3, 4, 5, -6);
	return NULL;
}

static int in_threads(long threads, long n)
{
	pthread_t t[64];
	long i;

	for (i = 0; i < threads && i < 64; i++)
		if (pthread_create(&t[i], NULL, calls, &n))
			return 1;
	while (i--)
		pthread_join(t[i], NULL);
	return 0;
}

static pthread_barrier_t all_there;

static void wait_for_all(void)
{
	pthread_barrier_wait(&all_there);
}

/* Not pthread_exit(), which looks for the callers */
static void leave(void)
{
	syscall(SYS_exit, 0);
}

static void come_back(void)
{
}

static void (*at_the_end)(void) = come_back;

/* @n + 1 calls at once */
PLACE long place_deep(long n)
{
	long below = 0;

	if (n)
		below = place_deep(n - 1);
	else
		at_the_end();
	__asm__ volatile("" : "+r" (below) :: "memory");
	return below + 1;
}

static void *deep(void *arg)
{
	return (void *)place_deep(*(long *)arg - 1);
}

static int wait_deep(long threads, long n)
{
	pthread_t t[64];
	void *sum;
	long i;

	if (threads > 64 || pthread_barrier_init(&all_there, NULL, threads))
		return 1;
	at_the_end = wait_for_all;
	for (i = 0; i < threads; i++)
		if (pthread_create(&t[i], NULL, deep, &n))
			return 1;
	while (i--)
		if (pthread_join(t[i], &sum) || (long)sum != n)
			return 1;
	return 0;
}

static int leave_deep(long threads, long n)
{
	pthread_t t;

	at_the_end = leave;
	while (threads--)
		if (pthread_create(&t, NULL, deep, &n) || pthread_join(t, NULL))
			return 1;
	at_the_end = come_back;
	return place_deep(n - 1) != n;
}

static int in_children(long children, long n)
{
	int status, bad = 0;
	long i;

	for (i = 0; i < children; i++) {
		pid_t pid = fork();

		if (!pid) {
			calls(&n);
			_exit(0);
		}
		bad |= pid < 0;
	}
	while (wait(&status) > 0)
		bad |= status;
	return !!bad;
}

static int in_executions(char **argv, long times, long n)
{
	char text[32];

	calls(&n);
	if (!times)
		return 0;
	snprintf(text, sizeof(text), "%ld", times - 1);
	execl("/proc/self/exe", argv[0], argv[1], text, argv[3], NULL);
	return 1;
}

static int jump(long n)
{
	volatile long i;

	for (i = 0; i < n; i++)
		if (!setjmp(back))
			place_jump();
	return 0;
}

static int on_line(long n)
{
	char line[64];
	long i;

	while (fgets(line, sizeof(line), stdin) && *line != 'q') {
		for (i = 0; i < n; i++)
			if (place_lib(place_sum(i, 0, 0, 0, 0, 0)) % 3)
				return 1;
		printf("%u\n", place_semaphore);
		fflush(stdout);
	}
	return 0;
}

#if PLACE_HAS_SDT
static int sdt(long n)
{
	int numbers[8] = { -7, -44, 10, 11, 0x7fffffff };
	long i;

	for (i = 0; i < n; i++) {
		place_sdt(i - 3, numbers);
		place_sdt_counted(i);
		place_sdt_twice(i);
	}
	return 0;
}

static int steps(long n)
{
	while (n--)
		if (((long (*)(void))place_steps)() != 0x1122334455667788)
			return 1;
	return 0;
}
#endif

static int offsets(void)
{
#if PLACE_HAS_SDT
	static const int in_steps[] = { PLACE_STEPS };
	unsigned int i;

#endif
#define OFFSET_OF(name, address)	printf("%s 0x%lx\n", name, place_offset(address))
#define OFFSET(place)			OFFSET_OF(#place, (const void *)place)
	OFFSET(place_sum);
	OFFSET(place_string);
	OFFSET(place_recurse);
	OFFSET_OF("place_lib", place_lib_address());
	OFFSET(place_jump);
	OFFSET(place_deep);
	OFFSET_OF("place_semaphore", (const void *)&place_semaphore);
#if PLACE_HAS_SDT
	OFFSET(place_sdt_all);
	OFFSET(place_sdt_second);
	OFFSET(place_steps);
	OFFSET(place_locked);
	OFFSET(place_many);
	printf("place_steps_in");
	for (i = 0; i < sizeof(in_steps) / sizeof(*in_steps); i++)
		printf(" %d", in_steps[i]);
	printf("\n");
#endif
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	long a = argc > 2 ? atol(argv[2]) : 0;
	long b = argc > 3 ? atol(argv[3]) : 0;
	long i;

	if (!strcmp(what, "offsets"))
		return offsets();
	if (!strcmp(what, "calls"))
		return in_threads(a, b);
	if (!strcmp(what, "forks"))
		return in_children(a, b);
	if (!strcmp(what, "execs"))
		return in_executions(argv, a, b);
	if (!strcmp(what, "string") && argc > 2)
		return place_string(argv[2]) != (long)strlen(argv[2]);
	if (!strcmp(what, "recurse"))
		return place_recurse(a - 1) != a;
	if (!strcmp(what, "jump"))
		return jump(a);
	if (!strcmp(what, "wait"))
		return wait_deep(a, b);
	if (!strcmp(what, "leave"))
		return leave_deep(a, b);
#if PLACE_HAS_SDT
	if (!strcmp(what, "steps"))
		return steps(a);
	if (!strcmp(what, "sdt"))
		return sdt(a);
#endif
	if (!strcmp(what, "lib")) {
		for (i = 0; i < a; i++)
			if (place_lib(i) != 3 * i)
				return 1;
		return 0;
	}
	if (!strcmp(what, "semaphore"))
		return printf("%u\n", place_semaphore) < 0;
	if (!strcmp(what, "on-line"))
		return on_line(a);
	if (!strcmp(what, "loop")) {
		for (i = 1; ; i++) {
			place_sum(i, i, i, i, i, i);
			/* others want to run as well */
			if (i % 50 == 0)
				usleep(1000);
		}
	}
	fprintf(stderr, "places: what is \"%s\"?\n", what);
	return 2;
}
