/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mutate: changes images so that they are still images.
 */
#ifndef _KTAP_MUTATE_H
#define _KTAP_MUTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Each changes the image of @size bytes at @data, in place or from two to one,
 * and returns the size of the result, at most @max; or 0 if the bytes are no
 * image that there is room for here.
 */
size_t mutate_image(uint8_t *data, size_t size, size_t max, unsigned int seed);
size_t mutate_cross(const uint8_t *a, size_t asize, const uint8_t *b, size_t bsize,
		    uint8_t *out, size_t max, unsigned int seed);

/*
 * Whether there is nothing to mend in an image, as far as it is one that could
 * be taken apart: a second opinion on what the verifier accepts.
 */
bool mutate_fits(const uint8_t *data, size_t size);

#endif /* _KTAP_MUTATE_H */
