/* SPDX-License-Identifier: MIT */
/* shmemq bench: the messages that its two sides exchange. */
#ifndef TOOLS_BENCH_SIDES_H
#define TOOLS_BENCH_SIDES_H

#include <errno.h>

#include "bench.h"

/* The tags of the messages. */
enum {
	BENCH_MESSAGE,
	BENCH_END, /* ends a case; at the end of a stream it holds the number of the last message */
	BENCH_ORDER,
};

struct bench_order {
	uint32_t kind;
	uint32_t size;
	int64_t ns;
};

/* The message popped last, or the message to push. */
extern uint64_t bench_buffer[BENCH_SIZE_MAX / sizeof(uint64_t)];

/* These return 0 or an errno. They are inline because one more call would show in the figures. */

static inline int bench_push(struct shmemq *q, const void *data, size_t size, uint32_t type)
{
	while (shmemq_timedpush(q, data, size, type, BENCH_STUCK_NS) != 0) {
		if (errno != EINTR)
			return errno;
	}
	return 0;
}

static inline int bench_pop(struct shmemq *q, size_t *size, uint32_t *type)
{
	ssize_t bytes;

	while ((bytes = shmemq_timedpop(q, bench_buffer, sizeof bench_buffer, type, BENCH_STUCK_NS)) < 0) {
		if (errno != EINTR)
			return errno;
	}
	*size = (size_t)bytes;
	return 0;
}

/* The child's and the parent's side of a stream, BENCH_COPY or BENCH_IN_PLACE. */
int bench_send_stream(struct shmemq *q, const struct bench_order *order);
int bench_receive_stream(struct shmemq *q, const struct bench_case *c, double figures[BENCH_FIGURES]);

#endif
