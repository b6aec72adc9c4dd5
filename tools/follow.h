/* SPDX-License-Identifier: MIT */
/* What tail, peek and record share: reading a queue as a follower. */
#ifndef TOOLS_FOLLOW_H
#define TOOLS_FOLLOW_H

#include <sys/types.h>

#include "stream.h"

struct follow {
	struct stream stream;
	unsigned char *message; /* the last one */
	uint64_t lost;          /* messages overwritten before they were read, in all, */
	uint64_t lost_since;    /* and since the last one that was read */
};

/* Opens the queue, and moves to where `whence` says, as for shmemq_seek(). Returns 0 or an exit status. */
int follow_start(struct follow *f, const char *name, const struct options *options, int whence);

/* Where --oldest and --queued say that it begins. */
int follow_whence(const struct options *options);

/* Frees and closes. Returns `status`, joined with that of a failure of this. */
int follow_stop(struct follow *f, int status);

/* Tries to read the next message. Returns its bytes, or -1 and errno. */
ssize_t follow_try(struct follow *f, uint32_t *type);

/*
 * The same; waits as long as --timeout says, less the `waited` ns that the caller has waited already, or until a signal
 * has come.
 */
ssize_t follow_wait(struct follow *f, uint32_t *type, int64_t waited);

/* After EOVERFLOW: goes on at the oldest message, and adds how many were lost to `*lost`, too. Returns a status. */
int follow_skip(struct follow *f, uint64_t *lost);

/* Reports why there is no further message. EPIPE, the end of the stream, is no error. Returns the exit status. */
int follow_ended(const struct follow *f, int err);

#endif
