/* SPDX-License-Identifier: MIT */
/* A burst of 20 MB into a queue that rests at 1 MiB, and never waits */
#include <errno.h>
#include <shmemq.h>
#include <stdio.h>
#include <string.h>

#define MESSAGES 20000
#define BYTES 1000

/* Pops `count` messages, and checks that they are the next ones. */
static int take(struct shmemq *q, int *next, int count)
{
	char message[BYTES];
	int number;

	for (; count > 0; count--) {
		if (shmemq_timedpop(q, message, sizeof message, NULL, 0) !=
		    BYTES)
			return -1;
		memcpy(&number, message, sizeof number);
		if (number != (*next)++)
			return -1;
	}
	return 0;
}

/* A timeout of 0: a push that had to wait would fail. */
static int put(struct shmemq *q, int number)
{
	char message[BYTES] = { 0 };

	memcpy(message, &number, sizeof number);
	return shmemq_timedpush(q, message, sizeof message, 0, 0);
}

static int show(struct shmemq *q, const char *when)
{
	struct shmemq_stat st;

	if (shmemq_stat(q, &st) != 0)
		return -1;
	printf("%s: %.0f MiB queued, %s\n", when,
	       (double)st.queued_bytes / (1 << 20),
	       st.reserved_bytes > st.capacity ? "grown" : "at rest");
	return 0;
}

int main(int argc, char **argv)
{
	const struct shmemq_attr attr = { .capacity = 1 << 20,
					  .capacity_max = 32 << 20 };
	struct shmemq *in, *out;
	int next = 0;

	if (argc != 2)
		return 2;
	in = shmemq_open(argv[1], SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr);
	out = shmemq_open(argv[1], SHMEMQ_CONSUMER, 0, NULL);
	if (in == NULL || out == NULL || show(in, "before") != 0)
		return 1;
	for (int i = 0; i < MESSAGES; i++) {
		if (put(in, i) != 0)
			return 1;
	}
	if (show(in, "burst") != 0 || take(out, &next, MESSAGES) != 0)
		return 1;
	/* Once around the ring, and the memory of the burst is free again. */
	for (int i = 0; i < 2000; i++) {
		if (put(in, MESSAGES + i) != 0 || take(out, &next, 1) != 0)
			return 1;
	}
	if (show(in, "after") != 0)
		return 1;
	if (shmemq_close(in) != 0 || shmemq_close(out) != 0)
		return 1;
	return shmemq_unlink(argv[1]) != 0;
}
