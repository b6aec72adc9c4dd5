/* SPDX-License-Identifier: MIT */
/*
 * A program closes all descriptors that it did not open, as a daemon does, and has files of its own under their numbers
 * then; or it was started with 0 to 2 closed. Its files are left alone, and so is its peer.
 */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "child.h"
#include "file.h"
#include "one_end.h"
#include "polling.h"
#include "suite.h"

#define NUMBERS 64 /* more than any test here has open */

/* The program's files: one under each number, empty, with a lock on each. */
static int first_own;

static int open_own_file(void)
{
	char path[] = "/dev/shm/shmemq-test-own-XXXXXX";
	int fd = mkstemp(path);

	CHECK(fd >= 0 && unlink(path) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0);
	return fd;
}

static void close_all_open_own(void)
{
	struct flock lock = { .l_type = F_WRLCK };
	int fd;

	for (fd = 3; fd < NUMBERS; fd++)
		close(fd);
	first_own = open_own_file();
	CHECK(fcntl(first_own, F_OFD_SETLK, &lock) == 0);
	for (fd = first_own; fd < NUMBERS - 1; fd = open_own_file())
		;
}

/* Are they there, empty, at their start, and locked? */
static void check_own_files(void)
{
	struct flock lock = { .l_type = F_WRLCK };
	char path[32];
	struct stat st;
	int fd;

	for (fd = first_own; fd < NUMBERS; fd++)
		CHECK(fstat(fd, &st) == 0 && st.st_size == 0 && st.st_blocks == 0 && lseek(fd, 0, SEEK_CUR) == 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", first_own);
	fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_WRLCK);
	close(fd);
}

/* An end of a queue with a name, or without. */
struct place {
	const char *name;
	int fd;
	unsigned end;
	unsigned shared;
};

static struct shmemq *open_place(const struct place *place, unsigned end)
{
	unsigned flags = end | (end == place->end ? place->shared : 0);

	return place->name != NULL ? shmemq_open(place->name, flags, 0, NULL) : shmemq_fdopen(place->fd, flags);
}

static struct place make_place(int i)
{
	struct place place = { .end = both_ends[i % 2], .fd = -1, .shared = i & 4 ? SHMEMQ_SHARED : 0 };
	struct shmemq_attr attr = { .capacity = 1 };

	if (i & 2) {
		place.fd = shmemq_memfd(&attr);
		ck_assert_int_ge(place.fd, 0);
	} else {
		place.name = test_name();
		ck_assert_int_eq(shmemq_close(test_open(place.name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1)), 0);
	}
	return place;
}

#define PLACES 8

/* Calls of all kinds: with something to move, without; then the close. */
static int use_and_close(const void *argument)
{
	const struct place *place = argument;
	struct shmemq *q = open_place(place, place->end);
	struct shmemq_stat st;

	CHECK(q != NULL && shmemq_pollfd(q) >= 0);
	close_all_open_own();
	for (int i = 0; i < 300; i++)
		end_try(q, place->end);
	end_move(q, place->end, 300 * MS);
	CHECK(shmemq_stat(q, &st) == 0);
	check_own_files();
	CHECK(shmemq_close(q) == 0);
	check_own_files();
	return 0;
}

TEST(the_programs_files_are_left_alone)
{
	struct place place = make_place(_i);
	struct shmemq *peer = open_place(&place, other_end(place.end));
	int fd = shmemq_pollfd(peer);

	ck_assert_int_ge(fd, 0);
	while (end_try(peer, other_end(place.end)) == 0)
		;
	ck_assert_int_eq(errno, EAGAIN); /* and so the peer is to be raised */
	child_run(use_and_close, &place);
	ck_assert_int_eq(shmemq_close(peer), 0);
	close(place.fd);
}

/* All are closed but the queue's file, which keeps its number: the others are not taken for the library's. */
static int close_all_but_the_queue(const void *name)
{
	struct shmemq_attr attr = { .capacity = 1, .flags = SHMEMQ_ATTR_TEMPORARY };
	struct shmemq *q = shmemq_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 0600, &attr);
	struct stat queue, st;
	int opened = 0;

	CHECK(q != NULL && shmemq_pollfd(q) >= 0 && stat(file_path(name), &queue) == 0);
	for (int fd = 3; fd < NUMBERS; fd++) {
		if (fstat(fd, &st) == 0 && st.st_ino != queue.st_ino)
			close(fd);
	}
	while (opened == 0 || first_own < NUMBERS - 1) {
		first_own = open_own_file();
		CHECK(write(first_own, "text", 4) == 4 && lseek(first_own, 0, SEEK_SET) == 0);
		opened++;
	}
	for (int i = 0; i < 3; i++)
		CHECK(end_try(q, SHMEMQ_CONSUMER) < 0 && errno == EAGAIN);
	CHECK(shmemq_close(q) == 0 && !file_exists(name));
	for (int fd = 3; fd < NUMBERS; fd++)
		opened -= fstat(fd, &st) == 0 && st.st_size == 4 && lseek(fd, 0, SEEK_CUR) == 0;
	CHECK(opened == 0);
	return 0;
}

TEST(each_descriptor_is_verified)
{
	child_run(close_all_but_the_queue, test_name());
}

/* In a child, whose copy of the handle is to be freed. */
static struct shmemq *inherited;

static int free_inherited(const void *argument)
{
	(void)argument;
	close_all_open_own();
	CHECK(shmemq_close(inherited) == 0);
	check_own_files();
	return 0;
}

TEST(a_childs_files_are_left_alone)
{
	struct place place = make_place(_i);

	inherited = open_place(&place, place.end);
	ck_assert_int_ge(shmemq_pollfd(inherited), 0);
	child_run(free_inherited, NULL);
	ck_assert_int_eq(shmemq_close(inherited), 0);
	close(place.fd);
}

/* A peer that lives does not seem dead, in a blocked call and to tries. */
static int wait_for_a_living_peer(const void *argument)
{
	const struct place *place = argument;
	struct shmemq *q = open_place(place, place->end);
	int64_t start = test_now();

	CHECK(q != NULL);
	close_all_open_own();
	while (end_move(q, place->end, 600 * MS) >= 0)
		;
	CHECK(errno == ETIMEDOUT);
	while (test_now() - start < 1200 * MS)
		CHECK(end_try(q, place->end) < 0 && errno == EAGAIN);
	return 0;
}

TEST(a_living_peer_does_not_seem_dead)
{
	struct place place = make_place(_i);
	struct shmemq *peer = open_place(&place, other_end(place.end));

	child_run(wait_for_a_living_peer, &place);
	ck_assert_int_eq(shmemq_close(peer), 0);
	close(place.fd);
}

/* If the queue has a name, a death is noticed and the peer's descriptor is raised all the same. */
static pid_t peer_pid;

static int outlive_the_peer(const void *argument)
{
	const struct place *place = argument;
	struct shmemq *q = open_place(place, place->end);

	CHECK(q != NULL);
	close_all_open_own();
	while (end_try(q, place->end) >= 0)
		;
	CHECK(kill(peer_pid, SIGKILL) == 0);
	CHECK(end_move(q, place->end, -1) < 0 && errno == EOWNERDEAD);
	check_own_files();
	return 0;
}

TEST(a_death_is_noticed_by_the_name)
{
	struct place place = make_place(_i);

	peer_pid = child_hold(place.name, place.end == SHMEMQ_PRODUCER ? "consumer" : "producer");
	child_run(outlive_the_peer, &place);
	ck_assert_int_eq(test_wait(peer_pid), 128 + SIGKILL);
}

static int move_one(const void *argument)
{
	const struct place *place = argument;
	struct shmemq *q = open_place(place, place->end);

	CHECK(q != NULL);
	close_all_open_own();
	CHECK(end_try(q, place->end) >= 0);
	pause();
	return 0;
}

TEST(the_peer_is_raised_by_the_name)
{
	struct place place = make_place(_i);
	struct shmemq *peer = open_place(&place, other_end(place.end));
	int fd = shmemq_pollfd(peer);
	pid_t pid;

	while (end_try(peer, other_end(place.end)) >= 0)
		;
	pid = child_start(move_one, &place);
	while (end_try(peer, other_end(place.end)) < 0) {
		ck_assert_int_eq(errno, EAGAIN);
		await_raised(fd);
	}
	child_kill(pid);
	ck_assert_int_eq(shmemq_close(peer), 0);
}

/* The new pollfd is not one of the program's files, and works. */
static int poll_again(const void *argument)
{
	const struct place *place = argument;
	struct shmemq *q = open_place(place, place->end), *peer;
	int fd;

	CHECK(q != NULL && shmemq_pollfd(q) >= 0);
	close_all_open_own();
	while (end_try(q, place->end) >= 0)
		;
	fd = shmemq_pollfd(q);
	CHECK(fd >= NUMBERS);
	while (raised(fd, 0))
		CHECK(end_try(q, place->end) < 0 && errno == EAGAIN);
	peer = open_place(place, other_end(place->end));
	CHECK(peer != NULL && end_try(peer, other_end(place->end)) >= 0);
	CHECK(raised(fd, SOON_MS) && end_try(q, place->end) >= 0);
	CHECK(shmemq_close(q) == 0 && shmemq_close(peer) == 0);
	return 0;
}

TEST(a_new_pollfd_is_made)
{
	struct place place = make_place(_i);

	child_run(poll_again, &place);
}

/* One handle of a SHARED end closes without a descriptor to ask with: the end is not closed while another one lives. */
static int close_one_of_two(const void *argument)
{
	const struct place *place = argument;
	struct shmemq *q = open_place(place, place->end);

	CHECK(q != NULL);
	close_all_open_own();
	CHECK(shmemq_close(q) == 0);
	return 0;
}

TEST(a_shared_end_is_not_closed_before_its_last_handle)
{
	struct place place = make_place(_i | 4);
	struct shmemq *peer = open_place(&place, other_end(place.end)), *q = open_place(&place, place.end);

	child_run(close_one_of_two, &place);
	while (place.end == SHMEMQ_CONSUMER && end_try(peer, SHMEMQ_PRODUCER) >= 0)
		;
	ck_fails(end_try(peer, other_end(place.end)), EAGAIN);
	ck_fails(end_move(peer, other_end(place.end), 300 * MS), ETIMEDOUT);
	ck_assert_int_eq(shmemq_close(q) | shmemq_close(peer), 0);
	close(place.fd);
}

/* The program has opened the same queue again, and the new handle has the number of the old one's descriptor. */
static int open_again(const void *argument)
{
	const struct place *place = argument;
	struct shmemq *old = open_place(place, place->end), *q;
	int keep = place->fd;

	CHECK(old != NULL);
	if (place->fd >= 0) {
		keep = fcntl(place->fd, F_DUPFD_CLOEXEC, NUMBERS);
		CHECK(keep >= 0);
	}
	for (int fd = 3; fd < NUMBERS; fd++)
		close(fd);
	q = open_place(&(struct place){ place->name, keep, place->end, place->shared }, place->end);
	CHECK(q != NULL && shmemq_close(old) == 0);
	kill(peer_pid, SIGKILL);
	while (end_try(q, place->end) >= 0)
		;
	CHECK(end_move(q, place->end, -1) < 0 && errno == EOWNERDEAD);
	CHECK(shmemq_close(q) == 0);
	return 0;
}

static int hold_other_end(const void *argument)
{
	const struct place *place = argument;
	struct shmemq *q = open_place(place, other_end(place->end));

	CHECK(q != NULL);
	raise(SIGSTOP);
	return 0;
}

TEST(another_handles_descriptor_is_left_alone)
{
	struct place place = make_place(_i | 4);
	int status;

	peer_pid = child_start(hold_other_end, &place);
	ck_assert_int_eq(waitpid(peer_pid, &status, WUNTRACED), peer_pid);
	child_run(open_again, &place);
	ck_assert_int_eq(test_wait(peer_pid), 128 + SIGKILL);
	close(place.fd);
}

/*
 * Another file system has been mounted on /dev/shm, as where a container starts, and has another queue of the same name
 * and inode number. That one says nothing of the first queue's handles, and keeps its name.
 */
static int mount_and_use(const void *name)
{
	struct shmemq_attr attr = { .capacity = 1, .flags = SHMEMQ_ATTR_TEMPORARY };
	struct shmemq *q, *holder, *other;
	struct stat first, second;

	CHECK(child_own_shm(NULL));
	holder = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_SHARED | SHMEMQ_CREATE, 0600, &attr);
	q = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_SHARED, 0, NULL);
	CHECK(holder != NULL && q != NULL && stat(file_path(name), &first) == 0);
	CHECK(end_begin(holder, SHMEMQ_PRODUCER));
	for (int fd = 3; fd < NUMBERS; fd++)
		close(fd);
	CHECK(child_own_shm(NULL));
	other = shmemq_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 0600, NULL);
	CHECK(other != NULL && stat(file_path(name), &second) == 0 && first.st_ino == second.st_ino);
	CHECK(end_move(q, SHMEMQ_PRODUCER, 600 * MS) < 0 && errno == ETIMEDOUT);
	CHECK(shmemq_close(q) == 0 && shmemq_close(holder) == 0);
	CHECK(access(file_path(name), F_OK) == 0);
	return 0;
}

TEST(another_queue_of_the_name_is_not_asked)
{
	child_run(mount_and_use, test_name());
}

/* With 0 to 2 closed, what the program prints goes nowhere, and not into the queue. */
static int print_with_nothing_open(const void *argument)
{
	const struct place *place = argument;
	struct shmemq *ends[2];
	int memfd;

	for (int fd = 0; fd < 3; fd++)
		close(fd);
	ends[0] = open_place(place, SHMEMQ_PRODUCER);
	ends[1] = open_place(place, SHMEMQ_CONSUMER);
	memfd = shmemq_memfd(NULL);
	if (ends[0] == NULL || ends[1] == NULL || memfd < 3 || shmemq_pollfd(ends[0]) < 3 || shmemq_pollfd(ends[1]) < 3)
		return 1;
	for (int fd = 0; fd < 3; fd++) {
		if (write(fd, "text", 4) >= 0 || errno != EBADF)
			return 2;
	}
	return shmemq_push(ends[0], "abc", 3, 0) + shmemq_close(ends[0]) + shmemq_close(ends[1]);
}

TEST(standard_output_is_never_the_queue)
{
	struct place place = make_place(_i & 2);

	ck_assert_int_eq(test_wait(child_start(print_with_nothing_open, &place)), 0);
	close(place.fd);
}

const struct suite suite = {
	.name = "api/descriptors",
	.seconds = 120,
	.test_seconds = 60,
	.needs = NEEDS_POLLFD,
	.tests = {
		{ the_programs_files_are_left_alone, PLACES, 0 },
		{ each_descriptor_is_verified, 1, 0 },
		{ a_childs_files_are_left_alone, PLACES, 0 },
		{ a_living_peer_does_not_seem_dead, PLACES, 0 },
		{ a_death_is_noticed_by_the_name, 2, 0 },
		{ the_peer_is_raised_by_the_name, 2, 0 },
		{ a_new_pollfd_is_made, 2, 0 },
		{ a_shared_end_is_not_closed_before_its_last_handle, 4, 0 },
		{ another_handles_descriptor_is_left_alone, 4, 0 },
		{ another_queue_of_the_name_is_not_asked, 1, NEEDS_OWN_SHM },
		{ standard_output_is_never_the_queue, 4, 0 },
	},
};
