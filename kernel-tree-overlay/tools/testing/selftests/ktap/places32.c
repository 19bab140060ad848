// SPDX-License-Identifier: GPL-2.0
/*
 * places32: a program of 32 bits to be traced, without a library, so that it can be
 * built where there is none for 32 bits.
 *
 *	places32 N		N times: place32_sum(), place32_triple(), place32_sdt(),
 *				place32_outer(), which is one lseek(-1, i, 7)
 *	places32 N exec		it executes itself for that
 *	places32 N wait		and then it waits for the end of its input
 *
 * It has frame pointers, and is at fixed addresses.
 */
#define PLACE	__attribute__((noinline, noclone, used))

#define NR_EXIT		1
#define NR_READ		3
#define NR_EXECVE	11
#define NR_LSEEK	19

static inline int call(int nr, long a, long b, long c)
{
	int ret;

	__asm__ volatile("int $0x80" : "=a" (ret) : "0" (nr), "b" (a), "c" (b), "d" (c) :
			 "memory");
	return ret;
}

PLACE int place32_sum(int a, int b, int c, int d, int e, int f)
{
	__asm__ volatile("" ::: "memory");
	return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f;
}

struct triple {
	int a, b, c;
};

/* Its caller says where the result goes, and it takes that off the stack. */
PLACE struct triple place32_triple(int n)
{
	__asm__ volatile("" ::: "memory");
	return (struct triple){ n, 2 * n, 3 * n };
}

/* An argument in a register, one in memory, a constant; see places.h */
PLACE void place32_sdt(int n, const int *numbers)
{
	__asm__ volatile("990: nop\n"
		".pushsection .note.stapsdt,\"?\",\"note\"\n"
		".balign 4\n"
		".4byte 992f-991f, 994f-993f, 3\n"
		"991: .asciz \"stapsdt\"\n"
		"992: .balign 4\n"
		"993: .4byte 990b, _.stapsdt.base, 0\n"
		".asciz \"ktap_test\"\n"
		".asciz \"narrow\"\n"
		".asciz \"-4@%%edx 4@%%edx -4@4(%%ecx) -4@$-5\"\n"
		"994: .balign 4\n"
		".popsection\n"
		".ifndef _.stapsdt.base\n"
		".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n"
		".weak _.stapsdt.base\n"
		".hidden _.stapsdt.base\n"
		"_.stapsdt.base: .space 1\n"
		".size _.stapsdt.base, 1\n"
		".popsection\n"
		".endif\n"
		:: "d" (n), "c" (numbers), "m" (*(const int (*)[2])numbers));
}

PLACE int place32_inner(int n)
{
	return call(NR_LSEEK, -1, n, 7) + 1;
}

PLACE int place32_outer(int n)
{
	return place32_inner(n) + 1;
}

static int number(const char *s)
{
	int n = 0;

	while (*s >= '0' && *s <= '9')
		n = 10 * n + *s++ - '0';
	return n;
}

/* @stack: how many arguments, and they */
PLACE void start32(long *stack)
{
	char **argv = (char **)(stack + 1);
	int i, n = stack[0] > 1 ? number(argv[1]) : 0;

	if (stack[0] > 2 && argv[2][0] == 'e') {
		/* on the stack it is in memory when ktap looks at it */
		char self[] = "/proc/self/exe";

		argv[2] = 0;
		call(NR_EXECVE, (long)self, (long)argv, 0);
		call(NR_EXIT, 1, 0, 0);
	}
	for (i = 0; i < n; i++) {
		int numbers[2] = { 0, i - 2 };

		place32_sum(i, 2, 3, 4, 5, -6);
		if (place32_triple(i).c != 3 * i)
			call(NR_EXIT, 2, 0, 0);
		place32_sdt(-i, numbers);
		place32_outer(i);
	}
	while (stack[0] > 2 && call(NR_READ, 0, (long)&i, 1) > 0)
		;
	call(NR_EXIT, 0, 0, 0);
}

__asm__(".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %esp, %eax\n"
	"	and $-16, %esp\n"
	"	sub $12, %esp\n"
	"	push %eax\n"
	"	call start32\n");
