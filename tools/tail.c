/* SPDX-License-Identifier: MIT */
/*
 * shmemq tail: follows a queue, and writes what is pushed to standard output. It takes nothing from the queue. What is
 * overwritten before it has been read is counted on standard error.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "output.h"
#include "report.h"
#include "stop.h"
#include "stream.h"

struct tail {
	struct stream stream;
	struct output out;
	unsigned char *message;
	bool show_type;
};

static int flush(struct tail *t)
{
	return output_flush(&t->out) != 0 ? report(t->stream.name, "standard output: %s", strerror(errno)) : 0;
}

/* Reports why there is no further message. EPIPE, the end of the stream, is no error. */
static int tail_ended(const struct stream *s, int err)
{
	switch (err) {
	case EPIPE:
		return 0;
	case EOWNERDEAD:
		return report_as(err, s->name, "the producer has died; messages written: %" PRIu64, s->messages);
	case EAGAIN:
	case ETIMEDOUT:
		return report_as(err, s->name, "timed out: no further message; messages written: %" PRIu64,
				 s->messages);
	default:
		return report_queue(s->name, SHMEMQ_FOLLOWER, err);
	}
}

/* Goes on at the oldest message. */
static int skip_lost(struct tail *t)
{
	uint64_t lost;

	if (shmemq_seek(t->stream.queue, SHMEMQ_OLDEST, &lost) != 0)
		return report_queue(t->stream.name, SHMEMQ_FOLLOWER, errno);
	report(t->stream.name, "messages overwritten before they were read: %" PRIu64, lost);
	return 0;
}

static int put_message(struct tail *t, size_t size, const uint32_t *type)
{
	const struct frame *frame = &t->stream.frame;

	if (frame_delimits(frame) && memchr(t->message, frame_delimiter(frame), size) != NULL) {
		int status = flush(t);

		return status != 0 ? status
				   : report(t->stream.name,
					    "a message contains %s; use --frame=len32 or --frame=chunk to show it",
					    frame->kind == FRAME_LINE ? "a newline" : "a null byte");
	}
	if (output_message(&t->out, frame, t->message, size, t->show_type ? type : NULL) != 0)
		return report(t->stream.name, "standard output: %s", strerror(errno));
	stream_count(&t->stream, size);
	return 0;
}

/* Tries once; if there is nothing, writes what is buffered and waits. -1: errno, or a signal has come. */
static ssize_t next_message(struct tail *t, uint32_t *type, int *status)
{
	struct stream *s = &t->stream;
	int64_t left = s->options->timeout;
	ssize_t size = shmemq_timedpop(s->queue, t->message, s->message_max, type, 0);

	if (size >= 0 || errno != EAGAIN)
		return size;
	*status = flush(t);
	if (*status != 0)
		return -1;
	do
		size = shmemq_timedpop(s->queue, t->message, s->message_max, type, stream_slice(left));
	while (size < 0 && stop_signal == 0 && stream_again(s, &left));
	return size;
}

static int tail_messages(struct tail *t)
{
	struct stream *s = &t->stream;
	int status = 0;

	while (status == 0) {
		uint32_t type;
		ssize_t size;

		if (stop_signal != 0 || stream_enough(s))
			return flush(t);
		size = next_message(t, &type, &status);
		if (status != 0)
			return status;
		if (size >= 0) {
			status = put_message(t, (size_t)size, &type);
		} else if (errno == EOVERFLOW) {
			status = skip_lost(t);
		} else if (stop_signal == 0) {
			int err = errno;

			status = flush(t);
			return status != 0 ? status : tail_ended(s, err);
		}
	}
	return status;
}

/* Opens the queue, and moves to where the options say. */
static int start(struct tail *t, const char *name, const struct options *options)
{
	int status = stream_open(&t->stream, SHMEMQ_FOLLOWER, name, options);
	bool oldest = given(options, OPTION_OLDEST);

	if (status != 0)
		return status;
	t->message = malloc(t->stream.message_max);
	if (t->message == NULL)
		return stream_close(&t->stream, report(name, "%s", strerror(ENOMEM)));
	if ((oldest || given(options, OPTION_QUEUED)) &&
	    shmemq_seek(t->stream.queue, oldest ? SHMEMQ_OLDEST : SHMEMQ_QUEUED, NULL) != 0)
		return stream_close(&t->stream, report_queue(name, SHMEMQ_FOLLOWER, errno));
	return 0;
}

int run_tail(const struct options *options, char **names, int count)
{
	struct tail t = { .show_type = given(options, OPTION_TYPES) };
	int status = start(&t, names[0], options);

	(void)count;
	if (status != 0) {
		free(t.message);
		return status;
	}
	output_start(&t.out);
	signal(SIGPIPE, SIG_IGN);
	stop_begin(t.stream.queue);
	status = tail_messages(&t);
	/* Some file systems report only at close(2) that they are full. */
	if (close(STDOUT_FILENO) != 0 && status == 0)
		status = report(t.stream.name, "standard output: %s", strerror(errno));
	stop_end();
	output_free(&t.out);
	free(t.message);
	status = stream_close(&t.stream, status);
	if (status == 0)
		stop_obey();
	return status;
}
