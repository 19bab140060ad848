// SPDX-License-Identifier: GPL-2.0
/*
 * ucalls_lib: a library that ucalls loads.
 */
void uc_library(void (*call)(long n, long seconds), long n, long seconds)
{
	call(n, seconds);
	/* what comes after a call, so that it is one */
	asm volatile ("" : : "r" (n));
}
