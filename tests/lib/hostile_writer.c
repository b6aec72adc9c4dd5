/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hostile_writer.h"
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

bool writer_map(struct writer *w, const char *name, uint32_t capacity, uint32_t alignment)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *map = stress_map(name, page + capacity);

	if (map == NULL)
		return false;
	w->header = map;
	w->ring = (unsigned char *)map + page;
	w->capacity = capacity;
	w->alignment = alignment;
	return true;
}

void writer_unmap(struct writer *w)
{
	munmap(w->header, (size_t)(w->ring - (unsigned char *)w->header) + w->capacity);
}

static smq_word *header_word(struct writer *w, size_t offset, size_t bytes)
{
	return (smq_word *)(void *)((unsigned char *)w->header + offset + 4 * dice(w, bytes / 4));
}

/* A word of the producer's or the consumer's group of that name. */
#define EITHER(w, group, bytes)                                                 \
	header_word(w,                                                          \
		    dice(w, 2) ? offsetof(struct smq_header, producer_##group)  \
			       : offsetof(struct smq_header, consumer_##group), \
		    bytes)

/* The size word of a record at that position, or (1) its type. */
static smq_word *ring_word(struct writer *w, uint32_t position, uint64_t word)
{
	return (smq_word *)(void *)w->ring + 2 * (position & (w->capacity / 8 - 1)) + word;
}

/* Of the record with that size word. */
static uint32_t units(const struct writer *w, uint32_t size_plus_1)
{
	return ((size_plus_1 - 1 + 8 + w->alignment - 1) & -w->alignment) / 8;
}

/* A record header that a side is about to read: at the head, at the tail, or some records further. */
static smq_word *record_word(struct writer *w)
{
	const struct smq_header *h = w->header;
	uint32_t position =
		dice(w, 2) ? h->consumer_progress.moved.position_units : h->producer_progress.moved.position_units;

	for (uint64_t records = dice(w, 4); records > 0; records--)
		position += units(w, *ring_word(w, position, 0));
	return ring_word(w, position, dice(w, 4) == 0);
}

static smq_word *target(struct writer *w)
{
	enum writer_aim aim;

	do
		aim = (enum writer_aim)(1u << dice(w, WRITER_AIMS));
	while (!(w->aims & aim));
	switch (aim) {
	case WRITER_IDENTITY:
		return header_word(w, 0, sizeof w->header->identity);
	case WRITER_PROGRESS:
		if (dice(w, 4) == 0)
			return &w->header->consumer_room.position_units;
		return EITHER(w, progress, sizeof(struct smq_progress));
	case WRITER_CLAIMS:
		return EITHER(w, claim, sizeof(struct smq_claim));
	case WRITER_WAIT_WORDS:
		return dice(w, 2) ? &w->header->producer_wait.word : &w->header->consumer_wait.word;
	case WRITER_WAITS:
		return EITHER(w, wait, WAIT_BYTES);
	case WRITER_RECORDS:
		return record_word(w);
	default:
		return ring_word(w, (uint32_t)traffic_random(&w->random), dice(w, 2));
	}
}

/* Values that a check might let pass. */
static uint32_t plausible(struct writer *w, uint32_t old)
{
	uint32_t tail = w->header->producer_progress.moved.position_units, ring = w->capacity, all = ring / 8;
	uint32_t head = w->header->consumer_progress.moved.position_units, one = w->alignment / 8;
	/* Of sizes in bytes, and of positions in units. */
	const uint32_t values[] = { 0,
				    1,
				    2,
				    3,
				    8,
				    9,
				    w->alignment,
				    ring,
				    ring - 8,
				    ring - w->alignment - 7,
				    ring - w->alignment - 6,
				    2 * ring,
				    1u << 30,
				    1u << 31,
				    UINT32_MAX,
				    UINT32_MAX - 6,
				    old + 1,
				    old - 1,
				    old + one,
				    old - one,
				    old + all,
				    old - all,
				    all,
				    all - one,
				    tail,
				    head };

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

/* A ring full of committed records: a walk over them comes back to where it began. */
static void fill(struct writer *w)
{
	uint32_t size_plus_1 = (uint32_t)(1 + 8 * dice(w, 4)), start = w->alignment / 8 - 1;

	for (uint32_t at = 0; at < w->capacity / 8; at += units(w, size_plus_1))
		atomic_store_explicit(ring_word(w, start + at, 0), size_plus_1, memory_order_relaxed);
}

/* For a moment only: between a check and a second load, if there is one. */
static void flicker(struct writer *w)
{
	smq_word *word = target(w);
	uint32_t old = atomic_load_explicit(word, memory_order_relaxed), other = value(w, old);

	atomic_store_explicit(word, other, memory_order_relaxed);
	for (uint64_t i = dice(w, 100); i > 0; i--)
		atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(word, old, memory_order_relaxed);
}

void writer_write(struct writer *w)
{
	uint64_t what = dice(w, 1000);

	if (what < 500) {
		smq_word *word = target(w);

		atomic_store_explicit(word, value(w, atomic_load_explicit(word, memory_order_relaxed)),
				      memory_order_relaxed);
	} else if (what < 998 || !(w->aims & WRITER_RECORDS)) {
		for (uint64_t times = what % 50 == 0 ? 1000 : 1; times > 0; times--)
			flicker(w);
	} else {
		fill(w);
	}
}
