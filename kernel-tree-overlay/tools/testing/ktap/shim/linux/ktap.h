/* SPDX-License-Identifier: GPL-2.0 */
/* Only this header of the kernel's uapi is for the tests: the others are the system's. */
#include "../../../../../include/uapi/linux/ktap.h"
