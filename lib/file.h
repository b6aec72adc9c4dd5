/* SPDX-License-Identifier: MIT */
/* The file of a queue: its path, how it is opened, its memory. */
#ifndef SMQ_FILE_H
#define SMQ_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#define SMQ_DIRECTORY  "/dev/shm"
#define SMQ_NAME_MAX   255 /* bytes after the slash: the limit of a file name */
#define SMQ_PATH_BYTES (sizeof SMQ_DIRECTORY + SMQ_NAME_MAX + 1)

/* The name refers to another object than it did when this one was opened. Never passed to the library's callers. */
#define SMQ_START_OVER (-1)

/* Those that return an int return 0 or an errno: the ones listed, and what open(2) or mmap(2) add. */

/* "/foo" to "/dev/shm/foo". EINVAL, ENAMETOOLONG. */
int smq_file_path(const char *name, char path[SMQ_PATH_BYTES]);

/* Opens the file at `path` with `access`, O_RDWR or O_RDONLY. EPROTO for what cannot be a queue's file, untouched. */
int smq_file_open(const char *path, int access, int *fd);

/*
 * Opens what `from` has open once more, so that `*fd` has a description of its own, whose locks conflict with those of
 * every other handle. EBADF; EPROTO for what cannot be a queue's file: it must be a regular file of /dev/shm, or sealed
 * against shrinking. EOPNOTSUPP: no /proc.
 */
int smq_file_reopen(int from, int access, int *fd);

/*
 * The same for a queue that this library has open already: without checks, since a sandbox may refuse any system call
 * but open(2). ENOENT: no /proc.
 */
int smq_file_reopen_own(int from, int access, int *fd);

/* Allocate, and give back, memory of an open queue. 0 or errno: ENOSPC, or why it cannot be done at all. */
int smq_file_reserve(int fd, off_t from, off_t bytes);
int smq_file_punch(int fd, off_t from, off_t bytes);

/* Opens /dev/shm, where names are. -1: not to be had. */
int smq_file_open_directory(void);

/* Does `path`, if relative then below `directory`, refer to what `fd` has open? */
bool smq_file_has_name(int directory, const char *path, int fd);

#endif
