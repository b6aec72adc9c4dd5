/* SPDX-License-Identifier: MIT */
/*
 * Several handles of a SHARED end wait on one word (lib/eventcount.c). Two sleep, one polls, and a visitor sets its bit
 * and then gives up its wait. The peer publishes as many messages as the first three take, one each. Every access to the
 * word is a step of its own. That a published message is seen after the fence is the subject of wait.pml.
 *
 * Checked: each of the three gets a message. A sleeper that is not woken, or a poller whose descriptor is not raised,
 * is an invalid end state.
 *
 * Each of these must make the model fail:
 *	NO_COUNT     the waker clears the bits of the word and does not count the wake
 *	PLAIN_STORE  the waker stores the word that it has read, with the bits cleared
 *	CLEAR_OWN    the visitor clears its bit when it gives up
 *	CLEAR_LATE   the poller clears its descriptor after it has set its bit
 */
#define SLEEPER 1
#define POLLER 4
#define BITS 7
#define WAKE 8

#define MESSAGES 3

byte word;      /* as lib/eventcount.h has it */
byte queued;    /* messages in the ring */
bool asleep[3]; /* in the futex: sleepers 1 and 2, and the visitor, 0 */
bool raised;    /* the descriptor is readable */

inline prepare(what)
{
	d_step { word = word | what; prepared = word }
}

/* FUTEX_WAIT compares and sleeps in one step, as far as FUTEX_WAKE can tell. */
inline sleep(me)
{
	d_step {
		if
		:: word == prepared -> asleep[me] = true
		:: else
		fi
	};
	!asleep[me]
}

proctype sleeper(byte me)
{
	byte prepared;

again:	if
	:: atomic { queued > 0 -> queued-- }; goto done
	:: queued == 0
	fi;
	prepare(SLEEPER);
	if
	:: queued > 0 -> goto again
	:: queued == 0
	fi;
	sleep(me);
	goto again;
done:	skip
}

/* Its timeout may end at once, or late. */
proctype visitor()
{
	byte prepared;

	prepare(SLEEPER);
#ifdef CLEAR_OWN
	d_step { word = word & ~SLEEPER }
#endif
	prepared = 0
}

proctype poller()
{
	byte prepared;

again:	if
	:: atomic { queued > 0 -> queued-- }; goto done
	:: queued == 0
	fi;
#ifndef CLEAR_LATE
	raised = false;
#endif
	prepare(POLLER); /* even if another handle has set the bit: the barrier of that one may be still to come */
#ifdef CLEAR_LATE
	raised = false;
#endif
	if
	:: queued > 0 -> goto again
	:: queued == 0
	fi;
	raised;
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
			:: was & SLEEPER -> d_step { asleep[0] = false; asleep[1] = false; asleep[2] = false }
			:: else
			fi;
			if
			:: was & POLLER -> raised = true
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
