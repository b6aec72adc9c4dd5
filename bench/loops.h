/* SPDX-License-Identifier: MIT */
/*
 * The measuring loops, made from functions that the including file defines:
 *
 *	static inline void send_message(struct channel *, const void *message, size_t size);
 *	static inline void flush_messages(struct channel *);			if it defines HAS_FLUSH
 *	static inline const void *receive_message(struct channel *, size_t *size);
 *	static inline void release_message(struct channel *);			unless it defines NOTHING_TO_RELEASE
 *
 * A message that was sent arrives for certain only after a flush. A received message stays readable until it is
 * released. The functions wait as long as necessary, and die() on any error.
 */

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

/* Inlined in each loop: a call would take as long as some contenders take for a message. */
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

	message = (const uint64_t *)receive_message(channel, &size);
	if (size != job->size)
		wrong_message(number);
	if (next != NULL) {
		uint64_t producer = (message[0] & ~LAST) >> PRODUCER_SHIFT;

		if (producer >= job->producers)
			wrong_message(number);
		expected = producer << PRODUCER_SHIFT | next[producer]++;
	}
	note_arrival(job->control, number);
	last = verify(message, size, expected, body, stamp);
	release_message(channel);
	return last;
}

/* `next`: as in take(). */
INLINED void consume_from(struct job *job, uint64_t *next)
{
	struct channel *channel = job->channels;
	uint64_t body = body_sum(job->size), stamp;
	struct received received = { 0, 0, 0 };
	unsigned left = job->producers;

	while (left > 0) {
		left -= take(channel, job, received.number, next, body, &stamp);
		count_message(job, &received);
		channel = next_channel(job, channel);
	}
	store_counts(job, &received);
}

static void consume(struct job *job)
{
	uint64_t next[PRODUCERS_MAX] = { 0 };

	if (job->producers > 1)
		consume_from(job, next);
	else
		consume_from(job, NULL);
}

/*
 * Without naps, records the time of a round trip. With naps, records the time from sending to receiving of the messages
 * that come back; pong() does so for those that arrive there.
 */
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
		enum phase phase = number + 1 == job->trips ? STOP : phase_of(job->control);
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
