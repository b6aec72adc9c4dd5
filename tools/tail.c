/* SPDX-License-Identifier: MIT */
/*
 * Messages to standard output, with nothing taken from the queue. shmemq tail follows it, and writes what is pushed;
 * shmemq peek writes what is queued. What is overwritten before it has been read is counted on standard error.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "follow.h"
#include "output.h"
#include "report.h"
#include "stop.h"

struct tail {
	struct follow follow;
	struct output out;
	bool show_type;
};

static int write_failed(const struct tail *t)
{
	return report(t->follow.stream.name, "standard output: %s", strerror(errno));
}

static int flush(struct tail *t)
{
	return output_flush(&t->out) != 0 ? write_failed(t) : 0;
}

static int put_message(struct tail *t, size_t size, const uint32_t *type)
{
	const struct frame *frame = &t->follow.stream.frame;
	const unsigned char *message = t->follow.message;

	if (frame_delimits(frame) && memchr(message, frame_delimiter(frame), size) != NULL) {
		int status = flush(t);

		return status != 0 ? status
				   : report(t->follow.stream.name,
					    "a message contains %s; use --frame=len32 or --frame=chunk to show it",
					    frame->kind == FRAME_LINE ? "a newline" : "a null byte");
	}
	if (output_message(&t->out, frame, message, size, t->show_type ? type : NULL) != 0)
		return write_failed(t);
	stream_count(&t->follow.stream, size);
	return 0;
}

/* Says how many messages were lost, each time. */
static int skip_lost(struct tail *t)
{
	uint64_t lost = 0;
	int status = follow_skip(&t->follow, &lost);

	if (status == 0)
		report(t->follow.stream.name, "messages overwritten before they were read: %" PRIu64, lost);
	return status;
}

static int tail_messages(struct tail *t)
{
	int status = 0;

	while (status == 0) {
		uint32_t type;
		ssize_t size;

		if (stop_signal != 0 || stream_enough(&t->follow.stream))
			return flush(t);
		size = follow_try(&t->follow, &type);
		if (size < 0 && errno == EAGAIN) {
			status = flush(t);
			if (status != 0)
				return status;
			size = follow_wait(&t->follow, &type, 0);
		}
		if (size >= 0) {
			status = put_message(t, (size_t)size, &type);
		} else if (errno == EOVERFLOW) {
			status = skip_lost(t);
		} else if (stop_signal == 0) {
			int err = errno;

			status = flush(t);
			return status != 0 ? status : follow_ended(&t->follow, err);
		}
	}
	return status;
}

/*
 * How many messages are queued now, for a peek beside a producer that goes on. Without one, there may be a message more
 * than is counted, of a producer that was killed, and peek ends where there is no other.
 */
static int count_queued(const struct tail *t, uint64_t *queued)
{
	const struct stream *s = &t->follow.stream;
	struct shmemq_stat st;

	if (shmemq_stat(s->queue, &st) != 0)
		return report_queue(s->name, SHMEMQ_FOLLOWER, errno);
	*queued = st.producer == SHMEMQ_END_OPEN ? st.lag_messages : UINT64_MAX;
	return 0;
}

static int peek_messages(struct tail *t)
{
	uint64_t skip = t->follow.stream.options->offset, seen = 0, queued;
	int status = count_queued(t, &queued);

	while (status == 0 && stop_signal == 0 && !stream_enough(&t->follow.stream) && seen + t->follow.lost < queued) {
		uint32_t type;
		ssize_t size = follow_try(&t->follow, &type);

		if (size >= 0) {
			if (seen++ >= skip)
				status = put_message(t, (size_t)size, &type);
		} else if (errno == EOVERFLOW) {
			status = skip_lost(t);
		} else if (errno != EINTR && errno != ECANCELED) {
			status = errno == EAGAIN || errno == EPIPE || errno == EOWNERDEAD
					 ? 0
					 : follow_ended(&t->follow, errno);
			break;
		}
	}
	return status != 0 ? status : flush(t);
}

static int run(const struct options *options, const char *name, int whence, int (*messages)(struct tail *))
{
	struct tail t = { .show_type = given(options, OPTION_TYPES) };
	int status = follow_start(&t.follow, name, options, whence);

	if (status != 0)
		return status;
	output_start(&t.out);
	signal(SIGPIPE, SIG_IGN);
	stop_begin(t.follow.stream.queue);
	status = messages(&t);
	/* Some file systems report only at close(2) that they are full. */
	if (close(STDOUT_FILENO) != 0 && status == 0)
		status = write_failed(&t);
	stop_end();
	output_free(&t.out);
	status = follow_stop(&t.follow, status);
	if (status == 0)
		stop_obey();
	return status;
}

int run_tail(const struct options *options, char **names, int count)
{
	(void)count;
	return run(options, names[0], follow_whence(options), tail_messages);
}

int run_peek(const struct options *options, char **names, int count)
{
	(void)count;
	return run(options, names[0], SHMEMQ_QUEUED, peek_messages);
}
