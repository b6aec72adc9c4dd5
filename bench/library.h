/* SPDX-License-Identifier: MIT */
/* This library's calls, of the build under test or of one that waits on semaphores, and what its contenders share. */
#ifndef BENCH_LIBRARY_H
#define BENCH_LIBRARY_H

#include <shmemq.h>

#include "contender.h"

#define LIBRARY_CALL(name) __typeof__(shmemq_##name) *name
struct library {
	LIBRARY_CALL(open);
	LIBRARY_CALL(close);
	LIBRARY_CALL(unlink);
	LIBRARY_CALL(push);
	LIBRARY_CALL(push_start);
	LIBRARY_CALL(push_end);
	LIBRARY_CALL(pushm);
	LIBRARY_CALL(pop);
	LIBRARY_CALL(pop_start);
	LIBRARY_CALL(pop_end);
	LIBRARY_CALL(popm_start);
	LIBRARY_CALL(popm_end);
};

/* For struct contender. */
bool library_create(struct channel *channel);
bool library_create_semaphores(struct channel *channel);
void library_forget(struct channel *channel);
void library_open(struct channel *channel, enum side side);
void library_close(struct channel *channel, enum side side);

#define LIBRARY .forget = library_forget, .open = library_open, .close = library_close

#endif
