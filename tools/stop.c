/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "stop.h"

#include <stddef.h>
#include <unistd.h>

volatile sig_atomic_t stop_signal;

static struct shmemq *volatile interrupted; /* the queue whose wait a signal ends */

static const int signals[] = { SIGHUP, SIGINT, SIGTERM };

#define SIGNALS (sizeof signals / sizeof signals[0])

/* Returns only if the signal is blocked, as in its own handler: then it is delivered after the handler. */
static void die(int number)
{
	signal(number, SIG_DFL);
	raise(number);
}

static void out_of_time(int number)
{
	(void)number;
	die(stop_signal);
}

static void stop(int number)
{
	if (stop_signal != 0) {
		die(number);
		return;
	}
	stop_signal = number;
	if (interrupted != NULL)
		shmemq_interrupt(interrupted);
	alarm(1); /* the reader of standard output may never read the rest */
}

void stop_begin(struct shmemq *queue)
{
	struct sigaction old, ours = { .sa_handler = stop };

	interrupted = queue;
	signal(SIGALRM, out_of_time);
	for (size_t i = 0; i < SIGNALS; i++) {
		/* A signal that nohup(1) or a shell's & has set to be ignored stays ignored. */
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &ours, NULL);
	}
}

void stop_end(void)
{
	interrupted = NULL;
}

void stop_obey(void)
{
	if (stop_signal != 0)
		die(stop_signal);
}
