// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: builtins about the current event.
 *
 * The text of an event is not rendered here: the value stands for it until it
 * is printed, or used as a string.
 *
 * Contexts: handlers.
 * Locks: none.
 */
#include <linux/string.h>

#include "event.h"

/* Without a current event these have no meaning. */
static struct ktap_event *need_event(struct ktap_exec *x)
{
	struct ktap_event *ev = ktap_exec_event(x);

	if (!ev)
		ktap_error(x, "invalid event context");
	return ev;
}

int ktap_bi_ARGSTR(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	if (!need_event(x))
		return -EIO;
	args[0] = (struct ktap_val){ .type = KTAP_EVENT, .aux = 0 };
	return 0;
}

int ktap_bi_EV_TOSTRING(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	if (!need_event(x))
		return -EIO;
	args[0] = (struct ktap_val){ .type = KTAP_EVENT, .aux = 1 };
	return 0;
}

int ktap_bi_PROBENAME(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	if (!need_event(x))
		return -EIO;
	return ktap_event_get(x, KTAP_HAS_NAME, &args[0]);
}

int ktap_bi_FUNC(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	if (!need_event(x))
		return -EIO;
	return ktap_event_get(x, KTAP_HAS_FUNC, &args[0]);
}

/* entry.NAME, for which the compiler makes this call */
int ktap_bi_EV_ENTRY(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	if (!need_event(x))
		return -EIO;
	if (args[0].type != KTAP_STR)
		return ktap_error(x, "entry has a name behind it, as in entry.arg1");
	return ktap_event_entry(x, args[0].s, &args[0]);
}

/* e.set_retval(n), or e:set_retval(n), which passes e first */
int ktap_bi_EV_SET_RETVAL(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	const struct ktap_val *n = &args[nargs - 1];
	int ret;

	if (!need_event(x))
		return -EIO;
	if (n->type != KTAP_INT)
		return ktap_error(x, "e.set_retval() takes a number");
	ret = ktap_event_set_retval(x, n->i);
	ktap_set_nil(&args[0]);
	return ret;
}

int ktap_bi_RETVAL(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	if (!need_event(x))
		return -EIO;
	return ktap_event_get(x, KTAP_HAS_RETVAL, &args[0]);
}

/*
 * kdebug.traceoff(): no more events; the session goes on until it is ended.  The
 * handler that calls it is not interrupted, nor are those on other CPUs.
 */
int ktap_bi_TRACEOFF(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	struct ktap_session *s = ktap_vm_env(ktap_exec_vm(x));

	WRITE_ONCE(s->off, true);
	WRITE_ONCE(s->live, false);
	ktap_set_nil(&args[0]);
	return 0;
}

/* e.field(n), or e:field(n), which passes e first; fields count from 1 */
int ktap_bi_EV_FIELD(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	const struct ktap_val *n = &args[nargs - 1];

	if (!need_event(x))
		return -EIO;
	if (n->type != KTAP_INT)
		return ktap_error(x, "e.field() takes the number of a field");
	if (n->i < 1 || n->i > INT_MAX) {
		ktap_set_nil(&args[0]);
		return 0;
	}
	return ktap_env_arg(x, n->i - 1, &args[0]);
}
