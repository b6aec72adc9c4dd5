/* SPDX-License-Identifier: MIT */
/* Many workers write one log: they share the producer end of the queue */
#include <errno.h>
#include <shmemq.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 4
#define LINES 3

static int work(int fd, uint32_t worker)
{
	struct shmemq *q = shmemq_fdopen(fd, SHMEMQ_PRODUCER | SHMEMQ_SHARED);
	char line[32];
	int chars;

	for (int i = 1; q != NULL && i <= LINES; i++) {
		chars = snprintf(line, sizeof line, "line %d", i);
		if (shmemq_push(q, line, (size_t)chars, worker) != 0)
			return 1;
	}
	return q == NULL || shmemq_close(q) != 0;
}

static int write_log(int fd)
{
	struct shmemq *q = shmemq_fdopen(fd, SHMEMQ_CONSUMER);
	const char *line;
	uint32_t worker;
	size_t size;

	while (q && (line = shmemq_pop_start(q, &size, &worker)) != NULL) {
		printf("worker %u: %.*s\n", (unsigned)worker, (int)size, line);
		shmemq_pop_end(q);
	}
	if (q == NULL || errno != EPIPE) /* EPIPE: the last handle has closed */
		return 1;
	return shmemq_close(q) != 0;
}

/* True: the process has failed or was killed, which the queue does not show. */
static int failed(pid_t pid)
{
	int status;

	return pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
}

int main(void)
{
	pid_t logger, workers[WORKERS];
	struct shmemq *all;
	int fd = shmemq_memfd(NULL), bad = 0;

	/* One more handle keeps the end open until all workers are done. */
	all = fd < 0 ? NULL : shmemq_fdopen(fd, SHMEMQ_PRODUCER | SHMEMQ_SHARED);
	if (all == NULL) {
		perror("logger");
		return 1;
	}
	logger = fork();
	if (logger == 0) /* in a child, close only frees the handle */
		return shmemq_close(all) != 0 || write_log(fd);
	for (uint32_t i = 0; i < WORKERS; i++) {
		workers[i] = fork();
		if (workers[i] == 0)
			return shmemq_close(all) != 0 || work(fd, i + 1);
	}
	for (int i = 0; i < WORKERS; i++)
		bad |= failed(workers[i]);
	shmemq_close(all);
	return failed(logger) || bad;
}
