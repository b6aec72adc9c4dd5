/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "calls.h"
#include "file.h"
#include "one_end.h"
#include "support.h"

#define TYPE 7

static unsigned char message[CALL_MESSAGE_MAX];

static int push(struct shmemq *q, size_t size, int64_t timeout)
{
	(void)timeout;
	return shmemq_push(q, message, size, TYPE);
}

static int timedpush(struct shmemq *q, size_t size, int64_t timeout)
{
	return shmemq_timedpush(q, message, size, TYPE, timeout);
}

static int pushv(struct shmemq *q, size_t size, int64_t timeout)
{
	struct iovec iov[2] = { { message, size / 2 }, { message + size / 2, size - size / 2 } };

	(void)timeout;
	return shmemq_pushv(q, iov, 2, TYPE);
}

static int timedpushv(struct shmemq *q, size_t size, int64_t timeout)
{
	struct iovec iov = { message, size };

	return shmemq_timedpushv(q, &iov, 1, TYPE, timeout);
}

static int push_start(struct shmemq *q, size_t size, int64_t timeout)
{
	(void)timeout;
	return shmemq_push_start(q, size) != NULL ? shmemq_push_end(q, size, TYPE) : -1;
}

static int timedpush_start(struct shmemq *q, size_t size, int64_t timeout)
{
	return shmemq_timedpush_start(q, size, timeout) != NULL ? shmemq_push_end(q, size, TYPE) : -1;
}

static int pushm(struct shmemq *q, size_t size, int64_t timeout)
{
	struct shmemq_msg msg = { message, size, TYPE, 0 };

	return shmemq_pushm(q, &msg, 1, timeout) == 1 ? 0 : -1;
}

static int pop(struct shmemq *q, size_t size, int64_t timeout)
{
	(void)timeout;
	return shmemq_pop(q, message, size, NULL) < 0 ? -1 : 0;
}

static int timedpop(struct shmemq *q, size_t size, int64_t timeout)
{
	return shmemq_timedpop(q, message, size, NULL, timeout) < 0 ? -1 : 0;
}

static int pop_start(struct shmemq *q, size_t size, int64_t timeout)
{
	(void)timeout;
	return shmemq_pop_start(q, &size, NULL) != NULL ? shmemq_pop_end(q) : -1;
}

static int timedpop_start(struct shmemq *q, size_t size, int64_t timeout)
{
	return shmemq_timedpop_start(q, &size, NULL, timeout) != NULL ? shmemq_pop_end(q) : -1;
}

static int popm_start(struct shmemq *q, size_t size, int64_t timeout)
{
	struct shmemq_msg msg;

	(void)size;
	return shmemq_popm_start(q, &msg, 1, timeout) == 1 ? shmemq_popm_end(q, 1) : -1;
}

const struct call calls[CALLS] = {
	{ "push", SHMEMQ_PRODUCER, false, true, push },
	{ "timedpush", SHMEMQ_PRODUCER, true, true, timedpush },
	{ "pushv", SHMEMQ_PRODUCER, false, true, pushv },
	{ "timedpushv", SHMEMQ_PRODUCER, true, true, timedpushv },
	{ "push_start", SHMEMQ_PRODUCER, false, false, push_start },
	{ "timedpush_start", SHMEMQ_PRODUCER, true, false, timedpush_start },
	{ "pushm", SHMEMQ_PRODUCER, true, true, pushm },
	{ "pop", SHMEMQ_CONSUMER, false, true, pop },
	{ "timedpop", SHMEMQ_CONSUMER, true, true, timedpop },
	{ "pop_start", SHMEMQ_CONSUMER, false, false, pop_start },
	{ "timedpop_start", SHMEMQ_CONSUMER, true, false, timedpop_start },
	{ "popm_start", SHMEMQ_CONSUMER, true, false, popm_start },
};

unsigned fill(struct shmemq *q, size_t size)
{
	unsigned count = 0;

	while (shmemq_timedpush(q, message, size, TYPE, 0) == 0)
		count++;
	ck_assert_int_eq(errno, EAGAIN);
	return count;
}

unsigned drain(struct shmemq *q)
{
	unsigned count = 0;
	size_t size;

	while (shmemq_timedpop_start(q, &size, NULL, 0) != NULL) {
		ck_assert_int_eq(shmemq_pop_end(q), 0);
		count++;
	}
	return count;
}

struct ends ends_waiting(const struct call *call, unsigned flags)
{
	return ends_waiting_aligned(call, flags, 0);
}

struct ends ends_waiting_aligned(const struct call *call, unsigned flags, uint32_t alignment)
{
	unsigned other = other_end(call->end);
	struct ends ends = { .name = test_name() };

	ends.own = test_open_aligned(ends.name, call->end | flags | SHMEMQ_CREATE, 1, alignment);
	ends.peer = test_open(ends.name, other, 0);
	ends.file = file_map(ends.name);
	if (call->end == SHMEMQ_PRODUCER)
		fill(ends.own, CALL_BYTES);
	return ends;
}

void ends_unblock(const struct call *call, const struct ends *ends)
{
	if (call->end == SHMEMQ_PRODUCER)
		ck_assert_int_eq(shmemq_timedpop(ends->peer, message, CALL_BYTES, NULL, 0), CALL_BYTES);
	else
		ck_assert_int_eq(shmemq_timedpush(ends->peer, message, CALL_BYTES, TYPE, 0), 0);
}

void ends_block(const struct call *call, const struct ends *ends)
{
	if (call->end == SHMEMQ_PRODUCER)
		fill(ends->own, CALL_BYTES);
	else
		drain(ends->own);
}

void ends_close(const struct ends *ends)
{
	if (ends->own != NULL)
		ck_assert_int_eq(shmemq_close(ends->own), 0);
	if (ends->peer != NULL)
		ck_assert_int_eq(shmemq_close(ends->peer), 0);
	file_unmap(ends->file);
	if (ends->name != NULL)
		ck_assert_msg(shmemq_unlink(ends->name) == 0, "unlink %s: %s", ends->name, strerror(errno));
}
