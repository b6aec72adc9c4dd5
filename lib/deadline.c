/* SPDX-License-Identifier: MIT */
/* shmemq_deadline() and shmemq_left(): one timeout for several calls, or for one that is repeated. */
#include "config.h"

#include "clock.h"
#include "shmemq.h"

int64_t shmemq_deadline(int64_t timeout)
{
	return smq_deadline(smq_now_ns(), timeout);
}

int64_t shmemq_left(int64_t deadline)
{
	int64_t now;

	if (deadline == INT64_MAX)
		return INT64_MAX; /* which the clock cannot hold: for ever */
	now = smq_now_ns();
	return deadline > now ? deadline - now : 0;
}
