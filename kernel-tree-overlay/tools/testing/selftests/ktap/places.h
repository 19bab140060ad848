/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Places in a program: functions for probes, and SDT probes that are made here,
 * without any header of another package. For programs that are traced; the
 * program says itself where in its file they are.
 */
#ifndef _SELFTESTS_KTAP_PLACES_H
#define _SELFTESTS_KTAP_PLACES_H

#include <stdio.h>
#include <string.h>

/* The arguments and the result are what it says, whoever calls it. */
#define PLACE	__attribute__((noinline, noclone, used))

PLACE long place_sum(long a, long b, long c, long d, long e, long f)
{
	__asm__ volatile("" ::: "memory");
	return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f;
}

PLACE long place_string(const char *s)
{
	__asm__ volatile("" ::: "memory");
	return strlen(s);
}

/* @n + 1 calls at once */
PLACE long place_recurse(long n)
{
	long below = n ? place_recurse(n - 1) : 0;

	__asm__ volatile("" : "+r" (below) :: "memory");
	return below + 1;
}

/*
 * An SDT probe, and a label for it. Operands are those of __asm__, and @args says
 * where they are.
 */
#define PLACE_SDT_BASE							\
	".ifndef _.stapsdt.base\n"					\
	".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n" \
	".weak _.stapsdt.base\n"					\
	".hidden _.stapsdt.base\n"					\
	"_.stapsdt.base: .space 1\n"					\
	".size _.stapsdt.base, 1\n"					\
	".popsection\n"							\
	".endif\n"

#define PLACE_SDT(label, provider, name, semaphore, args, ...)		\
	__asm__ volatile(						\
		label ": 990: nop\n"					\
		".pushsection .note.stapsdt,\"?\",\"note\"\n"		\
		".balign 4\n"						\
		".4byte 992f-991f, 994f-993f, 3\n"			\
		"991: .asciz \"stapsdt\"\n"				\
		"992: .balign 4\n"					\
		"993: .8byte 990b, _.stapsdt.base, " semaphore "\n"	\
		".asciz \"" provider "\"\n"				\
		".asciz \"" name "\"\n"					\
		".asciz \"" args "\"\n"					\
		"994: .balign 4\n"					\
		".popsection\n"						\
		PLACE_SDT_BASE						\
		:: __VA_ARGS__)

/* How many trace the second one below; the kernel counts here */
__attribute__((used, section(".probes"))) volatile unsigned short place_semaphore;

#if defined(__x86_64__)
#define PLACE_HAS_SDT	1

/* The registers of place_sdt()'s arguments, and what the fifth adds to two of them */
#define PLACE_REG_1	"di"
#define PLACE_REG_2	"si"
#define PLACE_REG_3	"cx"
#define PLACE_DISP	8
/* Where some instructions of place_steps() are */
#define PLACE_STEPS	0, 1, 4, 14, 15
/* The first bytes of place_steps(), of the functions of place_many(), of a nop */
#define PLACE_STEPS_BYTE	0x55
#define PLACE_MANY_BYTE		0x89
#define PLACE_NOP_BYTE		0x90

/*
 * Each of the arguments in a known place: a register, as a number of 4, 1 and 8
 * bytes; memory by one register, by two, and two bytes of it; a constant.
 */
PLACE void place_sdt(long n, const int *numbers)
{
	PLACE_SDT("place_sdt_all", "ktap_test", "all", "0",
		  "-4@%%edi 1@%%dil -8@%%rdi -4@4(%%rsi) 4@8(%%rsi,%%rcx,4) "
		  "-2@(%%rsi) -4@$-5",
		  "D" (n), "S" (numbers), "c" (2L),
		  "m" (*(const int (*)[8])numbers));
}

PLACE void place_sdt_counted(long n)
{
	PLACE_SDT("place_sdt_second", "ktap_test", "counted", "place_semaphore", "8@%%rdi",
		  "D" (n));
}

/* The same probe in two places */
PLACE void place_sdt_twice(long n)
{
	PLACE_SDT("place_sdt_third", "ktap_test", "twice", "0", "8@%%rdi", "D" (n));
	PLACE_SDT("place_sdt_fourth", "ktap_test", "twice", "0", "8@%%rdi 8@%%rsi",
		  "D" (-n), "S" (n + 1));
}

/*
 * Instructions whose length is known: a function of 1, 3, 7 and more bytes, one
 * instruction that a probe would break, and many functions 16 bytes apart.
 */
#define PLACE_MANY	2000

__asm__(
	".pushsection .text\n"
	".type place_steps, @function\n"
	".globl place_steps\n"
	"place_steps:\n"
	"	push %rbp\n"
	"	mov %rsp, %rbp\n"
	"	movabs $0x1122334455667788, %rax\n"
	"	pop %rbp\n"
	"	ret\n"
	".size place_steps, . - place_steps\n"
	".type place_locked, @function\n"
	".globl place_locked\n"
	"place_locked:\n"
	"	lock; orl $0, -8(%rsp)\n"
	"	ret\n"
	".size place_locked, . - place_locked\n"
	".balign 16\n"
	".type place_many, @function\n"
	".globl place_many\n"
	"place_many:\n"
	".rept 2000\n"
	"	.balign 16\n"
	"	mov %edi, %eax\n"
	"	ret\n"
	".endr\n"
	".size place_many, . - place_many\n"
	".popsection\n");

#elif defined(__aarch64__)
#define PLACE_HAS_SDT	1

/* The same as above */
#define PLACE_REG_1	"x0"
#define PLACE_REG_2	"x1"
#define PLACE_REG_3	"x2"
#define PLACE_DISP	0
#define PLACE_STEPS	0, 4, 8, 24, 28
#define PLACE_STEPS_BYTE	0xfd
#define PLACE_MANY_BYTE		0xe0
#define PLACE_NOP_BYTE		0x1f

PLACE void place_sdt(long n, const int *numbers)
{
	register long a __asm__("x0") = n;
	register const int *b __asm__("x1") = numbers;
	register long c __asm__("x2") = 4;

	PLACE_SDT("place_sdt_all", "ktap_test", "all", "0",
		  "-4@w0 1@w0 -8@x0 -4@[x1, 4] 4@[x1, x2, lsl 2] -2@[x1] -4@-5",
		  "r" (a), "r" (b), "r" (c), "m" (*(const int (*)[8])numbers));
}

PLACE void place_sdt_counted(long n)
{
	register long a __asm__("x0") = n;

	PLACE_SDT("place_sdt_second", "ktap_test", "counted", "place_semaphore", "8@x0",
		  "r" (a));
}

static inline void place_sdt_again(long n, long m)
{
	register long a __asm__("x0") = n;
	register long b __asm__("x1") = m;

	PLACE_SDT("place_sdt_fourth", "ktap_test", "twice", "0", "8@x0 8@x1",
		  "r" (a), "r" (b));
}

PLACE void place_sdt_twice(long n)
{
	register long a __asm__("x0") = n;

	PLACE_SDT("place_sdt_third", "ktap_test", "twice", "0", "8@x0", "r" (a));
	place_sdt_again(-n, n + 1);
}

#define PLACE_MANY	2000

__asm__(
	".pushsection .text\n"
	".balign 4\n"
	".type place_steps, %function\n"
	".globl place_steps\n"
	"place_steps:\n"
	"	stp x29, x30, [sp, #-16]!\n"
	"	mov x29, sp\n"
	"	movz x0, #0x7788\n"
	"	movk x0, #0x5566, lsl #16\n"
	"	movk x0, #0x3344, lsl #32\n"
	"	movk x0, #0x1122, lsl #48\n"
	"	ldp x29, x30, [sp], #16\n"
	"	ret\n"
	".size place_steps, . - place_steps\n"
	".type place_locked, %function\n"
	".globl place_locked\n"
	"place_locked:\n"
	"	ldxr x0, [sp]\n"
	"	ret\n"
	".size place_locked, . - place_locked\n"
	".balign 16\n"
	".type place_many, %function\n"
	".globl place_many\n"
	"place_many:\n"
	".rept 2000\n"
	"	.balign 16\n"
	"	mov w0, w0\n"
	"	ret\n"
	".endr\n"
	".size place_many, . - place_many\n"
	".popsection\n");
#else
#define PLACE_HAS_SDT	0
#define PLACE_MANY	0
#endif

#if PLACE_HAS_SDT
extern char place_sdt_all[], place_sdt_second[], place_sdt_third[], place_sdt_fourth[];
extern char place_steps[], place_locked[], place_many[];
#endif

/* Where an address of this process is in the file it comes from; -1: in none */
static inline long place_offset(const void *address)
{
	unsigned long start, end, offset, want = (unsigned long)address;
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];
	long found = -1;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) == 3 &&
		    start <= want && want < end && strchr(line, '/'))
			found = want - start + offset;
	}
	if (f)
		fclose(f);
	return found;
}

#endif /* _SELFTESTS_KTAP_PLACES_H */
