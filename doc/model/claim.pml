/* SPDX-License-Identifier: MIT */
/*
 * Claim, close, death and next claim of an end, and the name of a TEMPORARY queue (lib/endlock.c, lib/open.c,
 * lib/close.c).
 *
 * Two producers open the name (and create the queue if the name is free), claim the producer end, publish a message and
 * close. Each may die after any step; the kernel then releases the init lock, says that the process has ended, and
 * releases the range by which it holds the end before, later, or never: other processes may pin its memory. Another
 * process unlinks the name at some time. A consumer holds the other end of the first queue and takes the messages. When
 * it finds that it need not wait any more, it gives the reason, EPIPE or EOWNERDEAD, and closes. Every system call and
 * every access to a shared word is a step of its own. With STRANGERS the producers are in pid namespaces of their own,
 * the first one in the consumer's: so neither can ask whether the other has ended.
 *
 * Checked at each step: an end has one living holder; a finished claim is on the queue that has the name; an open does
 * not fail with EBUSY when all other processes that claimed the end have ended or closed, if it can ask about them; a
 * removal hits the queue that it was decided for, and a TEMPORARY one only when no handle is open; EPIPE is the result
 * of a close, EOWNERDEAD of a death, each after all messages that this peer published were taken; the consumer does not
 * wait for a peer that had ended before it asked.
 *
 * Each of these must make the model fail:
 *	NO_INIT_LOCK     claim and close do not exclude each other
 *	EARLY_UNLOCK     a claim releases the init lock after it has looked for a holder, before it locks its range
 *	PINNED_INIT      the init lock is kept, like the range, by what pins the memory of a dead process
 *	NO_COMPARE       an open does not check that the name still is its queue's
 *	OPEN_ASKS_NOBODY a range that is locked counts as a living holder, for an open
 *	PEER_ASKS_NOBODY likewise, for the consumer
 *	UNKNOWN_IS_DEAD  with STRANGERS: a holder in another pid namespace counts as dead
 *	STORE_FIRST      a claim stores OPEN before it locks its range
 *	NO_LAST_PEEK     the ring is not checked again after the peer is found closed or dead
 *	NO_REREAD        the claim word is not read again after the kernel said that no process holds the end
 *	PROBE_FIRST      the kernel is asked before the claim word is read
 *	UNLOCK_FIRST     a close releases the end before it stores CLOSED
 */
#define QUEUES 3 /* inodes, from 1; 0 is none */

#define NEVER 0
#define OPEN 1
#define CLOSED 2

byte name = 1;      /* the inode that has the name; 0: free */
byte made = 1;      /* inodes so far */
byte init_lock[QUEUES];  /* the process that holds the init lock, by its number + 1; 0: none */
byte range[2];  /* of each producer: the queue on which it has locked a range of the producer end; 0: none */
bool ended[2];  /* it has ended: the kernel says so to those that can ask */
bool consumer = true;  /* the consumer end of queue 1 is held */

/* Of queue 1: the claim word, in two parts that are stored together, and the messages. */
byte state;
byte count;
byte published;

/* What really happened to the holder of each claim; only the checks read these. */
byte fate[3];       /* of claim n on queue 1: NEVER, OPEN, CLOSED, or DEAD */
byte left_at[3];    /* messages published by then */
#define DEAD 3
bool stopped[2];    /* the producer executes nothing any more */
byte ranges;        /* that were ever locked */

#define LIVES(p, q) (range[p] == q && !stopped[p])

/* What a process learns about another one. */
#define READER 3
#ifdef STRANGERS
#define CAN_ASK(p) (_pid == READER && p == 0)
#else
#define CAN_ASK(p) true
#endif
#ifdef UNKNOWN_IS_DEAD
#define HAS_ENDED(p) (!CAN_ASK(p) || ended[p])
#else
#define HAS_ENDED(p) (CAN_ASK(p) && ended[p])
#endif
#ifdef OPEN_ASKS_NOBODY
#define OPEN_ASKS false
#else
#define OPEN_ASKS true
#endif
#ifdef PEER_ASKS_NOBODY
#define PEER_ASKS false
#else
#define PEER_ASKS true
#endif

inline lock_init(q)
{
#ifndef NO_INIT_LOCK
	d_step { init_lock[q] == 0 -> init_lock[q] = _pid + 1 }
#else
	skip
#endif
}

inline unlock_init(q)
{
#ifndef NO_INIT_LOCK
	init_lock[q] = 0
#else
	skip
#endif
}

/* No handle does, and this process can know it. */
#define IS_FREE(q) ((range[0] != q || CAN_ASK(0) && ended[0]) && (range[1] != q || CAN_ASK(1) && ended[1]))

/*
 * Does a handle hold the producer end of this queue? Two system calls for each range that is locked. The caller's own
 * range is not: not yet, or not any more.
 */
inline look(q, asks)
{
	d_step { held = false; free = IS_FREE(q); seen_ranges = ranges };
	do
	:: other == 2 || held -> break
	:: other < 2 && !held && range[other] != q -> other++
	:: other < 2 && !held && range[other] == q -> d_step { held = !(asks && HAS_ENDED(other)); other++ }
	od;
	atomic { assert(!(held && free && seen_ranges == ranges)); other = 0; free = false; seen_ranges = 0 }
}

inline lock_range()
{
	d_step { range[_pid] = q; ranges++ }
}

/* In a d_step with what decides the fate of this claim. */
inline record_fate(what)
{
	fate[mine] = what;
	left_at[mine] = published
}

inline store_open()
{
	d_step {
		if
		:: q == 1 && consumer -> count++; state = OPEN; mine = count; record_fate(OPEN)
		:: else
		fi
	}
}

inline publish()
{
	d_step {
		if
		:: q == 1 && consumer -> published++
		:: else
		fi
	}
}

inline store_closed()
{
	d_step {
		if
		:: q == 1 && consumer -> state = CLOSED; record_fate(CLOSED)
		:: else
		fi;
		mine = 0
	}
}

#ifdef PINNED_INIT
#define KEEPS_INIT (range[_pid] != 0)
#else
#define KEEPS_INIT false
#endif

/* One step, before which the process may be killed. Of strangers only the first is, in whom the consumer can tell. */
#ifdef STRANGERS
#define MORTAL (_pid == 0)
#else
#define MORTAL true
#endif
#define STEP(what) if :: what :: MORTAL -> goto dead fi

active [2] proctype producer()
{
	byte q, mine, other, seen_ranges;
	bool held, free, late;

again:
	STEP(q = name);                                  /* open */
	if
	:: q == 0 && made == QUEUES - 1 -> goto gone      /* enough queues for one run */
	:: q == 0 && made < QUEUES - 1 ->
		/* build without a name, then link: one step, which fails if the name is taken */
		d_step {
			if
			:: name == 0 && made < QUEUES - 1 -> made++; name = made
			:: else
			fi
		}
		goto again
	:: else
	fi;
	STEP(lock_init(q));
#ifndef NO_COMPARE
	if
	:: name != q -> unlock_init(q); goto again
	:: name == q
	:: MORTAL -> goto dead
	fi;
#endif
	look(q, OPEN_ASKS);
	if
	:: held -> unlock_init(q); goto gone              /* EBUSY */
	:: else
	fi;
#ifdef EARLY_UNLOCK
	unlock_init(q);
#endif
#ifdef STORE_FIRST
	STEP(store_open());
	STEP(lock_range());
#else
	STEP(lock_range());
	STEP(store_open());
#endif
	assert(name == q);
	assert(!LIVES(1 - _pid, q));
#ifndef EARLY_UNLOCK
	STEP(unlock_init(q));
#endif
	STEP(publish());
	if                                               /* close */
	:: lock_init(q)
	:: _pid == 1 && init_lock[q] != 0 -> late = true  /* it cannot be had within a second */
	:: MORTAL -> goto dead
	fi;
#ifdef UNLOCK_FIRST
	STEP(range[_pid] = 0);
	STEP(store_closed());
#else
	STEP(store_closed());
	assert(!LIVES(1 - _pid, q));
	STEP(range[_pid] = 0);
#endif
	if
	:: late -> goto gone
	:: else
	fi;
	look(q, OPEN_ASKS);
	if
	:: !held && !(q == 1 && consumer) ->
		if
		:: name == q ->
			STEP(d_step {
				assert(name == q);
				assert(!LIVES(0, q) && !LIVES(1, q) && !(q == 1 && consumer));
				name = 0
			})
		:: else
		fi
	:: else
	fi;
	STEP(unlock_init(q));
	goto gone;
dead:
	atomic {
		stopped[_pid] = true;
		held = false;
		if
		:: mine != 0 && consumer -> record_fate(DEAD)
		:: else
		fi;
		mine = 0;
		/* The kernel releases what the process held. */
		if
		:: range[_pid] = 0
		:: range[_pid] != 0                      /* pinned */
		fi
	}
	d_step {
		if
		:: q != 0 && init_lock[q] == _pid + 1 && !KEEPS_INIT -> init_lock[q] = 0
		:: else
		fi;
		ended[_pid] = true
	}
	if
	:: range[_pid] = 0
	:: range[_pid] != 0 && _pid == 0                 /* for ever */
	fi;
gone:
	atomic { q = 0; held = false; late = false }
}

active proctype unlinker()
{
	byte q;

	q = name;
	if
	:: q != 0 ->
		lock_init(q);
		if
		:: name == q -> d_step { assert(name == q); name = 0 }
		:: else
		fi;
		unlock_init(q)
	:: else
	fi
}

active proctype reader()
{
	byte taken, seen_state, seen_count, other, seen_ranges;
	bool held, free;

	do
	:: published > taken -> taken++
	:: else ->
#ifdef PROBE_FIRST
		look(1, PEER_ASKS);
#endif
		d_step { seen_state = state; seen_count = count }
		if
		:: seen_state == NEVER -> break              /* it would keep waiting; the run ends here */
		:: seen_state == OPEN ->
#ifndef PROBE_FIRST
			look(1, PEER_ASKS);
#endif
			if
			:: held -> break                     /* likewise */
			:: else
			fi;
#ifndef NO_REREAD
			/* A close between the two reads stored CLOSED before it released the lock. */
			d_step {
				if
				:: count != seen_count -> held = true
				:: else -> seen_state = state
				fi
			}
			if
			:: held -> break
			:: else
			fi
#endif
		:: seen_state == CLOSED
		fi;
#ifndef NO_LAST_PEEK
		if
		:: published > taken -> goto more
		:: else
		fi;
#endif
		/* EPIPE if CLOSED, EOWNERDEAD if OPEN and no process holds the end */
		assert(seen_state != CLOSED || fate[seen_count] == CLOSED);
		assert(seen_state != OPEN || fate[seen_count] == DEAD);
		assert(taken >= left_at[seen_count]);
		break;
more:		skip
	od;
	lock_init(1);                                        /* close */
	d_step {
		consumer = false;
		/* Read by nobody from now on: fewer states. */
		taken = 0; seen_state = 0; seen_count = 0;
		published = 0; state = 0; count = 0;
		fate[1] = 0; fate[2] = 0; left_at[1] = 0; left_at[2] = 0
	}
	look(1, PEER_ASKS);
	if
	:: !held ->
		if
		:: name == 1 -> d_step { assert(name == 1); assert(!LIVES(0, 1) && !LIVES(1, 1)); name = 0 }
		:: else
		fi
	:: else
	fi;
	unlock_init(1)
}
