/* SPDX-License-Identifier: MIT */
/*
 * Sides that sleep whenever they can, to show that no notification is ever lost. The library's waits end after 250 ms
 * whatever happens, which would hide a loss, so the waits of these processes are made long: the linker wraps
 * smq_eventcount_wait() and smq_ownerlock_wait(). A process that sleeps for LOST_NS although what it waits for is there
 * has lost a notification, and ends with an error.
 */
#ifndef TESTS_SLEEPY_H
#define TESTS_SLEEPY_H

#include <stdbool.h>
#include <stdint.h>

#include "shmemq.h"

/* Far longer than any scheduling delay, and well within the tests' time. */
#define SLEEPY_LOST_NS ((int64_t)5 * 1000000000)

/* From now on the waits of this process are long. Those cut to 1 ms for want of a fence stay short. */
void sleepy_arm(void);
void sleepy_disarm(void);

/* How many waits were begun. */
unsigned sleepy_sleeps(void);

/* Makes the next wait of a handle sleep at once, without spinning. */
void sleepy_eager(struct shmemq *q);

/*
 * Before message `i`: sets how often a handle has called membarrier of late, and that it soon stops fencing. For a
 * thousand messages never, so that its waits call membarrier as if they were few; for the next thousand at random, so
 * that they call membarrier, ask for fences, or do without either, and both ends change over often.
 */
void sleepy_unsettle(struct shmemq *q, uint64_t *random, uint64_t i);

/*
 * After a call that failed with EAGAIN: polls until it is worth repeating. false: another errno, or a lost raise, which
 * it prints.
 */
bool sleepy_poll(struct shmemq *q);

/* Keeps busy for up to `most` empty rounds. */
void sleepy_delay(uint64_t *random, unsigned most);

/*
 * Commands of tests/lib/peer: ROLE WAIT DENY NAME OTHER SEED COUNT. ROLE: ping or pong, COUNT messages to pong by NAME
 * and back by OTHER; produce or consume, COUNT messages by NAME. WAIT: "sleep" in the calls, "poll" between them, or
 * "both", at random. DENY: whether membarrier(2) is taken away, "never", "before" or "after" the queues are opened.
 */
int sleepy_run(char **argv);

#endif
