/* SPDX-License-Identifier: MIT */
/*
 * How a follower is woken by the producer, as the consumer is (eventcount.h): it sets its bit in the consumer's wait
 * word, calls membarrier, checks, and sleeps there.
 *
 * It must not touch the word itself, since the file may have been truncated: that would be SIGBUS. So the header is
 * mapped, but only futex(2) is given its address, which fails with EFAULT instead. FUTEX_WAKE_OP sets the bits, and
 * FUTEX_WAIT sleeps unless the word is what pread(2) has found there.
 *
 * That costs the producer a system call for each wake. So a follower sets the bit as often as it may call membarrier,
 * at most SMQ_MEMBARRIERS_MAX times at once and half as often in each further slice. Otherwise, and if it has no write
 * permission, or waits on a queue with semaphores, it looks every millisecond.
 */
#ifndef SMQ_ALARM_H
#define SMQ_ALARM_H

#include <stdbool.h>
#include <stddef.h>

#include "format.h"

struct smq_alarm {
	smq_word *word; /* of the consumer's end, mapped; NULL: it cannot be */
	void *map;
	size_t bytes;
	uint32_t expected; /* what `word` was after the bit was set */
	uint8_t used;      /* of late: halved in each slice */
	bool set;          /* the bit, since the last sleep */
	bool broken;       /* the kernel refuses the word */
};

/* `writable`: fd is open for writing. Without that, or if the header cannot be mapped, the follower looks. */
void smq_alarm_open(struct smq_alarm *alarm, int fd, uint32_t header_bytes, bool writable);
void smq_alarm_close(struct smq_alarm *alarm);

/* To be called once in each slice. */
static inline void smq_alarm_new_slice(struct smq_alarm *alarm)
{
	alarm->used /= 2;
}

/*
 * Before the check of the ring: sets the bit, and that of the pollable descriptor if `poller`. Returns the longest time
 * to sleep, in ns.
 */
int64_t smq_alarm_set(struct smq_alarm *alarm, int fd, bool poller);

/* Sleeps at most `ns`. 0: check again. EINTR: a signal handler ran. */
int smq_alarm_wait(struct smq_alarm *alarm, int64_t ns);

/* Ends this sleep. From any thread and signal handler, after what the follower is to find was stored. */
void smq_alarm_interrupt(const struct smq_alarm *alarm);

#endif
