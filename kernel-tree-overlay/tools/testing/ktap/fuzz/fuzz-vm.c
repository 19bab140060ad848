// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: what the verifier accepts can be executed.
 *
 * The input is an image, mostly one that mutate.c made of another.  A whole
 * session runs with small limits; which, and what else goes wrong (an
 * allocation, a block of the pool, a record that is lost, a signal, a level
 * that is taken), follows from a hash of the bytes, so that each input does
 * the same every time.  Afterwards nothing is left, the books are in order, and
 * the output is well-formed and can be rendered.
 */
#include "fuzz.h"
#include "host_env.h"
#include "mutate.h"
#include "render.h"

static struct host_env env;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_keep_execs();
	return 0;
}

static void check_output(const struct ktap_vm *vm, const uint8_t *data, size_t size, bool render)
{
	struct ktap_render *r;

	FUZZ_CHECK(fuzz_check_records(vm, env.records, env.len));
	if (!render)
		return;
	r = ktap_render_new(data, size, fuzz_null(), NULL);
	FUZZ_CHECK(r);
	FUZZ_CHECK(!ktap_render(r, env.records, env.len));
	ktap_render_free(r);
}

static int run(struct ktap_vm *vm, u32 h)
{
	unsigned int nr, round, level = h & 1 ? h >> 1 & 3 : 0;
	struct ktap_exec *guard;
	int ret, end;

	ret = ktap_vm_run_main(vm);
	FUZZ_CHECK(!ret || ret == -EIO || ret == -EINTR);
	FUZZ_CHECK((ret == -EIO) == ktap_vm_failed(vm));
	if (!ret && !ktap_vm_stopping(vm))
		ret = ktap_vm_run_begin(vm);
	for (round = 0; round < 3; round++) {
		for (nr = 0; nr < host_nr_events(); nr++) {
			if (ktap_vm_stopping(vm))
				break;
			/* an event in the middle of another, at its level or a higher one */
			guard = h & 8 ? ktap_exec_enter() : NULL;
			shim_level = h & 16 ? 0 : level;
			host_fire(&env, vm, nr, round);
			shim_level = 0;
			if (guard)
				ktap_exec_leave(guard);
		}
	}
	end = ktap_vm_run_end(vm);
	FUZZ_CHECK(!end || end == -EIO || end == -EINTR);
	return ret ?: end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char args[] = "script\0007\0-12\0abc";
	static const u32 mem[] = { 96 << 10, 128 << 10, 256 << 10, 1 << 20 };
	u32 h = fuzz_hash(data, size);
	struct ktap_vm_params params = {
		.mem_limit = mem[h >> 5 & 3],
		.main_budget = h & 0x80 ? 500 : 4000,
		.handler_budget = h & 0x100 ? 100 : 1000,
	};
	char text[512] = "";
	struct ktap_log log = { .buf = text, .size = sizeof(text) };
	struct ktap_vm *vm;

	host_env_reset(&env);
	env.nattached = 0;
	env.off = false;
	env.stopped = false;
	env.nrecords = 0;
	env.limit = h >> 9 & 7 ? 0 : 1 + (h >> 12 & 7);
	env.interrupt = h >> 15 & 15 ? 0 : 1 + (h >> 19 & 1);
	shim_seed = 0;
	shim_allocs = 0;
	shim_blocks = 0;
	shim_fail_alloc = h >> 20 & 15 ? 0 : 1 + (h >> 24 & 15);
	shim_fail_block = h >> 20 & 14 ? 0 : 1 + (h >> 24 & 127);

	vm = ktap_vm_create(data, size, &params, &env, &log);
	if (IS_ERR(vm)) {
		FUZZ_CHECK(PTR_ERR(vm) == -ENOMEM || (PTR_ERR(vm) == -EINVAL && text[0]));
		FUZZ_CHECK(!shim_live);
		return 0;
	}
	FUZZ_CHECK(mutate_fits(data, size));
	if (!ktap_vm_set_args(vm, args, sizeof(args)))
		run(vm, h);
	shim_fail_alloc = 0;
	shim_fail_block = 0;
	FUZZ_CHECK(ktap_vm_failed(vm) == !!ktap_vm_error_text(vm));
	fuzz_check_guards();
	FUZZ_CHECK(!vm->setup->temps && !vm->setup->frame);
	fuzz_check_pool(&vm->pool);
	check_output(vm, data, size, h >> 28 & 1);
	ktap_vm_destroy(vm);
	FUZZ_CHECK(!shim_live);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	size_t n = seed % 64 ? mutate_image(data, size, max, seed) : 0;

	return n ?: LLVMFuzzerMutate(data, size, max);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t asize, const uint8_t *b, size_t bsize,
				 uint8_t *out, size_t max, unsigned int seed)
{
	return mutate_cross(a, asize, b, bsize, out, max, seed);
}
