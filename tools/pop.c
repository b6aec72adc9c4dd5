/* SPDX-License-Identifier: MIT */
/*
 * shmemq pop: messages to standard output.
 *
 * A message leaves the queue when it is in the buffer, so that a stream costs no write(2) a message. The buffer is
 * written before every wait, and a message that is the first, the last of --count, or was waited for, leaves the
 * queue only when it has been written: a failing write loses nothing then, unless messages were streaming. Of a shared
 * queue no message is kept that long, since other consumers wait meanwhile.
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
	bool in_step; /* the message at hand is the first, or was waited for */
};

/* `lost`: messages that are out of the queue and were, at least the last of them, not written. */
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

/* The stream has ended, or cannot go on. */
static int pop_ended(const struct stream *s, int err)
{
	switch (err) {
	case EPIPE:
		return 0;
	case EOWNERDEAD:
		return report(s->name, "the producer has died; messages written: %" PRIu64, s->messages);
	case EAGAIN:
	case ETIMEDOUT:
		return report(s->name, "timed out: the queue is empty; messages written: %" PRIu64, s->messages);
	default:
		return report_queue(s->name, SHMEMQ_CONSUMER, err);
	}
}

static const void *wait_for_message(struct pop *p, size_t *size, uint32_t *type)
{
	struct stream *s = &p->stream;
	int64_t left = s->options->timeout;
	const void *message;

	p->in_step = true;
	do
		message = shmemq_timedpop_start(s->queue, size, type, stream_slice(left));
	while (message == NULL && stop_signal == 0 && stream_again(s, &left));
	return message;
}

static int put_message(struct pop *p, const void *message, size_t size, const uint32_t *type)
{
	const struct frame *frame = &p->stream.frame;
	char head[FRAME_HEAD_MAX], tail = frame_delimiter(frame);
	struct iovec parts[3] = {
		{ .iov_base = head, .iov_len = frame_head(frame, size, p->show_type ? type : NULL, head) },
		{ .iov_base = (void *)(uintptr_t)message, .iov_len = size },
		{ .iov_base = &tail, .iov_len = frame_delimits(frame) },
	};

	return output_put(&p->out, parts, 3);
}

/* A message that its frame cannot show is left for a pop with another one. */
static int refuse(struct pop *p)
{
	const struct stream *s = &p->stream;
	int status = flush(p);

	if (status != 0)
		return status;
	return report(s->name, "the next message contains %s; use --frame=len32 or --frame=chunk to pop it",
		      s->frame.kind == FRAME_LINE ? "a newline" : "a null byte");
}

/* One message from the queue to the output. Returns 0 or an exit status. */
static int pop_message(struct pop *p, const void *message, size_t size, const uint32_t *type)
{
	struct stream *s = &p->stream;

	if (frame_delimits(&s->frame) && memchr(message, frame_delimiter(&s->frame), size) != NULL)
		return refuse(p);
	if (put_message(p, message, size, type) != 0)
		return write_failed(p, p->out.messages);
	stream_count(s, size);
	/* This message is still the queue's. */
	if ((p->in_step || stream_enough(s)) && !given(s->options, OPTION_SHARED) && output_flush(&p->out) != 0)
		return write_failed(p, p->out.messages - 1);
	p->in_step = false;
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
	struct pop p = { .show_type = given(options, OPTION_TYPES), .in_step = true };
	int status;

	(void)count;
	status = stream_open(&p.stream, SHMEMQ_CONSUMER, names[0], options);
	if (status != 0)
		return status;
	output_start(&p.out);
	/* A reader that leaves is a failing write: the queue is closed in order, not abandoned. */
	signal(SIGPIPE, SIG_IGN);
	stop_begin(p.stream.queue);
	status = pop_messages(&p);
	/* Some file systems tell only now that they had no room. */
	if (close(STDOUT_FILENO) != 0 && status == 0)
		status = write_failed(&p, 0);
	stop_end();
	output_free(&p.out);
	status = stream_close(&p.stream, status);
	if (status == 0)
		stop_obey();
	return status;
}
