/* SPDX-License-Identifier: MIT */
/* A follower of a queue with an extension, made by hand: it goes where the producer goes, over jumps. */
#include "config.h"

#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"
#include "place.h"
#include "suite.h"
#include "traffic.h"

#define SIZE 56u

static struct memory memory[2]; /* one file: the header, and both rings */
static struct smq_ring ring[2];
static struct smq_follower follower;
static int fd, now; /* in which ring the producer is */
static uint32_t pushed;
static unsigned char buffer[4096];

static void *map_ring(size_t bytes, off_t offset)
{
	int access = PROT_READ | PROT_WRITE;
	unsigned char *at = mmap(NULL, 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert(at != MAP_FAILED);
	ck_assert(mmap(at, bytes, access, MAP_SHARED | MAP_FIXED, fd, offset) != MAP_FAILED);
	ck_assert(mmap(at + bytes, bytes, access, MAP_SHARED | MAP_FIXED, fd, offset) != MAP_FAILED);
	return at;
}

/* No consumer: each push finds the ring empty. */
static struct smq_ring attach(int which)
{
	struct smq_header *header = memory[which].header;

	header->consumer_progress.moved.position_units = header->producer_progress.moved.position_units;
	return memory_produce(&memory[which]);
}

static void begin(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct smq_header *header;

	fd = memfd_create("shmemq-test", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(fd, (off_t)(4 * page)), 0);
	header = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert(header != MAP_FAILED);
	header->identity = (struct smq_identity){ .magic = { SMQ_MAGIC_0, SMQ_MAGIC_1 },
						  .header_bytes = (uint32_t)page,
						  .capacity = page,
						  .capacity_max = 2 * page,
						  .id = 77,
						  .alignment = 8 };
	memory[0] = (struct memory){ header, map_ring(page, (off_t)page), page, 8 };
	memory[1] = (struct memory){ smq_extension_of(header), map_ring(2 * page, (off_t)(2 * page)), 2 * page, 8 };
	ring[0] = attach(0);
	ring[1] = attach(1);
	smq_follower_init(&follower, &header->identity);
	ck_assert_int_eq(smq_place_newest(&follower, fd), SMQ_READY);
}

static void push(void)
{
	struct smq_ring *to = &ring[now];
	uint32_t units = smq_record_units(to, SIZE);

	to->head = to->position;
	if (!smq_ring_fits(to, units))
		smq_ring_announce(to, units, ring[!now].messages_lo);
	traffic_fill(smq_message_at(to, to->position), SIZE, pushed);
	smq_ring_commit(to, SIZE, pushed);
	pushed++;
}

/* As the format says: the target, the jump, the other ring's tail, and in which ring the producer is. */
static void jump_to(uint32_t target)
{
	struct smq_ring *from = &ring[now], *to = &ring[!now];
	struct smq_record *record = smq_record_at(from, from->position);

	if (!smq_ring_fits(from, 1))
		smq_ring_announce(from, 1, to->messages_lo);
	smq_record_at(to, target)->size_plus_1 = 0;
	record->type = target;
	record->size_plus_1 = SMQ_JUMP;
	to->position = target;
	to->moved->position_units = target;
	now = !now;
	memory[0].header->producer_progress.extended = (uint32_t)now;
}

static void jump(void)
{
	jump_to(ring[!now].position + 1);
}

/* The message with this number, whole. */
static void expect(uint32_t number)
{
	uint32_t size, type;

	ck_assert_int_eq(smq_follower_peek(&follower, fd, &size), SMQ_READY);
	ck_assert_uint_eq(size, SIZE);
	ck_assert_uint_eq(follower.number, number);
	ck_assert_int_eq(smq_follower_take(&follower, fd, buffer, size, &type), SMQ_READY);
	ck_assert_uint_eq(type, number);
	ck_assert(traffic_filled(buffer, SIZE, number));
}

static enum smq_ring_status look(void)
{
	uint32_t size;

	return smq_follower_peek(&follower, fd, &size);
}

/* There and back many times, over both rings' ends, right after the producer or far after it. */
TEST(follows)
{
	uint32_t next = 0;

	begin();
	for (uint32_t i = 0; i < 2000; i++) {
		push();
		if (i % 3 == 0)
			jump();
		if (_i == 0 || pushed - next == 10)
			while (next < pushed)
				expect(next++);
	}
	while (next < pushed)
		expect(next++);
	ck_assert_int_eq(look(), SMQ_NOT_YET);
}

/* The oldest message of both rings, and then all others in order. */
TEST(oldest_of_both)
{
	begin();
	for (int i = 0; i < 30; i++)
		push();
	jump();
	for (int i = 0; i < 40; i++)
		push();
	jump();
	for (int i = 0; i < 10; i++)
		push();
	ck_assert_int_eq(smq_place_oldest(&follower, fd, 0), SMQ_READY);
	for (uint32_t i = 0; i < pushed; i++)
		expect(i);
	/* And not before a number that is asked for. */
	ck_assert_int_eq(smq_place_oldest(&follower, fd, 35), SMQ_READY);
	ck_assert_uint_ge(follower.number, 35);
	ck_assert_uint_le(follower.number, 35 + 8);
	for (uint32_t i = (uint32_t)follower.number; i < pushed; i++)
		expect(i);
}

/* The newest and its number, wherever the producer is, and however soon after a jump. */
TEST(newest)
{
	begin();
	for (uint32_t i = 0; i < 300; i++) {
		push();
		ck_assert_int_eq(smq_place_newest(&follower, fd), SMQ_READY);
		ck_assert_uint_eq(follower.number, pushed);
		if (i % 7 == 0)
			jump();
		ck_assert_int_eq(smq_place_newest(&follower, fd), SMQ_READY);
		ck_assert_uint_eq(follower.number, pushed);
		push();
		expect(pushed - 1);
	}
}

/* The place that a jump leads to has been written over since. */
TEST(overtaken_after_a_jump)
{
	begin();
	push();
	expect(0);
	jump();
	push();
	jump();
	for (int i = 0; i < 200; i++)
		push();
	ck_assert_int_eq(look(), SMQ_OVERTAKEN);
	ck_assert_int_eq(smq_place_oldest(&follower, fd, follower.popped), SMQ_READY);
	/* What is intact in the extension comes first, and then the follower is overtaken again. */
	expect(1);
	ck_assert_int_eq(look(), SMQ_OVERTAKEN);
	ck_assert_int_eq(smq_place_oldest(&follower, fd, follower.popped), SMQ_READY);
	for (uint32_t i = (uint32_t)follower.number; i < pushed; i++)
		expect(i);
	ck_assert_int_eq(look(), SMQ_NOT_YET);
}

/* Jumps that lead nowhere, or to each other: SMQ_BAD, and soon. */
TEST(hostile_jumps)
{
	begin();
	push();
	expect(0);
	if (_i == 0) {
		uint32_t there = ring[0].position;

		jump_to(ring[1].position + 1);
		jump_to(there);
		smq_record_at(&ring[0], there)->size_plus_1 = SMQ_JUMP; /* to each other */
		ck_assert_int_eq(look(), SMQ_BAD);
	} else if (_i == 1) {
		jump_to(1u << 20); /* nowhere */
		ck_assert_int_eq(look(), SMQ_OVERTAKEN);
		/* There is nothing else: it does not go back, but on at the tail. */
		ck_assert_int_eq(smq_place_oldest(&follower, fd, follower.popped), SMQ_READY);
		ck_assert_uint_eq(follower.number, 1);
	} else {
		follower.rings = 1; /* of a queue without an extension */
		jump();
		ck_assert_int_eq(look(), SMQ_BAD);
	}
}

/* A record and a jump, in each ring, that lead round and round: a search for the tail ends, and soon. */
TEST(hostile_circle)
{
	uint32_t first;

	begin();
	first = ring[0].position;
	push();
	jump();
	push();
	jump_to(first);
	smq_record_at(&ring[0], first)->size_plus_1 = SIZE + 1;         /* it stands there still */
	memory[0].header->producer_progress.moved.position_units += 30; /* which no record leads to */
	ck_assert_int_ne(_i == 0 ? smq_place_newest(&follower, fd) : smq_place_number(&follower, fd, 1000),
			 SMQ_NOT_YET);
}

const struct suite suite = {
	.name = "unit/follow_jump",
	.seconds = 60,
	.tests = {
		{ follows, 2, 0 },
		{ oldest_of_both, 1, 0 },
		{ newest, 1, 0 },
		{ overtaken_after_a_jump, 1, 0 },
		{ hostile_jumps, 3, 0 },
		{ hostile_circle, 2, 0 },
	},
};
