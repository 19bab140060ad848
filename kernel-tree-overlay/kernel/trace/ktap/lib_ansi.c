// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: builtins that write the sequences of a terminal.
 *
 * Contexts: any.
 * Locks: none.
 */
#include <linux/errno.h>
#include <linux/kernel.h>

#include "vm.h"

/* Writes a sequence of bytes to the output, with nothing before or behind it */
static int ktap_put_raw(struct ktap_exec *x, struct ktap_val *args, const char *s, size_t len)
{
	struct ktap_val v;
	int ret;

	/* as a format: none of these sequences has a % in it */
	ret = ktap_set_str(x, &v, s, len);
	if (!ret)
		ret = ktap_print(x, KTAP_REC_PRINTF, &v, 1);
	ktap_set_nil(&args[0]);
	return ret;
}

int ktap_bi_ANSI_CLEAR(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	static const char clear[] = "\033[1;1H\033[J";

	return ktap_put_raw(x, args, clear, sizeof(clear) - 1);
}

/* ESC [ n ; n ; n m */
static int ktap_ansi_color(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	char buf[3 * KTAP_INT_DIGITS + 8] = "\033[";
	size_t len = 2;
	u32 i;

	for (i = 0; i < nargs; i++) {
		if (args[i].type != KTAP_INT)
			return ktap_wrong_type(x, i + 1, "number", &args[i]);
		/* no attribute */
		if (i == 2 && !args[i].i)
			break;
		if (i)
			buf[len++] = ';';
		len += ktap_fmt_int(buf + len, args[i].i);
	}
	buf[len++] = 'm';
	return ktap_put_raw(x, args, buf, len);
}

int ktap_bi_ANSI_COLOR(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_ansi_color(x, args, nargs);
}

int ktap_bi_ANSI_COLOR2(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_ansi_color(x, args, nargs);
}

int ktap_bi_ANSI_COLOR3(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_ansi_color(x, args, nargs);
}

int ktap_bi_ANSI_RESET(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_put_raw(x, args, "\033[0;0m", strlen("\033[0;0m"));
}

int ktap_bi_ANSI_NEW_LINE(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_put_raw(x, args, "\n", 1);
}
