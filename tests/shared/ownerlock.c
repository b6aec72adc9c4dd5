/* SPDX-License-Identifier: MIT */
/*
 * The owner lock of a SHARED end: no number is left for a handle, how long a dead holder costs the others, giving up.
 */
#include "config.h"

#include <fcntl.h>
#include <unistd.h>

#include "child.h"
#include "endlock.h"
#include "file.h"
#include "acquire.h"
#include "one_end.h"
#include "suite.h"

/*
 * Puts a read lock (F_RDLCK), or none (F_UNLCK), on the slots of these numbers, as any process can that may read the
 * queue.
 */
static void lock_numbers(int fd, short type, unsigned end, uint32_t first, uint32_t count)
{
	struct flock lock = { .l_type = type,
			      .l_start = (off_t)smq_lock_slot(end == SHMEMQ_PRODUCER, first),
			      .l_len = (off_t)(count * SMQ_LOCK_SLOT_BYTES) };

	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
}

/* The only free number is found, wherever it is; if there is none, that is EBUSY. */
TEST(no_number_left)
{
	static const uint32_t numbers[] = { 1, 2, 32768, SMQ_HANDLES_MAX };
	const char *name = test_name();
	unsigned end = both_ends[_i];
	struct shmemq *q = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1);
	int fd = open(file_path(name), O_RDONLY | O_CLOEXEC), claimant = open(file_path(name), O_RDWR | O_CLOEXEC);
	smq_word owner = 0;
	uint32_t number;

	ck_assert(fd >= 0 && claimant >= 0);
	lock_numbers(fd, F_RDLCK, end, 1, SMQ_HANDLES_MAX);
	ck_assert_int_eq(smq_endlock_claim(claimant, end == SHMEMQ_PRODUCER, true, SMQ_HANDLES_MAX, 0, &owner, &number),
			 EBUSY);
	for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		lock_numbers(fd, F_UNLCK, end, numbers[i], 1);
		ck_assert_int_eq(
			smq_endlock_claim(claimant, end == SHMEMQ_PRODUCER, true, SMQ_HANDLES_MAX, i, &owner, &number),
			0);
		ck_assert_uint_eq(number, numbers[i]);
		lock_numbers(claimant, F_UNLCK, end, numbers[i], 1);
		/* But not that of a dead holder of the owner lock, which would then seem to live. */
		owner = numbers[i] | SMQ_OWNER_SLEEPER;
		ck_assert_int_eq(
			smq_endlock_claim(claimant, end == SHMEMQ_PRODUCER, true, SMQ_HANDLES_MAX, i, &owner, &number),
			EBUSY);
		owner = 0;
		lock_numbers(fd, F_RDLCK, end, numbers[i], 1);
	}
	ck_assert_int_eq(close(fd) | close(claimant) | shmemq_close(q), 0);
}

/* An open that finds the end locked fails, and has claimed nothing: the peer has seen no handle. */
TEST(a_locked_end_is_busy)
{
	const char *name = test_name();
	unsigned end = both_ends[_i], other = other_end(end), descriptors;
	struct shmemq *peer = test_open(name, other | SHMEMQ_SHARED | SHMEMQ_CREATE, 1);
	int fd = open(file_path(name), O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	lock_numbers(fd, F_RDLCK, end, 1, SMQ_HANDLES_MAX);
	descriptors = file_descriptors();
	ck_fails(shmemq_open(name, end | SHMEMQ_SHARED, 0, NULL), EBUSY);
	if (needs_missing(NEEDS_PROC) == NULL)
		ck_fails(shmemq_fdopen(fd, end | SHMEMQ_SHARED), EBUSY);
	ck_assert_uint_eq(file_descriptors(), descriptors);
	ck_assert_uint_eq(smq_claim_state(smq_peer_claim(peer)->state), SHMEMQ_END_NEVER);
	ck_assert_int_eq(shmemq_close(test_open(name, other | SHMEMQ_SHARED, 0)), 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(shmemq_close(test_open(name, end, 0)) | shmemq_close(peer), 0);
}

/* An end with one handle here, and one in a process that stops in the middle of a message. */
struct holder {
	const char *name;
	unsigned end;
	struct shmemq *q, *peer;
	pid_t pid;
};

static struct holder start_holder(unsigned end)
{
	struct holder holder = { .name = test_name(), .end = end };

	holder.q = end_join(holder.name, end);
	holder.peer = test_open(holder.name, other_end(end), 0);
	ck_assert_int_eq(end_move(end == SHMEMQ_PRODUCER ? holder.q : holder.peer, SHMEMQ_PRODUCER, 0), 0);
	holder.pid = end_hold(holder.name, -1, end);
	return holder;
}

static void close_holder(const struct holder *holder)
{
	ck_assert_int_eq(shmemq_close(holder->q) | shmemq_close(holder->peer), 0);
}

/*
 * The cost of a dead holder is counted in the time for which the others asked to sleep, not in the time that passed: on
 * a busy machine each sleep is longer and there are fewer of them. So a call that asked for more than LATE_NS before it
 * took the lock over breaks the rule on every machine, and one that did not keeps it.
 */
#define LATE_NS (1000 * MS)

static struct {
	pid_t holder;     /* is killed */
	int sleeps_until; /* after so many sleeps */
	int64_t asked;    /* ns since the death, of sleeps that timed out */
	int64_t longest;
} death;

/* A wait of `q` that finds the lock free each time it would sleep, `unlocks` times, and is interrupted at the last. */
static struct {
	struct shmemq *q;
	int unlocks;
	bool prepared; /* when it last prepared */
} waiting;

uint32_t __real_smq_ownerlock_prepare(struct smq_ownerlock *lock, uint32_t bit);
uint32_t __wrap_smq_ownerlock_prepare(struct smq_ownerlock *lock, uint32_t bit);

uint32_t __wrap_smq_ownerlock_prepare(struct smq_ownerlock *lock, uint32_t bit)
{
	if (waiting.q == NULL)
		return __real_smq_ownerlock_prepare(lock, bit);
	waiting.prepared = !waiting.prepared;
	if (waiting.prepared)
		return __real_smq_ownerlock_prepare(lock, bit);
	if (--waiting.unlocks == 0)
		shmemq_interrupt(waiting.q);
	return 0;
}

int __real_smq_ownerlock_wait(struct smq_ownerlock *lock, struct smq_wait *wait, uint32_t expected, int64_t ns);
int __wrap_smq_ownerlock_wait(struct smq_ownerlock *lock, struct smq_wait *wait, uint32_t expected, int64_t ns);

int __wrap_smq_ownerlock_wait(struct smq_ownerlock *lock, struct smq_wait *wait, uint32_t expected, int64_t ns)
{
	int64_t start = test_now();
	int err;

	if (waiting.q != NULL)
		return 0;
	if (death.holder != 0 && death.sleeps_until-- == 0) {
		child_kill(death.holder);
		death.holder = 0;
	}
	err = __real_smq_ownerlock_wait(lock, wait, expected, ns);
	if (death.holder == 0 && test_now() - start >= ns)
		death.asked += ns;
	if (ns > death.longest)
		death.longest = ns;
	return err;
}

static void kill_during_sleep(pid_t pid, int sleeps_before)
{
	memset(&death, 0, sizeof death);
	death.holder = pid;
	death.sleeps_until = sleeps_before;
}

static void check_death(void)
{
	ck_assert_int_eq(death.holder, 0);
	ck_assert_int_gt(death.asked, 0);
	ck_assert_int_le(death.asked, LATE_NS);
	ck_assert_int_le(death.longest, SMQ_SLICE_NS);
}

/* The holder dies in the first sleep, when it has just been seen alive, or in a later one. */
TEST(a_wait_outlasts_a_dead_holder)
{
	struct holder holder = start_holder(both_ends[_i % 2]);

	kill_during_sleep(holder.pid, _i / 2 * 2);
	ck_assert_int_ge(end_move(holder.q, holder.end, -1), 0);
	check_death();
	close_holder(&holder);
}

/* Waits that are too short for a check each: there is one across several waits. */
TEST(short_waits_outlast_a_dead_holder)
{
	struct holder holder = start_holder(both_ends[_i]);

	kill_during_sleep(holder.pid, 30);
	while (end_move(holder.q, holder.end, 10 * MS) < 0)
		ck_assert_int_eq(errno, ETIMEDOUT);
	check_death();
	close_holder(&holder);
}

/* Processes that open and close all the time, or one that is stopped in an open, delay no recovery. */
TEST(a_taken_init_lock_delays_no_recovery)
{
	struct holder holder = start_holder(both_ends[_i]);
	int lock = file_lock(holder.name, SMQ_LOCK_INIT, 1);

	kill_during_sleep(holder.pid, 0);
	ck_assert_int_ge(end_move(holder.q, holder.end, -1), 0);
	check_death();
	close(lock);
	close_holder(&holder);
}

/* Tries do not sleep: between them the time of the last check is moved back, as if time had passed. */
TEST(tries_outlast_a_dead_holder)
{
	static const int64_t steps[] = { MS / 2, 3 * MS, 100 * MS };
	struct holder holder = start_holder(both_ends[_i % 2]);
	int64_t step = steps[_i / 2], passed = 0;
	int tries;

	holder.q->ownerlock.probed_at = test_now();
	for (tries = 0; tries < 100; tries++)
		ck_fails(end_move(holder.q, holder.end, 0), EAGAIN);
	child_kill(holder.pid);
	holder.q->ownerlock.probed_at = test_now();
	for (tries = 1; end_move(holder.q, holder.end, 0) < 0; tries++) {
		ck_assert_int_eq(errno, EAGAIN);
		passed += step;
		holder.q->ownerlock.probed_at -= step;
		ck_assert(tries < 256 || passed < LATE_NS);
	}
	close_holder(&holder);
}

/*
 * shmemq(7), SECURITY: a process that may read the queue can make a dead holder seem alive. Then timeouts are kept, and
 * the end is not lost.
 */
TEST(a_lock_keeps_a_dead_holder_alive)
{
	struct holder holder = start_holder(both_ends[_i]);
	int fd = open(file_path(holder.name), O_RDONLY | O_CLOEXEC);

	memset(&death, 0, sizeof death);
	child_kill(holder.pid);
	lock_numbers(fd, F_RDLCK, holder.end, *holder.q->ownerlock.word & SMQ_HANDLES_MAX, 1);
	ck_fails(end_move(holder.q, holder.end, 600 * MS), ETIMEDOUT);
	close(fd);
	ck_assert_int_ge(end_move(holder.q, holder.end, -1), 0);
	close_holder(&holder);
}

/* Each one turns back a handle that is about to sleep, also when a second one follows at once. */
TEST(interruptions_do_not_cancel_each_other)
{
	struct holder holder = start_holder(both_ends[_i]);
	uint32_t before = *holder.q->ownerlock.word, words[3];

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(shmemq_interrupt(holder.q), 0);
		words[i] = *holder.q->ownerlock.word;
		ck_assert_uint_ne(words[i], before);
		ck_assert_uint_eq(words[i] & ~SMQ_OWNER_INTERRUPT_MASK, before & ~SMQ_OWNER_INTERRUPT_MASK);
	}
	ck_assert_uint_ne(words[0], words[1]);
	ck_assert_uint_ne(words[1], words[2]);
	child_kill(holder.pid);
	close_holder(&holder);
}

/* A wait that finds the lock free again and again, before each sleep, and then is interrupted. */
TEST(a_long_wait_gives_up_prepared)
{
	struct holder holder = start_holder(both_ends[_i]);

	memset(&death, 0, sizeof death);
	waiting.q = holder.q;
	waiting.unlocks = 300;
	ck_fails(end_move(holder.q, holder.end, -1), ECANCELED);
	ck_assert(waiting.prepared);
	waiting.q = NULL;
	child_kill(holder.pid);
	close_holder(&holder);
}

const struct suite suite = {
	.name = "shared/ownerlock",
	.seconds = 120,
	.test_seconds = 60,
	.tests = {
		{ no_number_left, 2, 0 },
		{ a_locked_end_is_busy, 2, 0 },
		{ a_wait_outlasts_a_dead_holder, 4, 0 },
		{ short_waits_outlast_a_dead_holder, 2, 0 },
		{ a_taken_init_lock_delays_no_recovery, 2, 0 },
		{ tries_outlast_a_dead_holder, 6, 0 },
		{ a_lock_keeps_a_dead_holder_alive, 2, 0 },
		{ interruptions_do_not_cancel_each_other, 2, 0 },
		{ a_long_wait_gives_up_prepared, 2, 0 },
	},
};
