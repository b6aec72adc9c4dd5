/* SPDX-License-Identifier: MIT */
/* Ends that are opened by descriptor: which descriptors will do, and whichever way one comes. */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "suite.h"

TEST(refuses_wrong_arguments)
{
	int fd = test_memfd(1);
	const unsigned wrong[] = { 0,
				   SHMEMQ_PRODUCER | SHMEMQ_CONSUMER,
				   SHMEMQ_PRODUCER | SHMEMQ_CREATE,
				   SHMEMQ_PRODUCER | SHMEMQ_CREATE | SHMEMQ_EXCL,
				   SHMEMQ_PRODUCER | SHMEMQ_EXCL,
				   SHMEMQ_OBSERVER | SHMEMQ_STAY,
				   SHMEMQ_PRODUCER | 0x80000000u };

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		ck_fails(shmemq_fdopen(fd, wrong[i]), EINVAL);
	close(fd);
	ck_fails(shmemq_fdopen(fd, SHMEMQ_PRODUCER), EBADF);
	ck_fails(shmemq_fdopen(-1, SHMEMQ_PRODUCER), EBADF);
}

/* A file that could shrink under the mapping, and what is no queue. */
TEST(refuses_what_can_shrink_or_is_no_queue)
{
	unsigned char bytes[4096];
	int whole = test_memfd(1), open_one = memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING), ends[2];
	struct stat st;

	ck_assert_int_eq(fstat(whole, &st), 0);
	ck_assert(open_one >= 0 && pread(whole, bytes, sizeof bytes, 0) == sizeof bytes);
	ck_assert_int_eq(ftruncate(open_one, st.st_size), 0);
	ck_assert(pwrite(open_one, bytes, sizeof bytes, 0) == sizeof bytes);
	ck_fails(shmemq_fdopen(open_one, SHMEMQ_PRODUCER), EPROTO);
	ck_assert_int_eq(fcntl(open_one, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	ck_assert_int_eq(shmemq_close(test_fdopen(open_one, SHMEMQ_PRODUCER)), 0); /* nothing else was wrong with it */
	ck_assert_int_eq(fcntl(open_one, F_ADD_SEALS, F_SEAL_WRITE), 0);
	ck_fails(shmemq_fdopen(open_one, SHMEMQ_PRODUCER), EACCES);
	close(open_one);

	open_one = memfd_create("short", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_eq(ftruncate(open_one, st.st_size - 1), 0);
	ck_assert(pwrite(open_one, bytes, sizeof bytes, 0) == sizeof bytes);
	ck_assert_int_eq(fcntl(open_one, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	ck_fails(shmemq_fdopen(open_one, SHMEMQ_PRODUCER), EPROTO);
	close(open_one);

	ck_assert_int_eq(pipe(ends), 0);
	ck_fails(shmemq_fdopen(ends[0], SHMEMQ_CONSUMER), EPROTO);
	close(ends[0]);
	close(ends[1]);
	ends[0] = open("/dev/shm", O_RDONLY | O_DIRECTORY);
	ck_fails(shmemq_fdopen(ends[0], SHMEMQ_CONSUMER), EPROTO);
	close(ends[0]);
	close(whole);
}

/* By name and by descriptor the claims are the same. A queue without its name can still be opened by descriptor. */
TEST(opens_a_queue_with_a_name)
{
	const char *name = test_name();
	struct shmemq *producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1), *consumer;
	int fd;

	fd = open(file_path(name), O_RDONLY | O_CLOEXEC);
	ck_fails(shmemq_fdopen(fd, SHMEMQ_PRODUCER), EBUSY);
	consumer = test_fdopen(fd, SHMEMQ_CONSUMER);
	ck_fails(shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL), EBUSY);
	ck_assert_int_eq(shmemq_push(producer, NULL, 0, 0), 0);
	ck_assert_int_eq(shmemq_close(consumer), 0);
	ck_assert_int_eq(shmemq_unlink(name), 0);
	consumer = test_fdopen(fd, SHMEMQ_CONSUMER);
	ck_assert_int_eq(shmemq_timedpop(consumer, NULL, 0, NULL, 0), 0);
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer) | close(fd), 0);
}

static int inherited;

static int hold_producer(const void *killed)
{
	struct shmemq *q = shmemq_fdopen(inherited, SHMEMQ_PRODUCER);

	CHECK(q != NULL && shmemq_push(q, "last", 4, 0) == 0);
	if (killed != NULL)
		raise(SIGKILL);
	return shmemq_close(q);
}

/* The file's owner may hold a lease on it, and the kernel would wait 45 s for it to be given up. */
TEST(does_not_wait_for_a_lease)
{
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1);
	int64_t start = test_now();
	char path[64];
	int fd;

	ck_assert_int_eq(shmemq_close(q), 0);
	/* A new memfd counts as written by no user, and cannot be leased. */
	snprintf(path, sizeof path, "/proc/self/fd/%d", test_memfd(1));
	fd = open(_i ? file_path(name) : path, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	signal(SIGIO, SIG_IGN); /* asks to give the lease up */
	if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0) {
		ck_fails(shmemq_fdopen(fd, SHMEMQ_PRODUCER), EBUSY);
		if (_i)
			ck_fails(shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL), EBUSY);
		ck_assert_int_lt(test_now() - start, 10000 * MS);
		ck_assert_int_eq(fcntl(fd, F_SETLEASE, F_UNLCK), 0);
	} else {
		printf("skipped: no lease to be had here: %s\n", strerror(errno));
	}
	q = test_fdopen(fd, SHMEMQ_PRODUCER);
	ck_assert_int_eq(shmemq_close(q) | close(fd), 0);
}

/* Between parent and child, as by name: the queue is drained first, then comes the death or the close. */
TEST(inherited_by_a_child)
{
	struct shmemq *consumer;
	char text[4];

	inherited = test_memfd(1);
	consumer = test_fdopen(inherited, SHMEMQ_CONSUMER);
	ck_assert_int_eq(test_wait(child_start(hold_producer, _i ? "killed" : NULL)), _i ? 128 + SIGKILL : 0);
	ck_assert_int_eq(shmemq_pop(consumer, text, sizeof text, NULL), 4);
	ck_fails(shmemq_pop(consumer, text, sizeof text, NULL), _i ? EOWNERDEAD : EPIPE);
	ck_assert_int_eq(shmemq_close(consumer) | close(inherited), 0);
}

/* A claim ends with its process, although a child that has the descriptor lives on. */
TEST(claim_is_not_inherited)
{
	struct shmemq *q;
	int line[2];
	char byte;
	pid_t pid;

	inherited = test_memfd(1);
	ck_assert_int_eq(pipe(line), 0);
	pid = fork();
	if (pid == 0) {
		CHECK(shmemq_fdopen(inherited, SHMEMQ_PRODUCER) != NULL);
		if (fork() == 0) {
			close(line[1]);
			_exit(read(line[0], &byte, 1) != 0); /* until the test closes its end */
		}
		_exit(0);
	}
	ck_assert_int_eq(test_wait(pid), 0);
	q = test_fdopen(inherited, SHMEMQ_PRODUCER);
	ck_assert_int_eq(shmemq_close(q) | close(line[0]) | close(line[1]) | close(inherited), 0);
}

static int sockets[2];

/* With the descriptor that comes in a message, and with no other. */
static int receive_and_push(const void *unused)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
	};
	struct shmemq *q;
	int fd;

	(void)unused;
	CHECK(recvmsg(sockets[1], &message, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&message) != NULL);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
	q = shmemq_fdopen(fd, SHMEMQ_PRODUCER);
	CHECK(q != NULL && close(fd) == 0 && shmemq_push(q, "passed", 6, 0) == 0 && shmemq_close(q) == 0);
	return 0;
}

TEST(passed_by_a_socket)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .align = {
			      .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
	};
	struct shmemq *consumer;
	char text[6];
	pid_t pid;
	int fd;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	pid = child_start(receive_and_push, NULL); /* before there is a descriptor to inherit */
	fd = test_memfd(1);
	consumer = test_fdopen(fd, SHMEMQ_CONSUMER);
	memcpy(CMSG_DATA(&control.align), &fd, sizeof fd);
	ck_assert_int_eq(sendmsg(sockets[0], &message, 0), 1);
	close(fd);
	ck_assert_int_eq(shmemq_pop(consumer, text, sizeof text, NULL), 6);
	ck_assert_mem_eq(text, "passed", 6);
	ck_assert_int_eq(test_wait(pid), 0);
	ck_assert_int_eq(shmemq_close(consumer) | close(sockets[0]) | close(sockets[1]), 0);
}

const struct suite suite = {
	.name = "api/fdopen",
	.seconds = 60,
	.needs = NEEDS_PROC,
	.tests = {
		{ refuses_wrong_arguments, 1, 0 },
		{ refuses_what_can_shrink_or_is_no_queue, 1, 0 },
		{ opens_a_queue_with_a_name, 1, 0 },
		{ does_not_wait_for_a_lease, 2, 0 },
		{ inherited_by_a_child, 2, 0 },
		{ claim_is_not_inherited, 1, NEEDS_FORKS_APART },
		{ passed_by_a_socket, 1, 0 },
	},
};
