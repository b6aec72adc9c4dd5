/* SPDX-License-Identifier: MIT */
/*
 * The pollable descriptor: an inotify watch on the queue's own file. So it needs no second name, no socket and no
 * thread, and works for queues without a name.
 *
 *	raised for the consumer by	fallocate(2) of allocated bytes	IN_MODIFY
 *	raised for the producer by	pread(2) of one byte		IN_ACCESS
 *	raised for both, at a death or close, by the kernel	IN_CLOSE_WRITE
 *
 * Each side watches for the other side's system call only, so a raise never reaches the side that makes it; the close
 * of any descriptor that could write is reported to both. fallocate() changes nothing, needs no permission beyond the
 * descriptor (futimens(2) does, and a process may have dropped it), and is not subject to RLIMIT_FSIZE (write(2) is).
 *
 * A handle that polls has set SMQ_WAIT_POLLER (eventcount.h); only then does the peer raise its descriptor. A timer
 * stands in for what the peer cannot raise it for: smq_pollable_raise_at(). An epoll descriptor contains both. Or the
 * handle is a member of a set, which has one of each for all its members: then "the descriptor is raised" means that
 * the member is ready (watchset.h).
 */
#ifndef SMQ_POLLABLE_H
#define SMQ_POLLABLE_H

#include "watchset.h"

/*
 * The kernel reports a death shortly before it releases the end's lock, so a process that still seems to live may be
 * dead. It is checked again, at growing intervals, for one second. The bound is a time and not a number of events,
 * because events come for other reasons too.
 */
struct smq_recheck {
	int64_t since; /* ns, CLOCK_MONOTONIC; 0: nothing to check */
	int64_t at;    /* the next check */
};

struct smq_pollable {
	struct smq_member member; /* of a set, if its `set` says so; else the next two are used */
	struct smq_pollfds fds;
	int watch; /* of inotify; -1: lost, to be added again */
	/* An event does not tell whose death it reports. Each of these is checked by itself. */
	struct smq_recheck peer;  /* does the peer live? */
	struct smq_recheck owner; /* does the holder of this end's owner lock live? */
};

/*
 * Opens the descriptor of the end that `producer` says, for the queue that `fd` has open. It is raised at once.
 * 0, EACCES, EMFILE, ENFILE, ENOMEM, ENOSPC, EOPNOTSUPP.
 */
int smq_pollable_open(struct smq_pollable *pollable, int fd, bool producer);
void smq_pollable_close(struct smq_pollable *pollable); /* after that check */

/*
 * Are the descriptors still there? If the program has closed one, from now on there is none: then its number may be one
 * of the program's files.
 */
bool smq_pollable_check(struct smq_pollable *pollable);

/* The program has closed its descriptors: from now on it has none. A set looks after its own. */
void smq_pollable_forget(struct smq_pollable *pollable);
bool smq_pollable_is_forgotten(const struct smq_pollable *pollable);

/* Adds the handle to a set, in place of a descriptor of its own. 0 or errno, as smq_pollable_open(). */
int smq_pollable_join(struct smq_pollable *pollable, struct smq_watchset *set, int fd, bool producer, void *cookie);

/* Raises the descriptor of the peer of the end that `producer` says. */
void smq_pollable_raise(int fd, bool producer);

/*
 * Clears the descriptor, before the bit is set and the ring is checked. A death or a close starts the rechecks. true:
 * the watch is lost, because the file's last name was removed though the file still exists.
 */
bool smq_pollable_clear(struct smq_pollable *pollable);

/* Adds the watch again. Without one the descriptor cannot be raised: it becomes readable after a moment. */
void smq_pollable_watch(struct smq_pollable *pollable, int fd, bool producer);

/* Raises this handle's own descriptor at this time, unless it is to be raised earlier. */
void smq_pollable_raise_at(struct smq_pollable *pollable, int64_t when);

/* Is it time for a check? */
bool smq_recheck_due(const struct smq_recheck *recheck);

/* A check found a live process, or (not `answered`) could not be made. */
void smq_recheck_done(struct smq_recheck *recheck, bool answered);

#endif
