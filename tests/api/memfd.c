/* SPDX-License-Identifier: MIT */
/* Queues without a name. */
#include "config.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "filter.h"
#include "suite.h"

/* The handles outlive the descriptor by which they were opened, and leave no descriptor open. */
TEST(ends_outlive_the_descriptor)
{
	unsigned before = file_descriptors();
	int fd = test_memfd(1 << 16);
	struct shmemq *producer = test_fdopen(fd, SHMEMQ_PRODUCER), *consumer = test_fdopen(fd, SHMEMQ_CONSUMER);
	struct shmemq *observer = test_fdopen(fd, SHMEMQ_OBSERVER);
	struct shmemq_attr attr;
	struct shmemq_stat st;
	char text[8];

	ck_fails(shmemq_fdopen(fd, SHMEMQ_PRODUCER), EBUSY);
	ck_fails(shmemq_fdopen(fd, SHMEMQ_CONSUMER), EBUSY);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(shmemq_getattr(consumer, &attr), 0);
	ck_assert_uint_eq(attr.capacity, 1 << 16);
	ck_assert_int_eq(shmemq_push(producer, "message", 8, 3), 0);
	ck_assert_int_eq(shmemq_stat(observer, &st), 0);
	ck_assert_uint_eq(st.queued_messages, 1);
	ck_assert_int_eq(shmemq_timedpop(consumer, text, sizeof text, NULL, 0), 8);
	ck_assert_str_eq(text, "message");
	ck_assert_int_eq(shmemq_close(producer), 0);
	ck_fails(shmemq_pop(consumer, text, sizeof text, NULL), EPIPE);
	ck_assert_int_eq(shmemq_close(consumer) | shmemq_close(observer), 0);
	ck_assert_uint_eq(file_descriptors(), before);
}

/* No peer can shrink the file, so that a store into the ring would be SIGBUS. */
TEST(sealed)
{
	int fd = test_memfd(0);
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

	ck_assert_int_eq(fcntl(fd, F_GET_SEALS) & seals, seals);
	ck_fails(ftruncate(fd, 0), EPERM);
	ck_fails(ftruncate(fd, 1 << 30), EPERM);
	close(fd);
}

TEST(refuses_wrong_attributes)
{
	struct shmemq_attr attr = { .capacity = ((uint64_t)8 << 30) + 1 };

	ck_fails(shmemq_memfd(&attr), EINVAL);
	attr = (struct shmemq_attr){ .flags = ~SHMEMQ_ATTR_TEMPORARY };
	ck_fails(shmemq_memfd(&attr), EINVAL);
	attr = (struct shmemq_attr){ .reserved = { [8] = 1 } };
	ck_fails(shmemq_memfd(&attr), EINVAL);
}

/* The last handle of a TEMPORARY queue does not know its name, and leaves it. */
TEST(temporary_without_a_name)
{
	struct shmemq_attr attr = { .capacity = 1, .flags = SHMEMQ_ATTR_TEMPORARY };
	int fd = shmemq_memfd(&attr);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(shmemq_close(test_fdopen(fd, SHMEMQ_PRODUCER)), 0);
	ck_assert_int_eq(shmemq_close(test_fdopen(fd, SHMEMQ_PRODUCER)), 0);
	close(fd);
}

static int on_an_old_kernel(const void *unused)
{
	(void)unused;
	CHECK(filter_deny(SYS_madvise, EINVAL)); /* such a kernel has no MADV_WIPEONFORK */
	CHECK(shmemq_open(test_name(), SHMEMQ_CONSUMER | SHMEMQ_CREATE, 0600, NULL) == NULL && errno == EINVAL);
	CHECK(shmemq_fdopen(0, SHMEMQ_CONSUMER) == NULL && errno == EINVAL);
	return 0;
}

static int in_a_sandbox(const void *call)
{
	CHECK(filter_deny(*(const int *)call, EPERM));
	CHECK(shmemq_memfd(NULL) == -1 && errno == EOPNOTSUPP);
	return 0;
}

TEST(reports_what_the_kernel_lacks)
{
	child_run(on_an_old_kernel, NULL);
	child_run(in_a_sandbox, &(int){ SYS_memfd_create });
	child_run(in_a_sandbox, &(int){ SYS_fallocate });
}

const struct suite suite = {
	.name = "api/memfd",
	.seconds = 60,
	.needs = NEEDS_PROC,
	.tests = {
		{ ends_outlive_the_descriptor, 1, 0 },
		{ sealed, 1, 0 },
		{ refuses_wrong_attributes, 1, 0 },
		{ temporary_without_a_name, 1, 0 },
		{ reports_what_the_kernel_lacks, 1, NEEDS_FILTERS },
	},
};
