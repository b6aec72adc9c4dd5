/* SPDX-License-Identifier: MIT */
/* What the suites of messages begin with: a queue with a name, its file, and a handle on each end. */
#ifndef TESTS_PAIR_H
#define TESTS_PAIR_H

#include <stddef.h>
#include <stdint.h>

#include "format.h"
#include "shmemq.h"

extern const char *name;
extern struct shmemq *producer, *consumer;
extern struct smq_header *file;
extern size_t message_max;

/* Opens both ends; pair_open_page() those of a queue of one page, as a fixture. */
void pair_open(uint64_t capacity);
void pair_open_page(void);

/* Closes both ends and removes the queue: a fixture. */
void pair_close(void);

/* Pops the next message, which must have these bytes and this type. */
void expect(const void *bytes, size_t size, uint32_t type);
void expect_none(void);

#endif
