/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hostile_writer.h"
#include "shmemq.h"
#include "stress.h"
#include "traffic.h"

/* A libc trusts the memory of its semaphores: garbage there ends the process, and its caller cannot prevent it. */
#ifdef SMQ_USE_FUTEX
#define WAIT_BYTES sizeof(struct smq_wait)
#else
#define WAIT_BYTES offsetof(struct smq_wait, sem)
#endif

static uint64_t dice(struct writer *w, uint64_t sides)
{
	return traffic_random(&w->random) % sides;
}

bool writer_map(struct writer *w, const struct hostile_queue *queue)
{
	w->queue = *queue;
	w->header = stress_map(queue->name, hostile_queue_bytes(queue));
	w->pristine = malloc(queue->header);
	if (w->header == NULL || w->pristine == NULL)
		return false;
	memcpy(w->pristine, w->header, queue->header);
	return true;
}

void writer_unmap(struct writer *w)
{
	munmap(w->header, hostile_queue_bytes(&w->queue));
	free(w->pristine);
}

unsigned char *writer_ring(const struct writer *w, uint32_t extended)
{
	return (unsigned char *)w->header + w->queue.header + (extended ? w->queue.capacity : 0);
}

/* In one of the rings: 0, or 1 if there is an extension. */
static uint32_t either_ring(struct writer *w)
{
	return w->queue.capacity_max > w->queue.capacity ? (uint32_t)dice(w, 2) : 0;
}

/* Its words, and its bytes. */
static struct smq_header *words(const struct writer *w, uint32_t extended)
{
	return extended ? smq_extension_of(w->header) : w->header;
}

static uint32_t bytes_of(const struct writer *w, uint32_t extended)
{
	return extended ? w->queue.capacity_max : w->queue.capacity;
}

static void store(struct writer *w, smq_word *word, uint32_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
	w->writes++;
}

static smq_word *word_of(struct writer *w, void *group, size_t bytes)
{
	return (smq_word *)group + dice(w, bytes / 4);
}

/* A word of the producer's or the consumer's group of that name. */
#define EITHER(w, header, group, bytes) \
	word_of(w, dice(w, 2) ? (void *)&(header)->producer_##group : (void *)&(header)->consumer_##group, bytes)

/* The size word of a record at that position, or (1) its type. */
static smq_word *ring_word(const struct writer *w, uint32_t extended, uint32_t position, uint64_t word)
{
	return (smq_word *)(void *)writer_ring(w, extended) + 2 * (position & (bytes_of(w, extended) / 8 - 1)) + word;
}

/* Of the record with that size word. */
static uint32_t units(const struct writer *w, uint32_t size_plus_1)
{
	return ((size_plus_1 - 1 + 8 + w->queue.alignment - 1) & -w->queue.alignment) / 8;
}

/* Where a consumer is, of a broadcast queue one of the first that came. */
static struct smq_moved *consumer_moved(struct writer *w, uint32_t extended)
{
	if (w->queue.flags & SHMEMQ_ATTR_BROADCAST)
		return &smq_reader_of(w->header, (uint32_t)(1 + dice(w, 4)))->moved[0];
	return &words(w, extended)->consumer_progress.moved;
}

/* A record header that a side is about to read: at the head, at the tail, or some records further. */
static smq_word *record_word(struct writer *w)
{
	uint32_t extended = either_ring(w);
	uint32_t position = dice(w, 2) ? consumer_moved(w, extended)->position_units
				       : words(w, extended)->producer_progress.moved.position_units;

	for (uint64_t records = dice(w, 4); records > 0; records--)
		position += units(w, *ring_word(w, extended, position, 0));
	return ring_word(w, extended, position, dice(w, 4) == 0);
}

static smq_word *index_word(struct writer *w, struct smq_header *header)
{
	return dice(w, 4) ? word_of(w, header->index, sizeof header->index) : &header->producer_progress.limit_units;
}

static smq_word *reader_word(struct writer *w)
{
	struct smq_reader *reader = smq_reader_of(w->header, (uint32_t)(1 + dice(w, dice(w, 2) ? 4 : SMQ_READERS_MAX)));

	switch (dice(w, 3)) {
	case 0:
		return &reader->claim.state;
	case 1:
		return word_of(w, &reader->moved[0], sizeof reader->moved[0]);
	default:
		return word_of(w, reader, sizeof *reader);
	}
}

static smq_word *target(struct writer *w)
{
	struct smq_header *header = words(w, either_ring(w));
	enum writer_aim aim;

	do
		aim = (enum writer_aim)(1u << dice(w, WRITER_AIMS));
	while (!(w->aims & aim));
	switch (aim) {
	case WRITER_IDENTITY:
		return word_of(w, w->header, sizeof w->header->identity);
	case WRITER_PROGRESS:
		if (dice(w, 4) == 0)
			return &header->consumer_room.position_units;
		return EITHER(w, header, progress, sizeof(struct smq_progress));
	case WRITER_CLAIMS:
		return EITHER(w, w->header, claim, sizeof(struct smq_claim));
	case WRITER_WAIT_WORDS:
		return dice(w, 2) ? &w->header->producer_wait.word : &w->header->consumer_wait.word;
	case WRITER_WAITS:
		return EITHER(w, w->header, wait, WAIT_BYTES);
	case WRITER_RECORDS:
		return record_word(w);
	case WRITER_INDEX:
		return index_word(w, header);
	case WRITER_READERS:
		if (w->queue.flags & SHMEMQ_ATTR_BROADCAST)
			return reader_word(w);
		/* fall through */
	default:
		return ring_word(w, either_ring(w), (uint32_t)traffic_random(&w->random), dice(w, 2));
	}
}

/* Values that a check might let pass. */
static uint32_t plausible(struct writer *w, uint32_t old)
{
	uint32_t extended = either_ring(w), ring = bytes_of(w, extended), all = ring / 8, one = w->queue.alignment / 8;
	const struct smq_progress *producer = &words(w, extended)->producer_progress;
	uint32_t tail = producer->moved.position_units, head = consumer_moved(w, extended)->position_units;
	/* Of sizes in bytes, of positions in units, and of states. */
	const uint32_t values[] = { 0,
				    1,
				    2,
				    3,
				    8,
				    9,
				    w->queue.alignment,
				    ring,
				    ring - 8,
				    ring - w->queue.alignment - 7,
				    ring - w->queue.alignment - 6,
				    2 * ring,
				    1u << 30,
				    1u << 31,
				    SMQ_JUMP,
				    SMQ_JUMP,
				    UINT32_MAX - 6,
				    old + 1,
				    old - 1,
				    old + one,
				    old - one,
				    old + all,
				    old - all,
				    old ^ SMQ_CLAIM_STATE,
				    old + (uint32_t)sysconf(_SC_PAGESIZE) / 8,
				    old - (uint32_t)sysconf(_SC_PAGESIZE) / 8,
				    all,
				    all - one,
				    tail,
				    tail + one,
				    head,
				    head - one,
				    producer->kept_units,
				    producer->reserved_units,
				    producer->limit_units };

	return values[dice(w, sizeof values / sizeof values[0])];
}

static uint32_t value(struct writer *w, uint32_t old)
{
	switch (dice(w, 4)) {
	case 0:
		return (uint32_t)traffic_random(&w->random);
	case 1:
		return old ^ 1u << dice(w, 32);
	default:
		return plausible(w, old);
	}
}

/*
 * A ring full of committed records: a walk over them comes back to where it began. Or of jumps, with a record between
 * any two, that lead into the other ring, which is as full of them.
 */
static void fill(struct writer *w)
{
	uint32_t size_plus_1 = (uint32_t)(1 + 8 * dice(w, 4)), start = w->queue.alignment / 8 - 1;
	bool jumps = dice(w, 2);

	for (uint32_t extended = 0; extended < 1u + (w->queue.capacity_max > w->queue.capacity); extended++) {
		uint32_t there = consumer_moved(w, !extended)->position_units, record = units(w, size_plus_1);

		for (uint32_t at = 0, i = 0; at < bytes_of(w, extended) / 8; at += record, i++) {
			smq_word *header = ring_word(w, extended, start + at, 0);
			bool jump = jumps && i % 2;

			if (jump)
				store(w, header + 1, there);
			store(w, header, jump ? SMQ_JUMP : size_plus_1);
		}
	}
}

/* A jump that a side is about to meet, to where the other end of the other ring is. */
static void put_jump(struct writer *w)
{
	uint32_t extended = either_ring(w);
	uint32_t at = dice(w, 2) ? consumer_moved(w, extended)->position_units
				 : words(w, extended)->producer_progress.moved.position_units;
	uint32_t to = dice(w, 2) ? consumer_moved(w, !extended)->position_units
				 : words(w, !extended)->producer_progress.moved.position_units;

	to += (uint32_t)dice(w, 3) * (w->queue.alignment / 8);
	store(w, ring_word(w, extended, at, 1), to);
	store(w, ring_word(w, extended, at, 0), SMQ_JUMP);
}

/* For a moment only: between a check and a second load, if there is one. */
static void flicker(struct writer *w)
{
	smq_word *word = target(w);
	uint32_t old = atomic_load_explicit(word, memory_order_relaxed), other = value(w, old);

	store(w, word, other);
	for (uint64_t i = dice(w, 100); i > 0; i--)
		atomic_signal_fence(memory_order_seq_cst);
	store(w, word, old);
}

/* An empty queue, in which the ends' handles are somewhere else. */
static void put_back(struct writer *w)
{
	const uint32_t *was = (const uint32_t *)(const void *)w->pristine;
	uint32_t start = w->queue.alignment / 8 - 1;

	for (size_t i = 0; i < w->queue.header / 4; i++)
#ifndef SMQ_USE_FUTEX
		if (i * 4 < offsetof(struct smq_header, producer_wait) ||
		    i * 4 >= offsetof(struct smq_header, consumer_room))
#endif
			store(w, (smq_word *)(void *)w->header + i, was[i]);
	store(w, ring_word(w, 0, start, 0), 0);
}

void writer_write(struct writer *w)
{
	uint64_t what = dice(w, 1000);

	if (what < 500) {
		smq_word *word = target(w);

		store(w, word, value(w, atomic_load_explicit(word, memory_order_relaxed)));
	} else if (what < 990 || (what < 996 && !(w->aims & WRITER_RECORDS))) {
		for (uint64_t times = what % 50 == 0 ? 1000 : 1; times > 0; times--)
			flicker(w);
	} else if (what < 996) {
		put_jump(w);
	} else if (what < 999) {
		put_back(w);
	} else {
		fill(w);
	}
}
