/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "report.h"

#define PERIOD_NS INT64_C(5000000000)

int64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void metrics_start(struct metrics *m, const struct options *options, const char *direction)
{
	*m = (struct metrics){
		.path = options->text[OPTION_METRICS],
		.queue = options->text[OPTION_QUEUE],
		.stream = options->text[OPTION_STREAM],
		.direction = direction,
	};
}

bool metrics_due(struct metrics *m)
{
	int64_t now;

	if (m->path == NULL)
		return false;
	now = clock_ns();
	if (now < m->next)
		return false;
	m->next = now + PERIOD_NS;
	return true;
}

/* A label's value: backslash, quote and the end of a line are escaped. */
static void print_label(FILE *file, const char *name, const char *value)
{
	fprintf(file, "%s=\"", name);
	for (; *value != '\0'; value++) {
		if (*value == '\n')
			fputs("\\n", file);
		else if (*value == '"' || *value == '\\')
			fprintf(file, "\\%c", *value);
		else
			putc(*value, file);
	}
	putc('"', file);
}

static void print_labels(FILE *file, const struct metrics *m)
{
	print_label(file, "{queue", m->queue);
	print_label(file, ",stream", m->stream);
	print_label(file, ",direction", m->direction);
}

static void print_all(FILE *file, const struct metrics *m)
{
	const struct {
		const char *name, *type;
		uint64_t value;
	} all[] = {
		{ "messages_total", "counter", m->messages },
		{ "bytes_total", "counter", m->bytes },
		{ "frames_total", "counter", m->frames },
		{ "resyncs_total", "counter", m->resyncs },
		{ "refused_total", "counter", m->refused },
		{ "known_total", "counter", m->known },
		{ "lost_total", "counter", m->lost },
		{ "connected", "gauge", m->connected },
		{ "queue_messages", "gauge", m->queue_messages },
		{ "window_messages", "gauge", m->window_messages },
		{ "stream_messages", "gauge", m->stream_messages },
		{ "stream_bytes", "gauge", m->stream_bytes },
		{ "consumer_pending", "gauge", m->consumer_pending },
		{ "mark", "gauge", m->mark },
	};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		fprintf(file, "# TYPE shmemq_nats_%s %s\nshmemq_nats_%s", all[i].name, all[i].type, all[i].name);
		print_labels(file, m);
		fprintf(file, "} %" PRIu64 "\n", all[i].value);
	}
	fputs("# TYPE shmemq_nats_ack_seconds gauge\nshmemq_nats_ack_seconds", file);
	print_labels(file, m);
	fprintf(file, "} %.6f\n# TYPE shmemq_nats_server_info gauge\nshmemq_nats_server_info", m->ack_seconds);
	print_labels(file, m);
	print_label(file, ",url", m->server);
	fputs("} 1\n", file);
}

static bool write_file(const struct metrics *m, const char *temporary)
{
	FILE *file = fopen(temporary, "we");
	bool bad;

	if (file == NULL)
		return false;
	print_all(file, m);
	bad = ferror(file);
	if (fclose(file) != 0 || bad)
		return false;
	/* A reader sees the old file or the new one, and never a part. */
	return rename(temporary, m->path) == 0;
}

void metrics_write(struct metrics *m, struct shmemq *queue)
{
	struct shmemq_stat st;
	char *temporary;

	if (m->path == NULL)
		return;
	if (queue != NULL && shmemq_stat(queue, &st) == 0)
		m->queue_messages = st.queued_messages;
	if (asprintf(&temporary, "%s.%ld.tmp", m->path, (long)getpid()) < 0)
		return;
	if (!write_file(m, temporary)) {
		report(m->path, "%s; no more metrics", strerror(errno));
		unlink(temporary);
		m->path = NULL;
	}
	free(temporary);
}
