/* SPDX-License-Identifier: MIT */
/*
 * What a queue takes to grow, beside what the kernel takes for the same memory: reserving it, the faults of the first
 * touch, and a copy. One process, its processor time; what is between two growths is not measured.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "library.h"

#define MIB  ((size_t)1 << 20)
#define GROW (16 * MIB)          /* so much is pushed each time: a container has 64 MiB; */
#define STEP ((size_t)256 << 10) /* and reserved in such steps */

struct growth {
	struct shmemq *producer, *consumer;
	unsigned char *message, *map;
	int fd;
};

static bool create_queue(struct channel *channel)
{
	const struct shmemq_attr attr = { .capacity = channel->capacity, .capacity_max = 2 * GROW };
	struct shmemq *q = shmemq_open(channel->name, SHMEMQ_OBSERVER | SHMEMQ_CREATE | SHMEMQ_EXCL, 0600, &attr);

	return q != NULL && shmemq_close(q) == 0;
}

static bool create_file(struct channel *channel)
{
	channel->fds[CONSUMER] = memfd_create("fallocate", MFD_CLOEXEC);
	return channel->fds[CONSUMER] >= 0 && ftruncate(channel->fds[CONSUMER], (off_t)GROW) == 0;
}

static void unlink_queue(struct channel *channel)
{
	shmemq_unlink(channel->name);
}

static void destroy_file(struct channel *channel)
{
	close(channel->fds[CONSUMER]);
}

static struct growth *growth_of(struct channel *channel)
{
	struct growth *growth = calloc(1, sizeof *growth);

	if (growth == NULL || (growth->message = malloc(channel->size)) == NULL)
		die("malloc");
	memset(growth->message, 'm', channel->size);
	return channel->context = growth;
}

static void open_queue(struct channel *channel, enum side side)
{
	struct growth *growth = growth_of(channel);

	(void)side;
	growth->producer = shmemq_open(channel->name, SHMEMQ_PRODUCER, 0, NULL);
	growth->consumer = shmemq_open(channel->name, SHMEMQ_CONSUMER, 0, NULL);
	if (growth->producer == NULL || growth->consumer == NULL)
		die("shmemq_open");
}

static void open_file(struct channel *channel, enum side side)
{
	struct growth *growth = growth_of(channel);

	(void)side;
	growth->fd = channel->fds[CONSUMER];
	growth->map = mmap(NULL, GROW, PROT_READ | PROT_WRITE, MAP_SHARED, growth->fd, 0);
	if (growth->map == MAP_FAILED)
		die("mmap");
}

/* Nothing waits here, so that is the time without what else runs. */
static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void push(struct growth *growth, size_t size, size_t bytes)
{
	for (size_t pushed = 0; pushed < bytes; pushed += size + 8) {
		if (shmemq_timedpush(growth->producer, growth->message, size, 0, 0) != 0)
			die("shmemq_timedpush");
	}
}

/* The queue is back at rest then: once around the ring, each message is popped at once. */
static void rest(struct growth *growth, size_t size)
{
	while (shmemq_timedpop(growth->consumer, growth->message, size, NULL, 0) >= 0)
		;
	for (size_t pushed = 0; errno == EAGAIN && pushed < MIB; pushed += size + 8) {
		push(growth, size, 1);
		if (shmemq_timedpop(growth->consumer, growth->message, size, NULL, 0) < 0)
			die("shmemq_timedpop");
	}
	if (errno != EAGAIN)
		die("shmemq_timedpop");
}

static uint64_t grow_queue(const struct channel *channel)
{
	struct growth *growth = channel->context;
	uint64_t start;

	push(growth, channel->size, MIB); /* the ring, nearly: it does not grow yet */
	start = cpu_ns();
	push(growth, channel->size, GROW);
	start = cpu_ns() - start;
	rest(growth, channel->size);
	return start;
}

static uint64_t grow_file(const struct channel *channel)
{
	struct growth *growth = channel->context;
	size_t at = 0, reserved = 0;
	uint64_t start = cpu_ns();

	for (; at + channel->size + 8 <= GROW; at += channel->size + 8) {
		for (; reserved < at + channel->size + 8; reserved += STEP) {
			if (posix_fallocate(growth->fd, (off_t)reserved, (off_t)STEP) != 0)
				die("posix_fallocate");
		}
		memcpy(growth->map + at, &channel->size, 8);
		copy_message(growth->map + at + 8, growth->message, channel->size);
	}
	start = cpu_ns() - start;
	if (fallocate(growth->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)GROW) != 0)
		die("fallocate");
	return start;
}

/* Counts MiB, and the time that they took. */
static void repeat(const struct job *job, uint64_t (*grow)(const struct channel *))
{
	uint64_t ns = 0, number = 0, from = 0;

	note_arrival(job->control, 0);
	while (phase_of(job->control) != STOP || number == from) {
		bool measured = phase_of(job->control) != WARM_UP;
		uint64_t took = grow(job->channels);

		number += GROW / MIB;
		if (measured)
			ns += took;
		else
			from = number;
	}
	job->control->ns = ns;
	job->control->messages = number - from;
	job->control->total = number;
}

static void repeat_queue(struct job *job)
{
	repeat(job, grow_queue);
}

static void repeat_file(struct job *job)
{
	repeat(job, grow_file);
}

const struct contender with_growth = {
	.name = "push",
	.can = CAN(GROWTH),
	.create = create_queue,
	.unlink = unlink_queue,
	.open = open_queue,
	.consume = repeat_queue,
};

const struct contender with_fallocate = {
	.name = "fallocate",
	.can = CAN(GROWTH),
	.create = create_file,
	.destroy = destroy_file,
	.open = open_file,
	.consume = repeat_file,
};
