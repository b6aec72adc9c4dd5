/* SPDX-License-Identifier: MIT */
/* What both sides and the parent share during one repetition, the clock, and the messages as the sides see them. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Latencies, in steps of at most 1/256, up to four seconds. */
#define STEPS   256
#define BUCKETS (25 * STEPS)
struct histogram {
	uint32_t count[BUCKETS];
};

#define PRODUCERS_MAX 8

enum phase { WAIT, WARM_UP, MEASURE, STOP };

struct control {
	_Alignas(128) _Atomic int phase;    /* the parent's orders */
	_Alignas(128) _Atomic int ready;    /* children that have opened their channels */
	_Atomic int done;                   /* children that have sent and received all */
	_Atomic bool moving;                /* the first message has arrived */
	_Alignas(128) uint64_t total;       /* messages received, all phases */
	uint64_t messages, ns;              /* from MEASURE to the end */
	uint64_t cpu_ns[PRODUCERS_MAX + 1]; /* by child, all phases; read when it has ended */
	struct histogram latency[2];        /* by enum side, from MEASURE to the end */
};

static inline enum phase phase_of(const struct control *control)
{
	return (enum phase)atomic_load_explicit(&control->phase, memory_order_relaxed);
}

/* For the consumer, of each message; for the time before the first is not the contender's. */
static inline void say_moving(struct control *control, uint64_t number)
{
	if (number == 0)
		atomic_store(&control->moving, true);
}

static inline uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Sleeps for so long, or until a signal handler has run. */
void sleep_ns(uint64_t ns);

static inline void record(struct histogram *histogram, uint64_t ns)
{
	unsigned shift = ns < STEPS ? 0 : 63 - (unsigned)__builtin_clzll(ns) - 8;
	uint64_t bucket = shift * STEPS + (ns >> shift);

	histogram->count[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
}

/* The latency under which `share` of what both histograms hold lies, in ns; 0 of nothing. */
double quantile(const struct histogram histograms[2], double share);

/* In the first word of the last message. */
#define LAST (UINT64_C(1) << 63)
/* Above a message's number among those of its producer: which one that is. */
#define PRODUCER_SHIFT 48

/*
 * The producer's messages: several of them, used in turn, since a batch is sent from where its messages lie. Together
 * they fit into a first-level cache, as the messages of a program would that has just made them.
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

/* Dies without memory. */
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

/* What the other words of a message add up to. */
uint64_t body_sum(size_t size);

_Noreturn void wrong_message(uint64_t number);

/* Reads all of a message and compares it. True: it is the last one. `*stamp`: its second word. */
static inline bool verify(const void *view, size_t size, uint64_t number, uint64_t body, uint64_t *stamp)
{
	const uint64_t *word = view;
	size_t words = size / sizeof *word;
	uint64_t first = word[0];
	uint64_t sum = first, second = 0, third = 0, fourth = 0;
	size_t i = 1;

	/* Four sums: else the additions would be waited for, not the memory. */
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

#endif
