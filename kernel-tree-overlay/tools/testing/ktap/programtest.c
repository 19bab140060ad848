// SPDX-License-Identifier: GPL-2.0
/*
 * programtest FILE: what the tool reads of programs.
 *
 * Arguments of SDT probes in all forms, and in none; the sets for the kernel are as
 * include/uapi/linux/ktap.h says; FILE, an ELF file, cut short at every place and
 * changed at random, never does harm. Prints TAP.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "diag.h"
#include "elf_file.h"
#include "sdt_args.h"
#include "targets.h"

static unsigned int tests, failures;

__printf(2, 3)
static void report(bool ok, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %u - program: ", ok ? "" : "not ", ++tests);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	failures += !ok;
}

/*
 * Arguments of SDT probes
 */

static bool symbol(void *data, const char *name, __s64 *disp)
{
	(void)data;
	*disp = 4096;
	return !strcmp(name, "variable") || !strcmp(name, "f");
}

static const struct {
	unsigned int machine;
	const char *text;
	const char *want;	/* each with a ; behind it */
} arguments[] = {
	{ EM_X86_64, "", "" },
	{ EM_X86_64, "  ", "" },
	/* registers, of each width */
	{ EM_X86_64, "8@%rax -8@%rbx 8@%rcx 8@%rdx 8@%rsi 8@%rdi 8@%rbp 8@%rsp",
	  "u64 %ax;s64 %bx;u64 %cx;u64 %dx;u64 %si;u64 %di;u64 %bp;u64 %sp;" },
	{ EM_X86_64, "4@%eax -4@%esi 2@%ax -2@%di 1@%al -1@%bl 1@%cl 1@%dl 1@%sil 1@%dil 1@%bpl 1@%spl",
	  "u32 %ax;s32 %si;u16 %ax;s16 %di;u8 %ax;s8 %bx;u8 %cx;u8 %dx;u8 %si;u8 %di;u8 %bp;u8 %sp;" },
	{ EM_X86_64, "8@%r8 4@%r9d 2@%r10w 1@%r11b -8@%r12 -4@%r13d -2@%r14w -1@%r15b",
	  "u64 %r8;u32 %r9;u16 %r10;u8 %r11;s64 %r12;s32 %r13;s16 %r14;s8 %r15;" },
	/* without a size: as wide as the register, signed */
	{ EM_X86_64, "%rdi %edi %di %dil $5 8(%rax)",
	  "s64 %di;s32 %di;s16 %di;s8 %di;s64 5;s64 +8(%ax);" },
	/* constants, cut to their size */
	{ EM_X86_64, "4@$0 -4@$-1 4@$-1 1@$0x1ff -1@$255 8@$-9223372036854775808 8@$18446744073709551615 -8@$0x7fffffffffffffff",
	  "u32 0;s32 -1;u32 4294967295;u8 255;s8 -1;u64 -9223372036854775808;u64 -1;s64 9223372036854775807;" },
	/* memory */
	{ EM_X86_64, "8@(%rax) 4@16(%rbp) -4@-20(%rbp) 2@0x10(%r12) 1@-0x8(%rsp)",
	  "u64 +0(%ax);u32 +16(%bp);s32 -20(%bp);u16 +16(%r12);u8 -8(%sp);" },
	{ EM_X86_64, "8@(%rax,%rbx) 8@8(%rax,%rbx,4) 8@(,%rcx,8) -1@-1(%r8,%r15,2) 8@16(,%rdx)",
	  "u64 +0(%ax,%bx,1);u64 +8(%ax,%bx,4);u64 +0(,%cx,8);s8 -1(%r8,%r15,2);u64 +16(,%dx,1);" },
	{ EM_X86_64, "8@4198400 4@8+8(%rax) 4@16-4(%rax)", "u64 +4198400();u32 +16(%ax);u32 +12(%ax);" },
	{ EM_X86_64, "4@variable(%rip) 4@variable+4(%rip) 4@8+variable(%rip) -4@variable-4(%rip) 8@variable 8@f+8",
	  "u32 +4096(%ip);u32 +4100(%ip);u32 +4104(%ip);s32 +4092(%ip);u64 +4096(%ip);u64 +4104(%ip);" },
	/* what cannot be fetched is nil, and the next ones are what they are */
	{ EM_X86_64, "8@%xmm0 4f@%xmm1 -4@%edi 1@%ah 8@%fs:16 8@%fs:16(%rax) 8@8(%rip) 4@unknown(%rip) 8@$variable -4@%esi",
	  "?;?;s32 %di;?;?;?;?;?;?;s32 %si;" },
	{ EM_X86_64, "8@variable(%rax) 8@(%rax,%rsp,3) 8@(%rax 8@%rip 8@(%rax,%rip) 16@%rax 3@%rax @%rax -@%rax x@%rax 8@",
	  "?;?;?;?;?;?;?;?;?;?;?;" },
	{ EM_X86_64, "8@%r7 8@%r16 8@%r8x 8@%r1 8@%rzx 8@% 8@$ 8@( 8@() 8@(%) 8@[x0] 8@x0", "?;?;?;?;?;?;?;?;?;?;?;?;" },
	{ EM_X86_64, "8@variable+variable(%rip) 8@-variable(%rip) 8@1f(%rip) 8@8(%rax)x 8@$5x 8@5@3 8@%rax%rbx", "?;?;?;?;?;?;?;" },
	{ EM_386, "4@%eax -4@8(%ebp) 2@%cx 1@%dl 4@(%esi,%edi,4)",
	  "u32 %ax;s32 +8(%bp);u16 %cx;u8 %dx;u32 +0(%si,%di,4);" },
	{ EM_AARCH64, "8@x0 -4@w1 8@sp 8@x30 4@wzr 8@xzr -4@-5 1@#7 8@0x10",
	  "u64 %x0;s32 %x1;u64 %sp;u64 %x30;u32 0;u64 0;s32 -5;u8 7;u64 16;" },
	{ EM_AARCH64, "8@[x0] 8@[sp] -4@[sp, 12] 8@[x1, #8] 8@[x1,-8] 1@[x29, 255] 4@[x1, x2] 8@[x1, x2, lsl 3] 8@[x1, x2, lsl #2]",
	  "u64 +0(%x0);u64 +0(%sp);s32 +12(%sp);u64 +8(%x1);u64 -8(%x1);u8 +255(%x29);u32 +0(%x1,%x2,1);u64 +0(%x1,%x2,8);u64 +0(%x1,%x2,4);" },
	{ EM_AARCH64, "8@x0 8@d0 4f@s1 8@[x1, w2, sxtw 3] 8@[x1, w2, uxtw] 8@[x1], 8@[x1, :lo12:variable] -4@w3",
	  "u64 %x0;?;?;?;?;?;?;s32 %x3;" },
	{ EM_AARCH64, "8@x31 8@w99 8@x 8@[ 8", "?;?;?;?;" },
	{ EM_AARCH64, "8@[x1, x2, lsl 4] 8@[x1, x2, lsl 8@[w1] 8@[x1, 8]! 8@[] 8@- 8@#", "?;?;?;?;?;?;" },
	{ EM_RISCV, "8@a0 4@5", "?;?;" },
};

static void args_text(const char *text, unsigned int machine, char *buf, size_t size)
{
	struct ktap_target_arg args[16];
	unsigned int nr, i;
	char one[128];
	size_t n = 0;

	nr = sdt_args_parse(text, machine, symbol, NULL, args, 16);
	*buf = 0;
	for (i = 0; i < nr; i++) {
		sdt_arg_text(&args[i], one, sizeof(one));
		n += snprintf(buf + n, size - n, "%s;",
			      args[i].kind == KTAP_TARGET_NONE ? "?" : one);
	}
}

static void test_arguments(void)
{
	struct ktap_target_arg args[3];
	char text[1024], *big;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(arguments); i++) {
		args_text(arguments[i].text, arguments[i].machine, text, sizeof(text));
		report(!strcmp(text, arguments[i].want), "arguments \"%.60s\"", arguments[i].text);
		if (strcmp(text, arguments[i].want))
			printf("# got  %s\n# want %s\n", text, arguments[i].want);
	}
	report(sdt_args_parse("1@$1 1@$2 1@$3 1@$4", EM_X86_64, symbol, NULL, args, 3) == 3 &&
	       args[2].disp == 3, "more arguments than there is room for");
	report(sdt_args_parse("8@variable(%rip)", EM_X86_64, NULL, NULL, args, 3) == 1 &&
	       args[0].kind == KTAP_TARGET_NONE, "variables that nobody knows");
	big = malloc(100001);
	memset(big, '9', 100000);
	big[100000] = 0;
	memcpy(big, "8@$", 3);
	report(sdt_args_parse(big, EM_X86_64, symbol, NULL, args, 3) == 1 &&
	       args[0].kind == KTAP_TARGET_NONE, "a very long argument");
	free(big);
}

/* As the kernel checks it */
static bool arg_ok(const struct ktap_target_arg *a)
{
	if (!memchr(a->base, 0, 8) || !memchr(a->index, 0, 8) || !*a->index != !a->scale)
		return false;
	switch (a->kind) {
	case KTAP_TARGET_CONST:
		return !*a->base && !*a->index;
	case KTAP_TARGET_REG:
		return *a->base && !*a->index && !a->disp;
	case KTAP_TARGET_MEM:
		return true;
	case KTAP_TARGET_NONE:
		return !*a->base && !*a->index && !a->disp;
	default:
		return false;
	}
}

/* Pieces of arguments in any order; each way to read past the end shows in ASan */
static void test_hostile(void)
{
	static const char * const pieces[] = {
		"8@", "-4@", "%", "rax", "%rdi", "(", ")", ",", "[", "]", "x0", "w1", "lsl", "#",
		"$", "-", "+", "5", "0x", " ", "@", "variable", "rip", "sp", "4f@", "sxtw",
		"18446744073709551616", "\xff", "8@%rax", "%fs:",
	};
	struct ktap_target_arg args[KTAP_MAX_TARGET_ARGS];
	unsigned int seed = 1, i, j, n, nr, bad = 0;
	char text[512], *copy;

	for (i = 0; i < 200000; i++) {
		*text = 0;
		n = rand_r(&seed) % 12;
		for (j = 0; j < n; j++)
			strcat(text, pieces[rand_r(&seed) % ARRAY_SIZE(pieces)]);
		copy = strdup(text);
		nr = sdt_args_parse(copy, i % 2 ? EM_X86_64 : EM_AARCH64, symbol, NULL, args,
				    KTAP_MAX_TARGET_ARGS);
		for (j = 0; j < nr; j++)
			bad += !arg_ok(&args[j]);
		free(copy);
	}
	report(!bad, "arguments that nobody would write (%u of them damaged)", bad);
}

/*
 * Sets
 */

static bool string_ok(const struct ktap_target_set *set, __u32 end, __u32 off, bool needed)
{
	if (!off)
		return !needed;
	return off >= end && off < set->bytes &&
	       memchr((const char *)set + off, 0, set->bytes - off) &&
	       (!needed || *((const char *)set + off));
}

/* As the kernel checks them */
static bool sets_ok(const struct targets *t)
{
	const struct ktap_target_set *set;
	unsigned int nr = 0;
	size_t at;
	__u32 i, end;

	for (at = 0; at < t->sets.len; at += set->bytes, nr++) {
		set = (const struct ktap_target_set *)(t->sets.data + at);
		end = offsetof(struct ktap_target_set, target[set->nr]);
		if (t->sets.len - at < sizeof(*set) || set->bytes > t->sets.len - at ||
		    set->bytes % 8 || end > set->bytes || set->pad ||
		    (set->error ? set->nr || set->fd != -1 : !set->nr || set->fd < 0) ||
		    !string_ok(set, end, set->text, true) ||
		    !string_ok(set, end, set->path, !set->error) ||
		    !string_ok(set, end, set->error, false) ||
		    !string_ok(set, end, set->note, false))
			return false;
		for (i = 0; i < set->nr; i++) {
			const struct ktap_target *p = &set->target[i];

			if (p->start > p->offset || !string_ok(set, end, p->name, true) ||
			    !string_ok(set, end, p->provider, false) ||
			    p->nargs > KTAP_MAX_TARGET_ARGS || (!p->nargs && p->args) ||
			    (p->nargs && (p->args < end || p->args % 8 ||
					  p->args + p->nargs * sizeof(struct ktap_target_arg) >
					  set->bytes)))
				return false;
		}
	}
	return nr == t->nr;
}

static const struct {
	const char *list;
	unsigned int nr;	/* sets that it gives */
	unsigned int known;	/* and those whose errors the kernel knows */
} lists[] = {
	{ "", 0 },
	{ "syscalls:*, probe:vfs_read, k:x, probe:ext4:ext4_read, tick-1s, kprobe:/x:y", 0 },
	{ "no event: at all, u, sdt, :u:", 0 },
	{ "u:, u:/x, u:/x:, u:!, u::1, sdt:/x:y!, u:/no/such:1, u:/dev/null:0x1", 0, 8 },
	{ "u:x:y", 1 },
	{ "u:x:y,u:x:y , u:x:y!", 2 },
	{ " uprobe:/no/such:f a=%di b=+0(%si):string , sdt:/no/such:*", 2 },
	{ "probe:/no/such:f,probe:libno.so:f,probe:no:f", 2 },
	{ "uprobes:a:b,uretprobe:a:b,uretprobes:a:b,usdt:a:b", 4 },
	{ "sdt:a:b:c:d, sdt:a::c, sdt::b, sdt:a:, u:a:b+, u:a:+4, u:a:b+4!, u:a:*+4", 6, 2 },
	{ "u:/:x, u:.:x, u:/dev/null:x, u:/proc/self/mem:x, u:/proc/self/exe:main+0xffffffffffffffff", 5 },
	{ "u:[:x, u:/[:x, u:/*:x, u:*:x, u:/bin/sh:[", 5 },
};

static void test_lists(void)
{
	struct targets t = {};
	unsigned int i;
	char *big;

	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		targets_add(&t, lists[i].list, strlen(lists[i].list));
		report(t.nr == lists[i].nr && sets_ok(&t), "%u events of programs in \"%.50s\"",
		       lists[i].nr, lists[i].list);
		targets_free(&t);
		t.all = true;
		targets_add(&t, lists[i].list, strlen(lists[i].list));
		report(t.nr == lists[i].nr + lists[i].known && sets_ok(&t),
		       "and %u that the kernel knows to be none", lists[i].known);
		targets_free(&t);
		t.all = false;
	}
	targets_add(&t, "u:a\0:b", 6);
	report(!t.nr, "a string with a NUL");
	targets_free(&t);
	big = malloc(KTAP_MAX_STR);
	memset(big, 'x', KTAP_MAX_STR);
	memcpy(big, "u:", 2);
	big[KTAP_MAX_STR / 2] = ':';
	targets_add(&t, big, KTAP_MAX_STR);
	report(t.nr == 1 && sets_ok(&t), "a very long name of a file");
	big[2] = '/';
	targets_add(&t, big, KTAP_MAX_STR);
	report(t.nr == 2 && sets_ok(&t), "a very long path");
	targets_free(&t);
	free(big);
}

/*
 * A file
 */

static int any_function(void *data, const char *name, __u64 offset, __u64 size)
{
	unsigned long *sum = data;

	*sum += strlen(name) + offset + size;
	return 0;
}

static int any_sdt(void *data, const struct elf_sdt *sdt)
{
	unsigned long *sum = data;

	*sum += strlen(sdt->provider) + strlen(sdt->name) + strlen(sdt->args);
	return 0;
}

/* Reads what there is; whether it is a program at all */
static bool read_all(const char *path, struct targets *t)
{
	char err[256] = "", text[64];
	unsigned long sum = 0;
	struct elf_file *f = elf_open(path, err, sizeof(err));
	__u64 addr;

	if (!f)
		return false;
	elf_functions(f, any_function, &sum);
	elf_ifuncs(f, any_function, &sum);
	elf_sdt_probes(f, any_sdt, &sum);
	elf_variable(f, "sample_variable", &addr);
	elf_is_go(f);
	elf_close(f);
	snprintf(text, sizeof(text), "u:%s:sample*", path);
	targets_add(t, text, strlen(text));
	snprintf(text, sizeof(text), "u:%s:sample_one+1", path);
	targets_add(t, text, strlen(text));
	snprintf(text, sizeof(text), "u:%s:sample_one+0xffffffffffffffff", path);
	targets_add(t, text, strlen(text));
	snprintf(text, sizeof(text), "u:%s:w*", path);
	targets_add(t, text, strlen(text));
	snprintf(text, sizeof(text), "u:%s:0x1234", path);
	targets_add(t, text, strlen(text));
	snprintf(text, sizeof(text), "sdt:%s:*", path);
	targets_add(t, text, strlen(text));
	return true;
}

static char *get_file(const char *name, size_t *size)
{
	FILE *f = fopen(name, "r");
	char *data = malloc(1 << 20);

	if (!f) {
		perror(name);
		exit(1);
	}
	*size = fread(data, 1, 1 << 20, f);
	fclose(f);
	return data;
}

static void put(int fd, const char *data, size_t size)
{
	if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size) {
		perror("memfd");
		exit(1);
	}
}

static void test_file(const char *name)
{
	unsigned int seed = 1, i, n, opened = 0, bad = 0;
	int fd = memfd_create("elf", 0);
	struct targets t = { .all = true };
	size_t size, len, at;
	char path[64], *data = get_file(name, &size), *copy = malloc(size);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	put(fd, data, size);
	report(read_all(path, &t) && t.nr == 6 && sets_ok(&t), "the file as it is");
	targets_free(&t);

	/* cut short: all of the headers, then in steps */
	for (len = 0; len < size; len += len < 1024 ? 1 : 61) {
		put(fd, data, len);
		opened += read_all(path, &t);
		bad += !sets_ok(&t);
		targets_free(&t);
	}
	report(!bad, "cut short in %zu places, opened %u times", size / 61 + 1000, opened);

	/* some bytes of others, most of them in the headers of both ends */
	opened = 0;
	for (i = 0; i < 4000; i++) {
		memcpy(copy, data, size);
		n = 1 + rand_r(&seed) % 4;
		while (n--) {
			at = rand_r(&seed) % (i % 3 ? 1200 : size);
			if (i % 3 == 1)
				at = size - 1 - at * 2;
			copy[at] = i % 2 ? rand_r(&seed) : copy[at] ^ 1 << rand_r(&seed) % 8;
		}
		put(fd, copy, size);
		opened += read_all(path, &t);
		bad += !sets_ok(&t);
		targets_free(&t);
	}
	report(!bad && opened > 100, "changed in 4000 ways, opened %u times", opened);
	free(copy);
	free(data);
	close(fd);
}

int main(int argc, char **argv)
{
	printf("TAP version 13\n");
	test_arguments();
	test_hostile();
	test_lists();
	if (argc > 1 && elf_has_symbols())
		test_file(argv[1]);
	printf("1..%u\n# program: %u passed, %u failed\n", tests, tests - failures, failures);
	return !!failures;
}
