/* SPDX-License-Identifier: GPL-2.0 */
/*
 * selftest: --self-test, does ktap work on this machine?
 */
#ifndef _KTAP_SELFTEST_H
#define _KTAP_SELFTEST_H

#include "run.h"

/* A line for each check on stdout; returns an exit status */
int selftest_run(const struct run_options *opt);

#endif /* _KTAP_SELFTEST_H */
