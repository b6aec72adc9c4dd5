/* SPDX-License-Identifier: MIT */
/* How a new handle gets its queue: it opens the file, and claims an end or observes. */
#ifndef SMQ_CONNECT_H
#define SMQ_CONNECT_H

#include "handle.h"

/*
 * `from`: a descriptor of the queue, for a handle without a name; else -1. `registered`: smq_process_register() has
 * succeeded. 0; SMQ_START_OVER: the name has become another queue's; or the errno that the open fails with.
 */
int smq_connect(struct shmemq *q, int from, unsigned flags, bool registered);

#endif
