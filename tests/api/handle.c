/* SPDX-License-Identifier: MIT */
/* What the calls on a handle take, refuse and tell: open's flags and attributes, getattr, stat, the observer. */
#include "config.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include "calls.h"
#include "child.h"
#include "file.h"
#include "suite.h"

#define MIB ((uint64_t)1 << 20)

TEST(version)
{
	ck_assert_str_eq(shmemq_version(), PACKAGE_VERSION);
}

TEST(open_refuses_flags)
{
	static const unsigned bad[] = {
		0,
		SHMEMQ_CREATE,
		SHMEMQ_PRODUCER | SHMEMQ_CONSUMER | SHMEMQ_CREATE,
		SHMEMQ_PRODUCER | SHMEMQ_OBSERVER | SHMEMQ_CREATE,
		SHMEMQ_CONSUMER | SHMEMQ_OBSERVER | SHMEMQ_CREATE,
		SHMEMQ_PRODUCER | SHMEMQ_CONSUMER | SHMEMQ_OBSERVER | SHMEMQ_CREATE,
		SHMEMQ_PRODUCER | SHMEMQ_EXCL,
		SHMEMQ_OBSERVER | SHMEMQ_NONBLOCK | SHMEMQ_CREATE,
		SHMEMQ_OBSERVER | SHMEMQ_STAY | SHMEMQ_CREATE,
		SHMEMQ_OBSERVER | SHMEMQ_SHARED | SHMEMQ_CREATE,
	};
	const unsigned known = SHMEMQ_PRODUCER | SHMEMQ_CONSUMER | SHMEMQ_OBSERVER | SHMEMQ_CREATE | SHMEMQ_EXCL |
			       SHMEMQ_NONBLOCK | SHMEMQ_STAY | SHMEMQ_SHARED;
	const char *name = test_name();

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ck_fails(shmemq_open(name, bad[i], 0600, NULL), EINVAL);
	for (int bit = 0; bit < 32; bit++) {
		if (!(known & 1u << bit))
			ck_fails(shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE | 1u << bit, 0600, NULL), EINVAL);
	}
	ck_assert(!file_exists(name));
}

TEST(open_takes_flags)
{
	const unsigned end = SHMEMQ_PRODUCER | SHMEMQ_CREATE;
	const unsigned good[] = {
		end,
		end | SHMEMQ_EXCL,
		end | SHMEMQ_NONBLOCK,
		end | SHMEMQ_STAY,
		end | SHMEMQ_EXCL | SHMEMQ_NONBLOCK | SHMEMQ_STAY,
		SHMEMQ_CONSUMER | SHMEMQ_CREATE | SHMEMQ_EXCL | SHMEMQ_NONBLOCK | SHMEMQ_STAY,
		SHMEMQ_OBSERVER | SHMEMQ_CREATE,
		SHMEMQ_OBSERVER | SHMEMQ_CREATE | SHMEMQ_EXCL,
	};

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		const char *name = test_name();

		ck_assert_int_eq(shmemq_close(test_open(name, good[i], 1)), 0);
		ck_assert_int_eq(shmemq_unlink(name), 0);
	}
}

/* Rounded up to a power of two, at least a page. */
TEST(capacity)
{
	const uint64_t page = file_page();
	const struct {
		uint64_t asked, got;
	} cases[] = {
		{ 0, MIB },
		{ 1, page },
		{ page - 1, page },
		{ page, page },
		{ page + 1, 2 * page },
		{ 2 * page + 1, 4 * page },
		{ 3 * MIB, 4 * MIB },
		{ 4 * MIB - 1, 4 * MIB },
		{ 256 * MIB, 256 * MIB },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *name = test_name();
		struct shmemq_attr attr = { .message_max = 1 /* out only: not looked at */ };
		struct statvfs fs;
		struct shmemq *q;
		struct stat st;

		ck_assert_int_eq(statvfs("/dev/shm", &fs), 0);
		if (fs.f_bavail * (uint64_t)fs.f_bsize < 2 * cases[i].got) {
			fprintf(stderr, "skipped: /dev/shm is too small for %ju bytes\n", (uintmax_t)cases[i].got);
			continue;
		}
		attr.capacity = cases[i].asked;
		q = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr);
		if (q == NULL && errno == ENOSPC) { /* others use it too */
			fprintf(stderr, "skipped: /dev/shm has become too small\n");
			continue;
		}
		ck_assert_ptr_nonnull(q);
		ck_assert_int_eq(shmemq_getattr(q, &attr), 0);
		ck_assert_uint_eq(attr.capacity, cases[i].got);
		ck_assert_uint_eq(attr.message_max, cases[i].got - 16);
		ck_assert_int_eq(stat(file_path(name), &st), 0);
		ck_assert_int_eq(st.st_size, (off_t)(page + cases[i].got));
		ck_assert_int_ge(st.st_blocks * 512, st.st_size); /* reserved to the last page */
		ck_assert_int_eq(shmemq_close(q), 0);
		ck_assert_int_eq(shmemq_unlink(name), 0);
	}
}

TEST(attr_refused)
{
	static const uint64_t too_big[] = { 1024 * MIB + 1, 1024 * MIB * 4, (uint64_t)1 << 32 | 4096, UINT64_MAX };
	const char *name = test_name();
	struct shmemq_attr attr;

	for (size_t i = 0; i < sizeof too_big / sizeof too_big[0]; i++) {
		attr = (struct shmemq_attr){ .capacity = too_big[i] };
		ck_fails(shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr), EINVAL);
	}
	for (int bit = 0; bit < 32; bit++) {
		attr = (struct shmemq_attr){ .flags = 1u << bit };
		if (attr.flags != SHMEMQ_ATTR_TEMPORARY)
			ck_fails(shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr), EINVAL);
	}
	for (size_t i = 0; i < sizeof attr.reserved / sizeof attr.reserved[0]; i++) {
		attr = (struct shmemq_attr){ .capacity = 1 };
		attr.reserved[i] = 1;
		ck_fails(shmemq_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 0600, &attr), EINVAL);
	}
	ck_assert(!file_exists(name));
}

/* Whatever it says, when this call does not create. */
TEST(attr_ignored)
{
	struct shmemq_attr attr;
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 2 * file_page());

	ck_assert_int_eq(shmemq_close(q), 0);
	memset(&attr, 0xff, sizeof attr);
	for (unsigned create = 0; create <= SHMEMQ_CREATE; create += SHMEMQ_CREATE) {
		struct shmemq_attr got;

		q = shmemq_open(name, SHMEMQ_PRODUCER | create, 0600, &attr);
		ck_assert_ptr_nonnull(q);
		ck_assert_int_eq(shmemq_getattr(q, &got), 0);
		ck_assert_uint_eq(got.capacity, 2 * file_page());
		ck_assert_uint_eq(got.flags, 0);
		ck_assert_int_eq(shmemq_close(q), 0);
	}
}

TEST(getattr)
{
	struct shmemq_attr attr = { .capacity = 1, .flags = SHMEMQ_ATTR_TEMPORARY }, expected;
	const unsigned ends[] = { SHMEMQ_PRODUCER, SHMEMQ_CONSUMER, SHMEMQ_OBSERVER };
	const char *name = test_name();
	struct shmemq *q = shmemq_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 0600, &attr);

	ck_assert_ptr_nonnull(q);
	ck_assert_int_eq(shmemq_close(q), 0);
	memset(&expected, 0, sizeof expected);
	expected.capacity = file_page();
	expected.message_max = file_page() - 16;
	expected.flags = SHMEMQ_ATTR_TEMPORARY;
	for (int i = 2; i >= 0; i--) {
		q = test_open(name, ends[i] | SHMEMQ_CREATE, 1);
		if (i == 0) /* the consumer's close has removed the name: this is another queue */
			expected.flags = 0;
		memset(&attr, 0xff, sizeof attr);
		ck_assert_int_eq(shmemq_getattr(q, &attr), 0);
		ck_assert_mem_eq(&attr, &expected, sizeof attr);
		ck_fails(shmemq_getattr(q, NULL), EINVAL);
		ck_assert_int_eq(shmemq_close(q), 0);
	}
	ck_fails(shmemq_getattr(NULL, &attr), EINVAL);
}

static struct shmemq_stat stat_of(struct shmemq *q)
{
	struct shmemq_stat st;

	memset(&st, 0xff, sizeof st);
	ck_assert_int_eq(shmemq_stat(q, &st), 0);
	for (size_t i = 0; i < sizeof st.reserved / sizeof st.reserved[0]; i++)
		ck_assert_uint_eq(st.reserved[i], 0);
	return st;
}

static int claim_producer(const void *name)
{
	return shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL) == NULL;
}

/* The state of each end, and who holds it, told alike to both ends and to an observer. */
TEST(stat_ends)
{
	const char *name = test_name();
	struct shmemq *observer = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1), *producer, *consumer;
	struct shmemq_stat st = stat_of(observer);
	pid_t child;

	ck_assert_uint_eq(st.capacity, file_page());
	ck_assert(st.producer == SHMEMQ_END_NEVER && st.consumer == SHMEMQ_END_NEVER);
	ck_assert(st.producer_pid == 0 && st.consumer_pid == 0);
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	producer = test_open(name, SHMEMQ_PRODUCER, 0);
	for (int i = 0; i < 3; i++) {
		st = stat_of(i == 0 ? observer : i == 1 ? producer : consumer);
		ck_assert(st.producer == SHMEMQ_END_OPEN && st.consumer == SHMEMQ_END_OPEN);
		ck_assert(st.producer_pid == (uint32_t)getpid() && st.consumer_pid == (uint32_t)getpid());
		ck_assert_uint_eq(st.waiting, 0);
	}
	ck_assert_int_eq(shmemq_close(producer), 0);
	ck_assert_uint_eq(stat_of(observer).producer, SHMEMQ_END_CLOSED);
	ck_assert_uint_eq(stat_of(consumer).producer, SHMEMQ_END_CLOSED);
	ck_assert_int_eq(test_wait(child = child_start(claim_producer, name)), 0);
	for (int i = 0; i < 2; i++) {
		st = stat_of(i == 0 ? observer : consumer);
		ck_assert(st.producer == SHMEMQ_END_DEAD && st.consumer == SHMEMQ_END_OPEN);
		ck_assert_uint_eq(st.producer_pid, (uint32_t)child);
	}
	producer = test_open(name, SHMEMQ_PRODUCER, 0);
	ck_assert_uint_eq(stat_of(observer).producer, SHMEMQ_END_OPEN);
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer), 0);
	st = stat_of(observer);
	ck_assert(st.producer == SHMEMQ_END_CLOSED && st.consumer == SHMEMQ_END_CLOSED);
	ck_fails(shmemq_stat(observer, NULL), EINVAL);
	ck_fails(shmemq_stat(NULL, &st), EINVAL);
	ck_assert_int_eq(shmemq_close(observer), 0);
}

/* Exact at empty and full and after each message between, whatever its size. */
TEST(stat_counts)
{
	const char *name = test_name();
	struct shmemq *producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
	struct shmemq *consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	static const char text[100];
	uint64_t messages = 0, bytes = 0;
	struct shmemq_stat st;

	for (size_t size = 0; size < sizeof text; size++) {
		unsigned full = fill(producer, size);
		uint64_t record = (8 + size + 7) / 8 * 8;

		ck_assert_uint_eq(full, (file_page() - 8) / record);
		messages += full;
		bytes += full * size;
		for (unsigned queued = full;; queued--) {
			st = stat_of(queued % 2 != 0 ? producer : consumer);
			ck_assert_uint_eq(st.queued_messages, queued);
			ck_assert_uint_eq(st.queued_bytes, queued * record);
			ck_assert_uint_eq(st.pushed_messages, messages);
			ck_assert_uint_eq(st.pushed_bytes, bytes);
			ck_assert_uint_eq(st.popped_messages, messages - queued);
			ck_assert_uint_eq(st.popped_bytes, bytes - queued * size);
			if (queued == 0)
				break;
			ck_assert_int_eq(calls[7 + queued % 5].run(consumer, size, -1), 0);
		}
	}
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer), 0);
}

static int wait_as_both(const void *name)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL);

	CHECK(q != NULL && shmemq_pop(q, NULL, 0, NULL) == 0 && shmemq_close(q) == 0);
	while ((q = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_STAY, 0, NULL)) == NULL)
		CHECK(errno == EBUSY); /* the other one has pushed, but not yet closed */
	for (uint64_t room = file_page() - 8; room >= 8; room -= 8)
		CHECK(shmemq_timedpush(q, NULL, 0, 0, 0) == 0);
	CHECK(shmemq_push(q, NULL, 0, 0) == 0 && shmemq_close(q) == 0);
	return 0;
}

TEST(stat_waiting)
{
	const char *name = test_name();
	struct shmemq *observer = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1), *q;
	pid_t child = child_start(wait_as_both, name);

	while (stat_of(observer).waiting != SHMEMQ_WAIT_CONSUMER)
		test_sleep(1 * MS);
	q = test_open(name, SHMEMQ_PRODUCER, 0);
	ck_assert_int_eq(shmemq_push(q, NULL, 0, 0), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
	while (stat_of(observer).waiting != SHMEMQ_WAIT_PRODUCER)
		test_sleep(1 * MS);
	q = test_open(name, SHMEMQ_CONSUMER, 0);
	ck_assert_int_eq(shmemq_pop(q, NULL, 0, NULL), 0);
	ck_assert_int_eq(test_wait(child), 0);
	ck_assert_uint_eq(stat_of(observer).waiting, 0);
	ck_assert_int_eq(shmemq_close(q) | shmemq_close(observer), 0);
}

/* All that an observer needs is to be allowed to read, and all that it may do is to look. */
static int observe(const void *name)
{
	struct shmemq_attr attr;
	struct shmemq_stat st;
	struct shmemq *q;

	child_drop_root();
	CHECK(shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL) == NULL && errno == EACCES);
	CHECK(shmemq_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 0, NULL) == NULL && errno == EACCES);
	CHECK((q = shmemq_open(name, SHMEMQ_OBSERVER, 0, NULL)) != NULL);
	CHECK(shmemq_getattr(q, &attr) == 0 && attr.capacity == file_page());
	CHECK(shmemq_stat(q, &st) == 0 && st.producer == SHMEMQ_END_OPEN && st.consumer == SHMEMQ_END_NEVER);
	CHECK(st.queued_messages == 1 && st.pushed_bytes == 5);
	CHECK(shmemq_close(q) == 0);
	return 0;
}

TEST(observer_needs_only_to_read)
{
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);

	ck_assert_int_eq(shmemq_push(q, "hello", 5, 0), 0);
	ck_assert_int_eq(chmod(file_path(name), 0444), 0);
	child_run(observe, name);
	ck_assert_int_eq(shmemq_close(q), 0);
}

/* No end is claimed and nothing is written: ends come and go beside it, and do not learn of it. */
TEST(observer_leaves_no_trace)
{
	const char *name = test_name();
	struct shmemq *first = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1), *second, *q;
	struct smq_header *file = file_map(name);

	FILE_UNCHANGED(file, {
		second = test_open(name, SHMEMQ_OBSERVER, 0);
		stat_of(second);
		ck_assert_int_eq(shmemq_close(first), 0);
	});
	q = test_open(name, SHMEMQ_CONSUMER, 0);
	ck_assert_int_eq(shmemq_close(second), 0);
	ck_fails(shmemq_timedpop(q, NULL, 0, NULL, 1 * MS), ETIMEDOUT);
	ck_assert_int_eq(shmemq_close(q), 0);
	file_unmap(file);
}

const struct suite suite = {
	.name = "api/handle",
	.seconds = 60,
	.tests = {
		{ version, 1, 0 },
		{ open_refuses_flags, 1, 0 },
		{ open_takes_flags, 1, 0 },
		{ capacity, 1, 0 },
		{ attr_refused, 1, 0 },
		{ attr_ignored, 1, 0 },
		{ getattr, 1, 0 },
		{ stat_ends, 1, 0 },
		{ stat_counts, 1, 0 },
		{ stat_waiting, 1, 0 },
		{ observer_needs_only_to_read, 1, 0 },
		{ observer_leaves_no_trace, 1, 0 },
	},
};
