/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "file.h"
#include "pair.h"
#include "support.h"

const char *name;
struct shmemq *producer, *consumer;
struct smq_header *file;
size_t message_max;

void pair_open(uint64_t capacity)
{
	name = test_name();
	producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, capacity);
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	file = file_map(name);
	message_max = file->identity.capacity - 16;
}

void pair_open_page(void)
{
	pair_open(1);
}

void pair_close(void)
{
	ck_assert_int_eq(shmemq_close(producer), 0);
	ck_assert_int_eq(shmemq_close(consumer), 0);
	file_unmap(file);
	ck_assert_int_eq(shmemq_unlink(name), 0);
}

void expect(const void *bytes, size_t size, uint32_t type)
{
	const void *message;
	uint32_t got_type;
	size_t got;

	message = shmemq_timedpop_start(consumer, &got, &got_type, 0);
	ck_assert_ptr_nonnull(message);
	ck_assert_uint_eq(got, size);
	ck_assert_uint_eq(got_type, type);
	if (size != 0)
		ck_assert_mem_eq(message, bytes, size);
	ck_assert_int_eq(shmemq_pop_end(consumer), 0);
}

void expect_none(void)
{
	ck_fails(shmemq_timedpop(consumer, NULL, 0, NULL, 0), EAGAIN);
}
