/* SPDX-License-Identifier: MIT */
/* The queue as an object: its name, its creation, its identity, its mapping. */
#ifndef SMQ_OBJECT_H
#define SMQ_OBJECT_H

#include <stdbool.h>
#include <sys/types.h>

#include "format.h"

struct shmemq_attr;

#define SMQ_DIRECTORY    "/dev/shm"
#define SMQ_NAME_MAX     255 /* bytes behind the slash: a file name's limit */
#define SMQ_PATH_BYTES   (sizeof SMQ_DIRECTORY + SMQ_NAME_MAX + 1)
#define SMQ_FDPATH_BYTES (sizeof "/proc/self/fd/" + 3 * sizeof(int))

/* The name has come to mean another object while this one was opened. No errno of this value leaves the library. */
#define SMQ_START_OVER (-1)

/* All of these return 0 or an errno. */

/* "/foo" to "/dev/shm/foo". EINVAL, ENAMETOOLONG. */
int smq_object_path(const char *name, char path[SMQ_PATH_BYTES]);

/* Opens what bears the name: O_RDWR or O_RDONLY. EPROTO for what cannot be a queue's file. */
int smq_object_open(const char *path, int access, int *fd);

/*
 * Opens what `from` has open once more: a description of one's own, which locks against all others. EBADF; EPROTO for
 * what cannot be a queue's file, or could shrink: a memfd must be sealed against that. EOPNOTSUPP: no /proc.
 */
int smq_object_reopen(int from, int access, int *fd);

/* The same of a queue's own descriptor, to read and write, with one system call: a sandbox may refuse it. */
int smq_object_reopen_own(int from, int *fd);

/* The path under which whatever `fd` has open can be opened, or watched, once more. */
void smq_fdpath(int fd, char path[SMQ_FDPATH_BYTES]);

/* Builds a whole queue without a name, sealed. `*fd`: its memfd. */
int smq_object_memfd(const struct shmemq_attr *attr, int *fd);

/*
 * Builds a whole queue without a name, then gives it `path`. EEXIST: the name is taken, nothing is left. `*fd`
 * stays open on the queue: a caller that then fails takes it back.
 */
int smq_object_create(const char *path, mode_t mode, const struct shmemq_attr *attr, int *fd);

/* Reads and checks what makes a file a queue of this format, mechanism and page size. EPROTO. */
int smq_object_identify(int fd, struct smq_identity *identity);

/* Is it a queue of whatever version? EPROTO. */
int smq_object_is_queue(int fd);

/* Has no end been claimed since creation? Under the init lock. */
bool smq_object_unclaimed(int fd);

/* Is `fd` (still) what bears the name? */
bool smq_object_has_name(const char *path, int fd);

/* Maps header page and ring, and the ring once more behind it; not for children. The mapping holds fd's locks. */
int smq_object_map(int fd, const struct smq_identity *identity, void **map);
void smq_object_unmap(void *map, uint32_t header_bytes, uint32_t capacity);

/* Maps the header page to read. */
int smq_object_map_header(int fd, const struct smq_identity *identity, void **map);

#endif
