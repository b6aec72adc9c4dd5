/* SPDX-License-Identifier: MIT */
/* shmemq bench: the two sides of each measurement; of round trip and wake-up, all of it. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench_sides.h"

#define PAUSE_NS    1000000 /* many times as long as the library spins: the other side sleeps */
#define SAMPLES_MAX (1 << 18)

uint64_t bench_buffer[BENCH_SIZE_MAX / sizeof(uint64_t)];

int64_t bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *values, size_t count)
{
	qsort(values, count, sizeof *values, compare);
	return values[count / 2];
}

static int send_stamps(struct shmemq *q, const struct bench_order *order)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	int64_t end = bench_now() + order->ns, now;
	int err;

	do {
		nanosleep(&pause, NULL);
		now = bench_now();
		err = bench_push(q, &now, sizeof now, BENCH_MESSAGE);
	} while (err == 0 && now < end);
	return err != 0 ? err : bench_push(q, NULL, 0, BENCH_END);
}

/* Sorts the times, and sets figures[] to the median and the 99th and 99.9th percentiles. */
static void percentiles(double *times, size_t count, double figures[BENCH_FIGURES])
{
	figures[0] = bench_median(times, count);
	figures[1] = times[count * 99 / 100];
	figures[2] = times[count * 999 / 1000];
}

static int receive_stamps(struct shmemq *q, double *times, size_t *count)
{
	uint32_t type;
	size_t bytes = 0;
	int err;

	for (*count = 0; (err = bench_pop(q, &bytes, &type)) == 0 && type != BENCH_END;) {
		double took = (double)(bench_now() - (int64_t)bench_buffer[0]);

		if (*count < SAMPLES_MAX)
			times[(*count)++] = took;
	}
	return err;
}

static int echo(const struct bench_ends *ends)
{
	uint32_t type;
	size_t size = 0;
	int err;

	while ((err = bench_pop(ends->orders, &size, &type)) == 0 && type != BENCH_END &&
	       (err = bench_push(ends->stream, bench_buffer, size, type)) == 0)
		;
	return err;
}

static int measure_round_trips(const struct bench_ends *ends, const struct bench_case *c, int64_t ns, double *times,
			       size_t *count)
{
	int64_t start = bench_now(), end = start + ns, sent = start, back;
	uint64_t message[8] = { 0 };
	uint32_t type;
	size_t size = 0;
	int err;

	*count = 0;
	do {
		message[0]++;
		if ((err = bench_push(ends->orders, message, c->size, BENCH_MESSAGE)) != 0 ||
		    (err = bench_pop(ends->stream, &size, &type)) != 0)
			return err;
		if (size != c->size || memcmp(bench_buffer, message, size) != 0)
			return EILSEQ;
		back = bench_now();
		times[(*count)++] = (double)(back - sent);
		sent = back;
	} while (back < end && *count < SAMPLES_MAX);
	return bench_push(ends->orders, NULL, 0, BENCH_END);
}

int bench_serve(const struct bench_ends *ends)
{
	struct bench_order order;
	ssize_t bytes;
	int err = 0;

	while (err == 0) {
		bytes = shmemq_timedpop(ends->orders, &order, sizeof order, NULL, -1);
		if (bytes < 0 && errno == EINTR)
			continue;
		if (bytes != (ssize_t)sizeof order)
			return bytes < 0 ? errno : EILSEQ;
		if (order.kind == BENCH_ROUND_TRIP)
			err = echo(ends);
		else if (order.kind == BENCH_WAKE_UP)
			err = send_stamps(ends->stream, &order);
		else
			err = bench_send_stream(ends->stream, &order);
	}
	return err;
}

int bench_measure(const struct bench_ends *ends, struct bench_case *c, int64_t ns, double figures[BENCH_FIGURES])
{
	static double times[SAMPLES_MAX];
	struct bench_order order = { .kind = (uint32_t)c->kind, .size = c->size, .ns = ns };
	size_t count;
	int err = bench_push(ends->orders, &order, sizeof order, BENCH_ORDER);

	if (err != 0)
		return err;
	if (c->kind == BENCH_COPY || c->kind == BENCH_IN_PLACE)
		return bench_receive_stream(ends->stream, c, figures);
	err = c->kind == BENCH_WAKE_UP ? receive_stamps(ends->stream, times, &count)
				       : measure_round_trips(ends, c, ns, times, &count);
	if (err == 0)
		percentiles(times, count, figures);
	return err;
}
