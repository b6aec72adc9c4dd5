/* SPDX-License-Identifier: MIT */
/* Times are nanoseconds on CLOCK_MONOTONIC, but for one. */
#ifndef SMQ_CLOCK_H
#define SMQ_CLOCK_H

#include <stdint.h>
#include <time.h>

#define SMQ_NS_PER_MS INT64_C(1000000)
#define SMQ_NS_PER_S  INT64_C(1000000000)

static inline int64_t smq_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * SMQ_NS_PER_S + now.tv_nsec;
}

/* Seconds since the epoch, until 2106; what libc has that is cheap: it may lag by some milliseconds. */
static inline uint32_t smq_now_epoch_s(void)
{
	struct timespec now = { .tv_sec = 0 };

#ifdef CLOCK_REALTIME_COARSE
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
#else
	clock_gettime(CLOCK_REALTIME, &now);
#endif
	return (uint32_t)now.tv_sec;
}

/* `timeout` after `start`. INT64_MAX (never) for a negative timeout, and for one too large for the clock. */
static inline int64_t smq_deadline(int64_t start, int64_t timeout)
{
	return timeout < 0 || timeout > INT64_MAX - start ? INT64_MAX : start + timeout;
}

#endif
