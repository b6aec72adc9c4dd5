/* SPDX-License-Identifier: MIT */
/* One to eight processes read every message; some of them are killed */
#include <errno.h>
#include <shmemq.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define MESSAGES 200000

/* A reader gets what is pushed after its open, as `opened` tells. */
static int read_all(const char *name, int opened)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL);
	int number, expected = 0;

	if (q == NULL || write(opened, "", 1) != 1)
		return 1;
	while (shmemq_pop(q, &number, sizeof number, NULL) > 0) {
		if (number != expected++)
			return 1;
	}
	if (errno != EPIPE || expected != MESSAGES)
		return 1;
	return shmemq_close(q) != 0;
}

/* A push waits for the slowest reader, but not for one that is dead. */
static int write_all(struct shmemq *q, const pid_t *victims, int count)
{
	for (int number = 0; number < MESSAGES; number++) {
		if (shmemq_push(q, &number, sizeof number, 0) != 0)
			return 1;
		for (int i = 0; i < count && number == MESSAGES / 2; i++)
			kill(victims[i], SIGKILL);
	}
	return shmemq_close(q) != 0;
}

int main(int argc, char **argv)
{
	const struct shmemq_attr attr = { .flags = SHMEMQ_ATTR_BROADCAST };
	int readers = argc == 3 ? atoi(argv[2]) : 0, killed, status, all = 0;
	struct shmemq *q;
	int opened[2];
	pid_t pids[8];
	char byte;

	if (readers < 1 || readers > 8 || pipe(opened) != 0)
		return 2;
	q = shmemq_open(argv[1], SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr);
	if (q == NULL)
		return 1;
	for (int i = 0; i < readers; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(read_all(argv[1], opened[1]));
		if (read(opened[0], &byte, 1) != 1)
			return 1;
	}
	killed = readers / 2;
	if (write_all(q, pids, killed) != 0)
		return 1;
	for (int i = 0; i < readers; i++) {
		waitpid(pids[i], &status, 0);
		all += WIFEXITED(status) && WEXITSTATUS(status) == 0;
	}
	printf("%d readers, %d killed, %d got every message\n", readers,
	       killed, all);
	return shmemq_unlink(argv[1]) != 0 || all != readers - killed;
}
