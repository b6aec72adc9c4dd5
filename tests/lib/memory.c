/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"
#include "support.h"
#include "traffic.h"

struct memory memory_make(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct memory memory = { .capacity = (uint32_t)page };
	int fd = memfd_create("shmemq-test", MFD_CLOEXEC);
	unsigned char *map = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert(map != MAP_FAILED);
	ck_assert_int_eq(ftruncate(fd, (off_t)(2 * page)), 0);
	ck_assert(mmap(map, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED);
	ck_assert(mmap(map + 2 * page, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, (off_t)page) !=
		  MAP_FAILED);
	close(fd);
	memory.header = (struct smq_header *)(void *)map;
	memory.records = map + page;
	return memory;
}

void memory_empty_at(const struct memory *memory, uint32_t position)
{
	memset(memory->records, 0xff, memory->capacity); /* old bytes, which must not be taken for a committed header */
	memset(memory->records + position % memory->capacity, 0, SMQ_RECORD_HEADER);
	memory->header->producer_progress.position_bytes = position;
	memory->header->consumer_progress.position_bytes = position;
	memory->header->consumer_progress.lease_bytes = position;
}

struct smq_ring memory_produce(const struct memory *memory)
{
	struct smq_ring ring;

	ck_fast(smq_ring_attach_producer(&ring, memory->header, memory->records, memory->capacity) == SMQ_READY);
	return ring;
}

struct smq_ring memory_consume(const struct memory *memory)
{
	struct smq_ring ring;

	ck_fast(smq_ring_attach_consumer(&ring, memory->header, memory->records, memory->capacity) == SMQ_READY);
	return ring;
}

typedef enum smq_ring_status attach(struct smq_ring *ring, struct smq_header *header, unsigned char *records,
				    uint32_t capacity);

static bool refused(const struct memory *memory, attach *call)
{
	struct smq_ring ring;
	unsigned char before[sizeof *memory->header];

	memcpy(before, memory->header, sizeof before);
	return call(&ring, memory->header, memory->records, memory->capacity) == SMQ_BAD &&
	       memcmp(before, memory->header, sizeof before) == 0;
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
	enum smq_ring_status status = smq_ring_space(producer, smq_record_bytes(size));

	if (status == SMQ_READY) {
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
	smq_ring_release(consumer, consumer->position + smq_record_bytes(size), 1, size);
}
