/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "descriptor.h"
#include "fdpath.h"

int smq_file_path(const char *name, char path[SMQ_PATH_BYTES])
{
	if (name == NULL || name[0] != '/' || name[1] == '\0' || strchr(name + 1, '/') != NULL)
		return EINVAL;
	if (strcmp(name, "/.") == 0 || strcmp(name, "/..") == 0)
		return EINVAL;
	if (strlen(name + 1) > SMQ_NAME_MAX)
		return ENAMETOOLONG;
	strcpy(path, SMQ_DIRECTORY);
	strcat(path, name);
	return 0;
}

static int open_file(const char *path, int flags, int *fd)
{
	*fd = smq_descriptor_keep(open(path, flags | O_CLOEXEC));
	if (*fd >= 0)
		return 0;
	switch (errno) {
	case EISDIR:  /* a directory */
	case ELOOP:   /* a symbolic link */
	case ENXIO:   /* a socket, */
	case ENODEV:  /* or a device without a driver */
	case ETXTBSY: /* a running program */
		return EPROTO;
	case EPERM: /* an immutable file, a read-only mount */
	case EROFS:
		return EACCES;
	case EAGAIN: /* its owner holds a file lease (F_SETLEASE) on it */
		return EBUSY;
	case ENOTDIR: /* no /dev/shm */
		return ENOENT;
	default:
		return errno;
	}
}

/* Opens the file that `found`, a descriptor of O_PATH, stands for. 0, errno or SMQ_START_OVER. */
static int open_found(const char *path, int found, const struct stat *st, int access, int *fd)
{
	char self[SMQ_FDPATH_BYTES];
	struct stat opened;
	int err;

	smq_fdpath(found, self);
	err = open_file(self, access | O_NONBLOCK, fd); /* NONBLOCK: do not wait for a file lease */
	if (err != ENOENT)
		return err;
	/* Without /proc, by the name, which may have become another file's: a FIFO's, or a terminal's. */
	err = open_file(path, access | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, fd);
	if (err == 0 && (fstat(*fd, &opened) != 0 || opened.st_dev != st->st_dev || opened.st_ino != st->st_ino)) {
		close(*fd);
		return SMQ_START_OVER;
	}
	return err;
}

/*
 * Any user may give any file a name in /dev/shm, and to open some files is to do something: a process that waits
 * to write to a FIFO goes on, and dies of SIGPIPE. So the file is looked at first, by O_PATH, which opens nothing.
 */
int smq_file_open(const char *path, int access, int *fd)
{
	struct stat st;
	int found, err;

	do {
		err = open_file(path, O_PATH | O_NOFOLLOW, &found);
		if (err != 0)
			return err;
		if (fstat(found, &st) != 0 || !S_ISREG(st.st_mode))
			err = EPROTO;
		else
			err = open_found(path, found, &st, access, fd);
		close(found);
	} while (err == SMQ_START_OVER);
	return err;
}

/*
 * Allocates the file's pages now, because a store into a page that a full /dev/shm cannot provide is SIGBUS. In steps,
 * because tmpfs undoes a call that a signal interrupts: under a fast timer one call for a gigabyte would never end.
 */
int smq_file_reserve(int fd, off_t from, off_t bytes)
{
	const off_t step = 4 << 20;

	for (off_t at = 0; at < bytes; at += step) {
		int err;

		do
			err = posix_fallocate(fd, from + at, bytes - at < step ? bytes - at : step);
		while (err == EINTR);
		switch (err) {
		case 0:
			break;
		case EINVAL: /* the file system cannot reserve space */
		case EOPNOTSUPP:
		case ENODEV:
		case ENOSYS: /* a sandbox */
		case EPERM:
			return EOPNOTSUPP;
		case EDQUOT:
			return ENOSPC;
		default:
			return err;
		}
	}
	return 0;
}

int smq_file_punch(int fd, off_t from, off_t bytes)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, bytes) == 0 ? 0 : errno;
}

int smq_file_open_directory(void)
{
	return smq_descriptor_keep(open(SMQ_DIRECTORY, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

bool smq_file_has_name(int directory, const char *path, int fd)
{
	struct stat named, opened;

	return fstatat(directory, path, &named, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &opened) == 0 &&
	       named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

/*
 * Is it a file of /dev/shm, with or without a name, or sealed against shrinking? The first could be truncated too, but
 * only by a process that may write to the queue anyway.
 */
static bool may_be_mapped(int fd)
{
	struct stat directory, st;
	int seals;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	if (stat(SMQ_DIRECTORY, &directory) == 0 && directory.st_dev == st.st_dev)
		return true;
	seals = fcntl(fd, F_GET_SEALS);
	return seals >= 0 && seals & F_SEAL_SHRINK;
}

int smq_file_reopen(int from, int access, int *fd)
{
	char path[SMQ_FDPATH_BYTES];
	int err;

	if (fcntl(from, F_GETFD) < 0)
		return EBADF;
	if (!may_be_mapped(from))
		return EPROTO;
	smq_fdpath(from, path);
	err = open_file(path, access | O_NONBLOCK, fd); /* NONBLOCK: do not wait for a file lease */
	return err == ENOENT ? EOPNOTSUPP : err;        /* no /proc */
}

int smq_file_reopen_own(int from, int access, int *fd)
{
	char path[SMQ_FDPATH_BYTES];

	smq_fdpath(from, path);
	return open_file(path, access | O_NONBLOCK, fd);
}
