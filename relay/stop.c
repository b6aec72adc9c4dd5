/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "stop.h"

#include <stddef.h>

volatile sig_atomic_t stop_asked;

static struct shmemq *volatile interrupted;

static void stop(int number)
{
	(void)number;
	stop_asked = 1;
	/* The signal may be delivered in any thread: this call may be made in any. */
	if (interrupted != NULL)
		shmemq_interrupt(interrupted);
}

/* Not during a close: a handler in another thread must not use the handle when it is freed. */
static void block(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(how, &set, NULL);
}

void stop_begin(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM };
	struct sigaction old, ours = { .sa_handler = stop };

	signal(SIGPIPE, SIG_IGN); /* libnats writes to sockets that the server may have closed */
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		/* A signal that nohup(1) or a shell's & has set to be ignored stays ignored. */
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &ours, NULL);
	}
	/* Blocked while libnats starts its threads, which inherit the mask; stop_queue() lets them in, in this one. */
	block(SIG_BLOCK);
}

void stop_queue(struct shmemq *queue)
{
	block(SIG_BLOCK);
	interrupted = queue;
	block(SIG_UNBLOCK);
}
