// SPDX-License-Identifier: GPL-2.0
/*
 * script_opts: the options of a script, --NAME=VALUE after its name.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "script_opts.h"

/* A constant that an instruction loads; returns false if it loads none */
static bool loaded(const struct image_reader *r, unsigned int pc, struct script_opt *o)
{
	unsigned int insn = image_code_at(r, pc);

	o->s = (struct image_text){};
	switch (KTAP_INSN_OP(insn)) {
	case KTAP_OP_NIL:
		o->type = SCRIPT_OPT_ANY;
		return true;
	case KTAP_OP_BOOL:
		o->type = SCRIPT_OPT_BOOL;
		o->i = KTAP_INSN_B(insn);
		return true;
	case KTAP_OP_LOADI:
		o->type = SCRIPT_OPT_INT;
		o->i = KTAP_INSN_SBX(insn);
		return true;
	case KTAP_OP_LOADK:
		o->type = SCRIPT_OPT_STR;
		if (image_const(r, KTAP_INSN_BX(insn), &o->i, &o->s) == KTAP_CONST_INT)
			o->type = SCRIPT_OPT_INT;
		return true;
	default:
		return false;
	}
}

void script_opts_find(const struct image_reader *r, struct script_opts *so)
{
	struct script_opt o, text;
	unsigned int i, insn, kind;
	struct image_text t;

	memset(so, 0, sizeof(*so));
	for (i = 0; i < r->n[KTAP_SEC_GLOBALS]; i++) {
		image_global_at(r, i, &kind);
		so->args |= kind == KTAP_GLOBAL_ARGS;
	}
	/* name, default and help are loaded right before the call */
	for (i = 3; i < r->n[KTAP_SEC_CODE]; i++) {
		insn = image_code_at(r, i);
		if (KTAP_INSN_OP(insn) != KTAP_OP_BCALL)
			continue;
		t = image_builtin_at(r, KTAP_INSN_B(insn));
		if (t.len != 6 || memcmp(t.s, "option", 6))
			continue;
		memset(&o, 0, sizeof(o));
		if (!loaded(r, i - 3, &text) || text.type != SCRIPT_OPT_STR)
			continue;
		o.name = text.s;
		if (!loaded(r, i - 1, &text) || text.type != SCRIPT_OPT_STR)
			continue;
		o.help = text.s;
		if (!loaded(r, i - 2, &o))
			continue;
		so->opts = xrealloc(so->opts, (so->n + 1) * sizeof(o));
		so->opts[so->n++] = o;
	}
}

void script_opts_free(struct script_opts *so)
{
	free(so->opts);
	memset(so, 0, sizeof(*so));
}

static const char *value_word(const struct script_opt *o)
{
	return o->type == SCRIPT_OPT_INT ? "NUMBER" :
	       o->type == SCRIPT_OPT_BOOL ? "true|false" : "TEXT";
}

void script_opts_help(FILE *f, const struct script_opts *so, const char *script)
{
	const struct script_opt *o;
	char left[80];
	size_t i;

	if (!so->n) {
		fprintf(f, "%s has no options%s\n", script,
			so->args ? ", but takes arguments" : "");
		return;
	}
	fprintf(f, "Options of %s:\n", script);
	for (i = 0; i < so->n; i++) {
		o = &so->opts[i];
		snprintf(left, sizeof(left), o->type == SCRIPT_OPT_BOOL ? "--%.*s[=%s]" : "--%.*s=%s",
			 (int)o->name.len, o->name.s, value_word(o));
		fprintf(f, "  %-24s %.*s", left, (int)o->help.len, o->help.s);
		switch (o->type) {
		case SCRIPT_OPT_BOOL:
			fprintf(f, " (%s)\n", o->i ? "true" : "false");
			break;
		case SCRIPT_OPT_INT:
			fprintf(f, " (%lld)\n", o->i);
			break;
		case SCRIPT_OPT_STR:
			fprintf(f, " (\"%.*s\")\n", (int)o->s.len, o->s.s);
			break;
		default:
			fputc('\n', f);
		}
	}
}

/* As numbers are written in scripts: with 0x, and ns us ms s after them */
static bool parse_int(const char *s, __s64 *v)
{
	static const struct {
		const char *unit;
		__s64 ns;
	} units[] = { { "", 1 }, { "ns", 1 }, { "us", 1000 }, { "ms", 1000000 },
		      { "s", 1000000000 } };
	long long n;
	size_t i;
	char *end;

	if (*s != '-' && (*s < '0' || *s > '9'))
		return false;
	errno = 0;
	n = strtoll(s, &end, !strncmp(s, "0x", 2) || !strncmp(s, "-0x", 3) ? 16 : 10);
	if (errno || end == s || (*s == '-' && end == s + 1))
		return false;
	for (i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(end, units[i].unit))
			return !__builtin_mul_overflow(n, units[i].ns, v);
	return false;
}

static const struct script_opt *find(const struct script_opts *so, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < so->n; i++)
		if (so->opts[i].name.len == len && !memcmp(so->opts[i].name.s, name, len))
			return &so->opts[i];
	return NULL;
}

/* The option whose name is most like this; in a static buffer, or NULL */
static const char *nearest(const struct script_opts *so, const char *name)
{
	static char best[64];
	unsigned int dist = names_max_dist(name) + 1;
	const char *near;
	char other[64];
	size_t i;

	*best = 0;
	for (i = 0; i < so->n; i++) {
		snprintf(other, sizeof(other), "%.*s", (int)so->opts[i].name.len,
			 so->opts[i].name.s);
		near = NULL;
		names_near(name, other, &near, &dist);
		if (near)
			memcpy(best, other, sizeof(best));
	}
	return *best ? best : NULL;
}

static int parse_one(const struct script_opts *so, const char *script, const char *arg,
		     struct buf *values, char *err, size_t err_size)
{
	const char *name = arg + 2, *eq = strchrnul(name, '='), *near;
	const struct script_opt *o = find(so, name, eq - name);
	char num[32], word[64];
	const char *v = *eq ? eq + 1 : NULL;
	__s64 i;

	if (!o) {
		snprintf(word, sizeof(word), "%.*s", (int)(eq - name), name);
		near = nearest(so, word);
		if (near)
			snprintf(err, err_size,
				 "%s has no option --%s, did you mean --%s? See --help after %s",
				 script, word, near, script);
		else
			snprintf(err, err_size, "%s has no option --%s, see --help after %s",
				 script, word, script);
		return -1;
	}
	if (!v && o->type == SCRIPT_OPT_BOOL)
		v = "true";
	if (!v) {
		snprintf(err, err_size, "option --%.*s needs a value: --%.*s=%s",
			 (int)o->name.len, o->name.s, (int)o->name.len, o->name.s, value_word(o));
		return -1;
	}
	if (o->type == SCRIPT_OPT_INT) {
		if (!parse_int(v, &i)) {
			snprintf(err, err_size, "option --%.*s takes a number, not '%.100s'",
				 (int)o->name.len, o->name.s, v);
			return -1;
		}
		snprintf(num, sizeof(num), "%lld", i);
		v = num;
	} else if (o->type == SCRIPT_OPT_BOOL) {
		if (strcmp(v, "true") && strcmp(v, "false")) {
			snprintf(err, err_size, "option --%.*s is true or false, not '%.100s'",
				 (int)o->name.len, o->name.s, v);
			return -1;
		}
	}
	if (strlen(v) + o->name.len + 1 > KTAP_MAX_STR) {
		snprintf(err, err_size, "the value of option --%.*s is too long",
			 (int)o->name.len, o->name.s);
		return -1;
	}
	buf_add(values, o->name.s, o->name.len);
	buf_addc(values, '=');
	buf_add(values, v, strlen(v) + 1);
	return 0;
}

enum script_opts_result script_opts_parse(const struct script_opts *so, const char *script,
					  char **args, int *n, struct buf *values,
					  char *err, size_t err_size)
{
	int i, k = 0;

	for (i = 0; i < *n; i++) {
		/* who looks at arg[] and has no options may want to see them there */
		if (strncmp(args[i], "--", 2) || (!so->n && so->args)) {
			args[k++] = args[i];
			continue;
		}
		if (!strcmp(args[i], "--help") && !find(so, "help", 4))
			return SCRIPT_OPTS_HELP;
		if (parse_one(so, script, args[i], values, err, err_size))
			return SCRIPT_OPTS_ERROR;
	}
	*n = k;
	return SCRIPT_OPTS_OK;
}
