/* SPDX-License-Identifier: MIT */
/*
 * Claim, close, death and next claim of an end, and the name of a TEMPORARY queue (lib/endlock.c, lib/open.c,
 * lib/close.c).
 *
 * Two producers open the name (and create the queue if the name is free), claim the producer end, publish a message and
 * close. Each may die after any step; the kernel then releases its locks. Another process unlinks the name at some
 * time. A consumer holds the other end of the first queue and takes the messages. When it finds that it need not wait
 * any more, it gives the reason, EPIPE or EOWNERDEAD, and closes. Every system call and every access to a shared word is
 * a step of its own.
 *
 * Checked at each step: an end has one holder; a finished claim is on the queue that has the name; a removal hits the
 * queue that it was decided for, and a TEMPORARY one only when no handle is open; EPIPE is the result of a close,
 * EOWNERDEAD of a death, each after all messages that this peer published were taken.
 *
 * Each of these must make the model fail:
 *	NO_INIT_LOCK     claim and close do not exclude each other
 *	NO_COMPARE       an open does not check that the name still is its queue's
 *	NO_LAST_PEEK     the ring is not checked again after the peer is found closed or dead
 *	NO_REREAD        the claim word is not read again after the kernel said that no process holds the end
 *	PROBE_FIRST      the kernel is asked before the claim word is read
 *	UNLOCK_FIRST     a close releases the end before it stores CLOSED
 */
#define QUEUES 4 /* inodes, from 1; 0 is none */

#define NEVER 0
#define OPEN 1
#define CLOSED 2

byte name = 1;      /* the inode that has the name; 0: free */
byte made = 1;      /* inodes so far */
byte init_lock[QUEUES];  /* the process that holds the init lock, by its number + 1; 0: none */
byte end[QUEUES];   /* the process that holds the producer end, likewise */
bool consumer = true;  /* the consumer end of queue 1 is held */

/* The claim word, in two parts that are stored together. */
byte state[QUEUES];
byte count[QUEUES];
byte published[QUEUES];

/* What really happened to the holder of each claim; only the checks read these. */
byte fate[8];       /* of claim n on queue 1: NEVER, OPEN, CLOSED, or DEAD */
byte left_at[8];    /* messages published by then */
#define DEAD 3

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

inline record_fate(q, what)
{
	if
	:: q == 1 -> fate[mine] = what; left_at[mine] = published[1]
	:: else
	fi
}

inline die()
{
	d_step {
		if
		:: q != 0 && holding -> record_fate(q, DEAD); end[q] = 0
		:: else
		fi;
		if
		:: q != 0 && end[q] == _pid + 1 -> end[q] = 0 /* locked, the claim word not yet stored */
		:: else
		fi;
		if
		:: q != 0 && init_lock[q] == _pid + 1 -> init_lock[q] = 0
		:: else
		fi
	}
	goto gone
}

#define MAY_DIE if :: skip :: die() fi

active [2] proctype producer()
{
	byte q, mine;
	bool holding;

again:
	MAY_DIE;
	q = name;                                        /* open */
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
	MAY_DIE;
	lock_init(q);
	MAY_DIE;
#ifndef NO_COMPARE
	if
	:: name != q -> unlock_init(q); goto again
	:: else
	fi;
#endif
	MAY_DIE;
	if
	:: d_step { end[q] == 0 -> end[q] = _pid + 1 }
	:: else -> unlock_init(q); goto gone /* EBUSY */
	fi;
	MAY_DIE;
	d_step { count[q]++; state[q] = OPEN; mine = count[q]; holding = true; record_fate(q, OPEN) }
	assert(name == q);
	assert(end[q] == _pid + 1);
	MAY_DIE;
	unlock_init(q);
	MAY_DIE;
	published[q]++;
	MAY_DIE;
	lock_init(q);                                    /* close */
	MAY_DIE;
#ifdef UNLOCK_FIRST
	end[q] = 0;
	d_step { state[q] = CLOSED; record_fate(q, CLOSED); holding = false }
#else
	d_step { state[q] = CLOSED; record_fate(q, CLOSED); holding = false }
	MAY_DIE;
	assert(end[q] == _pid + 1);
	end[q] = 0;
#endif
	MAY_DIE;
	if
	:: end[q] == 0 && !(q == 1 && consumer) ->
		MAY_DIE;
		if
		:: name == q ->
			d_step {
				assert(name == q);
				assert(end[q] == 0 && !(q == 1 && consumer));
				name = 0
			}
		:: else
		fi
	:: else
	fi;
	MAY_DIE;
	unlock_init(q);
gone:
	skip
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
	byte taken, seen_state, seen_count;
	bool nobody;

	do
	:: published[1] > taken -> taken++
	:: else ->
#ifdef PROBE_FIRST
		nobody = (end[1] == 0);
#endif
		d_step { seen_state = state[1]; seen_count = count[1] }
		if
		:: seen_state == NEVER -> break              /* it would keep waiting; the run ends here */
		:: seen_state == OPEN ->
#ifndef PROBE_FIRST
			nobody = (end[1] == 0);
#endif
			if
			:: !nobody -> break                  /* likewise */
			:: else
			fi;
#ifndef NO_REREAD
			/* A close between the two reads stored CLOSED before it released the lock. */
			d_step {
				if
				:: count[1] != seen_count -> nobody = false
				:: else -> seen_state = state[1]
				fi
			}
			if
			:: !nobody -> break
			:: else
			fi
#endif
		:: seen_state == CLOSED
		fi;
#ifndef NO_LAST_PEEK
		if
		:: published[1] > taken -> goto more
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
	consumer = false;
	if
	:: end[1] == 0 ->
		if
		:: name == 1 -> d_step { assert(name == 1); assert(end[1] == 0); name = 0 }
		:: else
		fi
	:: else
	fi;
	unlock_init(1)
}
