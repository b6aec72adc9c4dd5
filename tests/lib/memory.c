/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"
#include "support.h"
#include "traffic.h"

struct memory memory_make(uint32_t alignment)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), least = (size_t)16 * alignment, ring = page > least ? page : least;
	struct memory memory = { .capacity = ring, .alignment = alignment };
	int fd = memfd_create("shmemq-test", MFD_CLOEXEC), access = PROT_READ | PROT_WRITE;
	unsigned char *map = mmap(NULL, page + 2 * ring, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert(map != MAP_FAILED);
	ck_assert_int_eq(ftruncate(fd, (off_t)(page + ring)), 0);
	ck_assert(mmap(map, page + ring, access, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED);
	ck_assert(mmap(map + page + ring, ring, access, MAP_SHARED | MAP_FIXED, fd, (off_t)page) != MAP_FAILED);
	close(fd);
	memory.header = (struct smq_header *)(void *)map;
	memory.records = map + page;
	return memory;
}

void memory_empty_at(const struct memory *memory, uint32_t position)
{
	/* Old bytes, which must not be taken for a committed header. */
	memset(memory->records, 0xff, memory->capacity);
	memset(memory->records + (uint64_t)position * 8 % memory->capacity, 0, sizeof(struct smq_record));
	memory->header->producer_progress.moved.position_units = position;
	memory->header->consumer_progress.moved.position_units = position;
	memory->header->consumer_progress.moved.lease_units = position;
}

typedef enum smq_ring_status attach(struct smq_ring *ring, struct smq_header *header);

static enum smq_ring_status attach_to(const struct memory *memory, struct smq_ring *ring, attach *call)
{
	smq_ring_init(ring, memory->records, memory->capacity, memory->alignment);
	return call(ring, memory->header);
}

struct smq_ring memory_produce(const struct memory *memory)
{
	struct smq_ring ring;

	ck_fast(attach_to(memory, &ring, smq_ring_attach_producer) == SMQ_READY);
	return ring;
}

struct smq_ring memory_consume(const struct memory *memory)
{
	struct smq_ring ring;

	ck_fast(attach_to(memory, &ring, smq_ring_attach_consumer) == SMQ_READY);
	return ring;
}

static bool refused(const struct memory *memory, attach *call)
{
	struct smq_ring ring;
	unsigned char before[sizeof *memory->header];

	memcpy(before, memory->header, sizeof before);
	return attach_to(memory, &ring, call) == SMQ_BAD && memcmp(before, memory->header, sizeof before) == 0;
}

bool memory_refused_produce(const struct memory *memory)
{
	return refused(memory, smq_ring_attach_producer);
}

bool memory_refused_consume(const struct memory *memory)
{
	return refused(memory, smq_ring_attach_consumer);
}

enum smq_ring_status memory_push(struct smq_ring *producer, uint32_t size, uint64_t content)
{
	enum smq_ring_status status = smq_ring_space(producer, smq_record_units(producer, size));

	if (status == SMQ_READY) {
		if (!smq_ring_fits(producer, smq_record_units(producer, size)))
			smq_ring_announce(producer, smq_record_units(producer, size), 0);
		traffic_fill(smq_message_at(producer, producer->position), size, content);
		smq_ring_commit(producer, size, (uint32_t)content);
	}
	return status;
}

void memory_pop(struct smq_ring *consumer, uint32_t size, uint64_t content)
{
	uint32_t found;

	ck_fast(smq_ring_peek(consumer, &found) == SMQ_READY);
	ck_fast(found == size);
	ck_fast(smq_ring_type(consumer, consumer->position) == (uint32_t)content);
	ck_fast(traffic_filled(smq_message_at(consumer, consumer->position), size, content));
	if (smq_ring_release(consumer, consumer->position + smq_record_units(consumer, size), 1, size))
		smq_ring_store_room(consumer);
}
