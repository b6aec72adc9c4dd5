/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "measure.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "contender.h"

/* The lowest latency that a bucket counts. */
static double bucket_min(unsigned bucket)
{
	unsigned shift = bucket < 2 * STEPS ? 0 : bucket / STEPS - 1;

	return (double)((uint64_t)(bucket - shift * STEPS) << shift);
}

/*
 * A clock may tick in steps of 10 ns or more, so that many latencies are equal. The latencies that a bucket counts are
 * therefore taken to be spread evenly up to the next bucket that is not empty.
 */
double quantile(const struct histogram histograms[2], double share)
{
	double total = 0, below = 0, low = 0, in_low = 0;

	for (unsigned i = 0; i < BUCKETS; i++)
		total += histograms[0].count[i] + histograms[1].count[i];
	for (unsigned i = 0; i < BUCKETS; i++) {
		double here = histograms[0].count[i] + histograms[1].count[i];

		if (here == 0)
			continue;
		if (in_low > 0 && below + in_low > total * share)
			return low + (bucket_min(i) - low) * (total * share - below) / in_low;
		below += in_low;
		low = bucket_min(i);
		in_low = here;
	}
	return low;
}

void sleep_ns(uint64_t ns)
{
	const struct timespec time = { .tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000) };

	nanosleep(&time, NULL);
}

/* The words of a message differ, so that verify() notices one in the wrong place or not written. */
static uint64_t body_word(size_t i)
{
	return i * UINT64_C(0x9e3779b97f4a7c15);
}

void source_make(struct source *source, size_t size)
{
	size_t bytes = source_count(size) * size;

	source->words = size / sizeof(uint64_t);
	source->messages = aligned_alloc(LINE, (bytes + LINE - 1) / LINE * LINE);
	if (source->messages == NULL)
		die("aligned_alloc");
	source->next = source->messages;
	source->end = source->messages + bytes / sizeof(uint64_t);
	for (size_t i = 0; source->messages + i < source->end; i++)
		source->messages[i] = body_word(i % source->words);
}

uint64_t body_sum(size_t size)
{
	uint64_t sum = 0;

	/* The producer writes the first, the second and the last word anew for each message. */
	for (size_t i = 2; i + 1 < size / sizeof(uint64_t); i++)
		sum += body_word(i);
	return sum;
}

void wrong_message(uint64_t number)
{
	fprintf(stderr, "bench: message %" PRIu64 " differs from what was sent, or is out of order\n", number);
	_exit(1);
}

void die(const char *what)
{
	perror(what);
	_exit(1);
}
