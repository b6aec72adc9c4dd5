/* SPDX-License-Identifier: MIT */
/*
 * A word of a queue that has grown refers to memory of the extension that nobody has reserved, in a /dev/shm that is
 * full: EBADMSG, and no SIGBUS.
 */
#include "config.h"

#include <fcntl.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "suite.h"

#define NAME "/q"
#define KIB  1024u

static struct shmemq *producer, *consumer;
static struct smq_header *header, *extension;
static char text[1000];

static struct shmemq *open_end(unsigned flags)
{
	struct shmemq_attr attr = { .capacity = 64 * KIB, .capacity_max = 1024 * KIB };

	return shmemq_open(NAME, flags | SHMEMQ_CREATE, 0600, &attr);
}

static void fill_shm(void)
{
	int fd = open("/dev/shm/junk", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	while (write(fd, text, 1) == 1 && lseek(fd, 4095, SEEK_CUR) > 0)
		;
	CHECK(fd >= 0 && errno == ENOSPC);
	close(fd);
}

/* A queue whose producer has gone to the extension, with the consumer in the ring. */
static void grow(unsigned flags)
{
	CHECK(child_own_shm("size=900k"));
	CHECK((producer = open_end(SHMEMQ_PRODUCER | flags)) != NULL);
	CHECK((consumer = open_end(SHMEMQ_CONSUMER | flags)) != NULL);
	for (int i = 0; i < 100; i++)
		CHECK(shmemq_timedpush(producer, text, sizeof text, 1, 0) == 0);
	header = file_map(NAME);
	extension = smq_extension_of(header);
	CHECK(header->producer_progress.extended == 1);
}

/* A position beyond what is reserved, where no record stands; in the middle of the extension. */
static uint32_t beyond(void)
{
	return extension->producer_progress.reserved_units + 64 * KIB / 8 + 511;
}

/* All that may be in use is said to be reserved. */
static void claim_all(void)
{
	extension->producer_progress.reserved_units =
		extension->producer_progress.kept_units + (1024 - 64) * KIB / SMQ_UNIT;
}

static int push_on(const void *unused)
{
	struct shmemq *other;
	int pushed = 0;

	(void)unused;
	grow(SHMEMQ_SHARED);
	CHECK((other = open_end(SHMEMQ_PRODUCER | SHMEMQ_SHARED)) != NULL);
	fill_shm();
	claim_all();
	while (shmemq_timedpush(other, text, sizeof text, 1, 0) == 0)
		pushed++;
	CHECK(errno == EBADMSG && pushed < 1000);
	return 0;
}

TEST(shared_producer)
{
	child_run(push_on, NULL);
}

static int push_from_tail(const void *unused)
{
	struct shmemq *other;

	(void)unused;
	grow(SHMEMQ_SHARED);
	CHECK((other = open_end(SHMEMQ_PRODUCER | SHMEMQ_SHARED)) != NULL);
	fill_shm();
	extension->producer_progress.moved.position_units = beyond();
	claim_all();
	CHECK(shmemq_timedpush(other, text, sizeof text, 1, 0) == -1 && errno == EBADMSG);
	return 0;
}

TEST(tail_of_a_shared_producer)
{
	child_run(push_from_tail, NULL);
}

static int take_over(const void *unused)
{
	(void)unused;
	grow(0);
	CHECK(shmemq_close(producer) == 0);
	CHECK(header->producer_progress.extended == 1);
	fill_shm();
	extension->producer_progress.moved.position_units = beyond();
	claim_all();
	CHECK(open_end(SHMEMQ_PRODUCER) == NULL && errno == EBADMSG);
	return 0;
}

TEST(tail_of_a_new_producer)
{
	child_run(take_over, NULL);
}

/* Pops all that is in the ring. */
static void pop_ring(void)
{
	while (header->producer_progress.moved.position_units != header->consumer_progress.moved.position_units)
		CHECK(shmemq_timedpop(consumer, text, sizeof text, NULL, 0) == (ssize_t)sizeof text);
}

static int jump_beyond(const void *unused)
{
	(void)unused;
	grow(0);
	fill_shm();
	pop_ring();
	file_record(header, header->producer_progress.moved.position_units)->type = beyond();
	CHECK(shmemq_timedpop(consumer, text, sizeof text, NULL, 0) == -1 && errno == EBADMSG);
	return 0;
}

TEST(jump)
{
	child_run(jump_beyond, NULL);
}

static int pop_beyond(const void *unused)
{
	(void)unused;
	grow(SHMEMQ_SHARED);
	fill_shm();
	pop_ring();
	CHECK(shmemq_timedpop(consumer, text, sizeof text, NULL, 0) == (ssize_t)sizeof text);
	extension->consumer_progress.moved.position_units = beyond();
	CHECK(shmemq_timedpop(consumer, text, sizeof text, NULL, 0) == -1 && errno == EBADMSG);
	return 0;
}

TEST(head_of_a_shared_consumer)
{
	child_run(pop_beyond, NULL);
}

static int open_beyond(const void *unused)
{
	(void)unused;
	grow(0);
	fill_shm();
	pop_ring();
	CHECK(shmemq_timedpop(consumer, text, sizeof text, NULL, 0) == (ssize_t)sizeof text);
	CHECK(shmemq_close(consumer) == 0);
	extension->consumer_progress.moved.position_units = beyond();
	extension->producer_progress.moved.position_units = beyond();
	CHECK(open_end(SHMEMQ_CONSUMER) == NULL && errno == EBADMSG);
	return 0;
}

TEST(head_of_a_new_consumer)
{
	child_run(open_beyond, NULL);
}

const struct suite suite = {
	.name = "unit/unreserved",
	.seconds = 60,
	.needs = NEEDS_OWN_SHM,
	.tests = {
		{ shared_producer, 1, 0 },
		{ tail_of_a_shared_producer, 1, 0 },
		{ tail_of_a_new_producer, 1, 0 },
		{ jump, 1, 0 },
		{ head_of_a_shared_consumer, 1, 0 },
		{ head_of_a_new_consumer, 1, 0 },
	},
};
