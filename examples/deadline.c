/* SPDX-License-Identifier: MIT */
/* Prints what comes within a second, though a signal interrupts: deadline /NAME */
#include <errno.h>
#include <shmemq.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>

#define SECOND INT64_C(1000000000)

static volatile sig_atomic_t ticks;

static void on_alarm(int signal_number)
{
	(void)signal_number;
	ticks++;
}

/* Waits until the deadline, however often a handler interrupts the wait. */
static const char *receive(struct shmemq *q, size_t *size, int64_t deadline)
{
	const char *text;

	do
		text = shmemq_timedpop_start(q, size, NULL,
					     shmemq_left(deadline));
	while (text == NULL && errno == EINTR);
	return text;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "/hello", *text;
	const struct itimerval every = { { 0, 50000 }, { 0, 50000 } };
	struct sigaction action = { .sa_handler = on_alarm };
	struct shmemq *q;
	int64_t deadline;
	size_t size;

	q = shmemq_open(name,
			SHMEMQ_CONSUMER | SHMEMQ_CREATE | SHMEMQ_STAY,
			0600, NULL);
	if (q == NULL) {
		perror(name);
		return 1;
	}
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL); /* an alarm every 50 ms */
	deadline = shmemq_deadline(SECOND);
	while ((text = receive(q, &size, deadline)) != NULL) {
		printf("%.*s\n", (int)size, text);
		shmemq_pop_end(q);
	}
	/* EAGAIN: the deadline was past before the last call */
	if (errno != ETIMEDOUT && errno != EAGAIN) {
		perror(name);
		return 1;
	}
	printf(ticks > 0 ? "(a second has passed)\n" : "(no alarm came)\n");
	shmemq_close(q);
	return shmemq_unlink(name) != 0;
}
