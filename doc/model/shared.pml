/* SPDX-License-Identifier: MIT */
/*
 * Several who wait on one word: the handles of a SHARED end (lib/eventcount.c). Two sleep, one polls, and one gives up after
 * it has announced itself. The peer publishes as many messages as the other three take, one each. Every access to the
 * word is a step of its own; that what is published is seen by whoever looks after the fence is wait.pml's affair.
 *
 * Checked: everybody gets a message. Who slept on, or was not rung, would be an invalid end state.
 *
 * What must fail:
 *	NO_COUNT     the waker clears the bits of the word and does not count the wake
 *	PLAIN_STORE  the waker stores the word that it has read, cleared
 *	WITHDRAW     who gives up takes the announcement back
 *	NO_SILENCE   who polls stops the ringing after it has announced itself
 */
#define ASLEEP 1
#define POLLS 4
#define BITS 7
#define WAKE 8

#define MESSAGES 3

byte word;      /* as lib/eventcount.h has it */
byte queued;    /* messages in the ring */
bool asleep[3]; /* in the futex: sleeper 1, 2, and who gives up, 0 */
bool rung;      /* the descriptor is readable */

inline announce(what)
{
	d_step { word = word | what; announced = word }
}

/* FUTEX_WAIT compares and sleeps in one step, as far as FUTEX_WAKE can tell. */
inline sleep(me)
{
	d_step {
		if
		:: word == announced -> asleep[me] = true
		:: else
		fi
	};
	!asleep[me]
}

proctype sleeper(byte me)
{
	byte announced;

again:	if
	:: atomic { queued > 0 -> queued-- }; goto done
	:: queued == 0
	fi;
	announce(ASLEEP);
	if
	:: queued > 0 -> goto again
	:: queued == 0
	fi;
	sleep(me);
	goto again;
done:	skip
}

/* Its timeout may come at once, or late. */
proctype visitor()
{
	byte announced;

	announce(ASLEEP);
#ifdef WITHDRAW
	d_step { word = word & ~ASLEEP }
#endif
	announced = 0
}

proctype poller()
{
	byte announced;

again:	if
	:: atomic { queued > 0 -> queued-- }; goto done
	:: queued == 0
	fi;
#ifndef NO_SILENCE
	rung = false;
#endif
	announce(POLLS); /* though another's may stand there: its barrier may be still to come */
#ifdef NO_SILENCE
	rung = false;
#endif
	if
	:: queued > 0 -> goto again
	:: queued == 0
	fi;
	rung;
	goto again;
done:	skip
}

proctype waker()
{
	byte was, left = MESSAGES;

	do
	:: left == 0 -> break
	:: else ->
		queued++;
		left--;
		if
		:: (word & BITS) == 0 -> skip
		:: (word & BITS) != 0 ->
#ifdef PLAIN_STORE
			was = word;
			word = (was & ~BITS) + WAKE;
#else
			d_step { was = word; word = word & ~BITS };
#ifndef NO_COUNT
			word = word + WAKE;
#endif
#endif
			if
			:: was & ASLEEP -> d_step { asleep[0] = false; asleep[1] = false; asleep[2] = false }
			:: else
			fi;
			if
			:: was & POLLS -> rung = true
			:: else
			fi
		fi
	od
}

init
{
	atomic {
		run sleeper(1);
		run sleeper(2);
		run poller();
		run visitor();
		run waker()
	}
}
