/* SPDX-License-Identifier: MIT */
/*
 * Runs the ring's protocol on memory of any content. The input is the alignment, the progress of both sides,
 * a part of the ring, and a script of operations and of writes between them. The ring is mapped twice in a row, with
 * inaccessible pages before and after it, and every message that the protocol hands out is read or written whole.
 */
#include "config.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "announce.h"
#include "attach.h"

#define STEPS_MAX      4096
#define PROGRESS_WORDS 6 /* that are in use */

const char fuzz_corpus[] = "ring";

enum step {
	PRODUCE,
	CONSUME,
	PUSH,
	PUSH_START,
	PUSH_END,
	POP,
	POP_START,
	POP_END,
	PEEK_FURTHER,
	TOTALS,
	WRITE_PROGRESS,
	WRITE_RECORD,
	STEPS
};

static struct smq_header *header;
static unsigned char *records;
static uint32_t capacity, alignment;

static struct smq_ring producer, consumer;
static bool produces, consumes;
static bool started, held;
static uint32_t started_size, held_size;

static void make_memory(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char *map = mmap(NULL, 6 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = memfd_create("ring", MFD_CLOEXEC);

	/* Pages: header, gap, ring, ring again, gap. */
	if (map == MAP_FAILED || fd < 0 || ftruncate(fd, (off_t)page) != 0 ||
	    mprotect(map, page, PROT_READ | PROT_WRITE) != 0 ||
	    mmap(map + 2 * page, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ||
	    mmap(map + 3 * page, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		abort();
	close(fd);
	/* The header is at the end of its page, so that a read after it faults. */
	header = (struct smq_header *)(void *)(map + page - sizeof *header);
	records = map + 2 * page;
	capacity = (uint32_t)page;
}

static uint32_t message_max(void)
{
	return capacity - alignment - 8;
}

/* Units of the record of such a message. */
static uint32_t units_of(uint32_t size)
{
	return (8 + size + alignment - 1) / alignment * (alignment / 8);
}

static void check_message(const struct smq_ring *ring, const unsigned char *message, uint32_t size)
{
	FUZZ_REFUSE(size > message_max());
	FUZZ_REFUSE(message < records || message + size > records + 2 * (size_t)capacity);
	FUZZ_REFUSE((uintptr_t)message % alignment != 0);
	FUZZ_REFUSE(ring->message_max != message_max());
}

static void push_start(uint32_t size)
{
	if (!produces || size > message_max())
		return;
	started = smq_ring_space(&producer, units_of(size)) == SMQ_READY;
	if (!started)
		return;
	if (!smq_ring_fits(&producer, units_of(size)))
		smq_ring_announce(&producer, units_of(size), 0);
	FUZZ_REFUSE(!smq_ring_fits(&producer, units_of(size)));
	started_size = size;
	check_message(&producer, smq_message_at(&producer, producer.position), size);
	memset(smq_message_at(&producer, producer.position), 0x5a, size);
}

static void push_end(uint32_t size)
{
	uint32_t before = producer.position;

	if (!produces || !started)
		return;
	smq_ring_commit(&producer, size % (started_size + 1), size);
	FUZZ_REFUSE(producer.position - before != units_of(size % (started_size + 1)));
	FUZZ_REFUSE(producer.position - producer.cached_head > (capacity - alignment) / 8);
	started = false;
}

static void pop_start(void)
{
	static unsigned char copy[1 << 16];
	const unsigned char *message;

	if (!consumes)
		return;
	held = smq_ring_peek(&consumer, &held_size) == SMQ_READY;
	if (!held)
		return;
	message = smq_message_at(&consumer, consumer.position);
	check_message(&consumer, message, held_size);
	memcpy(copy, message, held_size);
	smq_ring_type(&consumer, consumer.position);
	smq_ring_redelivered(&consumer, consumer.position);
	smq_ring_lease(&consumer, consumer.position + units_of(held_size));
}

static void pop_end(void)
{
	if (!consumes || !held)
		return;
	if (smq_ring_release(&consumer, consumer.position + units_of(held_size), 1, held_size))
		smq_ring_store_room(&consumer);
	FUZZ_REFUSE(header->consumer_progress.moved.position_units != consumer.position);
	held = false;
}

/* Peeks at one message after the other, as a batch does, as long as they lie within one ring. */
static void peek_further(void)
{
	uint32_t position = consumer.position, size;

	while (consumes && smq_ring_peek_at(&consumer, position, &size) == SMQ_READY) {
		if (position + units_of(size) - consumer.position > (capacity - alignment) / 8)
			break;
		check_message(&consumer, smq_message_at(&consumer, position), size);
		position += units_of(size);
	}
}

static smq_word *word_at(void *memory, size_t bytes, uint64_t index)
{
	return (smq_word *)memory + index % (bytes / sizeof(smq_word));
}

static void write_word(struct fuzz_input *input, void *memory, size_t bytes, size_t index_bytes)
{
	smq_word *word = word_at(memory, bytes, fuzz_take(input, index_bytes));

	*word = (uint32_t)fuzz_take(input, 4);
}

static void write_progress(struct fuzz_input *input)
{
	uint64_t which = fuzz_take(input, 1) % 4;

	if (which == 2)
		header->consumer_room.position_units = (uint32_t)fuzz_take(input, 4);
	else
		write_word(input, which == 0 ? &header->consumer_progress : &header->producer_progress,
			   PROGRESS_WORDS * sizeof(smq_word), 1);
}

static void take_step(enum step step, struct fuzz_input *input)
{
	switch (step) {
	case PRODUCE:
		started = false;
		smq_ring_init(&producer, records, capacity, alignment);
		produces = smq_ring_attach_producer(&producer, header) == SMQ_READY;
		FUZZ_REFUSE(produces && producer.position - producer.cached_head > (capacity - alignment) / 8);
		break;
	case CONSUME:
		held = false;
		smq_ring_init(&consumer, records, capacity, alignment);
		consumes = smq_ring_attach_consumer(&consumer, header) == SMQ_READY;
		break;
	case PUSH:
	case PUSH_START:
		push_start((uint32_t)fuzz_take(input, 2));
		if (step == PUSH)
			push_end(started_size);
		break;
	case PUSH_END:
		push_end((uint32_t)fuzz_take(input, 2));
		break;
	case POP:
	case POP_START:
		pop_start();
		if (step == POP)
			pop_end();
		break;
	case POP_END:
		pop_end();
		break;
	case PEEK_FURTHER:
		peek_further();
		break;
	case TOTALS:
		smq_ring_total(*word_at(header, sizeof *header, fuzz_take(input, 1)),
			       *word_at(header, sizeof *header, fuzz_take(input, 1)));
		break;
	case WRITE_PROGRESS:
		write_progress(input);
		break;
	default:
		write_word(input, records, capacity, 2);
		break;
	}
}

static void read_progress(struct fuzz_input *input, struct smq_progress *progress)
{
	for (size_t i = 0; i < PROGRESS_WORDS; i++)
		*word_at(progress, sizeof *progress, i) = (uint32_t)fuzz_take(input, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	uint32_t start, length;

	if (header == NULL)
		make_memory();
	memset(header, 0, sizeof *header);
	/* A power of two, of which the smallest ring holds at least one message. */
	alignment = 8u << fuzz_take(&input, 1) % 9;
	read_progress(&input, &header->producer_progress);
	read_progress(&input, &header->consumer_progress);
	memset(records, (int)fuzz_take(&input, 1), capacity);
	start = header->consumer_progress.moved.position_units % (capacity / 8) * 8;
	length = (uint32_t)fuzz_take(&input, 2) % (capacity + 1);
	for (uint32_t i = 0; i < length && input.left > 0; i++)
		records[start + i] = (uint8_t)fuzz_take(&input, 1);
	produces = consumes = started = held = false;
	for (int i = 0; i < STEPS_MAX && input.left > 0; i++)
		take_step((enum step)(fuzz_take(&input, 1) % STEPS), &input);
	return 0;
}
