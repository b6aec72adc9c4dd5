/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "ends.h"

#include <stdlib.h>
#include <sys/resource.h>

/* The ends of a thousand queues need more descriptors than a process may have by default. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

void ends_open(struct channel *channel, enum side side)
{
	struct ends *ends = calloc(1, sizeof *ends);

	(void)side;
	allow_descriptors();
	channel->context = ends;
	if (ends == NULL)
		die("calloc");
	ends->producer = shmemq_open(channel->name, SHMEMQ_PRODUCER, 0, NULL);
	ends->consumer = shmemq_open(channel->name, SHMEMQ_CONSUMER, 0, NULL);
	if (ends->producer == NULL || ends->consumer == NULL)
		die("shmemq_open");
}
