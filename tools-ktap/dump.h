/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dump: an image as text, for people.
 */
#ifndef _KTAP_DUMP_H
#define _KTAP_DUMP_H

#include <stdio.h>

#include "image.h"

void dump_image(FILE *f, const struct image_reader *r);

#endif /* _KTAP_DUMP_H */
