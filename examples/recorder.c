/* SPDX-License-Identifier: MIT */
/* A flight recorder: the last events of a process that was killed */
#include <errno.h>
#include <shmemq.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* A broadcast queue without consumers keeps what fits, and no push waits. */
static int record(const char *name)
{
	const struct shmemq_attr attr = { .capacity = 65536,
					  .flags = SHMEMQ_ATTR_BROADCAST };
	struct shmemq *q;
	char event[32];

	q = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr);
	for (int i = 1; q != NULL && i <= 100000; i++) {
		int size = snprintf(event, sizeof event, "event %d", i);

		if (shmemq_push(q, event, (size_t)size, 0) != 0)
			return 1;
	}
	return raise(SIGKILL);
}

/* Also while the process records: a follower only reads. */
static int replay(const char *name)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_FOLLOWER, 0, NULL);
	char event[32], last[32] = "";
	ssize_t size;
	int events = 0;

	if (q == NULL || shmemq_seek(q, SHMEMQ_OLDEST, NULL) != 0)
		return 1;
	while ((size = shmemq_pop(q, event, sizeof event, NULL)) >= 0) {
		snprintf(last, sizeof last, "%.*s", (int)size, event);
		events++;
	}
	if (errno != EOWNERDEAD) /* all has been read, and nobody writes */
		return 1;
	printf("%s events, the last: %s\n", events > 1000 ? "many" : "few",
	       last);
	return shmemq_close(q) != 0;
}

int main(int argc, char **argv)
{
	pid_t writer;
	int err;

	if (argc != 2)
		return 2;
	writer = fork();
	if (writer == 0)
		_exit(record(argv[1]));
	waitpid(writer, NULL, 0);
	err = replay(argv[1]);
	return shmemq_unlink(argv[1]) != 0 || err != 0;
}
