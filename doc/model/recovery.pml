/* SPDX-License-Identifier: MIT */
/*
 * Recovery of the owner lock of a SHARED end (lib/ownerlock.c, lib/endlock.c).
 *
 * The first process has died with the owner lock; its range of the file is still locked, if other processes pin its
 * memory, or free. RECOVERERS handles want the lock, and recover it. NEWCOMERS handles claim a number each, try the lock
 * once and close. One of each two may be killed after any step; the kernel then releases the recovery byte and the init
 * lock, says that the process has ended, and releases the range before or later, that of the first process perhaps
 * never. Every system call and every access to the owner word is a step of its own.
 *
 * Checked: no two living handles have the lock, and none is robbed of it; no newcomer gets the number that the word
 * names. A handle that wants the lock and never gets it is an invalid end state.
 *
 * Each of these must make the model fail:
 *	ASK_NOBODY        a range that is still locked counts as a handle that lives
 *	NO_RECOVERY_BYTE  a recoverer does not lock the recovery byte
 *	NO_SECOND_LOOK    it does not ask again whether the holder is dead after it has locked the byte
 *	LOOK_TWICE_FIRST  it asks again before it locks the byte
 *	NO_COMPARE        it stores its number whatever the word is by then
 *	EARLY_UNLOCK      it unlocks the byte before it stores its number
 *	NO_WORD_CHECK     a newcomer does not compare its number with the word
 *	NO_BYTE_CHECK     it does not ask for the recovery byte
 *	WORD_CHECK_FIRST  it compares before it locks its range
 *	BYTE_CHECK_FIRST  it asks for the byte before it locks its range
 *	ALWAYS_RESET      it stores 0 to the word even if another handle lives
 *	NO_INIT_LOCK      two newcomers may both find that they are alone
 */
#ifndef RECOVERERS
#define RECOVERERS 2
#endif
#ifndef NEWCOMERS
#define NEWCOMERS 1
#endif
#define NUMBERS 4
#define PROCESSES 5

byte word = 1;               /* the owner word: a number, or 0 */
byte init_lock;              /* the process that holds it, + 1; 0: none */
byte range[NUMBERS + 1];     /* the process that has locked the range of a number, likewise */
byte recovery[NUMBERS + 1];  /* and its recovery byte */
bool ended[PROCESSES];       /* the kernel says so, if asked */

/* Only the checks read these. */
bool stopped[PROCESSES];     /* the process executes nothing any more */
bool holds[PROCESSES];       /* it has the owner lock */

/* One step, before which the process may be killed: the first holder is dead, one of each two others may die. */
#define STEP(what) if :: what :: _pid % 2 == 1 -> goto dead fi

#define IS_HELD(p) (p != _pid && holds[p] && !stopped[p])

inline got_lock()
{
	assert(!IS_HELD(0) && !IS_HELD(1) && !IS_HELD(2) && !IS_HELD(3) && !IS_HELD(4));
	holds[_pid] = true
}

/* Does a handle live that has this number? Two system calls. */
inline look(n)
{
	STEP(who = range[n]);
	lives = false;
	if
	:: who == 0
	:: who != 0 ->
#ifdef ASK_NOBODY
		lives = true; who = 0
#else
		STEP(d_step { lives = !ended[who - 1]; who = 0 })
#endif
	fi
}

/* What the two say at one moment. A handle that found another alive waits for that, in place of asking again. */
#ifdef ASK_NOBODY
#define LIVES(n) (range[n] != 0)
#else
#define LIVES(n) (range[n] != 0 && !ended[range[n] - 1])
#endif

inline unlock_and_close()
{
	STEP(d_step { assert(word == number); word = 0; holds[_pid] = false });
	STEP(range[number] = 0);
	goto gone
}

/* What the kernel does after `dead`. */
inline release_locks()
{
	atomic {
		stopped[_pid] = true;
		if
		:: range[number] == _pid + 1 -> range[number] = 0
		:: true /* pinned, or none */
		fi
	}
	d_step {
		if
		:: recovery[at] == _pid + 1 -> recovery[at] = 0
		:: else
		fi;
		if
		:: init_lock == _pid + 1 -> init_lock = 0
		:: else
		fi;
		ended[_pid] = true
	}
	if
	:: d_step { range[number] == _pid + 1 -> range[number] = 0 }
	:: range[number] != _pid + 1
	:: _pid == 0 /* pinned for ever */
	fi
}

proctype recoverer()
{
	byte number = _pid + 1, at, who;
	bool lives;

again:
	STEP(d_step { at = word; lives = false });
	if
	:: at == 0 ->
		STEP(d_step {
			if
			:: word == 0 -> word = number; got_lock()
			:: else
			fi
		});
		if
		:: holds[_pid] -> unlock_and_close()
		:: else -> goto again
		fi
	:: else
	fi;
	look(at);
	if
	:: lives -> STEP(word != at || !LIVES(at)); goto again
	:: else
	fi;
#ifdef LOOK_TWICE_FIRST
	look(at);
	if
	:: lives -> goto again
	:: else
	fi;
#endif
#ifndef NO_RECOVERY_BYTE
	STEP(d_step {
		if
		:: recovery[at] == 0 -> recovery[at] = _pid + 1
		:: else
		fi
	});
	if
	:: recovery[at] != _pid + 1 -> STEP(word != at || recovery[at] == 0); goto again
	:: else
	fi;
#endif
#if !defined NO_SECOND_LOOK && !defined LOOK_TWICE_FIRST
	look(at);
	if
	:: lives ->
		STEP(recovery[at] = 0);
		STEP(word != at || !LIVES(at));
		goto again
	:: else
	fi;
#endif
#ifdef EARLY_UNLOCK
	STEP(recovery[at] = 0);
#endif
	/* The library loads the word once more before; if that is still the same, only this exchange matters. */
	STEP(d_step {
		if
#ifdef NO_COMPARE
		:: word != 0 -> word = number; got_lock()
#else
		:: word == at -> word = number; got_lock()
#endif
		:: else
		fi
	});
#if !defined NO_RECOVERY_BYTE && !defined EARLY_UNLOCK
	STEP(recovery[at] = 0);
#endif
	if
	:: holds[_pid] -> unlock_and_close()
	:: else -> goto again
	fi;
dead:
	release_locks();
gone:
	atomic { number = 0; at = 0; who = 0; lives = false }
}

inline check_word()
{
	if
	:: !refused -> STEP(refused = (word == number))
	:: else
	fi
}

inline check_byte()
{
	if
	:: !refused -> STEP(refused = (recovery[number] != 0))
	:: else
	fi
}

proctype newcomer()
{
	byte number = 1, at;
	bool refused, alone;

#ifndef NO_INIT_LOCK
	STEP(d_step { init_lock == 0 -> init_lock = _pid + 1 });
#endif
	/* Some system calls. But what is dead stays dead, and no handle is added meanwhile: so only the last one counts,
	 * unless a handle lived when it was asked about. */
	if
	:: d_step { !LIVES(1) && !LIVES(2) && !LIVES(3) && !LIVES(4) -> alone = true }
	:: true
	:: _pid % 2 == 1 -> goto dead
	fi;
	/* The library begins after the last number that it has given out; here with that of the dead holder. */
next:
	refused = false;
#ifdef WORD_CHECK_FIRST
	check_word();
#endif
#ifdef BYTE_CHECK_FIRST
	check_byte();
#endif
	if
	:: !refused ->
		STEP(d_step {
			if
			:: range[number] == 0 -> range[number] = _pid + 1
			:: else -> refused = true
			fi
		})
	:: else
	fi;
#if !defined NO_WORD_CHECK && !defined WORD_CHECK_FIRST
	check_word();
#endif
#if !defined NO_BYTE_CHECK && !defined BYTE_CHECK_FIRST
	check_byte();
#endif
	if
	:: refused ->
		if
		:: range[number] == _pid + 1 -> STEP(range[number] = 0)
		:: else
		fi;
		if
		:: number < NUMBERS -> number++; goto next
		:: else -> init_lock = 0; goto gone /* EBUSY */
		fi
	:: else
	fi;
	assert(word != number);
#ifndef ALWAYS_RESET
	if
	:: alone -> STEP(word = 0)
	:: else
	fi;
#else
	STEP(word = 0);
#endif
#ifndef NO_INIT_LOCK
	STEP(init_lock = 0);
#endif
	STEP(d_step {
		if
		:: word == 0 -> word = number; got_lock()
		:: else
		fi
	});
	if
	:: holds[_pid] -> unlock_and_close()
	:: else
	fi;
	STEP(range[number] = 0);
	goto gone;
dead:
	release_locks();
gone:
	atomic { number = 0; refused = false; alone = false }
}

init
{
	byte number = 1, at;

	atomic {
		range[1] = 1;
		range[2] = 2;
#if RECOVERERS == 2
		range[3] = 3;
#endif
		run recoverer();
#if RECOVERERS == 2
		run recoverer();
#endif
#if NEWCOMERS == 2
		run newcomer();
#endif
		run newcomer()
	}
	release_locks()
}
