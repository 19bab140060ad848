// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: what the command line asks for.
 *
 *	ktap [options] FILE [script arguments] [-- COMMAND [arguments]]
 *	ktap [options] -e SCRIPT [script arguments] [-- COMMAND [arguments]]
 *	ktap -l[v|f|m] [GLOB]
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump.h"
#include "image.h"
#include "json.h"
#include "list.h"
#include "options.h"
#include "run.h"
#include "script_opts.h"
#include "selftest.h"

#define ONE_LINER		"(command line)"

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
		options_fail("cannot read %s: %s", shown, strerror(errno));
	if (!fstat(fd, &st) && S_ISDIR(st.st_mode))
		options_fail("%s is a directory, not a script", shown);
	while ((n = read(fd, part, sizeof(part))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			options_fail("cannot read %s: %s", shown, strerror(errno));
		buf_add(b, part, n);
		if (b->len > KTAP_MAX_IMAGE)
			options_fail("%s is too large for a script or an image", shown);
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
		options_fail("cannot write %s: %s", name, strerror(errno));
	regular = !lstat(name, &st) && S_ISREG(st.st_mode);
	fwrite(img->data, 1, img->size, f);
	err = ferror(f);
	if (fclose(f) || err) {
		err = errno;
		/* half an image would be of no use to anyone; a device is no image */
		if (regular)
			unlink(name);
		options_fail("cannot write %s: %s", name, strerror(err));
	}
}

/*
 * What is in the file already goes when there is something to put there: after
 * the kernel has taken the script, see struct run_options.
 */
static void open_output(struct options *o)
{
	int fd;

	o->run.out = stdout;
	if (o->output) {
		fd = open(o->output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		o->created = fd >= 0;
		if (fd < 0 && errno == EEXIST) {
			fd = open(o->output, O_WRONLY | O_CLOEXEC);
			o->run.replace = true;
		}
		o->run.out = fd < 0 ? NULL : fdopen(fd, "w");
		if (!o->run.out)
			options_fail("cannot write %s: %s", o->output, strerror(errno));
	}
	/* written out whole after each read of the device */
	setvbuf(o->run.out, NULL, _IOFBF, 1 << 16);
	if (o->json)
		o->run.render |= KTAP_RENDER_JSON;
	if (o->time)
		o->run.render |= KTAP_RENDER_STAMPS;
	if (isatty(fileno(o->run.out)))
		o->run.render |= KTAP_RENDER_TERMINAL;
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
		options_fail("%s: %s", name, err);
	img = xmalloc(sizeof(*img));
	img->data = b->data;
	img->size = b->len;
	*b = (struct buf){};
	return img;
}

/* The image of a script, whose text is left in @src; or one that is in a file */
static struct ktap_image *get_image(struct options *o, const char *name, struct buf *src)
{
	struct ktap_image *img;
	struct ktap_diag diag;

	if (o->source) {
		buf_add(src, o->source, strlen(o->source));
	} else {
		read_file(name, src);
		if (is_image(src))
			return load_image(name, src);
	}
	ktap_diag_init(&diag);
	img = ktap_compile(name, src->data ? src->data : "", src->len, &diag);
	fflush(stdout);
	ktap_diag_print(&diag, stderr);
	if (o->json && diag.nmsgs) {
		if (!o->run.out) {
			open_output(o);
			run_replace(&o->run);
		}
		json_diag(o->run.out, &diag);
		if (!img)
			json_end(o->run.out, STATUS_COMPILE);
		fflush(o->run.out);
	}
	ktap_diag_free(&diag);
	return img;
}

/* The script's own options; false: there was nothing but help to give */
static bool script_options(const char *name, const struct ktap_image *img, char **args, int *n,
			   struct buf *values)
{
	enum script_opts_result res;
	struct image_reader r;
	struct script_opts so;
	const char *bad;
	char err[512];

	if (image_open(&r, img->data, img->size, &bad))
		options_fail("%s: %s", name, bad);
	script_opts_find(&r, &so);
	res = script_opts_parse(&so, name, args, n, values, err, sizeof(err));
	if (res == SCRIPT_OPTS_ERROR)
		options_fail("%s", err);
	if (res == SCRIPT_OPTS_HELP)
		script_opts_help(stdout, &so, name);
	script_opts_free(&so);
	return res != SCRIPT_OPTS_HELP;
}

static void show(const char *name, const struct ktap_image *img, const struct buf *src)
{
	struct image_reader r;
	const char *err;

	if (image_open(&r, img->data, img->size, &err))
		options_fail("%s: %s", name, err);
	/* an image's source is elsewhere, if it is anywhere */
	dump_image(stdout, &r, is_image(src) ? NULL : src->data, src->len);
}

static int start(struct options *o, const struct ktap_image *img, const char *name, char **args,
		 int nargs)
{
	struct buf b = {};
	struct stat st;
	int status, i;

	buf_add(&b, name, strlen(name) + 1);
	for (i = 0; i < nargs; i++)
		buf_add(&b, args[i], strlen(args[i]) + 1);
	o->run.args = b.data;
	o->run.args_size = b.len;
	if (!o->run.out)
		open_output(o);
	status = run_image(img, &o->run);
	/* a file of ours that nothing came into is nothing to leave behind */
	if (o->created && status != STATUS_OK && !fstat(fileno(o->run.out), &st) &&
	    !st.st_size && !ftello(o->run.out))
		unlink(o->output);
	if (fclose(o->run.out) && status == STATUS_OK && errno != EPIPE)
		status = STATUS_ERROR;
	buf_free(&b);
	return status;
}

static int run_script(struct options *o, const char *name, char **args, int nargs)
{
	struct buf src = {}, values = {};
	struct ktap_image *img;
	int status = STATUS_OK;

	img = get_image(o, name, &src);
	if (!img) {
		buf_free(&src);
		return STATUS_COMPILE;
	}
	if (o->dump || o->compile) {
		if (o->dump)
			show(name, img, &src);
		if (o->compile)
			write_file(o->compile, img);
	} else if (script_options(name, img, args, &nargs, &values)) {
		o->run.options = values.data;
		o->run.options_size = values.len;
		if (o->dry_run)
			status = run_check(img, &o->run, name);
		else
			status = start(o, img, name, args, nargs);
	}
	if (fflush(stdout))
		options_fail("cannot write the output: %s", strerror(errno));
	ktap_image_free(img);
	buf_free(&src);
	buf_free(&values);
	return status;
}

int main(int argc, char **argv)
{
	char what[16];
	struct options o = {};
	const char *name;
	int i, n, status;

	/* the first -- ends what is ktap's and the script's */
	for (n = 1; n < argc; n++)
		if (!strcmp(argv[n], "--"))
			break;
	if (n < argc && !argv[n + 1])
		options_fail("a command is missing after '--'; see ktap -h");
	i = options_parse(&o, n, argv);
	if (n < argc) {
		if (o.run.command)
			options_fail("-c and -- are given both");
		o.run.command = argv + n + 1;
	}
	if (o.run.command && o.run.pid)
		options_fail("-p and a command are given both");
	if (o.self_test)
		return selftest_run(&o.run);
	if (o.list) {
		if (i < n && !o.glob)
			o.glob = argv[i++];
		if (i < n || o.source)
			options_fail("-l takes one pattern, and no script");
		snprintf(what, sizeof(what), "%s%s", o.list, o.run.verbose ? "v" : "");
		return list_run(what, o.glob, o.tracefs);
	}
	if (!o.source && i == n) {
		options_usage(stderr);
		options_fail("a script is missing; see ktap -h");
	}
	name = o.source ? ONE_LINER : argv[i++];
	status = run_script(&o, name, argv + i, n - i);
	free(o.simple);
	return status;
}
