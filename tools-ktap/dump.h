/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dump: an image as text, for people.
 */
#ifndef _KTAP_DUMP_H
#define _KTAP_DUMP_H

#include <stdio.h>

#include "image.h"

/* @src, @len: the source, to be shown beside the code, or NULL */
void dump_image(FILE *f, const struct image_reader *r, const char *src, size_t len);

#endif /* _KTAP_DUMP_H */
