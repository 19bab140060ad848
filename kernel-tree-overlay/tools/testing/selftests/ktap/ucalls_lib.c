// SPDX-License-Identifier: GPL-2.0
/*
 * ucalls_lib: a library that ucalls loads.
 */
void uc_library(void (*call)(long n, long seconds), long n, long seconds);

static volatile long sink;

void uc_library(void (*call)(long n, long seconds), long n, long seconds)
{
	call(n, seconds);
	sink = n;
}
