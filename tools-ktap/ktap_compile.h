/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The compiler as a library: source text in, image out.
 *
 * It keeps no state between calls, opens no files, and frees all of its memory
 * also after errors. Used by the tool and by the tests on the host.
 */
#ifndef _KTAP_COMPILE_H
#define _KTAP_COMPILE_H

#include <stddef.h>

#include "diag.h"

/* An image as include/uapi/linux/ktap.h describes it */
struct ktap_image {
	void *data;
	size_t size;
};

/*
 * Compiles @len bytes at @src. @name is the file's name, for messages. Errors
 * and warnings are added to @diag, which ktap_diag_init() has prepared.
 *
 * Returns the image, which ktap_image_free() frees, or NULL after errors.
 */
struct ktap_image *ktap_compile(const char *name, const char *src, size_t len,
				struct ktap_diag *diag);
void ktap_image_free(struct ktap_image *img);

/* Longest source that is accepted, in bytes */
#define KTAP_MAX_SOURCE		(4 << 20)

#endif /* _KTAP_COMPILE_H */
