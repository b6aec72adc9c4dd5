/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "filter.h"
#include "acquire.h"
#include "sleepy.h"
#include "support.h"
#include "traffic.h"

#define SMALL_MAX 100
#define ONE_OF    256 /* of so many messages of a ping-pong, one is sent when its receiver has prepared a wait */

static bool deny_membarrier(const char *deny, const char *when)
{
	if (strcmp(deny, when) != 0 || filter_deny(SYS_membarrier, strcmp(deny, "before") == 0 ? ENOSYS : EPERM))
		return true;
	fprintf(stderr, "peer: no seccomp filter\n");
	return false;
}

static struct shmemq *open_to_stay(const char *name, unsigned flags)
{
	/* STAY: a peer's close ends no wait, so that messages alone do. */
	struct shmemq *q = shmemq_open(name, flags | SHMEMQ_STAY, 0, NULL);

	if (q == NULL)
		fprintf(stderr, "peer: %s: %s\n", name, strerror(errno));
	return q;
}

/*
 * A message races with a wait if it comes within a hundred nanoseconds of it. How long the way there takes is not
 * known: so one side delays its answer and the other one its wait, by delays that vary.
 */
struct delays {
	uint64_t random;
	unsigned answer, sleep;
};

static void vary(struct delays *delays)
{
	delays->answer = 64u << traffic_random(&delays->random) % 8;
	delays->sleep = 64u << traffic_random(&delays->random) % 8;
}

/*
 * How many messages there are, at most, and until when. The type of each message says how many are left, itself
 * included: the side that begins may cut that number when the time is over, and the other side follows.
 */
struct work {
	uint64_t count;
	int64_t end;
};

static struct work begin_work(uint64_t count)
{
	return (struct work){ count, test_now() + TEST_BOX };
}

static unsigned polled; /* how many of 2 calls are tries with a poll after them, instead of waits */

/* Does the next call poll? */
static bool polls(void)
{
	static uint64_t random;

	return polled == 2 || (polled == 1 && traffic_random(&random) % 2);
}

static ssize_t pop(struct shmemq *q, void *message, size_t size, uint32_t *left)
{
	ssize_t bytes;

	if (!polls())
		return shmemq_pop(q, message, size, left);
	do
		bytes = shmemq_timedpop(q, message, size, left, 0);
	while (bytes < 0 && sleepy_poll(q));
	return bytes;
}

static int push(struct shmemq *q, const void *message, size_t size, uint32_t left)
{
	int err;

	if (!polls())
		return shmemq_push(q, message, size, left);
	do
		err = shmemq_timedpush(q, message, size, left, 0);
	while (err < 0 && sleepy_poll(q));
	return err;
}

/*
 * Waits until the peer has prepared a wait. Without this a peer does it next to never on a machine where both sides run
 * slowly and alike.
 */
static void await_peer(const struct shmemq *q)
{
	while (!(q->eventcount.peer->word & SMQ_WAIT_BITS))
		sched_yield();
}

static int take(struct shmemq *in, uint64_t expected, struct delays *delays, struct work *work)
{
	uint64_t message;
	uint32_t left;

	sleepy_delay(&delays->random, delays->sleep);
	if (pop(in, &message, sizeof message, &left) != sizeof message || message != expected)
		return traffic_error("not popped", expected);
	work->count = expected + left;
	return 0;
}

/* The sides alternate in spinning first. Every fourth message comes late and finds its receiver asleep. */
static int ping_pong(struct shmemq *out, struct shmemq *in, bool ping, uint64_t random, uint64_t count)
{
	struct delays delays = { .random = random };
	struct work work = begin_work(count);

	for (uint64_t i = 0; i < work.count; i++) {
		if (i % 64 == 0)
			vary(&delays);
		sleepy_unsettle(in, &delays.random, i);
		sleepy_unsettle(out, &delays.random, i);
		if (ping && test_now() > work.end)
			work.count = i + 1;
		if (ping == (i / 64 % 2 == 0))
			in->spin_misses = 0;
		else
			sleepy_eager(in);
		if (!ping && take(in, i, &delays, &work) != 0)
			return 1;
		if (i % ONE_OF == 0)
			await_peer(out);
		sleepy_delay(&delays.random, i % 4 == 0 ? 200000 : delays.answer);
		if (push(out, &i, sizeof i, (uint32_t)(work.count - i)) != 0)
			return traffic_error("not pushed", i);
		if (ping && take(in, i, &delays, &work) != 0)
			return 1;
	}
	return 0;
}

/*
 * Small messages in bursts, so that the ring is full at times and empty at times. In each lap, which is several rings
 * of messages, the producer once waits until the consumer has run dry, and half a lap later the consumer waits until
 * the producer has filled the ring. When its time is over there is another lap: the consumer, which does not know, may
 * be waiting for that.
 */
static int stream(struct shmemq *q, bool produce, uint64_t seed, uint64_t count)
{
	uint64_t random = seed + produce, size = seed;
	uint64_t lap = q->ring.mask;
	struct work work = begin_work(count);
	char message[SMALL_MAX];
	uint32_t left;

	for (uint64_t i = 0; i < work.count; i++) {
		size_t bytes = traffic_random(&size) % sizeof message;

		if (produce && i % lap == 0 && i + lap < work.count && test_now() > work.end)
			work.count = i + lap;
		if (i % lap == (produce ? 0 : lap / 2) && i + lap <= work.count)
			await_peer(q);
		if (i % 64 == 0)
			sleepy_delay(&random, random >> 32 & 1 ? 200000 : 10000);
		sleepy_unsettle(q, &random, i);
		traffic_fill(message, bytes, i);
		sleepy_eager(q);
		left = (uint32_t)(work.count - i);
		if (produce ? push(q, message, bytes, left) != 0
			    : pop(q, message, sizeof message, &left) != (ssize_t)bytes ||
				      !traffic_filled(message, bytes, i))
			return traffic_error("not moved", i);
		work.count = i + left;
	}
	return 0;
}

int sleepy_run(char **argv)
{
	const char *role = argv[0], *wait = argv[1], *deny = argv[2], *name = argv[3], *other = argv[4];
	uint64_t seed = strtoull(argv[5], NULL, 0), count = strtoull(argv[6], NULL, 0);
	bool ping = strcmp(role, "ping") == 0, produce = strcmp(role, "produce") == 0;
	struct shmemq *q, *back = NULL;
	int failed;

	sleepy_arm();
	polled = strcmp(wait, "poll") == 0 ? 2 : strcmp(wait, "both") == 0;
	if (!deny_membarrier(deny, "before"))
		return 1;
	q = open_to_stay(name, ping || produce ? SHMEMQ_PRODUCER : SHMEMQ_CONSUMER);
	if (q == NULL)
		return 1;
	if (ping || strcmp(role, "pong") == 0) {
		back = open_to_stay(other, ping ? SHMEMQ_CONSUMER : SHMEMQ_PRODUCER);
		if (back == NULL)
			return 1;
	}
	if (!deny_membarrier(deny, "after"))
		return 1;
	if (back != NULL)
		failed = ping_pong(ping ? q : back, ping ? back : q, ping, seed + ping, count);
	else
		failed = stream(q, produce, seed, count);
	if (back != NULL)
		failed |= shmemq_close(back) != 0;
	return failed | (shmemq_close(q) != 0);
}
