/* SPDX-License-Identifier: MIT */
/*
 * Queues that are watched: found in /dev/shm, each observed through a handle that stays open, and what they have moved
 * from one turn to the next. An observer maps nothing and reads by pread(2), so the queues do not notice.
 */
#ifndef TOOLS_WATCH_H
#define TOOLS_WATCH_H

#include <shmemq.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "queues.h"

struct watched {
	struct queue queue; /* as of the last turn */
	struct shmemq *handle;
	ino_t inode;      /* by which a queue that was made anew under the name is known */
	int64_t at;       /* ns: when the last turn read it */
	bool rated;       /* seen in two turns, so that there are rates */
	double pushed[2]; /* messages and bytes a second */
	double popped[2];
};

/* The orders in which they are shown: the most first, and equal ones by name. */
enum watch_sort { WATCH_BY_RATE, WATCH_BY_FILL, WATCH_BY_NAME };

#define WATCH_SORTS (WATCH_BY_NAME + 1)
extern const char *const watch_sorts[WATCH_SORTS];

struct watch {
	const char *prefix;      /* of the names */
	struct watched *list;    /* by name */
	struct watched **sorted; /* the same, as watch_sort() has put them */
	size_t count;
	size_t unreadable; /* files that may be queues, but this user may not read them */
	size_t failed;     /* queues that could not be opened for another reason, */
	int failure;       /* which is the last one's errno */
};

/* `prefix` must last as long as the watch. */
void watch_start(struct watch *watch, const char *prefix);
void watch_stop(struct watch *watch);

/* Finds the queues that have come and gone, and reads all. Returns 0, or errno: /dev/shm cannot be read. */
int watch_turn(struct watch *watch);

void watch_sort(struct watch *watch, enum watch_sort by);

/* Of what the queue can hold, in bytes or in messages, the part that is used, or was used at most: 0 to 1. */
double watch_fill(const struct watched *w);
double watch_fill_most(const struct watched *w);

#endif
