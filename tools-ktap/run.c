// SPDX-License-Identifier: GPL-2.0
/*
 * run: a session with the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../include/uapi/linux/ktap.h"
#include "cgroup.h"
#include "diag.h"
#include "image.h"
#include "json.h"
#include "loss.h"
#include "pmu.h"
#include "render.h"
#include "run.h"
#include "usym.h"
#include "targets.h"
#include "util.h"

#define LOG_SIZE	16384

/* To detach so many may take more than this */
#define MANY_EVENTS	1000
#define MOMENT_MS	300

/* What the signal handlers need and touch; only by means of get() and set() */
static int sig_fd = -1;
static int sig_count;
static int sig_child;		/* its pid, until it has ended */
static int sig_stopped;		/* the session was told to end */

static int get(const int *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void set(int *p, int v)
{
	__atomic_store_n(p, v, __ATOMIC_RELAXED);
}

struct session {
	const struct run_options *opt;
	int fd;
	pid_t child;
	int go;				/* written to: the child may begin */
	int fail;			/* read from: why it could not */
	pthread_t thread;
	int done;			/* pipe: the thread closes its end when RUN returns */
	int done_w;
	struct ktap_run run;
	char error[LOG_SIZE];
	__u64 loss[KTAP_LOSS_NR + 32];
	int run_errno;
	bool broken;			/* the output cannot be written */
	__u64 attaching;		/* events, which takes a while */
	__u64 attached;
	struct usym *usym;
	unsigned long nameless;		/* addresses of processes that were gone too early */
};

__printf(1, 2)
static void complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("ktap: error: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

static bool is_json(const struct session *s)
{
	return s->opt->render & KTAP_RENDER_JSON;
}

static void stop(int fd)
{
	set(&sig_stopped, 1);
	if (fd >= 0)
		ioctl(fd, KTAP_IOC_STOP);
}

static void on_signal(int sig)
{
	int saved = errno;

	if (sig == SIGINT) {
		if (get(&sig_count))
			_exit(128 + SIGINT);
		set(&sig_count, 1);
	}
	stop(get(&sig_fd));
	errno = saved;
}

static void on_child(int sig)
{
	int saved = errno;

	(void)sig;
	if (get(&sig_child) > 0 && waitpid(get(&sig_child), NULL, WNOHANG) > 0) {
		set(&sig_child, 0);
		stop(get(&sig_fd));
	}
	errno = saved;
}

static const int stop_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };

static void set_signals(int fd)
{
	struct sigaction sa = { .sa_handler = on_signal };
	unsigned int i;

	set(&sig_fd, fd);
	/* poll() has to come back, a write of the output may go on */
	sa.sa_flags = SA_RESTART;
	sigemptyset(&sa.sa_mask);
	for (i = 0; i < ARRAY_SIZE(stop_signals); i++)
		sigaction(stop_signals[i], &sa, NULL);
	sa.sa_handler = on_child;
	sa.sa_flags = SA_RESTART | SA_NOCLDSTOP;
	sigaction(SIGCHLD, &sa, NULL);
}

/*
 * The command after --: a child that waits until all events are attached
 */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int start_command(struct session *s)
{
	int go[2], fail[2], err;
	char c;

	if (pipe2(go, O_CLOEXEC))
		return -1;
	if (pipe2(fail, O_CLOEXEC)) {
		close(go[0]);
		close(go[1]);
		return -1;
	}
	fflush(NULL);
	s->child = fork();
	if (s->child < 0) {
		close(go[0]);
		close(go[1]);
		close(fail[0]);
		close(fail[1]);
		s->child = 0;
		return -1;
	}
	if (!s->child) {
		close(go[1]);
		close(fail[0]);
		close(s->fd);
		/* nothing comes if the session ends before it begins */
		if (read(go[0], &c, 1) != 1)
			_exit(0);
		execvp(s->opt->command[0], s->opt->command);
		err = errno;
		if (write(fail[1], &err, sizeof(err)) != sizeof(err))
			_exit(126);
		_exit(127);
	}
	close(go[0]);
	close(fail[1]);
	s->go = go[1];
	s->fail = fail[0];
	return 0;
}

static void release_command(struct session *s)
{
	if (s->go >= 0 && write(s->go, "", 1) < 0)
		stop(s->fd);
	close_fd(&s->go);
}

/* After the session: 0, or why the command could not be run */
static int end_command(struct session *s)
{
	sigset_t chld, old;
	int err = 0;

	if (!s->child)
		return 0;
	close_fd(&s->go);
	if (read(s->fail, &err, sizeof(err)) != sizeof(err))
		err = 0;
	close_fd(&s->fail);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, &old);
	if (get(&sig_child)) {
		/* the session has ended before the command: by exit(), say */
		kill(s->child, SIGTERM);
		waitpid(s->child, NULL, 0);
		set(&sig_child, 0);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return err;
}

/*
 * The session
 */

static void attaching(void *data, __u64 nr)
{
	struct session *s = data;

	s->attaching += nr;
}

static void started(void *data, __u64 nr)
{
	struct session *s = data;

	s->attaching = 0;
	s->attached = nr;

	if (is_json(s))
		json_started(s->opt->out, nr);
	if (nr && !s->opt->quiet)
		fputs("Tracing... Hit Ctrl-C to end.\n", stderr);
	if (s->opt->verbose)
		fprintf(stderr, "[verbose] %llu events attached\n", (unsigned long long)nr);
	if (nr)
		release_command(s);
}

static void note(void *data, const char *text)
{
	struct session *s = data;

	if (!s->opt->verbose)
		return;
	fprintf(stderr, "[verbose] %s\n", text);
	if (is_json(s))
		json_note(s->opt->out, text);
}

static void see(void *data, const struct ktap_rec_user *u)
{
	struct session *s = data;

	usym_see(s->usym, u->pid, u->program);
}

static void user(void *data, struct buf *b, const struct ktap_rec_user *u, __u64 ip, bool after)
{
	struct session *s = data;

	usym_text(s->usym, b, u->pid, u->program, ip, after);
}

/* Has the kernel been told to let nobody look into it? */
static bool is_locked_down(void)
{
	FILE *f = fopen("/sys/kernel/security/lockdown", "re");
	char line[128] = "";
	bool locked;

	if (!f)
		return false;
	locked = fgets(line, sizeof(line), f) && strstr(line, "[confidentiality]");
	fclose(f);
	return locked;
}

int run_open_device(const struct run_options *opt)
{
	const char *name = opt->device ? opt->device : "/dev/ktap";
	int fd = open(name, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENXIO || errno == ENODEV)
		complain("there is no %s: is CONFIG_KTAP on, is the module ktapvm loaded?", name);
	else if (errno == EPERM && is_locked_down())
		complain("the kernel is locked down (confidentiality), and lets nobody trace: see /sys/kernel/security/lockdown");
	else if (errno == EACCES || errno == EPERM)
		complain("no privilege to open %s: run ktap as root, or with CAP_PERFMON", name);
	else
		complain("cannot open %s: %s", name, strerror(errno));
	return -1;
}

/*
 * How far local time is ahead of UTC, now and after the next change within a
 * year, for strftime().
 */
static long utc_offset(time_t t)
{
	struct tm tm;

	return localtime_r(&t, &tm) ? tm.tm_gmtoff : 0;
}

static void set_time_zone(struct ktap_load *l)
{
	time_t now = time(NULL), lo, hi, mid;
	int day;

	l->utc_offset = utc_offset(now);
	l->utc_offset_next = l->utc_offset;
	for (day = 1; day <= 366; day++)
		if (utc_offset(now + day * 86400L) != l->utc_offset)
			break;
	if (day > 366)
		return;
	/* the change is in (lo, hi] */
	lo = now + (day - 1) * 86400L;
	hi = lo + 86400L;
	while (hi - lo > 1) {
		mid = lo + (hi - lo) / 2;
		if (utc_offset(mid) == l->utc_offset)
			lo = mid;
		else
			hi = mid;
	}
	l->utc_change = hi;
	l->utc_offset_next = utc_offset(hi);
}

void run_replace(const struct run_options *opt)
{
	struct stat st;

	/* pipes and devices have nothing to replace */
	if (opt->replace && !fstat(fileno(opt->out), &st) && S_ISREG(st.st_mode) &&
	    ftruncate(fileno(opt->out), 0))
		complain("cannot empty the output file: %s", strerror(errno));
}

static int load(struct session *s, const struct ktap_image *img)
{
	const struct run_options *opt = s->opt;
	char *log = xmalloc(LOG_SIZE);
	struct ktap_load l = {
		.size = sizeof(l),
		.flags = KTAP_LOAD_NOT_SELF | (opt->cpu >= 0 ? KTAP_LOAD_ONE_CPU : 0) |
			 (opt->write ? KTAP_LOAD_WRITE : 0),
		.image = (uintptr_t)img->data,
		.image_size = img->size,
		.log = (uintptr_t)log,
		.log_size = LOG_SIZE,
		.pid = s->child ? (unsigned int)s->child : opt->pid,
		.args = (uintptr_t)opt->args,
		.args_size = opt->args_size,
		.buffer_kb = opt->buffer_kb,
		.mem_limit = opt->mem_limit,
		.main_budget = opt->main_budget,
		.handler_budget = opt->handler_budget,
		.options = (uintptr_t)opt->options,
		.options_size = opt->options_size,
		.cpu = opt->cpu >= 0 ? opt->cpu : 0,
	};
	struct image_reader r;
	struct buf pmus = {};
	const char *bad;
	int err;

	if (opt->cgroup) {
		l.flags |= KTAP_LOAD_CGROUP;
		l.cgroup = cgroup_open(opt->cgroup);
		if (l.cgroup < 0) {
			complain("there is no control group '%s': %s", opt->cgroup,
				 strerror(errno));
			free(log);
			return -1;
		}
	}

	if (!image_open(&r, img->data, img->size, &bad))
		pmu_find(&r, PMU_DEVICES, &pmus);
	l.pmus = (uintptr_t)pmus.data;
	l.pmus_size = pmus.len;
	set_time_zone(&l);
	*log = 0;
	err = ioctl(s->fd, KTAP_IOC_LOAD, &l) ? errno : 0;
	if (opt->cgroup)
		close(l.cgroup);
	buf_free(&pmus);
	log[LOG_SIZE - 1] = 0;
	log[strcspn(log, "\n")] = 0;
	if (err) {
		if (*log)
			complain("%s", log);
		else if (err == EPERM || err == EACCES)
			complain("no privilege to trace: run ktap as root, or with CAP_PERFMON");
		else if (err == ESRCH)
			complain("cannot find pid %u", l.pid);
		else if (err == ENOTTY)
			complain("this device is not ktap's");
		else
			complain("the kernel refuses the script: %s", strerror(err));
	} else if (opt->verbose && *log) {
		fprintf(stderr, "[verbose] %s\n", log);
	}
	free(log);
	return err ? -1 : 0;
}

/* Strings with a NUL each: arguments, or NAME=VALUE */
static void add_strings(struct targets *t, const char *s, size_t size, bool values)
{
	size_t at, n;

	for (at = 0; at < size; at += n + 1) {
		const char *value = values ? strchr(s + at, '=') : NULL;

		n = strlen(s + at);
		if (value)
			targets_add(t, value + 1, strlen(value + 1));
		else
			targets_add(t, s + at, n);
	}
}

/*
 * Tells the kernel where the events of programs are: all that the script has, or
 * gets, as a string. 0, or -1 after a message.
 */
static int send_targets(struct session *s, const struct ktap_image *img)
{
	struct ktap_targets arg = { .size = sizeof(arg) };
	struct targets t = {};
	struct image_reader r;
	struct image_text text;
	const char *bad;
	unsigned int i;
	int err = 0;
	__s64 v;

	if (!image_open(&r, img->data, img->size, &bad))
		for (i = 0; i < r.n[KTAP_SEC_CONSTS]; i++)
			if (image_const(&r, i, &v, &text) == KTAP_CONST_STR)
				targets_add(&t, text.s, text.len);
	add_strings(&t, s->opt->args, s->opt->args_size, false);
	add_strings(&t, s->opt->options, s->opt->options_size, true);
	if (t.nr) {
		arg.sets = (uintptr_t)t.sets.data;
		arg.bytes = t.sets.len;
		err = ioctl(s->fd, KTAP_IOC_TARGETS, &arg) ? errno : 0;
	}
	targets_free(&t);
	/* a kernel that has none says so where one is traced */
	if (!err || err == EOPNOTSUPP || err == ENOTTY)
		return 0;
	if (err == E2BIG)
		complain("too many places in programs to trace: at most %d in one event, %d MiB of names in all",
			 KTAP_MAX_TARGETS, KTAP_MAX_TARGET_BYTES >> 20);
	else
		complain("the kernel refuses the script's events of programs: %s", strerror(err));
	return -1;
}

static void *run_thread(void *data)
{
	struct session *s = data;

	do {
		s->run_errno = ioctl(s->fd, KTAP_IOC_RUN, &s->run) ? errno : 0;
	} while (s->run_errno == EAGAIN);
	close(s->done_w);
	return NULL;
}

static int start_thread(struct session *s)
{
	sigset_t all, old;
	int fds[2], err;

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	s->done = fds[0];
	s->done_w = fds[1];
	s->run = (struct ktap_run){
		.size = sizeof(s->run),
		.error = (uintptr_t)s->error,
		.error_size = sizeof(s->error),
		.loss = (uintptr_t)s->loss,
		.loss_nr = ARRAY_SIZE(s->loss),
	};
	/* signals are for the main thread */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&s->thread, NULL, run_thread, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!err)
		return 0;
	close(fds[0]);
	close(fds[1]);
	errno = err;
	return -1;
}

static void write_out(struct session *s)
{
	if (s->broken)
		return;
	if (fflush(s->opt->out) && errno != EINTR) {
		/* nobody reads any more: end, and throw the rest away */
		s->broken = true;
		if (errno != EPIPE)
			complain("cannot write the output: %s", strerror(errno));
		stop(s->fd);
	}
}

/* What takes more than a moment: says so once, or how long to wait until then */
static int progress(struct session *s, bool now)
{
	bool ends = get(&sig_stopped) && s->attached >= MANY_EVENTS;
	__u64 nr = s->attaching ? s->attaching : ends ? s->attached : 0;

	if (!nr || s->opt->quiet)
		return -1;
	if (!now)
		return MOMENT_MS;
	fprintf(stderr, "%s %llu events...\n", s->attaching ? "Attaching" : "Detaching",
		(unsigned long long)nr);
	s->attaching = 0;
	if (ends)
		s->attached = 0;
	return -1;
}

/* Reads all output until the session has ended; 0, or -1 if it cannot */
static int read_output(struct session *s, struct ktap_render *render)
{
	char *buf = xmalloc(KTAP_REC_MAX);
	struct pollfd p[2] = {
		{ .fd = s->fd, .events = POLLIN },
		{ .fd = s->done },
	};
	int err = 0;
	ssize_t n;

	for (;;) {
		n = poll(p, 2, progress(s, false));
		if (!n)
			progress(s, true);
		if (n <= 0 && (!n || errno == EINTR))
			continue;
		if (n < 0) {
			err = -1;
			break;
		}
		/* RUN may fail before the device ever has something to read */
		if (!(p[0].revents & (POLLIN | POLLHUP | POLLERR)) && p[1].revents == 0)
			continue;
		n = read(s->fd, buf, KTAP_REC_MAX);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			err = p[1].revents ? 0 : -1;
		if (n <= 0)
			break;
		if (ktap_render(render, buf, n))
			complain("damaged output from the kernel");
		write_out(s);
	}
	if (err)
		complain("cannot read the output: %s", strerror(errno));
	free(buf);
	return err;
}

static void report_losses(const struct session *s)
{
	unsigned int i, nr = s->run.loss_nr;

	if (nr > ARRAY_SIZE(s->loss))
		nr = ARRAY_SIZE(s->loss);
	for (i = 0; i < nr; i++) {
		unsigned long long n = s->loss[i];
		const char *what, *fate;

		if (!n)
			continue;
		what = loss_what(i, n);
		fate = loss_fate(i);
		if (is_json(s))
			json_loss(s->opt->out, loss_reason(i), what, fate, n);
		if (s->opt->quiet > 1)
			continue;
		fprintf(stderr, "ktap: %llu %s %s", n, what, fate);
		if (i >= KTAP_LOSS_NR)
			fprintf(stderr, " (%u)", i);
		fputc('\n', stderr);
	}
}

static void report_nameless(const struct session *s)
{
	char text[128];

	if (!s->nameless)
		return;
	snprintf(text, sizeof(text), "%lu address%s of programs shown as %s: the process was gone",
		 s->nameless, s->nameless == 1 ? "" : "es",
		 s->nameless == 1 ? "a number" : "numbers");
	if (is_json(s))
		json_note(s->opt->out, text);
	if (s->opt->quiet < 2)
		fprintf(stderr, "ktap: %s\n", text);
}

/* What RUN returned; the exit status */
static int report_end(struct session *s)
{
	size_t n;

	s->error[sizeof(s->error) - 1] = 0;
	n = strlen(s->error);
	if (s->run_errno == EIO || n) {
		/* it may quote a string of the script */
		diag_print_lines(stderr, n ? s->error : "ktap: error: the script failed");
		if (!n || s->error[n - 1] != '\n')
			fputc('\n', stderr);
		if (is_json(s))
			json_error(s->opt->out, n ? s->error : "the script failed");
	} else if (s->run_errno && s->run_errno != EINTR) {
		complain("the session failed: %s", strerror(s->run_errno));
	}
	report_losses(s);
	report_nameless(s);
	if (s->run_errno && s->run_errno != EINTR)
		return STATUS_ERROR;
	if (n)
		return STATUS_ERROR;
	return s->run.exit_code & 255;
}

static int run_session(struct session *s, const struct ktap_image *img)
{
	const struct ktap_render_ops ops = {
		.flags = s->opt->render,
		.attaching = attaching,
		.started = started,
		.note = note,
		.see = see,
		.user = user,
		.data = s,
	};
	struct ktap_render *render;
	int status, err;

	if (s->opt->command && start_command(s)) {
		complain("cannot start a process: %s", strerror(errno));
		return STATUS_ERROR;
	}
	set(&sig_child, s->child);
	set_signals(s->fd);
	if (load(s, img) || send_targets(s, img))
		return STATUS_ERROR;
	run_replace(s->opt);
	render = ktap_render_new(img->data, img->size, s->opt->out, &ops);
	if (!render || start_thread(s)) {
		complain("cannot start a thread: %s", strerror(errno));
		ktap_render_free(render);
		return STATUS_ERROR;
	}
	s->usym = usym_new();
	err = read_output(s, render);
	if (err)
		stop(s->fd);
	pthread_join(s->thread, NULL);
	ktap_render_free(render);
	s->nameless = usym_gone(s->usym);
	usym_free(s->usym);
	write_out(s);
	close(s->done);
	status = report_end(s);
	if (err || (s->broken && !status))
		status = STATUS_ERROR;
	if (is_json(s))
		json_end(s->opt->out, status);
	write_out(s);
	return status;
}

int run_image(const struct ktap_image *img, const struct run_options *opt)
{
	struct session *s;
	int status, err;

	s = xmalloc(sizeof(*s));
	memset(s, 0, sizeof(*s));
	s->opt = opt;
	s->go = -1;
	s->fail = -1;
	s->fd = run_open_device(opt);
	if (s->fd < 0) {
		free(s);
		return STATUS_ERROR;
	}
	status = run_session(s, img);
	set(&sig_fd, -1);
	err = end_command(s);
	if (err) {
		complain("cannot run '%s': %s", opt->command[0], strerror(err));
		status = STATUS_COMMAND;
	}
	close(s->fd);
	free(s);
	return status;
}

int run_check(const struct ktap_image *img, const struct run_options *opt, const char *name)
{
	struct session s = { .opt = opt };
	struct stat st;
	int err;

	/* all of the compiler's work is done: say so, whoever looks for errors */
	if (stat(opt->device ? opt->device : "/dev/ktap", &st) && errno == ENOENT) {
		complain("%s: compiled (%zu bytes), but there is no %s to check it further",
			 name, img->size, opt->device ? opt->device : "/dev/ktap");
		return STATUS_ERROR;
	}
	s.fd = run_open_device(opt);
	if (s.fd < 0)
		return STATUS_ERROR;
	err = load(&s, img);
	close(s.fd);
	if (err)
		return STATUS_ERROR;
	printf("%s: the kernel accepts it, %zu bytes\n", name, img->size);
	return STATUS_OK;
}
