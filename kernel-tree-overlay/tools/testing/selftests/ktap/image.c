// SPDX-License-Identifier: GPL-2.0
/*
 * Images that the compiler did not make: of another version, cut short at every
 * length, and with bytes changed at random. Each is refused with a reason, or
 * runs within its limits; the kernel survives both.
 */
#include <stdatomic.h>

#include "session.h"
#include "../kselftest.h"

static const char script[] =
	"var t = {} s = \"text\"\n"
	"function f(a, b, ...) { if (a > 0) { return f(a - 1, b .. \"x\", ...) } return b, ... }\n"
	"function counter() { var n = 0 return function () { n += 1 return n } }\n"
	"var c = counter()\n"
	"for (i = 1, 20) { t[i, s] = c() t[i] += i * 3 / 2 % 7 }\n"
	"for (k, v in pairs(t)) { n += v if (n > 100 && k != nil) { break } }\n"
	"var x = 5 while (x > 0) { x -= 1 if (x == 2) { continue } s = s .. x }\n"
	"print(f(3, \"y\", 1, 2), len(s), t[3], -x, !x, ~x, x << 3, x ^ 5)\n"
	"printf(\"%s %d %x\\n\", s, 17, 255)\n"
	"trace syscalls:sys_enter_lseek /fd == 4294967295/ {\n"
	"	m += 1 u[execname, args.offset] += 1 print(argstr, arg1, cpu, pid, e.name)\n"
	"}\n"
	"trace sched:sched_switch { w[args.prev_comm] += 1 }\n"
	"trace_end { print(n, m, len(u), len(w)) delete(t) }\n";

static struct image good;

/*
 * Load a copy with the first @size bytes, and run it, but not for long. It is
 * in memory of just that size. 0: it ran; otherwise what LOAD said
 */
static int try(const unsigned char *data, size_t size, char *log, size_t log_size)
{
	static const struct ktap_load more = {
		.buffer_kb = 64, .mem_limit = 1 << 20,
		.main_budget = 200000, .handler_budget = 10000,
	};
	struct image image = { .data = malloc(size ?: 1), .size = size };
	struct session s;
	int ret;

	memcpy(image.data, data, size);
	if (session_open(&s)) {
		free(image.data);
		return -1;
	}
	ret = session_load(&s, &image, &more);
	snprintf(log, log_size, "%.200s", s.log);
	if (!ret) {
		pthread_create(&s.thread, NULL, session_thread, &s);
		if (session_readable(&s, 20))
			mark(1);
		ioctl(s.fd, KTAP_IOC_STOP);
		/* what main and trace_end print has to be read */
		session_read(&s, NULL, NULL);
		pthread_join(s.thread, NULL);
	}
	session_close(&s);
	free(image.data);
	return ret;
}

static void test_good(void)
{
	char log[256];
	int ret = try(good.data, good.size, log, sizeof(log));

	ksft_print_msg("%zu bytes, %d %s\n", good.size, ret, log);
	ksft_test_result(!ret, "the image as it is loads and runs\n");
}

static void test_short(void)
{
	int ret, wrong = 0;
	size_t size, step = good.size > 4000 ? 7 : 3;
	char log[256];

	for (size = 0; size < good.size; size += step) {
		ret = try(good.data, size, log, sizeof(log));
		if (ret != -EINVAL || !*log) {
			ksft_print_msg("%zu bytes: %d '%s'\n", size, ret, log);
			wrong++;
		}
	}
	ksft_test_result(!wrong, "an image cut short is refused with a reason, at every length\n");
}

static void test_header(void)
{
	static const struct {
		const char *what;
		size_t offset;
		unsigned char value[4];
		size_t size;
	} changes[] = {
		{ "magic", offsetof(struct ktap_img_header, magic), "ELF", 4 },
		{ "version 0", offsetof(struct ktap_img_header, version), { 0, 0 }, 2 },
		{ "next version", offsetof(struct ktap_img_header, version),
		  { KTAP_IMAGE_VERSION + 1, 0 }, 2 },
		{ "header size", offsetof(struct ktap_img_header, header_size), { 8, 0 }, 2 },
		{ "image size", offsetof(struct ktap_img_header, image_size),
		  { 255, 255, 255, 255 }, 4 },
		{ "flags", offsetof(struct ktap_img_header, flags), { 0, 0, 0, 128 }, 4 },
		{ "source", offsetof(struct ktap_img_header, source), { 255, 255, 255, 255 }, 4 },
		{ "section", offsetof(struct ktap_img_header, sections[KTAP_SEC_CODE].off),
		  { 0, 0, 0, 0 }, 4 },
		{ "section size", offsetof(struct ktap_img_header, sections[KTAP_SEC_CODE].size),
		  { 252, 255, 255, 255 }, 4 },
	};
	unsigned char *copy = malloc(good.size);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		char log[256];
		int ret;

		memcpy(copy, good.data, good.size);
		memcpy(copy + changes[i].offset, changes[i].value, changes[i].size);
		ret = try(copy, good.size, log, sizeof(log));
		ksft_print_msg("%s: %d %s\n", changes[i].what, ret, log);
		ksft_test_result(ret == -EINVAL && *log, "header: %s\n", changes[i].what);
	}
	free(copy);
}

/* xorshift: the same sequence everywhere */
static unsigned int next(unsigned int *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void test_random(unsigned int seed, long ms)
{
	unsigned char *copy = malloc(good.size);
	long tried = 0, refused = 0, silent = 0;
	unsigned int state = seed;
	long long end = now_ms() + ms;

	while (now_ms() < end) {
		int changes = 1 + next(&state) % 3;
		char log[256];

		memcpy(copy, good.data, good.size);
		while (changes--) {
			size_t at = next(&state) % good.size;

			if (next(&state) & 1)
				copy[at] ^= 1 << (next(&state) & 7);
			else
				copy[at] = next(&state);
		}
		tried++;
		if (try(copy, good.size, log, sizeof(log))) {
			refused++;
			silent += !*log;
		}
	}
	ksft_print_msg("seed %u: %ld images, %ld refused\n", seed, tried, refused);
	ksft_test_result(tried > 20 && refused > 0 && !silent,
			 "images with random changes, seed %u\n", seed);
	free(copy);
}

/* The image changes in memory while the kernel reads it. */
static struct image shared;
static atomic_bool quit;

static void *scribble(void *arg)
{
	unsigned int state = 77;

	while (!quit) {
		size_t at = next(&state) % shared.size;
		unsigned char old = shared.data[at];

		shared.data[at] = next(&state);
		__asm__ volatile("" ::: "memory");
		shared.data[at] = old;
	}
	return NULL;
}

static void test_changing(long ms)
{
	static const struct ktap_load more = { .buffer_kb = 64, .main_budget = 100000 };
	long long end = now_ms() + ms;
	struct session s;
	pthread_t t;
	int tried = 0, odd = 0;

	shared = (struct image){ .data = malloc(good.size), .size = good.size };
	memcpy(shared.data, good.data, good.size);
	pthread_create(&t, NULL, scribble, NULL);
	while (now_ms() < end) {
		int ret;

		if (session_open(&s))
			break;
		ret = session_load(&s, &shared, &more);
		odd += ret && ret != -EINVAL;
		session_close(&s);
		tried++;
	}
	quit = true;
	pthread_join(t, NULL);
	free(shared.data);
	ksft_test_result(tried > 5 && !odd, "an image that changes while it is loaded\n");
}

int main(void)
{
	unsigned int seed;
	bool slow;

	ksft_print_header();
	if (missing())
		ksft_exit_skip("%s\n", missing());
	ksft_set_plan(17);
	alarm(500);
	kernel_note("image");
	slow = slow_kernel();
	if (compile(script, &good))
		ksft_exit_fail_msg("no image\n");
	test_good();
	test_short();
	test_header();
	for (seed = 1; seed <= 4; seed++)
		test_random(seed, slow ? 6000 : 2000);
	test_changing(1000);
	ksft_test_result(kernel_is_clean("image", NULL), "the kernel did not complain\n");
	ksft_finished();
}
