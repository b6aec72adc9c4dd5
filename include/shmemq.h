/* SPDX-License-Identifier: MIT */
/*
 * libshmemq: a message queue in shared memory between two processes.
 *
 * A complete producer (compile with: cc p.c $(pkg-config --cflags --libs libshmemq)):
 *
 *	#include <shmemq.h>
 *
 *	int main(void)
 *	{
 *		struct shmemq *q = shmemq_open("/hello", SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, NULL);
 *
 *		if (q == NULL)
 *			return 1;
 *		if (shmemq_push(q, "hello", 5, 0) != 0)
 *			return 1;
 *		return shmemq_close(q) != 0;
 *	}
 *
 * and its consumer, started before or after:
 *
 *	#include <shmemq.h>
 *	#include <stdio.h>
 *
 *	int main(void)
 *	{
 *		struct shmemq *q = shmemq_open("/hello", SHMEMQ_CONSUMER | SHMEMQ_CREATE, 0600, NULL);
 *		const void *text;
 *		size_t size;
 *
 *		if (q == NULL)
 *			return 1;
 *		while ((text = shmemq_pop_start(q, &size, NULL)) != NULL) {
 *			printf("%.*s\n", (int)size, (const char *)text);
 *			shmemq_pop_end(q);
 *		}
 *		shmemq_close(q);	// errno was EPIPE: the producer closed, all is read
 *		return shmemq_unlink("/hello") != 0;
 *	}
 *
 * Functions return -1 or NULL and set errno when they fail. Sizes are bytes, timeouts are
 * nanoseconds. One thread at a time may use a handle; shmemq_interrupt() alone may be called beside
 * it. After a fork a handle is the parent's: in the child every call fails with EPERM.
 *
 * The manual: shmemq(7) for the whole, shmemq(5) for the memory format, one page a family of calls.
 */
#ifndef SHMEMQ_H
#define SHMEMQ_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#if defined __GNUC__
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

struct shmemq; /* a handle: one process's claim on one end of a queue */

/* shmemq_open() flags: exactly one of the first three. */
#define SHMEMQ_PRODUCER 0x0001u /* claim the producer end */
#define SHMEMQ_CONSUMER 0x0002u /* claim the consumer end */
#define SHMEMQ_OBSERVER 0x0004u /* claim no end, map read-only: getattr and stat only */
#define SHMEMQ_CREATE   0x0010u /* make the queue if the name is free */
#define SHMEMQ_EXCL     0x0020u /* with CREATE: fail with EEXIST if the name is taken */
#define SHMEMQ_NONBLOCK 0x0040u /* calls without a timeout argument try once */
#define SHMEMQ_STAY     0x0080u /* wait on when the peer has closed or died */
#define SHMEMQ_SHARED   0x0100u /* this end may have many handles, which all say so */

#define SHMEMQ_ATTR_TEMPORARY 0x0001u /* the last handle to close removes the name */

/* Zero is the default in every field; reserved fields must be zero. */
struct shmemq_attr {
	uint64_t capacity;    /* ring bytes; 0 = 1 MiB, at most 1 GiB; rounded up to a power of two >= one page */
	uint64_t message_max; /* out only: bytes of the largest message that fits, capacity - 16 */
	uint32_t flags;       /* SHMEMQ_ATTR_* */
	uint32_t reserved[11];
};

/* The state of an end, in shmemq_stat. */
#define SHMEMQ_END_NEVER  0u /* nobody has claimed it yet */
#define SHMEMQ_END_OPEN   1u /* a live handle holds it */
#define SHMEMQ_END_CLOSED 2u /* its last handle closed */
#define SHMEMQ_END_DEAD   3u /* its last holder ended without a close */

#define SHMEMQ_WAIT_PRODUCER 0x1u /* the producer sleeps until there is room */
#define SHMEMQ_WAIT_CONSUMER 0x2u /* the consumer sleeps until there is a message */

/* A snapshot: fields may be from slightly different moments. */
struct shmemq_stat {
	uint64_t capacity;        /* ring bytes */
	uint64_t queued_bytes;    /* ring bytes in use: messages, their 8-byte headers and padding */
	uint64_t queued_messages; /* messages pushed and not yet popped */
	uint64_t pushed_bytes;    /* message bytes pushed since creation */
	uint64_t pushed_messages;
	uint64_t popped_bytes; /* message bytes popped since creation */
	uint64_t popped_messages;
	uint32_t producer;     /* SHMEMQ_END_* */
	uint32_t consumer;     /* SHMEMQ_END_* */
	uint32_t producer_pid; /* of the last claim, as that process saw itself; 0 = never; for display only */
	uint32_t consumer_pid;
	uint32_t waiting; /* SHMEMQ_WAIT_* */
	uint32_t reserved[13];
};

/*
 * Opens the queue `name` ("/foo" is exactly /dev/shm/foo) and claims one of its ends, or observes it. The handles of a
 * SHARED end (at most 65535) take turns, each from the start of a message to its end; meanwhile the others wait as if
 * the ring were full or empty.
 * `mode`, less the umask, and `attr` (NULL: all defaults) are used only when this call makes the queue.
 * NULL: EACCES EBUSY EEXIST EFBIG EINVAL EMFILE ENAMETOOLONG ENFILE ENOENT ENOMEM ENOSPC EOPNOTSUPP
 * EPROTO ETIMEDOUT, and for a wrecked ring EBADMSG.
 */
struct shmemq *shmemq_open(const char *name, unsigned flags, mode_t mode, const struct shmemq_attr *attr);

/*
 * Makes a queue without a name and returns its memfd, close-on-exec and sealed against shrinking and growing: for
 * shmemq_fdopen(), here, in a child, or where it is passed by SCM_RIGHTS.
 * -1: EACCES EFBIG EINVAL EMFILE ENFILE ENOMEM ENOSPC EOPNOTSUPP.
 */
int shmemq_memfd(const struct shmemq_attr *attr);

/*
 * As shmemq_open(), of the queue that `fd` has open: a memfd of shmemq_memfd(), or a named queue's file. `fd` stays the
 * caller's, who may close it at once. SHMEMQ_CREATE and SHMEMQ_EXCL are not for this call.
 * NULL: EACCES EBADF EBUSY EINVAL EMFILE ENFILE ENOMEM EOPNOTSUPP EPROTO ETIMEDOUT, and for a wrecked ring EBADMSG.
 */
struct shmemq *shmemq_fdopen(int fd, unsigned flags);

/*
 * Gives the end up and frees the handle, whatever it returns. The peer learns at once. A message held by
 * shmemq_pop_start() goes back; one begun by shmemq_push_start() never existed.
 * -1: EINVAL (NULL), ETIMEDOUT (closed, but a TEMPORARY name may be left: the init lock was not to be had for 1 s).
 */
int shmemq_close(struct shmemq *q);

/*
 * Removes the name. Attached handles keep working.
 * -1: EACCES EBUSY EINVAL EMFILE ENAMETOOLONG ENFILE ENOENT ENOMEM EPERM EPROTO ETIMEDOUT.
 */
int shmemq_unlink(const char *name);

/*
 * Push: copy a message of `size` bytes (0 is legal) to the queue with the caller's tag `type`. Waits while
 * the ring is full: for ever, or with a `timeout` of 0 not at all, negative for ever, else that many
 * nanoseconds. -1, nothing pushed: EAGAIN (full, and not to wait) EBADF (not a producer handle) EBADMSG
 * (garbage in the shared memory; sticky) ECANCELED (shmemq_interrupt) EINTR EINVAL EMSGSIZE (over
 * message_max) EOWNERDEAD (full, and the consumer died) EPERM (a forked child) EPIPE (full, and the
 * consumer closed) ETIMEDOUT.
 */
int shmemq_push(struct shmemq *q, const void *data, size_t size, uint32_t type);
int shmemq_timedpush(struct shmemq *q, const void *data, size_t size, uint32_t type, int64_t timeout);
int shmemq_pushv(struct shmemq *q, const struct iovec *iov, int iovcnt, uint32_t type);
int shmemq_timedpushv(struct shmemq *q, const struct iovec *iov, int iovcnt, uint32_t type, int64_t timeout);

/*
 * Push in place: start returns room for `size` bytes in the ring, 8-byte aligned, to be filled; end makes
 * the first `size` of them a message; cancel forgets it. Errors of start: as push. Of end: EBADF EBADMSG
 * EINVAL (not started, or `size` over the started size: still started) EPERM. Of cancel: the same.
 */
void *shmemq_push_start(struct shmemq *q, size_t size);
void *shmemq_timedpush_start(struct shmemq *q, size_t size, int64_t timeout);
int shmemq_push_end(struct shmemq *q, size_t size, uint32_t type);
int shmemq_push_cancel(struct shmemq *q);

/*
 * Pop: copy the next message to `buf` and return its bytes; `*type` (unless NULL) gets its tag. Waits while
 * the ring is empty, as push does while it is full. -1, nothing popped: EAGAIN (empty, and not to wait)
 * EBADF EBADMSG ECANCELED EINTR EINVAL EMSGSIZE (`size` is too small: the message stays) EOWNERDEAD (empty,
 * and the producer died) EPERM EPIPE (empty, and the producer closed) ETIMEDOUT.
 */
ssize_t shmemq_pop(struct shmemq *q, void *buf, size_t size, uint32_t *type);
ssize_t shmemq_timedpop(struct shmemq *q, void *buf, size_t size, uint32_t *type, int64_t timeout);

/*
 * Pop in place: start returns the next message where it lies, 8-byte aligned, valid until end; `*size` gets
 * its bytes. Until then the message is held: if this handle closes or dies, it is delivered again. Errors
 * of start: as pop, less EMSGSIZE. Of end: EBADF EBADMSG EINVAL (not started) EPERM.
 */
const void *shmemq_pop_start(struct shmemq *q, size_t *size, uint32_t *type);
const void *shmemq_timedpop_start(struct shmemq *q, size_t *size, uint32_t *type, int64_t timeout);
int shmemq_pop_end(struct shmemq *q);

/*
 * 1 if the message that this handle last took (and may still hold; of a batch, the first) had been held by an
 * earlier consumer that closed or died before its pop_end, else 0. -1: EBADF EINVAL EPERM.
 */
int shmemq_redelivered(struct shmemq *q);

#define SHMEMQ_MSG_REDELIVERED 0x1u /* an earlier consumer held this message and left */

/* One message of a batch. */
struct shmemq_msg {
	void *data;
	size_t size;
	uint32_t type;
	uint32_t flags; /* out: SHMEMQ_MSG_*; pushm does not look at it */
};

/*
 * Push many: copies up to `count` messages, in order. Waits for room for the first only, then takes the room that
 * there is. Returns how many it pushed, at least 1 unless `count` is 0; a message that cannot be pushed (EMSGSIZE,
 * EINVAL) ends the batch before it, and fails the call that begins with it. -1, nothing pushed: as push.
 */
int shmemq_pushm(struct shmemq *q, const struct shmemq_msg *msgs, unsigned count, int64_t timeout);

/*
 * Pop many, in place: start waits for one message, then describes up to `max` (at least 1) that are there, each where
 * it lies, 8-byte aligned, and returns how many. The handle holds them until end, which releases the first `count` of
 * them (0 is legal); the rest are the next pop's. If the handle closes or dies meanwhile, each one is delivered again.
 * Errors of start: as pop, less EMSGSIZE. Of end: EBADF EBADMSG EINVAL (not started, or `count` over what start
 * returned: still held) EPERM.
 */
int shmemq_popm_start(struct shmemq *q, struct shmemq_msg *msgs, unsigned max, int64_t timeout);
int shmemq_popm_end(struct shmemq *q, unsigned count);

/*
 * A descriptor for poll(2), epoll(7) and event loops, of either end; always the same, closed with the handle. It is
 * readable at first, and then whenever a call that failed with EAGAIN, EPIPE or EOWNERDEAD is worth repeating: a
 * message or room, a close, a death, a peer's return. Such a failure makes it unreadable again. It may be readable in
 * vain. Do not read it.
 * -1: EACCES EBADF (an observer) EINVAL EMFILE ENFILE ENOMEM ENOSPC EOPNOTSUPP EPERM.
 */
int shmemq_pollfd(struct shmemq *q);

/*
 * From any thread and any signal handler: the current wait of this handle, or its next one, fails with
 * ECANCELED. The handle must not be closed meanwhile. -1: EBADF (an observer) EINVAL EPERM.
 */
int shmemq_interrupt(struct shmemq *q);

/* The queue's capacity, message_max and flags. -1: EINVAL EPERM. */
int shmemq_getattr(struct shmemq *q, struct shmemq_attr *attr);

/* A snapshot of the queue. -1: EINVAL EPERM. */
int shmemq_stat(struct shmemq *q, struct shmemq_stat *st);

/* The library's version, "MAJOR.MINOR.PATCH". */
const char *shmemq_version(void);

#ifdef __cplusplus
}
#endif
#if defined __GNUC__
#pragma GCC visibility pop
#endif

#endif
