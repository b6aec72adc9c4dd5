/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <sys/stat.h>

#include "file.h"
#include "growing.h"
#include "support.h"

const char *name;
struct shmemq *producer, *consumer;
struct shmemq_attr attr;
uint32_t pushed, popped; /* messages so far */

void make(struct shmemq_attr asked, unsigned flags)
{
	name = test_name();
	pushed = popped = 0;
	producer = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE | flags, 0600, &asked);
	ck_assert_ptr_nonnull(producer);
	consumer = test_open(name, SHMEMQ_CONSUMER | flags, 0);
	ck_assert_int_eq(shmemq_getattr(consumer, &attr), 0);
}

void make_growing(uint64_t capacity, uint64_t capacity_max)
{
	make((struct shmemq_attr){ .capacity = capacity, .capacity_max = capacity_max }, 0);
}

void leave(void)
{
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer) | shmemq_unlink(name), 0);
}

uint64_t used(void)
{
	struct stat st;

	ck_assert_int_eq(stat(file_path(name), &st), 0);
	return (uint64_t)st.st_blocks * 512 - file_page();
}

struct shmemq_stat state(void)
{
	struct shmemq_stat st;

	ck_assert_int_eq(shmemq_stat(consumer, &st), 0);
	return st;
}

bool push(size_t size)
{
	static unsigned char bytes[65536];
	struct iovec iov = { bytes, size };
	struct shmemq_msg msg = { bytes, size, pushed, 0 };
	int result;

	memset(bytes, (int)pushed, size);
	if (pushed % 4 == 0) {
		result = shmemq_timedpush(producer, bytes, size, pushed, 0);
	} else if (pushed % 4 == 1) {
		result = shmemq_timedpushv(producer, &iov, 1, pushed, 0);
	} else if (pushed % 4 == 2) {
		result = shmemq_pushm(producer, &msg, 1, 0) == 1 ? 0 : -1;
	} else {
		void *at = shmemq_timedpush_start(producer, size, 0);

		result = at == NULL ? -1 : 0;
		if (at != NULL) {
			memcpy(at, bytes, size);
			ck_assert_int_eq(shmemq_push_end(producer, size, pushed), 0);
		}
	}
	if (result != 0 && errno == EAGAIN)
		return false;
	ck_assert_msg(result == 0, "push: %s", strerror(errno));
	pushed++;
	return true;
}

static void check(const unsigned char *at, size_t size, uint32_t type)
{
	ck_assert_uint_eq(type, popped);
	for (size_t i = 0; i < size; i++)
		ck_fast(at[i] == (unsigned char)popped);
	popped++;
}

void pop(unsigned most)
{
	static unsigned char bytes[65536];
	struct shmemq_msg msgs[5];
	const void *at;
	uint32_t type;
	size_t size;
	ssize_t got;

	for (unsigned i = 0; i < most; i++) {
		errno = 0;
		if (i % 3 == 0) {
			got = shmemq_timedpop(consumer, bytes, sizeof bytes, &type, 0);
			if (got >= 0)
				check(bytes, (size_t)got, type);
		} else if (i % 3 == 1) {
			at = shmemq_timedpop_start(consumer, &size, &type, 0);
			if (at != NULL)
				check(at, size, type);
			if (at != NULL)
				ck_assert_int_eq(shmemq_pop_end(consumer), 0);
		} else {
			got = shmemq_popm_start(consumer, msgs, 5, 0);
			for (ssize_t j = 0; j < got; j++)
				check(msgs[j].data, msgs[j].size, msgs[j].type);
			if (got > 0)
				ck_assert_int_eq(shmemq_popm_end(consumer, (unsigned)got), 0);
		}
		if (errno != 0)
			ck_assert_int_eq(errno, EAGAIN);
		if (errno == EAGAIN)
			break;
	}
}

void pop_all(void)
{
	pop(UINT32_MAX);
	ck_assert_uint_eq(popped, pushed);
}
