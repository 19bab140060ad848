// SPDX-License-Identifier: GPL-2.0
/*
 * Scripts, images and records that nobody would write: each ends in success or in an
 * error with a place, in bounded time and memory.  Prints TAP.
 *
 * Each case is a process of its own, with a limit on its time; its memory is
 * what the system says it took.  The limits have room for sanitizers: without
 * them each case takes a tenth.
 */
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim.h"
#include "vm.h"
#include "image.h"
#include "ktap_compile.h"
#include "render.h"

#define MAX_SECONDS	20
#define MAX_KB		(600 << 10)

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	/* what was freed is no memory that the compiler needs */
	return "quarantine_size_mb=1:malloc_context_size=2";
}

/**
 * struct bad - a script
 * @what: for people
 * @before: how it begins
 * @unit: what is repeated; a %u is the number of the repetition
 * @count: how often
 * @len: bytes of @unit, if it has a NUL
 * @after: how it ends
 * @error: in the text of the first error, or NULL if it compiles
 */
struct bad {
	const char *what;
	const char *before;
	const char *unit;
	unsigned int count;
	size_t len;
	const char *after;
	const char *error;
};

static const struct bad bads[] = {
	/* bytes */
	{ "3 MB of NUL", "", "", 3 << 20, 1, "", "unexpected byte 0x00" },
	{ "10 MB of NUL", "", "", 10 << 20, 1, "", "longer than 4 MiB" },
	{ "a NUL in each line", "", "print(1)\n\0", 100000, 10, "", "unexpected byte 0x00" },
	{ "NUL in strings", "x = \"", "\0", 4000, 1, "\"\nprint(len(x))", NULL },
	{ "a NUL in a comment", "#", "\0", 1, 1, "", "unexpected byte 0x00" },
	{ "3 MB that are not UTF-8", "", "\xff", 3 << 20, 0, "", "byte 0xff is not UTF-8" },
	{ "UTF-8 that is cut off", "x = 1 ", "\xe2\x82", 1, 0, "", "byte 0xe2 is not UTF-8" },
	{ "UTF-8 that is too long", "x = 1 ", "\xc0\x80", 1, 0, "", "byte 0xc0 is not UTF-8" },
	{ "characters outside of strings", "", "\xe2\x82\xac", 1 << 20, 0, "",
		"unexpected character" },
	{ "bytes of all kinds in a string", "print(\"", "\x01\x7f\xff\xc0", 1000, 0, "\")", NULL },
	{ "3 MB of line feeds", "", "\n", 3 << 20, 0, "x", "before end of file" },
	{ "3 MB of carriage returns", "", "\r", 3 << 20, 0, "x", "before end of file" },
	/* length */
	{ "10 MB of statements", "", "print(1)\n", 1200000, 0, "", "longer than 4 MiB" },
	{ "3 MB of statements", "", "print(1)\n", 350000, 0, "", NULL },
	{ "a name of 3 MB", "", "x", 3 << 20, 0, " = 1", "name is longer than" },
	{ "a number of 3 MB", "x = ", "9", 3 << 20, 0, "", "64 bits" },
	{ "a string of 3 MB", "x = \"", "y", 3 << 20, 0, "\"", "string is longer than" },
	{ "an event of 3 MB", "trace ", "y", 3 << 20, 0, "", "'{' expected" },
	{ "an event's text of 3 MB", "trace a:", "y", 3 << 20, 0, " { }", "longer than" },
	{ "a predicate without end", "trace a:b /", "y", 3 << 20, 0, "", "unfinished predicate" },
	{ "a comment without end", "/*", " /*", 1 << 20, 0, "", "unfinished comment" },
	{ "strings without end", "", "\"\n", 1 << 20, 0, "", "unfinished string" },
	{ "long strings without end", "", "[=[", 1 << 20, 0, "", "unfinished long string" },
	{ "almost long strings", "", "[==\n", 1 << 20, 0, "", "unexpected '['" },
	{ "invalid escapes", "x = \"", "\\q", 1 << 20, 0, "\"", "invalid escape" },
	/* depth */
	{ "10,000 nested parentheses", "print(", "(", 10000, 0, "1", "nested too deeply" },
	{ "3 million of them", "x = ", "(", 3 << 20, 0, "", "nested too deeply" },
	{ "nested blocks", "", "{", 3 << 20, 0, "", "nested too deeply" },
	{ "nested tables", "x = ", "{ ", 1 << 20, 0, "", "nested too deeply" },
	{ "nested functions", "", "function f() { ", 100000, 0, "", "nested too deeply" },
	{ "nested conditions", "x = 1\n", "if (x) ", 300000, 0, "x = 2", "nested too deeply" },
	{ "nested loops", "x = 1\n", "while (x) ", 300000, 0, "x = 2", "nested too deeply" },
	{ "nested calls", "", "print(", 300000, 0, "", "nested too deeply" },
	{ "signs", "x = ", "- ", 1 << 20, 0, "1", "nested too deeply" },
	{ "negations", "x = ", "!", 3 << 20, 0, "1", "nested too deeply" },
	{ "choices", "x = ", "1 ? ", 500000, 0, "1", "nested too deeply" },
	{ "concatenations", "x = ", "x .. ", 500000, 0, "x", "" },
	{ "sums", "x = ", "x + ", 500000, 0, "x", "too long" },
	{ "indexes", "x = x", "[1]", 500000, 0, "", "too long" },
	{ "calls of results", "x = x", "()", 500000, 0, "", "too long" },
	{ "captured by 100 functions", "var v = 1\n", "function f() { v += 1\n", 100, 0, "",
		"expected" },
	/* number */
	{ "100,000 functions", "", "function f%u() { return %u }\n", 100000, 0, "",
		"more than 65536 functions" },
	{ "60,000 functions", "", "function f%u() { return 1 }\n", 60000, 0, "", NULL },
	{ "100,000 functions without a name", "x = { ", "function () { }, ", 100000, 0, "}",
		"more than 65536 functions" },
	{ "100,000 local functions", "", "local function f%u() { }\n", 100000, 0, "", "too many" },
	{ "60,000 handlers", "", "trace test:one { x = %u }\n", 60000, 0, "", NULL },
	{ "40,000 predicates", "", "trace test:one /num == %u/ { x = 1 }\n", 40000, 0, "", NULL },
	{ "200,000 globals", "", "g%u = 1\n", 200000, 0, "", "more than 65536 globals" },
	{ "150,000 unknown names", "", "print(g%u)\n", 150000, 0, "", "nothing assigns" },
	{ "as many, among locals", "{ var a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r\n",
		"print(g%u)\n", 150000, 0, "}", "nothing assigns" },
	{ "200,000 strings", "", "x = \"s%u\"\n", 200000, 0, "", "more than 65536 constants" },
	{ "200,000 numbers", "", "x = 1%u00000\n", 200000, 0, "", "more than 65536 constants" },
	{ "200,000 labels", "", "::l%u::\n", 200000, 0, "", "too many labels" },
	{ "200,000 jumps to nowhere", "", "goto l%u\n", 200000, 0, "", "no label" },
	{ "200,000 jumps to one place", "", "goto l\n", 200000, 0, "::l::", NULL },
	{ "150,000 locals in blocks", "", "{ var l%u = 1 }\n", 150000, 0, "", NULL },
	{ "150,000 locals", "", "var l%u = 1\n", 150000, 0, "", "too many local variables" },
	{ "a million arguments", "print(", "1, ", 1000000, 0, "1)", "too many" },
	{ "200,000 targets", "", "a%u, ", 200000, 0, "b = 1", "too many variables" },
	{ "a million elements", "x = { ", "1, ", 1000000, 0, "}", "more than 65536 constants" },
	{ "a million members", "x = { ", "a = 1, ", 500000, 0, "}", NULL },
	{ "200,000 conditions", "x = 1\nif (x == 0) { }", " else if (x == 1) { }", 180000, 0, "",
		NULL },
	{ "500,000 errors", "", "{ x = ) }\n", 300000, 0, "", "unexpected ')'" },
	{ "errors at the end of many lines", "x = 1\n", "x = 1\n", 600000, 0,
		"y = )\nz = )\ny = )\nz = )\ny = )\n", "unexpected ')'" },
	{ "events without end", "trace ", "a:b, ", 500000, 0, "", "" },
	{ "predicates without end", "", "trace a:b /x/ ", 200000, 0, "", "" },
};

static void fill(const struct bad *b, struct buf *src)
{
	unsigned int i, n;
	char text[128];

	buf_add(src, b->before, strlen(b->before));
	for (i = 0; i < b->count; i++) {
		n = b->len ?: strlen(b->unit);
		if (!b->len && strchr(b->unit, '%')) {
			n = snprintf(text, sizeof(text), b->unit, i, i);
			buf_add(src, text, n);
		} else {
			buf_add(src, b->unit, n);
		}
	}
	buf_add(src, b->after, strlen(b->after));
}

static int load(const void *data, size_t size, const char *error)
{
	char text[512] = "";
	struct ktap_log log = { .buf = text, .size = sizeof(text) };
	struct ktap_prog prog;
	int ret;

	ret = ktap_prog_load(&prog, data, size, 1, &log);
	if (!ret) {
		ret = ktap_verify(&prog, &log);
		ktap_prog_free(&prog);
	}
	if (error ? ret == -EINVAL && !strncmp(text, error, strlen(error)) : !ret)
		return 0;
	printf("# refused: %s", ret ? text : "no\n");
	return 1;
}

/* In a process of its own; the status */
static int try_script(const struct bad *b)
{
	const struct diag_msg *m;
	struct ktap_image *img;
	struct ktap_diag diag;
	struct buf src = {};

	fill(b, &src);
	ktap_diag_init(&diag);
	img = ktap_compile("bad.kp", src.data, src.len, &diag);
	if (img)
		return b->error ? printf("# it compiled\n"), 1 : load(img->data, img->size, NULL);
	m = &diag.msgs[0];
	if (b->error && diag.nmsgs && m->pos.line && m->pos.col && strstr(m->text, b->error))
		return 0;
	printf("# %u:%u: %s\n", m->pos.line, m->pos.col, diag.nmsgs ? m->text : "no message");
	return 1;
}

/*
 * Images that are as large as they may be
 */
struct big {
	struct buf sec[KTAP_SEC_NR];
};

static void put_insn(struct big *b, u32 insn)
{
	static const u32 line = 1;

	buf_add(&b->sec[KTAP_SEC_CODE], &insn, sizeof(insn));
	buf_add(&b->sec[KTAP_SEC_LINES], &line, sizeof(line));
}

static void put_func(struct big *b, u32 ncode, u8 nupvals, u8 nregs)
{
	struct ktap_img_func f = {
		.code = b->sec[KTAP_SEC_CODE].len / 4 - ncode,
		.ncode = ncode,
		.upval = b->sec[KTAP_SEC_UPVALS].len / sizeof(struct ktap_img_upval) - nupvals,
		.nupvals = nupvals,
		.nregs = nregs,
	};

	buf_add(&b->sec[KTAP_SEC_FUNCS], &f, sizeof(f));
}

static int load_big(struct big *b, const char *error)
{
	struct ktap_img_header h = {
		.magic = KTAP_IMAGE_MAGIC,
		.version = KTAP_IMAGE_VERSION,
		.header_size = sizeof(h),
	};
	struct buf out = {};
	int i;

	buf_add(&out, &h, sizeof(h));
	for (i = 0; i < KTAP_SEC_NR; i++) {
		buf_pad(&out, 8);
		h.sections[i].off = out.len;
		h.sections[i].size = b->sec[i].len;
		buf_add(&out, b->sec[i].data, b->sec[i].len);
	}
	h.image_size = out.len;
	memcpy(out.data, &h, sizeof(h));
	return load(out.data, out.len, error);
}

/* Functions, each with as many upvalues as there is room for */
static int try_functions(void)
{
	struct ktap_img_upval up = { .from_reg = 1, .index = 249 };
	struct big b = {};
	unsigned int i, k;

	put_insn(&b, KTAP_INSN(KTAP_OP_RET, 0, 1, 0));
	put_func(&b, 1, 0, 250);
	for (i = 1; i < KTAP_MAX_FUNCS; i++) {
		for (k = 0; k < 50; k++)
			buf_add(&b.sec[KTAP_SEC_UPVALS], &up, sizeof(up));
		put_insn(&b, KTAP_INSN(KTAP_OP_RET, 0, 1, 0));
		put_func(&b, 1, 50, 1);
	}
	return load_big(&b, NULL);
}

/* Closures of a function with all the upvalues there may be */
static int try_closures(void)
{
	struct ktap_img_upval up = { .from_reg = 1, .index = 249 };
	struct big b = {};
	unsigned int i, n = (KTAP_MAX_IMAGE - 4096) / 8;

	for (i = 0; i < n; i++)
		put_insn(&b, KTAP_INSN_WIDE(KTAP_OP_CLOSURE, 0, 1));
	put_insn(&b, KTAP_INSN(KTAP_OP_RET, 0, 1, 0));
	put_func(&b, n + 1, 0, 250);
	for (i = 0; i < KTAP_MAX_UPVALS; i++)
		buf_add(&b.sec[KTAP_SEC_UPVALS], &up, sizeof(up));
	put_insn(&b, KTAP_INSN(KTAP_OP_RET, 0, 1, 0));
	put_func(&b, 1, KTAP_MAX_UPVALS, 1);
	return load_big(&b, NULL);
}

/* Constants that are all the same long string */
static int try_constants(unsigned int n, const char *error)
{
	struct ktap_img_const c = { .type = KTAP_CONST_STR, .s.len = KTAP_MAX_STR };
	char text[KTAP_MAX_STR];
	struct big b = {};
	unsigned int i;

	memset(text, 'x', sizeof(text));
	buf_add(&b.sec[KTAP_SEC_STRINGS], text, sizeof(text));
	for (i = 0; i < n; i++)
		buf_add(&b.sec[KTAP_SEC_CONSTS], &c, sizeof(c));
	put_insn(&b, KTAP_INSN(KTAP_OP_RET, 0, 1, 0));
	put_func(&b, 1, 0, 1);
	return load_big(&b, error);
}

static int try_jumps(void)
{
	struct big b = {};
	unsigned int i, n = (KTAP_MAX_IMAGE - 4096) / 8;

	for (i = 0; i < n; i++)
		put_insn(&b, KTAP_INSN_JUMP(KTAP_OP_JMP, (s32)(n / 2) - (s32)i));
	put_insn(&b, KTAP_INSN(KTAP_OP_RET, 0, 1, 0));
	put_func(&b, n + 1, 0, 1);
	return load_big(&b, NULL);
}

/*
 * Records, damaged so that a table is inside itself, or tables in tables come to
 * a length that no memory has.
 */
static void put_value(struct buf *b, u8 type, u64 i, u32 len)
{
	struct ktap_rec_val v = { .type = type, .len = len };

	buf_add(b, &v, sizeof(v));
	buf_add(b, &i, len);
	buf_pad(b, 8);
}

static void put_table(struct buf *out, u32 id, u32 inner, unsigned int nrows)
{
	struct ktap_rec rec = { .type = KTAP_REC_ROWS };
	size_t start = out->len;

	buf_add(out, &rec, sizeof(rec));
	put_value(out, KTAP_VAL_INT, id, sizeof(u64));
	while (nrows--) {
		put_value(out, KTAP_VAL_INT, nrows, sizeof(u64));
		put_value(out, KTAP_VAL_TABLE, inner, sizeof(u32));
	}
	rec.len = out->len - start;
	memcpy(out->data + start, &rec, sizeof(rec));
}

static int try_records(bool circle)
{
	struct ktap_rec rec = { .type = KTAP_REC_PRINT, .len = sizeof(rec) + 16 };
	struct ktap_render *r;
	struct ktap_image *img;
	struct ktap_diag diag;
	struct buf out = {};
	FILE *null = fopen("/dev/null", "w");
	u32 i;

	for (i = 1; i < 10; i++)
		put_table(&out, i, circle ? i % 2 + 1 : i + 1, 10);
	buf_add(&out, &rec, sizeof(rec));
	put_value(&out, KTAP_VAL_TABLE, 1, sizeof(u32));
	ktap_diag_init(&diag);
	img = ktap_compile("bad.kp", "", 0, &diag);
	r = img && null ? ktap_render_new(img->data, img->size, null, NULL) : NULL;
	return !r || ktap_render(r, out.data, out.len);
}

/* A distribution of an average that is there without having any values */
static int try_hist(void)
{
	struct ktap_rec_val v = { .type = KTAP_VAL_AGG, .len = sizeof(struct ktap_rec_agg) };
	struct ktap_rec_agg avg = { .kind = KTAP_AGG_AVG, .avg = 5 };
	struct ktap_rec rows = { .type = KTAP_REC_ROWS };
	struct ktap_rec rec = { .type = KTAP_REC_HIST, .len = sizeof(rec) + 32 };
	FILE *null = fopen("/dev/null", "w");
	struct ktap_render *r;
	struct ktap_image *img;
	struct ktap_diag diag;
	struct buf out = {};

	rows.len = sizeof(rows) + 32 + sizeof(v) + sizeof(avg);
	buf_add(&out, &rows, sizeof(rows));
	put_value(&out, KTAP_VAL_INT, 1, sizeof(u64));
	put_value(&out, KTAP_VAL_INT, 1, sizeof(u64));
	buf_add(&out, &v, sizeof(v));
	buf_add(&out, &avg, sizeof(avg));
	buf_add(&out, &rec, sizeof(rec));
	put_value(&out, KTAP_VAL_TABLE, 1, sizeof(u32));
	put_value(&out, KTAP_VAL_INT, 20, sizeof(u64));
	ktap_diag_init(&diag);
	img = ktap_compile("bad.kp", "", 0, &diag);
	r = img && null ? ktap_render_new(img->data, img->size, null, NULL) : NULL;
	return !r || ktap_render(r, out.data, out.len);
}

static int try_image(unsigned int n)
{
	switch (n) {
	case 0:
		return try_functions();
	case 1:
		return try_closures();
	case 2:
		return try_constants(8000, NULL);
	case 3:
		return try_constants(KTAP_MAX_CONSTS, "STRINGS_LARGE");
	case 4:
		return try_jumps();
	case 5:
	case 6:
		return try_records(n == 5);
	default:
		return try_hist();
	}
}

static const char * const images[] = {
	"65,536 functions with 50 upvalues each", "two million closures with 250 upvalues each",
	"8,000 constants of 4 KiB", "65,536 of them", "two million jumps",
	"records with tables inside themselves", "records with ten tables in each of ten ...",
	"a distribution of what is no number",
};

int main(void)
{
	unsigned int i, n = ARRAY_SIZE(bads) + ARRAY_SIZE(images), failed = 0;
	struct rlimit limit = { MAX_SECONDS, MAX_SECONDS + 1 };

	printf("TAP version 13\n1..%u\n", n);
	for (i = 0; i < n; i++) {
		bool script = i < ARRAY_SIZE(bads);
		const char *what = script ? bads[i].what : images[i - ARRAY_SIZE(bads)];
		struct rusage ru;
		int status;
		bool ok;
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (!pid) {
			setrlimit(RLIMIT_CPU, &limit);
			status = script ? try_script(&bads[i]) :
				 try_image(i - ARRAY_SIZE(bads));
			fflush(stdout);
			_exit(status);
		}
		if (pid < 0 || wait4(pid, &status, 0, &ru) != pid) {
			perror("wait4");
			return 1;
		}
		ok = !status && ru.ru_maxrss <= MAX_KB;
		failed += !ok;
		if (WIFSIGNALED(status))
			printf("# signal %d\n", WTERMSIG(status));
		printf("%sok %u bad input: %s: %ld.%03ld s, %ld MB\n", ok ? "" : "not ", i + 1,
		       what, (long)ru.ru_utime.tv_sec, (long)ru.ru_utime.tv_usec / 1000,
		       ru.ru_maxrss >> 10);
	}
	printf("# bad input: %u passed, %u failed\n", n - failed, failed);
	return !!failed;
}
