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

/*
 * The names of a kind stand in a row, as the members of a structure, and there
 * is 1 + where one begins for each number: tables of pointers would be four
 * times as large, and have to be relocated.
 */
static const struct {
#define KTAP_ERRNO(n, t)	char name_##n[sizeof(#n)]; char text_##n[sizeof(t)];
#include "uapi_names.h"
#undef KTAP_ERRNO
} ktap_errno_names = {
#define KTAP_ERRNO(n, t)	#n, t,
#include "uapi_names.h"
#undef KTAP_ERRNO
};

static const struct ktap_errno_at {
	u16 name;
	u16 text;
} ktap_errnos[] = {
#define KTAP_ERRNO(n, t)	[n] = {					\
	1 + offsetof(typeof(ktap_errno_names), name_##n),		\
	1 + offsetof(typeof(ktap_errno_names), text_##n) },
#include "uapi_names.h"
#undef KTAP_ERRNO
};

static const struct {
#define KTAP_SIGNAL(n)		char name_##n[sizeof(#n)];
#include "uapi_names.h"
#undef KTAP_SIGNAL
} ktap_signal_names = {
#define KTAP_SIGNAL(n)		#n,
#include "uapi_names.h"
#undef KTAP_SIGNAL
};

static const u16 ktap_signals[] = {
#define KTAP_SIGNAL(n)		[n] = 1 + offsetof(typeof(ktap_signal_names), name_##n),
#include "uapi_names.h"
#undef KTAP_SIGNAL
};

static const struct {
#define KTAP_CAP(n)		char name_##n[sizeof(#n)];
#include "uapi_names.h"
#undef KTAP_CAP
} ktap_cap_names = {
#define KTAP_CAP(n)		#n,
#include "uapi_names.h"
#undef KTAP_CAP
};

static const u16 ktap_caps[] = {
#define KTAP_CAP(n)		[n] = 1 + offsetof(typeof(ktap_cap_names), name_##n),
#include "uapi_names.h"
#undef KTAP_CAP
};

/* Where the numbers begin: 4000 and more for some of MIPS */
#ifdef __NR_Linux
#define KTAP_NR_BASE		__NR_Linux
#else
#define KTAP_NR_BASE		0
#endif

static const struct {
#define KTAP_SYSCALL(n)		char name_##n[sizeof(#n)];
#include "uapi_names.h"
#undef KTAP_SYSCALL
} ktap_syscall_names = {
#define KTAP_SYSCALL(n)		#n,
#include "uapi_names.h"
#undef KTAP_SYSCALL
};

static const u16 ktap_syscalls[] = {
#define KTAP_SYSCALL(n)		[__NR_##n - KTAP_NR_BASE] =		\
	1 + offsetof(typeof(ktap_syscall_names), name_##n),
#include "uapi_names.h"
#undef KTAP_SYSCALL
};

static const char *ktap_name_at(const void *names, const u16 *at, u64 nr, u64 n)
{
	return n < nr && at[n] ? (const char *)names + at[n] - 1 : NULL;
}

/* The name of @n, or NULL: of what is less than 0 there is none */
#define ktap_name_of(names, at, n)	\
	ktap_name_at(&(names), at, ARRAY_SIZE(at), n)

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
static const struct ktap_errno_at *ktap_find_errno(s64 n)
{
	u64 u = n < 0 ? -(u64)n : n;

	if (u >= ARRAY_SIZE(ktap_errnos) || !ktap_errnos[u].name)
		return NULL;
	return &ktap_errnos[u];
}

static const char *ktap_errno_str(u16 at)
{
	return (const char *)&ktap_errno_names + at - 1;
}

int ktap_bi_ERRNO_NAME(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	const struct ktap_errno_at *e;
	s64 n;
	int ret = ktap_number_arg(x, args, &n);

	if (ret <= 0)
		return ret;
	e = ktap_find_errno(n);
	return ktap_set_name(x, &args[0], e ? ktap_errno_str(e->name) : NULL);
}

int ktap_bi_STRERROR(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	const struct ktap_errno_at *e;
	const char *text;
	s64 n;
	int ret = ktap_number_arg(x, args, &n);

	if (ret <= 0)
		return ret;
	e = ktap_find_errno(n);
	if (!e)
		return ktap_set_name(x, &args[0], NULL);
	text = ktap_errno_str(e->text);
	/* those that only the kernel knows have none */
	return ktap_set_name(x, &args[0], *text ? text : ktap_errno_str(e->name));
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
	} else {
		name = ktap_name_of(ktap_signal_names, ktap_signals, n);
	}
	return ktap_set_name(x, &args[0], name);
}

int ktap_bi_CAP_NAME(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	s64 n;
	int ret = ktap_number_arg(x, args, &n);

	if (ret <= 0)
		return ret;
	return ktap_set_name(x, &args[0], ktap_name_of(ktap_cap_names, ktap_caps, n));
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
	return ktap_name_of(ktap_syscall_names, ktap_syscalls, nr - KTAP_NR_BASE);
}

int ktap_bi_SYSCALL_NAME(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	s64 n;
	int ret = ktap_number_arg(x, args, &n);

	if (ret <= 0)
		return ret;
	return ktap_set_name(x, &args[0], ktap_syscall_name(n));
}
