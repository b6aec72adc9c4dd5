/* SPDX-License-Identifier: MIT */
/* The processes that torture_shared.c starts and kills: each has a handle of the same queue. */
#ifndef TESTS_TORTURE_SHARED_H
#define TESTS_TORTURE_SHARED_H

#include <stdbool.h>
#include <stdint.h>

#include "shmemq.h"
#include "stress.h"

#define SIDES_MAX 8
#define STALL_NS  (10 * STRESS_S) /* if nothing moves for so long, it never will */
#define BODY_MAX  600
#define NUMBERS   (1u << 22) /* messages in a round of consumers, at most */

struct message {
	uint32_t side, life; /* which side pushed it, and which of that side's processes */
	uint64_t number;     /* among the messages of that process */
};

/* Memory that all processes share, beside the queue. */
struct shared {
	_Atomic bool over;
	_Atomic uint32_t pushed[SIDES_MAX];   /* by the present process of a side, at least */
	_Atomic uint32_t popped[NUMBERS / 4]; /* a byte for each message: how often it was held */
	_Atomic uint32_t redelivered;
	uint32_t alignment; /* of the queue */
};

extern struct shared *shared;
extern struct stress stress;

/* Creates the queue, if need be. */
struct shmemq *open_end(unsigned flags);

/* Checks a message as far as one can without the others. */
void check_message(const void *message, size_t size, uint32_t type, struct message *head);

/* What a process does, from its open to its close: the `life`-th process of this side. */
typedef void side_body(unsigned side, uint32_t life, uint64_t seed);
side_body produce_shared; /* until `over` */
side_body produce_alone;  /* the same, NUMBERS messages at most */
side_body consume_shared; /* all that the one producer pushes */

#endif
