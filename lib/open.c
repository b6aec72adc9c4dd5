/* SPDX-License-Identifier: MIT */
/* Opening a queue and claiming one of its ends, by name or by descriptor; creating a queue, with a name or without. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "call.h"
#include "cancel.h"
#include "connect.h"
#include "endlock.h"
#include "object.h"
#include "process.h"
#include "wait.h"

static bool flags_fit(unsigned flags)
{
	const unsigned ends_only = SHMEMQ_NONBLOCK | SHMEMQ_STAY | SHMEMQ_SHARED | SHMEMQ_PREFAULT | SHMEMQ_NOSPIN;
	unsigned role = flags & SMQ_ROLES, rest = flags & ~SMQ_ROLES;

	if (role == 0 || (role & (role - 1)) != 0)
		return false;
	if (rest & ~(SHMEMQ_CREATE | SHMEMQ_EXCL | ends_only))
		return false;
	if ((rest & SHMEMQ_EXCL) && !(rest & SHMEMQ_CREATE))
		return false;
	/* Neither maps a ring, and there may always be many. An observer never waits. */
	if (role == SHMEMQ_FOLLOWER && (rest & (SHMEMQ_SHARED | SHMEMQ_PREFAULT)))
		return false;
	return role != SHMEMQ_OBSERVER || !(rest & ends_only);
}

/* Removes a queue that this call has created and cannot use, unless another process has come to use it. */
static void abandon(const char *path, int fd)
{
	if (smq_initlock_lock(fd) == 0) {
		if (smq_object_unclaimed(fd))
			smq_endlock_unlink_unused(AT_FDCWD, path, fd);
		smq_initlock_unlock(fd);
	}
}

/* Opens the queue; with CREATE, and if the name is free, creates it. Starts over if the name changes meanwhile. */
static int open_or_create(struct shmemq *q, unsigned flags, mode_t mode, const struct shmemq_attr *attr,
			  bool registered)
{
	bool create = flags & SHMEMQ_CREATE, excl = flags & SHMEMQ_EXCL;
	struct stat st;
	int made, err;

	for (;;) {
		if (excl && lstat(q->path, &st) == 0)
			return EEXIST; /* before memory is spent; only smq_object_create() is certain */
		err = excl ? ENOENT : smq_connect(q, -1, flags, registered);
		if (err == ENOENT && create) {
			err = smq_object_create(q->path, mode, attr, &made);
			if (err == EEXIST && !excl)
				continue;
			if (err != 0)
				return err;
			err = smq_connect(q, -1, flags, registered);
			if (err != 0 && err != SMQ_START_OVER && err != ENOENT)
				abandon(q->path, made);
			close(made);
		}
		if (err != SMQ_START_OVER && !(err == ENOENT && create))
			return err;
	}
}

/* A handle that is not attached yet. NULL: EINVAL (an old kernel), ENOMEM. */
static struct shmemq *make_handle(const char *path, unsigned flags)
{
	const smq_word *generation_now = smq_process_generation();
	struct shmemq *q = generation_now != NULL ? calloc(1, sizeof *q + strlen(path) + 1) : NULL;

	if (q == NULL)
		return NULL;
	strcpy(q->path, path);
	q->generation_now = generation_now;
	q->generation = atomic_load(generation_now);
	q->forks = smq_process_forks();
	q->directory = -1;
	q->state = (flags & SMQ_ROLES) | (flags & SHMEMQ_SHARED ? SMQ_SHARED : 0);
	q->nonblock = flags & SHMEMQ_NONBLOCK;
	q->observer = flags & (SHMEMQ_OBSERVER | SHMEMQ_FOLLOWER);
	q->follower = flags & SHMEMQ_FOLLOWER;
	q->producer = flags & SHMEMQ_PRODUCER;
	q->stay = flags & SHMEMQ_STAY;
	q->nospin = flags & SHMEMQ_NOSPIN;
	smq_await_init(q);
	return q;
}

/* The handle; after an error NULL, and the handle is freed. */
static struct shmemq *finish_open(struct shmemq *q, int err)
{
	if (err == 0)
		return q;
	if (q != NULL)
		smq_handle_free_more(q);
	free(q);
	errno = err;
	return NULL;
}

static bool register_waker(unsigned flags)
{
	return flags & (SHMEMQ_PRODUCER | SHMEMQ_CONSUMER) && smq_process_register();
}

struct shmemq *shmemq_open(const char *name, unsigned flags, mode_t mode, const struct shmemq_attr *attr)
{
	char path[SMQ_PATH_BYTES];
	struct shmemq *q;
	int err, cancel;

	err = flags_fit(flags) ? smq_file_path(name, path) : EINVAL;
	if (err != 0)
		return finish_open(NULL, err);
	q = make_handle(path, flags);
	if (q == NULL)
		return NULL;
	cancel = smq_cancel_disable();
	err = open_or_create(q, flags, mode, attr, register_waker(flags));
	smq_cancel_restore(cancel);
	return finish_open(q, err);
}

struct shmemq *shmemq_fdopen(int fd, unsigned flags)
{
	struct shmemq *q;
	int err, cancel;

	if (!flags_fit(flags) || flags & SHMEMQ_CREATE)
		return finish_open(NULL, EINVAL);
	q = make_handle("", flags);
	if (q == NULL)
		return NULL;
	cancel = smq_cancel_disable();
	err = smq_connect(q, fd, flags, register_waker(flags));
	smq_cancel_restore(cancel);
	return finish_open(q, err);
}

int shmemq_memfd(const struct shmemq_attr *attr)
{
	int cancel = smq_cancel_disable(), fd, err = smq_object_memfd(attr, &fd);

	smq_cancel_restore(cancel);
	return err != 0 ? smq_fail(err) : fd;
}
