/* SPDX-License-Identifier: MIT */
/* The queue as an object: its name, its creation, its identity, its mapping. */
#ifndef SMQ_SEGMENT_H
#define SMQ_SEGMENT_H

#include <stdbool.h>
#include <sys/types.h>

#include "layout.h"

struct shmemq_attr;

#define SMQ_DIRECTORY  "/dev/shm"
#define SMQ_NAME_MAX   255 /* bytes behind the slash: a file name's limit */
#define SMQ_PATH_BYTES (sizeof SMQ_DIRECTORY + SMQ_NAME_MAX + 1)
#define SMQ_SELF_BYTES (sizeof "/proc/self/fd/" + 3 * sizeof(int))

/* The name has come to mean another object while this one was opened. No errno of this value leaves the library. */
#define SMQ_START_OVER (-1)

/* All of these return 0 or an errno. */

/* "/foo" to "/dev/shm/foo". EINVAL, ENAMETOOLONG. */
int smq_segment_path(const char *name, char path[SMQ_PATH_BYTES]);

/* Opens what bears the name: O_RDWR or O_RDONLY. EPROTO for what cannot be a queue's file. */
int smq_segment_open(const char *path, int access, int *fd);

/*
 * Opens what `from` has open once more: a description of one's own, which locks against all others. EBADF; EPROTO for
 * what cannot be a queue's file, or could shrink: a memfd must be sealed against that. EOPNOTSUPP: no /proc.
 */
int smq_segment_reopen(int from, int access, int *fd);

/* The same of a queue's own descriptor, to read and write, with one system call: a sandbox may refuse it. */
int smq_segment_again(int from, int *fd);

/* The path under which whatever `fd` has open can be opened, or watched, once more. */
void smq_segment_self(int fd, char path[SMQ_SELF_BYTES]);

/* Builds a whole queue without a name, sealed. `*fd`: its memfd. */
int smq_segment_memfd(const struct shmemq_attr *attr, int *fd);

/*
 * Builds a whole queue without a name, then gives it `path`. EEXIST: the name is taken, nothing is left. `*fd`
 * stays open on the queue: a caller that then fails takes it back.
 */
int smq_segment_create(const char *path, mode_t mode, const struct shmemq_attr *attr, int *fd);

/* Reads and checks what makes a file a queue of this format, mechanism and page size. EPROTO. */
int smq_segment_identify(int fd, struct smq_identity *identity);

/* Is it a queue of whatever version? EPROTO. */
int smq_segment_is_queue(int fd);

/* Has no end been claimed since creation? Under the init lock. */
bool smq_segment_unclaimed(int fd);

/* Is `fd` (still) what bears the name? */
bool smq_segment_named(const char *path, int fd);

/* Maps header page and ring, and the ring once more behind it; not for children. The mapping holds fd's locks. */
int smq_segment_map(int fd, const struct smq_identity *identity, void **map);
void smq_segment_unmap(void *map, uint32_t header_bytes, uint32_t capacity);

/* Maps the header page to read. */
int smq_segment_map_header(int fd, const struct smq_identity *identity, void **map);

#endif
