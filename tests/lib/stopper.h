/* SPDX-License-Identifier: MIT */
/* Stops a process and continues it: by a signal, or by the freezer of a control group, as a container's pause does. */
#ifndef TESTS_STOPPER_H
#define TESTS_STOPPER_H

#include <stdbool.h>
#include <sys/types.h>

/* The ways to stop, for loop tests. */
enum { STOP_BY_SIGNAL, STOP_BY_FREEZER, STOP_WAYS };

#define STOPPER_GROUP_BYTES 384

struct stopper {
	pid_t pid;
	char group[STOPPER_GROUP_BYTES]; /* its own control group; empty: by a signal */
};

/* Before a test with this way starts anything. false: it is not permitted here, and this has been printed. */
bool stopper_can(int way);

/* For a child of this process. */
struct stopper stopper_for(int way, pid_t pid);

/* Returns when the process stands still. */
void stopper_stop(const struct stopper *stopper);
void stopper_continue(const struct stopper *stopper);

/* After the process has been waited for. */
void stopper_end(const struct stopper *stopper);

/* After the suite: removes the groups, and ends the processes, that tests which failed have left. */
void stopper_end_all(void);

#endif
