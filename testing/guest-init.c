// SPDX-License-Identifier: GPL-2.0
/*
 * guest-init: process 1 of the test guest.
 *
 * Mounts what a system has mounted, takes one command from the host over a
 * virtio port, runs it, passes its output to another port byte for byte, sends
 * its status back and resets the machine, at which QEMU ends. testing/guest is
 * the other end.
 *
 * Host to guest, on the port ktap.control:
 *	RUN <flags> <number of environment strings> <number of arguments>\n
 *	the strings, each with its terminating NUL
 *	INT\n (or any other of the names in signal_by_name), at any later time
 * Guest to host:
 *	READY\n, when the command runs STARTED\n, and at the end EXIT <status>\n
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define FLAG_DIRECT	1	/* the command writes to the port itself */
#define FLAG_TTY	2	/* the command gets the console hvc0 */
#define FLAG_SHARE	4	/* there must be a share */
#define FLAG_LEAKS	8	/* ask kmemleak at the end, where there is one */

static int control = -1;

static void end_guest(void)
{
	sync();
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

/* What goes wrong before there is a command ends up on the kernel's console. */
__attribute__((format(printf, 1, 2), noreturn))
static void fail(const char *fmt, ...)
{
	va_list ap;

	dprintf(STDERR_FILENO, "guest-init: ");
	va_start(ap, fmt);
	vdprintf(STDERR_FILENO, fmt, ap);
	va_end(ap);
	dprintf(STDERR_FILENO, ": %s\n", strerror(errno));
	end_guest();
	__builtin_unreachable();
}

static void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		fail("memory");
	return p;
}

static void sleep_ms(int ms)
{
	struct timespec ts = { ms / 1000, (ms % 1000) * 1000000L };

	nanosleep(&ts, NULL);
}

static void mount_all(void)
{
	static const struct {
		const char *type, *dir;
		mode_t mode;
	} m[] = {
		{ "devtmpfs", "/dev", 0755 },
		{ "proc", "/proc", 0555 },
		{ "sysfs", "/sys", 0555 },
		{ "devpts", "/dev/pts", 0755 },
		{ "tmpfs", "/dev/shm", 01777 },
		{ "tmpfs", "/tmp", 01777 },
		{ "tmpfs", "/run", 0755 },
		{ "debugfs", "/sys/kernel/debug", 0700 },
		{ "tracefs", "/sys/kernel/tracing", 0700 },
		{ "securityfs", "/sys/kernel/security", 0755 },
		{ "cgroup2", "/sys/fs/cgroup", 0755 },
	};
	size_t i;

	for (i = 0; i < sizeof(m) / sizeof(m[0]); i++) {
		mkdir(m[i].dir, m[i].mode);
		if (mount(m[i].type, m[i].dir, m[i].type, 0, NULL) &&
		    errno != EBUSY && errno != ENODEV)
			fail("mount %s", m[i].dir);
	}
	chmod("/tmp", 01777);
	chmod("/dev/shm", 01777);
	symlink("/proc/self/fd", "/dev/fd");
	symlink("fd/0", "/dev/stdin");
	symlink("fd/1", "/dev/stdout");
	symlink("fd/2", "/dev/stderr");
}

static void lo_up(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (s < 0 || ioctl(s, SIOCSIFFLAGS, &r))
		fail("lo");
	close(s);
}

/* The virtio port called NAME; ports appear some time after the device. */
static int open_port(const char *name)
{
	const char *dir = "/sys/class/virtio-ports";
	char path[600], buf[64];
	struct dirent *e;
	int i, fd, n;
	DIR *d;

	for (i = 0; i < 3000; i++, sleep_ms(10)) {
		d = opendir(dir);
		while (d && (e = readdir(d))) {
			snprintf(path, sizeof(path), "%s/%s/name", dir, e->d_name);
			fd = open(path, O_RDONLY);
			if (fd < 0)
				continue;
			n = read(fd, buf, sizeof(buf) - 1);
			close(fd);
			if (n <= 0)
				continue;
			buf[n] = 0;
			buf[strcspn(buf, "\n")] = 0;
			if (strcmp(buf, name))
				continue;
			snprintf(path, sizeof(path), "/dev/%s", e->d_name);
			fd = open(path, O_RDWR | O_CLOEXEC);
			if (fd >= 0) {
				closedir(d);
				return fd;
			}
		}
		if (d)
			closedir(d);
	}
	fail("port %s", name);
}

static char control_byte(void)
{
	ssize_t n;
	char c;

	while ((n = read(control, &c, 1)) != 1) {
		if (n < 0 && errno != EINTR)
			fail("control port");
		if (n == 0)
			sleep_ms(5);
	}
	return c;
}

static void control_line(char *buf, size_t size)
{
	size_t n = 0;
	char c;

	while ((c = control_byte()) != '\n')
		if (n < size - 1)
			buf[n++] = c;
	buf[n] = 0;
}

static char **control_strings(int n)
{
	char **list = xcalloc(n + 1, sizeof(*list));
	size_t len, size;
	int i;

	for (i = 0; i < n; i++) {
		len = 0;
		size = 64;
		list[i] = xcalloc(1, size);
		while ((list[i][len++] = control_byte())) {
			if (len == size) {
				list[i] = realloc(list[i], size *= 2);
				if (!list[i])
					fail("memory");
			}
		}
	}
	return list;
}

static void mount_share(void)
{
	if (mount("share", "/share", "9p", 0,
		  "trans=virtio,version=9p2000.L,msize=262144,access=any"))
		fail("mount /share");
}

/* Copy what comes out of FD to PORT until the command has ended and no more comes. */
static void pump(int fd, int port, volatile int *ended)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	static char buf[65536];
	ssize_t n, w, done;
	int last;

	for (;;) {
		last = *ended;
		if (!last)
			poll(&p, 1, 20);
		n = read(fd, buf, sizeof(buf));
		if (n == 0)
			_exit(0);
		if (n < 0) {
			if (errno == EAGAIN && last)
				_exit(0);
			continue;
		}
		for (done = 0; done < n; done += w) {
			w = write(port, buf + done, n - done);
			if (w < 0)
				_exit(1);
		}
		/* what is left running may write for ever: it is not the command */
		if (last > 64)
			_exit(0);
		if (last)
			(*ended)++;
	}
}

static void take_tty(void)
{
	struct termios t;
	int fd;

	setsid();
	fd = open("/dev/hvc0", O_RDWR);
	if (fd < 0)
		fail("/dev/hvc0");
	ioctl(fd, TIOCSCTTY, 0);
	if (getenv("LINES") && getenv("COLUMNS")) {
		struct winsize w = {
			.ws_row = atoi(getenv("LINES")),
			.ws_col = atoi(getenv("COLUMNS")),
		};

		ioctl(fd, TIOCSWINSZ, &w);
	}
	/* the host's terminal puts the carriage returns in */
	if (!tcgetattr(fd, &t)) {
		t.c_oflag &= ~ONLCR;
		tcsetattr(fd, TCSANOW, &t);
	}
	dup2(fd, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	if (fd > 2)
		close(fd);
}

static pid_t start(char **argv, int flags, int out)
{
	sigset_t none;
	pid_t pid = fork();
	int fd;

	if (pid < 0)
		fail("fork");
	if (pid)
		return pid;

	if (flags & FLAG_TTY) {
		take_tty();
	} else {
		setsid();
		fd = open("/dev/null", O_RDONLY);
		dup2(fd, 0);
		dup2(out, 1);
		dup2(out, 2);
		if (fd > 2)
			close(fd);
	}
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (chdir("/share"))
		chdir("/tmp");
	execvp(argv[0], argv);
	fd = errno;
	dprintf(2, "%s: %s\n", argv[0], strerror(fd));
	_exit(fd == ENOENT ? 127 : 126);
}

static int signal_by_name(const char *name)
{
	static const struct { const char *name; int nr; } s[] = {
		{ "INT", SIGINT }, { "TERM", SIGTERM }, { "KILL", SIGKILL },
		{ "QUIT", SIGQUIT }, { "HUP", SIGHUP },
	};
	size_t i;

	for (i = 0; i < sizeof(s) / sizeof(s[0]); i++)
		if (!strcmp(name, s[i].name))
			return s[i].nr;
	return 0;
}

/* Wait for PID and pass on the signals that the host asks for meanwhile. */
static int wait_for(pid_t pid, int sigfd)
{
	struct pollfd p[2] = {
		{ .fd = sigfd, .events = POLLIN },
		{ .fd = control, .events = POLLIN },
	};
	struct signalfd_siginfo info;
	int status, sig;
	char line[32];
	pid_t r;

	for (;;) {
		while ((r = waitpid(-1, &status, WNOHANG)) > 0)
			if (r == pid)
				return WIFEXITED(status) ? WEXITSTATUS(status) :
							   128 + WTERMSIG(status);
		poll(p, 2, -1);
		if (p[0].revents & POLLIN)
			read(sigfd, &info, sizeof(info));
		if (p[1].revents & POLLIN) {
			control_line(line, sizeof(line));
			sig = signal_by_name(line);
			if (sig)
				kill(-pid, sig);
		} else if (p[1].revents) {
			sleep_ms(10);
		}
	}
}

/*
 * Objects younger than five seconds are not reported; what is reported goes to
 * the console, where the host looks for it.
 */
static void check_leaks(void)
{
	const char *file = "/sys/kernel/debug/kmemleak";
	char buf[4096];
	ssize_t n;
	int fd, i;

	fd = open(file, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	for (i = 0; i < 2; i++) {
		write(fd, "scan", 4);
		if (!i)
			sleep_ms(5200);
	}
	close(fd);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		write(STDERR_FILENO, buf, n);
	if (fd >= 0)
		close(fd);
}

int main(void)
{
	int fd, sigfd, status, flags, nenv, nargs, i, p[2], out = -1, port = -1;
	char line[64], **env, **argv;
	volatile int *ended;
	pid_t pid, pumper = 0;
	sigset_t chld;

	umask(022);
	mount_all();
	fd = open("/dev/console", O_RDWR);
	if (fd >= 0) {
		dup2(fd, 0);
		dup2(fd, 1);
		dup2(fd, 2);
		if (fd > 2)
			close(fd);
	}
	signal(SIGPIPE, SIG_IGN);
	lo_up();
	sethostname("guest", 5);

	control = open_port("ktap.control");
	dprintf(control, "READY\n");
	control_line(line, sizeof(line));
	if (sscanf(line, "RUN %d %d %d", &flags, &nenv, &nargs) != 3 || nargs < 1)
		fail("command '%s'", line);
	env = control_strings(nenv);
	argv = control_strings(nargs);
	clearenv();
	for (i = 0; i < nenv; i++)
		putenv(env[i]);

	if (flags & FLAG_SHARE)
		mount_share();

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	sigfd = signalfd(-1, &chld, SFD_CLOEXEC);

	ended = mmap(NULL, sizeof(*ended), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ended == MAP_FAILED)
		fail("mmap");

	if (!(flags & FLAG_TTY)) {
		port = open_port("ktap.output");
		out = port;
		if (!(flags & FLAG_DIRECT)) {
			if (pipe2(p, O_CLOEXEC))
				fail("pipe");
			pumper = fork();
			if (pumper < 0)
				fail("fork");
			if (!pumper) {
				close(p[1]);
				fcntl(p[0], F_SETFL, O_NONBLOCK);
				pump(p[0], port, ended);
			}
			close(p[0]);
			out = p[1];
		}
	}

	pid = start(argv, flags, out);
	dprintf(control, "STARTED\n");
	status = wait_for(pid, sigfd);
	kill(-pid, SIGKILL);
	if (pumper) {
		*ended = 1;
		waitpid(pumper, NULL, 0);
	}
	if (flags & FLAG_LEAKS)
		check_leaks();
	umount2("/share", MNT_DETACH);
	sync();
	dprintf(control, "EXIT %d\n", status);
	sleep_ms(20);
	end_guest();
}
