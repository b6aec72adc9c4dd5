/* SPDX-License-Identifier: MIT */
/* A program starts another one, here itself, as the producer of its queue */
#include <fcntl.h>
#include <shmemq.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the other program: the number of the descriptor is its argument. */
static int produce(int fd)
{
	struct shmemq *q = shmemq_fdopen(fd, SHMEMQ_PRODUCER);

	close(fd);
	if (q == NULL || shmemq_push(q, "passed on", 9, 0) != 0)
		return 1;
	return shmemq_close(q) != 0;
}

static pid_t start(struct shmemq *q, const char *program)
{
	int fd = shmemq_dupfd(q);
	char number[16];
	pid_t pid;

	if (fd < 0)
		return -1;
	snprintf(number, sizeof number, "%d", fd);
	pid = fork();
	if (pid == 0) {
		fcntl(fd, F_SETFD, 0); /* not close-on-exec any more */
		execl(program, program, number, (char *)NULL);
		_exit(127);
	}
	close(fd); /* the child has a copy */
	return pid;
}

static int consume(const char *program)
{
	int fd = shmemq_memfd(NULL), status = 1;
	struct shmemq *q = shmemq_fdopen(fd, SHMEMQ_CONSUMER);
	const char *text;
	size_t size;
	pid_t pid;

	close(fd); /* the handle has its own */
	if (q == NULL || (pid = start(q, program)) < 0) {
		perror(program);
		return 1;
	}
	text = shmemq_timedpop_start(q, &size, NULL, 10 * INT64_C(1000000000));
	if (text != NULL) {
		printf("%.*s\n", (int)size, text);
		shmemq_pop_end(q);
	}
	waitpid(pid, &status, 0);
	return (shmemq_close(q) | status) != 0 || text == NULL;
}

int main(int argc, char **argv)
{
	return argc > 1 ? produce(atoi(argv[1])) : consume(argv[0]);
}
