/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "measure.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "contender.h"

/* The least latency of a bucket. */
static double least_of(unsigned bucket)
{
	unsigned shift = bucket < 2 * STEPS ? 0 : bucket / STEPS - 1;

	return (double)((uint64_t)(bucket - shift * STEPS) << shift);
}

/*
 * A clock may tick in steps of ten and more ns, and many latencies be the same: what a bucket holds is taken to lie
 * evenly between its own and the next that holds something.
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
			return low + (least_of(i) - low) * (total * share - below) / in_low;
		below += in_low;
		low = least_of(i);
		in_low = here;
	}
	return low;
}

void sleep_ns(uint64_t ns)
{
	const struct timespec time = { .tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000) };

	nanosleep(&time, NULL);
}

/* Any value does that is not the same in all words. */
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

	/* The first, the second and the last word are what the producer makes of them. */
	for (size_t i = 2; i + 1 < size / sizeof(uint64_t); i++)
		sum += body_word(i);
	return sum;
}

void wrong_message(uint64_t number)
{
	fprintf(stderr, "bench: message %" PRIu64 " is not what was sent\n", number);
	_exit(1);
}

void die(const char *what)
{
	perror(what);
	_exit(1);
}
