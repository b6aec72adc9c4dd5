/* SPDX-License-Identifier: MIT */
/*
 * A queue whose handles are all in one process, and what each call on it should do: the promises of the manual as a
 * model, which needs to know nothing of how the library does it. random.c has the steps, random_ends.c,
 * random_push.c, random_pop.c and random_follow.c the calls.
 */
#ifndef TESTS_RANDOM_H
#define TESTS_RANDOM_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "shmemq.h"

#define PRODUCERS    2
#define CONSUMERS    5
#define FOLLOWERS    3
#define MESSAGES_MAX 60000 /* of a queue */

struct producer {
	struct shmemq *q;
	unsigned char *started; /* a message, or NULL; */
	uint32_t started_size;
};

struct consumer {
	struct shmemq *q;
	uint32_t next; /* of a broadcast queue */
	uint32_t held; /* messages */
	bool batch;    /* they are one */
};

struct follower {
	struct shmemq *q;
	uint32_t next;   /* message */
	uint32_t popped; /* the one after the last one popped */
	bool overtaken;  /* has been told, and not been moved since: `next` or a later one */
};

/* The queue as it should be. Message n, from 0, has n as its type. */
struct model {
	struct shmemq_attr attr;
	bool broadcast, grows, shared_producers, shared_consumers;
	struct producer producers[PRODUCERS];
	struct consumer consumers[CONSUMERS];
	struct follower followers[FOLLOWERS];
	int producers_open, consumers_open;
	bool any_producer, any_consumer; /* ever */
	uint32_t pushed, popped;         /* the latter not of a broadcast queue */
	uint32_t leased;                 /* what is before this one comes again */
	uint32_t handed_out;             /* what is before this one was, by the consumer that is not shared */
	uint64_t reach;                  /* bytes of records up to where a message was ever started */
	uint32_t sizes[MESSAGES_MAX];
	uint64_t before[MESSAGES_MAX + 1]; /* bytes of records */
};

extern struct model model;
extern unsigned char *random_buffer;
extern int random_memfd; /* the queue; or -1: */
extern const char *random_name;
extern unsigned long random_counts[4]; /* pushes, pops, messages followed, times overtaken */

uint64_t dice(uint64_t sides);

/* What was done, printed if something is wrong. */
__attribute__((format(printf, 1, 2))) void note(const char *format, ...);

/* Prints that, the last steps and the queue; ends the program. */
__attribute__((format(printf, 1, 2))) _Noreturn void wrong(const char *format, ...);

/* A call must have failed so; `result` -1, or 0 for a pointer that is NULL. */
void must_fail(const char *call, int64_t result, int64_t failure, int expected);

uint64_t record_bytes(uint32_t size);
uint32_t queue_head(void); /* the first message that is queued */
uint64_t queued_bytes(void);

/* Does another handle hold the end, which is shared? */
bool producer_must_wait(const struct producer *producer);
bool consumer_must_wait(const struct consumer *consumer);

void fill_message(void *to, uint32_t number, uint32_t size);
void check_message(const void *message, uint32_t number, uint64_t size);

struct shmemq *open_handle(unsigned flags);
void toggle_producer(struct producer *producer); /* opens it, or closes it */
void toggle_consumer(struct consumer *consumer);
void toggle_follower(struct follower *follower);

void check_stat(void);
void check_waits(struct producer *producer);

/* A step with an open handle, by a call that chance chooses. */
void step_push(struct producer *producer);
void step_pop(struct consumer *consumer);
void step_follow(struct follower *follower);

#endif
