/* SPDX-License-Identifier: MIT */
/* What a handle knows of its peer, and when it asks the kernel: at most once a slice, and only if it has to wait. */
#ifndef SMQ_PEER_H
#define SMQ_PEER_H

#include "handle.h"

/* What is known without asking the kernel: 0 (present, or to be waited for), EPIPE or EOWNERDEAD. */
int smq_peer_gone(const struct shmemq *q);

/* Asks the kernel whether the peer lives, unless the handle stays whatever the answer. */
void smq_peer_probe(struct shmemq *q, int64_t now);

/* The same, to begin a slice: once in SMQ_SLICE_NS, and only by handles that find nothing. */
void smq_peer_begin_slice(struct shmemq *q, int64_t now);

/*
 * Has a handle that lives claimed the other end? Asks if that has not been done for a slice: so a handle that is dead
 * for longer never counts.
 */
bool smq_peer_present(struct shmemq *q);

#endif
