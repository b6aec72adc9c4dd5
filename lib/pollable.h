/* SPDX-License-Identifier: MIT */
/*
 * The pollable descriptor: an inotify watch on the queue's own file, so that it needs no second name, no socket and no
 * thread, and works without a name too.
 *
 *	towards the consumer	fallocate(2) of what is there	IN_MODIFY
 *	towards the producer	pread(2) of one byte		IN_ACCESS
 *	a death or a close	the kernel, just before it is	IN_CLOSE_WRITE
 *
 * Each side watches for the other's alone, so none rings itself. fallocate() changes nothing, asks for no permission
 * beyond the descriptor (futimens(2) does, and a process may have dropped it), and knows no RLIMIT_FSIZE (write(2)
 * does).
 *
 * Who polls has announced it in its wait word (wait.h), and only then does the peer ring. What the peer cannot ring for
 * is left to a timer: see smq_pollable_raise_at(). An epoll descriptor holds both.
 */
#ifndef SMQ_POLLABLE_H
#define SMQ_POLLABLE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The kernel tells of a death before it takes back the lock: a holder that is found alive then may not be. So it is
 * asked for again, less and less often, for a second. In time and not in rings, which come for other reasons too.
 */
struct smq_recheck {
	int64_t since;  /* ns, CLOCK_MONOTONIC; 0: no recheck */
	int64_t ask_at; /* the next question */
};

struct smq_pollable {
	int pollfd; /* epoll: readable when one of the next two is */
	int inotify;
	int timer;
	int watch;        /* of inotify; -1: lost, to be had again */
	int64_t rings_at; /* what the timer is set to; 0: it is not */
	/* Whose death it was is not said: each of these is a question of its own, and stays until it is answered. */
	struct smq_recheck peer;  /* does the peer live? */
	struct smq_recheck owner; /* does the handle live whose turn it is? */
};

#define SMQ_AT_ONCE 1 /* as a time */

/*
 * Makes the doorbell of the end that `producer` says, of the queue that `fd` has open. It rings once, at once.
 * 0, EACCES, EMFILE, ENFILE, ENOMEM, ENOSPC, EOPNOTSUPP.
 */
int smq_pollable_open(struct smq_pollable *pollable, int fd, bool producer);
void smq_pollable_close(struct smq_pollable *pollable);

/* Rings the peer of the end that `producer` says. */
void smq_pollable_raise(int fd, bool producer);

/* Stops the ringing: before the announcement and the look that follow. A death or a close starts doubts. */
void smq_pollable_clear(struct smq_pollable *pollable, int fd, bool producer);

/* Rings by itself, at this time at the latest. */
void smq_pollable_raise_at(struct smq_pollable *pollable, int64_t when);

/* Is it time to ask? */
bool smq_recheck_due(const struct smq_recheck *recheck);

/* The holder seems to live, or (not `answered`) nobody could say. */
void smq_recheck_done(struct smq_recheck *recheck, bool answered);

#endif
