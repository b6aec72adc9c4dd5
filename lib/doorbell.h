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
 * is left to a timer: see smq_doorbell_again(). An epoll descriptor holds both.
 */
#ifndef SMQ_DOORBELL_H
#define SMQ_DOORBELL_H

#include <stdbool.h>
#include <stdint.h>

struct smq_doorbell {
	int pollfd; /* epoll: readable when one of the next two is */
	int inotify;
	int timer;
	int watch;	  /* of inotify; -1: lost, to be had again */
	bool timer_set;
	int64_t doubt_ns; /* the next delay after which to ask for a holder anew; 0: no doubt */
};

/* What smq_doorbell_silence() has heard. */
#define SMQ_HEARD_CLOSE 1u /* somebody's description of the queue is gone, or about to go */
#define SMQ_HEARD_TIMER 2u

/*
 * Makes the doorbell of the end that `producer` says, of the queue that `fd` has open. It rings once, at once.
 * 0, EACCES, EMFILE, ENFILE, ENOMEM, ENOSPC, EOPNOTSUPP.
 */
int smq_doorbell_make(struct smq_doorbell *bell, int fd, bool producer);
void smq_doorbell_destroy(struct smq_doorbell *bell);

/* Rings the peer of the end that `producer` says. */
void smq_doorbell_ring(int fd, bool producer);

/* Stops the ringing: SMQ_HEARD_*. To be called before the announcement and the look that follow. */
unsigned smq_doorbell_silence(struct smq_doorbell *bell, int fd, bool producer);

/* Rings in `ns` (> 0) by itself. */
void smq_doorbell_again(struct smq_doorbell *bell, int64_t ns);

/*
 * The kernel tells of a death before it takes back the lock: a holder that is found alive then may not be. May one be
 * dead, after what was heard? If it seems to live: asks again later, less and less often.
 */
bool smq_doorbell_doubts(struct smq_doorbell *bell, unsigned heard);
void smq_doorbell_ask_again(struct smq_doorbell *bell);

#endif
