// SPDX-License-Identifier: GPL-2.0
/*
 * Places in programs as the kernel gets them from the tool, KTAP_IOC_TARGETS:
 * which bytes are refused, with which error, and what is traced then. The program
 * that is traced is this one.
 */
#include "session.h"
#include "places.h"
#include "../kselftest_harness.h"

#if !PLACE_HAS_SDT
int main(void)
{
	ksft_print_header();
	ksft_exit_skip("places.h knows no instructions of this machine\n");
}
#else

#define SELF		"/proc/self/exe"
#define MAX_VALUES	16

/* Sets in the making */
struct sets {
	char *buf;
	size_t size;		/* bytes there */
	size_t len;
	size_t set;		/* where the last one begins */
};

static void sets_init(struct sets *s)
{
	*s = (struct sets){ .size = 4096 };
	s->buf = calloc(1, s->size);
	if (!s->buf)
		abort();
}

/* Where @len more bytes are in the last set */
static __u32 sets_add(struct sets *s, const void *data, size_t len)
{
	size_t at = s->len;

	len = (len + 7) & ~7UL;
	while (s->len + len > s->size) {
		s->buf = realloc(s->buf, 2 * s->size);
		if (!s->buf)
			abort();
		memset(s->buf + s->size, 0, s->size);
		s->size *= 2;
	}
	s->len += len;
	if (data)
		memcpy(s->buf + at, data, len);
	return at - s->set;
}

static __u32 sets_string(struct sets *s, const char *text)
{
	size_t len = strlen(text) + 1;
	__u32 at = sets_add(s, NULL, len);

	memcpy(s->buf + s->set + at, text, len);
	return at;
}

static struct ktap_target_set *sets_last(struct sets *s)
{
	return (void *)(s->buf + s->set);
}

/* A new set, with @nr targets whose name is @name */
static void sets_begin(struct sets *s, const char *text, int fd, unsigned int nr,
		       const char *name)
{
	__u32 at_text, at_path, at_name;
	unsigned int i;

	s->set = s->len;
	sets_add(s, NULL, sizeof(struct ktap_target_set) + nr * sizeof(struct ktap_target));
	at_text = sets_string(s, text);
	at_path = sets_string(s, SELF);
	at_name = sets_string(s, name);
	*sets_last(s) = (struct ktap_target_set){
		.nr = nr,
		.fd = fd,
		.text = at_text,
		.path = at_path,
	};
	for (i = 0; i < nr; i++)
		sets_last(s)->target[i].name = at_name;
}

static void sets_end(struct sets *s)
{
	sets_last(s)->bytes = s->len - s->set;
}

/* A set of one target */
static void sets_one(struct sets *s, const char *text, int fd, __u64 offset)
{
	sets_begin(s, text, fd, 1, "one");
	sets_last(s)->target[0].offset = offset;
	sets_end(s);
}

static void sets_args(struct sets *s, unsigned int target, const char *provider,
		      const struct ktap_target_arg *args, unsigned int nargs)
{
	__u32 at_args = sets_add(s, args, nargs * sizeof(*args));
	__u32 at_provider = sets_string(s, provider);
	struct ktap_target *t = &sets_last(s)->target[target];

	t->args = at_args;
	t->nargs = nargs;
	t->provider = at_provider;
}

static int give(struct session *s, const void *sets, size_t bytes)
{
	struct ktap_targets t = {
		.size = sizeof(t),
		.sets = (unsigned long)sets,
		.bytes = bytes,
	};

	return ioctl(s->fd, KTAP_IOC_TARGETS, &t) ? errno : 0;
}

FIXTURE(targets)
{
	struct session s;
	struct sets sets;
	int fd;
	bool started;
	int nprints;
	int nnotes;
	char note[512];
	long long values[MAX_VALUES];	/* of the last line printed */
};

FIXTURE_SETUP(targets)
{
	if (missing())
		SKIP(return, "%s", missing());
	if (!PLACE_HAS_SDT)
		SKIP(return, "not on this machine");
	self->fd = open(SELF, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, session_open(&self->s));
	sets_init(&self->sets);
}

FIXTURE_TEARDOWN(targets)
{
	session_close(&self->s);
	close(self->fd);
	free(self->sets.buf);
}

static int load(struct session *s, const char *script)
{
	struct image image = {};
	int ret = compile(script, &image);

	if (ret)
		return ret;
	ret = session_load(s, &image, NULL);
	free(image.data);
	return ret;
}

static void read_record(const struct ktap_rec *rec, void *data)
{
	FIXTURE_DATA(targets) *self = data;
	const struct ktap_rec_val *v;
	int i;

	if (rec->type == KTAP_REC_STARTED)
		self->started = true;
	if (rec->type == KTAP_REC_NOTE) {
		self->nnotes++;
		v = record_value(rec, 0);
		if (v)
			snprintf(self->note, sizeof(self->note), "%.*s", (int)v->len,
				 (const char *)v->data);
	}
	if (rec->type != KTAP_REC_PRINT)
		return;
	self->nprints++;
	for (i = 0; i < MAX_VALUES; i++)
		self->values[i] = record_int(rec, i, -4242);
}

/* As session_start(), where notes come before that record */
static bool start_session(FIXTURE_DATA(targets) *self)
{
	static __u64 buf[4 * KTAP_REC_MAX / 8];
	const struct ktap_rec *rec;
	ssize_t n, pos;

	if (pthread_create(&self->s.thread, NULL, session_thread, &self->s))
		return false;
	while (!self->started && session_readable(&self->s, 60000)) {
		n = read(self->s.fd, buf, sizeof(buf));
		if (n <= 0)
			break;
		for (pos = 0; pos < n; pos += rec->len) {
			rec = (void *)((char *)buf + pos);
			read_record(rec, self);
		}
	}
	return self->started;
}

#define LOAD(script)	ASSERT_EQ(0, load(&self->s, script))
#define GIVE()		ASSERT_EQ(0, give(&self->s, self->sets.buf, self->sets.len))
#define START()								\
	do {								\
		if (!start_session(self)) {					\
			session_stop(&self->s);				\
			TH_LOG("not started: %s", self->s.error);	\
			ASSERT_TRUE(false);				\
		}							\
	} while (0)
#define STOP()								\
	do {								\
		EXPECT_EQ(0, session_stop(&self->s));			\
		EXPECT_STREQ("", self->s.error);			\
		EXPECT_LE(0, session_read(&self->s, read_record, self)); \
	} while (0)

/* No breakpoint is left in this process */
static bool intact(const void *place, unsigned char byte)
{
	return *(const volatile unsigned char *)place == byte;
}

static __u64 offset(const void *place)
{
	return place_offset(place);
}

static const struct ktap_target_arg good_args[] = {
	{ .kind = KTAP_TARGET_REG, .size = -4, .base = PLACE_REG_1 },
	{ .kind = KTAP_TARGET_REG, .size = 1, .base = PLACE_REG_1 },
	{ .kind = KTAP_TARGET_REG, .size = -8, .base = PLACE_REG_1 },
	{ .kind = KTAP_TARGET_MEM, .size = -4, .base = PLACE_REG_2, .disp = 4 },
	{ .kind = KTAP_TARGET_MEM, .size = 4, .scale = 4, .base = PLACE_REG_2,
	  .index = PLACE_REG_3, .disp = PLACE_DISP },
	{ .kind = KTAP_TARGET_MEM, .size = -2, .base = PLACE_REG_2 },
	{ .kind = KTAP_TARGET_CONST, .size = -4, .disp = -5 },
	{ .kind = KTAP_TARGET_NONE },
	{ .kind = KTAP_TARGET_MEM, .size = 8, .disp = 16 },
};

TEST_F(targets, only_between_load_and_run)
{
	sets_one(&self->sets, "u:x:one", self->fd, offset(place_sum));
	EXPECT_EQ(EINVAL, give(&self->s, self->sets.buf, self->sets.len));
	LOAD("print(1)");
	EXPECT_EQ(0, give(&self->s, self->sets.buf, self->sets.len));
	EXPECT_EQ(0, give(&self->s, self->sets.buf, self->sets.len));
	EXPECT_EQ(0, give(&self->s, NULL, 0));
	EXPECT_EQ(0, session_run(&self->s));
	EXPECT_EQ(EINVAL, give(&self->s, self->sets.buf, self->sets.len));
}

TEST_F(targets, the_structure)
{
	struct {
		struct ktap_targets t;
		char more[64];
	} big = { .t = { .size = sizeof(big) } };
	struct ktap_targets *t = &big.t;
	int fd = self->s.fd;

	LOAD("print(1)");
	big.more[5] = 1;
	EXPECT_TRUE(ioctl(fd, KTAP_IOC_TARGETS, t) && errno == E2BIG);
	big.more[5] = 0;
	EXPECT_EQ(0, ioctl(fd, KTAP_IOC_TARGETS, t));
	t->size = 8;
	EXPECT_TRUE(ioctl(fd, KTAP_IOC_TARGETS, t) && errno == EINVAL);
	t->size = sizeof(*t);
	t->flags = 1;
	EXPECT_TRUE(ioctl(fd, KTAP_IOC_TARGETS, t) && errno == EINVAL);
	t->flags = 0;
	t->bytes = KTAP_MAX_TARGET_BYTES + 1;
	EXPECT_TRUE(ioctl(fd, KTAP_IOC_TARGETS, t) && errno == E2BIG);
	t->bytes = ~0ULL;
	EXPECT_TRUE(ioctl(fd, KTAP_IOC_TARGETS, t) && errno == E2BIG);
	t->bytes = 64;
	EXPECT_TRUE(ioctl(fd, KTAP_IOC_TARGETS, t) && errno == EFAULT);
	t->sets = 0xffff888000000000UL;
	EXPECT_TRUE(ioctl(fd, KTAP_IOC_TARGETS, t) && errno == EFAULT);
	EXPECT_TRUE(ioctl(fd, KTAP_IOC_TARGETS, NULL) && errno == EFAULT);
}

/* A set with something of everything */
static void make_good(struct sets *s, int fd)
{
	__u32 note;

	sets_begin(s, "sdt:x:*", fd, 2, "name");
	sets_last(s)->target[0].offset = offset(place_sum);
	sets_last(s)->target[1].offset = offset(place_sdt_all);
	sets_args(s, 1, "provider", good_args, ARRAY_SIZE(good_args));
	note = sets_string(s, "a note");
	sets_last(s)->note = note;
	sets_end(s);
	sets_begin(s, "u:x:none", -1, 0, "");
	note = sets_string(s, "there is none");
	sets_last(s)->error = note;
	sets_last(s)->path = 0;
	sets_end(s);
	s->set = 0;
}

TEST_F_TIMEOUT(targets, cut_short, 120)
{
	size_t i, page = 4096;
	char *end;

	make_good(&self->sets, self->fd);
	LOAD("print(1)");
	EXPECT_EQ(0, give(&self->s, self->sets.buf, self->sets.len));
	end = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, end);
	munmap(end + page, page);
	end += page;
	for (i = 1; i < self->sets.len; i++) {
		memcpy(end - i, self->sets.buf, i);
		/* the first alone is one as well */
		ASSERT_EQ(i == sets_last(&self->sets)->bytes ? 0 : EINVAL,
			  give(&self->s, end - i, i));
		ASSERT_EQ(EFAULT, give(&self->s, end - i, self->sets.len));
	}
}

/* Each field of everything with each of these values */
TEST_F_TIMEOUT(targets, wrong_fields, 120)
{
	static const __u64 values[] = {
		0, 1, 2, 3, 7, 8, 9, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000,
		0xfffffff8, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000,
		0xffffffffffffffff,
	};
	unsigned int refused = 0, taken = 0, wrong = 0;
	size_t len, i, j;
	char *good;
	int ret;

	make_good(&self->sets, self->fd);
	LOAD("print(1)");
	len = self->sets.len;
	good = malloc(len);
	ASSERT_NE(NULL, good);
	memcpy(good, self->sets.buf, len);
	for (i = 0; i + 8 <= len; i += 4) {
		for (j = 0; j < 2 * ARRAY_SIZE(values); j++) {
			memcpy(self->sets.buf, good, len);
			memcpy(self->sets.buf + i, &values[j / 2], j % 2 ? 8 : 4);
			ret = give(&self->s, self->sets.buf, len);
			refused += !!ret;
			taken += !ret;
			wrong += ret && ret != EINVAL && ret != E2BIG && ret != EBADF;
		}
	}
	EXPECT_EQ(0, wrong);
	EXPECT_LT(1000, refused);
	/* other numbers, other letters */
	EXPECT_LT(100, taken);
	free(good);
}

/* Anything at all, and whatever is taken can be used */
TEST_F_TIMEOUT(targets, random_bytes, 120)
{
	int rounds = slow_kernel() ? 1000 : 5000, ret, i;
	unsigned int seed = 1, taken = 0, wrong = 0;
	static char good[8192];
	size_t len, n;

	make_good(&self->sets, self->fd);
	LOAD("trace \"sdt:x:*\" { print(arg1) }");
	len = self->sets.len;
	ASSERT_GE(sizeof(good), len);
	memcpy(good, self->sets.buf, len);
	for (i = 0; i < rounds; i++) {
		memcpy(self->sets.buf, good, len);
		for (n = 1 + rand_r(&seed) % 4; n; n--)
			self->sets.buf[rand_r(&seed) % len] = rand_r(&seed);
		ret = give(&self->s, self->sets.buf, len);
		taken += !ret;
		wrong += ret && ret != EINVAL && ret != E2BIG && ret != EBADF;
	}
	TH_LOG("%u of %d taken", taken, rounds);
	EXPECT_EQ(0, wrong);
	EXPECT_LT(0, taken);
	/* the last one that was taken: attached or not, it ends */
	if (start_session(self)) {
		place_sdt(1, (const int [8]){ 1, 2, 3, 4, 5, 6, 7, 8 });
		EXPECT_EQ(0, session_stop(&self->s));
	} else {
		session_stop(&self->s);
	}
}

TEST_F(targets, limits)
{
	struct sets s;
	int i;

	LOAD("print(1)");
	for (i = 0; i < KTAP_MAX_TARGET_SETS; i++)
		sets_one(&self->sets, "u:x:one", self->fd, 0x1000);
	EXPECT_EQ(0, give(&self->s, self->sets.buf, self->sets.len));
	sets_one(&self->sets, "u:x:one", self->fd, 0x1000);
	EXPECT_EQ(E2BIG, give(&self->s, self->sets.buf, self->sets.len));

	sets_init(&s);
	sets_begin(&s, "u:x:many", self->fd, KTAP_MAX_TARGETS, "many");
	sets_end(&s);
	EXPECT_EQ(0, give(&self->s, s.buf, s.len));
	free(s.buf);
	sets_init(&s);
	sets_begin(&s, "u:x:many", self->fd, KTAP_MAX_TARGETS + 1, "many");
	sets_end(&s);
	EXPECT_EQ(E2BIG, give(&self->s, s.buf, s.len));
	free(s.buf);
	for (i = KTAP_MAX_TARGET_ARGS; i <= KTAP_MAX_TARGET_ARGS + 1; i++) {
		struct ktap_target_arg args[KTAP_MAX_TARGET_ARGS + 1] = {};
		int j;

		for (j = 0; j < i; j++)
			args[j] = good_args[0];
		sets_init(&s);
		sets_begin(&s, "sdt:x:args", self->fd, 1, "args");
		sets_args(&s, 0, "p", args, i);
		sets_end(&s);
		EXPECT_EQ(i > KTAP_MAX_TARGET_ARGS ? E2BIG : 0,
			  give(&self->s, s.buf, s.len));
		free(s.buf);
	}
}

TEST_F(targets, files)
{
	int pipefd[2], dir = open("/", O_RDONLY), path = open(SELF, O_PATH), fds[6], i;
	int out = open("/tmp", O_TMPFILE | O_WRONLY, 0600);
	struct ktap_target_set *set;

	LOAD("trace \"u:x:one\" { n += 1 } trace_end { print(n) }");
	sets_one(&self->sets, "u:x:one", self->fd, offset(place_sum));
	set = sets_last(&self->sets);
	ASSERT_EQ(0, pipe(pipefd));
	fds[0] = dir;
	fds[1] = path;
	fds[2] = out;
	fds[3] = pipefd[0];
	fds[4] = self->s.fd;
	fds[5] = 4000;
	for (i = 0; i < 6; i++) {
		set->fd = fds[i];
		EXPECT_EQ(EBADF, give(&self->s, self->sets.buf, self->sets.len)) {
			TH_LOG("file %d", i);
		}
	}
	set->fd = -1;
	EXPECT_EQ(EBADF, give(&self->s, self->sets.buf, self->sets.len));
	/* the kernel keeps it */
	set->fd = dup(self->fd);
	GIVE();
	close(set->fd);
	START();
	place_sum(1, 2, 3, 4, 5, 6);
	STOP();
	EXPECT_EQ(1, self->values[0]);
	close(dir);
	close(path);
	close(out);
	close(pipefd[0]);
	close(pipefd[1]);
}

TEST_F(targets, the_second_call_replaces)
{
	struct sets s;

	LOAD("trace \"u:x:one\" { n += 1 } trace_end { print(n) }");
	sets_init(&s);
	sets_one(&s, "u:x:one", self->fd, offset(place_string));
	EXPECT_EQ(0, give(&self->s, s.buf, s.len));
	sets_one(&self->sets, "u:x:one", self->fd, offset(place_sum));
	GIVE();
	/* one that is wrong does not */
	sets_last(&s)->pad = 1;
	EXPECT_EQ(EINVAL, give(&self->s, s.buf, s.len));
	free(s.buf);
	START();
	place_sum(1, 2, 3, 4, 5, 6);
	place_sum(1, 2, 3, 4, 5, 6);
	place_string("x");
	STOP();
	EXPECT_EQ(2, self->values[0]);
}

TEST_F(targets, its_error)
{
	__u32 error;

	LOAD("trace \"u:x:none\" { }");
	sets_begin(&self->sets, "u:x:none", -1, 0, "");
	error = sets_string(&self->sets, "it has no function of that name");
	sets_last(&self->sets)->error = error;
	sets_end(&self->sets);
	GIVE();
	EXPECT_EQ(-EIO, session_run(&self->s));
	EXPECT_NE(NULL, strstr(self->s.error,
			       "cannot probe \"u:x:none\": it has no function of that name"));
}

TEST_F(targets, a_text_of_another_set)
{
	LOAD("trace \"u:x:on\" { }");
	sets_one(&self->sets, "u:x:one", self->fd, offset(place_sum));
	GIVE();
	EXPECT_EQ(-EIO, session_run(&self->s));
	EXPECT_NE(NULL, strstr(self->s.error, "only texts that stand in the script"));
}

static const char refused_script[] = "trace \"u:x:one\" { }";

/* Places that cannot be probed, and what is said */
TEST_F(targets, places_that_are_refused)
{
	static const struct {
		const char *place;
		long from;		/* the place, from there */
		long start;		/* the function, from there */
		const char *says;
	} places[] = {
		{ place_locked, 0, 0, "the kernel cannot probe the instruction" },
		{ place_steps, 2, 0, "in the middle of an instruction" },
		{ place_steps, 3, 0, "in the middle of an instruction" },
		{ place_steps, 5, 0, "in the middle of an instruction" },
		{ place_steps, 13, 0, "in the middle of an instruction" },
		{ (const char *)&place_semaphore, 0, -1, "not code of the program" },
		{ place_steps, 1L << 40, -1, "beyond the end of the file" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		__u64 at = offset(places[i].place);
		struct session *s = &self->s;
		struct sets sets;

		session_close(s);
		ASSERT_EQ(0, session_open(s));
		LOAD(refused_script);
		sets_init(&sets);
		sets_begin(&sets, "u:x:one", self->fd, 1, "one");
		sets_last(&sets)->target[0].offset = at + places[i].from;
		if (places[i].start >= 0)
			sets_last(&sets)->target[0].start = at + places[i].start;
		sets_end(&sets);
		ASSERT_EQ(0, give(s, sets.buf, sets.len));
		free(sets.buf);
		EXPECT_EQ(-EIO, session_run(s));
		EXPECT_NE(NULL, strstr(s->error, places[i].says)) {
			TH_LOG("place %u: %s", i, s->error);
		}
	}
}

/* Each instruction of a function, by offset from its begin */
TEST_F(targets, instructions)
{
	static const int steps[] = { PLACE_STEPS };
	unsigned int i, sum = 0;

	LOAD("trace \"u:x:steps*\" { n += 1 s += args.ip } trace_end { print(n, s) }");
	sets_begin(&self->sets, "u:x:steps*", self->fd, ARRAY_SIZE(steps), "step");
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		sets_last(&self->sets)->target[i].offset = offset(place_steps) + steps[i];
		sets_last(&self->sets)->target[i].start = offset(place_steps);
		sum += steps[i];
	}
	sets_end(&self->sets);
	GIVE();
	START();
	for (i = 0; i < 100; i++)
		EXPECT_EQ(0x1122334455667788, ((long (*)(void))place_steps)());
	STOP();
	EXPECT_EQ(500, self->values[0]);
	EXPECT_EQ(100 * (5 * (long)place_steps + sum), self->values[1]);
	EXPECT_TRUE(intact(place_steps, PLACE_STEPS_BYTE));
}

TEST_F(targets, arguments_of_sdt)
{
	static const int numbers[8] = { -7, -44, 10, 11, 0x7fffffff };

	LOAD("trace \"sdt:x:all\" {\n"
	     "	print(arg1, arg2, arg3, arg4, arg5, arg6, arg7, arg8, arg9, arg0,\n"
	     "	      probename == \"ktap_test:all\", func == \"all\", arg10)\n"
	     "}");
	sets_begin(&self->sets, "sdt:x:all", self->fd, 1, "all");
	sets_last(&self->sets)->target[0].offset = offset(place_sdt_all);
	sets_args(&self->sets, 0, "ktap_test", good_args, ARRAY_SIZE(good_args));
	sets_end(&self->sets);
	GIVE();
	START();
	place_sdt(-3, numbers);
	STOP();
	EXPECT_EQ(1, self->nprints);
	EXPECT_EQ(-3, self->values[0]);
	EXPECT_EQ(0xfd, self->values[1]);
	EXPECT_EQ(-3, self->values[2]);
	EXPECT_EQ(-44, self->values[3]);
	EXPECT_EQ(0x7fffffff, self->values[4]);
	EXPECT_EQ(-7, self->values[5]);
	EXPECT_EQ(-5, self->values[6]);
	/* of nowhere, and of a page that is not there */
	EXPECT_EQ(-4242, self->values[7]);
	EXPECT_EQ(-4242, self->values[8]);
	EXPECT_EQ(1, self->s.loss[KTAP_LOSS_FAULT]);
	EXPECT_EQ((long)place_sdt_all, self->values[9]);
	EXPECT_EQ(-4242, self->values[12]);
}

/* One event in two places with other arguments */
TEST_F(targets, sdt_in_two_places)
{
	static const struct ktap_target_arg args[] = {
		{ .kind = KTAP_TARGET_REG, .size = -8, .base = PLACE_REG_1 },
		{ .kind = KTAP_TARGET_REG, .size = -8, .base = PLACE_REG_2 },
	};
	int i;

	LOAD("trace \"sdt:x:twice\" {\n"
	     "	n += 1 a += arg1 if (arg2 != nil) { b += arg2 m += 1 }\n"
	     "}\n"
	     "trace_end { print(n, a, b, m) }");
	sets_begin(&self->sets, "sdt:x:twice", self->fd, 2, "twice");
	sets_last(&self->sets)->target[0].offset = offset(place_sdt_third);
	sets_last(&self->sets)->target[1].offset = offset(place_sdt_fourth);
	sets_args(&self->sets, 0, "ktap_test", args, 1);
	sets_args(&self->sets, 1, "ktap_test", args, 2);
	sets_end(&self->sets);
	GIVE();
	START();
	for (i = 0; i < 100; i++)
		place_sdt_twice(i);
	STOP();
	EXPECT_EQ(200, self->values[0]);
	EXPECT_EQ(0, self->values[1]);
	EXPECT_EQ(100 * 101 / 2, self->values[2]);
	EXPECT_EQ(100, self->values[3]);
}

static void give_counted(struct __test_metadata *_metadata, FIXTURE_DATA(targets) *self)
{
	static const struct ktap_target_arg arg = {
		.kind = KTAP_TARGET_REG, .size = 8, .base = PLACE_REG_1,
	};

	LOAD("trace \"sdt:x:counted\" { n += arg1 } trace_end { print(n) }");
	sets_begin(&self->sets, "sdt:x:counted", self->fd, 1, "counted");
	sets_last(&self->sets)->target[0].offset = offset(place_sdt_second);
	sets_last(&self->sets)->target[0].ref_ctr = offset((const void *)&place_semaphore);
	sets_args(&self->sets, 0, "ktap_test", &arg, 1);
	sets_end(&self->sets);
	GIVE();
}

/* The counter is up while the probe is there, and says how many there are */
TEST_F(targets, semaphores)
{
	FIXTURE_DATA(targets) other = { .fd = self->fd };
	int i;

	ASSERT_EQ(0, session_open(&other.s));
	sets_init(&other.sets);
	EXPECT_EQ(0, place_semaphore);
	/* no process is started while a session runs: its SIGCHLD would end that */
	give_counted(_metadata, self);
	give_counted(_metadata, &other);
	START();
	EXPECT_EQ(1, place_semaphore);
	ASSERT_TRUE(start_session(&other));
	/* one breakpoint is one count, whoever listens */
	EXPECT_LE(1, place_semaphore);
	for (i = 1; i <= 10; i++)
		place_sdt_counted(i);
	STOP();
	EXPECT_LE(1, place_semaphore);
	place_sdt_counted(100);
	EXPECT_EQ(0, session_stop(&other.s));
	EXPECT_LE(0, session_read(&other.s, read_record, &other));
	EXPECT_EQ(0, place_semaphore);
	EXPECT_EQ(55, self->values[0]);
	EXPECT_EQ(155, other.values[0]);
	session_close(&other.s);
	free(other.sets.buf);
	EXPECT_TRUE(intact(place_sdt_second, PLACE_NOP_BYTE));
}

/* Somebody else has the place, and no semaphore */
TEST_F(targets, another_semaphore)
{
	FIXTURE_DATA(targets) other = { .fd = self->fd };

	ASSERT_EQ(0, session_open(&other.s));
	give_counted(_metadata, self);
	EXPECT_EQ(0, load(&other.s, refused_script));
	START();
	sets_init(&other.sets);
	sets_one(&other.sets, "u:x:one", self->fd, offset(place_sdt_second));
	EXPECT_EQ(0, give(&other.s, other.sets.buf, other.sets.len));
	EXPECT_EQ(-EIO, session_run(&other.s));
	EXPECT_NE(NULL, strstr(other.s.error, "without its semaphore"));
	session_close(&other.s);
	free(other.sets.buf);
	place_sdt_counted(5);
	STOP();
	EXPECT_EQ(5, self->values[0]);
}

/* Thousands of places, one of which cannot be probed */
TEST_F_TIMEOUT(targets, many, 180)
{
	long long start, armed, stopped;
	int i, round, rounds = 3, many = slow_kernel() ? 200 : PLACE_MANY;
	__u32 note;

	LOAD("trace \"u:x:many*\" { n += 1 s += arg1 t[arg0] += 1 }\n"
	     "trace \"u:x:many*!\" { r += 1 u += retval if (args.ret_ip == 0) { wrong += 1 } }\n"
	     "trace_end { print(n, s, r, u, len(t), wrong) }");
	for (round = 0; round < 2; round++) {
		sets_begin(&self->sets, round ? "u:x:many*!" : "u:x:many*", self->fd,
			   many + !round, "many");
		for (i = 0; i < many; i++)
			sets_last(&self->sets)->target[i].offset = offset(place_many) + 16 * i;
		if (!round) {
			sets_last(&self->sets)->target[many].offset = offset(place_locked);
			note = sets_string(&self->sets, "bad_one");
			sets_last(&self->sets)->target[many].name = note;
		}
		sets_end(&self->sets);
	}
	GIVE();
	start = now_ms();
	START();
	armed = now_ms();
	for (round = 0; round < rounds; round++)
		for (i = 0; i < many; i++)
			EXPECT_EQ(i, ((int (*)(int))(place_many + 16 * i))(i));
	stopped = now_ms();
	STOP();
	TH_LOG("%d places: %lld ms to attach, %lld to detach", 2 * many, armed - start,
	       now_ms() - stopped);
	EXPECT_EQ(rounds * many, self->values[0]);
	EXPECT_EQ(rounds * (many - 1L) * many / 2, self->values[1]);
	EXPECT_EQ(rounds * many, self->values[2]);
	EXPECT_EQ(self->values[1], self->values[3]);
	EXPECT_EQ(many, self->values[4]);
	EXPECT_EQ(-4242, self->values[5]);
	EXPECT_EQ(1, self->nnotes);
	EXPECT_NE(NULL, strstr(self->note, "1 of ")) {
		TH_LOG("%s", self->note);
	}
	EXPECT_NE(NULL, strstr(self->note, " places of \"u:x:many*\" cannot be traced")) {
		TH_LOG("%s", self->note);
	}
	EXPECT_NE(NULL, strstr(self->note, "bad_one"));
	EXPECT_TRUE(intact(place_many, PLACE_MANY_BYTE));
	EXPECT_TRUE(intact(place_many + 16 * (many - 1), PLACE_MANY_BYTE));
}

/* A pattern of which nothing can be probed */
TEST_F(targets, none_of_many)
{
	unsigned int i;

	LOAD("trace \"u:x:m*\" { }");
	sets_begin(&self->sets, "u:x:m*", self->fd, 3, "bad");
	for (i = 0; i < 3; i++)
		sets_last(&self->sets)->target[i].offset = offset(place_locked);
	sets_end(&self->sets);
	GIVE();
	EXPECT_EQ(-EIO, session_run(&self->s));
	EXPECT_NE(NULL, strstr(self->s.error, "cannot probe the instruction"));
}

/* A field that a probe has not is an error where it is read */
TEST_F(targets, fields)
{
	LOAD("trace \"sdt:x:one\" { print(args.arg2) }");
	sets_begin(&self->sets, "sdt:x:one", self->fd, 1, "one");
	sets_last(&self->sets)->target[0].offset = offset(place_sdt_all);
	sets_args(&self->sets, 0, "p", good_args, 1);
	sets_end(&self->sets);
	GIVE();
	EXPECT_EQ(-EIO, session_run(&self->s));
	EXPECT_NE(NULL, strstr(self->s.error, "has no field \"arg2\""));
}

TEST_F(targets, the_kernel_did_not_complain)
{
	EXPECT_TRUE(kernel_is_clean("targets", NULL));
}

int main(int argc, char **argv)
{
	if (!missing())
		kernel_note("targets");
	return test_harness_run(argc, argv);
}
#endif
