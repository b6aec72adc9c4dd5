/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <poll.h>

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
