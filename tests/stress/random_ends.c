/* SPDX-License-Identifier: MIT */
/* Opens and closes, and the calls that tell what is. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "random.h"

struct shmemq *open_handle(unsigned flags)
{
	flags |= flags & SHMEMQ_OBSERVER ? 0 : SHMEMQ_NONBLOCK;
	return random_memfd >= 0 ? shmemq_fdopen(random_memfd, flags) : shmemq_open(random_name, flags, 0, NULL);
}

/* Has an open done what it must? */
static bool opened(const char *what, const struct shmemq *q, bool busy)
{
	int err = errno;

	note("open of a %s: %s", what, q != NULL ? "done" : strerror(err));
	if ((q == NULL) != busy || (q == NULL && err != EBUSY))
		wrong("the open of a %s", what);
	return q != NULL;
}

static void must_close(const char *what, struct shmemq *q)
{
	note("close of a %s", what);
	if (shmemq_close(q) != 0)
		wrong("the close of a %s", what);
}

void toggle_producer(struct producer *producer)
{
	struct shmemq *q = producer->q;

	if (q != NULL) {
		must_close("producer", q);
		model.producers_open--;
		*producer = (struct producer){ .q = NULL };
		return;
	}
	q = open_handle(SHMEMQ_PRODUCER | (model.shared_producers ? SHMEMQ_SHARED : 0));
	if (!opened("producer", q, !model.shared_producers && model.producers_open > 0))
		return;
	*producer = (struct producer){ .q = q };
	model.producers_open++;
	model.any_producer = true;
}

static void close_consumer(struct consumer *consumer)
{
	uint32_t held = consumer->held, out = held != 0 ? model.popped + held : model.handed_out;

	must_close("consumer", consumer->q);
	model.consumers_open--;
	*consumer = (struct consumer){ .q = NULL };
	if (out < model.handed_out)
		out = model.handed_out;
	if (!model.broadcast && model.leased < out)
		model.leased = out;
}

void toggle_consumer(struct consumer *consumer)
{
	struct shmemq *q;

	if (consumer->q != NULL) {
		close_consumer(consumer);
		return;
	}
	q = open_handle(SHMEMQ_CONSUMER | (model.shared_consumers ? SHMEMQ_SHARED : 0));
	if (!opened("consumer", q, !model.broadcast && !model.shared_consumers && model.consumers_open > 0))
		return;
	*consumer = (struct consumer){ .q = q, .next = model.pushed };
	model.consumers_open++;
	model.any_consumer = true;
}

void toggle_follower(struct follower *follower)
{
	if (follower->q != NULL) {
		must_close("follower", follower->q);
		follower->q = NULL;
		return;
	}
	*follower =
		(struct follower){ .q = open_handle(SHMEMQ_FOLLOWER), .next = model.pushed, .popped = model.pushed };
	opened("follower", follower->q, false);
}

void check_stat(void)
{
	struct shmemq *q = open_handle(SHMEMQ_OBSERVER);
	const struct shmemq_attr *attr = &model.attr;
	uint64_t queued = model.pushed - queue_head(), bytes = queued_bytes();
	struct shmemq_stat st;

	if (q == NULL || shmemq_stat(q, &st) != 0)
		wrong("stat failed");
	if (st.queued_messages != queued || st.pushed_messages != model.pushed ||
	    (!model.broadcast && st.popped_messages != model.popped) || st.queued_bytes < bytes ||
	    (!model.grows && st.queued_bytes != bytes))
		wrong("stat: %" PRIu64 " queued, %" PRIu64 " bytes; %" PRIu64 " pushed", st.queued_messages,
		      st.queued_bytes, st.pushed_messages);
	if (st.reserved_bytes > st.reserved_bytes_most || st.reserved_bytes < attr->capacity ||
	    st.reserved_bytes_most > attr->capacity_max)
		wrong("stat: %" PRIu64 " bytes reserved, %" PRIu64 " at most", st.reserved_bytes,
		      st.reserved_bytes_most);
	if (st.producers != (uint32_t)model.producers_open || st.consumers != (uint32_t)model.consumers_open ||
	    (model.broadcast && st.slowest_messages != queued))
		wrong("stat: %" PRIu32 " producers, %" PRIu32 " consumers", st.producers, st.consumers);
	shmemq_close(q);
}

void check_waits(struct producer *producer)
{
	bool peer = model.broadcast || model.consumers_open > 0 || !model.any_consumer;
	int result = shmemq_wait_empty(producer->q, 0);

	if (producer->started != NULL)
		must_fail("wait_empty of who has started", result, -1, EINVAL);
	else if (queue_head() != model.pushed)
		must_fail("wait_empty", result, -1, peer ? EAGAIN : EPIPE);
	else if (result != 0)
		wrong("wait_empty at an empty queue");
	result = shmemq_wait_peer(producer->q, 0);
	if (model.consumers_open == 0)
		must_fail("wait_peer", result, -1, EAGAIN);
	else if (result != 0)
		wrong("wait_peer");
}
