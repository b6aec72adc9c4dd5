/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>

#include "step_act.h"

#define REPEATED 2 /* calls in a row: the second meets what the first left undone */

struct side step_victim = { .label = "the victim" };
const char *step_queue;
bool step_shared;

static int victim_opens(void *self)
{
	unsigned flags = ((const struct step_act *)self)->end | (step_shared ? SHMEMQ_SHARED : 0);

	step_victim.q = shmemq_open(step_queue, flags, 0, NULL);
	return step_victim.q == NULL;
}

static int victim_starts_push(void *self)
{
	return victim_opens(self) != 0 || shmemq_push_start(step_victim.q, 64) == NULL;
}

static int victim_starts_pop(void *self)
{
	audit_name held;
	int err = victim_opens(self) != 0 ? ENOENT : side_pop_start(&step_victim, 0, &held);

	return err != 0 && err != EAGAIN; /* of an empty queue */
}

static int victim_closes(void *self)
{
	(void)self;
	return shmemq_close(step_victim.q) != 0;
}

static int victim_moves(void *self)
{
	const struct step_act *act = self;
	int err = 0;

	for (int i = 0; i < REPEATED && err == 0; i++)
		err = act->end == SHMEMQ_PRODUCER ? side_push(&step_victim, (enum side_push_way)act->way, 0)
						  : side_pop(&step_victim, (enum side_pop_way)act->way, 0);
	return err == EAGAIN ? 0 : err; /* it has left nothing */
}

const struct step_act step_acts[STEP_ACTS] = {
	{ "push", SHMEMQ_PRODUCER, victim_opens, victim_moves, SIDE_PUSH },
	{ "pushv", SHMEMQ_PRODUCER, victim_opens, victim_moves, SIDE_PUSHV },
	{ "push in place", SHMEMQ_PRODUCER, victim_opens, victim_moves, SIDE_PUSH_IN_PLACE },
	{ "push in place, shorter", SHMEMQ_PRODUCER, victim_opens, victim_moves, SIDE_PUSH_SHORTER },
	{ "push in place, after a cancel", SHMEMQ_PRODUCER, victim_opens, victim_moves, SIDE_PUSH_ANEW },
	{ "pushm", SHMEMQ_PRODUCER, victim_opens, victim_moves, SIDE_PUSH_MANY },
	{ "pop", SHMEMQ_CONSUMER, victim_opens, victim_moves, SIDE_POP },
	{ "pop after EMSGSIZE", SHMEMQ_CONSUMER, victim_opens, victim_moves, SIDE_POP_AFTER_EMSGSIZE },
	{ "pop in place", SHMEMQ_CONSUMER, victim_opens, victim_moves, SIDE_POP_IN_PLACE },
	{ "popm", SHMEMQ_CONSUMER, victim_opens, victim_moves, SIDE_POP_MANY },
	{ "open, producer", SHMEMQ_PRODUCER, NULL, victim_opens, 0 },
	{ "open, consumer", SHMEMQ_CONSUMER, NULL, victim_opens, 0 },
	{ "close, producer", SHMEMQ_PRODUCER, victim_starts_push, victim_closes, 0 },
	{ "close, consumer", SHMEMQ_CONSUMER, victim_starts_pop, victim_closes, 0 },
};
