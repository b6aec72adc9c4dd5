/* SPDX-License-Identifier: MIT */
/* The flags and attributes that shmemq_open() takes and refuses, and what shmemq_getattr() tells of them. */
#include "config.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

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
		SHMEMQ_OBSERVER | SHMEMQ_PREFAULT | SHMEMQ_CREATE,
		SHMEMQ_OBSERVER | SHMEMQ_NOSPIN | SHMEMQ_CREATE,
		SHMEMQ_OBSERVER | SHMEMQ_SHARED | SHMEMQ_CREATE,
	};
	const unsigned known = SHMEMQ_PRODUCER | SHMEMQ_CONSUMER | SHMEMQ_OBSERVER | SHMEMQ_CREATE | SHMEMQ_EXCL |
			       SHMEMQ_NONBLOCK | SHMEMQ_STAY | SHMEMQ_SHARED | SHMEMQ_PREFAULT | SHMEMQ_NOSPIN;
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
TEST(capacity_is_rounded_up)
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
		struct shmemq_attr attr = { .message_max = 1, .id = 1 /* out only: ignored */ };
		struct statvfs fs;
		struct shmemq *q;
		struct stat st;

		ck_assert_int_eq(statvfs("/dev/shm", &fs), 0);
		if (fs.f_bavail * (uint64_t)fs.f_bsize < 2 * cases[i].got) {
			fprintf(stderr, "skipped: /dev/shm is too small for %ju bytes\n", (uintmax_t)cases[i].got);
			continue;
		}
		attr.capacity = cases[i].asked;
		attr.capacity_max = i % 2 == 0 ? 0 : cases[i].asked; /* the same */
		q = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr);
		if (q == NULL && errno == ENOSPC) { /* other tests use it too */
			fprintf(stderr, "skipped: /dev/shm has become too small\n");
			continue;
		}
		ck_assert_ptr_nonnull(q);
		ck_assert_int_eq(shmemq_getattr(q, &attr), 0);
		ck_assert_uint_eq(attr.capacity, cases[i].got);
		ck_assert_uint_eq(attr.capacity_max, cases[i].got);
		ck_assert_uint_ne(attr.id, 1);
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
	static const uint64_t too_big[] = { 8192 * MIB + 1, 8192 * MIB * 2, (uint64_t)8192 << 32 | 4096, UINT64_MAX };
	const char *name = test_name();
	struct shmemq_attr attr;

	for (size_t i = 0; i < sizeof too_big / sizeof too_big[0]; i++) {
		attr = (struct shmemq_attr){ .capacity = too_big[i] };
		ck_fails(shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr), EINVAL);
	}
	for (int bit = 0; bit < 32; bit++) {
		attr = (struct shmemq_attr){ .flags = 1u << bit };
		if (!(attr.flags & (SHMEMQ_ATTR_TEMPORARY | SHMEMQ_ATTR_BROADCAST)))
			ck_fails(shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr), EINVAL);
	}
	for (size_t i = 0; i < sizeof attr.reserved / sizeof attr.reserved[0]; i++) {
		attr = (struct shmemq_attr){ .capacity = 1 };
		attr.reserved[i] = 1;
		ck_fails(shmemq_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 0600, &attr), EINVAL);
	}
	ck_assert(!file_exists(name));
}

/* Whatever it says, if this call does not create. */
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

/* As the file has it. */
static uint64_t id_of(const char *name)
{
	struct smq_header *file = file_map(name);
	uint64_t id = file->identity.id;

	file_unmap(file);
	ck_assert_uint_ne(id, 0);
	return id;
}

TEST(getattr)
{
	struct shmemq_attr attr = { .capacity = 1, .flags = SHMEMQ_ATTR_TEMPORARY }, expected;
	const unsigned ends[] = { SHMEMQ_PRODUCER, SHMEMQ_CONSUMER, SHMEMQ_OBSERVER };
	const char *name = test_name();
	struct shmemq *q;

	for (size_t i = 0; i < sizeof attr.user; i++)
		attr.user[i] = (unsigned char)(255 - i);
	q = shmemq_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 0600, &attr);
	ck_assert_ptr_nonnull(q);
	ck_assert_int_eq(shmemq_close(q), 0);
	memset(&expected, 0, sizeof expected);
	expected.capacity = expected.capacity_max = file_page();
	expected.message_max = file_page() - 16;
	expected.alignment = 8;
	expected.flags = SHMEMQ_ATTR_TEMPORARY;
	memcpy(expected.user, attr.user, sizeof expected.user);
	expected.id = id_of(name);
	for (int i = 2; i >= 0; i--) {
		q = test_open(name, ends[i] | SHMEMQ_CREATE, 1);
		if (i == 0) { /* the consumer's close has removed the name: this is another queue */
			ck_assert_uint_ne(id_of(name), expected.id);
			expected.id = id_of(name);
			expected.flags = 0;
			memset(expected.user, 0, sizeof expected.user);
		}
		memset(&attr, 0xff, sizeof attr);
		ck_assert_int_eq(shmemq_getattr(q, &attr), 0);
		ck_assert_mem_eq(&attr, &expected, sizeof attr);
		ck_fails(shmemq_getattr(q, NULL), EINVAL);
		ck_assert_int_eq(shmemq_close(q), 0);
	}
	ck_fails(shmemq_getattr(NULL, &attr), EINVAL);
}

static long page_faults(void)
{
	struct rusage usage;

	ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_minflt;
}

/* The page faults of the first lap around a ring of `pages` pages. */
static long first_lap_faults(unsigned flags, uint64_t pages)
{
	static char message[4096 - 8];
	const char *name = test_name();
	struct shmemq *in = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE | flags, pages * file_page());
	struct shmemq *out = test_open(name, SHMEMQ_CONSUMER | flags, 0);
	long before;

	memset(message, 1, sizeof message);
	before = page_faults();
	for (uint64_t i = 0; i < pages * file_page() / 4096; i++) {
		ck_fast(shmemq_push(in, message, sizeof message, 0) == 0);
		ck_fast(shmemq_pop(out, message, sizeof message, NULL) == sizeof message);
	}
	before = page_faults() - before;
	ck_assert_int_eq(shmemq_close(in) | shmemq_close(out) | shmemq_unlink(name), 0);
	return before;
}

/* With PREFAULT the first lap takes no page faults, or as good as none; without it, one a page at each end. */
TEST(prefault)
{
	const uint64_t pages = 1024;

	ck_assert_int_lt(first_lap_faults(SHMEMQ_PREFAULT, pages), (long)pages / 8);
	ck_assert_int_gt(first_lap_faults(0, pages), (long)pages / 8);
}

const struct suite suite = {
	.name = "api/open",
	.seconds = 60,
	.tests = {
		{ version, 1, 0 },
		{ open_refuses_flags, 1, 0 },
		{ open_takes_flags, 1, 0 },
		{ capacity_is_rounded_up, 1, 0 },
		{ attr_refused, 1, 0 },
		{ attr_ignored, 1, 0 },
		{ getattr, 1, 0 },
		{ prefault, 1, NEEDS_NO_MAPPINGS | NEEDS_FORKS_APART }, /* madvise(2) does something */
	},
};
