// SPDX-License-Identifier: GPL-2.0
/*
 * Makes the inputs that the fuzz targets begin with, from scripts.
 *
 *	fuzz-seeds DIR FILE...	what DIR/compiler, DIR/image, DIR/vm and
 *				DIR/render begin with, of scripts and lists of them;
 *				DIR/data, of any bytes;
 *				and DIR/script.dict, of a .dict and the builtins
 *	fuzz-seeds -l FILE...	the files as lines of such a list
 *
 * Only scripts are kept in the tree: images and records follow from them, in
 * the form that they have now.  A list (*.txt) has a script on each line, with
 * \n, \\ and \xNN for what a line of text cannot have.
 */
#include <sys/stat.h>

#include "fuzz.h"
#include "host_env.h"
#include "ktap_compile.h"

#define MOST_BYTES	4096

static const char *dir;
static unsigned int count;

static char *read_file(const char *name, size_t *len)
{
	FILE *f = fopen(name, "r");
	char *buf;
	long size;

	if (!f || fseek(f, 0, SEEK_END)) {
		perror(name);
		exit(1);
	}
	size = ftell(f);
	rewind(f);
	buf = malloc(size + 1);
	*len = buf ? fread(buf, 1, size, f) : 0;
	fclose(f);
	if (!buf)
		exit(1);
	buf[*len] = '\0';
	return buf;
}

static void write_seed(const char *target, const void *data, size_t len)
{
	char name[4096];
	FILE *f;

	if (!len || len > MOST_BYTES)
		return;
	snprintf(name, sizeof(name), "%s/%s/%05u", dir, target, count);
	f = fopen(name, "w");
	if (!f || fwrite(data, 1, len, f) != len || fclose(f)) {
		perror(name);
		exit(1);
	}
}

/* The records of a run, as many as an input may have */
static void write_records(const char *p, size_t len)
{
	size_t n = 0;

	while (n < len && n + ((const struct ktap_rec *)(p + n))->len <= MOST_BYTES)
		n += ((const struct ktap_rec *)(p + n))->len;
	write_seed("render", p, n);
}

static void add_script(const char *src, size_t len)
{
	struct ktap_vm_params params = { .main_budget = 1000000, .handler_budget = 100000 };
	struct host_env env = { .ts = 0 };
	struct ktap_image *img;
	struct ktap_diag diag;
	struct ktap_vm *vm;

	count++;
	write_seed("compiler", src, len);
	ktap_diag_init(&diag);
	img = ktap_compile("fuzz.kp", src, len, &diag);
	ktap_diag_free(&diag);
	if (!img)
		return;
	write_seed("image", img->data, img->size);
	write_seed("vm", img->data, img->size);
	vm = ktap_vm_create(img->data, img->size, &params, &env, NULL);
	FUZZ_CHECK(!IS_ERR(vm));
	ktap_vm_set_args(vm, "script", 7);
	host_run(&env, vm, 3);
	write_records(env.records, env.len);
	ktap_vm_destroy(vm);
	host_env_free(&env);
	ktap_image_free(img);
}

/* Comments are left out, with the expected output in them: shorter is better. */
static void add_file(const char *name)
{
	size_t len, out = 0;
	char *src = read_file(name, &len), *line, *end;

	for (line = src; line < src + len; line = end) {
		end = memchr(line, '\n', src + len - line);
		end = end ? end + 1 : src + len;
		if (*line == '#')
			continue;
		memmove(src + out, line, end - line);
		out += end - line;
	}
	add_script(src, out);
	free(src);
}

static int hex(int c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

static void add_list(const char *name)
{
	size_t len, i, n = 0;
	char *src = read_file(name, &len), *s = malloc(len + 1);

	if (!s)
		exit(1);
	for (i = 0; i < len; i++) {
		if (src[i] == '\n') {
			/* a line of its own says what the list is */
			if (n && s[0] != '#')
				add_script(s, n);
			n = 0;
		} else if (src[i] == '\\' && i + 1 < len) {
			i++;
			if (src[i] == 'x' && i + 2 < len) {
				s[n++] = hex(src[i + 1]) << 4 | hex(src[i + 2]);
				i += 2;
			} else {
				s[n++] = src[i] == 'n' ? '\n' : src[i];
			}
		} else {
			s[n++] = src[i];
		}
	}
	free(s);
	free(src);
}

static void add_dict(const char *name)
{
	static const char * const builtins[] = {
#define BUILTIN_NAME(id, name, min, max, flags) name,
		KTAP_BUILTINS(BUILTIN_NAME)
#undef BUILTIN_NAME
	};
	size_t len;
	char path[4096], *src = read_file(name, &len);
	unsigned int i;
	FILE *f;

	snprintf(path, sizeof(path), "%s/script.dict", dir);
	f = fopen(path, "w");
	if (!f) {
		perror(path);
		exit(1);
	}
	fwrite(src, 1, len, f);
	for (i = 0; i < ARRAY_SIZE(builtins); i++)
		fprintf(f, "\"%s(\"\n", builtins[i]);
	fclose(f);
	free(src);
}

/* Operations of fuzz-data are bytes. */
static void add_bytes(unsigned int n)
{
	u8 bytes[600];
	unsigned int i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = get_random_u32() * 0x9e3779b97f4a7c15ull >> 56;
	count = n;
	write_seed("data", bytes, 100 + n * 5 % 500);
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && !strcmp(s + n - m, end);
}

static void put_line(const char *name)
{
	size_t len, i;
	char *src = read_file(name, &len);

	for (i = 0; i < len; i++) {
		unsigned char c = src[i];

		if (c == '\n')
			fputs("\\n", stdout);
		else if (c == '\\')
			fputs("\\\\", stdout);
		else if (c < ' ' || c >= 0x7f || (!i && c == '#'))
			printf("\\x%02x", c);
		else
			putchar(c);
	}
	putchar('\n');
	free(src);
}

int main(int argc, char **argv)
{
	static const char * const targets[] = { "compiler", "image", "vm", "render", "data" };
	bool list = argc > 1 && !strcmp(argv[1], "-l");
	char path[4096];
	unsigned int i;

	if (argc < 3) {
		fputs("usage: fuzz-seeds DIR FILE... or fuzz-seeds -l FILE...\n", stderr);
		return 2;
	}
	dir = argv[1];
	for (i = 0; !list && i < ARRAY_SIZE(targets); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, targets[i]);
		mkdir(path, 0777);
	}
	for (i = 0; !list && i < 100; i++)
		add_bytes(i);
	count = 0;
	for (argv += 2; *argv; argv++) {
		if (list)
			put_line(*argv);
		else if (ends_with(*argv, ".dict"))
			add_dict(*argv);
		else if (ends_with(*argv, ".txt"))
			add_list(*argv);
		else
			add_file(*argv);
	}
	return 0;
}
