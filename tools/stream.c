/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "stream.h"

#include <errno.h>

#include "report.h"

int stream_open(struct stream *s, unsigned end, const char *name, const struct options *options)
{
	unsigned flags = end | (given(options, OPTION_STAY) ? SHMEMQ_STAY : 0) |
			 (given(options, OPTION_SHARED) ? SHMEMQ_SHARED : 0) |
			 (given(options, OPTION_CREATE) ? SHMEMQ_CREATE : 0);
	struct shmemq_attr attr = options_attr(options);

	*s = (struct stream){ .name = name, .options = options, .frame = options->frame };
	s->queue = shmemq_open(name, flags, options->mode, &attr);
	if (s->queue == NULL)
		return report_queue(name, flags, errno);
	shmemq_getattr(s->queue, &attr);
	s->message_max = (size_t)attr.message_max;
	if (given(options, OPTION_PROGRESS))
		progress_start();
	return 0;
}

int stream_close(struct stream *s, int status)
{
	progress_finish(s->messages, s->bytes);
	if (shmemq_close(s->queue) == 0)
		return status;
	return status_join(status, report_as(errno, s->name,
					     "another process kept it locked; if it is temporary, remove it with "
					     "\"shmemq rm\""));
}

bool stream_again(const struct stream *s, int64_t *left)
{
	if (errno == EINTR)
		return true;
	if (errno != ETIMEDOUT)
		return false;
	progress_update(s->messages, s->bytes);
	if (*left < 0)
		return true;
	*left -= stream_slice(*left);
	return *left > 0;
}
