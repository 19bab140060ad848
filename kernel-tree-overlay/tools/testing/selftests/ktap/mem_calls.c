// SPDX-License-Identifier: GPL-2.0
/*
 * mem_calls DIR: opens files by names that stand in memory in all sorts of
 * places, so that a tracer of openat() has to read them. None of the files
 * exists. The mode of the calls, a number from 1 on, tells them apart.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "mem_calls: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* The mode is looked at only when a file is made: it carries the number. */
static void opening(const void *name, long number)
{
	syscall(SYS_openat, -100L, name, (long)O_RDONLY, number);
}

/* Three pages, the last of which is not there */
static char *two_pages(long size)
{
	char *p = mmap(NULL, 3 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	if (p == MAP_FAILED || munmap(p + 2 * size, size))
		die("mmap");
	return p;
}

/* A page of a file that is in the page cache, but not in the process */
static char *absent_page(const char *dir, const char *text, long size)
{
	char path[512], *p;
	int fd;

	snprintf(path, sizeof(path), "%s/names", dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || ftruncate(fd, 4 * size) ||
	    pwrite(fd, text, strlen(text) + 1, 2 * size) < 0)
		die(path);
	p = mmap(NULL, 4 * size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		die("mmap");
	madvise(p, 4 * size, MADV_RANDOM);
	close(fd);
	return p + 2 * size;
}

/* A string at a place that has no more room than for it */
static void put(char *to, const char *text)
{
	memcpy(to, text, strlen(text) + 1);
}

int main(int argc, char **argv)
{
	static const unsigned char ints[] = {
		0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0
	};
	long size = sysconf(_SC_PAGESIZE);
	const void *pointers[2];
	char *p, *absent, *late;

	if (argc != 2) {
		fprintf(stderr, "usage: mem_calls DIR\n");
		return 2;
	}
	p = two_pages(size);
	opening("/none/plain", 1);
	put(p + size - 7, "/none/crosses");
	opening(p + size - 7, 2);
	put(p + 2 * size - sizeof("/none/ends"), "/none/ends");
	opening(p + 2 * size - sizeof("/none/ends"), 3);
	/* without a NUL in front of a page that is not there */
	memset(p + size, 'x', size);
	opening(p + 2 * size - 8, 4);
	opening((void *)8, 5);
	opening((void *)-4096L, 6);
	memcpy(p, ints, sizeof(ints));
	opening(p, 7);
	pointers[0] = p + 64;
	pointers[1] = NULL;
	put(p + 64, "/none/by-pointer");
	memcpy(p + 256, pointers, sizeof(pointers));
	opening(p + 256, 8);

	/* a page that the call itself has to bring in */
	absent = absent_page(argv[1], "/none/late", size);
	opening(absent, 9);
	opening(absent, 10);
	late = absent_page(argv[1], "/none/late/again", size);
	opening(late, 11);
	return 0;
}
