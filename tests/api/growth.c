/* SPDX-License-Identifier: MIT */
/* A queue that may grow: to capacity_max and not beyond, and back; its memory; all calls across a switch. */
#include "config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "suite.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

static const char *name;
static struct shmemq *producer, *consumer;
static struct shmemq_attr attr;
static uint32_t pushed, popped; /* messages so far */

static void make(struct shmemq_attr asked, unsigned flags)
{
	name = test_name();
	pushed = popped = 0;
	producer = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE | flags, 0600, &asked);
	ck_assert_ptr_nonnull(producer);
	consumer = test_open(name, SHMEMQ_CONSUMER | flags, 0);
	ck_assert_int_eq(shmemq_getattr(consumer, &attr), 0);
}

static void make_growing(uint64_t capacity, uint64_t capacity_max)
{
	make((struct shmemq_attr){ .capacity = capacity, .capacity_max = capacity_max }, 0);
}

static void leave(void)
{
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer) | shmemq_unlink(name), 0);
}

/* Bytes of memory that the queue has beside its header page. */
static uint64_t used(void)
{
	struct stat st;

	ck_assert_int_eq(stat(file_path(name), &st), 0);
	return (uint64_t)st.st_blocks * 512 - file_page();
}

static struct shmemq_stat state(void)
{
	struct shmemq_stat st;

	ck_assert_int_eq(shmemq_stat(consumer, &st), 0);
	return st;
}

/* Pushes a message of `size` bytes that tells its number, by each call in turn; false: full. */
static bool push(size_t size)
{
	static unsigned char bytes[65536];
	struct iovec iov = { bytes, size };
	struct shmemq_msg msg = { bytes, size, pushed, 0 };
	int result;

	memset(bytes, (int)pushed, size);
	if (pushed % 4 == 0) {
		result = shmemq_timedpush(producer, bytes, size, pushed, 0);
	} else if (pushed % 4 == 1) {
		result = shmemq_timedpushv(producer, &iov, 1, pushed, 0);
	} else if (pushed % 4 == 2) {
		result = shmemq_pushm(producer, &msg, 1, 0) == 1 ? 0 : -1;
	} else {
		void *at = shmemq_timedpush_start(producer, size, 0);

		result = at == NULL ? -1 : 0;
		if (at != NULL) {
			memcpy(at, bytes, size);
			ck_assert_int_eq(shmemq_push_end(producer, size, pushed), 0);
		}
	}
	if (result != 0 && errno == EAGAIN)
		return false;
	ck_assert_msg(result == 0, "push: %s", strerror(errno));
	pushed++;
	return true;
}

static void check(const unsigned char *at, size_t size, uint32_t type)
{
	ck_assert_uint_eq(type, popped);
	for (size_t i = 0; i < size; i++)
		ck_fast(at[i] == (unsigned char)popped);
	popped++;
}

/* Pops what is there, by each call in turn: at most `most` calls. */
static void pop(unsigned most)
{
	static unsigned char bytes[65536];
	struct shmemq_msg msgs[5];
	const void *at;
	uint32_t type;
	size_t size;
	ssize_t got;

	for (unsigned i = 0; i < most; i++) {
		errno = 0;
		if (i % 3 == 0) {
			got = shmemq_timedpop(consumer, bytes, sizeof bytes, &type, 0);
			if (got >= 0)
				check(bytes, (size_t)got, type);
		} else if (i % 3 == 1) {
			at = shmemq_timedpop_start(consumer, &size, &type, 0);
			if (at != NULL)
				check(at, size, type);
			if (at != NULL)
				ck_assert_int_eq(shmemq_pop_end(consumer), 0);
		} else {
			got = shmemq_popm_start(consumer, msgs, 5, 0);
			for (ssize_t j = 0; j < got; j++)
				check(msgs[j].data, msgs[j].size, msgs[j].type);
			if (got > 0)
				ck_assert_int_eq(shmemq_popm_end(consumer, (unsigned)got), 0);
		}
		if (errno != 0)
			ck_assert_int_eq(errno, EAGAIN);
		if (errno == EAGAIN)
			break;
	}
}

static void drain(void)
{
	pop(UINT32_MAX);
	ck_assert_uint_eq(popped, pushed);
}

/* A lap of messages that are popped at once. */
static void go_once_around(void)
{
	for (uint64_t bytes = 0; bytes <= attr.capacity + attr.capacity / 32; bytes += 256) {
		ck_fast(push(240));
		drain();
	}
}

/* A push never waits before the queue has about capacity_max bytes, and what it has got never exceeds that. */
TEST(grows_to_capacity_max_and_back)
{
	make_growing(64 * KIB, 4 * MIB);
	ck_assert_uint_eq(used(), 64 * KIB);
	for (int burst = 0; burst < 3; burst++) {
		uint64_t most = 0;

		while (push(1000)) {
			ck_fast(used() <= attr.capacity_max);
			most = state().reserved_bytes;
			ck_fast(used() <= most && most <= attr.capacity_max);
		}
		ck_assert_uint_ge(state().queued_bytes, 4 * MIB - file_page() - 4 * 1008);
		ck_assert_uint_eq(state().queued_messages, pushed - popped);
		ck_assert_uint_ge(used(), 4 * MIB - 2 * file_page());
		drain();
		ck_assert_uint_eq(state().queued_messages, 0);
		go_once_around();
		ck_assert_uint_eq(used(), 64 * KIB);
		ck_assert_uint_eq(state().reserved_bytes, 64 * KIB);
		ck_assert_uint_eq(state().reserved_bytes_most, most);
	}
	ck_assert_uint_eq(state().pushed_messages, pushed);
	ck_assert_uint_eq(state().popped_messages, popped);
	ck_assert_uint_eq(state().pushed_bytes, state().popped_bytes);
	leave();
}

/* Random bursts and pops, with each alignment and in the smallest queues: order, bytes, memory. */
TEST(bursts)
{
	static const struct shmemq_attr shapes[] = {
		{ .capacity = 4096, .capacity_max = 8192 },
		{ .capacity = 4096, .capacity_max = 16384, .alignment = 1024 },
		{ .capacity = 16384, .capacity_max = 32768, .alignment = 4096 },
		{ .capacity = 4096, .capacity_max = 65536, .alignment = 64, .messages_max = 100 },
		{ .capacity = 65536, .capacity_max = 1 << 20 },
	};
	uint64_t random = test_seed();
	int64_t end = test_now() + TEST_BOX / 5;

	make(shapes[_i % 5], _i / 5 ? SHMEMQ_SHARED : 0);
	for (int round = 0; round < TEST_PART(1000) && test_now() < end; round++) {
		uint64_t most = attr.message_max < 60000 ? attr.message_max : 60000;

		random = random * 6364136223846793005u + 1442695040888963407u;
		for (uint64_t i = random >> 33 & 255; i != 0; i--) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			if (!push((random >> 33) % (random >> 60 ? 300 : most + 1)))
				break;
			ck_fast(used() <= attr.capacity_max);
			ck_fast(attr.messages_max == 0 || pushed - popped <= attr.messages_max);
		}
		ck_assert_uint_eq(state().queued_messages, pushed - popped);
		pop(round % 4 == 0 ? UINT32_MAX : (unsigned)(random >> 40 & 255));
	}
	drain();
	leave();
}

/* Any message up to message_max fits an empty queue, wherever its ends stand, whether or not the consumer looks. */
TEST(largest_message)
{
	unsigned char *bytes;

	make_growing(4096, _i == 0 ? 8192 : 65536);
	bytes = calloc(1, attr.message_max + 1);
	ck_fails(shmemq_timedpush(producer, bytes, attr.message_max + 1, 0, 0), EMSGSIZE);
	for (uint32_t i = 0; i < 3000; i++) {
		size_t small = i * 7 % 1000;

		ck_fast(shmemq_timedpush(producer, bytes, small, 0, 0) == 0);
		ck_fast(shmemq_timedpop(consumer, bytes, small, NULL, 0) == (ssize_t)small);
		ck_fast(shmemq_timedpush(producer, bytes, attr.message_max, i, 0) == 0);
		ck_fast(shmemq_timedpop(consumer, bytes, attr.message_max, NULL, 0) == (ssize_t)attr.message_max);
	}
	free(bytes);
	leave();
}

/* A batch ends where the producer went to the other ring; a push of many goes on there. */
TEST(batches)
{
	struct shmemq_msg in[200], out[200];
	static char bytes[100];
	int first, second;

	for (uint32_t i = 0; i < 200; i++)
		in[i] = (struct shmemq_msg){ bytes, sizeof bytes, i, 0 };
	make_growing(4096, 65536);
	for (uint32_t i = 0; i < 200; i++)
		in[i].data = bytes;
	ck_assert_int_eq(shmemq_pushm(producer, in, 200, 0), 200);
	first = shmemq_popm_start(consumer, out, 200, 0);
	ck_assert(first >= 30 && first < 40);
	for (int i = 0; i < first; i++)
		ck_assert_uint_eq(out[i].type, (unsigned)i);
	ck_assert_int_eq(shmemq_popm_end(consumer, (unsigned)first), 0);
	second = shmemq_popm_start(consumer, out, 200, 0);
	ck_assert_int_eq(first + second, 200);
	for (int i = 0; i < second; i++)
		ck_assert_uint_eq(out[i].type, (unsigned)(first + i));
	ck_assert_int_eq(shmemq_popm_end(consumer, (unsigned)second), 0);
	leave();
}

/* A consumer that leaves with messages gets them again in either ring, marked up to the last that was handed out. */
TEST(redelivery)
{
	uint32_t type, first = 0;
	size_t size;

	make_growing(4096, 65536);
	while (state().queued_bytes < 20000)
		ck_assert(push(100));
	while (popped < pushed) {
		struct shmemq_msg msgs[7];
		int held = shmemq_popm_start(consumer, msgs, 7, 0);

		ck_assert_int_gt(held, 0);
		first = popped;
		ck_assert_uint_eq(msgs[0].type, first);
		ck_assert_int_eq(shmemq_close(consumer), 0);
		consumer = test_open(name, SHMEMQ_CONSUMER, 0);
		for (int i = 0; i < held; i++) {
			ck_assert_ptr_nonnull(shmemq_timedpop_start(consumer, &size, &type, 0));
			ck_assert_uint_eq(type, first + (unsigned)i);
			ck_assert_int_eq(shmemq_redelivered(consumer), 1);
			ck_assert_int_eq(shmemq_pop_end(consumer), 0);
			popped++;
		}
		if (popped < pushed) {
			ck_assert_ptr_nonnull(shmemq_timedpop_start(consumer, &size, &type, 0));
			ck_assert_int_eq(shmemq_redelivered(consumer), 0);
			ck_assert_int_eq(shmemq_pop_end(consumer), 0);
			popped++;
		}
	}
	leave();
}

/* A new producer, and a closing one, give back what is not needed; what is queued stays. */
TEST(gives_back_at_open_and_close)
{
	make_growing(64 * KIB, 4 * MIB);
	for (int i = 0; i < 2; i++) {
		while (push(4000))
			;
		ck_assert_uint_ge(used(), 4 * MIB - 2 * file_page());
		pop(100);
		ck_assert_int_eq(shmemq_close(producer), 0);
		producer = test_open(name, SHMEMQ_PRODUCER, 0);
		drain();
		ck_assert_int_eq(shmemq_close(producer), 0);
		ck_assert_uint_le(used(), 64 * KIB + 2 * file_page());
		ck_fails(shmemq_timedpop(consumer, NULL, 0, NULL, 0), EPIPE);
		producer = test_open(name, SHMEMQ_PRODUCER, 0);
		ck_assert_uint_eq(used(), 64 * KIB);
		ck_assert_uint_eq(state().reserved_bytes, 64 * KIB);
	}
	leave();
}

/* A new producer looks at nothing that was given back: that alone would be memory that nobody knows of. */
TEST(an_open_takes_no_memory)
{
	make_growing(4 * KIB, 4 * MIB);
	for (unsigned i = 0; i < 100; i++) {
		while (pushed % 1000 < 5 + i * 9)
			ck_fast(push(1000));
		while (pushed - popped > 3)
			pop(1);
		ck_assert_int_eq(shmemq_close(producer), 0);
		producer = test_open(name, SHMEMQ_PRODUCER, 0);
		ck_assert_uint_eq(used(), state().reserved_bytes);
		drain();
		pushed = popped = (i + 1) * 1000;
	}
	leave();
}

static int fill_small_shm(const void *argument)
{
	struct shmemq_attr small = { .capacity = 64 * KIB, .capacity_max = 64 * MIB };
	static char text[10000];
	int junk;
	char c = 0;

	(void)argument;
	CHECK(child_own_shm("size=1m"));
	CHECK((producer = shmemq_open("/q", SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &small)) != NULL);
	CHECK((consumer = shmemq_open("/q", SHMEMQ_CONSUMER, 0, NULL)) != NULL);
	for (int round = 0; round < 3; round++) {
		unsigned in = 0, more = 0, out = 0;

		/* No memory is as good as full; and as soon as there is some, the queue goes on. */
		CHECK((junk = open("/dev/shm/junk", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) >= 0);
		for (int i = 0; i < 60 + 20 * round; i++)
			CHECK(pwrite(junk, &c, 1, i * 4096) == 1 || errno == ENOSPC);
		while (shmemq_timedpush(producer, text, sizeof text, in, 0) == 0)
			in++;
		CHECK(errno == EAGAIN && in >= 10 && in < 100);
		CHECK(shmemq_timedpush(producer, text, sizeof text, 0, 20 * MS) == -1 && errno == ETIMEDOUT);
		CHECK(unlink("/dev/shm/junk") == 0 && close(junk) == 0);
		for (int i = 0; i < 100; i++) {
			if (shmemq_timedpush(producer, text, sizeof text, in + more, 300 * MS) != 0)
				break;
			more++;
		}
		CHECK(errno == ETIMEDOUT && more >= 20);
		while (out < in + more) {
			uint32_t type;

			CHECK(shmemq_timedpop(consumer, text, sizeof text, &type, 0) == (ssize_t)sizeof text);
			CHECK(type == out++);
		}
		CHECK(shmemq_timedpop(consumer, text, sizeof text, NULL, 0) == -1 && errno == EAGAIN);
		for (int i = 0; i < 20; i++) { /* more than a lap of the ring: the memory is given back */
			CHECK(shmemq_timedpush(producer, text, sizeof text, 0, 0) == 0);
			CHECK(shmemq_timedpop(consumer, text, sizeof text, NULL, 0) == (ssize_t)sizeof text);
		}
	}
	CHECK(shmemq_close(producer) == 0 && shmemq_close(consumer) == 0 && shmemq_unlink("/q") == 0);
	CHECK(child_shm_is_empty());
	return 0;
}

TEST(no_memory)
{
	child_run(fill_small_shm, NULL);
}

/* 64 MiB at once, in a queue that rests at 1 MiB; the same without a name, sealed. */
TEST(large)
{
	static char bytes[1000000];
	struct shmemq_attr asked = { .capacity_max = 64 * MIB };

	name = NULL;
	if (_i == 0) {
		make(asked, 0);
	} else {
		int fd = shmemq_memfd(&asked);

		ck_assert_int_ge(fd, 0);
		producer = test_fdopen(fd, SHMEMQ_PRODUCER);
		consumer = test_fdopen(fd, SHMEMQ_CONSUMER | SHMEMQ_PREFAULT);
		ck_assert_int_eq(shmemq_getattr(consumer, &attr), 0);
		close(fd);
	}
	ck_assert_uint_eq(attr.message_max, 63 * MIB - file_page() - 16);
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 60; i++)
			ck_assert_int_eq(shmemq_timedpush(producer, bytes, sizeof bytes, i, 0), 0);
		ck_assert_uint_ge(state().reserved_bytes, 60000000);
		for (uint32_t i = 0, type; i < 60; i++) {
			ck_assert_int_eq(shmemq_timedpop(consumer, bytes, sizeof bytes, &type, 0), 1000000);
			ck_assert_uint_eq(type, i);
		}
	}
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer), 0);
	if (name != NULL)
		ck_assert_int_eq(shmemq_unlink(name), 0);
}

/* Many ends by turns: each finds the ring that the others have gone to. */
TEST(shared_ends)
{
	struct shmemq *producers[3], *consumers[3];

	make((struct shmemq_attr){ .capacity = 4096, .capacity_max = 65536 }, SHMEMQ_SHARED);
	for (int i = 0; i < 3; i++) {
		producers[i] = i == 0 ? producer : test_open(name, SHMEMQ_PRODUCER | SHMEMQ_SHARED, 0);
		consumers[i] = i == 0 ? consumer : test_open(name, SHMEMQ_CONSUMER | SHMEMQ_SHARED, 0);
	}
	for (unsigned i = 0; i < 300; i++) {
		for (unsigned j = 0; j < i; j++) {
			producer = producers[(i + j * j) % 3];
			ck_assert(push(j % 700) || j > 100);
		}
		for (unsigned j = 0; j < 40 && popped != pushed; j++) {
			consumer = consumers[(i * j) % 3];
			pop(i % 20 + 1);
		}
		ck_assert_uint_eq(state().queued_messages, pushed - popped);
	}
	drain();
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(shmemq_close(producers[i]) | shmemq_close(consumers[i]), 0);
	ck_assert_int_eq(shmemq_unlink(name), 0);
}

/* A producer that waits for the extension, which a consumer leaves without popping anything, is woken by that. */
static int push_largest(const void *argument)
{
	struct shmemq *q = shmemq_open(argument, SHMEMQ_PRODUCER, 0, NULL);
	struct shmemq_attr of;
	void *at;

	CHECK(q != NULL && shmemq_getattr(q, &of) == 0);
	for (int i = 0; i < 2000; i++) {
		size_t size = i % 3 == 0 ? 500 : of.message_max - (size_t)(i % 3);

		CHECK((at = shmemq_push_start(q, size)) != NULL);
		memset(at, i, size);
		CHECK(shmemq_push_end(q, size, (uint32_t)i) == 0);
	}
	CHECK(shmemq_close(q) == 0);
	return 0;
}

TEST(waits_and_is_woken)
{
	pid_t pid;

	make_growing(4096, 32768);
	ck_assert_int_eq(shmemq_close(producer), 0);
	pid = child_start(push_largest, name);
	for (uint32_t i = 0, type; i < 2000; i++) {
		size_t size;
		const unsigned char *at;

		do
			at = shmemq_pop_start(consumer, &size, &type);
		while (at == NULL && errno == EPIPE && i == 0);
		ck_fast(at != NULL && type == i && at[0] == (unsigned char)i && at[size - 1] == (unsigned char)i);
		ck_assert_int_eq(shmemq_pop_end(consumer), 0);
	}
	ck_assert_int_eq(test_wait(pid), 0);
	ck_assert_int_eq(shmemq_close(consumer) | shmemq_unlink(name), 0);
}

/* Where there are not enough addresses, as for both mappings of 8 GiB on a 32-bit machine. */
static int map_too_much(const void *argument)
{
	if (!child_limit_addresses(16 * MIB))
		return CHILD_SKIP;
	CHECK(shmemq_open(argument, SHMEMQ_PRODUCER, 0, NULL) == NULL && errno == ENOMEM);
	CHECK(shmemq_open(argument, SHMEMQ_OBSERVER, 0, NULL) != NULL);
	return 0;
}

TEST(addresses)
{
	make_growing(64 * KIB, 64 * MIB);
	ck_assert_int_eq(shmemq_close(producer), 0);
	if (!TEST_SANITIZED)
		child_run(map_too_much, name);
	ck_assert_int_eq(shmemq_close(consumer) | shmemq_unlink(name), 0);
}

/* messages_max, in a ring that does not grow: many laps go by before so many have been pushed. */
TEST(messages_max_of_large_messages)
{
	make((struct shmemq_attr){ .capacity = 4096, .messages_max = 100 }, _i == 0 ? 0 : SHMEMQ_SHARED);
	for (int i = 0; i < 1000; i++) {
		ck_fast(push(1000 - (size_t)i % 7 * 100));
		if (i % 3 != 0)
			pop(1);
		if (i % 3 == 2)
			drain();
	}
	drain();
	while (push(0))
		;
	ck_assert_uint_eq(pushed - popped, 100);
	leave();
}

const struct suite suite = {
	.name = "api/growth",
	.seconds = 300,
	.test_seconds = 60,
	.tests = {
		{ grows_to_capacity_max_and_back, 1, 0 },
		{ bursts, 10, 0 },
		{ largest_message, 2, 0 },
		{ batches, 1, 0 },
		{ redelivery, 1, 0 },
		{ gives_back_at_open_and_close, 1, 0 },
		{ an_open_takes_no_memory, 1, 0 },
		{ no_memory, 1, NEEDS_OWN_SHM },
		{ large, 2, NEEDS_PROC },
		{ shared_ends, 1, 0 },
		{ waits_and_is_woken, 1, 0 },
		{ addresses, 1, 0 },
		{ messages_max_of_large_messages, 2, 0 },
	},
};
