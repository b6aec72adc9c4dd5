/* SPDX-License-Identifier: MIT */
/*
 * What other processes do to a name between two steps of one call. The linker puts __wrap_smq_initlock_lock() and the
 * like in place of the library's functions: there, at the last moment before the step, this process does what another
 * might.
 */
#include "config.h"

#include <unistd.h>

#include "endlock.h"
#include "file.h"
#include "acquire.h"
#include "file.h"
#include "identity.h"
#include "suite.h"

#define STEPS 3

int __wrap_smq_initlock_lock(int fd);
int __real_smq_initlock_lock(int fd);
int __wrap_smq_object_create(const char *path, mode_t mode, const struct shmemq_attr *attr, int *fd);
int __real_smq_object_create(const char *path, mode_t mode, const struct shmemq_attr *attr, int *fd);
int __wrap_smq_mapping_make(int fd, const struct smq_identity *identity, bool writes_ring, void **map);
int __real_smq_mapping_make(int fd, const struct smq_identity *identity, bool writes_ring, void **map);

/*
 * What to do before the first, second and third init lock, and before a creation. Calls that these make do not count.
 */
static void (*before_lock[STEPS])(void);
static void (*before_create)(void);
static unsigned lock;
static bool inside, no_memory;

static void run(void (*what)(void))
{
	if (what == NULL || inside)
		return;
	inside = true;
	what();
	inside = false;
}

int __wrap_smq_initlock_lock(int fd)
{
	if (!inside && lock < STEPS)
		run(before_lock[lock++]);
	return __real_smq_initlock_lock(fd);
}

int __wrap_smq_object_create(const char *path, mode_t mode, const struct shmemq_attr *attr, int *fd)
{
	void (*what)(void) = before_create;

	if (!inside)
		before_create = NULL; /* once */
	run(what);
	return __real_smq_object_create(path, mode, attr, fd);
}

int __wrap_smq_mapping_make(int fd, const struct smq_identity *identity, bool writes_ring, void **map)
{
	return no_memory && !inside ? ENOMEM : __real_smq_mapping_make(fd, identity, writes_ring, map);
}

static const char *name;
static struct shmemq *other;

static void setup(void)
{
	name = test_name();
}

static struct shmemq *open_page(unsigned flags, uint32_t attr_flags)
{
	struct shmemq_attr attr = { .capacity = 1, .flags = attr_flags };

	return shmemq_open(name, flags, 0600, &attr);
}

static void create_another(void)
{
	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 2 * file_page())), 0);
}

static void remove_it(void)
{
	ck_assert_int_eq(shmemq_unlink(name), 0);
}

static void replace_it(void)
{
	remove_it();
	create_another();
}

static void replace_by_text(void)
{
	remove_it();
	file_write(name, "a diary", 7);
}

static void claim_producer(void)
{
	other = test_open(name, SHMEMQ_PRODUCER, 0);
}

static void push_and_close(void)
{
	ck_assert_int_eq(shmemq_push(other, "kept", 4, 0), 0);
	ck_assert_int_eq(shmemq_close(other), 0);
}

static void come_and_go(void)
{
	claim_producer();
	push_and_close();
}

static void expect_message(void)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL);
	char text[4];

	ck_assert_msg(q != NULL, "the queue is gone with its message: %s", strerror(errno));
	ck_assert_int_eq(shmemq_timedpop(q, text, sizeof text, NULL, 0), 4);
	ck_assert_int_eq(shmemq_close(q), 0);
}

/* The handle's claim and its probes are on the object that has the name, which is the second one. */
static void expect_on_second(struct shmemq *q)
{
	struct smq_header *file = file_map(name);
	struct shmemq_stat st;

	ck_assert_int_eq(shmemq_stat(q, &st), 0);
	ck_assert(st.producer == SHMEMQ_END_OPEN && st.capacity == 2 * file_page());
	ck_assert_uint_eq(file->producer_claim.pid, (uint32_t)getpid());
	ck_fails(shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL), EBUSY);
	file_unmap(file);
}

/* A creator that finds its new queue claimed leaves it to the processes that have used it since. */
TEST(creator_comes_second)
{
	before_lock[0] = claim_producer;
	before_lock[1] = push_and_close;
	ck_fails(open_page(SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0), EBUSY);
	if (lock < 2) /* it did not even try to */
		push_and_close();
	expect_message();
}

/* The same when it fails for another reason. */
TEST(creator_fails_second)
{
	no_memory = true;
	before_lock[0] = come_and_go;
	ck_fails(open_page(SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0), ENOMEM);
	no_memory = false;
	expect_message();
}

/* But a queue that no process has used is removed. */
TEST(creator_fails_alone)
{
	no_memory = true;
	ck_fails(open_page(SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0), ENOMEM);
	ck_assert(!file_exists(name));
}

TEST(taken_while_creating)
{
	struct shmemq *q;

	before_create = create_another;
	ck_fails(open_page(SHMEMQ_PRODUCER | SHMEMQ_CREATE | SHMEMQ_EXCL, 0), EEXIST);
	remove_it();
	before_create = create_another;
	q = open_page(SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0);
	ck_assert_ptr_nonnull(q);
	expect_on_second(q);
	ck_assert_int_eq(shmemq_close(q), 0);
}

TEST(replaced_while_claiming)
{
	struct shmemq *q;

	ck_assert_int_eq(shmemq_close(open_page(SHMEMQ_OBSERVER | SHMEMQ_CREATE, 0)), 0);
	before_lock[0] = before_lock[1] = replace_it;
	q = open_page(SHMEMQ_PRODUCER | (_i ? SHMEMQ_CREATE : 0), 0);
	ck_assert_ptr_nonnull(q);
	ck_assert_uint_eq(lock, 3); /* it started over twice */
	expect_on_second(q);
	ck_assert_int_eq(shmemq_close(q), 0);
}

TEST(removed_while_claiming)
{
	unsigned descriptors;
	struct shmemq *q;

	ck_assert_int_eq(shmemq_close(open_page(SHMEMQ_OBSERVER | SHMEMQ_CREATE, 0)), 0);
	descriptors = file_descriptors();
	before_lock[0] = remove_it;
	ck_fails(open_page(SHMEMQ_PRODUCER, 0), ENOENT);
	ck_assert_uint_eq(file_descriptors(), descriptors);
	create_another();
	lock = 0;
	q = open_page(SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0);
	ck_assert_ptr_nonnull(q);
	ck_assert(file_exists(name));
	ck_assert_int_eq(shmemq_push(q, "kept", 4, 0) | shmemq_close(q), 0);
	expect_message();
}

/* A file that is no queue takes the name: it stays as it is. */
TEST(replaced_by_text)
{
	struct shmemq *q = open_page(SHMEMQ_CONSUMER | SHMEMQ_CREATE, SHMEMQ_ATTR_TEMPORARY);

	lock = 0;
	before_lock[0] = replace_by_text;
	if (_i == 0)
		ck_fails(open_page(SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0), EPROTO);
	else if (_i == 1)
		ck_fails(shmemq_unlink(name), EPROTO);
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_assert_uint_eq(lock, _i < 2 ? 2 : 1);
	ck_fails(open_page(SHMEMQ_OBSERVER, 0), EPROTO);
}

/* A removal is of the object that has the name when it happens. */
TEST(unlink_overtaken)
{
	create_another();
	before_lock[0] = replace_it;
	ck_assert_int_eq(shmemq_unlink(name), 0);
	ck_assert(!file_exists(name));
	create_another();
	before_lock[0] = remove_it;
	lock = 0;
	ck_fails(shmemq_unlink(name), ENOENT);
}

/* The last handle of a TEMPORARY queue closes, but another one has come meanwhile; or the name is another object's. */
TEST(temporary_overtaken)
{
	struct shmemq *q = open_page(SHMEMQ_CONSUMER | SHMEMQ_CREATE, SHMEMQ_ATTR_TEMPORARY);

	before_lock[0] = claim_producer;
	lock = 0;
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_assert(file_exists(name));
	before_lock[0] = replace_it;
	lock = 0;
	ck_assert_int_eq(shmemq_close(other), 0);
	ck_assert(file_exists(name));
}

const struct suite suite = {
	.name = "unit/between",
	.seconds = 60,
	.setup = setup,
	.tests = {
		{ creator_comes_second, 1, 0 },
		{ creator_fails_second, 1, 0 },
		{ creator_fails_alone, 1, 0 },
		{ taken_while_creating, 1, 0 },
		{ replaced_while_claiming, 2, 0 },
		{ removed_while_claiming, 1, 0 },
		{ replaced_by_text, 3, 0 },
		{ unlink_overtaken, 1, 0 },
		{ temporary_overtaken, 1, 0 },
	},
};
