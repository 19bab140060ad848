/* SPDX-License-Identifier: GPL-2.0 */
#include "../shim.h"
#include_next <linux/capability.h>
