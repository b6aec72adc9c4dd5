/* SPDX-License-Identifier: MIT */
/* What a queue is made with: from the attributes of its creator, and as an open finds it. */
#ifndef SMQ_IDENTITY_H
#define SMQ_IDENTITY_H

#include "format.h"

struct shmemq_attr;

/* Sets what the attributes ask for. 0 or EINVAL. */
int smq_identity_make(const struct shmemq_attr *attr, struct smq_identity *identity);

/* Reads and checks what makes a file a queue of this format version, mechanism and page size. EPROTO. */
int smq_identity_read(int fd, struct smq_identity *identity);

/* Is it a queue of any format version? EPROTO. */
int smq_identity_is_queue(int fd);

#endif
