/* SPDX-License-Identifier: MIT */
/* A parent sends messages to its child through a queue without a name */
#include <errno.h>
#include <shmemq.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int print_all(int fd)
{
	struct shmemq *q = shmemq_fdopen(fd, SHMEMQ_CONSUMER);
	const char *text;
	size_t size;

	while (q && (text = shmemq_pop_start(q, &size, NULL)) != NULL) {
		printf("child: %.*s\n", (int)size, text);
		shmemq_pop_end(q);
	}
	if (q == NULL || errno != EPIPE) /* EPIPE: the parent has closed */
		return 1;
	return shmemq_close(q) != 0;
}

static int send_all(int fd)
{
	struct shmemq *q = shmemq_fdopen(fd, SHMEMQ_PRODUCER);

	if (q == NULL || shmemq_push(q, "hello", 5, 0) != 0 ||
	    shmemq_push(q, "goodbye", 7, 0) != 0)
		return 1;
	return shmemq_close(q) != 0;
}

int main(void)
{
	int fd = shmemq_memfd(NULL), failed, status = 1;

	if (fd < 0)
		return 1;
	if (fork() == 0)
		return print_all(fd);
	failed = send_all(fd);
	wait(&status);
	return failed || status != 0;
}
