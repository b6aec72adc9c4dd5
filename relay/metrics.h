/* SPDX-License-Identifier: MIT */
/* What the relay counts, as a file of Prometheus' text format, for node_exporter's textfile collector. */
#ifndef RELAY_METRICS_H
#define RELAY_METRICS_H

#include <shmemq.h>
#include <stdbool.h>
#include <stdint.h>

#include "options.h"
#include "stream.h"

struct metrics {
	const char *path; /* NULL: no file */
	const char *queue, *stream, *direction;
	int64_t next; /* when the file is due */
	uint64_t messages, bytes, frames, resyncs, refused, known, lost;
	bool connected;
	uint64_t queue_messages, window_messages, stream_messages, stream_bytes, consumer_pending, mark;
	double ack_seconds;
	char server[128]; /* URL */
};

/* Nanoseconds on CLOCK_MONOTONIC. */
int64_t clock_ns(void);

void metrics_start(struct metrics *m, const struct options *options, const char *direction);

/* Is the file due, 5 s after the last one? */
bool metrics_due(struct metrics *m);

/* Writes the file anew. A failure is reported once. */
void metrics_write(struct metrics *m, struct shmemq *queue);

#endif
