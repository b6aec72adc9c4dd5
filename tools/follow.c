/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "stop.h"

int follow_whence(const struct options *options)
{
	return given(options, OPTION_OLDEST)   ? SHMEMQ_OLDEST
	       : given(options, OPTION_QUEUED) ? SHMEMQ_QUEUED
					       : SHMEMQ_NEWEST;
}

int follow_start(struct follow *f, const char *name, const struct options *options, int whence)
{
	int status = stream_open(&f->stream, SHMEMQ_FOLLOWER, name, options);

	f->lost = f->lost_since = 0;
	f->message = NULL;
	if (status != 0)
		return status;
	f->message = malloc(f->stream.message_max);
	if (f->message == NULL)
		return follow_stop(f, report(name, "%s", strerror(ENOMEM)));
	if (whence != SHMEMQ_NEWEST && shmemq_seek(f->stream.queue, whence, NULL) != 0)
		return follow_stop(f, report_queue(name, SHMEMQ_FOLLOWER, errno));
	return 0;
}

int follow_stop(struct follow *f, int status)
{
	free(f->message);
	return stream_close(&f->stream, status);
}

static ssize_t pop(struct follow *f, uint32_t *type, int64_t timeout)
{
	ssize_t size = shmemq_timedpop(f->stream.queue, f->message, f->stream.message_max, type, timeout);

	if (size >= 0)
		f->lost_since = 0;
	return size;
}

ssize_t follow_try(struct follow *f, uint32_t *type)
{
	return pop(f, type, 0);
}

ssize_t follow_wait(struct follow *f, uint32_t *type, int64_t waited)
{
	struct stream *s = &f->stream;
	int64_t timeout = s->options->timeout, left = timeout > waited ? timeout - waited : timeout < 0 ? -1 : 0;
	ssize_t size;

	do
		size = pop(f, type, stream_slice(left));
	while (size < 0 && stop_signal == 0 && stream_again(s, &left));
	return size;
}

int follow_skip(struct follow *f, uint64_t *lost)
{
	uint64_t now;

	if (shmemq_seek(f->stream.queue, SHMEMQ_OLDEST, &now) != 0)
		return report_queue(f->stream.name, SHMEMQ_FOLLOWER, errno);
	/* Losses without a message between add up in `now`. */
	f->lost += now - f->lost_since;
	*lost += now - f->lost_since;
	f->lost_since = now;
	return 0;
}

int follow_ended(const struct follow *f, int err)
{
	const struct stream *s = &f->stream;

	switch (err) {
	case EPIPE:
		return 0;
	case EOWNERDEAD:
		return report_died(s->queue, s->name, true, "", "written", s->messages);
	case EAGAIN:
	case ETIMEDOUT:
		return report_timeout(s->queue, s->name, SHMEMQ_FOLLOWER, "no further message", "written", s->messages);
	default:
		return report_queue(s->name, SHMEMQ_FOLLOWER, err);
	}
}
