/* SPDX-License-Identifier: MIT */
/* Removing a name. */
#include "config.h"

#include <fcntl.h>
#include <unistd.h>

#include "call.h"
#include "cancel.h"
#include "endlock.h"
#include "file.h"
#include "identity.h"

/* Removes the name if it still refers to the file that fd has open. 0, errno or SMQ_START_OVER. */
static int remove_name(const char *path, int fd)
{
	int err = smq_identity_is_queue(fd);

	if (err == 0)
		err = smq_initlock_lock(fd);
	if (err != 0)
		return err;
	if (!smq_file_has_name(AT_FDCWD, path, fd))
		err = SMQ_START_OVER;
	else if (unlink(path) != 0)
		err = errno == EBUSY || errno == EROFS ? EPERM : errno; /* EBUSY: something is mounted on it */
	smq_initlock_unlock(fd);
	return err;
}

/* 0 or errno. */
static int unlink_path(const char *path)
{
	int fd, err;

	do {
		err = smq_file_open(path, O_RDWR, &fd);
		if (err != 0)
			return err;
		err = remove_name(path, fd);
		close(fd);
	} while (err == SMQ_START_OVER);
	return err;
}

int shmemq_unlink(const char *name)
{
	char path[SMQ_PATH_BYTES];
	int err = smq_file_path(name, path);

	if (err == 0) {
		int cancel = smq_cancel_disable();

		err = unlink_path(path);
		smq_cancel_restore(cancel);
	}
	return err != 0 ? smq_fail(err) : 0;
}
