/* SPDX-License-Identifier: MIT */
/* shmemq_mapping(): where a handle's process has the ring mapped. */
#include "config.h"

#include "call.h"

int shmemq_mapping(struct shmemq *q, struct iovec *parts)
{
	const struct smq_ring *ring;
	uint64_t capacity, extension;

	if (!smq_in_process(q))
		return smq_refuse(q, SMQ_ROLES);
	if (q->observer)
		return smq_fail(EBADF);
	if (parts == NULL)
		return smq_fail(EINVAL);
	ring = smq_first_ring(q);
	capacity = smq_capacity(q);
	extension = smq_extension_bytes(q);
	/* Both copies: a record that wraps goes on in the second. The extension is mapped after them (mapping.h). */
	parts[0] = (struct iovec){ .iov_base = ring->records, .iov_len = 2 * (size_t)capacity };
	if (extension == 0)
		return 1;
	parts[1] = (struct iovec){ .iov_base = (unsigned char *)ring->records + 2 * capacity,
				   .iov_len = 2 * (size_t)extension };
	return 2;
}
