/* SPDX-License-Identifier: MIT */
/* The ring's rare paths: taking up an end, and reading the peer's position. */
#include "config.h"

#include "ring.h"

static uint32_t load(const smq_word *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

uint64_t smq_ring_total(const smq_word *lo, const smq_word *hi)
{
	uint32_t upper = atomic_load_explicit(hi, memory_order_acquire), lower;

	/* Twice is enough for an honest writer (2^31 lie between two changes); never loop on a hostile one. Acquire
	 * keeps the three loads in this order, and with the fence in smq_ring_carry() the last is not older than the
	 * lower word. */
	for (int i = 0; i < 2; i++) {
		uint32_t again;

		lower = atomic_load_explicit(lo, memory_order_acquire);
		again = atomic_load_explicit(hi, memory_order_acquire);
		if (again == upper)
			break;
		upper = again;
	}
	/* The upper word is stored first. Whoever does that may have been killed then: so it is one ahead. */
	if ((upper & 1) != lower >> 31)
		upper--;
	return (uint64_t)upper << 31 | (lower & INT32_MAX);
}

static void take_totals(struct smq_ring *ring)
{
	uint64_t messages = smq_ring_total(&ring->progress->messages_lo, &ring->progress->messages_hi);
	uint64_t moved = smq_ring_total(&ring->progress->moved_lo, &ring->progress->moved_hi);

	ring->messages_lo = (uint32_t)messages;
	ring->messages_hi = (uint32_t)(messages >> 31);
	ring->moved_lo = (uint32_t)moved;
	ring->moved_hi = (uint32_t)(moved >> 31);
}

static void view(struct smq_ring *ring, struct smq_progress *progress, unsigned char *records, uint32_t capacity)
{
	*ring = (struct smq_ring){ .records = records, .progress = progress, .capacity = capacity };
	ring->position = load(&progress->position_bytes);
	take_totals(ring);
}

/* May the head be `head` as the producer at its tail sees it: no further back than a full ring, not beyond the tail. */
static bool head_fits(const struct smq_ring *ring, uint32_t head)
{
	return head % 8 == 0 && ring->position - head <= ring->capacity - SMQ_RECORD_HEADER;
}

enum smq_ring_status smq_ring_attach_producer(struct smq_ring *ring, struct smq_header *header, unsigned char *records,
					      uint32_t capacity)
{
	uint32_t tail, size, count = 0, bytes = 0;
	enum smq_ring_status look;

	view(ring, &header->producer_progress, records, capacity);
	ring->head = &header->consumer_progress.position_bytes;
	tail = ring->position;
	if (tail % 8 != 0)
		return SMQ_BAD;
	/* The last producer may have died between a commit and the store of its tail: what it committed stands, and
	 * nobody has written behind it, so walk on to the first header that says 0. All of it fits into the ring. */
	while ((look = smq_ring_peek_at(ring, ring->position, &size)) == SMQ_READY) {
		ring->position += smq_record_bytes(size);
		if (ring->position - tail > capacity - SMQ_RECORD_HEADER)
			return SMQ_BAD;
		count++;
		bytes += size;
	}
	/* Acquire, as in smq_ring_space_slow(). */
	ring->cached_head = atomic_load_explicit(ring->head, memory_order_acquire);
	if (look == SMQ_BAD || !head_fits(ring, ring->cached_head))
		return SMQ_BAD;
	/* Nothing has been written so far. */
	atomic_store_explicit(&ring->progress->position_bytes, ring->position, memory_order_release);
	smq_ring_count(ring, count, bytes);
	return SMQ_READY;
}

enum smq_ring_status smq_ring_space_slow(struct smq_ring *ring, uint32_t record_bytes)
{
	/* Acquire: with the release in smq_ring_release_new(), the consumer has read what lies before the head before
	 * this side writes over it. */
	uint32_t head = atomic_load_explicit(ring->head, memory_order_acquire);

	/* It only moves forward: behind the last seen value there is nothing left to read. */
	if (!head_fits(ring, head) || ring->position - head > ring->position - ring->cached_head)
		return SMQ_BAD;
	ring->cached_head = head;
	return smq_ring_fits(ring, record_bytes) ? SMQ_READY : SMQ_NOT_YET;
}

/* What an earlier consumer, or another one, has held and not popped. */
static void take_view(struct smq_ring *ring)
{
	uint32_t view_end = load(&ring->progress->lease_bytes);

	ring->redelivering = view_end != ring->position && view_end - ring->position <= ring->capacity;
	ring->redelivered_end = view_end;
	ring->view = ring->redelivering ? view_end : ring->position;
	if (ring->view != view_end)
		atomic_store_explicit(&ring->progress->lease_bytes, ring->view, memory_order_relaxed);
}

enum smq_ring_status smq_ring_attach_consumer(struct smq_ring *ring, struct smq_header *header, unsigned char *records,
					      uint32_t capacity)
{
	uint32_t tail;

	view(ring, &header->consumer_progress, records, capacity);
	/* The stored tail may be behind the head (rule: a header publishes, not the tail), but by less than a ring. */
	tail = load(&header->producer_progress.position_bytes);
	if (ring->position % 8 != 0 || (tail - ring->position > capacity && ring->position - tail > capacity))
		return SMQ_BAD;
	take_view(ring);
	return SMQ_READY;
}

void smq_ring_attach_shared(struct smq_ring *ring, struct smq_header *header, unsigned char *records, uint32_t capacity,
			    bool producer)
{
	*ring = (struct smq_ring){ .records = records, .capacity = capacity };
	ring->progress = producer ? &header->producer_progress : &header->consumer_progress;
	if (producer)
		ring->head = &header->consumer_progress.position_bytes;
	ring->messages_lo = ring->messages_hi = UINT32_MAX; /* no total: the first turn takes all up */
}

enum smq_ring_status smq_ring_resume(struct smq_ring *ring, bool producer)
{
	uint32_t lo = ring->messages_lo, hi = ring->messages_hi;
	/* Relaxed, all of them: the turn's acquire came before. */
	uint32_t position = load(&ring->progress->position_bytes);

	if (position % 8 != 0)
		return SMQ_BAD;
	take_totals(ring);
	/* Nobody else has pushed since: the head that was seen then is no further off than a ring. */
	if (producer && position == ring->position && lo == ring->messages_lo && hi == ring->messages_hi)
		return SMQ_READY;
	ring->position = position;
	if (!producer) {
		take_view(ring);
		return SMQ_READY;
	}
	/* Acquire, as in smq_ring_space_slow(). */
	ring->cached_head = atomic_load_explicit(ring->head, memory_order_acquire);
	return head_fits(ring, ring->cached_head) ? SMQ_READY : SMQ_BAD;
}
