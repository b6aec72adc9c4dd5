/* SPDX-License-Identifier: MIT */
/* This library's calls, from the build under test or from a build that waits on semaphores, for its contenders. */
#ifndef BENCH_LIBRARY_H
#define BENCH_LIBRARY_H

#include <shmemq.h>

#include "contender.h"

/* The calls that the contenders use: X(NAME) for each. */
#define LIBRARY_CALLS(X) \
	X(open)          \
	X(close)         \
	X(unlink)        \
	X(push)          \
	X(push_start)    \
	X(push_end)      \
	X(pushm)         \
	X(pop)           \
	X(pop_start)     \
	X(pop_end)       \
	X(popm_start)    \
	X(popm_end)

struct library {
#define MEMBER(name) __typeof__(shmemq_##name) *name;
	LIBRARY_CALLS(MEMBER)
#undef MEMBER
};

/* For struct contender. */
bool library_create(struct channel *channel);
bool library_create_semaphores(struct channel *channel);
void library_unlink(struct channel *channel);
void library_open(struct channel *channel, enum side side);
void library_open_prefault(struct channel *channel, enum side side);
void library_close(struct channel *channel, enum side side);

#define LIBRARY .unlink = library_unlink, .open = library_open, .close = library_close

#endif
