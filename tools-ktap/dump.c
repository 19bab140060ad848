// SPDX-License-Identifier: GPL-2.0
/*
 * dump: an image as text, for people.
 *
 * What the operands of an instruction are comes from the table in the uapi
 * header, so that a new opcode needs nothing here.
 */
#include <string.h>

#include "dump.h"

/* Operand kinds: the words of KTAP_OPCODES */
enum kind {
	K__, K_R, K_W, K_RW, K_U8, K_I8, K_B1, K_N1, K_NM, K_UP, K_BI, K_KC,
	K_KX, K_KS, K_GX, K_FX, K_BX, K_I16, K_J16, K_J24,
};

static const struct {
	const char *name;
	unsigned char a, b, c;
} ops[] = {
#define DUMP_OP(name, a, b, c) { #name, K_##a, K_##b, K_##c },
	KTAP_OPCODES(DUMP_OP)
#undef DUMP_OP
};

static void put_text(FILE *f, struct image_text t)
{
	unsigned int i;
	unsigned char c;

	for (i = 0; i < t.len && i < 60; i++) {
		c = t.s[i];
		if (c == '\n')
			fputs("\\n", f);
		else if (c == '\t')
			fputs("\\t", f);
		else if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			fprintf(f, "\\x%02x", c);
		else
			fputc(c, f);
	}
	if (t.len > 60)
		fputs("...", f);
}

/* A line of the source; what would move the cursor is not shown as it is */
static void put_line(FILE *f, struct image_text t)
{
	unsigned int i;
	unsigned char c;

	for (i = 0; i < t.len && i < 200; i++) {
		c = t.s[i];
		if ((c < ' ' && c != '\t') || c == 0x7f)
			c = '?';
		fputc(c, f);
	}
}

static void put_const(FILE *f, const struct image_reader *r, unsigned int i)
{
	struct image_text s = {};
	__s64 v = 0;

	switch (image_const(r, i, &v, &s)) {
	case KTAP_CONST_INT:
		fprintf(f, "%lld", v);
		break;
	case KTAP_CONST_STR:
		fputc('"', f);
		put_text(f, s);
		fputc('"', f);
		break;
	default:
		fputs("?", f);
	}
}

struct notes {
	FILE *f;
	const struct image_reader *r;
	unsigned int func;		/* index of the function's first instruction */
	unsigned int pc;
	bool any;
};

static FILE *note(struct notes *n)
{
	fputs(n->any ? ", " : "\t; ", n->f);
	n->any = true;
	return n->f;
}

/* What an operand refers to, after the instruction */
static void put_note(struct notes *n, enum kind k, unsigned int insn, unsigned int v)
{
	struct image_func_info info;

	switch (k) {
	case K_KC:
		put_const(note(n), n->r, v);
		break;
	case K_KX:
	case K_KS:
		put_const(note(n), n->r, KTAP_INSN_BX(insn));
		break;
	case K_GX:
		put_text(note(n), image_global_at(n->r, KTAP_INSN_BX(insn), NULL));
		break;
	case K_BI:
		put_text(note(n), image_builtin_at(n->r, v));
		break;
	case K_BX:
		put_text(note(n), image_builtin_at(n->r, KTAP_INSN_BX(insn)));
		break;
	case K_FX:
		if (!image_func_at(n->r, KTAP_INSN_BX(insn), &info)) {
			fprintf(note(n), "function %u ", KTAP_INSN_BX(insn));
			put_text(n->f, info.name);
		}
		break;
	case K_J16:
		fprintf(note(n), "to %u", n->pc + 1 + KTAP_INSN_SBX(insn) - n->func);
		break;
	case K_J24:
		fprintf(note(n), "to %u", n->pc + 1 + KTAP_INSN_SJ(insn) - n->func);
		break;
	default:
		break;
	}
}

static void put_operand(FILE *f, enum kind k, unsigned int insn, unsigned int v)
{
	switch (k) {
	case K__:
		break;
	case K_R:
	case K_W:
	case K_RW:
		fprintf(f, " r%u", v);
		break;
	case K_I8:
		fprintf(f, " %d", KTAP_INSN_SC(insn));
		break;
	case K_UP:
		fprintf(f, " u%u", v);
		break;
	case K_NM:
		if (v)
			fprintf(f, " %u", v - 1);
		else
			fputs(" *", f);
		break;
	case K_U8:
	case K_B1:
	case K_N1:
		fprintf(f, " %u", v);
		break;
	case K_I16:
		fprintf(f, " %d", KTAP_INSN_SBX(insn));
		break;
	case K_BI:
	case K_KC:
		fprintf(f, " %c%u", k == K_BI ? 'b' : 'k', v);
		break;
	case K_KX:
	case K_KS:
		fprintf(f, " k%u", KTAP_INSN_BX(insn));
		break;
	case K_GX:
		fprintf(f, " g%u", KTAP_INSN_BX(insn));
		break;
	case K_FX:
		fprintf(f, " f%u", KTAP_INSN_BX(insn));
		break;
	case K_BX:
		fprintf(f, " b%u", KTAP_INSN_BX(insn));
		break;
	case K_J16:
		fprintf(f, " %+d", KTAP_INSN_SBX(insn));
		break;
	case K_J24:
		fprintf(f, " %+d", KTAP_INSN_SJ(insn));
		break;
	}
}

/* The lines of the source, which stand over the code that comes from them */
struct source {
	const char *p;
	const char *end;
	unsigned int line;
	unsigned int shown;
};

static void put_source(FILE *f, struct source *s, unsigned int line, const char *text, size_t len)
{
	const char *eol;

	if (!text || line == s->shown)
		return;
	s->shown = line;
	if (!s->p || line < s->line) {
		s->p = text;
		s->end = text + len;
		s->line = 1;
	}
	for (; s->line < line && s->p; s->line++) {
		eol = memchr(s->p, '\n', s->end - s->p);
		s->p = eol ? eol + 1 : NULL;
	}
	if (!s->p)
		return;
	eol = memchr(s->p, '\n', s->end - s->p);
	fprintf(f, "%5u| ", line);
	put_line(f, (struct image_text){ s->p, (eol ? eol : s->end) - s->p });
	fputc('\n', f);
}

static void dump_insn(FILE *f, const struct image_reader *r, unsigned int pc, unsigned int func)
{
	unsigned int insn = image_code_at(r, pc), op = KTAP_INSN_OP(insn);
	unsigned int a = KTAP_INSN_A(insn), b = KTAP_INSN_B(insn), c = KTAP_INSN_C(insn);
	struct notes n = { .f = f, .r = r, .func = func, .pc = pc };

	fprintf(f, "%6u  [%u]\t", pc - func, image_line_at(r, pc));
	if (op >= KTAP_OP_NR) {
		fprintf(f, "?%08x\n", insn);
		return;
	}
	fprintf(f, "%-8s", ops[op].name);
	put_operand(f, ops[op].a, insn, a);
	put_operand(f, ops[op].b, insn, b);
	put_operand(f, ops[op].c, insn, c);
	put_note(&n, ops[op].a, insn, a);
	put_note(&n, ops[op].b, insn, b);
	put_note(&n, ops[op].c, insn, c);
	fputc('\n', f);
}

/*
 * Events: what is loaded as the first argument of kdebug.trace. A computed one
 * is shown as such.
 */
static void dump_events(FILE *f, const struct image_reader *r)
{
	unsigned int i, k, insn, a, base;
	struct image_text t;
	bool any = false, found;

	for (i = 0; i < r->n[KTAP_SEC_CODE]; i++) {
		insn = image_code_at(r, i);
		if (KTAP_INSN_OP(insn) != KTAP_OP_BCALL)
			continue;
		t = image_builtin_at(r, KTAP_INSN_B(insn));
		if (t.len < 12 || memcmp(t.s, "kdebug.trace", 12))
			continue;
		if (!any)
			fputs("events:\n", f);
		any = true;
		fprintf(f, "  line %u: ", image_line_at(r, i));
		if (t.len > 12) {
			fprintf(f, "%.*s\n", (int)(t.len - 7), t.s + 7);
			continue;
		}
		base = KTAP_INSN_A(insn);
		found = false;
		for (k = i; k-- > 0 && !found;) {
			insn = image_code_at(r, k);
			a = KTAP_INSN_A(insn);
			if (KTAP_INSN_OP(insn) == KTAP_OP_BCALL)
				break;
			if (a != base || KTAP_INSN_OP(insn) == KTAP_OP_SETT)
				continue;
			if (KTAP_INSN_OP(insn) == KTAP_OP_LOADK) {
				put_const(f, r, KTAP_INSN_BX(insn));
				found = true;
			} else {
				break;
			}
		}
		fputs(found ? "\n" : "(computed)\n", f);
	}
}

void dump_image(FILE *f, const struct image_reader *r, const char *src, size_t len)
{
	static const char *const kinds[] = { "nil", "table", "arguments", "aggregation" };
	struct image_func_info fn;
	struct source s = {};
	unsigned int i, k, kind, index;
	struct image_text t;
	bool from_reg;

	t = image_source(r);
	fprintf(f, "image of %.*s, version %d, %zu bytes\n", (int)t.len, t.s,
		KTAP_IMAGE_VERSION, r->size);
	fprintf(f, "constants: %u\n", r->n[KTAP_SEC_CONSTS]);
	for (i = 0; i < r->n[KTAP_SEC_CONSTS]; i++) {
		fprintf(f, "  k%u\t", i);
		put_const(f, r, i);
		fputc('\n', f);
	}
	fprintf(f, "globals: %u\n", r->n[KTAP_SEC_GLOBALS]);
	for (i = 0; i < r->n[KTAP_SEC_GLOBALS]; i++) {
		t = image_global_at(r, i, &kind);
		fprintf(f, "  g%u\t", i);
		put_text(f, t);
		fprintf(f, "\t%s\n", kind < ARRAY_SIZE(kinds) ? kinds[kind] : "?");
	}
	fprintf(f, "builtins: %u\n", r->n[KTAP_SEC_BUILTINS]);
	for (i = 0; i < r->n[KTAP_SEC_BUILTINS]; i++) {
		fprintf(f, "  b%u\t", i);
		put_text(f, image_builtin_at(r, i));
		fputc('\n', f);
	}
	dump_events(f, r);
	fprintf(f, "functions: %u\n", r->n[KTAP_SEC_FUNCS]);
	for (i = 0; i < r->n[KTAP_SEC_FUNCS]; i++) {
		if (image_func_at(r, i, &fn)) {
			fprintf(f, "function %u: damaged\n", i);
			continue;
		}
		fprintf(f, "function %u ", i);
		if (fn.name.len)
			put_text(f, fn.name);
		else
			fputs(i ? "(no name)" : "(main)", f);
		fprintf(f, ": line %u, %u parameter%s%s, %u registers, %u instructions\n",
			fn.line, fn.nparams, fn.nparams == 1 ? "" : "s",
			fn.flags & KTAP_FUNC_VARARG ? " and more" : "", fn.nregs, fn.ncode);
		for (k = 0; k < fn.nupvals; k++) {
			image_upval_at(r, fn.upval + k, &from_reg, &index);
			fprintf(f, "  u%u\t%s %c%u of the function around\n", k,
				from_reg ? "register" : "upvalue", from_reg ? 'r' : 'u', index);
		}
		s.shown = 0;
		for (k = 0; k < fn.ncode; k++) {
			put_source(f, &s, image_line_at(r, fn.code + k), src, len);
			dump_insn(f, r, fn.code + k, fn.code);
		}
	}
}
