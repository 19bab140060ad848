/* SPDX-License-Identifier: GPL-2.0 */
/*
 * library: the paths of programs and libraries that are given by their names.
 */
#ifndef _KTAP_LIBRARY_H
#define _KTAP_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

/* The path of @file, to be freed; NULL: @err says why there is none */
char *library_path(const char *file, char *err, size_t size);

#endif /* _KTAP_LIBRARY_H */
