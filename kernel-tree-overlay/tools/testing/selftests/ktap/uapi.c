// SPDX-License-Identifier: GPL-2.0
/*
 * The interface itself: what is refused, with which error, and that nothing
 * that a program does with a session ends worse than in an error.
 */
#include "session.h"
#include "../kselftest_harness.h"

#define MARKS	"trace syscalls:sys_enter_lseek { print(args.offset) }"

FIXTURE(uapi)
{
	struct session s;
	struct image image;
};

FIXTURE_SETUP(uapi)
{
	if (missing())
		SKIP(return, "%s", missing());
	ASSERT_EQ(0, compile(MARKS, &self->image));
	ASSERT_EQ(0, session_open(&self->s));
}

FIXTURE_TEARDOWN(uapi)
{
	session_close(&self->s);
	free(self->image.data);
}

static int load_errno(struct session *s, const struct ktap_load *load)
{
	return ioctl(s->fd, KTAP_IOC_LOAD, load) ? errno : 0;
}

static int run_errno(struct session *s, const struct ktap_run *run)
{
	return ioctl(s->fd, KTAP_IOC_RUN, run) ? errno : 0;
}

/* A structure of this process's that ends where its memory ends */
static void *at_end_of_page(const void *from, size_t size)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || munmap(p + 4096, 4096))
		abort();
	return memcpy(p + 4096 - size, from, size);
}

TEST_F(uapi, load_sizes)
{
	struct {
		struct ktap_load load;
		char more[64];
	} big = { .load = session_load_args(&self->s, &self->image) };
	struct ktap_load load = big.load;

	load.size = 0;
	EXPECT_EQ(EINVAL, load_errno(&self->s, &load));
	load.size = 4;
	EXPECT_EQ(EINVAL, load_errno(&self->s, &load));
	load.size = 0xffffffff;
	EXPECT_NE(0, load_errno(&self->s, &load));
	load.size = 1 << 20;
	EXPECT_NE(0, load_errno(&self->s, &load));

	/* a program of the future that wants what this kernel does not have */
	big.load.size = sizeof(big);
	big.more[63] = 1;
	EXPECT_EQ(E2BIG, load_errno(&self->s, &big.load));
	big.more[63] = 0;
	EXPECT_EQ(0, load_errno(&self->s, &big.load));
}

TEST_F(uapi, load_that_ends_before_its_size)
{
	struct ktap_load load = session_load_args(&self->s, &self->image);
	void *p = at_end_of_page(&load, 16);

	EXPECT_EQ(EFAULT, load_errno(&self->s, p));
	EXPECT_EQ(EFAULT, load_errno(&self->s, NULL));
	EXPECT_EQ(EFAULT, load_errno(&self->s, (void *)-8L));
	EXPECT_EQ(EFAULT, load_errno(&self->s, (void *)0xffff888000000000UL));
	/* nothing of that was a LOAD */
	EXPECT_EQ(0, load_errno(&self->s, &load));
}

/* A program of the past: all that follows log_size is 0. */
TEST_F(uapi, load_short)
{
	struct ktap_load load = session_load_args(&self->s, &self->image);
	size_t size = offsetof(struct ktap_load, pid);

	load.size = size;
	EXPECT_EQ(0, load_errno(&self->s, at_end_of_page(&load, size)));
}

TEST_F(uapi, load_flags)
{
	struct ktap_load load = session_load_args(&self->s, &self->image);

	load.flags = 16;
	EXPECT_EQ(EINVAL, load_errno(&self->s, &load));
	load.flags = 0x80000000;
	EXPECT_EQ(EINVAL, load_errno(&self->s, &load));
}

/* A CPU without its flag, and one that there is not */
TEST_F(uapi, load_cpu)
{
	struct ktap_load load = session_load_args(&self->s, &self->image);

	load.cpu = 1;
	EXPECT_EQ(EINVAL, load_errno(&self->s, &load));
	load.flags = KTAP_LOAD_ONE_CPU;
	load.cpu = UINT32_MAX;
	EXPECT_EQ(EINVAL, load_errno(&self->s, &load));
	EXPECT_STRNE("", self->s.log);
}

TEST_F(uapi, load_options)
{
	static const char good[] = "name=value", bad[] = "name";
	struct ktap_load load = session_load_args(&self->s, &self->image);

	load.options_size = sizeof(good);
	EXPECT_EQ(EFAULT, load_errno(&self->s, &load));
	session_close(&self->s);
	session_open(&self->s);
	load.options = (uintptr_t)bad;
	load.options_size = sizeof(bad);
	EXPECT_EQ(EINVAL, load_errno(&self->s, &load));
	EXPECT_STRNE("", self->s.log);
}

TEST_F(uapi, load_options_end)
{
	static const char text[] = { 'a', '=', 'b' };
	struct ktap_load load = session_load_args(&self->s, &self->image);

	load.options = (uintptr_t)text;
	load.options_size = sizeof(text);
	EXPECT_EQ(EINVAL, load_errno(&self->s, &load));
}

/* What perf events are: pairs of strings, but the script need not ask for them */
TEST_F(uapi, load_pmus)
{
	static const char open_end[] = { 'a', '/', '/', 0, 'b' }, odd[] = "a//\0b\0c//";
	struct ktap_load load = session_load_args(&self->s, &self->image);

	load.pmus_size = UINT32_MAX;
	EXPECT_EQ(EINVAL, load_errno(&self->s, &load));
	load.pmus_size = sizeof(odd);
	EXPECT_EQ(EFAULT, load_errno(&self->s, &load));
	session_close(&self->s);
	session_open(&self->s);
	load.pmus = (uintptr_t)open_end;
	load.pmus_size = sizeof(open_end);
	EXPECT_EQ(EINVAL, load_errno(&self->s, &load));
	EXPECT_STRNE("", self->s.log);
	session_close(&self->s);
	session_open(&self->s);
	load.pmus = (uintptr_t)odd;
	load.pmus_size = sizeof(odd);
	EXPECT_EQ(0, load_errno(&self->s, &load));
}

TEST_F(uapi, load_image_size)
{
	struct ktap_load load = session_load_args(&self->s, &self->image);

	load.image_size = 0;
	EXPECT_EQ(EINVAL, load_errno(&self->s, &load));
	load.image_size = KTAP_MAX_IMAGE + 1;
	EXPECT_EQ(EINVAL, load_errno(&self->s, &load));
	EXPECT_STRNE("", self->s.log);
	load.image_size = -1ULL;
	EXPECT_EQ(EINVAL, load_errno(&self->s, &load));
	load.image_size = 1ULL << 32 | self->image.size;
	EXPECT_EQ(EINVAL, load_errno(&self->s, &load));
}

TEST_F(uapi, load_image_pointer)
{
	struct ktap_load load = session_load_args(&self->s, &self->image);

	load.image = 0;
	EXPECT_EQ(EFAULT, load_errno(&self->s, &load));
	load.image = 0xffffffff81000000ULL;
	EXPECT_EQ(EFAULT, load_errno(&self->s, &load));
	load.image = (unsigned long)at_end_of_page(self->image.data, 64);
	EXPECT_EQ(EFAULT, load_errno(&self->s, &load));
}

/* The log is cut to fit, is terminated, and nothing behind it is touched. */
TEST_F(uapi, load_log)
{
	struct ktap_load load = session_load_args(&self->s, &self->image);
	char log[64];

	self->image.data[0] ^= 1;
	memset(log, 'x', sizeof(log));
	load.log = (unsigned long)log;
	load.log_size = 8;
	EXPECT_EQ(EINVAL, load_errno(&self->s, &load));
	EXPECT_EQ(7, strnlen(log, 8));
	EXPECT_EQ('x', log[8]);

	session_close(&self->s);
	ASSERT_EQ(0, session_open(&self->s));
	load.log_size = 0;
	EXPECT_EQ(EINVAL, load_errno(&self->s, &load));

	session_close(&self->s);
	ASSERT_EQ(0, session_open(&self->s));
	load.log = 8;
	load.log_size = 100;
	EXPECT_NE(0, load_errno(&self->s, &load));
}

TEST_F(uapi, load_args)
{
	struct ktap_load load = session_load_args(&self->s, &self->image);
	static char args[128 << 10] = "script";

	load.args = (unsigned long)args;
	load.args_size = 6;		/* not terminated */
	EXPECT_EQ(EINVAL, load_errno(&self->s, &load));

	session_close(&self->s);
	ASSERT_EQ(0, session_open(&self->s));
	load.args_size = sizeof(args);
	EXPECT_EQ(EINVAL, load_errno(&self->s, &load));
	load.args = 8;
	load.args_size = 7;
	EXPECT_EQ(EFAULT, load_errno(&self->s, &load));
}

TEST_F(uapi, load_pid_that_is_not)
{
	struct ktap_load load = session_load_args(&self->s, &self->image);

	load.pid = 0x7fffffff;
	EXPECT_EQ(ESRCH, load_errno(&self->s, &load));
	EXPECT_NE(NULL, strstr(self->s.log, "process"));
}

TEST_F(uapi, load_twice)
{
	EXPECT_EQ(0, session_load(&self->s, &self->image, NULL));
	EXPECT_EQ(-EBUSY, session_load(&self->s, &self->image, NULL));
}

/* A session whose image was refused can be closed, and nothing else. */
TEST_F(uapi, load_refused)
{
	char c[64];

	self->image.data[4] ^= 0xff;
	EXPECT_EQ(-EINVAL, session_load(&self->s, &self->image, NULL));
	EXPECT_STRNE("", self->s.log);
	EXPECT_NE(0, session_run(&self->s));
	EXPECT_EQ(-1, read(self->s.fd, c, sizeof(c)));
}

TEST_F(uapi, limits_that_are_extreme)
{
	const struct ktap_load more = {
		.buffer_kb = 1,
		.mem_limit = 1,
		.main_budget = 1,
		.handler_budget = -1ULL,
	};

	if (!session_load(&self->s, &self->image, &more))
		EXPECT_EQ(-EIO, session_run(&self->s));
}

TEST_F(uapi, buffer_that_does_not_fit)
{
	const struct ktap_load more = { .buffer_kb = 0xffffffff };

	/* refused, or cut down to what is allowed; not a crash */
	if (session_load(&self->s, &self->image, &more))
		EXPECT_STRNE("", self->s.log);
}

TEST_F(uapi, before_load)
{
	struct pollfd p = { .fd = self->s.fd, .events = POLLIN };
	char c[64];

	EXPECT_EQ(-EINVAL, session_run(&self->s));
	EXPECT_EQ(-1, read(self->s.fd, c, sizeof(c)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(1, poll(&p, 1, 1000));
	EXPECT_EQ(POLLERR, p.revents & (POLLERR | POLLIN));
	EXPECT_EQ(0, ioctl(self->s.fd, KTAP_IOC_STOP));
}

TEST_F(uapi, unknown_ioctls)
{
	EXPECT_EQ(-1, ioctl(self->s.fd, 0, 0));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(self->s.fd, _IO('k', 0xaf), 0));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(self->s.fd, _IOW('k', 0xa0, struct ktap_load), 0));
	EXPECT_NE(0, errno);
	EXPECT_EQ(-1, write(self->s.fd, "x", 1));
	EXPECT_EQ((void *)-1, mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->s.fd, 0));
	EXPECT_EQ(-1, lseek(self->s.fd, 1, SEEK_SET));
}

TEST_F(uapi, run_sizes)
{
	struct {
		struct ktap_run run;
		char more[64];
	} big = { .run = { .size = sizeof(struct ktap_run) } };
	struct ktap_run run = big.run;

	ASSERT_EQ(0, session_load(&self->s, &self->image, NULL));
	run.size = 0;
	EXPECT_EQ(EINVAL, run_errno(&self->s, &run));
	run.size = 8;
	EXPECT_EQ(EINVAL, run_errno(&self->s, &run));
	run = big.run;
	run.flags = 1;
	EXPECT_EQ(EINVAL, run_errno(&self->s, &run));
	run = big.run;
	run.pad = 1;
	EXPECT_EQ(EINVAL, run_errno(&self->s, &run));
	EXPECT_EQ(EFAULT, run_errno(&self->s, NULL));
	big.run.size = sizeof(big);
	big.more[0] = 1;
	EXPECT_EQ(E2BIG, run_errno(&self->s, &big.run));
}

/* The addresses in RUN are used when all is over; by then they may be wrong. */
TEST_F(uapi, run_pointers)
{
	struct ktap_run run = { .size = sizeof(run), .error = 8, .error_size = 100 };
	struct image image;

	ASSERT_EQ(0, compile("print(1)", &image));
	ASSERT_EQ(0, session_load(&self->s, &image, NULL));
	EXPECT_EQ(EFAULT, run_errno(&self->s, &run));

	session_close(&self->s);
	ASSERT_EQ(0, session_open(&self->s));
	ASSERT_EQ(0, session_load(&self->s, &image, NULL));
	run = (struct ktap_run){ .size = sizeof(run), .loss = 8, .loss_nr = 1000 };
	EXPECT_EQ(EFAULT, run_errno(&self->s, &run));

	/* without any, it is fine; and it says how many losses there are */
	session_close(&self->s);
	ASSERT_EQ(0, session_open(&self->s));
	ASSERT_EQ(0, session_load(&self->s, &image, NULL));
	run = (struct ktap_run){ .size = sizeof(run) };
	EXPECT_EQ(0, run_errno(&self->s, &run));
	EXPECT_EQ(KTAP_LOSS_NR, run.loss_nr);
	free(image.data);
}

TEST_F(uapi, run_twice)
{
	struct image image;

	ASSERT_EQ(0, compile("print(1) exit(300)", &image));
	ASSERT_EQ(0, session_load(&self->s, &image, NULL));
	EXPECT_EQ(0, session_run(&self->s));
	EXPECT_EQ(300 & 255, self->s.run.exit_code & 255);
	EXPECT_EQ(-EBUSY, session_run(&self->s));
	EXPECT_EQ(-EBUSY, session_load(&self->s, &image, NULL));
	EXPECT_EQ(1, session_read(&self->s, NULL, NULL));
	/* the end stays the end */
	EXPECT_EQ(0, session_read(&self->s, NULL, NULL));
	free(image.data);
}

TEST_F(uapi, run_while_it_runs)
{
	struct ktap_run run = { .size = sizeof(run) };

	ASSERT_EQ(0, session_load(&self->s, &self->image, NULL));
	ASSERT_EQ(0, session_start(&self->s));
	EXPECT_EQ(EBUSY, run_errno(&self->s, &run));
	EXPECT_EQ(-EBUSY, session_load(&self->s, &self->image, NULL));
	EXPECT_EQ(0, session_stop(&self->s));
}

/* STOP that comes first is not forgotten. */
TEST_F(uapi, stop_before_run)
{
	ASSERT_EQ(0, session_load(&self->s, &self->image, NULL));
	ASSERT_EQ(0, ioctl(self->s.fd, KTAP_IOC_STOP));
	EXPECT_EQ(0, session_run(&self->s));
}

TEST_F(uapi, stop_in_main)
{
	struct image image;
	long long t;

	ASSERT_EQ(0, compile("while (1) { n += 1 }", &image));
	ASSERT_EQ(0, session_load(&self->s, &image,
				  &(struct ktap_load){ .main_budget = 1ULL << 60 }));
	ASSERT_EQ(0, pthread_create(&self->s.thread, NULL, session_thread, &self->s));
	usleep(300000);
	t = now_ms();
	session_stop(&self->s);
	EXPECT_GT(3000, now_ms() - t);
	free(image.data);
}

TEST_F(uapi, close_while_it_runs)
{
	ASSERT_EQ(0, session_load(&self->s, &self->image, NULL));
	ASSERT_EQ(0, session_start(&self->s));
	mark(1);
	session_close(&self->s);
	EXPECT_EQ(0, pthread_join(self->s.thread, NULL));
}

/* A child's copy of the file is not the end of the session when it is closed. */
TEST_F(uapi, fork)
{
	struct ktap_run run = { .size = sizeof(run) };
	char buf[4096];
	int status;
	pid_t pid;

	ASSERT_EQ(0, session_load(&self->s, &self->image, NULL));
	ASSERT_EQ(0, session_start(&self->s));
	pid = fork();
	if (!pid) {
		int e = run_errno(&self->s, &run);

		mark(77);
		if (e != EBUSY || read(self->s.fd, buf, sizeof(buf)) <= 0)
			_exit(1);
		close(self->s.fd);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	mark(78);
	EXPECT_TRUE(session_readable(&self->s, 10000));
	EXPECT_EQ(0, session_stop(&self->s));
}

/* The marks that a reader got */
struct reader {
	struct session *s;
	unsigned char seen[2000];
	long records;
};

static void note_record(const struct ktap_rec *rec, void *data)
{
	long long n = record_int(rec, 0, -1);
	struct reader *r = data;

	if (rec->type == KTAP_REC_PRINT && n >= 0 && n < 2000)
		r->seen[n]++;
	if (rec->type == KTAP_REC_PRINT)
		r->records++;
}

/* LOAD here, RUN in a child, which is killed: the events end. */
TEST_F(uapi, run_in_a_child_that_is_killed)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, session_load(&self->s, &self->image, NULL));
	pid = fork();
	if (!pid) {
		session_run(&self->s);
		_exit(0);
	}
	ASSERT_TRUE(session_readable(&self->s, 60000));
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_LE(1, session_read(&self->s, NULL, NULL));
}

/*
 * A child that is stopped has left RUN, to enter it again. When it is killed
 * instead, that is the end of the session for those who have the file as well.
 */
TEST_F(uapi, run_in_a_child_that_is_stopped_and_killed)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, session_load(&self->s, &self->image, NULL));
	pid = fork();
	if (!pid) {
		session_run(&self->s);
		_exit(0);
	}
	ASSERT_TRUE(session_readable(&self->s, 60000));
	kill(pid, SIGSTOP);
	ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	/* to its end, which is there */
	EXPECT_LE(1, session_read(&self->s, NULL, NULL));
}

/* Being stopped is no end: events go on, and so does RUN. */
TEST_F(uapi, stopped_and_continued)
{
	static struct reader r;
	int status, i;
	pid_t pid;

	ASSERT_EQ(0, session_load(&self->s, &self->image, NULL));
	pid = fork();
	if (!pid)
		_exit(session_run(&self->s) ? 1 : 0);
	ASSERT_TRUE(session_readable(&self->s, 60000));
	for (i = 0; i < 3; i++) {
		kill(pid, SIGSTOP);
		ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
		mark(1500 + i);
		kill(pid, SIGCONT);
		ASSERT_EQ(pid, waitpid(pid, &status, WCONTINUED));
	}
	ASSERT_EQ(0, ioctl(self->s.fd, KTAP_IOC_STOP));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_LE(3, session_read(&self->s, note_record, &r));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(1, r.seen[1500 + i]);
}

static void ignore_signal(int sig)
{
}

TEST_F(uapi, signal_ends_run)
{
	struct sigaction sa = { .sa_handler = ignore_signal };

	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	ASSERT_EQ(0, session_load(&self->s, &self->image, NULL));
	ASSERT_EQ(0, session_start(&self->s));
	pthread_kill(self->s.thread, SIGUSR1);
	pthread_join(self->s.thread, NULL);
	EXPECT_EQ(-EINTR, self->s.ret);
}

TEST_F(uapi, nonblocking_read)
{
	char buf[4096];

	ASSERT_EQ(0, session_load(&self->s, &self->image,
				  &(struct ktap_load){ .pid = getpid() }));
	ASSERT_EQ(0, session_start(&self->s));
	ASSERT_EQ(0, fcntl(self->s.fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-1, read(self->s.fd, buf, sizeof(buf)));
	EXPECT_EQ(EAGAIN, errno);
	mark(5);
	EXPECT_TRUE(session_readable(&self->s, 10000));
	usleep(20000);
	EXPECT_LT(0, read(self->s.fd, buf, sizeof(buf)));
	session_stop(&self->s);
	EXPECT_EQ(0, read(self->s.fd, buf, sizeof(buf)));
}

TEST_F(uapi, buffer_too_small)
{
	__u64 buf[512];
	struct ktap_rec *rec = (void *)buf;
	struct image image;

	ASSERT_EQ(0, compile("print(1) print(2)", &image));
	ASSERT_EQ(0, session_load(&self->s, &image, NULL));
	ASSERT_EQ(0, session_run(&self->s));
	EXPECT_EQ(-1, read(self->s.fd, buf, 16));
	EXPECT_EQ(EMSGSIZE, errno);
	EXPECT_EQ(-1, read(self->s.fd, buf, 0));
	EXPECT_EQ(-1, syscall(SYS_read, self->s.fd, 8, 4096));
	EXPECT_EQ(EFAULT, errno);
	/* and nothing is gone for that: one record, then the other */
	EXPECT_EQ(32, read(self->s.fd, buf, 40));
	EXPECT_EQ(KTAP_REC_PRINT, rec->type);
	EXPECT_EQ(1, record_int(rec, 0, -1));
	EXPECT_EQ(32, read(self->s.fd, buf, sizeof(buf)));
	EXPECT_EQ(2, record_int(rec, 0, -1));
	EXPECT_EQ(0, read(self->s.fd, buf, sizeof(buf)));
	free(image.data);
}

/* Several readers get each record once. */
static void *reader_main(void *arg)
{
	struct reader *r = arg;

	session_read(r->s, note_record, r);
	return NULL;
}

TEST_F(uapi, several_readers)
{
	static struct reader r[4];
	pthread_t t[4];
	long records = 0;
	int i, j, n, wrong = 0;

	ASSERT_EQ(0, session_load(&self->s, &self->image,
				  &(struct ktap_load){ .pid = getpid() }));
	ASSERT_EQ(0, session_start(&self->s));
	for (i = 0; i < 4; i++) {
		r[i].s = &self->s;
		ASSERT_EQ(0, pthread_create(&t[i], NULL, reader_main, &r[i]));
	}
	for (i = 0; i < 2000; i++)
		mark(i);
	EXPECT_EQ(0, session_stop(&self->s));
	for (i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		records += r[i].records;
	}
	for (i = 0; i < 2000; i++) {
		for (n = 0, j = 0; j < 4; j++)
			n += r[j].seen[i];
		wrong += n != 1;
	}
	EXPECT_EQ(2000, records);
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(0, self->s.loss[KTAP_LOSS_OUTPUT]);
}

/* A reader that waits is woken by the end. */
TEST_F(uapi, reader_sees_the_end)
{
	static struct reader r;
	pthread_t t;

	ASSERT_EQ(0, session_load(&self->s, &self->image,
				  &(struct ktap_load){ .pid = getpid() }));
	ASSERT_EQ(0, session_start(&self->s));
	r.s = &self->s;
	ASSERT_EQ(0, pthread_create(&t, NULL, reader_main, &r));
	usleep(100000);
	EXPECT_EQ(0, session_stop(&self->s));
	EXPECT_EQ(0, pthread_join(t, NULL));
}

/* Records of two CPUs come in the order of their time stamps. */
struct stamps {
	__u64 last;
	long records;
	long wrong;
};

static void check_stamp(const struct ktap_rec *rec, void *data)
{
	struct stamps *t = data;

	if (rec->ts < t->last)
		t->wrong++;
	t->last = rec->ts;
	t->records++;
}

TEST_F(uapi, order_of_time_stamps)
{
	struct stamps t = { };
	struct timespec before, after;
	int i, status;

	clock_gettime(CLOCK_MONOTONIC, &before);
	ASSERT_EQ(0, session_load(&self->s, &self->image, NULL));
	ASSERT_EQ(0, session_start(&self->s));
	for (i = 0; i < 2; i++) {
		if (!fork()) {
			int n;

			for (n = 0; n < 5000; n++)
				mark(n);
			_exit(0);
		}
	}
	for (i = 0; i < 2; i++)
		wait(&status);
	EXPECT_EQ(0, session_stop(&self->s));
	clock_gettime(CLOCK_MONOTONIC, &after);
	EXPECT_LE(10000, session_read(&self->s, check_stamp, &t));
	EXPECT_EQ(0, t.wrong);
	EXPECT_GE(after.tv_sec * 1000000000ULL + after.tv_nsec, t.last);
	EXPECT_LE(before.tv_sec * 1000000000ULL + before.tv_nsec, t.last);
}

/* Without the capability, a file that was opened with it is of no use. */
TEST_F(uapi, privilege_is_asked_for_again)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(2);
		if (session_load(&self->s, &self->image, NULL) != -EPERM)
			_exit(1);
		if (open(DEVICE, O_RDWR) >= 0)
			_exit(3);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(uapi, the_kernel_did_not_complain)
{
	EXPECT_TRUE(kernel_is_clean("uapi", NULL));
}

int main(int argc, char **argv)
{
	if (!missing())
		kernel_note("uapi");
	return test_harness_run(argc, argv);
}
