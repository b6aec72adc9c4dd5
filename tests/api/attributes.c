/* SPDX-License-Identifier: MIT */
/* What a queue's creator may ask for beside its capacity and flags (api/open), and what everyone is told of it. */
#include "config.h"

#include <unistd.h>

#include "file.h"
#include "suite.h"

/* A queue is made with it, and one without a name. */
static void refused(const struct shmemq_attr *attr)
{
	const char *unused = test_name();

	ck_fails(shmemq_open(unused, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, attr), EINVAL);
	ck_fails(shmemq_open(unused, SHMEMQ_OBSERVER | SHMEMQ_CREATE | SHMEMQ_EXCL, 0600, attr), EINVAL);
	ck_fails(shmemq_memfd(attr), EINVAL);
	ck_assert(!file_exists(unused));
}

static struct shmemq_attr got(const struct shmemq_attr *attr)
{
	const char *made = test_name();
	struct shmemq *q = shmemq_open(made, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 0600, attr);
	struct shmemq_attr result;

	ck_assert_ptr_nonnull(q);
	ck_assert_int_eq(shmemq_getattr(q, &result), 0);
	ck_assert_int_eq(shmemq_close(q) | shmemq_unlink(made), 0);
	return result;
}

TEST(alignments_refused)
{
	static const uint32_t wrong[] = { 1, 2, 4, 7, 9, 12, 24, 100, 4095, 4097, 8192, 65536, 1u << 31, UINT32_MAX };

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		refused(&(struct shmemq_attr){ .capacity = 1 << 20, .alignment = wrong[i] });
}

/* No alignment is one of 8 bytes. The smallest ring of each holds a message. */
TEST(capacity_is_at_least_twice_the_alignment)
{
	ck_assert_uint_eq(got(NULL).alignment, 8);
	ck_assert_uint_eq(got(&(struct shmemq_attr){ .alignment = 0 }).alignment, 8);
	for (uint32_t wanted = 8; wanted <= 4096; wanted *= 2) {
		uint64_t least = file_page() > 2 * wanted ? file_page() : 2 * wanted;
		struct shmemq_attr attr = got(&(struct shmemq_attr){ .capacity = 1, .alignment = wanted });

		ck_assert_uint_eq(attr.alignment, wanted);
		ck_assert_uint_eq(attr.capacity, least);
		ck_assert_uint_eq(attr.capacity_max, least);
		ck_assert_uint_eq(attr.message_max, least - wanted - 8);
		ck_assert_uint_eq(got(&(struct shmemq_attr){ .alignment = wanted }).capacity, 1 << 20);
	}
}

TEST(capacity_max_refused)
{
	static const struct shmemq_attr wrong[] = {
		{ .capacity = 65536, .capacity_max = 65535 },
		{ .capacity = 65536, .capacity_max = 1 },
		{ .capacity = 0, .capacity_max = (1 << 20) - 1 },
		{ .capacity = 65536, .capacity_max = ((uint64_t)8 << 30) + 1 },
		{ .capacity = 65536, .capacity_max = UINT64_MAX },
	};

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		refused(&wrong[i]);
}

/* The largest message fits into one of the two rings, wherever it begins there. */
TEST(capacity_max)
{
	static const struct {
		uint64_t capacity, max, got, got_max;
		uint32_t alignment;
	} cases[] = {
		{ 65535, 65535, 65536, 65536, 8 },     { 65535, 65536, 65536, 65536, 8 },
		{ 65536, 65537, 65536, 131072, 8 },    { 65536, 1 << 20, 65536, 1 << 20, 64 },
		{ 0, 64 << 20, 1 << 20, 64 << 20, 8 }, { 65536, 131072, 65536, 131072, 16384 / 4 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct shmemq_attr attr = got(&(struct shmemq_attr){
			.capacity = cases[i].capacity, .capacity_max = cases[i].max, .alignment = cases[i].alignment });
		uint64_t one = attr.capacity - attr.alignment - 8, in_ring = one - attr.alignment;
		uint64_t in_extension = attr.capacity_max - attr.capacity - attr.alignment - 8;

		ck_assert_uint_eq(attr.capacity, cases[i].got);
		ck_assert_uint_eq(attr.capacity_max, cases[i].got_max);
		if (attr.capacity_max == attr.capacity)
			ck_assert_uint_eq(attr.message_max, one);
		else
			ck_assert_uint_eq(attr.message_max,
					  in_ring + file_page() > in_extension ? in_ring : in_extension - file_page());
	}
}

/* The creator's bytes, and an id, by each role, by name and by descriptor. */
TEST(every_role_sees_the_creators)
{
	static const unsigned roles[] = { SHMEMQ_PRODUCER, SHMEMQ_CONSUMER, SHMEMQ_OBSERVER };
	struct shmemq_attr attr = { .capacity = 1, .user = "schema 3", .id = 5 }, other = { .user = "other" }, first,
			   seen;

	attr.user[63] = 0xff;
	for (size_t i = 0; i < 3; i++) {
		const char *made = test_name();
		struct shmemq *q = shmemq_open(made, roles[i] | SHMEMQ_CREATE, 0600, &attr), *again;

		ck_assert_ptr_nonnull(q);
		ck_assert_int_eq(shmemq_getattr(q, &first), 0);
		ck_assert_mem_eq(first.user, attr.user, sizeof attr.user);
		ck_assert(first.id != 0 && first.id != 5);
		ck_assert_int_eq(shmemq_close(q), 0);
		for (size_t j = 0; j < 3; j++) {
			q = shmemq_open(made, roles[j] | SHMEMQ_CREATE, 0600, &other);
			ck_assert_ptr_nonnull(q);
			ck_assert_int_eq(shmemq_getattr(q, &seen), 0);
			ck_assert_mem_eq(&seen, &first, sizeof first);
			ck_assert_int_eq(shmemq_close(q), 0);
		}
		again = test_open(made, SHMEMQ_OBSERVER, 0);
		ck_assert_int_eq(shmemq_unlink(made), 0);
		ck_assert_int_eq(shmemq_getattr(again, &seen), 0);
		ck_assert_mem_eq(&seen, &first, sizeof first);
		ck_assert_int_eq(shmemq_close(again), 0);
	}
}

TEST(an_unnamed_queue_has_them_too)
{
	struct shmemq_attr attr = { .capacity = 1, .alignment = 64, .user = "unnamed" }, one, two;
	struct shmemq *q;
	int fd = shmemq_memfd(&attr), fd2 = shmemq_memfd(&attr);

	q = test_fdopen(fd, SHMEMQ_PRODUCER);
	ck_assert_int_eq(shmemq_getattr(q, &one) | shmemq_close(q), 0);
	q = test_fdopen(fd2, SHMEMQ_OBSERVER);
	ck_assert_int_eq(shmemq_getattr(q, &two) | shmemq_close(q), 0);
	ck_assert_mem_eq(one.user, attr.user, sizeof attr.user);
	ck_assert_mem_eq(two.user, attr.user, sizeof attr.user);
	ck_assert_uint_eq(one.alignment, 64);
	ck_assert_uint_ne(one.id, two.id);
	close(fd);
	close(fd2);
}

/* Of all queues, at the same time or one after the other under the same name, no two have the same id. */
TEST(ids_differ)
{
	const char *same = test_name();
	uint64_t ids[32];

	for (size_t i = 0; i < 32; i++) {
		const char *made = i % 2 ? same : test_name();
		struct shmemq *q = test_open(made, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1);
		struct shmemq_attr attr;

		ck_assert_int_eq(shmemq_getattr(q, &attr) | shmemq_close(q), 0);
		if (i % 2)
			ck_assert_int_eq(shmemq_unlink(same), 0);
		ids[i] = attr.id;
		ck_assert_uint_ne(attr.id, 0);
		for (size_t j = 0; j < i; j++)
			ck_assert_uint_ne(ids[i], ids[j]);
	}
}

const struct suite suite = {
	.name = "api/attributes",
	.seconds = 60,
	.tests = {
		{ alignments_refused, 1, 0 },
		{ capacity_is_at_least_twice_the_alignment, 1, 0 },
		{ capacity_max_refused, 1, 0 },
		{ capacity_max, 1, 0 },
		{ every_role_sees_the_creators, 1, 0 },
		{ an_unnamed_queue_has_them_too, 1, NEEDS_PROC },
		{ ids_differ, 1, 0 },
	},
};
