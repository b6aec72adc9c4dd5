/* SPDX-License-Identifier: MIT */
/*
 * Garbage is written into a queue's memory, while its sides run and between their calls. Whatever is written: no access
 * outside the mapping, no abort, no call that does not return, no errno that the manual does not have. To be run with
 * the address and undefined-behaviour sanitizers too. $TEST_SECONDS, $TEST_SEED.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coverage.h"
#include "hostile_caller.h"
#include "hostile_writer.h"
#include "stress.h"
#include "traffic.h"

#define HANG_NS       (10 * STRESS_S)
#define STEPS_AT_REST 400

static struct stress stress;
static struct hostile_counts *counts;
static struct hostile_queue queue; /* the present one */
static uint64_t queues, growing, broadcast;

static uint64_t dice(uint64_t sides)
{
	return traffic_random(&stress.random) % sides;
}

static void create(void)
{
	struct shmemq_attr attr = { .capacity = queue.capacity,
				    .capacity_max = queue.capacity_max,
				    .messages_max = queue.messages_max,
				    .alignment = queue.alignment,
				    .flags = queue.flags };
	struct shmemq *q = shmemq_open(queue.name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 0600, &attr);

	if (q == NULL)
		stress_fail("open");
	shmemq_close(q);
}

/* A new queue under the name, of any kind. The old one's file may not be a queue any more. */
static void make_queue(void)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE), readers = SMQ_READERS_MAX * sizeof(struct smq_reader);

	queue = (struct hostile_queue){ .name = stress.name, .header = page };
	queue.capacity = queue.capacity_max = dice(2) || page > 65536 ? page : 65536;
	queue.alignment = stress_alignment(&stress.random, queue.capacity);
	queue.messages_max = dice(4) ? 0 : 1 + (uint32_t)dice(dice(2) ? 8 : 1000);
	switch (dice(4)) {
	case 0:
		queue.flags = SHMEMQ_ATTR_BROADCAST;
		queue.header = (SMQ_READERS_OFFSET + readers + page - 1) / page * page;
		broadcast++;
		break;
	case 1:
	case 2:
		queue.capacity_max <<= 1 + dice(4);
		growing++;
		break;
	default:
		break;
	}
	stress_remove(stress.name);
	create();
	queues++;
}

static struct caller caller_of(unsigned role)
{
	return (struct caller){ .queue = &queue,
				.role = role,
				.random = traffic_random(&stress.random),
				.counts = counts,
				.capacity = queue.capacity,
				.capacity_max = queue.capacity_max,
				.alignment = queue.alignment,
				.buffer = calloc(1, hostile_queue_bytes(&queue)) };
}

/* Both ends, and two more that there may be many of. */
#define CALLERS 4

static unsigned role_of(int i)
{
	static const unsigned first[] = { SHMEMQ_PRODUCER, SHMEMQ_CONSUMER };
	static const unsigned more[] = { SHMEMQ_PRODUCER, SHMEMQ_CONSUMER, SHMEMQ_CONSUMER,
					 SHMEMQ_FOLLOWER, SHMEMQ_FOLLOWER, SHMEMQ_OBSERVER };

	return i < 2 ? first[i] : more[dice(sizeof more / sizeof more[0])];
}

static struct writer new_writer(void)
{
	struct writer writer = { .random = traffic_random(&stress.random) };

	writer.aims = dice(3) == 0 ? WRITER_ALL : (unsigned)(1 + dice(WRITER_ALL));
	if (writer.aims != WRITER_IDENTITY && dice(4) != 0) /* with it few opens succeed */
		writer.aims &= ~(unsigned)WRITER_IDENTITY;
	if (!writer_map(&writer, &queue))
		stress_fail("map");
	return writer;
}

/* All in one process, so that the seed decides everything: writes between the calls. */
static void at_rest(void)
{
	struct caller callers[CALLERS];
	struct writer writer = new_writer();
	uint64_t calls_a_write = 1 + dice(100), bias = dice(7);
	bool meddles = dice(2);
	int count = 2 + (int)dice(CALLERS - 1);

	for (int i = 0; i < count; i++) {
		callers[i] = caller_of(role_of(i));
		if (meddles)
			callers[i].meddler = &writer;
	}
	for (int i = 0; i < STEPS_AT_REST; i++) {
		struct caller *c = &callers[dice(4) == 0 ? dice((uint64_t)count) : dice(8) <= bias];

		if (c->q == NULL && !caller_open(c))
			continue;
		if (dice(calls_a_write) == 0)
			writer_write(&writer);
		if (!caller_step(c) || dice(100) == 0)
			caller_close(c);
	}
	for (int i = 0; i < count; i++) {
		if (callers[i].q != NULL)
			caller_close(&callers[i]);
		free(callers[i].buffer);
	}
	counts->writes += (unsigned long)writer.writes;
	writer_unmap(&writer);
}

/* A side in a process of its own. If its opens are refused again and again it ends. */
static int run_caller(unsigned role, int64_t until)
{
	struct caller c = caller_of(role);
	int refused = 0;

	while (stress_now() < until && refused < 20) {
		if (c.q == NULL && !caller_open(&c)) {
			refused++;
			continue;
		}
		if (!caller_step(&c) || traffic_random(&c.random) % 1000 == 0)
			caller_close(&c);
	}
	if (c.q != NULL)
		caller_close(&c);
	free(c.buffer);
	return 0;
}

static int run_writer(int64_t until)
{
	struct writer writer = new_writer();
	/* Between two bursts. The sides get further if there is one; half of the writers write at full speed. */
	int64_t pause = dice(2) ? stress_magnitude(&writer.random, 1, 200000) : 0;
	int burst = pause > 0 ? 1 : 1000;

	while (stress_now() < until) {
		for (int i = 0; i < burst; i++)
			writer_write(&writer);
		for (int64_t end = stress_now() + pause; stress_now() < end;)
			;
	}
	counts->writes += (unsigned long)writer.writes;
	writer_unmap(&writer);
	return 0;
}

/* A caller, or (role 0) the writer. */
static pid_t start(unsigned role, int64_t until)
{
	pid_t pid;

	traffic_random(&stress.random); /* so that no two of them begin alike */
	pid = stress_fork();
	/* Not exit: the leak sanitizer would search all of its memory, hundreds of times a second. */
	if (pid == 0)
		coverage_exit(role == 0 ? run_writer(until) : run_caller(role, until));
	return pid;
}

/* Of a process that does not end: its state and CPU time, and the system call it is in. */
static void describe(pid_t pid)
{
	static const char *const files[] = { "stat", "syscall", "wchan" };
	char path[64], text[512];

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		FILE *file;

		snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, files[i]);
		file = fopen(path, "re");
		if (file != NULL && fgets(text, sizeof text, file) != NULL)
			fprintf(stderr, "hostile: %s: %s\n", path, text);
		if (file != NULL)
			fclose(file);
	}
}

static void finish(pid_t pid, unsigned role, int64_t deadline)
{
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (stress_now() > deadline) {
			fprintf(stderr, "hostile: a process of role %#x hangs\n", role);
			describe(pid);
			counts->violations++;
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return;
		}
		stress_sleep(STRESS_MS);
	}
	if (status != 0) {
		fprintf(stderr, "hostile: a process of role %#x ended with %s\n", role, stress_status(status));
		counts->violations++;
	}
}

static void while_running(void)
{
	int64_t until = stress_now() + stress_magnitude(&stress.random, 2 * STRESS_MS, 200 * STRESS_MS);
	unsigned roles[CALLERS + 1] = { 0 };
	pid_t pids[CALLERS + 1];
	int count = 2 + (int)dice(CALLERS - 1);

	for (int i = 0; i <= count; i++) {
		roles[i] = i < count ? role_of(i) : 0;
		pids[i] = start(roles[i], until);
	}
	for (int i = 0; i <= count; i++)
		finish(pids[i], roles[i], until + HANG_NS);
}

int main(void)
{
	stress_begin(&stress, "hostile", 3);
	counts = stress_shared(sizeof *counts);
	while (counts->violations == 0 && !stress_over(&stress)) {
		for (int i = 0; i < 2; i++) {
			make_queue();
			at_rest();
		}
		make_queue();
		while_running();
	}
	return stress_end(&stress, counts->violations,
			  "%" PRIu64 " queues, %" PRIu64 " growing, %" PRIu64
			  " broadcast: %lu writes, %lu calls, %lu messages, %lu handles broken, %lu of %lu "
			  "opens refused",
			  queues, growing, broadcast, counts->writes, counts->calls, counts->moved, counts->broken,
			  counts->refused, counts->opens);
}
