/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "alarm.h"

#include <errno.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "eventcount.h"
#include "process.h"
#ifdef SMQ_USE_FUTEX
#include "os_futex.h"
#endif

#define LOOK_NS SMQ_SLICE_UNFENCED_NS

static int nap(int64_t ns)
{
	struct timespec time = { .tv_nsec = (long)(ns < LOOK_NS ? ns : LOOK_NS) };

	return clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL) == EINTR ? EINTR : 0;
}

#ifdef SMQ_USE_FUTEX

void smq_alarm_open(struct smq_alarm *alarm, int fd, uint32_t header_bytes, bool writable)
{
	void *map;

	*alarm = (struct smq_alarm){ .bytes = header_bytes };
	if (!writable)
		return;
	map = mmap(NULL, header_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return;
	if (madvise(map, header_bytes, MADV_DONTFORK) != 0) { /* as an end's */
		munmap(map, header_bytes);
		return;
	}
	alarm->map = map;
	alarm->word = &((struct smq_header *)map)->consumer_wait.word;
}

void smq_alarm_close(struct smq_alarm *alarm)
{
	if (alarm->word != NULL)
		munmap(alarm->map, alarm->bytes);
}

int64_t smq_alarm_set(struct smq_alarm *alarm, int fd, bool poller)
{
	uint32_t bits = SMQ_WAIT_FOLLOWER | (poller ? SMQ_WAIT_POLLER : 0);

	alarm->set = false;
	if (alarm->word == NULL || alarm->broken || alarm->used >= SMQ_MEMBARRIERS_MAX)
		return LOOK_NS;
	/* S1 of eventcount.h. The word is read after that, so that a change that came in between ends the sleep. */
	if (!smq_futex_set(alarm->word, bits) ||
	    pread(fd, &alarm->expected, sizeof alarm->expected, offsetof(struct smq_header, consumer_wait.word)) !=
		    (ssize_t)sizeof alarm->expected) {
		alarm->broken = true;
		return LOOK_NS;
	}
	alarm->used++;
	alarm->set = true;
	/* The bits are seen before the interruption is read. Partner: the fence in smq_alarm_interrupt(). */
	atomic_thread_fence(memory_order_seq_cst);
	/* S2. A waker that is out of its reach always fences; then this is more than is needed. */
	return smq_process_membarrier() ? SMQ_SLICE_NS : LOOK_NS;
}

int smq_alarm_wait(struct smq_alarm *alarm, int64_t ns)
{
	if (!alarm->set)
		return nap(ns);
	alarm->set = false;
	if (smq_futex_wait(alarm->word, alarm->expected, ns) == 0 || errno == EAGAIN || errno == ETIMEDOUT)
		return 0;
	if (errno == EINTR)
		return EINTR;
	alarm->broken = true;
	return 0;
}

void smq_alarm_interrupt(const struct smq_alarm *alarm)
{
	/* What was stored is seen before the word changes. Partner: the fence in smq_alarm_set(). A follower that does
	 * not see it has set its bits and read the word before, so the change keeps it from sleeping. */
	atomic_thread_fence(memory_order_seq_cst);
	if (alarm->word != NULL)
		smq_futex_add_and_wake(alarm->word, SMQ_WAIT_COUNT_ONE);
}

#else

void smq_alarm_open(struct smq_alarm *alarm, int fd, uint32_t header_bytes, bool writable)
{
	(void)fd, (void)header_bytes, (void)writable;
	*alarm = (struct smq_alarm){ .word = NULL };
}

void smq_alarm_close(struct smq_alarm *alarm)
{
	(void)alarm;
}

int64_t smq_alarm_set(struct smq_alarm *alarm, int fd, bool poller)
{
	(void)alarm, (void)fd, (void)poller;
	return LOOK_NS;
}

int smq_alarm_wait(struct smq_alarm *alarm, int64_t ns)
{
	(void)alarm;
	return nap(ns);
}

void smq_alarm_interrupt(const struct smq_alarm *alarm)
{
	(void)alarm; /* it looks soon */
}

#endif
