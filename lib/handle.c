/* SPDX-License-Identifier: MIT */
/* The handle's descriptors: they may have been closed by the program, and their numbers be those of other files. */
#include "config.h"

#include "handle.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cancel.h"
#include "descriptor.h"
#include "file.h"
#include "process.h"
#include "shmemq.h"

void smq_handle_set_fd(struct shmemq *q, int fd)
{
	struct stat st;

	smq_descriptor_mark(fd, q);
	q->fd = fd;
	q->inode = fstat(fd, &st) == 0 ? (uint32_t)st.st_ino : 0;
}

/*
 * Is it the handle's queue? Its random number tells, because inode numbers are not unique: another file system may be
 * mounted on /dev/shm by now.
 */
static bool is_same_queue(const struct shmemq *q, int fd)
{
	uint64_t expected = q->observer ? q->observed_id : q->header->identity.id, id;

	return pread(fd, &id, sizeof id, offsetof(struct smq_header, identity.id)) == (ssize_t)sizeof id &&
	       id == expected;
}

/* Opens the queue by its name again, if the name still refers to it. */
static void open_by_name(struct shmemq *q)
{
	struct stat st;
	int fd;

	/* Not opened without need: the close would raise pollers. */
	if (q->path[0] == '\0' || lstat(q->path, &st) != 0 || (uint32_t)st.st_ino != q->inode)
		return;
	q->forks = smq_process_forks();
	if (smq_file_open(q->path, q->observer ? O_RDONLY : O_RDWR, &fd) != 0)
		return;
	if (is_same_queue(q, fd))
		smq_handle_set_fd(q, fd);
	else
		close(fd);
}

int smq_fd(struct shmemq *q)
{
	int cancel;

	if (smq_descriptor_is_marked(q->fd, q))
		return q->fd;
	cancel = smq_cancel_disable();
	/* A program that has closed one has closed all of them. */
	q->fd = q->directory = -1;
	if (q->pollable != NULL)
		smq_pollable_forget(q->pollable);
	open_by_name(q);
	smq_cancel_restore(cancel);
	return q->fd;
}

int smq_handle_directory(const struct shmemq *q)
{
	struct stat directory, st;

	/* No descriptor of O_PATH has an offset for a mark. A program that has such a one itself, of this very file
	 * system's, and under this number, is not told apart. */
	if (q->directory >= 0 && (fcntl(q->directory, F_GETFL) & O_PATH) && fstat(q->directory, &directory) == 0 &&
	    S_ISDIR(directory.st_mode) && fstat(q->fd, &st) == 0 && directory.st_dev == st.st_dev)
		return q->directory;
	return -1;
}

void smq_handle_close_fds(struct shmemq *q)
{
	bool open = smq_descriptor_is_marked(q->fd, q);

	if (q->pollable != NULL) {
		if (!open)
			smq_pollable_forget(q->pollable);
		smq_pollable_close(q->pollable);
	}
	if (open) {
		if (smq_handle_directory(q) >= 0)
			close(q->directory);
		close(q->fd);
	}
	free(q->pollable);
}

bool smq_handle_make_pollable(struct shmemq *q)
{
	if (q->pollable == NULL && (q->pollable = calloc(1, sizeof *q->pollable)) != NULL)
		smq_pollable_forget(q->pollable);
	return q->pollable != NULL;
}

void smq_handle_free_pollable(struct shmemq *q)
{
	if (q->pollable != NULL && smq_pollable_is_forgotten(q->pollable)) {
		free(q->pollable);
		q->pollable = NULL;
	}
}

void smq_handle_free_more(struct shmemq *q)
{
	if (q->more != NULL)
		free(q->more->follow);
	free(q->more);
	q->more = NULL;
}
