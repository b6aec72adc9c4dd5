/* SPDX-License-Identifier: MIT */
/*
 * What other processes have in /dev/shm does the library no harm; the library does none to what is no queue, and a
 * consumer none to its producer.
 */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "suite.h"

static sigjmp_buf before_write;

static void leave_write(int signal)
{
	siglongjmp(before_write, signal);
}

/* Writes to memory that must not be writable. */
static void is_read_only(const void *memory)
{
	volatile unsigned char *byte = (volatile unsigned char *)(uintptr_t)memory;
	struct sigaction action = { .sa_handler = leave_write }, last;
	int caught;

	ck_assert_int_eq(sigaction(SIGSEGV, &action, &last), 0);
	caught = sigsetjmp(before_write, 1);
	if (caught == 0)
		*byte = 1;
	ck_assert_int_eq(sigaction(SIGSEGV, &last, NULL), 0);
	ck_assert_int_eq(caught, SIGSEGV);
}

/* In either mapping of the ring: of the messages, as large as a third of it, one goes over its end. */
TEST(a_consumer_cannot_write_to_the_ring)
{
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1), *consumer;
	size_t third = file_page() / 3, size;
	struct shmemq_msg msg;

	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	for (int i = 0; i < 4; i++) {
		const unsigned char *message;

		ck_assert_ptr_nonnull(shmemq_push_start(q, third));
		ck_assert_int_eq(shmemq_push_end(q, third, 0), 0);
		message = shmemq_pop_start(consumer, &size, NULL);
		ck_assert_uint_eq(size, third);
		is_read_only(message);
		is_read_only(message + third - 1);
		ck_assert_int_eq(shmemq_pop_end(consumer), 0);
	}
	ck_assert_int_eq(shmemq_push(q, "x", 1, 0), 0);
	ck_assert_int_eq(shmemq_popm_start(consumer, &msg, 1, 0), 1);
	is_read_only(msg.data);
	ck_assert_int_eq(shmemq_popm_end(consumer, 1), 0);
	ck_assert_int_eq(shmemq_close(q) | shmemq_close(consumer), 0);
}

/* All of it: the header page can be written, the two mappings of the ring cannot. With PREFAULT, too. */
TEST(a_consumer_maps_the_ring_read_only)
{
	const char *name = test_name();
	struct shmemq *q;

	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1)), 0);
	q = test_open(name, SHMEMQ_CONSUMER | (_i ? SHMEMQ_PREFAULT : 0), 0);
	ck_assert_uint_eq(file_mappings(name, "rw-s"), 1);
	ck_assert_uint_eq(file_mappings(name, "r--s"), 2);
	ck_assert_uint_eq(file_mappings(name, NULL), 3);
	ck_assert_int_eq(shmemq_close(q), 0);
}

/* So no file that is truncated is SIGBUS for it. */
TEST(an_observer_maps_nothing)
{
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1);
	struct shmemq_stat st;

	ck_assert_int_eq(shmemq_stat(q, &st), 0);
	ck_assert_uint_eq(file_mappings(name, NULL), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
}

/* An observer of a file that is cut off says so, and goes on when the rest is there again. */
TEST(an_observer_survives_a_truncation)
{
	static const struct {
		off_t bytes;
		bool identity; /* all of it */
	} cuts[] = { { 300, true }, { 129, true }, { 127, false }, { 1, false }, { 0, false } };
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1);
	unsigned char *header = malloc(file_page());
	int fd = open(file_path(name), O_RDWR | O_CLOEXEC);
	struct shmemq_attr attr;
	struct shmemq_stat st;

	ck_assert_int_eq(pread(fd, header, file_page(), 0), (ssize_t)file_page());
	for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
		ck_assert_int_eq(ftruncate(fd, cuts[i].bytes), 0);
		ck_fails(shmemq_stat(q, &st), EBADMSG);
		if (cuts[i].identity)
			ck_assert_int_eq(shmemq_getattr(q, &attr), 0);
		else
			ck_fails(shmemq_getattr(q, &attr), EBADMSG);
	}
	ck_assert_int_eq(pwrite(fd, header, file_page(), 0), (ssize_t)file_page());
	ck_assert_int_eq(shmemq_stat(q, &st) | shmemq_getattr(q, &attr), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
	close(fd);
	free(header);
}

/* What stands in the file now is another queue's, or none's. */
TEST(an_observer_knows_its_queue)
{
	static const size_t words[] = {
		offsetof(struct smq_identity, magic[0]),
		offsetof(struct smq_identity, magic[1]),
		offsetof(struct smq_identity, id),
		offsetof(struct smq_identity, id) + 4,
	};
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1);
	unsigned char *file = (unsigned char *)file_map(name);
	struct shmemq_attr attr;
	struct shmemq_stat st;

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		file[words[i]] ^= 1;
		ck_fails(shmemq_stat(q, &st), EBADMSG);
		ck_fails(shmemq_getattr(q, &attr), EBADMSG);
		file[words[i]] ^= 1;
		ck_assert_int_eq(shmemq_stat(q, &st) | shmemq_getattr(q, &attr), 0);
	}
	file_unmap((struct smq_header *)(void *)file);
	ck_assert_int_eq(shmemq_close(q), 0);
}

static const unsigned ways_to_open[] = { SHMEMQ_OBSERVER, SHMEMQ_PRODUCER | SHMEMQ_CREATE, SHMEMQ_CONSUMER };

#define WAYS (sizeof ways_to_open / sizeof ways_to_open[0])

static int write_to_fifo(const void *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0 && write(fd, "x", 1) == 1);
	return 0;
}

/*
 * A process waits for a reader of its FIFO. If any of these calls opened it, that process would go on, and lose what it
 * writes, or be killed by SIGPIPE. Again and again, since nothing says when the process has begun to wait.
 */
static void spare_a_waiting_writer(void)
{
	const char *name = test_name();
	pid_t writer;
	char byte;
	int fd;

	CHECK(mkfifo(file_path(name), 0600) == 0);
	writer = child_start(write_to_fifo, file_path(name));
	for (int i = 0; i < 50; i++) {
		for (size_t way = 0; way < WAYS; way++)
			CHECK(shmemq_open(name, ways_to_open[way], 0600, NULL) == NULL && errno == EPROTO);
		CHECK(shmemq_unlink(name) == -1 && errno == EPROTO);
		test_sleep(1 * MS);
	}
	fd = open(file_path(name), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	CHECK(test_wait(writer) == 0);
	CHECK(read(fd, &byte, 1) == 1 && byte == 'x');
	close(fd);
}

TEST(a_fifo_is_not_opened)
{
	spare_a_waiting_writer();
}

/* As without /proc: what is opened is compared with what was looked at. */
static int open_without_proc(const void *name)
{
	struct shmemq *q;

	if (!child_hide_proc())
		return CHILD_SKIP;
	for (size_t way = 0; way < WAYS; way++) {
		CHECK((q = shmemq_open(name, ways_to_open[way], 0600, NULL)) != NULL);
		CHECK(shmemq_close(q) == 0);
	}
	CHECK(shmemq_unlink(name) == 0);
	CHECK(shmemq_open(name, SHMEMQ_OBSERVER, 0, NULL) == NULL && errno == ENOENT);
	spare_a_waiting_writer();
	return 0;
}

TEST(proc_is_not_needed)
{
	const char *name = test_name();

	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1)), 0);
	child_run(open_without_proc, name);
}

const struct suite suite = {
	.name = "api/harmless",
	.seconds = 60,
	.tests = {
		{ a_consumer_cannot_write_to_the_ring, 1, 0 },
		{ a_consumer_maps_the_ring_read_only, 2, NEEDS_PROC },
		{ an_observer_maps_nothing, 1, NEEDS_PROC },
		{ an_observer_survives_a_truncation, 1, 0 },
		{ an_observer_knows_its_queue, 1, 0 },
		{ a_fifo_is_not_opened, 1, 0 },
		{ proc_is_not_needed, 1, 0 },
	},
};
