/* SPDX-License-Identifier: MIT */
/*
 * What others do to a name between two steps of one call. The linker puts __wrap_smq_initlock_lock() and the like in
 * place of the library's functions: there, at the last moment before the step, this process does what another might.
 */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "child.h"
#include "endlock.h"
#include "file.h"
#include "filter.h"
#include "handle.h"
#include "object.h"
#include "suite.h"

#define STEPS   3
#define LATE_NS (5000 * MS) /* of a call that should have ended long ago */

int __wrap_smq_initlock_lock(int fd);
int __real_smq_initlock_lock(int fd);
int __wrap_smq_object_create(const char *path, mode_t mode, const struct shmemq_attr *attr, int *fd);
int __real_smq_object_create(const char *path, mode_t mode, const struct shmemq_attr *attr, int *fd);
int __wrap_smq_object_map(int fd, const struct smq_identity *identity, void **map);
int __real_smq_object_map(int fd, const struct smq_identity *identity, void **map);
bool __wrap_smq_endlock_number_held(int fd, bool producer, uint32_t number);
bool __real_smq_endlock_number_held(int fd, bool producer, uint32_t number);
bool __wrap_smq_ownerlock_trylock(struct smq_ownerlock *turn);
bool __real_smq_ownerlock_trylock(struct smq_ownerlock *turn);
void __wrap_smq_ownerlock_unlock(struct smq_ownerlock *turn, struct smq_wait *room, int fd, bool producer);
void __real_smq_ownerlock_unlock(struct smq_ownerlock *turn, struct smq_wait *room, int fd, bool producer);

/* What to do before each init lock in turn, and before a creation. Calls that these make themselves do not count. */
static void (*before_lock[STEPS])(void);
static void (*before_create)(void);
static unsigned lock;
static bool inside, no_memory;
static struct smq_record *toggled; /* there while nobody is in the turn, and gone in it */
static int64_t toggled_until;

static void run(void (*what)(void))
{
	if (what == NULL || inside)
		return;
	inside = true;
	what();
	inside = false;
}

static bool dies_locked;     /* this process is killed when it has the init lock, */
static unsigned dies_asking; /* or at the n-th question for a handle: the second is under that lock */

int __wrap_smq_initlock_lock(int fd)
{
	int err;

	if (!inside && lock < STEPS)
		run(before_lock[lock++]);
	err = __real_smq_initlock_lock(fd);
	if (dies_locked)
		raise(SIGKILL);
	return err;
}

bool __wrap_smq_endlock_number_held(int fd, bool producer, uint32_t number)
{
	if (dies_asking != 0 && --dies_asking == 0)
		raise(SIGKILL);
	return __real_smq_endlock_number_held(fd, producer, number);
}

int __wrap_smq_object_create(const char *path, mode_t mode, const struct shmemq_attr *attr, int *fd)
{
	void (*what)(void) = before_create;

	if (!inside)
		before_create = NULL; /* once */
	run(what);
	return __real_smq_object_create(path, mode, attr, fd);
}

int __wrap_smq_object_map(int fd, const struct smq_identity *identity, void **map)
{
	return no_memory && !inside ? ENOMEM : __real_smq_object_map(fd, identity, map);
}

bool __wrap_smq_ownerlock_trylock(struct smq_ownerlock *turn)
{
	bool entered = __real_smq_ownerlock_trylock(turn);

	if (entered && toggled != NULL) {
		atomic_store(&toggled->size_plus_1, 0);
		if (test_now() > toggled_until)
			ck_abort_msg("the call goes on and on");
	}
	return entered;
}

void __wrap_smq_ownerlock_unlock(struct smq_ownerlock *turn, struct smq_wait *room, int fd, bool producer)
{
	__real_smq_ownerlock_unlock(turn, room, fd, producer);
	if (toggled != NULL)
		atomic_store(&toggled->size_plus_1, 1);
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

/* The handle's claim and its probes are on the object that bears the name, which is the second one. */
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

/* A creator finds its new queue claimed, and does not take it away from under those who have used it since. */
TEST(creator_comes_second)
{
	before_lock[0] = claim_producer;
	before_lock[1] = push_and_close;
	ck_fails(open_page(SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0), EBUSY);
	if (lock < 2) /* it did not even try to */
		push_and_close();
	expect_message();
}

/* Nor when it fails for another reason. */
TEST(creator_fails_second)
{
	no_memory = true;
	before_lock[0] = come_and_go;
	ck_fails(open_page(SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0), ENOMEM);
	no_memory = false;
	expect_message();
}

/* But what nobody has used goes. */
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
	ck_assert_uint_eq(lock, 3); /* it had to start over twice */
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

/* By something that is no queue: it stays as it is. */
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

/* A removal is of what bears the name when it happens. */
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

/* The last to close a TEMPORARY queue, but for somebody who has come meanwhile. Or for a successor of the name. */
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

static void pop_beside(void)
{
	ck_assert_int_eq(shmemq_timedpop(other, NULL, 0, NULL, 0), 0);
}

/* A close that waits for the init lock keeps its message from nobody. */
TEST(a_turn_is_left_first)
{
	struct shmemq *producer = open_page(SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0);
	struct shmemq *q = open_page(SHMEMQ_CONSUMER | SHMEMQ_SHARED, 0);
	size_t size;

	other = open_page(SHMEMQ_CONSUMER | SHMEMQ_SHARED, 0);
	ck_assert_int_eq(shmemq_push(producer, NULL, 0, 0), 0);
	ck_assert_ptr_nonnull(shmemq_pop_start(q, &size, NULL));
	before_lock[0] = pop_beside;
	lock = 0;
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_assert_uint_eq(lock, 1);
	ck_assert_int_eq(shmemq_close(other) | shmemq_close(producer), 0);
}

/* A peer that shows a message and takes it back, for ever: time and interruptions count all the same. */
TEST(a_message_that_comes_and_goes)
{
	struct shmemq *q = open_page(SHMEMQ_CONSUMER | SHMEMQ_SHARED | SHMEMQ_CREATE, 0);
	struct smq_header *file = file_map(name);

	toggled = file_record(file, 0);
	toggled_until = test_now() + LATE_NS;
	atomic_store(&toggled->size_plus_1, 1);
	ck_fails(shmemq_timedpop(q, NULL, 0, NULL, 0), EAGAIN);
	ck_fails(shmemq_timedpop(q, NULL, 0, NULL, 20 * MS), ETIMEDOUT);
	ck_assert_int_eq(shmemq_interrupt(q), 0);
	ck_fails(shmemq_timedpop(q, NULL, 0, NULL, -1), ECANCELED);
	toggled = NULL;
	file_unmap(file);
	ck_assert_int_eq(shmemq_close(q), 0);
}

static pid_t *left_behind;

static int fork_and_die(const void *in_close)
{
	struct shmemq *q = open_page(SHMEMQ_CONSUMER | SHMEMQ_SHARED | SHMEMQ_CREATE, 0);
	pid_t pid = fork();

	if (pid == 0) {
		for (;;)
			pause();
	}
	CHECK(q != NULL && pid > 0);
	*left_behind = pid;
	if (in_close != NULL) {
		dies_locked = true;
		shmemq_close(q);
	} else {
		*q->owner.word = q->owner.number + 1; /* of a handle that has died in it */
		dies_asking = 2;
		shmemq_timedpop(q, NULL, 0, NULL, 1000 * MS);
	}
	return 0;
}

/* A child has the descriptors of a process that is killed with the init lock, and not the lock. */
TEST(a_lock_that_a_child_might_keep)
{
	struct shmemq *q;

	left_behind = child_shared(sizeof *left_behind);
	ck_assert_int_eq(test_wait(child_start(fork_and_die, _i ? name : NULL)), 128 + SIGKILL);
	q = open_page(SHMEMQ_CONSUMER | SHMEMQ_SHARED, 0);
	ck_assert_msg(q != NULL, "%s", strerror(errno));
	ck_assert_int_eq(kill(*left_behind, SIGKILL), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
}

static int close_without_files(const void *unused)
{
	struct shmemq *q = open_page(SHMEMQ_CONSUMER | SHMEMQ_CREATE, 0);
	pid_t pid = fork();

	(void)unused;
	if (pid == 0)
		_exit(0);
	CHECK(q != NULL && filter_deny(SYS_openat, EPERM));
#ifdef SYS_open
	CHECK(filter_deny(SYS_open, EPERM));
#endif
	CHECK(shmemq_close(q) == 0);
	return 0;
}

/* Who may open no file any more closes all the same. */
TEST(a_close_in_a_sandbox)
{
	child_run(close_without_files, NULL);
	ck_assert_int_eq(shmemq_close(open_page(SHMEMQ_CONSUMER, 0)), 0);
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
		{ a_turn_is_left_first, 1, 0 },
		{ a_message_that_comes_and_goes, 1, 0 },
		{ a_lock_that_a_child_might_keep, 2, NEEDS_PROC },
		{ a_close_in_a_sandbox, 1, NEEDS_FILTERS },
	},
};
