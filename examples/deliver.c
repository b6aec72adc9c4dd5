/* SPDX-License-Identifier: MIT */
/* Sends its arguments to a consumer that must come: deliver /NAME TEXT... */
#include <errno.h>
#include <shmemq.h>
#include <stdio.h>
#include <string.h>

#define TEN_SECONDS (10 * INT64_C(1000000000))

static int await_consumer(struct shmemq *q, int64_t deadline)
{
	int result;

	do
		result = shmemq_wait_peer(q, shmemq_left(deadline));
	while (result != 0 && errno == EINTR);
	return result;
}

static int deliver(struct shmemq *q, char **texts, int64_t deadline)
{
	if (await_consumer(q, deadline) != 0)
		return -1;
	for (; *texts != NULL; texts++) {
		if (shmemq_timedpush(q, *texts, strlen(*texts), 0,
				     shmemq_left(deadline)) != 0)
			return -1;
	}
	return 0;
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
