/* SPDX-License-Identifier: MIT */
/*
 * Prints queues in the text format of OpenMetrics, such that node_exporter's textfile collector reads it, too: with no
 * other types than gauge and counter, and no timestamps of the samples.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "queues.h"
#include "text.h"

/* For `end` of a sample: the metric is the queue's, not that of an end. */
#define BOTH (-1)

static const char *const ends[] = { "producer", "consumer" };

/* Each is printed for every queue; of an end's, for both ends. In this order. */
static const struct metric {
	const char *name, *unit, *help;
	enum { GAUGE, COUNTER } type;
	enum { OF_QUEUE, OF_END, OF_STATE } of;
	size_t at[2]; /* where it stands in struct shmemq_stat; of an end's, the producer's and the consumer's */
	enum { WORD, LONG } width;
} metrics[] = {
#define QUEUE(name, unit, type, field, help)                                                              \
	{                                                                                                 \
		"shmemq_" name, unit, help, type, OF_QUEUE, { offsetof(struct shmemq_stat, field) }, LONG \
	}
#define END(name, unit, type, field, other, help)                                                     \
	{                                                                                             \
		"shmemq_" name, unit, help, type, OF_END,                                             \
			{ offsetof(struct shmemq_stat, field), offsetof(struct shmemq_stat, other) }, \
			sizeof((struct shmemq_stat){ 0 }.field) == 8 ? LONG : WORD                    \
	}
	QUEUE("capacity_bytes", "bytes", GAUGE, capacity, "Bytes of the ring."),
	QUEUE("reserved_bytes", "bytes", GAUGE, reserved_bytes, "Bytes of memory for messages now."),
	QUEUE("queued_messages", "messages", GAUGE, queued_messages, "Messages in the queue."),
	QUEUE("queued_bytes", "bytes", GAUGE, queued_bytes, "Bytes of the ring that they occupy."),
	QUEUE("queued_most_bytes", "bytes", GAUGE, queued_bytes_most, "Bytes of the ring in use at most so far."),
	QUEUE("pushed_messages", "messages", COUNTER, pushed_messages, "Messages pushed since the queue was made."),
	QUEUE("pushed_bytes", "bytes", COUNTER, pushed_bytes, "Bytes of these messages."),
	QUEUE("popped_messages", "messages", COUNTER, popped_messages, "Messages popped since the queue was made."),
	QUEUE("popped_bytes", "bytes", COUNTER, popped_bytes, "Bytes of these messages."),
	END("handles", NULL, GAUGE, producers, consumers, "Handles that have the end open now."),
	END("blocked_calls", NULL, COUNTER, producer_blocked, consumer_blocked,
	    "Calls that found the ring full, or empty, and had to wait."),
	END("slept_calls", NULL, COUNTER, producer_slept, consumer_slept, "Calls that slept for that."),
	END("moved_timestamp_seconds", "seconds", GAUGE, pushed_at, popped_at,
	    "About when a message was last pushed, or popped."),
	{ "shmemq_end_state",
	  NULL,
	  "1 for the state that the end is in.",
	  GAUGE,
	  OF_STATE,
	  { offsetof(struct shmemq_stat, producer), offsetof(struct shmemq_stat, consumer) },
	  WORD },
};

static uint64_t value_at(const struct queue *queue, const struct metric *metric, int end)
{
	const char *field = (const char *)&queue->stat + metric->at[end];

	return metric->width == LONG ? *(const uint64_t *)(const void *)field : *(const uint32_t *)(const void *)field;
}

/* As in text, so that no two names are shown alike; then what a label must escape. No line ends in it. */
static void print_label(const char *name)
{
	char *text = printable(name);

	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '\\' || *c == '"')
			putchar('\\');
		putchar(*c);
	}
	free(text);
}

/* `end`: an index, or BOTH. `state`: of OF_STATE. */
static void print_sample(const struct queue *queue, const struct metric *metric, int end, const char *state,
			 uint64_t value)
{
	printf("%s%s{queue=\"", metric->name, metric->type == COUNTER ? "_total" : "");
	print_label(queue->name);
	if (end != BOTH)
		printf("\",end=\"%s", ends[end]);
	if (state != NULL)
		printf("\",state=\"%s", state);
	printf("\"} %" PRIu64 "\n", value);
}

static void print_samples(const struct queue *queue, const struct metric *metric)
{
	static const uint32_t states[] = { SHMEMQ_END_NEVER, SHMEMQ_END_OPEN, SHMEMQ_END_CLOSED, SHMEMQ_END_DEAD };

	if (metric->of == OF_QUEUE)
		print_sample(queue, metric, BOTH, NULL, value_at(queue, metric, 0));
	for (int end = 0; metric->of != OF_QUEUE && end < 2; end++) {
		uint64_t value = value_at(queue, metric, end);

		if (metric->of == OF_END)
			print_sample(queue, metric, end, NULL, value);
		for (size_t i = 0; metric->of == OF_STATE && i < sizeof states / sizeof states[0]; i++)
			print_sample(queue, metric, end, end_state(states[i]), value == states[i]);
	}
}

void show_openmetrics(const struct queue *list, size_t count)
{
	for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
		const struct metric *metric = &metrics[i];

		printf("# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
		       metric->type == COUNTER ? "counter" : "gauge");
		if (metric->unit != NULL)
			printf("# UNIT %s %s\n", metric->name, metric->unit);
		for (size_t at = 0; at < count; at++)
			print_samples(&list[at], metric);
	}
	puts("# EOF");
}
