/* SPDX-License-Identifier: MIT */
/*
 * SHARED ends whose handles are killed all the time. In turns: PRODUCERS processes push to one consumer, which checks
 * that of each process's messages none is missing, torn or out of order; and one producer pushes to CONSUMERS
 * processes, which check that each message is popped by one of them, and held by two only if marked redelivered.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coverage.h"
#include "shmemq.h"
#include "stress.h"
#include "traffic.h"

#define PRODUCERS 8
#define CONSUMERS 4
#define SIDES_MAX 8
#define ROUND_NS  (2 * STRESS_S)
#define STALL_NS  (10 * STRESS_S) /* nothing moves for so long: it never will */
#define HANG_S    60              /* far longer than a side lives */
#define BODY_MAX  600
#define NUMBERS   (1u << 22) /* messages in a round of consumers, at most */

struct message {
	uint32_t side, life; /* who pushed it, and which process that was */
	uint64_t number;     /* among the messages of that process */
};

/* What all processes share, beside the queue. */
static struct shared {
	_Atomic bool over;
	_Atomic uint32_t pushed[SIDES_MAX];   /* by the present process of a side, at least */
	_Atomic uint32_t popped[NUMBERS / 4]; /* a byte a message: times that it was held */
	_Atomic uint32_t redelivered;
} * shared;

static struct stress stress;
static uint64_t kills, messages;
static int64_t longest;

static void fail(const char *what, uint64_t one, uint64_t other)
{
	fprintf(stderr, "torture_shared: %s: %" PRIu64 ", %" PRIu64 " (%s)\n", what, one, other, strerror(errno));
	coverage_exit(1);
}

static struct shmemq *open_end(unsigned flags)
{
	struct shmemq_attr attr = { .capacity = 1 << 14 };
	struct shmemq *q;

	/* ETIMEDOUT: another one was far from a processor in its own open or close. */
	do
		q = shmemq_open(stress.name, flags | SHMEMQ_CREATE, 0600, &attr);
	while (q == NULL && errno == ETIMEDOUT);
	if (q == NULL)
		fail("open", flags, 0);
	return q;
}

/* 0, or 1. After ETIMEDOUT, as above, the end is given up all the same. */
static int close_end(struct shmemq *q)
{
	return shmemq_close(q) != 0 && errno != ETIMEDOUT;
}

/* How a handle waits. */
enum way { IN_CALLS, IN_CALLS_TOO, TRYING, POLLING };

static enum way way_of(unsigned side, uint32_t life)
{
	uint64_t random = stress.seed + SIDES_MAX * (uint64_t)life + side;

	return (enum way)(traffic_random(&random) % (POLLING + 1));
}

/* Until the descriptor is readable: at most STALL_NS beside what it is to tell of. */
static void await_ring(struct shmemq *q, int fd, bool producer)
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	struct shmemq_stat st;
	int late = 0;

	while (late < 2) {
		if (poll(&readable, 1, (int)(STALL_NS / STRESS_MS)) == 1)
			return;
		shmemq_stat(q, &st);
		late = (producer ? st.capacity / 2 > st.queued_bytes : st.queued_messages > 0) ? late + 1 : 0;
	}
	fail("a ring was lost", producer, st.queued_bytes);
}

/* A call of no timeout has failed. True: it is worth repeating now. Where no descriptor is to be had it tries on. */
static bool again(struct shmemq *q, enum way way, bool producer)
{
	int fd;

	if (errno != EAGAIN || way < TRYING)
		return false;
	fd = way == POLLING ? shmemq_pollfd(q) : -1;
	if (fd >= 0)
		await_ring(q, fd, producer);
	else
		stress_sleep(20000);
	return true;
}

/* Pushes one message in one of the ways there are. Some wait long inside. */
static int push(struct shmemq *q, const struct message *head, uint64_t *random)
{
	char body[sizeof *head + BODY_MAX];
	size_t size = sizeof *head + traffic_random(random) % BODY_MAX;
	struct shmemq_msg msg = { .data = body, .size = size, .type = 5 };
	enum way way = way_of(head->side, head->life);
	int64_t timeout = way < TRYING ? -1 : 0;
	int failed;
	void *room;

	memcpy(body, head, sizeof *head);
	traffic_fill(body + sizeof *head, size - sizeof *head, head->number + head->life);
	switch (traffic_random(random) % 4) {
	case 0:
		do
			failed = shmemq_pushm(q, &msg, 1, timeout) != 1;
		while (failed && again(q, way, true));
		return failed;
	case 1:
		do
			room = shmemq_timedpush_start(q, sizeof body, timeout);
		while (room == NULL && again(q, way, true));
		if (room == NULL)
			return -1;
		memcpy(room, body, size);
		if (traffic_random(random) % 256 == 0)
			stress_sleep(stress_magnitude(random, 1000, 3 * STRESS_MS));
		return shmemq_push_end(q, size, 5);
	default:
		do
			failed = shmemq_timedpush(q, body, size, 5, timeout);
		while (failed && again(q, way, true));
		return failed;
	}
}

/* Some timeout, or none and ETIMEDOUT when it is worth repeating. */
static const void *pop_start(struct shmemq *q, size_t *size, uint32_t *type, enum way way)
{
	const void *view = shmemq_timedpop_start(q, size, type, way < TRYING ? 50 * STRESS_MS : 0);

	if (view == NULL && again(q, way, false))
		errno = ETIMEDOUT;
	return view;
}

static int produce(unsigned side, uint32_t life, uint64_t seed, unsigned flags, uint64_t most)
{
	struct shmemq *q = open_end(SHMEMQ_PRODUCER | SHMEMQ_STAY | flags);
	struct message head = { .side = side, .life = life };

	for (; !shared->over && head.number < most; head.number++) {
		if (push(q, &head, &seed) != 0)
			fail("push", side, head.number);
		shared->pushed[side] = head.number + 1;
	}
	return close_end(q);
}

/* Checks a message as far as it can be without others. */
static void check_message(const void *message, size_t size, uint32_t type, struct message *head)
{
	if (size < sizeof *head || type != 5)
		fail("no message", size, type);
	memcpy(head, message, sizeof *head);
	if (!traffic_filled((const char *)message + sizeof *head, size - sizeof *head, head->number + head->life))
		fail("torn", head->side, head->number);
}

/* Says that the message is held now. Times before. */
static uint32_t hold(uint64_t number)
{
	unsigned shift = number % 4 * 8;

	return shared->popped[number / 4] >> shift == 0xff
		       ? 0xff
		       : atomic_fetch_add(&shared->popped[number / 4], 1u << shift) >> shift & 0xff;
}

/*
 * To the end of what the one producer pushes, and no sooner: a timeout may only mean that the producer is far from a
 * processor, or that the turn is still a dead one's.
 */
static int consume(unsigned side, uint32_t life, uint64_t seed, unsigned flags, uint64_t most)
{
	struct shmemq *q = open_end(SHMEMQ_CONSUMER | flags);
	struct message head;
	const void *view;
	uint32_t type;
	size_t size;

	(void)most;
	for (;;) {
		view = pop_start(q, &size, &type, way_of(side, life));
		if (view == NULL && errno == ETIMEDOUT)
			continue;
		if (view == NULL && errno == EPIPE)
			break;
		if (view == NULL)
			fail("pop", 0, 0);
		check_message(view, size, type, &head);
		if (hold(head.number) != 0 && shmemq_redelivered(q) != 1)
			fail("held twice and not marked", head.number, 0);
		if (shmemq_redelivered(q))
			shared->redelivered++;
		if (traffic_random(&seed) % 1024 == 0)
			stress_sleep(stress_magnitude(&seed, 1000, 3 * STRESS_MS));
		if (shmemq_pop_end(q) != 0)
			fail("pop_end", head.number, 0);
	}
	return close_end(q);
}

struct side {
	pid_t pid;
	uint32_t life;
};

typedef int (*side_body)(unsigned side, uint32_t life, uint64_t seed, unsigned flags, uint64_t most);

static void start(struct side *side, unsigned number, side_body body, unsigned flags, uint64_t most)
{
	uint64_t seed = traffic_random(&stress.random);

	side->life++;
	shared->pushed[number] = 0;
	side->pid = fork();
	if (side->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(HANG_S);
		coverage_exit(body(number, side->life, seed, flags, most));
	}
	if (side->pid < 0)
		fail("fork", number, 0);
}

static void reap(struct side *side, bool killed)
{
	int status;

	if (waitpid(side->pid, &status, 0) != side->pid)
		fail("waitpid", (uint64_t)side->pid, 0);
	side->pid = 0;
	if (status != 0 && !(killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) {
		fprintf(stderr, "torture_shared: a side ended with %s\n", stress_status(status));
		exit(1);
	}
}

static void kill_one(struct side *side)
{
	kill(side->pid, SIGKILL);
	reap(side, true);
	kills++;
}

/* What the one consumer knows of each producing side. */
struct stream {
	uint32_t life;
	uint64_t next;
	uint64_t pushed; /* by the process before, when it was killed */
	uint32_t killed; /* which process that was */
};

/* Pops what is there, at most for `ns`, and checks it against each side's order. */
static void check_streams(struct shmemq *q, struct stream *streams, int64_t ns)
{
	int64_t end = stress_now() + ns, last = stress_now(), now;
	char body[sizeof(struct message) + BODY_MAX];
	struct message head;
	uint32_t type;
	ssize_t size;

	do {
		struct stream *stream;

		size = shmemq_timedpop(q, body, sizeof body, &type, ns > 0 ? STALL_NS : 0);
		if (size < 0 && ns == 0 && errno == EAGAIN)
			return;
		if (size < 0)
			fail("nothing comes", 0, 0);
		check_message(body, (size_t)size, type, &head);
		stream = &streams[head.side % SIDES_MAX];
		if (head.life != stream->life) {
			/* Of the process before, all that it knew to be pushed has come. */
			if (head.life < stream->life || head.number != 0)
				fail("a message of another life", head.life, head.number);
			if (stream->killed == stream->life && stream->next < stream->pushed)
				fail("lost", stream->next, stream->pushed);
			stream->life = head.life;
			stream->next = 0;
		}
		if (head.number != stream->next)
			fail("out of order", head.number, stream->next);
		stream->next++;
		messages++;
		now = stress_now();
		if (now - last > longest)
			longest = now - last;
		last = now;
	} while (ns == 0 || now < end);
}

static void round_of_producers(void)
{
	struct shmemq *q = open_end(SHMEMQ_CONSUMER | SHMEMQ_STAY);
	struct side sides[PRODUCERS] = { { 0, 0 } };
	struct stream streams[SIDES_MAX] = { { 0, 0, 0, 0 } };
	int64_t end = stress_now() + ROUND_NS;

	shared->over = false;
	for (unsigned i = 0; i < PRODUCERS; i++)
		start(&sides[i], i, produce, SHMEMQ_SHARED, UINT64_MAX);
	while (stress_now() < end) {
		unsigned i = (unsigned)(traffic_random(&stress.random) % PRODUCERS);

		check_streams(q, streams, stress_magnitude(&stress.random, 1000, 20 * STRESS_MS));
		kill_one(&sides[i]);
		/* A life without a message leaves the word to the one before it. */
		if (streams[i].killed != sides[i].life && shared->pushed[i] > 0) {
			streams[i].killed = sides[i].life;
			streams[i].pushed = shared->pushed[i];
		}
		start(&sides[i], i, produce, SHMEMQ_SHARED, UINT64_MAX);
	}
	shared->over = true;
	for (unsigned i = 0; i < PRODUCERS; i++) {
		while (waitpid(sides[i].pid, NULL, WNOHANG) == 0)
			check_streams(q, streams, 0);
	}
	check_streams(q, streams, 0);
	if (shmemq_close(q) != 0 || shmemq_unlink(stress.name) != 0)
		fail("close", 0, 0);
}

static void round_of_consumers(void)
{
	struct side sides[CONSUMERS] = { { 0, 0 } }, producer = { 0, 0 };
	int64_t end = stress_now() + ROUND_NS;
	uint64_t pushed;

	shared->over = false;
	memset(shared->popped, 0, sizeof shared->popped);
	start(&producer, 0, produce, 0, NUMBERS);
	for (unsigned i = 0; i < CONSUMERS; i++)
		start(&sides[i], i + 1, consume, SHMEMQ_SHARED, 0);
	while (stress_now() < end) {
		unsigned i = (unsigned)(traffic_random(&stress.random) % CONSUMERS);

		stress_sleep(stress_magnitude(&stress.random, 1000, 20 * STRESS_MS));
		kill_one(&sides[i]);
		start(&sides[i], i + 1, consume, SHMEMQ_SHARED, 0);
	}
	shared->over = true;
	reap(&producer, false);
	for (unsigned i = 0; i < CONSUMERS; i++)
		reap(&sides[i], false);
	pushed = shared->pushed[0];
	for (uint64_t i = 0; i < pushed; i++) {
		if ((shared->popped[i / 4] >> i % 4 * 8 & 0xff) == 0)
			fail("never popped", i, pushed);
	}
	messages += pushed;
	if (shmemq_unlink(stress.name) != 0)
		fail("unlink", 0, 0);
}

int main(void)
{
	stress_begin(&stress, "torture_shared", 4);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	do {
		round_of_producers();
		round_of_consumers();
	} while (!stress_over(&stress));
	printf("torture_shared: %.0f s: %" PRIu64 " kills, %" PRIu64 " messages, %" PRIu64
	       " redelivered, longest wait %" PRId64 " ms, 0 violations\n",
	       stress_seconds(&stress), kills, messages, (uint64_t)shared->redelivered, longest / STRESS_MS);
	return 0;
}
