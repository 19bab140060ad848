/* SPDX-License-Identifier: GPL-2.0 */
/*
 * options: ktap's own part of the command line.
 *
 * KTAP_OPTIONS is the one list: help, parser, and by their tests the manual page
 * and the completion follow it. X(ID, letter or 0, long name, argument or NULL,
 * help).
 */
#ifndef _KTAP_OPTIONS_H
#define _KTAP_OPTIONS_H

#include "run.h"

#define KTAP_OPTIONS(X)							\
	X(EXEC, 'e', "exec", "SCRIPT",					\
	  "the script itself, instead of a file")			\
	X(SIMPLE, 's', "simple", "EVENT",				\
	  "show EVENT: cpu, thread, program and text of each")		\
	X(OUTPUT, 'o', "output", "FILE",				\
	  "write the script's output to FILE")				\
	X(JSON, 0, "json", NULL,					\
	  "the output as JSON lines, for programs")			\
	X(TIME, 'T', "time", NULL,					\
	  "a time before each line, in seconds")			\
	X(PID, 'p', "pid", "PID",					\
	  "trace only this process, with its threads and children")	\
	X(CPU, 'C', "cpu", "CPU",					\
	  "trace only what happens on this CPU")			\
	X(CGROUP, 'G', "cgroup", "CGROUP",				\
	  "trace only the processes of this control group")		\
	X(CMD, 'c', "cmd", "COMMAND",					\
	  "as '-- sh -c COMMAND'")					\
	X(QUIET, 'q', "quiet", NULL,					\
	  "no 'Tracing...' line; -qq: no report of losses either")	\
	X(VERBOSE, 'v', "verbose", NULL,				\
	  "say more")							\
	X(LIST, 'l', "list", "GLOB",					\
	  "list what can be traced; -lv: with fields; -le: events, "	\
	  "-lf: functions, -lm: modules")				\
	X(DUMP, 'd', "dump", NULL,					\
	  "show the compiled script and exit")				\
	X(DRY_RUN, 0, "dry-run", NULL,					\
	  "compile, have the kernel check it, and exit")		\
	X(COMPILE, 0, "compile", "FILE",				\
	  "write the compiled script to FILE and exit")			\
	X(SELF_TEST, 0, "self-test", NULL,				\
	  "does ktap work on this machine?")				\
	X(WRITE, 'w', "write", NULL,					\
	  "let the script change results: e.set_retval()")		\
	X(BUFFER_KB, 0, "buffer-kb", "N",				\
	  "output buffer for each CPU, in KiB")				\
	X(MEM_LIMIT, 0, "mem-limit", "N",				\
	  "bytes that tables may take; K, M and G are understood")	\
	X(MAIN_BUDGET, 0, "main-budget", "N",				\
	  "instructions that the main chunk may execute")		\
	X(HANDLER_BUDGET, 0, "handler-budget", "N",			\
	  "instructions that one run of a handler may execute")		\
	X(DEVICE, 0, "device", "FILE",					\
	  "instead of /dev/ktap")					\
	X(TRACEFS, 0, "tracefs", "DIR",					\
	  "instead of /sys/kernel/tracing, for -l")			\
	X(VERSION, 'V', "version", NULL,				\
	  "show the version and exit")					\
	X(HELP, 'h', "help", NULL,					\
	  "show this help and exit; after a script: its options")

struct options {
	struct run_options run;
	const char *source;		/* -e, or made of -s */
	const char *output;		/* -o */
	bool created;			/* it was not there before */
	const char *compile;		/* --compile */
	const char *list;		/* -l: letters of what, NULL: no list */
	const char *glob;
	const char *tracefs;
	bool json;
	bool time;
	bool dump;
	bool dry_run;
	bool self_test;
	char *shell[4];			/* -c: sh -c COMMAND */
	char *simple;			/* memory of @source */
};

__printf(1, 2)
__noreturn void options_fail(const char *fmt, ...);

/*
 * Everything before the script; returns the index of what follows the options.
 * Ends the program after -h and -V, and with a message after an error.
 */
int options_parse(struct options *o, int argc, char **argv);
void options_usage(FILE *f);

#endif /* _KTAP_OPTIONS_H */
