/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "acquire.h"
#include "hostile_caller.h"
#include "stress.h"
#include "traffic.h"

#define SHORT_NS 300000
/*
 * Of CPU time: a call that needs more loops without end. It may well be off its processor for seconds; that it returns
 * at all is checked by the process that started its own.
 */
#define LONG_NS (2 * STRESS_S)

static uint64_t dice(struct caller *c, uint64_t sides)
{
	return traffic_random(&c->random) % sides;
}

static bool violation(struct caller *c, const char *call, const char *what)
{
	fprintf(stderr, "hostile: %s, %s: %s\n", c->end == SHMEMQ_PRODUCER ? "producer" : "consumer", call, what);
	c->counts->violations++;
	return false;
}

static int64_t cpu_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * STRESS_S + ts.tv_nsec;
}

void caller_begin(struct caller *c)
{
	if (c->q != NULL)
		c->before = c->q->ring;
	c->since = cpu_now();
}

/* The documented errnos, up to a 0: of the calls that may wait (and a copying pop), of open and of close. */
static const int of_calls[] = { EAGAIN, EBADMSG, EOWNERDEAD, EPIPE, ETIMEDOUT, 0 };
static const int of_pop[] = { EAGAIN, EBADMSG, EMSGSIZE, EOWNERDEAD, EPIPE, ETIMEDOUT, 0 };
static const int of_open[] = { EPROTO, EBADMSG, EBUSY, ENOENT, ETIMEDOUT, 0 };
static const int of_close[] = { ETIMEDOUT, 0 };

/* A call that was begun has ended. Its errno, or 0. */
static int ended(struct caller *c, const char *call, bool succeeded, const int *documented)
{
	int err = succeeded ? 0 : errno;

	while (*documented != 0 && *documented != err)
		documented++;
	if (!succeeded && (err == 0 || *documented != err))
		violation(c, call, strerror(err));
	if (!c->stepped && cpu_now() - c->since > LONG_NS)
		violation(c, call, "it took seconds");
	return err;
}

/* The same for a call that moves messages. */
static int outcome(struct caller *c, const char *call, bool succeeded)
{
	c->counts->calls++;
	return ended(c, call, succeeded, of_calls);
}

size_t caller_message_max(const struct caller *c)
{
	return (size_t)c->capacity - c->alignment - 8;
}

bool caller_moved(struct caller *c, const char *call, size_t moved)
{
	const struct smq_ring *now = &c->q->ring, *before = &c->before;

	if (c->q->ownerlock.number != 0)
		return true; /* it has read a position that was written there, before it moved */
	if (now->position - before->position != moved)
		return violation(c, call, "it moved by another size than it returned");
	if (c->end == SHMEMQ_PRODUCER &&
	    ((now->head + 1) % (c->alignment / 8) != 0 ||
	     now->position - now->head > (c->capacity - c->alignment) / 8 ||
	     now->position - now->cached_head < now->position - now->head || (int32_t)(now->head - before->head) < 0))
		return violation(c, call, "it took an impossible head for the consumer's");
	return true;
}

/* Between a start and its end. */
static void hold(struct caller *c)
{
	if (c->meddler != NULL && dice(c, 16) == 0)
		writer_write(c->meddler);
	else if (dice(c, 16) == 0)
		stress_sleep(SHORT_NS / 100);
}

bool caller_within(struct caller *c, const char *call, const void *at, size_t size)
{
	const unsigned char *first = at, *ring = (const unsigned char *)c->q->ring.records;

	if (size <= caller_message_max(c) && (uintptr_t)at % c->alignment == 0 && first >= ring + 8 &&
	    first + size <= ring + 2 * c->capacity)
		return true;
	return violation(c, call, "a message outside the ring");
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
	uint32_t type;
	ssize_t size = shmemq_timedpop(c->q, c->buffer, size_max, &type, timeout(c));
	int err = ended(c, "pop", size >= 0, of_pop);

	c->counts->calls++;
	if (size > (ssize_t)size_max)
		violation(c, "pop", "more than the buffer holds");
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

#define BATCH 5

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
	if (c->q->ownerlock.number != 0)
		c->before = c->q->ring; /* it has read a position that was written there */
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
	if (c->q->ring.position - c->before.position > (c->capacity - c->alignment) / 8)
		violation(c, "popm_end", "it moved further than the batch");
	return err;
}

/* The calls that never wait, and what they return whatever is written. */
static void ask(struct caller *c)
{
	struct shmemq_attr attr;
	struct shmemq_stat st;

	if (shmemq_getattr(c->q, &attr) != 0 || attr.capacity != c->capacity || attr.capacity_max != c->capacity ||
	    attr.alignment != c->alignment || attr.message_max != caller_message_max(c))
		violation(c, "getattr", "not as at open");
	if (shmemq_stat(c->q, &st) != 0 || st.capacity != c->capacity || st.queued_bytes > c->capacity ||
	    st.queued_messages > c->capacity / 8 || st.producer > SHMEMQ_END_DEAD || st.consumer > SHMEMQ_END_DEAD ||
	    (st.waiting & ~(SHMEMQ_WAIT_PRODUCER | SHMEMQ_WAIT_CONSUMER)) != 0)
		violation(c, "stat", "more than there can be");
	if (c->end == SHMEMQ_CONSUMER && (shmemq_redelivered(c->q) & ~1) != 0)
		violation(c, "redelivered", "neither 0 nor 1");
	c->counts->calls += 2;
}

#define WAYS 3

static int move(struct caller *c, uint64_t way)
{
	static int (*const pushes[WAYS])(struct caller *) = { push, push_in_place, push_many };
	static int (*const pops[WAYS])(struct caller *) = { pop, pop_in_place, pop_many };

	caller_begin(c);
	return c->end == SHMEMQ_PRODUCER ? pushes[way](c) : pops[way](c);
}

/* The waits that move nothing. */
static void wait_for_other(struct caller *c)
{
	caller_begin(c);
	outcome(c, "wait_peer", shmemq_wait_peer(c->q, timeout(c)) == 0);
	caller_moved(c, "wait_peer", 0);
	if (c->end != SHMEMQ_PRODUCER)
		return;
	caller_begin(c);
	outcome(c, "wait_empty", shmemq_wait_empty(c->q, timeout(c)) == 0);
	caller_moved(c, "wait_empty", 0);
}

bool caller_step(struct caller *c)
{
	int err;

	if (dice(c, 32) == 0)
		ask(c);
	if (dice(c, 32) == 0)
		wait_for_other(c);
	err = move(c, dice(c, WAYS));
	c->counts->moved += err == 0;
	if (err != EBADMSG)
		return true;
	c->counts->broken++;
	for (uint64_t i = 0; i < 2 * WAYS; i++) {
		if (move(c, i % WAYS) != EBADMSG)
			violation(c, "a call after EBADMSG", "it was forgotten");
	}
	ask(c);
	return false;
}

bool caller_open(struct caller *c)
{
	unsigned stay = dice(c, 4) == 0 ? SHMEMQ_STAY : 0, shared = dice(c, 4) == 0 ? SHMEMQ_SHARED : 0;
	struct shmemq_attr attr;

	caller_begin(c);
	c->counts->opens++;
	c->q = shmemq_open(c->name, c->end | stay | shared, 0, NULL);
	ended(c, "open", c->q != NULL, of_open);
	if (c->q == NULL) {
		c->counts->refused++;
		return false;
	}
	if (shmemq_getattr(c->q, &attr) != 0 || attr.capacity > c->capacity)
		violation(c, "open", "a ring larger than the file");
	c->capacity = attr.capacity;
	c->alignment = attr.alignment;
	if (dice(c, 8) == 0 && shmemq_pollfd(c->q) < 0 && errno != EMFILE && errno != EOPNOTSUPP)
		violation(c, "pollfd", strerror(errno));
	return true;
}

void caller_close(struct caller *c)
{
	caller_begin(c);
	ended(c, "close", shmemq_close(c->q) == 0, of_close);
	c->q = NULL;
}
