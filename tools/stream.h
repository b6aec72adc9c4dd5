/* SPDX-License-Identifier: MIT */
/* What push and pop share: the queue, the counts, and waiting in slices. */
#ifndef TOOLS_STREAM_H
#define TOOLS_STREAM_H

#include <shmemq.h>
#include <stdbool.h>
#include <stdint.h>

#include "options.h"
#include "progress.h"

struct stream {
	const char *name;
	const struct options *options;
	struct frame frame;
	struct shmemq *queue;
	size_t message_max;
	uint64_t messages; /* moved */
	uint64_t bytes;
};

/* Opens the queue as `end`, SHMEMQ_PRODUCER or _CONSUMER, as the options say. Returns 0 or an exit status. */
int stream_open(struct stream *s, unsigned end, const char *name, const struct options *options);

/* Closes it. Returns `status`, joined with that of a failure of this. */
int stream_close(struct stream *s, int status);

/* How long the next call may wait, in ns, when `left` ns remain (-1: for ever). */
static inline int64_t stream_slice(int64_t left)
{
	return progress_shown && (left < 0 || left > PROGRESS_NS) ? PROGRESS_NS : left;
}

/* A call that waited for stream_slice(*left) has failed. Should it be repeated, with the new `*left`? Keeps errno. */
bool stream_again(const struct stream *s, int64_t *left);

/* Has the --count been reached? */
static inline bool stream_enough(const struct stream *s)
{
	return s->messages >= s->options->count;
}

/* Counts a message. To save time, progress is updated for large messages and for every 1024th one only. */
static inline void stream_count(struct stream *s, size_t size)
{
	s->messages++;
	s->bytes += size;
	if (progress_shown && (s->messages % 1024 == 0 || size > 65536))
		progress_update(s->messages, s->bytes);
}

#endif
