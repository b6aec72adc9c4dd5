/* SPDX-License-Identifier: MIT */
/* A server turns names to upper case for its client: one queue each way */
#include <ctype.h>
#include <errno.h>
#include <shmemq.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEN_SECONDS (10 * INT64_C(1000000000))

/* The request is held until it is answered: a server that takes over from
   one that was killed gets it again. */
static int answer(struct shmemq *requests, struct shmemq *replies)
{
	const char *name;
	char *upper;
	size_t size;
	uint32_t id;

	name = shmemq_pop_start(requests, &size, &id);
	if (name == NULL)
		return -1;
	upper = shmemq_push_start(replies, size);
	if (upper == NULL)
		return -1;
	for (size_t i = 0; i < size; i++)
		upper[i] = (char)toupper((unsigned char)name[i]);
	if (shmemq_push_end(replies, size, id) != 0)
		return -1;
	return shmemq_pop_end(requests);
}

static int serve(int requests_fd, int replies_fd)
{
	struct shmemq *requests = shmemq_fdopen(requests_fd, SHMEMQ_CONSUMER);
	struct shmemq *replies = shmemq_fdopen(replies_fd, SHMEMQ_PRODUCER);

	if (requests == NULL || replies == NULL)
		return 1;
	while (answer(requests, replies) == 0)
		;
	if (errno != EPIPE) /* EPIPE: the client has closed */
		return 1;
	return (shmemq_close(requests) | shmemq_close(replies)) != 0;
}

/* The tag, an id, tells replies apart if several requests are pending. */
static int ask(struct shmemq *requests, struct shmemq *replies,
	       const char *name, uint32_t id)
{
	char upper[32];
	ssize_t size;
	uint32_t type;

	if (shmemq_push(requests, name, strlen(name), id) != 0)
		return -1;
	size = shmemq_timedpop(replies, upper, sizeof upper, &type, TEN_SECONDS);
	if (size < 0) /* EOWNERDEAD: the server was killed */
		return -1;
	printf("%u: %.*s\n", (unsigned)type, (int)size, upper);
	return 0;
}

int main(void)
{
	int requests_fd = shmemq_memfd(NULL), replies_fd = shmemq_memfd(NULL);
	struct shmemq *requests, *replies;
	int status = 1;
	pid_t pid;

	if (requests_fd < 0 || replies_fd < 0)
		return 1;
	pid = fork();
	if (pid == 0)
		return serve(requests_fd, replies_fd);
	requests = shmemq_fdopen(requests_fd, SHMEMQ_PRODUCER);
	replies = shmemq_fdopen(replies_fd, SHMEMQ_CONSUMER);
	if (pid < 0 || requests == NULL || replies == NULL ||
	    ask(requests, replies, "ada", 1) != 0 ||
	    ask(requests, replies, "grace", 2) != 0) {
		perror("request");
		return 1;
	}
	shmemq_close(requests); /* this ends the server */
	shmemq_close(replies);
	waitpid(pid, &status, 0);
	return status != 0;
}
