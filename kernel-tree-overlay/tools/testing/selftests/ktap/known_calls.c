// SPDX-License-Identifier: GPL-2.0
/*
 * known_calls DIR: makes system calls, and writes down afterwards which they
 * were, as a trace has to show them:
 *
 *	DIR/pid		the process
 *	DIR/text	entry and exit as in the kernel's own trace
 *	DIR/fields	the same by fields, as syscalls.sh prints them
 *
 * The first and the last call are lseek(-1, FIRST) and lseek(-1, LAST).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* syscalls.sh leaves such machines out: what is known are calls of 64 bits */
#ifndef SYS_mmap
#define SYS_mmap	SYS_mmap2
#endif

#define FIRST	0x6b7461700001L
#define LAST	0x6b7461700002L
#define MAX	4096

struct call {
	const struct form *form;
	long args[6];
	long ret;
};

/* The entry event's fields as the kernel names them; the types where they matter */
struct form {
	long nr;
	const char *name;
	int nargs;
	const char *args[6];
	char types[7];		/* i: int, u: unsigned int, l: long */
};

enum {
	GETPPID, OPENAT, READ, WRITE, CLOSE, DUP, LSEEK, MMAP, MUNMAP, FTRUNCATE,
	UNLINKAT, MKDIRAT, FCHMODAT, KILL, GETPGID
};

static const struct form forms[] = {
	[GETPPID] = { SYS_getppid, "getppid", 0, {}, "" },
	[OPENAT] = { SYS_openat, "openat", 4, { "dfd", "filename", "flags", "mode" }, "ilil" },
	[READ] = { SYS_read, "read", 3, { "fd", "buf", "count" }, "ull" },
	[WRITE] = { SYS_write, "write", 3, { "fd", "buf", "count" }, "ull" },
	[CLOSE] = { SYS_close, "close", 1, { "fd" }, "u" },
	[DUP] = { SYS_dup, "dup", 1, { "fildes" }, "u" },
	[LSEEK] = { SYS_lseek, "lseek", 3, { "fd", "offset", "whence" }, "ulu" },
	[MMAP] = { SYS_mmap, "mmap", 6, { "addr", "len", "prot", "flags", "fd", "off" },
		   "llllll" },
	[MUNMAP] = { SYS_munmap, "munmap", 2, { "addr", "len" }, "ll" },
	[FTRUNCATE] = { SYS_ftruncate, "ftruncate", 2, { "fd", "length" }, "ul" },
	[UNLINKAT] = { SYS_unlinkat, "unlinkat", 3, { "dfd", "pathname", "flag" }, "ili" },
	[MKDIRAT] = { SYS_mkdirat, "mkdirat", 3, { "dfd", "pathname", "mode" }, "ill" },
	[FCHMODAT] = { SYS_fchmodat, "fchmodat", 3, { "dfd", "filename", "mode" }, "ill" },
	[KILL] = { SYS_kill, "kill", 2, { "pid", "sig" }, "ii" },
	[GETPGID] = { SYS_getpgid, "getpgid", 1, { "pid" }, "i" },
};

static struct call calls[MAX];
static int ncalls;

static long call(int which, ...)
{
	const struct form *f = &forms[which];
	struct call *c = &calls[ncalls++];
	va_list ap;
	long ret;
	int i;

	if (ncalls > MAX)
		abort();
	c->form = f;
	va_start(ap, which);
	for (i = 0; i < f->nargs; i++)
		c->args[i] = va_arg(ap, long);
	va_end(ap);
	ret = syscall(f->nr, c->args[0], c->args[1], c->args[2], c->args[3],
		      c->args[4], c->args[5]);
	c->ret = ret == -1 ? -errno : ret;
	return ret;
}

static void make_calls(long pid)
{
	static const char path[] = "/tmp/known calls, a path of its own";
	static const char missing[] = "/no/such/directory/at all";
	static char buf[4096];
	long fd, copy, p;

	call(GETPPID);
	fd = call(OPENAT, -100L, (long)path, (long)(O_RDWR | O_CREAT | O_TRUNC), 0600L);
	call(WRITE, fd, (long)buf, 1234L);
	call(LSEEK, fd, -234L, (long)SEEK_END);
	call(READ, fd, (long)buf, (long)sizeof(buf));
	call(READ, fd, (long)buf, (long)sizeof(buf));
	copy = call(DUP, fd);
	call(CLOSE, fd);
	call(CLOSE, fd);
	call(FTRUNCATE, copy, 65536L);
	p = call(MMAP, 0L, 65536L, (long)(PROT_READ | PROT_WRITE), (long)MAP_SHARED, copy, 4096L);
	call(MUNMAP, p, 65536L);
	call(MUNMAP, 1L, 1L);
	call(CLOSE, copy);
	call(UNLINKAT, -100L, (long)path, 0L);
	call(OPENAT, -100L, (long)missing, (long)O_RDONLY, 0L);
	call(OPENAT, -1L, (long)"relative", (long)O_RDONLY, 0L);
	call(OPENAT, -100L, 8L, (long)O_RDONLY, 0L);
	call(READ, -1L, (long)buf, -1L);
	call(WRITE, 0x7fffffffL, (long)buf, 0L);
	call(MKDIRAT, -100L, (long)missing, 0755L);
	call(FCHMODAT, -100L, (long)missing, 0644L);
	call(KILL, pid, 0L);
	call(KILL, -2147483647L, 0L);
	call(GETPGID, -5L);
	call(LSEEK, -1L, -1L, -1L);
	call(GETPPID);
}

static FILE *create(const char *dir, const char *name)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	if (!f) {
		perror(path);
		exit(1);
	}
	return f;
}

static void write_text(FILE *f, const struct call *c)
{
	const struct form *form = c->form;
	int i;

	fprintf(f, "sys_%s(", form->name);
	for (i = 0; i < form->nargs; i++)
		fprintf(f, "%s%s: %lx", i ? ", " : "", form->args[i], c->args[i]);
	fprintf(f, ")\nsys_%s -> 0x%lx\n", form->name, c->ret);
}

static long as_type(char type, long v)
{
	return type == 'i' ? (int)v : type == 'u' ? (unsigned int)v : v;
}

static void write_fields(FILE *f, const struct call *c)
{
	const struct form *form = c->form;
	int i;

	fprintf(f, "%s %ld", form->name, form->nr);
	for (i = 0; i < form->nargs; i++)
		fprintf(f, " %ld", as_type(form->types[i], c->args[i]));
	fprintf(f, "\n%s = %ld\n", form->name, c->ret);
}

int main(int argc, char **argv)
{
	FILE *pid, *text, *fields;
	long self = getpid();
	int i;

	if (argc != 2) {
		fprintf(stderr, "usage: known_calls DIR\n");
		return 2;
	}
	call(LSEEK, -1L, FIRST, 0L);
	for (i = 0; i < 40; i++)
		make_calls(self);
	call(LSEEK, -1L, LAST, 0L);

	pid = create(argv[1], "pid");
	text = create(argv[1], "text");
	fields = create(argv[1], "fields");
	fprintf(pid, "%ld\n", self);
	for (i = 0; i < ncalls; i++) {
		write_text(text, &calls[i]);
		write_fields(fields, &calls[i]);
	}
	if (fclose(pid) || fclose(text) || fclose(fields)) {
		perror("known_calls");
		return 1;
	}
	return 0;
}
