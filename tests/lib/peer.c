/* SPDX-License-Identifier: MIT */
/*
 * A peer in a process of its own: what test_peer() runs. Exit status 0: done; 1: failed, and standard error says why.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
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

/* A file with this content comes and goes, whole and in part, as fast as it can, until the process is killed. */
static int make_and_unmake(const char *path, const char *content, size_t bytes)
{
	for (unsigned round = 0;; round++) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

		if (fd < 0)
			return 1;
		for (int i = 0; i < 100; i++) {
			if (ftruncate(fd, (off_t)bytes) != 0 || pwrite(fd, content, 4096, 0) != 4096 ||
			    ftruncate(fd, i % 2 ? 0 : 200) != 0)
				return 1;
		}
		close(fd);
		if (round % 2 && unlink(path) != 0)
			return 1;
	}
}

/* remake NAME: does that with the file of a queue. */
static int remake(char **argv)
{
	size_t bytes = 0;
	static char content[1 << 20];
	char path[300];
	ssize_t count;
	int fd;

	snprintf(path, sizeof path, "/dev/shm%s", argv[0]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (count = read(fd, content + bytes, sizeof content - bytes)) > 0)
		bytes += (size_t)count;
	return bytes < 4096 || close(fd) != 0 || make_and_unmake(path, content, bytes);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int arguments;
		int (*run)(char **argv);
	} commands[] = {
		{ "produce", 3, produce }, { "consume", 2, consume },   { "hold", 2, hold },
		{ "remake", 1, remake },   { "sleepy", 7, sleepy_run },
	};

	for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++) {
		if (strcmp(argv[1], commands[i].name) == 0 && argc == 2 + commands[i].arguments)
			return commands[i].run(argv + 2);
	}
	fprintf(stderr, "peer: bad arguments\n");
	return 1;
}
