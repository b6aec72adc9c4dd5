/* SPDX-License-Identifier: MIT */
/*
 * What happens to a pollfd in the middle of a failing call. The linker puts __wrap_smq_pollable_clear() and the like
 * in place of the library's functions: there this process does what another might do at that moment.
 */
#include "config.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"
#include "child.h"
#include "endlock.h"
#include "file.h"
#include "filter.h"
#include "handle.h"
#include "one_end.h"
#include "suite.h"

#define SOON_MS 10000 /* a ring that has not come by then is lost */
#define LATE_MS 200   /* a lock goes that much later than the kernel tells of the death */

#if defined __GLIBC__ && defined __USE_FILE_OFFSET64
#define real_fallocate __real_fallocate64
#define wrap_fallocate __wrap_fallocate64
#else
#define real_fallocate __real_fallocate
#define wrap_fallocate __wrap_fallocate
#endif
int real_fallocate(int fd, int mode, off_t offset, off_t bytes);
int wrap_fallocate(int fd, int mode, off_t offset, off_t bytes);
void __real_smq_pollable_clear(struct smq_pollable *pollable, int fd, bool producer);
void __wrap_smq_pollable_clear(struct smq_pollable *pollable, int fd, bool producer);
bool __real_smq_endlock_held(int fd, enum smq_lock_byte end);
bool __wrap_smq_endlock_held(int fd, enum smq_lock_byte end);
bool __real_smq_endlock_number_held(int fd, bool producer, uint32_t number);
bool __wrap_smq_endlock_number_held(int fd, bool producer, uint32_t number);
bool __real_smq_process_membarrier(void);
bool __wrap_smq_process_membarrier(void);

static unsigned signals; /* that turn a ring back, from now on */
static int64_t late;     /* until then the locks of the dead are still there */
static struct action {
	void (*before)(void), (*after)(void); /* the next silence */
} silence;

int wrap_fallocate(int fd, int mode, off_t offset, off_t bytes)
{
	if (signals == 0)
		return real_fallocate(fd, mode, offset, bytes);
	signals--;
	errno = EINTR;
	return -1;
}

void __wrap_smq_pollable_clear(struct smq_pollable *pollable, int fd, bool producer)
{
	struct action action = silence;

	silence = (struct action){ 0 };
	if (action.before != NULL)
		action.before();
	__real_smq_pollable_clear(pollable, fd, producer);
	if (action.after != NULL)
		action.after();
}

bool __wrap_smq_endlock_held(int fd, enum smq_lock_byte end)
{
	return test_now() < late || __real_smq_endlock_held(fd, end);
}

bool __wrap_smq_endlock_number_held(int fd, bool producer, uint32_t number)
{
	return test_now() < late || __real_smq_endlock_number_held(fd, producer, number);
}

static unsigned membarriers;

bool __wrap_smq_process_membarrier(void)
{
	membarriers++;
	return __real_smq_process_membarrier();
}

static void locks_go_late(void)
{
	late = test_now() + LATE_MS * MS;
}

/* The end under test, a consumer's or a producer's with a full ring; its pollfd; and its peer. */
static const char *name;
static struct shmemq *own, *peer;
static unsigned end;
static int fd;

static int try(void)
{
	return end_try(own, end) < 0 ? errno : 0;
}

static void open_peer(void)
{
	peer = test_open(name, other_end(end), 0);
}

static void close_peer(void)
{
	ck_assert_int_eq(shmemq_close(peer), 0);
	peer = NULL;
}

static void unblock(void)
{
	ck_assert_int_ge(end_try(peer, other_end(end)), 0);
}

/* Leaves the descriptor armed, with all questions asked. */
static void open_ends(unsigned of, unsigned flags)
{
	end = of;
	name = test_name();
	own = test_open(name, end | flags | SHMEMQ_CREATE, 1);
	fd = shmemq_pollfd(own);
	ck_assert_int_ge(fd, 0);
	open_peer();
	if (end == SHMEMQ_PRODUCER)
		while (try() == 0)
			;
	own->pollable->peer.since = own->pollable->owner.since = 0;
	while (rings(fd, 10))
		ck_assert_int_eq(try(), EAGAIN);
}

static void close_ends(void)
{
	if (peer != NULL)
		close_peer();
	ck_assert_int_eq(shmemq_close(own), 0);
}

/* Linux before 6.11 turns a ring back when a signal comes. */
TEST(a_signal_loses_no_ring)
{
	open_ends(SHMEMQ_CONSUMER, 0);
	signals = 3;
	unblock();
	ck_assert_uint_eq(signals, 0);
	ck_assert(rings(fd, 0));

	/* A sandbox that always says so ends the ringing, not the caller. */
	ck_assert_int_eq(try(), 0);
	ck_assert_int_eq(try(), EAGAIN);
	signals = UINT_MAX;
	unblock();
	ck_assert(!rings(fd, 0));
	signals = 0;
	close_ends();
}

/* As with a first failure: so there is no announcement yet, and nobody is rung. */
static void unblock_twice(void)
{
	own->eventcount.own->word = 0;
	unblock();
	unblock();
}

/* A call that silenced the descriptor and then found something leaves it readable: there may be more. */
TEST(readable_after_a_success)
{
	open_ends(both_ends[_i / 2], _i % 2 ? SHMEMQ_SHARED : 0);
	silence.after = unblock_twice;
	ck_assert_int_eq(try(), 0);
	ck_assert(rings(fd, SOON_MS));
	ck_assert_int_eq(try(), 0);
	ck_assert_int_eq(try(), EAGAIN);
	close_ends();
}

static struct shmemq *beside;

static void unblock_twice_and_leave(void)
{
	unblock_twice();
	smq_shared_leave(beside);
}

/* The same where it was the turn that the call found. */
TEST(readable_after_a_success_in_a_turn)
{
	open_ends(both_ends[_i], SHMEMQ_SHARED);
	beside = test_open(name, end | SHMEMQ_SHARED, 0);
	ck_assert(smq_ownerlock_trylock(&beside->owner));
	silence.after = unblock_twice_and_leave;
	ck_assert_int_eq(try(), 0);
	ck_assert(rings(fd, SOON_MS));
	ck_assert_int_eq(try(), 0);
	ck_assert_int_eq(shmemq_close(beside), 0);
	close_ends();
}

/* Another handle's announcement may stand in the word before its membarrier has run: each calls its own. */
TEST(each_handle_has_its_own_barrier)
{
	open_ends(SHMEMQ_CONSUMER, SHMEMQ_SHARED);
	beside = test_open(name, end | SHMEMQ_SHARED, 0);
	ck_assert_int_ge(shmemq_pollfd(beside), 0);
	ck_assert(own->eventcount.own->word & SMQ_WAIT_POLLER);
	membarriers = 0;
	ck_fails(end_try(beside, end), EAGAIN);
	ck_assert_uint_gt(membarriers, 0);
	ck_assert_int_eq(shmemq_close(beside), 0);
	close_ends();
}

/* A peer that comes back while a call is about to say that it has gone: the descriptor tells. */
TEST(a_return_in_between)
{
	open_ends(both_ends[_i], 0);
	close_peer();
	ck_assert_int_eq(try(), EPIPE);
	while (rings(fd, 10))
		ck_assert_int_eq(try(), EPIPE);
	/* Taken up as by a first failure: so the peer that comes has nobody to ring. */
	own->eventcount.own->word = 0;
	silence.before = open_peer;
	ck_assert_int_eq(try(), EPIPE);
	ck_assert(rings(fd, SOON_MS));
	ck_assert_int_eq(try(), EAGAIN);
	close_ends();
}

static void await_death(void)
{
	int err;

	while ((err = try()) == EAGAIN)
		ck_assert(rings(fd, SOON_MS));
	ck_assert_int_eq(err, EOWNERDEAD);
}

/* However often the descriptor rings for other reasons: a lock that goes late is asked for until it is gone. */
TEST(a_doubt_is_counted_in_time)
{
	pid_t pid;

	open_ends(both_ends[_i], 0);
	close_peer();
	pid = child_hold(name, end == SHMEMQ_PRODUCER ? "consumer" : "producer");
	ck_assert_int_eq(try(), EAGAIN);
	child_kill(pid);
	locks_go_late();
	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(try(), EAGAIN);
		smq_pollable_raise_at(own->pollable, SMQ_AT_ONCE);
		ck_assert(rings(fd, SOON_MS));
	}
	await_death();
	close_ends();
}

/* The peer dies, and he whose turn it is: the call hears both at once, and asks for the peer in its turn only. */
TEST(peer_and_turn_die_together)
{
	pid_t peer_pid, holder;

	open_ends(SHMEMQ_CONSUMER, SHMEMQ_SHARED);
	unblock();
	close_peer();
	peer_pid = child_hold(name, "producer");
	holder = end_hold(name, -1, end);
	ck_assert_int_eq(try(), EAGAIN);
	own->pollable->owner.since = 0;
	child_kill(peer_pid);
	child_kill(holder);
	ck_assert_int_eq(try(), 0); /* the message that was held */
	locks_go_late();
	await_death();
	close_ends();
}

static bool peer_closes;

static void die_in_a_turn(void)
{
	unblock();
	child_kill(end_hold(name, -1, end));
	if (peer_closes)
		close_peer();
	locks_go_late();
}

/* The call that hears of a death in the turn waits for its peer, which is in no doubt: then the next one asks. */
TEST(a_death_heard_while_waiting_for_the_peer)
{
	peer_closes = _i % 2;
	open_ends(both_ends[_i / 2], SHMEMQ_SHARED | (peer_closes ? 0 : SHMEMQ_STAY));
	silence.before = die_in_a_turn;
	while (try() != 0)
		ck_assert(rings(fd, SOON_MS));
	close_ends();
}

/* While somebody else has the init lock nobody can say whether a holder lives: that is no answer. */
TEST(a_doubt_outlasts_the_init_lock)
{
	int64_t start = test_now();
	pid_t holder;
	int lock;

	open_ends(SHMEMQ_CONSUMER, SHMEMQ_SHARED);
	unblock();
	holder = end_hold(name, -1, end);
	lock = file_lock(name, SMQ_LOCK_INIT, 1);
	child_kill(holder);
	while (test_now() - start < 2000 * MS) {
		ck_assert_int_eq(try(), EAGAIN);
		ck_assert(rings(fd, SOON_MS));
	}
	close(lock);
	while (try() != 0)
		ck_assert(rings(fd, SOON_MS));
	close_ends();
}

/* The queue loses both its names, and the one that the peer opened dies as the last: the kernel ends the watch. */
static void lose_the_watch(void)
{
	const char *second = test_name();
	char path[300];

	close_peer();
	snprintf(path, sizeof path, "%s", file_path(second));
	ck_assert_int_eq(link(file_path(name), path), 0);
	peer = test_open(second, other_end(end), 0);
	ck_assert_int_eq(shmemq_unlink(name), 0);
	ck_assert_int_eq(shmemq_unlink(second), 0);
	close_peer();
}

static struct shmemq *reopen(void)
{
	struct shmemq *q = shmemq_fdopen(own->fd, other_end(end));

	ck_assert_ptr_nonnull(q);
	return q;
}

TEST(a_lost_watch_is_had_again)
{
	int watch;

	open_ends(both_ends[_i], 0);
	watch = own->pollable->watch;
	lose_the_watch();
	ck_assert(rings(fd, SOON_MS));
	ck_assert_int_eq(try(), EPIPE);
	ck_assert_int_ne(own->pollable->watch, watch);
	ck_assert_int_ge(own->pollable->watch, 0);
	while (rings(fd, 10))
		ck_assert_int_eq(try(), EPIPE);
	peer = reopen();
	ck_assert(rings(fd, 0));
	ck_assert_int_eq(try(), EAGAIN);
	unblock();
	ck_assert(rings(fd, 0));
	ck_assert_int_eq(try(), 0);
	close_ends();
}

static int without_watches(const void *expected)
{
	int err = *(const int *)expected;

	open_ends(SHMEMQ_CONSUMER, err == EAGAIN ? SHMEMQ_STAY : 0);
	CHECK(filter_deny(SYS_inotify_add_watch, ENOSPC));
	lose_the_watch();
	for (int i = 0; i < 5; i++) {
		CHECK(rings(fd, SOON_MS));
		CHECK(try() == err);
	}
	CHECK(own->pollable->watch == -1);
	peer = shmemq_fdopen(own->fd, SHMEMQ_PRODUCER);
	CHECK(peer != NULL && shmemq_push(peer, "", 1, 0) == 0);
	CHECK(rings(fd, SOON_MS) && try() == 0);
	return 0;
}

/* Who cannot have it again looks by itself, whatever it waits for. */
TEST(a_watch_lost_for_good)
{
	child_run(without_watches, _i ? &(int){ EPIPE } : &(int){ EAGAIN });
}

const struct suite suite = {
	.name = "unit/pollable",
	.seconds = 120,
	.test_seconds = 60,
	.needs = NEEDS_POLLFD,
	.tests = {
		{ a_signal_loses_no_ring, 1, 0 },
		{ readable_after_a_success, 4, 0 },
		{ readable_after_a_success_in_a_turn, 2, 0 },
		{ each_handle_has_its_own_barrier, 1, 0 },
		{ a_return_in_between, 2, 0 },
		{ a_doubt_is_counted_in_time, 2, 0 },
		{ peer_and_turn_die_together, 1, 0 },
		{ a_death_heard_while_waiting_for_the_peer, 4, 0 },
		{ a_doubt_outlasts_the_init_lock, 1, 0 },
		{ a_lost_watch_is_had_again, 2, 0 },
		{ a_watch_lost_for_good, 2, NEEDS_FILTERS },
	},
};
