// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: loader and verifier take any bytes, and so do the tool's
 * reader and dump, which know at least all that the kernel accepts.
 */
#include "fuzz.h"
#include "dump.h"
#include "image.h"
#include "mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[512] = "";
	struct ktap_log log = { .buf = text, .size = sizeof(text) };
	struct image_reader r;
	struct ktap_prog prog;
	const char *err = NULL;
	bool readable;
	int ret;

	readable = !image_open(&r, data, size, &err);
	FUZZ_CHECK(readable == !err);
	/* the dump takes its time */
	if (readable && size % 8 == 0)
		dump_image(fuzz_null(), &r, NULL, 0);
	ret = ktap_prog_load(&prog, data, size, 1, &log);
	if (!ret) {
		FUZZ_CHECK(readable);
		ret = ktap_verify(&prog, &log);
		ktap_prog_free(&prog);
	}
	FUZZ_CHECK(ret || mutate_fits(data, size));
	FUZZ_CHECK(!ret == !text[0]);
	FUZZ_CHECK(!ret || ret == -EINVAL);
	FUZZ_CHECK(!shim_live);
	return 0;
}

/* Half of the time the image stays one, for the most part */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	size_t n = seed % 2 ? mutate_image(data, size, max, seed) : 0;

	return n ?: LLVMFuzzerMutate(data, size, max);
}
