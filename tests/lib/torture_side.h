/* SPDX-License-Identifier: MIT */
/* A side of a queue that may be killed anywhere: it notes each call in an audit, before and after. */
#ifndef TESTS_TORTURE_SIDE_H
#define TESTS_TORTURE_SIDE_H

#include "audit.h"
#include "shmemq.h"

#define SIDE_BATCH 6

struct side {
	const char *label; /* for messages */
	struct audit *audit;
	struct shmemq *q;
	unsigned char *buffer;        /* message_max bytes */
	audit_name next;              /* the producer's next message */
	unsigned batches;             /* so far: their sizes vary with it */
	audit_name batch[SIDE_BATCH]; /* what the consumer holds */
};

enum side_push_way {
	SIDE_PUSH,
	SIDE_PUSHV,
	SIDE_PUSH_IN_PLACE, /* all of what was started */
	SIDE_PUSH_SHORTER,  /* started larger than it is ended */
	SIDE_PUSH_ANEW,     /* after a start that is cancelled */
	SIDE_PUSH_MANY,
	SIDE_PUSH_WAYS
};

enum side_pop_way { SIDE_POP, SIDE_POP_AFTER_EMSGSIZE, SIDE_POP_IN_PLACE, SIDE_POP_MANY, SIDE_POP_WAYS };

/*
 * Move one message, or a batch. A timeout of -1 takes the form without one, if there is one. 0, or the errno of a call
 * that moved nothing; EPROTO after a violation, which is printed and counted.
 */
int side_push(struct side *side, enum side_push_way way, int64_t timeout);
int side_pop(struct side *side, enum side_pop_way way, int64_t timeout);

/* The two halves of SIDE_POP_IN_PLACE. */
int side_pop_start(struct side *side, int64_t timeout, audit_name *held);
int side_pop_end(struct side *side, audit_name held);

/* And of SIDE_POP_MANY: it holds `held` messages, and the end releases all, or some, or none. */
int side_popm_start(struct side *side, int64_t timeout, unsigned *held);
int side_popm_end(struct side *side, unsigned held);

/* Reports that a call failed that must not. EPROTO. */
int side_failed(struct side *side, const char *call, int err);

#endif
