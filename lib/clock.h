/* SPDX-License-Identifier: MIT */
/* Times are nanoseconds on CLOCK_MONOTONIC. */
#ifndef SMQ_CLOCK_H
#define SMQ_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t smq_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* INT64_MAX: never. */
static inline int64_t smq_deadline(int64_t start, int64_t timeout)
{
	return timeout < 0 || timeout > INT64_MAX - start ? INT64_MAX : start + timeout;
}

#endif
