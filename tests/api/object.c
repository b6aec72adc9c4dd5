/* SPDX-License-Identifier: MIT */
/* The name and the object: which names are legal, what is created, what is refused, what a removal does. */
#include "config.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "suite.h"

TEST(refuses_illegal_names)
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

/* As long as a file's name may be. Dots and blanks have no meaning. */
TEST(takes_long_and_odd_names)
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

/* Held in this process, and by another. The other end can be claimed, and the end itself once it is closed. */
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

/* A mode under which its own creator may not open it: refused, and removed again. */
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

TEST(needs_read_and_write)
{
	const char *name = test_name();

	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1)), 0);
	ck_assert_int_eq(chmod(file_path(name), 0), 0);
	child_run(open_forbidden, name);
	ck_assert(file_exists(name));
	child_run(create_forbidden, test_name());
}

/* In /dev/shm, which is sticky, only its owner may remove a file that others may write. */
static int unlink_others(const void *name)
{
	struct shmemq *q;

	child_drop_root();
	CHECK((q = shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL)) != NULL && shmemq_close(q) == 0);
	CHECK(shmemq_unlink(name) == -1 && errno == EPERM);
	return 0;
}

TEST(only_the_owner_unlinks)
{
	const char *name = test_name();

	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1)), 0);
	ck_assert_int_eq(chmod(file_path(name), 0666), 0);
	child_run(unlink_others, name);
	ck_assert(file_exists(name));
}

/* The name is free at once, and attached handles go on. */
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

/* The last end to close removes the name, in either order. An end that comes back counts, an observer does not. */
TEST(the_last_end_removes_a_temporary_queue)
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

/* A dead end does not count. And if the name is another object's by then, it stays. */
TEST(a_temporary_queue_spares_its_successor)
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

/*
 * A process that holds the init lock delays the others by a second, no more. A call that fails for it has done nothing,
 * except a close, which gives its end up.
 */
TEST(a_held_init_lock_is_etimedout)
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
	ck_assert_uint_eq(file_descriptors(), descriptors - 2); /* and that of the directory */
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
		{ refuses_illegal_names, 1, 0 },
		{ takes_long_and_odd_names, 1, 0 },
		{ mode_less_umask, 1, 0 },
		{ free_and_taken_names, 1, 0 },
		{ busy_ends, 2, 0 },
		{ needs_read_and_write, 1, 0 },
		{ only_the_owner_unlinks, 1, NEEDS_ROOT },
		{ unlinked_queue_goes_on, 1, 0 },
		{ the_last_end_removes_a_temporary_queue, 2, 0 },
		{ a_temporary_queue_spares_its_successor, 1, 0 },
		{ a_held_init_lock_is_etimedout, 1, 0 },
	},
};
