/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The environment of the VM in a process: collects records, has events of its
 * own, and says the same of the task and the time whenever it is asked.
 */
#ifndef _KTAP_HOST_ENV_H
#define _KTAP_HOST_ENV_H

#include "ktap.h"

#define HOST_MAX_ATTACHED	256
/* Timers fire no more often in a session: to simulate years takes long */
#define HOST_MAX_FIRED		5000

/**
 * struct host_env - a session
 * @records: what was put out: struct ktap_rec after struct ktap_rec
 * @len: bytes
 * @size: bytes there is room for
 * @limit: records over this number are lost; 0: none
 * @nrecords: how many there were
 * @nlost: how many of them were lost
 * @reserved: a record has been begun and not ended
 * @attached: handlers, in the order in which they were attached; of a timer: its
 *	name, its interval, and when it is due, by @ts
 * @nattached: how many
 * @nfired: how often timers have fired
 * @off: kdebug.traceoff() was called
 * @stopped: ktap_env_stopped() was called
 * @interrupt: ktap_env_interrupted() says so the n-th time, 0: never
 * @ts: time stamp of the last record
 */
struct host_env {
	char *records;
	size_t len;
	size_t size;
	unsigned long limit;
	unsigned long nrecords;
	unsigned long nlost;
	bool reserved;
	struct {
		unsigned int event;
		bool glob;
		struct ktap_closure *fn;
		char name[32];
		u64 ns;
		u64 due;
	} attached[HOST_MAX_ATTACHED];
	unsigned int nattached;
	unsigned int nfired;
	bool off;
	bool stopped;
	long interrupt;
	u64 ts;
};

void host_env_free(struct host_env *env);
/* Forgets the records */
void host_env_reset(struct host_env *env);

/* The events: "test:one" and "test:two"; both are in "test:*" */
unsigned int host_nr_events(void);
/*
 * Delivers event @nr to its handlers, for the @round-th time from 0; returns how
 * many there are
 */
unsigned int host_handle(struct host_env *env, struct ktap_vm *vm, unsigned int nr,
			 unsigned int round);
/* The same, and what the worker of the session has to do is done */
void host_fire(struct host_env *env, struct ktap_vm *vm, unsigned int nr,
	       unsigned int round);
/* Fires the timers that are due in the @ns nanoseconds that pass */
void host_pass_time(struct host_env *env, struct ktap_vm *vm, u64 ns);
/*
 * Runs a whole session: main chunk, trace_begin, @rounds of all events, each with
 * a second that passes after it, trace_end
 */
int host_run(struct host_env *env, struct ktap_vm *vm, unsigned int rounds);

/* A frame in a function with one of the longest names */
u64 host_long_frame(void);

/* Adds a line to the file that KTAP_MESSAGES names, if it names one */
__printf(1, 2) void host_note(const char *fmt, ...);

#endif /* _KTAP_HOST_ENV_H */
