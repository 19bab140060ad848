// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: builtins that make text of time.
 *
 * The kernel does not know the user's time zone.  The tool says at load how far
 * local time is ahead of UTC, and when that changes next (struct ktap_load), so
 * the text is there at once and may be a key.  Times before the session and
 * after the second change get the nearest offset that is known.
 *
 * Contexts: any.
 * Locks: none.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/time.h>

#include "vm.h"

static const char ktap_days[][10] = {
	"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
};

static const char ktap_months[][10] = {
	"January", "February", "March", "April", "May", "June", "July", "August",
	"September", "October", "November", "December",
};

/**
 * struct ktap_when - a moment in local time
 * @tm: date and time
 * @ns: nanoseconds in the second
 * @secs: seconds since 1970
 * @offset: seconds ahead of UTC
 */
struct ktap_when {
	struct tm tm;
	u32 ns;
	s64 secs;
	s32 offset;
};

static int ktap_12(int hour)
{
	return hour % 12 ?: 12;
}

/* The text of conversion @c at @buf of @size bytes, or -1 */
static int ktap_when_text(char *buf, size_t size, char c, const struct ktap_when *w)
{
	const struct tm *tm = &w->tm;
	int year = tm->tm_year + 1900, zone = abs(w->offset) / 60;

	switch (c) {
	case 'Y':
		return snprintf(buf, size, "%d", year);
	case 'y':
		return snprintf(buf, size, "%02d", year % 100);
	case 'm':
		return snprintf(buf, size, "%02d", tm->tm_mon + 1);
	case 'd':
		return snprintf(buf, size, "%02d", tm->tm_mday);
	case 'e':
		return snprintf(buf, size, "%2d", tm->tm_mday);
	case 'j':
		return snprintf(buf, size, "%03d", tm->tm_yday + 1);
	case 'H':
		return snprintf(buf, size, "%02d", tm->tm_hour);
	case 'I':
		return snprintf(buf, size, "%02d", ktap_12(tm->tm_hour));
	case 'M':
		return snprintf(buf, size, "%02d", tm->tm_min);
	case 'S':
		return snprintf(buf, size, "%02d", tm->tm_sec);
	case 'p':
		return snprintf(buf, size, "%s", tm->tm_hour < 12 ? "AM" : "PM");
	case 'a':
		return snprintf(buf, size, "%.3s", ktap_days[tm->tm_wday]);
	case 'A':
		return snprintf(buf, size, "%s", ktap_days[tm->tm_wday]);
	case 'b':
	case 'h':
		return snprintf(buf, size, "%.3s", ktap_months[tm->tm_mon]);
	case 'B':
		return snprintf(buf, size, "%s", ktap_months[tm->tm_mon]);
	case 'u':
		return snprintf(buf, size, "%d", tm->tm_wday ?: 7);
	case 'w':
		return snprintf(buf, size, "%d", tm->tm_wday);
	case 'F':
		return snprintf(buf, size, "%d-%02d-%02d", year, tm->tm_mon + 1, tm->tm_mday);
	case 'D':
		return snprintf(buf, size, "%02d/%02d/%02d", tm->tm_mon + 1, tm->tm_mday,
				year % 100);
	case 'T':
		return snprintf(buf, size, "%02d:%02d:%02d", tm->tm_hour, tm->tm_min,
				tm->tm_sec);
	case 'R':
		return snprintf(buf, size, "%02d:%02d", tm->tm_hour, tm->tm_min);
	case 'c':
		return snprintf(buf, size, "%.3s %.3s %2d %02d:%02d:%02d %d",
				ktap_days[tm->tm_wday], ktap_months[tm->tm_mon], tm->tm_mday,
				tm->tm_hour, tm->tm_min, tm->tm_sec, year);
	case 's':
		return snprintf(buf, size, "%lld", w->secs);
	case 'N':
		return snprintf(buf, size, "%09u", w->ns);
	case 'f':
		return snprintf(buf, size, "%06u", w->ns / 1000);
	case 'L':
		return snprintf(buf, size, "%03u", w->ns / 1000000);
	case 'z':
		return snprintf(buf, size, "%c%02d%02d", w->offset < 0 ? '-' : '+', zone / 60,
				zone % 60);
	case 'n':
		return snprintf(buf, size, "\n");
	case 't':
		return snprintf(buf, size, "\t");
	case '%':
		return snprintf(buf, size, "%%");
	}
	return -1;
}

static void ktap_when_set(struct ktap_exec *x, struct ktap_when *w, s64 ns)
{
	s32 rem;

	w->secs = div_s64_rem(ns, 1000000000, &rem);
	if (rem < 0) {
		rem += 1000000000;
		w->secs--;
	}
	w->ns = rem;
	w->offset = ktap_env_utc_offset(x, w->secs);
	time64_to_tm(w->secs, w->offset, &w->tm);
}

int ktap_bi_STRFTIME(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	int ret = ktap_args_text(x, args, 1), n;
	const struct ktap_str *fmt;
	struct ktap_when w;
	struct ktap_str *s;
	size_t len = 0;
	u32 i;

	if (ret)
		return ret;
	if (args[0].type != KTAP_STR)
		return ktap_wrong_type(x, 1, "string", &args[0]);
	if (nargs > 1 && args[1].type == KTAP_NIL) {
		ktap_set_nil(&args[0]);
		return 0;
	}
	if (nargs > 1 && args[1].type != KTAP_INT)
		return ktap_wrong_type(x, 2, "number", &args[1]);
	ktap_when_set(x, &w, nargs > 1 ? args[1].i : ktap_env_real_ns(x));
	fmt = args[0].s;
	s = ktap_str_alloc(x, KTAP_MAX_STR);
	if (!s)
		return -EIO;
	for (i = 0; i < fmt->len; i++) {
		char buf[32], c = fmt->data[i], text[2] = "";

		if (c == '%') {
			c = ++i < fmt->len ? fmt->data[i] : '\0';
			n = ktap_when_text(buf, sizeof(buf), c, &w);
			text[0] = c >= ' ' && c < 0x7f ? c : '\0';
			if (n < 0)
				return ktap_error(x, "invalid option '%%%s' to 'strftime'",
						  text);
		} else {
			buf[0] = c;
			n = 1;
		}
		if (len + n > KTAP_MAX_STR)
			return ktap_error(x, "string too long: limit is %u bytes", KTAP_MAX_STR);
		memcpy(s->data + len, buf, n);
		len += n;
	}
	ktap_exec_charge(x, 8 + len / 2);
	ktap_str_shrink(x, s, len);
	args[0] = (struct ktap_val){ .s = s, .type = KTAP_STR };
	return 0;
}

/* A line with the time of the trace, seconds and microseconds */
int ktap_bi_PRINT_TRACE_CLOCK(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	char buf[48];
	u32 rem;
	u64 us;
	int len;

	us = div_u64_rem(ktap_env_mono_ns(x), 1000, &rem);
	us = div_u64_rem(us, 1000000, &rem);
	len = snprintf(buf, sizeof(buf), "%5llu.%06u", us, rem);
	if (ktap_set_str(x, &args[0], buf, len))
		return -EIO;
	len = ktap_print(x, KTAP_REC_PRINT, args, 1);
	ktap_set_nil(&args[0]);
	return len;
}

/* os.sleep(ms): only where nothing else has to wait */
int ktap_bi_OS_SLEEP(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	s64 ms = args[0].i;

	if (args[0].type != KTAP_INT)
		return ktap_wrong_type(x, 1, "number", &args[0]);
	if (!x->setup)
		return ktap_error(x, "os.sleep() cannot be called in a handler");
	ktap_set_nil(&args[0]);
	if (ms > 0 && ktap_env_sleep(x, ms))
		return -EIO;
	/* the session may have ended meanwhile */
	return ktap_exec_attend(x);
}

/* os.wait(): until the session is told to end */
int ktap_bi_OS_WAIT(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	if (!x->setup)
		return ktap_error(x, "os.wait() cannot be called in a handler");
	ktap_set_nil(&args[0]);
	if (ktap_env_sleep(x, -1))
		return -EIO;
	return ktap_exec_attend(x);
}
