/* SPDX-License-Identifier: MIT */
/* A parameter channel: a control loop wants the newest value, not all */
#include <errno.h>
#include <shmemq.h>
#include <stdio.h>

/* Takes the newest value, if there is a new one. Never waits. */
static int update(struct shmemq *q, double *gain)
{
	double value;

	for (;;) {
		if (shmemq_pop(q, &value, sizeof value, NULL) == sizeof value)
			*gain = value;
		else if (errno == EAGAIN) /* that was the newest */
			return 0;
		else if (errno != EOVERFLOW) /* older ones are gone: no harm */
			return -1;
	}
}

int main(int argc, char **argv)
{
	/* The smallest ring: what is not the newest is of no use. */
	const struct shmemq_attr attr = { .capacity = 1,
					  .flags = SHMEMQ_ATTR_BROADCAST };
	struct shmemq *panel, *loop;
	double gain = 0, value = 0;

	if (argc != 2)
		return 2;
	panel = shmemq_open(argv[1], SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600,
			    &attr);
	loop = shmemq_open(argv[1], SHMEMQ_FOLLOWER | SHMEMQ_NONBLOCK, 0, NULL);
	if (panel == NULL || loop == NULL)
		return 1;
	for (int cycle = 1; cycle <= 3; cycle++) {
		for (int i = 0; i < 1000; i++) {
			value += 0.5;
			if (shmemq_push(panel, &value, sizeof value, 0) != 0)
				return 1;
		}
		if (update(loop, &gain) != 0)
			return 1;
		printf("cycle %d: gain %.1f\n", cycle, gain);
	}
	if (shmemq_close(panel) != 0 || shmemq_close(loop) != 0)
		return 1;
	return shmemq_unlink(argv[1]) != 0;
}
