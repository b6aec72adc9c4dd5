/* SPDX-License-Identifier: MIT */
/*
 * The descriptors of something that can be polled: an inotify instance, a timer, and an epoll descriptor that contains
 * both. The program may close them, and have files of its own under their numbers: so each is verified before it is
 * used.
 */
#ifndef SMQ_POLLFDS_H
#define SMQ_POLLFDS_H

#include <stdbool.h>
#include <stdint.h>

struct smq_pollfds {
	int pollfd; /* epoll: readable when one of the next two is */
	int inotify;
	int timer;
	int64_t raise_at; /* when the timer expires; 0: it is not set */
};

/* Without a watch nothing is reported: then the caller tries again at this interval. */
#define SMQ_UNWATCHED_NS 1000000
#define SMQ_AT_ONCE      1 /* a time in the past; 0 would disarm the timer */

/* 0, EMFILE, ENFILE, ENOMEM, ENOSPC, EOPNOTSUPP. */
int smq_pollfds_open(struct smq_pollfds *fds);
void smq_pollfds_close(struct smq_pollfds *fds);

/*
 * Are the descriptors still there? If the program has closed one, from now on there is none: then its number may be one
 * of the program's files.
 */
bool smq_pollfds_check(struct smq_pollfds *fds);

/* The program has closed its descriptors: from now on it has none. */
void smq_pollfds_forget(struct smq_pollfds *fds);

/*
 * Watches the queue that `fd` has open for what is reported to the end that `producer` says (pollable.h), beside what
 * it is watched for already. -1 and errno.
 */
int smq_pollfds_watch(struct smq_pollfds *fds, int fd, bool producer);
void smq_pollfds_unwatch(struct smq_pollfds *fds, int watch);

/*
 * What is ready: passes each event of inotify to `event`, and ends the timer. Bounded work: a flood of events stays
 * unread. true: the timer had expired.
 */
bool smq_pollfds_read(struct smq_pollfds *fds, void (*event)(void *context, int watch, uint32_t mask), void *context);

/* Sets the timer to this time, unless it is set to an earlier one. */
void smq_pollfds_raise_at(struct smq_pollfds *fds, int64_t when);

/* The errno of a call that has failed: EOPNOTSUPP for what this system, or this sandbox, does not have. */
int smq_pollfds_error(void);

#endif
