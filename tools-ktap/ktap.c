// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: the command line.
 *
 *	ktap [options] FILE [script arguments] [-- COMMAND [arguments]]
 *	ktap [options] -e SCRIPT [script arguments] [-- COMMAND [arguments]]
 *
 * The options are parsed with getopt_long() rather than tools/lib/subcmd: what
 * follows the script is the script's, a wrong option is one sentence and status
 * 2 (parse-options prints the whole usage and exits with 129), and help must
 * not start a pager in an initramfs.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump.h"
#include "image.h"
#include "run.h"

#define KTAP_TOOL_VERSION	"1.0"
#define ONE_LINER		"(command line)"

enum {
	OPT_COMPILE = 256,
	OPT_BUFFER_KB,
	OPT_MEM_LIMIT,
	OPT_MAIN_BUDGET,
	OPT_HANDLER_BUDGET,
	OPT_DEVICE,
};

struct options {
	struct run_options run;
	const char *source;		/* -e */
	const char *output;		/* -o */
	const char *compile;		/* --compile */
	bool dump;
	char *shell[4];			/* -c: sh -c COMMAND */
};

static const char usage_text[] =
	"usage: ktap [options] FILE [script arguments] [-- COMMAND [arguments]]\n"
	"       ktap [options] -e SCRIPT [script arguments] [-- COMMAND [arguments]]\n";

static const char help_text[] =
	"\n"
	"Runs a ktap script, or an image made by --compile; '-' is the standard input.\n"
	"With a command after '--', only that command is traced, and until it ends.\n"
	"\n"
	"  -e SCRIPT          the script itself, instead of a file\n"
	"  -o FILE            write the script's output to FILE\n"
	"  -p PID             trace only this process, with its threads and children\n"
	"  -c COMMAND         as '-- sh -c COMMAND'\n"
	"  -q                 no 'Tracing...' line; -qq: no report of losses either\n"
	"  -v                 verbose\n"
	"  -d                 show the compiled script and exit\n"
	"  --compile FILE     write the compiled script to FILE and exit\n"
	"  --buffer-kb N      output buffer for each CPU, in KiB\n"
	"  --mem-limit N      bytes that tables may take; K, M and G are understood\n"
	"  --main-budget N    instructions that the main chunk may execute\n"
	"  --handler-budget N instructions that one run of a handler may execute\n"
	"  --device FILE      instead of /dev/ktap\n"
	"  -V                 show the version and exit\n"
	"  -h                 show this help and exit\n"
	"\n"
	"Exit status: 0, or what the script gives to exit(); 1 after a run-time error or\n"
	"if the kernel refuses; 2 for a wrong command line or a file that cannot be\n"
	"read; 127 if the command cannot be run; 255 for errors in the script.\n";

static const struct option long_options[] = {
	{ "compile",		required_argument,	NULL, OPT_COMPILE },
	{ "buffer-kb",		required_argument,	NULL, OPT_BUFFER_KB },
	{ "mem-limit",		required_argument,	NULL, OPT_MEM_LIMIT },
	{ "main-budget",	required_argument,	NULL, OPT_MAIN_BUDGET },
	{ "handler-budget",	required_argument,	NULL, OPT_HANDLER_BUDGET },
	{ "device",		required_argument,	NULL, OPT_DEVICE },
	{ "output",		required_argument,	NULL, 'o' },
	{ "pid",		required_argument,	NULL, 'p' },
	{ "quiet",		no_argument,		NULL, 'q' },
	{ "verbose",		no_argument,		NULL, 'v' },
	{ "version",		no_argument,		NULL, 'V' },
	{ "dump",		no_argument,		NULL, 'd' },
	{ "help",		no_argument,		NULL, 'h' },
	{ }
};

__printf(1, 2)
static __noreturn void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("ktap: error: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(STATUS_USAGE);
}

static __u64 parse_number(const char *what, const char *s, __u64 max, bool units)
{
	unsigned long long v;
	unsigned int shift = 0;
	char *end;

	errno = 0;
	v = strtoull(s, &end, 10);
	if (units && end != s && *end && !end[1]) {
		shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
		if (shift)
			end++;
	}
	if (end == s || *end || *s == '-' || *s == '+' || errno || v > max >> shift || !v)
		fail("%s needs a number from 1 to %llu, not '%s'", what,
		     (unsigned long long)max, s);
	return v << shift;
}

static void parse_pid(struct options *o, const char *s)
{
	o->run.pid = parse_number("-p", s, INT32_MAX, false);
	if (kill(o->run.pid, 0) && errno == ESRCH)
		fail("cannot find pid %u", o->run.pid);
}

static void bad_option(int argc, char **argv, int c)
{
	const char *arg = optind > 0 && optind <= argc ? argv[optind - 1] : "";

	if (c == ':' && optopt > 0 && optopt < 128)
		fail("option -%c needs a value; see ktap -h", optopt);
	if (c == ':')
		fail("option %s needs a value; see ktap -h", arg);
	if (optopt > 0 && optopt < 128)
		fail("there is no option -%c; see ktap -h", optopt);
	fail("option %s is not known or not clear; see ktap -h", arg);
}

/* Everything before the script; returns the index of what follows the options */
static int parse_options(struct options *o, int argc, char **argv)
{
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:e:o:p:c:qvVdh", long_options, NULL)) != -1) {
		switch (c) {
		case 'e':
			if (o->source)
				fail("-e is given twice");
			o->source = optarg;
			break;
		case 'o':
			o->output = optarg;
			break;
		case 'p':
			parse_pid(o, optarg);
			break;
		case 'c':
			o->shell[0] = "/bin/sh";
			o->shell[1] = "-c";
			o->shell[2] = optarg;
			o->run.command = o->shell;
			break;
		case 'q':
			o->run.quiet++;
			break;
		case 'v':
			o->run.verbose = true;
			break;
		case 'd':
			o->dump = true;
			break;
		case 'V':
			printf("ktap %s, image version %d\n", KTAP_TOOL_VERSION,
			       KTAP_IMAGE_VERSION);
			exit(STATUS_OK);
		case 'h':
			fputs(usage_text, stdout);
			fputs(help_text, stdout);
			exit(STATUS_OK);
		case OPT_COMPILE:
			o->compile = optarg;
			break;
		case OPT_BUFFER_KB:
			o->run.buffer_kb = parse_number("--buffer-kb", optarg, 1 << 20, false);
			break;
		case OPT_MEM_LIMIT:
			o->run.mem_limit = parse_number("--mem-limit", optarg, 1ULL << 40, true);
			break;
		case OPT_MAIN_BUDGET:
			o->run.main_budget = parse_number("--main-budget", optarg, INT64_MAX,
							  false);
			break;
		case OPT_HANDLER_BUDGET:
			o->run.handler_budget = parse_number("--handler-budget", optarg,
							     INT64_MAX, false);
			break;
		case OPT_DEVICE:
			o->run.device = optarg;
			break;
		default:
			bad_option(argc, argv, c);
		}
	}
	return optind;
}

/* All of a file; the reasons why not are for people */
static void read_file(const char *name, struct buf *b)
{
	bool in = !strcmp(name, "-");
	const char *shown = in ? "the standard input" : name;
	int fd = in ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
	char part[16384];
	struct stat st;
	ssize_t n;

	if (fd < 0)
		fail("cannot read %s: %s", shown, strerror(errno));
	if (!fstat(fd, &st) && S_ISDIR(st.st_mode))
		fail("%s is a directory, not a script", shown);
	while ((n = read(fd, part, sizeof(part))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			fail("cannot read %s: %s", shown, strerror(errno));
		buf_add(b, part, n);
		if (b->len > KTAP_MAX_IMAGE)
			fail("%s is too large for a script or an image", shown);
	}
	if (!in)
		close(fd);
}

static void write_file(const char *name, const struct ktap_image *img)
{
	FILE *f = fopen(name, "we");
	struct stat st;
	bool regular;
	int err;

	if (!f)
		fail("cannot write %s: %s", name, strerror(errno));
	regular = !lstat(name, &st) && S_ISREG(st.st_mode);
	fwrite(img->data, 1, img->size, f);
	err = ferror(f);
	if (fclose(f) || err) {
		err = errno;
		/* half an image would be of no use to anyone; a device is no image */
		if (regular)
			unlink(name);
		fail("cannot write %s: %s", name, strerror(err));
	}
}

static bool is_image(const struct buf *b)
{
	static const char magic[] = { 'K', 'T', 'A', 'P' };

	/* a script may begin with this word too; no text has the version behind it */
	return b->len > sizeof(magic) && !memcmp(b->data, magic, sizeof(magic)) &&
	       ((unsigned char)b->data[4] < '\t' || (b->len > 5 && !b->data[5]));
}

static struct ktap_image *load_image(const char *name, struct buf *b)
{
	struct ktap_image *img;
	struct image_reader r;
	const char *err;

	if (image_open(&r, b->data, b->len, &err))
		fail("%s: %s", name, err);
	img = xmalloc(sizeof(*img));
	img->data = b->data;
	img->size = b->len;
	*b = (struct buf){};
	return img;
}

static struct ktap_image *get_image(const char *name, const char *source)
{
	struct ktap_image *img;
	struct ktap_diag diag;
	struct buf b = {};

	if (source) {
		buf_add(&b, source, strlen(source));
	} else {
		read_file(name, &b);
		if (is_image(&b))
			return load_image(name, &b);
	}
	ktap_diag_init(&diag);
	img = ktap_compile(name, b.data ? b.data : "", b.len, &diag);
	fflush(stdout);
	ktap_diag_print(&diag, stderr);
	ktap_diag_free(&diag);
	buf_free(&b);
	return img;
}

static void show(const struct ktap_image *img)
{
	struct image_reader r;
	const char *err;

	if (image_open(&r, img->data, img->size, &err))
		fail("%s", err);
	dump_image(stdout, &r);
}

static int start(struct options *o, const struct ktap_image *img, const char *name, char **args,
		 int nargs)
{
	struct buf b = {};
	int status, i;

	buf_add(&b, name, strlen(name) + 1);
	for (i = 0; i < nargs; i++)
		buf_add(&b, args[i], strlen(args[i]) + 1);
	o->run.args = b.data;
	o->run.args_size = b.len;
	o->run.out = stdout;
	if (o->output) {
		int fd = open(o->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		o->run.out = fd < 0 ? NULL : fdopen(fd, "w");
		if (!o->run.out)
			fail("cannot write %s: %s", o->output, strerror(errno));
	}
	/* written out whole after each read of the device */
	setvbuf(o->run.out, NULL, _IOFBF, 1 << 16);
	status = run_image(img, &o->run);
	if (fclose(o->run.out) && status == STATUS_OK && errno != EPIPE)
		status = STATUS_ERROR;
	buf_free(&b);
	return status;
}

int main(int argc, char **argv)
{
	struct options o = {};
	struct ktap_image *img;
	int i, n, status = STATUS_OK;
	const char *name;

	/* the first -- ends what is ktap's and the script's */
	for (n = 1; n < argc; n++)
		if (!strcmp(argv[n], "--"))
			break;
	if (n < argc && !argv[n + 1])
		fail("a command is missing after '--'; see ktap -h");
	i = parse_options(&o, n, argv);
	if (n < argc) {
		if (o.run.command)
			fail("-c and -- are given both");
		o.run.command = argv + n + 1;
	}
	if (o.run.command && o.run.pid)
		fail("-p and a command are given both");
	if (!o.source && i == n) {
		fputs(usage_text, stderr);
		fail("a script is missing; see ktap -h");
	}
	name = o.source ? ONE_LINER : argv[i++];
	img = get_image(name, o.source);
	if (!img)
		return STATUS_COMPILE;
	if (o.dump || o.compile) {
		if (o.dump)
			show(img);
		if (o.compile)
			write_file(o.compile, img);
		if (fflush(stdout))
			fail("cannot write the output: %s", strerror(errno));
	} else {
		status = start(&o, img, name, argv + i, n - i);
	}
	ktap_image_free(img);
	return status;
}
