/* SPDX-License-Identifier: MIT */
/* This library, with the calls that move several messages at once. */
#include "config.h"

#include <stdlib.h>

#include "library.h"

struct batch {
	struct shmemq_msg out[SOURCES_MAX], in[SOURCES_MAX];
	unsigned out_count;                        /* messages not yet pushed */
	const struct shmemq_msg *in_next, *in_end; /* of the held batch: the next message, and the end */
};

static void open_end(struct channel *channel, enum side side)
{
	library_open(channel, side);
	channel->slots = source_count(channel->size);
	channel->context = calloc(1, sizeof(struct batch));
	if (channel->context == NULL)
		die("calloc");
}

static inline void flush_messages(struct channel *channel)
{
	struct batch *batch = channel->context;
	unsigned done = 0;

	while (done < batch->out_count) {
		int pushed = channel->library->pushm(channel->handle, batch->out + done, batch->out_count - done, -1);

		if (pushed < 0)
			die("shmemq_pushm");
		done += (unsigned)pushed;
	}
	batch->out_count = 0;
}

/* The message stays in place: the producer overwrites it only after it has used its other buffers, slots of them. */
static inline void send_message(struct channel *channel, const void *message, size_t size)
{
	struct batch *batch = channel->context;
	struct shmemq_msg *next = &batch->out[batch->out_count++];

	next->data = (void *)(uintptr_t)message;
	next->size = size;
	if (batch->out_count == channel->slots)
		flush_messages(channel);
}

static inline const void *receive_message(struct channel *channel, size_t *size)
{
	struct batch *batch = channel->context;

	if (batch->in_next == batch->in_end) {
		int got = channel->library->popm_start(channel->handle, batch->in, SOURCES_MAX, -1);

		if (got <= 0)
			die("shmemq_popm_start");
		batch->in_next = batch->in;
		batch->in_end = batch->in + got;
	}
	*size = batch->in_next->size;
	return batch->in_next->data;
}

static inline void release_message(struct channel *channel)
{
	struct batch *batch = channel->context;

	if (++batch->in_next == batch->in_end &&
	    channel->library->popm_end(channel->handle, (unsigned)(batch->in_end - batch->in)) != 0)
		die("shmemq_popm_end");
}

#define HAS_FLUSH
#include "loops.h"

const struct contender with_batch = {
	.name = "batch",
	.can = CAN(THROUGHPUT) | CAN(ONE_CPU) | CAN(CALLS),
	.size_max = SOURCE_BYTES / 2, /* a larger message would be alone in its batch */
	.create = library_create,
	.unlink = library_unlink,
	.open = open_end,
	.close = library_close,
	LOOPS,
};
