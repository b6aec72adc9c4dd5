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
static uint32_t capacity, alignment; /* of the present queue */
static uint64_t queues;

static uint64_t dice(uint64_t sides)
{
	return traffic_random(&stress.random) % sides;
}

/* A new queue under the name. The old one's file may not be a queue any more. */
static void make_queue(void)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);

	capacity = dice(2) || page > 65536 ? page : 65536;
	alignment = stress_alignment(&stress.random, capacity);
	stress_remove(stress.name);
	shmemq_close(stress_open(stress.name, SHMEMQ_OBSERVER, capacity, alignment));
	queues++;
}

static struct caller caller_of(unsigned end)
{
	return (struct caller){ .name = stress.name,
				.end = end,
				.random = traffic_random(&stress.random),
				.counts = counts,
				.capacity = capacity,
				.alignment = alignment,
				.buffer = calloc(1, capacity) };
}

static struct writer new_writer(void)
{
	struct writer writer = { .random = traffic_random(&stress.random) };

	writer.aims = dice(3) == 0 ? WRITER_ALL : (unsigned)(1 + dice(WRITER_ALL));
	if (!writer_map(&writer, stress.name, capacity, alignment))
		stress_fail("map");
	return writer;
}

/* All in one process, so that the seed decides everything: writes between the calls. */
static void at_rest(void)
{
	struct caller callers[2] = { caller_of(SHMEMQ_PRODUCER), caller_of(SHMEMQ_CONSUMER) };
	struct writer writer = new_writer();
	uint64_t calls_a_write = 1 + dice(100), bias = dice(7);

	if (dice(2))
		callers[0].meddler = callers[1].meddler = &writer;
	for (int i = 0; i < STEPS_AT_REST; i++) {
		struct caller *c = &callers[dice(8) <= bias];

		if (c->q == NULL && !caller_open(c))
			break;
		if (dice(calls_a_write) == 0) {
			writer_write(&writer);
			counts->writes++;
		}
		if (!caller_step(c) || dice(100) == 0)
			caller_close(c);
	}
	for (int i = 0; i < 2; i++) {
		if (callers[i].q != NULL)
			caller_close(&callers[i]);
		free(callers[i].buffer);
	}
	writer_unmap(&writer);
}

/* A side in a process of its own. If its opens are refused again and again it ends. */
static int run_caller(unsigned end, int64_t until)
{
	struct caller c = caller_of(end);
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
		counts->writes += (unsigned long)burst;
		for (int64_t end = stress_now() + pause; stress_now() < end;)
			;
	}
	writer_unmap(&writer);
	return 0;
}

/* A side, or (end 0) the writer. */
static pid_t start(unsigned end, int64_t until)
{
	pid_t pid;

	traffic_random(&stress.random); /* so that no two of them begin alike */
	pid = stress_fork();
	/* Not exit: the leak sanitizer would search all of its memory, hundreds of times a second. */
	if (pid == 0)
		coverage_exit(end == 0 ? run_writer(until) : run_caller(end, until));
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

static void finish(pid_t pid, int64_t deadline)
{
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (stress_now() > deadline) {
			fprintf(stderr, "hostile: a process hangs\n");
			describe(pid);
			counts->violations++;
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return;
		}
		stress_sleep(STRESS_MS);
	}
	if (status != 0) {
		fprintf(stderr, "hostile: a process ended with %s\n", stress_status(status));
		counts->violations++;
	}
}

static void while_running(void)
{
	int64_t until = stress_now() + stress_magnitude(&stress.random, 2 * STRESS_MS, 50 * STRESS_MS);
	static const unsigned ends[3] = { SHMEMQ_PRODUCER, SHMEMQ_CONSUMER, 0 };
	pid_t pids[3];

	for (int i = 0; i < 3; i++)
		pids[i] = start(ends[i], until);
	for (int i = 0; i < 3; i++)
		finish(pids[i], until + HANG_NS);
}

int main(void)
{
	stress_begin(&stress, "hostile", 3);
	counts = stress_shared(sizeof *counts);
	while (counts->violations == 0 && !stress_over(&stress)) {
		for (int i = 0; i < 4; i++) {
			make_queue();
			at_rest();
		}
		make_queue();
		while_running();
	}
	return stress_end(&stress, counts->violations,
			  "%" PRIu64 " queues, %lu writes, %lu calls, %lu messages, %lu handles broken, %lu of %lu "
			  "opens refused",
			  queues, counts->writes, counts->calls, counts->moved, counts->broken, counts->refused,
			  counts->opens);
}
