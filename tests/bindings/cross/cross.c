/* SPDX-License-Identifier: MIT */
/*
 * One end of a queue, for cross.sh; the other programs of this directory do the same in other languages:
 *
 *	cross producer|consumer named|memfd|broadcast NAME-OR-FD SEED COUNT [STOP]
 *	cross start COMMAND...	runs COMMAND with a new queue's memfd as its standard input
 *
 * Messages have the numbers 0 to COUNT - 1. Number n has the tag n, and a size and bytes that follow from SEED and n.
 * The mark of each end is the number of the next message, where a successor goes on. The consumer checks each message,
 * and prints its number while it holds it, with R if it is marked as delivered again. At the message STOP the process
 * is killed: a producer before the message is in the queue, a consumer before it is out of it.
 */
#include "config.h"

#include <errno.h>
#include <shmemq.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE_MAX_HERE 6000

static unsigned char expected[SIZE_MAX_HERE];
static uint64_t seed, count, stop = UINT64_MAX;

static void fail(const char *what)
{
	fprintf(stderr, "cross.c: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t next(uint64_t word)
{
	return word * 6364136223846793005u + 1442695040888963407u;
}

/* Makes message n, and returns its size. */
static size_t make(uint64_t n, unsigned char *bytes)
{
	uint64_t word = next(next(seed * 0x9e3779b97f4a7c15u + n));
	const size_t size = (word >> 40) % (word >> 56 ? 160 : SIZE_MAX_HERE);

	for (size_t i = 0; i < size; i++) {
		if (i % 8 == 0)
			word = next(word);
		bytes[i] = (unsigned char)(word >> i % 8 * 8);
	}
	return size;
}

static struct shmemq *open_end(char **argv, unsigned flags)
{
	struct shmemq_attr attr = { .capacity = 65536 };
	struct shmemq *q;

	flags |= SHMEMQ_STAY;
	if (strcmp(argv[2], "broadcast") == 0)
		attr.flags = SHMEMQ_ATTR_BROADCAST;
	q = strcmp(argv[2], "memfd") == 0 ? shmemq_fdopen(atoi(argv[3]), flags)
					  : shmemq_open(argv[3], flags | SHMEMQ_CREATE, 0600, &attr);
	if (q == NULL)
		fail(argv[3]);
	return q;
}

static void produce(struct shmemq *q, uint64_t n)
{
	static unsigned char bytes[SIZE_MAX_HERE];

	for (; n < count; n++) {
		const size_t size = make(n, bytes);
		void *slot;

		shmemq_mark(q, n + 1);
		if (n % 2 == 0 && n != stop) {
			if (shmemq_push(q, bytes, size, (uint32_t)n) != 0)
				fail("push");
			continue;
		}
		if ((slot = shmemq_push_start(q, size)) == NULL)
			fail("push_start");
		memcpy(slot, bytes, size);
		if (n == stop)
			raise(SIGKILL);
		if (shmemq_push_end(q, size, (uint32_t)n) != 0)
			fail("push_end");
	}
}

static void consume(struct shmemq *q, uint64_t n, bool broadcast)
{
	for (dprintf(1, "open\n"); n < count; n++) {
		const size_t size = make(n, expected);
		uint32_t type;
		size_t got;
		const void *data = shmemq_pop_start(q, &got, &type);

		if (data == NULL)
			fail("pop_start");
		if (type != n || got != size || memcmp(data, expected, size) != 0) {
			fprintf(stderr, "cross.c: message %ju: got %ju of %zu bytes\n", (uintmax_t)n, (uintmax_t)type,
				got);
			exit(1);
		}
		dprintf(1, "%ju%s\n", (uintmax_t)n, shmemq_redelivered(q) ? " R" : "");
		if (n == stop)
			raise(SIGKILL);
		if ((!broadcast && shmemq_mark(q, n + 1) != 0) || shmemq_pop_end(q) != 0)
			fail("pop_end");
	}
}

int main(int argc, char **argv)
{
	struct shmemq_stat st;
	struct shmemq *q;

	if (argc > 2 && strcmp(argv[1], "start") == 0) {
		struct shmemq_attr attr = { .capacity = 65536 };

		if (dup2(shmemq_memfd(&attr), 0) != 0)
			fail("memfd");
		execvp(argv[2], argv + 2);
		fail(argv[2]);
	}
	if (argc < 6)
		return 2;
	seed = strtoull(argv[4], NULL, 10);
	count = strtoull(argv[5], NULL, 10);
	if (argc > 6)
		stop = strtoull(argv[6], NULL, 10);
	q = open_end(argv, strcmp(argv[1], "producer") == 0 ? SHMEMQ_PRODUCER : SHMEMQ_CONSUMER);
	if (shmemq_stat(q, &st) != 0)
		fail("stat");
	if (strcmp(argv[1], "producer") == 0)
		produce(q, st.producer_mark);
	else
		consume(q, st.consumer_mark, strcmp(argv[2], "broadcast") == 0);
	return shmemq_close(q) != 0;
}
