/* SPDX-License-Identifier: MIT */
/* The memory that both sides and the parent share during a repetition, the clock, and the contents of messages. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* An object of type std::atomic lies in memory like one of C's _Atomic type. */
#ifdef __cplusplus
#include <atomic>
#define ATOMIC(type) std::atomic<type>
using std::atomic_load_explicit;
using std::atomic_signal_fence;
using std::atomic_store;
using std::memory_order_relaxed;
using std::memory_order_seq_cst;
extern "C" {
#else
#include <stdatomic.h>
#define ATOMIC(type) _Atomic(type)
#endif

/* Counts latencies of up to four seconds, in buckets that are at most 1/256 of the latency wide. */
#define STEPS   256
#define BUCKETS (25 * STEPS)
struct histogram {
	uint32_t count[BUCKETS];
};

#define PRODUCERS_MAX 8
#define READERS_MAX   8
#define FOLLOWERS_MAX 8
#define CHILDREN_MAX  10 /* one side has one process, and only one of these is more than one */

enum phase { WAIT, WARM_UP, MEASURE, STOP };

struct control {
	alignas(128) ATOMIC(int) phase; /* enum phase: written by the parent, read by the children */
	alignas(128) ATOMIC(int) ready; /* number of children that have opened their channels */
	ATOMIC(int) done;               /* number of children that have sent and received all their messages */
	ATOMIC(bool) arrived;           /* the first message has arrived */
	alignas(128) uint64_t total;    /* messages received in all phases */
	uint64_t messages, ns;          /* those received from MEASURE to the end, and how long that took */
	uint64_t cpu_ns[CHILDREN_MAX];  /* of each child in all phases; read once it has ended */
	struct histogram latency[2];    /* recorded by each side (enum side) from MEASURE to the end */
};

static inline enum phase phase_of(const struct control *control)
{
	return (enum phase)atomic_load_explicit(&control->phase, memory_order_relaxed);
}

/* Called by the consumer for each message: the parent does not count the time before the first one arrives. */
static inline void note_arrival(struct control *control, uint64_t number)
{
	if (number == 0)
		atomic_store(&control->arrived, true);
}

static inline uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Sleeps for `ns`, or until a signal handler has run. */
void sleep_ns(uint64_t ns);

static inline void record(struct histogram *histogram, uint64_t ns)
{
	unsigned shift = ns < STEPS ? 0 : 63 - (unsigned)__builtin_clzll(ns) - 8;
	uint64_t bucket = shift * STEPS + (ns >> shift);

	histogram->count[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
}

/* The latency in ns that a `share` of all those in both histograms is below; 0 if there are none. */
double quantile(const struct histogram histograms[2], double share);

/* This bit is set in the first and in the last word of the last message. */
#define LAST (UINT64_C(1) << 63)
/* A message's number has its producer's index in the bits from here on, and its number among that producer's below. */
#define PRODUCER_SHIFT 48

/*
 * The producer's messages: several, used in rotation, because the messages of a batch must stay in place until it is
 * sent. Together they fit into a first-level cache, like messages that a program has just made.
 */
#define SOURCE_BYTES (32u << 10)
#define SOURCES_MAX  32u
struct source {
	uint64_t *messages, *next, *end;
	size_t words; /* of a message */
};

static inline unsigned source_count(size_t size)
{
	size_t fit = SOURCE_BYTES / size;

	return fit < 1 ? 1 : fit > SOURCES_MAX ? SOURCES_MAX : (unsigned)fit;
}

/* Ends this process if memory is short. */
void source_make(struct source *source, size_t size);

static inline const void *source_next(struct source *source, uint64_t number, uint64_t stamp)
{
	uint64_t *message = source->next;

	source->next += source->words;
	if (source->next == source->end)
		source->next = source->messages;
	message[0] = number;
	message[source->words - 1] = number;
	if (source->words > 2)
		message[1] = stamp;
	return message;
}

/* The sum of the words of a message that are the same in every message. */
uint64_t body_sum(size_t size);

__attribute__((noreturn)) void wrong_message(uint64_t number);

/* Reads a whole message and ends this process if it is wrong. True: it is the last one. `*stamp`: its second word. */
static inline bool verify(const void *message, size_t size, uint64_t number, uint64_t body, uint64_t *stamp)
{
	const uint64_t *word = (const uint64_t *)message;
	size_t words = size / sizeof *word;
	uint64_t first = word[0];
	uint64_t sum = first, second = 0, third = 0, fourth = 0;
	size_t i = 1;

	/* Four independent sums: with one, the chain of additions would set the pace, not the memory. */
	for (; i + 4 <= words; i += 4) {
		sum += word[i];
		second += word[i + 1];
		third += word[i + 2];
		fourth += word[i + 3];
	}
	for (; i < words; i++)
		sum += word[i];
	sum += second + third + fourth;
	*stamp = words > 2 ? word[1] : 0;
	if ((first & ~LAST) != number || word[words - 1] != first || sum != body + *stamp + first * (words > 1 ? 2 : 1))
		wrong_message(number);
	return first & LAST;
}

#ifdef __cplusplus
}
#endif
#endif
