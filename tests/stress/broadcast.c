/* SPDX-License-Identifier: MIT */
/*
 * A broadcast queue whose processes are killed all the time: one producer, or PRODUCERS that share the end and are
 * killed too, and 1 to CONSUMERS_MAX consumers, of which any is killed and started again, and some are stopped for a
 * while. Each consumer checks that of each producing process's messages, from its first on, none is missing, torn or
 * out of order, and that those of a process that was killed had all arrived. Each producer measures how long a push
 * takes. While a consumer is stopped and the producer waits, `stat` names that one.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coverage.h"
#include "stress.h"
#include "traffic.h"

#define PRODUCERS     3
#define CONSUMERS_MAX 8
#define LIVES         4096 /* of a producing side, in a round */
#define ROUND_NS      (2 * STRESS_S)
#define STALL_NS      (10 * STRESS_S) /* if nothing moves for so long, it never will */
#define HANG_S        60
#define BODY_MAX      300
#define RING          (1 << 14)

struct message {
	uint32_t side, life; /* which producing side, and which of its processes */
	uint64_t number;     /* among the messages of that process */
};

/* Memory that all processes share, beside the queue. */
struct shared {
	_Atomic bool over;
	_Atomic uint32_t pushed[PRODUCERS][LIVES]; /* by this process, at least */
	_Atomic uint32_t popped, longest_ms;
	uint32_t alignment;
	bool alone; /* one producer, which is not killed */
};

static struct shared *shared;
static struct stress stress;
static uint64_t kills, stops, named;

static struct shmemq *open_end(unsigned flags)
{
	struct shmemq_attr attr = { .capacity = RING, .alignment = shared->alignment, .flags = SHMEMQ_ATTR_BROADCAST };
	int64_t end = stress_now() + STALL_NS;
	struct shmemq *q;

	/* EBUSY: a process that was killed has its number until the kernel has ended it. */
	do
		q = shmemq_open(stress.name, flags | SHMEMQ_CREATE, 0600, &attr);
	while (q == NULL && (errno == ETIMEDOUT || errno == EBUSY) && stress_now() < end);
	if (q == NULL)
		stress_fail("open with flags %#x", flags);
	return q;
}

static void note_longest(int64_t ns)
{
	uint32_t ms = (uint32_t)(ns / STRESS_MS), now = shared->longest_ms;

	while (ms > now && !atomic_compare_exchange_weak(&shared->longest_ms, &now, ms))
		;
}

static void produce(unsigned side, uint32_t life, uint64_t random)
{
	struct shmemq *q = open_end(SHMEMQ_PRODUCER | (shared->alone ? 0 : SHMEMQ_SHARED));
	struct message head = { .side = side, .life = life };
	unsigned char body[sizeof head + BODY_MAX];

	for (; !shared->over; head.number++) {
		size_t size = sizeof head + traffic_random(&random) % BODY_MAX;
		int64_t start = stress_now();
		struct shmemq_msg msg = { .data = body, .size = size };
		bool failed;

		memcpy(body, &head, sizeof head);
		traffic_fill(body + sizeof head, size - sizeof head, head.number + life);
		if (traffic_random(&random) % 2)
			failed = shmemq_pushm(q, &msg, 1, STALL_NS) != 1;
		else
			failed = shmemq_timedpush(q, body, size, 0, STALL_NS) != 0;
		if (failed)
			stress_fail("push by side %u", side);
		note_longest(stress_now() - start);
		shared->pushed[side][life % LIVES] = (uint32_t)head.number + 1;
	}
	if (shmemq_close(q) != 0 && errno != ETIMEDOUT)
		stress_fail("close");
}

/* What a consumer knows of a producing side. */
struct stream {
	bool seen;
	uint32_t life;
	uint64_t next;
};

static void check(struct stream *streams, const unsigned char *at, size_t size)
{
	struct message head;
	struct stream *stream;

	errno = 0;
	if (size < sizeof head)
		stress_fail("a message of %zu bytes", size);
	memcpy(&head, at, sizeof head);
	if (head.side >= PRODUCERS || !traffic_filled(at + sizeof head, size - sizeof head, head.number + head.life))
		stress_fail("a torn message");
	stream = &streams[head.side];
	if (stream->seen && head.life != stream->life) {
		uint64_t pushed = shared->pushed[head.side][stream->life % LIVES];

		if (head.life < stream->life || head.number != 0 || stream->next < pushed)
			stress_fail("lost: %" PRIu64 " of %" PRIu64 ", then number %" PRIu64, stream->next, pushed,
				    head.number);
	} else if (stream->seen && head.number != stream->next) {
		stress_fail("%" PRIu64 " in place of %" PRIu64, head.number, stream->next);
	}
	*stream = (struct stream){ true, head.life, head.number + 1 };
	shared->popped++;
}

static int pop(struct shmemq *q, struct stream *streams, unsigned way)
{
	unsigned char body[sizeof(struct message) + BODY_MAX];
	struct shmemq_msg msgs[8];
	const void *message;
	ssize_t bytes;
	size_t size;
	int count;

	if (way == 0) {
		bytes = shmemq_timedpop(q, body, sizeof body, NULL, 50 * STRESS_MS);
		if (bytes >= 0)
			check(streams, body, (size_t)bytes);
		return bytes >= 0 ? 0 : -1;
	}
	if (way == 1) {
		message = shmemq_timedpop_start(q, &size, NULL, 50 * STRESS_MS);
		if (message != NULL)
			check(streams, message, size);
		return message != NULL ? shmemq_pop_end(q) : -1;
	}
	count = shmemq_popm_start(q, msgs, 8, 50 * STRESS_MS);
	for (int i = 0; i < count; i++)
		check(streams, msgs[i].data, msgs[i].size);
	return count > 0 ? shmemq_popm_end(q, (unsigned)count) : -1;
}

static void consume(unsigned side, uint32_t life, uint64_t random)
{
	struct shmemq *q = open_end(SHMEMQ_CONSUMER | SHMEMQ_STAY);
	struct stream streams[PRODUCERS] = { { false, 0, 0 } };

	(void)side;
	(void)life;
	while (!shared->over) {
		if (pop(q, streams, traffic_random(&random) % 3) != 0 && errno != ETIMEDOUT)
			stress_fail("pop");
		if (traffic_random(&random) % 4096 == 0)
			break; /* by a close, now and then */
	}
	if (shmemq_close(q) != 0 && errno != ETIMEDOUT)
		stress_fail("close");
}

struct side {
	void (*body)(unsigned side, uint32_t life, uint64_t random);
	unsigned number;
	pid_t pid;
	uint32_t life;
};

static void start(struct side *side)
{
	uint64_t seed = traffic_random(&stress.random);

	side->life++;
	if (side->body == produce)
		shared->pushed[side->number][side->life % LIVES] = 0;
	side->pid = stress_fork();
	if (side->pid == 0) {
		alarm(HANG_S);
		side->body(side->number, side->life, seed);
		coverage_exit(0);
	}
}

static void await_end(const struct side *side)
{
	int status;

	if (waitpid(side->pid, &status, 0) != side->pid)
		stress_fail("waitpid");
	errno = 0;
	if (status != 0 && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		stress_fail("a side ended with %s", stress_status(status));
}

/* Stops a consumer until the producer waits for it, or for a while. */
static void stop_one(const struct side *side, struct shmemq *observer)
{
	int64_t end = stress_now() + 100 * STRESS_MS;
	struct shmemq_stat st;
	int status;

	if (kill(side->pid, SIGSTOP) != 0 || waitpid(side->pid, &status, WUNTRACED) != side->pid)
		stress_fail("stop");
	if (!WIFSTOPPED(status)) { /* it has ended by itself */
		errno = 0;
		if (status != 0)
			stress_fail("a side ended with %s", stress_status(status));
		return;
	}
	do
		shmemq_stat(observer, &st);
	while (!((st.waiting & SHMEMQ_WAIT_PRODUCER) && st.slowest_pid == (uint32_t)side->pid) && stress_now() < end);
	named += stress_now() < end;
	kill(side->pid, SIGCONT);
	stops++;
}

static void start_again(struct side *side, bool killing)
{
	if (killing)
		kill(side->pid, SIGKILL);
	await_end(side);
	kills += killing;
	start(side);
}

static void disturb(struct side *side, struct shmemq *observer)
{
	siginfo_t info = { .si_pid = 0 };

	if (waitid(P_PID, (id_t)side->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0)
		start_again(side, false);
	else if (side->body == consume && traffic_random(&stress.random) % 4 == 0) {
		stop_one(side, observer);
		if (waitid(P_PID, (id_t)side->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
			start(side);
	} else if (side->life + 1 < LIVES && (side->body == consume || !shared->alone))
		start_again(side, true);
}

static void pass(void)
{
	unsigned producers, consumers = 1 + (unsigned)(traffic_random(&stress.random) % CONSUMERS_MAX);
	struct side sides[PRODUCERS + CONSUMERS_MAX];
	int64_t end = stress_now() + ROUND_NS;
	struct shmemq *observer;

	shared->over = false;
	shared->alone = traffic_random(&stress.random) % 2;
	shared->alignment = stress_alignment(&stress.random, RING);
	producers = shared->alone ? 1 : PRODUCERS;
	observer = open_end(SHMEMQ_OBSERVER);
	for (unsigned i = 0; i < producers + consumers; i++) {
		sides[i] = (struct side){ .body = i < producers ? produce : consume, .number = i };
		start(&sides[i]);
	}
	while (stress_now() < end && !stress_over(&stress)) {
		stress_sleep(stress_magnitude(&stress.random, 1000, 20 * STRESS_MS));
		disturb(&sides[traffic_random(&stress.random) % (producers + consumers)], observer);
	}
	shared->over = true;
	for (unsigned i = 0; i < producers + consumers; i++)
		await_end(&sides[i]);
	if (shmemq_close(observer) != 0 || shmemq_unlink(stress.name) != 0)
		stress_fail("close or unlink");
}

int main(void)
{
	stress_begin(&stress, "broadcast", 6);
	shared = stress_shared(sizeof *shared);
	do
		pass();
	while (!stress_over(&stress));
	return stress_end(&stress, 0,
			  "%" PRIu64 " kills, %" PRIu64 " stops (%" PRIu64 " named), %" PRIu32
			  " messages popped, longest push %" PRIu32 " ms",
			  kills, stops, named, shared->popped, shared->longest_ms);
}
