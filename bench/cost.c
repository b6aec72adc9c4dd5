/* SPDX-License-Identifier: MIT */
/* Pushes and pops messages of one size, one after the other; bench/check.sh counts what each of them costs. */
#include "config.h"

#include <shmemq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH 20

static int failed(const char *what)
{
	perror(what);
	return 1;
}

typedef int method_function(struct shmemq *producer, struct shmemq *consumer, size_t size, unsigned long count);

static int copy(struct shmemq *producer, struct shmemq *consumer, size_t size, unsigned long count)
{
	char message[256] = { 0 };

	for (; count != 0; count--) {
		if (shmemq_push(producer, message, size, 0) != 0)
			return failed("shmemq_push");
		if (shmemq_pop(consumer, message, sizeof message, NULL) != (ssize_t)size)
			return failed("shmemq_pop");
	}
	return 0;
}

static int in_place(struct shmemq *producer, struct shmemq *consumer, size_t size, unsigned long count)
{
	size_t bytes;

	for (; count != 0; count--) {
		void *message = shmemq_push_start(producer, size);

		if (message == NULL)
			return failed("shmemq_push_start");
		memset(message, 0, size);
		if (shmemq_push_end(producer, size, 0) != 0)
			return failed("shmemq_push_end");
		if (shmemq_pop_start(consumer, &bytes, NULL) == NULL || bytes != size)
			return failed("shmemq_pop_start");
		if (shmemq_pop_end(consumer) != 0)
			return failed("shmemq_pop_end");
	}
	return 0;
}

/* `count` is a multiple of BATCH. */
static int batch(struct shmemq *producer, struct shmemq *consumer, size_t size, unsigned long count)
{
	static char message[256];
	struct shmemq_msg in[BATCH], out[BATCH];

	for (int i = 0; i < BATCH; i++)
		in[i] = (struct shmemq_msg){ message, size, 0, 0 };
	for (; count != 0; count -= BATCH) {
		if (shmemq_pushm(producer, in, BATCH, 0) != BATCH)
			return failed("shmemq_pushm");
		if (shmemq_popm_start(consumer, out, BATCH, 0) != BATCH)
			return failed("shmemq_popm_start");
		if (shmemq_popm_end(consumer, BATCH) != 0)
			return failed("shmemq_popm_end");
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct shmemq_attr attr = { .capacity = 0 };
	struct shmemq *producer, *consumer;
	unsigned long count;
	char name[64];
	size_t size;
	method_function *method;
	unsigned shared;
	int status;

	if (argc != 4) {
		fprintf(stderr, "usage: %s copy|growing|shared|in-place|batch SIZE COUNT\n", argv[0]);
		return 2;
	}
	size = strtoul(argv[2], NULL, 10);
	count = strtoul(argv[3], NULL, 10);
	if (size > 256)
		return 2;
	snprintf(name, sizeof name, "/shmemq-cost-%ld", (long)getpid());
	/* As copy, at ends that are SHARED: each handle is the only one. */
	shared = strcmp(argv[1], "shared") == 0 ? SHMEMQ_SHARED : 0;
	/* As copy, in a queue that may grow, at rest. */
	if (strcmp(argv[1], "growing") == 0)
		attr.capacity_max = 16 << 20;
	producer = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE | SHMEMQ_EXCL | shared, 0600, &attr);
	if (producer == NULL)
		return failed(name);
	consumer = shmemq_open(name, SHMEMQ_CONSUMER | shared, 0, NULL);
	/* The name is removed now, so that no failure after this leaves it. */
	if (shmemq_unlink(name) != 0 || consumer == NULL)
		return failed(name);
	method = strcmp(argv[1], "in-place") == 0 ? in_place : strcmp(argv[1], "batch") == 0 ? batch : copy;
	status = method(producer, consumer, size, count);
	shmemq_close(producer);
	shmemq_close(consumer);
	return status;
}
