/* SPDX-License-Identifier: MIT */
/*
 * The measuring loops, made of the functions that the including file has defined:
 *
 *	static inline void send_message(struct channel *, const void *message, size_t size);
 *	static inline void flush_messages(struct channel *);			if it has HAS_FLUSH
 *	static inline const void *receive_message(struct channel *, size_t *size);
 *	static inline void release_message(struct channel *);			unless NOTHING_TO_RELEASE
 *
 * What was sent is sure to arrive once it is flushed. What was received is readable until it is released. They wait as
 * long as it takes, and die() where something else is wrong.
 */
#include <errno.h>
#include <unistd.h>

/* Longer than this library spins before it sleeps. */
#define NAP_NS 200000

#ifndef HAS_FLUSH
static inline void flush_messages(struct channel *channel)
{
	(void)channel;
}
#endif

#ifdef NOTHING_TO_RELEASE
static inline void release_message(struct channel *channel)
{
	(void)channel;
}
#endif

static struct channel *next_channel(const struct job *job, struct channel *channel)
{
	return ++channel == job->channels + job->count ? job->channels : channel;
}

static void produce(struct job *job)
{
	struct channel *channel = job->channels;
	struct source source;
	uint64_t number = (uint64_t)job->producer << PRODUCER_SHIFT;
	bool last;

	source_make(&source, job->size);
	do {
		last = phase_of(job->control) == STOP;
		send_message(channel, source_next(&source, number++ | (last ? LAST : 0), 0), job->size);
		if (last)
			flush_messages(channel);
		channel = next_channel(job, channel);
	} while (!last);
}

/* Inlined in each loop: a call would cost as much as many a contender. */
#define INLINED __attribute__((always_inline)) static inline

/*
 * Receives, verifies and releases a message; `number` counts them all. `next`: with several producers, the next number
 * of each; with one it is NULL, and the message has the number `number`. True: it is its producer's last.
 */
INLINED bool take(struct channel *channel, const struct job *job, uint64_t number, uint64_t *next, uint64_t body,
		  uint64_t *stamp)
{
	uint64_t expected = number;
	const uint64_t *message;
	size_t size;
	bool last;

	message = receive_message(channel, &size);
	if (size != job->size)
		wrong_message(number);
	if (next != NULL) {
		uint64_t producer = (message[0] & ~LAST) >> PRODUCER_SHIFT;

		if (producer >= job->producers)
			wrong_message(number);
		expected = producer << PRODUCER_SHIFT | next[producer]++;
	}
	say_moving(job->control, number);
	last = verify(message, size, expected, body, stamp);
	release_message(channel);
	return last;
}

/* Messages taken so far, and from when on they count: since the warm-up. */
struct taken {
	uint64_t number, from, start;
};

static inline void taken_one(const struct job *job, struct taken *taken)
{
	taken->number++;
	if (taken->start == 0 && phase_of(job->control) != WARM_UP) {
		taken->start = now_ns();
		taken->from = taken->number;
	}
}

static void taken_all(const struct job *job, const struct taken *taken)
{
	job->control->ns = now_ns() - taken->start;
	job->control->messages = taken->number - taken->from;
	job->control->total = taken->number;
}

/* `next`: as in take(). */
INLINED void consume_from(struct job *job, uint64_t *next)
{
	struct channel *channel = job->channels;
	uint64_t body = body_sum(job->size), stamp;
	struct taken taken = { 0 };
	unsigned left = job->producers;

	while (left > 0) {
		left -= take(channel, job, taken.number, next, body, &stamp);
		taken_one(job, &taken);
		channel = next_channel(job, channel);
	}
	taken_all(job, &taken);
}

static void consume(struct job *job)
{
	uint64_t next[PRODUCERS_MAX] = { 0 };

	if (job->producers > 1)
		consume_from(job, next);
	else
		consume_from(job, NULL);
}

/* Awake: records how long it takes there and back. With naps: how long from sending to receiving, as pong() does. */
static void ping(struct job *job)
{
	struct histogram *latency = &job->control->latency[PRODUCER];
	struct channel *there = &job->channels[0], *back = &job->channels[1];
	uint64_t body = body_sum(job->size);
	uint64_t number = 0, before = now_ns();
	struct source source;
	bool last;

	source_make(&source, job->size);
	do {
		enum phase phase = phase_of(job->control);
		uint64_t after, stamp;

		if (job->naps) {
			sleep_ns(NAP_NS);
			before = now_ns();
		}
		send_message(there, source_next(&source, number | (phase == STOP ? LAST : 0), before), job->size);
		flush_messages(there);
		last = take(back, job, number++, NULL, body, &stamp);
		after = now_ns();
		if (phase != WARM_UP)
			record(latency, after - (job->naps ? stamp : before));
		before = after;
	} while (!last);
}

static void pong(struct job *job)
{
	struct histogram *latency = &job->control->latency[CONSUMER];
	struct channel *there = &job->channels[0], *back = &job->channels[1];
	uint64_t body = body_sum(job->size);
	uint64_t number = 0, stamp;
	struct source source;
	bool last;

	source_make(&source, job->size);
	do {
		last = take(there, job, number, NULL, body, &stamp);
		if (job->naps) {
			if (phase_of(job->control) != WARM_UP)
				record(latency, now_ns() - stamp);
			sleep_ns(NAP_NS);
			stamp = now_ns();
		}
		send_message(back, source_next(&source, number++ | (last ? LAST : 0), stamp), job->size);
		flush_messages(back);
	} while (!last);
}

#define LOOPS .produce = produce, .consume = consume, .ping = ping, .pong = pong
