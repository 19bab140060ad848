// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the names of addresses in programs (tools/ktap/usym.c), with this process and
 * children of it as programs.  TAP.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "usym.h"

static unsigned int ntests, nfailed;
static char own[4096];

static void report(bool ok, const char *name, const char *is)
{
	printf("%sok %u %s\n", ok ? "" : "not ", ++ntests, name);
	if (!ok) {
		nfailed++;
		printf("# it is '%s'\n", is);
	}
}

/* What struct ktap_rec_user calls the program: fields 26 to 28 of stat */
static __u64 program(pid_t pid)
{
	char path[64], line[1024], *p;
	__u64 sum = 0;
	FILE *s;
	int i;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	s = fopen(path, "r");
	if (!s || !fgets(line, sizeof(line), s))
		exit(2);
	fclose(s);
	p = strrchr(line, ')');
	for (i = 2; p && i < 28; i++) {
		p = strchr(p + 1, ' ');
		if (p && i >= 25)
			sum += strtoull(p, NULL, 10);
	}
	return sum;
}

__attribute__((format(printf, 6, 7)))
static void expect(struct usym *s, const char *name, pid_t pid, __u64 prog, __u64 ip,
		   const char *fmt, ...)
{
	char want[8192];
	struct buf b = {};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(want, sizeof(want), fmt, ap);
	va_end(ap);
	usym_text(s, &b, pid, prog, ip & ~(1ULL << 63), ip >> 63);
	buf_addc(&b, 0);
	report(!strcmp(b.data, want), name, b.data);
	buf_free(&b);
}

/* The address is what a call returns to */
#define AFTER(ip)	((ip) | 1ULL << 63)

__attribute__((noinline)) void ut_function(void)
{
	asm volatile ("nop\n\tnop\n\tnop\n\tnop\n");
}

static void test_own(struct usym *s)
{
	__u64 prog = program(getpid()), fn = (uintptr_t)ut_function, vdso;
	struct buf b = {};
	char *code;

	expect(s, "a function", getpid(), prog, fn, "ut_function+0x0 (%s)", own);
	expect(s, "inside of it", getpid(), prog, fn + 1, "ut_function+0x1 (%s)", own);
	expect(s, "after a call in it", getpid(), prog, AFTER(fn + 1), "ut_function+0x1 (%s)", own);
	usym_text(s, &b, getpid(), prog, (uintptr_t)getppid, false);
	buf_addc(&b, 0);
	report(!strncmp(b.data, "getppid+0x0 (/", 14) && strstr(b.data, "libc"),
	       "a function of a library", b.data);
	buf_free(&b);
	expect(s, "no address of code", getpid(), prog, (uintptr_t)&prog, "[0x%llx]",
	       (unsigned long long)(uintptr_t)&prog);
	expect(s, "nothing at all", getpid(), prog, 1, "[0x1]");
	expect(s, "after nothing", getpid(), prog, AFTER(0), "[0x0]");
	vdso = getauxval(AT_SYSINFO_EHDR);
	if (vdso)
		expect(s, "the vdso", getpid(), prog, vdso + 0x10, "0x10 ([vdso])");
	report(!usym_gone(s), "this process is not gone", "");

	code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	expect(s, "code that is new", getpid(), prog, (uintptr_t)code + 8, "[0x%llx]",
	       (unsigned long long)(uintptr_t)code + 8);
	usym_see(s, getpid(), prog);
	expect(s, "and when it is looked for again", getpid(), prog, (uintptr_t)code + 8,
	       "0x%llx ([anon])", (unsigned long long)(uintptr_t)code + 8);
	munmap(code, 4096);
	expect(s, "another program of the process", getpid(), prog + 1, fn, "[0x%llx]",
	       (unsigned long long)fn);
	expect(s, "no program of it", getpid(), 0, fn, "[0x%llx]", (unsigned long long)fn);
	expect(s, "no process", 0, prog, fn, "[0x%llx]", (unsigned long long)fn);
	report(usym_gone(s) == 3, "these are counted", "");
}

/* A child of the same program */
static pid_t child(void)
{
	pid_t pid = fork();

	if (!pid) {
		pause();
		_exit(0);
	}
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_gone(struct usym *s)
{
	__u64 prog = program(getpid()), fn = (uintptr_t)ut_function;
	pid_t pid = child();

	usym_see(s, pid, prog);
	end_child(pid);
	usym_see(s, pid, prog);
	expect(s, "a process that was seen and has gone", pid, prog, fn, "ut_function+0x0 (%s)",
	       own);
	pid = child();
	end_child(pid);
	expect(s, "one that has gone unseen", pid, prog, fn, "[0x%llx]", (unsigned long long)fn);
}

/* Files that are mapped as code, and are no programs */
static void test_file(struct usym *s, const char *name, const char *content, size_t len)
{
	__u64 prog = program(getpid());
	char path[64], shown[128], *at, *c;
	int fd;

	snprintf(path, sizeof(path), "/tmp/usymtest.\n.XXXXXX");
	fd = mkstemp(path);
	if (fd < 0 || write(fd, content, len) != (ssize_t)len)
		exit(2);
	at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	close(fd);
	if (at == MAP_FAILED) {
		printf("ok %u %s # SKIP cannot be mapped as code\n", ++ntests, name);
		unlink(path);
		return;
	}
	/* the kernel writes a newline so, and says that there is none of this name */
	c = strchr(path, '\n');
	snprintf(shown, sizeof(shown), "%.*s\\012%s", (int)(c - path), path, c + 1);
	usym_see(s, getpid(), prog);
	expect(s, name, getpid(), prog, (uintptr_t)at + 4, "0x4 (%s)", shown);
	unlink(path);
	usym_see(s, getpid(), prog);
	expect(s, "the same when it is deleted", getpid(), prog, (uintptr_t)at + 4,
	       "0x4 (%s (deleted))", shown);
	munmap(at, 4096);
}

static void test_many(struct usym *s)
{
	__u64 prog = program(getpid());
	unsigned int i;

	for (i = 0; i < 10000; i++)
		usym_see(s, 1 << 30 | i, i + 1);
	expect(s, "after many processes", getpid(), prog, (uintptr_t)ut_function,
	       "ut_function+0x0 (%s)", own);
}

/* One that has new code all the time is not read each time, but when it has to be */
static void test_often(struct usym *s)
{
	__u64 prog = program(getpid());
	unsigned int i;
	char *code;

	for (i = 0; i < 100; i++)
		usym_see(s, getpid(), prog);
	code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	usym_see(s, getpid(), prog);
	expect(s, "new code, seen often", getpid(), prog, (uintptr_t)code, "0x%llx ([anon])",
	       (unsigned long long)(uintptr_t)code);
	munmap(code, 4096);
}

int main(void)
{
	static const char elf[64] = "\177ELF\2\1\1";
	struct usym *s = usym_new();
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);

	if (n < 0)
		return 2;
	test_own(s);
	test_gone(s);
	test_file(s, "a file that is no program", "text\n", 5);
	test_file(s, "an empty file", "", 0);
	test_file(s, "a program that is cut short", elf, sizeof(elf));
	test_often(s);
	test_many(s);
	usym_free(s);
	printf("1..%u\n# usym: %u passed, %u failed\n", ntests, ntests - nfailed, nfailed);
	return nfailed != 0;
}
