/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "extent.h"

#include <errno.h>
#include <fcntl.h>

#include "announce.h"
#include "cancel.h"
#include "limit.h"
#include "file.h"

/* Bytes that are reserved at a time, and given back at a time: few system calls, and little more than is used. */
#define STEP_BYTES (256u << 10)

static struct smq_progress *words(const struct shmemq *q)
{
	return &smq_extension_of(q->header)->producer_progress;
}

static const struct smq_ring *extension(const struct shmemq *q)
{
	return q->more->extended ? &q->ring : &q->more->other;
}

static uint32_t page_at(const struct shmemq *q, uint32_t position)
{
	return position & ~(q->more->page_units - 1);
}

static uint32_t page_after(const struct shmemq *q, uint32_t position)
{
	return page_at(q, position + q->more->page_units - 1);
}

static uint32_t step_units(const struct shmemq *q)
{
	uint32_t step = STEP_BYTES / SMQ_UNIT, most = q->more->window_units / 4;

	step = step < most ? step : most;
	return step > q->more->page_units ? page_at(q, step) : q->more->page_units;
}

/* Relaxed, all: read with the owner lock, by a handle that attaches, or for display. */
void smq_extent_store(const struct shmemq *q)
{
	struct smq_progress *progress = words(q);

	smq_store(&progress->kept_units, q->more->kept);
	smq_store(&progress->reserved_units, q->more->reserved);
	smq_store(&progress->returned_units, q->more->returned);
	smq_store(&progress->arrived_units, q->more->arrived);
}

/* What shmemq_stat() shows. Before memory is reserved, and after it is given back: if it says 0, there is none. */
static void count(const struct shmemq *q, uint32_t units)
{
	struct smq_counts *counts = &q->header->producer_counts;

	smq_store(&counts->reserved_now, units);
	if (units > smq_load(&counts->reserved_most))
		smq_store(&counts->reserved_most, units);
}

/* Reserves or punches the file between two positions. 0 or errno. */
static int change(struct shmemq *q, uint32_t from, uint32_t to, bool punch)
{
	uint64_t ring = smq_extension_bytes(q), bytes = (uint64_t)(to - from) * SMQ_UNIT;
	uint64_t first = (uint64_t)from * SMQ_UNIT & (ring - 1);
	uint64_t start = smq_header_bytes(q) + smq_capacity(q);
	uint64_t before_end = bytes < ring - first ? bytes : ring - first;
	int fd = smq_fd(q), cancel = smq_cancel_disable(), err = 0;

	for (int i = 0; i < 2 && err == 0; i++) {
		uint64_t at = i == 0 ? first : 0, length = i == 0 ? before_end : bytes - before_end;

		if (length != 0)
			err = punch ? smq_file_punch(fd, (off_t)(start + at), (off_t)length)
				    : smq_file_reserve(fd, (off_t)(start + at), (off_t)length);
	}
	smq_cancel_restore(cancel);
	return err;
}

static void punch(struct shmemq *q, uint32_t from, uint32_t to)
{
	if (from != to)
		(void)change(q, from, to, true); /* where it cannot be done, the memory stays */
}

/* Nothing outside of what is kept and reserved is this handle's own any more. */
static void disown(struct smq_more *more)
{
	uint32_t reserved = more->reserved - more->kept;

	if (more->kept - more->own_from < more->own_to - more->own_from)
		more->own_from = more->kept;
	else if (more->own_from - more->kept > reserved)
		more->own_from = more->own_to = more->kept;
	if (more->own_to - more->kept > reserved)
		more->own_to = more->reserved;
}

/*
 * Makes the pages from `from` to the end of what is said to be reserved this handle's own. false: there is no memory
 * for them, so that cannot be true.
 */
static bool own(struct shmemq *q, uint32_t from)
{
	struct smq_more *more = q->more;
	bool begun = from - more->own_from <= more->own_to - more->own_from;
	uint32_t missing = begun ? more->own_to : from;
	int err = 0;

	if (missing != more->reserved)
		err = change(q, missing, more->reserved, false);
	if (err != 0 && err != EOPNOTSUPP) /* in a sandbox that is not asked */
		return false;
	if (!begun)
		more->own_from = from;
	more->own_to = more->reserved;
	return true;
}

/* Where the extension is used, or, before it is, begins. */
static uint32_t own_page(const struct shmemq *q)
{
	uint32_t page = page_at(q, extension(q)->position);

	return page - q->more->kept < q->more->reserved - q->more->kept ? page : q->more->kept;
}

/* Reserves up to `to`, after what this handle owns. */
static bool extend(struct shmemq *q, uint32_t to)
{
	count(q, to - q->more->kept);
	if (change(q, q->more->reserved, to, false) == 0) {
		SMQ_PROBE(grow, smq_probed_id(q), smq_probed_bytes(q, q->more->reserved), smq_probed_bytes(q, to));
		q->more->reserved = q->more->own_to = to;
		q->more->no_memory_at = 0;
		smq_store(&words(q)->reserved_units, to);
		return true;
	}
	punch(q, q->more->reserved, to);
	count(q, q->more->reserved - q->more->kept);
	return false;
}

/* Gives back the pages before `page`. */
static void keep_from(struct shmemq *q, uint32_t page)
{
	uint32_t from = q->more->kept;

	(void)smq_limit_follow(q); /* it reads records once more that are popped */
	if (q->more->extended)     /* so would the next producer */
		smq_ring_count(&q->ring, q->more->other.messages_lo);
	q->more->kept = page;
	disown(q->more);
	smq_store(&words(q)->kept_units, page);
	/* It is seen before the zeros. Partner: the acquire fence of a follower, as in smq_ring_announce(). */
	atomic_thread_fence(memory_order_release);
	punch(q, from, page);
	q->more->no_memory_at = 0;
	count(q, q->more->reserved - page);
}

bool smq_extent_is_worth_a_try(const struct shmemq *q, bool patient)
{
	if (q->more->no_memory_at == 0)
		return true;
	/* A call that does not wait reads no clock, but every so often. */
	if (!patient && q->peer.tries % SMQ_TRIES_A_CLOCK_READING != 0)
		return false;
	return smq_now_ns() - q->more->no_memory_at >= SMQ_SLICE_NS;
}

/* Reserves up to `enough`, and a step more if there is memory and the window allows. */
static bool extend_amply(struct shmemq *q, uint32_t enough)
{
	const struct smq_more *more = q->more;
	uint32_t ample = enough + step_units(q);

	if (ample - more->kept > more->window_units)
		ample = more->kept + more->window_units;
	return extend(q, ample) || (ample != enough && extend(q, enough));
}

enum smq_ring_status smq_extent_reserve(struct shmemq *q, uint32_t head, uint32_t end, bool patient)
{
	struct smq_more *more = q->more;
	uint32_t page = page_at(q, head), enough = page_after(q, end);
	bool frees = page != more->kept && page - more->kept <= more->reserved - more->kept;

	if (!own(q, own_page(q)))
		return SMQ_BAD;
	if (end - more->kept <= more->reserved - more->kept)
		return SMQ_READY;
	if (enough - page > more->window_units || (!frees && !smq_extent_is_worth_a_try(q, patient)))
		return SMQ_NOT_YET;
	if (frees && enough + step_units(q) - more->kept > more->window_units)
		keep_from(q, page);
	if (enough - more->kept > more->window_units)
		return SMQ_NOT_YET;
	if (extend_amply(q, enough))
		return SMQ_READY;
	if (page != more->kept && frees) { /* what is given back is memory too */
		keep_from(q, page);
		if (extend_amply(q, enough))
			return SMQ_READY;
	}
	more->no_memory_at = smq_now_ns();
	return SMQ_NOT_YET;
}

void smq_extent_advance(struct shmemq *q, uint32_t head)
{
	uint32_t page = page_at(q, head);

	if (page - q->more->kept >= step_units(q) && page - q->more->kept <= q->more->reserved - q->more->kept)
		keep_from(q, page);
}

/* Nothing before `next` counts as intact any more, before it is given back. */
static void invalidate(struct shmemq *q, uint32_t next)
{
	smq_store(&words(q)->limit_units, next);
	/* The limit is seen before the zeros. Partner: the acquire fence of a follower, as in smq_ring_announce(). */
	atomic_thread_fence(memory_order_release);
}

/*
 * The memory stays in use after all: a producer that was killed between the two steps of giving it back has left a
 * limit that is more than a ring after the tail. So not even what is pushed next would count as intact. Before the tail
 * nothing does, as that producer has said.
 */
static void validate(struct shmemq *q)
{
	uint32_t most = extension(q)->position + extension(q)->mask + 1;

	/* Relaxed: a follower that sees the limit of before takes less for intact. */
	if ((int32_t)(smq_load(&words(q)->limit_units) - most) > 0)
		smq_store(&words(q)->limit_units, most);
}

void smq_extent_forget(struct shmemq *q, uint32_t next)
{
	invalidate(q, next);
	keep_from(q, q->more->reserved);
	smq_extent_store(q);
}

bool smq_extent_claims(const struct shmemq *q, uint32_t position)
{
	uint32_t kept = smq_load(&words(q)->kept_units);

	return position - kept < smq_load(&words(q)->reserved_units) - kept;
}

enum smq_ring_status smq_extent_attach(struct shmemq *q, uint32_t head, uint32_t tail)
{
	uint32_t reserved = smq_load(&words(q)->reserved_units), counted = smq_load(&words(q)->counted_units);
	uint32_t first = (int32_t)(tail - head) < 0 ? tail : head;

	/* Not if its memory has been given back, or there cannot be so much. */
	if ((int32_t)(counted - first) < 0 && smq_extent_claims(q, counted) &&
	    reserved - page_at(q, counted) <= q->more->window_units)
		first = counted;
	smq_extent_begin(q, page_at(q, first));
	if (page_at(q, reserved) != reserved || reserved - q->more->kept > q->more->window_units)
		return SMQ_BAD;
	q->more->reserved = reserved;
	return own(q, q->more->kept) ? SMQ_READY : SMQ_BAD;
}

enum smq_ring_status smq_extent_trim(struct shmemq *q, uint32_t head, uint32_t end)
{
	uint32_t capacity = extension(q)->mask + 1;

	q->more->kept = page_at(q, head);
	q->more->reserved = head == end ? q->more->kept : page_after(q, end);
	if (q->more->reserved - q->more->kept > q->more->window_units)
		return SMQ_BAD;
	disown(q->more);
	if (!own(q, q->more->kept))
		return SMQ_BAD;
	if (head != end)
		validate(q);
	/* 0: then nothing has been reserved, and an open of a queue at rest costs no system call. */
	if (smq_load(&q->header->producer_counts.reserved_now) != 0 || q->more->reserved != q->more->kept) {
		if (head == end)
			invalidate(q, head);
		smq_extent_store(q);
		atomic_thread_fence(memory_order_release); /* as in keep_from() */
		punch(q, q->more->reserved, q->more->kept + capacity);
		count(q, q->more->reserved - q->more->kept);
	}
	smq_extent_store(q);
	return SMQ_READY;
}

enum smq_ring_status smq_extent_resume(struct shmemq *q)
{
	const struct smq_progress *progress = words(q);
	struct smq_more *more = q->more;

	more->kept = smq_load(&progress->kept_units);
	more->reserved = smq_load(&progress->reserved_units);
	more->returned = smq_load(&progress->returned_units);
	more->arrived = smq_load(&progress->arrived_units);
	if (page_at(q, more->kept) != more->kept || page_at(q, more->reserved) != more->reserved ||
	    more->reserved - more->kept > more->window_units)
		return SMQ_BAD;
	disown(more);
	if (!smq_extent_in_use(q))
		return more->extended ? SMQ_BAD : SMQ_READY;
	if (extension(q)->position - more->kept >= more->reserved - more->kept)
		return SMQ_BAD;
	/* In the ring, smq_extent_reserve() does it. With messages_max, records from the first on are read again. */
	if (more->extended || q->state & SMQ_LIMITED)
		return own(q, q->state & SMQ_LIMITED ? more->kept : own_page(q)) ? SMQ_READY : SMQ_BAD;
	return SMQ_READY;
}
