/* SPDX-License-Identifier: MIT */
/* Prints the messages of one producer after the other: timeout /NAME */
#include <errno.h>
#include <shmemq.h>
#include <signal.h>
#include <stdio.h>

#define HALF_SECOND (500 * INT64_C(1000000))

static struct shmemq *queue;
static volatile sig_atomic_t stop;

static void on_sigterm(int signal_number)
{
	(void)signal_number;
	stop = 1;
	shmemq_interrupt(queue); /* ends a wait that missed the flag */
}

/* Removes the message that is too large for the buffer. */
static int skip(void)
{
	size_t size;

	if (shmemq_timedpop_start(queue, &size, NULL, 0) == NULL)
		return -1;
	printf("(skipped %zu bytes)\n", size);
	return shmemq_pop_end(queue);
}

static int receive(void)
{
	char text[32];
	ssize_t size;

	size = shmemq_timedpop(queue, text, sizeof text, NULL, HALF_SECOND);
	if (size >= 0) {
		printf("%.*s\n", (int)size, text);
		return 0;
	}
	switch (errno) {
	case ETIMEDOUT:
		printf("(nothing yet)\n");
		return 0;
	case EMSGSIZE:
		return skip();
	case EINTR: /* the handler of another signal */
	case ECANCELED: /* shmemq_interrupt() */
		return 0;
	default: /* SHMEMQ_STAY: neither EPIPE nor EOWNERDEAD */
		return -1;
	}
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "/hello";
	struct sigaction action = { .sa_handler = on_sigterm };
	int failed = 0;

	queue = shmemq_open(name,
			    SHMEMQ_CONSUMER | SHMEMQ_CREATE | SHMEMQ_STAY,
			    0600, NULL);
	if (queue == NULL) {
		perror(name);
		return 1;
	}
	sigaction(SIGTERM, &action, NULL);
	while (!stop && !failed) {
		failed = receive() != 0;
		if (failed)
			perror(name);
		fflush(stdout);
	}
	signal(SIGTERM, SIG_IGN); /* the handler would use a closed handle */
	shmemq_close(queue);
	return shmemq_unlink(name) != 0 || failed;
}
