/* SPDX-License-Identifier: MIT */
/* The name and the object: which names are legal, what is made, what is refused, what a removal does. */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "suite.h"

TEST(illegal_names)
{
	static const char *const names[] = {
		"",   "/",   "shmemq-test",   "//shmemq-test",   "/shmemq-test/", "/shmemq/test",
		"/.", "/..", "./shmemq-test", "/../shmemq-test", "shmemq-test/"
	};
	const unsigned flags[] = { SHMEMQ_PRODUCER | SHMEMQ_CREATE, SHMEMQ_CONSUMER, SHMEMQ_OBSERVER };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		for (int j = 0; j < 3; j++)
			ck_fails(shmemq_open(names[i], flags[j], 0600, NULL), EINVAL);
		ck_fails(shmemq_unlink(names[i]), EINVAL);
	}
}

/* As long as a file's name may be. Dots and blanks mean nothing. */
TEST(long_and_odd_names)
{
	static const char *const tails[] = { ".", "..", " \n", "\xff", "-\"%s" };
	char name[300];

	snprintf(name, sizeof name, "%s", test_name());
	memset(name + strlen(name), 'x', sizeof name - strlen(name));
	name[1 + 256] = '\0';
	ck_fails(shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, NULL), ENAMETOOLONG);
	ck_fails(shmemq_unlink(name), ENAMETOOLONG);
	name[1 + 255] = '\0';
	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1)), 0);
	ck_assert(file_exists(name));
	ck_assert_int_eq(shmemq_unlink(name), 0);
	ck_assert(!file_exists(name));
	for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
		snprintf(name, sizeof name, "%s%s", test_name(), tails[i]);
		ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1)), 0);
		ck_assert(file_exists(name));
		ck_assert_int_eq(shmemq_unlink(name), 0);
	}
}

/* As open(2) does it: `mode` less the umask, permission bits only. */
TEST(mode_less_umask)
{
	static const mode_t modes[] = { 0600, 0644, 0660, 0666, 0777, 04666, 01622 };
	static const mode_t masks[] = { 0, 022, 027, 077 };

	for (size_t i = 0; i < sizeof modes / sizeof modes[0] * 4; i++) {
		mode_t mode = modes[i / 4], mask = masks[i % 4];
		const char *name = test_name();
		struct shmemq *q;
		struct stat st;

		umask(mask);
		q = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, mode, NULL);
		ck_assert_ptr_nonnull(q);
		ck_assert_int_eq(stat(file_path(name), &st), 0);
		ck_assert_uint_eq(st.st_mode, S_IFREG | (mode & 0777 & ~mask));
		ck_assert_uint_eq(st.st_uid, geteuid());
		ck_assert_int_eq(shmemq_close(q), 0);
		ck_assert_int_eq(shmemq_unlink(name), 0);
	}
}

TEST(free_and_taken_names)
{
	const char *name = test_name();
	struct shmemq *q;

	ck_fails(shmemq_open(name, SHMEMQ_PRODUCER, 0600, NULL), ENOENT);
	ck_fails(shmemq_open(name, SHMEMQ_CONSUMER, 0600, NULL), ENOENT);
	ck_fails(shmemq_open(name, SHMEMQ_OBSERVER, 0600, NULL), ENOENT);
	ck_fails(shmemq_unlink(name), ENOENT);
	q = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE | SHMEMQ_EXCL, 1);
	ck_fails(shmemq_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE | SHMEMQ_EXCL, 0600, NULL), EEXIST);
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_fails(shmemq_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE | SHMEMQ_EXCL, 0600, NULL), EEXIST);
	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 1)), 0);
	ck_assert_int_eq(shmemq_unlink(name), 0);
	ck_fails(shmemq_open(name, SHMEMQ_CONSUMER, 0600, NULL), ENOENT);
}

/* In one process, and held by another; the other end stays to be had, and the end itself once it is given up. */
TEST(busy_ends)
{
	const unsigned end = _i ? SHMEMQ_CONSUMER : SHMEMQ_PRODUCER, other = _i ? SHMEMQ_PRODUCER : SHMEMQ_CONSUMER;
	const char *name = test_name();
	struct shmemq *q = test_open(name, end | SHMEMQ_CREATE, 1);
	struct smq_header *file = file_map(name);
	struct shmemq_stat st;
	pid_t peer;

	FILE_UNCHANGED(file, ck_fails(shmemq_open(name, end, 0, NULL), EBUSY));
	FILE_UNCHANGED(file, ck_fails(shmemq_open(name, end | SHMEMQ_CREATE, 0600, NULL), EBUSY));
	ck_assert_int_eq(shmemq_close(test_open(name, other, 0)), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_assert_int_eq(shmemq_close(test_open(name, end, 0)), 0);
	q = test_open(name, other, 0);
	peer = child_hold(name, _i ? "consumer" : "producer");
	ck_assert_int_eq(shmemq_stat(q, &st), 0);
	ck_assert_uint_eq(_i ? st.consumer_pid : st.producer_pid, (uint32_t)peer);
	FILE_UNCHANGED(file, ck_fails(shmemq_open(name, end, 0, NULL), EBUSY));
	child_kill(peer);
	ck_assert_int_eq(shmemq_close(test_open(name, end, 0)), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
	file_unmap(file);
}

static int open_forbidden(const void *name)
{
	child_drop_root();
	CHECK(shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL) == NULL && errno == EACCES);
	CHECK(shmemq_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 0600, NULL) == NULL && errno == EACCES);
	CHECK(shmemq_open(name, SHMEMQ_OBSERVER, 0, NULL) == NULL && errno == EACCES);
	CHECK(shmemq_unlink(name) == -1 && errno == EACCES);
	return 0;
}

/* A mode under which its own maker may not open it: refused, and taken back. */
static int create_forbidden(const void *name)
{
	static const mode_t modes[] = { 0, 0400, 0200, 0066 };

	child_drop_root();
	for (int i = 0; i < 4; i++) {
		CHECK(shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, modes[i], NULL) == NULL && errno == EACCES);
		CHECK(!file_exists(name));
	}
	return 0;
}

TEST(permissions)
{
	const char *name = test_name();

	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1)), 0);
	ck_assert_int_eq(chmod(file_path(name), 0), 0);
	child_run(open_forbidden, name);
	ck_assert(file_exists(name));
	child_run(create_forbidden, test_name());
}

/* In /dev/shm, which is sticky, a file that one may write is still its owner's to remove. */
static int unlink_others(const void *name)
{
	struct shmemq *q;

	child_drop_root();
	CHECK((q = shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL)) != NULL && shmemq_close(q) == 0);
	CHECK(shmemq_unlink(name) == -1 && errno == EPERM);
	return 0;
}

TEST(sticky_directory)
{
	const char *name = test_name();

	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1)), 0);
	ck_assert_int_eq(chmod(file_path(name), 0666), 0);
	child_run(unlink_others, name);
	ck_assert(file_exists(name));
}

/* The name is free at once; those who are attached go on with what they have. */
TEST(unlinked_queue_goes_on)
{
	const char *name = test_name();
	struct shmemq *p1 = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1), *p2;
	struct shmemq *c1 = test_open(name, SHMEMQ_CONSUMER, 0), *c2;
	struct shmemq_stat st;
	char text[8];

	ck_assert_int_eq(shmemq_unlink(name), 0);
	ck_fails(shmemq_unlink(name), ENOENT);
	ck_fails(shmemq_open(name, SHMEMQ_OBSERVER, 0, NULL), ENOENT);
	p2 = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE | SHMEMQ_EXCL, 1);
	c2 = test_open(name, SHMEMQ_CONSUMER, 0);
	ck_assert_int_eq(shmemq_push(p1, "one", 3, 0), 0);
	ck_fails(shmemq_timedpop(c2, text, sizeof text, NULL, 0), EAGAIN);
	ck_assert_int_eq(shmemq_push(p2, "three", 5, 0), 0);
	ck_assert_int_eq(shmemq_pop(c1, text, sizeof text, NULL), 3);
	ck_assert_int_eq(shmemq_pop(c2, text, sizeof text, NULL), 5);
	ck_assert_int_eq(shmemq_close(p1), 0);
	ck_fails(shmemq_pop(c1, text, sizeof text, NULL), EPIPE);
	ck_fails(shmemq_timedpop(c2, text, sizeof text, NULL, 0), EAGAIN);
	ck_assert_int_eq(shmemq_stat(c1, &st), 0);
	ck_assert_uint_eq(st.producer, SHMEMQ_END_CLOSED);
	ck_assert_int_eq(shmemq_close(c1) | shmemq_close(p2) | shmemq_close(c2), 0);
	ck_assert(file_exists(name));
}

static struct shmemq *open_temporary(const char *name, unsigned flags)
{
	struct shmemq_attr attr = { .capacity = 1, .flags = SHMEMQ_ATTR_TEMPORARY };
	struct shmemq *q = shmemq_open(name, flags, 0600, &attr);

	ck_assert_ptr_nonnull(q);
	return q;
}

/* The last end to close removes the name, in either order; one that comes back counts, an observer does not. */
TEST(temporary)
{
	const unsigned first = _i ? SHMEMQ_CONSUMER : SHMEMQ_PRODUCER, last = _i ? SHMEMQ_PRODUCER : SHMEMQ_CONSUMER;
	const char *name = test_name();
	struct shmemq *observer = open_temporary(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE), *q;

	q = test_open(name, SHMEMQ_OBSERVER, 0);
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_assert(file_exists(name));
	q = test_open(name, last, 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(shmemq_close(test_open(name, first, 0)), 0);
		ck_assert(file_exists(name));
	}
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_assert(!file_exists(name));
	ck_assert_int_eq(shmemq_close(observer), 0);
}

static int claim_and_die(const void *name)
{
	return shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL) == NULL;
}

/* A dead end counts no more. And whatever bears the name by then, if it is another object, stays. */
TEST(temporary_and_others)
{
	const char *name = test_name();
	struct shmemq *q = open_temporary(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE), *successor;

	child_run(claim_and_die, name);
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_assert(!file_exists(name));
	q = open_temporary(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE);
	ck_assert_int_eq(shmemq_unlink(name), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
	q = open_temporary(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE);
	ck_assert_int_eq(shmemq_unlink(name), 0);
	successor = open_temporary(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE);
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_assert(file_exists(name));
	ck_assert_int_eq(shmemq_close(successor), 0);
	ck_assert(!file_exists(name));
}

/* Whoever sits on the init lock delays the others by a second, no more; what then fails has done nothing, but for a
 * close, which gives its end up. */
TEST(etimedout)
{
	const char *name = test_name();
	struct shmemq *q = open_temporary(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE);
	struct smq_header *file = file_map(name);
	int lock = file_lock(name, SMQ_LOCK_INIT, 1);
	unsigned descriptors = file_descriptors();
	int64_t start = test_now();

	FILE_UNCHANGED(file, ck_fails(shmemq_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 0600, NULL), ETIMEDOUT));
	ck_assert_int_ge(test_now() - start, 900 * MS);
	FILE_UNCHANGED(file, ck_fails(shmemq_unlink(name), ETIMEDOUT));
	ck_assert_uint_eq(file_descriptors(), descriptors);
	ck_fails(shmemq_close(q), ETIMEDOUT);
	ck_assert_uint_eq(file_descriptors(), descriptors - 1);
	ck_assert(file_exists(name));
	close(lock);
	q = test_open(name, SHMEMQ_PRODUCER, 0);
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_assert(!file_exists(name));
	file_unmap(file);
}

const struct suite suite = {
	.name = "api/object",
	.seconds = 60,
	.tests = {
		{ illegal_names, 1, 0 },
		{ long_and_odd_names, 1, 0 },
		{ mode_less_umask, 1, 0 },
		{ free_and_taken_names, 1, 0 },
		{ busy_ends, 2, 0 },
		{ permissions, 1, 0 },
		{ sticky_directory, 1, NEEDS_ROOT },
		{ unlinked_queue_goes_on, 1, 0 },
		{ temporary, 2, 0 },
		{ temporary_and_others, 1, 0 },
		{ etimedout, 1, 0 },
	},
};
