// SPDX-License-Identifier: GPL-2.0
/*
 * What a reader does not get is counted: produced = delivered + lost, exactly,
 * for output records and table updates.
 */
#include <sched.h>

#include "session.h"
#include "../kselftest.h"

/* Events of this process that no other part of the test causes */
static void make_marks(long n)
{
	while (n--)
		mark(n);
}

struct order {
	long records;
	long long last;
	long wrong;
};

/* Marks count down */
static void check_order(const struct ktap_rec *rec, void *data)
{
	struct order *o = data;
	long long v = record_int(rec, 0, -1);

	if (rec->type != KTAP_REC_PRINT)
		return;
	if (v < 0 || v >= o->last)
		o->wrong++;
	o->last = v;
	o->records++;
}

/* Nobody reads until the session has ended. */
static void test_output(long n)
{
	const struct ktap_load more = { .pid = getpid(), .buffer_kb = 64 };
	struct order o = { .last = n };
	struct session s;
	struct image image;
	long records;

	if (compile("trace syscalls:sys_enter_lseek { print(args.offset, \"x\") }", &image) ||
	    session_open(&s) || session_load(&s, &image, &more) || session_start(&s)) {
		ksft_test_result_fail("output: no session: %s\n", s.log);
		return;
	}
	make_marks(n);
	if (session_stop(&s))
		ksft_print_msg("RUN: %d %s\n", s.ret, s.error);
	records = session_read(&s, check_order, &o);
	ksft_print_msg("%ld events, %ld records, %llu lost\n", n, o.records,
		       (unsigned long long)s.loss[KTAP_LOSS_OUTPUT]);
	ksft_test_result(!s.ret && records == o.records && o.records > 0 &&
			 s.loss[KTAP_LOSS_OUTPUT] > 0 &&
			 o.records + (long)s.loss[KTAP_LOSS_OUTPUT] == n,
			 "output: delivered and lost are all that was produced\n");
	ksft_test_result(!o.wrong, "output: each record is there once, and in order\n");
	session_close(&s);
	free(image.data);
}

/* trace_end may wait for its reader: nothing of it is lost. */
static void test_end_waits(void)
{
	const struct ktap_load more = { .pid = getpid(), .buffer_kb = 64 };
	struct order o = { .last = 1LL << 62 };
	struct session s;
	struct image image;
	long n = 20000;

	if (compile("trace syscalls:sys_enter_lseek { }\n"
		    "trace_end { for (i = 20000, 1, -1) { print(i, \"trace_end\") } }", &image) ||
	    session_open(&s) || session_load(&s, &image, &more) || session_start(&s)) {
		ksft_test_result_fail("trace_end: no session: %s\n", s.log);
		return;
	}
	ioctl(s.fd, KTAP_IOC_STOP);
	usleep(300000);
	session_read(&s, check_order, &o);
	pthread_join(s.thread, NULL);
	ksft_test_result(!s.ret && !s.loss[KTAP_LOSS_OUTPUT] && o.records == n && !o.wrong,
			 "trace_end: waits for its reader, nothing is lost\n");
	session_close(&s);
	free(image.data);
}

static void get_ints(const struct ktap_rec *rec, void *data)
{
	long long *v = data;

	if (rec->type == KTAP_REC_PRINT) {
		v[0] = record_int(rec, 0, -1);
		v[1] = record_int(rec, 1, -1);
	}
}

/* A table that is full: what is in it and what was dropped */
static void test_table(long n)
{
	const struct ktap_load more = { .pid = getpid(), .mem_limit = 256 << 10 };
	long long v[2] = { -1, -1 };
	struct session s;
	struct image image;

	if (compile("var t = {}\n"
		    "trace syscalls:sys_enter_lseek { n += 1 t[args.offset] = n }\n"
		    "trace_end { print(len(t), n) }", &image) ||
	    session_open(&s) || session_load(&s, &image, &more) || session_start(&s)) {
		ksft_test_result_fail("table: no session: %s\n", s.log);
		return;
	}
	make_marks(n);
	session_stop(&s);
	session_read(&s, get_ints, v);
	ksft_print_msg("%lld events, %lld keys, %llu dropped, %llu nested, %llu busy, %d %s\n",
		       v[1], v[0], (unsigned long long)s.loss[KTAP_LOSS_TABLE],
		       (unsigned long long)s.loss[KTAP_LOSS_NESTED],
		       (unsigned long long)s.loss[KTAP_LOSS_BUSY], s.ret, s.error);
	ksft_test_result(!s.ret && v[1] == n && v[0] > 100 && v[0] < n &&
			 v[0] + (long long)s.loss[KTAP_LOSS_TABLE] == n,
			 "table: keys kept and updates dropped are all that were put in\n");
	session_close(&s);
	free(image.data);
}

/* Events that happen inside a handler's own work, on any CPU, are counted. */
static void test_two_cpus(long n)
{
	const struct ktap_load more = { .buffer_kb = 64 };
	struct order o = { .last = 1LL << 62 };
	struct session s;
	struct image image;
	pid_t child[2];
	int i, status, failed = 0;

	if (compile("trace syscalls:sys_enter_lseek /fd == 4294967295/ { print(1) }", &image) ||
	    session_open(&s) || session_load(&s, &image, &more) || session_start(&s)) {
		ksft_test_result_fail("two CPUs: no session: %s\n", s.log);
		return;
	}
	for (i = 0; i < 2; i++) {
		child[i] = fork();
		if (!child[i]) {
			cpu_set_t set;

			CPU_ZERO(&set);
			CPU_SET(i % sysconf(_SC_NPROCESSORS_ONLN), &set);
			sched_setaffinity(0, sizeof(set), &set);
			make_marks(n);
			_exit(0);
		}
	}
	for (i = 0; i < 2; i++) {
		waitpid(child[i], &status, 0);
		failed |= status;
	}
	session_stop(&s);
	session_read(&s, check_order, &o);
	ksft_print_msg("%ld events, %ld records, %llu lost, %llu nested\n", 2 * n, o.records,
		       (unsigned long long)s.loss[KTAP_LOSS_OUTPUT],
		       (unsigned long long)s.loss[KTAP_LOSS_NESTED]);
	ksft_test_result(!s.ret && !failed && !s.loss[KTAP_LOSS_NESTED] &&
			 o.records + (long)s.loss[KTAP_LOSS_OUTPUT] == 2 * n,
			 "two CPUs: delivered and lost are all that was produced\n");
	session_close(&s);
	free(image.data);
}

/* An error in a handler loses nothing of what was printed before it. */
static void test_error(long n)
{
	const struct ktap_load more = { .pid = getpid() };
	struct order o = { .last = n };
	struct session s;
	struct image image;

	if (compile("trace syscalls:sys_enter_lseek {\n"
		    "	print(args.offset)\n"
		    "	if (args.offset == 7) { print(1 / 0) }\n"
		    "}", &image) ||
	    session_open(&s) || session_load(&s, &image, &more) || session_start(&s)) {
		ksft_test_result_fail("error: no session: %s\n", s.log);
		return;
	}
	make_marks(n);
	pthread_join(s.thread, NULL);
	session_read(&s, check_order, &o);
	ksft_print_msg("%ld records, the last of %lld, %d %s\n", o.records, o.last, s.ret,
		       s.error);
	ksft_test_result(s.ret == -EIO && *s.error && !o.wrong && o.last == 7 &&
			 o.records == n - 7 && !s.loss[KTAP_LOSS_OUTPUT],
			 "error: all that came before it is delivered, nothing after it\n");
	session_close(&s);
	free(image.data);
}

struct text {
	long records;
	size_t longest;
};

static void get_text(const struct ktap_rec *rec, void *data)
{
	const struct ktap_rec_val *v = record_value(rec, 0);
	struct text *t = data;

	if (rec->type != KTAP_REC_PRINT || !v || v->type != KTAP_VAL_STR)
		return;
	t->records++;
	if (v->len > t->longest)
		t->longest = v->len;
}

/* The longest string there is fits, in the main chunk and in handlers. */
static void test_longest(void)
{
	const struct ktap_load more = { .pid = getpid() };
	struct session s;
	struct image image;
	struct text t = { };

	if (compile("var s = \"0123456789abcdef\"\n"
		    "for (i = 1, 8) { s = s .. s }\n"
		    "trace syscalls:sys_enter_lseek { print(s) }\n"
		    "trace_end { print(s) print(s, 1) }", &image) ||
	    session_open(&s) || session_load(&s, &image, &more) || session_start(&s)) {
		ksft_test_result_fail("longest string: no session: %s\n", s.log);
		return;
	}
	make_marks(7);
	ioctl(s.fd, KTAP_IOC_STOP);
	session_read(&s, get_text, &t);
	pthread_join(s.thread, NULL);
	ksft_print_msg("%ld records, %zu bytes, %llu lost, %d %s\n", t.records, t.longest,
		       (unsigned long long)s.loss[KTAP_LOSS_OUTPUT], s.ret, s.error);
	ksft_test_result(t.records == 9 && !s.loss[KTAP_LOSS_OUTPUT] &&
			 t.longest == KTAP_MAX_STR,
			 "longest string: it fits into a record\n");
	session_close(&s);
	free(image.data);
}

int main(void)
{
	bool slow;

	ksft_print_header();
	if (missing())
		ksft_exit_skip("%s\n", missing());
	ksft_set_plan(8);
	alarm(500);
	kernel_note("loss");
	slow = slow_kernel();
	test_output(slow ? 20000 : 100000);
	test_end_waits();
	test_table(slow ? 20000 : 50000);
	test_two_cpus(slow ? 10000 : 50000);
	test_error(500);
	test_longest();
	ksft_test_result(kernel_is_clean("loss", NULL), "the kernel did not complain\n");
	ksft_finished();
}
