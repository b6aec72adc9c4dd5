/* SPDX-License-Identifier: MIT */
/*
 * Somebody writes garbage into a queue's memory, while its sides run and while they rest. Whatever he writes: no access
 * outside of the mapping, no abort, no call that does not come back, no errno that the manual does not know. To be run
 * with the address and undefined-behaviour sanitizers too. $TEST_SECONDS, $TEST_SEED.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
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
static uint32_t capacity; /* of the present queue */
static uint64_t queues;

static uint64_t dice(uint64_t sides)
{
	return traffic_random(&stress.random) % sides;
}

static void failed(const char *what)
{
	fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
	counts->violations++;
}

/* A new queue under the name. Its file may be no queue any more, so it is removed as a file. */
static bool make_queue(void)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);
	struct shmemq_attr attr = { .capacity = dice(2) || page > 65536 ? page : 65536 };
	char path[sizeof "/dev/shm" + sizeof stress.name];
	struct shmemq *q;

	snprintf(path, sizeof path, "/dev/shm%s", stress.name);
	unlink(path);
	capacity = (uint32_t)attr.capacity;
	q = shmemq_open(stress.name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 0600, &attr);
	if (q == NULL) {
		failed("open of a new queue");
		return false;
	}
	queues++;
	shmemq_close(q);
	return true;
}

static struct caller caller_of(unsigned end)
{
	return (struct caller){ .name = stress.name,
				.end = end,
				.random = traffic_random(&stress.random),
				.counts = counts,
				.capacity = capacity,
				.buffer = calloc(1, capacity) };
}

static struct writer writer_of(void)
{
	struct writer writer = { .random = traffic_random(&stress.random) };

	writer.aims = dice(3) == 0 ? WRITER_ALL : (unsigned)(1 + dice(WRITER_ALL));
	return writer;
}

/* One process, so that the seed decides everything: writes between the calls. */
static void at_rest(void)
{
	struct caller callers[2] = { caller_of(SHMEMQ_PRODUCER), caller_of(SHMEMQ_CONSUMER) };
	struct writer writer = writer_of();
	uint64_t calls_a_write = 1 + dice(100), bias = dice(7);

	if (writer_map(&writer, stress.name, capacity) != 0) {
		failed("map");
		return;
	}
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

/* A side in a process of its own. Where the queue is refused for good it has nothing more to do. */
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
	struct writer writer = writer_of();
	int64_t pause = stress_magnitude(&writer.random, 1, 200000);

	if (writer_map(&writer, stress.name, capacity) != 0)
		return 1;
	while (stress_now() < until) {
		writer_write(&writer);
		counts->writes++;
		for (int64_t end = stress_now() + pause; stress_now() < end;)
			;
	}
	writer_unmap(&writer);
	return 0;
}

/* 0, 1: a side. 2: the writer. */
static pid_t start(int who, int64_t until)
{
	pid_t pid;

	traffic_random(&stress.random); /* so that no two of them begin alike */
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* Not exit: the leak sanitizer would look through all of its memory, hundreds of times a second. */
		coverage_exit(who == 2 ? run_writer(until)
				       : run_caller(who == 0 ? SHMEMQ_PRODUCER : SHMEMQ_CONSUMER, until));
	}
	if (pid < 0)
		failed("fork");
	return pid;
}

/* What a process is about that does not end: its state and CPU time, and the system call it is in. */
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

	while (pid > 0 && waitpid(pid, &status, WNOHANG) == 0) {
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
	pid_t pids[3];

	for (int who = 0; who < 3; who++)
		pids[who] = start(who, until);
	for (int who = 0; who < 3; who++)
		finish(pids[who], until + HANG_NS);
}

int main(void)
{
	stress_begin(&stress, "hostile", 3);
	counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED) {
		perror("hostile");
		return 1;
	}
	while (counts->violations == 0 && !stress_over(&stress)) {
		for (int i = 0; i < 4 && make_queue(); i++)
			at_rest();
		if (make_queue())
			while_running();
	}
	printf("hostile: seed %" PRIu64 ", %.1f s, %" PRIu64
	       " queues: %lu writes, %lu calls, %lu messages, %lu handles broken, %lu of %lu opens refused, %" PRIu32
	       " violations\n",
	       stress.seed, stress_seconds(&stress), queues, counts->writes, counts->calls, counts->moved,
	       counts->broken, counts->refused, counts->opens, counts->violations);
	return counts->violations != 0;
}
