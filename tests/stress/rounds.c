/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that are armed and rung, as often as there is time for: none is missed. In each round a side, the server,
 * at some moment makes messages, or room, for those who wait at the other end, one or several who share it; and each of
 * them moves as many, having waited for each in one of the ways there are. On some of the sides signals arrive all the
 * time.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coverage.h"
#include "shmemq.h"
#include "stress.h"
#include "traffic.h"

#define ROUNDS      1000 /* of one case, before it is another one's turn */
#define WAITERS_MAX 3
#define LATE_MS     5000
#define QUIET_MS    1000 /* a descriptor that has not rung for so long does so for a reason alone */
#define STALL_NS    (60 * STRESS_S)
#define CAPACITY    4096
#define BYTES       500

/* Which end waits, how many handles it has, and where signals arrive. */
static const struct {
	unsigned end, waiters;
	bool signals_there, signals_here;
} cases[] = {
	{ SHMEMQ_CONSUMER, 1, false, false }, { SHMEMQ_PRODUCER, 1, false, false }, { SHMEMQ_CONSUMER, 1, true, false },
	{ SHMEMQ_PRODUCER, 1, true, false },  { SHMEMQ_CONSUMER, 1, false, true },  { SHMEMQ_CONSUMER, 3, true, false },
	{ SHMEMQ_PRODUCER, 3, false, true },
};
#define CASES (sizeof cases / sizeof cases[0])

/* The ways to wait. */
enum way {
	TRY,       /* and poll when that fails */
	POLL,      /* and try then: one message at each wake-up */
	EDGE,      /* as TRY, with EPOLLET */
	SLEEP,     /* in the call, */
	SLEEP_SOME /* again and again for a moment */
};

static struct shared {
	struct one {
		_Atomic uint32_t round; /* that has begun; 1: the server is there */
		_Atomic uint32_t begun; /* rounds, by all who wait */
		_Atomic uint32_t done;  /* messages, likewise */
		_Atomic uint32_t armed; /* by a call that failed, and waited for */
		_Atomic uint32_t quiet; /* of those who wait, how many are ready to begin */
	} of[CASES];
	_Atomic int active; /* the case that runs; -1: none */
	_Atomic bool over;
} * shared;

static struct stress stress;

static void fail(const char *what, unsigned which)
{
	fprintf(stderr, "rounds: case %u: %s (%s)\n", which, what, strerror(errno));
	coverage_exit(1);
}

/* One side of one case. */
struct side {
	unsigned which, end, number; /* number: among those who wait; the server has none */
	struct shmemq *q;
	struct pollfd fd;
	int edges; /* an epoll descriptor */
	uint64_t random;
	uint32_t sent;
};

static void open_side(struct side *side)
{
	struct shmemq_attr attr = { .capacity = CAPACITY };
	unsigned flags = side->end | SHMEMQ_CREATE;
	char name[sizeof stress.name + 12];

	if (side->end == cases[side->which].end && cases[side->which].waiters > 1)
		flags |= SHMEMQ_SHARED;
	snprintf(name, sizeof name, "%s%u", stress.name, side->which);
	do
		side->q = shmemq_open(name, flags, 0600, &attr);
	while (side->q == NULL && errno == ETIMEDOUT);
	if (side->q == NULL)
		fail("open", side->which);
}

static void on_signal(int number)
{
	(void)number;
}

/* Without SA_RESTART. The period is no multiple of anything. */
static void start_signals(struct side *side)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct itimerval timer = { .it_interval.tv_usec = 150 + (long)(traffic_random(&side->random) % 400) };

	timer.it_value = timer.it_interval;
	if (sigaction(SIGALRM, &action, NULL) != 0 || setitimer(ITIMER_REAL, &timer, NULL) != 0)
		fail("setitimer", side->which);
}

struct message {
	uint32_t side, number;
	char rest[BYTES - 8];
};

/* One message, in or out. 0, or an errno. */
static int move(struct side *side, int64_t timeout)
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

/* Is there what this side waits for, a message or room for one? */
static bool ready(const struct side *side)
{
	struct shmemq_stat st;

	shmemq_stat(side->q, &st);
	return side->end == SHMEMQ_PRODUCER ? CAPACITY - st.queued_bytes > BYTES + 24 : st.queued_messages > 0;
}

/*
 * Waits for the descriptor. Whoever is to ring may be off his processor, before he does what is
 * waited for, or between that and the ring; so a ring has been lost if it is missing beside what was there for LATE_MS.
 */
static void await_ring(struct side *side, enum way way)
{
	struct epoll_event event;
	int late = 0, rung;

	while (late < 2) {
		int64_t end = stress_now() + LATE_MS * STRESS_MS, left;

		while ((left = end - stress_now()) > 0) {
			int ms = (int)(left / STRESS_MS) + 1;

			rung = way == EDGE ? epoll_wait(side->edges, &event, 1, ms) : poll(&side->fd, 1, ms);
			if (rung == 1)
				return;
			if (rung < 0 && errno != EINTR)
				fail("poll", side->which);
		}
		late = ready(side) ? late + 1 : 0;
	}
	fail("a ring was lost", side->which);
}

/* Moves one message. */
static void take_one(struct side *side, enum way way)
{
	int64_t timeout = way == SLEEP ? -1 : way == SLEEP_SOME ? 50000 : 0;
	int err;

	if (way == POLL)
		await_ring(side, way);
	while ((err = move(side, timeout)) != 0) {
		errno = err;
		if (err == EAGAIN) {
			shared->of[side->which].armed++;
			await_ring(side, way);
		} else if (err != EINTR && err != ETIMEDOUT) {
			fail("move", side->which);
		}
	}
}

/* Messages for each who waits. Those of all fit into the ring. */
static unsigned burst(unsigned which, uint32_t round)
{
	return 1 + round % (cases[which].waiters > 1 ? 2 : 3);
}

static enum way some_way(uint64_t *random)
{
	static const enum way ways[] = { TRY, TRY, POLL, POLL, POLL, EDGE, SLEEP, SLEEP_SOME };

	return ways[traffic_random(random) % (sizeof ways / sizeof ways[0])];
}

/*
 * What races with a look takes a hundred nanoseconds; how long it takes until then nobody knows. So there are short
 * delays and long ones.
 */
static void delay(uint64_t *random)
{
	uint64_t most = 16u << traffic_random(random) % 13;

	for (uint64_t i = traffic_random(random) % most; i > 0; i--)
		atomic_signal_fence(memory_order_seq_cst);
}

/* True: the round has begun. False: all is over. */
static bool await_round(unsigned which, uint32_t round)
{
	while (shared->of[which].round < round && !shared->over) {
		if (shared->active == (int)which)
			sched_yield();
		else
			stress_sleep(STRESS_MS);
	}
	return !shared->over;
}

/* For a second after it was made a descriptor rings by itself, now and then: that would hide what is missing. */
static void await_quiet(struct side *side)
{
	int err;

	do
		err = move(side, 0);
	while (err == EAGAIN && poll(&side->fd, 1, QUIET_MS) != 0);
	errno = err;
	if (err != EAGAIN)
		fail("not full, or not empty", side->which);
	shared->of[side->which].quiet++;
}

static int wait_in_rounds(struct side *side)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	enum way way;

	open_side(side);
	side->fd = (struct pollfd){ .fd = shmemq_pollfd(side->q), .events = POLLIN };
	side->edges = epoll_create1(EPOLL_CLOEXEC);
	if (side->fd.fd < 0 || epoll_ctl(side->edges, EPOLL_CTL_ADD, side->fd.fd, &event) != 0)
		fail("pollfd", side->which);
	while (shared->of[side->which].round == 0) /* until then the server is not there */
		stress_sleep(STRESS_MS);
	await_quiet(side);
	if (cases[side->which].signals_there)
		start_signals(side);
	for (uint32_t round = 2; await_round(side->which, round); round++) {
		delay(&side->random);
		shared->of[side->which].begun++;
		way = some_way(&side->random);
		for (unsigned i = burst(side->which, round); i > 0; i--) {
			take_one(side, way);
			shared->of[side->which].done++;
		}
	}
	return 0;
}

static void await_all(unsigned which, const _Atomic uint32_t *counter, uint32_t value)
{
	int64_t end = stress_now() + STALL_NS;

	while (*counter != value) {
		sched_yield();
		if (stress_now() > end)
			fail("nothing moves", which);
	}
}

static int serve(struct side *side)
{
	unsigned waiters = cases[side->which].waiters;
	uint32_t begun = 0, done = 0;
	int err;

	open_side(side);
	shared->of[side->which].round = 1;
	if (cases[side->which].signals_here)
		start_signals(side);
	for (uint32_t round = 2;; round++) {
		while (shared->active != (int)side->which) {
			stress_sleep(STRESS_MS);
			if (shared->over)
				return 0;
		}
		shared->of[side->which].round = round;
		begun += waiters;
		done += waiters * burst(side->which, round);
		/* In most rounds they look for what is just coming, in the others for what is there. */
		if (round % 4 != 0)
			await_all(side->which, &shared->of[side->which].begun, begun);
		for (unsigned i = waiters * burst(side->which, round); i > 0; i--) {
			if (traffic_random(&side->random) % 2)
				delay(&side->random);
			while ((err = move(side, 0)) == EINTR)
				;
			errno = err;
			if (err != 0)
				fail("serve", side->which);
		}
		await_all(side->which, &shared->of[side->which].done, done);
		if (round % ROUNDS == 0)
			shared->active = -1;
	}
}

static void start(unsigned which, unsigned end, unsigned number)
{
	struct side side = { .which = which, .end = end, .number = number, .random = traffic_random(&stress.random) };
	pid_t pid = fork();

	if (pid < 0)
		fail("fork", which);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		coverage_exit(end == cases[which].end ? wait_in_rounds(&side) : serve(&side));
	}
}

/* Fills the ring of producers that are to wait for room, before there are any. */
static void prepare(unsigned which)
{
	struct side side = { .which = which, .end = SHMEMQ_PRODUCER };

	if (cases[which].end != SHMEMQ_PRODUCER)
		return;
	open_side(&side);
	while (move(&side, 0) == 0)
		;
	if (shmemq_close(side.q) != 0)
		fail("close", which);
}

/* A child that has ended before all is over has failed. */
static bool all_well(void)
{
	int status;

	if (waitpid(-1, &status, WNOHANG) <= 0)
		return true;
	fprintf(stderr, "rounds: a side ended with %s\n", stress_status(status));
	return false;
}

static void run_case(unsigned which)
{
	shared->active = (int)which;
	while (shared->active != -1) {
		stress_sleep(STRESS_MS);
		if (!all_well())
			exit(1);
	}
}

static void start_all(void)
{
	for (unsigned which = 0; which < CASES; which++) {
		prepare(which);
		for (unsigned i = 0; i < cases[which].waiters; i++)
			start(which, cases[which].end, i);
		start(which, SHMEMQ_PRODUCER + SHMEMQ_CONSUMER - cases[which].end, 0);
	}
	for (unsigned which = 0; which < CASES; which++) {
		while (shared->of[which].quiet != cases[which].waiters) {
			stress_sleep(STRESS_MS);
			if (!all_well())
				exit(1);
		}
	}
}

static int end_all(void)
{
	int status, failed = 0;

	shared->over = true;
	while (wait(&status) > 0) {
		if (status != 0)
			fprintf(stderr, "rounds: a side ended with %s\n", stress_status(status));
		failed |= status != 0;
	}
	return failed;
}

int main(void)
{
	uint64_t messages = 0, armed = 0;
	int inotify = inotify_init1(IN_CLOEXEC), failed;

	if (inotify < 0 || access("/proc/self/fd", F_OK) != 0) {
		puts("skipped: no inotify instance, or no /proc");
		return STRESS_SKIP;
	}
	close(inotify);
	stress_begin(&stress, "rounds", 5);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	shared->active = -1;
	start_all();
	do {
		for (unsigned which = 0; which < CASES; which++)
			run_case(which);
	} while (!stress_over(&stress));
	failed = end_all();
	for (unsigned which = 0; which < CASES; which++) {
		messages += shared->of[which].done;
		armed += shared->of[which].armed;
	}
	if (!failed)
		printf("rounds: %.1f s: %" PRIu64 " messages, a descriptor armed and rung for %" PRIu64
		       " of them, 0 lost\n",
		       stress_seconds(&stress), messages, armed);
	return failed;
}
