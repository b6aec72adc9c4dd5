/* SPDX-License-Identifier: MIT */
/* Both ends of a queue in one process. */
#ifndef BENCH_ENDS_H
#define BENCH_ENDS_H

#include "library.h"

struct ends {
	struct shmemq *producer, *consumer;
};

/* For struct contender: sets channel->context to the ends. They are closed when the process ends. */
void ends_open(struct channel *channel, enum side side);

#endif
