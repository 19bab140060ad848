/* SPDX-License-Identifier: GPL-2.0 */
/*
 * run: a session with the kernel.
 *
 * One thread is in KTAP_IOC_RUN, the main one reads the output and renders it.
 * Signals are for the main thread; the first one asks the kernel to end the
 * session, so that trace_end runs and all output comes.
 */
#ifndef _KTAP_RUN_H
#define _KTAP_RUN_H

#include <stdbool.h>
#include <stdio.h>
#include <linux/types.h>

#include "ktap_compile.h"
#include "render.h"

/* Exit statuses; the script's exit(n) gives others */
enum {
	STATUS_OK = 0,
	STATUS_ERROR = 1,	/* at run time, or the kernel refused to run it */
	STATUS_USAGE = 2,	/* command line, files */
	STATUS_COMMAND = 127,	/* the command after -- could not be run */
	STATUS_COMPILE = 255,	/* errors in the script */
};

struct run_options {
	const char *device;		/* NULL: /dev/ktap */
	FILE *out;
	bool replace;			/* @out is a file whose content goes, see run_replace() */
	unsigned int pid;		/* 0: all */
	char *const *command;		/* NULL: none */
	int cpu;			/* -1: all */
	const char *cgroup;		/* NULL: all */
	const char *args;		/* strings in a row, the first is the script */
	size_t args_size;
	const char *options;		/* the script's, NAME=VALUE in a row */
	size_t options_size;
	unsigned int render;		/* KTAP_RENDER_ flags */
	unsigned int quiet;		/* 1: no banner, 2: no report of losses */
	bool verbose;
	bool write;			/* -w */
	unsigned int buffer_kb;
	__u64 mem_limit;
	__u64 main_budget;
	__u64 handler_budget;
};

/* Empties the file that output replaces, when there is some */
void run_replace(const struct run_options *opt);
/* Runs an image; returns the exit status of the program */
int run_image(const struct ktap_image *img, const struct run_options *opt);

/* Has the kernel check an image without running it, and says how that ended */
int run_check(const struct ktap_image *img, const struct run_options *opt, const char *name);
/* Opens the device; -1 after a message */
int run_open_device(const struct run_options *opt);

#endif /* _KTAP_RUN_H */
