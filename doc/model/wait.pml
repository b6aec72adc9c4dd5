/* SPDX-License-Identifier: MIT */
/*
 * The sleep and wake protocol of lib/eventcount.h on processors with store buffers: is a wake-up ever lost?
 *
 * A waker (the producer, say) publishes MESSAGES messages; half-way it may die and be followed by another one, which
 * attaches late. A sleeper takes them, one or two at a time: as of room, what comes may be too little. Each side's
 * stores go through a first-in first-out buffer of its own; a load sees the own buffer first, then memory. A lost
 * wake-up is an invalid end state: the sleeper asleep for ever beside what it waits for.
 *
 * As built, chosen with -D:
 *	SLEEPER=0  has membarrier    1  has none    2  loses it at some time, as by a seccomp filter after open
 *	FIRST=1, SECOND=1            that waker could register with membarrier (0: it could not, and always fences)
 * What must fail:
 *	NO_MEMBARRIER     S2 left out by a sleeper that has it
 *	NO_WAKER_FENCE    W2 is a compiler barrier although fences were asked for
 *	NO_SHORT_SLICE    whole slices before the acknowledgement shows
 *	NO_RESET          a new waker leaves the last holder's acknowledgement standing
 *	NO_ATTACH_FENCE   it resets that, without the fence behind
 *	NO_SECOND_ASLEEP  a sleeper whose membarrier has failed adds FENCE to its word, whatever a wake has left there
 */
#ifndef SLEEPER
#define SLEEPER 0
#endif
#ifndef FIRST
#define FIRST 1
#endif
#ifndef SECOND
#define SECOND 1
#endif
#define MESSAGES 3

#define WAKER 0
#define SLEEP 1

/* Shared variables. */
#define PUBLISHED 0 /* messages published: the waker's only */
#define WORD 1      /* the sleeper's wait word */
#define ACK 2       /* the waker's claim.fence */
#define ASLEEP 1
#define FENCE 2

byte memory[3];

/* Store buffers: what is on its way, and for the forwarding to own loads how many of each and the last value. */
chan buffer[2] = [4] of { byte, byte };
byte pending[6];
byte last[6];

bool registered; /* the present waker is reached by membarrier */
bool dozing;     /* the sleeper is in the futex */
bool short_slice;

#define SLOT(p, v) ((p) * 3 + (v))

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

/* The hardware: any buffered store becomes visible at any time. */
active proctype memory_system()
{
	byte v_, x_;
end:
	do
	:: d_step { nempty(buffer[WAKER]) -> drain_one(WAKER); v_ = 0; x_ = 0 }
	:: d_step { nempty(buffer[SLEEP]) -> drain_one(SLEEP); v_ = 0; x_ = 0 }
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

inline publish()
{
	sent++;
	store(WAKER, PUBLISHED, sent);                  /* W1 */
	if
	:: fences ->
#ifndef NO_WAKER_FENCE
		drain(WAKER)                            /* W2 */
#else
		skip
#endif
	:: else
	fi;
	load(WAKER, WORD, seen);                        /* W3 */
	if
	:: seen != 0 ->                                 /* W4 */
		if
		:: (seen & FENCE) && !fences -> acknowledge()
		:: else
		fi;
		store(WAKER, WORD, 0);
		drain(WAKER);                           /* the system call */
		if
		:: seen & ASLEEP -> dozing = false
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
	drain(WAKER); /* what a dead process has stored is seen by who claims after it */
	attach(SECOND);
	do
	:: sent < MESSAGES -> publish()
	:: else -> break
	od
}

inline membarrier()
{
	drain(SLEEP);
	if
	:: registered -> drain(WAKER)
	:: else
	fi
}

inline announce()
{
	word = ASLEEP;
	if
	:: no_membarrier -> word = ASLEEP | FENCE
	:: else
	fi;
	store(SLEEP, WORD, word);                       /* S1 */
	if
	:: !no_membarrier && SLEEPER != 1 ->            /* S2 */
#ifndef NO_MEMBARRIER
		membarrier()
#else
		skip
#endif
	:: !no_membarrier && SLEEPER != 0 -> /* the call fails, now and from now on */
		no_membarrier = true;
#ifndef NO_SECOND_ASLEEP
		word = ASLEEP | FENCE;
#else
		d_step { drain(SLEEP); word = memory[WORD] | FENCE };
#endif
		store(SLEEP, WORD, word)
	:: no_membarrier
	fi;
	drain(SLEEP); /* the fence at the end of smq_eventcount_prepare() */
	short_slice = false;
#ifndef NO_SHORT_SLICE
	if
	:: no_membarrier ->
		load(SLEEP, ACK, seen);
		short_slice = !seen;
		seen = 0
	:: else
	fi
#endif
}

active proctype sleeper()
{
	byte taken, wanted, seen, word, v_, x_;
	bool no_membarrier;

	do
	:: taken == MESSAGES -> break
	:: else ->
		if
		:: wanted > taken /* still */
		:: wanted == taken -> wanted = taken + 1
		:: wanted == taken && taken + 2 <= MESSAGES -> wanted = taken + 2
		fi;
		load(SLEEP, PUBLISHED, seen);
		if
		:: seen >= wanted -> taken = wanted; seen = 0
		:: else ->
			seen = 0;
			announce();
			load(SLEEP, PUBLISHED, seen);   /* S3 */
			if
			:: seen >= wanted -> seen = 0
			:: else ->
				seen = 0;
				/* S4: the kernel compares and queues in one step. */
				d_step { dozing = (memory[WORD] == word) };
				if
				:: !dozing
				:: short_slice -> dozing = false
				fi
			fi;
			short_slice = false;
			store(SLEEP, WORD, 0) /* withdraw, or announce anew: the same store */
		fi
	od
}
