/* SPDX-License-Identifier: MIT */
/* The mapping of a queue: the header page, the ring twice, and the extension twice. */
#ifndef SMQ_MAPPING_H
#define SMQ_MAPPING_H

#include <stdbool.h>

#include "format.h"

/* Those that return an int return 0, EACCES, ENOMEM or EOPNOTSUPP. */

/*
 * Maps the header page and the ring, and the ring once more after it; then likewise the extension, if there is one.
 * `writes_ring`: false for a consumer, which then cannot write there. The mapping keeps fd's locks; forked children do
 * not get it.
 */
int smq_mapping_make(int fd, const struct smq_identity *identity, bool writes_ring, void **map);
/* `extension`: its bytes, once; 0: there is none. */
void smq_mapping_unmap(void *map, uint32_t header_bytes, uint64_t capacity, uint64_t extension);

/* Maps the pages of the header and the ring, so that no access takes a page fault. As far as that is possible. */
void smq_mapping_prefault(void *map, uint32_t header_bytes, uint64_t capacity, bool writes_ring);

#endif
