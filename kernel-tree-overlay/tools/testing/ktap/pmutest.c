// SPDX-License-Identifier: GPL-2.0
/*
 * pmutest DEVICES SCRIPT: what the terms of the perf events in a script mean where
 * DEVICES is the place of /sys/bus/event_source/devices, a line for each:
 * PMU/TERMS/, a tab, and that.
 */
#include <stdio.h>
#include <string.h>

#include "pmu.h"

int main(int argc, char **argv)
{
	struct ktap_image *img;
	struct image_reader r;
	struct ktap_diag diag;
	struct buf b = {};
	const char *p, *err;

	if (argc != 3)
		return 2;
	ktap_diag_init(&diag);
	img = ktap_compile("pmutest", argv[2], strlen(argv[2]), &diag);
	ktap_diag_print(&diag, stderr);
	ktap_diag_free(&diag);
	if (!img)
		return 255;
	if (image_open(&r, img->data, img->size, &err)) {
		fprintf(stderr, "pmutest: %s\n", err);
		return 1;
	}
	pmu_find(&r, argv[1], &b);
	for (p = b.data; p < b.data + b.len; p += strlen(p) + 1) {
		printf("%s\t", p);
		p += strlen(p) + 1;
		puts(p);
	}
	buf_free(&b);
	ktap_image_free(img);
	return 0;
}
