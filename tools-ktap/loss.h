/* SPDX-License-Identifier: GPL-2.0 */
/*
 * loss: the words for what could not be recorded, see KTAP_LOSSES.
 */
#ifndef _KTAP_LOSS_H
#define _KTAP_LOSS_H

#include <linux/types.h>

/* The reason's name; "UNKNOWN" if only a newer kernel knows it */
const char *loss_reason(unsigned int loss);

/* What @n losses of this kind are, without the number */
const char *loss_what(unsigned int loss, __u64 n);

/* and what became of them */
const char *loss_fate(unsigned int loss);

#endif /* _KTAP_LOSS_H */
