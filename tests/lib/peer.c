/* SPDX-License-Identifier: MIT */
/*
 * A peer in a process of its own: what test_peer() runs. Exit status 0: done; 1: failed, and standard error says why.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shmemq.h"
#include "sleepy.h"
#include "support.h"
#include "traffic.h"

/* Opens the end `flags` of the queue, or ends the process. */
static struct shmemq *open_end(const char *name, unsigned flags)
{
	struct shmemq *q = shmemq_open(name, flags, 0600, NULL);

	if (q == NULL) {
		fprintf(stderr, "peer: %s: %s\n", name, strerror(errno));
		exit(1);
	}
	return q;
}

/* produce NAME SEED COUNT: pushes up to COUNT messages of random sizes, as time permits, and closes. */
static int produce(char **argv)
{
	struct shmemq *q = open_end(argv[0], SHMEMQ_PRODUCER);

	return traffic_push(q, strtoull(argv[1], NULL, 0), strtoull(argv[2], NULL, 0), TEST_BOX) != 0 ||
	       shmemq_close(q) != 0;
}

/* consume NAME SEED: pops and checks what produce pushed, until the producer closes. */
static int consume(char **argv)
{
	struct shmemq *q = open_end(argv[0], SHMEMQ_CONSUMER);

	if (traffic_pop(q, strtoull(argv[1], NULL, 0)) != 0)
		return 1;
	if (shmemq_pop(q, NULL, 0, NULL) != -1 || errno != EPIPE)
		return traffic_error("after the last", 0);
	return shmemq_close(q) != 0;
}

/* hold NAME producer|consumer: claims the end, writes "held" to descriptor 1, and sleeps until it is killed. */
static int hold(char **argv)
{
	open_end(argv[0], strcmp(argv[1], "producer") == 0 ? SHMEMQ_PRODUCER : SHMEMQ_CONSUMER);
	if (write(1, "held\n", 5) != 5)
		return 1;
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int arguments;
		int (*run)(char **argv);
	} commands[] = {
		{ "produce", 3, produce },
		{ "consume", 2, consume },
		{ "hold", 2, hold },
		{ "sleepy", 7, sleepy_run },
	};

	for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++) {
		if (strcmp(argv[1], commands[i].name) == 0 && argc == 2 + commands[i].arguments)
			return commands[i].run(argv + 2);
	}
	fprintf(stderr, "peer: bad arguments\n");
	return 1;
}
