/* SPDX-License-Identifier: MIT */
/*
 * Sides that sleep whenever they can, to show that no wake-up is ever lost. A library whose sleeps end after 250 ms
 * whatever happens would hide a loss, so the sleeps of these processes are made long: smq_eventcount_wait() and
 * smq_ownerlock_wait() are wrapped by the linker. Who sleeps for LOST_NS beside what he waits for, has lost a wake-up,
 * and that ends the process.
 */
#ifndef TESTS_SLEEPY_H
#define TESTS_SLEEPY_H

#include <stdbool.h>
#include <stdint.h>

#include "shmemq.h"

/* Far beyond any scheduling delay, and well within the tests' time. */
#define SLEEPY_LOST_NS ((int64_t)5 * 1000000000)

/* From now on sleeps of this process are long. Those cut to 1 ms for want of a fence stay as they are. */
void sleepy_arm(void);
void sleepy_disarm(void);

/* How many sleeps were begun. */
unsigned sleepy_sleeps(void);

/* Makes the next wait of a handle sleep at once, without spinning. */
void sleepy_eager(struct shmemq *q);

/*
 * A call has failed with EAGAIN: polls until it is worth repeating. False: another errno, or a raise was lost, which it
 * says.
 */
bool sleepy_poll(struct shmemq *q);

/* Busy for up to `most` rounds of nothing. */
void sleepy_delay(uint64_t *random, unsigned most);

/*
 * Commands of tests/lib/peer: ROLE WAIT DENY NAME OTHER SEED COUNT. ROLE: ping or pong, COUNT messages to pong by NAME
 * and back by OTHER; produce or consume, COUNT messages by NAME. WAIT: "sleep" in the calls, "poll" between them, or
 * "both" by turns. DENY: whether membarrier(2) is taken away, "never", "before" or "after" the queues are opened.
 */
int sleepy_run(char **argv);

#endif
