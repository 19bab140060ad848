// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: builtins that name numbers of the kernel's interface.
 *
 * The tables are made of the kernel's own headers when it is built (names.awk),
 * so they have the numbers of the architecture.
 *
 * Contexts: any.
 * Locks: none.
 */
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/signal.h>

#include <asm/unistd.h>

#include "vm.h"

static const struct ktap_error_name {
	const char *name;
	const char *text;
} ktap_errnos[] = {
#define KTAP_ERRNO(n, t)	[n] = { #n, t },
#include "uapi_names.h"
#undef KTAP_ERRNO
};

static const char * const ktap_signals[] = {
#define KTAP_SIGNAL(n)		[n] = #n,
#include "uapi_names.h"
#undef KTAP_SIGNAL
};

static const char * const ktap_caps[] = {
#define KTAP_CAP(n)		[n] = #n,
#include "uapi_names.h"
#undef KTAP_CAP
};

/* Where the numbers begin: 4000 and more for some of MIPS */
#ifdef __NR_Linux
#define KTAP_NR_BASE		__NR_Linux
#else
#define KTAP_NR_BASE		0
#endif

static const char * const ktap_syscalls[] = {
#define KTAP_SYSCALL(n)		[__NR_##n - KTAP_NR_BASE] = #n,
#include "uapi_names.h"
#undef KTAP_SYSCALL
};

/*
 * The number that is to be named.  Returns 1 if it is @n, 0 if the result is nil
 * and set, or an error.
 */
static int ktap_number_arg(struct ktap_exec *x, struct ktap_val *args, s64 *n)
{
	*n = args[0].i;
	if (args[0].type == KTAP_INT)
		return 1;
	if (args[0].type == KTAP_NIL)
		return 0;
	return ktap_wrong_type(x, 1, "number", &args[0]);
}

/* A name, or nil */
static int ktap_set_name(struct ktap_exec *x, struct ktap_val *out, const char *name)
{
	if (name)
		return ktap_set_str(x, out, name, strlen(name));
	ktap_set_nil(out);
	return 0;
}

/* Results of system calls are negative errors: both signs are right. */
static const struct ktap_error_name *ktap_find_errno(s64 n)
{
	u64 u = n < 0 ? -(u64)n : n;

	if (u >= ARRAY_SIZE(ktap_errnos) || !ktap_errnos[u].name)
		return NULL;
	return &ktap_errnos[u];
}

int ktap_bi_ERRNO_NAME(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	const struct ktap_error_name *e;
	s64 n;
	int ret = ktap_number_arg(x, args, &n);

	if (ret <= 0)
		return ret;
	e = ktap_find_errno(n);
	return ktap_set_name(x, &args[0], e ? e->name : NULL);
}

int ktap_bi_STRERROR(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	const struct ktap_error_name *e;
	s64 n;
	int ret = ktap_number_arg(x, args, &n);

	if (ret <= 0)
		return ret;
	e = ktap_find_errno(n);
	if (!e)
		return ktap_set_name(x, &args[0], NULL);
	/* those that only the kernel knows have no text */
	return ktap_set_name(x, &args[0], *e->text ? e->text : e->name);
}

int ktap_bi_SIGNAL_NAME(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	const char *name = NULL;
	char buf[32];
	s64 n;
	int ret = ktap_number_arg(x, args, &n);

	if (ret <= 0)
		return ret;
	if (n == SIGRTMIN) {
		name = "SIGRTMIN";
	} else if (n > SIGRTMIN && n <= _NSIG) {
		snprintf(buf, sizeof(buf), "SIGRTMIN+%d", (int)(n - SIGRTMIN));
		name = buf;
	} else if (n > 0 && n < ARRAY_SIZE(ktap_signals)) {
		name = ktap_signals[n];
	}
	return ktap_set_name(x, &args[0], name);
}

int ktap_bi_CAP_NAME(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	s64 n;
	int ret = ktap_number_arg(x, args, &n);

	if (ret <= 0)
		return ret;
	return ktap_set_name(x, &args[0],
			     n >= 0 && n < ARRAY_SIZE(ktap_caps) ? ktap_caps[n] : NULL);
}

/**
 * ktap_syscall_name() - the name of a system call in the kernel's interface
 * @nr: its number
 *
 * Context: any.
 * Return: the name, or NULL.
 */
const char *ktap_syscall_name(s64 nr)
{
	nr -= KTAP_NR_BASE;
	return nr >= 0 && nr < ARRAY_SIZE(ktap_syscalls) ? ktap_syscalls[nr] : NULL;
}

int ktap_bi_SYSCALL_NAME(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	s64 n;
	int ret = ktap_number_arg(x, args, &n);

	if (ret <= 0)
		return ret;
	return ktap_set_name(x, &args[0], ktap_syscall_name(n));
}
