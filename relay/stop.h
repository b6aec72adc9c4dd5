/* SPDX-License-Identifier: MIT */
/* SIGTERM, SIGINT and SIGHUP ask the relay to end. */
#ifndef RELAY_STOP_H
#define RELAY_STOP_H

#include <shmemq.h>
#include <signal.h>

/* Nonzero: a signal has asked this process to end. */
extern volatile sig_atomic_t stop_asked;

/* From now on the signals set stop_asked, and SIGPIPE is ignored. To be called before libnats starts threads. */
void stop_begin(void);

/* The queue whose wait a signal ends with ECANCELED; NULL before it is closed. */
void stop_queue(struct shmemq *queue);

#endif
