/* SPDX-License-Identifier: MIT */
/*
 * libshmemq: a message queue in shared memory, between processes on one machine.
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
 * Its consumer, which may be started before or after the producer:
 *
 *	#include <shmemq.h>
 *	#include <errno.h>
 *	#include <stdio.h>
 *
 *	int main(void)
 *	{
 *		struct shmemq *q = shmemq_open("/hello", SHMEMQ_CONSUMER | SHMEMQ_CREATE, 0600, NULL);
 *		const char *text;
 *		size_t size;
 *
 *		if (q == NULL)
 *			return 1;
 *		while ((text = shmemq_pop_start(q, &size, NULL)) != NULL) {
 *			printf("%.*s\n", (int)size, text);
 *			shmemq_pop_end(q);
 *		}
 *		if (errno != EPIPE)	// EPIPE: the producer has closed, and all messages have been popped
 *			return 1;
 *		shmemq_close(q);
 *		return shmemq_unlink("/hello") != 0;
 *	}
 *
 * A function that fails returns -1 or NULL, sets errno, and has moved no message. Sizes are in bytes.
 *
 * Timeouts are in nanoseconds on CLOCK_MONOTONIC: 0 tries once, a negative one waits forever. The functions without a
 * timeout wait forever, or try once if the handle was opened with SHMEMQ_NONBLOCK.
 *
 * After EAGAIN, EINTR or ETIMEDOUT the call may be repeated. After EPIPE (the peer has closed) and EOWNERDEAD (the peer
 * died) the handle remains usable, and calls succeed again when a new peer has claimed the other end. After EBADMSG
 * (something other than this library has written to the shared memory) close the handle, remove the queue and create a
 * new one.
 *
 * One thread at a time may use a handle; only shmemq_interrupt() may run at the same time as another call. A handle
 * belongs to the process that opened it: in a forked child every call on it fails with EPERM, except that
 * shmemq_close() frees the child's copy.
 *
 * The manual: shmemq(7) is the overview, shmemq(5) the memory format, and section 3 has a page for each function.
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

/* A handle: the claim of one process on one end of a queue. */
struct shmemq;

/* Handles that an event loop waits for together. */
struct shmemq_set;

/* Flags of shmemq_open() and shmemq_fdopen(): exactly one of the first four. */
#define SHMEMQ_PRODUCER 0x0001u /* claim the producer end */
#define SHMEMQ_CONSUMER 0x0002u /* claim the consumer end */
#define SHMEMQ_OBSERVER 0x0004u /* claim no end, map nothing: for getattr and stat only */
#define SHMEMQ_FOLLOWER 0x0008u /* claim no end: pop copies of what is pushed, and hold nobody up */
#define SHMEMQ_CREATE   0x0010u /* create the queue if the name does not exist */
#define SHMEMQ_EXCL     0x0020u /* with SHMEMQ_CREATE: fail with EEXIST if the name exists */
#define SHMEMQ_NONBLOCK 0x0040u /* functions without a timeout argument try once */
#define SHMEMQ_STAY     0x0080u /* wait for the next peer when the peer has closed or died */
#define SHMEMQ_SHARED   0x0100u /* this end may have many handles, all opened with this flag */
#define SHMEMQ_PREFAULT 0x0200u /* map all of the ring now, so that no later call takes a page fault */
#define SHMEMQ_NOSPIN   0x0400u /* a call that waits sleeps at once, and takes no processor time */

#define SHMEMQ_ATTR_TEMPORARY 0x0001u /* closing the last handle that claims an end removes the name */
#define SHMEMQ_ATTR_BROADCAST 0x0002u /* up to 64 consumers, each of which gets every message from its open on */

/* The attributes of a queue. Zero is the default in every field; reserved fields must be zero. */
struct shmemq_attr {
	/* Ring bytes; 0 = 1 MiB, at most 8 GiB. Rounded up to a power of two >= one page and >= twice the alignment. */
	uint64_t capacity;
	/*
	 * Bytes to which the queue may grow when the ring is full, and back: 0, or capacity to 8 GiB. Rounded up to a
	 * power of two.
	 */
	uint64_t capacity_max;
	/*
	 * Set by getattr: bytes of the largest message that fits, at most 1 GiB: capacity - alignment - 8. Of a queue
	 * that may grow: capacity_max - capacity - page - alignment - 8, or capacity - 2 * alignment - 8 if that is
	 * more.
	 */
	uint64_t message_max;
	uint32_t messages_max; /* 0: messages that may be queued are limited by the ring alone */
	uint32_t alignment;    /* of every message's first byte: a power of two, 8 to 4096; 0 = 8 */
	uint32_t flags;        /* SHMEMQ_ATTR_* */
	uint32_t reserved[9];
	uint64_t id; /* set by getattr: random, made with the queue; one made anew under its name has another */
	unsigned char user[64]; /* the creator's own bytes, such as the version of a schema */
};

/* The state of an end in struct shmemq_stat. */
#define SHMEMQ_END_NEVER  0u /* no handle has claimed it yet */
#define SHMEMQ_END_OPEN   1u /* it has a live handle */
#define SHMEMQ_END_CLOSED 2u /* its last handle was closed */
#define SHMEMQ_END_DEAD   3u /* the process of its last handle ended without closing it */

#define SHMEMQ_WAIT_PRODUCER 0x1u /* the producer sleeps until there is free space */
#define SHMEMQ_WAIT_CONSUMER 0x2u /* the consumer sleeps until there is a message */

/* The state of a queue. The fields may be from slightly different moments. */
struct shmemq_stat {
	uint64_t capacity;        /* bytes of the ring */
	uint64_t queued_bytes;    /* bytes of the ring in use: messages, their 8-byte headers and padding */
	uint64_t queued_messages; /* messages pushed and not yet popped */
	uint64_t pushed_bytes;    /* message bytes pushed since creation */
	uint64_t pushed_messages;
	uint64_t popped_bytes; /* message bytes popped since creation */
	uint64_t popped_messages;
	uint64_t reserved_bytes;      /* of memory reserved now: the capacity, and what the queue has grown by */
	uint64_t reserved_bytes_most; /* at most so far */
	/* Of a broadcast queue: what the consumer that is furthest back has still to pop, as queued_*, which are the
	 * same there. And popped_* are what all consumers have popped, or was pushed before they came. */
	uint64_t slowest_bytes;
	uint64_t slowest_messages;
	/* Of a follower's handle: what has been pushed and it has not reached yet. Bytes of the ring. */
	uint64_t lag_bytes;
	uint64_t lag_messages;
	uint64_t queued_bytes_most; /* at most so far; may be short of it by 64 KiB: shmemq_stat(3) */
	/* The ends' marks (shmemq_mark()); 0: none was set, or its words are garbage. */
	uint64_t producer_mark;
	uint64_t consumer_mark;
	/* The last push and the last pop: seconds since 1970, give or take a second of activity; 0: there was none. */
	uint64_t pushed_at;
	uint64_t popped_at;
	uint32_t producer;     /* SHMEMQ_END_* */
	uint32_t consumer;     /* SHMEMQ_END_* */
	uint32_t producer_pid; /* last process to claim the end, in its pid namespace; 0 = none; for display only */
	uint32_t consumer_pid;
	uint32_t waiting;   /* SHMEMQ_WAIT_* */
	uint32_t producers; /* live handles of each end */
	uint32_t consumers;
	uint32_t slowest_pid; /* of that consumer; 0: there is none; for display only */
	/* The process that holds a SHARED end, from start to end of a message; or that has an end which is not SHARED.
	 * In the caller's pid namespace; 0: none, or not known there; for display only. */
	uint32_t producer_holder_pid;
	uint32_t consumer_holder_pid;
	/* Calls, modulo 2^32, that have found the ring full or empty, and that have slept for that: shmemq_stat(3). */
	uint32_t producer_blocked;
	uint32_t producer_slept;
	uint32_t consumer_blocked;
	uint32_t consumer_slept;
	uint32_t reserved[14];
};

/*
 * Opens the queue `name` ("/foo" is the file /dev/shm/foo) and claims the end that `flags` names, or observes the
 * queue. Returns a handle; close it with shmemq_close().
 * `mode`, less the umask, and `attr` (NULL: all defaults) are used only if this call creates the queue.
 * An end has one handle at a time, or, if all are opened with SHMEMQ_SHARED, up to 65535. Of these one at a time holds
 * the end's owner lock, from the start of a message to its end; the calls of the others wait meanwhile, as if the ring
 * were full or empty. A broadcast queue has up to 64 consumers, which must not be SHARED: each gets every message that
 * is pushed from its open on. A push waits for the slowest of them, and without consumers never.
 * Returns NULL: EACCES EBADMSG EBUSY EEXIST EFBIG EINVAL EMFILE ENAMETOOLONG ENFILE ENOENT ENOMEM ENOSPC EOPNOTSUPP
 * EPROTO ETIMEDOUT.
 */
struct shmemq *shmemq_open(const char *name, unsigned flags, mode_t mode, const struct shmemq_attr *attr);

/*
 * Creates a queue without a name. Returns its memfd, which is close-on-exec and sealed against shrinking and growing.
 * Pass it to shmemq_fdopen(), in this process, in a forked child, or in a process that receives it by SCM_RIGHTS.
 * Close it with close(2): the queue exists as long as a descriptor or a handle refers to it.
 * Returns -1: EACCES EFBIG EINVAL EMFILE ENFILE ENOMEM ENOSPC EOPNOTSUPP.
 */
int shmemq_memfd(const struct shmemq_attr *attr);

/*
 * Returns a new descriptor of the handle's queue, close-on-exec and above 2, for shmemq_fdopen(): to be passed on, by
 * SCM_RIGHTS, to a child, or to a program that is started. It is open for reading and writing, an observer's for
 * reading, and has an open file description of its own. The caller closes it; it outlives the handle.
 * Returns -1: EACCES EBADF (the program has closed the handle's descriptors, and the queue has no name) EINVAL EMFILE
 * ENFILE ENOMEM EOPNOTSUPP EPERM (a forked child).
 */
int shmemq_dupfd(struct shmemq *q);

/*
 * Tells where the ring of a producer's or consumer's handle lies in this process: for programs that must register or
 * lock the memory of messages (io_uring, GPUs). `parts` has space for two. The first is the ring, twice in a row:
 * a message may go over its end. Of a queue that may grow the second is the extension, likewise, of which only what
 * messages take up has memory: register the first part, and use another way for messages that are not in it. A
 * consumer's is mapped read-only. The addresses are valid until the handle is closed. Returns the number of parts.
 * Returns -1: EBADF (an observer or follower handle, which maps nothing) EINVAL EPERM (a forked child).
 */
int shmemq_mapping(struct shmemq *q, struct iovec *parts);

/*
 * Opens the queue that `fd` refers to: a memfd of shmemq_memfd(), or the file of a named queue. Otherwise the same as
 * shmemq_open() without SHMEMQ_CREATE and SHMEMQ_EXCL. `fd` remains the caller's, and may be closed at once.
 * Returns NULL: EACCES EBADF EBADMSG EBUSY EINVAL EMFILE ENFILE ENOMEM EOPNOTSUPP EPROTO ETIMEDOUT.
 */
struct shmemq *shmemq_fdopen(int fd, unsigned flags);

/*
 * Releases the end and frees the handle, even if it fails; the handle must not be used any more. The peer is told at
 * once. A message that is still held (shmemq_pop_start()) returns to the queue; one that has been started and not ended
 * (shmemq_push_start()) is discarded.
 * Returns -1: EINVAL (`q` is NULL) ETIMEDOUT (the handle is closed, but the name of a TEMPORARY queue may not have been
 * removed, because another process held the init lock for 1 s).
 */
int shmemq_close(struct shmemq *q);

/*
 * Removes the name of a queue. Open handles keep working; the memory is freed when the last of them is closed.
 * Returns -1: EACCES EBUSY EINVAL EMFILE ENAMETOOLONG ENFILE ENOENT ENOMEM EPERM EPROTO ETIMEDOUT.
 */
int shmemq_unlink(const char *name);

/*
 * Push: copy a message of `size` bytes (0 is legal) into the queue. The consumer gets it together with `type`, a tag of
 * the caller's choice. The v forms make one message of `iovcnt` buffers. Waits while the ring does not have enough
 * free space. Returns 0 when the message is in the queue; the caller's buffers may then be reused.
 * Returns -1, and nothing is pushed: EAGAIN (full, and the call must not wait) EBADF (not a producer handle) EBADMSG
 * (invalid data in the shared memory; all later pushes fail, too) ECANCELED (shmemq_interrupt()) EINTR EINVAL EMSGSIZE
 * (larger than message_max) EOWNERDEAD (full, and the consumer died) EPERM (a forked child) EPIPE (full, and the
 * consumer has closed) ETIMEDOUT.
 */
int shmemq_push(struct shmemq *q, const void *data, size_t size, uint32_t type);
int shmemq_timedpush(struct shmemq *q, const void *data, size_t size, uint32_t type, int64_t timeout);
int shmemq_pushv(struct shmemq *q, const struct iovec *iov, int iovcnt, uint32_t type);
int shmemq_timedpushv(struct shmemq *q, const struct iovec *iov, int iovcnt, uint32_t type, int64_t timeout);

/*
 * Push in place. The start functions reserve `size` bytes in the ring, aligned (struct shmemq_attr), and return their
 * address. The caller writes the message there, and then calls end, which pushes the first `size` of these bytes as a
 * message, or cancel, which pushes nothing. Until then no other push is possible on the handle; afterwards the memory
 * must not be accessed any more. Errors of start, which returns NULL: as push. Of end, which returns -1: EBADF EBADMSG
 * EINVAL (not started; or `size` is larger than the started size: the message remains started) EPERM. Of cancel: the
 * same.
 */
void *shmemq_push_start(struct shmemq *q, size_t size);
void *shmemq_timedpush_start(struct shmemq *q, size_t size, int64_t timeout);
int shmemq_push_end(struct shmemq *q, size_t size, uint32_t type);
int shmemq_push_cancel(struct shmemq *q);

/*
 * Pop: copy the next message to the `size` bytes at `buf`, and remove it from the queue. Returns the bytes of the
 * message, and stores its tag in `*type` unless `type` is NULL. Waits while the queue is empty.
 * Returns -1, and nothing is popped: EAGAIN (empty, and the call must not wait) EBADF (not a consumer or follower
 * handle) EBADMSG (invalid data in the shared memory; all later pops fail, too) ECANCELED (shmemq_interrupt()) EINTR
 * EINVAL EMSGSIZE (larger than `size`: the message remains queued, take it with a larger buffer or in place) EOVERFLOW
 * (a follower has been overtaken: shmemq_seek()) EOWNERDEAD (empty, and the producer died) EPERM (a forked child) EPIPE
 * (empty, and the producer has closed) ETIMEDOUT.
 */
ssize_t shmemq_pop(struct shmemq *q, void *buf, size_t size, uint32_t *type);
ssize_t shmemq_timedpop(struct shmemq *q, void *buf, size_t size, uint32_t *type, int64_t timeout);

/*
 * Pop in place. The start functions return the address of the next message in the ring, aligned (struct shmemq_attr),
 * and store its bytes in `*size` and its tag in `*type` unless `type` is NULL. The memory is mapped read-only. The
 * handle then holds the message, and no other pop is possible, until the caller calls end, which removes it from the
 * queue; afterwards the memory must not be accessed any more. If the handle is closed or its process dies before that,
 * the message is delivered again. Errors of start, which returns NULL: as pop, less EMSGSIZE and EOVERFLOW. Of end,
 * which returns -1: EBADF EBADMSG EINVAL (no message is held) EPERM.
 */
const void *shmemq_pop_start(struct shmemq *q, size_t *size, uint32_t *type);
const void *shmemq_timedpop_start(struct shmemq *q, size_t *size, uint32_t *type, int64_t timeout);
int shmemq_pop_end(struct shmemq *q);

/*
 * Returns 1 if the message that this handle popped last (of a batch, the first message) had been held before by a
 * consumer that closed or died without releasing it, else 0. The message may still be held.
 * Returns -1: EBADF EINVAL EPERM.
 */
int shmemq_redelivered(struct shmemq *q);

#define SHMEMQ_MSG_REDELIVERED 0x1u /* an earlier consumer held this message, and closed or died */

/* One message of a batch. */
struct shmemq_msg {
	void *data;
	size_t size; /* bytes at `data` */
	uint32_t type;
	uint32_t flags; /* SHMEMQ_MSG_*, set by popm_start and popm_more, ignored by pushm */
};

/*
 * Push many: copies up to `count` messages into the queue, in order. Waits for space for the first one only, and then
 * pushes as many as fit. Returns how many it pushed: at least 1, or 0 if `count` is 0. The caller may call again with
 * the others. A message that can never be pushed (EMSGSIZE, EINVAL) ends the batch before it, and fails the call if it
 * is the first. Returns -1, and nothing is pushed: as push. With a mark (shmemq_mark()) it pushes one message.
 */
int shmemq_pushm(struct shmemq *q, const struct shmemq_msg *msgs, unsigned count, int64_t timeout);

/*
 * Pop many, in place: start waits for one message, then describes up to `max` (at least 1) queued messages in `msgs`,
 * each in the ring and aligned, and returns how many. The handle holds them until the caller calls end, which removes
 * the first `count` of them (0 is legal) from the queue and returns 0; the next pop returns the others. Afterwards
 * their memory, which is mapped read-only, must not be accessed any more. If the handle is closed or its process dies
 * before end, all of them are delivered again.
 * more extends what the handle holds: waits for a message after those, describes up to `max` in `msgs`, and returns how
 * many were added; `count` of end includes them. It returns 0, at once, if no message can be added: the batch takes up
 * as much of the ring as the largest message, or holds messages_max, or the queue has grown after it. Then release
 * some first. While it waits the messages held take space, for which the producer may wait in turn: use a timeout.
 * Errors of start: as pop, less EMSGSIZE and EOVERFLOW. Of more: the same, and EINVAL if no batch is held; what is held
 * remains so. Of end: EBADF EBADMSG EINVAL (no batch is held; or `count` is
 * larger than what is held: the batch is still held) EPERM.
 */
int shmemq_popm_start(struct shmemq *q, struct shmemq_msg *msgs, unsigned max, int64_t timeout);
int shmemq_popm_more(struct shmemq *q, struct shmemq_msg *msgs, unsigned max, int64_t timeout);
int shmemq_popm_end(struct shmemq *q, unsigned count);

/*
 * Sets a mark: 64 bits of the caller's that become the mark of the handle's end together with its next commit (push,
 * push_end, pushm, which then pushes one message) or release (pop, pop_end, popm_end; of 0 messages, too). Whenever the
 * process is killed, shmemq_stat() shows the mark if and only if that operation took place. An operation that fails
 * leaves it for the next one; a mark that is set again meanwhile takes its place; a close drops it. The mark of an end
 * is 0 at first, and stays until the next one, also after its handle is closed.
 * Returns -1: EBADF (an observer or follower handle) EBADMSG EINVAL (a SHARED end, or a broadcast queue's consumer)
 * EPERM.
 */
int shmemq_mark(struct shmemq *q, uint64_t mark);

/* Where shmemq_seek() moves a follower. */
#define SHMEMQ_NEWEST 0 /* before the next push, as shmemq_open() does */
#define SHMEMQ_QUEUED 1 /* before the first message that has not been popped by the consumer */
#define SHMEMQ_OLDEST 2 /* before the oldest message that has not been overwritten */

/*
 * Moves a follower. A pop that fails with EOVERFLOW has been overtaken by the producer: the next one goes on at the
 * oldest message that is intact. SHMEMQ_OLDEST moves there, too, and tells how many were lost: `*lost`, unless `lost`
 * is NULL, gets how many messages the handle has passed over since its last pop, or since it was opened.
 * Returns -1: EBADF (not a follower handle) EBADMSG EINVAL EPERM.
 */
int shmemq_seek(struct shmemq *q, int whence, uint64_t *lost);

/*
 * Returns a descriptor of a producer, consumer or follower handle, to be watched for input with poll(2), epoll(7) or an
 * event loop. Each call returns the same one. Do not read or close it; shmemq_close() closes it.
 * It is readable at first. A push or pop that fails with EAGAIN, EPIPE or EOWNERDEAD makes it unreadable, and it
 * becomes readable when such a call is worth repeating: there is a message or space, or the peer has closed, died or
 * come back. So whenever it is readable, push or pop with a timeout of 0. It may be readable although that call fails.
 * Returns -1: EACCES EBADF (an observer handle) EBUSY (it is in a set) EINVAL EMFILE ENFILE ENOMEM ENOSPC EOPNOTSUPP
 * EPERM.
 */
int shmemq_pollfd(struct shmemq *q);

/*
 * A set has one descriptor for any number of producer, consumer and follower handles, where shmemq_pollfd() has one for
 * each. A handle in the set is ready at first, and then likewise: until a push or pop on it fails with EAGAIN, EPIPE or
 * EOWNERDEAD, and again when such a call is worth repeating. What a turn costs depends on how many handles are ready.
 *
 * One thread at a time may use a set and all handles in it.
 *
 * shmemq_set_open() returns a new set. Returns NULL: EINVAL EMFILE ENFILE ENOMEM ENOSPC EOPNOTSUPP.
 * shmemq_set_close() frees it; its handles remain open, and are in no set. Returns -1: EINVAL (`s` is NULL).
 */
struct shmemq_set *shmemq_set_open(void);
int shmemq_set_close(struct shmemq_set *s);

/*
 * Add and remove a handle. `cookie` stands for it in shmemq_set_wait(). shmemq_close() removes it, too.
 * Return -1: EBADF (an observer handle; add: the program has closed the set's descriptors) EBUSY (add: it is in a set,
 * or shmemq_pollfd() has been called for it) EINVAL ENOENT (remove: it is not in this set) EPERM (a forked child); and
 * add: EACCES ENOMEM ENOSPC EOPNOTSUPP.
 */
int shmemq_set_add(struct shmemq_set *s, struct shmemq *q, void *cookie);
int shmemq_set_remove(struct shmemq_set *s, struct shmemq *q);

/*
 * Waits until a handle is ready, and stores the cookies of up to `max` (at least 1) of those that are; returns how
 * many. Handles that were told last come last, so a call with a small `max` passes over none. Removing or closing any
 * handle is allowed between two calls.
 * Returns -1: EAGAIN (none is, and `timeout` is 0) EBADF (the program has closed the set's descriptors) EINTR EINVAL
 * EPERM ETIMEDOUT.
 */
int shmemq_set_wait(struct shmemq_set *s, void **cookies, int max, int64_t timeout);

/*
 * Returns the set's descriptor, to be watched for input in a larger event loop. It is readable when a handle is ready,
 * and then shmemq_set_wait() with a timeout of 0 tells which. Do not read or close it. Returns -1: EBADF EINVAL EPERM.
 */
int shmemq_set_fd(struct shmemq_set *s);

/*
 * Makes the current wait of this handle, or if there is none the next one, fail with ECANCELED. May be called in any
 * thread and any signal handler, but not at the same time as shmemq_close() of this handle, or after it.
 * Returns -1: EBADF (an observer handle) EINVAL EPERM.
 */
int shmemq_interrupt(struct shmemq *q);

/*
 * Waits until a handle that lives has claimed the other end. If the peer has never come, or has closed or died, the
 * call waits for the next one. It may be made between the start and the end of a message, too.
 * Returns -1: EAGAIN (none has, and the call must not wait) EBADF (an observer handle) ECANCELED (shmemq_interrupt())
 * EINTR EINVAL EPERM (a forked child) ETIMEDOUT.
 */
int shmemq_wait_peer(struct shmemq *q, int64_t timeout);

/*
 * Producer: waits until all messages that have been pushed before the call, by this handle or another one, have been
 * popped. One that a consumer holds in place is not popped yet.
 * Returns -1: EAGAIN (some are queued, and the call must not wait) EBADF (not a producer handle) EBADMSG ECANCELED
 * EINTR EINVAL (also: a message has been started and not ended) EOWNERDEAD (some are queued, and the consumer died)
 * EPERM EPIPE (some are queued, and the consumer has closed) ETIMEDOUT.
 */
int shmemq_wait_empty(struct shmemq *q, int64_t timeout);

/*
 * A deadline is a moment on CLOCK_MONOTONIC, in nanoseconds: for a call that is repeated after a signal handler has
 * interrupted it, or for several calls that share one timeout. shmemq_deadline() returns the one that is `timeout` from
 * now; if that is negative or too large for the clock, INT64_MAX, which never comes. shmemq_left() returns the timeout
 * that ends at the deadline: 0 if it is past, INT64_MAX, which is forever, if it never comes. Both always succeed.
 */
int64_t shmemq_deadline(int64_t timeout);
int64_t shmemq_left(int64_t deadline);

/* Stores the queue's attributes in `*attr`. Returns -1: EBADMSG (an observer's file was truncated) EINVAL EPERM. */
int shmemq_getattr(struct shmemq *q, struct shmemq_attr *attr);

/* Stores the state of the queue in `*st`. Returns -1: EBADMSG (likewise) EINVAL EPERM. */
int shmemq_stat(struct shmemq *q, struct shmemq_stat *st);

/* Returns the version of the library that the program runs with, "MAJOR.MINOR.PATCH". */
const char *shmemq_version(void);

#ifdef __cplusplus
}
#endif
#if defined __GNUC__
#pragma GCC visibility pop
#endif

#endif
