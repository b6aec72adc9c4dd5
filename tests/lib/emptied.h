/* SPDX-License-Identifier: MIT */
/* A queue of which shmemq_wait_empty() is asked, by a producer's handle in this process. */
#ifndef TESTS_EMPTIED_H
#define TESTS_EMPTIED_H

#include <pthread.h>
#include <stdatomic.h>

#include "format.h"
#include "shmemq.h"

extern const char *name;
extern struct shmemq *q, *consumer; /* `q` pushes; NULL: closed already */
extern struct smq_header *file;

/* The producer's end SHARED or not. */
void open_ends(int shared, unsigned flags);
void close_ends(void);

void push_one(void);
void pop_one(void);

/* By calls with any timeout, which leave the file as it is. */
void is_empty(void);
void is_not_empty(void);

/* Starts a call that waits for ever, and stores its errno or 0. */
pthread_t start(int *err);
extern atomic_bool over; /* it has returned */

#endif
