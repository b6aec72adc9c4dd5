/* SPDX-License-Identifier: MIT */
/*
 * The eventcount of lib/eventcount.h on processors with store buffers: is a wake-up ever lost?
 *
 * A waker (the producer, say) publishes MESSAGES messages; half-way it may die, and another one attaches late and
 * continues. A sleeper takes the messages, one or two at a time, since a producer that waits for space may find too
 * little. Each side's stores go through a first-in first-out buffer of its own; a load reads the own buffer first, then
 * memory. A lost wake-up is an invalid end state: the sleeper sleeps for ever, although what it waits for is there.
 *
 * A waker that fences may stop after any publication. How often a sleeper has called membarrier is not counted: it may
 * ask for fences at any time, and where it may have reached its limit it calls or does not, each time anew.
 *
 * As built, chosen with -D:
 *	SLEEPER_IS=0  has membarrier    1  has none    2  loses it at some time, as by a seccomp filter after open
 *		   3  has it, but may be at its limit at any time
 *	FIRST=1, SECOND=1               that waker could register with membarrier (0: it could not, and always fences)
 *	ROOM                            the sleeper is a producer, which reads the room while it spins, and the head
 *	                                before it sleeps; the waker, a consumer, stores the room every other message
 *	POLLER                          the sleeper polls: it leaves its bit set until the waker clears it, tries once in
 *	                                vain while it is set, and sleeps until its descriptor is readable
 * Each of these must make the model fail:
 *	NO_MEMBARRIER      a sleeper that has membarrier and sees no acknowledgement leaves out S2
 *	NO_WAKER_FENCE     W2 is a compiler barrier although the sleeper has asked for fences
 *	NO_SHORT_SLICE     whole slices before the waker's acknowledgement is seen
 *	NO_RESET           a new waker does not reset the last holder's acknowledgement
 *	NO_ATTACH_FENCE    a new waker resets it, without the fence after that
 *	SLEEP_BY_ROOM      with ROOM: before it sleeps the sleeper reads the room alone
 *	NO_SECOND_SLEEPER  a sleeper whose membarrier has failed adds only FENCE to its word, although a wake may have cleared
 *	                   SLEEPER
 *	STOP_UNTOLD        a waker stops fencing and leaves its acknowledgement
 *	NO_STOP_FENCE      it resets it, without a fence after that
 *	STOP_AFTER_FENCE   it resets it after that publication's fence
 *	ALL_STOP           a waker that could not register with membarrier stops, too
 *	EARLY_ACK          the sleeper reads the acknowledgement before it sets its bits
 *	NO_SLEEPER_FENCE   it reads it after that, but without a fence between them
 */
#ifndef SLEEPER_IS
#define SLEEPER_IS 0
#endif
#ifndef FIRST
#define FIRST 1
#endif
#ifndef SECOND
#define SECOND 1
#endif
#define MESSAGES 3

/* The two sides. */
#define WAKER 0
#define WAITER 1

/* Shared variables. */
#define PUBLISHED 0 /* messages published; only the waker stores it */
#define WORD 1      /* the sleeper's wait word */
#define ACK 2       /* the waker's claim.fence */
#define ROOM_WORD 3 /* with ROOM: PUBLISHED, as of a moment ago */
#define WORDS 4
#ifdef ROOM
#define SPIN_WORD ROOM_WORD
#else
#define SPIN_WORD PUBLISHED
#endif
#ifdef SLEEP_BY_ROOM
#define LAST_WORD ROOM_WORD
#else
#define LAST_WORD PUBLISHED
#endif

/* Bits of WORD. */
#define SLEEPER 1
#define FENCE 2

byte memory[WORDS];

/* Store buffers: the stores on their way; and, for loads of the own side, how many there are of each variable, and the
   last value. */
chan buffer[2] = [4] of { byte, byte };
byte pending[2 * WORDS];
byte last[2 * WORDS];

bool registered; /* membarrier reaches the present waker */
bool asleep;     /* the sleeper is in the futex, or in poll */
bool short_slice;

#define SLOT(p, v) ((p) * WORDS + (v))

inline store(p, v, value)
{
	d_step {
		nfull(buffer[p]);
		buffer[p]!v, value;
		pending[SLOT(p, v)]++;
		last[SLOT(p, v)] = value;
	}
}

inline load(p, v, into)
{
	d_step {
		if
		:: pending[SLOT(p, v)] > 0 -> into = last[SLOT(p, v)]
		:: else -> into = memory[v]
		fi
	}
}

inline drain_one(p)
{
	buffer[p]?v_, x_;
	memory[v_] = x_;
	pending[SLOT(p, v_)]--;
}

inline drain(p)
{
	d_step {
		do
		:: nempty(buffer[p]) -> drain_one(p)
		:: empty(buffer[p]) -> break
		od;
		v_ = 0;
		x_ = 0
	}
}

/* The hardware: a buffered store may become visible at any time. */
active proctype memory_system()
{
	byte v_, x_;
end:
	do
	:: d_step { nempty(buffer[WAKER]) -> drain_one(WAKER); v_ = 0; x_ = 0 }
	:: d_step { nempty(buffer[WAITER]) -> drain_one(WAITER); v_ = 0; x_ = 0 }
	od
}

inline acknowledge()
{
	fences = true;
	store(WAKER, ACK, 1)
}

inline attach(can_register)
{
	fences = false;
	registered = can_register; /* before the claim; the system call is a full barrier */
#ifndef NO_RESET
	store(WAKER, ACK, 0);
#endif
	if
	:: !can_register -> acknowledge()
	:: else
	fi;
#ifndef NO_ATTACH_FENCE
	drain(WAKER)
#else
	skip
#endif
}

/* W2 of a waker that fences. */
inline fence()
{
	if
	:: true
#ifndef ALL_STOP
	:: registered ->
#else
	:: true ->
#endif
#if !defined STOP_UNTOLD && !defined STOP_AFTER_FENCE
		store(WAKER, ACK, 0);
#endif
		fences = false /* from now on */
	fi;
#if defined NO_STOP_FENCE
	if
	:: fences -> drain(WAKER)
	:: else
	fi
#elif !defined NO_WAKER_FENCE
	drain(WAKER)
#else
	skip
#endif
#ifdef STOP_AFTER_FENCE
	;
	if
	:: !fences -> store(WAKER, ACK, 0)
	:: else
	fi
#endif
}

inline publish()
{
	sent++;
	store(WAKER, PUBLISHED, sent);                  /* W1 */
#ifdef ROOM
	if
	:: sent % 2 == 0 -> store(WAKER, ROOM_WORD, sent)
	:: else
	fi;
#endif
	if
	:: fences -> fence()                            /* W2 */
	:: else
	fi;
	load(WAKER, WORD, seen);                        /* W3 */
	if
	:: seen != 0 ->                                 /* W4 */
#ifdef POLLER
		d_step { drain(WAKER); seen = memory[WORD]; memory[WORD] = 0 };
#endif
		if
		:: (seen & FENCE) && !fences -> acknowledge()
		:: else
		fi;
#ifndef POLLER
		store(WAKER, WORD, 0);
#endif
		drain(WAKER);                           /* the system call */
		if
		:: seen & SLEEPER -> asleep = false
		:: else
		fi
	:: else
	fi;
	seen = 0
}

active proctype waker()
{
	byte sent, seen, v_, x_;
	bool fences;

	attach(FIRST);
	do
	:: sent < MESSAGES -> publish()
	:: break /* it dies here, or has sent all */
	od;
	drain(WAKER); /* the next claim sees what a dead process has stored */
	attach(SECOND);
	do
	:: sent < MESSAGES -> publish()
	:: else -> break
	od
}

inline membarrier()
{
	drain(WAITER);
	if
	:: registered -> drain(WAKER)
	:: else
	fi
}

inline read_ack()
{
	load(WAITER, ACK, seen);
	acknowledged = seen;
	seen = 0
}

inline prepare()
{
#ifdef EARLY_ACK
	read_ack();
#endif
	if
	:: !no_membarrier -> word = SLEEPER
	:: word = SLEEPER | FENCE
	fi;
	store(WAITER, WORD, word);                       /* S1 */
#ifdef NO_SLEEPER_FENCE
	read_ack();
#endif
	drain(WAITER);                                   /* S2 */
#if !defined EARLY_ACK && !defined NO_SLEEPER_FENCE
	read_ack();
#endif
	if
	:: acknowledged
	:: !acknowledged && !no_membarrier && SLEEPER_IS != 1 ->
#ifndef NO_MEMBARRIER
		membarrier()
#else
		skip
#endif
	:: !acknowledged && !no_membarrier && SLEEPER_IS != 0 -> /* the call fails, or is not made */
		no_membarrier = true;
#ifndef NO_SECOND_SLEEPER
		word = SLEEPER | FENCE;
#else
		d_step { drain(WAITER); word = memory[WORD] | FENCE };
#endif
		store(WAITER, WORD, word);
		drain(WAITER);
		read_ack()
	:: !acknowledged && no_membarrier
	fi;
#ifndef NO_SHORT_SLICE
	short_slice = short_slice || (no_membarrier && !acknowledged);
#endif
	acknowledged = false;
	no_membarrier = no_membarrier && SLEEPER_IS != 3
}

inline take_or_wait()
{
	load(WAITER, LAST_WORD, seen);                   /* S3 */
	if
	:: seen >= wanted -> taken = wanted; seen = 0
	:: else ->
		seen = 0;
#ifndef POLLER
		/* S4: the kernel compares and queues in one step. */
		d_step { asleep = (memory[WORD] == word) };
#endif
		if
		:: !asleep
		:: short_slice ->
#ifdef POLLER
			/* The timer. A sleeper will prepare anew. A poller relies on the millisecond: what was
			   published before has left the waker's buffer. */
			drain(WAKER);
			short_slice = false;
#endif
			asleep = false
#ifdef POLLER
		:: !tried -> tried = true
#endif
		fi
	fi
#ifndef POLLER
	;
	short_slice = false
#endif
}

active proctype sleeper()
{
	byte taken, wanted, seen, word, v_, x_;
	bool no_membarrier, acknowledged;
#ifdef POLLER
	bool tried;
#endif

	do
	:: taken == MESSAGES -> break
	:: else ->
		if
		:: wanted > taken /* as before */
		:: wanted == taken -> wanted = taken + 1
		:: wanted == taken && taken + 2 <= MESSAGES -> wanted = taken + 2
		fi;
		load(WAITER, SPIN_WORD, seen);
		if
		:: seen >= wanted -> taken = wanted; seen = 0
		:: else ->
			seen = 0;
#ifdef POLLER
			asleep = true; /* the descriptor is cleared */
			load(WAITER, WORD, word);
			if
			:: word & SLEEPER
			:: else -> prepare()
			fi;
			take_or_wait()
#else
			prepare();
			take_or_wait();
			store(WAITER, WORD, 0) /* cancel; before another prepare it makes no difference */
#endif
		fi
	od
}
