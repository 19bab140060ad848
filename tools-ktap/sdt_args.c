// SPDX-License-Identifier: GPL-2.0
/*
 * sdt_args: where the arguments of an SDT probe are.
 *
 * Compilers write what the constraints of an asm let them: a constant, a register
 * or memory. What is left out here is what a kernel that has only pt_regs cannot
 * fetch (vector registers, %ah, segments), or what says too little of itself: a
 * 32 bit index of arm64, whose upper half is not known.
 */
#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdt_args.h"
#include "util.h"

struct operand {
	char s[128];		/* that of one argument */
	const char *p;		/* what is left of it */
	sdt_symbol_fn symbol;
	void *data;
	struct ktap_target_arg *arg;
};

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '$';
}

static bool accept(struct operand *o, char c)
{
	while (*o->p == ' ')
		o->p++;
	if (*o->p != c)
		return false;
	o->p++;
	return true;
}

/* A number that begins here, without a sign */
static bool number(struct operand *o, __u64 *v)
{
	char *end;

	if (*o->p < '0' || *o->p > '9')
		return false;
	*v = strtoull(o->p, &end, 0);
	o->p = end;
	/* 8b and 1f are labels */
	return !is_word(*end);
}

/* A word that is a register's or variable's name */
static bool word(struct operand *o, char *buf, size_t size)
{
	size_t n = 0;

	while (is_word(o->p[n]))
		n++;
	if (!n || n >= size)
		return false;
	memcpy(buf, o->p, n);
	buf[n] = 0;
	o->p += n;
	return true;
}

/* [+-]TERM..., of numbers and at most one variable, which is known then */
static bool expression(struct operand *o, __s64 *sum, bool *symbol)
{
	char name[sizeof(o->s)];
	bool minus, any = false;
	__u64 v;
	__s64 at;

	*sum = 0;
	*symbol = false;
	for (;;) {
		minus = accept(o, '-');
		if (!minus && !accept(o, '+') && any)
			return true;
		if (*o->p >= '0' && *o->p <= '9') {
			if (!number(o, &v))
				return false;
			*sum = minus ? *sum - v : *sum + v;
		} else {
			if (minus || *symbol || !o->symbol || !word(o, name, sizeof(name)) ||
			    !o->symbol(o->data, name, &at))
				return false;
			*symbol = true;
			*sum = (__u64)*sum + at;
		}
		any = true;
	}
}

/*
 * x86
 */

/* The kernel's name of a register and its bytes; 0: there is none */
static int x86_reg(const char *s, char name[8])
{
	static const char names[8][3] = { "ax", "bx", "cx", "dx", "si", "di", "bp", "sp" };
	size_t n = strlen(s), i;
	int size = 8;

	memset(name, 0, 8);
	if (s[0] == 'r' && n > 1 && s[1] >= '0' && s[1] <= '9') {
		i = s[1] == '1' && n > 2 && s[2] >= '0' && s[2] <= '5' ? 3 : 2;
		if (i == 2 && s[1] < '8')
			return 0;
		memcpy(name, s, i);
		if (i == n)
			return 8;
		if (i + 1 != n)
			return 0;
		return s[i] == 'd' ? 4 : s[i] == 'w' ? 2 : s[i] == 'b' ? 1 : 0;
	}
	if (!strcmp(s, "rip")) {
		memcpy(name, "ip", 2);
		return 8;
	}
	if (n == 3 && (s[0] == 'r' || s[0] == 'e')) {
		size = *s == 'r' ? 8 : 4;
		memcpy(name, s + 1, 2);
	} else if (n == 3 && s[2] == 'l') {
		size = 1;
		memcpy(name, s, 2);
	} else if (n == 2 && s[1] == 'l') {
		size = 1;
		name[0] = s[0];
		name[1] = 'x';
	} else if (n == 2) {
		size = 2;
		memcpy(name, s, 2);
	}
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return size;
	return 0;
}

static bool x86_register(struct operand *o, char name[8], int *size)
{
	char buf[8];

	if (!accept(o, '%') || !word(o, buf, sizeof(buf)))
		return false;
	*size = x86_reg(buf, name);
	return *size;
}

static bool x86_operand(struct operand *o, int *size)
{
	struct ktap_target_arg *a = o->arg;
	bool symbol = false;
	int width;
	__u64 v;

	if (accept(o, '$')) {
		a->kind = KTAP_TARGET_CONST;
		return expression(o, &a->disp, &symbol) && !symbol;
	}
	if (*o->p == '%') {
		a->kind = KTAP_TARGET_REG;
		return x86_register(o, a->base, size) && strcmp(a->base, "ip");
	}
	a->kind = KTAP_TARGET_MEM;
	if (*o->p != '(' && !expression(o, &a->disp, &symbol))
		return false;
	if (!accept(o, '(')) {
		/* the address itself; that of a variable moves with the program */
		if (symbol)
			memcpy(a->base, "ip", 2);
		return true;
	}
	if (*o->p != ',' && !x86_register(o, a->base, &width))
		return false;
	if (accept(o, ',')) {
		if (!x86_register(o, a->index, &width) || !strcmp(a->index, "ip"))
			return false;
		v = 1;
		if (accept(o, ',') && !number(o, &v))
			return false;
		if (v != 1 && v != 2 && v != 4 && v != 8)
			return false;
		a->scale = v;
	}
	/* a number from the end of an instruction that is not there says nothing */
	return accept(o, ')') && (!strcmp(a->base, "ip") ? symbol && !*a->index : !symbol);
}

/*
 * arm64
 */

static int arm64_reg(const char *s, char name[8])
{
	char *end;
	unsigned long nr;

	memset(name, 0, 8);
	if (!strcmp(s, "sp")) {
		memcpy(name, s, 2);
		return 8;
	}
	nr = strtoul(s + 1, &end, 10);
	if ((*s != 'x' && *s != 'w') || s[1] < '0' || s[1] > '9' || *end || nr > 30)
		return 0;
	sprintf(name, "x%lu", nr);
	return *s == 'x' ? 8 : 4;
}

static bool arm64_number(struct operand *o, __s64 *v)
{
	bool minus;
	__u64 u;

	accept(o, '#');
	minus = accept(o, '-');
	if (!number(o, &u))
		return false;
	*v = minus ? -u : u;
	return true;
}

static bool arm64_operand(struct operand *o, int *size)
{
	struct ktap_target_arg *a = o->arg;
	char buf[8];
	__s64 v;

	if (*o->p == '[') {
		o->p++;
		a->kind = KTAP_TARGET_MEM;
		if (!word(o, buf, sizeof(buf)) || arm64_reg(buf, a->base) != 8)
			return false;
		if (accept(o, ',')) {
			accept(o, ' ');
			if (arm64_number(o, &a->disp))
				return accept(o, ']');
			if (!word(o, buf, sizeof(buf)) || arm64_reg(buf, a->index) != 8)
				return false;
			a->scale = 1;
			if (accept(o, ',')) {
				accept(o, ' ');
				if (!word(o, buf, sizeof(buf)) || strcmp(buf, "lsl"))
					return false;
				accept(o, ' ');
				if (!arm64_number(o, &v) || v < 0 || v > 3)
					return false;
				a->scale = 1 << v;
			}
		}
		return accept(o, ']');
	}
	a->kind = KTAP_TARGET_CONST;
	if (arm64_number(o, &a->disp))
		return true;
	if (*o->p == '-' || !word(o, buf, sizeof(buf)))
		return false;
	if (!strcmp(buf, "xzr") || !strcmp(buf, "wzr")) {
		*size = *buf == 'x' ? 8 : 4;
		return true;
	}
	a->kind = KTAP_TARGET_REG;
	*size = arm64_reg(buf, a->base);
	return *size;
}

/* N@OPERAND, -N@OPERAND, Nf@OPERAND, or an OPERAND alone, which is of the type long */
static bool argument(struct operand *o, unsigned int machine)
{
	char *at = strchr(o->s, '@'), *end;
	int size = 8;
	long n;

	o->p = o->s;
	o->arg->size = -8;
	if (at) {
		n = strtol(o->s, &end, 10);
		if (end != at || (n != 1 && n != 2 && n != 4 && n != 8 &&
				  n != -1 && n != -2 && n != -4 && n != -8))
			return false;
		o->arg->size = n;
		o->p = at + 1;
	}
	if (machine == EM_AARCH64 ? !arm64_operand(o, &size) :
	    machine == EM_X86_64 || machine == EM_386 ? !x86_operand(o, &size) : true)
		return false;
	if (*o->p)
		return false;
	/* a register without a size has its own */
	if (!at && o->arg->kind == KTAP_TARGET_REG)
		o->arg->size = -size;
	n = 64 - 8 * abs(o->arg->size);
	if (o->arg->kind == KTAP_TARGET_CONST)
		o->arg->disp = o->arg->size < 0 ? (__s64)((__u64)o->arg->disp << n) >> n :
			       (__s64)((__u64)o->arg->disp << n >> n);
	return true;
}

unsigned int sdt_args_parse(const char *text, unsigned int machine, sdt_symbol_fn symbol,
			    void *data, struct ktap_target_arg *args, unsigned int max)
{
	struct operand o = { .symbol = symbol, .data = data };
	unsigned int nr = 0, depth;
	size_t n;

	for (;;) {
		while (*text == ' ')
			text++;
		if (!*text || nr == max)
			return nr;
		/* those of arm64 have blanks in them, inside of [ ] */
		depth = 0;
		for (n = 0; text[n] && (text[n] != ' ' || depth); n++)
			depth = text[n] == '[' ? 1 : text[n] == ']' ? 0 : depth;
		o.arg = &args[nr++];
		memset(o.arg, 0, sizeof(*o.arg));
		snprintf(o.s, sizeof(o.s), "%.*s", (int)n, text);
		if (n >= sizeof(o.s) || !argument(&o, machine))
			*o.arg = (struct ktap_target_arg){
				.kind = KTAP_TARGET_NONE,
				.size = 8,
			};
		text += n;
	}
}

void sdt_arg_text(const struct ktap_target_arg *arg, char *buf, size_t size)
{
	size_t n;

	n = snprintf(buf, size, "%c%d ", arg->size < 0 ? 's' : 'u', 8 * abs(arg->size));
	buf += n;
	size -= n;
	switch (arg->kind) {
	case KTAP_TARGET_CONST:
		snprintf(buf, size, "%" PRId64, (int64_t)arg->disp);
		break;
	case KTAP_TARGET_REG:
		snprintf(buf, size, "%%%.8s", arg->base);
		break;
	case KTAP_TARGET_MEM:
		n = snprintf(buf, size, "%+" PRId64 "(%s%.8s", (int64_t)arg->disp,
			     *arg->base ? "%" : "", arg->base);
		if (*arg->index)
			n += snprintf(buf + n, size - n, ",%%%.8s,%d", arg->index, arg->scale);
		snprintf(buf + n, size - n, ")");
		break;
	default:
		snprintf(buf, size, "not known");
	}
}
