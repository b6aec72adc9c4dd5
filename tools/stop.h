/* SPDX-License-Identifier: MIT */
/* Ending on a signal without losing messages that were taken from the queue and not written yet. */
#ifndef TOOLS_STOP_H
#define TOOLS_STOP_H

#include <shmemq.h>
#include <signal.h>

/* The signal that asks this process to end; 0: none yet. */
extern volatile sig_atomic_t stop_signal;

/* From now on SIGHUP, SIGINT and SIGTERM set stop_signal and end a wait of `queue` with ECANCELED. The process then has
 * one second to finish: after that, or at a second signal, it ends anyway. */
void stop_begin(struct shmemq *queue);

/* To be called before the queue is closed. */
void stop_end(void);

/* If a signal came, ends the process by that signal. */
void stop_obey(void);

#endif
