// SPDX-License-Identifier: GPL-2.0
/*
 * SIGKILL of the tool at random moments, while it starts, attaches, prints and
 * ends: nothing is left behind. The next session works, the module is not in
 * use and can be removed and loaded again, kmemleak finds nothing.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/types.h>

#include "session.h"
#include "../kselftest.h"

static const char * const scripts[] = {
	"trace syscalls:* { print(argstr) }",
	"trace syscalls:* { s[execname, probename] += 1 } trace sched:* { print(e) }",
	"profile-997hz { s[stack(), cpu] += 1 } tick-1ms { n += 1 print(n, stack()) } "
	"os.sleep(20) os.sleep(20) trace syscalls:* { print(path(arg1)) }",
	"i = 0 while (true) { i += 1 }",
	"trace syscalls:* { n += 1 } trace_end { for (i = 1, 1000000) { print(i) } }",
	"for (i = 1, 20) { trace (\"sched:*\") { n += 1 print(argstr) } }",
	/* takes a slow kernel so long to attach that it is done in the others only */
	"trace *:* { n += 1 }",
};

static unsigned int state = 2463534242u;

static unsigned int next(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static pid_t spawn(const char *script, const char *output)
{
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	signal(SIGINT, SIG_DFL);
	fd = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	dup2(fd, 1);
	dup2(fd, 2);
	execlp("ktap", "ktap", "-e", script, NULL);
	_exit(127);
}

/* Milliseconds from the start to "Tracing..." or 2000 */
static long startup(const char *script, const char *output)
{
	long long t = now_ms();
	char text[256] = "";
	int fd, status;
	pid_t pid = spawn(script, output);

	while (now_ms() - t < 10000) {
		fd = open(output, O_RDONLY);
		if (fd >= 0) {
			ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

			text[n > 0 ? n : 0] = 0;
			close(fd);
			if (strstr(text, "Tracing"))
				break;
		}
		if (waitpid(pid, &status, WNOHANG) == pid) {
			ksft_print_msg("%s: %s\n", script, text);
			return -1;
		}
		usleep(2000);
	}
	t = now_ms() - t;
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return t < 10000 ? t : 2000;
}

static bool works(void)
{
	static const char count[] = "ktap -q -e 'trace syscalls:sys_enter_lseek { n += 1 }";
	char command[256];

	snprintf(command, sizeof(command), "test \"$(%s trace_end { print(n) }' %s)\" = 1000",
		 count, "-- ./act marks 1 1000");
	return !system(command);
}

static bool is_module(void)
{
	return !system("grep -q '^ktapvm ' /proc/modules");
}

/* What the dead have is freed soon, not at once. */
static bool unused(void)
{
	int i;

	for (i = 0; i < 100; i++) {
		if (!system(". ./lib.sh && nothing_left"))
			return true;
		usleep(100000);
	}
	return false;
}

/* -1: there is no kmemleak here */
static int leaks(void)
{
	const char *file = "/sys/kernel/debug/kmemleak";

	if (access(file, W_OK) || system("echo scan >/sys/kernel/debug/kmemleak 2>/dev/null"))
		return -1;
	/* younger objects are not reported */
	sleep(6);
	if (system("echo scan >/sys/kernel/debug/kmemleak") ||
	    system("sed 's/^/# /' /sys/kernel/debug/kmemleak"))
		return 1;
	return !system("grep -q 'unreferenced object' /sys/kernel/debug/kmemleak");
}

static void test_kill(int times, int nscripts)
{
	char output[64] = "/tmp/ktap-kill.out";
	long start[ARRAY_SIZE(scripts)];
	int i, j, status, killed = 0, broken = 0;
	pid_t pid, load;

	/* there is something to trace all the time */
	load = fork();
	if (!load) {
		execl("./act", "act", "busy", "10000", NULL);
		_exit(1);
	}
	for (i = 0; i < nscripts; i++)
		start[i] = startup(scripts[i], output);
	for (i = 0; i < times; i++) {
		j = i % nscripts;
		pid = spawn(scripts[j], output);
		/* before, in and after the start, and in or after the end */
		usleep(start[j] > 0 ? next() % (2000 * start[j]) + 1 : 1000);
		if (i % 3 == 2) {
			kill(pid, SIGINT);
			usleep(next() % 50000);
		}
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		killed += WIFSIGNALED(status);
		if (i % 7 == 6 && !works()) {
			ksft_print_msg("after %d, of '%s', no session works\n", i, scripts[j]);
			broken++;
		}
	}
	kill(load, SIGKILL);
	waitpid(load, &status, 0);
	unlink(output);
	ksft_print_msg("%d of %d were killed, the last start took %ld ms\n", killed, times,
		       start[nscripts - 1]);
	ksft_test_result(killed > times / 2 && !broken && works(),
			 "sessions work after %d tools were killed\n", times);
}

int main(void)
{
	int ret;

	ksft_print_header();
	if (missing())
		ksft_exit_skip("%s\n", missing());
	ksft_set_plan(6);
	alarm(500);
	kernel_note("kill");
	if (slow_kernel())
		test_kill(20, ARRAY_SIZE(scripts) - 1);
	else
		test_kill(24, ARRAY_SIZE(scripts));

	if (!is_module()) {
		ksft_test_result_skip("ktap is not a module\n");
		ksft_test_result_skip("ktap is not a module\n");
		ksft_test_result_skip("ktap is not a module\n");
	} else {
		struct session s;

		ksft_test_result(unused(), "the module is not in use\n");
		ret = session_open(&s);
		ksft_test_result(!ret && system("rmmod ktapvm 2>/dev/null"),
				 "the module is in use while there is a session\n");
		session_close(&s);
		/* a probe that was left would be called after its code is gone */
		ret = system("rmmod ktapvm && ./act busy 1 && modprobe ktapvm");
		ksft_test_result(!ret && works(), "the module can be removed and loaded again\n");
	}

	ret = leaks();
	if (ret < 0)
		ksft_test_result_skip("there is no kmemleak\n");
	else
		ksft_test_result(!ret, "kmemleak finds nothing\n");
	ksft_test_result(kernel_is_clean("kill", NULL), "the kernel did not complain\n");
	ksft_finished();
}
