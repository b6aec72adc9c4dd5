/* SPDX-License-Identifier: MIT */
/*
 * A process has ended, but its memory is still there: because another process shares it, as a vfork(2) child does, or
 * reads about it in /proc. The kernel then keeps the locks of the dead process's handles.
 */
#include "config.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "child.h"
#include "one_end.h"
#include "polling.h"
#include "suite.h"

#define ROUNDS TEST_PART(60)

/* What the process is to do before it is killed. */
struct victim {
	const char *name;
	unsigned flags; /* opens this end, */
	bool begins;    /* begins a message, */
	bool shares;    /* shares its memory with another process, */
	pid_t *sharer;  /* which is this */
};

static int share_memory(void *ready)
{
	(void)ready;
	/* Descriptors are not shared: a copy of them would hide the death from a poller. */
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	for (;;)
		pause();
	return 0;
}

static int open_and_stop(const void *argument)
{
	static _Alignas(64) char stack[65536];
	const struct victim *victim = argument;
	struct shmemq *q = shmemq_open(victim->name, victim->flags, 0, NULL);

	CHECK(q != NULL);
	if (victim->begins)
		CHECK(end_begin(q, victim->flags & (SHMEMQ_PRODUCER | SHMEMQ_CONSUMER)));
	if (victim->shares) {
		*victim->sharer = clone(share_memory, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL);
		CHECK(*victim->sharer > 0);
	}
	raise(SIGSTOP);
	return 0;
}

static pid_t start(const struct victim *victim)
{
	pid_t pid = child_start(open_and_stop, victim);
	int status;

	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	ck_assert(WIFSTOPPED(status));
	return pid;
}

/* Starts a process that dies, and whose memory stays. Returns what keeps it. */
static pid_t die(const char *name, unsigned flags, bool begins)
{
	struct victim victim = { name, flags, begins, true, child_shared(sizeof(pid_t)) };

	child_kill(start(&victim));
	return *victim.sharer;
}

static const char *name;

static void setup(void)
{
	name = test_name();
}

/* The claim is free, alone and SHARED, and stat says so before. */
TEST(the_end_is_free_at_once)
{
	unsigned end = both_ends[_i % 2], dead = _i & 2 ? SHMEMQ_SHARED : 0, next = _i & 4 ? SHMEMQ_SHARED : 0;
	struct shmemq *observer = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1), *q;
	struct shmemq_stat st;
	pid_t sharers[3];

	for (int i = 0; i < 3; i++) {
		sharers[i] = die(name, end | dead, false);
		ck_assert_int_eq(shmemq_stat(observer, &st), 0);
		ck_assert_uint_eq(end == SHMEMQ_PRODUCER ? st.producer : st.consumer, SHMEMQ_END_DEAD);
		q = test_open(name, end | next, 0);
		ck_fails(shmemq_open(name, end | (next ^ SHMEMQ_SHARED), 0, NULL), EBUSY);
		ck_assert_int_eq(shmemq_close(q), 0);
	}
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(kill(sharers[i], SIGKILL), 0);
	ck_assert_int_eq(shmemq_close(observer), 0);
}

/* Opens a handle that has to wait for its peer, then lets the peer die. */
static struct shmemq *open_and_lose_peer(unsigned end, int *fd, pid_t *sharer)
{
	struct shmemq *q = test_open(name, end | SHMEMQ_CREATE, 1);

	while (end == SHMEMQ_PRODUCER && end_try(q, end) == 0)
		;
	if (fd != NULL) {
		*fd = shmemq_pollfd(q);
		ck_assert_int_ge(*fd, 0);
	}
	*sharer = die(name, other_end(end), false);
	return q;
}

/* In a blocked call, and by tries. */
TEST(the_peer_learns_of_the_death)
{
	pid_t sharer;
	unsigned end = both_ends[_i % 2];
	struct shmemq *q = open_and_lose_peer(end, NULL, &sharer);

	while (_i / 2 == 0 && end_try(q, end) < 0 && errno == EAGAIN)
		;
	ck_fails(end_move(q, end, -1), EOWNERDEAD);
	ck_assert_int_eq(kill(sharer, SIGKILL), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
}

TEST(a_poller_learns_of_the_death)
{
	int fd;
	pid_t sharer;
	unsigned end = both_ends[_i];
	struct shmemq *q = open_and_lose_peer(end, &fd, &sharer);

	while (end_try(q, end) < 0 && errno == EAGAIN)
		await_raised(fd);
	ck_assert_int_eq(errno, EOWNERDEAD);
	ck_assert_int_eq(kill(sharer, SIGKILL), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
}

/* A handle of a SHARED end died as the holder of the owner lock: another one goes on. */
TEST(the_owner_lock_is_recovered)
{
	unsigned end = both_ends[_i % 2];
	struct shmemq *q = end_join(name, end), *peer = test_open(name, other_end(end), 0);
	pid_t sharer;

	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(end_move(end == SHMEMQ_PRODUCER ? q : peer, SHMEMQ_PRODUCER, 0), 0);
	sharer = die(name, end | SHMEMQ_SHARED, true);
	if (_i / 2 == 0) {
		ck_assert_int_ge(end_move(q, end, -1), 0);
	} else {
		while (end_try(q, end) < 0)
			ck_assert_int_eq(errno, EAGAIN);
	}
	if (end == SHMEMQ_CONSUMER)
		ck_assert_int_eq(shmemq_redelivered(q), 1);
	ck_assert_int_eq(kill(sharer, SIGKILL), 0);
	ck_assert_int_eq(shmemq_close(q) | shmemq_close(peer), 0);
}

/* While another handle of the SHARED end lives, the end does. */
TEST(the_last_living_handle_decides)
{
	unsigned end = both_ends[_i];
	struct shmemq *q = end_join(name, end), *peer = test_open(name, other_end(end), 0);
	pid_t sharer = die(name, end | SHMEMQ_SHARED, false);

	while (end == SHMEMQ_CONSUMER && end_try(peer, SHMEMQ_PRODUCER) == 0)
		;
	ck_fails(end_move(peer, other_end(end), 600 * MS), ETIMEDOUT);
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_fails(end_move(peer, other_end(end), -1), EPIPE);
	ck_assert_int_eq(kill(sharer, SIGKILL), 0);
	ck_assert_int_eq(shmemq_close(peer), 0);
}

/* A process with very many handles of the end. */
#define MANY 600

static int open_many(const void *argument)
{
	struct victim victim = *(const struct victim *)argument;

	for (int i = 1; i < MANY; i++)
		CHECK(shmemq_open(victim.name, victim.flags, 0, NULL) != NULL);
	return open_and_stop(&victim);
}

TEST(many_dead_handles_keep_no_claim)
{
	struct victim victim = { name, both_ends[_i] | SHMEMQ_SHARED, false, true, child_shared(sizeof(pid_t)) };
	int status;
	pid_t pid;

	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1)), 0);
	pid = child_start(open_many, &victim);
	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	ck_assert(WIFSTOPPED(status));
	child_kill(pid);
	ck_assert_int_eq(shmemq_close(test_open(name, both_ends[_i], 0)), 0);
	ck_assert_int_eq(kill(*victim.sharer, SIGKILL), 0);
}

/* Reads what /proc tells of the memory of one process after another. */
static int read_memory(const void *argument)
{
	const _Atomic pid_t *pid = argument;
	char path[64], buf[4096];

	for (;;) {
		int fd;

		snprintf(path, sizeof path, "/proc/%d/smaps", (int)*pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		while (fd >= 0 && read(fd, buf, sizeof buf) > 0)
			;
		close(fd);
	}
	return 0;
}

/* A claim right after waitpid(2), while another process reads about the dead one. */
TEST(a_reader_of_proc_keeps_no_claim)
{
	struct victim victim = { .name = name, .flags = both_ends[_i] };
	_Atomic pid_t *pid = child_shared(sizeof *pid);
	pid_t reader;

	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1 << 20)), 0);
	*pid = getpid();
	reader = child_start(read_memory, pid);
	for (int i = 0; i < ROUNDS; i++) {
		*pid = start(&victim);
		test_sleep(MS);
		child_kill(*pid);
		ck_assert_int_eq(shmemq_close(test_open(name, both_ends[_i], 0)), 0);
	}
	child_kill(reader);
}

const struct suite suite = {
	.name = "api/pinned",
	.seconds = 120,
	.test_seconds = 60,
	.setup = setup,
	.tests = {
		{ the_end_is_free_at_once, 8, NEEDS_PROC | NEEDS_SHARED_MEMORY },
		{ the_peer_learns_of_the_death, 4, NEEDS_PROC | NEEDS_SHARED_MEMORY },
		{ a_poller_learns_of_the_death, 2, NEEDS_POLLFD | NEEDS_SHARED_MEMORY },
		{ the_owner_lock_is_recovered, 4, NEEDS_PROC | NEEDS_SHARED_MEMORY },
		{ the_last_living_handle_decides, 2, NEEDS_PROC | NEEDS_SHARED_MEMORY },
		{ many_dead_handles_keep_no_claim, 2, NEEDS_PROC | NEEDS_SHARED_MEMORY },
		{ a_reader_of_proc_keeps_no_claim, 2, NEEDS_PROC },
	},
};
