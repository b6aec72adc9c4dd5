/* SPDX-License-Identifier: MIT */
/*
 * shmemq pop: messages to standard output.
 *
 * While messages stream, each is released as soon as it is in the output buffer, so that not every message costs a
 * write(2). The buffer is written before every wait. The first message, the last one of --count, and a message that had
 * to be waited for are released only after they have been written: if that write fails, they are still in the queue.
 * With --shared no message is held that long, because the other consumers would have to wait.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "output.h"
#include "report.h"
#include "stop.h"
#include "stream.h"

struct pop {
	struct stream stream;
	struct output out;
	bool show_type;
	bool write_first; /* before the release: the message is the first, or was waited for */
};

/* `lost`: messages that were released; at least the last of them was not written. */
static int write_failed(const struct pop *p, uint64_t lost)
{
	const char *why = strerror(errno);

	if (lost == 0)
		return report(p->stream.name, "standard output: %s", why);
	return report(p->stream.name, "standard output: %s; messages taken from the queue and lost: up to %" PRIu64,
		      why, lost);
}

static int flush(struct pop *p)
{
	return output_flush(&p->out) != 0 ? write_failed(p, p->out.messages) : 0;
}

/* Reports why there is no further message. EPIPE, the end of the stream, is no error. */
static int pop_ended(const struct stream *s, int err)
{
	switch (err) {
	case EPIPE:
		return 0;
	case EOWNERDEAD:
		return report_died(s->queue, s->name, true, "", "written", s->messages);
	case EAGAIN:
	case ETIMEDOUT:
		return report_timeout(s->queue, s->name, SHMEMQ_CONSUMER, "the queue is empty", "written", s->messages);
	default:
		return report_queue(s->name, SHMEMQ_CONSUMER, err);
	}
}

static const void *wait_for_message(struct pop *p, size_t *size, uint32_t *type)
{
	struct stream *s = &p->stream;
	int64_t left = s->options->timeout;
	const void *message;

	p->write_first = true;
	do
		message = shmemq_timedpop_start(s->queue, size, type, stream_slice(left));
	while (message == NULL && stop_signal == 0 && stream_again(s, &left));
	return message;
}

/* A message that contains the delimiter of its frame stays in the queue, for a pop with another frame. */
static int refuse_message(struct pop *p)
{
	const struct stream *s = &p->stream;
	int status = flush(p);

	if (status != 0)
		return status;
	return report(s->name, "the next message contains %s; use --frame=len32 or --frame=chunk to pop it",
		      s->frame.kind == FRAME_LINE ? "a newline" : "a null byte");
}

/* Moves one message from the queue to the output. Returns 0 or an exit status. */
static int pop_message(struct pop *p, const void *message, size_t size, const uint32_t *type)
{
	struct stream *s = &p->stream;

	if (frame_delimits(&s->frame) && memchr(message, frame_delimiter(&s->frame), size) != NULL)
		return refuse_message(p);
	if (output_message(&p->out, &s->frame, message, size, p->show_type ? type : NULL) != 0)
		return write_failed(p, p->out.messages);
	stream_count(s, size);
	/* This message has not been released, so it is not lost. */
	if ((p->write_first || stream_enough(s)) && !given(s->options, OPTION_SHARED) && output_flush(&p->out) != 0)
		return write_failed(p, p->out.messages - 1);
	p->write_first = false;
	return shmemq_pop_end(s->queue) != 0 ? report_queue(s->name, SHMEMQ_CONSUMER, errno) : 0;
}

static int pop_messages(struct pop *p)
{
	struct stream *s = &p->stream;
	int status = 0;

	while (status == 0) {
		const void *message;
		uint32_t type;
		size_t size;

		if (stop_signal != 0 || stream_enough(s))
			return flush(p);
		message = shmemq_timedpop_start(s->queue, &size, &type, 0);
		if (message == NULL && errno == EAGAIN) {
			status = flush(p);
			if (status != 0)
				return status;
			message = wait_for_message(p, &size, &type);
		}
		if (message != NULL) {
			status = pop_message(p, message, size, &type);
		} else if (stop_signal == 0) {
			int err = errno;

			status = flush(p);
			return status != 0 ? status : pop_ended(s, err);
		}
	}
	return status;
}

int run_pop(const struct options *options, char **names, int count)
{
	struct pop p = { .show_type = given(options, OPTION_TYPES), .write_first = true };
	int status;

	(void)count;
	status = stream_open(&p.stream, SHMEMQ_CONSUMER, names[0], options);
	if (status != 0)
		return status;
	output_start(&p.out);
	/* If the reader of the output exits, write(2) fails and the end is closed; SIGPIPE would leave the end dead. */
	signal(SIGPIPE, SIG_IGN);
	stop_begin(p.stream.queue);
	status = pop_messages(&p);
	/* Some file systems report only at close(2) that they are full. */
	if (close(STDOUT_FILENO) != 0 && status == 0)
		status = write_failed(&p, 0);
	stop_end();
	output_free(&p.out);
	status = stream_close(&p.stream, status);
	if (status == 0)
		stop_obey();
	return status;
}
