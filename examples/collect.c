/* SPDX-License-Identifier: MIT */
/* Prints the messages of many queues until all producers are gone: collect /NAME... */
#include <errno.h>
#include <shmemq.h>
#include <stdio.h>

#define AT_A_TIME 100 /* messages: no queue keeps the others waiting */

/* Returns 0 if more messages may come, else the errno of the failed pop. */
static int print_some(const char *name, struct shmemq *q)
{
	const char *text;
	size_t size;

	for (int i = 0; i < AT_A_TIME; i++) {
		text = shmemq_timedpop_start(q, &size, NULL, 0);
		if (text == NULL)
			return errno == EAGAIN ? 0 : errno;
		printf("%s: %.*s\n", name, (int)size, text);
		shmemq_pop_end(q);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct shmemq_set *set = shmemq_set_open();
	struct shmemq *queues[argc];
	int left = argc - 1;
	void *ready;

	if (set == NULL) {
		perror("shmemq_set_open");
		return 1;
	}
	for (int i = 1; i < argc; i++) {
		queues[i] = shmemq_open(argv[i], SHMEMQ_CONSUMER | SHMEMQ_CREATE, 0600, NULL);
		if (queues[i] == NULL || shmemq_set_add(set, queues[i], &argv[i]) != 0) {
			perror(argv[i]);
			return 1;
		}
	}
	while (left > 0) {
		if (shmemq_set_wait(set, &ready, 1, -1) != 1)
			continue; /* EINTR */

		char **name = ready;
		struct shmemq *q = queues[name - argv];

		errno = print_some(*name, q);
		fflush(stdout);
		if (errno != 0) { /* EPIPE: the producer has closed */
			if (errno != EPIPE)
				perror(*name);
			shmemq_unlink(*name);
			shmemq_close(q); /* and is in the set no more */
			left--;
		}
	}
	return shmemq_set_close(set) != 0;
}
