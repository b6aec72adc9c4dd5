/* SPDX-License-Identifier: MIT */
/* A set, and which of its handles it tells. */
#ifndef TESTS_TOLD_H
#define TESTS_TOLD_H

#include <stdint.h>

#include "file.h"
#include "polling.h"
#include "shmemq.h"

#define SOON (SOON_MS * MS)

extern struct shmemq_set *set;

/* For struct suite: opens it. */
void set_setup(void);

/* Adds a handle that stands for itself. */
void add(struct shmemq *q);

/* A consumer of a new queue, in the set; and a producer of that queue, which is not. `producer` may be NULL. */
struct shmemq *add_consumer(struct shmemq **producer);

/* The next handle that is told. */
struct shmemq *wait_for_one(int64_t timeout);

/* Tries all consumers that are told, until none is for as long as a peer is rechecked after an event. */
void quiet(void);

/* Waits until this one is told, whatever else is. */
void await_told(struct shmemq *q);

#endif
