/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "support.h"
#include "syscall_act.h"

#define QUEUED 3

const struct syscall_act *act;
const char *act_queue;
static struct shmemq *q; /* the victim's */

static struct shmemq *open_queue(unsigned flags)
{
	struct shmemq_attr attr = { .capacity = 1, .flags = act->attr_flags };

	return shmemq_open(act_queue, flags, 0600, &attr);
}

static int create_producer(void)
{
	return open_queue(SHMEMQ_PRODUCER | SHMEMQ_CREATE) == NULL;
}

static int create_consumer_excl(void)
{
	return open_queue(SHMEMQ_CONSUMER | SHMEMQ_CREATE | SHMEMQ_EXCL) == NULL;
}

static int create_observer(void)
{
	return open_queue(SHMEMQ_OBSERVER | SHMEMQ_CREATE) == NULL;
}

static int open_producer(void)
{
	return (q = open_queue(SHMEMQ_PRODUCER)) == NULL;
}

static int open_consumer(void)
{
	return (q = open_queue(SHMEMQ_CONSUMER)) == NULL;
}

static int open_both(void)
{
	return open_producer() != 0 || open_consumer() != 0;
}

/* Another process opens both ends and exits without a close: the next process to claim them finds them dead. */
static int leave_both_dead(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(open_both());
	return pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
}

static struct shmemq *beside; /* another handle of the victim's end */

static int share_consumer(void)
{
	return (beside = open_queue(SHMEMQ_CONSUMER | SHMEMQ_SHARED)) == NULL;
}

static int open_beside(void)
{
	return (q = open_queue(SHMEMQ_CONSUMER | SHMEMQ_SHARED)) == NULL;
}

static int open_two(void)
{
	size_t size;

	return share_consumer() != 0 || open_beside() != 0 || shmemq_pop_start(q, &size, NULL) == NULL;
}

static int make_pollfd(void)
{
	return shmemq_pollfd(q) < 0;
}

static int start_push(void)
{
	if (open_producer() != 0)
		return 1;
	return shmemq_push_start(q, 100) == NULL;
}

static int start_pop(void)
{
	size_t size;

	if (open_consumer() != 0)
		return 1;
	return shmemq_pop_start(q, &size, NULL) == NULL;
}

static int close_end(void)
{
	return shmemq_close(q) != 0;
}

static int remove_name(void)
{
	return shmemq_unlink(act_queue) != 0;
}

static int make_memfd(void)
{
	struct shmemq_attr attr = { .capacity = 1 };
	int fd = shmemq_memfd(&attr);

	return fd < 0 || close(fd) != 0;
}

static int memfd;

static int keep_memfd(void)
{
	struct shmemq_attr attr = { .capacity = 1 };

	return (memfd = shmemq_memfd(&attr)) < 0;
}

static int fdopen_producer(void)
{
	return (q = shmemq_fdopen(memfd, SHMEMQ_PRODUCER)) == NULL;
}

static int fdopen_observer(void)
{
	return (q = shmemq_fdopen(memfd, SHMEMQ_OBSERVER)) == NULL;
}

static const int of_close[] = { ETIMEDOUT, 0 };
static const int of_pollfd[] = { EACCES, EMFILE, ENFILE, ENOMEM, ENOSPC, EOPNOTSUPP, 0 };
static const int of_memfd[] = { EACCES, EFBIG, EINVAL, EMFILE, ENFILE, ENOMEM, ENOSPC, EOPNOTSUPP, 0 };
static const int of_fdopen[] = {
	EACCES, EBADF, EBUSY, EINVAL, EMFILE, ENFILE, ENOMEM, EOPNOTSUPP, EPROTO, ETIMEDOUT, 0
};
static const int of_unlink[] = { EACCES, EMFILE, ENFILE, ENOENT, ENOMEM, EPERM, EPROTO, ETIMEDOUT, 0 };

const struct syscall_act syscall_acts[SYSCALL_ACTS] = {
	{ "create, producer", .may_vanish = true, .run = create_producer },
	{ "create with EXCL, consumer", .may_vanish = true, .run = create_consumer_excl },
	{ "create, observer", .may_vanish = true, .run = create_observer },
	{ "create TEMPORARY", .may_vanish = true, .attr_flags = SHMEMQ_ATTR_TEMPORARY, .run = create_producer },
	{ "open, producer", .exists = true, .run = open_producer },
	{ "open, consumer", .exists = true, .run = open_consumer },
	{ "open with CREATE", .exists = true, .run = create_producer },
	{ "open after a death, producer", .exists = true, .prepare = leave_both_dead, .run = open_producer },
	{ "open after a death, consumer", .exists = true, .prepare = leave_both_dead, .run = open_consumer },
	{ "open SHARED", .exists = true, .run = open_beside },
	{ "open SHARED beside another", .exists = true, .prepare = share_consumer, .run = open_beside },
	{ "close SHARED beside another", .exists = true, .once = true, .prepare = open_two, .run = close_end,
	  .errnos = of_close, .redelivered = 1 },
	{ "pollfd", .exists = true, .polls = true, .prepare = open_consumer, .run = make_pollfd, .errnos = of_pollfd },
	{ "close, producer", .exists = true, .once = true, .prepare = start_push, .run = close_end,
	  .errnos = of_close },
	{ "close, consumer", .exists = true, .once = true, .prepare = start_pop, .run = close_end, .errnos = of_close,
	  .redelivered = 1 },
	{ "close TEMPORARY", .exists = true, .may_vanish = true, .attr_flags = SHMEMQ_ATTR_TEMPORARY, .once = true,
	  .prepare = start_pop, .run = close_end, .errnos = of_close, .redelivered = 1 },
	{ "memfd", .may_vanish = true, .run = make_memfd, .errnos = of_memfd },
	{ "fdopen, producer", .may_vanish = true, .prepare = keep_memfd, .run = fdopen_producer, .errnos = of_fdopen },
	{ "fdopen, observer", .may_vanish = true, .prepare = keep_memfd, .run = fdopen_observer, .errnos = of_fdopen },
	{ "unlink", .exists = true, .may_vanish = true, .run = remove_name, .errnos = of_unlink },
};

void act_make_queue(void)
{
	struct shmemq *producer;
	int status;

	if (!act->exists)
		return;
	/* By a process that exits: a close would remove a TEMPORARY queue. */
	if (fork() == 0) {
		CHECK((producer = open_queue(SHMEMQ_PRODUCER | SHMEMQ_CREATE)) != NULL);
		for (uint32_t i = 0; i < QUEUED; i++)
			CHECK(shmemq_push(producer, "message", 1 + i, i) == 0);
		_exit(0);
	}
	CHECK(wait(&status) > 0 && status == 0);
}

bool act_documented(int err)
{
	static const int of_open[] = { EACCES, EBUSY,  EEXIST, EFBIG,      EMFILE, ENFILE,    ENOENT,
				       ENOMEM, ENOSPC, EINVAL, EOPNOTSUPP, EPROTO, ETIMEDOUT, 0 };
	const int *errnos = act->errnos != NULL ? act->errnos : of_open;

	while (*errnos != 0 && *errnos != err)
		errnos++;
	return *errnos != 0;
}

/* Both ends can be claimed at once, every message is there, and another one passes. */
static void check_whole(void)
{
	struct shmemq *producer = open_queue(SHMEMQ_PRODUCER), *consumer;
	unsigned queued = act->exists ? QUEUED : 0;
	char buffer[8];
	uint32_t type;

	CHECK(producer != NULL);
	CHECK((consumer = open_queue(SHMEMQ_CONSUMER)) != NULL);
	CHECK(shmemq_push(producer, "more", 4, 99) == 0);
	for (uint32_t i = 0; i < queued; i++) {
		CHECK(shmemq_timedpop(consumer, buffer, sizeof buffer, &type, 0) == (ssize_t)(1 + i) && type == i);
		CHECK(memcmp(buffer, "message", 1 + i) == 0);
		CHECK(shmemq_redelivered(consumer) == (i < act->redelivered));
	}
	CHECK(shmemq_timedpop(consumer, buffer, sizeof buffer, &type, 0) == 4 && type == 99);
	CHECK(memcmp(buffer, "more", 4) == 0 && shmemq_redelivered(consumer) == 0);
	CHECK(shmemq_timedpop(consumer, buffer, sizeof buffer, &type, 0) == -1 && errno == EAGAIN);
	CHECK(shmemq_close(producer) == 0 && shmemq_close(consumer) == 0);
	CHECK(file_exists(act_queue) == !(act->attr_flags & SHMEMQ_ATTR_TEMPORARY));
}

void act_check_empty(void)
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

void act_check_left(void)
{
	bool there = file_exists(act_queue);

	CHECK(there || act->may_vanish);
	if (there)
		check_whole();
	CHECK(shmemq_unlink(act_queue) == 0 || errno == ENOENT);
}
