/* SPDX-License-Identifier: MIT */
/*
 * Runs the ring's protocol on memory of any content. The input is the progress of both sides, a part of the ring, and a
 * script of operations and of writes between them. The ring is mapped twice in a row, with inaccessible pages before
 * and after it, and every message that the protocol hands out is read or written whole.
 */
#include "config.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "ring.h"

#define STEPS_MAX 4096

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
static uint32_t capacity;

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

static void check_message(const struct smq_ring *ring, const unsigned char *message, uint32_t size)
{
	FUZZ_REFUSE(size > smq_message_max(ring));
	FUZZ_REFUSE(message < records || message + size > records + 2 * (size_t)capacity);
}

static void push_start(uint32_t size)
{
	if (!produces || size > smq_message_max(&producer))
		return;
	started = smq_ring_space(&producer, smq_record_bytes(size)) == SMQ_READY;
	if (!started)
		return;
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
	FUZZ_REFUSE(producer.position - before != smq_record_bytes(size % (started_size + 1)));
	FUZZ_REFUSE(producer.position - producer.cached_head > capacity - SMQ_RECORD_HEADER);
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
	smq_ring_lease(&consumer, consumer.position + smq_record_bytes(held_size));
}

static void pop_end(void)
{
	if (!consumes || !held)
		return;
	smq_ring_release(&consumer, consumer.position + smq_record_bytes(held_size), 1, held_size);
	FUZZ_REFUSE(header->consumer_progress.position_bytes != consumer.position);
	held = false;
}

/* Peeks at one message after the other, as a batch does, as long as they lie within one ring. */
static void peek_further(void)
{
	uint32_t position = consumer.position, size;

	while (consumes && smq_ring_peek_at(&consumer, position, &size) == SMQ_READY) {
		if (position + smq_record_bytes(size) - consumer.position > capacity - SMQ_RECORD_HEADER)
			break;
		check_message(&consumer, smq_message_at(&consumer, position), size);
		position += smq_record_bytes(size);
	}
}

static smq_word *word_at(void *memory, size_t bytes, uint64_t index)
{
	return (smq_word *)memory + index % (bytes / sizeof(smq_word));
}

static void write_progress(struct fuzz_input *input)
{
	switch (fuzz_take(input, 1) % 4) {
	case 0:
		*word_at(&header->consumer_progress, sizeof(struct smq_progress), fuzz_take(input, 1)) =
			(uint32_t)fuzz_take(input, 4);
		break;
	case 2:
		header->consumer_room.position_bytes = (uint32_t)fuzz_take(input, 4);
		break;
	default:
		*word_at(&header->producer_progress, sizeof(struct smq_progress), fuzz_take(input, 1)) =
			(uint32_t)fuzz_take(input, 4);
		break;
	}
}

static void take_step(enum step step, struct fuzz_input *input)
{
	switch (step) {
	case PRODUCE:
		started = false;
		produces = smq_ring_attach_producer(&producer, header, records, capacity) == SMQ_READY;
		FUZZ_REFUSE(produces && producer.position - producer.cached_head > capacity - SMQ_RECORD_HEADER);
		break;
	case CONSUME:
		held = false;
		consumes = smq_ring_attach_consumer(&consumer, header, records, capacity) == SMQ_READY;
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
		smq_ring_total(word_at(header, sizeof *header, fuzz_take(input, 1)),
			       word_at(header, sizeof *header, fuzz_take(input, 1)));
		break;
	case WRITE_PROGRESS:
		write_progress(input);
		break;
	default:
		*word_at(records, capacity, fuzz_take(input, 2)) = (uint32_t)fuzz_take(input, 4);
		break;
	}
}

static void read_progress(struct fuzz_input *input, struct smq_progress *progress)
{
	for (size_t i = 0; i < sizeof *progress / sizeof(smq_word); i++)
		*word_at(progress, sizeof *progress, i) = (uint32_t)fuzz_take(input, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	uint32_t start, length;

	if (header == NULL)
		make_memory();
	memset(header, 0, sizeof *header);
	read_progress(&input, &header->producer_progress);
	read_progress(&input, &header->consumer_progress);
	memset(records, (int)fuzz_take(&input, 1), capacity);
	start = header->consumer_progress.position_bytes % capacity;
	length = (uint32_t)fuzz_take(&input, 2) % (capacity + 1);
	for (uint32_t i = 0; i < length && input.left > 0; i++)
		records[start + i] = (uint8_t)fuzz_take(&input, 1);
	produces = consumes = started = held = false;
	for (int i = 0; i < STEPS_MAX && input.left > 0; i++)
		take_step((enum step)(fuzz_take(&input, 1) % STEPS), &input);
	return 0;
}
