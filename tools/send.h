/* SPDX-License-Identifier: MIT */
/* What push and replay share: pushing a message, and reporting why that failed. */
#ifndef TOOLS_SEND_H
#define TOOLS_SEND_H

#include "stream.h"

/* Pushes a copy of a message, and counts it. Returns 0, or reports what failed and returns its status. */
int send_copy(struct stream *s, const void *data, size_t size, uint32_t type);

/* Reports that the next message is longer than the queue allows. Returns the status. */
int send_too_long(const struct stream *s);

/* Reports why the next message has not been pushed, by errno. Returns the status. */
int send_failed(const struct stream *s);

#endif
