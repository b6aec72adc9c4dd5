/* SPDX-License-Identifier: MIT */
/* What is not inline: attaching, resuming on a SHARED end, loading the peer's position, totals. */
#include "config.h"

#include "ring.h"

#include "shmemq.h"

static uint32_t load(const smq_word *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

/* The upper word is stored first. A writer that was killed after that store has left it one ahead. */
static uint32_t corrected(uint32_t upper, uint32_t lower)
{
	return (upper & 1) != lower >> 31 ? upper - 1 : upper;
}

uint64_t smq_ring_total(uint32_t lower, uint32_t upper)
{
	return (uint64_t)corrected(upper, lower) << 31 | (lower & INT32_MAX);
}

/* By the end's holder, beside which no other handle changes them. */
static void load_totals(struct smq_ring *ring)
{
	const struct smq_moved *progress = ring->moved;

	ring->messages_lo = load(&progress->messages_lo);
	ring->moved_lo = load(&progress->moved_lo);
	ring->messages_hi = corrected(load(&ring->moved->messages_hi), ring->messages_lo);
	ring->moved_hi = corrected(load(&progress->moved_hi), ring->moved_lo);
}

void smq_ring_init(struct smq_ring *ring, void *records, uint64_t capacity, uint32_t alignment)
{
	/* A record begins where messages are aligned, and the header after it is one unit of the next record's
	 * alignment: so the largest record leaves a whole one. */
	uint64_t message_max = capacity - alignment - SMQ_UNIT;

	*ring = (struct smq_ring){
		.records = records,
		.mask = (uint32_t)(capacity / SMQ_UNIT) - 1,
		.align_mask = alignment - 1,
		.message_max = message_max < SMQ_MESSAGE_MAX ? (uint32_t)message_max : SMQ_MESSAGE_MAX,
	};
}

static void load_moved(struct smq_ring *ring, struct smq_moved *moved)
{
	ring->moved = moved;
	ring->position = load(&moved->position_units);
	load_totals(ring);
}

/* Sets the cached head so that records fit which end within `limit`, as far as the head allows. */
static void set_reach(struct smq_ring *ring, uint32_t limit)
{
	uint32_t align_units = ring->align_mask / SMQ_UNIT + 1;
	/* A record, and the header after it, end at a multiple of the alignment. */
	uint32_t reach = limit / align_units * align_units + align_units - 1 - (ring->mask + 1);

	uint32_t before = ring->position - reach;

	/* Not if the limit is more than a ring after the tail: it is rounded up. */
	ring->cached_head = (int32_t)before > 0 && before > ring->position - ring->head ? reach : ring->head;
}

void smq_ring_narrow(struct smq_ring *ring, uint32_t end)
{
	uint32_t fits = ring->cached_head;

	set_reach(ring, end);
	/* What is further back leaves less space. */
	if (ring->position - fits > ring->position - ring->cached_head)
		ring->cached_head = fits;
}

void smq_ring_jump(struct smq_ring *from, struct smq_ring *to)
{
	struct smq_record *record = smq_record_at(from, from->position);

	/* Both relaxed: the release below publishes them. */
	atomic_store_explicit(&smq_record_at(to, to->position)->size_plus_1, 0, memory_order_relaxed);
	atomic_store_explicit(&record->type, to->position, memory_order_relaxed);
	/* The linearisation point of a switch. Its acquire: smq_ring_jumps(), after the one in smq_ring_peek_at(). */
	atomic_store_explicit(&record->size_plus_1, SMQ_JUMP, memory_order_release);
	/* Release: after the jump, as in smq_ring_move(). */
	atomic_store_explicit(&to->moved->position_units, to->position, memory_order_release);
}

void smq_ring_arrive(struct smq_ring *to, uint32_t target)
{
	to->position = to->lease = target;
	to->redelivering = false;
	/* Relaxed: read by this end's next handle; it meets the jump again, unless it sees the end in this ring. */
	atomic_store_explicit(&to->moved->lease_units, target, memory_order_relaxed);
	/* Release, as in smq_ring_move(). */
	atomic_store_explicit(&to->moved->position_units, target, memory_order_release);
	smq_ring_store_room(to);
}

/* For a producer that knows nothing of what the last one announced: no record fits before smq_ring_announce(). */
static void forget_limit(struct smq_ring *ring)
{
	set_reach(ring, ring->position + 1);
}

/* The same for a handle of a SHARED end: goes by what the last holder announced. Relaxed: see smq_ring_resume(). */
static void resume_limit(struct smq_ring *ring)
{
	uint32_t limit = load(&ring->header->producer_progress.limit_units);

	if (limit - ring->position - 1 > ring->mask)
		limit = ring->position + 1;
	set_reach(ring, limit);
}

/* Is `head` possible for a producer at its tail: no further back than a full ring, and not after the tail? */
static bool head_is_valid(const struct smq_ring *ring, uint32_t head)
{
	return smq_position_is_aligned(ring, head) && ring->position - head <= ring->mask;
}

/*
 * How far a broadcast queue's consumer is before `tail`, in units, as far as it keeps the producer from reusing the
 * ring; by its position, or by its room if not `exact`. `known`: how far any consumer was at the last look. false:
 * garbage.
 */
static bool lag_of(const struct smq_ring *ring, const struct smq_reader *reader, bool exact, uint32_t tail,
		   uint32_t known, uint32_t *lag)
{
	/* Acquire: with the release of OPEN in smq_readers_join(), the position below is the consumer's; with the
	 * release of CLOSED in smq_claim_close(), or of DEAD in smq_readers_let_go(), it has read what it was to read
	 * before this side writes over it. */
	uint32_t claim = atomic_load_explicit(&reader->claim.state, memory_order_acquire), position;

	*lag = 0;
	if (claim != 0 && (claim & SMQ_CLAIM_STATE) == SMQ_CLAIM_JOINING)
		*lag = known;
	if ((claim & SMQ_CLAIM_STATE) != SHMEMQ_END_OPEN)
		return true;
	/* Acquire, as in smq_ring_load_head() and smq_ring_load_room(). If another consumer has got this number since
	 * the claim was loaded, the position is that one's or, further back, the last one's: either will do. */
	position = atomic_load_explicit(exact ? &reader->moved[0].position_units : &reader->room[0].position_units,
					memory_order_acquire);
	*lag = tail - position;
	/* No consumer joins before the head of the last look (load_slowest()), and none moves back. */
	if (*lag > known && exact)
		return false;
	if (*lag > known)
		*lag = known; /* the room may lag */
	return smq_position_is_aligned(ring, position);
}

/* The greatest lag of all consumers of a broadcast queue. false: garbage. */
static bool greatest_lag(const struct smq_ring *ring, bool exact, uint32_t tail, uint32_t known, uint32_t *greatest)
{
	uint32_t lag;

	*greatest = 0;
	for (uint32_t i = 0; i < SMQ_READERS_MAX; i++) {
		if (!lag_of(ring, &ring->readers[i], exact, tail, known, &lag))
			return false;
		if (lag > *greatest)
			*greatest = lag;
	}
	return true;
}

/*
 * The head of a broadcast queue: the position of the consumer that is furthest back, or the tail if there is none.
 *
 * A consumer that joins while this looks: it stores JOINING, fences, and loads the tail, at which it starts. This side
 * has stored the tail, fences, and loads the claims. Of the two fences one comes first. If it is the consumer's, this
 * side sees JOINING, or what came after it, and goes no further than the last look allowed. If it is this side's, the
 * consumer starts at this tail, or after it; and until the next look this side overwrites nothing after this tail,
 * since the head that it goes by is not after it. So a consumer never starts before the head of a look that has not
 * seen it (doc/model/join.cc). On a SHARED end an earlier holder may have stored the tail: the owner lock orders that
 * before this fence.
 */
static enum smq_ring_status load_slowest(struct smq_ring *ring, bool exact, uint32_t record_units)
{
	uint32_t lag;

	/* The tail is seen before the claims are read. Partner: the fence in smq_readers_join(). */
	atomic_thread_fence(memory_order_seq_cst);
	if (!greatest_lag(ring, exact, ring->position, ring->position - ring->head, &lag))
		return SMQ_BAD;
	ring->head = ring->position - lag;
	/* For the other handles of a SHARED end, and the next producer: to be used before it is written over anything
	 * before that head. Relaxed: the owner lock, or the end's lock, orders it. */
	atomic_store_explicit(&ring->header->consumer_room.position_units, ring->head, memory_order_relaxed);
	return smq_ring_fits_head(ring, record_units) ? SMQ_READY : SMQ_NOT_YET;
}

/* Where an attaching producer finds a head. Of a broadcast queue that is the last one that a producer has gone by. */
static const smq_word *head_word(const struct smq_ring *ring, const struct smq_header *header)
{
	return ring->readers != NULL ? &header->consumer_room.position_units
				     : &header->consumer_progress.moved.position_units;
}

enum smq_ring_status smq_ring_attach_growing(struct smq_ring *ring, struct smq_header *header, bool *jump)
{
	uint32_t target, tail, size, count = 0, bytes = 0;
	enum smq_ring_status status;

	load_moved(ring, &header->producer_progress.moved);
	ring->header = header;
	tail = ring->position;
	if (!smq_position_is_aligned(ring, tail))
		return SMQ_BAD;
	/* The last producer may have died between the publication and the store of its tail. What it published stands,
	 * and the size word after it is 0, whatever an unfinished push has written after that word: walk on to it. All
	 * of it fits into the ring. */
	while ((status = smq_ring_peek_at(ring, ring->position, &size)) == SMQ_READY) {
		ring->position += smq_record_units(ring, size);
		if (ring->position - tail > ring->mask)
			return SMQ_BAD;
		count++;
		bytes += size;
	}
	if (status == SMQ_BAD && jump != NULL) {
		*jump = smq_ring_jumps(ring, ring->position, &target);
		status = *jump ? SMQ_READY : SMQ_BAD;
	}
	/* Acquire, as in smq_ring_load_head(). */
	ring->head = atomic_load_explicit(head_word(ring, header), memory_order_acquire);
	if (status == SMQ_BAD || !head_is_valid(ring, ring->head))
		return SMQ_BAD;
	forget_limit(ring);
	/* Only here, after all checks, is shared memory written. */
	smq_ring_move(ring, ring->position, count, bytes);
	return ring->readers != NULL ? load_slowest(ring, true, 0) : SMQ_READY;
}

/* The last record before the tail that the index tells of. false: there is none. */
static bool find_newest(const struct smq_ring *ring, uint32_t *position, uint32_t *messages)
{
	uint32_t step = smq_room_step(ring), limit = load(&ring->header->producer_progress.limit_units);
	bool found = false;

	for (uint32_t i = limit / step - SMQ_INDEX_ENTRIES; i != limit / step; i++) {
		const struct smq_index *entry = &ring->header->index[i % SMQ_INDEX_ENTRIES];
		uint32_t entered = load(&entry->position_units);

		/* It is valid, and the records from there to the tail have not been written over. */
		if (!smq_position_is_aligned(ring, entered) || (i + 1) * step - entered - 1 > ring->mask ||
		    limit - entered > ring->mask + 1 || ring->position - entered > ring->mask ||
		    !smq_index_is_set(entered, load(&entry->messages_lo), false))
			continue;
		if (!found || ring->position - entered < ring->position - *position) {
			*position = entered;
			*messages = load(&entry->messages_lo);
			found = true;
		}
	}
	return found;
}

/* Enters into the index the record at the tail, which is the first to reach into the `count` 64ths before `limit`. */
static void enter(struct smq_ring *ring, uint32_t limit, uint32_t count, uint32_t messages)
{
	uint32_t end = limit / smq_room_step(ring);

	for (uint32_t i = end - count; i != end; i++) {
		struct smq_index *entry = &ring->header->index[i % SMQ_INDEX_ENTRIES];

		/* Release: a follower that sees this number sees a limit that makes the old position invalid. */
		atomic_store_explicit(&entry->messages_lo, messages, memory_order_release);
		/* Release: a follower that sees this position sees its number. */
		atomic_store_explicit(&entry->position_units, ring->position, memory_order_release);
	}
}

/*
 * A producer that was killed between the store of the limit and that of the index, for a message that may have taken up
 * the whole ring, has left the index without a valid entry. What was announced is announced no more.
 */
static void enter_again(struct smq_ring *ring, uint32_t others)
{
	uint32_t step = smq_room_step(ring), limit = load(&ring->header->producer_progress.limit_units);

	if (limit - ring->position - 1 <= ring->mask)
		enter(ring, limit, (limit / step * step - ring->position / step * step) / step,
		      ring->messages_lo + others);
}

void smq_ring_recount(struct smq_ring *ring, uint32_t others)
{
	uint32_t at = 0, messages = 0, size, missing;

	if (!find_newest(ring, &at, &messages)) {
		enter_again(ring, others);
		return;
	}
	for (; at != ring->position; messages++) {
		/* Garbage, or a jump: then the total is left as it is. */
		if (smq_ring_peek_at(ring, at, &size) != SMQ_READY ||
		    smq_record_units(ring, size) > ring->position - at)
			return;
		at += smq_record_units(ring, size);
	}
	missing = messages - others - ring->messages_lo;
	/* No operation moves more. */
	if (missing != 0 && missing <= ring->mask)
		smq_ring_move(ring, ring->position, missing, 0);
}

enum smq_ring_status smq_ring_attach_producer(struct smq_ring *ring, struct smq_header *header)
{
	return smq_ring_attach_growing(ring, header, NULL);
}

enum smq_ring_status smq_ring_attach_away(struct smq_ring *ring, struct smq_header *header, bool producer)
{
	smq_ring_attach_shared(ring, header, producer);
	load_moved(ring, ring->moved);
	if (!producer)
		ring->lease = ring->position;
	else /* acquire, as in smq_ring_load_head() */
		ring->head =
			atomic_load_explicit(&header->consumer_progress.moved.position_units, memory_order_acquire);
	return smq_position_is_aligned(ring, ring->position) ? SMQ_READY : SMQ_BAD;
}

enum smq_ring_status smq_ring_load_room(struct smq_ring *ring, uint32_t record_units)
{
	uint32_t room;

	if (ring->readers != NULL)
		return load_slowest(ring, false, record_units);
	/* Acquire: with the release in smq_ring_store_room(), as in smq_ring_load_head(). */
	room = atomic_load_explicit(&ring->header->consumer_room.position_units, memory_order_acquire);
	if (!smq_position_is_aligned(ring, room))
		return SMQ_BAD;
	/* The room is stored after the head, so it may lie before the head that was seen. Garbage that does is not
	 * noticed here, but by smq_ring_load_head(). */
	if (ring->position - room < ring->position - ring->head)
		ring->head = room;
	return smq_ring_fits_head(ring, record_units) ? SMQ_READY : SMQ_NOT_YET;
}

enum smq_ring_status smq_ring_load_head(struct smq_ring *ring, uint32_t record_units)
{
	uint32_t head;

	if (ring->readers != NULL)
		return load_slowest(ring, true, record_units);
	/* Acquire: with the release in smq_ring_move(), the consumer has read what lies before the head before
	 * this side writes over it. */
	head = atomic_load_explicit(&ring->header->consumer_progress.moved.position_units, memory_order_acquire);
	/* The head only moves forward: one before the last is garbage. */
	if (!head_is_valid(ring, head) || ring->position - head > ring->position - ring->head)
		return SMQ_BAD;
	ring->head = head;
	return smq_ring_fits_head(ring, record_units) ? SMQ_READY : SMQ_NOT_YET;
}

uint32_t smq_ring_guess_head(const struct smq_ring *ring, uint32_t tail)
{
	uint32_t known, lag, greatest = 0;

	/* Acquire, also in lag_of(): what the consumer did with the messages is seen by a caller that waits for it. */
	if (ring->readers == NULL)
		return atomic_load_explicit(&ring->header->consumer_progress.moved.position_units,
					    memory_order_acquire);
	known = tail - load(&ring->header->consumer_room.position_units);
	/* The tail may have been loaded before a look that went further. */
	if (known > ring->mask)
		known = ring->mask;
	for (uint32_t i = 0; i < SMQ_READERS_MAX; i++) {
		bool valid = lag_of(ring, &ring->readers[i], true, tail, known, &lag);

		/* After the tail: it has popped what another handle has pushed since. The others may not have. */
		if ((int32_t)lag < 0)
			continue;
		if (!valid)
			return tail - (ring->mask + 1);
		if (lag > greatest)
			greatest = lag;
	}
	return tail - greatest;
}

void smq_ring_announce(struct smq_ring *ring, uint32_t record_units, uint32_t others)
{
	uint32_t step = smq_room_step(ring), limit = (ring->position + record_units + step) / step * step;
	smq_word *stored = &ring->header->producer_progress.limit_units;
	uint32_t before = load(stored), entered;

	/* It is not rounded up beyond what the head allows to be written: so what is queued is always intact. */
	if (limit - ring->head > ring->mask + 1)
		limit = ring->head + ring->mask + 1;
	entered = (limit / step * step - before / step * step) / step;
	/* It never goes back: a message that was started may have been ended with a smaller size, or cancelled. */
	if ((int32_t)(limit - before) > 0) {
		atomic_store_explicit(stored, limit, memory_order_relaxed);
		enter(ring, limit, entered < SMQ_INDEX_ENTRIES ? entered : SMQ_INDEX_ENTRIES,
		      ring->messages_lo + others);
	}
	/* The limit is seen before what is written from now on. Partner: the acquire fence of a follower between its
	 * copy of messages and its load of the limit. If it has copied any of that, it sees this limit. */
	atomic_thread_fence(memory_order_release);
	set_reach(ring, limit);
}

/* Loads what an earlier consumer, or another handle of a SHARED end, has held and not released. */
static void load_lease(struct smq_ring *ring)
{
	uint32_t lease = load(&ring->moved->lease_units);

	ring->redelivering = lease != ring->position && lease - ring->position <= ring->mask + 1;
	ring->redelivered_end = lease;
	ring->lease = ring->redelivering ? lease : ring->position;
	if (ring->lease != lease)
		atomic_store_explicit(&ring->moved->lease_units, ring->lease, memory_order_relaxed);
}

enum smq_ring_status smq_ring_attach_consumer(struct smq_ring *ring, struct smq_header *header)
{
	uint32_t tail, capacity = ring->mask + 1;

	load_moved(ring, &header->consumer_progress.moved);
	/* The stored tail may be before the head, because the size word publishes a record and not the tail; but by
	 * less than a ring. */
	tail = load(&header->producer_progress.moved.position_units); /* relaxed: only a plausibility check */
	if (!smq_position_is_aligned(ring, ring->position) ||
	    (tail - ring->position > capacity && ring->position - tail > capacity))
		return SMQ_BAD;
	load_lease(ring);
	ring->room = &header->consumer_room.position_units;
	ring->room_due = load(ring->room) + smq_room_step(ring);
	smq_ring_store_room(ring);
	return SMQ_READY;
}

/* The producer's words, copied while it may be pushing. */
struct pushed {
	uint32_t tail, messages_lo, messages_hi, moved_lo, moved_hi;
};

static void copy_pushed(const struct smq_moved *moved, struct pushed *pushed)
{
	pushed->tail = atomic_load_explicit(&moved->position_units, memory_order_acquire);
	/* Acquire: the upper words are loaded after the lower ones, as smq_ring_total() needs it. */
	pushed->messages_lo = atomic_load_explicit(&moved->messages_lo, memory_order_acquire);
	pushed->moved_lo = atomic_load_explicit(&moved->moved_lo, memory_order_acquire);
	pushed->messages_hi = corrected(load(&moved->messages_hi), pushed->messages_lo);
	pushed->moved_hi = corrected(load(&moved->moved_hi), pushed->moved_lo);
}

/* Attempts to copy them from one moment: they are for shmemq_stat(), and may be one push short in any case. */
#define COPIES 100

enum smq_ring_status smq_ring_join(struct smq_ring *ring, struct smq_header *header, struct smq_reader *reader)
{
	const struct smq_moved *producer = &header->producer_progress.moved;
	struct smq_moved *moved = &reader->moved[0];
	struct pushed pushed;

	copy_pushed(producer, &pushed);
	for (int i = 0; i < COPIES && load(&producer->position_units) != pushed.tail; i++)
		copy_pushed(producer, &pushed);
	if (!smq_position_is_aligned(ring, pushed.tail))
		return SMQ_BAD;
	ring->moved = moved;
	ring->position = ring->lease = pushed.tail;
	/* What was pushed before counts as popped, so that the difference is what is queued for this consumer. */
	ring->messages_lo = pushed.messages_lo;
	ring->messages_hi = pushed.messages_hi;
	ring->moved_lo = pushed.moved_lo;
	ring->moved_hi = pushed.moved_hi;
	/* Relaxed: OPEN publishes all of this. */
	atomic_store_explicit(&moved->position_units, pushed.tail, memory_order_relaxed);
	atomic_store_explicit(&moved->lease_units, pushed.tail, memory_order_relaxed);
	atomic_store_explicit(&moved->messages_lo, pushed.messages_lo, memory_order_relaxed);
	atomic_store_explicit(&moved->messages_hi, pushed.messages_hi, memory_order_relaxed);
	atomic_store_explicit(&moved->moved_lo, pushed.moved_lo, memory_order_relaxed);
	atomic_store_explicit(&moved->moved_hi, pushed.moved_hi, memory_order_relaxed);
	ring->room = &reader->room[0].position_units;
	smq_ring_store_room(ring);
	return SMQ_READY;
}

void smq_ring_attach_shared(struct smq_ring *ring, struct smq_header *header, bool producer)
{
	ring->moved = producer ? &header->producer_progress.moved : &header->consumer_progress.moved;
	if (producer)
		ring->header = header;
	else
		ring->room = &header->consumer_room.position_units;
	ring->messages_lo = ring->messages_hi = UINT32_MAX; /* no valid total: the first resume loads everything */
}

enum smq_ring_status smq_ring_resume(struct smq_ring *ring, bool producer)
{
	uint32_t position;

	if (smq_ring_is_unmoved(ring, producer))
		return SMQ_READY;
	/* Relaxed, this and the other loads: they follow the acquire of the owner lock. */
	position = load(&ring->moved->position_units);
	if (!smq_position_is_aligned(ring, position))
		return SMQ_BAD;
	load_totals(ring);
	ring->position = position;
	if (!producer) {
		load_lease(ring);
		ring->room_due = load(ring->room) + smq_room_step(ring);
		return SMQ_READY;
	}
	/* The room and not the head, whose line the consumer writes with every message. Between a pop's store of the
	 * head and that of the room it lies before the head by nearly a step and that pop, of up to a whole ring, and
	 * the head a ring before the tail. Acquire, as in smq_ring_load_room(). */
	ring->head = atomic_load_explicit(&ring->header->consumer_room.position_units, memory_order_acquire);
	if (!smq_position_is_aligned(ring, ring->head) || position - ring->head > 2 * ring->mask + smq_room_step(ring))
		return SMQ_BAD;
	resume_limit(ring);
	return SMQ_READY;
}
