// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: what the tool reads of programs takes any bytes. The first one says
 * what the others are: a file, or the text of an SDT probe's arguments.
 */
#include <elf.h>
#include <sys/mman.h>

#include "fuzz.h"
#include "elf_file.h"
#include "sdt_args.h"
#include "targets.h"

static bool symbol(void *data, const char *name, __s64 *disp)
{
	*disp = strlen(name);
	return true;
}

static void fuzz_arguments(const uint8_t *data, size_t size, unsigned int machine)
{
	struct ktap_target_arg args[KTAP_MAX_TARGET_ARGS];
	unsigned int i, nr;
	char *text = malloc(size + 1), buf[128];

	memcpy(text, data, size);
	text[size] = '\0';
	nr = sdt_args_parse(text, machine, symbol, NULL, args, KTAP_MAX_TARGET_ARGS);
	FUZZ_CHECK(nr <= KTAP_MAX_TARGET_ARGS);
	for (i = 0; i < nr; i++) {
		bool mem = args[i].kind == KTAP_TARGET_MEM;

		FUZZ_CHECK(args[i].kind >= KTAP_TARGET_CONST && args[i].kind <= KTAP_TARGET_NONE);
		FUZZ_CHECK(memchr(args[i].base, 0, 8) && memchr(args[i].index, 0, 8));
		FUZZ_CHECK(mem || !*args[i].index);
		FUZZ_CHECK(mem || !*args[i].base == (args[i].kind != KTAP_TARGET_REG));
		FUZZ_CHECK(!*args[i].index == !args[i].scale);
		sdt_arg_text(&args[i], buf, sizeof(buf));
	}
	free(text);
}

static void add(struct targets *t, const char *format, const char *path)
{
	char text[128];

	snprintf(text, sizeof(text), format, path);
	targets_add(t, text, strlen(text));
}

static void fuzz_file(const uint8_t *data, size_t size)
{
	const struct ktap_target_set *set;
	struct targets t = { .all = true };
	unsigned int nr = 0;
	char path[64];
	size_t at;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	add(&t, "u:%s:*", path);
	add(&t, "u:%s:sample_one+1", path);
	add(&t, "u:%s:no_such", path);
	add(&t, "u:%s:0x1179!", path);
	add(&t, "sdt:%s:*", path);
	for (at = 0; at < t.sets.len; at += set->bytes, nr++) {
		set = (void *)(t.sets.data + at);
		FUZZ_CHECK(set->bytes >= sizeof(*set) && set->bytes <= t.sets.len - at);
		FUZZ_CHECK(set->error ? !set->nr && set->fd == -1 : set->nr && set->fd >= 0);
	}
	FUZZ_CHECK(nr == 5 && t.nr == nr);
	targets_free(&t);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	switch (*data) {
	case 'x':
		fuzz_arguments(data + 1, size - 1, EM_X86_64);
		break;
	case 'a':
		fuzz_arguments(data + 1, size - 1, EM_AARCH64);
		break;
	default:
		fuzz_file(data + 1, size - 1);
	}
	return 0;
}
