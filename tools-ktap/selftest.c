// SPDX-License-Identifier: GPL-2.0
/*
 * selftest: --self-test, does ktap work on this machine?
 *
 * For users, and to go into a report of a bug: it takes a second or two and
 * needs nothing but the program and the kernel. The sessions are this program
 * again, so that they are what a user would have started.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../include/uapi/linux/ktap.h"
#include "selftest.h"
#include "util.h"

#define CALLS		20000
#define MAX_SECONDS	10
#define MAX_ARGS	12

struct test {
	const struct run_options *opt;
	unsigned int n;
	unsigned int failed;
};

/* A ktap that runs, or has run */
struct run {
	pid_t pid;
	FILE *out;
	FILE *err;
	int status;
	char text[512];
	char errors[512];
};

__printf(3, 4)
static bool result(struct test *t, bool ok, const char *fmt, ...)
{
	va_list ap;

	printf("%s %u - ", ok ? "ok" : "not ok", ++t->n);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	t->failed += !ok;
	return ok;
}

static void pause_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

/* The first bytes that it wrote, without the newline at the end */
static void read_back(FILE *f, char *buf, size_t size)
{
	size_t n;

	rewind(f);
	n = fread(buf, 1, size - 1, f);
	buf[n] = 0;
	buf[strcspn(buf, "\n")] = 0;
}

static bool start(const struct test *t, struct run *r, ...)
{
	const char *args[MAX_ARGS + 1] = { "ktap" };
	unsigned int n = 1;
	va_list ap;

	memset(r, 0, sizeof(*r));
	if (t->opt->device) {
		args[n++] = "--device";
		args[n++] = t->opt->device;
	}
	va_start(ap, r);
	while (n < MAX_ARGS && (args[n] = va_arg(ap, const char *)))
		n++;
	va_end(ap);
	r->out = tmpfile();
	r->err = tmpfile();
	if (!r->out || !r->err)
		return false;
	fflush(stdout);
	r->pid = fork();
	if (!r->pid) {
		if (dup2(fileno(r->out), 1) < 0 || dup2(fileno(r->err), 2) < 0)
			_exit(126);
		execv("/proc/self/exe", (char **)args);
		_exit(126);
	}
	return r->pid > 0;
}

/* Waits for its end; kills it if it does not come */
static bool finish(struct run *r)
{
	int i, status;

	for (i = 0; i < MAX_SECONDS * 100; i++) {
		if (waitpid(r->pid, &status, WNOHANG) == r->pid) {
			r->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
			read_back(r->out, r->text, sizeof(r->text));
			read_back(r->err, r->errors, sizeof(r->errors));
			fclose(r->out);
			fclose(r->err);
			return true;
		}
		pause_ms(10);
	}
	kill(r->pid, SIGKILL);
	waitpid(r->pid, NULL, 0);
	fclose(r->out);
	fclose(r->err);
	snprintf(r->errors, sizeof(r->errors), "it did not end within %d seconds", MAX_SECONDS);
	r->status = 128;
	return false;
}

/* Waits until its events are attached */
static bool wait_started(struct run *r)
{
	char buf[256];
	int i;

	for (i = 0; i < MAX_SECONDS * 100; i++) {
		/* where the child writes is where this reads: at an offset of its own */
		ssize_t n = pread(fileno(r->err), buf, sizeof(buf) - 1, 0);

		buf[n > 0 ? n : 0] = 0;
		/* a slow machine has said first that it attaches, and how many */
		if (!strncmp(buf, "Tracing", 7) || strstr(buf, "\nTracing"))
			return true;
		if (n > 0 && strncmp(buf, "Attaching", 9))
			return false;
		pause_ms(10);
	}
	return false;
}

/* A process that makes CALLS system calls of a kind when it is told to */
struct worker {
	pid_t pid;
	int go;
};

static bool worker_start(struct worker *w)
{
	int fds[2], i;
	char c;

	if (pipe2(fds, O_CLOEXEC))
		return false;
	fflush(stdout);
	w->go = fds[1];
	w->pid = fork();
	if (!w->pid) {
		close(fds[1]);
		if (read(fds[0], &c, 1) != 1)
			_exit(1);
		for (i = 0; i < CALLS; i++)
			syscall(SYS_getppid);
		_exit(0);
	}
	close(fds[0]);
	return w->pid > 0;
}

static void worker_go(struct worker *w)
{
	if (write(w->go, "", 1) != 1)
		kill(w->pid, SIGKILL);
}

static void worker_end(struct worker *w)
{
	close(w->go);
	waitpid(w->pid, NULL, 0);
}

/* One session over a worker's calls */
static bool trace_worker(const struct test *t, const char *script, struct run *r)
{
	struct worker w;
	char pid[16];

	if (!worker_start(&w))
		return false;
	snprintf(pid, sizeof(pid), "%d", w.pid);
	if (!start(t, r, "-p", pid, "-e", script, NULL))
		return false;
	if (wait_started(r))
		worker_go(&w);
	finish(r);
	worker_end(&w);
	return true;
}

static void test_count(struct test *t)
{
	struct run r;
	char want[32];

	snprintf(want, sizeof(want), "%d %d", CALLS, CALLS);
	trace_worker(t, "trace syscalls:sys_enter_getppid { n += 1 }\n"
		     "trace syscalls:sys_exit_getppid { t[pid] += 1 }\n"
		     "trace_end { for (k, v in pairs(t)) { printf(\"%d %d\\n\", n, v) } }", &r);
	if (result(t, !strcmp(r.text, want) && !r.status,
		   "%d system calls are counted exactly, on entry and exit", CALLS))
		return;
	printf("#   it printed '%s', status %d, '%s'\n", r.text, r.status, r.errors);
}

static void test_error(struct test *t)
{
	struct run r;

	trace_worker(t, "trace syscalls:sys_enter_getppid { x = 1 / (pid - pid) }", &r);
	/* the first line of stderr is that tracing began */
	if (!result(t, r.status == STATUS_ERROR, "an error in a handler ends the session"))
		printf("#   status %d, '%s'\n", r.status, r.errors);
}

static void test_script(struct test *t, const char *script, const char *out, int status,
			const char *what)
{
	struct run r;

	if (!start(t, &r, "-e", script, NULL)) {
		result(t, false, "%s: %s", what, strerror(errno));
		return;
	}
	finish(&r);
	if (!result(t, r.status == status && !strcmp(r.text, out), "%s", what))
		printf("#   it printed '%s', status %d, '%s'\n", r.text, r.status, r.errors);
}

static void test_bad_image(struct test *t)
{
	char log[256] = "", image[256];
	struct ktap_load l = {
		.size = sizeof(l),
		.image = (uintptr_t)image,
		.image_size = sizeof(image),
		.log = (uintptr_t)log,
		.log_size = sizeof(log),
	};
	int fd = run_open_device(t->opt), ret;

	memset(image, 0xa5, sizeof(image));
	ret = fd < 0 ? 0 : ioctl(fd, KTAP_IOC_LOAD, &l);
	result(t, ret && errno == EINVAL && *log, "an image that is none is refused");
	if (fd >= 0)
		close(fd);
}

/* How many use the module; -1: it is not one */
static int module_users(void)
{
	char line[256];
	int n = -1;
	FILE *f = fopen("/proc/modules", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "ktapvm %*d %d", &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

static void test_kill(struct test *t)
{
	int before = module_users(), after = 0, i;
	bool started = false;
	struct run r;

	if (start(t, &r, "-e", "trace syscalls:* { n += 1 }", NULL)) {
		started = wait_started(&r);
		kill(r.pid, SIGKILL);
		finish(&r);
	}
	if (!started) {
		result(t, false, "a session over all system calls starts");
		return;
	}
	for (i = 0; i < 200; i++) {
		after = module_users();
		if (after <= before)
			break;
		pause_ms(10);
	}
	if (before < 0)
		result(t, true, "a session that is killed ends (ktap is not a module here, what it leaves cannot be seen)");
	else
		result(t, after <= before, "a session that is killed leaves nothing behind");
}

int selftest_run(const struct run_options *opt)
{
	struct test t = { .opt = opt };
	struct utsname u;
	int fd;

	if (!uname(&u))
		printf("# ktap, image version %d, on %s %s %s\n", KTAP_IMAGE_VERSION, u.sysname,
		       u.release, u.machine);
	fflush(stdout);
	fd = run_open_device(opt);
	if (!result(&t, fd >= 0, "%s is there and may be opened",
		    opt->device ? opt->device : "/dev/ktap"))
		goto out;
	close(fd);
	test_script(&t, "print(6 * 7)", "42", 0, "a script runs");
	test_script(&t, "exit(7)", "", 7, "exit() gives the status");
	test_bad_image(&t);
	test_count(&t);
	test_error(&t);
	test_kill(&t);
	test_script(&t, "print(1)", "1", 0, "and after all that a script runs");
out:
	printf("# %u checks, %u failed\n", t.n, t.failed);
	return t.failed ? STATUS_ERROR : STATUS_OK;
}
