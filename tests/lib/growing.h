/* SPDX-License-Identifier: MIT */
/* A queue that may grow, with both ends in this process; its messages, which tell their numbers, by all calls. */
#ifndef TESTS_GROWING_H
#define TESTS_GROWING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmemq.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

extern const char *name;
extern struct shmemq *producer, *consumer;
extern struct shmemq_attr attr;
extern uint32_t pushed, popped; /* messages so far */

/* Opens both ends, with these flags beside their own. */
void make(struct shmemq_attr asked, unsigned flags);
void make_growing(uint64_t capacity, uint64_t capacity_max);

/* Closes both, and removes the name. */
void leave(void);

/* Bytes of memory that the queue has beside its header page. */
uint64_t used(void);

struct shmemq_stat state(void);

/* Pushes a message of `size` bytes, by each call in turn; false: full. */
bool push(size_t size);

/* Pops and checks what is there, by each call in turn: at most `most` calls. pop_all(): all. */
void pop(unsigned most);
void pop_all(void);

#endif
