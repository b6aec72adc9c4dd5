/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "acquire.h"
#include "hostile_caller.h"
#include "hostile_moves.h"
#include "stress.h"
#include "traffic.h"

/*
 * Of CPU time: a call that needs more loops without end. It may well be off its processor for seconds; that it returns
 * at all is checked by the process that started its own.
 */
#define LONG_NS (2 * STRESS_S)

const int caller_errnos[] = { EAGAIN, EBADMSG, EOWNERDEAD, EPIPE, ETIMEDOUT, 0 };
const int caller_pop_errnos[] = { EAGAIN, EBADMSG, EMSGSIZE, EOWNERDEAD, EPIPE, ETIMEDOUT, 0 };
const int caller_follow_errnos[] = { EAGAIN, EBADMSG, EMSGSIZE, EOVERFLOW, EOWNERDEAD, EPIPE, ETIMEDOUT, 0 };
static const int of_open[] = { EPROTO, EBADMSG, EBUSY, ENOENT, ETIMEDOUT, 0 };
/* A consumer that shares its end cannot open a broadcast queue. */
static const int of_shared_open[] = { EPROTO, EBADMSG, EBUSY, ENOENT, ETIMEDOUT, EINVAL, 0 };
static const int of_close[] = { ETIMEDOUT, 0 };

uint64_t caller_dice(struct caller *c, uint64_t sides)
{
	return traffic_random(&c->random) % sides;
}

bool caller_violation(struct caller *c, const char *call, const char *what)
{
	const char *role = c->role == SHMEMQ_PRODUCER   ? "producer"
			   : c->role == SHMEMQ_CONSUMER ? "consumer"
			   : c->role == SHMEMQ_FOLLOWER ? "follower"
							: "observer";

	fprintf(stderr, "hostile: %s, %s: %s\n", role, call, what);
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

int caller_ended(struct caller *c, const char *call, bool succeeded, const int *documented)
{
	int err = succeeded ? 0 : errno;

	while (*documented != 0 && *documented != err)
		documented++;
	if (!succeeded && (err == 0 || *documented != err))
		caller_violation(c, call, strerror(err));
	if (!c->stepped && cpu_now() - c->since > LONG_NS)
		caller_violation(c, call, "it took seconds");
	return err;
}

size_t caller_message_max(const struct caller *c)
{
	return stress_message_max(c->capacity, c->capacity_max, c->alignment);
}

bool caller_grows(const struct caller *c)
{
	return c->capacity_max > c->capacity;
}

/* Can that be the consumer's head, as far as the producer can know? */
static bool head_is_possible(const struct caller *c)
{
	const struct smq_ring *now = &c->q->ring, *before = &c->before;

	return (now->head + 1) % (c->alignment / 8) == 0 && now->position - now->head <= now->mask &&
	       now->position - now->cached_head >= now->position - now->head &&
	       (caller_grows(c) || (int32_t)(now->head - before->head) >= 0);
}

bool caller_moved(struct caller *c, const char *call, size_t moved)
{
	const struct smq_ring *now = &c->q->ring;

	if (c->q->ownerlock.number != 0)
		return true; /* it has read a position that was written there, before it moved */
	/* A call may go to the other ring. */
	if (!caller_grows(c) && now->position - c->before.position != moved)
		return caller_violation(c, call, "it moved by another size than it returned");
	if (c->role == SHMEMQ_PRODUCER && !head_is_possible(c))
		return caller_violation(c, call, "it took an impossible head for the consumer's");
	return true;
}

bool caller_within(struct caller *c, const char *call, const void *at, size_t size)
{
	const unsigned char *first = at, *ring = (const unsigned char *)c->q->ring.records;
	size_t bytes = 8 * ((size_t)c->q->ring.mask + 1);

	if (size <= caller_message_max(c) && (uintptr_t)at % c->alignment == 0 && first >= ring + 8 &&
	    first + size <= ring + 2 * bytes)
		return true;
	return caller_violation(c, call, "a message outside the ring");
}

/* What a stat can say whatever is written. */
static bool stat_is_possible(const struct caller *c, const struct shmemq_stat *st)
{
	uint64_t most = caller_grows(c) ? c->capacity_max : c->capacity;

	return st->capacity == c->capacity && st->queued_bytes <= most && st->queued_messages <= most / 8 &&
	       st->queued_bytes_most >= st->queued_bytes && st->queued_bytes_most <= most &&
	       st->reserved_bytes <= most && st->reserved_bytes_most <= most && st->slowest_bytes <= most &&
	       st->producer <= SHMEMQ_END_DEAD && st->consumer <= SHMEMQ_END_DEAD &&
	       (st->waiting & ~(SHMEMQ_WAIT_PRODUCER | SHMEMQ_WAIT_CONSUMER)) == 0;
}

/*
 * The calls that never wait. An end's never fail, whatever is in the header; the others' do if the file is no longer
 * the queue.
 */
static void ask(struct caller *c)
{
	static const int never[] = { 0 }, changed[] = { EBADMSG, 0 };
	const int *errnos = c->role == SHMEMQ_PRODUCER || c->role == SHMEMQ_CONSUMER ? never : changed;
	struct shmemq_attr attr;
	struct shmemq_stat st;

	caller_begin(c);
	if (caller_ended(c, "getattr", shmemq_getattr(c->q, &attr) == 0, errnos) == 0 &&
	    (attr.capacity != c->capacity || attr.capacity_max != c->capacity_max || attr.alignment != c->alignment ||
	     attr.message_max != caller_message_max(c)))
		caller_violation(c, "getattr", "not as at open");
	if (caller_ended(c, "stat", shmemq_stat(c->q, &st) == 0, errnos) == 0 && !stat_is_possible(c, &st))
		caller_violation(c, "stat", "more than there can be");
	if (c->role == SHMEMQ_CONSUMER && (shmemq_redelivered(c->q) & ~1) != 0)
		caller_violation(c, "redelivered", "neither 0 nor 1");
	c->counts->calls += 2;
}

bool caller_step(struct caller *c)
{
	int err;

	if (c->role == SHMEMQ_OBSERVER || caller_dice(c, 32) == 0)
		ask(c);
	if (c->role == SHMEMQ_OBSERVER)
		return true;
	if (caller_dice(c, 32) == 0)
		hostile_wait(c);
	err = hostile_move(c, caller_dice(c, HOSTILE_WAYS));
	c->counts->moved += err == 0;
	if (err != EBADMSG)
		return true;
	c->counts->broken++;
	for (uint64_t i = 0; i < 2 * (uint64_t)HOSTILE_WAYS; i++) {
		if (hostile_move(c, i % HOSTILE_WAYS) != EBADMSG)
			caller_violation(c, "a call after EBADMSG", "it was forgotten");
	}
	ask(c);
	return false;
}

/* An end's flags. */
static unsigned random_flags(struct caller *c)
{
	static const unsigned flags[] = { SHMEMQ_STAY, SHMEMQ_SHARED, SHMEMQ_NOSPIN };
	unsigned chosen = 0;

	if (c->role == SHMEMQ_OBSERVER)
		return 0;
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		chosen |= caller_dice(c, 4) == 0 ? flags[i] : 0;
	if (c->role == SHMEMQ_FOLLOWER)
		chosen &= ~(unsigned)SHMEMQ_SHARED;
	else if (caller_dice(c, 16) == 0)
		chosen |= SHMEMQ_PREFAULT;
	/* It would never open. */
	if (c->queue->flags & SHMEMQ_ATTR_BROADCAST && c->role == SHMEMQ_CONSUMER && caller_dice(c, 16) != 0)
		chosen &= ~(unsigned)SHMEMQ_SHARED;
	return chosen;
}

/* Is the file as long as the handle takes it to be? */
static bool fits_file(const struct caller *c, const struct shmemq_attr *attr)
{
	uint64_t header = attr->flags & SHMEMQ_ATTR_BROADCAST ? SMQ_READERS_OFFSET + 64 * sizeof(struct smq_reader)
							      : SMQ_READERS_OFFSET;
	uint64_t extension = attr->capacity_max > attr->capacity ? attr->capacity_max : 0;

	return header + attr->capacity + extension <= hostile_queue_bytes(c->queue);
}

bool caller_open(struct caller *c)
{
	unsigned flags = random_flags(c);
	bool shared_consumer = c->role == SHMEMQ_CONSUMER && flags & SHMEMQ_SHARED;
	struct shmemq_attr attr;

	caller_begin(c);
	c->counts->opens++;
	c->q = shmemq_open(c->queue->name, c->role | flags, 0, NULL);
	caller_ended(c, "open", c->q != NULL, shared_consumer ? of_shared_open : of_open);
	if (c->q == NULL) {
		c->counts->refused++;
		return false;
	}
	if (shmemq_getattr(c->q, &attr) != 0) { /* it is not the queue any more */
		if (!c->q->observer)
			caller_violation(c, "open", "it cannot say what it has opened");
		caller_close(c);
		return false;
	}
	if (!fits_file(c, &attr))
		caller_violation(c, "open", "a ring larger than the file");
	c->capacity = attr.capacity;
	c->capacity_max = attr.capacity_max;
	c->alignment = attr.alignment;
	if (c->role != SHMEMQ_OBSERVER && caller_dice(c, 8) == 0 && shmemq_pollfd(c->q) < 0 && errno != EMFILE &&
	    errno != EOPNOTSUPP)
		caller_violation(c, "pollfd", strerror(errno));
	return true;
}

void caller_close(struct caller *c)
{
	caller_begin(c);
	caller_ended(c, "close", shmemq_close(c->q) == 0, of_close);
	c->q = NULL;
}
