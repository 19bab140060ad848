// SPDX-License-Identifier: GPL-2.0
/*
 * ucalls: a program whose stack is known.
 *
 *	ucalls calls N [BEFORE [AFTER]]	N system calls lseek(-1, address of uc_inner, N)
 *	ucalls lib FILE N OUT		the same, by way of a function of a shared library
 *					that it loads after a first call
 *	ucalls spin SECONDS		nothing, all the time
 *
 * BEFORE and AFTER are what to wait for: LINES@FILE, so many lines in a file. OUT is the
 * file that ktap writes a line to for each call. So that a process does not end before ktap
 * has looked at it. The stack is uc_inner, uc_middle, uc_outer,
 * [uc_library of the library,] main.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define noclone	__attribute__((noinline, noclone))

/* What comes after a call, so that it is one */
static void done(long n)
{
	asm volatile ("" : : "r" (n));
}

/* Without a function of the C library around it, which may have no frame */
static long raw_lseek(long fd, long offset, long whence)
{
#ifdef __x86_64__
	long ret;

	asm volatile ("syscall" : "=a" (ret) : "0" ((long)__NR_lseek), "D" (fd), "S" (offset),
		      "d" (whence) : "rcx", "r11", "memory");
	return ret;
#elif defined(__aarch64__)
	register long nr __asm__("x8") = __NR_lseek;
	register long ret __asm__("x0") = fd;
	register long b __asm__("x1") = offset;
	register long c __asm__("x2") = whence;

	asm volatile ("svc #0" : "+r" (ret) : "r" (nr), "r" (b), "r" (c) : "memory");
	return ret;
#else
	return syscall(__NR_lseek, fd, offset, whence);
#endif
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

noclone void uc_inner(long n, long seconds)
{
	long long end;
	long i;

	if (!seconds) {
		done(raw_lseek(-1, (long)uc_inner, n));
		return;
	}
	for (end = now_ms() + 1000LL * seconds; now_ms() < end; )
		for (i = 0; i < 10000000; i++)
			done(i);
}

noclone void uc_middle(long n, long seconds)
{
	uc_inner(n, seconds);
	done(n);
}

noclone void uc_outer(long n, long seconds)
{
	uc_middle(n, seconds);
	done(n);
}

static void wait_lines(long lines, const char *name)
{
	long i, n;
	FILE *f;
	int c;

	for (i = 0; i < 6000; i++) {
		n = 0;
		f = fopen(name, "r");
		while (f && (c = getc(f)) != EOF)
			n += c == '\n';
		if (f)
			fclose(f);
		if (n >= lines)
			return;
		usleep(10000);
	}
	fprintf(stderr, "ucalls: there are no %ld lines in %s\n", lines, name);
	exit(1);
}

static void wait_for(const char *what)
{
	const char *file = what ? strchr(what, '@') : NULL;

	if (file)
		wait_lines(atol(what), file + 1);
}

static int calls_of_library(const char *name, long n, const char *file)
{
#ifdef UC_STATIC
	(void)name;
	(void)n;
	(void)file;
	return 2;
#else
	void (*fn)(void (*call)(long n, long seconds), long n, long seconds);
	void *lib;
	long i;

	uc_outer(n, 0);
	/* so that whoever looks at it has seen it without the library */
	wait_lines(1, file);
	lib = dlopen(name, RTLD_NOW);
	fn = lib ? (void (*)(void (*)(long, long), long, long))dlsym(lib, "uc_library") : NULL;
	if (!fn) {
		fprintf(stderr, "ucalls: %s\n", dlerror());
		return 2;
	}
	for (i = 0; i < n; i++)
		fn(uc_outer, n, 0);
	wait_lines(1 + n, file);
	return 0;
#endif
}

int main(int argc, char **argv)
{
	long i, n;

	if (argc > 2 && !strcmp(argv[1], "calls")) {
		n = atol(argv[2]);
		wait_for(argc > 3 ? argv[3] : NULL);
		for (i = 0; i < n; i++)
			uc_outer(n, 0);
		wait_for(argc > 4 ? argv[4] : NULL);
		return 0;
	}
	if (argc > 4 && !strcmp(argv[1], "lib"))
		return calls_of_library(argv[2], atol(argv[3]), argv[4]);
	if (argc > 2 && !strcmp(argv[1], "spin")) {
		uc_outer(0, atol(argv[2]));
		return 0;
	}
	return 2;
}
