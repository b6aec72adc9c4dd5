/* SPDX-License-Identifier: MIT */
/*
 * Many queues watched together: one inotify instance, one timer, one epoll descriptor. Each handle in the set is a
 * member. A member is ready, or what makes it ready will be reported: its wait word has the bit POLLER (eventcount.h),
 * or a report of inotify has not been read yet. It stays ready until a call on it fails and clears it.
 *
 * So looking at the set costs what is ready, however many members it has: reports name the watch, by which its members
 * are found in a tree.
 */
#ifndef SMQ_WATCHSET_H
#define SMQ_WATCHSET_H

#include "format.h"
#include "pollfds.h"

struct smq_watchset;

struct smq_link {
	struct smq_link *next, *previous; /* a ring of links; one that is alone points to itself */
};

struct smq_member {
	int watch;                /* first, because the tree compares it; -1: lost, to be added again */
	struct smq_watchset *set; /* NULL: in none */
	struct smq_member *same;  /* the next member with this watch: another handle of the queue */
	struct smq_link all;      /* of all members, */
	struct smq_link ready;    /* of those that are ready, longest first, */
	struct smq_link timed;    /* and of those with a time */
	int64_t raise_at;         /* when it becomes ready anyway; 0: never */
	void *cookie;             /* the caller's */
	bool producer;
	bool closed; /* a process that had the queue open has closed it since the last clear */
};

struct smq_watchset {
	struct smq_pollfds fds;
	struct smq_link all, ready, timed; /* heads */
	void *watches;                     /* tsearch(3): a member of each watch */
	const smq_word *generation_now;    /* smq_process_generation() */
	uint32_t generation;
	bool polled; /* the caller watches the descriptor: it is to be readable while a member is ready */
};

/* 0 or errno, as smq_pollfds_open(). */
int smq_watchset_open(struct smq_watchset *set);
/* Its members then are in no set. */
void smq_watchset_close(struct smq_watchset *set);

/* Does the set belong to this process, and not to one that it has been forked from? */
static inline bool smq_watchset_in_process(const struct smq_watchset *set)
{
	return smq_load(set->generation_now) == set->generation;
}

/* Adds the handle of an end that has its queue open as `fd`. It is ready at first. 0 or errno. */
int smq_watchset_add(struct smq_watchset *set, struct smq_member *member, int fd, bool producer, void *cookie);
void smq_watchset_remove(struct smq_member *member);

/*
 * The member's part of smq_pollable_clear(), _watch() and _raise_at(). The first: `*closed`: a process has closed the
 * queue since; returns true if the watch is lost.
 */
bool smq_watchset_clear(struct smq_member *member, bool *closed);
void smq_watchset_watch(struct smq_member *member, int fd);
void smq_watchset_raise_at(struct smq_member *member, int64_t when);

/* Reads what has been reported, and stores the cookies of up to `max` ready members; returns how many. */
int smq_watchset_collect(struct smq_watchset *set, void **cookies, int max);

#endif
