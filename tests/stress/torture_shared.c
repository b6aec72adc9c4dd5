/* SPDX-License-Identifier: MIT */
/*
 * SHARED ends whose handles are killed all the time. By turns: PRODUCERS processes push to one consumer, which checks
 * that of each process's messages none is missing, torn or out of order; and one producer pushes to CONSUMERS
 * processes, which check that each message is popped by one of them, and held by two only if it is marked redelivered.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coverage.h"
#include "torture_shared.h"
#include "traffic.h"

#define PRODUCERS 8
#define CONSUMERS 4
#define ROUND_NS  (2 * STRESS_S)
#define HANG_S    60 /* far longer than a side runs */

struct shared *shared;
struct stress stress;
static uint64_t kills, messages;
static int64_t longest;

struct side {
	pid_t pid;
	uint32_t life;
};

static void start(struct side *side, unsigned number, side_body *body)
{
	uint64_t seed = traffic_random(&stress.random);

	side->life++;
	shared->pushed[number] = 0;
	side->pid = stress_fork();
	if (side->pid == 0) {
		alarm(HANG_S);
		body(number, side->life, seed);
		coverage_exit(0);
	}
}

/* Has the side ended? With `options` 0: waits for that. */
static bool reap(const struct side *side, bool killed, int options)
{
	int status;
	pid_t pid = waitpid(side->pid, &status, options);

	if (pid == 0)
		return false;
	if (pid < 0)
		stress_fail("waitpid");
	errno = 0;
	if (status != 0 && !(killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		stress_fail("a side ended with %s", stress_status(status));
	return true;
}

static void kill_one(struct side *side)
{
	kill(side->pid, SIGKILL);
	reap(side, true, 0);
	kills++;
}

/* What the one consumer knows of each producing side. */
struct stream {
	uint32_t life;
	uint64_t next;
	uint64_t pushed; /* by the process before, when it was killed */
	uint32_t killed; /* which process that was */
};

/* Checks that a message is the next one of its side. */
static void check_stream(struct stream *stream, const struct message *head)
{
	errno = 0;
	if (head->life != stream->life) {
		/* Of the process before, all that it knew to be pushed has arrived. */
		if (head->life < stream->life || head->number != 0)
			stress_fail("a message of another process: %" PRIu32 ", number %" PRIu64, head->life,
				    head->number);
		if (stream->killed == stream->life && stream->next < stream->pushed)
			stress_fail("lost: %" PRIu64 " of %" PRIu64 " messages arrived", stream->next, stream->pushed);
		stream->life = head->life;
		stream->next = 0;
	}
	if (head->number != stream->next)
		stress_fail("out of order: %" PRIu64 " in place of %" PRIu64, head->number, stream->next);
	stream->next++;
}

/* Pops for `ns`, waiting, or (0) what is there, and checks it against each side's order. */
static void pop_and_check(struct shmemq *q, struct stream *streams, int64_t ns)
{
	int64_t end = stress_now() + ns, last = stress_now(), now;
	char body[sizeof(struct message) + BODY_MAX];
	struct message head;
	uint32_t type;
	ssize_t size;

	do {
		size = shmemq_timedpop(q, body, sizeof body, &type, ns > 0 ? STALL_NS : 0);
		if (size < 0 && ns == 0 && errno == EAGAIN)
			return;
		if (size < 0)
			stress_fail("nothing arrives");
		check_message(body, (size_t)size, type, &head);
		check_stream(&streams[head.side % SIDES_MAX], &head);
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
		start(&sides[i], i, produce_shared);
	while (stress_now() < end) {
		unsigned i = (unsigned)(traffic_random(&stress.random) % PRODUCERS);

		pop_and_check(q, streams, stress_magnitude(&stress.random, 1000, 20 * STRESS_MS));
		kill_one(&sides[i]);
		/* If it has pushed nothing, the process before it stays the last one with messages. */
		if (streams[i].killed != sides[i].life && shared->pushed[i] > 0) {
			streams[i].killed = sides[i].life;
			streams[i].pushed = shared->pushed[i];
		}
		start(&sides[i], i, produce_shared);
	}
	shared->over = true;
	for (unsigned i = 0; i < PRODUCERS; i++) {
		while (!reap(&sides[i], false, WNOHANG))
			pop_and_check(q, streams, 0);
	}
	pop_and_check(q, streams, 0);
	if (shmemq_close(q) != 0 || shmemq_unlink(stress.name) != 0)
		stress_fail("close or unlink");
}

static void round_of_consumers(void)
{
	struct side sides[CONSUMERS] = { { 0, 0 } }, producer = { 0, 0 };
	int64_t end = stress_now() + ROUND_NS;
	uint64_t pushed;

	shared->over = false;
	memset(shared->popped, 0, sizeof shared->popped);
	start(&producer, 0, produce_alone);
	for (unsigned i = 0; i < CONSUMERS; i++)
		start(&sides[i], i + 1, consume_shared);
	while (stress_now() < end) {
		unsigned i = (unsigned)(traffic_random(&stress.random) % CONSUMERS);

		stress_sleep(stress_magnitude(&stress.random, 1000, 20 * STRESS_MS));
		kill_one(&sides[i]);
		start(&sides[i], i + 1, consume_shared);
	}
	shared->over = true;
	reap(&producer, false, 0);
	for (unsigned i = 0; i < CONSUMERS; i++)
		reap(&sides[i], false, 0);
	pushed = shared->pushed[0];
	errno = 0;
	for (uint64_t i = 0; i < pushed; i++) {
		if ((shared->popped[i / 4] >> i % 4 * 8 & 0xff) == 0)
			stress_fail("message %" PRIu64 " of %" PRIu64 " was never popped", i, pushed);
	}
	messages += pushed;
	if (shmemq_unlink(stress.name) != 0)
		stress_fail("unlink");
}

static void choose_queue(void)
{
	shared->alignment = stress_alignment(&stress.random, 1 << 14);
	stress_capacity_max = traffic_random(&stress.random) % 2 ? 1 << 16 : 0;
}

int main(void)
{
	stress_begin(&stress, "torture_shared", 4);
	shared = stress_shared(sizeof *shared);
	do {
		choose_queue();
		round_of_producers();
		choose_queue();
		round_of_consumers();
	} while (!stress_over(&stress));
	return stress_end(&stress, 0,
			  "%" PRIu64 " kills, %" PRIu64 " messages, %" PRIu32 " redelivered, longest wait %" PRId64
			  " ms",
			  kills, messages, shared->redelivered, longest / STRESS_MS);
}
