// SPDX-License-Identifier: GPL-2.0
/* A function in a shared library, for places.c */
const void *place_lib_address(void);
long place_lib(long n);

static __attribute__((noinline, noclone, used)) long lib(long n)
{
	__asm__ volatile("" ::: "memory");
	return 3 * n;
}

long place_lib(long n) __attribute__((alias("lib")));

/* for the program it is somewhere in its own linkage table */
const void *place_lib_address(void)
{
	return (const void *)lib;
}
