/* SPDX-License-Identifier: MIT */
/*
 * A queue that grows under load. Producers push bursts of messages, some of them larger than the ring, faster than
 * consumers pop; each side, or both, are killed in the middle. After each burst all is popped: nothing was lost,
 * reordered, torn or doubled. Then small messages go once around the ring, each popped before the next one, while in
 * some rounds sides are killed as well; after a whole lap without a kill the file has no more memory than at rest.
 * $TEST_SECONDS, $TEST_SEED.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "burst.h"
#include "traffic.h"

#define HANG_NS (60 * STRESS_S)

/* What runs of an end. */
struct end {
	const char *name;
	struct burst_side *words;
	unsigned count, flags;
	pid_t pids[BURST_SIDES]; /* 0: none */
	uint32_t incarnations[BURST_SIDES];
};

static struct stress stress;
static struct end producers = { .name = "producer" }, consumers = { .name = "consumer" };
static struct shmemq *observer;
static struct shmemq_attr attr;
static uint32_t incarnation;
static int file;
static struct {
	unsigned long queues, bursts, laps, kills_of_producers, kills_of_consumers;
	uint64_t most; /* bytes that a queue had beside its header */
} counts;

static uint64_t dice(uint64_t sides)
{
	return traffic_random(&stress.random) % sides;
}

static uint64_t header_bytes(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

/* At rest as much as the ring needs; at no moment, whatever was killed, more than the whole. */
static void check_memory(bool at_rest)
{
	struct shmemq_stat queue;
	struct stat st;
	uint64_t now;

	if (fstat(file, &st) != 0 || shmemq_stat(observer, &queue) != 0)
		stress_fail("stat");
	now = (uint64_t)st.st_blocks * 512 - header_bytes();
	if (at_rest ? now != attr.capacity || queue.reserved_bytes != now : now > attr.capacity_max) {
		errno = 0;
		stress_fail("%s: %" PRIu64 " bytes of memory, %" PRIu64 " reserved; capacity %" PRIu64 " to %" PRIu64
			    ", alignment %u, %u producers%s, %u consumers%s",
			    at_rest ? "after a lap" : "in a burst", now, (uint64_t)queue.reserved_bytes,
			    (uint64_t)attr.capacity, (uint64_t)attr.capacity_max, attr.alignment, producers.count,
			    producers.flags & SHMEMQ_SHARED ? ", SHARED" : "", consumers.count,
			    consumers.flags & SHMEMQ_SHARED ? ", SHARED" : "");
	}
	if (now > counts.most)
		counts.most = now;
	counts.laps += at_rest;
}

static void start_side(struct end *end, unsigned i)
{
	uint64_t random = traffic_random(&stress.random);
	uint32_t me = 0;

	if (end->pids[i] != 0)
		return;
	if (end == &producers)
		me = end->incarnations[i] = ++incarnation;
	end->words[i].seen = end->words[i].done = 0;
	end->pids[i] = stress_fork();
	if (end->pids[i] != 0)
		return;
	if (end == &producers)
		burst_produce(stress.name, end->flags, i, me, random);
	burst_consume(stress.name, end->flags, i, random);
}

static void start_sides(void)
{
	for (unsigned i = 0; i < producers.count; i++)
		start_side(&producers, i);
	for (unsigned i = 0; i < consumers.count; i++)
		start_side(&consumers, i);
}

static void reap(struct end *end, unsigned i, int signal)
{
	int64_t until = stress_now() + HANG_NS;
	int status;

	while (waitpid(end->pids[i], &status, WNOHANG) == 0) {
		if (stress_now() > until)
			stress_fail("a %s hangs", end->name);
		stress_sleep(STRESS_MS / 10);
	}
	end->pids[i] = 0;
	if (!(signal != 0 && WIFSIGNALED(status) && WTERMSIG(status) == signal) && status != 0)
		stress_fail("a %s ended with %s", end->name, stress_status(status));
}

/* Kills one side, or one of each; both before either is waited for. */
static void kill_some(void)
{
	uint64_t which = dice(3);
	unsigned p = (unsigned)dice(producers.count), c = (unsigned)dice(consumers.count);
	bool producer = which != 0 && producers.pids[p] != 0, consumer = which != 1 && consumers.pids[c] != 0;

	if (producer)
		kill(producers.pids[p], SIGKILL);
	if (consumer)
		kill(consumers.pids[c], SIGKILL);
	if (producer)
		reap(&producers, p, SIGKILL);
	if (consumer)
		reap(&consumers, c, SIGKILL);
	counts.kills_of_producers += producer;
	counts.kills_of_consumers += consumer;
}

/* For so long sides are killed and started again. */
static void kill_for(int64_t ns)
{
	int64_t until = stress_now() + ns;

	while (stress_now() < until && incarnation < BURST_INCARNATIONS - 2 * BURST_SIDES) {
		stress_sleep(stress_magnitude(&stress.random, 1000, 20 * STRESS_MS));
		kill_some();
		check_memory(false);
		if (dice(4) != 0)
			start_sides();
	}
}

static void order(enum burst_phase phase)
{
	burst->order = (burst->order / BURST_PHASES + 1) * BURST_PHASES + phase;
}

/* Have all sides of an end that run come to the order, or fulfilled it? */
static bool all(const struct end *end, bool done)
{
	for (unsigned i = 0; i < end->count; i++) {
		const struct burst_side *words = &end->words[i];

		if (waitpid(end->pids[i], NULL, WNOHANG) != 0)
			stress_fail("a %s has ended", end->name);
		if ((done ? words->done : words->seen) != burst->order)
			return false;
	}
	return true;
}

static bool all_received(void)
{
	for (uint32_t i = 1; i <= incarnation; i++) {
		if (burst->of[i].received < burst->of[i].pushed)
			return false;
	}
	return true;
}

/* Once the producers push no more, the consumers find all that they pushed. */
static void drain(void)
{
	int64_t until = stress_now() + HANG_NS;

	order(BURST_DRAIN);
	while (!all(&producers, false) || !all(&consumers, false)) {
		check_memory(false);
		if (stress_now() > until)
			stress_fail("a push or a pop hangs");
		stress_sleep(STRESS_MS / 10);
	}
	order(BURST_DRAIN); /* only now: what is empty from here on remains so */
	while (!all(&consumers, true) || !all_received()) {
		if (stress_now() > until)
			stress_fail("all is popped, and the last messages have not come");
		stress_sleep(STRESS_MS / 10);
	}
}

static void go_once_around(void)
{
	int64_t until = stress_now() + HANG_NS;
	unsigned lapper = (unsigned)dice(producers.count);

	start_sides();
	burst->lapper = producers.incarnations[lapper];
	order(BURST_LAP);
	if (dice(3) == 0) {
		kill_for(stress_magnitude(&stress.random, 1000, 5 * STRESS_MS));
		start_sides();
		burst->lapper = producers.incarnations[lapper];
		order(BURST_LAP);
	}
	while (producers.words[lapper].done != burst->order) {
		if (waitpid(-1, NULL, WNOHANG) != 0)
			stress_fail("a side has ended");
		if (stress_now() > until)
			stress_fail("a lap hangs");
		stress_sleep(STRESS_MS / 10);
	}
	check_memory(true);
}

static void make_queue(void)
{
	uint64_t page = header_bytes(), capacity = page << dice(5);
	bool shared = dice(3) == 0;
	char path[sizeof stress.name + 16];

	memset(burst->of, 0, sizeof burst->of);
	burst->held = incarnation = 0;
	burst->seed = traffic_random(&stress.random);
	burst->capacity = capacity;
	burst->alignment = stress_alignment(&stress.random, capacity);
	attr = (struct shmemq_attr){ .capacity = capacity,
				     .capacity_max = capacity << (1 + dice(8)),
				     .alignment = burst->alignment,
				     .messages_max = dice(4) == 0 ? 1 + (uint32_t)dice(5000) : 0 };
	observer = shmemq_open(stress.name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 0600, &attr);
	snprintf(path, sizeof path, "/dev/shm%s", stress.name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (observer == NULL || shmemq_getattr(observer, &attr) != 0 || file < 0)
		stress_fail("a new queue");
	burst->message_max = attr.message_max;
	producers.flags = (shared ? SHMEMQ_SHARED : 0) | (dice(2) ? SHMEMQ_STAY : 0);
	consumers.flags = (shared && dice(2) ? SHMEMQ_SHARED : 0) | (dice(2) ? SHMEMQ_STAY : 0);
	producers.count = producers.flags & SHMEMQ_SHARED ? 1 + (unsigned)dice(BURST_SIDES) : 1;
	consumers.count = consumers.flags & SHMEMQ_SHARED ? 1 + (unsigned)dice(BURST_SIDES) : 1;
	counts.queues++;
}

/* Closes all, or leaves them dead. */
static void remove_queue(void)
{
	order(BURST_CLOSE);
	for (unsigned i = 0; i < producers.count; i++)
		reap(&producers, i, 0);
	for (unsigned i = 0; i < consumers.count; i++)
		reap(&consumers, i, 0);
	if (shmemq_close(observer) != 0 || close(file) != 0 || shmemq_unlink(stress.name) != 0)
		stress_fail("the end of a queue");
}

int main(void)
{
	stress_begin(&stress, "burst", 4);
	burst = stress_shared(sizeof *burst);
	producers.words = burst->producers;
	consumers.words = burst->consumers;
	do {
		make_queue();
		for (uint64_t bursts = 1 + dice(8); bursts > 0 && !stress_over(&stress); bursts--) {
			order(BURST_PUSH);
			start_sides();
			if (dice(4) == 0)
				stress_sleep(stress_magnitude(&stress.random, STRESS_MS, 50 * STRESS_MS));
			else
				kill_for(stress_magnitude(&stress.random, STRESS_MS, 200 * STRESS_MS));
			start_sides();
			drain();
			go_once_around();
			counts.bursts++;
		}
		remove_queue();
	} while (!stress_over(&stress));
	return stress_end(&stress, 0,
			  "%lu queues, %lu bursts, %lu kills of producers, %lu of consumers, %" PRIu32
			  " messages, %" PRIu32 " larger than the ring, %" PRIu32 " redelivered, at most %" PRIu64
			  " KiB of memory, %lu times back at rest after a lap",
			  counts.queues, counts.bursts, counts.kills_of_producers, counts.kills_of_consumers,
			  (uint32_t)burst->popped, (uint32_t)burst->large, (uint32_t)burst->redelivered,
			  counts.most >> 10, counts.laps);
}
