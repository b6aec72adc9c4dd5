/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "acquire.h"
#include "hostile_caller.h"
#include "stress.h"
#include "traffic.h"

#define SHORT_NS 300000
/*
 * Of CPU time: a call that needs more runs in circles. It may well be off its processor for seconds; and one that never
 * comes back is HANG_NS' affair.
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

static void check_time(struct caller *c, const char *call, int64_t since)
{
	if (!c->stepped && cpu_now() - since > LONG_NS)
		violation(c, call, "it took seconds");
}

/* How a call ended: `err` is 0 or one that is documented for every call that may wait, or the call's own. */
static int outcome(struct caller *c, const char *call, int err, int own, int64_t since)
{
	static const int documented[] = { 0, EAGAIN, EBADMSG, EOWNERDEAD, EPIPE, ETIMEDOUT };
	bool known = err == own;

	for (size_t i = 0; i < sizeof documented / sizeof documented[0]; i++)
		known = known || err == documented[i];
	if (!known)
		violation(c, call, strerror(err));
	check_time(c, call, since);
	c->counts->calls++;
	return err;
}

bool caller_moved(struct caller *c, const char *call, const struct smq_ring *before, size_t moved)
{
	const struct smq_ring *now = &c->q->ring;

	if (c->q->owner.number != 0)
		return true; /* it has taken up what was written there before it moved */
	if (now->position - before->position != moved)
		return violation(c, call, "it moved by another size than it told");
	if (c->end == SHMEMQ_PRODUCER &&
	    (now->cached_head % 8 != 0 || now->position - now->cached_head > c->capacity - SMQ_RECORD_HEADER ||
	     (int32_t)(now->cached_head - before->cached_head) < 0))
		return violation(c, call, "it took an impossible head for the consumer's");
	return true;
}

static size_t moved_by(size_t size)
{
	return smq_record_bytes((uint32_t)size);
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
	const unsigned char *first = at, *ring = c->q->ring.records;

	if (size <= c->capacity - 16 && (uintptr_t)at % 8 == 0 && first >= ring + 8 &&
	    first + size <= ring + 2 * c->capacity)
		return true;
	return violation(c, call, "a message outside of the ring");
}

static size_t random_size(struct caller *c)
{
	return dice(c, 16) ? dice(c, 200) : dice(c, c->capacity - 16 + 1);
}

static int64_t timeout(struct caller *c)
{
	return dice(c, 16) ? 0 : SHORT_NS;
}

static int push(struct caller *c)
{
	struct smq_ring before = c->q->ring;
	int64_t since = cpu_now();
	size_t size = random_size(c);
	struct iovec iov[2] = { { c->buffer, size / 2 }, { c->buffer + size / 2, size - size / 2 } };
	int ret = dice(c, 2) ? shmemq_timedpush(c->q, c->buffer, size, 1, timeout(c))
			     : shmemq_timedpushv(c->q, iov, 2, 1, timeout(c));

	int err = outcome(c, "push", ret == 0 ? 0 : errno, 0, since);

	caller_moved(c, "push", &before, err == 0 ? moved_by(size) : 0);
	return err;
}

static int push_in_place(struct caller *c)
{
	struct smq_ring before = c->q->ring;
	int64_t since = cpu_now();
	size_t size = random_size(c), less = size - dice(c, size + 1);
	void *at = shmemq_timedpush_start(c->q, size, timeout(c));
	int err = outcome(c, "push_start", at != NULL ? 0 : errno, 0, since);

	caller_moved(c, "push_start", &before, 0);
	if (at == NULL || !caller_within(c, "push_start", at, size))
		return err;
	memset(at, 0x5a, size);
	hold(c);
	if (dice(c, 8) == 0)
		return outcome(c, "push_cancel", shmemq_push_cancel(c->q) == 0 ? 0 : errno, 0, since);
	err = outcome(c, "push_end", shmemq_push_end(c->q, less, 1) == 0 ? 0 : errno, 0, since);
	caller_moved(c, "push_end", &before, err == 0 ? moved_by(less) : 0);
	return err;
}

static int pop(struct caller *c)
{
	struct smq_ring before = c->q->ring;
	int64_t since = cpu_now();
	size_t room = dice(c, 8) ? c->capacity - 16 : dice(c, 100);
	uint32_t type;
	ssize_t size = shmemq_timedpop(c->q, c->buffer, room, &type, timeout(c));

	int err = outcome(c, "pop", size >= 0 ? 0 : errno, EMSGSIZE, since);

	if (size > (ssize_t)room)
		violation(c, "pop", "more than the buffer holds");
	caller_moved(c, "pop", &before, err == 0 ? moved_by((size_t)size) : 0);
	return err;
}

static int pop_in_place(struct caller *c)
{
	struct smq_ring before = c->q->ring;
	int64_t since = cpu_now();
	uint32_t type;
	size_t size;
	const void *at = shmemq_timedpop_start(c->q, &size, &type, timeout(c));
	int err = outcome(c, "pop_start", at != NULL ? 0 : errno, 0, since);

	if (at == NULL || !caller_within(c, "pop_start", at, size))
		return err;
	memcpy(c->buffer, at, size);
	hold(c);
	err = outcome(c, "pop_end", shmemq_pop_end(c->q) == 0 ? 0 : errno, 0, since);
	caller_moved(c, "pop_end", &before, err == 0 ? moved_by(size) : 0);
	return err;
}

#define BATCH 5

static int push_many(struct caller *c)
{
	struct smq_ring before = c->q->ring;
	int64_t since = cpu_now();
	struct shmemq_msg msgs[BATCH];
	size_t moved = 0;
	int count, err;

	for (int i = 0; i < BATCH; i++)
		msgs[i] = (struct shmemq_msg){ c->buffer, random_size(c), 1, 0 };
	count = shmemq_pushm(c->q, msgs, BATCH, timeout(c));
	err = outcome(c, "pushm", count > 0 ? 0 : errno, 0, since);
	for (int i = 0; i < count; i++)
		moved += moved_by(msgs[i].size);
	caller_moved(c, "pushm", &before, moved);
	return err;
}

static int pop_many(struct caller *c)
{
	struct smq_ring before = c->q->ring;
	int64_t since = cpu_now();
	struct shmemq_msg msgs[BATCH];
	int count = shmemq_popm_start(c->q, msgs, BATCH, timeout(c)), released;
	int err = outcome(c, "popm_start", count > 0 ? 0 : errno, 0, since);
	size_t moved = 0;

	if (count <= 0)
		return err;
	if (c->q->owner.number != 0)
		before = c->q->ring; /* it has taken up what was written there */
	for (int i = 0; i < count; i++) {
		if (!caller_within(c, "popm_start", msgs[i].data, msgs[i].size))
			return err;
		memcpy(c->buffer, msgs[i].data, msgs[i].size);
	}
	hold(c);
	released = (int)dice(c, (uint64_t)count + 1);
	for (int i = 0; i < released; i++)
		moved += moved_by(msgs[i].size);
	err = outcome(c, "popm_end", shmemq_popm_end(c->q, (unsigned)released) == 0 ? 0 : errno, 0, since);
	/* Of a batch that is not released whole, the sizes are looked at again. */
	if (err == 0 && released == count)
		caller_moved(c, "popm_end", &before, moved);
	if (c->q->ring.position - before.position > c->capacity - SMQ_RECORD_HEADER)
		violation(c, "popm_end", "it moved further than the batch");
	return err;
}

/* What never waits, and holds whatever is written. */
static void ask(struct caller *c)
{
	struct shmemq_attr attr;
	struct shmemq_stat st;

	if (shmemq_getattr(c->q, &attr) != 0 || attr.capacity != c->capacity || attr.message_max != c->capacity - 16)
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

	return c->end == SHMEMQ_PRODUCER ? pushes[way](c) : pops[way](c);
}

bool caller_step(struct caller *c)
{
	int err;

	if (dice(c, 32) == 0)
		ask(c);
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
	static const int documented[] = { EPROTO, EBADMSG, EBUSY, ENOENT, ETIMEDOUT };
	int64_t since = cpu_now();
	unsigned flags = c->end;
	struct shmemq_attr attr;
	bool known = false;

	c->counts->opens++;
	flags |= (dice(c, 4) == 0 ? SHMEMQ_STAY : 0) | (dice(c, 4) == 0 ? SHMEMQ_SHARED : 0);
	c->q = shmemq_open(c->name, flags, 0, NULL);
	check_time(c, "open", since);
	if (c->q != NULL) {
		if (shmemq_getattr(c->q, &attr) != 0 || attr.capacity > c->capacity)
			violation(c, "open", "a ring larger than the file");
		c->capacity = attr.capacity;
		if (dice(c, 8) == 0 && shmemq_pollfd(c->q) < 0 && errno != EMFILE && errno != EOPNOTSUPP)
			violation(c, "pollfd", strerror(errno));
		return true;
	}
	for (size_t i = 0; i < sizeof documented / sizeof documented[0]; i++)
		known = known || errno == documented[i];
	if (!known)
		violation(c, "open", strerror(errno));
	c->counts->refused++;
	return false;
}

void caller_close(struct caller *c)
{
	int64_t since = cpu_now();

	if (shmemq_close(c->q) != 0 && errno != ETIMEDOUT)
		violation(c, "close", strerror(errno));
	check_time(c, "close", since);
	c->q = NULL;
}
