// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: lexer, parser and code generator take any bytes, and what
 * compiles is accepted by loader and verifier, and by the mutator, which has
 * an opinion of its own.  The same again gives the same.
 */
#include "fuzz.h"
#include "ktap_compile.h"
#include "mutate.h"

static void check_again(const uint8_t *data, size_t size, const struct ktap_image *img)
{
	struct ktap_image *again;
	struct ktap_diag diag;

	ktap_diag_init(&diag);
	again = ktap_compile("fuzz.kp", (const char *)data, size, &diag);
	FUZZ_CHECK(again && again->size == img->size && !memcmp(again->data, img->data, img->size));
	ktap_diag_free(&diag);
	ktap_image_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[512] = "";
	struct ktap_log log = { .buf = text, .size = sizeof(text) };
	struct ktap_image *img;
	struct ktap_diag diag;
	struct ktap_prog prog;
	int ret;

	ktap_diag_init(&diag);
	img = ktap_compile("fuzz.kp", (const char *)data, size, &diag);
	/* an image, or an error with a place; never both */
	FUZZ_CHECK(!img == !!diag.nerrors);
	if (!img) {
		FUZZ_CHECK(diag.nmsgs && diag.msgs[0].pos.line && diag.msgs[0].pos.col);
		ktap_diag_print(&diag, fuzz_null());
	}
	ktap_diag_free(&diag);
	if (!img)
		return 0;
	ret = ktap_prog_load(&prog, img->data, img->size, 1, &log);
	if (!ret) {
		ret = ktap_verify(&prog, &log);
		ktap_prog_free(&prog);
	}
	if (ret)
		fprintf(stderr, "refused: %s", text);
	FUZZ_CHECK(!ret && !shim_live);
	FUZZ_CHECK(mutate_fits(img->data, img->size));
	if (fuzz_hash(data, size) % 16 == 0)
		check_again(data, size, img);
	ktap_image_free(img);
	return 0;
}
