/* SPDX-License-Identifier: MIT */
/*
 * What other processes do between two steps of one call on a SHARED end. The linker puts __wrap_smq_initlock_lock() and
 * the like in place of the library's functions: there, at the last moment before the step, this process does what
 * another might.
 */
#include "config.h"

#include <signal.h>
#include <unistd.h>

#include "child.h"
#include "endlock.h"
#include "file.h"
#include "acquire.h"
#include "suite.h"

#define LATE_NS (5000 * MS) /* of a call that should have ended long ago */

int __wrap_smq_initlock_lock(int fd);
int __real_smq_initlock_lock(int fd);
bool __wrap_smq_endlock_number_held(int fd, bool producer, uint32_t number);
bool __real_smq_endlock_number_held(int fd, bool producer, uint32_t number);
bool __wrap_smq_ownerlock_trylock(struct smq_ownerlock *lock);
bool __real_smq_ownerlock_trylock(struct smq_ownerlock *lock);
uint32_t __wrap_smq_ownerlock_unlock(struct smq_ownerlock *lock);
uint32_t __real_smq_ownerlock_unlock(struct smq_ownerlock *lock);

/* What to do before the next init lock. */
static void (*before_lock)(void);
static unsigned locks;             /* tried so far */
static struct smq_record *toggled; /* there while no handle has the owner lock, and gone while one has */
static int64_t toggled_until;
static bool dies_locked;     /* this process is killed when it has the init lock, */
static unsigned dies_asking; /* or at the n-th check of a handle's lock: the second is under the init lock */

int __wrap_smq_initlock_lock(int fd)
{
	void (*what)(void) = before_lock;
	int err;

	locks++;
	before_lock = NULL;
	if (what != NULL)
		what();
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

bool __wrap_smq_ownerlock_trylock(struct smq_ownerlock *lock)
{
	bool locked = __real_smq_ownerlock_trylock(lock);

	if (locked && toggled != NULL) {
		atomic_store(&toggled->size_plus_1, 0);
		if (test_now() > toggled_until)
			ck_abort_msg("the call goes on and on");
	}
	return locked;
}

uint32_t __wrap_smq_ownerlock_unlock(struct smq_ownerlock *lock)
{
	uint32_t waiters = __real_smq_ownerlock_unlock(lock);

	if (toggled != NULL)
		atomic_store(&toggled->size_plus_1, 1);
	return waiters;
}

static const char *name;
static struct shmemq *other;

static void setup(void)
{
	name = test_name();
}

static struct shmemq *open_page(unsigned flags)
{
	struct shmemq_attr attr = { .capacity = 1 };

	return shmemq_open(name, flags, 0600, &attr);
}

static void pop_beside(void)
{
	ck_assert_int_eq(shmemq_timedpop(other, NULL, 0, NULL, 0), 0);
}

/* A close that waits for the init lock has unlocked the owner lock, so another handle can pop the message. */
TEST(close_unlocks_before_it_waits)
{
	struct shmemq *producer = open_page(SHMEMQ_PRODUCER | SHMEMQ_CREATE);
	struct shmemq *q = open_page(SHMEMQ_CONSUMER | SHMEMQ_SHARED);
	size_t size;

	other = open_page(SHMEMQ_CONSUMER | SHMEMQ_SHARED);
	ck_assert_int_eq(shmemq_push(producer, NULL, 0, 0), 0);
	ck_assert_ptr_nonnull(shmemq_pop_start(q, &size, NULL));
	before_lock = pop_beside;
	locks = 0;
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_assert_uint_eq(locks, 1);
	ck_assert_int_eq(shmemq_close(other) | shmemq_close(producer), 0);
}

/* A peer commits a message and takes it back, for ever: timeouts and interruptions end the calls all the same. */
TEST(a_message_that_comes_and_goes_delays_no_end)
{
	struct shmemq *q = open_page(SHMEMQ_CONSUMER | SHMEMQ_SHARED | SHMEMQ_CREATE);
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
	struct shmemq *q = open_page(SHMEMQ_CONSUMER | SHMEMQ_SHARED | SHMEMQ_CREATE);
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
		*q->ownerlock.word = q->ownerlock.number + 1; /* of a handle that died while it held the lock */
		dies_asking = 2;
		shmemq_timedpop(q, NULL, 0, NULL, 1000 * MS);
	}
	return 0;
}

/* A child has the descriptors of a process that is killed with the init lock, but does not keep the lock. */
TEST(a_child_does_not_keep_the_init_lock)
{
	struct shmemq *q;

	left_behind = child_shared(sizeof *left_behind);
	ck_assert_int_eq(test_wait(child_start(fork_and_die, _i ? name : NULL)), 128 + SIGKILL);
	q = open_page(SHMEMQ_CONSUMER | SHMEMQ_SHARED);
	ck_assert_msg(q != NULL, "%s", strerror(errno));
	ck_assert_int_eq(kill(*left_behind, SIGKILL), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
}

const struct suite suite = {
	.name = "shared/between",
	.seconds = 60,
	.setup = setup,
	.tests = {
		{ close_unlocks_before_it_waits, 1, 0 },
		{ a_message_that_comes_and_goes_delays_no_end, 1, 0 },
		{ a_child_does_not_keep_the_init_lock, 2, NEEDS_PROC },
	},
};
