/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "send.h"

#include <errno.h>
#include <inttypes.h>

#include "report.h"

int send_too_long(const struct stream *s)
{
	return report(s->name, "message %" PRIu64 " is too long: at most %zu bytes fit in this queue", s->messages + 1,
		      s->message_max);
}

int send_failed(const struct stream *s)
{
	switch (errno) {
	case EMSGSIZE:
		return send_too_long(s);
	case EPIPE:
		return report_as(errno, s->name,
				 "the queue is full and the consumer has closed it; messages pushed: %" PRIu64,
				 s->messages);
	case EOWNERDEAD:
		return report_died(s->queue, s->name, false, "the queue is full and ", "pushed", s->messages);
	case EAGAIN:
	case ETIMEDOUT:
		return report_timeout(s->queue, s->name, SHMEMQ_PRODUCER, "the queue is full", "pushed", s->messages);
	default:
		return report_queue(s->name, SHMEMQ_PRODUCER, errno);
	}
}

int send_copy(struct stream *s, const void *data, size_t size, uint32_t type)
{
	int64_t left = s->options->timeout;

	while (shmemq_timedpush(s->queue, data, size, type, stream_slice(left)) != 0) {
		if (!stream_again(s, &left))
			return send_failed(s);
	}
	stream_count(s, size);
	return 0;
}
