/* SPDX-License-Identifier: MIT */
/*
 * The frequent calls in the form that costs least from Go: each returns a result or -errno, and takes no pointer to
 * memory that contains pointers, which cgo would have to look through.
 */
#ifndef SHMEMQ_GO_CALL_H
#define SHMEMQ_GO_CALL_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <shmemq.h>
#include <stdlib.h>

#define GO_BATCH 64 /* messages that one call of go_pushm() takes */

struct go_message {
	size_t size;
	uint32_t tag;
	int redelivered;
	int error;
};

static inline long go_push(struct shmemq *q, const unsigned char *data, size_t size, uint32_t tag, int64_t timeout)
{
	return shmemq_timedpush(q, data, size, tag, timeout) == 0 ? 0 : -errno;
}

static inline void *go_push_start(struct shmemq *q, size_t size, struct go_message *message, int64_t timeout)
{
	void *data = shmemq_timedpush_start(q, size, timeout);

	message->error = errno;
	return data;
}

/* The messages stand one after another at `data`, because C must not be given Go memory that points to Go memory. */
static inline long go_pushm(struct shmemq *q, unsigned char *data, const size_t *sizes, const uint32_t *tags,
			    unsigned count, int64_t timeout)
{
	struct shmemq_msg msgs[GO_BATCH];
	int pushed;

	for (unsigned i = 0; i < count; i++) {
		msgs[i] = (struct shmemq_msg){ data, sizes[i], tags[i], 0 };
		data += sizes[i];
	}
	pushed = shmemq_pushm(q, msgs, count, timeout);
	return pushed >= 0 ? pushed : -errno;
}

static inline long go_pop(struct shmemq *q, unsigned char *buf, size_t size, struct go_message *message,
			  int64_t timeout)
{
	ssize_t bytes = shmemq_timedpop(q, buf, size, &message->tag, timeout);

	return bytes >= 0 ? (long)bytes : -errno;
}

static inline const void *go_pop_start(struct shmemq *q, struct go_message *message, int64_t timeout)
{
	const void *data = shmemq_timedpop_start(q, &message->size, &message->tag, timeout);

	message->error = errno;
	if (data != NULL)
		message->redelivered = shmemq_redelivered(q);
	return data;
}

static inline long go_popm_start(struct shmemq *q, struct shmemq_msg *msgs, unsigned max, int64_t timeout)
{
	int count = shmemq_popm_start(q, msgs, max, timeout);

	return count >= 0 ? count : -errno;
}

static inline long go_popm_more(struct shmemq *q, struct shmemq_msg *msgs, unsigned max, int64_t timeout)
{
	int count = shmemq_popm_more(q, msgs, max, timeout);

	return count >= 0 ? count : -errno;
}

static inline long go_push_end(struct shmemq *q, size_t size, uint32_t tag)
{
	return shmemq_push_end(q, size, tag) == 0 ? 0 : -errno;
}

static inline long go_push_cancel(struct shmemq *q)
{
	return shmemq_push_cancel(q) == 0 ? 0 : -errno;
}

static inline long go_pop_end(struct shmemq *q)
{
	return shmemq_pop_end(q) == 0 ? 0 : -errno;
}

static inline long go_popm_end(struct shmemq *q, unsigned count)
{
	return shmemq_popm_end(q, count) == 0 ? 0 : -errno;
}

static inline long go_wait_peer(struct shmemq *q, int64_t timeout)
{
	return shmemq_wait_peer(q, timeout) == 0 ? 0 : -errno;
}

static inline long go_wait_empty(struct shmemq *q, int64_t timeout)
{
	return shmemq_wait_empty(q, timeout) == 0 ? 0 : -errno;
}

/* The cookies are numbers: the library must not keep a Go pointer. */
static inline int go_set_add(struct shmemq_set *s, struct shmemq *q, uintptr_t id)
{
	return shmemq_set_add(s, q, (void *)id);
}

static inline long go_set_wait(struct shmemq_set *s, uintptr_t *ids, int max)
{
	void *cookies[GO_BATCH];
	int count = shmemq_set_wait(s, cookies, max < GO_BATCH ? max : GO_BATCH, 0);

	for (int i = 0; i < count; i++)
		ids[i] = (uintptr_t)cookies[i];
	return count >= 0 ? count : -errno;
}

/* A copy of a descriptor, for Go's own epoll. O_NONBLOCK is what tells Go that it may be put there. */
static inline int go_dup(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (copy >= 0)
		(void)fcntl(copy, F_SETFL, fcntl(copy, F_GETFL) | O_NONBLOCK);
	return copy;
}

static inline int go_readable(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return poll(&pollfd, 1, 0) != 0;
}

#endif
