/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sessions of ktap through its own interface, linux/ktap.h, for the tests in C.
 * Only images are made by the tool.
 */
#ifndef _SELFTESTS_KTAP_SESSION_H
#define _SELFTESTS_KTAP_SESSION_H

#include <errno.h>
#include <fcntl.h>
#include <linux/ktap.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEVICE		"/dev/ktap"

struct image {
	unsigned char *data;
	size_t size;
};

struct session {
	int fd;
	char log[1024];
	char error[1024];
	__u64 loss[KTAP_LOSS_NR];
	struct ktap_run run;
	pthread_t thread;
	int ret;		/* of RUN: 0 or -errno */
};

static inline long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Why no test can run here, or NULL */
static inline const char *missing(void)
{
	if (geteuid())
		return "not root";
	if (access(DEVICE, F_OK) && (system("modprobe ktapvm 2>/dev/null") || access(DEVICE, F_OK)))
		return "no " DEVICE;
	if (system("ktap -V >/dev/null 2>&1"))
		return "no ktap in PATH";
	return NULL;
}

/* Kernels with many checks are slow; tests do less then */
static inline bool slow_kernel(void)
{
	return !system("grep -q -w kasan_report /proc/kallsyms");
}

static inline bool kernel_is_clean(const char *test, const char *known)
{
	char command[512];

	snprintf(command, sizeof(command), ". ./lib.sh && clean %s %s", test, known ?: "");
	return !system(command);
}

static inline void kernel_note(const char *test)
{
	char command[512];

	/* the shell's tests do it the same way */
	snprintf(command, sizeof(command), "echo 'ktap selftest: %s' >/dev/kmsg", test);
	if (system(command))
		fprintf(stderr, "cannot write to /dev/kmsg\n");
}

static inline int read_file(const char *path, struct image *image)
{
	struct stat st;
	FILE *f = fopen(path, "r");

	if (!f)
		return -1;
	if (fstat(fileno(f), &st)) {
		fclose(f);
		return -1;
	}
	image->size = st.st_size;
	image->data = malloc(image->size + 1);
	if (!image->data || fread(image->data, 1, image->size, f) != image->size) {
		fclose(f);
		return -1;
	}
	fclose(f);
	return 0;
}

/* The image of a script; 0 or -1 */
static inline int compile(const char *script, struct image *image)
{
	char source[200], target[208], command[512];
	int fd, ret;

	ret = snprintf(source, sizeof(source), "%s/ktap-test.XXXXXX",
		       getenv("TMPDIR") ?: P_tmpdir);
	if (ret >= (int)sizeof(source))
		return -1;
	fd = mkstemp(source);
	if (fd < 0)
		return -1;
	ret = dprintf(fd, "%s\n", script);
	close(fd);
	snprintf(target, sizeof(target), "%s.kpc", source);
	snprintf(command, sizeof(command), "ktap --%s %s %s", "compile", target, source);
	if (ret > 0 && !system(command))
		ret = read_file(target, image);
	else
		ret = -1;
	unlink(source);
	unlink(target);
	return ret;
}

static inline int session_open(struct session *s)
{
	memset(s, 0, sizeof(*s));
	s->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	return s->fd < 0 ? -errno : 0;
}

static inline struct ktap_load session_load_args(struct session *s, const struct image *image)
{
	return (struct ktap_load){
		.size = sizeof(struct ktap_load),
		.image = (unsigned long)image->data,
		.image_size = image->size,
		.log = (unsigned long)s->log,
		.log_size = sizeof(s->log),
	};
}

/* LOAD with what @more says beyond the image: pid, buffer_kb, limits */
static inline int session_load(struct session *s, const struct image *image,
			       const struct ktap_load *more)
{
	struct ktap_load load = session_load_args(s, image);

	if (more) {
		load.pid = more->pid;
		load.buffer_kb = more->buffer_kb;
		load.mem_limit = more->mem_limit;
		load.main_budget = more->main_budget;
		load.handler_budget = more->handler_budget;
	}
	return ioctl(s->fd, KTAP_IOC_LOAD, &load) ? -errno : 0;
}

/* RUN, in this thread */
static inline int session_run(struct session *s)
{
	s->run = (struct ktap_run){
		.size = sizeof(s->run),
		.error = (unsigned long)s->error,
		.error_size = sizeof(s->error),
		.loss = (unsigned long)s->loss,
		.loss_nr = KTAP_LOSS_NR,
	};
	s->ret = ioctl(s->fd, KTAP_IOC_RUN, &s->run) ? -errno : 0;
	return s->ret;
}

static inline void *session_thread(void *arg)
{
	session_run(arg);
	return NULL;
}

static inline int session_readable(struct session *s, int ms)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1 && (p.revents & POLLIN);
}

/* RUN in a thread of its own, and wait for KTAP_REC_STARTED */
static inline int session_start(struct session *s)
{
	struct ktap_rec rec;
	char buf[4096];
	ssize_t n, pos;

	if (pthread_create(&s->thread, NULL, session_thread, s))
		return -1;
	while (session_readable(s, 60000)) {
		n = read(s->fd, buf, sizeof(buf));
		if (n < (ssize_t)sizeof(rec))
			return -1;
		for (pos = 0; pos < n; pos += rec.len) {
			memcpy(&rec, buf + pos, sizeof(rec));
			if (rec.type == KTAP_REC_STARTED)
				return 0;
			/* what comes before it if there are many events */
			if (rec.type != KTAP_REC_ATTACHING)
				return -1;
		}
	}
	return -1;
}

static inline int session_stop(struct session *s)
{
	if (ioctl(s->fd, KTAP_IOC_STOP))
		return -errno;
	pthread_join(s->thread, NULL);
	return s->ret;
}

/*
 * Read to the end and call fn for each record; the number of records, or a
 * negative error. The sum of their lengths has to be what read() returned.
 */
static inline long session_read(struct session *s,
				void (*fn)(const struct ktap_rec *rec, void *data), void *data)
{
	static __thread __u64 buf[4 * KTAP_REC_MAX / 8];
	const struct ktap_rec *rec;
	ssize_t n, pos;
	long count = 0;

	while ((n = read(s->fd, buf, sizeof(buf))) > 0) {
		for (pos = 0; pos < n; pos += rec->len) {
			rec = (void *)((char *)buf + pos);
			if (n - pos < (ssize_t)sizeof(*rec) || rec->len < sizeof(*rec) ||
			    rec->len % 8 || rec->len > n - pos)
				return -EPROTO;
			count++;
			if (fn)
				fn(rec, data);
		}
	}
	return n < 0 ? -errno : count;
}

/* The value at position @n of a record, or NULL */
static inline const struct ktap_rec_val *record_value(const struct ktap_rec *rec, int n)
{
	const char *p = (const char *)(rec + 1), *end = (const char *)rec + rec->len;
	const struct ktap_rec_val *v;

	for (; p + sizeof(*v) <= end; p += (sizeof(*v) + v->len + 7) & ~7UL) {
		v = (const void *)p;
		if (!n--)
			return v;
	}
	return NULL;
}

/* The integer at position @n of a record, or @none */
static inline long long record_int(const struct ktap_rec *rec, int n, long long none)
{
	const struct ktap_rec_val *v = record_value(rec, n);
	__s64 i;

	if (!v || v->type != KTAP_VAL_INT || v->len != sizeof(i))
		return none;
	memcpy(&i, v->data, sizeof(i));
	return i;
}

static inline void session_close(struct session *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* A system call that changes nothing and carries a number; see act.c */
static inline void mark(long n)
{
	syscall(SYS_lseek, -1L, n, (long)SEEK_SET);
}

#endif /* _SELFTESTS_KTAP_SESSION_H */
