/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "aftermath.h"
#include "acquire.h"
#include "follow.h"

#define PUSHED_AFTER 3

const struct prelude preludes[PRELUDES] = {
	{ "", 0, 0, 0, 0 }, /* of a queue that does not grow */
	{ "full ring, ", 7, 0, 0, 0 },
	{ "producer in the extension, ", 9, 6, 0, 0 },
	{ "ends in the extension, ", 9, 8, 0, 0 },
	{ "drained extension, ", 9, 9, 0, 0 },
	{ "producer back in the ring, ", 9, 8, 2, 0 },
	{ "ends back in the ring, ", 9, 9, 2, 1 },
};

static struct side *side_of(struct aftermath *aftermath, unsigned end)
{
	return end == SHMEMQ_PRODUCER ? &aftermath->producer : &aftermath->consumer;
}

void aftermath_claim(struct aftermath *aftermath, unsigned end)
{
	struct side *side = side_of(aftermath, end);

	side->label = end == SHMEMQ_PRODUCER ? "the producer after" : "the consumer after";
	side->q =
		shmemq_open(aftermath->name, end | SHMEMQ_NONBLOCK | (aftermath->shared ? SHMEMQ_SHARED : 0), 0, NULL);
	if (side->q == NULL)
		side_failed(side, "open", errno);
	if (end == SHMEMQ_PRODUCER)
		side->next = AUDIT_NAME(++aftermath->epoch, 1);
}

void aftermath_recover(struct aftermath *aftermath, unsigned end)
{
	struct side *side = side_of(aftermath, end);

	if (*side->q->ownerlock.word != 0) {
		/* As a call does after it has waited long enough. */
		if (smq_ownerlock_recover(&side->q->ownerlock, side->q->fd, side->q->forks, end == SHMEMQ_PRODUCER) !=
		    0)
			side_failed(side, "the owner lock", 0);
		smq_unlock_owner(side->q);
	}
	if (end == SHMEMQ_PRODUCER)
		side->next = AUDIT_NAME(++aftermath->epoch, 1);
}

/* Full or empty, or the peer is gone: no other failure. EPROTO has been reported. */
static void expected(struct side *side, int err)
{
	if (err != EAGAIN && err != EPIPE && err != EOWNERDEAD && err != EPROTO)
		side_failed(side, "the call", err);
}

void aftermath_push(struct aftermath *aftermath, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		int err = side_push(&aftermath->producer, (enum side_push_way)(i % SIDE_PUSH_WAYS), 0);

		if (err != 0) {
			expected(&aftermath->producer, err);
			break;
		}
	}
}

void aftermath_move(struct aftermath *aftermath, unsigned pushes, unsigned pops)
{
	int err = 0;

	while (pushes-- != 0 && err == 0)
		err = side_push(&aftermath->producer, SIDE_PUSH, 0);
	while (pops-- != 0 && err == 0)
		err = side_pop(&aftermath->consumer, SIDE_POP, 0);
	if (err != 0)
		side_failed(&aftermath->producer, "the call before", err);
}

static void drain(struct aftermath *aftermath)
{
	unsigned way = 0;
	int err;

	do
		err = side_pop(&aftermath->consumer, (enum side_pop_way)(way++ % SIDE_POP_WAYS), 0);
	while (err == 0);
	expected(&aftermath->consumer, err);
}

/* After all has been popped: no total of a dead producer is short, and a follower counts as the total does. */
static void check_numbers(const struct aftermath *aftermath, struct shmemq *follower, unsigned dead)
{
	const struct side *side = &aftermath->consumer;
	uint64_t number, expected = aftermath->pushed + side->audit->messages - aftermath->popped;
	bool told = false, overtaken;
	struct shmemq_stat st;

	/* Nobody overtakes it now, so it can be told of that once. */
	while (shmemq_timedpop(follower, side->buffer, (size_t)side->audit->message_max, NULL, 0) >= 0 ||
	       (errno == EOVERFLOW && !told))
		told |= errno == EOVERFLOW;
	overtaken = errno == EOVERFLOW;
	number = follower->more->follow->follower.number;
	if (overtaken || shmemq_stat(follower, &st) != 0 || number != st.pushed_messages ||
	    (dead == SHMEMQ_PRODUCER && number != expected)) {
		fprintf(stderr,
			"the follower is at message %" PRIu64 " of %" PRIu64 ", and %" PRIu64 " have been popped\n",
			number, st.pushed_messages, expected);
		side->audit->violations++;
	}
}

void aftermath_judge(struct aftermath *aftermath, unsigned dead, bool at_once)
{
	struct audit *audit = aftermath->consumer.audit;
	struct shmemq *follower = shmemq_open(aftermath->name, SHMEMQ_FOLLOWER, 0, NULL);
	uint64_t missing;

	if (follower == NULL)
		side_failed(&aftermath->consumer, "open of a follower", errno);
	if (dead == SHMEMQ_CONSUMER)
		audit_consumer_gone(audit);
	/* The other end alone: it pops everything, or fills the ring. */
	if (!at_once && dead == SHMEMQ_PRODUCER)
		drain(aftermath);
	if (!at_once && dead == SHMEMQ_CONSUMER)
		aftermath_push(aftermath, UINT32_MAX);
	if (audit->violations == 0 && side_of(aftermath, dead)->q == NULL)
		aftermath_claim(aftermath, dead);
	else if (audit->violations == 0)
		aftermath_recover(aftermath, dead);
	if (audit->violations == 0) {
		uint64_t before = audit->messages;

		aftermath_push(aftermath, aftermath->limit != 0 ? UINT32_MAX : PUSHED_AFTER);
		drain(aftermath);
		if (audit->violations == 0 && aftermath->limit != 0 && audit->messages - before != aftermath->limit) {
			fprintf(stderr, "%" PRIu64 " messages were queued, not %" PRIu32 "\n", audit->messages - before,
				aftermath->limit);
			audit->violations++;
		}
	}
	missing = audit_missing(audit);
	if (audit->violations == 0 && missing != 0) {
		fprintf(stderr, "the ring is empty, and %" PRIu64 " messages have not been delivered\n", missing);
		audit->violations++;
	}
	if (audit->violations == 0)
		check_numbers(aftermath, follower, dead);
	shmemq_close(follower);
	if (aftermath->producer.q != NULL)
		shmemq_close(aftermath->producer.q);
	if (aftermath->consumer.q != NULL)
		shmemq_close(aftermath->consumer.q);
	aftermath->producer.q = aftermath->consumer.q = NULL;
}
