/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/time.h>

#include "rounds.h"
#include "traffic.h"

#define ROUNDS   1000 /* of one case, before the next case runs */
#define LATE_MS  5000
#define QUIET_MS 1000 /* a descriptor that has not been raised for so long is raised for a reason alone */
#define STALL_NS (60 * STRESS_S)
#define CAPACITY 4096
#define BYTES    500

/* The ways to wait. */
enum way {
	TRY,        /* and poll when that fails */
	POLL,       /* and try then: one message at each wake-up */
	EDGE,       /* as TRY, with EPOLLET */
	SLEEP,      /* in the call, */
	SLEEP_SHORT /* again and again for a moment */
};

static const struct rounds_case *case_of(const struct side *side)
{
	return &rounds_cases[side->which];
}

static struct rounds_counts *shared_of(const struct side *side)
{
	return &rounds->of[side->which];
}

static _Noreturn void fail(const struct side *side, const char *what, int err)
{
	errno = err;
	stress_fail("case %u, %s", side->which, what);
}

void side_open(struct side *side, const char *base)
{
	bool shared = side->end == case_of(side)->end && case_of(side)->waiters > 1;
	char name[sizeof((struct stress *)NULL)->name + 12];

	snprintf(name, sizeof name, "%s%u", base, side->which);
	side->q = stress_open(name, side->end | (shared ? SHMEMQ_SHARED : 0), CAPACITY, shared_of(side)->alignment);
}

static void on_signal(int number)
{
	(void)number;
}

/* Without SA_RESTART, at a period that is no multiple of anything. */
static void start_signals(struct side *side)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct itimerval timer = { .it_interval.tv_usec = 150 + (long)(traffic_random(&side->random) % 400) };

	timer.it_value = timer.it_interval;
	if (sigaction(SIGALRM, &action, NULL) != 0 || setitimer(ITIMER_REAL, &timer, NULL) != 0)
		fail(side, "setitimer", errno);
}

struct message {
	uint32_t side, number;
	char rest[BYTES - 8];
};

int side_move(struct side *side, int64_t timeout)
{
	struct message message = { .side = side->number, .number = side->sent };
	ssize_t bytes;

	if (side->end == SHMEMQ_PRODUCER) {
		if (shmemq_timedpush(side->q, &message, sizeof message, 0, timeout) != 0)
			return errno;
		side->sent++;
		return 0;
	}
	bytes = shmemq_timedpop(side->q, &message, sizeof message, NULL, timeout);
	return bytes == sizeof message ? 0 : bytes < 0 ? errno : EBADMSG;
}

static void await_raise(struct side *side, enum way way)
{
	struct epoll_event event;

	stress_await_readable(side->q, side->end, way == EDGE ? side->edges : side->pollfd, BYTES, LATE_MS);
	if (way == EDGE) /* takes the edge */
		epoll_wait(side->edges, &event, 1, 0);
}

static void move_one(struct side *side, enum way way)
{
	int64_t timeout = way == SLEEP ? -1 : way == SLEEP_SHORT ? 50000 : 0;
	int err;

	if (way == POLL)
		await_raise(side, way);
	while ((err = side_move(side, timeout)) != 0) {
		if (err == EAGAIN) {
			shared_of(side)->armed++;
			await_raise(side, way);
		} else if (err != EINTR && err != ETIMEDOUT) {
			fail(side, "move", err);
		}
	}
}

/* Messages for each waiter. Those of all fit into the ring, whatever the alignment. */
static unsigned burst(const struct side *side, uint32_t round)
{
	return 1 + round % (case_of(side)->waiters > 1 ? 2 : 3);
}

static enum way some_way(uint64_t *random)
{
	static const enum way ways[] = { TRY, TRY, POLL, POLL, POLL, EDGE, SLEEP, SLEEP_SHORT };

	return ways[traffic_random(random) % (sizeof ways / sizeof ways[0])];
}

/* What races with a peek takes a hundred nanoseconds, after an unknown time: so there are short delays and long ones.
 */
static void delay(uint64_t *random)
{
	uint64_t most = 16u << traffic_random(random) % 13;

	for (uint64_t i = traffic_random(random) % most; i > 0; i--)
		atomic_signal_fence(memory_order_seq_cst);
}

/* true: the round has begun. false: all is over. */
static bool await_round(const struct side *side, uint32_t round)
{
	while (shared_of(side)->round < round && !rounds->over) {
		if (rounds->active == (int)side->which)
			sched_yield();
		else
			stress_sleep(STRESS_MS);
	}
	return !rounds->over;
}

/* For a second after it was made a descriptor is raised now and then without a reason: that would hide a lost raise. */
static void await_quiet(struct side *side)
{
	struct pollfd readable = { .fd = side->pollfd, .events = POLLIN };
	int err;

	do
		err = side_move(side, 0);
	while (err == EAGAIN && poll(&readable, 1, QUIET_MS) != 0);
	if (err != EAGAIN)
		fail(side, "not full, or not empty", err);
	shared_of(side)->quiet++;
}

int side_wait_in_rounds(struct side *side)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	enum way way;

	side->pollfd = shmemq_pollfd(side->q);
	side->edges = epoll_create1(EPOLL_CLOEXEC);
	if (side->pollfd < 0 || epoll_ctl(side->edges, EPOLL_CTL_ADD, side->pollfd, &event) != 0)
		fail(side, "pollfd", errno);
	while (shared_of(side)->round == 0) /* the server is not there yet */
		stress_sleep(STRESS_MS);
	await_quiet(side);
	if (case_of(side)->waiters_get_signals)
		start_signals(side);
	for (uint32_t round = 2; await_round(side, round); round++) {
		delay(&side->random);
		shared_of(side)->begun++;
		way = some_way(&side->random);
		for (unsigned i = burst(side, round); i > 0; i--) {
			move_one(side, way);
			shared_of(side)->done++;
		}
	}
	return 0;
}

static void await_all(const struct side *side, const _Atomic uint32_t *counter, uint32_t value)
{
	int64_t end = stress_now() + STALL_NS;

	while (*counter != value) {
		sched_yield();
		if (stress_now() > end)
			fail(side, "nothing moves", 0);
	}
}

static void serve_one(struct side *side)
{
	int err;

	if (traffic_random(&side->random) % 2)
		delay(&side->random);
	while ((err = side_move(side, 0)) == EINTR)
		;
	if (err != 0)
		fail(side, "serve", err);
}

int side_serve(struct side *side)
{
	unsigned waiters = case_of(side)->waiters;
	struct rounds_counts *shared = shared_of(side);
	uint32_t begun = 0, done = 0;

	shared->round = 1;
	if (case_of(side)->server_gets_signals)
		start_signals(side);
	for (uint32_t round = 2;; round++) {
		while (rounds->active != (int)side->which) {
			stress_sleep(STRESS_MS);
			if (rounds->over)
				return 0;
		}
		shared->round = round;
		begun += waiters;
		done += waiters * burst(side, round);
		/* In most rounds the waiters wait for what is just coming, in the others they find it there. */
		if (round % 4 != 0)
			await_all(side, &shared->begun, begun);
		for (unsigned i = waiters * burst(side, round); i > 0; i--)
			serve_one(side);
		await_all(side, &shared->done, done);
		if (round % ROUNDS == 0)
			rounds->active = -1;
	}
}
