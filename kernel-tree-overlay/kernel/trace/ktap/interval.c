// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: the text of timers, tick-INTERVAL and profile-INTERVAL.
 *
 * Contexts: any.
 * Locks: none.
 */
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/string.h>
#include <linux/time64.h>

#include "ktap.h"

/* A timer that fires as fast as it can leaves no time for anything else. */
#define MIN_INTERVAL		(10 * NSEC_PER_USEC)
#define MAX_INTERVAL		((u64)S64_MAX / 2)

/* Nanoseconds of a unit; 0: how many in a second */
static const struct {
	const char *name;
	u64 ns;
} units[] = {
	{ "s",		NSEC_PER_SEC },
	{ "sec",	NSEC_PER_SEC },
	{ "ms",		NSEC_PER_MSEC },
	{ "msec",	NSEC_PER_MSEC },
	{ "us",		NSEC_PER_USEC },
	{ "usec",	NSEC_PER_USEC },
	{ "ns",		1 },
	{ "nsec",	1 },
	{ "hz",		0 },
};

/* Decimal digits; more than fit are the greatest number. Returns what follows */
static const char *parse_number(const char *s, u64 *n)
{
	for (*n = 0; *s >= '0' && *s <= '9'; s++)
		*n = *n > (U64_MAX - 9) / 10 ? U64_MAX : *n * 10 + (*s - '0');
	return s;
}

/**
 * ktap_timer_prefix() - whether the text of an event begins as that of a timer
 * @text: the text
 * @per_cpu: set to whether each CPU has one (profile-)
 *
 * Return: the length of the prefix, or 0.
 */
size_t ktap_timer_prefix(const char *text, bool *per_cpu)
{
	static const char profile[] = "profile-", tick[] = "tick-";

	*per_cpu = !strncmp(text, profile, sizeof(profile) - 1);
	if (*per_cpu)
		return sizeof(profile) - 1;
	return strncmp(text, tick, sizeof(tick) - 1) ? 0 : sizeof(tick) - 1;
}

/**
 * ktap_parse_interval() - the interval of a timer
 * @text: a number and its unit
 * @ns: set to its nanoseconds
 *
 * Return: NULL, or what is wrong.
 */
const char *ktap_parse_interval(const char *text, u64 *ns)
{
	const char *unit;
	u64 n;
	int i;

	unit = parse_number(text, &n);
	for (i = 0; i < ARRAY_SIZE(units); i++) {
		if (unit > text && !strcmp(unit, units[i].name))
			break;
	}
	if (i == ARRAY_SIZE(units))
		return "it is a number and ns, us, ms, s or hz";
	if (!units[i].ns)
		n = n ? div64_u64(NSEC_PER_SEC, n) : U64_MAX;
	else if (n > div64_u64(MAX_INTERVAL, units[i].ns))
		n = U64_MAX;
	else
		n *= units[i].ns;
	if (n < MIN_INTERVAL)
		return "it is at least 10us";
	if (n > MAX_INTERVAL)
		return "it is too long";
	*ns = n;
	return NULL;
}
