/* SPDX-License-Identifier: MIT */
/* Descriptors of a handle's queue, to be passed on: whose they are, and what they are good for. */
#include "config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "filter.h"
#include "format.h"
#include "suite.h"

static const unsigned roles[] = { SHMEMQ_PRODUCER, SHMEMQ_CONSUMER, SHMEMQ_OBSERVER };
#define ROLES 3

static int dup_of(struct shmemq *q)
{
	int fd = shmemq_dupfd(q);

	ck_assert_msg(fd >= 0, "shmemq_dupfd: %s", strerror(errno));
	return fd;
}

static bool is_file(int fd, const char *name)
{
	struct stat own, named;

	return fstat(fd, &own) == 0 && stat(file_path(name), &named) == 0 && own.st_dev == named.st_dev &&
	       own.st_ino == named.st_ino;
}

TEST(is_of_the_queue)
{
	const char *name = test_name();
	struct shmemq *q = test_open(name, roles[_i] | SHMEMQ_CREATE, 1);
	unsigned before = file_descriptors();
	int fd = dup_of(q), other = dup_of(q);

	ck_assert(is_file(fd, name) && is_file(other, name) && fd != other);
	ck_assert_uint_eq(file_descriptors(), before + 2);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_ACCMODE, roles[_i] == SHMEMQ_OBSERVER ? O_RDONLY : O_RDWR);
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_assert_int_eq(close(fd) | close(other), 0); /* they were not closed with it */
}

/* Whoever has it moves its offset, locks through it and closes it: the handle does not notice. */
TEST(has_a_description_of_its_own)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = SMQ_LOCK_INIT, .l_len = 1 };
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
	int fd, other;

	shmemq_unlink(name); /* if the handle lost its descriptor it could not get another */
	fd = dup_of(q);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 0);
	ck_assert_int_eq(lseek(fd, 4321, SEEK_SET), 4321);
	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
	other = dup_of(q);
	ck_assert_int_eq(lseek(other, 0, SEEK_CUR), 0);
	ck_fails(fcntl(other, F_OFD_SETLK, &lock), EAGAIN);
	ck_fails(shmemq_close(q), ETIMEDOUT); /* it needs that lock, too */
	ck_assert_int_eq(close(fd) | close(other), 0);
}

/* An end, and what is queued, can be taken over although the handle and the name are gone; it is no claim. */
TEST(opens_the_queue)
{
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1), *observer;
	int fd = dup_of(q), read_only;
	char text[4];

	observer = test_open(name, SHMEMQ_OBSERVER, 0);
	read_only = dup_of(observer);
	ck_fails(shmemq_fdopen(fd, SHMEMQ_PRODUCER), EBUSY);
	ck_assert_int_eq(shmemq_push(q, "kept", 4, 0), 0);
	ck_assert_int_eq(shmemq_unlink(name) | shmemq_close(q) | shmemq_close(observer), 0);
	ck_assert_int_eq(shmemq_close(test_fdopen(fd, SHMEMQ_PRODUCER)), 0);
	q = test_fdopen(read_only, SHMEMQ_CONSUMER);
	ck_assert_int_eq(close(fd) | close(read_only), 0);
	ck_assert_int_eq(shmemq_pop(q, text, sizeof text, NULL), 4);
	ck_fails(shmemq_pop(q, text, sizeof text, NULL), EPIPE);
	fd = dup_of(q); /* of a handle that was opened by descriptor */
	ck_assert_int_eq(shmemq_close(test_fdopen(fd, SHMEMQ_PRODUCER)), 0);
	ck_assert_int_eq(shmemq_close(q) | close(fd), 0);
}

/* The last close by name removes it, and a handle by descriptor, which does not know it, removes no successor's. */
TEST(of_a_temporary_queue)
{
	struct shmemq_attr attr = { .capacity = 1, .flags = SHMEMQ_ATTR_TEMPORARY };
	const char *name = test_name();
	struct shmemq *q = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr);
	int fd = dup_of(q);

	ck_assert_int_eq(shmemq_close(q), 0);
	ck_assert(!file_exists(name));
	q = test_fdopen(fd, SHMEMQ_PRODUCER);
	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1)), 0);
	ck_assert_int_eq(shmemq_close(q) | close(fd), 0);
	ck_assert(file_exists(name));
}

/* Whatever state the handle is in: between a start and its end, and after garbage was seen. */
TEST(in_every_state)
{
	const char *name = test_name();
	struct shmemq *producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
	struct shmemq *consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	struct smq_header *file = file_map(name);
	size_t size;

	ck_assert_int_eq(shmemq_push(producer, NULL, 0, 0), 0);
	ck_assert_ptr_nonnull(shmemq_push_start(producer, 1));
	ck_assert_ptr_nonnull(shmemq_pop_start(consumer, &size, NULL));
	close(dup_of(producer));
	close(dup_of(consumer));
	ck_assert_int_eq(shmemq_pop_end(consumer), 0);
	file_record(file, file->consumer_progress.moved.position_units)->size_plus_1 = UINT32_MAX;
	ck_fails(shmemq_pop_start(consumer, &size, NULL), EBADMSG);
	close(dup_of(consumer));
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer), 0);
}

static int with_0_to_2_closed(const void *name)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL);

	CHECK(q != NULL);
	close(0);
	close(1);
	close(2);
	return shmemq_dupfd(q) <= 2;
}

TEST(is_above_2)
{
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1);

	child_run(with_0_to_2_closed, name);
	ck_assert_int_eq(shmemq_close(q), 0);
}

/* The program has closed all that it did not open. The numbers are its own files' by now, which are left alone. */
static int after_closing_all(const void *name)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL);
	struct stat st;
	int own[16], fd;

	CHECK(q != NULL);
	for (fd = 3; fd < 64; fd++)
		close(fd);
	for (int i = 0; i < 16; i++)
		CHECK((own[i] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0);
	fd = shmemq_dupfd(q);
	CHECK(fd > own[15] && is_file(fd, name));
	for (int i = 0; i < 16; i++)
		CHECK(fstat(own[i], &st) == 0 && S_ISCHR(st.st_mode));
	CHECK(shmemq_unlink(name) == 0);
	close(fd);
	for (fd = own[15] + 1; fd < 64; fd++)
		close(fd);
	CHECK(shmemq_dupfd(q) == -1 && errno == EBADF); /* there is no name any more by which to open it */
	CHECK(shmemq_close(shmemq_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 0600, NULL)) == 0);
	CHECK(shmemq_dupfd(q) == -1 && errno == EBADF); /* and that is another queue's */
	return 0;
}

TEST(after_the_descriptors_were_closed)
{
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1);

	child_run(after_closing_all, name);
	ck_assert_int_eq(shmemq_close(q), 0);
}

/* Then it goes by the name, if that is still the queue's. */
static int without_proc(const void *name)
{
	struct shmemq *named = shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL), *unnamed;
	struct shmemq *observer = shmemq_open(name, SHMEMQ_OBSERVER, 0, NULL);
	int fd = shmemq_memfd(NULL);

	unnamed = shmemq_fdopen(fd, SHMEMQ_PRODUCER);
	CHECK(named != NULL && observer != NULL && unnamed != NULL);
	close(fd);
	if (!child_hide_proc())
		return CHILD_SKIP;
	CHECK(shmemq_dupfd(unnamed) == -1 && errno == EOPNOTSUPP);
	fd = shmemq_dupfd(named);
	CHECK(fd > 2 && is_file(fd, name) && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	CHECK((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
	close(fd);
	fd = shmemq_dupfd(observer);
	CHECK(fd > 2 && is_file(fd, name) && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
	CHECK(shmemq_unlink(name) == 0);
	CHECK(shmemq_dupfd(named) == -1 && errno == EOPNOTSUPP);
	CHECK(shmemq_close(shmemq_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 0600, NULL)) == 0);
	CHECK(shmemq_dupfd(named) == -1 && errno == EOPNOTSUPP);
	CHECK(shmemq_close(named) == 0 && shmemq_close(unnamed) == 0 && shmemq_close(observer) == 0);
	return 0;
}

TEST(no_proc)
{
	const char *name = test_name();

	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1)), 0);
	child_run(without_proc, name);
}

static int call_inherited(const void *argument)
{
	struct shmemq *const *q = argument;

	CHECK(shmemq_dupfd(*q) == -1 && errno == EPERM);
	return 0;
}

static int at_the_limit(const void *name)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL);
	int next = dup(0);

	CHECK(q != NULL && close(next) == 0);
	child_limit(RLIMIT_NOFILE, (rlim_t)next);
	CHECK(shmemq_dupfd(q) == -1 && errno == EMFILE);
	child_limit(RLIMIT_NOFILE, (rlim_t)next + 1);
	CHECK(shmemq_dupfd(q) == next);
	return 0;
}

/* The caller may not open the queue any more. */
static int as_another_user(const void *name)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL);

	CHECK(q != NULL && chmod(file_path(name), 0) == 0);
	child_drop_root();
	CHECK(shmemq_dupfd(q) == -1 && errno == EACCES);
	return 0;
}

static int in_a_sandbox(const void *name)
{
	/* Of filters that refuse, the one that was added last gives the errno. */
	static const struct {
		int err, expected;
	} refusals[] = {
		{ EPERM, EACCES }, { ENOSYS, EOPNOTSUPP }, { ENFILE, ENFILE }, { ENOMEM, ENOMEM }, { EIO, EOPNOTSUPP }
	};
	struct shmemq *q = shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL);

	CHECK(q != NULL);
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
#ifdef SYS_open
		CHECK(filter_deny(SYS_open, refusals[i].err));
#endif
		CHECK(filter_deny(SYS_openat, refusals[i].err));
		CHECK(shmemq_dupfd(q) == -1 && errno == refusals[i].expected);
	}
	return 0;
}

TEST(each_failure_has_its_errno)
{
	static int (*const bodies[])(const void *) = { at_the_limit, as_another_user, in_a_sandbox };
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1);

	ck_fails(shmemq_dupfd(NULL), EINVAL);
	if (bodies[_i] != in_a_sandbox || filter_works())
		child_run(bodies[_i], name);
	ck_assert_int_eq(shmemq_close(q), 0);
}

TEST(is_the_parents)
{
	struct shmemq *q = test_open(test_name(), roles[_i] | SHMEMQ_CREATE, 1);

	child_run(call_inherited, &q);
	ck_assert_int_eq(shmemq_close(q), 0);
}

const struct suite suite = {
	.name = "api/dupfd",
	.seconds = 60,
	.tests = {
		{ is_of_the_queue, ROLES, NEEDS_PROC },
		{ has_a_description_of_its_own, 1, NEEDS_PROC },
		{ opens_the_queue, 1, NEEDS_PROC },
		{ of_a_temporary_queue, 1, NEEDS_PROC },
		{ in_every_state, 1, 0 },
		{ is_above_2, 1, 0 },
		{ after_the_descriptors_were_closed, 1, 0 },
		{ no_proc, 1, NEEDS_PROC },
		{ each_failure_has_its_errno, 3, NEEDS_PROC },
		{ is_the_parents, ROLES, NEEDS_FORKS_APART },
	},
};
