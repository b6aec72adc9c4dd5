/* SPDX-License-Identifier: MIT */
/* Sends its arguments to a consumer that must pop them: deliver /NAME TEXT... */
#include <errno.h>
#include <shmemq.h>
#include <stdio.h>
#include <string.h>

#define TEN_SECONDS (10 * INT64_C(1000000000))

/* Waits by one of two functions, however often a handler interrupts it. */
static int await(int (*wait)(struct shmemq *, int64_t), struct shmemq *q,
		 int64_t deadline)
{
	int result;

	do
		result = wait(q, shmemq_left(deadline));
	while (result != 0 && errno == EINTR);
	return result;
}

static int deliver(struct shmemq *q, char **texts, int64_t deadline)
{
	if (await(shmemq_wait_peer, q, deadline) != 0)
		return -1;
	for (; *texts != NULL; texts++) {
		if (shmemq_timedpush(q, *texts, strlen(*texts), 0,
				     shmemq_left(deadline)) != 0)
			return -1;
	}
	return await(shmemq_wait_empty, q, deadline);
}

int main(int argc, char **argv)
{
	struct shmemq *q;

	if (argc < 2)
		return 2;
	q = shmemq_open(argv[1], SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, NULL);
	if (q == NULL ||
	    deliver(q, argv + 2, shmemq_deadline(TEN_SECONDS)) != 0) {
		perror(argv[1]);
		return 1;
	}
	return shmemq_close(q) != 0;
}
