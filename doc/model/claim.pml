/* SPDX-License-Identifier: MIT */
/*
 * Claim, close, death and re-claim of an end, and the name of a TEMPORARY queue (lib/endlock.c, lib/open.c, lib/close.c).
 *
 * Two producers open the name, creating the queue where it is free, claim the producer end, publish a message and
 * close; each may die after any step, when the kernel releases its locks. Another process unlinks the name at some
 * time. A consumer holds the other end of the first queue, takes what comes, and says at last why it need not wait
 * any more; then it closes. Every system call and every access to a shared word is a step of its own.
 *
 * Checked at each step: an end has one holder; a finished claim is on the queue that bears the name; a removal hits
 * the queue that it was decided for, and a TEMPORARY one only when nobody is attached; EPIPE is said of a close,
 * EOWNERDEAD of a death, each after everything that this peer published was taken.
 *
 * What must fail:
 *	NO_INIT_LOCK     claim and close do not exclude each other
 *	NO_COMPARE       an open does not look whether the name still is its queue's
 *	NO_SECOND_LOOK   the ring is not looked at again after the peer is seen gone
 *	NO_REREAD        the claim word is not read again after the kernel said that nobody is there
 *	PROBE_FIRST      the kernel is asked before the claim word is read
 *	UNLOCK_FIRST     a close releases the end before it stores CLOSED
 */
#define QUEUES 4 /* inodes, from 1; 0 is none */

#define NEVER 0
#define OPEN 1
#define CLOSED 2

byte name = 1;      /* what the name means; 0: free */
byte made = 1;      /* inodes so far */
byte init_lock[QUEUES];  /* who holds the init lock, 0: nobody */
byte end[QUEUES];   /* who holds the producer end */
bool consumer = true;  /* the consumer end of queue 1 is held */

/* The claim word, in its two parts that are stored at once. */
byte state[QUEUES];
byte count[QUEUES];
byte published[QUEUES];

/* What really happened to the holder of each claim, for the checks alone. */
byte fate[8];       /* of claim n on queue 1: NEVER, OPEN, CLOSED, or DEAD */
byte left_at[8];    /* messages published until then */
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
		:: q != 0 && end[q] == _pid + 1 -> end[q] = 0 /* claimed, not yet said so */
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
		/* build in secret, then link: one step that fails where the name is taken */
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
		:: seen_state == NEVER -> break              /* it would wait on; the run ends here */
		:: seen_state == OPEN ->
#ifndef PROBE_FIRST
			nobody = (end[1] == 0);
#endif
			if
			:: !nobody -> break                  /* likewise */
			:: else
			fi;
#ifndef NO_REREAD
			/* A close between the two reads stored CLOSED before it let the lock go. */
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
#ifndef NO_SECOND_LOOK
		if
		:: published[1] > taken -> goto more
		:: else
		fi;
#endif
		/* EPIPE of CLOSED, EOWNERDEAD of OPEN and nobody there */
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
