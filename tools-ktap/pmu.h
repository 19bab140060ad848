/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pmu: what the terms of perf events mean on this machine, as in
 * cpu/event=0x3c,umask=0x1/. That is written in sysfs, which the kernel does not
 * read, so it is looked up when an image is loaded: images have the text.
 */
#ifndef _KTAP_PMU_H
#define _KTAP_PMU_H

#include "image.h"
#include "util.h"

#define PMU_DEVICES	"/sys/bus/event_source/devices"

/*
 * Adds to @to, for each PMU/TERMS/ in the image, that text and what it means, as
 * struct ktap_load wants them in @pmus. @devices is PMU_DEVICES.
 */
void pmu_find(const struct image_reader *r, const char *devices, struct buf *to);

#endif /* _KTAP_PMU_H */
