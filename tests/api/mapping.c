/* SPDX-License-Identifier: MIT */
/* Where a handle has its ring mapped: that is where its messages lie. */
#include "config.h"

#include "child.h"
#include "suite.h"

/* The handle of a role on a queue of a page that may grow to `capacity_max`. */
static struct shmemq *make(const char *name, unsigned role, uint64_t capacity_max)
{
	const struct shmemq_attr attr = { .capacity = 1, .capacity_max = capacity_max };
	struct shmemq *q = shmemq_open(name, role | SHMEMQ_CREATE, 0600, &attr);

	ck_assert_ptr_nonnull(q);
	return q;
}

static bool contains(const struct iovec *part, const void *data, size_t size)
{
	uintptr_t from = (uintptr_t)part->iov_base, at = (uintptr_t)data;

	return at >= from && at + size <= from + part->iov_len;
}

static uint64_t capacity_of(struct shmemq *q)
{
	struct shmemq_attr attr;

	ck_assert_int_eq(shmemq_getattr(q, &attr), 0);
	return attr.capacity;
}

/* Whatever a message's size and place, over the ring's end too; and some do go over the end of the first copy. */
TEST(has_all_messages)
{
	const char *name = test_name();
	struct shmemq *in = make(name, SHMEMQ_PRODUCER, 0), *out = test_open(name, SHMEMQ_CONSUMER, 0);
	struct iovec write[2], read[2];
	uint64_t capacity = capacity_of(in);
	bool wrapped = false;

	ck_assert_int_eq(shmemq_mapping(in, write), 1);
	ck_assert_int_eq(shmemq_mapping(out, read), 1);
	ck_assert_uint_eq(write[0].iov_len, 2 * capacity);
	ck_assert_uint_eq(read[0].iov_len, 2 * capacity);
	ck_assert_ptr_ne(write[0].iov_base, read[0].iov_base);
	for (size_t i = 0; i < 100; i++) {
		size_t size = 1000 + i, popped;
		unsigned char *to = shmemq_push_start(in, size);
		const unsigned char *from;

		ck_assert(contains(&write[0], to, size));
		memset(to, (int)i, size);
		ck_assert_int_eq(shmemq_push_end(in, size, 0), 0);
		from = shmemq_pop_start(out, &popped, NULL);
		ck_assert(contains(&read[0], from, popped));
		/* The same place in both mappings. */
		ck_assert(from - (unsigned char *)read[0].iov_base == to - (unsigned char *)write[0].iov_base);
		wrapped |= to + size > (unsigned char *)write[0].iov_base + capacity;
		ck_assert_int_eq(shmemq_pop_end(out), 0);
	}
	ck_assert(wrapped);
	ck_assert_int_eq(shmemq_close(in) | shmemq_close(out), 0);
}

/* The parts do not change when the end goes to the extension, and tell where a message is. */
TEST(of_a_queue_that_grows)
{
	const char *name = test_name();
	uint64_t capacity_max = 1 << 20;
	struct shmemq *in = make(name, SHMEMQ_PRODUCER, capacity_max), *out = test_open(name, SHMEMQ_CONSUMER, 0);
	struct iovec parts[2], again[2];
	int in_ring = 0, in_extension = 0;

	ck_assert_int_eq(shmemq_mapping(in, parts), 2);
	ck_assert_uint_eq(parts[0].iov_len, 2 * capacity_of(in));
	ck_assert_uint_eq(parts[1].iov_len, 2 * capacity_max);
	for (int i = 0; i < 100; i++) {
		void *to = shmemq_timedpush_start(in, 1000, 0);

		ck_assert_ptr_nonnull(to);
		in_ring += contains(&parts[0], to, 1000);
		in_extension += contains(&parts[1], to, 1000);
		ck_assert_int_eq(shmemq_push_end(in, 1000, 0), 0);
	}
	ck_assert_int_gt(in_ring, 0);
	ck_assert_int_gt(in_extension, 0);
	ck_assert_int_eq(in_ring + in_extension, 100);
	ck_assert_int_eq(shmemq_mapping(in, again), 2);
	ck_assert_int_eq(memcmp(parts, again, sizeof parts), 0);
	ck_assert_int_eq(shmemq_mapping(out, parts), 2);
	for (int i = 0; i < 100; i++) {
		size_t size;
		const void *from = shmemq_pop_start(out, &size, NULL);

		ck_assert_int_eq(contains(&parts[0], from, size), i < in_ring);
		ck_assert_int_eq(contains(&parts[1], from, size), i >= in_ring);
		ck_assert_int_eq(shmemq_pop_end(out), 0);
	}
	ck_assert_int_eq(shmemq_close(in) | shmemq_close(out), 0);
}

static int call_inherited(const void *argument)
{
	struct shmemq *const *q = argument;
	struct iovec parts[2];

	CHECK(shmemq_mapping(*q, parts) == -1 && errno == EPERM);
	return 0;
}

TEST(is_the_parents)
{
	const char *name = test_name();
	struct shmemq *q = make(name, SHMEMQ_CONSUMER, 0);

	child_run(call_inherited, &q);
	ck_assert_int_eq(shmemq_close(q), 0);
}

TEST(errors)
{
	const char *name = test_name();
	struct shmemq *q = make(name, SHMEMQ_PRODUCER, 0), *other;
	struct iovec parts[2];

	ck_fails(shmemq_mapping(NULL, parts), EINVAL);
	ck_fails(shmemq_mapping(q, NULL), EINVAL);
	other = test_open(name, SHMEMQ_OBSERVER, 0);
	ck_fails(shmemq_mapping(other, parts), EBADF);
	ck_assert_int_eq(shmemq_close(other), 0);
	other = test_open(name, SHMEMQ_FOLLOWER, 0);
	ck_fails(shmemq_mapping(other, parts), EBADF);
	ck_assert_int_eq(shmemq_close(other) | shmemq_close(q), 0);
}

const struct suite suite = {
	.name = "api/mapping",
	.seconds = 60,
	.tests = {
		{ has_all_messages, 1, 0 },
		{ of_a_queue_that_grows, 1, 0 },
		{ errors, 1, 0 },
		{ is_the_parents, 1, NEEDS_FORKS_APART },
	},
};
