/* SPDX-License-Identifier: MIT */
/* shmemq_dupfd(): a descriptor of a handle's queue, to be passed on. */
#include "config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "call.h"
#include "cancel.h"
#include "file.h"

/* Without /proc: by the name, if it still refers to what `own` has open. 0 or errno. */
static int open_by_name(const struct shmemq *q, int own, int access, int *fd)
{
	struct stat queue, opened;
	int err;

	/* Not opened without need: the close would raise that file's pollers. */
	if (!smq_has_name(q) || !smq_file_has_name(AT_FDCWD, q->path, own))
		return ENOENT;
	err = smq_file_open(q->path, access, fd);
	if (err != 0)
		return err;
	if (fstat(own, &queue) == 0 && fstat(*fd, &opened) == 0 && queue.st_dev == opened.st_dev &&
	    queue.st_ino == opened.st_ino)
		return 0;
	close(*fd);
	return ENOENT;
}

/*
 * Opened anew, and not a duplicate: the handle takes its locks through its own description, and knows it by its offset.
 * Both would be at the mercy of whoever gets the duplicate.
 */
static int open_anew(struct shmemq *q, int *fd)
{
	int own = smq_fd(q), access = q->observer ? O_RDONLY : O_RDWR, err;

	if (own < 0)
		return EBADF;
	err = smq_file_reopen_own(own, access, fd);
	if (err == ENOENT)
		err = open_by_name(q, own, access, fd);
	switch (err) {
	case 0:
	case EACCES:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return err;
	default: /* ENOENT: no /proc; ENOSYS: a sandbox */
		return EOPNOTSUPP;
	}
}

int shmemq_dupfd(struct shmemq *q)
{
	int cancel, fd, err;

	if (!smq_in_process(q))
		return smq_refuse(q, SMQ_ROLES);
	cancel = smq_cancel_disable();
	err = open_anew(q, &fd);
	smq_cancel_restore(cancel);
	return err != 0 ? smq_fail(err) : fd;
}
