/* SPDX-License-Identifier: MIT */
/*
 * The relay to NATS JetStream: marks, the chain of frames, acknowledgements, crashes and resyncs (relay/, doc/relay.md).
 *
 * An exporter takes the messages of queue A and publishes them as frames, each with the ordinal of its last message,
 * and each expecting the number that the stream's last frame has; one frame is out at a time. The server appends what
 * continues the stream, refuses the rest, and answers either. On an acknowledgement the exporter releases the messages
 * and sets its mark, in one step. An importer gets the frames that are not acknowledged, in order, pushes the messages
 * to queue B, each in one step with its mark, and acknowledges all frames but the newest.
 *
 * The exporter may die after any step: what it has sent stays under way, and the server reads it later, or never. The
 * exporter's connection may be cut: frames and answers that are under way are lost, and libnats connects again and
 * sends what is published before the exporter takes notice. The importer may die after any step, its connection may be
 * cut, too, and an acknowledgement of its own may be lost. The server loses nothing that it has stored: its death is a
 * cut of both connections.
 *
 * Checked: the stream has each message once and in order; so has queue B; all arrive; neither relay ever finds a loss.
 * A frame also has the true number of its last message, which only the checks read.
 *
 * Each of these must make the model fail:
 *	NO_CHAIN      the server appends whatever it gets
 *	MARK_LATE_A   the exporter's mark is set after the release, in a step of its own
 *	MARK_EARLY_A  before it
 *	MARK_LATE_B   the importer's mark is set after the push, in a step of its own
 *	MARK_EARLY_B  before it
 *	NO_RELEASE    the exporter asks for the stream's last number only, and publishes again what is in it already
 *	ONE_LOOK      a frame that is gone when its ordinal is asked for is taken for a loss
 *	OLD_ANSWERS   an answer to what was published before a resync counts as one to the oldest frame after it
 *	ACK_EARLY     the importer acknowledges a frame before it has pushed the messages
 *	ACK_NEWEST    it acknowledges the newest frame, too
 *	NO_SKIP       it pushes all messages of a frame, also those up to its mark
 *	NO_GAP_CHECK  it does not see that a frame is missing before this one
 *	OLD_DURABLE   when it sees that, it goes on with the same durable consumer
 *	OUT=2         two frames are out at a time. An exporter that was killed has sent the frame {1}; the next one sends
 *	              {1,2} and {3}; {1} arrives first; the server refuses {1,2}, and stores {3}, since one frame is there.
 *	              With FRAME=1 this holds: then a number says which messages are before it.
 * With B_ALONE the stream is not checked, only what arrives: NO_CHAIN and OUT=2 must fail then, too.
 */
#ifndef MESSAGES
#define MESSAGES 3
#endif
#ifndef FRAME
#define FRAME 2       /* messages of the largest frame */
#endif
#ifndef OUT
#define OUT 1         /* frames that are published and not answered, at most */
#endif
#define STREAM 7      /* frames that the stream may have; the good model needs MESSAGES */
#ifndef EXPORTER_DIES
#define EXPORTER_DIES 1
#endif
#ifndef EXPORTER_CUTS
#define EXPORTER_CUTS 1
#endif
#ifndef IMPORTER_DIES
#define IMPORTER_DIES 1
#endif
#ifndef IMPORTER_CUTS
#define IMPORTER_CUTS 1
#endif
#define CONNECTIONS (EXPORTER_DIES + EXPORTER_CUTS + 1)

/* Queue A: its messages are 1 to MESSAGES, and those above `released` are in the ring. */
byte released;
byte a_mark;

/* Queue B. */
byte pushed;
byte b_mark;

/* The stream: frames 1 to `length`; those below `first` are acknowledged, and gone. */
byte last[STREAM];   /* ordinal of a frame's last message */
byte count[STREAM];
byte truth[STREAM];  /* which message that is */
byte length;
byte first = 1;

/* What the exporters have sent on each of their connections: ordinal, count, truth, expected number, resync. */
chan sent[CONNECTIONS] = [2] of { byte, byte, byte, byte, byte };
/* Answers on the newest one: stored or not, the frame's ordinal, resync. */
chan answers = [3] of { bool, byte, byte };
byte connection;
byte dies, cuts;
bool cut;            /* the exporter's connection is another one; it has not taken notice yet */

/* Frames that the server has delivered, and which it delivers next. */
chan delivered = [2] of { byte };
byte next = 1;
byte importer_dies, importer_cuts;
bool importer_cut;

#ifdef NO_CHAIN
#define CONTINUES(expected) true
#else
#define CONTINUES(expected) (expected == length)
#endif

inline empty_answers()
{
	do
	:: answers?_, _, _
	:: empty(answers) -> break
	od
}

/* Takes a frame of any connection, of the dead exporter's too. */
inline serve(c)
{
	atomic {
		sent[c]?ordinal, messages, really, expected, asked ->
		if
		:: CONTINUES(expected) && length < STREAM - 1 ->
#ifndef B_ALONE
			assert(really - messages == truth[length]);
#endif
			length++;
			last[length] = ordinal;
			count[length] = messages;
			truth[length] = really;
			if
			:: c == connection && len(answers) < 3 -> answers!true, ordinal, asked
			:: !(c == connection && len(answers) < 3)
			fi
		:: !(CONTINUES(expected) && length < STREAM - 1) ->
			if
			:: c == connection && len(answers) < 3 -> answers!false, 0, asked
			:: !(c == connection && len(answers) < 3)
			fi
		fi;
		ordinal = 0; messages = 0; really = 0; expected = 0; asked = 0
	}
}

active proctype server()
{
	byte ordinal, messages, really, expected, asked;

end:	do
	:: serve(0)
#if CONNECTIONS > 1
	:: serve(1)
#endif
#if CONNECTIONS > 2
	:: serve(2)
#endif
#if CONNECTIONS > 3
	:: serve(3)
#endif
	/* Frame after frame goes to the importer, until it is told to begin anew. */
	:: atomic { next <= length && nfull(delivered) -> delivered!next; next++ }
	od
}

/* Cuts the connections. What the server has not read of a cut one is lost. */
active proctype network()
{
	byte a, b, c, d, e;

end:	do
	:: atomic {
		cuts < EXPORTER_CUTS ->
		cuts++;
		do
		:: sent[connection]?a, b, c, d, e
		:: empty(sent[connection]) -> break
		od;
		a = 0; b = 0; c = 0; d = 0; e = 0;
		empty_answers();
		connection++;
		cut = true
	}
	:: atomic {
		importer_cuts < IMPORTER_CUTS ->
		importer_cuts++;
		do
		:: delivered?_
		:: empty(delivered) -> break
		od;
		importer_cut = true
	}
	od
}

/* Releases the messages up to the ordinal `to`. */
inline release(to)
{
#ifdef MARK_EARLY_A
	a_mark = to;
	if
	:: dies < EXPORTER_DIES -> goto dead
	:: true
	fi;
	d_step { released = released + (to - base); base = to }
#else
#ifdef MARK_LATE_A
	released = released + (to - base);
	if
	:: dies < EXPORTER_DIES -> goto dead
	:: true
	fi;
	d_step { a_mark = to; base = to }
#else
	d_step { released = released + (to - base); a_mark = to; base = to }
#endif
#endif
}

active proctype exporter()
{
	byte base, published, number, ordinal, messages, resync, asked, out;
	bool stored;

claim:
	base = a_mark;
again:
	atomic { cut = false; resync++ };
	number = length;                                      /* STREAM.INFO */
	if
	:: number == 0 -> ordinal = 0
	:: number != 0 && number >= first -> ordinal = last[number] /* STREAM.MSG.GET */
	:: number != 0 && number < first ->
		/*
		 * Acknowledged and gone. A frame that was under way has come after it since, or nobody knows any more what
		 * the stream has got.
		 */
#ifdef ONE_LOOK
		assert(false);
#else
		assert(number < length);
#endif
		goto again
	fi;
#ifdef NO_RELEASE
	ordinal = base;
#endif
	assert(ordinal >= base);                              /* else: the stream has lost frames */
	if
	:: ordinal > base -> release(ordinal)
	:: else
	fi;
	d_step { published = base; out = 0; ordinal = 0 };
	do
	:: released + (published - base) < MESSAGES && out < OUT ->
		if
		:: messages = 1
		:: messages = FRAME
		fi;
		atomic {
			if
			:: released + (published - base) + messages > MESSAGES -> messages = 1
			:: else
			fi;
			/* A cut may have come in between: its new connection is empty. */
			published = published + messages;
			sent[connection]!published, messages, released + (published - base), number, resync;
			number++;
			out++;
			messages = 0
		}
	:: atomic { answers?stored, ordinal, asked ->
		if
#ifdef OLD_ANSWERS
		:: asked != resync && base < published -> stored = true; ordinal = base + 1
#else
		:: asked != resync -> stored = true; ordinal = 0 /* libnats has been told to forget it */
#endif
		:: else
		fi;
		asked = 0 }
		if
		:: stored && ordinal > base -> out--; release(ordinal)
		:: !stored -> goto again
		:: else
		fi;
		d_step { ordinal = 0; stored = false }
	:: cut -> goto again
	:: dies < EXPORTER_DIES -> goto dead
	:: released >= MESSAGES -> break
	od;
	goto gone;
dead:
	atomic {
		dies++;
		connection++;                                 /* the next one's; the server may still read the old one */
		empty_answers();
		published = 0; number = 0; ordinal = 0; messages = 0; asked = 0; out = 0; stored = false;
		goto claim
	}
gone:	skip
}

/* Pushes the message `really`, whose ordinal is `to`. */
inline push(to, really)
{
#ifdef MARK_EARLY_B
	b_mark = to;
	if
	:: importer_dies < IMPORTER_DIES -> goto dead
	:: true
	fi;
	d_step { assert(really == pushed + 1); pushed++ }
#else
#ifdef MARK_LATE_B
	d_step { assert(really == pushed + 1); pushed++ };
	if
	:: importer_dies < IMPORTER_DIES -> goto dead
	:: true
	fi;
	b_mark = to
#else
	d_step { assert(really == pushed + 1); pushed++; b_mark = to }
#endif
#endif
}

/* All frames below this one; or the acknowledgement is lost. */
inline acknowledge(frame)
{
	if
	:: first < frame -> first = frame
	:: true
	fi
}

active proctype importer()
{
	byte mark, frame, ordinal, seen;

claim:
	mark = b_mark;
again:
	/* The durable consumer is deleted and made anew, and so is the inbox: it begins with what is not acknowledged. */
	atomic {
		importer_cut = false;
		do
		:: delivered?_
		:: empty(delivered) -> break
		od;
		next = first;
		seen = first - 1
	}
	do
	:: delivered?frame ->
#ifdef ACK_EARLY
		if
		:: frame < length -> acknowledge(frame + 1)
		:: frame == length
		fi;
#endif
		if
#ifndef NO_SKIP
		:: last[frame] <= mark -> skip
#endif
#ifndef NO_GAP_CHECK
		:: last[frame] - count[frame] > mark ->
			assert(frame != seen + 1);            /* else: the stream has lost messages */
#ifndef OLD_DURABLE
			goto again
#endif
#endif
		:: else ->
#ifdef NO_SKIP
			ordinal = last[frame] - count[frame];
#else
#ifdef NO_GAP_CHECK
			ordinal = (last[frame] - count[frame] > mark -> last[frame] - count[frame] : mark);
#else
			ordinal = mark;
#endif
#endif
			do
			:: ordinal < last[frame] ->
				ordinal++;
				push(ordinal, truth[frame] - (last[frame] - ordinal));
				mark = ordinal
			:: ordinal < last[frame] && importer_dies < IMPORTER_DIES -> goto dead
			:: ordinal >= last[frame] -> break
			od;
			ordinal = 0
		fi;
#ifdef ACK_NEWEST
		acknowledge(frame + 1);
#else
		acknowledge(frame);
#endif
		d_step { seen = frame; frame = 0 }
	:: importer_cut -> goto again
	:: importer_dies < IMPORTER_DIES -> goto dead
	:: pushed >= MESSAGES && mark >= MESSAGES -> break
	od;
	goto gone;
dead:
	atomic {
		importer_dies++;
		importer_cut = false;
		frame = 0; ordinal = 0; seen = 0;
		goto claim
	}
gone:	skip
}
