/* SPDX-License-Identifier: MIT */
/*
 * SIGKILL before and after each system call of a create, open, close and unlink. What is left bears its name and is
 * whole, or is not there at all: its ends free, its messages in place, and nothing else in /dev/shm.
 */
#include "config.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "support.h"
#include "tracee.h"

#define QUEUED 3
#define ROUNDS_MAX 1000

struct scenario {
	const char *what;
	bool exists;     /* the queue is made before, with QUEUED messages; its producer is dead */
	bool may_vanish; /* the call may leave no name */
	uint32_t attr_flags;
	int (*prepare)(void *); /* in the victim, at full speed */
	int (*act)(void *);     /* in the victim, which is killed */
	unsigned redelivered;   /* of the messages, the victim held so many */
};

static const char *name;
static const struct scenario *scenario;
static struct shmemq *q; /* the victim's */

static struct shmemq *open_queue(unsigned flags)
{
	struct shmemq_attr attr = { .capacity = 1, .flags = scenario->attr_flags };

	return shmemq_open(name, flags, 0600, &attr);
}

static int create_producer(void *unused)
{
	(void)unused;
	return open_queue(SHMEMQ_PRODUCER | SHMEMQ_CREATE) == NULL;
}

static int create_consumer_excl(void *unused)
{
	(void)unused;
	return open_queue(SHMEMQ_CONSUMER | SHMEMQ_CREATE | SHMEMQ_EXCL) == NULL;
}

static int create_observer(void *unused)
{
	(void)unused;
	return open_queue(SHMEMQ_OBSERVER | SHMEMQ_CREATE) == NULL;
}

static int open_producer(void *unused)
{
	(void)unused;
	return (q = open_queue(SHMEMQ_PRODUCER)) == NULL;
}

static int open_consumer(void *unused)
{
	(void)unused;
	return (q = open_queue(SHMEMQ_CONSUMER)) == NULL;
}

static int open_both(void *unused)
{
	return open_producer(unused) != 0 || open_consumer(unused) != 0;
}

/* Leaves both ends to the kernel, by an exit without a close, for a process that then comes to claim them. */
static int leave_both_dead(void *unused)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(open_both(unused));
	return pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
}

static int start_push(void *unused)
{
	if (open_producer(unused) != 0)
		return 1;
	return shmemq_push_start(q, 100) == NULL;
}

static int start_pop(void *unused)
{
	size_t size;

	if (open_consumer(unused) != 0)
		return 1;
	return shmemq_pop_start(q, &size, NULL) == NULL;
}

static int close_end(void *unused)
{
	(void)unused;
	return shmemq_close(q) != 0;
}

static int remove_name(void *unused)
{
	(void)unused;
	return shmemq_unlink(name) != 0;
}

static const struct scenario scenarios[] = {
	{ "create, producer", .may_vanish = true, .act = create_producer },
	{ "create with EXCL, consumer", .may_vanish = true, .act = create_consumer_excl },
	{ "create, observer", .may_vanish = true, .act = create_observer },
	{ "create TEMPORARY", .may_vanish = true, .attr_flags = SHMEMQ_ATTR_TEMPORARY, .act = create_producer },
	{ "open, producer", .exists = true, .act = open_producer },
	{ "open, consumer", .exists = true, .act = open_consumer },
	{ "open with CREATE", .exists = true, .act = create_producer },
	{ "claim after a death", .exists = true, .prepare = leave_both_dead, .act = open_both },
	{ "close, producer", .exists = true, .prepare = start_push, .act = close_end },
	{ "close, consumer", .exists = true, .prepare = start_pop, .act = close_end, .redelivered = 1 },
	{ "close TEMPORARY", .exists = true, .may_vanish = true, .attr_flags = SHMEMQ_ATTR_TEMPORARY,
	  .prepare = start_pop, .act = close_end, .redelivered = 1 },
	{ "unlink", .exists = true, .may_vanish = true, .act = remove_name },
};

/* A queue with messages, as it is before each kill. */
static void make_queue(void)
{
	struct shmemq *producer;
	int status;

	if (!scenario->exists)
		return;
	/* By a process that exits: with a close a TEMPORARY queue would go. */
	if (fork() == 0) {
		CHECK((producer = open_queue(SHMEMQ_PRODUCER | SHMEMQ_CREATE)) != NULL);
		for (uint32_t i = 0; i < QUEUED; i++)
			CHECK(shmemq_push(producer, "message", 1 + i, i) == 0);
		_exit(0);
	}
	CHECK(wait(&status) > 0 && status == 0);
}

/* Both ends are to be had at once, everything is there, and another message passes. */
static void check_whole(void)
{
	struct shmemq *producer = open_queue(SHMEMQ_PRODUCER), *consumer;
	unsigned queued = scenario->exists ? QUEUED : 0;
	char buffer[8];
	uint32_t type;

	CHECK(producer != NULL);
	CHECK((consumer = open_queue(SHMEMQ_CONSUMER)) != NULL);
	CHECK(shmemq_push(producer, "more", 4, 99) == 0);
	for (uint32_t i = 0; i < queued; i++) {
		CHECK(shmemq_timedpop(consumer, buffer, sizeof buffer, &type, 0) == (ssize_t)(1 + i) && type == i);
		CHECK(memcmp(buffer, "message", 1 + i) == 0);
		CHECK(shmemq_redelivered(consumer) == (i < scenario->redelivered));
	}
	CHECK(shmemq_timedpop(consumer, buffer, sizeof buffer, &type, 0) == 4 && type == 99);
	CHECK(memcmp(buffer, "more", 4) == 0 && shmemq_redelivered(consumer) == 0);
	CHECK(shmemq_timedpop(consumer, buffer, sizeof buffer, &type, 0) == -1 && errno == EAGAIN);
	CHECK(shmemq_close(producer) == 0 && shmemq_close(consumer) == 0);
	CHECK(file_exists(name) == !(scenario->attr_flags & SHMEMQ_ATTR_TEMPORARY));
}

/* In a /dev/shm of one's own: no file under whatever name, and no page of a file without one. */
static void check_empty(void)
{
	struct dirent *entry;
	struct statvfs fs;
	DIR *dir = opendir("/dev/shm");

	CHECK(dir != NULL);
	while ((entry = readdir(dir)) != NULL)
		CHECK(entry->d_name[0] == '.');
	closedir(dir);
	CHECK(statvfs("/dev/shm", &fs) == 0 && fs.f_bfree == fs.f_blocks);
}

/* Kills at stop 1, 2, ... until the victim gets through. */
static int kill_at_each_stop(const void *argument)
{
	bool own = child_own_shm("size=8m");
	unsigned stops, absent = 0;
	int status = 0;

	name = argument;
	for (stops = 0;; stops++) {
		pid_t pid;

		CHECK(stops < ROUNDS_MAX);
		make_queue();
		pid = tracee_start(scenario->prepare, scenario->act, NULL);
		CHECK(pid > 0);
		if (tracee_kill_at(pid, PTRACE_SYSCALL, stops, &status) < stops)
			break;
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		CHECK(file_exists(name) || scenario->may_vanish);
		absent += !file_exists(name);
		if (file_exists(name))
			check_whole();
		CHECK(shmemq_unlink(name) == 0 || errno == ENOENT);
		if (own)
			check_empty();
	}
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0); /* what is killed half-way above works */
	printf("%s: %u kills, %u left no name%s\n", scenario->what, stops, absent,
	       own ? "" : " (a /dev/shm of its own is not permitted here: only the name was looked at)");
	fflush(stdout);
	return stops < 5; /* each of these makes system calls */
}

START_TEST(kill_at_each_system_call)
{
	scenario = &scenarios[_i];
	child_run(kill_at_each_stop, test_name());
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("syscall_kill");
	TCase *tcase = tcase_create("system calls");

	if (!tracee_permitted(PTRACE_SYSCALL)) {
		printf("skipped: ptrace(2) is not permitted here\n");
		return CHILD_SKIP;
	}
	tcase_add_loop_test(tcase, kill_at_each_system_call, 0, sizeof scenarios / sizeof scenarios[0]);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return test_run(suite, 300);
}
