/* SPDX-License-Identifier: MIT */
/* The queue as an object: its name, its creation, its identity. */
#ifndef SMQ_OBJECT_H
#define SMQ_OBJECT_H

#include <stdbool.h>
#include <sys/types.h>

#include "format.h"

struct shmemq_attr;

#define SMQ_DIRECTORY  "/dev/shm"
#define SMQ_NAME_MAX   255 /* bytes after the slash: the limit of a file name */
#define SMQ_PATH_BYTES (sizeof SMQ_DIRECTORY + SMQ_NAME_MAX + 1)

/* The name refers to another object than it did when this one was opened. Never passed to the library's callers. */
#define SMQ_START_OVER (-1)

/* Those that return an int return 0 or an errno: the ones listed, and what open(2) or mmap(2) add. */

/* "/foo" to "/dev/shm/foo". EINVAL, ENAMETOOLONG. */
int smq_object_path(const char *name, char path[SMQ_PATH_BYTES]);

/* Opens the file at `path` with `access`, O_RDWR or O_RDONLY. EPROTO for what cannot be a queue's file, untouched. */
int smq_object_open(const char *path, int access, int *fd);

/*
 * Opens what `from` has open once more, so that `*fd` has a description of its own, whose locks conflict with those of
 * every other handle. EBADF; EPROTO for what cannot be a queue's file: it must be a regular file of /dev/shm, or sealed
 * against shrinking. EOPNOTSUPP: no /proc.
 */
int smq_object_reopen(int from, int access, int *fd);

/*
 * The same for a queue that this library has open already: without checks, since a sandbox may refuse any system call
 * but open(2). ENOENT: no /proc.
 */
int smq_object_reopen_own(int from, int access, int *fd);

/* Builds a complete queue without a name, sealed. `*fd`: its memfd. */
int smq_object_memfd(const struct shmemq_attr *attr, int *fd);

/*
 * Builds a complete queue without a name, then links it to `path`. EEXIST: the name is taken, and nothing is left.
 * `*fd` stays open on the queue, for a caller that then fails and has to remove it.
 */
int smq_object_create(const char *path, mode_t mode, const struct shmemq_attr *attr, int *fd);

/* Allocate, and give back, memory of an open queue. 0 or errno: ENOSPC, or why it cannot be done at all. */
int smq_object_reserve(int fd, off_t from, off_t bytes);
int smq_object_punch(int fd, off_t from, off_t bytes);

/* Reads and checks what makes a file a queue of this format version, mechanism and page size. EPROTO. */
int smq_object_identify(int fd, struct smq_identity *identity);

/* Is it a queue of any format version? EPROTO. */
int smq_object_is_queue(int fd);

/* Has neither end been claimed since creation? Under the init lock. */
bool smq_object_unclaimed(int fd);

/* Opens /dev/shm, where names are. -1: not to be had. */
int smq_object_open_directory(void);

/* Does `path`, if relative then below `directory`, refer to what `fd` has open? */
bool smq_object_has_name(int directory, const char *path, int fd);

#endif
