/* SPDX-License-Identifier: MIT */
/*
 * A queue that may grow (lib/extension.c, jump.c, extent.c): how the ends go from one ring to the other, and the extension's
 * memory is given back.
 *
 * The producer pushes MESSAGES messages of a unit each, of which the ring holds three, and the consumer pops them. Any
 * of the two may be killed before each step, KILLS times together, and a new handle goes on. After each push another
 * handle of a SHARED producer may go on, which knows what is stored, and no more. Every access to a word or a record
 * that the other end, or a new handle, reads is a step of its own, and so is each system call. They are seen in their
 * order: a release or acquire that is missing is not found here. A producer that may go back to the ring does it at any
 * time, or not before it must.
 *
 *	go_to()    smq_jump_to(), smq_ring_jump()     follow()   smq_jump_follow(), smq_ring_arrive()
 *	enter()    enter(), smq_jump_rebase()         reserve()  smq_extent_reserve()
 *	tend()     tend(), smq_extent_forget() and smq_extent_advance(), with keep_from()
 *	attach()   attach_producer(), with smq_jump_finish() and settle_memory()
 *
 * Checked: all messages are popped, in order, each once. Nobody touches memory that is not reserved. After each push
 * and each attach just that is reserved which the words tell. The consumer goes only where they tell of memory, and no
 * further than a ring. In the end nothing of the extension is reserved.
 *
 * Each of these must make the model fail:
 *	NO_ZERO        the size word that a jump leads to is not zeroed
 *	ZERO_LATE      it is zeroed after the jump is published
 *	MOVE_FIRST     the producer stores where it is before it publishes the jump
 *	RING_FIRST     it stores in which ring it is before the position there
 *	NO_FINISH      a new producer does not go where a jump leads that the last one has published
 *	RESERVE_LATE   memory is reserved after the jump to it
 *	NO_ANEW        a new producer does not see that the last one was killed while the extension began anew
 *	ARRIVE_LATE    the consumer stores in which ring it is before the position there
 *	NO_POSITION    memory is given back although the consumer may not have come to the extension yet
 *	NO_RING        and although it has not stored that it is in the ring
 *	NO_RETURNED    a handle of a SHARED producer does not store where it came back to the ring
 *	OLD_RETURNED   a new producer goes by what the last one has stored of that
 *	NO_PUNCH       a new producer does not give back what the last one left reserved
 *
 * It holds with HEAD_FIRST: the consumer's position is set before the producer's when the extension begins anew.
 */
#ifndef MESSAGES
#define MESSAGES 6
#endif
#ifndef KILLS
#define KILLS 1
#endif
#define RING      4 /* units */
#define EXTENSION 8
#define WINDOW    4 /* of the extension, that may be reserved */
#define PAGE      2
#define PAGES     (EXTENSION / PAGE)
#define JUMP      100 /* and the target: a record */

/* Of positions, which come round. */
#define LESS(a, b)  (((a) - (b)) & 255)
#define AT(in, p)   (in == 0 -> (p) % RING : RING + (p) % EXTENSION)
#define MASK(in)    (in == 0 -> RING - 1 : EXTENSION - 1)
#define PAGE_AT(p)  (((p) / PAGE) * PAGE)
#define FREE(p, to) (LESS((p) + 1, to) <= RING - 1)
#define MAY_TOUCH(in, p) assert(in == 0 || memory[((p) / PAGE) % PAGES])

byte record[RING + EXTENSION];
bool memory[PAGES];
byte tail[2], head[2];       /* the positions, and in which ring each end is */
bool producer_in, consumer_in;
byte kept, reserved, returned;

/* Only the checks read these. */
byte pushed, popped;
byte kills = KILLS;

#define STEP(what) if :: what :: d_step { kills > 0 -> kills-- } -> goto dead fi

/* Memory of the pages between two positions is reserved, or given back. */
inline change(from, to, is)
{
	d_step {
		i = from;
		do
		:: i != to ->
			memory[(i / PAGE) % PAGES] = is;
			if
			:: !is -> record[AT(1, i)] = 0; record[AT(1, i + 1)] = 0
			:: else
			fi;
			i = i + PAGE
		:: else -> break
		od;
		i = 0
	}
}

inline check_memory()
{
	d_step {
		assert(LESS(my_reserved, my_kept) <= WINDOW && my_kept == kept && my_reserved == reserved);
		i = 0;
		do
		:: i < EXTENSION ->
			assert(memory[((my_kept + i) & 255) / PAGE % PAGES] == (i < LESS(my_reserved, my_kept)));
			i = i + PAGE
		:: else -> break
		od;
		i = 0
	}
}

proctype producer()
{
	byte my_kept, my_reserved, my_returned, i, at, target, end, page;
	bool in, leaves, jumped, anew;

dead:
	/* A new handle. */
	atomic { my_kept = 0; my_reserved = 0; my_returned = 0; jumped = false; i = 0 }
	STEP(in = producer_in);
walk:
	STEP(at = tail[in]);
	if
	:: in == 1 ->
		/* What is to be read is reserved once more. */
		d_step {
			my_kept = (LESS(at, head[1]) > 127 -> PAGE_AT(at) : PAGE_AT(head[1]));
			my_reserved = reserved;
			assert(LESS(my_reserved, my_kept) <= WINDOW)
		}
		STEP(change(my_kept, my_reserved, true))
	:: else
	fi;
	d_step {
		do
		:: MAY_TOUCH(in, at);
			if
			:: record[AT(in, at)] == 0 || record[AT(in, at)] >= JUMP -> break
			:: else -> at++
			fi
		od
	}
	STEP(tail[in] = at);
	if
#ifndef NO_FINISH
	:: record[AT(in, at)] >= JUMP ->
		d_step {
			assert(!jumped);
			jumped = true;
			target = record[AT(in, at)] - JUMP;
			assert(target == tail[1 - in] || target == tail[1 - in] + 1)
		}
		STEP(tail[1 - in] = target);
		STEP(producer_in = 1 - in);
		in = 1 - in;
		goto walk
#endif
	:: else
	fi;
	/* What of the memory is needed. */
	d_step {
		anew = LESS(tail[1], head[1]) > EXTENSION - 1;
#ifdef NO_ANEW
		anew = false;
#endif
#ifdef OLD_RETURNED
		my_returned = returned;
#else
		my_returned = tail[0];
#endif
		if
		:: in == 0 && (LESS(tail[0], head[0]) <= LESS(tail[0], my_returned) && consumer_in == 0 || anew ||
			       kept == reserved) ->
			my_kept = PAGE_AT(tail[1] + EXTENSION + PAGE);
			my_reserved = my_kept
		:: else ->
			my_kept = PAGE_AT(head[1]);
			my_reserved = PAGE_AT(tail[1] + 1 + PAGE - 1);
			if
			:: my_reserved == my_kept -> my_reserved = my_kept + PAGE
			:: else
			fi
		fi;
		assert(LESS(my_reserved, my_kept) <= WINDOW)
	}
	STEP(change(my_kept, my_reserved, true));
	STEP(kept = my_kept);
	STEP(reserved = my_reserved);
	STEP(returned = my_returned);
#ifndef NO_PUNCH
	STEP(change(my_reserved, (my_kept + EXTENSION) & 255, false));
#endif
	check_memory();
next:
	/* Perhaps another handle of a SHARED end. */
	skip;
	if
	:: d_step { my_kept = kept; my_reserved = reserved; my_returned = returned }
	:: true
	fi;
	if
	:: in == 0 -> goto in_ring
	:: else -> goto in_extension
	fi;

in_ring:
	/* Gives back what is not needed any more. */
	if
	:: my_kept == my_reserved -> goto tended
	:: else
	fi;
	STEP(at = head[0]);
	/* The ring after the position. */
	STEP(leaves = (consumer_in == 0));
#ifdef NO_RING
	leaves = true;
#endif
#ifndef NO_POSITION
	leaves = leaves && LESS(tail[0], at) <= LESS(tail[0], my_returned);
#endif
	if
	:: leaves -> page = my_reserved
	:: else -> STEP(page = PAGE_AT(head[1]))
	fi;
	if
	:: page != my_kept && LESS(page, my_kept) <= LESS(my_reserved, my_kept) ->
		STEP(kept = page);
		STEP(change(my_kept, page, false));
		my_kept = page
	:: else
	fi;
	check_memory();
tended:
	if
	:: pushed == MESSAGES -> goto finish
	:: else
	fi;
	STEP(leaves = !FREE(tail[0], head[0]));
	if
	:: !leaves -> goto push
	:: else
	fi;
	/* To the extension. */
	anew = (my_kept == my_reserved);
	if
	:: anew ->
		d_step {
			target = PAGE_AT(tail[1] + EXTENSION + PAGE);
			my_kept = target;
			my_reserved = target;
			page = target
		}
	:: else ->
		target = tail[1] + 1;
		STEP(page = PAGE_AT(head[1]))
	fi;
	end = target + 1 + 1;
	goto reserve;
enter:
	if
	:: anew ->
#ifdef HEAD_FIRST
		STEP(head[1] = target);
		STEP(tail[1] = target)
#else
		STEP(tail[1] = target);
		STEP(head[1] = target)
#endif
	:: else
	fi;
	goto go_to;

in_extension:
	if
	:: pushed == MESSAGES && tail[1] != head[1] -> STEP(tail[1] == head[1])
	:: else
	fi;
	STEP(leaves = FREE(tail[0] + 1, head[0]));
	if
	:: leaves -> target = tail[0] + 1; goto go_to
	:: pushed != MESSAGES ->
		STEP(page = PAGE_AT(head[1]));
		end = tail[1] + 1 + 1;
		goto reserve
	:: pushed == MESSAGES && !leaves -> goto wait
	fi;
may_not_stay:
	STEP(leaves = FREE(tail[0] + 1, head[0]));
	if
	:: leaves -> target = tail[0] + 1; goto go_to
	:: else -> goto wait
	fi;

	/* Memory up to `end`; what lies before `page` is not needed. */
reserve:
	end = PAGE_AT(end + PAGE - 1);
	if
	:: LESS(end, my_kept) <= LESS(my_reserved, my_kept) -> goto has_memory
	:: LESS(end, my_kept) > LESS(my_reserved, my_kept) && LESS(end, page) > WINDOW -> goto no_memory
	:: else
	fi;
	if
	:: LESS(end, my_kept) > WINDOW ->
		STEP(kept = page);
		STEP(change(my_kept, page, false));
		my_kept = page
	:: else
	fi;
#ifdef RESERVE_LATE
	if
	:: in == 0 -> goto has_memory
	:: else
	fi;
#endif
	STEP(change(my_reserved, end, true));
	my_reserved = end;
	STEP(reserved = end);
has_memory:
	if
	:: in == 0 -> goto enter
	:: else -> goto push
	fi;
no_memory:
	if
	:: in == 0 -> goto wait
	:: else -> goto may_not_stay
	fi;
wait:
	/* Until there is space. */
	STEP(FREE(tail[0] + in, head[0]) || (pushed != MESSAGES && LESS(end, PAGE_AT(head[1])) <= WINDOW));
	goto next;

go_to:
#ifdef MOVE_FIRST
	STEP(tail[1 - in] = target);
	STEP(producer_in = 1 - in);
#endif
#if !defined NO_ZERO && !defined ZERO_LATE
#ifndef RESERVE_LATE
	MAY_TOUCH(1 - in, target);
#endif
	STEP(record[AT(1 - in, target)] = 0);
#endif
	MAY_TOUCH(in, tail[in]);
	STEP(record[AT(in, tail[in])] = JUMP + target);
#ifdef ZERO_LATE
	STEP(record[AT(1 - in, target)] = 0);
#endif
#ifdef RING_FIRST
	STEP(producer_in = 1 - in);
	STEP(tail[1 - in] = target);
#endif
#if !defined MOVE_FIRST && !defined RING_FIRST
	STEP(tail[1 - in] = target);
	STEP(producer_in = 1 - in);
#endif
	in = 1 - in;
#ifdef RESERVE_LATE
	if
	:: in == 1 ->
		end = PAGE_AT(target + 2 + PAGE - 1);
		STEP(change(my_reserved, end, true));
		my_reserved = end;
		STEP(reserved = end)
	:: else
	fi;
#endif
	if
	:: in == 0 -> my_returned = target
	:: else
	fi;
	STEP(kept = my_kept);
	STEP(reserved = my_reserved);
#ifndef NO_RETURNED
	STEP(returned = my_returned);
#endif
	check_memory();
	if
	:: in == 0 -> goto in_ring
	:: pushed == MESSAGES -> goto next
	:: else
	fi;

push:
	MAY_TOUCH(in, tail[in]);
	MAY_TOUCH(in, tail[in] + 1);
	STEP(record[AT(in, tail[in] + 1)] = 0);
	STEP(d_step { pushed++; record[AT(in, tail[in])] = pushed });
	STEP(tail[in] = tail[in] + 1);
	goto next;

finish:
	/* All is pushed, and the end is in the ring: until nothing is reserved. */
	if
	:: my_kept != my_reserved -> goto wait_for_last
	:: else -> goto over
	fi;
wait_for_last:
	STEP(popped == MESSAGES && consumer_in == 0);
	goto next;
over:
	check_memory()
}

proctype consumer()
{
	byte at, found, target;
	bool in;

dead:
	STEP(in = consumer_in);
	STEP(at = head[in]);
	assert(in == 0 || LESS(at, kept) < LESS(reserved, kept));
next:
	MAY_TOUCH(in, at);
	STEP(d_step { record[AT(in, at)] != 0 || (popped == MESSAGES && in == 0) -> found = record[AT(in, at)] });
	if
	:: found == 0 -> goto over
	:: found != 0 && found < JUMP ->
		assert(found == popped + 1);
		STEP(d_step { popped++; at++; head[in] = at });
		goto next
	:: else
	fi;
	/* Goes where a jump leads. */
	target = found - JUMP;
	assert(LESS(target, head[1 - in]) <= MASK(1 - in));
	assert(in == 1 || LESS(target, kept) < LESS(reserved, kept));
#ifdef ARRIVE_LATE
	STEP(consumer_in = 1 - in);
	STEP(head[1 - in] = target);
#else
	STEP(head[1 - in] = target);
	STEP(consumer_in = 1 - in);
#endif
	in = 1 - in;
	at = target;
	goto next;
over:
	skip
}

init
{
	atomic {
		/* A full ring. */
		record[0] = 1;
		record[1] = 2;
		record[2] = 3;
		tail[0] = 3;
		pushed = 3;
		run producer();
		run consumer()
	}
}
