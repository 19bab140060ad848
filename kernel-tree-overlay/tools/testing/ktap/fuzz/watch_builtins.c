// SPDX-License-Identifier: GPL-2.0
/*
 * watch: stands between the interpreter and the builtins.
 *
 * A builtin is called with a number of arguments that it takes, in the phase that
 * it is for.  It looks at its arguments only: what is in the registers behind
 * them changes from one run of a session to the next, in all that is put out
 * nothing may, and it leaves these registers alone.
 */
#include "watch.h"
#include "watch_blocks.h"

#define BEHIND	3

static struct ktap_val marker = { .i = 0x5a5a5a5a5a5aLL, .type = KTAP_INT };

static int call(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs,
		ktap_builtin_fn fn, unsigned int min_args, unsigned int max_args,
		unsigned int flags)
{
	const struct ktap_frame *fr = x->frame;
	struct ktap_val kept[BEHIND], *r, *end = NULL;
	unsigned int i;
	int ret;

	if (!watch_on || !fr)
		return fn(x, args, nargs);
	FUZZ_CHECK(nargs >= min_args && (max_args == KTAP_BI_ANY || nargs <= max_args));
	FUZZ_CHECK(!(flags & KTAP_BI_SETUP) || x->vm->phase == KTAP_PHASE_MAIN);
	FUZZ_CHECK(!(flags & KTAP_BI_EVENT) || x->event);
	/* the first is there in any case: it gets the result */
	r = args + max(nargs, 1U);
	if (watch_markers && r >= fr->base && !x->top)
		end = fr->base + fr->fn->proto->nregs;
	for (i = 0; i < BEHIND; i++) {
		kept[i].type = KTAP_STR;
		/* those whose strings and objects somebody has to find stay */
		if (r + i >= end || r[i].type > KTAP_INT)
			continue;
		kept[i] = r[i];
		r[i] = marker;
	}
	ret = fn(x, args, nargs);
	for (i = 0; i < BEHIND; i++) {
		if (kept[i].type > KTAP_INT)
			continue;
		FUZZ_CHECK(!memcmp(&r[i], &marker, sizeof(marker)));
		r[i] = kept[i];
	}
	FUZZ_CHECK(ret || args[0].type <= KTAP_AGG);
	return ret;
}

/* builtins.list has the linker call these in the place of what they call */
#define WRAP_BUILTIN(id, name, min_args, max_args, flags)		\
	int __real_ktap_bi_##id(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs); \
	int __wrap_ktap_bi_##id(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs); \
	int __wrap_ktap_bi_##id(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs) \
	{								\
		return call(x, args, nargs, __real_ktap_bi_##id, min_args, max_args, flags); \
	}
KTAP_BUILTINS(WRAP_BUILTIN)
