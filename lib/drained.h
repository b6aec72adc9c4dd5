/* SPDX-License-Identifier: MIT */
/* A queue that may grow: whether the consumer has come to a place in either ring. */
#ifndef SMQ_DRAINED_H
#define SMQ_DRAINED_H

#include "handle.h"

/*
 * Producer: does the consumer stand at this place, or do jumps alone lead from it to there? With the owner lock or
 * without: then no memory is touched that other handles may give back.
 */
bool smq_extension_is_drained(struct shmemq *q, uint32_t extended, uint32_t position);

/* Without the owner lock: may the consumer be on its way to the extension, from the ring? */
bool smq_extension_is_ahead(const struct shmemq *q);

#endif
