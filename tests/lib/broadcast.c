/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "broadcast.h"

#include "support.h"

struct shmemq *broadcast_open(const char *name, unsigned flags)
{
	struct shmemq_attr attr = { .capacity = 1, .flags = SHMEMQ_ATTR_BROADCAST };
	struct shmemq *q = shmemq_open(name, flags | SHMEMQ_CREATE, 0600, &attr);

	ck_assert_msg(q != NULL, "%s: %s", name, strerror(errno));
	return q;
}

void broadcast_push(struct shmemq *q, uint32_t first, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t number = first + i;

		ck_fast(shmemq_timedpush(q, &number, sizeof number, 7, 0) == 0);
	}
}

uint32_t broadcast_fill(struct shmemq *q, uint32_t first, uint32_t most)
{
	for (uint32_t i = 0; i < most; i++) {
		uint32_t number = first + i;

		if (shmemq_timedpush(q, &number, sizeof number, 7, 0) != 0) {
			ck_assert_int_eq(errno, EAGAIN);
			return i;
		}
	}
	return most;
}

static uint32_t number_at(const void *message)
{
	uint32_t number;

	memcpy(&number, message, sizeof number);
	return number;
}

/* Pops at least one of them. Returns how many. */
static uint32_t pop(struct shmemq *q, int way, uint32_t first, uint32_t most)
{
	uint32_t number, type = 7;
	struct shmemq_msg msgs[16];
	const void *message;
	int count = 1;
	size_t size;

	if (way == BROADCAST_COPY) {
		ck_fast(shmemq_timedpop(q, &number, sizeof number, &type, 0) == sizeof number && number == first);
	} else if (way == BROADCAST_IN_PLACE) {
		ck_fast((message = shmemq_timedpop_start(q, &size, &type, 0)) != NULL);
		ck_fast(size == sizeof number && number_at(message) == first && shmemq_pop_end(q) == 0);
	} else {
		count = shmemq_popm_start(q, msgs, most < 16 ? most : 16, 0);
		ck_fast(count > 0);
		for (int i = 0; i < count; i++) {
			ck_fast(msgs[i].size == sizeof number && number_at(msgs[i].data) == first + (uint32_t)i);
			ck_fast(msgs[i].type == 7 && msgs[i].flags == 0);
		}
		count = (count + 1) / 2; /* the rest are the next pop's */
		ck_fast(shmemq_popm_end(q, (unsigned)count) == 0);
	}
	ck_fast(type == 7 && shmemq_redelivered(q) == 0);
	return (uint32_t)count;
}

void broadcast_pop(struct shmemq *q, int way, uint32_t first, uint32_t count)
{
	for (uint32_t done = 0; done < count;)
		done += pop(q, way, first + done, count - done);
}

void broadcast_empty(struct shmemq *q)
{
	size_t size;

	ck_fails(shmemq_timedpop_start(q, &size, NULL, 0), EAGAIN);
}
