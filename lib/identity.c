/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "identity.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "eventcount.h"
#include "shmemq.h"

#define ATTR_FLAGS (SHMEMQ_ATTR_TEMPORARY | SHMEMQ_ATTR_BROADCAST)

static uint32_t page_bytes(void)
{
	return (uint32_t)sysconf(_SC_PAGESIZE);
}

/* Bytes before the ring: pages. */
static uint32_t header_bytes(uint32_t flags)
{
	uint32_t page = page_bytes(), bytes = page;

	if (flags & SHMEMQ_ATTR_BROADCAST)
		bytes = SMQ_READERS_OFFSET + SMQ_READERS_MAX * (uint32_t)sizeof(struct smq_reader);
	return (bytes + page - 1) / page * page;
}

static bool is_power_of_two(uint64_t number)
{
	return number != 0 && (number & (number - 1)) == 0;
}

static bool is_alignment(uint32_t bytes)
{
	return is_power_of_two(bytes) && bytes >= SMQ_UNIT && bytes <= SMQ_ALIGNMENT_MAX;
}

/* Where a message fits in any case: see smq_extension_init(). */
static uint64_t least_capacity(uint32_t alignment, bool grows)
{
	return (grows ? 4 : 2) * (uint64_t)alignment;
}

/* If there is an extension: is it one that this library can keep? A broadcast queue does not grow yet. */
static bool extension_is_valid(const struct smq_identity *identity)
{
	if (identity->capacity_max == identity->capacity)
		return true;
	return is_power_of_two(identity->capacity_max) && identity->capacity_max > identity->capacity &&
	       identity->capacity_max <= SMQ_CAPACITY_MAX &&
	       identity->capacity >= least_capacity(identity->alignment, true) &&
	       (identity->flags & ~SHMEMQ_ATTR_TEMPORARY) == 0;
}

int smq_identity_make(const struct shmemq_attr *attr, struct smq_identity *identity)
{
	static const uint32_t no_reserved[sizeof attr->reserved / sizeof attr->reserved[0]];
	uint64_t wanted = attr->capacity != 0 ? attr->capacity : SMQ_CAPACITY_DEFAULT;
	uint32_t alignment = attr->alignment != 0 ? attr->alignment : SMQ_UNIT;

	if (wanted > SMQ_CAPACITY_MAX || attr->capacity_max > SMQ_CAPACITY_MAX || (attr->flags & ~ATTR_FLAGS) != 0 ||
	    memcmp(attr->reserved, no_reserved, sizeof no_reserved) != 0)
		return EINVAL;
	if (!is_alignment(alignment))
		return EINVAL;
	identity->capacity = page_bytes();
	while (identity->capacity < wanted ||
	       identity->capacity < least_capacity(alignment, attr->capacity_max > identity->capacity))
		identity->capacity *= 2;
	/* Of a smaller one the ring has no more than it has at rest. */
	identity->capacity_max = identity->capacity;
	while (identity->capacity_max < attr->capacity_max)
		identity->capacity_max *= 2;
	if (attr->capacity_max != 0 && attr->capacity_max < wanted)
		return EINVAL;
	identity->messages_max = attr->messages_max;
	identity->alignment = alignment;
	identity->flags = attr->flags;
	identity->header_bytes = header_bytes(attr->flags);
	memcpy(identity->user, attr->user, sizeof identity->user);
	return extension_is_valid(identity) ? 0 : EINVAL;
}

/* Reads the identity of any format version. Each word is read once, here; a queue never changes them. */
static int read_identity(int fd, struct smq_identity *identity, struct stat *st)
{
	if (fstat(fd, st) != 0 || !S_ISREG(st->st_mode) ||
	    pread(fd, identity, sizeof *identity, 0) != (ssize_t)sizeof *identity)
		return EPROTO;
	return identity->magic[0] == SMQ_MAGIC_0 && identity->magic[1] == SMQ_MAGIC_1 ? 0 : EPROTO;
}

int smq_identity_is_queue(int fd)
{
	struct smq_identity identity;
	struct stat st;

	return read_identity(fd, &identity, &st);
}

int smq_identity_read(int fd, struct smq_identity *identity)
{
	struct stat st;

	if (read_identity(fd, identity, &st) != 0)
		return EPROTO;
	if (identity->version != SMQ_VERSION || identity->mechanism != smq_mechanism ||
	    identity->header_bytes != header_bytes(identity->flags))
		return EPROTO;
	if (!is_power_of_two(identity->capacity) || identity->capacity < page_bytes() ||
	    identity->capacity > SMQ_CAPACITY_MAX)
		return EPROTO;
	if (!is_alignment(identity->alignment) || identity->capacity < 2 * identity->alignment)
		return EPROTO;
	/* What later libraries may make, and this one cannot keep. */
	if (!extension_is_valid(identity) || (identity->flags & ~ATTR_FLAGS) != 0)
		return EPROTO;
	if (st.st_size < (off_t)(identity->header_bytes + identity->capacity + smq_extension_length(identity)))
		return EPROTO; /* truncated: its pages would be SIGBUS */
	return 0;
}
