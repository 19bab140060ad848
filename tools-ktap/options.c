// SPDX-License-Identifier: GPL-2.0
/*
 * options: ktap's own part of the command line.
 *
 * Parsed with getopt_long() rather than tools/lib/subcmd: what follows the
 * script is the script's, a wrong option is one sentence and status 2
 * (parse-options prints the whole usage and exits with 129), and help must not
 * start a pager in an initramfs.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../../include/uapi/linux/ktap.h"
#include "names.h"
#include "options.h"
#include "util.h"

#define KTAP_TOOL_VERSION	"1.0"

enum {
	OPT_BASE = 256,
#define OPT_ENUM(id, letter, name, arg, help)	OPT_##id,
	KTAP_OPTIONS(OPT_ENUM)
#undef OPT_ENUM
};

static const struct {
	int id;
	char letter;
	const char *name;
	const char *arg;
	const char *help;
} table[] = {
#define OPT_ENTRY(id, letter, name, arg, help)	{ OPT_##id, letter, name, arg, help },
	KTAP_OPTIONS(OPT_ENTRY)
#undef OPT_ENTRY
};

#define NR_OPTIONS	ARRAY_SIZE(table)

void options_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("ktap: error: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(STATUS_USAGE);
}

void options_usage(FILE *f)
{
	fputs("usage: ktap [options] FILE [script arguments] [-- COMMAND [arguments]]\n"
	      "       ktap [options] -e SCRIPT [script arguments] [-- COMMAND [arguments]]\n"
	      "       ktap -l[v|f|m] [GLOB]\n", f);
}

/* What was asked for is on the standard output, or it is an error. */
static __noreturn void end_of_text(void)
{
	if (fflush(stdout))
		options_fail("cannot write to the standard output: %s", strerror(errno));
	exit(STATUS_OK);
}

static void show_help(void)
{
	char left[64];
	size_t i;

	options_usage(stdout);
	fputs("\n"
	      "Runs a ktap script, or an image made by --compile; '-' is the standard input.\n"
	      "With a command after '--', only that command is traced, and until it ends.\n"
	      "\n", stdout);
	for (i = 0; i < NR_OPTIONS; i++) {
		if (table[i].letter)
			snprintf(left, sizeof(left), "-%c, --%s %s", table[i].letter,
				 table[i].name, table[i].arg ? table[i].arg : "");
		else
			snprintf(left, sizeof(left), "    --%s %s", table[i].name,
				 table[i].arg ? table[i].arg : "");
		printf("  %-24s %s\n", left, table[i].help);
	}
	fputs("\n"
	      "Exit status: 0, or what the script gives to exit(); 1 after a run-time error or\n"
	      "if the kernel refuses; 2 for a wrong command line or a file that cannot be\n"
	      "read; 127 if the command cannot be run; 255 for errors in the script.\n", stdout);
}

static __u64 parse_number(const char *what, const char *s, __u64 min, __u64 max, bool units)
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
	if (end == s || *end || *s < '0' || *s > '9' || errno || v > max >> shift || v < min)
		options_fail("%s needs a number from %llu to %llu, not '%s'", what,
			     (unsigned long long)min, (unsigned long long)max, s);
	return v << shift;
}

static void parse_pid(struct options *o, const char *s)
{
	o->run.pid = parse_number("-p", s, 1, INT32_MAX, false);
	if (kill(o->run.pid, 0) && errno == ESRCH)
		options_fail("cannot find pid %u", o->run.pid);
}

static void parse_list(struct options *o, const char *s)
{
	o->list = "";
	if (s && strspn(s, "efmv") == strlen(s))
		o->list = s;
	else
		o->glob = s;
	if (!!strchr(o->list, 'e') + !!strchr(o->list, 'f') + !!strchr(o->list, 'm') > 1)
		options_fail("-l lists one thing: -le events, -lf functions, or -lm modules");
}

static void set_source(struct options *o, const char *source)
{
	if (o->source)
		options_fail("one script, please: -e or -s is given twice");
	o->source = source;
}

/* -s EVENT: the original's one-liner */
static void set_simple(struct options *o, const char *event)
{
	if (asprintf(&o->simple, "trace %s { print(cpu, tid, execname, argstr) }", event) < 0)
		options_fail("out of memory");
	set_source(o, o->simple);
}

static void bad_option(int argc, char **argv, int c, int at)
{
	unsigned int dist = 3;
	const char *arg = at < argc ? argv[at] : "", *near = NULL;
	char word[64];
	size_t i;

	if (c == ':' && optopt > 0 && optopt < 128)
		options_fail("option -%c needs a value; see ktap -h", optopt);
	if (c == ':')
		options_fail("option %s needs a value; see ktap -h", arg);
	if (optopt > 0 && optopt < 128) {
		if (optopt == ' ')
			options_fail("'%s' is one word: a #! line takes options without blanks, as in -qT",
				     arg);
		options_fail("there is no option -%c; see ktap -h", optopt);
	}
	if (optopt >= OPT_BASE)
		options_fail("option %.*s takes no value", (int)strcspn(arg, "="), arg);
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(arg, "="), arg);
	for (i = 0; i < NR_OPTIONS && strlen(word) > 2; i++)
		names_near(word + 2, table[i].name, &near, &dist);
	if (near)
		options_fail("option %s is not known, did you mean --%s? See ktap -h", word, near);
	options_fail("option %s is not known or not clear; see ktap -h", word);
}

static void make_tables(struct option *lo, char *letters)
{
	size_t i;

	/* + stops at the script, : tells a missing value from a wrong option */
	letters += sprintf(letters, "+:?");
	for (i = 0; i < NR_OPTIONS; i++) {
		bool list = table[i].id == OPT_LIST;

		lo[i] = (struct option){
			.name = table[i].name,
			.has_arg = list ? optional_argument :
				   table[i].arg ? required_argument : no_argument,
			.val = table[i].id,
		};
		if (table[i].letter)
			letters += sprintf(letters, "%c%s", table[i].letter,
					   list ? "::" : table[i].arg ? ":" : "");
	}
	lo[i] = (struct option){};
}

static int by_letter(int c)
{
	size_t i;

	for (i = 0; i < NR_OPTIONS; i++)
		if (c && table[i].letter == c)
			return table[i].id;
	return c;
}

static void set_option(struct options *o, int id)
{
	switch (id) {
	case OPT_EXEC:
		set_source(o, optarg);
		break;
	case OPT_SIMPLE:
		set_simple(o, optarg);
		break;
	case OPT_OUTPUT:
		o->output = optarg;
		break;
	case OPT_JSON:
		o->json = true;
		break;
	case OPT_TIME:
		o->time = true;
		break;
	case OPT_PID:
		parse_pid(o, optarg);
		break;
	case OPT_CPU:
		o->run.cpu = parse_number("-C", optarg, 0, INT32_MAX, false);
		break;
	case OPT_CGROUP:
		o->run.cgroup = optarg;
		break;
	case OPT_CMD:
		o->shell[0] = "/bin/sh";
		o->shell[1] = "-c";
		o->shell[2] = optarg;
		o->run.command = o->shell;
		break;
	case OPT_QUIET:
		o->run.quiet++;
		break;
	case OPT_VERBOSE:
		o->run.verbose = true;
		break;
	case OPT_LIST:
		parse_list(o, optarg);
		break;
	case OPT_DUMP:
		o->dump = true;
		break;
	case OPT_DRY_RUN:
		o->dry_run = true;
		break;
	case OPT_COMPILE:
		o->compile = optarg;
		break;
	case OPT_SELF_TEST:
		o->self_test = true;
		break;
	case OPT_WRITE:
		o->run.write = true;
		break;
	case OPT_BUFFER_KB:
		o->run.buffer_kb = parse_number("--buffer-kb", optarg, 1, 1 << 20, false);
		break;
	case OPT_MEM_LIMIT:
		o->run.mem_limit = parse_number("--mem-limit", optarg, 1, 1ULL << 40, true);
		break;
	case OPT_MAIN_BUDGET:
		o->run.main_budget = parse_number("--main-budget", optarg, 1, INT64_MAX, false);
		break;
	case OPT_HANDLER_BUDGET:
		o->run.handler_budget = parse_number("--handler-budget", optarg, 1, INT64_MAX,
						     false);
		break;
	case OPT_DEVICE:
		o->run.device = optarg;
		break;
	case OPT_TRACEFS:
		o->tracefs = optarg;
		break;
	case OPT_VERSION:
		printf("ktap %s, image version %d\n", KTAP_TOOL_VERSION, KTAP_IMAGE_VERSION);
		end_of_text();
	case OPT_HELP:
		show_help();
		end_of_text();
	}
}

/* After -e, what is no option of ktap's begins the script's arguments */
static bool is_scripts(const struct options *o, const char *arg)
{
	return o->source && !strncmp(arg, "--", 2);
}

int options_parse(struct options *o, int argc, char **argv)
{
	struct option long_options[NR_OPTIONS + 1];
	char letters[4 * NR_OPTIONS + 8];
	int c, at;

	make_tables(long_options, letters);
	o->run.cpu = -1;
	opterr = 0;
	for (;;) {
		at = optind;
		c = getopt_long(argc, argv, letters, long_options, NULL);
		if (c == -1)
			return optind;
		/* an unknown option looks like -? */
		if (c == '?' && optopt == 0 && !strcmp(argv[at], "-?")) {
			c = OPT_HELP;
		} else if (c == ':' || c == '?') {
			if (c == '?' && optopt == 0 && is_scripts(o, argv[at]))
				return at;
			bad_option(argc, argv, c, at);
		}
		set_option(o, by_letter(c));
	}
}
