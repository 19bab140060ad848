// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: builtins that need nothing but the VM.
 *
 * Each gets its arguments in registers and leaves its result in the first;
 * their number is within the bounds of KTAP_BUILTINS.
 *
 * Contexts: any, but for those that register handlers: the main chunk.
 * Locks: none of their own.
 */
#include <linux/errno.h>
#include <linux/kernel.h>

#include "agg.h"

/**
 * ktap_wrong_type() - end the session: an argument has a type it cannot have
 * @x: the running exec
 * @n: which argument, from 1
 * @want: what would be right
 * @v: the argument
 *
 * Return: what ktap_error() returned.
 */
int ktap_wrong_type(struct ktap_exec *x, unsigned int n, const char *want,
		    const struct ktap_val *v)
{
	return ktap_error(x, "wrong type of argument %u: %s expected, not %s", n, want,
			  ktap_type_name(v));
}

/**
 * ktap_args_text() - make text of arguments that stand for the event
 * @x: the running exec; its live strings are in registers
 * @args: the arguments
 * @nargs: how many
 *
 * Afterwards there is room for KTAP_ARENA_RESERVE bytes, as before.
 *
 * Return: 0, or an error.
 */
int ktap_args_text(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	bool any = false;
	unsigned int i;
	int ret;

	for (i = 0; i < nargs; i++) {
		if (likely(args[i].type != KTAP_EVENT))
			continue;
		any = true;
		ret = ktap_render_event(x, &args[i]);
		if (ret)
			return ret;
	}
	return any ? ktap_arena_ensure(x, KTAP_ARENA_RESERVE) : 0;
}

int ktap_bi_PRINT(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	int ret = ktap_print(x, KTAP_REC_PRINT, args, nargs);

	ktap_set_nil(&args[0]);
	return ret;
}

int ktap_bi_PRINTF(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	unsigned int used = 1;
	int ret = 0;

	if (args[0].type == KTAP_EVENT)
		ret = ktap_render_event(x, &args[0]);
	if (!ret && args[0].type != KTAP_STR)
		ret = ktap_wrong_type(x, 1, "string", &args[0]);
	if (!ret)
		ret = ktap_check_format(x, args, nargs, &used);
	if (!ret)
		ret = ktap_print(x, KTAP_REC_PRINTF, args, used);
	ktap_set_nil(&args[0]);
	return ret;
}

int ktap_bi_PRINT_HIST(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	struct ktap_val hist[2];
	int ret;

	if (args[0].type != KTAP_TABLE && args[0].type != KTAP_AGG)
		return ktap_wrong_type(x, 1, "table", &args[0]);
	hist[0] = args[0];
	ktap_set_int(&hist[1], 20);
	if (nargs > 1 && args[1].type != KTAP_NIL) {
		if (args[1].type != KTAP_INT)
			return ktap_wrong_type(x, 2, "number", &args[1]);
		ktap_set_int(&hist[1], clamp_t(s64, args[1].i, 1, 1000));
	}
	ret = ktap_print(x, KTAP_REC_HIST, hist, 2);
	ktap_set_nil(&args[0]);
	return ret;
}

int ktap_bi_LEN(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	int ret = 0;

	if (args[0].type == KTAP_EVENT)
		ret = ktap_render_event(x, &args[0]);
	if (ret)
		return ret;
	if (args[0].type == KTAP_STR)
		ktap_set_int(&args[0], args[0].s->len);
	else if (args[0].type == KTAP_TABLE)
		ktap_set_int(&args[0], ktap_table_len(args[0].t));
	else if (args[0].type == KTAP_AGG)
		ktap_set_int(&args[0], ktap_agg_len(x, args[0].g));
	else
		ret = ktap_error(x, "cannot get length of type %s", ktap_type_name(&args[0]));
	return ret;
}

int ktap_bi_DELETE(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	if (args[0].type != KTAP_TABLE && args[0].type != KTAP_AGG)
		return ktap_wrong_type(x, 1, "table", &args[0]);
	return ktap_bi_CLEAR(x, args, nargs);
}

int ktap_bi_TOSTRING(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	const struct ktap_str *name;
	const char *s;

	switch (args[0].type) {
	case KTAP_STR:
		return 0;
	case KTAP_TABLE:
	case KTAP_CELL:
	case KTAP_AGG:
		s = ktap_type_name(&args[0]);
		return ktap_set_str(x, &args[0], s, strlen(s));
	case KTAP_FUNC:
		name = args[0].f->proto->name;
		if (name->len)
			return ktap_set_str(x, &args[0], name->data, name->len);
		return ktap_set_str(x, &args[0], "function", strlen("function"));
	case KTAP_BUILTIN:
		s = ktap_builtin_name(args[0].i);
		return ktap_set_str(x, &args[0], s, strlen(s));
	default:
		return ktap_concat(x, args, 1, &args[0]);
	}
}

int ktap_bi_TONUMBER(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	s64 i;
	int ret = 0;

	if (args[0].type == KTAP_EVENT)
		ret = ktap_render_event(x, &args[0]);
	if (ret || args[0].type == KTAP_INT)
		return ret;
	if (args[0].type == KTAP_STR &&
	    ktap_parse_int(args[0].s->data, args[0].s->len, &i))
		ktap_set_int(&args[0], i);
	else
		ktap_set_nil(&args[0]);
	return 0;
}

/* {f()} and {...}: t[index] = value, t[index + 1] = the next one ... */
int ktap_bi_LIST(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	unsigned int i;
	int ret;

	if (args[1].type != KTAP_INT)
		return ktap_wrong_type(x, 2, "number", &args[1]);
	for (i = 2; i < nargs; i++) {
		/* an instruction names no registers as far up as these may be */
		args[2] = args[i];
		ret = ktap_op_sett(x, args, KTAP_INSN(KTAP_OP_SETT, 0, 1, 2));
		if (ret)
			return ret;
		args[1].i = (u64)args[1].i + 1;
	}
	ktap_exec_charge(x, nargs);
	ktap_set_nil(&args[0]);
	return 0;
}

int ktap_bi_EXIT(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	if (nargs && args[0].type != KTAP_INT && args[0].type != KTAP_NIL)
		return ktap_wrong_type(x, 1, "number", &args[0]);
	return ktap_vm_exit(x, nargs && args[0].type == KTAP_INT ? args[0].i & 255 : 0);
}

static int ktap_wrong_handler(struct ktap_exec *x, unsigned int n, const struct ktap_val *v)
{
	if (v->type != KTAP_BUILTIN)
		return ktap_wrong_type(x, n, "function", v);
	return ktap_error(x, "wrong type of argument %u: script function expected, not %s()",
			  n, ktap_builtin_name(v->i));
}

int ktap_bi_TRACE(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	struct ktap_closure *fn = args[1].f;
	int ret;

	if (args[0].type != KTAP_STR)
		return ktap_wrong_type(x, 1, "string", &args[0]);
	if (args[1].type != KTAP_FUNC)
		return ktap_wrong_handler(x, 2, &args[1]);
	/* for good: events refer to it */
	ktap_obj_share(x->vm, &fn->obj);
	ret = ktap_env_attach(x, args[0].s, fn);
	ktap_set_nil(&args[0]);
	return ret;
}

static int ktap_add_end(struct ktap_exec *x, struct ktap_val *args,
			struct ktap_closure **list, u32 *n)
{
	if (args[0].type != KTAP_FUNC)
		return ktap_wrong_handler(x, 1, &args[0]);
	if (*n == KTAP_MAX_ENDS)
		return ktap_error(x, "too many of these functions: limit is %u", KTAP_MAX_ENDS);
	ktap_obj_share(x->vm, &args[0].f->obj);
	list[(*n)++] = args[0].f;
	ktap_set_nil(&args[0]);
	return 0;
}

int ktap_bi_TRACE_BEGIN(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_add_end(x, args, x->vm->begins, &x->vm->nbegins);
}

int ktap_bi_TRACE_END(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_add_end(x, args, x->vm->ends, &x->vm->nends);
}

int ktap_bi_TRACE_LAST(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_add_end(x, args, x->vm->lasts, &x->vm->nlasts);
}
