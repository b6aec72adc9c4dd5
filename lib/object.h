/* SPDX-License-Identifier: MIT */
/* Creates queues. */
#ifndef SMQ_OBJECT_H
#define SMQ_OBJECT_H

#include "file.h"
#include "identity.h"

/* Builds a complete queue without a name, sealed. `*fd`: its memfd. */
int smq_object_memfd(const struct shmemq_attr *attr, int *fd);

/*
 * Builds a complete queue without a name, then links it to `path`. EEXIST: the name is taken, and nothing is left.
 * `*fd` stays open on the queue, for a caller that then fails and has to remove it.
 */
int smq_object_create(const char *path, mode_t mode, const struct shmemq_attr *attr, int *fd);

/* Has neither end been claimed since creation? Under the init lock. */
bool smq_object_unclaimed(int fd);

#endif
