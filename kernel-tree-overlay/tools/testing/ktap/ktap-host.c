// SPDX-License-Identifier: GPL-2.0
/*
 * ktap-host: compiler, VM and renderer in one process: runs a script as the
 * kernel would, with the events of host_env.c, each fired three times after
 * the main chunk and trace_begin.
 *
 * Usage: ktap-host [-b BUDGET] [-m MEMORY] [-r ROUNDS] [-s SEED] [-j] [-T] [-t]
 *	FILE [ARG...]
 *	ktap-host -l		lists the functions of the library
 *	-j	JSON lines, as ktap --json
 *	-s	another seed of the hashes
 *	-T	time stamps, as ktap -T
 *	-t	as if the output were a terminal
 *
 * If KTAP_MESSAGES names a file, the tag of each error and warning of the
 * compiler and the text of run-time errors are added to it: check-messages.sh
 * finds out there which of them no test has seen.
 */
#include <getopt.h>

#include "shim.h"
#include "host_env.h"
#include "ktap_compile.h"
#include "image.h"
#include "json.h"
#include "loss.h"
#include "render.h"
#include "script_opts.h"

static char *read_file(const char *name, size_t *len)
{
	FILE *f = fopen(name, "r");
	size_t size = 0, n;
	char *buf = NULL;

	if (!f)
		return NULL;
	*len = 0;
	do {
		size = size * 2 + 65536;
		buf = realloc(buf, size);
		if (!buf)
			exit(2);
		n = fread(buf + *len, 1, size - *len, f);
		*len += n;
	} while (*len == size);
	fclose(f);
	return buf;
}

/* The script's arguments as ktap_vm_set_args() takes them */
static char *join_args(int argc, char **argv, size_t *size)
{
	char *buf = NULL;
	int i;

	*size = 0;
	for (i = 0; i < argc; i++) {
		size_t len = strlen(argv[i]) + 1;

		buf = realloc(buf, *size + len);
		if (!buf)
			exit(2);
		memcpy(buf + *size, argv[i], len);
		*size += len;
	}
	return buf;
}

static void list_library(void)
{
	static const char * const names[] = {
#define NAME(id, name, min, max, flags) name,
		KTAP_BUILTINS(NAME)
#undef NAME
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		puts(names[i]);
}

static void report_losses(struct ktap_vm *vm)
{
	unsigned int i;

	for (i = 0; i < KTAP_LOSS_NR; i++) {
		u64 n = ktap_vm_losses(vm, i);

		if (n)
			fprintf(stderr, "ktap: %llu %s %s\n", n, loss_what(i, n), loss_fate(i));
	}
}

/* Takes the script's options out of its arguments; exits after an error */
static void script_options(struct ktap_vm *vm, const struct ktap_image *img, int *argc,
			   char **argv)
{
	struct buf values = {};
	struct image_reader r;
	struct script_opts so;
	const char *why;
	char err[512];
	int n = *argc - 1, ret;

	if (image_open(&r, img->data, img->size, &why))
		exit(2);
	script_opts_find(&r, &so);
	ret = script_opts_parse(&so, argv[0], argv + 1, &n, &values, err, sizeof(err));
	if (ret == SCRIPT_OPTS_ERROR) {
		fprintf(stderr, "ktap-host: error: %s\n", err);
		exit(2);
	}
	if (ret == SCRIPT_OPTS_HELP) {
		script_opts_help(stdout, &so, argv[0]);
		exit(0);
	}
	script_opts_free(&so);
	*argc = n + 1;
	if (ktap_vm_set_options(vm, values.data, values.len))
		exit(2);
	buf_free(&values);
}

static int run(const struct ktap_image *img, const struct ktap_vm_params *params,
	       unsigned int rounds, unsigned int flags, int argc, char **argv)
{
	const struct ktap_render_ops ops = { .flags = flags };
	char text[512] = "";
	struct ktap_log log = { .buf = text, .size = sizeof(text) };
	struct host_env env = { .ts = 0 };
	struct ktap_render *r;
	struct ktap_vm *vm;
	int ret, status = 1;
	size_t size;
	char *args;

	vm = ktap_vm_create(img->data, img->size, params, &env, &log);
	if (IS_ERR(vm)) {
		fprintf(stderr, "ktap-host: image refused (%ld): %s", PTR_ERR(vm), text);
		return 1;
	}
	script_options(vm, img, &argc, argv);
	args = join_args(argc, argv, &size);
	ret = ktap_vm_set_args(vm, args, size);
	free(args);
	if (!ret)
		ret = host_run(&env, vm, rounds);

	r = ktap_render_new(img->data, img->size, stdout, &ops);
	if (!r || ktap_render(r, env.records, env.len))
		fprintf(stderr, "ktap-host: the output is damaged\n");
	else
		status = ret ? 1 : ktap_vm_exit_code(vm);
	ktap_render_free(r);
	if (ktap_vm_error_text(vm) && flags & KTAP_RENDER_JSON)
		json_error(stdout, ktap_vm_error_text(vm));
	fflush(stdout);
	if (ktap_vm_error_text(vm)) {
		fputs(ktap_vm_error_text(vm), stderr);
		host_note("run %.*s\n", (int)strcspn(ktap_vm_error_text(vm), "\n"),
			  ktap_vm_error_text(vm));
	}
	report_losses(vm);
	ktap_vm_destroy(vm);
	host_env_free(&env);
	if (shim_live) {
		fprintf(stderr, "ktap-host: %ld allocations not freed\n", shim_live);
		status = 1;
	}
	if (shim_has_work()) {
		fprintf(stderr, "ktap-host: the worker outlives what it works for\n");
		status = 1;
	}
	return status;
}

int main(int argc, char **argv)
{
	struct ktap_vm_params params = { .mem_limit = 0 };
	unsigned int rounds = 3, flags = 0, i;
	struct ktap_image *img;
	struct ktap_diag diag;
	char tag[32], *src;
	int c, status;
	size_t len;

	while ((c = getopt(argc, argv, "+b:lm:r:s:jTt")) != -1) {
		switch (c) {
		case 'b':
			params.main_budget = strtoull(optarg, NULL, 0);
			params.handler_budget = params.main_budget;
			break;
		case 'l':
			list_library();
			return 0;
		case 'm':
			params.mem_limit = strtoull(optarg, NULL, 0);
			break;
		case 'r':
			rounds = strtoul(optarg, NULL, 0);
			break;
		case 's':
			shim_seed = strtoul(optarg, NULL, 0);
			break;
		case 'j':
			flags |= KTAP_RENDER_JSON;
			break;
		case 'T':
			flags |= KTAP_RENDER_STAMPS;
			break;
		case 't':
			flags |= KTAP_RENDER_TERMINAL;
			break;
		default:
			return 2;
		}
	}
	if (optind == argc) {
		fputs("usage: ktap-host [-b BUDGET] [-m MEMORY] [-r ROUNDS] [-s SEED] [-j] [-T]\n"
		      "\t[-t] FILE [ARG]...\n", stderr);
		return 2;
	}
	src = read_file(argv[optind], &len);
	if (!src) {
		perror(argv[optind]);
		return 2;
	}
	ktap_diag_init(&diag);
	img = ktap_compile(argv[optind], src, len, &diag);
	ktap_diag_print(&diag, stderr);
	if (flags & KTAP_RENDER_JSON)
		json_diag(stdout, &diag);
	for (i = 0; i < diag.nmsgs; i++)
		host_note("compile %s\n", diag_tag_name(diag.msgs[i].tag, tag));
	ktap_diag_free(&diag);
	free(src);
	if (!img)
		return 255;
	status = run(img, &params, rounds, flags, argc - optind, argv + optind);
	ktap_image_free(img);
	return status;
}
