/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "open_file.h"
#include "eventcount.h"

#define WORDS_MAX 512

/*
 * The page size is the machine's, so that inputs, which change it by exclusive or, work with any page size. `ring`: its
 * size in pages, the alignment, and of which kind the queue is.
 */
static struct smq_identity identity(uint64_t ring)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE), readers = SMQ_READERS_MAX * sizeof(struct smq_reader);
	struct smq_identity queue = {
		.magic = { SMQ_MAGIC_0, SMQ_MAGIC_1 },
		.version = SMQ_VERSION,
		.header_bytes = page,
		.capacity = (uint64_t)page << ring % 5,
		.alignment = 8u << ring / 5 % 10,
		.mechanism = smq_mechanism,
	};
	uint64_t kind = ring / 50;

	queue.capacity_max = queue.capacity;
	if (kind == 1 || kind == 2)
		queue.capacity_max <<= 2 * kind - 1;
	if (kind == 2 || kind == 4)
		queue.messages_max = 3;
	if (kind == 3 || kind == 4) {
		queue.flags = SHMEMQ_ATTR_BROADCAST;
		queue.header_bytes = (SMQ_READERS_OFFSET + readers + page - 1) / page * page;
	}
	return queue;
}

static void set_positions(struct smq_header *words, uint32_t start)
{
	words->producer_progress.moved.position_units = start;
	words->consumer_progress.moved.position_units = words->consumer_progress.moved.lease_units = start;
	words->consumer_room.position_units = start;
}

/*
 * True: inputs must not write there. libc trusts the memory of its semaphores, and garbage in it would end the process.
 */
static bool off_limits(off_t at)
{
#ifdef SMQ_USE_FUTEX
	(void)at;
	return false;
#else
	return at >= (off_t)offsetof(struct smq_header, producer_wait) &&
	       at < (off_t)offsetof(struct smq_header, consumer_room);
#endif
}

/* Where the next word of the input goes, in a file of so many bytes. */
static off_t take_offset(struct fuzz_input *input, const struct smq_identity *queue, uint64_t bytes)
{
	/* In the header, where a change has the most effect, in what is after it before the ring, or anywhere. */
	switch (fuzz_take(input, 1) % 4) {
	case 1:
		return (off_t)(fuzz_take(input, 1) * 4 % sizeof(struct smq_header));
	case 3:
		return SMQ_EXTENSION_OFFSET +
		       (off_t)(fuzz_take(input, 2) * 4 % (queue->header_bytes - SMQ_EXTENSION_OFFSET));
	default:
		return (off_t)(fuzz_take(input, 3) * 4 % bytes);
	}
}

int file_make(const char *path, struct fuzz_input *input)
{
	struct smq_header header[2] = { { .identity = identity(fuzz_take(input, 1)) } }; /* and the extension's words */
	const struct smq_identity *queue = &header[0].identity;
	uint64_t bytes = queue->header_bytes + queue->capacity + smq_extension_length(queue);
	int64_t length = (int64_t)bytes + (int16_t)fuzz_take(input, 2);
	uint64_t words = fuzz_take(input, 2) % WORDS_MAX;
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	for (int i = 0; i < 2; i++)
		set_positions(&header[i], smq_start_units(queue->alignment));
	if (fd < 0 || smq_eventcount_init(&header[0]) != 0 ||
	    pwrite(fd, &header[0], sizeof header[0], 0) != (ssize_t)sizeof header[0] ||
	    pwrite(fd, &header[1], sizeof header[1], SMQ_EXTENSION_OFFSET) != (ssize_t)sizeof header[1])
		abort();
	for (; words > 0 && input->left > 0; words--) {
		off_t at = take_offset(input, queue, bytes);
		uint32_t old = 0, word;

		if (pread(fd, &old, sizeof old, at) < 0)
			abort();
		word = old ^ (uint32_t)fuzz_take(input, 4);
		if (!off_limits(at) && pwrite(fd, &word, sizeof word, at) != (ssize_t)sizeof word)
			abort();
	}
	if (ftruncate(fd, length > 0 ? length : 0) != 0)
		abort();
	return fd;
}

uint64_t file_message_max(const struct shmemq_attr *attr)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), most = attr->capacity - attr->alignment;

	if (attr->capacity_max == attr->capacity)
		return most - 8;
	if (attr->capacity_max - attr->capacity - page > most)
		most = attr->capacity_max - attr->capacity - page;
	return most - attr->alignment - 8;
}

void file_write_word(int fd, struct fuzz_input *input)
{
	off_t at = (off_t)(fuzz_take(input, 2) * 4);
	uint32_t word = (uint32_t)fuzz_take(input, 4);

	if (!off_limits(at) && at < lseek(fd, 0, SEEK_END) - (off_t)sizeof word &&
	    pwrite(fd, &word, sizeof word, at) < 0)
		abort();
}

void file_write_further(int fd, struct fuzz_input *input)
{
	off_t at = SMQ_EXTENSION_OFFSET + (off_t)(fuzz_take(input, 2) * 4 % (12288 - SMQ_EXTENSION_OFFSET));
	uint32_t word = (uint32_t)fuzz_take(input, 4);

	if (at < lseek(fd, 0, SEEK_END) - (off_t)sizeof word && pwrite(fd, &word, sizeof word, at) < 0)
		abort();
}
