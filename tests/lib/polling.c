/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <poll.h>

#include "one_end.h"
#include "polling.h"
#include "support.h"

bool raised(int fd, int ms)
{
	struct pollfd poll_one = { .fd = fd, .events = POLLIN };

	return poll(&poll_one, 1, ms) == 1;
}

void await_raised(int fd)
{
	ck_assert(raised(fd, SOON_MS));
}

void fail_until_quiet(struct shmemq *q, unsigned end, int fd)
{
	/* Longer than between two rechecks of a peer or holder. */
	while (raised(fd, 700))
		ck_fails(end_try(q, end), EAGAIN);
}
