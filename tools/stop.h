/* SPDX-License-Identifier: MIT */
/* Ending on a signal without losing what has been taken out of the queue and not been written yet. */
#ifndef TOOLS_STOP_H
#define TOOLS_STOP_H

#include <shmemq.h>
#include <signal.h>

/* The signal that wants this process to end; 0: none yet. */
extern volatile sig_atomic_t stop_signal;

/* From now on SIGHUP, SIGINT and SIGTERM set stop_signal and end a wait of `queue` with ECANCELED. The process has
 * a second to finish then: after that, or at a second signal, it ends anyway. */
void stop_begin(struct shmemq *queue);

/* Before the queue is closed. */
void stop_end(void);

/* Ends as the signal would have, if there was one. */
void stop_obey(void);

#endif
