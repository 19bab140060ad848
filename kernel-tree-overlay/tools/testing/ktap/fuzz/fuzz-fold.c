// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: expressions mean the same whether the compiler knows their
 * operands or the VM does.
 *
 * The input is an expression in Polish notation.  It is written as source text
 * twice, with literals and with variables, so that constants are folded in one
 * of them; both, and a model, have to agree, also on what is an error.
 */
#include "fuzz.h"
#include "host_env.h"
#include "ktap_compile.h"

#define MAX_DEPTH	6
#define MAX_TEXT	4096

enum type { NIL, BOOL, INT };

struct val {
	enum type type;
	s64 i;
};

/* One expression in its three forms */
struct expr {
	const uint8_t *p;
	const uint8_t *end;
	char lit[MAX_TEXT];
	char var[MAX_TEXT];
	char decl[MAX_TEXT];
	size_t nlit, nvar, ndecl;
	unsigned int nvars;
	bool error;
	bool full;
};

static struct expr e;
static struct host_env env;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_keep_execs();
	return 0;
}

static unsigned int byte(void)
{
	return e.p < e.end ? *e.p++ : 0;
}

static void put(char *buf, size_t *len, const char *s)
{
	size_t n = strlen(s);

	if (*len + n >= MAX_TEXT) {
		e.full = true;
		return;
	}
	memcpy(buf + *len, s, n + 1);
	*len += n;
}

static void both(const char *s)
{
	put(e.lit, &e.nlit, s);
	put(e.var, &e.nvar, s);
}

static struct val leaf(unsigned int b)
{
	static const s64 some[] = {
		0, 1, -1, 2, 3, 7, 63, 64, 65, 127, -128, 128, 1000, 32767, 32768, INT32_MAX,
		INT32_MIN, INT64_MAX, INT64_MIN, INT64_MIN + 1, 0x100000000, -7,
	};
	struct val v = { .type = INT };
	char text[40], name[24];
	unsigned int i;

	if (b % 16 == 0)
		v.type = NIL;
	else if (b % 16 == 1)
		v = (struct val){ .type = BOOL, .i = b >> 4 & 1 };
	else if (b % 16 < 12)
		v.i = some[byte() % ARRAY_SIZE(some)];
	else
		for (i = 0; i < 8; i++)
			v.i = (u64)v.i << 8 | byte();
	if (v.type == NIL)
		snprintf(text, sizeof(text), "nil");
	else if (v.type == BOOL)
		snprintf(text, sizeof(text), v.i ? "true" : "false");
	else if (v.i < 0)
		snprintf(text, sizeof(text), "(-%llu)", -(u64)v.i);
	else
		snprintf(text, sizeof(text), "%lld", v.i);
	put(e.lit, &e.nlit, text);
	/* locals, up to a number; more would be out of registers */
	if (e.nvars < 60) {
		snprintf(name, sizeof(name), "v%u", e.nvars++);
		put(e.var, &e.nvar, name);
		put(e.decl, &e.ndecl, "var ");
		put(e.decl, &e.ndecl, name);
		put(e.decl, &e.ndecl, " = ");
		put(e.decl, &e.ndecl, text);
		put(e.decl, &e.ndecl, "\n");
	} else {
		put(e.var, &e.nvar, text);
	}
	return v;
}

static bool truth(struct val v)
{
	return v.type == INT || (v.type == BOOL && v.i);
}

static struct val expression(unsigned int depth, bool live);

static const char * const binary[] = {
	"+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", ">>>",
	"==", "!=", "<", "<=", ">", ">=",
};

/* As the language reference says; @live: it is evaluated at all */
static struct val calculate(unsigned int op, struct val a, struct val b, bool live)
{
	struct val r = { .type = INT };
	u64 x = a.i, y = b.i;
	int cmp;

	if (op == 11 || op == 12) {
		r.type = BOOL;
		r.i = (a.type == b.type && (a.type == NIL || a.i == b.i)) == (op == 11);
		return r;
	}
	if (a.type == NIL || b.type == NIL)
		return (struct val){ .type = op > 12 ? BOOL : NIL };
	if (a.type != INT || b.type != INT) {
		e.error |= live;
		return (struct val){ .type = NIL };
	}
	if (op > 12) {
		cmp = a.i < b.i ? -1 : a.i > b.i;
		r.type = BOOL;
		r.i = op == 13 ? cmp < 0 : op == 14 ? cmp <= 0 : op == 15 ? cmp > 0 : cmp >= 0;
		return r;
	}
	if (((op == 3 || op == 4) && !y) || (op >= 8 && b.i < 0)) {
		e.error |= live;
		return (struct val){ .type = NIL };
	}
	switch (op) {
	case 0:
		r.i = x + y;
		break;
	case 1:
		r.i = x - y;
		break;
	case 2:
		r.i = x * y;
		break;
	case 3:
		r.i = y == -1ull ? -x : (u64)(a.i / b.i);
		break;
	case 4:
		r.i = y == -1ull ? 0 : a.i % b.i;
		break;
	case 5:
		r.i = x & y;
		break;
	case 6:
		r.i = x | y;
		break;
	case 7:
		r.i = x ^ y;
		break;
	case 8:
		r.i = y > 63 ? 0 : x << y;
		break;
	case 9:
		r.i = y > 63 ? (a.i < 0 ? -1 : 0) : a.i >> y;
		break;
	case 10:
		r.i = y > 63 ? 0 : x >> y;
		break;
	}
	return r;
}

static struct val unary(unsigned int b, unsigned int depth, bool live)
{
	static const char * const op[] = { "-", "~", "!" };
	struct val v;

	both("(");
	both(op[b % 3]);
	v = expression(depth + 1, live);
	both(")");
	if (b % 3 == 2)
		return (struct val){ .type = BOOL, .i = !truth(v) };
	if (v.type == BOOL)
		e.error |= live;
	if (v.type != INT)
		return (struct val){ .type = NIL };
	v.i = b % 3 ? ~v.i : -(u64)v.i;
	return v;
}

static struct val expression(unsigned int depth, bool live)
{
	unsigned int b = depth < MAX_DEPTH ? byte() : 0;
	struct val v, w, x;

	if (e.error)
		live = false;
	switch (b % 8) {
	case 0:
		return leaf(byte());
	case 1:
		return unary(b >> 3, depth, live);
	case 2:
	case 3:
		/* a value that decides: the other side may be an error, and is none */
		both("(");
		v = expression(depth + 1, live);
		both(b % 8 == 2 ? " && " : " || ");
		w = expression(depth + 1, live && !e.error && truth(v) == (b % 8 == 2));
		both(")");
		return truth(v) == (b % 8 == 2) ? w : v;
	case 4:
		both("(");
		v = expression(depth + 1, live);
		both(" ? ");
		w = expression(depth + 1, live && !e.error && truth(v));
		both(" : ");
		x = expression(depth + 1, live && !e.error && !truth(v));
		both(")");
		return truth(v) ? w : x;
	default:
		both("(");
		v = expression(depth + 1, live);
		both(" ");
		both(binary[(b >> 3) % ARRAY_SIZE(binary)]);
		both(" ");
		w = expression(depth + 1, live && !e.error);
		both(")");
		return calculate((b >> 3) % ARRAY_SIZE(binary), v, w, live && !e.error);
	}
}

static void run(const char *decl, const char *text, struct val want)
{
	static char src[3 * MAX_TEXT];
	const struct ktap_rec_val *out;
	struct ktap_image *img;
	struct ktap_diag diag;
	struct ktap_vm *vm;
	int n, ret;
	s64 i;

	n = snprintf(src, sizeof(src), "%sprint(%s)\n", decl, text);
	ktap_diag_init(&diag);
	img = ktap_compile("fold.kp", src, n, &diag);
	if (!img) {
		/* the one thing that may be wrong: it is too large for a function */
		if (!diag.nmsgs || !strstr(diag.msgs[0].text, "register")) {
			fputs(src, stderr);
			ktap_diag_print(&diag, stderr);
			abort();
		}
		ktap_diag_free(&diag);
		return;
	}
	ktap_diag_free(&diag);
	host_env_reset(&env);
	vm = ktap_vm_create(img->data, img->size, NULL, &env, NULL);
	FUZZ_CHECK(!IS_ERR(vm));
	ret = ktap_vm_run_main(vm);
	if (!!ret != e.error) {
		fprintf(stderr, "%s%s", src, ktap_vm_error_text(vm) ?: "no error\n");
		abort();
	}
	if (!ret) {
		FUZZ_CHECK(env.len >= sizeof(struct ktap_rec) + sizeof(*out));
		out = (void *)(env.records + sizeof(struct ktap_rec));
		memcpy(&i, out->data, out->type == KTAP_VAL_INT ? sizeof(i) : 0);
		if (out->type != (want.type == NIL ? KTAP_VAL_NIL :
				  want.type == INT ? KTAP_VAL_INT :
				  want.i ? KTAP_VAL_TRUE : KTAP_VAL_FALSE) ||
		    (want.type == INT && i != want.i)) {
			fprintf(stderr, "%stype %u, %lld: wanted type %u, %lld\n", src,
				out->type, i, want.type, want.i);
			abort();
		}
	}
	ktap_vm_destroy(vm);
	ktap_image_free(img);
	FUZZ_CHECK(!shim_live);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct val want;

	e.p = data;
	e.end = data + size;
	e.nlit = 0;
	e.nvar = 0;
	e.ndecl = 0;
	e.nvars = 0;
	e.error = false;
	e.full = false;
	e.decl[0] = '\0';
	want = expression(0, true);
	if (e.full)
		return 0;
	run("", e.lit, want);
	run(e.decl, e.var, want);
	return 0;
}
