// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is not there: each allocation of a script's session fails in
 * turn, and then each block of its pool.
 *
 *	failtest FILE...
 *
 * A session with a failure ends in an error that says what was missing, or
 * counts what it could not keep, or goes on as if nothing had happened; then
 * its output is that of the session without a failure.  Afterwards nothing is
 * left.  Prints TAP.
 */
#include "fuzz/fuzz.h"
#include "host_env.h"
#include "ktap_compile.h"
#include "render.h"

/* Failures that are tried one after the other; beyond, that many in even steps */
#define EACH	150
#define MORE	30

/* How a session ended */
struct result {
	int ret;
	char *out;
	size_t len;
	char *error;
	u64 lost[KTAP_LOSS_NR];
};

static struct host_env env;

static void free_result(struct result *r)
{
	free(r->out);
	free(r->error);
	memset(r, 0, sizeof(*r));
}

static void render(const struct ktap_image *img, struct result *r)
{
	FILE *f = open_memstream(&r->out, &r->len);
	struct ktap_render *rd = f ? ktap_render_new(img->data, img->size, f, NULL) : NULL;

	FUZZ_CHECK(rd && !ktap_render(rd, env.records, env.len));
	ktap_render_free(rd);
	fclose(f);
}

/* A session; only the VM's own allocations fail */
static void run(const struct ktap_image *img, struct result *r, long fail_alloc, long fail_block)
{
	/* what ends only when its budget does should not take long */
	struct ktap_vm_params params = { .main_budget = 100000, .handler_budget = 50000 };
	static const char args[] = "script.kp\0007\0x";
	char text[512] = "";
	struct ktap_log log = { .buf = text, .size = sizeof(text) };
	struct ktap_vm *vm;
	unsigned int i;

	host_env_reset(&env);
	env.nattached = 0;
	env.nfired = 0;
	env.off = false;
	env.stopped = false;
	env.nrecords = 0;
	env.ts = 0;
	shim_seed = 1;
	shim_allocs = 0;
	shim_blocks = 0;
	shim_fail_alloc = fail_alloc;
	shim_fail_block = fail_block;
	vm = ktap_vm_create(img->data, img->size, &params, &env, &log);
	if (IS_ERR(vm)) {
		r->ret = PTR_ERR(vm);
		FUZZ_CHECK(r->ret == -ENOMEM);
		goto out;
	}
	r->ret = ktap_vm_set_args(vm, args, sizeof(args));
	if (!r->ret)
		r->ret = host_run(&env, vm, 3);
	for (i = 0; i < KTAP_LOSS_NR; i++)
		r->lost[i] = ktap_vm_losses(vm, i);
	if (ktap_vm_error_text(vm))
		r->error = strdup(ktap_vm_error_text(vm));
	fuzz_check_guards();
	fuzz_check_pool(&vm->pool);
	FUZZ_CHECK(fuzz_check_records(vm, env.records, env.len));
	render(img, r);
	ktap_vm_destroy(vm);
out:
	shim_fail_alloc = 0;
	shim_fail_block = 0;
	FUZZ_CHECK(!shim_live);
}

/* Whether a session with a failure ended as it may */
static bool fits(const struct result *r, const struct result *ref)
{
	unsigned int i;

	if (r->ret == -ENOMEM)
		return true;
	if (r->error && strstr(r->error, "out of memory"))
		return r->ret == -EIO;
	/* looking for memory is work, so a budget may end elsewhere */
	if (r->error && strstr(r->error, "instruction limit"))
		return ref->error && strstr(ref->error, "instruction limit");
	for (i = 0; i < KTAP_LOSS_NR; i++) {
		/* what was not kept may have had consequences */
		if (r->lost[i] != ref->lost[i])
			return r->lost[i] > ref->lost[i];
	}
	if (r->ret != ref->ret || !r->error != !ref->error ||
	    (r->error && strcmp(r->error, ref->error)))
		return false;
	return r->len == ref->len && !memcmp(r->out, ref->out, r->len);
}

static void show(const char *what, long n, const struct result *r)
{
	printf("# %s %ld: returned %d, %zu bytes, %s", what, n, r->ret, r->len,
	       r->error ?: "no error\n");
}

/* Tries failures 1 .. @total; returns how many were wrong. */
static unsigned int try(const struct ktap_image *img, const struct result *ref, long total,
			bool block, unsigned long *runs)
{
	long n, step = (total - EACH) / MORE + 1;
	unsigned int bad = 0;

	for (n = 1; n <= total; n += n < EACH ? 1 : step) {
		struct result r = {};

		run(img, &r, block ? 0 : n, block ? n : 0);
		++*runs;
		if (!fits(&r, ref) && !bad++)
			show(block ? "block" : "allocation", n, &r);
		free_result(&r);
	}
	return bad;
}

static char *read_file(const char *name, size_t *len)
{
	static char buf[1 << 20];
	FILE *f = fopen(name, "r");

	if (!f) {
		perror(name);
		exit(2);
	}
	*len = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	return buf;
}

/* Returns whether all is well; nothing to do for what does not compile */
static bool test(const char *name, unsigned long *nallocs, unsigned long *nblocks)
{
	struct result ref = {}, again = {};
	long allocs, blocks;
	struct ktap_image *img;
	struct ktap_diag diag;
	unsigned int bad = 0;
	size_t len;
	char *src = read_file(name, &len);

	ktap_diag_init(&diag);
	img = ktap_compile(name, src, len, &diag);
	ktap_diag_free(&diag);
	if (!img)
		return true;
	run(img, &ref, 0, 0);
	allocs = shim_allocs;
	blocks = shim_blocks;
	/* the same again is the same, or nothing could be compared */
	run(img, &again, 0, 0);
	if (!fits(&again, &ref)) {
		printf("# %s: two runs differ\n", name);
		bad++;
	}
	bad += try(img, &ref, allocs, false, nallocs);
	bad += try(img, &ref, blocks, true, nblocks);
	free_result(&ref);
	free_result(&again);
	ktap_image_free(img);
	return !bad;
}

int main(int argc, char **argv)
{
	unsigned long allocs = 0, blocks = 0;
	unsigned int failed = 0;
	int i;

	fuzz_keep_execs();
	printf("TAP version 13\n");
	for (i = 1; i < argc; i++) {
		if (!test(argv[i], &allocs, &blocks)) {
			printf("# %s\n", argv[i]);
			failed++;
		}
	}
	printf("%sok 1 failing: each of %lu allocations and %lu blocks of %d scripts\n",
	       failed ? "not " : "", allocs, blocks, argc - 1);
	printf("1..1\n# failing: %u passed, %u failed\n", !failed, !!failed);
	host_env_free(&env);
	ktap_execs_put();
	return !!failed;
}
