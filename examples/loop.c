/* SPDX-License-Identifier: MIT */
/* Prints messages of many queues until all producers close: loop /NAME... */
#include <errno.h>
#include <shmemq.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define MAX 64
#define AT_A_TIME 100 /* messages: no queue keeps the others waiting */

struct source {
	const char *name;
	struct shmemq *q;
};

static int watch(int epoll, int fd, struct source *source)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = source };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Consumer and producer may open the queue in any order. */
static int start(int epoll, struct source *source)
{
	int fd;

	source->q = shmemq_open(source->name, SHMEMQ_CONSUMER | SHMEMQ_CREATE,
				0600, NULL);
	if (source->q == NULL)
		return -1;
	fd = shmemq_pollfd(source->q);
	return fd < 0 ? -1 : watch(epoll, fd, source);
}

/* Returns 0 if more messages may come, else the errno of the failed pop. */
static int print_some(const struct source *source)
{
	const char *text;
	size_t size;

	for (int i = 0; i < AT_A_TIME; i++) {
		text = shmemq_timedpop_start(source->q, &size, NULL, 0);
		if (text == NULL)
			return errno == EAGAIN ? 0 : errno;
		printf("%s: %.*s\n", source->name, (int)size, text);
		shmemq_pop_end(source->q);
	}
	return 0;
}

/* True: this queue has ended. shmemq_close() closes its descriptor, too. */
static int finished(struct source *source, int *failed)
{
	errno = print_some(source);
	if (errno == 0)
		return 0;
	if (errno != EPIPE) { /* EOWNERDEAD: the producer was killed */
		perror(source->name);
		*failed = 1;
	}
	*failed |= shmemq_unlink(source->name) != 0;
	shmemq_close(source->q);
	source->q = NULL;
	return 1;
}

int main(int argc, char **argv)
{
	struct source sources[MAX] = { 0 };
	int epoll = epoll_create1(EPOLL_CLOEXEC), count = argc - 1, failed = 0;
	struct epoll_event event;
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	if (count > MAX || epoll < 0 ||
	    watch(epoll, signalfd(-1, &stop, SFD_CLOEXEC), NULL) != 0)
		return 1;
	for (int i = 0; i < argc - 1; i++) {
		sources[i].name = argv[1 + i];
		if (start(epoll, &sources[i]) != 0) {
			perror(sources[i].name);
			return 1;
		}
	}
	while (count > 0) {
		if (epoll_wait(epoll, &event, 1, -1) != 1)
			continue; /* EINTR */
		if (event.data.ptr == NULL)
			break; /* SIGTERM: what is queued stays queued */
		count -= finished(event.data.ptr, &failed);
		fflush(stdout);
	}
	for (int i = 0; i < argc - 1; i++) {
		if (sources[i].q != NULL)
			shmemq_close(sources[i].q);
	}
	return failed;
}
