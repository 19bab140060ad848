// SPDX-License-Identifier: GPL-2.0
/*
 * A program, and with -DLIBRARY a library, for tests of what the tool finds in
 * such files. Run, it says where in its file its places are: what the tool says
 * has to be the same.
 *
 *	-DGO	looks like a program of Go
 */
#include <stdio.h>
#include <string.h>

#define KEEP	__attribute__((noinline, noclone, used))
#define USED	__attribute__((used))

#ifdef __LP64__
#define ADDR	".8byte"
#else
#define ADDR	".4byte"
#endif

/* An SDT probe at a label, with its arguments as text */
#define SDT(label, provider, name, semaphore, args)			\
	__asm__ volatile(						\
		label ": 990: nop\n"					\
		".pushsection .note.stapsdt,\"?\",\"note\"\n"		\
		".balign 4\n"						\
		".4byte 992f-991f, 994f-993f, 3\n"			\
		"991: .asciz \"stapsdt\"\n"				\
		"992: .balign 4\n"					\
		"993: " ADDR " 990b, _.stapsdt.base, " semaphore "\n"	\
		".asciz \"" provider "\"\n"				\
		".asciz \"" name "\"\n"					\
		".asciz \"" args "\"\n"					\
		"994: .balign 4\n"					\
		".popsection\n"						\
		".ifndef _.stapsdt.base\n"				\
		".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n" \
		".weak _.stapsdt.base\n"				\
		".hidden _.stapsdt.base\n"				\
		"_.stapsdt.base: .space 1\n"				\
		".size _.stapsdt.base, 1\n"				\
		".popsection\n"						\
		".endif\n")

#if defined(__aarch64__)
#define ARGS	"-4@w0 8@[sp, 16] 1@7 8@[x1, x2, lsl 3] 8@d0"
#else
#define ARGS	"-4@%edi 8@16(%rsp) 1@$7 8@8(%rsi,%rdx,8) 8@%xmm0 -2@sample_variable+2(%rip)"
#endif

USED __attribute__((section(".probes"))) volatile unsigned short sample_semaphore;
USED short sample_variable[4] = { 1, 2, 3, 4 };

extern char place_one[], place_two[], place_again[];

KEEP int sample_one(int n)
{
	SDT("place_one", "sample", "one", "0", ARGS);
	return n + 1;
}

KEEP int sample_two(int n)
{
	SDT("place_two", "sample", "two", "sample_semaphore", "");
	SDT("place_again", "other", "two", "0", "4@$-1");
	return n + 2;
}

/* Two names of one place */
int __sample_alias(int n) __attribute__((alias("sample_two")));

static KEEP int sample_hidden(int n)
{
	__asm__ volatile("" : "+r" (n));
	return n + 3;
}

#ifdef LIBRARY
/* Two functions of one name */
KEEP int sample_v1(int n)
{
	__asm__ volatile("" : "+r" (n));
	return n + 4;
}

KEEP int sample_v2(int n)
{
	__asm__ volatile("" : "+r" (n));
	return n + 5;
}

__asm__(".symver sample_v1, sample_version@SAMPLE_1");
__asm__(".symver sample_v2, sample_version@@SAMPLE_2");
#endif

static int (*choose(void))(int n)
{
	return sample_hidden;
}

/* The message about such functions begins as these names do */
int w(int n) __attribute__((ifunc("choose")));
int what(int n) __attribute__((ifunc("choose")));

#ifdef LIBRARY
int sample_chosen(int n) __attribute__((ifunc("choose")));
#endif

#ifdef GO
__asm__(".pushsection .go.buildinfo,\"a\"\n.8byte 0\n.popsection");
#endif

/* Where an address is in the file it comes from */
static long offset_of(const volatile void *address)
{
	unsigned long start, end, offset, want = (unsigned long)address;
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];
	long found = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) == 3 &&
		    start <= want && want < end)
			found = want - start + offset;
	if (f)
		fclose(f);
	return found;
}

int sample_say(void);

int sample_say(void)
{
	printf("sample_one 0x%lx\n", offset_of((void *)sample_one));
	printf("sample_two 0x%lx\n", offset_of((void *)sample_two));
	printf("sample_hidden 0x%lx\n", offset_of((void *)sample_hidden));
	printf("place_one 0x%lx\n", offset_of(place_one));
	printf("place_two 0x%lx\n", offset_of(place_two));
	printf("place_again 0x%lx\n", offset_of(place_again));
	printf("semaphore 0x%lx\n", offset_of(&sample_semaphore));
	printf("variable %ld\n", (long)((char *)&sample_variable[1] - place_one));
	return sample_one(1) + sample_two(2) + sample_hidden(3) + __sample_alias(4) != 20;
}

#ifndef LIBRARY
int main(void)
{
	return sample_say();
}
#endif
