/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "acquire.h"
#include "hostile_moves.h"
#include "stress.h"

#define SHORT_NS 300000
#define BATCH    5

static uint64_t dice(struct caller *c, uint64_t sides)
{
	return caller_dice(c, sides);
}

/* A call that moves messages has ended. */
static int outcome(struct caller *c, const char *call, bool succeeded)
{
	c->counts->calls++;
	return caller_ended(c, call, succeeded, caller_errnos);
}

/* Between a start and its end. */
static void hold(struct caller *c)
{
	if (c->meddler != NULL && dice(c, 16) == 0)
		writer_write(c->meddler);
	else if (dice(c, 16) == 0)
		stress_sleep(SHORT_NS / 100);
}

static size_t random_size(struct caller *c)
{
	return dice(c, 16) ? dice(c, 200) : dice(c, caller_message_max(c) + 1);
}

static int64_t timeout(struct caller *c)
{
	return dice(c, 16) ? 0 : SHORT_NS;
}

static int push(struct caller *c)
{
	size_t size = random_size(c);
	struct iovec iov[2] = { { c->buffer, size / 2 }, { c->buffer + size / 2, size - size / 2 } };
	int ret = dice(c, 2) ? shmemq_timedpush(c->q, c->buffer, size, 1, timeout(c))
			     : shmemq_timedpushv(c->q, iov, 2, 1, timeout(c));
	int err = outcome(c, "push", ret == 0);

	caller_moved(c, "push", err == 0 ? smq_record_units(&c->q->ring, (uint32_t)size) : 0);
	return err;
}

static int push_in_place(struct caller *c)
{
	size_t size = random_size(c), less = size - dice(c, size + 1);
	void *at = shmemq_timedpush_start(c->q, size, timeout(c));
	int err = outcome(c, "push_start", at != NULL);

	caller_moved(c, "push_start", 0);
	if (at == NULL || !caller_within(c, "push_start", at, size))
		return err;
	memset(at, 0x5a, size);
	hold(c);
	if (dice(c, 8) == 0)
		return outcome(c, "push_cancel", shmemq_push_cancel(c->q) == 0);
	err = outcome(c, "push_end", shmemq_push_end(c->q, less, 1) == 0);
	caller_moved(c, "push_end", err == 0 ? smq_record_units(&c->q->ring, (uint32_t)less) : 0);
	return err;
}

static int pop(struct caller *c)
{
	size_t size_max = dice(c, 8) ? caller_message_max(c) : dice(c, 100);
	bool follows = c->role == SHMEMQ_FOLLOWER;
	uint32_t type;
	ssize_t size = shmemq_timedpop(c->q, c->buffer, size_max, &type, timeout(c));
	int err = caller_ended(c, "pop", size >= 0, follows ? caller_follow_errnos : caller_pop_errnos);

	c->counts->calls++;
	if (size > (ssize_t)size_max)
		caller_violation(c, "pop", "more than the buffer holds");
	if (!follows)
		caller_moved(c, "pop", err == 0 ? smq_record_units(&c->q->ring, (uint32_t)size) : 0);
	return err;
}

static int pop_in_place(struct caller *c)
{
	uint32_t type;
	size_t size;
	const void *at = shmemq_timedpop_start(c->q, &size, &type, timeout(c));
	int err = outcome(c, "pop_start", at != NULL);

	if (at == NULL || !caller_within(c, "pop_start", at, size))
		return err;
	memcpy(c->buffer, at, size);
	hold(c);
	err = outcome(c, "pop_end", shmemq_pop_end(c->q) == 0);
	caller_moved(c, "pop_end", err == 0 ? smq_record_units(&c->q->ring, (uint32_t)size) : 0);
	return err;
}

static int push_many(struct caller *c)
{
	struct shmemq_msg msgs[BATCH];
	size_t moved = 0;
	int count, err;

	for (int i = 0; i < BATCH; i++)
		msgs[i] = (struct shmemq_msg){ c->buffer, random_size(c), 1, 0 };
	count = shmemq_pushm(c->q, msgs, BATCH, timeout(c));
	err = outcome(c, "pushm", count > 0);
	for (int i = 0; i < count; i++)
		moved += smq_record_units(&c->q->ring, (uint32_t)msgs[i].size);
	caller_moved(c, "pushm", moved);
	return err;
}

static int pop_many(struct caller *c)
{
	struct shmemq_msg msgs[BATCH];
	int count = shmemq_popm_start(c->q, msgs, BATCH, timeout(c)), released;
	int err = outcome(c, "popm_start", count > 0);
	size_t moved = 0;

	if (count <= 0)
		return err;
	if (c->q->ownerlock.number != 0 || caller_grows(c))
		c->before = c->q->ring; /* it has read a position that was written there, or gone to the other ring */
	for (int i = 0; i < count; i++) {
		if (!caller_within(c, "popm_start", msgs[i].data, msgs[i].size))
			return err;
		memcpy(c->buffer, msgs[i].data, msgs[i].size);
	}
	hold(c);
	released = (int)dice(c, (uint64_t)count + 1);
	for (int i = 0; i < released; i++)
		moved += smq_record_units(&c->q->ring, (uint32_t)msgs[i].size);
	err = outcome(c, "popm_end", shmemq_popm_end(c->q, (unsigned)released) == 0);
	/* The end of a batch that is not released whole reads the sizes again. */
	if (err == 0 && released == count)
		caller_moved(c, "popm_end", moved);
	if (c->q->ring.position - c->before.position > c->q->ring.mask)
		caller_violation(c, "popm_end", "it moved further than the batch");
	return err;
}

static int seek(struct caller *c)
{
	static const int errnos[] = { EBADMSG, 0 };
	uint64_t lost;
	int whence = (int)dice(c, 3), err;

	err = caller_ended(c, "seek", shmemq_seek(c->q, whence, dice(c, 2) ? &lost : NULL) == 0, errnos);
	c->counts->calls++;
	return err;
}

/* It pops by copies alone. */
static int follow_many(struct caller *c)
{
	int err = 0;

	for (int i = 0; i < 50 && err == 0; i++) {
		caller_begin(c);
		err = pop(c);
	}
	return err;
}

int hostile_move(struct caller *c, uint64_t way)
{
	static int (*const pushes[HOSTILE_WAYS])(struct caller *) = { push, push_in_place, push_many };
	static int (*const pops[HOSTILE_WAYS])(struct caller *) = { pop, pop_in_place, pop_many };
	static int (*const follows[HOSTILE_WAYS])(struct caller *) = { pop, seek, follow_many };

	caller_begin(c);
	switch (c->role) {
	case SHMEMQ_PRODUCER:
		return pushes[way](c);
	case SHMEMQ_CONSUMER:
		return pops[way](c);
	default:
		return follows[way](c);
	}
}

void hostile_wait(struct caller *c)
{
	if (c->role != SHMEMQ_PRODUCER && c->role != SHMEMQ_CONSUMER)
		return;
	caller_begin(c);
	outcome(c, "wait_peer", shmemq_wait_peer(c->q, timeout(c)) == 0);
	caller_moved(c, "wait_peer", 0);
	if (c->role != SHMEMQ_PRODUCER)
		return;
	caller_begin(c);
	outcome(c, "wait_empty", shmemq_wait_empty(c->q, timeout(c)) == 0);
	caller_moved(c, "wait_empty", 0);
}
